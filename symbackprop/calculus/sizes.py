"""What holds of sizes of axes, whatever these are: each is a whole number, 1 at least.

A formula in sizes is never negative if it is a sum of such as are, once each n is written as 1 + m, m >= 0. A floor is looked at for
each remainder of what it divides: floor((n + 1) / 2) is m for n = 2 m, and m + 1 for n = 2 m + 1. Where a model needs more of its sizes
(x[4:] needs n >= 4), n is written as 4 + m.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import lcm

from sympy import Add, Dummy, Expr, Integer, Symbol, expand_mul, expand_multinomial, floor

from symbackprop.memo import remembered

MOST_REMAINDERS = 64
"""Combinations of remainders beyond which nothing is said of floors."""


def never_negative(e: Expr, needs: Sequence[Expr] = ()) -> bool:
    """Whether `e`, a formula in sizes, is >= 0 for all sizes for which all of `needs` are; False: it is not known."""
    return _never_negative(e, tuple(needs))


def at_most(low: Expr | int, high: Expr, needs: Sequence[Expr] = ()) -> bool:
    """Whether low <= high for all sizes for which all of `needs` are >= 0; False: it is not known."""
    return never_negative(high - low, needs)


@remembered
def _never_negative(e: Expr, needs: tuple[Expr, ...]) -> bool:
    if e.is_nonnegative is not None and (e.is_nonnegative or not needs):
        return bool(e.is_nonnegative)
    if not all(s.is_Symbol and s.is_positive and s.is_integer for s in e.free_symbols):
        return False
    return all(_sum_of_such(multiplied_out(case)) for case in _cases(_above_least(e, needs)))


def multiplied_out(e: Expr) -> Expr:
    """`e` as a sum of products, powers of sums multiplied out as well."""
    return expand_mul(expand_multinomial(e))


def _sum_of_such(e: Expr) -> bool:
    """Whether each term of a sum is never negative, its symbols being so."""
    return all(term.is_nonnegative for term in Add.make_args(e))


def _above_least(e: Expr, needs: Iterable[Expr]) -> Expr:
    """`e` with each size n as the least that it can be and a number m >= 0 more."""
    least: dict[Symbol, Expr] = {}
    for need in needs:
        for n in sorted(need.free_symbols - set(least), key=str):
            bound = n - multiplied_out(need)
            if need.coeff(n) == 1 and not bound.has(n, *least):
                least[n] = bound
                break
    more = {
        n: Dummy(f"{n} more", integer=True, nonnegative=True)
        for n in e.free_symbols.union(least, *[b.free_symbols for b in least.values()])
    }
    # A bound speaks of other sizes than those that have one.
    made = e.xreplace({n: bound + more[n] for n, bound in least.items()})
    return made.xreplace({n: 1 + m for n, m in more.items() if n not in least})


def _cases(e: Expr) -> Iterable[Expr]:
    """`e` for each remainder of its symbols by what its floors divide by; each without a floor, if that can be had."""
    floors = e.atoms(floor)
    if not floors:
        return [e]
    period = lcm(*[int(f.args[0].as_numer_denom()[1]) for f in floors if f.args[0].as_numer_denom()[1].is_Integer])
    symbols = sorted(set().union(*(f.free_symbols for f in floors)), key=str)
    if period ** len(symbols) > MOST_REMAINDERS:
        return [e]
    parts = {s: Dummy(s.name, integer=True, nonnegative=True) for s in symbols}
    return [
        e.xreplace({s: period * parts[s] + Integer(r) for s, r in zip(symbols, remainders, strict=True)}).replace(
            lambda f: isinstance(f, floor), lambda f: floor(multiplied_out(f.args[0]))
        )
        for remainders in product(range(period), repeat=len(symbols))
    ]


def enough(sizes: Mapping[Expr, int], needs: Sequence[Expr]) -> dict[Expr, int]:
    """`sizes`, those raised that have to be for `needs` to be >= 0; a need that larger sizes do not meet is left alone."""
    found = dict(sizes)
    for _ in range(len(needs) + 1):
        for need in needs:
            short = -need.xreplace({a: Integer(s) for a, s in found.items()})
            grows = next((a for a in sorted(need.free_symbols, key=str) if a in found and need.diff(a).is_positive), None)
            if short.is_Integer and short > 0 and grows is not None:
                found[grows] += int(-(-short // need.diff(grows).xreplace({a: Integer(s) for a, s in found.items()})))
    return found
