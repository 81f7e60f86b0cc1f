"""What the terms of a sum have in common: factors before it, and what cancels.

The base of a power may be negative, or 0: a power is split only where no value is lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from math import prod
from operator import or_

from sympy import Add, Expr, Integer, Mul, Number, Pow, S, default_sort_key, expand_mul, gcd

from symbackprop.calculus.brackets import covers, is_mask, united
from symbackprop.calculus.cost import cost
from symbackprop.calculus.signs import is_total

MOST_TERMS = 32
"""Terms up to which a sum of products is multiplied out to see what cancels."""
LONG = 10**9
"""A number with more digits, above or below, is better written as a decimal than as a fraction."""


def cancelled(e: Expr) -> Expr:
    """A sum without what a sum divided by itself makes of its terms, and what conditions part: c a / (a + b) + c b / (a + b) is c."""
    e = united(e)
    if not isinstance(e, Add):
        return e
    factors = {f for t in e.args for f in Mul.make_args(t) if isinstance(f, Pow) and isinstance(f.base, Add) and f.exp.is_negative}
    for f in sorted(factors, key=default_sort_key):
        rests = {t / f: t for t in e.args if f in Mul.make_args(t)}
        for rest in rests if len(rests) >= len(f.base.args) else ():
            c = rest / f.base.args[0]
            taken = {rests.get(c * a) for a in f.base.args}
            if None not in taken and _has_a_value(taken):
                return cancelled(Add(*[t for t in e.args if t not in taken], c * Pow(f.base, f.exp + 1)))
    return _multiplied_out(e)


def _has_a_value(terms: Iterable[Expr]) -> bool:
    """Whether the terms of a sum that divide by one thing have a value only where that is not 0: not all of them are masked out there."""
    masks = [Mul(*[f for f in Mul.make_args(t) if is_mask(f)]) for t in terms]
    return S.One in masks or covers(masks)


def _multiplied_out(e: Add) -> Expr:
    """A sum of products of sums without them, where most of the terms cancel: (1 - y) h - (1 - h) y is h - y."""
    count = sum(prod(len(f.args) for f in Mul.make_args(t) if isinstance(f, Add)) for t in e.args)
    if len(e.args) == count or count > MOST_TERMS:
        return e
    made = Add(*[expand_mul(t, deep=False) for t in e.args])
    return made if len(Add.make_args(made)) < count and cost(made) < cost(e) else e


def content(numbers: Sequence[Expr]) -> Expr:
    """What coefficients of a sum have in common: their greatest divisor, where what is left are short numbers; else the least of them.

    1 + 1.0507009873554805 x is that, and no multiple of 10^16.
    """
    if not all(c.is_Rational for c in numbers):
        return S.One
    divisor = reduce(gcd, [abs(c) for c in numbers])
    return divisor if max(abs(c) for c in numbers) <= LONG * divisor else min(abs(c) for c in numbers)


def less(e: Mul, *factors: Expr) -> Expr:
    """`e` with each of its `factors` once less: divided, 6 (x - 1) / (x - 1) would be (6 x - 6) / (x - 1), which is 0 / 0 at x = 1."""
    rest = list(e.args)
    for f in factors:
        if f in rest:
            rest.remove(f)  # divided by itself, exp(-x - y) would be exp(-x - y) exp(x + y) to SymPy
        else:
            k = next(k for k, a in enumerate(rest) if a.as_base_exp()[0] == f)
            rest[k] = rest[k] / f
    return Mul(*rest)


def factored(e: Expr) -> Expr:
    """A sum with the factors that all its terms share in front: y/n - p/n is (y - p)/n.

    A bare number is not put in front: SymPy would multiply it in again.
    """
    if not isinstance(e, Add):
        return e
    terms = [_powers(a) for a in e.args]
    shared = terms[0][1]
    for _, powers in terms[1:]:
        shared = {b: _common(x, powers[b]) for b, x in shared.items() if b in powers and _common(x, powers[b]) != 0}
    parted = [{b: x - shared.get(b, 0) for b, x in powers.items()} for _, powers in terms]
    whole = {b: x for b, x in shared.items() if _may_part(b, x, [powers for _, powers in terms], parted)}
    if not whole:
        return e
    number = content([c for c, _ in terms])
    if all(c < 0 for c, _ in terms):
        number = -number
    inside = [Mul(c / number, *[b ** (x - whole.get(b, 0)) for b, x in powers.items()]) for c, powers in terms]
    return Mul(number, *[b**x for b, x in whole.items()], Add(*inside))


def _common(x: Expr, y: Expr) -> Expr:
    """The exponent that b**x and b**y have in common: the smaller in size of two of one sign, else 0."""
    if not (x.is_number and y.is_number) or x * y <= 0:
        return S.Zero
    return min(x, y) if x > 0 else max(x, y)


def _may_part(base: Expr, x: Expr, terms: Sequence[Mapping], parted: Sequence[Mapping]) -> bool:
    """Whether base**x may stand in front: where the sum has a value so has it, and so has what it leaves of each power of the base.

    `parted`: the terms without all that they share. A term with a mask of its own has a value wherever that is 0; so some term without
    one must ask as much of the base as base**x and what is left do, or all that is left are masks.
    """
    asked = reduce(or_, [_asks(base, y) for y in (x, *[t[base] - x for t in terms])])
    if not asked:
        return True
    masked = [[is_mask(b) for b, y in t.items() if y != 0] for t in parted]
    return all(m and all(m) for m in masked) or any(
        not any(m) and asked & ~_asks(base, t[base]) == 0 for m, t in zip(masked, terms, strict=True)
    )


def _asks(b: Expr, x: Expr) -> int:
    """What b**x asks of b, as bits: 1 not to be 0, 2 not to be negative, 4 to have a value itself."""
    if b.is_positive or x == 0:
        return 0
    own = 0 if is_total(b) else 4
    return own + (0 if x.is_integer or b.is_nonnegative else 2) + (0 if x.is_nonnegative else 1)


def _powers(e: Expr) -> tuple[Number, dict[Expr, Expr]]:
    """`e` as a number times powers of distinct bases."""
    content, rest = e.as_coeff_Mul()
    if not content.is_Rational:
        content, rest = Integer(1), e
    powers: dict[Expr, Expr] = {}
    for f in Mul.make_args(rest):
        base, exponent = (f.base, f.exp) if isinstance(f, Pow) and f.exp.is_number and not f.base.is_Number else (f, S.One)
        if base != 1:
            powers[base] = powers.get(base, S.Zero) + exponent
    return content, powers
