"""Newton's method by scipy with the functions of a generated module: examples/newton.py does what it says."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.optimize import minimize

import symbackprop as sbp

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture(scope="module")
def newton() -> ModuleType:
    """The example as a module; it imports what lies beside it."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        spec = importlib.util.spec_from_file_location("newton", EXAMPLES / "newton.py")
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
    finally:
        sys.path.remove(str(EXAMPLES))
    return made


@pytest.mark.parametrize("method", ["trust-ncg", "trust-exact"])
def test_logistic_regression_takes_a_few_steps_to_1e_10(newton: ModuleType, method: str) -> None:
    found = newton.fit_logistic(method)
    assert found.success
    assert found.nit <= 6
    assert np.linalg.norm(found.jac) <= 1e-10


def test_a_hessian_with_a_factor_lost_takes_many_more(newton: ModuleType) -> None:
    """The control: Newton's few steps are the right Hessian's."""
    generator = np.random.default_rng(1)
    X = generator.standard_normal((200, 3))
    y = (generator.random(200) < 0.5).astype(float)
    objective = sbp.generate(sbp.derive(newton.logistic), also=["objective"]).load().as_objective(X, y, 0.1)

    def steps(factor: float) -> int:
        def curvature(theta: np.ndarray) -> np.ndarray:
            return factor * objective.hess(theta)

        options = {"gtol": 1e-7, "maxiter": 500}
        return minimize(objective.fun, np.ones(4), jac=objective.jac, hess=curvature, method="trust-exact", options=options).nit

    assert steps(1) <= 6
    assert steps(20) > 20


def test_iris_by_products_alone(newton: ModuleType) -> None:
    found = newton.fit_iris()
    assert found.success
    assert np.linalg.norm(found.jac) <= 1e-6
    assert found.fun < 0.05
