"""Entries that a condition picks, x[x > 0]: how many there are depends on the values, so they are kept as the whole array and the mask.

What is done entry by entry is done to the whole array; a sum, a mean or a product of two vectors counts what the mask has.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sympy import Integer

from symbackprop.errors import ParseError, SymbackpropError
from symbackprop.language.nodes import Call, Node, Number, Subscript
from symbackprop.language.tracing.values.calls import called, size_value, traced
from symbackprop.language.tracing.values.operators import Operators
from symbackprop.language.tracing.values.places import ALL, item_node
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.value import Value, truth
from symbackprop.ops import OPS

PRODUCTS = ("dot", "matmul", "inner", "vdot")
TOTALS = ("sum", "mean")
NOUGHT = Number(Integer(0))


class Selected(Operators):
    """x[mask]: the entries of `whole` where `mask` holds, along one axis in front of the axes that the mask has not."""

    def __init__(self, whole: Value, mask: Node) -> None:
        self.whole, self.mask = whole, mask
        self.recording = whole.recording

    __hash__ = object.__hash__

    @property
    def T(self) -> "Selected":
        """The transpose."""
        return self.recording.apply("transpose", (self,), {})

    @property
    def shape(self) -> tuple[Any, ...]:
        """How many entries there are, then the axes that the mask has not."""
        behind = self.recording.shape(self.whole.node)[len(self.recording.shape(self.mask)) :]
        return (self.count, *[size_value(a, self.recording) for a in behind])

    @property
    def size(self) -> Any:
        """How many entries there are."""
        return math.prod(self.shape)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in (*TOTALS, *PRODUCTS):
            return lambda *args, **options: self.recording.apply(name, (self, *args), options)
        if name == "copy":
            return lambda: self
        raise self.refusal(f".{name}")

    def __iter__(self) -> Iterator[Any]:
        raise self.refusal("a loop")

    def __bool__(self) -> bool:
        raise self.refusal("a branch on the values")

    @property
    def filled(self) -> Node:
        """The whole array, 0 where the mask does not hold."""
        return Call("where", (wide_mask(self.mask, self.whole.node, self.recording), self.whole.node, NOUGHT))

    @property
    def count(self) -> Any:
        """How many entries the mask has."""
        return self.recording.value(called("sum", truth(self.mask)))

    def refusal(self, what: str) -> SymbackpropError:
        """The error for what can't be done to an array whose shape depends on values."""
        fix = "write np.where(mask, x, 0) in place of x[mask], and work on the whole array"
        return self.recording.error(f"{what} of x[mask], whose shape depends on the values", fix, ParseError)


def wide_mask(mask: Node, whole: Node, recording: Recording) -> Node:
    """A mask of leading axes as one of all axes of `whole`."""
    behind = len(recording.shape(whole)) - len(recording.shape(mask))
    if behind <= 0:
        return mask
    items = (*[ALL] * len(recording.shape(mask)), *[None] * behind)
    return Call("greater", (Subscript(truth(mask), tuple(item_node(i, recording) for i in items)), NOUGHT))


def on_selected(op: str, args: Sequence[Any], options: Mapping[str, Any], recording: Recording) -> Any:
    """What an op gives on arguments of which some are Selected."""
    picked = [a for a in args if isinstance(a, Selected)]
    first = picked[0]
    if any(a.mask != first.mask for a in picked):
        raise first.refusal(f"'{op}' of entries that two masks pick,")
    plain = [a.whole if isinstance(a, Selected) else a for a in args]
    record = OPS.get(op)
    if record is not None and record.kind == "elementwise":
        for other in args:
            if isinstance(other, Value) and recording.shape(other.node):
                raise first.refusal(f"'{op}' with a whole array,")
        return Selected(traced(op, plain, options, recording), first.mask)
    rank = len(recording.shape(first.whole.node)) - len(recording.shape(first.mask))
    vectors = len(picked) == 2 and all(len(recording.shape(a.whole.node)) == len(recording.shape(a.mask)) for a in picked)
    if op in PRODUCTS and vectors:
        product = Selected(traced("multiply", plain, {}, recording), first.mask)
        return recording.value(called("sum", product.filled))
    if op in PRODUCTS and rank == 1 and len(recording.shape(first.mask)) == 1 and args[0] is first and len(picked) == 1:
        return Selected(traced(op, plain, options, recording), first.mask)
    axis = options.get("axis", args[1] if len(args) > 1 else None)
    if op in TOTALS and (axis is None or (axis == 0 and len(recording.shape(first.mask)) == 1)) and set(options) <= {"axis"}:
        total = recording.value(called("sum", first.filled, **({} if axis is None else {"axis": axis})))
        return total if op == "sum" else traced("divide", (total, _entries(first, axis)), {}, recording)
    if op == "transpose" and rank == 0:
        return first
    raise first.refusal(f"'{op}'")


def _entries(of: Selected, axis: Any) -> Any:
    """How many entries a mean along `axis` is over."""
    behind = of.recording.shape(of.whole.node)[len(of.recording.shape(of.mask)) :] if axis is None else ()
    made = of.count
    for size in behind:
        made = traced("multiply", (made, size_value(size, of.recording)), {}, of.recording)
    return made
