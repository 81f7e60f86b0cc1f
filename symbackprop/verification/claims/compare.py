"""Comparing two tensors of one program at the points of `points`, and modulo a prime.

At ordinary points two sides are equal or refuted. On special points, small whole numbers, a difference that goes away as soon as the data
moves is one of conventions at a kink, and becomes a condition.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from symbackprop.calculus.facts import SUMS, closed
from symbackprop.calculus.program import Program
from symbackprop.verification.exact import random_point
from symbackprop.verification.oracle.literal import evaluate, sizes_text
from symbackprop.verification.oracle.rounding import TIGHT, Judgement, judged
from symbackprop.verification.points.coverage import Proviso
from symbackprop.verification.points.draws import along
from symbackprop.verification.points.points import Point, Points, own
from symbackprop.verification.points.sizes import Sizes, prime_sizes
from symbackprop.verification.verdict import arrays_text

AWAY = (1e-3, 1e-2)
"""How far special data is moved, to see whether a difference stays."""

SHIFTS = (0, 1)
"""Two sets of prime sizes for exact algebra, so that 1/2 is not taken for 1/n where n = 2."""


@dataclass(frozen=True)
class Comparison:
    """What a comparison found: a status ("holds", "exact", "wrong", "unknown") and its reason.

    `conditions`: what it holds under, since the sides differ on kinks, or no point reached more. `point` and `place` refute. `sizes`: those
    tried, of the three kinds. `rational`: in an exact comparison nothing stood for a function.
    """

    status: str
    reason: str = ""
    conditions: tuple[Proviso, ...] = ()
    point: Point | None = None
    place: tuple[int, ...] = ()
    sizes: tuple[Sizes, ...] = ()
    rational: bool = False


@dataclass
class Tally:
    """What the points have said so far: how many agree, the special ones that do not, and the first where something is amiss."""

    agree: int = 0
    worst: float = 0.0
    ties: list[Point] = field(default_factory=list)
    bare: dict[str, Point] = field(default_factory=dict)
    unclear: tuple[Point, Judgement] | None = None


def agree_numerically(program: Program, left: str, right: str, model: Collection[str] | None = None, seed: int = 0) -> Comparison:
    """Whether the tensors `left` and `right` have the same values at all points with the declared facts.

    `model`: the tensors whose values make the domain, the model's own; default: all but what is derived.
    """
    program = with_values(program, left, right)
    domain = own(program) if model is None else [n for n in model if n in program.tensors]
    ours = program.tensors[left].is_derived or left in domain
    points, tally = Points(program, domain, seed, (left, right)), Tally()
    for point in points:
        found = judged(program, point.arrays, point.sizes, point.known, left, right)
        lacks = "left" if found.lacks == "both" and ours else found.lacks
        if point.unit and lacks in ("left", "right"):
            tally.bare.setdefault(lacks, point)
        if found.status == "same":
            tally.agree += not point.special
            tally.worst = max(tally.worst, found.gap)
        elif found.status == "differs":
            if not point.special or stays(program, point, left, right):
                reason = f"differ by {found.gap:.3g} of their size at {sizes_text(point.sizes)}"
                return Comparison("wrong", reason, point=point, place=found.place)
            tally.ties.append(point)
        elif point.unit and found.status == "unclear":
            tally.unclear = tally.unclear or (point, found)
    return _said(points, tally, ours)


def with_values(program: Program, left: str, right: str, whole: bool = True) -> Program:
    """What both sides need, and what the derivatives among it are derivatives of: without a value of that there is none of them.

    `whole`: and the objective, where the program has it, since a claim about a model is one where that has a value.
    """
    needed = program.needed([left, right])
    bases = {n for t in needed.tensors.values() for n in t.derivative if n in program.tensors}
    return program.needed([left, right, *bases, *([program.objective] if whole and program.objective in program.tensors else [])])


def stays(program: Program, point: Point, left: str, right: str) -> bool:
    """Whether the sides differ at a special point and also near it, so that it is no matter of a convention on a kink."""
    free = [t for t in program.leaves if t.role != "index" and closed(t) >= SUMS]
    if not any(point.arrays[t.name].size for t in free):
        return True
    rng = np.random.default_rng(0)
    for away in AWAY:
        arrays = dict(point.arrays)
        for t in free:
            way = rng.uniform(0.5, 1.5, arrays[t.name].shape) * rng.choice([-1, 1], arrays[t.name].shape)
            moved = arrays[t.name] + away * along(t, way, rng)
            arrays[t.name] = np.abs(moved) if np.all(arrays[t.name] >= 0) else moved
        known = evaluate(program, arrays, point.sizes)
        if judged(program, arrays, point.sizes, known, left, right).status == "differs":
            return True
    return False


def _said(points: Points, tally: Tally, ours: bool) -> Comparison:
    """What all points say together, none of which refutes. `ours`: the left side is a derivative or a tensor of the model."""
    if ours and "left" in tally.bare:
        return Comparison("unknown", f"the left side has no value at {_where(tally.bare['left'])}, where the model has one")
    if tally.unclear is not None:
        point, found = tally.unclear
        reason = f"differ by {found.gap:.1g} of their size at {sizes_text(point.sizes)}, too little to tell from rounding"
        return Comparison("unknown", reason)
    if not tally.agree:
        return Comparison("unknown", "no point was found where both sides have a value")
    conditions = [Proviso(text) for text in _off_kinks(points, tally.ties)]
    conditions += [Proviso(f"the {side} side has a value: it has none at {_where(point)}") for side, point in tally.bare.items()]
    tried = tuple({tuple(p.sizes.items()): p.sizes for p in points.kept}.values())
    reason = f"to {TIGHT:g} at {'; '.join(dict.fromkeys(map(sizes_text, tried)))}"
    return Comparison("holds", reason, (*conditions, *points.unreached), sizes=tried)


def _off_kinks(points: Points, ties: Sequence[Point]) -> list[str]:
    """The kinks on which the sides differ, as conditions: of points that lie on several, those with the fewest say it."""
    fat = {key for key, site in points.reached.sites.items() if site.at}
    found: dict[str, None] = {}
    for point, on in sorted(((p, [k for k in p.reached.ties() if k not in fat]) for p in ties), key=lambda row: len(row[1])):
        texts = [points.conditions.off_kink(condition) for _, condition in on] or [f"the data are not as at {_where(point)}"]
        if not found.keys() & set(texts):
            found |= dict.fromkeys(texts)
    return list(found)


def _where(point: Point) -> str:
    small = sum(np.size(a) for a in point.arrays.values()) <= 12
    return "; ".join(filter(None, (sizes_text(point.sizes), arrays_text(point.arrays) if small else "")))


def agree_exactly(program: Program, left: str, right: str, first: Sizes | None = None) -> Comparison:
    """Whether `left` and `right` have the same residues modulo a large prime at random points with the declared facts.

    `first`: sizes of the first of them, where the sides are known to have values.
    """
    program = program.needed([left, right])
    texts = []
    for shift in SHIFTS:
        sizes = prime_sizes(program, shift) if shift else first or prime_sizes(program)
        point = random_point(program, sizes, shift)
        if any(a.mod != b.mod for a, b in zip(point.entries[left].flat, point.entries[right].flat, strict=True)):
            rational = not point.field.atoms
            reason = "not equal as exact algebra" if rational else "not equal as algebra with exponentials and roots as atoms"
            return Comparison("unknown", reason, rational=rational)
        texts.append(sizes_text(sizes))
    return Comparison("exact", f"exact at {'; '.join(dict.fromkeys(texts))}")
