"""The documentation as a site: it is built without warnings, holds what it says, and loads nothing from elsewhere."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from symbackprop import errors

ROOT = Path(__file__).resolve().parent.parent
LOADED = re.compile(r"""<(?:script|img|iframe|link)[^>]*(?:src|href)=["']?(https?:)?//""")


def entries(text):
    """The entries of the page about errors, by their headings."""
    parts = re.split(r"^## (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def kinds():
    return [name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.SymbackpropError)]


def lacking(text, names):
    """The errors that a page has no entry for, or one that says nothing."""
    found = entries(text)
    return [name for name in names if len(found.get(name, "").split()) < 15]


def test_each_error_has_its_entry():
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert lacking(text, kinds()) == [] and set(entries(text)) == set(kinds())


def test_control_an_error_without_an_entry_is_seen():
    assert lacking("## SpecError\nshort\n", ["SpecError", "AxisError"]) == ["SpecError", "AxisError"]


@pytest.mark.slow
def test_the_site_is_built_without_warnings_and_loads_nothing_from_elsewhere(tmp_path):
    for needed in ("mkdocs", "material", "mkdocstrings", "latex2mathml"):
        pytest.importorskip(needed)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {p.relative_to(tmp_path / "site").as_posix(): p.read_text(encoding="utf-8") for p in (tmp_path / "site").rglob("*.html")}
    assert {
        "index.html",
        "five_minutes.html",
        "gallery.html",
        "api.html",
        "errors.html",
        "changelog.html",
        "gallery/two_layer.zh.html",
    } <= set(pages)
    assert [name for name, text in pages.items() if LOADED.search(text)] == []
    assert "<math" in pages["gallery.html"] and "<math" in pages["notation.html"] and "$$" not in pages["gallery.html"]
    assert all(f'id="symbackprop.api.{name}"' in pages["api.html"] for name in ("load", "derive", "generate", "verify"))
    assert not (tmp_path / "site" / "hooks").exists()


def test_control_what_is_loaded_from_elsewhere_is_seen():
    assert LOADED.search('<script src="https://example.org/x.js"></script>') and LOADED.search('<link rel=x href="//example.org/x.css">')
    assert not LOADED.search('<a href="https://example.org">') and not LOADED.search('<script src="assets/x.js">')
