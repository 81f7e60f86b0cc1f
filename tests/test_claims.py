"""Claims: what is proved, under which condition, what is refuted and by what, and what is left open."""

import numpy as np
import pytest
from notation_models import one_sample, two_layer

from symbackprop.derivation.reverse import gradient
from symbackprop.errors import AxisError, ParseError, UnknownNameError, UnknownOpError
from symbackprop.language.syntax import parse_claim
from symbackprop.verification.claims import stated as stated_room
from symbackprop.verification.claims.claims import check_claims
from symbackprop.verification.claims.stated import state
from symbackprop.verification.oracle.literal import evaluate


@pytest.fixture(scope="module")
def models():
    return {"one": one_sample(), "two": two_layer()}


def verdict(models, which, text):
    return check_claims(models[which], [text]).verdicts[0]


PROVED = {
    "J == -sum(y * log(yhat))": "one",
    "dJ/dyhat == -y / yhat": "one",
    "dyhat/do == diag(yhat) - outer(yhat, yhat)": "one",
    "do/dh == W2": "one",
    "dh/dh0 == diag(where(h0 > 0, 1, 0))": "one",
    "dJ/dW1[0, 0] == (dJ/dyhat) @ (dyhat/do) @ (do/dh) @ (dh/dh0) @ (dh0/dW1[0, 0])": "one",
    "dJ/dO == (Yhat * sum(Y, axis=1, keepdims=True) - Y) / n": "two",
    "dJ/dW1 == dJ/dH0.T @ X": "two",
    "H0 == X @ W1.T + b1": "two",
    "Yhat == softmax(H @ W2.T + b2, axis=1)": "two",
}


@pytest.mark.parametrize("text", PROVED)
def test_proved_without_any_fact(models, text):
    found = verdict(models, PROVED[text], text)
    assert (found.status, found.conditions) == ("proved", ()), found


FACT = {
    "dJ/do == yhat - y": ("one", "y sums to 1 over c"),
    "dJ/dO == (Yhat - Y) / n": ("two", "Y sums to 1 over c"),
    "dJ/dW2 == (Yhat - Y).T @ H / n": ("two", "Y sums to 1 over c"),
    "dJ/dW1 == outer((W2.T @ (yhat - y)) * where(h0 > 0, 1, 0), x)": ("one", "y sums to 1 over c"),
}


@pytest.mark.parametrize("text", FACT)
def test_holds_if_the_fact_does(models, text):
    which, condition = FACT[text]
    found = verdict(models, which, text)
    assert (found.status, found.conditions) == ("holds-if", (condition,)), found
    assert found.reason.startswith("proved")


def test_without_the_declared_fact_it_is_wrong():
    found = check_claims(two_layer(facts=False), ["dJ/dO == (Yhat - Y) / n"]).verdicts[0]
    assert found.status == "wrong"


WRONG = {
    "J == -sum(y * log(yhat)) / 3": ("one", "a factor 1/3 too many"),
    "dJ/do == y - yhat": ("one", "sign"),
    "do/dh == W2.T": ("one", "transpose"),
    "dh/dh0 == where(h0 > 0, 1, 0)": ("one", "missing delta"),
    "dyhat/do == diag(yhat) + outer(yhat, yhat)": ("one", "sign"),
    "dJ/dW1 == outer(W2.T @ (yhat - y), x)": ("one", "missing bracket"),
    "dJ/dYhat == -Y / Yhat": ("two", "missing 1/n"),
    "dJ/dYhat == -sum(Y / Yhat, axis=0)": ("two", "a sum too many"),
    "dJ/dO == Yhat - Y": ("two", "missing 1/n"),
    "dJ/dO == (Yhat - Y) / 2": ("two", "divided by 2, not by n"),
    "dJ/dO == 2 * (Yhat - Y) / n": ("two", "a factor 2 too many"),
    "dJ/dW2 == (Yhat - Y).T @ H": ("two", "missing 1/n"),
    "dJ/dW2 == (Yhat - Y).T @ H0 / n": ("two", "another tensor: 'H' for 'H0'"),
    "dJ/dW2 == H.T @ (Yhat - Y) / n": ("two", "transpose"),
    "dJ/db2 == (Yhat - Y) / n": ("two", "missing sum over n"),
    "W1 <- W1 + eta * dJ/dW1": ("one", "sign"),
    "b2 <- b2 + 0.1 * sum(Yhat - Y, axis=0)": ("two", "sign"),
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_with_its_likely_cause(models, text):
    which, cause = WRONG[text]
    found = verdict(models, which, text)
    assert found.status == "wrong", found
    assert found.cause.startswith(cause), found


def test_shapes_are_told_where_they_differ(models):
    found = verdict(models, "two", "dJ/dW2 == H.T @ (Yhat - Y) / n")
    assert found.reason == 'the left side has the shape "c h", the right side "h c"'


def test_the_counterexample_is_small_and_is_one(models):
    text = "dJ/dO == Yhat - Y"
    example = verdict(models, "two", text).counterexample
    assert example.sizes["n"] == 2 and max(example.sizes.values()) == 2
    values = np.concatenate([np.ravel(v) for v in example.values.values()])
    assert set(np.abs(4 * values) % 1) == {0} and np.abs(values).max() <= 2
    claim = parse_claim(text, "claim")
    stated = state(models["two"], claim.left, claim.right)
    known = evaluate(stated.program, example.values)
    left, right = (known[name][example.entry] for name in (stated.left, stated.right))
    assert (f"{left:.6g}", f"{right:.6g}") == (example.left, example.right)


def test_a_factor_that_is_right_at_one_size_only_is_wrong(models):
    assert verdict(models, "two", "dJ/dO == (Yhat - Y) / 2").status == "wrong"


def test_downhill_along_the_gradient_holds(models):
    found = verdict(models, "one", "W1 <- W1 - eta * dJ/dW1")
    assert found.status == "holds" and found.details == ("eta > 0",)


def test_uphill_shows_the_objective_before_and_after(models):
    found = verdict(models, "one", "W1[0, 0] <- W1[0, 0] + eta * dJ/dW1[0, 0]")
    before, after = (float(side.split()[2]) for side in (found.counterexample.left, found.counterexample.right))
    assert found.status == "wrong" and after > before
    assert found.reason.startswith("goes uphill: J rises")


def test_a_sum_for_a_mean_is_a_matter_of_the_step_size(models):
    found = verdict(models, "two", "W2 <- W2 - eta * (Yhat - Y).T @ H")
    assert (found.status, found.conditions) == ("holds-if", ("the factor n is meant as a part of the step size",))


def test_downhill_but_not_along_the_gradient_is_unknown(models):
    assert verdict(models, "one", "b2 <- b2 - eta * tanh(dJ/db2)").status == "unknown"


TYPOS = {
    "dJ/dq == 1": UnknownNameError,
    "dq/do == 1": UnknownNameError,
    "dJ/do == (yhat - y": ParseError,
    "dJ/do == frobnicate(y)": UnknownOpError,
    "dJ/do == nothing": UnknownNameError,
    "dJ/do == sum(y, axis=4)": AxisError,
    "q <- q - eta * dJ/do": UnknownNameError,
    "J": ParseError,
}


@pytest.mark.parametrize("text", TYPOS)
def test_a_typo_is_an_error_of_usage_with_its_place(models, text):
    with pytest.raises(TYPOS[text]) as caught:
        check_claims(models["one"], ["do/dh == W2", text])
    lines = str(caught.value).splitlines()
    assert " in the claim: " in lines[0] and text in str(caught.value) and len(lines) <= 6


def test_a_number_beside_an_array_stands_in_every_entry(models):
    assert verdict(models, "two", "d2J/dO2 == 0").status == "wrong"
    assert verdict(models, "one", "dx/dW1 == 0").status == "proved"


def test_an_identity_beyond_the_normal_form_is_exact_or_holds(models):
    # The normal form does not know that a softmax is unchanged by a shift.
    found = verdict(models, "one", "yhat == exp(o - 1) / sum(exp(o - 1)) * 1")
    assert found.status in ("exact", "holds", "proved")


def test_a_slip_of_our_own_is_no_refutation(models, monkeypatch):
    def slipped(program, wrt):
        made = gradient(program, wrt)
        rows = tuple(type(e)(e.tensor, e.indices, -e.rhs) if e.name == "do" else e for e in made.program.equations)
        return type(made)(type(program)(program.name, made.program.tensors, rows, "J"), *list(vars(made).values())[1:])

    monkeypatch.setattr(stated_room, "gradient", slipped)
    assert verdict(models, "one", "dJ/do == yhat - y").status == "unknown"
    assert verdict(models, "one", "dJ/do == y - yhat").status == "unknown"


def test_a_report_counts(models):
    report = check_claims(models["one"], ["do/dh == W2", "do/dh == W2.T", "b2 <- b2 - eta * tanh(dJ/db2)"])
    assert report.counts() == {"proved": 1, "wrong": 1, "unknown": 1} and report.exit_status == 1
