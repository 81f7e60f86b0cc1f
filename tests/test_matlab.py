"""MATLAB's spelling, said in ours: the same numbers as matrices of columns give."""

import numpy as np
import pytest

from symbackprop.errors import ParseError
from symbackprop.language.matlab import translated

SAID = {
    "norm2(A*x - b)^2": "norm(A @ x - b)**2",
    "x'*S*x": "x @ S @ x",
    "x*y'": "outer(x, y)",
    "A.*B + b": "A * B + b[:, None]",
    "tr(A'*B)": "trace(A.T @ B)",
    "S\\x": "solve(S, x)",
    "-S^2*x": "-(S @ S) @ x",
    "S^-1*x": "inv(S) @ x",
    "-x.^2": "-x**2",
    "2^3^2": "(2**3)**2",
    "2.*x./y": "2 * x / y",
    "norm(A, 'fro')^2": "norm(A)**2",
    "sum(A, 2)": "sum(A, axis=1)",
    "sum(sum(A, 1))": "sum(sum(A, axis=0))",
    "(A*x)'*b": "(A @ x) @ b",
    "x''": "x",
    "norm1(x)": "norm(x, ord=1)",
    "x.*y'": "x[:, None] * y",
    "A'*softmax(A*x)": "A.T @ softmax(A @ x)",
}
"""What is written there, and what that is here."""


@pytest.mark.parametrize("text", SAID)
def test_matlab_is_said_in_our_notation(text: str) -> None:
    assert translated(text) == SAID[text]


@pytest.mark.parametrize("text, columns", [("x*y'*x", "x @ y.T @ x"), ("(x'*y)*S", "(x.T @ y) * S"), ("S.*x - x'", "S * x - x.T")])
def test_the_numbers_are_those_of_columns(text: str, columns: str) -> None:
    draw = np.random.default_rng(3)
    values = {"x": draw.normal(size=5), "y": draw.normal(size=5), "S": draw.normal(size=(5, 5))}
    tall = {name: v[:, None] if v.ndim == 1 else v for name, v in values.items()}
    ours = eval(translated(text), {"outer": np.outer}, values)
    np.testing.assert_allclose(np.ravel(ours), np.ravel(eval(columns, {}, tall)))


def test_shapes_that_are_known_say_what_a_product_is() -> None:
    assert translated("c*x", {"c": ""}) == "c * x"
    assert translated("a*x", {"a": "m n"}) == "a @ x"


REFUSED = {
    "x*y": (1, "column times a column"),
    "sum(A)": (0, "along its columns"),
    "norm(A)": (0, "singular value"),
    "x^2": (1, "square matrix"),
    "x/y": (1, "division"),
    "foo(x)": (0, "not read"),
    "[1 2]": (0, "not read"),
    "A*": (2, "missing"),
    "(x": (2, "not closed"),
    "lam'*x": (3, "a number"),
    "A(1,2)": (0, "not read"),
    "x y": (2, "not expected"),
    "A.^x": (1, "exponent"),
    "A^9": (1, "powers"),
    "max(A)": (0, "not read"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_has_no_one_meaning_is_refused_with_its_place(text: str) -> None:
    caret, reason = REFUSED[text]
    with pytest.raises(ParseError, match=reason) as error:
        translated(text)
    assert error.value.spans[0][0] == caret
