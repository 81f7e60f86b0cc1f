"""Where an expression turns, and what it comes to there from each side.

A turn is where the argument of a bracket changes its sign: a bracket that is written, or one in the law of a function, as |x| turns at
x = 0. Arguments that differ by sign and positive factors are one turn.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import product

from sympy import Add, Dummy, Expr, Float, KroneckerDelta, Mul, Pow, Rational, S, Symbol, exp, fraction, log, nan, oo, together, zoo

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Equation
from symbackprop.calculus.signs import UNKNOWN, Signs, is_squares
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total
from symbackprop.derivation.scalar import derivative
from symbackprop.memo import remembered
from symbackprop.ops.function import Elementwise

LONGEST_POWER, DIGITS = 1000, 80
"""The longest power of a number that is taken exactly, and the digits of others: more than are asked for."""
MOST_OTHERS = 4
"""Turns beside the one in hand whose sides are all looked at."""
LONGEST = 400
"""Operations of the longest expression that is looked at."""
MOST_ORDER = 6
"""Times that numerator and denominator are derived before a limit is given up."""
Surface = tuple[tuple[Expr, Expr], ...]
"""Where a turn is: entries and what they are there."""


def turn_of(x: Expr) -> tuple[Expr, int]:
    """The turn of a bracket's argument, and the sign that the argument has on its positive side."""
    if isinstance(x, Pow) and x.exp.is_positive and not x.exp.is_even:
        return turn_of(x.base)
    _, rest = x.primitive()
    rest = Mul(*[f for f in Mul.make_args(rest) if not f.is_positive])
    return (-rest, -1) if rest.could_extract_minus_sign() else (rest, 1)


def arguments(e: Expr) -> tuple[Expr, ...]:
    """The arguments of the brackets that a bracket or function is, or holds by its law."""
    if isinstance(e, Positive | NonNegative):
        return e.args
    if isinstance(e, Elementwise):
        law, own = _law(type(e))  # type: ignore[arg-type]  # a class, which can be hashed
        at = dict(zip(own, e.args, strict=True))
        return tuple(b.args[0].xreplace(at) for b in law.atoms(Positive, NonNegative))
    return ()


@cache
def _law(function: type[Elementwise]) -> tuple[Expr, tuple[Expr, ...]]:
    own = tuple(Dummy(f"x{k}", real=True) for k in range(function.arity))
    return function.law(*own), own


def jumps(f: Expr) -> bool:
    """Whether a bracket, or a function by its law, has a jump where it turns, as sign(x) has and |x| has not."""
    return _jumps(type(f)) if isinstance(f, Elementwise) else True  # type: ignore[arg-type]  # a class, which can be hashed


@cache
def _jumps(function: type[Elementwise]) -> bool:
    law, own = _law(function)  # type: ignore[arg-type]
    for x in {turn_of(b.args[0])[0] for b in law.atoms(Positive, NonNegative)}:
        first = min(x.free_symbols, key=own.index)
        there = {first: first - x / derivative(x, first)}
        values = {on_side(law, {x: side}).xreplace(there) for side in (1, -1, 0)}
        if len(values) > 1:
            return True
    return False


def turns(e: Expr) -> dict[Expr, tuple[Expr, ...]]:
    """The turns of `e` at entries, each with the brackets and functions that turn there; not those inside of sums."""
    return dict(_turns(e))


@remembered
def _turns(e: Expr) -> tuple[tuple[Expr, tuple[Expr, ...]], ...]:
    found: dict[Expr, list[Expr]] = {}
    stack = [e]
    while stack:
        f = stack.pop()
        if isinstance(f, Total | Entry) or not f.args:
            continue
        stack += f.args
        for x in arguments(f):
            if x.has(Entry):
                found.setdefault(turn_of(x)[0], []).append(f)
    return tuple((turn, tuple(found[turn])) for turn in sorted(found, key=str))


def on_side(e: Expr, sides: Mapping[Expr, int]) -> Expr:
    """`e` with each of some turns on its positive side (1), on its negative side (-1) or where it turns (0)."""
    if isinstance(e, Total | Entry) or not e.args:
        return e
    e = e.func(*[on_side(a, sides) for a in e.args])
    if isinstance(e, Positive | NonNegative):
        turn, sign = turn_of(e.args[0])
        if turn not in sides:
            return e
        side = sides[turn] * sign
        return S(int(side > 0 if isinstance(e, Positive) else side >= 0))
    if any(turn_of(x)[0] in sides for x in arguments(e)):
        return on_side(e.law(*e.args), sides)
    return e


def at_zero(e: Expr, u: Expr) -> Expr:
    """`e` where `u`, which is never negative, is 0: what a bracket leaves out there is not looked at."""
    return on_side(e, {turn_of(u)[0]: 0}).xreplace({u: S.Zero})


def zeros(u: Expr, signs: Signs = UNKNOWN) -> list[Surface] | None:
    """Where `u` is 0, as surfaces that together are all of it; None: can't tell."""
    if isinstance(u, Entry):
        return [((u, S.Zero),)]
    if not u.has(Entry) or u.is_nonzero:
        return []
    if isinstance(u, Pow):
        return zeros(u.base, signs) if u.exp.is_positive else [] if u.exp.is_negative else None
    if isinstance(u, Mul):
        parts = [zeros(f, signs) for f in u.args]
        return None if None in parts else [s for found in parts if found is not None for s in found]
    if isinstance(u, Elementwise) and u.even_powers is not None:
        return zeros(u.even_powers(*u.args) ** 2, signs)
    if not isinstance(u, Add):
        return None
    if is_squares(u, signs):
        parts = [zeros(f, signs) for f in u.args]
        single = [found[0] for found in parts if found is not None and len(found) == 1]
        return [tuple(dict(p for s in single for p in s).items())] if len(single) == len(parts) else None
    found = _zeros_of_sum(u)
    return [(found[0],)] if found else None


def _zeros_of_sum(u: Expr) -> list[tuple[Entry, Expr]]:
    """The entries that `u` can be solved for, each with what it is where `u` is 0; those that nothing divides by first."""
    found = []
    for a in sorted(u.atoms(Entry), key=str):
        for f in sorted((f for f in u.atoms(Entry, Pow, exp, log) if f.has(a)), key=lambda f: (f != a, str(f))):
            x = Dummy("x", real=True)
            slope = derivative(u.xreplace({f: x}), x)
            back = _solved(f, a, f - u / slope) if slope != 0 and not slope.has(x, a) and not u.xreplace({f: x}).has(a) else None
            if back is not None:
                found.append((slope.has(Entry), len(found), a, back))
    return [(a, there) for _, _, a, there in sorted(found)]


def _solved(f: Expr, a: Entry, value: Expr) -> Expr | None:
    """What `a` is where f(a) has a value: itself, a root, an exponential or a logarithm."""
    if f == a:
        return value
    if f.args[0] == a and isinstance(f, exp | log):
        return log(value) if isinstance(f, exp) else exp(value)
    if isinstance(f, Pow) and f.base == a and f.exp.is_Rational and (f.exp.q == 2 or (f.exp.is_odd and f.exp.is_Integer)):
        return value ** (1 / f.exp)
    return None


def vanishes(e: Expr) -> bool | None:
    """Whether `e` is 0 whatever its entries are, by its value at random numbers, to sixty digits where that is 0; None: can't tell."""
    if e.is_Number or e == 0:
        return bool(e == 0)
    if all(isinstance(f, Entry | Total | Symbol) or f.is_Number for f in Mul.make_args(e)):
        return False
    if e.has(nan, zoo, oo) or e.count_ops() > LONGEST:
        return None
    draw = random.Random(7)
    atoms = sorted(_atoms(e), key=str)
    known = False
    for positive in (False, False, True, True):
        at = {a: Rational(draw.randint(300, 1900), 1000) * (1 if positive or draw.random() < 0.5 or not a.is_real else -1) for a in atoms}
        value = _number(e, at)
        if value is not None:
            known = True
            if abs(value[0]) > 1e-9 * value[1]:
                return False
    if not known:
        return None
    return _precise(e, {a: Rational(draw.randint(300, 1900), 1009) for a in atoms})


def _atoms(e: Expr) -> set[Expr]:
    """What numbers are put for: entries, sizes, indices, and brackets and sums as wholes."""
    if isinstance(e, Entry | Total | Positive | NonNegative | KroneckerDelta | Symbol):
        return {e}
    return set().union(*map(_atoms, e.args)) if e.args else set()


def _number(e: Expr, at: Mapping[Expr, Expr]) -> tuple[float, float] | None:
    """The value of `e` and the size of what it is a sum of; None where there is no real one."""
    parts = [_precisely(t, at, 15) for t in Add.make_args(e)]
    if None in parts:
        return None
    return sum(parts), sum(map(abs, parts)) + 1e-300  # type: ignore[arg-type]


def _precise(e: Expr, at: Mapping[Expr, Expr]) -> bool | None:
    """Whether `e` is 0 to forty digits at numbers."""
    terms = Add.make_args(e)
    parts = [value for t in terms if (value := _precisely(t, at, 60)) is not None]
    if len(parts) < len(terms):
        return None
    return bool(abs(Add(*parts)) <= Rational(1, 10**40) * (Add(*map(abs, parts)) + 1))


def _precisely(e: Expr, at: Mapping[Expr, Expr], digits: int) -> Expr | None:
    value = _put(e, at).evalf(digits)
    return value if value.is_real and value.is_number and value.is_finite else None


def _put(e: Expr, at: Mapping[Expr, Expr]) -> Expr:
    """`e` at numbers, exactly but for powers by long decimals: 1.1^0.6666666666666667 is a root of a number that no memory holds."""
    if e in at:
        return at[e]
    if not e.args:
        return e
    args = [_put(a, at) for a in e.args]
    if isinstance(e, Elementwise):
        return _put(e.law(*args), {})
    if isinstance(e, Pow) and all(a.is_Rational for a in args) and max(abs(args[1].p), args[1].q) > LONGEST_POWER and args[0] != 0:
        return Float(args[0], DIGITS) ** args[1]
    return e.func(*args)


def limit(e: Expr, surface: Surface, signs: Signs = UNKNOWN) -> Expr | None:
    """What `e`, with its turns on one side, comes to on a surface; None where it has no finite limit there, or none is found.

    Where a sum of squares is 0, what is squared is 0 at least as fast as its root, from whatever direction.
    """
    plain = e.xreplace(dict(surface))
    if not plain.has(nan, zoo, oo):
        return plain
    if e.count_ops() > LONGEST:
        return None
    h = Dummy("h", positive=True)
    whole = [a for a, _ in surface if one_sided(a, signs)]
    ways = {a: Dummy("way", real=True) if whole or len(surface) > 1 else S.One for a, _ in surface}
    beside = e.xreplace({a: h**2 for a in whole}).xreplace({a: there + ways[a] * h for a, there in surface if a not in whole})
    above, below = fraction(together(beside))
    for _ in range(MOST_ORDER):
        over, under = (x.xreplace({h: S.Zero}) for x in (above, below))
        if over.has(nan, zoo, oo) or under.has(nan, zoo, oo):
            return None
        nothing = vanishes(under)
        if nothing is None:
            return None
        if not nothing:
            found = over / under
            return None if found.atoms(Dummy) & set(ways.values()) else found
        if not vanishes(over):
            return None
        above, below = derivative(above, h), derivative(below, h)
    return None


@dataclass
class Meeting:
    """One part of where an expression turns: a surface, with the other turns on sides of theirs; the limits from there, and the value."""

    limits: list[Expr | None]
    value: Expr


def meetings(e: Expr, turn: Expr, signs: Signs = UNKNOWN) -> list[Meeting] | None:
    """What `e` comes to from each side of a turn, for every way that its other turns may be; None: can't tell."""
    others = [u for u in dict.fromkeys((*turns(e), *turns(turn))) if u != turn]
    if len(others) > MOST_OTHERS or e.count_ops() > LONGEST:
        return None
    found: dict[tuple, Meeting] = {}
    for way in product((1, -1), repeat=len(others)):
        sides = dict(zip(others, way, strict=True))
        here = on_side(turn, sides)
        surfaces = zeros(here, signs)
        if surfaces is None:
            return None
        for surface in (_with_parts(found, e, signs) for found in surfaces):
            joint = _joint(sides, surface)
            if joint is None:
                continue
            apart = {u: s for u, s in sides.items() if u not in joint}
            key = (surface, tuple(apart.items()))
            there, sign = turn_of(here)
            at = on_side(e, {**apart, **dict.fromkeys([turn, there, *joint], 0)}).xreplace(dict(surface))
            meeting = found.setdefault(key, Meeting([], at))
            for side in (1,) if one_sided(here, signs) else (1, -1):
                branch = _decided(on_side(e, {**sides, turn: side, there: side * sign}), surface, signs)
                meeting.limits.append(None if branch is None else limit(branch, surface, signs))
    return list(found.values())


@dataclass(frozen=True)
class Parts(Signs):
    """The signs of tensors, and the equations of those that are sums of squares."""

    sums: Mapping[str, Equation] = field(default_factory=dict)

    def parts(self, t: Entry, e: Expr) -> Iterator[tuple[Entry, Expr]]:
        """Entries in `e` that are part of what `t` is the sum of squares of, each with what it is where `t` is 0."""
        made = self.sums.get(t.name)
        if made is None:
            return
        for base, bound in _squared(made.formula):
            own, there = next(((a, at) for a, at in _zeros_of_sum(base) if set(bound) <= set(a.indices)), (None, None))
            if own is None or there is None:
                continue
            for a in sorted((a for a in e.atoms(Entry) if a.name == own.name), key=str):
                at = dict(zip(made.indices, t.indices, strict=True))
                if all(at.setdefault(i, j) == j if isinstance(i, Index) else i == j for i, j in zip(own.indices, a.indices, strict=True)):
                    yield a, there.xreplace(at)


def _squared(rhs: Expr) -> list[tuple[Expr, tuple[Index, ...]]]:
    """What a sum of squares is the squares of, with the indices summed over: of a number times one sum of one square."""
    (total, *more) = [f for f in Mul.make_args(rhs) if f.has(Entry)]
    body, bound = (total.body, total.indices) if isinstance(total, Total) else (total, ())
    (square, *others) = [f for f in Mul.make_args(body) if f.has(Entry)]
    return [(square.base, bound)] if not more and not others and isinstance(square, Pow) and square.exp == 2 else []


def _with_parts(surface: Surface, e: Expr, signs: Signs) -> Surface:
    """A surface where a sum of squares is 0, with what is squared."""
    if len(surface) != 1 or not isinstance(signs, Parts) or not isinstance(surface[0][0], Entry):
        return surface
    return (*surface, *signs.parts(surface[0][0], e))


def _decided(branch: Expr, surface: Surface, signs: Signs) -> Expr | None:
    """`branch` beside a surface, with turns that its other turns have made of it, as x^2 of |x| x; None where that can't be told."""
    for u in turns(branch):
        if u.xreplace(dict(surface)) == 0:
            if not one_sided(u, signs):
                return None
            branch = on_side(branch, {u: 1})
    return branch


def _joint(sides: Mapping[Expr, int], surface: Surface) -> list[Expr] | None:
    """Those of other turns that turn on a surface too; None where one of them can't have its side there."""
    joint = []
    for u, side in sides.items():
        there = on_side(u, {v: s for v, s in sides.items() if v != u}).xreplace(dict(surface))
        if there == 0:
            joint.append(u)
        elif (there.is_positive and side < 0) or (there.is_negative and side > 0):
            return None
    return joint


def one_sided(u: Expr, signs: Signs = UNKNOWN) -> bool:
    """Whether `u` is never negative by its form."""
    return bool(u.is_nonnegative) or is_squares(u, signs)
