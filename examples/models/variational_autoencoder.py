"""A variational autoencoder: the negative evidence lower bound with given noise (Kingma, Welling 2013, appendix C)."""
# ruff: noqa: F722, F821

import numpy as np

import symbackprop as sbp


def variational_autoencoder(
    X: "n d",
    noise: "n z",
    W1: "h d",
    b1: "h",
    Wm: "z h",
    bm: "z",
    Ws: "z h",
    bs: "z",
    V1: "h z",
    c1: "h",
    V2: "d h",
    c2: "d",
):
    """The mean over the samples: Bernoulli cross entropy of the pixels, and the divergence from a standard normal."""
    H = np.tanh(X @ W1.T + b1)
    mu = H @ Wm.T + bm
    logvar = H @ Ws.T + bs
    Z = mu + np.exp(logvar / 2) * noise
    D = np.tanh(Z @ V1.T + c1)
    O = D @ V2.T + c2
    reconstruction = np.sum(sbp.softplus(O) - X * O) / X.shape[0]
    divergence = np.sum(np.exp(logvar) + mu**2 - 1 - logvar) / (2 * X.shape[0])
    return reconstruction + divergence


PARAMETERS = ["W1", "b1", "Wm", "bm", "Ws", "bs", "V1", "c1", "V2", "c2"]

model = sbp.trace(variational_autoencoder, parameters=PARAMETERS, output="O", samples="n")
