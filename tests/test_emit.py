"""Targets, templates, and files that are written whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

import symbackprop.emit as emit
from symbackprop.errors import TargetError, UnknownTargetError


def test_a_folder_with_a_table_and_a_template_is_a_target():
    assert "numpy" in emit.targets()
    assert all((emit.template_root() / t / "target.toml").is_file() for t in emit.targets())


def test_an_unknown_target_names_the_nearest():
    with pytest.raises(UnknownTargetError, match=r"no target 'nunpy'[\s\S]*fix: one of numpy"):
        emit.spelling("nunpy")


def test_a_template_that_asks_for_what_is_not_there_is_an_error():
    with pytest.raises(TargetError, match="UndefinedError"):
        emit.render("numpy", "module.py.jinja", {"record": {}})


def test_templates_are_short():
    assert all(len(p.read_text().splitlines()) <= 80 for p in (emit.template_root() / "numpy").glob("*.jinja"))


def test_write_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "a" / "b.py"
    emit.write(path, "one\n")
    path.chmod(0o640)
    assert emit.write(path, "two\u00e9\n") == path
    assert path.read_bytes() == "two\u00e9\n".encode() and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [p.name for p in path.parent.iterdir()] == ["b.py"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch, code):
    path = emit.write(tmp_path / "b.py", "old\n")

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(TargetError, match=os.strerror(code)):
        emit.write(path, "new\n")
    assert path.read_text() == "old\n" and [p.name for p in tmp_path.iterdir()] == ["b.py"]


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(TargetError, match="is a folder"):
        emit.write(tmp_path, "text")


def test_a_file_is_not_a_folder(tmp_path):
    emit.write(tmp_path / "x", "")
    with pytest.raises(TargetError, match="can't write"):
        emit.write(tmp_path / "x" / "y.py", "text")


def test_a_module_from_text_shows_its_lines_in_a_traceback():
    module = emit.load_source("def f():\n    raise ValueError('here')\n", "loaded")
    with pytest.raises(ValueError) as caught:
        module.f()
    assert "raise ValueError" in str(caught.traceback[-1].statement)
    assert module.__name__ == "loaded" and not Path("loaded.py").exists()
