"""Scalars in arrays, multiplied and added as formulas on paper mean it: by shapes, with rows and columns kept apart."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from symbackprop.formulas.numbers.tape import ONE, ZERO, Scalar, constant, dot, total


class MisfitError(Exception):
    """Shapes that do not fit under a reading; the text says which."""


class SingularError(MisfitError):
    """A matrix of these shapes has no inverse, whatever its entries, as X X^T of a tall X."""


class InconsistentError(MisfitError):
    """The forward equations do not fit the shapes that are declared."""


@dataclass(frozen=True)
class Quantity:
    """An array of Scalars. A vector is one array axis, a column unless `row`.

    `links`: for a whole derivative, the names of what is derived and by what, and how many axes belong to the first; chains of them are
    contracted over what they share. `special`: "eye", "ones" or "unit PLACE ROWS COLUMNS", a constant of the size of what stands beside
    it; a unit column has so many entries where nothing does, 0 for none, one that is laid across as many as there are columns.
    """

    data: np.ndarray
    row: bool = False
    links: tuple[str, str, int] | None = None
    special: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.data.shape

    @property
    def scalar(self) -> Scalar:
        """The one entry."""
        return self.data.reshape(-1)[0] if self.data.size == 1 else _fail("a number is needed here")

    @property
    def described(self) -> str:
        """The shape in words: 3 x 5, a column of 3, a row of 3, a number."""
        if self.data.ndim == 1:
            return f"{'1 x ' if self.row else ''}{self.shape[0]}{'' if self.row else ' x 1'}"
        return " x ".join(map(str, self.shape)) if self.shape else "a number"


def _fail(text: str) -> Scalar:
    raise MisfitError(text)


def single(node: Scalar) -> Quantity:
    """One number."""
    data = np.empty((), dtype=object)
    data[()] = node
    return Quantity(data)


def value_of(number: float) -> Quantity:
    """A constant."""
    return single(constant(number))


def array_of(entries: Iterable[Scalar], shape: tuple[int, ...], row: bool = False) -> Quantity:
    """Entries in row-major order."""
    data = np.empty(shape, dtype=object)
    flat = data.reshape(-1)
    for k, item in enumerate(entries):
        flat[k] = item
    return Quantity(flat.reshape(shape), row)


def mapped(function: Callable[[Scalar], Scalar], a: Quantity) -> Quantity:
    """A function of each entry."""
    return replace(array_of([function(x) for x in a.data.reshape(-1)], a.shape, a.row), special=a.special if a.special == "ones" else "")


def eye(size: int) -> Quantity:
    """The identity matrix."""
    return array_of([ONE if i == j else ZERO for i in range(size) for j in range(size)], (size, size))


def ones(*shape: int) -> Quantity:
    """Ones."""
    return array_of([ONE] * int(np.prod(shape)), shape)


def transposed(a: Quantity) -> Quantity:
    """The transpose: a row of a column, and back."""
    if a.data.ndim == 1:
        return replace(a, row=not a.row, links=None)
    if a.data.ndim == 2:
        links = (a.links[1], a.links[0], 1) if a.links else None
        return Quantity(a.data.T, links=links)
    if a.data.ndim > 2:
        raise MisfitError("an array of more than two axes has no transpose")
    return replace(a, row=not a.row) if grows(a) else a


def zipped(function: Callable[[Scalar, Scalar], Scalar], a: Quantity, b: Quantity, loose: bool = False) -> Quantity:
    """Entry by entry; a number goes with every entry, a row or column with every row or column of a matrix."""
    a, b = beside(a, b), beside(b, a)
    if a.special.startswith("unit") and b.special.startswith("unit"):
        a, b = settled(a), settled(b)
    if not a.shape and not b.shape:
        special = a.special or b.special if "eye" not in (a.special, b.special) else ""
        return replace(single(function(a.scalar, b.scalar)), special=special)
    if a.data.ndim == b.data.ndim == 1 and a.row != b.row and not loose:
        raise MisfitError(f"a row of {a.shape[0]} stands beside a column of {b.shape[0]}" if a.row else "a column stands beside a row")
    left, right = spread(a, b), spread(b, a)
    try:
        both = np.broadcast(left, right)
    except ValueError:
        raise MisfitError(f"{a.described} does not fit {b.described}") from None
    made = array_of([function(x, y) for x, y in both], both.shape)
    vector = a if a.data.ndim == 1 else b
    return replace(made, row=vector.row if made.data.ndim == 1 else False)


def beside(a: Quantity, b: Quantity) -> Quantity:
    """A unit column of the size of the vector beside it."""
    return grown(a, b.shape[0]) if a.special.startswith("unit") and b.data.ndim == 1 else a


def spread(a: Quantity, b: Quantity) -> np.ndarray:
    """The array of `a` so that NumPy's broadcasting puts it beside `b`."""
    if a.special == "eye" and b.data.ndim == 2:
        return _scaled_eye(a, b.shape[0]).data
    if a.data.ndim == 1 and b.data.ndim == 2:
        return a.data[None, :] if a.row else a.data[:, None]
    return a.data


def _scaled_eye(a: Quantity, size: int) -> Quantity:
    return array_of([a.scalar if i == j else ZERO for i in range(size) for j in range(size)], (size, size))


def plus(a: Quantity, b: Quantity, loose: bool = False) -> Quantity:
    """The sum."""
    if a.special == b.special == "eye":
        return replace(single(a.scalar + b.scalar), special="eye")
    return zipped(Scalar.__add__, a, b, loose)


def negative(a: Quantity) -> Quantity:
    """-a."""
    return replace(a, data=mapped(Scalar.__neg__, a).data)


def hadamard(a: Quantity, b: Quantity, loose: bool = False) -> Quantity:
    """Entry by entry."""
    return zipped(Scalar.__mul__, a, b, loose)


def scaled(a: Quantity, factor: Scalar) -> Quantity:
    """A number times an array, with what the array is kept."""
    return replace(a, data=mapped(lambda x: x * factor, a).data)


def inner(a: np.ndarray, b: np.ndarray) -> Scalar:
    """The sum of the products of the entries."""
    return dot(list(a.reshape(-1)), list(b.reshape(-1)))


def contracted(a: Quantity, b: Quantity, axes: int) -> np.ndarray:
    """The last axes of `a` summed against the first of `b`."""
    left = a.data.reshape(-1, int(np.prod(a.shape[a.data.ndim - axes :], dtype=int)))
    right = b.data.reshape(int(np.prod(b.shape[:axes], dtype=int)), -1)
    if left.shape[1] != right.shape[0]:
        raise MisfitError(f"{a.described} does not fit {b.described}")
    made = [inner(left[i], right[:, j]) for i in range(left.shape[0]) for j in range(right.shape[1])]
    return array_of(made, a.shape[: a.data.ndim - axes] + b.shape[axes:]).data


def grows(a: Quantity) -> bool:
    """Whether this is a constant vector of no size."""
    return a.special == "ones" or a.special.startswith("unit")


def grown(a: Quantity, size: int) -> Quantity:
    """A constant vector of no size with so many entries."""
    if a.special == "ones":
        return array_of([a.scalar] * size, (size,), a.row)
    place = int(a.special.split()[1])
    if place > size:
        raise MisfitError(f"unit column {place} of {size}")
    return array_of([a.scalar if k + 1 == place else ZERO for k in range(size)], (size,), a.row)


def settled(a: Quantity) -> Quantity:
    """A unit column of the size that it has by itself."""
    if not a.special.startswith("unit"):
        return a
    size = int(a.special.split()[3 if a.row else 2])
    if not size:
        raise MisfitError("nothing says how long this unit column is")
    return grown(a, size)


def sized(a: Quantity, b: Quantity, left: bool) -> Quantity:
    """A constant of no size beside something, as a vector of the size that fits; `left`: it stands on its left."""
    if not grows(a) or not b.shape:
        return a
    rows, columns = (b.shape[0], 1) if b.data.ndim == 1 and not b.row else (1, b.shape[0]) if b.data.ndim == 1 else b.shape[:2]
    size = (rows if a.row else 0) if left else (0 if a.row else columns)
    if b.data.ndim == 1:
        size = b.shape[0] if (left and a.row and not b.row) or (not left and not a.row and b.row) else 0
    return grown(a, size) if size else a


def matrix_product(a: Quantity, b: Quantity) -> Quantity:
    """A product by shapes; raises MisfitError where they do not fit."""
    a, b = sized(a, b, True), sized(b, a, False)
    if a.special.startswith("unit") and (b.shape or b.special.startswith("unit")):
        a = settled(a)
    if b.special.startswith("unit") and a.shape:
        b = settled(sized(b, a, False))
    if not a.shape or not b.shape:
        if not a.shape and not b.shape:
            kept = next((x for x in (a, b) if x.special == "eye" or x.special.startswith("unit")), single(ZERO))
            return replace(kept, data=single(a.scalar * b.scalar).data)
        return scaled(b, a.scalar) if not a.shape else scaled(a, b.scalar)
    if a.data.ndim > 2 or b.data.ndim > 2:
        if a.shape[-1] != b.shape[0] or (a.data.ndim == 1 and not a.row):
            raise MisfitError(f"{a.described} times {b.described}")
        return Quantity(contracted(a, b, 1))
    left = a.data if a.data.ndim == 2 else a.data[None, :] if a.row else a.data[:, None]
    right = b.data if b.data.ndim == 2 else b.data[None, :] if b.row else b.data[:, None]
    if left.shape[1] != right.shape[0]:
        raise MisfitError(f"{a.described} times {b.described}")
    made = Quantity(contracted(Quantity(left), Quantity(right), 1))
    if a.data.ndim == 1 and b.data.ndim == 1:
        return single(made.data[0, 0]) if a.row else made
    if b.data.ndim == 1 and not b.row:
        return Quantity(made.data[:, 0])
    if a.data.ndim == 1 and a.row:
        return Quantity(made.data[0], row=True)
    return made


def outer(a: Quantity, b: Quantity) -> Quantity:
    """All products of entries, the axes of the first before those of the second."""
    made = [x * y for x in a.data.reshape(-1) for y in b.data.reshape(-1)]
    return array_of(made, a.shape + b.shape)


def diagonal(a: Quantity) -> Quantity:
    """A vector on the diagonal of a matrix, or the diagonal of a matrix."""
    if a.data.ndim == 2 and 1 not in a.shape:
        return Quantity(np.array([a.data[i, i] for i in range(min(a.shape))], dtype=object))
    entries = a.data.reshape(-1)
    size = len(entries)
    return array_of([entries[i] if i == j else ZERO for i in range(size) for j in range(size)], (size, size))


def square(a: Quantity) -> int:
    """The size of a square matrix."""
    if a.data.ndim != 2 or a.shape[0] != a.shape[1]:
        raise MisfitError(f"{a.described} is no square matrix")
    return a.shape[0]


def trace(a: Quantity) -> Quantity:
    """The sum of the diagonal; a number is its own trace."""
    if not a.shape:
        return a
    return single(total(a.data[i, i] for i in range(square(a))))
