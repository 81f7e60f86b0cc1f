"""What is said of one claim on paper."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symbackprop.formulas.said import Said

STATUSES = ("holds", "holds-if", "wrong", "unknown")


KINDS = ("claim", "update", "shape", "definition")


@dataclass(frozen=True)
class Counterexample:
    """Where two sides differ: sizes, small values of what they depend on, the entry, both sides, and a script that shows it.

    The script imports numpy alone and prints both values.
    """

    sizes: Mapping[str, int]
    values: Mapping[str, Any]
    entry: str
    left: str
    right: str
    script: str = ""

    @property
    def table(self) -> list[tuple[str, str]]:
        """Names and values, two columns."""
        rows = [(name, str(size)) for name, size in self.sizes.items()]
        return rows + [(name, str(value)) for name, value in self.values.items()]

    def as_dict(self) -> dict[str, Any]:
        """Plain strings, lists and numbers, for JSON."""
        return {
            "sizes": dict(self.sizes),
            "values": dict(self.values),
            "entry": self.entry,
            "left": self.left,
            "right": self.right,
            "script": self.script,
        }


@dataclass(frozen=True)
class ClaimVerdict:
    r"""The verdict on one claim.

    `status`: "holds" at every point tried, under the reading that was declared or is usual; "holds-if", under `conditions` (a reading,
    a convention, a fact); "wrong", every reading that fits was refuted by numbers or by shapes; "unknown", `because` says why.
    `broken` is the first link of a chain of equalities that fails, `corrected` a right formula in the author's notation, `reading`
    how the claim was understood, `position` the columns of the first thing that was not understood.
    """

    claim: str
    status: str
    because: Said | str = ""
    conditions: tuple[Said, ...] = ()
    kind: str = "claim"
    reading: Said | str = ""
    broken: str | None = None
    corrected: str | None = None
    counterexample: Counterexample | None = None
    position: tuple[int, int] | None = None

    def __bool__(self) -> bool:
        raise TypeError("a verdict has no truth value; ask for .status")

    def as_dict(self) -> dict[str, Any]:
        """Plain strings, lists and numbers, for JSON."""
        return {
            "claim": self.claim,
            "status": self.status,
            "kind": self.kind,
            "because": str(self.because),
            "conditions": [str(c) for c in self.conditions],
            "reading": str(self.reading),
            "broken": self.broken,
            "corrected": self.corrected,
            "counterexample": self.counterexample.as_dict() if self.counterexample else None,
            "position": list(self.position) if self.position else None,
        }
