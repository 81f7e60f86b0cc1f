"""Records of ATen ops that move entries: other shapes, parts, arrays beside each other, entries at places."""

from collections.abc import Sequence
from typing import Any

from symbackprop.errors import AxisError
from symbackprop.language.graphs.ops import ENDLESS, Ops, front, places, same_size
from symbackprop.language.torch.aten.records import aten


@aten("view", "reshape", "_unsafe_view")
def reshape(ops: Ops, self: Any, size: Any = None, shape: Any = None) -> Any:
    """The same entries in another shape."""
    return ops.reshape(self, tuple(size if shape is None else shape))


@aten("flatten")
def flatten(ops: Ops, self: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Several axes as one."""
    first, last = places((start_dim, end_dim), self.ndim) if self.ndim else (0, 0)
    merged: Any = 1
    for size in self.shape[first : last + 1]:
        merged = merged * size
    return ops.reshape(self, (*self.shape[:first], merged, *self.shape[last + 1 :]))


@aten("unflatten")
def unflatten(ops: Ops, self: Any, dim: int, sizes: Sequence[Any]) -> Any:
    """One axis as several."""
    (at,) = places(dim, self.ndim)
    return ops.reshape(self, (*self.shape[:at], *sizes, *self.shape[at + 1 :]))


@aten("permute")
def permute(ops: Ops, self: Any, dims: Sequence[int]) -> Any:
    """The axes in another order."""
    return ops.transpose(self, places(dims, self.ndim)) if dims else self


@aten("transpose")
def transpose(ops: Ops, self: Any, dim0: int, dim1: int) -> Any:
    """Two axes in each other's place."""
    return ops.swapaxes(self, dim0, dim1) if self.ndim else self


@aten("t")
def turned(ops: Ops, self: Any) -> Any:
    """The transpose."""
    return self.T


@aten("movedim")
def movedim(ops: Ops, self: Any, source: Sequence[int], destination: Sequence[int]) -> Any:
    """Axes somewhere else."""
    came, went = places(source, self.ndim), places(destination, self.ndim)
    rest = iter(k for k in range(self.ndim) if k not in came)
    return ops.transpose(self, tuple(came[went.index(k)] if k in went else next(rest) for k in range(self.ndim)))


@aten("expand", "broadcast_to")
def stretched(ops: Ops, self: Any, size: Sequence[Any]) -> Any:
    """Stretched along axes of size 1 and new ones in front; -1 leaves an axis as it is."""
    new = len(size) - self.ndim
    wanted = tuple(self.shape[k - new] if isinstance(s, int) and s == -1 else s for k, s in enumerate(size))
    return ops.broadcast_to(self, wanted) if wanted else self


@aten("expand_as")
def expand_as(ops: Ops, self: Any, other: Any) -> Any:
    """Stretched to the shape of another."""
    return stretched(ops, self, other.shape)


@aten("broadcast_tensors")
def broadcast_tensors(ops: Ops, tensors: Sequence[Any]) -> Any:
    """Arrays that are stretched to one shape: what takes them together stretches them."""
    return tuple(tensors)


@aten("squeeze")
def squeeze(ops: Ops, self: Any, dim: Any = None) -> Any:
    """Without axes of size 1."""
    given = range(self.ndim) if dim is None else places(dim, self.ndim)
    lone = tuple(k for k in given if self.ndim and same_size(self.shape[k], 1))
    return ops.squeeze(self, lone) if lone else self


@aten("unsqueeze")
def unsqueeze(ops: Ops, self: Any, dim: int) -> Any:
    """With a new axis of size 1."""
    return ops.expand_dims(ops.constant(self), places(dim, self.ndim + 1)[0])


@aten("clone", "contiguous", "alias", "lift_fresh_copy")
def same(ops: Ops, self: Any, other: Any = None) -> Any:
    """The same array, or the same entries in the shape of another."""
    return self if other is None else ops.reshape(self, other.shape)


@aten("cat")
def cat(ops: Ops, tensors: Sequence[Any], dim: int = 0) -> Any:
    """One after the other; empty vectors count for nothing."""
    parts = [t for t in tensors if not (t.ndim == 1 and same_size(t.shape[0], 0))]
    return ops.concatenate(tuple(parts), axis=dim) if len(parts) > 1 else parts[0]


@aten("stack")
def stack(ops: Ops, tensors: Sequence[Any], dim: int = 0) -> Any:
    """Beside each other, along a new axis."""
    return ops.stack(tuple(tensors), axis=places(dim, tensors[0].ndim + 1)[0])


def _piece(ops: Ops, x: Any, dim: int, start: Any, stop: Any, step: int = 1) -> Any:
    """Part of an axis."""
    return x[front({places(dim, x.ndim)[0]: slice(start, stop, None if step == 1 else step)}, x.ndim)]


@aten("slice")
def part(ops: Ops, self: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """Part of an axis, from one place to before another."""
    (at,) = places(dim, self.ndim)
    endless = end is None or (isinstance(end, int) and end > ENDLESS) or same_size(end, self.shape[at])
    start = None if isinstance(start, int) and start == 0 else start
    return self if start is None and endless and step == 1 else _piece(ops, self, dim, start, None if endless else end, step)


@aten("narrow")
def narrow(ops: Ops, self: Any, dim: int, start: Any, length: Any) -> Any:
    """Part of an axis, of some length."""
    return _piece(ops, self, dim, start, start + length)


@aten("select")
def select(ops: Ops, self: Any, dim: int, index: Any) -> Any:
    """What stands at one place of an axis."""
    return self[front({places(dim, self.ndim)[0]: index}, self.ndim)]


@aten("split", "split_with_sizes")
def split(ops: Ops, self: Any, split_size: Any = None, split_sizes: Any = None, dim: int = 0) -> Any:
    """Parts of an axis, of one size or of several."""
    (at,) = places(dim, self.ndim)
    sizes = split_size if split_sizes is None else split_sizes
    whole = self.shape[at]
    if isinstance(sizes, int):
        if not isinstance(whole, int):
            raise ops.error(f"parts of an axis whose size is symbolic, {whole}", "let dynamic= give it a number", AxisError)
        sizes = [min(sizes, whole - k) for k in range(0, whole, sizes)]
    if not isinstance(sizes, list | tuple):
        raise ops.error("parts whose size is symbolic", "let dynamic= give it a number", AxisError)
    made, begin = [], 0
    for size in sizes:
        made.append(_piece(ops, self, at, begin, begin + size))
        begin = begin + size
    return tuple(made)


@aten("chunk")
def chunk(ops: Ops, self: Any, chunks: int, dim: int = 0) -> Any:
    """As many parts of an axis."""
    whole = self.shape[places(dim, self.ndim)[0]]
    return split(ops, self, -(-whole // chunks) if isinstance(whole, int) else whole, dim=dim)


@aten("unbind")
def unbind(ops: Ops, self: Any, dim: int = 0) -> Any:
    """What stands at each place of an axis."""
    size = self.shape[places(dim, self.ndim)[0]]
    if not isinstance(size, int):
        raise ops.error(f"each entry of an axis whose size is symbolic, {size}", "let dynamic= give it a number", AxisError)
    return tuple(select(ops, self, dim, k) for k in range(size))


@aten("flip")
def flip(ops: Ops, self: Any, dims: Sequence[int]) -> Any:
    """Axes from their ends."""
    return ops.flip(self, places(dims, self.ndim)) if dims else self


@aten("roll")
def roll(ops: Ops, self: Any, shifts: Sequence[int], dims: Sequence[int] = ()) -> Any:
    """Entries moved along axes, those at the end to the front."""
    if not dims:
        return ops.reshape(ops.roll(ops.ravel(self), shifts[0]), self.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        self = ops.roll(self, shift, axis=dim)
    return self


@aten("repeat", "tile")
def repeat(ops: Ops, self: Any, repeats: Any = None, dims: Any = None) -> Any:
    """Copies beside each other."""
    given = tuple(repeats if dims is None else dims)
    return ops.tile(self, (1,) * (self.ndim - len(given)) + given) if given else self


@aten("repeat_interleave")
def repeat_interleave(ops: Ops, self: Any, repeats: Any = None, dim: int | None = None) -> Any:
    """Each entry several times."""
    if not isinstance(repeats, int):
        raise ops.error("entries repeated by an array of numbers", "give one number")
    return ops.repeat(self, repeats, axis=dim)


@aten("tril")
def tril(ops: Ops, self: Any, diagonal: int = 0) -> Any:
    """On and below a diagonal."""
    return ops.tril(self, diagonal)


@aten("triu")
def triu(ops: Ops, self: Any, diagonal: int = 0) -> Any:
    """On and above a diagonal."""
    rows, columns = self.shape[-2:]
    above = ops.greater_equal(ops.arange(columns), ops.add(ops.expand_dims(ops.arange(rows), 1), diagonal))
    return ops.where(above, self, 0)


@aten("diagonal")
def diagonal(ops: Ops, self: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A diagonal of two axes, as the last axis."""
    first, second = places((dim1, dim2), self.ndim)
    rest = [k for k in range(self.ndim) if k not in (first, second)]
    turned_ = ops.transpose(self, (*rest, first, second)) if self.ndim > 2 or first > second else self
    rows, columns = turned_.shape[-2:]
    if offset:
        fixed = isinstance(rows, int) and isinstance(columns, int)
        if not fixed:
            raise ops.error("another diagonal than the first, of symbolic sizes", "let dynamic= give them numbers", AxisError)
        length = min(rows, columns - offset) if offset > 0 else min(rows + offset, columns)
        turned_ = turned_[..., max(-offset, 0) : max(-offset, 0) + length, max(offset, 0) : max(offset, 0) + length]
    letters = "abcdefgh"[: self.ndim - 2]
    return ops.einsum(f"{letters}ii->{letters}i", turned_)


@aten("diag_embed")
def diag(ops: Ops, self: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Vectors as diagonals of matrices."""
    if offset or (dim1, dim2) != (-2, -1):
        raise ops.error("another diagonal than the first, or along other axes", "leave these options out")
    return ops.multiply(ops.expand_dims(self, self.ndim), ops.eye(self.shape[-1]))


@aten("constant_pad_nd", "pad")
def pad(ops: Ops, self: Any, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Any:
    """A number, or what stands at the ends, put before and after the last axes; widths below 0 take away."""
    pairs = [(0, 0)] * self.ndim
    for k in range(len(pad) // 2):
        pairs[-1 - k] = (pad[2 * k], pad[2 * k + 1])
    cut = tuple(slice(max(-a, 0), -max(-b, 0) or None) for a, b in pairs)
    if any(c != slice(0, None) for c in cut):
        self = self[cut]
    widths = tuple((max(a, 0), max(b, 0)) for a, b in pairs)
    if mode != "constant":
        kinds = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
        return ops.pad(self, widths, mode=kinds[mode])
    if not any(w for pair in widths for w in pair):
        return self
    made = ops.pad(self, widths)
    return made if not value else ops.where(ops.greater(ops.pad(ops.ones(self.shape), widths), 0), made, value)


for _ends, _kind in {"reflection": "reflect", "replication": "replicate"}.items():
    for _count in (1, 2, 3):
        aten(f"{_ends}_pad{_count}d")(lambda ops, self, padding, kind=_kind: pad(ops, self, padding, kind))


@aten("unfold")
def unfold(ops: Ops, self: Any, dimension: int, size: int, step: int) -> Any:
    """Windows along an axis."""
    (at,) = places(dimension, self.ndim)
    return ops.sliding_window_view(self, size, axis=at)[front({at: slice(None, None, step)}, self.ndim + 1)]


@aten("index")
def index(ops: Ops, self: Any, indices: Sequence[Any]) -> Any:
    """Entries at the places that arrays of whole numbers say."""
    if any(i is not None and i.dtype.kind == "b" for i in indices):
        raise ops.error("entries picked by a mask: how many there are depends on data", "write torch.where(mask, x, 0)")
    return self[tuple(slice(None) if i is None else i for i in indices)]


@aten("index_select")
def index_select(ops: Ops, self: Any, dim: int, index: Any) -> Any:
    """What stands at some places of an axis."""
    return ops.take(self, index, axis=places(dim, self.ndim)[0])


@aten("gather", "take_along_dim")
def gather(ops: Ops, self: Any, dim: int, index: Any = None, indices: Any = None) -> Any:
    """One entry along an axis for each place that is told."""
    (at,) = places(dim, self.ndim)
    where = index if indices is None else indices
    cut = {k: slice(n) for k, (n, m) in enumerate(zip(where.shape, self.shape, strict=True)) if k != at and not same_size(n, m)}
    return ops.take_along_axis(self[front(cut, self.ndim)] if cut else self, where, axis=at)


@aten("one_hot")
def one_hot(ops: Ops, self: Any, num_classes: int = -1) -> Any:
    """1 at a place, 0 elsewhere."""
    if num_classes == -1:
        raise ops.error("as many classes as the data has", "give num_classes")
    return ops.one_hot(self, num_classes)
