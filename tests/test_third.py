"""Third derivatives: what the laws of the ops give is within the language and is derived again; each is verified at small sizes."""

from dataclasses import replace

import numpy as np
import pytest
from fuzzing import agrees, difference

import symbackprop as sbp
from symbackprop.ops import OPS, table
from symbackprop.ops.examples import example

NAMES = sorted(name for name, op in OPS.items() if op.name == name)
QUICK = (
    "clip",
    "cumsum",
    "det",
    "embedding",
    "inv",
    "logdet",
    "logsumexp",
    "matmul",
    "max",
    "mean",
    "norm",
    "prod",
    "softmax",
    "sum",
    "trace",
)
"""Ops of several entries that each run tries; the others are for the slow tier."""
TOO_LARGE = ("avg_pool2d", "conv2d", "max_pool2d")
"""Ops whose third derivative has twelve axes: more than the verification can lay out, which it says."""
TOO_LONG = ("scaled_dot_product_attention",)
"""Ops whose third derivative takes many minutes to lay out entry by entry."""
EACH = [
    pytest.param(name, marks=[] if OPS[name].kind == "elementwise" or name in QUICK else [pytest.mark.slow])
    for name in NAMES
    if name not in (*TOO_LARGE, *TOO_LONG)
]


def third(name):
    """The third derivative of exp of an op's example, by the first of its tensors that is no index array."""
    shown = example(OPS[name])
    wrt = "W" if name == "embedding" else next(iter(shown.shapes))
    return sbp.derivative(f"sum(exp({shown.text} / 3))", shown.shapes, wrt, order=3)


def changed(result, factor):
    """A result that is wrong by a factor."""
    equations = [replace(e, rhs=factor * e.rhs) if e.name == result.name else e for e in result.derived.program.equations]
    program = replace(result.derived.program, equations=tuple(equations))
    return type(result)(replace(result.derived, program=program), result.name, known=())


@pytest.mark.parametrize("name", EACH)
def test_a_third_derivative_is_verified(name):
    report = sbp.verify(third(name))
    assert report.ok, str(report)


@pytest.mark.parametrize("name", [n if n == "avg_pool2d" else pytest.param(n, marks=pytest.mark.slow) for n in TOO_LARGE])
def test_a_third_derivative_of_images_is_too_large_to_verify(name):
    report = sbp.verify(third(name))
    assert not report.ok and {v.status for v in report.verdicts} == {"unknown"}
    assert all("too large for the literal evaluation" in str(v) for v in report.verdicts)


DIFFERENCED = {
    "sum(tanh(A @ x) ** 3)": ("x", "x", "x"),
    "sum(softmax(A @ x) * y)": ("x", "A", "x"),
    "logsumexp(x * z) * norm(x - y)": ("x", "y", "x"),
    "det(A) * (y @ inv(A) @ x)": ("A", "x", "A"),
    "prod(x) + sum(where(x > y, x ** 3 * y, x * y ** 2))": ("x", "x", "y"),
    "sum(cumsum(x) ** 3 / (1 + y ** 2)) * z": ("z", "x", "x"),
}
SHAPES = {"A": "n n", "x": "n", "y": "n", "z": ""}


@pytest.mark.parametrize("text", DIFFERENCED)
def test_a_third_derivative_agrees_with_differences_of_the_second(text):
    wrt = DIFFERENCED[text]
    shapes = {name: axes for name, axes in SHAPES.items() if name in text}
    rng = np.random.default_rng(3)
    arrays = {"A": np.eye(3) + 0.3 * rng.normal(size=(3, 3)), "x": rng.normal(size=3), "y": rng.normal(size=3), "z": np.array(0.7)}
    arrays = {name: arrays[name] for name in shapes}
    second, made = sbp.derivative(text, shapes, wrt[:2], order=2), sbp.derivative(text, shapes, wrt, order=3)
    slope, tolerance = difference(lambda moved: (second.evaluate(**{**arrays, wrt[2]: moved}), ()), arrays[wrt[2]])
    assert agrees(text, made.evaluate(**arrays), slope, tolerance) == slope.size
    with pytest.raises(AssertionError, match="by differences"):
        agrees(text, -made.evaluate(**arrays), slope, tolerance)


@pytest.mark.parametrize("name", ["tanh", "norm", "inv"])
def test_control_a_wrong_third_derivative_is_refuted(name):
    assert "wrong" in {v.status for v in sbp.verify(changed(third(name), 2)).verdicts}


def test_control_a_wrong_differential_is_refuted(monkeypatch):
    right = OPS["inv"].differential
    monkeypatch.setitem(table._ops, "inv", replace(OPS["inv"], differential=lambda *given: -right(*given)))
    assert "wrong" in {v.status for v in sbp.verify(third("inv")).verdicts}
