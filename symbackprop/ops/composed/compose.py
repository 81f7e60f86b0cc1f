"""Ops made of other ops: layers and losses, written as one would in NumPy.

The author of `composed` writes a function of values; +, @ and the ops of the table by name (`ops.mean(x, axis=-1)`) build the arrays, and
the derivative follows from theirs.
"""

from collections.abc import Callable
from inspect import signature
from typing import Any

from sympy import Expr, Rational, S

from symbackprop.errors import AxisError
from symbackprop.ops.array import Array, Draft, Pieces, constant
from symbackprop.ops.shapes.structural import DOTS, NEW_AXIS, Range, subscript
from symbackprop.ops.table import OPS, Op, described, register


class Value:
    """An array in a composed op, with the signs of arithmetic."""

    __slots__ = ("array", "ops")

    def __init__(self, array: Array, ops: "Composer") -> None:
        self.array, self.ops = array, ops

    @property
    def rank(self) -> int:
        """The number of axes."""
        return self.array.rank

    @property
    def shape(self) -> tuple[Expr, ...]:
        """The sizes of the axes."""
        return self.array.axes

    @property
    def T(self) -> "Value":
        """The transpose."""
        return self.ops.transpose(self)

    def __getitem__(self, at: Any) -> "Value":
        """One of the parts of a split, by number; else the entries at whole numbers, slices, None and `...`, as of an array."""
        if isinstance(self.array, Pieces):
            return Value(self.array.parts[at], self.ops)
        items = [_item(i) for i in (at if isinstance(at, tuple) else (at,))]
        return Value(subscript(self.ops.draft, self.array, items), self.ops)

    def __add__(self, other: Any) -> "Value":
        return self.ops.add(self, other)

    def __radd__(self, other: Any) -> "Value":
        return self.ops.add(other, self)

    def __sub__(self, other: Any) -> "Value":
        return self.ops.subtract(self, other)

    def __rsub__(self, other: Any) -> "Value":
        return self.ops.subtract(other, self)

    def __mul__(self, other: Any) -> "Value":
        return self.ops.multiply(self, other)

    def __rmul__(self, other: Any) -> "Value":
        return self.ops.multiply(other, self)

    def __truediv__(self, other: Any) -> "Value":
        return self.ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> "Value":
        return self.ops.divide(other, self)

    def __pow__(self, other: Any) -> "Value":
        return self.ops.power(self, other)

    def __matmul__(self, other: Any) -> "Value":
        return self.ops.matmul(self, other)

    def __neg__(self) -> "Value":
        return self.ops.negative(self)


def _item(i: Any) -> Any:
    """What stands in a subscript of Python, as `subscript` takes it."""
    if isinstance(i, slice):
        return Range(*(None if end is None else S(end) for end in (i.start, i.stop, i.step)))
    return NEW_AXIS if i is None else DOTS if i is Ellipsis else S(i)


class Composer:
    """The ops of the table by name, on values and numbers of one draft."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft

    def __getattr__(self, name: str) -> Callable[..., Value]:
        def call(*arguments: Any, **options: Any) -> Value:
            built = OPS[name].build(self.draft, *[self.array(a) for a in arguments], **options)  # type: ignore[misc]  # it is built
            return Value(built, self)

        return call

    def array(self, x: Any) -> Any:
        """A value's array, a number's; anything else (a tuple of arrays, an option) as it is."""
        if isinstance(x, Value):
            return x.array
        if isinstance(x, tuple):
            return tuple(a.array if isinstance(a, Value) else a for a in x)
        return constant(Rational(str(x))) if isinstance(x, int | float) else constant(x) if isinstance(x, Expr) else x

    def check(self, holds: bool, reason: str, *values: Value) -> None:
        """Raise AxisError, with the shapes of `values`, unless something `holds` of them."""
        if not holds:
            raise self.draft.error(reason, AxisError, notes=[self.draft.described(x.array) for x in values])

    def named(self, x: Value) -> Value:
        """A value that is used more than once, with an equation of its own if it is not one entry already."""
        return x if x.array.name is not None else Value(self.draft.ground(x.array), self)

    def called(self, x: Value, name: str, latex: str) -> None:
        """Say what a value is called if it gets an equation of its own (`Draft.wish`)."""
        self.draft.wish(x.array, name, latex)


COMPOSED: dict[str, Callable] = {}
"""The author's function of each composed op, by name: given other `ops`, it works on other values."""


def composed(kind: str, *, source: str, names: tuple[str, ...] = (), accuracy: str = "") -> Callable[[Callable[..., Value]], Callable]:
    """Make the decorated function of (ops, values..., options...) an op: parameters annotated Value are arrays."""

    def made(function: Callable[..., Value]) -> Callable:
        own = list(signature(function).parameters.values())[1:]
        arrays = {p.name for p in own if p.annotation is Value or Value in getattr(p.annotation, "__args__", ())}
        parameters = {p.name: p.replace(annotation=Array if p.name in arrays else p.annotation) for p in own}

        def build(draft: Draft, *arguments: Any, **options: Any) -> Array:
            ops = Composer(draft)
            given = [Value(a, ops) if isinstance(a, Array) else a for a in arguments]
            return function(ops, *given, **{k: Value(v, ops) if isinstance(v, Array) else v for k, v in options.items()}).array

        summary, formula = described(function)
        first, *aliases = names or (function.__name__,)
        register(Op(first, kind, summary, formula, source=source, build=build, parameters=parameters, accuracy=accuracy), *aliases)
        for name in (first, *aliases):
            COMPOSED[name] = function
        return function

    return made
