"""What a note is made of: its text, its formulas with their places, its links, macros and context blocks."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DISPLAY, INLINE = "display", "inline"


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula of a note.

    Args: `number` (from 1, in the order of places), `latex` (what stands between the signs, without the marks of a quote), `start` and
    `stop` (offsets in the note's text, signs included), `line` and `column` of the start (from 1; in a notebook those of the cell),
    `kind` ("display", "inline"), `pieces` (where runs of the LaTeX begin: offset in it, offset in the note's text), `quote` (the prefix
    of its line, "> "), `headings` (above it, outermost first), `before` (the prose right before it in its paragraph), `mute` (the reason
    that the author gives for keeping quiet about it), `cell` (from 1) and `base` (offset of the cell's source in the note's text),
    `behind` (offset of the line's end behind which a report can stand) and `indent` (what each of its lines begins with).
    """

    number: int
    latex: str
    start: int
    stop: int
    line: int
    column: int
    kind: str = INLINE
    pieces: tuple[tuple[int, int], ...] = ((0, 0),)
    quote: str = ""
    headings: tuple[str, ...] = ()
    before: str = ""
    mute: str | None = None
    cell: int | None = None
    base: int = 0
    behind: int = 0
    indent: str = ""

    @property
    def several_lines(self) -> bool:
        """Whether it runs over more than one line."""
        return "\n" in self.latex

    def at(self, offset: int) -> int:
        """The offset in the note's text of an offset in the LaTeX."""
        own, there = self.pieces[max(bisect_right(self.pieces, (offset, float("inf"))) - 1, 0)]
        return there + offset - own

    def as_dict(self) -> dict[str, Any]:
        """Plain strings, lists and numbers, for JSON. In a notebook offsets are those of the cell's source."""
        return {
            "number": self.number,
            "cell": self.cell,
            "line": self.line,
            "column": self.column,
            "start": self.start - self.base,
            "stop": self.stop - self.base,
            "kind": self.kind,
            "latex": self.latex,
            "quote": self.quote,
            "headings": list(self.headings),
            "muted": self.mute,
        }


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another note: what is named, the heading in it, what is shown, its offset, and the file, if it is in the folder."""

    target: str
    heading: str = ""
    alias: str = ""
    start: int = 0
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """A context block: its text, and where it stands."""

    text: str
    start: int
    stop: int
    line: int


@dataclass(frozen=True)
class Note:
    """A file that was read.

    Args: `path`, `format` ("markdown", "notebook", "latex", "rst"), `text` (decoded, without an old report in it; of a notebook the
    sources of its Markdown cells, one below the other), `formulas`, `macros` (as symbackprop.language.latex.macros has them), `links`,
    `contexts`, `language` ("en", "zh"), `bom` (whether the file begins with the mark of UTF-8), `top` (offset behind the front matter),
    `open` (whether it ends in a code block that is not closed), `root` (the folder in which links are looked up), `starts` (offsets of
    lines), `shown` (spans of formulas, code, comments and the like), `titles` (headings: offset, level, text).
    """

    path: Path
    format: str
    text: str
    formulas: tuple[Formula, ...] = ()
    macros: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    contexts: tuple[Context, ...] = ()
    language: str = "en"
    bom: bool = False
    top: int = 0
    open: bool = False
    root: Path = Path()
    starts: tuple[int, ...] = (0,)
    shown: tuple[tuple[int, int], ...] = ()
    titles: tuple[tuple[int, int, str], ...] = ()

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of an offset in the text."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def under(self, heading: str) -> tuple[Formula, ...]:
        """The formulas under a heading, as a link names it: "Model" or "Networks#Model"; all of them for none, or for a block."""
        wanted = [plain(h) for h in heading.split("#") if h.strip() and h[0] != "^"]
        return tuple(f for f in self.formulas if _leads(wanted, [plain(h) for h in f.headings]))


def plain(title: str) -> str:
    """A heading as links compare it: small letters and digits, the rest as single spaces (GitHub's strokes too)."""
    return " ".join("".join(c if c.isalnum() else " " for c in title.casefold()).split())


def _leads(wanted: list[str], path: list[str]) -> bool:
    """Whether the headings of `wanted` come in this order on the path."""
    rest = iter(path)
    return all(w in rest for w in wanted)
