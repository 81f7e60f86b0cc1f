"""What commands are given and say: csv files of every kind, constants, JSON, JUnit, quiet runs, completion."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import symbackprop as sbp
from symbackprop.commands import cli
from symbackprop.commands.data import load_data
from symbackprop.commands.tasks.junit import Case, junit
from symbackprop.commands.tasks.table import read_table
from symbackprop.errors import DataError

ROOT = Path(__file__).resolve().parent.parent
RIDGE = """
[axes]
d = 3
[tensors]
X = { axes = "n d", role = "input" }
y = { axes = "n", role = "label" }
w = { axes = "d", role = "parameter" }
v = { axes = "d", role = "constant" }
lam = { axes = "", role = "constant" }
[equations]
r = "X @ w - y"
J = "r @ r / n + lam * sum(v * w**2)"
"""
ROWS = [[1.5, -2.0, 0.25, 3.0], [0.5, 1.25, -7.0, -1.5], [2.0, 0.125, 4.5, 0.5], [-1.0, 3.0, 2.0, 1.0], [0.75, -0.5, 1.0, 2.5]]
NAMES = "a,b,c,y"


def lines(mark=",", head=NAMES, quote="", decimal="."):
    rows = [[f"{quote}{str(x).replace('.', decimal)}{quote}" for x in row] for row in ROWS]
    return "\n".join([*([head.replace(",", mark)] if head else []), *(mark.join(row) for row in rows)]) + "\n"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    (tmp_path / "ridge.toml").write_text(RIDGE, encoding="utf-8")
    (tmp_path / "data.csv").write_text(lines(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments):
    said = CliRunner().invoke(cli.app, arguments, prog_name="symbackprop")
    assert "Traceback" not in said.output, said.output
    return said


FILES = {
    "commas, a header": lines(),
    "commas, no header": lines(head=""),
    "semicolons, a header": lines(";"),
    "semicolons, decimal commas, a header": lines(";", decimal=","),
    "semicolons, decimal commas, no header": lines(";", head="", decimal=","),
    "tabs, a header": lines("\t"),
    "|, no header": lines("|", head=""),
    "commas, a header ": lines(quote='"'),
    "commas, no header ": lines(head="", quote='"', decimal="."),
    "commas, a header  ": "\ufeff" + lines().replace("\n", "\r\n") + "\r\n\r\n",
    "commas, a header   ": lines(", "),
    "commas, a header    ": lines(head="0,1,2,y"),  # as pandas writes columns without names
    "commas, a header     ": lines(head='"size, in m","b ""x""",c,y'),
}


@pytest.mark.parametrize("told", FILES)
def test_a_csv_of_every_kind_is_the_same_table(desk, told):
    (desk / "data.csv").write_bytes(FILES[told].encode())
    data = load_data("data.csv", sbp.load("ridge.toml").program, given={"lam": "0.5", "v": "2"})
    assert np.array_equal(data.arrays["X"], np.array(ROWS)[:, :3]) and np.array_equal(data.arrays["y"], np.array(ROWS)[:, 3])
    assert data.told.startswith(told.strip() + "; ") and data.told.endswith("-> y")
    assert data.arrays["v"].tolist() == [2, 2, 2] and data.arrays["lam"] == 0.5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a;b\n1,234;2,500\n3,125;7,250\n", "may be a fraction or thousands"),
        ("1,2,3,4\n1,2,3\n", "line 2 has 3 cells, line 1 has 4"),
        ("a,b,c,y\n1,2,3\n1,2,3,4\n", "line 2 has 3 cells, the header has 4"),
        ("", "the file is empty"),
        ("\n , \n", "the file is empty"),
        ("a,b,c,y\n", "there is only a header"),
        ("0,1,2,3\n4,5,6,7\n", "may be the names of columns, as pandas calls them, or a sample"),
    ],
)
def test_what_is_no_table_is_said_with_its_line(desk, text, reason):
    (desk / "bad.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=reason) as caught:
        read_table(desk / "bad.csv")
    assert caught.value.fix and caught.value.place


def test_a_header_can_be_said(desk):
    (desk / "data.csv").write_text(lines(head="0,1,2,3"), encoding="utf-8")
    assert len(read_table(desk / "data.csv", headed=False).lines) == len(ROWS) + 1
    said = call(
        "train", "ridge.toml", "--data", "data.csv", "--no-header", "--set", "lam=0", "--set", "v=1", "--epochs", "1", "--lr", "0.01"
    )
    assert "samples  6\n" in said.stdout and "no header; column 1, column 2, column 3 -> X; column 4 -> y" in said.stderr


def test_constants_are_numbers_or_arrays_of_files(desk):
    np.save(desk / "v.npy", np.array([1.0, 2.0, 4.0]))
    runs = [
        json.loads(call("train", "ridge.toml", "--data", "data.csv", "--lr", "0.01", *row, "--set", "lam=0.5", "--json").stdout)["losses"]
        for row in (("--set", "v=v.npy"), ("--set", "v=2"), ("--set", "v=2.0"))
    ]
    assert runs[0] != runs[1] == runs[2] and len(runs[0]) == 101


@pytest.mark.parametrize(
    ("given", "reason", "fix"),
    [
        (["lam=0.5"], 'nothing gives the constant v, "d"', "--set v=v.npy"),
        (["v=1"], "nothing gives the constant lam", "--set lam=0.01"),
        (["v=1", "lam=x"], "'x' is no number", "0.01"),
        (["v=1", "lam=nan"], "not a finite number", "a number"),
        (["v=1", "lam=1", "lam=2"], "'lam' is set twice", "once"),
        (["v=1", "lam"], "NAME=VALUE", "--set lam=0.01"),
        (["v=1", "lamb=1"], "no constant 'lamb'", "did you mean lam"),
        (["v=1", "w=1"], "no constant 'w'", "it is of the role parameter"),
        (["v=no.npy", "lam=1"], "No such file", ".npy"),
        (["v=ridge.toml", "lam=1"], "no number", ".npy"),
    ],
)
def test_a_constant_that_can_not_be_is_said(desk, given, reason, fix):
    options = [word for one in given for word in ("--set", one)]
    said = call("train", "ridge.toml", "--data", "data.csv", *options, "-o", "w.npz")
    assert said.exit_code == 2 and not (desk / "w.npz").exists()
    reported = said.stderr.split("Error")[-1]
    assert reason in reported and fix in reported.split("fix: ")[-1], said.stderr


def test_an_npz_may_lack_what_is_set(desk):
    np.savez(desk / "d.npz", X=np.array(ROWS)[:, :3], y=np.array(ROWS)[:, 3], v=np.ones(3))
    assert call("train", "ridge.toml", "--data", "d.npz", "--lr", "0.01").exit_code == 2
    assert call("train", "ridge.toml", "--data", "d.npz", "--lr", "0.01", "--set", "lam=0.1").exit_code == 0


def test_a_loss_that_grows_is_said_and_one_that_is_not_finite_an_error(desk):
    told = ("--set", "lam=0.1", "--set", "v=1", "--data", "data.csv")
    assert "the loss grew" in call("train", "ridge.toml", *told, "--lr", "1", "--epochs", "4", "--quiet").stderr
    said = call("train", "ridge.toml", *told, "--lr", "1e200", "--epochs", "9")
    assert said.exit_code == 2 and "after epoch" in said.stderr and "smaller learning rate" in said.stderr
    quiet = call("train", "ridge.toml", *told, "--lr", "0.01", "--quiet", "-o", "w.npz")
    assert (quiet.exit_code, quiet.output) == (0, "") and (desk / "w.npz").exists()


EXPRESSION = ("verify", "norm(A @ x)**2", "--shapes", "A: m n; x: n")
RIGHT = ("--claim", "df/dx == 2 * A.T @ A @ x")


def test_verdicts_as_json_junit_and_quiet():
    wrong = ("--claim", "df/dx == A.T @ A @ x")
    made = json.loads(call(*EXPRESSION, *RIGHT, *wrong, "--json").stdout)
    assert [v["status"] for v in made["verdicts"]] == ["proved", "wrong"]
    said = call(*EXPRESSION, *RIGHT, *wrong, "--format", "junit")
    root = ET.fromstring(said.stdout)
    assert said.exit_code == 1 and (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "1", "0")
    assert [len(case.findall("failure")) for case in root.iter("testcase")] == [0, 1]
    quiet = call(*EXPRESSION, *RIGHT, *wrong, "--quiet").stdout
    assert "A.T @ A @ x" in quiet and "proved" not in quiet and call(*EXPRESSION, *RIGHT, "--quiet").output == ""


def test_unknown_is_an_error_in_junit_and_signs_are_escaped():
    root = ET.fromstring(junit([("<s>", [Case("a & b\x00", "unknown", "why\nmore"), Case("c", "holds-if", "if"), Case("d", "wrong")])]))
    assert (root.get("failures"), root.get("errors")) == ("1", "1") and root.find("testsuite").get("name") == "<s>"
    assert root.find(".//error").get("message") == "why" and root.find(".//failure").get("message") == "wrong"


def test_notes_and_passes_have_junit_too(tmp_path):
    (tmp_path / "note.md").write_text("$y = x^2$, so $\\frac{dy}{dx} = 2x$ and $\\frac{dy}{dx} = 3x$.\n", encoding="utf-8")
    said = call("verify", str(tmp_path / "note.md"), "-o", str(tmp_path / "v.xml"))
    root = ET.parse(tmp_path / "v.xml").getroot()
    assert said.exit_code == 1 and root.get("failures") == "1"


def test_lists_as_json():
    assert json.loads(call("targets", "--json").stdout) == ["jax", "numpy"]
    assert {"softmax", "einsum"} <= {row["name"] for row in json.loads(call("ops", "--json").stdout)}


def test_a_shell_completes_commands():
    asked = {**os.environ, "_SYMBACKPROP_COMPLETE": "complete_bash", "COMP_WORDS": "symbackprop ver", "COMP_CWORD": "1"}
    code = "from symbackprop.commands.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=asked, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.stdout.split() == ["verify"], done.stderr
