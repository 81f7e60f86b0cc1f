"""What a notebook shows: a card for each kind of thing, escaped, in HTML, Markdown and LaTeX; the example, executed."""

import pickle
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sympy import Idx, latex, symbols

import symbackprop as sbp

ROOT = Path(__file__).resolve().parent.parent
MODEL = sbp.load(ROOT / "examples" / "two_layer.toml")
D = sbp.derive(MODEL)
LEAST = sbp.derivative("norm(A @ x - b)**2", {"A": "m n", "x": "n", "b": "m"}, "x")
SHIFTED = sbp.derivative("sum(sin(x[1:] * x[:-1]))", {"x": "n"}, "x")
CARDS = {
    "model": MODEL,
    "derivation": D,
    "result": D.gradient("W1"),
    "expression": LEAST,
    "entries": SHIFTED,
    "steps": D.steps,
    "steps of an expression": LEAST.steps,
    "results": D.hessian_vector_product(),
    "curvature": D.gauss_newton(),
}
VOID = {"meta", "link", "br", "input"}


class Nesting(HTMLParser):
    """The tags that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


def is_nested(html: str) -> bool:
    reader = Nesting()
    reader.feed(html)
    return not reader.open


@pytest.mark.parametrize("thing", CARDS.values(), ids=CARDS)
def test_a_card_is_html_markdown_and_latex(thing) -> None:
    html, text, tex = thing._repr_html_(), thing._repr_markdown_(), thing._repr_latex_()
    assert is_nested(html) and "<math" in html and 'class="sbp"' in html
    assert text.count("$$") % 2 == 0 and "$$" in text
    assert tex.count("{") == tex.count("}") and "=" in tex and re.match(r"\\\[|\\begin\{align\*\}", tex)


def test_a_result_names_itself_and_its_parts_and_folds_its_code() -> None:
    text = D.gradient("W1")._repr_markdown_()
    assert r"\frac{\partial J}{\partial W^{1}} = " in text and text.index("where") < text.index(r"\frac{\partial J}{\partial H^{0}} = ")
    assert "<details>" in text and "def dW1(" in text and "sums to 1" not in text.partition("where")[0]
    assert r"\frac{\partial f}{\partial x_{i}} = " in SHIFTED._repr_markdown_()


def test_plain_text_is_as_good() -> None:
    assert str(LEAST) == "dx = 2 * A.T @ (A @ x - b)"
    assert str(D.gradient("W1")).splitlines()[:2] == ["dW1 = dH0.T @ X", "where"]
    assert str(SHIFTED).startswith("dx[") and "cos" in str(SHIFTED)
    assert "dO = (Yhat - Y) / n" in str(D) and "H0   = X @ W1.T + b1" in str(MODEL)
    assert re.search(r"^fact +dO\[n,c\] = ", str(D.steps), re.MULTILINE)
    assert str(sbp.generate(D)).startswith('"""') and repr(sbp.generate(D)).startswith("<Module two_layer")


def test_steps_are_the_tuple_that_they_were() -> None:
    assert D.steps == D.derived.steps and len(D.steps[:2]) == 2
    assert pickle.loads(pickle.dumps(D.steps)) == D.steps


def test_verdicts_are_told_by_word_and_sign() -> None:
    report = sbp.check(MODEL, ["dJ/dO == (Yhat - Y) / n", "dJ/dO == Yhat - Y"])
    html = report._repr_html_()
    assert is_nested(html) and "✗ wrong" in html and re.search("✓ (proved|exact|holds)", html) and "missing 1/n" in html
    assert "✗ wrong" in report.verdicts[1]._repr_html_() and "wrong" in report._repr_markdown_()


def test_what_users_write_is_escaped() -> None:
    report = sbp.check("sum(where(x < 1, x, 0))", {"x": "n"}, "df/dx == where(x < 1, 1, 0)")
    assert "where(x &lt; 1, 1, 0)" in report._repr_html_() and "x < 1" not in report._repr_html_()
    module = sbp.generate(sbp.model({"x": {"axes": "n", "role": "parameter"}}, {"J": "sum(where(x < 1, x, 0))"}))
    code = module._repr_html_()
    assert "&lt;" in code and is_nested(code) and "navigator.clipboard" in code


def test_a_page_is_shown_in_a_frame_of_its_own() -> None:
    shown = D.show()
    html = shown._repr_html_()
    assert html.count("<iframe sandbox srcdoc=") == 1 and "&lt;!DOCTYPE html&gt;" in html and is_nested(html)
    assert str(shown) == D.markdown() == shown._repr_markdown_() and repr(shown) == "<page: Derivatives of two layer>"
    assert "链式法则" in str(LEAST.show(lang="zh"))


def test_indices_of_sympy_print_as_letters_and_are_what_they_were() -> None:
    n = symbols("n", integer=True, positive=True)
    (j,) = LEAST.indices
    assert latex(LEAST.index).count("nobreak") == 0 and latex(Idx("j", n)).count("nobreak") == 1
    assert j == Idx("j", n) and Idx("j", n) == j and hash(j) == hash(Idx("j", n)) and j != Idx("i", n)


@pytest.mark.slow
def test_the_example_runs_and_shows_something_below_each_cell(tmp_path: Path) -> None:
    nbformat, client = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    book = nbformat.read(ROOT / "examples" / "notebook.ipynb", as_version=4)
    assert all(not cell.outputs for cell in book.cells if cell.cell_type == "code")
    client.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(ROOT / "examples")}}).execute()
    for cell in book.cells:
        if cell.cell_type == "code":
            assert cell.outputs and all(o.output_type in {"execute_result", "stream"} for o in cell.outputs), cell.source
