"""The product of the links on a path, and its closed form, by value."""

import numpy as np
import pytest
from small import index, program
from sympy import tanh

from symbackprop.calculus.program import Equation, Tensor
from symbackprop.calculus.term import Entry, Total
from symbackprop.derivation.reverse import gradient
from symbackprop.errors import DeriveError
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays
from tests.chain import chain

q, r, s = index("q", "d"), index("r", "h"), index("s", "h")


def network():
    return program(
        {"x": "d", "W": "h d", "v": "c h"},
        ("z", "h", lambda i: Total(Entry("W", i, q) * Entry("x", q), q)),
        ("a", "h", lambda i: tanh(Entry("z", i))),
        ("o", "c", lambda i: Total(Entry("v", i, r) * Entry("a", r), r)),
        ("J", "", lambda: Total(Entry("o", index("k", "c")) ** 2, index("k", "c"))),
    )


def links_by_value(made, arrays, derived):
    extra = [Equation(Tensor(f"L{k}", e.tensor.axes), e.indices, e.rhs) for k, e in enumerate(made.links)]
    held = evaluate(derived.program.extended(extra), arrays)
    return [held[e.name] for e in extra]


def test_the_product_of_the_links_is_the_entry():
    derived = gradient(network(), ["W"])
    arrays = random_arrays(derived.program)
    made = chain(derived, "W", (1, 0))
    assert [e.tensor.derivative for e in made.links] == [("J", "o"), ("o", "a"), ("a", "z"), ("z", "W")]
    product = links_by_value(made, arrays, derived)
    assert [np.ndim(v) for v in product] == [1, 2, 2, 1]
    want = evaluate(derived.program, arrays)["dW"][1, 0]
    np.testing.assert_allclose(product[0] @ product[1] @ product[2] @ product[3], want, rtol=1e-12)
    assert abs(product[0] @ product[1] @ product[3] - want) > 1e-3


def test_the_closed_form_speaks_of_the_model_only():
    derived = gradient(network(), ["W"])
    made = chain(derived, "W")
    assert {a.name for a in made.value.atoms(Entry)} <= {"x", "W", "v", "z", "a", "o"}
    arrays = random_arrays(derived.program)
    held = Equation(Tensor("closed", derived.program.tensors["W"].axes), made.indices, made.value)
    values = evaluate(derived.program.extended([held]), arrays)
    np.testing.assert_allclose(values["closed"], values["dW"], rtol=1e-12)


def test_two_paths_are_no_chain():
    two = program({"x": "h"}, ("a", "h", lambda i: tanh(Entry("x", i))), ("J", "", lambda: Total(Entry("a", r) * Entry("x", r), r)))
    with pytest.raises(DeriveError, match="used by"):
        chain(gradient(two, ["x"]), "x")


def test_a_name_that_was_not_derived():
    with pytest.raises(DeriveError, match="'x' has no derivative here"):
        chain(gradient(network(), ["v"]), "x")
