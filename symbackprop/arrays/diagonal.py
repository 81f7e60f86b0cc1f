"""Kronecker deltas of free indices as what they are in an array: entries on a diagonal, zeros elsewhere.

[i = j] x[i, k] is not a product with the unit matrix, which would visit the zeros too: x is written, or added, to the diagonal of an array.
So too beside the diagonal, as [i + 1 = j]: that is the diagonal of a part of the array.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sympy import Add, Expr, KroneckerDelta, Mul, S, expand_mul

from symbackprop.calculus.index import Index
from symbackprop.calculus.places import moved, narrow
from symbackprop.calculus.term import Entry, NonNegative, indices_of, is_guard, slopes

Equal = dict[Index, Index]
"""j: i for free indices of which a product is 0 unless j is i."""


def is_diagonal(f: Expr, bound: Sequence[Index] = ()) -> bool:
    """Whether `f` is the delta of two different free indices over one axis."""
    if not isinstance(f, KroneckerDelta):
        return False
    i, j = f.args
    return isinstance(i, Index) and isinstance(j, Index) and i.axis == j.axis and i not in bound and j not in bound


def apart(factors: Sequence[Expr], bound: Sequence[Index]) -> tuple[Equal, list[Expr]]:
    """What deltas among `factors` set equal, and the other factors, which speak of one index of each pair."""
    kept: dict[Index, Index] = {}

    def root(i: Index) -> Index:
        while i in kept:
            i = kept[i]
        return i

    for f in factors:
        if is_diagonal(f, bound):
            i, j = sorted((root(f.args[0]), root(f.args[1])), key=lambda i: i.name)
            if i != j:
                kept[j] = i
    ends = {j: root(j) for j in kept}
    return ends, [f.xreplace(ends) for f in factors if not is_diagonal(f, bound)]


def thin_sums(factors: Sequence[Expr], bound: Sequence[Index]) -> list[Expr]:
    """Those of `factors` that are a sum of a diagonal and of what has fewer indices: [i = j] - p[i] is better multiplied out.

    A sum whose other terms fill all of its indices is an array anyway, and the diagonal is added to that.
    """
    found = []
    for f in factors:
        if isinstance(f, Add):
            diagonal = [t for t in f.args if any(is_diagonal(g, bound) for g in Mul.make_args(t))]
            rest = [indices_of(t) for t in f.args if t not in diagonal]
            if diagonal and not set().union(*rest) >= indices_of(f):
                found.append(f)
    return found


def by_diagonal(terms: Iterable[Expr]) -> tuple[list[tuple[Equal, Expr]], list[Expr]]:
    """The terms of a sum that stand on one diagonal, joined, each with what is equal there; and the other terms."""
    found: dict[tuple, list[Expr]] = {}
    rest = []
    for t in terms:
        equal, factors = apart(Mul.make_args(t), ())
        if equal:
            found.setdefault(tuple(sorted(equal.items(), key=str)), []).append(Mul(*factors))
        else:
            rest.append(t)
    return [(dict(equal), Add(*inner)) for equal, inner in found.items()], rest


@dataclass(frozen=True)
class Band:
    """Entries along a diagonal of a part of an array: j is i plus a number where they stand.

    `inner` speaks of `short` in place of i, from 0 on, and of no j; `starts` are the places of i and of j where that is 0.
    """

    equal: Equal
    inner: Expr
    short: Index
    starts: Mapping[Index, Expr]


def find_band(term: Expr, needs: Sequence[Expr] = ()) -> Band | None:
    """A term with [i + c = j] for free i and j as a band; None where there is none, or it is not known where it begins and ends."""
    equal, factors = apart(Mul.make_args(term), ())
    for f in factors:
        gap = expand_mul(f.args[1] - f.args[0]) if isinstance(f, KroneckerDelta) and not f.has(Entry) else S.Zero
        found = slopes(gap) or {}
        if sorted(map(str, found.values())) != ["-1", "1"]:
            continue
        i, j = sorted(found, key=lambda k: found[k] == -1)
        shift = gap.xreplace({i: S.Zero, j: S.Zero})
        others = [_at(g, {j: i + shift}) for g in factors if g is not f]
        guards = [g for g in others if is_guard(g) and indices_of(g) == {i}]
        narrowed = narrow([*guards, NonNegative(i + shift), NonNegative(j.axis - 1 - i - shift)], needs)
        if any(g != 1 for g in narrowed.factors) or len(narrowed.ranges) > 1:
            return None
        ((_, short, start),) = narrowed.ranges or ((i, i, S.Zero),)
        inner = Mul(*[moved(g, {i: short + start}) if short != i else g for g in others if g not in guards])
        starts = {i: start, j: expand_mul(start + shift)}
        starts |= {k: starts[root] for k, root in equal.items() if root in starts}
        return Band({**{k: i if root == j else root for k, root in equal.items()}, j: i}, inner, short, starts)
    return None


def _at(e: Expr, new: Mapping[Index, Expr]) -> Expr:
    """`e` with indices replaced; the places of its entries, and its guards, are sums again."""
    return moved(e, dict(new)) if not is_guard(e) else e.func(expand_mul(e.args[0].xreplace(dict(new))))
