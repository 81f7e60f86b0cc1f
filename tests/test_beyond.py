"""Derivatives beyond the gradient on paper: every formula reads back to what the generated code computes; pages say it once."""

import re
from functools import cache

import numpy as np
import pytest
from notation_forms import read_written
from notation_matrix_reader import read_matrix
from test_second import MODELS

import symbackprop as sbp
from symbackprop.errors import NotationError, SpecError
from symbackprop.index import axis
from symbackprop.notation import tree
from symbackprop.notation.latex import latex
from symbackprop.notation.lines import broken, terms, width
from symbackprop.notation.names import Names
from symbackprop.notation.page import for_github
from symbackprop.verify.literal import evaluate, random_arrays

SIZES = {"n": 2, "d": 3, "h": 2, "c": 4, "k": 3}
KINDS = {
    "hessian": lambda d: d.hessian_blocks(),
    "hvp": lambda d: d.hessian_vector_product(),
    "ggn": lambda d: d.gauss_newton().blocks(),
    "ggn product": lambda d: d.gauss_newton().vector_product(),
    "fisher": lambda d: d.fisher().blocks(),
    "fisher product": lambda d: d.fisher().vector_product(),
    "per-sample": lambda d: d.per_sample_gradients(),
    "jacobian": lambda d: d.jacobians(),
    "jvp": lambda d: d.jvp(),
    "vjp": lambda d: d.vjp(),
}
BLOCKS = ("hessian", "ggn", "fisher", "jacobian")
SPECS = {**{name: MODELS[name] for name in ("three layers", "squares with a penalty", "weights used twice")}}
SPECS["two layer"] = lambda: sbp.load("examples/two_layer.toml")
EVERY = [(name, kind) for name in SPECS for kind in KINDS if name != "three layers" or kind not in BLOCKS]


@cache
def derivation(name):
    return sbp.derive(SPECS[name]())


@cache
def results(name, kind):
    return KINDS[kind](derivation(name))


def arrays_of(made):
    """Leaves, directions among them, that keep the facts."""
    whole = made.derived.program
    sizes = {a: SIZES[str(a)] for a in whole.axes}
    return random_arrays(whole, sizes), {str(a): s for a, s in sizes.items()}


def expected(made, arrays):
    leaves = {t.name for t in made.derived.program.leaves}
    return made.evaluate(**{n: a for n, a in arrays.items() if n in leaves})


@pytest.mark.parametrize(("name", "kind"), EVERY)
@pytest.mark.parametrize("form", ["index", "best"])
def test_every_formula_reads_back_to_its_value(name, kind, form):
    made = results(name, kind)
    arrays, dims = arrays_of(made)
    wanted = expected(made, arrays)
    written = made.written(form)
    for label, tensor in made.names.items():
        got = read_written(written.written(tensor), arrays, dims)
        np.testing.assert_allclose(got, wanted[label], rtol=1e-9, atol=1e-11, err_msg=f"{label} {made.latex(form)[label]}")


def dropped_dot(text):
    return text.replace(r"\dot{W}", "W", 1)


def other_sign(text):
    return f"-({text})"


@pytest.mark.parametrize("form", ["index", "best"])
@pytest.mark.parametrize(
    ("kind", "damage"), [("hvp", dropped_dot), ("ggn product", dropped_dot), ("vjp", other_sign), ("hessian", other_sign)]
)
def test_control_damage_is_seen(kind, damage, form):
    made = results("two layer", kind)
    arrays, dims = arrays_of(made)
    label, tensor = next(iter(made.names.items()))
    got = read_written(made.written(form).written(tensor), arrays, dims, damage)
    assert not np.allclose(got, expected(made, arrays)[label], rtol=1e-6)
