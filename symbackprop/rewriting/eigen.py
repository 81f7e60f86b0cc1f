"""Divided differences of functions of eigenvalues, where two of these are equal.

Derivatives by eigenvectors are divided by differences of eigenvalues, V (G o (V^T dV)) V^T with G_ab = 1 / (l_a - l_b). Of what does not
depend on which eigenvectors there are, as of V f(l) V^T, the sum over a and b holds f(l_a) G_ab X_ab with X_ab = X_ba, which is half the
sum of (f(l_a) - f(l_b)) G_ab X_ab; and where l_a = l_b that difference divided by l_a - l_b is f'(l_a). What is no such difference has no
limit there, and the code gives nan. Source: Daleckii & Krein 1965.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Dummy, Expr, Mul, S

from symbackprop.calculus.canonical import labelled
from symbackprop.calculus.contract import Product, flat, narrowed
from symbackprop.calculus.index import Index, fresh
from symbackprop.calculus.laws import NO_FACTS
from symbackprop.calculus.normal import TooLargeError, expanded
from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.calculus.signs import gram_factor
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, delta, indices_of, rename_bound
from symbackprop.derivation.scalar import derivative
from symbackprop.derivation.turns import vanishes
from symbackprop.ops.entrywise.elementwise import absolute
from symbackprop.rewriting.guard import Where

EIGEN = ("eigvalsh", "eigenvectors", "eigenvalue_gaps", "distant_eigenvalue_gaps")
"""Calls of which A^T A and A A^T are no matrices like any other."""
GAPS, DISTANT = "eigenvalue_gaps", "distant_eigenvalue_gaps"
"""1 / (l_a - l_b), nan where both are equal; and nan where they are so near that their difference cancels."""


def with_differences(program: Program, equations: Sequence[Equation]) -> list[Equation]:
    """`equations`, with divided differences for what is divided by differences of eigenvalues and has a limit where they are equal."""
    gaps = {e.name: e for e in equations if isinstance(e.rhs, Call) and e.rhs.op == GAPS}
    if not gaps:
        return list(equations)
    known = {e.name: e for e in (*program.equations, *equations)}
    made: list[Equation] = []
    for e in equations:
        if isinstance(e.rhs, Expr):
            for gap in gaps.values():
                if gap.name in e.uses():
                    e = replace(e, rhs=_Divided(program, known, gap, made).said(e.rhs))
        if e.name not in {m.name for m in made}:
            made.append(e)
    return made


def of_factors(program: Program, equations: Sequence[Equation]) -> list[Equation]:
    """`equations`, with eigenvalues and eigenvectors of A^T A by the singular values of A: as exact as these, and never below 0."""
    known = {e.name: e for e in equations}
    made = []
    for e in equations:
        matrix = known.get(e.rhs.arguments[0]) if isinstance(e.rhs, Call) and e.rhs.op in EIGEN else None
        factor = gram_factor(matrix.rhs) if matrix is not None and isinstance(matrix.rhs, Expr) else None
        if matrix is not None and factor is not None and factor.name in (*known, *program.tensors):
            axes = (known[factor.name].tensor if factor.name in known else program.tensors[factor.name]).axes
            if tuple(i.axis for i in factor.indices if isinstance(i, Index)) == axes:
                across = factor.indices[0] in matrix.indices
                e = replace(e, rhs=Call(f"{e.rhs.op}_of_{'outer' if across else 'inner'}", (factor.name,)))
        made.append(e)
    return made


@dataclass
class _Divided:
    """The right sides that hold the gaps of one matrix on their way to divided differences."""

    program: Program
    known: Mapping[str, Equation]
    gaps: Equation
    made: list[Equation]

    def said(self, rhs: Expr) -> Expr:
        """A right side; as it is where it is too long to be multiplied out, or has gaps elsewhere than in sums over both indices."""
        size = self.gaps.tensor.axes[0]
        a, b = fresh(size), fresh(size)
        alike: dict[Expr, Expr] = {}
        others: list[Expr] = []
        for term in Add.make_args(rhs):
            found = self.taken(term, a, b)
            if found is None:
                others.append(term)
            else:
                even, odd = found
                alike[even] = alike.get(even, S.Zero) + odd
        try:
            return Add(*others, *[self.divided(even, odd, a, b) for even, odd in alike.items()])
        except TooLargeError:
            return rhs

    def taken(self, term: Expr, a: Index, b: Index) -> tuple[Expr, Expr] | None:
        """What a sum over a and b has beside G_ab: a factor that is the same for b and a, and the rest; None if it is no such sum."""
        product = flat(rename_bound(term))
        held = [f for f in product.factors if any(x.name == self.gaps.name for x in f.atoms(Entry))]
        (gap,) = held if len(held) == 1 else (None,)
        if not isinstance(gap, Entry) or not set(gap.indices) <= product.bound or len(set(gap.indices)) < 2:
            return None
        new = dict(zip(gap.indices, (a, b), strict=True))
        factors = [f.xreplace(new) for f in product.factors if f is not gap]
        even = [f for f in factors if f.xreplace({a: b, b: a}) == f]
        odd = [f for f in factors if f not in even]
        inner = product.bound - set(gap.indices)
        if any(f.has(i) for f in even for i in inner):
            even, odd = [], factors
        return Mul(*even), Total(Mul(*odd), *[i for i in inner if any(f.has(i) for f in odd)])

    def divided(self, even: Expr, odd: Expr, a: Index, b: Index) -> Expr:
        """The sum over a and b of G_ab `odd` `even`."""
        swap = {a: b, b: a}
        found: dict[Expr, Expr] = {}
        for term in Add.make_args(expanded(self.inlined(odd, a, b))):
            weight, rest = _parted(term, a, b)
            found[rest] = found.get(rest, S.Zero) + weight
        parts: list[Expr] = []
        seen: set[Expr] = set()
        for rest in sorted(found, key=str):
            other = _swapped(rest, swap)
            if rest not in seen:
                seen |= {rest, other}
                above = found[rest] - found.get(other, S.Zero).xreplace(swap)
                inner = flat(rest)
                weight = self.weight(above * (S.Half if other == rest else S.One), a, b)
                parts.append(narrowed(Product([weight, even, *inner.factors], {a, b} | inner.bound), NO_FACTS, set()))
        return Add(*parts)

    def inlined(self, e: Expr, a: Index, b: Index) -> Expr:
        """`e` with what lies along eigenvalues said in eigenvalues and eigenvectors."""
        while True:
            inner = [
                x
                for x in e.atoms(Entry)
                if {a, b} & set(x.indices) and (made := self.known.get(x.name)) is not None and isinstance(made.rhs, Expr)
            ]
            if not inner:
                return e
            e = e.xreplace({inner[0]: self.known[inner[0].name].at(inner[0].indices)})

    def weight(self, above: Expr, a: Index, b: Index) -> Expr:
        """`above` G_ab, which is 0 for a = b; its limit where the eigenvalues are near each other, if `above` is 0 where they are equal."""
        if above == 0:
            return S.Zero
        values = self.values()
        la, lb = Entry(values, a), Entry(values, b)
        gap, wide = Entry(self.gaps.name, a, b), Entry(self.call(DISTANT, self.gaps.tensor.axes), a, b)
        x, middle = Dummy("x", real=True), (la + lb) / 2
        slope = derivative(above.xreplace({la: x}), x).xreplace({x: middle, lb: middle, la: middle})
        same = above.xreplace({la: x, lb: x})
        if not vanishes(same):
            slope = Where(NonNegative(-absolute(same.xreplace({x: middle}))), slope, above * gap)
        return (1 - delta(a, b)) * Where(Positive(absolute(wide)), above * wide, slope)

    def values(self) -> str:
        """The name of the eigenvalues."""
        return self.call("eigvalsh", self.gaps.tensor.axes[:1])

    def call(self, op: str, axes: Sequence[Expr]) -> str:
        """The name of the tensor of a call on the same matrix: of one that is there before, or of a new one."""
        call = Call(op, self.gaps.rhs.arguments)
        found = next((e.name for e in self.made if e.rhs == call), None)
        if found is None:
            later = next((e.name for e in self.known.values() if e.rhs == call), None)
            taken = [*self.known, *[e.name for e in self.made]]
            tensor = Tensor(later or self.program.fresh_name(f"{call.arguments[0]}_{op}", taken), tuple(axes), role="helper")
            self.made.append(Equation(tensor, tensor.indices, call))
            found = tensor.name
        return found


def _parted(term: Expr, a: Index, b: Index) -> tuple[Expr, Expr]:
    """A product as what depends on one of two indices alone, and the rest."""
    product = flat(term)
    alone = [f for f in product.factors if indices_of(f) in ({a}, {b})]
    rest = [f for f in product.factors if f not in alone]
    return Mul(*alone), labelled(rest, product.bound) if product.bound else Mul(*rest)


def _swapped(rest: Expr, swap: Mapping[Expr, Expr]) -> Expr:
    product = flat(rest.xreplace(dict(swap)))
    return labelled(product.factors, product.bound) if product.bound else Mul(*product.factors)
