r"""Names that people write: any balanced LaTeX of letters, signs, accents and styles, and nothing that TeX would run."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from itertools import product

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.program import Style
from symbackprop.errors import NotationError, SpecError, UnknownNameError
from symbackprop.typesetting import tree
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.mathml import mathml
from symbackprop.typesetting.names import marked
from symbackprop.typesetting.spelled import parse_name

NAMES = {
    r"W^{(1)}": "W^{(1)}",
    r"W^{[l]}": "W^{[l]}",
    r"\mathcal L": r"\mathcal{L}",
    r"\bm\theta": r"\boldsymbol{\theta}",
    r"\boldsymbol{W}_{t+1}": r"\boldsymbol{W}_{t+1}",
    r"\vec x": r"\vec{x}",
    "W'": r"W^{\prime}",
    "W''_k": r"W^{\prime\prime}_{k}",
    r"W^{*}": r"W^{\ast}",
    r"\theta^\star": r"\theta^{\star}",
    r"\tilde{\mathbf x}_{\mathrm{in}}": r"\tilde{\mathbf{x}}_{\mathrm{in}}",
    r"\hat{W}^{(l)}_{\text{out}}": r"\hat{W}^{(l)}_{\mathrm{out}}",
    r"\mathbb{E}": r"\mathbb{E}",
    r"\mathfrak{C}": r"\mathfrak{C}",
    r"\mathsf X": r"\mathsf{X}",
    r"\mathtt{abc}": r"\mathtt{abc}",
    r"\mathrm d": r"\mathrm{d}",
    r"\Delta W": r"{\Delta W}",
    r"\mathrm{Var}[x]": r"{\mathrm{Var}[x]}",
    r"\operatorname{KL}(q|p)": r"{\mathrm{KL}(q\vert p)}",
    r"\underline{x}": r"\underline{x}",
    r"{\hat{W}^{1}}^{2}": r"{{}\hat{W}^{1}}^{2}",
    r"\frac{a}{b}": r"\frac{a}{b}",
    r"a+b": "(a+b)",
    r"[0,1)": "([0,1))",
    "λ": r"\lambda",
    "loss": r"\mathrm{loss}",
    r"\left(x\right)^{\,2}": "(x)^{2}",
    r"\text{a\_b}": r"\mathrm{a\_b}",
}
FORBIDDEN = r"""\input{x} \include{x} \write18{ls} \immediate\write \csname\ a\endcsname \def\a{} \let\a\b \catcode`\@=11 \openin \read
\newcommand \usepackage{x} \href{a}{b} \url{x} \begin{x} \end{document} \special{x} \directlua{x} \loop \expandafter \number \the \jobname
\verb|x| \\ \hbox{x} \includegraphics{x} \def \gdef \edef \futurelet \relax \fi \htmlClass{x}{y} \color{red} ^^41 ~^ $x$ x&y x#1 x%y x<y"""
BROKEN = [
    "W^{",
    "W}",
    "{",
    "x^1^2",
    "x_1_2",
    "",
    " ",
    "^2",
    "_",
    r"\hat",
    r"\mathbf",
    "{}",
    "a" * 300,
    "{" * 50 + "}" * 50,
    "ж",
    "x\x00",
    "x\n\\input",
]


@pytest.mark.parametrize("text", NAMES)
def test_a_name_is_written_as_its_author_has_it(text):
    assert latex(parse_name(text)) == NAMES[text]
    ET.fromstring(mathml(parse_name(text)))


@pytest.mark.parametrize("text", [*FORBIDDEN.split(), *BROKEN])
def test_what_is_no_name_is_refused(text):
    with pytest.raises(NotationError) as caught:
        parse_name(text)
    assert caught.value.fix and len(str(caught.value).splitlines()) <= 6
    with pytest.raises(NotationError):
        parse_name(rf"W^{{{text}}}")


def test_commands_that_are_written_are_those_of_letters_signs_accents_and_styles():
    """Whatever stands in the text of a name, only what the tables hold comes out."""
    out = " ".join(latex(parse_name(text)) for text in NAMES)
    assert not set(re.findall(r"\\([A-Za-z]+)", out)) & {"input", "write", "csname", "def", "catcode", "begin", "left"}


def pages(**tables):
    tensors = {
        "X": {"axes": "n d", "role": "input"},
        "Y": {"axes": "n c", "role": "label"},
        "W1": {"axes": "h d", "role": "parameter"},
        "W2": {"axes": "c h", "role": "parameter"},
        "b_hh": {"axes": "h", "role": "parameter"},
        "λ": {"axes": "", "role": "constant"},
    }
    rows = {"H": "layer_norm(tanh(X @ W1.T + b_hh))", "O": "layer_norm(relu(H)) @ W2.T", "J": "sum((O - Y)**2) / n + λ * sum(W1**2)"}
    return sbp.model(tensors, rows, axes={"n": 2, "d": 3, "h": 5, "c": 7}, **tables)


def test_layers_are_numbered_in_the_style_of_the_model():
    for layers, written, squared in (
        ("1", "W^{1}", "(W^{1}_{ji})^{2}"),
        ("(1)", "W^{(1)}", "(W^{(1)}_{ji})^{2}"),
        ("[1]", "W^{[1]}", "(W^{[1]}_{ji})^{2}"),
        ("_1", "W_{1}", "W_{1, ji}^{2}"),
    ):
        page = sbp.derive(pages(style={"layers": layers})).markdown()
        assert f"| ${written}$ |" in page and squared in page, layers


def test_a_page_has_the_title_author_date_and_language_of_its_model():
    told = {"title": "A _net_ & <b>", "author": "Ann O'Neil", "date": "2026-05-01", "lang": "zh"}
    d = sbp.derive(pages(page=told))
    assert d.markdown().startswith("# A \\_net\\_ &amp; &lt;b\\>\n\nAnn O'Neil · 2026\\-05\\-01\n")
    assert '<html lang="zh">' in d.html() and "A _net_ &amp; &lt;b&gt;" in d.html() and "<b>" not in d.html()
    assert r"A \_net\_ \& <b>" in d.tex(lang="en")


@pytest.mark.parametrize(
    ("tables", "error"),
    [
        ({"style": {"layers": "i"}}, SpecError),
        ({"style": {"layer": "1"}}, UnknownNameError),
        ({"page": {"title": "a\nb"}}, SpecError),
        ({"page": {"author": "x" * 300}}, SpecError),
        ({"page": {"lang": "fr"}}, SpecError),
        ({"page": {"titel": "x"}}, UnknownNameError),
        ({"page": {"title": 3}}, SpecError),
        ({"latex": {"W1": r"\input{x}"}}, NotationError),
        ({"latex": {"t9": "x"}}, UnknownNameError),
    ],
)
def test_what_tables_of_style_can_not_say(tables, error):
    with pytest.raises(error) as caught:
        pages(**tables)
    assert caught.value.fix and caught.value.place


def test_statistics_of_norm_layers_bear_the_names_of_the_field():
    page = sbp.derive(pages(latex={"mu": r"\bar x", "t1": "Z"})).markdown()
    for written in (
        r"| $\bar{x}$ |",
        r"| $\sigma^{2}$ |",
        r"| $\mu_{2}$ |",
        r"| $\sigma^{2}_{2}$ |",
        r"b_{\mathrm{hh}}",
        r"\lambda",
        "| $Z$ |",
    ):
        assert written in page, written
    assert "t^{1}" not in page and r"\bar{x}_{s}" in page and r"\mu_{2, s}" in page
    sbp.generate(pages()).load().self_check()


def test_a_traced_model_is_written_otherwise_too():
    def net(X, W1, W2):
        hidden = np.tanh(X @ W1.T)
        return np.sum((hidden @ W2.T) ** 2)

    made = sbp.trace(net, parameters=["W1", "W2"], shapes={"X": "n d", "W1": "h d", "W2": "c h"})
    page = sbp.derive(made.written({"hidden": "H"}, {"layers": "[1]"}, {"title": "Net"})).markdown()
    assert page.startswith("# Net\n") and "| $H$ |" in page and "| $W^{[2]}$ |" in page
    assert r"\mathrm{hidden}" in sbp.derive(made).markdown()
    again = pages(latex={"W1": "A"}, style={"layers": "(1)"}, page={"author": "Zoë"}).written({"W1": "B"}, page={"title": "T"})
    assert again.spec.style == Style("(1)", title="T", author="Zoë") and "| $B$ |" in sbp.derive(again).markdown()
    with pytest.raises(NotationError):
        made.written({"W1": "W^{"})


def test_statistics_keep_clear_of_an_authors_names():
    tensors = {"mu": {"axes": "n d", "role": "parameter"}, "sigma2": {"axes": "", "role": "constant"}}
    made = sbp.model(tensors, {"J": "sum(sin(layer_norm(mu) * sigma2)) + sum(exp(batch_norm(mu)))"})
    names = list(made.program.tensors)
    assert {"mu_2", "sigma2_2"} <= set(names) and len(set(names)) == len(names)
    assert sbp.verify(sbp.derive(made)).ok


@pytest.mark.parametrize("name", ["lam", "lmbda", "lambda_", "λ"])
def test_spellings_of_a_greek_letter_print_alike(name):
    result = sbp.derivative(f"{name} * sum(x**3)", {name: "", "x": "n"}, "x")
    assert r"\lambda" in result.latex() and r"\mathrm" not in result.latex()
    assert result.evaluate(**{name: 2.0, "x": [1.0, -2.0]}).tolist() == [6, 24]


ENGINES = ("pdflatex", "xelatex")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_every_kind_of_name_compiles(engine, tmp_path):
    """Each name bare, with indices, to a power, transposed, derived, accented; then whole pages in every style."""
    if not shutil.which(engine):
        pytest.skip(f"{engine} is not installed")
    lines = []
    for text in NAMES:
        node = parse_name(text)
        entry = tree.Labelled(node, (tree.Letter("i"), tree.Letter("j"))) if not isinstance(node, tree.Labelled) else node
        two = tree.Number("2")
        made = [node, entry, tree.power(node, two), tree.power(entry, two), tree.transposed(node), tree.Derivative(node, (node, entry))]
        made += [tree.power(tree.transposed(marked(node, "dot")), two), tree.product(node, node, tree.power(tree.power(node, two), two))]
        lines += [f"${latex(m)}$\n" for m in made]
    lang = "zh" if engine == "xelatex" else "en"
    latin = {"W1": r"\bm\theta^{[1]}", "O": r"\mathcal{O}'", "J": r"\mathcal L_{\text{CE}}", "mu": "m^{*}", "Y": r"\Delta Y"}
    named = latin if lang == "en" else {**latin, "X": "\\text{\u8f93\u5165}"}
    page = sbp.derive(pages(page={"title": "~^_%$#&{}\\ λ", "author": "Zoë"}, latex=named)).tex(lang=lang)
    compiled(engine, page.replace(r"\end{document}", "\n\n".join(lines) + r"\end{document}"), tmp_path)
    for layers, (of, name) in product(("(1)", "_1"), named.items()):
        tables = {"style": {"layers": layers}, "latex": {of: name}}
        if of == "J":
            compiled(engine, sbp.derive(pages(**tables)).tex(lang=lang), tmp_path)


def compiled(engine, text, folder):
    (folder / "page.tex").write_text(text, encoding="utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=240)
    assert done.returncode == 0, done.stdout[-1500:]
    # xelatex looks for a character that is none (U+007F) below two accents of a bold letter, and sets these right.
    assert [m for m in re.findall(r"Missing character.*", done.stdout) if "U+007F" not in m] == []
