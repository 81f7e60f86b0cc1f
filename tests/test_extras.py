"""What a generated module offers beyond the gradient: by value, in both dtypes, for one sample; errors; self_check that can fail; scipy."""

import re
import tracemalloc
from functools import cache

import numpy as np
import pytest
from scipy.optimize import minimize
from test_second import MODELS, derived, flat

import symbackprop as sbp
from symbackprop.errors import TargetError
from symbackprop.kinds.table import in_modules

ALL = in_modules()
SIZES = {"n": 7, "d": 3, "h": 2, "k": 5, "c": 3}


@cache
def module(name):
    return sbp.generate(derived(name), also=ALL)


@cache
def point(name, n=7):
    """The module, parameters, data, and two directions."""
    m = module(name).load()
    rng = np.random.default_rng(3)
    sizes = {**SIZES, "n": n}
    draw = {a: rng.standard_normal([sizes[x] for x in axes]) for a, axes in m.AXES.items()}
    if name not in ("squares with a penalty", "weights used twice"):
        draw["Y"] = np.exp(draw["Y"]) / np.exp(draw["Y"]).sum(axis=1, keepdims=True)
    params = m.Parameters(*[draw[f] for f in m.Parameters._fields])
    data = {a: x for a, x in draw.items() if a not in params._fields}
    v, w = (m.Parameters(*[rng.standard_normal(p.shape) for p in params]) for _ in range(2))
    return m, params, data, v, w


def dense(m, params, data, step=1e-4):
    """The Hessian by five-point differences of the module's gradients."""
    theta = m.pack(params)

    def gradient(t):
        return m.pack(m.gradients(m.unpack(t, params), **data))

    columns = []
    for k in range(theta.size):
        e = step * (np.arange(theta.size) == k)
        columns.append(
            (8 * (gradient(theta + e) - gradient(theta - e)) - (gradient(theta + 2 * e) - gradient(theta - 2 * e))) / (12 * step)
        )
    return np.array(columns).T


@pytest.mark.parametrize("n", [7, 1])
@pytest.mark.parametrize("name", MODELS)
def test_the_hessian_and_products_with_it(name, n):
    m, params, data, v, _ = point(name, n)
    matrix = m.hessian(params, **data)
    expected = dense(m, params, data)
    np.testing.assert_allclose(matrix, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(matrix, matrix.T, rtol=0, atol=1e-14)
    product = m.hessian_operator(params, **data)
    for _ in range(2):  # what is kept between products must not be overwritten by one
        np.testing.assert_allclose(m.pack(product(v)), matrix @ m.pack(v), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(m.pack(m.hessian_vector_product(params, **data, v=v)), m.pack(product(v)))


@pytest.mark.parametrize("name", MODELS)
def test_gauss_newton_products_are_symmetric_and_never_negative(name):
    m, params, data, v, w = point(name)
    product = m.gauss_newton_operator(params, **data)
    assert np.isclose(m.pack(w) @ m.pack(product(v)), m.pack(v) @ m.pack(product(w)))
    assert m.pack(v) @ m.pack(product(v)) >= 0
    if name == "one layer":
        np.testing.assert_allclose(m.pack(product(v)), m.hessian(params, **data) @ m.pack(v), atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_per_sample_gradients_and_their_norms(name):
    m, params, data, _, _ = point(name)
    each = m.per_sample_gradients(params, **data)
    norms = m.per_sample_gradient_norms(params, **data)
    for k in range(7):
        alone = m.pack(m.gradients(params, **{a: x[k : k + 1] for a, x in data.items()}))
        np.testing.assert_allclose(flat([part[k] for part in each]), alone, rtol=1e-12, atol=1e-13)
        assert np.isclose(norms[k], np.linalg.norm(alone))
    np.testing.assert_allclose(flat([part.mean(axis=0) for part in each]), m.pack(m.gradients(params, **data)), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", MODELS)
def test_jacobian_and_products_with_it(name):
    m, params, data, v, _ = point(name)
    X, theta = data["X"], m.pack(params)
    jacobian = np.concatenate([np.reshape(part, (np.size(m.forward(params, X)), -1)) for part in m.jacobian(params, X)], axis=1)
    step = 1e-5
    moved = [m.forward(m.unpack(theta + s * step * m.pack(v), params), X) for s in (1, -1)]
    np.testing.assert_allclose((jacobian @ m.pack(v)).reshape(moved[0].shape), (moved[0] - moved[1]) / (2 * step), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(m.jvp(params, X, v).ravel(), jacobian @ m.pack(v), atol=1e-12)
    u = np.random.default_rng(5).standard_normal(moved[0].shape)
    np.testing.assert_allclose(m.pack(m.vjp(params, X, u)), u.ravel() @ jacobian, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_float32_stays_float32(name):
    m, params, data, v, _ = point(name)
    p32, v32 = (m.Parameters(*[a.astype(np.float32) for a in parts]) for parts in (params, v))
    d32 = {a: x.astype(np.float32) for a, x in data.items()}
    u, u32 = (x.astype(np.float32) if k else x for k, x in enumerate([m.forward(params, data["X"])] * 2))
    calls = [
        (m.hessian(params, **data), m.hessian(p32, **d32)),
        (flat(m.hessian_vector_product(params, **data, v=v)), flat(m.hessian_vector_product(p32, **d32, v=v32))),
        (flat(m.gauss_newton_vector_product(params, **data, v=v)), flat(m.gauss_newton_vector_product(p32, **d32, v=v32))),
        (flat(m.per_sample_gradients(params, **data)), flat(m.per_sample_gradients(p32, **d32))),
        (m.per_sample_gradient_norms(params, **data), m.per_sample_gradient_norms(p32, **d32)),
        (flat(m.jacobian(params, data["X"])), flat(m.jacobian(p32, d32["X"]))),
        (m.jvp(params, data["X"], v), m.jvp(p32, d32["X"], v32)),
        (flat(m.vjp(params, data["X"], u)), flat(m.vjp(p32, d32["X"], u32))),
    ]
    for wide, narrow in calls:
        assert wide.dtype == np.float64 and narrow.dtype == np.float32
        np.testing.assert_allclose(narrow, wide, rtol=2e-4, atol=2e-5 * np.abs(wide).max())


@pytest.mark.parametrize("name", MODELS)
def test_no_argument_is_changed_and_no_result_is_shared(name):
    m, params, data, v, _ = point(name)
    before = [a.copy() for a in (*params, *data.values(), *v)]
    results = [*m.per_sample_gradients(params, **data), *m.jacobian(params, data["X"]), *m.hessian_vector_product(params, **data, v=v)]
    m.hessian(params, **data)
    for a in results:
        assert not any(np.shares_memory(a, b) for b in (*params, *data.values(), *v))
        a += 1
    assert all(np.array_equal(a, b) for a, b in zip((*params, *data.values(), *v), before, strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_self_check_passes(name):
    module(name).load().self_check(seed=1)


FLIPS = {
    "hessian": (r"(matrix\[of_W1, of_W1\].*=) ", r"\1 -1 * "),
    "hvp": (r"(        return Parameters\()", r"\1-"),
    "ggn": (r"(g_b2 = np.dot\(.*\n)", r"\1        g_b2 *= 2\n"),
    "per-sample": (r"(dW1_each = .*\n)", r"\1    dW1_each *= 2\n"),
    "jacobian": (r"(dO_dW2 = .*\n)", r"\1    dO_dW2[:, 0] += 1e-3\n"),
    "jvp": (r"(    r_O .= v_b2\n)(?=    return r_O)", r"\1    r_O *= 1.001\n"),
    "vjp": (r"(    g_b2 = np.dot\(ones_n, u_O\).*\n)", r"\1    g_b2 = -g_b2\n"),
}


@pytest.mark.parametrize("word", FLIPS)
def test_control_self_check_sees_a_slip(word):
    d = derived("relu")
    source = sbp.generate(d, also=[word]).source
    head, marker, rest = source.partition("def gradients(")
    wrong, count = re.subn(*FLIPS[word], rest, count=1)
    assert count == 1, rest
    namespace = type(module("relu").load())("wrong")
    with np.errstate(all="raise"):
        exec(compile(head + marker + wrong, "wrong", "exec"), namespace.__dict__)  # the package's own text, changed by this test
        with pytest.raises(AssertionError):
            for seed in range(3):
                namespace.self_check(seed=seed)


def test_a_matrix_that_would_not_fit_is_refused_before_it_is_made():
    m, params, data, _, _ = point("relu")
    big = m.Parameters(*[np.zeros([3000 if s == 2 else s for s in a.shape]) for a in params])
    count = sum(a.size for a in big)
    tracemalloc.start()
    with pytest.raises(MemoryError, match=rf"{count} x {count} numbers of 8 bytes.*limit=1,000,000; use products with vectors"):
        m.hessian(big, **data, limit=10**6)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**6
    assert m.hessian(params, **data, limit=sum(a.size for a in params) ** 2 * 8).shape == (sum(a.size for a in params),) * 2


def test_products_make_no_matrix():
    """Peak memory of a product: some copies of the parameters and activations, far from P x P."""
    m = module("relu").load()
    rng = np.random.default_rng(0)
    wide = {**SIZES, "n": 16, "d": 40, "h": 200, "c": 10}
    draw = {a: rng.standard_normal([wide[x] for x in axes]) for a, axes in m.AXES.items()}
    params = m.Parameters(*[draw[f] for f in m.Parameters._fields])
    data = {"X": draw["X"], "Y": np.eye(10)[rng.integers(0, 10, 16)]}
    count, activations = sum(a.size for a in params), 16 * (40 + 2 * 200 + 3 * 10)
    peaks = {}
    for name, call in {
        "product": lambda: m.hessian_vector_product(params, **data, v=params),
        "norms": lambda: m.per_sample_gradient_norms(params, **data),
    }.items():
        call()
        tracemalloc.start()
        call()
        peaks[name] = tracemalloc.get_traced_memory()[1] / 8
        tracemalloc.stop()
    assert peaks["product"] < 2 * count + 4 * activations < count**2 / 100
    assert peaks["norms"] < 4 * activations < 16 * count / 4


WRONG = {
    "too few": (lambda v: v[:2], r"v: expected 4 arrays, got 2"),
    "another shape": (lambda v: v._replace(W2=v.W2[:1]), r"v\.W2: expected shape \(3, 2\), got \(1, 2\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_vector_that_does_not_fit_is_named(case):
    m, params, data, v, _ = point("relu")
    change, message = WRONG[case]
    for call in (
        lambda: m.hessian_vector_product(params, **data, v=change(v)),
        lambda: m.gauss_newton_vector_product(params, **data, v=change(v)),
        lambda: m.jvp(params, data["X"], change(v)),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(ValueError, match=r"u: expected shape \(7, 3\), got \(3,\)"):
        m.vjp(params, data["X"], np.zeros(3))


def test_words_that_a_module_can_not_have():
    d = derived("relu")
    with pytest.raises(TargetError, match="'hesian' is nothing that a module can have"):
        sbp.generate(d, also=["hesian"])
    with pytest.raises(TargetError, match="by all parameters together"):
        sbp.generate(sbp.derive(d.model, wrt=["W1"]), also=["hvp"])
    tensors = {"x": {"axes": "d", "role": "parameter"}}
    scalar = sbp.derive(sbp.model(tensors, {"J": "sum(x**4)"}))
    with pytest.raises(TargetError, match="declares no output"):
        sbp.generate(scalar, also=["jvp"])
    m = sbp.generate(scalar, also=["hessian", "hvp"]).load()
    np.testing.assert_allclose(m.hessian(m.Parameters(np.arange(3.0))), np.diag([0, 12, 48]))
    assert m.hessian_vector_product(m.Parameters(np.arange(3.0)), v=m.Parameters(np.ones(3))).x.tolist() == [0, 12, 48]


def test_a_second_derivative_that_is_zero_is_an_array_of_zeros():
    tensors = {"x": {"axes": "d", "role": "parameter"}, "y": {"axes": "h", "role": "parameter"}}
    m = sbp.generate(sbp.derive(sbp.model(tensors, {"J": "sum(x**2) + sum(y)"})), also=["hessian", "hvp"]).load()
    params = m.Parameters(np.ones(3), np.ones(2))
    np.testing.assert_array_equal(m.hessian(params), np.diag([2.0, 2, 2, 0, 0]))
    one, other = m.hessian_operator(params)(params), m.hessian_operator(params)(params)
    assert one.y.tolist() == [0, 0] and not np.shares_memory(one.y, other.y)


def test_an_objective_for_scipy():
    m, params, data, _, _ = point("three layers")
    o = m.as_objective(**data, like=params)
    theta = m.pack(params)
    v = np.random.default_rng(0).standard_normal(theta.size)
    assert isinstance(o.fun(theta), float) and np.isclose(o.fun(theta), m.loss(params, **data))
    np.testing.assert_array_equal(o.jac(theta), m.pack(m.gradients(params, **data)))
    np.testing.assert_allclose(o.hessp(theta, v), o.hess(theta) @ v, rtol=1e-10, atol=1e-12)
    other = theta + 1
    np.testing.assert_allclose(o.hessp(other, v), o.hess(other) @ v, rtol=1e-10, atol=1e-12)
    theta += 0.5  # in place, as optimizers do
    assert np.isclose(o.fun(theta), m.loss(m.unpack(theta, params), **data))


SOLVERS = {
    "trust-ncg": (1e-10, lambda o: {"hess": o.hess, "options": {"gtol": 1e-10}}),
    "Newton-CG": (1e-6, lambda o: {"hessp": o.hessp, "options": {"xtol": 1e-12}}),
}
"""By method how small the gradient becomes (Newton-CG solves its last system no better), and its settings."""


@pytest.mark.parametrize("method", SOLVERS)
def test_logistic_regression_converges_in_a_few_iterations(method):
    model = sbp.model(
        {"X": {"axes": "n d", "role": "input"}, "y": {"axes": "n", "role": "label"}, "w": {"axes": "d", "role": "parameter"}},
        {"z": "X @ w", "J": "sum(softplus(z) - y * z) / n + 0.05 * sum(w**2)"},
        output="z",
        samples="n",
    )
    m = sbp.generate(sbp.derive(model), also=["objective"]).load()
    rng = np.random.default_rng(1)
    X = rng.standard_normal((200, 5))
    y = (rng.random(200) < 1 / (1 + np.exp(-X @ np.array([1.0, -2, 0.5, 0, 3])))).astype(float)
    o = m.as_objective(X, y)
    small, settings = SOLVERS[method]
    found = minimize(o.fun, np.zeros(5), jac=o.jac, method=method, **settings(o))
    assert found.nit <= 6 and np.linalg.norm(o.jac(found.x)) <= small
