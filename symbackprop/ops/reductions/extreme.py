"""The largest and the smallest entry, and products of entries: whole-tensor calls with helpers that pick or leave out entries.

A largest entry's derivative is a selector, 1 at the first of the largest and 0 elsewhere, whose own derivative is 0. A product's is the
product over all others, never the product divided by an entry, so that zeros in the data are no matter; and so on, order by order.
"""

from collections.abc import Sequence
from typing import Any

from sympy import Expr, Mul, S

from symbackprop.calculus.program import Call, Tensor
from symbackprop.calculus.term import NonNegative, Positive, delta
from symbackprop.errors import AxisError
from symbackprop.ops.array import Array, Draft, Indices
from symbackprop.ops.broadcast import kept, view
from symbackprop.ops.linear.linalg import Helper, same, whole_tensor
from symbackprop.ops.table import array_op

Axis = int | tuple[int, ...] | None
DANSKIN = "Danskin 1967, The theory of max-min"


def one_by_one(draft: Draft, op: str, x: Array, axis: Axis, keepdims: bool) -> Array:
    """The call `op` along one axis after another, last to first, so that the first entry in storage order wins."""
    places = sorted(draft.positions(axis, x), reverse=True)
    reduced = x
    for place in places:
        rest = reduced.axes[:place] + reduced.axes[place + 1 :]
        reduced = draft.call(op, [reduced], rest, axis=place)
    if not places:
        return x
    return kept(draft.ground(reduced), x, places) if keepdims else reduced


def without(indices: Sequence[Any], axis: int) -> tuple:
    """All but the one at `axis`."""
    return (*indices[:axis], *indices[axis + 1 :])


def d_extreme(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """d max(x) = selector dx."""
    (name,), axis = call.arguments, call.option("axis")
    selector = helper(f"{call.op}_selector", (name,), tensors[name].axes, axis=axis)
    return same(at, without(target, axis)) * selector[target]


def d_selector(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """0: which entry is the largest changes at kinks only."""
    return S.Zero


@whole_tensor(d_extreme, source=DANSKIN, names=("max", "amax"), kinks=("first of several",), latex=r"\max\left(#1\right)")
def largest(draft: Draft, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest entry along axes, the first where several are.

    max(x, axis=1)[i] >= x[i, j] for all j
    """
    return one_by_one(draft, "max", x, axis, keepdims)


@whole_tensor(d_extreme, source=DANSKIN, names=("min", "amin"), kinks=("first of several",), latex=r"\min\left(#1\right)")
def smallest(draft: Draft, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The smallest entry along axes, the first where several are.

    min(x, axis=1)[i] <= x[i, j] for all j
    """
    return one_by_one(draft, "min", x, axis, keepdims)


@whole_tensor(d_selector, source="piecewise constant", kinks=("first of several", "jumps to another entry"))
def max_selector(draft: Draft, x: Array, axis: int = -1) -> Array:
    """1 at the first of the largest entries along an axis, 0 elsewhere: which entry max takes.

    sum_j max_selector(x, axis=1)[i, j] x[i, j] = max(x, axis=1)[i]
    """
    return draft.call("max_selector", [x], x.axes, axis=draft.position(axis, x))


@whole_tensor(d_selector, source="piecewise constant", kinks=("first of several", "jumps to another entry"))
def min_selector(draft: Draft, x: Array, axis: int = -1) -> Array:
    """1 at the first of the smallest entries along an axis, 0 elsewhere: which entry min takes.

    sum_j min_selector(x, axis=1)[i, j] x[i, j] = min(x, axis=1)[i]
    """
    return draft.call("min_selector", [x], x.axes, axis=draft.position(axis, x))


def _others(helper: Helper, x: Tensor, axis: int, order: int) -> Tensor:
    size = x.axes[axis]
    return helper("prod_others", (x.name,), (*without(x.axes, axis), *[size] * order), axis=axis, order=order)


def d_prod(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """d prod(x) = sum_k (prod of all but x_k) dx_k."""
    x, axis = tensors[call.arguments[0]], call.option("axis")
    return same(at, without(target, axis)) * _others(helper, x, axis, 1)[(*at, target[axis])]


def d_prod_others(call: Call, tensors: Any, out: Tensor, place: int, at: Indices, target: Indices, helper: Helper) -> Expr:
    """The product over all but k1, ..., km has, by an entry l that is none of them, the product over all but k1, ..., km, l."""
    x, axis, order = tensors[call.arguments[0]], call.option("axis"), call.option("order")
    along, (front, left) = target[axis], (at[:-order], at[-order:])
    fewer = _others(helper, x, axis, order + 1)[(*front, *left, along)]
    return same(front, without(target, axis)) * Mul(*[1 - delta(k, along) for k in left]) * fewer


MOST_ORDERS = 8
"""Of an axis of n entries prod_others has n ** order."""


@whole_tensor(d_prod, source="product rule", latex=r"\operatorname{prod}\left(#1\right)")
def prod(draft: Draft, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The product of entries along axes.

    prod(x, axis=1)[i] = x[i, 0] x[i, 1] ...
    """
    return one_by_one(draft, "prod", x, axis, keepdims)


@whole_tensor(d_prod_others, source="product rule", accuracy="derivatives are right to 1e-12 of the largest product of others")
def prod_others(draft: Draft, x: Array, axis: int = -1, order: int = 1) -> Array:
    """The product of all entries along an axis but one (with order=2: but two, and so on), for each choice of which.

    prod_others(x)[k] = product over j != k of x[j]
    """
    place = draft.position(axis, x)
    if not isinstance(order, int) or not 1 <= order <= MOST_ORDERS:
        raise draft.error(f"order={order} is not a whole number from 1 to {MOST_ORDERS}", AxisError)
    axes = (*without(x.axes, place), *[x.axes[place]] * order)
    return draft.call("prod_others", [x], axes, axis=place, order=order)


@array_op("reduction")
def cumprod(draft: Draft, x: Array, axis: int | None = None) -> Array:
    """Running products along an axis.

    cumprod(x)[i] = product over j <= i of x[j]
    """
    if axis is None and x.rank != 1:
        raise draft.error(f"cumprod of a tensor with {x.rank} axes needs axis=", AxisError)
    place = draft.position(0 if axis is None else axis, x)
    ready = draft.plain(x)
    size = x.axes[place]

    def at(indices: Indices) -> Expr:
        *front, i, j = indices
        entry = ready.at((*front[:place], j, *front[place:]))
        return entry * NonNegative(i - j) + Positive(j - i)

    table = Array((*without(x.axes, place), size, size), at)
    running = prod(draft, table, -1)
    last = x.rank - 1
    return view(draft, running, x.axes, lambda at: (*at[:place], *at[place + 1 :], at[place])) if place != last else running
