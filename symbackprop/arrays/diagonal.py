"""Kronecker deltas of free indices as what they are in an array: entries on a diagonal, zeros elsewhere.

[i = j] x[i, k] is not a product with the unit matrix, which would visit the zeros too: x is written, or added, to the diagonal of an array.
"""

from collections.abc import Iterable, Sequence

from sympy import Add, Expr, KroneckerDelta, Mul

from symbackprop.calculus.index import Index
from symbackprop.calculus.term import indices_of

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
