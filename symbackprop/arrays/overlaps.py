"""Sums that run over windows, or over all places before one, without an array over both places.

sum_n T[n] K[i - n], the gradient of a convolution by its input, is T[n] K[p] for all n and p, added up at the places i = n + p: the
array of all i by all n would be K written out as a Toeplitz matrix. sum_j [i >= j] x[j] is a running sum: the array of all i by all j
would be a triangle of ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sympy import Expr, KroneckerDelta, Max, S, expand_mul

from symbackprop.arrays.graph import Graph, Labelled
from symbackprop.calculus.index import Index, fresh
from symbackprop.calculus.places import WHOLE, slice_of
from symbackprop.calculus.sizes import at_most
from symbackprop.calculus.term import Entry, Positive, indices_of, is_guard, slopes
from symbackprop.stability.masked import Where

TURN = ("slice", None, None, S.NegativeOne)


@dataclass(frozen=True)
class Overlap:
    """Entries over `index` and `inside` that belong at the places step * index + inside - before of the free index `into`."""

    into: Index
    index: Index
    inside: Index
    step: Expr
    before: Expr


def find_overlap(factors: Sequence[Expr], bound: Sequence[Index], size: Callable[[Entry, int], Expr]) -> tuple[Overlap, list[Expr]] | None:
    """A place i - step n + c of a free i and a summed n that only entries and the guards of their range speak of, and the other factors.

    `size` tells how long an axis of an entry's tensor is. The factors given back speak of a new index that runs along that axis.
    """
    for f in factors:
        for a in f.atoms(Entry) if not is_guard(f) else ():
            for k, place in enumerate(a.indices):
                found = _window(place, bound)
                if found is None:
                    continue
                into, index, step = found
                inside = fresh(size(a, k))
                rest = [_at(g, place, inside) for g in factors if not _keeps_inside(g, place, inside.axis)]
                before = expand_mul(place - into + step * index)
                if before.is_nonnegative and not any(g.has(into) for g in rest):
                    return Overlap(into, index, inside, step, before), rest
    return None


def _window(place: Expr, bound: Sequence[Index]) -> tuple[Index, Index, Expr] | None:
    """Of i - step n + c the free i, the summed n, and the step, a whole number above 0."""
    found = slopes(expand_mul(place)) if not place.has(Entry) else None
    if found is None or len(found) != 2:
        return None
    into = next((i for i, slope in found.items() if slope == 1 and i not in bound), None)
    index = next((i for i, slope in found.items() if slope.is_Integer and slope < 0 and i in bound), None)
    return (into, index, -found[index]) if into is not None and index is not None else None


def _keeps_inside(g: Expr, place: Expr, size: Expr) -> bool:
    """Whether a factor is a guard that says of a place that it is on an axis of this size, from one side."""
    if not is_guard(g):
        return False
    gap = g.args[0] - (1 if isinstance(g, Positive) else 0)
    return any(expand_mul(gap - ought) == 0 for ought in (place, size - 1 - place))


def _at(f: Expr, place: Expr, inside: Index) -> Expr:
    """A factor with an index for a place wherever an entry is read there."""
    return f.xreplace({a: Entry(a.name, *[inside if i == place else i for i in a.indices]) for a in f.atoms(Entry) if place in a.indices})


def overlapped(graph: Graph, x: Labelled, found: Overlap) -> Labelled:
    """The entries of `x` added up where they belong along the free index; those that belong outside of its axis are left out."""
    x = graph.as_float(x)
    missing = [i for i in (found.index, found.inside) if i not in x.labels]
    x = graph.full(x, (*missing, *x.labels)) if missing else x
    length = expand_mul(found.step * (found.index.axis - 1) + found.inside.axis)  # no shorter than what is read of it
    whole = expand_mul(found.before + found.into.axis)
    if at_most(length, whole):
        length = whole
    elif not at_most(whole, length):
        length = Max(length, whole)
    kept = tuple(i for i in x.labels if i != found.inside)
    labels = tuple(found.into if i == found.index else i for i in kept)
    sizes = [length if i == found.into else i.axis for i in labels]
    info = (x.labels.index(found.inside), kept.index(found.index), found.step, length)
    node = graph.add("overlap", (x.node,), info, sizes)
    if length != found.into.axis:
        part = slice_of(found.before, S.One, found.into.axis, length)
        node = graph.add("slice", (node,), [part if i == found.into else WHOLE for i in labels], [i.axis for i in labels])
    return Labelled(node, labels)


@dataclass(frozen=True)
class Running:
    """The sum over `index` up to `into` (from there on: `turned`), itself included or, for `apart`, left out."""

    into: Index
    index: Index
    turned: bool
    apart: bool


def find_running(factors: Sequence[Expr], bound: Sequence[Index]) -> tuple[Running, list[Expr], list[Expr]] | None:
    """A guard [i >= j] on a summed j, where no other factor has both: the factors of j, and the others."""
    guards = [f for f in factors if is_guard(f) or isinstance(f, KroneckerDelta)]
    for g in guards if len(guards) == 1 else ():
        found = slopes(expand_mul(g.args[0])) if is_guard(g) else None
        if found is None or len(found) != 2 or set(found.values()) != {S.One, S.NegativeOne}:
            continue
        start = expand_mul(g.args[0]).xreplace(dict.fromkeys(found, S.Zero)) - (1 if isinstance(g, Positive) else 0)
        for j in [i for i in found if i in bound]:
            (i,) = (k for k in found if k != j)
            inner = [_under(f, g) for f in factors if f is not g and f.has(j)]
            rest = [f for f in factors if f is not g and not f.has(j)]
            fits = i.axis == j.axis and start in (0, -1) and inner and not any(f.has(i) for f in inner)
            if fits and _is_no_larger(inner, rest, j, bound):
                return Running(i, j, found[i] == -1, start == -1), inner, rest
    return None


def _is_no_larger(inner: Sequence[Expr], rest: Sequence[Expr], j: Index, bound: Sequence[Index]) -> bool:
    """Whether the product that is summed over j has no more axes than a factor: else a triangle of ones takes less."""
    outside = set().union(*map(indices_of, rest))
    kept = {i for i in set().union(*map(indices_of, inner)) if i == j or i not in bound or i in outside}
    return len(kept) <= max(len(indices_of(f)) for f in (*inner, *rest))


def _under(f: Expr, g: Expr) -> Expr:
    """A factor where the guard `g` holds: nothing else is read by a running sum, so that nothing need be made 0."""
    return f.xreplace({w: w.args[1] for w in f.atoms(Where) if w.args[0] == g})


def running(graph: Graph, x: Labelled, found: Running) -> Labelled:
    """The running sum of `x` along an index."""
    x = graph.as_float(x)
    place = x.labels.index(found.index)
    axes = [i.axis for i in x.labels]
    turn = [TURN if k == place else WHOLE for k in range(len(axes))]
    node = graph.add("slice", (x.node,), turn, axes) if found.turned else x.node
    node = graph.add("running", (node,), (place,), axes)
    node = graph.add("slice", (node,), turn, axes) if found.turned else node
    labels = tuple(found.into if i == found.index else i for i in x.labels)
    if not found.apart:
        return Labelled(node, labels)
    shorter = fresh(found.into.axis - 1)
    first = S.One if found.turned else S.Zero
    part = [slice_of(first, S.One, shorter.axis, found.into.axis) if k == place else WHOLE for k in range(len(axes))]
    labels = tuple(shorter if i == found.into else i for i in labels)
    node = graph.add("slice", (node,), part, [i.axis for i in labels])
    return graph.pad(Labelled(node, labels), shorter, found.into, S.One - first)
