"""Distances, inverses, Jacobians, losses and layers, each with its derivative as a careful person writes it."""

import numpy as np
from expression_row import (
    LONG,
    WIDE,
    Case,
    attention,
    by_kernel,
    by_kernel_1d,
    conv1d,
    conv2d,
    layer_norm,
    pulled,
    sigmoid,
    softmax,
    to_kernel,
)

PAIRS = [
    Case("sum((X[:,None,:] - Y[None,:,:])**2)", "X: n d; Y: m d", "X", lambda X, Y: 2 * len(Y) * X - 2 * Y.sum(axis=0)),
    Case("sum(exp(-sum((X[:,None,:] - Y[None,:,:])**2, axis=2)))", "X: n d; Y: m d", "X", lambda X, Y: to_kernel(X, Y)),
    Case("sum(exp(-sum((X[:,None,:] - X[None,:,:])**2, axis=2)))", "X: n d", "X", lambda X: 2 * to_kernel(X, X)),
    Case("sum(W * sum((X[:,None,:] - X[None,:,:])**2, axis=2))", "W: n n; X: n d", "X", lambda W, X: 2 * pulled(X, W)),
    Case(
        "sum((D - sum((X[:,None,:] - X[None,:,:])**2, axis=2))**2)",
        "D: n n; X: n k",
        "X",
        lambda D, X: (G := X @ X.T) is not None and -4 * pulled(X, D - np.diagonal(G)[:, None] - np.diagonal(G) + 2 * G),
    ),
    Case(
        "sum(log(1 + sum((X[:,None,:] - Y[None,:,:])**2, axis=2)))",
        "X: n k; Y: m k",
        "X",
        lambda X, Y: (
            (K := 2 / (1 + np.square(X).sum(1)[:, None] + np.square(Y).sum(1) - 2 * X @ Y.T)) is not None and K.sum(1)[:, None] * X - K @ Y
        ),
    ),
    Case("sum(abs(x[:,None] - x[None,:]))", "x: n", "x", lambda x: 2 * np.sign(x[:, None] - x).sum(axis=1)),
    Case(
        "sum(log(1 + sum(((X[:,None,:] - Y[None,:,:]) @ L)**2, axis=2)))",
        "X: n d; Y: m d; L: d k",
        "X",
        lambda X, Y, L: (
            lambda A, B: (
                (K := 2 / (1 + np.square(A).sum(1)[:, None] + np.square(B).sum(1) - 2 * A @ B.T)) is not None
                and (K.sum(1)[:, None] * A - K @ B) @ L.T
            )
        )(X @ L, Y @ L),
        {"n": 150, "m": 120},
    ),
]

MATRIX = [
    Case("logdet(S)", "S: n n spd", "S", lambda S: np.linalg.inv(S).T),
    Case("logdet(eye(d) + X.T @ X)", "X: n d", "X", lambda X: 2 * np.linalg.solve(np.eye(X.shape[1]) + X.T @ X, X.T).T, {"n": 3000}),
    Case("logdet(X.T @ X)", "X: n d", "X", lambda X: 2 * np.linalg.solve(X.T @ X, X.T).T, {"n": 3000}),
    Case(
        "b @ inv(S) @ b",
        "S: n n spd; b: n",
        "b",
        lambda S, b: (lambda B: (B[:, 0] + np.linalg.solve(S.T, b)) if False else 2 * B[:, 0])(np.linalg.solve(S, b[:, None])),
    ),
    Case("b @ inv(M) @ b", "M: n n regular; b: n", "M", lambda M, b: -np.outer(np.linalg.solve(M.T, b), np.linalg.solve(M, b))),
    Case("trace(inv(M) @ B)", "M: n n regular; B: n n", "M", lambda M, B: -((I := np.linalg.inv(M)) @ B @ I).T),
    Case(
        "logdet(S) + b @ solve(S, b)",
        "S: n n spd; b: n",
        "S",
        lambda S, b: (I := np.linalg.inv(S)) is not None and I.T - np.outer(b @ I, I @ b),
    ),
    Case("sum(solve(M, B)**2)", "M: n n regular; B: n d", "B", lambda M, B: 2 * np.linalg.solve(M.T, np.linalg.solve(M, B))),
    Case("sum(solve(M, B)**2)", "M: n n regular; B: n d", "M", lambda M, B: -2 * np.linalg.solve(M.T, Z := np.linalg.solve(M, B)) @ Z.T),
    Case("det(M)", "M: d d regular", "M", lambda M: np.linalg.det(M) * np.linalg.inv(M).T),
    Case("norm(x)", "x: n", "x", lambda x: (r := 1 / np.sqrt(x @ x)) * np.eye(len(x)) - np.outer(r**3 * x, x), order=2),
    Case("x / norm(x)", "x: n", "x", lambda x: (r := 1 / np.sqrt(x @ x)) * np.eye(len(x)) - np.outer(r**3 * x, x), {"n": 600}),
    Case("softmax(x)", "x: n", "x", lambda x: np.diag(s := softmax(x)) - np.outer(s, s), {"n": 600}),
    Case("A @ x", "A: m n; x: n", "x", lambda A: A.copy(), WIDE),
    Case("tanh(A @ x)", "A: m n; x: n", "x", lambda A, x: (1 - np.tanh(A @ x) ** 2)[:, None] * A, WIDE),
    Case("logsumexp(x)", "x: n", "x", lambda x: np.diag(s := softmax(x)) - np.outer(s, s), {"n": 600}, order=2),
    Case("log(sum(exp(A @ x)))", "A: m n; x: n", "x", lambda A, x: softmax(A @ x) @ A, WIDE),
    Case(
        "log(sum(exp(A @ x)))",
        "A: m n; x: n",
        "x",
        lambda A, x: (B := A * (s := softmax(A @ x))[:, None]) is not None and A.T @ B - np.outer(g := s @ A, g),
        order=2,
    ),
    Case(
        "sum(exp(x)) + x @ A @ x",
        "x: n; A: n n",
        "x",
        lambda x, A: (H := A + A.T) is not None and (H.reshape(-1)[:: len(x) + 1].__iadd__(np.exp(x)), H)[-1],
        {"n": 600},
        order=2,
    ),
]

LOSSES = [
    Case("sum(softplus(-y * (X @ w)))", "X: n d; y: n; w: d", "w", lambda X, y, w: (-y * sigmoid(-y * (X @ w))) @ X, {"n": 6000}),
    Case(
        "sum(softplus(-y * (X @ w)))",
        "X: n d; y: n; w: d",
        "w",
        lambda X, y, w: (s := sigmoid(y * (X @ w))) is not None and (X * (y * y * s * (1 - s))[:, None]).T @ X,
        {"n": 6000},
        order=2,
    ),
    Case(
        "-sum(Y * log(softmax(X @ W, axis=1)))",
        "X: n d; Y: n c; W: d c",
        "W",
        lambda X, Y, W: X.T @ (softmax(X @ W) * Y.sum(axis=1, keepdims=True) - Y),
        {"n": 3000},
    ),
    Case(
        "sum(maximum(0, 1 - y * (X @ w))) + lam * w @ w",
        "X: n d; y: n; w: d; lam: +",
        "w",
        lambda X, y, w, lam: (-y * (y * (X @ w) < 1)) @ X + 2 * lam * w,
        {"n": 6000},
    ),
    Case(
        "sum((X @ w - y)**2) / n + lam * sum(abs(w))",
        "X: n d; y: n; w: d; lam: +",
        "w",
        lambda X, y, w, lam: (2 / len(y) * (X @ w - y)) @ X + lam * np.sign(w),
        {"n": 6000},
    ),
    Case("sum(exp(X @ w) - y * (X @ w))", "X: n k; y: n; w: k", "w", lambda X, y, w: (np.exp(X @ w) - y) @ X, {"n": 20000}),
    Case("sum(relu(X @ W + b) @ w)", "X: n d; W: d h; b: h; w: h", "W", lambda X, W, b, w: X.T @ ((X @ W + b > 0) * w), {"n": 3000}),
    Case(
        "sum((tanh(X @ W) @ V - Y)**2)",
        "X: n d; W: d h; V: h c; Y: n c",
        "W",
        lambda X, W, V, Y: (H := np.tanh(X @ W)) is not None and X.T @ ((2 * (H @ V - Y)) @ V.T * (1 - H * H)),
        {"n": 3000},
    ),
    Case("sum(V * layer_norm(X))", "X: n d; V: n d", "X", layer_norm, {"n": 3000}),
    Case(
        "sum(softmax(Q @ K.T, axis=1) @ V) + sum((softmax(Q @ K.T, axis=1) @ V)**2)",
        "Q: n d; K: m d; V: m d",
        "Q",
        lambda Q, K, V: (lambda P: (dP := (2 * (P @ V) + 1) @ V.T) is not None and (P * (dP - np.sum(dP * P, axis=1, keepdims=True))) @ K)(
            softmax(Q @ K.T)
        ),
    ),
    Case("sum((softmax(Q @ K.T, axis=1) @ V)**2)", "Q: n d; K: m d; V: m d", "Q", attention),
    Case(
        "(x @ y) / (norm(x) * norm(y))",
        "x: n; y: n",
        "x",
        lambda x, y: (r := 1 / np.sqrt(x @ x)) is not None and (r / np.sqrt(y @ y)) * (y - (x @ y * r * r) * x),
        LONG,
    ),
    Case("sum(var(X, axis=0))", "X: n d", "X", lambda X: 2 / len(X) * (X - X.mean(axis=0)), {"n": 3000}),
    Case("sum(sqrt(sum(W**2, axis=1)))", "W: n d", "W", lambda W: W / np.sqrt(np.einsum("nd,nd->n", W, W))[:, None], {"n": 3000}),
    Case("sum(a * log(a / b))", "a: n +; b: n +", "a", lambda a, b: np.log(a / b) + 1, LONG),
    Case("sum(log_sigmoid(x) * y)", "x: n; y: n", "x", lambda x, y: y * sigmoid(-x), LONG),
    Case("sum(1 / (1 + exp(-(X @ W))))", "X: n d; W: d h", "W", lambda X, W: X.T @ ((s := sigmoid(X @ W)) * (1 - s)), {"n": 3000}),
    Case(
        "sum(X @ W * (1 / (1 + exp(-(X @ W)))))",
        "X: n d; W: d h",
        "W",
        lambda X, W: (Z := X @ W) is not None and X.T @ ((s := sigmoid(Z)) * (1 + Z * (1 - s))),
        {"n": 3000},
    ),
    Case("sum((S @ X @ W)**2)", "S: n n; X: n d; W: d h", "W", lambda S, X, W: 2 * (A := S @ X).T @ (A @ W)),
    Case("sum(relu(S @ X @ W))", "S: n n; X: n d; W: d h", "X", lambda S, X, W: S.T @ ((S @ (X @ W) > 0) @ W.T)),
]

CONVOLUTIONS = [
    Case(
        "sum(conv2d(X, K)**2)",
        "X: b c s t; K: o c u w",
        "X",
        lambda X, K: by_kernel(2 * conv2d(X, K), K, X.shape),
        {"b": 4, "c": 3, "s": 24, "t": 24, "o": 4, "u": 3, "w": 3},
    ),
    Case(
        "sum(conv2d(X, K)**2)",
        "X: b c s t; K: o c u w",
        "K",
        lambda X, K: np.tensordot(
            2 * conv2d(X, K), np.lib.stride_tricks.sliding_window_view(X, K.shape[2:], (2, 3)), ((0, 2, 3), (0, 2, 3))
        ),
        {"b": 4, "c": 3, "s": 24, "t": 24, "o": 4, "u": 3, "w": 3},
    ),
    Case(
        "sum(conv1d(X, K)**2)",
        "X: b c s; K: o c u",
        "X",
        lambda X, K: by_kernel_1d(2 * conv1d(X, K), K, X.shape),
        {"b": 8, "c": 4, "s": 100, "o": 6, "u": 5},
    ),
    Case(
        "sum(conv1d(X, K)**2)",
        "X: b c s; K: o c u",
        "K",
        lambda X, K: np.tensordot(2 * conv1d(X, K), np.lib.stride_tricks.sliding_window_view(X, K.shape[2], 2), ((0, 2), (0, 2))),
        {"b": 8, "c": 4, "s": 100, "o": 6, "u": 5},
    ),
]

MODELS = [*PAIRS, *MATRIX, *LOSSES, *CONVOLUTIONS]
