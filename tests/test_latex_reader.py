"""The reader of LaTeX formulas: a tree for each kind of notation, its places, its errors, and trees written back that read the same."""

import contextlib
import gc
import json
import time
from itertools import pairwise
from pathlib import Path

import pytest
from fuzzing import many
from hypothesis import example, given, settings
from hypothesis import strategies as st
from latex_samples import TABLES, TEXTS
from latex_structure import formulas
from latex_trees import tree

import symbackprop as sbp
from symbackprop.errors import FormulaError, ParseError
from symbackprop.language.latex.nodes import Chain, Fraction, Leibniz
from symbackprop.language.latex.statements import parse
from symbackprop.language.latex.tokens import scan
from symbackprop.language.latex.written import write

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(("text", "wanted"), [row for table in TABLES.values() for row in table], ids=TEXTS)
def test_a_formula_is_read_as_it_is_written(text, wanted):
    assert tree(text) == wanted


@pytest.mark.parametrize("text", TEXTS)
def test_a_tree_is_written_so_that_it_reads_the_same(text):
    read = parse(text)
    assert parse(write(read)) == read


def test_a_difference_between_trees_is_seen():
    assert parse("a b") != parse(r"a \cdot b") and parse(r"a^{T}") != parse("a_{T}") and parse("f(x)") == parse(r"f \left( x \right)")


def test_every_part_knows_its_place():
    text = r"p_1 = \frac{q}{r} + \frac{\partial E}{\partial V}"
    chain = parse(text).statements[0].body
    assert isinstance(chain, Chain)
    fraction, quotient = chain.sides[1].terms
    assert isinstance(fraction, Fraction) and isinstance(quotient, Leibniz)
    places = [text[slice(*node.span)] for node in (chain.sides[0], fraction, fraction.bottom, quotient, quotient.by[0])]
    assert places == ["p_1", r"\frac{q}{r}", "r", r"\frac{\partial E}{\partial V}", "V"]


def test_a_repair_knows_its_place():
    text = r"V1 u = \left\[ u \right]"
    assert [text[slice(*r.span)] for r in parse(text).repairs] == ["1", r"\["]


@pytest.mark.parametrize(
    ("text", "reason", "column"),
    [
        ("", "nothing to read", 0),
        (r"a + ", "was expected", 4),
        (r"a = \frac{b}{ }", "nothing stands in these braces", 12),
        (r"a \foo b", r"the command \foo is not known", 2),
        (r"a {b", "not closed", 2),
        (r"a } b", "closes nothing", 2),
        (r"(a = b", "not closed", 0),
        (r"a ) b", "closes nothing", 2),
        (r"\begin{foo} a \end{foo}", "environment foo", 0),
        (r"a_", "an argument was expected", 2),
        (r"|a", "bar is not closed", 0),
        (r"a ? b", "means nothing", 2),
        (r"\sum + ", "was expected", 7),
        (r"\begin{bmatrix} 1 & \text{if } a \end{bmatrix}", "a condition stands in a matrix", 0),
        (r"$a$ then $b$", "more follows", 2),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_place(text, reason, column):
    with pytest.raises(FormulaError, match=reason.replace("\\", r"\\")) as e:
        parse(text)
    assert isinstance(e.value, ParseError) and e.value.spans[0][0] == column
    assert not text or "^" in str(e.value)


def test_a_comment_and_layout_say_nothing():
    assert tree("a % b\n= c") == tree(r"\displaystyle \color{red} a \, = \left. c \right. \label{x} \nonumber") == "<a = c>"
    assert tree(r"\textcolor{blue}{a} \tag*{(2)}") == "a" and tree(r"$$a = b.$$") == tree(r"\[ a = b \]") == "<a = b>"


def test_signs_of_unicode_and_of_full_width_are_those_of_latex():
    assert tree("∂E/∂V = δ·（u − v）") == tree(r"\partial E/\partial V = \delta\cdot(u - v)")
    assert tree("σ′(z) ≤ 1，z ∈ ℝ²") == tree(r"\sigma'(z) \le 1, z \in \mathbb{R}^{2}")
    assert tree("\U0001d416x") == "(mathbf:W x)"


def test_chinese_prose_is_prose():
    assert tree("p = q 其中 u > 0") == "<p = q> when 其中 <u > 0>"
    assert tree("损失 = p") == "<'损失' = p>"


def test_macros_are_written_out():
    macros = {r"\mat": (1, r"\mathbf{#1}"), r"\pd": (2, r"\frac{\partial #1}{\partial #2}")}
    assert tree(r"\pd{E}{\mat V} = \mat{G}", macros=macros) == "<over(\\partial E | mathbf:V) = mathbf:G>"
    assert tree(r"\newcommand{\half}[1]{\frac{1}{2}#1} \half{u}") == "(Fraction(1, 2) u)"
    assert tree(r"\def\sq#1{#1^2}\sq u") == "u^{2}" and tree(r"\DeclareMathOperator{\foo}{foo} \foo(u)") == "foo@B(u)"
    assert tree(r"\newcommand{\n}[2][p]{#1_{#2}} \n{1} + \n[q]{2}") == "{p_{1} + q_{2}}"


def test_what_a_macro_makes_stands_where_its_call_stands():
    text = r"a + \mat{V}_{i} + c"
    made = parse(text, {r"\mat": (1, r"{\mathbf{#1}}^{T}")}).statements[0].body.terms[1]
    assert text[slice(*made.span)].startswith((r"\mat{V}", "V"))


MACROS = [f"\\{letter}" for letter in "abcdefghijklmn"]
GROWING = r"\def\a{bbbb}" + "".join(rf"\def{new}{{{old * 4}}}" for old, new in pairwise(MACROS)) + r"\n"


@pytest.mark.parametrize("text", [r"\def\a{\a}\a", r"\def\a{\b b}\def\b{\a a}\a", GROWING], ids=["itself", "each other", "growth"])
def test_a_macro_without_end_is_an_error(text):
    with pytest.raises(FormulaError, match="grows without end"):
        parse(text)


def test_words_of_the_document_are_names():
    assert tree("net_j = lr", words=["net", "lr"]) == "<mathrm:net_{j} = mathrm:lr>"
    assert tree("uv") == "(u v)"


@pytest.mark.parametrize("piece", ["(", "{", r"\frac", r"\hat", "-", r"\nabla", r"\sum", r"\log", "^{", r"\left[", r"\begin{matrix}", "d"])
def test_deep_nesting_is_an_error_of_its_own(piece):
    with pytest.raises(FormulaError):
        parse(piece * 20_000)


@pytest.mark.parametrize("shape", ["{}", "({})", r"\frac{{1}}{{{}}}", "x^{{{}}}", r"\sqrt{{{}}}", r"\log({})", r"\hat{{{}}}", r"\sum {}"])
def test_nesting_within_the_limit_is_read_and_written(shape):
    text = "a"
    for _ in range(15):
        text = shape.format(text)
    assert parse(write(parse(text))) == parse(text)


@pytest.mark.parametrize(
    "piece",
    ["+b_{ij}x^2", r"x_i\frac{\partial E}{\partial V}", r"=a \\ ", "a, ", r"a=b \quad ", "|a|", "[a \\; b]", "ab", "{", "(", "''", "ŷ₁"],
)
def test_time_grows_with_the_length_and_no_faster(piece):
    def seconds(size):
        text, taken = "a" + piece * (size // len(piece)), []
        for _ in range(3):
            start = time.process_time()
            with contextlib.suppress(FormulaError):
                parse(text)
            taken.append(time.process_time() - start)
        return min(taken)

    gc.collect()
    gc.disable()
    try:
        assert seconds(16_000) < 10 * max(seconds(4_000), 0.005)
    finally:
        gc.enable()


MUTATIONS = st.tuples(
    st.sampled_from(["cut", "drop", "double", "swap", "insert"]),
    st.integers(0, 10**6),
    st.one_of(st.sampled_from([piece.text for text in TEXTS for piece in scan(text)]), st.characters(), st.sampled_from(TEXTS)),
)


def mutated(text, mutations):
    """A formula with some of its tokens cut off, dropped, doubled, swapped or put in."""
    pieces = [token.text for token in scan(text)]
    for kind, number, other in mutations:
        at = number % (len(pieces) + 1)
        if kind == "cut":
            pieces = pieces[:at]
        elif kind == "swap" and at > 1:
            pieces[at - 1], pieces[at - 2] = pieces[at - 2], pieces[at - 1]
        else:
            put = {"drop": [], "double": pieces[at : at + 1] * 2, "insert": [other, *pieces[at : at + 1]]}.get(kind, pieces[at : at + 1])
            pieces[at : at + 1] = put
    return "".join(pieces)


def is_read_and_written_or_refused(text):
    try:
        read = parse(text)
    except FormulaError as e:
        assert e.spans and str(e)
        return
    assert parse(write(read)) == read


@many(300)
@given(st.sampled_from(TEXTS), st.lists(MUTATIONS, min_size=1, max_size=5))
def test_whatever_is_written_is_read_or_refused(text, mutations):
    is_read_and_written_or_refused(mutated(text, mutations))


@many(100)
@given(st.text(max_size=40))
@example(r"\diff")
def test_any_text_is_read_or_refused(text):
    is_read_and_written_or_refused(text)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None)
@given(st.sampled_from(TEXTS), st.lists(MUTATIONS, min_size=1, max_size=8))
def test_whatever_is_written_is_read_or_refused_at_length(text, mutations):
    is_read_and_written_or_refused(mutated(text, mutations))


def read_back(text):
    read = parse(text)
    assert not read.repairs and parse(write(read)) == read, text


@pytest.mark.parametrize(("spec", "also"), [("one_sample", []), *(("two_layer", [a]) for a in ("hvp", "per-sample", "vjp", "jvp", "ggn"))])
def test_every_formula_of_a_page_is_read(spec, also):
    for text in set(formulas(sbp.derive(sbp.load(ROOT / "examples" / f"{spec}.toml")).document(also=also))):
        read_back(text)


def identities(step):
    cases = json.loads((ROOT / "tests" / "data" / "identities.json").read_text(encoding="utf-8"))
    for case in cases[::step]:
        shapes = {name: " ".join(given["shape"]) for name, given in case["inputs"].items()}
        made = sbp.derivative(case["expr"], shapes, wrt=case["wrt"], order=case["order"])
        for form in ("index", "matrix"):
            try:
                yield made.latex(form)
            except sbp.errors.NotationError:
                continue


def test_derivatives_that_the_tool_writes_are_read():
    for text in identities(12):
        read_back(text)


@pytest.mark.slow
def test_all_derivatives_that_the_tool_writes_are_read():
    for text in identities(1):
        read_back(text)


def test_a_digit_in_a_script_is_a_number_in_the_font_of_its_name() -> None:
    [whole], [bare] = (parse(text).statements for text in (r"\mathbf{h_0}", "h_0"))
    assert whole.body.scripts == bare.body.scripts
    [own] = parse(r"h_{\mathbf 0}").statements
    assert own.body.scripts != bare.body.scripts
