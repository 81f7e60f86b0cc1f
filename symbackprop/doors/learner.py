"""What estimators of scikit-learn made of models have in common: their settings, and how parameters are found."""

import math
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from symbackprop.api import Model, load
from symbackprop.doors.roles import Roles, Stated, called, meaning, roles_of, taken
from symbackprop.errors import DataError, SpecError, SymbackpropError, TrainError, UnknownNameError
from symbackprop.language.layers import Sequential

SOLVERS = ("lbfgs", "sgd")
PATIENCE = 10
"""For how many passes the loss may fall by less than `tol` before descent ends."""


SETTINGS = """
    `model`: a Model, the path of its TOML file, or layers (Sequential). `sizes`: those of axes that the data do not give, as hidden units.
    `constants`: values of tensors without samples that are no parameters, as a penalty; by default those that the model came with.
    `solver`: "lbfgs" (scipy's L-BFGS-B on all samples, until no entry of the gradient is larger than `tol`, at most `max_iter`
    iterations) or "sgd" (`max_iter` passes over batches of `batch_size` samples in an order drawn anew, with steps of `learning_rate`
    and `momentum`, until the loss falls by less than `tol` in ten passes; the loss of a batch is that of
    the model at its samples, where a penalty over n weighs more). With `warm_start` fit begins where the last one ended.

    After fit: `params_`, the arrays by name; `loss_`, `n_iter_`, `loss_curve_` (by "sgd"), `source_`, the generated module.
    """


class Learner(BaseEstimator):
    """What both estimators have in common; SETTINGS tells their settings."""

    classes_: np.ndarray

    def __init__(
        self,
        model: Any = None,
        *,
        sizes: Mapping[str, int] | None = None,
        constants: Mapping[str, Any] | None = None,
        solver: str = "lbfgs",
        max_iter: int = 1000,
        tol: float = 1e-5,
        learning_rate: float = 0.1,
        batch_size: int = 32,
        momentum: float = 0.9,
        warm_start: bool = False,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.sizes = sizes
        self.constants = constants
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.momentum = momentum
        self.warm_start = warm_start
        self.random_state = random_state

    def _default(self) -> Model:
        raise NotImplementedError

    def _zero(self) -> int | None:
        """The number that classifiers give what is not of a class; None where labels are numbers."""
        return None

    def _stated(self) -> Stated:
        """The model, as it is stated now."""
        model = self._default() if self.model is None else self.model
        if isinstance(model, str | Path):
            model = load(model)
        elif isinstance(model, Sequential):
            model = Model(model.spec())
        if not isinstance(model, Model):
            fix = "give a model, the path of its TOML file, or layers: sbp.Sequential(...)"
            raise SpecError(f"a {type(model).__name__} is not a model", place=type(self).__name__, fix=fix)
        return Stated(model)

    def _link(self) -> str:
        return meaning(self._stated(), self._zero())

    def _constants(self, stated: Stated, roles: Roles) -> dict[str, np.ndarray]:
        """The values of the constants, as the module calls them. Raises SpecError where one lacks, UnknownNameError where there is none."""
        given = {t.name: stated.model.values[t.name] for t in roles.constants if t.name in stated.model.values} | dict(self.constants or {})
        known = [t.name for t in roles.constants]
        for name in given:
            if name not in known:
                raise UnknownNameError(
                    f"'{name}' is no constant of {roles.program.name}", place="constants", fix=f"there is {known or 'none'}"
                )
        for name in known:
            if name not in given:
                raise SpecError(f"'{name}' has no value", place=roles.program.name, fix=f'constants={{"{name}": 0.1}}')
        return {roles.names[name]: np.asarray(given[name]) for name in known}

    def _learn(self, X: np.ndarray, y: np.ndarray, *, once: bool = False) -> Self:
        """Find the parameters for samples in rows, labels as numbers in rows; `once`: one pass of descent from where the last one ended."""
        _check_settings(self)
        stated = self._stated()
        roles = roles_of(stated)
        widths = self._widths(roles, {roles.x: X.shape[1], roles.y: int(np.prod(y.shape[1:], dtype=int))})
        sizes = roles.sized(self.sizes or {}, widths)
        rows = {roles.x: X, roles.y: y}
        constants = self._constants(stated, roles)
        start = self._start(roles, sizes, again=once or self.warm_start)
        objective = Objective(roles, rows, constants, sizes)
        solve = self._pass if once else getattr(self, f"_{self.solver}")
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            found, loss = solve(objective, start)
        if not math.isfinite(loss):
            fix = "standardise the inputs (sklearn.preprocessing.StandardScaler)" + (
                "" if solve == self._lbfgs else ", or take smaller steps"
            )
            raise TrainError(f"the loss is {loss}", place=roles.program.name, fix=fix)
        self.params_ = {t.name: np.asarray(a) for t, a in zip(roles.program.parameters, found, strict=True)}
        self.loss_, self.sizes_, self.source_ = loss, sizes, roles.source
        return self

    def _widths(self, roles: Roles, given: Mapping[Any, int]) -> dict[Any, int]:
        """How many numbers a sample of X and y has."""
        return dict(given)

    def _start(self, roles: Roles, sizes: Mapping[str, int], again: bool) -> Any:
        """Where the solver begins: the module's own parameters, drawn by `random_state`, or those that were found last."""
        module = roles.module
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        wanted = taken(module.initialise)
        drawn = module.initialise(seed, **{roles.axes[name]: k for name, k in sizes.items() if roles.axes.get(name) in wanted})
        if again and hasattr(self, "params_"):
            held = list(self.params_.values())
            if [np.shape(a) for a in held] != [np.shape(a) for a in drawn]:
                raise DataError("the parameters that were found last have other shapes", place=roles.program.name, fix="fit anew")
            return module.Parameters(*held)
        return drawn

    def _lbfgs(self, objective: "Objective", start: Any) -> tuple[Any, float]:
        fun, jac = objective.whole(start)
        options = {"maxiter": self.max_iter, "gtol": self.tol, "ftol": 64 * np.finfo(float).eps, "maxls": 50}
        done = minimize(fun, objective.module.pack(start), jac=jac, method="L-BFGS-B", options=options)
        self.n_iter_ = max(int(done.nit), 1)
        if done.status == 1:
            _not_converged(
                f"L-BFGS has not converged after {done.nit} iterations: the largest entry of the gradient is "
                f"{np.abs(done.jac).max(initial=0):.1e}, and tol {self.tol:g}"
            )
        return objective.module.unpack(done.x, start), float(done.fun)

    def _sgd(self, objective: "Objective", start: Any) -> tuple[Any, float]:
        rng = check_random_state(self.random_state)
        params, velocity = start, [np.zeros(np.shape(a)) for a in start]
        best, since, curve = math.inf, 0, []
        for _ in range(self.max_iter):
            params = self._descended(objective, params, velocity, rng.permutation(objective.count))
            curve.append(objective.loss(params))
            since = since + 1 if curve[-1] > best - self.tol else 0
            best = min(best, curve[-1])
            if since >= PATIENCE or not math.isfinite(curve[-1]):
                break
        else:
            _not_converged(f"the loss still falls after {self.max_iter} passes")
        self.n_iter_, self.loss_curve_ = len(curve), curve
        return params, curve[-1]

    def _pass(self, objective: "Objective", start: Any) -> tuple[Any, float]:
        rng = check_random_state(self.random_state)
        params = self._descended(objective, start, [np.zeros(np.shape(a)) for a in start], rng.permutation(objective.count))
        self.n_iter_ = getattr(self, "n_iter_", 0) + 1
        return params, objective.loss(params)

    def _descended(self, objective: "Objective", params: Any, velocity: list[np.ndarray], order: np.ndarray) -> Any:
        """The parameters after one pass over batches: v <- momentum v - rate dJ/dw, w <- w + v (Polyak 1964)."""
        for k in range(0, len(order), self.batch_size):
            for v, g in zip(velocity, objective.gradients(params, order[k : k + self.batch_size]), strict=True):
                v *= self.momentum
                v -= self.learning_rate * g
            params = type(params)(*[w + v for w, v in zip(params, velocity, strict=True)])
        return params

    def _outputs(self, X: Any) -> np.ndarray:
        """The output of the model, samples in rows."""
        check_is_fitted(self, "params_")
        X = validate_data(self, X, reset=False, dtype=np.float64)
        stated = self._stated()
        roles = roles_of(stated)
        data = self._constants(stated, roles) | {roles.names[roles.x.name]: roles.arranged(roles.x, X, self.sizes_)}
        params = roles.module.Parameters(*self.params_.values())
        return roles.rows(roles.output, np.asarray(called(roles.module.forward, params, data)))


class Objective:
    """The loss and its gradients of some samples, as the generated module gives them."""

    def __init__(self, roles: Roles, rows: Mapping[Any, np.ndarray], constants: Mapping[str, np.ndarray], sizes: Mapping[str, int]) -> None:
        self._roles, self._rows, self._constants, self._sizes = roles, rows, constants, sizes
        self.module, self.count = roles.module, len(rows[roles.x])
        self._all = self._data(None)

    def _data(self, chosen: np.ndarray | None) -> dict[str, np.ndarray]:
        rows = {t: a if chosen is None else a[chosen] for t, a in self._rows.items()}
        return dict(self._constants) | {self._roles.names[t.name]: self._roles.arranged(t, a, self._sizes) for t, a in rows.items()}

    def whole(self, like: Any) -> tuple[Any, Any]:
        """Loss and gradient of all samples as functions of one vector; facts that labels have are checked here, once."""
        wanted = taken(self.module.as_objective)
        made = self.module.as_objective(**{name: array for name, array in self._all.items() if name in wanted}, like=like)
        return made.fun, made.jac

    def loss(self, params: Any) -> float:
        """The loss of all samples."""
        return float(called(self.module.loss, params, self._all))

    def gradients(self, params: Any, chosen: np.ndarray) -> Iterable[np.ndarray]:
        """The gradients of the loss of some samples."""
        return called(self.module.gradients, params, self._data(chosen))


def columns(estimator: Learner) -> int:
    """1 for a model of one label, 2 for one that has at least two, else 0: any number, or no model yet."""
    try:
        roles = roles_of(estimator._stated())
    except SymbackpropError:
        return 0
    axes = roles.along(roles.y)
    numbers = [a for a in axes if a.is_Integer]
    return 1 if not axes or (len(numbers) == len(axes) and all(a == 1 for a in numbers)) else 2 if any(a > 1 for a in numbers) else 0


def is_index(estimator: Learner) -> bool:
    """Whether labels are the classes as places."""
    try:
        return roles_of(estimator._stated()).y.role == "index"
    except SymbackpropError:
        return False


def _check_settings(estimator: Learner) -> None:
    """Raise TrainError for settings out of range."""
    if estimator.solver not in SOLVERS:
        raise TrainError(f"there is no solver {estimator.solver!r}", place="solver", fix=f"one of {', '.join(SOLVERS)}")
    for name in ("max_iter", "batch_size"):
        value = getattr(estimator, name)
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise TrainError(f"{name} is {value!r}", place=name, fix="give a whole number of at least 1")
    for name, least in (("tol", 0.0), ("learning_rate", 0.0), ("momentum", 0.0)):
        value = getattr(estimator, name)
        if (
            not isinstance(value, int | float | np.number)
            or not (math.isfinite(value) and value >= least)
            or (name == "learning_rate" and value == 0)
        ):
            raise TrainError(f"{name} is {value!r}", place=name, fix="give a positive number")


def _not_converged(said: str) -> None:
    fix = "scale the inputs, or raise max_iter"
    warnings.warn(f"{said}; {fix}", ConvergenceWarning, stacklevel=4)
