"""Functions that a model defines itself: put in the place of their calls, as long as that stays small."""

from typing import Any

from symbackprop.errors import SpecError
from symbackprop.language.onnx.shown import shown

MOST_NODES = 100_000
"""Nodes of a graph after that."""


def inlined(onnx: Any, model: Any, place: str) -> Any:
    """The model without functions. Raises SpecError where they call each other in a circle, or make too many nodes."""
    bodies = {(f.domain, f.name): f for f in model.functions}
    counts: dict[tuple[str, str], int] = {}

    def size(nodes: Any, above: tuple) -> int:
        total = 0
        for node in nodes:
            key = (node.domain, node.op_type)
            if key in above:
                raise SpecError(f"function '{shown(key[1])}' calls itself", place=place, fix="write a graph without circles")
            if key in bodies and key not in counts:
                counts[key] = size(bodies[key].node, (*above, key))
            total += counts[key] if key in bodies else 1
            if total > MOST_NODES or len(above) > MOST_DEEP:
                raise SpecError(f"its functions make more than {MOST_NODES:,} nodes", place=place, fix="export it with fewer functions")
        return total

    size(model.graph.node, ())
    if not bodies:
        return model
    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as e:  # the inliner's errors have no kind of their own
        raise SpecError(
            f"its functions can't be put in place: {shown(str(e), 200)}", place=place, fix="export it without functions"
        ) from None


MOST_DEEP = 100
"""Functions that call each other one inside the other."""
