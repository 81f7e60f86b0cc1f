"""What stands in front of a sum is valid for every base: negative, 0 and positive, under masks and without."""

import numpy as np
import pytest
from sympy import Add, Integer, Mul, Pow, Rational, acos

import symbackprop.calculus.factors as factors
from symbackprop import derivative
from symbackprop.calculus.factors import cancelled, factored
from symbackprop.calculus.term import Entry, NonNegative, Positive
from symbackprop.verification.oracle.literal import evaluate_expression

X, Y = Entry("x"), Entry("y")
EXPONENTS = [Rational(p, q) for p in (-3, -2, -1, 1, 2, 3) for q in (1, 2, 3)]
BASES = [X, -X, Y, X - Y, X**2 + 1, acos(X)]
MASKS = [Positive(X), NonNegative(X), Positive(-X), NonNegative(-X), Positive(Y), NonNegative(X - Y), Positive(X) + Positive(-X)]
DATA = [(x, y) for x in (-1.5, 0.0, 0.7, 2.0) for y in (-0.3, 0.0, 1.2)]


def drawn(rng):
    """A sum of products of powers of few bases, with and without masks, as derivations make it."""

    def term(shared):
        some = [Pow(BASES[rng.integers(len(BASES))], EXPONENTS[rng.integers(len(EXPONENTS))]) for _ in range(rng.integers(0, 3))]
        masks = [MASKS[rng.integers(len(MASKS))] for _ in range(rng.integers(0, 3))]
        return Mul(Integer(int(rng.integers(1, 4))), Pow(shared, EXPONENTS[rng.integers(len(EXPONENTS))]), *some, *masks)

    shared = BASES[rng.integers(len(BASES))]
    return Add(*[term(shared) for _ in range(rng.integers(2, 4))])


def values(e):
    with np.errstate(all="ignore"):
        return [float(evaluate_expression(e, (), {"x": np.array(x), "y": np.array(y)}, {})) for x, y in DATA]


def lost(law, e):
    """Where a law takes a value from `e`, or changes it."""
    before, after = values(e), values(law(e))
    return [(d, a, b) for d, a, b in zip(DATA, before, after, strict=True) if np.isfinite(a) and not np.isclose(a, b, 1e-9, 1e-9)]


def property_of(law, count):
    rng = np.random.default_rng(3)
    for _ in range(count):
        e = drawn(rng)
        assert lost(law, e) == [], e


@pytest.mark.parametrize("law", [factored, cancelled])
def test_a_sum_keeps_its_values(law):
    property_of(law, 150)


@pytest.mark.slow
@pytest.mark.parametrize("law", [factored, cancelled])
def test_many_sums_keep_their_values(law):
    property_of(law, 2000)


def test_control_without_its_precondition_factoring_is_caught(monkeypatch):
    monkeypatch.setattr(factors, "_may_part", lambda *_: True)
    with pytest.raises(AssertionError):
        property_of(factored, 150)


def test_roots_on_both_sides_of_0():
    result = derivative("sum(where(x < 0, -sqrt(-x), sqrt(x)))", {"x": "n"}, "x")
    x = np.array([-2.0, -0.5, 0.5, 2.0])
    assert np.allclose(result.evaluate(x=x), 0.5 / np.sqrt(np.abs(x)), rtol=1e-14)


def test_a_power_of_a_product_has_its_slope_where_a_factor_is_0():
    slope = derivative("sum((x * y) ** 1.5 + (-x) ** 1.5)", {"x": "n", "y": "n"}, "x").evaluate
    assert np.allclose(slope(x=np.array([0.0, -2.0]), y=np.array([3.0, -1.0])), [0, -1.5 * 2**0.5 - 1.5 * 2**0.5])


@pytest.mark.parametrize(("power", "p"), [("0.5", 0.5), ("1.5", 1.5), ("(1/3)", 1 / 3), ("(-0.5)", -0.5), ("(2/3)", 2 / 3)])
def test_any_power_of_what_may_be_negative(power, p):
    slope = derivative(f"sum(where(x < 0, x * (-x) ** {power}, x ** {power} / x))", {"x": "n"}, "x").evaluate
    x = np.array([-2.0, -0.3, 0.4, 1.7])
    assert np.allclose(slope(x=x), np.where(x < 0, (1 + p) * np.abs(x) ** p, (p - 1) * np.abs(x) ** (p - 2)), rtol=1e-13)
