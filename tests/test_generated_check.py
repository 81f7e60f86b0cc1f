"""The check of a generated module, and the whole report: what they pass, and every kind of slip that they must see."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from notation_models import two_layer

import symbackprop as sbp
from symbackprop.derivation.reverse import gradient
from symbackprop.verification.generated import check_function, check_module
from symbackprop.verification.report import facts_behind, merged, verify_derived
from symbackprop.verification.verdict import Verdict


class Parameters(NamedTuple):
    W1: np.ndarray
    b1: np.ndarray
    W2: np.ndarray
    b2: np.ndarray


def forward(params, X):
    return np.maximum(X @ params.W1.T + params.b1, 0) @ params.W2.T + params.b2


def loss_and_gradients(params, X, Y):
    H = np.maximum(X @ params.W1.T + params.b1, 0)
    O = H @ params.W2.T + params.b2
    z = O - O.max(axis=1, keepdims=True)
    S = np.exp(z).sum(axis=1, keepdims=True)
    dO = (np.exp(z) / S - Y) / Y.dtype.type(len(X))
    dH0 = (dO @ params.W2) * (H > 0)
    J = -(Y * (z - np.log(S))).sum() / Y.dtype.type(len(X))
    return J, Parameters(dH0.T @ X, dH0.sum(axis=0), dO.T @ H, dO.sum(axis=0))


def module(**changed):
    """A module as a person would write it, with some of its functions changed."""
    made = {
        "Parameters": Parameters,
        "forward": forward,
        "loss": lambda params, X, Y: loss_and_gradients(params, X, Y)[0],
        "gradients": lambda params, X, Y: loss_and_gradients(params, X, Y)[1],
        "loss_and_gradients": loss_and_gradients,
    }
    return SimpleNamespace(**{**made, **changed})


@pytest.fixture(scope="module")
def derived():
    return gradient(two_layer())


def statuses(derived, made):
    return {v.subject: v.status for v in check_module(derived, made)}


def test_a_hand_written_module_holds(derived):
    found = statuses(derived, module())
    assert set(found.values()) == {"holds"}
    assert list(found)[:2] == ["loss() in float64", "loss() in float32"] and len(found) == 8


def gradients(params, X, Y):
    return loss_and_gradients(params, X, Y)[1]


def changes_its_input(params, X, Y):
    X += 1
    return gradients(params, X - 1, Y)


SLIPS = {
    "sign": {"loss": lambda params, X, Y: -loss_and_gradients(params, X, Y)[0]},
    "transpose": {"forward": lambda params, X: forward(params, X).T},
    "lost 1/n": {"loss": lambda params, X, Y: loss_and_gradients(params, X, Y)[0] * len(X)},
    "one entry": {"gradients": lambda params, X, Y: (g := gradients(params, X, Y))._replace(b2=g.b2 + 1e-3 * (np.arange(len(g.b2)) == 1))},
    "float64 from float32": {"forward": lambda params, X: forward(params, X).astype(np.float64)},
    "changed input": {"gradients": changes_its_input},
    "NaN": {"loss": lambda params, X, Y: X.dtype.type(np.nan)},
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_seen(derived, slip):
    assert "wrong" in statuses(derived, module(**SLIPS[slip])).values()


def test_what_breaks_is_unknown(derived):
    def broken(params, X):
        raise RuntimeError("out of order")

    found = statuses(derived, module(forward=broken))
    assert found["forward() in float64"] == "unknown" and found["loss() in float64"] == "holds"


def test_the_report_is_green_and_tells_the_fact(derived):
    report = verify_derived(derived, module())
    rows = {v.subject: v for v in report.verdicts}
    assert report.ok and rows["dJ/dYhat"].status == "exact"
    assert rows["dJ/dW1"].status == "holds-if" and rows["dJ/dW1"].conditions == ("Y sums to 1 over c",)
    assert rows["dJ/dW1"].reason.startswith("exact at n = 2")


def test_facts_are_inherited_from_what_an_adjoint_is_computed_from(derived):
    assert facts_behind(derived, "dYhat") == []
    assert [f.tensor for f in facts_behind(derived, "dW1")] == ["Y"]
    assert facts_behind(gradient(two_layer(facts=False)), "dW1") == []


@pytest.mark.parametrize(
    ("exactly", "numerically", "status"),
    [
        ("exact", "holds", "exact"),
        ("exact", "unknown", "unknown"),
        ("unknown", "holds", "holds"),
        ("unknown", "unknown", "unknown"),
        ("exact", "wrong", "wrong"),
        ("wrong", "holds", "wrong"),
    ],
)
def test_two_oracles_make_one_verdict(exactly, numerically, status):
    assert merged(Verdict(exactly, "a"), Verdict(numerically, "a")).status == status


def roundabout(x, y, large):
    """3 large x + y - 3 large x: y, of which float32 loses the last digits, since the two products are rounded apart."""
    factor = x.dtype.type(large)
    return (x * x.dtype.type(3)) * factor + y - x * (x.dtype.type(3) * factor)


def judged(code):
    """The verdict on `code` as the gradient y of y^2 / 2, for each dtype."""
    result = sbp.derivative("sum(y ** 2) / 2 + sum(x)", {"x": "n", "y": "n"}, "y")
    return {v.subject.split()[-1]: v for v in check_function(result.derived.program, result.name, code)}


SLIPPED = {"as written": 1.0, "a sign lost": -1.0, "a tenth too much": 1.1}


@pytest.mark.parametrize("slip", SLIPPED)
def test_what_rounding_alone_may_do_is_not_called_wrong_and_a_slip_is(slip):
    found = judged(lambda x, y: roundabout(x, y, 7000.1) * x.dtype.type(SLIPPED[slip]))
    assert {v.status for v in found.values()} == {"holds" if slip == "as written" else "wrong"}
    assert slip != "as written" or "rounding of the arguments" in found["float32"].reason


def test_what_rounding_may_do_altogether_is_unknown():
    found = judged(lambda x, y: roundabout(x, y, 700000.1))
    assert (found["float64"].status, found["float32"].status) == ("holds", "unknown")
