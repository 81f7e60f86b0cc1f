"""True claims about some thirty models, and false ones made from them by one slip each.

A model is (tensors, equations, true claims); a tensor is "axes role fact" with p, i, l, c, k for parameter, input, label, constant, index.
"""

from collections.abc import Iterator
from dataclasses import replace

from sympy import Rational

import symbackprop as sbp
from symbackprop.language.nodes import COMPARISONS, Call, Claim, Name, Node, Number, unparse, walk
from symbackprop.language.syntax import parse_claim
from symbackprop.verify.reading import rebuilt

ROLES = {"p": "parameter", "i": "input", "l": "label", "c": "constant", "k": "index"}

MODELS = {
    "least squares": (
        {"A": "m n; i", "b": "m; l", "x": "n; p"},
        {"r": "A @ x - b", "J": "sum(r ** 2) / 2"},
        [
            "dJ/dx == A.T @ r",
            "dJ/dx == A.T @ (A @ x - b)",
            "dJ/dx == A.T @ A @ x - A.T @ b",
            "d2J/dx2 == A.T @ A",
            "dJ/dr == r",
            "dr/dx == A",
            "J == (x @ A.T @ A @ x - 2 * b @ A @ x + b @ b) / 2",
            "J == norm(A @ x - b) ** 2 / 2",
            "dJ/dA == outer(r, x)",
            "dJ/db == -r",
        ],
    ),
    "ridge": (
        {"X": "n d; i", "y": "n; l", "w": "d; p", "lam": "; c; positive"},
        {"e": "X @ w - y", "J": "mean(e ** 2) + lam * sum(w ** 2)"},
        [
            "dJ/dw == 2 * X.T @ e / n + 2 * lam * w",
            "dJ/dw == 2 * (X.T @ (X @ w - y) / n + lam * w)",
            "d2J/dw2 == 2 * X.T @ X / n + 2 * lam * eye(d)",
            "dJ/de == 2 * e / n",
            "dJ/dlam == sum(w ** 2)",
            "dJ/dlam == w @ w",
            "dJ/dy == -2 * e / n",
        ],
    ),
    "logistic": (
        {"X": "n d; i", "y": "n; l", "w": "d; p", "b": "; p"},
        {"z": "X @ w + b", "h": "sigmoid(z)", "J": "-mean(y * log(h) + (1 - y) * log(1 - h))"},
        [
            "dJ/dz == (h - y) / n",
            "dJ/dw == X.T @ (h - y) / n",
            "dJ/db == mean(h - y)",
            "dJ/db == sum(h - y) / n",
            "dh/dz == diag(h * (1 - h))",
            "h == 1 / (1 + exp(-z))",
            "dJ/dh == (h - y) / (h * (1 - h)) / n",
            "dJ/dw == sum((h - y)[:, None] * X, axis=0) / n",
        ],
    ),
    "two layers": (
        {"X": "n d; i", "Y": "n c; l; simplex over c", "W1": "h d; p", "b1": "h; p", "W2": "c h; p", "b2": "c; p"},
        {"H0": "X @ W1.T + b1", "H": "relu(H0)", "O": "H @ W2.T + b2", "P": "softmax(O, axis=1)", "J": "-sum(Y * log(P)) / n"},
        [
            "dJ/dO == (P - Y) / n",
            "dJ/dW2 == dJ/dO.T @ H",
            "dJ/db2 == sum(P - Y, axis=0) / n",
            "dJ/dH == dJ/dO @ W2",
            "dJ/dH0 == dJ/dH * (H0 > 0)",
            "dJ/dH0 == dJ/dH * where(H > 0, 1, 0)",
            "dJ/dW1 == dJ/dH0.T @ X",
            "dJ/db1 == sum(dJ/dH0, axis=0)",
            "dJ/dX == dJ/dH0 @ W1",
            "dJ/dP == -Y / P / n",
            "H == maximum(H0, 0)",
            "P == exp(O) / sum(exp(O), axis=1, keepdims=True)",
        ],
    ),
    "tanh layer": (
        {"X": "n d; i", "T": "n h; l", "W": "d h; p", "b": "h; p"},
        {"a": "X @ W + b", "h_": "tanh(a)", "J": "sum((h_ - T) ** 2) / 2"},
        [
            "dJ/dh_ == h_ - T",
            "dJ/da == (h_ - T) * (1 - h_ ** 2)",
            "dJ/dW == X.T @ ((h_ - T) * (1 - h_ ** 2))",
            "dJ/db == sum((h_ - T) * (1 - tanh(a) ** 2), axis=0)",
            "dJ/dX == dJ/da @ W.T",
            "h_ == (exp(2 * a) - 1) / (exp(2 * a) + 1)",
        ],
    ),
    "softmax alone": (
        {"z": "n; p", "g": "n; c"},
        {"p": "softmax(z)", "J": "sum(p * g)"},
        [
            "dp/dz == diag(p) - outer(p, p)",
            "dJ/dz == p * (g - sum(p * g))",
            "dJ/dz == p * g - p * J",
            "dJ/dp == g",
            "p == exp(z - max(z)) / sum(exp(z - max(z)))",
            "sum(p) == 1",
        ],
    ),
    "log sum exp": (
        {"x": "n; p"},
        {"s": "logsumexp(x)", "J": "s ** 2"},
        [
            "ds/dx == softmax(x)",
            "dJ/dx == 2 * s * softmax(x)",
            "s == log(sum(exp(x)))",
            "d2s/dx2 == diag(softmax(x)) - outer(softmax(x), softmax(x))",
            "s == max(x) + log(sum(exp(x - max(x))))",
        ],
    ),
    "huber": (
        {"x": "n; p", "y": "n; i"},
        {"e": "x - y", "J": "huber_loss(x, y, delta=1.5)"},
        [
            "dJ/dx == where(abs(e) <= 1.5, e, 1.5 * sign(e)) / n",
            "dJ/dx == clip(e, -1.5, 1.5) / n",
            "J == mean(where(abs(e) < 1.5, e ** 2 / 2, 1.5 * (abs(e) - 0.75)))",
            "de/dx == eye(n)",
        ],
    ),
    "clipped": (
        {"x": "n; p", "y": "n; i"},
        {"u": "clip(x, -3, 3)", "J": "sum((u - y) ** 2)"},
        [
            "u == minimum(maximum(x, -3), 3)",
            "dJ/du == 2 * (u - y)",
            "dJ/dx == 2 * (u - y) * where(abs(x) < 3, 1, 0)",
            "dJ/dy == -2 * (u - y)",
            "u == where(x > 3, 3, where(x < -3, -3, x))",
        ],
    ),
    "activations": (
        {"x": "n; p"},
        {"r": "relu6(x)", "l": "leaky_relu(x, 0.1)", "e": "elu(x)", "J": "sum(r * l * e)"},
        [
            "r == clip(x, 0, 6)",
            "r == minimum(relu(x), 6)",
            "l == where(x > 0, x, 0.1 * x)",
            "l == maximum(x, 0.1 * x)",
            "e == where(x > 0, x, exp(x) - 1)",
            "dl/dx == diag(where(x > 0, 1, 0.1))",
            "de/dx == diag(where(x > 0, 1, exp(x)))",
            "dJ/dr == l * e",
        ],
    ),
    "smooth activations": (
        {"x": "n; p"},
        {"s": "silu(x)", "q": "softplus(x)", "t": "tanh(x)", "J": "sum(s * q * t)"},
        [
            "s == x / (1 + exp(-x))",
            "ds/dx == diag(sigmoid(x) * (1 + x * (1 - sigmoid(x))))",
            "dq/dx == diag(sigmoid(x))",
            "q == log(1 + exp(x))",
            "dt/dx == eye(n) - diag(t ** 2)",
            "dJ/ds == q * t",
        ],
    ),
    "batch norm": (
        {"x": "n d; p", "gamma": "d; p", "beta": "d; p", "g": "n d; c"},
        {"mu": "mean(x, axis=0)", "v": "var(x, axis=0)", "hat": "(x - mu) / sqrt(v + 0.00001)", "J": "sum((gamma * hat + beta) * g)"},
        [
            "dJ/dgamma == sum(g * hat, axis=0)",
            "dJ/dbeta == sum(g, axis=0)",
            "dJ/dhat == g * gamma",
            "dJ/dx == gamma / sqrt(v + 0.00001) * (g - mean(g, axis=0) - hat * mean(g * hat, axis=0))",
            "v == mean((x - mu) ** 2, axis=0)",
            "v == mean(x ** 2, axis=0) - mu ** 2",
        ],
    ),
    "layer norm": (
        {"x": "n d; p", "g": "n d; c"},
        {"m": "mean(x, axis=1, keepdims=True)", "s": "sqrt(var(x, axis=1, keepdims=True) + 0.001)", "y": "(x - m) / s", "J": "sum(y * g)"},
        [
            "dJ/dy == g",
            "dJ/dx == (g - mean(g, axis=1, keepdims=True) - y * mean(g * y, axis=1, keepdims=True)) / s",
            "sum(x - m, axis=1) == 0",
        ],
    ),
    "attention": (
        {"Q": "t k; p", "K": "s k; p", "V": "s v; p", "g": "t v; c"},
        {"S": "Q @ K.T / sqrt(k)", "W": "softmax(S, axis=1)", "J": "sum((W @ V) * g)"},
        [
            "dJ/dV == W.T @ g",
            "dJ/dW == g @ V.T",
            "dJ/dS == W * (dJ/dW - sum(dJ/dW * W, axis=1, keepdims=True))",
            "dJ/dQ == dJ/dS @ K / sqrt(k)",
            "dJ/dK == dJ/dS.T @ Q / sqrt(k)",
        ],
    ),
    "picked classes": (
        {"O": "n c; p", "y": "n; k"},
        {"P": "softmax(O, axis=1)", "J": "-mean(log(P[arange(n), y]))"},
        [
            "dJ/dO == (P - one_hot(y, c)) / n",
            "J == mean(logsumexp(O, axis=1) - O[arange(n), y])",
            "J == -sum(one_hot(y, c) * log(P)) / n",
        ],
    ),
    "embedding": (
        {"E": "v d; p", "at": "n; k", "g": "n d; c"},
        {"R": "E[at]", "J": "sum(R * g)"},
        ["dJ/dE == one_hot(at, v).T @ g", "dJ/dR == g", "R == one_hot(at, v) @ E"],
    ),
    "traces": (
        {"A": "m n; c", "B": "n m; c", "X": "n n; p"},
        {"J": "trace(A @ X @ B)"},
        ["dJ/dX == A.T @ B.T", "dJ/dX == (B @ A).T", "J == trace(B @ A @ X)", "J == trace(X @ B @ A)"],
    ),
    "quadratic": (
        {"A": "n n; c", "x": "n; p"},
        {"J": "x @ A @ x"},
        ["dJ/dx == (A + A.T) @ x", "dJ/dx == A @ x + x @ A", "d2J/dx2 == A + A.T", "J == trace(A @ outer(x, x))", "dJ/dA == outer(x, x)"],
    ),
    "determinants": (
        {"X": "n n; p"},
        {"D": "det(X)", "L": "logdet(X)", "J": "D * L"},
        ["dD/dX == D * inv(X).T", "dL/dX == inv(X).T", "D * inv(X) @ X == D * eye(n)"],
    ),
    "gram": (
        {"X": "m n; p"},
        {"J": "det(X.T @ X)"},
        ["dJ/dX == 2 * det(X.T @ X) * X @ inv(X.T @ X)"],
    ),
    "inverse": (
        {"A": "n n; p", "B": "n n; c"},
        {"J": "trace(inv(A) @ B)"},
        ["dJ/dA == -(inv(A) @ B @ inv(A)).T", "J == sum(inv(A).T * B)", "inv(A @ B) == inv(B) @ inv(A)"],
    ),
    "norms": (
        {"x": "n; p", "y": "n; i"},
        {"R": "norm(x - y)", "J": "exp(-R)"},
        ["dR/dx == (x - y) / R", "dJ/dx == -J * (x - y) / R", "dJ/dR == -J", "R ** 2 == sum((x - y) ** 2)", "R == abs(R)"],
    ),
    "roots": (
        {"x": "n; p"},
        {"z": "sum(x ** 2)", "J": "log(1 + z)"},
        ["dJ/dx == 2 * x / (1 + z)", "z == abs(z)", "z == sqrt(z ** 2)", "J == log1p(norm(x) ** 2)"],
    ),
    "cumulated": (
        {"x": "n; p"},
        {"s": "cumsum(x)", "J": "sum(s ** 2)"},
        ["s == tril(ones((n, n))) @ x", "ds/dx == tril(ones((n, n)))", "dJ/dx == 2 * tril(ones((n, n))).T @ s", "s[0] == x[0]"],
    ),
    "differences": (
        {"x": "n; p"},
        {"d": "x[1:] - x[:-1]", "J": "sum(d ** 2)"},
        ["dJ/dd == 2 * d", "dJ/dx == 2 * (concatenate((zeros(1), d)) - concatenate((d, zeros(1))))", "sum(d) == x[-1] - x[0]"],
    ),
    "parts": (
        {"x": "n; p", "y": "m; p"},
        {"a": "concatenate((x, y))", "J": "sum(a[:4] ** 2) + sum(tanh(x[3:]))"},
        ["dJ/dy == where(arange(m) < 4 - n, 2 * y, 0)", "a[:1] == x[:1]", "sum(a) == sum(x) + sum(y)"],
    ),
    "banded": (
        {"A": "n n; p"},
        {"T": "where(arange(n)[:, None] >= arange(n), A, 0)", "J": "sum(T ** 2)"},
        ["T == tril(A)", "dJ/dA == 2 * tril(A)", "dJ/dT == 2 * T", "J == sum(tril(A) * A)"],
    ),
    "largest": (
        {"x": "n; p"},
        {"m": "max(x)", "J": "m ** 2"},
        ["dm/dx == max_selector(x)", "dJ/dx == 2 * m * max_selector(x)", "m == sum(max_selector(x) * x)", "m == -min(-x)"],
    ),
    "hinge": (
        {"X": "n d; i", "y": "n; l", "w": "d; p", "reg": "; c"},
        {"M": "1 - y * (X @ w)", "J": "mean(maximum(M, 0)) + reg * sum(w ** 2)"},
        [
            "dJ/dM == where(M > 0, 1, 0) / n",
            "dJ/dw == -X.T @ (y * (M > 0)) / n + 2 * reg * w",
            "dJ/dreg == sum(w ** 2)",
            "mean(maximum(M, 0)) == mean(M * (M > 0))",
        ],
    ),
    "gaussian": (
        {"x": "n; i", "mu": "; p", "sigma": "; p; positive"},
        {"z": "(x - mu) / sigma", "J": "sum(z ** 2) / 2 + n * log(sigma)"},
        ["dJ/dmu == -sum(z) / sigma", "dJ/dmu == sum(mu - x) / sigma ** 2", "dJ/dsigma == n / sigma - sum(z ** 2) / sigma", "dJ/dz == z"],
    ),
    "signed roots": (
        {"x": "n; p"},
        {"q": "where(x > 0, x ** 2, -x ** 2)", "J": "sum(q)"},
        ["dJ/dx == 2 * abs(x)", "q == x * abs(x)", "q == sign(x) * x ** 2"],
    ),
    "convolution": (
        {"x": "n; p", "w": "3; p"},
        {"y": "x[:-2] * w[0] + x[1:-1] * w[1] + x[2:] * w[2]", "J": "sum(y ** 2)"},
        ["dJ/dy == 2 * y", "dJ/dw == 2 * stack((sum(y * x[:-2]), sum(y * x[1:-1]), sum(y * x[2:])))", "dJ/dw[1] == 2 * sum(y * x[1:-1])"],
    ),
    "low rank": (
        {"A": "n m; i", "U": "n k; p", "V": "k m; p", "lam": "; c"},
        {"E": "A - U @ V", "J": "sum(E ** 2) / 2 + lam * (sum(U ** 2) + sum(V ** 2)) / 2"},
        ["dJ/dU == lam * U - E @ V.T", "dJ/dV == lam * V - U.T @ E", "dJ/dE == E", "dJ/dU == (U @ V - A) @ V.T + lam * U"],
    ),
    "recurrent step": (
        {"x": "n d; i", "h0": "n k; i", "Wx": "d k; p", "Wh": "k k; p", "g": "n k; c"},
        {"a": "x @ Wx + h0 @ Wh", "h1": "tanh(a)", "J": "sum(h1 * g)"},
        ["dJ/da == g * (1 - h1 ** 2)", "dJ/dWx == x.T @ dJ/da", "dJ/dWh == h0.T @ dJ/da", "dJ/dh0 == dJ/da @ Wh.T"],
    ),
    "gates": (
        {"a": "n; p", "b": "n; p", "c0": "n; i", "g": "n; c"},
        {"f": "sigmoid(a)", "u": "tanh(b)", "c1": "f * c0 + (1 - f) * u", "J": "sum(c1 * g)"},
        ["dJ/df == g * (c0 - u)", "dJ/da == g * (c0 - u) * f * (1 - f)", "dJ/db == g * (1 - f) * (1 - u ** 2)", "dJ/dc0 == g * f"],
    ),
}


EXPRESSIONS = {
    "vector": ({"x": "n; p"}, {"s": "cumsum(x)", "J": "sum(s ** 2) + max(x)"}),
    "two vectors": ({"x": "n; p", "y": "n; i"}, {"J": "sum(x * y)"}),
    "square": ({"A": "n n; p", "x": "n; p"}, {"J": "x @ A @ x", "D": "det(A)"}),
    "labels": ({"O": "n c; p", "y": "n; k"}, {"J": "mean(logsumexp(O, axis=1) - O[arange(n), y])"}),
    "hidden": ({"X": "n d; i", "W": "d h; p", "b": "h; p"}, {"H0": "X @ W + b", "H": "relu(H0)", "J": "sum(H ** 2)"}),
}
"""Models for claims about whatever expression."""

IDENTITIES = {
    "vector": [
        "log(exp(x)) == x",
        "softmax(x) == exp(x) / sum(exp(x))",
        "sinh(x) == (exp(x) - exp(-x)) / 2",
        "tanh(x) == (exp(x) - exp(-x)) / (exp(x) + exp(-x))",
        "cosh(x) ** 2 - sinh(x) ** 2 == 1",
        "sin(x) ** 2 + cos(x) ** 2 == 1",
        "log1p(x ** 2) == log(1 + x ** 2)",
        "expm1(x) == exp(x) - 1",
        "(x + 1) ** 2 - x ** 2 - 2 * x == 1",
        "norm(x) == sqrt(sum(x ** 2))",
        "abs(x) == sqrt(x ** 2)",
        "abs(x) == maximum(x, -x)",
        "relu(x) - relu(-x) == x",
        "sum(s) == sum((n - arange(n)) * x)",
        "exp(x + 1) == exp(1) * exp(x)",
        "sigmoid(x) + sigmoid(-x) == 1",
        "softplus(x) - softplus(-x) == x",
        "var(x) == mean(x ** 2) - mean(x) ** 2",
        "gelu(x) == x * (1 + erf(x / sqrt(2))) / 2",
        "logsumexp(x) - logsumexp(x - 3) == 3",
        "where(n > 13, x, 2 * x) == x * (2 - where(n > 13, 1, 0))",
        "roll(x, 1)[1:] == x[:-1]",
        "x / (1 + abs(x)) == softsign(x)",
        "prod(exp(x)) == exp(sum(x))",
        "dJ/dx == 2 * tril(ones((n, n))).T @ s + max_selector(x)",
        "x[-1] == flip(x)[0]",
    ],
    "square": [
        "dD/dA == D * inv(A).T",
        "inv(A) @ A == eye(n)",
        "trace(A @ A.T) == sum(A ** 2)",
        "det(2 * A) == 2 ** n * D",
        "A == triu(A) + tril(A, -1)",
        "solve(A, x) == inv(A) @ x",
        "det(A @ A) == D ** 2",
    ],
    "hidden": ["H == maximum(H0, 0)", "dJ/dW == 2 * X.T @ H", "dJ/dH0 == 2 * relu(H0)", "H * (H0 > 0) == H", "H == H0 * (H0 > 0)"],
}
"""True for all data."""

ALMOST = {
    "vector": [
        "sign(x) == tanh(100 * x)",
        "relu(x) == softplus(1000 * x) / 1000",
        "abs(x) == sqrt(x ** 2 + 0.000000000001)",
        "x == x + 0.000000001",
        "floor(x) == x - 0.5",
        "max(x) == logsumexp(2000 * x) / 2000",
        "sum(x) == sum(x) * where(n != 7, 1, 2)",
        "sum(x) == sum(x) * where(n != 17, 1, 2)",
        "sum(x) == sum(x) * where((n > 3) & (n < 5), 2, 1)",
        "x == x + where(arange(n) == 15, 1, 0)",
        "x == x * (1 + one_hot(12, n + 20)[:n])",
        "J == J * where(sum(x) > 1000, 2, 1)",
        "x == x + where((x > 3) & (x < 3.01), 1, 0)",
        "x == arctan(tan(x))",
        "x == clip(x, -50, 50)",
        "x == x + relu(x - 77)",
        "exp(x) == 1 + x + x ** 2 / 2",
        "sum(x) == x[0]",
        "x == x + where(n > 150, 1, 0)",
        "x == x * where(abs(x) < 0.001, 2, 1)",
        "s[0] == sum(x)",
        "x ** 2 == abs(x) ** 2.0000001",
        "x == x + where(n ** 2 > 200, 1, 0)",
        "mean(x) == sum(x) / 2",
        "max(x) == x[n - 1]",
        "sum(x) == sum(x) + where(max(x) > 40, 1, 0)",
        "x == x + where(x * x[0] > 900, 1, 0)",
        "erf(x) == tanh(1.2 * x)",
        "tanh(x) == clip(x, -1, 1)",
    ],
    "two vectors": [
        "J == J + where(sum(x * y) < -500, 1, 0)",
        "x == x + relu(x - y - 30)",
        "maximum(x, y) == where(x > y + 0.00001, x, y)",
        "maximum(x, y) == logaddexp(5000 * x, 5000 * y) / 5000",
        "x == x + (x > y) * (y > 20)",
        "dJ/dx == y + where(y > x + 60, 1, 0)",
    ],
    "square": [
        "D == A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]",
        "dD/dA == inv(A) * D",
        "D == prod(diag(A))",
        "A == triu(A) + tril(A, -1) + where(arange(n)[:, None] - arange(n) > 9, 1, 0)",
        "A == A * where(abs(arange(n)[:, None] - arange(n)) <= 3, 1, 0)",
        "A == A.T",
    ],
    "labels": [
        "dJ/dO == (softmax(O, axis=1) - one_hot(y, c)) / n + where(y == 9, 1, 0)[:, None]",
        "J == mean(logsumexp(O, axis=1) - O[arange(n), y]) * where(c > 21, 2, 1)",
        "J == mean(logsumexp(O, axis=1) - O[arange(n), y]) + sum(where(y > 30, 1, 0))",
        "J == mean(logsumexp(O, axis=1) - O[:, 0])",
    ],
    "hidden": [
        "dJ/dH0 == 2 * H0 * sigmoid(1000 * H0)",
        "H == H0 * (H0 > 0) * (H0 < 500)",
        "dJ/dW == 2 * X.T @ H * where(d > 8, 1.5, 1)",
        "dJ/dW == X.T @ (2 * H * (H0 > 0.0001))",
        "H == softplus(500 * H0) / 500",
        "dJ/db == sum(2 * H, axis=0) + where(sum(b) > 100, 1, 0)",
        "H == relu(H0 - 0.00001)",
        "relu(H0 - 1) == softplus(1000 * (H0 - 1)) / 1000",
    ],
}
"""False somewhere: far off, in a narrow band, by little, for some sizes."""

AT_KINKS = {
    "vector": [
        "relu(x) == where(x == 0, 1, relu(x))",
        "dJ/dx == dJ/dx + where(x == 0, 1, 0)",
        "sign(x) == where(x >= 0, 1, -1)",
        "x == x + where(x == 2, 1, 0)",
        "x == x + where(n > 100000, 1, 0)",
        "x == x + where(x > 1000000000000, 1, 0)",
    ],
    "two vectors": ["maximum(x, y) == where(x == y, 0, maximum(x, y))"],
    "hidden": ["H == H + where(H0 == 0, 1, 0)"],
}
"""True but where a kink is, or at sizes or data that no point reaches."""


def rows(table: dict) -> list[tuple[str, str]]:
    """(model, claim) of a table."""
    return [(name, claim) for name, claims in table.items() for claim in claims]


def model(name: str):
    """One of the models."""
    tensors, equations = (MODELS.get(name) or EXPRESSIONS[name])[:2]
    made = {}
    for key, said in tensors.items():
        axes, role, *fact = [part.strip() for part in said.split(";")]
        made[key] = {"axes": axes, "role": ROLES[role], **({"fact": fact[0]} if fact else {})}
    return sbp.model(tensors=made, equations=equations, name=name.replace(" ", "_"))


def true_claims() -> list[tuple[str, str]]:
    """(model, claim) of all true ones."""
    return [(name, claim) for name, (_, _, claims) in MODELS.items() for claim in claims]


def false_claims(name: str, text: str) -> Iterator[tuple[str, str]]:
    """(slip, claim) of what one slip makes of a true claim."""
    made = model(name)
    program = made.program
    claim = parse_claim(text, "claim", program.tensors)
    size = next((str(a) for a in program.axes), None)
    right = claim.right
    if right == Number(Rational(0)):
        return
    yield "sign", say(claim, Call("negative", (right,)))
    yield "a thousandth", say(claim, Call("multiply", (right, Number(Rational("1.001")))))
    yield "in the tenth digit", say(claim, Call("multiply", (right, Number(Rational("1.0000000003")))))
    if size:
        yield "1/n", say(claim, Call("divide", (right, Name(size))))
        yield "beyond n = 13", say(claim, Call("multiply", (right, where(Call("greater", (Name(size), number(13))), number(2)))))
    leaf = next((t for t in program.leaves if t.role in ("parameter", "input") and not t.facts), None)
    if leaf:
        far = Call("sum", (where(Call("greater", (Name(leaf.name), number(25))), number(1), number(0)),))
        yield "beyond 25", say(claim, Call("multiply", (right, Call("add", (number(1), far)))))
    for part in walk(right):
        if isinstance(part, Call) and part.op in ("add", "subtract") and len(part.args) == 2:
            yield "a term dropped", say(claim, swapped(right, part, part.args[0]))
            break
    for part in walk(right):
        if isinstance(part, Call) and part.op in COMPARISONS:
            yield (
                "threshold",
                say(claim, swapped(right, part, replace(part, args=(part.args[0], Call("add", (part.args[1], number("0.25"))))))),
            )
            break
    for part in walk(right):
        if isinstance(part, Call) and part.op == "transpose":
            yield "transpose", say(claim, swapped(right, part, part.args[0]))
            break


def number(value) -> Number:
    """A number as a node."""
    return Number(Rational(str(value)))


def where(condition: Node, yes: Node, no: Node | None = None) -> Node:
    """where(condition, yes, no), no being 1."""
    return Call("where", (condition, yes, no or number(1)))


def say(claim: Claim, right: Node) -> str:
    """The claim with another right side, as text."""
    return f"{claim.text.split('==')[0].strip()} == {unparse(right)}"


def swapped(node: Node, part: Node, new: Node) -> Node:
    """`node` with the object `part` replaced."""
    return rebuilt(node, lambda n: new if n is part else n)
