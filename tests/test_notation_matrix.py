"""Matrix form, by value: LaTeX read back by the reader of people's, NumPy notation run, both against a literal evaluation."""

import random

import numpy as np
import pytest
from notation_models import SIZES, one_sample, two_layer
from round_trip import read_matrix
from sympy import Expr, Rational, S, exp, log, sqrt, tanh
from test_notation_index import SHAPES, SPELLED, T, arrays, empty, grown

import symbackprop as sbp
from symbackprop.calculus.index import Index, axis, free_indices
from symbackprop.calculus.program import Equation, Program, Tensor
from symbackprop.calculus.term import NonNegative, Positive, Total, delta
from symbackprop.derivation.reverse import gradient, jacobian
from symbackprop.errors import NotationError
from symbackprop.matrix.building import scale, transpose
from symbackprop.matrix.form import matrix_equation_latex, matrix_latex, matrix_numpy
from symbackprop.matrix.nodes import Leaf, MatMul, Unit
from symbackprop.matrix.slices import row, total
from symbackprop.matrix.text import Texter
from symbackprop.ops.entrywise.elementwise import sigmoid
from symbackprop.typesetting import tree
from symbackprop.typesetting.index_form import Writer
from symbackprop.typesetting.latex import latex as to_latex
from symbackprop.typesetting.mathml import mathml
from symbackprop.verification.oracle.literal import evaluate, evaluate_expression
from symbackprop.verification.points.draws import random_arrays

n, d, h, c = map(axis, "ndhc")
i, j = free_indices((n, d))
r, q, s, p = Index("r0", n), Index("r0", d), Index("r1", n), Index("r1", h)
LANGUAGE = {
    name: getattr(np, name) for name in ("log", "exp", "tanh", "sqrt", "outer", "ones", "zeros", "eye", "diag", "diagonal", "trace", "tril")
}
LANGUAGE["where"] = np.where
LANGUAGE["norm"] = np.linalg.norm
LANGUAGE["cumsum"] = np.cumsum
LANGUAGE["zip"], LANGUAGE["range"], LANGUAGE["sum"] = zip, range, sum
LANGUAGE["relu"] = lambda x: np.maximum(x, 0.0)
LANGUAGE["sigmoid"] = lambda x: 1 / (1 + np.exp(-x))


def equation(e, axes):
    return Equation(Tensor("R", axes), free_indices(axes), e)


def literal(e, known, axes):
    value = evaluate_expression(e, free_indices(axes), known, {axis(k): v for k, v in SIZES.items()})
    return np.broadcast_to(value, [SIZES[str(a)] for a in axes])


def run(text, known, sizes):
    """NumPy notation on arrays; eval is safe here, for the text is the package's own."""
    return np.asarray(eval(text, {"__builtins__": {}, **LANGUAGE, **sizes, **known}))


def agrees(e, axes, known):
    wanted = literal(e, known, axes)
    printed = matrix_latex(equation(e, axes), empty())
    text = matrix_numpy(equation(e, axes), empty())
    read = read_matrix(printed, {SPELLED.get(k, k): v for k, v in known.items()}, SIZES, wanted.shape)
    ran = run(text, known, SIZES)
    assert np.allclose(read, wanted), printed
    assert np.shape(ran) == wanted.shape and np.allclose(ran, wanted), (text, printed)


CASES = {
    "product": (Total(T("A", i, q) * T("S", r, i) * T("B", q, p), q, p, r).subs(r, r) * T("x", j), (n, d)),
    "matrix product": (Total(T("S", i, r) * T("A", r, j), r), (n, d)),
    "three in a row": (Total(T("S", i, r) * T("S", s, r) * T("A", s, j), r, s), (n, d)),
    "bias": (Total(T("S", i, r) * T("A", r, j), r) + T("x", j), (n, d)),
    "column": (T("A", i, j) - Total(T("A", i, q), q), (n, d)),
    "outer": (Total(T("A", i, q), q) * T("x", j), (n, d)),
    "only a row": (T("x", j) - 2 * T("y", j), (n, d)),
    "only a scalar": (T("a") * 2 + n * T("lam"), (n, d)),
    "diagonal between": (Total(T("B", q, p) * T("x", q) * T("A", i, q) * T("W1", p, j), q, p), (n, d)),
    "rows scaled": (T("A", i, j) * T("x", j) * Total(T("A", i, q) * T("x", q), q), (n, d)),
    "elementwise": (T("A", i, j) ** 2 / sqrt(T("A", i, j) ** 2 + 1) - tanh(T("A", i, j) * T("a")), (n, d)),
    "inverse elementwise": (1 / (T("A", i, j) ** 2 + 1) / n, (n, d)),
    "guard": (Positive(T("A", i, j) - T("x", j)) * (T("A", i, j) - T("x", j)), (n, d)),
    "sum of all": (Total(T("A", r, q) * log(T("A", r, q) ** 2 + 1), r, q) / n, ()),
    "square of all": (Total(T("A", r, q) ** 2, r, q) * Rational(1, 2), ()),
    "inner": (Total(T("x", q) * T("y", q), q) / Total(T("x", q) ** 2 * T("y", q), q).subs(q, q) ** 0, ()),
    "trace of a product": (Total(T("A", r, q) * T("B", q, p) * T("C", p, r), r, q, p), ()),
    "trace of two": (Total(T("S", r, s) * T("S", s, r), r, s) - T("a"), ()),
    "trace": (Total(T("S", r, r), r) * T("a"), ()),
    "quadratic form": (Total(T("A", r, q) * T("x", q) * T("A", r, Index("r2", d)) * T("y", Index("r2", d)), r, q, Index("r2", d)), ()),
    "column sums": (Total(T("A", r, free_indices((d,))[0]), r) * 3, (d,)),
    "product of sums": (Total(T("x", q), q) * Total(T("A", r, free_indices((d,))[0]), r), (d,)),
    "count": (Total(T("x", q), r, q), ()),
    "softmax's Jacobian": (T("x", free_indices((d, d))[0]) * (delta(*free_indices((d, d))) - T("x", free_indices((d, d))[1])), (d, d)),
    "unit vector": (T("a") * delta(free_indices((d,))[0], d - 1) - T("x", free_indices((d,))[0]) * 2, (d,)),
    "fixed entry times a unit vector": (T("x", 1) * delta(free_indices((d,))[0], 0) * T("y", free_indices((d,))[0]), (d,)),
    "norm of a matrix": (T("A", i, j) * Total(T("B", q, p) ** 2, q, p), (n, d)),
    "norm of a difference": (Rational(1, 2) * Total((T("x", q) - 2 * T("y", q)) ** 2, q), ()),
    "norm of a difference of matrices": (T("lam") * Total((T("A", r, q) - T("x", q)) ** 2, r, q), ()),
    "norm of a function": (Total(tanh(T("x", q)) ** 2, q) / n - T("a"), ()),
    "weighted squares": (Total(T("A", r, q) ** 2 * T("x", q), r, q), ()),
    "square of a sum": (Total(T("x", q), q) ** 2, ()),
    "bracket of a product": (Total(T("A", r, j) * (Total(T("S", i, s) * T("S", s, r), s) - exp(T("S", i, r))), r), (n, d)),
    "a difference summed": (Total(T("A", i, q) - T("x", q), q), (n,)),
    "fixed row": (T("W1", 0, j) * T("A", i, j), (n, d)),
    "fixed column": (T("A", i, 2) * T("A", i, j), (n, d)),
    "a column of truth values less a row": (Positive(T("S", i, i)) - Positive(T("x", j)), (n, d)),
    "a row of truth values less a column": (Positive(T("a")) * Positive(T("x", j)) - Positive(T("S", i, i)), (n, d)),
    "truth values, none of them": (-Positive(T("a")) * Positive(T("x", j)) * Positive(T("S", i, i)) - Positive(T("a")), (n, d)),
    "scalar truth values": (Total(T("x", q), q) - Positive(T("a")) * Positive(T("lam")), ()),
    "a scalar truth value times a number": (-Positive(T("a")) * sigmoid(T("lam")) * delta(i, 0), (n,)),
    "cumulative sums": (Total(NonNegative(i - r) * T("A", r, j), r) + Total(Positive(r - i) * T("A", r, j), r) * 2, (n, d)),
    "three factors at one index": (Total(T("S", i, r) * T("S", i, s) * T("A", r, j) * T("S", r, s) * T("A", s, j), r, s), (n, d)),
    "a vector over a vector": (T("x", free_indices((d,))[0]) / (T("y", free_indices((d,))[0]) ** 2 + 1), (d,)),
}


@pytest.mark.parametrize("name", CASES)
def test_matrix_form_reads_back_to_its_value(name):
    agrees(*CASES[name], arrays())


@pytest.mark.parametrize("seed", range(80))
def test_random_matrix_forms_read_back_to_their_values(seed):
    e = grown(random.Random(1000 + seed), 3, (i, j))
    try:
        matrix_latex(equation(e, (n, d)), empty())
    except NotationError as error:
        pytest.skip(error.reason)
    agrees(e, (n, d), arrays(seed))


REFUSED = {
    "order three": (T("A", i, j) * T("S", i, r), (n, d, n)),
    "shifted": (Total(T("S", i, n - 1 - r) * T("A", r, j), r), (n, d)),
    "another array's entry": (T("W1", T("a"), j) * T("A", i, j), (n, d)),
    "guard of indices": (Total(NonNegative(i - 2 * r) * T("A", r, j), r), (n, d)),
    "an index as a number": (i * T("A", i, j), (n, d)),
    "a factor with three indices": (tanh(T("S", i, r) + T("x", j)), (n, d)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_matrix_form_is_refused_with_a_reason(name):
    with pytest.raises(NotationError) as error:
        matrix_latex(equation(*REFUSED[name]), empty())
    assert error.value.reason and "equation R" in str(error.value)


@pytest.mark.parametrize(("old", "new"), [("(", ""), ("-", "+"), ("^{\\top}", ""), ("\\odot", ""), ("\\frac{1}{n}", "n")])
def test_a_corrupted_matrix_printer_is_caught(old, new):
    known, wrong = arrays(), 0
    for e, axes in CASES.values():
        text, wanted = matrix_latex(equation(e, axes), empty()), literal(e, known, axes)
        bad = text.replace(old, new) if old != "(" else text.replace("(", "").replace(")", "")
        if bad != text:
            try:
                wrong += not np.allclose(read_matrix(bad, {SPELLED.get(k, k): v for k, v in known.items()}, SIZES, wanted.shape), wanted)
            except Exception:
                wrong += 1
    assert wrong


@pytest.mark.parametrize("model", [two_layer, one_sample])
def test_every_equation_of_a_gradient_has_a_matrix_form_of_its_value(model):
    derived = gradient(model())
    program = derived.program
    known = evaluate(program, random_arrays(program, {axis(k): v for k, v in SIZES.items()}))
    writer = Writer.of(program)
    values = {to_latex(writer.names(k)): v for k, v in known.items() if not program.tensors[k].derivative}
    values |= {("d", "J", to_latex(writer.names(k))): known[v] for k, v in derived.adjoints.items()}
    sizes = {str(a): SIZES[str(a)] for a in program.axes}
    for e in program.equations:
        if isinstance(e.rhs, Expr):
            wanted = known[e.name]
            assert np.allclose(read_matrix(matrix_latex(e, program), values, sizes, wanted.shape), wanted), e.name
            assert np.allclose(run(matrix_numpy(e, program), known, sizes), wanted), e.name


def test_the_classifier_looks_like_a_textbook():
    program = gradient(two_layer()).program
    printed = {e.name: matrix_equation_latex(e, program) for e in program.equations}
    assert printed["H0"] == r"H^{0} = X {W^{1}}^{\top} + \mathbf{1}_{n} {b^{1}}^{\top}"
    assert printed["dO"] == r"\frac{\partial J}{\partial O} = \frac{1}{n} (\hat{Y} - Y)"
    assert printed["dW1"] == r"\frac{\partial J}{\partial W^{1}} = \left( \frac{\partial J}{\partial H^{0}} \right)^{\top} X"
    assert printed["db1"] == r"\frac{\partial J}{\partial b^{1}} = \left( \frac{\partial J}{\partial H^{0}} \right)^{\top} \mathbf{1}_{n}"
    assert printed["Yhat"] == r"\hat{Y} = \operatorname{softmax}(O)"


def test_the_classifier_in_numpy_notation_is_what_one_would_write():
    program = gradient(two_layer()).program
    text = {e.name: matrix_numpy(e, program) for e in program.equations}
    assert text["H0"] == "X @ W1.T + b1"
    assert text["J"] == "-(Y * log(Yhat)).sum() / n"
    assert text["dO"] == "(Yhat - Y) / n"
    assert text["dH0"] == "dH * (H0 > 0)"
    assert text["dW1"] == "dH0.T @ X"
    assert text["db2"] == "dO.sum(axis=0)"


def test_one_sample_has_outer_products_and_the_softmax_jacobian_is_diag_minus_outer():
    program = gradient(one_sample()).program
    assert matrix_latex(program["dW1"], program) == r"\frac{\partial J}{\partial h^{0}} x^{\top}"
    assert matrix_numpy(program["dW1"], program) == "outer(dh0, x)"
    link = jacobian(one_sample(), "yhat", "o")
    last = link.program.equations[-1]
    assert matrix_latex(last, link.program) == r"\operatorname{diag}(\hat{y}) - \hat{y} \hat{y}^{\top}"


def test_shapes_cover_every_tensor():
    assert set(SHAPES) == set(empty().tensors)


def test_numpy_notation_keeps_fixed_entries_and_uses_numpys_names():
    one = sbp.derivative("(x * y)[-1]", {"x": "", "y": "n"}, "x")
    assert matrix_numpy(one.equation, one.program) == "y[n - 1]"
    nested = sbp.derivative("arctan(x)**2", {"x": ""}, "x")
    assert matrix_numpy(nested.equation, nested.program) == "2 * arctan(x) / (x**2 + 1)"


def test_numpy_notation_adds_brackets_as_numbers():
    scalars = ["-relu(x)", "relu(x) - 2 * relu(-x)", "relu(x) + relu(x - 1)"]
    for text, axes in [*((text, "") for text in scalars), ("sum(relu(x) - relu(-x - 1))", "n")]:
        slope = sbp.derivative(text, {"x": axes}, "x")
        x = np.array([2.0, -1.0, 3.0]) if axes else np.float64(2.0)
        value = eval(matrix_numpy(slope.equation, slope.program), {"x": x, "where": np.where})
        assert np.array_equal(value, slope.evaluate(x=x)), text


SQUARES = {
    "sum(X**2)": (r"\lVert X \rVert^{2}_{F}", "norm(X)**2"),
    "sum((A - X)**2) / 2": (r"\frac{1}{2} \lVert A - X \rVert^{2}_{F}", "norm(A - X)**2 / 2"),
    "trace(X.T @ X)": (r"\lVert X \rVert^{2}_{F}", "norm(X)**2"),
    "x @ x": (r"\lVert x \rVert^{2}", "x @ x"),
    "sum(X**2, axis=0) @ x": (r"x^{\top} (X^{\odot2})^{\top} \mathbf{1}_{n}", None),
}


@pytest.mark.parametrize("text", SQUARES)
def test_sums_of_squares_are_norms(text):
    r = sbp.derivative(text, {"X": "n d", "A": "n d", "x": "d"}, "x" if "x" in text else "X")
    last = next(e for e in reversed(r.derived.program.equations) if not e.tensor.derivative)
    written, numpy = SQUARES[text]
    assert numpy is None or (matrix_latex(last, r.derived.program), matrix_numpy(last, r.derived.program)) == (written, numpy)
    assert numpy is not None or "lVert" not in matrix_latex(last, r.derived.program)


def test_a_norm_of_a_matrix_without_its_mark_is_not_read():
    with pytest.raises(AssertionError):
        read_matrix(r"\lVert A \rVert^{2}", {"A": np.ones((2, 3))}, {}, ())


def test_a_transposed_derivative_stands_in_brackets():
    derivative = tree.Derivative(tree.Letter("J"), (tree.Letter("H"),))
    written = to_latex(tree.transposed(derivative))
    assert written == r"\left( \frac{\partial J}{\partial H} \right)^{\top}"
    found = mathml(tree.transposed(derivative))
    assert '<mo fence="true" stretchy="true">(</mo><mfrac>' in found and found.count("<msup>") == 1
    assert tree.transposed(tree.transposed(derivative)) in (derivative, tree.Fenced(derivative))
    norm = tree.Labelled(tree.Fenced(tree.Letter("X"), "norm"), (tree.Letter("F"),), tree.Number("2"))
    assert mathml(norm).count("‖") == 2


def test_a_sum_and_the_transpose_of_its_transpose_are_like_terms():
    text = "0.5 * trace((A - U @ V).T @ (A - U @ V)) + 0.5 * trace(U.T @ U)"
    assert sbp.derivative(text, {"A": "n m", "U": "n k", "V": "k m"}, "U").latex() == r"U - (A - U V) V^{\top}"


def test_a_condition_that_always_holds_is_no_number_of_the_formula():
    result = sbp.derivative("sqrt(1 + x**2)", {"x": ""}, "x")
    assert result.latex() == r"\frac{x}{\sqrt{x^{2} + 1}}" and "> 0" not in result.numpy


def test_an_entry_of_a_sum_of_rows_is_written_with_one_index():
    at = Index("s", axis("m"))
    rows = total(at, transpose(scale(S.One, [row(Leaf((axis("m"), None), "x"), at)], row(Leaf((axis("m"), axis("n")), "A"), at))))
    assert Texter().text(MatMul((rows, Unit((axis("n"), None), S.Zero)))) == "sum(x[s] * A[s] for s in range(m))[0]"


@pytest.mark.parametrize("place", [n - 1 - i, 2 * i])
def test_a_place_that_moves_with_the_row_is_no_unit_vector(place):
    x, tensor = Tensor("x", (n,)), Tensor("F", (n,))
    e = Equation(tensor, (i,), x[i] * delta(i, place))
    with pytest.raises(NotationError):
        matrix_numpy(e, Program("p", {"x": x, "F": tensor}, (e,), "F"))
