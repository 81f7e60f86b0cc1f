"""Pages of single derivatives, short pages, and what `derive` writes of them: in every format, in both languages."""

import shutil
from pathlib import Path

import pytest
from test_cli import TWO_LAYER, call

import symbackprop as sbp
from symbackprop.commands.writing import pdf
from symbackprop.emit import document_text
from symbackprop.errors import NotationError, TargetError

BOX = ("norm(A @ x - b)**2", "--shapes", "A: m n; x: n; b: m")
LEAST = sbp.derivative(BOX[0], {"A": "m n", "x": "n", "b": "m"}, "x")


@pytest.mark.parametrize(("ending", "holds"), [("md", "$$"), ("html", "<math"), ("tex", r"\begin{document}")])
def test_an_expression_has_a_page_with_steps_by_each_tensor(tmp_path: Path, ending: str, holds: str) -> None:
    path = tmp_path / f"page.{ending}"
    said = call("derive", *BOX, "--wrt", "A", "--wrt", "x,b", "-o", path)
    assert said.exit_code == 0 and said.stdout == ""
    page = path.read_text(encoding="utf-8")
    assert holds in page and "chain rule" in page and "def dx(" in page.replace("\\allowbreak{}", "")
    assert all(f"The derivative with respect to {name}" in page for name in "Axb")


def test_the_terminal_has_the_answer_alone_and_a_format_the_page() -> None:
    assert "chain rule" not in call("derive", *BOX, "--wrt", "x").stdout
    page = call("derive", *BOX, "--wrt", "x", "--format", "markdown", "--lang", "zh").stdout
    assert page.startswith("# f 对 x 的导数") and "链式法则" in page and "chain rule" not in page


def test_an_expression_that_begins_with_a_minus_has_a_page(tmp_path: Path) -> None:
    assert call("derive", "-sum(x**2)", "--shapes", "x: n", "-o", tmp_path / "page.md").exit_code == 0
    assert "-2 x" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_a_page_of_one_form_holds_no_other() -> None:
    assert r"\sum" not in LEAST.markdown("matrix").partition("## Step by step")[0]
    assert r"A^{\top}" not in LEAST.markdown("index")
    with pytest.raises(NotationError):
        sbp.derivative("sum(sin(x[1:] * x[:-1]))", {"x": "n"}, "x").markdown("matrix")
    with pytest.raises(NotationError, match="no form"):
        LEAST.markdown("no form")


def test_text_of_users_is_escaped() -> None:
    result = sbp.derivative("sum(where(x < 0, x, 2*x))", {"x": "n"}, "x")
    assert "where(x &lt; 0, x, 2*x)" in result.html() and "x < 0, x" not in result.html()


def test_the_page_of_one_derivative_of_a_model_tells_the_steps_that_lead_there() -> None:
    page = call("derive", TWO_LAYER, "--steps-of", "W2").stdout
    assert page.startswith("# Derivative of J with respect to W2") and r"\frac{\partial J}{\partial H}" not in page
    assert r"$Y$ sums to $1$" in page or "sums to 1 over" in page


def test_a_short_page_has_one_step_worked_out() -> None:
    page, whole = (call("derive", TWO_LAYER, *more).stdout for more in (("--short",), ()))
    assert "## One step, worked out" in page and "a known fact" in page and 3 * len(page) < len(whole)
    assert "## 详解其中一步" in call("derive", TWO_LAYER, "--short", "--lang", "zh").stdout


def test_options_that_do_not_go_together_say_so() -> None:
    for more, words in [
        (("--short", "--fragment"), "give --fragment alone"),
        (("--short", "--order", "2"), "give --short alone"),
        (("--format", "pdf"), "name it: -o page.pdf"),
    ]:
        said = call("derive", TWO_LAYER, *more)
        assert said.exit_code == 2 and words in said.stderr
    assert "leave it out" in call("derive", *BOX, "--short").stderr


def test_without_tex_a_pdf_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for lang, engine in (("en", "pdflatex"), ("zh", "xelatex")):
        said = call("derive", TWO_LAYER, "--lang", lang, "-o", tmp_path / "page.pdf")
        assert said.exit_code == 2 and f"{engine}, which makes a PDF" in said.stderr and "install TeX Live" in said.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("lang", "engine"), pdf.ENGINES.items())
def test_a_pdf_is_made_by_the_tex_that_is_there(tmp_path: Path, lang: str, engine: str) -> None:
    if not shutil.which(engine):
        pytest.skip(f"{engine} is not installed")
    said = call("derive", *BOX, "--lang", lang, "-o", tmp_path / "page.pdf")
    if "lacks the file" in said.stderr:
        pytest.skip(said.stderr)
    assert said.exit_code == 0 and (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_what_goes_wrong_with_tex_is_one_line_and_nothing_is_run(tmp_path: Path) -> None:
    text = document_text(LEAST.document(), "latex")
    head, begin, rest = text.partition("\\begin{document}")
    shell = head + begin + rf"\immediate\write18{{touch {tmp_path}/run}}\immediate\openout3={tmp_path}/written " + rest
    with pytest.raises(TargetError):
        pdf.pdf(shell, "en")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TargetError, match="Undefined control sequence"):
        pdf.pdf(head + begin + r"\nonsense" + rest, "en")
    with pytest.raises(TargetError, match="lacks the file nonsense"):
        pdf.pdf(head + r"\usepackage{nonsense}" + begin + rest, "en")
    with pytest.raises(TargetError, match="took more than"):
        pdf.pdf(head + begin + r"\def\on{\on}\on" + rest, "en", seconds=3)
