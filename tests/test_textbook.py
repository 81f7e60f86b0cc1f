"""The oracle's own functions, walked by the op table: right to a few roundings of their value, with their kinks told."""

import numpy as np
import pytest
from precise import NotFiniteError, values

import symbackprop as sbp
from symbackprop.calculus.index import axis
from symbackprop.ops import OPS
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.oracle.sides import Reached, Stencil
from symbackprop.verification.oracle.textbook import CALL_GAPS, CALLS, FUNCTIONS, GAPS, PICKS

n = axis("n")
ELEMENTWISE = {op.name: op for op in OPS.values() if op.kind == "elementwise" and op.function is not None}
SECOND = {"leaky_relu": "0.1", "elu": "1.5"}
"""The second argument of functions of two, where it is a number."""
KINKED = [name for name, op in ELEMENTWISE.items() if op.kinks and (len(op.parameters) == 1 or name in (*SECOND, "maximum", "minimum"))]
"""Functions with a kink along a line, not at a point of two arguments alone."""
DATA = np.array([-30.0, -8.0, -1.3, -0.4, -1e-3, -1e-9, 1e-9, 1e-3, 0.4, 1.3, 8.0, 30.0])


def program(name):
    more = f", {SECOND.get(name, 'y')}" if len(ELEMENTWISE[name].parameters) > 1 else ""
    text = f"sum({name}(x{more}) * y)"
    return sbp.model(tensors={k: {"axes": "n", "role": "parameter"} for k in "xy"}, equations={"J": text}).program


def test_every_function_of_an_equation_has_a_textbook_formula():
    missing = [name for name, op in ELEMENTWISE.items() if op.function.__name__ not in FUNCTIONS]
    assert not missing


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_textbook_function_is_right_to_a_few_roundings(name):
    p = program(name)
    compared = 0
    for x in DATA:
        arrays = {"x": np.array([x]), "y": np.array([0.7])}
        try:
            right = float(values(p, arrays, {n: 1})["J"][()])
        except (NotFiniteError, ValueError):
            continue
        with np.errstate(all="ignore"):
            found = float(evaluate(p, arrays, {n: 1})["J"])
        if np.isfinite(found):
            assert abs(found - right) <= 2e-15 * abs(right) * max(1, x * x), (x, found, right)
            compared += 1
    assert compared >= 3


@pytest.mark.parametrize("name", KINKED)
def test_a_function_with_a_kink_says_on_which_side_it_is(name):
    p = program(name)
    met, sides = Reached(), {}
    for x in (-1.5, 0.5):
        arrays = {"x": np.array([x]), "y": np.array([0.1])}
        sides[x] = Stencil()
        evaluate(p, arrays, {n: 1}, sides=sides[x])
        evaluate(p, arrays, {n: 1}, sides=met)
    assert not sides[-1.5].same(sides[0.5])
    assert any(site.above and site.below for site in met.sites.values()) or name == "floor"


def test_control_without_the_gap_of_a_function_both_sides_look_the_same(monkeypatch):
    monkeypatch.delitem(GAPS, "relu")
    p, sides = program("relu"), [Stencil(), Stencil()]
    for side, x in zip(sides, (-1.5, 0.5), strict=True):
        evaluate(p, {"x": np.array([x]), "y": np.array([0.1])}, {n: 1}, sides=side)
    assert sides[0].same(sides[1])


OPTIONS = {"prod_others": {"axis": 0, "order": 1}}


@pytest.mark.parametrize("op", sorted(CALLS))
def test_a_call_takes_its_arguments_and_its_options_and_so_do_its_sides(op):
    a = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 5.0]])
    arguments = (a, np.ones(3)) if op == "solve" else (a,)
    options = OPTIONS.get(op, {"axis": 1} if OPS[op].kind == "statistic" or op in PICKS or op == "prod" else {})
    assert np.all(np.isfinite(CALLS[op](*arguments, **options)))
    for table in (CALL_GAPS, PICKS):
        if op in table:
            assert np.all(np.isfinite(table[op](*arguments, **options)))


def test_a_singular_matrix_has_no_inverse_and_no_error():
    p = sbp.model(tensors={"A": {"axes": "n n", "role": "parameter"}}, equations={"J": "trace(inv(A))"}).program
    assert np.isnan(evaluate(p, {"A": np.ones((3, 3))})["J"])
