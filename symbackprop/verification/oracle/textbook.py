"""Scalar functions and whole-tensor calls in NumPy, as a textbook prints them: the oracle's own words.

These are written a second time on purpose (the op table and the templates have theirs), so that a slip in one shows in
the other. A function takes arrays and broadcasts, and is right to a few roundings of its own value; a call takes arrays and the call's
options. Ties: relu and sign are 0 at 0, max takes the first maximum.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np

ERF = np.vectorize(math.erf, otypes=[np.float64])
ERFC = np.vectorize(math.erfc, otypes=[np.float64])


def real(x: np.ndarray) -> np.ndarray:
    """`x`. Raises TypeError where it is complex: no step in that direction, of a function whose values there are not its continuation."""
    if np.iscomplexobj(x):
        raise TypeError("this is evaluated for real arguments only")
    return x


def erf(x: np.ndarray) -> np.ndarray:
    """2/sqrt(pi) times the integral of exp(-t^2) from 0 to x; real arguments only."""
    return ERF(real(x))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1/(1 + exp(-x)); an overflow of exp gives 0, as it should."""
    return 1 / (1 + np.exp(-x))


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + exp(x))."""
    return np.where(np.real(x) > 30, x + np.exp(-x), np.log1p(np.exp(x)))


def elu(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """x for x > 0, else alpha (exp(x) - 1)."""
    return np.where(np.real(x) > 0, x, alpha * np.expm1(x))


def _phi(x: np.ndarray) -> np.ndarray:
    return ERFC(-real(x) / math.sqrt(2)) / 2


FUNCTIONS: Mapping[str, Callable] = {
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": lambda y, x: np.arctan2(real(y), real(x)),
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": erf,
    "floor": np.floor,
    "Mod": np.mod,
    "relu": lambda x: np.where(np.real(x) > 0, x, 0),
    "leaky_relu": lambda x, slope=0.01: np.where(np.real(x) > 0, x, slope * x),
    "elu": elu,
    "selu": lambda x: 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717),
    "gelu": lambda x: x * _phi(x),
    "silu": lambda x: x * sigmoid(x),
    "sigmoid": sigmoid,
    "softplus": softplus,
    "mish": lambda x: x * np.tanh(softplus(x)),
    "absolute": lambda x: np.where(np.real(x) < 0, -x, x),
    "Abs": lambda x: np.where(np.real(x) < 0, -x, x),
    "sign": lambda x: np.sign(np.real(x)),
    "log1p": np.log1p,
    "expm1": np.expm1,
    "maximum": lambda x, y: np.where(np.real(x) > np.real(y), x, y),
    "minimum": lambda x, y: np.where(np.real(x) < np.real(y), x, y),
    "arctan": np.arctan,
    "hypot": lambda x, y: np.sqrt(x * x + y * y),
    "square": lambda x: x * x,
}
"""Scalar functions by the name of their class."""

GAPS: Mapping[str, Callable] = {
    **dict.fromkeys(("relu", "leaky_relu", "elu", "selu", "absolute", "Abs", "sign"), lambda x, *_: x),
    **dict.fromkeys(("maximum", "minimum"), lambda x, y: x - y),
    "floor": lambda x: x - np.round(np.real(x)),
}
"""What is 0 at the kink of a function, by the function's arguments."""

STEPS: Mapping[str, Callable] = {"floor": np.floor}
"""On which of more than two sides the argument of a function lies."""


def _top(x: np.ndarray, axis: int | None) -> np.ndarray:
    return np.max(np.real(x), axis=axis, keepdims=True)


def softmax(x: np.ndarray, axis: int | None = -1) -> np.ndarray:
    """exp(x_k) over the sum of all exp(x_j)."""
    e = np.exp(x - _top(x, axis))
    return e / e.sum(axis=axis, keepdims=True)


def logsumexp(x: np.ndarray, axis: int | None = None, keepdims: bool = False) -> np.ndarray:
    """log of the sum of exp(x)."""
    top = _top(x, axis)
    value = top + np.log(np.exp(x - top).sum(axis=axis, keepdims=True))
    return value if keepdims else np.squeeze(value, axis=axis)


def log_softmax(x: np.ndarray, axis: int | None = -1) -> np.ndarray:
    """x minus the log of the sum of exp(x)."""
    return x - logsumexp(x, axis=axis, keepdims=True)


def first_maximum(x: np.ndarray, axis: int | None = None, keepdims: bool = False) -> np.ndarray:
    """The entry where the real part is largest, the first of equals."""
    place = np.argmax(np.real(x), axis=axis, keepdims=True)
    value = np.take_along_axis(x, place, axis) if axis is not None else x.reshape(-1)[np.argmax(np.real(x))].reshape((1,) * x.ndim)
    return value if keepdims else np.squeeze(value, axis=axis)


def first_minimum(x: np.ndarray, axis: int | None = None, keepdims: bool = False) -> np.ndarray:
    """The entry where the real part is smallest, the first of equals."""
    return -first_maximum(-x, axis=axis, keepdims=keepdims)


def selector(x: np.ndarray, axis: int) -> np.ndarray:
    """1 where the first of the largest real parts stands, else 0."""
    hot = np.zeros(x.shape)
    np.put_along_axis(hot, np.expand_dims(np.argmax(np.real(x), axis=axis), axis), 1, axis=axis)
    return hot


def prod_others(x: np.ndarray, axis: int, order: int) -> np.ndarray:
    """For each choice of `order` places along `axis`, the product of the entries at all other places."""
    rows = np.moveaxis(x, axis, -1)
    size = rows.shape[-1]
    made = np.empty((*rows.shape[:-1], *[size] * order), dtype=x.dtype)
    for places in np.ndindex(*[size] * order):
        made[(..., *places)] = np.prod(np.delete(rows, list(set(places)), axis=-1), axis=-1)
    return made


def symmetric(a: np.ndarray) -> np.ndarray:
    """The symmetric part of a real matrix."""
    return (real(a) + a.T) / 2


def pinv(a: np.ndarray) -> np.ndarray:
    """The pseudo-inverse of a matrix of full rank, by the normal equations."""
    tall = a if a.shape[0] >= a.shape[1] else a.T
    made = np.linalg.inv(tall.T @ tall) @ tall.T
    return made if tall is a else made.T


def cholesky(a: np.ndarray) -> np.ndarray:
    """The lower triangular factor of the symmetric part; NaN where that is not positive definite."""
    try:
        return np.linalg.cholesky(symmetric(a))
    except np.linalg.LinAlgError:
        return np.full_like(a, np.nan)


def eigenvalue_gaps(values: np.ndarray) -> np.ndarray:
    """1 / (l_i - l_j); 0 for i = j, nan where two are equal."""
    gaps = values[:, None] - values
    return np.where(np.eye(len(values), dtype=bool), 0, np.where(gaps == 0, np.nan, 1 / np.where(gaps == 0, 1, gaps)))


CALLS: Mapping[str, Callable] = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    "max": first_maximum,
    "min": first_minimum,
    "mean": lambda x, axis=None, keepdims=False: np.sum(x, axis=axis, keepdims=keepdims) * x.dtype.type(1) / _count(x, axis),
    "var": lambda x, axis=None, keepdims=False: _variance(x, axis, keepdims),
    "max_selector": lambda x, axis: selector(x, axis),
    "min_selector": lambda x, axis: selector(-x, axis),
    "prod": lambda x, axis=None: np.prod(x, axis=axis),
    "prod_others": lambda x, axis, order: prod_others(x, axis, order),
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "logdet": lambda a: np.log(np.linalg.det(a) ** 2) / 2,
    "sign_of_det": lambda a: np.sign(np.linalg.det(real(a))),
    "pinv": pinv,
    "solve": np.linalg.solve,
    "eigvalsh": lambda a: np.linalg.eigvalsh(symmetric(a)),
    "eigenvectors": lambda a: np.linalg.eigh(symmetric(a))[1],
    "eigenvalue_gaps": lambda a: eigenvalue_gaps(np.linalg.eigvalsh(symmetric(a))),
    "cholesky": cholesky,
}
"""Whole-tensor calls by the name of their op."""

CALL_GAPS: Mapping[str, Callable] = {
    **dict.fromkeys(("max", "max_selector"), lambda x, axis=None, keepdims=False: _lead(x, axis)),
    **dict.fromkeys(("min", "min_selector"), lambda x, axis=None, keepdims=False: _lead(-x, axis)),
    **dict.fromkeys(("eigvalsh", "eigenvectors", "eigenvalue_gaps"), lambda a: _between(np.linalg.eigvalsh(symmetric(a)))),
    "sign_of_det": lambda a: np.linalg.det(real(a)),
}
"""What is 0 at the kink of a call, by its arguments and options: the lead of the first over the second, the smallest difference."""

PICKS: Mapping[str, Callable] = {
    **dict.fromkeys(("max", "max_selector"), lambda x, axis=None, keepdims=False: np.argmax(np.real(x), axis=axis)),
    **dict.fromkeys(("min", "min_selector"), lambda x, axis=None, keepdims=False: np.argmin(np.real(x), axis=axis)),
}
"""Which entry a call picks."""


def _lead(x: np.ndarray, axis: int | None) -> np.ndarray:
    """By how much the largest entry is larger than the next; of one entry, 1."""
    rows = x.reshape(-1) if axis is None else np.moveaxis(x, axis, -1)
    if rows.shape[-1] < 2:
        return np.ones(rows.shape[:-1])
    order = np.argsort(-np.real(rows), axis=-1, kind="stable")[..., :2]
    first, second = np.moveaxis(np.take_along_axis(rows, order, -1), -1, 0)
    return first - second


def _between(values: np.ndarray) -> np.ndarray:
    """The smallest difference of neighbours along the last axis; of one, 1."""
    return np.diff(values, axis=-1).min(axis=-1) if values.shape[-1] > 1 else np.ones(values.shape[:-1])


def _count(x: np.ndarray, axis: int | None) -> int:
    return x.size if axis is None else x.shape[axis]


def _variance(x: np.ndarray, axis: int | None, keepdims: bool) -> np.ndarray:
    centred = x - np.sum(x, axis=axis, keepdims=True) / _count(x, axis)
    return np.sum(centred * centred, axis=axis, keepdims=keepdims) / _count(x, axis)
