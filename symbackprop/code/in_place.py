"""Statements that write into arrays, for a target that has them: updates, slices that are set, entries that are added."""

from collections.abc import Sequence

from symbackprop.arrays.graph import DTYPE
from symbackprop.calculus.index import shape_text
from symbackprop.code.schedule import Step
from symbackprop.code.spelling import ATOM
from symbackprop.code.writing import OPERATORS, Line, Writer, tupled, word_of

DIAGONAL = "on_diagonal"
"""The name of a view of the entries on a diagonal; each is used at once."""


class InPlaceWriter(Writer):
    """Source text of the nodes of a plan, where an array that nothing needs any more may be overwritten."""

    def lines(self) -> list[Line]:
        """Every statement in order; what is large goes as soon as nothing needs it."""
        lines = []
        for step in self.plan.steps:
            lines += self.statement(step)
            if step.dead:
                lines.append(Line(self.call(self.spelling.spell("delete"), [", ".join(step.dead)]), "", step))
        return lines

    def statement(self, step: Step) -> list[Line]:
        """The line or lines that compute one node."""
        node = self.graph[step.node]
        shape = shape_text(node.axes)
        if node.op == "pad":
            filled = self.array(node.info[-1], self.shape(node.axes), self.number(DTYPE))
            made = self.spelling.setting(step.name, self.padded(node), self.text(node.args[0]).text)
            return [Line(f"{step.name} = {filled.text}", shape, step), Line(made, shape, step)]
        if node.op == "gather":
            zeros = self.array("zeros", self.shape(node.axes), self.number(DTYPE))
            value, *grids = (self.text(a).text for a in node.args)
            rows = len(grids) == 1 and len(node.axes) > 1
            added = self.array("add_rows" if rows else "add_at", step.name, tupled(grids), value)
            return [Line(f"{step.name} = {zeros.text}", shape, step), Line(added.text, shape, step)]
        if node.op in ("embed", "on_diagonal"):
            return self.along_diagonal(step, shape)
        if node.op == "store" or step.base is None:
            return super().statement(step)
        name = node.info[0]
        target = self.plan.names[step.base]
        first, other = node.args[0], node.args[-1]
        if name in ("add", "multiply") and first != step.base:
            first, other = other, first
        if target == step.name and name in ("add", "subtract", "multiply", "divide") and first == step.base:
            return [Line(self.updated(target, OPERATORS[name][0], self.text(other).text), shape, step)]
        call = self.call(self.spelling.spell(name), [self.text(a).text for a in node.args])
        call = self.call(self.spelling.spell("out"), [call[:-1], target])
        return [Line(call if target == step.name else f"{step.name} = {call}", shape, step)]

    def stored(self, step: Step) -> list[Line]:
        """A block of a matrix."""
        place, value, axes, plain = self.block(step)
        where = f"{place.rows}, {place.columns}"
        whole = f"{place.matrix}[{where}]"
        whole = whole if plain else self.array("reshape", whole, self.shape(axes)).text
        if place.pattern:
            return self.added(whole, place.pattern, "+", value.text, step)
        array, places = (place.matrix, where) if plain else (whole, "...")
        return [Line(self.spelling.setting(array, places, value.text), "", step)]

    def along_diagonal(self, step: Step, shape: str) -> list[Line]:
        """Entries set, or added, along a diagonal of zeros, or of an array that is there."""
        node = self.graph[step.node]
        name, (pattern, slices) = step.name, node.info[-2:]
        if node.op == "embed":
            first, sign = f"{name} = {self.array('zeros', self.shape(node.axes), self.number(DTYPE)).text}", ""
        else:
            sign = "+" if node.info[0] > 0 else "-"
            whole = self.text(node.args[0])
            text = whole.text if step.base is not None else self.array("copy", whole.within(ATOM)).text
            first = f"{name} = {text}" if text != name else ""
        lines = [Line(first, shape, step)] if first else []
        value = self.text(node.args[-1]).text
        part = f"{name}[{self.slices(slices, node.axes)}]" if slices else name
        if not sign:
            return [*lines, Line(self.spelling.setting(self.diagonal(part, pattern), "...", value), shape, step)]
        return [*lines, *self.added(part, pattern, sign, value, step)]

    def added(self, whole: str, pattern: Sequence[int], sign: str, value: str, step: Step) -> list[Line]:
        """A value added along a diagonal."""
        return [Line(f"{DIAGONAL} = {self.diagonal(whole, pattern)}", "", step), Line(self.updated(DIAGONAL, sign, value), "", step)]

    def updated(self, array: str, sign: str, value: str) -> str:
        """The statement that adds to an array, or multiplies it."""
        return self.call(self.spelling.spell("update"), [array, sign, value])

    def diagonal(self, whole: str, pattern: Sequence[int]) -> str:
        """A view of the entries along a diagonal: of an array, for each axis its place on the diagonal."""
        return self.array("einsum", f'"{word_of(pattern)}->{word_of(range(max(pattern) + 1))}"', whole).text
