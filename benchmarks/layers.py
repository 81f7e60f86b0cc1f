"""The layers whose verification is timed, as the tables that state a model: each with an upstream gradient, J = sum(G * layer)."""

EPS = "1e-5"


def _model(tensors: dict[str, str], equations: dict[str, str], parameters: list[str], data: list[str]) -> dict:
    roles = dict.fromkeys(parameters, "parameter") | dict.fromkeys(data, "input")
    return {"tensors": {n: {"axes": axes, "role": roles[n]} for n, axes in tensors.items()}, "equations": equations}


def _normalised(shape: str, grouped: str, axes: str, broadcast: str, mean: str) -> dict:
    """A norm over some axes of a picture, and a scale and a shift for each channel."""
    equations = {
        "Z": grouped,
        "M": f"mean(Z, axis={axes}, keepdims=True)",
        "V": f"mean((Z - M)**2, axis={axes}, keepdims=True)",
        "U": f"(Z - M) / sqrt(V + {EPS})",
        "J": f"sum(G * ({mean} * w{broadcast} + b{broadcast}))",
    }
    return _model({"X": shape, "w": "c", "b": "c", "G": shape}, equations, ["X", "w", "b"], ["G"])


LAYERS = {
    "conv2d": _model(
        {"X": "n c p q", "W": "o c 3 3", "b": "o", "G": "n o p q"},
        {"J": "sum(G * conv2d(X, W, b, stride=1, padding=1))"},
        ["X", "W", "b"],
        ["G"],
    ),
    "batch_norm": _model({"X": "n d", "w": "d", "b": "d", "G": "n d"}, {"J": "sum(G * batch_norm(X, w, b))"}, ["X", "w", "b"], ["G"]),
    "spatial_batch_norm": _normalised("n c p q", "X * 1", "(0, 2, 3)", "[:, None, None]", "U"),
    "group_norm": _model(
        {"X": "n 4 p q", "w": "4", "b": "4", "G": "n 4 p q"},
        {
            "Z": "reshape(X, (n, 2, 2, p, q))",
            "M": "mean(Z, axis=(2, 3, 4), keepdims=True)",
            "V": "mean((Z - M)**2, axis=(2, 3, 4), keepdims=True)",
            "U": f"reshape((Z - M) / sqrt(V + {EPS}), (n, 4, p, q))",
            "J": "sum(G * (U * w[:, None, None] + b[:, None, None]))",
        },
        ["X", "w", "b"],
        ["G"],
    ),
    "layer_norm": _model({"X": "n d", "w": "d", "b": "d", "G": "n d"}, {"J": "sum(G * layer_norm(X, w, b))"}, ["X", "w", "b"], ["G"]),
    "attention": _model(
        {"X": "n d", "A": "d k", "B": "d k", "C": "d v", "G": "n v"},
        {"J": "sum(G * scaled_dot_product_attention(X @ A, X @ B, X @ C))"},
        ["X", "A", "B", "C"],
        ["G"],
    ),
}
