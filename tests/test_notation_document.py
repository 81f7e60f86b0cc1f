"""Documents: what must be on the page, and that each kind of page can be read by what reads it."""

import re
import shutil
import subprocess
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from time import process_time

import pytest
from notation_models import one_sample, two_layer
from notation_render import rendered

import symbackprop as sbp
from symbackprop.derivation.reverse import gradient
from symbackprop.errors import NotationError
from symbackprop.language.elaborate import elaborate
from symbackprop.language.toml import load_spec
from symbackprop.pages.document import compose
from symbackprop.pages.network import nearest_parameter
from symbackprop.typesetting import tree, wording
from symbackprop.typesetting.mathml import mathml

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
MODELS = {"two_layer": two_layer, "one_sample": one_sample, "no facts": lambda: two_layer(facts=False)}
MODELS |= {p.stem + ".toml": (lambda p=p: elaborate(load_spec(p))) for p in sorted(EXAMPLES.glob("*.toml"))}
KINDS, FORMS, LANGS = ("markdown", "html", "latex"), ("both", "index", "matrix"), ("en", "zh")
EVERY = [(name, "both", lang) for name in MODELS for lang in LANGS] + [(n, f, "en") for n in ("two_layer", "one_sample") for f in FORMS[1:]]


@pytest.fixture(scope="module")
def derived():
    return cache(lambda name: gradient(MODELS[name]()))


def formulas(text):
    """The displayed and the inline formulas of Markdown."""
    shown = re.findall(r"\$\$\n(.*?)\n\$\$", text, re.DOTALL)
    rest = re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL)
    return shown, re.findall(r"\$([^$]+)\$", rest)


def balanced(text):
    depth = 0
    for c in text:
        depth += {"{": 1, "}": -1}.get(c, 0)
        if depth < 0:
            return False
    return depth == 0 and text.count(r"\left") - text.count(r"\leftarrow") == text.count(r"\right")


@pytest.mark.parametrize(("name", "form", "lang"), EVERY)
def test_markdown_holds_only_what_github_and_obsidian_read(derived, name, form, lang):
    text = rendered(derived(name), "markdown", form, lang)
    shown, inline = formulas(text)
    assert text.count("$$") == 2 * len(shown) and shown and inline
    assert all(balanced(f) for f in (*shown, *inline))
    assert not re.search(r"[<]|\\operatorname|\\mathbfit|\\,|\\\{", "".join((*shown, *inline)))
    lines = text.split("\n")
    fences = [k for k, line in enumerate(lines) if line == "$$"]
    assert all(lines[k - 1] == "" for k in fences[::2]) and all(lines[k + 1] == "" for k in fences[1::2]) and "\n\n\n" not in text
    assert all(line.count("|") == text_header_bars(text, k) for k, line in enumerate(text.split("\n")) if line.startswith("|"))


def text_header_bars(text, k):
    """The bars of the first line of the table that line k belongs to."""
    lines = text.split("\n")
    while lines[k - 1].startswith("|"):
        k -= 1
    return lines[k].count("|")


def test_summaries_hold_no_mathematics_since_markdown_does_not_look_inside(derived):
    text = rendered(derived("two_layer"), "markdown")
    found = re.findall(r"<summary>(.*?)</summary>", text)
    assert len(found) > 5 and not any("$" in s or "\\" in s for s in found)
    assert "<summary>chain rule" in text


VOID = {"meta", "br", "hr", "link"}


class Checker(HTMLParser):
    """Tags that open and close, and what must not be on a page."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.links = [], set(), []

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        self.links += [v for k, v in attributes if k in ("src", "href", "data") and not v.startswith("#")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()


@pytest.mark.parametrize(("name", "form", "lang"), EVERY)
def test_html_is_whole_without_a_script_or_the_network(derived, name, form, lang):
    text = rendered(derived(name), "html", form, lang)
    checker = Checker()
    checker.feed(text)
    assert not checker.open and not checker.links and "math" in checker.seen and "script" not in checker.seen
    assert not re.search(r"url\((?!#)|@import|\$|\\frac", text)


def test_an_unclosed_tag_is_seen():
    checker = Checker()
    with pytest.raises(AssertionError):
        checker.feed("<p><b></p>")


@pytest.mark.parametrize(("name", "form", "lang"), EVERY)
def test_latex_braces_and_environments_match(derived, name, form, lang):
    text = rendered(derived(name), "latex", form, lang)
    opened = []
    for kind, environment in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if kind == "begin":
            opened.append(environment)
        else:
            assert opened.pop() == environment
    assert not opened and balanced(re.sub(r"\\[{}]", "", text)) and "\n\n\n\n" not in text


def test_braces_that_do_not_match_are_seen():
    assert not balanced(r"\frac{1}{2") and not balanced(r"}{") and not balanced(r"\left( x )")


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_says_what_a_reader_came_for(derived, lang):
    text = rendered(derived("two_layer"), "markdown", "both", lang)
    say = wording.words(lang)
    for key in ("model", "gradient", "links", "steps", "results", "update", "full batch", "stochastic", "hessian", "tensors"):
        assert say[key] in text
    for line in (
        r"\frac{\partial J}{\partial W^{1}_{11}} = \frac{\partial J}{\partial \hat{Y}} \frac{\partial \hat{Y}}{\partial O} "
        r"\frac{\partial O}{\partial H} \frac{\partial H}{\partial H^{0}} \frac{\partial H^{0}}{\partial W^{1}_{11}}",
        r"\frac{\partial J}{\partial W^{1}} = \left( \frac{\partial J}{\partial H^{0}} \right)^{\top} X",
        r"W^{1} & \leftarrow W^{1} - \eta \frac{\partial J}{\partial W^{1}}",
        "```mermaid",
        "`dH0.T @ X`",
        r"\nabla J",
    ):
        assert line in text


def test_the_shapes_of_the_links_of_one_sample_are_those_of_a_product(derived):
    text = rendered(derived("one_sample"), "markdown")
    assert r"| $1 \times c$ | $c \times c$ | $c \times m$ | $m \times m$ | $m \times 1$ |" in text


@pytest.mark.parametrize("form", ["both", "matrix"])
def test_the_links_of_one_sample_are_shown_as_matrices(derived, form):
    text = rendered(derived("one_sample"), "markdown", form)
    row = (r"-(y \oslash \hat{y})^{\top}", r"\mathrm{diag}(\hat{y}) - \hat{y} \hat{y}^{\top}", "W^{2}")
    row = (*row, r"\mathrm{diag}(\mathbf{1}[h^{0} > 0])", r"x_{1} \mathbf{e}_{1}")
    assert "| " + " | ".join(f"${m}$" for m in row) + " |" in text
    assert r"\mathbf{e}" not in rendered(derived("one_sample"), "markdown", "index")


def test_the_links_of_a_batch_are_shown_as_kronecker_products(derived):
    text = rendered(derived("two_layer"), "markdown")
    assert r"| $I_{n} \otimes W^{2}$ |" in text and r"| $(H \otimes I_{c}) K_{c,h}$ |" in text
    before, _, after = text.partition("## Step by step")
    assert all("Kronecker product" in part for part in (before, after))
    assert r"\otimes" not in rendered(derived("two_layer"), "markdown", "index")


HESSIANS = {
    "one_sample": (
        r"\frac{\partial^{2} J}{\partial o \partial o} & = \mathrm{diag}(\hat{y}) - \hat{y} \hat{y}^{\top}",
        r"\frac{\partial^{2} J}{\partial o_{k} \partial o_{l}} & = \hat{y}_{l} (\delta_{kl} - \hat{y}_{k})",
        r"\mathrm{vec}(W^{2})^{\top}} & = (\mathrm{diag}(\hat{y}) - \hat{y} \hat{y}^{\top}) \otimes (h h^{\top})",
        r"\frac{\partial^{2} J}{\partial W^{2}_{kj} \partial W^{2}_{lp}} & = \hat{y}_{l} h_{p} h_{j} (\delta_{kl} - \hat{y}_{k})",
        r"A derivative of more than two axes is written as a matrix",
    ),
    "two_layer": (
        r"\frac{\partial^{2} J}{\partial O_{sk} \partial O_{tl}} & = \frac{1}{n} \hat{Y}_{tl} \delta_{st} (\delta_{kl} - \hat{Y}_{tk})",
        r"= \frac{1}{n} \sum_{s=1}^{n} ((\mathrm{diag}(\hat{y}_{s}) - \hat{y}_{s} \hat{y}_{s}^{\top}) \otimes (h_{s} h_{s}^{\top})) \\",
        r"\frac{\partial^{2} J}{\partial W^{2}_{kj} \partial W^{2}_{lq}} & = \frac{1}{n} \sum_{s=1}^{n} \hat{Y}_{sl} H_{sq} H_{sj} "
        r"(\delta_{kl} - \hat{Y}_{sk})",
        r"$\hat{y}_{s}$ is row $s$ of $\hat{Y}$, as a column",
    ),
}


@pytest.mark.parametrize("name", HESSIANS)
def test_the_hessian_is_shown_by_the_output_and_by_the_last_weight(derived, name):
    text = rendered(derived(name), "markdown")
    assert all(line in text for line in HESSIANS[name])


def test_the_parameter_next_to_the_output_is_found_by_rule():
    assert [nearest_parameter(MODELS[n](), output) for n, output in (("two_layer", "O"), ("two_layer", "Yhat"))] == ["W2", "W2"]
    assert nearest_parameter(two_layer(), "H") == "W1" and nearest_parameter(two_layer(), "X") is None


def test_a_fact_is_told_where_it_was_used_and_only_there(derived):
    fact = "rests on the fact that $Y$ sums to 1 over $c$"
    assert rendered(derived("two_layer"), "markdown").count(fact) == 1
    assert fact not in rendered(derived("no facts"), "markdown")


def test_index_form_shows_no_matrix_form_and_the_other_way_round(derived):
    index, matrix = (rendered(derived("two_layer"), "markdown", form) for form in ("index", "matrix"))
    assert r"\left( \frac{\partial J}{\partial H^{0}} \right)^{\top} X" not in index and r"\odot" not in index
    assert r"\left( \frac{\partial J}{\partial H^{0}} \right)^{\top} X" in matrix


def test_the_same_derivation_gives_the_same_bytes():
    for kind in KINDS:
        assert rendered(gradient(two_layer()), kind) == rendered(gradient(two_layer()), kind)


def test_an_unknown_form_or_language_is_refused(derived):
    with pytest.raises(NotationError):
        compose(derived("two_layer"), "vector")
    with pytest.raises(NotationError):
        compose(derived("two_layer"), lang="fr")


@pytest.mark.slow
@pytest.mark.parametrize("lang", LANGS)
def test_a_long_page_compiles_and_is_broken_into_pages(lang, tmp_path):
    """All others are compiled in test_tex."""
    engine = "pdflatex" if lang == "en" else "xelatex"
    if not shutil.which(engine):
        pytest.skip(f"{engine} is not installed")
    (tmp_path / "page.tex").write_text(deep(26).tex(lang=lang), encoding="utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0 and (tmp_path / "page.pdf").is_file(), done.stdout[-2000:]
    assert "Overfull \\vbox" not in done.stdout


def deep(layers):
    tensors = {"X": {"axes": "n d", "role": "input"}, "Y": {"axes": "n d", "role": "label"}}
    rows = {}
    for k in range(layers):
        tensors[f"W{k + 1}"] = {"axes": "d d", "role": "parameter"}
        rows[f"H{k + 1}"] = f"tanh({f'H{k}' if k else 'X'} @ W{k + 1})"
    return sbp.derive(sbp.model(tensors, {**rows, "J": f"sum((H{layers} - Y)**2)"}, name="deep", samples="n"))


@pytest.mark.parametrize("lang", LANGS)
def test_a_long_page_shows_the_ends_and_folds_the_rest(lang):
    say, few, many = wording.words(lang), deep(5).markdown(lang=lang), deep(26).markdown(lang=lang)
    for key in ("all equations", "all results", "all parameters"):
        summary = f"<summary>{say[key]}</summary>"
        assert summary in many and summary not in few
    assert many.count("\\vdots") == 3 and "\\vdots" not in few
    assert many.count("<details>") == many.count("</details>") and all(f"W^{{{k}}} - \\eta" in many for k in range(1, 27))
    assert say["group"].format(first=13, last=24, count=78) in many


def test_a_page_takes_time_in_proportion_to_its_layers():
    def seconds(layers):
        derivation = deep(layers)
        start = process_time()
        derivation.html()
        return process_time() - start

    seconds(4)
    assert min(seconds(48) for _ in range(2)) < 8 * min(seconds(12) for _ in range(3))


def test_bold_letters_are_bold_in_a_browser():
    found = [mathml(tree.Letter(text, "bold")) for text in "eA1"]
    assert [chr(code) in text for code, text in zip((0x1D41E, 0x1D400, 0x1D7CF), found, strict=True)] == [True] * 3


def test_the_step_and_the_batch_have_letters_of_their_own():
    tensors = {"X": {"axes": "n d", "role": "input"}, **{k: {"axes": "d", "role": "parameter"} for k in ("eta", "theta", "B")}}
    model = sbp.model(tensors, {"J": "sum((X @ (eta * theta + B)) ** 2) / n"}, samples="n")
    page = sbp.derive(model).tex()
    assert r"\eta & \leftarrow \eta - \alpha \frac{\partial J}{\partial \eta}" in page
    assert r"\phi & \leftarrow \phi - \alpha \frac{1}{n}" in page and "random batch $S$" in page
    usual = sbp.derive(sbp.model({"X": tensors["X"], "w": tensors["B"]}, {"J": "sum((X @ w) ** 2) / n"}, samples="n")).tex()
    assert r"w \leftarrow w - \eta \frac" in usual and r"\theta & \leftarrow \theta - \eta \frac{1}{n}" in usual


def test_a_tensor_that_is_called_as_a_word_of_mermaid_has_another_key():
    model = sbp.model({"end": {"axes": "n", "role": "parameter"}}, {"style": "tanh(end)", "J": "sum(style)"})
    text = sbp.derive(model).markdown()
    assert 'tensor_end["end<br/>n"]' in text and "tensor_end --> tensor_style" in text and "tensor_style --> J" in text
