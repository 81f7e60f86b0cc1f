"""`symbackprop verify` with notes: which files, where reports go, and the exit status."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from symbackprop.commands import cli

MODEL = r"Let $x \in \mathbb R^d$, $W \in \mathbb R^{k \times d}$, $z = W x$, $L = \frac{1}{2} \lVert z \rVert^2$. "
RIGHT = MODEL + r"$$\frac{\partial L}{\partial z} = z$$" + "\n"
WRONG = MODEL + r"$$\frac{\partial L}{\partial z} = 3 z$$" + "\n"
OPEN = r"$$\frac{\partial Q}{\partial z} = z + a$$" + "\n"


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "right.md").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "sub" / "wrong.md").write_text(WRONG, encoding="utf-8")
    return tmp_path


def verify(*arguments: object):
    return CliRunner().invoke(cli.app, ["verify", *map(str, arguments)])


@pytest.mark.parametrize(("text", "status"), [(RIGHT, 0), (WRONG, 1), (OPEN, 3), ("No formula.\n", 0)])
def test_the_status_says_what_was_found(tmp_path: Path, text: str, status: int) -> None:
    note = tmp_path / "note.md"
    note.write_text(text, encoding="utf-8")
    said = verify(note)
    assert said.exit_code == status and said.stdout.splitlines()[-1].startswith(f"{note}: ")


def test_a_folder_is_checked_with_all_below_it_and_the_worst_counts(vault: Path) -> None:
    said = verify(vault)
    assert said.exit_code == 1
    assert [line.split(": ")[0] for line in said.stdout.splitlines() if "claim" in line] == [
        str(vault / "right.md"),
        str(vault / "sub" / "wrong.md"),
    ]


def test_a_note_that_is_broken_stops_nothing(vault: Path) -> None:
    (vault / "broken.md").write_bytes(b"\0\1\2")
    said = verify(vault)
    assert said.exit_code == 1 and "binary" in said.stderr and "right.md" in said.stdout
    (vault / "sub" / "wrong.md").unlink()
    assert verify(vault).exit_code == 3
    assert verify(vault / "broken.md").exit_code == 2 and verify(vault / "none.md").exit_code == 2


def test_checked_copies_go_to_a_folder_and_are_no_notes_the_next_time(vault: Path) -> None:
    said = verify(vault, "-o", vault / "out")
    assert said.exit_code == 1 and len(said.stdout.splitlines()) == 2
    copy = vault / "out" / "sub" / "wrong.checked.md"
    assert WRONG in copy.read_text(encoding="utf-8").replace("<!-- symbackprop -->", "") or "[!failure]" in copy.read_text(encoding="utf-8")
    assert len(verify(vault).stdout.splitlines()) == len(said.stdout.splitlines()) + 1


def test_the_copy_of_a_copy_is_the_same_and_the_note_is_never_written_over(vault: Path) -> None:
    note, copy = vault / "sub" / "wrong.md", vault / "wrong.checked.md"
    verify(note, "-o", copy)
    verify(copy, "-o", vault / "again.md")
    assert (vault / "again.md").read_bytes() == copy.read_bytes()
    refused = verify(note, "-o", note)
    assert refused.exit_code == 2 and note.read_text(encoding="utf-8") == WRONG


def test_records_are_one_or_a_list(vault: Path) -> None:
    one = json.loads(verify(vault / "right.md", "--format", "json").stdout)
    both = json.loads(verify(vault, "--format", "json").stdout)
    assert one["counts"]["holds"] == 1 and [len(r["formulas"]) for r in both] == [5, 5]


def test_pages_and_annotations(vault: Path) -> None:
    assert verify(vault / "right.md", "--format", "html").stdout.startswith("<!DOCTYPE html>")
    said = verify(vault, "--format", "github", "--quiet")
    assert said.stdout.startswith(f"::error file={vault / 'sub' / 'wrong.md'},line=1") and len(said.stdout.splitlines()) == 1


def test_quiet_says_nothing_of_what_is_good(vault: Path) -> None:
    said = verify(vault / "right.md", "--quiet")
    assert (said.exit_code, said.stdout, said.stderr) == (0, "", "")


def test_the_language_is_the_notes_or_what_is_asked_for(vault: Path) -> None:
    assert "1 wrong" in verify(vault / "sub" / "wrong.md").stdout
    assert "1 个有误" in verify(vault / "sub" / "wrong.md", "--lang", "zh").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("note.md", "--claim", "J == J"),
        ("note.md", "--with", "hessian"),
        ("a.toml", "b.toml"),
        ("a.toml", "--quiet"),
        ("a.toml", "--lang", "zh"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(arguments: tuple[str, ...]) -> None:
    said = verify(*arguments)
    assert said.exit_code == 2 and "fix:" in said.stderr


def test_several_notes_do_not_go_into_one_file(vault: Path) -> None:
    said = verify(vault, "-o", vault / "one.md")
    assert said.exit_code == 2 and "name a folder" in said.stderr
