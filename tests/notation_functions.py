"""The functions that printed formulas speak of, by the names LaTeX gives them."""

import math

import numpy as np

erf = np.vectorize(math.erf, otypes=[float])
FUNCTIONS = {
    "\\log": np.log,
    "\\exp": np.exp,
    "\\tanh": np.tanh,
    "\\sinh": np.sinh,
    "\\cosh": np.cosh,
    "\\operatorname{log1p}": np.log1p,
    "\\operatorname{floor}": np.floor,
    "\\operatorname{elu}": lambda x, a: np.where(x > 0, x, a * (np.exp(np.minimum(x, 0)) - 1)),
    "\\operatorname{leaky\\_relu}": lambda x, a: np.where(x > 0, x, a * x),
    "\\sin": np.sin,
    "\\cos": np.cos,
    "\\arctan": np.arctan,
    "\\operatorname{sigmoid}": lambda x: 1 / (1 + np.exp(-x)),
    "\\sigma": lambda x: 1 / (1 + np.exp(-x)),
    "\\max": np.maximum,
    "\\min": np.minimum,
    "\\operatorname{ReLU}": lambda x: np.maximum(x, 0.0),
    "\\operatorname{SiLU}": lambda x: x / (1 + np.exp(-x)),
    "\\operatorname{GELU}": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "\\operatorname{softplus}": lambda x: np.logaddexp(0, x),
    "\\operatorname{erf}": erf,
    "\\operatorname{hypot}": np.hypot,
    "\\operatorname{sgn}": np.sign,
}


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()


ALONG = {
    "\\operatorname{softmax}": softmax,
    "\\operatorname{log\\_softmax}": lambda x: np.log(softmax(x)),
    "\\operatorname{logsumexp}": lambda x: np.log(np.exp(x).sum()),
    "\\operatorname{max\\_selector}": lambda x: np.eye(x.size)[np.argmax(x)],
    "\\operatorname{min\\_selector}": lambda x: np.eye(x.size)[np.argmin(x)],
    "\\operatorname{prod\\_others}": lambda x: np.array([np.prod(np.delete(x, k)) for k in range(x.size)]),
    "\\operatorname{prod}": np.prod,
    "\\max": np.max,
    "\\min": np.min,
}
"""Functions of all entries along an axis: in index form with the letter of that axis below."""

WHOLE = {
    "\\det": np.linalg.det,
    "\\operatorname{det}": np.linalg.det,
    "\\operatorname{logdet}": lambda x: np.linalg.slogdet(x)[1],
    "\\operatorname{inv}": np.linalg.inv,
    "\\operatorname{pinv}": np.linalg.pinv,
    "\\operatorname{cholesky}": np.linalg.cholesky,
    "\\operatorname{solve}": np.linalg.solve,
    "\\operatorname{eigvalsh}": np.linalg.eigvalsh,
    "\\operatorname{eigenvectors}": lambda x: np.linalg.eigh(x)[1],
}
"""Functions of whole matrices."""
