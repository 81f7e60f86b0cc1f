"""Partial sums: equal to the single call however the samples are cut, and refused where samples are coupled, by the tensor that does it."""

import re
from itertools import pairwise

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.emit import load_source
from symbackprop.errors import DeriveError

T = {
    "X": {"axes": "n d", "role": "input"},
    "Xt": {"axes": "d n", "role": "input"},
    "Q": {"axes": "n t d", "role": "input"},
    "Y": {"axes": "n c", "role": "label"},
    "P": {"axes": "n c", "role": "label", "fact": "simplex over c"},
    "k": {"axes": "n", "role": "index"},
    "s": {"axes": "n", "role": "label", "fact": "positive"},
    "W": {"axes": "c d", "role": "parameter"},
    "E": {"axes": "c d", "role": "parameter"},
    "V": {"axes": "d d", "role": "parameter"},
    "b": {"axes": "c", "role": "parameter"},
    "a": {"axes": "", "role": "parameter"},
    "lam": {"axes": "", "role": "constant"},
}
SUMS = {
    "a mean": ["J = mean((X @ W.T + b - Y) ** 2)"],
    "a sum": ["J = sum((X @ W.T - Y) ** 2) / 2"],
    "a penalty": ["O = X @ W.T + b", "J = cross_entropy(O, P) + lam * sum(W ** 2) + norm(b)"],
    "labels that are places": ["J = cross_entropy(X @ W.T, k)"],
    "the number inside": ["O = X @ W.T", "L = -sum(P * log_softmax(O, axis=1), axis=1) / n", "J = sum(L) + lam * sum(W**2)"],
    "by output": ["L = mean((X @ W.T - Y) ** 2, axis=0)", "J = sum(b**2 * L) + a"],
    "two means": ["O = X @ W.T", "A = mean(O**2)", "B = mean(relu(O - Y))", "J = A + lam * B + mean(tanh(O)) * a"],
    "a mean and a sum": ["O = X @ W.T", "J = mean(O**2) + sum(relu(O - Y)) - a * sum(O)"],
    "weights that sum to 1": ["w = s / sum(s)", "L = sum((X @ W.T - Y) ** 2, axis=1)", "J = sum(w * L) + lam * sum(abs(W))"],
    "weights": ["J = sum(s[:, None] * (X @ W.T - Y) ** 2) / (sum(s) + 1)"],
    "a root of a mean": ["J = sqrt(mean((X @ W.T - Y) ** 2)) + a**2"],
    "a ratio of sums": ["p = sigmoid(X @ W.T)", "J = 1 - 2 * sum(p * P) / (sum(p) + sum(P))"],
    "samples last": ["O = W @ Xt", "J = mean((O - Y.T) ** 2) + lam * norm(W)"],
    "attention": ["S = softmax(Q @ V @ transpose(Q, (0, 2, 1)), axis=2)", "J = mean((S @ Q) ** 2) + a**2"],
    "layer norm": [
        "O = X @ W.T",
        "H = (O - mean(O, axis=1, keepdims=True)) / sqrt(var(O, axis=1, keepdims=True) + 1)",
        "J = mean((H - Y)**2)",
    ],
    "an embedding": ["J = mean((E[k] - X) ** 2)"],
    "moments of data": ["A = X.T @ X / n", "J = trace(W @ A @ W.T) + logdet(A + eye(d)) * a + sum(X) * a"],
    "a penalty for each": ["L = sum((X @ W.T - Y)**2, axis=1) + lam * sum(W**2)", "J = mean(L)"],
    "the number itself": ["J = mean(relu(X @ W.T - Y)) * sqrt(n) + a**2 / n"],
    "an inverse that all share": ["U = inv(V @ V.T + eye(d))", "J = mean((X @ U) ** 2) - logdet(U)"],
}
COUPLED = {
    "batch norm": (
        ["O = X @ W.T", "mu = mean(O, axis=0)", "B = (O - mu) / sqrt(var(O, axis=0) + 1)", "J = mean((B - Y) ** 2)"],
        "'mu', which all",
    ),
    "a contrast": (["G = (X @ V) @ X.T", "J = -mean(diag(log_softmax(G, axis=1)))"], "'G' has a value for each pair"),
    "a kernel": (["O = X @ W.T", "J = mean((O @ O.T) ** 2)"], "pair"),
    "neighbours": (["O = X @ W.T", "J = mean((O[1:] - O[:-1]) ** 2)"], "'J' sums over n - 1 of the samples"),
    "one of them": (["O = X @ W.T", "J = sum((O - Y) ** 2) + sum(O[0] ** 2)"], "one sample by its place"),
    "shares of all": (["O = X @ W.T", "J = mean((softmax(O, axis=0) - Y) ** 2)"], "softmax takes all samples at once"),
    "the largest": (["J = max(X @ W.T) + a"], "max"),
    "a variance": (["O = X @ W.T", "J = var(O) + a"], "which all samples make"),
    "running sums": (["O = X @ W.T", "J = sum(cumsum(O, axis=0) ** 2)"], "other samples|sums over samples"),
    "a determinant": (["O = X @ W.T", "A = O.T @ O + eye(c)", "J = logdet(A)"], "'A' is made by all samples"),
    "a root of what is scaled": (["O = X @ W.T / n", "J = sum(relu(O - Y))"], "the number of samples n"),
    "squares of means": (["m = mean(X @ W.T, axis=0)", "J = sum(m ** 2)"], "'m' is made by all samples"),
}


def model_of(lines):
    equations = dict(line.split(" = ", 1) for line in lines)
    words = {w for text in equations.values() for w in re.findall(r"[A-Za-z]+", text)}
    return sbp.model({n: t for n, t in T.items() if n in words}, equations, samples="n", objective="J")


def drawn(module, n, dtype, seed=0):
    rng = np.random.default_rng(seed)
    sizes = {"n": n, "d": 3, "c": 5, "t": 2}
    params = module.Parameters(*[rng.standard_normal([sizes[a] for a in module.AXES[f]]).astype(dtype) for f in module.Parameters._fields])
    data = {}
    for name, axes in module.AXES.items():
        if name not in module.Parameters._fields:
            data[name] = rng.standard_normal([sizes[a] for a in axes]).astype(dtype)
    if "k" in data:
        data["k"] = rng.integers(0, 5, n)
    if "s" in data:
        data["s"] = np.exp(data["s"])
    if "P" in data:
        data["P"] = np.eye(5, dtype=dtype)[rng.integers(0, 5, n)]
    return params, data


def in_chunks(module, params, data, ends):
    axis = {name: module.AXES[name].index("n") for name in data if "n" in module.AXES[name]}
    parts = []
    for a, b in pairwise(ends):
        chunk = {name: np.take(x, np.arange(a, b), axis[name]) if name in axis else x for name, x in data.items()}
        parts.append(module.partial_sums(params, **chunk))
    shared = module.finish.__code__.co_varnames[2 : module.finish.__code__.co_argcount]
    return module.finish(params, sum(parts), **{name: data[name] for name in shared if name in data})


@pytest.mark.parametrize("lines", SUMS.values(), ids=SUMS)
def test_chunks_add_up_to_the_single_call(lines):
    module = sbp.generate(model_of(lines), also=["partial"]).load()
    for dtype, near in (("float64", 1e-12), ("float32", 2e-5)):
        params, data = drawn(module, 17, dtype)
        value, slopes = module.loss_and_gradients(params, **data)
        for seed in range(3):
            inner = np.random.default_rng(seed).integers(0, 18, 4)
            found, parts = in_chunks(module, params, data, np.sort([0, 0, 1, *inner, 17]))
            assert abs(found - value) <= near * max(1, abs(value)) and found.dtype == dtype
            for a, b in zip(parts, slopes, strict=True):
                assert a.dtype == dtype and np.max(np.abs(a - b), initial=0) <= near * max(1, np.max(np.abs(b), initial=0))


def test_chunks_of_parameters_in_few_digits_are_as_exact_as_the_data():
    module = sbp.generate(model_of(next(iter(SUMS.values()))), also=["partial"]).load()
    params, data = drawn(module, 17, "float64")
    params = module.Parameters(*[p.astype("float32") for p in params])
    found, _ = in_chunks(module, params, data, [0, 5, 17])
    value = module.loss(params, **data)
    assert found.dtype == value.dtype == "float64" and abs(found - value) <= 1e-12 * max(1, abs(value))


@pytest.mark.parametrize(("lines", "why"), COUPLED.values(), ids=COUPLED)
def test_coupled_samples_are_refused_with_the_tensor_that_couples_them(lines, why):
    with pytest.raises(DeriveError, match=why) as raised:
        sbp.generate(model_of(lines), also=["partial"])
    assert "samples are coupled" in str(raised.value) and raised.value.fix


def test_an_objective_without_samples_is_refused():
    model = sbp.model({"X": T["X"], "W": T["W"]}, {"H": "X @ W.T", "J": "sum(W**2)"}, output="H", samples="n", objective="J")
    with pytest.raises(DeriveError, match="'J' speaks of no samples"):
        sbp.generate(model, also=["partial"])


def test_what_is_true_of_all_samples_is_not_of_some():
    tensors = {**{n: T[n] for n in ("X", "W", "Y")}, "s": {"axes": "n", "role": "label", "fact": "simplex over n"}}
    model = sbp.model(tensors, {"L": "sum((X @ W.T - Y)**2, axis=1)", "J": "sum(s * L)"}, samples="n")
    with pytest.raises(DeriveError, match="'s' is simplex over all samples"):
        sbp.generate(model, also=["partial"])


def test_no_samples_at_all_are_an_error_where_a_mean_is_taken_and_no_loss_where_a_sum_is():
    for name, lines in (("a mean", SUMS["a mean"]), ("a sum", SUMS["a sum"])):
        module = sbp.generate(model_of(lines), also=["partial"]).load()
        params, data = drawn(module, 0, "float64")
        if name == "a sum":
            assert module.finish(params, module.partial_sums(params, **data))[0] == 0
        else:
            with pytest.raises(ValueError, match="axis n is empty"):
                module.finish(params, module.partial_sums(params, **data))


def test_a_chunk_of_another_shape_and_a_wrong_number_of_sums_are_refused():
    module = sbp.generate(model_of(SUMS["a mean"]), also=["partial"]).load()
    params, data = drawn(module, 4, "float64")
    with pytest.raises(ValueError, match=r"Y: expected shape \(n, c\) = \(0, 5\)"):
        module.partial_sums(params, X=data["X"][:0], Y=data["Y"])
    with pytest.raises(ValueError, match="sums: expected 4 parts, got 3"):
        module.finish(params, tuple(module.partial_sums(params, **data))[:3])
    with pytest.raises(TypeError):
        module.partial_sums(params, **data) + 1


SLIPS = [("dW = np.dot(", "dW = 2 * np.dot("), ("return Sums(n,", "return Sums(n + 1,"), ("a + b for", "a + 2 * b for")]


@pytest.mark.parametrize("slip", SLIPS)
def test_self_check_covers_the_sums(slip):
    made = sbp.generate(model_of(SUMS["a penalty"]), also=["partial"])
    made.load().self_check()
    head, of_sums, rest = made.source.partition("class Sums")
    spoilt = rest.replace(*slip, 1)
    assert spoilt != rest
    with pytest.raises(AssertionError, match="partial_sums"):
        load_source(head + of_sums + spoilt, "spoilt").self_check()


def test_verify_runs_what_is_generated():
    report = sbp.verify(sbp.derive(model_of(SUMS["a penalty"])), also=["partial"])
    assert report.ok and any("partial" in v.subject for v in report.verdicts)
