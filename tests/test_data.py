"""Whole messages for data that does not fit: the file, the line, the column, the fix."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from symbackprop.commands import cli

TWO_LAYER = (Path(__file__).resolve().parent.parent / "examples" / "two_layer.toml").read_text(encoding="utf-8")
HEADER = "a,b,c,d,kind\n"

DATA = [
    (
        "not a number",
        HEADER + "1,2,3,4,u\n1,nan,3,4,v\n",
        """DataError in data.csv: line 3, column 'b' is nan, not a finite number
    1,nan,3,4,v
      ^^^
    fix: remove or fill the sample""",
    ),
    (
        "a word among numbers",
        HEADER + "1,2,x,4,u\n",
        """DataError in data.csv: line 2, column 'c' is x, not a finite number
    1,2,x,4,u
        ^
    fix: remove or fill the sample""",
    ),
    (
        "a cell too few",
        HEADER + "1,2,3,u\n",
        """DataError in data.csv: line 2 has 4 cells, the header has 5
    1,2,3,u
    fix: give each line as many cells as the header""",
    ),
    (
        "a column too few",
        "a,b,c,kind\n1,2,3,u\n1,2,3,v\n1,2,3,w\n",
        """DataError in data.csv: 3 feature columns, the model has d = 4
    features: a, b, c
    label: kind
    fix: keep 4 feature columns, or set d = 3 under [axes] of the model""",
    ),
    (
        "no label",
        HEADER + "1,2,3,4,\n",
        """DataError in data.csv: line 2 has no label in column 'kind'
    fix: remove or fill the sample""",
    ),
    (
        "a class too few",
        HEADER + "1,2,3,4,u\n1,2,3,4,v\n",
        """DataError in data.csv: 2 classes of labels (u, v), the model has 3
    fix: give labels of 3 classes""",
    ),
    (
        "no samples",
        HEADER,
        """DataError in data.csv: no samples: there is only a header
    fix: give at least one sample""",
    ),
    (
        "an empty file",
        "",
        """DataError in data.csv: the file is empty
    fix: give a header line and at least one sample""",
    ),
    (
        "labels that don't sum to 1",
        "a,b,c,d,p,q,r\n1,2,3,4,.2,.3,.6\n",
        """FactError in data.csv: row 0 of 'Y' sums to 1.1, not to 1, but the model declares 'simplex'
    Y[0] = [0.2 0.3 0.6]
    fix: scale the labels, or take the fact away from the model (the general gradient is derived then)""",
    ),
]
"""What is wrong, the csv file, and what is said."""


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The two-layer model in an empty folder, as the current one."""
    (tmp_path / "model.toml").write_text(TWO_LAYER, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str) -> Result:
    """A command; whatever it is, a mistake gives status 2, nothing on stdout, one screen on stderr."""
    said = CliRunner().invoke(cli.app, arguments, prog_name="symbackprop")
    assert (said.exit_code, said.stdout) == (2, ""), said.output
    assert "Traceback" not in said.stderr and len(said.stderr.splitlines()) < 12
    assert max(map(len, said.stderr.splitlines())) < 140
    return said


@pytest.mark.parametrize("text, message", [d[1:] for d in DATA], ids=[d[0] for d in DATA])
def test_a_mistake_in_data(desk: Path, text: str, message: str) -> None:
    (desk / "data.csv").write_text(text, encoding="utf-8")
    assert call("train", "model.toml", "--data", "data.csv", "-o", "w.npz").stderr == message + "\n"
    assert not (desk / "w.npz").exists()


def test_data_that_is_not_there() -> None:
    assert call("train", "model.toml", "--data", "none.csv").stderr == (
        "DataError in none.csv: the file can't be read: No such file or directory\n    fix: name a file that is there\n"
    )


def test_data_of_another_kind() -> None:
    assert call("train", "model.toml", "--data", "data.txt").stderr == (
        "DataError in data: 'data.txt' is neither .csv nor .npz\n    fix: name a .csv or .npz file\n"
    )


def test_data_that_is_not_utf8(desk: Path) -> None:
    (desk / "data.csv").write_bytes(b"a,b\n\xff,1\n")
    assert call("train", "model.toml", "--data", "data.csv").stderr == (
        "DataError in data.csv: the file is not UTF-8 (byte 4)\n    fix: save the file as UTF-8\n"
    )


def test_an_array_with_nan(desk: Path) -> None:
    np.savez(desk / "data.npz", X=[[1, 2, 3, 4], [5, np.nan, 7, 8]], Y=[0, 2])
    assert call("train", "model.toml", "--data", "data.npz").stderr == (
        "DataError in data.npz: X[1, 1] is nan\n    fix: remove or fill the sample\n"
    )


def test_an_array_that_is_missing(desk: Path) -> None:
    np.savez(desk / "data.npz", x=np.ones((2, 4)), Y=[0, 2])
    assert call("train", "model.toml", "--data", "data.npz").stderr == (
        "DataError in data.npz: there is no array 'X'\n    there are x, Y\n    fix: save it with numpy.savez(..., X=...)\n"
    )


def test_a_learning_rate_that_is_too_large(desk: Path) -> None:
    (desk / "data.csv").write_text(HEADER + "1,2,3,4,u\n5,-6,7,8,v\n-9,1,2,3,w\n")
    _, first, _, last = call("train", "model.toml", "--data", "data.csv", "--lr", "1e300").stderr.splitlines()
    assert first.startswith("TrainError in train: the loss is ") and " after epoch 1" in first
    assert last == "    fix: take a smaller learning rate than 1e+300, or standardise the inputs"
