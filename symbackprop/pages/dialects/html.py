"""Pages in HTML, with their mathematics as MathML."""

from collections.abc import Sequence
from html import escape as escape_html

from symbackprop.pages.dialects.markdown import Dialect
from symbackprop.typesetting import tree
from symbackprop.typesetting.breaking import NONE, Row, rows
from symbackprop.typesetting.mathml import element, mathml

LEFT = '<mtd style="text-align: left; text-align: -webkit-left">'
RIGHT = '<mtd style="text-align: right; text-align: -webkit-right">'
"""Cells of aligned equations; Chromium centres the cells of a table of mathematics against the plain word."""


class Html(Dialect):
    """HTML with MathML."""

    room = 42.0
    chained = 29.0
    marks = True

    def words(self, text: str) -> str:
        """Escaped words."""
        return escape_html(text)

    def told(self, text: str) -> str:
        """A user's own words."""
        return self.words(text)

    def math(self, node: tree.Node) -> str:
        """A formula within a line."""
        return mathml(node)

    def code(self, text: str) -> str:
        """Program text within a line."""
        return f"<code>{escape_html(text)}</code>"

    def listing(self, text: str) -> tuple[str, ...]:
        """The lines of a program."""
        return tuple(map(escape_html, super().listing(text)))

    def formula(self, node: tree.Node) -> str:
        """A formula on a line of its own."""
        return mathml(node, display=True)

    def display(self, nodes: Sequence[tree.Node], room: float | None = None) -> str:
        """One formula, or a table that aligns several lines at the first relation."""
        lines = rows(nodes, self.room if room is None else room)
        if len(lines) == 1:
            return self.formula(nodes[0])
        made = "".join(f"<mtr>{self.left(one)}{LEFT}{self.right(one)}</mtd></mtr>" for one in lines)
        table = f'<mtable displaystyle="true" class="aligned">{made}</mtable>'
        return f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">{table}</math>'

    def left(self, row: Row) -> str:
        """The cell before the alignment."""
        return "<mtd></mtd>" if row.left == NONE else f"{RIGHT}{element(row.left)}</mtd>"

    def right(self, row: Row) -> str:
        """What stands behind the alignment."""
        space = f'<mspace width="{row.indent:g}em"></mspace>' if row.indent else ""
        return space + element(row.right)

    def label(self, node: tree.Node) -> str:
        """A name in the picture."""
        return mathml(node)
