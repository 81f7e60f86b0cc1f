"""Records of ONNX ops that pick entries at places: slices, gathers, one-hot codes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symbackprop.errors import AxisError
from symbackprop.language.graphs.ops import ENDLESS, front, places, same_size
from symbackprop.language.onnx.known import sizes_of
from symbackprop.language.onnx.nodes.records import Nodes, node

MOST_PICKED = 64
"""Entries that are picked one by one; more stand in an index array."""


@node("Slice", known=("starts", "ends", "axes", "steps"), moves=True)
def part(ops: Nodes, data: Any, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Any:
    """Parts of axes, each from one place to before another."""
    given = sizes_of(starts)
    at = range(len(given)) if axes is None else places(tuple(int(a) for a in axes.flat), data.ndim)
    strides = [1] * len(given) if steps is None else [int(s) for s in steps.flat]
    cuts = {}
    for axis, start, stop, step in zip(at, given, sizes_of(ends), strides, strict=True):
        cuts[axis] = _cut(ops, data.shape[axis], start, stop, step)
    idle = all(c == slice(None) for c in cuts.values())
    return data if idle else data[front(cuts, data.ndim)]


def _cut(ops: Nodes, size: Any, start: Any, stop: Any, step: int) -> slice:
    """One part of an axis; bounds beyond its ends are moved to these, as far as the size is known."""
    if isinstance(size, int) and isinstance(start, int) and isinstance(stop, int):
        a, b, _ = slice(start, stop, step).indices(size)
        if not len(range(a, b, step)):
            raise ops.error(f"an empty part, [{start}:{stop}:{step}] of {size}", "leave it out", AxisError)
        return (
            slice(a or None, None if b >= size else b, None if step == 1 else step) if step > 0 else slice(a, b if b >= 0 else None, step)
        )
    far = isinstance(stop, int) and abs(stop) > ENDLESS // 2**32
    if step < 0:
        if isinstance(start, int) and (start == -1 or start > ENDLESS // 2**32) and far:
            return slice(None, None, step)
        raise ops.error("part of an axis from its end, whose size is symbolic", "give the axis a number", AxisError)
    end = None if far or same_size(stop, size) else stop
    return slice(None if isinstance(start, int) and start == 0 else start, end, None if step == 1 else step)


def at_places(ops: Nodes, data: Any, indices: Any, axis: int) -> Any:
    """Entries along an axis at known places, or at those that an index array says."""
    if not isinstance(indices, np.ndarray):
        return ops.take(data, indices, axis=axis)
    size = data.shape[axis]
    wanted = [k if not isinstance(k, int) or k >= 0 or not isinstance(size, int) else k + size for k in sizes_of(indices)]
    if any(isinstance(k, int) and isinstance(size, int) and not 0 <= k < size for k in wanted):
        raise ops.error(f"a place outside of an axis of size {size}", "count from 0 to below the size", AxisError)
    if indices.ndim == 0:
        return data[front({axis: wanted[0]}, data.ndim)]
    if not all(isinstance(k, int) for k in wanted):
        raise ops.error("entries at places that are made of sizes", "give the axis a number", AxisError)
    step = wanted[1] - wanted[0] if len(wanted) > 1 else 1
    if step > 0 and wanted[0] >= 0 and wanted == list(range(wanted[0], wanted[0] + step * len(wanted), step)):
        whole = isinstance(size, int) and wanted[-1] + step > size - 1 + (step > 1)
        made = data[front({axis: slice(wanted[0], None if whole else wanted[-1] + 1, step)}, data.ndim)]
    elif len(wanted) <= MOST_PICKED:
        made = ops.stack(tuple(data[front({axis: k}, data.ndim)] for k in wanted), axis=axis)
    else:
        if any(k < 0 for k in wanted):
            raise ops.error("places counted from the end of an axis whose size is symbolic", "give the axis a number", AxisError)
        made = ops.take(data, ops.table(np.array(wanted), "places"), axis=axis)
    return made if indices.ndim == 1 else ops.reshape(made, (*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]))


@node("Gather", either=("indices",), moves=True)
def gather(ops: Nodes, data: Any, indices: Any, axis: int = 0) -> Any:
    """What stands at some places of an axis."""
    (at,) = places(axis, data.ndim)
    return at_places(ops, data, indices, at)


@node("GatherElements", moves=True)
def gather_elements(ops: Nodes, data: Any, indices: Any, axis: int = 0) -> Any:
    """One entry along an axis for each place that is told."""
    (at,) = places(axis, data.ndim)
    cut = {k: slice(n) for k, (n, m) in enumerate(zip(indices.shape, data.shape, strict=True)) if k != at and not same_size(n, m)}
    return ops.take_along_axis(data[front(cut, data.ndim)] if cut else data, indices, axis=at)


@node("GatherND", moves=True)
def gather_nd(ops: Nodes, data: Any, indices: Any, batch_dims: int = 0) -> Any:
    """Entries, or parts, at places along several axes."""
    count = indices.shape[-1]
    if not isinstance(count, int):
        raise ops.error("places along a symbolic number of axes", "give the last axis of indices a number", AxisError)
    items = [indices[(..., k)] for k in range(count)]
    rank = indices.ndim - 1
    rows = []
    for k in range(batch_dims):
        row = ops.arange(data.shape[k])
        rows.append(ops.recording.value(ops.reshape(row, (*[1] * k, -1, *[1] * (rank - 1 - k))).node, whole=True))
    return data[tuple([*rows, *items])]


@node("OneHot", known=("depth", "values"), whole=True)
def one_hot(ops: Nodes, indices: Any, depth: Any, values: Any, axis: int = -1) -> Any:
    """One number at a place, another elsewhere; places below 0 are counted from the end."""
    (count,) = sizes_of(depth)
    off, on = (ops.plain(v) for v in values.flat)
    if indices.dtype.kind != "i":
        raise ops.error("places that are no whole numbers", "make indices int64")
    code = ops.add(ops.one_hot(indices, count), ops.one_hot(ops.add(indices, count), count))
    at = axis % (indices.ndim + 1)
    code = ops.moveaxis(code, indices.ndim, at) if at != indices.ndim else code
    scaled = code if on - off == 1 else ops.multiply(on - off, code)
    return scaled if off == 0 else ops.add(scaled, off)


@node("Compress", known=("condition",), moves=True)
def compress(ops: Nodes, input: Any, condition: Any, axis: int | None = None) -> Any:
    """What stands where a known mask holds."""
    if axis is None:
        input, axis = ops.ravel(input) if input.ndim != 1 else input, 0
    (at,) = places(axis, input.ndim)
    return at_places(ops, input, np.flatnonzero(condition), at)


@node("ReverseSequence", known=("sequence_lens",), moves=True)
def reverse_sequence(ops: Nodes, input: Any, sequence_lens: Any, batch_axis: int = 1, time_axis: int = 0) -> Any:
    """The first entries of each sequence of a batch in reverse order."""
    size = input.shape[time_axis]
    if not isinstance(size, int) or size * len(sequence_lens) > MOST_PICKED * MOST_PICKED:
        raise ops.error("sequences of symbolic length, or long ones", "give the axis a number", AxisError)
    made = []
    for k, length in enumerate(sizes_of(sequence_lens)):
        one = input[front({batch_axis: k}, input.ndim)]
        at = time_axis - (time_axis > batch_axis)
        order = np.array([*range(length - 1, -1, -1), *range(length, size)])
        made.append(at_places(ops, one, order, at))
    return ops.stack(tuple(made), axis=batch_axis)


def _scattered(ops: Nodes, data: Any, items: Sequence[Any], updates: Any, reduction: str) -> Any:
    made = ops.recording.value(data.node)
    if reduction == "add":
        ops.recording.apply("add_at", (made, tuple(items), updates), {})
    elif reduction == "none":
        made[tuple(items)] = updates
    else:
        raise ops.error(f"entries put in their places by {reduction}", "take none or add")
    return ops.recording.value(made.node)


@node("ScatterND", known=("indices",), moves=True)
def scatter_nd(ops: Nodes, data: Any, indices: Any, updates: Any, reduction: str = "none") -> Any:
    """An array with other entries, or parts, at known places."""
    flat = indices.reshape(-1, indices.shape[-1])
    parts = ops.reshape(updates, (len(flat), *updates.shape[indices.ndim - 1 :]))
    if len(flat) > MOST_PICKED:
        raise ops.error("many known places", "give at most 64")
    for k, row in enumerate(flat):
        data = _scattered(ops, data, [int(i) for i in row], parts[k], reduction)
    return data


@node("ScatterElements", known=("indices",), moves=True)
def scatter_elements(ops: Nodes, data: Any, indices: Any, updates: Any, axis: int = 0, reduction: str = "none") -> Any:
    """An array with other entries along an axis, at known places."""
    if indices.size > MOST_PICKED:
        raise ops.error("many known places", "give at most 64")
    (at,) = places(axis, data.ndim)
    for where in np.ndindex(*indices.shape):
        place = [*where]
        place[at] = int(indices[where])
        data = _scattered(ops, data, place, updates[where], reduction)
    return data
