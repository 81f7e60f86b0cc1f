"""Rewriters of index expressions as a table, and what each is held to: the value of what it makes is the value of what it was given.

A row draws an expression of its rewriter's own input language from a seed, with arrays, and says what the rewriter makes of it. Values are
those of the literal evaluator at sizes from 1 to 6, equal ones among them, and data of both signs, zeros and ties among them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from sympy import KroneckerDelta, Pow, log
from terms import Terms, m, n, p

from symbackprop.calculus import brackets, canonical, contract, laws, normal, signs
from symbackprop.calculus.index import Index
from symbackprop.calculus.sizes import never_negative
from symbackprop.calculus.term import NonNegative, Positive, Total, indices_of
from symbackprop.verification.oracle.literal import Grid, Noise, Way, size_of
from symbackprop.verification.points.draws import imposed

SAME = 1e-9
"""By how much two values may differ, in the size of the first; more only where rounding moves that more."""


@dataclass
class Subject:
    """What a rewriter is given, at some sizes and arrays: an expression over its free indices."""

    e: object
    free: tuple
    tensors: dict
    seed: int
    points: list = field(default_factory=list)
    facts: tuple = ()

    def values(self, made, point, noise=None):
        sizes, arrays = point
        if isinstance(made, tuple):
            made, free = made
            grid = Grid(free, arrays, sizes, Way(noise=noise))
            whole = np.broadcast_to(grid.value(made), grid.shape)
            return whole.transpose([free.index(i) for i in self.free])
        grid = Grid(self.free, arrays, sizes, Way(noise=noise))
        return np.broadcast_to(grid.value(made), grid.shape)

    def check(self, made):
        """Raise where the value has changed, or is lost."""
        for point in self.points:
            with np.errstate(all="ignore"):
                before, after = self.values(self.e, point), self.values(made, point)
                same(
                    before,
                    after,
                    lambda point=point: [self.values(self.e, point, Noise(np.random.default_rng(k))) for k in range(3)],
                    lambda point=point: f"seed {self.seed}\n  {self.e}\nbecame\n  {made}\n{told(point)}",
                )

    def is_changed(self, made):
        return made != self.e


def same(before, after, near, what):
    """Raise unless two arrays agree wherever the first has a value; `near` gives the first, moved by about as much as rounding does."""
    assert np.shape(before) == np.shape(after), what()
    with np.errstate(invalid="ignore", over="ignore"):
        bad = np.isfinite(before) & ~(np.abs(after - before) <= SAME * (1 + np.abs(before)))
    if bad.any():
        with np.errstate(invalid="ignore", over="ignore"):
            rough = sum(np.nan_to_num(np.abs(k - before), nan=np.inf) for k in near())
            bad &= np.isfinite(rough) & ~(np.abs(after - before) <= 1e4 * rough)
    if bad.any():
        at = tuple(int(k) for k in np.argwhere(bad)[0])
        raise AssertionError(f"{what()}\nat {at}: {before[at]} became {after[at]}")


def told(point):
    sizes, arrays = point
    return "\n".join([f"  {a} = {s}" for a, s in sizes.items()] + [f"  {k} = {np.round(v, 4).tolist()}" for k, v in arrays.items()])


def sizes_drawn(rng, most=6, least=1):
    """Sizes of the axes from 1 to 6, often with equal ones."""
    drawn = rng.integers(least, most + 1, 3) if rng.random() < 0.6 else rng.integers(least, most + 1, 3)[[0, 0, 1]]
    return dict(zip((n, m, p), map(int, drawn), strict=True))


def array(rng, tensor, sizes, below, zeros, positive=False):
    """Numbers of both signs; small whole ones, zeros and ties, where `zeros` says so. Places below the size of what they select from."""
    shape = tuple(size_of(a, sizes) for a in tensor.axes)
    if tensor.role == "index":
        return rng.integers(0, max(1, size_of(below[tensor.name], sizes)), shape)
    if positive:
        values = rng.uniform(0.2, 1.7, shape)
    elif zeros and rng.random() < 0.5:
        values = rng.integers(-1, 3, shape).astype(float)
    else:
        values = rng.uniform(0.2, 1.7, shape) * rng.choice([-1, 1], shape)
    for fact in tensor.facts:
        if values.size and (fact.axis is None or shape[fact.axis]):
            drawn = rng.normal(size=shape) if fact.kind in ("unit", "simplex", "orthogonal") else values
            values = imposed(np.abs(drawn) + 0.1 if fact.kind == "positive" else drawn, [fact], rng)
    return values


def points(seed, writer, zeros=True, count=2, most=5, least=1, positive=False):
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        sizes = sizes_drawn(rng, most, least)
        # No array over an empty axis has a fact, and none holds places on one.
        filled = [*writer.selected.values(), *[a for t in writer.tensors.values() if t.facts for a in t.axes]]
        while any(size_of(a, sizes) == 0 for a in filled):
            sizes = sizes_drawn(rng, most, least)
        made.append((sizes, {t.name: array(rng, t, sizes, writer.selected, zeros, positive) for t in writer.tensors.values()}))
    return made


def strays(e):
    """Whether something that may have no value stands in a sum that may be without terms, and is free of what is summed.

    Such a factor goes before its sum; where all conditions in the sum fail, or its axis is empty, 0 becomes 0 times what has no value.
    """
    return any(
        not signs.is_total(f) and not set(t.indices) <= indices_of(f)
        for t in e.atoms(Total)
        if t.body.has(Positive, NonNegative, KroneckerDelta) or not all(never_negative(i.axis - 1) for i in t.indices)
        for f in t.body.atoms(Pow, log)
    )


@lru_cache(2**12)
def written(seed, depth=None, most=2, zeros=True, **how):
    """A random sum of products with its free indices, over tensors of its own."""
    writer = Terms(seed, **how)
    free = writer.free(most)
    e = writer.sum(free, writer.pick([1, 1, 2]) if depth is None else depth)
    facts = tuple(f.along(t.axes) for t in writer.tensors.values() for f in t.facts)
    return Subject(e, tuple(free), writer.tensors, seed, points(seed, writer, zeros, positive=strays(e)), facts)


@dataclass(frozen=True)
class Row:
    """A rewriter. `draw` gives what it is given, from a seed; `rewrite` what it makes of that. At least the share `changes` is changed."""

    draw: Callable
    rewrite: Callable
    changes: float = 0.1


ONLY_POSITIONS = {"position": 4, "number": 1, "delta": 1, "size": 1, "sum": 2}


def condition(seed):
    """A condition on positions alone."""
    writer = Terms(seed)
    free = writer.free(2) or [Index("i0", n)]
    return Subject(writer.position(free), tuple(free), {}, seed, points(seed, writer))


def decided(e):
    return e.xreplace({b: laws.decided(b) for b in e.atoms(brackets.Positive, brackets.NonNegative)})


def turned(s):
    e, order = canonical.turned(s.e, s.free)
    return e.xreplace({Index(f"f{k}", i.axis): i for k, i in enumerate(order)}), s.free


def nested(seed):
    return written(seed, depth=3)


def with_facts(seed):
    return written(seed, facts=True, fact=12, zeros=False)


def in_facts(s):
    return laws.Facts(s.facts)


EXPRESSIONS = {
    "contract": Row(lambda seed: written(seed, log=0), lambda s: contract.contract(s.e), 0.4),
    "contract with facts": Row(with_facts, lambda s: contract.contract(s.e, in_facts(s)), 0.4),
    "laws of entries": Row(with_facts, lambda s: laws.laws_of_entries(s.e, in_facts(s))[0]),
    "expanded": Row(lambda seed: written(seed, log=0, over=0), lambda s: normal.expanded(s.e), 0.4),
    "guard": Row(condition, lambda s: decided(s.e)),
    "relabelled": Row(nested, lambda s: canonical.relabelled(s.e), 0.3),
    "turned": Row(nested, turned, 0.3),
}
