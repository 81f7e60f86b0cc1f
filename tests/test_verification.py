"""What the report on a derivation promises: right models are never called wrong, and a fault of ours is never green."""

import numpy as np
import pytest
from small import model

import symbackprop as sbp
from symbackprop.verification import exact, numeric
from symbackprop.verification.points.points import plain
from symbackprop.verification.report import merged
from symbackprop.verification.verdict import Verdict, broken


def counts(m):
    return sbp.verify(sbp.derive(m)).counts()


@pytest.mark.parametrize("text", ["sum(x[:4] ** 2)", "sum(tanh(x[4:]))", "x[2] * x[-3]", "sum(x[3:] * x[:-3])"])
def test_slices_are_verified_at_sizes_that_have_them(text):
    assert set(counts(model({"x": "n"}, J=text))) <= {"exact", "holds"}


@pytest.mark.parametrize("name", ["elu", "selu", "leaky_relu", "relu6", "abs", "softplus", "gelu", "mish"])
def test_activations_are_exact_or_hold_on_both_sides_of_their_kinks(name):
    m = model({"x": "n"}, h=f"{name}(x)", J="sum(h ** 2)")
    report = sbp.verify(sbp.derive(m))
    assert set(report.counts()) <= {"exact", "holds"}, str(report)
    assert "unknown" not in str(report)


def test_a_scalar_tensor_with_a_fact_is_exact():
    m = model({"X": "n d; input", "w": "d", "lam": "; constant positive"}, z="X @ w", J="mean(softplus(z)) + lam * sum(w ** 2) / 2")
    report = sbp.verify(sbp.derive(m))
    assert report.ok and "Error" not in str(report) and report.verdicts[0].status == "exact"


def test_a_band_is_verified_where_it_has_both_sides():
    m = model({"A": "n n"}, J="sum(where(arange(n)[:, None] - arange(n) <= 1, A, 0) ** 2)")
    report = sbp.verify(sbp.derive(m))
    assert report.ok and "n = 7" in str(report)


def test_a_side_that_no_point_reached_is_a_condition():
    m = model({"x": "n"}, J="sum(where(x > 100000000000, x, 2 * x))")
    first = sbp.verify(sbp.derive(m)).verdicts[0]
    assert first.status == "holds-if" and first.conditions == ("not x > 100000000000 (no point tried was on that side)",)


@pytest.mark.parametrize("engine", [exact, numeric])
def test_a_fault_of_ours_is_unknown_and_seen(monkeypatch, engine):
    def check(*arguments, **options):
        return [broken("dJ/dx", AttributeError("no such thing"))]

    monkeypatch.setattr(engine, "check_derivatives", check)
    report = sbp.verify(sbp.derive(model({"x": "n"}, J="sum(x ** 2)")))
    assert not report.ok and report.verdicts[0].status == "unknown" and "AttributeError" in report.verdicts[0].reason


def test_conditions_of_the_numbers_are_those_of_the_exact_too():
    both = merged(Verdict("exact", "a", "exact at n = 2"), Verdict("holds-if", "a", conditions=("x is not 0",)))
    assert (both.status, both.conditions) == ("holds-if", ("x is not 0",))


def relu_net(depth):
    tensors, equations, last = {"X": "n d0; input", "Y": f"n d{depth}; label"}, {}, "X"
    for k in range(1, depth + 1):
        tensors |= {f"W{k}": f"d{k} d{k - 1}", f"b{k}": f"d{k}"}
        equations[f"A{k}"] = f"relu({last} @ W{k}.T + b{k})" if k < depth else f"{last} @ W{k}.T + b{k}"
        last = f"A{k}"
    return model(tensors, **equations, J=f"sum(({last} - Y) ** 2) / n")


def batch_norm_net(depth):
    tensors, equations, last = {"X": "n d0; input", "Y": f"n d{depth}; label"}, {}, "X"
    for k in range(1, depth + 1):
        tensors[f"W{k}"] = f"d{k} d{k - 1}"
        equations[f"Z{k}"] = f"{last} @ W{k}.T"
        last = f"Z{k}"
        if k < depth:
            tensors |= {f"g{k}": f"d{k}", f"c{k}": f"d{k}"}
            equations[f"H{k}"] = f"relu(g{k} * (Z{k} - mean(Z{k}, axis=0)) / sqrt(var(Z{k}, axis=0) + 0.00001) + c{k})"
            last = f"H{k}"
    return model(tensors, **equations, J=f"sum(({last} - Y) ** 2) / n")


def test_a_deep_net_has_slopes_everywhere_at_the_first_points():
    derived = sbp.derive(relu_net(30)).derived
    for point in plain(derived.program)[:2]:
        assert all(np.any(point.known[name]) for name in derived.adjoints.values())
        assert max(np.abs(v).max() for v in point.known.values()) < 1e4


def test_a_net_of_four_layers_is_exact_and_its_code_holds():
    assert set(counts(relu_net(4))) == {"exact", "holds"}


@pytest.mark.slow
@pytest.mark.parametrize("depth", [10, 80])
def test_deep_nets_are_exact_and_their_code_holds(depth):
    assert set(counts(relu_net(depth))) == {"exact", "holds"}


@pytest.mark.slow
@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_nets_with_batch_norm_are_exact_and_their_code_holds(depth):
    assert set(counts(batch_norm_net(depth))) == {"exact", "holds"}


def test_a_mask_of_large_numbers_is_no_blow_up():
    lines = {"S": "where(arange(n)[:, None] < arange(n), -1e9, Q @ K.T / sqrt(d))", "P": "softmax(S, axis=1)", "J": "sum((P @ V)**2)"}
    report = sbp.verify(sbp.derive(model({"Q": "n d", "K": "n d", "V": "n d"}, **lines)))
    assert report.counts() == {"exact": 6, "holds": 6}
