"""Points for a check: sizes at which both passes run, data, derived gradients; labels as they are meant where any numbers won't do."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from symbackprop.backward.deriving.bench import RIGHT, Bench, Moved
from symbackprop.backward.deriving.differences import Slope, by_input
from symbackprop.backward.deriving.known import known_at
from symbackprop.backward.deriving.labels import ADJOINT, FACTOR, FORWARD, PART, Label, label
from symbackprop.backward.running.neglecting import tiny_constants
from symbackprop.backward.running.passes import Passes, Point, Ran, theirs
from symbackprop.backward.running.shapes import LABEL, MASK, PLACES, Shape, draw, label_like, letters_of, points
from symbackprop.backward.running.slots import Objective, Slot, check_rows, is_numbers, slots
from symbackprop.errors import SpecError, SymbackpropError, VerifyError

SCALES = (0.8, 0.05, 0.6)
"""Sizes of the data at the points: small data shows what is added to a denominator."""
WAYS = {
    "one-hot rows": "the rows of {0} are one-hot",
    "one-hot columns": "the columns of {0} are one-hot",
    "0 or 1": "the entries of {0} are 0 or 1",
    "masked": "{0}: a mask has the entries 0 and 1, and what it hides is 0",
}
KINDS = ("", "positive")
POINTS = 3
MOST_LETTERS = 7
"""Names of sizes among which one that others make is looked for."""
CLEAR = 0.6
"""The share of values that must be known for labels to be taken as any numbers."""
BLURRED = 1e-6
"""An error of the differences that wants other data."""


def benches(passes: Passes, shaped: Mapping[str, Shape], pairs: Mapping[str, str]) -> Bench:
    """The passes at three points. Where gradients are wrong of labels that are any numbers, labels as they are meant are tried too."""
    plain, shaped = _first(passes, shaped, pairs)
    plain = neglecting(plain)
    bad = count_wrong(plain)
    wanted = {s.variable for s in plain.slots}
    data = plain.points[0].values
    free = [n for n, s in shaped.items() if not s.role and n not in wanted and is_numbers(data.get(n)) and np.size(data[n]) > 1]
    labels, masks = [n for n in free if LABEL.match(n)], [n for n in free if MASK.match(n)]
    best = plain
    if bad and (labels or masks):
        clear = explained(plain) >= CLEAR
        for way in WAYS:
            meant = [*masks, *(n for n in labels if n not in masks)] if way == "masked" else labels
            if not meant or (way == "masked" and not masks):
                continue
            try:
                other = neglecting(bench_of(passes, shaped, pairs, tuple(meant), way))
            except SymbackpropError:
                continue
            now, least = count_wrong(other), count_wrong(best)
            if now < least or (now == least and not clear and explained(other) > explained(best)):
                best = other
    return best


def neglecting(bench: Bench) -> Bench:
    """The bench with tiny constants of the forward pass taken as 0, where gradients are nearly right and then are right."""
    wrong = [s for s, state in bench.states(bench.rans).items() if state != RIGHT]
    if not wrong or not all(_is_near(bench, s) for s in wrong):
        return bench
    tiny = tiny_constants(bench.passes.forward, lambda: bench.objective(bench.points[0]))
    if not tiny:
        return bench
    objective = copy.copy(bench.objective)
    objective.neglects = True
    names = list(bench.gradients[0])
    try:
        gradients = [_derived(objective, point, names) for point in bench.points]
    except (VerifyError, FloatingPointError):
        return bench
    said = f"{', '.join(tiny)}: taken as 0" if len(tiny) > 1 else f"{tiny[0]} is taken as 0"
    other = replace(bench, objective=objective, gradients=gradients, known=[], conditions=(*bench.conditions, said))
    return other if count_wrong(other) < len(wrong) else bench


def _is_near(bench: Bench, slot: Slot) -> bool:
    """Whether a gradient is right but for a thousandth at the first point, where the data is of the size of 1."""
    value, wanted = slot.value(bench.rans[0]), bench.gradients[0][slot.variable].value
    if value is None or value.size != wanted.size:
        return False
    return float(np.max(np.abs(value.reshape(-1) - wanted.reshape(-1)), initial=0)) <= 1e-3 * float(np.max(np.abs(wanted), initial=0))


def _first(passes: Passes, shaped: Mapping[str, Shape], pairs: Mapping[str, str]) -> tuple[Bench, Mapping[str, Shape]]:
    """The bench with the shapes as they are stated, else as they may be meant: whole numbers for places, a size that others make."""
    try:
        return bench_of(passes, shaped, pairs, ()), shaped
    except VerifyError as error:
        failed = error
    named = [_places(passes, shaped)] if "IndexError" in failed.reason else []
    for meant in [*named, *(_with_role(shaped, [n]) for n in shaped if named)]:
        with suppress(VerifyError, SpecError):
            return bench_of(passes, meant, pairs, ()), meant
    for stated in (shaped, *named):
        for related, said in _related(stated):
            if _runs(passes, related):
                with suppress(VerifyError, SpecError):
                    return replace(bench_of(passes, related, pairs, ()), refused=said), related
    raise failed


def _places(passes: Passes, shaped: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shapes, with whole numbers for what is called as places and labels are."""
    plain = [n for n, s in shaped.items() if not s.role and n not in passes.upstream]
    return _with_role(shaped, [n for n in plain if LABEL.match(n) or PLACES.match(n)])


def _with_role(shaped: Mapping[str, Shape], names: Sequence[str]) -> dict[str, Shape]:
    return {n: replace(s, role="index") if n in names else s for n, s in shaped.items()}


def _related(shaped: Mapping[str, Shape]) -> Iterator[tuple[Mapping[str, Shape], str]]:
    """Shapes in which one size is made of others, and what is to be said of them."""
    letters = letters_of([a for s in shaped.values() for a in s.axes])
    if len(letters) > MOST_LETTERS:
        return
    for letter in letters:
        others = [x for x in letters if x != letter]
        sizes = ["*".join(some) for count in (2, 3) for some in combinations(others, count)]
        sizes += [f"{k}*{x}" for k in (2, 3, 4) for x in others] + [f"{x}+{k}" for k in (1, 2) for x in others]
        for size in sizes:
            made = {n: replace(s, axes=tuple(size if a == letter else a for a in s.axes)) for n, s in shaped.items()}
            yield made, f"it runs where {letter} = {size}: say so in the shapes"


def _runs(passes: Passes, shaped: Mapping[str, Shape]) -> bool:
    """Whether both passes run at the first two sizes."""
    kept = {n: s for n, s in shaped.items() if n not in passes.upstream} or shaped
    try:
        for k, at in enumerate(points(kept)[:2]):
            _point(passes, Objective(passes, shaped), kept, at, k + 1, (), "")
    except (VerifyError, SpecError):
        return False
    return True


def count_wrong(bench: Bench) -> int:
    """How many gradients are not right."""
    return sum(s != RIGHT for s in bench.states(bench.rans).values())


def learn(bench: Bench) -> None:
    """Find what is known at each point, once."""
    if not bench.known:
        bench.known = [known_at(bench.objective, p, g) for p, g in zip(bench.points, bench.gradients, strict=True)]


def explained(bench: Bench) -> float:
    """The share of the values of the backward pass that are known, or that are so times a number."""
    learn(bench)
    kinds = [la.kind for la in labelled(bench, [bench.log(k) for k in range(len(bench.points))]).values()]
    return sum(kind in (ADJOINT, FORWARD, FACTOR, PART) for kind in kinds) / max(len(kinds), 1)


def labelled(bench: Bench, logs: Sequence[Sequence[Moved]]) -> dict[int, Label]:
    """What each site binds at last, where every point passes it."""
    made = {}
    for number in dict.fromkeys(m.site for m in logs[0]):
        last = [[m for m in log if m.site == number] for log in logs]
        if all(last):
            made[number] = label([t[-1].value for t in last], bench.known, bench.passes.backward.sites[number].name)
    return made


def bench_of(passes: Passes, shaped: Mapping[str, Shape], pairs: Mapping[str, str], labels: Sequence[str], way: str = "") -> Bench:
    """The bench of the first three sizes that both passes run at. Raises what the first size raised where there are none."""
    objective = Objective(passes, shaped)
    made: list[tuple[Point, Ran, float]] = []
    first: SymbackpropError | None = None
    kept = {n: s for n, s in shaped.items() if n not in passes.upstream} or shaped
    for at in points(kept):
        if len(made) == POINTS:
            break
        try:
            made.append(_point(passes, objective, kept, at, len(made), labels, way))
        except VerifyError as e:
            first = first or e
    if not made or (len(made) < 2 and first is not None and letters_of([a for s in shaped.values() for a in s.axes])):
        assert first is not None
        raise first
    while len(made) < POINTS:
        # No size has a name: other numbers at the same sizes.
        made.append(_point(passes, objective, kept, made[0][0].at, len(made), labels, way))
    at_points, rans, losses = [m[0] for m in made], [m[1] for m in made], [m[2] for m in made]
    found = slots(passes, at_points, rans, losses, pairs)
    check_rows(found, at_points, rans)
    names = list(dict.fromkeys(slot.variable for slot in found))
    gradients = []
    for k, point in enumerate(at_points):
        table = _derived(objective, point, names)
        for shrink in (0.5, 0.25):
            if max(g.error for g in table.values()) <= BLURRED:
                break
            # What saturates is too rough for differences: smaller data.
            try:
                other, ran, _ = _point(passes, objective, kept, point.at, k, labels, way, shrink)
            except VerifyError:
                break
            new = _derived(objective, other, names)
            if max(g.error for g in new.values()) < max(g.error for g in table.values()):
                table, at_points[k], rans[k] = new, other, ran
        gradients.append(table)
    refused = f"there are sizes at which it fails: {first.place}: {first.reason} ({'; '.join(first.notes)})" if first is not None else ""
    conditions = (WAYS[way].format(", ".join(labels)),) if way else ()
    return Bench(passes, objective, at_points, found, gradients, rans, [], conditions, tuple(labels), way, refused)


def _derived(objective: Objective, point: Point, names: Sequence[str]) -> dict[str, Slope]:
    """The derivatives by some arguments. Raises VerifyError where there is none."""
    table = {}
    for name in names:
        one = by_input(objective, point, name)
        if one is None:
            where = f"function {objective.passes.forward.name}"
            raise VerifyError(f"no differences can be had by {name}", place=where, fix="see that J is a finite number")
        table[name] = one
    return table


def _point(
    passes: Passes,
    objective: Objective,
    shaped: Mapping[str, Shape],
    at: Mapping[str, int],
    k: int,
    labels: Sequence[str],
    way: str,
    shrink: float = 1,
) -> tuple[Point, Ran, float]:
    """A point with data at which both passes run and J is a finite number, what they gave, and J."""
    first: SymbackpropError | None = None
    scale = SCALES[k % len(SCALES)] * shrink
    for kind in KINDS:
        for bound in _bounds(shaped, at):
            values = draw(shaped, at, 11 + k + int(8 / shrink), scale, bound, kind)
            point = Point(at, label_like(values, labels, way, k) if way else values)
            try:
                passes.prepare(point)
                objective.prepare(point, k, scale)
                with passes.forward.deadline.guarded() if not k else nullcontext():
                    ran = theirs(lambda p=point: passes.run(p), at)  # type: ignore[misc]
                loss = theirs(lambda p=point: objective(p), at)  # type: ignore[misc]
            except VerifyError as e:
                first = first or e
                continue
            if np.isfinite(loss) and loss == objective(point):
                return point, ran, loss
            first = first or VerifyError(
                "J is not a finite number" if not np.isfinite(loss) else "two runs give two values: the forward pass is random",
                place=f"function {passes.forward.name}",
                fix='shapes="n d positive" for data above 0'
                if not np.isfinite(loss)
                else "draw the random numbers with np.random.rand and the like, or pass them in",
            )
    assert first is not None
    raise first


def _bounds(shaped: Mapping[str, Shape], at: Mapping[str, int]) -> list[int]:
    """How many classes whole numbers may be drawn from, the most first."""
    if not any(s.role == "index" for s in shaped.values()):
        return [2]
    own = {a for s in shaped.values() if s.role == "index" for a in letters_of(s.axes)}
    sizes: dict[Any, int] = {s: 0 for a, s in at.items() if a not in own}
    for s in shaped.values():
        if s.role != "index":
            sizes |= {int(a): 0 for a in s.axes if a.isdigit()}
    return sorted({*sizes, 2}, reverse=True)
