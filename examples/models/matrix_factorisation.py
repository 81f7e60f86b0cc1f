"""Matrix factorisation of ratings of which some are known (Koren, Bell, Volinsky 2009): biases, factors, L2 penalties."""
# ruff: noqa: F722, F821

import numpy as np

import symbackprop as sbp


def matrix_factorisation(R: "u i", known: "u i", lam: "", U: "u k", V: "i k", p: "u", q: "i", mean_rating: ""):
    """Half the squared error over the known ratings, and the penalty; `known` is 1 where a rating is known, else 0."""
    E = known * (R - U @ V.T - p[:, None] - q - mean_rating)
    penalty = lam / 2 * (np.sum(U**2) + np.sum(V**2) + np.sum(p**2) + np.sum(q**2))
    return np.sum(E**2) / 2 + penalty


model = sbp.trace(matrix_factorisation, parameters=["U", "V", "p", "q", "mean_rating"])
