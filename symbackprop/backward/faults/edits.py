"""Small edits of the right side of a statement, as texts: what a slip of the pen would have been made from.

Each edit replaces a stretch of the author's own text, so that what stays is spelled as the author has it.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symbackprop.backward.deriving.labels import SHAPES

SMALL = 0.02
"""A number below this may be one that is added to a denominator."""


FUNCTIONS = ("np.tanh({0})", "np.exp({0})", "1 / (1 + np.exp(-{0}))", "np.exp(-{0})", "np.abs({0})", "np.sign({0})")
"""What the name of an argument may stand for by mistake."""


@dataclass(frozen=True)
class Edit:
    """The text between two columns becomes another. `words` say the slip; `cost`: the likelier, the less."""

    start: int
    stop: int
    text: str
    words: str
    cost: int = 1


@dataclass
class Scope:
    """What a statement sees: arrays by name, numbers by their text, and the values of the parts of its right side."""

    arrays: Mapping[str, np.ndarray]
    numbers: Mapping[str, float]
    values: dict[ast.expr, Any] = field(default_factory=dict)
    wanted: np.ndarray = field(default_factory=lambda: np.zeros(()))


class Editor:
    """Edits of one right side: its text, its tree."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.text, self.scope = text, scope
        self.root = ast.parse(text, mode="eval").body
        self.parents = {c: p for p in ast.walk(self.root) for c in ast.iter_child_nodes(p)}
        starts = [0]
        for line in text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line.encode()))
        raw = text.encode()
        self.at = {n: self._columns(n, starts, raw) for n in ast.walk(self.root) if isinstance(n, ast.expr)}
        self.nodes = [n for n in ast.walk(self.root) if isinstance(n, ast.expr) and not isinstance(self.parents.get(n), ast.keyword)]

    @staticmethod
    def _columns(node: ast.expr, starts: list[int], raw: bytes) -> tuple[int, int]:
        """Where a part stands in the text: columns of characters, from bytes in lines."""
        first = starts[node.lineno - 1] + node.col_offset
        last = starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)
        return len(raw[:first].decode()), len(raw[:last].decode())

    def source(self, node: ast.AST, tight: bool = False) -> str:
        """The text of a part, in parentheses if it is to stand beside a sign that binds tighter."""
        a, b = self.at[node]  # type: ignore[index]
        text = self.text[a:b]
        loose = isinstance(node, ast.UnaryOp | ast.Compare | ast.IfExp | ast.Lambda) or (
            isinstance(node, ast.BinOp) and (tight or isinstance(node.op, ast.Add | ast.Sub))
        )
        return f"({text})" if loose else text

    def edit(self, node: ast.AST, text: str, words: str, cost: int = 1) -> Edit:
        """A part becomes another text, in parentheses where it needs some."""
        a, b = self.at[node]  # type: ignore[index]
        parent = self.parents.get(node)
        tree = ast.parse(text, mode="eval").body
        bare = parent is None or (isinstance(parent, ast.Call) and node in parent.args) or isinstance(parent, ast.Tuple)
        around = self.text[a - 1 : a] == "(" and self.text[b : b + 1] == ")"
        if not bare and not around and isinstance(tree, ast.BinOp | ast.UnaryOp | ast.Compare):
            text = f"({text})"
        return Edit(a, b, text, words, cost)

    def shape(self, node: ast.AST) -> tuple[int, ...] | None:
        """The shape of a part that is an array, None of anything else."""
        value = self.scope.values.get(node)  # type: ignore[call-overload]
        return value.shape if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" else None

    def edits(self) -> Iterator[Edit]:
        """All of them, the likeliest first."""
        for way in (self.names, self.numbers_, self.operators, self.calls, self.turned, self.added, self.slopes, self.moved):
            for node in self.nodes:
                yield from way(node)

    def names(self, node: ast.expr) -> Iterator[Edit]:
        """Another array in the place of one."""
        if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript) or (shape := self.shape(node)) is None:
            return
        text = self.source(node)
        for name, value in self.scope.arrays.items():
            if name != text:
                yield self.edit(node, name, f"`{text}` stands where `{name}` should", 1 if value.shape == shape else 2)

    def numbers_(self, node: ast.expr) -> Iterator[Edit]:
        """Other numbers: exponents, factors, axes."""
        parent = self.parents.get(node)
        negative = isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.USub)
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            near = {value * 2, value / 2, value + 1, value - 1, value * 3, value + 0.5, value - 0.5, 1, 2, 0, -1, 0.5}
            for new in near - {value}:
                plain = int(new) if float(new).is_integer() else new
                yield self.edit(node, repr(plain), f"the number {self.source(node)} should be {plain}")
            if not negative:
                yield self.edit(node, f"-{self.source(node)}", "the sign is turned", 0)
        if negative and parent is not None:
            yield self.edit(parent, self.source(node), "the sign is turned", 0)

    def operators(self, node: ast.expr) -> Iterator[Edit]:
        """Another sign, operands the other way round, one of them too much."""
        if not isinstance(node, ast.BinOp):
            return
        left, right = self.source(node.left, True), self.source(node.right, True)
        sign = self.text[self.at[node.left][1] : self.at[node.right][0]].strip("() ")
        others = {"+": "-", "-": "+", "*": "/@", "/": "*", "@": "*"}.get(sign, "")
        for other in others:
            said = "the sign is turned" if other in "+-" else f"`{other}` should stand for `{sign}`"
            yield self.edit(node, f"{left} {other} {right}", said, 1 if other in "+-" else 2)
        if sign in ("-", "@", "/", "**"):
            said = "the sign is turned" if sign == "-" else f"the sides of `{sign}` are the wrong way round"
            yield self.edit(node, f"{right} {sign} {left}", said)
        if sign in ("*", "/", "+", "-", "@", "**"):
            kind = {"*": "factor", "/": "divisor", "**": "exponent", "@": "factor"}.get(sign, "term")
            yield self.edit(node, self.source(node.left), f"the {kind} {self.source(node.right)} is too much", 1)
            if sign in "*+":
                yield self.edit(node, self.source(node.right), f"the {kind} {self.source(node.left)} is too much", 1)

    def calls(self, node: ast.expr) -> Iterator[Edit]:
        """A function too much, sums for means, other axes, keepdims; `>` for `<`."""
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = self.source(node.left), self.source(node.comparators[0])
            for sign in (">", "<", ">=", "<="):
                yield self.edit(node, f"{left} {sign} {right}", f"`{sign}` should stand there", 2)
        yield from self.products(node)
        if not isinstance(node, ast.Call):
            return
        whole, called = self.source(node), ast.unparse(node.func)
        if len(node.args) == 1 and self.shape(node.args[0]) is not None:
            inner = node.args[0]
            yield self.edit(node, self.source(inner), f"`{whole}` stands where `{self.source(inner)}` should", 1)
        root, _, own = called.rpartition(".")
        for one, other in (
            ("sum", "mean"),
            ("mean", "sum"),
            ("tanh", "cosh"),
            ("sin", "cos"),
            ("cos", "sin"),
            ("var", "std"),
            ("std", "var"),
            ("maximum", "minimum"),
        ):
            if own == one and root:
                yield self.edit(node, whole.replace(f".{one}(", f".{other}(", 1), f"{other} should stand for {one}")
        if own in ("sum", "mean", "var", "max"):
            yield from self.axes(node, whole, root)
        if own in ("dot", "outer", "matmul") and len(node.args) == 2:
            a, b = (self.source(x) for x in node.args)
            yield self.edit(node, f"{called}({b}, {a})", "the factors of the product are the wrong way round")
        elif own == "dot" and len(node.args) == 1 and isinstance(node.func, ast.Attribute):
            a, b = self.source(node.func.value), self.source(node.args[0])
            yield self.edit(node, f"{b}.dot({a})", "the factors of the product are the wrong way round")

    def products(self, node: ast.expr) -> Iterator[Edit]:
        """x.T @ d for d.T @ x, in whatever way products are written."""
        match node:
            case ast.BinOp(left=ast.Attribute(value=a, attr="T"), op=ast.MatMult(), right=b):
                way = "{0}.T @ {1}"
            case ast.Call(func=ast.Attribute(value=ast.Attribute(value=a, attr="T"), attr="dot"), args=[b]):
                way = "{0}.T.dot({1})"
            case ast.Call(func=ast.Attribute(value=ast.Name(), attr="dot" | "matmul"), args=[ast.Attribute(value=a, attr="T"), b]):
                way = ast.unparse(node.func) + "({0}.T, {1})"
            case _:
                return
        yield self.edit(node, way.format(self.source(b, True), self.source(a, True)), "the factors of the product are the wrong way round")

    def axes(self, node: ast.Call, whole: str, root: str) -> Iterator[Edit]:
        """Sums over other axes, with and without axes of size 1 kept."""
        method = root not in ("np", "numpy")
        inner = node.func.value if method and isinstance(node.func, ast.Attribute) else node.args[0] if node.args else None
        shape = self.shape(inner) if inner is not None else None
        if shape is None or inner is None:
            return
        given = next((k.value for k in node.keywords if k.arg == "axis"), None) or next(iter(node.args[0 if method else 1 :]), None)
        was = "all axes" if given is None else f"axis {ast.unparse(given)}"
        keep = any(k.arg == "keepdims" for k in node.keywords)
        options: list[Any] = [*range(len(shape)), *([(0, 1), (0, 2), (1, 2), (0, 2, 3), (0, 1, 2)] if len(shape) > 2 else []), None]
        own = whole[: whole.index("(")] if not method else ast.unparse(node.func)
        for axis in options:
            if isinstance(axis, tuple) and max(axis) >= len(shape):
                continue
            for keeps in dict.fromkeys((keep, not keep)):
                words = [
                    *([self.source(inner)] if not method else []),
                    *([f"axis={axis}"] if axis is not None else []),
                    *(["keepdims=True"] if keeps else []),
                ]
                said = f"it runs over {was}, not {'all axes' if axis is None else f'axis {axis}'}"
                yield self.edit(node, f"{own}({', '.join(words)})", said, 1 if keeps == keep else 2)

    def turned(self, node: ast.expr) -> Iterator[Edit]:
        """A transpose, a sign, a square too few or too many."""
        if isinstance(node, ast.Attribute) and node.attr == "T":
            yield self.edit(node, self.source(node.value, True), f"the transpose of {self.source(node.value)} is too much")
        shape = self.shape(node)
        if shape is None:
            return
        text = self.source(node, True)
        if len(shape) >= 2 and not (isinstance(self.parents.get(node), ast.Attribute)):
            yield self.edit(node, f"{text}.T", f"the transpose of {text} is missing")
        yield self.edit(node, f"-{text}", "the sign is turned", 2)
        yield self.edit(node, f"(1 - {text})", f"`{text}` stands where `1 - {text}` should", 2)
        yield self.edit(node, f"({text} - 1)", f"- 1 is missing after `{text}`", 2)
        yield self.edit(node, f"({text} + 1)", f"+ 1 is missing after `{text}`", 2)
        yield self.edit(node, f"{text}**2", f"{text} should be squared", 2)
        yield self.edit(node, f"np.sqrt({text})", f"the root of {text} is missing", 3)
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            for function in FUNCTIONS:
                yield self.edit(node, function.format(text), f"`{text}` stands where `{function.format(text)}` should", 2)
        if isinstance(node, ast.Name) and len(shape) >= 1:
            for axis in range(len(shape)):
                yield self.edit(node, f"np.sum({text}, axis={axis})", f"the sum over axis {axis} is missing", 3)
                yield self.edit(node, f"np.expand_dims({text}, {axis})", f"an axis of {text} is missing", 3)

    def added(self, node: ast.expr) -> Iterator[Edit]:
        """A small number that should be added, or a size that should divide."""
        if (self.shape(node) is None and not isinstance(self.scope.values.get(node), float | np.floating)) or isinstance(
            node, ast.Constant
        ):
            return
        text = self.source(node)
        above = self.parents.get(node)
        if (isinstance(above, ast.BinOp) and isinstance(above.op, ast.Add | ast.Sub) and not isinstance(node, ast.BinOp | ast.Name)) or (
            isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)
        ):
            for number in ("2", "0.5", "3", "4"):
                yield self.edit(node, f"{number} * {text}", f"the factor {number} is missing", 1)
        for name, value in self.scope.numbers.items():
            if 0 < abs(value) < SMALL:
                yield self.edit(node, f"{text} + {name}", f"{name} is missing", 1)
            elif name.isidentifier() and not isinstance(node, ast.BinOp):
                yield self.edit(node, f"{text} / {name}", f"the division by {name} is missing", 2)
                yield self.edit(node, f"{text} * {name}", f"the factor {name} is missing", 2)

    def slopes(self, node: ast.expr) -> Iterator[Edit]:
        """A factor that is missing: an array, or a slope of a function in terms of one."""
        shape = self.shape(node)
        if not shape or not (node is self.root or isinstance(self.parents.get(node), ast.Call | ast.BinOp)):
            return
        text = self.source(node)
        for name, value in self.scope.arrays.items():
            if name == text or not _beside(value.shape, shape):
                continue
            alike = value.shape in (shape, shape[-1:], (*shape[:-1], 1), (1, *shape[1:]))
            if node is self.root and value.shape == shape and len(shape) == 2:
                for other, second in self.scope.arrays.items():
                    if other != name and second.shape == shape:
                        full = f"{name} * ({other} - np.sum({other} * {name}, axis=1, keepdims=True))"
                        yield self.edit(node, full, "the entries of a softmax beside its diagonal are missing", 3)
            for how in SHAPES if alike else ("{0}",):
                factor = how.format(name).replace("tanh(", "np.tanh(")
                if how == "1 / {0}":
                    yield self.edit(node, f"{text} / {name}", f"the division by {name} is missing", 2)
                else:
                    yield self.edit(node, f"{text} * {factor}", f"the factor {factor} is missing", 2)

    def moved(self, node: ast.expr) -> Iterator[Edit]:
        """A factor that belongs to an array further inside, wherever that is read."""
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
            return
        for factor, rest in ((node.left, node.right), (node.right, node.left)):
            inside = {id(n) for n in ast.walk(factor)}
            if not self.shape(factor):
                continue
            reads = [n for n in ast.walk(self.root) if isinstance(n, ast.Name) and self.shape(n) and id(n) not in inside]
            for name in dict.fromkeys(n.id for n in reads):
                text, (a, b) = self.text, self.at[node]
                places = [(*self.at[n], f"({name} * {self.source(factor, True)})") for n in reads if n.id == name]
                kept_a, kept_b = self.at[rest]
                text = text[:a] + "\0" * (kept_a - a) + text[kept_a:kept_b] + "\0" * (b - kept_b) + text[b:]
                for start, stop, new in sorted(places, reverse=True):
                    text = text[:start] + new + text[stop:]
                yield Edit(
                    0, len(self.text), text.replace("\0", ""), f"the factor {self.source(factor)} belongs to {name}, inside the sums", 2
                )


def _beside(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes broadcast."""
    try:
        np.broadcast_shapes(one, other)
    except ValueError:
        return False
    return True
