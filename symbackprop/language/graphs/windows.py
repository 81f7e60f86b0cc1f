"""Windows that slide over the last axes, and convolutions."""

from collections.abc import Sequence
from typing import Any

from symbackprop.language.graphs.ops import Ops
from symbackprop.language.tracing.values.value import MINUS_INFINITY

PLACES, OFFSETS = "ijk", "uvw"
FAR_BELOW = int(MINUS_INFINITY)
"""What stands around an array whose windows' largest entries are taken; each window has an entry of the array."""


def each(value: Any, count: int) -> tuple[int, ...]:
    """A whole number for each of `count` axes, where one may stand for all."""
    given = (value,) if isinstance(value, int) else tuple(value)
    return given * count if len(given) == 1 else given


def windows(ops: Ops, x: Any, sizes: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Any:
    """Windows along the last axes, begun at each `stride`-th place, of every `dilation`-th entry."""
    count = len(sizes)
    reach = tuple(1 + d * (k - 1) for k, d in zip(sizes, dilation, strict=True))
    found = ops.sliding_window_view(x, reach, axis=tuple(range(x.ndim - count, x.ndim)))
    steps = [*stride, *dilation]
    return found if all(s == 1 for s in steps) else found[(..., *[slice(None, None, None if s == 1 else s) for s in steps])]


def padded(ops: Ops, x: Any, ends: Sequence[tuple[int, int]], value: int = 0) -> Any:
    """A number before and after the last axes."""
    if not any(w for pair in ends for w in pair):
        return x
    pairs = ((0, 0),) * (x.ndim - len(ends)) + tuple(ends)
    made = ops.pad(x, pairs)
    return made if value == 0 else ops.where(ops.greater(ops.pad(ops.ones(x.shape), pairs), 0), made, value)


def convolved(ops: Ops, found: Any, weight: Any, bias: Any, groups: int) -> Any:
    """Products of windows and kernels, (samples, channels, ...) and (out, channels of a group, ...), summed; a bias for each of out."""
    count = weight.ndim - 2
    at, inside = PLACES[:count], OFFSETS[:count]
    if groups == 1:
        made = ops.einsum(f"nc{at}{inside},oc{inside}->no{at}", found, weight)
    else:
        out, within = weight.shape[0], weight.shape[1]
        apart = ops.reshape(found, (found.shape[0], groups, within, *found.shape[2:]))
        kernels = ops.reshape(weight, (groups, out // groups, within, *weight.shape[2:]))
        made = ops.einsum(f"ngc{at}{inside},goc{inside}->ngo{at}", apart, kernels)
        made = ops.reshape(made, (made.shape[0], out, *made.shape[3:]))
    return made if bias is None else ops.add(made, bias[(slice(None), *[None] * count)])
