"""What is put into a checked copy stands between two comments, so that it can be taken out again to the last byte."""

import re
from collections.abc import Iterable
from pathlib import Path

BEGIN, SUMMARY, END = "<!-- symbackprop -->", "<!-- symbackprop: summary -->", "<!-- /symbackprop -->"
MARKS = re.compile("|".join(map(re.escape, (BEGIN, SUMMARY, END))))
PEEK = 1 << 16
"""So many bytes of a file are looked at for the summary of a checked copy."""


def newline(text: str) -> str:
    """How the text breaks lines: as its first line does."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def inserted(text: str, reports: Iterable[tuple[int, str, str]]) -> str:
    """The text with reports (offset of a line's end, indent, Markdown), each between its marks; one at offset 0 is a summary on top.

    `stripped` gives the text back, whatever stands in it, if it is `stripped` itself.
    """
    nl = newline(text)
    made, at = [], 0
    for offset, indent, report in reports:
        lines = [f"{indent}{line}".rstrip() for line in _tame(report).split("\n")]
        if offset == 0:
            made.append(nl.join([SUMMARY, *lines, "", END, "", ""]))
        else:
            made.append(text[at:offset] + nl.join(["", "", f"{indent}{BEGIN}", *lines, "", f"{indent}{END}", ""]))
        at = offset
    return "".join(made) + text[at:]


def stripped(text: str) -> str:
    """The text without what stands between marks, and without the marks and the empty lines that belong to them."""
    kept: list[tuple[int, int, bool]] = []
    spans: list[tuple[int, int]] = []
    for match in MARKS.finditer(text):
        if match.group() != END:
            kept.append((*match.span(), match.group() == SUMMARY))
        elif kept:
            start, _, summary = kept.pop()
            start = start if summary else _before(text, start)
            stop = _behind(text, match.end(), 2 if summary else 1)
            while spans and spans[-1][0] >= start:
                spans.pop()
            spans.append((start, stop))
    made, at = [], 0
    for start, stop in spans:
        made.append(text[at:start])
        at = max(stop, at)
    return "".join(made) + text[at:]


def _before(text: str, at: int) -> int:
    """Where the two line breaks begin that stand before a mark and its indent."""
    head = at
    while head and text[head - 1] == " ":
        head -= 1
    for breaks in ("\r\n\r\n", "\n\n"):
        if text.endswith(breaks, 0, head):
            return head - len(breaks)
    return at


def _behind(text: str, at: int, count: int) -> int:
    """Where the line breaks end that stand behind a mark, so many."""
    for breaks in ("\r\n" * count, "\n" * count):
        if text.startswith(breaks, at):
            return at + len(breaks)
    return at


def _tame(report: str) -> str:
    """A report that holds no mark and no other kind of line break."""
    return report.replace("\r", " ").replace("<!--", "<! --")


def is_checked_copy(path: Path) -> bool:
    """Whether a file is what this program wrote about a note."""
    try:
        with path.open("rb") as file:
            head = file.read(PEEK)
    except OSError:
        return False
    return any(mark.encode() in head for mark in (SUMMARY, BEGIN))
