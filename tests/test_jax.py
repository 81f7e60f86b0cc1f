"""The jax target on JAX: equal to the NumPy target, under jit, vmap and grad; what differs is caught."""

import subprocess
import sys

import numpy as np
import pytest
from jax_target import derived_ops, function, gap, given
from test_models import NAMES, drawn, example
from test_targets import EMBEDDING

import symbackprop as sbp
import symbackprop.emit as emit
from symbackprop.verification.points.points import plain

pytestmark = pytest.mark.slow

CLOSE = 1e-12
EXTRAS = ["hessian", "hvp", "ggn", "per-sample", "jacobian", "jvp", "vjp", "layer"]
FUNCTIONS = ("hessian", "hessian_vector_product", "gauss_newton_vector_product", "per_sample_gradients", "per_sample_gradient_norms")
FUNCTIONS += ("jacobian", "jvp", "vjp")
UNARY = [name for name, text in emit.spelling("numpy").functions.items() if text.count("{") == 1]
WIDE = np.concatenate([-np.geomspace(40, 1e-9, 40), [0.0], np.geomspace(1e-9, 40, 40)])


@pytest.fixture(autouse=True)
def jax():
    """JAX, in double precision."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


def both(model, words=()):
    """The two modules of a model, NumPy's first."""
    derivation = sbp.derive(model)
    return [sbp.generate(derivation, target, words).load() for target in ("numpy", "jax")]


def compared(jax, modules, name, arrays, rng):
    """The gap of one function of two modules at the same arguments, under jit."""
    ours, theirs = (getattr(m, name) for m in modules)
    params = [m.Parameters(*[arrays[f] for f in m.Parameters._fields]) for m in modules]
    v = [rng.standard_normal(np.shape(a)) for a in params[0]]
    u = rng.standard_normal(np.shape(modules[0].forward(params[0], **given(modules[0].forward, arrays, {})))) if name == "vjp" else 0
    value, expected = (
        f(p, **given(f, arrays, {"v": m.Parameters(*v), "u": u}))
        for f, p, m in ((jax.jit(theirs), params[1], modules[1]), (ours, params[0], modules[0]))
    )
    return gap(value, expected)


def words_arrays(rng):
    """Data for the model of words, some of which occur twice."""
    return {"E": rng.standard_normal((7, 3)), "w": rng.standard_normal(3), "words": np.array([1, 4, 1, 6, 4]), "y": rng.standard_normal(5)}


def two_layer_arrays(rng):
    sizes = {"W1": (5, 3), "b1": (5,), "W2": (2, 5), "b2": (2,), "X": (7, 3)}
    return {**{n: rng.standard_normal(s) for n, s in sizes.items()}, "Y": np.eye(2)[rng.integers(0, 2, 7)]}


@pytest.mark.parametrize("part", range(4))
def test_each_derivative_of_each_op_is_that_of_the_numpy_target(jax, part):
    wrong = []
    for name, result in list(derived_ops())[part::4]:
        ours, theirs = function(result, "numpy"), function(result, "jax")
        for p in plain(result.program.needed([result.name]), 0)[:2]:
            sizes = {str(size): count for size, count in p.sizes.items()}
            arguments = given(ours, p.arrays, sizes)
            static = [n for n in arguments if n not in p.arrays]
            with np.errstate(all="ignore"):
                found = gap(jax.jit(theirs, static_argnames=static)(**arguments), ours(**arguments))
            wrong += [f"{name}: {found}"] if not found < CLOSE else []
    assert not wrong


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_that_of_the_numpy_target_and_jax_derives_the_same(jax, name):
    modules, arrays = both(example(name).model), drawn(example(name).model)
    assert compared(jax, modules, "loss_and_gradients", arrays, np.random.default_rng(0)) < CLOSE
    module = modules[1]
    params = module.Parameters(*[arrays[f] for f in module.Parameters._fields])
    data = given(module.loss, arrays, {})
    assert gap(jax.jit(jax.grad(module.loss))(params, **data), tuple(modules[0].gradients(params, **data))) < CLOSE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_beyond_the_gradient_is_that_of_the_numpy_target(jax, name):
    rng = np.random.default_rng(1)
    assert compared(jax, both(sbp.load("examples/two_layer.toml"), EXTRAS), name, two_layer_arrays(rng), rng) < CLOSE
    if name.startswith("hessian"):
        assert compared(jax, both(EMBEDDING, ["hessian", "hvp"]), name, words_arrays(rng), rng) < CLOSE


def test_the_pair_of_a_layer_is_that_of_the_numpy_target(jax):
    arrays = two_layer_arrays(np.random.default_rng(2))
    modules = both(sbp.load("examples/two_layer.toml"), ["layer"])
    forth = [m.two_layer_forward(**given(m.two_layer_forward, arrays, {})) for m in modules]
    back = [m.two_layer_backward(np.ones((7, 2)), cache) for m, (_, cache) in zip(modules, forth, strict=True)]
    assert gap(forth[1][0], forth[0][0]) < CLOSE and gap(tuple(back[1]), tuple(back[0])) < CLOSE


def test_vmap_over_batches_and_over_parameters(jax):
    rng = np.random.default_rng(3)
    numpy, module = both(sbp.load("examples/two_layer.toml"))
    a = two_layer_arrays(rng)
    params, X = numpy.Parameters(*[a[f] for f in numpy.Parameters._fields]), rng.standard_normal((4, 7, 3))
    many = numpy.Parameters(*[np.stack([p, 2 * p]) for p in params])
    batched = jax.vmap(module.loss_and_gradients, (None, 0, None))(params, X, a["Y"])
    assert max(gap(jax.tree.map(lambda x, k=k: x[k], batched), numpy.loss_and_gradients(params, X[k], a["Y"])) for k in range(4)) < CLOSE
    doubled = numpy.loss(numpy.Parameters(*[2 * p for p in params]), a["X"], a["Y"])
    assert gap(jax.jit(jax.vmap(module.loss, (0, None, None)))(many, a["X"], a["Y"])[1], doubled) < CLOSE


@pytest.mark.parametrize("name", UNARY)
def test_a_function_is_that_of_the_numpy_target_far_from_0_too(jax, name):
    made = []
    for target in ("numpy", "jax"):
        spelling = emit.spelling(target)
        text = spelling.spell(name)
        helpers = [spelling.helpers[h] for h in spelling.all_helpers(spelling.helpers_of(text))]
        source = "\n".join([*spelling.imports, *helpers, f"def f(x):\n    return {text.format('x')}\n"])
        with np.errstate(all="ignore"):
            made.append(np.asarray(emit.load_source(source, f"only_{target}").f(spelled(jax, target))))
    finite = np.isfinite(made[0])
    assert np.array_equal(finite, np.isfinite(made[1]))
    assert np.allclose(made[1][finite], made[0][finite], rtol=CLOSE, atol=1e-300)


def spelled(jax, target):
    return WIDE if target == "numpy" else jax.numpy.asarray(WIDE)


def test_arguments_that_do_not_fit_are_refused_under_jit_too(jax):
    a = two_layer_arrays(np.random.default_rng(4))
    module = both(sbp.load("examples/two_layer.toml"))[1]
    params = module.Parameters(*[a[f] for f in module.Parameters._fields])
    with pytest.raises(ValueError, match=r"X: expected shape \(n, d\) = \(7, 3\), got \(7, 2\)"):
        jax.jit(module.loss)(params, a["X"][:, :2], a["Y"])
    with pytest.raises(ValueError, match="Y: its entries do not sum to 1"):
        module.loss(params, a["X"], 2 * a["Y"])


def test_a_place_that_is_not_there_is_nan_and_a_negative_one_refused(jax):
    a = words_arrays(np.random.default_rng(5))
    module = both(EMBEDDING)[1]
    params = module.Parameters(a["E"], a["w"])
    assert np.isnan(jax.jit(module.loss)(params, np.array([1, 7, 0, 0, 0]), a["y"]))
    with pytest.raises(ValueError, match="words: expected places"):
        module.loss(params, np.array([1, -1, 0, 0, 0]), a["y"])


def test_self_check_passes_in_both_precisions(tmp_path):
    for model, name, words in ((sbp.load("examples/two_layer.toml"), "two_layer", EXTRAS), (EMBEDDING, "model", ["hessian"])):
        sbp.generate(sbp.derive(model), "jax", words).write(tmp_path)
        for double in ("0", "1"):
            script = f"import os; os.environ['JAX_ENABLE_X64'] = '{double}'; import {name}; {name}.self_check()"
            subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, cwd=tmp_path)


def test_control_a_slip_in_the_text_is_caught(jax):
    result = sbp.derivative("sum(take(W, words, axis=0)**2)", {"W": "v d", "words": "n index"}, "W")
    arguments = {"W": np.random.default_rng(6).standard_normal((5, 3)), "words": np.array([1, 3, 1])}
    expected = function(result, "numpy")(**arguments)
    assert gap(jax.jit(function(result, "jax"))(**arguments), expected) < CLOSE
    for slip in ((".add(", ".add(-"), (".add(", ".set("), ("2 * ", "2.000001 * ")):
        assert gap(jax.jit(function(result, "jax", slip))(**arguments), expected) > 1e3 * CLOSE, slip


def test_control_self_check_sees_a_slip(jax):
    source = sbp.generate(sbp.derive(sbp.load("examples/two_layer.toml")), "jax").source
    spoilt = emit.load_source(source.replace("dW1 = jnp.dot(", "dW1 = -jnp.dot("), "spoilt")
    with pytest.raises(AssertionError, match="gradient of W1"):
        spoilt.self_check()
