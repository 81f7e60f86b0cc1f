"""Matrix expressions: what an equation is made of when it is written without indices.

Every value has a shape of two axes, rows and columns; None stands for an extent of one, so a vector is a column (a, None) and
a scalar (None, None). `hadamard` and the like are elementwise. Builders keep the tree flat and transposes at the leaves.
"""

from dataclasses import dataclass

from sympy import Expr, S

Shape = tuple[Expr | None, Expr | None]


@dataclass(frozen=True)
class Value:
    """Base of all matrix expressions."""

    @property
    def shape(self) -> Shape:
        """Rows and columns."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Shaped(Value):
    extent: Shape

    @property
    def shape(self) -> Shape:
        """As given."""
        return self.extent


@dataclass(frozen=True)
class Leaf(_Shaped):
    """A tensor of at most two axes."""

    name: str


@dataclass(frozen=True)
class Scalar(Value):
    """A scalar expression: numbers, sizes, scalar tensors."""

    expr: Expr

    @property
    def shape(self) -> Shape:
        """A scalar."""
        return (None, None)


@dataclass(frozen=True)
class Ones(_Shaped):
    """A column of ones."""


@dataclass(frozen=True)
class Eye(_Shaped):
    """The identity matrix."""


@dataclass(frozen=True)
class Unit(_Shaped):
    """A column of the identity matrix: one at `place`, counted from 0, and zeros."""

    place: Expr


@dataclass(frozen=True)
class Transpose(Value):
    """x^T."""

    x: Value

    @property
    def shape(self) -> Shape:
        """Turned round."""
        return (self.x.shape[1], self.x.shape[0])


@dataclass(frozen=True)
class MatMul(Value):
    """A product of matrices and vectors."""

    factors: tuple[Value, ...]

    @property
    def shape(self) -> Shape:
        """Rows of the first, columns of the last."""
        return (self.factors[0].shape[0], self.factors[-1].shape[1])


@dataclass(frozen=True)
class Hadamard(Value):
    """Elementwise products and quotients: the first, then (mark, value) with mark "odot" or "oslash"."""

    first: Value
    rest: tuple[tuple[str, Value], ...]

    @property
    def shape(self) -> Shape:
        """That of any operand."""
        return self.first.shape


@dataclass(frozen=True)
class Plus(Value):
    """Signed terms of one shape."""

    terms: tuple[tuple[int, Value], ...]

    @property
    def shape(self) -> Shape:
        """That of any term."""
        return self.terms[0][1].shape


@dataclass(frozen=True)
class Scale(Value):
    """A scalar expression and scalar values times x."""

    coefficient: Expr
    scalars: tuple[Value, ...]
    x: Value

    @property
    def shape(self) -> Shape:
        """That of x."""
        return self.x.shape


@dataclass(frozen=True)
class Diag(Value):
    """The diagonal matrix of a column."""

    v: Value

    @property
    def shape(self) -> Shape:
        """Square."""
        return (self.v.shape[0], self.v.shape[0])


@dataclass(frozen=True)
class Diagonal(Value):
    """The diagonal of a square matrix, as a column."""

    x: Value

    @property
    def shape(self) -> Shape:
        """A column."""
        return (self.x.shape[0], None)


@dataclass(frozen=True)
class Trace(Value):
    """The trace of a square matrix."""

    x: Value

    @property
    def shape(self) -> Shape:
        """A scalar."""
        return (None, None)


@dataclass(frozen=True)
class SquaredNorm(Value):
    """The sum of the squares of all entries: Euclid's norm of a vector, squared, or Frobenius's of a matrix."""

    x: Value

    @property
    def shape(self) -> Shape:
        """A scalar."""
        return (None, None)


@dataclass(frozen=True)
class Map(Value):
    """An elementwise function of values of one shape."""

    function: str
    arguments: tuple[Value, ...]

    @property
    def shape(self) -> Shape:
        """That of the arguments."""
        return self.arguments[0].shape


@dataclass(frozen=True)
class Bracket(Value):
    """1[left > right] or 1[left >= right], elementwise."""

    mark: str
    left: Value
    right: Value

    @property
    def shape(self) -> Shape:
        """That of the left side, or of the right if that is larger."""
        return self.left.shape if self.left.shape != (None, None) else self.right.shape


@dataclass(frozen=True)
class Elementwise(Value):
    """x to an exponent, elementwise."""

    x: Value
    exponent: Expr

    @property
    def shape(self) -> Shape:
        """That of x."""
        return self.x.shape


@dataclass(frozen=True)
class Called(_Shaped):
    """A whole-tensor op or named statistic; `options` are (name, value) pairs."""

    op: str
    arguments: tuple[Value, ...]
    options: tuple[tuple[str, object], ...]


def ones(axis: Expr) -> Value:
    """The column of ones over an axis."""
    return Ones((axis, None))


def transpose(x: Value) -> Value:
    """x^T with the transpose pushed to the leaves of products."""
    if isinstance(x, Transpose):
        return x.x
    if isinstance(x, Scalar | Eye | Diag | Trace) or x.shape == (None, None):
        return x
    if isinstance(x, MatMul):
        return MatMul(tuple(transpose(f) for f in reversed(x.factors)))
    return Transpose(x)


def matmul(*factors: Value) -> Value:
    """The product, flat, without identities."""
    flat: list[Value] = []
    for f in factors:
        flat += f.factors if isinstance(f, MatMul) else (f,)
    kept = [f for f in flat if not isinstance(f, Eye)] or flat[:1]
    return kept[0] if len(kept) == 1 else MatMul(tuple(kept))


def hadamard(operands: list[tuple[str, Value]]) -> Value:
    """Elementwise product of ("odot", x) and quotient by ("oslash", y)."""
    over = [v for mark, v in operands if mark == "odot"]
    under = [v for mark, v in operands if mark == "oslash"]
    if not over:
        over, under = [Elementwise(under[0], S.NegativeOne)], under[1:]
    rest = [("odot", v) for v in over[1:]] + [("oslash", v) for v in under]
    return Hadamard(over[0], tuple(rest)) if rest else over[0]


def scale(coefficient: Expr, scalars: list[Value], x: Value) -> Value:
    """The multiple, with no factor where it is one."""
    if isinstance(x, Scalar):
        coefficient, x = coefficient * x.expr, Scalar(S.One)
        if not scalars:
            return Scalar(coefficient)
        x, scalars = scalars[-1], scalars[:-1]
    return x if coefficient == 1 and not scalars else Scale(coefficient, tuple(scalars), x)
