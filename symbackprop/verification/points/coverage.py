"""What the points of a check have reached: each condition on both of its sides, or said by name if no point got there.

A side that the condition can't have (a square below 0) is not asked for, as far as the signs of what it is made of tell.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from sympy import Add, Expr, Function, KroneckerDelta, Mul, Pow, Symbol

from symbackprop.calculus.facts import kind_of
from symbackprop.calculus.index import Index
from symbackprop.calculus.program import DERIVED, Call, Program
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, sides_of
from symbackprop.ops import op_of
from symbackprop.rewriting.sign import is_nonnegative
from symbackprop.verification.oracle.sides import Condition, Reached, Site

NEVER_NEGATIVE = frozenset({"softmax", "var", "max_selector", "min_selector"})
KEEP_SIGN = frozenset({"max", "min", "mean", "prod"})
"""Calls whose values are never negative, and those of which the same is true if their arguments are not."""

PICKED = {"max": "largest", "max_selector": "largest", "min": "smallest", "min_selector": "smallest"}
"""Which entry a call picks, in words."""

STEPWISE = frozenset({"floor"})
"""Functions with a kink at every whole number: no side of theirs is asked for."""

MOST_NAMED = 3
"""Conditions that are named in a verdict; of more, the number is told."""

MOST_WORDS = 90
"""Characters of a condition in words; a longer one is cut."""


@dataclass(frozen=True)
class Missing:
    """A side that no point has reached: of the condition in the equation `place`, the sign of its gap (0: that another entry is picked)."""

    place: str
    condition: Condition
    sign: int


@dataclass(frozen=True)
class Proviso:
    """What two sides are equal under, in words, and the sides of conditions that these stand for: two may be said alike."""

    said: str
    sides: frozenset[tuple[Condition, int]] = frozenset()


class Conditions:
    """The conditions of a program: which sides of them there can be, and how they are said."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.own = frozenset(e.name for e in program.equations if e.tensor.role not in DERIVED)

    @cached_property
    def never_negative(self) -> set[str]:
        """The tensors without a negative entry, as far as facts and equations say so."""
        known = {f.tensor for f in self.program.facts if kind_of(f).never_negative}
        known |= {t.name for t in self.program.leaves if t.role == "index"}
        for e in self.program.equations:
            if isinstance(e.rhs, Expr):
                never = is_nonnegative(e.rhs, known)
            else:
                never = e.rhs.op in NEVER_NEGATIVE or (e.rhs.op in KEEP_SIGN and set(e.rhs.arguments) <= known)
            if never:
                known.add(e.name)
        return known

    def can(self, condition: Condition, sign: int) -> bool:
        """Whether the gap of a condition on data may have this sign; True where that is not known."""
        if isinstance(condition, Call | Mul | KroneckerDelta):
            return True
        return not is_nonnegative(self.without_extremes(gap_of(condition), -sign), self.never_negative)

    def without_extremes(self, gap: Expr, sign: int) -> Expr:
        """`gap` times a sign, less its differences of a largest entry and one of those it is the largest of, which are never negative."""
        e = Add(*(sign * a for a in gap.args)) if gap.is_Add else sign * gap
        parts = dict(e.as_coefficients_dict()) if e.is_Add else {}
        for t in [a for a in parts if isinstance(a, Entry)]:
            for op, way in (("max", 1), ("min", -1)):
                x = next((a for a in parts if isinstance(a, Entry) and parts[a] == -parts[t] and self.is_of(op, t, a)), None)
                if x is not None and way * parts[t] > 0:
                    e -= parts[t] * (t - x)
        return e

    def is_of(self, op: str, t: Entry, x: Entry) -> bool:
        """Whether `t` is the largest (the smallest) of entries of which `x` is one, over one axis or several."""
        name, places = t.name, list(t.indices)
        while (made := self.program.equation(name)) is not None and isinstance(made.rhs, Call) and made.rhs.op == op:
            name = made.rhs.arguments[0]
            places.insert(made.rhs.option("axis", 0), None)
            if name == x.name:
                return all(p is None or p == i for p, i in zip(places, x.indices, strict=True))
        return False

    def missing(self, reached: Reached) -> Iterator[Missing]:
        """The sides that were not reached."""
        for (place, condition), site in reached.sites.items():
            for sign in wanted(condition, site):
                if self.can(condition, sign):
                    yield Missing(place, condition, sign)

    def unreached(self, missing: Iterable[Missing]) -> list[Proviso]:
        """What no point has reached: the first by name, of the rest the number."""
        found: dict[str, frozenset[tuple[Condition, int]]] = {}
        for m in missing:
            text = self.side(m)
            found[text] = found.get(text, frozenset()) | {(m.condition, m.sign)}
        named = [Proviso(f"not {text} (no point tried was on that side)", sides) for text, sides in islice(found.items(), MOST_NAMED)]
        rest = list(found.values())[MOST_NAMED:]
        return [*named, *([Proviso(f"{len(rest)} more conditions are as at the points tried", frozenset().union(*rest))] if rest else [])]

    def side(self, m: Missing) -> str:
        """A side of a condition in words: x > 3."""
        if isinstance(m.condition, Call):
            return f"one entry of {self.said(Entry(m.condition.arguments[0]))} after another the {PICKED[m.condition.op]}"
        if isinstance(m.condition, Mul):
            parts = " and ".join(self.compared(f.args[0], 1, "" if isinstance(f, Positive) else "=") for f in m.condition.args)
            return parts if m.sign > 0 else f"all but {parts}"
        return self.compared(gap_of(m.condition), m.sign)

    def compared(self, gap: Expr, sign: int, equal: str = "") -> str:
        """That a gap has a sign, as a comparison whose right side is the number, if one is."""
        left, right = sides_of(gap)
        if left.is_number:
            left, right, sign = right, left, -sign
        return f"{self.said(left)} {('==', '>' + equal, '<' + equal)[sign]} {self.said(right)}"

    def off_kink(self, condition: Condition) -> str:
        """That a point is not on the kink of a condition, in words: x is not 0."""
        if isinstance(condition, Call):
            of = self.said(Entry(condition.arguments[0]))
            if condition.op in PICKED:
                return f"no two entries of {of} are the {PICKED[condition.op]}"
            return f"det({of}) is not 0" if condition.op == "sign_of_det" else f"no two eigenvalues of {of} are equal"
        gap = gap_of(condition)
        left, right = sides_of(-gap if gap.could_extract_minus_sign() else gap)
        return f"{self.said(right)} is not {self.said(left)}" if left.is_number else f"{self.said(left)} is not {self.said(right)}"

    def said(self, e: Expr) -> str:
        """An index expression as the language has it: entries by the names of their tensors; what only we named, by its formula."""
        e = e.replace(lambda t: isinstance(t, Total), lambda t: Function("sum")(t.body))
        names = {f: Function(record.name)(*f.args) for f in e.atoms(Function) if (record := op_of(type(f))) is not None}
        text = str(e.xreplace(names).xreplace({a: Symbol(self.entry(a)) for a in e.atoms(Entry)}))
        text = text[1:-1] if isinstance(e, Entry) and text.startswith("(") else text
        return text if len(text) <= MOST_WORDS else f"{text[: MOST_WORDS - 3]}..."

    def entry(self, a: Entry) -> str:
        """The name of a tensor, with places where they are not all of an axis; a passing one by what it stands for."""
        made = self.program.equation(a.name)
        if made is not None and not made.text and isinstance(made.rhs, Expr) and not made.tensor.is_derived and len(made.rhs.args) < 6:
            return f"({self.said(made.at(a.indices))})"
        plain = all(isinstance(i, Index) for i in a.indices) and len(set(a.indices)) == len(a.indices)
        return a.name if plain else f"{a.name}[{', '.join('.' if isinstance(i, Index) else str(i) for i in a.indices)}]"


def gap_of(condition: Expr) -> Expr:
    """What a bracket or a function with a kink decides by, as an expression; of a root, what is under it."""
    if isinstance(condition, KroneckerDelta) or type(condition).__name__ in ("maximum", "minimum"):
        return condition.args[0] - condition.args[1]
    return condition.args[0]


def wanted(condition: Condition, site: Site) -> list[int]:
    """The signs that a condition has still to be met with. A bracket at 0 is on the side that its value says."""
    if isinstance(condition, Call):
        return [0] if condition.op in PICKED and len(site.picks) == 1 else []
    if isinstance(condition, KroneckerDelta):
        return ([] if site.at else [0]) + ([] if site.above or site.below else [1])
    if isinstance(condition, Pow) or type(condition).__name__ in STEPWISE:
        return []
    below = site.below or (site.at and isinstance(condition, Positive))
    above = site.above or (site.at and isinstance(condition, NonNegative))
    return ([] if below else [-1]) + ([] if above else [1])
