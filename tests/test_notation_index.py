"""Index form, by value: every printed formula is read back by the reader of people's LaTeX and compared with a literal evaluation."""

import random

import numpy as np
import pytest
from notation_models import SIZES, one_sample, two_layer
from round_trip import read_index
from sympy import Expr, Rational, exp, log, sqrt, tanh

from symbackprop import derivative
from symbackprop.calculus.index import Index, axis, free_indices, parse_shape
from symbackprop.calculus.program import Program, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, delta
from symbackprop.derivation.reverse import gradient
from symbackprop.errors import NotationError
from symbackprop.typesetting.index_form import Writer, equation_latex, latex
from symbackprop.typesetting.latex import latex as to_latex
from symbackprop.verification.oracle.literal import evaluate, evaluate_expression
from symbackprop.verification.points.draws import random_arrays

SHAPES = {"A": "n d", "B": "d h", "C": "h n", "S": "n n", "W1": "h d", "x": "d", "y": "d", "b2": "h", "Yhat": "n c", "lam": "", "a": ""}
SPELLED = {"W1": "W^{1}", "b2": "b^{2}", "Yhat": "\\hat{Y}", "lam": "\\lambda"}
n, d, h, c = map(axis, "ndhc")
i, j = free_indices((n, d))
r, q, t = Index("r0", n), Index("r0", d), Index("r1", n)


def T(name, *indices):
    return Entry(name, *indices)


def empty():
    return Program("letters", {k: Tensor(k, parse_shape(v)) for k, v in SHAPES.items()}, (), "a")


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    return {k: rng.normal(size=[SIZES[a] for a in v.split()]) + 0.1 for k, v in SHAPES.items()}


def read(text, known, indices):
    letters = Writer.of(empty()).free(indices)
    values = {SPELLED.get(k, k): v for k, v in known.items()}
    return read_index(text, values, SIZES, letters.values(), [SIZES[str(k.axis)] for k in indices])


def literal(e, known, indices):
    value = evaluate_expression(e, indices, known, {axis(k): v for k, v in SIZES.items()})
    return np.broadcast_to(value, [SIZES[str(k.axis)] for k in indices])


CASES = {
    "difference in a product": (T("A", i, j) - T("x", j)) * T("y", j) / n,
    "minus a difference": -(T("A", i, j) - T("x", j)) * (T("y", j) + 2) / n,
    "sum in a product": Total(T("A", i, q), q) * T("x", j) + T("a"),
    "two sums": Total(T("A", i, q), q) * Total(T("C", Index("r0", h), r) * T("A", r, j), r, Index("r0", h)),
    "square of a sum": Total(T("A", i, q), q) ** 2 * T("x", j),
    "sum of a sum": Total(T("A", i, q) * (T("x", q) - T("y", q)), q),
    "sum of a bracket": Total(T("A", r, j) - T("S", i, r), r),
    "layer and square": T("W1", 0, j) ** 2 * T("x", j) ** 3,
    "long decimals": Rational("1.0507009873554805") * T("x", j) * (T("y", j) - Rational("16.732632423543773") * T("x", j)),
    "a small one": -Rational("0.000000000003") * T("x", j) ** 2,
    "logarithm in the middle": log(T("x", j) ** 2 + 1) * (T("A", i, j) - 1) * log(T("y", j) ** 2 + 2),
    "function of a product": exp(-T("A", i, j) * T("a")) * tanh(T("x", j)),
    "root below": T("A", i, j) / sqrt(T("x", j) ** 2 + Rational(1, 3)) * Rational(2, 5),
    "delta and guard": delta(j, Index("r0", d)).subs(Index("r0", d), 1) * T("A", i, 1) + Positive(T("A", i, j) - T("x", j)) * T("y", j),
    "trace": Total(T("S", r, r), r) * T("lam"),
    "shifted": Total(T("x", Index("r0", d - 1) + 1) - T("x", Index("r0", d - 1)), Index("r0", d - 1)) * T("A", i, j),
    "reversed": Total(T("S", i, n - 1 - r) * T("A", r, j), r),
    "cumulative": Total(NonNegative(i - r) * T("A", r, j), r),
    "two over one axis": Total(T("S", i, r) * T("S", r, t) * T("A", t, j), r, t),
    "an index as a number": i * T("A", i, j) + Total(q * T("x", q), q),
    "mean": -Total(T("A", r, j) * T("S", i, r), r) / 3,
    "sizes": (n + d) * T("x", j) / (n * d) - Rational(3, 2) * n,
    "quotient of sums": (T("A", i, j) - T("x", j)) / (T("y", j) ** 2 + T("a") ** 2),
    "hat": Total(T("Yhat", i, Index("r0", c)) ** 2, Index("r0", c)) - T("x", j),
}


@pytest.mark.parametrize("name", CASES)
def test_a_printed_formula_reads_back_to_its_value(name):
    known = arrays()
    assert np.allclose(read(latex(CASES[name], empty(), (i, j)), known, (i, j)), literal(CASES[name], known, (i, j)))


def grown(rng, depth, scope):
    """A random legal expression whose free indices are in `scope`."""
    if not depth:
        name = rng.choice([k for k, v in SHAPES.items() if all(any(str(s.axis) == a for s in scope) for a in v.split())])
        return T(name, *[rng.choice([s for s in scope if str(s.axis) == a]) for a in SHAPES[name].split()])
    kind = rng.choice(["add", "add", "multiply", "multiply", "sum", "negate", "divide", "number", "guard", "power"])
    first = grown(rng, depth - 1, scope)
    if kind == "sum":
        bound = Index(f"r{depth}", rng.choice((n, d, h)))
        return Total(grown(rng, depth - 1, (*scope, bound)) * first, bound)
    if kind == "negate":
        return -first
    if kind == "number":
        return first * Rational(rng.randint(-5, 5), rng.randint(1, 5)) + rng.randint(-2, 2)
    second = grown(rng, depth - 1, scope)
    if kind == "divide":
        return first / (n + T("lam") ** 2)
    if kind in ("guard", "power") and not first.has(Total):
        return Positive(first) * second if kind == "guard" else first**2 * second
    return first - second if kind == "add" else first * second


@pytest.mark.parametrize("seed", range(60))
def test_random_formulas_read_back_to_their_values(seed):
    e = grown(random.Random(seed), 4, (i, j))
    known = arrays(seed)
    assert np.allclose(read(latex(e, empty(), (i, j)), known, (i, j)), literal(e, known, (i, j)))


@pytest.mark.parametrize(("old", "new"), [("(", ""), ("-", "+"), (r"\frac{1}{3}", ""), ("_{ip}", "_{pi}"), (r"\sum_{q=1}^{d}", "")])
def test_a_corrupted_printer_is_caught(old, new):
    known, wrong = arrays(), 0
    for e in CASES.values():
        text = latex(e, empty(), (i, j))
        bad = text.replace(old, new, 1) if old != "(" else text.replace("(", "").replace(")", "")
        if bad != text:
            try:
                wrong += not np.allclose(read(bad, known, (i, j)), literal(e, known, (i, j)))
            except Exception:
                wrong += 1
    assert wrong


@pytest.mark.parametrize("model", [two_layer, one_sample])
def test_every_equation_of_a_gradient_reads_back_to_its_value(model):
    derived = gradient(model())
    p = derived.program
    known = evaluate(p, random_arrays(p, {axis(k): v for k, v in SIZES.items()}))
    writer = Writer.of(p)
    values = {to_latex(writer.names(k)): v for k, v in known.items() if not p.tensors[k].derivative}
    values |= {("d", "J", to_latex(writer.names(k))): known[v] for k, v in derived.adjoints.items()}
    for e in p.equations:
        if isinstance(e.rhs, Expr):
            letters = writer.free(e.indices).values()
            printed = to_latex(writer.right_side(e))
            assert np.allclose(
                read_index(printed, values, {str(a): SIZES[str(a)] for a in p.axes}, letters, known[e.name].shape), known[e.name]
            ), printed


def test_the_formulas_of_the_classifier_look_like_a_textbook():
    derived = gradient(two_layer())
    printed = {e.name: equation_latex(e, derived.program) for e in derived.program.equations}
    assert printed["J"] == r"J = -\frac{1}{n} \sum_{s=1}^{n} \sum_{k=1}^{c} Y_{sk} \log \hat{Y}_{sk}"
    assert printed["dO"] == r"\frac{\partial J}{\partial O_{sk}} = \frac{\hat{Y}_{sk} - Y_{sk}}{n}"
    assert printed["dW1"] == r"\frac{\partial J}{\partial W^{1}_{ji}} = \sum_{s=1}^{n} \frac{\partial J}{\partial H^{0}_{sj}} X_{si}"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("sum(sqrt(x**2 + 1e-5))", r"\frac{x_{i}}{\sqrt{x_{i}^{2} + 10^{-5}}}"),
        ("2e-12 * sum(x)", r"2 \cdot 10^{-12}"),
        ("sum(x) * 0.001", r"\frac{1}{1000}"),
        ("sum(x) * floor(y / 2)", r"\left\lfloor \frac{y}{2} \right\rfloor"),
        ("sum(x) * floor(y) ** 2", r"\lfloor y \rfloor^{2}"),
        ("sum(x[:2])", r"\mathbf{1}[i \le 2]"),
    ],
)
def test_small_numbers_whole_parts_and_bounds_are_written_as_on_paper(text, written):
    result = derivative(text, {"x": "n", "y": ""}, "x")
    assert result.latex("index") == written
    known = {"x": np.array([0.001, -0.5, 0.3]), "y": np.array(3.7)}
    assert np.allclose(read_index(written, known, {"n": 3}, ["i"], [3]), result.evaluate(**known), rtol=1e-12)


def test_no_two_tensors_print_alike():
    tensors = {k: Tensor(k, parse_shape("n")) for k in ("H0", "H_0", "lam", "lambda_", "yhat", "x")}
    writer = Writer.of(Program("alike", tensors, (), "x"))
    assert len({to_latex(writer.names(k)) for k in tensors}) == len(tensors)


def test_a_name_in_latex_is_kept_and_a_broken_one_refused():
    named = Program("named", {"W": Tensor("W", parse_shape("n d"), latex=r"\mathbf{W}^{(1)}".replace("(1)", "1"))}, (), "W")
    assert latex(T("W", i, j), named, (i, j)) == r"\mathbf{W}^{1}_{ip}"
    for bad in (r"\input{x}", "W^{", "<script>", r"\hat", "$x$"):
        with pytest.raises(NotationError):
            latex(T("W", i, j), Program("bad", {"W": Tensor("W", (n, d), latex=bad)}, (), "W"), (i, j))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("where(x > 0, 1 / x, 0)", True),
        ("where(x > 0, log(x), 0)", True),
        ("where(x > 0, x**-2, 0)", True),
        ("where(x > 0, sqrt(x), 0)", True),
        ("where(sum(X**2) > 0, 1 / sum(X**2), 0) * x", True),
        ("sqrt(relu(x))", True),
        ("norm(X)", False),
        ("exp(-norm(X)) * x", False),
        ("norm(X)**3", False),
        ("std(X)", False),
    ],
)
@pytest.mark.parametrize("form", ["index", "best"])
def test_a_condition_is_left_out_only_beside_a_norm(text, kept, form):
    """A formula without it holds where the norm is not 0, which the kinks tell; beside what may be negative it holds nowhere else."""
    result = derivative(f"sum({text})", {"x": "", "X": "n"}, "X" if "X" in text else "x")
    written = " ".join([*result.latex_parts(form), result.latex(form)])
    assert (r"\mathbf{1}[" in written) == kept


def test_a_formula_with_its_condition_holds_on_both_sides():
    result = derivative("sum(where(x > 0, 1 / x, 0))", {"x": "n"}, "x")
    known = {"x": np.array([-2.0, -0.5, 4.0])}
    assert np.allclose(read_index(result.latex("index"), known, {"n": 3}, ["i"], [3]), [0, 0, -1 / 16])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("sum(x**2) / 1e-9", r"2 \cdot 10^{9} x_{i}"),
        ("sum((x - y)**2) / (2 * 1e-9)", r"10^{9} x_{i} - 10^{9} y"),
        ("sum(x) * 6.02e23", r"6.02 \cdot 10^{23}"),
        ("sum(x) * 1.38e-23", r"1.38 \cdot 10^{-23}"),
        ("sum(x) / 3e-7", r"\frac{10^{7}}{3}"),
        ("sum(x) * 123456789012", "123456789012"),
        ("sum(x) * 1500", "1500"),
        ("n * sum(x) * 0.91893853320467265", r"\frac{n \log(2 \pi)}{2}"),
        ("sum(x) * 1.4142135623730951", r"\sqrt{2}"),
        ("sum(x) * 3.1416", r"\frac{3927}{1250}"),
        ("sum(x) * 0.918938533204672", r"0.918938533204672"),
    ],
)
def test_large_numbers_and_constants_that_were_floats_are_written_as_on_paper(text, written):
    result = derivative(text, {"x": "n", "y": ""}, "x")
    assert result.latex("index") == written
    known = {"x": np.array([0.5, -0.25, 2.0]), "y": np.array(0.125)}
    assert np.allclose(read_index(written, known, {"n": 3}, ["i"], [3]), result.evaluate(**known), rtol=1e-14)
