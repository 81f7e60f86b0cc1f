"""Data for a side of a condition that no point has reached, and data close to a kink on either side of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations, product
from typing import Any

import numpy as np
from sympy import Expr, Mul

from symbackprop.calculus.facts import MEANS, SUMS, closed
from symbackprop.calculus.facts.data import broken
from symbackprop.calculus.program import Call, Program, Tensor
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.oracle.sides import Condition, Reached
from symbackprop.verification.points.coverage import Missing, wanted
from symbackprop.verification.points.draws import Domain, along, among, draw, imposed, selected, times

Arrays = dict[str, np.ndarray]

SCALES = (10.0, 100.0, 1e3, 1e4, 1e-2)
PUSHES = (1.0, -1.0, 10.0, -10.0, 100.0, -100.0, 1e3, -1e3)
"""What data is scaled by, and what is added to one leaf, on the way to the other side."""

LEAPS = 3
"""How often a threshold far away is aimed at along the slope of its gap."""

CLOSE = (1e-1, 1e-2, 1e-4, 1e-6)
"""How close to a kink, in the gap of its condition, data is brought."""

MOST_EVALUATIONS = 300
STEPS = 24


@dataclass
class Gaps:
    """The gap of one condition at a point."""

    key: tuple[str, Condition]
    values: np.ndarray | None = None

    def met(self, place: str, condition: Condition, gap: np.ndarray, picked: np.ndarray | None = None) -> None:
        """Keep that of the condition in question."""
        if (place, condition) == self.key:
            self.values = np.real(gap)


@dataclass
class Search:
    """Looks for data of a program at `sizes`; gives up after MOST_EVALUATIONS."""

    program: Program
    sizes: Mapping[Expr, int]
    domain: Domain
    seed: int = 0
    levels: Sequence[float] = ()
    own: Any = ()
    spent: int = field(default=0)

    def reaches(self, cone: Program, arrays: Arrays, m: Missing) -> bool:
        """Whether a condition has the missing sign at `arrays`."""
        self.spent += 1
        record = Reached(self.own)
        evaluate(cone, {t.name: arrays[t.name] for t in cone.leaves}, self.sizes, sides=record)
        site = record.sites.get((m.place, m.condition))
        return site is not None and m.sign not in wanted(m.condition, site)

    def seek(self, m: Missing, start: Arrays) -> Iterator[Arrays]:
        """Arrays at which the missing side is met."""
        cone = self.program.needed([m.place])
        for arrays in chain(self.trials(cone, start), self.leaps(m, cone, start)):
            if self.spent > MOST_EVALUATIONS:
                return
            if self.reaches(cone, arrays, m):
                yield arrays

    def trials(self, cone: Program, start: Arrays) -> Iterator[Arrays]:
        """Data of other scales and signs, then one leaf after another pushed far to either side."""
        for k, scale in enumerate(SCALES):
            yield draw(self.program, self.sizes, times(scale), self.domain, self.seed + 10 + k)
            yield draw(self.program, self.sizes, among((scale,)), self.domain, self.seed + 15 + k)
        if self.levels:
            for k in range(4):
                yield draw(self.program, self.sizes, among(self.levels), self.domain, self.seed + 20 + k)
        rng = np.random.default_rng(self.seed)
        for t in cone.leaves:
            value = start[t.name]
            if t.role == "index":
                top = selected(self.program, t.name, self.sizes)
                for k in (top - 1, 0, *(int(c) + s for c in self.levels for s in (0, 1, -1))):
                    if 0 <= k < top:
                        yield {**start, t.name: np.full(value.shape, k)}
            elif closed(t) >= SUMS:
                ways = [_direction(rng, t, value.shape)]
                if value.size > 1:  # one entry alone, so that an order changes too
                    last = np.zeros(value.shape)
                    last[(-1,) * last.ndim] = 1
                    ways.append(along(t, last, rng))
                for push, way in product(PUSHES, ways):
                    moved = value + push * way
                    yield {**start, t.name: imposed(np.abs(moved) if t.name in self.domain.positive else moved, t.facts, rng)}

    def leaves(self, t: Tensor, moved: np.ndarray) -> bool:
        """Whether entries that have to stay positive do not, or a fact is no longer true."""
        return bool(t.name in self.domain.positive and np.any(moved <= 0)) or any(broken(f, moved) for f in t.facts)

    def leaps(self, m: Missing, cone: Program, start: Arrays) -> Iterator[Arrays]:
        """Data beyond a threshold that is far away: one leaf after another moved to where the slope of the gap says that it is crossed."""
        rng = np.random.default_rng(self.seed)
        for t in cone.leaves:
            if t.role == "index" or closed(t) < SUMS or isinstance(m.condition, Call | Mul):
                continue
            arrays = start
            for _ in range(LEAPS):
                value = arrays[t.name]
                way = _direction(rng, t, value.shape) * max(np.abs(value).max(initial=0) * 1e-3, 1e-3)
                length = self.length((m.place, m.condition), cone, arrays, {**arrays, t.name: value + way})
                moved = value + length * (2.0 if m.sign else 1.0) * way
                if not np.isfinite(length) or self.leaves(t, moved):
                    break
                arrays = {**arrays, t.name: moved}
                yield arrays

    def length(self, key: tuple[str, Condition], cone: Program, arrays: Arrays, beside: Arrays) -> float:
        """How many times the way from `arrays` to `beside` it is, by slopes, until the nearest entry of a gap is 0; NaN where none is."""
        here, there = self.gap(key, cone, arrays), self.gap(key, cone, beside)
        if here is None or there is None:
            return np.nan
        with np.errstate(all="ignore"):
            ways = (-here / (there - here)).ravel()
        ways = ways[np.isfinite(ways)]
        return float(ways[np.abs(ways).argmin()]) if ways.size else np.nan

    def gap(self, key: tuple[str, Condition], cone: Program, arrays: Arrays) -> np.ndarray | None:
        """The gap of a condition at `arrays`."""
        self.spent += 1
        gaps = Gaps(key)
        evaluate(cone, {t.name: arrays[t.name] for t in cone.leaves}, self.sizes, sides=gaps)
        return gaps.values

    def approach(self, key: tuple[str, Condition], ends: Sequence[Arrays]) -> Iterator[Arrays]:
        """Arrays between two of `ends` at which an entry of the gap is close to 0, on either side."""
        cone = self.program.needed([key[0]])
        fixed = {t.name for t in self.program.leaves if t.role == "index" or closed(t) < MEANS}
        found = [(arrays, gap) for arrays in ends if (gap := self.gap(key, cone, arrays)) is not None]
        pairs = [(one, other, np.argwhere(a * b < 0)) for (one, a), (other, b) in combinations(found, 2) if a.shape == b.shape]
        pair = next((row for row in pairs if len(row[2])), None)
        if pair is None:
            return
        one, other, place = pair[0], pair[1], tuple(pair[2][0])

        def between(t: float) -> Arrays:
            return {n: a if n in fixed else (1 - t) * a + t * other[n] for n, a in one.items()}

        def value(t: float) -> float:
            gap = self.gap(key, cone, between(t))
            return float(gap[place]) if gap is not None and np.isfinite(gap[place]) else np.nan

        low, high = value(0.0), value(1.0)
        if low * high < 0:  # not where what is fixed decides
            root, slope = _root(value, low, high)
            for close in CLOSE if root is not None and slope else ():
                for sign in (1, -1):
                    yield between(root + sign * close / slope)  # type: ignore[operator]  # root is a number


def _direction(rng: np.random.Generator, t: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """A direction to push a leaf in: every entry up, none like another."""
    return along(t, rng.uniform(0.5, 1.5, shape), rng)


def _root(value: Any, low: float, high: float) -> tuple[float | None, float]:
    """Where a function on 0..1 with values of different signs at the ends is 0, and its slope there: false position, Illinois."""
    a, b, fa, fb, kept = 0.0, 1.0, low, high, 0
    t = 0.5
    for _ in range(STEPS):
        t = (a * fb - b * fa) / (fb - fa)
        f = value(t)
        if not np.isfinite(f):
            return None, 0.0
        if abs(f) < 1e-13 * (abs(low) + abs(high)) or b - a < 1e-14:
            break
        if (f < 0) == (fb < 0):
            b, fb, fa, kept = t, f, fa / 2 if kept == -1 else fa, -1
        else:
            a, fa, fb, kept = t, f, fb / 2 if kept == 1 else fb, 1
    step = 1e-5
    return t, (value(t + step) - value(t - step)) / (2 * step)
