"""Softmax and logsumexp of tensors as entries: over several axes, and found again in a sum of growths."""

from collections.abc import Iterator, Sequence
from itertools import permutations

from sympy import Add, Expr, S, expand_mul

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call
from symbackprop.calculus.term import Entry, indices_of
from symbackprop.stability.additions import Additions
from symbackprop.stability.masked import left_in


class Shares(Additions):
    """The softmaxes and logsumexps of a program that is said again."""

    def logsumexp_along(self, name: str, at: Sequence[Expr], places: Sequence[int]) -> Entry:
        """logsumexp of a tensor over the axes at `places`, which are in order; the entry where its other axes are at `at`."""
        at, axes = list(at), list(self.tensor(name).axes)
        for place in reversed(places):
            del at[place], axes[place]
            name = self.statistic(Call("logsumexp", (name,), (("axis", place),)), axes).name
        return Entry(name, *at)

    def softmax_along(self, name: str, at: Sequence[Expr], places: Sequence[int]) -> Expr:
        """softmax of a tensor over the axes at `places`, which are in order, all together; its entry at `at`."""
        made: Expr = S.One
        for k, place in enumerate(places):
            inner = self.logsumexp_along(name, at, places[k + 1 :])
            call = Call("softmax", (inner.name,), (("axis", place),))
            made *= self.statistic(call, self.tensor(inner.name).axes)[inner.indices]
        return made

    def softmax_of(self, growth: Expr) -> Expr | None:
        """The softmax, or the power of one, that exp(m (z - logsumexp(z))) is."""
        for power in sorted({-t.as_coeff_Mul()[0] for t in Add.make_args(growth) if t.could_extract_minus_sign()}):
            found = self.in_statistic(expand_mul(growth / power)) if power.is_Integer else None
            if found is not None and found[0] == 0:
                return self.softmax_along(*found[1:]) ** power
        return None

    def left_in(self, e: Expr, factors: Sequence[Expr]) -> Expr:
        """The growth of a product, in which exp(z) is 0 where a sum that is divided by leaves it out since one of `factors` is 0."""
        for minus in Add.make_args(e):
            name, pattern = self.source(-minus) or ("", [])
            for at, value in self.values(e, name, pattern, places=True) if name else ():
                found = left_in(e - minus, value, Entry(name, *at), factors, self)
                if found is not None:
                    return found + minus
        return e

    def in_statistic(self, e: Expr) -> tuple[Expr, str, tuple, tuple[int, ...]] | None:
        """`e` as rest + z - logsumexp(z): (rest, the tensor z, its indices, the places of the axes that are summed over)."""
        for minus in Add.make_args(e):
            source = self.source(-minus)
            if source is None:
                continue
            name, pattern = source
            found = self.occurrence(e - minus, name, pattern)
            if found is not None:
                z, at = found
                return expand_mul(e - minus - z), name, at, tuple(k for k, fixed in enumerate(pattern) if fixed is None)
        return None

    def source(self, e: Expr) -> tuple[str, list[Expr | None]] | None:
        """Of an entry of a logsumexp: the tensor that it is of, and the entry's indices with None for the axes summed over."""
        e = self.renamed(e)
        if not isinstance(e, Entry):
            return None
        name, pattern = e.name, list(e.indices)
        while (call := self.call_of(name)) is not None and call.op == "logsumexp":
            pattern.insert(call.option("axis"), None)
            name = call.arguments[0]
        return (name, pattern) if None in pattern else None

    def occurrence(self, e: Expr, name: str, pattern: Sequence[Expr | None]) -> tuple[Expr, tuple] | None:
        """The terms of `e` that are the tensor `name` at the indices of `pattern`, with any for None: (these terms, the indices)."""
        for t in Add.make_args(e):
            if isinstance(t, Entry) and t.name == name and all(f is None or f == i for f, i in zip(pattern, t.indices, strict=True)):
                return t, t.indices
        for at, value in self.values(e, name, pattern):
            if set(Add.make_args(value := expand_mul(value))) <= set(Add.make_args(expand_mul(e))):
                return value, at
        return None

    def values(self, e: Expr, name: str, pattern: Sequence[Expr | None], places: bool = False) -> Iterator[tuple[tuple, Expr]]:
        """The right side of the tensor `name` at the indices of `pattern`, with those in `e` for None: (all its indices, the value).

        `places`: also with computed ones, as of what is picked.
        """
        made = next((q for q in (*self.equations, *self.program.equations) if q.name == name), None)
        if made is None or isinstance(made.rhs, Call):
            return
        axes = [i.axis for i, fixed in zip(made.indices, pattern, strict=True) if fixed is None]
        found = {i for t in e.atoms(Entry) for i in t.indices if not isinstance(i, Index)} if places else set()
        for chosen in permutations([*sorted(indices_of(e), key=str), *sorted(found, key=str)], len(axes)):
            if all(not isinstance(k, Index) or k.axis == axis for k, axis in zip(chosen, axes, strict=True)):
                rest = iter(chosen)
                at = tuple(next(rest) if fixed is None else fixed for fixed in pattern)
                yield at, made.at(at)
