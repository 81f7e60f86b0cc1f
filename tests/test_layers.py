"""Layers and losses: values and derivatives agree with NumPy and SciPy spellings of their definitions, written independently."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import expit, log_softmax, softmax

from symbackprop import derivative
from symbackprop.errors import AxisError, SymbackpropError
from symbackprop.ops import OPS
from tests.differences import agrees

LAST = {"axis": -1, "keepdims": True}


def conv1d(x, w, b=None, stride=1, padding=0):
    windows = sliding_window_view(np.pad(x, [(0, 0), (0, 0), (padding, padding)]), w.shape[2], axis=2)[:, :, ::stride]
    return np.einsum("nciu,ocu->noi", windows, w) + (0 if b is None else b[:, None])


def conv2d(x, w, b=None, stride=1, padding=0):
    windows = sliding_window_view(np.pad(x, [(0, 0), (0, 0), *[(padding, padding)] * 2]), w.shape[2:], axis=(2, 3))
    return np.einsum("ncijuv,ocuv->noij", windows[:, :, ::stride, ::stride], w) + (0 if b is None else b[:, None, None])


def pool(function, x, size, stride=None, axes=(-1,)):
    windows = sliding_window_view(x, (size,) * len(axes), axis=axes)
    every = slice(None, None, stride or size)
    return function(windows[(..., *[every] * len(axes), *[slice(None)] * len(axes))], axis=tuple(range(-len(axes), 0)))


def gru(x, h, w, u, b, c):
    one, other = np.split(x @ w.T + b, 3, axis=-1), np.split(h @ u.T + c, 3, axis=-1)
    r, z = expit(one[0] + other[0]), expit(one[1] + other[1])
    return (1 - z) * np.tanh(one[2] + r * other[2]) + z * h


def lstm(x, h, c, w, u, b=0):
    i, f, g, o = np.split(x @ w.T + h @ u.T + b, 4, axis=-1)
    c = expit(f) * c + expit(i) * np.tanh(g)
    return np.concatenate((expit(o) * np.tanh(c), c), axis=-1)


def cross_entropy(x, y, weight=None, label_smoothing=0):
    classes = x.shape[-1]
    hot = np.eye(classes)[y] if y.ndim < x.ndim else y
    soft = hot * (1 - label_smoothing) + label_smoothing / classes
    each = -(soft * log_softmax(x, axis=-1) * (1 if weight is None else weight)).sum(axis=-1)
    return each.mean() if weight is None or y.ndim == x.ndim else each.sum() / weight[y].sum()


ALSO = {
    "softmax": softmax,
    "sigmoid": expit,
    "linear": lambda x, w, b=0: x @ w.T + b,
    "layer_norm": lambda x, w=1, b=0, eps=1e-5: (x - x.mean(**LAST)) / np.sqrt(x.var(**LAST) + eps) * w + b,
    "rms_norm": lambda x, w=1, eps=1e-5: x / np.sqrt((x**2).mean(**LAST) + eps) * w,
    "batch_norm": lambda x, w=1, b=0, eps=1e-5: (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) * w + b,
    "dropout": lambda x, m, p=0.5: x * m / (1 - p),
    "embedding": lambda at, w: w[at],
    "scaled_dot_product_attention": lambda q, k, v, m=0: softmax(q @ np.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5 + m, axis=-1) @ v,
    "rnn_cell": lambda x, h, w, u, b=0: np.tanh(x @ w.T + h @ u.T + b),
    "gru_cell": gru,
    "lstm_cell": lstm,
    "conv1d": conv1d,
    "conv2d": conv2d,
    "avg_pool1d": lambda x, k, s=None: pool(np.mean, x, k, s),
    "avg_pool2d": lambda x, k, s=None: pool(np.mean, x, k, s, (-2, -1)),
    "max_pool1d": lambda x, k, s=None: pool(np.max, x, k, s),
    "max_pool2d": lambda x, k, s=None: pool(np.max, x, k, s, (-2, -1)),
    "cross_entropy": cross_entropy,
    "nll_loss": lambda lp, y: -np.take_along_axis(lp, y[:, None], axis=1).mean(),
    "binary_cross_entropy": lambda p, y: -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(),
    "binary_cross_entropy_with_logits": lambda x, y: -(y * np.log(expit(x)) + (1 - y) * np.log(expit(-x))).mean(),
    "mse_loss": lambda x, y: ((x - y) ** 2).mean(),
    "l1_loss": lambda x, y: np.abs(x - y).mean(),
    "huber_loss": lambda x, y, d=1: np.where(np.abs(x - y) <= d, (x - y) ** 2 / 2, d * (np.abs(x - y) - d / 2)).mean(),
    "hinge_loss": lambda s, y: np.maximum(1 - y * s, 0).mean(),
    "focal_loss": lambda x, y, gamma=2: ((expit(x) * (1 - y) + expit(-x) * y) ** gamma * (np.logaddexp(0, x) - x * y)).mean(),
    "kl_divergence": lambda p, q: (p * np.log(p / q)).sum(),
    "poisson_nll_loss": lambda x, y: (np.exp(x) - y * x).mean(),
    "gaussian_nll_loss": lambda m, y, v: (np.log(v) + (m - y) ** 2 / v).mean() / 2,
    "info_nce": lambda q, k, temperature=0.1: -np.diag(log_softmax(q @ k.T / temperature, axis=-1)).mean(),
    "triplet_margin_loss": lambda a, p, n, margin=1: np.maximum(
        np.linalg.norm(a - p, axis=-1) - np.linalg.norm(a - n, axis=-1) + margin, 0
    ).mean(),
    "cosine_similarity": lambda x, y: (x * y).sum(axis=-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(y, axis=-1),
}
SHAPES = {
    **{"X": "n q", "Y": "n q", "V": "n q", "w": "q", "b": "q", "W": "m q", "at": "n", "E": "q p", "d": "m"},
    **{"Q": "p n 4", "K": "p m 4", "U": "p m 3", "M": "n m", "h": "n m", "c": "n m", "G": "g q", "H": "g m", "a": "g", "e": "g"},
    **{"L": "20 q", "R": "20 m", "s": "p 3 11", "k": "4 3 2", "o": "4", "S": "p 3 6 5", "F": "2 3 3 2", "B": "p 6 4", "J": "m m"},
}
SIZES = {"g": 15}
CASES = [
    *[(f"{t}", w) for t, w in [("linear(X, W, d)", "W"), ("layer_norm(X, w, b) ** 2", "X"), ("rms_norm(X, w) ** 2", "X")]],
    ("sum(layer_norm(X, w) ** 3)", ("X", "w")),
    ("batch_norm(X, w, b) ** 2", "X"),
    ("dropout(X, Y, 0.25)", "X"),
    ("embedding(at, E) ** 2", "E"),
    ("scaled_dot_product_attention(Q, K, U, M)", "K"),
    ("scaled_dot_product_attention(Q, K, U)", "U"),
    ("rnn_cell(X, h, W, J, d)", "J"),
    ("gru_cell(X, h, G, H, a, e)", "h"),
    ("gru_cell(X, h, G, H, a, e)", "G"),
    ("lstm_cell(X, h, c, L, R)", "L"),
    ("lstm_cell(X, h, c, L, R)", "c"),
    ("conv1d(s, k, o) ** 2", "s"),
    ("sum(conv1d(s, k, padding=1) ** 3)", "k"),
    ("sum(conv1d(s, k, stride=2, padding=1) ** 3)", "s"),
    ("sum(tanh(conv2d(S, F)))", "S"),
    ("sum(tanh(conv2d(S, F, stride=2, padding=1)))", "F"),
    ("avg_pool1d(s, 2) ** 2", "s"),
    ("avg_pool2d(B, 2)", "B"),
    ("max_pool1d(s, 3, 2) ** 2", "s"),
    ("max_pool2d(B, 2) ** 2", "B"),
    ("cross_entropy(X, at, w)", "X"),
    ("cross_entropy(X, at, label_smoothing=0.2)", "X"),
    ("cross_entropy(X, Y, w, label_smoothing=0.1)", "X"),
    ("cross_entropy(X, Y)", ("X", "X")),
    ("nll_loss(X, at)", "X"),
    ("binary_cross_entropy(sigmoid(X), sigmoid(Y))", "X"),
    ("kl_divergence(softmax(X, axis=-1), softmax(Y, axis=-1))", "X"),
    ("gaussian_nll_loss(X, Y, exp(V))", "V"),
    ("triplet_margin_loss(X, Y, V)", "X"),
    ("huber_loss(X, Y, 0.3)", "Y"),
    ("huber_loss(X, Y)", ("X", "Y")),
    ("info_nce(X, Y, 0.5)", "Y"),
    *[(f"{name}(X, Y)", "X") for name in ("mse_loss", "l1_loss", "hinge_loss", "focal_loss", "poisson_nll_loss", "cosine_similarity")],
    ("binary_cross_entropy_with_logits(X, Y)", ("X", "Y")),
]


@pytest.mark.parametrize(("text", "wrt"), CASES)
def test_a_derivative_agrees_with_differences(text, wrt):
    assert agrees(text, SHAPES, wrt, given={"at": np.array([1, 6, 0])}, also={**ALSO, **SIZES}, sizes=SIZES)


def test_every_layer_and_loss_is_put_to_the_test():
    names = [op.name for op in OPS.values() if op.kind in ("layer", "loss")]
    assert names and not [name for name in names if not any(f"{name}(" in text for text, _ in CASES)]


def test_another_layer_is_noticed():
    assert not agrees("batch_norm(X) ** 2", SHAPES, "X", expected="layer_norm(X) ** 2", also=ALSO, sizes=SIZES)


def test_the_gradient_of_a_cross_entropy_is_softmax_minus_label():
    result = derivative("cross_entropy(O, Y)", {"O": "n c", "Y": "n c"}, wrt="O", facts={"Y": "simplex over c"})
    assert {f.kind for f in result.facts} == {"simplex"} and "Y" in result.latex() and "softmax" in result.latex()
    assert "np.sum" not in result.numpy and result.numpy.count("reduce") == 2


def test_windows_must_fit():
    with pytest.raises(AxisError, match="window"):
        derivative("conv1d(s, k)", {"s": "2 3 4", "k": "1 3 5"}, wrt="s")
    with pytest.raises(AxisError, match="axes"):
        derivative("conv2d(s, k)", {"s": "2 3 4", "k": "1 3 5"}, wrt="s")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pad(s, ((1, 1), (0, 0)))", "pad_width"),
        ("pad(s, (1, 2, 3))", "pad_width"),
        ("pad(s, -1)", "pad_width"),
        ("sliding_window_view(s, 2)", "window_shape"),
        ("sliding_window_view(s, 5, axis=2)", "window is larger"),
        ("sliding_window_view(s, 0, axis=2)", "window_shape"),
        ("conv1d(s, k[:, :, :2], stride=(1, 2))", "stride|whole number"),
        ("conv1d(s, k[:, :2, :2])", "two sizes"),
        ("max_pool1d(s, 1.5)", "whole number"),
    ],
)
def test_what_no_window_slides_over_is_a_typed_error(text, reason):
    with pytest.raises(SymbackpropError, match=reason):
        derivative(text, {"s": "2 3 4", "k": "1 3 5"}, wrt="s")
