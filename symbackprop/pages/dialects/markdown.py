"""Pages in Markdown, for GitHub and Obsidian; and what all dialects share."""

import re
from collections.abc import Sequence
from math import inf

from symbackprop.pages.dialects.records import Item
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Chain, Code, Grid, Line
from symbackprop.typesetting.breaking import NONE, Row, rows
from symbackprop.typesetting.latex import latex

SPECIAL = re.compile(r"[\\`*_{}\[\]()#+!|$~>=^-]")
"""What is a sign of Markdown, somewhere."""


def for_github(text: str) -> str:
    r"""LaTeX in macros that GitHub has: it refuses \operatorname; functions have brackets, so upright letters do as well."""
    return text.replace(r"\operatorname{", r"\mathrm{")


class Dialect:
    """Markdown, and what all dialects share. `room` is how many ems wide a formula may be, `chained` how wide beside a rule."""

    room: float = inf
    chained: float = inf
    appendix = False
    """Whether what is folded elsewhere stands at the end."""
    marks = False
    """Whether names are marked, so that a reader can point at them."""

    def words(self, text: str) -> str:
        """Plain words."""
        return text

    def told(self, text: str) -> str:
        """Words of a user's own, in which nothing is a sign of Markdown or HTML."""
        return SPECIAL.sub(r"\\\g<0>", text).replace("&", "&amp;").replace("<", "&lt;")

    def math(self, node: tree.Node) -> str:
        """A formula within a line."""
        return f"${self.formula(node)}$"

    def code(self, text: str) -> str:
        """Program text within a line."""
        return f"`{text}`"

    def listing(self, text: str) -> tuple[str, ...]:
        """The lines of a program."""
        return tuple(text.strip("\n").split("\n"))

    def formula(self, node: tree.Node) -> str:
        """A formula without what sets it off."""
        return for_github(latex(node))

    def display(self, nodes: Sequence[tree.Node], room: float | None = None) -> str:
        """Displayed equations, aligned at the first relation, on lines no wider than `room` (of the dialect)."""
        lines = rows(nodes, self.room if room is None else room)
        if len(lines) == 1:
            return self.formula(nodes[0])
        return f"\\begin{{aligned}}\n{self.lines(lines)}\n\\end{{aligned}}"

    def lines(self, lines: Sequence[Row]) -> str:
        """Lines of aligned equations."""
        return " \\\\\n".join(self.row(one) for one in lines)

    def row(self, row: Row) -> str:
        """A line of aligned equations."""
        quads = (r"\quad" if row.indent else "") + r"\quad" * (round(row.indent) - 1)
        right = self.formula(row.right).strip()
        return f"{self.formula(row.left)} &{quads} {right}".strip()

    def block(self, nodes: Sequence[tree.Node]) -> str:
        """Displayed equations as a block of their own."""
        return self.display(nodes)

    def headline(self, node: tree.Node) -> str:
        """A formula that stays in sight above what is folded."""
        return self.display((node,))

    def cell(self, line: Line) -> str:
        """What stands in a cell of a table."""
        return self.line(line)

    def grid(self, grid: Grid) -> Item:
        """A table."""
        return Item("grid", header=tuple(map(self.cell, grid.header)), rows=tuple(tuple(map(self.cell, r)) for r in grid.rows))

    def chain(self, chain: Chain) -> Item:
        """left = first = second = ..., a line for each, with its rule."""
        left, made = chain.left, []
        for node, rule in chain.rows:
            made.append((self.display((tree.Relation(left, (("=", node),)),), self.chained), self.line(rule)))
            left = NONE
        return Item("chain", rows=tuple(made))

    def label(self, node: tree.Node) -> str:
        """A name in the picture of the network."""
        return latex(node)

    def size(self, text: str) -> str:
        """A shape in the picture of the network."""
        return text

    def line(self, line: Line) -> str:
        """Words, formulas and code in a row."""
        made = []
        for part in line:
            if isinstance(part, str):
                made.append(self.words(part))
            elif isinstance(part, Code):
                made.append(self.code(part.text))
            else:
                made.append(self.math(part))
        return "".join(made)
