"""Whatever the language takes evaluates, or is refused when it is stated: no crash, no wait, no number that is none."""

import warnings
from typing import get_args

import numpy as np
import pytest
from sympy import Add, Mul

import symbackprop as sbp
from symbackprop.calculus.contract import contract
from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.program import Program, Tensor
from symbackprop.calculus.term import Entry, Total, delta
from symbackprop.errors import ParseError, SymbackpropError
from symbackprop.ops import OPS
from symbackprop.ops.array import Array
from symbackprop.ops.examples import EXAMPLES
from symbackprop.verification.oracle.literal import evaluate_expression

VECTORS = {"x": "n", "y": "n"}
UNREAL = [
    "x / (y - y)",
    "x / (0 * y)",
    "x / zeros(n)",
    "(y - y) / (y - y)",
    "max(x) / (max(x) - max(x))",
    "x / sum(y - y)",
    "x / norm(zeros(n))",
    "(x - x) ** -1",
    "0 ** -n * x",
    "where(x > 0, 1 / (y - y), 0)",
    "log(y - y)",
    "log(-exp(x))",
    "log(-ones(n)) * x",
    "sqrt(-abs(x))",
    "sqrt(-1 - x ** 2)",
    "arcsin(2 * ones(n)) * x",
    "arccosh(zeros(n)) * x",
    "log1p(-2 * ones(n)) * x",
    "(-2.5) ** x",
    "(-ones(n)) ** x",
    "(-exp(y)) ** x",
    "(-exp(x)) ** 0.5",
    "(-2 * ones(n)) ** (x / 3)",
]


@pytest.mark.parametrize("text", UNREAL)
def test_what_is_no_real_number_for_any_array_is_refused(text):
    with pytest.raises(ParseError) as caught:
        sbp.derivative(text, VECTORS, "x")
    assert caught.value.fix and caught.value.source == text


@pytest.mark.parametrize(
    "text",
    ["x / y", "(-1) ** arange(n) * x", "(-2) ** n * x", "x / (x - y)", "log(x)", "sqrt(x)", "x ** y", "0 ** x", "0 * x", "(-x) ** 3"],
)
def test_what_is_a_real_number_for_some_is_taken(text):
    x, y = np.array([2.0, 3.0]), np.array([1.0, 5.0])
    value = sbp.derivative(text, VECTORS, "x").evaluate(x=x, y=y)
    assert value.shape == (2, 2) and np.isfinite(value).all()


def test_an_index_array_is_a_whole_exponent():
    model = sbp.model({"x": {"axes": "n", "role": "parameter"}, "k": {"axes": "n", "role": "index"}}, {"J": "sum((-2) ** k * x[k])"})
    value = sbp.derive(model).gradient("x").evaluate(x=np.ones(3), k=np.array([0, 1, 1]))
    assert np.allclose(value, [1, -4, 0])


LARGE = {
    "x @ matrix_power(A, 1000)": ("x", lambda A, x: None),
    "trace(matrix_power(A, 20))": ("A", lambda A, x: 20 * np.linalg.matrix_power(A, 19).T),
    "trace(matrix_power(A, -15))": ("A", lambda A, x: -15 * np.linalg.matrix_power(np.linalg.inv(A), 16).T),
    "sum(diff(x, n=3) ** 2)": ("x", lambda A, x: 2 * (D := np.diff(np.eye(4), n=3, axis=0)).T @ D @ x),
    "sum(diff(A, n=2, axis=0))": ("A", lambda A, x: np.tile(np.diff(np.eye(4), n=2, axis=0).sum(axis=0)[:, None], 4)),
    "sum(diff(x, n=0) ** 2)": ("x", lambda A, x: 2 * x),
}


@pytest.mark.parametrize("text", LARGE)
def test_high_powers_and_differences(text):
    wrt, expected = LARGE[text]
    A = np.random.default_rng(1).standard_normal((4, 4)) / 3 + np.eye(4)
    x = np.array([1.0, -2, 0.5, 3])
    value = sbp.derivative(text, {"A": "n n", "x": "n"}, wrt).evaluate(A=A, x=x)
    assert np.isfinite(value).all() and (expected(A, x) is None or np.allclose(value, expected(A, x)))


def test_a_far_part_of_a_split_costs_no_more_than_a_near_one():
    assert [str(a) for a in sbp.derivative("split(x, 10**9)[3]", {"x": "n"}, "x").axes] == ["n_part", "1000000000*n_part"]
    value = sbp.derivative("split(x, 3)[2] ** 2", {"x": "n"}, "x").evaluate(x=np.arange(6.0))
    assert np.allclose(value, [[0, 0, 0, 0, 8, 0], [0, 0, 0, 0, 0, 10]])


TOO_MUCH = [
    "split(x, 10**30)[3]",
    "diff(x, n=61)",
    "diff(x, n=n)",
    "matrix_power(A, 10**10)",
    "matrix_power(A, n)",
    "prod_others(x, order=10**9)",
]


@pytest.mark.parametrize(
    "text", [*TOO_MUCH, "tensordot(A, A, axes=10**9)", "tensordot(A, A, axes=(1,))", "arange((1, 2)) * x", "repeat(x, ())"]
)
def test_what_is_out_of_all_bounds_is_refused(text):
    with pytest.raises(SymbackpropError) as caught:
        sbp.derivative(text, {"A": "n n", "x": "n"}, "x" if "A" not in text else "A")
    assert len(str(caught.value).splitlines()) < 8


VALUES = (
    "0",
    "-1",
    "7",
    "10**9",
    "10**30",
    "2.5",
    "None",
    "True",
    "'a'",
    "(1, 2)",
    "((1, 2), (3, 4))",
    "()",
    "n",
    "n / 2",
    "-n",
    "[1]",
    "x",
)
OPTIONS = [
    (name, option)
    for name, op in sorted(OPS.items())
    if name in EXAMPLES and f"{name}(" in EXAMPLES[name].text and op.kind != "elementwise"
    for option, p in op.parameters.items()
    if not (p.annotation is Array or Array in get_args(p.annotation))
]


def with_option(name, option, value):
    """The example of an op with an option put to `value`, in the place where it stands, else at the end."""
    text = EXAMPLES[name].text
    start = text.index(f"{name}(") + len(name) + 1
    parts, depth, end = [""], 1, start
    while depth:
        c = text[end]
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 1:
            parts.append("")
        elif depth:
            parts[-1] += c
        end += 1
    names = list(OPS[name].parameters)
    said = [p.split("=")[0].strip() if "=" in p else names[k] if k < len(names) else "" for k, p in enumerate(parts)]
    made = [p.strip() for p, word in zip(parts, said, strict=True) if word != option]
    return f"{text[:start]}{', '.join([*made, f'{option}={value}'])}{text[end - 1 :]}"


@pytest.mark.parametrize("number", range(0, len(OPTIONS), 5))
def test_an_option_of_another_kind_is_refused_or_taken_but_never_a_crash(number):
    """A fifth of the options; the slow tier takes all of them."""
    walk(*OPTIONS[number], VALUES[number % 2 :: 2])


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(OPTIONS)))
def test_every_option_with_a_third_of_the_kinds_of_values(number):
    walk(*OPTIONS[number], VALUES[number % 3 :: 3])


def walk(name, option, choices):
    shapes = {**EXAMPLES[name].shapes}
    for value in choices:
        if value in ("n", "n / 2", "-n", "x") and not any("n" in s.split() for s in shapes.values()):
            continue
        text = with_option(name, option, value)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert "def " in sbp.derivative(text, shapes, next(iter(shapes))).numpy
        except SymbackpropError as e:
            assert len(str(e).splitlines()) < 12, text


CRASHES = [
    ("x[::-1][at]", {"x": "n", "at": ""}, "x", lambda x, at: x[::-1][at]),
    ("x[::-1][at + 1]", {"x": "n", "at": "k"}, "x", lambda x, at: x[::-1][at + 1]),
    ("sum(C[:, ::-1][:, at])", {"C": "k n", "at": ""}, "C", lambda C, at: C[:, ::-1][:, at].sum()),
    ("sum((elu(B) @ elu(B) + 1) * C) / sum(C)", {"B": "k k", "C": "k k"}, "C", None),
    ("sum(exp(B @ B.T + 2) * C) / sum(C)", {"B": "k k", "C": "k k"}, "C", None),
]


@pytest.mark.parametrize(("text", "shapes", "wrt", "f"), CRASHES, ids=[c[0] for c in CRASHES])
def test_ordinary_expressions_that_crashed(text, shapes, wrt, f):
    rng = np.random.default_rng(0)
    sizes = {"n": 5, "k": 3}
    arrays = {n: rng.standard_normal([sizes[a] for a in s.split()]) for n, s in shapes.items() if n != "at"}
    if "at" in shapes:
        arrays["at"] = np.array(1) if not shapes["at"] else np.array([0, 2, 1])
    value = sbp.derivative(text, shapes, wrt).evaluate(**arrays)
    literal = (
        f
        or {
            "elu": lambda B, C: np.sum((el(B) @ el(B) + 1) * C) / np.sum(C),
            "exp": lambda B, C: np.sum(np.exp(B @ B.T + 2) * C) / np.sum(C),
        }["elu" if "elu" in text else "exp"]
    )
    x = arrays[wrt]
    for place in np.ndindex(x.shape):
        sides = []
        for step in (1e-6, -1e-6):
            moved = x.copy()
            moved[place] += step
            sides.append(np.asarray(literal(**{**arrays, wrt: moved})))
        assert np.allclose(value[(..., *place)], (sides[0] - sides[1]) / 2e-6, atol=1e-6, rtol=1e-5)


def el(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def test_the_second_derivative_of_running_products():
    text = "sum(cumprod(stack((z, q, r), axis=0), axis=-2) @ cumprod(stack((z, q, r), axis=0), axis=-2).T)"
    value = sbp.derivative(text, {"z": "1", "q": "1", "r": "1"}, "z", order=2).evaluate(z=[2.0], q=[3.0], r=[-5.0])
    assert np.allclose(value, 2 * (1 + 3 - 15) ** 2)


def test_a_sum_of_which_one_term_is_left_keeps_its_index():
    """sum over i, j of delta_ij ((1 - delta_ij) u_i + v_i sum_k w_k) [i >= j]: of the bracket only its last term is left."""
    n = axis("n")
    i, j, k = (Index(f"r{m}", n) for m in range(3))
    u, v, w = (Entry("uvw"[m], [i, i, k][m]) for m in range(3))
    whole = Total(Mul(delta(i, j), Add((1 - delta(i, j)) * u, v * Total(w, k))), i, j)
    arrays = {name: np.random.default_rng(m).standard_normal(3) for m, name in enumerate("uvw")}
    program = Program("p", {name: Tensor(name, (n,), "input") for name in "uvw"}, (), "u")
    before, after = (evaluate_expression(e, (), arrays, {n: 3}) for e in (whole, contract(whole)))
    assert np.isclose(before, after) and np.isclose(after, arrays["v"].sum() * arrays["w"].sum()) and program.leaves


QUADRATIC = {
    "a block that is another": ({"X": "n d", "W": "d d", "b": "d", "c": "", "y": "n"}, "sum((X @ W) * X, axis=1) + X @ b + c"),
    "a parabola": ({"X": "n", "W": "", "b": "", "c": "", "y": "n"}, "W * X ** 2 + X * b + c"),
    "a line": ({"X": "n d", "b": "d", "c": "", "y": "n"}, "X @ b + c"),
    "two of a kind": ({"X": "n d", "b": "d", "W": "d", "y": "n"}, "X @ b + X @ W"),
}


@pytest.mark.parametrize("name", QUADRATIC)
def test_a_hessian_whose_blocks_are_said_by_each_other(name):
    shapes, text = QUADRATIC[name]
    tensors = {k: {"axes": s, "role": {"X": "input", "y": "label"}.get(k, "parameter")} for k, s in shapes.items()}
    module = sbp.generate(
        sbp.derive(sbp.model(tensors, {"P": text, "J": "mean((P - y) ** 2)"}, samples="n")), also=["hessian", "hvp"]
    ).load()
    rng = np.random.default_rng(2)
    arrays = {k: rng.standard_normal([{"n": 5, "d": 3}[a] for a in s.split()]) for k, s in shapes.items()}
    params, v = (module.Parameters(*[rng.standard_normal(arrays[f].shape) for f in module.Parameters._fields]) for _ in range(2))
    matrix = module.hessian(params, arrays["X"], arrays["y"])
    assert np.allclose(matrix, matrix.T)
    assert np.allclose(matrix @ module.pack(v), module.pack(module.hessian_vector_product(params, arrays["X"], arrays["y"], v)))
    module.self_check()
