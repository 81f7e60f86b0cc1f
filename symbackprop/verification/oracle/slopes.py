"""Derivatives of a program written out as scalar equations, at one point of the prime field.

Every entry of every tensor is a variable of its own, defined by an expression in the entries that it is computed from: the expansion
with its shared parts named. An equation is walked in values that carry their derivatives by these entries; SymPy differentiates each
function in it; sums, products, powers and the composition of definitions follow the chain rule, carried out in residues. Nothing here
knows of indices, of tensors' shapes or of how a derivative is contracted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from time import process_time
from typing import TypeAlias

import numpy as np
import sympy
from sympy import Dummy, Expr

from symbackprop.errors import VerifyError
from symbackprop.verification.oracle.field import OPAQUE, Value, lifted
from symbackprop.verification.oracle.literal import sizes_text
from symbackprop.verification.oracle.scalar import PointView, SymbolView, View, kept
from symbackprop.verification.oracle.walk import Places

ONE, ZERO = lifted(1), lifted(0)

By: TypeAlias = dict[int, Value]
"""Derivatives by entries; each entry of each tensor has a number."""


@dataclass(frozen=True, slots=True)
class Moving:
    """A value, and its derivatives by the entries that it is computed from."""

    value: Value
    by: By

    def __add__(self, other: "Moving | int") -> "Moving":
        other = _moving(other)
        return Moving(self.value + other.value, _sum([self.by, other.by]))

    __radd__ = __add__

    def __neg__(self) -> "Moving":
        return self * -1

    def __sub__(self, other: "Moving | int") -> "Moving":
        return self + -_moving(other)

    def __mul__(self, other: "Moving | int") -> "Moving":
        other = _moving(other)
        return Moving(self.value * other.value, _sum([_times(self.by, other.value), _times(other.by, self.value)]))

    __rmul__ = __mul__

    def __truediv__(self, other: "Moving | int") -> "Moving":
        return self * _moving(other) ** -1

    def __rtruediv__(self, other: int) -> "Moving":
        return self**-1 * other

    def __pow__(self, exponent: int) -> "Moving":
        if not exponent or not self.by:
            return Moving(self.value**exponent, {})
        return Moving(self.value**exponent, _times(self.by, exponent * self.value ** (exponent - 1)))


def _moving(value: Moving | int) -> Moving:
    return value if isinstance(value, Moving) else Moving(lifted(value), {})


def _times(by: By, factor: Value) -> By:
    return {k: slope * factor for k, slope in by.items()}


def _sum(parts: Sequence[By]) -> By:
    made: By = {}
    for by in parts:
        if not made:
            made = dict(by)
            continue
        for k, slope in by.items():
            made[k] = made[k] + slope if k in made else slope
    return made


class Slopes(View):
    """The scalar equations of a program at a point, and the derivatives of any entry by any others.

    Raises VerifyError once `deadline` (of process_time) is past.
    """

    def __init__(self, point: PointView, deadline: float = np.inf) -> None:
        super().__init__(point.program, point.sizes)
        self.point, self.deadline = point, deadline
        self.first: dict[str, int] = {}
        self.partials: dict[str, list[By]] = {}
        self.rows: dict[int, By] = {}
        self.expanded: dict[tuple[str, frozenset[str]], SymbolView] = {}
        count = 0
        for name in point.program.tensors:
            values, self.first[name] = point.entries[name], count
            self.entries[name] = np.empty(values.shape, dtype=object)
            for place in np.ndindex(values.shape):
                self.entries[name][place] = Moving(values[place], {count: ONE})  # type: ignore[arg-type,call-overload]
                count += 1
        self.order = [e.name for e in point.program.equations]

    def number(self, e: Expr) -> Moving:
        """A number, which does not move."""
        return Moving(self.point.number(e), {})

    def is_zero(self, value: Moving) -> bool:
        """Whether a guard is 0."""
        return value.value.mod == 0

    def real(self, e: Expr, at: Places) -> np.ndarray:
        """The real parts at the point."""
        return self.point.real(e, at)

    def reals(self, name: str) -> np.ndarray:
        """The real parts of a tensor's entries at the point."""
        return self.point.reals(name)

    def added(self, values: Sequence[Moving]) -> Moving:
        """The sum, and that of the derivatives."""
        return Moving(self.point.added([v.value for v in values]), _sum([v.by for v in values]))

    def function(self, name: str, value: Moving) -> Moving:
        """A function of one argument, with SymPy's derivative."""
        made = self.point.function(name, value.value)
        if not value.by:
            return Moving(made, {})
        u, slope = _derivative(name)
        return Moving(made, _times(value.by, self.point.field.scalar(slope, {u: value.value}, {})))

    def power(self, base: Moving, exponent: Moving, e: Expr) -> Moving:
        """u^w, with w u^(w - 1) du and u^w log(u) dw."""
        field = self.point.field
        made, parts = field.power(base.value, exponent.value, e), []
        if base.by:
            parts.append(_times(base.by, exponent.value * field.power(base.value, exponent.value - 1, e - 1)))
        if exponent.by:
            parts.append(_times(exponent.by, made * field.log(base.value)))
        return Moving(made, _sum(parts))

    def slope(self, top: str, row: tuple[int, ...], name: str) -> dict[tuple[int, ...], Value]:
        """The derivatives of the entry `row` of the tensor `top` by every entry of the tensor `name`, by place."""
        found = self.row(top, int(np.ravel_multi_index(row, self.shape(top))) if row else 0)
        return {place: found.get(self.first[name] + k, ZERO) for k, place in enumerate(np.ndindex(self.shape(name)))}

    def row(self, top: str, number: int) -> Mapping[int, Value]:
        """The derivatives of one entry of `top` by all entries that it is computed from, at any remove."""
        entry = self.first[top] + number
        if entry not in self.rows:
            found = {entry: ONE}
            for name in reversed(self.order[: self.order.index(top) + 1] if top in self.order else []):
                first = self.first[name]
                for k in range(prod(self.shape(name))):
                    if first + k in found:
                        weight = found[first + k]
                        for below, slope in self.of(name)[k].items():
                            found[below] = found[below] + weight * slope if below in found else weight * slope
            self.rows[entry] = found
        return self.rows[entry]

    def expansion(self, top: str, variables: tuple[str, ...]) -> SymbolView:
        """The entries of `top` as expressions in those of `variables`; one for all that leave the same tensors as they are."""
        key = top, kept(self.program.needed([top, *variables]), variables)
        if key not in self.expanded:
            self.expanded[key] = SymbolView(self.point, variables, top)
        return self.expanded[key]

    def of(self, name: str) -> list[By]:
        """The partial derivatives of the definition of each entry of `name`, by the entries in it."""
        if name not in self.partials:
            if process_time() > self.deadline:
                raise VerifyError(f"the expansion takes too long at {sizes_text(self.sizes)}")
            entries = self.entries[name]
            self.define(self.program[name])
            definitions, self.entries[name] = self.entries[name], entries
            self.partials[name] = [made.by for made in definitions.flat]
        return self.partials[name]


@cache
def _derivative(name: str) -> tuple[Dummy, Expr]:
    """An argument, and SymPy's derivative of the function `name` of it."""
    u = Dummy()
    return u, (OPAQUE.get(name) or getattr(sympy, name))(u).diff(u)
