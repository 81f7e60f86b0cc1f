"""Models as scikit-learn states them: its objectives with their own conventions, as formulas.

Intercepts are not penalised. Parameters have the shapes of `coef_` and `intercept_`, and values of constants come with the model.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symbackprop.api import Model, model
from symbackprop.errors import SpecError

ACTIVATIONS = {"identity": "{}", "logistic": "sigmoid({})", "tanh": "tanh({})", "relu": "relu({})"}


def logistic_regression(C: float = 1.0, *, binary: bool = False, fit_intercept: bool = True) -> Model:
    """The objective of sklearn.linear_model.LogisticRegression with its solver lbfgs: a mean, and 1/(2 C n) of squared weights.

    J = -(1/n) sum_sk Y log softmax(X W^T + b) + sum(W^2) / (2 C n), W [c d], b [c], Y [n c] one-hot; `binary`: for two classes
    J = (1/n) sum_s (log(1 + exp(o)) - y o) + sum(w^2) / (2 C n), o = X w + b, w [d], b a number, y [n] of 0 and 1. C = inf: no penalty.
    That is 1/(C n) times the formula of its user guide.
    """
    penalty = {} if isinstance(C, float) and math.isinf(C) and C > 0 else {"C": _positive(C, "C")}
    if binary:
        equations = {"O": _linear("X @ w", fit_intercept), "J": "mean(softplus(O) - y * O)"}
        tensors = {"X": "n d", "y": _label("n"), "w": _parameter("d"), **_intercept(fit_intercept, "")}
    else:
        equations = {"O": _linear("X @ W.T", fit_intercept), "Yhat": "softmax(O, axis=-1)", "J": "-sum(Y * log(Yhat)) / n"}
        tensors = {"X": "n d", "Y": _label("n c", "one-hot over c"), "W": _parameter("c d"), **_intercept(fit_intercept, "c")}
    equations["J"] += f" + sum({'w' if binary else 'W'}**2) / (2 * C * n)" if penalty else ""
    return _made("logistic_regression", tensors, equations, penalty)


def ridge(alpha: float = 1.0, *, multi_output: bool = False, fit_intercept: bool = True) -> Model:
    """The objective of sklearn.linear_model.Ridge, which is a sum: J = sum((X w + b - y)^2) + alpha sum(w^2).

    w [d], b a number, y [n]; `multi_output`: W [k d], b [k], Y [n k].
    """
    return _squares(
        "ridge", "sum({}**2)", " + alpha * sum({}**2)", {"alpha": _positive(alpha, "alpha", least=0)}, multi_output, fit_intercept
    )


def linear_regression(*, multi_output: bool = False, fit_intercept: bool = True) -> Model:
    """Ordinary least squares as in sklearn.linear_model.LinearRegression: J = sum((X w + b - y)^2), shapes as of `ridge`."""
    return _squares("linear_regression", "sum({}**2)", "", {}, multi_output, fit_intercept)


def poisson_regressor(alpha: float = 1.0, *, fit_intercept: bool = True) -> Model:
    """The objective of sklearn.linear_model.PoissonRegressor: half the mean deviance but for a constant, and alpha/2 of squared weights.

    J = (1/n) sum_s (exp(o) - y o) + alpha/2 sum(w^2), o = X w + b, w [d], b a number, y [n] not below 0. What is predicted is exp(o).
    """
    equations = {"O": _linear("X @ w", fit_intercept), "J": "mean(exp(O) - y * O) + 0.5 * alpha * sum(w**2)"}
    tensors = {"X": "n d", "y": _label("n"), "w": _parameter("d"), **_intercept(fit_intercept, "")}
    return _made("poisson_regressor", tensors, equations, {"alpha": _positive(alpha, "alpha", least=0)})


def mlp_classifier(
    hidden_layer_sizes: Sequence[int] = (100,), activation: str = "relu", alpha: float = 0.0001, *, binary: bool = False
) -> Model:
    """The objective of sklearn.neural_network.MLPClassifier: mean cross entropy, and alpha/(2 n) of all squared weights.

    Weights are inputs by outputs, as `coefs_`: H1 = relu(X W1 + b1), ..., O = H W + b. `binary`: one output and y [n 1] of 0 and 1 for two
    classes, as it does itself. `activation`: "identity", "logistic", "tanh" or "relu". Hidden axes are h1, h2, ..., of these sizes.
    """
    label = _label("n 1") if binary else _label("n c", "one-hot over c")
    loss = {"J": "mean(softplus(O) - Y * O)"} if binary else {"Yhat": "softmax(O, axis=-1)", "J": "-sum(Y * log(Yhat)) / n"}
    return _layers("mlp_classifier", hidden_layer_sizes, activation, alpha, "1" if binary else "c", label, loss)


def mlp_regressor(hidden_layer_sizes: Sequence[int] = (100,), activation: str = "relu", alpha: float = 0.0001) -> Model:
    """The objective of sklearn.neural_network.MLPRegressor with one output: half the mean squared error + alpha/(2 n) of squared weights.

    The rest is as of `mlp_classifier`; Y [n 1].
    """
    return _layers("mlp_regressor", hidden_layer_sizes, activation, alpha, "1", _label("n 1"), {"J": "0.5 * sum((O - Y)**2) / n"})


def _squares(name: str, loss: str, penalty: str, values: dict[str, float], multi_output: bool, fit_intercept: bool) -> Model:
    if multi_output:
        tensors = {"X": "n d", "Y": _label("n k"), "W": _parameter("k d"), **_intercept(fit_intercept, "k")}
        equations = {"O": _linear("X @ W.T", fit_intercept), "J": loss.format("(O - Y)") + penalty.format("W")}
    else:
        tensors = {"X": "n d", "y": _label("n"), "w": _parameter("d"), **_intercept(fit_intercept, "")}
        equations = {"O": _linear("X @ w", fit_intercept), "J": loss.format("(O - y)") + penalty.format("w")}
    return _made(name, tensors, equations, values)


def _layers(
    name: str, hidden: Sequence[int], activation: str, alpha: float, last: str, label: dict[str, str], loss: dict[str, str]
) -> Model:
    hidden = [hidden] if isinstance(hidden, int) else list(hidden)
    if activation not in ACTIVATIONS:
        raise SpecError(f"there is no activation {activation!r}", place=name, fix=f"one of {', '.join(ACTIVATIONS)}")
    if not all(isinstance(size, int | np.integer) and size > 0 for size in hidden):
        raise SpecError(f"hidden_layer_sizes is {tuple(hidden)!r}", place=name, fix="give whole numbers of at least 1, as in (100,)")
    axes = ["d", *[f"h{k + 1}" for k in range(len(hidden))], last]
    tensors: dict[str, Any] = {"X": "n d", "Y": label}
    equations, above = {}, "X"
    for k in range(1, len(axes)):
        tensors |= {f"W{k}": _parameter(f"{axes[k - 1]} {axes[k]}"), f"b{k}": _parameter(axes[k])}
        sums, out = f"{above} @ W{k} + b{k}", k == len(axes) - 1
        equations["O" if out else f"Z{k}"] = sums
        if not out:
            equations[f"H{k}"] = ACTIVATIONS[activation].format(f"Z{k}")
        above = f"H{k}"
    squares = " + ".join(f"sum(W{k}**2)" for k in range(1, len(axes)))
    equations |= loss
    equations["J"] += f" + alpha / (2 * n) * ({squares})"
    sizes = dict(zip(axes[1:-1], map(int, hidden), strict=True))
    return _made(name, tensors, equations, {"alpha": _positive(alpha, "alpha", least=0)}, sizes)


def _made(
    name: str, tensors: dict[str, Any], equations: dict[str, str], values: dict[str, float], sizes: dict[str, int] | None = None
) -> Model:
    tensors |= {key: {"axes": "", "role": "constant"} for key in values}
    made = model(tensors, equations, name=name, objective="J", output="O", samples="n", axes=sizes)
    return Model(made.spec, {key: np.asarray(value) for key, value in values.items()})


def _linear(product: str, intercept: bool) -> str:
    return product + (" + b" if intercept else "")


def _intercept(intercept: bool, axes: str) -> dict[str, Any]:
    return {"b": _parameter(axes)} if intercept else {}


def _parameter(axes: str) -> dict[str, str]:
    return {"axes": axes, "role": "parameter"}


def _label(axes: str, fact: str = "") -> dict[str, str]:
    return {"axes": axes, "role": "label", **({"fact": fact} if fact else {})}


def _positive(value: float, name: str, least: float | None = None) -> float:
    """A number that is above 0, or at least `least`. Raises SpecError."""
    good = isinstance(value, int | float | np.number) and not isinstance(value, bool) and np.isfinite(value)
    if not good or value < 0 or (value == 0 and least is None):
        raise SpecError(f"{name} is {value!r}", place=name, fix="give a positive number")
    return float(value)
