"""Normalisations: axes brought to mean 0 and variance 1, with a scale and a shift for each channel."""

from typing import Any

from symbackprop.language.graphs.ops import Ops


def affine(ops: Ops, made: Any, weight: Any, bias: Any) -> Any:
    """Scaled and shifted, where there is what by."""
    made = made if weight is None else ops.multiply(made, weight)
    return made if bias is None else ops.add(made, bias)


def normal(ops: Ops, x: Any, axes: tuple[int, ...], eps: float) -> Any:
    """Mean 0 and variance 1 over axes."""
    along = {"axis": axes, "keepdims": True}
    return ops.divide(ops.subtract(x, ops.mean(x, **along)), ops.sqrt(ops.add(ops.var(x, **along), eps)))


def of_channels(p: Any, rank: int) -> Any:
    """A parameter for each channel, the second axis, beside an array."""
    return p if p is None else p[(slice(None), *[None] * (rank - 2))] if rank > 2 else p


def with_statistics(ops: Ops, x: Any, weight: Any, bias: Any, mean: Any, var: Any, eps: float) -> Any:
    """Each channel brought to mean 0 and variance 1 by statistics that were kept."""
    mean, var, weight, bias = (of_channels(p, x.ndim) for p in (mean, var, weight, bias))
    return affine(ops, ops.divide(ops.subtract(x, mean), ops.sqrt(ops.add(var, eps))), weight, bias)
