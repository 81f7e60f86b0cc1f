"""What people write who come from paper, MATLAB or other libraries: the message names the construct and says what to write."""
# ruff: noqa: F722, F821

import types
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import symbackprop as sbp
from symbackprop.commands import cli
from symbackprop.commands.data import load_data
from symbackprop.errors import DataError, ParseError, SpecError, SymbackpropError, UnknownOpError
from symbackprop.language.tracing.values.running import advice, in_python

SHAPES = {"x": "n", "y": "n", "A": "n n", "B": "n n", "b": "n"}
SIGNS = {
    "x'": "a transpose is written x.T",
    "A' @ x": "a transpose is written A.T",
    "A.' @ x": "a transpose is written A.T",
    "(A @ B)' @ x": "a transpose is written X.T",
    "A^T @ x": "a transpose is written A.T",
    "x^2": "a power is written **",
    "A^-1 @ x": "a power is written **, the inverse of a matrix inv(A)",
    "A .* B": "a product entry by entry is written x * y",
    "x ./ y": "a quotient entry by entry is written x / y",
    "x.^2": "a power entry by entry is written x ** y",
    "A \\ b": "write solve(A, b) for the solution of A x = b",
    "|x|": "write abs(x), or det(A) for a determinant",
    "||x||": "write norm(x) for the length of a vector",
    "x\N{SUPERSCRIPT TWO}": "a power is written x ** 2",
    "x \N{MINUS SIGN} y": "a minus is written -",
    "x\N{MIDDLE DOT}y": "a product is written *, of matrices @",
    "\N{GREEK CAPITAL LETTER ALPHA} @ x": "names are Latin or Greek letters, digits and _: write Alpha for \N{GREEK CAPITAL LETTER ALPHA}",
    "\N{CYRILLIC SMALL LETTER A} * x": "names are Latin or Greek letters, digits and _",
    "lambda * x": "lambda is a word of Python itself: choose another name, such as lam or lambda_",
    "det A": "a function is called with brackets: det(A)",
    "exp(x))": "a bracket is closed that was not opened",
    "exp(x": "close each bracket that is opened",
    "einsum('ij,jk', A, B": "close each bracket that is opened",
    "tr(A)": "write trace(A)",
    "ln(x)": "write log(x)",
    "vec(A)": "write ravel(A), row by row, or ravel(A.T), column by column",
}


@pytest.mark.parametrize("text", SIGNS)
def test_a_sign_from_elsewhere_has_its_fix(text):
    with pytest.raises(SymbackpropError) as caught:
        sbp.derivative(text, SHAPES, "x")
    assert caught.value.fix == SIGNS[text] and isinstance(caught.value, ParseError | UnknownOpError)


@pytest.mark.parametrize("letter", "\N{GREEK CAPITAL LETTER ALPHA}\N{GREEK SMALL LETTER OMICRON}")
def test_a_tensor_is_not_called_by_a_letter_that_looks_like_another(letter):
    with pytest.raises(
        SpecError, match=f"'{letter}' can't name a tensor.*\n.*names are Latin or Greek letters, digits and _: write .* for"
    ):
        sbp.derivative("x", {letter: "n", "x": "n"}, "x")


def test_options_of_an_expression_show_how_they_are_written():
    def said(*arguments):
        made = CliRunner().invoke(cli.app, ["derive", "A @ x", *arguments], prog_name="symbackprop")
        assert made.exit_code == 2
        return made.stderr

    shapes = ("--shapes", "A: n n; x: n")
    assert 'fix: write as in "A: symmetric; y: simplex over c"' in said(*shapes, "--facts", "A symmetric")
    assert 'fix: set tensors apart by ";", as in "A: m n; x: n"' in said("--shapes", "A: m n, x: n")
    assert 'fix: write as in "A: m n; x: n; b: m"' in said("--shapes", "A m n")


@pytest.mark.parametrize(
    ("command", "reason", "fix"),
    [
        (("derive",), "names no function", "name a function, a model or a module of PyTorch in it: FILE.py:NAME"),
        (("generate",), "names no function", "name a function, a model or a module of PyTorch in it: FILE.py:NAME"),
        (
            ("train", "--data", "x.csv"),
            "it is Python, not the tables of a model",
            "name the TOML file of the model; in Python a function is traced",
        ),
    ],
)
def test_a_python_file_is_no_model(tmp_path, command, reason, fix):
    (tmp_path / "net.py").write_text("def f(x): pass\n")
    said = CliRunner().invoke(cli.app, [command[0], str(tmp_path / "net.py"), *command[1:]], prog_name="symbackprop")
    assert said.exit_code == 2 and reason in said.stderr and f"fix: {fix}" in said.stderr


def test_a_python_file_alone_is_no_backward_pass(tmp_path):
    (tmp_path / "net.py").write_text("def f(x): pass\n")
    said = CliRunner().invoke(cli.app, ["verify", str(tmp_path / "net.py")], prog_name="symbackprop")
    assert said.exit_code == 2 and "names no function" in said.stderr and "net.py:backward --forward forward" in said.stderr


def test_a_model_is_derived_where_a_derivation_is_wanted():
    model = sbp.model({"x": {"axes": "n", "role": "parameter"}}, {"J": "sum(x ** 2)"})
    layers = sbp.Sequential(sbp.Linear("d", "c"), sbp.SoftmaxCrossEntropy())
    assert sbp.generate(model).source == sbp.generate(sbp.derive(model)).source and "def loss" in sbp.generate(layers).source
    assert sbp.verify(model).ok and sbp.check(sbp.derive(model), "dJ/dx == 2 * x").ok
    with pytest.raises(SpecError, match=r"a Result is not a derivation\n.*its code is .numpy"):
        sbp.generate(sbp.derive(model).gradient("x"))
    with pytest.raises(SpecError, match=r'a str is not a model\n.*load it: sbp.load\("net.toml"\)'):
        sbp.generate("net.toml")


LINES = {
    "p[np.arange(n), y]": ("np.arange(n)", "write sbp.arange(n), which takes sizes"),
    "np.hstack((X, np.ones((n, 1))))": ("np.ones((n, 1))", "write sbp.ones((n, 1)), which takes sizes"),
    "for i in range(n):": ("range(n)", "write it for whole arrays: "),
    "logprobs[range(n), y]": ("range(n)", "write sbp.arange(n) for the places"),
    "K + np.eye(len(X))": ("len(X)", "write X.shape[0]"),
    "return s / float(n)": ("float(n)", "leave float() out: a size is a number in an expression"),
    "math.sqrt(n) * x": ("math.sqrt(n)", "write np.sqrt(n): math.sqrt takes no array"),
    "z = scipy.special.logsumexp(z)": ("scipy.special.logsumexp(z)", "scipy.special.logsumexp takes no traced array: write sbp.logsumexp"),
    "z = special.expit(z)": ("special.expit(z)", "special.expit takes no traced array: write sbp.sigmoid(x)"),
    "h = torch.tanh(z)": ("torch.tanh(z)", "torch.tanh takes no traced array: write sbp.tanh"),
    "np.linspace(0, 1, n)": ("np.linspace(0, 1, n)", "write a + (b - a) * arange(n) / (n - 1)"),
    "np.random.randn(n)": ("np.random.randn(n)", "make the random array an argument"),
    "X @ self.W + b": ("X @ self.W", 'make self.W an argument: def f(W: "n d", ...)'),
    "h[t] = np.tanh(U @ h[t - 1])": ("U @ h[t - 1]", "collect the rows in a list and np.stack it: h is an array of numbers"),
    "h[t] = X[t] @ w": ("h[t]", "collect the rows in a list and np.stack it: h is an array of numbers"),
    "np.eye(3)[y] * z": ("np.eye(3)[y]", "write sbp.one_hot(y, 3)"),
    "table[y] * z": ("table[y]", "make table an argument: an array of numbers can't be indexed by a traced one"),
    "np.array([a, b])": ("np.array([a, b])", ""),
    "my_own(z)": ("my_own(z)", ""),
    "x +": ("x +", ""),
}
"""A line of a traced function: the part that an error points at, and what is said to write instead."""


@pytest.mark.parametrize("line", LINES)
def test_the_construct_of_a_line_has_its_fix(line):
    part, fix = LINES[line]
    names = {"np": np, "special": types.ModuleType("scipy.special"), "torch": types.ModuleType("torch"), "my_own": advice}
    start = line.index(part)
    said = advice(line, (start, start + len(part)), names)
    assert said.startswith(fix) and bool(said) == bool(fix)


def test_what_a_text_says_is_said_for_python():
    assert in_python("write sigmoid(x)") == "write sbp.sigmoid(x)" and in_python("write A.T") == "write A.T"


def _fills(X: "4 3", w: "3"):
    h = np.array([0.0, 0.0, 0.0, 0.0])
    for t in range(4):
        h[t] = X[t] @ w
    return np.sum(h)


def _masks(X: "n d", m: "n d"):
    return np.sum(np.where(m == 0, float("-inf"), X))


def _copies(X: "n d", w: "d"):
    return np.sum(np.copy(X) @ w)


def test_a_copy_of_a_traced_array_is_that_array():
    assert sbp.trace(_copies).program.equations[-1].text == "sum(X @ w)"


@pytest.mark.parametrize(
    ("function", "fix"),
    [
        (_fills, "collect the rows"),
        (_masks, "write a large number"),
    ],
)
def test_tracing_tells_it(function, fix):
    with pytest.raises(SymbackpropError) as caught:
        sbp.trace(function)
    assert caught.value.fix.startswith(fix) and caught.value.spans and ", line " in caught.value.place


def test_a_traced_argument_that_picks_entries_is_an_index():
    def f(X: "n d", W: "c d", y: "n"):
        P = sbp.softmax(X @ W.T, axis=1)
        return -np.mean(np.log(P[sbp.arange(X.shape[0]), y]))

    model = sbp.trace(f, parameters=["W"])
    assert model.program.tensors["y"].role == "index" and str(model.program.samples) == "n"
    with pytest.raises(SpecError, match="fix: leave y out of parameters= and facts=: it says places"):
        sbp.trace(f, parameters=["W", "y"])


CSV = [
    (
        "a,b,c,d,kind\n1,2,3,4,u\n1,2,3,4,v\n1,2,3,4,w\n1,2,3,4,z\n",
        "4 classes of labels (u, v, w, z), the model has 3",
        "set c = 4 under [axes]",
    ),
]


@pytest.mark.parametrize(("text", "reason", "fix"), CSV, ids=[r for _, r, _ in CSV])
def test_a_csv_that_is_not_as_it_looks(tmp_path, text, reason, fix):
    (tmp_path / "data.csv").write_text(text)
    program = sbp.load(Path(__file__).resolve().parent.parent / "examples" / "two_layer.toml").program
    with pytest.raises(DataError) as caught:
        load_data(tmp_path / "data.csv", program)
    assert caught.value.reason == reason and caught.value.fix.startswith(fix)


def test_columns_that_pandas_numbered_are_a_header(tmp_path):
    (tmp_path / "data.csv").write_text("0,1,2,3,kind\n1,2,3,4,u\n1,2,3,5,v\n1,2,3,6,w\n")
    program = sbp.load(Path(__file__).resolve().parent.parent / "examples" / "two_layer.toml").program
    assert load_data(tmp_path / "data.csv", program).count == 3


@pytest.mark.parametrize("order", [1.0, True, "1", None, 4, 0])
def test_an_order_is_one_of_three_whole_numbers(order):
    with pytest.raises(SymbackpropError, match="is not one of 1, 2, 3"):
        sbp.derivative("sum(x)", {"x": "n"}, "x", order=order)
