"""Many displaced points in one evaluation, and expressions walked at many places: each row as if it were alone."""

from dataclasses import replace
from time import process_time

import numpy as np
import pytest
from small import model

import symbackprop as sbp
from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.term import Entry, Positive, Total
from symbackprop.errors import VerifyError
from symbackprop.verification import exact, numeric
from symbackprop.verification.exact import random_point
from symbackprop.verification.oracle import rows
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.oracle.rows import displaced
from symbackprop.verification.oracle.walk import ONCE
from symbackprop.verification.points.draws import random_arrays
from symbackprop.verification.steps import Step, take_differences

n, d = axis("n"), axis("d")
SIZES = {n: 5, d: 3, axis("k"): 2}

MODELS = {
    "calls": model({"X": "n d", "W": "d k"}, H="X @ W", P="softmax(H, axis=-1)", T="max(P * H, axis=0)", J="sum(T * log(P))"),
    "places": model({"X": "n d", "w": "d"}, H="X[1:] * w - X[:-1]", C="cumsum(H, axis=0)", J="sum(C[2] * C[0] + relu(H[0]))"),
    "scalars": model({"x": "", "A": "n d"}, y="exp(x) * mean(A)", B="abs(A) + y", J="sum(B ** 2) / (y * y + 1)"),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("most", [1, 2**22])
def test_each_row_is_as_if_it_were_alone(name, most, monkeypatch):
    monkeypatch.setattr(rows, "MOST", most)
    p = MODELS[name].program
    known = evaluate(p, random_arrays(p, SIZES), SIZES)
    leaves = {t.name: known[t.name] for t in p.leaves}
    moves = [{t: known[t] + 0.1 * (k + 1)} for k, t in enumerate(t for t in p.tensors if t != "J")]
    for dtype in (np.float64, np.complex128):
        found, _ = displaced(p, known, "J", moves, SIZES, dtype)
        alone = [evaluate(p, {**leaves, **move}, SIZES, dtype)["J"] for move in moves]
        assert np.allclose(found, alone, rtol=1e-14)


def test_only_the_row_that_crosses_a_kink_is_told():
    p = model({"x": "n"}, J="sum(relu(x))").program
    x = np.array([0.5, -0.5, 0.0])
    _, turns = displaced(p, evaluate(p, {"x": x}), "J", [{"x": x + step} for step in (0.0, 0.6, -0.6)], {n: 3})
    assert turns.same.tolist() == [True, False, False]
    _, turns = displaced(p, evaluate(p, {"x": x}), "J", [{"x": x + 1e-9j * np.eye(3)[k]} for k in range(3)], {n: 3}, np.complex128)
    assert turns.on_kink.tolist() == [False, False, True]


def test_a_call_that_picks_another_entry_is_told():
    p = model({"x": "n"}, J="max(x)").program
    x = np.array([1.0, 0.9, -2.0])
    _, turns = displaced(p, evaluate(p, {"x": x}), "J", [{"x": x + 0.2 * np.eye(3)[k]} for k in range(3)], {n: 3})
    assert turns.same.tolist() == [True, False, True]


def test_finer_differences_are_taken_of_those_alone_that_do_not_agree():
    p = model({"x": "n"}, J="sum(sin(300 * x) + x**2)").program
    x = np.array([0.3, -0.7])
    steps = [Step({"x": unit}, 300 * np.cos(300 * x) @ unit + 2 * x @ unit) for unit in np.eye(2)] + [
        Step({"x": np.ones(2)}, np.array(7.0))
    ]
    take_differences(p, evaluate(p, {"x": x}), "J", steps, {n: 2})
    assert [s.agrees for s in steps] == [True, True, False] and len(steps[2].differences) == 3


def test_functions_of_real_arguments_keep_the_complex_step_from_what_they_are_made_of_alone():
    p = sbp.derive(model({"X": "n d; input", "a": "d", "b": "d"}, H="gelu(X * a)", J="sum(tanh(H * b))")).derived.program
    details = {v.subject: v.details for v in numeric.check_derivatives(p)}
    assert not details["dJ/da"] and details["dJ/db"][-1].endswith("complex steps")


def test_behind_a_guard_that_is_0_nothing_is_walked():
    point = random_point(model({"x": "n"}, J="sum(x)").program, {n: 5})
    i = Index("i", n)
    shifted = Positive(i - 1) * Entry("x", i - 2)
    values = point.walk(shifted, ONCE.within([i], [5]))
    assert [v.real for v in values] == [0, 0, *point.reals("x")[:3]]
    with pytest.raises(VerifyError, match="out of range"):
        point.walk(Entry("x", i - 2), ONCE.within([i], [5]))


def test_a_sum_that_few_indices_reach_is_walked_once_for_each_of_their_choices(monkeypatch):
    point = random_point(model({"x": "n"}, J="sum(x)").program, {n: 5})
    i, r = Index("i", n), Index("r", n)
    asked = []
    monkeypatch.setattr(point, "added", lambda row: asked.append(row) or sum(row))
    values = point.walk(Entry("x", i) * Total(Entry("x", r), r), ONCE.within([i], [5]))
    assert len(asked) == 1 and sum(v.real for v in values) == pytest.approx(point.reals("x").sum() ** 2)


CONV = {"X": "n c p q", "W": "o c 3 3", "b": "o", "G": "n o p q; input"}


def test_a_convolution_is_exact_and_quickly():
    derived = sbp.derive(model(CONV, J="sum(G * conv2d(X, W, b, stride=1, padding=1))"), wrt=["X", "W", "b"]).derived
    start = process_time()
    statuses = {v.subject: v.status for v in exact.check_derivatives(derived.program)}
    assert statuses == {"dJ/dX": "exact", "dJ/dW": "exact", "dJ/db": "exact"} and process_time() - start < 10


def test_a_kernel_that_is_shifted_or_turned_is_seen():
    p = sbp.derive(model(CONV, J="sum(G * conv2d(X, W, b, stride=1, padding=1))"), wrt=["X", "W"]).derived.program
    e = p["dW"]
    for other in ({e.indices[2]: e.indices[3], e.indices[3]: e.indices[2]}, {e.indices[2]: 2 - e.indices[2]}):
        equations = tuple(replace(q, rhs=q.rhs.xreplace(other)) if q is e else q for q in p.equations)
        wrong = replace(p, equations=equations)
        assert [v.status for v in exact.check_derivatives(wrong, ["dW"])] == ["wrong"]
        assert [v.status for v in numeric.check_derivatives(wrong, ["dW"])] == ["wrong"]
