"""Pages compiled: every kind of page of every example, in English by pdflatex and in Chinese by xelatex, and the formulas of expressions.

Nothing is wider or higher than its page, whatever the tensors are called.

Each engine runs once over all pages joined, since starting it takes longer than a page.
"""

import importlib.util
import json
import re
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from odd_names import drawn, model
from test_page_reading import MODELS

import symbackprop as sbp
from symbackprop.emit import document_text
from symbackprop.errors import SymbackpropError
from symbackprop.kinds.table import on_pages

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
KINDS = tuple(on_pages())
BEGIN, END = "\\begin{document}", "\\end{document}"
ENGINES = {"en": "pdflatex", "zh": "xelatex"}
SMALL = ("logistic_regression", "matrix_factorisation", "poisson_regression", "graph_convolution")
"""Examples whose pages beyond the gradient are made in no time."""


@cache
def derivations():
    """Every example, the models of the tests that read pages, and models whose tensors have odd names: each with the kinds of its pages."""
    found = {p.stem: (sbp.derive(sbp.load(p)), KINDS) for p in (ROOT / "examples").glob("*.toml")}
    for p in sorted((ROOT / "examples" / "models").glob("*.py")):
        spec = importlib.util.spec_from_file_location(p.stem, p)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[p.stem] = (sbp.derive(module.model), KINDS[1:] if p.stem in SMALL else ())
    for name, made in MODELS.items():
        found[name] = (sbp.derive(made()), ("hvp", "jacobian", "per-sample"))
    for seed in range(12):
        if (made := model(drawn(seed))) is not None:
            found[f"odd names {seed}"] = (sbp.derive(made), ("hvp", "per-sample", "vjp"))
    return found


@cache
def texts(lang):
    """The LaTeX of every page in a language."""
    found = []
    for derived, kinds in derivations().values():
        for kind in ("", *kinds):
            with suppress(SymbackpropError):  # there is no such derivative
                found.append(document_text(derived.document("both", lang, [kind] if kind else []), "latex"))
    return found


def joined(pages):
    """Documents of one preamble as one."""
    head = pages[0].partition(BEGIN)[0]
    assert all(page.startswith(head) for page in pages)
    bodies = [page.partition(BEGIN)[2].partition(END)[0] for page in pages]
    return head + BEGIN + "\n\\clearpage\\setcounter{section}{0}\n".join(bodies) + END


def compiled(engine, text, folder):
    """The log of a run that made a PDF without an error. Skips where the engine, or a file that it wants, is missing."""
    if not shutil.which(engine):
        pytest.skip(f"{engine} is not installed")
    (folder / "pages.tex").write_text(text, encoding="utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "pages.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=400)
    if missing := re.search(r"File `(\S+)' not found", done.stdout):
        pytest.skip(f"{engine} lacks {missing[1]}")
    assert done.returncode == 0, done.stdout[-3000:]
    assert (folder / "pages.pdf").read_bytes().startswith(b"%PDF")
    return (folder / "pages.log").read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("lang", ENGINES)
def test_every_page_compiles(lang, tmp_path):
    log = compiled(ENGINES[lang], joined(texts(lang)), tmp_path)
    assert len(texts(lang)) > 100 and "Missing character" not in log and "undefined" not in log
    assert re.findall("Overfull.*", log) == []


def test_control_a_formula_that_is_wider_than_its_page_is_seen(tmp_path):
    text = texts("en")[0].replace(END, r"\[" + "x + " * 60 + r"x\]" + END)
    assert "Overfull" in compiled("pdflatex", text, tmp_path)


def test_control_a_page_that_does_not_compile_is_seen(tmp_path):
    text = joined(texts("en")[:2]).replace(END, r"$x_{i}_{j}$" + END)
    with pytest.raises(AssertionError, match="Double subscript"):
        compiled("pdflatex", text, tmp_path)


def expressions():
    """The formulas of results: of every third identity, with their parts and the sentences that tell how to read them."""
    found = []
    for case in json.loads((ROOT / "tests" / "data" / "identities.json").read_text(encoding="utf-8"))[::3]:
        shapes = {name: " ".join(one["shape"]) for name, one in case["inputs"].items()}
        with suppress(SymbackpropError):  # what the language lacks, which other tests tell of
            result = sbp.derivative(case["expr"], shapes, case["wrt"][0])
            found += [*result.latex_parts(), result.latex_equation(), result.latex("index"), *result.latex_parts("index")]
            found += [formula for line in result.reading() for formula in re.findall(r"\$([^$]+)\$", line)]
    return found


def test_the_formulas_of_expressions_and_ops_compile(tmp_path):
    ops = (ROOT / "docs" / "ops.md").read_text(encoding="utf-8")
    shown = re.findall(r"```math\n(.*?)\n```", ops, re.DOTALL) + re.findall(r"(?<!\$)\$([^$\n]+)\$(?!\$)", ops)
    made = [*shown, *expressions()]
    lines = "\n\n".join(f"$\\displaystyle {text}$" for text in made)
    head = texts("en")[0].partition(BEGIN)[0]
    compiled("pdflatex", head + BEGIN + lines + END, tmp_path)
    assert len(made) > 500
