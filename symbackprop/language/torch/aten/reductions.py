"""Records of ATen ops that take an axis, or several, together."""

from typing import Any

from symbackprop.language.graphs.ops import Ops, places
from symbackprop.language.torch.aten.records import aten

INDEX = "where the largest or smallest entry stands"


def _along(dim: Any, keepdim: bool, x: Any) -> dict[str, Any]:
    """The axes as options of the language."""
    return {"axis": places(dim, x.ndim), "keepdims": keepdim}


@aten("sum")
def total(ops: Ops, self: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """A sum."""
    return ops.sum(self, **_along(dim, keepdim, self))


@aten("mean")
def mean(ops: Ops, self: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """A mean."""
    return ops.mean(self, **_along(dim, keepdim, self))


def _spread(unbiased: bool | None, correction: Any) -> int:
    """What is taken off the number of entries."""
    return int(unbiased) if unbiased is not None else 1 if correction is None else int(correction)


@aten("var")
def var(ops: Ops, self: Any, dim: Any = None, unbiased: bool | None = None, correction: Any = None, keepdim: bool = False) -> Any:
    """A variance."""
    return ops.var(self, ddof=_spread(unbiased, correction), **_along(dim, keepdim, self))


@aten("std")
def std(ops: Ops, self: Any, dim: Any = None, unbiased: bool | None = None, correction: Any = None, keepdim: bool = False) -> Any:
    """A standard deviation."""
    return ops.std(self, ddof=_spread(unbiased, correction), **_along(dim, keepdim, self))


@aten("var_mean")
def var_mean(ops: Ops, self: Any, dim: Any = None, unbiased: bool | None = None, correction: Any = None, keepdim: bool = False) -> Any:
    """Both."""
    return var(ops, self, dim, unbiased, correction, keepdim), mean(ops, self, dim, keepdim)


@aten("std_mean")
def std_mean(ops: Ops, self: Any, dim: Any = None, unbiased: bool | None = None, correction: Any = None, keepdim: bool = False) -> Any:
    """Both."""
    return std(ops, self, dim, unbiased, correction, keepdim), mean(ops, self, dim, keepdim)


@aten("prod")
def prod(ops: Ops, self: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """A product."""
    return ops.prod(self, **({} if dim is None else _along(dim, keepdim, self)))


def _extreme(ops: Ops, op: str, self: Any, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        return getattr(ops, op)(self)
    return getattr(ops, op)(self, axis=dim, keepdims=keepdim), ops.absent(INDEX)


@aten("max")
def largest(ops: Ops, self: Any, other: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    """The larger of two, the largest, or that along an axis and its place."""
    return ops.maximum(self, other) if other is not None else _extreme(ops, "max", self, dim, keepdim)


@aten("min")
def smallest(ops: Ops, self: Any, other: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    """The smaller of two, the smallest, or that along an axis and its place."""
    return ops.minimum(self, other) if other is not None else _extreme(ops, "min", self, dim, keepdim)


@aten("amax")
def amax(ops: Ops, self: Any, dim: Any = (), keepdim: bool = False) -> Any:
    """The largest; of equals the first counts, where torch shares the derivative."""
    return ops.max(self, **_along(dim, keepdim, self))


@aten("amin")
def amin(ops: Ops, self: Any, dim: Any = (), keepdim: bool = False) -> Any:
    """The smallest."""
    return ops.min(self, **_along(dim, keepdim, self))


@aten("aminmax")
def aminmax(ops: Ops, self: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Both."""
    return amin(ops, self, dim, keepdim), amax(ops, self, dim, keepdim)


@aten("any")
def anywhere(ops: Ops, self: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether a mask holds anywhere."""
    return ops.any(self, **_along(dim, keepdim, self))


@aten("all")
def everywhere(ops: Ops, self: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether a mask holds everywhere."""
    return ops.all(self, **_along(dim, keepdim, self))


@aten("linalg_vector_norm", "norm")
def norm(ops: Ops, self: Any, ord: Any = 2, p: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    """The sum of sizes, or the root of the sum of squares."""
    order = ord if p is None else p
    along = _along(dim, keepdim, self)
    if order not in (1, 2):
        raise ops.error(f"a norm of the order {order}", "write it with sums and powers, or amax(abs(x))")
    return ops.sqrt(ops.sum(ops.square(self), **along)) if order == 2 else ops.sum(ops.abs(self), **along)


@aten("cumsum")
def cumsum(ops: Ops, self: Any, dim: int) -> Any:
    """Sums of what stands before."""
    return ops.cumsum(self, axis=dim)


@aten("cumprod")
def cumprod(ops: Ops, self: Any, dim: int) -> Any:
    """Products of what stands before."""
    return ops.cumprod(self, axis=dim)


@aten("logsumexp")
def logsumexp(ops: Ops, self: Any, dim: Any, keepdim: bool = False) -> Any:
    """The logarithm of a sum of exponentials."""
    return ops.logsumexp(self, **_along(dim, keepdim, self))


@aten("softmax", "_softmax")
def softmax(ops: Ops, self: Any, dim: int, half_to_float: bool = False) -> Any:
    """Exponentials as parts of their sum."""
    return ops.softmax(self, axis=dim)


@aten("log_softmax", "_log_softmax")
def log_softmax(ops: Ops, self: Any, dim: int, half_to_float: bool = False) -> Any:
    """The logarithm of these."""
    return ops.log_softmax(self, axis=dim)


@aten("argmax", "argmin")
def place_of(ops: Ops, self: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """A place, which nothing is derived by."""
    return ops.absent(INDEX, "give the places as an argument of whole numbers")


@aten("trace")
def trace(ops: Ops, self: Any) -> Any:
    """The sum of a diagonal."""
    return ops.trace(self)


@aten("dist")
def dist(ops: Ops, self: Any, other: Any, p: Any = 2) -> Any:
    """The norm of a difference."""
    return norm(ops, ops.subtract(self, other), p)


@aten("diff")
def diff(ops: Ops, self: Any, n: int = 1, dim: int = -1) -> Any:
    """Differences of neighbours."""
    return ops.diff(self, n=n, axis=dim)
