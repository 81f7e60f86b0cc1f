"""Matrix expressions: what an equation is made of when it is written without indices.

Every value has a shape of two axes, rows and columns; None stands for an extent of one, so a vector is a column (a, None) and
a scalar (None, None). A derivative of more axes is a matrix too: its rows are the entries of the output and its columns those of
the input, read row by row. The nodes are made by the functions of building.py, which keep them in one normal form.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar, dataclass_transform

from sympy import Expr, S

from symbackprop.calculus.index import Index

Shape = tuple[Expr | None, Expr | None]


@dataclass(frozen=True)
class Value:
    """Base of all matrix expressions."""

    rule: ClassVar[Callable[[Any], Shape]]

    @cached_property
    def shape(self) -> Shape:
        """Rows and columns."""
        return type(self).rule(self)

    @cached_property
    def is_scalar(self) -> bool:
        """Whether it is one number."""
        return self.shape == (None, None)

    @cached_property
    def places(self) -> frozenset[Index]:
        """The indices of its sums, and those at which it takes rows, columns, entries or unit vectors: its text depends on their names."""
        own = {self.index} if isinstance(self, Sum) else {self.at} if isinstance(self, Row | Column | At) else set()
        return frozenset(self.place.atoms(Index) if isinstance(self, Unit) else own).union(*(v.places for v in self.children))

    @cached_property
    def children(self) -> tuple["Value", ...]:
        """The values that it is made of."""
        found: list[Value] = []
        for held in (getattr(self, f.name) for f in fields(self)):
            for one in held if isinstance(held, tuple) else (held,):
                found += [v for v in (one if isinstance(one, tuple) else (one,)) if isinstance(v, Value)]
        return tuple(found)

    def mapped(self, change: Callable[["Value"], "Value"]) -> "Value":
        """The same node of changed values, as it stands; `building.rebuilt` brings it into normal form."""
        new = {f.name: made for f in fields(self) if (made := _mapped(getattr(self, f.name), change)) is not getattr(self, f.name)}
        return replace(self, **new) if new else self


@dataclass_transform(frozen_default=True)
def node(shape: Callable[[Any], Shape] | None = None) -> Callable[[type], Any]:
    """A frozen dataclass of values; `shape` tells its rows and columns, where its base does not.

    Its hash is worked out once: values are looked up again and again, and hold many others.
    """

    def decorated(cls: type) -> Any:
        made: Any = dataclass(frozen=True)(cls)
        whole = made.__hash__

        def once(self: Value) -> int:
            return self.__dict__.get("_hash") or self.__dict__.setdefault("_hash", whole(self))

        made.__hash__ = once
        if shape is not None:
            made.rule = staticmethod(shape)
        return made

    return decorated


def _mapped(held: Any, change: Callable[[Value], Value]) -> Any:
    if isinstance(held, Value):
        return change(held)
    if not isinstance(held, tuple):
        return held
    made = tuple(_mapped(h, change) for h in held)
    return made if any(a is not b for a, b in zip(made, held, strict=True)) else held


def times(a: Expr | None, b: Expr | None) -> Expr | None:
    """The extent of two axes read as one."""
    return b if a is None else a if b is None else a * b


@node(lambda x: x.extent)
class _Shaped(Value):
    extent: Shape


@node()
class Leaf(_Shaped):
    """A tensor of at most two axes, and besides them axes of size one, which are at the places `units`."""

    name: str
    units: tuple[int, ...] = ()


@node(lambda x: (None, None))
class Scalar(Value):
    """A scalar expression: numbers, sizes, scalar tensors."""

    expr: Expr


@node()
class Ones(_Shaped):
    """A column of ones."""


@node()
class Eye(_Shaped):
    """The identity matrix."""


@node()
class Lower(_Shaped):
    """The square matrix with ones on and below the diagonal, and zeros above: L x are the cumulative sums of x."""


@node()
class Unit(_Shaped):
    """A column of the identity matrix: one at `place`, counted from 0, and zeros."""

    place: Expr


@node(lambda x: (x.x.shape[1], x.x.shape[0]))
class Transpose(Value):
    """x^T."""

    x: Value


@node(lambda x: x.x.shape)
class Inverse(Value):
    """x^{-1}."""

    x: Value


@node(lambda x: (x.factors[0].shape[0], x.factors[-1].shape[1]))
class MatMul(Value):
    """A product of matrices and vectors, of which at most one pair of neighbours makes an outer product."""

    factors: tuple[Value, ...]


@node(lambda x: x.factors[0].shape)
class Hadamard(Value):
    """An elementwise product; a factor with a negative exponent divides."""

    factors: tuple[Value, ...]


@node(lambda x: x.terms[0][1].shape)
class Plus(Value):
    """Signed terms of one shape, at least two."""

    terms: tuple[tuple[int, Value], ...]


@node(lambda x: x.x.shape)
class Scale(Value):
    """A scalar expression and scalar values times x; -x is -1 times x."""

    coefficient: Expr
    scalars: tuple[Value, ...]
    x: Value


@node(lambda x: (x.v.shape[0], x.v.shape[0]))
class Diag(Value):
    """The diagonal matrix of a column."""

    v: Value


@node(lambda x: (x.x.shape[0], None))
class Diagonal(Value):
    """The diagonal of a square matrix, as a column."""

    x: Value


@node(lambda x: (None, None))
class Trace(Value):
    """The trace of a square matrix."""

    x: Value


@node(lambda x: (None, None))
class SquaredNorm(Value):
    """The sum of the squares of all entries: Euclid's norm of a vector, squared, or Frobenius's of a matrix."""

    x: Value


@node(lambda x: next((a.shape for a in x.arguments if not a.is_scalar), (None, None)))
class Map(Value):
    """An elementwise function of values of one shape; a scalar among them is broadcast."""

    function: str
    arguments: tuple[Value, ...]


@node(lambda x: x.right.shape if x.left.is_scalar else x.left.shape)
class Bracket(Value):
    """1[left > right] or 1[left >= right], elementwise; a scalar side is broadcast."""

    mark: str
    left: Value
    right: Value


@node(lambda x: x.x.shape)
class Elementwise(Value):
    """x to an exponent, elementwise."""

    x: Value
    exponent: Expr


@node()
class Called(_Shaped):
    """A whole-tensor op or named statistic; `options` are (name, value) pairs."""

    op: str
    arguments: tuple[Value, ...]
    options: tuple[tuple[str, object], ...]


# --- derivatives of more than two axes ------------------------------------------------------------------------------------


@node(lambda x: (times(x.left.shape[0], x.right.shape[0]), times(x.left.shape[1], x.right.shape[1])))
class Kron(Value):
    """The Kronecker product of two matrices."""

    left: Value
    right: Value


@node(lambda x: (times(*x.x.shape), None))
class Vec(Value):
    """The entries of a matrix as a column, row by row."""

    x: Value


@node(lambda x: (x.rows * x.columns, x.rows * x.columns))
class Commutation(Value):
    """K with K vec(X) = vec(X^T), for X of these rows and columns (Magnus & Neudecker, ch. 3, 7)."""

    rows: Expr
    columns: Expr


@node(lambda x: (x.x.shape[1], None))
class Row(Value):
    """One row of a matrix, as a column."""

    x: Value
    at: Index


@node(lambda x: (x.x.shape[0], None))
class Column(Value):
    """One column of a matrix."""

    x: Value
    at: Index


@node(lambda x: (None, None))
class At(Value):
    """One entry of a column."""

    x: Value
    at: Index


@node(lambda x: x.body.shape)
class Sum(Value):
    """The sum of `body` over an index."""

    index: Index
    body: Value


ONE = Scalar(S.One)
