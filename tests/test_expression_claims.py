"""Claims about one expression, without a model: its value is called f."""

import json

import pytest
from typer.testing import CliRunner

import symbackprop as sbp
from symbackprop.commands import cli
from symbackprop.errors import SpecError

TEXT, SHAPES = "norm(A @ x - b)**2", {"A": "m n", "x": "n", "b": "m"}
COMMAND = ["verify", TEXT, "--shapes", "A: m n; x: n; b: m"]


def call(*arguments):
    return CliRunner().invoke(cli.app, arguments, prog_name="symbackprop")


def test_a_claim_about_an_expression_is_proved_or_refuted():
    report = sbp.check(TEXT, SHAPES, ["df/dx == 2 * A.T @ (A @ x - b)", "df/dx == A.T @ (A @ x - b)"])
    assert [v.status for v in report.verdicts] == ["proved", "wrong"]
    assert report.verdicts[1].cause.startswith("missing 2") and report.verdicts[1].counterexample is not None


def test_an_expression_with_axes_has_a_jacobian():
    report = sbp.check("A @ tanh(x)", {"A": "m n", "x": "n"}, ["df/dx == A * (1 - tanh(x)**2)", "df/dx == A.T"])
    assert [v.status for v in report.verdicts] == ["proved", "wrong"]


def test_facts_of_an_expression_become_conditions():
    given = {"facts": {"A": "symmetric"}, "seed": 3}
    claim = "df/dx == 2 * A @ x"
    assert sbp.check("x @ A @ x", {"A": "n n", "x": "n"}, claim, **given).verdicts[0].status == "holds-if"
    assert sbp.check("x @ A @ x", {"A": "n n", "x": "n"}, claim).verdicts[0].status == "wrong"


def test_an_update_goes_down_a_scalar_only():
    step = "x <- x - 0.1 * df/dx"
    assert sbp.check(TEXT, SHAPES, step).ok
    assert not sbp.check(TEXT, SHAPES, "x <- x + 0.1 * df/dx").ok
    with pytest.raises(SpecError, match="only a scalar goes down"):
        sbp.check("A @ x", {"A": "m n", "x": "n"}, step)


def test_a_tensor_cannot_be_called_as_the_value_is():
    with pytest.raises(SpecError, match="what claims call the value"):
        sbp.check("sum(f**2)", {"f": "n"}, "df/df == 2 * f")


@pytest.mark.parametrize(("claim", "status"), [("df/db == 2 * (b - A @ x)", 0), ("df/db == b - A @ x", 1), ("df/dq == b", 2)])
def test_the_command_says_it_by_its_exit_status(claim, status):
    said = call(*COMMAND, "--claim", claim)
    assert said.exit_code == status and "Traceback" not in said.output


def test_without_a_claim_the_derivatives_are_verified(tmp_path):
    target = tmp_path / "report.json"
    said = call(*COMMAND, "-o", str(target))
    report = json.loads(target.read_text(encoding="utf-8"))
    assert said.exit_code == 0 and report["ok"]
    assert {v["subject"] for v in report["verdicts"]} >= {"df/dA", "df/dx", "df/db"}


def test_an_expression_needs_shapes():
    said = call("verify", "no_such_file", "--claim", "df/dx == 1")
    assert said.exit_code == 2 and "needs the shapes of its tensors" in said.stderr


@pytest.mark.parametrize("shapes", [None, "n", ["x"]])
def test_shapes_that_are_no_table_are_refused(shapes):
    for asked in (lambda: sbp.check("sum(x)", shapes, "df/dx == 1"), lambda: sbp.derivative("sum(x)", shapes, "x")):
        with pytest.raises(SpecError, match="shapes are a table"):
            asked()
