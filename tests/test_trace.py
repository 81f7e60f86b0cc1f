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
from symbackprop.errors import AxisError, ParseError, SpecError, SymbackpropError, UnknownNameError, UnknownOpError
from symbackprop.language.elaborate import elaborate
from symbackprop.language.nodes import Number, walk
from symbackprop.language.trace import trace_spec
from symbackprop.verify.literal import evaluate


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


def test_what_a_tensor_may_not_be_called_is_numbered():
    def f(X: "n h", w: "h"):
        h = X @ w
        mean = h.mean()
        J = mean * h.sum()
        return -J

    assert texts(f) == {"h1": "X @ w", "mean1": "mean(h1)", "J": "mean1 * sum(h1)", "J1": "-J"}


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


def test_pi_is_itself_unless_an_argument_is_called_so():
    def f(x: "n"):
        return np.pi * x.sum()

    def g(x: "n", pi: ""):
        return math.pi * x.sum() * pi

    assert texts(f)["J"] == "pi * sum(x)"
    assert texts(g)["J"] == "3.141592653589793 * sum(x) * pi"


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


def test_a_branch_on_values_is_shown_with_its_line():
    def f(x: "n"):
        if x[0] > 0:
            return x.sum()
        return -x.sum()

    assert mistake(f) == (
        SpecError,
        [
            "SpecError in function f, line +1: a branch on the values of an array: they are not known while tracing",
            "    if x[0] > 0:",
            "       ^^^^^^^^",
            "    fix: write np.where(condition, a, b), np.maximum(a, b) or sbp.relu(x)",
        ],
    )


def test_an_unknown_function_is_named_with_the_nearest():
    def f(x: "n"):
        y = 2 * x
        return np.logaddexp(y, x).sum()

    assert mistake(f) == (
        UnknownOpError,
        [
            "UnknownOpError in function f, line +2: 'np.logaddexp' is not in the language",
            "    return np.logaddexp(y, x).sum()",
            "           ^^^^^^^^^^^^^^^^^^",
            "    fix: did you mean logsumexp, logdet, slogdet?",
        ],
    )


def test_shapes_that_clash_are_told_where_a_shape_is_asked_for():
    def f(x: "n", y: "m"):
        return x.sum() * (x + y).shape[0]

    kind, lines = mistake(f)
    assert kind is AxisError
    assert lines[0] == "AxisError in function f, line +1: axis 'n' has two sizes, n and m"
    assert lines[2:4] == ["                     ^^^^^^^^^^^^^", "    x is n, y is m"]


def _changes(x: "n"):
    x[0] = 1
    return x.sum()


def _adds_in_place(x: "n"):
    y = np.ones(3)
    y += x
    return y.sum()


def _loops(x: "n"):
    total = 0
    for one in x:
        total = total + one
    return total


def _counts(x: "n"):
    return sum(x[k] for k in range(x.shape[0]))


def _compares_sizes(x: "n", y: "m"):
    if x.shape == y.shape:
        return x.sum()
    return y.sum()


REFUSED = [
    (lambda x: x[0] and x[1], SpecError, "a branch on the values"),
    (lambda x: max(x.sum(), 0), SpecError, "a branch on the values"),
    (lambda x: x[0] in x, SpecError, "a branch on the values"),
    (lambda x: float(x[0]), SpecError, "asks for a Python number"),
    (lambda x: int(x[0]), SpecError, "asks for a Python number"),
    (lambda x: math.exp(x[0]), SpecError, "asks for a Python number"),
    (lambda x: round(x[0]), SpecError, "asks for a Python number"),
    (lambda x: [1, 2][x[0]], SpecError, "asks for a Python number"),
    (lambda x: math.sqrt(x.shape[0]) * x, SpecError, "asks for n as an integer"),
    (lambda x: np.zeros(x.shape) + x, SpecError, "asks for n as an integer"),
    (lambda x: np.arange(x.shape[0]) * x, SpecError, "asks for n as an integer"),
    (lambda x: len(x) * x, SpecError, "len\\(\\) has to be an integer"),
    (lambda x: sum(x), SpecError, "a loop over an axis"),
    (lambda x: np.array([x, x]), SpecError, "has no numbers yet"),
    (lambda x: np.asarray(x), SpecError, "has no numbers yet"),
    (lambda x: x + np.arange(3), SpecError, "an array of numbers with shape \\(3,\\)"),
    (lambda x: np.arange(3) * x, SpecError, "an array of numbers with shape \\(3,\\)"),
    (lambda x: x * np.nan, SpecError, "nan is not a number"),
    (lambda x: x * np.inf, SpecError, "inf is not a number"),
    (lambda x: x * 1j, SpecError, "a complex can't stand in a model"),
    (lambda x: x + {1}, SpecError, "a set can't stand in a model"),
    (lambda x: x[[0, 1]], SpecError, "a list can't stand in an index"),
    (lambda x: x["a"], SpecError, "a str can't stand in an index"),
    (lambda x: x[1.5], SpecError, "a float can't stand in an index"),
    (lambda x: x[True], SpecError, "a bool can't stand in an index"),
    (lambda x: x // 2, ParseError, "the operator // is not"),
    (lambda x: 2 % x, ParseError, "the operator % is not"),
    (lambda x: ~(x > 0), ParseError, "the operator ~ is not"),
    (lambda x: (x > 0) & (x < 1), ParseError, "the operator & is not"),
    (lambda x: x.softmax(), ParseError, "no attribute .softmax"),
    (lambda x: x.grad, ParseError, "no attribute .grad"),
    (lambda x: x.mT, ParseError, "no attribute .mT"),
    (lambda x: np.sum(x, dtype=float), ParseError, "op 'sum' has no option 'dtype'"),
    (lambda x: np.sum(x, where=x > 0), ParseError, "op 'sum' has no option 'where'"),
    (lambda x: np.exp(x, out=x), SpecError, "changes an array in place"),
    (lambda x: np.add.reduce(x), SpecError, "np.add.reduce is not in the language"),
    (lambda x: np.fft.fft(x), UnknownOpError, "'np.fft.fft' is not in the language"),
    (lambda x: np.linalg.qr(x), UnknownOpError, "'np.linalg.qr' is not in the language"),
    (lambda x: sbp.elu(x, slope=1), ParseError, "op 'elu': got an unexpected keyword argument 'slope'"),
    (lambda x: sbp.elu(x, 1, 2), ParseError, "op 'elu': too many positional arguments"),
    (lambda x: undefined + x, SpecError, "running it raised NameError"),
    (lambda x: 1 / 0, SpecError, "running it raised ZeroDivisionError"),
    (lambda x: x, SpecError, "it returns its argument x"),
    (lambda x: None, SpecError, "it returns nothing"),
    (lambda x: 3, SpecError, "depends on no argument"),
    (lambda x: x.shape[0], SpecError, "depends on no argument"),
    (lambda x: (x.sum(), x), SpecError, "it returns several values"),
    *[(f, SpecError, "changes an array in place") for f in (_changes, _adds_in_place)],
    (_loops, SpecError, "a loop over an axis"),
    (_counts, SpecError, "asks for n as an integer"),
    (_compares_sizes, AxisError, "whether sizes n and m compare so is not known"),
]


@pytest.mark.parametrize(("function", "kind", "reason"), REFUSED)
def test_what_no_tree_can_say_is_a_typed_error(function, kind, reason):
    if not function.__annotations__:
        function.__annotations__["x"] = "n"
    with pytest.raises(SymbackpropError, match=reason) as caught:
        trace_spec(function)
    assert type(caught.value) is kind
    assert caught.value.place.startswith("function ") and caught.value.fix


def test_a_text_is_no_operand():
    def f(x: "n"):
        return (x + "a").sum()

    with pytest.raises(ParseError, match="can't stand here as a value"):
        elaborate(trace_spec(f))


def test_arguments_without_a_shape_are_named():
    def f(x, y: "n"):
        return x

    def g(x: "n", **others: "n"):
        return x

    def h(x: "n-1"):
        return x

    assert mistake(f)[1][0] == "SpecError in function f: argument 'x' has no shape"
    assert mistake(g)[1][0] == "SpecError in function g: argument '**others: 'n'' stands for any number of tensors"
    assert mistake(h) == (
        AxisError,
        [
            "AxisError in argument x of function h: 'n-1' is not an axis",
            "    n-1",
            "    ^^^",
            '    fix: write names or sizes apart by blanks, as in "n d" or "3 d"',
        ],
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parameters": ["W3"]}, "UnknownNameError in parameters: 'W3' is no argument of function two_layer"),
        ({"facts": {"y": "simplex"}}, "UnknownNameError in facts: 'y' is no argument of function two_layer"),
        ({"output": "Yhatt"}, "UnknownNameError in function two_layer: output 'Yhatt' is no local variable"),
    ],
)
def test_keywords_that_name_nothing_are_refused(options, message):
    kind, lines = mistake(two_layer, **options)
    assert kind is UnknownNameError and lines[0] == message
    assert lines[-1].startswith("    fix: did you mean ")


@pytest.mark.parametrize("thing", [3, "f", np.exp, math.exp, int])
def test_only_functions_are_traced(thing):
    assert mistake(thing)[1][0].endswith("can't be traced")


def test_a_function_without_arguments_is_refused():
    assert mistake(lambda: 3)[1][0] == "SpecError in function <lambda>: it has no arguments, so there is nothing to derive by"
