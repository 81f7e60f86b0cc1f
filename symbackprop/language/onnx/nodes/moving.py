"""Records of ONNX ops that move entries: other shapes, arrays beside each other, other kinds of numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symbackprop.errors import AxisError
from symbackprop.language.graphs.ops import front, places, same_size
from symbackprop.language.onnx.known import held, sizes_of
from symbackprop.language.onnx.nodes.records import REAL, TRUTH, Nodes, node


@node("Identity", moves=True)
def identity(ops: Nodes, input: Any) -> Any:
    """The same."""
    return input


@node("Reshape", known=("shape",), moves=True)
def reshape(ops: Nodes, data: Any, shape: Any, allowzero: int = 0) -> Any:
    """The same entries in another shape; 0 takes a size over, -1 is what is left."""
    sizes = sizes_of(shape)
    if allowzero and any(same_size(s, 0) for s in sizes):
        raise ops.error("an empty array", "give it a size of 1 or more", AxisError)
    wanted = tuple(data.shape[k] if same_size(s, 0) else s for k, s in enumerate(sizes))
    return ops.reshape(data, wanted)


@node("Flatten", moves=True)
def flatten(ops: Nodes, input: Any, axis: int = 1) -> Any:
    """Two axes: what stands before an axis, and the rest."""
    at = axis % input.ndim if axis < 0 else axis
    sides: list[Any] = [1, 1]
    for k, size in enumerate(input.shape):
        sides[k >= at] = sides[k >= at] * size
    return ops.reshape(input, tuple(sides))


@node("Transpose", moves=True)
def transpose(ops: Nodes, data: Any, perm: Sequence[int] | None = None) -> Any:
    """The axes in another order, or the other way round."""
    return ops.transpose(data) if perm is None and data.ndim else ops.transpose(data, places(perm, data.ndim)) if data.ndim else data


@node("Squeeze", known=("axes",), moves=True)
def squeeze(ops: Nodes, data: Any, axes: Any = None) -> Any:
    """Without axes of size 1."""
    if axes is None:
        lone = tuple(k for k in range(data.ndim) if same_size(data.shape[k], 1))
    else:
        lone = places(tuple(int(a) for a in axes.flat), data.ndim)
    return ops.squeeze(data, lone) if lone else data


@node("Unsqueeze", known=("axes",), moves=True)
def unsqueeze(ops: Nodes, data: Any, axes: Any) -> Any:
    """With new axes of size 1."""
    made = ops.constant(data)
    for at in sorted(places(tuple(int(a) for a in axes.flat), data.ndim + axes.size)):
        made = ops.expand_dims(made, at)
    return made


@node("Concat", moves=True)
def concat(ops: Nodes, inputs: Sequence[Any], axis: int) -> Any:
    """One after the other."""
    return ops.concatenate(tuple(inputs), axis=places(axis, inputs[0].ndim)[0]) if len(inputs) > 1 else inputs[0]


@node("Split", known=("split",), moves=True)
def split(ops: Nodes, input: Any, split: Any = None, axis: int = 0, num_outputs: int | None = None) -> Any:
    """Parts of an axis, of some sizes or of one."""
    (at,) = places(axis, input.ndim)
    whole = input.shape[at]
    if split is not None:
        sizes = list(sizes_of(split))
    else:
        count = num_outputs or len(ops.kinds)
        if not isinstance(whole, int):
            raise ops.error(f"equal parts of an axis whose size is symbolic, {whole}", "give split the sizes of the parts", AxisError)
        each = -(-whole // count)
        sizes = [max(min(each, whole - k * each), 0) for k in range(count)]
    if any(same_size(s, 0) for s in sizes):
        raise ops.error("an empty part", "leave it out", AxisError)
    made, begin = [], 0
    for size in sizes:
        made.append(input[front({at: slice(begin, begin + size)}, input.ndim)])
        begin = begin + size
    return tuple(made)


@node("Expand", known=("shape",), moves=True)
def expand(ops: Nodes, input: Any, shape: Any) -> Any:
    """Stretched along axes of size 1 and new ones in front."""
    wanted = list(sizes_of(shape))
    own = list(input.shape)
    rank = max(len(wanted), len(own))
    wanted, own = [1] * (rank - len(wanted)) + wanted, [1] * (rank - len(own)) + own
    sizes = tuple(o if same_size(w, 1) else w for o, w in zip(own, wanted, strict=True))
    if any(same_size(s, 0) for s in sizes):
        raise ops.error("an empty array", "give it a size of 1 or more", AxisError)
    same = len(input.shape) == rank and all(same_size(a, b) for a, b in zip(input.shape, sizes, strict=True))
    return input if same else ops.broadcast_to(input, sizes)


@node("Tile", known=("repeats",), moves=True)
def tile(ops: Nodes, input: Any, repeats: Any) -> Any:
    """Copies beside each other."""
    times = sizes_of(repeats)
    return input if all(same_size(t, 1) for t in times) else ops.tile(input, times)


@node("Pad", known=("pads", "axes"), numbers=("constant_value",), moves=True)
def pad(ops: Nodes, data: Any, pads: Any, constant_value: Any = None, axes: Any = None, mode: str = "constant") -> Any:
    """A number, or what stands at the ends, put before and after axes; widths below 0 take away."""
    at = range(data.ndim) if axes is None else places(tuple(int(a) for a in axes.flat), data.ndim)
    count = len(pads) // 2
    pairs = [(0, 0)] * data.ndim
    for k, axis in enumerate(at):
        pairs[axis] = (int(pads[k]), int(pads[k + count]))
    return padded(ops, data, pairs, mode, constant_value)


MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}
MOST_WIDE = 500
"""Entries that are put at an end one by one."""


def padded(ops: Nodes, x: Any, pairs: Sequence[tuple[int, int]], mode: str, value: Any = None) -> Any:
    """What `pad` gives, for pairs of widths of all axes."""
    cut = tuple(slice(max(-a, 0), -max(-b, 0) or None) for a, b in pairs)
    if any(c != slice(0, None) for c in cut):
        x = x[cut]
    widths = tuple((max(a, 0), max(b, 0)) for a, b in pairs)
    if not any(w for pair in widths for w in pair):
        return x
    if mode != "constant":
        if mode not in MODES or max(w for pair in widths for w in pair) > MOST_WIDE:
            raise ops.error(f"a border of mode {mode}, {widths} wide", f"take one of {', '.join(MODES)}, and at most {MOST_WIDE}")
        for size, (a, b) in zip(x.shape, widths, strict=True):
            if (a or b) and (not isinstance(size, int) or max(a, b) > size - (mode == "reflect")):
                raise ops.error("a border of more entries than the axis is known to have", "pad in several steps", AxisError)
        return ops.pad(x, widths, mode=MODES[mode])
    made = ops.pad(x, widths)
    none = value is None or (isinstance(value, int | float) and value == 0)
    return made if none else ops.where(ops.greater(ops.pad(ops.ones(x.shape), widths), 0), made, value)


@node("CenterCropPad", known=("shape",), moves=True)
def center_crop_pad(ops: Nodes, input_data: Any, shape: Any, axes: Sequence[int] | None = None) -> Any:
    """The middle of an array, or an array in the middle of zeros."""
    pairs = [(0, 0)] * input_data.ndim
    for at, wanted in zip(places(axes, input_data.ndim), sizes_of(shape), strict=True):
        size = input_data.shape[at]
        if not isinstance(size, int) or not isinstance(wanted, int):
            raise ops.error("the middle of an axis whose size is symbolic", "give the axis a number", AxisError)
        gap = wanted - size
        pairs[at] = (gap // 2, gap - gap // 2) if gap > 0 else (-(-gap // 2), gap + -gap // 2)
    return padded(ops, input_data, pairs, "constant")


@node("DepthToSpace", moves=True)
def depth_to_space(ops: Nodes, input: Any, blocksize: int, mode: str = "DCR") -> Any:
    """Channels as places between the places."""
    n, c, h, w = input.shape
    b = blocksize
    if not isinstance(c, int):
        raise ops.error("channels whose number is symbolic", "give the axis a number", AxisError)
    if mode == "DCR":
        turned = ops.transpose(ops.reshape(input, (n, b, b, c // b**2, h, w)), (0, 3, 4, 1, 5, 2))
    elif mode == "CRD":
        turned = ops.transpose(ops.reshape(input, (n, c // b**2, b, b, h, w)), (0, 1, 4, 2, 5, 3))
    else:
        raise ops.error(f"the mode {mode}", "take DCR or CRD")
    return ops.reshape(turned, (n, c // b**2, h * b, w * b))


@node("SpaceToDepth", moves=True)
def space_to_depth(ops: Nodes, input: Any, blocksize: int, mode: str = "DCR") -> Any:
    """Places between the places as channels."""
    n, c, h, w = input.shape
    b = blocksize
    if not (isinstance(h, int) and isinstance(w, int)):
        raise ops.error("places whose number is symbolic", "give the axes numbers", AxisError)
    apart = ops.reshape(input, (n, c, h // b, b, w // b, b))
    if mode not in ("DCR", "CRD"):
        raise ops.error(f"the mode {mode}", "take DCR or CRD")
    turned = ops.transpose(apart, (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4))
    return ops.reshape(turned, (n, c * b * b, h // b, w // b))


@node("Shape", whole=True, moves=True)
def shape(ops: Nodes, data: Any, start: int = 0, end: int | None = None) -> Any:
    """The sizes of axes."""
    return held(list(data.shape[slice(start, end)]))


@node("Size", whole=True, moves=True)
def size(ops: Nodes, data: Any) -> Any:
    """The number of entries."""
    made: Any = 1
    for n in data.shape:
        made = made * n
    return held(made)


@node("Cast", whole=True)
def cast(ops: Nodes, input: Any, to: int = 0, saturate: int = 1, round_mode: str = "up") -> Any:
    """The array as one of other numbers: truth values are 1 and 0, numbers are cut to whole ones, true is what is not 0."""
    kind = ops.kinds[0]
    if kind == TRUTH:
        return input if input.dtype.kind == "b" else ops.not_equal(input, 0)
    if input.dtype.kind == "b":
        input = ops.where(input, 1, 0)
    if kind in REAL:
        return ops.recording.value(ops.add(input, 0).node) if input.dtype.kind == "i" and _is_leaf(input) else input
    return input if input.dtype.kind == "i" else ops.trunc(input)


def _is_leaf(value: Any) -> bool:
    """Whether a value is an input as it stands, which is one of whole numbers wherever it is used."""
    return hasattr(value.node, "id")


@node("CastLike", unread=("target_type",), whole=True)
def cast_like(ops: Nodes, input: Any, target_type: Any, saturate: int = 1, round_mode: str = "up") -> Any:
    """The array as one of the numbers of another."""
    return cast(ops, input)


@node("Trilu", known=("k",), moves=True)
def trilu(ops: Nodes, input: Any, k: Any = None, upper: int = 1) -> Any:
    """On and above a diagonal, or on and below it."""
    offset = 0 if k is None else int(np.asarray(k).reshape(()))
    if not upper:
        return ops.tril(input, offset)
    rows, columns = input.shape[-2:]
    above = ops.greater_equal(ops.arange(columns), ops.add(ops.expand_dims(ops.arange(rows), 1), offset))
    return ops.where(above, input, 0)
