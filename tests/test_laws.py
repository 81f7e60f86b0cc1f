"""Every law of the table is true, by value at random sizes; its facts are needed; facts fire and are reported."""

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.contract import Trace, contract
from symbackprop.calculus.facts import KINDS
from symbackprop.calculus.index import Index, axis, parse_shape
from symbackprop.calculus.laws import Facts
from symbackprop.calculus.normal import proved_equal
from symbackprop.calculus.program import Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Entry, Positive, Total
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays

SIZES = [(2, 3), (5, 7), (1, 1), (3, 2)]


def sides(law, kind):
    """A program with both sides of a law's example, stated of a tensor that has the fact `kind`."""
    shape, place, state = law.example
    axes = parse_shape(shape)
    fact = Fact(kind, "T", place).along(axes)
    tensor = Tensor("T", axes, "parameter", (fact,))
    left, right = state(tensor, *(Index(f"i{k}", a) for k, a in enumerate(tensor.axes)))
    free = sorted({i for i in (left + right).free_symbols if isinstance(i, Index)}, key=str)
    made = [Tensor(name, tuple(i.axis for i in free)) for name in ("L", "R")]
    equations = tuple(Equation(t, tuple(free), e) for t, e in zip(made, (left, right), strict=True))
    return Program("law", {"T": tensor, **{t.name: t for t in made}}, equations, "R"), left, right, fact


CASES = [(law, name) for name, kind in KINDS.items() for law in (*kind.laws_of_sums, *kind.laws_of_entries)]


@pytest.mark.parametrize(("law", "kind"), CASES, ids=lambda x: getattr(x, "statement", x))
@pytest.mark.parametrize("size", SIZES)
def test_the_law_is_true(law, kind, size):
    p, *_ = sides(law, kind)
    sizes = {axis("n"): size[0], axis("c"): size[1]}
    values = evaluate(p, random_arrays(p, sizes, seed=sum(size)), sizes)
    np.testing.assert_allclose(values["L"], values["R"], atol=1e-12)


@pytest.mark.parametrize(("law", "kind"), CASES, ids=lambda x: getattr(x, "statement", x))
def test_without_the_fact_it_is_not(law, kind):
    p, *_ = sides(law, kind)
    bare = Program("bare", {**p.tensors, "T": Tensor("T", p.tensors["T"].axes, "parameter")}, p.equations, "R")
    values = evaluate(bare, random_arrays(bare, seed=3))
    assert not np.allclose(values["L"], values["R"])


@pytest.mark.parametrize(("law", "kind"), CASES, ids=lambda x: getattr(x, "statement", x))
def test_the_normal_form_proves_it_with_the_fact_only(law, kind):
    _, left, right, fact = sides(law, kind)
    assert proved_equal(left, right, Facts([fact]))
    assert not proved_equal(left, right)


@pytest.mark.parametrize(("law", "kind"), [c for c in CASES if c[0] in KINDS[c[1]].laws_of_sums], ids=lambda x: getattr(x, "statement", x))
def test_a_law_that_fires_is_reported(law, kind):
    _, left, right, fact = sides(law, kind)
    trace = Trace()
    assert contract(left, Facts([fact]), trace) == right and trace.facts == {fact}


def test_a_symmetric_form_has_one_term():
    plain = sbp.derivative("x @ S @ x", {"x": "n", "S": "n n"}, wrt="x")
    known = sbp.derivative("x @ S @ x", {"x": "n", "S": "n n"}, wrt="x", facts={"S": "symmetric"})
    rng = np.random.default_rng(0)
    x, S = rng.normal(size=5), rng.normal(size=(5, 5))
    S += S.T
    np.testing.assert_allclose(known.evaluate(x=x, S=S), plain.evaluate(x=x, S=S))
    assert [f.kind for f in known.facts] == ["symmetric"] and plain.facts == ()
    assert len(known.equation.rhs.atoms(Entry)) < len(plain.equation.rhs.atoms(Entry))


def test_a_fact_that_changes_nothing_is_not_reported():
    result = sbp.derivative("sum(S * A)", {"S": "n n", "A": "n n"}, wrt="A", facts={"S": "symmetric"})
    assert result.facts == ()


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_the_facts_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    n, c = axis("n"), axis("c")
    i, j, k, s = Index("i0", n), Index("i1", n), Index("k", n), Index("s", c)
    own = [
        ("orthogonal", "Q", None, n),
        ("symmetric", "S", None, n),
        ("one-hot", "Y", 1, c),
        ("simplex", "Y", 1, c),
        ("unit", "u", 0, n),
        ("positive", "u", None, n),
        ("positive", "p", None, n),
    ]
    facts = Facts([Fact(*f) for f in own])
    Q, S, Y, u, p = (lambda *at, t=t: Entry(t, *at) for t in "QSYup")
    terms = [
        Total(Q(i, k) * Q(j, k) * S(k, i) * Y(k, s) ** 2, k, s),
        Total(Q(i, k) * Q(j, k), k) * Total(Y(i, s), s),
        Total(u(k) ** 2, k) * Positive(p(i)) * S(j, i) - S(i, j),
        Total(S(k, i) * u(k), k) + Total(S(i, k) * u(k), k),
    ]
    whole = [sum(terms[k] for k in rng.permutation(len(terms)))]
    plain = [contract(e, facts) for e in (*terms, *whole)]
    facts = Facts([Fact(*own[k]) for k in rng.permutation(len(own))])
    assert [contract(e, facts) for e in (*terms, *whole)] == plain
    assert all(proved_equal(a, b, facts) for a, b in zip((*terms, *whole), plain, strict=True))


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("sum(y[:-1]) * x", {"y": "simplex"}),
        ("sum(u[:-1] ** 2) * x", {"u": "unit"}),
        ("sum((Q[:-1].T @ Q[:-1]) ** 2) * x", {"Q": "orthogonal"}),
        ("sum(softmax(u)[:-1]) * x", {}),
    ],
)
def test_a_fact_of_a_whole_axis_does_not_fire_on_a_part_of_it(text, facts):
    shapes = {name: axes for name, axes in {"y": "n", "u": "n", "Q": "n n"}.items() if name in text}
    known, plain = (sbp.derivative(text, {**shapes, "x": ""}, wrt="x", facts=f) for f in (facts, {}))
    assert known.facts == () and known.equation.rhs == plain.equation.rhs


def test_the_rows_of_a_unit_matrix_are_vectors_of_length_1():
    shapes, U = {"U": "n d", "x": "n"}, np.array([[0.6, 0.8], [1.0, 0.0], [0.0, -1.0]])
    for fact in ("unit", "unit over d"):
        result = sbp.derivative("sum(U ** 2, axis=1) @ x", shapes, wrt="x", facts={"U": fact})
        assert result.equation.rhs == 1 and np.allclose(result.evaluate(U=U, x=np.ones(3)), 1)
        with pytest.raises(sbp.errors.FactError, match="length"):
            result.evaluate(U=U / np.sqrt(3), x=np.ones(3))
