"""Walks the op table: the law that a docstring states is true of the op."""

import law_reader
import numpy as np
import pytest
from law_reader import Law

from symbackprop.ops import OPS

STATED = {op.name: op for op in OPS.values() if "=" in op.formula}
PROSE = {"gru_cell", "lstm_cell", "prod", "det", "eigvalsh"}
"""Laws in words, or of derivatives, which other tests compare."""
SIZES = {"m": 3, "n": 5, "eps": 1e-5, "stride": 1, "padding": 0, "ddof": 0}
SQUARE, ROW, PAIR = {"A": (3, 3)}, {"x": (5,)}, {"x": (3, 5), "w": (5,), "b": (5,)}
SHAPES = {
    **dict.fromkeys(("inv", "logdet", "sign_of_det", "slogdet", "cholesky", "eigenvectors", "eigh", "eigenvalue_gaps"), SQUARE),
    **dict.fromkeys(("diagonal", "trace", "matrix_power"), SQUARE),
    **{key: {"x": (5,), "w": (5,), "b": (5,)} for key in ("layer_norm", "rms_norm")},
    **{key: {"A": (3, 5), "B": (5, 2)} for key in ("matmul", "einsum", "tensordot")},
    "linear": {"x": (5, 3), "W": (2, 3), "b": (2,)},
    "batch_norm": {"X": (3, 5), "w": (5,), "b": (5,)},
    "rnn_cell": {"x": (5, 3), "h": (5, 2), "W": (2, 3), "U": (2, 2), "b": (2,)},
    "nll_loss": {"L": (5, 3), "y": (5,)},
    "norm": {"A": (3, 5)},
    "squeeze": {"A": (3, 1)},
    "solve": {"A": (3, 3), "b": (3,)},
    "hstack": {"A": (3, 5), "B": (3, 2)},
    "kron": {"A": (3, 5), "B": (2, 4)},
    "concatenate": {"x": (5,), "y": (3,)},
    "triplet_margin_loss": dict.fromkeys("apn", (3, 5)),
    "conv1d": {"x": (2, 3, 7), "w": (2, 3, 2)},
    "conv2d": {"x": (2, 3, 5, 4), "w": (2, 3, 3, 2)},
    "avg_pool1d": {"x": (6,)},
    "max_pool1d": {"x": (6,)},
    "avg_pool2d": {"x": (4, 6)},
    "max_pool2d": {"x": (4, 6)},
}
OTHER: dict[str, dict[str, float]] = {
    **{key: {"k": 2} for key in ("tile", "repeat", "broadcast_to", "split", "pad", "sliding_window_view")},
    **{key: {"k": 2, "stride": 2} for key in ("avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d")},
    **{key: {"c": 4} for key in ("full", "one_hot")},
    "kron": {"p": 2, "q": 4},
    "selu": {"s": 1.0507009873554804935, "a": 1.6732632423543772848},
    "huber_loss": {"delta": 1.0},
    "focal_loss": {"gamma": 2.0},
    "info_nce": {"temperature": 0.1},
    "triplet_margin_loss": {"margin": 1.0},
    "norm": {"p": 3, "inf": np.inf},
    "dropout": {"p": 0.25},
    "scaled_dot_product_attention": {"mask": 0, "d": 5},
}
RANGES = {
    **{key: {"u": 2, "v": 2} for key in ("avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d")},
    "tile": {"i": 2},
    "repeat": {"j": 2},
}
PLACES = {"embedding": ("words", 5), "take": ("words", 5), "nll_loss": ("y", 5), "one_hot": ("y", 4), "take_along_axis": ("k", 5)}
"""Arrays of whole numbers, and below what."""
TRUTHS = {"logical_and": "ab", "logical_or": "ab", "logical_not": "a", "where": "c"}
BETWEEN = ("binary_cross_entropy", "kl_divergence", "gaussian_nll_loss")
"""Losses of numbers between 0 and 1."""


def law_of(name: str, seed: int = 0) -> Law:
    """Data for a law: arrays with as many axes as it gives them places, of the sizes of `SHAPES` where they must fit."""
    op, generator = STATED[name], np.random.default_rng(seed)
    made, defined = law_reader.statements(op.formula)
    indices = {place[1] for t in law_reader.parts(made[0][2]) if t[0] == "at" for place in t[2] if place[0] == "name"}
    sizes = {x: v for x, v in {**SIZES, **OTHER.get(name, {})}.items() if x not in indices}
    calls = [t for t in law_reader.parts(("", made, [*defined.values()])) if t[0] == "call" and OPS.get(t[1]) is op]
    names = [x[1] for t in calls[:1] for a in t[2] for x in law_reader.parts(a[3] if a[0] == "relation" else a) if x[0] == "name"]
    names += [*PLACES.get(name, ())[:1], *SHAPES.get(name, {})]
    places = {t[1][1]: len(t[2]) for t in law_reader.parts(("", made)) if t[0] == "at" and t[1][0] == "name"}
    arrays = {}
    for k, x in enumerate(n for n in dict.fromkeys(names) if n not in sizes or n in SHAPES.get(name, ())):
        axes = places.get(x, 2 if x[0].isupper() else 1)
        shape = SHAPES.get(name, {}).get(x) or ((5,) if axes == 1 else (3, 5, 4, 2)[:axes])
        low, high = op.domain[k] if k < len(op.domain) else (None, None)
        values = generator.normal(size=shape) * 1.5
        if x == PLACES.get(name, ("",))[0]:
            arrays[x] = generator.integers(0, min(PLACES[name][1], 3), size=shape[: places.get(x, 1)])
        elif x in TRUTHS.get(name, ""):
            arrays[x] = values > 0
        elif SHAPES.get(name) is SQUARE:
            arrays[x] = values + 6 * np.eye(3)
        elif name in BETWEEN:
            arrays[x] = generator.uniform(0.1, 0.9, shape)
        elif low is not None:
            arrays[x] = low + (1 / (1 + np.exp(-values)) * (high - low) if high is not None else np.abs(values))
        else:
            arrays[x] = np.minimum(values, high) if high is not None else values
    return Law(arrays, sizes, RANGES.get(name, {}), norms=name in ("triplet_margin_loss", "cosine_similarity"))


@pytest.mark.parametrize("name", sorted(STATED.keys() - PROSE))
def test_the_law_of_a_docstring_is_true(name: str) -> None:
    assert law_reader.misses(STATED[name].formula, law_of(name)) == []


FALSE = {
    "silu": "silu(x) = 2 x sigmoid(x)",
    "matmul": "matmul(A, B)[i, k] = sum_j A[i, j] B[j, k] / n",
    "kron": "kron(A, B)[i * p + k, j * q + l] = A[i, j] B[k, l] [i < 2]",
    "softmax": "softmax(x)[k] = exp(-x[k]) / sum_j exp(-x[j])",
    "transpose": "transpose(A)[i, j] = A[j, i] + [i > j]",
    "relu": "relu(x) = x [x < 0]",
    "trace": "trace(A) = sum_i A[i, 0]",
    "roll": "roll(x, 1)[i] = x[i - 1] [i >= 1]",
    "max": "max(x, axis=1)[i] >= x[i, j] + 0.01 for all j",
    "huber_loss": "huber_loss(x, y) = mean(where(|d| <= delta, d^2 / 2, delta (|d| - delta / 2))), d = x + y",
}


@pytest.mark.parametrize("name", FALSE)
def test_control_a_false_law_is_caught(name: str) -> None:
    assert law_reader.misses(FALSE[name], law_of(name))
