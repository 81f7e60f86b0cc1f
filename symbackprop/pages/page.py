"""Documents as plain records of strings, one dialect for each kind of page: what the templates print."""

from dataclasses import dataclass
from html import escape as escape_html

from symbackprop.errors import NotationError
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Block, Box, Chain, Code, Document, Fold, Formulas, Graph, Grid, Heading, Line, Paragraph
from symbackprop.typesetting.latex import escape as escape_tex
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.lines import WIDEST, width
from symbackprop.typesetting.mathml import element, mathml

WIDTH, HEIGHT, GAP, RISE = 84, 46, 44, 26
MERMAID = frozenset("end graph flowchart subgraph style linkstyle classdef class click call href default direction".split())  # noqa: SIM905
"""Words of Mermaid, which no box may go by."""
FEW = 4
"""So many lines of equations need not be parted by the end of a page."""
LEFT = '<mtd style="text-align: left; text-align: -webkit-left">'
RIGHT = '<mtd style="text-align: right; text-align: -webkit-right">'
"""Cells of aligned equations; Chromium centres the cells of a table of mathematics against the plain word."""


def for_github(text: str) -> str:
    r"""LaTeX in macros that GitHub has: it refuses \operatorname; functions have brackets, so upright letters do as well."""
    return text.replace(r"\operatorname{", r"\mathrm{")


@dataclass(frozen=True)
class Shape:
    """A box of the picture: its corner, its middle, its name and label, its shape, its kind, and the key that arrows go by."""

    name: str
    key: str
    label: str
    shape: str
    kind: str
    x: int
    y: int
    middle: int


@dataclass(frozen=True)
class Item:
    """One block as strings. `kind` says which of the other fields are filled."""

    kind: str
    text: str = ""
    lines: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    items: tuple["Item", ...] = ()
    shapes: tuple[Shape, ...] = ()
    arrows: tuple[tuple[str, ...], ...] = ()
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Page:
    """A whole page: title, a line below it, language ("en", "zh"), blocks, a last line."""

    title: str
    subtitle: str
    lang: str
    items: tuple[Item, ...]
    foot: str


class Dialect:
    """Markdown, and what all dialects share."""

    def words(self, text: str) -> str:
        """Plain words."""
        return text

    def math(self, node: tree.Node) -> str:
        """A formula within a line."""
        return f"${self.formula(node)}$"

    def code(self, text: str) -> str:
        """Program text within a line."""
        return f"`{text}`"

    def formula(self, node: tree.Node) -> str:
        """A formula without what sets it off."""
        return for_github(latex(node))

    def display(self, nodes: tuple[tree.Node, ...]) -> str:
        """Displayed equations, aligned at the first relation."""
        if len(nodes) == 1:
            return self.formula(nodes[0])
        rows = " \\\\\n".join(self.aligned(n) for n in nodes)
        return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"

    def block(self, nodes: tuple[tree.Node, ...]) -> str:
        """Displayed equations as a block of their own."""
        return self.display(nodes)

    def aligned(self, node: tree.Node) -> str:
        """A line of aligned equations."""
        if not isinstance(node, tree.Relation):
            return f"& {self.formula(node)}"
        text, first = self.formula(node), self.formula(node.first)
        return f"{first} &{text[len(first) :]}"

    def cell(self, line: Line) -> str:
        """What stands in a cell of a table."""
        return self.line(line)

    def linked(self, node: tree.Node) -> str:
        """A line of a chain of equations."""
        return self.formula(node)

    def label(self, node: tree.Node) -> str:
        """A name in the picture of the network."""
        return latex(node)

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


class Html(Dialect):
    """HTML with MathML."""

    def words(self, text: str) -> str:
        """Escaped words."""
        return escape_html(text)

    def math(self, node: tree.Node) -> str:
        """A formula within a line."""
        return mathml(node)

    def code(self, text: str) -> str:
        """Program text within a line."""
        return f"<code>{escape_html(text)}</code>"

    def formula(self, node: tree.Node) -> str:
        """A formula on a line of its own."""
        return mathml(node, display=True)

    def display(self, nodes: tuple[tree.Node, ...]) -> str:
        """One formula, or a table that aligns several at the first relation."""
        if len(nodes) == 1:
            return self.formula(nodes[0])
        rows = []
        for n in nodes:
            left, right = (n.first, n.rest) if isinstance(n, tree.Relation) else (None, ())
            if left is None:
                rows.append(f"<mtr><mtd></mtd>{LEFT}{element(n)}</mtd></mtr>")
            else:
                after = element(tree.Relation(tree.Sequence(()), right))
                rows.append(f"<mtr>{RIGHT}{element(left)}</mtd>{LEFT}{after}</mtd></mtr>")
        table = f'<mtable displaystyle="true" class="aligned">{"".join(rows)}</mtable>'
        return f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">{table}</math>'

    def label(self, node: tree.Node) -> str:
        """A name in the picture."""
        return mathml(node)


class Tex(Dialect):
    """LaTeX."""

    def words(self, text: str) -> str:
        """Escaped words; a dash that the Latin fonts lack is written in ASCII."""
        return escape_tex(text).replace("–", "--")

    def code(self, text: str) -> str:
        """Program text within a line."""
        return rf"\texttt{{{escape_tex(text).replace('^', chr(92) + '^{}').replace('~', chr(92) + '~{}')}}}"

    def math(self, node: tree.Node) -> str:
        """A formula within a line; fractions keep their size."""
        return rf"$\displaystyle {latex(node)}$" if tree.is_tall(node) else f"${latex(node)}$"

    def formula(self, node: tree.Node) -> str:
        """A formula without what sets it off."""
        return latex(node)

    def block(self, nodes: tuple[tree.Node, ...]) -> str:
        """Displayed equations with what sets them off; several may go on on the next page; what is wider than a page is made smaller."""
        if len(nodes) <= FEW and max(map(width, nodes)) > WIDEST:
            return f"\\[\n\\fit{{{self.display(nodes)}}}\n\\]"
        if len(nodes) == 1:
            return f"\\[\n{self.formula(nodes[0])}\n\\]"
        rows = " \\\\\n".join(self.aligned(n) for n in nodes)
        return f"\\begin{{align*}}\n{rows}\n\\end{{align*}}"

    def cell(self, line: Line) -> str:
        """What stands in a cell, with room above and below what is high."""
        tall = any(isinstance(p, tree.Node) and tree.is_tall(p) for p in line)
        return (r"\tall " if tall else "") + self.line(line)

    def linked(self, node: tree.Node) -> str:
        """A line of a chain, aligned at its relation."""
        return self.aligned(node)


DIALECTS = {"markdown": Dialect(), "html": Html(), "latex": Tex()}


def page(document: Document, kind: str) -> Page:
    """The record of a document for the template "markdown", "html" or "latex"."""
    if kind not in DIALECTS:
        raise NotationError(f"no pages of kind '{kind}'", fix=f"one of {', '.join(DIALECTS)}")
    d = DIALECTS[kind]
    items = tuple(item(b, d) for b in document.blocks)
    return Page(d.words(document.title), d.line(document.subtitle), document.lang, items, d.words(document.foot))


def item(block: Block, d: Dialect) -> Item:
    """One block as a record of strings."""
    match block:
        case Heading(text, level):
            return Item(f"heading{level}", d.words(text))
        case Paragraph(line):
            return Item("paragraph", d.line(line))
        case Formulas(nodes):
            return Item("formulas", d.block(nodes))
        case Grid(header, rows):
            return Item("grid", header=tuple(map(d.cell, header)), rows=tuple(tuple(map(d.cell, r)) for r in rows))
        case Chain(left, rows):
            first = [tree.relation(left, ("=", rows[0][0]))] + [tree.Relation(tree.Sequence(()), (("=", n),)) for n, _ in rows[1:]]
            return Item("chain", rows=tuple((d.linked(n), d.line(rule)) for n, (_, rule) in zip(first, rows, strict=True)))
        case Fold(summary, blocks, formula):
            shown = (d.display((formula,)),) if formula is not None else ()
            return Item("fold", d.line(summary), lines=shown, items=tuple(item(b, d) for b in blocks))
        case Graph():
            return graph(block, d)
    raise NotationError(f"no page has a {type(block).__name__}")


def graph(block: Graph, d: Dialect) -> Item:
    """The network: boxes with coordinates, arrows as pairs of names and as paths between boxes."""
    top = min(b.row for b in block.boxes)
    places = {b.name: b for b in block.boxes}
    shapes = tuple(_shape(b, top, d) for b in block.boxes)
    corner = {s.name: (s.x, s.y) for s in shapes}
    arrows = []
    for a, b in block.arrows:
        (x0, y0), (x1, y1) = corner[a], corner[b]
        if places[a].column == places[b].column:
            # A leaf above its equation: boxes in between are passed on the left.
            start, end = (x0 + 10, y0 + HEIGHT), (x1 + 10, y1)
            if places[b].row - places[a].row > 1:
                side = x0 - 14
                way = f"M{x0} {y0 + HEIGHT // 2}H{side}V{y1 + HEIGHT // 2}H{x1}"
            else:
                way = f"M{start[0] + WIDTH // 2 - 10} {start[1]}V{end[1]}"
        elif places[b].column - places[a].column == 1 and y0 == y1:
            way = f"M{x0 + WIDTH} {y0 + HEIGHT // 2}H{x1}"
        else:
            low = y0 + HEIGHT + RISE + 12
            m0, m1 = x0 + WIDTH // 2, x1 + WIDTH // 2
            way = f"M{m0} {y0 + HEIGHT}C{m0} {low} {m1} {low} {m1} {y1 + HEIGHT}"
        arrows.append((key(a), key(b), way))
    width = max(s.x for s in shapes) + WIDTH + GAP // 2
    height = max(s.y for s in shapes) + HEIGHT + GAP
    return Item("graph", shapes=shapes, arrows=tuple(arrows), width=width, height=height)


def key(name: str) -> str:
    """What arrows call a box."""
    return f"tensor_{name}" if name.lower() in MERMAID else name


def _shape(b: Box, top: int, d: Dialect) -> Shape:
    x = GAP // 2 + b.column * (WIDTH + GAP)
    y = 8 + (b.row - top) * (HEIGHT + RISE)
    return Shape(b.name, key(b.name), d.label(b.node), b.shape, b.kind, x, y, x + WIDTH // 2)
