"""Sums of products that are A^T A: sum_n X[n,i] w[n] X[n,j] with w >= 0 is that for A = sqrt(w) X.

BLAS makes a symmetric product in half the time, and the result is symmetric to the last bit.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from sympy import Expr, Mul, Pow, Rational, S

from symbackprop.calculus.index import Index
from symbackprop.calculus.term import indices_of
from symbackprop.rewriting.sign import is_nonnegative

MOST_FREE = 4
"""Free indices of one side beyond which no matching is looked for."""


@dataclass(frozen=True)
class Square:
    """coefficient * sum over `bound` of half[.., left] half[.., right]; `half` is said at `left`."""

    coefficient: Expr
    half: Expr
    left: tuple[Index, ...]
    right: tuple[Index, ...]


def as_square(
    factors: Sequence[Expr], bound: Sequence[Index], coefficient: Expr, known: Container[str], order: Sequence[Index] | None = None
) -> Square | None:
    """The product of `coefficient` and `factors`, summed over `bound`, as the product of a thing with itself; None where it is not.

    `known`: the tensors that have no negative entry. `order`: the order in which free indices are wanted.
    """
    inside = set(bound)
    weights = [f for f in factors if indices_of(f) <= inside]
    parts = _components([f for f in factors if not indices_of(f) <= inside], inside)
    if len(parts) < 2 or len(parts) % 2 or not all(is_nonnegative(w, known) for w in weights):
        return None
    half: list[Expr] = []
    pairs: dict[Index, Index] = {}
    while parts:
        mine = parts.pop(0)
        found = next(((k, m) for k, other in enumerate(parts) for m in _matches(mine, other, inside)), None)
        if found is None:
            return None
        partner, match = found
        parts.pop(partner)
        pairs |= match
        half += mine
    if not weights and len(half) == 1 and len(pairs) == 1:
        return None  # a product of a tensor with itself: that is seen without help
    if coefficient.is_positive and weights:
        weights, coefficient = [coefficient, *weights], S.One
    whole = Mul(_root(Mul(*weights)), *half)
    place = {i: k for k, i in enumerate(order or ())}
    if any(place.get(j, 0) < place.get(i, 0) for i, j in list(pairs.items())[:1]):
        whole, pairs = whole.xreplace(pairs), {j: i for i, j in pairs.items()}
    left = sorted(pairs, key=lambda i: place.get(i, len(place)))
    return Square(coefficient, whole, tuple(left), tuple(pairs[i] for i in left))


def _root(e: Expr) -> Expr:
    """The square root of what is not negative, factor by factor where that is plain."""
    made = S.One
    for f in Mul.make_args(e):
        base, power = (f.base, f.exp) if isinstance(f, Pow) and f.exp.is_Integer else (f, S.One)
        made *= Pow(base, power / 2) if power % 2 == 0 and base.is_nonnegative else Pow(f, Rational(1, 2))
    return made


def _components(factors: Sequence[Expr], bound: set[Index]) -> list[list[Expr]]:
    """Factors in groups that share free indices."""
    groups: list[tuple[set[Index], list[Expr]]] = []
    for f in factors:
        held, members = indices_of(f) - bound, [f]
        apart = []
        for indices, others in groups:
            if indices & held:
                held, members = held | indices, others + members
            else:
                apart.append((indices, others))
        groups = [*apart, (held, members)]
    return [members for _, members in groups]


def _matches(mine: Sequence[Expr], other: Sequence[Expr], bound: set[Index]) -> Iterator[dict[Index, Index]]:
    """The ways to rename the free indices of one group that make it the other."""
    one, two = (sorted(set().union(*[indices_of(f) for f in group]) - bound, key=lambda i: i.name) for group in (mine, other))
    if len(one) != len(two) or len(mine) != len(other) or len(one) > MOST_FREE:
        return
    for order in permutations(two):
        match = dict(zip(one, order, strict=True))
        if all(i.axis == j.axis for i, j in match.items()) and Mul(*mine).xreplace(match) == Mul(*other):
            yield match
