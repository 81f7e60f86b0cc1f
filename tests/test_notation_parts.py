"""Named parts of a formula: which stand in place, what the others are called, what they rest on, and how all of it is to be read."""

import re

import numpy as np
import pytest
from matrix_language import derived
from notation_forms import read_back

import symbackprop as sbp
from symbackprop.calculus.index import axis
from symbackprop.calculus.program import Call
from symbackprop.pages.parts import formula, is_inverse
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays
from tests.identities import CASES

LEAST = {"A": "m n", "x": "n", "b": "m"}
SIZES = {"n": 2, "d": 3, "h": 5, "c": 7}


def test_a_part_that_is_used_once_stands_in_place():
    result = sbp.derivative("norm(A @ x - b)**2", LEAST, "x")
    assert (result.latex(), result.latex_parts()) == (r"2 A^{\top} (A x - b)", [])
    assert result.latex_equation() == r"\frac{\partial f}{\partial x} = 2 A^{\top} (A x - b)"


def test_a_part_that_is_used_twice_has_a_letter_and_a_definition():
    result = sbp.derivative("norm(A @ x - b)", LEAST, "x")
    assert (result.latex(), result.latex_parts()) == (r"\frac{1}{\lVert r \rVert} A^{\top} r", ["r = A x - b"])
    assert result.latex_parts("index")[0] == r"r_{i} = \sum_{j=1}^{n} A_{ij} x_{j} - b_{i}"


def test_a_letter_is_nobody_elses():
    result = sbp.derivative("norm(A @ r - s)", {"A": "m n", "r": "n", "s": "m"}, "r")
    assert result.latex_parts() == ["u = A r - s"]
    matrix = sbp.derivative("logdet(R @ R.T) * trace(R @ R.T)", {"R": "n m"}, "R")
    assert [part.split(" = ")[0] for part in matrix.latex_parts()] == ["S"]


def test_every_name_is_a_leaf_or_defined_before_it_is_used():
    for case in list(CASES.values())[::5]:
        result = derived(case)
        for form in ("index", "best"):
            written = result.written(form)
            seen = {t.name for t in written.program.leaves}
            for part in (*written.parts, written.whole):
                helpers = {e.name for e in written.program.equations if isinstance(e.rhs, Call) and e.rhs.op == "inv"}
                assert part.equation.uses() <= seen | helpers or part.value is not None, (case["id"], form, part.name)
                seen.add(part.name)


def test_parts_in_place_make_no_formula_longer():
    seen = 0
    for case in list(CASES.values())[::7]:
        result = derived(case)
        equations = result.program.equations
        alone = [formula(result.program, e.name, {e.name for e in equations}) for e in equations]
        if not any(is_inverse(e) for e in equations) and all(f.whole.value is not None for f in alone):
            assert result.formula.size <= sum(f.size + 2 for f in alone), case["id"]
            seen += result.formula.size < sum(f.size + 2 for f in alone)
    assert seen > 10


LOGDET = ("logdet(A + X @ B @ X.T)", {"A": "m m", "X": "m n", "B": "n n"})


def test_a_declared_symmetry_makes_one_term_and_is_told():
    plain = sbp.derivative(*LOGDET, "X")
    assert plain.latex() == r"R^{-1} X B + R^{-\top} X B^{\top}" and not plain.facts
    told = sbp.derivative(*LOGDET, "X", facts={"A": "symmetric", "B": "symmetric"})
    assert told.latex() == r"2 (X B X^{\top} + A)^{-1} X B"
    assert {f.tensor for f in told.facts} == {"A", "B"}


def test_a_symmetry_that_follows_needs_no_fact():
    result = sbp.derivative("logdet(X.T @ X)", {"X": "m n"}, "X", facts={})
    assert result.latex() == r"2 X (X^{\top} X)^{-1}" and not result.facts


def test_a_symmetry_that_changes_nothing_is_not_told():
    assert not sbp.derivative("trace(S @ S.T)", {"S": "n n"}, "S", facts={"S": "symmetric"}).facts


def test_nothing_is_written_as_nothing():
    result = sbp.derivative("sum(X) + y", {"X": "m n", "y": ""}, ("X", "X"), order=2)
    assert result.latex("matrix") == "0"


def test_long_fractions_are_decimals():
    result = sbp.derivative("sum(x ** 2) / 3.123456789012343", {"x": "n"}, "x")
    assert result.latex() == r"\frac{2}{3.123456789012343} x"
    assert sbp.derivative("sum(x) / 3000000", {"x": "n"}, "x").latex() == r"\frac{1}{3 \cdot 10^{6}} \mathbf{1}_{n}"


# --- what a model's author named -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_layer():
    return sbp.derive(sbp.load("examples/two_layer.toml"))


def test_what_the_author_named_keeps_its_name(two_layer):
    assert two_layer.gradient("W1").latex() == r"\left( \frac{\partial J}{\partial H^{0}} \right)^{\top} X"
    assert two_layer.gradient("O").latex_parts() == [
        r"O = H {W^{2}}^{\top} + \mathbf{1}_{n} {b^{2}}^{\top}",
        r"\hat{Y} = \operatorname{softmax}(O)",
    ]


PAIRS = [(a, b) for k, a in enumerate(("W1", "b1", "W2", "b2")) for b in ("W1", "b1", "W2", "b2")[k:]]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_every_block_of_the_hessian_is_a_matrix_and_reads_back_to_its_value(two_layer, a, b):
    result = two_layer.hessian(a, b)
    program = two_layer.model.program
    known = evaluate(program, random_arrays(program, {axis(k): v for k, v in SIZES.items()}))
    known["Y"] = known["Y"] / known["Y"].sum(axis=1, keepdims=True)
    wanted = result.evaluate(**{t.name: known[t.name] for t in program.leaves})
    for form in ("index", "matrix"):
        got = read_back(result, form, known, SIZES)
        assert got.shape == wanted.shape and np.allclose(got, wanted), result.latex(form)


def test_the_block_of_the_last_weight_is_the_textbooks(two_layer):
    result = two_layer.hessian("W2", "W2")
    softmax = r"(\operatorname{diag}(\hat{y}_{s}) - \hat{y}_{s} \hat{y}_{s}^{\top})"
    assert result.latex() == rf"\frac{{1}}{{n}} \sum_{{s=1}}^{{n}} ({softmax} \otimes (h_{{s}} h_{{s}}^{{\top}}))"
    assert result.latex_equation().startswith(
        r"\frac{\partial^{2} J}{\partial \operatorname{vec}(W^{2}) \partial \operatorname{vec}(W^{2})^{\top}} = "
    )


# --- how it is to be read ----------------------------------------------------------------------------------------------------


def test_each_sign_that_is_no_standing_notation_is_told_and_no_other():
    told = sbp.derivative("X.T @ B @ X", {"X": "m n", "B": "m m"}, "X").reading()
    assert [bool(re.search(word, " ".join(told))) for word in ("row by row", "Kronecker", "commutation", "row .* as a column")] == [
        1,
        1,
        1,
        0,
    ]
    assert sbp.derivative("x @ A @ x", {"x": "n", "A": "n n"}, "x").reading() == []
    rows = sbp.derivative("sum(exp(X @ W))", {"X": "n d", "W": "d k"}, "W", order=2).reading()
    assert any("$x_{i}$ is row $i$ of $X$, as a column." in line for line in rows)
    assert any("is a column of ones" in line for line in sbp.derivative("sum(A @ x)", {"A": "m n", "x": "n"}, "x").reading())
    assert any("works on each of its rows" in line for line in sbp.derivative("sum(softmax(X) ** 2)", {"X": "n k"}, "X").reading())


def test_a_row_has_a_small_letter_only_where_that_is_free():
    shapes = {"X": "n d", "W": "d k", "x": "d"}
    result = sbp.derivative("sum(exp(X @ W)) * sum(x)", shapes, "W", order=2)
    assert r"X_{i} X_{i}^{\top}" in result.latex()


def test_both_languages_tell_the_same():
    for text, shapes, wrt in (("X.T @ B @ X", {"X": "m n", "B": "m m"}, "X"), ("sum(cumsum(x) ** 2)", {"x": "n"}, "x")):
        result = sbp.derivative(text, shapes, wrt)
        english, chinese = result.reading(), result.reading(lang="zh")
        assert len(english) == len(chinese) and not set(english) & set(chinese)
        assert all(set(re.findall(r"\$[^$]*\$", a)) == set(re.findall(r"\$[^$]*\$", b)) for a, b in zip(english, chinese, strict=True))
