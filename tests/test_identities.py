"""Published identities: what is derived equals the closed form, in the formula and in the code, and is written."""

import re

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.index import axis
from symbackprop.verification.oracle.literal import evaluate
from tests.differences import slope
from tests.identities import CASES, arrays_of, evaluated, gap

GIVEN, POINTS = 268, 3
TOLERANCE = 1e-6
PYTHON = re.compile(r"Sum\(|KroneckerDelta|Indexed|(?<!\\)lambda|None|Entry|Positive\(")
r"""What is Python's in a text; \lambda is a letter."""


def derived(case):
    shapes = {name: " ".join(given["shape"]) for name, given in case["inputs"].items()}
    return sbp.derivative(case["expr"], shapes, wrt=case["wrt"], order=case["order"])


def faults(case, expected=None):
    """What is wrong with the derivative of a case, as sentences."""
    result, found = derived(case), []
    for seed in range(POINTS):
        arrays = arrays_of(case, seed)
        wanted = evaluated(expected or case["expected"], case, arrays)
        if not gap(np.asarray(result.evaluate(**arrays), float), wanted) <= TOLERANCE:
            found.append(f"code is wrong at point {seed}")
    leaves = {t.name: arrays[t.name] for t in result.program.leaves}
    literal = evaluate(result.program, leaves, {axis(k): n for k, n in case["dims"].items()})[result.name]
    if not gap(literal, wanted) <= TOLERANCE:
        found.append("the formula is wrong")
    for form in ("index", "best"):
        text = result.latex(form)
        bare = text.replace("\\{", "").replace("\\}", "")
        if not text.strip() or bare.count("{") != bare.count("}") or PYTHON.search(text):
            found.append(f"{form} form is not written: {text[:60]}")
    return found


# All of the given ones, and each third of the further ones, are tried each time; the rest in the slow tier.
NAMES = [name if k < GIVEN or k % 3 == 0 else pytest.param(name, marks=pytest.mark.slow) for k, name in enumerate(CASES)]


@pytest.mark.parametrize("name", NAMES)
def test_an_identity_is_derived(name):
    assert faults(CASES[name]) == []


def test_control_another_closed_form_is_noticed():
    case = CASES["fc-77-bXtXc"]
    assert len(faults(case, "X @ (outer(b, c) - outer(c, b))")) == POINTS + 1
    assert len(faults(case, "(X @ (outer(b, c) + outer(c, b))).T")) == POINTS + 1
    assert len(faults(case, "X @ outer(b, c)")) == POINTS + 1


def closed_form_agrees(case, seed):
    """Whether the closed form is the derivative of NumPy's own value of the expression, by differences."""
    arrays = arrays_of(case, seed)

    def function(name, at):
        return lambda x: evaluated(case["expr"], case, {**at, name: x})

    first, *second = case["wrt"]
    if not second:
        made = slope(function(first, arrays), arrays[first])
    else:
        (b,) = second
        made = slope(lambda y: slope(function(first, {**arrays, b: y}), {**arrays, b: y}[first], step=2e-3), arrays[b], step=2e-3)
    return gap(made, evaluated(case["expected"], case, arrays)) <= (1e-4 if second else 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_closed_form_is_the_derivative(name):
    assert any(closed_form_agrees(CASES[name], seed) for seed in range(5))  # not where a step goes across a kink


def test_the_cases_are_many_and_differ():
    assert len(CASES) > 900 and sum(c["order"] == 2 for c in CASES.values()) > 100 and sum(c["composed"] for c in CASES.values()) > 150
    questions = {(c["expr"], str(c["inputs"]), str(c["wrt"])) for c in CASES.values()}
    assert len(questions) == len(CASES)
