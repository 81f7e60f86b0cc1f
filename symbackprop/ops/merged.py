"""Merged axes: arrays whose axes are made of several, one after another or side by side.

A merged axis of size m n has the index i n + j: where an array is read along it, the sum over i and j of delta(e, i n + j) says so, and the
delta is solved wherever it can be. No floor and no remainder of a division ever comes up. Arrays side by side are a sum of guarded entries.
"""

from collections.abc import Sequence

from sympy import Expr, Integer, Mul, S, cancel, expand_mul

from symbackprop.contract import flat, without_deltas
from symbackprop.errors import AxisError
from symbackprop.index import Index, shape_text
from symbackprop.laws import guard
from symbackprop.ops.array import Array, Draft, Indices, broadcast, view
from symbackprop.ops.structural import Shape, sizes_of, transpose
from symbackprop.ops.table import array_op
from symbackprop.term import delta

Arrays = tuple[Array, ...]
Axis = int | None


def place_in(at: Sequence[Expr], sizes: Sequence[Expr]) -> Expr:
    """The index on the merged axis of the entry that stands at `at` on axes of `sizes`: i n + j, the last axis the fastest."""
    place: Expr = S.Zero
    for i, size in zip(at, sizes, strict=True):
        place = expand_mul(place * size + i)
    return place


def split_place(draft: Draft, e: Expr, sizes: Sequence[Expr]) -> tuple[list[Expr], Expr, list[Index]]:
    """`e` on a merged axis as indices on its parts: (these, a delta that says how, those of them that are summed)."""
    wide = [k for k, size in enumerate(sizes) if size != 1]
    if len(wide) <= 1:
        return [e if k in wide else S.Zero for k in range(len(sizes))], S.One, []
    made: list[Expr] = [S.Zero if size == 1 else draft.bound(size) for size in sizes]
    return made, delta(e, place_in(made, sizes)), [i for i in made if isinstance(i, Index)]


def solved(draft: Draft, body: Expr, bound: Sequence[Index]) -> Expr:
    """The sum of `body` over `bound`, with the deltas among its factors solved where they can be."""
    found = without_deltas(flat(draft.total(body, bound)))
    return S.Zero if found is None else found.expr


def merged(draft: Draft, x: Array, groups: Sequence[Sequence[int]]) -> Array:
    """The array whose axes are made of groups of neighbouring axes of `x`."""
    ready = draft.factor(x)
    parts = [[x.axes[k] for k in group] for group in groups]

    def at(indices: Indices) -> Expr:
        places: list[Expr] = []
        factors: list[Expr] = []
        bound: list[Index] = []
        for e, sizes in zip(indices, parts, strict=True):
            inner, link, summed = split_place(draft, e, sizes)
            places, factors, bound = places + inner, [*factors, link], bound + summed
        if not bound:
            return ready.at(tuple(places))
        return solved(draft, Mul(*factors) * ready.at(tuple(places)), bound)

    sums = any(sum(size != 1 for size in sizes) > 1 for sizes in parts)
    return Array([Mul(*sizes) for sizes in parts], at, sums=sums or ready.sums, composite=ready.composite)


def divided(draft: Draft, x: Array, groups: Sequence[Sequence[Expr]]) -> Array:
    """The array in which each axis of `x` is divided into axes of the sizes in its group."""

    def remap(at: Indices) -> Indices:
        rest = iter(at)
        return tuple(place_in([next(rest) for _ in sizes], sizes) for sizes in groups)

    return view(draft, x, [size for sizes in groups for size in sizes], remap)


def _groups(old: Sequence[Expr], new: Sequence[Expr]) -> list[tuple[int, int]] | None:
    """Cuts of both lists into pieces with equal products, as fine as can be: the ends of the pieces; None if there are none."""
    ends, p, q = [(0, 0)], 0, 0
    while p < len(old) or q < len(new):
        found = next(
            (
                (i, j)
                for total in range(1, len(old) - p + len(new) - q + 1)
                for i in range(p, len(old) + 1)
                for j in [q + total - (i - p)]
                if q <= j <= len(new) and expand_mul(Mul(*old[p:i]) - Mul(*new[q:j])) == 0
            ),
            None,
        )
        if found is None:
            return None
        p, q = found
        ends.append(found)
    return ends


@array_op("structural")
def reshape(draft: Draft, x: Array, shape: Shape) -> Array:
    """The same entries, in row-major order, over other axes; -1 stands for what is left.

    reshape(A, m * n)[i * n + j] = A[i, j]
    """
    wanted = list(shape) if isinstance(shape, tuple) else [shape]
    if wanted.count(-1) > 1:
        raise draft.error("reshape can find one size only", AxisError, fix="write -1 once")
    known = sizes_of(draft, tuple(s for s in wanted if s != -1))
    left = Mul(*x.axes) / Mul(*known)
    left = left if left.is_integer else cancel(left)
    place = wanted.index(-1) if -1 in wanted else len(wanted)
    target = (*known[:place], *([left] if -1 in wanted else []), *known[place:])
    ends = _groups(x.axes, target) if -1 not in wanted or left.is_integer else None
    if ends is None:
        notes = [draft.described(x)]
        raise draft.error(f"there is no way to give it the shape {shape_text(target)}", AxisError, notes=notes)
    pairs = list(zip(ends, ends[1:], strict=False))
    if all(expand_mul(a - b) == 0 for a, b in zip(x.axes, target, strict=False)) and len(x.axes) == len(target):
        return x
    whole = merged(draft, x, [range(p, s) for (p, _), (s, _) in pairs]) if any(s - p != 1 for (p, _), (s, _) in pairs) else x
    parts = [target[q:t] for (_, q), (_, t) in pairs]
    if all(len(sizes) == 1 for sizes in parts):
        return whole
    if any(s - p > 1 and t - q > 1 for (p, q), (s, t) in pairs):
        whole = draft.ground(whole)
    return divided(draft, whole, parts)


@array_op("structural", names=("ravel", "flatten"))
def ravel(draft: Draft, x: Array) -> Array:
    """All entries along one axis, in row-major order.

    ravel(A)[i * n + j] = A[i, j]
    """
    return reshape(draft, x, -1)


@array_op("structural")
def moveaxis(draft: Draft, x: Array, source: int, destination: int) -> Array:
    """One axis at another place, the others in order.

    moveaxis(T, 0, -1)[i, j, k] = T[k, i, j]
    """
    place, goal = draft.position(source, x), draft.position(destination, x)
    order = [k for k in range(x.rank) if k != place]
    order.insert(goal, place)
    return transpose(draft, x, tuple(order))


@array_op("contraction")
def kron(draft: Draft, a: Array, b: Array) -> Array:
    """The Kronecker product: every entry of one array times the whole other.

    kron(A, B)[i * p + k, j * q + l] = A[i, j] B[k, l]
    """
    left, right = draft.factor(a), draft.factor(b)
    rank = max(left.rank, right.rank)
    sizes = [(*[S.One] * (rank - side.rank), *side.axes) for side in (left, right)]

    def at(indices: Indices) -> Expr:
        places: list[list[Expr]] = []
        factors: list[Expr] = []
        bound: list[Index] = []
        for e, pair in zip(indices, zip(*sizes, strict=True), strict=True):
            inner, link, summed = split_place(draft, e, pair)
            places.append(inner)
            factors, bound = [*factors, link], bound + summed
        entries = [side.at(tuple(p[k] for p in places)[rank - side.rank :]) for k, side in enumerate((left, right))]
        return solved(draft, Mul(*factors, *entries), bound) if bound else Mul(*entries)

    return Array([Mul(*pair) for pair in zip(*sizes, strict=True)], at, sums=True)


def _beside(draft: Draft, arrays: Arrays, place: int) -> Array:
    """Arrays one after another along the axis at `place`."""
    ready = [draft.term(a) for a in arrays]
    starts = [S.Zero]
    for a in ready:
        starts.append(expand_mul(starts[-1] + a.axes[place]))

    def at(indices: Indices) -> Expr:
        e, made = indices[place], S.Zero
        for a, start in zip(ready, starts, strict=False):
            inside = expand_mul(e - start)
            holds = guard(inside) * guard(expand_mul(a.axes[place] - 1 - inside))
            if holds != 0:
                made += holds * a.at((*indices[:place], inside, *indices[place + 1 :]))
        return made

    first = ready[0].axes
    return Array((*first[:place], starts[-1], *first[place + 1 :]), at, sums=any(a.sums for a in ready), composite=any(a.sums for a in ready))


def _checked(draft: Draft, arrays: Arrays, what: str) -> Arrays:
    if isinstance(arrays, Array) or not arrays:
        raise draft.error(f"{what} takes several arrays", AxisError, fix=f"write {what}((A, B))")
    for a in arrays[1:]:
        if a.rank != arrays[0].rank:
            notes = [draft.described(arrays[0]), draft.described(a)]
            raise draft.error(f"{what} takes arrays with equally many axes", AxisError, arrays=[a], notes=notes)
    return arrays


def _alike(draft: Draft, arrays: Arrays, but: int | None) -> None:
    """Raise AxisError unless the arrays agree on every axis but one."""
    for a in arrays[1:]:
        for k, (size, other) in enumerate(zip(arrays[0].axes, a.axes, strict=True)):
            if k != but and size != other:
                raise draft.clash(arrays[0], size, a, other)


@array_op("structural")
def concatenate(draft: Draft, arrays: Arrays, axis: Axis = 0) -> Array:
    """Arrays one after another along an axis.

    concatenate((x, y))[i] = x[i] [i < n] + y[i - n] [i >= n]
    """
    parts = _checked(draft, arrays, "concatenate")
    if axis is None:
        parts, axis = tuple(ravel(draft, a) for a in parts), 0
    if not parts[0].rank:
        raise draft.error("concatenate takes arrays with axes, not scalars", AxisError, fix="use stack for scalars")
    place = draft.position(axis, parts[0])
    _alike(draft, parts, place)
    return _beside(draft, parts, place)


@array_op("structural")
def stack(draft: Draft, arrays: Arrays, axis: int = 0) -> Array:
    """Arrays of one shape along a new axis.

    stack((x, y))[k, i] = x[i] delta_k0 + y[i] delta_k1
    """
    parts = [draft.term(a) for a in _checked(draft, arrays, "stack")]
    _alike(draft, tuple(parts), None)
    rank = parts[0].rank + 1
    if not -rank <= axis < rank:
        raise draft.error(f"there is no axis {axis}", AxisError, fix=f"axes of the result go from 0 to {rank - 1}")
    place = axis % rank

    def at(indices: Indices) -> Expr:
        rest = indices[:place] + indices[place + 1 :]
        return sum((delta(indices[place], Integer(k)) * a.at(rest) for k, a in enumerate(parts)), S.Zero)

    axes = (*parts[0].axes[:place], Integer(len(parts)), *parts[0].axes[place:])
    return Array(axes, at, sums=any(a.sums for a in parts), composite=any(a.sums for a in parts))


@array_op("structural")
def hstack(draft: Draft, arrays: Arrays) -> Array:
    """Arrays beside each other: vectors one after another, matrices column by column.

    hstack((A, B))[i, j] = A[i, j] [j < n] + B[i, j - n] [j >= n]
    """
    parts = _checked(draft, arrays, "hstack")
    parts = tuple(view(draft, a, (S.One,), lambda at: ()) if a.rank == 0 else a for a in parts)
    return concatenate(draft, parts, 0 if parts[0].rank == 1 else 1)


@array_op("structural")
def vstack(draft: Draft, arrays: Arrays) -> Array:
    """Arrays below each other; vectors as rows.

    vstack((x, y))[k, i] = x[i] delta_k0 + y[i] delta_k1
    """
    parts = _checked(draft, arrays, "vstack")
    if parts[0].rank == 1:
        return stack(draft, parts, 0)
    return concatenate(draft, parts, 0)


class Pieces(Array):
    """What split gives: `parts`, to be picked by number."""

    __slots__ = ("parts",)
    parts: Arrays


@array_op("structural")
def split(draft: Draft, x: Array, sections: int | Expr | tuple, axis: int = 0) -> Array:
    """An array cut along an axis, into equal parts or at given places; split(x, 2)[0] is the first part.

    split(x, (k,))[1][i] = x[i + k]
    """
    place = draft.position(axis, x)
    size = x.axes[place]
    if isinstance(sections, tuple):
        cuts = [S.Zero, *[S(s) for s in sections], size]
    else:
        length = cancel(size / S(sections))
        if not length.is_integer or not isinstance(sections, int | Integer):
            raise draft.error(f"an axis of size {shape_text([size])} has no {sections} equal parts", AxisError, notes=[draft.described(x)])
        cuts = [k * length for k in range(int(sections) + 1)]
    parts = []
    for start, stop in zip(cuts, cuts[1:], strict=False):
        length = expand_mul(stop - start)
        known = draft.example(length)
        if length.is_nonpositive or (known is not None and known < 1):
            raise draft.error("a part of the split is empty", AxisError, notes=[draft.described(x)])
        axes = (*x.axes[:place], length, *x.axes[place + 1 :])
        parts.append(view(draft, x, axes, lambda at, start=start: (*at[:place], at[place] + start, *at[place + 1 :])))
    made = Pieces(x.axes, x.at)
    made.parts = tuple(parts)
    return made


@array_op("structural")
def flip(draft: Draft, x: Array, axis: Axis | tuple[int, ...] = None) -> Array:
    """The entries in reverse order along axes.

    flip(x)[i] = x[n - 1 - i]
    """
    places = draft.positions(axis, x)
    return view(draft, x, x.axes, lambda at: tuple(x.axes[k] - 1 - i if k in places else i for k, i in enumerate(at)))


@array_op("structural")
def roll(draft: Draft, x: Array, shift: int | Expr, axis: Axis = None) -> Array:
    """The entries shifted along an axis; what leaves at one end comes in at the other. The shift is less than the axis is long.

    roll(x, 1)[i] = x[i - 1] [i >= 1] + x[i - 1 + n] [i < 1]
    """
    if axis is None:
        return roll(draft, x, shift, 0) if x.rank == 1 else reshape(draft, roll(draft, draft.ground(ravel(draft, x)), shift, 0), x.axes)
    place = draft.position(axis, x)
    size, by = x.axes[place], S(shift)
    if size.is_Integer and by.is_Integer:
        by = by % size
    known = draft.example(size - abs(by))
    if known is not None and known < 0:
        raise draft.error(f"a shift by {shift} is more than the axis is long", AxisError, notes=[draft.described(x, size)])
    if by == 0:
        return x
    ready = draft.term(x)

    def at(indices: Indices) -> Expr:
        # Of the four guards two always hold, as the shift is at most the size.
        turn = size if by.is_nonnegative else -size
        near, far = expand_mul(indices[place] - by), expand_mul(indices[place] - by + turn)
        lower, upper = (near, far) if by.is_nonnegative else (far, near)
        held = {lower: guard(lower), upper: guard(expand_mul(size - 1 - upper))}
        return sum((held[e] * ready.at((*indices[:place], e, *indices[place + 1 :])) for e in (near, far) if held[e] != 0), S.Zero)

    return Array(x.axes, at, sums=ready.sums, composite=ready.sums)


@array_op("structural")
def tile(draft: Draft, x: Array, reps: Shape) -> Array:
    """An array again and again along its axes.

    tile(x, k)[i * n + j] = x[j]
    """
    counts = sizes_of(draft, reps)
    rank = max(len(counts), x.rank)
    axes = (*[S.One] * (rank - x.rank), *x.axes)
    counts = (*[S.One] * (rank - len(counts)), *counts)
    both = [size for pair in zip(counts, axes, strict=True) for size in pair]
    own = [2 * k + 1 for k in range(rank - x.rank, rank)]
    wide = view(draft, x, both, lambda at: tuple(at[k] for k in own))
    return merged(draft, wide, [(2 * k, 2 * k + 1) for k in range(rank)])


@array_op("structural")
def repeat(draft: Draft, x: Array, repeats: int | Expr, axis: Axis = None) -> Array:
    """Every entry several times in a row along an axis.

    repeat(x, k)[i * k + j] = x[i]
    """
    whole = ravel(draft, x) if axis is None and x.rank != 1 else x
    place = draft.position(0 if axis is None else axis, whole)
    (count,) = sizes_of(draft, repeats)
    axes = (*whole.axes[: place + 1], count, *whole.axes[place + 1 :])
    wide = view(draft, whole, axes, lambda at: at[: place + 1] + at[place + 2 :])
    groups = [(k,) if k < place else (k, k + 1) if k == place else (k + 1,) for k in range(whole.rank)]
    return merged(draft, wide, groups)


@array_op("structural")
def broadcast_to(draft: Draft, x: Array, shape: Shape) -> Array:
    """An array written out over a larger shape.

    broadcast_to(x, (k, n))[i, j] = x[j]
    """
    target = sizes_of(draft, shape)
    ready = draft.term(x)
    axes, (read, _) = broadcast(draft, (ready, Array(target, lambda _: S.One)))
    if axes != target:
        raise draft.error(f"it does not fit the shape {shape_text(target)}", AxisError, arrays=[x], notes=[draft.described(x)])
    return Array(axes, read, sums=ready.sums, composite=ready.composite)
