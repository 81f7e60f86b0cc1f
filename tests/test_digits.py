"""The handwritten digits: beside scikit-learn the same weights and batches give the same steps; convolutional nets learn to read them."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.commands import train
from symbackprop.commands.data import Data

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SPEC = EXAMPLES / "digits.toml"
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


def convolutional(name: str):
    """A model of examples/models, and the module generated from it."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / "models" / f"{name}.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example.model, sbp.generate(sbp.derive(example.model)).load()


def read(name: str, *, shuffled: bool = False) -> tuple[float, float, float]:
    """(first loss, last loss, share of held-out digits that are read right) of a training run."""
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    X, digits = datasets.load_digits(return_X_y=True)
    model, module = convolutional(name)
    data = Data({"X": (X / 16).reshape(-1, 1, 8, 8), "Y": np.eye(10)[digits]}, {"X": 0, "Y": 0}, "Y", tuple("0123456789"))
    seen, held = train.split(data, 0.25, seed=0)
    if shuffled:
        seen.arrays["Y"][...] = np.random.default_rng(0).permutation(seen.arrays["Y"])
    start = module.initialise(0, f=8, g=16, c=10)
    run = train.train(module, seen, model.program, rate=0.3, epochs=15, batch=32, params=start)
    return run.losses[0], run.losses[-1], train.accuracy(module, run.params, held, model.program)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["convolution", "convolution_pooled"])
def test_a_convolutional_net_reads_digits_it_has_not_seen(name: str) -> None:
    before, after, right = read(name)
    assert before < 2 * np.log(10) and after < 0.05
    assert right > 0.95


@pytest.mark.slow
def test_control_from_shuffled_labels_it_learns_nothing() -> None:
    assert read("convolution_pooled", shuffled=True)[2] < 0.25
