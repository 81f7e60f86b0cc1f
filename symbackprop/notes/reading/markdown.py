r"""Formulas of Markdown as Obsidian, GitHub, Pandoc and Jupyter write it.

One walk from the first character to the last. What closes a sign is looked for once, and no farther than its paragraph reaches, so that
a megabyte of signs that nothing closes takes no longer than a megabyte of prose.
"""

import re
from bisect import bisect_left
from urllib.parse import unquote

from symbackprop.notes.note import DISPLAY, INLINE, Context, Link
from symbackprop.notes.reading.places import anchors
from symbackprop.notes.reading.sheet import QUOTED, Sheet

FRONT = re.compile(r"---[ \t]*\r?\n(?=[ \t]*(?:[^\s:#-][^\n:]*:|#|---|\.\.\.|-[ \t]))(?:[^\n]*\n)*?(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)")
PREFIX = re.compile(r"(?:[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])(?=[ \t])))*[ \t]*")
QUOTES = re.compile(r"(?:[ \t]*>)*[ \t]*")
INDENT = re.compile(r"[ \t]*")
ITEM = re.compile(r"([ \t]*)(?:[-*+]|\d{1,9}[.)])[ \t]+")
FENCE = re.compile(r"(`{3,}(?=[^`\n]*$)|~{3,})[ \t]*([^\n]*)", re.MULTILINE)
TITLE = re.compile(r"(#{1,6})(?:[ \t]+([^\n]*))?$", re.MULTILINE)
UNDER = re.compile(r"(=+|-+)[ \t]*\r?$", re.MULTILINE)
TOKEN = re.compile(
    r"""(?P<begin>\\begin\{(?P<name>(?:equation|align|alignat|flalign|gather|multline|eqnarray|displaymath|math)\*?)\})
    | (?P<square>\\\[) | (?P<round>\\\() | (?P<kramdown>\\\\\[) | (?P<within>\\\\\()
    | \\. | (?P<ticks>`+) | (?P<dollars>\$+) | (?P<html><!--) | (?P<hidden>%%)
    | (?P<raw><(?P<tag>code|pre|script|style)\b[^<>\n]*>) | (?P<wiki>!?\[\[(?P<target>[^\[\]\n|]*)(?:\|(?P<alias>[^\[\]\n]*))?\]\])
    | (?P<link>(?<=\])\((?P<url>[^()\s]+)(?:[ \t]+"[^"\n]*")?\)) | https?://[^\s<>，。、）]*""",
    re.VERBOSE | re.DOTALL,
)
BODY = re.compile(r"(?:[^\\$]|\\.)+", re.DOTALL)
CLOSED = {
    "dollars": re.compile(r"(?:[^\\$]|\\.|\$(?!\$))+?(?=\$\$)", re.DOTALL),
    "square": re.compile(r"(?:[^\\]|\\[^\]])*?(?=\\\])", re.DOTALL),
    "round": re.compile(r"(?:[^\\]|\\[^)])*?(?=\\\))", re.DOTALL),
    "kramdown": re.compile(r"(?:[^\\]|\\(?!\\\]))*?(?=\\\\\])", re.DOTALL),
    "within": re.compile(r"(?:[^\\]|\\(?!\\\)))*?(?=\\\\\))", re.DOTALL),
}
FAR = 60
"""A display whose signs stand on lines of their own may hold empty lines, but is no longer than this."""
CELL = re.compile(r"(?<!\\)\|")
SIGNS, PROSE = re.compile(r"[\\=^_&{}<>+|]"), re.compile(r"[A-Za-z]{2,},? [A-Za-z]{2,}|[\u3040-\u9fff]")


def scan(text: str) -> Sheet:
    """Everything that is found in a Markdown text."""
    sheet = Sheet(text)
    _Walk(sheet).all()
    return sheet


class _Walk:
    """`last` says for each line that was walked through in which line its paragraph ends, `items` how far list items are indented,
    `hopeless` up to where it is known that a sign is not closed, `ticks` where runs of so many backticks begin.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet, self.text = sheet, sheet.text
        self.items: list[int] = []
        self.indents: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self.hopeless: dict[str, int] = {}
        self.filled_to = -1
        self.known = (-1, 0, 0)
        self.ticks: dict[int, list[int]] = {}
        for match in re.finditer("`+", self.text):
            self.ticks.setdefault(len(match.group()), []).append(match.start())

    def all(self) -> None:
        """Walk through the whole text."""
        front = FRONT.match(self.text)
        at = self.sheet.top = self.sheet.skip(0, front.end()) if front else 0
        while at < len(self.text):
            at = self.block(at)
        anchors(self.sheet, self.last, self.indents)

    def block(self, at: int) -> int:
        """One block that begins at `at`; where the next begins."""
        line = self.sheet.line(at)
        head, stop = self.sheet.starts[line], self.sheet.end(line)
        fresh = at == head
        if fresh:
            at = self.past(QUOTES, head, stop)
            if at == stop:
                return self.following(line)
            self.indent(line, lazy=False)
        start = self.past(PREFIX, at, stop) if fresh else at
        fence = FENCE.match(self.text, start, stop) if fresh else None
        if fence:
            return self.fence(line, fence)
        if fresh and self.code(line, at):
            return self.following(line)
        title = TITLE.match(self.text, at, stop) if fresh else None
        if title:
            self.sheet.titles.append((at, len(title.group(1)), (title.group(2) or "").strip().rstrip("#").strip()))
            self.last[line] = line
            return self.beyond(self.walk(start, stop, self.bound(line)), line)
        return self.paragraph(line, start)

    def past(self, pattern: re.Pattern, at: int, stop: int) -> int:
        """Where something ends that begins at `at`; `at` where it does not."""
        found = pattern.match(self.text, at, stop)
        return found.end() if found else at

    def following(self, line: int) -> int:
        return self.sheet.starts[line + 1] if line + 1 < len(self.sheet.starts) else len(self.text)

    def beyond(self, at: int, line: int) -> int:
        """Where the next block begins: behind this line, or where the walk ended farther on."""
        return max(at, self.following(line)) if at <= self.sheet.end(line) else at

    def indent(self, line: int, lazy: bool) -> None:
        """Which list item a line belongs to."""
        head, stop = self.sheet.starts[line], self.sheet.end(line)
        item = ITEM.match(self.text, head, stop)
        begin = item.end(1) if item else self.past(INDENT, head, stop)
        own = self.width(head, begin)
        if item or not lazy:
            while self.items and self.items[-1] > own:
                self.items.pop()
        if item:
            self.items.append(self.width(head, item.end()))
        self.indents[line] = self.items[-1] if self.items else 0

    def width(self, start: int, stop: int) -> int:
        """How many columns the beginning of a line takes."""
        return len(self.text[start:stop].expandtabs(4))

    def code(self, line: int, at: int) -> bool:
        """Whether the line is code by its indentation."""
        head = self.sheet.starts[line]
        if ">" in self.text[head:at] or (line and self.filled(line - 1) and line - 1 in self.last):
            return False
        return self.width(head, at) >= 4 + (self.items[-1] if self.items else 0)

    def filled(self, line: int) -> bool:
        """Whether more stands in a line than the marks of a quote."""
        head, stop = self.sheet.starts[line], self.sheet.end(line)
        return self.past(QUOTES, head, stop) < stop

    def depth(self, offset: int) -> int:
        """How deep in quotes the line begins in which `offset` is."""
        return self.line_of(offset)[1]

    def line_of(self, offset: int) -> tuple[int, int, int]:
        """The line in which `offset` is, how deep in quotes it begins, and where its content does; the last answer is kept."""
        line = self.sheet.line(offset)
        if line != self.known[0]:
            head, stop = self.sheet.starts[line], self.sheet.end(line)
            depth = self.text.count(">", head, self.past(PREFIX, head, stop))
            self.known = (line, depth, self.past(QUOTES, head, stop))
        return self.known

    def bound(self, line: int) -> int:
        """The end of the last line before an empty one."""
        if line > self.filled_to:
            while line + 1 < len(self.sheet.starts) and self.filled(line + 1):
                line += 1
            self.filled_to = line
        return self.sheet.end(self.filled_to)

    def paragraph(self, line: int, start: int) -> int:
        """Lines up to an empty one, or to one that begins something else; or to a line of strokes that makes a title of them."""
        head = self.sheet.starts[line]
        final, depth, under = line, self.text[head:start].count(">"), None
        while not under and final + 1 < len(self.sheet.starts) and self.continues(final + 1, depth):
            final += 1
            self.indent(final, lazy=True)
            under = UNDER.match(self.text, self.sheet.starts[final]) if not self.text[head:start].strip() else None
        for k in range(line, final + 1):
            self.last[k] = final
        stop = self.walk(start, self.sheet.end(final), self.bound(line))
        if under and stop <= self.sheet.end(final):
            title = self.text[start : self.sheet.end(final - 1)]
            self.sheet.titles.append((start, 1 if under.group(1)[0] == "=" else 2, " ".join(title.split())))
        return self.beyond(stop, final)

    def continues(self, line: int, depth: int) -> bool:
        """Whether a line goes on with the paragraph above it, which is so deep in quotes."""
        head, stop = self.sheet.starts[line], self.sheet.end(line)
        at = self.past(QUOTES, head, stop)
        if at == stop or self.text[head:at].count(">") > depth:
            return False
        return not (ITEM.match(self.text, at, stop) or TITLE.match(self.text, at, stop) or FENCE.match(self.text, at, stop))

    def fence(self, line: int, fence: re.Match) -> int:
        """A block of code; one of mathematics is a formula, one that is called backprop a context."""
        depth, mark = self.depth(fence.start()), fence.group(1)
        close = re.compile(rf"[ \t]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*\r?$", re.MULTILINE)
        start, final, inside = self.sheet.starts[line], line, []
        stop = after = self.sheet.end(line)
        closed = False
        while not closed and final + 1 < len(self.sheet.starts):
            inner = self.unquoted(final + 1, depth)
            if inner is None:
                break  # the quote ends, and its code with it
            final += 1
            stop, closed = self.sheet.end(final), close.match(self.text, inner) is not None
            if not closed:
                inside.append((inner, stop))
        after = self.following(final)
        self.sheet.open = not closed and after == len(self.text)
        word = (fence.group(2).split() or [""])[0].strip("{}.").lower()
        if word == "math" and inside and not self.sheet.open:
            first, last = inside[0][0], inside[-1][1]
            self.sheet.add(fence.start(), stop, first - fence.start(), stop - last, DISPLAY, depth)
        else:
            self.sheet.skip(start, stop)
        if word == "backprop":
            self.sheet.contexts.append(Context("\n".join(self.text[a:b] for a, b in inside), start, stop, line + 1))
        return after

    def unquoted(self, line: int, depth: int) -> int | None:
        """Where a line begins behind so many marks of quotes; nothing, if it has fewer."""
        at = self.sheet.starts[line]
        for _ in range(depth):
            mark = QUOTED.match(self.text, at)
            if not mark:
                return None
            at = mark.end()
        return at

    def walk(self, at: int, end: int, bound: int) -> int:
        """Formulas and what hides them in [at, end); where it ended, which may be farther on. A display may go on to `bound`."""
        while at < end:
            match = TOKEN.search(self.text, at, end)
            if not match:
                return end
            kind = match.lastgroup if match.lastgroup not in ("name", "tag", "target", "alias", "url") else ""
            for word in ("begin", "square", "round", "kramdown", "within", "ticks", "dollars", "html", "hidden", "raw", "wiki", "link"):
                kind = word if match.group(word) is not None else kind
            at = getattr(self, f"_{kind}")(match, end, max(bound, end)) if kind else match.end()
        return at

    def _dollars(self, match: re.Match, end: int, bound: int) -> int:
        start, stop = match.span()
        if stop - start == 2:
            return self.display(match, bound)
        if stop - start > 2:
            return stop
        if self.text[stop : stop + 1] == "`":
            close = self.text.find("`$", stop + 1, end) if stop >= self.hopeless.get("`$", 0) else -1
            self.hopeless["`$"] = end if close < 0 else 0
            return self.sheet.add(start, close + 2, 2, 2, INLINE, self.depth(start)) if close > stop + 1 else stop
        if self.text[stop : stop + 1].isspace():
            return stop
        body = BODY.match(self.text, stop, end)
        close = body.end() if body else stop
        if not body or close == end or self.text[close - 1].isspace() or self.text[close + 1 : close + 2].isdigit():
            return stop
        if self.text.startswith("|", self.line_of(start)[2]) and CELL.search(body.group()):
            return stop  # two cells of a table
        return self.sheet.add(start, close + 1, 1, 1, INLINE, self.depth(start))

    def display(self, match: re.Match, bound: int) -> int:
        """Two dollars on either side."""
        start, stop = match.span()
        body = self.closed("dollars", stop, bound)
        if not body:
            line = self.sheet.line(start)
            alone = not self.text[stop : self.sheet.end(line)].strip()
            body = self.over_gaps(line, stop) if alone else None
        if not body:
            return stop
        return self.sheet.add(start, body.end() + 2, 2, 2, DISPLAY, self.depth(start))

    def over_gaps(self, line: int, at: int) -> re.Match | None:
        """The inside of a display with empty lines in it: no line between looks like prose."""
        final = min(line + FAR, len(self.sheet.starts) - 1)
        for k in range(line + 1, final + 1):
            content = self.text[self.sheet.starts[k] : self.sheet.end(k)].strip(" \t>")
            if content.startswith("$$"):
                return CLOSED["dollars"].match(self.text, at, self.sheet.end(k))
            if PROSE.search(content) and not SIGNS.search(content):
                return None
        return None

    def closed(self, kind: str, at: int, bound: int) -> re.Match | None:
        """What stands before the closing sign, if there is one; looked for no second time where there was none."""
        if at < self.hopeless.get(kind, 0):
            return None
        body = CLOSED[kind].match(self.text, at, bound)
        if not body:
            self.hopeless[kind] = bound
        return body

    def _square(self, match: re.Match, end: int, bound: int) -> int:
        body = self.closed("square", match.end(), bound)
        if not body or not SIGNS.search(body.group()) or self.text[body.end() + 2 : body.end() + 3] == "(":
            return match.end()
        return self.sheet.add(match.start(), body.end() + 2, 2, 2, DISPLAY, self.depth(match.start()))

    def _round(self, match: re.Match, end: int, bound: int) -> int:
        body = self.closed("round", match.end(), end)
        if not body or not SIGNS.search(body.group()):
            return match.end()
        return self.sheet.add(match.start(), body.end() + 2, 2, 2, INLINE, self.depth(match.start()))

    def _kramdown(self, match: re.Match, end: int, bound: int) -> int:
        """The signs of a display with two strokes, as Jekyll's notes have them."""
        return self._doubled("kramdown", match, bound, DISPLAY)

    def _within(self, match: re.Match, end: int, bound: int) -> int:
        return self._doubled("within", match, end, INLINE)

    def _doubled(self, kind: str, match: re.Match, bound: int, shown: str) -> int:
        body = self.closed(kind, match.end(), bound)
        if not body or not SIGNS.search(body.group()):
            return match.end()
        return self.sheet.add(match.start(), body.end() + 3, 3, 3, shown, self.depth(match.start()))

    def _begin(self, match: re.Match, end: int, bound: int) -> int:
        final = rf"\end{{{match.group('name')}}}"
        key = match.group("name")
        close = self.text.find(final, match.end(), bound) if match.end() >= self.hopeless.get(key, 0) else -1
        if close < 0:
            self.hopeless[key] = bound
            return match.end()
        return self.sheet.add(match.start(), close + len(final), 0, 0, DISPLAY, self.depth(match.start()))

    def _ticks(self, match: re.Match, end: int, bound: int) -> int:
        length = match.end() - match.start()
        places = self.ticks.get(length, [])
        k = bisect_left(places, match.end())
        return self.sheet.skip(match.start(), places[k] + length) if k < len(places) and places[k] < end else match.end()

    def _html(self, match: re.Match, end: int, bound: int) -> int:
        return self.comment(match, "-->")

    def _hidden(self, match: re.Match, end: int, bound: int) -> int:
        return self.comment(match, "%%")

    def comment(self, match: re.Match, close: str) -> int:
        """A comment, over as many blocks as it takes; what nothing closes is none."""
        stop = self.text.find(close, match.end()) if not self.hopeless.get(close) else -1
        if stop < 0:
            self.hopeless[close] = 1
            return match.end()
        return self.sheet.comment(match.start(), stop + len(close), self.text[match.end() : stop])

    def _raw(self, match: re.Match, end: int, bound: int) -> int:
        close = f"</{match.group('tag')}>"
        reach = end if match.group("tag") == "code" else len(self.text)
        stop = self.text.find(close, match.end(), reach) if match.start() >= self.hopeless.get(close, 0) else -1
        if stop < 0:
            self.hopeless[close] = reach
            return match.end()
        return self.sheet.skip(match.start(), stop + len(close))

    def _wiki(self, match: re.Match, end: int, bound: int) -> int:
        target, _, heading = match.group("target").partition("#")
        self.sheet.links.append(Link(target.strip(), heading.strip(), (match.group("alias") or "").strip(), match.start()))
        return self.sheet.skip(*match.span())

    def _link(self, match: re.Match, end: int, bound: int) -> int:
        target, _, heading = match.group("url").partition("#")
        if "://" not in target and target.lower().endswith((".md", ".markdown")):
            self.sheet.links.append(Link(unquote(target), unquote(heading), "", match.start()))
        return self.sheet.skip(*match.span())
