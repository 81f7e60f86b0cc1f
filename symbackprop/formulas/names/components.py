"""Entries, rows, columns and samples of tensors, small letters for those of a capital."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symbackprop.formulas.names.evaluator import Env, Known
from symbackprop.formulas.names.tensors import Tensors
from symbackprop.formulas.notation.faults import OutOfRangeError, UnreadError
from symbackprop.formulas.notation.references import ENTRYWISE, Position, atoms, match, split_digits
from symbackprop.formulas.notation.trees import flat, parts
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers.quantities import MisfitError, Quantity
from symbackprop.formulas.numbers.tape import ZERO, Scalar
from symbackprop.language.latex import nodes as n


class Components(Tensors):
    """Takes components."""

    def component(self, made: Quantity, below: Sequence[Position], node: n.Node, env: Env) -> Quantity:
        """An entry, a row or a column of a tensor."""
        if not below:
            return made
        if len(below) > made.data.ndim:
            below = split_digits(below) if len(split_digits(below)) == made.data.ndim else below
        elif len(below) < made.data.ndim and len(split_digits(below)) == made.data.ndim:
            below = split_digits(below)
        data = made.data
        if len(below) == data.ndim - data.shape.count(1) and data.ndim > len(below):
            data = data.reshape(tuple(s for s in data.shape if s != 1))
        if data.ndim == 0 and all(p.number is not None for p in below):
            return made
        if len(below) > data.ndim:
            below = multiplied(below)
        if len(below) > data.ndim:
            raise MisfitError(f"{flat(node)} has {len(below)} indices, and the array {data.ndim} axes")
        if len(below) == 1 and data.ndim == 2 and self.is_column(node, below[0]):
            data = data.T
        index: list[int | slice] = []
        for p, size in zip(below, data.shape, strict=False):
            try:
                index.append(self.place(p, size, env))
            except OutOfRangeError:
                if not self.reading.padded or len(below) != data.ndim:
                    raise
                return q.single(ZERO)
        cut = data[tuple(index)]
        if isinstance(cut, Scalar):
            return q.single(cut)
        vector = cut.ndim == 1
        return Quantity(np.asarray(cut, dtype=object), row=vector and self.reading.row_vectors)

    def places_two(self, node: n.Name) -> bool:
        """Whether this name has two indices somewhere, which say what one means."""
        return any(
            isinstance(x, n.Name) and x.id.lower() == node.id.lower() and len(atoms(x.scripts, "_")) == 2
            for t in self.trees
            for x in parts(t)
        )

    def is_column(self, node: n.Node, p: Position) -> bool:
        """Whether one index of a matrix is that of its columns: where the letter stands second in w_{kj}."""
        if not isinstance(node, n.Name) or not isinstance(p.tree, n.Name) or len(atoms(node.scripts, "_")) > 1:
            return False  # behind a label, as in W_{q, s}, the one index is the first
        first = second = False
        for t in self.trees:
            for x in parts(t):
                if isinstance(x, n.Name) and x.id.lower() == node.id.lower():
                    places = [a.text for a in atoms(x.scripts, "_")]
                    if len(places) == 2:
                        first, second = first or places[0] == p.text, second or places[1] == p.text
        return second and not first

    def place(self, p: Position, size: int, env: Env) -> int | slice:
        """Where an index or a slice points, counted from 1 on paper."""
        if isinstance(p.tree, n.Slice) or p.text in (":", r"\cdot", "*", r"\bullet"):
            if isinstance(p.tree, n.Slice) and (p.tree.start or p.tree.stop):
                raise UnreadError("a slice with bounds", p.tree)
            return slice(None)
        at = p.number
        if at is None:
            if p.tree is None or not isinstance(p.tree, n.Name) or p.tree.scripts:
                raise UnreadError(f"the index {p.text} has no value", p.tree)
            at = self.class_of(p.text)
        first = self.origin if p.letters else 1
        if at < first or at - first >= size:
            raise OutOfRangeError(f"index {p.text} = {at} beyond {size}", p.letters)
        return at - first

    def pick(self, made: Quantity, places: Sequence[int], letters: frozenset[str], what: str) -> Scalar:
        """An entry by places counted from 1."""
        data = made.data if len(places) == made.data.ndim else made.data.reshape(tuple(x for x in made.shape if x != 1))
        if len(places) != data.ndim:
            raise MisfitError(f"{what} has {made.data.ndim} axes")
        for at, size in zip(places, data.shape, strict=True):
            if not self.origin <= at < size + self.origin:
                raise OutOfRangeError(f"{what} at {at} beyond {size}", letters)
        return data[tuple(at - self.origin for at in places)]

    def linked(
        self, node: n.Name, base: str, below: tuple[Position, ...], above: tuple[Position, ...], env: Env
    ) -> tuple[Quantity, tuple[Position, ...]] | None:
        """x_i of a matrix X, w_{jk} of W, a^{[2](i)} of A^{[2]}: small letters for entries, rows and samples of a capital."""
        if len(node.id) != 1 and not node.id.startswith("\\"):
            return None
        other = base[: len(base) - len(node.id)] + (
            node.id.upper() if node.id.islower() and len(node.id) == 1 else node.id.swapcase() if len(node.id) == 1 else node.id
        )
        bare = other.rsplit("~", 1)[-1]
        if other == base or (
            other not in self.known
            and (bare not in self.known or len(below) != 1 or not all(k.axes is not None and len(k.axes) == 2 for k in self.known[bare]))
        ):
            return None
        if other not in self.known:
            other = bare
        for positions in (split_digits(below), below):
            for k, fit in self.candidates(other, positions, above):
                made = self.known_tensor(k, dict(fit.bindings), frozenset(x for p in (*below, *above) for x in p.letters))
                rest = list(fit.above)
                sample = next((p for p in rest if p.bracket and p.bracket != ENTRYWISE[0] and p.number is not None), None)
                if sample is not None and made.data.ndim == 2:
                    rest.remove(sample)
                    made = self.sample(made, sample)
                    return self.component(made, fit.below, node, env) if fit.below and made.shape else made, tuple(rest)
                if len(fit.below) == made.data.ndim or (fit.below and made.data.ndim):
                    if len(fit.below) == 1 and made.data.ndim == 2 and 1 not in made.shape and not self.places_two(node):
                        return self.sample(made, fit.below[0]), tuple(rest)
                    return self.component(made, fit.below, node, env), tuple(rest)
                if not fit.below and not below:
                    return made, tuple(rest)
        return None

    def ranged(self, base: str, below: tuple[Position, ...], above: tuple[Position, ...]) -> tuple[Quantity, tuple[Position, ...]] | None:
        """The whole, or a row, of what an equation gives by components."""
        for spelled in dict.fromkeys((base, base[:-1] + base[-1:].upper())):
            for k in self.known.get(spelled, ()):
                slots = k.pattern.below
                if (
                    k.right is None
                    or k.alias
                    or len(slots) <= len(below)
                    or not all(s.letter and not s.offset for s in slots[len(below) :])
                ):
                    continue
                fit = match(replace(k.pattern, below=slots[: len(below)]), below, above)
                if fit is None or len(slots) - len(below) > 2:
                    continue
                missing = [s.letter for s in slots[len(below) :]]
                sizes = [self.reach(k, dict(fit.bindings), missing, letter) for letter in missing]
                entries = []
                for at in np.ndindex(*sizes):
                    entries.append(
                        self.known_tensor(
                            k, {**dict(fit.bindings), **{x: i + self.origin for x, i in zip(missing, at, strict=True)}}, frozenset(missing)
                        ).scalar
                    )
                return q.array_of(entries, tuple(sizes), row=self.reading.row_vectors and len(sizes) == 1), fit.above
        return None

    def reach(self, k: Known, bindings: dict[str, int], missing: Sequence[str], letter: str) -> int:
        """How far an index of an equation goes."""
        for at in range(1, 9):
            try:
                self.known_tensor(k, {**bindings, **dict.fromkeys(missing, 1), letter: at}, frozenset(missing))
            except OutOfRangeError:
                return at - 1
        return self.count(letter, bindings)

    def sample(self, made: Quantity, at: Position) -> Quantity:
        """One sample of a matrix of samples."""
        axis = 1 if self.reading.samples == "columns" else 0
        if at.number is None or not 1 <= at.number <= made.shape[axis]:
            raise OutOfRangeError(f"sample {at.text} beyond {made.shape[axis]}", at.letters)
        cut = np.take(made.data, at.number - 1, axis=axis)
        return q.single(cut[0]) if cut.size == 1 else Quantity(cut, row=self.reading.row_vectors)


def multiplied(below: Sequence[Position]) -> tuple[Position, ...]:
    """2 and j below, of what has one index alone, as twice j."""
    made: list[Position] = []
    for p in below:
        before = made[-1] if made else None
        if before is not None and isinstance(before.tree, n.Number) and p.letters and p.number is not None:
            made[-1] = replace(p, number=(before.number or 0) * p.number, text=f"{before.text} {p.text}")
        else:
            made.append(p)
    return tuple(made)
