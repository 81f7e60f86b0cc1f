"""The demo's pages as a reader meets them: compiled by LaTeX, shown by a browser. Each needs a program that may be missing."""

import re
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def symbackprop(*arguments: object) -> None:
    """Run the command, which must succeed."""
    done = subprocess.run([sys.executable, "-m", "symbackprop", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode in {0, 1}, done.stderr


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the demo writes."""
    folder = tmp_path_factory.mktemp("demo")
    symbackprop("demo", "-o", folder)
    return folder


def compiled(engine: str, page: Path) -> str:
    """The log of a LaTeX run that made a PDF of at least one page, without errors."""
    if not shutil.which(engine):
        pytest.skip(f"{engine} is not installed")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", page.name]
    done = subprocess.run(command, cwd=page.parent, capture_output=True, text=True, errors="replace", timeout=180)
    if re.search(r"File `(\S+)' not found", done.stdout):
        pytest.skip(f"{engine} lacks {re.search(r'File `(.+?)', done.stdout)[0]}")
    assert done.returncode == 0, done.stdout[-3000:]
    assert page.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    return done.stdout


def pixels(png: bytes) -> set[bytes]:
    """The different lines of a picture: a blank one has one."""
    chunks, at = b"", 8
    width = struct.unpack(">I", png[16:20])[0]
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        chunks += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    raw = zlib.decompress(chunks)
    step = len(raw) // struct.unpack(">I", png[20:24])[0]
    assert step > width
    return {raw[k : k + step] for k in range(0, len(raw), step)}


def test_pdflatex_compiles_the_derivation(demo: Path) -> None:
    assert "Overfull \\hbox (1" not in compiled("pdflatex", demo / "derivation.tex")


def test_xelatex_compiles_the_chinese_derivation(tmp_path: Path) -> None:
    symbackprop("derive", ROOT / "examples" / "two_layer.toml", "--lang", "zh", "-o", tmp_path / "derivation.tex")
    assert "Missing character" not in compiled("xelatex", tmp_path / "derivation.tex")


def test_a_browser_shows_the_derivation(demo: Path, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        pytest.skip("no Chromium is installed")
    picture = tmp_path / "page.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--window-size=1000,2000"]
    page = (demo / "derivation.html").as_uri()
    subprocess.run([browser, *options, f"--screenshot={picture}", page], capture_output=True, timeout=120, check=True)
    assert len(pixels(picture.read_bytes())) > 100


def test_the_same_seed_gives_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    symbackprop("demo", "-o", tmp_path)
    stable = [
        p.name
        for p in demo.iterdir()
        if p.suffix in {".md", ".html", ".tex", ".py", ".svg"} and p.name in {q.name for q in tmp_path.iterdir()}
    ]
    assert len(stable) >= 5
    assert [n for n in stable if (demo / n).read_bytes() != (tmp_path / n).read_bytes()] == []
