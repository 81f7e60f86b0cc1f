"""Random small models at sizes 0, 1 and more, on integers, float32 and float64: generated code against the literal evaluation."""

from functools import cache

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import symbackprop as sbp
from symbackprop.calculus.index import axis
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays

TENSORS = {
    "X": {"axes": "n d", "role": "input"},
    "Y": {"axes": "n c", "role": "label"},
    "W": {"axes": "c d", "role": "parameter"},
    "b": {"axes": "c", "role": "parameter"},
    "a": {"axes": "", "role": "parameter"},
}
ENTRYWISE = [
    "tanh(A)",
    "relu(A)",
    "sigmoid(A) * A",
    "where(A > 0, log(A + 2), exp(A))",
    "softplus(A) - abs(A)",
    "A**2 / (1 + A**2)",
    "elu(A, 0.5)",
]
ALONG = [
    "softmax(H, axis=1)",
    "H - max(H, axis=1, keepdims=True)",
    "H - mean(H, axis=0)",
    "log_softmax(H, axis=0)",
    "H * sum(H, axis=1, keepdims=True)",
    "H + a",
]
LOSSES = [
    "sum((P - Y)**2)",
    "-sum(Y * P) / n",
    "mean(abs(P - Y))",
    "sum(P @ Y.T)",
    "sum(logsumexp(P * Y, axis=1))",
    "trace(P.T @ Y)",
    "norm(P - Y)**2",
    "sum(P[0] * Y[0] * b)",
]
DTYPES = [np.float64, np.float32, np.int64]


@st.composite
def models(draw):
    equations = {"A": "X @ W.T + b", "H": draw(st.sampled_from(ENTRYWISE)), "P": draw(st.sampled_from(ALONG))}
    equations["J"] = draw(st.sampled_from(LOSSES)) + " + a**2"
    return equations


def arguments(model, sizes, dtype, seed):
    """Arrays that the model and the literal evaluation take alike: whole numbers where the dtype is one."""
    arrays = random_arrays(model.program, sizes, seed)
    if dtype == np.int64:
        return {name: np.rint(3 * a).astype(np.int64) for name, a in arrays.items()}
    return {name: a.astype(dtype) for name, a in arrays.items()}


@cache
def made_of(equations):
    """A model, its derivation and its module."""
    model = sbp.model(TENSORS, dict(equations), samples="n")
    derivation = sbp.derive(model)
    return model, derivation, sbp.generate(derivation).load()


def compare(equations, sizes, dtype, seed=0):
    """Loss and gradients of the module, held to the literal evaluation; whether the sizes were accepted."""
    model, derivation, module = made_of(tuple(equations.items()))
    if any(sizes[a] == 0 for a in module.NONEMPTY):
        empty = {name: np.zeros([sizes[a] for a in axes]) for name, axes in module.AXES.items()}
        with pytest.raises(ValueError, match="empty"):
            module.loss(module.Parameters(*[empty.pop(name) for name in module.Parameters._fields]), **empty)
        return False
    arrays = arguments(model, {axis(a): k for a, k in sizes.items()}, dtype, seed)
    before = {name: a.copy() for name, a in arrays.items()}
    params = module.Parameters(*[arrays[name] for name in module.Parameters._fields])
    data = {name: a for name, a in arrays.items() if name in module.AXES and name not in module.Parameters._fields}
    loss, gradients = module.loss_and_gradients(params, **data)
    known = evaluate(derivation.derived.program, {n: a.astype(float) for n, a in arrays.items()}, {axis(a): k for a, k in sizes.items()})
    wanted = {"J": known["J"], **{n: known[derivation.derived.adjoints[n]] for n in module.Parameters._fields}}
    made = {"J": loss, **gradients._asdict()}
    close = {"rtol": 2e-3, "atol": 2e-3} if dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-9}
    for name, want in wanted.items():
        got = np.asarray(made[name])
        assert got.dtype == (np.float32 if dtype == np.float32 else np.float64), name
        assert got.shape == want.shape and np.allclose(got, want, equal_nan=True, **close), (name, got, want)
    assert np.array_equal(module.loss(params, **data), loss) or np.allclose(module.loss(params, **data), loss, **close)
    assert all(np.array_equal(arrays[name], before[name], equal_nan=True) for name in arrays)
    return True


CASES = st.tuples(st.tuples(*[st.integers(0, 3)] * 3), st.sampled_from(DTYPES), st.integers(0, 99))


@given(models(), st.lists(CASES, min_size=5, max_size=8))
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_a_random_model_of_random_sizes(equations, cases):
    for sizes, dtype, seed in cases:
        if "[0]" not in equations["J"] or sizes[0]:
            compare(equations, dict(zip("ndc", sizes, strict=True)), dtype, seed)


@pytest.mark.parametrize("entrywise", ENTRYWISE)
@pytest.mark.parametrize("sizes", [(0, 2, 3), (1, 1, 1), (2, 0, 1)])
def test_sizes_0_and_1(entrywise, sizes):
    equations = {"A": "X @ W.T + b", "H": entrywise, "P": "H + a", "J": "sum((P - Y)**2) + a**2"}
    assert compare(equations, dict(zip("ndc", sizes, strict=True)), np.float64)


def test_a_mean_over_nothing_is_refused():
    equations = {"A": "X @ W.T + b", "H": "tanh(A)", "P": "H + a", "J": "mean((P - Y)**2)"}
    assert not compare(equations, {"n": 0, "d": 2, "c": 3}, np.float64)


def test_control_another_model_is_seen():
    equations = {"A": "X @ W.T + b", "H": "tanh(A)", "P": "H + a", "J": "sum((P - Y)**2)"}
    model = sbp.model(TENSORS, equations, samples="n")
    module = sbp.generate(sbp.derive(model)).load()
    arrays = arguments(model, {axis(a): k for a, k in {"n": 2, "d": 3, "c": 1}.items()}, np.float64, 0)
    loss = module.loss(module.Parameters(arrays["W"], arrays["b"], arrays["a"]), arrays["X"], arrays["Y"])
    assert not np.allclose(evaluate(sbp.model(TENSORS, {**equations, "P": "H - a"}, samples="n").program, arrays)["J"], loss)


MISFITS = {
    "two sizes of one axis": ("sum(x * y)", {"x": 5, "y": 1}, "'y' has 1 entries along axis 'n', which has 5"),
    "a mean over nothing": ("mean(x**2 * y)", {"x": 0, "y": 0}, "n is 0, and the formulas divide by it"),
    "no degree of freedom": ("var(x * y, ddof=1)", {"x": 1, "y": 1}, "n - 1 is 0, and the formulas divide by it"),
    "the largest of nothing": ("max(x * y)", {"x": 0, "y": 0}, "n is 0, and the formulas divide by it, or take a largest entry"),
    "a name that isn't there": ("sum(x * y)", {"x": 2, "y": 2, "z": 2}, "nothing is called z"),
}


@pytest.mark.parametrize("title", MISFITS)
def test_arrays_that_do_not_fit_an_expression(title):
    expression, lengths, message = MISFITS[title]
    result = sbp.derivative(expression, {"x": "n", "y": "n"}, wrt="x")
    with pytest.raises(sbp.SymbackpropError, match=message):
        result.evaluate(**{name: np.ones(k) for name, k in lengths.items()})


def test_an_array_that_the_derivative_does_not_need_must_fit_too():
    result = sbp.derivative("sum(A @ x)", {"A": "m n", "x": "n"}, wrt="x")
    assert np.array_equal(result.evaluate(A=np.ones((2, 3)), x=np.ones(3)), 2 * np.ones(3))
    with pytest.raises(sbp.SymbackpropError, match="'x' has 5 entries along axis 'n', which has 3"):
        result.evaluate(A=np.ones((2, 3)), x=np.ones(5))


def test_sums_and_products_of_nothing_are_what_numpy_makes_of_them():
    for expression in ("sum(x**2)", "prod(x)", "sum(x[1:] * x[:-1])"):
        assert sbp.derivative(expression, {"x": "n"}, wrt="x").evaluate(x=np.ones(0)).shape == (0,)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_part_that_may_have_no_entries_is_read_under_a_guard(n):
    """kron(x, x)[1:] has none of one x: what is read of it is 0 there, and the array has nothing to read."""
    x = np.linspace(-1.5, 2, n)
    found = sbp.derivative("sum(kron(x, x)[1:]**3)", {"x": "n"}, "x").evaluate(x=x)
    # sum(kron(x, x)**3) less the first, x_0^6
    assert np.allclose(found, 6 * x**2 * np.sum(x**3) - np.where(np.arange(n) == 0, 6 * x[0] ** 5, 0))


@pytest.mark.parametrize("size", ["n", "1", "3", "5"])
@pytest.mark.parametrize(("step", "shift"), [(2, -2), (2, 1), (3, 1), (3, -2), (-2, 2)])
def test_every_so_many_th_entry_turned_round(step, shift, size):
    """Where a part of it has no entries, the slice of that part ends before it begins: -1 would be the last place to NumPy."""
    derivative = sbp.derivative(f"sum(roll(w[::{step}], {shift})**3 * arange({size})[::{step}])", {"w": size}, "w")
    for n in range(1, 8) if size == "n" else [int(size)]:
        w = np.linspace(-1.3, 2, n)
        wanted = np.zeros(n)
        wanted[::step] = 3 * w[::step] ** 2 * np.roll(np.arange(n)[::step], -shift)
        assert np.allclose(derivative.evaluate(w=w), wanted)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7])
def test_a_row_of_a_diagonal_turned_round(n):
    """Whether an entry of it is on the diagonal depends on the size alone: a number that the code works out."""
    x = np.linspace(-1.5, 2, n)
    found = sbp.derivative("sum(roll(diag(x), -3, axis=0)[0]**3)", {"x": "n"}, "x").evaluate(x=x)
    assert np.allclose(found, np.where(np.arange(n) == 3 % n, 3 * x**2, 0))
