"""generated/ holds what the generator makes of the examples, byte for byte, and it passes its own checks. `make regen` accepts a change."""

import difflib
import subprocess
import sys
from pathlib import Path

import pytest

import symbackprop.emit as emit
from symbackprop.derivation.reverse import gradient
from symbackprop.language.elaborate import elaborate
from symbackprop.language.toml import load_spec

ROOT = Path(__file__).resolve().parent.parent
SPECS = {p.stem: p for p in sorted((ROOT / "examples").glob("*.toml"))}
FOLDER = ROOT / "generated" / "numpy"


def difference(name, committed):
    made = emit.module_source(gradient(elaborate(load_spec(SPECS[name]))))
    return "".join(difflib.unified_diff(committed.splitlines(True), made.splitlines(True), "committed", "generated"))


def test_there_is_a_module_for_every_example():
    assert {p.stem for p in FOLDER.glob("*.py")} == set(SPECS)


@pytest.mark.parametrize("name", SPECS)
def test_committed_is_what_is_generated(name):
    changes = difference(name, (FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    assert not changes, f"run `make regen` and review the diff:\n{changes}"


def test_control_a_changed_sign_is_seen():
    text = (FOLDER / "two_layer.py").read_text(encoding="utf-8")
    assert "-J = -np.vdot" not in difference("two_layer", text)
    assert "+    J = -np.vdot" in difference("two_layer", text.replace("J = -np.vdot", "J = np.vdot"))


@pytest.mark.parametrize("name", SPECS)
def test_it_passes_its_own_check(name):
    script = f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import {name}; {name}.self_check()"
    subprocess.run([sys.executable, "-B", "-W", "error", "-c", script], check=True, cwd=ROOT)
