"""Formulas of reStructuredText: the directive math, one formula for each of its paragraphs, and the role of that name."""

import re

from symbackprop.notes.note import DISPLAY
from symbackprop.notes.reading.sheet import Sheet

TOKEN = re.compile(
    r"""^(?P<math>[ ]*\.\.[ ]math::) | ^(?P<comment>[ ]*\.\.[ ]+(?P<inner>bp:ok[^\n]*))
    | ^(?P<code>[ ]*\.\.[ ](?:code|code-block|sourcecode|raw)::)
    | (?P<literal>``[^\n]*?``) | (?P<role>:math:`) | ^(?P<under>(?P<sign>[=\-~^"'#*+.:_<>])(?P=sign){2,}[ ]*\r?$)""",
    re.VERBOSE | re.MULTILINE,
)
ROLE = re.compile(r"(?:[^`\\]|\\[^`]|\\`)+?(?=`)", re.DOTALL)
OPTION = re.compile(r"[ \t]*:[\w-]+:[^\n]*")


def scan(text: str) -> Sheet:
    """Everything that is found in a reStructuredText file."""
    sheet, at, signs = Sheet(text), 0, []
    while match := TOKEN.search(text, at):
        at = match.end()
        if match.group("math") or match.group("code"):
            at = _directive(sheet, match, bool(match.group("math")))
        elif match.group("comment"):
            sheet.comment(*match.span(), match.group("inner"))
        elif match.group("literal"):
            sheet.skip(*match.span())
        elif match.group("role"):
            body = ROLE.match(text, at, min(at + 5000, len(text)))
            at = sheet.add(match.start(), body.end() + 1, at - match.start(), 1) if body else at
        else:
            line = sheet.line(match.start())
            title = text[sheet.starts[line - 1] : sheet.end(line - 1)].strip() if line else ""
            if title and title[0].isalnum():
                signs += [match.group("sign")] if match.group("sign") not in signs else []
                sheet.titles.append((sheet.starts[line - 1], signs.index(match.group("sign")) + 1, title))
    return sheet


def _directive(sheet: Sheet, match: re.Match, is_math: bool) -> int:
    """A directive with what is indented below it; where that ends."""
    text = sheet.text
    line = sheet.line(match.start())
    margin = len(match.group()) - len(match.group().lstrip(" "))
    groups: list[list[tuple[int, int]]] = [[]]
    if text[match.end() : sheet.end(line)].strip():
        groups[-1].append((match.end(), sheet.end(line)))
    final = line
    for k in range(line + 1, len(sheet.starts)):
        start, stop = sheet.starts[k], sheet.end(k)
        content = text[start:stop]
        if not content.strip():
            groups.append([])
        elif len(content) - len(content.lstrip(" \t")) <= margin:
            break
        else:
            final = k
            if len(groups) > 1 or groups[-1] or not OPTION.fullmatch(content):
                groups[-1].append((start, stop))
    stop = sheet.end(final)
    if not is_math:
        return sheet.skip(match.start(), stop)
    for k, group in enumerate(filter(None, groups)):
        first, last = group[0][0], group[-1][1]
        first += len(text[first:last]) - len(text[first:last].lstrip())
        opening = first if k else match.start() + margin
        sheet.add(opening, last, first - opening, 0, DISPLAY)
    return max(stop, match.end())
