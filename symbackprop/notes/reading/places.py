"""Where a report on a formula of a Markdown text can stand: behind its block, where no code, comment, quote or other formula is cut."""

import re
from bisect import bisect_right

from symbackprop.notes.note import DISPLAY
from symbackprop.notes.reading.sheet import Sheet

QUOTE = re.compile(r"[ \t]*>")
REST = re.compile(r"[\s.,;:!?)*_，。；：！？）、]*(?:\^[\w-]+[ \t]*)?")
BOUND = re.compile(r"[ \t>]*(?:\^[\w-]+[ \t]*|=+[ \t]*|-+[ \t]*)\r?$", re.MULTILINE)
"""A line that belongs to the one above it: the name of a block, what makes a title of it."""


def anchors(sheet: Sheet, last: dict[int, int], indents: dict[int, int]) -> None:
    """Set `behind` and `indent` of every formula; `last` has the line in which the paragraph of a line ends."""
    breaks = {line for spot in sheet.spots if (line := _flush(sheet, spot.stop, spot.kind == DISPLAY)) >= 0}
    regions = sheet.shown()
    starts = [a for a, _ in regions]
    ends: dict[int, int] = {}
    for spot in reversed(sheet.spots):
        line = sheet.line(spot.stop - 1)
        walked = []
        while True:
            if line in ends:
                line = ends[line]
                break
            walked.append(line)
            further = _further(sheet, line, last, breaks, regions, starts)
            if further == line:
                break
            line = further
        for each in walked:
            ends[each] = line
        spot.behind = sheet.end(line)
        spot.indent = " " * indents.get(sheet.line(spot.start), 0)


def _flush(sheet: Sheet, stop: int, display: bool) -> int:
    """The line that a display ends with nothing behind it, or -1."""
    line = sheet.line(stop - 1)
    whole = display and REST.fullmatch(sheet.text, stop, sheet.end(line))
    below = line + 1 < len(sheet.starts) and BOUND.match(sheet.text, sheet.starts[line + 1])
    return line if whole and not below else -1


def _further(sheet: Sheet, line: int, last: dict[int, int], breaks: set[int], regions: list[tuple[int, int]], starts: list[int]) -> int:
    """The next line that a report on something in `line` can't stand before, or `line`."""
    end = sheet.end(line)
    k = bisect_right(starts, end) - 1
    if k >= 0 and starts[k] < end < regions[k][1]:
        return max(sheet.line(max(regions[k][1] - 1, 0)), line)
    final = line + 1 >= len(sheet.starts)
    if not final and QUOTE.match(sheet.text, sheet.starts[line]) and QUOTE.match(sheet.text, sheet.starts[line + 1]):
        return line + 1
    if line not in breaks and last.get(line, line) > line:
        return line + 1
    return line
