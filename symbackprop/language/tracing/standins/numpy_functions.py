"""Functions of NumPy that are no ops of the language, or take more than these, on traced values.

Each takes the recording first, then what NumPy's takes. `apply` is what every op and function comes to.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from sympy import Integer

from symbackprop.errors import ParseError
from symbackprop.language.nodes import Call, Node, Number
from symbackprop.language.tracing.standins.conversion import array, asarray, astype, contiguous, copied, kind_of, stacked
from symbackprop.language.tracing.standins.joining import append, convolve, insert, pad
from symbackprop.language.tracing.values.calls import RENAMED, called, of_sizes, size_node, traced
from symbackprop.language.tracing.values.places import shape_node
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.selected import Selected, on_selected
from symbackprop.language.tracing.values.value import Value, as_node, is_condition, is_traced, truth
from symbackprop.language.tracing.values.writing import added_at
from symbackprop.ops import NUMPY, OPS


def apply(op: str, args: Sequence[Any], options: Mapping[str, Any], recording: Recording, spelled: str = "") -> Any:
    """What an op or a function of NumPy gives on values of which one is traced."""
    args = tuple(_joined(op, a, recording) for a in args)
    if any(isinstance(a, Selected) for a in args):
        return on_selected(NUMPY.get(op, op), args, options, recording)
    if op in SPECIAL:
        try:
            return SPECIAL[op](recording, *args, **options)
        except TypeError as e:
            raise recording.error(f"np.{op}: {e}", "give it what NumPy's takes", ParseError) from None
    return traced(op, args, options, recording, spelled)


OF_LISTS: tuple[str, ...] = (
    "array",
    "asarray",
    "stack",
    "concatenate",
    "concat",
    "hstack",
    "vstack",
    "row_stack",
    "column_stack",
    "append",
    "zeros",
    "ones",
    "full",
)
OF_LISTS += ("empty", "reshape", "broadcast_to", "tile", "pad", "transpose", "moveaxis", "einsum", "shape", "ndim", "size", "split")
"""Functions that take a list or a tuple as such; elsewhere a list of values is an array of them."""


def _joined(op: str, value: Any, recording: Recording) -> Any:
    """A list of values as the array that NumPy makes of it."""
    record = OPS.get(RENAMED.get(op, op))
    entrywise = record is not None and record.kind in ("elementwise", "condition") and op != "clip"
    if isinstance(value, list | tuple) and entrywise:
        return recording.value(stacked(value, recording))
    return array(recording, value) if op not in OF_LISTS and isinstance(value, list) and any(isinstance(v, Value) for v in value) else value


def reshape(recording: Recording, x: Any, shape: Any = None, order: str = "C", *, newshape: Any = None, **_: Any) -> Any:
    """np.reshape, row by row or, as order="F", column by column."""
    wanted = newshape if shape is None else shape
    if order not in ("C", "F"):
        raise recording.error(f"an array in the order '{order}'", 'write order="C" or "F"', ParseError)
    if order == "C":
        return traced("reshape", (x, wanted), {}, recording)
    sizes = wanted if isinstance(wanted, tuple | list) else (wanted,)
    return recording.apply("reshape", (x.T, tuple(reversed(sizes))), {}).T


def raveled(op: str) -> Callable:
    """np.ravel, x.flatten()."""
    return lambda recording, x, order="C": traced(op, (x,), {}, recording) if order == "C" else reshape(recording, x, -1, order)


def shape(recording: Recording, x: Any) -> Any:
    """np.shape."""
    return x.shape if is_traced(x) else array(recording, x).shape


def size(recording: Recording, x: Any, axis: int | None = None) -> Any:
    """np.size."""
    return x.size if axis is None else x.shape[axis]


def like(op: str) -> Callable:
    """np.zeros_like, np.ones_like."""
    return lambda recording, x, dtype=None, **_: _filled(recording, op, x, dtype)


def full_like(recording: Recording, x: Any, fill_value: Any, dtype: Any = None, **_: Any) -> Any:
    """np.full_like."""
    return _filled(recording, "full", x, dtype, as_node(fill_value, recording))


def _filled(recording: Recording, op: str, x: Any, dtype: Any, *value: Node) -> Any:
    node = as_node(x, recording)
    whole = kind_of(dtype) in "iub" if dtype is not None else recording.is_whole(node)
    axes = recording.shape(node)
    made = called(op, shape_node(axes), *value) if axes else value[0] if value else Number(Integer(op == "ones"))
    return recording.value(made, whole=whole)


def floor_divide(recording: Recording, a: Any, b: Any, **_: Any) -> Any:
    """a // b."""
    made = of_sizes("floor_divide", a, b, recording)
    return recording.apply("floor", (recording.apply("divide", (a, b), {}),), {}) if made is None else made


def mod(recording: Recording, a: Any, b: Any, **_: Any) -> Any:
    """a % b, with the sign of b."""
    made = of_sizes("mod", a, b, recording)
    return a - b * floor_divide(recording, a, b) if made is None else made


def anywhere(recording: Recording, x: Any, axis: Any = None, **options: Any) -> Any:
    """np.any."""
    mask = truth(as_node(recording.apply("not_equal", (x, 0), {}) if not is_condition(x.node) else x, recording))
    return recording.apply("max", (recording.value(mask), axis), options) > 0


def everywhere(recording: Recording, x: Any, axis: Any = None, **options: Any) -> Any:
    """np.all."""
    mask = truth(as_node(recording.apply("not_equal", (x, 0), {}) if not is_condition(x.node) else x, recording))
    return recording.apply("min", (recording.value(mask), axis), options) > 0


def counted(recording: Recording, x: Any, axis: Any = None, **options: Any) -> Any:
    """np.count_nonzero."""
    mask = x if is_condition(x.node) else recording.apply("not_equal", (x, 0), {})
    return recording.apply("sum", (mask, axis), options)


def at(op: str) -> Callable:
    """np.add.at, np.subtract.at."""

    def changed(recording: Recording, x: Any, places: Any, value: Any) -> None:
        node = as_node(value, recording)
        items = places if isinstance(places, tuple) else (places,)
        x.assign(added_at(x.node, items, called("negative", node) if op == "subtract" else node, recording))

    return changed


def fill_diagonal(recording: Recording, x: Any, value: Any, wrap: bool = False) -> None:
    """np.fill_diagonal of a square matrix."""
    axes = recording.shape(x.node)
    if len(axes) != 2 or axes[0] != axes[1]:
        raise recording.error("np.fill_diagonal of what is no square matrix", "write np.where(mask, value, x)", ParseError)
    diagonal = Call("greater", (called("eye", size_node(axes[0])), Number(Integer(0))))
    x.assign(Call("where", (diagonal, as_node(value, recording), x.node)))


def copyto(recording: Recording, x: Any, value: Any, where: Any = None, **_: Any) -> None:
    """np.copyto."""
    x[... if where is None else where] = value


def unsaid(op: str) -> Callable:
    """A function that changes its first argument in a way that is not said here: from then on the array can't be used."""

    def changed(recording: Recording, x: Any, *_: Any, **options: Any) -> Any:
        if op == "nan_to_num" and options.get("copy", True):
            return traced(op, (x,), {}, recording, "np.")
        error = recording.error(f"np.{op} changes an array in place", "write np.where(mask, value, x), or x[places] = value", ParseError)
        x.assign(recording.refused(error))
        return None

    return changed


def where(recording: Recording, condition: Any, *branches: Any) -> Any:
    """np.where; a list of conditions' places can't be had."""
    if len(branches) != 2:
        raise recording.error(
            "np.where(condition) gives positions, which have no derivative", "write np.where(condition, a, b)", ParseError
        )
    return traced("where", (condition, *branches), {}, recording)


def xlogy(recording: Recording, x: Any, y: Any) -> Any:
    """scipy.special.xlogy: x log(y), 0 where x is 0."""
    nought = recording.apply("equal", (x, 0), {})
    return recording.apply("where", (nought, 0, recording.apply("multiply", (x, recording.apply("log", (y,), {})), {})), {})


def at_least(rank: int) -> Callable:
    """np.atleast_1d, np.atleast_2d."""

    def made(recording: Recording, x: Any) -> Any:
        for _ in range(rank - x.ndim):
            x = recording.apply("expand_dims", (x, 0), {})
        return x

    return made


def outer_product(recording: Recording, a: Any, b: Any) -> Any:
    """np.cross of two vectors of three entries."""
    if not all(np.shape(v) == (3,) for v in (a, b)):
        raise recording.error("np.cross of other than vectors of three entries", "write out the entries, and np.stack them", ParseError)
    return array(recording, [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def triangle(recording: Recording, x: Any, k: Any = 0) -> Any:
    """np.tril of truth values too."""
    return traced("tril", (recording.value(truth(as_node(x, recording))), k), {}, recording)


def identity(recording: Recording, x: Any, **_: Any) -> Any:
    """What changes nothing in an array of real numbers."""
    return x


SPECIAL: Mapping[str, Callable] = MappingProxyType(
    {
        "add_at": at("add"),
        "all": everywhere,
        "any": anywhere,
        "append": append,
        "array": array,
        "asarray": asarray,
        "asanyarray": asarray,
        "ascontiguousarray": contiguous,
        "astype": astype,
        "atleast_1d": at_least(1),
        "atleast_2d": at_least(2),
        "convolve": convolve,
        "copy": copied,
        "count_nonzero": counted,
        "cross": outer_product,
        "empty_like": like("zeros"),
        "copyto": copyto,
        "fill_diagonal": fill_diagonal,
        "floor_divide": floor_divide,
        "flatten": raveled("flatten"),
        "full_like": full_like,
        "insert": insert,
        "mod": mod,
        "ndim": lambda recording, x: x.ndim,
        "ones_like": like("ones"),
        "pad": pad,
        "ravel": raveled("ravel"),
        "real": identity,
        "remainder": mod,
        "reshape": reshape,
        "shape": shape,
        "size": size,
        "subtract_at": at("subtract"),
        "tril": triangle,
        "where": where,
        "xlogy": xlogy,
        "zeros_like": like("zeros"),
        **{op: unsaid(op) for op in ("nan_to_num", "place", "put", "put_along_axis", "putmask")},
    }
)
"""Functions by name; those of ufuncs.at as add_at."""
