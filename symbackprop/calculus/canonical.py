"""Canonical names for bound indices: two sums that differ only in the names of their indices become one object.

Cancellation, the symmetry of Hessians and every verdict "proved" rest on this.
"""

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, permutations, product

from sympy import Add, Expr, KroneckerDelta, Mul

from symbackprop.calculus.index import Index, bound_index, bound_number
from symbackprop.calculus.term import Entry, Total, indices_of, rename_bound
from symbackprop.memo import remembered

MOST_ORDERS = 5040
"""Orders tried within classes of indices that refinement can't tell apart; beyond it the order of appearance decides."""


def key(e: Expr, names: Mapping[Index, str]) -> str:
    """A text that is the same for equal expressions, with indices called as `names` says."""
    return _key(e, tuple((i, names[i]) for i in _held(e) if i in names))


@remembered
def _key(e: Expr, called: tuple[tuple[Index, str], ...]) -> str:
    """The key of `e`, found once for all expressions that it stands in; `called` names no index that is not in `e`."""
    names = dict(called)
    if isinstance(e, Index):
        return names.get(e) or f"{e.name}:{e.axis}"
    if not e.args:
        return str(e)
    if isinstance(e, Entry):
        return f"{e.name}[{','.join(key(i, names) for i in e.indices)}]"
    inner = [key(a, names) for a in e.args]
    if isinstance(e, Add | Mul | KroneckerDelta):
        inner.sort()
    return f"{type(e).__name__}({','.join(inner)})"


@remembered
def _held(e: Expr) -> tuple[Index, ...]:
    """The indices that occur in `e`, free or bound."""
    return (e,) if isinstance(e, Index) else tuple(dict.fromkeys(i for a in e.args for i in _held(a)))


def labelled(factors: Sequence[Expr], bound: Iterable[Index]) -> Expr:
    """The Total of the product of `factors` over `bound`, its indices renamed to r0, r1, ... in a canonical order.

    An index that stays free may bear such a name itself, where the product is part of a sum; no name is given that it bears.
    """
    bound = set(bound)
    free = [n for f in factors for i in indices_of(f) - bound if (n := bound_number(i)) is not None]
    depth = max([*map(_depth, factors), *(n + 1 for n in free)], default=0)
    order = _canonical_order(factors, sorted(bound, key=lambda i: (str(i.axis), i.name)))
    new = {i: bound_index(depth + k, i.axis) for k, i in enumerate(order)}
    return Total(Mul(*factors).xreplace(new), *new.values())


@remembered
def turned(e: Expr, indices: tuple[Index, ...]) -> tuple[Expr, tuple[Index, ...]]:
    """`e` with its free `indices` renamed to f0, f1, ... in a canonical order, and that order.

    Two expressions that are the same but for the order of their free indices become one.
    """
    order = tuple(_canonical_order(Mul.make_args(e), list(indices)))
    return relabelled(e.xreplace({i: Index(f"f{k}", i.axis) for k, i in enumerate(order)})), order


class Alike:
    """Entries by what they are defined as, whatever the order of their indices: the one that an expression equals."""

    def __init__(self) -> None:
        self._entries: dict[Expr, Entry] = {}

    def learn(self, entry: Entry, definition: Expr) -> None:
        """Remember what an entry is at its own indices, all of which stand in the definition; the first of two that are alike is kept."""
        form, order = turned(definition, entry.indices)
        self._entries.setdefault(form, entry.xreplace({i: Index(f"f{k}", i.axis) for k, i in enumerate(order)}))

    def entry(self, e: Expr, indices: Iterable[Index]) -> Entry | None:
        """The entry that equals `e`, whose free indices are given; None if there is none."""
        form, order = turned(e, tuple(indices))
        found = self._entries.get(form)
        return None if found is None else found.xreplace({Index(f"f{k}", i.axis): i for k, i in enumerate(order)})


@remembered
def relabelled(e: Expr) -> Expr:
    """`e` as it stands, with the bound indices of every Total renamed canonically."""
    return _relabelled(rename_bound(e)) if e.has(Total) else e


def _relabelled(e: Expr) -> Expr:
    if not e.args or isinstance(e, Entry) or not e.has(Total):
        return e
    if isinstance(e, Total):
        return labelled(Mul.make_args(_relabelled(e.body)), e.indices)
    return e.func(*[_relabelled(a) for a in e.args])


def _depth(e: Expr) -> int:
    """One more than the largest number of a canonical name bound inside `e`, so that nested sums never share a name."""
    if not e.args or isinstance(e, Entry) or not e.has(Total):
        return 0
    numbers = [n for t in e.atoms(Total) for i in t.indices if (n := bound_number(i)) is not None]
    return max(numbers, default=-1) + 1


def _canonical_order(factors: Sequence[Expr], bound: list[Index]) -> list[Index]:
    if len(bound) < 2:
        return bound
    colour = {i: str(i.axis) for i in bound}
    holders: dict[Index, list[Expr]] = {i: [] for i in bound}
    for f in factors:
        for i in _held(f):
            if i in holders:
                holders[i].append(f)
    for _ in bound:
        # The colour of an index becomes how it is used: by each factor, told from the other indices.
        used = {}
        for i in bound:
            told = ChainMap({i: "*"}, colour)
            used[i] = sorted(key(f, told) for f in holders[i])
        rank = {text: f"{k}" for k, text in enumerate(sorted({colour[i] + "|" + ";".join(used[i]) for i in bound}))}
        refined = {i: "c" + rank[colour[i] + "|" + ";".join(used[i])] for i in bound}
        if len(set(refined.values())) == len(set(colour.values())):
            colour = refined
            break
        colour = refined
    classes = [[i for i in bound if colour[i] == c] for c in sorted(set(colour.values()), key=lambda c: int(c[1:]))]
    if all(len(members) == 1 for members in classes):
        return [i for members in classes for i in members]
    orders = ([i for part in choice for i in part] for choice in product(*(permutations(members) for members in classes)))

    def text(order: list[Index]) -> str:
        names = {i: f"#{k}" for k, i in enumerate(order)}
        return ";".join(sorted(key(f, names) for f in factors))

    return min(islice(orders, MOST_ORDERS), key=text)
