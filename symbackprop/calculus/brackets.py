"""What is made of brackets: masks, which are 0 where there is no term, and the ways that their brackets can turn."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from sympy import Add, Expr, Integer, KroneckerDelta, Mul, Pow, S, expand_mul

from symbackprop.calculus.term import NonNegative, Positive, opposite

MOST = 6
"""Brackets whose ways to turn are all looked at."""


def is_mask(e: Expr) -> bool:
    """Whether `e` is made of brackets, deltas and numbers alone: where it is 0 there is no such term, whatever else is in it."""
    if isinstance(e, KroneckerDelta | Positive | NonNegative):
        return True
    return isinstance(e, Add | Mul | Pow) and not e.is_number and all(a.is_number or is_mask(a) for a in e.args)


def diagonal_left_out(e: Expr) -> KroneckerDelta | None:
    """The [i = j] of a mask 1 - [i = j]; None of anything else."""
    delta = 1 - e
    return delta if isinstance(delta, KroneckerDelta) else None


def leaves_out_places(e: Expr) -> bool:
    """Whether a factor is 0 where a delta in it is 1, as 1 - [i = j] is: multiplied out, what it leaves out is added and taken away."""
    return isinstance(e, Add) and any(expand_mul(e.xreplace({d: S.One})) == 0 for d in e.atoms(KroneckerDelta))


def united(e: Expr) -> Expr:
    """A sum with one term for two that a condition and its opposite tell apart: [x > 0] a + [x <= 0] a is a."""
    if not (isinstance(e, Add) and e.has(Positive) and e.has(NonNegative)):
        return e
    terms = dict.fromkeys(e.args)
    for t in e.args:
        factors = Mul.make_args(t)
        for b in factors:
            if isinstance(b, Positive):
                rest = Mul(*[f for f in factors if f is not b])
                if (other := opposite(b) * rest) in terms:
                    return united(Add(*[s for s in terms if s not in (t, other)], rest))
    return e


def brackets_of(masks: Iterable[Expr]) -> list[Expr]:
    """The brackets and deltas in `masks`."""
    return sorted({b for m in masks for b in m.atoms(Positive, NonNegative, KroneckerDelta)}, key=str)


def turned(brackets: Sequence[Expr]) -> Iterator[Mapping[Expr, Expr]]:
    """The ways in which brackets can turn, so far as they tell: not [x > 0] and [x <= 0] both, nor [x > 0] and [-x > 0]."""
    for truth in product((S.Zero, S.One), repeat=len(brackets)):
        way = dict(zip(brackets, truth, strict=True))
        if all(way[b] == 0 or _goes_with(b, way) for b in brackets) and all(
            way.get(opposite(b), 1 - t) == 1 - t for b, t in _of_signs(way)
        ):
            yield way


def _of_signs(way: Mapping[Expr, Expr]) -> list[tuple[Expr, Expr]]:
    return [(b, t) for b, t in way.items() if not isinstance(b, KroneckerDelta)]


def _goes_with(b: Expr, way: Mapping[Expr, Expr]) -> bool:
    """Whether a bracket may hold beside the others that do: [x > 0] implies [x >= 0], and not [-x > 0]."""
    if not isinstance(b, Positive):
        return True
    x = b.args[0]
    return way.get(NonNegative(x), S.One) == 1 and way.get(Positive(-x), S.Zero) == 0


def covers(masks: Sequence[Expr]) -> bool:
    """Whether one of `masks` is not 0 whichever way their brackets turn; False where they are too many to tell."""
    brackets = brackets_of(masks)
    return len(brackets) <= MOST and all(any(m.xreplace(dict(way)) != 0 for m in masks) for way in turned(brackets))


def either(masks: Sequence[Expr]) -> Expr | None:
    """What is 1 where one of `masks` is not 0, and 0 elsewhere, as short as one of them where that is so; None where it takes too long."""
    brackets = brackets_of(masks)
    if len(brackets) > MOST:
        return None
    ways = list(turned(brackets))
    wanted = [Integer(any(m.xreplace(dict(way)) != 0 for m in masks)) for way in ways]
    terms = [t.as_coeff_Mul()[1] for m in masks for t in Add.make_args(m)]
    for found in (S.One, *masks, Add(*dict.fromkeys(terms)), 1 - Mul(*[1 - t for t in dict.fromkeys(terms)])):
        if [found.xreplace(dict(way)) for way in ways] == wanted:
            return found
    return None
