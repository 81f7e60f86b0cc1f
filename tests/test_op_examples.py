"""Walks the op table: the derivative of each op's example, by each of its tensors, is verified, and so is its code."""

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.errors import DeriveError
from symbackprop.ops import OPS
from symbackprop.ops.examples import example
from symbackprop.verification.oracle import textbook

BUILT = {name: op for name, op in OPS.items() if op.name == name}
HARD = ["cholesky", "eigvalsh", "eigenvectors", "binary_cross_entropy", "nll_loss", "selu", "diag", "broadcast_to", "sign"]
"""What the check itself has to take care of: real arguments only, narrow domains, derivatives without a dtype of their own."""


def verdicts(name):
    shown = example(BUILT[name])
    for wrt in shown.shapes:
        try:
            result = sbp.derivative(shown.text, shown.shapes, wrt)
        except DeriveError as error:
            assert "places" in error.reason  # an index array
            continue
        yield sbp.verify(result)


@pytest.mark.parametrize("name", HARD)
def test_an_example_is_verified(name):
    reports = list(verdicts(name))
    assert reports and all(report.ok for report in reports), [str(report) for report in reports if not report.ok]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BUILT.keys() - set(HARD)))
def test_each_example_is_verified(name):
    assert not [str(report) for report in verdicts(name) if not report.ok]


def test_control_another_formula_is_refuted(monkeypatch):
    monkeypatch.setitem(textbook.CALLS, "eigvalsh", lambda a: 2 * np.linalg.eigvalsh(textbook.symmetric(a)))
    monkeypatch.setitem(textbook.CALLS, "cholesky", lambda a: textbook.cholesky(2 * a))
    for text in ("sum(eigvalsh(A))", "sum(cholesky(A) ** 2)"):
        assert "wrong" in {v.status for v in sbp.verify(sbp.derivative(text, {"A": "n n"}, "A")).verdicts}


def test_dtypes_of_numbers_are_kept():
    x = np.float32([-3, 2])
    made = sbp.derivative("sum(selu(x) * y)", {"x": "n", "y": "n"}, "x").evaluate(x=x, y=np.float32([1e35, 1e35]))
    assert made.dtype == np.float32 and np.all(np.isfinite(made))
