"""Other ways to the same gradients, each where it is installed: HIPS autograd, JAX (jit), PyTorch (eager).

Each takes inputs, labels and parameters, prepares its own arrays outside the clock, and returns the function to time.
"""

import os
from collections.abc import Callable

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray, list[np.ndarray]]


def hips_autograd(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray]) -> Callable[[], tuple]:
    """HIPS autograd on NumPy."""
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    def loss(P):
        A = X
        for k in range(0, len(P), 2):
            A = anp.dot(A if k == 0 else anp.maximum(A, 0), P[k]) + P[k + 1]
        return -anp.sum(Y * (A - logsumexp(A, axis=1, keepdims=True))) / X.shape[0]

    both = autograd.value_and_grad(loss)
    return lambda: both(P)


def jax_jit(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray]) -> Callable[[], tuple]:
    """JAX, jit, arrays already on its device; waits for the result."""
    import jax

    def loss(P, X, Y):
        A = X
        for k in range(0, len(P), 2):
            A = (A if k == 0 else jax.nn.relu(A)) @ P[k] + P[k + 1]
        return -(Y * jax.nn.log_softmax(A, axis=1)).sum() / X.shape[0]

    both = jax.jit(jax.value_and_grad(loss))
    held = [jax.numpy.asarray(p) for p in P], jax.numpy.asarray(X), jax.numpy.asarray(Y)
    return lambda: jax.block_until_ready(both(*held))


def torch_eager(X: np.ndarray, Y: np.ndarray, P: list[np.ndarray]) -> Callable[[], tuple]:
    """PyTorch, eager mode, autograd.grad."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    functional = torch.nn.functional
    inputs, labels = torch.from_numpy(X), torch.from_numpy(Y)
    parameters = [torch.from_numpy(p.copy()).requires_grad_() for p in P]

    def both():
        A = inputs
        for k in range(0, len(parameters), 2):
            A = torch.addmm(parameters[k + 1], A if k == 0 else torch.relu(A), parameters[k])
        loss = functional.cross_entropy(A, labels)
        return loss.detach(), torch.autograd.grad(loss, parameters)

    return both


PEERS = {"autograd": hips_autograd, "JAX": jax_jit, "PyTorch": torch_eager}
