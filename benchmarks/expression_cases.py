"""Expressions that people bring to a matrix calculus tool, each with its derivative as a careful person writes it in NumPy.

A row: what is derived, the shapes, by which tensor, the derivative by hand. A word after the axes says how the data are drawn: `+` positive,
`spd` symmetric and positive definite, `regular` with a good inverse, `<v` whole numbers below v. Sizes that SIZES lacks, or has otherwise, follow.
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


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return e


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def _added(values: np.ndarray, at: np.ndarray, count: int) -> np.ndarray:
    """Rows added at their places: sorted, then summed run by run."""
    order = np.argsort(at, kind="stable")
    places, first = np.unique(at[order], return_index=True)
    made = np.zeros((count, *values.shape[1:]))
    made[places] = np.add.reduceat(values[order], first, axis=0)
    return made


def _reversed_sum(x: np.ndarray, axis: int = 0) -> np.ndarray:
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis)


def _solved_low(a: np.ndarray, U: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(diag(a) + U U^T)^-1 b by Woodbury."""
    V = U / a[:, None]
    return b / a - V @ np.linalg.solve(np.eye(U.shape[1]) + U.T @ V, V.T @ b)


def _by_kernel(T: np.ndarray, K: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient by the input of conv2d, added place by place of the kernel."""
    made, (s, t) = np.zeros(shape), T.shape[2:]
    T = np.ascontiguousarray(np.moveaxis(T, 1, -1))
    for i in range(K.shape[2]):
        for j in range(K.shape[3]):
            made[:, :, i : i + s, j : j + t] += np.moveaxis(T @ K[:, :, i, j], -1, 1)
    return made


def _conv2d(X: np.ndarray, K: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(X, K.shape[2:], (2, 3))
    return np.moveaxis(np.tensordot(windows, K, ((1, 4, 5), (1, 2, 3))), -1, 1)


def _conv1d(X: np.ndarray, K: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(X, K.shape[2], 2)
    return np.moveaxis(np.tensordot(windows, K, ((1, 3), (1, 2))), -1, 1)


def _by_kernel_1d(T: np.ndarray, K: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    made, s = np.zeros(shape), T.shape[2]
    for i in range(K.shape[2]):
        made[:, :, i : i + s] += K[:, :, i].T @ T
    return made


def _banded(main: np.ndarray, above: np.ndarray) -> np.ndarray:
    """A symmetric matrix of a diagonal and its neighbours."""
    made = np.diag(main)
    at = np.arange(len(above))
    made[at, at + 1] = made[at + 1, at] = above
    return made


def _layer_norm(X: np.ndarray, V: np.ndarray) -> np.ndarray:
    centred = X - X.mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt(np.mean(centred * centred, axis=1, keepdims=True) + 1e-5)
    centred *= scale
    return scale * (V - V.mean(axis=1, keepdims=True) - centred * np.mean(V * centred, axis=1, keepdims=True))


def _attention(Q: np.ndarray, K: np.ndarray, V: np.ndarray) -> np.ndarray:
    P = _softmax(Q @ K.T)
    O = P @ V
    dP = 2 * O @ V.T
    dP -= np.sum(dP * P, axis=1, keepdims=True)
    dP *= P
    return dP @ K


def _pulled(X: np.ndarray, W: np.ndarray) -> np.ndarray:
    """The sum over j of W[i,j] (X[i] - X[j]) and of W[j,i] (X[i] - X[j])."""
    S = W + W.T
    return S.sum(axis=1)[:, None] * X - S @ X


def _kernel(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    middle = X.mean(axis=0)
    X, Y = X - middle, Y - middle
    K = X @ Y.T
    K *= 2
    K -= np.einsum("ij,ij->i", X, X)[:, None]
    K -= np.einsum("ij,ij->i", Y, Y)
    return np.exp(K, out=K)


def _to_kernel(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    K = _kernel(X, Y)
    return 2 * (K @ Y - K.sum(axis=1)[:, None] * X)


QUADRATIC = [
    Case("x @ A @ x", "x: n; A: n n", "x", lambda x, A: A @ x + x @ A, WIDE),
    Case("x @ A @ x", "x: n; A: n n", "A", lambda x: np.outer(x, x), WIDE),
    Case("x @ A @ x", "x: n; A: n n", "x", lambda A: A + A.T, WIDE, order=2),
    Case("x @ (A.T @ A + lam*eye(n)) @ x", "x: n; A: m n; lam: +", "x", lambda x, A, lam: 2 * (A.T @ (A @ x) + lam * x), WIDE),
    Case("x @ (diag(a) + U @ U.T) @ x", "x: n; a: n; U: n k", "x", lambda x, a, U: 2 * (a * x + U @ (U.T @ x)), WIDE),
    Case("sum((A @ x - b)**2)", "A: m n; x: n; b: m", "x", lambda A, x, b: 2 * (A.T @ (A @ x - b)), WIDE),
    Case("sum((A @ x - b)**2)", "A: m n; x: n; b: m", "A", lambda A, x, b: np.outer(2 * (A @ x - b), x), WIDE),
    Case("sum((A @ x - b)**2)", "A: m n; x: n; b: m", "x", lambda A: 2 * (A.T @ A), order=2),
    Case("norm(A @ x - b)", "A: m n; x: n; b: m", "x", lambda A, x, b: (r := A @ x - b) @ A / np.sqrt(r @ r), WIDE),
    Case("log(x @ S @ x)", "x: n; S: n n spd", "x", lambda x, S: (S @ x + x @ S) / (x @ S @ x), WIDE),
    Case("(x @ A @ x) / (x @ x)", "x: n; A: n n", "x", lambda x, A: (A @ x + x @ A - 2 * (x @ A @ x) / (x @ x) * x) / (x @ x), WIDE),
    Case(
        "(x @ A @ x) * (x @ B @ x)",
        "x: n; A: n n; B: n n",
        "x",
        lambda x, A, B: (lambda S, T, a, b: a * T + b * S + np.outer(a2 := S @ x, b2 := T @ x) + np.outer(b2, a2))(
            A + A.T, B + B.T, x @ A @ x, x @ B @ x
        ),
        order=2,
    ),
    Case("sum((A @ B @ x)**2)", "A: m n; B: n m; x: m", "x", lambda A, B, x: 2 * (B.T @ (A.T @ (A @ (B @ x)))), WIDE),
    Case("sum((A @ B @ x)**2)", "A: m n; B: n m; x: m", "A", lambda A, B, x: np.outer(2 * (A @ (y := B @ x)), y), WIDE),
    Case("y @ (A @ B) @ x", "y: m; A: m n; B: n m; x: m", "A", lambda y, B, x: np.outer(y, B @ x), WIDE),
    Case("sum((A @ A @ x)**2)", "A: n n; x: n", "x", lambda A, x: 2 * (A.T @ (A.T @ (A @ (A @ x)))), WIDE),
    Case("sum((X @ A) * X)", "X: n d; A: d d", "X", lambda X, A: X @ (A + A.T), {"n": 4000}),
    Case("sum((X @ A) * X)", "X: n d; A: d d", "A", lambda X: X.T @ X, {"n": 4000}),
    Case("trace(X.T @ A @ X)", "X: n d; A: n n", "X", lambda X, A: A @ X + A.T @ X),
    Case("trace(X.T @ A @ X)", "X: n d; A: n n", "A", lambda X: X @ X.T),
    Case("trace(A @ B)", "A: n m; B: m n", "A", lambda B: B.T.copy(), WIDE),
    Case("sum((X @ W @ V)**2)", "X: n d; W: d h; V: h c", "W", lambda X, W, V: 2 * (X.T @ (X @ (W @ V))) @ V.T, {"n": 3000}),
    Case("sum((X @ W @ V)**2)", "X: n d; W: d h; V: h c", "X", lambda X, W, V: (X @ (M := W @ V)) @ (2 * M.T), {"n": 3000}),
    Case("sum((A @ B @ X)**2)", "A: n n; B: n n; X: n c", "X", lambda A, B, X: 2 * (B.T @ (A.T @ (A @ (B @ X))))),
    Case("sum((X - X @ W @ W.T)**2)", "X: n d; W: d k", "W", lambda X, W: (
        lambda P: (R := X - P @ W.T) is not None and -2 * (X.T @ (R @ W) + R.T @ P))(X @ W), {"n": 3000}),
    Case("sum((T - U @ V.T)**2)", "T: n m; U: n k; V: m k", "U", lambda T, U, V: 2 * ((U @ V.T - T) @ V), {"n": 800, "m": 600}),
    Case("sum((X.T @ X - S)**2)", "X: n d; S: d d spd", "X", lambda X, S: X @ (4 * (X.T @ X - S)), {"n": 4000}),
]

DIAGONAL = [
    Case("sum((diag(x) @ A @ diag(y))**2)", "x: n; A: n m; y: m", "x", lambda x, A, y: 2 * x * ((A * A) @ (y * y))),
    Case("sum((diag(x) @ A @ diag(y))**2)", "x: n; A: n m; y: m", "A", lambda x, A, y: A * (2 * x * x)[:, None] * (y * y)),
    Case("sum((X @ diag(a))**2)", "X: n m; a: m", "a", lambda X, a: 2 * a * np.einsum("ij,ij->j", X, X)),
    Case("sum((X @ diag(a))**2)", "X: n m; a: m", "X", lambda X, a: X * (2 * a * a)),
    Case("sum(tanh(X @ diag(a) @ W))", "X: n d; a: d; W: d h", "a", lambda X, a, W: np.einsum(
        "nd,nd->d", X, (1 - np.tanh((X * a) @ W) ** 2) @ W.T), {"n": 3000}),
    Case("logdet(A.T @ diag(exp(x)) @ A)", "A: n d; x: n", "x", lambda A, x: np.einsum(
        "nd,nd->n", B := A * np.exp(x)[:, None], np.linalg.solve(A.T @ B, A.T).T), {"n": 600}),
    Case("logdet(A.T @ diag(exp(x)) @ A)", "A: n d; x: n", "A", lambda A, x: 2 * np.linalg.solve(
        A.T @ (B := A * np.exp(x)[:, None]), B.T).T, {"n": 600}),
    Case("sum((A.T @ diag(x) @ A)**2)", "A: n d; x: n", "x", lambda A, x: np.einsum(
        "nd,nd->n", A @ (2 * (A.T @ (A * x[:, None]))), A), {"n": 600}),
    Case("trace(A @ diag(x) @ B)", "A: m n; x: n; B: n m", "x", lambda A, B: np.einsum("mn,nm->n", A, B)),
    Case("sum(diag(A)**2)", "A: n n", "A", lambda A: np.diag(2 * np.diagonal(A))),
    Case("logdet(diag(x))", "x: n +", "x", lambda x: 1 / x),
    Case("sum(inv(diag(x)))", "x: n +", "x", lambda x: -1 / (x * x)),
    Case("b @ solve(diag(x), b)", "x: n +; b: n", "x", lambda x, b: -np.square(b / x)),
    Case("logdet(diag(a) + U @ U.T)", "a: n +; U: n k", "a", lambda a, U: 1 / a - np.einsum("nk,kn->n", V := U / a[:, None], np.linalg.solve(
        np.eye(U.shape[1]) + U.T @ V, V.T))),
    Case("logdet(diag(a) + U @ U.T)", "a: n +; U: n k", "U", lambda a, U: 2 * _solved_low(a, U, U) if False else 2 * np.linalg.solve(
        np.eye(U.shape[1]) + U.T @ (V := U / a[:, None]), V.T).T),
    Case("b @ solve(diag(a) + U @ U.T, b)", "a: n +; U: n k; b: n", "b", lambda a, U, b: 2 * _solved_low(a, U, b)),
    Case("b @ solve(diag(a) + U @ U.T, b)", "a: n +; U: n k; b: n", "a", lambda a, U, b: -np.square(_solved_low(a, U, b))),
    Case("sum(((eye(n) - ones((n, n))/n) @ X)**2)", "X: n d", "X", lambda X: 2 * (X - X.mean(axis=0))),
    Case("sum(((eye(n) - 2*outer(u, u)) @ X)**2)", "X: n d; u: n", "X", lambda X, u: (
        R := X - 2 * np.outer(u, u @ X)) is not None and 2 * R - 4 * np.outer(u, u @ R)),
    Case("sum(((eye(n) - 2*outer(u, u)) @ X)**2)", "X: n d; u: n", "u", lambda X, u: (
        R := X - 2 * np.outer(u, p := u @ X)) is not None and -4 * (R @ p + X @ (u @ R))),
    Case("sum((X - mean(X, axis=0))**2)", "X: n d", "X", lambda X: 2 * (X - X.mean(axis=0)), {"n": 3000}),
    Case("sum(((A + outer(u, w)) @ x)**2)", "A: n m; u: n; w: m; x: m", "x", lambda A, u, w, x: 2 * (
        (r := A @ x + u * (w @ x)) @ A + (u @ r) * w), WIDE),
    Case("sum(((A + outer(u, w)) @ x)**2)", "A: n m; u: n; w: m; x: m", "u", lambda A, u, w, x: 2 * (w @ x) * (A @ x + u * (w @ x)), WIDE),
    Case("norm(A - outer(x, y))**2", "A: n m; x: n; y: m", "x", lambda A, x, y: 2 * (x * (y @ y) - A @ y), WIDE),
    Case("norm(A - outer(x, y))**2", "A: n m; x: n; y: m", "A", lambda A, x, y: 2 * (A - np.outer(x, y)), WIDE),
    Case("trace(X.T @ (diag(sum(A, axis=1)) - A) @ X)", "A: n n; X: n d", "X", lambda A, X: 2 * A.sum(axis=1)[:, None] * X - A @ X - A.T @ X),
    Case("sum((kron(A, B))**2)", "A: n h; B: p q", "A", lambda A, B: A * (2 * np.vdot(B, B))),
    Case("sum((kron(A, B) @ x)**2)", "A: p q; B: n h; x: q*h", "x", lambda A, B, x: 2 * (
        A.T @ (A @ x.reshape(A.shape[1], -1) @ B.T) @ B).ravel()),
    Case("sum((kron(A, B) @ x)**2)", "A: p q; B: n h; x: q*h", "A", lambda A, B, x: 2 * (
        A @ (Z := x.reshape(A.shape[1], -1) @ B.T)) @ Z.T),
]

SCANS = [
    Case("sum(cumsum(x)**2)", "x: n", "x", lambda x: 2 * _reversed_sum(np.cumsum(x)), {"n": 2000}),
    Case("sum(cumsum(X, axis=1)**2)", "X: d n", "X", lambda X: 2 * _reversed_sum(np.cumsum(X, 1), 1)),
    Case("sum(cumsum(X, axis=0)**2)", "X: n d", "X", lambda X: 2 * _reversed_sum(np.cumsum(X, 0), 0)),
    Case("sum(exp(cumsum(x)) * y)", "x: n; y: n", "x", lambda x, y: _reversed_sum(y * np.exp(np.cumsum(x))), {"n": 1000}),
    Case("sum(y * log(cumsum(exp(x))))", "x: n; y: n", "x", lambda x, y: (e := np.exp(x)) * _reversed_sum(y / np.cumsum(e)), {"n": 1000}),
    Case("sum((tril(A) @ x)**2)", "A: n n; x: n", "x", lambda A, x: 2 * ((L := np.tril(A)).T @ (L @ x)), WIDE),
    Case("sum((tril(A) @ x)**2)", "A: n n; x: n", "A", lambda A, x: np.tril(np.outer(2 * (np.tril(A) @ x), x)), WIDE),
    Case("sum((triu(A) @ B)**2)", "A: n n; B: n c", "B", lambda A, B: 2 * ((U := np.triu(A)).T @ (U @ B))),
    Case("sum((x[1:] - x[:-1])**2)", "x: n", "x", lambda x: (
        r := 2 * np.diff(x)) is not None and np.concatenate([-r[:1], r[:-1] - r[1:], r[-1:]]), LONG),
    Case("sum((x[1:] - x[:-1])**2)", "x: n", "x", lambda x: _banded(
        np.concatenate([[2.0], np.full(len(x) - 2, 4.0), [2.0]]), np.full(len(x) - 1, -2.0)), {"n": 1000}, order=2),
    Case("sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", "x: n", "x", lambda x: (
        lambda r, g: (g.__setitem__(slice(1, None), 200 * r), g.__setitem__(slice(0, -1), g[:-1] - 400 * r * x[:-1] - 2 * (1 - x[:-1])), g)[-1])(
        x[1:] - x[:-1] ** 2, np.zeros_like(x)), LONG),
    Case("sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", "x: n", "x", lambda x: _banded(
        np.append(1200 * x[:-1] ** 2 - 400 * x[1:] + 2, 0) + np.append(0, np.full(len(x) - 1, 200.0)), -400 * x[:-1]), {"n": 500}, order=2),
    Case("sum(x[:-1] * x[1:])", "x: n", "x", lambda x: _banded(np.zeros_like(x), np.ones(len(x) - 1)), {"n": 500}, order=2),
    Case("sum(sin(x[:-1]) * x[1:]**2)", "x: n", "x", lambda x: _banded(
        np.append(-np.sin(x[:-1]) * x[1:] ** 2, 0) + np.append(0, 2 * np.sin(x[:-1])), 2 * np.cos(x[:-1]) * x[1:]), {"n": 500}, order=2),
    Case("sum((concatenate([A, B]) @ x)**2)", "A: n m; B: n m; x: m", "x", lambda A, B, x: 2 * ((A @ x) @ A + (B @ x) @ B), WIDE),
    Case("sum((concatenate([A, B]) @ x)**2)", "A: n m; B: n m; x: m", "A", lambda A, x: np.outer(2 * (A @ x), x), WIDE),
]

PICKED = [
    Case("sum((one_hot(at, v) @ E)**2)", "at: n <v; E: v d", "E", lambda at, E: _added(2 * E[at], at, len(E)), {"n": 800}),
    Case("sum(E[at]**2)", "at: n <v; E: v d", "E", lambda at, E: _added(2 * E[at], at, len(E)), {"n": 800}),
    Case("sum(tanh(E[at] @ W))", "at: n <v; E: v d; W: d h", "E", lambda at, E, W: _added(
        (1 - np.tanh(E[at] @ W) ** 2) @ W.T, at, len(E)), {"n": 800}),
    Case("-sum(one_hot(at, c) * log_softmax(X @ W, axis=1))", "at: n <c; X: n d; W: d c", "W", lambda at, X, W: (
        P := _softmax(X @ W)) is not None and (P.__setitem__((a := np.arange(len(X)), at), P[a, at] - 1), X.T @ P)[-1], {"n": 3000}),
    Case("-sum(log_softmax(X @ W, axis=1)[arange(n), at])", "at: n <c; X: n d; W: d c", "W", lambda at, X, W: (
        P := _softmax(X @ W)) is not None and (P.__setitem__((a := np.arange(len(X)), at), P[a, at] - 1), X.T @ P)[-1], {"n": 3000}),
    Case("-sum(log_sigmoid(sum(U[at] * V[bt], axis=1)))", "at: n <v; bt: n <v; U: v d; V: v d", "U", lambda at, bt, U, V: _added(
        -_sigmoid(-np.einsum("nd,nd->n", U[at], w := V[bt]))[:, None] * w, at, len(U)), {"n": 800}),
    Case("sum(y @ (one_hot(at, m).T @ X)**2)", "at: n <m; X: n d; y: m", "X", lambda at, X, y: (2 * y[:, None] * _added(X, at, len(y)))[at], {"n": 800}),
    Case("sum((sum(U[at] * V[bt], axis=1) - y)**2)", "at: n <v; bt: n <v; U: v k; V: v k; y: n", "V", lambda at, bt, U, V, y: _added(
        2 * (np.einsum("nk,nk->n", u := U[at], V[bt]) - y)[:, None] * u, bt, len(V)), {"n": 3000}),
]

PAIRS = [
    Case("sum((X[:,None,:] - Y[None,:,:])**2)", "X: n d; Y: m d", "X", lambda X, Y: 2 * len(Y) * X - 2 * Y.sum(axis=0)),
    Case("sum(exp(-sum((X[:,None,:] - Y[None,:,:])**2, axis=2)))", "X: n d; Y: m d", "X", lambda X, Y: _to_kernel(X, Y)),
    Case("sum(exp(-sum((X[:,None,:] - X[None,:,:])**2, axis=2)))", "X: n d", "X", lambda X: 2 * _to_kernel(X, X)),
    Case("sum(W * sum((X[:,None,:] - X[None,:,:])**2, axis=2))", "W: n n; X: n d", "X", lambda W, X: 2 * _pulled(X, W)),
    Case("sum((D - sum((X[:,None,:] - X[None,:,:])**2, axis=2))**2)", "D: n n; X: n k", "X", lambda D, X: (
        G := X @ X.T) is not None and -4 * _pulled(X, D - np.diagonal(G)[:, None] - np.diagonal(G) + 2 * G)),
    Case("sum(log(1 + sum((X[:,None,:] - Y[None,:,:])**2, axis=2)))", "X: n k; Y: m k", "X", lambda X, Y: (
        K := 2 / (1 + np.square(X).sum(1)[:, None] + np.square(Y).sum(1) - 2 * X @ Y.T)) is not None and K.sum(1)[:, None] * X - K @ Y),
    Case("sum(abs(x[:,None] - x[None,:]))", "x: n", "x", lambda x: 2 * np.sign(x[:, None] - x).sum(axis=1)),
    Case("sum(log(1 + sum(((X[:,None,:] - Y[None,:,:]) @ L)**2, axis=2)))", "X: n d; Y: m d; L: d k", "X", lambda X, Y, L: (
        lambda A, B: (K := 2 / (1 + np.square(A).sum(1)[:, None] + np.square(B).sum(1) - 2 * A @ B.T)) is not None
        and (K.sum(1)[:, None] * A - K @ B) @ L.T)(X @ L, Y @ L), {"n": 150, "m": 120}),
]

MATRIX = [
    Case("logdet(S)", "S: n n spd", "S", lambda S: np.linalg.inv(S).T),
    Case("logdet(eye(d) + X.T @ X)", "X: n d", "X", lambda X: 2 * np.linalg.solve(np.eye(X.shape[1]) + X.T @ X, X.T).T, {"n": 3000}),
    Case("logdet(X.T @ X)", "X: n d", "X", lambda X: 2 * np.linalg.solve(X.T @ X, X.T).T, {"n": 3000}),
    Case("b @ inv(S) @ b", "S: n n spd; b: n", "b", lambda S, b: (
        lambda B: (B[:, 0] + np.linalg.solve(S.T, b)) if False else 2 * B[:, 0])(np.linalg.solve(S, b[:, None]))),
    Case("b @ inv(M) @ b", "M: n n regular; b: n", "M", lambda M, b: -np.outer(np.linalg.solve(M.T, b), np.linalg.solve(M, b))),
    Case("trace(inv(M) @ B)", "M: n n regular; B: n n", "M", lambda M, B: -((I := np.linalg.inv(M)) @ B @ I).T),
    Case("logdet(S) + b @ solve(S, b)", "S: n n spd; b: n", "S", lambda S, b: (
        I := np.linalg.inv(S)) is not None and I.T - np.outer(b @ I, I @ b)),
    Case("sum(solve(M, B)**2)", "M: n n regular; B: n d", "B", lambda M, B: 2 * np.linalg.solve(M.T, np.linalg.solve(M, B))),
    Case("sum(solve(M, B)**2)", "M: n n regular; B: n d", "M", lambda M, B: -2 * np.linalg.solve(M.T, Z := np.linalg.solve(M, B)) @ Z.T),
    Case("det(M)", "M: d d regular", "M", lambda M: np.linalg.det(M) * np.linalg.inv(M).T),
    Case("norm(x)", "x: n", "x", lambda x: (r := 1 / np.sqrt(x @ x)) * np.eye(len(x)) - np.outer(r**3 * x, x), order=2),
    Case("x / norm(x)", "x: n", "x", lambda x: (r := 1 / np.sqrt(x @ x)) * np.eye(len(x)) - np.outer(r**3 * x, x), {"n": 600}),
    Case("softmax(x)", "x: n", "x", lambda x: np.diag(s := _softmax(x)) - np.outer(s, s), {"n": 600}),
    Case("A @ x", "A: m n; x: n", "x", lambda A: A.copy(), WIDE),
    Case("tanh(A @ x)", "A: m n; x: n", "x", lambda A, x: (1 - np.tanh(A @ x) ** 2)[:, None] * A, WIDE),
    Case("logsumexp(x)", "x: n", "x", lambda x: np.diag(s := _softmax(x)) - np.outer(s, s), {"n": 600}, order=2),
    Case("log(sum(exp(A @ x)))", "A: m n; x: n", "x", lambda A, x: _softmax(A @ x) @ A, WIDE),
    Case("log(sum(exp(A @ x)))", "A: m n; x: n", "x", lambda A, x: (B := A * (s := _softmax(A @ x))[:, None]) is not None and A.T @ B - np.outer(
        g := s @ A, g), order=2),
    Case("sum(exp(x)) + x @ A @ x", "x: n; A: n n", "x", lambda x, A: (H := A + A.T) is not None and (
        H.reshape(-1)[:: len(x) + 1].__iadd__(np.exp(x)), H)[-1], {"n": 600}, order=2),
]

LOSSES = [
    Case("sum(softplus(-y * (X @ w)))", "X: n d; y: n; w: d", "w", lambda X, y, w: (-y * _sigmoid(-y * (X @ w))) @ X, {"n": 6000}),
    Case("sum(softplus(-y * (X @ w)))", "X: n d; y: n; w: d", "w", lambda X, y, w: (s := _sigmoid(y * (X @ w))) is not None and (
        X * (y * y * s * (1 - s))[:, None]).T @ X, {"n": 6000}, order=2),
    Case("-sum(Y * log(softmax(X @ W, axis=1)))", "X: n d; Y: n c; W: d c", "W", lambda X, Y, W: X.T @ (
        _softmax(X @ W) * Y.sum(axis=1, keepdims=True) - Y), {"n": 3000}),
    Case("sum(maximum(0, 1 - y * (X @ w))) + lam * w @ w", "X: n d; y: n; w: d; lam: +", "w", lambda X, y, w, lam: (
        -y * (y * (X @ w) < 1)) @ X + 2 * lam * w, {"n": 6000}),
    Case("sum((X @ w - y)**2) / n + lam * sum(abs(w))", "X: n d; y: n; w: d; lam: +", "w", lambda X, y, w, lam: (
        2 / len(y) * (X @ w - y)) @ X + lam * np.sign(w), {"n": 6000}),
    Case("sum(exp(X @ w) - y * (X @ w))", "X: n k; y: n; w: k", "w", lambda X, y, w: (np.exp(X @ w) - y) @ X, {"n": 20000}),
    Case("sum(relu(X @ W + b) @ w)", "X: n d; W: d h; b: h; w: h", "W", lambda X, W, b, w: X.T @ ((X @ W + b > 0) * w), {"n": 3000}),
    Case("sum((tanh(X @ W) @ V - Y)**2)", "X: n d; W: d h; V: h c; Y: n c", "W", lambda X, W, V, Y: (H := np.tanh(X @ W)) is not None
        and X.T @ ((2 * (H @ V - Y)) @ V.T * (1 - H * H)), {"n": 3000}),
    Case("sum(V * layer_norm(X))", "X: n d; V: n d", "X", _layer_norm, {"n": 3000}),
    Case("sum(softmax(Q @ K.T, axis=1) @ V) + sum((softmax(Q @ K.T, axis=1) @ V)**2)", "Q: n d; K: m d; V: m d", "Q", lambda Q, K, V: (
        lambda P: (dP := (2 * (P @ V) + 1) @ V.T) is not None and (P * (dP - np.sum(dP * P, axis=1, keepdims=True))) @ K)(_softmax(Q @ K.T))),
    Case("sum((softmax(Q @ K.T, axis=1) @ V)**2)", "Q: n d; K: m d; V: m d", "Q", _attention),
    Case("(x @ y) / (norm(x) * norm(y))", "x: n; y: n", "x", lambda x, y: (r := 1 / np.sqrt(x @ x)) is not None and (
        r / np.sqrt(y @ y)) * (y - (x @ y * r * r) * x), LONG),
    Case("sum(var(X, axis=0))", "X: n d", "X", lambda X: 2 / len(X) * (X - X.mean(axis=0)), {"n": 3000}),
    Case("sum(sqrt(sum(W**2, axis=1)))", "W: n d", "W", lambda W: W / np.sqrt(np.einsum("nd,nd->n", W, W))[:, None], {"n": 3000}),
    Case("sum(a * log(a / b))", "a: n +; b: n +", "a", lambda a, b: np.log(a / b) + 1, LONG),
    Case("sum(log_sigmoid(x) * y)", "x: n; y: n", "x", lambda x, y: y * _sigmoid(-x), LONG),
    Case("sum(1 / (1 + exp(-(X @ W))))", "X: n d; W: d h", "W", lambda X, W: X.T @ ((s := _sigmoid(X @ W)) * (1 - s)), {"n": 3000}),
    Case("sum(X @ W * (1 / (1 + exp(-(X @ W)))))", "X: n d; W: d h", "W", lambda X, W: (Z := X @ W) is not None
        and X.T @ ((s := _sigmoid(Z)) * (1 + Z * (1 - s))), {"n": 3000}),
    Case("sum((S @ X @ W)**2)", "S: n n; X: n d; W: d h", "W", lambda S, X, W: 2 * (A := S @ X).T @ (A @ W)),
    Case("sum(relu(S @ X @ W))", "S: n n; X: n d; W: d h", "X", lambda S, X, W: S.T @ ((S @ (X @ W) > 0) @ W.T)),
]

CONVOLUTIONS = [
    Case("sum(conv2d(X, K)**2)", "X: b c s t; K: o c u w", "X", lambda X, K: _by_kernel(2 * _conv2d(X, K), K, X.shape),
         {"b": 4, "c": 3, "s": 24, "t": 24, "o": 4, "u": 3, "w": 3}),
    Case("sum(conv2d(X, K)**2)", "X: b c s t; K: o c u w", "K", lambda X, K: np.tensordot(
        2 * _conv2d(X, K), np.lib.stride_tricks.sliding_window_view(X, K.shape[2:], (2, 3)), ((0, 2, 3), (0, 2, 3))),
        {"b": 4, "c": 3, "s": 24, "t": 24, "o": 4, "u": 3, "w": 3}),
    Case("sum(conv1d(X, K)**2)", "X: b c s; K: o c u", "X", lambda X, K: _by_kernel_1d(2 * _conv1d(X, K), K, X.shape),
         {"b": 8, "c": 4, "s": 100, "o": 6, "u": 5}),
    Case("sum(conv1d(X, K)**2)", "X: b c s; K: o c u", "K", lambda X, K: np.tensordot(
        2 * _conv1d(X, K), np.lib.stride_tricks.sliding_window_view(X, K.shape[2], 2), ((0, 2), (0, 2))),
        {"b": 8, "c": 4, "s": 100, "o": 6, "u": 5}),
]

CASES = [*QUADRATIC, *DIAGONAL, *SCANS, *PICKED, *PAIRS, *MATRIX, *LOSSES, *CONVOLUTIONS]
