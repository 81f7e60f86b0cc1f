"""Metric learning: neighbourhood components analysis (Goldberger, Roweis, Hinton, Salakhutdinov 2004)."""
# ruff: noqa: F722

import numpy as np

import symbackprop as sbp


def metric_learning(X: "n d", Y: "n c", A: "k d"):
    """Minus the expected share of samples whose random neighbour, by softmax of distances under A, is of their own class.

    `Y` holds the classes, one-hot. No sample is its own neighbour: its distance to itself is set to a large number.
    """
    Z = X @ A.T
    D = np.sum((Z[:, None, :] - Z[None, :, :]) ** 2, axis=-1) + 1e9 * sbp.eye(X.shape[0])
    P = sbp.softmax(-D, axis=-1)
    same = Y @ Y.T
    return -np.sum(P * same) / X.shape[0]


model = sbp.trace(metric_learning, parameters=["A"], facts={"Y": "one-hot over c"}, samples="n")
