"""Products with an inverse as solutions of linear systems: inv(A) @ B is solve(A, B), and inv(A).T @ B is solve(A.T, B).

That costs a third of the inverse and is as exact as the matrix lets it be. Where the inverse itself is wanted, as in the gradient of
log det A, it is there for the products too.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Expr, Mul

from symbackprop.calculus.canonical import relabelled
from symbackprop.calculus.contract import Product, flat, narrowed
from symbackprop.calculus.index import Index
from symbackprop.calculus.laws import NO_FACTS
from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.calculus.term import Entry, Total, indices_of, is_guard, rename_bound, tensor_names
from symbackprop.calculus.workbench import Workbench, at_own

MOST_SYSTEMS = 3
"""Systems to solve with one matrix; more cost more than its inverse."""


def without_inverses(program: Program, equations: Sequence[Equation], outputs: Container[str]) -> list[Equation]:
    """`equations`, with no inverse that only products ask for."""
    made = list(equations)
    for e in equations:
        if isinstance(e.rhs, Call) and e.rhs.op == "inv" and len(e.tensor.axes) == 2 and e.name not in outputs:
            made = _Solver(program, made, e).rewritten() or made
    return made


class _NoSystemError(Exception):
    """The inverse itself is wanted."""


@dataclass
class _Solver:
    """One inverse on its way out of the equations."""

    program: Program
    equations: Sequence[Equation]
    inverse: Equation

    def __post_init__(self) -> None:
        self.bench = Workbench(self.program, others=self.equations)

    @property
    def systems(self) -> int:
        """How many more systems are to be solved."""
        return _systems(self.bench.equations) - _systems(self.equations)

    def rewritten(self) -> list[Equation] | None:
        """The equations without the inverse; None where it is wanted itself, or cheaper."""
        try:
            for e in self.equations:
                if e.name == self.inverse.name:
                    continue
                if self.inverse.name in e.uses():
                    if isinstance(e.rhs, Call):
                        return None
                    e = replace(e, rhs=self.said(rename_bound(e.rhs)))
                self.bench.equations.append(e)
        except _NoSystemError:
            return None
        return self.bench.equations if self.systems <= MOST_SYSTEMS else None

    def said(self, e: Expr) -> Expr:
        """`e` without the inverse."""
        if self.inverse.name not in tensor_names(e):
            return e
        if isinstance(e, Add):
            return Add(*[self.said(a) for a in e.args])
        if not isinstance(e, Mul | Total):
            raise _NoSystemError
        product = flat(e)
        for f in product.factors:
            if isinstance(f, Entry) and f.name == self.inverse.name:
                others = list(product.factors)
                others.remove(f)
                return self.said(narrowed(self.solved(f, Product(others, product.bound)), NO_FACTS, set()))
        raise _NoSystemError

    def solved(self, f: Entry, others: Product) -> Product:
        """The product of an entry of the inverse and `others`, with an entry of a solution instead."""
        i, j = f.indices
        found = [way for way in (self.way(i, j, others, True), self.way(j, i, others, False)) if way is not None]
        if not found:
            raise _NoSystemError
        chosen, free, summed, kept, turned = min(found, key=lambda way: (len(way[1]), len(way[0])))
        beside = [g for g in others.factors if g not in chosen]
        guards = [g for g in beside if is_guard(g) and indices_of(g) <= set(free)] if self.strays(chosen) else []
        side = self.right_side([*chosen, *guards], summed, free)
        call = Call("solve", (self.matrix(turned), side))
        solution = self.bench.made(f"{call.arguments[0]}_solve", (self.inverse.tensor.axes[0], *[k.axis for k in free]), call).name
        rest = beside if self.strays(beside) else [g for g in beside if g not in guards]
        inside = {k for g in chosen for k in indices_of(g)} - set(free)
        return Product([*rest, Entry(solution, kept, *free)], others.bound - inside)

    def way(self, summed: Expr, kept: Expr, others: Product, turned: bool) -> tuple | None:
        """The factors that make a right side, summed over the index `summed` of the inverse, and the one index they keep at most; or None.

        All that hangs on the index, if that is a vector; else its neighbours, if they are a matrix; else all that hangs on it.
        """
        if not (isinstance(summed, Index) and isinstance(kept, Index) and summed in others.bound and summed != kept):
            return None
        if summed.axis != self.inverse.tensor.axes[0]:
            return None  # a slice of the inverse
        near = [g for g in others.factors if g.has(summed)]
        chosen = list(near)
        inner = {k for g in near for k in indices_of(g)} & others.bound
        while more := [g for g in others.factors if g not in chosen and indices_of(g) & inner]:
            chosen += more
            inner |= {k for g in more for k in indices_of(g)} & others.bound
        for group, most, gone in ((chosen, 0, inner), (near, 1, {summed}), (chosen, 1, inner)):
            held = {k for g in group for k in indices_of(g)}
            if group and kept not in held and len(held - gone) <= most:
                return group, sorted(held - gone, key=lambda k: k.name), summed, kept, turned
        return None

    def right_side(self, factors: Sequence[Expr], row: Index, columns: Sequence[Index]) -> str:
        """The name of the tensor of the product of `factors`, its first axis that of `row`."""
        indices = (row, *columns)
        name = f"{self.matrix(False)}_rhs"
        axes = tuple(k.axis for k in indices)
        if len(factors) == 1 and isinstance(factors[0], Entry):
            if factors[0].indices == indices and self.bench.tensor(factors[0].name).axes == axes and factors[0].name != self.inverse.name:
                return factors[0].name
            if factors[0].indices == indices[::-1]:
                name = f"{factors[0].name}_T"
        inner = {k for f in factors for k in indices_of(f)} - set(indices)
        value = self.said(narrowed(Product(list(factors), inner), NO_FACTS, set()))
        return self.bench.made(name, axes, at_own(value, indices)).name

    def strays(self, factors: Iterable[Expr]) -> bool:
        """Whether an entry among the factors may be out of range, where a guard beside it is 0: beside an index, or of a shorter axis."""
        entries = [a for f in factors for a in f.atoms(Entry)]
        return any(
            not isinstance(k, Index) or k.axis != size
            for a in entries
            for k, size in zip(a.indices, self.bench.tensor(a.name).axes, strict=True)
        )

    def matrix(self, turned: bool) -> str:
        """The name of the matrix, or of its transpose."""
        (name,) = self.inverse.rhs.arguments
        if not turned or _is_symmetric(next((e for e in self.equations if e.name == name), None)):
            return name
        i, j = self.inverse.tensor.indices
        return self.bench.made(f"{name}_T", self.inverse.tensor.axes, Entry(name, j, i)).name


def _is_symmetric(e: Equation | None) -> bool:
    """Whether a matrix is symmetric by its equation, as X^T X is."""
    return e is not None and isinstance(e.rhs, Expr) and relabelled(e.at(e.indices[::-1])) == relabelled(e.rhs)


def _systems(equations: Iterable[Equation]) -> int:
    """How many systems the equations solve."""
    return sum(isinstance(e.rhs, Call) and e.rhs.op == "solve" for e in equations)
