"""What each op does on NumPy's arrays, so that a model written as a function is its own reference.

An elementwise op is evaluated as its record spells it, read by the parser of this language; an op made of ops by its author's
function; others by NumPy's function of that name, or as the table here says.
"""

import math
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import Any

import numpy as np
from sympy import Expr

from symbackprop.language.nodes import Call, Name, Node, Number
from symbackprop.language.syntax import parse
from symbackprop.ops import OPS, Op
from symbackprop.ops.composed.compose import COMPOSED

_ERF = np.vectorize(math.erf, otypes=[np.float64])


def _erf(x: Any) -> Any:
    x = np.asarray(x)
    return _ERF(x).astype(np.result_type(x, np.float16))[()]


def _softmax(x: Any, axis: int = -1) -> Any:
    shifted = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return shifted / np.sum(shifted, axis=axis, keepdims=True)


def _log_softmax(x: Any, axis: int = -1) -> Any:
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def _logsumexp(x: Any, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    top = np.max(x, axis=axis, keepdims=True)
    total = top + np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True))
    return total if keepdims else np.squeeze(total, axis=axis)


def _one_hot(index: Any, num_classes: int) -> Any:
    return np.eye(int(num_classes))[np.asarray(index)]


def _first(places: Callable, x: Any, axis: int = -1) -> Any:
    """1 at the place along an axis that `places` finds, 0 elsewhere."""
    hot = np.zeros_like(x)
    np.put_along_axis(hot, places(x, axis=axis, keepdims=True), 1, axis=axis)
    return hot


def _prod_others(x: Any, axis: int = -1, order: int = 1) -> Any:
    rows = np.moveaxis(np.asarray(x), axis, -1)
    size = rows.shape[-1]
    chosen = np.zeros((*[size] * order, size), bool)
    for place in np.ndindex(chosen.shape[:-1]):
        chosen[(*place, list(place))] = True
    return np.prod(np.where(chosen, 1, np.expand_dims(rows, tuple(range(-1 - order, -1)))), axis=-1)


def _symmetric(x: Any) -> Any:
    return (x + np.swapaxes(x, -1, -2)) / 2


def _eigenvalue_gaps(x: Any) -> Any:
    values = np.linalg.eigvalsh(_symmetric(x))
    gaps = values[:, None] - values
    made = np.divide(1, gaps, out=np.full_like(gaps, np.nan), where=gaps != 0)
    np.fill_diagonal(made, 0)
    return made


TABLE: Mapping[str, Callable] = {
    "one_hot": _one_hot,
    "flatten": np.ravel,
    "erf": _erf,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "logdet": lambda x: np.linalg.slogdet(x)[1],
    "sign_of_det": lambda x: np.linalg.slogdet(x)[0],
    "cholesky": lambda x: np.linalg.cholesky(_symmetric(x)),
    "eigh": lambda x: np.linalg.eigh(_symmetric(x)),
    "eigvalsh": lambda x: np.linalg.eigvalsh(_symmetric(x)),
    "eigenvectors": lambda x: np.linalg.eigh(_symmetric(x))[1],
    "eigenvalue_gaps": _eigenvalue_gaps,
    "max_selector": lambda x, axis=-1: _first(np.argmax, x, axis),
    "min_selector": lambda x, axis=-1: _first(np.argmin, x, axis),
    "prod_others": _prod_others,
    "sliding_window_view": np.lib.stride_tricks.sliding_window_view,
    "eye": lambda n, m=None: np.eye(n, m),
}
"""Ops that no spelling says and that NumPy lacks, or takes to mean something else."""


def evaluation(op: Op, name: str) -> Callable:
    """What evaluates the op on arrays, of arguments in the order of its parameters."""
    if name in TABLE:
        return TABLE[name]
    if name in COMPOSED:
        return _composed(name)
    found = getattr(np, name, None) or getattr(np.linalg, name, None)
    return found if found is not None else _spelled(op)


def _spelled(op: Op) -> Callable:
    """The evaluation of an elementwise op by its spelling in NumPy, arguments that are left out as the record has them."""
    arguments = [f"argument{k}" for k in range(len(op.parameters))]
    tree = parse(op.numpy.format(*arguments), f"the spelling of {op.name}")
    defaults = [None if p.default is Parameter.empty else float(p.default) for p in op.parameters.values()]

    def on_arrays(*values: Any) -> Any:
        return _value(tree, dict(zip(arguments, (*values, *defaults[len(values) :]), strict=True)))

    return on_arrays


def _value(node: Node, values: Mapping[str, Any]) -> Any:
    match node:
        case Name():
            return values[node.id]
        case Number():
            return float(node.value)
        case Call():
            function = TABLE.get(node.op) or getattr(np, node.op)
            return function(*(_value(a, values) for a in node.args))
    raise TypeError(f"{node!r} has no value")


class _Held(np.ndarray):
    """An array that the function of a composed op can work on as on a value."""

    @property
    def rank(self) -> int:
        """The number of axes."""
        return self.ndim


class _ArrayOps:
    """The ops of the table by name, on arrays."""

    def __getattr__(self, name: str) -> Callable:
        function = evaluation(OPS[name], name)

        def call(*arguments: Any, **options: Any) -> Any:
            made = function(*(_plain(a) for a in arguments), **{k: _plain(v) for k, v in options.items()})
            return [_held(m) for m in made] if isinstance(made, list | tuple) else _held(made)

        return call

    def called(self, x: Any, name: str, latex: str) -> None:
        """An array has no name."""

    def named(self, x: Any) -> Any:
        """A value that is used more than once: on arrays, itself."""
        return x

    def check(self, holds: bool, reason: str, *values: Any) -> None:
        """Raise ValueError, with the shapes of `values`, unless something `holds` of them."""
        if not holds:
            raise ValueError("; ".join([reason, *[f"shape {np.shape(x)}" for x in values]]))


def _held(x: Any) -> Any:
    return np.asarray(x).view(_Held)


def _plain(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(_plain(a) for a in x)
    return x.view(np.ndarray) if isinstance(x, _Held) else float(x) if isinstance(x, Expr) and not x.is_Integer else x


def _composed(name: str) -> Callable:
    """The evaluation of a composed op by its author's function."""

    def on_arrays(*arguments: Any, **options: Any) -> Any:
        given = [_held(a) if isinstance(a, np.ndarray | list) else a for a in arguments]
        held = {k: _held(v) if isinstance(v, np.ndarray | list) else v for k, v in options.items()}
        made = COMPOSED[name](_ArrayOps(), *given, **held)
        return np.asarray(made)[()]

    return on_arrays
