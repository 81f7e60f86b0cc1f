"""Where a check is made: sizes, data, and both sides of every condition."""

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.term import Entry, Positive
from symbackprop.language.syntax import parse
from symbackprop.verification.claims.stated import state
from symbackprop.verification.points.coverage import Conditions, Missing
from symbackprop.verification.points.draws import MIXED, SPREAD, TINY, UNIT, Domain, draw
from symbackprop.verification.points.points import Points, own, plain, sound_sizes
from symbackprop.verification.points.sizes import assignments, prime_sizes, reach, thresholds

n, m, d, h = map(axis, "nmdh")


def program(tensors, **equations):
    """A model's program; all tensors are parameters."""
    return sbp.model(tensors={k: {"axes": a, "role": "parameter"} for k, a in tensors.items()}, equations=equations).program


def compared(p, left, right):
    """The points for two expressions about a program, and the program that holds them."""
    stated = state(p, parse(left), parse(right))
    both = stated.program.needed([stated.left, stated.right])
    return Points(both, [t for t in p.tensors if t in both.tensors], sides=(stated.left, stated.right))


def first_sizes(p):
    return [choices[0] for choices in assignments(p)]


def test_three_assignments_primes_ones_and_the_other_way_round():
    p = program({"X": "n d", "w": "d"}, J="sum((X @ w) ** 2)")
    primes, ones, ends = first_sizes(p)
    assert (primes, ones) == ({n: 2, d: 3}, {n: 1, d: 1})
    assert ends[n] > ends[d] and all(ends[a] != primes[a] for a in primes)


def test_an_axis_in_a_condition_or_a_slice_is_long_once():
    banded = program({"A": "n n"}, J="sum(where(abs(arange(n)[:, None] - arange(n)) <= 1, A, 0) ** 2)")
    sliced = program({"x": "n", "y": "m"}, J="sum(x[1:] ** 2) * sum(y)")
    assert first_sizes(banded)[2][n] >= 5
    assert first_sizes(sliced)[2][n] > 5


@pytest.mark.parametrize(("text", "least"), [("sum(x[4:])", 5), ("sum(x[:4])", 4), ("x[7]", 8), ("sum(x[2:-2])", 5), ("x[-3]", 3)])
def test_sizes_respect_what_slices_and_places_need(text, least):
    assert min(sizes[n] for sizes in first_sizes(program({"x": "n"}, J=text))) >= least


def test_what_a_guard_bounds_needs_no_more():
    assert first_sizes(program({"x": "n", "y": "m"}, J="sum(concatenate((x, y)) ** 2)"))[1] == {n: 1, m: 1}


def test_a_deep_net_is_not_wide():
    tensors = {f"W{k}": f"d{k} d{k - 1}" for k in range(1, 81)} | {"x": "d0"}
    layers = {f"H{k}": f"relu(W{k} @ {'x' if k == 1 else f'H{k - 1}'})" for k in range(1, 81)}
    p = program(tensors, **layers, J="sum(H80 ** 2)")
    assert max(prime_sizes(p).values()) <= 13
    point = plain(p)[0]
    sizes = [np.sqrt(np.mean(point.known[f"H{k}"] ** 2)) for k in range(1, 81)]
    assert max(sizes) < 1e3 and min(sizes) > 1e-3


@pytest.mark.parametrize("condition", ["n > 13", "n == 13", "n ** 2 > 180", "n > 2 * m + 9"])
def test_both_sides_and_the_threshold_of_a_condition_on_sizes_are_met(condition):
    p = program({"x": "n", "y": "m"}, J=f"sum(x) * sum(y) * where({condition}, 1, 2)")
    seen = {eval(condition, {"n": point.sizes[n], "m": point.sizes[m]}) for point in plain(p)}
    assert seen == {True, False}


def test_control_without_the_search_one_side_is_not_met():
    p = program({"x": "n"}, J="sum(x) * where(n > 13, 1, 2)")
    more, left = thresholds(p, first_sizes(p))
    assert {14} <= {sizes[n] for sizes in more} and not left
    assert all(sizes[n] <= 13 for sizes in first_sizes(p))


def test_a_size_out_of_reach_is_named():
    p = program({"x": "n"}, J="sum(x) * where(n > 1000000, 1, 2)")
    points = Points(p, own(p))
    assert list(points) and [p.said for p in points.unreached] == ["not n > 1000000 (no point tried was on that side)"]


def test_a_condition_that_can_never_be_is_not_asked_for():
    points = Points(p := program({"x": "n"}, J="sum(x) * where(n * n > 0, 1, 2)"), own(p))
    assert list(points) and points.unreached == []


CONDITIONS = ["x > 6", "clip(x, -3, 3) > 2", "relu6(x) > 5.5", "x * x > 300", "abs(x - y) > 40", "exp(x) > 20", "(x > 3) & (x < 3.01)"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_both_sides_of_a_condition_on_data_are_met(condition):
    points = compared(program({"x": "n", "y": "n"}, J="sum(x * y)"), f"where({condition}, x, y)", "x")
    assert list(points) and points.unreached == []


def test_a_side_out_of_reach_is_named_in_words():
    points = compared(program({"x": "n"}, J="sum(x)"), "where(x > 1000000000, x, 0)", "x")
    assert list(points) and [p.said for p in points.unreached] == ["not x > 1000000000 (no point tried was on that side)"]


@pytest.mark.parametrize("text", ["abs(sum(x ** 2))", "where(norm(x) >= 0, x, 0)", "sign(exp(x) + 1)", "relu(softmax(x))"])
def test_a_side_that_there_is_none_of_is_not_asked_for(text):
    points = compared(program({"x": "n"}, J="sum(x)"), text, "x")
    assert list(points) and points.unreached == []


def test_data_is_of_both_signs_though_a_root_occurs():
    p = program({"x": "n"}, J="sum(where(x < 0, -sqrt(-x), sqrt(x)))")
    assert all(np.any(point.arrays["x"] < 0) for point in plain(p) if point.sizes[n] > 2)


def test_only_what_must_be_positive_is():
    p = program({"x": "n", "w": "n"}, J="sum(w * log(x)) + sum(sqrt(w * w))")
    points = plain(p)
    assert all(np.all(point.arrays["x"] > 0) for point in points)
    assert any(np.any(point.arrays["w"] < 0) for point in points)


def test_where_few_data_fit_others_sizes_are_tried():
    p = program({"X": "m n"}, J="trace(inv(X.T @ X))")
    sizes = sound_sizes(p)
    assert sizes[m] >= sizes[n]
    assert all(np.linalg.cond(point.arrays["X"]) < 1e4 for point in plain(p))


@pytest.mark.parametrize(("manner", "least", "most"), [(UNIT, 0.2, 1.2), (TINY, 2e-4, 1.2e-3), (SPREAD, 1e-2, 1e2), (MIXED, 2e-3, 36)])
def test_manners_of_drawing_have_both_signs_and_their_scale(manner, least, most):
    x = draw(program({"x": "n"}, J="sum(x)"), {n: 40}, manner, Domain(), 0)["x"]
    assert np.any(x < 0) and np.any(x > 0) and least <= np.abs(x).min() and np.abs(x).max() <= most


def test_points_come_close_to_a_kink_away_from_zero():
    points = compared(program({"X": "n d", "w": "d"}, J="sum(X @ w)"), "relu(X @ w - 2)", "X @ w")
    gaps = np.concatenate([np.ravel(p.arrays["X"] @ p.arrays["w"] - 2) for p in points if not p.special])
    assert np.any((gaps > 0) & (gaps < 1e-3)) and np.any((gaps < 0) & (gaps > -1e-3))


def test_special_points_lie_on_kinks():
    points = compared(program({"x": "n", "y": "n"}, J="sum(x * y)"), "maximum(x, y)", "x")
    on = [p for p in points if p.special and np.any(p.arrays["x"] == p.arrays["y"]) and np.any(p.arrays["x"])]
    assert len(on) >= 2


def test_the_reach_of_a_condition_is_told_from_its_numbers():
    (c,) = program({"x": "n"}, J="sum(x) * where(n > 13, 1, 2)").equations[-1].rhs.atoms(type(_positive()))
    assert reach(c).at[1] == {n: 14} and reach(c).at[0] == {n: 13} and not reach(c).more


def _positive():
    from symbackprop.calculus.term import Positive

    return Positive(axis("n") - 13)


def test_sides_that_are_said_alike_or_only_counted_are_told_apart():
    x = [Entry("x", Index(f"i{k}", n)) for k in range(2)]
    conditions = Conditions(program({"x": "n"}, J="sum(x)"))
    over = {k: conditions.unreached(Missing("J", Positive(a - c), 1) for c in (0, 1, 2, k, 7) for a in x) for k in (3, 4)}
    assert [p.said for p in over[3]][3:] == ["2 more conditions are as at the points tried"] == [p.said for p in over[4]][3:]
    assert len(over[3][0].sides) == 2 and over[3][:3] == over[4][:3] and over[3][3] != over[4][3]
