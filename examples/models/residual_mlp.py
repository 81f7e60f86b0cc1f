"""A deep perceptron: six residual blocks, each a layer norm, a hidden layer and a way back; then softmax cross entropy."""
# ruff: noqa: F722, F821

import numpy as np

import symbackprop as sbp

BLOCKS = 6


def layer_norm(x, gain, shift):
    """Each row to mean 0 and variance 1, then scaled and shifted (Ba, Kiros, Hinton 2016)."""
    centred = x - np.mean(x, axis=-1, keepdims=True)
    return gain * centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + 1e-5) + shift


def residual_mlp(
    X: "n d",
    Y: "n c",
    Win: "h d",
    gain: "6 h",
    shift: "6 h",
    W: "6 m h",
    b: "6 m",
    V: "6 h m",
    Wout: "c h",
    bout: "c",
):
    """The mean cross entropy."""
    H = X @ Win.T
    for k in range(BLOCKS):
        Z = layer_norm(H, gain[k], shift[k])
        A = sbp.relu(Z @ W[k].T + b[k])
        H = H + A @ V[k].T
    O = H @ Wout.T + bout
    return -np.mean(np.sum(Y * sbp.log_softmax(O, axis=-1), axis=-1))


model = sbp.trace(
    residual_mlp,
    parameters=["Win", "gain", "shift", "W", "b", "V", "Wout", "bout"],
    facts={"Y": "simplex over c"},
    output="O",
)
