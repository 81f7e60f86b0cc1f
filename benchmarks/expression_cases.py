"""Expressions of vectors, matrices, sums along axes and picked rows, each with its derivative as a careful person writes it."""

import numpy as np
from expression_row import LONG, WIDE, Case, added, banded, reversed_sum, sigmoid, softmax, solved_low

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
    Case(
        "sum((X - X @ W @ W.T)**2)",
        "X: n d; W: d k",
        "W",
        lambda X, W: (lambda P: (R := X - P @ W.T) is not None and -2 * (X.T @ (R @ W) + R.T @ P))(X @ W),
        {"n": 3000},
    ),
    Case("sum((T - U @ V.T)**2)", "T: n m; U: n k; V: m k", "U", lambda T, U, V: 2 * ((U @ V.T - T) @ V), {"n": 800, "m": 600}),
    Case("sum((X.T @ X - S)**2)", "X: n d; S: d d spd", "X", lambda X, S: X @ (4 * (X.T @ X - S)), {"n": 4000}),
]

DIAGONAL = [
    Case("sum((diag(x) @ A @ diag(y))**2)", "x: n; A: n m; y: m", "x", lambda x, A, y: 2 * x * ((A * A) @ (y * y))),
    Case("sum((diag(x) @ A @ diag(y))**2)", "x: n; A: n m; y: m", "A", lambda x, A, y: A * (2 * x * x)[:, None] * (y * y)),
    Case("sum((X @ diag(a))**2)", "X: n m; a: m", "a", lambda X, a: 2 * a * np.einsum("ij,ij->j", X, X)),
    Case("sum((X @ diag(a))**2)", "X: n m; a: m", "X", lambda X, a: X * (2 * a * a)),
    Case(
        "sum(tanh(X @ diag(a) @ W))",
        "X: n d; a: d; W: d h",
        "a",
        lambda X, a, W: np.einsum("nd,nd->d", X, (1 - np.tanh((X * a) @ W) ** 2) @ W.T),
        {"n": 3000},
    ),
    Case(
        "logdet(A.T @ diag(exp(x)) @ A)",
        "A: n d; x: n",
        "x",
        lambda A, x: np.einsum("nd,nd->n", B := A * np.exp(x)[:, None], np.linalg.solve(A.T @ B, A.T).T),
        {"n": 600},
    ),
    Case(
        "logdet(A.T @ diag(exp(x)) @ A)",
        "A: n d; x: n",
        "A",
        lambda A, x: 2 * np.linalg.solve(A.T @ (B := A * np.exp(x)[:, None]), B.T).T,
        {"n": 600},
    ),
    Case(
        "sum((A.T @ diag(x) @ A)**2)",
        "A: n d; x: n",
        "x",
        lambda A, x: np.einsum("nd,nd->n", A @ (2 * (A.T @ (A * x[:, None]))), A),
        {"n": 600},
    ),
    Case("trace(A @ diag(x) @ B)", "A: m n; x: n; B: n m", "x", lambda A, B: np.einsum("mn,nm->n", A, B)),
    Case("sum(diag(A)**2)", "A: n n", "A", lambda A: np.diag(2 * np.diagonal(A))),
    Case("logdet(diag(x))", "x: n +", "x", lambda x: 1 / x),
    Case("sum(inv(diag(x)))", "x: n +", "x", lambda x: -1 / (x * x)),
    Case("b @ solve(diag(x), b)", "x: n +; b: n", "x", lambda x, b: -np.square(b / x)),
    Case(
        "logdet(diag(a) + U @ U.T)",
        "a: n +; U: n k",
        "a",
        lambda a, U: 1 / a - np.einsum("nk,kn->n", V := U / a[:, None], np.linalg.solve(np.eye(U.shape[1]) + U.T @ V, V.T)),
    ),
    Case(
        "logdet(diag(a) + U @ U.T)",
        "a: n +; U: n k",
        "U",
        lambda a, U: 2 * solved_low(a, U, U) if False else 2 * np.linalg.solve(np.eye(U.shape[1]) + U.T @ (V := U / a[:, None]), V.T).T,
    ),
    Case("b @ solve(diag(a) + U @ U.T, b)", "a: n +; U: n k; b: n", "b", lambda a, U, b: 2 * solved_low(a, U, b)),
    Case("b @ solve(diag(a) + U @ U.T, b)", "a: n +; U: n k; b: n", "a", lambda a, U, b: -np.square(solved_low(a, U, b))),
    Case("sum(((eye(n) - ones((n, n))/n) @ X)**2)", "X: n d", "X", lambda X: 2 * (X - X.mean(axis=0))),
    Case(
        "sum(((eye(n) - 2*outer(u, u)) @ X)**2)",
        "X: n d; u: n",
        "X",
        lambda X, u: (R := X - 2 * np.outer(u, u @ X)) is not None and 2 * R - 4 * np.outer(u, u @ R),
    ),
    Case(
        "sum(((eye(n) - 2*outer(u, u)) @ X)**2)",
        "X: n d; u: n",
        "u",
        lambda X, u: (R := X - 2 * np.outer(u, p := u @ X)) is not None and -4 * (R @ p + X @ (u @ R)),
    ),
    Case("sum((X - mean(X, axis=0))**2)", "X: n d", "X", lambda X: 2 * (X - X.mean(axis=0)), {"n": 3000}),
    Case(
        "sum(((A + outer(u, w)) @ x)**2)",
        "A: n m; u: n; w: m; x: m",
        "x",
        lambda A, u, w, x: 2 * ((r := A @ x + u * (w @ x)) @ A + (u @ r) * w),
        WIDE,
    ),
    Case("sum(((A + outer(u, w)) @ x)**2)", "A: n m; u: n; w: m; x: m", "u", lambda A, u, w, x: 2 * (w @ x) * (A @ x + u * (w @ x)), WIDE),
    Case("norm(A - outer(x, y))**2", "A: n m; x: n; y: m", "x", lambda A, x, y: 2 * (x * (y @ y) - A @ y), WIDE),
    Case("norm(A - outer(x, y))**2", "A: n m; x: n; y: m", "A", lambda A, x, y: 2 * (A - np.outer(x, y)), WIDE),
    Case(
        "trace(X.T @ (diag(sum(A, axis=1)) - A) @ X)", "A: n n; X: n d", "X", lambda A, X: 2 * A.sum(axis=1)[:, None] * X - A @ X - A.T @ X
    ),
    Case("sum((kron(A, B))**2)", "A: n h; B: p q", "A", lambda A, B: A * (2 * np.vdot(B, B))),
    Case(
        "sum((kron(A, B) @ x)**2)",
        "A: p q; B: n h; x: q*h",
        "x",
        lambda A, B, x: 2 * (A.T @ (A @ x.reshape(A.shape[1], -1) @ B.T) @ B).ravel(),
    ),
    Case("sum((kron(A, B) @ x)**2)", "A: p q; B: n h; x: q*h", "A", lambda A, B, x: 2 * (A @ (Z := x.reshape(A.shape[1], -1) @ B.T)) @ Z.T),
]

SCANS = [
    Case("sum(cumsum(x)**2)", "x: n", "x", lambda x: 2 * reversed_sum(np.cumsum(x)), {"n": 2000}),
    Case("sum(cumsum(X, axis=1)**2)", "X: d n", "X", lambda X: 2 * reversed_sum(np.cumsum(X, 1), 1)),
    Case("sum(cumsum(X, axis=0)**2)", "X: n d", "X", lambda X: 2 * reversed_sum(np.cumsum(X, 0), 0)),
    Case("sum(exp(cumsum(x)) * y)", "x: n; y: n", "x", lambda x, y: reversed_sum(y * np.exp(np.cumsum(x))), {"n": 1000}),
    Case("sum(y * log(cumsum(exp(x))))", "x: n; y: n", "x", lambda x, y: (e := np.exp(x)) * reversed_sum(y / np.cumsum(e)), {"n": 1000}),
    Case("sum((tril(A) @ x)**2)", "A: n n; x: n", "x", lambda A, x: 2 * ((L := np.tril(A)).T @ (L @ x)), WIDE),
    Case("sum((tril(A) @ x)**2)", "A: n n; x: n", "A", lambda A, x: np.tril(np.outer(2 * (np.tril(A) @ x), x)), WIDE),
    Case("sum((triu(A) @ B)**2)", "A: n n; B: n c", "B", lambda A, B: 2 * ((U := np.triu(A)).T @ (U @ B))),
    Case(
        "sum((x[1:] - x[:-1])**2)",
        "x: n",
        "x",
        lambda x: (r := 2 * np.diff(x)) is not None and np.concatenate([-r[:1], r[:-1] - r[1:], r[-1:]]),
        LONG,
    ),
    Case(
        "sum((x[1:] - x[:-1])**2)",
        "x: n",
        "x",
        lambda x: banded(np.concatenate([[2.0], np.full(len(x) - 2, 4.0), [2.0]]), np.full(len(x) - 1, -2.0)),
        {"n": 1000},
        order=2,
    ),
    Case(
        "sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)",
        "x: n",
        "x",
        lambda x: (
            lambda r, g: (
                g.__setitem__(slice(1, None), 200 * r),
                g.__setitem__(slice(0, -1), g[:-1] - 400 * r * x[:-1] - 2 * (1 - x[:-1])),
                g,
            )[-1]
        )(x[1:] - x[:-1] ** 2, np.zeros_like(x)),
        LONG,
    ),
    Case(
        "sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)",
        "x: n",
        "x",
        lambda x: banded(np.append(1200 * x[:-1] ** 2 - 400 * x[1:] + 2, 0) + np.append(0, np.full(len(x) - 1, 200.0)), -400 * x[:-1]),
        {"n": 500},
        order=2,
    ),
    Case("sum(x[:-1] * x[1:])", "x: n", "x", lambda x: banded(np.zeros_like(x), np.ones(len(x) - 1)), {"n": 500}, order=2),
    Case(
        "sum(sin(x[:-1]) * x[1:]**2)",
        "x: n",
        "x",
        lambda x: banded(np.append(-np.sin(x[:-1]) * x[1:] ** 2, 0) + np.append(0, 2 * np.sin(x[:-1])), 2 * np.cos(x[:-1]) * x[1:]),
        {"n": 500},
        order=2,
    ),
    Case("sum((concatenate([A, B]) @ x)**2)", "A: n m; B: n m; x: m", "x", lambda A, B, x: 2 * ((A @ x) @ A + (B @ x) @ B), WIDE),
    Case("sum((concatenate([A, B]) @ x)**2)", "A: n m; B: n m; x: m", "A", lambda A, x: np.outer(2 * (A @ x), x), WIDE),
]

PICKED = [
    Case("sum((one_hot(at, v) @ E)**2)", "at: n <v; E: v d", "E", lambda at, E: added(2 * E[at], at, len(E)), {"n": 800}),
    Case("sum(E[at]**2)", "at: n <v; E: v d", "E", lambda at, E: added(2 * E[at], at, len(E)), {"n": 800}),
    Case(
        "sum(tanh(E[at] @ W))",
        "at: n <v; E: v d; W: d h",
        "E",
        lambda at, E, W: added((1 - np.tanh(E[at] @ W) ** 2) @ W.T, at, len(E)),
        {"n": 800},
    ),
    Case(
        "-sum(one_hot(at, c) * log_softmax(X @ W, axis=1))",
        "at: n <c; X: n d; W: d c",
        "W",
        lambda at, X, W: (P := softmax(X @ W)) is not None and (P.__setitem__((a := np.arange(len(X)), at), P[a, at] - 1), X.T @ P)[-1],
        {"n": 3000},
    ),
    Case(
        "-sum(log_softmax(X @ W, axis=1)[arange(n), at])",
        "at: n <c; X: n d; W: d c",
        "W",
        lambda at, X, W: (P := softmax(X @ W)) is not None and (P.__setitem__((a := np.arange(len(X)), at), P[a, at] - 1), X.T @ P)[-1],
        {"n": 3000},
    ),
    Case(
        "-sum(log_sigmoid(sum(U[at] * V[bt], axis=1)))",
        "at: n <v; bt: n <v; U: v d; V: v d",
        "U",
        lambda at, bt, U, V: added(-sigmoid(-np.einsum("nd,nd->n", U[at], w := V[bt]))[:, None] * w, at, len(U)),
        {"n": 800},
    ),
    Case(
        "sum(y @ (one_hot(at, m).T @ X)**2)",
        "at: n <m; X: n d; y: m",
        "X",
        lambda at, X, y: (2 * y[:, None] * added(X, at, len(y)))[at],
        {"n": 800},
    ),
    Case(
        "sum((sum(U[at] * V[bt], axis=1) - y)**2)",
        "at: n <v; bt: n <v; U: v k; V: v k; y: n",
        "V",
        lambda at, bt, U, V, y: added(2 * (np.einsum("nk,nk->n", u := U[at], V[bt]) - y)[:, None] * u, bt, len(V)),
        {"n": 3000},
    ),
]

ALGEBRA = [*QUADRATIC, *DIAGONAL, *SCANS, *PICKED]
