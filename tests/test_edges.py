"""Edges of functions: 0, infinity, singular matrices, equal eigenvalues: the limit where there is one, a convention, or nan."""

import tracemalloc

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.errors import ParseError
from symbackprop.verification.oracle.literal import evaluate

rng = np.random.default_rng(7)
SYMMETRIC = rng.standard_normal((4, 4))
TURNED = np.linalg.qr(SYMMETRIC)[0]


def differences(f, x, h=1e-5):
    """The Jacobian of f at x by central differences of fourth order."""
    made = np.zeros(np.shape(f(x)) + x.shape)
    for at in np.ndindex(*x.shape):
        e = np.zeros_like(x)
        e[at] = h
        made[(..., *at)] = (8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h)
    return made


POWERS = [
    ("x ** y", "x", 1, {"x": 0.0, "y": 0.0}, 0),
    ("x ** y", "x", 1, {"x": 0.0, "y": 1.0}, 1),
    ("x ** y", "y", 1, {"x": 0.0, "y": 2.0}, 0),
    ("x ** y", "x", 2, {"x": 0.0, "y": 1.0}, 0),
    ("x ** y", "x", 2, {"x": 0.0, "y": 2.0}, 2),
    ("0 ** y", "y", 1, {"y": 2.0}, 0),
    ("log(expm1(x))", "x", 1, {"x": 800.0}, 1),
    ("log(exp(x) - 1)", "x", 1, {"x": 800.0}, 1),
    ("log(exp(x) - 1)", "x", 2, {"x": 800.0}, 0),
    ("log(expm1(x))", "x", 1, {"x": 1e-8}, 1e8 + 0.5),
    ("exp(-x) * exp(-exp(-x))", "x", 1, {"x": 800.0}, 0),
    ("hypot(x, y)", "x", 1, {"x": 3e200, "y": 4e200}, 0.6),
    ("hypot(x, y)", "x", 1, {"x": 3e-200, "y": 4e-200}, 0.6),
    ("hypot(x, y)", "y", 1, {"x": 0.0, "y": 0.0}, 0),
    ("hypot(x, y) ** 2", "y", 2, {"x": 0.0, "y": 0.0}, 2),
    ("sqrt(1 + x ** 2)", "x", 1, {"x": 0.0}, 0),
]


@pytest.mark.parametrize(("text", "wrt", "order", "at", "wanted"), POWERS)
def test_powers_and_exponentials(text, wrt, order, at, wanted):
    assert np.isclose(sbp.derivative(text, dict.fromkeys(at, ""), wrt, order=order).evaluate(**at), wanted, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("text", ["exp(-exp(x))", "1 - exp(-exp(x))", "x / expm1(x)", "1 / (exp(x) - 1)"])
def test_exponentials_of_exponentials_vanish_in_silence_but_for_their_overflow(text):
    for order in (1, 2):
        with np.errstate(over="ignore"):
            assert sbp.derivative(text, {"x": ""}, "x", order=order).evaluate(x=800.0) == 0


def test_the_largest_of_nothing_but_minus_infinity():
    tensors = {"X": {"axes": "m n", "role": "parameter"}, "w": {"axes": "m", "role": "constant"}}
    module = sbp.generate(sbp.derive(sbp.model(tensors, {"L": "logsumexp(X, axis=1)", "J": "sum(w * maximum(L, -9))"}))).load()
    X = np.array([[1.0, 2.0], [-np.inf, -np.inf], [-np.inf, 3.0]])
    with np.errstate(divide="ignore"):
        loss, gradients = module.loss_and_gradients(module.Parameters(X), np.ones(3))
    assert np.isclose(loss, np.logaddexp(1, 2) - 9 + 3) and np.allclose(gradients.X.sum(1), [1, 0, 1])


VANISHING = {
    "exp(c) / (exp(a + 1) + exp(b - c))": lambda b, c: np.exp(2 * c - b) * np.array([1, 0, -1, 2]),
    "exp(c) / ((exp(a) + exp(b)) * (exp(a) + exp(2 * b)))": lambda b, c: np.exp(c - 3 * b) * np.array([1, 0, -3, 1]),
    "exp(c) / (3 * exp(2 * a - b) + exp(b))**2": lambda b, c: np.exp(c - 2 * b) * np.array([1, 0, -2, 1]),
    "log(exp(a + c) + exp(b - 2 * c)) + log(exp(a) + exp(b))": lambda b, c: np.array([2 * b - 2 * c, 0, 2, -2]),
    "exp(a + c) / (exp(a) + exp(b - c))": lambda b, c: np.zeros(4),
}


@pytest.mark.parametrize("text", VANISHING)
def test_an_exponential_of_minus_infinity_among_others_is_0(text):
    module = sbp.generate(sbp.derive(sbp.model({k: {"axes": "", "role": "parameter"} for k in "abc"}, {"J": text}))).load()
    for b, c in ((0.3, -0.7), (-2.0, 1.1)):
        loss, gradients = module.loss_and_gradients(module.Parameters(-np.inf, b, c))
        assert np.allclose([loss, *gradients], VANISHING[text](b, c), rtol=1e-12)


def test_the_entropy_of_a_sum_of_exponentials_without_a_term_is_0():
    tensors = {"x": {"axes": "n", "role": "parameter"}, "m": {"axes": "n", "role": "constant"}}
    module = sbp.generate(sbp.derive(sbp.model(tensors, {"E": "sum(m * exp(x))", "J": "E * log(E)"}))).load()
    x = np.array([1.0, 2.0, 3.0])
    assert module.loss(module.Parameters(x), np.zeros(3)) == 0
    assert np.isclose(module.loss(module.Parameters(x), np.array([0.0, 1.0, 0.0])), 2 * np.exp(2))


def test_the_largest_of_the_least_numbers():
    d = sbp.derivative("logsumexp(x)", {"x": "n"}, "x")
    for dtype in (np.float32, np.float64):
        assert np.allclose(d.evaluate(x=np.full(3, np.finfo(dtype).min, dtype)), 1 / 3)


def test_a_power_that_is_not_real_and_a_division_by_nothing_are_refused():
    for text in ("sum((-2.5) ** x)", "sum(x / (y - y))"):
        with pytest.raises(ParseError):
            sbp.derivative(text, {"x": "n", "y": "n"} if "y" in text else {"x": "n"}, "x")
    signs = sbp.derivative("sum((-1) ** arange(n) * x)", {"x": "n"}, "x")
    assert np.array_equal(signs.evaluate(x=np.ones(3)), [1, -1, 1])


ORDERS = [1, 2, 3, 4, 5, 1.5, 0.5, -1, -2, np.inf, -np.inf]


@pytest.mark.parametrize("order", ORDERS)
def test_the_norm_of_a_vector_of_any_order(order):
    text = f"norm(x, {str(order).replace('inf', 'np.inf')})"
    slope = sbp.derivative(text, {"x": "n"}, "x")
    x = np.array([0.7, -1.3, 2.1])
    assert np.allclose(slope.evaluate(x=x), differences(lambda v: np.linalg.norm(v, order), x), atol=1e-7)
    zero = slope.evaluate(x=np.zeros(3))
    assert np.all(np.isfinite(zero)) and (abs(order) == np.inf or not zero.any()) and slope.kinks


@pytest.mark.parametrize("order", ["nuc", "fro", 2, -2, 1, -1, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3, 3)])
def test_the_norm_of_a_matrix_of_any_order(order, shape):
    written = f"'{order}'" if order in ("nuc", "fro") else str(order).replace("inf", "np.inf")
    slope = sbp.derivative(f"norm(A, {written})", {"A": "m n"}, "A")
    A = np.random.default_rng(3).standard_normal(shape)
    assert np.allclose(slope.evaluate(A=A), differences(lambda a: np.linalg.norm(a, order), A), atol=1e-7)
    assert np.all(np.isfinite(slope.evaluate(A=np.zeros(shape))))


def test_the_nuclear_norm_at_low_rank_is_the_polar_factor():
    A = np.outer([1.0, 2.0, 2.0, -1.0], [0.5, -1.0, 3.0])
    left, values, right = np.linalg.svd(A, full_matrices=False)
    for text in ("norm(A, 'nuc')", "sum(sqrt(eigvalsh(A.T @ A)))", "sum(sqrt(eigvalsh(A @ A.T)))"):
        assert np.allclose(sbp.derivative(text, {"A": "m n"}, "A").evaluate(A=A), left[:, :1] @ right[:1], atol=1e-12)
    assert values[1] < 1e-15


def test_the_trace_of_a_matrix_that_is_not_square():
    for shape in ("4 2", "m n"):
        slope = sbp.derivative("trace(A) ** 2", {"A": shape}, "A")
        assert np.allclose(slope.evaluate(A=np.ones((4, 2))), 4 * np.eye(4, 2))


SINGULAR = [np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.3, 1.0, 1.0]]), np.outer([1.0, 2, 3], [1, 0, 2.0]), np.zeros((3, 3))]


@pytest.mark.parametrize("text", ["det(A)", "det(A) ** 2", "sin(det(A))", "exp(det(A)) * sum(A)", "det(2 * A) * trace(A)"])
def test_derivatives_of_a_determinant_at_singular_matrices(text):
    f = {"det(A)": np.linalg.det, "det(A) ** 2": lambda a: np.linalg.det(a) ** 2, "sin(det(A))": lambda a: np.sin(np.linalg.det(a))}.get(
        text
    )
    f = f or {"e": lambda a: np.exp(np.linalg.det(a)) * a.sum(), "d": lambda a: 8 * np.linalg.det(a) * np.trace(a)}[text[0]]
    first = sbp.derivative(text, {"A": "n n"}, "A")
    for A in (*SINGULAR, np.diag([1.0, -2.0, 3.0])):
        assert np.allclose(first.evaluate(A=A), differences(f, A, 1e-3), atol=1e-8)
    second = sbp.derivative(text, {"A": "n n"}, "A", order=2) if "2 *" not in text else None
    for A in SINGULAR if second else ():
        assert np.allclose(second.evaluate(A=A), differences(lambda a: first.evaluate(A=a), A), atol=1e-7)


def test_an_inverse_that_is_wanted_stays():
    with pytest.raises(np.linalg.LinAlgError):
        sbp.derivative("det(A) + trace(inv(A))", {"A": "n n"}, "A").evaluate(A=np.zeros((2, 2)))
    assert "cofactors" not in sbp.derivative("log(det(A))", {"A": "n n"}, "A").numpy


SPECTRA = [[1.0, 2, 2, 3], [2.0, 2, 2, 2], [1.0, 1, 3, 3], [1.0, 2, 3, 4], [1.0, 2, 2 + 1e-6, 2 + 2e-6]]
FUNCTIONS = {
    "sqrt": ("sum(B * ((eigh(A)[1] * sqrt(eigh(A)[0])) @ eigh(A)[1].T))", np.sqrt),
    "log": ("sum(B * ((eigh(A)[1] * log(eigh(A)[0])) @ eigh(A)[1].T))", np.log),
    "inverse root": ("sum(B * (eigh(A)[1] @ diag(eigh(A)[0] ** -0.5) @ eigh(A)[1].T))", lambda w: w**-0.5),
}


def spectral(f):
    def of(A):
        values, vectors = np.linalg.eigh((A + A.T) / 2)
        return np.sum(SYMMETRIC * ((vectors * f(values)) @ vectors.T))

    return of


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_matrices_with_equal_eigenvalues(name):
    text, f = FUNCTIONS[name]
    slope = sbp.derivative(text, {"A": "n n", "B": "n n"}, "A")
    for spectrum in SPECTRA:
        A = TURNED @ np.diag(spectrum) @ TURNED.T
        assert np.allclose(slope.evaluate(A=A, B=SYMMETRIC), differences(spectral(f), A), atol=1e-8)
    assert np.allclose(
        sbp.derivative(FUNCTIONS["sqrt"][0], {"A": "n n", "B": "n n"}, "A").evaluate(A=np.eye(4), B=SYMMETRIC),
        (SYMMETRIC + SYMMETRIC.T) / 4,
    )


def test_over_named_equations_and_as_a_jacobian():
    named = {"l": "eigh(A)[0]", "V": "eigh(A)[1]", "M": "V * exp(l)", "S": "M @ V.T", "J": "sum(B * S * S)"}
    tensors = {"A": {"axes": "n n", "role": "parameter"}, "B": {"axes": "n n", "role": "constant"}}
    slope = sbp.derive(sbp.model(tensors, named)).gradient("A")
    whole = sbp.derivative("(eigh(A)[1] * sqrt(eigh(A)[0])) @ eigh(A)[1].T", {"A": "n n"}, "A")

    def square(A):
        values, vectors = np.linalg.eigh((A + A.T) / 2)
        return np.sum(SYMMETRIC * ((vectors * np.exp(values)) @ vectors.T) ** 2)

    def root(A):
        values, vectors = np.linalg.eigh((A + A.T) / 2)
        return (vectors * np.sqrt(values)) @ vectors.T

    A = TURNED @ np.diag(SPECTRA[0]) @ TURNED.T
    assert np.allclose(slope.evaluate(A=A, B=SYMMETRIC), differences(square, A), atol=1e-6)
    assert np.allclose(whole.evaluate(A=A), differences(root, A), atol=1e-8)


def test_what_depends_on_one_of_equal_eigenvectors_is_nan_and_told():
    slope = sbp.derivative("eigh(A)[1][0, 0]", {"A": "3 3"}, "A")
    assert np.all(np.isnan(slope.evaluate(A=np.diag([1.0, 1.0, 2.0])))) and not np.any(np.isnan(slope.evaluate(A=np.diag([1.0, 2.0, 2.0]))))
    assert any("equal" in kink for kink in slope.kinks)
    hessian = sbp.derivative("sum(log(eigvalsh(A)))", {"A": "n n"}, "A", order=2)
    assert np.allclose(hessian.evaluate(A=np.eye(3)), differences(lambda a: np.linalg.inv((a + a.T) / 2), np.eye(3)), atol=1e-8)


def peak(result, **arrays):
    result.evaluate(**{n: a[(slice(2),) * a.ndim] for n, a in arrays.items()})
    tracemalloc.start()
    result.evaluate(**arrays)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_memory_of_running_products_and_of_cholesky():
    assert peak(sbp.derivative("sum(cumprod(x))", {"x": "n"}, "x"), x=np.ones(1000)) < 3e5
    assert peak(sbp.derivative("sum(cholesky(A))", {"A": "n n"}, "A"), A=2 * np.eye(40)) < 40**2 * 8 * 16
    assert (
        peak(sbp.derivative("sum(cholesky(A) * B)", {"A": "n n", "B": "n n"}, "A"), A=2 * np.eye(40), B=np.ones((40, 40))) < 40**2 * 8 * 16
    )


@pytest.mark.parametrize("zeros", [0, 1, 2])
@pytest.mark.parametrize("axis", [0, 1])
def test_running_products_with_zeros(zeros, axis):
    text = f"sum(cumprod(X, axis={axis}) ** 2 * X) + sum(cumprod(X[1:], axis={axis})[:, -1])"
    slope = sbp.derivative(text, {"X": "m n"}, "X")
    X = np.random.default_rng(5).standard_normal((3, 4))
    X.reshape(-1)[[1, 6][:zeros]] = 0

    def f(X):
        return np.sum(np.cumprod(X, axis=axis) ** 2 * X) + np.sum(np.cumprod(X[1:], axis=axis)[:, -1])

    assert np.allclose(slope.evaluate(X=X), differences(f, X), atol=1e-8) and "pullback" in slope.numpy


@pytest.mark.parametrize("text", ["norm(rms_norm(x))", "norm(x / sqrt(mean(x**2) + 1e-5))", "norm(x / (1 + norm(x)**2))"])
def test_the_norm_of_what_is_normalised_by_a_positive_number(text):
    slope = sbp.derivative(text, {"x": "n"}, "x")
    assert not slope.evaluate(x=np.zeros(3)).any() and slope.kinks
    assert r"\mathbf{1}[" not in sbp.derivative("sqrt(1 + x ** 2)", {"x": ""}, "x").latex()


@pytest.mark.parametrize("last", ["S / sum(exp(x))", "log(S)", "1 / S / sum(exp(x))", "sqrt(a * b * exp(x[0])) * S"])
def test_roots_of_squares_of_sums_of_exponentials_with_negative_weights(last):
    equations = {"z": "sum(w * exp(x))", "Q": "z**2", "S": "sqrt(Q)", "J": last}
    roles = {"x": "parameter", "w": "constant", **{name: "constant" for name in "ab" if name in last}}
    tensors = {name: {"axes": "" if name in "ab" else "n", "role": role} for name, role in roles.items()}
    module = sbp.generate(sbp.derive(sbp.model(tensors, equations))).load()
    x, data = np.array([0.3, -0.2]), {"w": np.array([-1.0, -2.0]), "a": np.array(-2.0), "b": np.array(-0.7)}
    scope = {"x": x, **data, "S": abs(np.sum(data["w"] * np.exp(x))), "sum": np.sum, "exp": np.exp, "log": np.log, "sqrt": np.sqrt}
    found = module.loss(module.Parameters(x), **{name: array for name, array in data.items() if name in roles})
    assert np.isclose(found, eval(last, scope))


NEIGHBOURS = (
    "log(b[1:] @ exp(x[1:] + x[:-1]))",
    "log(exp(x[1:] - x[:-1]) @ b[:-1])",
    "log((A[1:, 1:] @ (x[:-1] ** 2 + 0.5)) @ exp(x[1:] * c))",
)


@pytest.mark.parametrize("n", [2, 3, 5, 7])
@pytest.mark.parametrize("text", NEIGHBOURS)
def test_a_place_outside_is_not_read_where_neighbours_are_exponents(text, n):
    """Two terms of different guards are said as one: each place that either reads may lie outside for the other."""
    rng = np.random.default_rng(n)
    given = {"x": rng.normal(size=n), "A": rng.uniform(0.5, 2, (n, n)), "b": rng.uniform(0.5, 2, n), "c": np.array(0.7)}
    shapes = {name: axes for name, axes in {"x": "n", "A": "n n", "b": "n", "c": ""}.items() if name in text.replace("exp", "")}
    arrays = {name: given[name] for name in shapes}
    program = sbp.model({t: {"axes": a, "role": "parameter"} for t, a in shapes.items()}, {"J": text}).program
    slope = differences(lambda x: evaluate(program, {**arrays, "x": x})["J"], arrays["x"])
    assert np.allclose(sbp.derivative(text, shapes, "x").evaluate(**arrays), slope, atol=1e-8)
