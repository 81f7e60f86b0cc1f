"""Merged axes: values and derivatives of reshape, kron, concatenate and their kin, and what generated code makes of them."""

import pytest

from symbackprop import derivative
from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.term import delta
from symbackprop.errors import AxisError, SymbackpropError
from tests.differences import agrees

SHAPES = {"A": "n n", "B": "p p", "X": "n m", "Y": "n p", "Z": "p m", "T": "n p m", "x": "n", "y": "m", "z": "n", "w": "6", "W": "m n"}
CASES = [
    ("reshape(X, m * n)", "X"),
    ("ravel(X) ** 2 @ ravel(W.T)", ("X", "X")),
    ("sum(exp(ravel(X)) * ravel(W))", "X"),
    ("reshape(tanh(reshape(w, (2, 3))), (3, 2))", "w"),
    ("sum(tanh(reshape(ravel(X) ** 2, (m, n))) * W)", ("X", "X")),
    ("reshape(T, (n, -1)).T @ x", "T"),
    ("reshape(T, (n * p, m)) @ y", "T"),
    ("ravel(X)[m:2*m] ** 2", "X"),
    ("kron(X, Z)", "Z"),
    ("sum(kron(A, B) ** 2)", ("A", "B")),
    ("det(kron(A, B))", "B"),
    ("kron(x, y) @ kron(z, y)", ("x", "y")),
    ("concatenate((x, y))", "y"),
    ("sum(exp(concatenate([x, 2 * y, x])) ** 2)", ("x", "y")),
    ("tanh(concatenate((X @ W, Y), axis=1))", "W"),
    ("concatenate((X, Z), axis=None) ** 2", "Z"),
    ("stack((x, z, x * z), axis=1)", "x"),
    ("sum(exp(stack((x, z))) @ x)", ("x", "z")),
    ("hstack((X, Y))", "Y"),
    ("vstack((X, Z, X)) @ y", "X"),
    ("split(w, 2)[1] * split(w, 2)[0]", ("w", "w")),
    ("split(X, (1,), axis=1)[1]", "X"),
    ("flip(X, axis=1) @ y", "X"),
    ("roll(x, 1) * x", ("x", "x")),
    ("roll(x, -2) ** 3", "x"),
    ("exp(roll(X, 2))", "X"),
    ("tile(x, 3)", "x"),
    ("tile(Y, (2, 1)) ** 2", "Y"),
    ("repeat(Y, 2, axis=0)", "Y"),
    ("sum(broadcast_to(x, (m, n)) * W)", "x"),
    ("moveaxis(T, 0, -1) @ x", "T"),
    ("norm(concatenate((x, y)))", ("x", "x")),
]


@pytest.mark.parametrize(("text", "wrt"), CASES)
def test_a_derivative_agrees_with_differences(text, wrt):
    assert agrees(text, SHAPES, wrt)


def test_a_wrong_order_of_entries_is_noticed():
    assert not agrees("reshape(X, (m, n))", SHAPES, "X", expected="X.T")
    assert not agrees("kron(A, B)", SHAPES, "A", expected="kron(B, A)")


def test_deltas_of_merged_axes_split_into_pairs():
    n, m = axis("n"), axis("m")
    i, k, j, q = Index("i", m), Index("k", m), Index("j", n), Index("q", n)
    assert delta(i * n + j, k * n + q) == delta(i, k) * delta(j, q)
    assert delta(i * n + j, k * n + j) == delta(i, k)
    assert delta(i * m + j, k * m + q) != delta(i, k) * delta(j, q), "j may reach past m"


def test_a_trace_of_a_kronecker_product_is_a_product_of_traces():
    result = derivative("trace(kron(A, B))", SHAPES, wrt="A")
    assert result.latex("index") == r"\delta_{ij} \sum_{q=1}^{p} B_{qq}"


def test_generated_code_reshapes_instead_of_looking_up():
    source = derivative("sum(ravel(X) * ravel(W.T)) + sum(tanh(kron(A, B)))", SHAPES, wrt="X").numpy
    source += derivative("sum(tanh(ravel(X)) * ravel(W))", SHAPES, wrt="X").numpy
    source += derivative("sum(tanh(kron(A, B)))", SHAPES, wrt="A").numpy
    assert "reshape" in source and "arange" not in source and "==" not in source and "equal" not in source


def test_mistakes_are_named():
    for text in ("reshape(X, (n, n))", "concatenate((X, Y), axis=0)", "stack((x, y))", "reshape(X, (-1, -1))", "split(w, 4)"):
        with pytest.raises(AxisError):
            derivative(text, SHAPES, wrt="x" if "x" in text else "X" if "X" in text else "w")
    for text in ("concatenate(x)", "split(w, 2)[5]", "split(w, 2)[0, 1]"):
        with pytest.raises(SymbackpropError):
            derivative(text, SHAPES, wrt="x" if "x" in text else "w")


def test_a_letter_that_meets_a_formula_stands_for_it():
    result = derivative("m * sum(g * (x[1:] - x[:-1]))", {"g": "m", "x": "n"}, wrt="g")
    assert [str(a) for a in result.axes] == ["n - 1"] and result.evaluate(x=[1.0, 4.0, 6.0]).tolist() == [6, 4]
    with pytest.raises(AxisError, match="two sizes"):
        derivative("x + y", SHAPES, wrt="x")


def test_an_axis_in_equal_parts():
    shapes = {"X": "n m", "V": "m 4"}
    assert agrees("sum(split(X @ V, 2, axis=1)[1] * split(X @ V, 2, axis=1)[0])", shapes, ("V", "X"))
    source = derivative("reshape(X @ V, (n, 2, -1))[:, 0] ** 2", {"X": "n m", "V": "m d"}, wrt="V").numpy
    assert "d_part" in source
    with pytest.raises(SymbackpropError, match="n_part"):
        derivative("split(x, 2)[0]", {"x": "n"}, wrt="x").evaluate(x=[1.0, 2.0, 3.0])


def test_an_entry_of_what_was_merged_is_that_of_what_it_was_made_of():
    r = derivative("norm(kron(A, B)) ** 2", {"A": "n m", "B": "p q"}, "A")
    assert r.latex() == r"2 \lVert B \rVert^{2}_{F} A" and not r.latex_parts()


def test_a_transpose_shares_the_equation_of_what_it_is_a_transpose_of():
    r = derivative("trace((A - U @ V).T @ (A - U @ V)) / 2 + trace(U.T @ U) / 2", {"A": "n m", "U": "n k", "V": "k m"}, "U")
    assert r.latex() == r"U - (A - U V) V^{\top}" and r.numpy.count("np.dot(") == 2
