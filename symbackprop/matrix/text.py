"""Matrix expressions in NumPy notation: that of the language (log, not np.log), with vec, commutation and slices besides.

Vectors have one axis, and broadcasting stands for columns of ones. A derivative of more than two axes is a matrix.
"""

import re
from collections.abc import Iterable, Sequence
from functools import singledispatchmethod

from sympy import Expr, Mul, S

from symbackprop.calculus.index import Index
from symbackprop.errors import NotationError
from symbackprop.matrix.building import is_ones, matmul, power_of, transpose
from symbackprop.matrix.nodes import (
    At,
    Bracket,
    Called,
    Column,
    Commutation,
    Diag,
    Diagonal,
    Elementwise,
    Eye,
    Hadamard,
    Inverse,
    Kron,
    Leaf,
    Lower,
    Map,
    MatMul,
    Ones,
    Plus,
    Row,
    Scalar,
    Scale,
    SquaredNorm,
    Sum,
    Trace,
    Transpose,
    Unit,
    Value,
    Vec,
)
from symbackprop.matrix.slices import names_in, slices_at
from symbackprop.matrix.truth import begins_with_truth, is_truth, repeated
from symbackprop.memo import remembered
from symbackprop.typesetting.functions import language_names
from symbackprop.typesetting.index_form import signed
from symbackprop.typesetting.scalar_text import ATOM, POWER, SUM, TERM, is_bracket, quotient, scalar_text

TOKEN = re.compile(r"[0-9]+\.[0-9]+|\w+|\*\*|>=|[^\s\w]")
SLICES = "stuvwabcdefg"
"""What the indices of sums are called."""
Letters = Iterable[tuple[Index, str]]
Rows = Iterable[tuple[tuple[str, Index], str]]


class Texter:
    """Matrix expressions as NumPy notation; each method gives the text and how tightly it binds.

    `letters` says what the indices of sums are called, `rows` what the rows at them are, `taken` which letters mean something further out.
    """

    def __init__(self, letters: Letters = (), rows: Rows = (), taken: frozenset[str] = frozenset()) -> None:
        self.letters, self.rows, self.taken = dict(letters), dict(rows), taken

    def text(self, x: Value) -> str:
        """x as text."""
        return self.part(x)[0]

    def at(self, x: Value, level: int) -> str:
        """x as text, in brackets if it binds less tightly than `level`."""
        text, own = self.part(x)
        return f"({text})" if own < level else text

    def inside(self, x: Value) -> str:
        """x as the argument of a function; a condition needs no brackets there."""
        text = self.text(x)
        return text[1:-1] if isinstance(x, Bracket) else text

    def sized(self, e: Expr) -> str:
        """A size or a number as an argument."""
        return scalar_text(e)[0]

    def part(self, x: Value) -> tuple[str, int]:
        """The text of x and its level, found once for all places where what x speaks of is called the same."""
        letters = frozenset((i, self.letters[i]) for i in x.places if i in self.letters)
        rows = frozenset(item for item in self.rows.items() if item[0][1] in x.places)
        named = {*(i for i, _ in letters), *(i for (_, i), _ in rows)}
        return _part(x, letters, rows, self.taken if x.places - named else frozenset())

    @singledispatchmethod
    def written(self, x: Value) -> tuple[str, int]:
        """The text of x and its level, which depend for rows and entries on what their indices are called here."""
        raise NotationError(f"no NumPy notation for {type(x).__name__}")

    @written.register
    def _(self, x: Leaf) -> tuple[str, int]:
        order = sum(a is not None for a in x.shape) + len(x.units)
        places = ", ".join("0" if k in x.units else ":" for k in range(order))
        return (f"{x.name}[{places}]" if x.units else x.name), ATOM

    @written.register
    def _(self, x: Scalar) -> tuple[str, int]:
        return scalar_text(x.expr)

    @written.register
    def _(self, x: Ones) -> tuple[str, int]:
        return f"ones({self.sized(x.extent[0])})", ATOM

    @written.register
    def _(self, x: Eye) -> tuple[str, int]:
        return f"eye({self.sized(x.extent[0])})", ATOM

    @written.register
    def _(self, x: Lower) -> tuple[str, int]:
        size = self.sized(x.extent[0])
        return f"tril(ones(({size}, {size})))", ATOM

    @written.register
    def _(self, x: Unit) -> tuple[str, int]:
        return f"eye({self.sized(x.extent[0])})[{self.letters.get(x.place) or self.sized(x.place)}]", ATOM

    @written.register
    def _(self, x: Transpose) -> tuple[str, int]:
        return self.part(x.x) if None in x.shape else (f"{self.at(x.x, ATOM)}.T", ATOM)

    @written.register
    def _(self, x: Inverse) -> tuple[str, int]:
        return f"inv({self.text(x.x)})", ATOM

    # --- products ----------------------------------------------------------------------------------------------------

    @written.register
    def _(self, x: MatMul) -> tuple[str, int]:
        return self.chain(x.factors)

    def chain(self, factors: Sequence[Value]) -> tuple[str, int]:
        """A product: sums for ones, broadcasting for diagonals, outer for a column times a row."""
        if len(factors) == 1:
            return self.part(factors[0])
        shape = (factors[0].shape[0], factors[-1].shape[1])
        cut = next((k for k in range(1, len(factors)) if factors[k - 1].shape[1] is None and factors[k].shape[0] is None), None)
        if cut is not None:
            right = transpose(matmul(*factors[cut:]))
            return f"outer({self.chain(factors[:cut])[0]}, {self.text(right)})", ATOM
        if isinstance(factors[0], Lower):
            return f"cumsum({self.chain(factors[1:])[0]}{', axis=0' if shape[1] is not None else ''})", ATOM
        if len(factors) == 2 and isinstance(factors[1], Unit):
            # One column, or one row; one entry of what is a row itself.
            x, at = factors[0], self.letters.get(factors[1].place) or self.sized(factors[1].place)
            mark = at if x.shape[0] is None else f":, {at}"
            return f"{self.at(x.x, ATOM)}[{at}]" if isinstance(x, Transpose) else f"{self.at(x, ATOM)}[{mark}]", ATOM
        first, last = is_ones(factors[0]), is_ones(factors[-1])
        if shape == (None, None) and (first or last):
            rest = factors[first : len(factors) - last]
            return f"{self.operand(rest)}.sum()", ATOM
        if last:
            return self.linked([*factors[:-2], (self.summed(factors[-2], 1), ATOM)])
        if first:
            return self.linked([(self.summed(factors[1], 0), ATOM), *factors[2:]])
        return self.linked(factors)

    def operand(self, factors: Sequence[Value]) -> str:
        """A product that something is asked of."""
        text, level = self.chain(factors)
        return f"({text})" if level < ATOM else text

    def summed(self, x: Value, axis: int) -> str:
        """The sum over the rows (0) or columns (1) of a matrix."""
        if isinstance(x, Transpose):
            x, axis = x.x, 1 - axis
        return f"{self.at(x, ATOM)}.sum(axis={axis})"

    def linked(self, factors: Sequence[Value | tuple[str, int]]) -> tuple[str, int]:
        """Factors with @ between them; a diagonal matrix scales rows or columns. Truth values are counted, where NumPy's @ says if any."""
        first, *rest = factors
        if not rest:
            return first if isinstance(first, tuple) else self.part(first)
        if isinstance(first, Diag):
            text, level = self.linked(rest)
            mark, v = self.divisor(first.v)
            column = isinstance(rest[-1], tuple) or rest[-1].shape[1] is None
            scaling = self.at(v, ATOM if not column or mark == "/" else TERM) + ("" if column else "[:, None]")
            if mark == "/":
                return f"{text if level >= TERM else f'({text})'} / {scaling}", TERM
            return f"{scaling} * {text if level >= POWER else f'({text})'}", TERM
        text, truths = "", True
        for k, f in enumerate(factors):
            if isinstance(f, Diag):
                mark, v = self.divisor(f.v)
                truths = truths and is_truth(f)
                text = f"{text} {mark} {self.at(v, POWER)}"
                text = text if k == len(rest) else f"({text})"
                continue
            own, level = f if isinstance(f, tuple) else self.part(f)
            own = own if level >= (POWER if text or isinstance(f, Hadamard | Elementwise) else TERM) else f"({own})"
            truths = truths and not isinstance(f, tuple) and is_truth(f)
            text = f"{'1 * ' if truths else ''}{text} @ {own}" if text else own
            truths = truths and k == 0
        return text, TERM

    def divisor(self, v: Value) -> tuple[str, Value]:
        """What a diagonal matrix multiplies by, or divides by."""
        base, exponent = power_of(v)
        return ("/", _power(base, -exponent)) if exponent.could_extract_minus_sign() else ("*", v)

    @written.register
    def _(self, x: Hadamard) -> tuple[str, int]:
        over = [f for f in x.factors if not power_of(f)[1].could_extract_minus_sign()]
        under = [_power(b, -e) for b, e in map(power_of, x.factors) if e.could_extract_minus_sign()]
        text = " * ".join(self.at(f, TERM if k == 0 and not isinstance(f, MatMul) else POWER) for k, f in enumerate(over)) or "1"
        return text + "".join(f" / {self.at(f, POWER)}" for f in under), TERM

    @written.register
    def _(self, x: Scale) -> tuple[str, int]:
        if x.coefficient == 0:
            sizes = [self.sized(a) for a in x.shape if a is not None]
            return f"zeros({sizes[0] if len(sizes) == 1 else '({})'.format(', '.join(sizes))})", ATOM
        return self.scaled(x, None), TERM

    def scaled(self, x: Scale, inner: str | None) -> str:
        """The multiple, divided at the end; `inner` is the text of x.x where that is broadcast."""
        sign, coefficient = signed(x.coefficient)
        over, under = quotient(coefficient)
        scalars = [power_of(s) for s in (*x.scalars, *([x.x] if x.is_scalar else []))]
        above = [_power(base, e) for base, e in scalars if not e.could_extract_minus_sign()]
        below = [_held(under, POWER)] if under != 1 else []
        below += [self.at(_power(base, -e), POWER) for base, e in scalars if e.could_extract_minus_sign()]
        alone = over == 1 and len(above) == 1 and (x.is_scalar or inner == "1")
        parts = [_held(over, TERM)] if over != 1 else []
        parts += [self.at(s, TERM if alone else POWER) for s in above]
        truths = [_held(f, ATOM) for f in Mul.make_args(over) if is_bracket(f)]
        if sign < 0 and (above and begins_with_truth(above[0]) if over == 1 else any(map(parts[0].startswith, truths))):
            parts[0] = f"1 * {parts[0]}"  # NumPy takes no truth value's opposite
        if not x.is_scalar:
            last = inner if inner is not None else self.at(x.x, TERM)
            if sign < 0 and not parts and begins_with_truth(x.x):
                last = f"1 * {last}"
            parts += [] if last == "1" and parts else [last]
        text = ("-" if sign < 0 else "") + (" * ".join(parts) or "1")
        return f"{text} / {below[0]}" if len(below) == 1 else f"{text} / ({' * '.join(below)})" if below else text

    @written.register
    def _(self, x: Kron) -> tuple[str, int]:
        flat = None in x.shape
        return f"kron({self.wide(x.left, flat)}, {self.wide(x.right, flat)})", ATOM

    def wide(self, x: Value, flat: bool) -> str:
        """An operand of a Kronecker product; a column is a matrix there, unless all is a vector."""
        return self.text(x) if flat or x.shape[1] is not None else f"{self.at(x, ATOM)}[:, None]"

    # --- sums --------------------------------------------------------------------------------------------------------

    @written.register
    def _(self, x: Plus) -> tuple[str, int]:
        short = [self.broadcast(v) for _, v in x.terms]
        kinds = {kind for _, kind in short}
        if not x.is_scalar and "full" not in kinds and not {"column", "row"} <= kinds:
            # None has the full shape, nor have they together, so the first term must make it.
            short[0] = ("", "full")
        text = ""
        for (sign, v), (part, kind) in zip(x.terms, short, strict=True):
            part = self.at(v, TERM) if kind == "full" else part
            if is_truth(v if kind == "full" else repeated(v)):
                part = f"1 * {part}"  # NumPy adds no truth values, and takes none's opposite
            text += (" + " if sign > 0 else " - ") if text else ("" if sign > 0 else "-")
            text += part
        return text, SUM

    def broadcast(self, x: Value) -> tuple[str, str]:
        """A column times ones, ones times a row, or ones alone, as what broadcasts to it, with which it is; else ("", "full")."""
        if isinstance(x, Scale):
            inner, kind = self.broadcast(x.x)
            return ("", "full") if kind == "full" else (self.scaled(x, inner), kind)
        if is_ones(x):
            return "1", "ones"
        if isinstance(x, MatMul) and None not in x.shape and is_ones(x.factors[0]):
            text, level = self.part(transpose(matmul(*x.factors[1:])))
            return (text if level >= TERM else f"({text})"), "row"
        if isinstance(x, MatMul) and None not in x.shape and is_ones(x.factors[-1]):
            text, level = self.chain(x.factors[:-1])
            return (f"{text}[:, None]" if level >= ATOM else f"({text})[:, None]"), "column"
        return "", "full"

    @written.register
    def _(self, x: Sum) -> tuple[str, int]:
        taken = names_in(x) | self.taken
        slices = slices_at(x.body, x.index)
        rows = [r.x.name for r in slices if isinstance(r, Row) and isinstance(r.x, Leaf)]
        small = [name.lower() if len(name) == 1 and name.isupper() else f"{name}_s" for name in rows]
        if rows and len(slices) == len(rows) and not taken & set(small) and len(set(small)) == len(small):
            # Rows alone: each has a name of its own.
            named = {(name, x.index): letter for name, letter in zip(rows, small, strict=True)}
            body = Texter(self.letters.items(), (self.rows | named).items(), self.taken | set(small)).text(x.body)
            run = rows[0] if len(rows) == 1 else f"zip({', '.join(rows)})"
            return f"sum({body} for {', '.join(small)} in {run})", ATOM
        letter = next(c for c in SLICES if c not in taken)
        body = Texter((self.letters | {x.index: letter}).items(), self.rows.items(), self.taken | {letter}).text(x.body)
        return f"sum({body} for {letter} in range({self.sized(x.index.axis)}))", ATOM

    def place(self, i: Index) -> str:
        """What the index of a sum is called."""
        return self.letters.get(i, "s")

    @written.register
    def _(self, x: Row) -> tuple[str, int]:
        if isinstance(x.x, Leaf) and (x.x.name, x.at) in self.rows:
            return self.rows[x.x.name, x.at], ATOM
        return f"{self.at(x.x, ATOM)}[{self.place(x.at)}]", ATOM

    @written.register
    def _(self, x: Column) -> tuple[str, int]:
        return f"{self.at(x.x, ATOM)}[:, {self.place(x.at)}]", ATOM

    @written.register
    def _(self, x: At) -> tuple[str, int]:
        return f"{self.at(x.x, ATOM)}[{self.place(x.at)}]", ATOM

    # --- functions ---------------------------------------------------------------------------------------------------

    @written.register
    def _(self, x: Diag) -> tuple[str, int]:
        return f"diag({self.inside(x.v)})", ATOM

    @written.register
    def _(self, x: Diagonal) -> tuple[str, int]:
        return f"diagonal({self.text(x.x)})", ATOM

    @written.register
    def _(self, x: Trace) -> tuple[str, int]:
        return f"trace({self.text(x.x)})", ATOM

    @written.register
    def _(self, x: Vec) -> tuple[str, int]:
        return f"vec({self.text(x.x)})", ATOM

    @written.register
    def _(self, x: Commutation) -> tuple[str, int]:
        return f"commutation({self.sized(x.rows)}, {self.sized(x.columns)})", ATOM

    @written.register
    def _(self, x: SquaredNorm) -> tuple[str, int]:
        if isinstance(x.x, Leaf) and x.x.shape[1] is None:
            return f"{self.text(x.x)} @ {self.text(x.x)}", TERM
        return f"norm({self.text(x.x)})**2", POWER

    @written.register
    def _(self, x: Map) -> tuple[str, int]:
        # A function of truth values is one of numbers of low precision.
        arguments = [f"1 * {self.at(a, TERM)}" if is_truth(a) else self.text(a) for a in x.arguments]
        return f"{language_names().get(x.function, x.function)}({', '.join(arguments)})", ATOM

    @written.register
    def _(self, x: Bracket) -> tuple[str, int]:
        return f"({self.text(x.left)} {x.mark} {self.text(x.right)})", ATOM

    @written.register
    def _(self, x: Elementwise) -> tuple[str, int]:
        if x.exponent.could_extract_minus_sign():
            return f"1 / {self.at(_power(x.x, -x.exponent), POWER)}", TERM
        if isinstance(x.x, SquaredNorm):
            norm = f"norm({self.text(x.x.x)})"
            return (norm, ATOM) if x.exponent == S.Half else (f"{norm}**{_held(2 * x.exponent, ATOM)}", POWER)
        if x.exponent == S.Half:
            return f"sqrt({self.text(x.x)})", ATOM
        return f"{self.at(x.x, ATOM)}**{_held(x.exponent, ATOM)}", POWER

    @written.register
    def _(self, x: Called) -> tuple[str, int]:
        order = sum(a is not None for a in x.arguments[0].shape)
        wide = sum(a is not None for a in x.shape) == order
        shown = [(k, v) for k, v in x.options if not (wide and k == "axis" and v == order - 1) and (k, v) != ("order", 1)]
        options = "".join(f", {name}={value}" for name, value in shown)
        return f"{x.op}({', '.join(self.text(a) for a in x.arguments)}{options})", ATOM


def _power(base: Value, exponent: Expr) -> Value:
    return base if exponent == 1 else Elementwise(base, exponent)


def _held(e: Expr, level: int) -> str:
    text, own = scalar_text(e)
    return f"({text})" if own < level else text


@remembered
def _part(x: Value, letters: Letters, rows: Rows, taken: frozenset[str]) -> tuple[str, int]:
    """The text and the level of a value among what it speaks of."""
    return Texter(letters, rows, taken).written(x)


@remembered
def tokens(x: Value) -> int:
    """How many tokens the NumPy notation of a value has."""
    return len(TOKEN.findall(Texter().text(x)))
