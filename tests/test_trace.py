"""Traced functions: the equations they give, that they run on arrays as they are, and every mistake at its line."""
# ruff: noqa: F722, F821

import __future__

import math
import sys
import time
from fractions import Fraction
from functools import wraps

import numpy as np
import pytest
from sympy import Rational

import symbackprop as sbp
from symbackprop.errors import SpecError, SymbackpropError
from symbackprop.language.elaborate import elaborate
from symbackprop.language.nodes import Number, walk
from symbackprop.language.tracing.trace import trace_spec
from symbackprop.verification.oracle.literal import evaluate


def texts(function, **options) -> dict[str, str]:
    return {e.name: e.text for e in trace_spec(function, **options).equations}


def mistake(function, **options) -> tuple[type, list[str]]:
    """The kind of the error and its lines, line numbers counted from the head of the function."""
    with pytest.raises(SymbackpropError) as caught:
        trace_spec(function, **options)
    head = getattr(getattr(function, "__code__", None), "co_firstlineno", 0)
    lines = str(caught.value).splitlines()
    for k in range(1, 20):
        lines[0] = lines[0].replace(f", line {head + k}:", f", line +{k}:")
    return type(caught.value), lines


def two_layer(X: "n d", Y: "n c", W1: "h d", b1: "h", W2: "c h", b2: "c"):
    H0 = X @ W1.T + b1
    H = sbp.relu(H0)
    O = H @ W2.T + b2
    Yhat = sbp.softmax(O, axis=-1)
    return -np.sum(Y * np.log(Yhat)) / X.shape[0]


ROLES = {"parameters": ["W1", "b1", "W2", "b2"], "facts": {"Y": "simplex over c"}, "output": "O"}


def test_a_function_gives_the_equations_that_it_says():
    spec = trace_spec(two_layer, **ROLES)
    assert {e.name: e.text for e in spec.equations} == {
        "H0": "X @ W1.T + b1",
        "H": "relu(H0)",
        "O": "H @ W2.T + b2",
        "Yhat": "softmax(O, axis=-1)",
        "J": "-sum(Y * log(Yhat)) / n",
    }
    assert (spec.name, spec.objective, spec.output) == ("two_layer", "J", "O")


def test_roles_come_from_parameters_and_facts():
    spec = trace_spec(two_layer, **ROLES)
    assert [t.role for t in spec.tensors.values()] == ["input", "label", *["parameter"] * 4]
    assert spec.tensors["Y"].facts == ("simplex over c",)
    assert {t.role for t in trace_spec(two_layer).tensors.values()} == {"input"}


def test_sizes_and_samples_are_passed_on():
    spec = trace_spec(two_layer, **ROLES, sizes={"n": 7}, samples="n")
    assert spec.sizes == {"n": 7} and spec.samples == "n"


def test_the_function_is_its_own_reference():
    rng = np.random.default_rng(0)
    n, d, h, c = 2, 3, 5, 7
    shapes = {"X": (n, d), "Y": (n, c), "W1": (h, d), "b1": (h,), "W2": (c, h), "b2": (c,)}
    arrays = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    made = evaluate(elaborate(trace_spec(two_layer)), arrays)
    assert np.isclose(made["J"], two_layer(**arrays), rtol=1e-12)
    arrays["X"] = -arrays["X"]
    assert not np.isclose(made["J"], two_layer(**arrays), rtol=1e-3)


def many_ops(X: "n d", w: "d", y: "n", W: "3 d"):
    z = 2 - X @ w + 1 / (1 + np.exp(-(X**2) @ w))
    a, b, c = W
    total = np.where(z > 0, z, 0.1 * z).sum() + (a * b - c).mean() ** 2 + z[1:] @ z[:-1]
    total += np.float64(3) * abs(z[0]) + np.array(2) * np.linalg.norm(w) + 2 ** np.tanh(z).mean()
    total -= np.einsum("i,ij,j->", y, X, w, optimize=True) + np.trace(np.outer(w, w)) + np.dot(w, w)
    total *= np.pi + sbp.logsumexp(z) + sbp.gelu(z[-1]) + np.log1p(y**2).sum() + np.var(X, axis=0, ddof=1) @ w
    total = total + X.reshape(X.shape[0], 1, -1).sum() + np.reshape(w, (1, X.shape[1])).sum() + X[None, ..., 0].sum()
    total = total + X.transpose(1, 0).T.sum() + X.size / X.ndim + len(W) + np.sum(sbp.eye(X.shape[1]) @ w) + w.copy()[0]
    return total / np.sqrt(w.shape[0]) + np.clip(y, -0.5, 0.5).sum() + np.maximum(y, 0).sum() + (+y).sum()


def test_what_numpy_has_is_traced_as_it_is_computed():
    rng = np.random.default_rng(1)
    arrays = {"X": rng.standard_normal((5, 2)), "w": rng.standard_normal(2), "y": rng.standard_normal(5), "W": rng.standard_normal((3, 2))}
    made = evaluate(elaborate(trace_spec(many_ops, objective="J")), arrays)
    assert np.isclose(made["J"], many_ops(**arrays), rtol=1e-10)


def test_a_name_bound_again_keeps_its_last_value_and_numbers_the_others():
    def f(X: "n d", w: "d"):
        z = X @ w
        z = np.tanh(z)
        z = z * 2.5
        X = X - 1
        loss = z.sum() + X.sum()
        return loss

    assert texts(f) == {"z1": "X @ w", "z2": "tanh(z1)", "z": "z2 * 2.5", "X1": "X - 1", "loss": "sum(z) + sum(X1)"}
    assert trace_spec(f).objective == "loss"


def test_numbered_names_step_over_those_that_are_taken():
    def f(x: "n", z1: ""):
        z2 = x * z1
        z = np.sin(z2)
        z = np.cos(z)
        return z.sum()

    assert list(texts(f)) == ["z2", "z3", "z", "J"]


def test_a_name_that_ends_in_a_digit_is_numbered_apart():
    def f(x: "n", W1: "n n"):
        W1 = W1 + W1.T
        return x @ W1 @ x

    assert texts(f) == {"W1_1": "W1 + W1.T", "J": "x @ W1_1 @ x"}


def test_the_zero_that_pythons_sum_starts_with_is_left_out():
    def f(x: "n"):
        return sum(x[k] for k in (0, -1))

    assert texts(f) == {"J": "x[0] + x[-1]"}


def test_a_variable_that_is_called_like_an_axis_is_numbered_one_that_is_called_like_an_op_is_not():
    def f(X: "n h", w: "h"):
        h = X @ w
        mean = h.mean()
        J = mean * h.sum()
        return -J

    assert texts(f) == {"h1": "X @ w", "mean": "mean(h1)", "J": "mean * sum(h1)", "J1": "-J"}


def test_a_shared_value_without_a_name_gets_one():
    def f(x: "n"):
        def twice(y):
            return y * y

        return twice(np.exp(x)).sum()

    assert texts(f) == {"t1": "exp(x)", "J": "sum(t1 * t1)"}


def test_doubling_a_hundred_times_stays_small():
    def f(x: "n"):
        def doubled(y, times):
            return y if times == 0 else doubled(y + y, times - 1)

        return doubled(x, 100).sum()

    start = time.process_time()
    assert len(texts(f)) == 100
    assert time.process_time() - start < 1


def test_long_sums_are_cut_into_equations():
    def f(x: "n"):
        return sum([np.sin(k * x) for k in range(300)]).sum()

    spec = trace_spec(f)
    assert 5 < len(spec.equations) < 20
    x = np.array([0.3, -0.7])
    assert np.isclose(evaluate(elaborate(spec), {"x": x})["J"], f(x))


def test_what_nothing_asks_for_is_left_out():
    def f(x: "n"):
        unused = np.exp(x)  # noqa: F841
        return x.sum()

    assert texts(f) == {"J": "sum(x)"}
    assert texts(f, output="unused") == {"unused": "exp(x)", "J": "sum(x)"}


def test_the_objective_may_be_another_variable_or_a_name_for_the_value_returned():
    def f(x: "n"):
        loss = np.sum(x**2)
        return np.exp(x).sum() + loss

    assert trace_spec(f, objective="loss").objective == "loss"
    assert list(texts(f, objective="cost")) == ["loss", "cost"]


def test_a_condition_with_a_name_stands_in_place():
    def f(x: "n", y: "n"):
        mask = x > y
        return np.where(mask, x, y).sum() + np.where(mask, 1.5, x).sum()

    assert texts(f) == {"J": "sum(where(x > y, x, y)) + sum(where(x > y, 1.5, x))"}


def test_sizes_are_numbers_that_stay_symbolic():
    def f(X: "n d", w: "d", W: "3 d"):
        n, d = X.shape
        Z = X[1:] - X[:-1]
        assert X.shape == (n, d) and Z.shape == (n - 1, d) and W.shape[0] == 3 and len(W) == 3
        assert n + 1 > n and n != n - 1 and n * d >= 1 and n != n + 1 and -n < 0 and (X @ w).shape == (n,)
        assert np.shape(X) == X.shape and np.ndim(Z) == 2 and np.where(X > 0, X, Z.mean()).shape == X.shape
        assert repr(n * d / 2) in ("d*n/2", "n*d/2")
        return (Z @ w).sum() * n / (n - 1) + 0.5 * n * d

    assert texts(f)["J"] == "sum(Z @ w) * n / (n - 1) + 0.5 * n * d"


def test_numbers_are_exact():
    def f(x: "n"):
        return 0.1 * x.sum() + Fraction(1, 3) + np.float64(0.2) + 1e-300 + True * x[0]

    (equation,) = trace_spec(f).equations
    values = {node.value for node in walk(equation.node) if isinstance(node, Number)}
    assert {Rational(1, 10), Rational(1, 5), Rational("1e-300")} <= values
    assert "1 / 3" in equation.text


def test_the_parts_of_a_split_and_a_decomposition_are_unpacked():
    def f(x: "n 6", A: "n n"):
        left, right = np.split(x, 2, axis=1)
        parts = np.split(x, 3, axis=1)
        s, size = np.linalg.slogdet(A)
        return (left * right).sum() + (parts[2] * parts[0]).sum() / parts[1].shape[1] + s * size

    assert set(texts(f)) >= {"left", "right", "s", "size"} and "parts" not in texts(f)
    x, a = np.random.default_rng(0).normal(size=(2, 4, 6)), np.diag([1.0, -2.0, 3.0, 0.5])
    module = sbp.generate(sbp.derive(sbp.trace(f, parameters=["x"]))).load()
    assert np.isclose(module.loss(module.Parameters(x[0]), a), f(x[0], a))


def test_conditions_are_combined():
    def f(x: "n", y: "n"):
        return np.where((x > 0) & ~(y > x) | (x < -1), x, y).sum()

    x, y = np.random.default_rng(1).normal(size=(2, 50))
    module = sbp.generate(sbp.derive(sbp.trace(f, parameters=["x"]))).load()
    assert np.isclose(module.loss(module.Parameters(x), y), f(x, y))


def test_pi_is_itself_also_where_an_argument_is_called_so():
    def f(x: "n"):
        return np.pi * x.sum()

    def g(x: "n", pi: ""):
        return math.pi * x.sum() * pi

    assert texts(f)["J"] == "np.pi * sum(x)"
    assert texts(g)["J"] == "np.pi * sum(x) * pi"


def test_an_argument_without_a_shape_keeps_its_default():
    def f(x: "n", weight=0.5, *, y: ""):
        return weight * x.sum() + y

    spec = trace_spec(f)
    assert list(spec.tensors) == ["x", "y"] and spec.equations[0].text == "0.5 * sum(x) + y"


def later(source: str):
    """The function that `source` defines, with its annotations put off as text."""
    space: dict = {"np": np, "Rows": "n d"}
    exec(compile(source, "<later>", "exec", __future__.annotations.compiler_flag), space)
    return space["f"]


def test_annotations_that_are_put_off_are_read():
    for shape in ("'n d'", '"n d"', "Rows"):
        assert trace_spec(later(f"def f(X: {shape}, s: ''): return s * X.sum()")).tensors["X"].axes == "n d"
    kind, lines = mistake(later("def f(X: float): return X"))
    assert kind is SpecError and lines[0] == "SpecError in function f: the annotation of argument 'X' is not a shape string"


def test_methods_and_wrapped_functions_are_traced():
    class Holder:
        def loss(self, x: "n"):
            return x.sum()

    @wraps(two_layer)
    def wrapped(*args, **options):
        return two_layer(*args, **options)

    assert texts(Holder().loss) == {"J": "sum(x)"}
    assert texts(wrapped) == texts(two_layer)


def test_a_tracer_of_python_is_put_back():
    before = sys.gettrace()
    trace_spec(two_layer)
    assert sys.gettrace() is before
    with pytest.raises(SpecError):
        trace_spec(later("def f(x: 'n'): return 1 / 0"))
    assert sys.gettrace() is before


def test_control_c_is_not_swallowed():
    def f(x: "n"):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trace_spec(f)
