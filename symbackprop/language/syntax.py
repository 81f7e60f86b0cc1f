"""The safe parser: text in NumPy notation to syntax trees, by Python's own grammar and a white list. Nothing is ever run.

A budget of characters, tokens and depth stands before `ast.parse`, which itself fails on deep text. `np.exp(x)` is `exp(x)`,
`X.sum(axis=1)` is `sum(X, axis=1)`, `X.T` is a transpose; no other attribute exists.
"""

import ast
import re
import warnings
from collections.abc import Collection, Iterator

from sympy import Rational

from symbackprop.calculus.index import NAME
from symbackprop.errors import ParseError
from symbackprop.language.elsewhere import character_fix, operator_fix, python_word, syntax_fix
from symbackprop.language.hints import FOREIGN, MODULES, NAMED, PARTS
from symbackprop.language.nodes import Call, Claim, Derivative, Dots, Group, Literal, Name, NewAxis, Node, Number, Slice, Span, Subscript
from symbackprop.ops import NUMPY
from symbackprop.ops.entrywise.arithmetic import MOST_DIGITS
from symbackprop.ops.entrywise.elementwise import CONSTANTS

MOST_CHARACTERS = 20_000
MOST_TOKENS = 4_000
MOST_DEPTH = 100

BINARY_OPS = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.MatMult: "matmul",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
    ast.BitAnd: "logical_and",
    ast.BitOr: "logical_or",
}
UNARY_OPS = {ast.USub: "negative", ast.UAdd: "positive", ast.Invert: "logical_not"}
MEASURES = ("shape", "size", "ndim")
DTYPES = ("float16", "float32", "float64", "int32", "int64", "bool_")
"""What a claim may cast a condition to."""
SPREAD = ("reshape", "transpose")
"""Methods that take a tuple also as several arguments: X.reshape(n, 1)."""

QUOTIENT = re.compile(r"(?<![\w.])(d\w+)( */ *)(d\w+)")
JOINT = "·"
"""Stands for the / of a derivative while Python's grammar reads it as a name; no name of the language has it."""
COMMENT = re.compile(r"""("[^"\n]*"|'[^'\n]*')|#[^\r\n]*""")
TOKEN = re.compile(r"\s+|\d[\w.]*|\w+|\*\*|\S")


def parse(text: str, place: str = "the expression", head: str = "") -> Node:
    """The syntax tree of one expression. `head` ("O = ") is shown before the text in errors.

    Raises ParseError with a caret for whatever is not in the language.
    """
    return _Parser(text, place, head).tree()


def parse_claim(text: str, place: str = "the claim", names: Collection[str] = ()) -> Claim:
    """left == right, or left <- right. dJ/dO is a derivative unless `names`, the model's tensors, has both a dJ and a dO.

    Raises ParseError if there is not exactly one == or <- outside brackets.
    """
    marks = _relations(text)
    if len(marks) != 1:
        raise ParseError(
            f"a claim has one == or one <-, this has {len(marks)}",
            place=place,
            source=text,
            spans=[m.span() for m in marks],
            fix='write "dJ/dO == (Yhat - Y) / n", or "W <- W - eta * dJ/dW"',
        )
    mark = marks[0]
    left = _Parser(text[: mark.start()], place, "", names, text, 0).tree()
    right = _Parser(text[mark.end() :], place, "", names, text, mark.end()).tree()
    return Claim(left, mark.group(), right, text)


def _relations(text: str) -> list[re.Match]:
    """Each == and <- outside brackets; at most three, and none in a text too long to be read."""
    depth, found = 0, []
    for m in re.finditer(r"==|<-|[][(){}]", text[: MOST_CHARACTERS + 1]):
        if len(m.group()) == 1:
            depth += 1 if m.group() in "([{" else -1
        elif depth == 0:
            found.append(m)
    return found[:3]


class _Parser:
    """One text on its way to a tree. `whole` and `shift`: the text it is a part of, and where it starts there."""

    def __init__(
        self, text: str, place: str, head: str = "", names: Collection[str] | None = None, whole: str = "", shift: int = 0
    ) -> None:
        self.text, self.place, self.names = text, place, names
        self.whole, self.shift = whole or head + text, shift if whole else len(head)
        # A leading blank is an indentation to Python; lines are joined, since a text may be broken anywhere, so that a
        # comment would swallow the lines after its own.
        self.lead = len(text) - len(text.lstrip())
        plain = COMMENT.sub(lambda m: m.group(1) or " " * len(m.group()), text[self.lead :])
        self.source = re.sub(r"[\r\n\t\f\v]", " ", plain)
        self.quotients: dict[str, tuple[str, tuple[str, ...]]] = {}
        if names is not None:
            self.source = QUOTIENT.sub(self.quotient, self.source)

    def error(self, reason: str, span: Span | None = None, fix: str = "") -> ParseError:
        """An error at `span`, columns of the text."""
        spans = [(span[0] + self.shift, span[1] + self.shift)] if span else []
        return ParseError(reason, place=self.place, source=self.whole, spans=spans, fix=fix)

    def tree(self) -> Node:
        """The tree, after the budget and Python's grammar."""
        self.check_budget()
        if "\0" in self.source:  # a ValueError before Python 3.11.4, a SyntaxError without a place since
            raise self.error("this is not an expression", (len(self.text), len(self.text) + 1), syntax_fix(self.source))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parsed = ast.parse(self.source, mode="eval").body
        except SyntaxError as e:
            column, fix = self.column((e.offset or 1) - 1) if e.offset else len(self.text), syntax_fix(self.source)
            word = python_word(self.source)
            if word and fix.startswith(word[0]):
                column = self.lead + word.start()
            raise self.error("this is not an expression", (column, column + 1), fix) from None
        except (RecursionError, MemoryError, ValueError):
            raise self.error("this is nested too deep, or holds what no text may", fix="split it into several equations") from None
        if _depth(parsed) > MOST_DEPTH:
            raise self.error(f"this is nested more than {MOST_DEPTH} deep", fix="split it into several equations")
        return self.node(parsed)

    def quotient(self, m: re.Match) -> str:
        """A derivative quotient as one name of the same length, so that it binds as one and columns stay."""
        above, stroke, below = m.groups()
        names = self.names or ()
        if {above, below} <= set(names) or JOINT in self.text:
            return m.group()
        parts = _derivative(above, below, names)
        if parts is None:
            if above.startswith("d2") and above[2:] in names:
                span = m.start() + self.lead, m.end() + self.lead
                fix = f"write d2{above[2:]}/dW1dW2, or d2{above[2:]}/dW2 for W twice"
                raise self.error("a second derivative is by two of the model's tensors", span, fix)
            return m.group()
        label = f"{above}{JOINT * len(stroke)}{below}"
        self.quotients[label] = parts
        return label

    def check_budget(self) -> None:
        """Refuse what is empty, too long or too deep, in time linear in the text."""
        if not self.source.strip():
            raise self.error("the expression is empty", (0, 1), "write an expression, such as X @ W.T + b")
        if len(self.text) > MOST_CHARACTERS:
            raise self.error(f"{len(self.text)} characters, the most is {MOST_CHARACTERS}", fix="split it into several equations")
        tokens = depth = run = 0
        for m in TOKEN.finditer(self.source):
            token = m.group()
            if token.isspace():
                continue
            tokens += 1
            depth += (token in "([{") - (token in ")]}")
            run = run + 1 if token in ("-", "+", "~", "**", "not") else 0
            if tokens > MOST_TOKENS or depth > MOST_DEPTH or run > MOST_DEPTH:
                at = m.start() + self.lead
                limit = f"{MOST_TOKENS} tokens" if tokens > MOST_TOKENS else f"{MOST_DEPTH} levels"
                raise self.error(f"this is longer or deeper than {limit}", (at, at + 1), "split it into several equations")

    def column(self, offset: int) -> int:
        """A column of Python's (in bytes of the stripped text) as one of the text."""
        return len(self.source.encode()[:offset].decode(errors="ignore")) + self.lead

    def span(self, node: ast.expr) -> Span:
        """Where a node of Python's stands in the text."""
        return self.column(node.col_offset), self.column(node.end_col_offset or node.col_offset + 1)

    def shifted(self, node: ast.expr) -> Span:
        """The span as a tree keeps it: columns of what the user wrote as one text."""
        start, stop = self.span(node)
        return (start, stop) if self.names is None else (start + self.shift, stop + self.shift)

    def node(self, e: ast.expr) -> Node:
        """The tree of one node of Python's."""
        where = self.shifted(e)
        match e:
            case ast.Constant():
                return self.constant(e)
            case ast.Name():
                if e.id in self.quotients:
                    return Derivative(*self.quotients[e.id], span=where)
                self.check_name(e.id, e)
                return Name(e.id, span=where)
            case ast.UnaryOp() if type(e.op) in UNARY_OPS:
                inner = self.node(e.operand)
                if isinstance(inner, Number) and isinstance(e.operand, ast.Constant):
                    return Number(-inner.value if isinstance(e.op, ast.USub) else inner.value, span=where)
                return Call(UNARY_OPS[type(e.op)], (inner,), span=where, name_span=(where[0], where[0] + 1))
            case ast.BinOp() if type(e.op) in BINARY_OPS:
                return self.binary(BINARY_OPS[type(e.op)], e.left, e.right, where)
            case ast.Compare() if len(e.ops) == 1 and type(e.ops[0]) in BINARY_OPS:
                return self.binary(BINARY_OPS[type(e.ops[0])], e.left, e.comparators[0], where)
            case ast.Compare() if len(e.ops) > 1:
                raise self.error("a chain of comparisons", self.span(e), "compare twice, and multiply")
            case ast.Call():
                return self.call(e)
            case ast.Attribute():
                return self.attribute(e)
            case ast.Subscript():
                items = e.slice.elts if isinstance(e.slice, ast.Tuple) else [e.slice]
                return Subscript(self.node(e.value), tuple(self.item(i) for i in items), span=where)
            case ast.Tuple() | ast.List():
                return _group(tuple(self.node(i) for i in e.elts), where)
        if isinstance(e, ast.BinOp | ast.UnaryOp | ast.Compare):
            raise self.error("this operator is not in the language", self.span(e), operator_fix(e))
        what, fix = NAMED.get(type(e), (f"{type(e).__name__.lower()}", "see the page on notation"))
        raise self.error(f"{what} is not in the language", self.span(e), fix)

    def binary(self, op: str, left: ast.expr, right: ast.expr, where: Span) -> Call:
        """A sign between two operands."""
        a, b = self.node(left), self.node(right)
        return Call(op, (a, b), span=where, name_span=(a.span[1], b.span[0]))

    def check_name(self, name: str, e: ast.expr) -> None:
        """Refuse names that Python keeps for itself, and its modules as values."""
        if name.startswith("__") or not NAME.match(name):
            fix = character_fix(name) or "names are letters, digits and _"
            raise self.error(f"'{name}' is not a name of the language", self.span(e), fix)
        if name in MODULES:
            raise self.error(f"'{name}' alone is nothing", self.span(e), f"write {name}.exp(x), or exp(x)")

    def constant(self, e: ast.Constant) -> Node:
        """A number, exactly as it is written, or what options are made of."""
        where = self.shifted(e)
        value = e.value
        if value is None or isinstance(value, bool | str):
            return Literal(value, span=where)
        if value is Ellipsis:
            return Dots(span=where)
        if isinstance(value, int | float):
            start, stop = self.span(e)
            text = self.source[start - self.lead : stop - self.lead].replace("_", "")
            if not re.fullmatch(r"\d+|(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", text):
                raise self.error(f"'{text}' is not a decimal number", self.span(e), "write it with digits, as in 16 or 0.5 or 1e-3")
            if len(text) <= MOST_DIGITS:
                exact = Rational(text.rstrip(".") if "e" not in text.lower() else _scientific(text))
                if max(abs(exact.p), exact.q) < 10**MOST_DIGITS:
                    return Number(exact, span=where)
            raise self.error(f"a number of more than {MOST_DIGITS} digits", self.span(e), "make it an argument: a tensor without axes")
        raise self.error(f"{type(value).__name__} values are not in the language", self.span(e), "write a decimal number, such as 0.5")

    def item(self, e: ast.expr) -> Node:
        """What stands between the brackets of a subscript."""
        where = self.shifted(e) if hasattr(e, "col_offset") else (0, 0)
        if isinstance(e, ast.Slice):
            start, stop, step = (None if part is None else self.node(part) for part in (e.lower, e.upper, e.step))
            return Slice(start, stop, step, span=where)
        node = self.node(e)
        return NewAxis(span=where) if node == Literal(None) else node

    def call(self, e: ast.Call) -> Node:
        """f(x, axis=1), np.f(x), x.f(axis=1)."""
        where = self.shifted(e)
        first: tuple[Node, ...] = ()
        if isinstance(e.func, ast.Name):
            op = NUMPY.get(e.func.id, e.func.id)
            self.check_name(op, e.func)
        elif isinstance(e.func, ast.Attribute):
            op = NUMPY.get(e.func.attr, e.func.attr)
            if op.startswith("_"):
                raise self.error(f"attributes such as .{op} are not in the language", self.span(e.func), "see the page on notation")
            if not _is_module(e.func.value):
                first = (self.node(e.func.value),)
        else:
            fix = "a product has a sign, * or, of matrices, @; a function is called by its name"
            raise self.error("only a function that has a name can be called", self.span(e.func), fix)
        arguments = tuple(self.node(a) for a in e.args)
        if isinstance(e.func, ast.Name) and op in ("max", "min") and len(arguments) > 1:
            fix = f"write {op}imum(a, b) entry by entry, {op}(a, axis=0) along an axis"
            raise self.error(f"{op} of several values means another thing in Python than in NumPy", self.span(e), fix)
        if first and op in SPREAD and len(arguments) > 1:
            arguments = (_group(arguments, (arguments[0].span[0], arguments[-1].span[1])),)
        options = []
        for k in e.keywords:
            if k.arg is None:
                raise self.error("** is not in the language", self.span(k.value), "name each option")
            if (op, k.arg) != ("einsum", "optimize"):  # how, not what
                options.append((k.arg, self.node(k.value)))
        return Call(op, (*first, *arguments), tuple(options), span=where, name_span=self.shifted(e.func))

    def attribute(self, e: ast.Attribute) -> Node:
        """X.T, X.shape, and the constants np.pi, np.e, np.newaxis."""
        where = self.shifted(e)
        if _is_module(e.value):
            if e.attr == "newaxis":
                return Literal(None, span=where)
            if f"np.{e.attr}" in CONSTANTS:
                return Name(f"np.{e.attr}", span=where)
            if e.attr == "inf":
                return Literal("inf", span=where)
            if self.names is not None and e.attr in DTYPES:
                return Name(f"np.{e.attr}", span=where)
            fix = PARTS.get(e.attr, "of numbers there are np.pi and np.e; functions are called")
            raise self.error(f"{ast.unparse(e)} is no value of the language", self.span(e), fix)
        if e.attr == "T":
            inner = self.node(e.value)
            return Call("transpose", (inner,), span=where, name_span=(where[1] - 2, where[1]))
        if e.attr in MEASURES:
            return Call(e.attr, (self.node(e.value),), span=where, name_span=(where[1] - len(e.attr) - 1, where[1]))
        fix = "of attributes there are .T, .shape, .size and .ndim; methods are called: X.sum()"
        if isinstance(e.value, ast.Name) and e.value.id in FOREIGN:
            fix = f"leave {ast.unparse(e)}. out: of modules there are np and numpy"
        raise self.error(f"attribute .{e.attr} is not in the language", self.span(e), fix)


def _derivative(above: str, below: str, names: Collection[str]) -> tuple[str, tuple[str, ...]] | None:
    """(J, (O,)) of "dJ", "dO"; (J, (A, B)) of "d2J", "dAdB" or "d2J", "dA2"; None if it is no derivative."""
    if below.startswith("d") and len(below) > 1:
        if above.startswith("d2") and len(above) > 2 and (not names or above[2:] in names):
            rest = below[1:]
            if rest.endswith("2") and (rest[:-1] in names or not names):
                return above[2:], (rest[:-1], rest[:-1])
            for k in range(1, len(rest) - 1):
                if rest[k] == "d" and ((rest[:k] in names and rest[k + 1 :] in names) or not names):
                    return above[2:], (rest[:k], rest[k + 1 :])
        one, other = above[1:], below[1:]
        if one.isidentifier() and other.isidentifier() and ({one, other} & set(names) or not names):
            return one, (other,)
    return None


def _group(items: tuple[Node, ...], where: Span) -> Node:
    """Several expressions as one; integers alone are an option's value."""
    if items and all(isinstance(i, Number) and i.value.q == 1 for i in items):
        return Literal(tuple(int(i.value) for i in items if isinstance(i, Number)), span=where)
    return Group(items, span=where)


def _is_module(e: ast.expr) -> bool:
    """np, numpy, and the rooms of NumPy where ops of the language live."""
    rooms: list[str] = []
    while isinstance(e, ast.Attribute):
        rooms.insert(0, e.attr)
        e = e.value
    return isinstance(e, ast.Name) and e.id in MODULES and tuple(rooms) in ((), ("linalg",), ("lib", "stride_tricks"))


def _scientific(text: str) -> str:
    mantissa, exponent = text.lower().split("e")
    return f"{mantissa.rstrip('.')}e{exponent}"


def _depth(tree: ast.AST) -> int:
    """How deep a tree is, counted without recursion."""
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(c, depth + 1) for c in _expressions(node)]
    return deepest


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    return (c for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr | ast.keyword | ast.Slice))
