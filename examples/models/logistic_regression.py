"""Logistic regression with an L2 penalty: the mean negative log likelihood of labels 0 and 1."""
# ruff: noqa: F722, F821

import numpy as np

import symbackprop as sbp


def logistic_regression(X: "n d", y: "n", w: "d", b: "", lam: ""):
    """The objective, from the logits: -log p(y) = softplus(z) - y z."""
    z = X @ w + b
    nll = np.mean(sbp.softplus(z) - y * z)
    return nll + lam / 2 * np.sum(w**2)


model = sbp.trace(logistic_regression, parameters=["w", "b"], output="z", samples="n")
