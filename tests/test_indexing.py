"""Index arrays: derivatives of lookups agree with differences; the places themselves have no derivative."""

import numpy as np
import pytest

from symbackprop import derivative
from symbackprop.errors import DeriveError, SpecError
from tests.differences import agrees

SHAPES = {"W": "q n", "A": "n m", "at": "5", "X": "5 q", "x": "n", "y": "4", "T": "n q 2 q"}
PLACES = {"at": np.array([4, 0, 4, 6, 2])}
CASES = [
    ("W[at]", "W"),
    ("sum(tanh(W[at] @ A) ** 2)", ("W", "W")),
    ("sum(tanh(W[at] @ A) ** 2)", ("A", "W")),
    ("X[arange(5), at] ** 2", "X"),
    ("X[0, at] ** 2", "X"),
    ("X[1:, at] ** 2", "X"),
    ("take(X, at, axis=1) ** 2", "X"),
    ("sum(take_along_axis(X, at[:, None], axis=1) * X)", ("X", "X")),
    ("sum(concatenate((x, y))[at] ** 3)", ("x", "x")),
    ("sum(concatenate((x, y))[at] ** 3)", "y"),
    ("sum(roll(concatenate((x, y)), 1)[at] ** 2)", "y"),
    ("sum(T[:, at, :, at] ** 2)", "T"),
    ("sum(W[at][:, at[1:2]] ** 2)", "W"),
]


@pytest.mark.parametrize(("text", "wrt"), CASES)
def test_a_lookup_agrees_with_differences(text, wrt):
    assert agrees(text, SHAPES, wrt, given=PLACES)


def test_a_one_hot_array_is_a_delta():
    assert agrees("sum(one_hot(at, q) * X)", SHAPES, "X", given=PLACES, also={"one_hot": lambda at, q: np.eye(q)[at]})


def test_a_lookup_at_other_places_is_noticed():
    assert not agrees("W[at]", SHAPES, "W", given=PLACES, expected="W[at[::-1]]")


def test_the_gradient_of_an_embedding_adds_at_places():
    result = derivative("sum(W[at] * Y)", {"W": "v d", "at": "t", "Y": "t d"}, wrt="W")
    assert "np.add.at" in result.numpy and "np.equal" not in result.numpy
    assert r"\delta_{i, \mathrm{at}_{u}}" in result.latex() or r"\delta" in result.latex()
    assert result.evaluate(at=[1, 1], Y=np.array([[1.0, 2.0], [3.0, 4.0]]), v=3).tolist() == [[0, 0], [4, 6], [0, 0]]


def test_places_have_no_derivative():
    with pytest.raises(DeriveError, match="places"):
        derivative("W[at]", SHAPES, wrt="at")


def test_what_is_no_whole_number_is_no_place():
    with pytest.raises(SpecError, match="whole numbers"):
        derivative("W[at / 2]", SHAPES, wrt="W")
