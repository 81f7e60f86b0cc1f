"""Smooth functions that are put together from kinks: their value at a kink is the limit, of the first derivative and of the second.

A function that is not smooth keeps its convention, and says so.
"""

import importlib
import random

import mpmath as mp
import numpy as np
import pytest
from sympy import S, sin

import symbackprop as sbp
from symbackprop.calculus.term import Entry, NonNegative, Positive
from symbackprop.derivation import smooth
from symbackprop.derivation.turns import limit, meetings, turns, vanishes, zeros
from symbackprop.ops.entrywise.elementwise import absolute, maximum, relu


def derived(equations, **axes):
    tensors = {n: {"axes": a, "role": "parameter"} for n, a in axes.items()}
    return sbp.derive(sbp.model(tensors=tensors, equations=equations))


SMOOTH = {
    "maximum(x, 0) - x * y + log(1 + exp(-abs(x)))": (lambda x, y: -y + 0.5, 0.25),
    "log1p(exp(-abs(x))) + relu(x)": (lambda x, y: 0.5, 0.25),
    "abs(x)**2": (lambda x, y: 0, 2),
    "cosh(abs(x))": (lambda x, y: 0, 1),
    "abs(x) * sin(abs(x)) * y": (lambda x, y: 0, 2 * 0.7),
    "relu(x) - relu(-x)": (lambda x, y: 1, 0),
    "where(x > 0, x, 0) + minimum(x, 0) + x**2": (lambda x, y: 1, 2),
    "where(x == 0, 1, sin(x) / x)": (lambda x, y: 0, -1 / 3),
    "where(x != 0, (exp(x) - 1) / x, 1)": (lambda x, y: 0.5, 1 / 3),
    "exp(-abs(x) * abs(x))": (lambda x, y: 0, -2),
    "maximum(x, y) * minimum(x, y)": (lambda x, y: y, 0),
}
"""Functions of x and y, smooth where x = 0, with both derivatives by x there (y = 0.7)."""


@pytest.mark.parametrize("text", SMOOTH)
def test_a_smooth_function_has_its_derivatives_at_a_kink(text):
    slope, curvature = SMOOTH[text]
    first, second = (sbp.derivative(f"{text} + 0 * x * y", {"x": "", "y": ""}, "x", order=k) for k in (1, 2))
    assert np.isclose(first.evaluate(x=0.0, y=0.7), slope(0.0, 0.7)) and np.isclose(second.evaluate(x=0.0, y=0.7), curvature)
    assert first.kinks == second.kinks == () or "y" in text


def test_the_same_over_named_equations():
    named = {"A": "abs(x)", "E": "exp(-A)", "L": "log(1 + E)", "M": "maximum(x, 0)", "J": "sum(M - x * y + L)"}
    d = derived(named, x="n", y="n")
    at = {"x": np.zeros(2), "y": np.array([1.0, 0.0])}
    assert np.allclose(d.gradient("x").evaluate(**at), [-0.5, 0.5]) and np.allclose(d.hessian("x", "x").evaluate(**at), np.eye(2) / 4)
    assert d.gradient("x").kinks == d.hessian("x", "x").kinks == ()
    products = d.hessian_vector_product()["x"]
    v = products.derived.program.tensors
    (direction,) = [n for n in v if v[n].role == "direction" and v[n].tangent_of == ("x",)]
    (other,) = [n for n in v if v[n].role == "direction" and v[n].tangent_of == ("y",)]
    assert np.allclose(products.evaluate(**at, **{direction: np.array([1.0, 2.0]), other: np.zeros(2)}), [0.25, 0.5])


def test_a_jump_that_an_intermediate_derivative_holds_cancels_too():
    d = derived({"A": "abs(x * y)", "J": "cosh(A)"}, x="", y="")
    assert np.isclose(d.hessian("x", "x").evaluate(x=0.0, y=0.7), 0.49) and d.hessian("x", "x").kinks == ()


RADIAL = {
    "R**2": 2,
    "R**3": 0,
    "cosh(R)": 1,
    "exp(-R * R)": -2,
    "1 / (1 + R**2)": -2,
    "sqrt(1 + R**2)": 1,
    "(1 + R) * exp(-R)": -1,
    "(1 + R + R**2 / 3) * exp(-R)": -1 / 3,
    "R * sin(R)": 2,
    "log(cosh(R))": 1,
    "where(R < 1, R**2 / 2, R - 0.5)": 1,
    "R**1.5": None,
}
"""Functions of a distance whose slope at 0 is 0, and their second derivative there (None: it has none)."""


@pytest.mark.parametrize("text", RADIAL)
def test_a_function_of_a_distance_at_0(text):
    for equations in (
        {"R": "norm(x - c)", "J": text},
        {"J": text.replace("R", "norm(x - c)")},
        {"s": "sum((x - c)**2)", "R": "sqrt(s)", "J": text},
    ):
        d = derived(equations, x="n", c="n")
        at = {"x": np.arange(3.0), "c": np.arange(3.0)}
        assert np.allclose(d.gradient("x").evaluate(**at), 0) and d.gradient("x").kinks == ()
        if RADIAL[text] is not None:
            block = d.hessian("x", "c")
            assert np.allclose(block.evaluate(**at), -RADIAL[text] * np.eye(3), atol=1e-12) and block.kinks == ()


@pytest.mark.parametrize("text", ["R", "exp(-R)", "R / (1 + R)", "R + R**2", "abs(R)"])
def test_a_distance_itself_has_a_kink(text):
    d = derived({"R": "norm(x - c)", "J": text}, x="n", c="n")
    assert np.allclose(d.gradient("x").evaluate(x=np.ones(3), c=np.ones(3)), 0) and d.gradient("x").kinks


def test_pairs_of_equal_points_have_the_curvature_of_their_kernel():
    kernel = {"R": "norm(X[:, None, :] - X[None, :, :], axis=-1)", "J": "sum(exp(-R**2 / 2))"}
    block = derived(kernel, X="n d").hessian("X", "X")
    X = np.array([[0.0, 1.0], [0.5, -1.0], [0.5, -1.0]])
    plain = derived({"J": "sum(exp(-sum((X[:, None, :] - X[None, :, :])**2, axis=-1) / 2))"}, X="n d").hessian("X", "X")
    assert np.allclose(block.evaluate(X=X), plain.evaluate(X=X)) and block.kinks == ()


LEAVES = ["x", "x - y", "2 * x", "x * y", "x - 1", "y - x"]
KINKS = ["abs({})", "relu({})", "maximum({}, 0)", "minimum({}, 0)", "where({} > 0, {}, 0)", "leaky_relu({})"]
SHAPES = ["({}) * ({})", "({}) + ({})", "({})**2", "exp(-({})**2)", "cosh({})", "log(1 + exp(-({})))", "({})**3", "cos({})"]
MEANINGS = {
    "relu": lambda v: max(v, mp.mpf(0)),
    "leaky_relu": lambda v: v if v > 0 else v / 100,
    "where": lambda c, a, b: a if c else b,
    **{"maximum": max, "minimum": min, "abs": abs, "exp": mp.exp, "log": mp.log, "cos": mp.cos, "cosh": mp.cosh},
}


def drawn(draw, depth):
    """A random function of x and y, with kinks."""
    if depth == 0:
        leaf = draw.choice(LEAVES)
        return draw.choice([*KINKS, "{}", "{}"]).replace("{}", leaf)
    shape = draw.choice([*SHAPES, "({}) * ({})", "({}) + ({})", *draw.sample(KINKS, 1)])
    first = drawn(draw, depth - 1)
    if "where" in shape:
        return shape.replace("{}", f"({first})")
    return shape.format(first, drawn(draw, depth - 1)) if shape.count("{}") == 2 else shape.format(first)


def one_sided(f, x, side, order):
    """A derivative of f from one side: of the polynomial through seven points at steps of 1e-9, with sixty digits."""
    h = side * mp.mpf(10) ** -9
    values = mp.matrix([f(x + h * k) for k in range(7)])
    powers = mp.matrix([[mp.mpf(k) ** j for j in range(7)] for k in range(7)])
    return mp.lu_solve(powers, values)[order] * mp.factorial(order) / h**order


def wrong(text):
    """Where the first or second derivative of a function is neither its limit nor said to be a convention."""
    code = compile(text, "f", "eval")

    def f(x, y):
        return mp.mpf(eval(code, {**MEANINGS, "x": mp.mpf(x), "y": mp.mpf(y)}))

    results = [sbp.derivative(f"{text} + 0 * x * y", {"x": "", "y": ""}, "x", order=k) for k in (1, 2)]
    found = []
    for x, y in ((0.0, 0.75), (0.75, 0.75), (1.0, 0.75), (0.5, 0.75)):
        sides = [[one_sided(lambda v, y=y: f(v, y), mp.mpf(x), s, k) for s in (1, -1)] for k in (1, 2)]
        for k, result in enumerate(results):
            above, below = sides[k]
            if k and abs(sides[0][0] - sides[0][1]) > 1e-6 * (1 + abs(sides[0][0])):
                continue
            same = abs(above - below) < 1e-6 * (1 + abs(above))
            value = float(result.evaluate(x=x, y=y))
            if not result.kinks and not (same and abs(value - above) < 1e-5 * (1 + abs(above))):
                found.append((text, k + 1, x, y, value, float(above), float(below)))
    return found


def looked_at(count):
    draw = random.Random(5)
    with mp.workdps(60):
        return [f for _ in range(count) for f in wrong(drawn(draw, draw.choice([1, 2, 2])))]


def test_random_functions_with_kinks():
    assert looked_at(15) == []


@pytest.mark.slow
def test_many_random_functions_with_kinks():
    assert looked_at(200) == []


def test_control_without_limits_it_is_seen(monkeypatch):
    monkeypatch.setattr(importlib.import_module("symbackprop.derivation.partial"), "smoothed", lambda slope, *_: slope)
    monkeypatch.setattr(smooth.Model, "smoothed", lambda self, slope, *_: slope)
    with mp.workdps(60):
        assert wrong("relu(x - y) - relu(y - x)") and wrong("cosh(abs(x - y))")


def test_what_a_condition_says_is_not_smoothed_away():
    slope = sbp.derivative("where(x != 0, y, 0)", {"x": "", "y": ""}, "y")
    assert slope.evaluate(x=0.0, y=1.0) == 0 and slope.evaluate(x=2.0, y=1.0) == 1
    steps = sbp.derivative("where(x > 0, 2 * y + x, 5 * y + x)", {"x": "", "y": ""}, "x")
    assert steps.evaluate(x=0.0, y=1.0) == 1 and steps.kinks


def test_turns_and_what_is_there():
    x, y = Entry("x"), Entry("y")
    e = x * Positive(x - y) + absolute(2 * y - 2 * x) + relu(maximum(x, y))
    assert set(turns(e)) == {x - y, maximum(x, y)}
    assert zeros(x * y) == [((x, 0),), ((y, 0),)] and zeros(absolute(x)) == [((x, 0),)] and zeros(x**2 + 1) == []
    assert zeros(x**2 - y * x) is None or zeros(x**3 + x) is None
    assert limit((x - y) / (x - y) ** 2, ((x, y),)) is None and limit(sin(x) / x, ((x, S.Zero),)) == 1
    assert vanishes((x + y) ** 2 - x**2 - 2 * x * y - y**2) and vanishes(x / (x + 1) + 1 / (x + 1) - 1) and not vanishes(x - y)
    (meeting,) = meetings(NonNegative(x) * y, x)
    assert meeting.limits == [y, 0] and meeting.value == y
