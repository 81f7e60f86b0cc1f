"""Records of ONNX ops that make arrays of numbers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symbackprop.errors import SpecError
from symbackprop.language.onnx.known import sizes_of
from symbackprop.language.onnx.nodes.records import Nodes, node


@node("Constant", whole=True, moves=True)
def constant(
    ops: Nodes,
    value: Any = None,
    value_float: float | None = None,
    value_floats: Sequence[float] | None = None,
    value_int: int | None = None,
    value_ints: Sequence[int] | None = None,
) -> Any:
    """Numbers that stand in the file."""
    if value is not None:
        return value
    if value_float is not None or value_floats is not None:
        return np.array(value_floats if value_float is None else value_float, dtype=np.float32)
    if value_int is None and value_ints is None:
        raise ops.error("a constant that is no array of numbers", "give value, value_float or value_int", SpecError)
    return np.array(value_ints if value_int is None else value_int, dtype=np.int64)


@node("ConstantOfShape", known=("input",), whole=True, moves=True)
def constant_of_shape(ops: Nodes, input: Any, value: Any = None) -> Any:
    """One number everywhere."""
    number = 0.0 if value is None else ops.plain(value.reshape(()))
    made = ops.filled(sizes_of(input), number)
    return ops.not_equal(made, 0) if ops.kinds[0] == 9 else made


@node("EyeLike", whole=True)
def eye_like(ops: Nodes, input: Any, dtype: int = 0, k: int = 0) -> Any:
    """Ones on a diagonal, in the shape of an array."""
    rows, columns = input.shape * (2 if input.ndim == 1 else 1)
    on = ops.equal(ops.arange(columns), ops.add(ops.expand_dims(ops.arange(rows), 1), k))
    return ops.where(on, 1, 0)


@node("Range", numbers=("start", "limit", "delta"), known=("start", "limit", "delta"), whole=True)
def span(ops: Nodes, start: Any, limit: Any, delta: Any, stash_type: int = 1) -> Any:
    """Numbers from one to another."""
    first, last, step = (a.reshape(())[()] for a in (start, limit, delta))
    if isinstance(step, int | np.integer | float | np.floating) and step == 1:
        count = last - first
    elif all(isinstance(v, int | np.integer | float | np.floating) for v in (first, last, step)):
        count = max(int(np.ceil((last - first) / step)), 0)
    else:
        count = -((first - last) // step)
    count = int(np.ceil(count)) if isinstance(count, float | np.floating | np.integer) else count
    made = ops.arange(count)
    made = made if _is(step, 1) else ops.multiply(made, ops.plain(step))
    made = made if _is(first, 0) else ops.add(made, ops.plain(first))
    return ops.recording.value(made.node, whole=ops.kinds[0] in (6, 7))


def _is(value: Any, number: int) -> bool:
    return isinstance(value, int | float | np.number) and value == number


def _window(law: Callable[[Nodes, Any], Any]) -> Callable:
    def window(ops: Nodes, size: Any, periodic: int = 1, output_datatype: int = 1) -> Any:
        (count,) = sizes_of(size)
        turn = ops.divide(ops.multiply(2 * np.pi, ops.arange(count)), count if periodic else count - 1)
        return law(ops, turn)

    return window


node("HannWindow", known=("size",))(_window(lambda ops, t: ops.subtract(0.5, ops.multiply(0.5, ops.cos(t)))))
node("HammingWindow", known=("size",))(_window(lambda ops, t: ops.subtract(25 / 46, ops.multiply(21 / 46, ops.cos(t)))))
node("BlackmanWindow", known=("size",))(
    _window(lambda ops, t: ops.add(ops.subtract(0.42, ops.multiply(0.5, ops.cos(t))), ops.multiply(0.08, ops.cos(ops.multiply(2, t)))))
)
