"""The literal oracle against plain NumPy, and the facts of what it draws."""

import numpy as np
import pytest
from sympy import Rational, S, exp, floor, log

from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.program import Call, Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, delta
from symbackprop.errors import DataError
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays
from symbackprop.verification.points.sizes import prime_sizes

n, d, h, c = map(axis, "ndhc")


def program(tensors, equations, **more):
    made = {t.name: t for t in tensors}
    rows = []
    for t, rhs in equations:
        made[t.name] = t
        rows.append(Equation(t, t.indices, rhs))
    return Program("small", made, tuple(rows), objective=rows[-1].name, **more)


def one(tensors, axes, rhs):
    return program(tensors, [(Tensor("T", axes), rhs)])


X, W, v = Tensor("X", (n, d)), Tensor("W", (h, d)), Tensor("v", (d,))
i0, i1, r, s = Index("i0", n), Index("i1", h), Index("r", d), Index("s", n)


def value(p, seed=0):
    arrays = random_arrays(p, seed=seed)
    return arrays, evaluate(p, arrays)["T"]


def test_matrix_product():
    a, t = value(one([X, W], (n, h), Total(X[i0, r] * W[i1, r], r)))
    assert t.shape == (2, 5)
    np.testing.assert_allclose(t, a["X"] @ a["W"].T, rtol=1e-14)
    assert not np.allclose(t, a["X"] @ -a["W"].T)


def test_sum_of_a_body_without_the_index_counts_it():
    a, t = value(one([X, W], (n, h), Total(X[i0, S.Zero] * W[i1, S.Zero], r)))
    np.testing.assert_allclose(t, 3 * np.outer(a["X"][:, 0], a["W"][:, 0]))


def test_nested_totals_and_powers():
    j = Index("j", n)
    a, t = value(one([X], (), Total(Total(X[j, r], r) ** 2, j) / n))
    np.testing.assert_allclose(t, (a["X"].sum(1) ** 2).sum() / a["X"].shape[0])


def test_differences_and_strides():
    m = axis("m")
    x, k = Tensor("x", (2 * m,)), Index("i0", m)
    a, t = value(one([x], (m,), x[2 * k + 1] - x[2 * k]))
    np.testing.assert_allclose(t, a["x"][1::2] - a["x"][::2])


def test_entry_out_of_range_is_nan_unless_guarded():
    k = Index("i0", d)
    _, loose = value(one([v], (d,), v[k - 1]))
    a, guarded = value(one([v], (d,), v[k - 1] * NonNegative(k - 1)))
    assert np.isnan(loose[0]) and not np.isnan(loose[1:]).any()
    np.testing.assert_allclose(guarded, np.r_[0, a["v"][:-1]])


def test_cumsum_as_a_guard():
    k = Index("i0", d)
    a, t = value(one([v], (d,), Total(v[r] * NonNegative(k - r), r)))
    np.testing.assert_allclose(t, np.cumsum(a["v"]))


def test_trace_and_diagonal_by_delta():
    A, j, k = Tensor("A", (d, d)), Index("i0", d), Index("i1", d)
    a, t = value(one([A], (d, d), A[j, k] * delta(j, k)))
    np.testing.assert_allclose(t, np.diag(np.diag(a["A"])))


def test_rows_picked_by_an_index_tensor():
    E, z, k, q = Tensor("E", (h, d)), Tensor("z", (n,), role="index"), Index("i0", n), Index("i1", d)
    a, t = value(one([E, z], (n, d), E[z[k], q]))
    np.testing.assert_allclose(t, a["E"][a["z"]])
    assert a["z"].dtype.kind == "i" and a["z"].max() < a["E"].shape[0]


def test_brackets_are_zero_at_zero_and_one_at_zero():
    k = Index("i0", d)
    p = one([v], (d,), Positive(v[k]) + 10 * NonNegative(v[k]))
    t = evaluate(p, {"v": np.array([-1.0, 0.0, 2.0])})["T"]
    np.testing.assert_array_equal(t, [0, 10, 11])


@pytest.mark.parametrize(("left", "value"), [(S.One, 0), (log(v[r]) + 3, 0), (Entry("u") ** 2, 0), (1 / Entry("u"), np.nan)])
def test_x_times_its_logarithm_is_0_where_x_is_unless_what_is_left_is_infinite(left, value):
    p = one([v, Tensor("u", ())], (d,), (v[r] * log(v[r]) * left).xreplace({r: Tensor("T", (d,)).indices[0]}))
    assert np.array_equal(evaluate(p, {"v": np.zeros(2), "u": np.zeros(())})["T"], [value, value], equal_nan=True)


def test_functions_and_rationals():
    k = Index("i0", d)
    a, t = value(one([v], (d,), Rational(1, 3) * exp(v[k]) + log(v[k] ** 2)))
    np.testing.assert_allclose(t, np.exp(a["v"]) / 3 + np.log(a["v"] ** 2))


def test_softmax_call_is_stable_at_huge_logits():
    p = program([X], [(Tensor("T", (n, d)), Call("softmax", ("X",), (("axis", 1),)))])
    t = evaluate(p, {"X": np.array([[1e4, -1e4, 0.0], [3.0, 3.0, 3.0]])})["T"]
    np.testing.assert_allclose(t, [[1, 0, 0], [1 / 3] * 3])


def test_an_intermediate_that_is_given_stands_instead_of_its_equation():
    H, J, k = Tensor("H", (d,)), Tensor("T", ()), Index("i0", d)
    p = program([v], [(H, 2 * v[k]), (J, Total(H[r], r))])
    assert evaluate(p, {"v": np.ones(3), "H": np.ones(3)})["T"] == 3
    assert evaluate(p, {"v": np.ones(3)})["T"] == 6


def test_complex_and_float32_keep_their_type():
    p = one([X, W], (n, h), Total(X[i0, r] * W[i1, r], r))
    a = random_arrays(p)
    assert evaluate(p, a, dtype=np.float32)["T"].dtype == np.float32
    a["X"] = a["X"] + 1e-30j
    t = evaluate(p, a, dtype=np.complex128)["T"]
    np.testing.assert_allclose(t.imag / 1e-30, np.broadcast_to(a["W"].sum(1), (2, 5)))


def test_sizes_that_do_not_fit_are_refused():
    p = one([X, W], (n, h), Total(X[i0, r] * W[i1, r], r))
    with pytest.raises(DataError, match="'W' has 4 entries along axis 'd', which has 3"):
        evaluate(p, {"X": np.ones((2, 3)), "W": np.ones((5, 4))})
    with pytest.raises(DataError, match="no array for W"):
        evaluate(p, {"X": np.ones((2, 3))})


def test_one_sample_and_none():
    p = one([X], (), Total(X[s, r], s, r))
    assert evaluate(p, {"X": np.ones((0, 3))})["T"] == 0
    assert evaluate(p, {"X": np.ones((1, 3))})["T"] == 3


def test_sizes_are_different_primes():
    p = one([X, W], (n, h), Total(X[i0, r] * W[i1, r], r))
    assert list(prime_sizes(p).values()) == [2, 3, 5]


@pytest.mark.parametrize("kind", ["simplex", "one-hot", "symmetric", "positive", "orthogonal", "unit"])
def test_arrays_are_true_to_their_facts(kind):
    place = {"simplex": 1, "one-hot": 1, "unit": 1}.get(kind)
    axes = (d, d) if kind in ("symmetric", "orthogonal") else (n, d)
    A = Tensor("A", axes, facts=(Fact(kind, "A", place),))
    a = random_arrays(one([A], axes, Entry("A", *A.indices)), {n: 3, d: 5})["A"]
    law = {
        "simplex": lambda a: (a > 0).all() and np.allclose(a.sum(1), 1),
        "one-hot": lambda a: set(np.unique(a)) == {0, 1} and np.allclose(a.sum(1), 1),
        "symmetric": lambda a: np.allclose(a, a.T),
        "positive": lambda a: (a > 0).all(),
        "orthogonal": lambda a: np.allclose(a.T @ a, np.eye(5)),
        "unit": lambda a: np.allclose((a * a).sum(1), 1),
    }[kind]
    assert law(a)
    assert not law(random_arrays(one([Tensor("A", axes)], axes, Entry("A", *A.indices)), {n: 3, d: 5})["A"])


def test_arrays_have_both_signs_unless_a_logarithm_forbids():
    k = Index("i0", d)
    assert (random_arrays(one([v], (d,), v[k]), {d: 11})["v"] < 0).any()
    assert (random_arrays(one([v], (d,), log(v[k])), {d: 11})["v"] > 0).all()


@pytest.mark.parametrize("size", range(1, 60))
def test_every_third_entry_is_counted_in_whole_numbers(size):
    """floor(n/3 + 2/3) is 3 for n = 7, where 7/3 + 2/3 may be less than 3 in floats."""
    count = floor(n / 3 + Rational(2, 3))
    x = Tensor("x", (n,))
    turned = one([x], (count,), x[3 * count - 3 - 3 * Index("i0", count)])
    values = np.arange(size) + 0.5
    found = evaluate(turned, {"x": values}, {n: size})["T"]
    np.testing.assert_array_equal(found, values[::3][::-1])
