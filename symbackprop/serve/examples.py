"""Examples that the page offers."""

import json
from pathlib import Path
from typing import Any

from symbackprop.emit import template_root

EXPRESSIONS: dict[str, dict[str, Any]] = {
    "Least squares": {"text": "norm(A @ x - b)**2", "claim": "df/dx == 2 * A.T @ (A @ x - b)"},
    "Logistic regression": {"text": "sum(log(1 + exp(-y * (X @ w)))) / n + lam * norm(w)**2", "wrt": ["w"]},
    "A quadratic form, twice": {"text": "x @ A @ x", "order": 2, "claim": "d2f/dx2 == A + A.T"},
    "Log determinant": {"text": "logdet(A)", "shapes": {"A": "n n; symmetric"}, "claim": "inv(A)"},
    "Gaussian, by its mean": {"text": "(x - mu) @ inv(S) @ (x - mu) + logdet(S)", "shapes": {"S": "n n; symmetric"}, "wrt": ["mu"]},
    "Softmax": {"text": "softmax(A @ x)"},
    "Attention": {"text": "softmax(Q @ K.T / sqrt(d), axis=-1) @ V", "wrt": ["V"]},
    "Low rank": {"text": "norm(A - U @ V.T)**2", "wrt": ["U"], "claim": "-2 * A @ V"},
}


def examples() -> list[dict[str, str]]:
    """Names, and what each puts into the page, as JSON: expressions, and the model of the two-layer classifier."""
    model = Path(template_root()).parent / "examples" / "two_layer.toml"
    every = EXPRESSIONS | {"A two-layer network": {"text": model.read_text(encoding="utf-8"), "claim": "dJ/dO == (Yhat - Y) / n"}}
    return [{"name": name, "state": json.dumps(state)} for name, state in every.items()]
