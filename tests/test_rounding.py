"""A difference is told from rounding, however small it is, and rounding from a difference, however large it looks."""

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.index import axis
from symbackprop.language.syntax import parse
from symbackprop.verification.claims.stated import state
from symbackprop.verification.oracle import rounding
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.oracle.rounding import judged

n = axis("n")
MODEL = sbp.model(tensors={"x": {"axes": "n", "role": "parameter"}}, equations={"J": "sum(x)"}).program


def judgement(left, right, values):
    stated = state(MODEL, parse(left), parse(right))
    program = stated.program.needed([stated.left, stated.right])
    arrays, sizes = {"x": np.array(values)}, {n: len(values)}
    with np.errstate(all="ignore"):
        return judged(program, arrays, sizes, evaluate(program, arrays, sizes), stated.left, stated.right)


SAME = [
    ("(x + 1) ** 2 - x ** 2 - 2 * x", "x ** 0", [3e4, -7e3]),
    ("log(1 + x ** 2)", "log1p(x ** 2)", [4e-4, -1e-5]),
    ("cosh(x) ** 2 - sinh(x) ** 2", "x ** 0", [20.0, -15.0]),
    ("mean(x ** 2) - mean(x) ** 2", "var(x)", [1e4, 1e4 + 1e-3]),
    ("exp(x) * exp(-x ** 2)", "exp(x - x ** 2)", [27.0, 26.5]),
    ("x - x * cos(x) ** 2 - x * sin(x) ** 2", "0 * x", [0.7, -3.0]),
]


@pytest.mark.parametrize(("left", "right", "values"), SAME)
def test_what_cancels_is_no_difference(left, right, values):
    assert judgement(left, right, values).status in ("same", "unclear")


APART = [
    ("x", "1.0000000001 * x", [0.3, -2.0]),
    ("exp(x)", "1.00000001 * exp(x)", [0.3, -2.0]),
    ("x", "x + 0.000000001", [0.3, -2.0]),
    ("abs(x)", "sqrt(x ** 2 + 0.000000000001)", [1e-3, 2e-3]),
    ("tanh(x)", "erf(x)", [0.5, 1.0]),
]


@pytest.mark.parametrize(("left", "right", "values"), APART)
def test_a_small_difference_is_one(left, right, values):
    assert judgement(left, right, values).status == "differs"


def vast(known, names):
    return rounding.Moved({k: np.full(known[k].shape, 1e9) for k in names}, False)


def test_control_with_noise_of_any_size_nothing_would_differ(monkeypatch):
    monkeypatch.setattr(rounding, "noise", lambda program, arrays, sizes, known, names: vast(known, names))
    assert judgement("x", "2 * x", [0.3, -2.0]).status == "same"


@pytest.mark.parametrize("x", [20.0, 31.0, 36.5, -40.0])
def test_where_all_digits_are_lost_nothing_is_said(x):
    assert judgement("log(1 - sigmoid(x))", "-softplus(x)", [x, 1.0]).status in ("same", "unclear")


def test_noise_that_jumps_excuses_nothing():
    assert judgement("floor(x)", "floor(x + 0.5)", [2.7, 3.0]).status == "differs"


def test_a_side_without_a_value_is_said():
    half = judgement("x", "sqrt(x) * sqrt(abs(x))", [-1.0, 4.0])
    assert (half.status, half.lacks) == ("same", "right")
    none = judgement("sqrt(x - 5)", "log(x - 5)", [1.0, 2.0])
    assert (none.status, none.lacks) == ("none", "both")
