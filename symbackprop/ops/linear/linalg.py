"""Whole-tensor ops of linear algebra: calls without an index law, each with its differential and where that is published.

`differential(call, tensors, out, place, at, target, helper)` is d out[at] / d argument[target] as an index expression. Matrices stand in
the last two axes; axes before them count independent matrices.
"""

from collections.abc import Callable
from typing import Any

from sympy import Expr, Mul, Rational, S

from symbackprop.calculus.index import fresh, shape_text
from symbackprop.calculus.program import Call, Tensor
from symbackprop.calculus.term import Positive, Total, delta
from symbackprop.errors import AxisError
from symbackprop.ops.array import Array, Draft, Pieces
from symbackprop.ops.broadcast import pieces
from symbackprop.ops.table import Op, array_op, described, parameters_of, register

Indices = tuple[Expr, ...]
Helper = Callable[..., Tensor]

MAGNUS = "Magnus & Neudecker, Matrix Differential Calculus, 3rd ed. 2019"


def whole_tensor(
    differential: Callable[..., Expr],
    *,
    source: str,
    names: tuple[str, ...] = (),
    kinks: tuple[str, ...] = (),
    latex: str = "",
    accuracy: str = "",
    stacks: bool = True,
) -> Callable[[Callable], Callable]:
    """Make the decorated builder an op whose call states its `differential`, with the `source` of that."""

    def made(build: Callable) -> Callable:
        first, *aliases = names or (build.__name__,)
        summary, formula = described(build)
        op = Op(
            first,
            "whole tensor",
            summary,
            formula,
            source=source,
            kinks=kinks,
            build=build,
            latex=latex,
            parameters=parameters_of(build),
            differential=differential,
            accuracy=accuracy,
            stacks=stacks,
        )
        register(op, *aliases)
        return build

    return made


def square(draft: Draft, x: Array, what: str) -> Array:
    """`x`, if it is a square matrix, or many of them."""
    if x.rank < 2:
        raise draft.error(f"{what} takes a square matrix", AxisError, arrays=[x], notes=[draft.described(x)])
    if x.axes[-1] != x.axes[-2]:
        draft.met = (x.axes[-2], x.axes[-1])
        hint = "" if not x.text.isidentifier() else f"write {what}({x.text}.T @ {x.text}), or give it the shape"
        fix = f'{hint} "{shape_text([*x.axes[:-1], x.axes[-2]])}"' if hint else "make it square"
        raise draft.error(f"{what} takes a square matrix", AxisError, arrays=[x], notes=[draft.described(x)], fix=fix)
    return x


def same(front: Indices, other: Indices) -> Expr:
    """1 where two matrices are the same one of many."""
    return Mul(*[delta(a, b) for a, b in zip(front, other, strict=True)])


def inverse_of(name: str, tensors: Any, helper: Helper) -> Tensor:
    """The inverse of the tensor `name`, as a helper."""
    return helper("inv", (name,), tensors[name].axes)


def d_inv(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """d inv(X) = -inv(X) dX inv(X)."""
    *front, i, j = at
    *other, k, m = target
    return -same(tuple(front), tuple(other)) * out[(*front, i, k)] * out[(*front, m, j)]


@whole_tensor(d_inv, source=f"{MAGNUS}, ch. 8, theorem 3")
def inv(draft: Draft, x: Array) -> Array:
    """The inverse of a square matrix.

    sum_j inv(A)[i, j] A[j, k] = delta_ik
    """
    return draft.call("inv", [square(draft, x, "inv")], x.axes)


def d_det(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """d det(X) = det(X) tr(inv(X) dX)."""
    *other, k, m = target
    inverse = inverse_of(call.arguments[0], tensors, helper)
    return same(at, tuple(other)) * out[at] * inverse[(*at, m, k)]


@whole_tensor(d_det, source=f"{MAGNUS}, ch. 8, theorem 1 (Jacobi 1841)", latex=r"\det\left(#1\right)")
def det(draft: Draft, x: Array) -> Array:
    """The determinant of a square matrix; its derivative, the cofactors, is there where the matrix is singular too.

    d det(A) / d A[i, j] = det(A) inv(A)[j, i]
    """
    return draft.call("det", [square(draft, x, "det")], x.axes[:-2])


def d_logdet(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """d log |det X| = tr(inv(X) dX)."""
    *other, k, m = target
    inverse = inverse_of(call.arguments[0], tensors, helper)
    return same(at, tuple(other)) * inverse[(*at, m, k)]


@whole_tensor(d_logdet, source=f"{MAGNUS}, ch. 8, theorem 2")
def logdet(draft: Draft, x: Array) -> Array:
    """The logarithm of the absolute value of the determinant.

    logdet(A) = log(abs(det(A)))
    """
    return draft.call("logdet", [square(draft, x, "logdet")], x.axes[:-2])


def d_nothing(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """0: the sign jumps where the determinant is 0 only."""
    return S.Zero


@whole_tensor(d_nothing, source="piecewise constant", kinks=("jumps at determinant 0",))
def sign_of_det(draft: Draft, x: Array) -> Array:
    """The sign of the determinant of a square matrix: -1, 0 or 1.

    sign_of_det(A) = sign(det(A))
    """
    return draft.call("sign_of_det", [square(draft, x, "sign_of_det")], x.axes[:-2])


@array_op("whole tensor", source="numpy.linalg.slogdet")
def slogdet(draft: Draft, x: Array) -> Pieces:
    """The sign of the determinant, slogdet(A)[0], and the logarithm of its absolute value, slogdet(A)[1].

    slogdet(A)[1] = logdet(A)
    """
    return pieces(draft, (sign_of_det(draft, x), logdet(draft, x)))


def d_pinv(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """d P = -P dA P + P P^T dA^T (I - A P) + (I - P A) dA^T P^T P."""
    matrix = tensors[call.arguments[0]]
    (i, j), (k, m) = at, target
    row, column, a, b = fresh(matrix.axes[0]), fresh(matrix.axes[1]), fresh(matrix.axes[0]), fresh(matrix.axes[1])
    left = delta(k, j) - Total(matrix[k, b] * out[b, j], b)
    right = delta(i, m) - Total(out[i, a] * matrix[a, m], a)
    return -out[i, k] * out[m, j] + Total(out[i, row] * out[m, row], row) * left + right * Total(out[column, k] * out[column, j], column)


@whole_tensor(d_pinv, source="Golub & Pereyra 1973, eq. 4.12", kinks=("none where the rank changes",), stacks=False)
def pinv(draft: Draft, x: Array) -> Array:
    """The pseudo-inverse of a matrix; of full rank it is inv(A.T @ A) @ A.T or A.T @ inv(A @ A.T).

    sum_jk A[i, j] pinv(A)[j, k] A[k, l] = A[i, l]
    """
    if x.rank != 2:
        raise draft.error("pinv takes one matrix", AxisError, arrays=[x], notes=[draft.described(x)])
    return draft.call("pinv", [x], x.axes[::-1])


def d_solve(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """d X = inv(A) (dB - dA X), for X = solve(A, B)."""
    matrix = tensors[call.arguments[0]]
    inverse = inverse_of(matrix.name, tensors, helper)
    batch = len(matrix.axes) - 2
    front, (i, *column) = at[:batch], at[batch:]
    if place == 1:
        k, *its = target[batch:]
        return same(front, target[:batch]) * inverse[(*front, i, k)] * same(tuple(column), tuple(its))
    *other, k, m = target
    return -same(front, tuple(other)) * inverse[(*front, i, k)] * out[(*front, m, *column)]


@whole_tensor(d_solve, source="Giles 2008, An extended collection of matrix derivative results, 2.3.1")
def solve(draft: Draft, a: Array, b: Array) -> Array:
    """The solution of a linear system.

    sum_j A[i, j] solve(A, b)[j] = b[i]
    """
    square(draft, a, "solve")
    if b.rank not in (1, a.rank) or (b.rank == 1 and a.rank > 2):
        raise draft.error("solve takes a square matrix and a vector or matrix", AxisError, arrays=[b], notes=[draft.described(b)])
    rows = a.axes[:-1]
    if b.axes[: len(rows)] != rows:
        raise draft.clash(a, rows[-1], b, b.axes[len(rows) - 1])
    return draft.call("solve", [a, b], b.axes)


def d_cholesky(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """d L = L lower(inv(L) dA inv(L)^T), the diagonal of the lower triangle halved, dA symmetric."""
    i, j = at
    k, m = target
    inverse = helper("inv", (out.name,), out.axes)
    a = fresh(out.axes[0])
    lower = Positive(a - j) + Rational(1, 2) * delta(a, j)
    both = (inverse[a, k] * inverse[j, m] + inverse[a, m] * inverse[j, k]) / 2
    return Total(out[i, a] * lower * both, a)


@whole_tensor(d_cholesky, source="Murray 2016, Differentiation of the Cholesky decomposition, eq. 8", stacks=False)
def cholesky(draft: Draft, x: Array) -> Array:
    """The lower triangular matrix with a positive diagonal whose product with its transpose is the symmetric part of a matrix.

    sum_j cholesky(A)[i, j] cholesky(A)[k, j] = (A[i, k] + A[k, i]) / 2
    """
    if x.rank != 2:
        raise draft.error("cholesky takes one matrix", AxisError, arrays=[x], notes=[draft.described(x)])
    return draft.call("cholesky", [square(draft, x, "cholesky")], x.axes)
