"""What a bracket multiplies, made finite where the bracket is 0.

[x > 0] log(x) is 0 for x <= 0, but in floating point 0 times nan is nan. So where the other factors may be infinite or undefined
under a bracket that is 0, they are evaluated at a safe argument there: [x > 0] log(where([x > 0], x, 1)). The bracket of a relu
multiplies nothing of the kind and stays a plain mask; [n > 0] / n, the slope of a norm, needs none: it is 1 / where([n > 0], n, inf).
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from sympy import Expr, Function, Integer, Mul, Pow, S, acos, asin, cosh, exp, log, sinh

from symbackprop.lower.stable import XLogY
from symbackprop.ops.elementwise import expm1, log1p, minimum
from symbackprop.program import Equation
from symbackprop.term import Entry, NonNegative, Positive, indices_of

Where = Function("where")
"""where(bracket, x, y): x where the bracket is 1, else y."""
SAFE: Mapping[type, Integer] = {log: S.One, **dict.fromkeys((exp, expm1, sinh, cosh, log1p, asin, acos, XLogY), S.Zero)}
"""Functions that overflow or are undefined somewhere, and an argument at which they are harmless."""


def guarded(equations: Sequence[Equation], finite: Container[str] = ()) -> list[Equation]:
    """The equations, with every factor beside a bracket on entries finite where that is 0.

    `finite`: tensors whose entries are finite, however their equations may look.
    """
    made: dict[str, Equation] = {}
    for e in equations:
        risky = {name: e for name, e in made.items() if name not in finite}
        made[e.name] = replace(e, rhs=_safe(e.rhs, risky)) if e.rhs is not None and e.rhs.has(Positive, NonNegative) else e
    return list(made.values())


def _safe(e: Expr, made: Mapping[str, Equation]) -> Expr:
    if not e.args or isinstance(e, Entry | Positive | NonNegative):
        return e
    if not isinstance(e, Mul):
        args = [_safe(a, made) for a in e.args]
        return e if all(a is b for a, b in zip(args, e.args, strict=True)) else e.func(*args)
    brackets = [f for f in e.args if isinstance(f, Positive | NonNegative) and f.has(Entry)]
    others = [_safe(f, made) for f in e.args if f not in brackets]
    for bracket in tuple(brackets):
        divided = _divided(others, bracket, made)
        if divided is not None:
            brackets, others = [b for b in brackets if b != bracket], divided
        else:
            others = [_under(f, bracket, made) for f in others]
    return Mul(*brackets, *others)


def _divided(factors: Sequence[Expr], bracket: Expr, made: Mapping[str, Equation]) -> list[Expr] | None:
    """The factors with infinity for the n of a bracket [n > 0] where they divide by it, if one of them does and no other is in danger."""
    (n,) = bracket.args

    def divides(p: Expr) -> bool:
        return isinstance(p, Pow) and p.base == n and p.exp.is_number and p.exp.is_negative

    harmless = [f.replace(divides, lambda p: S.One).xreplace({n: S.One}) for f in factors]
    if not isinstance(bracket, Positive) or not any(map(divides, factors)) or any(_under(f, bracket, made) != f for f in harmless):
        return None
    return [f.replace(divides, lambda p: Pow(Where(bracket, n, S.Infinity), p.exp)) for f in factors]


def _under(e: Expr, bracket: Expr, made: Mapping[str, Equation]) -> Expr:
    """`e` at safe arguments where `bracket` is 0."""
    if isinstance(e, Entry):
        return Where(bracket, e, S.Zero) if _is_risky(made.get(e.name)) else e
    if not e.args or isinstance(e, Positive | NonNegative | Where):
        return e
    args = [_under(a, bracket, made) for a in e.args]
    if isinstance(e, Pow):
        base, exponent = args
        return Pow(_where(bracket, base, S.One), exponent) if not _is_finite(e) else Pow(base, exponent)
    if type(e) in SAFE and not _is_finite(e) and not _is_bounded(e, bracket):
        return e.func(_where(bracket, args[0], SAFE[type(e)]), *args[1:])
    return e if all(a is b for a, b in zip(args, e.args, strict=True)) else e.func(*args)


def _where(bracket: Expr, x: Expr, safe: Expr) -> Expr:
    """`x` where the bracket is 1, `safe` elsewhere; below a bound of 0 the smaller of the two says it."""
    (condition,) = bracket.args
    if safe == 0 and (x / condition).is_negative:
        return minimum(x, S.Zero)
    return Where(bracket, x, safe)


def _is_finite(e: Expr) -> bool:
    """Whether a power or function is finite at every finite argument, or of sizes alone."""
    if not e.has(Entry) and not indices_of(e):
        return True
    if isinstance(e, Pow):
        base, exponent = e.args
        if exponent.is_Integer:
            return bool(exponent > 0 or base.is_nonzero)
        return bool(base.is_positive or (base.is_nonnegative and exponent.is_positive))
    x = e.args[0]
    if isinstance(e, log):
        return bool(x.is_positive)
    if isinstance(e, log1p):
        return bool(x.is_nonnegative)
    return isinstance(e, exp | expm1) and bool(x.is_nonpositive)


def _is_bounded(e: Expr, bracket: Expr) -> bool:
    """Whether exp(z) can't overflow where the bracket on c is 0: z grows with c, and c is not positive there."""
    if not isinstance(e, exp | expm1):
        return False
    ratio = (e.args[0] - e.args[0].as_coeff_Add()[0]) / bracket.args[0]
    return bool(ratio.is_number and ratio.is_nonnegative)


def _is_risky(e: Equation | None) -> bool:
    """Whether a tensor of the model may hold what is not finite."""
    if e is None or e.rhs is None or indices_of(e.rhs) - set(e.indices):
        return False
    return any(not _is_finite(f) for f in e.rhs.atoms(Pow, *SAFE))
