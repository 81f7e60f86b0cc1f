"""Merged axes: arrays whose axes are made of several, one after another or side by side.

A merged axis of size m n has the index i n + j: where an array is read along it, the sum over i and j of delta(e, i n + j) says so, and the
delta is solved wherever it can be. No floor and no remainder of a division ever comes up.
"""

import itertools
from collections.abc import Sequence

from sympy import Expr, Mul, S, cancel, expand_mul

from symbackprop.calculus.contract import flat, without_deltas
from symbackprop.calculus.index import Index, shape_text
from symbackprop.calculus.index import axis as axis_of
from symbackprop.calculus.term import delta
from symbackprop.errors import AxisError
from symbackprop.ops.array import Array, Draft, Indices
from symbackprop.ops.broadcast import view
from symbackprop.ops.shapes.structural import Shape, full, sizes_of, transpose
from symbackprop.ops.table import array_op

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


def whole_number(draft: Draft, size: Expr, x: Array) -> bool:
    """Whether a size is a whole number. Of d / 2 that is not known: the error lets d stand for 2 times another letter."""
    if size.is_integer is None:
        over, under = size.as_numer_denom()
        letters = [f for f in Mul.make_args(over) if f.is_Symbol]
        if letters:
            draft.met = (letters[0], under * axis_of(f"{letters[0]}_part"))
            reason = f"whether {shape_text([size])} is a whole number is not known"
            raise draft.error(reason, AxisError, arrays=[x], notes=[draft.described(x)], fix="give the parts axes of their own")
    return bool(size.is_integer and not size.is_nonpositive)


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
    ends = _groups(x.axes, target) if -1 not in wanted or whole_number(draft, left, x) else None
    if ends is None:
        notes = [draft.described(x)]
        draft.met = cancel(Mul(*x.axes) / Mul(*target)).as_numer_denom()  # of p against m n, p may stand for it
        raise draft.error(f"there is no way to give it the shape {shape_text(target)}", AxisError, notes=notes)
    pairs = list(itertools.pairwise(ends))
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
    return full(draft, shape, x)
