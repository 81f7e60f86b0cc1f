"""Partial derivatives of right sides: the one place where SymPy's `diff` is called on a body.

d T[e1, e2] / d T[k, l] = delta(e1, k) delta(e2, l); what an entry's derivative is multiplied by comes from SymPy.
"""

from collections.abc import Container
from dataclasses import dataclass

from sympy import Add, Dummy, Expr, Function, KroneckerDelta, Mul, Pow, S, exp, nan, oo, powsimp, zoo

from symbackprop.contract import contract
from symbackprop.errors import NotDifferentiableError
from symbackprop.index import Index
from symbackprop.term import Entry, Positive, Total, delta, is_squares, rename_bound


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


def partials(e: Expr, name: str, squares: Container[str] = ()) -> list[Partial]:
    """The derivatives of `e` by every occurrence of the tensor `name`; their sum is the total derivative.

    `squares`: the tensors that are sums of squares, whose roots have the derivative 0 at 0.
    """
    return _partials(rename_bound(e), name, squares)


def _partials(e: Expr, name: str, squares: Container[str]) -> list[Partial]:
    if not any(a.name == name for a in e.atoms(Entry)):
        return []
    if not e.has(Total):
        return _scalar_partials(e, name, squares)
    if isinstance(e, Add):
        return [p for a in e.args for p in _partials(a, name, squares)]
    if isinstance(e, Total):
        return [Partial(p.coefficient, p.indices, (*p.bound, *e.indices)) for p in _partials(e.body, name, squares)]
    if isinstance(e, Pow) and e.exp.is_Integer and e.exp > 0:
        outer = e.exp * rename_bound(e.base) ** (e.exp - 1)
        return [Partial(outer * p.coefficient, p.indices, p.bound) for p in _partials(e.base, name, squares)]
    if isinstance(e, Mul):
        found = []
        for k, a in enumerate(e.args):
            others = e.args[:k] + e.args[k + 1 :]
            found += [Partial(Mul(p.coefficient, *others), p.indices, p.bound) for p in _partials(a, name, squares)]
        return found
    raise NotDifferentiableError(f"a sum stands inside {type(e).__name__}", notes=[str(e)], fix="give the sum an equation of its own")


def _scalar_partials(e: Expr, name: str, squares: Container[str]) -> list[Partial]:
    found = []
    for a in sorted((a for a in e.atoms(Entry) if a.name == name), key=str):
        x = Dummy("x", real=True)
        derivative = e.xreplace({a: x}).diff(x).xreplace({x: a})
        if any(not p.exp.is_number for p in e.atoms(Pow)):
            # SymPy says y x^y / x, which has no value at 0; y x^(y - 1) has.
            derivative = powsimp(derivative, combine="exp")
        if derivative.has(x):
            raise NotDifferentiableError(f"SymPy has no derivative of {e} by {a}")
        if derivative != 0:
            # SymPy's product rule leaves (1 / s - x / s^2) s in a term of a sum; what is done to the whole later does not look inside it.
            derivative = Add(*[contract(t) for t in Add.make_args(_at_zero(derivative, e, squares))])
            found.append(Partial(derivative, a.indices, ()))
    return found


def _at_zero(derivative: Expr, e: Expr, squares: Container[str]) -> Expr:
    """`derivative` of `e`, with the convention that a root of a sum of squares has the derivative 0 where all of them are 0, as |x| has.

    Not where `e` itself has no value there: x / |x|, log |x|.
    """
    roots = [p for p in derivative.atoms(Pow) if p.exp.is_Rational and not p.exp.is_Integer and p.exp.is_negative]
    roots = [p for p in roots if is_squares(p.base, squares) and not e.xreplace({p.base: S.Zero}).has(nan, oo, zoo)]
    return derivative.xreplace({p: p * Positive(p.base) for p in roots})


def in_own_output(e: Expr, rhs: Expr | None, output: Entry) -> Expr:
    """`e`, a local derivative, with the value of the equation output = rhs named where it occurs: tanh(z) is the output itself."""
    if rhs is None or rhs.has(Total):
        return e
    if isinstance(rhs, exp) or (isinstance(rhs, Function) and not isinstance(rhs, KroneckerDelta)):
        return e.xreplace({rhs: output})
    if isinstance(rhs, Pow) and not rhs.exp.is_Integer:
        condition = Positive(rhs.base)
        named = e.xreplace({condition: Positive(output)}) if isinstance(condition, Positive) else e  # 1 where the base is positive anyway
        return named.replace(
            lambda q: isinstance(q, Pow) and q.base == rhs.base and (q.exp / rhs.exp).is_Integer,
            lambda q: output ** (q.exp / rhs.exp),
        )
    return e
