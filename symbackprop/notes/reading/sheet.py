"""What a reader of one format finds in a text: formulas, headings, comments, links; and the formulas made of that, with their places."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from symbackprop.notes.note import INLINE, Context, Formula, Link

QUOTED = re.compile(r"[ \t]*>[ ]?")
QUOTES = re.compile(r"(?:[ \t]*>[ ]?)*")
MUTE = re.compile(r"\s*bp:ok\b[ \t]*:?(.*)", re.DOTALL)
APART = ("#", "---", "===", "```", "~~~", "\\section", "\\subsection", "\\begin", "\\end", "\\newcommand", "\\def")
"""What a line begins with that is no part of a paragraph."""
BEFORE = 160
"""So many characters of the prose before a formula are kept."""


@dataclass(slots=True)
class Spot:
    """A formula where it was found: [start, stop) with its signs, [first, last) without; how deep in quotes."""

    start: int
    stop: int
    first: int
    last: int
    kind: str = INLINE
    depth: int = 0
    behind: int = 0
    indent: str = ""
    mute: str | None = None


@dataclass
class Sheet:
    """The text, the offsets of its lines, and what was found, each in the order of the text."""

    text: str
    spots: list[Spot] = field(default_factory=list)
    titles: list[tuple[int, int, str]] = field(default_factory=list)
    skipped: list[tuple[int, int]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)
    top: int = 0
    open: bool = False

    def __post_init__(self) -> None:
        self.starts = [0, *(m.end() for m in re.finditer("\n", self.text))]

    def line(self, offset: int) -> int:
        """The number of a line, from 0."""
        return bisect_right(self.starts, offset) - 1

    def end(self, line: int) -> int:
        """Where a line ends, before what breaks it."""
        if line + 1 >= len(self.starts):
            return len(self.text)
        stop = self.starts[line + 1] - 1
        return stop - (stop > self.starts[line] and self.text[stop - 1] == "\r")

    def skip(self, start: int, stop: int) -> int:
        """Remember that nothing in [start, stop) is a formula; the result is `stop`."""
        self.skipped.append((start, stop))
        return stop

    def add(self, start: int, stop: int, opened: int, closed: int, kind: str = INLINE, depth: int = 0) -> int:
        """A formula between signs of these lengths; the result is `stop`. One of nothing but spaces is left out."""
        first, last = start + opened, stop - closed
        if self.text[first:last].strip(" \t\r\n>"):
            self.spots.append(Spot(start, stop, first, last, kind, depth))
        return stop

    def comment(self, start: int, stop: int, inner: str) -> int:
        """A comment: skipped, and where it mutes the formula right before it, that formula is muted."""
        found = MUTE.match(inner)
        if found and self.spots and self.line(start) - self.line(max(self.spots[-1].stop - 1, 0)) <= 1:
            between = self.text[self.spots[-1].stop : start]
            if "\n" not in between or not between[between.index("\n") :].strip(" \t\r\n>"):
                self.spots[-1].mute = " ".join(found.group(1).split())
        return self.skip(start, stop)

    def latex(self, spot: Spot) -> tuple[str, tuple[tuple[int, int], ...]]:
        """The LaTeX of a formula without the marks of its quote, and where its runs begin."""
        runs, pieces, length = [], [], 0
        at = spot.first
        while True:
            following = self.text.find("\n", at, spot.last) + 1
            stop = following or spot.last
            runs.append(self.text[at:stop])
            pieces.append((length, at))
            length += stop - at
            if not following:
                break
            at = following
            for _ in range(spot.depth):
                mark = QUOTED.match(self.text, at, spot.last)
                at = mark.end() if mark else at
        if not spot.depth:
            return self.text[spot.first : spot.last], ((0, spot.first),)
        return "".join(runs), tuple(pieces)

    def formulas(self, number: int = 1, base: int = 0, cell: int | None = None) -> list[Formula]:
        """The formulas, numbered from `number`; `base` is the text's offset in that of the whole note."""
        made, path, titles = [], [], iter([*self.titles, (len(self.text) + 1, 0, "")])
        title = next(titles)
        for k, spot in enumerate(self.spots):
            while title[0] <= spot.start:
                path = [t for t in path if t[1] < title[1]] + [title]
                title = next(titles)
            made.append(self._formula(spot, number + k, base, cell, tuple(t[2] for t in path)))
        return made

    def _formula(self, spot: Spot, number: int, base: int, cell: int | None, path: tuple[str, ...]) -> Formula:
        latex, pieces = self.latex(spot)
        line = self.line(spot.start)
        head = self.starts[line]
        quote = QUOTES.match(self.text, head, min(spot.start, head + 200)) if spot.depth else None
        return Formula(
            number=number,
            latex=latex,
            start=base + spot.start,
            stop=base + spot.stop,
            line=line + 1,
            column=spot.start - head + 1,
            kind=spot.kind,
            pieces=tuple((own, base + there) for own, there in pieces),
            quote=quote.group() if quote else "",
            headings=path,
            before=self._before(spot, line),
            mute=spot.mute,
            cell=cell,
            base=base,
            behind=base + spot.behind,
            indent=spot.indent,
        )

    def _before(self, spot: Spot, line: int) -> str:
        """The prose of the paragraph before a formula, its end."""
        start = max(spot.start - 2 * BEFORE, 0)
        while line and self.starts[line] > start:
            above = self.text[self.starts[line - 1] : self.starts[line]].strip(" \t\r\n>")
            if not above or above.startswith(APART):
                break
            line -= 1
        lines = self.text[max(self.starts[line], start) : spot.start].split("\n")
        return " ".join(" ".join(part.lstrip(" \t>") for part in lines).split())[-BEFORE:]

    def shown(self) -> list[tuple[int, int]]:
        """Spans of formulas and of what was skipped, in order."""
        return sorted([(s.start, s.stop) for s in self.spots] + self.skipped)
