"""The judgement on a note: verdicts by formula, what holds for the note as a whole, and what was not checked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symbackprop.formulas.said import Said
from symbackprop.formulas.verdict import ClaimVerdict
from symbackprop.notes.note import Formula, Note

ORDER = ("holds", "holds-if", "unknown", "wrong")
"""From the best status to the worst."""
COUNTED = (*ORDER, "definition", "muted", "unread", "no claim")


@dataclass(frozen=True)
class Unread:
    """Why a formula was not checked, and the column of its LaTeX (from 0) at which reading stopped."""

    because: Said | str
    position: int | None = None


@dataclass(frozen=True)
class Judged:
    """What was found out about a note.

    Args: `verdicts` (by the number of the formula, in the order of its claims), `unread` (by the number of the formula), `conventions`,
    `contradictions` (a sentence, and the numbers of the formulas that contradict each other), `context` (the context block that was
    inferred, without its fence). A formula that has neither a verdict nor a place in `unread` claims nothing.
    """

    verdicts: Mapping[int, Sequence[ClaimVerdict]] = field(default_factory=dict)
    unread: Mapping[int, Unread] = field(default_factory=dict)
    conventions: Sequence[Said | str] = ()
    contradictions: Sequence[tuple[Said | str, Sequence[int]]] = ()
    context: str = ""

    def worst(self, formula: Formula) -> str:
        """The worst status of a formula's claims; "" without a verdict, and for one that is muted."""
        given = () if formula.mute is not None else self.verdicts.get(formula.number, ())
        return max((v.status for v in given), key=ORDER.index, default="")


def counts(note: Note, judged: Judged) -> dict[str, int]:
    """How many claims hold, are wrong and so on; how many formulas are muted, not read, or no claim."""
    found = Counter(dict.fromkeys(COUNTED, 0))
    for formula in note.formulas:
        verdicts = judged.verdicts.get(formula.number, ())
        if formula.mute is not None:
            found["muted"] += 1
        elif verdicts:
            found.update("definition" if v.kind == "definition" and v.status == "holds" else v.status for v in verdicts)
        else:
            found["unread" if formula.number in judged.unread else "no claim"] += 1
    return dict(found)


def exit_status(note: Note, judged: Judged) -> int:
    """0 where nothing is wrong or open, 1 where something is wrong, 3 where something is unknown and nothing wrong."""
    found = counts(note, judged)
    return 1 if found["wrong"] else 3 if found["unknown"] else 0
