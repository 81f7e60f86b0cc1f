"""Names that nothing defines: sizes, constants, random tensors."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from symbackprop.formulas.names.components import Components
from symbackprop.formulas.names.definitions import LABELS, LAST, POINTS, POSITIVE
from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.faults import OutOfRangeError, UnreadError
from symbackprop.formulas.notation.losses import SURE_LOSSES
from symbackprop.formulas.notation.references import ENTRYWISE, Pattern, Position
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, operands, parts, plain
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers.quantities import Quantity
from symbackprop.formulas.numbers.tape import ONE, ZERO, Scalar, constant, sqrt
from symbackprop.language.latex import nodes as n

RATES = {r"\eta", r"\alpha", "lr"}
"""Learning rates, which nobody declares."""


class Names(Components):
    """All names of a context under a reading, as numbers."""

    def unknown(
        self, node: n.Name, base: str, below: tuple[Position, ...], above: tuple[Position, ...], env: Env
    ) -> tuple[Quantity, tuple[Position, ...]]:
        """A size, a constant, or a random tensor of the shape that was guessed for it."""
        key = flat(node)
        last = self.of_last(base, below, above)
        if last is not None:
            return last
        bare = replace(node, scripts=tuple(s for s in node.scripts if s.mark == "_"))
        if not node.accents and self.is_size(node, env):
            return q.value_of(self.size(node, env)), ()
        if not node.accents and self.is_size(bare, env) and all(map(self.is_power, above)):
            return q.value_of(self.size(bare, env)), above
        if node.id == r"\pi" and not node.scripts:
            return q.value_of(np.pi), ()
        if base in SURE_LOSSES and self.is_top(node):
            return self.objective(node, env), ()
        kept = tuple(p for p in above if not (p.text in TRANSPOSES and not p.bracket) and not self.is_power(p))
        rest = tuple(p for p in above if p not in kept)
        for p in (*below, *kept):
            if p.number is None and isinstance(p.tree, n.Slice):
                raise UnreadError(f"{key} is not known", node)
        found = self.pattern_of(replace(node, scripts=tuple(s for s in node.scripts if s.mark == "_" or (s.mark == "^" and kept))))
        if kept != above:
            found = Pattern(found.base, found.below, tuple(s for s, p in zip(found.above, above, strict=False) if p in kept))
        bindings = {
            s.letter: p.number - s.offset
            for s, p in zip((*found.below, *found.above), (*below, *kept), strict=False)
            if s.letter and p.number is not None
        }
        missing = [x for x in found.letters if x not in bindings]
        if missing:
            raise UnreadError(f"the index {missing[0]} of {key} has no value", node)
        self.among_numbered(base, below, above)
        instance = f"{base}{sorted(bindings.items())}{''.join(s.label or str(s.number or '') for s in (*found.below, *found.above))}"
        if self.fresh:
            self.fresh[-1].setdefault(instance, ())
        capital = base[:-1] + base[-1:].upper()
        if capital != base and capital in self.raw_names and any(p.bracket for p in kept):
            self.invented.add(key)
        labels = tuple(s.label for s in (*found.below, *found.above) if s.label)
        rate = base in RATES and not below and not above
        if (base not in self.given and base not in self.derived_by and not rate) or (labels and (base, labels) not in self.given_labels):
            self.invented.add(key)
        shape = self.guesses.get(instance, ())
        for letter, at in bindings.items():
            if letter not in self.recursive and at > self.count(letter, bindings):
                raise OutOfRangeError(f"{base} at {letter} = {at}", frozenset(x for p in (*below, *above) for x in p.letters))
        return self.leaf(base, found, bindings, shape), rest

    def among_numbered(self, base: str, below: tuple[Position, ...], above: tuple[Position, ...]) -> None:
        """Raise OutOfRangeError for W^{(l)} at l = 3 where W^{(1)} and W^{(2)} are all that is known."""
        rows = [k.pattern for k in self.known.get(base, ()) if len(k.pattern.below) <= len(below) and len(k.pattern.above) <= len(above)]
        for given, ours in ((below, [r.below for r in rows]), (above, [r.above for r in rows])):
            if len(rows) > 1 and given and all(slots and slots[0].number is not None for slots in ours) and given[0].letters:
                raise OutOfRangeError(f"{base} at {given[0].number}", given[0].letters)

    def is_free_number(self, node: n.Name) -> bool:
        """Whether a name is declared a number, and no equation gives or uses it."""
        rows = self.known.get(base_of(node), [])
        used = {base_of(p) for s in self.context.statements for p in operands(s.body) if isinstance(p, n.Name)}
        return bool(rows) and all(k.right is None and k.axes == () for k in rows) and base_of(node) not in used

    def is_top(self, node: n.Name) -> bool:
        """Whether something is derived that bears this name."""
        said = flat(node)
        return any(
            isinstance(p, n.Leibniz | n.Operator) and p.of is not None and flat(plain(p.of)) == said for t in self.trees for p in parts(t)
        )

    def of_last(self, base: str, below: Sequence[Position], above: Sequence[Position]) -> tuple[Quantity, tuple[Position, ...]] | None:
        """A name without its layer: that of the last layer."""
        if below or above:
            return None
        for spelled in (base, base.upper() if len(base) == 1 else base):
            rows = [
                k
                for k in self.known.get(spelled, ())
                if k.pattern.above and not k.pattern.below and len(k.pattern.above) == 1 and not k.alias
            ]
            if rows and all(k.pattern.letters and set(k.pattern.letters) <= self.recursive for k in rows):
                slot = rows[0].pattern.above[0]
                return self.known_tensor(rows[0], {slot.letter: LAST - slot.offset}, frozenset()), ()
            if rows and all(k.pattern.above[0].number == 2 and not k.pattern.above[0].bracket for k in rows):
                square = self.known_tensor(rows[-1], {}, frozenset())
                return q.mapped(sqrt, square), ()
            if len(rows) == 1 and rows[0].pattern.above[0].label:
                return self.known_tensor(rows[0], {}, frozenset()), ()
            numbered = [k for k in rows if k.pattern.above[0].number is not None]
            if rows and numbered == rows:
                return self.known_tensor(max(rows, key=lambda k: k.pattern.above[0].number or 0), {}, frozenset()), ()
        return None

    @staticmethod
    def is_power(p: Position) -> bool:
        """Whether what stands above is a power rather than a part of the name."""
        return p.bracket == ENTRYWISE[0] or (
            not p.bracket and (isinstance(p.tree, n.Number) or (isinstance(p.tree, n.Sum) and len(p.tree.terms) == 1))
        )

    def leaf(self, base: str, found: Pattern, bindings: Mapping[str, int], shape: tuple[int, ...]) -> Quantity:
        """A tensor of random numbers, the same whenever it is asked for."""
        where = [
            f"{s.bracket}{bindings.get(s.letter, 0) + s.offset if s.letter else s.number if s.number is not None else s.label}"
            for s in (*found.below, *found.above)
        ]
        key = f"{base}:{','.join(where)}:{shape}"
        if key in self.leaves:
            return self.leaves[key]
        if key in self.moved:
            values = self.moved[key]
            made = q.array_of(
                [Scalar(values[at], entry=True) for at in np.ndindex(*shape)], shape, row=self.reading.row_vectors and len(shape) == 1
            )
        elif base in self.classes and not shape:
            made = q.value_of(self.class_of(key))
            self.classed_values.add(self.class_of(key))
        elif not shape and found.below and found.below[-1].letter:
            last = found.below[-1]
            size = max(self.count(last.letter, bindings), bindings[last.letter] + last.offset)
            series = self.drawn(
                f"{base}:{','.join(where[: len(found.below) - 1])}|{','.join(where[len(found.below) :])}", (max(size, 8),), base, size
            )
            made = q.single(Scalar(series[bindings[last.letter] + last.offset - 1], entry=True))
        else:
            values = self.drawn(key, shape, base)
            square = len(shape) == 2 and shape[0] == shape[1]
            if square and (base in self.symmetric or base in self.reading.symmetric):
                values = (values + np.swapaxes(values, 0, 1)) / 2
            made = q.array_of(
                [Scalar(values[at], entry=True) for at in np.ndindex(*shape)], shape, row=self.reading.row_vectors and len(shape) == 1
            )
        self.leaves[key] = made
        return made

    def drawn(self, key: str, shape: tuple[int, ...], base: str, used: int | None = None) -> np.ndarray:
        """Numbers of both signs at some points, positive ones at the last; labels that sum to 1 where the reading says so."""
        rng = np.random.default_rng([zlib.crc32(key.encode()), self.seed])
        values = rng.normal(scale=0.9, size=(*shape, POINTS))
        values[..., -POSITIVE:] = rng.uniform(0.15, 0.95, size=(*shape, POSITIVE))
        fixed = dict(self.reading.special).get(base)
        if fixed is not None and not shape:
            return np.full_like(values, float(fixed))
        if base in self.reading.interval and not shape:
            return rng.uniform(0.05, 0.95, size=values.shape)
        small = key.startswith(r"\epsilon") or key.startswith(r"\varepsilon")
        if small and self.reading.small:
            return np.full_like(values, 1e-9)
        if small or (base in (r"\eta", r"\alpha") and not shape):
            values = np.abs(values) * (0.1 if small else 1) + 0.01
        if self.simplex and base in LABELS and shape and max(shape) > 1:
            positive = np.abs(values) + 0.1
            if used is not None:
                positive = positive[:used]
                values[:used] = positive / positive.sum(axis=0, keepdims=True)
                axis = 0
            else:
                axis = 0 if len(shape) == 1 or (self.reading.samples == "columns" and shape[0] > 1) or shape[-1] == 1 else len(shape) - 1
                values = positive / positive.sum(axis=axis, keepdims=True)
            if self.reading.hot:
                self.heat(values, axis)
        if self.reading.unit and len(shape) == 1 and base not in LABELS:
            values = values / np.sqrt((values**2).sum(axis=0))
        return values

    def heat(self, values: np.ndarray, axis: int) -> None:
        """Make labels one-hot: all of one sample of the class that something is picked by, each of several samples of its largest."""
        one_sample = sum(s > 1 for s in values.shape[:-1]) == 1
        top = np.full_like(values.argmax(axis, keepdims=True), self.hot_class - 1) if one_sample else values.argmax(axis, keepdims=True)
        values[...] = 0
        np.put_along_axis(values, top, 1.0, axis)

    @property
    def hot_class(self) -> int:
        """The class of a one-hot label of one sample."""
        return self.class_of(min(self.picked, default="the class"))

    def constant_of(self, text: str) -> Scalar:
        """A number as it is written."""
        return ONE if text == "1" else ZERO if text == "0" else constant(float(text.replace(",", "")))
