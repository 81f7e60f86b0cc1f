"""Numbers against what is declared of them: results, modules and training refuse data that breaks a fact, and what is no real array."""

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.facts.data import TOLERANCE, broken
from symbackprop.calculus.program import Fact
from symbackprop.commands.data import Data
from symbackprop.commands.train import train
from symbackprop.errors import DataError, FactError, SpecError

KINDS = {
    "simplex over c": ("n c", np.array([[0.2, 0.3, 0.5], [1, 0, 0]]), 1.5, "row 0 of 'F' sums to 1.5, not to 1"),
    "one-hot over c": ("n c", np.array([[0.0, 1, 0], [1, 0, 0]]), 0.5, "row 0 of 'F' is not one 1 among zeros"),
    "positive": ("n c", np.array([[0.2, 3, 5], [1, 2, 7]]), -1.0, "F[0, 0] is not positive"),
    "symmetric": ("d d", np.array([[1.0, 2, 3], [2, -4, 5], [3, 5, 6]]), [[1], [2], [3]], "F[0, 1] is 2, and its mirror 4"),
    "orthogonal": ("d d", np.linalg.qr(np.arange(9).reshape(3, 3) + np.eye(3))[0], 1.01, "'F' has columns that are not orthonormal"),
    "unit over c": ("n c", np.array([[0.6, 0.8, 0.0], [0, 0, -1]]), 2.0, "row 0 of 'F' has the length 2, not 1"),
}
"""A fact: the axes of a tensor, an array that has it, what to multiply that by to break it, and what is said then."""


def model(kind, role="constant"):
    """A model with a tensor F of which something is declared; J is plain, so that the gradient itself needs no fact."""
    axes = KINDS[kind][0]
    tensors = {"F": {"axes": axes, "role": role, "fact": kind}, "w": {"axes": axes.split()[1], "role": "parameter"}}
    return sbp.model(tensors, {"z": "F @ w", "J": "sum(z ** 2)"}, output="z", axes={a: {"n": 2}.get(a, 3) for a in axes.split()})


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_refuses_data_that_breaks_a_fact(kind):
    _, good, factor, said = KINDS[kind]
    result = sbp.derive(model(kind)).gradient("w")
    w = np.array([1.0, -2, 3])
    assert np.allclose(result.evaluate(F=good, w=w), 2 * good.T @ (good @ w))
    assert np.allclose(result.evaluate(F=good + 1e-7 * (kind != "positive"), w=w), 2 * good.T @ (good @ w), atol=1e-4)
    with pytest.raises(FactError) as caught:
        result.evaluate(F=good * factor, w=w)
    assert caught.value.reason.startswith(said) and caught.value.place == "evaluate of dw" and caught.value.fix


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_checks_facts_unless_told_not_to(kind):
    _, good, factor, _ = KINDS[kind]
    module = sbp.generate(sbp.derive(model(kind)), also=["hessian", "hvp", "jacobian", "objective"]).load()
    module.self_check()
    params, bad = module.Parameters(np.array([1.0, -2, 3])), good * factor
    for call in (module.loss, module.gradients, module.loss_and_gradients, module.forward, module.hessian, module.hessian_operator):
        call(params, good), call(params, bad, check=False)
        assert "`check=False`" in call.__doc__
        with pytest.raises(ValueError, match=r"F: .*, which the gradients rest on"):
            call(params, bad)
    with pytest.raises(ValueError, match="F: "):
        module.as_objective(bad)
    with pytest.raises(AssertionError, match="F: "):
        module.self_check(F=bad)
    assert "check=False" in module.__doc__


def test_a_module_without_facts_has_nothing_to_check():
    module = sbp.generate(sbp.derive(sbp.model({"w": {"axes": "n", "role": "parameter"}}, {"J": "sum(w ** 2)"})))
    assert "check" not in module.source.replace("self_check", "").replace("_check", "").replace("checked", "")


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_start_with_what_is_declared_of_them(kind):
    module = sbp.generate(sbp.derive(model(kind, "parameter"))).load()
    module.self_check()
    first = module.initialise(3).F
    assert broken(Fact(kind.split()[0], "F", 1 if "over" in kind else None), first) is None
    module.gradients(module.initialise(3))


def test_training_stops_where_parameters_lose_a_fact():
    made = sbp.model(
        {"X": {"axes": "n d", "role": "input"}, "Q": {"axes": "d d", "role": "parameter", "fact": "orthogonal"}},
        {"J": "sum((X @ Q - 1) ** 2)"},
        samples="n",
        axes={"d": 3},
    )
    module = sbp.generate(sbp.derive(made)).load()
    with pytest.raises(FactError, match="'Q' has columns that are not orthonormal"):
        train(module, Data({"X": np.arange(12.0).reshape(4, 3)}, {"X": 0}), made.program, epochs=2, rate=0.01)


def test_data_in_single_precision_has_its_facts():
    rng = np.random.default_rng(0)
    Y = rng.random((50, 300)).astype(np.float32)
    Y /= Y.sum(axis=1, keepdims=True)
    assert broken(Fact("simplex", "Y", 1), Y) is None and broken(Fact("simplex", "Y", 1), Y * np.float32(1 + 3 * TOLERANCE)) is not None
    assert broken(Fact("simplex", "Y", 1), np.full((2, 3), np.nan)) is not None


NO_ARRAYS = [
    (np.array([1 + 1j, 2]), "'x' holds complex128, and formulas here are of real numbers"),
    (np.array([None, 1.0]), "'x' holds object, and formulas here are of real numbers"),
    (["a", "b"], "'x' holds <U1, and formulas here are of real numbers"),
    ([[1.0], [1.0, 2.0]], "what is given for 'x' is no array"),
    (np.ma.masked_array([1.0, 2.0], [True, False]), "'x' has masked entries"),
]


@pytest.mark.parametrize(("given", "said"), NO_ARRAYS, ids=[s for _, s in NO_ARRAYS])
def test_what_is_no_array_of_real_numbers_is_refused(given, said):
    with pytest.raises(DataError) as caught:
        sbp.derivative("norm(x)", {"x": "n"}, "x").evaluate(x=given)
    assert caught.value.reason.startswith(said) and caught.value.fix
    module = sbp.generate(sbp.derive(sbp.model({"x": {"axes": "n", "role": "parameter"}}, {"J": "sum(x ** 2)"}))).load()
    with pytest.raises(ValueError, match="x: expected"):
        module.loss((given,))


@pytest.mark.parametrize(("given", "said"), [([0, -1], "holds -1"), ([0.0, 1.0], "holds float64"), ([True, False], "holds bool")])
def test_places_are_whole_numbers_from_0_on(given, said):
    with pytest.raises(DataError, match=said):
        sbp.derivative("x[at]", {"x": "n", "at": "k"}, "x").evaluate(x=np.ones(3), at=given)


def test_a_matrix_of_numpys_is_an_array():
    made = sbp.model({"X": {"axes": "n d", "role": "input"}, "w": {"axes": "d", "role": "parameter"}}, {"J": "mean(X @ w)"}, samples="n")
    module = sbp.generate(sbp.derive(made)).load()
    X = np.array([[1.0, 2], [3, -4], [5, 6]])
    given = X.view(np.matrix)
    assert np.shape(module.loss((np.ones(2),), given)) == () and np.allclose(module.gradients((np.ones(2),), given).w, X.mean(axis=0))
    assert np.allclose(sbp.derive(made).gradient("w").evaluate(X=given, w=np.ones(2)), X.mean(axis=0))


def test_a_dictionary_is_no_parameters():
    module = sbp.generate(sbp.derive(sbp.model({"x": {"axes": "n", "role": "parameter"}}, {"J": "sum(x ** 2)"}))).load()
    with pytest.raises(ValueError, match=r"params: expected Parameters, got a dict; write Parameters\(\*\*params\)"):
        module.loss({"x": np.ones(2)})


@pytest.mark.parametrize("text", ["sum(x)", "sum(x * y)", "sum(x) * y[0]", "n * sum(x)", "exp(x) @ y", "2 * sum(x[:1])"])
def test_single_precision_stays_single(text):
    result = sbp.derivative(text, {"x": "n", "y": "n"}, "x")
    x, y = np.array([1, -2], np.float32), np.array([3, 4], np.float32)
    assert result.evaluate(x=x, y=y).dtype == np.float32 and result.evaluate(x=x.astype(float), y=y).dtype == np.float64
    assert result.evaluate(x=[1, 2], y=[3, 4]).dtype == np.float64


def test_scalars_do_not_widen_single_precision():
    result = sbp.derivative("lam * sum(x ** 2)", {"x": "n", "lam": ""}, "x")
    assert result.evaluate(x=np.ones(2, np.float32), lam=0.1).dtype == np.float32


@pytest.mark.parametrize("size", [2.5, -1, "3", [3]])
def test_a_size_is_a_whole_number(size):
    with pytest.raises(DataError, match="the size n is"):
        sbp.derivative("einsum('ii->', A)", {"A": "n n"}, "A").evaluate(A=np.eye(3), n=size)


def test_code_that_needs_more_than_the_formula_gets_it():
    result = sbp.derivative("log(sigmoid(x) / (1 - sigmoid(x)))", {"x": ""}, "x")
    assert np.isclose(result.evaluate(x=1.0), 1) and np.isclose(result.evaluate(x=-3.0), 1)
    with pytest.raises(SpecError, match="nothing is called y"):
        result.evaluate(x=1.0, y=2)
