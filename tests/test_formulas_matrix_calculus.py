"""Notation of matrix calculus in claims: Kronecker products, unit columns, powers entry by entry, functions along an index, inverses."""

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers import wholes

SHAPES = {"A": ["m", "n"], "B": ["n", "k"], "X": ["n", "n"], "x": ["n"], "y": ["n"], "S": ["m", "k"], "Z": ["m", "n"], "g": ["m"]}

CLAIMS = [
    (r"f = x^{\top} X^{-1} y", r"\frac{\partial f}{\partial X_{ij}} = -\sum_{k=1}^{n} \sum_{l=1}^{n} x_k X^{-1}_{ki} X^{-1}_{jl} y_l"),
    (r"f = \log \det X", r"\frac{\partial f}{\partial X_{ij}} = X^{-1}_{ji}"),
    (r"f = x^{\top} x^{\odot 2}", r"\frac{\partial f}{\partial x} = 3 x^{\odot 2}"),
    (r"f = x^{\top} x^{\circ 2}", r"\frac{\partial f}{\partial x} = 3 x^{\circ 2}"),
    (r"f = \sum_{i=1}^{n} x_i y_i", r"\frac{\partial f}{\partial x} = \sum_{i=1}^{n} y_i \mathbf{e}_i"),
    (r"f = \mathbf{e}_2^{\top} X y", r"\frac{\partial f}{\partial X} = \mathbf{e}_2 y^{\top}"),
    (r"p_i = \mathrm{softmax}_i(x_i)", r"\frac{\partial p_i}{\partial x_j} = p_i (\delta_{ij} - p_j)"),
    (r"f = \sum_{i=1}^{m} g_i \max_j(Z_{ij})", r"\frac{\partial f}{\partial g_i} = \max_j(Z_{ij})"),
    (r"f = \mathrm{tr}((X \otimes X) (X \otimes X))", r"\frac{\partial f}{\partial X} = 4 \, \mathrm{tr}(X X) X^{\top}"),
    (r"f = \sum_{j=1}^{n} \lfloor y_j \rfloor x_j", r"\frac{\partial f}{\partial x_j} = \lfloor y_j \rfloor"),
    (r"f = \sum_{i=2}^{n} x_i x_{i-1}", r"\frac{\partial f}{\partial x_j} = x_{j-1} \mathbf{1}[j \ge 2] + x_{j+1} \mathbf{1}[j \le n - 1]"),
]


@pytest.mark.parametrize(("forward", "claim"), CLAIMS)
def test_a_claim_in_the_notation_of_matrix_calculus_holds(forward, claim):
    verdict = sbp.check_claim(claim, {"forward": [forward], "shapes": SHAPES})
    assert verdict.status == "holds", (str(verdict.because), str(verdict.reading))


SPOILT = [
    (0, "-\\sum", "\\sum"),
    (1, "X^{-1}_{ji}", "X^{-1}_{ij}"),
    (2, "3 x", "2 x"),
    (4, "y_i \\mathbf{e}_i", "y_i \\mathbf{e}_1"),
    (5, "\\mathbf{e}_2 y", "\\mathbf{e}_1 y"),
    (6, "p_i (", "p_j ("),
    (8, "X^{\\top}", "X"),
]


@pytest.mark.parametrize(("number", "old", "new"), SPOILT)
def test_control_a_slip_in_it_does_not_hold(number, old, new):
    forward, claim = CLAIMS[number]
    left, sign, right = claim.partition(" = ")
    assert old in right
    assert sbp.check_claim(left + sign + right.replace(old, new, 1), {"forward": [forward], "shapes": SHAPES}).status != "holds"


def test_vec_by_rows_is_a_reading_that_is_told():
    context = {"forward": ["Y = A X"], "shapes": {"A": ["m", "n"], "X": ["n", "k"]}}
    by_columns = r"\mathrm{vec}(A X) = (I_k \otimes A) \mathrm{vec}(X)"
    by_rows = r"\mathrm{vec}(A X) = (A \otimes I_k) \mathrm{vec}(X)"
    assert sbp.check_claim(by_columns, context).status == "holds"
    told = sbp.check_claim(by_rows, context)
    assert told.status == "holds-if" and [c.key for c in told.conditions] == ["vec rows"]
    assert sbp.check_claim(by_rows, {**context, "conventions": {"vec": "row by row"}}).status == "holds"


def test_inverses_and_determinants_are_differentiated_twice():
    values = np.array([[2.0, 0.3, -0.4], [0.1, 1.5, 0.2], [-0.3, 0.5, 1.8]])
    a = q.array_of([s.Scalar(np.array([x]), entry=True) for x in values.reshape(-1)], (3, 3))
    slope = s.adjoints(wholes.determinant(a))[a.data[0, 1]]
    found = s.adjoints(slope)[a.data[1, 0]].value
    assert np.allclose(found, -values[2, 2])
    whole, inverse = wholes.inverse(a), np.linalg.inv(values)
    first = s.adjoints(whole.data[0, 2])[a.data[1, 1]]
    assert np.allclose(first.value, -inverse[0, 1] * inverse[1, 2])
    assert np.allclose(s.adjoints(first)[a.data[1, 1]].value, 2 * inverse[0, 1] * inverse[1, 1] * inverse[1, 2])


def test_a_column_of_ones_of_size_one_is_no_number_in_a_counterexample():
    context = {"forward": [r"f = u^{\top} x"], "shapes": {"u": ["n"], "x": ["n"], "f": []}}
    verdict = sbp.check_claim(r"\frac{\partial f}{\partial x} = u \odot (\mathbf{1}_{n} - x)", context)
    assert verdict.status == "wrong" and verdict.counterexample is not None
