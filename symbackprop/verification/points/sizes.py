"""At which sizes of axes a check is made.

Three assignments at least: distinct small primes; size 1 wherever that is legal; and the other way round (what was short is long),
with five or more on every axis that stands in a condition or a slice. Sizes respect what the program implies: x[4:] needs n >= 5.
Conditions on positions and sizes alone are seen on both sides and at their threshold: where(n > 13, a, b) adds n = 13 and n = 14.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle, permutations, product
from math import isqrt, prod

import numpy as np
from sympy import Expr, Function, Integer, KroneckerDelta, Mul

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Program
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total
from symbackprop.errors import SymbackpropError
from symbackprop.verification.oracle.literal import Grid, size_of
from symbackprop.verification.oracle.sides import is_guard, on_data
from symbackprop.verification.oracle.textbook import GAPS

Sizes = dict[Expr, int]

PRIMES = (2, 3, 5, 7, 11, 13)
AGAIN = (2, 3, 5, 4, 7, 6)
"""Sizes of the axes beyond the first six, over and over: a deep net is not wide."""
WIDE = (7, 5, 6, 8, 11)
SHORT = (5, 4, 3, 2)
"""At the third assignment: axes that stand in a condition or a slice, from the last, and the others, from the first; none as at first."""

LARGEST = 400
"""The largest size that is tried to reach a side of a condition; ENTRIES: of the largest tensor then."""
ENTRIES = 200_000
MOST_CHOICES = 1000


def prime_sizes(program: Program, start: int = 0) -> Sizes:
    """A small prime for each axis symbol of `program` in order of appearance, no two alike among the first six where it may be so."""
    primes = PRIMES[start:] + AGAIN * (len(program.axes) // len(AGAIN) + 1)
    return settled(bounds(program), dict(zip(program.axes, primes, strict=False)))


def assignments(program: Program) -> list[list[Sizes]]:
    """The three kinds of sizes; of each the first choice, and further ones for where no data fits the first (inv(X.T @ X) with m < n)."""
    axes, limits = program.axes, bounds(program)
    if not axes:
        return [[{}]]
    primes = prime_sizes(program)
    one = dict.fromkeys(axes, 1)
    stand = standing(program)
    ends = _ends(primes, stand)
    kinds = ([primes, *_turned(primes)], [one, *({**one, a: primes[a]} for a in axes[:6])], [ends, *_turned(ends)])
    return [_distinct(settled(limits, wish) for wish in wishes) for wishes in kinds]


def _ends(primes: Sizes, stand: set[Expr]) -> Sizes:
    """Other sizes than `primes` on every axis, and the other way round; long ones where an axis stands in a condition."""
    wide, short = cycle(WIDE), cycle(SHORT)
    made = {a: next(v for v in wide if v != primes[a]) for a in reversed(primes) if a in stand}
    return {a: made.get(a) or next(v for v in short if v != primes[a]) for a in primes}


def _turned(sizes: Sizes) -> Iterator[Sizes]:
    """The same sizes on other axes: reversed first, then all orders of a few."""
    axes, values = list(sizes), list(sizes.values())
    yield dict(zip(axes, values[::-1], strict=True))
    for order in permutations(values) if len(values) <= 3 else ():
        yield dict(zip(axes, order, strict=True))
    yield {a: v + 6 for a, v in sizes.items()}


def _distinct(choices: Iterator[Sizes]) -> list[Sizes]:
    return [dict(c) for c in dict.fromkeys(tuple(sizes.items()) for sizes in choices)]


@lru_cache(64)
def _bounds(equations: tuple, axes: tuple) -> tuple[Expr, ...]:
    found: dict[Expr, None] = dict.fromkeys(a - 1 for a in axes if not a.is_Symbol)
    for rhs, places in equations:
        found |= dict.fromkeys(_room(rhs, dict(places), frozenset()))
    return tuple(e for e in found if not e.is_nonnegative)


def bounds(program: Program) -> tuple[Expr, ...]:
    """Formulas in sizes that are not negative where every axis has an entry and every place that is read without a guard exists."""
    shapes = {name: t.axes for name, t in program.tensors.items()}
    rows = tuple((e.rhs, tuple((n, shapes[n]) for n in sorted(e.uses()))) for e in program.equations if isinstance(e.rhs, Expr))
    needs = [n.gap for n in program.needs if n.gap.free_symbols <= set(program.axes)]
    return tuple(dict.fromkeys((*needs, *_bounds(rows, tuple(dict.fromkeys(a for axes in shapes.values() for a in axes))))))


def _room(e: Expr, shapes: Mapping[str, tuple[Expr, ...]], guarded: frozenset[Index]) -> Iterator[Expr]:
    """How much room each place that `e` reads leaves at both ends of the axis; nothing is known of indices that a guard bounds."""
    if isinstance(e, Entry):
        for place, size in zip(e.indices, shapes[e.name], strict=True):
            inside = place.atoms(Index)
            if place.has(Entry) or inside & guarded or (isinstance(place, Index) and place.axis == size):
                continue
            slopes = {i: place.coeff(i) for i in inside}
            if all(s.is_Integer for s in slopes.values()):
                yield size - 1 - place.xreplace({i: i.axis - 1 if s > 0 else Integer(0) for i, s in slopes.items()})
                yield place.xreplace({i: Integer(0) if s > 0 else i.axis - 1 for i, s in slopes.items()})
    elif isinstance(e, Mul):
        more = guarded.union(*(a.atoms(Index) for a in e.args if is_guard(a) and not on_data(a)))
        for a in e.args:
            yield from _room(a, shapes, more)
    elif isinstance(e, Total):
        yield from (i.axis - 1 for i in e.indices)
        yield from _room(e.body, shapes, guarded)
    elif on_data(e):
        for a in e.args:
            yield from _room(a, shapes, guarded)


def settled(limits: Sequence[Expr], wish: Mapping[Expr, int]) -> Sizes:
    """The sizes nearest to those wished for at which no limit is negative or broken; as they are where none are found."""
    sizes = dict(wish)
    for _ in range(4 * len(limits)):
        broken = next((e for e in limits if not _holds(e, sizes)), None)
        if broken is None:
            break
        letters = [s for s in sizes if s in broken.free_symbols]
        nearby = ({**sizes, s: sizes[s] + k} for step in range(1, LARGEST) for k in (step, -step) for s in letters if sizes[s] + k > 0)
        better = next((trial for trial in nearby if _holds(broken, trial)), None)
        if better is None:
            break
        sizes = better
    return sizes


def _holds(limit: Expr, sizes: Mapping[Expr, int]) -> bool:
    value = limit.xreplace({s: Integer(sizes[s]) for s in limit.free_symbols if s in sizes})
    return bool(value.is_Integer and value >= 0)


def standing(program: Program) -> set[Expr]:
    """The axes that stand in a condition on positions or sizes, or that a slice, a shift or a fixed place cuts."""
    found: set[Expr] = set()
    for e in program.equations:
        if isinstance(e.rhs, Call):
            continue
        for c in positions(e.rhs):
            found |= _letters(c)
        for a in e.rhs.atoms(Entry):
            for place, size in zip(a.indices, program.tensors[a.name].axes, strict=True):
                if not isinstance(place, Index | Entry) or (isinstance(place, Index) and place.axis != size):
                    found |= size.free_symbols | _letters(place)
    return found & set(program.axes)


def _letters(e: Expr) -> set[Expr]:
    """The sizes that `e` speaks of, in itself and by its indices' axes."""
    return (e.free_symbols - e.atoms(Index)).union(*(i.axis.free_symbols for i in e.atoms(Index)))


@lru_cache(2**12)
def positions(e: Expr) -> tuple[Expr, ...]:
    """The conditions on positions and sizes alone in `e`: brackets, products of them, deltas of more than two indices, functions."""
    found: dict[Expr, None] = {}
    for part in e.atoms(Positive, NonNegative, KroneckerDelta, Function, Mul):
        if isinstance(part, Mul):
            brackets = [a for a in part.args if isinstance(a, Positive | NonNegative) and not on_data(a)]
            if len(brackets) > 1:
                found[Mul(*brackets)] = None
        elif on_data(part) or (isinstance(part, KroneckerDelta) and all(isinstance(a, Index) for a in part.args[:2])):
            continue
        elif isinstance(part, Positive | NonNegative | KroneckerDelta) or type(part).__name__ in GAPS:
            found[part] = None
    return tuple(sorted(found, key=str))


def gap(condition: Expr, sizes: Mapping[Expr, int]) -> np.ndarray:
    """What decides a condition on positions and sizes, at every position."""
    grid = Grid(sorted(condition.atoms(Index), key=str), {}, sizes)
    if isinstance(condition, Mul):
        return np.where(grid.value(condition) == 0, -1.0, 1.0)
    if isinstance(condition, Positive | NonNegative):
        return grid.value(condition.args[0])
    if isinstance(condition, KroneckerDelta):
        return grid.value(condition.args[0]) - grid.value(condition.args[1])
    return GAPS[type(condition).__name__](*map(grid.value, condition.args))


def signs(condition: Expr, sizes: Mapping[Expr, int]) -> frozenset[int]:
    """On which sides of a condition on positions and sizes there are positions: -1, 0, 1."""
    try:
        return frozenset(int(s) for s in np.unique(np.sign(gap(condition, sizes))))
    except SymbackpropError:
        return frozenset()


@lru_cache(2**10)
def _selections(e: Expr) -> tuple[tuple[str, str, int], ...]:
    """(integers, tensor, place) for each tensor whose axis at that place is selected from by the integers, another tensor's entries."""
    found = {(i.name, a.name, k): None for a in e.atoms(Entry) for k, i in enumerate(a.indices) if isinstance(i, Entry)}
    return tuple(sorted(found))


@lru_cache(2**10)
def _compared(e: Expr) -> tuple[tuple[str, Expr], ...]:
    """(integers, axis) for each tensor whose entries a delta compares with an index along an axis."""
    pairs = [d.args[:2] for d in e.atoms(KroneckerDelta)]
    return tuple(
        sorted({(s.name, o.axis) for p in pairs for s, o in (p, p[::-1]) if isinstance(s, Entry) and isinstance(o, Index)}, key=str)
    )


def selects(program: Program, name: str) -> list[Expr]:
    """The axes whose entries the integers in the tensor `name` select."""
    found: dict[Expr, None] = {}
    for e in program.equations:
        if isinstance(e.rhs, Expr):
            found |= {program.tensors[tensor].axes[place]: None for label, tensor, place in _selections(e.rhs) if label == name}
            found |= {size: None for label, size in _compared(e.rhs) if label == name}
    return list(found)


def of_labels(program: Program, e: Expr) -> tuple[Expr, ...]:
    """The conditions in `e` on integers that select, and on nothing else, with an index over the axis that they select from for each."""
    found: dict[Expr, None] = {}
    for c in e.atoms(Positive, NonNegative, KroneckerDelta):
        places = c.atoms(Entry)
        if places and all(program.tensors[a.name].role == "index" for a in places):
            axes = {a: selects(program, a.name) for a in places}
            if all(axes.values()):
                found[c.xreplace({a: Index(f"at{k}", axes[a][0]) for k, a in enumerate(sorted(places, key=str))})] = None
    return tuple(found)


@dataclass(frozen=True)
class Reach:
    """The smallest sizes at which a condition on positions and sizes has each sign, and whether there may be more at larger ones."""

    at: Mapping[int, Mapping[Expr, int]]
    more: bool


@lru_cache(2**10)
def reach(condition: Expr) -> Reach:
    """Which signs the condition can have, tried from the smallest sizes up to beyond the numbers in it."""
    letters = sorted(_letters(condition), key=str)
    numbers = {abs(int(n)) for n in condition.atoms(Integer)} | {abs(int(i.axis)) for i in condition.atoms(Index) if i.axis.is_Integer}
    marks = {m for n in numbers for m in (n, isqrt(n))}
    far = min(LARGEST, 2 * max(marks, default=0) + 12)
    few = (1, 2, 3, 5)
    choices: set[tuple[int, ...]] = set(product(few, repeat=len(letters)))
    for k in range(len(letters)):  # one of them far, the others near
        choices |= {(*near[:k], v, *near[k:]) for near in product(few[:3], repeat=len(letters) - 1) for v in range(1, far)}
    at: dict[int, Mapping[Expr, int]] = {}
    for choice in sorted(choices, key=lambda c: (sum(c), c))[:MOST_CHOICES]:
        sizes = dict(zip(letters, choice, strict=True))
        for sign in signs(condition, sizes):
            at.setdefault(sign, sizes)
        if len(at) == 3:
            break
    return Reach(at, len(at) < 3 and bool(letters) and (2 * max(marks, default=0) > LARGEST or len(choices) > MOST_CHOICES))


def thresholds(program: Program, tried: Sequence[Sizes]) -> tuple[list[Sizes], list[tuple[str, Expr, int]]]:
    """Further sizes, so that with those `tried` each condition on positions and sizes is met on each side that it has.

    And what is left out, as it would take too large sizes: (equation, condition, the sign that is not met).
    """
    limits, made, left = bounds(program), [], []
    loose = (*(n.gap for n in program.needs if n.gap.free_symbols <= set(program.axes)), *(e + 1 for e in limits))
    for e in program.equations:
        for c in (*positions(e.rhs), *of_labels(program, e.rhs)) if isinstance(e.rhs, Expr) else ():
            seen = frozenset().union(*(signs(c, s) for s in (*tried, *made)))
            if len(seen) == 3 or (isinstance(c, Mul) and len(seen) == 2) or (isinstance(c, KroneckerDelta) and {0} < seen):
                continue
            found = reach(c)
            for sign, sizes in found.at.items():
                if sign in seen:
                    continue
                wish = {**tried[0], **sizes}
                new = settled(limits, wish)
                if sign not in signs(c, new):
                    new = settled(loose, wish)
                if sign in signs(c, new) and _fits(program, new):
                    made.append(new)
                    seen |= signs(c, new)
                else:
                    left.append((e.name, c, sign))
            wanted = {1} if isinstance(c, Mul) else {0} if isinstance(c, KroneckerDelta) else {-1, 1}
            left += [(e.name, c, sign) for sign in wanted - seen - set(found.at) if found.more]
    return _distinct(iter(made)), left


def _fits(program: Program, sizes: Sizes) -> bool:
    """Whether no tensor is too large at these sizes, with all that is summed over."""
    for e in program.equations:
        ranges = [t.indices for t in e.rhs.atoms(Total)] if isinstance(e.rhs, Expr) else []
        free = prod(size_of(a, sizes) for a in e.tensor.axes)
        if free * max((prod(size_of(i.axis, sizes) for i in r) for r in ranges), default=1) > ENTRIES:
            return False
    return True
