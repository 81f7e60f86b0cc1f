"""A note as one standalone page: its text lightly formatted, each formula with its colour, word and sign, details folded."""

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from symbackprop.emit import render
from symbackprop.formulas.verdict import ClaimVerdict
from symbackprop.language.latex.macros import Macros
from symbackprop.notes.judged import Judged, counts
from symbackprop.notes.note import DISPLAY, Formula, Note
from symbackprop.notes.reporting.callouts import SIGNS, contradictions, excerpt, one_line, where
from symbackprop.notes.reporting.mathml import mathml
from symbackprop.notes.words import counted, told, word

HOLE = re.compile("\ue000(\\d+)\ue001")
LAST = re.compile(r"[ \t]*\r?\n")
BROKEN = re.compile(r"(</div>)?\n(?=(<div)?)")
FENCE = re.compile(r"(`{3,}|~{3,})")
TITLE = re.compile(r"(#{1,6})[ \t]+(.*)")
QUOTE = re.compile(r"[ \t]*>[ ]?")
ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+")
SPAN = re.compile(r"`([^`\n]+)`|\*\*([^*\n]+)\*\*")
PIECE = re.compile(r"\$([^$\n]+)\$|`([^`\n]+)`")


def html(note: Note, judged: Judged, lang: str = "") -> str:
    """The page: no script, nothing from the network, light or dark as the reader has it."""
    lang = lang or note.language
    page = {
        "lang": lang,
        "title": word("headline", lang, name=note.path.name),
        "foot": word("made by", lang),
        "counts": counted(counts(note, judged), lang),
        "words": {key: word(key, lang) for key in ("contradictions", "conventions", "context", "not checked", "line", "formula", "reason")},
        "contradictions": [f"{_sentence(text)} ({escape(names)})" for text, names in contradictions(note, judged, lang)],
        "conventions": [_sentence(told(c, lang)) for c in judged.conventions],
        "context": judged.context,
        "blocks": list(_blocks(note, judged, lang)),
        "unread": [
            {"where": where(f, lang), "formula": excerpt(f.latex), "because": _sentence(told(judged.unread[f.number].because, lang))}
            for f in note.formulas
            if f.number in judged.unread and f.mute is None and not judged.verdicts.get(f.number)
        ],
    }
    return render("html", "note.html.jinja", {"page": page})


def _blocks(note: Note, judged: Judged, lang: str) -> Iterator[dict[str, Any]]:
    """Blocks of the text: kind, text as HTML, and what is said of the formulas in it."""
    text, at = [], 0
    for formula in note.formulas:
        gap = "\n" * (formula.kind == DISPLAY and LAST.match(note.text, formula.stop) is not None)
        text.append(note.text[at : formula.start].replace("\ue000", " ") + f"\ue000{formula.number}\ue001{gap}")
        at = formula.stop
    whole = "".join(text) + note.text[at:].replace("\ue000", " ")
    by_number = {f.number: f for f in note.formulas}
    for kind, content in _cut(whole.replace("\r\n", "\n").split("\n")):
        numbers = [int(n) for n in HOLE.findall(content)]
        inside = [by_number[n] for n in numbers if n in by_number]
        shown = {f.number: _shown(f, judged, note.macros, lang) for f in inside}
        body = escape(content) if kind == "code" else SPAN.sub(_styled, escape(content))
        body = HOLE.sub(lambda m, shown=shown: shown.get(int(m.group(1)), ""), body)  # type: ignore[misc]
        notes = [_remark(f, judged, note.macros, lang) for f in inside if judged.worst(f) not in ("", "holds")]
        yield {"kind": kind, "text": body if kind == "code" else BROKEN.sub(_break, body), "remarks": notes}


def _cut(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Blocks of lines: kind ("h1" ... "h6", "code", "quote", "item", "paragraph") and content."""
    at = 0
    while at < len(lines):
        start = at
        line = lines[at]
        fence, title = FENCE.match(line.lstrip()), TITLE.match(line)
        at += 1
        if not line.strip():
            continue
        if fence:
            while at < len(lines) and not lines[at].lstrip().startswith(fence.group(1)):
                at += 1
            yield "code", "\n".join(lines[start + 1 : at])
            at += 1
        elif title:
            yield f"h{len(title.group(1))}", title.group(2)
        elif QUOTE.match(line):
            while at < len(lines) and QUOTE.match(lines[at]):
                at += 1
            yield "quote", "\n".join(QUOTE.sub("", each, count=1) for each in lines[start:at])
        else:
            while at < len(lines) and lines[at].strip() and not _starts(lines[at]):
                at += 1
            item = ITEM.match(line)
            content = "\n".join(lines[start:at])
            yield ("item", ITEM.sub("", content, count=1)) if item else ("paragraph", content)


def _starts(line: str) -> bool:
    return bool(FENCE.match(line.lstrip()) or TITLE.match(line) or QUOTE.match(line) or ITEM.match(line))


def _break(match: re.Match) -> str:
    """The end of a line, which needs no sign beside a formula that stands alone."""
    return f"{match.group(1) or ''}{'' if match.group(1) or match.group(2) else '<br>'}\n"


def _styled(match: re.Match) -> str:
    return f"<code>{match.group(1)}</code>" if match.group(1) else f"<strong>{match.group(2)}</strong>"


def _sentence(text: str) -> str:
    """A sentence; LaTeX between dollars is typeset."""
    made, at = [], 0
    for match in PIECE.finditer(text):
        made.append(escape(text[at : match.start()]))
        made.append(_typeset(match.group(1), {}, False) if match.group(1) else f"<code>{escape(match.group(2))}</code>")
        at = match.end()
    return "".join(made) + escape(text[at:])


def _typeset(latex: str, macros: Macros, display: bool) -> str:
    """A formula as MathML, or as its LaTeX where that can't be read."""
    return mathml(latex, macros, display) or f"<code>{escape(one_line(latex))}</code>"


def _shown(formula: Formula, judged: Judged, macros: Macros, lang: str) -> str:
    """A formula in the text, with the sign and the word of its status."""
    display = formula.kind == DISPLAY
    body = _typeset(formula.latex, macros, display)
    status = judged.worst(formula)
    tag = "div" if display else "span"
    if not status:
        return f'<{tag} class="formula">{body}</{tag}>'
    badge = f'<span class="badge">{SIGNS[status]} {formula.number} {word(status, lang)}</span>'
    return f'<{tag} class="formula {status}">{body} {badge}</{tag}>'


def _remark(formula: Formula, judged: Judged, macros: Macros, lang: str) -> dict[str, Any]:
    """What stands folded below a block about one of its formulas."""
    status = judged.worst(formula)
    verdicts = judged.verdicts[formula.number]
    title = f"{SIGNS[status]} {word('title', lang, number=formula.number, status=word(status, lang))}"
    parts = [_part(v, macros, lang, len(verdicts) > 1) for v in verdicts if v.status != "holds"]
    return {"status": status, "title": title, "parts": parts}


def _part(verdict: ClaimVerdict, macros: Macros, lang: str, several: bool) -> dict[str, Any]:
    """What is said of one claim: rows of a word and HTML, a counterexample's rows, its script."""
    rows = [(word("claim", lang), _typeset(verdict.claim, macros, False))] if several else []
    rows += [(word("why", lang), _sentence(told(verdict.because, lang)))] if verdict.because else []
    rows += [(word("condition", lang), _sentence(told(c, lang))) for c in verdict.conditions]
    rows += [(word("broken", lang), _typeset(verdict.broken, macros, False))] if verdict.broken else []
    rows += [(word("read as", lang), _sentence(told(verdict.reading, lang)))] if verdict.reading else []
    rows += [(word("corrected", lang), _typeset(verdict.corrected, macros, True))] if verdict.corrected else []
    counter = verdict.counterexample
    table = [(name, str(value)) for name, value in counter.table] if counter else []
    if counter:
        table += [(word("entry", lang), counter.entry)] if counter.entry else []
        table += [(word("left", lang), counter.left), (word("right", lang), counter.right)]
    head = (word("counterexample", lang), word("value", lang))
    return {"rows": rows, "head": head, "table": table, "script": counter.script if counter else "", "label": word("script", lang)}
