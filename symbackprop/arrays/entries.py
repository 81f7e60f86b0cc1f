"""Entries of stored tensors as arrays: the array itself, a slice, a diagonal, or a lookup at computed places."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, Max, Min, S, expand_mul

from symbackprop.arrays.graph import Graph, Labelled, union
from symbackprop.calculus.index import Index, fresh
from symbackprop.calculus.places import WHOLE, affine, inside, radix, slices_of, strays
from symbackprop.calculus.sizes import at_most
from symbackprop.calculus.term import Entry, indices_of


@dataclass(frozen=True)
class Stored:
    """Where a tensor lies: a node, and for each axis of that node the place of the tensor's own axis."""

    node: int
    positions: tuple[int, ...]
    axes: tuple[Expr, ...]


class Entries(ABC):
    """Reads entries of tensors that are stored already; `lower` gives the arrays of the places that they are at."""

    def __init__(self, graph: Graph, stored: Mapping[str, Stored], needs: Sequence[Expr] = ()) -> None:
        """`needs`: formulas in sizes that are known to be >= 0."""
        self.graph = graph
        self.stored = stored
        self.needs = needs

    @abstractmethod
    def lower(self, e: Expr, order: Sequence[Index] | None = None) -> Labelled:
        """The array of the values of `e`."""

    def entry(self, e: Entry, trusted: bool) -> Labelled:
        """T[...]: the array itself, a slice, a diagonal, or a lookup."""
        stored, wanted = self._divided(self.stored[e.name], [e.indices[p] for p in self.stored[e.name].positions])
        trusted = trusted and not any(strays(i, stored.axes[p]) for i, p in zip(wanted, stored.positions, strict=True))
        info: list[tuple] = []
        labels: list[Index] = []
        then: list[tuple] = []
        for k, i in enumerate(wanted):
            size = stored.axes[stored.positions[k]]
            form = affine(i)
            if isinstance(i, Index) and (i.axis == size or expand_mul(i.axis - size) == 0):
                info.append(WHOLE)
                then.append(WHOLE)
                labels.append(i)
            elif not indices_of(i) and not i.has(Entry):
                # A condition on sizes may leave the place outside, where the term is 0.
                info.append(("at", i if inside(i, size, self.needs) else Max(0, Min(i, size - 1))))
            elif form is not None and (trusted or inside(i, size, self.needs)):
                places, taken = slices_of(form, size, self.needs)
                info.append(places)
                then.append(taken)
                labels.append(form.index)
            else:
                return self.lookup(stored, wanted, trusted)
        node = stored.node
        for slices in (info, then):
            if any(x != WHOLE for x in slices):
                node = self.graph.add("slice", (node,), tuple(slices), [i.axis for i in labels], self.graph[node].kind)
        return self._diagonal(Labelled(node, tuple(labels)))

    def _divided(self, stored: Stored, wanted: list[Expr]) -> tuple[Stored, list[Expr]]:
        """A merged axis that is read at i n + j for all i and j, as the axes it is made of."""
        parts = [radix(i, stored.axes[p]) for i, p in zip(wanted, stored.positions, strict=True)]
        if not any(parts):
            return stored, wanted
        inner = [list(found) if found else [i] for found, i in zip(parts, wanted, strict=True)]
        sizes = [[i.axis for i in found] if found else [stored.axes[p]] for found, p in zip(parts, stored.positions, strict=True)]
        axes = [size for group in sizes for size in group]
        node = self.graph.add("reshape", (stored.node,), (), axes, self.graph[stored.node].kind)
        return Stored(node, tuple(range(len(axes))), tuple(axes)), [i for group in inner for i in group]

    def _diagonal(self, x: Labelled) -> Labelled:
        kept = tuple(dict.fromkeys(x.labels))
        if len(kept) == len(x.labels):
            return x
        pattern = tuple(kept.index(i) for i in x.labels)
        node = self.graph.add("diagonal", (x.node,), pattern, [i.axis for i in kept], self.graph[x.node].kind)
        return Labelled(node, kept)

    def lookup(self, stored: Stored, wanted: Sequence[Expr], trusted: bool) -> Labelled:
        """Entries at computed places: a grid of places for each axis, all over the same indices, but for axes that are taken whole."""
        sizes = [stored.axes[p] for p in stored.positions]
        whole = [
            isinstance(i, Index)
            and (i.axis == size or expand_mul(i.axis - size) == 0)
            and not any(j.has(i) for m, j in enumerate(wanted) if m != k)
            for k, (i, size) in enumerate(zip(wanted, sizes, strict=True))
        ]
        grids, node = [], stored.node
        for k, (i, size, full) in enumerate(zip(wanted, sizes, whole, strict=True)):
            if not full:
                known = trusted or inside(i, size, self.needs)
                grids.append(self.lower(i) if known else self._clipped(self.lower(i), size))
                if not known and not at_most(1, size, self.needs):
                    node = self._with_one_more(node, k)
        along = union(grids)
        views = [self.graph.view(g, along) for g in grids]
        places = [k for k, full in enumerate(whole) if not full]
        # NumPy puts the axes of the grids where these stand, or in front if whole axes are between them.
        first = places[0] if places == list(range(places[0], places[-1] + 1)) else 0
        rest = [i for i, full in zip(wanted, whole, strict=True) if full]
        labels = (*rest[:first], *along, *rest[first:])
        pattern = tuple(whole)
        node = self.graph.add("lookup" if along else "pick", (node, *views), pattern, [i.axis for i in labels], self.graph[node].kind)
        return Labelled(node, labels)

    def _with_one_more(self, node: int, place: int) -> int:
        """An array with one more entry along an axis that may have none: NumPy reads nothing there, not even what a guard makes 0."""
        labels = tuple(fresh(size) for size in self.graph[node].axes)
        return self.graph.pad(Labelled(node, labels), labels[place], fresh(labels[place].axis + 1), S.Zero).node

    def _clipped(self, grid: Labelled, size: Expr) -> Labelled:
        """Places with those outside of the axis moved to its ends."""
        return self.graph.apply("clip", [grid, self.graph.size(0), self.graph.size(size - 1)], kind="int")
