"""`sbp.grad` and `sbp.value_and_grad`: numbers in one line, of functions as people write them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.emit import load_source

N, D, C = 7, 5, 3


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def differences(function: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central differences by each entry of `x`."""
    found = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        sides = [x.copy(), x.copy()]
        sides[0][place] += step
        sides[1][place] -= step
        found[place] = (function(sides[0]) - function(sides[1])) / (2 * step)
    return found


def softmax_loss(W, X, y, reg=0.1, power=2):
    scores = X @ W
    p = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    p /= np.sum(p, axis=1, keepdims=True)
    loss = -np.sum(np.log(p[np.arange(X.shape[0]), y])) / X.shape[0] + reg * np.sum(W**power)
    return loss, {"p": p}


def network(params, x):
    h = np.tanh(x @ params["W"] + params["b"])
    return np.mean(h[:, 0] ** 2)


def steps(x, w, activation):
    """A loop over an axis, and a branch on a size: what no symbolic size has."""
    h = np.zeros(x.shape[1])
    for row in x:
        h = activation(h * w + row)
    return np.sum(h) if x.shape[0] > 2 else np.sum(h**2)


def first_rows(x):
    return np.sum(x[:4] ** 3)


class Net:
    def __init__(self) -> None:
        self.W, self.reg = normal(D, C), 0.5

    def loss(self, x):
        self.h = x @ self.W
        return np.sum(np.sin(self.h)) + self.reg * np.sum(self.W**2)


def labels(n: int) -> np.ndarray:
    return np.arange(n) % C


@pytest.mark.parametrize("n", [1, 2, C, D, N])
def test_a_loss_of_any_number_of_samples_has_the_slopes_of_differences(n: int) -> None:
    W, X, y = normal(D, C), normal(n, D, seed=1), labels(n)
    value, dW = sbp.value_and_grad(softmax_loss)(W, X, y)
    assert np.isclose(value, softmax_loss(W, X, y)[0])
    assert np.allclose(dW, differences(lambda w: softmax_loss(w, X, y)[0], W), atol=1e-7)


def test_several_arguments_make_a_tuple_and_a_float_has_a_slope() -> None:
    W, X, y = normal(D, C), normal(N, D, seed=1), labels(N)
    dX, dreg = sbp.grad(softmax_loss, wrt=["X", "reg"])(W, X, y, power=4)
    assert np.allclose(dX, differences(lambda x: softmax_loss(W, x, y)[0], X), atol=1e-7)
    assert np.isclose(dreg, np.sum(W**4)) and np.ndim(dreg) == 0


def test_a_dictionary_and_a_list_have_gradients_of_their_own_form() -> None:
    params, x = {"W": normal(D, C), "b": normal(C)}, normal(N, D, seed=1)
    gradients = sbp.grad(network)(params, x)
    assert list(gradients) == ["W", "b"]
    assert np.allclose(gradients["b"], differences(lambda b: network({**params, "b": b}, x), params["b"]), atol=1e-7)
    made = sbp.grad(lambda layers, x: np.sum((x @ layers[0] @ layers[1]) ** 2))([normal(D, C), normal(C, 2)], x)
    assert [g.shape for g in made] == [(D, C), (C, 2)] and isinstance(made, list)


def test_a_function_is_generated_once_for_sizes_of_one_pattern() -> None:
    gradient, W = sbp.grad(softmax_loss), normal(D, C)
    sources = []
    for n in (7, 11, 13):
        gradient(W, normal(n, D), labels(n))
        sources.append(gradient.source)
    assert sources[0] is sources[1] is sources[2]
    assert all(isinstance(size, str) for size in load_source(sources[0], "loss").AXES["W"])


@pytest.mark.parametrize("activation", [np.tanh, lambda x: np.maximum(x, 0)])
@pytest.mark.parametrize("n", [2, 4])
def test_loops_and_branches_on_sizes_are_those_of_the_call(activation: Callable, n: int) -> None:
    x, w = normal(n, C), normal(C, seed=1)
    gradient = sbp.grad(steps, wrt="w")(x, w, activation)
    assert np.allclose(gradient, differences(lambda w: steps(x, w, activation), w), atol=1e-7)


def test_a_slice_beyond_the_end_is_that_of_numpy() -> None:
    gradient = sbp.grad(first_rows)
    for n in (7, 3):
        x = normal(n, 2)
        assert np.allclose(gradient(x), differences(first_rows, x), atol=1e-7)


def test_the_arrays_of_an_object_are_read_at_each_call() -> None:
    net, x = Net(), normal(N, D, seed=1)
    by_W, by_x = sbp.grad(net.loss, wrt="W"), sbp.grad(net.loss)
    for seed in (2, 3):
        net.W = normal(D, C, seed=seed)
        assert np.allclose(by_W(x), x.T @ np.cos(x @ net.W) + net.W)
        assert np.allclose(by_x(x), np.cos(x @ net.W) @ net.W.T)
    assert not hasattr(net, "h")


def test_single_precision_stays_and_other_strides_are_no_matter() -> None:
    x, A = normal(N, D).astype(np.float32), normal(D, N).astype(np.float32)
    value, gradient = sbp.value_and_grad(lambda x, A: np.sum((x @ A) ** 2))(x, A)
    assert value.dtype == gradient.dtype == np.float32
    turned = sbp.grad(lambda x, A: np.sum((x @ A) ** 2))(A.T[::-1], A[:, ::-1])
    assert turned.dtype == np.float32 and np.allclose(turned, 2 * A.T[::-1] @ A[:, ::-1] @ A[:, ::-1].T, rtol=1e-3)
    assert sbp.grad(lambda x, A: np.sum(x @ A))(x, A.astype(float)).dtype == np.float32


def test_whole_numbers_are_parts_of_the_function_unless_asked_for() -> None:
    gradient = sbp.grad(lambda x, k: np.sum(x**k))
    assert [gradient(2.0, k) for k in (2, 3)] == [4.0, 12.0]
    assert np.isclose(sbp.grad(lambda x, k: np.sum(x**k), wrt="k")(2.0, 3), 8 * np.log(2))
    assert list(sbp.grad(lambda x: np.sum(x**2))(np.arange(3))) == [0.0, 2.0, 4.0]


def test_nothing_is_summed_over_an_empty_axis_and_what_is_unused_has_slope_0() -> None:
    dx, dz = sbp.grad(lambda x, z: np.sum(x**2), wrt=["x", "z"])(np.zeros((0, 2)), normal(3))
    assert dx.shape == (0, 2) and list(dz) == [0, 0, 0]


def test_arguments_are_not_written_to() -> None:
    def scaled(x):
        x *= 2
        return np.sum(x**2)

    x = normal(3)
    before = x.copy()
    assert np.allclose(sbp.grad(scaled)(x), 8 * before) and (x == before).all()


def layer(x, W):
    return x @ W


def noisy(x):
    return np.sum(x * np.random.randn(*x.shape))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: sbp.grad(3), "a int can't be traced"),
        (lambda: sbp.grad(sbp.grad(first_rows)), "a gradient already"),
        (lambda: sbp.grad(lambda: 1.0), "no arguments"),
        (lambda: sbp.grad(first_rows, wrt=1.5), "names no argument"),
        (lambda: sbp.grad(first_rows, wrt=True), "names no argument"),
        (lambda: sbp.grad(first_rows, 1), "names no argument"),
        (lambda: sbp.grad(first_rows, wrt=()), "names no argument"),
        (lambda: sbp.grad(first_rows, wrt="x", argnums=0), "two words for one thing"),
        (lambda: sbp.hessian(sbp.hessian(first_rows)), "a hessian already"),
        (lambda: sbp.hessian(layer)(normal(N, D), normal(D, C)), "it returns an array"),
        (lambda: sbp.hvp(first_rows)(), "takes the vector behind"),
        (lambda: sbp.hvp(first_rows)(normal(5), normal(4)), "v: expected shape|v.*shape"),
        (lambda: sbp.hvp(network)({"W": normal(D, C), "b": normal(C)}, normal(N, D), {"W": normal(D, C)}), "another form"),
        (lambda: sbp.hvp(network, (0, 1))({"W": normal(D, C), "b": normal(C)}, normal(N, D), 3.0), "another form"),
        (lambda: sbp.grad(first_rows, wrt="X")(normal(3)), "'X' is no argument"),
        (lambda: sbp.grad(first_rows).source, "call it first"),
        (lambda: sbp.grad(first_rows)(), "missing a required argument"),
        (lambda: sbp.grad(first_rows)("abc"), "holds a str"),
        (lambda: sbp.grad(first_rows)(np.ones(3) * 1j), "dtype complex128"),
        (lambda: sbp.grad(layer)(normal(N, D), normal(D, C)), "it returns an array"),
        (lambda: sbp.grad(noisy)(normal(3)), "draws numbers at random"),
        (lambda: sbp.grad(network)({"W": normal(D, C), "b": normal(C), "mode": "train"}, normal(N, D)), "holds a str"),
        (lambda: sbp.grad(lambda x, net: net.loss(x))(normal(N, D), Net()), "a Net, whose numbers can't be seen"),
        (lambda: sbp.grad(lambda x, m: np.sum(x[m] ** 2))(normal(3), normal(3) > 0), r"a mask is picked by as \[m != 0\]"),
        (lambda: sbp.grad(lambda *x: np.sum(x[0]))(normal(3)), "any number of tensors"),
        (lambda: sbp.grad(lambda x: x if np.sum(x) > 0 else np.sum(x**2))(normal(3)), "a branch on the values"),
    ],
)
def test_what_has_no_gradient_is_a_typed_error(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(sbp.SymbackpropError, match=said.replace("(", r"\(")):
        call()


@pytest.mark.parametrize("y", [labels(N) + C, labels(N) - 1, labels(N)[:-1]])
def test_data_that_do_not_fit_are_a_typed_error(y: np.ndarray) -> None:
    with pytest.raises(sbp.SymbackpropError):
        sbp.grad(softmax_loss)(normal(D, C), normal(N, D), y)


def test_a_branch_on_whether_there_are_entries_is_followed_for_the_sizes_of_the_call() -> None:
    def f(x: np.ndarray) -> np.ndarray:
        return np.sum(x**2) if len(x) else np.sum(x) + 5.0

    assert sbp.value_and_grad(f)(np.arange(3.0))[0] == 5.0
    with pytest.raises(sbp.SymbackpropError, match="a branch on whether there is any"):
        sbp.value_and_grad(f)(np.zeros(0))


def smooth(params, x):
    return np.sum(np.tanh(x @ params["W"] + params["b"]) ** 2)


def params() -> dict[str, np.ndarray]:
    return {"W": normal(D, C), "b": normal(C, seed=1)}


def test_a_hessian_has_the_form_of_the_gradient_twice_and_the_differences_of_it() -> None:
    x, p = normal(N, D, seed=2), params()
    whole = sbp.hessian(smooth)
    found, product = whole(p, x), sbp.hvp(smooth)
    gradient = sbp.grad(smooth)
    v = {"W": normal(D, C, seed=3), "b": normal(C, seed=4)}
    near = [gradient({key: p[key] + sign * 1e-6 * v[key] for key in p}, x) for sign in (1, -1)]
    for a in p:
        slope = (near[0][a] - near[1][a]) / 2e-6
        along = sum(np.tensordot(found[a][b], v[b], v[b].ndim) for b in p)
        assert found[a]["W"].shape == (*p[a].shape, D, C)
        np.testing.assert_allclose(along, slope, rtol=0, atol=1e-7)
        np.testing.assert_allclose(product(p, x, v)[a], along, rtol=0, atol=1e-12)
        np.testing.assert_allclose(product(p, x, v=v)[a], along, rtol=0, atol=1e-12)
        # The control: the blocks are not those of a spoilt point.
        assert not np.allclose(whole({**p, "b": p["b"] + 1}, x)[a]["W"], found[a]["W"])
    assert "def hessian(" in whole.source and "def hessian_vector_product(" in product.source


def test_blocks_of_several_arguments_and_floats() -> None:
    both = sbp.hessian(lambda a, b: np.sum(a * a * b), argnums=(0, 1))
    ((aa, ab), (ba, bb)) = both(np.array([1.0, -2.0]), 3.0)
    np.testing.assert_array_equal(aa, [[6, 0], [0, 6]])
    np.testing.assert_array_equal(ab, [2, -4])
    np.testing.assert_array_equal(ba, [2, -4])
    assert bb == 0
    assert sbp.hessian(lambda x: x**3)(-2.0) == -12


def test_a_jacobian_has_the_axes_of_the_value_in_front() -> None:
    A, x = normal(N, D), normal(D, seed=1)
    by_x, by_both = sbp.jacobian(layer, 1), sbp.jacobian(lambda A, x: np.tanh(A @ x), (0, "x"))
    assert by_x(A, normal(D, C)).shape == (N, C, D, C)
    by_A, by_x = by_both(A, x)
    slope = 1 - np.tanh(A @ x) ** 2
    np.testing.assert_allclose(by_x, slope[:, None] * A, rtol=0, atol=1e-14)
    np.testing.assert_allclose(by_A, np.einsum("ij,i,k->ijk", np.eye(N), slope, x), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(sbp.jacobian(lambda x: np.sum(x**2))(x), 2 * x)


def test_places_are_names_too() -> None:
    A, x = normal(N, D), normal(D)
    assert np.array_equal(
        sbp.grad(lambda A, x: np.sum((A @ x) ** 2), argnums=1)(A, x), sbp.grad(lambda A, x: np.sum((A @ x) ** 2), "x")(A, x)
    )
    assert np.array_equal(sbp.grad(lambda A, x: np.sum((A @ x) ** 2), -1)(A, x), sbp.grad(lambda A, x: np.sum((A @ x) ** 2), "x")(A, x))
