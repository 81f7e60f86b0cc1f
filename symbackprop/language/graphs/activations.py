"""Activations that graphs have in several forms."""

import math
from typing import Any

from symbackprop.language.graphs.ops import Ops


def gelu(ops: Ops, x: Any, approximate: str) -> Any:
    """x Phi(x), exact or by a tanh."""
    if approximate == "none":
        return ops.gelu(x)
    inner = ops.multiply(math.sqrt(2 / math.pi), ops.add(x, ops.multiply(0.044715, ops.power(x, 3))))
    return ops.multiply(ops.multiply(0.5, x), ops.add(1, ops.tanh(inner)))
