"""Walks the op table: every record is complete, derivable to order 3, right at random points and at its kinks."""

import inspect

import mpmath
import numpy as np
import pytest
import scipy.special
from sympy import Abs, Derivative, DiracDelta, Dummy, Heaviside, Max, Min, Piecewise, Rational, Symbol, diff, exp, im, re
from sympy import sign as sympy_sign

from symbackprop.calculus.term import NonNegative, Positive
from symbackprop.ops import OPS, Op, op_of, written_out
from symbackprop.ops.function import Elementwise, new_function

FOREIGN = (Abs, Derivative, DiracDelta, Heaviside, Max, Min, Piecewise, im, re, sympy_sign)
BUILT = {name: op for name, op in OPS.items()}
SCALAR = {name: op for name, op in BUILT.items() if op.kind == "elementwise" and op.name == name}
SELU = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717

NUMPY = {
    "add": np.add,
    "subtract": np.subtract,
    "negative": np.negative,
    "positive": np.positive,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "sqrt": np.sqrt,
    "square": np.square,
    "reciprocal": np.reciprocal,
    **{name: getattr(np, name) for name in ("exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh", "arctan", "arcsin", "arccos")},
    **{name: getattr(np, name) for name in ("log1p", "expm1", "abs", "sign", "log2")},
    **{name: getattr(np, name) for name in ("arcsinh", "arccosh", "arctanh", "arctan2", "hypot", "logaddexp", "log10", "exp2")},
    **{name: getattr(np, name) for name in ("floor", "ceil", "trunc")},
    "erf": scipy.special.erf,
    "relu": lambda x: np.where(x > 0, x, 0),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "clip": np.clip,
    "sigmoid": scipy.special.expit,
    "leaky_relu": lambda x, a: np.where(x > 0, x, a * x),
    "elu": lambda x, a: np.where(x > 0, x, a * (np.exp(x) - 1)),
    "selu": lambda x: SELU[0] * np.where(x > 0, x, SELU[1] * (np.exp(x) - 1)),
    "gelu": lambda x: x * scipy.special.ndtr(x),
    "silu": lambda x: x * scipy.special.expit(x),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "logsigmoid": lambda x: -np.log1p(np.exp(-x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "relu6": lambda x: np.minimum(np.maximum(x, 0), 6),
}
"""Every elementwise op again, in NumPy and SciPy: a slip in a law shows as a difference."""


def samples(op: Op, count: int = 9) -> list[list[float]]:
    """Points of the domain, on both sides of 0 where it reaches there, on no kink. Of clip, bounds in order."""
    random = np.random.default_rng(len(op.name))
    columns = []
    for low, high in op.domain:
        low, high = -3.3 if low is None else low, 3.1 if high is None else high
        columns.append(low + (high - low) * random.uniform(0.03, 0.97, count))
    if op.name == "clip":
        columns[1], columns[2] = np.minimum(columns[1], columns[2]), np.maximum(columns[1], columns[2])
    return [list(point) for point in zip(*columns, strict=True)]


def applied(op: Op) -> tuple:
    """Symbols, and the op on them: its SymPy function, or the law that stands for it."""
    x = [Symbol(f"x{k}", real=True) for k in range(len(op.domain))]
    return x, (op.function or op.law)(*x)


def number(e, x, point) -> float:
    """An expression at a point, with 50 digits, everything written out."""
    return float(written_out(e).xreplace({a: Rational(str(b)) for a, b in zip(x, point, strict=True)}).evalf(50))


def agree(op: Op, function) -> bool:
    x, e = applied(op)
    return all(np.isclose(number(e, x, p), function(*p), rtol=1e-12, atol=1e-14) for p in samples(op))


def foreign(e) -> bool:
    return e.has(*FOREIGN)


@pytest.mark.parametrize("name", OPS)
def test_a_record_is_complete(name):
    op = OPS[name]
    assert op.name in OPS and op.kind and op.summary and callable(op.build) and op.formula and op.source
    assert next(iter(inspect.signature(op.build).parameters)) == "draft"
    if op.kind == "elementwise":
        assert op.numpy and op.latex.count("#") >= len(op.domain)


@pytest.mark.parametrize("name", SCALAR)
def test_a_law_agrees_with_numpy(name):
    assert agree(SCALAR[name], NUMPY[name])


@pytest.mark.parametrize("name", SCALAR)
def test_the_spelling_in_numpy_agrees_with_the_law(name):
    op = SCALAR[name]
    code = op.numpy.format(*(f"({a})" for a in "abc"))
    assert agree(op, lambda *p: eval(code, {"np": np, "erf": scipy.special.erf, **dict(zip("abc", p, strict=False))}))


@pytest.mark.parametrize("name", [n for n, op in SCALAR.items() if op.stable])
def test_a_stable_form_agrees_with_the_law(name):
    op = SCALAR[name]
    x, e = applied(op)
    assert all(np.isclose(number(op.stable(*x), x, p), number(e, x, p), rtol=1e-13) for p in samples(op))


def test_a_wrong_function_does_not_agree():
    assert not agree(SCALAR["sigmoid"], np.tanh)
    assert not agree(SCALAR["abs"], lambda x: x)


@pytest.mark.parametrize("name", SCALAR)
def test_derivable_to_order_3_within_the_language(name):
    x, e = applied(SCALAR[name])
    for a in x:
        d = e
        for _ in range(3):
            d = diff(d, a)
            assert not foreign(d), d
            assert not foreign(written_out(d)), d


def test_foreign_functions_are_noticed():
    x = Symbol("x", real=True)
    assert foreign(diff(Abs(x), x)) and foreign(diff(sympy_sign(x), x)) and foreign(Max(x, 0))


@pytest.mark.parametrize("name", SCALAR)
def test_derivatives_agree_with_differences(name):
    op = SCALAR[name]
    x, e = applied(op)
    law = written_out(e)
    for k, a in enumerate(x):
        slope, curve = diff(e, a), diff(e, a, 2)
        for point in samples(op, 4):
            here = {b: Rational(str(c)) for b, c in zip(x, point, strict=True)}

            def along(t, here=here, a=a, k=k, point=point):
                return law.xreplace({**here, a: Rational(str(point[k])) + Rational(str(t))}).evalf(40)

            h = mpmath.mpf("1e-9")
            up, middle, down = along(h), along(0), along(-h)
            assert np.isclose(number(slope, x, point), float((up - down) / (2 * h)), rtol=1e-10, atol=1e-12)
            assert np.isclose(number(curve, x, point), float((up - 2 * middle + down) / h**2), rtol=1e-7, atol=1e-7)


AT_KINKS = [("relu", (0,), 0), ("abs", (0,), 0), ("sign", (0,), 0), ("leaky_relu", (0, 0.1), 0.1), ("elu", (0, 2), 2), ("relu6", (0,), 0)]
AT_KINKS += [("relu6", (6,), 0), ("clip", (-1, -1, 1), 0), ("clip", (1, -1, 1), 0), ("maximum", (2, 2), 0), ("minimum", (2, 2), 0)]


@pytest.mark.parametrize(("name", "point", "value"), AT_KINKS)
def test_conventions_at_kinks(name, point, value):
    x, e = applied(SCALAR[name])
    assert number(diff(e, x[0]), x, point) == pytest.approx(value)
    assert SCALAR[name].kinks


def test_maximum_with_0_is_relu_either_way_round():
    x = Symbol("x", real=True)
    maximum, relu = OPS["maximum"].function, OPS["relu"].function
    assert maximum(x, 0) == maximum(0, x) == relu(x)
    assert diff(maximum(x, x), x) == 1


def test_famous_derivatives_are_found_not_typed():
    x, a = Symbol("x", real=True), Symbol("a", real=True)
    f = {name: op.function for name, op in SCALAR.items()}
    s = f["sigmoid"](x)
    assert diff(s, x) == s * (1 - s)
    assert diff(f["softplus"](x), x) == s
    assert diff(f["relu"](x), x) == Positive(x)
    assert diff(f["abs"](x), x) == f["sign"](x)
    assert diff(f["elu"](x, a), x) == Positive(x) + a * exp(x) * NonNegative(-x)
    assert diff(f["silu"](x), x) == f["silu"](x) * (1 - s) + s


def test_a_new_function_needs_a_law_only():
    cube = new_function("cube_root_law", __name__, lambda x: x * Positive(x) ** 3, 1)
    x = Symbol("x", real=True)
    assert issubclass(cube, Elementwise) and diff(cube(x), x) == Positive(x)


def test_a_record_is_found_by_its_function():
    assert op_of(type(OPS["relu"].function(Dummy("x", real=True)))) is OPS["relu"]
    assert op_of(Symbol) is None
