"""Records of ATen ops that make arrays of numbers, and of those that ask for another kind of numbers."""

from collections.abc import Sequence
from typing import Any

from symbackprop.language.graphs.ops import Ops, is_number
from symbackprop.language.torch.aten.records import aten


@aten("zeros", "zeros_like", "new_zeros")
def zeros(ops: Ops, self: Any = None, size: Sequence[Any] | None = None) -> Any:
    """Zeros."""
    return ops.filled(self.shape if size is None else size, 0)


@aten("ones", "ones_like", "new_ones")
def ones(ops: Ops, self: Any = None, size: Sequence[Any] | None = None) -> Any:
    """Ones."""
    return ops.filled(self.shape if size is None else size, 1)


@aten("full", "full_like", "new_full", "fill")
def full(ops: Ops, self: Any = None, size: Sequence[Any] | None = None, fill_value: Any = None, value: Any = None) -> Any:
    """One number everywhere."""
    return ops.filled(self.shape if size is None else size, value if fill_value is None else fill_value)


@aten("scalar_tensor")
def scalar_tensor(ops: Ops, s: Any) -> Any:
    """A number."""
    return ops.constant(s)


@aten("eye")
def eye(ops: Ops, n: Any, m: Any = None) -> Any:
    """Ones on the diagonal."""
    return ops.eye(n) if m is None else ops.eye(n, m)


@aten("arange")
def arange(ops: Ops, end: Any, start: Any = 0, step: Any = 1) -> Any:
    """Numbers from one to another."""
    count = end - start if step == 1 else -((start - end) // step)
    made = ops.arange(count)
    whole = not any(type(v) is float for v in (end, start, step))
    for op, value in (("multiply", step), ("add", start)):
        if not is_number(value) or value != (op == "multiply"):
            made = getattr(ops, op)(made, value)
    return ops.recording.value(made.node, whole=whole)


@aten("linspace")
def linspace(ops: Ops, start: float, end: float, steps: int) -> Any:
    """As many numbers from one to another."""
    return ops.add(start, ops.multiply((end - start) / max(steps - 1, 1), ops.arange(steps)))


@aten("to", "_to_copy")
def converted(ops: Ops, self: Any, other: Any = None, dtype: Any = None) -> Any:
    """The array as one of other numbers: truth values are 1 and 0, whole numbers are cut, a mask is where there is no 0."""
    if dtype is None and other is None:
        return self
    name = str(other.dtype if dtype is None else dtype).rpartition(".")[2]
    if name == "bool":
        return ops.not_equal(self, 0) if self.dtype.kind != "b" else self
    if self.dtype.kind == "b":
        self = ops.where(self, 1, 0)
    if name.startswith(("int", "uint")) or self.dtype.kind == "i":
        cut = self if self.dtype.kind == "i" else ops.trunc(self)
        return ops.recording.value(cut.node, whole=name.startswith(("int", "uint")))
    return self


@aten("detach")
def detach(ops: Ops, self: Any) -> Any:
    """An array that no derivative goes through; of one that nothing is derived by it is the same."""
    if any(ops.derived(node) for node in ops.recording.order([self.node])):
        raise ops.error("a detached value has no derivative in torch, and here it would have one", "give it as an input")
    return self
