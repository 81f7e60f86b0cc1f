"""The functions that NumPy lacks: on arrays they are what their records say, on tracers they are calls."""
# ruff: noqa: F722, F821

import inspect

import numpy as np
import pytest
import scipy.special
from sympy import Dummy, Float

import symbackprop as sbp
from symbackprop.calculus.term import NonNegative, Positive
from symbackprop.language.tracing.functions import FUNCTIONS
from symbackprop.language.tracing.trace import trace_spec
from symbackprop.ops import OPS, written_out

OURS = {name: FUNCTIONS[name] for name in FUNCTIONS if OPS[name].kind == "elementwise" and not hasattr(np, name)}
POINTS = np.array([-7.3, -1.9, -0.6, -1e-3, 0.0, 1e-3, 0.4, 1.7, 6.5])


def by_law(name: str, x: float, *rest: float) -> float:
    """The value of the op's law, to thirty digits."""
    op = OPS[name]
    arguments = [Dummy(real=True) for _ in (x, *rest)]
    at = dict(zip(arguments, (Float(v, 30) for v in (x, *rest)), strict=True))
    formula = written_out(op.law(*arguments))
    brackets = {}
    for bracket in formula.atoms(Positive, NonNegative):
        inside = bracket.args[0].xreplace(at)
        brackets[bracket] = 1 if inside > 0 or (inside == 0 and isinstance(bracket, NonNegative)) else 0
    return float(formula.xreplace(brackets).xreplace(at).evalf(30))


def test_logdet_is_that_of_the_absolute_determinant():
    matrix = np.array([[1.0, 2.0], [3.0, -1.0]])
    assert FUNCTIONS["logdet"](matrix) == pytest.approx(np.log(7))


@pytest.mark.parametrize("name", OURS)
def test_an_elementwise_function_is_its_law(name):
    rest = [p.default for p in list(inspect.signature(FUNCTIONS[name]).parameters.values())[1:]]
    expected = [by_law(name, float(x), *rest) for x in POINTS]
    assert np.allclose(FUNCTIONS[name](POINTS), expected, rtol=1e-13, atol=1e-15)
    assert not np.allclose(FUNCTIONS[name](POINTS) * (1 + 1e-9), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_arguments_may_be_given_by_name_or_place(name):
    option = list(OPS[name].parameters)[1]
    expected = [by_law(name, float(x), 0.3) for x in POINTS]
    assert np.allclose(FUNCTIONS[name](POINTS, 0.3), expected, rtol=1e-13)
    assert np.array_equal(FUNCTIONS[name](POINTS, **{option: 0.3}), FUNCTIONS[name](POINTS, 0.3))
    with pytest.raises(TypeError, match=name):
        FUNCTIONS[name](POINTS, wrong=0.3)


@pytest.mark.parametrize("name", OURS)
def test_float32_stays_float32_and_shapes_stay(name):
    assert FUNCTIONS[name](POINTS.astype(np.float32).reshape(3, 3)).dtype == np.float32
    assert FUNCTIONS[name](np.zeros((0, 3))).shape == (0, 3)
    assert np.ndim(FUNCTIONS[name](0.5)) == 0


@pytest.mark.parametrize("name", ["sigmoid", "silu", "softplus", "logsigmoid", "mish", "elu", "selu", "gelu"])
def test_huge_arguments_neither_overflow_nor_lose_the_value(name):
    with np.errstate(all="raise", under="ignore"):
        low, high = FUNCTIONS[name](np.array([-1e4, 1e4]))
    assert np.isfinite([low, high]).all()
    assert high == pytest.approx({"sigmoid": 1, "logsigmoid": 0, "selu": 10507.009873554805}.get(name, 1e4))


def test_small_values_are_exact_not_only_near():
    assert sbp.sigmoid(-50.0) == pytest.approx(np.exp(-50), rel=1e-12)
    assert sbp.silu(-50.0) == pytest.approx(-50 * np.exp(-50), rel=1e-12)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_statistics_agree_with_scipy(axis):
    x = np.random.default_rng(0).standard_normal((3, 5)) * 400
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert np.allclose(sbp.softmax(x, axis=axis), scipy.special.softmax(x, axis=axis), rtol=1e-12)
        assert np.allclose(sbp.log_softmax(x, axis=axis), scipy.special.log_softmax(x, axis=axis), rtol=1e-12)
        assert np.allclose(sbp.logsumexp(x, axis=axis), scipy.special.logsumexp(x, axis=axis), rtol=1e-12)


def test_logsumexp_over_several_axes_keeps_them_when_asked():
    x = np.random.default_rng(1).standard_normal((2, 3, 5))
    for axis in (None, 1, (0, 2)):
        for keepdims in (False, True):
            expected = scipy.special.logsumexp(x, axis=axis, keepdims=keepdims)
            assert np.allclose(sbp.logsumexp(x, axis=axis, keepdims=keepdims), expected)
            assert np.shape(sbp.logsumexp(x, axis=axis, keepdims=keepdims)) == np.shape(expected)


def test_erf_is_scipys():
    assert np.allclose(sbp.erf(POINTS), scipy.special.erf(POINTS), rtol=1e-14)


def test_on_tracers_they_are_calls_as_they_were_written():
    def f(X: "n d", w: "d"):
        Z = sbp.leaky_relu(X @ w, negative_slope=0.2) + sbp.elu(X @ w, 0.5)
        return sbp.logsumexp(Z) + sbp.norm(w) + np.sum(sbp.ones((X.shape[0], 3))) + sbp.erf(0.5) + np.sum(sbp.zeros(X.shape[1]) * w)

    made = {e.name: e.text for e in trace_spec(f).equations}
    assert made["Z"] == "leaky_relu(X @ w, negative_slope=0.2) + elu(X @ w, 0.5)"
    assert made["J"].startswith("logsumexp(Z) + norm(w) + sum(ones((n, 3))) + 0.52")


def test_functions_say_what_they_are():
    assert str(inspect.signature(sbp.elu)) == "(x, alpha=1.0)" and sbp.elu.__name__ == "elu"
    assert sbp.silu.__doc__.startswith("The sigmoid linear unit.")
    with pytest.raises(AttributeError, match="no attribute 'reluu'"):
        sbp.reluu  # noqa: B018
