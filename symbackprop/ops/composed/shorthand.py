"""NumPy's functions that a few others say."""

from math import comb

from symbackprop.ops.composed.compose import Composer, Value, composed
from symbackprop.ops.entrywise.arithmetic import SQUARE

Axis = int | tuple[int, ...] | None
MOST_DIFFERENCES = 60
"""Beyond it the coefficients have more digits than a double."""
WRITTEN_OUT, HIGHEST_POWER = 12, 10**9
"""A power of a matrix up to the first is one product; beyond the second nothing but 0 and 1 is left in range."""


@composed("reduction", source="NumPy's reference")
def ptp(ops: Composer, x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The largest entry less the smallest, along axes.

    ptp(x) = max(x) - min(x)
    """
    x = ops.named(x)
    return ops.max(x, axis=axis, keepdims=keepdims) - ops.min(x, axis=axis, keepdims=keepdims)


AVERAGE = f"derivatives are right to 1e-12 of the largest entry; {SQUARE.format('a weight or an entry')}"


@composed("reduction", source="NumPy's reference", accuracy=AVERAGE)
def average(ops: Composer, x: Value, axis: int | None = None, weights: Value | None = None) -> Value:
    """The mean, weighted if there are weights of the shape of x, or along the one axis.

    average(x, weights=w) = sum(x w) / sum(w)
    """
    if weights is None:
        return ops.mean(x, axis=axis)
    if axis is not None and weights.rank == 1 < x.rank:
        weights = ops.broadcast_to(weights[(slice(None), *[None] * (x.rank - 1 - axis % x.rank))], x.shape)
    return ops.sum(x * weights, axis=axis) / ops.sum(weights, axis=axis)


@composed("structural", source="NumPy's reference")
def diff(ops: Composer, x: Value, n: int = 1, axis: int = -1) -> Value:
    """Differences of neighbours along an axis, n times over.

    diff(x)[i] = x[i + 1] - x[i]
    """
    ops.check(0 <= n <= MOST_DIFFERENCES, f"diff takes n from 0 to {MOST_DIFFERENCES}, not {n}", x)
    ops.check(-x.rank <= axis < x.rank, f"diff takes an axis of the array, and there is no axis {axis}", x)
    ahead = [slice(None)] * (axis % x.rank)
    if n == 0:
        return x
    x = ops.named(x) if n > 1 else x
    made = x[(*ahead, slice(n, None))]
    for k in range(n - 1, -1, -1):
        part = x[(*ahead, slice(k or None, k - n))] * comb(n, k)
        made = made + part if (n - k) % 2 == 0 else made - part
    return made


@composed("contraction", source="NumPy's reference")
def vdot(ops: Composer, a: Value, b: Value) -> Value:
    """The sum of all products of entries at the same places.

    vdot(A, B) = sum_ij A[i, j] B[i, j]
    """
    return ops.sum(ops.ravel(a) * ops.ravel(b)) if a.rank != b.rank else ops.sum(a * b)


@composed("contraction", source="numpy.linalg.matrix_power")
def matrix_power(ops: Composer, a: Value, n: int) -> Value:
    """The product of n factors, all the same square matrix; of its inverse, where n is negative.

    matrix_power(A, 2) = A @ A
    """
    ops.check(a.rank >= 2 and a.shape[-1] == a.shape[-2], "matrix_power takes a square matrix", a)
    ops.check(n != 0, "the power 0 is the unit matrix: write eye(n)", a)
    ops.check(abs(n) <= HIGHEST_POWER, f"matrix_power takes powers up to {HIGHEST_POWER}", a)
    made = one = ops.named(a if n > 0 else ops.inv(a))
    if abs(n) <= WRITTEN_OUT:
        for _ in range(abs(n) - 1):
            made = made @ one
        return made
    for digit in f"{abs(n):b}"[1:]:  # as numpy does: a square for each digit, times the matrix for a 1
        made = ops.named(made @ made)
        made = ops.named(made @ one) if digit == "1" else made
    return made
