"""Conditions on positions: what is decided of them is so at every position, for every small size, whatever the condition is like."""

from itertools import product

import pytest
from fuzzing import Seeded
from sympy import Integer, S, floor

from symbackprop.calculus import laws
from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.term import NonNegative, Positive, delta, is_indicator, opposite
from symbackprop.ops.entrywise.elementwise import absolute

n, k = axis("n"), axis("k")
I, J, K = Index("i", n), Index("j", n), Index("k", k)


def condition(choose):
    """A random whole number of positions: affine, or with a product, a square, a distance, a floor, a delta, a triangle in it."""
    odd = [I * J, (I - J) ** 2, absolute(I - J), floor(I / 2) - floor(J / 2), delta(I, J), NonNegative(I - J), I * K, floor(I / 3)]
    plain = [I, J, K, n, k, Integer(1), I * k, J * n]
    e = sum(choose.number(-2, 2) * plain[choose.number(0, len(plain) - 1)] for _ in range(3))
    return e + (choose.number(-1, 2) * odd[choose.number(0, len(odd) - 1)] if choose.number(0, 2) else 0)


def value(e, at, sizes):
    found = e.xreplace({i: Integer(v) for i, v in at.items()}).xreplace(sizes)
    return found.replace(absolute, lambda x: abs(x))


def broken(e, made):
    """A position, and sizes, at which `made` is not e >= 0; None where there are none."""
    for a, b in product((1, 2, 3, 5), repeat=2):
        sizes = {n: Integer(a), k: Integer(b)}
        for i, j, m in product(range(a), range(a), range(b)):
            at = {I: i, J: j, K: m}
            if value(made, at, sizes) != (1 if value(e, at, sizes) >= 0 else 0):
                return at, sizes
    return None


@pytest.mark.parametrize("seed", range(60))
def test_a_guard_is_its_condition(seed):
    e = S(condition(Seeded(seed)))
    assert broken(e, laws.guard(e)) is None, e


@pytest.mark.parametrize("seed", range(30))
def test_a_strict_one_is_decided_alike(seed):
    e = S(condition(Seeded(seed)))
    assert broken(e - 1, laws.decided(Positive(e))) is None, e


def test_a_guard_that_takes_every_condition_for_an_affine_one_is_caught(monkeypatch):
    monkeypatch.setattr(laws, "slopes", lambda e: {i: e.coeff(i) for i in (I, J, K)})
    assert all(broken(e, laws.guard(e)) for e in (1 - absolute(I - J), -delta(I, J), 2 - (I - J) ** 2))


@pytest.mark.parametrize("e", [2 - delta(I, J), NonNegative(I - J) - 1, 1 - 2 * Positive(I - J), delta(I, J) * Positive(K - 1)], ids=str)
@pytest.mark.parametrize("kind", [Positive, NonNegative])
def test_a_bracket_of_an_indicator_is_one(e, kind):
    made = kind(e)
    assert made.is_Number or is_indicator(made) or is_indicator(1 - made)
    assert broken(e if kind is NonNegative else e - 1, made) is None


@pytest.mark.parametrize("e", [Positive(I - K), NonNegative(1 - I), delta(I, J)], ids=str)
def test_an_opposite_is_what_is_missing_to_one(e):
    assert broken(-e, opposite(e)) is None and broken(-opposite(e), e) is None
