"""Matrix expressions on paper, as typeset trees.

A sum over an axis is a product with a column of ones, marked with its length, and elementwise products have their own sign.
"""

from dataclasses import replace
from functools import singledispatchmethod

from sympy import Expr, S

from symbackprop.calculus.index import Index
from symbackprop.errors import NotationError
from symbackprop.matrix.building import power_of, transpose
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
from symbackprop.typesetting import tree
from symbackprop.typesetting.functions import applied, function
from symbackprop.typesetting.index_form import Writer, letter, signed
from symbackprop.typesetting.scalar_text import quotient
from symbackprop.typesetting.wording import refusal

SIGNS = {
    "1": ("bold",),
    "e": ("bold", "upright"),
    "I": ("italic", "bold", "upright"),
    "K": ("italic", "bold", "upright"),
    "L": ("italic", "bold", "upright"),
}
"""The styles of the signs of constants, best first: ones, unit columns, the identity, commutation and lower matrices."""


class Typesetter:
    """Matrix expressions as typeset trees."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.letters: dict[Index, str] = {}

    def sign(self, letter: str) -> tree.Letter:
        """The sign of a constant matrix or column: one that no tensor has."""
        return self.writer.names.sign(letter, *SIGNS[letter])

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
        return tree.Labelled(self.sign("1"), (self.writer.expression(x.extent[0]),))

    @node.register
    def _(self, x: Eye) -> tree.Node:
        return tree.Labelled(self.sign("I"), (self.writer.expression(x.extent[0]),))

    @node.register
    def _(self, x: Lower) -> tree.Node:
        return tree.Labelled(self.sign("L"), (self.writer.expression(x.extent[0]),))

    @node.register
    def _(self, x: Unit) -> tree.Node:
        place = letter(self.letters[x.place]) if x.place in self.letters else self.writer.expression(x.place + 1)
        return tree.Labelled(self.sign("e"), (place,))

    @node.register
    def _(self, x: Transpose) -> tree.Node:
        if isinstance(x.x, Inverse):
            return tree.power(self.node(x.x.x), tree.Add(((-1, tree.Mark("top")),)))
        return tree.transposed(self.node(x.x))

    @node.register
    def _(self, x: Inverse) -> tree.Node:
        return tree.power(self.node(x.x), tree.negative(tree.ONE))

    @node.register
    def _(self, x: MatMul) -> tree.Node:
        return tree.product(*[self.node(f) for f in x.factors])

    @node.register
    def _(self, x: Hadamard) -> tree.Node:
        over = [f for f in x.factors if not power_of(f)[1].could_extract_minus_sign()]
        under = [f for f in x.factors if f not in over]
        first, *rest = [*over, *under] if over else x.factors
        marked = [("oslash", self.reciprocal(f)) if f in under else ("odot", self.node(f)) for f in rest]
        return tree.hadamard(self.node(first), *marked)

    def reciprocal(self, x: Value) -> tree.Node:
        """What x divides by."""
        base, exponent = power_of(x)
        return self.node(base if exponent == -1 else Elementwise(base, -exponent))

    @node.register
    def _(self, x: Plus) -> tree.Node:
        return tree.add(*[(sign, self.node(v)) for sign, v in x.terms])

    @node.register
    def _(self, x: Scale) -> tree.Node:
        if x.coefficient == 0:
            return tree.Number("0")
        sign, coefficient = signed(x.coefficient)
        scalars = [*x.scalars, *([x.x] if x.is_scalar else [])]
        below = [s for s in scalars if power_of(s)[1].could_extract_minus_sign()]
        above = [self.node(s) for s in scalars if s not in below]
        last = [] if x.is_scalar else [self.node(x.x)]
        if below:
            over, under = quotient(coefficient)
            first = [] if over == 1 else [self.writer.expression(over)]
            bottom = [*([] if under == 1 else [self.writer.expression(under)]), *[self.reciprocal(s) for s in below]]
            top = tree.product(*first, *above)
            front: list[tree.Node] = [tree.Frac(top, tree.product(*bottom))]
        else:
            first = [] if coefficient == 1 else [self.writer.expression(coefficient)]
            front = [*first, *[tree.Fenced(a) if last and isinstance(a, tree.Product) else a for a in above]]
        made = tree.product(*front, *last)
        return tree.negative(made) if sign < 0 else made

    @node.register
    def _(self, x: Diag) -> tree.Node:
        if power_of(x.v)[1].could_extract_minus_sign():
            return tree.Power(tree.apply(function("diag"), self.reciprocal(x.v)), tree.negative(tree.ONE))
        return tree.apply(function("diag"), self.node(x.v))

    @node.register
    def _(self, x: Diagonal) -> tree.Node:
        return tree.apply(function("diag"), self.node(x.x))

    @node.register
    def _(self, x: Trace) -> tree.Node:
        return tree.apply(function("trace"), self.node(x.x))

    @node.register
    def _(self, x: SquaredNorm) -> tree.Node:
        return self.norm(x.x, S(2))

    def norm(self, x: Value, exponent: Expr) -> tree.Node:
        """A power of Euclid's norm of a vector, or of Frobenius's of a matrix."""
        kind = (tree.Letter("F"),) if None not in x.shape else ()
        above = None if exponent == 1 else self.writer.expression(exponent)
        bars = tree.Fenced(self.node(x), "norm")
        return tree.Labelled(bars, kind, above) if kind or above else bars

    @node.register
    def _(self, x: Map) -> tree.Node:
        return applied(x.function, *[self.node(a) for a in x.arguments], taken=self.writer.names.bases)

    @node.register
    def _(self, x: Bracket) -> tree.Node:
        return tree.indicator(tree.relation(self.node(x.left), (x.mark, self.node(x.right))))

    @node.register
    def _(self, x: Elementwise) -> tree.Node:
        if x.is_scalar and x.exponent.could_extract_minus_sign():
            return tree.Frac(tree.ONE, self.reciprocal(x))
        if x.shape[1] is None and x.exponent.could_extract_minus_sign():
            return tree.hadamard(self.node(Ones(x.shape)), ("oslash", self.reciprocal(x)))
        if isinstance(x.x, SquaredNorm):
            return self.norm(x.x.x, 2 * x.exponent)
        if x.exponent == S.Half:
            return tree.Root(self.node(x.x))
        base = self.node(x.x)
        if isinstance(base, tree.Apply):
            base = tree.Apply(base.function, base.arguments)  # the exponent is that of its value
        exponent = self.writer.expression(x.exponent)
        if x.is_scalar:
            return tree.power(base, exponent)
        exponent = tree.Sequence((tree.Mark("odot"), tree.fenced_below(exponent, tree.Level.PRODUCT)))
        return tree.Power(base, exponent) if isinstance(base, tree.Apply) else tree.power(base, exponent)

    @node.register
    def _(self, x: Called) -> tree.Node:
        # An op along an axis works on each row of a matrix.
        (first, *others) = x.arguments
        order = sum(a is not None for a in first.shape)
        if order == 2 and dict(x.options).get("axis") == 0:
            turned = tree.Apply(function(x.op, self.writer.names.bases), (self.node(transpose(first)), *map(self.node, others)))
            return tree.transposed(turned) if None not in x.shape else turned
        return tree.Apply(function(x.op, self.writer.names.bases), tuple(self.node(a) for a in x.arguments))

    # --- more than two axes --------------------------------------------------------------------------------------------

    @node.register
    def _(self, x: Kron) -> tree.Node:
        return tree.hadamard(self.kron_side(x.left), ("otimes", self.kron_side(x.right)))

    def kron_side(self, x: Value) -> tree.Node:
        """An operand of a Kronecker product; products stand in brackets, and unit columns at their ends tell their sizes."""
        return tree.fenced_below(self.node(self.with_sizes(x)), tree.Level.APPLY)

    def with_sizes(self, x: Value) -> Value:
        """`x` with the identity matrix beside each unit column whose size a Kronecker product would not tell."""
        match x:
            case Plus():
                return Plus(tuple((sign, self.with_sizes(v)) for sign, v in x.terms))
            case Scale():
                return replace(x, x=self.with_sizes(x.x))
        factors = x.factors if isinstance(x, MatMul) else (x,)
        before = (Eye((x.shape[0], x.shape[0])),) if self.is_free(factors[0]) else ()
        behind = (Eye((x.shape[1], x.shape[1])),) if self.is_free(transpose(factors[-1])) else ()
        return MatMul((*before, *factors, *behind)) if before or behind else x

    def is_free(self, x: Value) -> bool:
        """Whether `x` is a unit column whose place is no index of a sum, which would tell its size."""
        return isinstance(x, Unit) and x.place not in self.letters

    @node.register
    def _(self, x: Vec) -> tree.Node:
        return tree.apply(function("vec"), self.node(x.x))

    @node.register
    def _(self, x: Commutation) -> tree.Node:
        sizes = tree.Sequence((self.writer.expression(x.rows), tree.Mark(","), self.writer.expression(x.columns)))
        return tree.Labelled(self.sign("K"), (sizes,))

    @node.register
    def _(self, x: Sum) -> tree.Node:
        before = self.letters
        names = self.writer.letters.extended(before, [x.index])
        self.letters = names
        body = self.node(x.body)
        self.letters = before
        return tree.big_sum(letter(names[x.index]), tree.ONE, self.writer.expression(x.index.axis), body)

    @node.register
    def _(self, x: Row) -> tree.Node:
        return self.writer.names.row(_name(x.x), letter(self.letters[x.at]))

    @node.register
    def _(self, x: Column) -> tree.Node:
        return self.writer.names.column(_name(x.x), letter(self.letters[x.at]))

    @node.register
    def _(self, x: At) -> tree.Node:
        return self.writer.names(_name(x.x), (letter(self.letters[x.at]),))


def _name(x: Value) -> str:
    """The name of what a row, a column or an entry is taken of."""
    if not isinstance(x, Leaf):
        raise refusal("slice")
    return x.name
