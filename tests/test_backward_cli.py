"""`symbackprop verify FILE.py:NAME`: forms, statuses, and files that fail, loop or end the process."""

import json
from pathlib import Path

import backward_slips as slips
import pytest
from typer.testing import CliRunner

from symbackprop.commands import cli

SHAPES = "x: n d; W: d m; b: m"


def verify(*arguments: object):
    return CliRunner().invoke(cli.app, ["verify", *map(str, arguments)])


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("layers") / "layers.py"
    path.write_text(slips.planted("affine", "dW = x.T.dot(dout)", "dW = x.T.dot(dout) / len(x)")[0], encoding="utf-8")
    return path


def test_a_pass_is_checked_in_every_form(wrong: Path, tmp_path: Path) -> None:
    what = (f"{wrong}:affine_backward", "--forward", "affine_forward", "--shapes", SHAPES)
    said = verify(*what)
    assert said.exit_code == 1 and "write: dW = x.T.dot(dout)" in said.stdout and "✗ dW: should be dJ/dW" in said.stdout
    page = tmp_path / "page.html"
    assert verify(*what, "-o", page).exit_code == 1
    assert '<tr class="wrong">' in page.read_text(encoding="utf-8") and "✗ wrong" in page.read_text(encoding="utf-8")
    assert "::error file=" in verify(*what, "--format", "github").stdout


def test_a_report_in_json_holds_the_lines(wrong: Path) -> None:
    said = verify(f"{wrong}:Affine", "--shapes", SHAPES, "--format", "json")
    assert said.exit_code == 0
    table = json.loads(said.stdout)
    assert {v["subject"] for v in table["verdicts"]} == {"self.dW", "self.db", "dout @ self.W.T"} and table["lines"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import numpy as np\n1 / 0\n", "ZeroDivisionError"),
        ("raise SystemExit(3)\n", "ended the process"),
        ("def f(x): return x\n", "no 'back'"),
        ("def back(x):\n    y = input()\n    return y\n", "EOFError"),
        ("while True: pass\n", "longer than"),
    ],
)
def test_a_file_that_fails_is_said(text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = "1" if "while" in text else "20"
    monkeypatch.setattr("symbackprop.backward.child.SPARE", 3)
    path = tmp_path / "theirs.py"
    path.write_text(text, encoding="utf-8")
    done = verify(f"{path}:back", "--shapes", "x: n", "--limit", limit)
    assert done.exit_code == 2 and said in done.stderr


def test_a_file_without_a_function_is_refused() -> None:
    assert verify("layers.py").exit_code == 2
    assert verify("none.py:f", "--shapes", "x: n").exit_code == 2
