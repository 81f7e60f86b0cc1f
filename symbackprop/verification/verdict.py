"""What a check says: a Verdict, and a Report of many.

A verdict is a value with a reason. It has no truth value, so that nobody can take "unknown" for "right" by accident.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symbackprop.emit import render
from symbackprop.errors import ContradictionError, DeriveError, SymbackpropError, VerifyError

STATUSES = ("proved", "exact", "holds", "holds-if", "wrong", "unknown")
"""From the strongest to the weakest: for all sizes; as exact algebra; to a tolerance; under conditions; refuted; undecided."""

SIGNS = {"green": "✓", "red": "✗", "amber": "?"}
"""What stands beside the word of a verdict, which is never told by its colour alone."""

GREEN = ("proved", "exact", "holds", "holds-if")

SAID = ("exact", "holds-if")
"""Those whose reason says how it was found: "exact at n = 2"."""


@dataclass(frozen=True)
class Counterexample:
    """Where two sides differ: sizes of axes, values of tensors, the entry, and what each side is there."""

    sizes: Mapping[str, int]
    values: Mapping[str, Any]
    entry: tuple[int, ...]
    left: str
    right: str

    def __str__(self) -> str:
        where = _first([f"{a} = {s}" for a, s in self.sizes.items()], MOST_SIZES, ", ")
        values = arrays_text(self.values)
        entry = f" at entry [{', '.join(map(str, self.entry))}]" if self.entry else ""
        return "; ".join(part for part in (where, values, f"left {self.left}, right {self.right}{entry}") if part)

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        values = {name: np.asarray(v).tolist() for name, v in self.values.items()}
        return {"sizes": dict(self.sizes), "values": values, "entry": list(self.entry), "left": self.left, "right": self.right}


@dataclass(frozen=True)
class Verdict:
    """What is said of `subject`, and why.

    `conditions` are what a "holds-if" hangs on; `cause` is the likely cause of a "wrong" and `counterexample` its proof;
    `details` are further lines (rules used, points, kinks skipped). `is_fault`: it is unknown for a fault of this program.
    """

    status: str
    subject: str
    reason: str = ""
    conditions: tuple[str, ...] = ()
    cause: str = ""
    counterexample: Counterexample | None = None
    details: tuple[str, ...] = ()
    is_fault: bool = False

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"'{self.status}' is not one of {', '.join(STATUSES)}")
        if self.status == "holds-if" and not self.conditions:
            raise ValueError("a verdict that holds under conditions must name them")

    def __bool__(self) -> bool:
        raise TypeError("a verdict has no truth value; ask for .status or .is_green")

    @property
    def is_green(self) -> bool:
        """Whether it holds, in whatever way. Unknown is not green."""
        return self.status in GREEN

    def under(self, conditions: Sequence[str]) -> "Verdict":
        """This verdict, given that it was found under `conditions`: a green one becomes "holds-if"."""
        if not conditions or not self.is_green:
            return self
        reason = self.reason if self.status in SAID else f"{self.status}: {self.reason}"
        return replace(self, status="holds-if", reason=reason, conditions=(*self.conditions, *conditions))

    def grounds(self) -> list[str]:
        """What it hangs on, its likely cause and its counterexample, a line each."""
        made = [f"if {c}" for c in self.conditions]
        made += [f"likely cause: {self.cause}"] if self.cause else []
        return made + ([f"counterexample: {self.counterexample}"] if self.counterexample else [])

    def lines(self) -> list[str]:
        """The reason and what belongs to it, a line each."""
        return [*([self.reason] if self.reason else []), *self.grounds(), *self.details]

    def _repr_html_(self) -> str:
        return Report((self,))._repr_html_()

    def _repr_markdown_(self) -> str:
        return Report((self,))._repr_markdown_()

    def __str__(self) -> str:
        return "\n    ".join([f"{self.status}: {self.subject}", *self.lines()])

    def as_dict(self) -> dict[str, Any]:
        """Plain strings, lists and numbers, for JSON."""
        return {
            "status": self.status,
            "subject": self.subject,
            "reason": self.reason,
            "conditions": list(self.conditions),
            "cause": self.cause,
            "counterexample": self.counterexample.as_dict() if self.counterexample else None,
            "details": list(self.details),
        }


@dataclass(frozen=True)
class Report:
    """Verdicts in order. `ok`: there is one at least, and all are green."""

    verdicts: tuple[Verdict, ...]
    title: str = ""

    def __bool__(self) -> bool:
        raise TypeError("a report has no truth value; ask for .ok")

    @property
    def ok(self) -> bool:
        """Whether every verdict is green; an empty report is not."""
        return bool(self.verdicts) and all(v.is_green for v in self.verdicts)

    @property
    def exit_status(self) -> int:
        """0 all good, 1 something is wrong, 3 something is unknown (or nothing was checked)."""
        if any(v.status == "wrong" for v in self.verdicts):
            return 1
        return 0 if self.ok else 3

    def counts(self) -> dict[str, int]:
        """How many verdicts of each status there are, those of which there are none left out."""
        found = {s: sum(v.status == s for v in self.verdicts) for s in STATUSES}
        return {s: k for s, k in found.items() if k}

    def table(self, width: int = 120) -> str:
        """The verdicts as plain text: status, subject, reason; what belongs to a verdict stands below it."""
        subjects = [v.subject for v in self.verdicts]
        left, middle = max(map(len, STATUSES)), min(max(map(len, subjects), default=0), width // 2)
        rows = [self.title, "-" * len(self.title)] if self.title else []
        for v in self.verdicts:
            head, *rest = v.lines() or [""]
            fits = len(v.subject) <= middle
            rows.append(f"{v.status:<{left}}  {v.subject:<{middle}}  {head if fits else ''}".rstrip())
            rows += [" " * (left + middle + 4 if fits else left + 2) + line for line in ([] if fits else [head]) if line]
            rows += [" " * (left + 2) + "  " + line for line in rest]
        rows.append(", ".join(f"{k} {s}" for s, k in self.counts().items()) or "nothing was checked")
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        rows = [
            {"colour": c, "sign": SIGNS[c], "status": v.status, "subject": v.subject, "text": "\n".join(v.lines())}
            for c, v in self._coloured
        ]
        foot = ", ".join(f"{k} {s}" for s, k in self.counts().items()) or "nothing was checked"
        return render("notebook", "report.html.jinja", {"title": self.title, "rows": rows, "foot": foot if len(rows) != 1 else ""})

    def _repr_markdown_(self) -> str:
        return f"```text\n{self.table()}\n```"

    @property
    def _coloured(self) -> list[tuple[str, Verdict]]:
        return [("green" if v.is_green else "red" if v.status == "wrong" else "amber", v) for v in self.verdicts]

    def __str__(self) -> str:
        return self.table()

    def as_dict(self) -> dict[str, Any]:
        """Plain strings, lists and numbers, for JSON."""
        return {"title": self.title, "ok": self.ok, "counts": self.counts(), "verdicts": [v.as_dict() for v in self.verdicts]}

    def __add__(self, other: "Report") -> "Report":
        return Report((*self.verdicts, *other.verdicts), self.title or other.title)


def guarded(subject: str, check: Callable[[], Verdict]) -> Verdict:
    """The verdict of `check`; whatever exception it raises becomes "unknown", with the exception as the reason."""
    try:
        return check()
    except Exception as error:  # an oracle that breaks must never look like an answer, whatever broke it
        return broken(subject, error)


def broken(subject: str, error: Exception) -> Verdict:
    """Unknown, with `error` as the reason. What is no check that could not be put is a fault of ours."""
    fault = isinstance(error, ContradictionError) or not isinstance(error, VerifyError | DeriveError)
    if isinstance(error, SymbackpropError):
        details = tuple(line.strip() for line in str(error).splitlines()[1:])
        return Verdict("unknown", subject, f"{type(error).__name__}: {error.reason}", details=details, is_fault=fault)
    message = str(error).splitlines()[0] if str(error) else "no message"
    return Verdict("unknown", subject, f"{type(error).__name__}: {message}", is_fault=fault)


MOST_ENTRIES, MOST_ARRAYS, MOST_SIZES = 24, 12, 8
"""Entries of an array that are printed, of a larger one the first few; arrays, and sizes, of a counterexample."""


def arrays_text(arrays: Mapping[str, Any]) -> str:
    """Arrays by name, each on one line; of a large one its shape and first entries."""
    return _first([f"{name} = {_cut_text(np.asarray(v))}" for name, v in arrays.items()], MOST_ARRAYS, "; ")


def _first(parts: Sequence[str], most: int, between: str) -> str:
    """The first of many parts, and how many there are more."""
    more = [f"and {len(parts) - most} more"] if len(parts) > most else []
    return between.join([*parts[:most], *more])


def _cut_text(values: np.ndarray) -> str:
    if values.size <= MOST_ENTRIES:
        return array_text(values)
    first = ", ".join(number_text(v) for v in values.reshape(-1)[:6])
    return f"[{first}, ...] ({' x '.join(map(str, values.shape))})"


def array_text(values: Any) -> str:
    """An array on one line, in as few digits as tell its entries."""
    values = np.asarray(values)
    if values.ndim:
        return "[" + ", ".join(array_text(v) for v in values) + "]"
    return number_text(values.item())


def number_text(value: float) -> str:
    """A number in at most 6 digits, whole numbers without a point."""
    return f"{value + 0.0:.6g}"


def two_texts(one: float, other: float) -> tuple[str, str]:
    """Two numbers, in as many digits as tell them apart."""
    for digits in (6, 9, 12, 17):
        texts = f"{one + 0.0:.{digits}g}", f"{other + 0.0:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts
