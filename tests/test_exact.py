"""The scalar view: exact at small primes, under facts, with exponentials and roots as atoms."""

from time import process_time

import numpy as np
import pytest
from notation_models import two_layer
from small import index, program
from sympy import Rational, Symbol, cos, erf, exp, log, sin, sqrt, tanh

from symbackprop.calculus.index import axis
from symbackprop.calculus.program import Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Entry, Positive, Total
from symbackprop.derivation.reverse import gradient, jacobian
from symbackprop.verification import exact
from symbackprop.verification.exact import check_derivatives, random_point
from symbackprop.verification.oracle.field import PRIME, Field, OpaqueExp, OpaqueTanh, UndefinedError, Value
from symbackprop.verification.oracle.scalar import SymbolView, determinant, inverse
from symbackprop.verification.oracle.slopes import Slopes

n, d = axis("n"), axis("d")
r, q = index("r", "n"), index("q", "d")


def x(i=r):
    return Entry("x", i)


def test_every_adjoint_of_the_network_is_exact():
    verdicts = check_derivatives(gradient(two_layer()).program)
    assert {(v.status, v.reason) for v in verdicts} == {("exact", "exact at n = 2, d = 3, c = 5, h = 7")}


def test_both_ways_are_told():
    (verdict,) = check_derivatives(gradient(two_layer()).program, ["dW2"])
    assert verdict.details == ("2 of 35 entries from the expansion as one expression",)


def test_where_the_expansion_is_too_large_all_is_said_by_scalars(monkeypatch):
    monkeypatch.setattr(exact, "TREE_LIMIT", 0)
    verdicts = {v.subject: v for v in check_derivatives(gradient(two_layer()).program)}
    assert {(v.status, v.details) for v in verdicts.values()} == {("exact", ())}


@pytest.mark.parametrize("by", ["_by_scalars", "_by_expansion"])
def test_each_way_alone_sees_a_slip(by, monkeypatch):
    monkeypatch.setattr(exact, {"_by_expansion": "_by_scalars", "_by_scalars": "_by_expansion"}[by], lambda *_: iter(()))
    p = gradient(two_layer()).program
    assert {v.status for v in check_derivatives(p)} == {"exact"}
    equations = tuple(Equation(e.tensor, e.indices, -e.rhs) if e.name == "dH" else e for e in p.equations)
    statuses = {v.subject: v.status for v in check_derivatives(Program(p.name, p.tensors, equations, "J"))}
    assert [s for s, status in statuses.items() if status == "wrong"] == ["dJ/dH", "dJ/dH0", "dJ/dW1", "dJ/db1"]


def test_scalar_slopes_are_those_of_sympy():
    view = Slopes(random_point(gradient(two_layer()).program, {n: 2, d: 3, axis("h"): 2, axis("c"): 2}))
    whole = SymbolView(view.point, ("W1",), "J")
    for place, slope in view.slope("J", (), "W1").items():
        expected = view.point.field.scalar(whole.entries["J"][()].diff(whole.entries["W1"][place]), whole.symbols, {})
        assert slope.mod == expected.mod and slope.real == pytest.approx(expected.real)


def test_the_fact_is_needed():
    p = gradient(two_layer()).program
    bare = {name: Tensor(t.name, t.axes, t.role, (), derivative=t.derivative) for name, t in p.tensors.items()}
    without = Program(p.name, bare, tuple(Equation(bare[e.name], e.indices, e.rhs, e.rhs) for e in p.equations), "J")
    assert [v.status for v in check_derivatives(p, ["dO"])] == ["exact"]
    assert [v.status for v in check_derivatives(without, ["dO"])] == ["wrong"]


BODIES = {
    "exp": lambda e: exp(e) * exp(-2 * e),
    "log": lambda e: log(1 + exp(e)),
    "tanh": lambda e: tanh(e) ** 2,
    "sin cos": lambda e: sin(e) * cos(e),
    "erf": lambda e: e * erf(e),
    "root": lambda e: sqrt(e**2 + 1),
    "quotient": lambda e: (e + 1) / (e**2 + Rational(1, 3)),
    "bracket": lambda e: e**2 * Positive(e - 1) + e * Positive(-e),
}


@pytest.mark.parametrize("name", BODIES)
def test_scalar_functions(name):
    p = gradient(program({"x": "n"}, ("J", "", lambda: Total(BODIES[name](x()), r))), ["x"]).program
    assert [v.status for v in check_derivatives(p)] == ["exact"]
    equations = tuple(Equation(e.tensor, e.indices, e.rhs + Rational(1, 1000)) if e.name == "dx" else e for e in p.equations)
    assert [v.status for v in check_derivatives(Program("small", p.tensors, equations, "J"))] == ["wrong"]


def test_jacobian_and_hessian():
    g = gradient(program({"x": "n", "A": "n d"}, ("J", "", lambda: Total(exp(x() * Entry("A", r, q)), r, q))), ["x"])
    made = jacobian(g.program, g.adjoints["x"], "A").program
    assert [(v.subject, v.status) for v in check_derivatives(made)] == [("dJ/dx", "exact"), ("d2J/dxdA", "exact")]


def test_equal_numbers_that_are_not_equal_atoms_are_unknown_not_wrong():
    p = program({"x": "n"}, ("J", "", lambda: Total(sin(2 * x()), r)))
    t = Tensor("g", (n,), "adjoint", derivative=("J", "x"))
    other = p.extended([Equation(t, t.indices, 2 * cos(x(t.indices[0])) ** 2 - 2 * sin(x(t.indices[0])) ** 2)])
    (verdict,) = check_derivatives(other)
    assert verdict.status == "unknown" and "atoms" in verdict.reason


@pytest.mark.parametrize("kind", ["simplex", "one-hot", "symmetric", "unit", "orthogonal"])
def test_residues_have_the_facts(kind):
    axes = (d, d) if kind in ("symmetric", "orthogonal") else (n, d)
    A = Tensor("A", axes, facts=(Fact(kind, "A", 1 if kind in ("simplex", "one-hot", "unit") else None),))
    T = Tensor("T", axes)
    p = Program("facts", {"A": A, "T": T}, (Equation(T, T.indices, A[T.indices]),), "T")
    a = random_point(p, {n: 2, d: 3}).entries["A"]
    one = np.vectorize(lambda v: Value(int(v), v), otypes=[object])(np.eye(3))
    sums = {
        "simplex": lambda: a.sum(axis=1) - 1,
        "one-hot": lambda: a.sum(axis=1) - 1,
        "unit": lambda: (a * a).sum(axis=1) - 1,
        "symmetric": lambda: a - a.T,
        "orthogonal": lambda: a @ a.T - one,
    }
    assert all(v.mod == 0 and abs(v.real) < 1e-12 for v in np.ravel(sums[kind]()))


def test_residues_keep_the_laws_of_exponentials():
    f, v = Field(0), Value(12345, 0.5)
    assert (f.exp(v) * f.exp(-v)).mod == 1
    assert f.exp(f.log(v)).mod == v.mod and f.log(f.exp(v)).mod == v.mod
    assert (f.function("sin", v) ** 2 + f.function("cos", v) ** 2).mod == 1
    assert f.exp(v).mod != f.exp(v + 1).mod


def test_roots_that_do_not_exist_are_refused():
    with pytest.raises(UndefinedError):
        Field(0).sqrt(Value(PRIME - 1, 1.0))
    with pytest.raises(UndefinedError):
        Value(1, 1.0) / Value(0, 0.0)


def test_a_free_root_stands_for_one_that_does_not_exist():
    f, v = Field(0, free_roots=True), Value(PRIME - 1, 1.0)
    assert f.sqrt(v).mod == f.sqrt(v).mod and f.sqrt(v).real == 1
    assert (f.sqrt(v) ** 2).mod != v.mod
    assert (f.sqrt(Value(4, 4.0)) ** 2).mod == 4
    with pytest.raises(UndefinedError):
        f.sqrt(Value(4, -4.0))


def test_a_row_of_roots_of_which_some_do_not_exist_is_exact_with_atoms():
    root = ("R", "n", lambda i: sqrt(x(i) ** 2 + 1))
    p = gradient(program({"x": "n"}, root, ("J", "", lambda: Total(Entry("R", r), r))), ["x"]).program
    (verdict, *_) = check_derivatives(p, ["dx"], sizes={n: 31})
    assert verdict.status == "exact"


def test_an_exponential_that_does_not_merge():
    a, b = Symbol("a", real=True), Symbol("b", real=True)
    assert OpaqueExp(a) * OpaqueExp(b) != OpaqueExp(a + b)
    assert (OpaqueExp(a * b)).diff(a) == b * OpaqueExp(a * b)


def test_a_hyperbolic_tangent_that_asks_nothing_of_what_is_in_it():
    a, b = Symbol("a", real=True), Symbol("b", real=True)
    assert OpaqueTanh(a * b).diff(a) == b * (1 - OpaqueTanh(a * b) ** 2)
    assert OpaqueTanh(a).diff(a).subs(OpaqueTanh(a), tanh(a)) == tanh(a).diff(a)
    f, half = Field(0), Value(7, 0.5)
    assert f.scalar(OpaqueTanh(a), {a: half}, {}).mod == f.function("tanh", half).mod
    deep = a + b
    start = process_time()
    for _ in range(20):
        deep = OpaqueTanh(a * deep + b * deep)
    assert process_time() - start < 2


def test_determinant_and_inverse():
    a = np.array([[2, 1, 0], [1, 3, 1], [0, 1, 4]])
    values = np.vectorize(lambda v: Value(int(v), float(v)), otypes=[object])(a)
    assert determinant(values).real == pytest.approx(np.linalg.det(a))
    np.testing.assert_allclose([[v.real for v in row] for row in inverse(values)], np.linalg.inv(a))


def test_too_long_is_unknown():
    p = gradient(two_layer()).program
    assert [v.status for v in check_derivatives(p, ["dW1"], budget=0)] == ["unknown"]
