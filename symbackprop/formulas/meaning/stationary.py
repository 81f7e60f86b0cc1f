"""Points at which equations hold that define nothing, such as dL/dw = 0: the points drawn, moved until they do."""

from collections.abc import Callable, Mapping, Sequence, Set

import numpy as np

from symbackprop.formulas.meaning.meaning import Meaning
from symbackprop.formulas.names.definitions import POINTS
from symbackprop.formulas.notation.dependence import tied
from symbackprop.formulas.notation.faults import OutOfRangeError, UnreadError
from symbackprop.formulas.notation.links import free_letters
from symbackprop.formulas.notation.trees import base_of, parts
from symbackprop.formulas.numbers.quantities import MisfitError
from symbackprop.formulas.numbers.tape import Scalar, adjoints
from symbackprop.language.latex import nodes as n

STEPS, CLOSE, MOST_ENTRIES = 25, 1e-11, 60
RELUCTANT = 0.05
"""How much less than the variables all else is moved."""


def moved(
    made: Callable[[Mapping[str, np.ndarray]], Meaning], equations: Sequence[n.Chain], chosen: dict[str, int]
) -> dict[str, np.ndarray]:
    """The values of what nothing defines, near those drawn, at which the equations hold (Gauss and Newton, the shortest step each).

    Points at which none are found are nan. `chosen` takes the sizes in. Raises UnreadError where an equation has no value.
    """
    values: dict[str, np.ndarray] = {}
    unknowns = {base_of(by) for e in equations for p in parts(e) for _, by in tied(p)}
    far = np.ones(POINTS, dtype=bool)
    for _ in range(STEPS):
        names = made(values)
        left = residuals(names, equations)
        chosen.update(names.sizes)
        sizes = np.array([np.broadcast_to(x.value, (POINTS,)) for x in left], dtype=float).reshape(len(left), POINTS)
        far = ~(np.abs(sizes).max(axis=0, initial=0.0) < CLOSE)
        if not far.any():
            break
        values = stepped(names, left, sizes, far, unknowns)
    if far.any():
        values = {k: np.where(far, np.nan, v) for k, v in values.items()}
    return values


def residuals(names: Meaning, equations: Sequence[n.Chain]) -> list[Scalar]:
    """What has to be 0, entry by entry, at every value of free indices."""
    found: list[Scalar] = []
    for equation in equations:
        sides = (equation.sides[0], equation.sides[-1])
        letters = free_letters(sides, names.indices)
        for at in np.ndindex(*[names.count(x, {}) for x in letters]):
            env = {x: k + names.origin for x, k in zip(letters, at, strict=True)}
            try:
                left, right = (names.fitting(side, env) for side in sides)
            except (MisfitError, OutOfRangeError) as error:
                raise UnreadError(f"{error}", equation) from None
            if right.data.size not in (1, left.data.size):
                raise UnreadError("an equation whose sides have different shapes", equation)
            others = np.broadcast_to(right.data.reshape(-1), (left.data.size,))
            found += [a - b for a, b in zip(left.data.reshape(-1), others, strict=True)]
    if len(found) > MOST_ENTRIES:
        raise UnreadError("more equations than can be solved here")
    return [x for x in found if x.of]


def stepped(names: Meaning, left: Sequence[Scalar], sizes: np.ndarray, far: np.ndarray, unknowns: Set[str]) -> dict[str, np.ndarray]:
    """All values after one step, at the points that are still far off; what is derived by moves first, the rest as little as it may."""
    tensors = {key: made.data.reshape(-1) for key, made in names.leaves.items()}
    slots = [(key, k, x) for key, data in tensors.items() for k, x in enumerate(data) if not x.of and np.ndim(x.value)]
    slopes = [adjoints(x) for x in left]
    rates = np.zeros((POINTS, len(left), len(slots)))
    for row, found in enumerate(slopes):
        for column, (_, _, x) in enumerate(slots):
            if x in found:
                rates[:, row, column] = found[x].value
    values = {k: np.array([np.broadcast_to(x.value, (POINTS,)) for x in data], dtype=float) for k, data in tensors.items()}
    ease = np.array([1.0 if key.partition(":")[0] in unknowns else RELUCTANT for key, _, _ in slots])
    for point in np.flatnonzero(far):
        if np.isfinite(rates[point]).all() and np.isfinite(sizes[:, point]).all():
            step = ease * np.linalg.lstsq(rates[point] * ease, sizes[:, point], rcond=None)[0]
            for (key, k, _), change in zip(slots, step, strict=True):
                values[key][k, point] -= change
    return {key: v.reshape((*names.leaves[key].shape, POINTS)) for key, v in values.items()}
