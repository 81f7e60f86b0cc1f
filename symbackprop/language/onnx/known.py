"""Arrays whose entries are known while a graph is read: numbers of the file, sizes of axes, and what is made of them.

Such an array is one of NumPy's; where sizes are symbolic, its dtype is object, and its entries are whole numbers and sizes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from symbackprop.language.tracing.values.value import Value

MOST_KNOWN = 4096
"""Entries of an array that is computed while the graph is read."""
MOVES = frozenset(
    ("Identity", "Cast", "Gather", "Slice", "Concat", "Unsqueeze", "Squeeze", "Reshape", "Flatten", "Transpose", "Split", "Expand", "Tile")
)
"""Ops that compute nothing."""
COUNTS = frozenset(("Add", "Sub", "Mul", "Div", "Mod", "Neg", "Abs", "Min", "Max", "Sum", "Range", "ConstantOfShape", "Where", "Clip"))
COUNTS |= {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Not", "And", "Or", "Xor"}
COUNTS |= {"ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin", "CumSum", "GatherElements", "GatherND", "Size", "Shape"}
"""Ops that are exact in whole numbers."""
FOLDED = MOVES | COUNTS


def held(entries: Any) -> np.ndarray:
    """A number or a size, or a list of them, as a known array."""
    if not isinstance(entries, list):
        return held([entries]).reshape(())
    if all(isinstance(e, bool | np.bool_) for e in entries) and entries:
        return np.array(entries, dtype=bool)
    if all(isinstance(e, int | np.integer) for e in entries):
        return np.array([int(e) for e in entries], dtype=np.int64)
    made = np.empty(len(entries), dtype=object)
    for k, e in enumerate(entries):
        made[k] = int(e) if isinstance(e, np.integer) else e
    return made


def sizes_of(array: np.ndarray) -> tuple[Any, ...]:
    """The entries of a known array, whole numbers as Python's."""
    return tuple(int(e) if isinstance(e, int | np.integer | np.bool_) or _is_whole(e) else e for e in array.reshape(-1))


def _is_whole(e: Any) -> bool:
    return isinstance(e, float | np.floating) and float(e).is_integer()


def is_small(op: str, inputs: Sequence[np.ndarray]) -> bool:
    """Whether what an op makes of known arrays is no larger than is computed here."""
    if sum(a.size for a in inputs) > MOST_KNOWN:
        return False
    if op in ("Expand", "ConstantOfShape", "Tile"):
        sizes = [e for e in sizes_of(inputs[-1]) if isinstance(e, int)]
        bound = prod(max(abs(s), 1) for s in sizes)
        return len(sizes) == inputs[-1].size and bound * (1 if op == "ConstantOfShape" else max(inputs[0].size, 1)) <= MOST_KNOWN
    if op == "Range":
        first, last, step = (a.reshape(())[()] for a in inputs)
        numbers = all(isinstance(v, int | np.number) for v in (first, last, step))
        return not numbers or bool(step != 0 and abs((float(last) - float(first)) / float(step)) <= MOST_KNOWN)
    return prod(np.broadcast_shapes(*[a.shape for a in inputs])) <= MOST_KNOWN if op in COUNTS and _broadcast(inputs) else True


def _broadcast(inputs: Sequence[np.ndarray]) -> bool:
    try:
        np.broadcast_shapes(*[a.shape for a in inputs])
    except ValueError:
        return False
    return True


def folded(op: str, inputs: Sequence[np.ndarray | None], attributes: Mapping[str, Any], reference: Callable) -> list[np.ndarray] | None:
    """What an op gives on known arrays; None where that is not computed here.

    `reference(op, attributes, inputs)` is onnx's own evaluation; arrays of sizes are dealt with by the functions of `OF_SIZES`.
    """
    given = [a for a in inputs if a is not None]
    if op not in FOLDED or not is_small(op, given):
        return None
    if any(a.dtype == object for a in given):
        return None if op not in OF_SIZES or len(given) < len(inputs) else [OF_SIZES[op](*given, **attributes)]
    if op in COUNTS and any(a.dtype.kind == "f" for a in given):
        return None
    return reference(op, attributes, inputs)


def _entrywise(law: Callable) -> Callable:
    def made(*arrays: np.ndarray, **_: Any) -> np.ndarray:
        shape = np.broadcast_shapes(*[a.shape for a in arrays])
        rows: Iterable = zip(*[np.broadcast_to(a, shape).reshape(-1).tolist() for a in arrays], strict=True)
        return held([law(*row) for row in rows]).reshape(shape)

    return made


def _quotient(a: Any, b: Any) -> Any:
    """The whole number below a quotient of sizes, which are not negative."""
    return a // b


def _placed(law: Callable) -> Callable:
    """A function that moves entries, by what it does to their numbers."""

    def made(data: np.ndarray, *rest: Any, **options: Any) -> np.ndarray:
        moved = np.asarray(law(np.arange(data.size).reshape(data.shape), *rest, **options))
        entries = data.reshape(-1).tolist()
        return held([entries[k] for k in moved.reshape(-1).tolist()]).reshape(moved.shape)

    return made


def _sliced(x: np.ndarray, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> np.ndarray:
    at = range(len(starts)) if axes is None else [int(a) for a in axes]
    strides = [1] * len(starts) if steps is None else [int(s) for s in steps]
    items = [slice(None)] * x.ndim
    for axis, start, stop, step in zip(at, starts, ends, strides, strict=True):
        a, b, c = slice(int(start), int(stop), step).indices(x.shape[axis])
        items[axis] = slice(a, b if b >= 0 else None, c)
    return x[tuple(items)]


def _unsqueezed(x: np.ndarray, axes: np.ndarray) -> np.ndarray:
    return np.expand_dims(x, tuple(int(a) for a in axes.reshape(-1)))


def _squeezed(x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    return np.squeeze(x, None if axes is None else tuple(int(a) for a in axes.reshape(-1)))


def _joined(*arrays: np.ndarray, axis: int = 0) -> np.ndarray:
    if any(a.ndim != 1 for a in arrays):
        raise ValueError("sizes are joined along one axis")
    return held([e for a in arrays for e in a.tolist()])


def _product(x: np.ndarray, axes: Any = None, keepdims: int = 1, noop_with_empty_axes: int = 0) -> np.ndarray:
    if x.ndim > 1:
        raise ValueError("a product of sizes along several axes")
    made: Any = 1
    for e in x.reshape(-1).tolist():
        made = made * e
    return held([made]) if keepdims and x.ndim else held(made)


def _cast(x: np.ndarray, to: int = 7, **_: Any) -> np.ndarray:
    """Sizes stay what they are as real numbers too."""
    return x


def _chosen(condition: Any, a: Any, b: Any) -> Any:
    if isinstance(condition, Value):
        raise ValueError("a choice that depends on sizes")
    return a if condition else b


OF_SIZES: Mapping[str, Callable[..., np.ndarray]] = {
    "Identity": lambda x: x,
    "Cast": _cast,
    "Gather": _placed(lambda x, indices, axis=0: np.take(x, indices.astype(int), axis=axis)),
    "Slice": _placed(_sliced),
    "Unsqueeze": _placed(_unsqueezed),
    "Squeeze": _placed(_squeezed),
    "Reshape": _placed(lambda x, shape, allowzero=0: x.reshape([int(s) for s in shape])),
    "Concat": _joined,
    "Add": _entrywise(lambda a, b: a + b),
    "Sub": _entrywise(lambda a, b: a - b),
    "Mul": _entrywise(lambda a, b: a * b),
    "Div": _entrywise(_quotient),
    "Equal": _entrywise(lambda a, b: a == b),
    "Where": _entrywise(_chosen),
    "ReduceProd": _product,
}
"""What ops make of arrays of sizes."""
