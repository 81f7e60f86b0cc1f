"""Functions of NumPy that are no ops of the language, or take more than these, on traced values.

Each takes the recording first, then what NumPy's takes. `apply` is what every op and function comes to.
"""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from types import MappingProxyType
from typing import Any

import numpy as np
from sympy import Integer

from symbackprop.errors import ParseError
from symbackprop.language.nodes import Call, Group, Node, Number
from symbackprop.language.tracing.values.calls import RENAMED, called, of_sizes, size_node, traced
from symbackprop.language.tracing.values.places import shape_node
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.selected import Selected, on_selected
from symbackprop.language.tracing.values.value import Value, as_node, is_condition, is_traced, truth
from symbackprop.language.tracing.values.writing import added_at, fitted
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
        return recording.value(_stacked(value, recording))
    return array(recording, value) if op not in OF_LISTS and isinstance(value, list) and any(isinstance(v, Value) for v in value) else value


def kind_of(dtype: Any) -> str:
    """The kind of a dtype: "f" where none is given."""
    return "f" if dtype is None else np.dtype(dtype).kind


def array(recording: Recording, given: Any, dtype: Any = None, copy: bool = True, ndmin: int = 0, **_: Any) -> Any:
    """np.array: values in lists as one array."""
    if not copy and not ndmin:
        return asarray(recording, given, dtype)
    made = recording.value(given.node if isinstance(given, Value) else _stacked(given, recording))
    for _axis in range(ndmin - made.ndim if ndmin else 0):
        made = recording.apply("expand_dims", (made, 0), {})
    return made if dtype is None else astype(recording, made, dtype)


def _stacked(given: Any, recording: Recording) -> Any:
    if isinstance(given, list | tuple):
        return Call("stack", (Group(tuple(_stacked(g, recording) for g in given)),))
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


def pad(recording: Recording, x: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Any:
    """np.pad with zeros, another number, or what stands at the ends."""
    if isinstance(pad_width, list | tuple):
        pad_width = tuple((*w, *w) if isinstance(w, list | tuple) and len(w) == 1 else w for w in pad_width)
    if mode == "constant":
        number = options.pop("constant_values", 0)
        if isinstance(number, list | tuple):
            raise recording.error("several constant_values", "give one number", ParseError)
        if isinstance(number, Value) or number != 0:
            return traced("pad", (x - number, pad_width), options, recording) + number
        return traced("pad", (x, pad_width), options, recording)
    if mode not in BEFORE or options:
        raise recording.error(f"np.pad has mode='{mode}'", f"take one of {', '.join(('constant', *BEFORE))}", ParseError)
    for along, (before, after) in enumerate(_widths(recording, pad_width, x.ndim)):
        ahead = (slice(None),) * along
        parts = [x[(*ahead, i)] for i in BEFORE[mode](before)] + [x] + [x[(*ahead, i)] for i in AFTER[mode](after)]
        x = recording.apply("concatenate", (parts,), {"axis": along}) if len(parts) > 1 else x
    return x


def _span(k: int) -> slice:
    """The one entry at a place, from the front or from the end, as a slice."""
    return slice(k, k + 1 if k != -1 else None)


BEFORE: Mapping[str, Callable[[int], list[slice]]] = {
    "edge": lambda w: [_span(0)] * w,
    "reflect": lambda w: [_span(k) for k in range(w, 0, -1)],
    "symmetric": lambda w: [_span(k) for k in range(w - 1, -1, -1)],
    "wrap": lambda w: [_span(k) for k in range(-w, 0)],
}
AFTER: Mapping[str, Callable[[int], list[slice]]] = {
    "edge": lambda w: [_span(-1)] * w,
    "reflect": lambda w: [_span(k) for k in range(-2, -w - 2, -1)],
    "symmetric": lambda w: [_span(k) for k in range(-1, -w - 1, -1)],
    "wrap": lambda w: [_span(k) for k in range(w)],
}
"""What np.pad puts before and after an axis, by mode: entries of the array, one by one."""


def _widths(recording: Recording, given: Any, rank: int) -> list[tuple[int, int]]:
    """(before, after) for each axis."""
    pairs = given if isinstance(given, list | tuple) else (given,)
    if all(isinstance(p, Integral) for p in pairs):
        pairs = [tuple(pairs) * (3 - len(pairs))] * rank
    elif len(pairs) == 1:
        pairs = list(pairs) * rank
    if not all(isinstance(w, Integral) for pair in pairs for w in pair):
        raise recording.error("the width of np.pad is symbolic", "give it as a number", ParseError)
    return [(int(before), int(after)) for before, after in pairs]


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


def append(recording: Recording, x: Any, values: Any, axis: int | None = None) -> Any:
    """np.append."""
    parts = [v if is_traced(v) else array(recording, v if isinstance(v, list | tuple | np.ndarray) else [v]) for v in (x, values)]
    if axis is None:
        parts = [p if p.ndim == 1 else recording.apply("ravel" if p.ndim else "reshape", (p,) if p.ndim else (p, (1,)), {}) for p in parts]
    return recording.apply("concatenate", (parts,), {"axis": axis or 0})


def insert(recording: Recording, x: Any, place: Any, values: Any, axis: int | None = None) -> Any:
    """np.insert of one row or column, as the ones of a bias."""
    if not isinstance(place, Integral) or x.ndim > 2 or (axis is None and x.ndim > 1):
        raise recording.error("np.insert at several places", "write np.concatenate of slices and what is put between", ParseError)
    along = (axis or 0) % x.ndim
    ahead = (slice(None),) * along
    node = as_node(values, recording)
    node = Call("expand_dims", (node, Number(Integer(along)))) if np.ndim(values) or is_traced(values) else node
    new = recording.value(fitted(node, recording.shape(x[(*ahead, slice(0, 1))].node), recording))
    ends = ([slice(None, place)] if place != 0 else []), [slice(place, None)]
    before, after = ([x[(*ahead, end)] for end in side] for side in ends)
    return recording.apply("concatenate", ([*before, new, *after],), {"axis": along})


def convolve(recording: Recording, x: Any, kernel: Any, mode: str = "full") -> Any:
    """np.convolve with a kernel of fixed length."""
    length = np.shape(kernel)[0]
    if not isinstance(length, int):
        raise recording.error("np.convolve with a kernel whose size is symbolic", "give the size of the kernel as a number", ParseError)
    made = sum(kernel[k] * recording.apply("pad", (x, (k, length - 1 - k)), {}) for k in range(length))
    if mode == "full" or length == 1:
        return made
    start = length - 1 if mode == "valid" else (length - 1) // 2
    return made[start : start - (length - 1) or None] if mode != "valid" else made[start:-start]


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
        "full_like": full_like,
        "insert": insert,
        "mod": mod,
        "ndim": lambda recording, x: x.ndim,
        "ones_like": like("ones"),
        "pad": pad,
        "real": identity,
        "remainder": mod,
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
