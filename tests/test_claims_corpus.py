"""Two hundred true claims and a thousand false ones: no true one is called wrong, no false one holds unconditionally."""

import pytest
from claims_corpus import ALMOST, AT_KINKS, IDENTITIES, false_claims, model, rows, true_claims
from claims_models import MODELS

import symbackprop as sbp

TRUE = true_claims()
HOLD = ("proved", "exact", "holds")
ALSO_TRUE = {"dJ/dy == where(arange(m) < 4 - n, 2 * y, 0) * where(n > 13, 2, 1)"}
"""What a slip leaves true: there the left side is 0."""


def named(rows):
    return [f"{name}-{k}" for k, (name, _) in enumerate(rows)]


def status(name, claim):
    return sbp.check(model(name), claim).verdicts[0].status


def a_false_one(name, claim, k):
    """One of the false claims that slips make of a true one, another slip for each k."""
    made = list(false_claims(name, claim))
    return made[k % len(made)] if made else ("", "")


def test_there_are_enough():
    assert len(MODELS) >= 30 and len(TRUE) + len(rows(IDENTITIES)) >= 200
    assert sum(len(list(false_claims(name, claim))) for name, claim in TRUE) >= 1000


SAMPLE = TRUE[::8]


@pytest.mark.parametrize(("name", "claim"), SAMPLE, ids=named(SAMPLE))
def test_a_sample_of_true_claims_holds(name, claim):
    assert status(name, claim) in (*HOLD, "holds-if")


@pytest.mark.parametrize(("name", "claim", "k"), [(*row, k) for k, row in enumerate(TRUE[3::8])], ids=named(TRUE[3::8]))
def test_a_sample_of_false_claims_is_wrong(name, claim, k):
    slip, false = a_false_one(name, claim, k)
    assert status(name, false) == "wrong", (slip, false)


IDENTICAL, FALSE, KINKS = rows(IDENTITIES), rows(ALMOST), rows(AT_KINKS)


@pytest.mark.parametrize(("name", "claim"), IDENTICAL, ids=named(IDENTICAL))
def test_identities_hold(name, claim):
    assert status(name, claim) in HOLD


@pytest.mark.parametrize(("name", "claim"), FALSE, ids=named(FALSE))
def test_what_is_almost_true_is_wrong(name, claim):
    assert status(name, claim) == "wrong"


@pytest.mark.parametrize(("name", "claim"), KINKS, ids=named(KINKS))
def test_what_is_true_but_on_kinks_and_out_of_reach_holds_if(name, claim):
    assert status(name, claim) == "holds-if"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "claim"), TRUE, ids=named(TRUE))
def test_true_claims_hold(name, claim):
    assert status(name, claim) in (*HOLD, "holds-if")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "claim"), TRUE, ids=named(TRUE))
def test_false_claims_are_wrong(name, claim):
    found = {(slip, false): status(name, false) for slip, false in false_claims(name, claim) if false not in ALSO_TRUE}
    assert set(found.values()) <= {"wrong"}, {k: v for k, v in found.items() if v != "wrong"}
