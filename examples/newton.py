"""Second order at work: Newton's method with what a generated module offers to scipy.optimize.

python examples/newton.py        (needs scipy: pip install scipy)

Logistic regression by trust-ncg with its dense Hessian, then the two-layer network on Iris by trust-krylov with products alone.
"""

from pathlib import Path

import numpy as np
from models.logistic_regression import model as logistic
from scipy.optimize import OptimizeResult, minimize

import symbackprop as sbp
from symbackprop.commands.data import load_data

HERE = Path(__file__).resolve().parent


def fit_logistic(method: str = "trust-ncg", n: int = 1000, d: int = 5, penalty: float = 0.1, seed: int = 1) -> OptimizeResult:
    """Logistic regression on random labels from a known direction, to a gradient norm of 1e-10.

    From a gradient of 1e-8 on, a step changes the loss by less than float64 resolves, and a method that compares losses may stop there.
    "trust-exact" solves with the matrix itself, and its last step goes from 1e-7 to 1e-14.
    """
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((n, d))
    y = (generator.random(n) < 1 / (1 + np.exp(-X @ np.arange(1, d + 1) / d))).astype(float)
    module = sbp.generate(sbp.derive(logistic), also=["objective"]).load()
    objective = module.as_objective(X, y, penalty)
    start = np.zeros(d + 1)
    return minimize(objective.fun, start, jac=objective.jac, hess=objective.hess, method=method, options={"gtol": 1e-10})


def fit_iris(seed: int = 1) -> OptimizeResult:
    """The two-layer network on all of Iris, each column to mean 0 and deviation 1, to a gradient norm of 1e-6.

    The loss of a ReLU network has kinks, and from some initial values the method ends at one, where no gradient vanishes.
    """
    two_layer = sbp.load(HERE / "two_layer.toml")
    arrays = load_data(HERE / "iris.csv", two_layer.program).arrays
    X, Y = arrays["X"], arrays["Y"]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    module = sbp.generate(sbp.derive(two_layer), also=["objective"]).load()
    objective = module.as_objective(X, Y)
    start = module.pack(module.initialise(seed, d=4, h=5, c=3))
    return minimize(objective.fun, start, jac=objective.jac, hessp=objective.hessp, method="trust-krylov", options={"gtol": 1e-6})


if __name__ == "__main__":
    for name, found in (("logistic regression", fit_logistic()), ("Iris", fit_iris())):
        slope = np.linalg.norm(found.jac)
        print(f"{name}: loss {found.fun:.6g}, gradient norm {slope:.1e} after {found.nit} iterations: {found.message}")
