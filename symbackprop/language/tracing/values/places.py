"""What stands between the brackets of x[...] in a traced function, and the values that it picks."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sympy import Expr, Integer

from symbackprop.language.nodes import Call, Dots, Group, Literal, NewAxis, Node, Number, Slice, Subscript
from symbackprop.language.tracing.values.calls import called, size_node
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.value import Value, as_node

MOST_PIECES = 64
"""Entries along an axis of fixed size that are held one by one where some of them are written."""
ALL = slice(None)
NOTHING = Number(Integer(0))
Items = tuple[Any, ...]


def is_basic(items: Items) -> bool:
    """Whether items are whole numbers, slices, None and ..., so that NumPy gives a view."""
    return all(i is None or i is Ellipsis or isinstance(i, slice) or is_place(i) for i in items)


def is_all(item: Any) -> bool:
    """Whether an item is a whole slice."""
    return isinstance(item, slice) and item.start is None and item.stop is None and item.step is None


def is_place(item: Any) -> bool:
    """Whether an item is a whole number, or a size."""
    return (isinstance(item, Integral) and not isinstance(item, bool)) or (isinstance(item, Value) and item.expression is not None)


def node_at(whole: Node, items: Items, recording: Recording) -> Node:
    """The node of whole[items], of entries that are held one by one the entry itself."""
    items = tuple(listed(i) for i in items)
    if any(isinstance(i, tuple) for i in items):
        return _at_lists(whole, items, recording)
    if not is_basic(items):
        return _at_arrays(whole, items, recording)
    rank = len(recording.shape(whole))
    if None not in items and sum(i is not Ellipsis for i in items) <= rank:
        items = expanded(items, rank)
        pieces = held_pieces(whole, recording)
        if pieces is not None:
            along, parts = pieces
            if all(is_all(i) for i in items[:along]) and isinstance(items[along], Integral) and -len(parts) <= items[along] < len(parts):
                rest = (*items[:along], *items[along + 1 :])
                return node_at(parts[items[along]], rest, recording) if any(not is_all(i) for i in rest) else parts[items[along]]
        if all(is_all(i) for i in items):
            return whole
        while is_all(items[-1]):
            items = items[:-1]
    made = Subscript(whole, tuple(item_node(i, recording) for i in items))
    if isinstance(whole, Call) and whole.op in ("zeros", "ones"):
        return called(whole.op, shape_node(recording.shape(made)))
    return made


def expanded(items: Items, rank: int) -> Items:
    """As many items as there are axes, without ..."""
    place = next((k for k, i in enumerate(items) if i is Ellipsis), len(items))
    rest = items[place + 1 :]
    return (*items[:place], *[ALL] * (rank - place - len(rest)), *rest)


def held_pieces(node: Node, recording: Recording) -> tuple[int, Sequence[Node]] | None:
    """(the axis, the entries along it) of an array that is a stack."""
    if not (isinstance(node, Call) and node.op == "stack" and isinstance(node.args[0], Group)):
        return None
    axis = node.option("axis") or (node.args[1] if len(node.args) > 1 else NOTHING)
    if not isinstance(axis, Number):
        return None
    rank = len(recording.shape(node))
    return int(axis.value) % rank, node.args[0].items


def item_node(item: Any, recording: Recording) -> Node:
    """The node of what stands between the brackets of a subscript."""
    if item is None:
        return NewAxis()
    if item is Ellipsis:
        return Dots()
    if isinstance(item, slice):
        return Slice(*(None if p is None else as_node(p, recording) for p in (item.start, item.stop, item.step)))
    if isinstance(item, Value) or (isinstance(item, Integral) and not isinstance(item, bool)):
        return as_node(item, recording)
    raise recording.error(f"a {type(item).__name__} can't stand in an index", "index by whole numbers, slices, None, ... and index arrays")


def shape_node(axes: Sequence[Expr]) -> Node:
    """The node of a shape."""
    if all(a.is_Integer for a in axes):
        return Literal(tuple(int(a) for a in axes))
    return Group(tuple(size_node(a) for a in axes))


def listed(item: Any) -> Any:
    """A list of places as a tuple."""
    if isinstance(item, np.ndarray) and item.dtype.kind in "iu" and item.ndim <= 1:
        item = item.tolist()
    if isinstance(item, range) or (isinstance(item, list) and all(isinstance(i, Integral) and not isinstance(i, bool) for i in item)):
        return tuple(int(i) for i in item)
    return item


def _at_lists(whole: Node, items: Items, recording: Recording) -> Node:
    """The node of whole[items] where lists of places stand among the items: the entries one by one, or, beside an index array, arange."""
    items = expanded(items, len(recording.shape(whole)))
    places, length, axis = lists_in(items, recording)
    if not is_basic(tuple(i for i in items if not isinstance(i, tuple))):
        if all(p == tuple(range(length)) for p in places.values()):
            rows = recording.value(called("arange", Number(Integer(length))))
            return _at_arrays(whole, tuple(rows if k in places else i for k, i in enumerate(items)), recording)
        raise recording.error("a list of places beside an index array", "give the places as an argument with the role of an index")
    if None in items or length > MOST_PIECES:
        raise recording.error("a list of places beside None, or a long one", "give the places as an argument with the role of an index")
    parts = [node_at(whole, tuple(places[k][e] if k in places else i for k, i in enumerate(items)), recording) for e in range(length)]
    return called("stack", Group(tuple(parts)), axis=axis)


def lists_in(items: Items, recording: Recording) -> tuple[dict[int, tuple[int, ...]], int, int]:
    """The lists of places among items, by number; how many places they say; and where the axis of these stands in what they pick."""
    lists = [k for k, i in enumerate(items) if isinstance(i, tuple)]
    length = max(len(items[k]) for k in lists)
    places = {k: items[k] if len(items[k]) == length else items[k] * length for k in lists}
    if any(len(p) != length for p in places.values()) or not length:
        raise recording.error("lists of different lengths stand in the index", "write lists of one length, or one index after the other")
    numbers = [k for k, i in enumerate(items) if not isinstance(i, slice)]  # whole numbers count as lists here
    together = numbers == list(range(numbers[0], numbers[-1] + 1))
    return places, length, sum(isinstance(i, slice) for i in items[: numbers[0]]) if together else 0


def _at_arrays(whole: Node, items: Items, recording: Recording) -> Node:
    """The node of whole[items] where traced index arrays stand among the items."""
    nodes = tuple(item_node(i, recording) for i in items)
    for k, n in enumerate(nodes):
        if isinstance(n, Call) and n.op in ("reshape", "ravel", "flatten") and len(recording.shape(n.args[0])) > 1:
            return _at_reshaped(whole, items, nodes, k, recording)
    if isinstance(whole, Call) and whole.op == "eye" and len(items) == 1 and not whole.options and len(whole.args) == 1:
        largest = _argmax(nodes[0], recording)
        if largest and largest[1] == len(recording.shape(largest[0])) - 1:
            return called("max_selector", largest[0], axis=largest[1])
        return called("one_hot", nodes[0], whole.args[0])
    for k, n in enumerate(nodes):
        largest = _argmax(n, recording)
        if not largest or len(nodes) != 2 or largest[1] != k or recording.shape(largest[0]) != recording.shape(whole):
            continue
        if len(recording.shape(whole)) == 2 and is_every_place(items[1 - k], whole, 1 - k, recording):
            return called("sum", Call("multiply", (whole, called("max_selector", largest[0], axis=k))), axis=k)
    return Subscript(whole, nodes)


def _at_reshaped(whole: Node, items: Items, nodes: Sequence[Node], which: int, recording: Recording) -> Node:
    """whole[places.reshape(m)], or whole[arange(m), places.reshape(m)]: entries at the places as they are, reshaped."""
    places, axes = nodes[which].args[0], recording.shape(whole)  # type: ignore[attr-defined]
    own, made = recording.shape(places), recording.shape(nodes[which])
    if len(nodes) == 1:
        picked: Node = Subscript(whole, (places,))
        return called("reshape", picked, shape_node((*made, *axes[1:])))
    if len(nodes) == len(axes) == 2 and which == 1 and is_every_place(items[0], whole, 0, recording):
        apart = called("reshape", whole, shape_node((*own, axes[1])))
        picked = called("take_along_axis", apart, Subscript(places, (Dots(), NewAxis())), axis=len(own))
        return called("reshape", picked, shape_node(made))
    fix = "index by places that are not reshaped, or give them as an argument of that shape"
    raise recording.error("places that are reshaped stand beside others in an index", fix)


def _argmax(node: Node, recording: Recording) -> tuple[Node, int] | None:
    """(the array, the axis) of an argmax along an axis."""
    if not (isinstance(node, Call) and node.op == "argmax"):
        return None
    axis = node.option("axis") or (node.args[1] if len(node.args) > 1 else None)
    return (node.args[0], int(axis.value) % len(recording.shape(node.args[0]))) if isinstance(axis, Number) else None


def is_every_place(item: Any, whole: Node, axis: int, recording: Recording) -> bool:
    """Whether an item is arange(n), n being the size of an axis of `whole`."""
    if isinstance(item, tuple | range):
        return recording.shape(whole)[axis] == len(item) and tuple(item) == tuple(range(len(item)))
    if not (isinstance(item, Value) and isinstance(item.node, Call) and item.node.op == "arange" and len(item.node.args) == 1):
        return False
    return recording.shape(item.node) == (recording.shape(whole)[axis],)
