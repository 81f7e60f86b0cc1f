"""Closed formulas: `latex(expand=True)` speaks of nothing but what the reader has, and reads back to the value."""

import json
from pathlib import Path

import numpy as np
import pytest
from round_trip import read_index, read_matrix
from test_second import MODELS

import symbackprop as sbp
from symbackprop.errors import NotationError, SpecError
from symbackprop.typesetting.index_form import Writer
from symbackprop.typesetting.latex import latex
from symbackprop.verification.oracle.literal import evaluate, size_of
from symbackprop.verification.points.draws import random_arrays

SIZES = (3, 2, 4, 5, 2)


def known_of(result, expand=True, numbers=SIZES):
    """What a reader has: the leaves, and what the author named, by its name on paper; with all values."""
    program = result.derived.program
    sizes = dict(zip(program.axes, numbers, strict=False))
    every = evaluate(program, random_arrays(program, sizes), sizes)
    had = {t.name for t in program.leaves} | (result.known & program.authored if expand is True else set())
    spelled = Writer.of(program).names
    return {latex(spelled(n)): np.asarray(every[n], float) for n in had}, every, sizes


def read(result, form, expand=True, numbers=SIZES):
    """The value of the closed formula in a form, and the right one."""
    known, every, sizes = known_of(result, expand, numbers)
    program, e = result.derived.program, result.equation
    text, dims = result.latex(form, expand=expand), {str(a): s for a, s in sizes.items()}
    shape = tuple(size_of(a, sizes) for a in e.tensor.axes)
    if form == "index":
        return read_index(text, known, dims, list(Writer.of(program).free(e.indices).values()), shape), every[e.name]
    kept = [s for s in shape if s != 1]
    if len(kept) > 2:
        cut = e.tensor.orders[0]
        kept = [int(np.prod(shape[:cut])), int(np.prod(shape[cut:]))]
    return read_matrix(text, known, dims, tuple(kept)).reshape(shape), every[e.name]


EXPRESSIONS = [
    ("norm(A @ x - b)", {"A": "m n", "x": "n", "b": "m"}, "x", 1),
    ("norm(A @ x - b)", {"A": "m n", "x": "n", "b": "m"}, "x", 2),
    ("sum(norm(X[:, None, :] - X[None, :, :] + 1, axis=-1))", {"X": "n d"}, "X", 1),
    ("log(sum(exp(A @ x)))", {"A": "m n", "x": "n"}, "x", 2),
    ("trace(inv(A.T @ A + eye(n)) @ B)", {"A": "n n", "B": "n n"}, "A", 1),
    ("sum(softmax(A @ B, axis=1) ** 3)", {"A": "m n", "B": "n k"}, "A", 1),
    ("sum(logsumexp(A @ B, axis=1) ** 2)", {"A": "m n", "B": "n k"}, "B", 1),
    ("exp(-norm(x)) * sum(tanh(x))", {"x": "n"}, "x", 2),
    ("std(x) / mean(x)", {"x": "n"}, "x", 1),
    ("sum(sigmoid(tanh(A @ x) @ B)**2)", {"A": "m n", "x": "n", "B": "m k"}, "A", 1),
    ("det(A @ B) * trace(A)", {"A": "n n", "B": "n n"}, "A", 1),
    ("x / norm(x)", {"x": "n"}, "x", 1),
]


@pytest.mark.parametrize("form", ["index", "best"])
@pytest.mark.parametrize(("text", "shapes", "wrt", "order"), EXPRESSIONS)
def test_a_closed_formula_of_an_expression_reads_back_to_its_value(text, shapes, wrt, order, form):
    result = sbp.derivative(text, shapes, wrt, order=order)
    if "(" in text and ("inv" in text or "det" in text) and form == "index":
        with pytest.raises(NotationError, match="has no place in a formula") as refused:
            result.latex("index", expand=True)
        assert "latex_parts" in str(refused.value)
        return
    got, wanted = read(result, form if form == "index" or has_matrix(result) else "index")
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11)


def has_matrix(result):
    try:
        return bool(result.latex("matrix", expand=True))
    except NotationError:
        return False


@pytest.mark.parametrize("expand", [True, "leaves"])
@pytest.mark.parametrize("name", ["relu", "three layers", "weights used twice", "squares with a penalty"])
def test_a_closed_gradient_speaks_of_the_model_or_of_its_leaves(name, expand):
    d = sbp.derive(MODELS[name]())
    for parameter in d.wrt:
        for form in ("matrix", "index") if expand is True else ("matrix",):
            got, wanted = read(d.gradient(parameter), form, expand)
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11)


def test_what_has_no_name_is_in_the_open_formula_and_not_in_the_closed_one():
    result = sbp.derivative("norm(A @ x - b)", {"A": "m n", "x": "n", "b": "m"}, "x")
    assert result.latex() == r"\frac{1}{\lVert r \rVert} A^{\top} r"
    assert result.latex(expand=True) == r"\frac{1}{\lVert A x - b \rVert} A^{\top} (A x - b)"
    two_layer = sbp.derive(sbp.load("examples/two_layer.toml"))
    assert two_layer.gradient("b2").latex(expand=True) == r"\frac{1}{n} (\hat{Y} - Y)^{\top} \mathbf{1}_{n}"
    assert r"\hat{Y}" not in two_layer.gradient("b2").latex(expand="leaves")


def test_a_formula_that_nobody_could_read_is_refused():
    rows = {"y0": "tanh(x)"} | {f"y{k}": f"y{k - 1} * exp(y{k - 1})" for k in range(1, 14)}
    model = sbp.model({"x": {"axes": "n", "role": "parameter"}}, {**rows, "J": "sum(y13)"})
    result = sbp.derive(model).gradient("x")
    assert result.latex(expand=True)
    for form in ("matrix", "index"):
        with pytest.raises(NotationError, match="more than 1500 names"):
            result.latex(form, expand="leaves")


def test_a_way_to_expand_that_is_none_is_refused():
    with pytest.raises(SpecError, match="'all' is no way to expand"):
        sbp.derivative("sum(x**2)", {"x": "n"}, "x").latex(expand="all")


def test_control_a_formula_that_is_not_closed_is_seen():
    result = sbp.derivative("norm(A @ x - b)", {"A": "m n", "x": "n", "b": "m"}, "x")
    known, _, sizes = known_of(result)
    with pytest.raises((AssertionError, KeyError)):
        read_matrix(result.latex(), known, {str(a): s for a, s in sizes.items()}, (2,))


@pytest.mark.slow
def test_closed_formulas_of_the_identities_read_back():
    cases = json.loads((Path(__file__).parent / "data" / "identities.json").read_text(encoding="utf-8"))
    read_back = 0
    for case in cases:
        shapes = {name: " ".join(one["shape"]) for name, one in case["inputs"].items()}
        try:
            result = sbp.derivative(case["expr"], shapes, case["wrt"][0])
            form = "matrix" if has_matrix(result) else "index"
            got, wanted = read(result, form)
            if not np.isfinite(got).all():  # the inverse of a singular matrix: X X^T of a tall X
                got, wanted = read(result, form, numbers=SIZES[::-1])
        except sbp.SymbackpropError:
            continue
        np.testing.assert_allclose(got, wanted, rtol=1e-7, atol=1e-9, err_msg=f"{case['id']} {result.latex(form, expand=True)}")
        read_back += 1
    assert read_back > 150
