"""Layers as parts: a forward with a cache and a backward, generated from a traced layer, verified, and put together."""
# ruff: noqa: F722, F821

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.emit import load_source


def affine_forward(x: "n d", W: "d m", b: "m"):
    out = x @ W + b
    return out, (x, W, b)


def relu(x: "n d"):
    return x * (x > 0)


def batchnorm_forward(x: "n d", gamma: "d", beta: "d"):
    mu = x.mean(axis=0)
    std = np.sqrt(((x - mu) ** 2).mean(axis=0) + 1e-5)
    return gamma * (x - mu) / std + beta, (x, mu, std)


def softmax_loss(scores: "n c", y: "n index"):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(scores)), y]).mean()


def dropout_forward(x: "n d", scale: ""):
    return x.T * (np.random.rand(*x.shape) < scale).T


def embedding(E: "v d", words: "n index"):
    return E[words]


def norm_layer(S: "n n", x: "n d"):
    return np.tanh(S @ x)


def lstm_step(x: "n d", h: "n k", c: "n k", Wx: "d 4*k", Wh: "k 4*k"):
    i, f, o, g = np.split(x @ Wx + h @ Wh, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def turned(x: "n d", unused: "n"):
    return x.T


def repeated(x: "n d", b: "d"):
    return np.ones((len(x), 1)) * b


LAYERS = {
    affine_forward: ["x", "W", "b"],
    relu: ["x"],
    batchnorm_forward: ["x", "gamma", "beta"],
    dropout_forward: ["x"],
    embedding: ["E"],
    norm_layer: ["x"],
    turned: ["x", "unused"],
    repeated: ["b"],
}


def pair(layer, wrt, **options):
    """The source of the pair, and its module."""
    source = sbp.generate(sbp.derive(sbp.trace(layer, **options), wrt=wrt), also=["layer"]).source
    return load_source(source, "layer")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda f: f.__name__)
def test_a_pair_is_verified_with_its_model(layer):
    report = sbp.verify(sbp.derive(sbp.trace(layer), wrt=LAYERS[layer]), also=["layer"])
    assert report.ok and all(v.status in ("exact", "proved", "holds", "holds-if") for v in report.verdicts), report


def test_a_backward_that_is_wrong_does_not_pass_its_self_check():
    source = sbp.generate(sbp.derive(sbp.trace(batchnorm_forward), wrt=["x"]), also=["layer"]).source
    load_source(source, "right").self_check()
    head, _, tail = source.partition("def batchnorm_backward")
    body, _, rest = tail.partition("    return ")
    wrong = load_source(f"{head}def batchnorm_backward{body}    return 1.01 * {rest}", "wrong")
    with pytest.raises(AssertionError, match="batchnorm_backward"):
        wrong.self_check()


def test_a_stack_of_pairs_has_the_gradients_of_the_whole_network():
    affine, rectify = pair(affine_forward, ["x", "W", "b"]), pair(relu, ["x"])
    norm, top = pair(batchnorm_forward, ["x", "gamma", "beta"]), sbp.value_and_grad(softmax_loss)

    def network(params, x, y):
        h = relu(affine_forward(x, params["W"], params["b"])[0])
        h = batchnorm_forward(h, params["gamma"], params["beta"])[0]
        return softmax_loss(affine_forward(h, params["W2"], params["b2"])[0], y)

    x, y = normal(7, 5), np.arange(7) % 3
    params = {"W": normal(5, 4), "b": normal(4), "gamma": normal(4, seed=1), "beta": normal(4, seed=2), "W2": normal(4, 3), "b2": normal(3)}
    out, first = affine.affine_forward(x, params["W"], params["b"])
    out, bent = rectify.relu_forward(out)
    out, normed = norm.batchnorm_forward(out, params["gamma"], params["beta"])
    scores, last = affine.affine_forward(out, params["W2"], params["b2"])
    loss, above = top(scores, y)
    above, dW2, db2 = affine.affine_backward(above, last)
    above, dgamma, dbeta = norm.batchnorm_backward(above, normed)
    dx, dW, db = affine.affine_backward(rectify.relu_backward(above, bent), first)

    value, (expected, dx_expected) = sbp.value_and_grad(network, wrt=["params", "x"])(params, x, y)
    assert np.isclose(loss, value)
    for name, made in {"W": dW, "b": db, "gamma": dgamma, "beta": dbeta, "W2": dW2, "b2": db2}.items():
        np.testing.assert_allclose(made, expected[name], atol=1e-12)
    np.testing.assert_allclose(dx, dx_expected, atol=1e-12)


def test_gradients_come_by_name_too_and_a_cache_serves_twice():
    affine = pair(affine_forward, ["W", "b"])
    _, cache = affine.affine_forward(normal(7, 5), normal(5, 3), normal(3))
    first, second = [affine.affine_backward(normal(7, 3, seed=4), cache)._asdict() for _ in range(2)]
    assert list(first) == ["W", "b"] and all((first[k] == second[k]).all() for k in first)
    first["b"] += 1
    assert (affine.affine_backward(normal(7, 3, seed=4), cache).b == second["b"]).all()


@pytest.mark.parametrize("n", [0, 1, 7])
def test_single_precision_sizes_of_0_and_1_and_other_strides(n):
    affine = pair(affine_forward, ["x", "W", "b"])
    x, W = normal(5, 2 * n).astype(np.float32).T[::2], normal(3, 5).astype(np.float32).T
    out, cache = affine.affine_forward(x, W, np.ones(3, np.float32))
    dx, dW, db = affine.affine_backward(np.ones((3, n)).T, cache)
    assert {out.dtype, dx.dtype, dW.dtype, db.dtype} == {np.dtype(np.float32)}
    np.testing.assert_allclose(dW, np.tile(x.sum(axis=0)[:, None], 3), rtol=1e-4, atol=1e-5)
    assert dx.shape == (n, 5) and (db == n).all()


def test_an_upstream_gradient_of_another_shape_is_refused_by_its_name():
    rectify = pair(relu, ["x"])
    _, cache = rectify.relu_forward(normal(7, 5))
    with pytest.raises(ValueError, match=r"dout: expected shape \(7, 5\), got \(5,\)"):
        rectify.relu_backward(normal(5), cache)


def test_a_method_is_called_layer_and_its_arrays_are_arguments():
    class Affine:
        def __init__(self):
            self.W = normal(5, 3)

        def forward(self, x: "n d"):
            return np.tanh(x @ self.W)

    module = pair(Affine().forward, ["x", "W"], shapes={"W": "d m"})
    out, cache = module.layer_forward(normal(7, 5), normal(5, 3))
    above = normal(7, 3, seed=1) * (1 - out**2)
    np.testing.assert_allclose(module.layer_backward(normal(7, 3, seed=1), cache).W, normal(7, 5).T @ above)


def test_names_of_a_layer_may_be_any():
    def cache(dout: "n d", out: "d k", params: "k"):
        return np.exp(dout @ out) * params

    module = pair(cache, ["dout", "out", "params"])
    module.self_check()
    assert module.cache_backward.__code__.co_argcount == 2


def test_a_model_with_a_declared_output_is_a_layer_too():
    model = sbp.model(
        {"X": "n d", "Y": "n c", "W": {"axes": "d c", "role": "parameter"}},
        {"O": "tanh(X @ W)", "J": "sum((O - Y) ** 2)"},
        name="squares",
        output="O",
    )
    module = load_source(sbp.generate(model, also=["layer"]).source, "squares")
    out, cache = module.squares_forward(normal(7, 5), normal(5, 3))
    np.testing.assert_allclose(
        module.squares_backward(2 * (out - 1), cache),
        module.gradients(module.Parameters(normal(5, 3)), normal(7, 5), np.ones((7, 3)))[0],
    )


def test_a_step_of_a_recurrence_has_the_slopes_of_differences():
    pair(lstm_step, ["x", "h", "c", "Wx", "Wh"]).self_check(seed=1)


def test_a_tensor_may_be_called_like_a_function_of_the_pair():
    def spread(spread_forward: "n", cache: "n"):
        return spread_forward**2 * cache

    module = pair(spread, ["spread_forward", "cache"])
    module.self_check()
    _, kept = module.spread_forward(normal(3), np.ones(3))
    assert np.allclose(module.spread_backward(np.ones(3), kept)[0], 2 * normal(3))


def test_what_is_no_layer_is_a_typed_error():
    with pytest.raises(sbp.SymbackpropError, match="declares no output"):
        sbp.generate(sbp.derive(sbp.trace(softmax_loss), wrt=["scores"]), also=["layer"])
    model = sbp.trace(batchnorm_forward)
    with pytest.raises(sbp.SymbackpropError, match="mu is no argument"):
        sbp.generate(sbp.derive(model, wrt=["mu"]), also=["layer"])
