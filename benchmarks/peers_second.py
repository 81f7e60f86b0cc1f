"""Other ways to the same second derivatives, each where it is installed: JAX (jit) and PyTorch (torch.func).

Each takes a loss of a flat parameter vector, or of parameters, in the words of `Words`, and returns the function to time.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Words:
    """What a loss is written in: array functions of one library."""

    log_softmax: Callable
    relu: Callable
    softplus: Callable


def network(words: Words, P: list, X: Any) -> Any:
    """The logits of a ReLU network."""
    A = X
    for k in range(0, len(P), 2):
        A = (A if k == 0 else words.relu(A)) @ P[k] + P[k + 1]
    return A


def cross_entropy(words: Words, O: Any, Y: Any) -> Any:
    """The mean cross entropy of logits."""
    return -(Y * words.log_softmax(O)).sum() / O.shape[0]


def loss_of(kind: str, words: Words) -> Callable:
    """The loss of the problem `kind` as a function of its parameter and data."""
    return {
        "logistic": lambda w, X, y: words.softplus(-y * (X @ w)).sum() / X.shape[0],
        "softmax": lambda W, X, Y: cross_entropy(words, X @ W, Y),
        "quadratic": lambda x, A: x @ (A @ x),
        "factorisation": lambda U, T, V: ((T - U @ V.T) ** 2).sum(),
    }[kind]


def jax_words() -> tuple[Any, Words]:
    """JAX."""
    import jax

    return jax, Words(lambda z: jax.nn.log_softmax(z, -1), jax.nn.relu, jax.nn.softplus)


def torch_words() -> tuple[Any, Words]:
    """PyTorch."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    functional = torch.nn.functional
    return torch, Words(lambda z: functional.log_softmax(z, -1), torch.relu, functional.softplus)


def jax_hessian(kind: str, parameter: np.ndarray, data: list[np.ndarray]) -> Callable:
    """jit(hessian)."""
    jax, words = jax_words()
    made = jax.jit(jax.hessian(loss_of(kind, words)))
    held = [jax.numpy.asarray(a) for a in (parameter, *data)]
    return lambda: jax.block_until_ready(made(*held))


def torch_hessian(kind: str, parameter: np.ndarray, data: list[np.ndarray]) -> Callable:
    """torch.func.hessian, eager."""
    torch, words = torch_words()
    loss = loss_of(kind, words)
    t, *held = [torch.from_numpy(a.copy()) for a in (parameter, *data)]
    made = torch.func.hessian(lambda q: loss(q, *held))
    return lambda: made(t)


def _unflat(theta: Any, shapes: list[tuple[int, ...]]) -> list:
    parts, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        parts.append(theta[start : start + size].reshape(shape))
        start += size
    return parts


def jax_network_hessian(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray]) -> Callable:
    """jit(hessian) over the flat parameters of a network."""
    jax, words = jax_words()
    shapes = [a.shape for a in P]
    made = jax.jit(jax.hessian(lambda t, X, Y: cross_entropy(words, network(words, _unflat(t, shapes), X), Y)))
    held = [jax.numpy.asarray(a) for a in (np.concatenate([a.ravel() for a in P]), X, Y)]
    return lambda: jax.block_until_ready(made(*held))


def torch_network_hessian(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray]) -> Callable:
    """torch.func.hessian over the flat parameters of a network."""
    torch, words = torch_words()
    shapes = [a.shape for a in P]
    t, x, y = (torch.from_numpy(a.copy()) for a in (np.concatenate([a.ravel() for a in P]), X, Y))
    made = torch.func.hessian(lambda q: cross_entropy(words, network(words, _unflat(q, shapes), x), y))
    return lambda: made(t)


def jax_product(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray], V: list[np.ndarray], gauss_newton: bool) -> Callable:
    """jit(jvp of grad), or the Gauss-Newton product by jvp, jvp of grad of the loss, and vjp."""
    jax, words = jax_words()
    x, y, p, v = (jax.tree_util.tree_map(jax.numpy.asarray, a) for a in (X, Y, list(P), list(V)))

    def hessian(p, v, x, y):
        return jax.jvp(jax.grad(lambda q: cross_entropy(words, network(words, q, x), y)), (p,), (v,))[1]

    def curvature(p, v, x, y):
        out, along = jax.jvp(lambda q: network(words, q, x), (p,), (v,))
        back = jax.vjp(lambda q: network(words, q, x), p)[1]
        return back(jax.jvp(jax.grad(lambda o: cross_entropy(words, o, y)), (out,), (along,))[1])[0]

    made = jax.jit(curvature if gauss_newton else hessian)
    return lambda: jax.block_until_ready(made(p, v, x, y))


def torch_product(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray], V: list[np.ndarray], gauss_newton: bool) -> Callable:
    """torch.func: jvp of grad, or jvp, jvp of grad of the loss, and vjp."""
    torch, words = torch_words()
    func = torch.func
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    p, v = (tuple(torch.from_numpy(a.copy()) for a in parts) for parts in (P, V))

    def hessian():
        return func.jvp(func.grad(lambda q: cross_entropy(words, network(words, q, x), y)), (p,), (v,))[1]

    def curvature():
        out, along = func.jvp(lambda q: network(words, q, x), (p,), (v,))
        back = func.vjp(lambda q: network(words, q, x), p)[1]
        return back(func.jvp(func.grad(lambda o: cross_entropy(words, o, y)), (out,), (along,))[1])[0]

    return curvature if gauss_newton else hessian


def jax_per_sample(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray]) -> Callable:
    """jit(vmap(grad))."""
    jax, words = jax_words()
    x, y, p = (jax.tree_util.tree_map(jax.numpy.asarray, a) for a in (X, Y, list(P)))
    made = jax.jit(jax.vmap(jax.grad(lambda p, x, y: cross_entropy(words, network(words, p, x[None]), y[None])), (None, 0, 0)))
    return lambda: jax.block_until_ready(made(p, x, y))


def torch_per_sample(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray]) -> Callable:
    """torch.func: vmap(grad)."""
    torch, words = torch_words()
    func = torch.func
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    p = tuple(torch.from_numpy(a.copy()) for a in P)
    made = func.vmap(func.grad(lambda p, x, y: cross_entropy(words, network(words, p, x[None]), y[None])), (None, 0, 0))
    return lambda: made(p, x, y)
