"""What is said of a note: a checked copy, a report in Markdown, a page, a record for JSON, lines for editors and GitHub."""

from collections.abc import Iterator
from typing import Any

from symbackprop.notes.judged import Judged, counts
from symbackprop.notes.note import Formula, Note
from symbackprop.notes.reading.marks import inserted
from symbackprop.notes.reporting.callouts import callout, not_checked, summary
from symbackprop.notes.reporting.page import html
from symbackprop.notes.words import counted, told, word

REMARKED = ("wrong", "holds-if", "unknown")
LEVELS = {"wrong": "error", "holds-if": "warning", "unknown": "notice"}
"""What GitHub calls a status."""


def checked(note: Note, judged: Judged, lang: str = "") -> str:
    """The note with reports in it, the author's text unchanged; of a note that is not in Markdown a report in Markdown.

    `lang` is that of the note where it is left out.
    """
    lang = lang or note.language
    if note.format != "markdown":
        return _report(note, judged, lang)
    tail = not_checked(note, judged, lang)
    top = summary(note, judged, lang)
    if tail and note.open:
        top, tail = f"{top}\n\n{tail}", ""
    reports = [(_line_end(note.text, note.top - 1) if note.top else 0, "", top)]
    for formula in note.formulas:
        if judged.worst(formula) in REMARKED:
            title = word("title", lang, number=formula.number, status=word(judged.worst(formula), lang))
            reports.append((formula.behind, formula.indent, callout(formula, judged, lang, title)))
    if tail:
        end = len(note.text)
        reports.append((_line_end(note.text, end - 1) if note.text.endswith("\n") else end, "", tail))
    reports.sort(key=lambda r: r[0])
    return "\ufeff" * note.bom + inserted(note.text, reports)


def _line_end(text: str, at: int) -> int:
    """The end of the line whose last character is at `at`."""
    return at - (at > 0 and text[at - 1 : at + 1] == "\r\n") if text[at : at + 1] == "\n" else at + 1


def _report(note: Note, judged: Judged, lang: str) -> str:
    """All remarks below each other, each with its formula."""
    parts = [f"# {word('headline', lang, name=note.path.name)}", summary(note, judged, lang)]
    remarked = [f for f in note.formulas if judged.worst(f) in REMARKED]
    for formula in remarked:
        key = "title line" if formula.cell is None else "title cell"
        status = word(judged.worst(formula), lang)
        title = word(key, lang, number=formula.number, cell=formula.cell, line=formula.line, status=status)
        parts += [
            f"## {title}",
            "```tex\n" + formula.latex.strip("\r\n").replace("\r", "") + "\n```",
            callout(formula, judged, lang, status),
        ]
    parts += [] if remarked else [word("fine", lang)]
    parts += list(filter(None, [not_checked(note, judged, lang)]))
    return "\n\n".join(parts) + "\n"


def record(note: Note, judged: Judged, lang: str = "") -> dict[str, Any]:
    """Everything as plain dictionaries and lists, formulas by place."""
    lang = lang or note.language
    return {
        "file": str(note.path),
        "format": note.format,
        "language": note.language,
        "counts": counts(note, judged),
        "conventions": [told(c, lang) for c in judged.conventions],
        "contradictions": [{"because": told(text, lang), "formulas": list(numbers)} for text, numbers in judged.contradictions],
        "context": judged.context,
        "formulas": [_formula(f, judged, lang) for f in note.formulas],
    }


def _formula(formula: Formula, judged: Judged, lang: str) -> dict[str, Any]:
    unread = judged.unread.get(formula.number)
    verdicts = []
    for verdict in judged.verdicts.get(formula.number, ()):
        said = {"because": told(verdict.because, lang), "conditions": [told(c, lang) for c in verdict.conditions]}
        verdicts.append(verdict.as_dict() | said | {"reading": told(verdict.reading, lang)})
    reason = {"because": told(unread.because, lang), "position": unread.position} if unread and not verdicts else None
    return formula.as_dict() | {"verdicts": verdicts, "unread": reason}


def lines(note: Note, judged: Judged, lang: str = "", style: str = "text", quiet: bool = False) -> list[str]:
    """A line for each claim that does not plainly hold, as editors read it (or "github", as its actions do), and a summary line.

    `quiet` leaves out all but what is wrong or unknown.
    """
    lang = lang or note.language
    made = [line for f in note.formulas for line in _lines(note, f, judged, lang, style, quiet)]
    end = [] if quiet else [f"{note.path}: {counted(counts(note, judged), lang)}"]
    return made + end


def _lines(note: Note, formula: Formula, judged: Judged, lang: str, style: str, quiet: bool) -> Iterator[str]:
    if formula.mute is not None:
        return
    for verdict in judged.verdicts.get(formula.number, ()):
        if verdict.status == "holds" or (quiet and verdict.status == "holds-if"):
            continue
        line, column = _place(note, formula, verdict.claim, verdict.position)
        status = word(verdict.status, lang)
        reasons = word("pause", lang).join(told(c, lang) for c in (verdict.because, *verdict.conditions) if c)
        if style == "github":
            where = {"file": str(note.path)} | ({} if formula.cell is not None else {"line": line, "col": column})
            cell = f"{word('cell', lang)} {formula.cell}, {line}:{column}: " if formula.cell is not None else ""
            named = ",".join(f"{k}={_escaped(str(v), True)}" for k, v in (where | {"title": status}).items())
            message = word("colon", lang).join(filter(None, [" ".join(verdict.claim.split()), reasons]))
            yield f"::{LEVELS[verdict.status]} {named}::{_escaped(cell + message)}"
        else:
            cell = f":{word('cell', 'en')} {formula.cell}" if formula.cell is not None else ""
            shown = " ".join(verdict.claim.split())
            yield ": ".join(filter(None, [f"{note.path}{cell}:{line}:{column}", status, reasons, shown]))


def _place(note: Note, formula: Formula, claim: str, position: tuple[int, int] | None) -> tuple[int, int]:
    """Line and column of a claim, or of what was not understood in it, where it stands in the formula as it is."""
    found = formula.latex.find(claim) if claim else -1
    if found < 0 or (position is None and not formula.latex[:found].strip()):
        return formula.line, formula.column
    line, column = note.place(formula.at(found + (position[0] if position else 0)))
    if formula.cell is not None:
        line -= note.place(formula.base)[0] - 1
    return line, column


def _escaped(text: str, named: bool = False) -> str:
    """Text in a command of GitHub Actions."""
    pairs = [("%", "%25"), ("\r", "%0D"), ("\n", "%0A")] + ([(":", "%3A"), (",", "%2C")] if named else [])
    for sign, written in pairs:
        text = text.replace(sign, written)
    return text


__all__ = ["checked", "html", "lines", "record"]
