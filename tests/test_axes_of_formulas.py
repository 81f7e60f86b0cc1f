"""Shapes with products and sums of sizes, "c*h*w m" and "4*k": read, derived by, generated and checked."""

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.index import axis, letters, parse_shape
from symbackprop.errors import AxisError


def test_a_shape_string_takes_products_and_sums():
    c, h, d = axis("c"), axis("h"), axis("d")
    assert parse_shape("4*c*h 2 d+h+1") == (4 * c * h, 2, d + h + 1)
    assert letters("4*c*h 2 d+h+1") == ["c", "h", "d"]
    for wrong in ("4*", "n-1", "n/2", "2c", "(n+1)", "n**2"):
        with pytest.raises(AxisError, match="is not an axis"):
            parse_shape(wrong)


def test_a_weight_behind_a_flattened_image():
    model = sbp.model(
        tensors={"x": "n c h w", "W": {"axes": "c*h*w m", "role": "parameter"}, "g": "n m"},
        equations={"out": "reshape(x, (n, -1)) @ W", "J": "sum(out * g)"},
    )
    module = sbp.generate(sbp.derive(model)).load()
    draw = np.random.default_rng(0).normal
    x, W, g = draw(size=(2, 3, 5, 7)), draw(size=(105, 11)), draw(size=(2, 11))
    assert np.allclose(module.gradients(module.Parameters(W), x, g).W, x.reshape(2, -1).T @ g)
    with pytest.raises(ValueError, match=r"axis c\*h\*w has 104 entries"):
        module.loss(module.Parameters(W[1:]), x, g)


@pytest.mark.parametrize(("shape", "length"), [("3*q", 15), ("q+2", 7), ("n*q+2", 22)])
def test_a_size_is_read_off_the_only_formula_it_stands_in(shape, length):
    model = sbp.model(tensors={"x": {"axes": shape, "role": "parameter"}, "w": "n"}, equations={"J": "q * sum(x ** 2) * sum(w)"})
    module = sbp.generate(sbp.derive(model)).load()
    x, w = np.linspace(-1, 2, length), np.arange(4.0)
    assert np.isclose(module.loss(module.Parameters(x), w), 5 * np.sum(x**2) * 6)
    module.self_check()
