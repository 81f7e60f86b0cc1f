"""The NumPy notation of matrix form, run by NumPy, and published identities as it is measured against them."""

import io
import tokenize

import numpy as np

import symbackprop as sbp
from tests.identities import LANGUAGE

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
    added = {
        "sum": total,
        "vec": lambda x: np.reshape(x, -1),
        "commutation": commutation,
        "prod_others": prod_others,
        "elu": lambda x, a=1: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0))),
        "eigenvectors": lambda x: np.linalg.eigh(x)[1],
        "max_selector": lambda x, axis=-1: selector(x, axis),
        "min_selector": lambda x, axis=-1: selector(-np.asarray(x), axis),
    }
    return {**LANGUAGE, **added}


def prod_others(x, axis=-1, order=1):
    """For each entry the product of all others in its row."""
    assert axis in (-1, np.ndim(x) - 1) and order == 1
    return np.stack([np.prod(np.delete(x, k, axis=-1), axis=-1) for k in range(np.shape(x)[-1])], axis=-1)


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


def derived(case, facts=False):
    """The derivative as this package has it, without facts or with those that the kinds of the inputs say; what it is by varies freely."""
    shapes = {name: " ".join(given["shape"]) for name, given in case["inputs"].items()}
    known = {
        name: FACTS[given["kind"]].format(last="".join(given["shape"][-1:]))
        for name, given in case["inputs"].items()
        if facts and given["kind"] in FACTS and name not in case["wrt"] and (given["kind"] != "orthogonal" or len(set(given["shape"])) == 1)
    }
    return sbp.derivative(case["expr"], shapes, case["wrt"], order=case["order"], facts=known)


def token_count(text):
    """The tokens of a text by Python's own tokenizer."""
    empty = {tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER, tokenize.ENCODING}
    return sum(t.type not in empty for t in tokenize.generate_tokens(io.StringIO(text).readline))
