"""A model of numbers as a regressor, and a model of classes as a classifier, as scikit-learn takes them."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d, validate_data

from symbackprop.api import Model
from symbackprop.doors.learner import SETTINGS, Learner, columns, is_index
from symbackprop.doors.roles import LINKS, Roles, roles_of
from symbackprop.doors.standard import logistic_regression, ridge
from symbackprop.errors import DataError, SpecError, SymbackpropError


class Regressor(RegressorMixin, Learner):
    """A model of numbers as a regressor: `Regressor(model, sizes={"h": 16})`; without a model that of `ridge()`.

    The model has one input X of samples, an output, and one label of the output's axes, by whatever loss. What is predicted is the mean of
    the label by the loss where that is the output or its exponential or sigmoid (as of squared errors, and of Poisson's and Bernoulli's
    likelihood: dJ/dO = a (g(O) - Y), decided by value), else the output.
    """

    __doc__ = f"{__doc__}{SETTINGS}"

    def _default(self) -> Model:
        return ridge()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = columns(self) != 1
        tags.target_tags.single_output = columns(self) != 2
        tags.target_tags.positive_only = _link_of(self) == "exp"
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Find the parameters. Raises SpecError for a model that is none, DataError for data that do not fit it, TrainError otherwise."""
        return self._fitted(X, y, once=False)

    def partial_fit(self, X: Any, y: Any) -> Self:
        """One pass of gradient descent over some samples, from where the last one ended."""
        return self._fitted(X, y, once=True)

    def _fitted(self, X: Any, y: Any, once: bool) -> Self:
        first = not (once and hasattr(self, "params_"))
        X, y = validate_data(self, X, y, reset=first, dtype=np.float64, y_numeric=True, multi_output=True)
        y = np.asarray(y, np.float64)
        roles = roles_of(self._stated())
        if self._link() == "exp" and y.min() < 0:
            raise ValueError(f"y is {y.min():g} at its least, and the model takes its mean for an exponential")
        if not roles.along(roles.y) and y.ndim > 1:
            if y.shape[1] != 1:
                raise DataError(f"the model has one output, and y {y.shape[1]} columns", place=roles.program.name, fix="give y one column")
            y = column_or_1d(y, warn=True)
        self._flat = y.ndim == 1
        return self._learn(X, y, once=once)

    def predict(self, X: Any) -> np.ndarray:
        """The mean of the label by the model: one number for each sample, or a row."""
        found = self._outputs(X)
        link = LINKS.get(self._link())
        found = found if link is None else link(found)
        return found.reshape(len(found)) if self._flat else found.reshape(len(found), -1)


def _link_of(estimator: Learner) -> str:
    """The link of an estimator's model; none where there is no model, of which fit tells more."""
    try:
        return estimator._link()
    except SymbackpropError:
        return ""


def _has_probabilities(estimator: "Classifier") -> bool:
    return _link_of(estimator) in ("softmax", "sigmoid", "probability")


class Classifier(ClassifierMixin, Learner):
    """A model of classes as a classifier: `Classifier(model, sizes={"h": 16})`; without a model that of `logistic_regression()`.

    The model has one input X of samples, an output, and one label: a one-hot row for each sample (of classes), the class as a place (role
    index), or one number for two classes, 1 for the second and `neg_label` (0 or -1) for the first. What is predicted is the class
    of the largest output; of two classes the second where the output is above 0, above 0.5 where outputs are probabilities, and halfway
    between the numbers where the loss is of squared errors. There are probabilities where the output is one, or where the loss is that of
    a softmax or sigmoid of it (dJ/dO = a (g(O) - Y), decided by value); those of sigmoids for several classes are divided by their sum.
    """

    __doc__ = f"{__doc__}{SETTINGS}"

    def __init__(
        self,
        model: Any = None,
        *,
        sizes: Mapping[str, int] | None = None,
        constants: Mapping[str, Any] | None = None,
        neg_label: int = 0,
        solver: str = "lbfgs",
        max_iter: int = 1000,
        tol: float = 1e-5,
        learning_rate: float = 0.1,
        batch_size: int = 32,
        momentum: float = 0.9,
        warm_start: bool = False,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            model,
            sizes=sizes,
            constants=constants,
            solver=solver,
            max_iter=max_iter,
            tol=tol,
            learning_rate=learning_rate,
            batch_size=batch_size,
            momentum=momentum,
            warm_start=warm_start,
            random_state=random_state,
        )
        self.neg_label = neg_label

    def _default(self) -> Model:
        return logistic_regression()

    def _zero(self) -> int:
        if self.neg_label not in (0, -1):
            raise SpecError(f"neg_label is {self.neg_label!r}", place="Classifier", fix="give 0 or -1")
        return self.neg_label

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = columns(self) != 1 or is_index(self)
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Find the parameters. Raises SpecError for a model that is none, DataError for data that do not fit it, TrainError otherwise."""
        return self._fitted(X, y, None, once=False)

    def partial_fit(self, X: Any, y: Any, classes: Sequence[Any] | None = None) -> Self:
        """One pass of gradient descent over some samples, from where the last one ended; the first call says all `classes`."""
        return self._fitted(X, y, classes, once=True)

    def _fitted(self, X: Any, y: Any, classes: Sequence[Any] | None, once: bool) -> Self:
        first = not (once and hasattr(self, "params_"))
        X, y = validate_data(self, X, y, reset=first, dtype=np.float64)
        check_classification_targets(y)
        known = np.unique(y if classes is None else np.asarray(classes)) if first else self.classes_
        if not set(np.unique(y)) <= set(known):
            raise ValueError(f"y has classes that are not among {list(known)}; give all of them as classes= to the first partial_fit")
        if len(known) < 2:
            raise ValueError(f"a classifier needs samples of at least 2 classes, and y has {len(known)} class")
        roles = roles_of(self._stated())
        zero, axes = self._zero(), roles.along(roles.y)
        self._link()
        codes = np.searchsorted(known, y)
        if roles.y.role != "index":
            if columns(self) == 1:
                if len(known) > 2:
                    kind = type_of_target(y, input_name="y")
                    raise ValueError(f"Only binary classification is supported by the model. The type of the target is {kind}.")
                codes = codes.reshape(-1, *[1 for _ in axes])
            else:
                codes = np.eye(len(known))[codes]
            codes = codes.astype(float) if zero == 0 else 2.0 * codes - 1
        self.classes_ = known
        return self._learn(X, codes, once=once)

    def _widths(self, roles: Roles, given: Mapping[Any, int]) -> dict[Any, int]:
        # Of places the output tells how many classes there are.
        counts = dict(given)
        if roles.y.role == "index":
            counts[roles.output] = len(self.classes_)
        return counts

    def predict(self, X: Any) -> np.ndarray:
        """The class of each sample."""
        scores = self._scores(X)
        return self.classes_[np.argmax(scores, axis=1) if scores.ndim > 1 else (scores > 0).astype(int)]

    def decision_function(self, X: Any) -> np.ndarray:
        """Of two classes a number that is above 0 for the second, else one for each class, the largest for that predicted."""
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if scores.ndim > 1 and scores.shape[1] == 2 else scores

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, in the order of `classes_`."""
        found = self._outputs(X)
        link = LINKS.get(self._link())
        found = found if link is None else link(found)
        found = found.reshape(len(found), -1)
        if found.shape[1] == 1:
            return np.hstack([1 - found, found])
        return found / found.sum(axis=1, keepdims=True)

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of the probability of each class, in the order of `classes_`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _scores(self, X: Any) -> np.ndarray:
        """The outputs; of one for two classes less what lies between them."""
        found = self._outputs(X).reshape(-1, self._width())
        if found.shape[1] > 1:
            return found
        link = self._link()
        return found.ravel() - (0.5 if link in ("probability", "identity") else 0.0)

    def _width(self) -> int:
        return 1 if columns(self) == 1 and not is_index(self) else len(self.classes_)
