"""The right formula nearest to a wrong one: what each kind of edit mends, and what is never offered."""

import time

import pytest

from symbackprop.formulas.corrections import Claim, Correction, corrected
from symbackprop.formulas.judge import check_claim
from symbackprop.formulas.notation.context import read
from symbackprop.formulas.notation.labels import labelled
from symbackprop.formulas.notation.links import links
from symbackprop.formulas.notation.readings import usual
from symbackprop.formulas.trial import tried
from symbackprop.language.latex.statements import parse

LAYER = {
    "forward": ["z = W x + b", "a = \\sigma(z)", "C = \\frac{1}{2} \\lVert a - y \\rVert^2"],
    "shapes": {"x": ["d"], "W": ["m", "d"], "b": ["m"], "z": ["m"], "a": ["m"], "y": ["m"], "C": []},
    "conventions": {"vectors": "column", "layout": "gradient-shape"},
}
DEEP = {
    "forward": ["z^l = w^l a^{l-1} + b^l", "a^l = \\sigma(z^l)", "\\delta^l = \\frac{\\partial C}{\\partial z^l}"],
    "shapes": {"w^l": ["n_l", "n_{l-1}"], "b^l": ["n_l"], "z^l": ["n_l"], "a^l": ["n_l"], "\\delta^l": ["n_l"], "C": []},
    "conventions": {"vectors": "column", "layout": "gradient-shape", "superscript": "layer index"},
}
SQUARES = {
    "forward": ["C = \\lVert X w - y \\rVert^2"],
    "shapes": {"X": ["n", "d"], "w": ["d"], "y": ["n"], "C": []},
    "conventions": {"vectors": "column", "layout": "gradient-shape"},
}
MEAN = {
    "forward": ["\\hat y_i = w x_i", "J = \\frac{1}{n} \\sum_{i=1}^n (\\hat y_i - y_i)^2"],
    "shapes": {"w": [], "x_i": [], "y_i": [], "J": []},
}
SOFTMAX = {"forward": ["s_i = \\frac{e^{a_i}}{\\sum_{k=1}^K e^{a_k}}"], "shapes": {"a": ["K"], "s": ["K"]}}
NUMBERS = {"forward": ["s = \\frac{1}{1 + e^{-z}}", "r = e^{-z^2}"], "shapes": {"z": [], "s": [], "r": []}}
SIGMOID = {"forward": ["\\sigma(z) = \\frac{1}{1 + e^{-z}}"], "shapes": {"z": []}}
PRODUCT = {
    "forward": ["Z = X Y"],
    "shapes": {"X": ["p", "q"], "Y": ["q", "r"], "Z": ["p", "r"], "L": []},
    "conventions": {"layout": "gradient-shape"},
}


def mended(claim: str, context: dict, at: int | None = None, seconds: float = 3.0) -> Correction | None:
    """The correction of the first link that is wrong."""
    known = read(context)
    known, statements = labelled(known, parse(claim, known.macros, known.words).statements)
    every = links(statements, known)
    reading, sides = usual(known.conventions), [s.body for s in statements]
    if at is None:
        at = next(k for k, x in enumerate(every) if tried(x, known, reading, sides).kind != "equal")
    return corrected(Claim(claim, tuple(statements), tuple(every), known), at, [reading], time.process_time() + seconds)


KINDS = [
    (
        "sign",
        "\\frac{\\partial C}{\\partial z} = (y - a) \\odot \\sigma'(z)",
        "\\frac{\\partial C}{\\partial z} = (a - y) \\odot \\sigma'(z)",
        LAYER,
    ),
    (
        "transpose",
        "\\frac{\\partial C}{\\partial x} = W \\frac{\\partial C}{\\partial z}",
        "\\frac{\\partial C}{\\partial x} = W^\\top \\frac{\\partial C}{\\partial z}",
        LAYER,
    ),
    (
        "order",
        "\\frac{\\partial C}{\\partial W} = x^\\top \\frac{\\partial C}{\\partial z}",
        "\\frac{\\partial C}{\\partial W} = \\frac{\\partial C}{\\partial z} x^\\top",
        LAYER,
    ),
    (
        "order",
        "\\frac{\\partial L}{\\partial Y} = \\frac{\\partial L}{\\partial Z} X",
        "\\frac{\\partial L}{\\partial Y} = X^\\top \\frac{\\partial L}{\\partial Z}",
        PRODUCT,
    ),
    ("factor", "\\frac{\\partial C}{\\partial w} = X^T (X w - y)", "\\frac{\\partial C}{\\partial w} = 2 X^T (X w - y)", SQUARES),
    (
        "factor",
        "\\frac{dJ}{dw} = 2 \\sum_{i=1}^n (\\hat y_i - y_i) x_i",
        "\\frac{dJ}{dw} = \\frac{2}{n} \\sum_{i=1}^n (\\hat y_i - y_i) x_i",
        MEAN,
    ),
    ("index", "\\frac{\\partial z_i}{\\partial x_j} = W_{ji}", "\\frac{\\partial z_i}{\\partial x_j} = W_{ij}", LAYER),
    ("layer", "\\delta^l = (w^l)^T \\delta^{l+1} \\odot \\sigma'(z^l)", "\\delta^l = (w^{l+1})^T \\delta^{l+1} \\odot \\sigma'(z^l)", DEEP),
    (
        "name",
        "\\frac{\\partial C}{\\partial z} = (a - y) \\odot \\sigma'(a)",
        "\\frac{\\partial C}{\\partial z} = (a - y) \\odot \\sigma'(z)",
        LAYER,
    ),
    (
        "prime",
        "\\frac{\\partial C}{\\partial z} = (a - y) \\odot \\sigma(z)",
        "\\frac{\\partial C}{\\partial z} = (a - y) \\odot \\sigma'(z)",
        LAYER,
    ),
    (
        "delta",
        "\\frac{\\partial s_i}{\\partial a_j} = s_i (1 - s_j)",
        "\\frac{\\partial s_i}{\\partial a_j} = s_i (\\delta_{ij} - s_j)",
        SOFTMAX,
    ),
    (
        "sum",
        "\\frac{\\partial C}{\\partial x_j} = W_{ij} \\frac{\\partial C}{\\partial z_i}",
        "\\frac{\\partial C}{\\partial x_j} = \\sum_i W_{ij} \\frac{\\partial C}{\\partial z_i}",
        LAYER,
    ),
    ("power", "\\frac{ds}{dz} = \\frac{e^{-z}}{1 + e^{-z}}", "\\frac{ds}{dz} = \\frac{e^{-z}}{(1 + e^{-z})^2}", NUMBERS),
    (
        "argument",
        "\\tanh(z) = 2 \\sigma(z) - 1",
        "\\tanh(z) = 2 \\sigma(2 z) - 1",
        SIGMOID,
    ),
    (
        "brackets",
        "\\delta^l = (w^{l+1})^T (\\delta^{l+1} \\odot \\sigma'(z^l))",
        "\\delta^l = ((w^{l+1})^T \\delta^{l+1}) \\odot \\sigma'(z^l)",
        DEEP,
    ),
    ("factor", "\\frac{dr}{dz} = -2 e^{-z^2}", "\\frac{dr}{dz} = -2 z e^{-z^2}", NUMBERS),
]


@pytest.mark.parametrize(("kind", "claim", "right", "context"), KINDS, ids=[f"{k[0]}-{i}" for i, k in enumerate(KINDS)])
def test_one_edit_mends_a_claim_in_the_authors_words(kind: str, claim: str, right: str, context: dict) -> None:
    made = mended(claim, context)
    assert made is not None
    assert kind in made.kind.split(", ")
    assert made.latex.replace(" ", "") == right.replace(" ", "")
    assert all(0 <= start < stop <= len(made.latex) for start, stop in made.places)


@pytest.mark.parametrize(("kind", "claim", "right", "context"), KINDS, ids=[f"{k[0]}-{i}" for i, k in enumerate(KINDS)])
def test_what_is_offered_is_judged_true_and_what_was_written_is_not(kind: str, claim: str, right: str, context: dict) -> None:
    made = mended(claim, context)
    assert made is not None
    assert check_claim(made.latex, context).status in ("holds", "holds-if")
    assert check_claim(claim, context).status != "holds"


def test_the_rest_of_the_text_stays_byte_for_byte() -> None:
    claim = "\\dfrac{\\partial C}{\\partial  \\mathbf{z}} &=\\;  \\bigl( y-a\\bigr)\\odot\\sigma'( z ) \\tag{7}"
    made = mended(claim, LAYER)
    assert made is not None
    assert made.latex == claim.replace("y-a", "a-y")
    assert [made.latex[start:stop] for start, stop in made.places] == ["a", "y"]


def test_a_macro_of_the_document_stays_where_it_is() -> None:
    context = {**LAYER, "conventions": {**LAYER["conventions"], "macros": {"\\pd": "\\frac{\\partial #1}{\\partial #2}"}}}
    made = mended("\\pd{C}{x} = W \\pd{C}{z}", context)
    assert made is not None
    assert made.latex.replace(" ", "") == "\\pd{C}{x}=W^\\top\\pd{C}{z}"


def test_the_first_broken_link_is_mended_and_the_end_of_the_chain_kept() -> None:
    made = mended("\\frac{ds}{dz} = \\frac{e^{-z}}{1 + e^{-z}} = s (1 - s)", NUMBERS)
    assert made is not None
    assert made.latex.replace(" ", "") == "\\frac{ds}{dz}=\\frac{e^{-z}}{(1+e^{-z})^2}=s(1-s)"


def test_an_error_that_is_copied_down_a_chain_is_mended_in_both_places() -> None:
    made = mended("\\frac{ds}{dz} = \\frac{e^{-z}}{1 + e^{-z}} = \\frac{e^{-z}}{1 + e^{-z}} \\cdot 1", NUMBERS)
    assert made is not None
    assert made.latex.count("^2") == 2


def test_a_member_that_nothing_mends_is_left_out() -> None:
    made = mended("\\frac{ds}{dz} = s (1 + s) = \\frac{\\cos z}{7 + z}", NUMBERS)
    assert made is not None
    assert made.latex.replace(" ", "") == "\\frac{ds}{dz}=s(1-s)"


def test_another_member_of_the_chain_is_offered_where_no_edit_works() -> None:
    made = mended("\\frac{ds}{dz} = \\frac{\\cos z}{7 + z} = s (1 - s)", NUMBERS, seconds=1.5)
    assert made is not None
    assert made.kind == "member"
    assert made.latex.replace(" ", "") == "\\frac{ds}{dz}=s(1-s)"


def test_an_uphill_step_is_turned_round() -> None:
    made = mended("w \\leftarrow w + \\eta \\frac{\\partial C}{\\partial w}", SQUARES)
    assert made is not None
    assert made.kind == "sign"
    assert made.latex.replace(" ", "") == "w\\leftarroww-\\eta\\frac{\\partialC}{\\partialw}"


def test_a_wrong_variable_on_the_left_is_named() -> None:
    made = mended("\\frac{\\partial z_i}{\\partial W_{ii}} = x_j", LAYER)
    assert made is not None
    assert check_claim(made.latex, LAYER).status in ("holds", "holds-if")


def test_a_row_that_spaces_part_gets_commas_and_loses_a_name_everywhere() -> None:
    context = {"forward": ["J = a_1^2 + a_2^2"], "shapes": {"a": [2], "J": []}, "conventions": {"layout": "numerator"}}
    made = mended("\\frac{\\partial J}{\\partial a} = [J a_1 \\: J a_2]", context)
    assert made is not None
    assert made.latex.replace(" ", "") == "\\frac{\\partialJ}{\\partiala}=2[a_1,a_2]"


def test_other_statements_of_the_claim_are_mended_too() -> None:
    made = mended("\\frac{ds}{dz} = s (1 + s), \\quad \\frac{dr}{dz} = 2 z r", NUMBERS)
    assert made is not None
    assert made.latex.replace(" ", "") == "\\frac{ds}{dz}=s(1-s),\\quad\\frac{dr}{dz}=-2zr"


def test_edits_that_leave_the_numbers_are_no_warnings() -> None:
    context = {"forward": ["p = \\ln(z - 1)", "q = \\frac{1}{z - z^2}"], "shapes": {"z": [], "p": [], "q": []}}
    made = mended("\\frac{dp}{dz} = 0 \\cdot \\frac{1}{z - z} + \\frac{1}{1 - z}", context)
    assert made is None or check_claim(made.latex, context).status in ("holds", "holds-if")
    right = mended("\\frac{dp}{dz} = \\frac{1}{1 - z}", context)
    assert right is not None
    assert check_claim(right.latex, context).status in ("holds", "holds-if")


def test_two_edits_mend_what_one_does_not() -> None:
    made = mended("\\frac{\\partial C}{\\partial x} = -W \\frac{\\partial C}{\\partial z}", LAYER)
    assert made is not None
    assert made.latex.replace(" ", "") == "\\frac{\\partialC}{\\partialx}=W^\\top\\frac{\\partialC}{\\partialz}"


@pytest.mark.parametrize(
    "claim",
    [
        "\\frac{ds}{dz} = \\frac{\\cos z}{7 + z}",
        "\\frac{ds}{dz} = \\cos(\\cos(z))",
        "\\frac{dr}{dz} = \\ln(1 + z^2)",
    ],
)
def test_nothing_is_offered_for_what_is_far_from_true(claim: str) -> None:
    made = mended(claim, NUMBERS, seconds=1.0)
    assert made is None or check_claim(made.latex, NUMBERS).status in ("holds", "holds-if")
    assert made is None or "\\frac{d" not in made.latex.split("=", 1)[1]


def test_the_left_side_is_never_copied_to_the_right() -> None:
    made = mended("\\frac{\\partial C}{\\partial z} = \\frac{\\partial C}{\\partial a}", LAYER)
    assert made is None or "\\frac{\\partial C}{\\partial z}" not in made.latex.split("=", 1)[1]
