"""A convolutional net of the usual make: convolution, relu, max pooling, twice; a linear layer; cross entropy. Pictures of 8 x 8."""
# ruff: noqa: F722, F821

import symbackprop as sbp


def convolution_pooled(X: "n 1 8 8", Y: "n c", K1: "f 1 3 3", b1: "f", K2: "g f 3 3", b2: "g", W: "c g 2 2", b: "c"):
    """The mean cross entropy. Padding keeps the size of a picture, pooling halves it: 8 x 8, 4 x 4, 2 x 2."""
    H1 = sbp.max_pool2d(sbp.relu(sbp.conv2d(X, K1, b1, padding=1)), 2)
    H2 = sbp.max_pool2d(sbp.relu(sbp.conv2d(H1, K2, b2, padding=1)), 2)
    O = sbp.einsum("ngpq,cgpq->nc", H2, W) + b
    return sbp.cross_entropy(O, Y)


model = sbp.trace(convolution_pooled, parameters=["K1", "b1", "K2", "b2", "W", "b"], facts={"Y": "simplex over c"}, output="O", samples="n")
