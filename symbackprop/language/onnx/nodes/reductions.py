"""Records of ONNX ops that take an axis, or several, together."""

from collections.abc import Callable
from typing import Any

from symbackprop.language.graphs.ops import Ops, places, same_size
from symbackprop.language.onnx.nodes.records import Nodes, node

NORMS = {
    "ReduceL1": lambda ops, x, along: ops.sum(ops.abs(x), **along),
    "ReduceL2": lambda ops, x, along: ops.sqrt(ops.sum(ops.square(x), **along)),
    "ReduceLogSum": lambda ops, x, along: ops.log(ops.sum(x, **along)),
    "ReduceLogSumExp": lambda ops, x, along: ops.logsumexp(x, **along),
    "ReduceMax": lambda ops, x, along: ops.max(x, **along),
    "ReduceMean": lambda ops, x, along: ops.mean(x, **along),
    "ReduceMin": lambda ops, x, along: ops.min(x, **along),
    "ReduceProd": lambda ops, x, along: ops.prod(x, **along),
    "ReduceSum": lambda ops, x, along: ops.sum(x, **along),
    "ReduceSumSquare": lambda ops, x, along: ops.sum(ops.square(x), **along),
}
"""What each reduction is along axes."""
OF_EACH: dict[str, Callable] = {
    "ReduceL1": lambda ops, x: ops.abs(x),
    "ReduceL2": lambda ops, x: ops.abs(x),
    "ReduceLogSum": lambda ops, x: ops.log(x),
    "ReduceSumSquare": lambda ops, x: ops.square(x),
}
"""What is left of a reduction along no axis, where that is not the array itself."""
OF_WHOLE = ("ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceL1", "ReduceSumSquare")


def _reduction(name: str) -> Callable:
    def reduced(ops: Nodes, data: Any, axes: Any = None, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Any:
        given = None if axes is None else tuple(int(a) for a in axes)
        if not given and (noop_with_empty_axes or data.ndim == 0):
            return OF_EACH[name](ops, data) if name in OF_EACH else data
        truth = data.dtype.kind == "b"
        made = NORMS[name](ops, ops.where(data, 1, 0) if truth else data, {"axis": places(given, data.ndim), "keepdims": bool(keepdims)})
        return ops.greater(made, 0) if truth else made

    return reduced


for _name in NORMS:
    node(_name, known=("axes",), whole=_name in OF_WHOLE)(_reduction(_name))


@node("CumSum", known=("axis",), whole=True)
def cumsum(ops: Nodes, x: Any, axis: Any, exclusive: int = 0, reverse: int = 0) -> Any:
    """Sums of what stands before, or behind; with or without the entry itself."""
    return _running(ops, "cumsum", x, axis, exclusive, reverse)


@node("CumProd", known=("axis",), whole=True)
def cumprod(ops: Nodes, x: Any, axis: Any, exclusive: int = 0, reverse: int = 0) -> Any:
    """Products of what stands before, or behind."""
    return _running(ops, "cumprod", x, axis, exclusive, reverse)


def _running(ops: Nodes, op: str, x: Any, axis: Any, exclusive: int, reverse: int) -> Any:
    (at,) = places(int(axis.reshape(())), x.ndim)
    x = ops.flip(x, at) if reverse else x
    if exclusive:
        ahead = (slice(None),) * at
        first = x[(*ahead, slice(0, 1))]
        start = ops.multiply(first, 0) if op == "cumsum" else ops.add(ops.multiply(first, 0), 1)
        alone = same_size(x.shape[at], 1)
        x = start if alone else ops.concatenate((start, x[(*ahead, slice(None, -1))]), axis=at)
    made = getattr(ops, op)(x, axis=at)
    return ops.flip(made, at) if reverse else made


@node("Softmax")
def softmax(ops: Nodes, input: Any, axis: int = -1) -> Any:
    """Exponentials as parts of their sum."""
    return ops.softmax(input, axis=axis)


@node("LogSoftmax")
def log_softmax(ops: Nodes, input: Any, axis: int = -1) -> Any:
    """The logarithm of these."""
    return ops.log_softmax(input, axis=axis)


@node("Hardmax")
def hardmax(ops: Nodes, input: Any, axis: int = -1) -> Any:
    """1 at the first of the largest entries along an axis, 0 elsewhere."""
    return ops.max_selector(input, axis=places(axis, input.ndim)[0])


def size_of(ops: Ops, x: Any, p: int, along: dict[str, Any]) -> Any:
    """The p-norm along axes, of whole p >= 1."""
    if p == 1:
        return ops.sum(ops.abs(x), **along)
    if p == 2:
        return ops.sqrt(ops.sum(ops.square(x), **along))
    if p < 1:
        raise ops.error(f"a norm of the order {p}", "take a whole number from 1")
    return ops.power(ops.sum(ops.power(ops.abs(x), p), **along), 1 / p)


@node("LpNormalization")
def lp_normalization(ops: Nodes, input: Any, axis: int = -1, p: int = 2) -> Any:
    """An array divided by its norm along an axis, 0 where that is 0."""
    norm = size_of(ops, input, p, {"axis": axis, "keepdims": True})
    return ops.where(ops.greater(norm, 0), ops.divide(input, norm), 0)


def _global(op: str) -> Callable:
    def pooled(ops: Nodes, X: Any) -> Any:
        return getattr(ops, op)(X, axis=tuple(range(2, X.ndim)), keepdims=True)

    return pooled


node("GlobalAveragePool")(_global("mean"))
node("GlobalMaxPool")(_global("max"))


@node("GlobalLpPool")
def global_lp_pool(ops: Nodes, X: Any, p: int = 2) -> Any:
    """The norm over all places."""
    return size_of(ops, X, p, {"axis": tuple(range(2, X.ndim)), "keepdims": True})


@node("TopK", known=("K",))
def top_k(ops: Nodes, X: Any, K: Any, axis: int = -1, largest: int = 1, sorted: int = 1) -> Any:
    """The largest entry along an axis, or the smallest; of more than one the order depends on data."""
    if int(K.reshape(())) != 1:
        raise ops.error("the largest entries in their order, which depends on data", "take K = 1")
    made = getattr(ops, "max" if largest else "min")(X, axis=places(axis, X.ndim)[0], keepdims=True)
    return made, ops.absent("where the largest entry stands")
