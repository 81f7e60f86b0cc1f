"""Passes as people keep them: objects of objects, dictionaries of parameters, updates in place, scipy's fun, jac and hess."""

import numpy as np


class Dense:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW = self.db = None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


class Rectifier:
    def forward(self, x):
        self.off = x <= 0
        out = x.copy()
        out[self.off] = 0
        return out

    def backward(self, dout):
        dout[self.off] = 0
        dx = dout
        return dx


class SoftmaxLoss:
    def forward(self, x, t):
        self.t = t
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return -np.sum(t * np.log(self.p + 1e-7)) / len(x)

    def backward(self, dout=1):
        dx = (self.p - self.t) / len(self.t)
        return dx


class Classifier:
    def __init__(self, input_size, hidden_size, output_size):
        self.params = {
            "W1": 0.01 * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": 0.01 * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }
        self.first = Dense(self.params["W1"], self.params["b1"])
        self.second = Dense(self.params["W2"], self.params["b2"])
        self.layers = [self.first, Rectifier(), self.second]
        self.last = SoftmaxLoss()

    def loss(self, x, t):
        for layer in self.layers:
            x = layer.forward(x)
        return self.last.forward(x, t)

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.last.backward()
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        grads = {"W1": self.first.dW, "b1": self.first.db}
        grads["W2"] = self.second.dW
        grads["b2"] = self.second.db
        return grads


class Updating:
    def __init__(self, n_in, n_hidden):
        self.W1 = np.random.randn(n_in, n_hidden)
        self.W2 = np.random.randn(n_hidden, 1)

    def forward(self, X):
        self.z = X @ self.W1
        self.a = np.tanh(self.z)
        return self.a @ self.W2

    def cost(self, X, y):
        self.yhat = self.forward(X)
        return 0.5 * np.sum((y - self.yhat) ** 2)

    def backward(self, X, y):
        delta3 = -(y - self.yhat)
        dW2 = self.a.T @ delta3
        delta2 = delta3 @ self.W2.T * (1 - self.z**2)
        dW1 = X.T @ delta2
        self.W1 -= 0.1 * dW1
        self.W2 -= 0.1 * dW2


def loss_of(params, X, y):
    h = np.maximum(0, X @ params["W1"] + params["b1"])
    return np.mean((h @ params["W2"] - y) ** 2)


def gradients_of(params, X, y):
    h = np.maximum(0, X @ params["W1"] + params["b1"])
    dout = 2 * (h @ params["W2"] - y) / len(y)
    dh = np.outer(dout, params["W2"]) * (h > 0)
    return {"W2": h.T @ dout, "W1": X.T @ dh, "b1": dh.sum(axis=0)}


def banana(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def banana_jac(x):
    der = np.zeros_like(x)
    der[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    der[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return der


def banana_hess(x):
    H = np.diag(-400 * x[:-1], 1) + np.diag(-400 * x[:-1], -1)
    diagonal = np.zeros_like(x)
    diagonal[:-1] = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    diagonal[1:] += 200
    return H + np.diag(diagonal)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_slope(z):
    return sigmoid(z) * (1 - sigmoid(z))


def drop(x, keep=0.5):
    mask = (np.random.rand(*x.shape) < keep) / keep
    return x * mask, mask


def drop_backward(dout, mask):
    dx = dout * mask
    return dx


def embed(W, places):
    return W[places], (W.shape, places)


def embed_backward(dout, cache):
    shape, places = cache
    dW = np.zeros(shape)
    np.add.at(dW, places, dout)
    return dW


def embed_once(dout, cache):
    shape, places = cache
    dW = np.zeros(shape)
    dW[places] += dout
    return dW


def ratings(U, V, Y, R, reg):
    return 0.5 * np.sum((U @ V.T * R - Y) ** 2) + 0.5 * reg * np.sum(U**2)


def ratings_backward(U, V, Y, R, reg):
    err = (U @ V.T - Y) * R
    dU = err @ V + reg * U
    dV = err.T @ U
    return dU, dV


def normed(x, gamma, conf):
    eps = conf.get("eps", 1e-5)
    if conf["mode"] == "train":
        conf["mean"] = x.mean(axis=0)
    xhat = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)
    return gamma * xhat, (xhat, gamma, np.sqrt(x.var(axis=0) + eps))


def normed_backward(dout, cache):
    xhat, gamma, std = cache
    d = dout * gamma
    dgamma = np.sum(dout * xhat, axis=0)
    dx = (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0)) / std
    return dx, dgamma
