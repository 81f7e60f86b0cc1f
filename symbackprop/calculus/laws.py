"""The laws that facts carry, applied where their tensors stand.

A law of sums fires on the factors that hold a bound index and on no others. The laws that need no fact belong to the objects:
[x > 0]^2 = [x > 0], delta(i, i) = 1, guards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sympy import Expr, Pow, S, expand_mul

from symbackprop.calculus.definition import Definitions
from symbackprop.calculus.facts import kind_of
from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Equation, Fact
from symbackprop.calculus.sizes import never_negative
from symbackprop.calculus.term import Entry, NonNegative, Positive, indices_of, slopes


class Facts:
    """The facts in force, by tensor, and the sums that an equation names."""

    def __init__(self, facts: Iterable[Fact] = (), equations: Iterable[Equation] = ()) -> None:
        """Sort `facts` by the tensor they speak of, and find the sums that `equations` name."""
        self.definitions = Definitions(equations)
        self.by_tensor: dict[str, list[Fact]] = {}
        for fact in facts:
            self.by_tensor.setdefault(fact.tensor, []).append(fact)


NO_FACTS = Facts()


@dataclass(frozen=True)
class Fired:
    """A law that fired: what stands in place of the factors it took, and the fact it rests on."""

    value: Expr
    fact: Fact


def law_of_sum(factors: Sequence[Expr], index: Index, facts: Facts) -> Fired | None:
    """The law that gives the sum over `index` of the product of `factors`, all the factors of a product in which it occurs.

    A fact speaks of a sum along its whole axis: y[:-1] of a simplex y sums to less than 1.
    """
    for name in {a.name for f in factors for a in f.atoms(Entry)} if facts.by_tensor else ():
        for fact in facts.by_tensor.get(name, ()):
            for law in kind_of(fact).laws_of_sums if index.axis == fact.size else ():
                value = law.apply(factors, index, fact)
                if value is not None:
                    return Fired(value, fact)
    return None


def laws_of_entries(e: Expr, facts: Facts) -> tuple[Expr, set[Fact]]:
    """`e` with every law of an entry applied, and the facts that these rest on."""
    new: dict[Expr, Expr] = {}
    used: set[Fact] = set()
    for part in e.atoms(Entry, Pow, Positive, NonNegative) if facts.by_tensor else ():
        names = {a.name for a in part.atoms(Entry)}
        for fact in facts.by_tensor.get(next(iter(names)), ()) if len(names) == 1 else ():
            for law in kind_of(fact).laws_of_entries:
                value = law.apply(part, fact)
                if value is not None:
                    new[part] = value
                    used.add(fact)
    return (e.xreplace(new), used) if new else (e, used)


def guard(e: Expr) -> Expr:
    """[e >= 0] of an index expression, decided where it is affine and the ranges of its indices decide it; else as it stands."""
    low = high = plain = expand_mul(e)
    for i, slope in (slopes(plain) or {}).items():
        if slope.is_nonnegative or slope.is_nonpositive:
            first, last = (S.Zero, i.axis - 1) if slope.is_nonnegative else (i.axis - 1, S.Zero)
            low, high = (expand_mul(end.xreplace({i: at})) for end, at in ((low, first), (high, last)))
    if not indices_of(low) and never_negative(low):
        return S.One
    if not indices_of(high) and never_negative(-1 - high):
        return S.Zero
    return NonNegative(plain)


def decided(bracket: Expr) -> Expr:
    """A condition on indices alone, decided where `guard` decides it; any other bracket is itself."""
    if bracket.is_Number or bracket.has(Entry):
        return bracket
    if isinstance(bracket, NonNegative):
        return guard(bracket.args[0])
    found = guard(bracket.args[0] - 1) if bracket.args[0].is_integer else bracket
    return found if found.is_Number else bracket
