"""Exponentials as scalar expressions: what one is an exponential of, and sums and quotients of some by functions that do not overflow."""

from collections.abc import Sequence

from sympy import Add, Expr, Pow, S, cosh, erf, exp, expand_mul, log, sinh

from symbackprop.ops.entrywise.elementwise import expm1, sigmoid, softplus
from symbackprop.stability.stable import Erfc


def exponent(e: Expr) -> Expr | None:
    """The z of e = exp(z), or of e = b^x, whose z is x log(b)."""
    if isinstance(e, exp):
        return e.args[0]
    if isinstance(e, Pow) and e.base.is_number and e.base.is_positive and not e.exp.is_number:
        return e.exp * log(e.base)
    return None


def has_exponential(e: Expr) -> bool:
    """Whether there is an exponential in `e`, or a function that is made of some and overflows or vanishes as they do."""
    return e.has(exp, expm1, cosh, sinh, erf, Erfc) or any(exponent(p) is not None for p in e.atoms(Pow))


def logaddexp(terms: Sequence[tuple[Expr, Expr]]) -> Expr:
    """log of the sum of c exp(z), for pairs (c, z), c > 0."""
    first, *others = [z + log(c) for c, z in sorted(terms, key=lambda t: (t[1] != 0, str(t[1])))]
    for z in others:
        first = first + softplus(expand_mul(z - first) if first != 0 else z)
    return first


def by_sigmoids(growth: Expr) -> Expr:
    """exp(k d - m softplus(d)) = sigmoid(d)^k sigmoid(-d)^(m - k), and 1 / (2 cosh(d / 2)) for k = 1/2, m = 1."""
    rest, made = growth, S.One
    for term in Add.make_args(growth):
        times, f = term.as_coeff_Mul()
        if not isinstance(f, softplus) or not times.is_Integer or times > 0:
            continue
        (d,), m = f.args, -times
        others = rest - term
        if expand_mul(others - m * d / 2).is_number:
            rest, made = expand_mul(others - m * d / 2), made / (2 * cosh(d / 2)) ** m
            continue
        k = min(range(int(m) + 1), key=lambda k: (_length(expand_mul(others - k * d)), k))
        rest, made = expand_mul(others - k * d), made * sigmoid(d) ** k * sigmoid(-d) ** (m - k)
    return made * exp(rest) if rest.is_number else exp(growth)


def _length(e: Expr) -> int:
    return 0 if e.is_number else len(Add.make_args(e))
