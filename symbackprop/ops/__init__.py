"""The op table: one record per op, which every other room walks."""

from symbackprop.ops.absent import ABSENT
from symbackprop.ops.composed import layers, losses, shorthand
from symbackprop.ops.entrywise import arithmetic, condition, elementwise, native, pairs, steps
from symbackprop.ops.function import written_out
from symbackprop.ops.linear import linalg, spectral
from symbackprop.ops.reductions import contraction, extreme, norms, reduction, statistic
from symbackprop.ops.shapes import beside, indexing, merged, structural, windows
from symbackprop.ops.table import NUMPY, OPS, Op, op_of

__all__ = [
    "ABSENT",
    "NUMPY",
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
    "native",
    "norms",
    "op_of",
    "pairs",
    "reduction",
    "shorthand",
    "spectral",
    "statistic",
    "steps",
    "structural",
    "windows",
    "written_out",
]
