"""Arrays from arrays: broadcast together, a function applied to their entries, their entries at other indices."""

from collections.abc import Callable, Sequence

from sympy import Expr, S

from symbackprop.errors import ParseError
from symbackprop.ops.array import Array, Draft, Indices, Pieces


def broadcast(draft: Draft, arrays: Sequence[Array]) -> tuple[tuple[Expr, ...], list[Callable[[Indices], Expr]]]:
    """The axes of `arrays` broadcast by trailing axes, and for each array its entry at indices of the result.

    Raises AxisError where two sizes meet and neither is 1.
    """
    rank = max((a.rank for a in arrays), default=0)
    axes: list[Expr] = [S.One] * rank
    owners: list[Array | None] = [None] * rank
    for a in arrays:
        for place, size in enumerate(a.axes, rank - a.rank):
            owner = owners[place] or a
            if size == 1 or size == axes[place]:
                owners[place] = owner
            elif axes[place] == 1:
                axes[place], owners[place] = size, a
            else:
                raise draft.clash(owner, axes[place], a, size, _leading(owner, a) or _leading(a, owner))
    return tuple(axes), [_reader(a, axes) for a in arrays]


def _leading(wide: Array, narrow: Array) -> str:
    """The fix for a vector that was meant to go along the first axis of a matrix."""
    if wide.rank == 2 and narrow.rank == 1 and narrow.axes[0] == wide.axes[0] and narrow.text.isidentifier():
        return f"write {narrow.text}[:, None] to go along the first axis"
    return ""


def _reader(a: Array, axes: Sequence[Expr]) -> Callable[[Indices], Expr]:
    skip = len(axes) - a.rank
    if a.axes == tuple(axes[skip:]):
        return (lambda at: a.at(at[skip:])) if skip else a.at
    stretched = [size == 1 != whole for size, whole in zip(a.axes, axes[skip:], strict=True)]
    return lambda at: a.at(tuple(S.Zero if s else i for s, i in zip(stretched, at[skip:], strict=True)))


def mapped(function: Callable[..., Expr], *, linear: bool = False, adds: bool = False) -> Callable[..., Array]:
    """The builder that applies a scalar function to broadcast arrays.

    `linear`: sums may stand in the arguments, since the function is a sum or a product; `adds`: it is a sum.
    """

    def build(draft: Draft, *arrays: Array) -> Array:
        ready = [draft.term(a) if linear else draft.plain(a) for a in arrays]
        axes, readers = broadcast(draft, ready)
        sums = any(a.sums for a in ready)
        return Array(
            axes,
            lambda at: function(*[r(at) for r in readers]),
            sums=sums,
            composite=(sums and adds) or any(a.composite for a in ready),
        )

    return build


def kept(reduced: Array, whole: Array, places: Sequence[int]) -> Array:
    """`reduced` with axes of size 1 where `whole` lost its axes at `places` (keepdims=True)."""
    axes = tuple(S.One if k in places else size for k, size in enumerate(whole.axes))
    return Array(
        axes,
        lambda at: reduced.at(tuple(i for k, i in enumerate(at) if k not in places)),
        sums=reduced.sums,
        composite=reduced.composite,
        root=reduced.root and kept(reduced.root, whole, places),
    )


def pieces(draft: "Draft", parts: Sequence[Array]) -> Pieces:
    """Several values. Together they are no array: whoever asks for an entry gets a ParseError."""

    def entry(_: Indices) -> Expr:
        raise draft.error("these are several arrays", ParseError, fix="pick one of them by its number, as in split(x, 2)[0]")

    made = Pieces((), entry)
    made.parts = parts
    return made


def view(draft: Draft, x: Array, axes: Sequence[Expr], remap: Callable[[Indices], Indices]) -> Array:
    """The entries of `x` at other indices: transposes, slices, new axes."""
    ready = draft.term(x)
    return Array(axes, lambda at: ready.at(remap(at)), sums=ready.sums, composite=ready.composite)
