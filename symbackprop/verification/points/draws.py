"""Random data for the leaves of a program: of both signs, at a scale, and true to the facts declared of it.

A manner says which numbers: of size 1, spread over four decades, tiny, large, at the numbers that conditions speak of; or special ones,
small whole numbers and zeros, which may lie on a kink. A domain says what must be given up so that the program has a value: which leaves
are positive, how heavy the diagonals are, between which bounds all lie.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from sympy import Expr, Function, Number, Pow

from symbackprop.calculus.facts import COMBINATIONS, SUMS, closed, kind_of
from symbackprop.calculus.program import Fact, Program, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Positive
from symbackprop.verification.oracle.literal import evaluate, size_of
from symbackprop.verification.oracle.sides import on_data
from symbackprop.verification.oracle.textbook import GAPS
from symbackprop.verification.points.sizes import prime_sizes, selects

WIDE, BELOW_1, ABOVE_1 = (0.2, 1.2), (0.2, 0.9), (1.2, 2.2)
"""Sizes of random numbers: on both sides of 1 where that is no matter."""

HEAVY = 3
"""The weight of a diagonal that makes a matrix positive definite, in axes."""

NEAR = (1e-4, 1e-2, 0.3)
"""How far from a number that a condition speaks of."""


@dataclass(frozen=True)
class Domain:
    """What is given up so that a program has a value: leaves that are positive, the weight of diagonals, bounds of the numbers' size."""

    positive: frozenset[str] = frozenset()
    diagonal: int = 0
    span: tuple[float, float] = WIDE


@dataclass(frozen=True)
class Manner:
    """How numbers are drawn: by a generator and a shape. `special`: they may lie on a kink, where a convention decides."""

    name: str
    numbers: Callable[[np.random.Generator, tuple[int, ...], tuple[float, float]], np.ndarray]
    special: bool = False


def _signed(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """The numbers, each with a random sign; both signs occur."""
    signs = np.where(rng.random(values.shape) < 0.5, -1, 1)
    if values.size > 1 and abs(signs.sum()) == values.size:
        signs.reshape(-1)[rng.integers(values.size)] *= -1
    return values * signs


def times(factor: float) -> Manner:
    """Numbers of both signs, away from 0, of the size `factor`."""
    return Manner(f"{factor:g}", lambda rng, shape, span: factor * _signed(rng, rng.uniform(*span, shape)))


def among(levels: Sequence[float]) -> Manner:
    """Numbers near, above and below, those of `levels`, 0 and 1, of either sign."""
    levels = (0.0, 1.0, *levels, *levels)

    def numbers(rng: np.random.Generator, shape: tuple[int, ...], span: tuple[float, float]) -> np.ndarray:
        return _signed(rng, rng.choice(levels, shape)) + _signed(rng, rng.choice(NEAR, shape))

    return Manner("levels", numbers)


def whole(levels: Sequence[float] = ()) -> Manner:
    """Small whole numbers, 0 among them, and those of `levels`."""
    values = sorted({-2.0, -1.0, 0.0, 1.0, 2.0, *levels, *(-v for v in levels)})
    return Manner("whole", lambda rng, shape, span: rng.choice(values, shape), special=True)


UNIT = times(1.0)
TINY = times(1e-3)
LARGE = times(30.0)
SPREAD = Manner("spread", lambda rng, shape, span: _signed(rng, 10 ** rng.uniform(-2, 2, shape)))
MIXED = Manner("mixed", lambda rng, shape, span: _signed(rng, rng.choice((0.01, 1.0, 1.0, 30.0), shape) * rng.uniform(*span, shape)))
ZERO = Manner("zero", lambda rng, shape, span: np.zeros(shape), special=True)


def random_arrays(program: Program, sizes: Mapping[Expr, int] | None = None, seed: int = 0) -> dict[str, np.ndarray]:
    """An array for each leaf of `program`: of both signs, away from 0, and true to the facts declared of it.

    `sizes` are small primes, all different, unless given. A leaf of the role "index" gets integers below the size of the axis
    that it selects from; positive numbers stand where the program has no value otherwise (a logarithm, a root), numbers between 0 and 1
    too, or above 1, large ones on the diagonals of square matrices where one must be positive definite.
    """
    sizes = dict(sizes) if sizes is not None else prime_sizes(program)
    for domain in domains(program):
        arrays = draw(program, sizes, UNIT, domain, seed)
        if all(np.all(np.isfinite(v)) for v in evaluate(program, arrays, sizes).values()):
            return arrays
    return draw(program, sizes, UNIT, Domain(), seed)


def domains(program: Program) -> Iterator[Domain]:
    """From the whole domain to smaller ones."""
    roots, everything = frozenset(under_roots(program)), frozenset(t.name for t in program.leaves)
    signs = tuple(dict.fromkeys((frozenset(), roots, everything)))
    yield from (Domain(s, d) for s, d in product(signs, (0, HEAVY)))
    yield from (Domain(s, 0, span) for span in (BELOW_1, ABOVE_1) for s in signs)


def draw(program: Program, sizes: Mapping[Expr, int], manner: Manner, domain: Domain, seed: int) -> dict[str, np.ndarray]:
    """An array for each leaf; one with a fact that fixes its scale is drawn as ever."""
    rng = np.random.default_rng(seed)
    return {t.name: _leaf(program, t, sizes, manner, domain, rng) for t in program.leaves}


def _leaf(program: Program, t: Tensor, sizes: Mapping[Expr, int], manner: Manner, domain: Domain, rng: np.random.Generator) -> np.ndarray:
    shape = tuple(size_of(a, sizes) for a in t.axes)
    if t.role == "index":
        return rng.integers(0, selected(program, t.name, sizes), shape)
    if closed(t) < (COMBINATIONS if manner.special else SUMS):
        manner = UNIT
    values = np.asarray(manner.numbers(rng, shape, domain.span), dtype=float)
    if t.name in domain.positive:
        values = np.abs(values)
    if domain.diagonal and len(shape) > 1 and shape[-1] == shape[-2]:
        scale = np.abs(values).max(initial=0)
        values = values + domain.diagonal * shape[-1] * max(scale, 1.0) * np.eye(shape[-1])
    return imposed(values, t.facts, rng)


def imposed(values: np.ndarray, facts: Iterable[Fact], rng: np.random.Generator) -> np.ndarray:
    """`values` changed so that the facts are true of them."""
    for fact in facts:
        values = kind_of(fact).drawn(values, fact.axis, rng)
    return values


def along(t: Tensor, way: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A direction in which the facts of a tensor that linear combinations keep stay true."""
    return imposed(way, [f for f in t.facts if kind_of(f).closed == COMBINATIONS], rng)


def under_roots(program: Program) -> list[str]:
    """Leaves that stand under a logarithm or a root somewhere."""
    found = set()
    for e in program.equations:
        for part in e.rhs.atoms(Function, Pow) if isinstance(e.rhs, Expr) else ():
            if type(part).__name__ in ("log", "loggamma") or (isinstance(part, Pow) and not part.exp.is_Integer):
                found |= {a.name for a in part.atoms(Entry)}
    return [t.name for t in program.leaves if t.name in found]


def selected(program: Program, name: str, sizes: Mapping[Expr, int]) -> int:
    """The size of the smallest axis whose entries the integers in `name` select."""
    return min((size_of(a, sizes) for a in selects(program, name)), default=2)


@lru_cache(2**10)
def _numbers(rhs: Expr) -> frozenset[float]:
    found: set[float] = set()
    for c in rhs.atoms(Positive, NonNegative, Function):
        if on_data(c) and (isinstance(c, Positive | NonNegative) or type(c).__name__ in GAPS):
            found |= {abs(float(n)) for n in c.atoms(Number)}
    return frozenset(found)


def levels(program: Program) -> tuple[float, ...]:
    """The numbers that the conditions on data speak of, 0 and 1 aside."""
    found = frozenset().union(*(_numbers(e.rhs) for e in program.equations if isinstance(e.rhs, Expr)))
    return tuple(sorted(n for n in found if n not in (0.0, 1.0) and n < 1e6))
