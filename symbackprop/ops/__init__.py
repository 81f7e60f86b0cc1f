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
    spectral,
    statistic,
    structural,
    windows,
)
from symbackprop.ops.function import written_out
from symbackprop.ops.table import OPS, Op, op_of, planned, refused

planned("pinv", "slogdet", "svd", "eigh", "expm")
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
    "spectral",
    "statistic",
    "structural",
    "windows",
    "written_out",
]
