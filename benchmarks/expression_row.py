"""Rows of expressions.py: what a row is, and what the derivatives by hand share.

What is derived, the shapes, by which tensor, the derivative by hand. A word after the axes says how the data are drawn: `+` positive,
`spd` symmetric and positive definite, `regular` with a good inverse, `<v` whole numbers below v. Sizes that SIZES lacks, or has
otherwise, follow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

SIZES = {"n": 300, "m": 240, "d": 40, "h": 30, "c": 10, "k": 8, "v": 400, "p": 12, "q": 15}
GROWING = "nmvs"
"""The axes that are twice as long at the second size."""


@dataclass(frozen=True)
class Case:
    """One derivative: `hand` takes arrays by the names of tensors."""

    text: str
    shapes: str
    wrt: str
    hand: Callable[..., np.ndarray]
    sizes: Mapping[str, int] = field(default_factory=dict)
    order: int = 1


LONG = {"n": 20000}
WIDE = {"n": 1500, "m": 600}


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return e


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def added(values: np.ndarray, at: np.ndarray, count: int) -> np.ndarray:
    """Rows added at their places: sorted, then summed run by run."""
    order = np.argsort(at, kind="stable")
    places, first = np.unique(at[order], return_index=True)
    made = np.zeros((count, *values.shape[1:]))
    made[places] = np.add.reduceat(values[order], first, axis=0)
    return made


def reversed_sum(x: np.ndarray, axis: int = 0) -> np.ndarray:
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis)


def solved_low(a: np.ndarray, U: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(diag(a) + U U^T)^-1 b by Woodbury."""
    V = U / a[:, None]
    return b / a - V @ np.linalg.solve(np.eye(U.shape[1]) + U.T @ V, V.T @ b)


def by_kernel(T: np.ndarray, K: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient by the input of conv2d, added place by place of the kernel."""
    made, (s, t) = np.zeros(shape), T.shape[2:]
    T = np.ascontiguousarray(np.moveaxis(T, 1, -1))
    for i in range(K.shape[2]):
        for j in range(K.shape[3]):
            made[:, :, i : i + s, j : j + t] += np.moveaxis(T @ K[:, :, i, j], -1, 1)
    return made


def conv2d(X: np.ndarray, K: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(X, K.shape[2:], (2, 3))
    return np.moveaxis(np.tensordot(windows, K, ((1, 4, 5), (1, 2, 3))), -1, 1)


def conv1d(X: np.ndarray, K: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(X, K.shape[2], 2)
    return np.moveaxis(np.tensordot(windows, K, ((1, 3), (1, 2))), -1, 1)


def by_kernel_1d(T: np.ndarray, K: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    made, s = np.zeros(shape), T.shape[2]
    for i in range(K.shape[2]):
        made[:, :, i : i + s] += K[:, :, i].T @ T
    return made


def banded(main: np.ndarray, above: np.ndarray) -> np.ndarray:
    """A symmetric matrix of a diagonal and its neighbours."""
    made = np.diag(main)
    at = np.arange(len(above))
    made[at, at + 1] = made[at + 1, at] = above
    return made


def layer_norm(X: np.ndarray, V: np.ndarray) -> np.ndarray:
    centred = X - X.mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt(np.mean(centred * centred, axis=1, keepdims=True) + 1e-5)
    centred *= scale
    return scale * (V - V.mean(axis=1, keepdims=True) - centred * np.mean(V * centred, axis=1, keepdims=True))


def attention(Q: np.ndarray, K: np.ndarray, V: np.ndarray) -> np.ndarray:
    P = softmax(Q @ K.T)
    O = P @ V
    dP = 2 * O @ V.T
    dP -= np.sum(dP * P, axis=1, keepdims=True)
    dP *= P
    return dP @ K


def pulled(X: np.ndarray, W: np.ndarray) -> np.ndarray:
    """The sum over j of W[i,j] (X[i] - X[j]) and of W[j,i] (X[i] - X[j])."""
    S = W + W.T
    return S.sum(axis=1)[:, None] * X - S @ X


def kernel(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    middle = X.mean(axis=0)
    X, Y = X - middle, Y - middle
    K = X @ Y.T
    K *= 2
    K -= np.einsum("ij,ij->i", X, X)[:, None]
    K -= np.einsum("ij,ij->i", Y, Y)
    return np.exp(K, out=K)


def to_kernel(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    K = kernel(X, Y)
    return 2 * (K @ Y - K.sum(axis=1)[:, None] * X)
