"""Elementwise functions whose values are whole numbers: their derivative is 0 wherever they have one."""

from sympy import Expr
from sympy import floor as sympy_floor

from symbackprop.ops.entrywise.elementwise import absolute, sign
from symbackprop.ops.table import elementwise


@elementwise(
    numpy="np.floor({0})",
    latex=r"\left\lfloor #1 \right\rfloor",
    source="NumPy",
    kinks=("jumps at whole numbers",),
    stepwise=True,
    price=1,
)
def floor(x: Expr) -> Expr:
    """The largest whole number that is not larger.

    floor(x)
    """
    return sympy_floor(x)


@elementwise(numpy="np.ceil({0})", latex=r"\left\lceil #1 \right\rceil", source="NumPy", kinks=("jumps at whole numbers",), inline=True)
def ceil(x: Expr) -> Expr:
    """The smallest whole number that is not smaller.

    ceil(x) = -floor(-x)
    """
    return -floor(-x)


@elementwise(numpy="np.trunc({0})", source="NumPy", kinks=("jumps at whole numbers",), inline=True)
def trunc(x: Expr) -> Expr:
    """The whole number before the point.

    trunc(x) = sign(x) floor(|x|)
    """
    return sign(x) * floor(absolute(x))
