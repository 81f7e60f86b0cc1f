"""Sums over indices, and what holds where: indicators and case distinctions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from symbackprop.formulas.meaning.products import Products
from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.faults import OutOfRangeError, ResizedError, UnreadError
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.trees import base_of, flat, operands, parts, plain
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers.quantities import MisfitError, Quantity
from symbackprop.formulas.numbers.tape import ONE, ZERO, constant
from symbackprop.language.latex import nodes as n

MOST = 12
"""How far a sum without bounds is followed."""


COMPARES = {"<": np.less, ">": np.greater, r"\le": np.less_equal, r"\ge": np.greater_equal, "=": np.equal, r"\ne": np.not_equal}


def compared(compare: np.ufunc, x: s.Scalar, y: s.Scalar) -> s.Scalar:
    """1 where two numbers compare so."""
    return s.truth(compare(np.asarray(x.value), y.value))


class Values(Products):
    """Evaluates trees without derivatives."""

    def of_big(self, node: n.Big, env: Env) -> Quantity:
        """A sum or product over indices."""
        if node.sign not in (r"\sum", r"\prod"):
            raise UnreadError(f"{node.sign} has no value here", node)
        made: Quantity | None = None
        for inside in self.ranging(node, env):
            made = (
                inside
                if made is None
                else (q.plus(made, inside, self.reading.loose) if node.sign == r"\sum" else self.ordered(node, made, inside))
            )
        if made is None:
            return q.single(ZERO) if node.sign == r"\sum" else replace(q.single(ONE), special="eye")
        return made

    def ordered(self, node: n.Big, made: Quantity, further: Quantity) -> Quantity:
        """The next factor of a product: of matrices the later ones stand on the left, where Jacobians of outputs come first."""
        if made.shape and further.shape:
            return self.times(further, made)
        return self.times(made, further)

    def ranging(self, node: n.Big, env: Env) -> Iterator[Quantity]:
        """The values of the body, one for each value of the indices."""
        below = [i for x in node.scripts if x.mark == "_" for i in x.items]
        above = [i for x in node.scripts if x.mark == "^" for i in x.items]
        letters, start, conditions = self.indices_of(below)
        if conditions and letters and isinstance(below[0], n.Chain) and below[0].signs[0] == r"\ne":
            others = [x for x in letters[1:] if x in env]  # j other than i, k: a second thing that it is not
            conditions += [n.Chain((below[0].sides[0], n.Name(x)), (r"\ne",)) for x in others]
            start, letters = start[:1], [x for x in letters if x not in others]
        if not letters:
            letters = self.implied(node.of, env)
            if not letters:
                yield self.whole_sum(node, env)
                return
        stops = [above[min(k, len(above) - 1)] if above else None for k in range(len(letters))]
        yield from self.loop(node, list(zip(letters, start + [None] * len(letters), stops, strict=False)), conditions, env)

    def indices_of(self, below: Sequence[n.Node]) -> tuple[list[str], list[n.Node | None], list[n.Node]]:
        """The letters that a sum runs over, where they start, and the conditions on them."""
        letters: list[str] = []
        start: list[n.Node | None] = []
        conditions: list[n.Node] = []
        shared: n.Node | None = None
        for item in below:
            if isinstance(item, n.Chain):
                head = item.sides[0]
                first = item.sides[1] if item.signs[0] == "=" else None
                if item.signs[0] in (r"\ne", "<", ">", r"\le", r"\ge"):
                    conditions.append(item)
                    if isinstance(head, n.Number) and len(item.sides) > 1:
                        head = item.sides[1]
                elif item.signs[0] not in ("=", r"\in"):
                    raise UnreadError("the range of this sum", item)
                shared = first
            else:
                head, first = item, None
            several = head.items if isinstance(head, n.Listing | n.Bracket) else getattr(head, "factors", (head,))
            for letter in several:
                if not isinstance(letter, n.Name) or any(not s.mark.startswith("'") for s in letter.scripts):
                    raise UnreadError("the range of this sum", item)
                if flat(letter) not in letters:
                    letters.append(flat(letter))
                    start.append(first)
        return letters, [x or shared for x in start], conditions

    def implied(self, body: n.Node, env: Env) -> list[str]:
        """The indices of the body that nothing else gives a value: those that a sum without bounds runs over."""
        found: list[str] = []
        bound = {
            x
            for p in parts(body)
            if isinstance(p, n.Big)
            for x in self.indices_of([i for c in p.scripts if c.mark == "_" for i in c.items])[0]
        }
        for p in parts(body):
            if isinstance(p, n.Name):
                for c in p.scripts:
                    for a in atoms([c], c.mark) if c.mark in "_^" else ():
                        below = c.mark == "_" or a.bracket
                        if (
                            isinstance(a.tree, n.Name)
                            and a.tree.id in self.indices
                            and a.tree.id not in env
                            and a.tree.id not in bound
                            and below
                        ):
                            found.append(a.tree.id)
        return list(dict.fromkeys(found))

    def whole_sum(self, node: n.Big, env: Env) -> Quantity:
        """A sum with no index at all: of the entries of an array, over the samples of a matrix."""
        inside = self.value(node.of, env)
        if inside.data.ndim == 1:
            return q.single(s.total(inside.data))
        if inside.data.ndim == 2:
            axis = 1 if self.reading.samples == "columns" else 0
            return Quantity(np.array([s.total(r) for r in np.moveaxis(inside.data, axis, -1)], dtype=object), row=axis == 0)
        of = plain(node.of)
        if isinstance(of, n.Name) and self.known.get(base_of(of)):
            return inside
        return q.scaled(inside, constant(3))

    def loop(
        self, node: n.Big, ranges: list[tuple[str, n.Node | None, n.Node | None]], conditions: Sequence[n.Node], env: Env
    ) -> Iterator[Quantity]:
        """The values of the body over nested ranges."""
        if not ranges:
            if all(self.true(c, env) for c in conditions):
                yield self.value(node.of, env)
            return
        (letter, start, stop), rest = ranges[0], ranges[1:]
        bare = any(isinstance(p, n.Name) and p.id == letter and not any(c.mark == "_" for c in p.scripts) for p in operands(node.of))
        if start is None and stop is None and bare and letter not in self.index_uses(node.of) and self.known.get(letter):
            whole = self.name(n.Name(letter, span=node.span), env)
            for x in whole.data.reshape(-1):
                self.scope.append({**(self.scope[-1] if self.scope else {}), letter: q.single(x)})
                try:
                    yield self.value(node.of, env)
                finally:
                    self.scope.pop()
            return
        first = self.origin if start is None else self.bound(start, env, 1)
        last = None if stop is None or self.reading.unbounded else self.bound(stop, env, MOST)
        if stop is None and isinstance(start, n.Name) and flat(start) in env:
            last = first
        said = last or 0
        loose = self.loose_size(stop, letter) if last is not None and first == 1 else None
        if loose is not None and self.is_bounded(node, letter, rest, env):
            last = None
        if len(letter.rstrip("'")) > 1 and letter[0] != "\\":
            yield from self.worded(node, env)
            return
        if last is None and not self.is_bounded(node, letter, rest, env):
            last = self.count(letter, env)
        if first == 0 and last is not None and self.is_beyond(node.of, {**env, **{x: 1 for x, _, _ in rest}, letter: 0}, letter):
            first, last = 1, last + (self.is_beyond(node.of, {**env, **{x: 1 for x, _, _ in rest}, letter: last + 1}, letter) is False)
        seen = False
        beyond: OutOfRangeError | None = None
        for at in range(first, (MOST if last is None else last) + 1):
            self.upto[letter] = said
            try:
                inside = list(self.loop(node, rest, conditions, {**env, letter: at}))
            except OutOfRangeError as error:
                if last is None and letter in error.letters:
                    if not seen and at == 1 and first == 1:
                        beyond = error
                        continue
                    if not seen:
                        raise
                    if loose is not None and at - 1 != self.size_of(loose):
                        raise ResizedError(loose, at - 1) from None
                    return
                raise
            seen = True
            yield from inside
        if not seen and beyond is not None:
            raise beyond

    def loose_size(self, stop: n.Node | None, letter: str) -> str | None:
        """The size that a sum runs up to, where no shape is declared with it: then it is as long as the axis that is summed over."""
        name = plain(stop) if stop is not None else None
        if not isinstance(name, n.Name) or name.scripts or letter in self.recursive or flat(name) in self.lasts:
            return None
        declared = {flat(x) for d in self.context.declared for a in d.axes for x in operands(a) if isinstance(x, n.Name)}
        return None if flat(name) in declared or self.known.get(base_of(name)) else base_of(name)

    def is_beyond(self, body: n.Node, env: Env, letter: str) -> bool:
        """Whether an index is out of range here."""
        try:
            self.value(body, env)
        except OutOfRangeError as error:
            return letter in error.letters
        except (UnreadError, MisfitError):
            return False
        return False

    def index_uses(self, body: n.Node) -> set[str]:
        """The letters that stand in scripts or arguments of a body."""
        found = {
            p.id
            for x in parts(body)
            if isinstance(x, n.Name | n.Scripted)
            for c in x.scripts
            for i in c.items
            for p in parts(i)
            if isinstance(p, n.Name)
        }
        return found | {i.id for x in parts(body) if isinstance(x, n.Bracket) for i in x.items if isinstance(i, n.Name)}

    def worded(self, node: n.Big, env: Env) -> Iterator[Quantity]:
        """A sum over words, such as samples and outputs: over all entries."""
        yield q.single(s.total(self.value(node.of, env).data.reshape(-1)))

    def is_bounded(self, node: n.Big, letter: str, rest: list[tuple[str, n.Node | None, n.Node | None]], env: Env) -> bool:
        """Whether the axes in the body bound an index."""
        try:
            self.value(node.of, {**env, **{x: 1 for x, _, _ in rest}, letter: MOST + 3})
        except OutOfRangeError as error:
            return letter in error.letters
        except (UnreadError, MisfitError):
            return True
        return False

    def bound(self, node: n.Node, env: Env, otherwise: int) -> int:
        """Where a sum starts or stops."""
        found = self.whole_number(plain(node), env, set())
        if found is not None:
            return found
        try:
            return self.size(node, env)
        except UnreadError:
            pass
        try:
            value = s.number(self.value(node, env).scalar)
        except (UnreadError, MisfitError):
            return otherwise
        return int(value) if value is not None and value == int(value) else otherwise

    def true(self, node: n.Node, env: Env) -> bool:
        """Whether a condition on indices holds."""
        if isinstance(node, n.Chain):
            found = [self.whole_number(plain(x), env, set()) for x in node.sides]
            sides = [x for x in found if x is not None]
            if len(sides) == len(found):
                return all(bool(COMPARES[c](a, b)) for c, a, b in zip(node.signs, sides, sides[1:], strict=False) if c in COMPARES)
            held = self.holds(node, env)
            if np.all(held) or not np.any(held):
                return bool(np.all(held))
        raise UnreadError("this condition", node)

    def holds(self, node: n.Node, env: Env) -> np.ndarray:
        """Where a condition holds, point by point."""
        node = plain(node)
        if isinstance(node, n.Chain) and all(x in COMPARES for x in node.signs):
            sides = []
            for side in node.sides:
                whole = self.whole_number(plain(side), env, set())
                sides.append(np.asarray(whole, dtype=float) if whole is not None else self.value(side, env).scalar.value)
            made = np.asarray(True)
            for sign, a, b in zip(node.signs, sides, sides[1:], strict=False):
                made = made & COMPARES[sign](a, b)
            return made
        raise UnreadError("this condition", node)

    def of_indicator(self, node: n.Indicator, env: Env) -> Quantity:
        """1 where the conditions hold, else 0; of arrays entry by entry."""
        made = q.single(ONE)
        for c in node.conditions:
            c = plain(c)
            if isinstance(c, n.Chain) and len(c.sides) == 2 and c.signs[0] in COMPARES and not self.counted(c, env):
                a, b = (self.value(x, env) for x in c.sides)
                found = q.zipped(partial(compared, COMPARES[c.signs[0]]), a, b, True)
                made = q.hadamard(made, found)
            else:
                made = q.scaled(made, s.truth(self.holds(c, env)))
        return made

    def counted(self, node: n.Chain, env: Env) -> bool:
        """Whether all sides of a condition are indices."""
        return all(self.whole_number(plain(x), env, set()) is not None for x in node.sides)

    def of_cases(self, node: n.Cases, env: Env) -> Quantity:
        """The first case whose condition holds."""
        made: Quantity | None = None
        for case in reversed(node.rows):
            if not case.conditions and len(node.rows) == 1:
                return self.value(case.value, env)
            where = self.when(case, env)
            if where is not None and not np.any(where):
                if made is None:
                    made = q.single(ZERO)
                continue
            value = self.value(case.value, env)
            if (made is None and where is None) or where is None or np.all(where):
                made = value
            else:
                other = made if made is not None else q.single(ZERO)
                made = q.zipped(partial(s.chosen, where), value, other)
        if made is None:
            raise UnreadError("no case", node)
        return made

    def when(self, case: n.Case, env: Env) -> np.ndarray | None:
        """Where a case holds; None for what is left over."""
        found: np.ndarray | None = None
        for c in case.conditions:
            if c.word in ("otherwise", "else", "elsewhere") or (not c.parts and c.word):
                return None
            for part in c.parts:
                here = self.holds(part, env)
                found = here if found is None else found & here
        return found

    def of_dots(self, node: n.Dots, env: Env) -> Quantity:
        """Dots that no sequence surrounds."""
        raise UnreadError("dots that no sequence surrounds", node)

    def of_chain(self, node: n.Chain, env: Env) -> Quantity:
        """A relation where a value is meant: a condition in brackets, 1 where it holds."""
        return q.single(s.truth(self.holds(node, env)))
