"""Derivatives against numbers: Richardson's extrapolated central differences, and the complex step where it may be taken.

Only forward equations are evaluated on the one side, only the adjoint's on the other. The tolerance comes from the
stencil (how much the last extrapolation changed) and the dtype (rounding over the step). A stencil that crosses a kink
says nothing: it is skipped, counted and reported; a complex step crosses none, unless it starts on one.
Source: Ridders 1982, doi:10.1016/S0141-1195(82)80057-0; Squire and
Trapp 1998, doi:10.1137/S003614459631241X.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from sympy import Expr

from symbackprop.calculus.program import Program, Tensor
from symbackprop.errors import SymbackpropError, VerifyError
from symbackprop.verification.oracle.literal import evaluate, infer_sizes, sizes_text
from symbackprop.verification.oracle.rounding import noise
from symbackprop.verification.oracle.sides import Stencil
from symbackprop.verification.points.draws import random_arrays
from symbackprop.verification.points.points import Points, own
from symbackprop.verification.points.sizes import Sizes
from symbackprop.verification.verdict import Counterexample, Verdict, broken, guarded, two_texts

STEP = 2.0**-12
"""The widest of three steps, each half of the one before; a power of two, so that x + h - x is h."""

FINER = (1, 16, 256)
"""Where a difference does not agree, it is taken again with steps this much smaller: what curves much within a step refutes nothing."""

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
    return [guarded(label(t), partial(_under, program, t, made, chooser)) for t in chosen]


def _at(program: Program, arrays: Mapping[str, np.ndarray], sizes: Mapping[Expr, int] | None) -> At:
    found = infer_sizes(program, {n: np.asarray(a) for n, a in arrays.items() if n in program.tensors}, sizes)
    return At(arrays, found, evaluate(program, arrays, found))


def _under(program: Program, tensor: Tensor, points: Sequence[At], chooser: Points | None) -> Verdict:
    """The verdict on a derivative, given that its conditions and those of what it is the derivative of are as at the points."""
    verdict = check_derivative(program, tensor, points)
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


def check_derivative(program: Program, tensor: Tensor, points: Sequence[At]) -> Verdict:
    """Whether `tensor` is the derivative that it is said to be, at each of `points`."""
    if not points:
        raise VerifyError("no point was found where the model has a value")
    tally = Tally()
    base = base_tensor(program, tensor)
    variable = program.tensors[tensor.derivative[-1]]
    hidden: list[str] = []
    for number, point in enumerate(points):
        before, taken = tally.failure, tally.taken
        _compare(program, base, variable, tensor, point, tally, number)
        if tally.failure is not None and tally.failure is not before and _is_rounding(program, tensor, base, point, tally.failure):
            hidden.append(sizes_text(point.sizes))
            tally.failure, tally.taken = before, taken  # the other points tell
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


def _compare(program: Program, base: Tensor, variable: Tensor, tensor: Tensor, point: At, tally: Tally, number: int) -> None:
    """Add to `tally` what one point says."""
    known, sides = point.known, Stencil()
    forward = program.needed([base.name, variable.name])
    moving = downstream(forward, variable.name)
    given = {n: known[n] for n in forward.tensors if n not in moving}
    evaluate(forward, {**given, variable.name: known[variable.name]}, point.sizes, sides=sides)
    value, start = known[tensor.name], known[variable.name]
    outer = known[base.name].ndim
    if not (np.all(np.isfinite(value)) and np.all(np.isfinite(known[base.name]))):
        raise VerifyError(f"{base.name} or its derivative is not finite at {sizes_text(point.sizes)}")

    def at(displaced: np.ndarray, dtype: type = np.float64) -> tuple[np.ndarray, Stencil]:
        met = Stencil()
        return evaluate(forward, {**given, variable.name: displaced}, point.sizes, dtype, met)[base.name], met

    way = sum(e.name in moving for e in forward.equations)
    entries = min(ENTRIES if number < 2 else LATER, WORK // max(way, 1))
    for direction in _directions(start.shape, number, max(FEWEST, entries)):
        claimed = np.tensordot(value, direction, axes=(tuple(range(outer, value.ndim)), tuple(range(direction.ndim))))
        exact = _complex_step(at, start, direction, sides)
        slope = None
        if exact is not None:
            tally.complex_steps += 1
            _count(tally, number, claimed, exact, 1e-11 * (1 + np.abs(exact).max(initial=0)))
        if exact is None or number == 0:
            slope = _difference(at, start, direction, sides, claimed)
            if slope is not None:
                _count(tally, number, claimed, *slope)
        if exact is None and slope is None:
            tally.skipped += 1
        else:
            tally.taken += 1


def _difference(
    at: Callable, start: np.ndarray, direction: np.ndarray, sides: Stencil, claimed: np.ndarray
) -> tuple[np.ndarray, float] | None:
    """The slope along `direction` and its tolerance, by the first steps that agree with what is claimed, else by the most certain."""
    found = []
    for finer in FINER:
        slope, tolerance = difference(at, start, direction, sides, STEP / finer)
        if slope is not None:
            found.append((slope, tolerance))
            if np.abs(slope - claimed).max(initial=0) <= tolerance:
                return slope, tolerance
    return min(found, key=lambda row: row[1]) if found else None


def downstream(program: Program, name: str) -> set[str]:
    """The names of the tensors that depend on `name`, this included."""
    found = {name}
    for e in program.equations:
        if e.uses() & found:
            found.add(e.name)
    return found


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


def difference(at: Callable, start: np.ndarray, direction: np.ndarray, sides: Stencil, step: float = STEP):
    """The slope along `direction` and its tolerance; (None, 0) if a kink is crossed.

    D(h) = (f(x+h) - f(x-h)) / 2h at h, h/2, h/4; two extrapolations: (4 D(h/2) - D(h)) / 3, then (16 R' - R) / 15.
    """
    slopes, scale = [], 0.0
    for k in range(3):
        h = step / 2**k
        values = []
        for sign in (1, -1):
            value, met = at(start + sign * h * direction)
            if not met.same(sides) or not np.all(np.isfinite(value)):
                return None, 0.0
            values.append(value)
        slopes.append((values[0] - values[1]) / (2 * h))
        scale = max(scale, float(np.abs(values[0]).max(initial=0)))
    first = [(4 * slopes[k + 1] - slopes[k]) / 3 for k in range(2)]
    second = (16 * first[1] - first[0]) / 15
    truncation = float(np.abs(second - first[1]).max(initial=0))
    rounding = 64 * np.finfo(np.float64).eps * (1 + scale) / (step / 4)
    return second, truncation + rounding


def _complex_step(at: Callable, start: np.ndarray, direction: np.ndarray, sides: Stencil) -> np.ndarray | None:
    """Im f(x + i h) / h, exact but for rounding; None where some function takes real arguments only, and on a kink.

    h is 1e-30 times the smallest number that moves, or 1.
    """
    moving = np.abs(start[(direction != 0) & (start != 0)])
    h = 1e-30 * min(float(moving.min(initial=1.0)), 1.0)
    try:
        value, met = at(start + 1j * h * direction, np.complex128)
    except TypeError:
        return None
    return np.imag(value) / h if h and np.all(np.isfinite(value)) and met.same(sides) and not met.on_kink else None


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
