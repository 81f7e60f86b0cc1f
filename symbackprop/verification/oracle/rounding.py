"""Whether two evaluations differ by more than rounding explains.

Where they are not the same to TIGHT, entry by entry, the program is evaluated again with noise of about a rounding on every value; what
that moves is what rounding may have done. A difference far above it is one, however small; one far below is none; between, nothing is
said.
Source: stochastic arithmetic, Vignes 1993, doi:10.1016/0378-4754(93)90003-D.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sympy import Expr

from symbackprop.calculus.program import Program
from symbackprop.verification.oracle.literal import Noise, evaluate
from symbackprop.verification.oracle.sides import Stencil

TIGHT = 1e-12
"""Relative difference of two entries below which they are taken as the same."""

LEAST = 1e-100
"""A smaller difference may be one of numbers that are too small for all their digits."""

NOISE, REAL = 16, 1024
"""A difference below NOISE times what the noise moves is rounding; one above REAL times it is none."""

PLAIN = 1e-9
"""Where noise can't be had, a difference relative to the largest entry (1 at least) that is one."""

UNSTABLE = 1e-6
"""What noise moves an entry by, relative to the largest number met on the way, where nothing jumps and digits are left."""

RUNS = 3


@dataclass(frozen=True)
class Judgement:
    """What was found of two arrays where both have values: "same", "differs", "unclear"; or "none", as they have nowhere.

    `place` is the entry that says it; `gap` the largest difference relative to the size of its entry. `lacks`: which side has no value in
    some entry: "left" or "right", where the other has one, else "both".
    """

    status: str
    place: tuple[int, ...] = ()
    gap: float = 0.0
    lacks: str = ""


def judged(
    program: Program, arrays: Mapping[str, np.ndarray], sizes: Mapping[Expr, int], known: Mapping[str, np.ndarray], left: str, right: str
) -> Judgement:
    """Whether the tensors `left` and `right` are the same at a point at which all tensors are `known`. What neither has is left out."""
    there = np.isfinite(known[left]), np.isfinite(known[right])
    both = there[0] & there[1]
    lacks = "left" if np.any(there[1] & ~both) else "right" if np.any(there[0] & ~both) else "" if both.all() else "both"
    if not both.any() and both.size:
        return Judgement("none", lacks=lacks)
    return replace(_compared(program, arrays, sizes, known, (left, right), both), lacks=lacks)


def _compared(
    program: Program,
    arrays: Mapping[str, np.ndarray],
    sizes: Mapping[Expr, int],
    known: Mapping[str, np.ndarray],
    names: tuple[str, str],
    both: np.ndarray,
) -> Judgement:
    """Whether two tensors are the same where `both` have values."""
    left, right = names
    a, b = known[left], known[right]
    with np.errstate(invalid="ignore"):
        gap = np.where(both, np.abs(a - b), 0.0)
        scale = np.where(both, np.abs(a) + np.abs(b), 0.0)
    open_ = gap > np.maximum(TIGHT * scale, LEAST)
    largest = float((gap[open_] / scale[open_]).max(initial=0)) if open_.any() else float((gap / np.where(scale, scale, 1)).max(initial=0))
    if not open_.any():
        return Judgement("same", gap=largest)
    found = noise(program, arrays, sizes, known, (left, right))
    whole = max(float(np.abs(a[both]).max(initial=0)), float(np.abs(b[both]).max(initial=0)), 1.0)
    rough = float(gap.max()) / whole
    if found is None:  # on a kink, which noise crosses: only what is plain to see differs
        return Judgement("differs" if rough > PLAIN else "same" if rough < TIGHT else "unclear", _first(gap == gap.max()), largest)
    moved = found.by[left] + found.by[right]
    ratio = np.where(open_, gap / np.maximum(moved, 1e-300), 0.0)
    place = tuple(int(k) for k in np.unravel_index(int(ratio.argmax()), ratio.shape))
    if ratio.max() > REAL:
        return Judgement("differs", place, largest)
    hidden = found.is_wild and rough > TIGHT
    return Judgement("unclear", place, largest) if hidden or ratio.max() > NOISE else Judgement("same", place, TIGHT)


@dataclass(frozen=True)
class Moved:
    """By how much each entry of some tensors moves where every value is moved by about a rounding.

    `is_wild`: by more than rounding does at an ordinary point, so that something jumped, or all digits are lost: that excuses nothing.
    """

    by: Mapping[str, np.ndarray]
    is_wild: bool


def noise(
    program: Program,
    arrays: Mapping[str, np.ndarray],
    sizes: Mapping[Expr, int],
    known: Mapping[str, np.ndarray],
    names: Sequence[str],
    runs: int = RUNS,
) -> Moved | None:
    """By how much rounding moves each entry of the tensors `names`; None if noise crosses a kink in every run."""
    here = Stencil()
    evaluate(program, arrays, sizes, sides=here)
    moved: dict[str, np.ndarray] = {}
    largest = 1.0
    for run in range(runs):
        sides, source = Stencil(), Noise(np.random.default_rng(run))
        again = evaluate(program, arrays, sizes, sides=sides, noise=source)
        largest = max(largest, source.largest)
        if here.same(sides):
            for n in names:
                with np.errstate(invalid="ignore"):
                    moved[n] = np.fmax(moved.get(n, 0.0), np.abs(again[n] - known[n]))
    wild = any(np.nanmax(m, initial=0) > UNSTABLE * largest for m in moved.values())
    return Moved(moved, wild) if moved else None


def _first(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(int(k) for k in np.unravel_index(int(np.argmax(mask)), mask.shape))
