"""Traced methods of objects: arrays of attributes are parameters, layers stand in lists and dictionaries, and nothing is left behind."""
# ruff: noqa: F722, F821

import functools

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.errors import AxisError, SpecError, UnknownNameError


class Affine:
    def __init__(self, W, b):
        self.W, self.b, self.x, self.dW = W, b, None, None

    def forward(self, x: "n d"):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout)
        return np.dot(dout, self.W.T)


class Relu:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out


class SoftmaxWithLoss:
    def forward(self, x, t):
        y = np.exp(x - x.max(axis=-1, keepdims=True))
        self.y, self.t = y / y.sum(axis=-1, keepdims=True), t
        return -np.sum(np.log(self.y[np.arange(x.shape[0]), t] + 1e-7)) / x.shape[0]


class Network:
    def __init__(self, d=3, h=5, c=2):
        draw = np.random.default_rng(0).normal
        self.params = {"W1": draw(size=(d, h)), "b1": draw(size=h), "W2": draw(size=(h, c)), "b2": draw(size=c)}
        self.layers = [Affine(self.params["W1"], self.params["b1"]), Relu(), Affine(self.params["W2"], self.params["b2"])]
        self.last = SoftmaxWithLoss()

    def predict(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def loss(self, x: "n d", t: "n index"):
        return self.last.forward(self.predict(x), t)


def test_a_layer_is_its_forward_pass_times_an_upstream_gradient():
    layer = Affine(np.ones((3, 2)), np.zeros(2))
    model = sbp.trace(layer.forward, shapes={"W": "d m", "b": "m"})
    assert {t.name: (t.role, len(t.axes)) for t in model.program.leaves} == {
        "x": ("input", 2),
        "W": ("parameter", 2),
        "b": ("parameter", 1),
        "dout": ("input", 2),
    }
    assert sbp.check(model, "dJ/dW == x.T @ dout").ok and not sbp.check(model, "dJ/dW == x.T @ dout / n").ok
    assert layer.x is None and isinstance(layer.W, np.ndarray)


def test_a_network_of_layer_objects_is_what_it_computes():
    network = Network()
    model = sbp.trace(network.loss)
    assert [t.name for t in model.program.parameters] == ["W1", "b1", "W2", "b2"]
    module = sbp.generate(sbp.derive(model)).load()
    x, t = np.random.default_rng(1).normal(size=(7, 3)), np.array([0, 1, 1, 0, 0, 1, 0])
    gradients = module.gradients(module.Parameters(**network.params), x, t)
    for name, array in network.params.items():
        for place in [(0,) * array.ndim, (1,) * array.ndim]:
            ends = []
            for step in (1e-6, -1e-6):
                array[place] += step
                ends.append(network.loss(x, t))
                array[place] -= step
            assert np.isclose(getattr(gradients, name)[place], (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-8)
    assert all(isinstance(layer.W, np.ndarray) for layer in network.layers[::2]) and isinstance(network.layers[0].x, np.ndarray)


def test_arrays_of_an_object_have_the_sizes_that_they_have():
    model = sbp.trace(Network(3, 5, 2).loss)
    assert str(model.program.tensors["x"].axes) == "(n, 3)"
    with pytest.raises(AxisError, match="one axis has two sizes, 4 and 3"):
        sbp.trace(Affine(np.ones((3, 2)), np.zeros(2)).forward, shapes={"x": "n 4"})


class _Twice:
    def __init__(self):
        self.blocks = [Affine(np.eye(2) + 1.5, np.ones(2)), Affine(np.eye(2) - 0.5, np.ones(2))]

    def __call__(self, x: "n 2"):
        return np.sum(self.blocks[1].forward(self.blocks[0].forward(x)) ** 2)


def test_attributes_of_one_name_are_numbered():
    model = sbp.trace(_Twice())
    assert [t.name for t in model.program.parameters] == ["W1", "b1", "W2", "b2"]


def test_dictionaries_and_lists_of_arrays_are_arguments():
    def f(p: {"W": "d h", "b": "h"}, scales: ["", ""], x: "d"):
        return scales[0] * np.sum(np.tanh(x @ p["W"] + p["b"])) + scales[1]

    model = sbp.trace(f, parameters=["p", "scales0"])
    assert [(t.name, t.role) for t in model.program.leaves] == [
        ("W", "parameter"),
        ("b", "parameter"),
        ("scales0", "parameter"),
        ("scales1", "input"),
        ("x", "input"),
    ]


def test_arguments_that_are_given_are_numbers():
    def f(x: "n", power, scale: ""):
        return scale * np.sum(x**power)

    model = sbp.trace(functools.partial(f, power=3))
    assert [t.name for t in model.program.leaves] == ["x", "scale"] and sbp.check(model, "dJ/dx == 3 * scale * x**2").ok


def test_defaults_are_not_changed():
    def f(x: "n", cache={}):  # noqa: B006
        cache["y"] = x * 2
        return cache["y"].sum()

    sbp.trace(f)
    assert f.__defaults__ == ({},)


def test_names_of_the_module_are_its_own_again():
    before = dict(globals())

    def f(x: "n"):
        assert np is not before["np"] and len(x) == x.shape[0]
        return np.zeros(len(x)).sum() + x.sum()

    sbp.trace(f)
    with pytest.raises(SpecError):
        sbp.trace(lambda x: 1 / 0, shapes={"x": "n"})
    assert globals().keys() == before.keys() and all(globals()[k] is v for k, v in before.items())


@pytest.mark.parametrize(
    ("shapes", "kind", "reason"),
    [
        ({}, SpecError, "argument 'x' has no shape"),
        ({"x": "n", "w": "n"}, UnknownNameError, "'w' is no argument"),
        ({"x": 3}, SpecError, "argument 'x' has no shape"),
    ],
)
def test_shapes_that_do_not_fit_are_told(shapes, kind, reason):
    def f(x):
        return np.sum(x)

    with pytest.raises(kind, match=reason):
        sbp.trace(f, shapes=shapes)


def test_a_dictionary_without_shapes_is_told_by_its_keys():
    def f(model, X: "n d"):
        W1, b1 = model["W1"], model["b1"]
        return np.sum(X @ W1 + b1) + model["W1"].sum()

    with pytest.raises(SpecError) as caught:
        sbp.trace(f)
    assert caught.value.fix == "annotate it: model: {'W1': ..., 'b1': ...}, a shape for each"


def test_the_last_word_of_a_shape_is_a_role_where_no_axis_is_called_so():
    def f(E: "v d", at: "n index", mask: "n constant", w: "d parameter"):
        return np.sum(mask * (E[at] @ w))

    def g(x: "n label", W: "label k"):
        return np.sum(x @ W)

    assert [t.role for t in sbp.trace(f).program.leaves] == ["input", "index", "constant", "parameter"]
    assert [str(a) for a in sbp.trace(g).program.tensors["x"].axes] == ["n", "label"]


class _Base:
    def __init__(self):
        self.parameters, self.X, self.out_size = {}, [], 2

    def forward(self, X: "n d"):
        Y = self.act(X @ self.parameters["W"] + self.parameters["b"])
        self.X.append(X)
        return Y


class _Dense(_Base):
    def __init__(self, W, b):
        super().__init__()
        self.parameters |= {"W": W, "b": b}
        self.act = self._softplus

    def _softplus(self, z):
        return np.log(1 + np.exp(z)) * self.out_size


class _Cell:
    def __init__(self, W, h):
        self.W, self.h = W, h

    def step(self, x: "d 1"):
        self.h = np.tanh(self.W @ np.vstack((self.h, x)))
        return self.h


def test_layers_of_a_base_class_are_traced():
    W, b = np.random.default_rng(0).normal(size=(3, 2)), np.array([0.5, -0.25])
    layer = _Dense(W, b)
    module = sbp.generate(sbp.derive(sbp.trace(layer.forward))).load()
    X, up = np.random.default_rng(1).normal(size=(2, 5, 3))[:, :, :3][0], np.random.default_rng(2).normal(size=(5, 2))
    assert layer.X == [] and np.isclose(module.loss(module.Parameters(W, b), X, up), np.sum(layer.forward(X) * up))


def test_a_state_is_a_parameter_as_it_was():
    W, h = np.random.default_rng(0).normal(size=(2, 5)), np.ones((2, 1))
    cell = _Cell(W, h)
    module = sbp.generate(sbp.derive(sbp.trace(cell.step))).load()
    x, up = np.array([[0.5], [-1.0], [2.0]]), np.array([[1.0], [-2.0]])
    assert cell.h is h and np.isclose(module.loss(module.Parameters(W, h), x, up), np.sum(cell.step(x) * up))


def test_helpers_of_other_modules_take_symbolic_sizes_too():
    space: dict = {"np": np}
    exec("def padded(x, k):\n    return np.hstack((np.zeros((len(x), k)), x, np.ones((len(x), int(k / 2)))))\n", space)

    def f(x: "n d"):
        return space["padded"](x, 2) * 3

    assert sbp.trace(f).spec.equations[0].text == "hstack((zeros((n, 2)), x, ones((n, 1)))) * 3"
    assert space["np"] is np and "len" not in space
