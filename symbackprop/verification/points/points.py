"""The points at which two sides are compared: the one place that chooses them.

Sizes are those of `sizes.assignments`; data is of both signs at several scales, given up only where the model has no value, and special:
small whole numbers and zeros, that may lie on a kink. Then come points for what no point has reached yet: sizes at the threshold of a
condition on sizes, data on the other side of a condition on data, data close to a kink on either side.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from sympy import Expr, KroneckerDelta, Mul, Number

from symbackprop.calculus.program import Call, Program
from symbackprop.errors import SymbackpropError, VerifyError
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.oracle.sides import Reached, Site
from symbackprop.verification.points import draws
from symbackprop.verification.points.coverage import Conditions, Missing, Proviso
from symbackprop.verification.points.draws import LARGE, MIXED, SPREAD, TINY, UNIT, ZERO, Domain, Manner, draw
from symbackprop.verification.points.fit import HUGE, fit, levelled
from symbackprop.verification.points.fit import LARGE as FIT_LARGE
from symbackprop.verification.points.search import Search
from symbackprop.verification.points.sizes import Sizes, assignments, prime_sizes, thresholds

MOST_SOUGHT = 16
"""Sides of conditions that are searched for, and kinks that are approached."""

MOST_SPECIAL, ENOUGH = 6, 2
"""Further special points that are drawn where fewer than ENOUGH lie on a kink."""

FAR = 1e6
"""Among numbers larger than this a difference of size 1 is about to be lost: a point there may refute, but covers nothing."""

MOST_ENDS = 6
"""Points between which a kink is looked for."""

CLOSE = 2e-3
"""A gap smaller than this, of numbers of size 1, is close to a kink."""


@dataclass(frozen=True)
class Point:
    """Sizes, an array for each leaf, every tensor there, and the sides it reaches.

    `special`: it may lie on a kink. `unit`: its numbers are of size 1.
    """

    sizes: Sizes
    arrays: Mapping[str, np.ndarray]
    known: Mapping[str, np.ndarray]
    reached: Reached
    special: bool = False
    unit: bool = False


@dataclass
class Points:
    """The points for a program, one after another. `model`: the tensors that must be finite there, the model's own.

    `sides`: two formulas to be compared, at all scales and on special points too; without them numbers are of size 1, as for differences.
    What a point reaches counts only where both sides have values. After the last point `unreached` says what none has reached.
    """

    program: Program
    model: Collection[str]
    seed: int = 0
    sides: tuple[str, ...] = ()
    domain: Domain = field(default_factory=Domain)
    kept: list[Point] = field(default_factory=list)
    left: list[Missing] = field(default_factory=list)
    tried: list[Sizes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.conditions = Conditions(self.program)
        self.reached = Reached(self.conditions.own)
        self.levels = draws.levels(self.program)
        self.error: SymbackpropError | None = None
        self.ties: Counter[tuple[str, Any]] = Counter()

    def __iter__(self) -> Iterator[Point]:
        for point in self.all():
            if point.special:
                self.join_products(point)
                # Where all is 0, every kink is met, and little else.
                self.ties.update(point.reached.ties() if any(np.any(a) for a in point.arrays.values()) else ())
            else:
                self.kept.append(point)
                if self.covers(point):
                    self.reached.join(point.reached)
            yield point

    def join_products(self, point: Point) -> None:
        """Note which products of brackets a special point reaches, as x >= 0 and x <= 0: no ordinary one does."""
        for key, site in point.reached.sites.items():
            if isinstance(key[1], Mul) and self.covers(point):
                self.reached.sites.setdefault(key, Site()).join(site)

    def has_sides(self, point: Point) -> bool:
        """Whether both sides have a value in every entry."""
        return all(np.all(np.isfinite(point.known[n])) for n in self.sides)

    def covers(self, point: Point) -> bool:
        """Whether what a point reaches counts: both sides have values, of which something can be seen beside its data."""
        return self.has_sides(point) and all(np.abs(a).max(initial=0) <= FAR for a in point.arrays.values())

    def all(self) -> Iterator[Point]:
        """Those at the three kinds of sizes, at thresholds of sizes, and those sought for what is not reached by then.

        Raises VerifyError where there is none at the first kind: sizes of 1 alone are no check.
        """
        tried = self.tried
        for choices, manners in zip(assignments(self.program), self.manners(), strict=False):
            first = self.first(choices)
            if first is None and not tried:
                raise self.error or VerifyError("no point was found where the model has a value")
            if first is not None:
                tried.append(first.sizes)
                yield first
                yield from self.at(first.sizes, manners)
        more, left = thresholds(self.program, tried)
        self.left = [Missing(*row) for row in left]
        for sizes in more:
            near = [(draws.among(self.levels), k) for k in (4, 5)] if self.levels else []
            yield from self.at(sizes, [(UNIT, 0), (SPREAD, 1), (MIXED, 2), (MIXED, 3), *near] if self.sides else [(UNIT, 0)])
        yield from self.sought([tried[0], *more])

    def manners(self) -> list[list[tuple[Manner, int]]]:
        """How data is drawn at each kind of sizes, after a first draw of size 1: manners, and what each adds to the seed."""
        if not self.sides:
            return [[(UNIT, 1)], [], []]
        near = [(draws.among(self.levels), k) for k in (5, 6, 7)] if self.levels else []
        exact = (draws.whole(self.levels), 8)
        at_primes = [(UNIT, 1), (SPREAD, 2), (MIXED, 3), (TINY, 3), (LARGE, 4), *near, exact, (ZERO, 0)]
        return [at_primes, [(SPREAD, 2), exact], [(SPREAD, 2), (MIXED, 3), (MIXED, 4), *near, exact]]

    def first(self, choices: list[Sizes]) -> Point | None:
        """A point of size 1 at the first of the sizes where all is sound, else where the model is finite at least."""
        for strict in (True, False):
            for sizes in choices:
                if (point := self.drawn(sizes, UNIT, 0, strict)) is not None:
                    return point
        return None

    def at(self, sizes: Sizes, manners: list[tuple[Manner, int]]) -> Iterator[Point]:
        """Points at these sizes: one for each manner by which the model has a value."""
        for manner, shift in manners:
            if (point := self.drawn(sizes, manner, shift, False)) is not None:
                yield point

    def drawn(self, sizes: Sizes, manner: Manner, shift: int, strict: bool) -> Point | None:
        """A point where the model is finite, as little given up as that takes; `strict`: and no matrix that is inverted is singular."""
        smaller = draws.domains(self.program) if manner is UNIT else iter(())
        for domain in dict.fromkeys((self.domain, *smaller)):
            point = self.point(sizes, draw(self.program, sizes, manner, domain, self.seed + shift), manner, strict)
            if point is not None:
                if manner is UNIT and domain != self.domain:
                    self.domain = self.widest(sizes, domain, strict)
                return point
        return None

    def widest(self, sizes: Sizes, domain: Domain, strict: bool) -> Domain:
        """`domain` with every leaf of both signs again that the model takes so."""
        for name in sorted(domain.positive):
            wider = replace(domain, positive=domain.positive - {name})
            drawn = (draw(self.program, sizes, UNIT, wider, self.seed + k) for k in range(3))
            if all(self.point(sizes, arrays, UNIT, strict) is not None for arrays in drawn):
                domain = wider
        return domain

    def point(self, sizes: Sizes, arrays: dict[str, np.ndarray], manner: Manner, strict: bool) -> Point | None:
        """The point with these data; None where the model has no value there."""
        try:
            record = Reached(self.conditions.own)
            known = evaluate(self.program, arrays, sizes, sides=record)
            if manner is UNIT and (scaled := levelled(self.program, arrays, known, sizes, self.model)) is not None:
                arrays, record = scaled, Reached(self.conditions.own)
                known = evaluate(self.program, arrays, sizes, sides=record)
        except SymbackpropError as error:  # sizes at which an axis has no entries, or too many
            self.error = error
            return None
        if not fit(self.program, known, self.model, strict, HUGE if self.sides else FIT_LARGE):
            return None
        return Point(sizes, arrays, known, record, manner.special, manner is UNIT)

    def sought(self, sizes: list[Sizes]) -> Iterator[Point]:
        """Points on the sides that were not reached, then points close to the kinks that no point came close to."""
        searches = 0
        for m in list(self.conditions.missing(self.reached)):
            if searches < MOST_SOUGHT and m in self.conditions.missing(self.reached):  # what was found for one may do for others
                searches += 1
                found = (self.seek(m, s) for s in sizes)
                yield from islice((p for p in found if p is not None), 1)
        yield from self.on_kinks(sizes[0])
        far = [key for key, site in self.reached.sites.items() if site.below and site.above and self.is_far(key[1], site)]
        for key in far[:MOST_SOUGHT] if self.sides else ():
            yield from self.close(key)

    def is_far(self, condition: Any, site: Site) -> bool:
        """Whether no point came close to a kink, or only by the scale of all data where the condition has a number beside them."""
        if isinstance(condition, Mul | KroneckerDelta | Call):
            return False
        return max(site.near) > CLOSE or any(n not in (0, 1, -1) for n in condition.atoms(Number))

    def on_kinks(self, sizes: Sizes) -> Iterator[Point]:
        """Special points, until each kink was met exactly or MOST_SPECIAL have been tried."""
        for k in range(MOST_SPECIAL) if self.sides else ():
            seldom = [key for key in self.reached.sites if self.ties[key] < ENOUGH and not isinstance(key[1], Mul | KroneckerDelta)]
            if not seldom:
                return
            for manner in (draws.whole(self.levels), draws.whole()):
                point = self.drawn(sizes, manner, 20 + k, False)
                if point is not None and not set(seldom).isdisjoint(point.reached.ties()):
                    yield point

    def seek(self, m: Missing, sizes: Sizes) -> Point | None:
        """A point at these sizes on a side that was not reached."""
        start = next((p for p in self.kept if p.sizes == sizes), None)
        if start is None:
            return None
        search = Search(self.program, sizes, self.domain, self.seed, self.levels, self.conditions.own)
        found = (self.point(sizes, arrays, SPREAD, False) for arrays in search.seek(m, dict(start.arrays)))
        return next((p for p in found if p is not None and self.has_sides(p)), None)

    def close(self, key: tuple[str, Any]) -> Iterator[Point]:
        """Points close to the kink of a condition, between two of the same sizes that lie on different sides of it."""
        for sizes in self.tried:
            same = [p for p in self.kept if p.sizes == sizes][:MOST_ENDS]
            search = Search(self.program, sizes, self.domain, self.seed)
            made = list(search.approach(key, [dict(p.arrays) for p in same]))
            for arrays in made:
                if (point := self.point(sizes, arrays, SPREAD, False)) is not None:
                    yield point
            if made:
                return

    def with_one(self, axis: Expr | None) -> Iterator[Point]:
        """A point with one entry along `axis` alone, where the points so far have none."""
        first = self.kept[0].sizes if self.kept else {}
        if axis in first and first[axis] != 1:
            yield from self.at({**first, axis: 1}, [(UNIT, 0)])

    @property
    def unreached(self) -> list[Proviso]:
        """What no point has reached."""
        return self.conditions.unreached([*self.left, *self.conditions.missing(self.reached)])

    def unreached_in(self, places: Collection[str]) -> list[Proviso]:
        """What no point has reached in the equations `places`."""
        return self.conditions.unreached(m for m in (*self.left, *self.conditions.missing(self.reached)) if m.place in places)


def plain(program: Program, seed: int = 0) -> list[Point]:
    """Points with numbers of size 1 where the model is finite, and no matrix singular that it inverts, at several sizes."""
    return list(Points(program, own(program), seed))


def own(program: Program) -> list[str]:
    """The tensors of a program that are no derivatives."""
    return [t.name for t in program.tensors.values() if not t.is_derived]


def sound_sizes(program: Program, seed: int = 0) -> Sizes:
    """The first sizes at which there is such a point; distinct small primes where there is none."""
    return next((p.sizes for p in Points(program, own(program), seed)), prime_sizes(program))
