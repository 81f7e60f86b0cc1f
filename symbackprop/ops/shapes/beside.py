"""Arrays beside each other: joined, cut, turned round and shifted, as sums of guarded entries and as slices."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from sympy import Expr, Integer, S, cancel, expand_mul, floor

from symbackprop.calculus.index import shape_text
from symbackprop.calculus.laws import guard
from symbackprop.calculus.sizes import at_most
from symbackprop.calculus.term import delta
from symbackprop.errors import AxisError
from symbackprop.ops.array import Array, Draft, Indices, Pieces
from symbackprop.ops.broadcast import pieces, view
from symbackprop.ops.shapes.merged import Axis, ravel, reshape, whole_number
from symbackprop.ops.table import array_op

Arrays = tuple[Array, ...]


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
    return Array(
        (*first[:place], starts[-1], *first[place + 1 :]), at, sums=any(a.sums for a in ready), composite=any(a.sums for a in ready)
    )


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


@array_op("structural")
def column_stack(draft: Draft, arrays: Arrays) -> Array:
    """Vectors and matrices beside each other, vectors as columns.

    column_stack((x, y))[i, k] = x[i] delta_k0 + y[i] delta_k1
    """
    columns = tuple(view(draft, a, (*a.axes, S.One), lambda at: at[:1]) if a.rank == 1 else a for a in arrays)
    return concatenate(draft, columns, 1)


def _shifted(place: int, start: Expr) -> Callable[[Indices], Indices]:
    return lambda at: (*at[:place], at[place] + start, *at[place + 1 :])


@array_op("structural")
def split(draft: Draft, x: Array, sections: int | Expr | tuple, axis: int = 0) -> Pieces:
    """An array cut along an axis, into equal parts or at given places; split(x, 2)[0] is the first part.

    split(x, (k,))[1][i] = x[i + k]
    """
    place = draft.position(axis, x)
    size = x.axes[place]
    if isinstance(sections, tuple):
        if not all(isinstance(s, int | Expr) for s in sections):
            raise draft.error(f"sections={sections} are no places", AxisError, fix="give whole numbers, as in split(x, (2, 5))")
        cuts = [S.Zero, *[S(s) for s in sections], size]
        return pieces(draft, [_part(draft, x, place, start, expand_mul(stop - start)) for start, stop in itertools.pairwise(cuts)])
    length = cancel(size / S(sections))
    if not isinstance(sections, int | Integer) or sections > MOST_PARTS or not whole_number(draft, length, x):
        raise draft.error(f"an axis of size {shape_text([size])} has no {sections} equal parts", AxisError, notes=[draft.described(x)])
    return pieces(draft, Equal(int(sections), lambda k: _part(draft, x, place, expand_mul(k * length), length)))


MOST_PARTS = 2**31
"""No array is cut into more."""


class Equal(Sequence[Array]):
    """Parts of one length, each made when it is asked for."""

    def __init__(self, count: int, part: Callable[[int], Array]) -> None:
        self.places, self.part = range(count), part

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, k: Any) -> Any:
        return self.part(self.places[k])


def _part(draft: Draft, x: Array, place: int, start: Expr, length: Expr) -> Array:
    """Entries of `x` from `start` on, as many as `length` says. Raises AxisError where there are none."""
    draft.need(length - 1, "the split", "a part of the split is empty", x)
    axes = (*x.axes[:place], length, *x.axes[place + 1 :])
    return view(draft, x, axes, _shifted(place, start))


@array_op("structural")
def flip(draft: Draft, x: Array, axis: Axis | tuple[int, ...] = None) -> Array:
    """The entries in reverse order along axes.

    flip(x)[i] = x[n - 1 - i]
    """
    places = draft.positions(axis, x)
    return view(draft, x, x.axes, lambda at: tuple(x.axes[k] - 1 - i if k in places else i for k, i in enumerate(at)))


@array_op("structural")
def roll(draft: Draft, x: Array, shift: int | Expr, axis: Axis = None) -> Array:
    """The entries shifted along an axis; what leaves at one end comes in at the other.

    roll(x, 1)[i] = x[i - 1] [i >= 1] + x[i - 1 + n] [i < 1]
    """
    if axis is None:
        return roll(draft, x, shift, 0) if x.rank == 1 else reshape(draft, roll(draft, draft.ground(ravel(draft, x)), shift, 0), x.axes)
    place = draft.position(axis, x)
    size, by = x.axes[place], S(shift)
    forward = not by.is_negative
    if not at_most(by if forward else -by, size, [n.gap for n in draft.needs]):
        by, forward = by - size * floor(by / size), True  # once round or more
    if by == 0:
        return x
    ready = draft.term(x)

    def at(indices: Indices) -> Expr:
        # Of the four guards two always hold, as the shift is at most the size.
        near, far = (expand_mul(indices[place] - by + turn) for turn in (S.Zero, size if forward else -size))
        lower, upper = (near, far) if forward else (far, near)
        held = {lower: guard(lower), upper: guard(expand_mul(size - 1 - upper))}
        return sum((held[e] * ready.at((*indices[:place], e, *indices[place + 1 :])) for e in (near, far) if held[e] != 0), S.Zero)

    return Array(x.axes, at, sums=ready.sums, composite=ready.sums)
