"""Pages in LaTeX: nothing is wider than the page.

Long formulas are broken, and a row that is too wide for its table takes a line for each cell, behind what its column is called.
"""

import re
from collections.abc import Sequence

from symbackprop.pages.dialects.markdown import Dialect
from symbackprop.pages.dialects.records import Item
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Chain, Code, Grid, Line
from symbackprop.typesetting.breaking import INDENT, NONE, SHARE, lined, rows
from symbackprop.typesetting.latex import escape as escape_tex
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.symbols import LETTERS
from symbackprop.typesetting.widths import CODE, ems

GAP = 1.1
"""Between two columns of a table."""
SMALL = 0.92
"""The size of tables."""
LABEL = 7.0
"""What stands before a cell that has a line of its own."""
STEPPED = 2.0
"""How far chains of equations stand in."""
BREAKS = re.compile(r"\\_|[(,.*]")
GREEK = re.compile("[" + "".join(LETTERS) + "]")
MANY = 12
"""More lines than these are no block that stays on one page."""
LINE = "$\\par\\noindent\\hspace*{2em}$\\displaystyle "
ALLOWED = r"\allowbreak{}"
"""Behind what program text may go on on the next line."""


class Tex(Dialect):
    """LaTeX."""

    room = 41.2
    appendix = True

    def words(self, text: str) -> str:
        """Escaped words; a dash that the Latin fonts lack is written in ASCII."""
        return GREEK.sub(lambda found: rf"\ensuremath{{\{LETTERS[found[0]]}}}", escape_tex(text).replace("–", "--"))

    def told(self, text: str) -> str:
        """A user's own words."""
        return self.words(text).replace("^", r"\^{}").replace("~", r"\~{}")

    def code(self, text: str) -> str:
        """Program text within a line."""
        plain = self.told(text)
        return rf"\texttt{{{BREAKS.sub(lambda found: found[0] + ALLOWED, plain)}}}"

    def listing(self, text: str) -> tuple[str, ...]:
        """The lines of a program, each with how far it stands in."""
        made = []
        for line in super().listing(text):
            words = line.lstrip(" ")
            text = self.code(words).replace("  ", r"\ \ ")
            made.append(rf"\codeline{{{len(line) - len(words)}}}{{{text}}}" if words else r"\smallskip")
        return tuple(made)

    def math(self, node: tree.Node) -> str:
        """A formula within a line; fractions keep their size."""
        return rf"$\displaystyle {latex(node)}$" if tree.is_tall(node) else f"${latex(node)}$"

    def formula(self, node: tree.Node) -> str:
        """A formula without what sets it off."""
        return latex(node)

    def block(self, nodes: Sequence[tree.Node]) -> str:
        """Displayed equations with what sets them off, which may go on on the next page."""
        lines = rows(nodes, self.room)
        if len(lines) == 1:
            return f"\\[\n{self.formula(nodes[0])}\n\\]"
        return f"\\begin{{align*}}\n{self.lines(lines)}\n\\end{{align*}}"

    def headline(self, node: tree.Node) -> str:
        """A formula that stays in sight above its steps; of many lines each is one of text, so that the page may end between them."""
        lines = rows((node,), self.room - STEPPED)
        if len(lines) <= MANY:
            return self.display((node,), self.room - STEPPED).replace(r"\begin{aligned}", r"\begin{aligned}[t]", 1)
        return LINE.join(f"{latex(row.left)}{indented(row.indent)}{latex(row.right)}" for row in lines)

    def cell(self, line: Line) -> str:
        """What stands in a cell, with room above and below what is high."""
        return (r"\tall " if is_high(line) else "") + self.line(line)

    def size(self, text: str) -> str:
        """A shape in the picture of the network."""
        return escape_tex(text).replace("×", r"$\times$").replace("*", r"$\cdot$")

    def grid(self, grid: Grid) -> Item:
        """A table. Rows that are too wide for it take the whole width, a line or more for each cell.

        A table that heads its columns with formulas lies on its side where it is too wide.
        """
        header, lines = grid.header, grid.rows
        if total(header, lines) > self.room and all(isinstance(p, tree.Node) for line in header for p in line):
            header, lines = (), tuple(zip(header, *lines, strict=True))
        narrow = list(lines)
        while narrow and total(header, narrow) > self.room:
            narrow.remove(max(narrow, key=lambda row: sum(map(extent, row))))
        made: list[tuple[str, ...]] = []
        for row in lines:
            made.append(tuple(map(self.cell, row)) if row in narrow else (self.spread(header, row),))
        count = len(lines[0]) if lines else len(header)
        return Item("grid", label="l" * count, header=tuple(map(self.cell, header)), rows=tuple(made))

    def spread(self, header: Sequence[Line], cells: Sequence[Line]) -> str:
        """A row of a table as lines: what it is of with what fits beside it, then each cell behind the name of its column."""
        (first, second), rest = cells[:2], cells[2:]
        names = [self.line(name) for name in header[2:]] or [""] * len(rest)
        if extent(first) + extent(second) + GAP <= self.room:
            texts = [rf"{self.cell(first)}\hfill {self.cell(second)}"]
        else:
            texts = [*self.field("", first, 0.0), *self.field("", second, 0.0)]
        for name, cell in zip(names, rest, strict=True):
            texts += self.field(name, cell, LABEL) if cell != ("–",) else []
        return "\\addlinespace\n" + " \\\\*\n".join(rf"\across{{{len(cells)}}}{{{text}}}" for text in texts)

    def field(self, label: str, cell: Line, indent: float) -> list[str]:
        """A cell on lines of its own, the first behind a label."""
        if len(cell) != 1 or not isinstance(cell[0], tree.Node):
            return [rf"\field{{{label}}}{{{self.line(cell)}}}"]
        lines = [rf"$\displaystyle {indented(row.indent)}{latex(row.right)}$" for row in lined(cell[0], self.room / SMALL - indent)]
        if not indent:
            return [rf"\tall {text}" for text in lines]
        return [rf"\field{{{label if k == 0 else ''}}}{{\tall {text}}}" for k, text in enumerate(lines)]

    def chain(self, chain: Chain) -> Item:
        """left = first = second = ..., the rule behind each where there is room for it, else below."""
        beside = ems(chain.left) <= SHARE * self.room / 2
        room = self.room - STEPPED - (ems(chain.left) if beside else STEPPED)
        made: list[tuple[str, str]] = []
        for node, rule in chain.rows:
            lines = lined(tree.Relation(NONE, (("=", node),)), room)
            texts = [f"{indented(row.indent)}{latex(row.right).strip()}" for row in lines]
            made += [*((text, "") for text in texts[:-1]), (texts[-1], self.line(rule))]
        return Item("chain", latex(chain.left), label="beside" if beside else "above", rows=tuple(made))


def indented(indent: float) -> str:
    """The room in front of a line that goes on."""
    return r"\quad " * round(indent / INDENT)


def total(header: Sequence[Line], lines: Sequence[Sequence[Line]]) -> float:
    """The width of a table."""
    columns = zip(*([header] if header else []), *lines, strict=True)
    return sum(max(map(extent, column)) + GAP for column in columns) - GAP


def extent(line: Line) -> float:
    """The width of a cell, in ems of the page's font."""
    return SMALL * sum(
        len(p.text) * CODE if isinstance(p, Code) else ems(p) if isinstance(p, tree.Node) else ems(tree.Text(p)) for p in line
    )


def is_high(line: Line) -> bool:
    """Whether a formula in a cell is higher than a line."""
    return any(isinstance(p, tree.Node) and tree.is_tall(p) for p in line)
