"""What tracing refuses: a typed error that shows the guilty line."""
# ruff: noqa: F722, F821

import math

import numpy as np
import pytest
from test_trace import two_layer

import symbackprop as sbp
from symbackprop.errors import AxisError, ParseError, SpecError, SymbackpropError, UnknownNameError, UnknownOpError
from symbackprop.language.elaborate import elaborate
from symbackprop.language.tracing.trace import trace_spec
from symbackprop.verification.oracle.literal import evaluate


def mistake(function, **options) -> tuple[type, list[str]]:
    """The kind of the error and its lines, line numbers counted from the head of the function."""
    with pytest.raises(SymbackpropError) as caught:
        trace_spec(function, **options)
    head = getattr(getattr(function, "__code__", None), "co_firstlineno", 0)
    lines = str(caught.value).splitlines()
    for k in range(1, 20):
        lines[0] = lines[0].replace(f", line {head + k}:", f", line +{k}:")
    return type(caught.value), lines


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
        return np.logaddexp2(y, x).sum()

    assert mistake(f) == (
        UnknownOpError,
        [
            "UnknownOpError in function f, line +2: 'np.logaddexp2' is not in the language",
            "    return np.logaddexp2(y, x).sum()",
            "           ^^^^^^^^^^^^^^^^^^^",
            "    fix: did you mean logaddexp, logsumexp, logdet?",
        ],
    )


def test_shapes_that_clash_are_told_where_a_shape_is_asked_for():
    def f(x: "n", y: "m"):
        return x.sum() * (x + y).shape[0]

    kind, lines = mistake(f)
    assert kind is AxisError
    assert lines[0] == "AxisError in function f, line +1: axis 'n' has two sizes, n and m"
    assert lines[2:4] == ["                     ^^^^^^^^^^^^^", "    x is n, y is m"]


def _writes_into_whole_numbers(x: "n"):
    y = np.zeros(len(x), dtype=int)
    y[0] = x[0]
    return y.sum() * x


def _adds_what_is_larger(x: "n"):
    y = x.sum(keepdims=True)
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
    (lambda x: max(x, key=abs), SpecError, "a loop over an axis"),
    (lambda x: x[0] in x, SpecError, "a branch on the values"),
    (lambda x: float(x), SpecError, "asks for a Python number"),
    (lambda x: complex(x[0]), SpecError, "asks for a Python number"),
    (lambda x: math.gamma(x[0]), UnknownOpError, "'math.gamma' is not in the language"),
    (lambda x: round(x[0]), SpecError, "asks for a Python number"),
    (lambda x: [1, 2][x[0]], SpecError, "asks for a Python number"),
    (lambda x: [0] * x.shape[0], SpecError, "asks for n as an integer"),
    (lambda x: np.zeros(x[0]) + x, SpecError, "the size of an array depends on values"),
    (lambda x: [1 for _ in range(x.shape[0])], SpecError, "a loop over a range whose size is symbolic, n"),
    (lambda x: sum(x, start=0.5), SpecError, "a loop over an axis"),
    (lambda x: x.__array__(), SpecError, "has no numbers yet"),
    (lambda x: x + np.arange(65), SpecError, "an array of numbers with shape \\(65,\\)"),
    (lambda x: np.arange(65) * x, SpecError, "an array of numbers with shape \\(65,\\)"),
    (lambda x: x * np.nan, SpecError, "nan is not a number"),
    (lambda x: x * np.inf, SpecError, "inf is not a number"),
    (lambda x: x * 1j, SpecError, "a complex can't stand in a model"),
    (lambda x: x + {1}, SpecError, "a set can't stand in a model"),
    (lambda x: x[[0.5, 1]], SpecError, "a list can't stand in an index"),
    (lambda x: x["a"], SpecError, "a str can't stand in an index"),
    (lambda x: x[1.5], SpecError, "a float can't stand in an index"),
    (lambda x: x[True], SpecError, "a bool can't stand in an index"),
    (lambda x: divmod(x, 2), ParseError, "the operator divmod is not"),
    (lambda x: (x > 0) ^ (x < 1), ParseError, r"the operator \^ is not"),
    (lambda x: x.softmax(), ParseError, "no attribute .softmax"),
    (lambda x: x.grad, ParseError, "no attribute .grad"),
    (lambda x: x.mT, ParseError, "no attribute .mT"),
    (lambda x: np.sum(x, dtype=int), ParseError, "op 'sum' has no option 'dtype'"),
    (lambda x: np.sum(x, where=x > 0), ParseError, "op 'sum' has no option 'where'"),
    (lambda x: np.hypot.reduce(x), SpecError, "np.hypot.reduce is not in the language"),
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
    (lambda x: (x.shape, x), SpecError, "depends on no argument"),
    (lambda x: x[x > 0], ParseError, "the value returned of x\\[mask\\]"),
    (lambda x: -(x > 0), ParseError, "'negative' of truth values"),
    (lambda x: (x > 0) - (x < 1), ParseError, "'subtract' of truth values"),
    (_writes_into_whole_numbers, ParseError, "cuts what is written into it"),
    (_adds_what_is_larger, AxisError, "does not fit into the array"),
    (_loops, SpecError, "a loop over an axis"),
    (_counts, SpecError, "a loop over a range whose size is symbolic, n"),
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
            '    fix: write names or sizes apart by blanks, as in "n d" or "3 d"; products and sums of them without, as in "4*k"',
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


def test_what_is_changed_in_place_is_changed_for_all_its_names():
    def own(X: "n d", b: "d"):
        Z = 2 * X
        Z += b
        Z *= Z
        return np.sum(Z)

    def alias(X: "n d", b: "d"):
        Z = X
        Z += b
        return np.sum(X * Z)

    assert [e.text for e in trace_spec(own).equations] == ["2 * X", "Z1 + b", "Z2 * Z2", "sum(Z)"]
    assert [e.text for e in trace_spec(alias).equations] == ["X + b", "sum(X1 * X1)"]


def test_what_may_share_memory_is_not_used_after_it_was_written_to():
    def flat(X: "n d", b: "d"):
        row = X.reshape(-1)
        X += b
        return np.sum(row)

    def swapped(X: "n n"):
        turned = np.swapaxes(X, 0, 1)
        turned *= 2
        return np.sum(X**2)

    assert mistake(flat) == (
        SpecError,
        [
            "SpecError in function flat, line +3: this array was changed in place through another name",
            "    return np.sum(row)",
            "           ^^^^^^^^^^^",
            "    fix: write A = A + x rather than A += x where the array, or a reshaped one of the same memory, has another name too",
        ],
    )
    assert mistake(swapped)[1][0].endswith("this array was changed in place through another name")


def test_what_is_not_used_again_is_not_refused():
    def f(X: "n d", b: "d"):
        flat = X.reshape(-1)
        total = flat.sum()
        X += b
        order = np.argsort(X, axis=0)
        X[order > 0] = np.sort(b)
        X = np.where(b > 0, b, total)
        return np.sum(X)

    assert [e.name for e in trace_spec(f).equations] == ["flat", "total", "X1", "J"]


def test_a_view_and_the_whole_change_together():
    def whole_after_view(X: "n d"):
        row = X[0]
        row *= 2
        return np.sum(X) + np.sum(row)

    def view_after_whole(X: "n d"):
        Z = X + 1
        turned = Z.T
        Z *= 2
        return np.sum(turned)

    for function in (whole_after_view, view_after_whole):
        X = np.random.default_rng(0).normal(size=(3, 2))
        made = evaluate(elaborate(trace_spec(function)), {"X": X.copy()})
        assert np.isclose(made["J"], function(X.copy()))


def test_a_number_has_no_other_name():
    def f(x: "n"):
        J = np.sum(x)
        first = J
        J += np.sum(x**2)
        return J * first

    assert [e.name for e in trace_spec(f).equations] == ["J1", "J", "J2"]
