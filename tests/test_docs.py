"""Every page of the documentation does what it says: its Python runs, its commands print what stands below them."""

import doctest
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"""(?:\]\(|src=")([^)"#]+?)(?:#[^)"]*)?[)"]""")
PROGRAM = "$ symbackprop "


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return [text for name, text in BLOCK.findall(page.read_text(encoding="utf-8")) if name == language]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the examples in it, as the current one."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def failures(text: str, namespace: dict) -> list[str]:
    """What goes wrong in a block of Python: a session with prompts is compared, a plain one runs."""
    if ">>>" not in text:
        exec(compile(text, "<page>", "exec"), namespace)
        return []
    said: list[str] = []
    test = doctest.DocTestParser().get_doctest(text, namespace, "page", None, 0)
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test, out=said.append, clear_globs=False)
    namespace.update(test.globs)
    return said


def missing(expected: list[str], printed: str) -> list[str]:
    """The expected lines that a command did not print; "..." stands for whatever is left out."""
    lines = {" ".join(line.split()) for line in printed.splitlines()}
    return [e for e in expected if e.strip() not in {"", "..."} and " ".join(e.split()) not in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_python_of_a_page_runs(page: Path, desk: Path) -> None:
    namespace: dict = {}
    for text in blocks(page, "python"):
        assert failures(text, namespace) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_commands_of_a_page_print_what_it_shows(page: Path, desk: Path) -> None:
    for text in blocks(page, "console"):
        for part in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
            command, *expected = part.splitlines() or [""]
            if command.startswith(PROGRAM):
                arguments = shlex.split(command.removeprefix(PROGRAM))
                done = subprocess.run([sys.executable, "-m", "symbackprop", *arguments], capture_output=True, text=True, timeout=120)
                assert missing(expected, done.stdout + done.stderr) == [], done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [to for to in links if "://" not in to and not (page.parent / to).exists()] == []


def test_a_wrong_result_in_a_page_is_seen() -> None:
    assert failures(">>> 1 + 1\n3\n", {})
    assert missing(["two", "..."], "one\nthree\n") == ["two"]
