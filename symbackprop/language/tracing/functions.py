"""The functions of the language, so that one text runs on arrays and on tracers: sbp.relu(x), sbp.conv2d(x, w).

On arrays a function gives the value, on a tracer the tracer of the call.
"""

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from types import MappingProxyType
from typing import Any

from symbackprop.errors import ParseError
from symbackprop.language.tracing.on_arrays import evaluation
from symbackprop.language.tracing.values.tracer import Tracer
from symbackprop.ops import OPS, Op


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
            return found.recording.apply(name, args, options)
        if op.kind == "elementwise":
            bound.apply_defaults()
            return on_arrays(*bound.args)
        placed: list[Any] = []
        named = {}
        for key, value in bound.arguments.items():
            p = signature.parameters[key]
            if p.default is not Parameter.empty:
                named[key] = value
            else:
                placed += value if p.kind is Parameter.VAR_POSITIONAL else [value]
        return on_arrays(*placed, **named)

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


FUNCTIONS: Mapping[str, Callable] = MappingProxyType({name: _function(op, name, evaluation(op, name)) for name, op in OPS.items()})
"""Each name of the language, and what it does on arrays and on tracers."""
