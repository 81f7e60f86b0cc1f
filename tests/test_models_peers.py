"""The models of examples/models beside PyTorch and JAX: their own layers and losses where they have them, loss and every gradient."""

import math

import numpy as np
import pytest
from test_models import NAMES, agree, drawn, example, generated

pytestmark = pytest.mark.slow


def torch_logistic_regression(t, F, X, y, w, b, lam):
    return F.binary_cross_entropy_with_logits(X @ w + b, y) + lam / 2 * w @ w


def torch_poisson_regression(t, F, X, y, exposure, w, b):
    return F.poisson_nll_loss(X @ w + b + exposure.log(), y, log_input=True, full=False)


def torch_residual_mlp(t, F, X, Y, Win, gain, shift, W, b, V, Wout, bout):
    H = F.linear(X, Win)
    for k in range(6):
        H = H + F.linear(F.relu(F.linear(F.layer_norm(H, H.shape[1:], gain[k], shift[k], 1e-5), W[k], b[k])), V[k])
    return F.cross_entropy(F.linear(H, Wout, bout), Y)


def torch_convolution(t, F, X, Y, K1, b1, K2, b2, W, b):
    H = F.avg_pool2d(F.relu(F.conv2d(F.relu(F.conv2d(X, K1, b1)), K2, b2)), 2)
    return F.cross_entropy(F.linear(H.flatten(1), W.flatten(1), b), Y)


def torch_convolution_pooled(t, F, X, Y, K1, b1, K2, b2, W, b):
    H = F.max_pool2d(F.relu(F.conv2d(X, K1, b1, padding=1)), 2)
    H = F.max_pool2d(F.relu(F.conv2d(H, K2, b2, padding=1)), 2)
    return F.cross_entropy(F.linear(H.flatten(1), W.flatten(1), b), Y)


def torch_transformer_block(t, F, X, Target, mask, gain1, shift1, Wq, Wk, Wv, Wo, gain2, shift2, W1, b1, W2, b2):
    heads, size, features = Wq.shape
    Z = F.layer_norm(X, (features,), gain1, shift1, 1e-5)
    Q, K, V = (F.linear(Z, w.reshape(-1, features)).reshape(*X.shape[:2], heads, size).transpose(1, 2) for w in (Wq, Wk, Wv))
    C = F.scaled_dot_product_attention(Q, K, V, attn_mask=mask).transpose(1, 2).flatten(2)
    R = X + F.linear(C, Wo.flatten(1))
    M = F.gelu(F.linear(F.layer_norm(R, (features,), gain2, shift2, 1e-5), W1, b1))
    return F.mse_loss(R + F.linear(M, W2, b2), Target) / 2


def torch_lstm(t, F, X, y, Wi, Ui, bi, Wf, Uf, bf, Wo, Uo, bo, Wg, Ug, bg, w):
    """By nn.LSTM's own cell, whose weights hold input, forget, cell and output gate one below the other."""
    w_ih, w_hh, b = t.cat([Wi, Wf, Wg, Wo]), t.cat([Ui, Uf, Ug, Uo]), t.cat([bi, bf, bg, bo])
    h = c = t.zeros(len(X), len(w), dtype=X.dtype)
    for x in X.unbind(1):
        h, c = t.lstm_cell(x, (h, c), w_ih, w_hh, b, t.zeros_like(b))
    return F.mse_loss(h @ w, y) / 2


def torch_variational_autoencoder(t, F, X, noise, W1, b1, Wm, bm, Ws, bs, V1, c1, V2, c2):
    H = F.linear(X, W1, b1).tanh()
    mu, logvar = F.linear(H, Wm, bm), F.linear(H, Ws, bs)
    prior, posterior = t.distributions.Normal(0.0, 1.0), t.distributions.Normal(mu, (logvar / 2).exp())
    O = F.linear(F.linear(mu + posterior.scale * noise, V1, c1).tanh(), V2, c2)
    divergence = t.distributions.kl_divergence(posterior, prior).sum()
    return (F.binary_cross_entropy_with_logits(O, X, reduction="sum") + divergence) / len(X)


def torch_gaussian_process(t, F, X, y, log_length, log_signal, log_noise):
    U = X / log_length.exp()
    K = (2 * log_signal - (U[:, None] - U).square().sum(-1) / 2).exp() + (2 * log_noise).exp() * t.eye(len(X), dtype=X.dtype)
    return -t.distributions.MultivariateNormal(t.zeros_like(y), K).log_prob(y)


def torch_matrix_factorisation(t, F, R, known, lam, U, V, p, q, mean_rating):
    predicted = t.addmm(p[:, None] + q + mean_rating, U, V.T)
    return F.mse_loss(predicted * known, R * known, reduction="sum") / 2 + lam / 2 * sum(a.square().sum() for a in (U, V, p, q))


def torch_graph_convolution(t, F, Adj, X, Y, labelled, W1, W2):
    loops = Adj + t.eye(len(Adj), dtype=X.dtype)
    degree = loops.sum(1).rsqrt()
    S = t.diag(degree) @ loops @ t.diag(degree)
    O = S @ (F.relu(S @ (X @ W1)) @ W2)
    chosen = labelled > 0
    return F.cross_entropy(O[chosen], Y[chosen])


def torch_metric_learning(t, F, X, Y, A):
    D = t.cdist(X @ A.T, X @ A.T, compute_mode="donot_use_mm_for_euclid_dist").square()
    P = F.softmax(-D.masked_fill(t.eye(len(X), dtype=t.bool), math.inf), dim=1)
    return -(P * (Y.argmax(1)[:, None] == Y.argmax(1))).sum() / len(X)


def by_torch(name, arrays, wrt):
    """Loss and gradients by PyTorch, in float64."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    held = {k: torch.tensor(v, dtype=torch.float64, requires_grad=k in wrt) for k, v in arrays.items()}
    loss = globals()[f"torch_{name}"](torch, torch.nn.functional, **held)
    found = torch.autograd.grad(loss, [held[k] for k in wrt])
    return loss.item(), {k: g.numpy() for k, g in zip(wrt, found, strict=True)}


def by_jax(name, arrays, wrt):
    """Loss and gradients by JAX of the example's own text, in float64: its functions are JAX's where it says np. and sbp."""
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    jax.config.update("jax_enable_x64", True)
    module = example(name)
    function = getattr(module, name, None) or module.unrolled(5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "np", jax.numpy, raising=False)
        patch.setattr(module, "sbp", Jaxed(jax))
        data = {k: jax.numpy.asarray(v) for k, v in arrays.items() if k not in wrt}
        value, found = jax.value_and_grad(lambda p: function(**data, **p))({k: jax.numpy.asarray(arrays[k]) for k in wrt})
    return float(value), {k: np.asarray(g) for k, g in found.items()}


class Jaxed:
    """The functions that the examples call as sbp.name, by JAX's own."""

    def __init__(self, jax):
        self.jax = jax

    def __getattr__(self, name):
        own = {
            "logdet": lambda K: self.jax.numpy.linalg.slogdet(K)[1],
            "gelu": lambda x: self.jax.nn.gelu(x, approximate=False),
            "conv2d": self.conv2d,
            "max_pool2d": self.max_pool2d,
            "cross_entropy": lambda O, Y: -(Y * self.jax.nn.log_softmax(O)).sum(-1).mean(),
        }
        return own.get(name) or getattr(self.jax.nn, name, None) or getattr(self.jax.numpy, name)

    def conv2d(self, x, w, b, padding):
        return self.jax.lax.conv(x, w, (1, 1), "SAME" if padding else "VALID") + b[:, None, None]

    def max_pool2d(self, x, size):
        window = (1, 1, size, size)
        return self.jax.lax.reduce_window(x, -np.inf, self.jax.lax.max, window, window, "VALID")


PEERS = {"PyTorch": by_torch, "JAX": by_jax}


def both(name, peer):
    """(value, gradients) of the generated module and of a peer, on the same arrays."""
    arrays = drawn(example(name).model, seed=2)
    module = generated(name).load()
    wrt = module.Parameters._fields
    params = module.Parameters(**{k: arrays[k] for k in wrt})
    value, found = module.loss_and_gradients(params, **{k: v for k, v in arrays.items() if k not in wrt})
    return (value, found._asdict()), PEERS[peer](name, arrays, wrt)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradients_are_a_peers(name, peer):
    mine, theirs = both(name, peer)
    assert all(np.any(v) for v in theirs[1].values())
    assert agree(mine, theirs)


@pytest.mark.parametrize("peer", PEERS)
def test_control_a_lost_factor_is_seen(peer):
    mine, theirs = both("logistic_regression", peer)
    assert agree(mine, theirs) and not agree(mine, (theirs[0], {k: 1.0001 * v for k, v in theirs[1].items()}))
