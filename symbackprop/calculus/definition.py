"""Sums that an equation of the program names already: the sum of x over j is n times the mean, where the model has a mean.

What the adjoints of layer norm, batch norm and the like hold, x - mean and its sum, meets its own definition here, and
so the sum of deviations is 0 without anybody saying so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations

from sympy import Add, Expr, Mul, S

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Equation
from symbackprop.calculus.term import Entry, Total, indices_of, tensor_names

MOST_ARGUMENTS = 5
"""Sums and products of more arguments are not tried in other orders."""

Match = Mapping[Expr, Expr]


@dataclass(frozen=True)
class Definition:
    """T[indices] = scale * total."""

    equation: Equation
    scale: Expr
    total: Total


class Definitions:
    """The equations of a program that are a number or a size times one sum, by the tensors that they sum."""

    def __init__(self, equations: Iterable[Equation] = ()) -> None:
        """Take those of `equations` that qualify."""
        self.known: dict[frozenset[str], list[Definition]] = {}
        for e in equations:
            found = _definition(e)
            if found:
                self.known.setdefault(frozenset(tensor_names(found.total)), []).append(found)

    def named(self, total: Expr) -> Expr:
        """`total`, or what it is in terms of a tensor that names it."""
        if not self.known or not isinstance(total, Total):
            return total
        for one in self.known.get(frozenset(tensor_names(total)), ()):
            match = _match(one.total, total, {})
            if match is not None:
                at = tuple(match.get(i, S.Zero) for i in one.equation.indices)
                return one.equation.tensor[at] / one.scale
        return total


def _definition(e: Equation) -> Definition | None:
    if isinstance(e.rhs, Call):
        return None
    totals = [f for f in Mul.make_args(e.rhs) if isinstance(f, Total)]
    if len(totals) != 1:
        return None
    scale = e.rhs / totals[0]
    # An index that the sum does not hold could not be told from the sum; an axis of size 1 has one place.
    held = indices_of(totals[0])
    if indices_of(scale) or scale.atoms(Entry) or any(i not in held and i.axis != 1 for i in e.indices):
        return None
    return Definition(e, scale, totals[0])


def _match(pattern: Expr, e: Expr, known: Match) -> Match | None:
    """`known` with values for the pattern's indices that make it `e`, or None. Bound indices stand for bound ones, one to one."""
    if isinstance(pattern, Index):
        if pattern in known:
            return known if known[pattern] == e else None
        if isinstance(e, Index) and e.axis == pattern.axis:
            return {**known, pattern: e}
        return {**known, pattern: e} if e.is_Integer else None  # a bound one is known when what it is bound in is read
    if type(pattern) is not type(e) or len(pattern.args) != len(e.args):
        return None
    if not pattern.args:
        return known if pattern == e else None
    if isinstance(pattern, Total):
        return _match_totals(pattern, e, known)
    if isinstance(pattern, Add | Mul):
        if len(pattern.args) > MOST_ARGUMENTS:
            return None
        for order in permutations(e.args):
            match = _match_all(pattern.args, order, known)
            if match is not None:
                return match
        return None
    return _match_all(pattern.args, e.args, known)


def _match_totals(pattern: Total, e: Total, known: Match) -> Match | None:
    for order in permutations(e.indices):
        pairs = list(zip(pattern.indices, order, strict=True))
        if all(i.axis == j.axis for i, j in pairs):
            free = {i: v for i, v in known.items() if i not in pattern.indices}
            match = _match(pattern.body, e.body, {**free, **dict(pairs)})
            # A free index of the pattern must not have become one that is bound in e.
            if match is not None and not any(v in e.indices for i, v in match.items() if i not in pattern.indices):
                return {i: v for i, v in match.items() if i not in pattern.indices}
    return None


def _match_all(patterns: Iterable[Expr], parts: Iterable[Expr], known: Match) -> Match | None:
    for p, e in zip(patterns, parts, strict=True):
        if (match := _match(p, e, known)) is None:
            return None
        known = match
    return known
