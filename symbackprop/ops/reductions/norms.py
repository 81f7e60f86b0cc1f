"""Norms of vectors and matrices, of every order that NumPy has.

The gradient of a norm where it is 0 is 0, and so is that of a singular value.
"""

from sympy import Expr, S

from symbackprop.errors import UnknownOpError
from symbackprop.ops.array import Array, Draft, constant
from symbackprop.ops.broadcast import mapped, view
from symbackprop.ops.entrywise.arithmetic import SQUARE, build_power, build_sqrt
from symbackprop.ops.entrywise.condition import greater, where
from symbackprop.ops.entrywise.elementwise import absolute, maximum
from symbackprop.ops.linear.spectral import eigvalsh
from symbackprop.ops.reductions.contraction import matmul
from symbackprop.ops.reductions.extreme import largest, smallest
from symbackprop.ops.reductions.reduction import shaped, summed
from symbackprop.ops.shapes.structural import transpose
from symbackprop.ops.table import array_op

Axis = int | tuple[int, ...] | None
Places = tuple[int, ...]
EXTREME = {"inf": largest, "-inf": smallest}
SUMS = {1: (0, largest), -1: (0, smallest), "inf": (1, largest), "-inf": (1, smallest)}
"""Orders of a matrix that are extremes of sums of absolute values: along which of its axes these are."""
SPECTRAL = ("nuc", 2, -2)


@array_op("reduction", source="numpy.linalg.norm", accuracy=SQUARE.format("the norm"))
def norm(draft: Draft, x: Array, ord: int | Expr | str | None = None, axis: Axis = None, keepdims: bool = False) -> Array:
    """The Euclidean norm of a vector, the Frobenius norm of a matrix; or the norm of another order, as NumPy has them.

    norm(x) = sqrt(sum_i x[i]^2), norm(x, p) = (sum_i |x[i]|^p)^(1/p), norm(x, inf) = max_i |x[i]|,
    norm(A, 2) = sqrt(max(eigvalsh(A.T @ A)))
    """
    places = draft.positions(axis, x)
    if ord is None or (ord == 2 and len(places) == 1) or (ord == "fro" and len(places) == 2):
        squares = build_power(draft, x, constant(S(2)))
        return build_sqrt(draft, shaped(summed(draft, squares, places), x, places, keepdims))
    if len(places) == 1:
        return _of_vectors(draft, x, ord, places, keepdims)
    if len(places) == 2 and ord in SUMS:
        along, extreme = SUMS[ord]  # type: ignore[index]  # it is one of these
        sums = draft.ground(shaped(summed(draft, mapped(absolute)(draft, x), (places[along],)), x, (places[along],), True))
        return extreme(draft, sums, places, True) if keepdims else extreme(draft, sums, places)
    if len(places) == 2 and ord in SPECTRAL and x.rank == 2:
        return shaped(_spectral(draft, x, ord), x, places, keepdims)
    raise _unknown(draft, ord, x, places)


def _of_vectors(draft: Draft, x: Array, ord: int | Expr | str | None, places: Places, keepdims: bool) -> Array:
    size = mapped(absolute)(draft, x)
    if ord in EXTREME:
        return EXTREME[ord](draft, size, places, keepdims)  # type: ignore[index]  # it is one of these
    if not isinstance(ord, int | Expr) or not (S(ord).is_positive or S(ord).is_negative):
        raise _unknown(draft, ord, x, places)
    order = S(ord)
    if order.is_negative:  # it is 0 where one of the entries is
        least = smallest(draft, size, places, True)
        apart = where(draft, greater(draft, least, constant(S.Zero)), size, constant(S.One))
        inner = _of_order(draft, apart, order, places, keepdims)
        return where(
            draft, greater(draft, draft.ground(smallest(draft, size, places, keepdims)), constant(S.Zero)), inner, constant(S.Zero)
        )
    return _of_order(draft, size, order, places, keepdims)


def _of_order(draft: Draft, size: Array, order: Expr, places: Places, keepdims: bool) -> Array:
    total = shaped(summed(draft, size if order == 1 else build_power(draft, size, constant(order)), places), size, places, keepdims)
    return total if order == 1 else build_power(draft, total, constant(1 / order))


def _spectral(draft: Draft, x: Array, ord: int | Expr | str | None) -> Array:
    """The sum of the singular values, the largest, or the smallest of those that the shape leaves room for."""
    turned = transpose(draft, x)
    tall = (x.axes[0] - x.axes[1]).is_nonnegative
    inner = eigvalsh(draft, draft.ground(matmul(draft, turned, x)))
    if ord == "nuc":
        roots = build_sqrt(draft, inner)
        return summed(draft, roots, (0,))
    if ord == 2:
        return build_sqrt(draft, _entry(draft, inner, x.axes[1] - 1))
    if tall:
        return build_sqrt(draft, _entry(draft, inner, S.Zero))
    # The longer of the two sides has eigenvalues 0 beside the others, so the larger of the smallest two is the one.
    outer = eigvalsh(draft, draft.ground(matmul(draft, x, turned)))
    return build_sqrt(draft, mapped(maximum)(draft, _entry(draft, inner, S.Zero), _entry(draft, outer, S.Zero)))


def _entry(draft: Draft, x: Array, place: Expr) -> Array:
    return view(draft, x, (), lambda _: (place,))


def _unknown(draft: Draft, ord: int | Expr | str | None, x: Array, places: Places) -> Exception:
    what = "a vector" if len(places) == 1 else "a matrix" if len(places) == 2 else f"a tensor with {len(places)} axes"
    fix = "of a vector there are numbers but 0 and np.inf, -np.inf; of a matrix 'fro', 'nuc', 1, -1, 2, -2, np.inf and -np.inf"
    return draft.error(f"there is no norm with ord={ord!r} of {what}", UnknownOpError, fix=fix)
