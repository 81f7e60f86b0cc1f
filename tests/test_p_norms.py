"""Roots of sums of powers, of every order: derived, written and true, also where exponents are the long decimals of a float."""

from fractions import Fraction

import numpy as np
import pytest
from sympy import Abs, Rational

import symbackprop as sbp
from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.term import Entry
from symbackprop.derivation.turns import vanishes
from symbackprop.language.tracing.values.value import meant

FORMS = {
    "sum(abs(x)**{p})**({q})": {"x": "n"},
    "sum(abs(A @ x - b)**{p})**({q})": {"A": "m n", "x": "n", "b": "m"},
    "sum(sum(abs(x)**{p}, axis=1)**({q}))": {"x": "n m"},
    "mean(x**2)**({q})": {"x": "n"},
}
LONG = ["0.6180339887498949", "2.718281828459045", "0.3333333333333333"]


def holds(text: str, shapes: dict[str, str], order: int) -> bool:
    found = sbp.derivative(text, shapes, "x", order=order)
    assert found.latex("index")
    return sbp.verify(found).ok


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("p", ["3", "1.5", *LONG])
def test_a_p_norm_has_its_derivatives(p: str, order: int) -> None:
    assert holds(f"sum(abs(x)**{p})**(1/{p})", {"x": "n"}, order)


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("p", ["1", "2", "3", "4", "5", "2.5", "1.1", "(7/3)", *LONG])
@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_of_it_has(form: str, p: str, order: int) -> None:
    shapes = FORMS[form]
    for q in (f"1/{p}", repr(1 / float(Fraction(p.strip("()"))))):
        assert holds(form.format(p=p, q=q), shapes, order)


@pytest.mark.parametrize("exponent", ["1/3", 1 / 3, 2 / 3 - 1e-15])
def test_powers_that_no_memory_holds_are_compared_in_digits(exponent: float | str) -> None:
    a, b = (Entry(name, Index("i", axis("n"))) for name in "ab")
    long = Rational(str(exponent))
    assert vanishes((1 + Abs(a)) ** long * (2 + b**2) ** (1 - long) * (2 + b**2) ** long - (1 + Abs(a)) ** long * (2 + b**2))
    assert vanishes((1 + a**2) ** long - (1 + a**2) ** (long + Rational(1, 10**12))) is False


def test_a_fraction_that_python_has_computed_is_one() -> None:
    assert [str(meant(v)) for v in (1 / 3, -1 / 7, 0.1, 0.3333, 2.5e-20)] == ["1/3", "-1/7", "1/10", "3333/10000", "1/40000000000000000000"]
    assert str(meant(0.6180339887498949)) == "6180339887498949/10000000000000000"


def test_a_traced_norm_is_that_of_the_text() -> None:
    def loss(x: "n", p=3):  # noqa: F821
        return np.sum(np.abs(x) ** p) ** (1 / p)

    model = sbp.trace(loss, parameters=["x"])
    assert sbp.check(model, "dJ/dx == x * abs(x) / J**2").ok
    assert "def hessian(" in sbp.generate(model, also=["hessian", "hvp"]).source
    x = np.array([0.5, -2.0, 1.5])
    found, expected = sbp.hessian(loss)(x), sbp.derivative("sum(abs(x)**3)**(1/3)", {"x": "n"}, "x", order=2).evaluate(x=x)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_rounding_leaves_of_nothing_refutes_nothing() -> None:
    """With one entry above 0 the norm is linear, and terms of its Hessian cancel to 0 in one order and to 4e-16 in another."""
    report = sbp.verify(sbp.derivative("sum(maximum(x, 0)**3)**(1/3)", {"x": "n"}, "x", order=2))
    assert not [v for v in report.verdicts if v.status == "wrong"]
