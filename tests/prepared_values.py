"""The literal evaluator for prepared equations: their functions and calls, and the values that an array library gives."""

from contextlib import contextmanager

import numpy as np
from sympy import KroneckerDelta

from symbackprop.calculus.term import indices_of, is_guard
from symbackprop.verification.oracle import literal, textbook
from symbackprop.verification.oracle.literal import Grid

FUNCTIONS = {
    "where": np.where,
    "scaled_power": lambda c, x, p: np.where(c == 0, 0, c * np.power(x, p)),
    "log_expm1": lambda z: np.log(np.expm1(z)),
    "xlogy": lambda x, y: np.where(x == 0, 0, x * np.log(y)),
    "log_erfc": lambda x: np.log(textbook.ERFC(x)),
    "erfc": textbook.ERFC,
}
CALLS = {
    "cumprod": lambda x: np.cumprod(x, axis=-1),
    "cumprod_pullback": lambda x, g: pulled_back(x, g),
    "finite_max": lambda x, axis=None, keepdims=False: np.max(x, axis=axis, keepdims=keepdims, initial=np.finfo(float).min),
    "sum": lambda x, axis=None, keepdims=False: np.sum(x, axis=axis, keepdims=keepdims),
    "with_ones": lambda x, axis: np.concatenate((x, np.ones_like(np.take(x, [0], axis))), axis),
}


def pulled_back(x, g):
    """What g pulls back through the running products of x, by their definition."""
    made = np.zeros(np.broadcast_shapes(x.shape, g.shape))
    x, g = np.broadcast_to(x, made.shape), np.broadcast_to(g, made.shape)
    for k in range(x.shape[-1]):
        for i in range(k, x.shape[-1]):
            made[..., k] += g[..., i] * np.prod(np.delete(x[..., : i + 1], k, axis=-1), axis=-1)
    return made


@contextmanager
def prepared_words():
    """The literal evaluator with the functions and calls that only prepared equations have."""
    tables = ((textbook.FUNCTIONS, FUNCTIONS), (textbook.CALLS, CALLS))
    new = [(table, {k: v for k, v in words.items() if k not in table}) for table, words in tables]
    for table, words in new:
        table.update(words)
    try:
        yield
    finally:
        for table, words in new:
            for k in words:
                del table[k]


class Clipped(Grid):
    """The literal values, but for places outside of an axis: as in generated code these are moved inside."""

    def entry(self, e):
        array = self.known[e.name]
        found = [np.clip(self.value(i), 0, max(0, s - 1)).astype(int) for i, s in zip(e.indices, array.shape, strict=True)]
        if array.size or not e.indices:
            return array[tuple(found)]
        return np.zeros(np.broadcast_shapes(*[f.shape for f in found]))

    def total(self, e):
        inner = type(self)((*self.indices, *e.indices), self.known, self.sizes, self.way, self.place)
        body = np.broadcast_to(inner.value(e.body), inner.shape)
        return body.sum(axis=tuple(range(len(self.indices), len(inner.shape))))


class Plain(Clipped):
    """The values that an array library gives: 0 times nan is nan. A range of one index is a slice, a delta is a diagonal."""

    def product(self, e):
        ranges = [a for a in e.args if isinstance(a, KroneckerDelta) or (is_guard(a) and len(indices_of(a)) == 1)]
        value = np.prod(np.broadcast_arrays(*[self.value(a) for a in e.args if a not in ranges] or [1.0]), axis=0)
        for a in ranges:
            value = np.where(self.value(a) == 0, 0, value)
        return value


@contextmanager
def grid_of(kind):
    before, literal.Grid = literal.Grid, kind
    try:
        yield
    finally:
        literal.Grid = before
