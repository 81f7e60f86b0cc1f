"""Derivatives against numbers: differences and complex steps along directions, those of all derivatives of one tensor together.

Only forward equations are evaluated on the one side, only the adjoint's on the other. The tolerance comes from the
stencil (how much the last extrapolation changed) and the dtype (rounding over the step). What crosses a kink is skipped, counted and
reported.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
from sympy import Expr

from symbackprop.calculus.program import Program, Tensor
from symbackprop.errors import SymbackpropError, VerifyError
from symbackprop.verification.oracle.literal import evaluate, infer_sizes, sizes_text
from symbackprop.verification.oracle.rounding import noise
from symbackprop.verification.oracle.rows import downstream
from symbackprop.verification.points.draws import random_arrays
from symbackprop.verification.points.points import Points, own
from symbackprop.verification.points.sizes import Sizes
from symbackprop.verification.steps import STEP, Step, take_complex, take_differences
from symbackprop.verification.verdict import Counterexample, Verdict, broken, guarded, two_texts

ENTRIES = 24
"""Entries of a tensor that are stepped along one by one; of a larger one, so many are drawn, with two random directions."""

WORK = 240
"""Equations that are evaluated for a step along each of those entries; the deeper the way, the fewer entries, but FEWEST."""

FEWEST, LATER = 4, 6
"""The fewest entries, and the most at the points after the first two."""

SENSITIVE = 100
"""What rounding moves times this is no ground to refute on."""

CLEAR = 1e-5
"""A relative difference that refutes. What lies between the tolerance and this is unknown, not wrong."""


@dataclass
class Tally:
    """What was compared: steps taken and skipped, the largest difference and the largest tolerance, and the worst step."""

    taken: int = 0
    skipped: int = 0
    complex_steps: int = 0
    worst: float = 0.0
    tolerance: float = 0.0
    failure: tuple[int, tuple[int, ...], float, float, float] | None = None
    points: list[str] = field(default_factory=list)


def derivatives(program: Program) -> list[Tensor]:
    """The tensors of `program` that are said to be a derivative, in the order of their equations; dJ/dJ is none."""
    found = [e.tensor for e in program.equations if len(e.tensor.derivative) > 1]
    return [t for t in found if t.derivative[-1] in program.tensors and program.tensors[t.derivative[-1]] != base_tensor(program, t)]


@dataclass(frozen=True)
class At:
    """A point: arrays of the leaves, the sizes, and every tensor there."""

    arrays: Mapping[str, np.ndarray]
    sizes: Sizes
    known: Mapping[str, np.ndarray]


def check_derivatives(
    program: Program,
    names: Sequence[str] | None = None,
    *,
    seeds: Sequence[int] = (0, 1),
    sizes: Mapping[Expr, int] | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
) -> list[Verdict]:
    """A verdict for each derivative in `program` (or those called `names`).

    At the points of `points` for the first of `seeds`; or at random ones of these `sizes`, one for each seed; or at `arrays`.
    """
    chosen = [t for t in derivatives(program) if names is None or t.name in names]
    try:
        if arrays is not None or sizes is not None:
            given = [arrays] if arrays is not None else [random_arrays(program, sizes, s) for s in seeds]
            made, chooser = [_at(program, a, sizes) for a in given], None
        else:
            chooser = Points(program, own(program), seeds[0])
            made = [At(p.arrays, p.sizes, p.known) for p in chooser]
    except SymbackpropError as error:
        return [broken(label(t), error) for t in chosen]
    taken = cache(partial(_steps, program, chosen, made))
    return [guarded(label(t), partial(_under, program, t, made, chooser, taken)) for t in chosen]


def _at(program: Program, arrays: Mapping[str, np.ndarray], sizes: Mapping[Expr, int] | None) -> At:
    found = infer_sizes(program, {n: np.asarray(a) for n, a in arrays.items() if n in program.tensors}, sizes)
    return At(arrays, found, evaluate(program, arrays, found))


Taken = Callable[[str], list[dict[str, list[Step]]]]
"""The steps that were taken for all derivatives of a tensor, by the derivative's name, at each point."""


def _under(program: Program, tensor: Tensor, points: Sequence[At], chooser: Points | None, taken: Taken) -> Verdict:
    """The verdict on a derivative, given that its conditions and those of what it is the derivative of are as at the points."""
    verdict = check_derivative(program, tensor, points, taken)
    if chooser is None:
        return verdict
    places = {e.name for e in program.needed([tensor.name, base_tensor(program, tensor).name]).equations}
    return verdict.under([p.said for p in chooser.unreached_in(places)])


def label(tensor: Tensor) -> str:
    """What a derivative is called in a table: dJ/dW1, d2J/dW1dW2; a tensor that is none by its name."""
    if not tensor.derivative:
        return tensor.name
    top, *below = tensor.derivative
    order = f"{len(below)}" if len(below) > 1 else ""
    return f"d{order}{top}/" + "".join(f"d{b}" for b in below)


def check_derivative(program: Program, tensor: Tensor, points: Sequence[At], taken: Taken) -> Verdict:
    """Whether `tensor` is the derivative that it is said to be, at each of `points`."""
    if not points:
        raise VerifyError("no point was found where the model has a value")
    tally = Tally()
    base = base_tensor(program, tensor)
    hidden: list[str] = []
    for number, point in enumerate(points):
        before, count = tally.failure, tally.taken
        if not _is_finite(point, base, tensor):
            raise VerifyError(f"{base.name} or its derivative is not finite at {sizes_text(point.sizes)}")
        for step in taken(base.name)[number][tensor.name]:
            _count_step(tally, number, step)
        if tally.failure is not None and tally.failure is not before and _is_rounding(program, tensor, base, point, tally.failure):
            hidden.append(sizes_text(point.sizes))
            tally.failure, tally.taken = before, count  # the other points tell
        else:
            tally.points.append(sizes_text(point.sizes))
    if hidden and not tally.taken:
        return Verdict("unknown", label(tensor), f"rounding hides it at {hidden[0]}")
    return _verdict(tensor, base, tally, points)


def _is_rounding(program: Program, tensor: Tensor, base: Tensor, point: At, failure: tuple) -> bool:
    """Whether rounding moves the derivative, or differences of its base, by as much as they differ, or nearly."""
    moved = noise(program, point.arrays, point.sizes, point.known, (tensor.name, base.name))
    if moved is None:
        return False
    _, _, claimed, found, _ = failure
    own, behind = (float(np.nanmax(moved.by[name], initial=0)) for name in (tensor.name, base.name))
    return SENSITIVE * (own + behind / STEP) > abs(claimed - found)


def base_tensor(program: Program, tensor: Tensor) -> Tensor:
    """What `tensor` is the derivative of: J for dJ/dW1, dJ/dW1 for d2J/dW1dW2."""
    top, *below = tensor.derivative
    if len(below) == 1:
        return program.tensors[top]
    for t in program.tensors.values():
        if t.derivative == tensor.derivative[:-1]:
            return t
    raise VerifyError(f"the program does not hold what {label(tensor)} is the derivative of")


def _is_finite(point: At, base: Tensor, tensor: Tensor) -> bool:
    return bool(np.all(np.isfinite(point.known[tensor.name])) and np.all(np.isfinite(point.known[base.name])))


def _steps(program: Program, chosen: Sequence[Tensor], points: Sequence[At], base: str) -> list[dict[str, list[Step]]]:
    """The steps at each point for those of the derivatives that are of the tensor `base`, and finite there."""
    tensors = [t for t in chosen if base_tensor(program, t).name == base]
    forward = program.needed([base, *(t.derivative[-1] for t in tensors)])
    ways = {v: downstream(forward, {v}) for v in {t.derivative[-1] for t in tensors}}
    return [
        _at_point(forward, base, ways, [t for t in tensors if _is_finite(p, program.tensors[base], t)], p, k) for k, p in enumerate(points)
    ]


def _at_point(
    program: Program, base: str, ways: Mapping[str, set[str]], tensors: Sequence[Tensor], point: At, number: int
) -> dict[str, list[Step]]:
    """The steps that one point takes; differences beside complex steps at the first point alone."""
    made: dict[str, list[Step]] = {}
    for t in tensors:
        variable, value = t.derivative[-1], point.known[t.name]
        way = sum(e.name in ways[variable] for e in program.equations)
        entries = max(FEWEST, min(ENTRIES if number < 2 else LATER, WORK // max(way, 1)))
        made[t.name] = []
        for direction in _directions(np.shape(point.known[variable]), number, entries):
            first = value.ndim - direction.ndim
            claimed = np.tensordot(value, direction, axes=(tuple(range(first, value.ndim)), tuple(range(direction.ndim))))
            made[t.name].append(Step({variable: direction}, claimed))
    every = [step for steps in made.values() for step in steps]
    take_complex(program, point.known, base, every, point.sizes)
    take_differences(program, point.known, base, [s for s in every if s.exact is None or not number], point.sizes)
    return made


def _count_step(tally: Tally, number: int, step: Step) -> None:
    """Add to `tally` what one step says."""
    claimed = np.asarray(step.claimed)
    if step.exact is not None:
        tally.complex_steps += 1
        _count(tally, number, claimed, step.exact, 1e-11 * (1 + np.abs(step.exact).max(initial=0)))
    if step.slope is not None:
        _count(tally, number, claimed, *step.slope)
    if step.exact is None and step.slope is None:
        tally.skipped += 1
    else:
        tally.taken += 1


def _directions(shape: tuple[int, ...], seed: int, entries: int = ENTRIES) -> Iterator[np.ndarray]:
    """Unit arrays of `shape`: every entry, or as many as `entries` and two directions over all."""
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))
    chosen = range(size) if size <= entries else sorted(rng.choice(size, entries, replace=False))
    for k in chosen:
        unit = np.zeros(size)
        unit[k] = 1
        yield unit.reshape(shape)
    if size > entries:
        for _ in range(2):
            yield rng.uniform(-1, 1, shape)


def _count(tally: Tally, number: int, claimed: np.ndarray, found: np.ndarray, tolerance: float) -> None:
    gap = np.abs(claimed - found)
    if not gap.size:
        return
    place = np.unravel_index(int(gap.argmax()), gap.shape)
    tally.worst = max(tally.worst, float(gap.max()))
    tally.tolerance = max(tally.tolerance, tolerance)
    if gap.max() > tolerance and (tally.failure is None or gap.max() > abs(tally.failure[2] - tally.failure[3])):
        tally.failure = number, tuple(map(int, place)), float(claimed[place]), float(found[place]), tolerance


def _verdict(tensor: Tensor, base: Tensor, tally: Tally, points: Sequence[At]) -> Verdict:
    subject = label(tensor)
    details = [f"{tally.skipped} of {tally.skipped + tally.taken} steps crossed a kink and were skipped"] if tally.skipped else []
    details += [f"{tally.complex_steps} complex steps"] if tally.complex_steps else []
    if tally.failure is not None:
        number, place, claimed, found, tolerance = tally.failure
        example = Counterexample(
            {str(a): s for a, s in points[number].sizes.items()},
            dict(points[number].arrays) if _small(points[number].arrays) else {},
            place,
            *two_texts(claimed, found),
        )
        if abs(claimed - found) > CLEAR * (abs(claimed) + abs(found)) + CLEAR * tolerance:
            reason = f"differs from differences of {base.name} by {abs(claimed - found):.3g} (tolerance {tolerance:.1g})"
            return Verdict("wrong", subject, reason, counterexample=example, details=tuple(details))
        return Verdict("unknown", subject, f"differs by {abs(claimed - found):.3g}, too little to tell from the step's own error")
    if not tally.taken:
        return Verdict("unknown", subject, "every step crossed a kink" if tally.skipped else "nothing to step along")
    reason = f"to {tally.tolerance:.1g} in {tally.taken} steps at {'; '.join(dict.fromkeys(tally.points))}"
    return Verdict("holds", subject, reason, details=tuple(details))


def _small(arrays: Mapping[str, np.ndarray]) -> bool:
    return sum(np.size(a) for a in arrays.values()) <= 12
