"""Index equations as NumPy statements, by value against the literal evaluation, and by what the text must not hold."""

import inspect

import numpy as np
import pytest
from small import index, program
from sympy import Function, KroneckerDelta, Rational, erf, exp, log, pi, sqrt

import symbackprop.emit as emit
from symbackprop.calculus.index import parse_shape
from symbackprop.calculus.program import Call, Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total
from symbackprop.code.spelling import size_text
from symbackprop.derivation.reverse import gradient, jacobian
from symbackprop.errors import MissingSpellingError
from symbackprop.ops.entrywise.elementwise import elu, gelu, leaky_relu, relu, sigmoid, softplus
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays


def T(name, *indices):
    return Entry(name, *indices)


n0, n1, m0, p0, r, s, t = (
    index("r0", "n"),
    index("r1", "n"),
    index("r2", "m"),
    index("r3", "p"),
    index("r4", "n"),
    index("r5", "m"),
    index("r6", "p"),
)

BODIES = {
    "product": ({"A": "n m", "B": "m p"}, "n p", lambda i, j: Total(T("A", i, s) * T("B", s, j), s)),
    "product transposed": ({"A": "m n", "B": "p m"}, "n p", lambda i, j: Total(T("A", s, i) * T("B", j, s), s)),
    "matrix vector": ({"A": "m n", "x": "m"}, "n", lambda i: Total(T("A", s, i) * T("x", s), s)),
    "outer": ({"x": "n", "y": "m"}, "n m", lambda i, j: T("x", i) * T("y", j)),
    "trace of a product": ({"A": "n m", "B": "m n"}, "", lambda: Total(T("A", r, s) * T("B", s, r), r, s)),
    "trace": ({"A": "n n"}, "", lambda: Total(T("A", r, r), r)),
    "diagonal": ({"A": "n n", "x": "n"}, "n", lambda i: T("A", i, i) * T("x", i)),
    "diagonal of three": ({"A": "n n n"}, "n", lambda i: T("A", i, i, i)),
    "three factors": ({"A": "n m", "B": "m p", "C": "p n"}, "n n", lambda i, j: Total(T("A", i, s) * T("B", s, t) * T("C", t, j), s, t)),
    "khatri rao": ({"A": "n m", "B": "n p", "w": "n"}, "m p", lambda i, j: Total(T("A", r, i) * T("B", r, j) * T("w", r), r)),
    "batched": ({"A": "n m p", "B": "n p m"}, "n m m", lambda i, j, k: Total(T("A", i, j, t) * T("B", i, t, k), t)),
    "row dots": ({"A": "n m", "B": "n m"}, "n", lambda i: Total(T("A", i, s) * T("B", i, s), s)),
    "per sample outer": ({"A": "n m", "B": "n p"}, "n m p", lambda i, j, k: T("A", i, j) * T("B", i, k)),
    "three axes": ({"A": "n m p", "B": "p n"}, "m n", lambda i, j: Total(T("A", j, i, t) * T("B", t, j), t)),
    "tensordot": ({"A": "n m p", "B": "m p n"}, "n n", lambda i, j: Total(T("A", i, s, t) * T("B", s, t, j), s, t)),
    "sum over what is absent": ({"A": "n"}, "", lambda: Total(T("A", r), r, n1)),
    "square of a sum": ({"A": "n m"}, "n", lambda i: Total(T("A", i, s), s) ** 2),
    "sum of squares": ({"A": "n m"}, "", lambda: Total(T("A", r, s) ** 2, r, s)),
    "broadcast": ({"A": "n m", "x": "n", "y": "m"}, "n m", lambda i, j: (T("A", i, j) - T("x", i)) / (2 + T("y", j) ** 2)),
    "absent index": ({"x": "n"}, "n n", lambda i, j: T("x", i)),
    "transposed sum": ({"A": "n m", "B": "m n"}, "n m", lambda i, j: T("A", i, j) + T("B", j, i)),
    "one place": ({"x": "n"}, "n", lambda i: 2 * T("x", 3) * T("x", i)),
    "unit matrix": ({"x": "n"}, "n n", lambda i, j: KroneckerDelta(i, j) * T("x", i)),
    "mask": ({"A": "n m"}, "n m", lambda i, j: Positive(T("A", i, j)) * 3 + NonNegative(T("A", i, j) - 1)),
    "cumulative sum": ({"x": "n"}, "n", lambda i: Total(NonNegative(i - r) * T("x", r), r)),
    "guarded shift": ({"x": "n"}, "n", lambda i: NonNegative(i - 1) * T("x", i - 1) - T("x", i)),
    "guards on both sides": ({"x": "n"}, "n", lambda i: NonNegative(i - 1) * NonNegative(i.axis - 2 - i) * T("x", i + 1) * T("x", i - 1)),
    "guard in a sum": ({"x": "n"}, "", lambda: Total(NonNegative(r - 1) * T("x", r - 1) * T("x", r), r)),
    "scatter": ({"x": "m", "y": "n"}, "n", lambda i: T("y", i) * Total(T("x", s) * KroneckerDelta(i, 2 * s + 1), s)),
    "guard outside of a guard": (
        {"x": "n", "y": "n"},
        "n",
        lambda i: NonNegative(i - 1) * NonNegative(i.axis - 2 - i) * (NonNegative(-i) * T("x", i - 1) * T("y", i) + T("y", i)),
    ),
    "guard on the other end of a diagonal": (
        {"x": "n", "A": "n n"},
        "n n",
        lambda i, j: NonNegative(2 * j - j.axis) * (KroneckerDelta(i, j) * T("x", 2 * j - j.axis) + T("A", i, j)),
    ),
    "condition on sizes": (
        {"x": "n", "y": "m"},
        "m",
        lambda i: NonNegative(n0.axis - 3 * m0.axis) * T("x", i + 2 * m0.axis - 1) * T("y", i),
    ),
    "condition on sizes of all terms": (
        {"x": "n", "y": "m"},
        "m",
        lambda i: NonNegative(n0.axis - 3 * m0.axis) * T("x", i + 2 * m0.axis - 1) - NonNegative(n0.axis - 3 * m0.axis) * T("y", i),
    ),
    "places as numbers": ({"x": "n"}, "n", lambda i: i * T("x", i)),
    "functions": ({"x": "n"}, "n", lambda i: exp(-T("x", i)) + log(1 + T("x", i) ** 2) + sqrt(2 + T("x", i) ** 2) + erf(T("x", i)) ** 3),
    "activations": ({"x": "n"}, "n", lambda i: relu(T("x", i)) + sigmoid(T("x", i)) * softplus(T("x", i)) + gelu(T("x", i))),
    "written out": ({"x": "n"}, "n", lambda i: leaky_relu(T("x", i), Rational(1, 100)) + elu(T("x", i), Rational(1, 2))),
    "scalars": ({"a": "", "b": ""}, "", lambda: T("a") * T("b") - relu(T("a")) / 3),
    "negative power": ({"x": "n"}, "n", lambda i: (1 + T("x", i) ** 2) ** Rational(-3, 2)),
}


def run(p, name, arrays, dtype=np.float64):
    """The generated function at `arrays`; sizes that no leaf of it has are arguments too."""
    function = getattr(emit.load_source(emit.function_source(p, name), "lowered"), name)
    sizes = {str(a): k for t in p.leaves for a, k in zip(t.axes, arrays[t.name].shape, strict=True)}
    known = sizes | {t.name: arrays[t.name].astype(dtype) for t in p.leaves}
    return function(**{k: known[k] for k in inspect.signature(function).parameters})


@pytest.mark.parametrize("title", BODIES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_bodies_by_value(title, dtype):
    leaves, shape, body = BODIES[title]
    p = program(leaves, ("F", shape, body))
    arrays = random_arrays(p, {index("i", a).axis: k for a, k in zip("nmp", (7, 3, 5), strict=True)})
    want, got = evaluate(p, arrays)["F"], run(p, "F", arrays, dtype)
    assert got.dtype == dtype and got.shape == want.shape
    assert np.allclose(got, want, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-5 if dtype == np.float32 else 1e-12)


def test_control_a_wrong_sign_is_seen():
    p = program({"x": "n"}, ("F", "n", lambda i: T("x", i) - 1))
    q = program({"x": "n"}, ("F", "n", lambda i: T("x", i) + 1))
    arrays = random_arrays(p)
    assert not np.allclose(run(p, "F", arrays), evaluate(q, arrays)["F"])


SMALL = {
    "trace": ({"A": "n n", "B": "n n"}, lambda: Total(T("A", r, r) * T("B", r, n0) * T("A", n0, r), r, n0)),
    "cubic form": ({"x": "n", "A": "n n n"}, lambda: Total(T("A", r, n0, n1) * T("x", r) * T("x", n0) * T("x", n1), r, n0, n1)),
    "norm of a product": ({"A": "n m", "x": "m"}, lambda: Total(Total(T("A", r, s) * T("x", s), s) ** 2, r)),
}


@pytest.mark.parametrize("title", SMALL)
def test_gradients_and_hessians_by_value(title):
    leaves, body = SMALL[title]
    p = program(leaves, ("J", "", body))
    for name in leaves:
        d = gradient(p, [name])
        second = jacobian(d.program, d.adjoints[name], name)
        for q, made in ((d.program, d.adjoints[name]), (second.program, second.adjoints[name])):
            arrays = random_arrays(q)
            assert np.allclose(run(q, made, arrays), evaluate(q, arrays)[made])


@pytest.mark.parametrize("step, offset", [(1, 0), (1, 2), (2, 0), (2, 1), (3, 1)])
def test_adjoints_of_slices_by_value(step, offset):
    short = parse_shape("m")[0]
    k = index("r0", "m")
    x, y = Tensor("x", (step * short + offset + 1,), "parameter"), Tensor("w", (short,), "parameter")
    J = Tensor("J", ())
    p = Program("slices", {"x": x, "w": y, "J": J}, (Equation(J, (), Total(T("x", step * k + offset) ** 3 * T("w", k), k)),), "J")
    d = gradient(p, ["x"])
    draw = np.random.default_rng(0)
    arrays = {"x": draw.standard_normal(step * 5 + offset + 1), "w": draw.standard_normal(5)}
    want = np.zeros_like(arrays["x"])
    want[offset : offset + step * 5 : step] = 3 * arrays["x"][offset : offset + step * 5 : step] ** 2 * arrays["w"]
    assert np.allclose(run(d.program, "dx", arrays), want)


@pytest.mark.parametrize("logits", [0.0, 1e4, -1e4])
def test_log_of_a_softmax_is_stable(logits):
    o, j = Tensor("o", parse_shape("n m"), "parameter"), Tensor("J", ())
    y = Tensor("y", parse_shape("n m"), "label", (Fact("simplex", "y", 1),))
    p_ = Tensor("p", parse_shape("n m"))
    rows = (
        Equation(p_, p_.indices, Call("softmax", ("o",), (("axis", 1),))),
        Equation(j, (), -Total(y[r, s] * log(p_[r, s]), r, s)),
    )
    d = gradient(Program("ce", {"o": o, "y": y, "p": p_, "J": j}, rows, "J", samples=parse_shape("n")[0]))
    arrays = {"o": np.array([[logits, 0.0, -logits], [1.0, 2.0, logits]]), "y": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])}
    with np.errstate(all="raise", under="ignore"):
        loss, slope = run(d.program, "J", arrays), run(d.program, "do", arrays)
    z = arrays["o"] - arrays["o"].max(1, keepdims=True)
    assert np.allclose(loss, -(arrays["y"] * (z - np.log(np.exp(z).sum(1, keepdims=True)))).sum())
    assert np.allclose(slope, np.exp(z) / np.exp(z).sum(1, keepdims=True) - arrays["y"])


@pytest.mark.parametrize("x", [-1e4, -40.0, 0.0, 1e-9, 40.0, 1e4])
def test_sigmoid_and_softplus_are_stable_and_accurate(x):
    p = program({"x": "n"}, ("F", "n", lambda i: sigmoid(T("x", i))), ("G", "n", lambda i: softplus(T("x", i))))
    arrays = {"x": np.array([x])}
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        got = run(p, "F", arrays)[0], run(p, "G", arrays)[0]
    small = np.exp(-abs(x))
    assert np.allclose(got, ((1 if x >= 0 else small) / (1 + small), max(x, 0) + np.log1p(small)), rtol=1e-15, atol=0)


def test_erf_is_accurate():
    special = pytest.importorskip("scipy.special")
    x = np.concatenate([np.linspace(-7, 7, 1001), np.logspace(-12, 0, 50), [np.inf, -np.inf, 0]])
    p = program({"x": "n"}, ("F", "n", lambda i: erf(T("x", i))))
    assert np.max(np.abs(run(p, "F", {"x": x}) - special.erf(x))) < 1e-15


def test_a_function_without_a_spelling_names_itself_and_the_file():
    p = program({"x": "n"}, ("F", "n", lambda i: Function("besselish")(T("x", i))))
    with pytest.raises(MissingSpellingError, match=r"no spelling for 'besselish'[\s\S]*templates/numpy/target.toml"):
        emit.function_source(p, "F")


def test_shared_terms_are_computed_once():
    p = program({"x": "n"}, ("F", "n", lambda i: exp(T("x", i))), ("G", "n", lambda i: exp(T("x", i)) + T("F", i) ** 2))
    assert emit.function_source(p, "G").count("np.exp") == 1


def test_products_are_ordered_by_nominal_sizes():
    p = program({"A": "n m", "B": "m p", "x": "p"}, ("F", "n", lambda i: Total(T("A", i, s) * T("B", s, t) * T("x", t), s, t)))
    assert "np.dot(A, t1)" in emit.function_source(p, "F")


def test_an_argument_is_never_overwritten():
    p = program({"x": "n"}, ("F", "n", lambda i: relu(T("x", i)) * 2 + 1))
    x = np.array([-1.0, 2.0])
    run(p, "F", {"x": x})
    assert (x == [-1.0, 2.0]).all()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (Rational("0.9189385332046727") * n0.axis, "0.9189385332046727 * n"),
        (-Rational("0.9189385332046727") / n0.axis, "-0.9189385332046727 / n"),
        (Rational(2, 3) * n0.axis / m0.axis, "2 * n / (3 * m)"),
        ((n0.axis - 1) * pi / 2, "3.141592653589793 * (n - 1) / 2"),
    ],
)
def test_a_number_of_sizes_is_a_short_one(number, code):
    assert size_text(number).text == code


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (lambda i: -i, "[-i >= 0]"),
        (lambda i: 2 - 3 * i, "[2 - 3 i >= 0]"),
        (lambda i: i * (m0.axis + i.axis) - 4, "[(m + n) i - 4 >= 0]"),
    ],
)
def test_a_condition_on_places_is_said_as_it_is(gap, said):
    p = program({"x": "n", "y": "m"}, ("F", "n", lambda i: NonNegative(gap(i)) * T("x", i)))
    assert said in emit.function_source(p, "F")
