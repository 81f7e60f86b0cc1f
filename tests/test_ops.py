"""Array ops: what each builds has the entries that NumPy gives, for unlike sizes and with negatives."""

import numpy as np
import pytest
import scipy.special
from numpy.lib.stride_tricks import sliding_window_view
from sympy import Expr

from symbackprop.calculus.program import Call, Program, Tensor
from symbackprop.calculus.term import Total
from symbackprop.language.elaborate import elaborate
from symbackprop.language.spec import spec_from_tables
from symbackprop.ops import OPS
from symbackprop.verification.oracle.literal import evaluate

SIZES = {"n": 5, "m": 7, "d": 3, "k": 2}
SHAPES = {
    "x": "n",
    "z": "n",
    "v": "m",
    "A": "n m",
    "B": "m d",
    "S": "n n",
    "T": "k n m",
    "U": "k m d",
    "R": "n 1",
    "F": "7 3",
    "s": "",
    "g": "n",
}
PLACES = {"g": [4, 0, 4, 1, 2]}


def program(text: str, shapes: dict[str, str] = SHAPES) -> Program:
    tensors = {name: {"axes": axes, "role": "index" if name in PLACES else "input"} for name, axes in shapes.items()}
    words = {w for axes in shapes.values() for w in axes.split()}
    spec = spec_from_tables(tensors, {"out": text}, name="case", axes={a: n for a, n in SIZES.items() if a in words})
    return elaborate(spec, scalar=False, unused=True)


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shape = {name: [SIZES[w] if w in SIZES else int(w) for w in axes.split()] for name, axes in SHAPES.items()}
    return {name: np.array(PLACES[name]) if name in PLACES else random.normal(size=sizes) for name, sizes in shape.items()}


def check(text: str, expected) -> bool:
    """Whether the program's value is what NumPy gives, in shape and entries."""
    given = arrays()
    sizes = {t: n for t, n in program(text).sizes.items()}
    value = evaluate(program(text), given, sizes)["out"]
    wanted = np.asarray(expected(**given), dtype=float)
    return value.shape == wanted.shape and np.allclose(value, wanted, rtol=1e-10, atol=1e-12)


def softmax(x, axis):
    return scipy.special.softmax(x, axis=axis)


def gaps(values):
    apart = values[:, None] - values + np.eye(len(values))
    return 1 / apart - np.eye(len(values))


CASES = {
    "x + 2 * z - x / 4": lambda x, z, **_: x + 2 * z - x / 4,
    "-x ** 2": lambda x, **_: -(x**2),
    "A + x[:, None]": lambda A, x, **_: A + x[:, None],
    "A * v": lambda A, v, **_: A * v,
    "A - R": lambda A, R, **_: A - R,
    "R + v": lambda R, v, **_: R + v,
    "s * A": lambda s, A, **_: s * A,
    "T + A": lambda T, A, **_: T + A,
    "x / n": lambda x, **_: x / 5,
    "sqrt(x ** 2)": lambda x, **_: np.abs(x),
    "abs(x) ** 1.5": lambda x, **_: np.abs(x) ** 1.5,
    "exp(x) ** z": lambda x, z, **_: np.exp(x) ** z,
    "A @ B": lambda A, B, **_: A @ B,
    "A @ v": lambda A, v, **_: A @ v,
    "x @ A": lambda x, A, **_: x @ A,
    "x @ z": lambda x, z, **_: x @ z,
    "T @ U": lambda T, U, **_: T @ U,
    "A @ U": lambda A, U, **_: A @ U,
    "T @ v": lambda T, v, **_: T @ v,
    "x @ T": lambda x, T, **_: x @ T,
    "F.T @ F": lambda F, **_: F.T @ F,
    "(A @ B).T @ x": lambda A, B, x, **_: (A @ B).T @ x,
    "(A @ v + x) @ (A @ v - x)": lambda A, v, x, **_: (A @ v + x) @ (A @ v - x),
    "exp(A @ v) + A @ v": lambda A, v, **_: np.exp(A @ v) + A @ v,
    "dot(A, B)": lambda A, B, **_: np.dot(A, B),
    "dot(x, z)": lambda x, z, **_: np.dot(x, z),
    "dot(s, A)": lambda s, A, **_: np.dot(s, A),
    "dot(T, B)": lambda T, B, **_: np.dot(T, B),
    "dot(A, U)": lambda A, U, **_: np.dot(A, U),
    "inner(x, z)": lambda x, z, **_: np.inner(x, z),
    "outer(x, v)": lambda x, v, **_: np.outer(x, v),
    "outer(A @ v, v)": lambda A, v, **_: np.outer(A @ v, v),
    "trace(S)": lambda S, **_: np.trace(S),
    "trace(S @ A @ A.T)": lambda S, A, **_: np.trace(S @ A @ A.T),
    'einsum("ij,jk,i->k", A, B, x)': lambda A, B, x, **_: np.einsum("ij,jk,i->k", A, B, x),
    'einsum("ii->i", S)': lambda S, **_: np.einsum("ii->i", S),
    'einsum("ii", S)': lambda S, **_: np.einsum("ii", S),
    'einsum("ba", A)': lambda A, **_: np.einsum("ba", A),
    'einsum("kij,kjd->ikd", T, U)': lambda T, U, **_: np.einsum("kij,kjd->ikd", T, U),
    "sum(A)": lambda A, **_: A.sum(),
    "sum(A, axis=0)": lambda A, **_: A.sum(axis=0),
    "sum(T, axis=(0, -1))": lambda T, **_: T.sum(axis=(0, -1)),
    "sum(A, axis=1, keepdims=True) * v": lambda A, v, **_: A.sum(axis=1, keepdims=True) * v,
    "sum(A, 1)": lambda A, **_: A.sum(1),
    "sum(sum(A * A, axis=0))": lambda A, **_: (A * A).sum(),
    "sum(ones((n, m)) + eye(n, m))": lambda **_: 5 * 7 + 5,
    "sum(R)": lambda R, **_: R.sum(),
    "mean(A)": lambda A, **_: A.mean(),
    "mean(A, axis=1) + x": lambda A, x, **_: A.mean(axis=1) + x,
    "A - mean(A, axis=0, keepdims=True)": lambda A, **_: A - A.mean(axis=0, keepdims=True),
    "var(A)": lambda A, **_: A.var(),
    "var(A, axis=1)": lambda A, **_: A.var(axis=1),
    "var(T, axis=(0, 2), ddof=1, keepdims=True)": lambda T, **_: T.var(axis=(0, 2), ddof=1, keepdims=True),
    "std(A, axis=0)": lambda A, **_: A.std(axis=0),
    "var(A @ B, axis=1)": lambda A, B, **_: (A @ B).var(axis=1),
    "norm(x)": lambda x, **_: np.linalg.norm(x),
    "norm(A @ v - x) ** 2": lambda A, v, x, **_: np.linalg.norm(A @ v - x) ** 2,
    "norm(A)": lambda A, **_: np.linalg.norm(A),
    "norm(A, axis=1)": lambda A, **_: np.linalg.norm(A, axis=1),
    "A / norm(A, axis=1, keepdims=True)": lambda A, **_: A / np.linalg.norm(A, axis=1, keepdims=True),
    "norm(x, 1)": lambda x, **_: np.linalg.norm(x, 1),
    "cumsum(x)": lambda x, **_: np.cumsum(x),
    "cumsum(A, axis=0)": lambda A, **_: np.cumsum(A, axis=0),
    "cumsum(A @ v)[1:]": lambda A, v, **_: np.cumsum(A @ v)[1:],
    "x[2]": lambda x, **_: x[2],
    "x[-1]": lambda x, **_: x[-1],
    "x[n - 2]": lambda x, **_: x[3],
    "x[1:] - x[:-1]": lambda x, **_: x[1:] - x[:-1],
    "x[::-1] * z": lambda x, z, **_: x[::-1] * z,
    "x[::2]": lambda x, **_: x[::2],
    "x[3:0:-2]": lambda x, **_: x[3:0:-2],
    "x[1:3][::-1]": lambda x, **_: x[1:3][::-1],
    "F[-3:100]": lambda F, **_: F[-3:100],
    "F[2:, ::2]": lambda F, **_: F[2:, ::2],
    "T[0, ..., 1]": lambda T, **_: T[0, ..., 1],
    "T[..., None, 2:]": lambda T, **_: T[..., None, 2:],
    "A[1]": lambda A, **_: A[1],
    "A[:, 1] @ A[:, :3]": lambda A, **_: A[:, 1] @ A[:, :3],
    "(A @ B)[0]": lambda A, B, **_: (A @ B)[0],
    "A.T": lambda A, **_: A.T,
    "transpose(T, (2, 0, 1))": lambda T, **_: np.transpose(T, (2, 0, 1)),
    "T.T @ T[:, :, 0]": lambda T, **_: T.T @ T[:, :, 0],
    "swapaxes(T, 0, 2)": lambda T, **_: np.swapaxes(T, 0, 2),
    "diag(x)": lambda x, **_: np.diag(x),
    "diag(S)": lambda S, **_: np.diag(S),
    "diag(A @ v) @ A": lambda A, v, **_: np.diag(A @ v) @ A,
    "diagonal(S @ S)": lambda S, **_: np.diagonal(S @ S),
    "S - eye(n)": lambda S, **_: S - np.eye(5),
    "ones(n) + zeros(n)": lambda **_: np.ones(5),
    "ones((2, n)) @ x": lambda x, **_: np.ones((2, 5)) @ x,
    "ones_like(A) - zeros_like(A)": lambda A, **_: np.ones_like(A),
    "tril(S)": lambda S, **_: np.tril(S),
    "triu(S, 1)": lambda S, **_: np.triu(S, 1),
    "reshape(x, (n, 1))": lambda x, **_: x.reshape(5, 1),
    "reshape(R, (-1,))": lambda R, **_: R.reshape(-1),
    "squeeze(R)": lambda R, **_: R.squeeze(),
    "expand_dims(x, 0)": lambda x, **_: np.expand_dims(x, 0),
    "softmax(A)": lambda A, **_: softmax(A, -1),
    "softmax(A @ B, axis=0)": lambda A, B, **_: softmax(A @ B, 0),
    "softmax(T, axis=1)": lambda T, **_: softmax(T, 1),
    "log_softmax(A.T, axis=0)": lambda A, **_: np.log(softmax(A.T, 0)),
    "logsumexp(A)": lambda A, **_: scipy.special.logsumexp(A),
    "logsumexp(T, axis=(0, 2), keepdims=True)": lambda T, **_: scipy.special.logsumexp(T, axis=(0, 2), keepdims=True),
    "logsumexp(A, axis=1)": lambda A, **_: scipy.special.logsumexp(A, axis=1),
    "exp(A) / sum(exp(A), axis=1, keepdims=True)": lambda A, **_: softmax(A, 1),
    "where(x > z, x, 2 * z)": lambda x, z, **_: np.where(x > z, x, 2 * z),
    "where(A >= 0.5, A, v)": lambda A, v, **_: np.where(A >= 0.5, A, v),
    "where(A @ v < 0, A @ v, 0)": lambda A, v, **_: np.where(A @ v < 0, A @ v, 0),
    "where(x <= x[0], 1, -1)": lambda x, **_: np.where(x <= x[0], 1, -1),
    "where(x == x[1], 1, x)": lambda x, **_: np.where(x == x[1], 1, x),
    "where(x != x[1], 1, x)": lambda x, **_: np.where(x != x[1], 1, x),
    "where(abs(x) <= 1, x**2 / 2, abs(x) - 0.5)": lambda x, **_: np.where(np.abs(x) <= 1, x**2 / 2, np.abs(x) - 0.5),
    "maximum(A, v)": lambda A, v, **_: np.maximum(A, v),
    "clip(x, -0.5, None)": lambda x, **_: np.clip(x, -0.5, None),
    "clip(x, -0.5, 0.5)": lambda x, **_: np.clip(x, -0.5, 0.5),
    "leaky_relu(x) + leaky_relu(x, 0.3) + elu(x, alpha=2)": lambda x, **_: (
        np.where(x > 0, 2 * x, 0.31 * x) + np.where(x > 0, x, 2 * np.expm1(np.minimum(x, 0)))
    ),
    "relu(A @ B) @ relu(A @ B).T": lambda A, B, **_: np.maximum(A @ B, 0) @ np.maximum(A @ B, 0).T,
    "inv(S)": lambda S, **_: np.linalg.inv(S),
    "det(S)": lambda S, **_: np.linalg.det(S),
    "logdet(S)": lambda S, **_: np.linalg.slogdet(S)[1],
    "solve(S, A)": lambda S, A, **_: np.linalg.solve(S, A),
    "cholesky(S @ S.T)": lambda S, **_: np.linalg.cholesky(S @ S.T),
    "eigvalsh(S + S.T)": lambda S, **_: np.linalg.eigvalsh(S + S.T),
    "eigenvectors(S) ** 2": lambda S, **_: np.linalg.eigh((S + S.T) / 2)[1] ** 2,
    "eigenvalue_gaps(S)": lambda S, **_: gaps(np.linalg.eigvalsh((S + S.T) / 2)),
    "tensordot(T, U, axes=((0, 2), (0, 1)))": lambda T, U, **_: np.tensordot(T, U, axes=((0, 2), (0, 1))),
    "tensordot(A, B, 1)": lambda A, B, **_: np.tensordot(A, B, 1),
    "max(T)": lambda T, **_: T.max(),
    "max(T, axis=(0, 2), keepdims=True)": lambda T, **_: T.max(axis=(0, 2), keepdims=True),
    "min(A, axis=1)": lambda A, **_: A.min(axis=1),
    "max_selector(A, axis=1)": lambda A, **_: (A.max(axis=1, keepdims=True) == A) * 1.0,
    "min_selector(A, axis=0)": lambda A, **_: (A.min(axis=0) == A) * 1.0,
    "prod(A, axis=0)": lambda A, **_: A.prod(axis=0),
    "prod_others(x)": lambda x, **_: x.prod() / x,
    "prod_others(x, order=2)": lambda x, **_: x.prod() / np.where(np.eye(5), x, np.outer(x, x)),
    "cumprod(A, axis=0)": lambda A, **_: np.cumprod(A, axis=0),
    "reshape(A, (m, n))": lambda A, **_: A.reshape(7, 5),
    "reshape(T, (k * n, -1))": lambda T, **_: T.reshape(10, 7),
    "ravel(T[:, 1:])": lambda T, **_: T[:, 1:].ravel(),
    "moveaxis(T, 0, 1)": lambda T, **_: np.moveaxis(T, 0, 1),
    "kron(A, F)": lambda A, F, **_: np.kron(A, F),
    "kron(x, F)": lambda x, F, **_: np.kron(x, F),
    "concatenate((x, v, x))": lambda x, v, **_: np.concatenate((x, v, x)),
    "concatenate([A, A @ B], axis=-1)": lambda A, B, **_: np.concatenate([A, A @ B], axis=-1),
    "stack((x, z), axis=-1)": lambda x, z, **_: np.stack((x, z), axis=-1),
    "hstack((R, A))": lambda R, A, **_: np.hstack((R, A)),
    "vstack((A, v[None, :]))": lambda A, v, **_: np.vstack((A, v[None, :])),
    "split(F, (2, 3))[1]": lambda F, **_: np.split(F, (2, 3))[1],
    "flip(A)": lambda A, **_: np.flip(A),
    "roll(A, -1, axis=1)": lambda A, **_: np.roll(A, -1, axis=1),
    "tile(A, (2, 3))": lambda A, **_: np.tile(A, (2, 3)),
    "repeat(A, 3, axis=1)": lambda A, **_: np.repeat(A, 3, axis=1),
    "arange(n) * x": lambda x, **_: np.arange(5) * x,
    "x[g]": lambda x, g, **_: x[g],
    "A[g, 1:] @ B[1:]": lambda A, B, g, **_: A[g, 1:] @ B[1:],
    "A[arange(n), g + 2]": lambda A, g, **_: A[np.arange(5), g + 2],
    "T[0, g, -1]": lambda T, g, **_: T[0, g, -1],
    "T[:, g, g]": lambda T, g, **_: T[:, g, g],
    "F[g][:, g[1:2]]": lambda F, g, **_: F[g][:, g[1:2]],
    "take(F, g, axis=0)": lambda F, g, **_: np.take(F, g, axis=0),
    "take(F, g)": lambda F, g, **_: np.take(F, g),
    "take_along_axis(A, g[:, None], axis=1)": lambda A, g, **_: np.take_along_axis(A, g[:, None], axis=1),
    "one_hot(g, 7)": lambda g, **_: np.eye(7)[g],
    "pad(A, ((1, 2), (0, 3)))": lambda A, **_: np.pad(A, ((1, 2), (0, 3))),
    "pad(A[:, ::2], 2)[1:, :-1]": lambda A, **_: np.pad(A[:, ::2], 2)[1:, :-1],
    "pad(A @ v, (0, n))": lambda A, v, **_: np.pad(A @ v, (0, 5)),
    "np.lib.stride_tricks.sliding_window_view(A, 3, axis=1)": lambda A, **_: sliding_window_view(A, 3, axis=1),
    "sliding_window_view(A[::-1], (2, 3))[::2]": lambda A, **_: sliding_window_view(A[::-1], (2, 3))[::2],
    "sliding_window_view(pad(x, 1), 3) @ ones(3)": lambda x, **_: np.convolve(x, np.ones(3), "same"),
    "broadcast_to(v, (n, m))": lambda v, **_: np.broadcast_to(v, (5, 7)),
    "full((n, m), s) + full(m, 2)": lambda s, **_: np.full((5, 7), s) + 2,
    "full((n, m), v)": lambda v, **_: np.full((5, 7), v),
    "column_stack((x, A, z))": lambda x, A, z, **_: np.column_stack((x, A, z)),
    "diff(A) @ v[1:]": lambda A, v, **_: np.diff(A) @ v[1:],
    "np.diff(A, n=2, axis=0)": lambda A, **_: np.diff(A, n=2, axis=0),
    "ptp(A, axis=1, keepdims=True)": lambda A, **_: np.ptp(A, axis=1, keepdims=True),
    "np.ptp(T)": lambda T, **_: np.ptp(T),
    "average(A, axis=0)": lambda A, **_: np.average(A, axis=0),
    "average(A, axis=0, weights=x)": lambda A, x, **_: np.average(A, axis=0, weights=x),
    "average(T, weights=T * T)": lambda T, **_: np.average(T, weights=T * T),
    "vdot(A, A + 1)": lambda A, **_: np.vdot(A, A + 1),
    "vdot(R, x)": lambda R, x, **_: np.vdot(R, x),
    "matrix_power(S, 3)": lambda S, **_: np.linalg.matrix_power(S, 3),
    "np.linalg.matrix_power(S, -2)": lambda S, **_: np.linalg.matrix_power(S, -2),
    "np.linalg.slogdet(S)[1] + slogdet(S)[0]": lambda S, **_: sum(np.linalg.slogdet(S)),
    "sign_of_det(-S)": lambda S, **_: np.linalg.slogdet(-S)[0],
    "pinv(A)": lambda A, **_: np.linalg.pinv(A),
    "pinv(B) @ v": lambda B, v, **_: np.linalg.pinv(B) @ v,
    "eigh(S)[0]": lambda S, **_: np.linalg.eigvalsh((S + S.T) / 2),
    "eigh(S)[1] ** 2": lambda S, **_: np.linalg.eigh((S + S.T) / 2)[1] ** 2,
    "norm(x, 'inf') + np.linalg.norm(v, np.inf)": lambda x, v, **_: np.linalg.norm(x, np.inf) + np.linalg.norm(v, np.inf),
    "norm(A, 3, axis=1)": lambda A, **_: np.linalg.norm(A, 3, axis=1),
    "norm(A, 'inf', axis=0, keepdims=True)": lambda A, **_: np.linalg.norm(A, np.inf, axis=0, keepdims=True),
    "inner(A, A[:2])": lambda A, **_: np.inner(A, A[:2]),
    "inner(s, A)": lambda s, A, **_: np.inner(s, A),
    "einsum('...ij,jk->...ik', T, B)": lambda T, B, **_: np.einsum("...ij,jk->...ik", T, B),
    "einsum('i...,i...', A, A)": lambda A, **_: np.einsum("i...,i...", A, A),
    "einsum('...ij,...jk', T, U)": lambda T, U, **_: np.einsum("...ij,...jk", T, U),
    "np.identity(n) * x": lambda x, **_: np.identity(5) * x,
    "where((x > 0) & (z > 0) | ~(x < z), x, z)": lambda x, z, **_: np.where((x > 0) & (z > 0) | ~(x < z), x, z),
    "where(logical_not((A > 0) | (v < 0)), A, v)": lambda A, v, **_: np.where(~((A > 0) | (v < 0)), A, v),
    "x * A.shape[0] + len(v) + A.size + T.ndim": lambda x, A, v, T, **_: x * 5 + 7 + 35 + 3,
    "reshape(ravel(A), A.shape) + zeros(A.shape)": lambda A, **_: A,
    "np.pi * x + np.e": lambda x, **_: np.pi * x + np.e,
    "1 / (1 + exp(-(A @ v)))": lambda A, v, **_: 1 / (1 + np.exp(-(A @ v))),
}


@pytest.mark.parametrize("text", CASES)
def test_an_expression_has_numpys_value(text):
    assert check(text, CASES[text])


def test_a_wrong_value_is_noticed():
    assert not check("x[1:] - x[:-1]", lambda x, **_: x[:-1] - x[1:])
    assert not check("A.T", lambda A, **_: A)


@pytest.mark.parametrize("text", CASES)
def test_a_sum_stands_only_where_it_may(text):
    assert not any(misplaced(e.rhs) for e in program(text).equations if isinstance(e.rhs, Expr))


def misplaced(e) -> bool:
    """Whether a Total stands inside a function, a power or a bracket."""
    if not e.args or not e.has(Total):
        return False
    return not (e.is_Add or e.is_Mul or isinstance(e, Total)) or any(misplaced(a) for a in e.args)


def test_a_misplaced_sum_is_noticed():
    total = program("sum(x)").equations[-1].rhs
    assert misplaced(total**2) and misplaced(OPS["exp"].function(total)) and not misplaced(3 * total + 1)


def test_every_array_op_is_put_to_the_test():
    built = {op.name for op in OPS.values() if op.kind not in ("elementwise", "condition", "layer", "loss")}
    assert not [name for name in built if name not in "matmul" and not any(f"{name}(" in text for text in CASES)]


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_law_and_stable_form_of_a_statistic_agree(name, axis):
    x = program(f"{name}(T, axis={axis})")
    equation = x.equations[-1]
    out = Tensor("out", equation.tensor.axes)
    given, kept = arrays(), dict(x.tensors)
    values = []
    for form in (OPS[name].law, OPS[name].stable):
        made = form(Call(name, ("T",), (("axis", axis),)), kept, out, lambda s: f"{s}_")
        assert made[-1].name == "out"
        whole = Program("law", {**kept, **{e.name: e.tensor for e in made}}, made, "out", sizes=x.sizes)
        values.append(evaluate(whole, given, x.sizes)["out"])
    assert np.allclose(values[0], evaluate(x, given, x.sizes)["out"]) and np.allclose(values[0], values[1])


def test_the_stable_form_survives_huge_logits():
    x = program("softmax(T, axis=1)")
    out = Tensor("out", x.tensors["T"].axes)
    made = OPS["softmax"].stable(Call("softmax", ("T",), (("axis", 1),)), x.tensors, out)
    whole = Program("law", {**x.tensors, **{e.name: e.tensor for e in made}}, made, "out")
    huge = {**arrays(), "T": arrays()["T"] * 1e4}
    assert np.isfinite(evaluate(whole, huge, x.sizes)["out"]).all()
