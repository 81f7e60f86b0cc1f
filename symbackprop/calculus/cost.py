"""What an index expression costs to evaluate, counted without knowing any size.

Every axis counts as NOMINAL long, so a choice made by cost (name an adjoint or put it in place, distribute or not) is the
same for all sizes. An operation over k indices costs NOMINAL**k.
"""

from sympy import Add, Expr, KroneckerDelta, Mul, Pow

from symbackprop.calculus.index import Index
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total
from symbackprop.memo import remembered

NOMINAL = 16
FUNCTION = 8
"""An elementwise function call against one addition."""


@remembered
def cost(e: Expr) -> int:
    """The number of scalar operations of `e`, each subexpression evaluated once over the indices it depends on."""
    if isinstance(e, Entry) or not e.args:
        return 0
    if isinstance(e, Total):
        return cost(e.body) + _size(e.body)
    inner = sum(cost(a) for a in e.args)
    if isinstance(e, Add):
        return inner + _size(e) * (len(e.args) - 1)
    if isinstance(e, Mul):
        return inner + _products(e)
    if isinstance(e, Pow):
        return inner + _size(e) * (1 if e.exp.is_Integer else FUNCTION)
    if isinstance(e, KroneckerDelta | Positive | NonNegative):
        return inner + _size(e)
    return inner + _size(e) * FUNCTION


def _products(e: Mul) -> int:
    """The multiplications of a product, factors with few indices first. A sign is free."""
    factors = sorted((_indices(a) for a in e.args if not (a.is_Number and abs(a) == 1)), key=len)
    steps, held = 0, frozenset[Index]()
    for k, mine in enumerate(factors):
        held |= mine
        steps += NOMINAL ** len(held) if k else 0
    return steps


@remembered
def _size(e: Expr) -> int:
    return NOMINAL ** sum(1 for s in _indices(e))


@remembered
def _indices(e: Expr) -> frozenset[Index]:
    if isinstance(e, Index):
        return frozenset({e})
    inner = frozenset().union(*(_indices(a) for a in e.args)) if e.args else frozenset()
    return inner - frozenset(e.indices) if isinstance(e, Total) else inner
