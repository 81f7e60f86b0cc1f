"""Gradients of a backward pass against derived ones at several points, also of a pass that is run with something changed."""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np

from symbackprop.backward.deriving.differences import Slope
from symbackprop.backward.deriving.known import Known
from symbackprop.backward.deriving.labels import squeezed
from symbackprop.backward.running.passes import Passes, Point, Ran, plainly
from symbackprop.backward.running.slots import Objective, Slot

RIGHT, WRONG, OPEN = "right", "wrong", "open"
NEAR, FAR = 1e-8, 1e-7
"""Relative to the largest entry: what is the same, what is certainly not; the error of the differences is added."""
ROUGH = 1e-4
"""Differences that are rougher than this tell of nothing that it is right."""


@dataclass(frozen=True)
class Moved:
    """A value that the backward pass binds: the site, which time that it is passed, and the value."""

    site: int
    time: int
    value: np.ndarray


@dataclass
class Bench:
    """The passes at points with their derived gradients.

    `conditions`: what the data had to be: `labels` as `way` says; `refused`: sizes at which a pass fails, and how; `replaced`: nodes of
    the source of backward that have been corrected, by their numbers.
    """

    passes: Passes
    objective: Objective
    points: list[Point]
    slots: list[Slot]
    gradients: list[dict[str, Slope]]
    rans: list[Ran]
    known: list[Known] = field(default_factory=list)
    conditions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    way: str = ""
    refused: str = ""
    replaced: dict[int, ast.AST] = field(default_factory=dict)
    _current: tuple[int, CodeType] | None = None

    def changed(self, more: Mapping[int, ast.AST]) -> CodeType:
        """The code of backward with what has been corrected so far, and more."""
        return self.passes.backward.changed({**self.replaced, **more})

    def current(self) -> CodeType:
        """The code of backward with what has been corrected so far."""
        if self._current is None or self._current[0] != len(self.replaced):
            self._current = len(self.replaced), self.changed({})
        return self._current[1]

    def judged(self, slot: Slot, k: int, ran: Ran) -> str:
        """Whether a gradient of a run at point `k` is right, wrong, or too near to tell."""
        return compared(slot.value(ran), self.gradients[k][slot.variable], np.asarray(self.points[k].values[slot.variable], float))

    def states(self, rans: Sequence[Ran]) -> dict[Slot, str]:
        """Each gradient over all points: wrong if it is so anywhere."""
        made = {}
        for slot in self.slots:
            seen = {self.judged(slot, k, r) for k, r in enumerate(rans)}
            made[slot] = WRONG if WRONG in seen else OPEN if OPEN in seen else RIGHT
        return made

    def tried(
        self, hooks: Callable[[int], Callable[[int, Any], Any]], code: CodeType | None = None, first: Sequence[Slot] = ()
    ) -> dict[Slot, str] | None:
        """The states with a hook for each point, or with other code; None where it fails, or `first` are all wrong at the first point."""
        rans = []
        code = code or self.current()
        for k, point in enumerate(self.points):
            try:
                ran = self.passes.run(point, hooks(k), code)
            except Exception:  # what is tried may be anything; it is no answer then
                return None
            if first and not any(self.judged(s, k, ran) == RIGHT for s in first):
                return None
            rans.append(ran)
        return self.states(rans)

    def log(self, k: int, code: CodeType | None = None) -> list[Moved]:
        """The arrays that backward binds at point `k`, in order."""
        made: list[Moved] = []
        times: dict[int, int] = {}

        def watch(site: int, value: Any) -> Any:
            if isinstance(value, np.ndarray | np.floating | float):
                times[site] = times.get(site, -1) + 1
                made.append(Moved(site, times[site], np.array(value, float, copy=True)))
            return value

        self.passes.run(self.points[k], watch, code)
        return made


def compared(value: np.ndarray | None, slope: Slope, variable: np.ndarray) -> str:
    """A gradient against the derived one; one that is 0 everywhere is compared absolutely."""
    if value is None or squeezed(value).shape != squeezed(variable).shape or not np.all(np.isfinite(value)):
        return WRONG
    wanted = slope.value.reshape(value.shape)
    top = float(np.max(np.abs(wanted), initial=0))
    off = float(np.max(np.abs(value - wanted), initial=0))
    if top == 0:
        return RIGHT if off < (1e-9 if value.dtype == float else 1e-5) else WRONG if off > 1e-7 else OPEN
    off /= top
    if value.dtype != float:
        digits = float(np.finfo(value.dtype).eps)
        return RIGHT if off <= 50 * digits + 10 * slope.error else WRONG if off > 5000 * digits + 100 * slope.error else OPEN
    return RIGHT if off <= NEAR + 10 * slope.error <= ROUGH else WRONG if off > FAR + 100 * slope.error else OPEN


def plainly_at(_: int) -> Callable[[int, Any], Any]:
    """The hook for a point that changes nothing."""
    return plainly


def replacing(site: int, times: Mapping[int, np.ndarray]) -> Callable[[int, Any], Any]:
    """The hook that puts other values in the place of those that a site binds, by the time that it is passed."""
    count = [-1]

    def hook(number: int, value: Any) -> Any:
        if number == site and isinstance(value, np.ndarray | np.floating | float):
            count[0] += 1
            if count[0] in times:
                new = times[count[0]]
                new = new.reshape(np.shape(value)) if new.size == np.size(value) and squeezed(new).shape == np.squeeze(value).shape else new
                return new.copy() if isinstance(value, np.ndarray) else float(new)
        return value

    return hook
