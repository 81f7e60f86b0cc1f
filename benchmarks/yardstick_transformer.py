"""The yardstick of the transformer block: loss and gradients of examples/models/transformer_block.py in careful hand-written NumPy.

Samples and times lie in one axis of rows, so that every weight meets one matrix product; queries, keys and values come out of one product
with the three weights below each other, the scale 1/sqrt(e) in the query's; heads are laid out for `matmul` once; softmax and its
derivative, the norms and the activation work in place; sums over rows are products with ones, sums along rows that have a square
or a product in them are one pass of einsum; 1/N goes into the smallest array. SciPy gives the error function, which NumPy lacks.
A pure function, fresh arrays on every call, no state. It is not changed with the generator.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import erf

EPS = 1e-5


def np_alloc(X, Target, mask, P) -> Callable[[], tuple]:
    """The function to time, of parameters by the names and in the order of the example."""
    gain1, shift1, Wq, Wk, Wv, Wo, gain2, shift2, W1, b1, W2, b2 = P
    dt = X.dtype
    dot, matmul = np.dot, np.matmul

    def norm(x, gain, shift):
        """(layer norm of the rows, the normed rows, one over their deviations)."""
        size = x.shape[1]
        ones = np.full(size, dt.type(1 / size))
        n = x - dot(x, ones)[:, None]
        r = np.einsum("nf,nf->n", n, n)
        r *= dt.type(1 / size)
        r += dt.type(EPS)
        np.sqrt(r, out=r)
        np.divide(1, r, out=r)
        n *= r[:, None]
        z = n * gain
        z += shift
        return z, n, r

    def norm_back(dz, n, r, gain, ones):
        """(d rows, d gain, d shift); n is overwritten."""
        size = n.shape[1]
        dshift = dot(ones, dz)
        dgain = np.einsum("nf,nf->f", dz, n)
        dn = np.multiply(dz, gain, out=dz)
        along = np.einsum("nf,nf->n", dn, n)
        along *= dt.type(1 / size)
        mean = dot(dn, np.full(size, dt.type(1 / size)))
        n *= along[:, None]
        dn -= n
        dn -= mean[:, None]
        dn *= r[:, None]
        return dn, dgain, dshift

    def f():
        b, t, size = X.shape
        h, e, _ = Wq.shape
        rows, wide = b * t, h * e
        ones = np.ones(rows, dt)
        x = X.reshape(rows, size)
        scale = dt.type(e**-0.5)

        z1, n1, r1 = norm(x, gain1, shift1)
        w = np.concatenate([Wq.reshape(wide, size), Wk.reshape(wide, size), Wv.reshape(wide, size)])
        w[:wide] *= scale
        qkv = dot(z1, w.T).reshape(b, t, 3, h, e).transpose(2, 0, 3, 1, 4)
        q, k, v = np.ascontiguousarray(qkv)
        a = matmul(q, k.transpose(0, 1, 3, 2))
        a += mask
        a -= np.maximum.reduce(a, axis=-1, keepdims=True)
        np.exp(a, out=a)
        a /= np.add.reduce(a, axis=-1, keepdims=True)
        c = np.ascontiguousarray(matmul(a, v).transpose(0, 2, 1, 3)).reshape(rows, wide)
        wo = Wo.reshape(size, wide)
        out = dot(c, wo.T)
        out += x
        z2, n2, r2 = norm(out, gain2, shift2)
        u = dot(z2, W1.T)
        u += b1
        phi = u * dt.type(0.5**0.5)
        phi = erf(phi, out=phi)
        phi += 1
        phi *= dt.type(0.5)
        m = u * phi
        out += dot(m, W2.T)
        out += b2
        out -= Target.reshape(rows, size)
        loss = np.vdot(out, out) / (2 * out.size)

        d = out
        d *= dt.type(1 / out.size)
        dW2 = dot(d.T, m)
        db2 = dot(ones, d)
        du = dot(d, W2)
        np.multiply(u, u, out=m)
        m *= dt.type(-0.5)
        np.exp(m, out=m)
        m *= u
        m *= dt.type((2 * np.pi) ** -0.5)
        m += phi
        du *= m
        dW1 = dot(du.T, z2)
        db1 = dot(ones, du)
        dr, dgain2, dshift2 = norm_back(dot(du, W1), n2, r2, gain2, ones)
        dr += d
        dWo = dot(dr.T, c).reshape(Wo.shape)
        dc = np.ascontiguousarray(dot(dr, wo).reshape(b, t, h, e).transpose(0, 2, 1, 3))
        dqkv = np.empty((3, b, h, t, e), dt)
        matmul(a.transpose(0, 1, 3, 2), dc, out=dqkv[2])
        ds = matmul(dc, v.transpose(0, 1, 3, 2))
        ds -= np.einsum("bhts,bhts->bht", a, ds)[..., None]
        ds *= a
        matmul(ds, k, out=dqkv[0])
        matmul(ds.transpose(0, 1, 3, 2), q, out=dqkv[1])
        dflat = np.ascontiguousarray(dqkv.transpose(1, 3, 0, 2, 4)).reshape(rows, 3 * wide)
        dw = dot(dflat.T, z1)
        dw[:wide] *= scale
        dWq, dWk, dWv = dw.reshape(3, h, e, size)
        _, dgain1, dshift1 = norm_back(dot(dflat, w), n1, r1, gain1, ones)
        return loss, (dgain1, dshift1, dWq, dWk, dWv, dWo, dgain2, dshift2, dW1, db1, dW2, db2)

    return f
