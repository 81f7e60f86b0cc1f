"""Steps along directions: the slope of a tensor by each, many steps in one evaluation.

Richardson's extrapolated central differences, and the complex step where it may be taken. A stencil that crosses a kink says nothing; a
complex step crosses none, unless it starts on one.
Source: Ridders 1982, doi:10.1016/S0141-1195(82)80057-0; Squire and
Trapp 1998, doi:10.1137/S003614459631241X.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sympy import Expr

from symbackprop.calculus.program import Program
from symbackprop.verification.oracle.literal import Arrays, Way, evaluate_equation
from symbackprop.verification.oracle.rows import displaced, downstream

STEP = 2.0**-12
"""The widest of three steps, each half of the one before; a power of two, so that x + h - x is h."""

FINER = (1, 16, 256)
"""Where a difference does not agree, it is taken again with steps this much smaller: what curves much within a step refutes nothing."""

SIDES = tuple((sign, half) for half in (1, 2, 4) for sign in (1, -1))
"""The points of a stencil, as the sign and the part of its step."""


@dataclass
class Step:
    """The slope along a direction of some tensors: what is `claimed`, and what was found.

    `exact` is that of a complex step, None where none may be taken; `slope` that of differences with its tolerance, None where all cross a
    kink.
    """

    directions: Arrays
    claimed: np.ndarray | None = None
    exact: np.ndarray | None = None
    differences: list[tuple[np.ndarray, float]] = field(default_factory=list)

    @property
    def slope(self) -> tuple[np.ndarray, float] | None:
        """The last slope where it agrees with what is claimed, else the most certain."""
        if self.agrees:
            return self.differences[-1]
        return min(self.differences, key=lambda row: row[1]) if self.differences else None

    @property
    def agrees(self) -> bool:
        """Whether the last slope is what is claimed, to its tolerance."""
        if not self.differences or self.claimed is None:
            return bool(self.differences)
        slope, tolerance = self.differences[-1]
        return bool(np.abs(slope - self.claimed).max(initial=0) <= tolerance)

    def moved(self, known: Arrays, by: complex) -> Arrays:
        """The tensors so far along the direction."""
        return {n: known[n] + by * direction for n, direction in self.directions.items()}


def take_complex(program: Program, known: Arrays, base: str, steps: Sequence[Step], sizes: Mapping[Expr, int]) -> None:
    """The complex step of each of `steps`, Im f(x + i h) / h, exact but for rounding: where no function takes real arguments only.

    h is 1e-30 times the smallest number that moves, or 1.
    """
    names = {n for step in steps for n in step.directions}
    real = _real_only(program, known, sizes, downstream(program, names))
    free = {n for n in names if real.isdisjoint(downstream(program, {n}))}
    chosen = [(step, h) for step in steps if free >= step.directions.keys() and (h := _tiny(step, known))]
    if not chosen:
        return
    values, turns = displaced(program, known, base, [s.moved(known, 1j * h) for s, h in chosen], sizes, np.complex128)
    for (step, h), value, same, on_kink in zip(chosen, values, turns.same, turns.on_kink, strict=True):
        if same and not on_kink and np.all(np.isfinite(value)):
            step.exact = np.imag(value) / h


def take_differences(
    program: Program, known: Arrays, base: str, steps: Sequence[Step], sizes: Mapping[Expr, int], parts: Sequence[int] = FINER
) -> None:
    """The differences of each of `steps`, with ever smaller ones until they agree with what is claimed."""
    for finer in parts:
        left = [s for s in steps if not s.agrees]
        if not left:
            return
        h = STEP / finer
        values, turns = displaced(program, known, base, [s.moved(known, sign * h / k) for s in left for sign, k in SIDES], sizes)
        whole = turns.same & np.isfinite(values).reshape(len(values), -1).all(axis=1)
        for k, step in enumerate(left):
            rows = slice(len(SIDES) * k, len(SIDES) * (k + 1))
            if whole[rows].all():
                step.differences.append(extrapolated(values[rows], h))


def extrapolated(values: np.ndarray, step: float) -> tuple[np.ndarray, float]:
    """The slope and its tolerance, from the values at SIDES of `step`.

    D(h) = (f(x+h) - f(x-h)) / 2h at h, h/2, h/4; two extrapolations: (4 D(h/2) - D(h)) / 3, then (16 R' - R) / 15.
    """
    slopes = [(values[2 * k] - values[2 * k + 1]) / (2 * step / 2**k) for k in range(3)]
    scale = float(np.abs(values[::2]).max(initial=0))
    first = [(4 * slopes[k + 1] - slopes[k]) / 3 for k in range(2)]
    second = (16 * first[1] - first[0]) / 15
    truncation = float(np.abs(second - first[1]).max(initial=0))
    rounding = 64 * np.finfo(np.float64).eps * (1 + scale) / (step / 4)
    return second, truncation + rounding


def _tiny(step: Step, known: Arrays) -> float:
    least = 1.0
    for n, direction in step.directions.items():
        start = np.asarray(known[n])
        least = min(least, float(np.abs(start[(direction != 0) & (start != 0)]).min(initial=1.0)))
    return 1e-30 * least


def _real_only(program: Program, known: Arrays, sizes: Mapping[Expr, int], moving: set[str]) -> set[str]:
    """The tensors whose equations take real arguments only."""
    table = {n: np.asarray(known[n]).astype(np.complex128) for n in program.tensors}
    found = set()
    with np.errstate(all="ignore"):
        for e in program.equations:
            if e.name in moving and not moving.isdisjoint(e.uses()):
                try:
                    evaluate_equation(e, table, sizes, Way(np.complex128))
                except TypeError:
                    found.add(e.name)
    return found
