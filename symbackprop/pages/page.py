"""Documents as plain records of strings, one dialect for each kind of page: what the templates print."""

from symbackprop.errors import NotationError
from symbackprop.pages.dialects.html import Html
from symbackprop.pages.dialects.markdown import Dialect
from symbackprop.pages.dialects.records import Item, Page, Shape
from symbackprop.pages.dialects.tex import Tex
from symbackprop.typesetting.blocks import Block, Box, Chain, Document, Fold, Formulas, Graph, Grid, Heading, Listing, Paragraph
from symbackprop.typesetting.mathml import marking
from symbackprop.typesetting.wording import words

WIDTH, HEIGHT, GAP, RISE = 84, 46, 44, 26
MERMAID = frozenset("end graph flowchart subgraph style linkstyle classdef class click call href default direction".split())  # noqa: SIM905
"""Words of Mermaid, which no box may go by."""


MOST_NAMES = 150
"""So many names of a page are told where a reader points at them."""
DIALECTS = {"markdown": Dialect(), "html": Html(), "latex": Tex()}


def page(document: Document, kind: str) -> Page:
    """The record of a document for the template "markdown", "html" or "latex"."""
    if kind not in DIALECTS:
        raise NotationError(f"no pages of kind '{kind}'", fix=f"one of {', '.join(DIALECTS)}")
    d = DIALECTS[kind]
    legend = [(f"n{k}", node, line) for k, (node, line) in enumerate(document.legend[:MOST_NAMES])]
    with marking({node: name for name, node, _ in legend} if d.marks else {}):
        items = tuple(item(b, d) for b in document.blocks if not (d.appendix and is_aside(b)))
        items += appendix(document, d) if d.appendix else ()
    told = tuple((name, d.line(line)) for name, _, line in legend)
    title = d.told(document.title) if document.own else d.words(document.title)
    return Page(title, d.line(document.subtitle), document.lang, items, d.words(document.foot), told, d.told(document.byline))


def is_aside(block: Block) -> bool:
    """Whether a block is one for an appendix."""
    return isinstance(block, Fold) and bool(block.aside)


def appendix(document: Document, d: Dialect) -> tuple[Item, ...]:
    """What is folded where that can be, at the end."""
    asides = [b for b in document.blocks if isinstance(b, Fold) and b.aside]
    title = Item("appendix", d.words(words(document.lang)["results index"]))
    return (title, *[item(Fold((b.aside,), b.blocks), d) for b in asides]) if asides else ()


def item(block: Block, d: Dialect) -> Item:
    """One block as a record of strings."""
    match block:
        case Heading(text, level):
            return Item(f"heading{level}", d.words(text))
        case Paragraph(line):
            return Item("paragraph", d.line(line))
        case Formulas(nodes):
            return Item("formulas", d.block(nodes))
        case Listing(text):
            return Item("listing", lines=d.listing(text))
        case Grid():
            return d.grid(block)
        case Chain():
            return d.chain(block)
        case Fold(summary, blocks, formula):
            shown = (d.headline(formula),) if formula is not None else ()
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
    return Shape(b.name, key(b.name), d.label(b.node), d.size(b.shape), b.kind, x, y, x + WIDTH // 2)
