"""Per-sample gradients where the objective holds whole-tensor calls of parameters: a penalty by an inverse, a largest entry, a product."""

import re

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.errors import DeriveError

SHAPES = {"X": "n d", "w": "d", "K": "d d", "k": "d"}


def derivation(objective):
    used = {name: axes for name, axes in SHAPES.items() if re.search(rf"\b{name}\b", objective)}
    tensors = {name: {"axes": axes, "role": "input" if name == "X" else "parameter"} for name, axes in used.items()}
    return sbp.derive(sbp.model(tensors, {"J": objective}, samples="n"))


PENALTIES = [
    "sum(inv(K))",
    "sum(inv(K.T) @ w)",
    "det(K)",
    "logdet(K @ K.T)",
    "prod(k)",
    "max(k)",
    "logsumexp(k) * prod(k)",
    "sum(softmax(k) * k)",
]
COUPLED_TO_DATA = ["sum((X @ solve(K, w))**2) / n", "sum(X @ inv(K) @ w) / n", "sum(logsumexp(X * k, axis=1)) / n"]


@pytest.mark.parametrize("objective", [f"sum((X @ w)**2) / n + {p}" for p in PENALTIES] + COUPLED_TO_DATA)
def test_gradients_of_single_samples(objective):
    d = derivation(objective)
    report = d.per_sample_gradients().verify()
    assert report.ok, report


def test_the_module_makes_what_all_samples_share_once():
    d = derivation("sum((X @ w)**2) / n + sum(inv(K) @ w)")
    module = sbp.generate(d, also=["per-sample"]).load()
    rng = np.random.default_rng(2)
    params, X = module.Parameters(rng.standard_normal(3), rng.standard_normal((3, 3))), rng.standard_normal((5, 3))
    each, whole = module.per_sample_gradients(params, X), module.gradients(params, X)
    for one, mean in zip(each, whole, strict=True):
        assert one.shape == (5, *mean.shape) and np.allclose(one.mean(axis=0), mean, rtol=1e-12)


@pytest.mark.parametrize("call", ["sum(eigvalsh(K + K.T)**2)", "sum(pinv(K))", "sum(cholesky(K @ K.T))"])
def test_what_takes_one_matrix_alone_is_refused_and_not_called_coupled(call):
    d = derivation(f"sum((X @ w)**2) / n + {call}")
    with pytest.raises(DeriveError, match="takes one alone"):
        d.per_sample_gradients()
    assert "samples are coupled" not in d.markdown()
