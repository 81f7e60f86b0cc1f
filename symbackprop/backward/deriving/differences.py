"""Derivatives of J by any value of a forward pass, by differences of the pass itself, run with one value moved.

A stencil of five points along each entry; the whole gradient is then compared with differences along drawn directions at
another step. Where they disagree (a kink between the points, too large a step), the step is made smaller.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symbackprop.backward.running.passes import Point
from symbackprop.backward.running.slots import Objective

STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
"""Steps relative to the size of what is moved."""
GOOD = 1e-9
WEIGHTS = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))
SHORT = ((-1, -1 / 2), (1, 1 / 2))
"""The stencil of two points, exact where J is quadratic: tried first where a run takes long."""
LONG = 4e-4
"""Seconds of a run that takes long."""


@dataclass(frozen=True)
class Slope:
    """A derivative, and by how much of its largest entry it may be wrong."""

    value: np.ndarray
    error: float


@dataclass(frozen=True)
class Moment:
    """A value of a run: the `time`-th time that a site is passed. Of an input the site is -1, and `name` says which."""

    site: int
    time: int
    name: str


def slope(run: Callable[[np.ndarray], float], at: np.ndarray, most: int = 10**9, size: float = 0) -> Slope | None:
    """The derivative of `run`, a function of an array, at a value of it; None where more than `most` runs would be needed.

    `size`: that of what is moved; default: that of the value.
    """
    at = np.asarray(at, float)
    if at.size * len(WEIGHTS) > most:
        return None
    scale = size or float(np.max(np.abs(at), initial=0)) or 1.0
    rng = np.random.default_rng(0)
    best: Slope | None = None
    start = time.process_time()
    run(at)
    first = ((STEPS[0], SHORT),) if time.process_time() - start > LONG and at.size > 1 else ()
    for step, weights in (*first, *((s, WEIGHTS) for s in STEPS)):
        h = step * scale
        made = np.zeros(at.shape)
        for place in np.ndindex(at.shape):
            way = np.zeros(at.shape)
            way[place] = 1
            made[place] = _along(run, at, way, h, weights)
        top = float(np.max(np.abs(made), initial=0))
        worst = 0.0
        for shrink in (0.37, 0.11):
            way = rng.choice([-1.0, 1.0], at.shape) * rng.uniform(0.5, 1, at.shape)
            worst = max(worst, abs(float(np.sum(made * way)) - _along(run, at, way, h * shrink)))
        floor = abs(run(at)) * 1e-15 / h
        # Of a derivative that is 0 the error is compared absolutely, with what J and the step allow.
        error = worst / top if top > 100 * floor else 0.0 if worst <= 1e4 * floor else 1.0
        if not np.isfinite(error):
            continue
        if best is None or error < best.error:
            best = Slope(made if top > 100 * floor else np.zeros(at.shape), max(error, floor / top if top > 100 * floor else 0.0))
        if error < GOOD:
            break
    return best


def _along(
    run: Callable[[np.ndarray], float], at: np.ndarray, way: np.ndarray, h: float, weights: Sequence[tuple[int, float]] = WEIGHTS
) -> float:
    return sum(w * run(at + k * h * way) for k, w in weights) / h


def by_input(objective: Objective, point: Point, name: str) -> Slope | None:
    """dJ/d an argument, or an array of the object."""
    old = point.values[name]

    def run(value: np.ndarray) -> float:
        moved = Point(point.at, {**point.values, name: value if np.ndim(old) else float(value)}, point.up, point.thing)
        return objective(moved)

    return slope(run, np.asarray(old, float))


def history(objective: Objective, point: Point) -> Iterator[tuple[Moment, Any]]:
    """The values that forward binds, in order, copied."""
    seen: list[tuple[Moment, Any]] = []
    times: dict[int, int] = {}

    def watch(site: int, value: Any) -> Any:
        if isinstance(value, np.ndarray | np.floating | float):
            times[site] = times.get(site, -1) + 1
            seen.append((Moment(site, times[site], objective.passes.forward.sites[site].name), np.array(value, copy=True)))
        return value

    objective.passes.run_forward(point, watch)
    yield from seen


def moved_at(moment: Moment, change: Callable[[Any], Any]) -> Callable[[int, Any], Any]:
    """The hook that changes the value of one moment."""
    count = [-1]

    def hook(site: int, value: Any) -> Any:
        if site == moment.site and isinstance(value, np.ndarray | np.floating | float):
            count[0] += 1
            if count[0] == moment.time:
                return change(value)
        return value

    return hook


def by_moment(objective: Objective, point: Point, moment: Moment, value: np.ndarray, most: int = 10**9) -> Slope | None:
    """dJ/d the value that one moment of forward binds."""

    def run(new: np.ndarray) -> float:
        return objective(point, moved_at(moment, lambda old: new.copy() if isinstance(old, np.ndarray) else float(new)))

    return slope(run, value, most=most)
