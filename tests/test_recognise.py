"""Statistics that a model spells out: recognised before anything is derived, in any layout, over any names, only where they are meant."""

from pathlib import Path

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.program import Call
from symbackprop.stability.overflow import without_overflow
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays
from tests.differences import slope

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "two_layer.toml"
SPELLED = {
    "rows": ({"E": "exp(X)", "P": "E / E.sum(axis=1, keepdims=True)", "J": "sum(P * P)"}, {"softmax"}),
    "columns": ({"E": "exp(X)", "P": "E / E.sum(axis=0)", "J": "sum(P * P * P)"}, {"softmax"}),
    "transposed": ({"E": "exp(X.T)", "S": "sum(E, axis=0)", "P": "(E / S).T", "J": "sum(P * P)"}, {"softmax"}),
    "all entries": ({"E": "exp(X)", "P": "E / sum(E)", "J": "sum(P * P)"}, {"softmax", "logsumexp"}),
    "a product inside": ({"E": "exp(X @ X.T)", "P": "E / sum(E, axis=1, keepdims=True)", "J": "sum(P @ X)"}, {"softmax"}),
    "weighed": ({"E": "exp(X)", "S": "sum(E, axis=1)", "J": "sum(X * E / S[:, None])"}, {"softmax"}),
    "log of a sum": ({"S": "sum(exp(2 * X), axis=1)", "J": "sum(log(S)**2)"}, {"logsumexp"}),
    "log of a mean": ({"M": "mean(exp(X), axis=0)", "J": "sum(log(M))"}, {"logsumexp"}),
    "less the largest": (
        {"E": "exp(X - max(X, axis=1, keepdims=True))", "P": "E / E.sum(1, keepdims=True)", "J": "sum(P * X)"},
        {"softmax"},
    ),
    "line by line": (
        {"m": "max(X, axis=1)", "s": "X - m[:, None]", "e": "exp(s)", "t": "sum(e, axis=1)", "P": "e / t[:, None]", "J": "sum(P**3)"},
        {"softmax"},
    ),
    "log-softmax": (
        {"s": "X - max(X, axis=1, keepdims=True)", "L": "s - log(sum(exp(s), axis=1, keepdims=True))", "J": "sum(L * X)"},
        {"log_softmax"},
    ),
    "a power": ({"P": "(exp(X) / sum(exp(X)))**2", "J": "sum(P)"}, {"softmax", "logsumexp"}),
    "a temperature": ({"E": "exp(X / 3)", "P": "E / E.sum(axis=1, keepdims=True)", "J": "sum(P * P)"}, {"softmax"}),
    "in place": (
        {"P": "exp(X) / sum(exp(X), axis=1, keepdims=True)", "L": "log(sum(exp(X), axis=1))", "J": "sum(P) + sum(L)"},
        {"softmax"},
    ),
}


def model(equations):
    return sbp.model({"X": {"axes": "n d", "role": "parameter"}}, equations, samples="n")


@pytest.mark.parametrize("title", SPELLED)
def test_a_spelling_is_recognised_and_equal(title):
    equations, ops = SPELLED[title]
    m = model(equations)
    assert ops <= {e.rhs.op for e in m.program.equations if isinstance(e.rhs, Call)}
    arrays = random_arrays(m.program, seed=3)
    old, new = evaluate(m.program.stated, arrays), evaluate(m.program, arrays)
    assert all(np.allclose(old[name], new[name]) for name in equations)
    wanted = slope(lambda x: evaluate(m.program.stated, {"X": x})["J"], arrays["X"])
    assert np.allclose(sbp.derive(m).gradient("X").evaluate(**arrays), wanted, atol=1e-6)


@pytest.mark.parametrize("title", SPELLED)
def test_the_authors_lines_stay_and_nothing_else_is_written(title):
    equations, _ = SPELLED[title]
    program = model(equations).program
    assert [e.name for e in program.equations if e.text] == list(equations)
    needed = set(program.needed([*equations]).tensors)
    assert {e.name for e in program.equations} <= needed


@pytest.mark.parametrize("sums", ["sum(exp(-X), axis=1)", "sum(X, axis=1)", "sum(exp(X), axis=1)**2", "(1 + sum(exp(X), axis=1))"])
def test_control_what_is_no_softmax_stays(sums):
    program = model({"S": sums, "P": "exp(X) / S[:, None]", "J": "sum(P)"}).program
    for other in (program, without_overflow(program, ["J"])):
        assert not any(isinstance(e.rhs, Call) and "softmax" in e.rhs.op for e in other.equations)


def test_a_model_that_spells_nothing_out_is_left_alone():
    program = sbp.load(EXAMPLE).program
    assert program.stated is None and without_overflow(program, ["J"]) is program


@pytest.mark.parametrize("name", ["e", "t", "s", "m"])
def test_a_derivative_by_what_was_looked_through_is_that_of_the_author(name):
    m = model(SPELLED["line by line"][0])
    arrays = random_arrays(m.program, seed=3)
    stated = m.program.stated
    at = evaluate(stated, arrays)
    wanted = slope(lambda v: evaluate(stated, {**arrays, name: v})["J"], at[name])
    assert name in m.program.through and name not in sbp.derive(m).derived.adjoints
    assert np.allclose(sbp.derive(m).gradient(name).evaluate(**arrays), wanted, atol=1e-6)
    assert np.allclose(sbp.derive(m, wrt=[name, "X"]).gradient(name).evaluate(**arrays), wanted, atol=1e-6)
    assert np.allclose(sbp.derive(m).jacobian("J", name).evaluate(**arrays), wanted, atol=1e-6)


def test_what_is_needed_beside_is_not_looked_through():
    """A penalty of e makes J depend on e directly: half of that derivative would be wrong."""
    m = model({"e": "exp(X)", "P": "e / sum(e, axis=1, keepdims=True)", "J": "sum(P**3) + sum(e**2) / 7"})
    arrays = random_arrays(m.program, seed=3)
    at = evaluate(m.program, arrays)
    wanted = slope(lambda v: evaluate(m.program, {**arrays, "e": v})["J"], at["e"])
    found = sbp.derive(m).gradient("e").evaluate(**arrays)
    assert np.allclose(found, wanted, atol=1e-6) and not np.allclose(found, 2 * at["e"] / 7, atol=1e-3)


PARTS = ["y[:2] - logsumexp(y)", "(y - log(sum(exp(y))))[:-1]", "(exp(y) / sum(exp(y)))[1:]", "softmax(y)[::2] ** 2"]


@pytest.mark.parametrize("text", PARTS)
def test_a_statistic_beside_a_slice_is_the_one_of_the_whole(text):
    y = np.array([0.3, -1.2, 2.0, 0.7])
    names = {"exp": np.exp, "log": np.log, "sum": np.sum}
    names |= {"logsumexp": lambda v: np.log(np.exp(v).sum()), "softmax": lambda v: np.exp(v) / np.exp(v).sum()}
    wanted = slope(lambda v: np.asarray(eval(text, names | {"y": v})), y)
    assert np.allclose(sbp.derivative(text, {"y": "n"}, "y").evaluate(y=y), wanted, atol=1e-7)


LOGISTIC = {
    "named": {"h": "1 / (1 + exp(-z))", "J": "-(y @ log(h) + (1 - y) @ log(1 - h)) / m"},
    "one sum": {"h": "1 / (1 + exp(-z))", "J": "-1 / m * sum(y * log(h) + (1 - y) * log(1 - h))"},
    "line by line": {"a": "exp(-z)", "b": "1 + a", "h": "1 / b", "l": "y * log(h) + (1 - y) * log(1 - h)", "J": "-mean(l)"},
    "with q": {"h": "sigmoid(z)", "q": "1 - h", "J": "-mean(y * log(h) + (1 - y) * log(q))"},
    "of -z": {"J": "-mean(y * log(sigmoid(z)) + (1 - y) * log(sigmoid(-z)))"},
    "logsigmoid": {"J": "-mean(y * logsigmoid(z) + (1 - y) * logsigmoid(-z))"},
    "softplus": {"J": "mean(log(1 + exp(z)) - y * z)"},
    "log1p": {"J": "mean(log1p(exp(z)) - y * z)"},
    "stable": {"J": "mean(maximum(z, 0) - z * y + log(1 + exp(-abs(z))))"},
    "stable by minimum": {"J": "mean(log1p(exp(-abs(z))) - minimum(z, 0) + z * (1 - y))"},
    "logaddexp": {"J": "mean(logaddexp(0, z) - y * z)"},
    "by exp(z)": {"h": "exp(z) / (exp(z) + 1)", "J": "mean(-y * log(h) - (1 - y) * log(1 - h))"},
    "by tanh": {"h": "(1 + tanh(z / 2)) / 2", "J": "mean(-y * log(h) - (1 - y) * log(1 - h))"},
    "by two exponentials": {"e": "exp(z / 2)", "f": "exp(-z / 2)", "h": "e / (e + f)", "J": "-mean(y * log(h) + (1 - y) * log(1 - h))"},
    "by the sign of z": {
        "h": "where(z >= 0, 1 / (1 + exp(-z)), exp(z) / (1 + exp(z)))",
        "J": "-mean(y * log(h) + (1 - y) * log(1 - h))",
    },
    "torch": {"J": "binary_cross_entropy_with_logits(z, y)"},
}


@pytest.mark.parametrize("title", LOGISTIC)
def test_the_logistic_loss_in_every_spelling(title):
    tensors = {"X": {"axes": "m d", "role": "input"}, "w": {"axes": "d", "role": "parameter"}, "y": {"axes": "m", "role": "label"}}
    d = sbp.derive(sbp.model(tensors, {"z": "X @ w", **LOGISTIC[title]}))
    assert d.gradient("z").latex() in (r"\frac{1}{m} (h - y)", r"\frac{1}{m} (\sigma(z) - y)")
    source = sbp.generate(d).source
    body = source[source.index("def loss_and_gradients") : source.index("def gradients")]
    assert body.count("_sigmoid(") == 1


PICKED = {
    "softmax": {"P": "softmax(O, axis=1)", "J": "-mean(log(P[arange(n), y]))"},
    "spelled": {
        "e": "exp(O - max(O, axis=1, keepdims=True))",
        "P": "e / sum(e, axis=1, keepdims=True)",
        "J": "-sum(log(P[arange(n), y])) / n",
    },
    "log-softmax": {"P": "log_softmax(O, axis=1)", "J": "-mean(P[arange(n), y])"},
    "logsumexp": {"J": "mean(logsumexp(O, axis=1) - O[arange(n), y])"},
    "one-hot": {"P": "softmax(O, axis=1)", "J": "-sum(one_hot(y, c) * log(P)) / n"},
    "columns": {"E": "exp(O.T)", "P": "E / sum(E, axis=0)", "J": "-mean(log(P[y, arange(n)]))"},
    "less the mean": {"E": "exp(O - mean(O, axis=1)[:, None])", "P": "E / sum(E, axis=1)[:, None]", "J": "-mean(log(P[arange(n), y]))"},
    "times the inverse": {"E": "exp(O)", "s": "sum(E, axis=1)[:, None]**-1", "P": "E * s", "J": "-mean(log(P)[arange(n), y])"},
    "picked by a sum": {"P": "softmax(O, axis=1)", "J": "-mean(log(sum(one_hot(y, c) * P, axis=1)))"},
}


@pytest.mark.parametrize("title", PICKED)
def test_picked_classes_give_probabilities_less_one_hot_and_divide_by_none(title):
    tensors = {"O": {"axes": "n c", "role": "parameter"}, "y": {"axes": "n", "role": "index"}}
    result = sbp.derive(sbp.model(tensors, PICKED[title])).gradient("O")
    far = np.array([[-1000.0, 0.0, 0.0], [800.0, 0.0, -800.0]])
    wanted = np.array([[-1, 0.5, 0.5], [1, 0, -1]]) / 2
    for dtype in (np.float64, np.float32):
        assert np.allclose(result.evaluate(O=far.astype(dtype), y=np.array([0, 2])), wanted)
    assert r"\frac{1}{" not in result.latex().replace(r"\frac{1}{n}", "")


def test_control_a_share_of_other_exponentials_is_no_sigmoid():
    program = sbp.model({k: {"axes": "n", "role": "parameter"} for k in "abc"}, {"J": "sum(exp(c) / (exp(a) + exp(b)))"}).program
    assert program.stated is None


@pytest.mark.parametrize("part", ["x[:-1]", "x[1:]", "x[:2]", "x[::2]"])
def test_a_statistic_of_a_part_is_that_of_the_part(part):
    model = sbp.model({"x": {"axes": "n", "role": "parameter"}}, {"J": f"log(sum(exp({part})))"})
    module, x = sbp.generate(sbp.derive(model)).load(), np.array([0.3, -1.0, 2.0, 0.5])
    wanted = np.exp(eval(part, {"x": x}))
    assert np.isclose(module.loss(module.Parameters(x)), np.log(wanted.sum()))


def test_a_label_picks_of_a_part_what_is_in_it():
    tensors = {"x": {"axes": "n", "role": "parameter"}, "y": {"axes": "n", "role": "label", "fact": "one-hot over n"}}
    module = sbp.generate(sbp.derive(sbp.model(tensors, {"J": "log(sum(y[:-1] * exp(x[:-1])) + sum(exp(x)))"}))).load()
    x, y = np.array([0.3, -1.0, 2.0]), np.array([0.0, 0.0, 1.0])
    assert np.isclose(module.loss(module.Parameters(x), y), np.log(np.exp(x).sum()))


@pytest.mark.parametrize(
    "text", ["2 * exp(a) / (2 * exp(a) + 3 * exp(b))", "exp(b) / (2 * exp(a) + 3 * exp(b))", "5 / (exp(a) + exp(-a)) + b"]
)
def test_a_share_of_two_weighed_exponentials_keeps_its_value(text):
    m = sbp.model({k: {"axes": "n", "role": "parameter"} for k in "ab"}, {"J": f"sum(b * ({text}))"})
    arrays = {"a": np.array([-1.3, 0.4, 2.0]), "b": np.array([0.7, -0.9, 1.1])}
    assert m.program.stated is not None
    assert np.isclose(evaluate(m.program, arrays)["J"], evaluate(m.program.stated, arrays)["J"], rtol=1e-13)
