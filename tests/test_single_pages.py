"""Pages of single derivatives, short pages, and what `derive` writes of them: in every format, in both languages."""

import re
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
@pytest.mark.parametrize(("lang", "engine"), [("en", "pdflatex"), ("zh", "xelatex")])
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
        pdf.pdf(shell)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TargetError, match="Undefined control sequence"):
        pdf.pdf(head + begin + r"\nonsense" + rest)
    with pytest.raises(TargetError, match="lacks the file nonsense"):
        pdf.pdf(head + r"\usepackage{nonsense}" + begin + rest)
    with pytest.raises(TargetError, match="took more than"):
        pdf.pdf(head + begin + r"\def\on{\on}\on" + rest, seconds=3)


def test_names_wear_what_is_told_of_them() -> None:
    page = sbp.derive(sbp.load(TWO_LAYER)).html()
    classes = set(re.findall(r'<mrow class="(n\d+)"', page))
    assert len(classes) > 15
    for name in classes:
        assert page.count(f'<mrow class="{name}" tabindex="0">') == 1
        assert page.count(f'<aside class="tip tip-{name}">') == 1 and f"body:has(.{name}:is(:hover, :focus)) .{name} " in page
    assert "<script" not in page and "mrow class" not in LEAST._repr_html_()


def test_pages_in_latex_have_a_picture_of_the_network_where_it_fits() -> None:
    page = sbp.derive(sbp.load(TWO_LAYER)).tex()
    assert page.count(r"\node[tensor, ") == 11 and page.count(r"\draw[->, gray] svg {M") == 10
    tensors = {"X": {"axes": "n d", "role": "input"}, "W": {"axes": "d d", "role": "parameter"}}
    equations = {f"H{k}": f"tanh({f'H{k - 1}' if k else 'X'} @ W)" for k in range(12)} | {"J": "sum(H11 ** 2)"}
    assert r"\node[tensor" not in sbp.derive(sbp.model(tensors, equations)).tex()


@pytest.mark.slow
def test_a_browser_tells_of_the_name_that_one_points_at(tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    playwright = pytest.importorskip("playwright.sync_api")
    if not browser:
        pytest.skip("no Chromium is installed")
    path = tmp_path / "page.html"
    path.write_text(sbp.derive(sbp.load(TWO_LAYER)).html(), encoding="utf-8")
    with playwright.sync_playwright() as starting:
        running = starting.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for width in (1280, 390):
            page = running.new_page(viewport={"width": width, "height": 900})
            page.goto(path.as_uri())
            name = page.locator("mrow[tabindex]").nth(1).get_attribute("class")
            assert not page.locator(f".tip-{name}").is_visible()
            page.locator(f"mrow.{name}").first.hover()
            assert page.locator(f".tip-{name}").is_visible() and page.locator(".tip:visible").count() == 1
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.emulate_media(media="print")
            assert page.locator(".tip:visible").count() == 0
        running.close()


def test_a_page_of_numbers_speaks_of_no_sizes() -> None:
    assert sbp.derivative("x ** 2", {"x": ""}, "x").markdown().splitlines()[2] == "Derived step by step."


def test_an_inverse_that_its_sign_tells_has_no_line_of_its_own() -> None:
    page = sbp.derivative("sum(inv(A)[0, :])", {"A": "n n"}, "A").tex()
    assert "\\begin{align*}\n\n" not in page and "^{-1}" in page


def test_where_nothing_folds_the_index_forms_are_an_appendix() -> None:
    d = sbp.derive(sbp.load(TWO_LAYER))
    page = d.tex()
    body, _, appendix = page.partition("\\appendix")
    assert appendix.startswith("\n\\section{Entry by entry}") and r"H^{0}_{sj} & = \sum_{i=1}^{d}" in appendix
    assert r"H^{0}_{sj} & = \sum_{i=1}^{d}" not in body and "\\appendix" not in d.tex(form="index")
    assert d.html().index("The same, entry by entry") < d.html().index("The gradient")
