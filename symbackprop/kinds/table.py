"""The table of kinds, and what is read from it: words, sections of a page, offers of a module, verdicts."""

from collections.abc import Iterable, Sequence
from types import ModuleType

from symbackprop.derivation.reverse import Derived
from symbackprop.errors import SpecError, SymbackpropError, TargetError, nearest
from symbackprop.kinds import curvature, layer, output, partial, samples, second
from symbackprop.kinds.kind import First, Kind
from symbackprop.modules.module import Offer
from symbackprop.pages.beyond import Section
from symbackprop.verification.second import check_extras
from symbackprop.verification.verdict import Report

ROOMS = (second, curvature, samples, partial, output, layer)
KINDS: dict[str, Kind] = {kind.name: kind for kind in (*[kind for room in ROOMS for kind in room.KINDS], second.OBJECTIVE)}
"""The word that asks for it -> its record, in the order in which pages tell of them and modules offer them."""


def on_pages() -> list[str]:
    """The words that a page can have."""
    return [name for name, kind in KINDS.items() if kind.derive]


def in_modules() -> list[str]:
    """The words that a module can have."""
    return [name for name, kind in KINDS.items() if kind.offer]


def sections(first: First, words: Sequence[str]) -> list[Section]:
    """What a page tells of some kinds. Raises SpecError for another word."""
    _known(words, on_pages(), SpecError, "page")
    return [s for name, kind in KINDS.items() if name in words and kind.derive for s in kind.derive(first).sections]


def offers(words: Sequence[str]) -> dict[str, Offer]:
    """What a module offers of some kinds, and of those that they need. Raises TargetError for another word."""
    _known(words, in_modules(), TargetError, "module")
    asked = {*words, *[n for word in words if (offer := KINDS[word].offer) for n in offer.needs]}
    return {name: kind.offer for name, kind in KINDS.items() if name in asked and kind.offer}


def verify_more(derived: Derived, module: ModuleType, words: Sequence[str], seed: int = 0) -> Report:
    """Verdicts on what `module` offers beyond the gradient."""
    rows = [v for name, kind in KINDS.items() if name in words for v in kind.verdicts(derived, module, seed)]
    return Report((*rows, *check_extras(module, words, seed)))


def _known(words: Iterable[str], known: Sequence[str], error: type[SymbackpropError], what: str) -> None:
    """Raise `error` for a word that is not known."""
    for word in words:
        if word not in known:
            near = ", ".join(nearest(word, known) or known)
            raise error(f"'{word}' is nothing that a {what} can have", place="--with", fix=f"one of {near}")
