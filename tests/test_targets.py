"""Targets: what one writes, another spells or says that it can't; without statements in place it has none."""

import subprocess
import sys

import pytest
from jax_target import derived_ops, in_place
from typer.testing import CliRunner

import symbackprop as sbp
import symbackprop.emit as emit
from symbackprop.commands.cli import app
from symbackprop.errors import SymbackpropError, TargetError
from symbackprop.kinds.table import in_modules

OTHERS = [t for t in emit.targets() if t != "numpy"]
EMBEDDING = sbp.model(
    {
        **{name: {"axes": axes, "role": "parameter"} for name, axes in {"E": "v d", "w": "d"}.items()},
        "words": {"axes": "n", "role": "index"},
        "y": {"axes": "n", "role": "label"},
    },
    {"J": "sum((take(E, words, axis=0)[:, 1:] @ w[1:] - y)**2) + logdet(outer(w, w) + diag(exp(w)))"},
)


def every_module(target):
    """The text of modules with all that the target has."""
    words = [w for w in in_modules() if w not in emit.spelling(target).lacks]
    yield sbp.generate(sbp.derive(sbp.load("examples/two_layer.toml")), target, words).source
    yield sbp.generate(sbp.derive(EMBEDDING), target, ["hessian", "hvp"]).source


@pytest.mark.parametrize("target", OTHERS)
def test_a_target_spells_what_the_numpy_target_spells(target):
    ours, theirs = emit.spelling("numpy"), emit.spelling(target)
    for table in ("calls", "arrays"):
        assert not getattr(ours, table).keys() - getattr(theirs, table).keys()
    assert not ours.known - theirs.known


@pytest.mark.parametrize("target", OTHERS)
def test_each_op_is_generated_or_refused_by_a_typed_error(target):
    for name, result in derived_ops(first=True):
        try:
            source = emit.function_source(result.program, result.name, target)
        except SymbackpropError:
            continue
        compile(source, name, "exec")
        assert emit.spelling(target).statements or not in_place(source), name


def test_the_jax_target_has_no_statement_in_place():
    assert not [found for source in every_module("jax") for found in in_place(source)]


def test_control_the_statements_of_the_numpy_target_are_seen():
    found = [text for source in every_module("numpy") for text in in_place(source)]
    for what in ("+=", "out=", "matrix[", "on_diagonal +=", "np.add.at("):
        assert any(what in text for text in found), what


def test_a_jax_module_is_written_as_the_house_writes(tmp_path):
    for k, source in enumerate(every_module("jax")):
        path = tmp_path / f"made_{k}.py"
        path.write_text(source, encoding="utf-8")
        ruff = [sys.executable, "-m", "ruff"]
        subprocess.run([*ruff, "format", "--isolated", "--line-length", "140", "--check", "-q", path], check=True)
        subprocess.run(
            [*ruff, "check", "--isolated", "--line-length", "140", "--select", "E,F,W", "--ignore", "E741", "-q", path], check=True
        )


def test_what_a_target_lacks_is_said_by_a_typed_error():
    with pytest.raises(TargetError, match=r"JAX can't have 'objective': as_objective keeps[\s\S]*another target"):
        sbp.generate(sbp.derive(EMBEDDING), "jax", ["objective"])


def test_the_command_line_generates_it():
    made = CliRunner().invoke(app, ["generate", "examples/one_sample.toml", "--target", "jax"])
    assert made.exit_code == 0 and "import jax.numpy as jnp" in made.stdout and "target jax" in made.stdout
