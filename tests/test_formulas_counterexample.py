"""Counterexamples: the smallest sizes at which a claim fails, small numbers, and scripts that need numpy alone."""

import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest

from symbackprop.formulas.counterexample import shown
from symbackprop.formulas.notation.context import read
from symbackprop.formulas.notation.labels import labelled
from symbackprop.formulas.notation.links import links
from symbackprop.formulas.notation.readings import usual
from symbackprop.formulas.trial import tried
from symbackprop.formulas.verdict import Counterexample
from symbackprop.language.latex.statements import parse

LAYER = {
    "forward": ["z = W x + b", "a = \\sigma(z)", "C = \\frac{1}{2} \\lVert a - y \\rVert^2"],
    "shapes": {"x": ["d"], "W": ["m", "d"], "b": ["m"], "z": ["m"], "a": ["m"], "y": ["m"], "C": []},
    "conventions": {"vectors": "column", "layout": "gradient-shape"},
}
SQUARES = {
    "forward": ["C = \\lVert X w - y \\rVert^2"],
    "shapes": {"X": ["n", "d"], "w": ["d"], "y": ["n"], "C": []},
    "conventions": {"vectors": "column", "layout": "gradient-shape"},
}
NUMBERS = {"forward": ["s = \\frac{1}{1 + e^{-z}}", "p = \\ln(s)"], "shapes": {"z": [], "s": [], "p": []}}
UNKNOWN = {"forward": ["a = f(z)"], "shapes": {"z": ["n"], "a": ["n"], "L": []}, "conventions": {"layout": "gradient-shape"}}
MEAN = {
    "forward": ["\\hat y_i = w x_i", "J = \\frac{1}{n} \\sum_{i=1}^n (\\hat y_i - y_i)^2"],
    "shapes": {"w": [], "x_i": [], "y_i": [], "J": []},
}
CROSS = {
    "forward": ["p = \\operatorname{softmax}(o)", "L = -\\sum_k y_k \\log p_k"],
    "shapes": {"o": ["K"], "p": ["K"], "y": ["K"], "L": []},
    "conventions": {"layout": "gradient-shape"},
}
HINGED = {"forward": ["h = \\max(0, z)"], "shapes": {"h": ["n"], "z": ["n"]}}

WRONG = [
    ("\\frac{\\partial C}{\\partial z} = (y - a) \\odot \\sigma'(z)", LAYER),
    ("\\frac{\\partial C}{\\partial x} = W \\frac{\\partial C}{\\partial z}", LAYER),
    ("\\frac{\\partial C}{\\partial W} = x \\frac{\\partial C}{\\partial z}^T", LAYER),
    ("\\frac{\\partial z_i}{\\partial x_j} = W_{ji}", LAYER),
    ("\\nabla_b C = a - y", LAYER),
    ("\\frac{\\partial C}{\\partial w} = X^T (X w - y)", SQUARES),
    ("\\frac{ds}{dz} = s", NUMBERS),
    ("\\frac{dp}{dz} = 1 + s", NUMBERS),
    ("\\frac{\\partial L}{\\partial z} = \\frac{\\partial L}{\\partial a} \\odot f(z)", UNKNOWN),
    ("\\frac{dJ}{dw} = 2 \\sum_{i=1}^n (\\hat y_i - y_i) x_i", MEAN),
    ("\\frac{\\partial L}{\\partial o} = y - p", CROSS),
]


def example(claim: str, context: Mapping) -> Counterexample:
    """The counterexample to a claim that is one link."""
    known = read(context)
    known, statements = labelled(known, parse(claim, known.macros, known.words).statements)
    link = links(statements, known)[0]
    sides, reading = [s.body for s in statements], usual(known.conventions)
    return shown(link, tried(link, known, reading, sides), known, reading, sides)


@pytest.mark.parametrize(("claim", "context"), WRONG)
def test_the_script_needs_numpy_alone_and_prints_both_values(claim: str, context: Mapping) -> None:
    made = example(claim, context)
    assert "symbackprop" not in made.script
    assert [x for x in made.script.splitlines() if "import" in x] == ["import numpy as np"]
    ran = subprocess.run([sys.executable, "-I", "-W", "error", "-c", made.script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    printed = [float(line.split(":")[1]) for line in ran.stdout.splitlines()]
    assert printed == pytest.approx([float(made.left), float(made.right)], rel=1e-4)


@pytest.mark.parametrize(("claim", "context"), WRONG)
def test_sizes_and_numbers_are_small_and_the_sides_clearly_differ(claim: str, context: Mapping) -> None:
    made = example(claim, context)
    left, right = float(made.left), float(made.right)
    assert abs(left - right) > 0.01 * max(abs(left), abs(right))
    assert all(size <= 2 for size in made.sizes.values())
    numbers = np.concatenate([np.ravel(v) for v in made.values.values() if not isinstance(v, str)])
    assert set(np.abs(4 * numbers)) <= set(range(1, 9))


def test_a_number_suffices_where_the_claim_fails_for_numbers() -> None:
    assert set(example(WRONG[5][0], SQUARES).sizes.values()) == {1}


def test_a_lost_transpose_is_shown_at_size_two() -> None:
    assert set(example(WRONG[1][0], LAYER).sizes.values()) == {2}


def test_functions_and_losses_that_nothing_defines_are_named() -> None:
    made = example(WRONG[8][0], UNKNOWN)
    assert made.values["f"] == "tanh"
    assert set(made.values) == {"f", "z"}


def test_the_values_are_those_of_leaves_alone() -> None:
    assert set(example(WRONG[0][0], LAYER).values) == {"W", "x", "b", "y"}


def test_the_entry_says_where() -> None:
    made = example(WRONG[3][0], LAYER)
    assert made.entry.startswith("i = ")
    assert "j = " in made.entry


def test_shapes_that_never_fit_are_shown_as_shapes() -> None:
    made = example("\\frac{\\partial C}{\\partial W} \\in \\mathbb{R}^{d \\times m}", LAYER)
    assert made.script == ""
    assert "d" in made.sizes


def test_an_uphill_step_is_set_against_the_descent() -> None:
    made = example("w \\leftarrow w + \\eta \\frac{\\partial C}{\\partial w}", SQUARES)
    assert float(made.left) == -float(made.right)


def test_no_script_is_better_than_a_wrong_one() -> None:
    made = example("\\frac{\\partial^2 s}{\\partial z^2} = s", {**NUMBERS, "forward": ["s = \\frac{1}{1 + e^{-z}}"]})
    assert made.script == ""
    assert made.left != made.right


def test_a_case_distinction_is_printed_as_one() -> None:
    claim = "\\frac{\\partial h_i}{\\partial z_j} = \\begin{cases} 1 & z_j > 0 \\\\ 0 & \\text{otherwise} \\end{cases}"
    made = example(claim, HINGED)
    assert made.left != made.right
    assert not made.script or "np.where" in made.script or "right" in made.script
