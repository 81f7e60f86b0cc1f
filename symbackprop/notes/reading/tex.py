r"""Formulas of a LaTeX document: $, $$, \( \), \[ \] and the environments of displays; comments and verbatim text hold none."""

import re

from symbackprop.notes.note import DISPLAY, INLINE
from symbackprop.notes.reading.sheet import Sheet

DISPLAYS = r"(?:equation|align|alignat|flalign|xalignat|gather|multline|eqnarray|displaymath|math|dmath|empheq)\*?"
VERBATIM = r"(?:verbatim|lstlisting|minted|comment|Verbatim|filecontents|tikzpicture)\*?"
SECTIONS = ("part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph")
TOKEN = re.compile(
    rf"""(?P<comment>%[^\n]*) | (?P<verb>\\verb\*?(?P<bar>[^\w\s*])) | (?P<square>\\\[) | (?P<round>\\\()
    | \\begin\{{(?:(?P<display>{DISPLAYS})|(?P<verbatim>{VERBATIM}))\}}
    | (?P<title>\\(?P<level>{"|".join(SECTIONS)})\*?(?:\[[^\]\n]*\])?\{{)
    | \\[a-zA-Z]+ | \\. | (?P<dollars>\$\$?)""",
    re.VERBOSE | re.DOTALL,
)
BODY = re.compile(r"(?:[^\\$%]|\\.|%[^\n]*)+", re.DOTALL)
GAP = re.compile(r"\n[ \t\r]*\n")
ODD = re.compile(r"(?<!\\)\\(?:\\\\)*\Z")
NESTED = 2000
"""A formula in the text of a formula is looked for in so many characters."""
TITLE = re.compile(r"[^{}\n]*(?:\{[^{}\n]*\}[^{}\n]*)*")


def scan(text: str) -> Sheet:
    """Everything that is found in a LaTeX document."""
    return _Walk(Sheet(text)).all()


class _Walk:
    """`coming` has where a sign was found to come next: it is looked for no second time."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet, self.text = sheet, sheet.text
        self.coming: dict[str, int] = {}
        self.gap = -1

    def all(self) -> Sheet:
        """Walk through the whole text."""
        at = 0
        while match := TOKEN.search(self.text, at):
            kind = next(
                (k for k in ("comment", "verb", "square", "round", "display", "verbatim", "title", "dollars") if match.group(k)), ""
            )
            at = getattr(self, f"_{kind}")(match) if kind else match.end()
        return self.sheet

    def find(self, what: str, at: int) -> int:
        """Where something comes next, or -1."""
        known = self.coming.get(what, 0)
        if known >= 0 and (known < at or not known):
            self.coming[what] = self.text.find(what, at)
        return self.coming[what]

    def paragraph(self, at: int) -> int:
        """Where the next empty line is, which no formula goes over."""
        if at > self.gap:
            found = GAP.search(self.text, at)
            self.gap = found.start() if found else len(self.text)
        return self.gap

    def _comment(self, match: re.Match) -> int:
        return self.sheet.comment(match.start(), match.end(), match.group()[1:])

    def _verb(self, match: re.Match) -> int:
        stop = self.text.find(match.group("bar"), match.end(), self.sheet.end(self.sheet.line(match.end())))
        return self.sheet.skip(match.start(), stop + 1) if stop >= 0 else match.end()

    def _verbatim(self, match: re.Match) -> int:
        final = rf"\end{{{match.group('verbatim')}}}"
        stop = self.find(final, match.end())
        return self.sheet.skip(match.start(), stop + len(final)) if stop >= 0 else match.end()

    def _display(self, match: re.Match) -> int:
        final = rf"\end{{{match.group('display')}}}"
        stop = self.find(final, match.end())
        if stop < 0:
            return match.end()
        wrapped = match.group("display").rstrip("*") in ("equation", "displaymath", "math", "dmath")
        opened, closed = (match.end() - match.start(), len(final)) if wrapped else (0, 0)
        kind = INLINE if match.group("display") == "math" else DISPLAY
        return self.sheet.add(match.start(), stop + len(final), opened, closed, kind)

    def _square(self, match: re.Match) -> int:
        return self.bracketed(match, r"\]", DISPLAY)

    def _round(self, match: re.Match) -> int:
        return self.bracketed(match, r"\)", INLINE)

    def bracketed(self, match: re.Match, final: str, kind: str) -> int:
        """Up to the closing sign, if it comes before an empty line."""
        stop = self.find(final, match.end())
        while stop > 0 and ODD.search(self.text, max(stop - 9, match.end()), stop):
            stop = self.find(final, stop + 1)
        if stop < 0 or stop > self.paragraph(match.end()):
            return match.end()
        return self.sheet.add(match.start(), stop + 2, 2, 2, kind)

    def _title(self, match: re.Match) -> int:
        title = TITLE.match(self.text, match.end())
        self.sheet.titles.append((match.start(), SECTIONS.index(match.group("level")) + 1, title.group().strip() if title else ""))
        return match.end()

    def _dollars(self, match: re.Match) -> int:
        start, stop = match.span()
        sign, gap = match.group(), self.paragraph(stop)
        body = BODY.match(self.text, stop, gap)
        while body and sign == "$" and body.end() < min(gap, stop + NESTED) and self.nested(stop, body.end()):
            body = BODY.match(self.text, body.end() + 1, gap)
        while body and sign == "$$" and not self.text.startswith("$$", body.end()) and body.end() < gap:
            body = BODY.match(self.text, body.end() + 1, gap)
        if not body or not self.text.startswith(sign, body.end()):
            return stop
        return self.sheet.add(start, body.end() + len(sign), len(sign), len(sign), DISPLAY if len(sign) == 2 else INLINE)

    def nested(self, start: int, stop: int) -> bool:
        r"""Whether a dollar stands in \text{...}, and opens a formula within the formula."""
        opened = max(self.text.rfind(word, start, stop) for word in (r"\text{", r"\mbox{", r"\textrm{", r"\hbox{"))
        return opened >= 0 and self.text.count("{", opened, stop) > self.text.count("}", opened, stop)
