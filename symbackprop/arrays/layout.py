"""Which tensors are kept with their axes in another order.

A reduction along the last, short axis of an array is slow in NumPy (a softmax over 10 classes up to nine times), along the first
one it is fast. So where a reduction runs over the second axis of a samples x k array, that array and all that are combined
with it entry by entry are kept as k x samples. Matrix products don't care: they come out in either orientation.

An array of more axes one of which is summed in a product with something else has that axis last: then it is a matrix as it lies.
"""

from collections.abc import Iterable, Mapping, Sequence

from sympy import Expr, Mul

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Equation, Tensor
from symbackprop.calculus.term import Entry, Total, indices_of


def transposed(equations: Sequence[Equation], tensors: Mapping[str, Tensor], samples: Expr | None) -> tuple[set[str], dict[str, int]]:
    """The names of the tensors kept transposed, and how often each leaf among them is used that way."""
    made = {e.name for e in equations}
    axes = {n: t.axes for n, t in tensors.items()} | {e.name: e.tensor.axes for e in equations}
    groups = _Groups()
    seeds = []
    for e in equations:
        if isinstance(e.rhs, Call):
            name = e.rhs.arguments[0]
            if e.rhs.op in ("max", "finite_max", "min") and e.rhs.option("axis") == 1 and _suits(axes[name], samples):
                seeds.append(name)
            continue
        for together in _combined(e, axes, samples):
            groups.join(together)
    chosen = {n for n in axes if any(groups.root(n) == groups.root(s) for s in seeds)}
    uses = {n: sum(any(n in g for g in _combined(e, axes, samples)) for e in equations if isinstance(e.rhs, Expr)) for n in chosen - made}
    return chosen, uses


def _suits(axes: Sequence[Expr], samples: Expr | None) -> bool:
    return len(axes) == 2 and axes[0] == samples != axes[1]


def _combined(e: Equation, axes: Mapping[str, Sequence[Expr]], samples: Expr | None) -> Iterable[set[str]]:
    """Sets of tensors that an equation takes entry by entry, over one pair of indices."""
    found: dict[tuple, set[str]] = {}
    if _suits(e.tensor.axes, samples):
        found[e.indices] = {e.name}
    for a in e.formula.atoms(Entry):
        if _suits(axes[a.name], samples):
            found.setdefault(a.indices, set()).add(a.name)
    return [g for g in found.values() if len(g) > 1]


def summed_last(equations: Sequence[Equation]) -> dict[str, int]:
    """For tensors of three axes or more the place of the axis that is best stored last: the one that most products sum, alone."""
    found: dict[str, list[int]] = {}
    for e in equations:
        for total in e.rhs.atoms(Total) if isinstance(e.rhs, Expr) else ():
            factors = Mul.make_args(total.body)
            for f in factors:
                if isinstance(f, Entry) and len(f.indices) > 2 and all(isinstance(i, Index) for i in f.indices):
                    found.setdefault(f.name, []).extend(_summed_alone(f, factors, total.indices))
    return {name: max(places, key=places.count) for name, places in found.items() if places}


def _summed_alone(f: Entry, factors: Sequence[Expr], bound: Sequence[Index]) -> Iterable[int]:
    """The places, but for the first, of indices of `f` that are summed with one other factor, which shares no more of them."""
    for place, k in enumerate(f.indices[1:], 1):
        others = [g for g in factors if g is not f and k in indices_of(g)]
        if k in bound and len(others) == 1 and indices_of(others[0]) & set(f.indices) == {k}:
            yield place


class _Groups:
    """Sets of names that grow together."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def root(self, name: str) -> str:
        while self.parent.get(name, name) != name:
            name = self.parent[name]
        return name

    def join(self, names: Iterable[str]) -> None:
        first, *rest = sorted(names)
        for other in rest:
            a, b = self.root(first), self.root(other)
            if a != b:
                self.parent[b] = a
