"""-inf in masks: whatever comes of it has to end in an exponential, which is 0 for it, so that a large number may stand for it."""

from collections.abc import Sequence

from symbackprop.language.nodes import Call, Group, Node, Number, Subscript, children
from symbackprop.language.tracing.values.recording import Recording

ENDS = ("exp", "softmax", "logsumexp")
_MOVES = ("reshape", "transpose", "swapaxes", "expand_dims", "squeeze", "full", "broadcast_to", "stack", "concatenate", "triu", "tril")
KEEPS = frozenset((*_MOVES, "where", "add", "subtract", "max", "amax", "maximum", "positive"))


def check_infinite(roots: Sequence[Node], recording: Recording) -> None:
    """Raise SpecError where something else than an exponential is made of -inf."""
    if not recording.infinite:
        return
    order = recording.order(roots)
    held = {id(node): recording.infinite[id(node)] for node in order if id(node) in recording.infinite}
    for node in order:
        parts = [p for p in children(node) if id(p) in held]
        if parts and not _ends(node):
            if not _keeps(node, parts, recording):
                raise held[id(parts[0])]
            held[id(node)] = held[id(parts[0])]
    for root in roots:
        if id(root) in held:
            raise held[id(root)]


def _ends(node: Node) -> bool:
    return isinstance(node, Call) and node.op in ENDS


def _keeps(node: Node, parts: Sequence[Node], recording: Recording) -> bool:
    """Whether -inf stays what it is: chosen, moved, beside a finite number, less its row's largest, times a positive number."""
    if isinstance(node, Group | Subscript):
        return not isinstance(node, Subscript) or node.value in parts
    if not isinstance(node, Call):
        return False
    if node.op in ("multiply", "divide"):
        factors = [a for a in node.args if not any(a is p for p in parts)]
        above = node.op == "multiply" or parts[0] is node.args[0]
        return len(factors) == 1 and above and _is_positive(factors[0], recording)
    if node.op == "subtract" and len(parts) == 2:
        return isinstance(node.args[1], Call) and node.args[1].op in ("max", "amax")
    return node.op in KEEPS and (node.op != "subtract" or parts[0] is node.args[0])


def _is_positive(node: Node, recording: Recording) -> bool:
    """Whether a factor is made of sizes and positive numbers."""
    if isinstance(node, Number):
        return bool(node.value > 0)
    products = isinstance(node, Call) and node.op in ("multiply", "divide", "sqrt", "power", "add")
    return (
        not recording.holds_tensor(node)
        and (products or not isinstance(node, Call))
        and all(_is_positive(p, recording) for p in children(node))
    )
