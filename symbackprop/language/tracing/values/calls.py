"""Calls on traced values: ops of the language, arithmetic of sizes, and conditions that count as numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sympy import Expr, Integer, floor

from symbackprop.calculus.index import axis
from symbackprop.errors import AxisError, ParseError, SymbackpropError, UnknownOpError, nearest
from symbackprop.language.hints import IDLE
from symbackprop.language.nodes import COMPARISONS, CONDITIONS, Call, Literal, Name, Node, Number
from symbackprop.language.syntax import parse
from symbackprop.language.tracing.values.recording import Recording, Restated
from symbackprop.language.tracing.values.running import in_python
from symbackprop.language.tracing.values.value import Value, as_node, is_condition, is_number, meant, truth
from symbackprop.ops import ABSENT, NUMPY, OPS, Op

OF_TRUTH = {"add": "logical_or", "maximum": "logical_or", "multiply": "logical_and", "minimum": "logical_and"}
"""What arithmetic on two truth values means in NumPy."""
RENAMED = {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "invert": "logical_not", "expit": "sigmoid", "log_expit": "logsigmoid"}
UNSURE = ("reshape", "ravel", "swapaxes", "moveaxis", "expand_dims", "squeeze", "diagonal", "diag", "flip", "broadcast_to", "split")
"""Ops whose result may share its memory with their first argument."""
WITHOUT = ("dtype", "order", "casting", "subok", "copy", "optimize")
"""Options of NumPy that say how, not what."""


def traced(op: str, args: Sequence[Any], options: Mapping[str, Any], recording: Recording, spelled: str = "") -> Any:
    """What the op gives on arguments of which one is traced; what the language has not is an error if the objective needs it.

    `spelled` stood before its name in the function ("np.").
    """
    name = RENAMED.get(op) or NUMPY.get(op, op)
    record = OPS.get(name)
    if record is None:
        node = None
        try:
            node = Call(name, tuple(as_node(a, recording) for a in args), tuple((k, as_node(v, recording)) for k, v in options.items()))
        except SymbackpropError as e:
            recording.settled(e)
        return recording.value(recording.refused(_unknown(name, f"{spelled}{op}", recording), node))
    options = {k: v for k, v in options.items() if k in record.parameters or not _idle(k, v)}
    for option in options:
        if option not in record.parameters:
            known = ", ".join(record.parameters)
            fix = "leave it out" if option in IDLE else f"its options are {known}"
            raise recording.error(f"op '{name}' has no option '{option}'", fix, ParseError)
    entrywise = record.kind in ("elementwise", "condition")
    nodes = [as_node(int(a) if entrywise and isinstance(a, bool | np.bool_) else a, recording) for a in args]
    if name in CONDITIONS or any(is_condition(n) for n in nodes):
        name, nodes = _with_truth(name, nodes, record, recording)
    if name in ("max", "min") and len(nodes) == 2:  # max(x, 1) is Python's in a text
        options, nodes = {"axis": args[1], **options}, nodes[:1]
    if name == "where" and len(nodes) > 1 and not is_condition(nodes[0]):
        nodes[0] = Call("not_equal", (nodes[0], Number(Integer(0))))
    node = Call(name, tuple(nodes), tuple((k, as_node(v, recording)) for k, v in options.items()))
    if any(isinstance(a, Value) and a.expression is not None for a in args):
        made = _sized(name, args, node, recording)
        if made is not None:
            return made
    return recording.value(node, **_memory(name, args, node))


def _idle(option: str, value: Any) -> bool:
    """Whether an option of NumPy says how, not what."""
    if option == "order":
        return value in (None, "C", "K")
    return option in WITHOUT and (option != "dtype" or value is None or np.dtype(value).kind == "f")


def _memory(name: str, args: Sequence[Any], node: Call) -> dict[str, Any]:
    """What a value is a view of, for the value's maker."""
    base = args[0] if args and isinstance(args[0], Value) and args[0].expression is None else None
    if base is None:
        return {}
    if name == "transpose" and len(node.args) == 1 and not node.options:
        turned = lambda above: Call("transpose", (above,))  # noqa: E731
        return {"base": base, "reread": turned, "write": lambda _, new: turned(new)}
    views = name in UNSURE or name == "transpose" or (name == "einsum" and len(node.args) == 2)
    return {"base": base} if views else {}


def _unknown(name: str, written: str, recording: Recording) -> SymbackpropError:
    """The error for an op that the language has not."""
    absent, close = ABSENT.get(name), nearest(name, list(OPS))
    fix = f"did you mean {', '.join(close)}?" if close else "see the list that `symbackprop ops` prints"
    reason = f"'{written}' {absent.why if absent and absent.why else 'is not in the language'}"
    return recording.error(reason, in_python(absent.instead) if absent else fix, UnknownOpError, advised=True)


def _with_truth(name: str, nodes: Sequence[Node], record: Op, recording: Recording) -> tuple[str, list[Node]]:
    """An op and its arguments, where truth values stand among these: they count as 1 and 0 but where NumPy combines them as such."""
    held = [is_condition(n) for n in nodes]
    if name in CONDITIONS and name not in COMPARISONS:
        return name, [n if h else _as_condition(n) for n, h in zip(nodes, held, strict=True)]
    if name in OF_TRUTH and len(nodes) == 2 and all(held):
        return OF_TRUTH[name], list(nodes)
    if name == "where":
        return name, [nodes[0], *[truth(n) for n in nodes[1:]]]
    both = len(nodes) == 2 and all(held) and name in ("subtract", "matmul", "dot", "power", "divide")
    if (
        name == "negative"
        or (both and name != "divide")
        or (len(nodes) == 1 and record.function is not None and name not in ("abs", "absolute"))
    ):
        fix = "write (x > 0).astype(float) for a mask that is computed with"
        raise recording.error(f"'{name}' of truth values is not what it is of numbers", fix, ParseError)
    return name, [truth(n) for n in nodes]


def _as_condition(node: Node) -> Node:
    """A mask that counts as 1 and 0 as the condition that it was made of; of other values, whether they are not 0."""
    if isinstance(node, Call) and node.op == "where" and is_condition(node.args[0]) and node == truth(node.args[0]):
        return node.args[0]
    return Call("not_equal", (node, Number(Integer(0))))


_SIZED: dict[str, Callable[[Expr, Expr], Expr]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "floor_divide": lambda a, b: floor(a / b),
    "mod": lambda a, b: a - b * floor(a / b),
}
_DECIDED: dict[str, Callable[[Expr], bool | None]] = {
    "greater": lambda d: d.is_positive,
    "greater_equal": lambda d: d.is_nonnegative,
    "less": lambda d: d.is_negative,
    "less_equal": lambda d: d.is_nonpositive,
    "equal": lambda d: d.is_zero,
    "not_equal": lambda d: None if d.is_zero is None else not d.is_zero,
}


def of_sizes(op: str, a: Any, b: Any, recording: Recording) -> Any:
    """What `op` gives on sizes and numbers, an own op of sizes, as // is; None if they are something else."""
    values = [plain(a), plain(b)]
    return None if None in values else size_value(_SIZED[op](*values), recording)  # type: ignore[arg-type]


def _sized(op: str, args: Sequence[Any], node: Node, recording: Recording) -> Any:
    """The size that arithmetic on sizes and numbers gives, the truth of a comparison of them, or None."""
    values = [v for a in args if (v := plain(a)) is not None]
    if len(values) < len(args):
        return None
    if op == "negative":
        return recording.size(node, recording, -values[0])
    if len(values) != 2:
        return None
    if op in _SIZED:
        return recording.size(node, recording, _SIZED[op](*values))
    if op in _DECIDED:
        truth_of = _DECIDED[op](values[0] - values[1])
        stands = recording.stands((values[0], values[1])) if truth_of is None and op in ("equal", "not_equal") else None
        if stands:
            raise Restated(stands)
        if truth_of is None:
            fix = "give both the same letter if they are the same size, as in shapes=, or leave the comparison out"
            raise recording.error(f"whether sizes {values[0]} and {values[1]} compare so is not known: sizes stay symbolic", fix, AxisError)
        return truth_of
    return None


def plain(value: Any) -> Expr | None:
    """The exact number that a size or a number is, None for what is neither."""
    if isinstance(value, Value):
        return value.expression
    if not is_number(value) or not math.isfinite(value):
        return None
    return Integer(int(value)) if isinstance(value, Integral) else meant(float(value))


def size_value(size: Expr, recording: Recording) -> Any:
    """A size as a number of Python's where it is fixed, else as a value."""
    if size.is_Integer:
        return int(size)
    return recording.size(size_node(size), recording, size)


def size_node(size: Expr) -> Node:
    """The node of a formula in sizes."""
    return Number(size) if size.is_Integer else Name(str(size)) if size == axis(str(size)) else parse(str(size))


def called(op: str, *args: Node, **options: Any) -> Call:
    """The call of an op of the language on nodes; options are numbers, truth values and tuples of whole numbers."""
    return Call(op, args, tuple((k, Number(Integer(v)) if type(v) is int else Literal(v)) for k, v in options.items()))
