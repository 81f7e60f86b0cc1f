"""Structural ops: where an entry stands, and arrays that are made of deltas, ones and zeros."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sympy import Expr, Integer, S, floor

from symbackprop.calculus.index import shape_text
from symbackprop.calculus.term import NonNegative, delta
from symbackprop.errors import AxisError
from symbackprop.ops.array import Array, Draft, Indices
from symbackprop.ops.broadcast import broadcast, view
from symbackprop.ops.table import array_op

Count: TypeAlias = int | Expr
Shape: TypeAlias = int | Expr | tuple
NEW_AXIS, DOTS = "new axis", "dots"


@array_op("structural")
def transpose(draft: Draft, x: Array, axes: tuple[int, ...] | None = None) -> Array:
    """The axes in reverse order, or in the order given.

    transpose(A)[i, j] = A[j, i]
    """
    order = tuple(reversed(range(x.rank))) if axes is None else draft.positions(axes, x)
    if len(order) != x.rank:
        raise draft.error(f"axes={axes} names {len(order)} of {x.rank} axes", AxisError, notes=[draft.described(x)])
    back = [order.index(k) for k in range(x.rank)]
    return view(draft, x, [x.axes[k] for k in order], lambda at: tuple(at[k] for k in back))


@array_op("structural")
def swapaxes(draft: Draft, x: Array, axis1: int, axis2: int) -> Array:
    """Two axes exchanged.

    swapaxes(A, 0, 1)[i, j] = A[j, i]
    """
    order = list(range(x.rank))
    first, second = draft.position(axis1, x), draft.position(axis2, x)
    order[first], order[second] = second, first
    return transpose(draft, x, tuple(order))


@array_op("structural")
def diagonal(draft: Draft, x: Array) -> Array:
    """The diagonal of a square matrix.

    diagonal(A)[i] = A[i, i]
    """
    if x.rank != 2 or x.axes[0] != x.axes[1]:
        raise draft.error("diagonal takes a square matrix", AxisError, arrays=[x], notes=[draft.described(x)])
    return view(draft, x, x.axes[:1], lambda at: (at[0], at[0]))


@array_op("structural")
def diag(draft: Draft, x: Array) -> Array:
    """The diagonal matrix of a vector; of a square matrix, its diagonal.

    diag(v)[i, j] = v[i] delta_ij
    """
    if x.rank == 2:
        return diagonal(draft, x)
    if x.rank != 1:
        raise draft.error("diag takes a vector or a square matrix", AxisError, arrays=[x], notes=[draft.described(x)])
    ready = draft.term(x)
    return Array((*x.axes, *x.axes), lambda at: delta(*at) * ready.at(at[:1]), sums=ready.sums, composite=ready.composite)


@array_op("structural")
def tril(draft: Draft, x: Array, k: Count = 0) -> Array:
    """The entries on and below the k-th diagonal, others 0.

    tril(A)[i, j] = A[i, j] [i - j >= 0]
    """
    return _masked(draft, x, lambda at: NonNegative(at[-2] - at[-1] + k))


@array_op("structural")
def triu(draft: Draft, x: Array, k: Count = 0) -> Array:
    """The entries on and above the k-th diagonal, others 0.

    triu(A)[i, j] = A[i, j] [j - i >= 0]
    """
    return _masked(draft, x, lambda at: NonNegative(at[-1] - at[-2] - k))


def _masked(draft: Draft, x: Array, mask) -> Array:
    if x.rank < 2:
        raise draft.error("a triangle of what is no matrix", AxisError, arrays=[x], notes=[draft.described(x)])
    ready = draft.term(x)
    return Array(x.axes, lambda at: ready.at(at) * mask(at), sums=ready.sums, composite=ready.composite)


def sizes_of(draft: Draft, shape: Shape) -> tuple[Expr, ...]:
    """The sizes that a shape names. Raises AxisError for what is no size."""
    sizes = tuple(S(s) if isinstance(s, int) else s for s in (shape if isinstance(shape, tuple) else (shape,)))
    for size in sizes:
        if not isinstance(size, Expr) or not size.is_integer or size.is_nonpositive or (size.is_Number and size < 1):
            raise draft.error(f"{size} is not a size", AxisError, fix="give names of axes or positive whole numbers, as in ones((n, 3))")
    return sizes


@array_op("structural")
def eye(draft: Draft, n: Shape, m: Shape | None = None) -> Array:
    """The identity matrix.

    eye(n)[i, j] = delta_ij
    """
    return Array(sizes_of(draft, (n, n if m is None else m)), lambda at: delta(*at))


@array_op("structural")
def ones(draft: Draft, shape: Shape) -> Array:
    """An array of ones.

    ones(n)[i] = 1
    """
    return Array(sizes_of(draft, shape), lambda _: S.One)


@array_op("structural")
def zeros(draft: Draft, shape: Shape) -> Array:
    """An array of zeros.

    zeros(n)[i] = 0
    """
    return Array(sizes_of(draft, shape), lambda _: S.Zero)


@array_op("structural")
def full(draft: Draft, shape: Shape, fill_value: Array) -> Array:
    """An array with one number, or with the entries of a smaller array, in every place.

    full(n, c)[i] = c
    """
    axes = sizes_of(draft, shape)
    value = draft.term(fill_value)
    wide, (read, _) = broadcast(draft, (value, Array(axes, lambda _: S.One)))
    if wide != axes:
        notes = [draft.described(fill_value)]
        raise draft.error(f"it does not fit the shape {shape_text(axes)}", AxisError, arrays=[fill_value], notes=notes)
    return Array(axes, read, sums=value.sums, composite=value.composite)


@array_op("structural")
def ones_like(draft: Draft, x: Array) -> Array:
    """Ones with the axes of another array.

    ones_like(A)[i, j] = 1
    """
    return Array(x.axes, lambda _: S.One)


@array_op("structural")
def zeros_like(draft: Draft, x: Array) -> Array:
    """Zeros with the axes of another array.

    zeros_like(A)[i, j] = 0
    """
    return Array(x.axes, lambda _: S.Zero)


@array_op("structural")
def expand_dims(draft: Draft, x: Array, axis: int) -> Array:
    """A new axis of size 1.

    expand_dims(x, 0)[i, j] = x[j]
    """
    room = Array((S.One, *x.axes), x.at).said(x)
    place = draft.position(axis, room)
    return view(draft, x, (*x.axes[:place], S.One, *x.axes[place:]), lambda at: at[:place] + at[place + 1 :])


@array_op("structural")
def squeeze(draft: Draft, x: Array, axis: int | tuple[int, ...] | None = None) -> Array:
    """Axes of size 1 taken away.

    squeeze(A, axis=1)[i] = A[i, 0]
    """
    places = [k for k, a in enumerate(x.axes) if a == 1] if axis is None else draft.positions(axis, x)
    for k in places:
        if x.axes[k] != 1:
            raise draft.error(f"axis {k} has size {shape_text([x.axes[k]])}, not 1", AxisError, notes=[draft.described(x)])
    return _without_ones(draft, x, [a for k, a in enumerate(x.axes) if k not in places], places)


def _without_ones(draft: Draft, x: Array, axes: Sequence[Expr], places: Sequence[int]) -> Array:
    def remap(at: Indices) -> Indices:
        rest = iter(at)
        return tuple(S.Zero if k in places else next(rest) for k in range(x.rank))

    return view(draft, x, axes, remap)


@dataclass(frozen=True)
class Range:
    """start:stop:step of a subscript, each a whole number, a formula in sizes, or None."""

    start: Expr | None = None
    stop: Expr | None = None
    step: Expr | None = None


def subscript(draft: Draft, x: Array, items: Sequence[Expr | Range | str]) -> Array:
    """x[items]: whole numbers (or formulas in sizes), ranges, NEW_AXIS and DOTS.

    x[2:, 0][i] = x[i + 2, 0]
    """
    taken = sum(1 for i in items if i not in (NEW_AXIS, DOTS))
    if taken > x.rank:
        raise draft.error(f"{taken} indices for {x.rank} axes", AxisError, notes=[draft.described(x)])
    rest: list[Expr | Range | str] = [Range()] * (x.rank - taken)
    place = items.index(DOTS) if DOTS in items else len(items)
    items = [*items[:place], *rest, *items[place + (DOTS in items) :]]
    axes: list[Expr] = []
    rules: list = []
    k = 0
    for item in items:
        if item == NEW_AXIS:
            axes.append(S.One)
            continue
        size = x.axes[k]
        k += 1
        if isinstance(item, Range):
            start, length, step = _range(draft, x, item, size)
            rules.append((len(axes), start, step))
            axes.append(length)
        else:
            rules.append((None, _place(draft, x, item, size), None))

    def remap(at: Indices) -> Indices:
        return tuple(start if free is None else start + step * at[free] for free, start, step in rules)

    return view(draft, x, axes, remap)


def _place(draft: Draft, x: Array, item: Expr, size: Expr) -> Expr:
    """An integer index counted from the front. Raises AxisError out of range."""
    if not item.is_integer:
        raise draft.error(f"{item} is not a whole number", AxisError, fix="index by whole numbers, slices, None and ...")
    place = size + item if item.is_negative else item
    for gap in (place, size - 1 - place):
        draft.need(gap, f"index {item}", f"index {item} is out of range", x)
    return place


def _range(draft: Draft, x: Array, item: Range, size: Expr) -> tuple[Expr, Expr, Expr]:
    """(start, length, step) of a slice of an axis. Raises AxisError if it is empty or reaches past the end."""
    step = S.One if item.step is None else item.step
    if not step.is_Integer or step == 0:
        raise draft.error(f"a slice's step is a whole number but 0, not {step}", AxisError)
    first, last = (S.Zero, size) if step > 0 else (size - 1, Integer(-1))
    start = first if item.start is None else _end(draft, x, item, item.start, size, step)
    stop = last if item.stop is None else _end(draft, x, item, item.stop, size, step)
    span = stop - start if step > 0 else start - stop
    length = span if abs(step) == 1 else floor((span + abs(step) - 1) / abs(step))
    if length.is_Integer and length < 1:
        raise draft.error("the slice is empty", AxisError, notes=[draft.described(x)])
    draft.need(span, f"the slice {_said(item)}", "the slice is empty", x)
    return start, length, step


def _said(item: Range) -> str:
    """A slice as it is written."""
    ends = ["" if e is None else str(e).replace(" ", "") for e in (item.start, item.stop, item.step)]
    return ":".join(ends if ends[2] else ends[:2])


def _end(draft: Draft, x: Array, item: Range, value: Expr, size: Expr, step: Expr) -> Expr:
    """An end of a slice counted from the front, cut to the axis as NumPy does where it is known to be outside; else it has to be inside."""
    if not value.is_integer:
        raise draft.error(f"{value} is not a whole number", AxisError, fix="cut by whole numbers or sizes of axes")
    place = size + value if value.is_negative else value
    low, high = (S.Zero, size) if step > 0 else (Integer(-1), size - 1)
    if (place - low).is_negative:
        return low
    if (place - high).is_nonnegative:
        return high
    draft.need(high - place, f"the slice {_said(item)}", f"the slice reaches to {place}, past the end of the axis", x)
    draft.need(place - low, f"the slice {_said(item)}", f"the slice begins at {place}, before the axis", x)
    return place
