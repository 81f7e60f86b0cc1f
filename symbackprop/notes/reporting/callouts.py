"""What is said of a formula, and of the whole note, as Markdown: folded callouts, which GitHub shows as quotes."""

import re
from collections.abc import Iterator, Sequence

from symbackprop.formulas.said import Said
from symbackprop.formulas.verdict import ClaimVerdict, Counterexample
from symbackprop.notes.judged import Judged, counts
from symbackprop.notes.note import Formula, Note
from symbackprop.notes.words import counted, told, word

KINDS = {"wrong": "failure", "holds-if": "warning", "unknown": "info", "holds": "success"}
SIGNS = {"wrong": "✗", "holds-if": "⚠", "unknown": "?", "holds": "✓"}
"""A sign for each status, so that no one needs to see colours."""
SPECIAL = re.compile(r"([\\`*_\[\]<>|~#])")
MATH = re.compile(r"(\$[^$\n]+\$|`[^`\n]+`)")
COMMENT = re.compile(r"(?<!\\)%[^\n]*")
EXCERPT = 70


def one_line(latex: str) -> str:
    """LaTeX on one line, without its comments."""
    return " ".join(COMMENT.sub("", latex).split())


def code(text: str, cell: bool = False) -> str:
    """Text as code; in a cell of a table no stroke ends the cell."""
    text = " ".join(text.split()) or " "
    runs = [len(run) for run in re.findall("`+", text)]
    fence = "`" * (max(runs, default=0) + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{pad}{text.replace('|', chr(92) + '|') if cell else text}{pad}{fence}"


def math(latex: str, display: bool = False) -> str:
    """LaTeX as a formula; as code where signs in it would end the formula too soon."""
    text = one_line(latex)
    if "$" in text or text.endswith("\\") or not text:
        return code(text)
    return f"$${text}$$" if display else f"${text}$"


def prose(text: str) -> str:
    """A sentence in which no sign is taken for Markdown, but for formulas and code in it."""
    return "".join(part if k % 2 else SPECIAL.sub(r"\\\1", part) for k, part in enumerate(MATH.split(text)))


def cell(text: str) -> str:
    """A sentence in a cell of a table."""
    return "".join(part.replace("|", r"\vert ") if part.startswith("$") else part for part in MATH.split(prose(text)))


def excerpt(latex: str) -> str:
    """The beginning of a formula."""
    text = one_line(latex)
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def quoted(lines: Sequence[str]) -> str:
    """Lines inside a quote."""
    return "\n".join(f"> {line}".rstrip() for line in lines)


def callout(formula: Formula, judged: Judged, lang: str, title: str) -> str:
    """The folded callout behind a formula: all of its claims that do not plainly hold."""
    status = judged.worst(formula)
    verdicts = [v for v in judged.verdicts[formula.number] if v.status != "holds"]
    lines = [f"[!{KINDS[status]}]- {SIGNS[status]} {title}", ""]
    for k, verdict in enumerate(verdicts):
        lines += [""] if k else []
        if len(judged.verdicts[formula.number]) > 1:
            shown = f"{SIGNS[verdict.status]} {word(verdict.status, lang)}"
            lines.append(f"- **{word('claim', lang)}**{word('colon', lang)}{math(verdict.claim)} {shown}")
        lines += said(verdict, lang)
    return quoted(lines)


def said(verdict: ClaimVerdict, lang: str) -> Iterator[str]:
    """The lines of one verdict: a list, the formula that would be right, the counterexample."""

    def entry(key: str, text: str) -> str:
        return f"- **{word(key, lang)}**{word('colon', lang)}{text}".rstrip()

    if verdict.because:
        yield entry("why", prose(told(verdict.because, lang)))
    for condition in verdict.conditions:
        yield entry("condition", prose(told(condition, lang)))
    if verdict.broken:
        yield entry("broken", math(verdict.broken))
    if verdict.reading:
        yield entry("read as", prose(told(verdict.reading, lang)))
    if verdict.corrected:
        yield entry("corrected", "")
        yield ""
        yield math(verdict.corrected, display=True)
    if verdict.counterexample:
        yield ""
        yield from example(verdict.counterexample, lang)


def example(counter: Counterexample, lang: str) -> Iterator[str]:
    """A counterexample: what the names are, both sides, and the script, folded."""
    yield f"| {word('counterexample', lang)} | {word('value', lang)} |"
    yield "|---|---|"
    for name, value in counter.table:
        yield f"| {code(name, cell=True)} | {code(str(value), cell=True)} |"
    if counter.entry:
        yield f"| {word('entry', lang)} | {code(counter.entry, cell=True)} |"
    yield f"| {word('left', lang)} | {code(counter.left, cell=True)} |"
    yield f"| {word('right', lang)} | {code(counter.right, cell=True)} |"
    if counter.script:
        yield ""
        yield f"> [!example]- {word('script', lang)}"
        yield from (f"> {line}".rstrip() for line in fenced(counter.script, "python"))


def fenced(text: str, language: str) -> list[str]:
    """A block of code whose fence is longer than any in it."""
    runs = [len(run) for run in re.findall("`+", text)]
    fence = "`" * max(3, max(runs, default=0) + 1)
    return [f"{fence}{language}", *text.replace("\r", "").rstrip("\n").split("\n"), fence]


def summary(note: Note, judged: Judged, lang: str) -> str:
    """The folded callout on top: counts, conventions, contradictions, what was inferred."""
    found = counts(note, judged)
    lines = [f"[!info]- {word('summary', lang, counts=counted(found, lang))}", ""]

    def section(key: str, items: list[str]) -> list[str]:
        return [f"**{word(key, lang)}**", "", *items, ""] if items else []

    lines += section("contradictions", [f"- {prose(text)} ({where})" for text, where in contradictions(note, judged, lang)])
    lines += section("conventions", [f"- {prose(told(c, lang))}" for c in judged.conventions])
    lines += section("context", fenced(judged.context, "backprop") if judged.context else [])
    return quoted(lines[:-1] if lines[-1] == "" else lines)


def contradictions(note: Note, judged: Judged, lang: str) -> list[tuple[str, str]]:
    """Each contradiction as a sentence, and which formulas it is between."""
    found: list[tuple[Said | str, Sequence[int]]] = list(judged.contradictions)
    lines = {f.number: f.line for f in note.formulas}
    made = []
    for text, numbers in found:
        names = word("and", lang).join(map(str, numbers))
        where = word("and", lang).join(str(lines[n]) for n in numbers if n in lines)
        key = "formulas" if note.format == "notebook" else "formulas lines"
        made.append((told(text, lang), word(key, lang, numbers=names, lines=where)))
    return made


def not_checked(note: Note, judged: Judged, lang: str) -> str:
    """The table of what was not checked, or nothing."""
    left = [f for f in note.formulas if f.number in judged.unread and f.mute is None and not judged.verdicts.get(f.number)]
    if not left:
        return ""
    lines = [
        f"[!info]- {word('not checked', lang)}{word('colon', lang)}{len(left)}",
        "",
        f"| {word('line', lang)} | {word('formula', lang)} | {word('reason', lang)} |",
        "|---|---|---|",
    ]
    for formula in left:
        unread = judged.unread[formula.number]
        lines.append(f"| {where(formula, lang)} | {code(excerpt(formula.latex), cell=True)} | {cell(told(unread.because, lang))} |")
    return quoted(lines)


def where(formula: Formula, lang: str) -> str:
    """Line and column, in a notebook behind the number of the cell."""
    cell = f"{word('cell', lang)} {formula.cell}{word('stop', lang)}" if formula.cell is not None else ""
    return f"{cell}{formula.line}:{formula.column}"
