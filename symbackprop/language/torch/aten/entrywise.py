"""Records of ATen ops that work entry by entry: functions of numbers, arithmetic, comparisons, masks."""

import math
from collections.abc import Callable
from typing import Any

from symbackprop.language.graphs import activations
from symbackprop.language.graphs.ops import Ops
from symbackprop.language.torch.aten.records import aten

UNARY = {
    "abs": "abs",
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atanh": "arctanh",
    "ceil": "ceil",
    "cos": "cos",
    "cosh": "cosh",
    "erf": "erf",
    "exp": "exp",
    "exp2": "exp2",
    "expm1": "expm1",
    "floor": "floor",
    "log": "log",
    "log10": "log10",
    "log1p": "log1p",
    "log2": "log2",
    "log_sigmoid": "logsigmoid",
    "mish": "mish",
    "neg": "negative",
    "reciprocal": "reciprocal",
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "sgn": "sign",
    "sigmoid": "sigmoid",
    "sign": "sign",
    "silu": "silu",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "square": "square",
    "tan": "tan",
    "tanh": "tanh",
    "trunc": "trunc",
    "logical_not": "logical_not",
    "bitwise_not": "logical_not",
}
"""Functions of one array that the language has under some name."""

BINARY = {
    "atan2": "arctan2",
    "hypot": "hypot",
    "logaddexp": "logaddexp",
    "maximum": "maximum",
    "minimum": "minimum",
    "fmax": "maximum",
    "fmin": "minimum",
    "mul": "multiply",
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "logical_and": "logical_and",
    "logical_or": "logical_or",
    "floor_divide": "floor_divide",
    "remainder": "mod",
    "xlogy": "xlogy",
}
"""Functions of two arrays that the language has under some name."""


def _one(op: str) -> Callable:
    return lambda ops, self: getattr(ops, op)(self)


def _two(op: str) -> Callable:
    return lambda ops, self, other: getattr(ops, op)(self, other)


for _name, _op in UNARY.items():
    aten(_name)(_one(_op))
for _name, _op in BINARY.items():
    aten(_name)(_two(_op))


@aten("add")
def add(ops: Ops, self: Any, other: Any, alpha: Any = 1) -> Any:
    """Self + alpha other."""
    return ops.add(self, other if alpha == 1 else ops.multiply(alpha, other))


@aten("sub", "subtract")
def sub(ops: Ops, self: Any, other: Any, alpha: Any = 1) -> Any:
    """Self - alpha other."""
    return ops.subtract(self, other if alpha == 1 else ops.multiply(alpha, other))


@aten("rsub")
def rsub(ops: Ops, self: Any, other: Any, alpha: Any = 1) -> Any:
    """Other - alpha self."""
    return sub(ops, other, self, alpha)


@aten("div", "true_divide")
def div(ops: Ops, self: Any, other: Any, rounding_mode: str | None = None) -> Any:
    """A quotient, or the whole number below it, or that nearer to 0."""
    made = ops.divide(self, other)
    return made if rounding_mode is None else ops.floor(made) if rounding_mode == "floor" else ops.trunc(made)


@aten("fmod")
def fmod(ops: Ops, self: Any, other: Any) -> Any:
    """What is left of a division, with the sign of what is divided."""
    return ops.subtract(self, ops.multiply(other, ops.trunc(ops.divide(self, other))))


@aten("pow")
def power(ops: Ops, self: Any, exponent: Any) -> Any:
    """A power."""
    return ops.power(self, exponent)


@aten("rsqrt")
def rsqrt(ops: Ops, self: Any) -> Any:
    """1 / sqrt(x)."""
    return ops.divide(1, ops.sqrt(self))


@aten("erfc")
def erfc(ops: Ops, self: Any) -> Any:
    """1 - erf(x)."""
    return ops.subtract(1, ops.erf(self))


@aten("frac")
def frac(ops: Ops, self: Any) -> Any:
    """What stands behind the point."""
    return ops.subtract(self, ops.trunc(self))


@aten("logit")
def logit(ops: Ops, self: Any, eps: float | None = None) -> Any:
    """log(p / (1 - p)), of a probability kept eps away from 0 and 1."""
    p = self if eps is None else ops.clip(self, eps, 1 - eps)
    return ops.subtract(ops.log(p), ops.log1p(ops.negative(p)))


@aten("rad2deg")
def rad2deg(ops: Ops, self: Any) -> Any:
    """Degrees."""
    return ops.multiply(self, 180 / math.pi)


@aten("deg2rad")
def deg2rad(ops: Ops, self: Any) -> Any:
    """Radians."""
    return ops.multiply(self, math.pi / 180)


@aten("logaddexp2")
def logaddexp2(ops: Ops, self: Any, other: Any) -> Any:
    """log2(2^x + 2^y)."""
    two = math.log(2)
    return ops.divide(ops.logaddexp(ops.multiply(self, two), ops.multiply(other, two)), two)


@aten("lerp")
def lerp(ops: Ops, self: Any, end: Any, weight: Any) -> Any:
    """From one to the other, part of the way."""
    return ops.add(self, ops.multiply(weight, ops.subtract(end, self)))


@aten("addcmul")
def addcmul(ops: Ops, self: Any, tensor1: Any, tensor2: Any, value: Any = 1) -> Any:
    """Self + value tensor1 tensor2."""
    return add(ops, self, ops.multiply(tensor1, tensor2), value)


@aten("addcdiv")
def addcdiv(ops: Ops, self: Any, tensor1: Any, tensor2: Any, value: Any = 1) -> Any:
    """Self + value tensor1 / tensor2."""
    return add(ops, self, ops.divide(tensor1, tensor2), value)


@aten("clamp")
def clamp(ops: Ops, self: Any, min: Any = None, max: Any = None) -> Any:
    """Not below the one, not above the other."""
    low = self if min is None else ops.maximum(self, min)
    return low if max is None else ops.minimum(low, max)


@aten("clamp_min")
def clamp_min(ops: Ops, self: Any, min: Any) -> Any:
    """Not below."""
    return ops.maximum(self, min)


@aten("clamp_max")
def clamp_max(ops: Ops, self: Any, max: Any) -> Any:
    """Not above."""
    return ops.minimum(self, max)


@aten("where")
def where(ops: Ops, condition: Any, self: Any, other: Any) -> Any:
    """The one where a mask holds, else the other."""
    return ops.where(condition, self, other)


@aten("masked_fill")
def masked_fill(ops: Ops, self: Any, mask: Any, value: Any) -> Any:
    """A number where a mask holds."""
    return ops.where(mask, value, self)


@aten("logical_xor")
def logical_xor(ops: Ops, self: Any, other: Any) -> Any:
    """Whether one of two holds."""
    return ops.not_equal(ops.where(self, 1, 0), ops.where(other, 1, 0))


def _bitwise(op: str) -> Callable:
    def made(ops: Ops, self: Any, other: Any) -> Any:
        if not all(isinstance(x, bool) or x.dtype.kind == "b" for x in (self, other)):
            raise ops.error("bits of whole numbers are not in the language", "of masks, which are bool, & and | are")
        return getattr(ops, op)(self, other)

    return made


aten("bitwise_and", "__and__")(_bitwise("logical_and"))
aten("bitwise_or", "__or__")(_bitwise("logical_or"))


# Activations.


@aten("gelu")
def gelu(ops: Ops, self: Any, approximate: str = "none") -> Any:
    """x Phi(x), exact or by a tanh."""
    return activations.gelu(ops, self, approximate)


@aten("elu")
def elu(ops: Ops, self: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Any:
    """x where x > 0, else alpha (exp(x) - 1)."""
    if scale == input_scale == 1:
        return ops.elu(self, alpha)
    below = ops.multiply(scale * alpha, ops.expm1(ops.multiply(input_scale, ops.minimum(self, 0))))
    return ops.where(ops.greater(self, 0), ops.multiply(scale, self), below)


@aten("celu")
def celu(ops: Ops, self: Any, alpha: float = 1) -> Any:
    """x where x > 0, else alpha (exp(x / alpha) - 1)."""
    return ops.where(ops.greater(self, 0), self, ops.multiply(alpha, ops.expm1(ops.divide(ops.minimum(self, 0), alpha))))


@aten("leaky_relu")
def leaky_relu(ops: Ops, self: Any, negative_slope: float = 0.01) -> Any:
    """x where x > 0, else slope x."""
    return ops.leaky_relu(self, negative_slope)


@aten("prelu", "_prelu_kernel")
def prelu(ops: Ops, self: Any, weight: Any) -> Any:
    """x where x > 0, else x times a parameter for each channel, the second axis."""
    if weight.ndim == 1 and self.ndim > 2:
        weight = weight[(slice(None), *[None] * (self.ndim - 2))]
    return ops.where(ops.greater(self, 0), self, ops.multiply(weight, self))


@aten("softplus")
def softplus(ops: Ops, self: Any, beta: float = 1, threshold: float = 20) -> Any:
    """log(1 + exp(beta x)) / beta; torch takes x itself where beta x is above a threshold, a difference below 1e-8."""
    return ops.softplus(self) if beta == 1 else ops.divide(ops.softplus(ops.multiply(beta, self)), beta)


@aten("hardtanh")
def hardtanh(ops: Ops, self: Any, min_val: float = -1, max_val: float = 1) -> Any:
    """Not below the one number, not above the other."""
    return ops.relu6(self) if (min_val, max_val) == (0, 6) else clamp(ops, self, min_val, max_val)


@aten("hardsigmoid")
def hardsigmoid(ops: Ops, self: Any) -> Any:
    """(x + 3) / 6 between 0 and 1."""
    return ops.divide(ops.relu6(ops.add(self, 3)), 6)


@aten("hardswish")
def hardswish(ops: Ops, self: Any) -> Any:
    """x times that."""
    return ops.multiply(self, hardsigmoid(ops, self))


@aten("hardshrink")
def hardshrink(ops: Ops, self: Any, lambd: float = 0.5) -> Any:
    """x but for small x."""
    return ops.where(ops.greater(ops.abs(self), lambd), self, 0)


@aten("softshrink")
def softshrink(ops: Ops, self: Any, lambd: float = 0.5) -> Any:
    """x, brought nearer to 0."""
    return ops.subtract(ops.relu(ops.subtract(self, lambd)), ops.relu(ops.subtract(ops.negative(self), lambd)))


@aten("threshold")
def threshold(ops: Ops, self: Any, threshold: float, value: float) -> Any:
    """x above a threshold, else a number."""
    return ops.where(ops.greater(self, threshold), self, value)


@aten("glu")
def glu(ops: Ops, self: Any, dim: int = -1) -> Any:
    """One half times the sigmoid of the other."""
    one, other = ops.split(self, 2, axis=dim)
    return ops.multiply(one, ops.sigmoid(other))
