"""Comparisons and what combines them, which are legal only as the condition of where, and where itself.

A condition is a bracket, 1 where it holds and 0 where not, and has derivative 0; its opposite is at hand too.
"""

from collections.abc import Callable, Sequence

from sympy import Expr

from symbackprop.calculus.term import NonNegative, Positive
from symbackprop.errors import ParseError
from symbackprop.ops.array import Array, Draft
from symbackprop.ops.broadcast import broadcast, mapped
from symbackprop.ops.table import array_op

Rule = Callable[..., Expr]


class Condition(Array):
    """A condition: 1 where it holds; `opposite` is 1 where it does not."""

    __slots__ = ("opposite",)
    opposite: Array


def _compared(draft: Draft, x: Array, y: Array, holds: Callable[[Expr], Expr], fails: Callable[[Expr], Expr]) -> Condition:
    difference = mapped(lambda a, b: a - b)(draft, x, y)
    made = Condition(difference.axes, lambda at: holds(difference.at(at)))
    made.opposite = Array(difference.axes, lambda at: fails(difference.at(at)))
    return made


@array_op("condition")
def greater(draft: Draft, x: Array, y: Array) -> Condition:
    """Whether x is greater than y.

    greater(x, y) = [x > y]
    """
    return _compared(draft, x, y, Positive, lambda d: NonNegative(-d))


@array_op("condition")
def greater_equal(draft: Draft, x: Array, y: Array) -> Condition:
    """Whether x is at least y.

    greater_equal(x, y) = [x >= y]
    """
    return _compared(draft, x, y, NonNegative, lambda d: Positive(-d))


@array_op("condition")
def less(draft: Draft, x: Array, y: Array) -> Condition:
    """Whether x is less than y.

    less(x, y) = [y > x]
    """
    return greater(draft, y, x)


@array_op("condition")
def less_equal(draft: Draft, x: Array, y: Array) -> Condition:
    """Whether x is at most y.

    less_equal(x, y) = [y >= x]
    """
    return greater_equal(draft, y, x)


def _same(difference: Expr) -> Expr:
    return NonNegative(difference) * NonNegative(-difference)


def _different(difference: Expr) -> Expr:
    return Positive(difference) + Positive(-difference)


@array_op("condition")
def equal(draft: Draft, x: Array, y: Array) -> Condition:
    """Whether x is y.

    equal(x, y) = [x >= y] [y >= x]
    """
    return _compared(draft, x, y, _same, _different)


@array_op("condition")
def not_equal(draft: Draft, x: Array, y: Array) -> Condition:
    """Whether x is not y.

    not_equal(x, y) = [x > y] + [y > x]
    """
    return _compared(draft, x, y, _different, _same)


def _combined(draft: Draft, parts: Sequence[Array], holds: Rule, fails: Rule) -> Condition:
    """A condition made of others; the rules take, of each of them, [it holds] and [it does not]."""
    for part in parts:
        if not isinstance(part, Condition):
            raise draft.error("& | ~ combine comparisons", ParseError, arrays=[part], fix="write (x > 0) & (x < 1), with brackets")
    axes, readers = broadcast(draft, [side for part in parts for side in (part, part.opposite.said(part))])  # type: ignore[attr-defined]
    made = Condition(axes, lambda at: holds(*[read(at) for read in readers]))
    made.opposite = Array(axes, lambda at: fails(*[read(at) for read in readers]))
    return made


@array_op("condition")
def logical_and(draft: Draft, x: Array, y: Array) -> Condition:
    """Whether both conditions hold; (x > 0) & (y > 0).

    logical_and(a, b) = [a] [b]
    """
    return _combined(draft, (x, y), lambda a, not_a, b, not_b: a * b, lambda a, not_a, b, not_b: not_a + a * not_b)


@array_op("condition")
def logical_or(draft: Draft, x: Array, y: Array) -> Condition:
    """Whether one of two conditions holds, or both; (x > 0) | (y > 0).

    logical_or(a, b) = [a] + [not a] [b]
    """
    return _combined(draft, (x, y), lambda a, not_a, b, not_b: a + not_a * b, lambda a, not_a, b, not_b: not_a * not_b)


@array_op("condition")
def logical_not(draft: Draft, x: Array) -> Condition:
    """Whether a condition does not hold; ~(x > 0).

    logical_not(a) = [not a]
    """
    return _combined(draft, (x,), lambda a, not_a: not_a, lambda a, not_a: a)


@array_op("condition")
def where(draft: Draft, condition: Array, x: Array, y: Array) -> Array:
    """One array where a comparison holds, another where not.

    where(c, x, y) = [c] x + [not c] y
    """
    if not isinstance(condition, Condition):
        fix = f"write where({condition.text} > 0, a, b)" if condition.text.isidentifier() else "write where(x > 0, a, b)"
        raise draft.error("where needs a comparison", ParseError, arrays=[condition], fix=fix)
    parts = [condition, condition.opposite.said(condition), draft.term(x), draft.term(y)]
    axes, (holds, fails, first, second) = broadcast(draft, parts)
    sums = any(a.sums for a in parts)
    return Array(axes, lambda at: holds(at) * first(at) + fails(at) * second(at), sums=sums, composite=sums)
