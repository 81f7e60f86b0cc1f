"""The handwritten digits, beside scikit-learn: the same weights and batches give the same steps."""

from pathlib import Path

import numpy as np
import pytest

import symbackprop as sbp

SPEC = Path(__file__).resolve().parent.parent / "examples" / "digits.toml"
STEPS, BATCH, RATE = 50, 32, 0.1


def batches(samples: int) -> list[np.ndarray]:
    """The rows of each step."""
    draw = np.random.default_rng(5)
    return [draw.choice(samples, BATCH, replace=False) for _ in range(STEPS)]


def peer(X: np.ndarray, digits: np.ndarray, weights: list[np.ndarray], biases: list[np.ndarray], rate: float) -> list[np.ndarray]:
    """Weights and biases after the steps by scikit-learn's MLPClassifier."""
    neural = pytest.importorskip("sklearn.neural_network", reason="scikit-learn is not installed")
    settings = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "shuffle": False, "batch_size": BATCH, "max_iter": STEPS + 10}
    net = neural.MLPClassifier((32, 16), learning_rate_init=rate, **settings)
    rows = batches(len(X))
    net.partial_fit(X[rows[0]], digits[rows[0]], classes=np.arange(10))
    for held, wanted in zip([*net.coefs_, *net.intercepts_], [*weights, *biases], strict=True):
        held[...] = wanted
    for chosen in rows:
        net.partial_fit(X[chosen], digits[chosen])
    return [*net.coefs_, *net.intercepts_]


def difference(rate: float) -> float:
    """The largest difference of any parameter after STEPS steps, ours at RATE and scikit-learn's at `rate`."""
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    X, digits = datasets.load_digits(return_X_y=True)
    X, Y = X / 16, np.eye(10)[digits]
    model = sbp.load(SPEC)
    module = sbp.generate(sbp.derive(model)).load()
    params = module.initialise(3, **{str(axis): size for axis, size in model.program.sizes.items()})
    weights = [p if p.shape in {(64, 32), (32, 16), (16, 10)} else p.T for p in params if p.ndim == 2]
    theirs = peer(X, digits, weights, [p for p in params if p.ndim == 1], rate)
    for chosen in batches(len(X)):
        gradients = module.gradients(params, X[chosen], Y[chosen])
        params = module.Parameters(*(p - RATE * g for p, g in zip(params, gradients, strict=True)))
    ours = [p if p.shape == t.shape else p.T for p, t in zip(sorted(params, key=lambda p: -p.ndim), theirs, strict=True)]
    return max(float(abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.slow
def test_fifty_steps_agree_with_scikit_learn() -> None:
    assert difference(RATE) < 1e-6


@pytest.mark.slow
def test_another_learning_rate_would_be_seen() -> None:
    assert difference(RATE * 1.001) > 1e-6
