"""Sums that the program names already: deviations from a mean sum to 0, near misses stay."""

import pytest
from small import agree, index, program
from sympy import sqrt

from symbackprop.calculus.definition import Definitions
from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.term import Entry, Total
from symbackprop.derivation.reverse import gradient

n, d = axis("n"), axis("d")
i0, i1, r, s, q = Index("i0", n), Index("i1", d), index("r0", "n"), index("s", "n"), index("q", "d")


def T(name, *indices):
    return Entry(name, *indices)


def mean():
    return program({"X": "n d"}, ("m", "n", lambda i: Total(T("X", i, q), q) / d))


def test_a_sum_is_said_by_the_mean():
    known = Definitions(mean().equations)
    assert known.named(Total(T("X", s, q), q)) == d * T("m", s)
    assert known.named(Total(T("X", 0, q), q)) == d * T("m", 0)


@pytest.mark.parametrize("other", [Total(T("X", s, i1), s), Total(T("X", q, s), q), Total(T("X", s, q) ** 2, q), Total(T("Y", s, q), q)])
def test_another_sum_is_left_alone(other):
    assert Definitions(mean().equations).named(other) == other


def test_products_match_in_any_order_of_their_factors():
    p = program({"A": "n d", "x": "d", "y": "n"}, ("z", "n", lambda i: 2 * Total(T("x", q) * T("A", i, q), q)))
    k = index("k", "d")
    assert Definitions(p.equations).named(Total(T("A", s, k) * T("x", k), k)) == T("z", s) / 2


def test_the_sum_over_both_places_of_a_square_matrix_is_no_row_sum():
    p = program({"A": "n n"}, ("m", "n", lambda i: Total(T("A", i, r), r)))
    assert Definitions(p.equations).named(Total(T("A", r, r), r)) == Total(T("A", r, r), r)


def layer_norm():
    return program(
        {"X": "n d", "G": "n d"},
        ("m", "n", lambda i: Total(T("X", i, q), q) / d),
        ("v", "n", lambda i: Total((T("X", i, q) - T("m", i)) ** 2, q) / d),
        ("Z", "n d", lambda i, j: (T("X", i, j) - T("m", i)) / sqrt(T("v", i) + 1)),
        ("J", "", lambda: Total(T("G", r, q) * T("Z", r, q), r, q)),
    )


def test_the_variance_does_not_depend_on_the_mean():
    derived = gradient(layer_norm(), ["X"])
    assert not derived.program["dm"].rhs.has(T("X", i0, i1)) and agree(derived, "dX", "J", "X")


def test_a_variance_about_something_else_does():
    p = program(
        {"X": "n d", "m": "n"},
        ("v", "n", lambda i: Total((T("X", i, q) - T("m", i)) ** 2, q) / d),
        ("J", "", lambda: Total(T("v", r) ** 2, r)),
    )
    derived = gradient(p, ["m"])
    assert derived.program["dm"].rhs != 0 and agree(derived, "dm", "J", "m")
