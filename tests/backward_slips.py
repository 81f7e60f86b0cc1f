"""Passes of tests/data/backward/layers.py, each with one slip planted: the line, as it is and as it becomes, and a word of the cause."""

import linecache
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

LAYERS = Path(__file__).resolve().parent / "data" / "backward" / "layers.py"


@dataclass(frozen=True)
class Pair:
    """Names of the two passes in the file, and the shapes."""

    forward: str
    backward: str | None
    shapes: dict[str, str]


DENSE = {"x": "n d", "W": "d m", "b": "m"}
NORM = {"x": "n d", "gamma": "d", "beta": "d"}
PAIRS = {
    "affine": Pair("affine_forward", "affine_backward", DENSE),
    "tanh": Pair("dense_tanh", "dense_tanh_backward", DENSE),
    "batchnorm": Pair("batchnorm_forward", "batchnorm_backward", NORM),
    "layernorm": Pair("layernorm_forward", "layernorm_backward", NORM),
    "softmax": Pair("softmax_loss", None, {"scores": "n c", "y": "n index"}),
    "two_layer": Pair("two_layer", None, {"X": "n d", "y": "n index", "W1": "d h", "b1": "h", "W2": "h c", "b2": "c", "reg": ""}),
    "rnn": Pair("rnn_forward", "rnn_backward", {"x": "n t d", "h0": "n h", "Wx": "d h", "Wh": "h h", "b": "h"}),
    "lstm": Pair(
        "lstm_step", "lstm_step_backward", {"x": "n d", "prev_h": "n h", "prev_c": "n h", "Wx": "d 4*h", "Wh": "h 4*h", "b": "4*h"}
    ),
    "attention": Pair("attention", "attention_backward", {"Q": "n k", "K": "m k", "V": "m v"}),
    "logistic": Pair("logistic_cost", "logistic_gradient", {"theta": "p", "X": "m p", "y": "m", "lam": ""}),
    "conv": Pair("conv_forward", "conv_backward", {"x": "n c h w", "w": "f c 2 2", "b": "f"}),
    "class": Pair("Affine", None, DENSE),
    "network": Pair("Regression", None, {"X": "n n_in", "t": "n"}),
}

SLIPS: list[tuple[str, str, str, str]] = [
    ("affine", "dx = dout.dot(W.T)", "dx = -dout.dot(W.T)", "sign"),
    ("affine", "dW = x.T.dot(dout)", "dW = dout.T.dot(x)", "way round"),
    ("affine", "db = np.sum(dout, axis=0)", "db = np.mean(dout, axis=0)", "sum"),
    ("tanh", "dz = da * (1 - a**2)", "dz = da * (1 - z**2)", "`z`"),
    ("tanh", "dz = da * (1 - a**2)", "dz = da", "(1 - a**2)"),
    ("tanh", "dz = da * (1 - a**2)", "dz = da * (1 - a)", ""),
    ("tanh", "db = dz.sum(axis=0)", "db = da.sum(axis=0)", "`da`"),
    ("tanh", "dx = dz @ W.T", "dx = dz @ W.T / len(x)", "len(x)"),
    ("batchnorm", "dgamma = np.sum(dout * xhat, axis=0)", "dgamma = np.sum(dout * x, axis=0)", "`x`"),
    (
        "batchnorm",
        "dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + eps) ** -1.5, axis=0)",
        "dvar = np.sum(dxhat * (x - mu) * -0.5 * var ** -1.5, axis=0)",
        "eps",
    ),
    (
        "batchnorm",
        "dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + eps) ** -1.5, axis=0)",
        "dvar = np.sum(dxhat * (x - mu) * 0.5 * (var + eps) ** -1.5, axis=0)",
        "sign",
    ),
    (
        "batchnorm",
        "dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + eps) ** -1.5, axis=0)",
        "dvar = np.sum(dxhat * (x - mu) * -0.5 * (var + eps) ** -0.5, axis=0)",
        "0.5",
    ),
    ("batchnorm", "dmu = np.sum(-dxhat / std, axis=0)", "dmu = np.sum(-dxhat * std, axis=0)", ""),
    ("batchnorm", "dx = dxhat / std + dvar * 2 * (x - mu) / N + dmu / N", "dx = dxhat / std + dvar * 2 * (x - mu) / N", "term"),
    ("batchnorm", "dx = dxhat / std + dvar * 2 * (x - mu) / N + dmu / N", "dx = dxhat / std + dvar * 2 * (x - mu) / N + dmu", "N"),
    ("batchnorm", "dx = dxhat / std + dvar * 2 * (x - mu) / N + dmu / N", "dx = dxhat / std + dvar * (x - mu) / N + dmu / N", "2"),
    ("layernorm", "dxhat = dout * gamma", "dxhat = dout", "gamma"),
    ("layernorm", "total = dxhat.sum(axis=1, keepdims=True)", "total = dxhat.sum(axis=0, keepdims=True)", "axis"),
    ("layernorm", "dx = inv / D * (D * dxhat - total - xhat * along)", "dx = inv / D * (D * dxhat - total + xhat * along)", "sign"),
    ("layernorm", "dx = inv / D * (D * dxhat - total - xhat * along)", "dx = inv * (D * dxhat - total - xhat * along)", "D"),
    ("layernorm", "dx = inv / D * (D * dxhat - total - xhat * along)", "dx = inv / D * (D * dxhat - total - along)", "xhat"),
    ("softmax", "    dscores /= N\n    return", "    return", "N"),
    ("softmax", "dscores[np.arange(N), y] -= 1", "dscores[np.arange(N), y] += 1", "`-=`"),
    ("softmax", "dscores[np.arange(N), y] -= 1", "dscores[np.arange(N), y] = -1", "`=`"),
    ("two_layer", 'grads["W2"] = h.T.dot(dscores) + reg * W2', 'grads["W2"] = h.T.dot(dscores)', "reg * W2"),
    ("two_layer", 'grads["W2"] = h.T.dot(dscores) + reg * W2', 'grads["W2"] = h0.T.dot(dscores) + reg * W2', "`h0`"),
    ("two_layer", 'grads["W1"] = X.T.dot(dh) + reg * W1', 'grads["W1"] = X.T.dot(dh) + 2 * reg * W1', "2"),
    ("two_layer", 'grads["W1"] = X.T.dot(dh) + reg * W1', 'grads["W1"] = X.T.dot(dh) - reg * W1', "sign"),
    ("two_layer", "    dh[h0 <= 0] = 0\n", "", "> 0)"),
    ("two_layer", 'grads["b1"] = dh.sum(axis=0)', 'grads["b1"] = dh.mean(axis=0)', "sum"),
    ("rnn", "da = total * (1 - h[:, t] ** 2)", "da = total * (1 - h[:, t])", ""),
    ("rnn", "dWx += x[:, t].T.dot(da)", "dWx = x[:, t].T.dot(da)", "`+=`"),
    ("rnn", "total = dh[:, t] + dprev", "total = dh[:, t]", "dprev"),
    ("rnn", "dWh += before.T.dot(da)", "dWh += h[:, t].T.dot(da)", "before"),
    ("lstm", "dc = dnext_c + dnext_h * o * (1 - tc**2)", "dc = dnext_h * o * (1 - tc**2)", "dnext_c"),
    ("lstm", "df = dc * prev_c", "df = dc * f", "`f`"),
    ("lstm", "dprev_c = dc * f", "dprev_c = dc * i", "`i`"),
    ("lstm", "dg = dc * i", "dg = dc * g", "`g`"),
    ("attention", "dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))", "dS = A * (dA - (dA * A).sum(axis=0, keepdims=True))", "axis"),
    ("attention", "dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))", "dS = A * (1 - A) * dA", ""),
    ("attention", "dK = dS.T @ Q / scale", "dK = dS.T @ Q", "scale"),
    ("attention", "dV = A.T @ dO", "dV = A.T @ dO / scale", "scale"),
    ("logistic", "grad = X.T @ (h - y) / m", "grad = X.T @ (y - h) / m", "sign"),
    ("logistic", "grad[1:] += lam / m * theta[1:]", "grad += lam / m * theta", ""),
    ("logistic", "grad = X.T @ (h - y) / m", "grad = X.T @ (h - y)", "m"),
    ("conv", "dw += np.einsum", "dw -= np.einsum", "`+=`"),
    ("conv", "db = dout.sum(axis=(0, 2, 3))", "db = dout.mean(axis=(0, 2, 3))", "sum"),
    ("class", "self.dW = self.x.T @ dout", "self.dW = self.x.T @ dout / len(self.x)", "len(self.x)"),
    ("class", "return dout @ self.W.T", "return -dout @ self.W.T", "sign"),
    ("network", "delta = (self.out - self.t) / len(self.t)", "delta = self.out - self.t", "division"),
    ("network", "dz = dh * self.h * (1 - self.h)", "dz = dh * (1 - self.h)", "self.h"),
    ("rnn", "dprev = da.dot(Wh.T)", "dprev = da.dot(Wh)", "transpose"),
]


def load(text: str, folder: Path) -> ModuleType:
    """The module of a source that is written into a folder."""
    path = folder / "layers.py"
    path.write_text(text, encoding="utf-8")
    return module_of(path)


def module_of(path: Path) -> ModuleType:
    """The module of a file."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    linecache.checkcache(str(path))
    return module


def planted(name: str, old: str, new: str) -> tuple[str, int]:
    """The source with a slip in the pass of a pair, and the line where it is, or where a line is missing."""
    text = LAYERS.read_text(encoding="utf-8")
    start = text.index(
        f"{'class' if PAIRS[name].forward[0].isupper() else 'def'} {PAIRS[name].backward or PAIRS[name].forward}("
        if not PAIRS[name].forward[0].isupper()
        else f"class {PAIRS[name].forward}:"
    )
    at = text.index(old, start)
    return text[:at] + new + text[at + len(old) :], text[:at].count("\n") + 1
