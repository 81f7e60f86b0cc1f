"""A bench where many edited links are tried: one Meaning, the other side's values and those of unchanged parts kept."""

import itertools
import time
from collections.abc import Mapping, Sequence

import numpy as np

from symbackprop.formulas.edits.around import Around, around
from symbackprop.formulas.meaning.meaning import Meaning
from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.faults import OutOfRangeError, ResizedError, UnreadError
from symbackprop.formulas.notation.links import Link, free_letters
from symbackprop.formulas.notation.readings import Reading
from symbackprop.formulas.numbers.quantities import MisfitError, Quantity, SingularError
from symbackprop.formulas.trial import SEEDS, compared, difference, holds_here, places, settled, shaped, where
from symbackprop.formulas.updates import stepped
from symbackprop.language.latex import nodes as n

FAILURES = (MisfitError, UnreadError, OutOfRangeError, ResizedError, RecursionError)
PLACES, SECONDS = 6, 0.5


class Kept(Meaning):
    """Remembers the values of trees, so that a tree with one part changed costs that part alone."""

    def __init__(self, context: Context, reading: Reading, claims: Sequence[n.Node], seed: int, sizes: Mapping[str, int]) -> None:
        self.seen: dict[tuple, tuple[n.Node, Quantity]] = {}
        super().__init__(context, reading, claims, seed, sizes)

    def value(self, node: n.Node, env: Env) -> Quantity:
        """The value, computed once for the same node at the same indices; not inside a function that is being evaluated."""
        if self.scope or self.depth or not self.fresh:
            return super().value(node, env)
        key = (id(node), tuple(env.items()), tuple(self.guesses.items()))
        known = self.seen.get(key)
        if known is not None:
            return known[1]
        before = sum(map(len, self.fresh))
        made = super().value(node, env)
        if sum(map(len, self.fresh)) == before and not self.scope:
            self.seen[key] = node, made
        return made


class Bench:
    """Values of the sides of a link under a reading at some places. Raises what a side raises where neither has a value."""

    def __init__(self, link: Link, context: Context, reading: Reading, claims: Sequence[n.Node], deadline: float) -> None:
        self.link, self.ratio, self.at = link, None, []
        sizes: dict[str, int] = {}
        seed = 0
        for _ in range(12):
            try:
                values, chosen = settled(context, reading, claims, seed, sizes) if context.zeros else ({}, sizes)
                self.names = Kept(context, reading, claims, seed, chosen)
                self.names.moved = values
                self.names.deadline = min(self.names.deadline, deadline)
                self.ratio = self.found_ratio()
                self.at = [] if link.kind == "update" else self.places()
                break
            except ResizedError as error:
                sizes = {**self.names.sizes, error.key: error.size}
            except SingularError:
                seed = len(SEEDS)
        self.link_letters = frozenset(free_letters((link.left, link.right), self.names.indices))
        self.about: Around = around(link, context, tuple(self.names.sizes.items()), self.names.indices, self.rank, self.ratio)

    def found_ratio(self) -> float | None:
        """The constant that the right side misses as a factor, or None."""
        try:
            made = compared(self.link, self.names)
        except (ResizedError, SingularError) as error:
            if isinstance(error, SingularError) and self.names.seed:
                return None
            raise
        except FAILURES:
            return None
        if self.link.kind == "update":
            return rounded(-1 / made.ratio) if made.ratio else None
        return rounded(made.ratio)

    def places(self) -> list[dict[str, int]]:
        """Some values of the free indices: all different, all the same, at the ends."""
        names = self.names
        letters = free_letters((self.link.left, self.link.right), names.indices)
        try:
            whole = [env for env, _, _ in itertools.islice(places(letters, self.link, names), 3 * PLACES)]
            if whole:
                apart = [env for env in whole if len(set(env.values())) == len(env)]
                same = [env for env in whole if len(set(env.values())) < len(env)]
                return [*apart[:2], *same[:2], *apart[2:4], *same[2:]][:PLACES]
        except ResizedError:
            raise
        except FAILURES:
            pass
        made = []
        for row in ((2, 1, 3), (2, 2, 2), (1, 2, 3), (1, 1, 1), (3, 1, 2), (2, 3, 1)):
            env = {x: row[k % 3] for k, x in enumerate(letters)}
            if env not in made and holds_here(self.link, names, env):
                made.append(env)
        return made or [{}]

    def rank(self, tree: n.Node) -> int | None:
        """How many axes a tree has, None where it has no value here."""
        names = self.names
        env = {**dict.fromkeys(names.indices, 1), **(self.at[0] if self.at else dict.fromkeys(sorted(self.link_letters), 2))}
        names.deadline = time.process_time() + SECONDS
        try:
            return names.fitting(tree, env).data.ndim
        except FAILURES:
            return None

    def factor(self, link: Link) -> float | None:
        """What the right side of an edited link misses as a factor: 1 where the link is true here, None where it is no constant."""
        names = self.names
        names.deadline = time.process_time() + SECONDS
        names.invented.clear()
        if set(free_letters((link.left, link.right), names.indices)) - self.link_letters:
            return None
        guesses, memo = dict(names.guesses), dict(names.memo)
        try:
            if link.kind == "shape":
                return 1.0 if shaped(link, names).kind == "equal" else None
            if link.kind == "update":
                made = stepped(link, names)
                return 1.0 if made.kind == "equal" else rounded(-1 / made.ratio) if made.ratio else None
            return self.steady(link)
        except FAILURES:
            return None
        finally:
            if names.guesses != guesses:
                names.guesses, names.memo = guesses, memo

    def steady(self, link: Link) -> float | None:
        """The one factor between the sides at all places, where there is one."""
        names, reached, same = self.names, 0, True
        ratios: list[float] = []
        for env in self.at:
            try:
                right, left = names.fitting(link.right, env), names.fitting(link.left, env)
            except OutOfRangeError:
                continue
            found = difference(left, right, names, env, where(link, names, env), ratios)
            same = same and found is None
            if found is not None and (found.kind == "shape" or not ratios or np.ptp(ratios) > 1e-6 * np.abs(ratios).max()):
                return None
            reached += 1
        if not reached or names.invented:
            return None
        return 1.0 if same else rounded(float(ratios[0])) if len(ratios) > 1 else None


def rounded(ratio: float | None) -> float | None:
    """A ratio, a whole number exactly."""
    return ratio if ratio is None or abs(ratio - round(ratio)) > 1e-7 else float(round(ratio))
