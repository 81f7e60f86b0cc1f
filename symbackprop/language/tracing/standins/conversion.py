"""np.array and its sisters on traced values: copies, conversions, lists as arrays."""

from typing import Any

import numpy as np

from symbackprop.errors import ParseError
from symbackprop.language.nodes import Call, Group
from symbackprop.language.tracing.values.calls import called
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.value import Value, as_node, is_condition, is_traced, truth


def kind_of(dtype: Any) -> str:
    """The kind of a dtype: "f" where none is given."""
    return "f" if dtype is None else np.dtype(dtype).kind


def array(recording: Recording, given: Any, dtype: Any = None, copy: bool = True, ndmin: int = 0, **_: Any) -> Any:
    """np.array: values in lists as one array."""
    if not copy and not ndmin:
        return asarray(recording, given, dtype)
    made = recording.value(given.node if isinstance(given, Value) else stacked(given, recording))
    for _axis in range(ndmin - made.ndim if ndmin else 0):
        made = recording.apply("expand_dims", (made, 0), {})
    return made if dtype is None else astype(recording, made, dtype)


def stacked(given: Any, recording: Recording) -> Any:
    """The node of values in lists, as an array."""
    if isinstance(given, list | tuple):
        return Call("stack", (Group(tuple(stacked(g, recording) for g in given)),))
    return truth(as_node(given, recording))


def asarray(recording: Recording, given: Any, dtype: Any = None, **options: Any) -> Any:
    """np.asarray: an array is itself."""
    if is_traced(given) and (dtype is None or kind_of(dtype) == given.dtype.kind):
        return given
    return array(recording, given, dtype)


def contiguous(recording: Recording, given: Any, dtype: Any = None, **_: Any) -> Any:
    """np.ascontiguousarray: the array itself, or a copy."""
    made = asarray(recording, given, dtype)
    return recording.value(made.node, base=made)


def astype(recording: Recording, x: Any, dtype: Any, copy: bool = True, **_: Any) -> Any:
    """x.astype(dtype): truth values count as 1 and 0, whole numbers are cut; copy=False of the same dtype is the array itself."""
    if not copy and np.dtype(dtype) == x.dtype:
        return x
    kind, node = kind_of(dtype), x.node
    if kind == "f":
        return recording.value(truth(node))
    if kind == "b":
        return x.copy() if is_condition(node) else recording.apply("not_equal", (x, 0), {})
    if kind in "iu" and (is_condition(node) or (kind == "i" and np.dtype(dtype).itemsize >= 4)):
        whole = is_condition(node) or recording.is_whole(node)
        return recording.value(truth(node) if whole else called("trunc", node), whole=True)
    raise recording.error(f"an array of {np.dtype(dtype)}", "arrays are of real numbers, or of whole numbers of any size", ParseError)


def copied(recording: Recording, x: Any, **_: Any) -> Any:
    """np.copy."""
    return recording.value(x.node)
