"""The kinds of facts, as a table of records. A fact is declared of a tensor, never guessed."""

from collections.abc import Sequence

import numpy as np
from sympy import Expr, Pow, S, default_sort_key

from symbackprop.calculus.facts.kind import COMBINATIONS, MEANS, NOTHING, SUMS, Array, Kind, Law, Test
from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Fact, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, delta
from symbackprop.errors import FactError

TOLERANCE = 1e-5
"""How far from 1 a sum of numbers written with six digits, or in single precision, may be; other facts are as exact."""


def kind_of(fact: Fact) -> Kind:
    """The record of a fact's kind. Raises FactError for one that has none."""
    if fact.kind not in KINDS:
        raise FactError(f"there is no fact '{fact.kind}'", place=f"tensor {fact.tensor}", fix=f"use {' or '.join(KINDS)}")
    return KINDS[fact.kind]


def closed(t: Tensor) -> int:
    """What of arrays with all facts of a tensor has them too."""
    return min((kind_of(f).closed for f in t.facts), default=COMBINATIONS)


def _at(factor: Expr, index: Index) -> int | None:
    """The one place at which `index` itself stands in an entry."""
    if not isinstance(factor, Entry):
        return None
    places = [k for k, e in enumerate(factor.indices) if e.has(index)]
    return places[0] if len(places) == 1 and factor.indices[places[0]] == index else None


# --- sums to 1 -------------------------------------------------------------------------------------------------------------


def _total_is_1(factors: Sequence[Expr], index: Index, fact: Fact) -> Expr | None:
    return S.One if len(factors) == 1 and _at(factors[0], index) == fact.axis else None


SUMS_TO_1 = Law("sum_i T[i] = 1", _total_is_1, ("n c", 1, lambda T, i, j: (Total(T[i, j], j), S.One)))


def _shares(values: Array, axis: int | None, rng: np.random.Generator) -> Array:
    """1/2, 1/4, ..., the last twice: few digits, and no two sums alike; or one 1 among zeros."""
    if rng.random() >= 0.5:
        return one_hot(values, axis, rng)
    size = values.shape[axis or 0]
    parts = 0.5 ** np.minimum(np.arange(1, size + 1), max(size - 1, 0))
    return parts[np.argsort(rng.random(values.shape), axis=axis)]


def _rest_of_1(mods: Array, reals: Array, axis: int | None) -> Array:
    rest = np.delete(mods, 0, axis)
    return np.concatenate([1 - rest.sum(axis=axis, keepdims=True), rest], axis)


def _sums(values: Array, axis: int | None):
    sums = values.sum(axis=axis)
    return np.abs(sums - 1), lambda k: f"sums to {sums[k]:.6g}, not to 1"


SIMPLEX = Kind(
    name="simplex",
    axis="named",
    closed=MEANS,
    never_negative=True,
    label=True,
    laws_of_sums=(SUMS_TO_1,),
    breach=_sums,
    fix="scale the labels",
    drawn=lambda values, axis, rng: np.abs(values) / np.abs(values).sum(axis=axis, keepdims=True),
    small=_shares,
    residues=_rest_of_1,
    test=Test(
        "(np.vdot(off, off) <= 1e-10 or np.abs(off).max(initial=0) <= 1e-5)",
        "the entries along an axis sum to 1",
        "its entries do not sum to 1 along axis {axis}",
        (
            "x = np.asarray(x)",
            "sums = np.dot(x, np.ones(x.shape[axis], x.dtype)) if axis == x.ndim - 1 else np.add.reduce(x, axis=axis)",
            "off = sums - 1",
        ),
    ),
    draw="generator.random({size})",
    then=("{x} /= {x}.sum(axis={axis}, keepdims=True)",),
    words={"en": "{tensor} sums to 1 over {axis}", "zh": "{tensor} 沿 {axis} 求和为 1"},
    said="sums to 1",
)


# --- one 1 among zeros -----------------------------------------------------------------------------------------------------


def _own_power(e: Expr, fact: Fact) -> Expr | None:
    return e.base if isinstance(e, Pow) and isinstance(e.base, Entry) and e.exp.is_Integer and e.exp > 1 else None


def one_hot(values: Array, axis: int | None, rng: np.random.Generator) -> Array:
    """Zeros of the shape of `values`, and one 1 along the axis, anywhere."""
    place = axis or 0
    hot = rng.integers(0, values.shape[place], np.delete(values.shape, place))
    return np.moveaxis(np.eye(values.shape[place])[hot], -1, place)


def _not_one_hot(values: Array, axis: int | None):
    counts = (np.abs(values - 1) <= TOLERANCE).sum(axis=axis)
    apart = np.minimum(np.abs(values), np.abs(values - 1)).max(axis=axis, initial=0)
    return np.where(counts == 1, apart, 1), lambda k: "is not one 1 among zeros"


ONE_HOT = Kind(
    name="one-hot",
    axis="named",
    closed=NOTHING,
    never_negative=True,
    picks=True,
    label=True,
    laws_of_sums=(SUMS_TO_1,),
    laws_of_entries=(Law("T[i]^m = T[i], m > 0", _own_power, ("n c", 1, lambda T, i, j: (T[i, j] ** 2, T[i, j]))),),
    breach=_not_one_hot,
    drawn=one_hot,
    small=one_hot,
    residues=lambda mods, reals, axis: reals.astype(int).astype(object),
    test=Test(
        "(hot.all() and np.abs(x * (x - 1)).max(initial=0) <= 1e-5)",
        "one entry along an axis is 1 and the others are 0",
        "it is not one 1 among zeros along axis {axis}",
        ("x = np.asarray(x)", "hot = np.add.reduce(np.abs(x - 1) <= 1e-5, axis=axis) == 1"),
    ),
    draw="generator.random({size})",
    then=("{x} = ({x} == {x}.max(axis={axis}, keepdims=True)).astype(float)",),
    words={"en": "{tensor} is one-hot over {axis}", "zh": "{tensor} 沿 {axis} 是独热的"},
)


# --- symmetric -------------------------------------------------------------------------------------------------------------


def _in_order(e: Expr, fact: Fact) -> Expr | None:
    if not isinstance(e, Entry) or len(e.indices) < 2:
        return None
    *batch, i, j = e.indices
    return Entry(e.name, *batch, j, i) if default_sort_key(j) < default_sort_key(i) else None


def _upper_mirrored(values: Array) -> Array:
    return np.triu(values) + np.swapaxes(np.triu(values, 1), -1, -2)


SYMMETRIC = Kind(
    name="symmetric",
    axis=None,
    square=True,
    closed=COMBINATIONS,
    mirrored=True,
    laws_of_entries=(Law("T[j,i] = T[i,j]", _in_order, ("n n", None, lambda T, i, j: (T[j, i], T[i, j]))),),
    breach=lambda values, axis: (
        np.abs(values - values.T) / (1 + np.abs(values)),
        lambda k: f"is {values[k]:.6g}, and its mirror {values.T[k]:.6g}",
    ),
    drawn=lambda values, axis, rng: (values + np.swapaxes(values, -1, -2)) / 2,
    small=lambda values, axis, rng: _upper_mirrored(values),
    residues=lambda mods, reals, axis: _upper_mirrored(mods),
    test=Test("np.allclose(x, np.transpose(x))", "a matrix is its transpose", "it is not symmetric"),
    then=("{x} = ({x} + {x}.T) / 2",),
    words={"en": "{tensor} is symmetric", "zh": "{tensor} 是对称的"},
)


# --- positive --------------------------------------------------------------------------------------------------------------


def _is_positive(e: Expr, fact: Fact) -> Expr | None:
    return S.One if isinstance(e, Positive | NonNegative) and isinstance(e.args[0], Entry) else None


POSITIVE = Kind(
    name="positive",
    axis=None,
    closed=SUMS,
    never_negative=True,
    laws_of_entries=(Law("[T[i] > 0] = 1", _is_positive, ("n c", None, lambda T, i, j: (Positive(T[i, j]), S.One))),),
    breach=lambda values, axis: (~(values > 0), lambda k: "is not positive"),
    drawn=lambda values, axis, rng: np.abs(values),
    small=lambda values, axis, rng: np.abs(values),
    residues=lambda mods, reals, axis: mods * mods,
    test=Test("np.greater(x, 0).all()", "all entries are positive", "it is not positive"),
    start="ones",
    draw="0.5 + generator.random({size})",
    words={"en": "{tensor} is positive", "zh": "{tensor} 是正的"},
)


# --- orthogonal ------------------------------------------------------------------------------------------------------------


def _columns(factors: Sequence[Expr], index: Index, fact: Fact) -> Expr | None:
    if len(factors) == 1 and isinstance(factors[0], Pow) and factors[0].exp == 2:
        factors = [factors[0].base] * 2
    if len(factors) != 2 or not all(isinstance(f, Entry) and f.name == fact.tensor and len(f.indices) == 2 for f in factors):
        return None
    places = [_at(f, index) for f in factors]
    if places[0] is None or places[0] != places[1]:
        return None
    return delta(*[f.indices[1 - places[0]] for f in factors])


def _of_rows(T, i, j):
    k = Index("k", j.axis)
    return Total(T[i, k] * T[j, k], k), delta(i, j)


def _reflections(mods: Array, reals: Array, axis: int | None) -> Array:
    """The product of the reflections along the columns: every orthogonal matrix is one, but for the sign of its determinant."""
    made = np.eye(len(mods), dtype=int).astype(object)
    for v in mods.T:
        made = made - 2 * np.outer(v, v @ made) / (v @ v)
    return made


ORTHOGONAL = Kind(
    name="orthogonal",
    axis=None,
    square=True,
    closed=NOTHING,
    laws_of_sums=(Law("sum_k T[i,k] T[j,k] = [i = j]", _columns, ("n n", None, _of_rows)),),
    breach=lambda values, axis: (
        np.abs(values.T @ values - np.eye(values.shape[1])).max(initial=0),
        lambda k: "has columns that are not orthonormal",
    ),
    drawn=lambda values, axis, rng: np.linalg.qr(values)[0],
    small=lambda values, axis, rng: np.eye(*values.shape[-2:])[rng.permutation(values.shape[-2])],
    residues=_reflections,
    test=Test(
        "np.allclose(np.dot(np.transpose(x), x), np.eye(len(x)), atol=1e-5)",
        "the columns of a matrix are orthonormal",
        "it is not orthogonal",
    ),
    draw="np.linalg.qr(generator.standard_normal({size}))[0]",
    words={"en": "{tensor} is orthogonal", "zh": "{tensor} 是正交的"},
)


# --- of length 1 -----------------------------------------------------------------------------------------------------------


def _square_is_1(factors: Sequence[Expr], index: Index, fact: Fact) -> Expr | None:
    if len(factors) != 1 or not (isinstance(factors[0], Pow) and factors[0].exp == 2):
        return None
    place = _at(factors[0].base, index)
    return S.One if place is not None and place == fact.axis else None


def _on_sphere(mods: Array, reals: Array, axis: int | None) -> Array:
    """All entries but the first, put on the sphere by stereographic projection."""
    rest = np.delete(mods, 0, axis)
    square = (rest * rest).sum(axis=axis, keepdims=True)
    return np.concatenate([1 - square, 2 * rest], axis) / (1 + square)


def _lengths(values: Array, axis: int | None):
    squares = np.square(values).sum(axis=axis)
    return np.abs(squares - 1), lambda k: f"has the length {np.sqrt(squares[k]):.6g}, not 1"


UNIT = Kind(
    name="unit",
    axis="last",
    closed=NOTHING,
    laws_of_sums=(Law("sum_i T[i]^2 = 1", _square_is_1, ("n c", 1, lambda T, i, j: (Total(T[i, j] ** 2, j), S.One))),),
    breach=_lengths,
    drawn=lambda values, axis, rng: values / np.sqrt((values * values).sum(axis=axis, keepdims=True)),
    small=one_hot,
    residues=_on_sphere,
    test=Test(
        "np.abs(np.add.reduce(np.square(x), axis=axis) - 1).max(initial=0) <= 1e-5",
        "vectors have the length 1",
        "its length is not 1 along axis {axis}",
    ),
    then=("{x} /= np.linalg.norm({x}, axis={axis}, keepdims=True)",),
    words={"en": "{tensor} has unit length", "zh": "{tensor} 的长度为 1"},
    said="has length 1",
)


# --- said, and no more -----------------------------------------------------------------------------------------------------

CONSTANT = Kind(
    name="constant",
    axis=None,
    closed=COMBINATIONS,
    breach=None,
    drawn=lambda values, axis, rng: values,
    small=lambda values, axis, rng: values,
    residues=lambda mods, reals, axis: mods,
    test=None,
    words={"en": "{tensor} is constant", "zh": "{tensor} 是常量"},
)

KINDS = {kind.name: kind for kind in (SIMPLEX, ONE_HOT, SYMMETRIC, POSITIVE, ORTHOGONAL, UNIT, CONSTANT)}
