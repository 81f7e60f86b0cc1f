"""Products of second derivatives by value and by text: symmetric ones are A^T A, deltas are diagonals, factors are multiplied once."""

import re

import numpy as np
import pytest
from small import index, program
from sympy import KroneckerDelta, exp, tanh
from test_lower import T, run

import symbackprop as sbp
import symbackprop.emit as emit
from symbackprop.arrays import expression, symmetric
from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.program import Call, Equation, Tensor
from symbackprop.calculus.term import Entry, Positive, Total
from symbackprop.ops.entrywise.elementwise import relu
from symbackprop.rewriting.sign import is_nonnegative, nonnegative_tensors
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays

n, m, p = axis("n"), axis("m"), axis("p")
r, s = index("r0", "n"), index("r1", "m")
SIZES = {n: 7, m: 3, p: 5}
"""Prime, and different."""

SQUARES = {
    "weighted": ({"X": "n m", "w": "n"}, "m m", lambda i, j: Total(T("X", r, i) * exp(T("w", r)) * T("X", r, j), r)),
    "weighted the other way": ({"X": "n m", "w": "n"}, "m m", lambda i, j: Total(T("X", r, j) * T("w", r) ** 2 * T("X", r, i), r) / n),
    "two factors": (
        {"X": "n m", "P": "n p"},
        "m p m p",
        lambda i, a, j, b: -3 * Total(T("X", r, i) * T("P", r, b) * T("P", r, a) * T("X", r, j), r),
    ),
    "two factors, sides mixed": (
        {"X": "n m", "P": "n p"},
        "m p p m",
        lambda i, a, b, j: Total(T("X", r, i) * T("P", r, b) * T("P", r, a) * T("X", r, j), r) / n,
    ),
    "a core": ({"A": "n m p", "w": "n"}, "m p m p", lambda i, a, j, b: Total(T("A", r, i, a) * T("A", r, j, b) * T("w", r) ** 4, r)),
    "two sums": ({"A": "n m p", "W": "n m"}, "p p", lambda a, b: Total(T("A", r, s, a) * T("A", r, s, b) * Positive(T("W", r, s)), r, s)),
    "a function": ({"X": "n m"}, "m m", lambda i, j: Total(tanh(T("X", r, i)) * tanh(T("X", r, j)), r)),
}
OTHERS = {
    "weights of both signs": ({"X": "n m", "w": "n"}, "m m", lambda i, j: Total(T("X", r, i) * T("w", r) * T("X", r, j), r)),
    "different tensors": ({"X": "n m", "Y": "n m"}, "m m", lambda i, j: Total(T("X", r, i) * T("Y", r, j), r)),
    "three of one": ({"X": "n m"}, "m m m", lambda i, j, k: Total(T("X", r, i) * T("X", r, j) * T("X", r, k), r)),
    "crossed": ({"A": "n m m"}, "m m m m", lambda i, j, k, q: Total(T("A", r, i, j) * T("A", r, q, k), r)),
}
DIAGONALS = {
    "a block for each": (
        {"V": "n m", "u": "p"},
        "p m p m",
        lambda i, a, j, b: 2 * KroneckerDelta(i, j) * T("u", j) * Total(T("V", r, a) * T("V", r, b), r),
    ),
    "beside a product": (
        {"P": "n p", "X": "n m"},
        "m p m p",
        lambda i, a, j, b: Total(T("X", r, i) * T("X", r, j) * T("P", r, a) * (KroneckerDelta(a, b) - T("P", r, b)), r) / n,
    ),
    "of three": ({"x": "n"}, "n n n", lambda i, j, k: KroneckerDelta(i, j) * KroneckerDelta(j, k) * T("x", k)),
    "two deltas": ({"A": "n m"}, "n m n m", lambda i, a, j, b: KroneckerDelta(i, j) * KroneckerDelta(a, b) * T("A", i, b)),
    "filled anyway": (
        {"A": "n m m", "X": "n p"},
        "p m m",
        lambda k, a, b: Total(T("X", r, k) * (T("A", r, a, b) - KroneckerDelta(a, b) * T("X", r, 0)), r),
    ),
    "two diagonals": ({"x": "n", "y": "n"}, "n n", lambda i, j: KroneckerDelta(i, j) * (T("x", i) - T("y", j)) - T("y", i) * T("x", j)),
    "minus": ({"x": "n"}, "n n", lambda i, j: T("x", i) * T("x", j) - KroneckerDelta(i, j) * T("x", i)),
    "a row and a diagonal": ({"x": "n"}, "n n", lambda i, j: KroneckerDelta(i, j) * T("x", i) + T("x", j)),
    "a number": ({"x": "n"}, "n n", lambda i, j: 3 * KroneckerDelta(i, j) * n - T("x", i)),
    "an argument": ({"A": "n n", "x": "n"}, "n n", lambda i, j: T("A", i, j) + KroneckerDelta(i, j) * T("x", i)),
    "in a function": ({"x": "n"}, "n n", lambda i, j: exp(KroneckerDelta(i, j) - T("x", i))),
}


def made(title, among):
    leaves, shape, body = among[title]
    return program(leaves, ("F", shape, body))


@pytest.mark.parametrize("title", [*SQUARES, *OTHERS, *DIAGONALS])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_by_value(title, dtype):
    p = made(title, SQUARES | OTHERS | DIAGONALS)
    arrays = random_arrays(p, SIZES)
    given = {name: array.copy() for name, array in arrays.items()}
    want, got = evaluate(p, arrays, SIZES)["F"], run(p, "F", arrays, dtype)
    assert got.dtype == dtype and got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-5 if dtype == np.float32 else 1e-12)
    assert all(np.array_equal(given[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize("title", SQUARES)
def test_a_square_is_one_symmetric_product(title):
    text = emit.function_source(made(title, SQUARES), "F")
    (product,) = re.findall(r"np\.(?:dot|matmul|tensordot)\((.*)\)  #", text)
    assert re.fullmatch(r"(\w.*)\.T, \1|(\w.*), \2\.T", product)


@pytest.mark.parametrize("title", SQUARES)
def test_a_symmetric_product_is_symmetric_to_the_last_bit(title):
    p = made(title, SQUARES)
    got = run(p, "F", random_arrays(p, SIZES))
    half = got.ndim // 2
    turned = got.transpose((3, 2, 1, 0) if title == "two factors, sides mixed" else (*range(half, 2 * half), *range(half)))
    assert np.array_equal(got, turned)


@pytest.mark.parametrize("title", OTHERS)
def test_what_is_no_square_has_no_root(title):
    text = emit.function_source(made(title, OTHERS), "F")
    assert "sqrt" not in text and "**0.5" not in text


def test_control_a_square_with_a_lost_root_is_seen(monkeypatch):
    p = made("weighted", SQUARES)
    arrays = random_arrays(p, SIZES)
    monkeypatch.setattr(symmetric, "_root", lambda e: e)
    assert not np.allclose(run(p, "F", arrays), evaluate(p, arrays, SIZES)["F"])


def test_control_a_diagonal_on_the_wrong_axes_is_seen(monkeypatch):
    p = made("a block for each", DIAGONALS)
    arrays = random_arrays(p, {**SIZES, axis("p"): 3})
    apart = expression.apart

    def wrong(factors, bound):
        equal, others = apart(factors, bound)
        return ({j: i for j, i in zip(reversed(equal), equal.values(), strict=True)}, [2 * f for f in others]) if equal else (equal, others)

    monkeypatch.setattr(expression, "apart", wrong)
    assert not np.allclose(run(p, "F", arrays), evaluate(p, arrays, {**SIZES, axis("p"): 3})["F"])


@pytest.mark.parametrize("title", sorted(set(DIAGONALS) - {"a number", "in a function"}))
def test_nothing_is_multiplied_by_a_unit_matrix(title):
    assert "np.eye" not in emit.function_source(made(title, DIAGONALS), "F")


def test_the_factors_of_a_product_that_is_there_are_not_multiplied_again():
    text = emit.function_source(made("beside a product", DIAGONALS), "F")
    assert len(re.findall(r"einsum\(\"n", text)) == 1


def test_a_softmax_regressions_hessian_makes_no_array_over_samples_and_pairs_of_classes():
    r = sbp.derivative("-sum(Y * log_softmax(X @ W, axis=1)) / n", {"X": "n d", "W": "d c", "Y": "n c"}, "W", 2, {"Y": "simplex over c"})
    assert not re.search(r"# (n c c|c n c|n d d|n d d c)\b", r.numpy)


def test_signs():
    x, y = Entry("x", index("i", "n")), Entry("y", index("i", "n"))
    i = Index("i", n)
    assert is_nonnegative(x**2 + exp(y), ()) and is_nonnegative(x, {"x"}) and is_nonnegative(relu(x) * n, ())
    assert not any(is_nonnegative(e, ()) for e in (x, x * y, x**3, exp(x) - 1, -(x**2)))
    rows = [
        Equation(Tensor("P", (n, m)), Tensor("P", (n, m)).indices, Call("softmax", ("O",), (("axis", 1),))),
        Equation(Tensor("a", (n,)), (i,), Total(Entry("P", i, s), s)),
        Equation(Tensor("b", (n,)), (i,), Entry("a", i) - 1),
        Equation(Tensor("L", (n, m)), Tensor("P", (n, m)).indices, Call("log_softmax", ("O",), (("axis", 1),))),
    ]
    assert nonnegative_tensors(rows) == {"P", "a"}
