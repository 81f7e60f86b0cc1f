"""Arithmetic: ops whose formula itself stands in equations. Sums may stand in terms and factors, nowhere else."""

from sympy import Abs, Add, Dummy, Expr, Pow, S, nan, oo, zoo

from symbackprop.calculus.index import free_indices
from symbackprop.calculus.term import Entry
from symbackprop.errors import ParseError
from symbackprop.ops.array import Array, Draft, Indices, constant
from symbackprop.ops.broadcast import mapped
from symbackprop.ops.entrywise.elementwise import absolute
from symbackprop.ops.table import REAL, elementwise

POSITIVE = (0, None)
LARGE = 10_000
"""A number that a sum is not multiplied out with."""
MOST_DIGITS = 400
MOST_EXPONENT = 10_000
"""Of a number in an expression, written out or worked out."""
SQUARE = "right where the square of {} does not underflow: from 1e-154 on, in float32 from 1e-19 on"


def power_of(x: Expr, y: Expr) -> Expr:
    """x ** y; the root of a square is the absolute value of this language."""
    made = Pow(x, y)
    # SymPy writes sqrt(x^2) as its own Abs, whose derivatives leave the language.
    return made if y.is_Integer else made.replace(Abs, absolute)


def build_divide(draft: Draft, x: Array, y: Array) -> Array:
    """x / y: a sum may stand in x, not in y."""
    below = draft.plain(y)
    if _is_zero(draft, below):
        raise draft.error("a division by zero", ParseError, arrays=[y], fix="divide by something else")
    return mapped(lambda a, b: a / b, linear=True)(draft, x, below)


def build_multiply(draft: Draft, x: Array, y: Array) -> Array:
    """x * y: of a large number times a sum, as (1 - mask) * -1e9, the sum has an equation of its own.

    SymPy would multiply out, and 1e9 - 1e9 forgets the digits of what is added between.
    """
    for number, other in ((x, y), (y, x)):
        large = number.number is not None and number.number.is_Rational and abs(number.number) >= LARGE
        if large and other.rank and isinstance(draft.term(other).at(free_indices(other.axes)), Add):
            ready = draft.ground(draft.term(other))
            x, y = (number, ready) if number is x else (ready, number)
            break
    return mapped(lambda a, b: a * b, linear=True)(draft, x, y)


def build_power(draft: Draft, x: Array, y: Array) -> Array:
    """x ** y: an even power of a square root is a power of what stands under it."""
    exponent = y.at(()) if y.rank == 0 and not y.sums and y.call is None else None
    if exponent == 1:
        return x
    if x.number is not None and exponent is not None and x.number.is_Rational:
        _check_power(draft, x.number, exponent)
    if x.root is not None and exponent is not None and exponent.is_Integer and exponent % 2 == 0:
        return build_power(draft, x.root, constant(exponent / 2))
    if exponent == S.Half:
        return build_sqrt(draft, x)
    base, power = draft.plain(x), draft.plain(y)
    _check_exponent(draft, base, exponent)
    unsure = exponent is not None and not exponent.has(Entry) and not exponent.is_nonnegative
    worked_out = x.number is not None and exponent is not None and exponent.is_number
    if unsure and not worked_out and _is_zero(draft, base):
        fix = "write the power out: it is 0, 1 or infinite by the sign of its exponent"
        raise draft.error("a power of 0 whose exponent is not known to be positive", ParseError, fix=fix)
    if base.at(free_indices(base.axes)).is_negative and not _is_whole(draft, power):
        raise _no_power(draft)
    return mapped(power_of)(draft, base, power)


def _is_zero(draft: Draft, x: Array) -> bool:
    """Whether all entries are 0, by what they say or by the equations of the tensors that they are made of."""
    value = x.at(free_indices(x.axes))
    nothing = {e.name for e in draft.equations if e.rhs == 0}
    return value.xreplace({a: S.Zero for a in value.atoms(Entry) if a.name in nothing}) == 0


def _is_whole(draft: Draft, y: Array) -> bool:
    """Whether all entries are whole numbers: sizes, places, index arrays."""
    value = y.at(free_indices(y.axes))
    whole = {a: Dummy(integer=True) for a in value.atoms(Entry) if draft.tensors[a.name].role == "index"}
    return bool(value.xreplace(whole).is_integer)


def _no_power(draft: Draft) -> Exception:
    return draft.error("a power of a negative number is real only for whole exponents", ParseError, fix="take a positive base")


def _check_power(draft: Draft, base: Expr, exponent: Expr) -> None:
    """Raise ParseError for a power that is no real number, or has too many digits even to be worked out."""
    if base.is_negative and not exponent.is_integer:
        raise _no_power(draft)
    if exponent.is_Rational and base not in (0, 1, -1):
        longest = max(len(str(abs(base.p))), len(str(base.q)))
        if abs(exponent) * (longest - S.Half) > 2 * MOST_DIGITS:
            raise _too_long(draft)


def _check_exponent(draft: Draft, base: Array, exponent: Expr | None) -> None:
    """Raise ParseError for an exponent with which numbers in the base, or put there, could not be worked out."""
    if exponent is None or not exponent.is_Number:
        return
    inner = [abs(f.exp) for f in base.at(free_indices(base.axes)).atoms(Pow) if f.exp.is_Number]
    if abs(exponent) * max([S.One, *inner]) > MOST_EXPONENT:
        reason = f"an exponent of more than {MOST_EXPONENT}"
        raise draft.error(reason, ParseError, fix="write exp(k * log(x)), or make the exponent an argument: a tensor without axes")


def _too_long(draft: Draft) -> Exception:
    reason = f"a number of more than {MOST_DIGITS} digits"
    return draft.error(reason, ParseError, fix="make it an argument: a tensor without axes")


def number(draft: Draft, made: Array) -> Array:
    """An op on numbers, worked out. Raises ParseError where that is no real number, or too long a one."""
    value = made.at(())
    if value.is_Rational and max(abs(value.p), value.q) >= 10**MOST_DIGITS:
        raise _too_long(draft)
    if value.is_number and (value.is_extended_real is False or value.has(zoo, nan, oo)):
        raise draft.error("this is not a real number", ParseError, fix="give the function a number of its domain")
    return constant(value)


def build_sqrt(draft: Draft, x: Array) -> Array:
    """sqrt(x), which remembers x in case it is squared."""

    def at(indices: Indices) -> Expr:
        # Only when the root itself is asked for: a root that is squared needs no equation for what stands under it.
        return power_of(draft.plain(x).at(indices), S.Half)

    return Array(x.axes, at, root=x)


@elementwise(numpy="{0} + {1}", latex="#1 + #2", source="NumPy", inline=True, build=mapped(lambda x, y: x + y, linear=True, adds=True))
def add(x: Expr, y: Expr) -> Expr:
    """Sum, entry by entry.

    add(x, y) = x + y
    """
    return x + y


@elementwise(numpy="{0} - {1}", latex="#1 - #2", source="NumPy", inline=True, build=mapped(lambda x, y: x - y, linear=True, adds=True))
def subtract(x: Expr, y: Expr) -> Expr:
    """Difference, entry by entry.

    subtract(x, y) = x - y
    """
    return x - y


@elementwise(numpy="-{0}", latex="-#1", source="NumPy", inline=True, build=mapped(lambda x: -x, linear=True))
def negative(x: Expr) -> Expr:
    """The opposite.

    negative(x) = -x
    """
    return -x


@elementwise(numpy="{0}", latex="#1", source="NumPy", inline=True, build=lambda draft, x: x)
def positive(x: Expr) -> Expr:
    """The same value.

    positive(x) = x
    """
    return x


@elementwise(numpy="{0} * {1}", latex=r"#1 \, #2", source="NumPy", inline=True, build=build_multiply)
def multiply(x: Expr, y: Expr) -> Expr:
    """Product, entry by entry.

    multiply(x, y) = x y
    """
    return x * y


@elementwise(
    numpy="{0} / {1}",
    latex=r"\frac{#1}{#2}",
    source="NumPy",
    domain=(REAL, POSITIVE),
    inline=True,
    build=build_divide,
    accuracy=SQUARE.format("y"),
)
def divide(x: Expr, y: Expr) -> Expr:
    """Quotient, entry by entry.

    divide(x, y) = x / y
    """
    return x / y


@elementwise(
    numpy="{0} ** {1}",
    latex="{#1}^{#2}",
    source="NumPy",
    domain=(POSITIVE, REAL),
    inline=True,
    build=build_power,
    accuracy=SQUARE.format("x"),
)
def power(x: Expr, y: Expr) -> Expr:
    """Power, entry by entry.

    power(x, y) = x^y
    """
    return power_of(x, y)


@elementwise(numpy="np.sqrt({0})", latex=r"\sqrt{#1}", source="NumPy", domain=(POSITIVE,), inline=True, build=build_sqrt)
def sqrt(x: Expr) -> Expr:
    """The square root.

    sqrt(x) = x^(1/2)
    """
    return power_of(x, S.Half)


@elementwise(numpy="{0} ** 2", latex="{#1}^{2}", source="NumPy", inline=True, build=lambda draft, x: build_power(draft, x, constant(S(2))))
def square(x: Expr) -> Expr:
    """The square.

    square(x) = x^2
    """
    return x**2


@elementwise(numpy="1.0 / {0}", latex=r"\frac{1}{#1}", source="NumPy", domain=(POSITIVE,), inline=True)
def reciprocal(x: Expr) -> Expr:
    """One over x.

    reciprocal(x) = 1 / x
    """
    return 1 / x
