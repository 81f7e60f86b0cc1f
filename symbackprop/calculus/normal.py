"""Proof by normal form: both sides multiplied out completely, bound indices named canonically, facts applied, like terms joined.

Two index expressions whose difference becomes 0 here are equal for all sizes and all values; if it does not, nothing is
said. The form is for proving only: formulas and code come from `contract`, which multiplies out no more than it must.
"""

from collections.abc import Mapping

from sympy import Add, Expr, Function, Mul, Pow, S

from symbackprop.calculus.contract import Product, flat, narrowed, over, products, without_deltas
from symbackprop.calculus.laws import NO_FACTS, Facts, laws_of_entries
from symbackprop.calculus.program import Call, Equation
from symbackprop.calculus.term import Entry, Total, rename_bound

MOST_TERMS = 4000
"""Terms beyond which multiplying out is given up: no verdict rather than no end."""
MOST_POWER = 6


class TooLargeError(ArithmeticError):
    """The expression has too many terms when multiplied out."""


def expanded(e: Expr, facts: Facts = NO_FACTS) -> Expr:
    """`e` as a sum of monomials: products distributed over all sums, deltas solved, facts applied, like terms joined.

    Raises TooLargeError past MOST_TERMS terms.
    """
    fired: set = set()
    result: list[Expr] = []
    waiting = products(laws_of_entries(e, facts)[0])
    while waiting:
        p = without_deltas(waiting.pop())
        if p is None:
            continue
        made = flat(Mul(*p.factors))
        p = Product(made.factors, p.bound | made.bound)
        place = next((k for k, f in enumerate(p.factors) if _is_sum(f)), None)
        if place is None:
            result.append(narrowed(p, facts, fired))
        else:
            p.factors[place : place + 1] = _sums_of(p.factors[place])
            waiting += over(p, place)
        if len(waiting) + len(result) > MOST_TERMS:
            raise TooLargeError(f"more than {MOST_TERMS} terms")
    return Add(*result)


def _is_sum(f: Expr) -> bool:
    return isinstance(f, Add) or (isinstance(f, Pow) and isinstance(f.base, Add) and f.exp.is_Integer and 0 < f.exp <= MOST_POWER)


def _sums_of(f: Expr) -> list[Expr]:
    return [rename_bound(f.base) for _ in range(int(f.exp))] if isinstance(f, Pow) else [f]


def inlined(e: Expr, equations: Mapping[str, Equation]) -> Expr:
    """`e` with every tensor that `equations` defines by an index equation replaced by its definition, again and again.

    A definition that holds a sum is not put inside a function, a bracket or a power: the entry stays there.
    """
    if isinstance(e, Entry):
        made = equations.get(e.name)
        if made is None or isinstance(made.rhs, Call):
            return e
        return inlined(made.at(e.indices), equations)
    if not e.args:
        return e
    new = [inlined(a, equations) for a in e.args]
    if isinstance(e, Function | Pow) and any(a.has(Total) for a in new):
        new = [a if n.has(Total) else n for a, n in zip(e.args, new, strict=True)]
    return e.func(*new)


def proved_equal(a: Expr, b: Expr, facts: Facts = NO_FACTS) -> bool:
    """Whether a - b is 0 in the normal form: True is a proof for all sizes, False says nothing."""
    if a == b:
        return True
    try:
        return expanded(a - b, facts) == S.Zero
    except TooLargeError:
        return False
