"""The laws that the normal form applies, as a table, each with its condition.

A fact is declared of a tensor, never guessed. A law of sums fires on the factors that hold a bound index and on no others.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sympy import Expr, Pow, S, default_sort_key, expand_mul

from symbackprop.definition import Definitions
from symbackprop.index import Index
from symbackprop.program import Equation, Fact
from symbackprop.sizes import never_negative
from symbackprop.term import Entry, NonNegative, Positive, Total, delta, indices_of, slopes


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


NO_FACTS = Facts()


@dataclass(frozen=True)
class Fired:
    """A law that fired: what stands in place of the factors it took, and the fact it rests on."""

    value: Expr
    fact: Fact


@dataclass(frozen=True)
class Law:
    """One law. `statement` says it; `kinds` are the facts it needs, one of them.

    A law of a sum takes (the factors in which a bound index occurs, that index, the fact) and gives the value of their sum over it;
    a law of an entry takes (an entry or a power of one, the fact). None: it does not apply. `example` states it as an equation
    about a tensor T for the test that proves it: axes, where the fact's axis is, left and right side.
    """

    statement: str
    kinds: tuple[str, ...]
    apply: Callable[..., Expr | None]
    example: tuple[str, int | None, Callable[..., tuple[Expr, Expr]]]


def _at(factor: Expr, index: Index) -> int | None:
    """The one place at which `index` itself stands in an entry."""
    if not isinstance(factor, Entry):
        return None
    places = [k for k, e in enumerate(factor.indices) if e.has(index)]
    return places[0] if len(places) == 1 and factor.indices[places[0]] == index else None


def _simplex(factors: Sequence[Expr], index: Index, fact: Fact) -> Expr | None:
    return S.One if len(factors) == 1 and _at(factors[0], index) == fact.axis else None


def _unit(factors: Sequence[Expr], index: Index, fact: Fact) -> Expr | None:
    if len(factors) != 1 or not (isinstance(factors[0], Pow) and factors[0].exp == 2):
        return None
    place = _at(factors[0].base, index)
    return S.One if place is not None and place == fact.axis else None


def _orthogonal(factors: Sequence[Expr], index: Index, fact: Fact) -> Expr | None:
    if len(factors) == 1 and isinstance(factors[0], Pow) and factors[0].exp == 2:
        factors = [factors[0].base] * 2
    if len(factors) != 2 or not all(isinstance(f, Entry) and f.name == fact.tensor and len(f.indices) == 2 for f in factors):
        return None
    places = [_at(f, index) for f in factors]
    if places[0] is None or places[0] != places[1]:
        return None
    return delta(*[f.indices[1 - places[0]] for f in factors])


def _symmetric(e: Expr, fact: Fact) -> Expr | None:
    if not isinstance(e, Entry) or len(e.indices) < 2:
        return None
    *batch, i, j = e.indices
    return Entry(e.name, *batch, j, i) if default_sort_key(j) < default_sort_key(i) else None


def _one_hot_power(e: Expr, fact: Fact) -> Expr | None:
    return e.base if isinstance(e, Pow) and isinstance(e.base, Entry) and e.exp.is_Integer and e.exp > 1 else None


def _positive(e: Expr, fact: Fact) -> Expr | None:
    return S.One if isinstance(e, Positive | NonNegative) and isinstance(e.args[0], Entry) else None


LAWS_OF_SUMS = (
    Law("sum_i T[i] = 1", ("simplex", "one-hot"), _simplex, ("n c", 1, lambda T, i, j: (Total(T[i, j], j), S.One))),
    Law("sum_i T[i]^2 = 1", ("unit",), _unit, ("n c", 1, lambda T, i, j: (Total(T[i, j] ** 2, j), S.One))),
    Law(
        "sum_k T[i,k] T[j,k] = [i = j]",
        ("orthogonal",),
        _orthogonal,
        ("n n", None, lambda T, i, j: (Total(T[i, Index("k", j.axis)] * T[j, Index("k", j.axis)], Index("k", j.axis)), delta(i, j))),
    ),
)
LAWS_OF_ENTRIES = (
    Law("T[j,i] = T[i,j]", ("symmetric",), _symmetric, ("n n", None, lambda T, i, j: (T[j, i], T[i, j]))),
    Law("T[i]^m = T[i], m > 0", ("one-hot",), _one_hot_power, ("n c", 1, lambda T, i, j: (T[i, j] ** 2, T[i, j]))),
    Law("[T[i] > 0] = 1", ("positive",), _positive, ("n c", None, lambda T, i, j: (Positive(T[i, j]), S.One))),
)
"""The laws that facts carry. Those that need none belong to the objects: [x > 0]^2 = [x > 0], delta(i, i) = 1, guards."""


def law_of_sum(factors: Sequence[Expr], index: Index, facts: Facts) -> Fired | None:
    """The law that gives the sum over `index` of the product of `factors`, all the factors of a product in which it occurs.

    A fact speaks of a sum along its whole axis: y[:-1] of a simplex y sums to less than 1.
    """
    for law in LAWS_OF_SUMS:
        for name in {a.name for f in factors for a in f.atoms(Entry)}:
            for fact in facts.of(name, *law.kinds):
                value = law.apply(factors, index, fact) if index.axis == fact.size else None
                if value is not None:
                    return Fired(value, fact)
    return None


def laws_of_entries(e: Expr, facts: Facts) -> tuple[Expr, set[Fact]]:
    """`e` with every law of an entry applied, and the facts that these rest on."""
    new: dict[Expr, Expr] = {}
    used: set[Fact] = set()
    for law in LAWS_OF_ENTRIES if facts.by_tensor else ():
        for part in e.atoms(Entry, Pow, Positive, NonNegative):
            names = {a.name for a in part.atoms(Entry)}
            for fact in facts.of(next(iter(names)), *law.kinds) if len(names) == 1 else ():
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
