"""The checks of second order: each holds for what is derived, and each notices what is not."""

from dataclasses import replace
from functools import wraps

import numpy as np
import pytest
from sympy import S

import symbackprop as sbp
from symbackprop.kinds.table import verify_more
from symbackprop.results import Results
from symbackprop.verification import second

TEXT = {
    "A": "X @ W1.T + b1",
    "H": "relu(A)",
    "O": "H @ W2.T",
    "J": "-mean(sum(Y * log_softmax(O, axis=1), axis=1)) + 0.1 * sum(W2 ** 2)",
}
TENSORS = {
    "X": {"axes": "n d", "role": "input"},
    "Y": {"axes": "n c", "role": "label", "fact": "simplex over c"},
    "W1": {"axes": "h d", "role": "parameter"},
    "b1": {"axes": "h", "role": "parameter"},
    "W2": {"axes": "c h", "role": "parameter"},
}


def network():
    return sbp.derive(sbp.model(TENSORS, TEXT, name="network", objective="J", output="O"))


ASKED = {
    "Hessian-vector products": lambda d: d.hessian_vector_product(),
    "Jacobian-vector products": lambda d: d.jvp(),
    "vector-Jacobian products": lambda d: d.vjp(),
    "per-sample gradients": lambda d: d.per_sample_gradients(),
    "Gauss-Newton": lambda d: d.gauss_newton(),
    "Fisher": lambda d: d.fisher(),
}


@pytest.mark.parametrize("what", ASKED)
def test_what_is_derived_holds(what):
    report = sbp.verify(ASKED[what](network()))
    assert {v.status for v in report.verdicts} <= {"holds", "holds-if"} and len(report.verdicts) >= 3
    assert sum("against differences of the model" in v.reason for v in report.verdicts) == len(report.verdicts) // 3


def slipped(results, change):
    """The same results, the equation of the first changed."""
    name = next(iter(results.names.values()))
    program = results.derived.program
    equations = tuple(replace(e, rhs=change(e.rhs)) if e.name == name else e for e in program.equations)
    derived = replace(results.derived, program=replace(program, equations=equations))
    section = replace(results.section, derived=derived)
    return Results(section, results.first, results.what, results.oracle, results.note)


DERIVATIVES = {"blocks of the Hessian": lambda d: d.hessian_blocks(), "Jacobians": lambda d: d.jacobians("O")}


@pytest.mark.parametrize("what", DERIVATIVES)
def test_derivatives_of_equations_are_verified_as_such(what):
    results = DERIVATIVES[what](sbp.derive(network().model, wrt=["W2", "b1"]))
    report = sbp.verify(results)
    assert report.ok and len({v.subject for v in report.verdicts}) == len(report.verdicts) >= 3 * len(results)
    wrong = sbp.verify(slipped(results, SLIPS["a factor"]))
    assert any(v.status == "wrong" for v in wrong.verdicts)


SLIPS = {"a sign": lambda e: -e, "a factor": lambda e: S.Half * e, "all of it": lambda e: S.Zero}


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("what", ASKED)
def test_control_a_slip_in_a_formula_is_noticed(what, slip):
    made = ASKED[what](network())
    made = made if isinstance(made, Results) else made.vector_product()
    wrong = [v for v in sbp.verify(slipped(made, SLIPS[slip])).verdicts if v.status == "wrong"]
    assert ["differs from the model" in v.reason for v in wrong] == [True]


def test_control_blocks_that_are_not_those_of_the_products_are_noticed(monkeypatch):
    curvature = network().gauss_newton()
    original = second.blocks

    def without_penalty(model, names):
        return original(replace(model, direct={}), names)

    monkeypatch.setattr(second, "blocks", without_penalty)
    wrong = [v for v in sbp.verify(curvature).verdicts if v.status == "wrong"]
    assert [v.reason.split(" by ")[0] for v in wrong] == ["they differ for W2"]


ALSO = ("hessian", "hvp", "ggn", "per-sample", "jacobian", "jvp", "vjp")


def test_a_module_with_all_of_it_is_verified():
    report = sbp.verify(network(), also=ALSO)
    names = ("W1", "b1", "W2")
    blocks = {f"d2J/d{a}d{b}" for k, a in enumerate(names) for b in names[k:]}
    assert all(v.is_green for v in report.verdicts) and blocks <= {v.subject for v in report.verdicts}
    assert {"gauss_newton_vector_product()", f"self_check() of {', '.join(ALSO)}"} <= {v.subject for v in report.verdicts}


FUNCTIONS = {
    "hvp": "hessian_vector_product",
    "ggn": "gauss_newton_vector_product",
    "per-sample": "per_sample_gradients",
    "jacobian": "jacobian",
    "vjp": "vjp",
}


@pytest.mark.parametrize("word", FUNCTIONS)
def test_control_a_module_whose_results_are_twice_as_large_is_noticed(word):
    """Twice a Gauss-Newton product is symmetric and positive, but not what the model says."""
    d = network()
    module = sbp.generate(d, also=[word]).load()
    assert all(v.is_green for v in verify_more(d.derived, module, [word]).verdicts)
    original = getattr(module, FUNCTIONS[word])
    setattr(module, FUNCTIONS[word], lambda *a, **k: module.Parameters(*[2 * x for x in original(*a, **k)]))
    wraps(original)(getattr(module, FUNCTIONS[word]))
    assert "wrong" in {v.status for v in verify_more(d.derived, module, [word]).verdicts}


def test_control_a_hessian_that_is_not_symmetric_is_noticed():
    d = network()
    module = sbp.generate(d, also=["hessian"]).load()
    original = module.hessian
    module.hessian = lambda *a, **k: np.triu(original(*a, **k))
    assert [v.status for v in second.check_extras(module, ["hessian"])] == ["wrong"]
