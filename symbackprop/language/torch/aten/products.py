"""Records of ATen ops that are sums of products, and of linear algebra."""

from collections.abc import Sequence
from typing import Any

from symbackprop.language.graphs.ops import Ops, places
from symbackprop.language.torch.aten.records import aten
from symbackprop.language.torch.aten.shapes import transpose


@aten("mm", "bmm", "matmul", "mv")
def matmul(ops: Ops, self: Any, mat2: Any = None, other: Any = None, vec: Any = None) -> Any:
    """A product of matrices, of stacks of them, or of one and a vector."""
    return ops.matmul(self, next(x for x in (mat2, other, vec) if x is not None))


@aten("dot", "vdot", "linalg_vecdot")
def dot(ops: Ops, self: Any = None, tensor: Any = None, x: Any = None, y: Any = None, other: Any = None, dim: int = -1) -> Any:
    """A product of vectors."""
    one, two = (x, y) if self is None else (self, other if tensor is None else tensor)
    return ops.sum(ops.multiply(one, two), axis=dim)


@aten("inner")
def inner(ops: Ops, self: Any, other: Any) -> Any:
    """Products of last axes."""
    return ops.inner(self, other)


@aten("outer", "ger")
def outer(ops: Ops, self: Any, vec2: Any) -> Any:
    """Products of all pairs."""
    return ops.outer(self, vec2)


def _beside(ops: Ops, self: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """Beta self + alpha product."""
    scaled = product if alpha == 1 else ops.multiply(alpha, product)
    return scaled if beta == 0 else ops.add(self if beta == 1 else ops.multiply(beta, self), scaled)


@aten("addmm")
def addmm(ops: Ops, self: Any, mat1: Any, mat2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    """Beta self + alpha mat1 mat2."""
    return _beside(ops, self, ops.matmul(mat1, mat2), beta, alpha)


@aten("baddbmm")
def baddbmm(ops: Ops, self: Any, batch1: Any, batch2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    """The same of stacks."""
    return _beside(ops, self, ops.matmul(batch1, batch2), beta, alpha)


@aten("addbmm")
def addbmm(ops: Ops, self: Any, batch1: Any, batch2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    """The same, summed over the stack."""
    return _beside(ops, self, ops.sum(ops.matmul(batch1, batch2), axis=0), beta, alpha)


@aten("addmv")
def addmv(ops: Ops, self: Any, mat: Any, vec: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    """The same of a vector."""
    return _beside(ops, self, ops.matmul(mat, vec), beta, alpha)


@aten("addr")
def addr(ops: Ops, self: Any, vec1: Any, vec2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    """The same of all pairs."""
    return _beside(ops, self, ops.outer(vec1, vec2), beta, alpha)


@aten("linear")
def linear(ops: Ops, input: Any, weight: Any, bias: Any = None) -> Any:
    """X W^T + b."""
    made = ops.matmul(input, weight.T)
    return made if bias is None else ops.add(made, bias)


@aten("bilinear")
def bilinear(ops: Ops, input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """x^T W y + b."""
    made = ops.einsum("...i,oij,...j->...o", input1, weight, input2)
    return made if bias is None else ops.add(made, bias)


@aten("einsum")
def einsum(ops: Ops, equation: str, tensors: Sequence[Any]) -> Any:
    """A sum of products, as its letters say."""
    return ops.einsum(equation.replace(" ", ""), *tensors)


@aten("tensordot")
def tensordot(ops: Ops, self: Any, other: Any, dims_self: Sequence[int], dims_other: Sequence[int]) -> Any:
    """Products summed over some axes."""
    return ops.tensordot(self, other, (places(dims_self, self.ndim), places(dims_other, other.ndim)))


@aten("kron")
def kron(ops: Ops, self: Any, other: Any) -> Any:
    """A Kronecker product."""
    return ops.kron(self, other)


@aten("linalg_cross", "cross")
def cross(ops: Ops, self: Any, other: Any, dim: int = -1) -> Any:
    """The product of vectors of three entries."""
    one, two = (transpose(ops, x, dim, 0) for x in (self, other))
    parts = [ops.subtract(ops.multiply(one[i], two[j]), ops.multiply(one[j], two[i])) for i, j in ((1, 2), (2, 0), (0, 1))]
    return transpose(ops, ops.stack(tuple(parts), axis=0), 0, dim)


@aten("inverse", "linalg_inv")
def inverse(ops: Ops, self: Any = None, A: Any = None) -> Any:
    """The inverse."""
    return ops.inv(A if self is None else self)


@aten("linalg_inv_ex")
def inverse_checked(ops: Ops, A: Any) -> Any:
    """The inverse, and whether there is one."""
    return ops.inv(A), ops.absent("whether a matrix has an inverse")


@aten("linalg_det", "det")
def det(ops: Ops, A: Any = None, self: Any = None) -> Any:
    """The determinant."""
    return ops.det(self if A is None else A)


@aten("_linalg_det")
def det_with_factors(ops: Ops, A: Any) -> Any:
    """The determinant, and factors of the matrix."""
    return ops.det(A), ops.absent("factors of a matrix"), ops.absent("factors of a matrix")


@aten("logdet")
def logdet(ops: Ops, self: Any) -> Any:
    """The logarithm of the determinant, of a matrix that has one."""
    return ops.logdet(self)


@aten("linalg_slogdet", "slogdet", "_linalg_slogdet")
def slogdet(ops: Ops, A: Any = None, self: Any = None) -> Any:
    """The sign of the determinant, and the logarithm of its size."""
    x = self if A is None else A
    return ops.sign_of_det(x), ops.logdet(x), ops.absent("factors of a matrix"), ops.absent("factors of a matrix")


@aten("linalg_solve")
def solve(ops: Ops, A: Any, B: Any, left: bool = True) -> Any:
    """X of A X = B."""
    return ops.solve(A, B) if left else ops.swapaxes(ops.solve(ops.swapaxes(A, -1, -2), ops.swapaxes(B, -1, -2)), -1, -2)


@aten("_linalg_solve_ex", "linalg_solve_ex")
def solve_checked(ops: Ops, A: Any, B: Any, left: bool = True) -> Any:
    """X, and factors of A."""
    return solve(ops, A, B, left), *[ops.absent("factors of a matrix")] * 3


@aten("linalg_cholesky")
def cholesky(ops: Ops, self: Any) -> Any:
    """The lower triangle whose square is a matrix, which is to be symmetric."""
    return ops.cholesky(self)


@aten("linalg_cholesky_ex")
def cholesky_checked(ops: Ops, self: Any) -> Any:
    """The same, and whether there is one."""
    return ops.cholesky(self), ops.absent("whether a matrix is positive")


@aten("matrix_power", "linalg_matrix_power")
def matrix_power(ops: Ops, self: Any, n: int) -> Any:
    """A matrix times itself."""
    return ops.matrix_power(self, n)
