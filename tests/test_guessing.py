"""Shapes guessed from letters and use."""

import pytest

from symbackprop.errors import AxisError, ParseError, UnknownOpError
from symbackprop.expressions import derivative
from symbackprop.language.guessing import guessed_shapes

GUESSES = {
    "norm(A @ x - b)**2": {"A": "m n", "x": "n", "b": "m"},
    "x @ A @ x": {"x": "n", "A": "n n"},
    "logdet(S) + trace(A @ B)": {"S": "m m", "A": "n k", "B": "k n"},
    "sum(log(1 + exp(-y * (X @ w)))) / n + lam * sum(w**2)": {"y": "n", "X": "n d", "w": "d", "lam": ""},
    "softmax(Q @ K.T / sqrt(d)) @ V": {"Q": "m d", "K": "n d", "V": "n k"},
    "A @ A.T - eye(n)": {"A": "n m"},
    "sum(abs(x)) + mu * norm(x)": {"x": "n", "mu": ""},
    "w @ x + b": {"w": "n", "x": "n", "b": ""},
    "exp(mu * x)": {"mu": "n", "x": "n"},
    "x + 1": {"x": "n"},
    "where(x > 0, x, 0)": {"x": "n"},
    "W2 @ relu(W1 @ x + b1) + b2": {"W2": "m n", "W1": "n k", "x": "k", "b1": "n", "b2": "m"},
}


@pytest.mark.parametrize("text", GUESSES)
def test_shapes_are_guessed_from_letters_and_use(text: str) -> None:
    assert guessed_shapes(text) == GUESSES[text]
    derivative(text, GUESSES[text], wrt=next(iter(GUESSES[text])))


def test_what_was_given_stays_and_the_rest_follows() -> None:
    assert guessed_shapes("norm(A @ x - b)**2", {"A": "p q"}) == {"A": "p q", "x": "q", "b": "p"}
    assert guessed_shapes("norm(A @ x - b)**2", {"b": "d"}) == {"A": "d m", "x": "m", "b": "d"}
    assert guessed_shapes("A @ x", {"x": "n k"}) == {"A": "m n", "x": "n k"}
    assert guessed_shapes("sum(x) / n", {"x": "n"}) == {"x": "n"}


def test_a_letter_of_an_axis_is_no_name_of_a_tensor() -> None:
    assert guessed_shapes("norm(m * x)") == {"x": "m"}
    assert guessed_shapes("n @ n") == {"n": "d"}


@pytest.mark.parametrize("text, kind", [("x +", ParseError), ("foo(x)", UnknownOpError), ("stack([x, A @ x, 1])", AxisError)])
def test_what_no_shapes_fit_is_told_of_the_likeliest(text: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        guessed_shapes(text)


def test_what_does_not_fit_what_was_given_is_an_error_in_its_letters() -> None:
    with pytest.raises(AxisError, match="axis 'q' has two sizes"):
        guessed_shapes("A @ x", {"A": "p q", "x": "p"})
