"""Each record of an ATen op: values and gradients equal torch's."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch_cases import CASES, IN_NETWORKS, ROUGH, TAKEN_APART, UNCASED  # noqa: E402

import symbackprop as sbp  # noqa: E402
from symbackprop.language.torch import walking  # noqa: E402
from symbackprop.language.torch.aten.table import ATEN  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
CLOSE = 1e-10


class Applied(torch.nn.Module):
    """A function of parameters, as a module."""

    def __init__(self, case, seed=3):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.function, self.names = case.function, [f"p{k}" for k in range(len(case.shapes))]
        for name, shape in zip(self.names, case.shapes, strict=True):
            drawn = torch.rand(shape, generator=generator, dtype=torch.float64)
            value = {"both": 3 * drawn - 1.5, "unit": 0.1 + 0.8 * drawn, "above": 1.2 + drawn}[case.drawn]
            self.register_parameter(name, torch.nn.Parameter(value))

    def forward(self):
        return self.function(*[getattr(self, name) for name in self.names])


def distance(case):
    """How far values and gradients are from torch's, by size."""
    module = Applied(case)
    model = sbp.from_torch(module, ())
    out = module()
    upstream = np.random.default_rng(5).normal(size=tuple(out.shape)) if model.spec.upstream else None
    objective = out if upstream is None else (out * torch.tensor(upstream)).sum()
    (objective if objective.ndim == 0 else objective.sum()).backward()
    generated = sbp.generate(sbp.derive(model)).load()
    data = {name: value for name, value in model.values.items() if name in generated.AXES and name not in generated.Parameters._fields}
    data |= {} if upstream is None else {model.spec.upstream: upstream}
    loss, gradients = generated.loss_and_gradients(
        generated.Parameters(*[model.values[name] for name in generated.Parameters._fields]), **data
    )
    gaps = [abs(loss - objective.item()) / max(1, abs(objective.item()))]
    for name, found in zip(generated.Parameters._fields, gradients, strict=True):
        wanted = getattr(module, name).grad.numpy()
        gaps.append(np.abs(found - wanted).max() / max(1, np.abs(wanted).max()))
    return max(gaps)


def logged(monkeypatch):
    """The names of the records that a walk looked up, filled as it goes."""
    found = []

    class Logged(dict):
        def get(self, name, default=None):
            found.append(name)
            return super().get(name, default)

    monkeypatch.setattr(walking, "ATEN", Logged(ATEN))
    return found


@pytest.mark.parametrize("name", sorted(CASES))
def test_values_and_gradients_are_those_of_torch(name, monkeypatch):
    found = logged(monkeypatch)
    assert distance(CASES[name]) < ROUGH.get(name, CLOSE)
    assert name in found or name in TAKEN_APART, f"{name} is not reached: {found}"


def test_a_record_without_a_case_is_named():
    assert ATEN.keys() - CASES.keys() == UNCASED | IN_NETWORKS
