"""What is installed: light to import, whole in the wheel, working outside the checkout."""

import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import symbackprop

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

LOADED = "import sys; {}\nprint(*sorted({{'sympy', 'numpy', 'jinja2'}} & set(sys.modules)))"
HELP = "\nwith contextlib.suppress(SystemExit): symbackprop.commands.cli.main()"


def run(*arguments: str | Path, cwd: Path | None = None) -> str:
    """What a command prints; that it succeeds is part of the claim."""
    done = subprocess.run([str(a) for a in arguments], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def loaded_by(statement: str) -> list[str]:
    """Which heavy libraries a statement loads in a fresh process."""
    return run(sys.executable, "-c", LOADED.format(statement)).splitlines()[-1].split()


def test_the_version_is_said_once() -> None:
    assert "version" in PROJECT["project"]["dynamic"]
    assert metadata.version("symbackprop") == symbackprop.__version__
    assert run(sys.executable, "-m", "symbackprop", "--version") == f"symbackprop {symbackprop.__version__}\n"


def test_import_loads_no_heavy_library() -> None:
    assert loaded_by("import symbackprop") == []


def test_a_heavy_library_would_be_seen() -> None:
    assert "sympy" in loaded_by("import symbackprop.calculus.term")


def test_help_loads_no_heavy_library() -> None:
    assert loaded_by("import contextlib, symbackprop.commands.cli; sys.argv = ['symbackprop', '--help']" + HELP) == []


def test_the_module_runs_like_the_command() -> None:
    assert "derive" in run(sys.executable, "-m", "symbackprop", "--help")


def test_modules_that_are_opened_later_are_run_once() -> None:
    opened = "import symbackprop.commands.cli, symbackprop.derivation.turns; from symbackprop.ops import OPS, function"
    assert "True" in run(sys.executable, "-c", f"{opened}; print(issubclass(OPS['elu'].function, function.Elementwise))")


def test_few_settings_of_the_linter_are_off_and_each_says_why() -> None:
    lint = PROJECT["tool"]["ruff"]["lint"]
    off = [*lint["ignore"], *(rule for rules in lint["per-file-ignores"].values() for rule in rules)]
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    assert len(off) <= 5
    assert all(any(f'"{rule}"' in line and "#" in line for line in lines) for rule in off)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


def tracked(folder: str) -> set[str]:
    """The files of a folder that git tracks."""
    return set(run("git", "ls-files", "--", folder, cwd=ROOT).split())


@pytest.mark.slow
def test_the_wheel_holds_modules_templates_and_examples(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = tracked("symbackprop") | {f"symbackprop/{name}" for name in tracked("templates") | tracked("examples")}
    assert wanted - inside == set()


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    run(scripts / "python", "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    said = run(scripts / "symbackprop", "derive", "norm(A @ x - b)**2", "--shapes", "A: m n; x: n; b: m", "--wrt", "x", cwd=tmp_path)
    assert "A" in said
    run(scripts / "symbackprop", "demo", "-o", tmp_path / "out", cwd=tmp_path)
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {
        "derivation.md",
        "derivation.html",
        "derivation.tex",
        "two_layer.py",
        "report.json",
    }
