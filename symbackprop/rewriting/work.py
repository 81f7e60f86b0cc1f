"""What an index expression costs as array operations, for given sizes of axes.

An operation over arrays reads and writes entries; a product with a sum multiplies too, which a matrix product does faster than entries can
be read. Products of several factors are taken in a good order, two at a time.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from math import prod

from sympy import Add, Expr, KroneckerDelta, Mul, Pow

from symbackprop.calculus.contract import flat
from symbackprop.calculus.index import Index
from symbackprop.calculus.places import narrow
from symbackprop.calculus.term import Entry, Total, indices_of, is_guard

NOMINAL = 100
"""How long an axis is taken to be."""
EXTREMES = (4, 10_000)
"""How long one axis at a time is taken to be, beside the others, where nothing may be lost."""
MULTIPLICATION = 0.1
"""One in a matrix product, against an entry read or written."""
FUNCTION = 8

Sizes = Mapping[Expr, int]


def size_choices(symbols: Iterable[Expr]) -> Iterator[Sizes]:
    """All axes alike, then one of them much shorter, or much longer, than the others."""
    plain = dict.fromkeys(sorted(symbols, key=str), NOMINAL)
    yield plain
    for axis in plain:
        for size in EXTREMES:
            yield {**plain, axis: size}


def work(e: Expr, sizes: Sizes) -> float:
    """About how many entries are read and written to evaluate `e`."""
    if isinstance(e, Entry) or (not indices_of(e) and not e.has(Total)):
        return 0
    if isinstance(e, Total | Mul):
        return _product(e, sizes)
    inner = sum(work(a, sizes) for a in e.args)
    own = _count(indices_of(e), sizes)
    if isinstance(e, Add):
        return inner + sum(_count(_written(a), sizes) for a in e.args if a is not _widest(e))
    is_plain = isinstance(e, KroneckerDelta) or is_guard(e) or (isinstance(e, Pow) and e.exp.is_Integer)
    return inner + own * (1 if is_plain else FUNCTION)


def _widest(e: Add) -> Expr:
    return max(e.args, key=lambda a: len(indices_of(a)))


def _written(e: Expr) -> set[Index]:
    """The indices of what is added to the rest of a sum: along a diagonal, those of the diagonal."""
    held = indices_of(e)
    for f in Mul.make_args(e):
        if isinstance(f, KroneckerDelta) and isinstance(f.args[1], Index):
            held -= {f.args[1]}
    return held


def _product(e: Expr, sizes: Sizes) -> float:
    p = flat(e)
    narrowed = narrow(p.factors)
    shorter = {i: j for i, j, _ in narrowed.ranges}
    factors = [f for f in narrowed.factors if indices_of(f) and not (isinstance(f, KroneckerDelta) and not indices_of(f) & p.bound)]
    steps = sum(work(f, sizes) for f in factors)
    held = [frozenset(indices_of(f)) for f in factors]
    keep = frozenset(shorter.get(i, i) for i in indices_of(e))
    return steps + _chain(tuple(held), keep, sizes)


def _chain(held: Sequence[frozenset[Index]], keep: frozenset[Index], sizes: Sizes) -> float:
    """The products of arrays with these indices, summed over all but `keep`: the cheapest two first."""
    held, steps = list(held), 0.0
    while len(held) > 1:
        ways = []
        for a, b in combinations(range(len(held)), 2):
            rest = [x for k, x in enumerate(held) if k not in (a, b)]
            made = (held[a] | held[b]) & keep.union(*rest)
            ways.append((_pair(held[a], held[b], made, sizes), len(made), a, b, made))
        cheapest, _, a, b, made = min(ways)[:5]
        steps += cheapest
        held = [*[x for k, x in enumerate(held) if k not in (a, b)], made]
    return steps + (_count(held[0], sizes) if held and held[0] - keep else 0)


def _pair(a: frozenset[Index], b: frozenset[Index], made: frozenset[Index], sizes: Sizes) -> float:
    read = _count(a, sizes) + _count(b, sizes) + _count(made, sizes)
    return read + MULTIPLICATION * _count(a | b, sizes) if (a | b) - made else read


def _count(indices: Collection[Index], sizes: Sizes) -> float:
    return prod(max(1.0, float(i.axis.xreplace(sizes))) for i in indices)
