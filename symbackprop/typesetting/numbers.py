"""Numbers as they are best written: fractions, decimals, powers of ten, and constants that a decimal stands for."""

import math
from functools import cache

from sympy import E, Expr, Rational, S, log, pi, sqrt

from symbackprop.calculus.factors import LONG
from symbackprop.memo import remembered

LONGEST_DECIMAL = 100
"""Digits after the point."""
SMALL = Rational(1, 1000)
"""What is less is a fraction or has a power of ten, and is no decimal with zeros at its beginning."""
ZEROS = 5
"""A whole number with so many zeros at its end has a power of ten."""
EXACT = 15
"""So many digits are those of a float: its constant may be known by them."""
MULTIPLES = 16
ROUNDING = 1e-15
"""So much, relatively, is lost where a constant is worked out in floats."""


def fraction(r: Rational) -> tuple[Rational, Rational]:
    """A positive number as numerator and denominator: whole ones, or where these are long, a decimal, or decimals of fewer digits."""
    if scientific(r):
        return r, S.One
    over, under = Rational(r.p), Rational(r.q)
    if under > LONG and is_decimal(r):
        return r, S.One
    if max(over, under) < LONG:
        return over, under
    pairs = [(over / 10**k, under / 10**k) for k in {0, zeros_of(over), zeros_of(under)}]
    return min([pair for pair in pairs if min(pair) >= 1 or pair[0] == over], key=lambda pair: sum(len(decimal(n)) for n in pair))


def zeros_of(n: Rational) -> int:
    """How many zeros a whole number ends in."""
    return len(str(n)) - len(str(n).rstrip("0"))


def is_decimal(r: Rational) -> bool:
    """Whether a number has finitely many digits."""
    return 10**LONGEST_DECIMAL % r.q == 0


def scientific(r: Rational) -> tuple[Rational, int] | None:
    """The c and k of c 10^k with 1 <= c < 10, of a number that is small, or that ends in zeros; None of any other number."""
    if r <= 0 or not (r < SMALL or (r.q == 1 and r.p % 10**ZEROS == 0)) or 10 ** (10 * LONGEST_DECIMAL) % r.q:
        return None
    k = len(str(r.p)) - len(str(r.q))
    k -= int(bool(r < Rational(10) ** k))
    c = r / Rational(10) ** k
    digits = len(str(c.p * 10**LONGEST_DECIMAL // c.q).rstrip("0"))
    shorter = len(str(r.p)) + len(str(r.q)) if r.q < LONG else math.inf
    return (c, k) if digits <= shorter - 2 or digits == 1 else None


def decimal(r: Rational) -> str:
    """A number whose denominator divides a power of ten, in digits."""
    if found := scientific(r):
        return f"{decimal(found[0])}e{found[1]}"
    digits = 0
    while not (r * 10**digits).is_Integer:
        digits += 1
    text = str(int(r * 10**digits)).rjust(digits + 1, "0")
    return f"{text[: len(text) - digits]}.{text[len(text) - digits :]}" if digits else text


@cache
def constants() -> dict[float, Expr]:
    """Constants that people write as floats, by their values."""
    known = [pi, E, log(2), log(10), log(pi), log(2 * pi), sqrt(2), sqrt(3), sqrt(pi), sqrt(2 * pi)]
    return {float(c): c for c in (*known, *[1 / c for c in known])}


@remembered
def recognised(r: Rational) -> Expr:
    """The constant that a float is, up to its rounding: 0.9189385332046727 is log(2 pi) / 2. The number itself where it is none.

    Or where it has not the digits of a float: 3.1416 is 3.1416.
    """
    if len(str(r.q)) > EXACT and not is_decimal(r) and is_decimal(1 / r):
        return 1 / recognised(1 / r)
    if len(str(r.p)) < EXACT or not is_decimal(r):
        return r
    size = float(abs(r))
    for value, constant in constants().items():
        for multiple in range(1, MULTIPLES + 1):
            over = round(size / value * multiple)
            if 0 < over <= MULTIPLES and math.isclose(size, value * over / multiple, rel_tol=ROUNDING):
                return Rational(over, multiple) * constant * (1 if r > 0 else -1)
    return r


def with_constants(e: Expr) -> Expr:
    """`e` with the constants that floats in it are."""
    found = {r: named for r in e.atoms(Rational) if (named := recognised(r)) != r}
    return e.xreplace(found) if found else e
