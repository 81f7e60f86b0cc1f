"""Reductions along axes: sums, means, variances, norms, running sums."""

from collections.abc import Sequence

from sympy import Expr, Mul, S

from symbackprop.errors import AxisError, UnknownOpError
from symbackprop.ops.arithmetic import SQUARE, build_power, build_sqrt
from symbackprop.ops.array import Array, Draft, Indices, broadcast, constant, kept, mapped
from symbackprop.ops.elementwise import absolute
from symbackprop.ops.extreme import largest
from symbackprop.ops.table import array_op
from symbackprop.term import NonNegative

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


def _shaped(reduced: Array, x: Array, places: Sequence[int], keepdims: bool) -> Array:
    return kept(reduced, x, places) if keepdims else reduced


def _apart(draft: Draft, reduced: Array, x: Array, places: Sequence[int], keepdims: bool) -> Array:
    """A statistic along some of the axes: as a part of something larger it has an equation of its own."""
    made = _shaped(reduced, x, places, keepdims)
    if reduced.rank:
        made.apart = lambda: _shaped(draft.ground(reduced), x, places, keepdims)
    return made


@array_op("reduction", names=("sum",))
def total(draft: Draft, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The sum along axes.

    sum(x, axis=1)[i] = sum_j x[i, j]
    """
    places = draft.positions(axis, x)
    return _shaped(summed(draft, x, places), x, places, keepdims)


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


@array_op("reduction", source="numpy.linalg.norm", accuracy=SQUARE.format("the norm"))
def norm(draft: Draft, x: Array, ord: int | str | None = None, axis: Axis = None, keepdims: bool = False) -> Array:
    """The Euclidean norm of a vector, the Frobenius norm of a matrix; of a vector also the norm of another order, or of "inf".

    norm(x) = sqrt(sum_i x[i]^2), norm(x, p) = (sum_i |x[i]|^p)^(1/p), norm(x, inf) = max_i |x[i]|
    """
    places = draft.positions(axis, x)
    if ord is None or (ord == 2 and len(places) == 1) or (ord == "fro" and len(places) == 2):
        squares = build_power(draft, x, constant(S(2)))
        return build_sqrt(draft, _shaped(summed(draft, squares, places), x, places, keepdims))
    size = mapped(absolute)(draft, x)
    if len(places) == 1 and ord == "inf":
        return largest(draft, size, places, keepdims)
    if len(places) == 1 and isinstance(ord, int | Expr) and ord > 0:
        total = _shaped(summed(draft, size if ord == 1 else build_power(draft, size, constant(S(ord))), places), x, places, keepdims)
        return total if ord == 1 else build_power(draft, total, constant(1 / S(ord)))
    what = "a vector" if len(places) == 1 else "a matrix" if len(places) == 2 else f"a tensor with {len(places)} axes"
    fix = "of a vector there are the orders 1, 2, 3, ... and np.inf; of a matrix there is the Frobenius norm"
    raise draft.error(f"there is no norm with ord={ord!r} of {what}", UnknownOpError, fix=fix)


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
