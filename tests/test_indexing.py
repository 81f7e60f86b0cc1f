"""Index arrays: derivatives of lookups agree with differences; the places themselves have no derivative."""

import numpy as np
import pytest

import symbackprop as sbp
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
    assert "_add_rows(" in result.numpy and "np.equal" not in result.numpy
    assert r"\delta_{i, \mathrm{at}_{u}}" in result.latex() or r"\delta" in result.latex()
    assert result.evaluate(at=[1, 1], Y=np.array([[1.0, 2.0], [3.0, 4.0]]), v=3).tolist() == [[0, 0], [4, 6], [0, 0]]


def test_places_have_no_derivative():
    with pytest.raises(DeriveError, match="places"):
        derivative("W[at]", SHAPES, wrt="at")


def test_what_is_no_whole_number_is_no_place():
    with pytest.raises(SpecError, match="whole numbers"):
        derivative("W[at / 2]", SHAPES, wrt="W")


def test_entries_at_one_place_are_a_view_that_nothing_is_written_into():
    model = sbp.model(
        tensors={
            "U": {"axes": "h v", "role": "parameter"},
            "W": {"axes": "h h", "role": "parameter"},
            "at": {"axes": "3", "role": "index"},
        },
        equations={"s": "tanh(U[:, at[0]])", "z": "tanh(U[:, at[1]] + W @ s)", "J": "sum(z ** 3)"},
    )
    module = sbp.generate(sbp.derive(model)).load()
    draw = np.random.default_rng(0).normal
    U, W = draw(size=(5, 3)), draw(size=(5, 5))
    before = U.copy()
    value = module.loss_and_gradients(module.Parameters(U, W), np.array([1, 0, 2]))[0]
    assert np.array_equal(U, before) and np.isclose(value, np.sum(np.tanh(U[:, 0] + W @ np.tanh(U[:, 1])) ** 3))
