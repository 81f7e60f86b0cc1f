"""Layers with forward and backward passes, all right; the tests plant one slip in each copy."""

# ruff: noqa: RUF059

import numpy as np


def affine_forward(x, W, b):
    out = x.dot(W) + b
    cache = (x, W, b)
    return out, cache


def affine_backward(dout, cache):
    x, W, b = cache
    dx = dout.dot(W.T)
    dW = x.T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dW, db


def dense_tanh(x, W, b):
    z = x @ W + b
    a = np.tanh(z)
    return a, (x, W, z, a)


def dense_tanh_backward(da, cache):
    x, W, z, a = cache
    dz = da * (1 - a**2)
    dW = x.T @ dz
    db = dz.sum(axis=0)
    dx = dz @ W.T
    return {"x": dx, "W": dW, "b": db}


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    std = np.sqrt(var + eps)
    xhat = (x - mu) / std
    out = gamma * xhat + beta
    return out, (x, mu, var, std, xhat, gamma, eps)


def batchnorm_backward(dout, cache):
    x, mu, var, std, xhat, gamma, eps = cache
    N = x.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + eps) ** -1.5, axis=0)
    dmu = np.sum(-dxhat / std, axis=0)
    dx = dxhat / std + dvar * 2 * (x - mu) / N + dmu / N
    return dx, dgamma, dbeta


def layernorm_forward(x, gamma, beta, eps=1e-5):
    mu = x.mean(axis=1, keepdims=True)
    var = x.var(axis=1, keepdims=True)
    inv = 1 / np.sqrt(var + eps)
    xhat = (x - mu) * inv
    return gamma * xhat + beta, (xhat, inv, gamma)


def layernorm_backward(dout, cache):
    xhat, inv, gamma = cache
    D = xhat.shape[1]
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    total = dxhat.sum(axis=1, keepdims=True)
    along = (dxhat * xhat).sum(axis=1, keepdims=True)
    dx = inv / D * (D * dxhat - total - xhat * along)
    return dx, dgamma, dbeta


def softmax_loss(scores, y):
    N = len(scores)
    shifted = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(N), y]).sum() / N
    dscores = p.copy()
    dscores[np.arange(N), y] -= 1
    dscores /= N
    return loss, dscores


def two_layer(X, y, W1, b1, W2, b2, reg):
    N = X.shape[0]
    h0 = X.dot(W1) + b1
    h = np.maximum(0, h0)
    scores = h.dot(W2) + b2
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(p[range(N), y]).mean() + 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
    grads = {}
    dscores = p.copy()
    dscores[range(N), y] -= 1
    dscores /= N
    grads["W2"] = h.T.dot(dscores) + reg * W2
    grads["b2"] = dscores.sum(axis=0)
    dh = dscores.dot(W2.T)
    dh[h0 <= 0] = 0
    grads["W1"] = X.T.dot(dh) + reg * W1
    grads["b1"] = dh.sum(axis=0)
    return loss, grads


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, b.shape[0]))
    prev = h0
    for t in range(T):
        prev = np.tanh(x[:, t].dot(Wx) + prev.dot(Wh) + b)
        h[:, t] = prev
    return h, (x, h0, Wx, Wh, h)


def rnn_backward(dh, cache):
    x, h0, Wx, Wh, h = cache
    N, T, D = x.shape
    dx, dWx, dWh = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh)
    db = np.zeros(Wh.shape[0])
    dprev = np.zeros_like(h0)
    for t in reversed(range(T)):
        total = dh[:, t] + dprev
        da = total * (1 - h[:, t] ** 2)
        before = h[:, t - 1] if t > 0 else h0
        dx[:, t] = da.dot(Wx.T)
        dWx += x[:, t].T.dot(da)
        dWh += before.T.dot(da)
        db += da.sum(axis=0)
        dprev = da.dot(Wh.T)
    dh0 = dprev
    return dx, dh0, dWx, dWh, db


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_step(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i, f = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H])
    o, g = sigmoid(a[:, 2 * H : 3 * H]), np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    tc = np.tanh(next_c)
    next_h = o * tc
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tc)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, tc = cache
    do = dnext_h * tc
    dc = dnext_c + dnext_h * o * (1 - tc**2)
    di = dc * g
    df = dc * prev_c
    dg = dc * i
    dprev_c = dc * f
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def attention(Q, K, V):
    scale = np.sqrt(Q.shape[1])
    S = Q @ K.T / scale
    E = np.exp(S - S.max(axis=1, keepdims=True))
    A = E / E.sum(axis=1, keepdims=True)
    O = A @ V
    return O, (Q, K, V, A, scale)


def attention_backward(dO, cache):
    Q, K, V, A, scale = cache
    dV = A.T @ dO
    dA = dO @ V.T
    dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))
    dQ = dS @ K / scale
    dK = dS.T @ Q / scale
    return dQ, dK, dV


def logistic_cost(theta, X, y, lam):
    m = y.size
    h = sigmoid(X @ theta)
    J = -(y @ np.log(h) + (1 - y) @ np.log(1 - h)) / m
    return J + lam / (2 * m) * np.sum(theta[1:] ** 2)


def logistic_gradient(theta, X, y, lam):
    m = y.size
    h = sigmoid(X @ theta)
    grad = X.T @ (h - y) / m
    grad[1:] += lam / m * theta[1:]
    return grad


def conv_forward(x, w, b):
    N, C, H, W = x.shape
    F = w.shape[0]
    out = np.zeros((N, F, H - 1, W - 1))
    for i in range(H - 1):
        for j in range(W - 1):
            out[:, :, i, j] = np.einsum("nchw,fchw->nf", x[:, :, i : i + 2, j : j + 2], w) + b
    return out, (x, w)


def conv_backward(dout, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    db = dout.sum(axis=(0, 2, 3))
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            g = dout[:, :, i, j]
            dw += np.einsum("nf,nchw->fchw", g, x[:, :, i : i + 2, j : j + 2])
            dx[:, :, i : i + 2, j : j + 2] += np.einsum("nf,fchw->nchw", g, w)
    return dx, dw, db


class Affine:
    """The layer as an object that keeps what it needs."""

    def __init__(self, W, b):
        self.W, self.b = W, b
        self.x = self.dW = self.db = None

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class Regression:
    """A network with parameters and gradients in dictionaries."""

    def __init__(self, n_in, n_hidden):
        self.params = {"W1": 0.1 * np.random.randn(n_in, n_hidden), "w2": np.zeros(n_hidden)}
        self.grads = {}

    def loss(self, X, t):
        W1, w2 = self.params["W1"], self.params["w2"]
        self.X, self.t = X, t
        self.h = sigmoid(X @ W1)
        self.out = self.h @ w2
        return 0.5 * np.mean((self.out - t) ** 2)

    def backward(self):
        delta = (self.out - self.t) / len(self.t)
        self.grads["w2"] = self.h.T @ delta
        dh = np.outer(delta, self.params["w2"])
        dz = dh * self.h * (1 - self.h)
        self.grads["W1"] = self.X.T @ dz
