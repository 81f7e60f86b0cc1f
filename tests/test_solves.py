"""Products with an inverse are solved for, not inverted; the inverse stays where it is wanted. By value, and in the source."""

import numpy as np
import pytest

from symbackprop import derivative
from symbackprop.errors import AxisError
from tests.differences import agrees

SHAPES = {"A": "n n", "B": "n m", "G": "n m", "b": "n", "c": "n", "K": "n n", "t": "", "C": "n n", "x": "m", "R": "1 n", "D": "n p"}
SOLVED = [
    ("b @ solve(A, b)", "A", 2),
    ("sum(G * solve(A, B))", "A", 2),
    ("sum(G * solve(A, B))", "B", 1),
    ("c @ inv(A) @ b", "A", 2),
    ("c @ inv(A) @ B @ x", "B", 1),
    ("sum((inv(A) @ B) ** 2)", "A", 3),
    ("sum(inv(A).T @ B * G)", "B", 1),
    ("sum(B.T @ inv(A) @ G)", "A", 2),
    ("norm(inv(A + t * C) @ b) ** 2", "t", 2),
    ("c @ inv(A) @ inv(C) @ b", "c", 2),
    ("trace(inv(A) @ C)", "A", 2),
    ("b @ solve(A, c)", ("b", "c"), 0),
    ("sum((inv(A - R) @ D) ** 2)", "R", 3),  # a sum beside the second system
]


@pytest.mark.parametrize(("text", "wrt", "systems"), SOLVED)
def test_a_product_with_an_inverse_is_solved_for(text, wrt, systems):
    assert agrees(text, SHAPES, wrt)
    source = derivative(text, SHAPES, wrt=wrt, order=1 if isinstance(wrt, str) else 2).numpy
    assert source.count("linalg.solve(") == systems and ("linalg.inv(" in source) == (systems == 0)


@pytest.mark.parametrize(
    ("text", "wrt"),
    [
        ("b @ inv(K) @ b + logdet(K)", "K"),
        ("solve(A, b)", "b"),
        ("sum(inv(A) ** 2 @ b)", "b"),
        ("sum(exp(inv(A)) @ b)", "A"),
        ("c @ inv(A) @ b + b @ inv(A) @ C @ inv(A) @ c + sum((C @ inv(A) @ C) ** 2)", "A"),
    ],
)
def test_the_inverse_stays_where_it_is_wanted_or_cheaper(text, wrt):
    assert agrees(text, SHAPES, wrt)
    assert derivative(text, SHAPES, wrt=wrt).numpy.count("linalg.inv(") == 1


def test_a_solution_is_as_exact_as_the_matrix_lets_it_be():
    n = 8
    hilbert = 1 / (np.arange(n)[:, None] + np.arange(n) + 1)
    b = hilbert @ np.ones(n)
    made = derivative("c @ solve(A, b)", {"A": "n n", "b": "n", "c": "n"}, wrt="c").evaluate(A=hilbert, b=b, c=b)
    assert np.allclose(hilbert @ made, b, rtol=0, atol=1e-14)


def test_no_array_is_larger_than_a_product_of_sums_needs():
    source = derivative("sum(cholesky(A) * C)", SHAPES, wrt="A").numpy
    assert "# n n n n" not in source and agrees("sum(cholesky(A) * C)", SHAPES, "A")
    assert agrees("sum((outer(b, c) + A) * C @ B)", SHAPES, "B")


def test_control_shapes_that_do_not_fit_are_refused():
    with pytest.raises(AxisError):
        derivative("solve(A, x)", SHAPES, wrt="A")
