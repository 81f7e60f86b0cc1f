"""Laws of stable.py for powers and exponentials at their edges: y x^(y - 1) where y is 0, exp(z) / (exp(z) - 1), exp(z) exp(-exp(z))."""

from collections.abc import Callable
from itertools import permutations

from sympy import Add, Expr, Function, Mul, Pow, binomial, exp, log

from symbackprop.calculus.factors import less
from symbackprop.calculus.term import Entry
from symbackprop.ops.entrywise.elementwise import expm1

ScaledPower = Function("scaled_power")
"""c x^p, and 0 where c is 0: what y x^(y - 1) is where x and y are 0, since x^0 is 1 for all x."""
LogExpm1 = Function("log_expm1")
"""log(exp(x) - 1), where exp overflows."""
MOST = 4
"""The highest power of exp(z) - 1 that is multiplied out."""
Argument = Callable[[Expr, type[Function]], Expr | None]
"""The z of an expression, or of an entry by its equation, that is function(z)."""


def scaled_power(e: Mul) -> Expr | None:
    """y x^(y - 1), and what it has for derivatives, y (y - 1) x^(y - 2)."""
    for f in e.args:
        if isinstance(f, Pow) and f.exp.has(Entry) and not f.base.is_positive:
            scales = [g for g in e.args if g is not f and g.has(Entry) and (f.exp - g).is_Integer]
            if scales:
                return Mul(*[g for g in e.args if g is not f and g not in scales], ScaledPower(Mul(*scales), *f.args))
    return None


def log_expm1(e: log, argument: Argument) -> Expr | None:
    """log(exp(z) - 1)."""
    z = argument(e.args[0], expm1)
    return None if z is None else LogExpm1(z)


def over_expm1(e: Mul, argument: Argument) -> Expr | None:
    """exp(z) / (exp(z) - 1) = 1 / (1 - exp(-z)), term by term in a sum."""
    for f, g in permutations(e.args, 2):
        base, power = g.as_base_exp()
        z = argument(base, expm1)
        if z is None or not power.is_Integer or power > 0:
            continue
        if isinstance(f, Add) and any(_times(h, z, argument) for t in f.args for h in Mul.make_args(t)):
            return less(e, f, g) * Add(*[g * t for t in f.args])
        times = _times(f, z, argument)
        if times:
            shared = min(times, -power)
            return less(e, f, g) * (-expm1(-z)) ** -shared * exp((times - shared) * z) * base ** (power + shared)
    return None


def _times(f: Expr, z: Expr, argument: Argument) -> Expr | None:
    """The k > 0 of f = exp(k z)."""
    grown = argument(f, exp)
    times = None if grown is None else grown / z
    return times if times is not None and times.is_Integer and times > 0 else None


def twice_exponential(e: Mul, argument: Argument) -> Expr | None:
    """exp(z) exp(-exp(z)) = exp(z - exp(z)), term by term in a sum."""
    for f, g in permutations(e.args, 2):
        w = argument(g, exp)
        if w is None or not any(isinstance(a, exp) or argument(a, exp) is not None for a in w.atoms(exp, Entry)):
            continue
        base, power = f.as_base_exp()
        if (z := argument(f, exp)) is not None:
            return less(e, f, g) * exp(z + w)
        if isinstance(f, Add) and any(_grows(h, argument) for t in f.args for h in Mul.make_args(t)):
            return less(e, f, g) * Add(*[g * t for t in f.args])
        if (z := argument(base, expm1)) is not None and power.is_Integer and 0 < power <= MOST:
            k = int(power)
            return less(e, f, g) * Add(*[binomial(k, j) * (-1) ** (k - j) * exp(j * z + w) for j in range(k + 1)])
    return None


def _grows(f: Expr, argument: Argument) -> bool:
    base = f.as_base_exp()[0]
    return argument(f, exp) is not None or argument(base, expm1) is not None


OWN = (ScaledPower, LogExpm1)
