"""Elementwise functions of two numbers."""

from sympy import Expr, S, atan2

from symbackprop.ops.broadcast import mapped
from symbackprop.ops.entrywise.arithmetic import SQUARE, power_of
from symbackprop.ops.entrywise.elementwise import absolute, softplus
from symbackprop.ops.table import REAL, elementwise


@elementwise(
    numpy="np.arctan2({0}, {1})",
    latex=r"\operatorname{atan2}\left(#1, #2\right)",
    source="NumPy; ISO C99, 7.12.4.4",
    kinks=("none at the origin, a jump by 2 pi",),
    accuracy=SQUARE.format("both arguments"),
    native=atan2,
)
def arctan2(y: Expr, x: Expr) -> Expr:
    """The angle of the point (x, y), from -pi to pi.

    arctan2(y, x)
    """
    return atan2(y, x)


def _hypot_rule(x: Expr, y: Expr) -> Expr | None:
    return absolute(x) if y == 0 else absolute(y) if x == 0 else None


@elementwise(
    numpy="np.hypot({0}, {1})",
    latex=r"\sqrt{#1^{2} + #2^{2}}",
    source="NumPy",
    kinks=("0 at the origin",),
    rewrite_rule=_hypot_rule,
    even_powers=lambda x, y: power_of(x**2 + y**2, S.Half),
    is_nonnegative=True,
)
def hypot(x: Expr, y: Expr) -> Expr:
    """The length of the vector (x, y), without overflow of its square.

    hypot(x, y) = sqrt(x^2 + y^2)
    """
    return power_of(x**2 + y**2, S.Half)


def _build_logaddexp(x: Expr, y: Expr) -> Expr:
    return softplus(y) if x == 0 else logaddexp(x, y)


@elementwise(
    numpy="np.logaddexp({0}, {1})",
    latex=r"\log\left(e^{#1} + e^{#2}\right)",
    source="NumPy",
    domain=(REAL, REAL),
    inline=True,
    build=mapped(_build_logaddexp),
)
def logaddexp(x: Expr, y: Expr) -> Expr:
    """The logarithm of the sum of two exponentials.

    logaddexp(x, y) = y + softplus(x - y)
    """
    return y + softplus(x - y)
