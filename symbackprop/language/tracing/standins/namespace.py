"""While a function is traced, names of its module (np, len, range, float, ...) stand for what takes traced values and symbolic sizes too.

The module is as it was when the run is over. On plain numbers and arrays every stand-in does what the name does.
"""

import builtins
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, reduce
from types import FrameType, ModuleType
from typing import Any

import numpy as np
from sympy import floor

from symbackprop.language.tracing.standins.arrays import MADE, Random, symbolic
from symbackprop.language.tracing.values.calls import size_value
from symbackprop.language.tracing.values.operators import Operators, called
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.tracer import SYMBOLIC, Tracer
from symbackprop.language.tracing.values.value import is_traced

MISSING = object()
OWN = ("numpy", "scipy", "sympy", "mpmath", "symbackprop", "builtins")
"""Packages whose modules are left as they are."""
SPECIAL_FUNCTIONS = {
    "expit": "sigmoid",
    "logsumexp": "logsumexp",
    "softmax": "softmax",
    "log_softmax": "log_softmax",
    "erf": "erf",
    "log_expit": "logsigmoid",
}
"""Functions of scipy.special that are ops of the language."""


class Places(Tracer):
    """range(n) of a symbolic size: places to index by, nothing to loop over."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        (size,) = self.recording.shape(self.node)
        raise self.recording.error(f"a loop over a range whose size is symbolic, {size}", SYMBOLIC)

    def __len__(self) -> int:
        return self.recording.size(self.node, self.recording, self.recording.shape(self.node)[0]).__index__()


class Kind(type):
    """The class of stand-ins for float, int, np.float64: types to NumPy and to isinstance, functions that take traced values."""

    real: type
    function: Callable[..., Any]
    dtype: np.dtype

    def __call__(cls, *args: Any, **options: Any) -> Any:
        """The function on traced values, else the type itself."""
        return cls.function(*args, **options) if symbolic(*args) else cls.real(*args, **options)

    def __instancecheck__(cls, value: Any) -> bool:
        """Whether NumPy's array in the place of a traced one is of the type: what has no axes is a float64, which is a float."""
        if not is_traced(value):
            return isinstance(value, cls.real)
        if value.expression is not None:
            return cls.real is int
        if not value.shape:
            return cls.real is value.dtype.type or (cls.real is float and value.dtype.kind == "f")
        return cls.real is np.ndarray

    def __eq__(cls, other: Any) -> bool:
        return other is cls or other is cls.real

    __hash__ = type.__hash__

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.real, name)


def _kind(real: type, function: Callable[..., Any]) -> Any:
    """The stand-in for a type."""
    described: dict[str, Any] = {"real": real, "function": staticmethod(function)}
    if real is not np.ndarray:
        described["dtype"] = np.dtype(real)
    return Kind(real.__name__, (), described)


class Standins:
    """The stand-ins of one run, put in the place of names of modules."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.changed: list[tuple[dict[str, Any], str, Any]] = []
        self.seen: set[int] = set()
        self.looked_at: set[int] = set()
        self.random = Random(recording)
        casts = {t: _kind(t, partial(self.cast, t)) for t in (np.float64, np.float32, np.float16, np.int64, np.int32, np.int8, np.bool_)}
        self.numpy = _Numpy(
            recording, {t.__name__: kind for t, kind in casts.items()} | {"random": self.random, "ndarray": _kind(np.ndarray, array_of)}
        )
        self.builtins: Mapping[str, Any] = {
            "len": self.len,
            "range": self.range,
            "float": _kind(float, self.float),
            "int": _kind(int, self.int),
            "max": partial(self.extreme, "maximum", max),
            "min": partial(self.extreme, "minimum", min),
            "sum": self.sum,
        }

    def cast(self, real: type, x: Any) -> Any:
        """np.float64(x), np.int64(x)."""
        return self.recording.apply("astype", (x, real), {})

    def len(self, x: Any) -> Any:
        """len(x), a size where it is symbolic."""
        several = is_traced(x) and self.recording.parts(x.node)
        held: Any = x if isinstance(x, Operators) else None
        return held.shape[0] if held is not None and not several and held.shape else builtins.len(x)

    def range(self, *ends: Any) -> Any:
        """range(n), places where n is symbolic."""
        if not symbolic(*ends):
            return builtins.range(*ends)
        made = MADE["arange"](self.recording, *ends)
        return Places(made.node, self.recording)

    def float(self, x: Any) -> Any:
        """float(x): a number is one already."""
        return self.number(x, x)

    def int(self, x: Any) -> Any:
        """int(x): of a size, without what is behind the point."""
        if x.expression is not None:
            return size_value(x.expression if x.expression.is_integer else floor(x.expression), self.recording)
        return self.number(x, None)

    def number(self, x: Any, made: Any) -> Any:
        """A value of one entry as a number."""
        if x.expression is not None or not x.shape:
            return self.recording.apply("trunc", (x,), {}) if made is None else made
        raise self.recording.error("this asks for a Python number of an array", "write x[0], or x.item(), of an array with one entry")

    def extreme(self, op: str, real: Callable[..., Any], *values: Any, **options: Any) -> Any:
        """max(a, b) of numbers that are traced."""
        given = values[0] if builtins.len(values) == 1 and isinstance(values[0], list | tuple) else values
        traced = [v for v in given if is_traced(v)] if builtins.len(given) > 1 else []
        if not traced or options or any(v.shape for v in traced):
            return real(*values, **options)
        return reduce(lambda a, b: self.recording.apply(op, (a, b), {}), given)

    def sum(self, x: Any, *start: Any, **options: Any) -> Any:
        """sum(x): of an array that along its first axis."""
        along = is_traced(x) and not start and not options and x.ndim
        return self.recording.apply("sum", (x,), {"axis": 0}) if along else builtins.sum(x, *start, **options)

    def put(self, names: dict[str, Any]) -> None:
        """Put stand-ins in the place of names of a module, given as its dictionary."""
        if id(names) in self.seen or str(names.get("__name__", "")).split(".")[0] in OWN:
            return
        self.seen.add(id(names))
        for name, value in list(names.items()):
            made = self.standin(value)
            if made is not None:
                self.set(names, name, made)
        for name, made in self.builtins.items():
            if name not in names:
                self.set(names, name, made)

    def set(self, names: dict[str, Any], name: str, made: Any) -> None:
        """Set a name until `restore`."""
        self.changed.append((names, name, names.get(name, MISSING)))
        names[name] = made

    def standin(self, value: Any) -> Any:
        """What stands for a value of a module, None if it stands for itself."""
        if isinstance(value, ModuleType):
            return self.module(value)
        if isinstance(value, np.random.Generator | np.random.RandomState):
            return self.random
        if not callable(value):
            return None
        name, home = str(getattr(value, "__name__", "")), str(getattr(value, "__module__", ""))
        if getattr(np, name, None) is value:
            made = getattr(self.numpy, name)
            return None if made is value else made
        if home == "math":
            return getattr(self.module(math), name)
        if home.startswith("numpy.random") or isinstance(getattr(value, "__self__", None), np.random.RandomState):
            return getattr(self.random, name, None) if hasattr(Random, name) else None
        if name in SPECIAL_FUNCTIONS and (home.startswith("scipy") or isinstance(value, np.ufunc)):
            return self.numpy.dispatched(SPECIAL_FUNCTIONS[name], value)
        return None

    def module(self, real: ModuleType) -> Any:
        """What stands for a module, None if it stands for itself."""
        if real.__name__ in ("math", "scipy", "scipy.special"):
            return _Module(real, self.recording, SPECIAL_FUNCTIONS if real.__name__ == "scipy.special" else {})
        return {"numpy": self.numpy, "numpy.random": self.random}.get(real.__name__)

    def entered(self, frame: FrameType) -> None:
        """Put stand-ins into the module of a function that is called, if it works with NumPy."""
        if id(frame.f_globals) not in self.looked_at:
            self.looked_at.add(id(frame.f_globals))
            if any(v is np for v in list(frame.f_globals.values())):
                self.put(frame.f_globals)

    def restore(self) -> None:
        """Every name as it was."""
        for names, name, value in reversed(self.changed):
            if value is MISSING:
                names.pop(name, None)
            else:
                names[name] = value
        self.changed.clear()


def array_of(*_: Any) -> Any:
    """np.ndarray is a type here alone."""
    raise TypeError("np.ndarray makes no array of traced values")


@contextmanager
def standing_in(recording: Recording, names: dict[str, Any]) -> Iterator[Standins]:
    """Stand-ins in a module, for as long as a function of it runs."""
    made = Standins(recording)
    try:
        made.put(names)
        yield made
    finally:
        made.restore()


class _Numpy:
    """What stands for the module numpy."""

    def __init__(self, recording: Recording, own: Mapping[str, Any]) -> None:
        self._recording = recording
        self._own = {**own, **{name: partial(made, recording) for name, made in MADE.items()}}

    def dispatched(self, op: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """A function that is an op of the language on traced values."""

        def function(*args: Any, **options: Any) -> Any:
            return self._recording.apply(op, args, options) if symbolic(*args) else real(*args, **options)

        return function

    def __getattr__(self, name: str) -> Any:
        real = self._own.get(name) or getattr(np, name)
        if name in self._own or not callable(real) or isinstance(real, type | np.ufunc):
            return real

        def function(*args: Any, **options: Any) -> Any:
            return called(real, args, options, self._recording) if symbolic(*args) else real(*args, **options)

        return function


class _Module:
    """What stands for a module whose functions take numbers alone: math, scipy.special. `names` are ops that it calls otherwise."""

    def __init__(self, real: ModuleType, recording: Recording, names: Mapping[str, str]) -> None:
        self._real, self._recording, self._names = real, recording, names

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if isinstance(real, ModuleType) and real.__name__ == "scipy.special":
            return _Module(real, self._recording, SPECIAL_FUNCTIONS)
        if not callable(real) or isinstance(real, type):
            return real

        def function(*args: Any, **options: Any) -> Any:
            home = f"{self._real.__name__}."
            return self._recording.apply(self._names.get(name, name), args, options, home) if symbolic(*args) else real(*args, **options)

        return function
