"""A small convolutional net on pictures of 8 x 8: two convolutions, average pooling, a linear layer, softmax cross entropy."""
# ruff: noqa: F722, F821

import numpy as np

import symbackprop as sbp


def convolve(picture, kernel, size):
    """A convolution of 3 x 3 without padding: `picture` n k size size, `kernel` f k 3 3, the result n f size-2 size-2."""
    side = size - 2
    return sum(
        np.einsum("nkpq,fk->nfpq", picture[:, :, u : u + side, v : v + side], kernel[:, :, u, v]) for u in range(3) for v in range(3)
    )


def pool(picture):
    """The means of squares of 2 x 2 that touch."""
    return (picture[:, :, ::2, ::2] + picture[:, :, 1::2, ::2] + picture[:, :, ::2, 1::2] + picture[:, :, 1::2, 1::2]) / 4


def convolution(X: "n 1 8 8", Y: "n c", K1: "f 1 3 3", b1: "f", K2: "g f 3 3", b2: "g", W: "c g 2 2", b: "c"):
    """The mean cross entropy: 8 x 8, convolved to 6 x 6 and to 4 x 4, pooled to 2 x 2."""
    H1 = sbp.relu(convolve(X, K1, 8) + b1[:, None, None])
    H2 = sbp.relu(convolve(H1, K2, 6) + b2[:, None, None])
    P = pool(H2)
    O = np.einsum("ngpq,cgpq->nc", P, W) + b
    return -np.mean(np.sum(Y * sbp.log_softmax(O, axis=-1), axis=-1))


model = sbp.trace(convolution, parameters=["K1", "b1", "K2", "b2", "W", "b"], facts={"Y": "simplex over c"}, output="O")
