"""Entries, index arithmetic and guards as array operations: slices where they do, grids of indices where they don't.

x[i + 1] over a shorter axis is the slice x[1:]; x[3] picks; x[i, i] is a diagonal; x[i + u] and x[at[i]] are lookups in a grid of
indices. A guard [i - 1 >= 0] on one index narrows its range, and what is left is written into zeros; a guard that joins
two indices is a mask. A lookup that a mask guards may point outside: its places are clipped, the mask makes the term 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sympy import Add, Expr, KroneckerDelta, Mul, S, expand_mul

from symbackprop.calculus.index import Index, fresh
from symbackprop.calculus.sizes import at_most
from symbackprop.calculus.term import Entry, Positive, indices_of, is_guard, slopes


@dataclass(frozen=True)
class Affine:
    """step * index + start, the step a whole number other than 0."""

    index: Index
    step: Expr
    start: Expr

    @property
    def last(self) -> Expr:
        """The value at the end of the index's range."""
        return expand_mul(self.start + self.step * (self.index.axis - 1))


def affine(e: Expr) -> Affine | None:
    """`e` as an affine form of its only index, or None."""
    if isinstance(e, Index):
        return Affine(e, S.One, S.Zero)
    found = indices_of(e)
    if len(found) != 1 or e.has(Entry):
        return None
    index = next(iter(found))
    step = e.diff(index)
    start = expand_mul(e - step * index)
    if not step.is_Integer or step == 0 or indices_of(start):
        return None
    return Affine(index, step, start)


@dataclass(frozen=True)
class Narrowed:
    """What guards on single indices come to: for each index the shorter one it is replaced by, and where that starts."""

    factors: tuple[Expr, ...]
    ranges: tuple[tuple[Index, Index, Expr], ...]


def narrow(factors: Sequence[Expr], needs: Sequence[Expr] = ()) -> Narrowed:
    """Guards on one index with step +-1 replaced by a shorter range of that index; other guards stay as factors.

    So do those of which it is not known, for all sizes for which `needs` are >= 0, that they leave a part of the range.
    """
    guards: dict[Index, list[tuple[Expr, Affine]]] = {}
    rest = []
    for f in factors:
        form = affine(f.args[0] - (1 if isinstance(f, Positive) else 0)) if is_guard(f) else None
        if form is not None and form.step in (1, -1):
            guards.setdefault(form.index, []).append((f, form))
        else:
            rest.append(f)
    ranges, new = [], {}
    for i, mine in sorted(guards.items(), key=str):
        start, stop, masks = _range(i, mine, needs)
        if not at_most(start, stop, needs):
            rest += [f for f, _ in mine]
            continue
        rest += masks
        if (start, stop) != (0, i.axis):
            shorter = fresh(expand_mul(stop - start))
            ranges.append((i, shorter, start))
            new[i] = shorter + start
    return Narrowed(tuple(moved(f, new) for f in rest), tuple(ranges))


def _range(i: Index, guards: Sequence[tuple[Expr, Affine]], needs: Sequence[Expr]) -> tuple[Expr, Expr, list[Expr]]:
    """Where guards on one index let its range begin and end, and those of them that can't be compared with the rest."""
    start, stop, masks = S.Zero, i.axis, []
    for f, form in guards:
        if form.step == 1:
            low = expand_mul(-form.start)
            if at_most(start, low, needs):
                start = low
            elif not at_most(low, start, needs):
                masks.append(f)
        else:
            high = expand_mul(form.start + 1)
            if at_most(high, stop, needs):
                stop = high
            elif not at_most(stop, high, needs):
                masks.append(f)
    return start, stop, masks


def are_ranges(guards: Sequence[Expr], needs: Sequence[Expr] = ()) -> bool:
    """Whether guards, taken together, come to shorter ranges of indices, and no mask of them is left."""
    return not narrow(guards, needs).factors


def moved(e: Expr, new: dict[Index, Expr]) -> Expr:
    """`e` with indices replaced, and the index expressions of its entries put in order."""
    if not new or not (indices_of(e) & set(new)):
        return e
    e = e.xreplace(new)
    return e.xreplace({a: Entry(a.name, *[expand_mul(i) for i in a.indices]) for a in e.atoms(Entry)})


@dataclass(frozen=True)
class Scatter:
    """delta(into, step * index + start) under a sum over `index`: entries go to places start, start + step, ..."""

    into: Index
    index: Index
    start: Expr
    step: Expr


def find_scatter(factors: Sequence[Expr], bound: Iterable[Index], needs: Sequence[Expr] = ()) -> tuple[Scatter, list[Expr]] | None:
    """A delta among `factors` that writes a summed index into every so-many-th place of a free one, and the other factors.

    It is known to write inside the axis, for all sizes for which `needs` are >= 0.
    """
    bound = set(bound)
    for f in factors:
        if not isinstance(f, KroneckerDelta):
            continue
        others = [g for g in factors if g is not f]
        used = set().union(*[indices_of(g) for g in others])
        for into, e in (f.args, f.args[::-1]):
            form = affine(e)
            if form is None or form.index not in bound or not isinstance(into, Index) or into in bound or into in used:
                continue
            inside_axis = at_most(0, form.start, needs) and at_most(form.last, into.axis - 1, needs)
            if form.step.is_positive and inside_axis:
                return Scatter(into, form.index, form.start, form.step), others
    return None


WHOLE = ("all",)
TURNED = ("slice", None, None, S.NegativeOne)


def slices_of(form: Affine, size: Expr, needs: Sequence[Expr] = ()) -> tuple[tuple, tuple]:
    """A slice for the places `form` runs through on an axis of `size`, and how its entries are taken: WHOLE, as they are, or TURNED round.

    Of no places, backwards, the first may be before all of the axis, and NumPy would count it from the end. One slice does where the
    first is counted from there anyway, or known to be on the axis, and the last too, for all sizes for which `needs` are >= 0.
    """
    if form.step.is_positive:
        return slice_of(form.start, form.step, form.index.axis, size), WHOLE
    stop, left = expand_mul(form.last - 1), expand_mul(size - form.start)
    from_end = left.is_Integer and left > 0 and not form.start.is_Integer
    if (from_end or at_most(0, form.start, needs)) and (stop == -1 or at_most(0, stop, needs)):
        return ("slice", None if left == 1 and stop == -1 else form.start, None if stop == -1 else stop, form.step), WHOLE
    return slice_of(form.last, -form.step, form.index.axis, size), TURNED


def slice_of(start: Expr, step: Expr, count: Expr, size: Expr) -> tuple[str, Expr | None, Expr | None, Expr]:
    """("slice", start, stop, step) for `count` places from `start` on, step by step, on an axis of `size`.

    Of no places the last is before the first one, and may be before all: NumPy would count it from the end. So it ends after it.
    """
    stop = expand_mul(start + step * (count - 1) + 1)
    first = None if start == 0 else start
    if reaches_end(stop, size, step):
        return ("slice", first, None, step)
    return ("slice", first, stop if step == 1 or at_most(1, count) else expand_mul(start + step * count), step)


def reaches_end(stop: Expr, size: Expr, step: Expr) -> bool:
    """Whether a slice that stops at `stop` might as well go on to the end of an axis of `size`: less than a step is left.

    What is left depends, for a strided slice, on the size modulo the step only: it is looked at for one full period and more.
    """
    left = expand_mul(size - stop)
    if left.is_Integer:
        return bool(0 <= left < step)
    symbols = left.free_symbols
    if len(symbols) != 1 or not step.is_Integer:
        return False
    symbol = next(iter(symbols))
    values = [left.subs(symbol, k) for k in range(int(step), 4 * int(step) + 1)]
    return all(v.is_Integer and 0 <= v < step for v in values)


def radix(e: Expr, size: Expr) -> tuple[Index, ...] | None:
    """The indices i, j, ... of i n + j ..., slowest first, if these run through all places of an axis of `size` in order; else None."""
    if not isinstance(e, Add) or e.has(Entry):
        return None
    weights: dict[Expr, Index] = {}
    for term in e.args:
        held = [f for f in Mul.make_args(term) if isinstance(f, Index)]
        if len(held) != 1 or held[0] in weights.values() or term / held[0] in weights:
            return None
        weights[term / held[0]] = held[0]
    weight: Expr = S.One
    found: list[Index] = []
    while weight in weights:
        found.append(weights.pop(weight))
        weight = expand_mul(weight * found[-1].axis)
    return tuple(reversed(found)) if not weights and expand_mul(weight - size) == 0 else None


def find_merge(factors: Sequence[Expr], bound: Iterable[Index]) -> tuple[dict[Index, tuple[Index, ...]], list[Expr]] | None:
    """Deltas among `factors` that run through all of a free index I by summed ones, I = i n + j: {I: (i, j)}, and the other factors."""
    left = set(bound)
    merges: dict[Index, tuple[Index, ...]] = {}
    others = list(factors)
    for f in factors:
        if not isinstance(f, KroneckerDelta):
            continue
        rest = [g for g in others if g is not f]
        used = set(bound).union(*[indices_of(g) for g in rest])
        for into, e in (f.args, f.args[::-1]):
            parts = radix(e, into.axis) if isinstance(into, Index) and into not in used else None
            if parts is not None and set(parts) <= left:
                merges[into] = parts
                others, left = rest, left - set(parts)
                break
    return (merges, others) if merges else None


def find_counts(factors: Sequence[Expr], bound: Iterable[Index]) -> tuple[dict[Index, Expr], list[Expr]] | None:
    """Deltas among `factors` that send summed indices to places of an index array, delta(I, at[i]): {I: at[i]}, and the other factors."""
    bound = set(bound)
    places: dict[Index, Expr] = {}
    others = list(factors)
    for f in factors:
        if not isinstance(f, KroneckerDelta):
            continue
        rest = [g for g in others if g is not f]
        used = bound.union(places, *[indices_of(g) for g in rest])
        for into, e in (f.args, f.args[::-1]):
            if isinstance(into, Index) and into not in used and e.has(Entry) and indices_of(e) <= bound:
                places[into] = e
                others = rest
                break
    return (places, others) if places else None


def strays(e: Expr, size: Expr) -> bool:
    """Whether a place is known to be outside of an axis for some of its indices: what it stands in is 0 there, by some guard."""
    if isinstance(e, Index) and e.axis == size:
        return False
    ends = _ends(e)
    return ends is not None and bool(ends[0].is_negative or expand_mul(ends[1] - size).is_nonnegative)


def inside(e: Expr, size: Expr, needs: Sequence[Expr] = ()) -> bool:
    """Whether the index expression `e` is known to lie in 0 ... size - 1, from the ranges of its indices and from `needs`."""
    ends = _ends(e)
    return ends is not None and at_most(0, ends[0], needs) and at_most(ends[1], size - 1, needs)


def _ends(e: Expr) -> tuple[Expr, Expr] | None:
    """The lowest and the highest place that an affine index expression comes to over the ranges of its indices."""
    if isinstance(e, Index):
        return S.Zero, e.axis - 1
    lowest = highest = plain = expand_mul(e)
    found = slopes(plain)
    if found is None or not all(step.is_Integer for step in found.values()):
        return None
    for i, step in found.items():
        lowest = lowest.xreplace({i: S.Zero if step > 0 else i.axis - 1})
        highest = highest.xreplace({i: i.axis - 1 if step > 0 else S.Zero})
    return expand_mul(lowest), expand_mul(highest)
