"""Modules of PyTorch: values and gradients of whole networks equal torch's, and what is refused says where."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import torch.nn as nn  # noqa: E402
from torch_models import VAE, Block, LeNet, Masked, Perceptron, Recurrent, Residual  # noqa: E402

import symbackprop as sbp  # noqa: E402
from symbackprop.errors import SpecError, UnknownOpError  # noqa: E402
from symbackprop.language.torch import walking  # noqa: E402
from symbackprop.language.torch.aten.table import ATEN  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
CLOSE = 1e-10


def made(kind, *given):
    torch.manual_seed(7)
    return kind(*given).double()


def real(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(11))


def distance(module, inputs, dynamic=None, data=None):
    """How far the generated module's loss and gradients are from torch's, for other inputs than those that it was exported for too."""
    model = sbp.from_torch(module, inputs if data is None else data, dynamic)
    out = module(*inputs)
    generated = sbp.generate(sbp.derive(model)).load()
    names = module.forward.__code__.co_varnames[1 : module.forward.__code__.co_argcount]
    given = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
    fields = generated.Parameters._fields
    given |= {name: value for name, value in model.values.items() if name in generated.AXES and name not in fields}
    if model.spec.upstream:
        given[model.spec.upstream] = np.random.default_rng(5).normal(size=tuple(out.shape))
        out = (out * torch.tensor(given[model.spec.upstream])).sum()
    out.backward()
    loss, gradients = generated.loss_and_gradients(generated.Parameters(*[model.values[name] for name in fields]), **given)
    own = {name.replace(".", "_"): p.grad.numpy() for name, p in module.named_parameters()}
    return max(abs(loss - out.item()), *[np.abs(g - own[name]).max() for name, g in zip(fields, gradients, strict=True)])


def perceptron():
    return made(Perceptron), (real(7, 4), torch.tensor([2, 0, 1, 1, 0, 2, 2]))


def test_a_perceptron():
    assert distance(*perceptron()) < CLOSE


def test_a_batch_of_another_size_than_the_example():
    module, (x, y) = perceptron()
    assert distance(module, (x, y), data=(x[:3], y[:3])) < CLOSE


def test_a_network_of_convolutions():
    assert distance(made(LeNet), (real(3, 1, 12, 12),)) < CLOSE


def test_a_residual_block_in_training():
    assert distance(made(Residual), (real(2, 3, 5, 4),)) < CLOSE


def test_a_residual_block_with_statistics_that_were_kept():
    module = made(Residual)
    module(real(5, 3, 5, 4))
    assert distance(module.eval(), (real(2, 3, 5, 4),)) < CLOSE


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_recurrent_network(kind):
    assert distance(made(Recurrent, getattr(nn, kind)), (real(2, 3, 3),)) < CLOSE


def test_a_block_of_a_transformer_for_any_length():
    tokens = torch.randint(0, 11, (3, 5), generator=torch.Generator().manual_seed(2))
    assert distance(made(Block), (tokens,), {"tokens": "n t"}) < CLOSE


def test_a_variational_autoencoder():
    assert distance(made(VAE), (real(3, 5), real(3, 2))) < CLOSE


def test_a_flipped_sign_in_one_record_is_seen(monkeypatch):
    monkeypatch.setattr(walking, "ATEN", {**ATEN, "relu": lambda ops, self: ops.relu(ops.negative(self))})
    assert distance(*perceptron()) > 1e-3


def test_names_roles_and_values_are_those_of_the_module():
    module, inputs = perceptron()
    module.fc2.bias.requires_grad_(False)
    model = sbp.from_torch(module, inputs)
    roles = {t.name: t.role for t in model.program.leaves}
    assert roles["fc1_weight"] == "parameter" and roles["fc2_bias"] == "constant" and roles["x"] == "input"
    assert [str(a) for a in model.program["fc1"].tensor.axes] == ["n", "5"]
    np.testing.assert_array_equal(model.values["fc1_weight"], module.fc1.weight.detach().numpy())
    assert model.spec.tensors["fc1_weight"].latex == r"W^{\mathrm{fc1}}"


def test_what_dropout_keeps_is_a_named_input():
    model = sbp.from_torch(made(Masked, lambda x: x), (real(3, 2),))
    assert model.spec.tensors["drop_mask"].axes == "n 2"


class Strange(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 3


def strange_inside(x):
    class Inside(torch.autograd.Function):
        forward, backward = Strange.forward, Strange.backward

    return Inside.apply(x)


def hidden(x):
    with torch.no_grad():
        return x * 2


REFUSED = {
    "a hand-written backward pass": (Strange.apply, "Strange"),
    "one that the module makes": (strange_inside, "Inside"),
    "no_grad": (hidden, "no_grad"),
    "detach": (lambda x: x.detach() * x, "detach"),
    "a branch on values": (lambda x: x if x.sum() > 0 else -x, "export"),
    "another precision": (lambda x: x.float() * 2, "mixed"),
    "complex numbers": (lambda x: torch.complex(x, x).real, "complex"),
    "entries picked by a mask": (lambda x: x[x > 0], ""),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_another_gradient_is_refused(what):
    function, said = REFUSED[what]
    with pytest.raises(SpecError, match=said):
        sbp.from_torch(made(Masked, function), (real(3, 2),))


def test_an_op_without_a_record_is_told_with_module_and_line():
    with pytest.raises(UnknownOpError) as told:
        sbp.from_torch(made(Masked, lambda x: torch.digamma(x)), (real(3, 2),))
    assert "aten.digamma" in told.value.reason and "the module (Masked)" in told.value.place
    assert "torch_models.py, line" in told.value.place


def test_a_branch_by_a_size_is_a_need_of_the_model():
    model = sbp.from_torch(made(Masked, lambda x: x * 2 if x.shape[0] > 4 else x), (real(7, 2),))
    assert [n.text for n in model.program.needs] == ["the module as it was exported needs n >= 5"]


class Branching(nn.Module):
    def __init__(self, condition):
        super().__init__()
        self.w = nn.Parameter(torch.ones(4))
        self.condition = condition

    def forward(self, x):
        return (x * self.w).sum() if self.condition(x.shape[0]) else (x * self.w**2).sum()


@pytest.mark.parametrize(
    ("condition", "n", "bad"),
    [(lambda n: n != 7, 5, 7), (lambda n: n % 2 == 0, 4, 5), (lambda n: n % 2 == 0, 5, 6), (lambda n: n > 4, 5, 4)],
)
def test_a_branch_on_a_size_holds_for_the_sizes_that_take_it(condition, n, bad):
    model = sbp.from_torch(made(Branching, condition), (real(n, 4),))
    generated = sbp.generate(sbp.derive(model)).load()
    params = generated.Parameters(np.ones(4))
    assert np.isfinite(generated.loss(params, real(n, 4).numpy()))
    with pytest.raises(ValueError, match="as it was exported needs"):
        generated.loss(params, real(bad, 4).numpy())


def test_an_axis_that_is_taken_apart_is_told_to_be_given_a_number():
    class Apart(Branching):
        def forward(self, x):
            return (x.reshape(-1, 2, 4) * self.w).sum()

    with pytest.raises(SpecError, match="takes axis 'n' apart"):
        sbp.from_torch(made(Apart, None), (real(4, 4),))
