"""Published derivatives: the data file, random values of the kinds it asks for, and the evaluation of its texts by NumPy.

Each case has an expression in the language, the tensors it is by, its closed form as published (in the same notation, with einsum
for more than two axes), where that stands, and the kinds of its inputs: [shape, kind].
"""

import io
import itertools
import json
import tokenize
import zlib
from pathlib import Path

import numpy as np
from numpy_values import KinkedNumpy

import symbackprop as sbp

DATA = Path(__file__).parent / "data" / "identities.json"
CASES = {case["id"]: case for case in json.loads(DATA.read_text(encoding="utf-8"))}

FACTS = {
    "spd": "symmetric",
    "symmetric": "symmetric",
    "adjacency": "symmetric",
    "positive": "positive",
    "simplex": "simplex over {last}",
    "onehot": "one-hot over {last}",
    "orthogonal": "orthogonal",
    "unit": "unit",
}
"""What a kind says as a fact of the language, where it says one."""


def names():
    """The functions of the language, and what the texts of matrix form have besides."""
    numpy = KinkedNumpy().names()
    added = {
        "zeros": np.zeros,
        "ones": np.ones,
        "vec": lambda x: np.reshape(x, -1),
        "commutation": commutation,
        "prod_others": lambda x: np.array([np.prod(np.delete(x, k)) for k in range(len(x))]),
        "max_selector": lambda x, axis=-1: selector(x, axis),
    }
    return {**numpy, "sum": total, **added}


def total(x, axis=None, keepdims=False):
    """NumPy's sum of an array, Python's of a generator."""
    return np.sum(x, axis=axis, keepdims=keepdims) if isinstance(x, np.ndarray | np.number | float) else sum(x)


def commutation(m, n):
    """K with K vec(X) = vec(X^T) for an m x n matrix X."""
    return np.eye(m * n)[np.arange(m * n).reshape(m, n).T.reshape(-1)]


def selector(x, axis):
    """1 at the first largest entry along an axis."""
    first = np.expand_dims(np.argmax(x, axis), axis)
    made = np.zeros_like(x)
    np.put_along_axis(made, first, 1.0, axis)
    return made


def run(text, known):
    """A text of the data file, or of this package, on arrays; eval is safe here, for both are ours."""
    return np.asarray(eval(text, {**names(), **known}), float)


def shape_of(case, name):
    return tuple(case["dims"].get(a) or int(a) for a in case["inputs"][name][0].split())


def inputs(case, seed):
    """Random values of a case's inputs, the same for the same seed."""
    return {
        name: np.asarray(KINDS[kind](np.random.default_rng([seed, zlib.crc32((case["id"] + name).encode())]), shape_of(case, name)), float)
        for name, (_, kind) in case["inputs"].items()
    }


def expected(case, arrays):
    """The published closed form at some arrays."""
    return run(case["expected"], {**case["dims"], **arrays})


def derived(case, facts=False):
    """The derivative as this package has it, without facts or with those that the kinds of the inputs say; what it is by varies freely."""
    shapes = {name: shape for name, (shape, _) in case["inputs"].items()}
    known = {
        name: FACTS[kind].format(last="".join(shape.split()[-1:]))
        for name, (shape, kind) in case["inputs"].items()
        if facts and kind in FACTS and name not in case["wrt"] and (kind != "orthogonal" or len(set(shape_of(case, name))) == 1)
    }
    wrt = case["wrt"][0] if case["order"] == 1 else tuple(case["wrt"])
    return sbp.derivative(case["expr"], shapes, wrt, order=case["order"], facts=known)


def token_count(text):
    """The tokens of a text by Python's own tokenizer."""
    empty = {tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER, tokenize.ENCODING}
    return sum(t.type not in empty for t in tokenize.generate_tokens(io.StringIO(text).readline))


# --- kinds of inputs ---------------------------------------------------------------------------------------------------


def real(rng, shape):
    x = np.clip(rng.normal(size=shape), -2.4, 2.4)
    return x + np.where(x < 0, -0.06, 0.06)  # off zero, where kinks are


def rotation(rng, n):
    return np.linalg.qr(rng.normal(size=(n, n)))[0]


def spd(rng, shape):
    root = rng.normal(size=(shape[0], shape[0] + 3))
    return root @ root.T / shape[0] + np.eye(shape[0]) / 2


def invertible(rng, shape):
    return rotation(rng, shape[0]) * rng.uniform(0.7, 1.9, shape[0]) @ rotation(rng, shape[0])


def symmetric(rng, shape):
    x = real(rng, shape)
    return sum(np.transpose(x, p) for p in itertools.permutations(range(x.ndim))) / 2


def simplex(rng, shape):
    x = rng.uniform(0.1, 1, shape)
    return x / x.sum(axis=-1, keepdims=True)


def onehot(rng, shape):
    return np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]


def zero_or_one(rng, shape):
    x = (rng.random(shape) < 0.5).astype(float)
    x.flat[:2] = 0, 1
    return x


def adjacency(rng, shape):
    x = np.triu(rng.uniform(0.3, 1, shape) * (rng.random(shape) < 0.7), 1)
    return x + x.T


def unit(rng, shape):
    x = real(rng, shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def shift_basis(rng, shape):
    """E[a, i, i + a] = 1."""
    a, i, j = np.indices(shape)
    return j == i + a


def toeplitz_basis(rng, shape):
    """E[a, i, j] = 1 where j - i = a - (n - 1)."""
    a, i, j = np.indices(shape)
    return j - i == a - (shape[1] - 1)


KINDS = {
    "real": real,
    "small": lambda rng, shape: real(rng, shape) / 3,
    "wide": lambda rng, shape: real(rng, shape) * 3,
    "positive": lambda rng, shape: rng.uniform(0.4, 1.9, shape),
    "prob": lambda rng, shape: rng.uniform(0.15, 0.85, shape),
    "count": lambda rng, shape: rng.integers(0, 6, shape),
    "mask": zero_or_one,
    "sign": lambda rng, shape: 2 * zero_or_one(rng, shape) - 1,
    "spd": spd,
    "symmetric": symmetric,
    "symtensor": symmetric,
    "invertible": invertible,
    "orthogonal": lambda rng, shape: rotation(rng, max(shape))[: shape[0], : shape[1]],
    "simplex": simplex,
    "onehot": onehot,
    "unit": unit,
    "adjacency": adjacency,
    "riskset": lambda rng, shape: np.maximum(zero_or_one(rng, shape), np.eye(*shape)),
    "shift_basis": shift_basis,
    "toeplitz_basis": toeplitz_basis,
}
