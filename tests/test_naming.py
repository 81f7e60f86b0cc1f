"""Of an outer product only the part that costs something is named: no array of a Hessian's program is larger than it must be."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from sympy import exp

import symbackprop as sbp
from symbackprop.calculus.contract import contract
from symbackprop.calculus.index import Index, axis, free_indices
from symbackprop.calculus.program import Tensor
from symbackprop.calculus.term import Entry, NonNegative, Total, delta
from symbackprop.derivation import reverse
from symbackprop.derivation.naming import with_parts_named
from symbackprop.derivation.reverse import gradient, jacobian
from symbackprop.language.elaborate import elaborate
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays

n, d, h, c = map(axis, "ndhc")


def deep(layers):
    """A network of tanh layers with axes d0, d1, ..., softmax and cross entropy."""
    inner = [x for k in range(layers) for x in (sbp.Linear(f"d{k}", f"d{k + 1}"), sbp.Tanh())]
    return sbp.Sequential(*inner, sbp.Linear(f"d{layers}", "c"), sbp.SoftmaxCrossEntropy())


def widest(block, name):
    """The largest number of axes of what the derivation stores on the way to `name`."""
    return max((len(e.indices) for e in block.program.needed([name]).equations if e.tensor.is_derived and e.name != name), default=0)


def pairs(layers):
    weights = [f"W{k}" for k in range(1, layers + 2)]
    return list(combinations_with_replacement(weights, 2))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_no_array_on_the_way_to_a_block_has_more_than_three_axes(layers):
    first = gradient(elaborate(deep(layers).spec()))
    for a, b in pairs(layers):
        block = jacobian(first.program, first.adjoints[a], b)
        assert widest(block, block.adjoints[b]) <= 3, (a, b)


def test_without_names_of_parts_they_have_four(monkeypatch):
    monkeypatch.setattr(reverse, "with_parts_named", lambda value, name: value)
    monkeypatch.setattr(reverse, "_is_outer", lambda value: False)
    first = gradient(elaborate(deep(2).spec()))
    block = jacobian(first.program, first.adjoints["W1"], "W2")
    assert widest(block, block.adjoints["W2"]) > 3


def test_the_parts_make_up_the_whole():
    i, j, k = free_indices((n, d, h))
    r = Index("r0", c)
    names = []

    def name(e):
        names.append(e)
        return Entry("Q", *sorted(e.free_symbols & {i, j, k}, key=str))

    x, y, z = Entry("x", i, j), Entry("y", i, k), Entry("z", k)
    inner = Total(Entry("a", i, r) * Entry("b", r, k), r)
    assert with_parts_named(contract(x * y * inner * z / n), name) == x * Entry("Q", i, k)
    assert names == [y * inner * z / n]
    # A delta stays outside, and so does what has an index of its own; a sum over all indices is left as it is.
    assert with_parts_named(delta(i, j) * y * inner, name) == delta(i, j) * Entry("Q", i, k)
    assert with_parts_named(y * inner, name) == y * inner
    assert with_parts_named(exp(x) * y, name) == exp(x) * y
    assert with_parts_named(x * inner - y, name) == x * Entry("Q", i, k) - y


def test_a_guard_goes_with_every_part_that_has_its_index():
    """Two sums over one product, both read at i - 1, which only i >= 1 lets them: each named part holds the guard."""
    i, j, k = free_indices((n, d, h))
    r = Index("r0", c)
    first = Total(Entry("a", i - 1, r) * Entry("b", r, j), r)
    second = Total(Entry("e", i - 1, r) * Entry("f", r, k), r)
    guard = NonNegative(i - 1)
    names = []

    def name(e):
        names.append(e)
        return Entry("Q", *sorted(e.free_symbols & {i, j, k}, key=str))

    assert with_parts_named(guard * first * second, name) == Entry("Q", i, j) * Entry("Q", i, k)
    assert set(names) == {guard * first, guard * second}
    # What is left outside is read there too.
    assert with_parts_named(guard * first * Entry("x", i - 1, k), name) == guard * Entry("x", i - 1, k) * Entry("Q", i, j)


def test_equal_parts_have_one_name():
    first = gradient(elaborate(deep(1).spec()))
    block = jacobian(first.program, first.adjoints["W1"], "W2")
    parts = [e for e in block.program.equations if e.tensor.role == "part"]
    assert len({(e.tensor.axes, e.rhs) for e in parts}) == len(parts)


def test_a_block_with_named_parts_is_true_by_value():
    first = gradient(elaborate(deep(2).spec()))
    block = jacobian(first.program, first.adjoints["W1"], "W2")
    assert any(e.tensor.role == "part" for e in block.program.needed([block.adjoints["W2"]]).equations)
    sizes = {axis(a): s for a, s in zip(("n", "d0", "d1", "d2", "c"), (3, 2, 3, 2, 5), strict=True)}
    arrays = random_arrays(block.program, sizes)
    value = evaluate(block.program, arrays, sizes)[block.adjoints["W2"]]
    step = 1e-5
    for place in np.ndindex(arrays["W2"].shape):
        sides = []
        for sign in (1, -1):
            moved = arrays["W2"].copy()
            moved[place] += sign * step
            sides.append(evaluate(first.program, {**arrays, "W2": moved}, sizes)[first.adjoints["W1"]])
        np.testing.assert_allclose(value[(..., *place)], (sides[0] - sides[1]) / (2 * step), rtol=1e-5, atol=1e-8)


def test_a_part_is_no_tensor_of_the_model():
    assert Tensor("Q", (n,), role="part").is_derived
    assert not Tensor("H", (n,)).is_derived
