"""Poisson regression with an exposure: counts y with the rate exposure * exp(X w + b)."""
# ruff: noqa: F722, F821

import numpy as np

import symbackprop as sbp


def poisson_regression(X: "n d", y: "n", exposure: "n", w: "d", b: ""):
    """The mean negative log likelihood, without log y! which no parameter changes."""
    eta = X @ w + b
    rate = exposure * np.exp(eta)
    return np.mean(rate - y * (eta + np.log(exposure)))


model = sbp.trace(poisson_regression, parameters=["w", "b"], facts={"exposure": "positive"}, output="eta", samples="n")
