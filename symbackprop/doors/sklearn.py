"""scikit-learn: estimators made of any model with an output, and scikit-learn's own objectives as models."""

from symbackprop.doors.standard import (
    linear_regression,
    logistic_regression,
    mlp_classifier,
    mlp_regressor,
    poisson_regressor,
    ridge,
)
from symbackprop.errors import SymbackpropError

try:
    from symbackprop.doors.estimators import Classifier, Regressor
except ImportError as e:
    if not (e.name or "").startswith(("sklearn", "scipy")):
        raise
    fix = 'pip install "symbackprop[sklearn]"'
    raise SymbackpropError("scikit-learn (1.6 or later) is not installed", place="sbp.sklearn", fix=fix) from e

__all__ = [
    "Classifier",
    "Regressor",
    "linear_regression",
    "logistic_regression",
    "mlp_classifier",
    "mlp_regressor",
    "poisson_regressor",
    "ridge",
]
