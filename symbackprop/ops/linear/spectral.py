"""Eigenvalues and eigenvectors of symmetric matrices. A matrix that is not symmetric stands for its symmetric part."""

from typing import Any

from sympy import Expr

from symbackprop.calculus.index import fresh
from symbackprop.calculus.program import Call, Tensor
from symbackprop.calculus.term import Total
from symbackprop.errors import AxisError
from symbackprop.ops.array import Array, Draft, Pieces
from symbackprop.ops.broadcast import pieces
from symbackprop.ops.linear.linalg import Helper, Indices, square, whole_tensor
from symbackprop.ops.table import DIFFERENCES, array_op

SOURCE = "Magnus 1985, On differentiating eigenvalues and eigenvectors, theorem 1"


def _vectors(name: str, tensors: Any, helper: Helper) -> Tensor:
    return helper("eigenvectors", (name,), tensors[name].axes)


def d_eigvalsh(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """d l_i = v_i^T dA v_i."""
    (i,), (k, m) = at, target
    v = _vectors(call.arguments[0], tensors, helper)
    return v[k, i] * v[m, i]


def d_eigenvectors(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """d v_a = sum over b of v_b (v_b^T dA v_a) / (l_a - l_b), without b = a."""
    (i, a), (k, m) = at, target
    gaps = helper("eigenvalue_gaps", call.arguments, out.axes)
    b = fresh(out.axes[1])
    both = (out[k, b] * out[m, a] + out[m, b] * out[k, a]) / 2
    return Total(out[i, b] * gaps[a, b] * both, b)


def d_eigenvalue_gaps(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """d 1 / (l_a - l_b) = -(d l_a - d l_b) / (l_a - l_b)^2."""
    (a, b), (k, m) = at, target
    v = _vectors(call.arguments[0], tensors, helper)
    return -(out[a, b] ** 2) * (v[k, a] * v[m, a] - v[k, b] * v[m, b])


def _one(draft: Draft, x: Array, what: str) -> Array:
    if x.rank != 2:
        raise draft.error(f"{what} takes one square matrix", AxisError, arrays=[x], notes=[draft.described(x)])
    return square(draft, x, what)


@whole_tensor(d_eigvalsh, source=SOURCE, kinks=("equal eigenvalues",), accuracy=DIFFERENCES, stacks=False)
def eigvalsh(draft: Draft, x: Array) -> Array:
    """The eigenvalues of the symmetric part of a matrix, in ascending order.

    d eigvalsh(A)[i] / d A[k, l] = V[k, i] V[l, i], V the eigenvectors
    """
    return draft.call("eigvalsh", [_one(draft, x, "eigvalsh")], x.axes[:1])


@whole_tensor(d_eigenvectors, source=SOURCE, kinks=("eigenvectors of equal eigenvalues",), accuracy=DIFFERENCES, stacks=False)
def eigenvectors(draft: Draft, x: Array) -> Array:
    """The eigenvectors of the symmetric part of a matrix as columns, in the order of eigvalsh; their signs are free.

    sum_j (A[i, j] + A[j, i]) / 2 V[j, k] = V[i, k] eigvalsh(A)[k], V = eigenvectors(A)
    """
    return draft.call("eigenvectors", [_one(draft, x, "eigenvectors")], x.axes)


@array_op("whole tensor", source=SOURCE, accuracy=DIFFERENCES)
def eigh(draft: Draft, x: Array) -> Pieces:
    """The eigenvalues of the symmetric part of a matrix, eigh(A)[0], in ascending order, and the eigenvectors, eigh(A)[1], as columns.

    sum_j (A[i, j] + A[j, i]) / 2 V[j, k] = V[i, k] l[k], for l = eigh(A)[0] and V = eigh(A)[1]
    """
    return pieces(draft, (eigvalsh(draft, x), eigenvectors(draft, x)))


@whole_tensor(d_eigenvalue_gaps, source=SOURCE, kinks=("eigenvectors of equal eigenvalues",), stacks=False)
def eigenvalue_gaps(draft: Draft, x: Array) -> Array:
    """One over the differences of the eigenvalues of the symmetric part of a matrix; 0 for i = j, and nan where two are equal.

    eigenvalue_gaps(A)[i, j] = [i != j] / (l[i] - l[j]), l = eigvalsh(A)
    """
    return draft.call("eigenvalue_gaps", [_one(draft, x, "eigenvalue_gaps")], x.axes)
