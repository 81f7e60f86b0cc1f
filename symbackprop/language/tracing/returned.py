"""What a traced function returns, as the objective of a model."""

from collections.abc import Iterator
from typing import Any

from sympy import Integer

from symbackprop.calculus.index import shape_text
from symbackprop.errors import SpecError, SymbackpropError
from symbackprop.language.nodes import Call, Name, Node, Number, Subscript
from symbackprop.language.spec import TensorSpec
from symbackprop.language.tracing.naming import Bindings, allowed, fresh
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.selected import Selected
from symbackprop.language.tracing.values.value import Value, truth


def returned_node(
    returned: Any, bindings: Bindings, recording: Recording, reserved: set[str], objective: str | None
) -> tuple[Node, Node | None, dict[str, TensorSpec]]:
    """The node of the objective: the first scalar among the values returned, or an array times its upstream gradient; both are told too."""
    place = f"function {recording.name}"
    if isinstance(returned, Selected):
        raise returned.refusal("the value returned")
    if (
        isinstance(returned, Value)
        and isinstance(returned.node, Name)
        and returned.expression is None
        and not _is_draw(returned, recording)
    ):
        raise SpecError(f"it returns its argument {returned.node.id}", place=place, fix="return a scalar made of the arguments")
    found, refused = [], None
    for value in _values(returned):
        try:
            found.append((value, recording.shape(value.node)))
        except SymbackpropError as e:
            if returned is value and id(value.node) not in recording.refusals:
                return value.node, None, {}  # elaboration tells it, with the equation
            refused = refused or e
    made = [(v, axes) for v, axes in found if not isinstance(v.node, Name) and recording.order([v.node]) and recording.holds_tensor(v.node)]
    if not made:
        if refused is not None:
            raise refused
        reason = "it returns nothing" if returned is None else "what it returns depends on no argument"
        raise SpecError(reason, place=place, fix="return the objective, a scalar made of the arguments")
    for value, axes in made:
        if not axes:
            return truth(value.node), None, {}
    value, axes = next(((v, a) for v, a in made if all(size == 1 for size in a)), made[0])
    if all(size == 1 for size in axes):
        return Subscript(truth(value.node), (Number(Integer(0)),) * len(axes)), None, {}
    if objective is not None:
        return value.node, None, {}
    local = {id(node): name for name, node in bindings}
    name = f"d{local.get(id(value.node), 'out')}"
    name = name if allowed(name, reserved) else fresh(name, set(reserved), reserved)
    array = truth(value.node)
    product = Call("multiply", (array, recording.argument(name, axes)))
    return Call("sum", (product,)), array, {name: TensorSpec(shape_text(axes))}


def _is_draw(value: Value, recording: Recording) -> bool:
    return id(value.node) in recording.draws


def _values(returned: Any) -> Iterator[Value]:
    """The values that are returned, also those in tuples, lists and dictionaries, in order."""
    if isinstance(returned, Value):
        if returned.expression is None:
            yield returned
    elif isinstance(returned, dict):
        yield from (v for inner in returned.values() for v in _values(inner))
    elif isinstance(returned, list | tuple):
        yield from (v for inner in returned for v in _values(inner))
