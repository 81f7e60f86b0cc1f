"""The tables of matrix form: each row is proved by its example, by value at random sizes, and gives what it says and nothing else."""

import random
from collections.abc import Mapping
from dataclasses import replace

import matrix_language
import numpy as np
import pytest
from matrix_texts import Texts

from symbackprop import derivative
from symbackprop.calculus.program import Program
from symbackprop.language.declare import shaped
from symbackprop.language.elaborate import elaborate_expression
from symbackprop.language.syntax import parse
from symbackprop.matrix.form import matrix_numpy, numpy_text
from symbackprop.matrix.graph import RULES, SIDES
from symbackprop.matrix.law import Law
from symbackprop.matrix.polish import POLISH, polished
from symbackprop.matrix.sameness import Known
from symbackprop.matrix.shorter import LAWS, shortened
from symbackprop.matrix.text import Texter
from symbackprop.matrix.unfolded import MOVES, UNFOLDED

TABLES: Mapping[str, tuple[Law, ...]] = {
    "a bound index goes": RULES,
    "one index down and one across": SIDES,
    "deltas between output and input": MOVES,
    "two indices down and two across": UNFOLDED,
    "the same, shorter": LAWS,
    "the same, as it is read": POLISH,
}
"""The tables by what they are for, in the order in which they are used."""


PRIMES = (2, 3, 5, 7, 11)
INDEX = [*RULES, *SIDES, *MOVES, *UNFOLDED]
SPOILT = [(" - ", " + "), ("2 * ", ""), (".T", ""), (" * ", " / "), ("(p, q)", "(q, p)"), ("[:, None]", ""), ("vec(A)", "vec(A.T)")]


def shapes_of(text):
    return {name.strip(): shape.strip() for name, _, shape in (part.partition(":") for part in text.split(";"))}


def arrays(shapes, seed):
    rng = random.Random(seed)
    letters = sorted({letter for shape in shapes.values() for letter in shape.split()})
    sizes = dict(zip(letters, rng.sample(PRIMES, len(letters)), strict=True))
    draw = np.random.default_rng(seed)
    return sizes, {name: draw.normal(size=[sizes[letter] for letter in shape.split()]) for name, shape in shapes.items()}


def equation_of(text, shapes, split=None):
    """The equation that a text means, its program, and for more than two axes how many belong to the output."""
    program, top = elaborate_expression(parse(text), Program("rule", shaped(shapes), (), ""), "f", text=text)
    e = program[top]
    orders = (len(e.indices) - split, split) if split else ()
    tensor = replace(e.tensor, orders=orders)
    return replace(e, tensor=tensor), program


@pytest.mark.parametrize("law", INDEX, ids=lambda law: law.says)
@pytest.mark.parametrize("seed", range(3))
def test_a_rule_from_indices_to_matrices_holds(law, seed):
    shapes, left, right = law.example
    shapes = shapes_of(shapes)
    wide = len(left.split("->")[1].split("'")[0]) > 2
    e, program = equation_of(left, shapes, 2 if wide else None)
    assert matrix_numpy(e, program) == right
    sizes, known = arrays(shapes, seed)
    wanted = matrix_language.run(left, {**sizes, **known})
    got = matrix_language.run(right, {**sizes, **known})
    assert got.size == wanted.size and np.allclose(got.reshape(wanted.shape), wanted)


@pytest.mark.parametrize("law", [*LAWS, *POLISH], ids=lambda law: law.says)
@pytest.mark.parametrize("seed", range(3))
def test_a_law_of_matrix_expressions_holds(law, seed):
    shapes, left, right = law.example
    shapes = shapes_of(shapes)
    raw = Texts(shapes).read(left)
    made = fired(law, raw)
    assert Texter().text(made) == right
    sizes, known = arrays(shapes, seed)
    wanted, got = (matrix_language.run(text, {**sizes, **known}) for text in (left, right))
    assert np.allclose(got, wanted) and got.shape == wanted.shape
    assert np.allclose(matrix_language.run(Texter().text(raw), {**sizes, **known}), wanted)


def fired(law, x):
    """What a law makes of x or of a part of it, the outermost first."""
    if isinstance(x, law.nodes):
        made = law.apply(x, Known()) if law in LAWS else law.apply(x)
        if made is not None:
            return made
    return x.mapped(lambda v: fired(law, v))


@pytest.mark.parametrize("law", [law for laws in TABLES.values() for law in laws], ids=lambda law: law.says)
def test_a_row_that_says_something_else_is_seen(law):
    shapes, left, right = law.example
    sizes, known = arrays(shapes_of(shapes), 5)
    wanted = matrix_language.run(left, {**sizes, **known})
    spoilt = [right.replace(old, new, 1) for old, new in SPOILT if old in right and "inv(" not in right]
    for text in [*spoilt, f"2 * ({right})", f"-({right})"]:
        try:
            got = matrix_language.run(text, {**sizes, **known})
        except (ValueError, TypeError):
            continue
        assert got.size != wanted.size or not np.allclose(got.reshape(wanted.shape), wanted), text


def test_every_row_is_of_one_kind_and_says_what_it_does():
    rows = [law for laws in TABLES.values() for law in laws]
    assert len({law.says for law in rows}) == len(rows) == len(INDEX) + len(LAWS) + len(POLISH)
    assert all(law.says and all(law.example) for law in rows)
    assert all(bool(law.nodes) == (law in (*LAWS, *POLISH)) for law in rows)


def test_the_laws_end_and_do_not_undo_each_other():
    for law in LAWS:
        shapes, left, _ = law.example
        once = shortened(Texts(shapes_of(shapes)).read(left), Known())
        assert shortened(once, Known()) == once
        assert Texter().text(polished(once))


TRUTHS = [
    "S * outer(where(A > 0, 1, 0) @ where(x > 0, 1, 0), where(y > 0, 1, 0))",
    "S * (where(A > 0, 1, 0) @ where(B > 0, 1, 0))",
    "S * (where(A > 0, 1, 0) @ where(B > 0, 1, 0) @ C)",
    "S * (where(A > 0, 1, 0) @ where(B > 0, 1, 0) @ where(C > 0, 1, 0))",
    "S * ((where(u > 0, 1, 0)[:, None] * where(A > 0, 1, 0)) @ where(B > 0, 1, 0))",
    "S * ((where(A > 0, 1, 0) * where(x > 0, 1, 0)) @ where(B > 0, 1, 0))",
    "S * cumsum(where(A > 0, 1, 0) @ where(B > 0, 1, 0), axis=0)",
    "-S * (where(A > 0, 1, 0) @ where(B > 0, 1, 0) @ C)",
]


@pytest.mark.parametrize("text", TRUTHS)
def test_truth_values_that_are_multiplied_are_counted(text):
    axes = {"A": "m n", "B": "n p", "C": "p p", "S": "m p", "x": "n", "y": "p", "u": "m"}
    slope = derivative(f"sum({text})", axes, wrt="S")
    sizes, rng = {"m": 3, "n": 7, "p": 5}, np.random.default_rng(0)
    known = {n: rng.standard_normal([sizes[a] for a in s.split()]) for n, s in axes.items()}
    whole = slope.formula.whole
    said = matrix_language.run(numpy_text(whole.value, whole.equation), {**sizes, **known})
    wanted = np.broadcast_to(slope.evaluate(**known), (3, 5))
    assert np.abs(wanted).max() > 1 and np.allclose(said, wanted), text
