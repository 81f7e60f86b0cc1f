"""What a document is made of, before it is Markdown, HTML or LaTeX: blocks of words, formulas (typeset trees) and code."""

from dataclasses import dataclass, replace

from symbackprop.typesetting.tree import Node


@dataclass(frozen=True)
class Code:
    """Program text within a line."""

    text: str


Part = str | Node | Code
Line = tuple[Part, ...]
"""Words, formulas and code in a row."""


@dataclass(frozen=True)
class Heading:
    """A heading of level 2 or 3."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of text."""

    line: Line


@dataclass(frozen=True)
class Formulas:
    """Displayed equations, aligned at their first relation sign."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Listing:
    """Lines of a program."""

    text: str


@dataclass(frozen=True)
class Grid:
    """A table."""

    header: tuple[Line, ...]
    rows: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True)
class Chain:
    """left = first = second = ..., each with the rule that led to it, in words of which the first names it."""

    left: Node
    rows: tuple[tuple[Node, Line], ...]


@dataclass(frozen=True)
class Fold:
    """Details under a summary of words, which may follow a formula that stays in sight.

    What is an `aside` stands in an appendix, under that title, where nothing can be folded.
    """

    summary: Line
    blocks: tuple["Block", ...]
    formula: Node | None = None
    aside: str = ""


@dataclass(frozen=True)
class Box:
    """A tensor in the picture of the network: its name, formula, shape, kind, and place in columns and rows."""

    name: str
    node: Node
    shape: str
    kind: str
    column: int
    row: int


@dataclass(frozen=True)
class Graph:
    """The network: boxes, and arrows between their names."""

    boxes: tuple[Box, ...]
    arrows: tuple[tuple[str, str], ...]


Block = Heading | Paragraph | Formulas | Listing | Grid | Chain | Fold | Graph


@dataclass(frozen=True)
class Document:
    """A whole document in one language. `byline` is who wrote it, and when, as its author has it; `own`: so is the title.

    `legend`: names of tensors, and what is said of each where a reader points at it.
    """

    title: str
    subtitle: Line
    lang: str
    blocks: tuple[Block, ...]
    foot: str
    legend: tuple[tuple[Node, Line], ...] = ()
    byline: str = ""
    own: bool = False

    def signed(self, title: str, *byline: str) -> "Document":
        """This document with an author's title, if there is one, and what is known of author and date."""
        return replace(self, title=title or self.title, own=bool(title), byline=" · ".join(filter(None, byline)))
