"""Records of ATen ops whose windows slide over the last axes: convolutions and pools."""

from collections.abc import Callable, Sequence
from typing import Any

from symbackprop.errors import AxisError
from symbackprop.language.graphs.ops import Ops
from symbackprop.language.graphs.windows import FAR_BELOW, convolved, each, padded, windows
from symbackprop.language.torch.aten.records import aten


def convolution(count: int) -> Callable:
    """The record of a convolution along the last `count` axes."""

    def record(
        ops: Ops, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        steps, wide = each(stride, count), each(dilation, count)
        alone = input.ndim == count + 1
        x = ops.expand_dims(input, 0) if alone else input
        sizes = weight.shape[2:]
        if isinstance(padding, str):
            ends = [d * (k - 1) if padding == "same" else 0 for k, d in zip(sizes, wide, strict=True)]
            pairs = ((0, 0), (0, 0), *[(e // 2, e - e // 2) for e in ends])
            x = ops.pad(x, pairs) if any(ends) else x
        else:
            x = padded(ops, x, [(k, k) for k in each(padding, count)])
        made = convolved(ops, windows(ops, x, sizes, steps, wide), weight, bias, groups)
        return made[0] if alone else made

    return record


for _count in (1, 2, 3):
    aten(f"conv{_count}d")(convolution(_count))


@aten("convolution")
def any_convolution(
    ops: Ops,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool = False,
    output_padding: Any = (0,),
    groups: int = 1,
) -> Any:
    """A convolution along as many axes as its weights have."""
    if transposed:
        raise ops.error("a transposed convolution", "write it as a convolution of an array with zeros between its entries")
    return convolution(weight.ndim - 2)(ops, input, weight, bias, stride, padding, dilation, groups)


def _whole_windows(ops: Ops, x: Any, sizes: Sequence[int], steps: Sequence[int], widths: Sequence[int], wide: Sequence[int]) -> None:
    """Raise AxisError where ceil_mode would take windows that reach over the end."""
    for size, kernel, step, width, dilated in zip(x.shape[-len(sizes) :], sizes, steps, widths, wide, strict=True):
        if not isinstance(size, int) or (size + 2 * width - dilated * (kernel - 1) - 1) % step:
            raise ops.error("windows that reach over the end (ceil_mode)", "leave ceil_mode out, or pad the array", AxisError)


def _pool(count: int, op: str) -> Callable:
    def pooled(
        ops: Ops,
        self: Any,
        kernel_size: Any,
        stride: Any = (),
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        sizes, widths, wide = each(kernel_size, count), each(padding, count), each(dilation, count)
        steps = each(stride, count) if stride != () and stride != [] and stride is not None else sizes
        if ceil_mode:
            _whole_windows(ops, self, sizes, steps, widths, wide)

        def taken(x: Any, what: str) -> Any:
            found = windows(ops, padded(ops, x, [(k, k) for k in widths], FAR_BELOW if what == "max" else 0), sizes, steps, wide)
            return getattr(ops, what)(found, axis=tuple(range(found.ndim - count, found.ndim)))

        if divisor_override:
            return ops.divide(taken(self, "sum"), divisor_override)
        if op == "mean" and any(widths) and not count_include_pad:
            return ops.divide(taken(self, "sum"), taken(ops.ones(self.shape[-count:]), "sum"))
        return taken(self, op)

    return pooled


def _with_places(pool: Callable) -> Callable:
    def pooled(
        ops: Ops, self: Any, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> Any:
        places = ops.absent("where the largest entry of a window stands")
        return pool(ops, self, kernel_size, stride, padding, dilation, ceil_mode), places

    return pooled


def _adaptive(count: int, op: str) -> Callable:
    def pooled(ops: Ops, self: Any, output_size: Any) -> Any:
        wanted = each(output_size, count)
        first = self.ndim - count
        for axis, parts in enumerate(wanted, first):
            size = self.shape[axis]
            if parts == 1:
                self = getattr(ops, op)(self, axis=axis, keepdims=True)
                continue
            if not isinstance(size, int):
                raise ops.error(f"{parts} parts of an axis whose size is symbolic, {size}", "let dynamic= give it a number", AxisError)
            if size % parts == 0:
                apart = ops.reshape(self, (*self.shape[:axis], parts, size // parts, *self.shape[axis + 1 :]))
                self = getattr(ops, op)(apart, axis=axis + 1) if size > parts else self
                continue
            ends = [(k * size // parts, -(-(k + 1) * size // parts)) for k in range(parts)]
            pieces = [self[(*[slice(None)] * axis, slice(a, b))] for a, b in ends]
            self = ops.concatenate(tuple(getattr(ops, op)(p, axis=axis, keepdims=True) for p in pieces), axis=axis)
        return (self, ops.absent("where the largest entry of a part stands")) if op == "max" else self

    return pooled


for _count in (1, 2, 3):
    aten(f"avg_pool{_count}d")(_pool(_count, "mean"))
    aten(f"max_pool{_count}d")(_pool(_count, "max"))
    aten(f"max_pool{_count}d_with_indices")(_with_places(_pool(_count, "max")))
    aten(f"adaptive_avg_pool{_count}d")(_adaptive(_count, "mean"))
    aten(f"adaptive_max_pool{_count}d")(_adaptive(_count, "max"))
aten("_adaptive_avg_pool2d")(_adaptive(2, "mean"))
