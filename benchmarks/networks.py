"""The networks that are timed, as models and as data: ReLU layers, softmax, mean cross entropy; weights "inputs outputs"."""

import itertools

import numpy as np

NETWORKS = {
    "4-5-3": ([4, 5, 3], [1, 32, 1024]),
    "64-128-10": ([64, 128, 10], [256]),
    "784-512-256-10": ([784, 512, 256, 10], [1024]),
    "20 x 256": ([256] * 20 + [10], [256]),
}
"""Name: sizes of the layers, and the numbers of samples."""


def letters(depth: int) -> list[str]:
    """A name for the axis of each layer: d, h1, h2, ..., c."""
    return ["d", *(f"h{k}" for k in range(1, depth)), "c"]


def network(dims: list[int]) -> dict:
    """The tables that state a network of these sizes: the arguments of sbp.model."""
    depth = len(dims) - 1
    names = letters(depth)
    tensors = {"X": {"axes": "n d", "role": "input"}, "Y": {"axes": "n c", "role": "label", "fact": "simplex over c"}}
    equations, previous = {}, "X"
    for k in range(1, depth + 1):
        tensors[f"W{k}"] = {"axes": f"{names[k - 1]} {names[k]}", "role": "parameter"}
        tensors[f"b{k}"] = {"axes": names[k], "role": "parameter"}
        equations["O" if k == depth else f"A{k}"] = f"{previous} @ W{k} + b{k}"
        if k < depth:
            equations[f"H{k}"] = f"relu(A{k})"
            previous = f"H{k}"
    equations["Yhat"] = "softmax(O, axis=-1)"
    equations["J"] = "-sum(Y * log(Yhat)) / n"
    axes = dict(zip(names, dims, strict=True))
    return {"tensors": tensors, "equations": equations, "axes": axes, "name": "network", "objective": "J", "output": "O", "samples": "n"}


def data(dims: list[int], samples: int, dtype: str) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Inputs, one-hot labels, and the parameters W1, b1, W2, b2, ... by He's rule."""
    draw = np.random.default_rng(1)
    inputs = draw.standard_normal((samples, dims[0])).astype(dtype)
    labels = np.eye(dims[-1], dtype=dtype)[draw.integers(0, dims[-1], samples)]
    parameters = []
    for fan_in, fan_out in itertools.pairwise(dims):
        parameters.append((draw.standard_normal((fan_in, fan_out)) * np.sqrt(2 / fan_in)).astype(dtype))
        parameters.append((0.1 * draw.standard_normal(fan_out)).astype(dtype))
    return inputs, labels, parameters
