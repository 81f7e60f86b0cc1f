"""Derivatives of determinants without an inverse: det(A) inv(A)^T are the cofactors of A, which a singular matrix has too.

So is det(A) (inv(A)_ji inv(A)_lk - inv(A)_jk inv(A)_li), the second derivative, made of minors. Where every product with the inverse is of
this kind the inverse is not needed. Source: Jacobi 1841; of singular matrices by singular values, Stewart 1998, On the adjugate matrix.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Expr, Mul, Pow

from symbackprop.calculus.contract import Product, flat, narrowed
from symbackprop.calculus.laws import NO_FACTS
from symbackprop.calculus.normal import TooLargeError, expanded
from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.calculus.term import Entry, rename_bound, tensor_names
from symbackprop.calculus.workbench import Workbench


def with_cofactors(program: Program, equations: Sequence[Equation], outputs: Container[str]) -> list[Equation]:
    """`equations`, with cofactors for the products of a determinant and an inverse, where the inverse is needed for nothing else."""
    made = list(equations)
    for e in equations:
        if isinstance(e.rhs, Call) and e.rhs.op == "inv" and e.name not in outputs:
            det = Call("det", e.rhs.arguments)
            same = next((d for d in equations if d.rhs == det), None)
            made = _Cofactors(program, made, e, same).rewritten() or made if same is not None else made
    return made


class _NeededError(Exception):
    """The inverse itself is needed."""


@dataclass
class _Cofactors:
    """One inverse on its way out of the equations."""

    program: Program
    equations: Sequence[Equation]
    inverse: Equation
    determinant: Equation

    def __post_init__(self) -> None:
        self.bench = Workbench(self.program, others=self.equations)

    def rewritten(self) -> list[Equation] | None:
        """The equations without the inverse; None where it is needed."""
        try:
            for e in self.equations:
                if isinstance(e.rhs, Call) and self.inverse.name in e.uses():
                    return None
                if isinstance(e.rhs, Expr) and self.inverse.name in tensor_names(e.rhs):
                    e = replace(e, rhs=self.said(e.rhs))
                self.bench.equations.append(e)
        except (_NeededError, TooLargeError):
            return None
        return self.bench.equations

    def said(self, rhs: Expr) -> Expr:
        """A right side with cofactors."""
        made: list[Expr] = []
        left: list[tuple[Product, list[Entry]]] = []
        for term in Add.make_args(expanded(rhs)):
            if self.inverse.name not in tensor_names(term):
                made.append(term)
                continue
            product, inverses, power = self.taken(term)
            if power >= len(inverses):
                rest = [*product.factors, *[self.cofactor(*i.indices) for i in inverses], *self.power(inverses[0], power - len(inverses))]
                made.append(self.product(rest, product))
            elif len(inverses) == 2 and power == 1:
                left.append((product, inverses))
            else:
                raise _NeededError
        return Add(*made, *self.paired(left))

    def taken(self, term: Expr) -> tuple[Product, list[Entry], int]:
        """A product without the inverses and the determinant in it, these inverses, and the power of the determinant."""
        product = flat(rename_bound(term))
        inverses: list[Entry] = []
        others: list[Expr] = []
        power = 0
        for f in product.factors:
            base, exponent = f.as_base_exp()
            named = isinstance(base, Entry) and exponent.is_Integer and exponent > 0
            if named and base.name == self.inverse.name:
                inverses += [base] * int(exponent)
            elif named and base.name == self.determinant.name:
                power += int(exponent)
            elif self.inverse.name in tensor_names(f):
                raise _NeededError
            else:
                others.append(f)
        fronts = {i.indices[:-2] for i in inverses}
        if len(fronts) > 1:
            raise _NeededError
        return Product(others, product.bound), inverses, power

    def paired(self, left: list[tuple[Product, list[Entry]]]) -> list[Expr]:
        """The terms D inv_ba inv_dc X, each with its -D inv_da inv_bc X, as second derivatives of the determinant."""
        made: list[Expr] = []
        while left:
            product, (one, two) = left.pop()
            *front, b, a = one.indices
            *_, d, c = two.indices
            crossed = {(*front, d, a), (*front, b, c)}
            minus = Mul(*product.factors, -1)
            other = next((x for x in left if {i.indices for i in x[1]} == crossed and Mul(*x[0].factors) == minus), None)
            if other is None:
                raise _NeededError
            left.remove(other)
            second = Entry(self.call("second_cofactors", 4), *front, a, b, c, d)
            made.append(self.product([*product.factors, second], product))
        return made

    def product(self, factors: Sequence[Expr], product: Product) -> Expr:
        return narrowed(Product(list(factors), product.bound), NO_FACTS, set())

    def power(self, inverse: Entry, power: int) -> list[Expr]:
        return [Pow(Entry(self.determinant.name, *inverse.indices[:-2]), power)] if power else []

    def cofactor(self, *indices: Expr) -> Entry:
        """The derivative of the determinant that an entry of the inverse stands in: its indices the other way round."""
        *front, b, a = indices
        return Entry(self.call("cofactors", 2), *front, a, b)

    def call(self, op: str, rank: int) -> str:
        """The name of the tensor of a call on the matrix."""
        *front, size, _ = self.inverse.tensor.axes
        return self.bench.call(op, self.inverse.rhs.arguments, (*front, *[size] * rank)).name
