"""Stand-ins for arrays: a Tracer takes part in NumPy notation as an array would, and writes down the syntax tree of it.

Operators, ufuncs, NumPy's functions, methods, `.T` and indexing give Tracers; `.shape` gives Sizes, which are numbers made of
the sizes of axes. What a syntax tree can't say (a condition on values, a conversion to float) is an error that shows the line of
the traced function.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sympy import Expr, Mul

from symbackprop.errors import AxisError, ParseError, SymbackpropError
from symbackprop.language.nodes import Name, Node
from symbackprop.language.tracing.values.calls import size_value
from symbackprop.language.tracing.values.entries import keeps, read, write
from symbackprop.language.tracing.values.operators import BINARY, Operators
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.value import Value, is_condition
from symbackprop.ops import OPS

SYMBOLIC = (
    'write the size as a number in the shape, as in x: "3 d", and the loop is unrolled; or use operations on whole arrays, such as np.sum'
)


class Tracer(Operators, Value):
    """Stands for an array in the run of a traced function; `node` says how it came about."""

    __slots__ = ()

    def __repr__(self) -> str:
        node = self._node
        return f"<traced {node.id if isinstance(node, Name) else getattr(node, 'op', 'entries')}>"

    __hash__ = object.__hash__

    # What arrays have.

    @property
    def T(self) -> "Tracer":
        """The transpose."""
        return self if self.ndim < 2 else self.recording.apply("transpose", (self,), {})

    @property
    def shape(self) -> tuple[Any, ...]:
        """The sizes of the axes: integers where they are fixed, else Sizes."""
        return tuple(size_value(a, self.recording) for a in self.recording.shape(self.node))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.recording.shape(self.node))

    @property
    def size(self) -> Any:
        """The number of entries."""
        return size_value(Mul(*self.recording.shape(self.node)), self.recording)

    @property
    def dtype(self) -> np.dtype:
        """That of truth values, of whole numbers or of real numbers."""
        return np.dtype(bool if is_condition(self.node) else np.int64 if self.recording.is_whole(self.node) else np.float64)

    def copy(self, order: str = "C") -> "Tracer":
        """Another array with the same entries."""
        return self.recording.value(self.node)

    def __copy__(self) -> "Tracer":
        return self.copy()

    def __deepcopy__(self, _: Any) -> "Tracer":
        return self.copy()

    def reshape(self, *shape: Any, order: str = "C") -> "Tracer":
        """The same entries in another shape, given as one tuple or as several sizes."""
        options = {} if order == "C" else {"order": order}
        return self.recording.apply("reshape", (self, shape[0] if len(shape) == 1 else shape), options)

    def transpose(self, *axes: Any) -> "Tracer":
        """The axes in reverse order, or in the order given as one tuple or as several integers."""
        order = axes[0] if len(axes) == 1 else axes
        return self.recording.apply("transpose", (self, order) if axes and order is not None else (self,), {})

    def fill(self, value: Any) -> None:
        """The same number in every place."""
        self[...] = value

    def item(self, *places: int) -> Any:
        """The only entry, or that at some places."""
        return self[places] if places else self.recording.apply("reshape", (self, ()), {}) if self.ndim == 0 else self[(0,) * self.ndim]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        if hasattr(np.ndarray, name) and (name in OPS or name in METHODS):
            return lambda *args, **options: self.recording.apply(name, (self, *args), options)
        fix = "arrays have .T, .shape, .ndim, .size and methods such as .sum()"
        if name in OPS:
            fix = f"write np.{name}(x)" if hasattr(np, name) else f"write sbp.{name}(x)"
        raise self.recording.error(f"a traced array has no attribute .{name}", fix, ParseError)

    def __getitem__(self, items: Any) -> Any:
        return read(self, items)

    def __setitem__(self, items: Any, value: Any) -> None:
        write(self, items, value)

    def __len__(self) -> int:
        shape = self.recording.shape(self.node)
        if shape and shape[0].is_Integer:
            return int(shape[0])
        raise self.recording.error("len() has to be an integer, and sizes stay symbolic", "write x.shape[0]", advised=True)

    def __iter__(self) -> Iterator[Any]:
        parts = self.recording.parts(self.node)
        shape = self.recording.shape(self.node)
        if parts or (shape and shape[0].is_Integer):
            return (self[k] for k in range(parts or int(shape[0])))
        size = shape[0] if shape else "nothing"
        raise self.recording.error(f"a loop over an axis whose size is symbolic, {size}", SYMBOLIC)

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

    def __delitem__(self, items: Any) -> None:
        raise self.recording.error("this takes entries out of an array", "build a new array of slices, with np.concatenate")

    def __contains__(self, value: Any) -> bool:
        return bool(self == value)


METHODS = ("astype", "argmax", "argmin", "argsort", "any", "all", "round")
"""Methods of arrays that are no ops of the language."""


def _in_place(op: str) -> Callable:
    def changed(self: Tracer, other: Any) -> Any:
        recording = self.recording
        made = recording.apply(op, (self, other), {})
        try:
            axes = recording.shape(self.node)
            if not axes or self.expression is not None:
                return made
            if recording.shape(made.node) != axes:
                fix = f"write z = z {SIGNS[op]} w, a new array"
                raise recording.error("the result does not fit into the array that it is written to", fix, AxisError)
            keeps(self, made.node, recording)
            self.assign(made.node)
        except SymbackpropError as e:
            self.assign(recording.refused(e))
        return self

    return changed


SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@", "logical_and": "&", "logical_or": "|"}
"""What changes an array in place with = behind it."""
for _name, _op in BINARY.items():
    if _op in SIGNS:
        setattr(Tracer, f"__i{_name}__", _in_place(_op))


class Size(Tracer):
    """A number made of the sizes of axes: n, n - 1, n * d. In an expression it is that number."""

    __slots__ = ()
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

    def __mul__(self, other: Any) -> Any:
        return self._no_number() if isinstance(other, list | tuple | str) else super().__mul__(other)  # type: ignore[misc]

    def __rmul__(self, other: Any) -> Any:
        return self._no_number() if isinstance(other, list | tuple | str) else super().__rmul__(other)  # type: ignore[misc]

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        return self._no_number()

    def __bool__(self) -> bool:
        fix = "leave the branch out, or give the axis a number: a size may be 0"
        raise self.recording.error(f"a branch on whether there is any {self}: sizes stay symbolic", fix, advised=True)
