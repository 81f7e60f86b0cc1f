"""The yardstick: loss and gradients of a ReLU network with softmax and cross entropy, in careful hand-written NumPy.

A pure function, fresh arrays on every call, no state. The products are written for BLAS; the last layer lies transposed
(classes x samples) so that the reductions of softmax run along long rows; relu's maximum takes an array of zeros, since a
scalar operand misses NumPy's vector loop; masks are products, never np.where; a bias's gradient is a product with ones;
1/n goes into the small arrays; the first layer gets no gradient with respect to its input. It was written before the
generator and is not changed with it.
"""

from collections.abc import Callable

import numpy as np


def np_alloc(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray]) -> Callable[[], tuple[float, list[np.ndarray]]]:
    """The function to time, of parameters W1, b1, W2, b2, ... with weights "inputs outputs"."""
    L = len(P) // 2
    dt = X.dtype
    dot = np.dot

    def f():
        n = X.shape[0]
        H = [X]
        for layer in range(L - 1):
            z = dot(H[-1], P[2 * layer])
            z += P[2 * layer + 1]
            np.maximum(z, np.zeros(z.shape[1], dt), out=z)
            H.append(z)
        lt = dot(P[-2].T, H[-1].T)
        lt += P[-1][:, None]
        lt -= np.maximum.reduce(lt, axis=0)
        e = np.exp(lt)
        s = np.add.reduce(e, axis=0)
        yt = np.multiply(Y.T, dt.type(1.0 / n), order="C")
        loss = np.add.reduce(np.log(s)) / n - np.vdot(lt, yt)
        s *= dt.type(n)
        e /= s
        e -= yt
        ones = np.ones(n, dt)
        g = [None] * (2 * L)
        g[-1] = dot(e, ones)
        g[-2] = dot(H[-1].T, e.T)
        d, w = e.T, P[-2]
        for layer in range(L - 2, -1, -1):
            d = dot(d, w.T)
            h = H[layer + 1]
            d *= np.greater(h, 0)
            g[2 * layer + 1] = dot(ones, d)
            g[2 * layer] = dot(H[layer].T, d)
            w = P[2 * layer]
        return loss, g

    return f
