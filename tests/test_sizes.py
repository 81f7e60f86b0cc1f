"""What is said to hold for all sizes does: held against every small size, and the least that models need of them."""

from itertools import product

import pytest
from fuzzing import Seeded
from sympy import Integer, floor

from symbackprop.calculus.index import axis
from symbackprop.calculus.sizes import at_most, enough, never_negative

n, k = axis("n"), axis("k")
SMALL = [{n: Integer(a), k: Integer(b)} for a, b in product(range(1, 14), repeat=2)]

KNOWN = [n - 1, n + k - 2, n * k - 1, n * k - k, floor((n + 1) / 2) - 1, n - 2 * floor(n / 2)]
UNKNOWN = [n - 2, n - k, n * k - 2, floor(n / 2) - 1, k - 3 * floor((2 * k + 2) / 3) + 2, 1 - n]


@pytest.mark.parametrize("e", KNOWN, ids=str)
def test_it_is_known(e):
    assert never_negative(e)
    assert all(e.xreplace(at) >= 0 for at in SMALL)


@pytest.mark.parametrize("e", UNKNOWN, ids=str)
def test_what_some_sizes_break_is_not_known(e):
    assert not never_negative(e)
    assert any(e.xreplace(at) < 0 for at in SMALL)


def test_needs_tell_more():
    assert never_negative(n - 4, [n - 4]) and not never_negative(n - 5, [n - 4])
    assert at_most(k + 1, n, [n - k - 1]) and at_most(2, n, [n - k - 1]) and not at_most(3, n, [n - k - 1])


@pytest.mark.parametrize("seed", range(60))
def test_nothing_is_said_that_a_small_size_breaks(seed):
    choose = Seeded(seed)
    terms = [n, k, n * k, floor(n / 2), floor((n + k) / 2), floor((2 * k + 1) / 3), n**2, Integer(1)]
    e = sum(choose.number(-2, 2) * t for t in terms)
    needs = [[], [n - 3], [n - k], [k - 2, n - 2 * k]][choose.number(0, 3)]
    fits = [at for at in SMALL if all(need.xreplace(at) >= 0 for need in needs)]
    assert not never_negative(e, needs) or all(e.xreplace(at) >= 0 for at in fits), e


def test_sizes_are_raised_to_what_a_model_needs():
    assert enough({n: 2, k: 3}, [n - 4, n - 2 * k]) == {n: 6, k: 3}
    assert enough({n: 2, k: 3}, []) == {n: 2, k: 3}
    assert enough({n: 2, k: 3}, [2 - k - n]) == {n: 2, k: 3}
