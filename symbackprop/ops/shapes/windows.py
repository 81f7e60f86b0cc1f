"""Windows that slide over the last axes of an array, and the layers made of them: convolutions and pools."""

from typing import TypeAlias

from sympy import Expr, Mul, S

from symbackprop.calculus.index import shape_text
from symbackprop.calculus.laws import guard
from symbackprop.errors import AxisError
from symbackprop.ops.array import Array, Draft, Indices
from symbackprop.ops.broadcast import view
from symbackprop.ops.composed.compose import Composer, Value, composed
from symbackprop.ops.shapes.structural import Count
from symbackprop.ops.table import array_op

Whole: TypeAlias = int | Expr | tuple
PLACES, OFFSETS = ("i", "ij"), ("u", "uv")
"""Labels of places and of offsets along one axis, and along two."""


@array_op("structural")
def pad(draft: Draft, x: Array, pad_width: Whole) -> Array:
    """Zeros put before and after an array along its axes: as many at all ends, or (before, after) for all or for each axis.

    pad(x, (k, 0))[i] = x[i - k] [i >= k]
    """
    given = pad_width if isinstance(pad_width, tuple) else (pad_width, pad_width)
    pairs = given if given and isinstance(given[0], tuple) else (given,) * x.rank
    widths = [tuple(S(k) for k in pair) if isinstance(pair, tuple) else () for pair in pairs]
    if len(widths) != x.rank or not all(len(w) == 2 and all(k.is_integer and not k.is_negative for k in w) for w in widths):
        fix = "give a number, one pair, or a pair (before, after) for each axis"
        raise draft.error(f"pad_width={pad_width} does not fit", AxisError, arrays=[x], notes=[draft.described(x)], fix=fix)
    ready = draft.term(x)

    def at(indices: Indices) -> Expr:
        inner, holds = [], []
        for i, size, (before, after) in zip(indices, x.axes, widths, strict=True):
            e = i - before
            holds += [guard(e)] * (before != 0) + [guard(size - 1 - e)] * (after != 0)
            inner.append(e)
        return Mul(*holds) * ready.at(tuple(inner))

    axes = [before + size + after for size, (before, after) in zip(x.axes, widths, strict=True)]
    return Array(axes, at, sums=ready.sums, composite=ready.composite)


@array_op("structural", source="numpy.lib.stride_tricks.sliding_window_view")
def sliding_window_view(draft: Draft, x: Array, window_shape: Whole, axis: int | tuple[int, ...] | None = None) -> Array:
    """Every window of some size along axes: the axes of the array count where it begins, new last axes what is in it.

    sliding_window_view(x, k)[i, u] = x[i + u]
    """
    places = draft.positions(axis, x)
    sizes = [S(k) for k in (window_shape if isinstance(window_shape, tuple) else (window_shape,))]
    if len(sizes) != len(places) or not all(k.is_integer and not k.is_nonpositive for k in sizes):
        fix = "give a positive whole number for each axis that the window slides along, and these as axis="
        raise draft.error(f"window_shape={window_shape} does not fit", AxisError, arrays=[x], notes=[draft.described(x)], fix=fix)
    axes = list(x.axes)
    for place, size in zip(places, sizes, strict=True):
        axes[place] += 1 - size
        draft.need(axes[place] - 1, f"a window of {shape_text([size])}", "the window is larger than what it slides over", x)

    def remap(at: Indices) -> Indices:
        offsets = dict(zip(places, at[x.rank :], strict=True))
        return tuple(i + offsets.get(k, 0) for k, i in enumerate(at[: x.rank]))

    return view(draft, x, [*axes, *sizes], remap)


def _each(ops: Composer, value: Whole, count: int) -> tuple:
    """A whole number for each of `count` axes, where one may stand for all."""
    given = value if isinstance(value, tuple) else (value,) * count
    ops.check(len(given) == count and all(S(k).is_integer for k in given), f"{value} should be a whole number or {count} of them")
    return given


def _windows(ops: Composer, x: Value, sizes: tuple, stride: tuple) -> Value:
    """Windows along the last axes, begun at each `stride`-th place."""
    count = len(sizes)
    found = ops.sliding_window_view(x, sizes, axis=tuple(range(-count, 0)))
    return found[(..., *[slice(None, None, s) for s in stride], *[slice(None)] * count)]


def _convolution(ops: Composer, x: Value, weight: Value, bias: Value | None, stride: Whole, padding: Whole, count: int) -> Value:
    axes = f"conv{count}d takes arrays with {count + 2} axes: (batch, channels, ...), (out, channels, ...)"
    ops.check(x.rank == weight.rank == count + 2, axes, x, weight)
    steps, widths = _each(ops, stride, count), _each(ops, padding, count)
    padded = ops.pad(x, ((0, 0), (0, 0), *[(k, k) for k in widths])) if any(k != 0 for k in widths) else x
    windows = _windows(ops, padded, weight.shape[2:], steps)
    at, inside = PLACES[count - 1], OFFSETS[count - 1]
    made = ops.einsum(f"nc{at}{inside},oc{inside}->no{at}", windows, weight)
    return made if bias is None else made + bias[(..., *[None] * count)]


@composed("layer", source="torch.nn.functional.conv1d")
def conv1d(ops: Composer, x: Value, weight: Value, bias: Value | None = None, stride: Count = 1, padding: Count = 0) -> Value:
    """A convolution (cross-correlation) along the last axis; arrays are (batch, channels, length) and (out, channels, width).

    conv1d(x, w)[n, o, i] = sum_{c,u} x[n, c, stride i + u - padding] w[o, c, u]
    """
    return _convolution(ops, x, weight, bias, stride, padding, 1)


@composed("layer", source="torch.nn.functional.conv2d")
def conv2d(ops: Composer, x: Value, weight: Value, bias: Value | None = None, stride: Whole = 1, padding: Whole = 0) -> Value:
    """A convolution (cross-correlation) along the last two axes; arrays are (batch, channels, height, width).

    conv2d(x, w)[n, o, i, j] = sum_{c,u,v} x[n, c, stride i + u - padding, stride j + v - padding] w[o, c, u, v]
    """
    return _convolution(ops, x, weight, bias, stride, padding, 2)


def _pooled(ops: Composer, op: str, x: Value, kernel: Whole, stride: Whole | None, count: int) -> Value:
    sizes = _each(ops, kernel, count)
    windows = _windows(ops, x, sizes, sizes if stride is None else _each(ops, stride, count))
    return getattr(ops, op)(windows, axis=tuple(range(-count, 0)))


@composed("layer", source="torch.nn.functional.avg_pool1d")
def avg_pool1d(ops: Composer, x: Value, kernel_size: Count, stride: Count | None = None) -> Value:
    """Means over windows along the last axis.

    avg_pool1d(x, k)[i] = mean_u x[stride i + u]
    """
    return _pooled(ops, "mean", x, kernel_size, stride, 1)


@composed("layer", source="torch.nn.functional.avg_pool2d")
def avg_pool2d(ops: Composer, x: Value, kernel_size: Whole, stride: Whole | None = None) -> Value:
    """Means over windows along the last two axes.

    avg_pool2d(x, k)[i, j] = mean_{u,v} x[stride i + u, stride j + v]
    """
    return _pooled(ops, "mean", x, kernel_size, stride, 2)


@composed("layer", source="torch.nn.functional.max_pool1d")
def max_pool1d(ops: Composer, x: Value, kernel_size: Count, stride: Count | None = None) -> Value:
    """Largest entries of windows along the last axis, the first of equals.

    max_pool1d(x, k)[i] = max_u x[stride i + u]
    """
    return _pooled(ops, "max", x, kernel_size, stride, 1)


@composed("layer", source="torch.nn.functional.max_pool2d")
def max_pool2d(ops: Composer, x: Value, kernel_size: Whole, stride: Whole | None = None) -> Value:
    """Largest entries of windows along the last two axes, the first of equals.

    max_pool2d(x, k)[i, j] = max_{u,v} x[stride i + u, stride j + v]
    """
    return _pooled(ops, "max", x, kernel_size, stride, 2)
