"""Array operations as a graph: what the statements of a generated function are made of.

A node is one array operation with its operands, its shape (sizes of axes, in storage order) and its kind: "float",
"bool", "int", or "size" (a Python number made of sizes). Equal nodes are the same node, so a shared subterm is
computed once. A `Labelled` is a node whose axes carry indices; the functions here align such arrays for broadcasting.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sympy import Expr, Integer, S, Symbol

from symbackprop.calculus.index import Index

DTYPE = Symbol("dtype")
"""Stands for the one floating dtype of a generated function where a statement needs it."""

Part = Mapping[Index, tuple]
"""A slice for each of some indices."""
NO_PART: Part = MappingProxyType({})
ALL = ("all",)

VIEWS = ("view", "slice", "diagonal", "reshape", "pick")
"""Operations that make no new array; a pick is a lookup at one place, as U[:, word]."""


@dataclass(frozen=True)
class Node:
    """One array operation: `op` is its kind, `args` the numbers of its operands, `info` whatever else it needs."""

    op: str
    args: tuple[int, ...]
    info: tuple[Any, ...]
    axes: tuple[Expr, ...]
    kind: str = "float"


@dataclass(frozen=True)
class Labelled:
    """A node whose axes are labelled, each by a different index. A number has no labels."""

    node: int
    labels: tuple[Index, ...] = ()


class Graph:
    """Nodes by number; operands come before what uses them. `samples` is the axis that sums are mostly over."""

    def __init__(self, samples: Expr | None = None) -> None:
        self.samples = samples
        self.nodes: list[Node] = []
        self._numbers: dict[Node, int] = {}

    def __getitem__(self, number: int) -> Node:
        return self.nodes[number]

    def add(self, op: str, args: Sequence[int] = (), info: Sequence[Any] = (), axes: Sequence[Expr] = (), kind: str = "float") -> int:
        """The number of this operation, new or already there."""
        node = Node(op, tuple(args), tuple(info), tuple(axes), kind)
        if node not in self._numbers:
            self._numbers[node] = len(self.nodes)
            self.nodes.append(node)
        return self._numbers[node]

    def base(self, number: int) -> int:
        """The array that a node is a view of, or the node itself."""
        while self[number].op in VIEWS:
            number = self[number].args[0]
        return number

    def place(self, node: Node) -> None:
        """Put a node at the next number, also where an equal one is there: for a graph made after another's numbers."""
        self._numbers.setdefault(node, len(self.nodes))
        self.nodes.append(node)

    @contextmanager
    def trial(self) -> Iterator[int]:
        """Gives how many nodes there are; those that the body adds are taken back at its end."""
        count = len(self.nodes)
        yield count
        for node in self.nodes[count:]:
            del self._numbers[node]
        del self.nodes[count:]

    def size(self, value: Expr | int) -> Labelled:
        """A Python number made of sizes and constants."""
        number = value if isinstance(value, Expr) else Integer(value)
        return Labelled(self.add("size", info=(number,), kind="size"))

    def value(self, x: Labelled) -> Expr | None:
        """The number that `x` is known to be when the code is written, or None."""
        node = self[x.node]
        return node.info[0] if node.op == "size" else None

    def view(self, x: Labelled, order: Iterable[Index]) -> int:
        """`x` transposed and with new axes of size 1, so that it broadcasts against an array with the axes `order`."""
        pattern: list[int | None] = [x.labels.index(i) if i in x.labels else None for i in order]
        while pattern and pattern[0] is None:
            pattern.pop(0)
        return self.permuted(x.node, pattern)

    def permuted(self, number: int, pattern: Sequence[int | None]) -> int:
        """The axes of a node in another order; None stands for a new axis of size 1."""
        if list(pattern) == list(range(len(self[number].axes))):
            return number
        inner = self[number]
        if inner.op == "view":
            return self.permuted(inner.args[0], [None if p is None else inner.info[p] for p in pattern])
        axes = [S.One if p is None else self[number].axes[p] for p in pattern]
        return self.add("view", (number,), tuple(pattern), axes, self[number].kind)

    def as_float(self, x: Labelled) -> Labelled:
        """`x` with entries of the function's own dtype."""
        if self[x.node].kind in ("float", "size"):
            return x
        return Labelled(self.add("cast", (x.node,), (DTYPE,), self[x.node].axes), x.labels)

    def apply(self, function: str, operands: Sequence[Labelled], order: Sequence[Index] | None = None, kind: str = "") -> Labelled:
        """An elementwise function; the result has the labels of all operands, in the order of `order` where it is given."""
        kinds = {self[x.node].kind for x in operands}
        if not kind:
            kind = "float" if "float" in kinds else "int" if "int" in kinds else "size"
            if kinds == {"bool"} and function == "multiply":
                kind = "bool"
            elif kind == "float" or "bool" in kinds:
                kind = "float"
                maskable = function == "multiply" and "float" in kinds
                operands = [x if maskable and self._is_mask(x) else self.as_float(x) for x in operands]
        labels = ordered(union(operands), order)
        views = [self.view(x, labels) for x in operands]
        axes = tuple(i.axis for i in labels)
        return Labelled(self.add("apply", views, (function,), axes, kind), labels)

    def _is_mask(self, x: Labelled) -> bool:
        """Whether `x` is a condition that is not there as numbers too; with these NumPy multiplies faster."""
        node = self[x.node]
        return node.kind == "bool" and Node("cast", (x.node,), (DTYPE,), node.axes) not in self._numbers

    def reduce(self, function: str, x: Labelled, over: Iterable[Index]) -> Labelled:
        """The sum, the largest or the product ("sum", "max", "prod") over some indices."""
        gone = [i for i in x.labels if i in set(over)]
        kept = tuple(i for i in x.labels if i not in gone)
        if not gone:
            return x
        x = self.as_float(x)
        if function == "sum" and len(x.labels) == 2 and len(gone) == 1 and gone[0].axis == self.samples:
            # A product with ones is up to three times as fast as the sum along the samples.
            ones = self.add("full", (self.size(1).node,), (DTYPE,), (gone[0].axis,))
            args = (ones, x.node) if x.labels[0] == gone[0] else (x.node, ones)
            return Labelled(self.add("dot", args, (), [i.axis for i in kept]), kept)
        info = (function, *[x.labels.index(i) for i in gone])
        return Labelled(self.add("reduce", (x.node,), info, [i.axis for i in kept]), kept)

    def pad(self, x: Labelled, label: Index, into: Index, start: Expr, step: Expr = S.One, filled: str = "zeros") -> Labelled:
        """Zeros (or ones) over `into`, and in places start, start + step, ... the entries of `x` along `label`."""
        x = self.as_float(x)
        place = x.labels.index(label)
        labels = tuple(into if i == label else i for i in x.labels)
        info = (place, start, step, label.axis, filled)
        return Labelled(self.add("pad", (x.node,), info, [i.axis for i in labels]), labels)

    def gathered(self, x: Labelled, grids: Mapping[Index, Labelled], along: Sequence[Index]) -> Labelled:
        """Zeros over each I of `grids` and the other indices of `x`; its entries along the indices `along` are added at the places of I."""
        rest = tuple(i for i in x.labels if i not in along)
        whole = self.full(self.as_float(x), (*along, *rest))
        views = [self.view(g, along) for g in grids.values()]
        labels = (*grids, *rest)
        return Labelled(self.add("gather", (whole.node, *views), (), [i.axis for i in labels]), labels)

    def merged(self, x: Labelled, merges: Mapping[Index, tuple[Index, ...]], order: Sequence[Index] | None) -> Labelled:
        """`x` with the axes of i, j, ... as one, labelled I, for each I: (i, j, ...); along those that it lacks it is repeated."""
        gone = {i for parts in merges.values() for i in parts}
        labels = ordered((*[i for i in x.labels if i not in gone], *merges), order)
        whole = self.full(x, [i for into in labels for i in merges.get(into, (into,))])
        return Labelled(self.add("reshape", (whole.node,), (), [i.axis for i in labels], self[whole.node].kind), labels)

    def embedded(self, x: Labelled, equal: Mapping[Index, Index], order: Sequence[Index] | None, part: Part = NO_PART) -> Labelled:
        """Zeros, but where j is i for each j: i of `equal`: there the entries of `x`, which has no j. `part` as of `on_diagonal`."""
        labels = ordered(tuple(dict.fromkeys((*equal.values(), *x.labels, *equal))), order)
        value, pattern = self._along_diagonal(x, equal, labels)
        info = (pattern, tuple(part.get(i, ALL) for i in labels) if part else ())
        return Labelled(self.add("embed", (value,), info, [i.axis for i in labels]), labels)

    def on_diagonal(self, whole: Labelled, x: Labelled, equal: Mapping[Index, Index], sign: int = 1, part: Part = NO_PART) -> Labelled:
        """`whole` with `x` added to it (subtracted for sign -1) where j is i for each j: i of `equal`.

        With a `part` j is counted from the start of its slice there, and i from that of its own.
        """
        value, pattern = self._along_diagonal(x, equal, whole.labels)
        info = (sign, pattern, tuple(part.get(i, ALL) for i in whole.labels) if part else ())
        made = self.add("on_diagonal", (self.as_float(whole).node, value), info, self[whole.node].axes)
        return Labelled(made, whole.labels)

    def _along_diagonal(self, x: Labelled, equal: Mapping[Index, Index], labels: Sequence[Index]) -> tuple[int, tuple[int, ...]]:
        """`x` so that it broadcasts against the diagonal of an array over `labels`, and for each label its place on the diagonal."""
        kept = tuple(dict.fromkeys(equal.get(i, i) for i in labels))
        return self.view(self.as_float(x), kept), tuple(kept.index(equal.get(i, i)) for i in labels)

    def full(self, x: Labelled, labels: Sequence[Index]) -> Labelled:
        """`x` written out along every index of `labels`, in that order, as a float array."""
        if self.value(x) is not None:
            return Labelled(self.add("full", (x.node,), (DTYPE,), [i.axis for i in labels]), tuple(labels))
        x = self.as_float(x)
        if set(x.labels) == set(labels):
            return Labelled(self.view(x, labels), tuple(labels))
        return Labelled(self.add("broadcast", (self.view(x, labels),), (), [i.axis for i in labels]), tuple(labels))


def union(operands: Sequence[Labelled]) -> tuple[Index, ...]:
    """All labels, in the order of the operand that has most of them; what others add comes first."""
    widest = max(operands, key=lambda x: len(x.labels)).labels
    more = dict.fromkeys(i for x in operands for i in x.labels if i not in widest)
    return (*more, *widest)


def ordered(labels: Sequence[Index], order: Sequence[Index] | None) -> tuple[Index, ...]:
    """`labels` in the order of `order`; those that it lacks come after, as they were."""
    if order is None:
        return tuple(labels)
    place = {i: k for k, i in enumerate(order)}
    return tuple(sorted(labels, key=lambda i: place.get(i, len(place))))
