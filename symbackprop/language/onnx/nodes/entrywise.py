"""Records of ONNX ops that work entry by entry: functions of numbers, arithmetic, comparisons, activations."""

from collections.abc import Callable, Sequence
from typing import Any

from symbackprop.language.graphs import activations
from symbackprop.language.onnx.nodes.records import Nodes, node

UNARY = {
    "Abs": "abs",
    "Acos": "arccos",
    "Acosh": "arccosh",
    "Asin": "arcsin",
    "Asinh": "arcsinh",
    "Atan": "arctan",
    "Atanh": "arctanh",
    "Ceil": "ceil",
    "Cos": "cos",
    "Cosh": "cosh",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "Log": "log",
    "Mish": "mish",
    "Neg": "negative",
    "Not": "logical_not",
    "Reciprocal": "reciprocal",
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Sign": "sign",
    "Sin": "sin",
    "Sinh": "sinh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Sqrt": "sqrt",
    "Tan": "tan",
    "Tanh": "tanh",
}
"""Functions of one array that the language has under some name."""
BINARY = {
    "Add": "add",
    "And": "logical_and",
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Mul": "multiply",
    "Or": "logical_or",
    "Sub": "subtract",
}
"""Functions of two arrays that the language has under some name."""
OF_WHOLE = {"Abs", "Neg", "Sign", *BINARY}


def _one(op: str) -> Callable:
    return lambda ops, X: getattr(ops, op)(X)


def _two(op: str) -> Callable:
    return lambda ops, A, B: getattr(ops, op)(A, B)


for _name, _op in UNARY.items():
    node(_name, whole=_name in OF_WHOLE or _name == "Not")(_one(_op))
for _name, _op in BINARY.items():
    node(_name, whole=_name in OF_WHOLE)(_two(_op))


@node("Div", whole=True)
def div(ops: Nodes, A: Any, B: Any) -> Any:
    """A quotient; of whole numbers the whole number towards 0."""
    made = ops.divide(A, B)
    return ops.trunc(made) if ops.kinds[0] not in (1, 11) else made


@node("Mod", whole=True)
def mod(ops: Nodes, A: Any, B: Any, fmod: int = 0) -> Any:
    """What is left of a division, with the sign of the divisor, or with fmod of what is divided."""
    times = ops.divide(A, B)
    return ops.subtract(A, ops.multiply(B, ops.trunc(times) if fmod else ops.floor(times)))


@node("Pow", numbers=("Y",))
def power(ops: Nodes, X: Any, Y: Any) -> Any:
    """A power."""
    return ops.power(X, Y)


@node("Xor", whole=True)
def xor(ops: Nodes, A: Any, B: Any) -> Any:
    """Whether one of two holds."""
    return ops.not_equal(ops.where(A, 1, 0), ops.where(B, 1, 0))


def _folded(op: str) -> Callable:
    def folded(ops: Nodes, data_0: Sequence[Any]) -> Any:
        made = data_0[0]
        for x in data_0[1:]:
            made = getattr(ops, op)(made, x)
        return made

    return folded


for _name, _op in {"Sum": "add", "Max": "maximum", "Min": "minimum"}.items():
    node(_name, whole=True)(_folded(_op))


@node("Mean")
def mean(ops: Nodes, data_0: Sequence[Any]) -> Any:
    """The mean of some arrays."""
    return ops.divide(_folded("add")(ops, data_0), len(data_0))


@node("Where", whole=True, moves=True)
def where(ops: Nodes, condition: Any, X: Any, Y: Any) -> Any:
    """The one where a condition holds, else the other."""
    if ops.kinds[0] == 9:
        return ops.logical_or(ops.logical_and(condition, X), ops.logical_and(ops.logical_not(condition), Y))
    return ops.where(condition, X, Y)


@node("Clip", numbers=("min", "max"), whole=True)
def clip(ops: Nodes, input: Any, min: Any = None, max: Any = None) -> Any:
    """Not below the one, not above the other."""
    low = input if min is None else ops.maximum(input, min)
    return low if max is None else ops.minimum(low, max)


@node("Round")
def rounded(ops: Nodes, X: Any) -> Any:
    """The nearest whole number, of two the even one."""
    low = ops.floor(X)
    rest = ops.subtract(X, low)
    odd = ops.subtract(low, ops.multiply(2, ops.floor(ops.divide(low, 2))))
    up = ops.where(ops.greater(rest, 0.5), 1, ops.where(ops.less(rest, 0.5), 0, odd))
    return ops.add(low, up)


# Activations.


@node("Elu")
def elu(ops: Nodes, X: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, else alpha (exp(x) - 1)."""
    return ops.elu(X, alpha)


@node("Celu")
def celu(ops: Nodes, X: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, else alpha (exp(x / alpha) - 1)."""
    return ops.where(ops.greater(X, 0), X, ops.multiply(alpha, ops.expm1(ops.divide(ops.minimum(X, 0), alpha))))


@node("Selu")
def selu(ops: Nodes, X: Any, alpha: float = 1.6732632, gamma: float = 1.050701) -> Any:
    """gamma times x where x > 0, else gamma alpha (exp(x) - 1)."""
    return ops.multiply(gamma, ops.where(ops.greater(X, 0), X, ops.multiply(alpha, ops.expm1(ops.minimum(X, 0)))))


@node("LeakyRelu")
def leaky_relu(ops: Nodes, X: Any, alpha: float = 0.01) -> Any:
    """x where x > 0, else alpha x."""
    return ops.leaky_relu(X, alpha)


@node("PRelu")
def prelu(ops: Nodes, X: Any, slope: Any) -> Any:
    """x where x > 0, else x times a slope."""
    return ops.where(ops.greater(X, 0), X, ops.multiply(slope, X))


@node("ThresholdedRelu")
def thresholded_relu(ops: Nodes, X: Any, alpha: float = 1.0) -> Any:
    """x above a threshold, else 0."""
    return ops.where(ops.greater(X, alpha), X, 0)


@node("HardSigmoid")
def hard_sigmoid(ops: Nodes, X: Any, alpha: float = 0.2, beta: float = 0.5) -> Any:
    """alpha x + beta between 0 and 1."""
    return ops.minimum(ops.maximum(ops.add(ops.multiply(alpha, X), beta), 0), 1)


@node("HardSwish")
def hard_swish(ops: Nodes, X: Any) -> Any:
    """x times x / 6 + 1/2 between 0 and 1."""
    return ops.multiply(X, ops.divide(ops.relu6(ops.add(X, 3)), 6))


@node("Shrink")
def shrink(ops: Nodes, input: Any, bias: float = 0.0, lambd: float = 0.5) -> Any:
    """x, brought nearer to 0 by bias; 0 for small x."""
    below = ops.where(ops.less(input, -lambd), ops.add(input, bias), 0)
    return ops.where(ops.greater(input, lambd), ops.subtract(input, bias), below)


@node("Gelu")
def gelu(ops: Nodes, X: Any, approximate: str = "none") -> Any:
    """x Phi(x), exact or by a tanh."""
    return activations.gelu(ops, X, approximate)


@node("Swish")
def swish(ops: Nodes, X: Any, alpha: float = 1.0) -> Any:
    """x sigmoid(alpha x)."""
    return ops.silu(X) if alpha == 1 else ops.multiply(X, ops.sigmoid(ops.multiply(alpha, X)))


@node("SwiGLU")
def swiglu(ops: Nodes, A: Any, B: Any, alpha: float = 1.0) -> Any:
    """a sigmoid(alpha a) b."""
    return ops.multiply(swish(ops, A, alpha), B)
