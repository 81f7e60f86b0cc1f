"""The op table: one record per op, which every other room walks."""

from symbackprop.ops import (
    arithmetic,
    beside,
    condition,
    contraction,
    elementwise,
    extreme,
    indexing,
    layers,
    linalg,
    losses,
    merged,
    reduction,
    statistic,
    structural,
)
from symbackprop.ops.function import written_out
from symbackprop.ops.table import OPS, Op, op_of, planned, refused

planned("tensordot", "pinv", "slogdet", "svd", "eigh", "eigvalsh", "expm")
refused("gives positions, which have no derivative", "argmax", "argmin", "argsort")

__all__ = [
    "OPS",
    "Op",
    "arithmetic",
    "beside",
    "condition",
    "contraction",
    "elementwise",
    "extreme",
    "indexing",
    "layers",
    "linalg",
    "losses",
    "merged",
    "op_of",
    "planned",
    "reduction",
    "refused",
    "statistic",
    "structural",
    "written_out",
]
