"""Names with scripts: which parts are labels, which are indices, and which tensor with which component is meant.

W^{l+1}_{jk} under l = 2 asks for W with 3 above and (j, k) below. A pattern, such as the W^l of a declaration or of the left side of an
equation, says which scripts belong to the name; what is left over are components below, and powers or transposes above.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from symbackprop.formulas.notation.trees import flat, plain
from symbackprop.language.latex import nodes as n

OPENS = ("(", "[", r"\{", r"\langle")
ENTRYWISE = (r"\odot", r"\circ")
"""Before an exponent, these make a power entry by entry."""


@dataclass(frozen=True)
class Atom:
    """One thing in a script: an index, a label, a number, an expression; `bracket` stood around it."""

    tree: n.Node
    bracket: str = ""

    @property
    def text(self) -> str:
        """What it says."""
        return flat(self.tree)


def atoms(scripts: Iterable[n.Script], mark: str) -> list[Atom]:
    """The atoms of all scripts of a kind, "_" or "^"."""
    return [a for s in scripts if s.mark == mark for item in s.items for a in _atoms(item)]


def _atoms(item: n.Node) -> list[Atom]:
    inside = entrywise(item)
    if inside is not None:
        return [Atom(inside, ENTRYWISE[0])]
    if isinstance(item, n.Juxtaposition):
        return [a for f in item.factors for a in _atoms(f)]
    if isinstance(item, n.Bracket) and item.open in OPENS:
        return [Atom(i, item.open) for i in item.items]
    if isinstance(item, n.Scripted) and isinstance(item.of, n.Bracket):
        return _atoms(item.of) + atoms(item.scripts, "^")
    word = isinstance(item, n.Name) and len(item.id) > 1 and item.id[0] != "\\" and item.id.islower()
    if isinstance(item, n.Name) and word and (item.style not in ("mathrm", "operatorname") or item.id == "tr"):
        return [Atom(n.Name(c, span=item.span)) for c in item.id]
    return [Atom(item)]


def entrywise(item: n.Node) -> n.Node | None:
    r"""The exponent of a power entry by entry, as in A^{\odot 2} and A^{\circ(-1)}, or None for another script."""
    if isinstance(item, n.Juxtaposition) and len(item.factors) == 2 and isinstance(item.factors[0], n.Name):
        return plain(item.factors[1]) if item.factors[0].id in ENTRYWISE else None
    return None


def primes(scripts: Iterable[n.Script]) -> int:
    """How many primes."""
    return sum(len(s.mark) for s in scripts if s.mark.startswith("'"))


@dataclass(frozen=True)
class Slot:
    """A place in a pattern: an index with an offset (l + 1), a number, or a label."""

    bracket: str
    letter: str = ""
    offset: int = 0
    number: int | None = None
    label: str = ""


@dataclass(frozen=True)
class Pattern:
    """A name as it is declared or defined."""

    base: str
    below: tuple[Slot, ...]
    above: tuple[Slot, ...]

    @property
    def letters(self) -> tuple[str, ...]:
        """The indices in it, once each."""
        return tuple(dict.fromkeys(s.letter for s in (*self.above, *self.below) if s.letter))


def slot(atom: Atom, is_index: Callable[[str], bool]) -> Slot:
    """What an atom is in a pattern."""
    tree = atom.tree
    if isinstance(tree, n.Name) and all(s.mark.startswith("'") for s in tree.scripts) and is_index(flat(tree)):
        return Slot(atom.bracket, letter=flat(tree))
    if isinstance(tree, n.Number) and tree.text.isdigit():
        return Slot(atom.bracket, number=int(tree.text))
    if isinstance(tree, n.Sum) and len(tree.terms) == 2:
        first, second = tree.terms
        if (
            isinstance(first, n.Name)
            and not first.scripts
            and isinstance(second, n.Number)
            and second.text.isdigit()
            and is_index(first.id)
        ):
            return Slot(atom.bracket, letter=first.id, offset=int(second.text) * (1 if tree.signs[1] == "+" else -1))
    return Slot(atom.bracket, label=atom.text)


def pattern(base: str, scripts: Sequence[n.Script], is_index: Callable[[str], bool]) -> Pattern:
    """The pattern of a name on a left side or in a declaration."""
    below = tuple(slot(a, is_index) for a in atoms(scripts, "_"))
    above = tuple(slot(a, is_index) for a in atoms(scripts, "^"))
    return Pattern(base, below, above)


@dataclass(frozen=True)
class Position:
    """An atom under values of the indices: its number, if it is one, and its text. `letters`: the indices it was computed from."""

    bracket: str
    number: int | None
    text: str
    letters: frozenset[str] = frozenset()
    tree: n.Node | None = None


@dataclass(frozen=True)
class Match:
    """How a pattern fits: values of its indices, and the positions that are left."""

    bindings: tuple[tuple[str, int], ...]
    below: tuple[Position, ...]
    above: tuple[Position, ...]


def match(found: Pattern, below: Sequence[Position], above: Sequence[Position], strict: bool = True) -> Match | None:
    """Fit a pattern to positions; `strict`: brackets must be the same."""
    bindings: dict[str, int] = {}
    rest = _fit(found.below, below, bindings, strict)
    if rest is None:
        return None
    over = _fit(found.above, above, bindings, strict)
    return None if over is None else Match(tuple(sorted(bindings.items())), rest, over)


def _fit(slots: Sequence[Slot], positions: Sequence[Position], bindings: dict[str, int], strict: bool) -> tuple[Position, ...] | None:
    if len(positions) < len(slots):
        return None
    for place, given in zip(slots, positions, strict=False):
        if strict and place.bracket != given.bracket:
            return None
        if place.letter:
            if given.number is None or bindings.setdefault(place.letter, given.number - place.offset) != given.number - place.offset:
                return None
        elif place.number is not None:
            if given.number != place.number:
                return None
        elif place.label != given.text:
            return None
    return tuple(positions[len(slots) :])


def split_digits(positions: Sequence[Position]) -> tuple[Position, ...]:
    """11 below as 1 and 1."""
    made: list[Position] = []
    for p in positions:
        digits = isinstance(p.tree, n.Number) and p.text.isdigit() and len(p.text) > 1
        made += [Position(p.bracket, int(d), d, p.letters, p.tree) for d in p.text] if digits else [p]
    return tuple(made)
