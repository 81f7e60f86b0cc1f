"""The rule of files, for every command that writes: what was read is never written over, and what is no plain file is never replaced."""

import os
import re
import shutil
import socket
import stat
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from symbackprop import emit, files
from symbackprop.commands import cli
from symbackprop.commands.options import minus_apart
from symbackprop.errors import TargetError

ROOT = Path(__file__).resolve().parent.parent
MODEL = (ROOT / "examples" / "two_layer.toml").read_text(encoding="utf-8")
WRITES = {
    "derive": ("derive", "model.toml", "--format", "markdown"),
    "generate": ("generate", "model.toml"),
    "verify": ("verify", "model.toml", "--claim", "J == J"),
    "train": ("train", "model.toml", "--data", "data.csv", "--epochs", "1"),
    "demo": ("demo",),
    "ops": ("ops",),
}
"""Every command that has -o, with what it reads."""
FOLDERS = ("demo", "ops")
"""Those whose -o is always a folder."""
READS = [(name, file) for name, arguments in WRITES.items() for file in arguments if "." in file and name not in FOLDERS]


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "model.toml").write_text(MODEL, encoding="utf-8")
    shutil.copy(ROOT / "examples" / "iris.csv", tmp_path / "data.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "_READ", {})
    return tmp_path


def call(*arguments: str | Path) -> Result:
    said = CliRunner().invoke(cli.app, [str(a) for a in arguments], prog_name="symbackprop")
    assert said.exit_code in (0, 2) and "Traceback" not in said.stderr, said.stderr
    return said


def test_every_command_that_writes_is_here() -> None:
    writes = set()
    for command in cli.app.registered_commands:
        if "output" in command.callback.__wrapped__.__annotations__:
            writes.add(command.callback.__name__)
    assert writes == set(WRITES)


@pytest.mark.parametrize("way", ["itself", "link", "hard link", "another path"])
@pytest.mark.parametrize(("name", "read"), READS)
def test_what_was_read_is_never_written_over(desk: Path, name: str, read: str, way: str) -> None:
    kept = (desk / read).read_bytes()
    target = desk / ("other" if name == "derive" else {"generate": "x.py", "verify": "x.txt", "train": "x.npz"}[name])
    if way == "itself":
        target = desk / read
    elif way == "link":
        target.symlink_to(desk / read)
    elif way == "hard link":
        target.hardlink_to(desk / read)
    else:
        (desk / "below").symlink_to(desk, target_is_directory=True)
        target = desk / "below" / read
    assert call(*WRITES[name], "-o", target).exit_code == 2
    assert (desk / read).read_bytes() == kept and not (desk / read).is_symlink()


def test_a_page_does_not_take_the_place_of_its_model_in_a_folder(desk: Path) -> None:
    (desk / "derivation.md").write_text(MODEL, encoding="utf-8")
    said = call("derive", "derivation.md", "-o", ".")
    assert said.exit_code == 2 and "was read, and is not written over" in said.stderr
    assert (desk / "derivation.md").read_text(encoding="utf-8") == MODEL


@pytest.mark.parametrize("name", [n for n in WRITES if n not in FOLDERS])
def test_a_pipe_that_nobody_reads_is_refused_and_stays(desk: Path, name: str) -> None:
    os.mkfifo(desk / "pipe")
    said = call(*WRITES[name], "-o", desk / "pipe")
    assert said.exit_code == 2 and "fix: start what reads the pipe first" in said.stderr
    assert stat.S_ISFIFO(os.lstat(desk / "pipe").st_mode)


@pytest.mark.parametrize("name", [n for n in WRITES if n not in FOLDERS])
@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_that_is_read_gets_it_all(desk: Path, name: str, linked: bool) -> None:
    os.mkfifo(desk / "pipe")
    if linked:
        (desk / "link").symlink_to(desk / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((desk / "pipe").read_bytes()), daemon=True)
    reader.start()
    while call(*WRITES[name], "-o", desk / ("link" if linked else "pipe")).exit_code and reader.is_alive():
        pass  # until the reader has opened its end
    reader.join(10)
    assert got and len(got[0]) > 50 and stat.S_ISFIFO(os.lstat(desk / "pipe").st_mode)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_pipe_is_no_folder_and_stays(desk: Path, name: str) -> None:
    os.mkfifo(desk / "pipe")
    assert call(*WRITES[name], "-o", desk / "pipe").exit_code == 2
    assert stat.S_ISFIFO(os.lstat(desk / "pipe").st_mode)


def test_a_socket_is_refused(desk: Path) -> None:
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("socket")
        with pytest.raises(TargetError, match="is no plain file"):
            emit.write("socket", "text")
        assert stat.S_ISSOCK(os.lstat("socket").st_mode)


def test_a_link_is_followed_and_stays(desk: Path) -> None:
    (desk / "real.py").write_text("old")
    (desk / "link.py").symlink_to("real.py")
    (desk / "dangling.py").symlink_to("new.py")
    emit.write(desk / "link.py", "new")
    emit.write(desk / "dangling.py", "made")
    assert (desk / "real.py").read_text() == "new" and (desk / "new.py").read_text() == "made"
    assert (desk / "link.py").is_symlink() and (desk / "dangling.py").is_symlink()


def test_a_file_that_nothing_read_is_replaced(desk: Path) -> None:
    (desk / "net.py").write_text("old")
    assert call("generate", "model.toml", "-o", "net.py").exit_code == 0
    assert "def loss" in (desk / "net.py").read_text()


ENDINGS = [
    (("derive", "model.toml", "-o", "x.docx"), "let its name end in .md or .html or .tex or .pdf"),
    (("derive", "model.toml", "--fragment", "-o", "x.html"), "let its name end in .tex"),
    (("generate", "model.toml", "-o", "x.pdf"), "let its name end in .py"),
    (("generate", "model.toml", "-o", "other.toml"), "let its name end in .py"),
    (("verify", "model.toml", "-o", "x.html"), "let its name end in .txt or .md or .json"),
    (("train", "model.toml", "--data", "data.csv", "-o", "x.csv"), "let its name end in .npz"),
]


@pytest.mark.parametrize(("arguments", "fix"), ENDINGS, ids=[" ".join(a) for a, _ in ENDINGS])
def test_a_file_holds_what_its_ending_says(desk: Path, arguments: tuple[str, ...], fix: str) -> None:
    said = call(*arguments)
    assert said.exit_code == 2 and f"SpecError in -o: {arguments[-1]} is no name for" in said.stderr and f"fix: {fix}" in said.stderr
    assert not (desk / arguments[-1]).exists()


OPTIONS = {"-o": True, "--output": True, "--shapes": True, "--wrt": True, "--order": True, "-h": False, "--help": False}
MINUS = [
    ("-logdet(A) --shapes S", "--shapes S -- -logdet(A)"),
    ("--shapes S -x", "--shapes S -- -x"),
    ("-2*x -o page.md", "-o page.md -- -2*x"),
    ("-o**2 --shapes S", "--shapes S -- -o**2"),
    ("-opage.md -x*y --shapes S", "-opage.md --shapes S -- -x*y"),
    ("--shapes -a -exp(h) --order 2", "--shapes -a --order 2 -- -exp(h)"),
    ("--shapes=S -(x)", "--shapes=S -- -(x)"),
    ("-x", "-x"),
    ("net.toml -x", "net.toml -x"),
    ("--ordr 2", "--ordr 2"),
    ("-h", "-h"),
    ("-- -x", "-- -x"),
]


@pytest.mark.parametrize(("given", "made"), MINUS)
def test_an_expression_that_begins_with_a_minus_is_no_option(given: str, made: str) -> None:
    assert minus_apart(given.split(), OPTIONS) == made.split()


def test_the_derivative_of_an_expression_that_begins_with_a_minus(desk: Path) -> None:
    said = call("derive", "-logdet(A)", "--shapes", "A: n n", "--wrt", "A")
    assert said.exit_code == 0 and re.search(r"-A\^\{-\\top\}", said.stdout)
