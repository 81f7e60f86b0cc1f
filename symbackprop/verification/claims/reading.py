"""A claim as it is meant: conditions as numbers, casts left out, tensors by the names that the model has for them.

A person's code multiplies by (x > 0), casts it, and calls a local variable `inv`; the language of models has comparisons in `where` alone,
no dtypes, and numbers a variable whose name is an op's.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from sympy import S

from symbackprop.calculus.program import Program
from symbackprop.errors import UnknownNameError, nearest
from symbackprop.language.nodes import COMPARISONS, CONDITIONS, Call, Claim, Derivative, Group, Name, Node, Number, Subscript, walk
from symbackprop.ops import OPS

REALS = frozenset({"float", "float16", "float32", "float64", "double"})
INTEGERS = frozenset({"int", "int8", "int16", "int32", "int64", "uint8", "bool", "bool_"})
"""What casts to numbers; to integers only what is a condition may be cast."""


def meant(claim: Claim, program: Program) -> Claim:
    """`claim` with both sides as they are meant.

    Raises UnknownNameError where it speaks of the derivative of, or by, what is no tensor of the model.
    """
    left, right = (_named(_number(side), program) for side in (claim.left, claim.right))
    for side in (left, right):
        for node in walk(side):
            if isinstance(node, Derivative):
                _check(node, program, claim.text)
    return replace(claim, left=left, right=right)


def _number(node: Node) -> Node:
    """`node` as a number: a condition is 1 where it holds and 0 where not."""
    inner, is_condition = _read(node)
    return Call("where", (inner, Number(S.One), Number(S.Zero)), span=node.span) if is_condition else inner


def _read(node: Node) -> tuple[Node, bool]:
    """`node` without casts, its parts as they are meant, and whether it is a condition."""
    match node:
        case Call() if (cast := _cast(node)) is not None:
            inner, is_condition = _read(node.args[0])
            if is_condition or cast in REALS:
                return inner, is_condition
            return replace(node, args=(_number(node.args[0]), *node.args[1:])), False
        case Call() if node.op in COMPARISONS:
            return replace(node, args=tuple(map(_number, node.args))), True
        case Call() if node.op in CONDITIONS:
            return replace(node, args=tuple(_condition(a) for a in node.args)), True
        case Call():
            first = [_condition(a) for a in node.args[:1]] if node.op == "where" else [_number(a) for a in node.args[:1]]
            options = tuple((name, _number(value)) for name, value in node.options)
            return replace(node, args=(*first, *map(_number, node.args[1:])), options=options), False
        case Subscript():
            return replace(node, value=_number(node.value), items=tuple(map(_number, node.items))), False
        case Group():
            return replace(node, items=tuple(map(_number, node.items))), False
    return node, False


def _condition(node: Node) -> Node:
    return _read(node)[0]


def _cast(node: Call) -> str | None:
    """What a cast casts to: np.int64(x), x.astype(float), x.astype("float64"); None of what is no cast."""
    if node.op in REALS | INTEGERS and len(node.args) == 1:
        return node.op
    if node.op != "astype" or not node.args:
        return None
    kind = node.args[1] if len(node.args) > 1 else node.option("dtype")
    said = str(getattr(kind, "id", getattr(kind, "value", ""))).removeprefix("np.")
    return said if said in REALS | INTEGERS else None


def _named(node: Node, program: Program) -> Node:
    """`node` with each name that the model could not keep, an op's, as the model has it."""
    return rebuilt(node, lambda part: _renamed(part, program))


def _renamed(node: Node, program: Program) -> Node:
    if isinstance(node, Name):
        return replace(node, id=own_name(node.id, program))
    if isinstance(node, Derivative):
        return replace(node, of=own_name(node.of, program), wrt=tuple(own_name(n, program) for n in node.wrt))
    return node


def own_name(name: str, program: Program) -> str:
    """The tensor that a traced function's variable is: inv1 for the first that was called `inv`, the last if there are several."""
    if name in program.tensors or name not in OPS:
        return name
    last = name
    for k in count(1):
        if f"{name}{k}" not in program.tensors:
            return last
        last = f"{name}{k}"
    return last


def _check(node: Derivative, program: Program, text: str) -> None:
    for name in (node.of, *node.wrt):
        if name not in program.tensors:
            close = nearest(name, list(program.tensors)) or list(program.tensors)
            reason = f"'{name}' is not a tensor of {program.name}"
            raise UnknownNameError(reason, place="the claim", source=text, spans=[node.span], fix=f"did you mean {', '.join(close)}?")


def rebuilt(node: Node, change: Callable[[Node], Node]) -> Node:
    """`node` with `change` applied to each part, from the top; a part that changes is not looked into."""
    new = change(node)
    if new is not node:
        return new
    if isinstance(node, Call):
        options = tuple((name, rebuilt(value, change)) for name, value in node.options)
        return replace(node, args=tuple(rebuilt(a, change) for a in node.args), options=options)
    if isinstance(node, Subscript):
        return replace(node, value=rebuilt(node.value, change), items=tuple(rebuilt(a, change) for a in node.items))
    if isinstance(node, Group):
        return replace(node, items=tuple(rebuilt(a, change) for a in node.items))
    return node
