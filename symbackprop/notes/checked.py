"""A whole note checked: its formulas read, its claims judged under one set of conventions, what contradicts what."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from symbackprop.calculus.program import Program
from symbackprop.errors import FormulaError
from symbackprop.formulas.judge import judged
from symbackprop.formulas.notation.context import Context, Conventions, Declared, read, read_conventions
from symbackprop.formulas.notation.trees import base_of, flat
from symbackprop.formulas.verdict import ClaimVerdict
from symbackprop.formulas.words import say as said_of
from symbackprop.notes import blocks, prose
from symbackprop.notes.agreed import Search, broken
from symbackprop.notes.background import Background, gathered, numbered
from symbackprop.notes.contradictions import Finding, findings, key, mean_of
from symbackprop.notes.judged import Judged, Unread, exit_status
from symbackprop.notes.note import Formula, Note
from symbackprop.notes.pieces import (
    CLAIMS,
    Piece,
    continued,
    head_of,
    is_primed,
    left_of,
    names_in,
    pieces,
    shown,
    sizes_in,
    sorted_out,
    why_unread,
    words_of,
)
from symbackprop.notes.reading.extract import read as read_note
from symbackprop.notes.reading.folder import Folder
from symbackprop.notes.reporting import report
from symbackprop.notes.spelling import counted_from_zero, respelled
from symbackprop.notes.stated_model import equations
from symbackprop.notes.words import say

Model = Program | Mapping[str, Any] | None
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class NoteReport:
    """What was found out about a note. `ok`: nothing in it is wrong or undecided."""

    note: Note
    judged: Judged
    lang: str = ""

    @property
    def verdicts(self) -> list[ClaimVerdict]:
        """The verdicts on its claims, in their order; those on muted formulas left out."""
        kept = [f.number for f in self.note.formulas if f.mute is None]
        return [v for number in kept for v in self.judged.verdicts.get(number, ())]

    @property
    def exit_status(self) -> int:
        """0 where nothing is wrong or undecided, 1 where something is wrong, 3 where something is undecided and nothing wrong."""
        return exit_status(self.note, self.judged)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong or undecided."""
        return self.exit_status == 0

    def markdown(self, lang: str = "") -> str:
        """The checked copy of a note in Markdown, of another one a report in Markdown."""
        return report.checked(self.note, self.judged, lang or self.lang)

    def html(self, lang: str = "") -> str:
        """A standalone page."""
        return report.html(self.note, self.judged, lang or self.lang)

    def record(self, lang: str = "") -> dict[str, Any]:
        """Everything as plain dictionaries and lists, for JSON."""
        return report.record(self.note, self.judged, lang or self.lang)

    def lines(self, lang: str = "", style: str = "text", quiet: bool = False) -> list[str]:
        """A line for each claim that does not plainly hold, as editors read it (or "github"), and a summary line."""
        return report.lines(self.note, self.judged, lang or self.lang, style, quiet)

    def __str__(self) -> str:
        return "\n".join(self.lines())


def name_of(piece: Piece) -> str:
    """The left side of an equation, as LaTeX."""
    return words_of(piece, left_of(piece.body))


def check_note(
    path: str | Path,
    model: Model = None,
    folder: str | Path | None = None,
    lang: str = "",
    progress: Progress | None = None,
) -> NoteReport:
    """Check every claim of the note in a file; links are followed in `folder`, or in the folder of the note.

    `model`: the forward equations, where the note does not have them: a program, or the context of a claim. Raises NoteError where the
    file can't be read, SpecError for a context that is none.
    """
    place = Folder(folder) if folder is not None else None
    note = read_note(path, place)
    with np.errstate(all="ignore"):
        return NoteReport(note, _Check(note, model, place, progress).judged(), lang)


class _Check:
    def __init__(self, note: Note, model: Model, folder: Folder | None, progress: Progress | None) -> None:
        self.note, self.progress = note, progress
        self.unread: dict[int, Unread] = {}
        self.stated = blocks.stated((c.text for c in note.contexts), note.macros)
        read = self.read()
        self.from_zero = counted_from_zero([p for group in read.values() for p in group])
        own = numbered(note, respelled(read))
        given, shapes, said = self.given(model, own)
        known = frozenset(head_of(p.body) for p in given)
        own = [replace(p, kind="claim") if p.kind == "equation" and head_of(p.body) in known else p for p in sorted_out(own)]
        self.pieces = own
        self.background: Background = gathered(note, own, self.stated, given, shapes, folder)
        self.declared: Conventions = read_conventions({**prose.conventions(note), **said, **self.stated.said})

    def given(self, model: Model, own: Sequence[Piece]) -> tuple[list[Piece], list[Declared], Mapping[str, Any]]:
        """The equations, axes and conventions of the model that was given beside the note."""
        if isinstance(model, Program):
            found, declared, _ = equations(model, set(sizes_in(own)))
            return found, declared, {}
        context = read(model)
        made = [
            Piece(Formula(0, "", 0, 0, 0, 0), (s,), "", "equation", order=-(10**7) + k, source="model")
            for k, s in enumerate(context.statements)
        ]
        said = (model or {}).get("conventions") or {}
        return made, list(context.declared), said if isinstance(said, Mapping) else {"notes": str(said)}

    def read(self) -> dict[int, list[Piece]]:
        """The pieces of each formula; what can't be read is kept with its reason."""
        made: dict[int, list[Piece]] = {}
        for formula in self.note.formulas:
            try:
                made[formula.number] = pieces(formula, self.note.macros, self.stated.words)
            except FormulaError as error:
                why = why_unread(formula.latex, error)
                if why is not None:
                    self.unread[formula.number] = why
        return continued(made, self.note.formulas)

    def judge(self, piece: Piece, said: Conventions) -> ClaimVerdict:
        """The verdict on one claim: nothing is wrong because of shapes that nobody declared."""
        of_numbers = is_primed(piece.body)
        context = self.background.context(piece, said, inferring=not of_numbers)
        verdict = judged(piece.latex, piece.tree, context)
        if verdict.status == "wrong" and said.reduction is None and any(mean_of(s.body) for s in context.statements):
            single = judged(piece.latex, piece.tree, replace(context, conventions=replace(said, reduction="single")))
            verdict = single if single.status in ("holds", "holds-if") else verdict
        special = getattr(verdict.because, "values", {}).get("what", "") if key(verdict.because) == "special" else ""
        if any(key(c) == "scalars" for c in (*verdict.conditions, special)):
            verdict = self.of_arrays(piece, context, verdict)
        if verdict.status not in ("wrong", "unknown"):
            return self.with_numbers(piece, context, verdict)
        bare = self.background.context(piece, said, inferring=False)
        guessed = context.declared != bare.declared
        if guessed and broken(piece, bare) is None:
            return replace(verdict, status="holds-if", because=said_of("equal"), conditions=(say("numbers"),), position=None)
        made = broken(piece, context) if verdict.status == "wrong" else None
        if made is not None and made.kind in ("shape", "misfit") and (guessed or self.background.open_names(piece, bare)):
            names = [f"${shown(d.name)}$" for d in context.declared[len(bare.declared) :]] or self.background.open_names(piece, bare)
            return replace(
                verdict, status="unknown", because=say("shapes open", names=", ".join(names)), corrected=None, counterexample=None
            )
        return verdict

    def with_numbers(self, piece: Piece, context: Context, verdict: ClaimVerdict) -> ClaimVerdict:
        """A verdict that rests on numbers among arrays says so: w in w x may well be a matrix."""
        numbers = self.background.numbers(piece, context) if any(d.axes for d in context.declared) else []
        if not numbers or verdict.status not in ("holds", "holds-if"):
            return verdict
        return replace(verdict, status="holds-if", conditions=(*verdict.conditions, say("some numbers", names=", ".join(numbers))))

    @staticmethod
    def of_arrays(piece: Piece, context: Context, verdict: ClaimVerdict) -> ClaimVerdict:
        """A claim that holds for numbers alone is wrong where the note says that these are arrays."""
        needed = names_in(piece)
        arrays = [f"${shown(d.name)}$" for d in context.declared if d.axes and base_of(d.name).lower() in needed]
        made = broken(piece, context) if arrays else None
        if made is None or made.kind not in ("differs", "shape", "misfit"):
            return verdict
        return replace(verdict, status="wrong", because=say("arrays", names=", ".join(arrays)), conditions=())

    @np.errstate(all="ignore")
    def judged(self) -> Judged:
        """Everything that is said of the note."""
        claims = [p for p in self.pieces if self.is_claim(p)]
        search = Search(claims, self.background.context)
        said = search.agreed(self.declared)
        rows: dict[int, ClaimVerdict] = {}
        for k, piece in enumerate(claims):
            rows[id(piece)] = self.judge(piece, said)
            if self.progress:
                self.progress(k + 1, len(claims))
        found = findings(self.pieces, rows, self.background, said)
        by_number: dict[int, list[ClaimVerdict]] = {}
        for piece in self.pieces:
            verdict = self.shown(piece, rows.get(id(piece)), found)
            if verdict is not None:
                by_number.setdefault(piece.formula.number, []).append(verdict)
        return Judged(
            verdicts=by_number,
            unread=self.unread,
            conventions=tuple(self.conventions(said, search)),
            contradictions=tuple((f.because, f.numbers) for f in found if f.because),
            context=self.context(said),
        )

    @staticmethod
    def is_claim(piece: Piece) -> bool:
        """Whether a piece is judged."""
        long = piece.kind == "named" and sum(len(getattr(s.body, "sides", ())) for s in piece.statements) > 2
        return (piece.kind in CLAIMS or long) and piece.formula.mute is None

    def shown(self, piece: Piece, verdict: ClaimVerdict | None, found: Iterable[Finding]) -> ClaimVerdict | None:
        """What is said of a piece: its verdict, or that it is a definition."""
        over = next((f.instead for f in found if f.instead is not None and f.instead[0] is piece), None)
        if over is not None:
            return over[1]
        if verdict is None:
            if piece.kind not in ("equation", "named") or piece.formula.mute is not None:
                return None
            return ClaimVerdict(piece.latex, "holds", say("defines"), kind="definition")
        if verdict.kind == "definition" and verdict.status != "wrong":
            return ClaimVerdict(piece.latex, "holds", say("defines"), kind="definition")
        start = piece.start
        if verdict.position is not None and start:
            verdict = replace(verdict, position=(max(verdict.position[0] - start, 0), max(verdict.position[1] - start, 0)))
        return replace(verdict, kind=piece.kind) if piece.kind in ("shape", "update") else verdict

    def conventions(self, said: Conventions, search: Search) -> list:
        """The conventions of the note, as sentences."""
        made = []
        if said.layout in ("numerator", "denominator") or "layout" in search.mattered:
            made.append(say(f"layout {said.layout or 'gradient'}"))
        if said.row_vectors is not None:
            made.append(say("vectors row" if said.row_vectors else "vectors column"))
        if said.samples:
            made.append(say(f"samples {said.samples}"))
        if said.reduction:
            made.append(say(f"reduction {said.reduction}"))
        if said.one_hot:
            made.append(say("labels"))
        if said.vec_rows:
            made.append(say("vec rows"))
        made += [say("from zero", name=f"${name}$") for name in sorted(self.from_zero)]
        for _, group in sorted(self.background.twice().items()):
            made.append(say("twice", name=f"${name_of(group[0])}$", lines=", ".join(str(p.formula.line) for p in group)))
        return made

    def context(self, said: Conventions) -> str:
        """What was inferred, as a context block."""
        used = [d for _, d in sorted(self.background.used.items())]
        statements = [s for d in used for s in d.statements]
        bases = {b for d in used for b in self.background.needs[id(d)]}
        declared = [s.declared for s in self.background.shapes if s.base.lower() in bases and not s.piece.block]
        written = {flat(d.name) for d in declared}
        guessed = {flat(d.name): d for told in self.background.told.values() for d in told if flat(d.name) not in written}
        return blocks.written(statements, [*declared, *guessed.values()], self.background.aliases, said)
