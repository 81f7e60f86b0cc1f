"""Stand-ins for arrays: a Tracer takes part in NumPy notation as an array would, and writes down the syntax tree of it.

Operators, ufuncs, NumPy's functions, methods, `.T` and indexing give Tracers; `.shape` gives Sizes, which are numbers made of
the sizes of axes. What a syntax tree can't say (a condition on values, a conversion to float, an assignment to an entry) is an
error that shows the line of the traced function.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from numbers import Rational as Quotient
from typing import Any

import numpy as np
from sympy import Expr, Integer, Rational

from symbackprop.calculus.index import axis
from symbackprop.errors import AxisError, ParseError, UnknownOpError, nearest
from symbackprop.language.hints import IDLE
from symbackprop.language.nodes import Call, Dots, Group, Literal, Name, NewAxis, Node, Number, Slice, Subscript
from symbackprop.language.syntax import parse
from symbackprop.language.tracing.recording import Recording
from symbackprop.language.tracing.running import in_python
from symbackprop.ops import ABSENT, NUMPY, OPS


def is_number(value: Any) -> bool:
    """Whether `value` is a real number of Python's or NumPy's, or an array of one number without axes."""
    return isinstance(value, Real) or (isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iuf")


def number(value: Any, recording: Recording) -> Node:
    """The literal of a number, exactly as Python prints it."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.item()
    if isinstance(value, bool):
        return Literal(value)
    if isinstance(value, Integral):
        return Number(Integer(int(value)))
    if isinstance(value, Quotient):
        return Number(Rational(value.numerator, value.denominator))
    named = {math.pi: "np.pi", math.e: "np.e"}.get(value)
    if named is not None:
        return Name(named)
    if not math.isfinite(value):
        raise recording.error(f"{value} is not a number of the language", "write a large number, as -1e9 in a mask")
    return Number(Rational(repr(float(value))))


class Tracer:
    """Stands for an array in the run of a traced function; `node` says how it came about."""

    __slots__ = ("node", "recording")

    def __init__(self, node: Node, recording: Recording) -> None:
        self.node, self.recording = node, recording

    def __repr__(self) -> str:
        what = self.node.id if isinstance(self.node, Name) else getattr(self.node, "op", "entries")
        return f"<traced {what}>"

    __hash__ = object.__hash__

    # What arrays have.

    @property
    def T(self) -> "Tracer":
        """The transpose."""
        return traced("transpose", (self,), {}, self.recording)

    @property
    def shape(self) -> tuple[Any, ...]:
        """The sizes of the axes: integers where they are fixed, else Sizes."""
        return tuple(_size(a, self.recording) for a in self.recording.shape(self.node))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.recording.shape(self.node))

    @property
    def size(self) -> Any:
        """The number of entries."""
        return math.prod(self.shape)

    def copy(self) -> "Tracer":
        """Itself: nothing changes a tracer."""
        return self

    def reshape(self, *shape: Any) -> "Tracer":
        """The same entries in another shape, given as one tuple or as several sizes."""
        return traced("reshape", (self, shape[0] if len(shape) == 1 else shape), {}, self.recording)

    def transpose(self, *axes: Any) -> "Tracer":
        """The axes in reverse order, or in the order given as one tuple or as several integers."""
        order = axes[0] if len(axes) == 1 else axes
        return traced("transpose", (self, order) if axes else (self,), {}, self.recording)

    def __getattr__(self, name: str) -> Callable[..., "Tracer"]:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in OPS and hasattr(np.ndarray, name):
            return lambda *args, **options: traced(name, (self, *args), options, self.recording)
        fix = "arrays have .T, .shape, .ndim, .size and methods such as .sum()"
        if name in OPS:
            fix = f"write np.{name}(x)" if hasattr(np, name) else f"write sbp.{name}(x)"
        if name == "dtype":
            fix = "leave dtype= out: generated code keeps the dtype of its arguments"
        raise self.recording.error(f"a traced array has no attribute .{name}", fix, ParseError)

    def __getitem__(self, items: Any) -> "Tracer":
        parts = items if isinstance(items, tuple) else (items,)
        return Tracer(Subscript(self.recording.used(self.node), tuple(_item(i, self.recording) for i in parts)), self.recording)

    def __len__(self) -> int:
        shape = self.recording.shape(self.node)
        if shape and shape[0].is_Integer:
            return int(shape[0])
        raise self.recording.error("len() has to be an integer, and sizes stay symbolic", "write x.shape[0]", advised=True)

    def __iter__(self) -> Iterator["Tracer"]:
        parts = self.recording.parts(self.node)
        if parts:
            return (self[k] for k in range(parts))
        shape = self.recording.shape(self.node)
        if shape and shape[0].is_Integer:
            return (self[k] for k in range(int(shape[0])))
        raise self.recording.error(
            "a loop over an axis whose size is symbolic", "use operations on whole arrays, such as np.sum", advised=True
        )

    # What NumPy asks.

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> "Tracer":
        if "out" in options:
            raise self.recording.error("this changes an array in place", "write y = y + x rather than out=, or y += x on numbers")
        if method != "__call__":
            raise self.recording.error(f"np.{ufunc.__name__}.{method} is not in the language", "write np.sum, np.cumsum or np.outer")
        return traced(ufunc.__name__, inputs, options, self.recording, "np." if hasattr(np, ufunc.__name__) else "")

    def __array_function__(self, function: Callable, types: Sequence[type], args: Sequence[Any], options: Mapping[str, Any]) -> "Tracer":
        name = function.__name__
        if name == "shape":
            return self.shape  # type: ignore[return-value]
        if name == "copy":
            return args[0]
        if name == "ndim":
            return self.ndim  # type: ignore[return-value]
        if name == "einsum":
            options = {k: v for k, v in options.items() if k != "optimize"}
        home = (function.__module__ or "numpy").replace("numpy", "np", 1)
        return traced(name, tuple(args), options, self.recording, f"{home}.")

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        fix = "leave np.asarray out; arrays side by side are np.stack((a, b)), numbers in a traced function are arguments"
        raise self.recording.error("a traced array has no numbers yet", fix, advised=True)

    # What can't be traced.

    def __bool__(self) -> bool:
        fix = "write np.where(condition, a, b), np.maximum(a, b) or sbp.relu(x)"
        raise self.recording.error("a branch on the values of an array: they are not known while tracing", fix)

    def _no_number(self) -> Any:
        fix = "use np. functions, not those of math"
        raise self.recording.error("this asks for a Python number: values are not known while tracing", fix, advised=True)

    __float__ = __int__ = __complex__ = __index__ = __round__ = __trunc__ = __floor__ = __ceil__ = _no_number

    def __setitem__(self, items: Any, value: Any) -> None:
        fix = "build a new array: np.where(z < 0, 0, z), a product with a mask, or a slice"
        raise self.recording.error("this changes an array in place", fix)

    __delitem__ = __setitem__

    def __contains__(self, value: Any) -> bool:
        return bool(self == value)


def _binary(op: str) -> tuple[Callable, Callable]:
    def forward(self: Tracer, other: Any) -> Any:
        return traced(op, (self, other), {}, self.recording)

    def reflected(self: Tracer, other: Any) -> Any:
        if op == "add" and type(other) is int and other == 0:
            return self  # the start of Python's sum()
        return traced(op, (other, self), {}, self.recording)

    return forward, reflected


def _in_place(op: str) -> Callable:
    def changed(self: Tracer, other: Any) -> Any:
        made = traced(op, (self, other), {}, self.recording)
        if self.shape:
            self.recording.change(self.node)
        return made

    return changed


def _unary(op: str) -> Callable:
    return lambda self: traced(op, (self,), {}, self.recording)


def _missing(sign: str) -> Callable:
    def refuse(self: Tracer, *_: Any) -> Any:
        fix = "of operators there are + - * / ** @ and comparisons"
        raise self.recording.error(f"the operator {sign} is not in the language", fix, ParseError)

    return refuse


for _name, _op in {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power", "matmul": "matmul"}.items():
    _forward, _reflected = _binary(_op)
    setattr(Tracer, f"__{_name}__", _forward)
    setattr(Tracer, f"__r{_name}__", _reflected)
    setattr(Tracer, f"__i{_name}__", _in_place(_op))
_COMPARISONS = {"gt": "greater", "ge": "greater_equal", "lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal"}
for _name, _op in _COMPARISONS.items():
    setattr(Tracer, f"__{_name}__", _binary(_op)[0])
for _name, _op in {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "logical_not"}.items():
    setattr(Tracer, f"__{_name}__", _unary(_op))
for _name, _op in {"and": "logical_and", "or": "logical_or"}.items():
    _forward, _reflected = _binary(_op)
    setattr(Tracer, f"__{_name}__", _forward)
    setattr(Tracer, f"__r{_name}__", _reflected)
for _name, _sign in {"xor": "^", "lshift": "<<", "rshift": ">>", "floordiv": "//", "mod": "%", "divmod": "divmod"}.items():
    setattr(Tracer, f"__{_name}__", _missing(_sign))
    setattr(Tracer, f"__r{_name}__", _missing(_sign))


class Size(Tracer):
    """A number made of the sizes of axes: n, n - 1, n * d. In an expression it is that number."""

    __slots__ = ("expression",)
    __hash__ = Tracer.__hash__

    def __init__(self, node: Node, recording: Recording, expression: Expr) -> None:
        super().__init__(node, recording)
        self.expression = expression

    def __repr__(self) -> str:
        return str(self.expression)

    @property
    def shape(self) -> tuple[Any, ...]:
        """No axes."""
        return ()

    def _no_number(self) -> Any:
        fix = "sbp.eye, sbp.ones and sbp.zeros take sizes; math.sqrt(n) is np.sqrt(n); a loop over an axis is an operation on whole arrays"
        raise self.recording.error(f"this asks for {self} as an integer, and sizes stay symbolic", fix, advised=True)

    __float__ = __int__ = __complex__ = __index__ = __round__ = __trunc__ = __floor__ = __ceil__ = _no_number

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        return self._no_number()

    def __bool__(self) -> bool:
        return True


_SIZED: dict[str, Callable[[Expr, Expr], Expr]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
}
_DECIDED: dict[str, Callable[[Expr], bool | None]] = {
    "greater": lambda d: d.is_positive,
    "greater_equal": lambda d: d.is_nonnegative,
    "less": lambda d: d.is_negative,
    "less_equal": lambda d: d.is_nonpositive,
    "equal": lambda d: d.is_zero,
    "not_equal": lambda d: None if d.is_zero is None else not d.is_zero,
}


def _sized(op: str, args: Sequence[Any], node: Node, recording: Recording) -> Any:
    """The Size that arithmetic on sizes and numbers gives, the truth of a comparison of them, or None."""
    values = [v for a in args if (v := a.expression if isinstance(a, Size) else _plain(a)) is not None]
    if len(values) < len(args):
        return None
    if op == "negative":
        return Size(node, recording, -values[0])
    if len(values) != 2:
        return None
    if op in _SIZED:
        return Size(node, recording, _SIZED[op](*values))
    if op in _DECIDED:
        truth = _DECIDED[op](values[0] - values[1])
        if truth is None:
            fix = "give both the same letter if they are the same size, or leave the comparison out"
            raise recording.error(f"whether sizes {values[0]} and {values[1]} compare so is not known: sizes stay symbolic", fix, AxisError)
        return truth
    return None


def _plain(value: Any) -> Expr | None:
    if isinstance(value, Tracer) or not is_number(value) or not math.isfinite(value):
        return None
    return Integer(int(value)) if isinstance(value, Integral) else Rational(repr(float(value)))


def _size(size: Expr, recording: Recording) -> Any:
    if size.is_Integer:
        return int(size)
    return Size(Name(str(size)) if size == axis(str(size)) else parse(str(size)), recording, size)


def traced(op: str, args: Sequence[Any], options: Mapping[str, Any], recording: Recording, spelled: str = "") -> Any:
    """What the op gives on arguments of which one is a Tracer. `spelled` stood before its name in the function ("np.")."""
    name = {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "invert": "logical_not"}.get(op) or NUMPY.get(op, op)
    record = OPS.get(name)
    if record is None:
        absent, close = ABSENT.get(name), nearest(name, list(OPS))
        fix = f"did you mean {', '.join(close)}?" if close else "see the list that `symbackprop ops` prints"
        reason = f"'{spelled}{op}' {absent.why if absent and absent.why else 'is not in the language'}"
        raise recording.error(reason, in_python(absent.instead) if absent else fix, UnknownOpError, advised=True)
    for option in options:
        if option not in record.parameters:
            known = ", ".join(record.parameters)
            fix = "leave it out" if option in IDLE else f"its options are {known}"
            raise recording.error(f"op '{name}' has no option '{option}'", fix, ParseError)
    nodes = tuple(as_node(a, recording) for a in args)
    node = Call(name, nodes, tuple((k, as_node(v, recording)) for k, v in options.items()))
    if any(isinstance(a, Size) for a in args):
        made = _sized(name, args, node, recording)
        if made is not None:
            return made
    return Tracer(node, recording)


def as_node(value: Any, recording: Recording) -> Node:
    """The node of an argument or an option."""
    if isinstance(value, Tracer):
        return recording.used(value.node)
    if value is None or isinstance(value, bool | np.bool_ | str):
        return Literal(bool(value) if isinstance(value, np.bool_) else value)
    if is_number(value):
        return number(value, recording)
    if isinstance(value, tuple | list):
        if value and all(isinstance(v, Integral) and not isinstance(v, bool) for v in value):
            return Literal(tuple(int(v) for v in value))
        return Group(tuple(as_node(v, recording) for v in value))
    if isinstance(value, np.ndarray):
        fix = "make it an argument with a shape, and give it the role of data; numbers without axes may stand"
        raise recording.error(f"an array of numbers with shape {value.shape} can't stand in a model", fix, advised=True)
    raise recording.error(f"a {type(value).__name__} can't stand in a model", "use the arguments, numbers and np. functions")


def _item(value: Any, recording: Recording) -> Node:
    """The node of what stands between the brackets of a subscript."""
    if value is None:
        return NewAxis()
    if value is Ellipsis:
        return Dots()
    if isinstance(value, slice):
        return Slice(*(None if p is None else as_node(p, recording) for p in (value.start, value.stop, value.step)))
    if isinstance(value, Tracer) or (isinstance(value, Integral) and not isinstance(value, bool)):
        return as_node(value, recording)
    raise recording.error(f"a {type(value).__name__} can't stand in an index", "index by whole numbers, slices, None, ... and index arrays")
