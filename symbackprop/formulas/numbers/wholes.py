"""Functions of whole matrices and columns: Kronecker's product, unit columns, factors, matrices of constants."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers.quantities import Quantity, SingularError, array_of, matrix_product, settled, square, transposed
from symbackprop.formulas.numbers.tape import ONE, ZERO, Scalar


def as_matrix(a: Quantity) -> np.ndarray:
    """The entries in rows and columns."""
    return a.data if a.data.ndim == 2 else a.data.reshape((1, -1) if a.row else (-1, 1))


def kronecker(a: Quantity, b: Quantity) -> Quantity:
    """Every entry of `a` times the whole of `b`, in its place."""
    a, b = settled(a), settled(b)
    left, right = as_matrix(a), as_matrix(b)
    rows, columns = left.shape[0] * right.shape[0], left.shape[1] * right.shape[1]
    blocks = [left[i // right.shape[0], j // right.shape[1]] for i in range(rows) for j in range(columns)]
    entries = [right[i % right.shape[0], j % right.shape[1]] for i in range(rows) for j in range(columns)]
    made = array_of([x * y for x, y in zip(blocks, entries, strict=True)], (rows, columns))
    if a.data.ndim == b.data.ndim == 1 and a.row == b.row:
        return Quantity(made.data.reshape(-1), row=a.row)
    return made


def commutation(rows: int, columns: int, by_rows: bool) -> Quantity:
    """K with K vec(X) = vec(X^T) for a matrix X of so many rows and columns, vec listing rows or columns one after the other."""
    places = np.arange(rows * columns).reshape((rows, columns) if by_rows else (columns, rows)).T.reshape(-1)
    size = rows * columns
    return array_of([ONE if places[i] == j else ZERO for i in range(size) for j in range(size)], (size, size))


def values_of(a: Quantity) -> np.ndarray:
    """The values of a matrix: points, rows, columns."""
    entries = np.broadcast_arrays(*[np.asarray(x.value, dtype=float) for x in a.data.reshape(-1)])
    return np.moveaxis(np.array(entries).reshape(*as_matrix(a).shape, *entries[0].shape), (0, 1), (-2, -1))


def determinant(a: Quantity) -> Scalar:
    """The determinant; its derivatives are cofactors."""
    if square(a) == 0:
        return ONE
    entries = list(a.data.reshape(-1))

    def partials(made: Scalar) -> list[Scalar]:
        return [cofactor(a, i, j) for i in range(len(a.data)) for j in range(len(a.data))]

    return Scalar(np.linalg.det(values_of(a)), tuple(entries), partials)


def cofactor(a: Quantity, i: int, j: int) -> Scalar:
    """The determinant without a row and a column, with its sign."""
    minor = determinant(Quantity(np.delete(np.delete(a.data, i, axis=0), j, axis=1)))
    return minor if (i + j) % 2 == 0 else -minor


def inverse(a: Quantity) -> Quantity:
    """The inverse; the derivative of its entry i, j by entry k, l of the matrix is minus the product of its entries i, k and l, j."""
    size = square(a)
    values = values_of(a)
    singular = deficient(values)
    if size > 1 and np.ndim(singular) and singular.all():
        raise SingularError("a matrix without an inverse")
    found = np.where(singular[..., None, None], np.nan, np.linalg.inv(np.where(singular[..., None, None], np.eye(size), values)))
    entries = tuple(a.data.reshape(-1))
    made = np.empty((size, size), dtype=object)

    def slopes(i: int, j: int, _: Scalar) -> list[Scalar]:
        return [-(made[i, k] * made[l, j]) for k in range(size) for l in range(size)]

    for i, j in np.ndindex(size, size):
        made[i, j] = Scalar(found[..., i, j], entries, partial(slopes, i, j))
    return Quantity(made)


def deficient(values: np.ndarray) -> np.ndarray:
    """Where matrices have less than full rank, or are no numbers."""
    known = np.isfinite(values).all(axis=(-2, -1))
    spread = np.linalg.svd(np.where(known[..., None, None], values, 0.0), compute_uv=False)
    made: np.ndarray = spread[..., -1] <= 1e-12 * spread[..., 0]
    return made


def cholesky(a: Quantity) -> Quantity:
    """The lower triangular factor L of L L^T = A, from the lower part of A."""
    size = square(a)
    made = np.full((size, size), ZERO, dtype=object)
    for j in range(size):
        made[j, j] = s.sqrt(a.data[j, j] - s.total(made[j, k] * made[j, k] for k in range(j)))
        for i in range(j + 1, size):
            made[i, j] = (a.data[i, j] - s.total(made[i, k] * made[j, k] for k in range(j))) / made[j, j]
    return Quantity(made)


def solve(a: Quantity, b: Quantity) -> Quantity:
    """A^-1 b."""
    return matrix_product(inverse(a), b)


def first_of(entries: list[Scalar], largest: bool) -> list[Scalar]:
    """1 at the first largest (or smallest) number, 0 elsewhere, point by point."""
    values = np.stack(np.broadcast_arrays(*[np.atleast_1d(np.asarray(x.value, dtype=float)) for x in entries]))
    place = np.argmax(values, axis=0) if largest else np.argmin(values, axis=0)
    return [s.truth(place == k) for k in range(len(entries))]


def valued(function: Callable[[np.ndarray], np.ndarray], name: str) -> Callable[[Quantity], Quantity]:
    """A function of a matrix by its values; it has no derivative here."""

    def refused(_: Scalar) -> list[Scalar]:
        raise UnreadError(f"the derivative of {name}")

    def apply(a: Quantity) -> Quantity:
        values = function(values_of(a))
        entries = tuple(a.data.reshape(-1))
        shape = values.shape[np.ndim(entries[0].value) :]
        return array_of([Scalar(values[(..., *at)], entries, refused) for at in np.ndindex(*shape)], shape)

    return apply


WHOLE: Mapping[str, Callable[..., Quantity]] = {
    "cholesky": cholesky,
    "solve": solve,
    "inv": inverse,
    "transpose": transposed,
    "pinv": valued(np.linalg.pinv, "pinv"),
    "eigvalsh": valued(np.linalg.eigvalsh, "eigvalsh"),
    "eigenvectors": valued(lambda a: np.linalg.eigh(a)[1], "eigenvectors"),
}
"""By their names, those that say nothing else."""
