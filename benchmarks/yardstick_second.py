"""The yardstick of second order: dense Hessians, products and per-sample gradients in careful hand-written NumPy.

Straight-line code with workspaces that are made once: a result belongs to its workspace and the next call overwrites it (`ws`), or, where
that changes the picture, is a fresh array on every call (`pure`). What decides each: one symmetric product A^T A, which NumPy gives to BLAS
as such; Khatri-Rao factors instead of a Jacobian of all samples; diagonal blocks written through a strided view; the last layer transposed
for softmax; masks as numbers. Written apart from the generator and not changed with it.
"""

from collections.abc import Callable

import numpy as np

Call = Callable[[], object]


def logistic(X: np.ndarray, y: np.ndarray, w: np.ndarray) -> dict[str, Call]:
    """The Hessian of mean log(1 + exp(-y X w)), y = +-1: the slope of a sigmoid is 1 / (4 cosh(z/2)^2), its root goes into X."""
    n, d = X.shape
    dt = X.dtype
    z, s, A, H = np.empty(n, dt), np.empty(n, dt), np.empty((n, d), dt), np.empty((d, d), dt)
    half, scale, column, AT = dt.type(0.5), dt.type(0.5 / np.sqrt(n)), s[:, None], A.T

    def ws():
        np.dot(X, w, z)
        np.multiply(z, half, z)
        np.cosh(z, s)
        np.divide(scale, s, s)
        np.multiply(X, column, A)
        np.dot(AT, A, H)
        return H

    def pure():
        root = scale / np.cosh(np.dot(X, w) * half)
        B = X * root[:, None]
        return np.dot(B.T, B)

    return {"ws": ws, "pure": pure}


def softmax(X: np.ndarray, W: np.ndarray) -> dict[str, Call]:
    """The Hessian of the mean cross entropy of X W, which does not hold the labels: (diag(p) - p p^T) kron x x^T."""
    n, d = X.shape
    c = W.shape[1]
    dt = X.dtype
    z, p, pt = np.empty((c, n), dt), np.empty((c, n), dt), np.empty((n, c), dt)
    top, total, ones = np.empty(n, dt), np.empty(n, dt), np.ones(c, dt)
    both = np.empty((n, d, c), dt)
    flat, H = both.reshape(n, d * c), np.empty((d * c, d * c), dt)
    H4 = H.reshape(d, c, d, c)
    A, B = np.empty((n, d), dt), np.empty((d, d), dt)
    root = dt.type(1 / np.sqrt(n))
    blocks, columns = [H4[:, k, :, k] for k in range(c)], [p[k][:, None] for k in range(c)]

    def ws():
        np.dot(W.T, X.T, z)
        np.maximum.reduce(z, 0, None, top)
        np.subtract(z, top, z)
        np.exp(z, p)
        np.dot(ones, p, total)
        np.divide(root, total, total)
        np.multiply(p, total, p)
        np.copyto(pt, p.T)
        np.multiply(X[:, :, None], pt[:, None, :], both)
        np.dot(flat.T, flat, H)
        np.negative(H, H)
        np.multiply(p, root, p)
        np.sqrt(p, p)
        for block, column in zip(blocks, columns, strict=True):
            np.multiply(X, column, A)
            np.dot(A.T, A, B)
            np.add(block, B, block)
        return H

    return {"ws": ws}


def quadratic(A: np.ndarray) -> dict[str, Call]:
    """The Hessian of x^T A x."""
    return {"pure": lambda: np.add(A, A.T)}


def factorisation(U: np.ndarray, V: np.ndarray) -> dict[str, Call]:
    """The Hessian of |T - U V^T|^2 by U: 2 V^T V on each diagonal block; the zeros of a workspace stay."""
    m, k = U.shape
    dt = U.dtype
    H = np.zeros((m * k, m * k), dt)
    blocks = np.lib.stride_tricks.as_strided(H, (m, k, k), (k * (H.strides[0] + H.strides[1]), *H.strides))
    G, two = np.empty((k, k), dt), dt.type(2)

    def ws():
        np.dot(V.T, V, G)
        np.multiply(G, two, G)
        np.copyto(blocks, G)
        return H

    def pure():
        made = np.zeros((m, k, m, k), dt)
        gram = np.dot(V.T, V)
        gram *= two
        step = made.strides
        np.lib.stride_tricks.as_strided(made, (m, k, k), (step[0] + step[2], step[1], step[3]))[...] = gram
        return made.reshape(m * k, m * k)

    return {"ws": ws, "pure": pure}


def two_layers(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray]) -> dict[str, Call]:
    """The Hessian of a ReLU network with one hidden layer by all its parameters: bias and weights as one, a 1 beside inputs and units."""
    W1, b1, W2, b2 = P
    n, d = X.shape
    h, c = W2.shape
    dt = X.dtype
    D, Q = d + 1, h + 1
    first, count = D * h, D * h + Q * c
    x, u = np.ones((n, D), dt), np.ones((n, Q), dt)
    a, mask, zeros = np.empty((n, h), dt), np.empty((n, h), dt), np.zeros((n, h), dt)
    p, total, slope = np.empty((n, c), dt), np.empty((n, 1), dt), np.empty((n, c), dt)
    S, SW, WSW = np.empty((n, c, c), dt), np.empty((n, c, h), dt), np.empty((n, h, h), dt)
    xx, xu, uu, md = np.empty((n, D, D), dt), np.empty((n, D, Q), dt), np.empty((n, Q, Q), dt), np.empty((n, h, c), dt)
    T1, T2, T3, R = np.empty((D * D, h * h), dt), np.empty((D * Q, c * h), dt), np.empty((Q * Q, c * c), dt), np.empty((D, h * c), dt)
    H = np.empty((count, count), dt)
    down, right = H.strides
    view = np.lib.stride_tricks.as_strided
    H1 = view(H, (D, D, h, h), (h * down, h * right, down, right))
    H2 = view(H[:, first:], (D, Q, c, h), (h * down, c * right, right, down))
    H3 = view(H[first:, first:], (Q, Q, c, c), (c * down, c * right, down, right))
    joint = view(H[:, first:], (D, h, c), (h * down, down + c * right, right))
    diagonal = view(S, (n, c), (S.strides[0], S.strides[1] + S.strides[2]))
    inverse = dt.type(1 / n)

    def ws():
        np.copyto(x[:, :d], X)
        np.dot(X, W1, a)
        np.add(a, b1, a)
        np.maximum(a, zeros, out=a)
        np.copyto(u[:, :h], a)
        np.sign(a, mask)
        np.dot(a, W2, p)
        np.add(p, b2, p)
        np.maximum.reduce(p, 1, None, total, True)
        np.subtract(p, total, p)
        np.exp(p, p)
        np.add.reduce(p, 1, None, total, True)
        np.divide(p, total, p)
        np.subtract(p, Y, slope)
        np.multiply(slope, inverse, slope)
        np.multiply(p[:, :, None], p[:, None, :], S)
        np.negative(S, S)
        np.add(diagonal, p, diagonal)
        np.multiply(S, inverse, S)
        np.dot(S.reshape(n * c, c), W2.T, SW.reshape(n * c, h))
        np.multiply(SW, mask[:, None, :], SW)
        np.matmul(W2, SW, out=WSW)
        np.multiply(WSW, mask[:, :, None], WSW)
        np.multiply(x[:, :, None], x[:, None, :], xx)
        np.multiply(x[:, :, None], u[:, None, :], xu)
        np.multiply(u[:, :, None], u[:, None, :], uu)
        np.dot(xx.reshape(n, -1).T, WSW.reshape(n, -1), T1)
        np.dot(xu.reshape(n, -1).T, SW.reshape(n, -1), T2)
        np.dot(uu.reshape(n, -1).T, S.reshape(n, -1), T3)
        np.copyto(H1, T1.reshape(D, D, h, h))
        np.copyto(H2, T2.reshape(D, Q, c, h))
        np.copyto(H3, T3.reshape(Q, Q, c, c))
        np.multiply(mask[:, :, None], slope[:, None, :], md)
        np.dot(x.T, md.reshape(n, h * c), R)
        np.add(joint, R.reshape(D, h, c), joint)
        np.copyto(H[first:, :first], H[:first, first:].T)
        return H

    return {"ws": ws}


class Network:
    """Workspaces of a ReLU network with softmax and cross entropy: what its products and per-sample gradients write into."""

    def __init__(self, X: np.ndarray, Y: np.ndarray, P: list[np.ndarray], V: list[np.ndarray]) -> None:
        """Inputs, labels, parameters W1, b1, W2, b2, ... with weights "inputs outputs", and a vector like them."""
        self.X, self.Y, self.P, self.V = X, Y, P, V
        n, dt = len(X), X.dtype
        hidden, classes = [w.shape[1] for w in P[:-2:2]], P[-2].shape[1]
        self.layers = len(P) // 2
        self.H, self.R, self.D, self.E, self.M, self.T = ([np.empty((n, k), dt) for k in hidden] for _ in range(6))
        self.z, self.p, self.r, self.q, self.t = (np.empty((classes, n), dt) for _ in range(5))
        self.top, self.total, self.ones = np.empty(n, dt), np.empty(n, dt), np.ones(n, dt)
        self.zeros = [np.zeros((n, k), dt) for k in hidden]
        self.masks = [np.empty((n, k), bool) for k in hidden]
        self.out = [np.empty_like(a) for a in P]
        self.more = [np.empty_like(a) for a in P[::2]]
        self.zero, self.inverse = np.zeros((), dt), dt.type(1 / n)

    def forward(self, along: bool) -> None:
        """Hidden units and probabilities; `along`: their tangents along V too."""
        A, RA = self.X, None
        for k in range(self.layers - 1):
            H, R = self.H[k], self.R[k]
            np.dot(A, self.P[2 * k], H)
            np.add(H, self.P[2 * k + 1], H)
            np.maximum(H, self.zeros[k], out=H)
            np.greater(H, self.zero, self.masks[k])
            np.copyto(self.M[k], self.masks[k])
            if along:
                np.dot(A, self.V[2 * k], R)
                if RA is not None:
                    np.dot(RA, self.P[2 * k], self.T[k])
                    np.add(R, self.T[k], R)
                np.add(R, self.V[2 * k + 1], R)
                np.multiply(R, self.M[k], R)
            A, RA = H, R
        np.dot(self.P[-2].T, A.T, self.z)
        np.add(self.z, self.P[-1][:, None], self.z)
        if along:
            np.dot(self.V[-2].T, A.T, self.r)
            np.dot(self.P[-2].T, RA.T, self.t)
            np.add(self.r, self.t, self.r)
            np.add(self.r, self.V[-1][:, None], self.r)
        np.maximum.reduce(self.z, axis=0, out=self.top)
        np.subtract(self.z, self.top, self.z)
        np.exp(self.z, self.p)
        np.add.reduce(self.p, axis=0, out=self.total)
        np.divide(self.p, self.total, self.p)

    def product(self, gauss_newton: bool) -> list[np.ndarray]:
        """The Hessian, or the Gauss-Newton matrix, times V."""
        self.forward(True)
        np.multiply(self.p, self.r, self.q)
        np.add.reduce(self.q, axis=0, out=self.top)
        np.multiply(self.p, self.top, self.t)
        np.subtract(self.q, self.t, self.q)
        np.multiply(self.q, self.inverse, self.q)
        exact = not gauss_newton
        if exact:
            np.subtract(self.p, self.Y.T, self.p)
            np.multiply(self.p, self.inverse, self.p)
        g, last = self.out, self.layers - 1
        np.dot(self.q, self.ones, g[-1])
        np.dot(self.H[-1].T, self.q.T, g[-2])
        if exact:
            np.dot(self.R[-1].T, self.p.T, self.more[last])
            np.add(g[-2], self.more[last], g[-2])
        back, slope = self.q.T, self.p.T
        for k in range(last - 1, -1, -1):
            W, V, E = self.P[2 * k + 2], self.V[2 * k + 2], self.E[k]
            np.dot(back, W.T, E)
            if exact:
                np.dot(slope, V.T, self.T[k])
                np.add(E, self.T[k], E)
                if k:
                    np.dot(slope, W.T, self.D[k])
                    np.multiply(self.D[k], self.M[k], self.D[k])
            np.multiply(E, self.M[k], E)
            back, slope = E, self.D[k]
            np.dot(self.ones, E, g[2 * k + 1])
            np.dot((self.H[k - 1] if k else self.X).T, E, g[2 * k])
            if exact and k:
                np.dot(self.R[k - 1].T, slope, self.more[k])
                np.add(g[2 * k], self.more[k], g[2 * k])
        return g

    def per_sample(self, out: list[np.ndarray]) -> list[np.ndarray]:
        """The gradients of each sample, into `out`."""
        self.forward(False)
        np.subtract(self.p, self.Y.T, self.p)
        np.copyto(out[-1], self.p.T)
        np.einsum("ni,nj->nij", self.H[-1], out[-1], out=out[-2])
        back = self.p.T
        for k in range(self.layers - 2, -1, -1):
            np.dot(back, self.P[2 * k + 2].T, self.E[k])
            np.multiply(self.E[k], self.M[k], self.E[k])
            back = self.E[k]
            np.copyto(out[2 * k + 1], back)
            np.einsum("ni,nj->nij", self.H[k - 1] if k else self.X, back, out=out[2 * k])
        return out


def products(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray], V: list[np.ndarray], gauss_newton: bool) -> dict[str, Call]:
    """Hessian- or Gauss-Newton-vector products of a ReLU network."""
    network = Network(X, Y, P, V)
    return {"ws": lambda: network.product(gauss_newton)}


def per_sample(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray]) -> dict[str, Call]:
    """Per-sample gradients of a ReLU network; `pure` writes fresh arrays."""
    network = Network(X, Y, P, P)
    out = [np.empty((len(X), *a.shape), X.dtype) for a in P]
    return {"ws": lambda: network.per_sample(out), "pure": lambda: network.per_sample([np.empty_like(a) for a in out])}
