"""The functions of the language that NumPy lacks, so that one text runs on arrays and on tracers: sbp.relu(x).

On arrays an elementwise function is evaluated as its record spells it, read by the parser of this language; on a tracer it
gives the tracer of the call.
"""

import math
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from types import MappingProxyType
from typing import Any

import numpy as np
from sympy import Expr

from symbackprop.errors import ParseError
from symbackprop.language.nodes import Call, Name, Node, Number
from symbackprop.language.syntax import parse
from symbackprop.language.tracer import Tracer, traced
from symbackprop.ops import OPS, Op
from symbackprop.ops.compose import COMPOSED

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


def _flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    shape, stop = np.shape(x), end_dim % max(np.ndim(x), 1) + 1
    return np.reshape(x, (*shape[:start_dim], -1, *shape[stop:]))


_ARRAYS: Mapping[str, Callable] = {
    "one_hot": _one_hot,
    "flatten": _flatten,
    "erf": _erf,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "logdet": lambda x: np.linalg.slogdet(x)[1],
    "eye": np.eye,
    "ones": np.ones,
    "zeros": np.zeros,
}
"""What no spelling says; and NumPy's makers of arrays, which take no tracers for sizes."""


def _spelled(op: Op) -> Callable:
    """The evaluation of an elementwise op by its spelling in NumPy."""
    arguments = [f"argument{k}" for k in range(len(op.parameters))]
    tree = parse(op.numpy.format(*arguments), f"the spelling of {op.name}")
    return lambda *values: _value(tree, dict(zip(arguments, values, strict=True)))


def _value(node: Node, values: Mapping[str, Any]) -> Any:
    match node:
        case Name():
            return values[node.id]
        case Number():
            return float(node.value)
        case Call():
            function = _ARRAYS.get(node.op) or getattr(np, node.op)
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
        function = FUNCTIONS.get(name) or getattr(np, name)

        def call(*arguments: Any, **options: Any) -> Any:
            made = function(*(_plain(a) for a in arguments), **{k: _plain(v) for k, v in options.items()})
            return [_held(m) for m in made] if isinstance(made, list | tuple) else _held(made)

        return call

    def named(self, x: Any) -> Any:
        """A value that is used more than once: on arrays, itself."""
        return x


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


def _on_arrays(op: Op, name: str) -> Callable | None:
    """What evaluates the op on arrays; None if NumPy has it under its own name, or if nothing has it."""
    if name in _ARRAYS:
        return _ARRAYS[name]
    if op.status != "built" or hasattr(np, name):
        return None
    if name in COMPOSED:
        return _composed(name)
    if op.numpy:
        return _spelled(op)
    return getattr(np.linalg, name, None)


def _function(op: Op, name: str, on_arrays: Callable) -> Callable:
    parameters = [_argument(p) for p in op.parameters.values()]
    signature = Signature(parameters)

    def function(*args: Any, **options: Any) -> Any:
        found = _tracer((*args, *options.values()))
        try:
            bound = signature.bind(*args, **options)
        except TypeError as e:
            if found is None:
                raise TypeError(f"{name}() {e}") from None
            fix = f"its arguments are {', '.join(op.parameters)}"
            raise found.recording.error(f"op '{name}': {e}", fix, ParseError) from None
        if found is not None:
            return traced(name, args, options, found.recording)
        if op.numpy and name not in _ARRAYS:
            bound.apply_defaults()
            return on_arrays(*bound.args)
        return on_arrays(*args, **options)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{op.summary}\n\n{op.formula}"
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _argument(p: Parameter) -> Parameter:
    default = float(p.default) if p.default is not p.empty and isinstance(p.default, int | float) and p.default is not False else p.default
    return p.replace(annotation=p.empty, default=default)


def _tracer(values: tuple[Any, ...]) -> Tracer | None:
    """The first tracer among the arguments, also inside tuples, as in zeros((n, d))."""
    for value in values:
        if isinstance(value, Tracer):
            return value
        if isinstance(value, tuple | list) and (found := _tracer(tuple(value))) is not None:
            return found
    return None


FUNCTIONS: Mapping[str, Callable] = MappingProxyType(
    {name: _function(op, name, found) for name, op in OPS.items() if (found := _on_arrays(op, name)) is not None}
)
"""Each name of the language that NumPy has not under the same name, and what it does on arrays and on tracers."""
