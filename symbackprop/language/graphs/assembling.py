"""The spec in the end: names for what a graph makes, equations, the objective."""

from collections.abc import Mapping
from typing import Any

from symbackprop.calculus.program import Need
from symbackprop.language.nodes import Call, Name, Node
from symbackprop.language.spec import ModelSpec, TensorSpec
from symbackprop.language.tracing.naming import Bindings, equations_of, named
from symbackprop.language.tracing.recorded import check_recorded
from symbackprop.language.tracing.returned import returned_node
from symbackprop.language.tracing.standins.numpy_functions import apply
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.tracer import Size, Tracer
from symbackprop.language.tracing.values.value import Value

LIGHT = frozenset(
    ("add", "subtract", "multiply", "divide", "negative", "power", "square", "sqrt", "reshape", "transpose", "swapaxes", "expand_dims")
) | {"squeeze", "broadcast_to", "where", "sum", "mean", "stack", "concatenate", "ones", "zeros", "full", "tril", "triu", "arange"}
"""Ops whose results have no name of their own unless they are what a module gives."""


def recorded(name: str) -> Recording:
    """The recording of a walk over a graph that is called so."""
    return Recording(name, _nowhere.__code__, Tracer, Size, apply)


def assembled(
    name: str,
    recording: Recording,
    tensors: Mapping[str, TensorSpec],
    bindings: Bindings,
    returned: tuple[Any, ...],
    *,
    samples: str | None = None,
    inferred: frozenset[str] = frozenset(),
    needs: tuple[Need, ...] = (),
) -> ModelSpec:
    """The spec of what a graph returns: the first scalar, or an array times an upstream gradient; of `tensors` those that it uses.

    Raises SpecError and its kinds for what can't be said, without a place.
    """
    reserved = {*tensors, *recording.letters}
    top, layer, upstream = returned_node(returned, bindings, recording, reserved, None)
    reserved |= {*upstream}
    found, roots = named(top, layer, bindings, recording, reserved, None, None)
    check_recorded(roots, recording)
    used = {node.id for node in recording.order(roots) if isinstance(node, Name)}
    return ModelSpec(
        name if name.isidentifier() else "model",
        {k: t for k, t in {**tensors, **upstream}.items() if k in used},
        equations_of(roots, found, recording, reserved),
        found[id(roots[-1])],
        found.get(id(layer)) if layer is not None else _output(returned, found),
        samples,
        {},
        inferred=inferred,
        upstream=next(iter(upstream), None),
        variables=True,
        needs=needs,
    )


def _output(returned: tuple[Any, ...], found: Mapping[int, str]) -> str | None:
    """The name of the first array beside a scalar objective that has one."""
    return next((found[id(v.node)] for v in returned if is_array(v) and v.ndim and id(v.node) in found), None)


def is_array(value: Any) -> bool:
    """Whether a value stands for an array."""
    return isinstance(value, Value) and value.expression is None


def is_light(node: Node) -> bool:
    """Whether a value is not worth a name of its own."""
    return not isinstance(node, Call) or node.op in LIGHT


def _nowhere() -> None:
    """No line of any function runs in a walk: errors get their place from the graph."""
