"""The laws of sums and brackets that the normal form applies, each with its condition.

A fact is declared of a tensor, never guessed. It fires on a factor and a bound index that occurs in no other factor.
"""

from collections.abc import Iterable

from sympy import Expr, S, expand_mul

from symbackprop.definition import Definitions
from symbackprop.index import Index
from symbackprop.program import Equation, Fact
from symbackprop.term import Entry, NonNegative, indices_of


class Facts:
    """The facts in force, by tensor, and the sums that an equation names."""

    def __init__(self, facts: Iterable[Fact] = (), equations: Iterable[Equation] = ()) -> None:
        """Sort `facts` by the tensor they speak of, and find the sums that `equations` name."""
        self.definitions = Definitions(equations)
        self.by_tensor: dict[str, list[Fact]] = {}
        for fact in facts:
            self.by_tensor.setdefault(fact.tensor, []).append(fact)

    def of(self, name: str, *kinds: str) -> list[Fact]:
        """The facts of the tensor `name` whose kind is one of `kinds`."""
        return [f for f in self.by_tensor.get(name, ()) if f.kind in kinds]

    def speak_of(self, factor: Expr, index: Index) -> bool:
        """Whether some law may give the sum of `factor` over `index`."""
        return total_law(factor, index, self) is not None


NO_FACTS = Facts()


def total_law(factor: Expr, index: Index, facts: Facts) -> tuple[Expr, Fact] | None:
    """sum_i T[.., i, ..] = 1 where T is a simplex (or one-hot) over that axis: (the value, the fact), else None.

    `factor` must be the only factor of its product in which `index` occurs.
    """
    if not isinstance(factor, Entry):
        return None
    places = [k for k, e in enumerate(factor.indices) if e.has(index)]
    if len(places) != 1 or factor.indices[places[0]] != index:
        return None
    for fact in facts.of(factor.name, "simplex", "one-hot"):
        if fact.axis == places[0]:
            return S.One, fact
    return None


def guard(e: Expr) -> Expr:
    """[e >= 0] of an affine index expression, decided where the ranges of its indices decide it."""
    low = high = e
    for i in sorted(indices_of(e), key=str):
        slope = e.coeff(i)
        if slope.is_nonnegative or slope.is_nonpositive:
            up = bool(slope.is_nonnegative)
            low = expand_mul(low.xreplace({i: S.Zero if up else i.axis - 1}))
            high = expand_mul(high.xreplace({i: i.axis - 1 if up else S.Zero}))
    if not indices_of(low) and low.is_nonnegative:
        return S.One
    if not indices_of(high) and high.is_negative:
        return S.Zero
    return NonNegative(e)
