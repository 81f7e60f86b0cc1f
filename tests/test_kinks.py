"""Conventions at kinks, the same in the formula and in the code: the slope of a norm, x^m log(x) at 0; a result tells them."""

import numpy as np
import pytest

from symbackprop import derivative
from symbackprop.commands.pages import expression_page
from symbackprop.ops import OPS
from symbackprop.verification.oracle.literal import evaluate

SHAPES = {"A": "m n", "X": "m n", "Y": "m n", "x": "n", "y": "n", "b": "m", "c": ""}
SIZES = {"m": 3, "n": 2}


def at(text, wrt, **given):
    """The derivative where all tensors are 0 but those given, by the code, without a warning, and by the literal evaluation."""
    names = (wrt,) if isinstance(wrt, str) else wrt
    result = derivative(text, SHAPES, wrt=wrt, order=len(names))
    arrays = {name: np.zeros([SIZES[a] for a in axes.split()]) for name, axes in SHAPES.items()} | given
    with np.errstate(all="raise"):
        fast = result.evaluate(**arrays)
    leaves = {t.name: np.asarray(arrays[t.name], float) for t in result.program.leaves}
    slow = evaluate(result.program, leaves, {a: SIZES.get(str(a), 1) for a in result.program.axes})[result.name]
    assert np.allclose(fast, slow, atol=1e-15)
    return fast


@pytest.mark.parametrize(
    ("text", "wrt"),
    [
        ("norm(x)", "x"),
        ("norm(x)", ("x", "x")),
        ("norm(A @ x - b)", "x"),
        ("sum(norm(X, axis=1))", "X"),
        ("norm(X) ** 3 + norm(X) ** 1.5", "X"),
        ("std(x)", "x"),
        ("sqrt(x @ x)", "x"),
        ("sum(sqrt(x ** 2 + y ** 2))", "x"),
        ("hypot(x, y)", "y"),
        ("exp(-norm(x))", "x"),
        ("triplet_margin_loss(X, Y, A)", "X"),
    ],
)
def test_the_slope_of_a_norm_is_0_where_the_norm_is(text, wrt):
    assert not np.any(at(text, wrt))


def test_the_convention_is_where_it_belongs_only():
    rows = at("sum(norm(X, axis=1))", "X", X=np.array([[3.0, 4.0], [0.0, 0.0], [0.0, -2.0]]))
    assert np.allclose(rows, [[0.6, 0.8], [0, 0], [0, -1]])
    result = derivative("x / norm(x)", {"x": "n"}, wrt="x")
    with np.errstate(all="ignore"):
        assert not np.any(np.isfinite(result.evaluate(x=np.zeros(2))))  # there is no derivative, and none is made up
    assert "np.where" not in derivative("sum(sqrt(sum(X ** 2, axis=1) + 1))", {"X": "m n"}, wrt="X").numpy
    assert r"\mathbf{1}[" not in derivative("norm(A @ x - b)", SHAPES, wrt="x").latex_parts()[-1]


@pytest.mark.parametrize(
    ("text", "wrt", "wanted"),
    [
        ("sum(x ** y)", "y", [0, 4 * np.log(2)]),
        ("sum(x ** y)", ("y", "y"), [[0, 0], [0, 4 * np.log(2) ** 2]]),
        ("c * sum(x * log(x))", "c", 2 * np.log(2)),
        ("c * sum(x * log(x / y))", "c", 0),
        ("c * sum(where(x > 0, x * log(x), 1))", "c", 1 + 2 * np.log(2)),
        ("c * sum(x * (log(x) - log(y)))", "c", 0),
        ("c * sum(x**2 * (y - 3 * log(x / y) + 2 * log(x)))", "c", 8 + 8 * np.log(2)),
        ("c * kl_divergence(x, y)", "c", 0),
        ("c * kl_divergence(x, y)", ("c", "y"), [0, -1]),
    ],
)
def test_a_power_times_its_logarithm_is_0_at_0(text, wrt, wanted):
    assert np.allclose(at(text, wrt, x=np.array([0.0, 2.0]), y=np.array([1.0, 2.0]), c=1.0), wanted)


@pytest.mark.parametrize(("loss", "p"), [("binary_cross_entropy(p, q)", 0), ("binary_cross_entropy(p, q)", 1), ("kl_divergence(q, p)", 0)])
def test_a_loss_of_probabilities_ends_where_its_record_says(loss, p):
    assert "inf, and nan" in OPS[loss.partition("(")[0]].accuracy
    value = derivative(f"c * {loss}", {"p": "n", "q": "n", "c": ""}, wrt="c").evaluate
    with np.errstate(all="ignore"):
        assert np.isposinf(value(p=np.array([0.5, p]), q=np.array([0.5, 1 - p])))
        assert np.isnan(value(p=np.array([0.5, p]), q=np.array([0.5, p])))


KINKS = {
    ("sum(relu(X @ x))", "x"): ["relu(t1[m]): the derivative at 0 is 0"],
    ("sum(abs(x))", ("x", "x")): [
        "abs(x[n]): the derivative at 0 is 0",
        "where x[n] = 0 the first derivative jumps; the second is that of either side, almost everywhere",
    ],
    ("sum(maximum(x, y))", ("x", "y")): [
        "maximum(x[n], y[n]): at x = y the derivative goes to y; maximum(0, x) is relu(x)",
        "where y[n] = x[n] the first derivative jumps; the second is that of either side, almost everywhere",
    ],
    ("max(X, axis=1)", "X"): ["max(X[m, n]): where several entries are the largest (smallest), the first of them is taken"],
    ("norm(A @ x - b)", "x"): ["where t2 = 0 the derivative of the root of it is 0"],
    ("sum(where(abs(x) <= c, x ** 2, y))", "x"): [
        "where c = abs(x[n]) a condition turns; the derivative is that of the side which holds",
    ],
    ("sum(floor(x))", "x"): ["floor(x[n]): it jumps at whole numbers; the derivative is 0, there too"],
    ("sum(sign(x) * y)", "x"): ["sign(x[n]): the derivative at 0 is 0"],
    ("sum(relu(y) * exp(x)) + cumsum(x)[0]", "x"): [],
}


@pytest.mark.parametrize(("text", "wrt"), KINKS)
def test_a_result_tells_its_kinks(text, wrt):
    assert list(derivative(text, SHAPES, wrt=wrt, order=1 if isinstance(wrt, str) else 2).kinks) == KINKS[text, wrt]


def test_the_page_of_an_expression_tells_them_too():
    page = expression_page("sum(relu(x))", "x: n", "", ["x"], 2, "both")
    assert "At kinks:" in page and "- relu(x[n]): the derivative at 0 is 0" in page and "jumps" in page
    assert "At kinks:" not in expression_page("sum(exp(x))", "x: n", "", ["x"], 2, "both")


@pytest.mark.parametrize("text", ["sum(abs(x)**2)", "sum(np.square(np.abs(x)))", "sum(abs(x) * abs(x))"])
def test_the_square_of_an_absolute_value_has_no_kink(text):
    x = np.array([-1.5, 0.0, 2.0])
    first, second = (derivative(text, {"x": "n"}, wrt="x", order=k) for k in (1, 2))
    assert np.array_equal(first.evaluate(x=x), 2 * x) and np.array_equal(second.evaluate(x=x), 2 * np.eye(3))
    assert first.kinks == second.kinks == ()
    assert derivative("sum(abs(x)**3)", {"x": "n"}, wrt="x", order=2).kinks == ()
    assert derivative("sum(abs(x)**3)", {"x": "n"}, wrt="x", order=3).kinks
