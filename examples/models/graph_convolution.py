"""A graph convolution of two layers (Kipf, Welling 2017), from the adjacency matrix itself; cross entropy over the labelled nodes."""
# ruff: noqa: F722, F821

import numpy as np

import symbackprop as sbp


def graph_convolution(Adj: "n n", X: "n d", Y: "n c", labelled: "n", W1: "d h", W2: "h c"):
    """The mean cross entropy over the labelled nodes, of softmax(S relu(S X W1) W2), S = D^-1/2 (Adj + I) D^-1/2."""
    loops = Adj + sbp.eye(Adj.shape[0])
    root = 1 / np.sqrt(np.sum(loops, axis=1))
    S = root[:, None] * loops * root
    H = sbp.relu(S @ X @ W1)
    O = S @ H @ W2
    return -np.sum(labelled * np.sum(Y * sbp.log_softmax(O, axis=-1), axis=-1)) / np.sum(labelled)


model = sbp.trace(graph_convolution, parameters=["W1", "W2"], facts={"Adj": "symmetric", "Y": "simplex over c"}, output="O")
