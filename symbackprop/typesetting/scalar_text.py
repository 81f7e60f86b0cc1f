"""Scalars in NumPy notation."""

from collections.abc import Iterator
from contextlib import contextmanager

from sympy import Expr, Mul, Pow, S, Symbol
from sympy.printing.str import StrPrinter

from symbackprop.calculus.term import Entry, NonNegative, Positive
from symbackprop.memo import remembered
from symbackprop.typesetting.functions import language_names
from symbackprop.typesetting.numbers import decimal, fraction
from symbackprop.typesetting.wording import refusal

SUM, TERM, POWER, ATOM = range(4)


@remembered
def quotient(e: Expr) -> tuple[Expr, Expr]:
    """A scalar as numerator and denominator, as it stands."""
    over, under = S.One, S.One
    for f in Mul.make_args(e):
        if isinstance(f, Pow) and f.exp.could_extract_minus_sign():
            under *= Pow(f.base, -f.exp)
        elif f.is_Rational:
            top, bottom = fraction(abs(f))
            over, under = over * top * (1 if f > 0 else -1), under * bottom
        else:
            over *= f
    return over, under


class _Plain(StrPrinter):
    """Scalars of the index language as Python text. A bracket that is added or negated is a number there, not a truth value."""

    counted = False

    def _print_Positive(self, e):  # noqa: N802
        return self.bracket(f"{self.stringify(e.args, '')} > 0")

    def _print_NonNegative(self, e):  # noqa: N802
        return self.bracket(f"{self.stringify(e.args, '')} >= 0")

    def bracket(self, condition: str) -> str:
        """1 where the condition holds, else 0."""
        return f"where({condition}, 1, 0)" if self.counted else f"({condition})"

    def _print_Add(self, expr, order=None):  # noqa: N802
        with self.counting(True):
            return super()._print_Add(expr, order)

    def _print_Mul(self, expr):  # noqa: N802
        with self.counting(self.counted or expr.could_extract_minus_sign()):
            return super()._print_Mul(expr)

    @contextmanager
    def counting(self, counted: bool) -> Iterator[None]:
        """Whether brackets are numbers, for a while."""
        before, self.counted = self.counted, counted
        yield
        self.counted = before

    def _print_Rational(self, e):  # noqa: N802
        top, bottom = map(decimal, fraction(abs(e)))
        return ("-" if e < 0 else "") + (top if bottom == "1" else f"{top}/{bottom}")

    def _print_Function(self, e):  # noqa: N802
        name = type(e).__name__
        return f"{language_names().get(name, name)}({self.stringify(e.args, ', ')})"

    def _print_KroneckerDelta(self, e):  # noqa: N802
        raise refusal("shifted", e)


def is_bracket(e: Expr) -> bool:
    """Whether a scalar is a condition, or a product of conditions: a truth value in NumPy."""
    return all(isinstance(f, Positive | NonNegative) for f in Mul.make_args(e))


def scalar_text(e: Expr) -> tuple[str, int]:
    """A scalar as text, and how tightly it binds."""
    named = e.xreplace({a: Symbol(str(a) if a.indices else a.name, real=True) for a in e.atoms(Entry)})
    text = _Plain().doprint(named).replace("*", " * ").replace(" *  * ", "**").replace("/", " / ")
    level = SUM if e.is_Add or e.could_extract_minus_sign() else TERM if e.is_Mul or (e.is_Rational and fraction(abs(e))[1] != 1) else ATOM
    return text, POWER if isinstance(e, Pow) else level
