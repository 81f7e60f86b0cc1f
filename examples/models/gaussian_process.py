"""A Gaussian process: the negative log marginal likelihood with a squared exponential kernel (Rasmussen, Williams 2006, (5.8))."""
# ruff: noqa: F722, F821

import numpy as np

import symbackprop as sbp


def gaussian_process(X: "n d", y: "n", log_length: "d", log_signal: "", log_noise: ""):
    """y' K^-1 y / 2 + log det(K) / 2 + n log(2 pi) / 2; one length scale for each feature; logarithms keep scales positive."""
    U = X / np.exp(log_length)
    D = np.sum((U[:, None, :] - U[None, :, :]) ** 2, axis=-1)
    K = np.exp(2 * log_signal - D / 2) + np.exp(2 * log_noise) * sbp.eye(X.shape[0])
    alpha = np.linalg.inv(K) @ y
    return y @ alpha / 2 + sbp.logdet(K) / 2 + X.shape[0] * np.log(2 * np.pi) / 2


model = sbp.trace(gaussian_process, parameters=["log_length", "log_signal", "log_noise"], samples="n")
