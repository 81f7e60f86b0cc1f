"""A derivative on paper, in matrix form or index form: its right side, the definitions of its parts, and how to read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from symbackprop.calculus.program import Equation, Program
from symbackprop.matrix.polish import polished
from symbackprop.matrix.tex import Typesetter
from symbackprop.pages.conventions import accents, conventions
from symbackprop.pages.parts import Part, names_of
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Line
from symbackprop.typesetting.functions import function
from symbackprop.typesetting.index_form import Writer
from symbackprop.typesetting.wording import filled, words


@dataclass(frozen=True)
class Written:
    """A derivative with its parts, over the program that names them. A part without a value is written in index form."""

    program: Program
    parts: Sequence[Part]
    whole: Part
    shared: Writer | None = None
    """The writer of the program, where it is there already."""

    @cached_property
    def writer(self) -> Writer:
        """The writer of the program; one, so that all formulas have the same letters."""
        return self.shared or Writer.of(self.program)

    def right_side(self, part: Part) -> tree.Node:
        """What a part is."""
        if part.value is None:
            return self.writer.right_side(part.equation)
        return Typesetter(self.writer).node(polished(part.value))

    def equation(self, part: Part) -> tree.Node:
        """A part as a whole equation."""
        if part.value is None:
            return self.writer.equation(part.equation)
        return tree.relation(left_side(part.equation, self.writer), ("=", self.right_side(part)))

    def reading(self, lang: str) -> list[Line]:
        """Sentences that say how the formulas are to be read, and why one has no matrix form."""
        say = words(lang)
        values = [polished(p.value) for p in (*self.parts, self.whole) if p.value is not None]
        unfolded = self.whole.value is not None and is_unfolded(self.whole.equation)
        names = set().union(*[names_of(p) | {p.name} for p in (*self.parts, self.whole)])
        lines = [*accents(names, self.writer, say), *conventions(values, unfolded, self.writer, say)]
        for p in (*self.parts, self.whole):
            if p.why:
                lines.append(filled(say["no matrix"], result=self.writer.names(p.name), reason=say[f"no matrix {p.why}"]))
        return lines


def is_unfolded(equation: Equation) -> bool:
    """Whether the matrix form of an equation reads several axes as one."""
    return sum(i.axis != 1 for i in equation.indices) > 2


def left_side(equation: Equation, writer: Writer) -> tree.Node:
    """The name of what an equation defines; of a derivative of more than two axes with vec where axes are read as one."""
    name = writer.names(equation.name)
    tensor = equation.tensor
    if not is_unfolded(equation) or not isinstance(name, tree.Derivative):
        return name
    orders = tensor.orders or (len(tensor.axes),)
    if isinstance(name.top, tree.Derivative):
        orders = (sum(orders[:-1]), orders[-1])
    top, *bottoms = [
        tree.apply(function("vec"), node) if order > 1 else node for node, order in zip((name.top, *name.bottoms), orders, strict=True)
    ]
    return tree.Derivative(top, (*bottoms[:-1], tree.transposed(bottoms[-1])))
