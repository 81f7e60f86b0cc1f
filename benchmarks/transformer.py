"""The transformer block of examples/models: loss and gradients by the generated module, the yardstick, HIPS autograd, JAX and PyTorch.

    python benchmarks/transformer.py               prints the table
    python benchmarks/transformer.py --write       and puts it into docs/performance.md

Batch 8, time 64, features 128, 8 heads, 512 hidden units; one thread. Every result is compared with the yardstick's before it is timed.
"""

import argparse
import importlib.util
import sys
from pathlib import Path

import harness

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
SIZES = {"b": 8, "t": 64, "f": 128, "h": 8, "e": 16, "m": 512}
GOAL = 1.2
ALLOWED = {"float64": 1e-9, "float32": 1e-4}
NAMES = ["autograd", "JAX", "PyTorch"]


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--budget", type=float, default=0.1, help="seconds for each peer in a round")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


ASKED = arguments()
harness.fix_threads(1)

import comparison  # noqa: E402 - NumPy may be imported only now, when the number of threads is set
import numpy as np  # noqa: E402
from yardstick_transformer import np_alloc  # noqa: E402

import symbackprop as sbp  # noqa: E402


def example():
    """The module of examples/models that states the block."""
    spec = importlib.util.spec_from_file_location("transformer_block", ROOT / "examples" / "models" / "transformer_block.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def data(model, dtype: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Input, target and causal mask; the parameters by Glorot's rule, scales about 1, biases about 0."""
    draw = np.random.default_rng(1)
    shapes = {t.name: tuple(SIZES[str(a)] for a in t.axes) for t in model.program.leaves}
    mask = np.where(np.tri(SIZES["t"]) > 0, 0.0, -1e9)
    given = [draw.standard_normal(shapes["X"]), draw.standard_normal(shapes["Target"]), mask]
    parameters = []
    for t in model.program.parameters:
        made = draw.standard_normal(shapes[t.name])
        parameters.append(made * SIZES["f"] ** -0.5 if made.ndim > 1 else 0.1 * made + t.name.startswith("gain"))
    return [a.astype(dtype) for a in given], [p.astype(dtype) for p in parameters]


def hips_autograd(given, parameters):
    """HIPS autograd on NumPy."""
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.special import erf

    X, Target, mask = given

    def norm(x, gain, shift):
        c = x - anp.mean(x, axis=-1, keepdims=True)
        return gain * c / anp.sqrt(anp.mean(c * c, axis=-1, keepdims=True) + 1e-5) + shift

    def loss(P):
        gain1, shift1, Wq, Wk, Wv, Wo, gain2, shift2, W1, b1, W2, b2 = P
        h, e, f = Wq.shape
        Z = norm(X, gain1, shift1)
        Q, K, V = (anp.transpose(anp.reshape(Z @ anp.reshape(W, (h * e, f)).T, (*X.shape[:2], h, e)), (0, 2, 1, 3)) for W in (Wq, Wk, Wv))
        S = Q @ anp.swapaxes(K, -1, -2) / e**0.5 + mask
        E = anp.exp(S - anp.max(S, axis=-1, keepdims=True))
        C = anp.transpose(E / anp.sum(E, axis=-1, keepdims=True) @ V, (0, 2, 1, 3))
        R = X + anp.reshape(C, (*X.shape[:2], h * e)) @ anp.reshape(Wo, (f, h * e)).T
        U = norm(R, gain2, shift2) @ W1.T + b1
        out = R + (U * (1 + erf(U / 2**0.5)) / 2) @ W2.T + b2
        return anp.mean((out - Target) ** 2) / 2

    both = autograd.value_and_grad(loss)
    return lambda: both(parameters)


def jax_jit(given, parameters):
    """JAX, jit, arrays already on its device; waits for the result."""
    import jax

    X, Target, mask = map(jax.numpy.asarray, given)

    def norm(x, gain, shift):
        c = x - x.mean(-1, keepdims=True)
        return gain * c / jax.numpy.sqrt((c * c).mean(-1, keepdims=True) + 1e-5) + shift

    def loss(P):
        gain1, shift1, Wq, Wk, Wv, Wo, gain2, shift2, W1, b1, W2, b2 = P
        Z = norm(X, gain1, shift1)
        Q, K, V = (jax.numpy.einsum("btf,hef->bhte", Z, W) for W in (Wq, Wk, Wv))
        A = jax.nn.softmax(Q @ K.swapaxes(-1, -2) / Wq.shape[1] ** 0.5 + mask, axis=-1)
        R = X + jax.numpy.einsum("bhte,fhe->btf", A @ V, Wo)
        M = jax.nn.gelu(norm(R, gain2, shift2) @ W1.T + b1, approximate=False)
        return ((R + M @ W2.T + b2 - Target) ** 2).mean() / 2

    both = jax.jit(jax.value_and_grad(loss))
    held = [jax.numpy.asarray(p) for p in parameters]
    return lambda: jax.block_until_ready(both(held))


def torch_eager(given, parameters):
    """PyTorch, eager mode, its own layer norm and attention, autograd.grad."""
    import torch

    torch.set_num_threads(1)
    functional = torch.nn.functional
    X, Target, mask = map(torch.from_numpy, given)
    held = [torch.from_numpy(p.copy()).requires_grad_() for p in parameters]

    def both():
        gain1, shift1, Wq, Wk, Wv, Wo, gain2, shift2, W1, b1, W2, b2 = held
        h, e, f = Wq.shape
        Z = functional.layer_norm(X, (f,), gain1, shift1, 1e-5)
        weights = torch.cat([W.reshape(h * e, f) for W in (Wq, Wk, Wv)])
        Q, K, V = functional.linear(Z, weights).reshape(*X.shape[:2], 3, h, e).permute(2, 0, 3, 1, 4)
        C = functional.scaled_dot_product_attention(Q, K, V, attn_mask=mask)
        R = X + functional.linear(C.transpose(1, 2).flatten(2), Wo.flatten(1))
        M = functional.gelu(functional.linear(functional.layer_norm(R, (f,), gain2, shift2, 1e-5), W1, b1))
        loss = functional.mse_loss(R + functional.linear(M, W2, b2), Target) / 2
        return loss.detach(), torch.autograd.grad(loss, held)

    return both


PEERS = {"autograd": hips_autograd, "JAX": jax_jit, "PyTorch": torch_eager}


def main() -> int:
    """Time everything; 1 if the goal is missed."""
    model = example().model
    module = sbp.generate(sbp.derive(model)).load()
    call = harness.hot(module.loss_and_gradients)
    rows, missed = [], []
    for dtype in ("float64", "float32"):
        given, parameters = data(model, dtype)
        wide = [np.asarray(a, np.float64) for a in given], [np.asarray(p, np.float64) for p in parameters]
        truth = comparison.flat(np_alloc(*wide[0], wide[1])())
        held = module.Parameters(*parameters)
        calls = {
            "np_alloc": np_alloc(*given, parameters),
            "generated": lambda given=given, held=held: call(held, *given),
        }
        calls = comparison.agreeing(comparison.installed(calls, PEERS, NAMES, given, parameters), truth, ALLOWED[dtype])
        times = harness.interleaved(calls, ASKED.rounds, ASKED.budget)
        rows.append(comparison.row([dtype], times, NAMES))
        print(" ".join(rows[-1]), file=sys.stderr)
        if "generated" not in times or harness.ratio(times["generated"], times["np_alloc"]) > GOAL:
            missed.append(dtype)
    table = harness.markdown(["dtype", "yardstick", "generated / yardstick", *(f"{name} / yardstick" for name in NAMES)], rows)
    text = f"{table}\n\n{harness.machine()}; 1 thread, {ASKED.rounds} rounds."
    print(text)
    if missed:
        print("above the goal: " + "; ".join(missed), file=sys.stderr)
    if ASKED.write:
        harness.replace_section(PAGE, "transformer", text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
