"""Whether a point is fit to compare at: the model has a value there, no matrix that is inverted is nearly singular, no layer blows up."""

from collections.abc import Collection, Mapping

import numpy as np
from sympy import Expr, Number

from symbackprop.calculus.program import Call, Program
from symbackprop.verification.oracle.literal import evaluate_equation

CONDITION = 1e8
"""The condition number of a matrix beyond which its inverse is no number to compare."""

HUGE, LARGE = 1e120, 1e6
"""What is larger is near overflow, and no ground to refute on; where differences are taken, or float32 is judged, less already."""

LEVEL, FAR = (0.02, 50.0), (1e-3, 1e3)
"""Where some tensor's typical entry is not between FAR, matrices are scaled until each layer's is between LEVEL."""

INVERTED = {"inv": 1, "solve": 1, "pinv": 2, "logdet": 1}
"""Calls that divide by a matrix, and the power of its condition number that counts."""


def fit(program: Program, known: Mapping[str, np.ndarray], model: Collection[str], strict: bool, most: float = HUGE) -> bool:
    """Whether the tensors of the `model` are finite; `strict`: and every matrix that is inverted, in derivatives too, far from singular.

    Beside a large number that the model holds itself, as the -1e9 of a mask, what is as large is no sign of a blow-up.
    """
    numbers = [
        abs(float(c)) for e in program.equations if e.name in model and isinstance(e.rhs, Expr) for c in e.rhs.atoms(Number) if c.is_finite
    ]
    most *= max(1.0, *numbers) if most < HUGE and numbers else 1.0
    if not all(np.all(np.abs(known[n]) < most) for n in model if n in known):
        return False
    return not strict or not any(singular(known[e.rhs.arguments[0]], e.rhs.op) for e in program.equations if isinstance(e.rhs, Call))


def singular(a: np.ndarray, op: str) -> bool:
    """Whether a matrix that the call `op` divides by is singular, or nearly."""
    if op not in INVERTED or not a.size:
        return False
    if not np.all(np.isfinite(a)):
        return True
    return bool(np.any(np.linalg.cond(a) ** INVERTED[op] > CONDITION))


def levelled(
    program: Program, arrays: Mapping[str, np.ndarray], known: Mapping[str, np.ndarray], sizes: Mapping[Expr, int], model: Collection[str]
) -> dict[str, np.ndarray] | None:
    """The data with weights scaled so that no layer is far from size 1, or all 0; None where none is.

    Layer by layer, from the first: where what an equation gives is too large or too small, the matrix without facts that it uses first is
    divided by its size; where it is 0, as of units that are all at rest, turned round. Source: Mishkin and Matas 2016, arXiv:1511.06422.
    """
    own = [e for e in program.equations if e.name in model]
    if all(_level(known[e.name], FAR) for e in own):
        return None
    made = dict(arrays)
    now = {name: np.asarray(a, dtype=float) for name, a in arrays.items()}
    free = {t.name for t in program.leaves if len(t.axes) > 1 and not t.facts and t.role != "index"}
    behind: dict[str, tuple[int, str]] = {}
    with np.errstate(all="ignore"):
        for number, e in enumerate(own):
            now[e.name] = evaluate_equation(e, now, sizes)
            mine = sorted(e.uses() & free)
            found = [behind[n] for n in sorted(e.uses()) if n in behind]
            if mine or found:
                behind[e.name] = (number, mine[0]) if mine else max(found)
                start, name = behind[e.name]
                size = _size(now[e.name])
                factor = 1 / size if mine and size and np.isfinite(size) and not _level(now[e.name]) else -1.0 if size == 0 else 1.0
                if factor != 1.0:
                    made[name] = now[name] = now[name] * factor
                    for again in own[start : number + 1]:
                        now[again.name] = evaluate_equation(again, now, sizes)
            free -= set(mine)
    return made


def _size(value: np.ndarray) -> float:
    """The typical entry, those aside that a mask has made large."""
    value = value[few] if np.any(few := np.abs(value) < LARGE) else value
    return float(np.sqrt(np.mean(np.square(value)))) if value.size else 1.0


def _level(value: np.ndarray, bounds: tuple[float, float] = LEVEL) -> bool:
    return bool(bounds[0] < _size(value) < bounds[1])
