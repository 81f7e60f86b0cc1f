"""The normal form: what must become equal does, what differs stays apart, and values never change."""

from itertools import pairwise

import numpy as np
import pytest
from small import index
from sympy import S, exp

from symbackprop.calculus.canonical import labelled, relabelled
from symbackprop.calculus.contract import Trace, contract, flat
from symbackprop.calculus.cost import cost
from symbackprop.calculus.index import Index, axis, bound_index
from symbackprop.calculus.laws import NO_FACTS, Facts, guard
from symbackprop.calculus.program import Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, delta, indices_of
from symbackprop.verification.oracle.literal import evaluate_expression
from symbackprop.verification.points.sizes import prime_sizes

n, m, c = axis("n"), axis("m"), axis("c")
r = Index("r", c)
a, b, s = index("a", "n"), index("b", "m"), index("s", "n")
b2 = index("b2", "n")
i0, i1, k, j = Index("i0", n), Index("i1", c), Index("k", c), Index("j", c)


def T(name, *indices):
    return Entry(name, *indices)


def test_trace_of_a_product_is_cyclic():
    left = Total(T("A", a, b) * T("B", b, a), a, b)
    x, y = index("x", "n"), index("y", "m")
    assert contract(left - Total(T("B", y, x) * T("A", x, y), x, y)) == 0


def test_trace_of_a_product_is_not_that_of_a_transpose():
    x = index("x", "n")
    assert contract(Total(T("A", a, s) * T("B", s, a), a, s) - Total(T("A", a, x) * T("B", a, x), a, x)) != 0


def test_three_factors_with_two_alike_are_labelled_the_same():
    p, q, r = (Index(x, n) for x in "pqr")
    one = Total(T("A", p, q) * T("A", q, r) * T("A", r, p), p, q, r)
    two = Total(T("A", r, q) * T("A", p, r) * T("A", q, p), p, q, r)
    assert contract(one - two) == 0
    assert contract(one - Total(T("A", p, q) * T("A", q, r) * T("A", p, r), p, q, r)) != 0


def test_a_delta_with_a_bound_index_is_solved():
    assert contract(Total(T("x", k) * delta(k, i1), k)) == T("x", i1)


def test_a_delta_of_free_indices_stays_and_aligns():
    assert contract(delta(i1, j) * T("x", j)) == contract(delta(i1, j) * T("x", i1)) != 0


def test_the_trace_of_a_delta_is_the_size():
    assert contract(Total(delta(k, k), k)) == c
    assert contract(Total(delta(k, j), k, j)) == c


def test_a_sum_without_the_index_counts_it():
    assert contract(Total(T("x", i0), k)) == c * T("x", i0)


def test_a_slice_leaves_a_guard_where_ranges_differ():
    q = Index("q", n - 1)
    assert contract(Total(T("g", q) * delta(i0, q + 1), q)) == NonNegative(i0 - 1) * T("g", i0 - 1)


def test_a_guard_that_the_range_decides_is_decided():
    assert guard(i0) == 1
    assert guard(n - 1 - i0) == 1
    assert guard(i0 - n) == 0
    assert isinstance(guard(i0 - 1), NonNegative)


def test_an_exponential_of_a_difference_is_not_split():
    e = exp(T("x", i1) - T("m"))
    assert contract(Total(e * T("y", i1), i1).xreplace({i1: k})).has(exp)
    assert contract(e) == e


def test_a_square_is_not_multiplied_out():
    e = (T("x", k) - T("mu")) ** 2
    assert contract(Total(e, k) / n).has(T("mu")) and not contract(Total(e, k)).has(T("mu") ** 2)


def test_a_sum_divided_by_itself_cancels_term_by_term():
    x, y, z = T("x", a), T("y", a), T("z", a)
    assert contract(1 - x / (x + y) - y / (x + y)) == 0
    assert contract(z * x / (x + y) ** 2 + z * y / (x + y) ** 2) == z / (x + y)
    assert contract(2 * x**2 / (x**2 + 1) + 2 / (x**2 + 1) + z) == z + 2
    # Inside a product too, and with a sum over an index among the terms.
    assert contract(exp(z) * (1 - x / (x + y) - y / (x + y)) + y) == y
    whole = Total(T("x", s) ** 2, s) + 1
    assert contract(T("y", a) / whole + T("y", a) * (whole - 1) / whole) == y


@pytest.mark.parametrize("sign, number, other", [(-1, 1, 1), (1, 2, 1), (1, 1, 2)])
def test_what_is_no_sum_divided_by_itself_stays(sign, number, other):
    """A sign flipped, a number on one term, another power: nothing cancels, and the value is kept."""
    x, y = T("x", a) ** 2, T("y", a) ** 2
    e = number * x / (x + y) + sign * y / (x + y) ** other
    made = contract(e)
    assert made.has(x + y)
    arrays = {"x": np.array([1.0, -2.0, 0.5]), "y": np.array([0.3, 4.0, -1.5])}
    values = [evaluate_expression(f, (a,), arrays, {n: 3}) for f in (e, made)]
    np.testing.assert_allclose(values[1], values[0])


def test_nested_sums_share_no_bound_name():
    e = contract(Total(T("p", k) * (T("g", k) - Total(T("p", j) * T("g", j) * T("A", j, k), j)), k))
    for t in e.atoms(Total):
        assert not set(t.indices) & {i for u in t.body.atoms(Total) for i in u.indices}


def softmax_times_cross_entropy(y):
    p = [T("p", i0, i) for i in (i1, k)]
    return Total(-y(k) / (n * p[1]) * (delta(k, i1) * p[1] - p[1] * p[0]), k)


def test_sums_over_one_index_stay_two_sums_in_a_product():
    product = flat(Total(T("x", a), a) * Total(T("y", a), a))
    assert len(product.bound) == 2
    assert contract(product.expr - Total(T("x", a) * T("y", b2), a, b2)) == 0
    assert contract(product.expr - Total(T("x", a) * T("y", a), a)) != 0


def test_softmax_and_cross_entropy_meet_only_through_laws():
    e = softmax_times_cross_entropy(lambda q: T("Y", i0, q))
    general, used = contract(e), Trace()
    assert general == (T("p", i0, i1) * Total(T("Y", i0, Index("r0", c)), Index("r0", c)) - T("Y", i0, i1)) / n
    fact = Fact("simplex", "Y", 1, c)
    assert contract(e, Facts([fact]), used) == (T("p", i0, i1) - T("Y", i0, i1)) / n
    assert used.facts == {fact}
    assert [rule for rule, _ in used.lines] == ["chain rule", "distribution", "delta contraction", "narrow sum", "fact", "factoring"]


def test_a_fact_of_another_axis_or_tensor_does_not_fire():
    e = softmax_times_cross_entropy(lambda q: T("Y", i0, q))
    for wrong in (Fact("simplex", "Y", 0, c), Fact("simplex", "p", 0, c), Fact("symmetric", "Y", 1, c), Fact("simplex", "Y", 1, n)):
        used = Trace()
        contract(e, Facts([wrong]), used)
        assert not used.facts


def test_a_fact_does_not_fire_on_an_index_that_another_factor_has():
    used = Trace()
    contract(Total(T("Y", i0, k) * T("z", k), k), Facts([Fact("simplex", "Y", 1, c)]), used)
    assert not used.facts


def test_cost_counts_no_sizes():
    assert cost(Total(T("A", a, b) * T("x", b), b)) == cost(Total(T("A", a, k) * T("x", k), k))


EXPRESSIONS = [
    Total(T("A", a, b) * (T("x", b) - Total(T("x", index("b2", "m")), index("b2", "m")) / m), b),
    Total(delta(a, s) * T("A", s, b) * T("x", b) * Positive(T("A", a, b)), s, b),
    Total(T("x", b) * (delta(b, index("b2", "m")) - T("x", index("b2", "m"))) / T("x", b), b, index("b2", "m")),
    Total(Total(T("A", s, b) * T("x", b), b) ** 2 * T("A", a, S.Zero), s),
]


@pytest.mark.parametrize("e", EXPRESSIONS)
@pytest.mark.parametrize("seed", range(3))
def test_contraction_keeps_the_value(e, seed):
    rng = np.random.default_rng(seed)
    sizes = prime_sizes(holder(e))
    arrays = {"A": rng.normal(size=(sizes[n], sizes[m])), "x": rng.normal(size=sizes[m])}
    free = sorted({i for i in e.free_symbols if isinstance(i, Index)}, key=str)
    before, after = (evaluate_expression(x, free, arrays, sizes) for x in (e, contract(e)))
    np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-12)


def holder(e):
    free = sorted({i for i in e.free_symbols if isinstance(i, Index)}, key=str)
    tensors = {"A": Tensor("A", (n, m)), "x": Tensor("x", (m,)), "T": Tensor("T", tuple(i.axis for i in free))}
    return Program("held", tensors, (Equation(tensors["T"], tuple(free), e),), "T")


def test_what_is_left_of_a_sum_of_terms_keeps_its_inner_sum():
    i, j, k, n = (Index(label, axis("n")) for label in "ijkl")
    a, b = Tensor("A", (axis("n"), axis("n"))), Tensor("B", (axis("n"),))
    body = (1 - delta(i, k)) * a[i, j] + a[j, i] * Total(b[n], n)
    e = contract(Total(body * delta(i, k) * b[j], i, j))
    assert indices_of(e) == {k} and e == contract(Total(a[j, k] * b[j], j) * Total(b[n], n))


NAMED = {
    "a factor leaves the sum": (T("y", i0) * T("w", k) * T("z", k), "narrow sum"),
    "a number leaves it": (2 * T("w", k) * T("z", k), "narrow sum"),
    "two sums come apart": (T("A", i0, k) * Total(T("w", r) * T("y", i0), r), "narrow sum"),
    "a number comes out of brackets": (T("w", k) * (2 * T("z", k) - 2 * T("x", k)), "factoring"),
    "terms cancel": (T("y", i0) * T("w", k) - T("w", k) * T("y", i0) + T("z", k), None),
    "a quotient cancels": (T("w", k) * (T("w", k) + T("z", k)) / (T("w", k) + T("z", k)), None),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_rule_is_named_for_what_it_did(name):
    body, rule = NAMED[name]
    trace = Trace()
    contract(Total(body, k), NO_FACTS, trace)
    lines = [(name, relabelled(e)) for name, e in trace.lines]
    assert [name for (_, before), (name, after) in pairwise(lines) if before != after] == ([rule] if rule else [])


def test_an_index_is_no_numbered_one_by_its_first_letter():
    i, row = Index("i0", n), Index("row", n)
    assert labelled([Entry("x", i), exp(Total(Entry("A", i, row), row))], [i]) == Total(
        Entry("x", index("r0", "n")) * exp(Total(Entry("A", index("r0", "n"), row), row)), index("r0", "n")
    )


@pytest.mark.parametrize("nested", [False, True])
def test_an_index_that_is_free_beside_the_sum_over_it_is_another_one(nested):
    """x_i sum_i y_i: the bound index is renamed before the product is taken apart, also where a sum binds the free one again."""
    meant, put = T("x", a) * Total(T("y", s), s), T("x", a) * Total(T("y", a), a)
    if nested:
        meant, put = Total(meant, a), Total(put, a)
    sizes, arrays = {n: 3}, {"x": np.array([1.0, -2, 5]), "y": np.array([3.0, 0.5, -1])}
    free = [] if nested else [a]
    value = evaluate_expression(contract(put), free, arrays, sizes)
    assert np.allclose(value, (np.sum(arrays["x"]) if nested else arrays["x"]) * np.sum(arrays["y"]))
    assert contract(put) == contract(meant)


def test_a_sum_beside_an_index_of_its_own_name_does_not_take_it():
    row, other = bound_index(0, n), Index("x", n)
    made = labelled([Entry("x", row), Entry("A", row, other)], [other])
    last = bound_index(1, n)
    assert made == Total(Entry("x", row) * Entry("A", row, last), last) and indices_of(made) == {row}
