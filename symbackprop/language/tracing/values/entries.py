"""x[items] and x[items] = value of traced values."""

from typing import Any

from symbackprop.errors import ParseError, SymbackpropError
from symbackprop.language.nodes import Call, Node, Subscript
from symbackprop.language.tracing.values.places import Items, is_basic, item_node, node_at
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.selected import Selected, wide_mask
from symbackprop.language.tracing.values.value import Value, as_node, is_condition, truth
from symbackprop.language.tracing.values.writing import written


def read(x: Value, given: Any) -> Any:
    """x[items]: a view, where NumPy gives one."""
    recording = x.recording
    items = given if isinstance(given, tuple) else (given,)
    strange = next((type(i).__name__ for i in items if isinstance(i, str | float | bool | dict)), None)
    if strange:
        raise recording.error(f"a {strange} can't stand in an index", "index by whole numbers, slices, None, ... and index arrays")
    if recording.parts(x.node):
        return recording.value(Subscript(x.node, tuple(item_node(i, recording) for i in items)), base=x)
    if len(items) == 1 and isinstance(items[0], Value) and is_condition(items[0].node):
        return _selected(x, items[0].node)
    node = node_at(truth(x.node), items, recording)
    if not is_basic(items) or is_condition(x.node) or not recording.shape(node):
        return recording.value(node)

    def write(above: Node, new: Node) -> Node:
        return written(above, items, new, recording)

    writes = None if any(i is None for i in items) else write
    return recording.value(node, base=x, items=items, reread=lambda above: node_at(above, items, recording), write=writes)


def _selected(x: Value, mask: Node) -> Selected:
    """x[mask]."""
    recording = x.recording
    axes, front = recording.shape(mask), recording.shape(x.node)[: len(recording.shape(mask))]
    if tuple(axes) != tuple(front):
        raise recording.error("the mask has not the axes of the array", "compare an array of the same shape", ParseError)
    return Selected(recording.value(x.node), mask)


def write(x: Value, given: Any, value: Any) -> None:
    """x[items] = value. What can't be said is an error if the objective needs the array."""
    recording = x.recording
    items = given if isinstance(given, tuple) else (given,)
    if isinstance(value, Value) and value.base is x and value.items is not None and same_items(value.items, items):
        return  # x[1:] += v has been written already
    try:
        x.assign(_after(x, items, value))
    except SymbackpropError as e:
        x.assign(recording.refused(e))


def same_items(a: Items, b: Items) -> bool:
    """Whether two subscripts are the same, item by item."""
    return len(a) == len(b) and all(i is j or (isinstance(i, int) and isinstance(j, int) and i == j) for i, j in zip(a, b, strict=True))


def _after(x: Value, items: Items, value: Any) -> Node:
    """The node of x after x[items] = value. Raises ParseError if NumPy does not keep the value as it is."""
    recording = x.recording
    if isinstance(value, Selected):
        if len(items) != 1 or not isinstance(items[0], Value) or items[0].node != value.mask:
            raise value.refusal("a write at other places")
        keeps(x, value.whole.node, recording)
        return Call("where", (wide_mask(value.mask, x.node, recording), value.whole.node, x.node))
    if isinstance(value, list | tuple):
        value = recording.apply("array", (value,), {})
    node = truth(as_node(value, recording))
    keeps(x, node, recording)
    return written(x.node, items, node, recording)


def keeps(x: Value, node: Node, recording: Recording) -> None:
    """Raise ParseError if what is written into an array of whole numbers is cut by it."""
    if recording.is_whole(x.node) and not recording.is_whole(node):
        fix = "make the array one of real numbers: np.zeros(n), x.astype(float)"
        raise recording.error("an array of whole numbers cuts what is written into it", fix, ParseError)
