"""What verdicts on claims promise: proofs are compared, sides that no point reached are named, kinks are conditions, typos are usage."""

from dataclasses import replace

import numpy as np
import pytest
from small import model
from sympy import S

import symbackprop as sbp
from symbackprop.calculus.facts import KINDS
from symbackprop.calculus.facts.kinds import SUMS_TO_1
from symbackprop.errors import AxisError, ParseError, UnknownNameError, UnknownOpError
from symbackprop.verification.claims import claims

PARAMETER = {"role": "parameter"}


def check(m, claim):
    return sbp.check(m, claim).verdicts[0]


VECTOR = {"x": "n"}


def test_a_false_proof_is_a_fault_of_ours_and_says_the_input(monkeypatch):
    m = model({"x": "n"}, J="sum(x ** 2)")
    monkeypatch.setattr(claims, "quickly_proved", lambda *a: True)
    found = check(m, "dJ/dx == 3 * x")
    assert found.status == "unknown" and found.is_fault
    assert found.reason.startswith("ContradictionError: the normal form proves what numbers refute")
    assert any("x = [" in line for line in found.details)


def test_a_law_without_its_precondition_is_caught(monkeypatch):
    m = model({"Y": "n c; label simplex over c", "P": "n c"}, J="sum(Y * P)")
    broken = replace(SUMS_TO_1, statement="sum_i of anything = 1", apply=lambda *a: S.One)
    monkeypatch.setitem(KINDS, "simplex", replace(KINDS["simplex"], laws_of_sums=(broken,)))
    found = check(m, "sum(Y * P, axis=1) == 1")
    assert found.status in ("unknown", "wrong") and (found.status == "wrong" or found.is_fault)


def test_the_gradient_of_a_band_is_not_that_of_the_whole():
    m = model({"A": "n n"}, J="sum(where(abs(arange(n)[:, None] - arange(n)) <= 1, A, 0) ** 2)")
    assert not check(m, "dJ/dA == 2 * A").is_green


AT_A_KINK = [
    ("dJ/dx == where(x >= 0, 1, 0)", "x is not 0"),
    ("h == where(x == 0, 1, relu(x))", "x is not 0"),
    ("dJ/dx == (x > 0) + where(x == 2, 1, 0)", "x is not 2"),
]


@pytest.mark.parametrize(("claim", "condition"), AT_A_KINK)
def test_a_claim_that_differs_at_a_kink_alone_holds_elsewhere(claim, condition):
    found = check(model(VECTOR, h="relu(x)", J="sum(h)"), claim)
    assert (found.status, found.conditions) == ("holds-if", (condition,)), found


def test_a_claim_that_has_our_convention_holds():
    m = model(VECTOR, h="relu(x)", J="sum(h)")
    assert check(m, "dJ/dx == where(x > 0, 1, 0)").status == "proved"
    assert check(m, "dJ/dx == (x > 0)").status == "proved"


def test_a_tie_of_two_is_named_by_both():
    m = model({"x": "n", "y": "n"}, J="sum(maximum(x, y))")
    found = check(m, "dJ/dx == where(x >= y, 1, 0)")
    assert (found.status, found.conditions) == ("holds-if", ("x is not y",))


def test_what_is_wrong_beyond_every_point_holds_only_if_not_there():
    m = model(VECTOR, J="sum(x)")
    found = check(m, "x == x + where(n > 1000000, 1, 0)")
    assert (found.status, found.conditions) == ("holds-if", ("not n > 1000000 (no point tried was on that side)",))


FAR = ["x > -1e6", "x < 1e9", "x ** 2 < 1e12", "sum(x) < 1e7", "x[0] < x[1] + 1e5", "exp(x) < 1e200"]


@pytest.mark.parametrize("condition", FAR)
def test_a_threshold_that_is_far_away_is_crossed(condition):
    assert check(model(VECTOR, J="sum(x ** 2)"), f"dJ/dx == where({condition}, 2 * x, x)").status == "wrong"


@pytest.mark.parametrize(
    "condition", ["x > max(x)", "X[0] < min(X, axis=0)", "max(X, axis=1, keepdims=True) < X", "x < max(min(X, axis=1)) - 1e9"]
)
def test_no_side_is_asked_for_that_cannot_be(condition):
    m = model({"x": "n", "X": "m n"}, J="sum(X @ x)")
    found = check(m, f"2 * x == 2 * x + sum(where({condition}, 1, 0))")
    assert (found.status == "wrong") == ("1e9" in condition) and not found.conditions, found


def test_a_side_without_a_value_is_a_condition():
    m = model(VECTOR, J="sum(x ** 2)")
    found = check(m, "J == sum(exp(2 * log(sqrt(x) * sqrt(x))))")
    assert found.status != "wrong"


TO_EXACT = ["dJ/dx == 2.0000000000000000001 * x", "J == sum(x ** 2) * (1 + 1 / 100000000000000000000)"]


@pytest.mark.parametrize("claim", TO_EXACT)
def test_what_rounding_hides_exact_arithmetic_refutes(claim):
    found = check(model(VECTOR, J="sum(x ** 2)"), claim)
    assert found.status == "wrong" and found.counterexample.left != found.counterexample.right


def test_a_counterexample_has_the_leaves_that_only_the_derivative_needs():
    m = model({"a": "n; input", "x": "n"}, J="a @ x")
    found = check(m, "dJ/dx == 2 * a")
    assert found.status == "wrong" and found.cause == "a factor 2 too many: the left side is (1/2) * (right side)"
    assert np.shape(found.counterexample.values["a"]) == (1,)


@pytest.mark.parametrize("claim", ["dJ/dx == 1.001 * A.T @ r", "dJ/dx == A.T @ (A @ x - b) * (1 + 0.00000001)"])
def test_refuted_by_a_random_point_that_is_rounded(claim):
    found = check(model({"A": "m n; input", "b": "m; label", "x": "n"}, r="A @ x - b", J="sum(r ** 2) / 2"), claim)
    digits = [len(f"{v:g}") for a in found.counterexample.values.values() for v in np.ravel(a)]
    assert found.status == "wrong" and max(digits) <= 6


def test_no_small_point_lies_in_the_domain():
    found = check(model(VECTOR, J="sum(arcsin(x))"), "dJ/dx == -1 / sqrt(1 - x ** 2)")
    assert found.status == "wrong" and found.cause.startswith("sign")
    assert np.all(np.abs(found.counterexample.values["x"]) < 1)


def test_singular_data_are_drawn_again_at_other_sizes():
    m = model({"X": "m n"}, J="det(X.T @ X)")
    assert check(m, "dJ/dX == 2 * det(X.T @ X) * X @ inv(X.T @ X)").is_green


SHAPES = ["dJ/dx == A @ r", "dJ/dx == r @ A.T", "dJ/dx == A.T.T @ r"]


@pytest.mark.parametrize("claim", SHAPES)
def test_a_side_whose_axes_do_not_fit_is_wrong_with_both_shapes(claim):
    m = model({"A": "m n; input", "b": "m; label", "x": "n"}, r="A @ x - b", J="sum(r ** 2) / 2")
    found = check(m, claim)
    assert found.status == "wrong" and "two sizes" in found.reason and "is m n" in " ".join(found.details)
    assert found.cause.startswith(("transpose", "order")) and "makes it hold" in found.cause


def test_what_is_no_misfit_of_arrays_is_usage():
    with pytest.raises(AxisError):
        check(model(VECTOR, J="sum(x)"), "J == sum(x, axis=3)")


USAGE = {
    "dJ/dq == 1": UnknownNameError,
    "dJ/dx == 2 * xx": UnknownNameError,
    "dJ/dx == sqare(x)": UnknownOpError,
    "dJ/dx = 2 * x": ParseError,
    "dJ/dx == 2 * (x": ParseError,
    "w <- w - dJ/dx": UnknownNameError,
}


@pytest.mark.parametrize("claim", USAGE)
def test_a_typo_is_a_typed_error_of_one_screen(claim):
    with pytest.raises(USAGE[claim]) as caught:
        check(model(VECTOR, J="sum(x ** 2)"), claim)
    assert len(str(caught.value).splitlines()) <= 6 and claim in str(caught.value)


STEPS = {
    "x <- x - 0.1 * dJ/dx": ("holds", "by a step of size 0.1"),
    "x <- x - dJ/dx": ("holds", "by a step of size 1"),
    "x <- x - eta * dJ/dx": ("holds", "goes downhill along dJ/dx"),
    "x <- x - dJ/dx / 3": ("holds", "by a step of size 0.333333"),
    "x <- x - eta * dJ/dx / norm(dJ/dx)": ("holds-if", "goes downhill"),
    "x <- x + 0.1 * dJ/dx": ("wrong", "goes uphill"),
}


@pytest.mark.parametrize("claim", STEPS)
def test_steps_of_descent(claim):
    found = check(model({"x": "n", "y": "n; input"}, J="sum((x - y) ** 2)"), claim)
    assert found.status == STEPS[claim][0] and STEPS[claim][1] in found.reason, found


def test_a_tensor_called_dx_leaves_derivatives_alone():
    m = model({"x": "n", "W": "n n", "dW": "n; input"}, dx="W @ x", J="sum(dx * dW)")
    assert check(m, "dJ/dx == W.T @ dW").status == "proved"
    assert check(m, "dJ/ddx == dW").status == "proved"


CASTS = [
    "(x > 0)",
    "x * (x > 0) / x",
    "np.int64(x > 0)",
    "(x > 0).astype(float)",
    '(x > 0).astype("float64")',
    "(x > 0).astype(np.float32)",
    "((x > 0) & (x > -1)).astype(int)",
    "float(x > 0)",
    "1.0 * (x > 0)",
    "1 - (x <= 0)",
    "sum(eye(n) * (x > 0), axis=1)",
]


@pytest.mark.parametrize("said", CASTS)
def test_a_condition_is_a_number_in_a_claim(said):
    found = check(model({"x": "n"}, J="sum(relu(x))"), f"dJ/dx == {said}")
    assert found.is_green, found


def test_a_variable_whose_name_is_an_ops_is_meant():
    def f(x, g):
        inv = 1 / (2 + x * x)
        return (inv * g).sum()

    f.__annotations__ = {"x": "n", "g": "n"}
    m = sbp.trace(f, parameters=["x"])
    assert check(m, "dJ/dinv == g").status == "proved"
    assert check(m, "dJ/dx == -2 * x * g * inv ** 2").is_green


CAUSES = [
    ("dJ/do == p - t", "missing 1/v"),
    ("dJ/da == dJ/dh * (1 - tanh(h) ** 2)", "another tensor"),
    ("dJ/da == dJ/dh", "missing local slope"),
    ("dJ/dW == outer(dJ/dh, x)", "the derivative by another tensor"),
    ("dJ/do == (p + t) / v", "sign"),
]


@pytest.mark.parametrize(("claim", "cause"), CAUSES)
def test_likely_causes(claim, cause):
    m = model(
        {"x": "d; input", "W": "k d", "V": "v k", "t": "v; label"},
        a="W @ x", h="tanh(a)", o="V @ h", p="o * 1.0", J="mean((p - t) ** 2) / 2",
    )  # fmt: skip
    found = check(m, claim)
    assert found.status == "wrong" and found.cause.startswith(cause), found


RIDGE = (
    {"X": "n d; input", "y": "n; label", "w": "d", "lam": "; constant"},
    {"e": "X @ w - y", "J": "sum(e ** 2) / 2 + lam * sum(w ** 2) / 2"},
)
NORM = ({"x": "n"}, {"v": "sum(x ** 2)", "J": "sqrt(v + 0.001)"})
SHARES = ({"z": "n c", "g": "n c; constant"}, {"p": "softmax(z, axis=1)", "J": "sum(p * g)"})
GATES = ({"a": "n", "b": "n"}, {"s": "a + b", "i": "tanh(s)", "J": "sum(i ** 2)"})
MORE = {
    "missing term": (*RIDGE, "dJ/dw == X.T @ e"),
    "missing lam": (*RIDGE, "dJ/dw == X.T @ e + w"),
    "missing 1/sigma": ({"x": "n", "sigma": "; parameter positive"}, {"J": "sum(x ** 2) / (2 * sigma)"}, "dJ/dx == 2 * x / 2"),
    "missing eps": (*NORM, "dJ/dx == x / sqrt(v)"),
    "missing sum: softmax": (*SHARES, "dJ/dz == p * (1 - p) * dJ/dp"),
    "missing axis=": ({"x": "n d", "g": "n d; constant"}, {"J": "sum((x - mean(x, axis=0)) * g)"}, "dJ/dx == g - mean(g)"),
    "times 4, not 2": ({"x": "n"}, {"J": "sum(x ** 2)"}, "dJ/dx == 4 * x"),
    "a factor 2 too many": ({"x": "n"}, {"J": "sum(x ** 2) / 2"}, "dJ/dx == 2 * x"),
    "the derivative by another tensor": (*GATES, "dJ/da == dJ/di"),
}


@pytest.mark.parametrize("cause", MORE)
def test_more_likely_causes(cause):
    tensors, equations, claim = MORE[cause]
    found = check(model(tensors, **equations), claim)
    assert found.status == "wrong" and found.cause.startswith(cause), found


def test_an_edit_is_offered_only_if_the_edited_claim_is_true():
    # With the sign turned it holds at every point of size 1, but not beyond 25.
    found = check(model({"x": "n"}, J="sum(relu(x) ** 2)"), "dJ/dx == -2 * clip(x, 0, 25)")
    assert found.status == "wrong" and not found.cause


COUNTS = {"e": "exp(O)", "s": "sum(e, axis=1, keepdims=True)", "P": "e / s", "J": "-sum(Y * log(P)) / n"}


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        ("dJ/de == dJ/dP / s + dJ/ds * ones_like(e)", "proved"),
        ("dJ/de == dJ/dP / s", "wrong"),
        ("dJ/ds == -sum(dJ/dP * e, axis=1, keepdims=True) / s**2", "proved"),
        ("dJ/dO == e * dJ/de", "proved"),
        ("dJ/dO == (exp(O) / sum(exp(O), axis=1, keepdims=True) * sum(Y, axis=1, keepdims=True) - Y) / n", "proved"),
        ("dJ/dO == (exp(O) / sum(exp(O), axis=0, keepdims=True) * sum(Y, axis=1, keepdims=True) - Y) / n", "wrong"),
    ],
)
def test_a_statistic_said_line_by_line_is_what_its_author_wrote_and_what_it_is(claim, status):
    assert check(model({"O": "n c", "Y": "n c; label"}, **COUNTS), claim).status == status


def test_data_so_large_that_nothing_is_seen_beside_it_covers_no_side():
    m = model(VECTOR, J="sum(x ** 2)")
    assert check(m, "x == x + where(x > 1000000000000, 1, 0)").status == "holds-if"
    assert check(m, "x == where(x > 1000000000000, 1, x)").status == "wrong"


@pytest.mark.parametrize(
    ("claim", "cause"),
    [
        ("dJ/db == sum(dJ/dA)", "missing axis=: 'sum(dJ/dA, axis=0)' for 'sum(dJ/dA)' makes it hold"),
        ("z == (A - mean(A)) / sqrt(v)", "missing eps: 'v + eps' for 'v' makes it hold"),
        ("dJ/dv == -0.5 * sum(dJ/dz * (A - mean(A))) * v**-1.5", "missing eps: 'v + eps' for 'v' makes it hold"),
        ("dJ/dv == -0.5 * sum(dJ/dz * (A - mean(A))) * (2 * v + eps + 1)**-1.5", ""),
    ],
)
def test_a_cause_is_one_that_makes_the_claim_true(claim, cause):
    lines = {"A": "X + b", "v": "var(A)", "z": "(A - mean(A)) / sqrt(v + eps)", "J": "sum(z**3)"}
    assert check(model({"X": "n h", "b": "h", "eps": "; constant positive"}, **lines), claim).cause == cause
