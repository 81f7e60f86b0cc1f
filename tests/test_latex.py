"""LaTeX that compiles: the structure of every formula is read as TeX reads it, whatever the tensors are called."""

import pytest
from fuzzing import many
from hypothesis import example, given
from hypothesis import strategies as st
from latex_structure import BrokenError, check, formulas
from odd_names import NINE, model, names
from page_reader import readers

import symbackprop as sbp
from symbackprop.calculus.index import parse_shape
from symbackprop.calculus.program import Program, Tensor
from symbackprop.typesetting import tree
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.names import Names, marked, parse_name, spell

BROKEN = [
    r"{\dot{W}^{1}}^{\top}",
    r"x_{i}_{j}",
    r"x^{2}^{3}",
    r"w_{_}",
    r"\mathrm{a_b}",
    r"\frac{1}",
    r"\left( x",
    r"x )^{2}}",
    r"\hat{}",
    r"\foo x",
    r"λ + 1",
    r"\begin{bmatrix} a \end{cases}",
    r"a & b",
]
WHOLE = [r"{{}\dot{W}^{1}}^{\top}", r"{W^{1}}^{\top}", r"x'^{2}", r"\left( \frac{\partial J}{\partial W} \right)_{O}", r"\mathrm{a\_b}_{1}"]


@pytest.mark.parametrize("text", BROKEN)
def test_control_broken_formulas_are_seen(text):
    with pytest.raises(BrokenError):
        check(text)


@pytest.mark.parametrize("text", WHOLE)
def test_formulas_that_compile_are_let_through(text):
    check(text)


@many(300)
@given(names, st.integers(0, 2))
def test_a_name_is_written_in_any_place(name, order):
    node = spell(name, order)
    places = [node, tree.transposed(node), tree.power(node, tree.Number("2")), tree.Derivative(node, (node, tree.transposed(node)))]
    for accent in ("dot", "bar", "tilde"):
        accented = marked(node, accent)
        places += [accented, tree.transposed(accented), tree.power(accented, node), marked(accented, "bar")]
    for made in places:
        check(latex(made))


@many(60)
@example(["lambda_", "lambda", "lambda__"], 0)
@given(st.lists(names, min_size=2, max_size=12, unique=True), st.integers(0, 3**12 - 1))
def test_no_two_names_print_alike(given_names, orders):
    shapes = [("", "n", "n m")[orders // 3**k % 3] for k in range(len(given_names))]
    tensors = {n: Tensor(n, parse_shape(shape), "parameter") for n, shape in zip(given_names, shapes, strict=True)}
    spelled = [latex(node) for node in Names(Program("alike", tensors, (), given_names[0])).spelled.values()]
    assert len(spelled) == len(set(spelled))


KINDS = ("", "hvp", "per-sample", "vjp", "jvp", "ggn")


@many(10, fuzz=200)
@given(NINE, st.sampled_from(KINDS))
def test_every_formula_of_a_page_is_whole_whatever_its_tensors_are_called(nine, kind):
    if (made := model(nine)) is not None:
        for text in formulas(sbp.derive(made).document(also=[kind] if kind else [])):
            check(text)


@many(5, fuzz=200)
@example(["Abar", "B", "C", "D", "E", "Ahat", "Ahathat", "dW", "A"])  # a label beside a word that could be a differential
@example(["A", "B", "C", "D", "a", "Ahat", "A0", "Ahathat", "Ahathathat"])  # a^0_s, a row of A^0, is no power of a
@given(NINE)
def test_a_page_is_true_whatever_its_tensors_are_called(nine):
    if (made := model(nine)) is not None:
        assert sum(len(r.read) for r in readers(sbp.derive(made))) > 20


@pytest.mark.parametrize(
    ("name", "array", "scalar"),
    [
        ("W1", "W^{1}", "W_{1}"),
        ("Yhat1", r"\hat{Y}^{1}", r"\hat{Y}_{1}"),
        ("Wtilde2", r"\tilde{W}^{2}", r"\tilde{W}_{2}"),
        ("x2hat", r"\hat{x}^{2}", r"\hat{x}_{2}"),
        ("W_hat", r"\hat{W}", r"\hat{W}"),
        ("W_in", r"W_{\mathrm{in}}", r"W_{\mathrm{in}}"),
        ("lambda_1", r"\lambda^{1}", r"\lambda_{1}"),
        ("log_length", r"\mathrm{log\_length}", r"\mathrm{log\_length}"),
        ("log_sigma", r"\mathrm{log\_sigma}", r"\mathrm{log\_sigma}"),
        ("sin_table", r"\mathrm{sin\_table}", r"\mathrm{sin\_table}"),
        ("norm2", r"\mathrm{norm2}", r"\mathrm{norm2}"),
        ("conv1", r"\mathrm{conv}^{1}", r"\mathrm{conv}_{1}"),
        ("w__", r"\mathrm{w\_\_}", r"\mathrm{w\_\_}"),
        ("_", r"\mathrm{\_}", r"\mathrm{\_}"),
    ],
)
def test_words_are_no_powers_and_letters_bear_labels(name, array, scalar):
    assert (latex(spell(name, 1)), latex(spell(name, 0))) == (array, scalar)


def test_a_number_that_could_be_a_power_or_an_index_stands_in_brackets():
    shapes = {"W": "n d", "W1": "n d", "W2": "n d", "H2": "n d", "b": "n", "b1": "", "c1": "", "t2": "n", "x_p": "n", "p": ""}
    spelled = Names(Program("numbers", {n: Tensor(n, parse_shape(a), "parameter") for n, a in shapes.items()}, (), "W")).spelled
    written = [latex(spelled[n]) for n in ("W1", "W2", "H2", "b1", "c1", "t2", "x_p")]
    assert written == ["W^{1}", "W^{(2)}", "H^{2}", "b_{(1)}", "c_{1}", "t^{(2)}", "x_{p}"]


def test_signs_that_a_tensor_has_are_no_functions():
    result = sbp.derivative("sum(sigma * sigmoid(delta * x)) + sum(cumsum(x) * delta)", {"x": "n", "delta": "n", "sigma": ""}, "x", order=2)
    text = " ".join([result.latex("index"), *result.latex_parts("index")])
    assert r"\operatorname{sigmoid}(" in text and r"\sigma(" not in text and r"\mathbf{1}[i = j]" in text and r"\delta_{ij}" not in text
    assert r"\sigma(" in sbp.derivative("sum(sigmoid(x))", {"x": "n"}, "x").latex()


def test_a_name_given_in_latex_keeps_its_label_apart_too():
    check(latex(tree.transposed(parse_name(r"\hat{W}^{1}"))))
    check(latex(tree.transposed(parse_name(r"\mathbf{x}_{\mathrm{in}}"))))
