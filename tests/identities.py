"""Published identities: an expression in NumPy notation and the closed form of its derivative, written down by people, evaluated by NumPy.

`data/identities.json` and `data/identities_further.json` hold lists of cases. Layout of `expected`: the axes of the expression, then
those of each of `wrt`; a matrix of some structure is a point, its derivative the one by every entry.
"""

import itertools
import json
import math
import zlib
from pathlib import Path

import numpy as np
import scipy.linalg
import scipy.special

from tests.differences import NUMPY

CASES = {
    case["id"]: case
    for name in ("identities", "identities_further")
    for case in json.loads((Path(__file__).parent / "data" / f"{name}.json").read_text(encoding="utf-8"))
}


def _layer_norm(x, weight, bias):
    return weight * (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) + bias


def _conv1d(x, weight):
    return np.einsum("bciu,ocu->boi", np.lib.stride_tricks.sliding_window_view(x, weight.shape[2], axis=2), weight)


def _attention(query, key, value):
    return scipy.special.softmax(query @ key.T / math.sqrt(query.shape[-1]), axis=-1) @ value


LANGUAGE = {
    **NUMPY,
    "softmax": lambda x, axis=-1: scipy.special.softmax(x, axis=axis),
    "log_softmax": lambda x, axis=-1: scipy.special.log_softmax(x, axis=axis),
    "logsumexp": scipy.special.logsumexp,
    "sigmoid": scipy.special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "silu": lambda x: x * scipy.special.expit(x),
    "gelu": lambda x: x * scipy.special.ndtr(x),
    "erf": scipy.special.erf,
    "sqrtm": scipy.linalg.sqrtm,
    "one_hot": lambda places, size: np.eye(size)[places],
    "layer_norm": _layer_norm,
    "conv1d": _conv1d,
    "scaled_dot_product_attention": _attention,
}
"""The language in NumPy and SciPy, on arrays."""


def _normal(rng, shape):
    x = rng.standard_normal(shape)
    return np.clip(x, -2.5, 2.5) + 0.05 * np.sign(x)  # bounded, off zero


def _orthogonal(rng, shape):
    return np.linalg.qr(rng.standard_normal(shape[-2:]))[0] if shape[-2] >= shape[-1] else _orthogonal(rng, shape[::-1]).T


def _invertible(rng, shape):
    made = [
        _orthogonal(rng, shape) @ np.diag(rng.uniform(0.6, 1.8, shape[-1])) @ _orthogonal(rng, shape) for _ in range(math.prod(shape[:-2]))
    ]
    return np.reshape(made, shape)


def _positive_definite(rng, shape):
    a = rng.standard_normal((shape[0], shape[0] + 2))
    return a @ a.T / (shape[0] + 2) + 0.5 * np.eye(shape[0])


def _both(low, high):
    """Both numbers occur, where there is room."""

    def drawn(rng, shape):
        x = np.where(rng.random(shape) < 0.5, low, high)
        if x.size > 1:
            x.flat[0], x.flat[-1] = high, low
        return x

    return drawn


def _symmetric(rng, shape):
    x = _normal(rng, shape)
    return sum(np.transpose(x, p) for p in itertools.permutations(range(x.ndim))) / math.factorial(x.ndim)


def _graph(rng, shape):
    x = np.triu(rng.uniform(0.2, 1.0, shape), 1)
    return x + x.T


def _shifts(rng, shape):
    return np.array([np.eye(*shape[1:], k=k) for k in range(shape[0])])


def _diagonals(rng, shape):
    return np.array([np.eye(shape[1], k=k - shape[1] + 1) for k in range(shape[0])])


KINDS = {
    "real": _normal,
    "small": lambda rng, shape: 0.4 * _normal(rng, shape),
    "wide": lambda rng, shape: 3 * _normal(rng, shape),
    "positive": lambda rng, shape: rng.uniform(0.5, 2, shape),
    "prob": lambda rng, shape: rng.uniform(0.1, 0.9, shape),
    "count": lambda rng, shape: rng.integers(0, 5, shape).astype(float),
    "mask": _both(0.0, 1.0),
    "sign": _both(-1.0, 1.0),
    "spd": _positive_definite,
    "symmetric": _symmetric,
    "symtensor": _symmetric,
    "invertible": _invertible,
    "orthogonal": _orthogonal,
    "simplex": lambda rng, shape: scipy.special.softmax(_normal(rng, shape), axis=-1),
    "onehot": lambda rng, shape: np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])],
    "unit": lambda rng, shape: (lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True))(_normal(rng, shape)),
    "ball": lambda rng, shape: rng.uniform(-0.9, 0.9, shape) / math.sqrt(shape[-1]),
    "jointprob": lambda rng, shape: (lambda x: x / x.sum())(_graph(rng, shape)),
    "adjacency": _graph,
    "riskset": lambda rng, shape: np.maximum(_both(0.0, 1.0)(rng, shape), np.eye(shape[0])),
    "shift_basis": _shifts,
    "toeplitz_basis": _diagonals,
}
"""Where the entries of a tensor come from."""


def arrays_of(case, seed):
    """Random values of every tensor of a case, of its kind."""
    made = {}
    for name, given in case["inputs"].items():
        rng = np.random.default_rng([seed, zlib.crc32(case["id"].encode()), zlib.crc32(name.encode())])
        shape = tuple(case["dims"][letter] for letter in given["shape"])
        kind, _, below = given["kind"].partition(" below ")
        made[name] = rng.integers(0, case["dims"][below], shape) if below else np.asarray(KINDS[kind](rng, shape), float)
    return made


def evaluated(text, case, arrays):
    """What NumPy makes of a text of a case."""
    return np.asarray(eval(text, {**LANGUAGE, **case["dims"], **arrays}), float)


def gap(a, b):
    """The largest difference of two arrays, by the largest entry."""
    if a.shape != b.shape or not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return math.inf
    return float(np.max(np.abs(a - b), initial=0) / max(np.max(np.abs(a), initial=0), np.max(np.abs(b), initial=0), 1e-3))
