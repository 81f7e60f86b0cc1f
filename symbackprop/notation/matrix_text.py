"""Matrix expressions on paper and in NumPy notation.

On paper a sum over an axis is a product with a column of ones, marked with its length, and elementwise products have their own
sign. In NumPy notation (that of the language: log, not np.log) vectors have one axis, and broadcasting stands for the ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import singledispatchmethod

from sympy import Expr, Mul, Pow, S, Symbol
from sympy.printing.str import StrPrinter

from symbackprop.errors import NotationError
from symbackprop.notation import tree
from symbackprop.notation.functions import applied, function, language_names
from symbackprop.notation.index_form import Writer
from symbackprop.notation.matrix import (
    Bracket,
    Called,
    Diag,
    Diagonal,
    Elementwise,
    Eye,
    Hadamard,
    Leaf,
    Map,
    MatMul,
    Ones,
    Plus,
    Scalar,
    Scale,
    SquaredNorm,
    Trace,
    Transpose,
    Unit,
    Value,
)
from symbackprop.term import Entry

MARKS = {"odot": "*", "oslash": "/"}
SUM, TERM, POWER, ATOM = range(4)


def quotient(e: Expr) -> tuple[Expr, Expr]:
    """A scalar as numerator and denominator, as it stands."""
    over, under = S.One, S.One
    for f in Mul.make_args(e):
        if isinstance(f, Pow) and f.exp.could_extract_minus_sign():
            under *= Pow(f.base, -f.exp)
        elif f.is_Rational:
            over, under = over * f.p, under * f.q
        else:
            over *= f
    return over, under


class Typesetter:
    """Matrix expressions as typeset trees."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    @singledispatchmethod
    def node(self, x: Value) -> tree.Node:
        """The typeset form of x."""
        raise NotationError(f"no matrix notation for {type(x).__name__}")

    @node.register
    def _(self, x: Leaf) -> tree.Node:
        return self.writer.names(x.name)

    @node.register
    def _(self, x: Scalar) -> tree.Node:
        return self.writer.expression(x.expr)

    @node.register
    def _(self, x: Ones) -> tree.Node:
        return tree.Labelled(tree.Letter("1", "bold"), (self.writer.expression(x.extent[0]),))

    @node.register
    def _(self, x: Eye) -> tree.Node:
        return tree.Labelled(tree.Letter("I"), (self.writer.expression(x.extent[0]),))

    @node.register
    def _(self, x: Unit) -> tree.Node:
        return tree.Labelled(tree.Letter("e", "bold"), (self.writer.expression(x.place + 1),))

    @node.register
    def _(self, x: Transpose) -> tree.Node:
        return tree.transposed(self.node(x.x))

    @node.register
    def _(self, x: MatMul) -> tree.Node:
        return tree.product(*[self.node(f) for f in x.factors])

    @node.register
    def _(self, x: Hadamard) -> tree.Node:
        return tree.hadamard(self.node(x.first), *[(mark, self.node(v)) for mark, v in x.rest])

    @node.register
    def _(self, x: Plus) -> tree.Node:
        return tree.add(*[(sign, self.node(v)) for sign, v in x.terms])

    @node.register
    def _(self, x: Scale) -> tree.Node:
        factors = [self.node(s) for s in x.scalars]
        if x.coefficient != 1:
            factors.insert(0, self.writer.expression(x.coefficient))
        factors.append(self.node(x.x))
        return tree.product(*[tree.fenced_below(f, tree.Level.PRODUCT) for f in factors])

    @node.register
    def _(self, x: Diag) -> tree.Node:
        return tree.apply(function("diag"), self.node(x.v))

    @node.register
    def _(self, x: Diagonal) -> tree.Node:
        return tree.apply(function("diag"), self.node(x.x))

    @node.register
    def _(self, x: Trace) -> tree.Node:
        return tree.apply(function("trace"), self.node(x.x))

    @node.register
    def _(self, x: SquaredNorm) -> tree.Node:
        kind = (tree.Letter("F"),) if None not in x.x.shape else ()
        return tree.Labelled(tree.Fenced(self.node(x.x), "norm"), kind, tree.Number("2"))

    @node.register
    def _(self, x: Map) -> tree.Node:
        return applied(x.function, *[self.node(a) for a in x.arguments])

    @node.register
    def _(self, x: Bracket) -> tree.Node:
        return tree.indicator(tree.relation(self.node(x.left), (x.mark, self.node(x.right))))

    @node.register
    def _(self, x: Elementwise) -> tree.Node:
        if x.exponent == S.Half:
            return tree.Root(self.node(x.x))
        exponent = tree.Sequence((tree.Mark("odot"), self.writer.expression(x.exponent)))
        return tree.power(tree.fenced_below(self.node(x.x), tree.Level.ATOM), exponent)

    @node.register
    def _(self, x: Called) -> tree.Node:
        if x.op == "inv":
            return tree.Power(tree.power_base(self.node(x.arguments[0])), tree.negative(tree.ONE))
        head = function(x.op)
        along = dict(x.options).get("axis")
        if isinstance(along, int) and along != sum(a is not None for a in x.extent) - 1:
            head = tree.Labelled(head, (tree.Text(f"axis {along}"),))
        return tree.Apply(head, tuple(self.node(a) for a in x.arguments))


class _Plain(StrPrinter):
    """Scalars of the index language as Python text. A bracket that is added or negated is a number there, not a truth value."""

    counted = False

    def _print_Positive(self, e):  # noqa: N802
        return self.bracket(f"{self.stringify(e.args, '')} > 0")

    def _print_NonNegative(self, e):  # noqa: N802
        return self.bracket(f"{self.stringify(e.args, '')} >= 0")

    def bracket(self, condition: str) -> str:
        """1 where the condition holds, else 0."""
        return f"where({condition}, 1, 0)" if self.counted else f"({condition})"

    def _print_Add(self, expr, order=None):  # noqa: N802
        with self.counting(True):
            return super()._print_Add(expr, order)

    def _print_Mul(self, expr):  # noqa: N802
        with self.counting(self.counted or expr.could_extract_minus_sign()):
            return super()._print_Mul(expr)

    @contextmanager
    def counting(self, counted: bool) -> Iterator[None]:
        """Whether brackets are numbers, for a while."""
        before, self.counted = self.counted, counted
        yield
        self.counted = before

    def _print_Function(self, e):  # noqa: N802
        name = type(e).__name__
        return f"{language_names().get(name, name)}({self.stringify(e.args, ', ')})"

    def _print_KroneckerDelta(self, e):  # noqa: N802
        raise NotationError("a delta of fixed indices has no matrix form", source=str(e))


def scalar_text(e: Expr) -> tuple[str, int]:
    """A scalar as text, and how tightly it binds."""
    named = e.xreplace({a: Symbol(str(a) if a.indices else a.name, real=True) for a in e.atoms(Entry)})
    text = _Plain().doprint(named).replace("*", " * ").replace(" *  * ", "**").replace("/", " / ")
    level = SUM if e.is_Add or e.could_extract_minus_sign() else TERM if e.is_Mul or (e.is_Rational and not e.is_Integer) else ATOM
    return text, POWER if isinstance(e, Pow) else level


class Texter:
    """Matrix expressions as NumPy notation; each method gives the text and how tightly it binds."""

    def text(self, x: Value) -> str:
        """x as text."""
        return self.part(x)[0]

    def at(self, x: Value, level: int) -> str:
        """x as text, in brackets if it binds less tightly than `level`."""
        text, own = self.part(x)
        return f"({text})" if own < level else text

    @singledispatchmethod
    def part(self, x: Value) -> tuple[str, int]:
        """The text of x and its level."""
        raise NotationError(f"no NumPy notation for {type(x).__name__}")

    @part.register
    def _(self, x: Leaf) -> tuple[str, int]:
        return x.name, ATOM

    @part.register
    def _(self, x: Scalar) -> tuple[str, int]:
        return scalar_text(x.expr)

    @part.register
    def _(self, x: Ones) -> tuple[str, int]:
        return f"ones({scalar_text(x.extent[0])[0]})", ATOM

    @part.register
    def _(self, x: Eye) -> tuple[str, int]:
        return f"eye({scalar_text(x.extent[0])[0]})", ATOM

    @part.register
    def _(self, x: Unit) -> tuple[str, int]:
        return f"eye({scalar_text(x.extent[0])[0]})[{scalar_text(x.place)[0]}]", ATOM

    @part.register
    def _(self, x: Transpose) -> tuple[str, int]:
        return self.part(x.x) if None in x.shape else (f"{self.at(x.x, ATOM)}.T", ATOM)

    @part.register
    def _(self, x: MatMul) -> tuple[str, int]:
        return self.chain(x.factors)

    def chain(self, factors: tuple[Value, ...]) -> tuple[str, int]:
        """A product: sums for ones, broadcasting for diagonals, outer for a column times a row."""
        if len(factors) == 1:
            return self.part(factors[0])
        first, last = factors[0], factors[-1]
        cut = next((k for k, f in enumerate(factors[:-1], 1) if f.shape[1] is None and factors[k].shape[0] is None), None)
        if cut is not None and factors[cut - 1].shape[1] is None and factors[cut].shape[0] is None and factors[0].shape[0] is not None:
            return f"outer({self.chain(factors[:cut])[0]}, {self.chain(factors[cut:])[0]})", ATOM
        if isinstance(last, Ones):
            rest = factors[:-1]
            if isinstance(rest[0], Transpose) and isinstance(rest[0].x, Ones) and len(rest) == 2:
                return f"{self.at(rest[1], ATOM)}.sum()", ATOM
            return self.summed(rest, 1)
        if isinstance(first, Transpose) and isinstance(first.x, Ones):
            return self.summed(factors[1:], 0)
        if isinstance(first, Diag) and last.shape[1] is not None:
            return f"{self.column(first.v)} * {self.bracketed(factors[1:])}", TERM
        if isinstance(last, Diag) and first.shape[0] is not None:
            return f"{self.bracketed(factors[:-1])} * {self.at(last.v, POWER)}", TERM
        return " @ ".join(self.at(f, TERM if k == 0 and not isinstance(f, Hadamard) else POWER) for k, f in enumerate(factors)), TERM

    def summed(self, factors: tuple[Value, ...], axis: int) -> tuple[str, int]:
        """The sum of a product over its rows (0) or columns (1)."""
        if len(factors) == 1 and isinstance(factors[0], Transpose) and None not in factors[0].shape:
            factors, axis = (factors[0].x,), 1 - axis
        text, level = self.chain(factors)
        held = f"({text})" if level < ATOM else text
        shape = (factors[0].shape[0], factors[-1].shape[1])
        return f"{held}.sum()" if None in shape else f"{held}.sum(axis={axis})", ATOM

    def bracketed(self, factors: tuple[Value, ...]) -> str:
        """A product as an operand."""
        text, level = self.chain(factors)
        return f"({text})" if level < POWER else text

    def column(self, v: Value) -> str:
        """A vector that scales rows."""
        return f"{self.at(v, ATOM)}[:, None]"

    @part.register
    def _(self, x: Hadamard) -> tuple[str, int]:
        text = self.at(x.first, POWER if isinstance(x.first, MatMul) else TERM)
        for mark, v in x.rest:
            text += f" {MARKS[mark]} {self.at(v, POWER)}"
        return text, TERM

    @part.register
    def _(self, x: Plus) -> tuple[str, int]:
        broadcast = [self.broadcast(v) for _, v in x.terms]
        if all(b is not None for b in broadcast) and len(broadcast) > 0 and None not in x.shape:
            # Nothing has the full shape, so the first term must make it.
            broadcast[0] = None
        text = ""
        for (sign, v), short in zip(x.terms, broadcast, strict=True):
            part = short if short is not None else self.at(v, TERM)
            if isinstance(v, Bracket):
                part = f"1 * {part}"  # NumPy adds no truth values, and takes none's opposite
            truth = isinstance(v, Hadamard) and isinstance(v.first, Bracket)
            text += (" + " if sign > 0 else " - ") if text else ("" if sign > 0 else "-1 * " if truth else "-")
            text += part
        return text, SUM

    def broadcast(self, x: Value) -> str | None:
        """A column times ones, or ones times a row, as what broadcasts to it; None for what has its full shape."""
        if isinstance(x, Scale):
            inner = self.broadcast(x.x)
            return None if inner is None else self.scaled(x, inner)
        if isinstance(x, Ones):
            return "1"
        if not isinstance(x, MatMul) or len(x.factors) < 2 or None in x.shape:
            return None
        first, last = x.factors[0], x.factors[-1]
        if isinstance(first, Ones):
            row = x.factors[1:]
            if isinstance(last, Transpose) and isinstance(last.x, Ones) and len(row) == 1:
                return "1"
            text, level = self.chain(row)
            return text if level >= TERM else f"({text})"
        if isinstance(last, Transpose) and isinstance(last.x, Ones):
            text, level = self.chain(x.factors[:-1])
            return f"{text}[:, None]" if level >= ATOM else f"({text})[:, None]"
        return None

    @part.register
    def _(self, x: Scale) -> tuple[str, int]:
        return self.scaled(x, None), TERM

    def scaled(self, x: Scale, inner: str | None) -> str:
        """The multiple, divided at the end; `inner` is the text of x.x where that is broadcast."""
        over, under = quotient(x.coefficient)
        parts = [_held(over, TERM)] if over != 1 else []
        parts += [self.at(s, POWER) for s in x.scalars]
        last = inner if inner is not None else self.at(x.x, POWER if parts else TERM)
        text = " * ".join(parts if parts and last == "1" else [*parts, last])
        return f"{text} / {_held(under, POWER)}" if under != 1 else text

    @part.register
    def _(self, x: Diag) -> tuple[str, int]:
        return f"diag({self.text(x.v)})", ATOM

    @part.register
    def _(self, x: Diagonal) -> tuple[str, int]:
        return f"diagonal({self.text(x.x)})", ATOM

    @part.register
    def _(self, x: Trace) -> tuple[str, int]:
        return f"trace({self.text(x.x)})", ATOM

    @part.register
    def _(self, x: SquaredNorm) -> tuple[str, int]:
        return f"({self.at(x.x, ATOM)}**2).sum()", ATOM

    @part.register
    def _(self, x: Map) -> tuple[str, int]:
        return f"{language_names().get(x.function, x.function)}({', '.join(self.text(a) for a in x.arguments)})", ATOM

    @part.register
    def _(self, x: Bracket) -> tuple[str, int]:
        return f"({self.text(x.left)} {x.mark} {self.text(x.right)})", ATOM

    @part.register
    def _(self, x: Elementwise) -> tuple[str, int]:
        if x.exponent == S.Half:
            return f"sqrt({self.text(x.x)})", ATOM
        return f"{self.at(x.x, ATOM)}**{_held(x.exponent, ATOM)}", POWER

    @part.register
    def _(self, x: Called) -> tuple[str, int]:
        options = "".join(f", {name}={value}" for name, value in x.options)
        return f"{x.op}({', '.join(self.text(a) for a in x.arguments)}{options})", ATOM


def _held(e: Expr, level: int) -> str:
    text, own = scalar_text(e)
    return f"({text})" if own < level else text
