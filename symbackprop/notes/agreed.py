"""One set of conventions for a note: the one under which most of its claims hold plainly."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from symbackprop.formulas.notation.context import Context, Conventions
from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.notation.labels import labelled
from symbackprop.formulas.notation.links import links
from symbackprop.formulas.notation.readings import Reading, usual, varied
from symbackprop.formulas.outcome import Outcome
from symbackprop.formulas.trial import tried
from symbackprop.notes.pieces import Piece

LAYOUTS = ("gradient", "numerator", "denominator")
SECONDS = 60.0
"""So long conventions are compared; what is not compared by then has no say."""


@dataclass
class Search:
    """Which claims hold plainly under which conventions, each asked for once."""

    claims: Sequence[Piece]
    context: Callable[[Piece, Conventions], Context]
    made: dict[tuple[int, Conventions], bool] = field(default_factory=dict)
    mattered: set[str] = field(default_factory=set)
    """Conventions that decide about a claim."""

    def holds(self, k: int, said: Conventions) -> bool:
        """Whether a claim holds plainly."""
        if (k, said) not in self.made:
            self.made[k, said] = holds_plainly(self.claims[k], self.context(self.claims[k], said))
        return self.made[k, said]

    def agreed(self, declared: Conventions) -> Conventions:
        """The conventions that most claims follow; what is declared is kept, and of equally good ones the usual.

        What a note says of shapes counts twice: it is said on purpose.
        """
        start = time.process_time()
        best = declared
        for changes in self.changes(declared):
            other = replace(best, **changes)  # type: ignore[arg-type]
            score = 0
            for k in range(len(self.claims)):
                if time.process_time() - start > SECONDS:
                    return best
                here, there = self.holds(k, best), self.holds(k, other)
                score += (there - here) * (2 if self.claims[k].kind == "shape" else 1)
                self.mattered |= set(changes) if here != there else set()
            best = other if score > 0 else best
        return best

    @staticmethod
    def changes(declared: Conventions) -> Iterator[Mapping[str, object]]:
        """What is tried where nothing is declared."""
        if declared.layout is None:
            yield from ({"layout": layout} for layout in LAYOUTS[1:])
        if declared.row_vectors is None:
            yield {"row_vectors": True}
        if declared.samples is None:
            yield {"samples": "columns"}


def holds_plainly(piece: Piece, context: Context) -> bool:
    """Whether all links of a claim hold under the usual reading of its conventions."""
    return broken(piece, context) is None


def broken(piece: Piece, context: Context) -> Outcome | None:
    """What came of the first link of a claim that does not hold under the usual reading; nothing where all of them hold."""
    context, statements = labelled(context, piece.statements)
    sides = [s.body for s in statements]
    try:
        for link in links(statements, context):
            made = [tried(link, context, reading, sides) for reading in _first(context)]
            if all(m.kind != "equal" for m in made):
                return made[0]
    except UnreadError as error:
        return Outcome("unread", error.reason, error.node)
    return None


def _first(context: Context) -> list[Reading]:
    """The reading that conventions say; in numerator layout a scalar by a matrix may be turned."""
    first = usual(context.conventions)
    return [first, varied(first, turned=True)] if first.layout == "numerator" else [first]
