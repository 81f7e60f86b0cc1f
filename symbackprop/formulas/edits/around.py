"""What an edit may put in: names, letters, sizes and functions that occur around a link, and how the author writes a transpose."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.links import Link, free_letters
from symbackprop.formulas.notation.references import atoms, primes
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, operands, parts, rebuilt
from symbackprop.language.latex import nodes as n

DERIVED = (n.Leibniz, n.Operator, n.Differential)
MOST_NAMES, MOST_PIECES = 24, 24


@dataclass(frozen=True, eq=False)
class Change:
    """A part of a side and what stands there instead."""

    side: n.Node
    old: n.Node
    new: n.Node


@dataclass(frozen=True, eq=False)
class Edit:
    """An edit of a side, what kind it is, and how far it lies from what was written."""

    change: n.Node | Change
    kind: str
    cost: float

    @property
    def tree(self) -> n.Node:
        """The edited side."""
        change = self.change
        return change if isinstance(change, n.Node) else rebuilt(change.side, lambda p: change.new if p is change.old else None)


@dataclass(frozen=True)
class Around:
    """What occurs around a link. `rank` is the number of axes of a tree, None where it has no value; `ratio` what the right side misses
    as a factor, where that is a constant; `sizes` are the names of sizes with their values."""

    letters: tuple[str, ...]
    indices: frozenset[str]
    names: tuple[n.Name, ...]
    functions: tuple[n.Name, ...]
    pieces: tuple[n.Node, ...]
    sizes: tuple[tuple[n.Node, int], ...]
    transpose: n.Name
    indicator: n.Indicator | None
    rank: Callable[[n.Node], int | None]
    ratio: float | None = None
    exponents: tuple[n.Node, ...] = ()

    def constants(self) -> Iterator[tuple[n.Node, float]]:
        """Factors that are easily forgotten, with their values: numbers, and sizes."""
        for top, bottom in ((1, 2), (2, 1), (1, 3), (3, 1), (1, 4), (4, 1)):
            yield number(Fraction(top, bottom)), top / bottom
        for size, value in self.sizes:
            yield n.Fraction(n.Number("1"), size), 1 / value
            yield size, value
            yield n.Fraction(n.Number("2"), size), 2 / value
            yield n.Fraction(n.Number("1"), n.Juxtaposition((n.Number("2"), size))), 0.5 / value
            yield n.Fraction(n.Number("1"), n.Root(size)), value**-0.5
            yield n.Root(size), value**0.5


def around(
    link: Link,
    context: Context,
    sizes: Sequence[tuple[str, int]],
    indices: frozenset[str],
    rank: Callable[[n.Node], int | None],
    ratio: float | None,
) -> Around:
    """Collect what occurs around a link."""
    rights = [s.body for s in context.statements]
    trees = [link.right, link.left, *rights, *(d.name for d in context.declared)]
    if context.continues is not None:
        trees.append(context.continues)
    names: dict[str, n.Name] = {}
    functions: dict[str, n.Name] = {}
    marks: list[n.Name] = []
    for tree in trees:
        heads = {
            id(p.factors[k]) for p in operands(tree) if isinstance(p, n.Juxtaposition) for k, b in enumerate(p.factors[1:]) if bracketed(b)
        }
        for p in operands(tree):
            if isinstance(p, n.Name):
                marks += [
                    i
                    for s in p.scripts
                    if s.mark == "^"
                    for item in s.items
                    for i in parts(item)
                    if isinstance(i, n.Name) and i.id in ("T", r"\top", r"\intercal")
                ]
                if primes(p.scripts):
                    functions.setdefault(base_of(p), without_primes(p))
                elif id(p) in heads and rank(p) is None:
                    functions.setdefault(base_of(p), p)
                elif p.style != "operatorname" and p.id != "e":
                    names.setdefault(flat(bare(p)), bare(p))
            if isinstance(p, n.Call):
                functions.setdefault(base_of(p.function), replace(p.function, scripts=()))
    known = dict(sizes)
    sized: list[tuple[n.Node, int]] = [(n.Name(key), size) for key, size in sizes if not set(key) & set("#_^")]
    axes = {flat(a): a for d in context.declared for axis in d.axes for a in parts(axis) if isinstance(a, n.Name) and a.scripts}
    sized += [(tree, known[key]) for key, tree in axes.items() if key in known]
    indicator = next((p for t in trees for p in parts(t) if isinstance(p, n.Indicator)), None)
    letters = tuple(dict.fromkeys(free_letters((link.left,), indices) + free_letters((link.right,), indices)))
    pieces = tuple(found_pieces(link, trees))[:MOST_PIECES]
    mark = marks[0] if marks else n.Name(r"\top")
    return Around(
        letters, indices, tuple(names.values())[:MOST_NAMES], tuple(functions.values()), pieces, tuple(sized), mark, indicator, rank, ratio
    )


def found_pieces(link: Link, trees: Sequence[n.Node]) -> Iterator[n.Node]:
    """Larger things that occur: functions of arguments, with a prime too, derivatives, and the objective derived by what equations give."""
    seen = {flat(link.left)}
    for tree in trees:
        for p in operands(tree):
            made: list[n.Node] = []
            if isinstance(p, n.Juxtaposition):
                for head, behind in zip(p.factors, p.factors[1:], strict=False):
                    if isinstance(head, n.Name) and isinstance(behind, n.Bracket) and len(behind.items) == 1:
                        made.append(n.Juxtaposition((head, behind)))
                        if not primes(head.scripts):
                            made.append(n.Juxtaposition((primed(head), behind)))
            elif isinstance(p, n.Bracket) and p.open in ("(", "[") and len(p.items) == 1 and isinstance(p.items[0], n.Sum):
                made.append(n.Bracket("(", p.items, (), ")"))
            elif (isinstance(p, n.Call | n.Leibniz) and getattr(p, "of", True) is not None) or (
                isinstance(p, n.Name) and p.id == "e" and p.scripts
            ):
                made.append(p)
            for x in made:
                if flat(x) not in seen:
                    seen.add(flat(x))
                    yield x
    left = link.left
    if isinstance(left, n.Leibniz) and left.scripts and left.by and isinstance(left.by[0], n.Name):
        yield replace(left, scripts=(), by=(bare(left.by[0]),))
    if isinstance(left, n.Leibniz) and len(left.by) == 1:
        for tree in trees:
            if isinstance(tree, n.Chain) and isinstance(tree.sides[0], n.Name):
                made_by = replace(left, by=(tree.sides[0],))
                if flat(made_by) not in seen:
                    seen.add(flat(made_by))
                    yield made_by


def _exponents() -> tuple[n.Node, ...]:
    """Exponents other than 2 that are easily forgotten: -1, 1/2, -1/2, -3/2."""
    half = n.Fraction(n.Number("1"), n.Number("2"))
    return (
        n.Sum((n.Number("1"),), ("-",)),
        half,
        n.Sum((half,), ("-",)),
        n.Sum((n.Fraction(n.Number("3"), n.Number("2")),), ("-",)),
    )


def number(value: Fraction) -> n.Node:
    """A positive fraction as a tree."""
    top = n.Number(str(value.numerator))
    return top if value.denominator == 1 else n.Fraction(top, n.Number(str(value.denominator)))


def bracketed(node: n.Node) -> bool:
    """Whether this may be the argument of a function."""
    return (isinstance(node, n.Bracket) and node.open in ("(", "[", r"\{")) or (isinstance(node, n.Scripted) and bracketed(node.of))


def primed(name: n.Name) -> n.Name:
    """A name with a prime, before what stands above it."""
    return replace(name, scripts=(n.Script("'"), *name.scripts))


def without_primes(name: n.Name) -> n.Name:
    """A name without its primes."""
    return replace(name, scripts=tuple(s for s in name.scripts if not s.mark.startswith("'")))


def is_transpose(item: n.Node) -> bool:
    """Whether what stands above is a transpose."""
    return isinstance(item, n.Name | n.Scripted) and flat(item) in TRANSPOSES and flat(item) != "t"


def bare(name: n.Name) -> n.Name:
    """A name without transposes and squares."""
    kept = []
    for s in name.scripts:
        if (
            s.mark == "^"
            and len(s.items) == 1
            and (is_transpose(s.items[0]) or (isinstance(s.items[0], n.Number) and name.id != "e" and len(atoms(name.scripts, "^")) == 1))
        ):
            continue
        kept.append(s)
    return replace(name, scripts=tuple(kept)) if len(kept) != len(name.scripts) else name


def grouped(node: n.Node) -> n.Node:
    """A node as one factor."""
    if isinstance(node, n.Sum | n.Product | n.Chain):
        return n.Bracket("(", (node,), (), ")")
    return node


def replaced(side: n.Node, old: n.Node, new: n.Node) -> Change:
    """The side with one part replaced, made when it is asked for."""
    return Change(side, old, new)


def walked(side: n.Node) -> Iterator[n.Node]:
    """Everything that has a value of its own; of derivatives what is derived, where that is an expression."""
    pending = [side]
    while pending:
        p = pending.pop(0)
        yield p
        if isinstance(p, DERIVED):
            if p.of is not None and any(isinstance(x, n.Sum | n.Big | n.Fraction) for x in parts(p.of)):
                pending = [p.of, *pending]
            continue
        inside = list(children(p))
        pending = inside + pending


def children(node: n.Node) -> Iterator[n.Node]:
    """The operands directly in a node; what stands above a bracket or e counts, other scripts do not."""
    for name in node.__dataclass_fields__:
        if name in ("span", "spaced") or (isinstance(node, n.Call) and name == "function"):
            continue
        value = getattr(node, name)
        if name == "scripts":
            exponent = isinstance(node, n.Scripted) or (isinstance(node, n.Name) and node.id == "e")
            value = tuple(i for s in value if s.mark == "^" for i in s.items) if exponent else ()
        yield from _direct(value)


def _direct(value: object) -> Iterator[n.Node]:
    if isinstance(value, n.Case | n.Condition):
        for name in value.__dataclass_fields__:
            if name != "span":
                yield from _direct(getattr(value, name))
    elif isinstance(value, n.Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _direct(item)
