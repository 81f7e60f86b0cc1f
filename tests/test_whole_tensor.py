"""Inverses, determinants, largest entries, products: their differentials agree with differences, to order 2, also at zeros and ties."""

import numpy as np
import pytest

from symbackprop import derivative
from symbackprop.errors import AxisError
from tests.differences import agrees

SHAPES = {"A": "n n", "B": "n m", "b": "n", "S": "p n n", "X": "n p", "T": "p m", "x": "n", "C": "n n"}
CASES = [
    ("inv(A)", "A"),
    ("trace(inv(A) @ C)", ("A", "A")),
    ("inv(inv(A) + C) @ b", ("A", "C")),
    ("det(A)", ("A", "A")),
    ("logdet(A)", ("A", "A")),
    ("logdet(X.T @ X)", ("X", "X")),
    ("det(S)", "S"),
    ("logdet(S) @ logdet(S)", ("S", "S")),
    ("inv(S)", "S"),
    ("solve(A, b)", "A"),
    ("solve(A, B)", "B"),
    ("solve(A, B)", "A"),
    ("b @ solve(A, b)", ("A", "b")),
    ("cholesky(A)", "A"),
    ("sum(cholesky(A) * C)", ("A", "A")),
    ("eigvalsh(C)", "C"),
    ("sum(eigvalsh(C) ** 3 * b)", ("C", "C")),
    ("sum(log(eigvalsh(C @ C.T)))", "C"),
    ("pinv(X)", "X"),
    ("pinv(X.T)", "X"),
    ("sum(sin(pinv(B)))", ("B", "B")),
    ("b @ X @ pinv(X) @ b", "X"),
    ("slogdet(A)[0] * slogdet(A @ C)[1]", ("A", "C")),
    ("eigh(C)[0] @ b + sum(eigh(C)[1] ** 4)", "C"),
    ("sum(matrix_power(A, -2) @ C)", ("A", "C")),
    ("norm(X[:, 0], 3) * norm(X, np.inf, axis=0)", "X"),
    ("norm(T, 4, axis=1)", ("T", "T")),
    ("max(X)", "X"),
    ("min(X ** 3, axis=0)", "X"),
    ("sum(max(T ** 2, axis=1, keepdims=True) * T)", ("T", "T")),
    ("prod(T, axis=1)", "T"),
    ("prod(X)", ("X", "X")),
    ("sum(prod(sin(X), axis=0))", ("X", "X")),
    ("cumprod(x)", ("x", "x")),
    ("cumprod(X, axis=0)", "X"),
]


@pytest.mark.parametrize(("text", "wrt"), CASES)
def test_a_differential_agrees_with_differences(text, wrt):
    assert agrees(text, SHAPES, wrt)


def test_a_wrong_differential_is_noticed():
    assert not agrees("inv(A)", SHAPES, "A", expected="inv(A.T)")
    assert not agrees("max(X, axis=0)", SHAPES, "X", expected="min(X, axis=0)")


@pytest.mark.parametrize("zeros", [1, 2, 3])
def test_products_of_zeros(zeros):
    x = np.array([2.0, -1.5, 0.7]) * (np.arange(3) >= zeros)
    assert agrees("prod(x)", SHAPES, ("x", "x"), given={"x": x}) and agrees("cumprod(x)", SHAPES, "x", given={"x": x})


def test_the_first_of_equal_entries_is_taken():
    result = derivative("max(X, axis=1)", {"X": "n p"}, wrt="X")
    gradient = np.einsum("iij->ij", result.evaluate(X=np.array([[1.0, 1.0], [2.0, 3.0], [-1.0, -4.0]])))
    assert gradient.tolist() == [[1, 0], [0, 1], [1, 0]]
    assert derivative("min(x)", {"x": "n"}, wrt="x").evaluate(x=np.array([2.0, 1.0, 1.0])).tolist() == [0, 1, 0]


def test_which_entry_is_the_largest_has_no_derivative():
    assert derivative("max_selector(x) * x", {"x": "n"}, wrt=("x", "x"), order=2).index == 0


def test_a_matrix_that_is_not_square_is_refused():
    for text in ("inv(B)", "det(b)", "logdet(B)", "solve(B, b)", "cholesky(B)"):
        with pytest.raises(AxisError, match="square"):
            derivative(text, SHAPES, wrt="B")
    with pytest.raises(AxisError, match="two sizes"):
        derivative("solve(A, T)", SHAPES, wrt="A")
