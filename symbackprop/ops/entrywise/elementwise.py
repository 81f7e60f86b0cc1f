"""Elementwise functions. A record is its law: a formula in plainer functions and brackets. Nobody writes a derivative.

To add one, imitate the record above it: what it is, then the law; the spelling in NumPy; where it is defined.
"""

from sympy import Abs, E, Expr, Function, Pow, Rational, S, erf, exp, log, pi, sqrt, tanh

from symbackprop.calculus.term import NonNegative, Positive
from symbackprop.ops.array import Array, Draft
from symbackprop.ops.broadcast import mapped
from symbackprop.ops.function import OWN
from symbackprop.ops.table import REAL, elementwise

POSITIVE = (0, None)
SELU_SCALE = Rational("1.0507009873554805")
SELU_ALPHA = Rational("1.6732632423543773")


@elementwise(numpy="np.log1p({0})", source="NumPy", domain=((-1, None),))
def log1p(x: Expr) -> Expr:
    """The logarithm of 1 + x, exact for small x.

    log1p(x) = log(1 + x)
    """
    return log(1 + x)


@elementwise(numpy="np.expm1({0})", source="NumPy", own_value=False)
def expm1(x: Expr) -> Expr:
    """The exponential less 1, exact for small x.

    expm1(x) = exp(x) - 1
    """
    return exp(x) - 1


def _absolute_rule(x: Expr) -> Expr | None:
    content, rest = x.as_coeff_Mul()
    if content != 1:
        return abs(content) * absolute(rest)
    return x if isinstance(x, Function | Pow) and x.is_nonnegative else None


@elementwise(
    numpy="np.abs({0})",
    latex=r"\left|#1\right|",
    source="NumPy",
    kinks=("0 at 0",),
    names=("abs", "absolute"),
    rewrite_rule=_absolute_rule,
    even_powers=lambda x: x,
    price=1,
    is_nonnegative=True,
)
def absolute(x: Expr) -> Expr:
    """The absolute value.

    abs(x) = x [x > 0] - x [-x > 0]
    """
    return x * Positive(x) - x * Positive(-x)


OWN[Abs] = absolute


@elementwise(
    numpy="np.sign({0})",
    latex=r"\operatorname{sgn}\left(#1\right)",
    source="NumPy",
    kinks=("0 at 0",),
    recognised=True,
    price=1,
)
def sign(x: Expr) -> Expr:
    """The sign: -1, 0 or 1.

    sign(x) = [x > 0] - [-x > 0]
    """
    return Positive(x) - Positive(-x)


def _relu_rule(x: Expr) -> Expr | None:
    return x if isinstance(x, Function | Pow) and x.is_nonnegative else None


@elementwise(
    numpy="np.maximum({0}, 0.0)",
    latex=r"\operatorname{ReLU}\left(#1\right)",
    source="Nair, Hinton 2010",
    kinks=("0 at 0",),
    rewrite_rule=_relu_rule,
    price=1,
    is_nonnegative=True,
    activation=True,
)
def relu(x: Expr) -> Expr:
    """The positive part.

    relu(x) = x [x > 0]
    """
    return x * Positive(x)


def _maximum_rule(x: Expr, y: Expr) -> Expr | None:
    if x == y:
        return x
    if y == 0:
        return relu(x)
    return maximum(y, x) if x.is_Number and not y.is_Number else None


@elementwise(
    numpy="np.maximum({0}, {1})",
    latex=r"\max\left(#1, #2\right)",
    source="NumPy",
    kinks=("to y as of relu",),
    rewrite_rule=_maximum_rule,
    price=1,
)
def maximum(x: Expr, y: Expr) -> Expr:
    """The larger of two.

    maximum(x, y) = x [x > y] + y [x <= y]
    """
    return x * Positive(x - y) + y * NonNegative(y - x)


def _minimum_rule(x: Expr, y: Expr) -> Expr | None:
    if x == y:
        return x
    return minimum(y, x) if x.is_Number and not y.is_Number else None


@elementwise(
    numpy="np.minimum({0}, {1})",
    latex=r"\min\left(#1, #2\right)",
    source="NumPy",
    kinks=("to y",),
    rewrite_rule=_minimum_rule,
    price=1,
)
def minimum(x: Expr, y: Expr) -> Expr:
    """The smaller of two.

    minimum(x, y) = x [x < y] + y [x >= y]
    """
    return x * Positive(y - x) + y * NonNegative(x - y)


def _build_clip(draft: Draft, x: Array, a_min: Array | None = None, a_max: Array | None = None) -> Array:
    if a_min is None and a_max is None:
        raise draft.error("clip needs a lower or an upper bound", fix="write clip(x, -1, 1)")
    above = x if a_min is None else mapped(maximum)(draft, x, a_min)
    return above if a_max is None else mapped(minimum)(draft, above, a_max)


@elementwise(
    numpy="np.clip({0}, {1}, {2})",
    latex=r"\min\left(\max\left(#1, #2\right), #3\right)",
    source="NumPy",
    kinks=("0 at bounds",),
    inline=True,
    build=_build_clip,
)
def clip(x: Expr, a_min: Expr | None = None, a_max: Expr | None = None) -> Expr:
    """What is outside two bounds moved to them; either bound may be None.

    clip(x, a, b) = minimum(maximum(x, a), b)
    """
    return minimum(maximum(x, a_min), a_max)


@elementwise(
    numpy="np.exp(-np.logaddexp(0.0, -{0}))",
    latex=r"\sigma\left(#1\right)",
    source="torch.nn.functional.sigmoid",
    stable=lambda x: (1 + tanh(x / 2)) / 2,
    recognised=True,
    mirrored=lambda x, y: 1 - y,
    is_positive=True,
    activation=True,
)
def sigmoid(x: Expr) -> Expr:
    """The logistic function.

    sigmoid(x) = 1 / (1 + exp(-x))
    """
    return 1 / (1 + exp(-x))


@elementwise(
    numpy="np.maximum({0}, 0.0) + {1} * np.minimum({0}, 0.0)",
    source="Maas, Hannun, Ng 2013",
    domain=(REAL, POSITIVE),
    kinks=("negative side",),
    stable=lambda x, a: relu(x) + a * minimum(x, S.Zero),
    activation=True,
)
def leaky_relu(x: Expr, negative_slope: Expr = 0.01) -> Expr:
    """The positive part, and a small multiple of the negative part.

    leaky_relu(x, a) = x [x > 0] + a x [x <= 0]
    """
    return x * Positive(x) + negative_slope * x * NonNegative(-x)


@elementwise(
    numpy="np.maximum({0}, 0.0) + {1} * np.expm1(np.minimum({0}, 0.0))",
    source="Clevert, Unterthiner, Hochreiter 2016",
    domain=(REAL, POSITIVE),
    kinks=("alpha at 0",),
    stable=lambda x, a: relu(x) + a * expm1(minimum(x, S.Zero)),
    own_value=False,
    activation=True,
)
def elu(x: Expr, alpha: Expr = 1.0) -> Expr:
    """The exponential linear unit.

    elu(x, a) = x [x > 0] + a (exp(x) - 1) [x <= 0]
    """
    return x * Positive(x) + alpha * (exp(x) - 1) * NonNegative(-x)


@elementwise(
    numpy="1.0507009873554805 * (np.maximum({0}, 0.0) + 1.6732632423543773 * np.expm1(np.minimum({0}, 0.0)))",
    source="Klambauer et al. 2017",
    kinks=("exponential side",),
    stable=lambda x: SELU_SCALE * relu(x) + SELU_SCALE * SELU_ALPHA * expm1(minimum(x, S.Zero)),
    own_value=False,
    activation=True,
)
def selu(x: Expr) -> Expr:
    """The scaled exponential linear unit; s = 1.0507009873554805, a = 1.6732632423543773.

    selu(x) = s x [x > 0] + s a (exp(x) - 1) [x <= 0]
    """
    return SELU_SCALE * x * Positive(x) + SELU_SCALE * SELU_ALPHA * (exp(x) - 1) * NonNegative(-x)


@elementwise(
    numpy="0.5 * {0} * (1.0 + erf(0.70710678118654752440 * {0}))",
    latex=r"\operatorname{GELU}\left(#1\right)",
    source="Hendrycks, Gimpel 2016",
    stable=lambda x: x * (1 + erf(x / sqrt(2))) / 2,
    activation=True,
)
def gelu(x: Expr) -> Expr:
    """The Gaussian error linear unit, exact.

    gelu(x) = x (1 + erf(x / sqrt(2))) / 2
    """
    return x * (1 + erf(x / sqrt(2))) / 2


@elementwise(
    numpy="{0} * np.exp(-np.logaddexp(0.0, -{0}))",
    latex=r"\operatorname{SiLU}\left(#1\right)",
    source="Elfwing, Uchibe, Doya 2018",
    stable=lambda x: x * sigmoid(x),
    names=("silu", "swish"),
    activation=True,
)
def silu(x: Expr) -> Expr:
    """The sigmoid linear unit.

    silu(x) = x sigmoid(x)
    """
    return x * sigmoid(x)


@elementwise(numpy="np.logaddexp(0.0, {0})", source="Dugas et al. 2001", mirrored=lambda x, y: y - x, is_positive=True, activation=True)
def softplus(x: Expr) -> Expr:
    """The smooth positive part.

    softplus(x) = log(1 + exp(x))
    """
    return log(1 + exp(x))


@elementwise(
    numpy="{0} * np.tanh(np.logaddexp(0.0, {0}))",
    source="Misra 2019",
    stable=lambda x: x * tanh(softplus(x)),
    activation=True,
)
def mish(x: Expr) -> Expr:
    """A smooth, self-gated activation.

    mish(x) = x tanh(softplus(x))
    """
    return x * tanh(softplus(x))


@elementwise(
    numpy="-np.logaddexp(0.0, -{0})",
    source="torch.nn.functional.logsigmoid",
    inline=True,
    names=("logsigmoid", "log_sigmoid"),
    activation=True,
)
def logsigmoid(x: Expr) -> Expr:
    """The logarithm of the logistic function, without overflow.

    logsigmoid(x) = -softplus(-x)
    """
    return -softplus(-x)


@elementwise(numpy="{0} / (1.0 + np.abs({0}))", source="torch.nn.functional.softsign", inline=True, activation=True)
def softsign(x: Expr) -> Expr:
    """A rational sigmoid.

    softsign(x) = x / (1 + abs(x))
    """
    return x / (1 + absolute(x))


@elementwise(numpy="np.log({0}) / np.log(2.0)", source="NumPy", domain=(POSITIVE,), inline=True)
def log2(x: Expr) -> Expr:
    """The binary logarithm.

    log2(x) = log(x) / log(2)
    """
    return log(x) / log(S(2))


@elementwise(numpy="np.log10({0})", source="NumPy", domain=(POSITIVE,), inline=True)
def log10(x: Expr) -> Expr:
    """The decimal logarithm.

    log10(x) = log(x) / log(10)
    """
    return log(x) / log(S(10))


@elementwise(numpy="np.exp2({0})", latex="2^{#1}", source="NumPy", inline=True)
def exp2(x: Expr) -> Expr:
    """Two to the power of x.

    exp2(x) = 2^x
    """
    return S(2) ** x


@elementwise(numpy="np.clip({0}, 0.0, 6.0)", source="torch.nn.functional.relu6", kinks=("0 at 0 and 6",), inline=True, activation=True)
def relu6(x: Expr) -> Expr:
    """The positive part, at most 6.

    relu6(x) = minimum(relu(x), 6)
    """
    return minimum(relu(x), S(6))


CONSTANTS = {"pi": pi, "np.pi": pi, "np.e": E}
"""Numbers that have a name; those of NumPy also where a tensor is called pi."""
