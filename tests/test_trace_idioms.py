"""Idioms of NumPy and Python in a traced function, one by one: the value is what NumPy gives, or the idiom is refused."""

import copy
import math

import numpy as np
import pytest
import scipy.special
from scipy import special
from scipy.special import logsumexp

from symbackprop.errors import SymbackpropError
from symbackprop.language.elaborate import elaborate
from symbackprop.language.tracing.trace import trace_spec
from symbackprop.verification.oracle.literal import evaluate

SHAPES = {"x": "n d", "y": "n d", "w": "d", "s": "", "q": "3 4", "at": "n index", "c": "5 index", "two": "n 2 index"}
DRAW = np.random.default_rng(0)
ARRAYS = {"x": DRAW.normal(size=(5, 3)), "y": DRAW.normal(size=(5, 3)), "w": DRAW.normal(size=3), "s": np.array(0.7)}
ARRAYS |= {
    "q": DRAW.normal(size=(3, 4)),
    "at": DRAW.integers(0, 3, size=5),
    "c": np.array([2, 0, 1, 1, 3]),
    "two": DRAW.integers(0, 3, size=(5, 2)),
}


def _sets(x, items, value):
    z = x * 1.0
    z[items] = value
    return z


def _all_signs(x):
    z = np.empty(x.shape)
    z[x > 0], z[x <= 0] = 1.0, -1.0
    return z


def _fills(x):
    z = x.copy()
    z.fill(2.5)
    z[1:].fill(0.5)
    return z * x


def _out(x, y):
    z = np.zeros_like(x)
    np.multiply(x, y, out=z)
    np.clip(z, -0.3, 0.4, out=z)
    z -= z.mean(axis=0)
    return z


def _diagonal(q):
    K = q @ q.T
    np.fill_diagonal(K, 0.5)
    K[np.arange(3), np.arange(3)] += 1
    return K


def _counts(x):
    mask = (x > -0.5) & (x < 0.5)
    return np.sum(mask) + mask.mean() + np.count_nonzero(x > 0) + x[mask].size + len(x[mask]) + x[mask].mean()


def _bools(x, y):
    both = (x > 0) * (y > 0)
    either = (x > 0) + (y > 0)
    return both * 2.0 + either * 3 + (~both).astype(int) + np.where(either, x, y) + (1 - (x > 0)) + np.int64(x > y) + np.float64(both)


def _lists(x, w):
    return np.array([x.sum(), w[0] * 2, 3.0]) * np.array([1, 2, 3]) + np.mean([w[0], w[1]]) + [1.0, 2.0, 0.5] * np.stack([w[0]] * 3)


def _sizes(x):
    n, d = x.shape
    half = int(n / 2) * 2 // 2
    return x.sum() * math.sqrt(n) / float(d) + n // 2 + half + n % 2 * 0 + len(x) ** 2 + x.size / x.ndim + math.log(d) + max(n, 1)


def _tuples(q):
    a, *rest = q
    first, second = rest
    total = 0
    for k, (u, v) in enumerate(zip(first, second, strict=True)):
        total += (k + 1) * u * v
    return total * a + sum(row[0] for row in q) + np.prod([r[1] for r in q])


def _loops(q):
    out = np.zeros((3, 4))
    for i in reversed(range(q.shape[0])):
        for j in range(i, q.shape[1]):
            out[i][j] = q[i, j] - (out[i - 1, j] if i else 0.0)
        out[i] -= out[i].mean()
    return out


def _copies(x):
    first, second = copy.copy(x), copy.deepcopy([x])[0]
    first += 1
    second[0] = 0
    same = np.array(x, copy=None).astype(float, copy=False)
    return first * second + same * x


IDIOMS = {
    "copies": _copies,
    "sets a row": lambda x, w: _sets(x, 0, w),
    "sets a column": lambda x: _sets(x, (slice(None), -1), 2.0),
    "sets a block": lambda x: _sets(x, (slice(1, None), slice(None, 2)), x[:-1, 1:]),
    "sets by a list": lambda q: _sets(q, ([2, 0],), q[:2] * 3),
    "sets every other": lambda q: _sets(q, (slice(None), slice(None, None, 2)), -1),
    "sets by labels": lambda x, at: _sets(x, (np.arange(len(x)), at), 9.0),
    "sets places twice": lambda q: _sets(q, ([1, 0, 1], [2, 3, 2]), q[0, :3]),
    "sets rows by a mask": lambda x: _sets(x, x[:, 0] > 0, 0.0),
    "sets signs": _all_signs,
    "fills": _fills,
    "out": _out,
    "a diagonal": _diagonal,
    "counts": _counts,
    "bools": _bools,
    "lists": _lists,
    "sizes": _sizes,
    "tuples": _tuples,
    "loops": _loops,
    "adds at": lambda x, at: _added(x, at),
    "pads with a number": lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=1.5),
    "pads by wrapping": lambda q: np.pad(q, ((0, 0), (2, 1)), mode="wrap") + np.pad(q, ((0, 0), (1, 2)), mode="symmetric"),
    "eye": lambda x, at: np.eye(x.shape[1])[at] * x + np.eye(len(x), x.shape[1], 1),
    "tri": lambda x: np.tri(len(x)) @ x + np.triu(np.ones((len(x), len(x))), 1) @ x,
    "linspace": lambda x: x.T * np.linspace(-1, 1, x.shape[0]) + np.arange(1, x.shape[0] + 1),
    "full": lambda x: np.full((len(x), x.shape[1]), 0.5) * np.full_like(x, 2) + np.ones_like(x) * np.full(x.shape, x[0, 0]),
    "largest of rows": lambda x: x[np.arange(len(x)), np.argmax(x, axis=1)] + np.eye(3)[np.argmax(x, axis=-1)].sum(axis=1) * 2,
    "one of each row": lambda q, c: q[range(3), c[:3]] + q[[0, 2, 1], [1, 1, 3]],
    "scipy by module": lambda x: special.expit(x) + special.logsumexp(x, axis=1, keepdims=True) + scipy.special.erf(x),
    "scipy by name": lambda x: logsumexp(x, axis=0) - special.xlogy(x**2, x**2 + 1),
    "reductions of ufuncs": lambda x: np.add.reduce(x, axis=0) + np.maximum.reduce(x) + np.add.accumulate(x, axis=1).sum(axis=0),
    "outer of ufuncs": lambda w: np.multiply.outer(w, w),
    "floor and remainder": lambda x: x // 0.3 + np.floor_divide(x, 0.7) + x % 0.4,
    "any and all": lambda x: np.where(np.any(x > 1, axis=1), 1.0, 2.0) + np.where((x > -1).all(axis=1), x[:, 0], 0.0),
    "hstack and append": lambda x, w: np.hstack([np.ones((x.shape[0], 1)), x]) @ np.append(w, 1.0),
    "atleast": lambda w: np.atleast_2d(w).T @ np.atleast_2d(w),
    "cross": lambda w, q: np.cross(q[:, 1], q[:, 0]) * w.sum(),
    "max of numbers": lambda x, s: max(s, x.sum(), 0.0) + min(x.mean(), 1) + abs(s) + pow(s, 2),
    "casts": lambda x: x.astype(np.float64) + x.astype(int) + (x > 0).astype(np.float32) + np.asarray(x, dtype=float) + float(x.sum()),
    "items": lambda x, q: x.mean().item() + q.item(1, 2) + np.squeeze(x[:1, :1]) + q.flatten()[5] + q.ravel()[-1],
    "column by column": lambda x, q: (
        q.reshape(2, 6, order="F") + np.ravel(q, "F")[:6] + np.reshape(q, (6, -1), order="F").T + q.flatten("F")[0]
    ),
    "sums of Python": lambda x: sum(x) * sum(sum(x**2)) + sum([x[0], x[1]]),
    "masks as values": lambda x, w: np.stack([x > 0, x > 1]).sum(axis=0) + (x > 0).T.T * True + (x > 0) @ w[:, None],
    "masks compared": lambda x: np.where((x > 0) == False, 1, x) + np.where((x > 0) == (x < 1), x, 2),  # noqa: E712
    "inserts": lambda x: np.insert(x, 0, np.ones(len(x)), axis=1) @ np.insert(x, 1, x[0], axis=0).T[:1].repeat(4, axis=0),
    "convolves": lambda w, q: np.convolve(w, q[:, 0], mode="same") + np.convolve(w, [0.5]) * np.convolve(w, q[0, :2]).sum(),
    "labels reshaped": lambda x, two: (
        x[two.reshape(-1)] + x[two].reshape(-1, x.shape[1])[np.arange(len(two) * 2), (two * 0).ravel()][:, None]
    ),
    "reversed": lambda x: x[::-1] * x[:, ::-1] + x[-1] - x[[0, -1]].sum(axis=0),
    "transposes": lambda x, y: (x.T @ y).transpose() + np.swapaxes(x, 0, 1) @ y + np.moveaxis(x, 0, 1).dot(y),
    "counted from the end": lambda q: _sets(q, (-1, slice(-2, None)), q[0, :2]),
}


def _added(x, at):
    z = np.ones((3, x.shape[1]))
    np.add.at(z, at, x)
    np.subtract.at(z, at, 0.5)
    z[at] = z[at[::-1]] if x.ndim == 1 else z.sum()
    return z


@pytest.mark.parametrize("name", IDIOMS)
def test_an_idiom_is_what_numpy_makes_of_it(name):
    function = IDIOMS[name]
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    arrays = {n: ARRAYS[n] for n in names}
    expected = np.asarray(function(**{n: a.copy() for n, a in arrays.items()}))
    try:
        spec = trace_spec(function, shapes={n: SHAPES[n] for n in names})
    except SymbackpropError as e:
        pytest.fail(str(e))
    upstream = np.random.default_rng(1).normal(size=expected.shape)
    given = {n: a for n, a in arrays.items() if any(n == t for t in spec.tensors)}
    extra = next((t for t in spec.tensors if t not in SHAPES), None)
    made = evaluate(elaborate(spec), given | ({extra: upstream} if extra else {}))[spec.objective]
    assert np.isclose(made, np.sum(expected * upstream) if extra else expected.item(), rtol=1e-10)


def _labels_are_whole(x, at):
    at[0] = 0.5
    return x[at].sum()


@pytest.mark.parametrize(
    ("function", "names", "reason"),
    [
        (_labels_are_whole, "x at", "cuts what is written into it"),
        (lambda x: np.ascontiguousarray(x.T).sum() + _sets(x.T, 0, 1.0).sum() * _written_after(x), "x", "changed in place"),
        (lambda x: x.astype(np.uint8).sum(), "x", "an array of uint8"),
        (lambda x: np.put(x, [0], 1.0) or x.sum(), "x", "np.put changes an array in place"),
        (lambda x, at: _sets(x, (at,), x).sum(), "x at", "places that may be the same twice"),
        (lambda x: _sets(x, (slice(None, None, 2),), 1.0).sum(), "x", "every 2th entry"),
        (lambda x, w: _sets(x, x > 0, w).sum(), "x w", "has to be a number, or"),
        (lambda x: (np.where(x > 0, -np.inf, x) + 1).sum(), "x", "-inf is not a number"),
        (lambda x: np.random.permutation(len(x)) + x, "x", "np.random.permutation"),
        (lambda x: _swallows(x), "x", "a branch on the values"),
    ],
)
def test_what_would_be_something_else_is_refused(function, names, reason):
    with pytest.raises(SymbackpropError, match=reason) as caught:
        trace_spec(function, shapes={n: SHAPES[n] for n in names.split()})
    assert caught.value.fix


def _written_after(x):
    flat = np.ascontiguousarray(x)
    x[0] = 1.0
    return flat.sum()


def _swallows(x):
    try:
        return x.sum() if x[0, 0] > 0 else -x.sum()
    except Exception:
        return 0 * x.sum()
