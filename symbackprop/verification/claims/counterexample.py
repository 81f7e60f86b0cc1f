"""Down to the smallest point where two sides differ: small sizes, whole numbers and halves; else the one found, rounded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from time import process_time

import numpy as np
from sympy import Expr

from symbackprop.calculus.facts import SUMS, closed, kind_of
from symbackprop.calculus.facts.data import broken
from symbackprop.calculus.program import Program
from symbackprop.errors import SymbackpropError
from symbackprop.verification.claims.compare import with_values
from symbackprop.verification.oracle.literal import evaluate, size_of
from symbackprop.verification.oracle.rounding import judged
from symbackprop.verification.oracle.scalar import FractionView
from symbackprop.verification.oracle.sides import Reached
from symbackprop.verification.points.draws import selected
from symbackprop.verification.points.points import Point
from symbackprop.verification.points.sizes import Sizes, bounds, prime_sizes, settled
from symbackprop.verification.verdict import Counterexample, two_texts

DRAWS = 8
MOST_SIZES = 80
"""How many values are tried at each choice of sizes, and how many choices, before a search is given up."""

SECONDS = 2.0
"""Beyond this the search for a smaller point is given up."""

CLEAR = 1e-3
"""A relative difference that can be read off few digits; a smaller one is shown only where no point has such a one."""


LEAST = 1e-6
"""And the least difference that is shown so."""


@dataclass(frozen=True)
class Found:
    """A point where two sides differ, as sizes and arrays of the leaves, and as what a person is told."""

    sizes: Sizes
    arrays: Mapping[str, np.ndarray]
    example: Counterexample


def smallest_counterexample(program: Program, left: str, right: str, point: Point | None = None) -> Found | None:
    """The first point, from the smallest sizes up, with whole numbers and halves for values, where the two tensors differ clearly.

    Where there is none, `point`, which refutes, with as few digits as do.
    """
    program = with_values(program, left, right)
    end = process_time() + SECONDS
    for sizes, arrays in small_points(program, point):
        if process_time() > end:
            break
        if (found := refuted(program, left, right, sizes, arrays)) is not None:
            return found
    return rounded(program, left, right, point) if point is not None else None


def refuted(program: Program, left: str, right: str, sizes: Sizes, arrays: Mapping[str, np.ndarray]) -> Found | None:
    """What is told of a point if the sides differ there clearly, on no kink, and by more than rounding."""
    record = Reached()
    try:
        known = evaluate(program, arrays, sizes, sides=record)
    except SymbackpropError:
        return None
    a, b = known[left], known[right]
    if record.ties() or not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return None
    gap = np.abs(a - b)
    if not gap.size or gap.max() <= max(CLEAR * max(np.abs(a).max(), np.abs(b).max()), LEAST):
        return None
    if judged(program, arrays, sizes, known, left, right).status != "differs":
        return None
    return told(program, sizes, arrays, known, left, right, tuple(int(k) for k in np.unravel_index(int(gap.argmax()), gap.shape)))


def told(
    program: Program,
    sizes: Sizes,
    arrays: Mapping[str, np.ndarray],
    known: Mapping[str, np.ndarray],
    left: str,
    right: str,
    place: tuple[int, ...],
) -> Found:
    """A point and both sides there, in as many digits as tell them apart; of the data those that the sides depend on."""
    one, other = two_texts(float(known[left][place]), float(known[right][place]))
    needed = with_values(program, left, right, whole=False)
    letters = {str(s): sizes[s] for s in needed.axes if s in sizes}
    values = {t.name: arrays[t.name] for t in needed.leaves}
    return Found(sizes, dict(arrays), Counterexample(letters, values, place, one, other))


def rounded(program: Program, left: str, right: str, point: Point) -> Found:
    """The point cut to fewer entries, with ones where they do and with as few digits as leave the difference standing."""

    def differs(sizes: Sizes, arrays: Mapping[str, np.ndarray]) -> bool:
        try:
            known = evaluate(program, arrays, sizes)
        except SymbackpropError:
            return False
        return judged(program, arrays, sizes, known, left, right).status == "differs"

    sizes, arrays = dict(point.sizes), dict(point.arrays)
    for axis in sizes:
        for fewer in (k for k in (1, 2, 3) if k < sizes[axis]):
            trial = {**sizes, axis: fewer}
            cut = _cut(program, arrays, trial)
            if cut is not None and differs(trial, cut):
                sizes, arrays = trial, cut
                break
    for t in program.leaves:
        if not t.facts and t.role != "index":
            plain = {**arrays, t.name: np.sign(arrays[t.name])}
            arrays = plain if differs(sizes, plain) else arrays
    for digits in (1, 2, 3, 4, 6):
        short = {t.name: _short(arrays[t.name], digits) if not t.facts else arrays[t.name] for t in program.leaves}
        if differs(sizes, short):
            arrays = short
            break
    known = evaluate(program, arrays, sizes)
    return told(program, sizes, arrays, known, left, right, judged(program, arrays, sizes, known, left, right).place)


def _cut(program: Program, arrays: Mapping[str, np.ndarray], sizes: Sizes) -> dict[str, np.ndarray] | None:
    """The first entries of each array along each axis; None where that is not legal or breaks a fact."""
    made = {}
    try:
        if settled(bounds(program), sizes) != sizes:
            return None
        for t in program.leaves:
            shape = tuple(size_of(a, sizes) for a in t.axes)
            made[t.name] = arrays[t.name][tuple(slice(k) for k in shape)]
            if shape != np.shape(arrays[t.name]) and (closed(t) < SUMS or any(broken(f, made[t.name]) for f in t.facts)):
                return None
            if t.role == "index":
                made[t.name] = np.minimum(made[t.name], selected(program, t.name, sizes) - 1)
    except SymbackpropError:
        return None
    return made


def _short(values: np.ndarray, digits: int) -> np.ndarray:
    if values.dtype.kind != "f":
        return values
    return np.vectorize(lambda v: float(f"{v:.{digits}g}"), otypes=[float])(values) if values.size else values


def exact_counterexample(program: Program, left: str, right: str) -> Counterexample | None:
    """The first small point where two rational sides differ, in exact arithmetic; None where none is found."""
    program = program.needed([left, right])
    for sizes, arrays in small_points(program):
        try:
            leaves = {n: np.vectorize(Fraction, otypes=[object])(a) if np.size(a) else a for n, a in arrays.items()}
            entries = FractionView(program, sizes, leaves).entries
        except (SymbackpropError, ZeroDivisionError):
            continue
        for place in np.ndindex(entries[left].shape):
            one, other = (Fraction(entries[side].item(*place)) for side in (left, right))
            if one != other:
                return Counterexample({str(s): v for s, v in sizes.items()}, arrays, place, _digits(one, other), _digits(other, one))
    return None


def _digits(value: Fraction, other: Fraction) -> str:
    """A fraction in decimals, as many as tell it from another; as a quotient where it is short so."""
    if value.denominator == 1 or len(str(value)) < 8:
        return str(value)
    gap = abs(value - other)
    places = max(len(str(int(1 / gap))) + 2, 6) if gap else 6
    return f"{float(value):.{places}g}" if places < 16 else str(value)


def small_points(program: Program, point: Point | None = None) -> Iterator[tuple[Sizes, dict[str, np.ndarray]]]:
    """Sizes from the smallest up, and for each a few arrays of small whole numbers and halves with the declared facts."""
    axes, limits = program.axes, bounds(program)
    choices = sorted(product((1, 2, 3), repeat=len(axes)), key=lambda s: (np.prod(s), sum(s), s)) if len(axes) <= 7 else []
    wished = [dict(zip(axes, choice, strict=True)) for choice in choices[:MOST_SIZES]] or [prime_sizes(program)]
    fits = dict.fromkeys(tuple(settled(limits, w).items()) for w in wished)
    if point is not None:
        fits |= {tuple(point.sizes.items()): None}
    for fit in fits:
        for draw in range(DRAWS):
            try:
                yield dict(fit), small_arrays(program, dict(fit), draw)
            except SymbackpropError:
                break


def small_arrays(program: Program, sizes: Mapping[Expr, int], draw: int) -> dict[str, np.ndarray]:
    """Whole numbers and halves between -2 and 2, all positive at every other draw; facts hold exactly or to rounding."""
    rng = np.random.default_rng(draw)
    arrays = {}
    for t in program.leaves:
        shape = tuple(size_of(a, sizes) for a in t.axes)
        values = rng.integers(1, 5, shape) / 2 * (rng.choice([-1, 1], shape) if draw % 2 == 0 else 1)
        if draw < 2:
            values = np.where(values > 0, np.ceil(values), np.floor(values))
        for fact in t.facts:
            values = kind_of(fact).small(values, fact.axis, rng)
        arrays[t.name] = values
        if t.role == "index":
            arrays[t.name] = rng.integers(0, selected(program, t.name, sizes), shape)
    return arrays
