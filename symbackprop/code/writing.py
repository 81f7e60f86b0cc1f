"""Statements as source text: one line each, with the formula of a tensor above its first and the shape beside each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, Mul, Symbol, expand_mul

from symbackprop.arrays.graph import DTYPE, Node
from symbackprop.arrays.lowering import Store
from symbackprop.calculus.index import shape_text
from symbackprop.calculus.places import slice_of
from symbackprop.code.schedule import Plan, Step
from symbackprop.code.spelling import ATOM, COMPARE, PRODUCT, SIGN, SUM, Spelling, Text, size_text

OPERATORS = {
    "add": ("+", SUM, SUM, PRODUCT),
    "subtract": ("-", SUM, SUM, PRODUCT),
    "multiply": ("*", PRODUCT, PRODUCT, SIGN),
    "divide": ("/", PRODUCT, PRODUCT, SIGN),
    "greater": (">", COMPARE, SUM, SUM),
    "greater_equal": (">=", COMPARE, SUM, SUM),
    "equal": ("==", COMPARE, SUM, SUM),
}
"""Functions that are operators: sign, level of the result, and of the left and right operand."""


@dataclass(frozen=True)
class Line:
    """One statement: its text, the shape of what it makes, and the tensor whose formula it belongs to, if it finishes one."""

    text: str
    shape: str
    step: Step


class Writer:
    """Source text of the nodes of a plan."""

    def __init__(self, plan: Plan, spelling: Spelling, names: Mapping[Symbol, Symbol] | None = None) -> None:
        self.names = dict(names or {})
        self.plan = plan
        self.graph = plan.graph
        self.spelling = spelling
        self.sizes: set[Expr] = set()
        self.helpers: set[str] = set()
        self.dtype = False

    def lines(self) -> list[Line]:
        """Every statement in order."""
        return [line for step in self.plan.steps for line in self.statement(step)]

    def statement(self, step: Step) -> list[Line]:
        """The line or lines that compute one node."""
        node = self.graph[step.node]
        if node.op == "store":
            return self.stored(step)
        return [Line(f"{step.name} = {self.compose(step.node).text}", shape_text(node.axes), step)]

    def stored(self, step: Step) -> list[Line]:
        """A block of a matrix."""
        place, value, axes, plain = self.block(step)
        where = f"{place.rows}, {place.columns}"
        text = value.text
        if place.pattern:
            block = f"{place.matrix}[{where}]"
            whole = block if plain else self.array("reshape", block, self.shape(axes)).text
            text = self.on_diagonal("add_diagonal", whole, place.pattern, value).text
        if not plain:
            text = self.array("reshape", text if place.pattern else value.within(ATOM), self.shape(self.flat(place))).text
        return [Line(self.spelling.setting(place.matrix, where, text), "", step)]

    def block(self, step: Step) -> tuple[Store, Text, Sequence[Expr], bool]:
        """Where a block of a matrix goes, what goes there, its axes, and whether these are those of the matrix."""
        (place,), (value, *_) = self.graph[step.node].info, self.graph[step.node].args
        axes, flat = place.axes, self.flat(place)
        inner = self.graph[value]
        if inner.op == "reshape" and value not in self.plan.names and self.graph[inner.args[0]].axes == flat:
            value, axes = inner.args[0], flat
        return place, self.text(value), axes, (len(axes) == 2 and place.order == 1) or axes == flat

    def flat(self, place: Store) -> tuple[Expr, Expr]:
        """The rows and columns of a block."""
        return Mul(*place.axes[: place.order]), Mul(*place.axes[place.order :])

    def write_pad(self, node: Node) -> Text:
        """Zeros or ones, but for a slice."""
        whole = self.array(node.info[-1], self.shape(node.axes), self.number(DTYPE))
        return self.array("set", whole.text, self.padded(node), self.text(node.args[0]).text)

    def padded(self, node: Node) -> str:
        """The slice of an array that is set in it."""
        place, start, stride, count, _ = node.info
        return self.slices([("all",)] * place + [slice_of(start, stride, count, node.axes[place])], node.axes)

    def write_gather(self, node: Node) -> Text:
        """Zeros, with entries added at computed places."""
        zeros = self.array("zeros", self.shape(node.axes), self.number(DTYPE))
        value, *grids = (self.text(a).text for a in node.args)
        return self.array("add_at", zeros.text, tupled(grids), value)

    def write_embed(self, node: Node) -> Text:
        """Zeros, but for a diagonal, or the diagonal of a part."""
        zeros = self.array("zeros", self.shape(node.axes), self.number(DTYPE))
        return self.along_part("set_diagonal", zeros.text, node, self.text(node.args[0]))

    def write_on_diagonal(self, node: Node) -> Text:
        """Entries added along a diagonal, or the diagonal of a part."""
        whole, value = (self.text(a) for a in node.args)
        return self.along_part("add_diagonal", whole.text, node, value if node.info[0] > 0 else Text(f"-{value.within(SIGN)}"))

    def along_part(self, name: str, whole: str, node: Node, value: Text) -> Text:
        """An array with a diagonal of it, or of a part of it, set or added to."""
        pattern, slices = node.info[-2:]
        if not slices:
            return self.on_diagonal(name, whole, pattern, value)
        places = self.slices(slices, node.axes)
        return self.array("set", whole, places, self.on_diagonal(name, f"{whole}[{places}]", pattern, value).text)

    def on_diagonal(self, name: str, whole: str, pattern: Sequence[int], value: Text) -> Text:
        """An array with its entries along a diagonal set or added to; for each axis its place on the diagonal."""
        return self.array(name, whole, f'"{word_of(pattern)}"', value.text)

    def text(self, n: int) -> Text:
        """A node as an operand: its name, or the operation itself where it has none."""
        if n in self.plan.names:
            return Text(self.plan.names[n])
        return self.compose(n)

    def compose(self, n: int) -> Text:
        """The operation that makes a node."""
        node = self.graph[n]
        return getattr(self, f"write_{node.op}")(node)

    def number(self, e: Expr) -> str:
        """A size expression; the symbols in it are noted, so that the function defines them."""
        if e == DTYPE:
            self.dtype = True
            return "dtype"
        return self.size(e).text

    def size(self, e: Expr) -> Text:
        """A size expression as a piece of text."""
        self.sizes |= e.free_symbols
        return size_text(e.xreplace(self.names))

    def shape(self, axes: Sequence[Expr]) -> str:
        """The shape of a new array: a number, or a tuple."""
        if len(axes) == 1:
            return self.number(axes[0])
        return f"({', '.join(self.number(a) for a in axes)})"

    def call(self, spelling: str, operands: Sequence[str]) -> str:
        """A spelling with its operands put in; a helper it names is noted."""
        self.helpers |= self.spelling.helpers_of(spelling)
        return spelling.format(*operands)

    def array(self, name: str, *operands: str) -> Text:
        """An array operation by its spelling."""
        spelling = self.spelling.spell(name)
        made = self.call(spelling, operands)
        return Text(made, PRODUCT if " @ " in spelling else ATOM)

    def write_leaf(self, node) -> Text:
        """An argument of the function."""
        return Text(node.info[0])

    def write_size(self, node) -> Text:
        """A Python number."""
        return self.size(node.info[0])

    def write_apply(self, node) -> Text:
        """An elementwise function, as an operator where it is one."""
        name = node.info[0]
        if name in OPERATORS:
            sign, level, left, right = OPERATORS[name]
            if len(node.axes) > 0 and level == COMPARE:
                return self.array(name, *[self.text(a).text for a in node.args])
            a, b = (self.text(x) for x in node.args)
            if name == "multiply" and self.graph[node.args[1]].op == "size" and b.level <= SIGN:
                a, b = b, a
            return Text(f"{a.within(left)} {sign} {b.within(right)}", level)
        if name == "negative":
            return Text(f"-{self.text(node.args[0]).within(SIGN)}", SIGN)
        if name == "square" and not node.axes and node.args[0] in self.plan.names:
            operand = self.text(node.args[0]).text
            return Text(f"{operand} * {operand}", PRODUCT)
        return Text(self.call(self.spelling.spell(name), [self.text(a).text for a in node.args]))

    def write_view(self, node) -> Text:
        """Axes in another order, new axes of size 1."""
        base = self.text(node.args[0]).within(ATOM)
        places = [p for p in node.info if p is not None]
        if places != sorted(places):
            order = f"({', '.join(map(str, places))})"
            base = f"{base}.T" if places == [1, 0] else self.array("transpose", base, order).text
        if None in node.info:
            pattern = list(node.info)
            while pattern and pattern[-1] is not None and None in pattern[:-1] and len(pattern) > 1:
                pattern.pop()
            base += f"[{', '.join('None' if p is None else ':' for p in pattern)}]"
        return Text(base)

    def write_reshape(self, node) -> Text:
        """The same entries over other axes."""
        return self.array("reshape", self.text(node.args[0]).within(ATOM), self.shape(node.axes))

    def write_slice(self, node) -> Text:
        """Slices and single places."""
        base = self.text(node.args[0]).within(ATOM)
        return Text(f"{base}[{self.slices(node.info, self.graph[node.args[0]].axes)}]")

    def slices(self, info: Sequence[tuple], axes: Sequence[Expr]) -> str:
        """What stands between the brackets; whole axes at the end are left out, places near the end counted from there."""
        info = list(info)
        while info and info[-1] == ("all",):
            info.pop()
        parts = []
        for (kind, *what), size in zip(info, axes, strict=False):

            def place(e: Expr, size: Expr = size) -> str:
                back = expand_mul(e - size)
                return str(back) if back.is_Integer and back < 0 and not e.is_Integer else self.number(e)

            if kind == "at":
                parts.append(place(what[0]))
            elif kind == "all":
                parts.append(":")
            else:
                start, stop, step = what
                low, high = ("" if x is None else place(x) for x in (start, stop))
                blank = " " if " " in low + high else ""  # as the formatter has it
                text = f"{low}{blank if low else ''}:{blank if high else ''}{high}"
                parts.append(text if step == 1 else f"{text}{blank if high or not low else ''}:{blank}{step}")
        return ", ".join(parts)

    def write_diagonal(self, node) -> Text:
        """Entries whose places on some axes agree."""
        base = self.text(node.args[0]).text
        if node.info == (0, 0):
            return self.array("diagonal", base)
        return self.array("einsum", f'"{word_of(node.info)}->{word_of(range(len(node.axes)))}"', base)

    def write_lookup(self, node) -> Text:
        """Entries at computed places."""
        base, *grids = node.args
        found = iter(grids)
        parts = [":" if whole else self.text(next(found)).text for whole in node.info]
        while parts[-1] == ":":
            parts.pop()
        return self.array("lookup", self.text(base).within(ATOM), ", ".join(parts))

    write_pick = write_lookup

    def write_arange(self, node) -> Text:
        """The places along an axis."""
        return self.array("arange", self.number(node.axes[0]))

    def write_reduce(self, node) -> Text:
        """A sum, product or largest entry along axes."""
        name, *axes = node.info
        operand = self.text(node.args[0]).text
        if len(axes) == len(self.graph[node.args[0]].axes):
            return self.array(f"{name}_all", operand)
        return self.array(name, operand, str(axes[0]) if len(axes) == 1 else f"({', '.join(map(str, axes))})")

    def write_running(self, node) -> Text:
        """A running sum along an axis."""
        return self.array("running", self.text(node.args[0]).text, str(node.info[0]))

    def write_overlap(self, node) -> Text:
        """Entries of windows added up where the windows lie."""
        window, axis, step, size = node.info
        return self.array("overlap", self.text(node.args[0]).text, str(window), str(axis), str(step), self.number(size))

    def write_einsum(self, node) -> Text:
        """A product that no matrix product serves."""
        return self.array("einsum", f'"{node.info[0]}"', ", ".join(self.text(a).text for a in node.args))

    def write_tensordot(self, node) -> Text:
        """A product over several axes."""
        operands = [self.text(a).text for a in node.args]
        return self.array("tensordot", *operands, f"({_tuple(node.info[0])}, {_tuple(node.info[1])})")

    def _product(self, node) -> Text:
        return self.array(node.op, *[self.text(a).text for a in node.args])

    write_dot = write_vdot = write_matmul = _product

    def write_full(self, node) -> Text:
        """A new array with one number in every place."""
        value = self.graph[node.args[0]].info[0]
        kind = {0: "zeros", 1: "ones"}.get(value)
        self.number(DTYPE)
        if kind:
            return self.array(kind, self.shape(node.axes), "dtype")
        return self.array("full", self.shape(node.axes), self.number(value), "dtype")

    def write_eye(self, node) -> Text:
        """The unit matrix."""
        self.number(DTYPE)
        return self.array("eye", self.number(node.axes[0]), "dtype")

    def write_cast(self, node) -> Text:
        """Conditions and places as numbers of the function's dtype."""
        return self.array("cast", self.text(node.args[0]).within(ATOM), self.number(DTYPE))

    def write_copy(self, node) -> Text:
        """An array of its own."""
        return self.array("copy", self.text(node.args[0]).within(ATOM))

    def write_broadcast(self, node) -> Text:
        """An array written out along axes that it lacks."""
        return self.array(
            "broadcast",
            self.text(node.args[0]).text,
            f"({', '.join(self.number(a) for a in node.axes)}{',' if len(node.axes) == 1 else ''})",
        )

    def write_call(self, node) -> Text:
        """A whole-tensor op."""
        name, options = node.info
        return Text(self.call(self.spelling.spell(name), [self.text(a).text for a in node.args] + [repr(v) for _, v in options]))


def tupled(grids: Sequence[str]) -> str:
    """Places along one axis or several, between brackets."""
    return grids[0] if len(grids) == 1 else f"({', '.join(grids)})"


def word_of(pattern: Iterable[int]) -> str:
    """Axes as letters."""
    return "".join("ijklmnop"[k] for k in pattern)


def _tuple(numbers: Sequence[int]) -> str:
    return f"({', '.join(map(str, numbers))}{',' if len(numbers) == 1 else ''})"
