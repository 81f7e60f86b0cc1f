"""What Python and NumPy ask of an array's stand-in: operators, ufuncs, functions of NumPy. All come to one call of an op."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symbackprop.errors import ParseError
from symbackprop.language.tracing.values.recording import Recording


class Operators:
    """The operators of an array, as calls of ops in its `recording`."""

    __slots__ = ()
    recording: Recording

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__
        if method == "at" and name in ("add", "subtract"):
            return self.recording.apply(f"{name}_at", inputs, options, "np.")
        if method == "reduce" and name in REDUCED:
            options = {k: v for k, v in options.items() if v is not None or k == "axis"}
            return self.recording.apply(REDUCED[name], inputs, {"axis": 0, **options}, "np.")
        if method == "accumulate" and name in ACCUMULATED:
            return self.recording.apply(ACCUMULATED[name], inputs, {"axis": 0, **options}, "np.")
        if method == "outer" and name == "multiply":
            return self.recording.apply("tensordot", (*inputs, 0), options, "np.")
        if method != "__call__":
            raise self.recording.error(f"np.{name}.{method} is not in the language", "write np.sum, np.cumsum or np.outer")
        out = options.pop("out", None)
        if options.get("where") is True:
            options.pop("where")
        made = self.recording.apply(name, inputs, options, "np." if hasattr(np, name) else "")
        return made if out is None else written_out(made, out, self.recording)

    def __array_function__(self, function: Callable, types: Sequence[type], args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        return called(function, args, options, self.recording)


def called(function: Callable, args: Sequence[Any], options: Mapping[str, Any], recording: Recording) -> Any:
    """What a function of NumPy gives on values of which one is traced."""
    home = (function.__module__ or "numpy").replace("numpy", "np", 1)
    out = options.get("out")
    given = {k: v for k, v in options.items() if k != "out"}
    made = recording.apply(function.__name__, tuple(args), given, f"{home}.")
    return made if out is None else written_out(made, (out,), recording)


REDUCED = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}
ACCUMULATED = {"add": "cumsum", "multiply": "cumprod"}


def written_out(made: Any, out: tuple[Any, ...], recording: Recording) -> Any:
    """out=: what was made written into the array that is named."""
    (into,) = out
    if not isinstance(into, Operators):
        raise recording.error("out= names an array of numbers", "make it in the function, with np.zeros or np.empty")
    into[...] = made  # type: ignore[index]
    return into


def _binary(op: str) -> tuple[Callable, Callable]:
    def forward(self: Operators, other: Any) -> Any:
        return self.recording.apply(op, (self, other), {})

    def reflected(self: Operators, other: Any) -> Any:
        if op == "add" and type(other) is int and other == 0:
            return self  # the start of Python's sum()
        return self.recording.apply(op, (other, self), {})

    return forward, reflected


def _unary(op: str) -> Callable:
    return lambda self: self.recording.apply(op, (self,), {})


def _missing(sign: str) -> Callable:
    def refuse(self: Operators, *_: Any) -> Any:
        fix = "of operators there are + - * / ** @ and comparisons"
        raise self.recording.error(f"the operator {sign} is not in the language", fix, ParseError)

    return refuse


BINARY = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power", "matmul": "matmul"}
BINARY |= {"and": "logical_and", "or": "logical_or", "floordiv": "floor_divide", "mod": "mod"}
_COMPARISONS = {"gt": "greater", "ge": "greater_equal", "lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal"}
for _name, _op in BINARY.items():
    _forward, _reflected = _binary(_op)
    setattr(Operators, f"__{_name}__", _forward)
    setattr(Operators, f"__r{_name}__", _reflected)
for _name, _op in _COMPARISONS.items():
    setattr(Operators, f"__{_name}__", _binary(_op)[0])
for _name, _op in {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "logical_not"}.items():
    setattr(Operators, f"__{_name}__", _unary(_op))
for _name, _sign in {"xor": "^", "lshift": "<<", "rshift": ">>", "divmod": "divmod"}.items():
    setattr(Operators, f"__{_name}__", _missing(_sign))
    setattr(Operators, f"__r{_name}__", _missing(_sign))
