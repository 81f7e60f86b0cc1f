"""Reductions along axes: sums, means, variances, running sums."""

from collections.abc import Sequence

from sympy import Expr, Mul, S

from symbackprop.calculus.term import NonNegative
from symbackprop.errors import AxisError
from symbackprop.ops.array import Array, Draft, Indices
from symbackprop.ops.broadcast import broadcast, kept, mapped
from symbackprop.ops.entrywise.arithmetic import SQUARE, build_sqrt
from symbackprop.ops.table import array_op

Axis = int | tuple[int, ...] | None


def summed(draft: Draft, x: Array, places: Sequence[int]) -> Array:
    """The sum of `x` along the axes at `places`."""
    ready = draft.term(x)
    places = sorted(places)

    def at(indices: Indices) -> Expr:
        free = iter(indices)
        bound = {k: S.Zero if x.axes[k] == 1 else draft.bound(x.axes[k]) for k in places}
        body = ready.at(tuple(bound[k] if k in bound else next(free) for k in range(x.rank)))
        return draft.total(body, [i for i in bound.values() if i != 0])

    return Array([a for k, a in enumerate(x.axes) if k not in places], at, sums=True, composite=ready.composite)


def shaped(reduced: Array, x: Array, places: Sequence[int], keepdims: bool) -> Array:
    """What is left of `x` after the axes at `places` are gone; with axes of size 1 in their places, if these are to be kept."""
    return kept(reduced, x, places) if keepdims else reduced


def _apart(draft: Draft, reduced: Array, x: Array, places: Sequence[int], keepdims: bool) -> Array:
    """A statistic along some of the axes: as a part of something larger it has an equation of its own."""
    made = shaped(reduced, x, places, keepdims)
    if reduced.rank:
        made.apart = lambda: shaped(draft.ground(reduced), x, places, keepdims)
    return made


@array_op("reduction", names=("sum",))
def total(draft: Draft, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The sum along axes.

    sum(x, axis=1)[i] = sum_j x[i, j]
    """
    places = draft.positions(axis, x)
    return shaped(summed(draft, x, places), x, places, keepdims)


def _mean(draft: Draft, x: Array, places: Sequence[int], less: int = 0) -> Array:
    count = Mul(*[x.axes[k] for k in places]) - less
    if count.is_nonpositive:
        raise draft.error(f"a mean over {count} values", AxisError, notes=[draft.described(x)])
    return mapped(lambda a: a / count, linear=True)(draft, summed(draft, x, places))


@array_op("reduction")
def mean(draft: Draft, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The mean along axes.

    mean(x, axis=1)[i] = sum_j x[i, j] / n
    """
    places = draft.positions(axis, x)
    return _apart(draft, _mean(draft, x, places), x, places, keepdims)


def _variance(draft: Draft, x: Array, places: Sequence[int], ddof: int) -> Array:
    ready = draft.plain(x)
    middle = kept(draft.ground(_mean(draft, ready, places)), ready, places)
    axes, readers = broadcast(draft, (ready, middle))
    centred = Array(axes, lambda at: (readers[0](at) - readers[1](at)) ** 2)
    return _mean(draft, centred, places, ddof)


@array_op("reduction")
def var(draft: Draft, x: Array, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Array:
    """The variance along axes, by the number of values less ddof.

    var(x, axis=1)[i] = sum_j (x[i, j] - mean(x, axis=1)[i])^2 / (n - ddof)
    """
    places = draft.positions(axis, x)
    return _apart(draft, _variance(draft, x, places, ddof), x, places, keepdims)


@array_op("reduction", accuracy=SQUARE.format("the deviation"))
def std(draft: Draft, x: Array, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Array:
    """The standard deviation along axes.

    std(x) = sqrt(var(x))
    """
    return build_sqrt(draft, var(draft, x, axis, ddof, keepdims))


@array_op("reduction")
def cumsum(draft: Draft, x: Array, axis: int | None = None) -> Array:
    """Running sums along an axis.

    cumsum(x)[i] = sum_j x[j] [i - j >= 0]
    """
    if axis is None and x.rank != 1:
        raise draft.error(f"cumsum of a tensor with {x.rank} axes needs axis=", AxisError, fix=f"write cumsum({x.text or 'x'}, axis=0)")
    place = draft.position(0 if axis is None else axis, x)
    ready = draft.factor(x)

    def at(indices: Indices) -> Expr:
        along = draft.bound(x.axes[place])
        body = ready.at((*indices[:place], along, *indices[place + 1 :]))
        return draft.total(body * NonNegative(indices[place] - along), [along])

    return Array(x.axes, at, sums=True)
