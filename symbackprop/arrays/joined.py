"""Blocks of a weight and its bias as one: a bias is the weight of an input that is 1.

Where a bias b lies after its weight W in the vector of parameters, both are one matrix there, [W; b], and a layer is [X, 1] [W; b]. So four
blocks of a Hessian that differ by the factor X alone are one block with [X, 1]. What of a block does not fit that is added to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, product

from sympy import Add, Expr, Function, KroneckerDelta, Mul, S

from symbackprop.calculus.canonical import relabelled
from symbackprop.calculus.index import Index
from symbackprop.calculus.normal import proved_equal
from symbackprop.calculus.program import Call, Equation, Program, Tensor, name_of
from symbackprop.calculus.term import Entry, Total, entries, indices_of

WITH_ONES = "with_ones"
"""The call that puts ones after the last entries along an axis."""

Group = tuple[str, ...]
"""A parameter, or a weight and its bias."""


@dataclass(frozen=True)
class Piece:
    """What is written into the part of a matrix at the rows and columns of neighbouring parameters: the tensor `name`.

    The first `order` of the part's `axes` are its rows. `pattern`: of what is added along a diagonal of the part, for each of its axes an
    axis of the tensor; () where the part is set.
    """

    name: str
    rows: Group
    columns: Group
    axes: tuple[Expr, ...]
    order: int
    pattern: tuple[int, ...] = ()


def groups(program: Program, names: Sequence[str]) -> list[Group]:
    """`names` in order, a matrix and a vector after it that could be its bias together."""
    made: list[Group] = []
    for name in names:
        last = program.tensors[made[-1][0]].axes if made and len(made[-1]) == 1 else ()
        if len(last) == 2 and program.tensors[name].axes == last[1:]:
            made[-1] = (*made[-1], name)
        else:
            made.append((name,))
    return made


def pieces(program: Program, blocks: Mapping[tuple[str, str], str], among: Sequence[Group]) -> tuple[Program, list[Piece]]:
    """What makes up the matrix of `blocks` on and above its diagonal, and the program that it is computed by."""
    joiner, made = _Joiner(program, blocks), []
    for k, rows in enumerate(among):
        for columns in among[k:]:
            found = joiner.joined(rows, columns) if len(rows) + len(columns) > 2 else None
            made += found or [_block(program, pair, blocks[pair]) for pair in product(rows, columns) if pair in blocks]
    return joiner.program, made


def _block(program: Program, pair: tuple[str, str], name: str) -> Piece:
    a, b = pair
    return Piece(name, (a,), (b,), program.tensors[name].axes, len(program.tensors[a].axes))


@dataclass
class _Joiner:
    """Joins blocks, two groups at a time; what a joined block is made of is added to the program."""

    program: Program
    blocks: Mapping[tuple[str, str], str]
    extended: dict[tuple[str, int], str] = field(default_factory=dict)

    def joined(self, rows: Group, columns: Group) -> list[Piece] | None:
        """The blocks of two groups as few pieces, the one that is set first; None where they are no blocks of a weight and a bias."""
        main = self.program[self.blocks[rows[0], columns[0]]]
        places = (0, len(self.program.tensors[rows[0]].axes))
        growing = {k: main.indices[places[k]] for k, group in enumerate((rows, columns)) if len(group) > 1}
        common = {
            (a, b): (*main.indices[a != rows[0] : places[1]], *main.indices[places[1] + (b != columns[0]) :])
            for a, b in product(rows, columns)
            if (a, b) in self.blocks
        }
        left = {pair: self.terms(pair, common[pair]) for pair in common}
        whole = tuple(growing)
        choices = [whole, ()] if rows == columns else _subsets(whole)  # below the diagonal nothing is derived
        found: dict[tuple[int, ...], list[Expr]] = {}
        for term in left.pop((rows[0], columns[0])):
            for sides in choices:
                parts = {(rows[0 in part], columns[1 in part]): part for part in _subsets(sides) if part}
                rests = {pair: _without(term, {growing[k] for k in part}) for pair, part in parts.items() if pair in left}
                met = {pair: _same(rest, left[pair]) for pair, rest in rests.items()}
                if None not in met.values():
                    for pair, same in met.items():
                        left[pair].remove(same)
                    found.setdefault(sides, []).append(term)
                    break
        if whole not in found:
            return None
        made = [self.piece(rows, columns, main.indices, {growing[k] for k in whole}, found.pop(whole), is_whole=True)]
        for sides, terms in found.items():
            groups = (rows if 0 in sides else rows[:1], columns if 1 in sides else columns[:1])
            made.append(self.piece(*groups, main.indices, {growing[k] for k in sides}, terms))
        return made + [self.piece(pair[:1], pair[1:], common[pair], set(), terms) for pair, terms in left.items() if terms]

    def terms(self, pair: tuple[str, str], indices: Sequence[Index]) -> list[Expr]:
        """The terms of a block, in these indices."""
        e = self.program[self.blocks[pair]]
        terms = Add.make_args(e.at(indices))
        return [relabelled(part) for t in terms for part in _parted(t) if t != 0]

    def piece(
        self, rows: Group, columns: Group, indices: Sequence[Index], growing: set[Index], terms: Sequence[Expr], is_whole: bool = False
    ) -> Piece:
        """The sum of `terms`, in which the indices `growing` run over the bias too."""
        new = {i: Index(i.name, i.axis + 1) for i in growing}
        rhs = Add(*terms).xreplace({x: self.grown(x, new) for t in terms for x in _grow(t, growing)})
        indices = tuple(new.get(i, i) for i in indices)
        equal: dict[Index, Index] = {}
        while not is_whole and (found := [f for f in Mul.make_args(rhs) if isinstance(f, KroneckerDelta) and set(f.args) <= set(indices)]):
            first, second = sorted(found[0].args, key=indices.index)
            rhs = rhs.xreplace({found[0]: S.One}).xreplace({second: first})
            equal = {second: first, **{k: first if i == second else i for k, i in equal.items()}}
        kept = tuple(i for i in indices if i not in equal)
        called = f"H_{''.join(rows)}_{''.join(columns)}"
        tensor = Tensor(self.program.fresh_name(called if is_whole else f"{called}_added"), tuple(i.axis for i in kept), role="adjoint")
        self.program = self.program.extended([Equation(tensor, kept, relabelled(rhs))])
        pattern = () if is_whole else tuple(kept.index(equal.get(i, i)) for i in indices)
        return Piece(tensor.name, rows, columns, tuple(i.axis for i in indices), len(self.program.tensors[rows[0]].axes), pattern)

    def grown(self, x: Expr, new: Mapping[Index, Index]) -> Entry:
        """The entry of a tensor, or a function of it, with ones beside it, along the axes of the indices that grow."""
        if not isinstance(x, Entry):
            (argument,) = entries(x)
            x = Entry(self.named(x, argument), *argument.indices)
        name = x.name
        for place, i in enumerate(x.indices):
            if i in new:
                name = self.with_ones(name, place)
        return Entry(name, *[new.get(i, i) for i in x.indices])

    def with_ones(self, name: str, place: int) -> str:
        """The tensor `name` with ones after its last entry along an axis."""
        if (name, place) not in self.extended:
            own = self.program.tensors[name]
            axes = tuple(a + 1 if k == place else a for k, a in enumerate(own.axes))
            made = Tensor(self.program.fresh_name(f"{name}_1"), axes, role="part")
            self.program = self.program.extended([Equation(made, made.indices, Call(WITH_ONES, (name,), (("axis", place),)))])
            self.extended[name, place] = made.name
        return self.extended[name, place]

    def named(self, x: Expr, argument: Entry) -> str:
        """The tensor that holds a function of another one."""
        made = replace(self.program.tensors[argument.name], role="part", facts=(), latex=None, derivative=(), orders=())
        rhs = x.xreplace({argument: argument.func(argument.name, *made.indices)})
        known = name_of(rhs, made.indices, self.program.equations)
        if known is None:
            known = self.program.fresh_name(f"{type(x).__name__}_{argument.name}")
            self.program = self.program.extended([Equation(replace(made, name=known), made.indices, rhs)])
        return known


def _subsets(sides: Iterable[int]) -> list[tuple[int, ...]]:
    """All choices among one side or two, the largest first."""
    held = tuple(sides)
    return [c for size in range(len(held), -1, -1) for c in combinations(held, size)]


def _parted(term: Expr) -> list[Expr]:
    """A product with a sum in it, of terms along a diagonal and others, as two products."""
    factors = Mul.make_args(term)
    for k, f in enumerate(factors):
        along = [t for t in Add.make_args(f) if any(isinstance(g, KroneckerDelta) for g in Mul.make_args(t))]
        if isinstance(f, Add) and 0 < len(along) < len(f.args):
            parts = (Add(*along), Add(*[t for t in f.args if t not in along]))
            return [Mul(*factors[:k], part, *factors[k + 1 :]) for part in parts]
    return [term]


def _grow(e: Expr, growing: set[Index]) -> list[Expr]:
    """The entries in `e`, or functions of one entry, that have one of these indices, as it stands."""
    if not growing & indices_of(e):
        return []
    inner = entries(e) if isinstance(e, Function) else {e} if isinstance(e, Entry) else ()
    if len(inner) == 1 and not e.has(Total):
        (x,) = inner
        return [e] if all(i in growing or not growing & indices_of(i) for i in x.indices) else []
    return [x for a in e.args for x in _grow(a, growing)]


def _without(term: Expr, growing: set[Index]) -> Expr | None:
    """`term` with 1 for all that has one of these indices; None if it cannot be taken out."""
    rest = term.xreplace(dict.fromkeys(_grow(term, growing), S.One))
    return None if growing & indices_of(rest) else relabelled(rest)


def _same(e: Expr | None, among: Sequence[Expr]) -> Expr | None:
    """The one that `e` equals."""
    if e is None or e in among:
        return e
    return next((other for other in among if proved_equal(e, other)), None)
