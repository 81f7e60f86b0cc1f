"""Two tensors of one program, compared: at random points, modulo a prime, and down to the smallest point where they differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from sympy import Expr

from symbackprop.errors import DataError
from symbackprop.program import Fact, Program
from symbackprop.verify.exact import random_point
from symbackprop.verify.literal import evaluate, prime_sizes, random_arrays, size_of, sizes_text
from symbackprop.verify.verdict import Counterexample, number_text

TOLERANCE = 1e-9
"""Relative difference below which two evaluations in float64 are taken as the same."""

CLEAR = 1e-6
"""Relative difference above which they are not. Between the two nothing is said."""

SHIFTS = (0, 1)
"""Two sets of prime sizes, so that 1/2 is not taken for 1/n where n = 2."""

DRAWS = 8
MOST_SIZES = 80
"""How many values are tried at each choice of sizes, and how many choices, before a search is given up."""


@dataclass(frozen=True)
class Comparison:
    """What a comparison found: a status and its reason."""

    status: str
    reason: str = ""


@dataclass(frozen=True)
class Found:
    """A point where two sides differ, as arrays of the leaves and as what a person is told."""

    arrays: Mapping[str, np.ndarray]
    example: Counterexample


def agree_numerically(program: Program, left: str, right: str, seeds: tuple[int, ...] = (0, 1)) -> Comparison:
    """Whether the tensors `left` and `right` have the same values at random points with the declared facts."""
    program = program.needed([left, right])
    points = []
    for shift in SHIFTS:
        sizes = prime_sizes(program, shift)
        for seed in seeds:
            gap, scale = difference(program, left, right, random_arrays(program, sizes, seed), sizes)
            if gap is None:
                return Comparison("unknown", f"a side is not finite at {sizes_text(sizes)}")
            if gap > CLEAR * scale:
                return Comparison("wrong", f"differ by {gap:.3g} at {sizes_text(sizes)}")
            if gap > TOLERANCE * scale:
                return Comparison("unknown", f"differ by {gap:.3g} at {sizes_text(sizes)}, too little to tell from rounding")
        points.append(sizes_text(sizes))
    return Comparison("holds", f"to {TOLERANCE:g} at {'; '.join(dict.fromkeys(points))}")


def difference(program: Program, left: str, right: str, arrays: Mapping[str, np.ndarray], sizes: Mapping[Expr, int]):
    """(the largest difference, the scale it is measured by) of two tensors; (None, 0) if one is not finite."""
    known = evaluate(program, arrays, sizes)
    a, b = known[left], known[right]
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return None, 0.0
    return float(np.abs(a - b).max(initial=0)), float(max(np.abs(a).max(initial=0), np.abs(b).max(initial=0), 1e-3))


def agree_exactly(program: Program, left: str, right: str) -> Comparison:
    """Whether `left` and `right` have the same residues modulo a large prime at random points with the declared facts."""
    program = program.needed([left, right])
    points = []
    for shift in SHIFTS:
        sizes = prime_sizes(program, shift)
        point = random_point(program, sizes, shift)
        if any(a.mod != b.mod for a, b in zip(point.entries[left].flat, point.entries[right].flat, strict=True)):
            return Comparison("unknown", "not equal as algebra with exponentials and roots as atoms")
        points.append(sizes_text(sizes))
    return Comparison("exact", f"exact at {'; '.join(dict.fromkeys(points))}")


def smallest_counterexample(program: Program, left: str, right: str) -> Found | None:
    """The first point, from the smallest sizes up, with whole numbers and halves for values, where the two tensors differ."""
    program = program.needed([left, right])
    for sizes, arrays in small_points(program):
        kinks: list[np.ndarray] = []
        known = evaluate(program, arrays, sizes, kinks=kinks)
        a, b = known[left], known[right]
        if any(np.any(k == 0) for k in kinks if k.dtype.kind == "f") or not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
            continue
        gap = np.abs(a - b)
        if gap.size and gap.max() > 1e-3 * max(np.abs(a).max(), np.abs(b).max()) and gap.max() > 1e-6:
            place = tuple(int(k) for k in np.unravel_index(int(gap.argmax()), gap.shape))
            example = Counterexample({str(s): v for s, v in sizes.items()}, arrays, place, number_text(a[place]), number_text(b[place]))
            return Found(arrays, example)
    return None


def small_points(program: Program) -> Iterator[tuple[dict[Expr, int], dict[str, np.ndarray]]]:
    """Sizes from the smallest up, and for each a few arrays of small whole numbers and halves with the declared facts."""
    axes = program.axes
    choices = sorted(product((1, 2, 3), repeat=len(axes)), key=lambda s: (np.prod(s), sum(s), s)) if len(axes) <= 7 else []
    choices = choices[:MOST_SIZES] or [tuple(prime_sizes(program).values())]
    for choice in choices:
        sizes = dict(zip(axes, choice, strict=True))
        for draw in range(DRAWS):
            try:
                yield sizes, small_arrays(program, sizes, draw)
            except DataError:
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
            values = _small_impose(values, fact, rng)
        arrays[t.name] = values
    if any(t.role == "index" for t in program.leaves):
        drawn = random_arrays(program, sizes, draw)
        arrays.update({t.name: drawn[t.name] for t in program.leaves if t.role == "index"})
    return arrays


def _small_impose(values: np.ndarray, fact: Fact, rng: np.random.Generator) -> np.ndarray:
    if fact.kind == "simplex" and rng.random() < 0.5:
        # 1/2, 1/4, ..., the last twice: few digits, and no two sums alike.
        size = values.shape[fact.axis]
        parts = 0.5 ** np.minimum(np.arange(1, size + 1), max(size - 1, 0))
        order = np.argsort(rng.random(values.shape), axis=fact.axis)
        return parts[order]
    if fact.kind in ("simplex", "one-hot", "unit"):
        # One entry 1 and the others 0 satisfies all three, in the fewest digits.
        hot = rng.integers(0, values.shape[fact.axis], np.delete(values.shape, fact.axis))
        return np.moveaxis(np.eye(values.shape[fact.axis])[hot], -1, fact.axis)
    if fact.kind == "symmetric":
        return np.triu(values) + np.swapaxes(np.triu(values, 1), -1, -2)
    if fact.kind == "positive":
        return np.abs(values)
    if fact.kind == "orthogonal":
        return np.eye(*values.shape[-2:])[rng.permutation(values.shape[-2])]
    return values
