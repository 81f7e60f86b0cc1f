"""Index arrays: entries taken at places that a tensor of whole numbers says, as in an embedding W[words].

The values of an index array count from 0 and lie inside the axis they index. Nothing is derived by them: they are no real numbers.
"""

from collections.abc import Sequence
from dataclasses import replace

from sympy import Expr, Symbol

from symbackprop.calculus.index import free_indices
from symbackprop.calculus.term import Entry, delta
from symbackprop.errors import AxisError, SpecError
from symbackprop.ops.array import Array, Draft, Indices
from symbackprop.ops.broadcast import broadcast, view
from symbackprop.ops.shapes.merged import ravel
from symbackprop.ops.shapes.structural import Count, sizes_of
from symbackprop.ops.table import array_op


def as_places(draft: Draft, x: Array) -> Array:
    """`x` as an array of places. Raises SpecError unless it is made of tensors of role "index" and whole numbers.

    A tensor whose role is not told, as in an expression or a traced function, gets this one here.
    """
    made = draft.plain(x)
    value = made.at(free_indices(made.axes))
    for name in sorted({a.name for a in value.atoms(Entry)}):
        tensor = draft.tensors[name]
        if name in draft.infers:
            draft.tensors[name] = replace(tensor, role="index")
        elif tensor.role != "index":
            fix = f'give {name} the role "index"'
            if tensor.role == "intermediate":
                fix = "index by tensors of the role index, and whole numbers added to or taken from them"
            elif draft.infers:
                fix = f"leave {name} out of parameters= and facts=: it says places"
            raise draft.error(f"'{name}' is no index array", SpecError, arrays=[x], fix=fix)
    if not value.xreplace({a: Symbol(f"place{k}", integer=True) for k, a in enumerate(value.atoms(Entry))}).is_integer:
        raise draft.error("these are no whole numbers", SpecError, arrays=[x], fix="index by tensors of role index and whole numbers")
    return made.said(x)


def picked(draft: Draft, x: Array, places: Sequence[Array | None]) -> Array:
    """x[places]: index arrays, broadcast together, where they are given, all of the axis where None stands.

    The axes of the index arrays stand where the first is, or in front if others are between, as NumPy has it.
    """
    arrays = [a for a in places if a is not None]
    axes, readers = broadcast(draft, arrays)
    at_axes = [k for k, a in enumerate(places) if a is not None]
    adjacent = at_axes == list(range(at_axes[0], at_axes[-1] + 1))
    first = at_axes[0] if adjacent else 0
    rest = [size for size, a in zip(x.axes, places, strict=True) if a is None]

    def remap(at: Indices) -> Indices:
        chosen, free = at[first : first + len(axes)], iter(at[:first] + at[first + len(axes) :])
        found = iter([read(chosen) for read in readers])
        return tuple(next(free) if a is None else next(found) for a in places)

    return view(draft, x, (*rest[:first], *axes, *rest[first:]), remap)


@array_op("structural")
def arange(draft: Draft, n: Count) -> Array:
    """The whole numbers from 0 to n - 1.

    arange(n)[i] = i
    """
    return Array(sizes_of(draft, n), lambda at: at[0])


@array_op("structural")
def take(draft: Draft, x: Array, indices: Array, axis: int | None = None) -> Array:
    """The entries along an axis at the places that an index array says.

    take(W, words, axis=0)[i, j] = W[words[i], j]
    """
    whole = ravel(draft, x) if axis is None else x
    place = draft.position(0 if axis is None else axis, whole)
    return picked(draft, whole, [as_places(draft, indices) if k == place else None for k in range(whole.rank)])


@array_op("structural")
def take_along_axis(draft: Draft, x: Array, indices: Array, axis: int) -> Array:
    """One entry along an axis for each entry of an index array, whose other axes are those of the array.

    take_along_axis(A, k, axis=1)[i, j] = A[i, k[i, j]]
    """
    place = draft.position(axis, x)
    where = as_places(draft, indices)
    if where.rank != x.rank:
        raise draft.error("take_along_axis needs an index array with as many axes", AxisError, notes=[draft.described(indices)])
    front = Array((*x.axes[:place], where.axes[place], *x.axes[place + 1 :]), lambda at: at)
    axes, (along, read) = broadcast(draft, (front.said(x), where))

    def remap(at: Indices) -> Indices:
        own: tuple[Expr, ...] = along(at)  # type: ignore[assignment]  # its entry is its own tuple of indices
        return (*own[:place], read(at), *own[place + 1 :])

    return view(draft, x, axes, remap)


@array_op("structural", source="torch.nn.functional.one_hot")
def one_hot(draft: Draft, x: Array, num_classes: Count) -> Array:
    """1 at the place that an index array says, 0 elsewhere, along a new last axis.

    one_hot(y, c)[i, k] = delta(y[i], k)
    """
    places = as_places(draft, x)
    return Array((*places.axes, *sizes_of(draft, num_classes)), lambda at: delta(places.at(at[:-1]), at[-1]))
