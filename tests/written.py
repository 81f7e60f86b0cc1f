"""Functions as people write them: what a decorator needs to know of each, its data, and what it says itself on arrays."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import symbackprop as sbp
from symbackprop.calculus.index import parse_shape

PRIMES = (5, 3, 7, 2, 11, 13, 17)
WRITTEN: "list[Written]" = []


@dataclass
class Written:
    """A function, the names that it is derived by, the axis that counts the values of each index array, options of trace."""

    function: Callable
    wrt: tuple[str, ...]
    places: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    draws: bool = False
    slow: bool = False

    @property
    def __name__(self) -> str:
        return self.function.__name__

    def model(self) -> sbp.Model:
        return sbp.trace(self.function, parameters=list(self.wrt), **self.options)


def written(wrt: str = "", *, draws: bool = False, slow: bool = False, options: dict | None = None, **places: str) -> Callable:
    def noted(function: Callable) -> Callable:
        WRITTEN.append(Written(function, tuple(wrt.split()), places, options or {}, draws, slow))
        return function

    return noted


def data(case: Written, model: sbp.Model, seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays for the leaves of a model: both signs, sizes that are different primes."""
    draw = np.random.default_rng(seed)
    letters = [a for a in model.program.axes if a.is_Symbol]
    sizes = dict(zip(letters, PRIMES, strict=False))
    made = {}
    for t in model.program.leaves:
        shape = tuple(int(a.xreplace({s: sizes[s] for s in a.free_symbols})) for a in t.axes)
        if t.role == "index":
            count = sizes[parse_shape(case.places[t.name])[0]]
            made[t.name] = draw.integers(0, count, size=shape)
        else:
            made[t.name] = draw.normal(size=shape)
    return made


def objective(returned: Any, upstream: np.ndarray | None) -> float:
    """The objective among the values that a function returned."""
    flat: list[Any] = []
    if isinstance(returned, float) or (isinstance(returned, tuple) and isinstance(returned[0], float)):
        return returned if isinstance(returned, float) else returned[0]

    def walk(value: Any) -> None:
        if isinstance(value, tuple | list):
            for inner in value:
                walk(inner)
        elif isinstance(value, dict):
            walk(list(value.values()))
        elif isinstance(value, np.ndarray | np.floating):
            flat.append(value)

    walk(returned)
    scalars = [v for v in flat if np.ndim(v) == 0] + [v for v in flat if np.size(v) == 1]
    return np.asarray(scalars[0]).item() if scalars else np.sum(flat[0] * upstream)
