"""A transformer block: multi-head attention under a causal mask and a perceptron, each after a layer norm and beside a residual."""
# ruff: noqa: F722, F821

import numpy as np

import symbackprop as sbp


def transformer_block(
    X: "b t f",
    Target: "b t f",
    mask: "t t",
    gain1: "f",
    shift1: "f",
    Wq: "h e f",
    Wk: "h e f",
    Wv: "h e f",
    Wo: "f h e",
    gain2: "f",
    shift2: "f",
    W1: "m f",
    b1: "m",
    W2: "f m",
    b2: "f",
):
    """Half the mean squared distance from a target; b batch, t time, f features, h heads of e entries, m hidden units.

    `mask` is added to the scores: 0 where a time may be looked at, a large negative number where not.
    """
    centred1 = X - np.mean(X, axis=-1, keepdims=True)
    scale1 = np.sqrt(np.mean(centred1**2, axis=-1, keepdims=True) + 1e-5)
    Z1 = gain1 * centred1 / scale1 + shift1
    Q = np.einsum("btf,hef->bhte", Z1, Wq)
    K = np.einsum("btf,hef->bhte", Z1, Wk)
    V = np.einsum("btf,hef->bhte", Z1, Wv)
    S = np.einsum("bhte,bhse->bhts", Q, K) / np.sqrt(Wq.shape[1]) + mask
    A = sbp.softmax(S, axis=-1)
    C = np.einsum("bhts,bhse->bhte", A, V)
    R = X + np.einsum("bhte,fhe->btf", C, Wo)
    centred2 = R - np.mean(R, axis=-1, keepdims=True)
    scale2 = np.sqrt(np.mean(centred2**2, axis=-1, keepdims=True) + 1e-5)
    Z2 = gain2 * centred2 / scale2 + shift2
    M = sbp.gelu(Z2 @ W1.T + b1)
    out = R + M @ W2.T + b2
    return np.mean((out - Target) ** 2) / 2


PARAMETERS = ["gain1", "shift1", "Wq", "Wk", "Wv", "Wo", "gain2", "shift2", "W1", "b1", "W2", "b2"]

model = sbp.trace(transformer_block, parameters=PARAMETERS, output="out", samples="b")
