"""The derivative of a scalar expression by one symbol."""

from sympy import Add, Expr, Function, Mul, Pow, S, Symbol, log


def derivative(e: Expr, x: Symbol) -> Expr:
    """d e / dx by sum, product and chain rule.

    The derivative of a power is p b^(p - 1) db. SymPy says b^p p / b db, which has no value at b = 0, and of (-x)^(1/2) it makes
    (-x)^(1/2) / (2 x).
    """
    if e == x:
        return S.One
    if x not in e.free_symbols:
        return S.Zero
    if isinstance(e, Add):
        return Add(*[derivative(a, x) for a in e.args])
    if isinstance(e, Mul):
        slopes = [(k, d) for k, a in enumerate(e.args) if (d := derivative(a, x)) != 0]
        return Add(*[Mul(*e.args[:k], d, *e.args[k + 1 :]) for k, d in slopes])
    if isinstance(e, Pow):
        base, exponent = e.args
        by_base = exponent * Pow(base, exponent - 1) * derivative(base, x)
        if base == 0 or x not in exponent.free_symbols:
            return by_base  # 0^p is 0 for p > 0
        return by_base + e * log(base) * derivative(exponent, x)
    if isinstance(e, Function):
        slopes = [(k, d) for k, a in enumerate(e.args, 1) if (d := derivative(a, x)) != 0]
        return Add(*[e.fdiff(k) * d for k, d in slopes])
    return e.diff(x)
