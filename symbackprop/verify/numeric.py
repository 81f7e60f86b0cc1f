"""Derivatives against numbers: Richardson's extrapolated central differences, and the complex step where it may be taken.

Only forward equations are evaluated on the one side, only the adjoint's on the other. The tolerance comes from the
stencil (how much the last extrapolation changed) and the dtype (rounding over the step). A stencil that crosses a kink
says nothing: it is skipped, counted and reported. Source: Ridders 1982, doi:10.1016/S0141-1195(82)80057-0; Squire and
Trapp 1998, doi:10.1137/S003614459631241X.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
from sympy import Expr

from symbackprop.errors import VerifyError
from symbackprop.program import Program, Tensor
from symbackprop.verify.literal import evaluate, infer_sizes, prime_sizes, random_arrays, sizes_text
from symbackprop.verify.verdict import Counterexample, Verdict, broken, guarded

STEP = 2.0**-12
"""The widest of three steps, each half of the one before; a power of two, so that x + h - x is h."""

ENTRIES = 24
"""Entries of a tensor that are stepped along one by one; of a larger one, so many are drawn, with two random directions."""

WORK = 240
"""Equations that are evaluated for a step along each of those entries; the deeper the way, the fewer entries, but FEWEST."""

FEWEST = 4

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


def check_derivatives(
    program: Program,
    names: Sequence[str] | None = None,
    *,
    seeds: Sequence[int] = (0, 1),
    sizes: Mapping[Expr, int] | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
) -> list[Verdict]:
    """A verdict for each derivative in `program` (or those called `names`), at random points or at `arrays`."""
    chosen = [t for t in derivatives(program) if names is None or t.name in names]
    sizes = sizes or prime_sizes(program) if arrays is None else None
    try:
        points = [dict(arrays)] if arrays is not None else [random_arrays(program, sizes, s) for s in seeds]
    except VerifyError as error:
        return [broken(label(t), error) for t in chosen]
    known = cache(lambda number: evaluate(program, points[number], sizes))
    return [guarded(label(t), partial(check_derivative, program, t, points, known, sizes)) for t in chosen]


def label(tensor: Tensor) -> str:
    """What a derivative is called in a table: dJ/dW1, d2J/dW1dW2; a tensor that is none by its name."""
    if not tensor.derivative:
        return tensor.name
    top, *below = tensor.derivative
    order = f"{len(below)}" if len(below) > 1 else ""
    return f"d{order}{top}/" + "".join(f"d{b}" for b in below)


def check_derivative(
    program: Program,
    tensor: Tensor,
    points: Sequence[Mapping[str, np.ndarray]],
    known: Callable[[int], Mapping] | None = None,
    sizes: Mapping[Expr, int] | None = None,
) -> Verdict:
    """Whether `tensor` is the derivative that it is said to be, at each of `points` (arrays of the leaves).

    `known(number)` is every tensor at the point of that number; it is evaluated here if not given. `sizes`: those that no leaf tells.
    """
    known = known or (lambda number: evaluate(program, points[number], sizes))
    tally = Tally()
    base = base_tensor(program, tensor)
    variable = program.tensors[tensor.derivative[-1]]
    for number, arrays in enumerate(points):
        found = infer_sizes(program, {n: a for n, a in arrays.items() if n in program.tensors}, sizes)
        tally.points.append(sizes_text(found))
        _compare(program, base, variable, tensor, known(number), found, tally, number)
    return _verdict(tensor, base, tally, points)


def base_tensor(program: Program, tensor: Tensor) -> Tensor:
    """What `tensor` is the derivative of: J for dJ/dW1, dJ/dW1 for d2J/dW1dW2."""
    top, *below = tensor.derivative
    if len(below) == 1:
        return program.tensors[top]
    for t in program.tensors.values():
        if t.derivative == tensor.derivative[:-1]:
            return t
    raise VerifyError(f"the program does not hold what {label(tensor)} is the derivative of")


def _compare(program, base, variable, tensor, known, sizes, tally, number) -> None:
    """Add to `tally` what one point says, at which all tensors are `known`."""
    sides: list[np.ndarray] = []
    forward = program.needed([base.name, variable.name])
    moving = downstream(forward, variable.name)
    given = {n: known[n] for n in forward.tensors if n not in moving}
    evaluate(forward, {**given, variable.name: known[variable.name]}, sizes, kinks=sides)
    value, start = known[tensor.name], known[variable.name]
    outer = known[base.name].ndim
    if not (np.all(np.isfinite(value)) and np.all(np.isfinite(known[base.name]))):
        raise VerifyError(f"{base.name} or its derivative is not finite at the point that was drawn")

    def at(displaced: np.ndarray, dtype: type = np.float64) -> tuple[np.ndarray, list[np.ndarray]]:
        met: list[np.ndarray] = []
        return evaluate(forward, {**given, variable.name: displaced}, sizes, dtype, met)[base.name], met

    way = sum(e.name in moving for e in forward.equations)
    for direction in _directions(start.shape, number, max(FEWEST, min(ENTRIES, WORK // max(way, 1)))):
        claimed = np.tensordot(value, direction, axes=(tuple(range(outer, value.ndim)), tuple(range(direction.ndim))))
        slope, tolerance = difference(at, start, direction, sides)
        if slope is None:
            tally.skipped += 1
            continue
        tally.taken += 1
        _count(tally, number, claimed, slope, tolerance)
        exact = None if sides else _complex_step(at, start, direction)
        if exact is not None:
            tally.complex_steps += 1
            _count(tally, number, claimed, exact, 1e-11 * (1 + np.abs(exact).max(initial=0)))


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


def difference(at, start: np.ndarray, direction: np.ndarray, sides: list[np.ndarray]):
    """The slope along `direction` and its tolerance; (None, 0) if a kink is crossed.

    D(h) = (f(x+h) - f(x-h)) / 2h at h, h/2, h/4; two extrapolations: (4 D(h/2) - D(h)) / 3, then (16 R' - R) / 15.
    """
    slopes, scale = [], 0.0
    for k in range(3):
        h = STEP / 2**k
        values = []
        for sign in (1, -1):
            value, met = at(start + sign * h * direction)
            if any(not np.array_equal(a, b) for a, b in zip(met, sides, strict=True)) or not np.all(np.isfinite(value)):
                return None, 0.0
            values.append(value)
        slopes.append((values[0] - values[1]) / (2 * h))
        scale = max(scale, float(np.abs(values[0]).max(initial=0)))
    first = [(4 * slopes[k + 1] - slopes[k]) / 3 for k in range(2)]
    second = (16 * first[1] - first[0]) / 15
    truncation = float(np.abs(second - first[1]).max(initial=0))
    rounding = 64 * np.finfo(np.float64).eps * (1 + scale) / (STEP / 4)
    return second, truncation + rounding


def _complex_step(at, start: np.ndarray, direction: np.ndarray) -> np.ndarray | None:
    """Im f(x + i h) / h with h = 1e-30, exact but for rounding; None where some function takes real arguments only."""
    try:
        value, _ = at(start + 1e-30j * direction, np.complex128)
    except TypeError:
        return None
    return np.imag(value) / 1e-30 if np.all(np.isfinite(value)) else None


def _count(tally: Tally, number: int, claimed: np.ndarray, found: np.ndarray, tolerance: float) -> None:
    gap = np.abs(claimed - found)
    if not gap.size:
        return
    place = np.unravel_index(int(gap.argmax()), gap.shape)
    tally.worst = max(tally.worst, float(gap.max()))
    tally.tolerance = max(tally.tolerance, tolerance)
    if gap.max() > tolerance and (tally.failure is None or gap.max() > abs(tally.failure[2] - tally.failure[3])):
        tally.failure = number, tuple(map(int, place)), float(claimed[place]), float(found[place]), tolerance


def _verdict(tensor: Tensor, base: Tensor, tally: Tally, points: Sequence[Mapping[str, np.ndarray]]) -> Verdict:
    subject = label(tensor)
    details = [f"{tally.skipped} of {tally.skipped + tally.taken} steps crossed a kink and were skipped"] if tally.skipped else []
    details += [f"{tally.complex_steps} complex steps"] if tally.complex_steps else []
    if tally.failure is not None:
        number, place, claimed, found, tolerance = tally.failure
        example = Counterexample(
            _sizes(tally.points[number]), dict(points[number]) if _small(points[number]) else {}, place, f"{claimed:.9g}", f"{found:.9g}"
        )
        if abs(claimed - found) > CLEAR * (abs(claimed) + abs(found)) + CLEAR * tolerance:
            reason = f"differs from differences of {base.name} by {abs(claimed - found):.3g} (tolerance {tolerance:.1g})"
            return Verdict("wrong", subject, reason, counterexample=example, details=tuple(details))
        return Verdict("unknown", subject, f"differs by {abs(claimed - found):.3g}, too little to tell from the step's own error")
    if not tally.taken:
        return Verdict("unknown", subject, "every step crossed a kink" if tally.skipped else "nothing to step along")
    reason = f"to {tally.tolerance:.1g} in {tally.taken} steps at {'; '.join(dict.fromkeys(tally.points))}"
    return Verdict("holds", subject, reason, details=tuple(details))


def _sizes(text: str) -> dict[str, int]:
    return {part.split(" = ")[0]: int(part.split(" = ")[1]) for part in text.split(", ") if part}


def _small(arrays: Mapping[str, np.ndarray]) -> bool:
    return sum(np.size(a) for a in arrays.values()) <= 12
