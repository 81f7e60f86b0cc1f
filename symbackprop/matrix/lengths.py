"""How long a formula becomes when its parts are put in place, and how long one may be that is to be read."""

from collections.abc import Iterable, Mapping, Sequence

from sympy import Expr

from symbackprop.calculus.program import Equation
from symbackprop.calculus.term import Entry

LONGEST = 1500
"""A formula of more tokens is no formula to read."""


def lengths(equations: Iterable[Equation], placed: Mapping[str, Equation] | None = None) -> dict[str, int]:
    """How many entries each of some equations speaks of, with those before it in their places, or of these those that are `placed`."""
    found: dict[str, int] = {}
    for e in equations:
        spoken = [a.name for a in entries_in(e.rhs)] if isinstance(e.rhs, Expr) else e.rhs.arguments
        found[e.name] = sum(found.get(n, 1) if placed is None or n in placed else 1 for n in spoken)
    return found


def total_length(equations: Sequence[Equation]) -> int:
    """How many entries the last of some equations speaks of, with those before it in their places."""
    return lengths(equations)[equations[-1].name]


def entries_in(e: Expr) -> list[Entry]:
    """Every occurrence of an entry."""
    found, waiting = [], [e]
    while waiting:
        e = waiting.pop()
        if isinstance(e, Entry):
            found.append(e)
        else:
            waiting += e.args
    return found
