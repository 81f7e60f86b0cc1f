"""What people write is traced to what they computed: values against the function itself, gradients against its differences."""

import inspect

import numpy as np
import pytest
import written_layers  # noqa: F401
import written_networks  # noqa: F401
from written import WRITTEN, Written, data, objective

import symbackprop as sbp
from symbackprop.language.tracing.arguments import arguments_of


def called(case: Written, model: sbp.Model, arrays: dict[str, np.ndarray], monkeypatch) -> float:
    """The objective by the author's function, on copies; draws are those of the model, an upstream gradient is the last input."""
    own = {name: np.array(a) for name, a in arrays.items()}
    arguments = arguments_of(case.function, case.function, case.options.get("shapes", {}))
    given = arguments.passed(lambda name: own[arguments.names()[name]])
    rest = [name for name in own if name not in arguments.names().values()]
    draws = [name for name in rest if model.program.tensors[name].role == "constant"]
    drawn = iter([own[name] for name in draws])
    upstream = next((own[name] for name in rest if name not in draws), None)
    for name in ("rand", "randn", "normal", "standard_normal"):
        monkeypatch.setattr(np.random, name, lambda *_, **__: next(drawn))
    return objective(case.function(**given), upstream)


CASES = [pytest.param(c, id=c.__name__, marks=[pytest.mark.slow] if c.slow else []) for c in WRITTEN]


@pytest.mark.parametrize("case", CASES)
def test_what_is_traced_is_what_it_computes(case, monkeypatch):
    model = case.model()
    arrays = data(case, model)
    derived = sbp.derive(model)
    module = sbp.generate(derived).load()
    params = module.Parameters(**{n: arrays.get(n, arrays.get(n.rstrip("_"))) for n in module.Parameters._fields})
    rest = {n: arrays[n] for n in list(inspect.signature(module.loss).parameters)[1:]}
    J = called(case, model, arrays, monkeypatch)
    assert np.isclose(module.loss(params, **rest), J, rtol=1e-10, atol=1e-12)
    gradients = module.gradients(params, **rest)
    for field in module.Parameters._fields:
        name = field if field in arrays else field.rstrip("_")
        direction = np.random.default_rng(3).normal(size=arrays[name].shape)
        slope = np.sum(getattr(gradients, field) * direction)
        ends = [called(case, model, {**arrays, name: arrays[name] + h * direction}, monkeypatch) for h in (1e-6, -1e-6)]
        assert np.isclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-7), name


def by(name: str) -> Written:
    return next(c for c in WRITTEN if c.__name__ == name)


@pytest.mark.parametrize(("one", "other"), [("relu_by_mask", "leaky_relu_by_entries"), ("layernorm", "batchnorm_train")])
def test_another_function_is_noticed(one, other, monkeypatch):
    model = by(one).model()
    arrays = data(by(one), model)
    module = sbp.generate(sbp.derive(model)).load()
    params = module.Parameters(**{n: arrays[n] for n in module.Parameters._fields})
    found = module.loss(params, *[arrays[n] for n in list(inspect.signature(module.loss).parameters)[1:]])
    assert np.isclose(found, called(by(one), model, arrays, monkeypatch))
    assert not np.isclose(found, called(by(other), model, arrays, monkeypatch))
