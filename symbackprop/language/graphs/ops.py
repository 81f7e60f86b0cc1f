"""The ops of the language as a record of another library's op calls them, and what records need beside them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symbackprop.errors import ParseError, SymbackpropError, UnknownOpError
from symbackprop.language.nodes import Node, Number
from symbackprop.language.tracing.values.calls import plain
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.value import as_node, is_traced

ENDLESS = 2**62
"""A larger bound of a slice is none."""


class Ops:
    """The ops of the language by name, as calls of the run `recording`, and what records need beside them.

    `draw(axes, what)` gives a new input of these axes, called after the module that is running and `what`; `derived(node)` says whether
    a node is an input or a parameter that something is derived by; `precision` is the dtype of the module's numbers.
    """

    def __init__(
        self, recording: Recording, draw: Callable[[Sequence[Any], str], Any], derived: Callable[[Node], bool], precision: str
    ) -> None:
        self.recording, self.derived, self.precision = recording, derived, precision
        self._draw = draw

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **options: self.recording.apply(name, args, options)

    def mask(self, x: Any) -> Any:
        """A named input of 1 and 0 in the shape of `x`: what dropout keeps."""
        return self._draw(self.recording.shape(x.node), "mask")

    def error(self, reason: str, fix: str = "", kind: type[SymbackpropError] = ParseError) -> SymbackpropError:
        """An error; the walk says where."""
        return kind(reason, fix=fix)

    def absent(self, what: str, fix: str = "") -> Any:
        """A value that the language has not: an error only if the objective needs it."""
        return self.recording.value(self.recording.refused(self.error(what, fix, UnknownOpError)))

    def whole(self, value: Any) -> bool:
        """Whether an array holds whole numbers or truth values."""
        return self.recording.is_whole(as_node(value, self.recording))

    def constant(self, value: Any) -> Any:
        """A number as an array without axes."""
        return value if is_traced(value) else self.recording.value(as_node(value, self.recording))

    def filled(self, shape: Sequence[Any], value: Any) -> Any:
        """An array of one number."""
        if not shape:
            return self.constant(value)
        if not is_traced(value) and value in (0, 1):
            made = self.ones(tuple(shape)) if value else self.zeros(tuple(shape))
            return self.recording.value(made.node, whole=type(value) is not float)
        return self.full(tuple(shape), value)


def places(dim: Any, rank: int) -> tuple[int, ...]:
    """Axes, counted from the front; None, or none of them, are all."""
    given = (dim,) if isinstance(dim, int) else tuple(dim or ())
    return tuple(d % rank if rank else 0 for d in given) or tuple(range(rank))


def same_size(a: Any, b: Any) -> bool:
    """Whether two sizes are known to be the same."""
    return plain(a) == plain(b)


def front(items: Mapping[int, Any], rank: int) -> tuple[Any, ...]:
    """What stands between brackets to take items along some axes, and all of the others."""
    return tuple(items.get(k, slice(None)) for k in range(rank))


def is_number(value: Any) -> bool:
    """Whether a value is a number that is known: of Python, or a literal."""
    return not is_traced(value) or isinstance(value.node, Number)
