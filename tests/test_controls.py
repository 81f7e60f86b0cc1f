"""Controls: wrong derivations, made from the right one by one slip each. Every check must see every slip."""

from dataclasses import replace

import pytest
from notation_models import two_layer
from sympy import S

from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.program import Equation, Program, Tensor
from symbackprop.calculus.term import Entry, Positive, Total, delta
from symbackprop.derivation.reverse import gradient
from symbackprop.verification import exact, numeric

n, d, h, c = map(axis, "ndhc")
i0, i1 = Index("i0", n), Index("i1", c)
r, s = Index("r0", n), Index("r0", c)
SIZES = {n: 2, d: 3, h: 5, c: 7}


def E(name, *indices):
    return Entry(name, *indices)


def scaled(factor):
    return lambda rhs, _: factor * rhs


def placed(make):
    """The right side is what `make` gives for the free indices."""
    return lambda _, indices: make(*indices)


def before_the_sum(rhs, _):
    return rhs.xreplace({t: t.body.xreplace({i: S.Zero for i in t.indices}) for t in rhs.atoms(Total)})


MUTANTS = {
    "sign": ("dO", scaled(-1)),
    "sign of one term": ("dO", placed(lambda i, k: (E("Yhat", i, k) + E("Y", i, k)) / n)),
    "dropped term": ("dO", placed(lambda i, k: E("Yhat", i, k) / n)),
    "factor 2": ("dW2", scaled(2)),
    "factor 1/3": ("db1", scaled(S(1) / 3)),
    "lost 1/n": ("dO", scaled(n)),
    "1/n twice": ("dYhat", scaled(1 / n)),
    "1/c for 1/n": ("dO", scaled(n / c)),
    "lost bracket": ("dH0", placed(lambda i, j: E("dH", i, j))),
    "bracket upside down": ("dH0", placed(lambda i, j: E("dH", i, j) * Positive(-E("H0", i, j)))),
    "lost sum": ("db2", before_the_sum),
    "sum over one row": ("dW1", before_the_sum),
    "H0 for H": ("dW2", placed(lambda k, j: Total(E("dO", r, k) * E("H0", r, j), r))),
    "H for dH": ("dH0", placed(lambda i, j: E("H", i, j) * Positive(E("H0", i, j)))),
    "shifted index": ("dH", placed(lambda i, j: Total(E("dO", i, s) * E("W2", s, h - 1 - j), s))),
    "shifted axis": ("dW1", placed(lambda j, k: Total(E("X", n - 1 - r, k) * E("dH0", r, j), r))),
    "wrong quotient": ("dYhat", placed(lambda i, k: -E("Yhat", i, k) / (n * E("Y", i, k)))),
    "lost square": ("dYhat", placed(lambda i, k: -E("Y", i, k) * E("Yhat", i, k) / n)),
    "a constant too many": ("db2", lambda rhs, _: rhs + S(1) / 1000),
}


@pytest.fixture(scope="module")
def derived():
    return gradient(two_layer())


def mutated(program, name, change):
    """`program` with one right side changed."""
    equations = tuple(replace(e, rhs=change(e.rhs, e.indices)) if e.name == name else e for e in program.equations)
    assert equations != program.equations
    return replace(program, equations=equations)


@pytest.mark.parametrize("slip", MUTANTS)
def test_numeric_sees(derived, slip):
    name, change = MUTANTS[slip]
    (verdict,) = numeric.check_derivatives(mutated(derived.program, name, change), [name], sizes=SIZES, seeds=(0,))
    assert verdict.status == "wrong", verdict
    assert verdict.counterexample.left != verdict.counterexample.right


@pytest.mark.parametrize("slip", MUTANTS)
def test_exact_sees(derived, slip):
    name, change = MUTANTS[slip]
    (verdict,) = exact.check_derivatives(mutated(derived.program, name, change), [name], sizes=SIZES)
    assert verdict.status == "wrong", verdict


def test_a_slip_spreads_to_what_is_derived_from_it(derived):
    wrong = mutated(derived.program, "dO", scaled(-1))
    statuses = {v.subject: v.status for v in numeric.check_derivatives(wrong, sizes=SIZES, seeds=(0,))}
    assert statuses["dJ/dYhat"] == "holds"
    assert {statuses[f"dJ/d{name}"] for name in ("O", "H", "H0", "W1", "b1", "W2", "b2")} == {"wrong"}


def test_a_lost_delta_is_seen():
    right = gradient(_trace(), ["A"]).program
    wrong = mutated(right, "dA", lambda *_: S.One)
    for check in (numeric.check_derivatives, exact.check_derivatives):
        assert next(v.status for v in check(right, ["dA"])) in ("holds", "exact")
        assert [v.status for v in check(wrong, ["dA"])] == ["wrong"]


def _trace():
    A, J, k = Tensor("A", (n, n), "parameter"), Tensor("J", ()), Index("r0", n)
    return Program("trace", {"A": A, "J": J}, (Equation(J, (), Total(A[k, k], k)),), "J")


def test_a_jacobian_with_its_delta_upside_down_is_seen():
    p = two_layer()
    t = Tensor("dH0_dX", (n, h, n, d), "adjoint", derivative=("H0", "X"))
    (a, b, e, f) = t.indices
    right = p.extended([Equation(t, t.indices, delta(a, e) * E("W1", b, f))])
    wrong = p.extended([Equation(t, t.indices, (1 - delta(a, e)) * E("W1", b, f))])
    for check in (numeric.check_derivatives, exact.check_derivatives):
        assert next(v.status for v in check(right, sizes=SIZES)) in ("holds", "exact")
        assert [v.status for v in check(wrong, sizes=SIZES)] == ["wrong"]
