"""Hessian blocks: exact as algebra, true by value, the same in both orders; and slips in them that every check must see."""

from dataclasses import replace
from functools import cache
from itertools import combinations_with_replacement
from pathlib import Path

import pytest
from sympy import S

import symbackprop as sbp
from symbackprop.calculus.index import axis
from symbackprop.calculus.program import Equation
from symbackprop.verification import exact, numeric
from symbackprop.verification.generated import check_function
from symbackprop.verification.report import verify_result
from symbackprop.verification.symmetry import check_symmetry, exchanged

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SIZES = {axis(a): s for a, s in zip("nhmcd", (3, 2, 2, 5, 7), strict=True)}
BLOCKS = list(combinations_with_replacement(("W1", "b1", "W2", "b2"), 2))
NETS = ("two_layer", "one_sample", "tanh")


@cache
def derivation(net):
    spec = sbp.load(EXAMPLES / f"{'two_layer' if net == 'tanh' else net}.toml")
    if net != "tanh":
        return sbp.derive(spec)
    rows = {e.name: e.text.replace("relu", "tanh") for e in spec.spec.equations}
    tensors = {n: {"axes": t.axes, "role": t.role, "fact": list(t.facts)} for n, t in spec.spec.tensors.items()}
    return sbp.derive(sbp.model(tensors, rows, name="tanh", objective="J", output="O", samples="n"))


def blocks():
    return [(net, *block) for net in NETS for block in (*BLOCKS, ("output", "output"))]


@cache
def block(net, a, b):
    d = derivation(net)
    names = [d.model.program.output if x == "output" else x for x in (a, b)]
    return d.hessian(*names)


@pytest.mark.parametrize(("net", "a", "b"), blocks())
def test_a_block_is_exact_and_true_by_value(net, a, b):
    r = block(net, a, b)
    sizes = {s: v for s, v in SIZES.items() if s in r.derived.program.axes}
    assert [v.status for v in exact.check_derivatives(r.derived.program, [r.name], sizes=sizes)] == ["exact"]
    assert [v.status for v in numeric.check_derivatives(r.derived.program, [r.name], sizes=sizes, seeds=(0,))] == ["holds"]


@pytest.mark.parametrize(("net", "a", "b"), blocks())
def test_the_order_of_derivation_does_not_matter_for_all_sizes(net, a, b):
    r = block(net, a, b)
    other, name = exchanged(r.derived, r.name)
    assert check_symmetry(r.derived, r.name, other, name).status == "proved"


def changed(derived, name, change):
    """`derived` with one right side changed."""
    rows = tuple(Equation(e.tensor, e.indices, change(e)) if e.name == name else e for e in derived.program.equations)
    return replace(derived, program=replace(derived.program, equations=rows))


SLIPS = {
    "factor 2": lambda e: 2 * e.rhs,
    "a constant too many": lambda e: e.rhs + S(1) / 1000,
    "axes of one side exchanged": lambda e: e.rhs.xreplace(dict(zip(e.indices[:2], e.indices[2:], strict=True))),
    "a shifted row": lambda e: e.rhs.subs(e.indices[0], e.indices[0].axis - 1 - e.indices[0]),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_a_block_is_seen_by_every_check(slip):
    r = block("two_layer", "W2", "W2")
    wrong = changed(r.derived, r.name, SLIPS[slip])
    assert [v.status for v in exact.check_derivatives(wrong.program, [r.name], sizes=SIZES)] == ["wrong"]
    assert [v.status for v in numeric.check_derivatives(wrong.program, [r.name], sizes=SIZES, seeds=(0,))] == ["wrong"]
    other, name = exchanged(r.derived, r.name)
    assert check_symmetry(wrong, r.name, other, name).status == "wrong"


def test_a_block_that_is_equal_but_not_so_written_holds_by_value():
    r = block("two_layer", "b2", "b2")
    wrong = changed(r.derived, r.name, lambda e: e.rhs + S(1) / 10**14)
    other, name = exchanged(r.derived, r.name)
    assert check_symmetry(wrong, r.name, other, name).status == "holds"


def test_a_result_is_verified_with_all_that_it_rests_on():
    report = sbp.verify(block("two_layer", "output", "output"))
    assert report.ok and [v.status for v in report.verdicts] == ["holds-if"] * 3 + ["holds"] * 2
    assert report.verdicts[2].reason.startswith("proved") and report.verdicts[2].conditions == ("Y sums to 1 over c",)
    assert "d2J/dOdO = d2J/dOdO transposed" in str(report)


def test_a_wrong_result_or_wrong_code_is_refused():
    r = block("two_layer", "output", "output")
    assert not verify_result(changed(r.derived, r.name, lambda e: -e.rhs), r.name).ok
    assert not verify_result(changed(r.derived, "dO", lambda e: -e.rhs), r.name).ok
    assert [v.status for v in check_function(r.derived.program, r.name, lambda **a: 1.001 * r.evaluate(**a))] == ["wrong"] * 2
    assert [v.status for v in check_function(r.derived.program, r.name, lambda **a: r.evaluate(**a)[0])] == ["wrong"] * 2


def test_a_second_derivative_rests_on_the_facts_of_the_first():
    assert [f.tensor for f in block("two_layer", "output", "output").facts] == ["Y"]
    assert not derivation("two_layer").jacobian("Yhat", "O").facts


@pytest.mark.parametrize(("wrt", "order"), [("x", 1), ("x", 2), (("x", "A"), 2)])
def test_a_derivative_of_one_expression_is_verified(wrt, order):
    r = sbp.derivative("sum(tanh(A @ x)**2)", {"A": "m n", "x": "n"}, wrt=wrt, order=order)
    report = sbp.verify(r)
    assert report.ok and sum("transposed" in v.subject for v in report.verdicts) == order - 1
