"""The walk over index expressions that the scalar views share: an expression at many places at once.

The places are rows, one for each choice of the indices; a value is an array of whatever the view has for an entry, one for each place.
A product is walked only where none of its guards is 0, and what speaks of few of the indices only once for each of their choices.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from math import prod
from operator import add, mul
from typing import Any

import numpy as np
import sympy
from sympy import Add, Expr, Function, Integer, KroneckerDelta, Mul, Number, NumberSymbol, Pow, Rational, erf, exp, log, tanh

from symbackprop.calculus.index import Index
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, indices_of
from symbackprop.errors import VerifyError
from symbackprop.verification.oracle.literal import size_of
from symbackprop.verification.oracle.sides import guarded

MOST = 2**16
"""Places of the body of a sum that are walked at once."""


def _elu(x: Expr, alpha: Expr = Integer(1)) -> Expr:
    return Positive(x) * x + (1 - Positive(x)) * alpha * (exp(x) - 1)


SCALAR_LAWS: Mapping[str, Callable[..., Expr]] = {
    "relu": lambda x: Positive(x) * x,
    "leaky_relu": lambda x, slope=Rational(1, 100): Positive(x) * x + (1 - Positive(x)) * slope * x,
    "elu": _elu,
    "gelu": lambda x: x * (1 + erf(x / sympy.sqrt(2))) / 2,
    "sigmoid": lambda x: 1 / (1 + exp(-x)),
    "silu": lambda x: x / (1 + exp(-x)),
    "softplus": lambda x: log(1 + exp(x)),
    "mish": lambda x: x * tanh(log(1 + exp(x))),
    "absolute": lambda x: x * Positive(x) - x * Positive(-x),
    "sign": lambda x: Positive(x) - Positive(-x),
    "maximum": lambda x, y: y + (x - y) * Positive(x - y),
    "minimum": lambda x, y: x + (y - x) * Positive(x - y),
    "log1p": lambda x: log(1 + x),
    "expm1": lambda x: exp(x) - 1,
    "square": lambda x: x**2,
}
"""Scalar functions by the name of their class, said a second time, so that a slip in the op table shows."""


@dataclass(frozen=True)
class Places:
    """So many places, and where each index stands in them."""

    count: int
    at: Mapping[Index, np.ndarray]

    def among(self, chosen: np.ndarray) -> "Places":
        """Those at the positions `chosen`."""
        return Places(len(chosen), {i: where[chosen] for i, where in self.at.items()})

    def within(self, indices: Sequence[Index], shape: Sequence[int]) -> "Places":
        """Each of them with every choice of further indices that run over `shape`."""
        inner = prod(shape)
        grid = np.indices(shape).reshape(len(shape), inner)
        outer = {i: np.repeat(where, inner) for i, where in self.at.items()}
        return Places(self.count * inner, outer | {i: np.tile(row, self.count) for i, row in zip(indices, grid, strict=True)})

    def distinct(self, indices: Sequence[Index]) -> tuple["Places", np.ndarray]:
        """The places that differ in `indices`, of these alone, and which of them each place is."""
        if not indices:
            return Places(1, {}), np.zeros(self.count, dtype=int)
        rows = np.stack([self.at[i] for i in indices])
        _, first, which = np.unique(np.ravel_multi_index(tuple(rows), tuple(rows.max(axis=1) + 1)), return_index=True, return_inverse=True)
        return Places(len(first), {i: row[first] for i, row in zip(indices, rows, strict=True)}), which.reshape(-1)


ONCE = Places(1, {})
"""The one place of what has no indices."""


class Walk:
    """Expressions at places; what an entry, a number and a function are is left to the views."""

    def __init__(self, sizes: Mapping[Expr, int]) -> None:
        self.sizes = sizes
        self.entries: dict[str, np.ndarray] = {}

    def number(self, e: Expr) -> Any:
        """A number as an element of the view."""
        raise NotImplementedError

    def is_zero(self, value: Any) -> bool:
        """Whether a guard is 0."""
        raise NotImplementedError

    def real(self, e: Expr, at: Places) -> np.ndarray:
        """The real parts of an expression at the view's point."""
        raise NotImplementedError

    def function(self, name: str, value: Any) -> Any:
        """A function of one argument by its SymPy name."""
        raise NotImplementedError

    def power(self, base: Any, exponent: Any, e: Expr) -> Any:
        """A root, or a power whose exponent `e` is not a whole number."""
        raise NotImplementedError

    def added(self, values: Sequence[Any]) -> Any:
        """The sum of elements of the view."""
        return reduce(add, values, self.number(Integer(0)))

    def multiplied(self, values: Sequence[Any]) -> Any:
        """The product of elements of the view."""
        return reduce(mul, values)

    def each(self, name: str, values: np.ndarray) -> np.ndarray:
        """The function `name` of every entry."""
        return _mapped(partial(self.function, name), values)

    def walk(self, e: Expr, at: Places) -> np.ndarray:
        """The values of `e` at each of the places."""
        if not at.count:
            return np.empty(0, dtype=object)
        if isinstance(e, Number | NumberSymbol):
            return self._all(self.number(e), at)
        if isinstance(e, Index):
            return self._whole(at.at[e])
        if isinstance(e, Entry):
            return self._entry(e, at)
        if e in self.sizes:
            return self._all(self.number(Integer(self.sizes[e])), at)
        if isinstance(e, Add):
            return self._rows(self.added, [self.walk(a, at) for a in e.args])
        if isinstance(e, Mul):
            return self._product(e, at)
        if isinstance(e, KroneckerDelta | Positive | NonNegative):
            return self._whole(self._holds(e, at))
        own = _indices(e)
        if len(own) == len(at.at):
            return self._once(e, at)
        few, which = at.distinct(own)
        return self._once(e, few)[which]

    def place(self, e: Expr, at: Places) -> Any:
        """The whole numbers that an index expression is; one, where it is everywhere the same."""
        if isinstance(e, Index):
            return at.at[e]
        if isinstance(e, Entry):
            return np.array([round(v) for v in self.real(e, at)], dtype=int)
        if isinstance(e, Add):
            return sum(self.place(a, at) for a in e.args)
        if isinstance(e, Mul):
            return prod(self.place(a, at) for a in e.args)
        return size_of(e, self.sizes) if not e.is_Integer else int(e)

    def _once(self, e: Expr, at: Places) -> np.ndarray:
        """The values of a sum, a power or a function, whose indices are those of the places."""
        if isinstance(e, Total):
            return self._total(e, at)
        if isinstance(e, Pow):
            base = self.walk(e.base, at)
            if e.exp.is_Integer:
                return _raised(base, int(e.exp))
            return _mapped(lambda b, x: self.power(b, x, e.exp), base, self.walk(e.exp, at))
        name = type(e).__name__
        if isinstance(e, exp):
            return self._exponential(e.args[0], at)
        if name in SCALAR_LAWS:
            return self.walk(SCALAR_LAWS[name](*e.args), at)
        if isinstance(e, Function) and hasattr(type(e), "law"):
            return self.walk(type(e).law(*e.args), at)
        return self.each(name, self.walk(e.args[0], at))

    def _total(self, e: Total, at: Places) -> np.ndarray:
        """The sum over all choices of the bound indices, some places after the others where they are many."""
        shape = [size_of(i.axis, self.sizes) for i in e.indices]
        inner = prod(shape)
        step = max(1, MOST // max(inner, 1))
        made = np.empty(at.count, dtype=object)
        for first in range(0, at.count, step):
            some = np.arange(first, min(first + step, at.count))
            body = self.walk(e.body, at.among(some).within(e.indices, shape))
            made[some] = _filled([self.added(list(row)) for row in body.reshape(len(some), inner)])
        return made

    def _holds(self, e: Expr, at: Places) -> np.ndarray:
        """Whether a delta or a bracket is 1."""
        if isinstance(e, KroneckerDelta):
            return np.broadcast_to(self.place(e.args[0], at) == self.place(e.args[1], at), at.count)
        inside = self.place(e.args[0], at) if _is_whole(e.args[0]) else self.real(e.args[0], at)
        return np.broadcast_to(inside > 0 if isinstance(e, Positive) else inside >= 0, at.count).astype(bool)

    def _product(self, e: Mul, at: Places) -> np.ndarray:
        """A product: 0 where a guard is, whatever the other factors are there."""
        guards, others, _ = guarded(e)
        live, weights = np.arange(at.count), []
        for guard in guards:
            if isinstance(guard, KroneckerDelta | Positive | NonNegative):
                kept = self._holds(guard, at.among(live))
            else:
                weights.append(self.walk(guard, at.among(live)))
                kept = np.array([not self.is_zero(v) for v in weights[-1]], dtype=bool)
            live, weights = live[kept], [w[kept] for w in weights]
        here = at if len(live) == at.count else at.among(live)
        factors = [*weights, *(self.walk(a, here) for a in others)]
        made = self._rows(self.multiplied, factors) if factors else self._all(self.number(Integer(1)), here)
        if here is at:
            return made
        value = self._all(self.number(Integer(0)), at)
        value[live] = made
        return value

    def _entry(self, e: Entry, at: Places) -> np.ndarray:
        array, place = self.entries[e.name], tuple(self.place(i, at) for i in e.indices)
        if not place:
            return self._all(array[()], at)
        if any(np.any((p < 0) | (p >= s)) for p, s in zip(map(np.asarray, place), array.shape, strict=True)):
            raise VerifyError(f"{e} is out of range")
        return array[tuple(np.broadcast_to(p, at.count) for p in place)]

    def _exponential(self, e: Expr, at: Places) -> np.ndarray:
        """exp of a sum as a product, so that an exponential stands for the same atom wherever it occurs."""
        made = []
        for term in Add.make_args(e):
            factor, rest = term.as_coeff_Mul()
            if rest == 1 or not factor.is_Rational:
                factor, rest = Integer(1), term
            value = self.walk(rest, at)
            made.append(_raised(self.each("exp", value if factor.q == 1 else value / self.number(Integer(factor.q))), int(factor.p)))
        return self._rows(self.multiplied, made)

    def _whole(self, values: np.ndarray) -> np.ndarray:
        """Whole numbers as elements of the view."""
        known = {int(k): self.number(Integer(int(k))) for k in np.unique(values)}
        return _filled([known[int(k)] for k in values])

    def _all(self, value: Any, at: Places) -> np.ndarray:
        made = np.empty(at.count, dtype=object)
        made.fill(value)
        return made

    def _rows(self, combined: Callable, columns: Sequence[np.ndarray]) -> np.ndarray:
        """What is `combined` of one entry of each column, for each place."""
        return columns[0] if len(columns) == 1 else _filled([combined(row) for row in zip(*columns, strict=True)])


@lru_cache(2**12)
def _indices(e: Expr) -> tuple[Index, ...]:
    return tuple(sorted(indices_of(e), key=str))


@lru_cache(2**12)
def _is_whole(e: Expr) -> bool:
    """Whether `e` is a whole number for what it is made of: indices, sizes, whole numbers, their sums and products."""
    if isinstance(e, Add | Mul):
        return all(map(_is_whole, e.args))
    return isinstance(e, Index) or bool(e.is_Integer) or (e.is_Symbol and not isinstance(e, Entry))


def _raised(values: np.ndarray, power: int) -> np.ndarray:
    return _mapped(lambda v: v**power, values)


def _mapped(function: Callable, *arrays: np.ndarray) -> np.ndarray:
    """A function of each entry."""
    return _filled([function(*row) for row in zip(*(a.flat for a in arrays), strict=True)]).reshape(arrays[0].shape)


def _filled(values: Sequence[Any]) -> np.ndarray:
    made = np.empty(len(values), dtype=object)
    for k, value in enumerate(values):
        made[k] = value
    return made
