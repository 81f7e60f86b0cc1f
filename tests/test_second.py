"""Second order as programs, by value: Hessian rows, products, Gauss-Newton and Fisher, per-sample gradients."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.index import axis
from symbackprop.calculus.term import Entry
from symbackprop.derivation import curvature, second
from symbackprop.derivation.reverse import jacobian
from symbackprop.derivation.samples import per_sample_gradients
from symbackprop.errors import DeriveError, SpecError
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays

SIZES = {axis(a): s for a, s in zip(("n", "d", "h", "k", "c"), (7, 3, 2, 5, 3), strict=True)}


def classes(*layers):
    return sbp.Sequential(*layers, sbp.SoftmaxCrossEntropy())


MODELS = {
    "one layer": lambda: classes(sbp.Linear("d", "c")),
    "relu": lambda: classes(sbp.Linear("d", "h"), sbp.ReLU(), sbp.Linear("h", "c")),
    "three layers": lambda: classes(sbp.Linear("d", "h"), sbp.Tanh(), sbp.Linear("h", "k"), sbp.SiLU(), sbp.Linear("k", "c")),
    "squares with a penalty": lambda: sbp.Sequential(sbp.Linear("d", "h"), sbp.Tanh(), sbp.Linear("h", "c"), sbp.MSE(l2=0.3)),
    "weights used twice": lambda: sbp.model(
        {"X": {"axes": "n d", "role": "input"}, "Y": {"axes": "n d", "role": "label"}, "W": {"axes": "d d", "role": "parameter"}},
        {"H": "tanh(X @ W.T)", "O": "H @ W.T", "J": "sum((O - Y)**2) / n + 0.1 * sum(W**2)"},
        output="O",
        samples="n",
    ),
}


@cache
def derived(name):
    model = MODELS[name]()
    return sbp.derive(model)


def names_of(name):
    return list(derived(name).wrt)


@cache
def values(name):
    """The leaves, and a direction for each parameter."""
    program = derived(name).derived.program
    sizes = {a: s for a, s in SIZES.items() if a in program.axes}
    arrays = random_arrays(program, sizes)
    leaves = {t.name: arrays[t.name] for t in program.leaves}
    rng = np.random.default_rng(1)
    return leaves, {n: rng.standard_normal(leaves[n].shape) for n in names_of(name)}, sizes


def flat(parts):
    return np.concatenate([np.ravel(p) for p in parts])


@cache
def dense(name):
    """The Hessian over all parameters, by differences of the literal gradient (five points)."""
    d = derived(name)
    leaves, _, sizes = values(name)
    names = names_of(name)

    def gradient(moved):
        found = evaluate(d.derived.program, moved, sizes)
        return flat([found[d.derived.adjoints[n]] for n in names])

    return differences(gradient, leaves, names)


def differences(function, leaves, names, step=1e-4):
    columns = []
    for n in names:
        for place in np.ndindex(leaves[n].shape):
            sides = {}
            for k in (-2, -1, 1, 2):
                moved = leaves[n].copy()
                moved[place] += k * step
                sides[k] = function({**leaves, n: moved})
            columns.append((8 * (sides[1] - sides[-1]) - (sides[2] - sides[-2])) / (12 * step))
    return np.array(columns).T


def assembled(blocks, name):
    """The matrix of the blocks of a Blocks, by literal evaluation."""
    leaves, _, sizes = values(name)
    found = evaluate(blocks.derived.program.needed(blocks.blocks.values()), leaves, sizes)
    rows = []
    for a in blocks.names:
        row = []
        for b in blocks.names:
            if (a, b) in blocks.blocks:
                row.append(found[blocks.blocks[a, b]].reshape(leaves[a].size, leaves[b].size))
            else:
                row.append(found[blocks.blocks[b, a]].reshape(leaves[b].size, leaves[a].size).T)
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows)


@pytest.mark.parametrize("name", MODELS)
def test_all_rows_of_blocks_make_up_the_hessian(name):
    made = second.hessian(derived(name).derived)
    matrix = assembled(made, name)
    np.testing.assert_allclose(matrix, dense(name), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)


def test_control_a_flipped_block_is_no_hessian():
    made = second.hessian(derived("relu").derived)
    turned = {pair: made.blocks["W1", "W1"] if pair == ("W1", "W1") else block for pair, block in made.blocks.items()}
    matrix = assembled(second.Blocks(made.derived, made.names, turned), "relu")
    matrix[: len(matrix) // 2] *= -1
    assert not np.allclose(matrix, dense("relu"), rtol=1e-6, atol=1e-8)


def test_rows_share_their_parts():
    made = second.hessian(derived("three layers").derived)
    parts = [e for e in made.derived.program.needed(made.blocks.values()).equations if e.tensor.role == "part"]
    alone = [second.second(derived("three layers").derived, a, [b]) for a, b in made.blocks]
    apart = sum(sum(e.tensor.role == "part" for e in one.program.needed(one.adjoints.values()).equations) for one in alone)
    assert 0 < len(parts) < apart


@pytest.mark.parametrize("name", MODELS)
def test_a_product_is_the_hessian_times_the_vector(name):
    results = derived(name).hessian_vector_product()
    leaves, v, _ = values(name)
    made = flat(results.evaluate(v=v, **leaves).values())
    np.testing.assert_allclose(made, dense(name) @ flat(v.values()), rtol=1e-6, atol=1e-8)
    assert not np.allclose(made, dense(name) @ flat(v.values()) * 1.001, rtol=1e-6, atol=1e-8)


def explicit_gauss_newton(name, at="O"):
    """J^T H J by differences: of the output by the parameters, and of the slope dJ/dO by the output as a leaf; a penalty in full."""
    d = derived(name)
    leaves, _, sizes = values(name)
    names = names_of(name)
    slopes = differences(lambda moved: np.ravel(evaluate(d.model.program, moved, sizes)[at]), leaves, names)
    model = curvature.split(d.model.program, at, names)
    output = evaluate(d.model.program, leaves, sizes)[at]

    def slope(moved):
        return np.ravel(evaluate(model.derived.program, {**leaves, **moved}, sizes)[model.slope])

    curved = differences(slope, {at: output}, [at])
    penalty = 0
    if model.direct:

        def beside(moved):
            found = evaluate(model.derived.program, {**moved, at: output}, sizes)
            return flat([found[model.direct[n]] if n in model.direct else np.zeros(leaves[n].shape) for n in names])

        penalty = differences(beside, leaves, names)
    return slopes.T @ curved @ slopes + penalty


@pytest.mark.parametrize("name", MODELS)
def test_gauss_newton_is_the_curvature_of_the_loss_pulled_back(name):
    matrix = derived(name).gauss_newton()
    leaves, v, _ = values(name)
    expected = explicit_gauss_newton(name)
    blocks = curvature.blocks(matrix.model, matrix.parameters)
    np.testing.assert_allclose(assembled(blocks, name), expected, rtol=1e-5, atol=1e-7)
    made = flat(matrix.vector_product().evaluate(v=v, **leaves).values())
    np.testing.assert_allclose(made, expected @ flat(v.values()), rtol=1e-5, atol=1e-7)
    assert np.linalg.eigvalsh((expected + expected.T) / 2).min() > -1e-7


def test_gauss_newton_is_the_hessian_where_the_model_is_linear():
    one = derived("one layer")
    np.testing.assert_allclose(assembled(curvature.blocks(one.gauss_newton().model, one.wrt), "one layer"), dense("one layer"), atol=1e-8)
    relu = derived("relu")
    assert not np.allclose(assembled(curvature.blocks(relu.gauss_newton().model, relu.wrt), "relu"), dense("relu"), atol=1e-4)


def test_gauss_newton_may_be_split_elsewhere():
    d = derived("relu")
    leaves, v, _ = values("relu")
    made = flat(d.gauss_newton(at="Yhat").vector_product().evaluate(v=v, **leaves).values())
    np.testing.assert_allclose(made, explicit_gauss_newton("relu", "Yhat") @ flat(v.values()), rtol=1e-5, atol=1e-6)


def test_a_block_in_the_other_order_is_the_block_transposed():
    d = derived("relu")
    leaves, _, _ = values("relu")
    one, other = d.gauss_newton().block("W1", "b2"), d.gauss_newton().block("b2", "W1")
    np.testing.assert_allclose(np.moveaxis(one.evaluate(**leaves), 2, 0), other.evaluate(**leaves), atol=1e-14)


def test_fishers_matrix_of_softmax_and_cross_entropy_is_gauss_newtons():
    d = derived("relu")
    assert "equals the Gauss-Newton matrix" in d.fisher().note
    leaves, v, _ = values("relu")
    one, other = d.fisher().vector_product().evaluate(v=v, **leaves), d.gauss_newton().vector_product().evaluate(v=v, **leaves)
    assert all(np.array_equal(one[n], other[n]) for n in one)


def poisson():
    """Counts with the rate itself as output: the curvature y / mu^2 speaks of the labels, and their mean is mu."""
    return sbp.derive(
        sbp.model(
            {"X": {"axes": "n d", "role": "input"}, "y": {"axes": "n", "role": "label"}, "w": {"axes": "d", "role": "parameter"}},
            {"mu": "exp(X @ w)", "J": "sum(mu - y * log(mu)) / n"},
            output="mu",
            samples="n",
        )
    )


def test_fishers_matrix_takes_the_mean_over_the_models_own_labels():
    d = poisson()
    note = d.fisher().note
    assert "their mean under the model" in note and "equals" not in note
    rng = np.random.default_rng(0)
    X, y, w, v = rng.standard_normal((7, 3)), rng.poisson(2, 7).astype(float), rng.standard_normal(3), rng.standard_normal(3)
    mu = np.exp(X @ w)
    slopes = X * mu[:, None]
    fisher = slopes.T @ (slopes / mu[:, None]) / 7
    np.testing.assert_allclose(d.fisher().block("w", "w").evaluate(X=X, y=y, w=w), fisher, rtol=1e-12)
    np.testing.assert_allclose(d.fisher().vector_product().evaluate(v=[v], X=X, y=y, w=w)["w"], fisher @ v, rtol=1e-12)
    observed = slopes.T @ (slopes * (y / mu**2)[:, None]) / 7
    np.testing.assert_allclose(d.gauss_newton().block("w", "w").evaluate(X=X, y=y, w=w), observed, rtol=1e-12)


def test_a_mean_that_can_not_be_read_off_is_refused():
    d = sbp.derive(
        sbp.model(
            {"X": {"axes": "n d", "role": "input"}, "y": {"axes": "n", "role": "label"}, "w": {"axes": "d", "role": "parameter"}},
            {"O": "X @ w", "J": "sum((O - y)**4) / n"},
            output="O",
            samples="n",
        )
    )
    with pytest.raises(DeriveError, match="not linear in the labels"):
        d.fisher().block("w", "w")


@pytest.mark.parametrize("name", MODELS)
def test_per_sample_gradients_are_those_of_batches_of_one(name):
    d = derived(name)
    leaves, _, sizes = values(name)
    made = d.per_sample_gradients().evaluate(**leaves)
    total = 0
    for s in range(7):
        one = {n: a[s : s + 1] if n in ("X", "Y") else a for n, a in leaves.items()}
        found = evaluate(d.derived.program, one, {**sizes, axis("n"): 1})
        alone = {n: found[d.derived.adjoints[n]] for n in d.wrt}
        for n in d.wrt:
            np.testing.assert_allclose(made[n][s], alone[n], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(made["norm"][s], np.linalg.norm(flat(alone.values())), rtol=1e-9)
        total = total + flat(alone.values())
    whole = evaluate(d.derived.program, leaves, sizes)
    np.testing.assert_allclose(total / 7, flat([whole[d.derived.adjoints[n]] for n in d.wrt]), rtol=1e-9, atol=1e-12)


def test_norms_of_outer_products_are_made_without_them():
    made = per_sample_gradients(derived("relu").model.program, derived("relu").wrt)
    used = made.derived.program.needed([made.norms]).tensors
    assert not any(name in used for name in (made.gradients["W1"], made.gradients["W2"]))


def coupled(**equations):
    tensors = {"X": {"axes": "n d", "role": "input"}, "y": {"axes": "n", "role": "label"}, "w": {"axes": "d", "role": "parameter"}}
    if not any("y" in text for text in equations.values()):
        del tensors["y"]
    return sbp.derive(sbp.model(tensors, equations, samples="n"))


COUPLED = {
    "batch norm": {"Z": "batch_norm(X)", "J": "sum((Z @ w - y)**2) / n"},
    "softmax over samples": {"p": "softmax(X @ w, axis=0)", "J": "-sum(y * log(p))"},
    "a function of the mean": {"e": "mean((X @ w - y)**2)", "J": "sqrt(e)"},
    "a product of means": {"e": "mean(X @ w)", "f": "mean(y * (X @ w))", "J": "e * f"},
    "a square of a sum": {"J": "sum(X @ w)**2"},
    "differences of neighbours": {"z": "X @ w", "J": "sum((z[1:] - z[:-1])**2)"},
    "all pairs": {"z": "X @ w", "J": "sum((z[:, None] - z)**2)"},
    "the largest": {"z": "X @ w", "J": "max(z)"},
    "one of them": {"z": "X @ w", "J": "sum(z * z[0])"},
}


@pytest.mark.parametrize("name", COUPLED)
def test_coupled_samples_have_no_gradients_of_their_own(name):
    with pytest.raises(DeriveError, match="samples are coupled"):
        coupled(**COUPLED[name]).per_sample_gradients()


def test_a_sum_of_losses_gives_each_loss():
    d = coupled(z="X @ w", J="sum(softplus(-y * z)) + 0.5 * sum(w**2)")
    rng = np.random.default_rng(2)
    X, y, w = rng.standard_normal((5, 3)), np.sign(rng.standard_normal(5)), rng.standard_normal(3)
    made = d.per_sample_gradients().evaluate(X=X, y=y, w=w)["w"]
    np.testing.assert_allclose(made, (-y / (1 + np.exp(y * (X @ w))))[:, None] * X + w, rtol=1e-12)


def test_what_only_parameters_make_is_made_once():
    d = coupled(u="tanh(w)", J="sum((X @ u - y)**2) / n")
    made = per_sample_gradients(d.model.program, ["w"])
    assert made.derived.program.tensors["u"].axes == (axis("d"),)
    rng = np.random.default_rng(3)
    X, y, w = rng.standard_normal((5, 3)), rng.standard_normal(5), rng.standard_normal(3)
    expected = (2 * (X @ np.tanh(w) - y))[:, None] * X * (1 - np.tanh(w) ** 2)
    np.testing.assert_allclose(d.per_sample_gradients().evaluate(X=X, y=y, w=w)["w"], expected, rtol=1e-12)


def test_no_samples_no_gradients_of_them():
    d = sbp.derive(sbp.model({"x": {"axes": "d", "role": "parameter"}}, {"J": "sum(x**2)"}))
    with pytest.raises(DeriveError, match="no axis of samples"):
        d.per_sample_gradients()


@pytest.mark.parametrize("name", MODELS)
def test_jacobian_vector_and_vector_jacobian_products(name):
    d = derived(name)
    leaves, v, sizes = values(name)
    names = names_of(name)
    jacobian = differences(lambda moved: np.ravel(evaluate(d.model.program, moved, sizes)["O"]), leaves, names)
    along = d.jvp().evaluate(v=v, **leaves)["O"]
    np.testing.assert_allclose(along.ravel(), jacobian @ flat(v.values()), rtol=1e-6, atol=1e-8)
    u = np.random.default_rng(4).standard_normal(along.shape)
    back = d.vjp().evaluate(v=[u], **leaves)
    np.testing.assert_allclose(flat(back.values()), u.ravel() @ jacobian, rtol=1e-6, atol=1e-8)


def test_steps_facts_and_errors():
    d = derived("relu")
    products = d.hessian_vector_product()
    quantities = {s.quantity for s in products.steps}
    assert {"r_H", "r_O", "r_dW1", "dO"} <= quantities
    assert [f.tensor for f in products.facts] == ["Y"]
    first = next(s for s in products.steps if s.quantity == "r_H")
    assert Entry("r_H0", *first.indices) in first.after.atoms(Entry)
    link = next(a for a in first.before.atoms(Entry) if a.name == "dH/dH0")
    assert link.indices[:2] == first.indices and not set(link.indices[2:]) & set(first.indices)
    with pytest.raises(DeriveError, match="'W9' is not among these Hessian-vector products"):
        products["W9"]
    with pytest.raises(SpecError, match="v has 1 arrays"):
        products.evaluate(v=[np.zeros(3)])
    with pytest.raises(DeriveError, match="not a parameter of this matrix"):
        d.gauss_newton().block("W1", "X")
    with pytest.raises(DeriveError, match="no tensor that an equation defines"):
        d.gauss_newton(at="W1")
    with pytest.raises(DeriveError, match="'Q' is not a tensor"):
        d.jvp("Q")


def test_only_a_scalar_has_a_hessian():
    program = replace(derived("relu").model.program, objective="O")
    for call in (
        lambda: second.hessian(jacobian(program, "O", "W1")),
        lambda: curvature.split(program, "H", ["W1"]),
        lambda: per_sample_gradients(program, ["W1"]),
    ):
        with pytest.raises(DeriveError, match="only a scalar has a Hessian"):
            call()


def test_cost_of_products_grows_with_the_depth_only():
    counts = []
    for depth in (2, 4, 8):
        layers = [x for k in range(depth) for x in (sbp.Linear(f"d{k}", f"d{k + 1}"), sbp.Tanh())]
        d = sbp.derive(sbp.Sequential(*layers, sbp.MSE()))
        counts.append(len(d.hessian_vector_product().derived.program.equations))
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


def test_the_hessian_of_a_divergence_is_short():
    """Jensen and Shannon's, of two positive vectors: terms of local derivatives merge, and a sum divided by itself cancels."""
    text = "0.5 * (sum(p * log(2 * p / (p + q))) + sum(q * log(2 * q / (p + q))))"
    shapes = {"p": "n", "q": "n"}
    first, second = (sbp.derivative(text, shapes, wrt="p", order=k) for k in (1, 2))
    assert first.latex(form="matrix") == r"\frac{1}{2} \log(2 (p \oslash (p + q)))"
    assert second.latex(form="index") == r"\frac{1}{2} \delta_{ij} \left( \frac{1}{p_{j}} - \frac{1}{p_{j} + q_{j}} \right)"
    p, q = np.array([0.2, 1.5, 3.0]), np.array([2.0, 0.1, 3.5])
    np.testing.assert_allclose(second.evaluate(p=p, q=q), np.diag((1 / p - 1 / (p + q)) / 2), rtol=1e-12)
    # Of a difference nothing cancels, but no term keeps a sum beside its inverse.
    unlike = sbp.derivative("sum(p * log(p / (p + q)) - q * log(q / (p + q)))", shapes, wrt="p", order=2)
    assert unlike.latex(form="index").count("p_{j} + q_{j}") == 3
    np.testing.assert_allclose(unlike.evaluate(p=p, q=q), np.diag(1 / p - 2 / (p + q) + (p - q) / (p + q) ** 2), rtol=1e-12)
