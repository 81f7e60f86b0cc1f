"""From syntax trees to arrays of a draft: names looked up, ops built, options read.

Mistakes become errors that show the expression with a caret.
"""

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from types import NoneType
from typing import Any, get_args, get_origin

from sympy import Expr, Integer, Mul, Rational

from symbackprop.calculus.index import axis
from symbackprop.calculus.term import Entry
from symbackprop.errors import AxisError, ParseError, SpecError, UnknownNameError, UnknownOpError
from symbackprop.language.declare import did_you_mean
from symbackprop.language.hints import FOREIGN, IDLE, LARGE
from symbackprop.language.nodes import (
    COMPARISONS,
    CONDITIONS,
    Call,
    Derivative,
    Dots,
    Group,
    Literal,
    Name,
    NewAxis,
    Node,
    Number,
    Slice,
    Subscript,
)
from symbackprop.ops import ABSENT, OPS, Op
from symbackprop.ops.array import Array, Draft, Pieces, constant
from symbackprop.ops.broadcast import pieces
from symbackprop.ops.entrywise.arithmetic import number
from symbackprop.ops.entrywise.elementwise import CONSTANTS
from symbackprop.ops.shapes.indexing import as_places, picked
from symbackprop.ops.shapes.structural import DOTS, NEW_AXIS, Range, subscript
from symbackprop.ops.table import exact

WORDS = {
    int: "a whole number",
    float: "a number",
    Expr: "a number, or a formula in the sizes of axes",
    tuple: "several in brackets",
    str: "a text",
    bool: "True or False",
    NoneType: "None",
}
"""The kinds of values that options take, in the order in which messages name them."""
LONGEST = 40
"""Characters of a value that messages show."""
MEASURES: Mapping[str, Callable[[Draft, Array], Array]] = {
    "shape": lambda draft, x: pieces(draft, [constant(a) for a in x.axes]),
    "size": lambda draft, x: constant(Mul(*x.axes)),
    "ndim": lambda draft, x: constant(Integer(x.rank)),
    "len": lambda draft, x: constant(x.axes[0]),
}
"""What arrays say of their own sizes: X.shape[0], X.size, X.ndim, len(X)."""


class Reader:
    """Reads syntax trees into arrays of a draft."""

    def __init__(self, draft: Draft, axes: Sequence[str]) -> None:
        self.draft = draft
        self.sizes = {name: axis(name) for name in axes}
        self.text, self.shift = "", 0
        self.read: dict[Node, Array] = {}

    def locate(self, place: str, text: str, head: str = "") -> None:
        """Say where the trees that follow come from: `text` is the source, `head` is shown before it."""
        self.text, self.shift = text, len(head)
        self.read = {}
        self.draft.place, self.draft.source, self.draft.span = place, head + text if text else "", None

    def define(self, name: str, node: Node, text: str, **described: Any) -> None:
        """Write down the equation name = node."""
        self.locate(f"equation {name}", text, f"{name} = ")
        self.draft.define(name, self.value(node), text, **described)

    def span(self, node: Node) -> tuple[int, int]:
        """Where `node` stands in the source that errors show."""
        return node.span[0] + self.shift, node.span[1] + self.shift

    def op_span(self, node: Call) -> tuple[int, int]:
        """Where the op's name or sign stands, without the blanks and brackets around a sign."""
        start, stop = node.name_span
        written = self.text[start:stop]
        if not written.strip(" ()"):
            return self.span(node)
        start += len(written) - len(written.lstrip(" ()\n"))
        return start + self.shift, start + len(written.strip(" ()\n")) + self.shift

    def error(self, reason: str, node: Node, kind: type[SpecError], fix: str = "", *, op: bool = False) -> SpecError:
        """An error with carets under `node`, or under its op only."""
        span = self.op_span(node) if op and isinstance(node, Call) else self.span(node)
        return kind(reason, place=self.draft.place, source=self.draft.source, spans=[span], fix=fix)

    def value(self, node: Node) -> Array:
        """The array that `node` says; the same array where an equation says the same twice, so that it is grounded once."""
        made = self.read.get(node)
        if made is None:
            made = self.read[node] = self.fresh_value(node)
        self.remember(node, made)
        return made

    def fresh_value(self, node: Node) -> Array:
        """The array that `node` says, read for the first time."""
        match node:
            case Number():
                return constant(node.value)
            case Name():
                return self.name(node)
            case Call():
                return self.call(node)
            case Subscript():
                return self.subscript(node)
            case Derivative():
                raise self.error("a derivative can stand only in a claim", node, ParseError)
            case _:
                large = node == Literal("inf")
                fix = LARGE if large else "give a tensor or a number"
                raise self.error("this can't stand here as a value", node, ParseError, fix)

    def remember(self, node: Node, made: Array) -> None:
        """Note on the array what the user wrote; of a transposed tensor, the tensor."""
        named = node.args[0] if isinstance(node, Call) and node.op == "transpose" and len(node.args) == 1 else node
        made.span, made.shown, made.leaf = self.span(node), made.axes, None
        if isinstance(named, Name) and named.id in self.draft.tensors:
            tensor = self.draft.tensors[named.id]
            made.text, made.shown = named.id, tensor.axes
            made.leaf = None if tensor.role == "intermediate" else named.id
        else:
            made.text = self.text[slice(*node.span)]

    def name(self, node: Name) -> Array:
        """A tensor; else the size of an axis, or a named number."""
        if node.id in self.draft.tensors:
            return self.draft.tensor(node.id)
        if node.id in self.sizes:
            return constant(self.sizes[node.id])
        if node.id in CONSTANTS:
            return constant(CONSTANTS[node.id])
        fix = did_you_mean(node.id, [*self.draft.tensors, *self.sizes])
        if node.id in FOREIGN:
            fix = f"leave {node.id}. out: of modules there are np and numpy"
        elif node.id.lower() in ("inf", "infty", "infinity"):
            fix = LARGE
        raise self.error(f"nothing defines '{node.id}'", node, UnknownNameError, fix)

    def call(self, node: Call) -> Array:
        """An op on its arguments."""
        if node.op in MEASURES:
            return self.measure(node)
        op = self.op(node)
        if node.args and isinstance(node.args[0], Name) and node.args[0].id in FOREIGN:
            self.value(node.args[0])  # a tensor, or the error that there is no such module
        if op.name in CONDITIONS:
            what = "a comparison" if op.name in COMPARISONS else "a condition"
            raise self.error(f"{what} can stand only in where", node, ParseError, "write where(x > 0, a, b)", op=True)
        first = self.condition(node.args[0]) if op.name == "where" and node.args else None
        arguments, options = self.arguments(op, node, first)
        return self.built(op, node, arguments, options)

    def condition(self, node: Node) -> Array | None:
        """The condition that `node` says, made of comparisons; None if it says something else."""
        if not (isinstance(node, Call) and node.op in CONDITIONS):
            return None
        parts = [self.condition(a) for a in node.args] if node.op not in COMPARISONS else [None for _ in node.args]
        made = self.built(self.op(node), node, [self.value(a) if p is None else p for p, a in zip(parts, node.args, strict=True)], {})
        self.remember(node, made)
        return made

    def measure(self, node: Call) -> Array:
        """What an array says of its sizes."""
        if len(node.args) != 1 or node.options:
            raise self.error(f"{node.op} takes one array", node, ParseError, "write X.shape[0], X.size, X.ndim or len(X)", op=True)
        whole = self.value(node.args[0])
        if node.op == "len" and not whole.rank:
            raise self.error("a scalar has no len", node, AxisError, op=True)
        return MEASURES[node.op](self.draft, whole)

    def built(self, op: Op, node: Call, arguments: Sequence[Any], options: dict[str, Any]) -> Array:
        """What the op's record builds; its errors point at the op."""
        self.draft.span = self.op_span(node)
        if op.build is None:
            raise TypeError(f"{op.name} is no op of the language")
        made = op.build(self.draft, *arguments, **options)
        numbers = op.kind == "elementwise" and all(getattr(a, "number", None) is not None for a in arguments)
        return number(self.draft, made) if numbers and arguments else made

    def op(self, node: Call) -> Op:
        """The record of the op; an error that says what to write instead if there is none."""
        op = OPS.get(node.op)
        if op is not None:
            return op
        if node.op in self.draft.tensors or node.op in self.sizes:
            raise self.error(f"'{node.op}' is not an op", node, UnknownOpError, f"write {node.op} * (...) for a product", op=True)
        absent = ABSENT.get(node.op)
        if absent is not None:
            reason = f"op '{node.op}' {absent.why}" if absent.why else f"there is no op '{node.op}'"
            raise self.error(reason, node, UnknownOpError, absent.instead, op=True)
        fix = did_you_mean(node.op, list(OPS)) or "see the list that `symbackprop ops` prints"
        raise self.error(f"there is no op '{node.op}'", node, UnknownOpError, fix, op=True)

    def arguments(self, op: Op, node: Call, first: Array | None = None) -> tuple[list[Any], dict[str, Any]]:
        """The arguments for the builder: arrays where the signature says Array, else plain values."""
        wanted = list(op.parameters.values())
        many = bool(wanted) and wanted[-1].kind is Parameter.VAR_POSITIONAL
        if len(node.args) > len(wanted) and not many:
            raise self.error(f"op '{node.op}' takes {_count(op)}, not {len(node.args)}", node, ParseError, op=True)
        given = {p.name: a for p, a in zip(wanted, node.args, strict=False) if p.kind is not Parameter.VAR_POSITIONAL}
        for option, part in node.options:
            if option not in op.parameters or op.parameters[option].kind is Parameter.VAR_POSITIONAL:
                known = did_you_mean(option, list(op.parameters)) or f"its options are {', '.join(op.parameters)}"
                known = "leave it out" if option in IDLE else known
                raise self.error(f"op '{node.op}' has no option '{option}'", part, ParseError, known)
            if option in given:
                raise self.error(f"op '{node.op}' is given '{option}' twice", part, ParseError)
            given[option] = part
        made: list[Any] = []
        for p in wanted:
            if p.kind is Parameter.VAR_POSITIONAL:
                made += [self.value(a) for a in node.args[len(wanted) - 1 :]]
            elif p.name in given:
                part = given[p.name]
                if part == Literal(None) and p.default is None:
                    made.append(None)
                elif first is not None and not made:
                    made.append(first)
                else:
                    made.append(self.argument(p, part) if _is_array(op, p) else self.checked(p, part))
            elif p.default is Parameter.empty:
                raise self.error(f"op '{node.op}' takes {_count(op)}, not {len(node.args)}", node, ParseError, op=True)
            else:
                default = exact(p.default) if op.kind == "elementwise" else p.default
                made.append(constant(default) if isinstance(default, Expr) else default)
        return made, {}

    def argument(self, parameter: Parameter, node: Node) -> Any:
        """An array; several arrays in one argument where the op takes that."""
        if get_origin(parameter.annotation) is tuple:
            if isinstance(node, Group):
                return tuple(self.value(item) for item in node.items)
            if isinstance(node, Literal) and isinstance(node.value, tuple):
                return tuple(constant(Integer(v)) for v in node.value)
        return self.value(node)

    def checked(self, parameter: Parameter, node: Node) -> Any:
        """The value of an option, of the kind that the op's signature says."""
        value = self.option(node, "give a number; of two arrays write x + y or maximum(x, y)" if parameter.name == "axis" else "")
        kinds = _kinds(parameter)
        if not any(_fits(value, kind) for kind in kinds):
            wanted = " or ".join(WORDS[k] for k in kinds)
            kind = AxisError if parameter.name.startswith("axis") else ParseError
            raise self.error(f"{parameter.name}={_shown(value)} is not {wanted}", node, kind, f"give {wanted}")
        return value

    def option(self, node: Node, fix: str = "") -> Any:
        """The value of an option: a literal, a whole number, a formula in sizes, a tuple of these; `fix` for what is none."""
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Name) and node.id == "inf" and not {"inf"} & {*self.draft.tensors, *self.sizes}:
            return "inf"
        if isinstance(node, Call) and node.op == "negative" and node.args and self.option(node.args[0]) == "inf":
            return "-inf"
        if isinstance(node, Group):
            return tuple(self.option(item) for item in node.items)
        if isinstance(node, Call) and node.op == "shape":
            return tuple(int(a) if a.is_Integer else a for a in self.value(node.args[0]).axes)
        value = self.size(node, fix)
        return int(value) if value.is_Integer else value

    def size(self, node: Node, fix: str = "") -> Expr:
        """A number or a formula in sizes of axes; not the entries of a tensor."""
        array = self.value(node) if isinstance(node, Name | Number | Call | Subscript) else None
        value = array.at(()) if array is not None and array.rank == 0 and array.call is None and not array.sums else None
        if value is None or value.has(Entry):
            raise self.error("this must be a number, or a formula in the sizes of axes", node, AxisError, fix)
        return value

    def subscript(self, node: Subscript) -> Array:
        """Indexing by whole numbers, slices, None and `...`."""
        whole = self.value(node.value)
        if isinstance(whole, Pieces):
            return self.piece(whole, node)
        items: list[Any] = []
        for item in node.items:
            match item:
                case NewAxis():
                    items.append(NEW_AXIS)
                case Dots():
                    if DOTS in items:
                        raise self.error("'...' can stand only once in an index", item, ParseError)
                    items.append(DOTS)
                case Slice():
                    items.append(Range(*(self.size(p) if p is not None else None for p in (item.start, item.stop, item.step))))
                case Name() if item.id in self.draft.tensors:
                    items.append(self.value(item))
                case Literal():
                    raise self.error("this can't stand in an index", item, ParseError, "index by whole numbers, slices, None and ...")
                case _:
                    array = self.value(item)
                    items.append(array if array.rank or array.at(()).has(Entry) else self.size(item))
        self.draft.span = self.span(node)
        return self.at_places(whole, items) if any(isinstance(i, Array) for i in items) else subscript(self.draft, whole, items)

    def at_places(self, whole: Array, items: list[Any]) -> Array:
        """Indexing where index arrays stand among the items: whole numbers are index arrays too then, slices come first."""
        taken = sum(1 for i in items if i not in (NEW_AXIS, DOTS))
        if taken > whole.rank:
            raise self.draft.error(f"{taken} indices for {whole.rank} axes", AxisError, notes=[self.draft.described(whole)])
        if NEW_AXIS in items:
            raise self.draft.error("None can't stand beside index arrays", ParseError, fix="put the new axis in afterwards")
        place = items.index(DOTS) if DOTS in items else len(items)
        items = [*items[:place], *[Range()] * (whole.rank - taken), *items[place + (DOTS in items) :]]
        sliced = subscript(self.draft, whole, [i if isinstance(i, Range) else Range() for i in items])
        places = [
            None if isinstance(i, Range) else as_places(self.draft, i if isinstance(i, Array) else constant(i if i >= 0 else size + i))
            for i, size in zip(items, whole.axes, strict=True)
        ]
        return picked(self.draft, sliced, places)

    def piece(self, whole: Pieces, node: Subscript) -> Array:
        """One of several values, by its number."""
        number = self.size(node.items[0])
        if not number.is_Integer or not -len(whole.parts) <= number < len(whole.parts):
            raise self.error(f"of {len(whole.parts)} parts there is no part {number}", node.items[0], AxisError)
        part = whole.parts[int(number)]
        if len(node.items) > 1:
            raise self.error("index a part in brackets of its own", node, ParseError, "write split(x, 2)[0][...]")
        return part


def _is_array(op: Op, parameter: Parameter) -> bool:
    return op.kind == "elementwise" or parameter.annotation is Array or Array in get_args(parameter.annotation)


def _kinds(parameter: Parameter) -> list[type]:
    """The kinds of values that an option takes, by its annotation; a number may be a formula where the op says so."""
    said = parameter.annotation
    kinds = {get_origin(k) or k for k in (get_args(said) if get_origin(said) is not tuple else ()) or (said,)}
    return [k for k in WORDS if k in kinds and not (k is int and kinds & {float, Expr})]


def _fits(value: Any, kind: type) -> bool:
    """Whether the value of an option is of a kind; what stands in a tuple, the op looks at."""
    if kind is Expr:
        return isinstance(value, Expr) or type(value) is int
    if kind is float:
        return isinstance(value, Rational) or type(value) is int
    return type(value) is kind


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def _count(op: Op) -> str:
    need = sum(1 for p in op.parameters.values() if p.default is Parameter.empty and p.kind is not Parameter.VAR_POSITIONAL)
    most = len(op.parameters)
    count = str(need) if need == most else f"{need} to {most}"
    return f"{count} argument" + ("s" if count != "1" else "")
