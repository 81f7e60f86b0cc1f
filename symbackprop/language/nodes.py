"""Syntax trees of the language: what a text says, before anything is known of ops, shapes or axes.

Every operator is a Call (`a @ b` is Call("matmul", (a, b))), every method too (`X.sum(axis=1)` is `sum(X, axis=1)`), and
`X.T` is Call("transpose", (X,)). Nodes compare by what they say; `span`, the columns [start, stop) of the source text,
is for error messages only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sympy import Rational

Span = tuple[int, int]


@dataclass(frozen=True)
class Node:
    """A part of an expression; `span` is where it stands in the source text."""

    span: Span = field(default=(0, 0), compare=False, kw_only=True)


@dataclass(frozen=True)
class Name(Node):
    """The name of a tensor, or of an axis (then it is a number, the axis's size)."""

    id: str


@dataclass(frozen=True)
class Number(Node):
    """A literal number, exact: 0.1 is 1/10. A minus sign before a literal belongs to it."""

    value: Rational


@dataclass(frozen=True)
class Literal(Node):
    """What options are made of: a string, True, False, None, or a tuple of integers."""

    value: str | bool | tuple[int, ...] | None


@dataclass(frozen=True)
class Group(Node):
    """Several expressions in one argument, as in concatenate((A, B)) or reshape(X, (n, d)); integers alone are a Literal."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Call(Node):
    """An op on arguments. The parser does not know which ops there are; `name_span` points at the op's name or sign."""

    op: str
    args: tuple[Node, ...]
    options: tuple[tuple[str, Node], ...] = ()
    name_span: Span = field(default=(0, 0), compare=False, kw_only=True)

    def option(self, name: str) -> Node | None:
        """The node of the option `name`, or None."""
        return dict(self.options).get(name)


@dataclass(frozen=True)
class Slice(Node):
    """start:stop:step inside a subscript; what is left out is None."""

    start: Node | None
    stop: Node | None
    step: Node | None


@dataclass(frozen=True)
class NewAxis(Node):
    """None inside a subscript: an axis of size 1."""


@dataclass(frozen=True)
class Dots(Node):
    """... inside a subscript: all axes not spoken of."""


@dataclass(frozen=True)
class Subscript(Node):
    """value[items]; an item is a node (an integer or an index array), a Slice, NewAxis or Dots."""

    value: Node
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Derivative(Node):
    """dJ/dO in a claim: `of` is J, `wrt` is (O,); for d2J/dW1dW2 it is (W1, W2). Axes: those of `of`, then those of each of `wrt`."""

    of: str
    wrt: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """left == right, or left <- right (an update of the tensor left), as `text` says it."""

    left: Node
    relation: str
    right: Node
    text: str


BINARY = {
    "greater": (">", 1),
    "greater_equal": (">=", 1),
    "less": ("<", 1),
    "less_equal": ("<=", 1),
    "equal": ("==", 1),
    "not_equal": ("!=", 1),
    "logical_or": ("|", 2),
    "logical_and": ("&", 3),
    "add": ("+", 4),
    "subtract": ("-", 4),
    "multiply": ("*", 5),
    "divide": ("/", 5),
    "matmul": ("@", 5),
    "power": ("**", 7),
}
"""Op name -> how it is written and how tightly it binds (Python's order)."""

UNARY = {"negative": "-", "positive": "+", "logical_not": "~"}
COMPARISONS = frozenset(op for op, (_, level) in BINARY.items() if level == 1)
CONDITIONS = COMPARISONS | {"logical_or", "logical_and", "logical_not"}
"""Ops whose value is a condition, for where."""
_PRODUCT_LEVEL, _UNARY_LEVEL, _POWER_LEVEL, _ATOM_LEVEL = 5, 6, 7, 8


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below `node`, in the order in which they are written."""
    match node:
        case Call():
            return (*node.args, *(value for _, value in node.options))
        case Subscript():
            return (node.value, *node.items)
        case Slice():
            return tuple(part for part in (node.start, node.stop, node.step) if part is not None)
        case Group():
            return node.items
    return ()


def walk(node: Node) -> Iterator[Node]:
    """`node` and every node below it, in the order in which they are written."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += reversed(children(current))


def names_of(node: Node) -> dict[str, Span]:
    """The names that occur in `node` (tensors and axes; not ops), with the span of the first occurrence of each."""
    found: dict[str, Span] = {}
    for part in walk(node):
        if isinstance(part, Name):
            found.setdefault(part.id, part.span)
    return found


def unparse(node: Node) -> str:
    """The text of `node` in the language; parsing it gives the same node back."""
    return _text(node)[0]


def _text(node: Node) -> tuple[str, int]:
    match node:
        case Name():
            return node.id, _ATOM_LEVEL
        case Number():
            return _number(node.value)
        case Literal():
            return _literal(node.value), _ATOM_LEVEL
        case Group():
            inner = ", ".join(unparse(item) for item in node.items)
            return (f"({inner},)" if len(node.items) == 1 else f"({inner})"), _ATOM_LEVEL
        case Derivative():
            if len(node.wrt) == 1:
                return f"d{node.of}/d{node.wrt[0]}", _ATOM_LEVEL
            below = f"d{node.wrt[0]}{len(node.wrt)}" if len(set(node.wrt)) == 1 else "".join(f"d{name}" for name in node.wrt)
            return f"d{len(node.wrt)}{node.of}/{below}", _ATOM_LEVEL
        case Subscript():
            return f"{_inside(node.value, _ATOM_LEVEL)}[{', '.join(_item(item) for item in node.items)}]", _ATOM_LEVEL
        case Slice():
            start, stop = (unparse(part) if part else "" for part in (node.start, node.stop))
            return f"{start}:{stop}" + (f":{unparse(node.step)}" if node.step else ""), _ATOM_LEVEL
        case NewAxis():
            return "None", _ATOM_LEVEL
        case Dots():
            return "...", _ATOM_LEVEL
        case Call():
            return _call(node)
    raise TypeError(f"{node!r} is not a node")


def _item(node: Node) -> str:
    """What stands in a subscript: a tuple would be several items there, so several positions are a list."""
    if isinstance(node, Literal) and isinstance(node.value, tuple):
        return str(list(node.value))
    return f"[{', '.join(unparse(item) for item in node.items)}]" if isinstance(node, Group) else unparse(node)


def _inside(node: Node, level: int) -> str:
    text, own = _text(node)
    return text if own >= level else f"({text})"


def _call(node: Call) -> tuple[str, int]:
    if node.op in BINARY and len(node.args) == 2 and not node.options:
        sign, level = BINARY[node.op]
        if level == _POWER_LEVEL:
            return f"{_inside(node.args[0], _ATOM_LEVEL)} ** {_inside(node.args[1], _UNARY_LEVEL)}", level
        left, right = node.args
        return f"{_inside(left, level + (level == 1))} {sign} {_inside(right, level + 1)}", level
    if node.op in UNARY and len(node.args) == 1 and not node.options:
        return f"{UNARY[node.op]}{_inside(node.args[0], _UNARY_LEVEL)}", _UNARY_LEVEL
    if node.op == "transpose" and len(node.args) == 1 and not node.options:
        return f"{_inside(node.args[0], _ATOM_LEVEL)}.T", _ATOM_LEVEL
    parts = [unparse(argument) for argument in node.args] + [f"{name}={unparse(value)}" for name, value in node.options]
    return f"{node.op}({', '.join(parts)})", _ATOM_LEVEL


def _literal(value: str | bool | tuple[int, ...] | None) -> str:
    if isinstance(value, str):
        return f'"{value}"' if value.isprintable() and not set(value) & set('"\\') else repr(value)
    return str(value)


def _number(value: Rational) -> tuple[str, int]:
    if value.q == 1:
        text = str(value.p)
    else:
        twos = fives = 0
        rest = int(value.q)
        while rest % 2 == 0:
            rest, twos = rest // 2, twos + 1
        while rest % 5 == 0:
            rest, fives = rest // 5, fives + 1
        if rest != 1:
            return f"{value.p} / {value.q}", _PRODUCT_LEVEL
        places = max(twos, fives)
        digits = str(abs(value.p) * 10**places // value.q).rjust(places + 1, "0")
        text = ("-" if value.p < 0 else "") + f"{digits[:-places]}.{digits[-places:]}"
    return text, _UNARY_LEVEL if value.p < 0 else _ATOM_LEVEL
