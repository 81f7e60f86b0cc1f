"""The generated module: what it computes, what it refuses, how it reads, and that it stands alone."""

import ast
import re
import subprocess
import sys

import numpy as np
import pytest
from network_models import network
from small import index, program
from sympy import log

import symbackprop.emit as emit
from symbackprop.calculus.index import parse_shape
from symbackprop.calculus.program import Equation, Program, Tensor
from symbackprop.calculus.term import Entry as T
from symbackprop.calculus.term import Total
from symbackprop.derivation.reverse import gradient
from symbackprop.errors import TargetError
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays

SOURCE = emit.module_source(gradient(network()))
MODULE = emit.load_source(SOURCE, "network")
DEEP = emit.module_source(gradient(network("d e f g c")))


def data(n=7, dtype=np.float64, seed=0):
    draw = np.random.default_rng(seed)
    params = MODULE.initialise(seed, d=3, h=5, c=2, dtype=dtype)
    params = MODULE.Parameters(*[(p + 0.1 * draw.standard_normal(p.shape)).astype(dtype) for p in params])
    return params, draw.standard_normal((n, 3)).astype(dtype), np.eye(2, dtype=dtype)[draw.integers(0, 2, n)]


def textbook(params, X, Y):
    """The note's own formulas."""
    H = np.maximum(X @ params.W1 + params.b1, 0)
    O = H @ params.W2 + params.b2
    E = np.exp(O - O.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    D2 = (P - Y) / len(X)
    D1 = (D2 @ params.W2.T) * (H > 0)
    return -np.sum(Y * np.log(P)) / len(X), (X.T @ D1, D1.sum(axis=0), H.T @ D2, D2.sum(axis=0))


def test_self_check_takes_data_and_sees_a_broken_fact():
    X, Y = np.random.default_rng(0).normal(size=(4, 3)), np.eye(2)[[0, 1, 1, 0]]
    MODULE.self_check(X=X, Y=Y)
    with pytest.raises(AssertionError, match="Y: its entries do not sum to 1 along axis 1, which the gradients rest on"):
        MODULE.self_check(X=X, Y=2 * Y)
    with pytest.raises(ValueError, match="Z is no argument; the arguments are W1, b1"):
        MODULE.self_check(Z=Y)


@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_loss_and_gradients_by_value(n, dtype):
    params, X, Y = data(n, dtype)
    loss, gradients = MODULE.loss_and_gradients(params, X, Y)
    want, slopes = textbook(params, X, Y)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    assert np.allclose(loss, want, rtol=tolerance)
    assert all(np.allclose(a, b, rtol=tolerance, atol=tolerance) for a, b in zip(gradients, slopes, strict=True))
    assert {a.dtype for a in (loss, *gradients, MODULE.forward(params, X), MODULE.loss(params, X, Y))} == {np.dtype(dtype)}


def test_a_deep_network_by_value():
    d = gradient(network("d e f g c"))
    arrays = random_arrays(d.program)
    leaves = {t.name: arrays[t.name] for t in d.program.leaves}
    module = emit.load_source(DEEP, "deep")
    params = module.Parameters(**{k: leaves[k] for k in module.Parameters._fields})
    loss, gradients = module.loss_and_gradients(params, leaves["X"], leaves["Y"])
    want = evaluate(d.program, leaves)
    assert np.isclose(loss, want["J"])
    assert all(np.allclose(g, want[f"d{name}"]) for name, g in gradients._asdict().items())


def test_loss_gradients_and_forward_agree_with_the_one_pass():
    params, X, Y = data()
    loss, gradients = MODULE.loss_and_gradients(params, X, Y)
    assert np.isclose(MODULE.loss(params, X=X, Y=Y), loss, rtol=1e-14)
    assert all(np.array_equal(a, b) for a, b in zip(MODULE.gradients(params, X, Y=Y), gradients, strict=True))
    assert np.allclose(MODULE.forward(params, X), np.maximum(X @ params.W1 + params.b1, 0) @ params.W2 + params.b2)


def test_arguments_stay_as_they_are_and_results_share_no_memory():
    params, X, Y = data()
    arrays = [*params, X, Y]
    before = [a.copy() for a in arrays]
    gradients = MODULE.gradients(params, X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))
    assert not any(np.shares_memory(a, b) for a in gradients for b in (*arrays, *[g for g in gradients if g is not a]))


@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_huge_logits(scale):
    params, X, Y = data()
    params = params._replace(b2=np.array([scale, -scale]))
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss, gradients = MODULE.loss_and_gradients(params, X, Y)
    assert np.isfinite(loss) and all(np.isfinite(g).all() for g in gradients)
    assert np.isclose(loss, 2e4 * np.mean(Y[:, 1 if scale > 0 else 0]), rtol=1e-2)


def test_lists_and_whole_numbers_are_taken():
    params, X, Y = data()
    loss = MODULE.loss([p.tolist() for p in params], np.round(X).astype(int).tolist(), Y.astype(int))
    assert np.isclose(loss, MODULE.loss(params, np.round(X), Y))
    single = MODULE.Parameters(*[p.astype(np.float32) for p in params])
    assert MODULE.loss(single, np.round(X).astype(int), Y.astype(int)).dtype == np.float32


@pytest.mark.parametrize(
    "change, message",
    [
        ({"X": np.zeros((4, 3))}, r"Y: expected shape \(n, c\) = \(4, 2\), got \(7, 2\)"),
        ({"X": np.zeros((7, 4))}, r"X: expected shape \(n, d\) = \(7, 3\), got \(7, 4\)"),
        ({"X": np.zeros(7)}, r"X: expected shape \(n, d\) = \(7, 3\), got \(7,\)"),
        ({"X": np.zeros((0, 3)), "Y": np.zeros((0, 2))}, "axis n is empty"),
        ({"X": np.full((7, 3), "a")}, "X: expected real numbers"),
        ({"params": ()}, "params: expected 4 arrays, got 0"),
    ],
)
def test_arguments_that_do_not_fit(change, message):
    params, X, Y = data()
    with pytest.raises(ValueError, match=message):
        MODULE.loss_and_gradients(**({"params": params, "X": X, "Y": Y} | change))


def test_pack_and_unpack():
    params, *_ = data()
    theta = MODULE.pack(params)
    assert theta.shape == (3 * 5 + 5 + 5 * 2 + 2,) and theta[1] == params.W1[0, 1]
    assert all(np.array_equal(a, b) for a, b in zip(MODULE.unpack(theta, like=params), params, strict=True))
    with pytest.raises(ValueError, match=r"theta: expected shape \(32,\), got \(31,\)"):
        MODULE.unpack(theta[1:], params)


def test_initialise_by_he_and_glorot():
    params = MODULE.initialise(0, d=400, h=300, c=200)
    assert np.isclose(params.W1.std(), np.sqrt(2 / 400), rtol=0.02)
    assert np.isclose(np.abs(params.W2).max(), np.sqrt(6 / 500), rtol=0.01)
    assert not params.b1.any() and not params.b2.any()
    assert MODULE.initialise(0, 2, 3, 4, np.float32).W1.dtype == np.float32
    assert not np.array_equal(params.W1, MODULE.initialise(1, d=400, h=300, c=200).W1)


def test_self_check_passes_and_sees_a_wrong_gradient():
    MODULE.self_check()
    broken = SOURCE.replace("dO_T *= 1 / n", "dO_T *= 2 / n")
    assert broken != SOURCE
    with pytest.raises(AssertionError, match="gradient of W1 at"):
        emit.load_source(broken, "broken").self_check()


def test_it_stands_alone(tmp_path):
    emit.write(tmp_path / "network.py", SOURCE)
    numpy_home = str(np.__path__[0]).removesuffix("/numpy")
    script = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; sys.path.append({numpy_home!r}); import network; network.self_check()"
    script += "; assert not {'sympy', 'symbackprop', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-I", "-W", "error", "-c", script], check=True)


def test_it_imports_nothing_but_numpy():
    imports = [n for n in ast.walk(ast.parse(SOURCE)) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(n) for n in imports] == [
        "from collections.abc import Callable",
        "from typing import NamedTuple",
        "import numpy as np",
    ]


def body(source, name):
    """The statements of a function, comments left out."""
    text = re.search(rf"^def {name}\(.*?(?=^def |\Z)", source, re.S | re.M).group()
    return "\n".join(line.split("  #")[0] for line in text.splitlines() if not line.strip().startswith("#"))


def test_as_few_calls_as_by_hand():
    text = body(SOURCE, "loss_and_gradients")
    text = text.replace("np.maximum.reduce", "np.reduce").replace("np.add.reduce", "np.reduce")
    calls = re.findall(r"\bnp\.(?!zeros|ones)\w+|\.copy\(|[-+*/]=", text)  # rows of zeros and ones are no work
    assert text.count("np.dot(") == 7
    assert len(calls) <= 24


@pytest.mark.parametrize("word", ["np.where", "np.einsum", "0.0)", "for ", ".astype"])
def test_nothing_slow_in_the_hot_path(word):
    assert word not in body(DEEP, "loss_and_gradients")
    assert "np.dot" in body(DEEP, "loss_and_gradients")


def test_the_first_layer_gets_no_gradient_of_its_input():
    assert "dX" not in SOURCE and "dH1" in SOURCE
    assert body(DEEP, "loss_and_gradients").count("np.dot(") == 4 + 4 + 3 + 4


def test_softmax_is_computed_once_and_lies_transposed():
    text = body(SOURCE, "loss_and_gradients")
    assert text.count("np.exp") == text.count("np.log") == text.count("np.maximum.reduce") == 1
    assert "np.add.reduce(E_T, axis=0)" in text


def test_the_same_model_gives_the_same_bytes():
    assert emit.module_source(gradient(network())) == SOURCE
    assert emit.module_source(gradient(network("d q c"))) != SOURCE


def test_the_text_is_formatted_and_clean(tmp_path):
    for name, source in (("network", SOURCE), ("deep", DEEP)):
        path = emit.write(tmp_path / f"{name}.py", source)
        ruff = [sys.executable, "-m", "ruff"]
        subprocess.run([*ruff, "format", "--isolated", "--line-length", "120", "--check", "-q", path], check=True)
        subprocess.run([*ruff, "check", "--isolated", "--line-length", "120", "-q", path], check=True)
        assert "noqa" not in source and max(map(len, source.splitlines())) <= 120


def test_statements_carry_formulas_and_shapes():
    assert "# dA1[n,h] = dH1[n,h] [H1[n,h] > 0]\n" in SOURCE
    assert "dW1 = np.dot(X.T, dA1)  # d h\n" in SOURCE


def test_the_header_says_how_to_make_it_again():
    assert re.search(r"# Generated by symbackprop [\w.]+: model network, target numpy, formulas [0-9a-f]{16}\.", SOURCE)
    assert "symbackprop generate network.toml --target numpy" in SOURCE


def test_names_that_clash_are_renamed():
    p = program(
        {"params": "np v", "loss": "v"}, ("gradients", "np", lambda i: Total(T("params", i, k := index("r0", "v")) * T("loss", k), k))
    )
    j, r = Tensor("J", ()), index("r0", "np")
    p = p.extended([Equation(j, (), Total(T("gradients", r) ** 2, r))], objective="J")
    module = emit.load_source(emit.module_source(gradient(p)), "clash")
    module.self_check()
    assert module.Parameters._fields == ("params_", "loss_")


def scalar_model():
    X, y = Tensor("X", parse_shape("n d"), "input"), Tensor("y", parse_shape("n"), "label")
    w, b, lam = Tensor("w", parse_shape("d"), "parameter"), Tensor("b", (), "parameter"), Tensor("lam", (), "constant")
    z, J = Tensor("z", parse_shape("n")), Tensor("J", ())
    i, r, k = z.indices[0], index("r0", "n"), index("r1", "d")
    rows = (
        Equation(z, z.indices, Total(X[i, k] * w[k], k) + b[()]),
        Equation(J, (), Total((z[r] - y[r]) ** 2, r) / r.axis + lam[()] * Total(w[k] ** 2, k)),
    )
    return Program("ridge", {t.name: t for t in (X, y, w, b, lam, z, J)}, rows, "J", "z", r.axis)


def test_scalar_parameters_and_constants():
    module = emit.load_source(emit.module_source(gradient(scalar_model())), "ridge")
    module.self_check()
    draw = np.random.default_rng(0)
    X, y, w = draw.standard_normal((5, 3)).astype("f4"), draw.standard_normal(5).astype("f4"), np.ones(3, "f4")
    loss, gradients = module.loss_and_gradients((w, 0.5), X, y, lam=0.1)
    assert loss.dtype == gradients.w.dtype == gradients.b.dtype == np.float32 and np.shape(gradients.b) == ()
    assert np.isclose(loss, np.mean((X @ w + 0.5 - y) ** 2) + 0.1 * w @ w)
    assert np.isclose(gradients.b, 2 * np.mean(X @ w + 0.5 - y), rtol=1e-5)


def test_no_samples_sum_to_zero_without_a_mean():
    p = program({"X": "n d", "w": "d"}, ("z", "n", lambda i: Total(T("X", i, k := index("r0", "d")) * T("w", k), k)))
    J, r = Tensor("J", ()), index("r0", "n")
    d = gradient(p.extended([Equation(J, (), Total(T("z", r) ** 2, r))], objective="J"), ["w", "X"])
    module = emit.load_source(emit.module_source(d), "sums")
    loss, gradients = module.loss_and_gradients((np.zeros((0, 3)), np.ones(3)))
    assert loss == 0 and (gradients.w == 0).all() and gradients.X.shape == (0, 3)


def test_gradients_of_some_tensors_only():
    module = emit.load_source(emit.module_source(gradient(network(), ["X", "b2"])), "some")
    params, X, Y = data()
    gradients = module.gradients(params, X, Y)
    module.self_check()
    assert gradients._fields == ("X", "b2") and np.allclose(gradients.b2, MODULE.gradients(params, X, Y).b2)


def test_a_leaf_below_a_logarithm_is_drawn_positive():
    p = program({"x": "n"}, ("J", "", lambda: Total(log(T("x", k := index("r0", "n"))), k)))
    emit.load_source(emit.module_source(gradient(p)), "logs").self_check()


def test_a_module_needs_a_scalar_objective():
    p = program({"x": "n"}, ("F", "n", lambda i: T("x", i) ** 2))
    with pytest.raises(TargetError, match="scalar objective"):
        emit.module_source(gradient(p))
