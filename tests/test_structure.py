"""Structure that generated code uses: what it computes by value, and what it no longer makes."""

from dataclasses import replace

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.arrays import overlaps
from symbackprop.rewriting import bracketing
from symbackprop.verification.oracle.literal import evaluate

SHAPES = {"A": "m n", "B": "m n", "U": "n k", "X": "n k", "x": "n", "y": "m", "u": "m", "a": "n", "lam": ""}
SIZES = {"m": 7, "n": 5, "k": 3, "b": 2, "c": 3, "s": 11, "t": 7, "o": 2, "p": 3, "q": 2}

PLACED = {
    "regularised": ("x @ (A.T @ A + lam*eye(n)) @ x", "x", "n n"),
    "low rank and diagonal": ("x @ (diag(a) + U @ U.T) @ x", "x", "n n"),
    "rank one": ("sum(((A + outer(y, a)) @ x)**2)", "x", "m n"),
    "less a product": ("norm(A - outer(y, x))**2", "x", "m n"),
    "centred": ("sum(((eye(n) - ones((n, n))/n) @ X)**2)", "X", "n n"),
    "reflected": ("sum(((eye(n) - 2*outer(x, x)) @ X)**2)", "X", "n n"),
    "scaled on both sides": ("sum((diag(y) @ A @ diag(x))**2)", "y", "m m"),
    "weighted": ("sum((A.T @ diag(y) @ A)**2)", "y", "m m"),
    "on top of each other": ("sum((concatenate([A, B]) @ x)**2)", "x", "2*m n"),
}
"""An expression, the variable, and the shape of what need not be made."""
BESIDE = {
    "running sums": ("sum(cumsum(x)**2)", {"x": "n"}, "x", 1),
    "running sums of columns": ("sum(exp(cumsum(X, axis=1)))", {"X": "m n"}, "X", 1),
    "a guarded running sum": ("sum(log(1 + cumsum(exp(x))**2) * a)", {"x": "n", "a": "n"}, "x", 1),
    "two dimensions": ("sum(tanh(conv2d(X, K)))", {"X": "b c s t", "K": "o c p q"}, "X", 1),
    "one dimension": ("sum(tanh(conv1d(X, K)))", {"X": "b c s", "K": "o c p"}, "X", 1),
    "strides": ("sum(conv2d(X, K, stride=2)**2)", {"X": "b c s t", "K": "o c p q"}, "X", 1),
    "padding": ("sum(conv2d(X, K, padding=1)**2)", {"X": "b c s t", "K": "o c p q"}, "X", 1),
    "neighbours": ("sum((x[1:] - x[:-1])**2)", {"x": "n"}, "x", 2),
    "a chain": ("sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", {"x": "n"}, "x", 2),
    "two apart": ("sum(sin(x[:-2]) * x[2:]**2)", {"x": "n"}, "x", 2),
    "a Jacobian of differences": ("x[1:] - x[:-1]", {"x": "n"}, "x", 1),
    "rows of an image": ("sum(X[1:, :] * X[:-1, :]**2)", {"X": "m n"}, "X", 2),
}


def compared(text, shapes, wrt, order=1, sizes=SIZES):
    """The code of a derivative, checked against the literal evaluator."""
    made = sbp.derivative(text, shapes, wrt, order=order)
    draw = np.random.default_rng(1)
    arrays = {n: draw.standard_normal([int(eval(a, {}, sizes)) for a in shape.split()]) for n, shape in shapes.items()}
    whole = made.derived.program
    known = {a: sizes[str(a)] for a in whole.axes}
    ought = evaluate(whole, {t.name: arrays[t.name] for t in whole.leaves}, known)[made.name]
    np.testing.assert_allclose(made.evaluate(**arrays), ought, rtol=1e-10, atol=1e-12)
    return made.numpy


@pytest.mark.parametrize("name", PLACED)
def test_a_matrix_that_only_products_ask_for_is_not_made(name):
    text, wrt, shape = PLACED[name]
    used = {
        n: s
        for n, s in SHAPES.items()
        if n in text.replace("sum", "").replace("eye(n)", "").replace("lam", "") or (n == "lam" and n in text)
    }
    assert f"# {shape}\n" not in compared(text, used, wrt)


@pytest.mark.parametrize("name", BESIDE)
def test_windows_running_sums_and_bands_are_worth_what_they_say(name):
    text, shapes, wrt, order = BESIDE[name]
    source = compared(text, shapes, wrt, order)
    assert "np.clip" not in source or "padding" in text
    assert "np.equal" not in source


DIAGONAL = {
    "log determinant": ("logdet(diag(x))", {"x": "n"}, "x"),
    "inverse": ("sum(inv(diag(x)))", {"x": "n"}, "x"),
    "inverse and matrix": ("sum(A @ inv(diag(x**2 + 1)) @ A.T)", {"A": "m n", "x": "n"}, "x"),
    "solution": ("b @ solve(diag(x) + lam*eye(n), b)", {"x": "n", "b": "n", "lam": ""}, "x"),
    "solutions": ("sum(solve(diag(x), X)**2)", {"x": "n", "X": "n k"}, "X"),
    "in a function": ("sum(exp(inv(diag(x))))", {"x": "n"}, "x"),
    "twice": ("logdet(inv(diag(x)))", {"x": "n"}, "x"),
}


@pytest.mark.parametrize("name", DIAGONAL)
def test_a_diagonal_matrix_is_neither_inverted_nor_factored(name):
    assert "linalg" not in compared(*DIAGONAL[name])


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("name", ["running sums", "neighbours", "a chain"])
def test_the_smallest_sizes_are_right(name, size):
    text, shapes, wrt, order = BESIDE[name]
    compared(text, shapes, wrt, order, {**SIZES, "n": size})


@pytest.mark.parametrize("text", ["sum((X @ A) * X)", "sum((X.T @ X - A)**2)"])
def test_a_product_with_two_matrices_is_one_with_their_sum(text):
    assert compared(text, {"X": "m n", "A": "n n"}, "X").count("np.dot(X, ") == 1


def test_systems_of_a_symmetric_matrix_are_solved_once():
    assert compared("logdet(eye(n) + X.T @ X)", {"X": "m n"}, "X").count("linalg.solve") == 1


def test_rows_at_equal_places_are_added_up():
    model = sbp.model({"E": {"axes": "n k", "role": "parameter"}, "at": {"axes": "m", "role": "index"}}, {"J": "sum(E[at]**2)"})
    E, at = np.random.default_rng(2).standard_normal((5, 3)), np.array([4, 1, 1, 0, 4, 1, 4])
    made = sbp.derive(model).gradient("E")
    np.testing.assert_allclose(made.evaluate(E=E, at=at), 2 * E * np.bincount(at, minlength=5)[:, None])
    assert not made.evaluate(E=E, at=at[:0]).any()


def test_a_difference_of_two_given_matrices_is_taken_first():
    """It is exact where they are close, and what their products with a vector differ by is not."""
    made = sbp.derivative("sum(((A - B) @ x)**2)", {"A": "m n", "B": "m n", "x": "n"}, "x")
    draw = np.random.default_rng(0)
    A, x = draw.standard_normal((7, 5)), draw.standard_normal(5)
    B = A + 1e-9 * draw.standard_normal((7, 5))
    ought = 2 * (A - B).T @ ((A - B) @ x)
    np.testing.assert_allclose(made.evaluate(A=A, B=B, x=x), ought, rtol=1e-12)


def test_a_cheaper_way_is_taken_at_no_size_alone(monkeypatch):
    """A^T A times a matrix: which comes first is a matter of sizes, and the author's way stays."""
    text, shapes = "sum(((A.T @ A) @ X)**2)", {"A": "m n", "X": "n k"}
    before = sbp.derivative(text, shapes, "X").numpy
    monkeypatch.setattr(bracketing, "_is_cheaper", lambda *args: False)
    assert sbp.derivative(text, shapes, "X").numpy == before


def test_a_window_that_starts_elsewhere_is_seen(monkeypatch):
    found = overlaps.find_overlap

    def late(*args):
        made = found(*args)
        return made and (replace(made[0], step=made[0].step + 1), made[1])

    monkeypatch.setattr("symbackprop.arrays.expression.find_overlap", late)
    with pytest.raises((AssertionError, ValueError)):
        compared(*BESIDE["one dimension"])
