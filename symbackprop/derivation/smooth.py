"""Derivatives at turns: where what they come to from each side agrees, that is their value, and there is no kink.

abs'(0) = 0 and relu'(0) = 0 are conventions, right for |x| and relu(x). Of a smooth function that is put together from these, such as
max(x, 0) + log(1 + exp(-|x|)), they would give a wrong value at 0. So a derivative that turns somewhere is looked at there: if its
limits from all sides agree, and the function is continuous, then they are its value (mean value theorem). It is said by one bracket for
both sides, [x >= 0] for [x > 0], or by a term [x = 0] c where a quotient has its limit only.
"""

from collections.abc import Callable, Mapping, Sequence

from sympy import Add, Dummy, Expr, S, Symbol, nan, oo, zoo

from symbackprop.calculus.brackets import opposite
from symbackprop.calculus.program import Call, Equation
from symbackprop.calculus.signs import UNKNOWN, Signs, is_total
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total
from symbackprop.derivation.turns import (
    LONGEST,
    Meeting,
    Parts,
    jumps,
    limit,
    meetings,
    on_side,
    one_sided,
    turn_of,
    turns,
    vanishes,
    zeros,
)
from symbackprop.memo import remembered

Inline = Callable[[Expr], Expr]


def smoothed(slope: Expr, keeps: Callable[[Expr], bool], signs: Signs = UNKNOWN, inline: Inline = lambda e: e) -> Expr:
    """`slope`, a derivative, with its limit wherever it turns and its limits agree.

    `keeps`: whether the function that it is the derivative of has a jump of its own at a turn, so that there is nothing to say there.
    `inline` says an expression in other entries, by which it is decided what depends on what.
    """
    if not slope.has(Positive, NonNegative) and not turns(slope):
        return slope
    if isinstance(slope, Total):
        return Total(smoothed(slope.body, keeps, signs, inline), *slope.indices)
    sums = {t: Dummy("T", real=True) for t in slope.atoms(Total) if not any(t is not u and u.has(t) for u in slope.atoms(Total))}
    whole = {d: smoothed(t, keeps, signs, inline) for t, d in sums.items()}
    e = slope.xreplace(sums)
    for turn in turns(inline(e)):
        if not keeps(turn):
            e = _at_turn(e, turn, signs, inline)
    return e.xreplace(whole)


def agrees(meeting: Meeting) -> bool | None:
    """Whether the limits from all sides are there and are the same; None: can't tell."""
    first, *others = meeting.limits
    if first is None or None in others:
        return None
    same = [first == x or vanishes(first - x) for x in others]
    return False if False in same else None if None in same else True


def is_continuous(e: Expr, turn: Expr, signs: Signs = UNKNOWN) -> bool | None:
    """Whether `e` comes to its own value from all sides where it turns; None: can't tell."""
    found = meetings(e, turn, signs)
    if found is None:
        return None
    same = [agrees(Meeting([m.value, *m.limits], m.value)) for m in found]
    return False if False in same else None if None in same else True


def _at_turn(e: Expr, turn: Expr, signs: Signs, inline: Inline) -> Expr:
    found = meetings(inline(e), turn, signs)
    if not found or not all(agrees(m) for m in found):
        return e
    if all(_is_there(m) for m in found):
        return e
    for said in dict.fromkeys((e, inline(e))):  # an entry may hold a jump that cancels one of `e`
        closed = _closed(said, turn, one_sided(turn, signs), inline)
        whole = meetings(inline(closed), turn, signs)
        if whole is not None and all(agrees(m) and _is_there(m) for m in whole):
            return closed
    return _corrected(e, turn, signs, inline)


def _is_there(m: Meeting) -> bool:
    """Whether the value where it turns is what the limits are."""
    return not m.value.has(nan, zoo, oo) and bool(m.value == m.limits[0] or vanishes(m.value - m.limits[0]))


def _closed(e: Expr, turn: Expr, one_side: bool, inline: Inline) -> Expr:
    """`e` with what jumps at a turn as it is on the positive side, where it turns too."""
    above = Dummy("above")
    sample: Expr | None = None

    def said(f: Expr) -> Expr:
        nonlocal sample
        if not f.args or isinstance(f, Entry | Total):
            return f
        f = f.func(*[said(a) for a in f.args])
        if isinstance(f, Positive | NonNegative):
            found, sign = turn_of(inline(f.args[0]))
            if found != turn:
                return f
            sample = sample or NonNegative(sign * f.args[0])
            return above if sign > 0 else 1 - above
        if turn in turns(inline(f)) and jumps(f) and hasattr(f, "law"):
            return said(f.law(*f.args))
        return f

    made = said(e)
    if one_side or sample is None:
        return made.xreplace({above: S.One})
    return _by_side(made, above, sample)


def _by_side(e: Expr, above: Dummy, bracket: Expr) -> Expr:
    """`e` with a bracket for `above`, in those of its terms that depend on it, as short as they can be."""
    if not e.has(above):
        return e
    if isinstance(e, Add):
        return Add(*[_by_side(a, above, bracket) for a in e.args])
    yes, no = (e.xreplace({above: S(k)}) for k in (1, 0))
    if yes == no:
        return yes
    if yes == -no:
        return (2 * bracket - 1) * yes
    if no == 0:
        return bracket * yes
    if yes == 0:
        return opposite(bracket) * no
    return e.func(*[_by_side(a, above, bracket) for a in e.args])


def _corrected(e: Expr, turn: Expr, signs: Signs, inline: Inline) -> Expr:
    """`e` and, where it turns, what its limit there is more than its value."""
    surfaces = zeros(turn, signs)
    if surfaces is None or len(surfaces) != 1:
        return e
    told = inline(e)
    more = limit(on_side(told, {turn: 1}), surfaces[0], signs)
    there = on_side(told, {turn: 0}).xreplace(dict(surfaces[0]))
    if more is None or there.has(nan, zoo, oo):
        return e
    here = NonNegative(-turn) if one_sided(turn, signs) else NonNegative(turn) * NonNegative(-turn)
    return e + here * (more - there)


class Model:
    """What is known of the program that derivatives are of: where its own equations jump, and what its entries are."""

    def __init__(self, equations: Sequence[Equation], signs: Signs) -> None:
        squares = {e.name: e for e in equations if e.name in signs.squares and isinstance(e.rhs, Expr)}
        self.signs = Parts(signs.squares, signs.positive, squares)
        self._found: dict[Expr, set[Expr]] = {}
        self.order: dict[str, int] = {}
        self.equations: dict[str, Equation] = {}
        for e in equations:
            self.learn(e)
        self.steps: set[Expr] = set().union(*(self.steps_of(e) for e in equations))

    def learn(self, e: Equation) -> None:
        """Remember an equation without a sum."""
        if isinstance(e.rhs, Expr) and not e.rhs.has(Total):
            self.order[e.name] = len(self.order)
            self.equations[e.name] = e

    def smoothed(self, slope: Expr, of: Expr = S.Zero) -> Expr:
        """A derivative of the program with its limits where it turns.

        Not where what it is the derivative by, `of`, has no value, as B = sin(x) / x at x = 0 in where(x != 0, B, 1): it isn't used there.
        """
        told: list[Expr] | None = None

        def keeps(turn: Expr) -> bool:
            nonlocal told
            if pattern(turn) in self.steps:
                return True
            if told is None:  # what has a value everywhere has one where it turns
                told = [e for e in map(self.inline, bodies(of)) if not is_total(e, (), self.signs)]
            return any(self.is_lost(e, turn) for e in told)

        return smoothed(slope, keeps, self.signs, self.inline)

    def is_lost(self, e: Expr, turn: Expr) -> bool:
        """Whether `e` has no value at a turn."""
        return any(on_side(e, {turn: 0}).xreplace(dict(surface)).has(nan, oo, zoo) for surface in zeros(turn, self.signs) or ())

    def inline(self, e: Expr) -> Expr:
        """`e` with its entries replaced by what their equations say, the last ones first, as far as that is not too long."""
        while known := [a for a in e.atoms(Entry) if a.name in self.equations]:
            last = max(known, key=lambda a: (self.order[a.name], str(a)))
            made = e.xreplace({last: self.equations[last.name].at(last.indices)})
            if made.count_ops() > LONGEST:
                break
            e = made
        return e

    def steps_of(self, e: Equation) -> set[Expr]:
        """The turns, at whatever indices, at which an equation jumps, or may."""
        if isinstance(e.rhs, Call):
            return set()
        if e.rhs in self._found:
            return self._found[e.rhs]
        found = self._found[e.rhs] = set()
        for body in bodies(e.rhs):
            if turns_with_jumps(body):
                told = self.inline(body)
                found |= {pattern(u) for u in turns_with_jumps(told) if not is_continuous(told, u, self.signs)}
        return found


def bodies(e: Expr) -> tuple[Expr, ...]:
    """An expression, and what its sums are of."""
    return (e, *[t.body for t in e.atoms(Total)])


@remembered
def turns_with_jumps(e: Expr) -> tuple[Expr, ...]:
    """The turns of brackets that are written and of functions that jump, and those that these hold: [|x| > 0] jumps where x turns."""
    found = [turn for turn, at in turns(e).items() if any(jumps(f) for f in at)]
    return tuple(dict.fromkeys(u for turn in found for u in (turn, *turns(turn))))


def keeps_own(e: Expr, signs: Signs) -> Callable[[Expr], bool]:
    """Whether `e` itself jumps at a turn, or may."""
    return lambda turn: turn in turns_with_jumps(e) and not is_continuous(e, turn, signs)


def pattern(turn: Expr) -> Expr:
    """A turn at whatever indices."""
    at: Mapping[Expr, Expr] = {a: Symbol(a.name, real=True) for a in turn.atoms(Entry)}
    made = turn.xreplace(at)
    return -made if made.could_extract_minus_sign() else made
