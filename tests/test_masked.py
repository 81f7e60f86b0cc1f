"""A softmax of which a mask leaves entries out, as people spell it: what is left out may be larger than the rest by any amount.

Loss and gradient are right to 1e-12, in float32 to 1e-5, of what a shift by the largest entry that is left in gives.
"""

import re

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.stability import growth

MASK = np.array([[1, 0, 1, 0, 1, 1, 0], [0, 1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 0, 0, 1.0]])
DRAW = np.random.default_rng(3)
DATA = {"M": MASK, "B": 1 - MASK, "Y": DRAW.standard_normal((5, 7)), "V": DRAW.standard_normal((7, 3)), "y": np.array([2, 1, 3, 6, 0])}
SHAPES = {"M": "n c", "B": "n c", "Y": "n c", "V": "c k", "y": "n"}
GAPS = (0.0, 1.0, 50.0, 104.5, 711.0, 1000.0)
KEPT = {
    "where": "where(M > 0, exp(S), 0)",
    "where not": "where(M == 0, 0, exp(S))",
    "times": "M * exp(S)",
    "times, after": "exp(S) * M",
    "times what is left out": "(1 - B) * exp(S)",
    "shifted": "where(M > 0, exp(S - max(S, axis=1, keepdims=True)), 0)",
    "times, shifted": "M * exp(S - max(S, axis=1, keepdims=True))",
    "shifted by all": "where(M > 0, exp(S - max(S)), 0)",
}
"""Exponentials of the logits that a mask leaves in."""
FORMS = {
    "in place": lambda kept: {"P": f"{kept} / sum({kept}, axis=1, keepdims=True)"},
    "named": lambda kept: {"E": kept, "P": "E / sum(E, axis=1, keepdims=True)"},
    "sum named": lambda kept: {"E": kept, "Z": "E.sum(axis=1)", "P": "E / Z[:, None]"},
}


def logarithm(share):
    return np.log(np.where(MASK > 0, share, 1))


LOSSES = {
    "sum(P * Y)": lambda p: (np.sum(p * DATA["Y"]), DATA["Y"]),
    "-sum(log(P[arange(n), y]))": lambda p: (-np.sum(logarithm(p)[np.arange(5), DATA["y"]]), -np.eye(7)[DATA["y"]] / np.where(p > 0, p, 1)),
    "sum(where(M > 0, P * log(P), 0))": lambda p: (np.sum(p * logarithm(p)), logarithm(p) + 1),
    "sum((P @ V)**2)": lambda p: (np.sum((p @ DATA["V"]) ** 2), 2 * (p @ DATA["V"]) @ DATA["V"].T),
}
"""Losses of the shares, with their derivatives by these."""


def share(S):
    z = np.where(MASK > 0, S.astype(float), -np.inf)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def module_of(equations):
    names = [n for n in SHAPES if any(re.search(rf"\b{n}\b", text) for text in equations.values())]
    data = {n: {"axes": SHAPES[n], "role": "index" if n == "y" else "input"} for n in names}
    return names, sbp.generate(sbp.derive(sbp.model({"S": {"axes": "n c", "role": "parameter"}, **data}, equations))).load()


def wrong(equations, reference, dtype, tolerance):
    """The gaps at which loss or gradient is wrong; what is left out is larger by the gap, or what is left in smaller."""
    names, module = module_of(equations)
    found, draw = [], np.random.default_rng(5)
    for gap in GAPS:
        S = (draw.standard_normal((5, 7)) + np.where(MASK > 0, -gap * np.array([[0], [1], [0], [1], [1]]), gap)).astype(dtype)
        with np.errstate(all="ignore"):  # what is left out has the logarithm -inf
            loss, made = module.loss_and_gradients(
                module.Parameters(S), **{n: DATA[n] if n == "y" else DATA[n].astype(dtype) for n in names}
            )
        p = share(S)
        wanted, slope = reference(p)
        gradient = p * (slope - np.sum(p * slope, axis=1, keepdims=True))
        if not (np.isclose(loss, wanted, tolerance, tolerance) and np.allclose(made.S, gradient, tolerance, tolerance)):
            found.append((gap, loss - wanted, np.abs(made.S - gradient).max()))
    return found


PAIRS = [(kept, form) for kept in KEPT for form in FORMS]


@pytest.mark.parametrize(("kept", "form"), [pytest.param(*p, marks=[pytest.mark.slow] if k % 4 else []) for k, p in enumerate(PAIRS)])
def test_a_masked_softmax(kept, form):
    for loss, reference in LOSSES.items():
        equations = {**FORMS[form](KEPT[kept]), "J": loss}
        assert wrong(equations, reference, np.float64, 1e-12) == [] and wrong(equations, reference, np.float32, 1e-5) == [], loss


@pytest.mark.parametrize("mask", ["tril(ones((n, n))) > 0", "arange(n)[:, None] >= arange(n)", "M[None, :] > 0", "arange(n) < 3"])
def test_attention_that_looks_back_or_at_what_is_there(mask):
    S = DRAW.standard_normal((5, 5)) + 900 * np.triu(np.ones((5, 5)), 1) + 800 * np.array([0, 0, 0, 1, 1])
    M = np.array([1, 1, 1, 0, 0.0])
    kept = np.tri(5) if "n)" in mask and "3" not in mask else np.tile(M, (5, 1))
    shapes = {"S": "n n", "M": "n", "V": "n n"} if "M" in mask else {"S": "n n", "V": "n n"}
    text = f"where({mask}, exp(S), 0)"
    result = sbp.derivative(f"sum({text} / sum({text}, axis=1, keepdims=True) * V)", shapes, "S")
    V = DRAW.standard_normal((5, 5))
    z = np.where(kept > 0, S, -np.inf)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    wanted = p * (V - np.sum(p * V, axis=1, keepdims=True))
    assert np.allclose(result.evaluate(S=S, V=V, **({"M": M} if "M" in mask else {})), wanted, 1e-12, 1e-12)


def test_the_logarithm_of_a_sum_over_more_than_the_exponent_has():
    x, M = np.array([900.0, 1.0, -2.0]), np.array([[0, 1, 1], [0, 0, 1], [0, 1, 1], [0, 1, 0], [0, 0, 0.0]])
    model = sbp.model(
        {"x": {"axes": "c", "role": "parameter"}, "M": {"axes": "n c", "role": "input"}}, {"J": "log(sum(where(M > 0, exp(x), 0)))"}
    )
    module = sbp.generate(sbp.derive(model)).load()
    with np.errstate(divide="ignore"):  # the last row adds nothing
        loss, made = module.loss_and_gradients(module.Parameters(x), M)
    weights = np.array([0, 3 * np.exp(1.0), 3 * np.exp(-2.0)])
    assert np.isclose(loss, np.log(weights.sum())) and np.allclose(made.x, weights / weights.sum())


def test_a_row_of_which_nothing_is_left_in_is_0():
    text = "where(M > 0, exp(S), 0)"
    model = sbp.model(
        {"S": {"axes": "n c", "role": "parameter"}, "M": {"axes": "n c", "role": "input"}},
        {"E": text, "J": "sum(E / sum(E, axis=1, keepdims=True) * M)"},
    )
    module = sbp.generate(sbp.derive(model)).load()
    S, M = np.full((2, 3), 800.0), np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert module.loss(module.Parameters(S), M) == 1 and np.all(np.isfinite(module.gradients(module.Parameters(S), M).S))


def test_control_without_the_mask_a_gap_is_seen(monkeypatch):
    monkeypatch.setattr(growth, "conditions", lambda weights, z, known: [])
    assert wrong({**FORMS["named"](KEPT["where"]), "J": "sum(P * Y)"}, LOSSES["sum(P * Y)"], np.float64, 1e-12)
