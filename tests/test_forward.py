"""Forward mode: tangents against differences, against reverse mode, and over a gradient program the Hessian's products."""

import numpy as np
import pytest
from small import index, program
from sympy import tanh

from symbackprop.calculus.index import axis
from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.calculus.term import Entry, Total
from symbackprop.derivation.forward import forward
from symbackprop.derivation.reverse import gradient, jacobian
from symbackprop.errors import DeriveError
from symbackprop.language.elaborate import elaborate
from symbackprop.language.layers import MSE, Linear, Sequential, SoftmaxCrossEntropy, Tanh
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays

r, q = index("r", "n"), index("q", "d")


def network():
    return program(
        {"X": "n d", "w": "d"},
        ("z", "n", lambda i: Total(Entry("X", i, q) * Entry("w", q), q)),
        ("a", "n", lambda i: tanh(Entry("z", i)) * Entry("w", 0)),
        ("J", "", lambda: Total(Entry("a", r) ** 2, r)),
    )


def test_a_tangent_is_the_directional_derivative():
    moved = forward(network(), ["w"], ["J", "a"])
    arrays = random_arrays(moved.program)
    values = evaluate(moved.program, arrays)
    step = 1e-5
    sides = [evaluate(moved.program, {**arrays, "w": arrays["w"] + s * step * arrays["v_w"]}) for s in (1, -1)]
    for name in ("a", "J"):
        want = (sides[0][name] - sides[1][name]) / (2 * step)
        np.testing.assert_allclose(values[moved.tangents[name]], want, rtol=1e-6, atol=1e-9)


def test_forward_and_reverse_agree():
    moved = forward(network(), ["w", "X"], ["J"])
    derived = gradient(moved.program, ["w", "X"])
    values = evaluate(derived.program, random_arrays(derived.program))
    product = sum(np.vdot(values[derived.adjoints[k]], values[f"v_{k}"]) for k in ("w", "X"))
    np.testing.assert_allclose(values[moved.tangents["J"]], product, rtol=1e-10)
    assert abs(values[moved.tangents["J"]] + product) > 1e-6


def test_what_does_not_depend_has_no_tangent():
    moved = forward(network(), ["X"], ["J"])
    assert set(moved.tangents) == {"X", "z", "a", "J"}
    other = program(
        {"x": "n", "y": "n"}, ("s", "n", lambda i: Entry("x", i) ** 2), ("J", "", lambda: Total(Entry("s", r) * Entry("y", r), r))
    )
    assert set(forward(other, ["y"], ["J"]).tangents) == {"y", "J"}


MODELS = {
    "softmax": Sequential(Linear("d", "h"), Tanh(), Linear("h", "c"), SoftmaxCrossEntropy()),
    "squares": Sequential(Linear("d", "h"), Tanh(), Linear("h", "c"), MSE(l2=0.1)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_hessian_times_a_vector_is_the_tangent_of_the_gradient(name):
    derived = gradient(elaborate(MODELS[name].spec()))
    moved = forward(derived.program, ["W1", "b1", "W2", "b2"], [derived.adjoints["W2"]])
    values = evaluate(moved.program, random_arrays(moved.program, {axis(a): s for a, s in zip("ndhc", (3, 2, 2, 3), strict=True)}))
    leaves = {t.name: values[t.name] for t in moved.program.leaves}
    product = 0
    for other in ("W1", "b1", "W2", "b2"):
        block = jacobian(derived.program, derived.adjoints["W2"], other)
        dense = evaluate(block.program, {t.name: leaves[t.name] for t in block.program.leaves})[block.adjoints[other]]
        product = product + np.tensordot(dense, leaves[f"v_{other}"], leaves[f"v_{other}"].ndim)
    np.testing.assert_allclose(values[moved.tangents[derived.adjoints["W2"]]], product, rtol=1e-9, atol=1e-12)


def test_a_call_has_a_tangent():
    n, d = axis("n"), axis("d")
    tensors = {"O": Tensor("O", (n, d), "parameter"), "P": Tensor("P", (n, d))}
    p = Program("net", tensors, (Equation(tensors["P"], tensors["P"].indices, Call("softmax", ("O",), (("axis", 1),))),), "P")
    moved = forward(p, ["O"], ["P"])
    values = evaluate(moved.program, random_arrays(moved.program))
    np.testing.assert_allclose(values[moved.tangents["P"]].sum(axis=1), 0, atol=1e-14)


def test_directions_belong_to_leaves():
    with pytest.raises(DeriveError, match="'z' is not a leaf"):
        forward(network(), ["z"], ["J"])


def test_cost_grows_with_the_depth_only():
    counts = []
    for depth in (2, 4, 8):
        layers = [x for k in range(depth) for x in (Linear(f"d{k}", f"d{k + 1}"), Tanh())]
        p = elaborate(Sequential(*layers, MSE()).spec())
        counts.append(len(forward(p, [t.name for t in p.parameters], ["J"]).program.equations))
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])
