"""The table of facts: what each record says of its kind is so, and a kind that nobody has heard of takes one record and nothing else."""

from dataclasses import MISSING, fields, replace

import numpy as np
import pytest
from small import model
from sympy import S, default_sort_key

import symbackprop as sbp
from symbackprop import emit
from symbackprop.calculus.facts import COMBINATIONS, KINDS, MEANS, SUMS, Kind, Law, Test
from symbackprop.calculus.facts.data import broken
from symbackprop.calculus.index import parse_shape
from symbackprop.calculus.program import Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Entry
from symbackprop.errors import FactError
from symbackprop.typesetting.words import LANGUAGES
from symbackprop.verification.claims.counterexample import small_arrays
from symbackprop.verification.exact import random_point
from symbackprop.verification.points.draws import ZERO, Domain, draw, random_arrays, whole


def _turned(e, fact):
    if not isinstance(e, Entry):
        return None
    i, j = e.indices
    return S.Zero if i == j else -Entry(e.name, j, i) if default_sort_key(j) < default_sort_key(i) else None


def _upper_turned(values):
    return np.triu(values, 1) - np.triu(values, 1).T


SKEW = Kind(
    name="skew",
    axis=None,
    square=True,
    closed=COMBINATIONS,
    laws_of_entries=(Law("T[j,i] = -T[i,j]", _turned, ("n n", None, lambda T, i, j: (T[j, i], -T[i, j]))),),
    breach=lambda values, axis: (np.abs(values + values.T), lambda k: f"is {values[k]:.6g}, and its mirror {values.T[k]:.6g}"),
    drawn=lambda values, axis, rng: (values - values.T) / 2,
    small=lambda values, axis, rng: _upper_turned(values),
    residues=lambda mods, reals, axis: _upper_turned(mods),
    test=Test("np.allclose(x, -np.transpose(x))", "a matrix is minus its transpose", "it is not skew"),
    then=("{x} = ({x} - {x}.T) / 2",),
    words={"en": "{tensor} is skew-symmetric", "zh": "{tensor} 是反对称的"},
)

KNOWN = {**KINDS, "skew": SKEW}


@pytest.fixture
def skew(monkeypatch):
    """The table with one record more; a target's spellings are read once, so they are read again before and after."""
    monkeypatch.setitem(KINDS, "skew", SKEW)
    emit.spelling.cache_clear()
    yield
    emit.spelling.cache_clear()


BAD = np.array([[0.0, 2, -3], [-2, 0, 5], [3, 5, 0]])
GOOD = np.array([[0.0, 2, -3], [-2, 0, 5], [3, -5, 0]])


def rotation():
    return model({"A": "n n; parameter skew", "x": "n; input"}, J="sum((A @ x) ** 2) + sum(A * A.T)")


def test_the_law_of_a_new_fact_is_used_and_named(skew):
    known = sbp.derivative("x @ A @ x + sum(x)", {"x": "n", "A": "n n"}, "x", facts={"A": "skew"})
    assert known.equation.rhs == 1 and [f.kind for f in known.facts] == ["skew"]
    assert np.allclose(known.evaluate(x=np.array([1.0, -2, 5]), A=GOOD), 1)


def test_data_without_a_new_fact_is_refused(skew):
    known = sbp.derivative("sum((A @ x) ** 2)", {"x": "n", "A": "n n"}, "x", facts={"A": "skew"})
    with pytest.raises(FactError, match=r"A\[1, 2\] is 5, and its mirror 5, but the model declares 'skew'"):
        known.evaluate(x=np.ones(3), A=BAD)
    with pytest.raises(FactError, match="only a square matrix is skew, A is n d"):
        sbp.derivative("sum(A)", {"A": "n d"}, "A", facts={"A": "skew"})


@pytest.mark.parametrize("claim", ["dJ/dA == -2 * outer(A.T @ x, x) - 2 * A", "x @ A @ x == 0", "det(A.T) == (-1) ** n * det(A)"])
def test_a_claim_that_is_right_under_a_new_fact_alone_holds_if_it_does(skew, claim):
    found = sbp.check(rotation(), claim).verdicts[0]
    assert found.status == "holds-if" and found.conditions == ("A is skew",)
    assert sbp.check(model({"A": "n n", "x": "n"}, J="sum((A @ x) ** 2) + sum(A * A.T)"), claim).verdicts[0].status == "wrong"


def test_a_record_that_draws_what_lacks_the_fact_is_seen(skew, monkeypatch):
    monkeypatch.setitem(KINDS, "skew", replace(SKEW, drawn=lambda values, axis, rng: values))
    assert not sbp.check(rotation(), "x @ A @ x == 0").verdicts[0].is_green
    assert any(broken(fact, a) for fact, made in (arrays("skew", 0),) for a in made)


def test_a_claim_that_is_wrong_under_a_new_fact_is_refuted_by_data_with_it(skew):
    found = sbp.check(rotation(), "dJ/dA == 2 * outer(A.T @ x, x)").verdicts[0]
    assert found.status == "wrong" and broken(Fact("skew", "A"), np.array(found.counterexample.values["A"])) is None


def test_derivatives_under_a_new_fact_are_verified(skew):
    report = sbp.verify(sbp.derive(model({"A": "n n; input skew", "x": "n"}, J="x @ A @ x + sum(x ** 2)")))
    assert all(v.is_green for v in report.verdicts) and any("A is skew" in v.conditions for v in report.verdicts)


@pytest.mark.parametrize(("lang", "said"), [("en", "is skew-symmetric"), ("zh", "是反对称的")])
def test_the_page_says_a_new_fact_in_its_language(skew, lang, said):
    assert said in sbp.derive(rotation()).markdown(lang=lang)


def test_a_module_draws_and_checks_a_new_fact(skew):
    module = sbp.generate(sbp.derive(rotation())).load()
    module.self_check()
    first = module.initialise(0, 3)
    assert broken(Fact("skew", "A"), first.A) is None and np.any(first.A)
    x = np.array([1.0, -2, 5])
    module.loss((GOOD,), x), module.loss((BAD,), x, check=False)
    with pytest.raises(ValueError, match="A: it is not skew, which the gradients rest on"):
        module.loss((BAD,), x)


def test_a_record_that_lacks_a_part_is_no_record():
    parts = {f.name: getattr(SKEW, f.name) for f in fields(Kind)}
    needed = {f.name for f in fields(Kind) if f.default is MISSING}
    assert needed == {"name", "axis", "closed", "breach", "drawn", "small", "residues", "test", "words"}
    for name in needed:
        with pytest.raises(TypeError, match=name):
            Kind(**{k: v for k, v in parts.items() if k != name})


def test_a_fact_without_a_record_is_refused():
    for use in (lambda f: broken(f, np.ones(3)), lambda f: small_arrays(program(f), {parse_shape("n")[0]: 3}, 0)):
        with pytest.raises(FactError, match="there is no fact 'skew'"):
            use(Fact("skew", "A"))


# --- every record ----------------------------------------------------------------------------------------------------------


def program(fact):
    """A program that is one tensor with `fact`."""
    axes = parse_shape("n n" if KNOWN[fact.kind].square else "n c")
    leaf, top = Tensor("A", axes, facts=(fact,)), Tensor("T", axes)
    return Program("one", {"A": leaf, "T": top}, (Equation(top, top.indices, leaf[top.indices]),), "T")


def arrays(kind, seed):
    """Arrays with a fact, of several manners of drawing."""
    fact = Fact(kind, "A", 1 if KNOWN[kind].axis else None)
    p = program(fact)
    sizes = dict(zip(p.axes, (5, 3), strict=False))
    made = [random_arrays(p, sizes, seed), small_arrays(p, sizes, seed)]
    return fact, [a["A"] for a in (*made, *(draw(p, sizes, m, Domain(), seed) for m in (whole(), ZERO)))]


@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("seed", range(3))
def test_what_a_record_says_of_its_arrays_is_so(skew, kind, seed):
    said, (fact, made) = KNOWN[kind], arrays(kind, seed)
    assert all(broken(fact, a) is None for a in made)
    means, sums, rest = (made[0] + made[1]) / 2, made[0] + 3 * made[1], made[0] - 2 * made[1]
    for level, combined in ((MEANS, means), (SUMS, sums), (COMBINATIONS, rest)):
        assert (broken(fact, combined) is None) == (said.closed >= level) or said.breach is None
    assert not said.never_negative or all((a >= 0).all() for a in made)
    assert not said.mirrored or all(np.allclose(a, a.T) for a in made)
    assert not said.picks or all((np.sort(a, axis=1) == [0, 0, 1]).all() for a in made)


@pytest.mark.parametrize("kind", [k for k in KNOWN if KNOWN[k].laws_of_sums or KNOWN[k].laws_of_entries])
def test_exact_values_have_the_laws(skew, kind):
    for law in (*KNOWN[kind].laws_of_sums, *KNOWN[kind].laws_of_entries):
        shape, place, state = law.example
        leaf = Tensor("A", parse_shape(shape), facts=(Fact(kind, "A", place),))
        i, j = leaf.indices
        sides = [Tensor(name, (i.axis, j.axis)) for name in "LR"]
        equations = tuple(Equation(t, (i, j), e) for t, e in zip(sides, state(leaf, i, j), strict=True))
        p = Program("law", {"A": leaf, "L": sides[0], "R": sides[1]}, equations, "L")
        point = random_point(p, dict(zip(p.axes, (3, 2), strict=False))).entries
        if kind != "positive":  # its law is decided by the real part
            assert all(a.mod == b.mod for a, b in zip(point["L"].ravel(), point["R"].ravel(), strict=True))


@pytest.mark.parametrize("kind", [k for k in KNOWN if not KNOWN[k].square and not KNOWN[k].axis])
def test_exact_values_of_a_scalar_are_had(skew, kind):
    report = sbp.verify(sbp.derive(model({"a": f"; input {kind}", "x": "n"}, J="a * sum(x ** 2)")))
    assert [v.status for v in report.verdicts if v.subject == "dJ/dx"] == ["exact"]


@pytest.mark.parametrize("kind", KNOWN)
def test_a_fact_has_words_in_every_language(kind):
    assert KNOWN[kind].words.keys() == LANGUAGES.keys()
    assert all("{tensor}" in text for text in KNOWN[kind].words.values())


def test_a_symmetric_matrix_is_moved_off_a_kink():
    found = sbp.check(model({"A": "n n; parameter symmetric"}, J="sum(relu(A))"), "dJ/dA == where(A >= 0, 1, 0)").verdicts[0]
    assert found.status == "holds-if" and found.conditions == ("A is not 0",)
