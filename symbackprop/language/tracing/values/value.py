"""What a traced function handles in the place of an array: a value, whose node says how it came about.

A value is changed in place as an array is: all who hold it see that, and so does whatever shares its memory. A view (x[0], x.T) reads the
array that it is a view of when it is asked, and writes into it; of a reshaped array NumPy may or may not give a view, so after one
of the two has been written to the other can't be used.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from numbers import Integral, Real
from numbers import Rational as Quotient
from typing import Any

import numpy as np
from sympy import Expr, Integer, Rational

from symbackprop.errors import SymbackpropError
from symbackprop.language.nodes import CONDITIONS, Call, Group, Literal, Name, Node, Number
from symbackprop.language.tracing.values.recording import Recording

MINUS_INFINITY = Rational(-(10**30))
"""Stands for -inf in a mask: an exponential of it is 0."""
MOST_PARTS, LONG = 1000, 10**12
"""Into how many parts a whole may be cut to be meant by a float, and the denominator of digits that nobody types."""
MOST_NUMBERS = 64
"""Entries of an array of numbers that may stand in a model."""

Reread = Callable[[Node], Node]
Writer = Callable[[Node, Node], Node]


class Value:
    """An array in the run `recording`. `expression` is the number that a size is.

    A view has a `base`, `reread` gives its node from the base's, and `write` the base's node from its own and the view's; they are None
    where it is not known whether it is a view: then none of the two may be used after the other was written to. `items` are what a
    subscript was taken at.
    """

    __slots__ = ("_node", "base", "expression", "items", "recording", "reread", "seen", "spoilt", "stamp", "write", "writes")

    def __init__(
        self,
        node: Node,
        recording: Recording,
        *,
        base: "Value | None" = None,
        reread: Reread | None = None,
        write: Writer | None = None,
        items: tuple[Any, ...] | None = None,
    ) -> None:
        self._node, self.recording = node, recording
        self.base, self.reread, self.write, self.items = base, reread, write, items
        self.seen = None if base is None else base.node
        self.stamp = 0 if base is None else base.changes
        self.writes, self.spoilt = 0, False
        self.expression: Expr | None = None

    @property
    def changes(self) -> int:
        """How often the array, or what it may share memory with, was written to."""
        return self.writes + (0 if self.base is None else self.base.changes)

    @property
    def node(self) -> Node:
        """How the value came about. Raises SpecError if what it may share memory with was changed in place."""
        if self.base is not None and self.reread is not None:
            above = self.base.node
            if above is not self.seen:
                self._node, self.seen = self.reread(above), above
        elif self.base is not None and self.base.changes != self.stamp:
            self.spoilt = True
        if self.spoilt:
            fix = "write A = A + x rather than A += x where the array, or a reshaped one of the same memory, has another name too"
            raise self.recording.error("this array was changed in place through another name", fix)
        return self._node

    def assign(self, node: Node) -> None:
        """Change the array in place, and with it what it is a view of."""
        if self.base is not None and self.write is not None:
            self.base.assign(self.write(self.base.node, node))
            self.seen = self.base.node
        elif self.base is not None:
            self.base.spoil()
            self.reread, self.stamp = None, self.base.changes
        if self.recording.is_whole(self._node):
            self.recording.kept.append(node)
            self.recording.whole.add(id(node))
        self.writes += 1
        self._node = node

    def spoil(self) -> None:
        """Note that the array was changed under another name, nobody knows how."""
        self.spoilt = True
        self.writes += 1
        if self.base is not None:
            self.base.spoil()


def is_number(value: Any) -> bool:
    """Whether `value` is a real number of Python's or NumPy's, or an array of one number without axes."""
    return isinstance(value, Real) or (isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iufb")


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
    if value == -math.inf:
        made = Number(MINUS_INFINITY)
        recording.kept.append(made)
        recording.infinite[id(made)] = recording.settled(_no_number(value, recording))
        return made
    if not math.isfinite(value):
        raise _no_number(value, recording)
    return Number(meant(float(value)))


def meant(value: float) -> Rational:
    """The number that a finite float stands for: 1 / 3 where it is the float next to that, else its digits.

    Python has computed 1 / 3 before anyone sees it; of its digits, powers and sums would be no roots and no thirds.
    """
    near = Fraction(value).limit_denominator(MOST_PARTS)
    digits = Rational(repr(value))
    return Rational(near.numerator, near.denominator) if float(near) == value and digits.q > LONG else digits


def _no_number(value: float, recording: Recording) -> SymbackpropError:
    return recording.error(f"{value} is not a number of the language", "write a large number, as -1e9 in a mask")


def as_node(value: Any, recording: Recording) -> Node:
    """The node of an argument or an option."""
    if isinstance(value, Value):
        return value.node
    if value is None or isinstance(value, bool | np.bool_ | str):
        return Literal(bool(value) if isinstance(value, np.bool_) else value)
    if is_number(value):
        return number(value, recording)
    if isinstance(value, range):
        value = tuple(value)
    if isinstance(value, tuple | list):
        if value and all(isinstance(v, Integral) and not isinstance(v, bool) for v in value):
            return Literal(tuple(int(v) for v in value))
        return Group(tuple(truth(as_node(v, recording)) for v in value))
    if isinstance(value, np.ndarray) and value.dtype.kind in "iufb":
        return _numbers(value, recording)
    raise recording.error(f"a {type(value).__name__} can't stand in a model", "use the arguments, numbers and np. functions")


def _numbers(array: np.ndarray, recording: Recording) -> Node:
    """The node of an array of numbers, if it is a small one."""
    if array.size and np.all(array == 0):
        return Call("zeros", (Literal(array.shape),))
    if array.size and np.all(array == 1):
        return Call("ones", (Literal(array.shape),))
    if not 0 < array.size <= MOST_NUMBERS:
        fix = "make it an argument with a shape, and give it the role of data; numbers without axes may stand"
        raise recording.error(f"an array of numbers with shape {array.shape} can't stand in a model", fix, advised=True)
    parts = tuple(number(v + 0, recording) if array.ndim == 1 else _numbers(v, recording) for v in array)
    return Call("stack", (Group(parts),))


def is_traced(value: Any) -> bool:
    """Whether a value is traced: what has the face of an array then."""
    return isinstance(value, Value)


def is_condition(node: Node) -> bool:
    """Whether a node is a truth value."""
    return isinstance(node, Call) and node.op in CONDITIONS


def truth(node: Node) -> Node:
    """A condition as the number that it counts for, 1 or 0; other nodes as they are."""
    return Call("where", (node, Number(Integer(1)), Number(Integer(0)))) if is_condition(node) else node


def is_nought(node: Node) -> bool:
    """Whether a node is the number 0."""
    return (isinstance(node, Number) and node.value == 0) or node == Literal(False)
