"""Running products by recurrence: of n numbers n steps, where their equations speak of n products of n numbers.

cumprod(x)_i is the product over j of a table T_ij = x_j for j <= i, else 1. Its derivative is that of all products, sum over i >= k of g_i
times the product of the x_j, j <= i, but x_k: what comes before k, times a sum that is had from its successor, S_k = g_k + x_(k+1) S_(k+1).
Nothing is divided by, so zeros are no matter.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Expr, Mul, S, expand_mul

from symbackprop.calculus.contract import Product, flat, narrowed
from symbackprop.calculus.index import Index, fresh
from symbackprop.calculus.laws import NO_FACTS
from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, indices_of, rename_bound
from symbackprop.calculus.workbench import Workbench, at_own


def with_running_products(program: Program, equations: Sequence[Equation], outputs: Container[str]) -> list[Equation]:
    """`equations`, with running products, and what pulls a slope back through them, in place of tables of all their factors."""
    made = list(equations)
    for e in equations:
        if isinstance(e.rhs, Expr) and (entry := _running(e)) is not None:
            made = _Running(program, made, e, entry, outputs).rewritten()
    return made


def _running(e: Equation) -> Expr | None:
    """The x_j of a table x_j [i - j >= 0] + [j - i > 0], i and j its last two indices; None if it is no such table."""
    if len(e.indices) < 2 or not isinstance(e.rhs, Add) or len(e.rhs.args) != 2:
        return None
    *_, i, j = e.indices
    rest, kept = Positive(j - i), NonNegative(i - j)
    (other,) = [t for t in e.rhs.args if t != rest] if rest in e.rhs.args else (S.One,)
    factors = Mul.make_args(other)
    entry = Mul(*[f for f in factors if f != kept])
    return entry if kept in factors and not entry.has(i, Total) and entry.has(j) else None


@dataclass
class _Running:
    """One table on its way out of the equations."""

    program: Program
    equations: list[Equation]
    table: Equation
    entry: Expr
    outputs: Container[str]

    def __post_init__(self) -> None:
        self.bench = Workbench(self.program, others=self.equations)

    def rewritten(self) -> list[Equation]:
        """The equations without what the table is for: its products, and its products but one where these are summed."""
        axis = len(self.table.indices) - 1
        others = self.call_of("prod_others", (("axis", axis), ("order", 1)))
        for e in self.equations if others is None else self.with_scales_in_place(others):
            if e.rhs == Call("prod", (self.table.name,), (("axis", axis),)):
                e = replace(e, rhs=Call("cumprod", (self.factors(),)))
            elif others is not None and isinstance(e.rhs, Expr) and others.name in e.uses():
                e = replace(e, rhs=Add(*[self.pulled(t, others) for t in Add.make_args(e.rhs)]))
            self.bench.equations.append(e)
        return self.bench.equations

    def call_of(self, op: str, options: tuple) -> Equation | None:
        """The equation of a call on the table."""
        return next((e for e in self.equations if e.rhs == Call(op, (self.table.name,), options)), None)

    def with_scales_in_place(self, others: Equation) -> list[Equation]:
        """The equations, with those that scale the products but one put in place where they are used."""
        scales = {e.name: e for e in self.equations if isinstance(e.rhs, Expr) and others.name in e.uses() and not e.rhs.has(Total)}
        scales = {name: e for name, e in scales.items() if name not in self.outputs and not isinstance(e.rhs, Add)}
        made = []
        for e in self.equations:
            if isinstance(e.rhs, Expr) and scales.keys() & e.uses():
                e = replace(e, rhs=e.rhs.xreplace({a: scales[a.name].at(a.indices) for a in e.rhs.atoms(Entry) if a.name in scales}))
            if e.name not in scales or any(e.name in d.rhs.arguments for d in self.equations if isinstance(d.rhs, Call)):
                made.append(e)
        return made

    def factors(self) -> str:
        """The name of the tensor of the numbers that are multiplied, along its last axis."""
        *front, _, j = self.table.indices
        indices = (*front, j)
        return self.bench.made(f"{self.table.name}_factors", [k.axis for k in indices], at_own(self.entry, indices)).name

    def pulled(self, term: Expr, others: Equation) -> Expr:
        """A sum over i of g_i [i >= k] (the product of all up to i but k), by the recurrence; as it is if it is no such sum."""
        product = flat(rename_bound(term))
        held = [f for f in product.factors if any(a.name == others.name for a in f.atoms(Entry))]
        (p,) = held if len(held) == 1 else (None,)
        if not isinstance(p, Entry):
            return term
        *front, i, k = p.indices
        if i not in product.bound or k in product.bound or not isinstance(k, Index) or NonNegative(i - k) not in product.factors:
            return term
        rest = [f for f in product.factors if f not in (p, NonNegative(i - k))]
        along = {i}
        while more := {j for f in rest if indices_of(f) & along for j in indices_of(f) & product.bound} - along:
            along |= more
        mine = [f for f in rest if indices_of(f) & along]
        if (
            any(f.has(k) for f in mine)
            or len(set(front)) < len(front)
            or not all(isinstance(j, Index) for j in front)
            or set(front) & along
        ):
            return term
        # A place beyond the table has a guard of its own among the others.
        own = {j: j if j.axis == a else fresh(a) for j, a in zip((*front, i), others.tensor.axes, strict=False)}
        if own[i] != i or k.axis != i.axis or any(expand_mul(j.axis - new.axis).is_negative is not False for j, new in own.items()):
            return term
        free = tuple(sorted({j for f in mine for j in indices_of(f)} - along - set(front), key=lambda j: j.name))
        mine_there = [f.xreplace(own) for f in mine]
        axes = (*free, *(own[j] for j in front), i)
        value = narrowed(Product(mine_there, along - {i}), NO_FACTS, set())
        factors = self.factors()
        slope = self.bench.new(f"{self.table.name}_slope", [j.axis for j in axes], at_own(value, axes))
        pulled = self.bench.new(f"{self.table.name}_pulled", slope.axes, Call("cumprod_pullback", (factors, slope.name)))
        rest = [f for f in rest if f not in mine]
        return narrowed(Product([*rest, Entry(pulled.name, *free, *front, k)], product.bound - along), NO_FACTS, set())
