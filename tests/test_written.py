"""What people write is traced to what they computed: values against the function itself, gradients against its differences."""

import inspect

import numpy as np
import pytest
import written_layers  # noqa: F401
from written import WRITTEN, Written, data, objective

import symbackprop as sbp


def called(case: Written, arrays: dict[str, np.ndarray], monkeypatch) -> float:
    """The objective by the author's function, on copies; draws are those of the model."""
    own = {name: np.array(a) for name, a in arrays.items()}
    names = list(inspect.signature(case.function).parameters)
    draws = [a for name, a in own.items() if name not in names and name.rstrip("_") not in names and not name.startswith("d")]
    drawn = iter([*draws, *[a for name, a in own.items() if name.startswith("draw")]])
    for name in ("rand", "randn", "normal", "standard_normal"):
        monkeypatch.setattr(np.random, name, lambda *_, **__: next(drawn))
    given = {n: own[n if n in own else f"{n}_"] for n in names if n in own or f"{n}_" in own}
    upstream = next((a for name, a in own.items() if name.startswith("d") and name not in names and not name.startswith("draw")), None)
    return objective(case.function(**given), upstream)


CASES = [pytest.param(c, id=c.__name__, marks=[pytest.mark.slow] if c.slow else []) for c in WRITTEN]


@pytest.mark.parametrize("case", CASES)
def test_what_is_traced_is_what_it_computes(case, monkeypatch):
    model = case.model()
    arrays = data(case, model)
    derived = sbp.derive(model)
    module = sbp.generate(derived).load()
    params = module.Parameters(**{n: arrays[n] for n in module.Parameters._fields})
    rest = {n: arrays[n] for n in inspect.signature(module.loss).parameters if n in arrays}
    J = called(case, arrays, monkeypatch)
    assert np.isclose(module.loss(params, **rest), J, rtol=1e-10, atol=1e-12)
    gradients = module.gradients(params, **rest)
    for name in module.Parameters._fields:
        draw = np.random.default_rng(3)
        direction = draw.normal(size=arrays[name].shape)
        slope = np.sum(getattr(gradients, name) * direction)
        ends = [called(case, {**arrays, name: arrays[name] + h * direction}, monkeypatch) for h in (1e-6, -1e-6)]
        assert np.isclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-7), name
