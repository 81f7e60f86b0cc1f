"""Formulas are as short as what a person would write: the same values first, then the ratio of lengths."""

import io
import re
import statistics
import tokenize
from functools import cache

import matrix_language
import numpy as np
import pytest
from short_forms import FORMS, SHAPES

import symbackprop as sbp

SIZES = {"m": 7, "n": 5, "k": 3}
SAID = {tokenize.NAME, tokenize.NUMBER, tokenize.OP}
LONGEST = 1.5


@cache
def derived(text: str, wrt: str) -> sbp.derivative:
    used = [name for name in SHAPES if name == wrt or re.search(rf"\b{name}\b", text)]
    told = {name: [part.strip() for part in SHAPES[name].split(";")] for name in used}
    shapes, facts = {n: t[0] for n, t in told.items()}, {n: t[1] for n, t in told.items() if len(t) > 1}
    return sbp.derivative(text, shapes, wrt, facts=facts)


def lines_of(result) -> list[tuple[str, str]]:
    """The parts of a result and then itself: names, and what they are."""
    whole, *parts = [line.strip().split(" = ", 1) for line in str(result).splitlines() if line != "where"]
    return [*map(tuple, parts), tuple(whole)]


def length(text: str) -> int:
    """The names, numbers and signs of a text; brackets, commas and dots are not counted."""
    return sum(t.type in SAID and t.string not in "()[],:." for t in tokenize.generate_tokens(io.StringIO(text).readline))


def length_of(lines: list[tuple[str, str]]) -> int:
    return sum(length(text) for _, text in lines) + 2 * (len(lines) - 1)


def values(result, seed: int) -> dict[str, np.ndarray]:
    """Arrays of both signs; what logarithms are taken of is positive, what an inverse is of far from singular."""
    rng, made = np.random.default_rng(seed), {}
    for t in result.derived.program.leaves:
        x = rng.normal(size=[SIZES[str(a)] for a in t.axes])
        if t.name in {"S", "M"}:
            x = x @ x.T + 2 * np.eye(5) + (t.name == "M") * np.triu(rng.normal(size=(5, 5))) * 0.3
        made[t.name] = np.abs(x) + 0.2 if t.name == "p" else x
    return made


@pytest.mark.parametrize(("text", "wrt", "hand"), FORMS, ids=[f"{t} by {w}" for t, w, _ in FORMS])
def test_a_formula_says_what_a_person_would_and_hardly_more(text: str, wrt: str, hand: str) -> None:
    result = derived(text, wrt)
    lines = lines_of(result)
    for seed in range(2):
        arrays = values(result, seed)
        if "log" in text and "log(1" not in text and "logdet" not in text:
            arrays = {n: np.abs(x) % 1 + 0.3 for n, x in arrays.items()}
        wanted = result.evaluate(**arrays, **{a: s for a, s in SIZES.items() if a in map(str, result.derived.program.axes)})
        known = {**SIZES, **arrays}
        for name, right in lines:
            known[name] = matrix_language.run(right, known)
        by_hand = matrix_language.run(hand, {**SIZES, **arrays})
        assert np.abs(wanted).max() > 1e-3
        for said in (known[result.name], by_hand):
            assert np.shape(said) == wanted.shape and np.allclose(said, wanted, rtol=1e-7, atol=1e-9)
    assert length_of(lines) <= LONGEST * length(hand), lines


def test_half_of_the_formulas_are_as_short_as_those_of_a_person() -> None:
    ratios = [length_of(lines_of(derived(text, wrt))) / length(hand) for text, wrt, hand in FORMS]
    assert len(ratios) >= 60 and statistics.median(ratios) <= 1.0


def test_control_a_long_formula_and_a_wrong_one_are_seen() -> None:
    assert length("A.T @ (A @ x - b) + A.T @ (A @ x - b)") > LONGEST * length("2 * A.T @ (A @ x - b)")
    result = derived("sum(relu(A @ x)**2) / 2", "x")
    arrays = values(result, 0)
    assert not np.allclose(matrix_language.run("A.T @ (A @ x)", arrays), result.evaluate(**arrays))
