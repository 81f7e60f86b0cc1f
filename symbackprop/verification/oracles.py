"""What products, curvature matrices and per-sample gradients should be, by differences of the model's own equations.

An oracle takes arrays of all leaves, directions among them, and gives the expected value of each result, with a tolerance; None where
the step would cross a kink. None of them knows the derived second derivatives.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from sympy import Expr

from symbackprop.calculus.program import Program
from symbackprop.derivation.curvature import Split
from symbackprop.derivation.reverse import Derived
from symbackprop.verification.oracle.literal import Arrays, evaluate
from symbackprop.verification.steps import Step, take_differences

Sizes = Mapping[Expr, int]
Expected = dict[str, tuple[np.ndarray, float]]
Oracle = Callable[[Arrays, Sizes], Expected | None]


@dataclass(frozen=True)
class Along:
    """The derivative of tensors along directions: `bases` says of each result which tensor moves, `directions` leaf -> its direction."""

    program: Program
    bases: Mapping[str, str]
    directions: Mapping[str, str]

    def __call__(self, arrays: Arrays, sizes: Sizes) -> Expected | None:
        """By Richardson's differences."""
        made: Expected = {}
        for name, base in self.bases.items():
            found = slope(self.program, base, {n: arrays[d] for n, d in self.directions.items()}, arrays, sizes)
            if found is None:
                return None
            made[name] = found
        return made


@dataclass(frozen=True)
class Back:
    """u times the Jacobian of `output`: for each of `names` the derivatives of the sum of u * output by its entries."""

    program: Program
    output: str
    names: Sequence[str]
    cotangent: str

    def __call__(self, arrays: Arrays, sizes: Sizes) -> Expected | None:
        """Entry by entry."""
        return _pulled(self.program, self.output, arrays[self.cotangent], self.names, arrays, sizes)


@dataclass(frozen=True)
class Curved:
    """A Gauss-Newton matrix times a vector: the output's slope along it, the loss's curvature along that, and back; a penalty in full."""

    model: Split
    names: Sequence[str]
    directions: Mapping[str, str]

    def __call__(self, arrays: Arrays, sizes: Sizes) -> Expected | None:
        """By three differences, one after another."""
        program, at = self.model.derived.program, self.model.at
        v = {n: arrays[d] for n, d in self.directions.items()}
        leaves: Arrays = {t.name: arrays[t.name] for t in program.leaves}
        if self.model.expected and self.model.needs_expectation():
            leaves = self.with_mean_labels(leaves, sizes)
        output = evaluate(program.needed([at]), leaves, sizes)[at]
        along = slope(program, at, v, leaves, sizes)
        if along is None:
            return None
        moving = {at: along[0], **{n: v[n] for n in self.model.direct}}
        held = {**leaves, at: output}
        curved = slope(program, self.model.slope, moving, held, sizes)
        every = {n: slope(program, p, moving, held, sizes) for n, p in self.model.direct.items()}
        beside = {n: found for n, found in every.items() if found is not None}
        if curved is None or len(beside) < len(every):
            return None
        back = _pulled(program, at, curved[0], self.names, leaves, sizes)
        if back is None:
            return None
        slack = 1e-7 * (1 + np.abs(curved[0]).max(initial=0))
        return {n: (value + (beside[n][0] if n in beside else 0), tolerance + slack) for n, (value, tolerance) in back.items()}

    def with_mean_labels(self, leaves: Arrays, sizes: Sizes) -> Arrays:
        """The leaves, with labels at which the slope of the loss is 0; the slope is linear in them, entry by entry."""
        program = self.model.derived.program
        (label,) = (t.name for t in program.leaves if t.role == "label")
        low, high = (
            evaluate(program.needed([self.model.slope]), {**leaves, label: np.full(np.shape(leaves[label]), y)}, sizes)[self.model.slope]
            for y in (0.0, 1.0)
        )
        return {**leaves, label: low / (low - high)}


@dataclass(frozen=True)
class EachAlone:
    """The gradient of a batch of one sample, for each sample."""

    derived: Derived
    names: Sequence[str]

    def __call__(self, arrays: Arrays, sizes: Sizes) -> Expected | None:
        """By the gradient's own program."""
        program = self.derived.program
        axis = program.samples
        rows: dict[str, list[np.ndarray]] = {n: [] for n in (*self.names, "norm")}
        for k in range(sizes[axis]):
            one = {}
            for t in program.leaves:
                one[t.name] = np.take(arrays[t.name], [k], axis=t.axes.index(axis)) if axis in t.axes else arrays[t.name]
            found = evaluate(program, one, {**sizes, axis: 1})
            alone = [found[self.derived.adjoints[n]] for n in self.names]
            for n, value in zip(self.names, alone, strict=True):
                rows[n].append(value)
            rows["norm"].append(np.sqrt(sum(np.sum(value**2) for value in alone)))
        return {n: (np.array(row), 1e-11 * (1 + np.abs(row).max(initial=0))) for n, row in rows.items()}


def slope(program: Program, base: str, v: Arrays, arrays: Arrays, sizes: Sizes) -> tuple[np.ndarray, float] | None:
    """The derivative of `base` along `v` (tensors by name, leaves or not) and its tolerance; None where a kink is crossed."""
    (found,) = slopes(program, base, [v], arrays, sizes)
    return found


def slopes(program: Program, base: str, vs: Sequence[Arrays], arrays: Arrays, sizes: Sizes) -> list[tuple[np.ndarray, float] | None]:
    """The same along each of `vs`."""
    forward = program.needed([base, *{n for v in vs for n in v}])
    known = evaluate(forward, {n: a for n, a in arrays.items() if n in forward.tensors}, sizes)
    steps = [Step(v) for v in vs]
    take_differences(forward, known, base, steps, sizes, (1,))
    return [s.slope for s in steps]


def _pulled(program: Program, output: str, u: np.ndarray, names: Sequence[str], arrays: Arrays, sizes: Sizes) -> Expected | None:
    """For each tensor the derivatives of sum(u * output) by its entries."""
    made: Expected = {}
    leaves = {t.name: arrays[t.name] for t in program.leaves}
    for name in names:
        shape = np.shape(leaves[name])
        units = np.eye(prod(shape)).reshape(-1, *shape)
        found = slopes(program, output, [{name: unit} for unit in units], leaves, sizes)
        whole = [f for f in found if f is not None]
        if len(whole) < len(found):
            return None
        worst = max((tolerance * (1 + np.abs(u).sum()) for _, tolerance in whole), default=0.0)
        made[name] = (np.array([np.sum(u * value) for value, _ in whole]).reshape(shape), worst)
    return made
