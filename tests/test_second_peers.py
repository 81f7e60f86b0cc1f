"""Second order beside JAX and PyTorch: Hessians, products and per-sample gradients of modules, for each activation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest

import symbackprop as sbp

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")]

SIZES = {"n": 5, "d": 3, "c": 4, "t": 3, "f": 5, "a": 2}
HIDDEN = (2, 4, 3, 2)
ACTIVATIONS = ("relu", "leaky_relu", "relu6", "elu", "selu", "gelu", "silu", "mish", "softplus")
ACTIVATIONS += ("softsign", "sigmoid", "tanh", "logsigmoid")


@dataclass(frozen=True)
class Case:
    """A model: as symbackprop reads it, and as a peer computes its output and its loss from that."""

    parameters: dict[str, str]
    data: dict[str, str]
    equations: dict[str, str]
    output: Callable
    loss: Callable
    sizes: dict[str, int] = field(default_factory=lambda: SIZES)


def linear(name, x):
    return f"{x} @ W{name}.T + b{name}"


def network(activation, hidden):
    """A network with so many hidden layers; softmax and cross entropy."""
    axes = ["d", *[f"h{k}" for k in range(hidden)], "c"]
    parameters, equations, last = {}, {}, "X"
    for k in range(hidden + 1):
        parameters |= {f"W{k}": f"{axes[k + 1]} {axes[k]}", f"b{k}": axes[k + 1]}
        equations[f"Z{k}"] = linear(k, last)
        if k < hidden:
            equations[f"A{k}"] = f"{activation}(Z{k})"
            last = f"A{k}"
    equations["J"] = f"cross_entropy(Z{hidden}, Y)"

    def output(F, p, X):
        for k in range(hidden + 1):
            X = X @ p[f"W{k}"].T + p[f"b{k}"]
            X = getattr(F, activation)(X) if k < hidden else X
        return X

    sizes = SIZES | {f"h{k}": size for k, size in enumerate(HIDDEN[:hidden])}
    return Case(parameters, {"X": "n d", "Y": "n c"}, equations, output, lambda F, O, Y: F.cross_entropy(O, Y), sizes)


def logistic():
    equations = {"z": "X @ w + b", "J": "mean(softplus(z) - Y * z)"}

    def loss(F, z, Y):
        return (F.softplus(z) - Y * z).mean()

    return Case({"w": "d", "b": ""}, {"X": "n d", "Y": "n"}, equations, lambda F, p, X: X @ p["w"] + p["b"], loss)


def layer_norm():
    equations = {
        "N": "layer_norm(X @ W0.T) * g + s",
        "O": "tanh(N) @ W1.T",
        "J": "cross_entropy(O, Y)",
    }

    def output(F, p, X):
        return F.tanh(F.layer_norm(X @ p["W0"].T) * p["g"] + p["s"]) @ p["W1"].T

    parameters = {"W0": "f d", "g": "f", "s": "f", "W1": "c f"}
    return Case(parameters, {"X": "n d", "Y": "n c"}, equations, output, lambda F, O, Y: F.cross_entropy(O, Y))


def attention():
    """One head over t times; the loss is the mean square over samples, times and features."""
    equations = {
        "Q": "X @ Wq.T",
        "K": "X @ Wk.T",
        "V": "X @ Wv.T",
        "S": "softmax(einsum('nta,nua->ntu', Q, K) / sqrt(a), axis=2)",
        "O": "X + einsum('ntu,nuf->ntf', S, V)",
        "J": "mean((O - Y)**2) / 2",
    }

    def output(F, p, X):
        Q, K, V = (X @ p[w].T for w in ("Wq", "Wk", "Wv"))
        return X + F.softmax(Q @ F.transpose(K) / SIZES["a"] ** 0.5) @ V

    parameters = {"Wq": "a f", "Wk": "a f", "Wv": "f f"}
    return Case(parameters, {"X": "n t f", "Y": "n t f"}, equations, output, lambda F, O, Y: ((O - Y) ** 2).mean() / 2)


CASES = {"logistic": logistic, "softmax": lambda: network("relu", 0), "layer norm": layer_norm, "attention": attention}
CASES |= {f"two layers, {a}": lambda a=a: network(a, 1) for a in ACTIVATIONS}
CASES |= {f"five layers, {a}": lambda a=a: network(a, 4) for a in ACTIVATIONS}


@cache
def made(name):
    """A case, its module, parameters, data and a direction."""
    case = CASES[name]()
    tensors = {k: {"axes": s, "role": "parameter"} for k, s in case.parameters.items()}
    tensors |= {k: {"axes": s, "role": "label" if k == "Y" else "input"} for k, s in case.data.items()}
    if name not in ("logistic", "attention"):
        tensors["Y"]["fact"] = "simplex over c"
    last = [k for k in case.equations if k != "J"][-1]
    model = sbp.model(tensors, case.equations, objective="J", output=last, samples="n")
    module = sbp.generate(sbp.derive(model), also=["hessian", "hvp", "ggn", "per-sample"]).load()
    rng = np.random.default_rng(5)
    arrays = {k: rng.standard_normal([case.sizes[a] for a in shape.split()]) for k, shape in (case.parameters | case.data).items()}
    if name not in ("logistic", "attention"):
        arrays["Y"] = np.exp(arrays["Y"]) / np.exp(arrays["Y"]).sum(axis=1, keepdims=True)
    params = module.Parameters(*[arrays[k] for k in case.parameters])
    v = module.Parameters(*[rng.standard_normal(np.shape(p)) for p in params])
    return case, module, params, {k: arrays[k] for k in case.data}, v


class Jax:
    """What a case needs, by JAX; its derivatives by forward over reverse."""

    def __init__(self):
        self.jax = pytest.importorskip("jax", reason="JAX is not installed")
        self.jax.config.update("jax_enable_x64", True)
        self.own = {
            "softsign": self.jax.nn.soft_sign,
            "logsigmoid": self.jax.nn.log_sigmoid,
            "gelu": lambda x: self.jax.nn.gelu(x, approximate=False),
            "transpose": lambda x: self.jax.numpy.swapaxes(x, 1, 2),
        }

    def __getattr__(self, name):
        return self.own.get(name) or getattr(self.jax.nn, name, None) or getattr(self.jax.numpy, name)

    def cross_entropy(self, O, Y):
        return -(Y * self.jax.nn.log_softmax(O)).sum(-1).mean()

    def layer_norm(self, x):
        return (x - x.mean(-1, keepdims=True)) / (x.var(-1, keepdims=True) + 1e-5) ** 0.5

    def array(self, x):
        return self.jax.numpy.asarray(x)

    def hessian(self, f, x):
        return self.jax.hessian(f)(x)

    def grad(self, f, x):
        return self.jax.grad(f)(x)

    def jacobian(self, f, x):
        return self.jax.jacrev(f)(x)

    def concatenate(self, parts):
        return self.jax.numpy.concatenate([p.reshape(-1) for p in parts])


class Torch(Jax):
    """The same by PyTorch."""

    def __init__(self):
        self.torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        self.own = {"softmax": lambda x: self.torch.softmax(x, -1), "transpose": lambda x: x.transpose(1, 2)}

    def __getattr__(self, name):
        return self.own.get(name) or getattr(self.torch.nn.functional, name, None) or getattr(self.torch, name)

    def cross_entropy(self, O, Y):
        return self.torch.nn.functional.cross_entropy(O, Y)

    def layer_norm(self, x):
        return self.torch.nn.functional.layer_norm(x, x.shape[-1:], eps=1e-5)

    def array(self, x):
        return self.torch.tensor(x, dtype=self.torch.float64)

    def hessian(self, f, x):
        return self.torch.func.hessian(f)(x)

    def grad(self, f, x):
        return self.torch.func.grad(f)(x)

    def jacobian(self, f, x):
        return self.torch.func.jacrev(f)(x)

    def concatenate(self, parts):
        return self.torch.cat([p.reshape(-1) for p in parts])


PEERS = {"JAX": Jax, "PyTorch": Torch}


@cache
def found(name, peer):
    """Hessian, Gauss-Newton matrix and per-sample gradients by a peer, over all parameters in one vector."""
    case, _, params, data, _ = made(name)
    F = PEERS[peer]()
    X, Y = F.array(data["X"]), F.array(data["Y"])
    theta = F.array(np.concatenate([np.ravel(p) for p in params]))
    ends = np.cumsum([0, *[np.size(p) for p in params]])

    def unpacked(t):
        return {k: t[a:b].reshape(np.shape(p)) for k, p, a, b in zip(case.parameters, params, ends, ends[1:], strict=False)}

    def output(t, x=X):
        return case.output(F, unpacked(t), x)

    hessian = F.hessian(lambda t: case.loss(F, output(t), Y), theta)
    O = output(theta)
    J = np.asarray(F.jacobian(output, theta)).reshape(-1, len(theta))
    count = J.shape[0]
    H = np.asarray(F.hessian(lambda o: case.loss(F, o, Y), O)).reshape(count, count)
    each = [np.asarray(F.grad(lambda t, k=k: case.loss(F, output(t, X[k : k + 1]), Y[k : k + 1]), theta)) for k in range(len(data["X"]))]
    return np.asarray(hessian), J.T @ H @ J, np.array(each)


def close(mine, theirs):
    return np.allclose(mine, theirs, rtol=1e-9, atol=1e-11 * np.abs(theirs).max())


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", CASES)
def test_second_order_is_a_peers(name, peer):
    _, module, params, data, v = made(name)
    hessian, curvature, each = found(name, peer)
    assert np.abs(hessian).max() > 1e-3 and np.abs(curvature).max() > 1e-3
    assert close(module.hessian(params, **data), hessian)
    assert close(module.pack(module.hessian_vector_product(params, v=v, **data)), hessian @ module.pack(v))
    assert close(module.pack(module.gauss_newton_vector_product(params, v=v, **data)), curvature @ module.pack(v))
    mine = module.per_sample_gradients(params, **data)
    assert close(np.concatenate([np.reshape(g, (len(each), -1)) for g in mine], axis=1), each)


@pytest.mark.parametrize("peer", PEERS)
def test_control_a_small_slip_is_seen(peer):
    _, module, params, data, _ = made("two layers, tanh")
    hessian, curvature, _ = found("two layers, tanh", peer)
    assert not close(module.hessian(params, **data), curvature)
    assert not close(module.hessian(params, **data) * (1 + 1e-7), hessian)
