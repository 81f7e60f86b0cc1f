"""The exception tree: every mistake a user can make is one of these, with its place, its reason and the fix.

A message has the same parts in the same order: what and where, the expression with a caret under the guilty
columns, the sizes bound so far, and the fix.
"""

from collections.abc import Sequence
from difflib import get_close_matches


class SymbackpropError(Exception):
    """Base of all errors of this package.

    Args: `reason` (one line), `place` ("equation O", "axes", a file and line), `source` (the text the user wrote),
    `spans` (columns [start, stop) of `source` to point at), `notes` (sizes, values), `fix` (what to write instead).
    """

    def __init__(
        self,
        reason: str,
        *,
        place: str = "",
        source: str = "",
        spans: Sequence[tuple[int, int]] = (),
        notes: Sequence[str] = (),
        fix: str = "",
    ) -> None:
        """Every part but the reason may be left out."""
        self.reason = reason
        self.place = place
        self.source = source
        self.spans = tuple(spans)
        self.notes = tuple(notes)
        self.fix = fix
        super().__init__(reason)

    def __str__(self) -> str:
        where = f" in {self.place}" if self.place else ""
        lines = [f"{type(self).__name__}{where}: {self.reason}"]
        lines += [f"    {line}" for line in excerpt(self.source, self.spans)]
        lines += [f"    {note}" for note in self.notes]
        if self.fix:
            lines.append(f"    fix: {self.fix}")
        return "\n".join(lines)


class SpecError(SymbackpropError):
    """The model or the expression is not one this language can state."""


class ParseError(SpecError):
    """The text is not an expression of the language."""


class FormulaError(ParseError):
    """The LaTeX is not a formula that can be read."""


class UnknownNameError(SpecError):
    """A tensor, key or keyword that nothing defines."""


class UnknownOpError(SpecError):
    """A function that the op table does not hold."""


class AxisError(SpecError):
    """Axes that do not fit together. `misfit`: those of arrays, not an option or a shape string."""

    misfit = False


class FactError(SpecError):
    """A fact that can't be declared so, or that the data breaks."""


class NoGradientsError(SpecError):
    """A function or a class that is to be checked as a backward pass, and gives no gradients."""


class NoteError(SymbackpropError):
    """A file of notes that can't be read: missing, binary, in another encoding, no notebook."""


class DeriveError(SymbackpropError):
    """A derivative that can't be had."""


class NotDifferentiableError(DeriveError):
    """The expression has no derivative that would make sense."""


class NotationError(SymbackpropError):
    """A result that can't be written in the form asked for. `why`: of a missing matrix form, the key of its reason."""

    why = ""


class TargetError(SymbackpropError):
    """Code that can't be generated, or a file that can't be written."""


class UnknownTargetError(TargetError):
    """A target without a folder under templates/."""


class MissingSpellingError(TargetError):
    """A function for which the target has no spelling."""


class DataError(SymbackpropError):
    """Data that does not fit the model."""


class TrainError(SymbackpropError):
    """Training that can't start or can't go on: settings out of range, a loss that is not finite."""


class VerifyError(SymbackpropError):
    """A check that could not be put, or that failed where it had to hold."""


class ServeError(SymbackpropError):
    """The page can't be served, or a question of it is none, takes too long or too much memory."""


class ContradictionError(VerifyError):
    """Two engines of this program contradict each other: a fault of its own, not of what was asked."""


WIDTH = 100


def excerpt(source: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """The line of `source` that holds the first span, cut to WIDTH columns, and a line of carets under the spans."""
    if not source:
        return []
    if not spans:
        line = source.splitlines()[0] if source.strip() else source
        return [line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."]
    start = spans[0][0]
    head = source.rfind("\n", 0, start) + 1
    tail = source.find("\n", start)
    line = source[head:] if tail < 0 else source[head:tail]
    marks = [(max(a - head, 0), min(max(b - head, a - head + 1), len(line) + 1)) for a, b in spans if head <= a <= head + len(line)]
    shift = 0
    if len(line) > WIDTH:
        shift = max(0, min(marks[0][0] - WIDTH // 2, len(line) - WIDTH))
        line = ("..." if shift else "") + line[shift : shift + WIDTH] + "..."
        shift -= 3 if shift else 0
    carets = [" "] * (len(line) + 1)
    for a, b in marks:
        for column in range(max(a - shift, 0), min(b - shift, len(carets))):
            carets[column] = "^"
    return [line, "".join(carets).rstrip()]


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """The known names most like `name`, at most three, best first."""
    return get_close_matches(name, sorted(set(known)), n=3, cutoff=0.5)
