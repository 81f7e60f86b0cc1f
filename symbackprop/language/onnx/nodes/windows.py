"""Records of ONNX ops whose windows slide over the last axes: convolutions and pools."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from symbackprop.errors import AxisError
from symbackprop.language.graphs.ops import Ops
from symbackprop.language.graphs.windows import FAR_BELOW, convolved, padded, windows
from symbackprop.language.onnx.nodes.records import Nodes, node

Whole = Sequence[int] | None
SAME = ("SAME_UPPER", "SAME_LOWER")


class Slide(NamedTuple):
    """How windows slide: their sizes, steps and gaps; the widths that are told at the ends, and those that windows reach beyond these."""

    sizes: tuple[int, ...]
    steps: tuple[int, ...]
    gaps: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    beyond: tuple[int, ...]


def slide(ops: Ops, x: Any, sizes: Whole, strides: Whole, dilations: Whole, pads: Whole, auto_pad: str, ceil_mode: int = 0) -> Slide:
    """How windows slide over an array. Raises AxisError where that depends on a symbolic size."""
    count = x.ndim - 2
    kernel = tuple(sizes or ())
    steps, gaps = tuple(strides or (1,) * count), tuple(dilations or (1,) * count)
    given = tuple(pads or (0,) * 2 * count)
    if not len(kernel) == len(steps) == len(gaps) == len(given) // 2 == count or not all(isinstance(k, int) for k in kernel):
        raise ops.error(f"windows along {len(kernel)} axes of an array that has {count} axes of places", "give one number for each axis")
    ends, beyond = [], []
    for k in range(count):
        size, reach = x.shape[2 + k], gaps[k] * (kernel[k] - 1) + 1
        pair = (given[k], given[k + count])
        if auto_pad in SAME:
            if steps[k] > 1 and not isinstance(size, int):
                raise ops.error(f"{auto_pad} over an axis whose size is symbolic, {size}", "give pads", AxisError)
            whole = max((-(-size // steps[k]) - 1) * steps[k] + reach - size, 0) if isinstance(size, int) else reach - 1
            pair = (whole // 2, whole - whole // 2) if auto_pad == "SAME_UPPER" else (whole - whole // 2, whole // 2)
        elif auto_pad == "VALID":
            pair = (0, 0)
        ends.append(pair)
        beyond.append(_beyond(ops, size, reach, steps[k], pair) if ceil_mode else 0)
    return Slide(kernel, steps, gaps, tuple(ends), tuple(beyond))


def _beyond(ops: Ops, size: Any, reach: int, step: int, pair: tuple[int, int]) -> int:
    """How far the last window reaches over the end, where there is one that begins before it (ceil_mode)."""
    if step == 1:
        return 0
    if not isinstance(size, int):
        raise ops.error(f"windows that reach over the end (ceil_mode) of a symbolic size, {size}", "give the axis a number", AxisError)
    whole = size + sum(pair)
    count = -(-(whole - reach) // step) + 1
    if (count - 1) * step >= size + pair[0]:
        count -= 1
    return max((count - 1) * step + reach - whole, 0)


def _slid(ops: Ops, x: Any, how: Slide, value: int = 0) -> Any:
    """The windows, of an array that a number surrounds."""
    ends = [(a, b + more) for (a, b), more in zip(how.pads, how.beyond, strict=True)]
    return windows(ops, padded(ops, x, ends, value), how.sizes, how.steps, how.gaps)


@node("Conv")
def conv(
    ops: Nodes,
    X: Any,
    W: Any,
    B: Any = None,
    auto_pad: str = "NOTSET",
    dilations: Whole = None,
    group: int = 1,
    kernel_shape: Whole = None,
    pads: Whole = None,
    strides: Whole = None,
) -> Any:
    """A convolution (cross-correlation) along the last axes."""
    how = slide(ops, X, W.shape[2:], strides, dilations, pads, auto_pad)
    return convolved(ops, _slid(ops, X, how), W, B, group)


@node("ConvTranspose")
def conv_transpose(
    ops: Nodes,
    X: Any,
    W: Any,
    B: Any = None,
    auto_pad: str = "NOTSET",
    dilations: Whole = None,
    group: int = 1,
    kernel_shape: Whole = None,
    output_padding: Whole = None,
    output_shape: Whole = None,
    pads: Whole = None,
    strides: Whole = None,
) -> Any:
    """The transpose of a convolution: one over an array with zeros between its entries, with kernels from their ends."""
    count = X.ndim - 2
    steps, gaps = tuple(strides or (1,) * count), tuple(dilations or (1,) * count)
    more, given = tuple(output_padding or (0,) * count), tuple(pads or (0,) * 2 * count)
    ends = []
    for k, size in enumerate(X.shape[2:]):
        reach = gaps[k] * (W.shape[2 + k] - 1) + 1
        first, last = given[k], given[k + count]
        if output_shape or auto_pad in SAME:
            if not isinstance(size, int):
                raise ops.error(f"the output's size from a symbolic one, {size}", "give pads", AxisError)
            wanted = output_shape[k] if output_shape else size * steps[k]
            total = steps[k] * (size - 1) + more[k] + reach - wanted
            if total < 0:
                raise ops.error(f"an output of size {wanted}, larger than what there is for it", "give output_padding", AxisError)
            first, last = (total // 2, total - total // 2) if auto_pad == "SAME_UPPER" else (total - total // 2, total // 2)
        ends.append((reach - 1 - first, reach - 1 - last + more[k]))
    x = _spread(ops, X, steps)
    cut = tuple(slice(max(-a, 0) or None, -max(-b, 0) or None) for a, b in ends)
    x = x[(..., *cut)] if any(c != slice(None) for c in cut) else x
    x = padded(ops, x, [(max(a, 0), max(b, 0)) for a, b in ends])
    entering, out = W.shape[0] // group, W.shape[1]
    kernels = ops.flip(W, tuple(range(2, W.ndim)))
    kernels = ops.reshape(kernels, (group, entering, *W.shape[1:]))
    kernels = ops.reshape(ops.swapaxes(kernels, 1, 2), (group * out, entering, *W.shape[2:]))
    return convolved(ops, windows(ops, x, W.shape[2:], (1,) * count, gaps), kernels, B, group)


def _spread(ops: Ops, x: Any, steps: Sequence[int]) -> Any:
    """An array with zeros between its entries along the last axes."""
    for k, step in enumerate(steps, 2):
        if step > 1:
            apart = ops.pad(ops.expand_dims(x, k + 1), (*[(0, 0)] * (k + 1), (0, step - 1), *[(0, 0)] * (x.ndim - k - 1)))
            whole = ops.reshape(apart, (*x.shape[:k], x.shape[k] * step, *x.shape[k + 1 :]))
            x = whole[(*[slice(None)] * k, slice(None, 1 - step))]
    return x


def _total(ops: Ops, op: str, found: Any, count: int) -> Any:
    return getattr(ops, op)(found, axis=tuple(range(found.ndim - count, found.ndim)))


@node("AveragePool")
def average_pool(
    ops: Nodes,
    X: Any,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: Whole = None,
    kernel_shape: Whole = None,
    pads: Whole = None,
    strides: Whole = None,
) -> Any:
    """Means over windows, with the border or without it."""
    how = slide(ops, X, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    count, found = len(how.sizes), _slid(ops, X, how)
    border = any(w for pair in how.pads for w in pair)
    if not any(how.beyond) and (count_include_pad or not border):
        return _total(ops, "mean", found, count)
    ones = ops.ones(X.shape[2:])
    if count_include_pad:
        ones = ops.ones(tuple(n + a + b for n, (a, b) in zip(X.shape[2:], how.pads, strict=True)))
        how = how._replace(pads=((0, 0),) * count)
    return ops.divide(_total(ops, "sum", found, count), _total(ops, "sum", _slid(ops, ones, how), count))


@node("MaxPool")
def max_pool(
    ops: Nodes,
    X: Any,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Whole = None,
    kernel_shape: Whole = None,
    pads: Whole = None,
    storage_order: int = 0,
    strides: Whole = None,
) -> Any:
    """Largest entries of windows, the first of equals."""
    how = slide(ops, X, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    for (before, after), size, gap in zip(how.pads, how.sizes, how.gaps, strict=True):
        if max(before, after) > gap * (size - 1):
            raise ops.error("windows that hold no entry of the array", "make the border narrower than the windows", AxisError)
    found = _slid(ops, X, how, FAR_BELOW)
    return _total(ops, "max", found, len(how.sizes)), ops.absent("where the largest entry of a window stands")


@node("LpPool")
def lp_pool(
    ops: Nodes,
    X: Any,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Whole = None,
    kernel_shape: Whole = None,
    p: int = 2,
    pads: Whole = None,
    strides: Whole = None,
) -> Any:
    """The norm of each window."""
    how = slide(ops, X, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    power: Callable = ops.abs if p == 1 else ops.square if p == 2 else lambda x: ops.power(ops.abs(x), p)
    made = _total(ops, "sum", power(_slid(ops, X, how)), len(how.sizes))
    return made if p == 1 else ops.sqrt(made) if p == 2 else ops.power(made, 1 / p)


@node("LRN")
def lrn(ops: Nodes, X: Any, size: int, alpha: float = 0.0001, beta: float = 0.75, bias: float = 1.0) -> Any:
    """An array divided by a power of what the channels beside each entry hold."""
    ends = ((0, 0), ((size - 1) // 2, size // 2), *[(0, 0)] * (X.ndim - 2))
    near = ops.sliding_window_view(ops.pad(ops.square(X), ends), size, axis=1)
    scale = ops.add(bias, ops.multiply(alpha / size, ops.sum(near, axis=X.ndim)))
    return ops.divide(X, ops.power(scale, beta))


@node("CausalConvWithState")
def causal_conv(ops: Nodes, input: Any, weight: Any, bias: Any = None, past_state: Any = None, activation: str = "none") -> Any:
    """A convolution of each channel with what stands before, and the end of the input for the next call."""
    width = weight.shape[2]
    if not isinstance(width, int) or width < 2:
        raise ops.error("a kernel of one entry, or of symbolic size", "take Conv")
    before = ops.zeros((*input.shape[:2], width - 1)) if past_state is None else past_state
    whole = ops.concatenate((before, input), axis=2)
    found = ops.sliding_window_view(whole, width, axis=2)
    made = ops.einsum("ncik,ck->nci", found, weight[:, 0])
    made = made if bias is None else ops.add(made, bias[:, None])
    if activation not in ("none", "silu", "swish"):
        raise ops.error(f"the activation {activation}", "take none or silu")
    return made if activation == "none" else ops.silu(made), whole[:, :, 1 - width :]
