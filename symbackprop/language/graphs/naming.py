"""Names of a module's tensors: its own, with _ for the dots, and as LaTeX W and b of a layer."""

import keyword
from collections.abc import Iterable

from symbackprop.calculus.index import IDENTIFIER
from symbackprop.language.tracing.naming import allowed, fresh

LETTERS = {"weight": "W", "bias": "b"}


def identifier(path: str, taken: set[str]) -> str:
    """A path as a name that nothing else has; it is taken then."""
    name = path.replace(".", "_")
    name = name if IDENTIFIER.match(name) and not keyword.iskeyword(name) else f"layer{name}"
    if not allowed(name, taken):
        return fresh(name, taken, taken)
    taken.add(name)
    return name


def latex(path: str, printed: Iterable[str]) -> str | None:
    """W^{fc1} for fc1.weight; None for what is no weight and no bias, and for what would print like another."""
    layer, _, leaf = path.rpartition(".")
    label, _, kind = leaf.rpartition("_")
    if kind not in LETTERS:
        return None
    made = LETTERS[kind]
    if label:
        made += f"_{{{_upright(label)}}}"
    if layer:
        made += f"^{{{_upright(layer)}}}"
    return None if made in printed else made


def _upright(text: str) -> str:
    kept = "".join(c for c in text if c.isascii() and c.isalnum())
    return kept if kept.isdigit() or len(kept) == 1 else rf"\mathrm{{{kept}}}"
