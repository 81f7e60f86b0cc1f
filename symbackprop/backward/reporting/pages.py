"""A report as Markdown, as one HTML page with the margin beside the code, and as annotations that a forge shows at lines."""

from typing import Any

from symbackprop.backward.reporting.report import BackwardReport, BackwardVerdict
from symbackprop.emit import render

WORDS = {"proved": "right", "exact": "right", "holds": "right", "holds-if": "right, if", "wrong": "wrong", "unknown": "undecided"}
MARKS = {"right": "✓", "right, if": "✓", "wrong": "✗", "undecided": "?"}
MARGIN = {"right": ("✓", "right"), "wrong": ("✗", "wrong"), "note": ("·", "note"), "": ("", "")}


def markdown(report: BackwardReport) -> str:
    """The verdicts as a list, the source with its margin as a block."""
    made = [f"# {report.file}: {report.title}", "", *(f"> {note}\n" for note in report.notes)]
    for v in report.verdicts:
        made.append(f"- {MARKS[WORDS[v.status]]} **{WORDS[v.status]}**: `{v.subject}`" + (f", line {v.line}" if v.line else ""))
        made += [f"  - {text}" for text in _told(v)]
        made += [f"  - write `{v.corrected}`"] if v.corrected else []
        made += ["", *(f"    {line}" for line in ("```python", *v.script.splitlines(), "```")), ""] if v.script else []
    return "\n".join([*made, "", "```text", report.margin(), "```", ""])


def _told(v: BackwardVerdict) -> list[str]:
    made = [v.reason] if v.reason else []
    made += [f"if {c}" for c in v.conditions]
    made += [f"likely cause: {v.cause}"] if v.cause else []
    return made + ([f"counterexample: {v.counterexample}"] if v.counterexample else [])


def html(report: BackwardReport) -> str:
    """The page: no script, nothing from the network; colour, word and sign at each line and verdict."""
    page: dict[str, Any] = {
        "title": f"{report.file}: {report.title}",
        "notes": report.notes,
        "counts": ", ".join(f"{k} {s}" for s, k in report.counts().items()),
        "lines": [
            {
                "number": x.number,
                "text": x.text,
                "kind": x.kind,
                "remarks": [{"kind": k, "sign": MARGIN[k][0], "word": MARGIN[k][1], "text": t} for k, t in x.remarks],
            }
            for x in report.lines
        ],
        "verdicts": [
            {
                "status": v.status,
                "sign": MARKS[WORDS[v.status]],
                "word": WORDS[v.status],
                "subject": v.subject,
                "line": v.line,
                "told": _told(v),
                "corrected": v.corrected,
                "script": v.script,
            }
            for v in report.verdicts
        ],
    }
    return render("html", "backward.html.jinja", {"page": page})


def github(report: BackwardReport) -> str:
    """A line for each gradient that is wrong or undecided, which GitHub shows at the line of the file."""
    made = []
    for v in report.verdicts:
        if not v.is_green:
            kind = "error" if v.status == "wrong" else "warning"
            said = "; ".join(t for t in (f"{v.subject} is {WORDS[v.status]}", v.cause, f"write {v.corrected}" if v.corrected else "") if t)
            made.append(f"::{kind} file={report.path or report.file},line={v.line or 1}::{said}".replace("\n", " "))
    return "\n".join([*made, ", ".join(f"{k} {s}" for s, k in report.counts().items())])
