"""Every op of the table runs on arrays as sbp.<op>(...), and says there what its equations say when they are evaluated one by one."""

import numpy as np
import pytest
from fuzzing import Seeded
from grammar import expression
from numpy_values import arrays_of, values

import symbackprop as sbp
from symbackprop.calculus.program import Program
from symbackprop.errors import SpecError
from symbackprop.language.declare import shaped
from symbackprop.language.elaborate import elaborate_expression
from symbackprop.language.syntax import parse
from symbackprop.language.tracing.functions import FUNCTIONS
from symbackprop.ops import OPS
from symbackprop.ops.examples import EXAMPLES, example
from symbackprop.verification.oracle.literal import evaluate, size_of
from symbackprop.verification.points.sizes import prime_sizes

BUILT = {name: op for name, op in OPS.items()}
OPTIONS = [
    ("sum(T, axis=(0, 2), keepdims=True) + mean(T, axis=(0, 2), keepdims=True) * max(T, axis=(0, 2), keepdims=True)", {"T": "m n k"}),
    ("var(X, axis=0, ddof=1) + std(X, axis=0, keepdims=True)[0]", {"X": "5 n"}),
    ("norm(X, ord=1, axis=0) + norm(X[:, 0]) + logsumexp(X, axis=0)", {"X": "m n"}),
    ("logsumexp(X) + norm(X) + logsumexp(X, axis=1, keepdims=True)", {"X": "m n"}),
    ("prod_others(X, axis=0, order=2)", {"X": "m n"}),
    ("cumsum(X, axis=0) + cumprod(X, axis=1) + flip(X, axis=1) + roll(X, 1, axis=0)", {"X": "m n"}),
    ("pad(X, ((1, 0), (2, 3))) + pad(X, (0, 1))[:1, :1] + sum(pad(X, 2))", {"X": "m n"}),
    ("sliding_window_view(X, (2, 3), axis=(1, 0))", {"X": "4 n"}),
    ("conv1d(X, W, b, 2, 1)", {"X": "n c 8", "W": "o c 3", "b": "o"}),
    ("conv2d(X, W, stride=(2, 1), padding=(0, 2))", {"X": "n c 7 6", "W": "o c 3 2"}),
    ("max_pool2d(X, (2, 3), 1) + avg_pool2d(X, (2, 3), stride=(1, 1))", {"X": "n 5 6"}),
    ("max_pool1d(X, 3, stride=2) + avg_pool1d(X, 3, 2)", {"X": "n 8"}),
    ("leaky_relu(x, 0.2) + elu(x, 0.5) + elu(x, alpha=2) + clip(x, None, 0.3) + clip(x, a_min=-0.2)", {"x": "n"}),
    ("eye(n, 2) + tril(X, -1)[:, :2] + triu(X, k=1)[:, :2]", {"X": "n n"}),
    ("einsum('ij,kj,k->i', X, Y, y) + tensordot(X, X, axes=((0, 1), (0, 1)))", {"X": "m n", "Y": "k n", "y": "k"}),
    ("transpose(T, (2, 0, 1)) + moveaxis(T, -1, 0)", {"T": "m n k"}),
    ("split(x, 3, axis=0)[1] + split(x, 3)[2]", {"x": "9 n"}),
    ("concatenate((X, Y), axis=1)[:, 1:] * 2 + hstack((X, Y))[:, 1:]", {"X": "m n", "Y": "m k"}),
    ("take(X, at, axis=1) + X[:, at]", {"X": "m n", "at": "k"}),
    ("cross_entropy(O, at, w, label_smoothing=0.2)", {"O": "n c", "at": "n", "w": "c"}),
    ("cross_entropy(O, at, label_smoothing=0.2)", {"O": "n c", "at": "n"}),
    ("focal_loss(x, y, gamma=1.5, alpha=0.25) + huber_loss(x, y, delta=0.3)", {"x": "n", "y": "n"}),
    ("info_nce(Q, K, temperature=0.5) + triplet_margin_loss(Q, K, Q + 1, margin=0.5)", {"Q": "n d", "K": "n d"}),
    ("layer_norm(X, None, b, eps=0.1) + rms_norm(X, eps=0.1) + dropout(X, X, p=0.25)", {"X": "n d", "b": "d"}),
    ("rnn_cell(X, H, W, U) + linear(X, W)", {"X": "n d", "H": "n h", "W": "h d", "U": "h h"}),
    ("scaled_dot_product_attention(Q, K, K, M)", {"Q": "b m d", "K": "b n d", "M": "m n"}),
    ("cosine_similarity(X, Y, axis=0)", {"X": "n d", "Y": "n d"}),
    ("squeeze(X) + squeeze(X, axis=(1,)) + tile(x, (2, 1))[0] + repeat(x, 2, axis=0)[::2]", {"X": "n 1", "x": "n"}),
]
"""Calls with options, in every way they may be given."""


ABOVE_0 = ("log", "sqrt", "average", "power", "entropy", "divergence", "gaussian")
"""What stands in a text whose tensors are drawn from (0, 1)."""


def literal(text, shapes):
    """The program of an expression, arrays for its tensors, and the value of its equations one by one."""
    program, top = elaborate_expression(parse(text), Program("expression", shaped(shapes), (), ""), "value", text=text)
    sizes = prime_sizes(program)
    rng = np.random.default_rng(len(text))
    arrays = {}
    for t in program.leaves:
        shape = tuple(size_of(a, sizes) for a in t.axes)
        made = rng.integers(0, 2, shape) if t.role == "index" else rng.uniform(0.05, 0.95, shape)
        if t.role != "index" and not any(word in text for word in ABOVE_0):
            made = 2 * made - 1
        if "arccosh" in text:
            made = made + 2
        if "cholesky" in text:
            made = made + 2 * np.eye(len(made))
        arrays[t.name] = made
    return evaluate(program, arrays, sizes)[top], {**{str(a): k for a, k in sizes.items()}, **arrays}


def on_arrays(text, known):
    """The text as Python, its names the functions of the package."""
    return eval(text, {**FUNCTIONS, "__builtins__": {}}, known)


def agree(mine, theirs):
    same = np.shape(mine) == np.shape(theirs) and np.all(np.isfinite(theirs))
    return bool(same and np.allclose(mine, theirs, rtol=1e-12, atol=1e-14))


@pytest.mark.parametrize("name", BUILT)
def test_an_op_on_arrays_is_what_its_equations_say(name):
    shown = example(BUILT[name])
    text = shown.text.replace(f"{BUILT[name].name}(", f"{name}(")
    assert f"{name}(" in text
    value, known = literal(text, shown.shapes)
    assert agree(on_arrays(text, known), value)


@pytest.mark.parametrize(("text", "shapes"), OPTIONS)
def test_options_on_arrays_are_those_of_a_text(text, shapes):
    value, known = literal(text, shapes)
    assert agree(on_arrays(text, known), value)


@pytest.mark.parametrize("text", ["softmax(X, axis=0)", "conv2d(S, F, stride=2)", "max(X, axis=0)"])
def test_control_another_option_is_noticed(text):
    value, known = literal(text, {"X": "3 3", "S": "n c 5 5", "F": "o c 2 2"})
    other = {"axis=0": "axis=1", "stride=2": "stride=2, padding=1"}
    changed = next(text.replace(a, b) for a, b in other.items() if a in text)
    assert agree(on_arrays(text, known), value) and not agree(on_arrays(changed, known), value)


def test_every_op_that_needs_an_example_has_one():
    assert {op.name for op in BUILT.values() if op.kind != "elementwise"} <= set(EXAMPLES) <= {op.name for op in BUILT.values()}


def test_every_op_is_a_function_of_the_package_but_trace_which_traces():
    assert set(FUNCTIONS) == set(BUILT)
    assert [name for name in FUNCTIONS if getattr(sbp, name) is not FUNCTIONS[name]] == ["trace"]


@pytest.mark.parametrize("seed", range(60))
def test_random_expressions_on_arrays_are_numpys(seed):
    case = expression(Seeded(seed), 3, 2)
    arrays = arrays_of(case)
    with np.errstate(all="ignore"):
        try:
            wanted = values(case, arrays)[0][next(iter(case.equations))]
        except (FloatingPointError, np.linalg.LinAlgError):
            pytest.skip("NumPy has no value")
        found = eval(case.text, {**FUNCTIONS, "pi": np.pi, "__builtins__": {}}, {**case.sizes, **arrays})
    assert np.allclose(found, wanted, rtol=1e-9, equal_nan=True)


def test_errors_on_arrays_are_pythons_own():
    with pytest.raises(ValueError, match="conv2d takes arrays with 4 axes"):
        sbp.conv2d(np.ones((2, 3, 4)), np.ones((1, 3, 2, 2)))
    with pytest.raises(ValueError, match="whole number or 2 of them"):
        sbp.max_pool2d(np.ones((1, 2, 4, 4)), (1, 2, 3))
    with pytest.raises(TypeError, match="softmax"):
        sbp.softmax(np.ones(3), axes=0)


def test_the_trace_of_a_matrix_is_numpys():
    with pytest.raises(SpecError, match=r"np\.trace\(A\)"):
        sbp.trace(np.eye(3))
