"""Proof by normal form: true identities become 0, their near misses do not."""

from small import index
from sympy import exp

from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.laws import Facts
from symbackprop.calculus.normal import expanded, inlined, proved_equal
from symbackprop.calculus.program import Equation, Fact, Tensor
from symbackprop.calculus.term import Entry, Total

n, m = axis("n"), axis("m")
i, j, k = index("i0", "n"), index("j", "m"), index("k", "m")
A, x, p = (lambda *q, t=t: Entry(t, *q) for t in "Axp")


def test_a_square_of_a_sum_multiplies_out():
    left = Total((x(j) - 2) ** 2, j)
    assert proved_equal(left, Total(x(k) ** 2, k) - 4 * Total(x(j), j) + 4 * m)
    assert not proved_equal(left, Total(x(k) ** 2, k) - 4 * Total(x(j), j) + 4)


def test_a_double_sum_over_a_square():
    left = Total(A(i, j) * x(j), j) ** 2
    assert proved_equal(left, Total(A(i, j) * A(i, k) * x(j) * x(k), j, k))
    assert not proved_equal(left, Total(A(i, j) ** 2 * x(j) ** 2, j))


def test_a_fact_carries_the_proof():
    mean = Total(p(j) * (x(j) - Total(p(k) * x(k), k)), j)
    assert proved_equal(mean, 0 * x(i), Facts([Fact("simplex", "p", 0, m)]))
    assert not proved_equal(mean, 0 * x(i))


def test_transcendental_calls_are_atoms():
    assert proved_equal(exp(x(i)) * (1 + x(i)), exp(x(i)) + x(i) * exp(x(i)))
    assert not proved_equal(exp(x(i)) * (1 + x(i)), exp(x(i)) + x(i))


def test_definitions_go_in_but_no_sum_enters_a_function():
    s = Tensor("s", (n,))
    equations = {"s": Equation(s, s.indices, Total(A(s.indices[0], j), j))}
    e = inlined(Entry("s", i) * exp(Entry("s", i)), equations)
    assert e.has(exp(Entry("s", i))) and e.has(Total)


def test_too_many_terms_prove_nothing():
    big = 1
    for t in range(9):
        big *= sum(Entry(f"T{t}{u}", i) for u in range(5))
    assert not proved_equal(big, 2 * big)
    assert expanded(Entry("a", i) * (Entry("b", i) + 1)) == Entry("a", i) * Entry("b", i) + Entry("a", i)


def test_indices_of_one_axis_stay_apart():
    a, b = Index("i0", n), Index("i1", n)
    assert not proved_equal(A(a, b), A(b, a))
