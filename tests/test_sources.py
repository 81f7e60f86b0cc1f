"""`symbackprop derive FILE.py:NAME`: functions, models and modules of PyTorch from Python files, and what is none of these."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from symbackprop.commands import cli
from symbackprop.commands.python.sources import derivation_of

TEXT = """
import numpy as np
import symbackprop as sbp
from beside import power

print("imported")


def loss(X: "n d", y: "n", w: "d"):
    r = X @ w - y
    return np.sum(np.abs(r) ** power) ** (1 / power)


def bare(x, params):
    h = np.tanh(x @ params["W"] + params["b"])
    return np.mean(h**2)


def marked(X: "n d", y: "n index", W: "c d parameter"):
    s = X @ W.T
    return -np.mean(sbp.log_softmax(s, axis=1)[np.arange(X.shape[0]), y])


def both(X: "n d", w: "d"):
    return np.sum((X @ w) ** 2), 3 * X.T @ (X @ w)


class Layer:
    def forward(self, x):
        return x


model = sbp.trace(loss, parameters=["w"])
layers = sbp.Sequential(sbp.Linear("d", "c"), sbp.MSE())
number = 3
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "beside.py").write_text("power = 3\n", encoding="utf-8")
    (folder / "losses.py").write_text(TEXT, encoding="utf-8")
    return folder / "losses.py"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def test_a_function_is_a_model(file: Path) -> None:
    said = run("derive", f"{file}:loss", "--wrt", "w")
    assert said.exit_code == 0 and r"\frac{\partial J}{\partial w}" in said.stdout and r"\partial X" not in said.stdout
    assert "imported" in said.stderr and "imported" not in said.stdout
    made = run("generate", f"{file}:loss", "--wrt", "w", "--with", "hvp")
    assert made.exit_code == 0 and "def hessian_vector_product(" in made.stdout and "    w: np.ndarray  # d\n" in made.stdout


def test_shapes_may_be_given_also_those_of_a_dictionary(file: Path) -> None:
    shapes = "x: n d; params.W: d h; params.b: h"
    derivation = derivation_of(f"{file}:bare", shapes, ["params"])
    assert derivation.wrt == ("W", "b")
    assert derivation_of(f"{file}:bare", shapes, ["W"]).wrt == ("W",)
    said = run("derive", f"{file}:bare", "--shapes", shapes, "--wrt", "params", "-o", file.parent / "page.html")
    assert said.exit_code == 0 and "<math" in (file.parent / "page.html").read_text(encoding="utf-8")


def test_parameters_are_those_said_else_all_real_arguments(file: Path) -> None:
    assert derivation_of(f"{file}:loss").wrt == ("X", "y", "w")
    assert derivation_of(f"{file}:marked").wrt == ("W",)
    assert derivation_of(f"{file}:model").wrt == ("w",)
    assert derivation_of(f"{file}:layers").wrt == ("W1", "b1")


def test_what_returns_gradients_is_a_pass_and_what_does_not_is_a_model(file: Path) -> None:
    plain, claimed = run("verify", f"{file}:loss"), run("verify", f"{file}:loss", "--claim", "dJ/dw == X.T @ (r * abs(r)) / J**2")
    assert plain.exit_code == 0 and "verification of loss" in plain.stdout
    assert claimed.exit_code == 0 and "claims about loss" in claimed.stdout
    assert run("verify", f"{file}:loss", "--claim", "dJ/dw == X.T @ (r * abs(r)) / J").exit_code == 1
    wrong = run("verify", f"{file}:both")
    assert wrong.exit_code == 1 and "line by line" in wrong.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{}:los",), "did you mean loss?"),
        (("{}:number",), "number is a int, no function and no model"),
        (("{}:Layer",), "Layer is a type, no function and no model"),
        (("{}",), "names no function"),
        (("{}:bare",), "argument 'x' has no shape"),
        (("{}:bare", "--shapes", "x: n d; params: d; params.W: d"), "has a shape and parts"),
        (("{}:loss", "--shapes", "v: n"), "'v' is no argument"),
        (("{}:loss", "--wrt", "v"), "v"),
        (("{}:model", "--shapes", "X: n d"), "a model has its shapes"),
        (("{}x.py:loss",), "there is no file"),
        (("{}:loss.__globals__",), "loss.__globals__"),
    ],
)
def test_what_is_no_model_is_refused(words: tuple[str, ...], said: str, file: Path) -> None:
    done = run("derive", *[word.format(file) for word in words])
    assert done.exit_code == 2 and said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0\n", "ZeroDivisionError"),
        ("raise SystemExit(0)\n", "ended the process"),
        ("def f(:\n", "SyntaxError"),
        ("import nowhere_at_all\n", "nowhere"),
    ],
)
def test_a_file_that_fails_is_said(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "theirs.py"
    path.write_text(text, encoding="utf-8")
    done = run("generate", f"{path}:f")
    assert done.exit_code == 2 and said in done.stderr


def test_the_file_is_never_written_over(file: Path) -> None:
    done = run("generate", f"{file}:loss", "-o", file)
    assert done.exit_code == 2 and "was read" in done.stderr and file.read_text(encoding="utf-8") == TEXT


NET = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, inputs=4):
        super().__init__()
        self.fc1 = nn.Linear(inputs, 6)
        self.fc2 = nn.Linear(6, 3)

    def forward(self, x, y):
        return F.cross_entropy(self.fc2(torch.relu(self.fc1(x))), y)


class Wanting(Net):
    def __init__(self, inputs):
        super().__init__(inputs)


wide = Wanting(7).double()
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_module_of_pytorch_is_exported_for_the_shapes_of_its_inputs(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "net.py"
    path.write_text(NET, encoding="utf-8")
    shapes = ("--shapes", "x: n 4; y: n index")
    said = run("derive", f"{path}:Net", *shapes)
    assert said.exit_code == 0 and r"W^{\mathrm{fc1}}" in said.stdout
    assert '"fc1_weight": (6, 7)' in run("generate", f"{path}:wide", "--shapes", "x: n 7; y: n index").stdout
    assert run("verify", f"{path}:Net", *shapes).exit_code == 0
    for words, what in [
        ((f"{path}:Net",), "x, y"),
        ((f"{path}:Net", "--shapes", "z: n 4"), "'z' is no input"),
        ((f"{path}:Net", "--shapes", "x: n 5; y: n index"), "torch can't export the module"),
        ((f"{path}:Wanting", *shapes), "nothing says inputs of Wanting"),
    ]:
        done = run("derive", *words)
        assert done.exit_code == 2 and what in done.stderr and "Traceback" not in done.stderr
