"""Partial derivatives of right sides.

d T[e1, e2] / d T[k, l] = delta(e1, k) delta(e2, l); what an entry's derivative is multiplied by comes from `derivative`.
"""

from dataclasses import dataclass

from sympy import Add, Dummy, Expr, Function, KroneckerDelta, Mul, Pow, exp, log, nan, oo, zoo

from symbackprop.calculus.contract import contract
from symbackprop.calculus.index import Index
from symbackprop.calculus.signs import UNKNOWN, Signs, is_squares
from symbackprop.calculus.term import Entry, Positive, Total, delta, rename_bound
from symbackprop.derivation.scalar import derivative
from symbackprop.derivation.smooth import keeps_own, smoothed
from symbackprop.derivation.turns import at_zero
from symbackprop.errors import NotDifferentiableError


@dataclass(frozen=True)
class Partial:
    """coefficient * d T[indices], summed over bound: one occurrence of the tensor in a right side."""

    coefficient: Expr
    indices: tuple[Expr, ...]
    bound: tuple[Index, ...]

    def at(self, target: tuple[Index, ...]) -> Expr:
        """The derivative by T[target]: the coefficient times deltas, summed."""
        deltas = [delta(a, b) for a, b in zip(self.indices, target, strict=True)]
        return Total(Mul(self.coefficient, *deltas), *self.bound)


def partials(e: Expr, name: str, signs: Signs = UNKNOWN) -> list[Partial]:
    """The derivatives of `e` by every occurrence of the tensor `name`; their sum is the total derivative.

    `signs` says which tensors are sums of squares, whose roots have the derivative 0 at 0.
    """
    return _partials(rename_bound(e), name, signs)


def _partials(e: Expr, name: str, signs: Signs) -> list[Partial]:
    if not any(a.name == name for a in e.atoms(Entry)):
        return []
    if not e.has(Total):
        return _scalar_partials(e, name, signs)
    if isinstance(e, Add):
        return [p for a in e.args for p in _partials(a, name, signs)]
    if isinstance(e, Total):
        return [Partial(p.coefficient, p.indices, (*p.bound, *e.indices)) for p in _partials(e.body, name, signs)]
    if isinstance(e, Pow) and e.exp.is_Integer and e.exp > 0:
        outer = e.exp * rename_bound(e.base) ** (e.exp - 1)
        return [Partial(outer * p.coefficient, p.indices, p.bound) for p in _partials(e.base, name, signs)]
    if isinstance(e, Mul):
        found = []
        for k, a in enumerate(e.args):
            others = e.args[:k] + e.args[k + 1 :]
            found += [Partial(Mul(p.coefficient, *others), p.indices, p.bound) for p in _partials(a, name, signs)]
        return found
    raise NotDifferentiableError(f"a sum stands inside {type(e).__name__}", notes=[str(e)], fix="give the sum an equation of its own")


def _scalar_partials(e: Expr, name: str, signs: Signs) -> list[Partial]:
    found = []
    for a in sorted((a for a in e.atoms(Entry) if a.name == name), key=str):
        x = Dummy("x", real=True)
        slope = derivative(e.xreplace({a: x}), x).xreplace({x: a})
        if slope.has(x):
            raise NotDifferentiableError(f"SymPy has no derivative of {e} by {a}")
        if slope != 0:
            # SymPy's product rule leaves (1 / s - x / s^2) s in a term of a sum; what is done to the whole later does not look inside it.
            slope = Add(*[contract(t) for t in Add.make_args(_at_zero(slope, e, signs))])
            slope = smoothed(slope, keeps_own(e, signs), signs)
            found.append(Partial(slope, a.indices, ()))
    return found


def _at_zero(slope: Expr, e: Expr, signs: Signs) -> Expr:
    """`slope`, the derivative of `e`, with the convention that a root of a sum of squares has the derivative 0 where it is 0, as |x| has.

    Not where `e` itself has no value there: x / |x|, log |x|.
    """
    roots = [
        p for p in slope.atoms(Pow) if p.exp.is_Rational and p.exp.is_negative and (isinstance(p.base, Function) or not p.exp.is_Integer)
    ]
    roots = [p for p in roots if is_squares(p.base, signs) and not at_zero(e, p.base).has(nan, oo, zoo)]
    return slope.xreplace({p: p * Positive(p.base) for p in roots})


def in_own_output(e: Expr, rhs: Expr | None, output: Entry) -> Expr:
    """`e`, a local derivative, with the value of the equation output = rhs named where it occurs: tanh(z) is the output itself."""
    if rhs is None or rhs.has(Total):
        return e
    if isinstance(rhs, exp) or (isinstance(rhs, Function) and not isinstance(rhs, KroneckerDelta)):
        return e.xreplace({rhs: output})
    if isinstance(rhs, Pow) and not rhs.exp.is_Integer and not (e.has(log(rhs.base)) and rhs.base.has(Entry)):  # x^y log(x) is 0 at 0
        return e.replace(Positive, lambda z: Positive(output) if z == rhs.base else Positive(z)).replace(
            lambda q: isinstance(q, Pow) and q.base == rhs.base and (q.exp / rhs.exp).is_Integer,
            lambda q: output ** (q.exp / rhs.exp),
        )
    return e
