"""Sizes of axes, and indices in scripts, as numbers."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace

from symbackprop.formulas.names.definitions import LAST, Definitions
from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.faults import ResizedError, UnreadError
from symbackprop.formulas.notation.references import Position, atoms
from symbackprop.formulas.notation.trees import base_of, flat, parts, plain
from symbackprop.formulas.numbers.quantities import MisfitError
from symbackprop.formulas.numbers.tape import number
from symbackprop.language.latex import nodes as n


class Sizes(Definitions):
    """Counts."""

    def size_of(self, key: str) -> int:
        """The size with this name, chosen when first asked for."""
        if self.reading.scalars:
            return 1
        if key not in self.sizes:
            taken = list(self.sizes.values())
            fresh = [s for s in self.pool if s not in taken]
            self.sizes[key] = fresh[0] if fresh else self.pool[len(taken) % len(self.pool)]
        return self.sizes[key]

    def is_size(self, node: n.Name, env: Env) -> bool:
        """Whether a name is the size of an axis."""
        return flat(node) in self.sizes_named or (flat(node) in self.sizes and not node.id.startswith("#"))

    def size(self, tree: n.Node, env: Env) -> int:
        """What a size comes to: n_{l-1}, d + 1, 3."""
        tree = plain(tree)
        if isinstance(tree, n.Number) and tree.text.isdigit():
            return int(tree.text)
        if isinstance(tree, n.Name):
            if tree.id in env and not tree.scripts:
                return env[tree.id]
            if self.recursive and flat(tree) in ("n_l", "N_l") and self.counts_layers(flat(tree)):
                return LAST
            above = [x for x in tree.scripts if x.mark == "^"]
            bare = replace(tree, scripts=tuple(x for x in tree.scripts if x.mark != "^"))
            if len(above) == 1 and isinstance(above[0].items[0], n.Number) and flat(bare) in self.sizes_named:
                return self.size(bare, env) ** int(above[0].items[0].text)
            return self.size_of(self.size_key(tree, env))
        if isinstance(tree, n.Sum):
            total = sum(self.size(t, env) * (-1 if s == "-" else 1) for s, t in zip(tree.signs, tree.terms, strict=True))
            return self.enlarged(tree, total, env) if total < 2 and "-" in tree.signs else total
        if isinstance(tree, n.Juxtaposition | n.Product):
            made = 1
            for f in tree.factors:
                made *= self.size(f, env)
            return made
        if isinstance(tree, n.Call) and tree.function.id in ("rows", "cols", "size", "dim", "len"):
            of = plain(tree.argument)
            shape = self.value(of, env).shape
            return shape[-1 if tree.function.id == "cols" else 0]
        if isinstance(tree, n.Fraction):
            return self.size(tree.top, env) // self.size(tree.bottom, env)
        raise UnreadError("a size that is not understood", tree)

    def enlarged(self, tree: n.Sum, total: int, env: Env) -> int:
        """Ask for a larger first size where n - k + 1 comes to less than 2; layers and indices are what they are."""
        first = plain(tree.terms[0])
        if tree.signs[0] == "-" or not isinstance(first, n.Name) or first.id in env or self.size_key(first, env) not in self.sizes:
            return total
        if len(tree.terms) < 3 and all(isinstance(t, n.Number) for t in tree.terms[1:]):
            return total
        raise ResizedError(self.size_key(first, env), self.sizes[self.size_key(first, env)] + 2 - total)

    def counts_layers(self, text: str) -> bool:
        """Whether a name stands above others as a layer."""
        return any(a.text == text for t in self.trees for p in parts(t) if isinstance(p, n.Name) for a in atoms(p.scripts, "^"))

    def size_key(self, tree: n.Name, env: Env) -> str:
        """The key of a size under values of the indices."""
        marks = [
            f"{m}{p.bracket}{p.number if p.number is not None else p.text}" for m in "_^" for p in self.positions(tree.scripts, m, env)
        ]
        return base_of(tree) + "".join(marks)

    def count(self, letter: str, env: Env) -> int:
        """How many values an index takes that no axis bounds."""
        if letter in self.recursive:
            return LAST
        end = self.bounds.get(letter, self.ranges.get(letter))
        if end is not None:
            try:
                return self.size(end, env)
            except UnreadError:
                pass
        return max(self.size_of(f"#{letter}"), self.explicit().get(letter, 0))

    def explicit(self) -> dict[str, int]:
        """The largest number that stands in the place of a letter."""
        if self.numbers is None:
            self.numbers = {}
            for t in self.trees:
                for p in parts(t):
                    if not isinstance(p, n.Name) or not p.scripts:
                        continue
                    found = self.pattern_of(p)
                    for k in self.known.get(found.base, ()):
                        for ours, theirs in ((k.pattern.below, found.below), (k.pattern.above, found.above)):
                            for a, b in zip(ours, theirs, strict=False):
                                if a.letter and b.number is not None and k.axes == () and b.number < 12:
                                    self.numbers[a.letter] = max(self.numbers.get(a.letter, 0), b.number)
        return self.numbers

    def class_of(self, text: str) -> int:
        """The class that a label such as y stands for where it is an index."""
        return 1 + (zlib.crc32(text.encode()) + self.seed) % 2

    def positions(self, scripts: Sequence[n.Script], mark: str, env: Env) -> tuple[Position, ...]:
        """The atoms of scripts under values of the indices."""
        return tuple(self.position(a.tree, a.bracket, env) for a in atoms(scripts, mark))

    def position(self, tree: n.Node, bracket: str, env: Env) -> Position:
        """One atom under values of the indices."""
        text = flat(tree)
        letters: set[str] = set()
        found = self.whole_number(tree, env, letters)
        if found is None and text in self.lasts:
            found = LAST
        if found is None and text in ("n_l", "n_L", "N_l", "N_L") and self.recursive:
            found = LAST
        return Position(bracket, found, text, frozenset(letters), tree)

    def whole_number(self, tree: n.Node, env: Env, letters: set[str]) -> int | None:
        """The whole number that an index expression comes to, or None."""
        if isinstance(tree, n.Number):
            return int(tree.text) if tree.text.isdigit() else None
        if isinstance(tree, n.Text | n.Name) and flat(tree) in self.picked and flat(tree) not in env:
            return self.class_of(flat(tree))
        if isinstance(tree, n.Name):
            if not tree.scripts and not tree.accents and tree.id in env:
                letters.add(tree.id)
                return env[tree.id]
            if tree.scripts and flat(tree) in env:
                letters.add(flat(tree))
                return env[flat(tree)]
            if tree.scripts and base_of(tree) in self.classes:
                try:
                    return int(number(self.name(tree, env).scalar) or 0) or None
                except (UnreadError, MisfitError):
                    return None
            if flat(tree) in self.sizes_named and not tree.id.isupper():
                return self.size_of(self.size_key(tree, env))
            if tree.id in ("L", "T", "N", "M", "K", "n", "m", r"\tau") and not tree.scripts and not tree.style.startswith("math"):
                if tree.id in ("L", "T") and self.recursive:
                    return LAST
                return self.sizes.get(tree.id) if tree.id not in self.sizes_named else self.size_of(tree.id)
            return None
        if isinstance(tree, n.Sum):
            values = [self.whole_number(t, env, letters) for t in tree.terms]
            if any(v is None for v in values) or not set(tree.signs) <= {"", "+", "-"}:
                return None
            return sum((v or 0) * (-1 if s == "-" else 1) for s, v in zip(tree.signs, values, strict=True))
        if isinstance(tree, n.Juxtaposition):
            factors = [self.whole_number(f, env, letters) for f in tree.factors]
            return None if None in factors else math.prod(x or 0 for x in factors)
        if isinstance(tree, n.Bracket) and len(tree.items) == 1:
            return self.whole_number(tree.items[0], env, letters)
        return None
