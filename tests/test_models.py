"""The models of examples/models: derived, generated, and compared with HIPS autograd on implementations written apart from them.

Every axis has a size of its own, a prime. The references loop over heads, times, pixels and pairs where the models write sums.
"""

import importlib.util
import inspect
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import autograd.numpy as np
import autograd.scipy.special as special
import numpy
import pytest
from autograd import grad

import symbackprop as sbp

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "models"
NAMES = sorted(p.stem for p in FOLDER.glob("*.py"))
SIZES = {"n": 7, "d": 3, "h": 5, "c": 2, "m": 11, "b": 2, "t": 7, "f": 5, "e": 13, "z": 2, "u": 7, "i": 5, "k": 3, "g": 3}


@cache
def example(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def generated(name):
    return sbp.generate(sbp.derive(example(name).model))


def drawn(model, seed=0):
    """Arrays for the leaves of a model, negatives among them; masks, counts, shares and matrices of a kind as they must be."""
    rng = numpy.random.default_rng(seed)
    arrays = {}
    for tensor in model.program.leaves:
        shape = tuple(int(a) if a.is_Integer else SIZES[a.name] for a in tensor.axes)
        made = rng.standard_normal(shape)
        kinds = {f.kind for f in tensor.facts}
        if kinds & {"simplex", "one-hot"}:
            made = numpy.eye(shape[-1])[rng.integers(0, shape[-1], shape[0])]
            made = 0.8 * made + 0.2 / shape[-1] if "simplex" in kinds else made
        elif "positive" in kinds:
            made = rng.uniform(0.2, 2, shape)
        elif "symmetric" in kinds:
            made = numpy.triu(rng.integers(0, 2, shape), 1).astype(float)
            made = made + made.T
        elif tensor.name in ("known", "labelled"):
            made = rng.integers(0, 2, shape).astype(float)
        elif tensor.name == "mask":
            made = numpy.where(numpy.tri(*shape) > 0, 0.0, -1e9)
        arrays[tensor.name] = made
    return arrays


def ref_logistic_regression(X, y, w, b, lam):
    p = 1 / (1 + np.exp(-np.sum(X * w, 1) - b))
    return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)) / len(X) + 0.5 * lam * np.dot(w, w)


def ref_poisson_regression(X, y, exposure, w, b):
    rate = exposure * np.exp(np.dot(X, w) + b)
    return -np.sum(y * np.log(rate) - rate) / len(y)


def rows_normed(x, gain, shift):
    return (x - np.mean(x, -1)[..., None]) / np.sqrt(np.var(x, -1)[..., None] + 1e-5) * gain + shift


def cross_entropy(O, Y):
    return -np.sum(Y * (O - special.logsumexp(O, axis=1, keepdims=True))) / len(O)


def ref_residual_mlp(X, Y, Win, gain, shift, W, b, V, Wout, bout):
    H = np.dot(X, Win.T)
    for k in range(6):
        A = np.dot(rows_normed(H, gain[k], shift[k]), W[k].T) + b[k]
        H = H + np.dot(np.where(A > 0, A, 0), V[k].T)
    return cross_entropy(np.dot(H, Wout.T) + bout, Y)


def pixel_by_pixel(X, K, b):
    """relu of the convolution, each pixel a product with a patch; the result n p q f."""
    n, _, size, _ = X.shape
    flat = np.reshape(K, (len(K), -1)).T
    rows = []
    for p in range(size - 2):
        patches = [np.dot(np.reshape(X[:, :, p : p + 3, q : q + 3], (n, -1)), flat) + b for q in range(size - 2)]
        rows.append(np.stack(patches, axis=1))
    made = np.stack(rows, axis=1)
    return np.transpose(np.where(made > 0, made, 0), (0, 3, 1, 2))


def ref_convolution(X, Y, K1, b1, K2, b2, W, b):
    H = pixel_by_pixel(pixel_by_pixel(X, K1, b1), K2, b2)
    P = np.mean(np.reshape(H, (*H.shape[:2], 2, 2, 2, 2)), axis=(3, 5))
    return cross_entropy(np.dot(np.reshape(P, (len(X), -1)), np.reshape(W, (len(W), -1)).T) + b, Y)


def halved(H):
    """The largest of each square of 2 x 2."""
    n, channels, side, _ = H.shape
    return np.max(np.max(np.reshape(H, (n, channels, side // 2, 2, side // 2, 2)), axis=5), axis=3)


def ref_convolution_pooled(X, Y, K1, b1, K2, b2, W, b):
    around = ((0, 0), (0, 0), (1, 1), (1, 1))
    H = halved(pixel_by_pixel(np.pad(X, around, "constant"), K1, b1))
    H = halved(pixel_by_pixel(np.pad(H, around, "constant"), K2, b2))
    return cross_entropy(np.dot(np.reshape(H, (len(X), -1)), np.reshape(W, (len(W), -1)).T) + b, Y)


def ref_transformer_block(X, Target, mask, gain1, shift1, Wq, Wk, Wv, Wo, gain2, shift2, W1, b1, W2, b2):
    total = 0
    for x, target in zip(X, Target, strict=True):
        z = rows_normed(x, gain1, shift1)
        r = x
        for head in range(len(Wq)):
            q, k, v = (np.dot(z, W[head].T) for W in (Wq, Wk, Wv))
            scores = np.dot(q, k.T) * Wq.shape[1] ** -0.5 + mask
            shares = np.exp(scores - special.logsumexp(scores, axis=1, keepdims=True))
            r = r + np.dot(np.dot(shares, v), Wo[:, head].T)
        u = np.dot(rows_normed(r, gain2, shift2), W1.T) + b1
        total = total + np.sum((r + np.dot(u * (1 + special.erf(u / 2**0.5)) / 2, W2.T) + b2 - target) ** 2)
    return total / (2 * X.size)


def ref_lstm(X, y, Wi, Ui, bi, Wf, Uf, bf, Wo, Uo, bo, Wg, Ug, bg, w):
    h = c = np.zeros((len(X), len(w)))
    for t in range(X.shape[1]):
        i, f, o, g = (np.dot(X[:, t], W.T) + np.dot(h, U.T) + b for W, U, b in ((Wi, Ui, bi), (Wf, Uf, bf), (Wo, Uo, bo), (Wg, Ug, bg)))
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
    return np.sum((np.dot(h, w) - y) ** 2) / (2 * len(y))


def ref_variational_autoencoder(X, noise, W1, b1, Wm, bm, Ws, bs, V1, c1, V2, c2):
    total = 0
    for x, eps in zip(X, noise, strict=True):
        h = np.tanh(np.dot(W1, x) + b1)
        mu, sigma = np.dot(Wm, h) + bm, np.exp(0.5 * (np.dot(Ws, h) + bs))
        p = 1 / (1 + np.exp(-np.dot(V2, np.tanh(np.dot(V1, mu + sigma * eps) + c1)) - c2))
        total = total - np.sum(x * np.log(p) + (1 - x) * np.log(1 - p)) + np.sum((sigma**2 + mu**2 - 1) / 2 - np.log(sigma))
    return total / len(X)


def ref_gaussian_process(X, y, log_length, log_signal, log_noise):
    rows = [np.array([np.sum(((p - q) / np.exp(log_length)) ** 2) for q in X]) for p in X]
    K = np.exp(log_signal) ** 2 * np.exp(-0.5 * np.stack(rows)) + np.exp(log_noise) ** 2 * np.eye(len(X))
    L = np.linalg.cholesky(K)
    return 0.5 * np.sum(np.linalg.solve(L, y) ** 2) + np.sum(np.log(np.diag(L))) + 0.5 * len(y) * np.log(2 * np.pi)


def ref_matrix_factorisation(R, known, lam, U, V, p, q, mean_rating):
    total = lam * sum(np.sum(a * a) for a in (U, V, p, q)) / 2
    for u, i in zip(*numpy.nonzero(known), strict=True):
        total = total + (R[u, i] - np.dot(U[u], V[i]) - p[u] - q[i] - mean_rating) ** 2 / 2
    return total


def ref_graph_convolution(Adj, X, Y, labelled, W1, W2):
    S = Adj + np.eye(len(Adj))
    D = np.diag(np.sum(S, 1) ** -0.5)
    S = np.dot(np.dot(D, S), D)
    A = np.dot(S, np.dot(X, W1))
    chosen = numpy.nonzero(labelled)[0]
    return cross_entropy(np.dot(S, np.dot(np.where(A > 0, A, 0), W2))[chosen], Y[chosen])


def ref_metric_learning(X, Y, A):
    total = 0
    for k in range(len(X)):
        others = numpy.array([j for j in range(len(X)) if j != k])
        weights = np.exp(-np.sum(np.dot(X[others] - X[k], A.T) ** 2, 1))
        total = total - np.sum(weights * (Y[others] @ Y[k])) / np.sum(weights)
    return total / len(X)


def pair(name, seed=0):
    """What the generated module and HIPS autograd make of the same arrays: (loss, gradients) each, the latter by name."""
    model = example(name).model
    arrays = drawn(model, seed)
    module = generated(name).load()
    params = module.Parameters(**{k: arrays[k] for k in module.Parameters._fields})
    data = {k: v for k, v in arrays.items() if k not in module.Parameters._fields}
    value, gradients = module.loss_and_gradients(params, **data)
    reference = globals()[f"ref_{name}"]
    theirs = grad(lambda p: reference(**data, **p))(params._asdict())
    return (value, gradients._asdict()), (reference(**arrays), theirs)


def agree(mine, theirs):
    """Same value, same names, same shapes, same entries up to rtol 1e-9 of each array's largest."""
    (value, gradients), (wanted, others) = mine, theirs
    same = numpy.isclose(value, wanted, rtol=1e-9, atol=0) and set(gradients) == set(others)
    return same and all(
        numpy.shape(gradients[k]) == numpy.shape(v) and numpy.allclose(gradients[k], v, rtol=1e-9, atol=1e-9 * numpy.abs(v).max())
        for k, v in others.items()
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_generated_module_is_what_autograd_finds(name):
    mine, theirs = pair(name)
    assert all(numpy.any(v) for v in theirs[1].values())
    assert agree(mine, theirs)


def test_control_a_lost_factor_and_a_transpose_are_seen():
    mine, theirs = pair("graph_convolution")
    for wrong in (1.001 * theirs[1]["W1"], theirs[1]["W1"].T, -theirs[1]["W1"]):
        assert not agree(mine, (theirs[0], {**theirs[1], "W1": wrong}))


@pytest.mark.parametrize("name", NAMES)
def test_the_traced_function_runs_on_arrays(name):
    module = example(name)
    arrays = drawn(module.model, seed=1)
    function = getattr(module, name, None) or module.unrolled(5)
    assert numpy.isclose(function(**arrays), globals()[f"ref_{name}"](**arrays), rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_derivation_is_written_as_every_kind_of_page(name):
    derivation = sbp.derive(example(name).model)
    pages = {r"\partial": derivation.markdown(), "∂": derivation.html(lang="zh"), r"\frac": derivation.tex(form="index")}
    assert all(mark in page for mark, page in pages.items())
    assert ("names no axis of samples" in pages[r"\partial"]) == (example(name).model.program.samples is None)


@pytest.mark.parametrize(
    ("name", "weight", "variance"),
    [
        ("convolution", "K2", 2 / (9 * 60)),
        ("convolution_pooled", "K2", 2 / (9 * 60)),
        ("residual_mlp", "V", 2 / (50 + 60)),
        ("lstm", "Ui", 2 / (60 + 60)),
    ],
)
def test_weights_start_by_all_that_meets_in_their_sums(name, weight, variance):
    params = generated(name).load().initialise(0, **{a: {"m": 50}.get(a, 60) for a in axes_of(name)})
    assert numpy.isclose(numpy.var(getattr(params, weight)), variance, rtol=0.1)


def test_scales_start_at_one_and_biases_at_zero():
    values = {"gain": 1, "shift": 0, "gain2": 1, "shift1": 0, "b1": 0, "b": 0, "p": 0, "mean_rating": 0, "bi": 0}
    for name in ("residual_mlp", "transformer_block", "matrix_factorisation", "lstm"):
        params = generated(name).load().initialise(0, **dict.fromkeys(axes_of(name), 3))._asdict()
        assert all(numpy.all(params[k] == v) for k, v in values.items() if k in params)
        assert sum(k in params for k in values) > 0


def axes_of(name):
    return list(inspect.signature(generated(name).load().initialise).parameters)[1:-1]


def test_generated_modules_stand_alone(tmp_path):
    for name in NAMES:
        generated(name).write(tmp_path)
    lines = [f"import {name}; {name}.self_check()" for name in NAMES]
    foreign = "assert not [m for m in sys.modules if m.split('.')[0] in ('sympy', 'symbackprop', 'autograd', 'scipy')]"
    script = "\n".join(["import sys", *lines, foreign])
    subprocess.run([sys.executable, "-B", "-W", "error", "-c", script], check=True, cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_derivative_is_verified(name):
    derivation = sbp.derive(example(name).model)
    report = sbp.verify(derivation)
    assert report.ok and len(report.verdicts) > len(derivation.wrt)


@pytest.mark.slow
def test_the_derivation_of_a_recurrent_net_grows_with_its_length():
    seconds = {}
    for steps in (10, 40):
        model = sbp.trace(example("lstm").unrolled(steps), parameters=example("lstm").PARAMETERS)
        start = time.process_time()
        sbp.generate(sbp.derive(model))
        seconds[steps] = time.process_time() - start
    assert seconds[40] < 8 * seconds[10]
