"""Statistics that a model spells out: recognised under names and in any layout, equal by value, and only where they are meant."""

from pathlib import Path

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.lower.recognise import recognised, restated
from symbackprop.verify.literal import evaluate, random_arrays

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "two_layer.toml"
SPELLED = {
    "rows": ({"E": "exp(X)", "P": "E / E.sum(axis=1, keepdims=True)", "J": "sum(P * P)"}, {"softmax"}),
    "columns": ({"E": "exp(X)", "P": "E / E.sum(axis=0)", "J": "sum(P * P * P)"}, {"softmax"}),
    "transposed": ({"E": "exp(X.T)", "S": "sum(E, axis=0)", "P": "(E / S).T", "J": "sum(P * P)"}, {"softmax"}),
    "all entries": ({"E": "exp(X)", "P": "E / sum(E)", "J": "sum(P * P)"}, {"softmax", "logsumexp"}),
    "a product inside": ({"E": "exp(X @ X.T)", "P": "E / sum(E, axis=1, keepdims=True)", "J": "sum(P @ X)"}, {"softmax"}),
    "weighed": ({"E": "exp(X)", "S": "sum(E, axis=1)", "J": "sum(X * E / S[:, None])"}, {"softmax"}),
    "log of a sum": ({"S": "sum(exp(2 * X), axis=1)", "J": "sum(log(S)**2)"}, {"logsumexp"}),
    "log of a mean": ({"M": "mean(exp(X), axis=0)", "J": "sum(log(M))"}, {"logsumexp"}),
}


def model(equations):
    return sbp.model({"X": {"axes": "n d", "role": "parameter"}}, equations, samples="n")


@pytest.mark.parametrize("title", SPELLED)
def test_a_spelling_is_recognised_and_equal(title):
    equations, ops = SPELLED[title]
    derived = sbp.derive(model(equations)).derived
    better = restated(derived)
    assert ops <= {e.call.op for e in better.program.equations if e.call}
    arrays = random_arrays(derived.program, seed=3)
    old, new = evaluate(derived.program, arrays), evaluate(better.program, arrays)
    assert all(np.allclose(old[name], new[name]) for name in ("J", "dX"))


@pytest.mark.parametrize("sums", ["sum(exp(-X), axis=1)", "sum(X, axis=1)", "sum(exp(X), axis=1)**2", "(1 + sum(exp(X), axis=1))"])
def test_control_what_is_no_softmax_stays(sums):
    program = model({"S": sums, "P": "exp(X) / S[:, None]", "J": "sum(P)"}).program
    assert not any(e.call and "softmax" in e.call.op for e in recognised(program, ["J"]).equations)


def test_a_model_that_spells_nothing_out_is_left_alone():
    derived = sbp.derive(sbp.load(EXAMPLE)).derived
    assert restated(derived) is derived
