"""Names that the language has not: each says what to write instead, and that is in the language."""

import pytest

from symbackprop import derivative
from symbackprop.errors import SpecError, UnknownOpError
from symbackprop.ops import ABSENT, NUMPY, OPS


def test_names_that_people_try_say_what_to_write_instead():
    assert ABSENT and not set(ABSENT) & {*OPS, *NUMPY} and set(NUMPY.values()) <= set(OPS)
    for name, absent in ABSENT.items():
        with pytest.raises(UnknownOpError) as caught:
            derivative(f"sum({name}(X))", {"X": "n"}, wrt="X")
        assert f"'{name}'" in caught.value.reason and caught.value.fix == absent.instead


@pytest.mark.parametrize("name", ["cov", "qr", "cond", "cbrt", "lstsq", "linspace", "cross", "rot90", "logit", "mod", "block", "xlogy"])
def test_what_to_write_instead_is_in_the_language(name):
    text = ABSENT[name].instead.removeprefix("write ").partition(" for ")[0].partition(", rows")[0]
    tensors = {"X": "n d", "A": "d d", "x": "3", "y": "3", "a": "", "b": "d", "B": "d d", "C": "d d", "D": "d d"}
    scalars = {"linspace": {"b": ""}}.get(name, {})
    assert derivative(
        f"sum({text})", {**tensors, **scalars}, wrt="A" if "A" in text else "X" if "X" in text else "x" if "x" in text else "a"
    )


HINTS = {
    "X // 2": "write floor(x / y)",
    "X % 2": "write x - y * floor(x / y)",
    "X ^ 2": "a power is written **",
    "np.add.reduce(X)": "write x + y, or sum(x, axis=0) for its reduce, cumsum(x) for its accumulate",
    "np.random.rand(3) * X": "make the random array an argument",
    "sum(X, axis=0, dtype=np.float32)": "leave it out: code keeps the dtype of its arguments",
    "max(X, X)": "write maximum(a, b) entry by entry, max(a, axis=0) along an axis",
    "np.max(X, X)": "give a number; of two arrays write x + y or maximum(x, y)",
    "X * np.logaddexp": "write logaddexp(x, y), or logsumexp(x, axis=0) for its reduce",
}


@pytest.mark.parametrize("text", HINTS)
def test_other_things_of_numpy_and_python_say_what_to_write_instead(text):
    with pytest.raises(SpecError) as caught:
        derivative(text, {"X": "n"}, wrt="X")
    assert caught.value.fix == HINTS[text]
