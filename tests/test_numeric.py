"""Differences and complex steps: what they confirm, what they refute, and the kinks they skip."""

from dataclasses import replace

import numpy as np
import pytest
from notation_models import two_layer
from small import index, program
from sympy import exp, log, sqrt, tanh

from symbackprop.calculus.index import axis
from symbackprop.calculus.program import Equation, Tensor
from symbackprop.calculus.term import Entry, Positive, Total
from symbackprop.derivation.reverse import gradient, jacobian
from symbackprop.verification import numeric
from symbackprop.verification.numeric import check_derivatives, derivatives, label

n, d = axis("n"), axis("d")
r = index("r", "n")


def x(i=r):
    return Entry("x", i)


@pytest.fixture(scope="module")
def derived():
    return gradient(two_layer())


def test_every_adjoint_of_the_network_holds(derived):
    verdicts = check_derivatives(derived.program)
    assert {v.status for v in verdicts} == {"holds"}
    assert [v.subject for v in verdicts] == [f"dJ/d{t}" for t in ("Yhat", "O", "H", "H0", "W1", "b1", "W2", "b2")]


def test_tolerance_and_sizes_are_told(derived):
    (verdict,) = check_derivatives(derived.program, ["dW2"])
    assert verdict.reason.startswith("to ") and "n = 2, d = 3" in verdict.reason
    assert verdict.details[-1].endswith("complex steps")


@pytest.mark.parametrize(
    "body", [exp, log, sqrt, tanh, lambda e: e**3, lambda e: 1 / e], ids=["exp", "log", "sqrt", "tanh", "cube", "reciprocal"]
)
def test_smooth_functions(body):
    p = gradient(program({"x": "n"}, ("J", "", lambda: Total(body(x()), r))), ["x"]).program
    (verdict,) = check_derivatives(p)
    assert verdict.status == "holds"
    equations = tuple(Equation(e.tensor, e.indices, e.rhs * (1 + 1e-4)) if e.name == "dx" else e for e in p.equations)
    (slip,) = check_derivatives(type(p)("small", p.tensors, equations, "J"))
    assert slip.status == "wrong"


def test_a_kink_under_the_stencil_is_skipped_and_counted():
    p = gradient(program({"x": "n"}, ("J", "", lambda: Total(x() * Positive(x()), r))), ["x"]).program
    at_the_kink, beside = np.array([0.0, 1.0, -1.0]), np.array([1e-6, 1.0, -1.0])
    (verdict,) = check_derivatives(p, arrays={"x": at_the_kink})
    assert verdict.status == "holds"
    assert verdict.details[0] == "1 of 3 steps crossed a kink and were skipped"
    (verdict,) = check_derivatives(p, arrays={"x": beside})  # a complex step crosses nothing
    assert verdict.status == "holds" and verdict.details == ("3 complex steps",)


def test_nothing_but_kinks_is_unknown():
    p = gradient(program({"x": "n"}, ("J", "", lambda: Total(x() * Positive(x()), r))), ["x"]).program
    assert [v.status for v in check_derivatives(p, arrays={"x": np.zeros(2)})] == ["unknown"]


def test_a_value_that_is_not_finite_is_unknown():
    p = gradient(program({"x": "n"}, ("J", "", lambda: Total(log(x()), r))), ["x"]).program
    (verdict,) = check_derivatives(p, arrays={"x": np.array([-1.0, 2.0])})
    assert verdict.status == "unknown" and "not finite" in verdict.reason


def test_jacobian_and_second_derivative():
    p = two_layer()
    made = jacobian(jacobian(p, "Yhat", "O").program, "dYhat_dO", "O").program
    verdicts = check_derivatives(made, seeds=(0,))
    statuses = {v.subject: v.status for v in verdicts}
    assert statuses["dYhat/dO"] == statuses["d2Yhat/dOdO"] == "holds"
    assert set(statuses.values()) == {"holds"}


def test_hessian_block():
    g = gradient(two_layer(), ["W2"])
    made = jacobian(g.program, g.adjoints["W2"], "W2").program
    (verdict,) = check_derivatives(made, [t.name for t in derivatives(made) if label(t) == "d2J/dW2dW2"], seeds=(0,))
    assert verdict.status == "holds"


def test_a_large_tensor_is_stepped_along_in_part():
    p = gradient(program({"x": "n"}, ("J", "", lambda: Total(x() ** 3, r))), ["x"]).program
    (verdict,) = check_derivatives(p, sizes={n: 101}, seeds=(0,))
    assert "in 26 steps" in verdict.reason


def test_a_wrong_entry_of_a_large_tensor_is_seen_by_the_directions():
    p = gradient(program({"x": "n"}, ("J", "", lambda: Total(x() ** 3, r))), ["x"]).program
    t = Tensor("g", (n,), "adjoint", derivative=("J", "x"))
    wrong = p.extended([Equation(t, t.indices, 3 * x(t.indices[0]) ** 2 + Positive(t.indices[0] - 99))])
    (verdict,) = check_derivatives(wrong, ["g"], sizes={n: 101}, seeds=(0,))
    assert verdict.status == "wrong"


def wrong_at(monkeypatch, hidden):
    """The verdict on twice a derivative, where rounding hides what is wrong at some of the points."""
    p = gradient(program({"x": "n"}, ("J", "", lambda: Total(x() ** 3, r)))).program
    equations = tuple(replace(e, rhs=2 * e.rhs) if e.name == "dx" else e for e in p.equations)
    places = iter(range(10_000))
    monkeypatch.setattr(numeric, "_is_rounding", lambda *_: hidden(next(places)))
    (verdict,) = check_derivatives(replace(p, equations=equations), ["dx"])
    return verdict


def test_what_rounding_hides_at_every_point_is_unknown(monkeypatch):
    verdict = wrong_at(monkeypatch, lambda point: True)
    assert verdict.status == "unknown" and verdict.reason.startswith("rounding hides it at n = 2")


def test_what_rounding_hides_at_one_point_is_judged_at_the_others(monkeypatch):
    assert wrong_at(monkeypatch, lambda point: point == 0).status == "wrong"
