"""Ops that move entries, nested two and three deep: derivatives against differences, in code and literally, also where axes are short."""

from math import prod

import numpy as np
import pytest
from fuzzing import Drawn, many
from hypothesis import event, given
from hypothesis import strategies as st
from nesting import SIZES, SMALL, nested
from sympy import Expr

from symbackprop import derivative
from symbackprop.calculus.index import axis
from symbackprop.calculus.term import Total
from symbackprop.errors import AxisError, DataError, SymbackpropError, VerifyError
from symbackprop.verification.oracle.literal import evaluate, size_of
from tests.differences import agrees, slope, value

MOST, LARGEST = 20_000, 20_000_000
"""Entries of a derivative, and of the grid of an equation, beyond which a nest is not compared."""


def arrays_of(shapes, sizes):
    random = np.random.default_rng(5)
    return {name: random.normal(size=[sizes[w] if w in sizes else int(w) for w in text.split()]) for name, text in shapes.items()}


def largest_grid(program, sizes):
    """The entries of the largest grid that the sums of an equation run over."""
    grids = [{*e.indices, *(i for t in e.rhs.atoms(Total) for i in t.indices)} for e in program.equations if isinstance(e.rhs, Expr)]
    try:
        return max(prod(size_of(i.axis, sizes) for i in grid) for grid in grids)
    except DataError:  # a part that NumPy takes as empty, and that is refused below
        return 0


def outcome(text, shapes, wrt, sizes):
    """What came of one nest: "holds", "large", or the typed error. AssertionError where a value differs."""
    arrays = arrays_of(shapes, sizes)
    try:
        whole = value(text, arrays, sizes)
    except IndexError:  # an entry of an array that has none at these sizes: NumPy has no value
        whole = None
    if whole is not None and whole.size * arrays[wrt].size > MOST:
        return "large"
    try:
        result = derivative(text, shapes, wrt)
    except AxisError as error:
        assert error.reason == "the slice is empty", f"{text}: {error}"
        return "refused"
    known = {axis(n): size for n, size in sizes.items() if axis(n) in result.derived.program.axes}
    if whole is not None and largest_grid(result.program, known) > LARGEST:
        return "large"
    try:
        fast = result.evaluate(**arrays, **{str(a): size for a, size in known.items()})
    except SymbackpropError as error:
        short = 3 * (3 if "::" in text else 1)  # every third entry of nine are three
        assert isinstance(error, DataError) and min(sizes.values()) <= short, f"{text} at {sizes}: {error}"
        return "refused"
    assert whole is not None, f"{text} at {sizes} has no value"
    wanted = slope(lambda x: value(text, {**arrays, wrt: x}, sizes), arrays[wrt])
    leaves = {t.name: arrays[t.name] for t in result.program.leaves}
    try:
        both = (fast, evaluate(result.program, leaves, known)[result.name])
    except VerifyError as error:
        assert "is too large for the literal evaluation" in str(error)
        both = (fast,)
    for found in both:
        assert found.shape == wanted.shape, f"{text} at {sizes}"
        assert np.allclose(found, wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max(initial=0))), f"{text} by {wrt} at {sizes}"
    return "holds"


@st.composite
def nests(draw, sizes):
    choose = Drawn(draw, st.integers)
    text, shapes = nested(choose)
    return text, shapes, sorted(shapes)[choose.number(0, len(shapes) - 1)], sizes[choose.number(0, len(sizes) - 1)]


@many(40, fuzz=10_000)
@given(nests(SIZES))
def test_nests_agree_with_differences(nest):
    event(outcome(*nest))


@many(40, fuzz=10_000)
@given(nests(SMALL))
def test_nests_of_short_axes_agree_or_are_refused(nest):
    event(outcome(*nest))


@pytest.mark.slow
@many(1000, fuzz=1)
@given(nests((*SIZES, *SMALL)))
def test_a_thousand_nests(nest):
    outcome(*nest)


FOUND = [
    ("kron(kron(x, y), z)", "x"),
    ("reshape(outer(ravel(A), y), n * k * k)", "A"),
    ("sum(kron(ravel(A), y) ** 3)", "A"),
    ("sum(concatenate((x, y, w)) ** 2)", "x"),
    ("concatenate((x, y))[-2:]", "y"),
    ("vstack((C, D))[-2:]", "C"),
    ("roll(pad(x[-2::-1], (2, 1)), 2)", "x"),
    ("sum(hstack((diag(x), C))[:, ::3])", "x"),
    ("sum(roll(A, 1, axis=1)[:, -1] ** 3)", "A"),
    ("roll(x, 3)", "x"),
    ("sum(cumprod(A[:-1, :], axis=1))", "A"),
    ("sum(cumprod(A[1:, :], axis=1) ** 2 * A[:-1, :])", "A"),
    ("sum(cumprod(A, axis=1)[:-1, 1:] ** 2)", "A"),
    ("sum(concatenate((A[0][-2::-1], roll(repeat(x, 2), 1))) ** 2)", "A"),
    ("sum(concatenate((A[0][-2::-1], kron(w, x))) ** 3)", "A"),
]
"""What was wrong, or raised: guards decided for affine conditions alone, slices for known sizes alone, slices backwards of no entries."""


@pytest.mark.parametrize(("text", "wrt"), FOUND)
@pytest.mark.parametrize("sizes", [SIZES[1], SMALL[0], SMALL[3]], ids=str)
def test_found_ones_stay_mended(text, wrt, sizes):
    shapes = {"x": "n", "y": "k", "z": "n", "w": "3", "A": "n k", "C": "n n", "D": "3 n"}
    used = {name: s for name, s in shapes.items() if name in text.replace("(", " ").replace(")", " ").replace(",", " ").split()}
    used = used or {name: s for name, s in shapes.items() if name in text}
    assert outcome(text, {**used, wrt: shapes[wrt]}, wrt, sizes) in ("holds", "refused")


BACKWARDS = ["-2::-1", "-3::-1", ":0:-1", ":1:-1", "-2::-2", "-3::-2", "1::-1", "-2:0:-1", "-2:1:-3", "-1:3:-1", ":-3:-2"]
"""Parts that have no entries at some sizes, and then begin before the axis does."""


@pytest.mark.parametrize("part", BACKWARDS)
@pytest.mark.parametrize(
    ("around", "wrt"),
    [
        ("sum(concatenate((x[{}], kron(w, x))) ** 3)", "x"),
        ("sum(hstack((A[:, {}], repeat(A, 2, axis=1))) ** 3)", "A"),
        ("sum(vstack((A[{}], repeat(A, 2, axis=0))) ** 3)", "A"),
    ],
)
def test_a_part_backwards_of_no_entries_takes_none_of_its_neighbours(part, around, wrt):
    shapes = {"x": "n", "w": "3"} if wrt == "x" else {"A": "n n"}
    assert "holds" in [outcome(around.format(part), shapes, wrt, {"n": n}) for n in range(1, 5)]


POSITIONS = [
    ("sum(where(abs(arange(n)[:, None] - arange(n)) <= 1, A, 0) ** 2)", "A"),
    ("sum(where(eye(n) > 0, 0, tanh(A)) ** 3)", "A"),
    ("sum(where(tril(ones((n, n))) == 1, A, 0) ** 2)", "A"),
    ("sum(where((arange(n)[:, None] - arange(n)) ** 2 < 3, A, 0) ** 2)", "A"),
    ("sum(where(floor(arange(n) / 2)[:, None] == floor(arange(n) / 2), A, 0) ** 3)", "A"),
    ("sum(where(eye(n) + triu(ones((n, n)), 1) >= 1, A, 2 * A) ** 2)", "A"),
    ("sum(where(arange(n)[:, None] * arange(n) > 4, A, x) ** 2)", "A"),
    ("tanh(where(eye(n) == 0, A, 0))", "A"),
    ("sum(tanh(A * (1 - eye(n))))", "A"),
    ("sum(where(~(triu(ones((n, n))) > 0), A, -A) ** 3)", "A"),
]
"""Conditions on positions that are no affine ones."""


@pytest.mark.parametrize(("text", "wrt"), POSITIONS)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_conditions_on_positions_of_every_kind(text, wrt, n):
    shapes = {"A": "n n", "x": "n"} if "x" in text else {"A": "n n"}
    assert agrees(text, shapes, wrt, sizes={"n": n}, also={"n": n})


@pytest.mark.parametrize(("text", "size"), [("x[7]", 8), ("x[:4]", 4), ("x[2:-2]", 4), ("x[-3:]", 3), ("sum(x[4:] ** 2)", 4)])
def test_data_too_short_for_a_slice_is_refused_with_its_axis_and_size(text, size):
    result = derivative(text, {"x": "n"}, "x")
    assert result.evaluate(x=np.ones(size)).shape[-1] == size
    with pytest.raises(DataError, match=r"needs n >= \d") as error:
        result.evaluate(x=np.ones(size - 1))
    assert f"n = {size - 1}" in str(error.value)
