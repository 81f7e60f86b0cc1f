"""Writes into entries of an array, x[items] = value, as a new array.

Along an axis of fixed size the entries are held one by one, so that an array that is filled in a loop is a stack of what was written. Along
one of symbolic size a place is a condition on arange, a slice cuts the array into what is before, the value, and what is behind.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from sympy import Expr, Integer

from symbackprop.errors import AxisError, ParseError
from symbackprop.language.nodes import Call, Group, Literal, NewAxis, Node, Number, Slice, Subscript
from symbackprop.language.tracing.values.calls import called, plain, size_node
from symbackprop.language.tracing.values.places import (
    ALL,
    MOST_PIECES,
    NOTHING,
    Items,
    expanded,
    held_pieces,
    is_all,
    is_basic,
    is_every_place,
    is_place,
    item_node,
    listed,
    lists_in,
    node_at,
    shape_node,
)
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.selected import wide_mask
from symbackprop.language.tracing.values.value import Value, as_node, is_condition, is_nought


def written(whole: Node, items: Items, value: Node, recording: Recording) -> Node:
    """The node of `whole` after whole[items] = value. Raises AxisError where the value does not fit, ParseError for other places."""
    if any(isinstance(i, Value) and is_condition(i.node) for i in items):
        return _where_masked(whole, items, value, recording)
    if any(i is None for i in items):
        raise recording.error(
            "None stands in the index of what is written to", "write x[:, 0] = v rather than x[:, None, 0] = v", ParseError
        )
    items = tuple(listed(i) for i in expanded(items, len(recording.shape(whole))))
    if any(isinstance(i, tuple) for i in items) and is_basic(tuple(i for i in items if not isinstance(i, tuple))):
        value = fitted(value, recording.shape(node_at(whole, items, recording)), recording)
        places, length, axis = lists_in(items, recording)
        for e in range(length):  # where a place is said twice, the last value stays
            entry = node_at(value, (*[ALL] * axis, e), recording)
            whole = written(whole, tuple(places[k][e] if k in places else i for k, i in enumerate(items)), entry, recording)
        return whole
    if not is_basic(items):
        return _where_said(whole, items, value, recording)
    region = recording.shape(node_at(whole, items, recording))
    return _written(whole, items, fitted(value, region, recording), recording)


def fitted(value: Node, region: Sequence[Expr], recording: Recording) -> Node:
    """`value` in the shape of what it is written to. Raises AxisError where NumPy would not broadcast it so."""
    axes = recording.shape(value)
    while len(axes) > len(region) and axes[0] == 1:
        value = Subscript(value, (NOTHING,))
        axes = recording.shape(value)
    if tuple(axes) == tuple(region):
        return value
    if is_nought(value):
        return called("zeros", shape_node(region)) if region else value
    made = called("broadcast_to", value, shape_node(region)) if axes else called("full", shape_node(region), value)
    recording.shape(made)
    return made


def _written(whole: Node, items: Items, value: Node, recording: Recording) -> Node:
    """The node of `whole` after a write at whole numbers and slices, one for each axis; the value has the shape of what they pick."""
    along = next((k for k, i in enumerate(items) if not is_all(i)), None)
    if along is None:
        return value
    size, item, before = recording.shape(whole)[along], items[along], items[:along]
    rest = items[along + 1 :]
    if size.is_Integer and size <= MOST_PIECES:
        return _in_pieces(whole, items, along, value, recording)
    if not isinstance(item, slice):
        if any(not is_all(i) for i in rest):
            value = _written(node_at(whole, (*before, item), recording), (*before, *rest), value, recording)
        place = item if isinstance(item, Value) or item >= 0 else None
        where = as_node(item, recording) if place is not None else Call("add", (size_node(size), Number(Integer(int(item)))))
        ones = (*[NewAxis()] * along, Slice(None, None, None), *[NewAxis()] * len(rest))
        places: Node = called("arange", size_node(size))
        places = Subscript(places, ones) if len(ones) > 1 else places
        if recording.shape(value):
            value = node_at(value, (*[ALL] * along, None), recording)
        return Call("where", (Call("equal", (places, where)), value, whole))
    if item.step is not None and plain(item.step) != 1:
        fix = "write the size of the axis as a number in the shape, or stack the parts"
        raise recording.error(f"a write to every {item.step}th entry of an axis whose size is symbolic", fix, ParseError)
    if any(not is_all(i) for i in rest):
        value = _written(node_at(whole, (*before, item), recording), (*before, ALL, *rest), value, recording)
    start, stop = _end(item.start, size, NOTHING.value), _end(item.stop, size, size)
    parts = [value]
    if start != 0:
        parts.insert(0, node_at(whole, (*before, slice(None, item.start)), recording))
    if stop != size:
        parts.append(node_at(whole, (*before, slice(item.stop, None)), recording))
    return called("concatenate", Group(tuple(parts)), axis=along)


def _end(item: Any, size: Expr, default: Expr) -> Expr:
    """An end of a slice, counted from the front."""
    if item is None:
        return default
    place = plain(item)
    if place is None:
        return Integer(-1)  # it depends on values: nothing is known of it
    return place + size if place.is_negative else place


def _in_pieces(whole: Node, items: Items, along: int, value: Node, recording: Recording) -> Node:
    """The node of `whole` after a write, its entries along an axis of fixed size held one by one."""
    size = int(recording.shape(whole)[along])
    before, item, rest = items[:along], items[along], items[along + 1 :]
    held = held_pieces(whole, recording)
    apart = held is None or held[0] != along
    pieces = [node_at(whole, (*before, k), recording) for k in range(size)] if apart or held is None else list(held[1])
    if isinstance(item, slice):
        if any(isinstance(p, Value) for p in (item.start, item.stop, item.step)):
            raise recording.error(
                "a slice by sizes that are symbolic, of an axis whose size is a number", "give both as numbers", AxisError
            )
        places = list(range(*item.indices(size)))
        values = [node_at(value, (*[ALL] * along, k), recording) for k in range(len(places))]
    elif isinstance(item, Integral) and -size <= int(item) < size:
        places, values = [int(item)], [value]
    else:
        raise recording.error(f"index {item} is out of range for an axis of {size}", "count from 0", AxisError)
    for place, part in zip(places, values, strict=True):
        pieces[place] = _written(pieces[place], (*before, *rest), part, recording)
    return called("stack", Group(tuple(pieces)), axis=along) if along else called("stack", Group(tuple(pieces)))


def _where_masked(whole: Node, items: Items, value: Node, recording: Recording) -> Node:
    """The node of `whole` after whole[mask] = value."""
    if len(items) != 1:
        raise recording.error("a mask beside other items of an index", "write np.where(mask, value, x)", ParseError)
    mask = items[0].node
    behind = len(recording.shape(whole)) - len(recording.shape(mask))
    if recording.shape(mask) != recording.shape(whole)[: len(recording.shape(mask))] or len(recording.shape(value)) > behind:
        fix = "write np.where(mask, value, x), or x[mask] = y[mask] with the same mask"
        raise recording.error("what is written to x[mask] has to be a number, or y[mask]", fix, AxisError)
    return Call("where", (wide_mask(mask, whole, recording), value, whole))


def _where_said(whole: Node, items: Items, value: Node, recording: Recording) -> Node:
    """The node of `whole` after a write at places that index arrays say."""
    hot = hot_places(whole, items, recording)
    if hot is None:
        arrays = [k for k, i in enumerate(items) if not is_all(i)]
        axes = recording.shape(_places(items[arrays[0]], recording))
        if len(arrays) != 1 or len(axes) > 1 or (axes and recording.shape(value)):
            fix = "write np.add.at(x, places, v) to add, x[np.arange(n), y] = v for one entry of each row, or a sum of one-hot rows"
            raise recording.error("a write at places that may be the same twice", fix, ParseError)
        hot = _hot(items[arrays[0]], arrays[0], whole, recording)
    picked = value.args[0] if isinstance(value, Call) and value.op in ("add", "subtract") else None
    places = tuple(item_node(i, recording) for i in items)
    if isinstance(value, Call) and isinstance(picked, Subscript) and picked.value is whole and picked.items == places:
        return Call(value.op, (whole, _spread(value.args[1], items, hot, whole, recording)))
    mask = Call("greater", (hot, NOTHING))
    return Call("where", (mask, _beside(value, items, whole, recording), whole))


def hot_places(whole: Node, items: Items, recording: Recording) -> Node | None:
    """1 at the one entry of each row that x[arange(n), y] or x[y, arange(n)] says, of a matrix; None if the places are other ones."""
    if len(items) != 2 or len(recording.shape(whole)) != 2:
        return None
    for rows, along in ((0, 1), (1, 0)):
        if is_every_place(items[rows], whole, rows, recording) and isinstance(items[along], Value):
            hot = called("one_hot", items[along].node, size_node(recording.shape(whole)[along]))
            return hot if along else called("transpose", hot)
    return None


def _spread(value: Node, items: Items, hot: Node, whole: Node, recording: Recording) -> Node:
    """A value at the places that are hot, 0 elsewhere."""
    if isinstance(value, Number) and value.value == 1:
        return hot
    return Call("multiply", (hot, _beside(value, items, whole, recording)))


def _beside(value: Node, items: Items, whole: Node, recording: Recording) -> Node:
    """A value for each row, in the shape in which it meets the matrix."""
    if not recording.shape(value) or not is_every_place(items[0], whole, 0, recording):
        return value
    return Subscript(value, (Slice(None, None, None), NewAxis()))


def _places(item: Any, recording: Recording) -> Node:
    return item.node if isinstance(item, Value) else as_node(item, recording)


def _hot(item: Any, along: int, whole: Node, recording: Recording) -> Node:
    """How often an index array says each place along an axis, in the shape in which it meets the whole array."""
    axes = recording.shape(whole)
    hot: Node = called("one_hot", _places(item, recording), size_node(axes[along]))
    if recording.shape(_places(item, recording)):
        hot = called("sum", hot, axis=0)
    ones = (*[NewAxis()] * along, Slice(None, None, None), *[NewAxis()] * (len(axes) - along - 1))
    return Subscript(hot, ones) if len(ones) > 1 else hot


def added_at(whole: Node, items: Items, value: Node, recording: Recording) -> Node:
    """The node of `whole` after np.add.at(whole, items, value): what stands at one place twice is added twice."""
    items = expanded(items, len(recording.shape(whole)))
    hot = hot_places(whole, items, recording)
    if hot is not None:
        return Call("add", (whole, _spread(value, items, hot, whole, recording)))
    arrays = [k for k, i in enumerate(items) if not is_all(i)]
    if arrays != [0] or not isinstance(items[0], Value) or is_place(items[0]):
        raise recording.error("np.add.at at other places than rows", "write np.add.at(W, words, v), or x[np.arange(n), y] += v", ParseError)
    places = items[0].node
    axes, rank = recording.shape(places), len(recording.shape(whole))
    value = fitted(value, (*axes, *recording.shape(whole)[1:]), recording)
    letters = "abcdefgh"[: len(axes)]
    rest = "uvwxyz"[: rank - 1]
    hot = called("one_hot", places, size_node(recording.shape(whole)[0]))
    sums = Call("einsum", (Literal(f"{letters}t,{letters}{rest}->t{rest}"), hot, value))
    return Call("add", (whole, sums))
