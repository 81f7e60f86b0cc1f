"""Generated code against 900 digits at inputs from 1e-30 to 1e6: every elementwise op, every statistic, losses however they are spelled.

Value and derivative must be finite and right to 1e-12 of the true value, in float32 to 1e-5. Where the record of an op states its
`accuracy`, it is held to that: an elementwise op is asked nothing so small that its square underflows, and a statistic, like a loss,
which subtracts labels from probabilities, is right to 1e-12 of 1.
"""

import inspect
import warnings
from functools import cache
from itertools import product

import mpmath as mp
import numpy as np
import pytest
from precise import NotFiniteError, values

import symbackprop as sbp
import symbackprop.emit as emit
from symbackprop.derivation.reverse import gradient
from symbackprop.ops import OPS

POINTS = [s * x for x in (0.0, 1e-30, 1.0, 50.0, 1e3, 1e6) for s in (1, -1)]
POINTS_32 = [s * x for x in (0.0, 1e-30, 1.0, 50.0, 1e3, 1e4) for s in (1, -1)]
SECOND = {"arctan2": [1.0, 50.0, 1e3], "leaky_relu": [0.01], "elu": [1.0, 0.5], "clip": [(-1.0, 2.0)], "power": [2.0, 0.5, -1.0, 3.0, -1.5]}
"""The other arguments, where not every pair of points makes sense."""
BUILT = {name: op for name, op in OPS.items() if op.name == name}
SCALAR = [name for name, op in BUILT.items() if op.kind == "elementwise"]
STATISTIC = [name for name, op in BUILT.items() if op.kind == "statistic"]


@cache
def generated(equations, shapes, wrt):
    """The program of a derivation with its generated functions of the last equation and of its sum's derivative."""
    tensors = {name: {"axes": axes, "role": "parameter"} for name, axes in shapes}
    last = equations[-1][0]
    model = sbp.model(tensors, {**dict(equations), "whole": f"sum({last})"})
    plain = gradient(model.program.stated or model.program, [wrt])
    better = gradient(model.program, [wrt])
    functions = {}
    for program, name in ((plain.program, last), (better.program, better.adjoints[wrt])):
        program = better.program if name in better.program.tensors else program
        functions[name] = getattr(emit.load_source(emit.function_source(program, name), "generated"), name)
    return plain.program, functions


def failures(equations, shapes, arrays, dtype=np.float64, tolerance=1e-12, least=0.0, wrt="x"):
    """Where value or derivative is not right to `tolerance` of the true value (at least `least`), or warns."""
    program, functions = generated(tuple(equations.items()), tuple(shapes.items()), wrt)
    arrays = {name: np.asarray(a, dtype) for name, a in arrays.items()}
    sizes = {a: k for name, array in arrays.items() for a, k in zip(program.tensors[name].axes, array.shape, strict=True)}
    known = {**{str(a): k for a, k in sizes.items()}, **arrays}
    found = []
    for name, function in functions.items():
        try:
            true = values(program.needed([name]), arrays, sizes)[name]
        except NotFiniteError:
            continue
        info = np.finfo(dtype)
        if any(abs(v) > float(info.max) for v in true.values()):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                made = function(**{k: known[k] for k in inspect.signature(function).parameters})
            except RuntimeWarning as problem:
                found.append((name, arrays, str(problem)))
                continue
        assert np.asarray(made).dtype == dtype or not set(inspect.signature(function).parameters) & set(arrays)
        for place, want in true.items():
            got = float(np.asarray(made)[place])
            if not np.isfinite(got) or abs(mp.mpf(got) - want) > tolerance * max(abs(want), least, float(info.tiny)):
                found.append((name, arrays, place, got, mp.nstr(want, 17)))
    return found


def cases(name, points):
    """Arguments of an op: the points of its domain, and every choice of the others."""
    op = BUILT[name]
    low, high = op.domain[0]
    points = [p for p in points if not op.accuracy or p == 0 or abs(p) > 1e-19]
    first = [p for p in points if (low is None or p >= low) and (high is None or p <= high)]
    others = SECOND.get(name, points if len(op.domain) == 2 else [()])
    return [[x, *(rest if isinstance(rest, tuple) else (rest,))] for x, rest in product(first, others)]


def of_op(name, points, **how):
    names = "xyz"[: len(BUILT[name].domain)]
    equations, shapes = {"F": f"{name}({', '.join(names)})"}, dict.fromkeys(names, "n")
    wrt = names[: 1 if name in SECOND else 2]
    return [
        f
        for a in cases(name, points)
        for w in wrt
        for f in failures(equations, shapes, dict(zip(names, [[v] for v in a], strict=True)), wrt=w, **how)
    ]


@pytest.mark.parametrize("name", SCALAR)
def test_an_op_in_float64(name):
    assert of_op(name, POINTS) == []


@pytest.mark.parametrize("name", SCALAR)
def test_an_op_in_float32(name):
    assert of_op(name, POINTS_32, dtype=np.float32, tolerance=1e-5) == []


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "silu", "mish", "elu", "softplus", "erf"])
def test_an_activation_between_the_points(name):
    points = [s * x for x in (1e-300, 1e-12, 1e-5, 1e-3, 0.1, 0.5, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 300.0, 709.0) for s in (1, -1)]
    assert of_op(name, points) == []


ROWS = [{"x": [[s, 0.0, -s], [s, s, s], [s, -s, 1.0]], "y": [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]} for s in POINTS]
LABELS = [{"x": [s], "y": [t]} for s in POINTS for t in (0.0, 1.0, 0.3)]
NUMBERS = [{"x": [s]} for s in POINTS]
MATRIX, VECTOR = {"x": "n c", "y": "n c"}, {"x": "n", "y": "n"}


@pytest.mark.parametrize("name", STATISTIC)
def test_a_statistic(name):
    least = 1.0 if BUILT[name].accuracy else 0.0
    weighed = {"F": f"{name}(x, axis=1)", "G": "F * y" if name != "logsumexp" else "F"}
    shapes = {k: v for k, v in MATRIX.items() if k == "x" or name != "logsumexp"}
    assert [f for c in ROWS for f in failures(weighed, shapes, {k: c[k] for k in shapes}, least=least)] == []


ON_ROWS = {
    "softmax": {"P": "softmax(x, axis=1)", "J": "-sum(y * log(P))"},
    "softmax in place": {"J": "-sum(y * log(softmax(x, axis=1)))"},
    "log-softmax": {"J": "-sum(y * log_softmax(x, axis=1))"},
    "parts with names": {"E": "exp(x)", "S": "sum(E, axis=1, keepdims=True)", "P": "E / S", "J": "-sum(y * log(P))"},
    "a sum with a name": {"E": "exp(x)", "S": "E.sum(axis=1)", "J": "sum(y * (log(S)[:, None] - x))"},
    "exponentials in place": {"J": "-sum(y * log(exp(x) / sum(exp(x), axis=1, keepdims=True)))"},
    "shifted by hand": {
        "Z": "x - max(x, axis=1, keepdims=True)",
        "E": "exp(Z)",
        "P": "E / sum(E, axis=1, keepdims=True)",
        "J": "-sum(y * log(P))",
    },
    "a temperature": {"P": "exp(x / 2) / sum(exp(x / 2), axis=1, keepdims=True)", "J": "-sum(y * log(P))"},
    "logsumexp": {"J": "sum(y * (logsumexp(x, axis=1, keepdims=True) - x))"},
    "log of a mean": {"J": "sum(y * (log(mean(exp(x), axis=1, keepdims=True)) - x))"},
    "label smoothing": {"P": "softmax(x, axis=1)", "J": "-sum((0.9 * y + 0.1 / 3) * log(P))"},
    "focal": {"P": "softmax(x, axis=1)", "J": "-sum(y * (1 - P)**2 * log(P))"},
    "divergence": {"P": "softmax(x, axis=1)", "J": "sum(P * (log(P) - y))"},
    "cross entropy by name": {"J": "cross_entropy(x, y)"},
    "smoothed, by name": {"J": "cross_entropy(x, y, label_smoothing=0.1)"},
    "divergence by name": {"J": "kl_divergence(softmax(y, axis=1), softmax(x, axis=1))"},
    "contrast": {"J": "info_nce(x, y)"},
    "contrast of directions": {"J": "info_nce(x / sqrt(1 + sum(x * x, axis=1, keepdims=True)), y, temperature=0.5)"},
    "attention": {"J": "sum(scaled_dot_product_attention(x, x, y) ** 2)"},
}
"""Losses of rows of logits x and labels y."""
ON_NUMBERS = {
    "logits": {"J": "sum(softplus(x) - x * y)"},
    "logits by log1p": {"J": "sum(maximum(x, 0) - x * y + log1p(exp(-abs(x))))"},
    "sigmoid": {"p": "sigmoid(x)", "J": "-sum(y * log(p) + (1 - y) * log(1 - p))"},
    "sigmoid in place": {"J": "-sum(y * log(sigmoid(x)) + (1 - y) * log(1 - sigmoid(x)))"},
    "sigmoid of -x": {"J": "-sum(y * log(sigmoid(x)) + (1 - y) * log(sigmoid(-x)))"},
    "sigmoid spelled out": {"p": "1 / (1 + exp(-x))", "J": "-sum(y * log(p) + (1 - y) * log(1 - p))"},
    "focal": {"p": "sigmoid(x)", "J": "-sum(y * (1 - p)**2 * log(p) + (1 - y) * p**2 * log(1 - p))"},
    "huber": {"J": "sum(where(abs(x - y) <= 1, 0.5 * (x - y)**2, abs(x - y) - 0.5))"},
    "hinge": {"J": "sum(relu(1 - y * x)**2)"},
    "squared error": {"J": "mean((x - y)**2)"},
    "absolute error": {"J": "mean(abs(x - y))"},
    "poisson": {"J": "sum(exp(x) - y * x)"},
    "logits by name": {"J": "binary_cross_entropy_with_logits(x, y)"},
    "probabilities by name": {"J": "binary_cross_entropy(sigmoid(x), y)"},
    "focal by name": {"J": "focal_loss(x, y)"},
    "huber by name": {"J": "huber_loss(x, y, delta=0.5)"},
    "hinge by name": {"J": "hinge_loss(x, y)"},
    "gaussian by name": {"J": "gaussian_nll_loss(x, y, exp(y))"},
    "gaussian of a log variance": {"J": "gaussian_nll_loss(y, 0.5, exp(x))"},
    "poisson by name": {"J": "poisson_nll_loss(x, y)"},
}
"""Losses of a number x and a label y."""


@pytest.mark.parametrize("title", ON_ROWS)
def test_a_loss_of_rows(title):
    assert [f for c in ROWS for f in failures(ON_ROWS[title], MATRIX, c, least=1.0)] == []


@pytest.mark.parametrize("title", ON_NUMBERS)
def test_a_loss_of_numbers(title):
    assert [f for c in LABELS for f in failures(ON_NUMBERS[title], VECTOR, c, least=1.0)] == []


SPELLED = {
    "1 - sigmoid": {"F": "1 - sigmoid(x)"},
    "1 - p": {"p": "sigmoid(x)", "F": "1 - p"},
    "p (1 - p)": {"p": "sigmoid(x)", "F": "p * (1 - p)"},
    "1 - tanh^2": {"t": "tanh(x)", "F": "1 - t**2"},
    "1 / (1 + e^-x)": {"F": "1 / (1 + exp(-x))"},
    "e^x / (1 + e^x)": {"F": "exp(x) / (1 + exp(x))"},
    "log(1 + e^x)": {"F": "log(1 + exp(x))"},
    "log1p(e^-x)": {"F": "log1p(exp(-x))"},
    "log(sigmoid)": {"F": "log(sigmoid(x))"},
    "log(1 - sigmoid)": {"F": "log(1 - sigmoid(x))"},
    "log1p(-sigmoid)": {"F": "log1p(-sigmoid(x))"},
    "log(1 + x^2)": {"F": "log(1 + x**2)"},
    "e^x - 1": {"F": "exp(x) - 1"},
    "log cosh": {"F": "log(cosh(x))"},
    "pseudo-huber": {"F": "sqrt(1 + x**2) - 1"},
    "swish": {"F": "x / (1 + exp(-x))"},
    "mish": {"F": "x * tanh(log(1 + exp(x)))"},
    "elu": {"F": "where(x > 0, x, exp(x) - 1)"},
    "softplus": {"F": "where(x > 0, x + log(1 + exp(-x)), log(1 + exp(x)))"},
    "sigmoid": {"F": "where(x >= 0, 1 / (1 + exp(-x)), exp(x) / (1 + exp(x)))"},
    "log where it is": {"F": "where(x > 0, log(x), 0)"},
    "root where it is": {"F": "where(x > 0, sqrt(x), 0)"},
    "quotient where it is": {"F": "where(x > 0, 1 / x, 0)"},
    "x log x": {"F": "where(x > 0, x * log(x), 0)"},
    "power where it is": {"F": "where(x > 0, x**1.5, x)"},
}
"""Functions of x as people spell them."""


@pytest.mark.parametrize("title", SPELLED)
def test_a_spelling(title):
    assert [f for c in NUMBERS for f in failures(SPELLED[title], {"x": "n"}, c)] == []


def test_a_named_part_under_a_bracket_is_left_out():
    assert [f for c in NUMBERS if c["x"][0] > 0 for f in failures({"L": "log(x)", "F": "where(x > 0, L, 0)"}, {"x": "n"}, c)] == []


def test_the_mask_of_a_relu_stays_a_product():
    program, _ = generated((("H", "relu(x)"), ("F", "H * y")), (("x", "n"), ("y", "n")), "x")
    assert "np.where" not in emit.function_source(program, "dx") and "np.greater" in emit.function_source(program, "dx")


def test_a_result_is_evaluated_by_the_stable_model():
    tensors = {"x": {"axes": "n c", "role": "parameter"}, "y": {"axes": "n c", "role": "label", "fact": "simplex over c"}}
    derivation = sbp.derive(sbp.model(tensors, ON_ROWS["parts with names"]))
    x = np.array([[1e4, 0.0, -1e4]])
    assert np.allclose(derivation.gradient("x").evaluate(x=x, y=np.eye(3)[:1]), 0)
    module = sbp.generate(derivation).load()
    assert np.allclose(module.loss(module.Parameters(x), np.eye(3)[1:2]), 1e4)
    assert derivation.gradient("S").program.equation("S") is not None  # the parts can still be asked for


def test_control_cancellation_is_seen():
    shapes, wanted = {"x": "n"}, {"F": "1 - sigmoid(x)"}
    functions = generated(tuple(wanted.items()), tuple(shapes.items()), "x")[1]
    good = functions["F"]
    functions["F"] = lambda x: 1 - 1 / (1 + np.exp(-x))
    try:
        assert failures(wanted, shapes, {"x": [50.0]}) and failures(wanted, shapes, {"x": [-1e3]})
    finally:
        functions["F"] = good


@pytest.mark.parametrize(
    ("text", "at_1"), [("2 * (x - 1) * log(x - 1)", 0), ("(1 - x) * log(2 * x - 2)", 0), ("3 * (x - 1) * sign(x - 1)", 0)]
)
def test_laws_of_products_divide_by_nothing(text, at_1):
    module = sbp.generate(sbp.derive(sbp.model({"x": {"axes": "", "role": "parameter"}}, {"J": text}))).load()
    assert module.loss(module.Parameters(np.array(1.0))) == at_1


def test_the_second_derivative_of_a_cube_of_a_distance():
    assert sbp.derivative("abs(x - 1) ** 3", {"x": ""}, "x", order=2).evaluate(x=1.0) == 0


NUMBERS_OF_FUNCTIONS = {"erf(2)": float(mp.erf(2)), "-tanh(3)": -np.tanh(3), "-exp(-0.5)": -np.exp(-0.5), "-2 * exp(-3)": -2 * np.exp(-3)}


@pytest.mark.parametrize("number", NUMBERS_OF_FUNCTIONS)
def test_a_function_of_a_number_is_a_number(number):
    """1 + erf(2) is no erfc(-2): what is worked out already is not said again."""
    model = sbp.model({"x": {"axes": "n", "role": "parameter"}}, {"J": f"sum(x**2 * (1 + {number} + x))"})
    module = sbp.generate(sbp.derive(model)).load()
    x, value = np.array([-0.7, 1.3]), 1 + NUMBERS_OF_FUNCTIONS[number]
    loss, gradients = module.loss_and_gradients(module.Parameters(x))
    assert np.isclose(loss, np.sum(x**2 * (value + x)), rtol=1e-12)
    assert np.allclose(gradients.x, 2 * x * value + 3 * x**2, rtol=1e-12)


def test_a_large_number_is_not_multiplied_out():
    model = sbp.model(
        {"S": {"axes": "t t", "role": "parameter"}, "M": "t t"}, {"P": "softmax(S + (1 - M) * -1e9, axis=1)", "J": "sum(P ** 2)"}
    )
    module = sbp.generate(sbp.derive(model)).load()
    S, M = np.random.default_rng(0).normal(size=(5, 5)).astype(np.float32), np.tril(np.ones((5, 5), np.float32))
    kept = np.exp(S.astype(float)) * M
    expected = np.sum((kept / kept.sum(axis=1, keepdims=True)) ** 2)
    assert np.isclose(module.loss(module.Parameters(S), M), expected, rtol=1e-6)
