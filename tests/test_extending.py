"""Each block of docs/extending.md is a whole program, and runs in a process of its own: it adds to tables that all others share."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = re.findall(
    r"^## ([^:\n]+).*?^```py\n(.*?)^```$", (ROOT / "docs" / "extending.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)


def run(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-W", "error", "-c", text], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(("title", "text"), BLOCKS, ids=[title for title, _ in BLOCKS])
def test_a_block_runs(title: str, text: str) -> None:
    done = run(text)
    assert done.returncode == 0, done.stderr


def test_there_is_a_block_for_what_takes_one_record_and_a_wrong_one_is_seen() -> None:
    assert [title for title, _ in BLOCKS] == ["An op", "A fact", "A kind of derivative", "A target"]
    assert run(BLOCKS[1][1].replace("rhs == 1", "rhs == 2")).returncode == 1
