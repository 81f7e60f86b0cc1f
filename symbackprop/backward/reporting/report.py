"""What a check of a backward pass says: a verdict for each gradient, and each line of the pass with what it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from symbackprop.verification.verdict import Report, Verdict

SIGNS = {"right": " ", "wrong": "✗", "note": "·"}
CODE = 72
"""Columns of code beside the margin."""


@dataclass(frozen=True)
class BackwardVerdict(Verdict):
    """Of one gradient. `line`: of the file, the one to blame (0: none is known); `corrected`: that statement as it should be; `script`:
    a program that imports the author's functions and numpy, and shows the difference."""

    line: int = 0
    corrected: str = ""
    script: str = ""

    def grounds(self) -> list[str]:
        """The line to blame, the likely cause, the corrected statement, and the rest."""
        made = [f"line {self.line}"] if self.line else []
        made += super().grounds()
        at = next((k + 1 for k, text in enumerate(made) if text.startswith("likely cause")), len(made))
        return [*made[:at], *([f"write: {self.corrected}"] if self.corrected else []), *made[at:]]

    def as_dict(self) -> dict[str, Any]:
        """Plain strings, lists and numbers, for JSON."""
        return {**super().as_dict(), "line": self.line, "corrected": self.corrected, "script": self.script}


@dataclass(frozen=True)
class Line:
    """A line of the pass: its number in the file, its text, and what is said of it, each with "right", "wrong" or "note"."""

    number: int
    text: str
    remarks: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> str:
        """The worst of its remarks."""
        kinds = {k for k, _ in self.remarks}
        return next((k for k in ("wrong", "note", "right") if k in kinds), "")

    def as_dict(self) -> dict[str, Any]:
        """Plain strings, lists and numbers, for JSON."""
        return {"number": self.number, "text": self.text, "remarks": [{"kind": k, "text": t} for k, t in self.remarks]}


@dataclass(frozen=True)
class BackwardReport(Report):
    """Verdicts, one for each gradient, the lines of the backward pass, and notes of what else was seen."""

    verdicts: tuple[BackwardVerdict, ...] = field(default=())
    title: str = ""
    file: str = ""
    path: str = ""
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()

    def margin(self) -> str:
        """The source, each line with what it is."""
        wide = len(str(max((x.number for x in self.lines), default=0)))
        made = []
        for line in self.lines:
            head, *rest = line.remarks or (("", ""),)
            sign = SIGNS.get(head[0], "")
            made.append(f"{line.number:>{wide}}  {line.text:<{CODE}} {sign + ' ' + head[1] if head[1] else ''}".rstrip())
            made += [f"{'':>{wide}}  {'':<{CODE}} {SIGNS[kind]} {text}" for kind, text in rest]
        return "\n".join(made)

    def __str__(self) -> str:
        parts = [f"{self.file}: {self.title}" if self.file else self.title, "", self.margin() if self.lines else "", ""]
        parts += [*(f"note: {n}" for n in self.notes)]
        parts += [verdict_text(v) for v in self.verdicts]
        parts.append(", ".join(f"{k} {s}" for s, k in self.counts().items()) or "nothing was checked")
        return "\n".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Plain strings, lists and numbers, for JSON."""
        return {**super().as_dict(), "file": self.file, "lines": [x.as_dict() for x in self.lines], "notes": list(self.notes)}


def verdict_text(verdict: BackwardVerdict) -> str:
    """A verdict as plain text, its script below it."""
    text = str(verdict)
    return f"{text}\n{indented(verdict.script.splitlines())}" if verdict.script else text


def indented(lines: Sequence[str]) -> str:
    """Lines, each four columns in."""
    return "\n".join(f"        {line}".rstrip() for line in lines)
