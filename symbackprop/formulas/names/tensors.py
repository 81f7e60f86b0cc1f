"""Tensors made for the first time: by their equations, by components, or from what is declared of them."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from symbackprop.formulas.names.equations import depends_on
from symbackprop.formulas.names.evaluator import Env, Known
from symbackprop.formulas.names.lookup import Lookup
from symbackprop.formulas.notation.faults import OutOfRangeError, ResizedError, UnreadError
from symbackprop.formulas.notation.losses import LOSSES, SURE_LOSSES
from symbackprop.formulas.notation.references import Pattern, match
from symbackprop.formulas.notation.trees import base_of, has_derivative, parts, plain
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers.quantities import InconsistentError, MisfitError, Quantity
from symbackprop.formulas.numbers.tape import entry
from symbackprop.language.latex import nodes as n


class Tensors(Lookup):
    """Makes tensors."""

    def made(self, k: Known, bindings: dict[str, int], base: str) -> Quantity:
        """A tensor made for the first time."""
        if k.right is None and self.is_square_only(k):
            raise UnreadError(f"only the square of {base} is defined")
        shape = None if k.axes is None else tuple(self.size(a, bindings) for a in k.axes)
        early = any(bindings.get(x, 1) < 1 for x in self.recursive)
        rows = self.known[base]
        if k.right is None and not early:
            for e in rows:
                all_entries = (
                    e.right is not None
                    and not e.alias
                    and e.component
                    and self.prefixes(k.pattern, e.pattern)
                    and len(e.pattern.below) == len(k.pattern.below) + len(e.component)
                )
                if all_entries and shape is not None and len(e.component) in (len(shape), len(shape) - shape.count(1)):
                    shifts = {s.letter: s.offset for s in (*e.pattern.above, *e.pattern.below) if s.letter and s.letter in bindings}
                    ours = {s.letter: s.offset for s in (*k.pattern.above, *k.pattern.below) if s.letter}
                    moved = {x: v + ours.get(x, 0) - shifts.get(x, 0) for x, v in bindings.items()}
                    if any(moved.get(x, 1) < 1 for x in self.recursive):
                        break
                    return self.by_components(e, moved, shape)
                if e.right is not None and not e.alias and e.pattern == k.pattern:
                    return self.defined(e, bindings, shape)
                same = (
                    e.right is not None
                    and not e.alias
                    and len(e.pattern.below) == len(k.pattern.below)
                    and len(e.pattern.above) == len(k.pattern.above)
                )
                if same:
                    fit = match(e.pattern, *self.as_positions(k.pattern, bindings), strict=False)
                    if fit is not None:
                        return self.defined(e, dict(fit.bindings), shape)
        if k.right is not None and not early:
            declared = next((d for d in rows if d.axes is not None and d.pattern == k.pattern), None)
            if declared is None:
                for d in rows:
                    if d.axes is not None and d.right is None:
                        fit = match(d.pattern, *self.as_positions(k.pattern, bindings), strict=False)
                        if fit is not None and not fit.below and not fit.above:
                            return self.known_tensor(d, dict(fit.bindings), frozenset())
            if declared is not None and declared.axes is not None:
                shape = tuple(self.size(a, bindings) for a in declared.axes)
            return self.defined(k, bindings, shape)
        marked = k.name is None and not early and k.pattern != Pattern(base, (), ())
        if k.right is None and shape == () and base in SURE_LOSSES and marked and self.is_loss(base):
            return self.objective(self.name_at(k.pattern, bindings), bindings)
        if shape is None:
            shape = self.early_shape(k, bindings, rows)
        stacked = (self.from_stack(base, k, bindings, shape) or self.of_rows(base, k, shape)) if not early else None
        if stacked is not None:
            return stacked
        return self.leaf(base, k.pattern, bindings, shape)

    def is_loss(self, base: str) -> bool:
        """Whether a declared number is a loss: something is derived that bears its name, or an equation adds such numbers up."""
        return any(
            (isinstance(p, n.Leibniz | n.Operator) and p.of is not None and base_of_any(p.of) == base) for t in self.trees for p in parts(t)
        ) or any(base in added(k.right) for group in self.known.values() for k in group if k.right is not None)

    def is_square_only(self, k: Known) -> bool:
        """Whether an equation gives e^2, and none e."""
        rows = [e for e in self.known[k.pattern.base] if e.right is not None]
        return bool(rows) and not k.pattern.above and all([(s.number, s.bracket) for s in e.pattern.above] == [(2, "")] for e in rows)

    @staticmethod
    def name_at(found: Pattern, bindings: Mapping[str, int]) -> n.Name:
        """A name with the letters of its pattern."""
        below = tuple(n.Name(s.letter) if s.letter else n.Text(s.label or str(s.number)) for s in found.below)
        above = tuple(n.Name(s.letter) if s.letter else n.Text(s.label or str(s.number)) for s in found.above)
        scripts = [n.Script(m, items) for m, items in (("_", below), ("^", above)) if items]
        return n.Name(found.base, scripts=tuple(scripts))

    def from_stack(self, base: str, k: Known, bindings: dict[str, int], shape: tuple[int, ...]) -> Quantity | None:
        """x_i from a declared X whose rows or columns it must be; T where t is the same."""
        slots = (*k.pattern.below, *k.pattern.above)
        capital = base[:-1] + base[-1:].upper()
        if capital != base and len(slots) == 1 and slots[0].letter and len(shape) == 1 and slots[0].letter not in self.recursive:
            for d in self.known.get(capital, ()):
                if (
                    d.axes is not None
                    and len(d.axes) == 2
                    and d.right is None
                    and not d.pattern.letters
                    and all(x.right is None for x in self.known[capital])
                ):
                    made = self.known_tensor(d, {}, frozenset())
                    at = bindings[slots[0].letter] + slots[0].offset
                    for axis in (0, 1):
                        if made.shape[1 - axis] == shape[0]:
                            if not 1 <= at <= made.shape[axis]:
                                raise OutOfRangeError(f"{base} at {at}", frozenset(slots[0].letter))
                            return Quantity(np.take(made.data, at - 1, axis=axis), row=self.reading.row_vectors)
        if len(base) == 1 and base.isupper() and not slots and len(shape) == 1:
            for d in self.known.get(base.lower(), ()):
                if d.axes is not None and not d.pattern.below and not d.pattern.above and len(d.axes) == 1 and d.right is None:
                    made = self.known_tensor(d, {}, frozenset())
                    return made if made.shape == shape else None
        return None

    def of_rows(self, base: str, k: Known, shape: tuple[int, ...]) -> Quantity | None:
        """Z from an equation of its columns or rows z_i, or of its entries z_{ij}."""
        small = base[:-1] + base[-1:].lower()
        if small == base or len(shape) != 2 or k.pattern.letters or k.pattern.above or k.right is not None or self.derives(small, base):
            return None
        for e in self.known.get(small, ()):
            letters = [s.letter for s in e.pattern.below if s.letter]
            if e.right is None or e.alias or e.pattern.above or len(letters) != len(e.pattern.below) or e.parameters is not None:
                continue
            if len(letters) == 2:
                entries = [self.known_tensor(e, self.at(letters, at), frozenset()).scalar for at in np.ndindex(*shape)]
                return q.array_of(entries, shape)
            if len(letters) == 1:
                size = self.known_tensor(e, self.at(letters, (0,)), frozenset()).data.size
                axis = 1 if shape[0] == size else 0
                if shape[1 - axis] == size:
                    rows = [self.known_tensor(e, self.at(letters, (i,)), frozenset()).data.reshape(-1) for i in range(shape[axis])]
                    return Quantity(np.stack(rows, axis=axis))
        return None

    def at(self, letters: Sequence[str], places: tuple[int, ...]) -> dict[str, int]:
        """Values of letters at places that are counted from 0."""
        return {x: i + self.origin for x, i in zip(letters, places, strict=True)}

    def derives(self, small: str, base: str) -> bool:
        """Whether the equations of a small letter use its capital, which is then no stack of it."""
        return any(
            isinstance(p, n.Name) and base_of(p) == base for e in self.known.get(small, ()) if e.right is not None for p in parts(e.right)
        )

    def early_shape(self, k: Known, bindings: dict[str, int], rows: Sequence[Known]) -> tuple[int, ...]:
        """The shape of the value before the first step: what is declared, else that of the first step."""
        for d in rows:
            fit = match(d.pattern, *self.as_positions(k.pattern, bindings), strict=False) if d.axes is not None else None
            if d.axes is not None and fit is not None and not fit.below and not fit.above:
                return tuple(self.size(a, dict(fit.bindings)) for a in d.axes)
        later = {x: (1 if x in self.recursive and v < 1 else v) for x, v in bindings.items()}
        key = f"{k.pattern.base}{sorted(bindings.items())}"
        if self.fresh:
            self.fresh[-1].setdefault(key, ())
        if key in self.guesses or later == bindings or (k.pattern.base, k.pattern, tuple(sorted(later.items()))) in self.working:
            return self.guesses.get(key, ())
        return self.known_tensor(k, later, frozenset()).shape

    def by_components(self, e: Known, bindings: dict[str, int], shape: tuple[int, ...]) -> Quantity:
        """A tensor from an equation of its components."""
        assert e.right is not None
        if len(e.component) < len(shape):
            return Quantity(self.by_components(e, bindings, tuple(x for x in shape if x != 1)).data.reshape(shape))
        places = [s.letter for s in e.pattern.below[-len(shape) :]] if shape else []
        made = []
        for at in np.ndindex(*shape):
            env = {**bindings, **{x: i + self.origin for x, i in zip(places, at, strict=True)}}
            made.append(entry(self.within(e, env, number=True).scalar))
        return q.array_of(made, shape, row=self.reading.row_vectors and len(shape) == 1)

    def within(self, e: Known, env: Env, number: bool = False) -> Quantity:
        """The right side of an equation, outside of any function that is being evaluated."""
        assert e.right is not None
        outer, self.scope = self.scope, []
        self.depth += 1
        try:
            return self.fitting(e.right, env, number)
        finally:
            self.scope = outer
            self.depth -= 1

    def fitting(self, node: n.Node, env: Env, number: bool = False) -> Quantity:
        """The value of a tree, the shapes of names that nothing declares chosen so that everything fits."""
        self.fresh.append({})
        try:
            try:
                return single_number(self.value(node, env)) if number else self.value(node, env)
            except MisfitError as error:
                failure = error
            guessed = list(self.fresh[-1])
            sizes = sorted({s for s in self.sizes.values()} | {int(x) for x in self.literals() if x != "1"})
            shapes = [(), *((s,) for s in sizes), *((a, b) for a in sizes for b in sizes if a != b), *((a, a) for a in sizes)]
            if not guessed or len(guessed) > 3:
                raise failure
            kept = {k: self.guesses.get(k) for k in guessed}
            tries = 0
            for chosen in itertools.product(shapes, repeat=len(guessed)):
                if all(self.guesses.get(k, ()) == c for k, c in zip(guessed, chosen, strict=True)):
                    continue
                tries += 1
                if tries > 150:
                    break
                self.guesses.update(zip(guessed, chosen, strict=True))
                try:
                    return single_number(self.value(node, env)) if number else self.value(node, env)
                except MisfitError:
                    continue
            for k, v in kept.items():
                self.guesses[k] = v or ()
            raise failure
        finally:
            self.fresh.pop()

    def averaged(self, right: n.Node) -> n.Node:
        """The sum that a mean is made of, where one divides by the number of its terms."""
        factors = right.factors if isinstance(right, n.Juxtaposition) else ()
        if len(factors) == 2 and isinstance(factors[0], n.Fraction) and isinstance(factors[0].bottom, n.Number):
            inside = plain(factors[1])
            if isinstance(inside, n.Sum) and str(len(inside.terms)) == factors[0].bottom.text:
                return factors[1]
        return right

    def defined(self, e: Known, bindings: dict[str, int], shape: tuple[int, ...] | None) -> Quantity:
        """The value of an equation as entries of a tensor."""
        if self.reading.summed and e.right is not None:
            e = replace(e, right=self.averaged(e.right))
        outer, self.wanted = self.wanted, (e.right, shape)
        own = depends_on(e.name, e.right)
        try:
            made = self.dependent(e.pattern.base, own, shape or (), bindings) if own is not None else self.within(e, bindings)
        finally:
            self.wanted = outer
        if shape is not None and made.shape != shape:
            self.unified(e, bindings, shape, made.shape)
            made = self.reshaped(made, shape, e)
        elif shape is None and made.shape and e.pattern.base in SURE_LOSSES and not has_derivative(e.right or n.Nothing()):
            made = q.single(q.total(made.data.reshape(-1)))
        made = replace(made, data=np.array([entry(x) for x in made.data.reshape(-1)], dtype=object).reshape(made.shape), links=None)
        if len(made.shape) == 1 and shape is not None:
            made = replace(made, row=self.reading.row_vectors)
        return made

    def unified(self, e: Known, bindings: dict[str, int], shape: tuple[int, ...], found: tuple[int, ...]) -> None:
        """Raise ResizedError where a size that is only a name must be another one."""
        if len(shape) != len(found) or 1 in found:
            return
        for d in self.known[e.pattern.base]:
            fit = match(d.pattern, *self.as_positions(e.pattern, bindings), strict=False) if d.axes is not None else None
            if d.axes is None or fit is None or len(d.axes) != len(shape):
                continue
            for tree, old, new in zip(d.axes, shape, found, strict=True):
                name = plain(tree)
                if old != new and isinstance(name, n.Name) and (name.scripts or self.recursive):
                    raise ResizedError(self.size_key(name, dict(fit.bindings)), new)

    def reshaped(self, made: Quantity, shape: tuple[int, ...], e: Known) -> Quantity:
        """A value in the shape that was declared for it, where only axes of size 1, a sum or equal entries are between them."""
        squeezed = tuple(s for s in made.shape if s != 1)
        if squeezed == tuple(s for s in shape if s != 1):
            return Quantity(made.data.reshape(shape))
        if made.special == "eye" and len(shape) == 2:
            return Quantity(q.spread(made, q.ones(*shape)))
        lost = e.pattern.base in LOSSES or self.is_loss(e.pattern.base)
        if shape == () and made.data.size > 1 and lost and not has_derivative(e.right or n.Nothing()):
            return q.single(q.total(made.data.reshape(-1)))
        if made.shape == ():
            return q.array_of([made.scalar] * int(np.prod(shape)), shape)
        if made.shape == shape[::-1] and len(shape) == 2:
            raise InconsistentError(f"{e.pattern.base} is declared {' x '.join(map(str, shape))}, and its equation gives the transpose")
        raise InconsistentError(f"{e.pattern.base} is declared {' x '.join(map(str, shape))}, and its equation gives {made.described}")


def base_of_any(node: n.Node) -> str:
    """What a name is called; nothing for what is none."""
    name = plain(node)
    return base_of(name) if isinstance(name, n.Name) else ""


def added(node: n.Node) -> set[str]:
    """The names that stand as terms of a sum, alone but for numbers and quotients before them."""
    node = plain(node)
    if isinstance(node, n.Sum):
        return {x for t in node.terms for x in added(t)}
    if isinstance(node, n.Big):
        return added(node.of)
    if isinstance(node, n.Juxtaposition | n.Product):
        return added(node.factors[-1]) if all(isinstance(f, n.Number | n.Fraction) for f in node.factors[:-1]) else set()
    return {base_of(node)} if isinstance(node, n.Name) else set()


def single_number(made: Quantity) -> Quantity:
    """A number; raises MisfitError where this is none."""
    if made.data.size != 1:
        raise MisfitError(f"a number is needed, and this is {made.described}")
    return made
