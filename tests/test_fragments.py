"""Fragments of papers: no preamble, no macros of ours, labels; pasted into a plain article with amsmath alone, each compiles."""

import re

import pytest
from test_cli import call
from test_tex import BEGIN, END, compiled, derivations

import symbackprop as sbp
from symbackprop.errors import NotationError

ARTICLE = {
    "en": "\\documentclass{article}\n\\usepackage{amsmath}\n",
    "zh": "\\documentclass[fontset=fandol]{ctexart}\n\\usepackage{amsmath}\n",
}
ENGINES = {"en": "pdflatex", "zh": "xelatex"}
LEAST = sbp.model({"x": {"axes": "n"}, "A": {"axes": "m n"}}, {"r": "A @ x", "J": "sum(relu(r) ** 2)"}, name="least")


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if "label{" in line]


def test_the_results_are_closed_and_stand_behind_the_model() -> None:
    text = sbp.derive(LEAST, wrt=["x", "A"]).tex(fragment=True)
    assert r"\documentclass" not in text and "newcommand" not in text
    labels = re.findall(r"\\label\{(.*?)\}", text)
    assert sorted(labels) == sorted(["eq:least:r", "eq:least:J", "eq:least:dx", "eq:least:dA"])
    assert r"\partial J}{\partial r" not in text and "where" not in text
    assert any(r"A^{\top} " in line and line.startswith(r"\frac{\partial J}{\partial x} & = ") for line in lines(text))


def test_what_is_long_is_told_by_its_parts_in_order() -> None:
    equations = {"A": "tanh(X @ W)", "B": "tanh(A @ W)", "C": "tanh(B @ W)", "J": "sum(C ** 2) / n"}
    tensors = {"X": {"axes": "n d", "role": "input"}, "W": {"axes": "d d", "role": "parameter"}}
    text = sbp.derive(sbp.model(tensors, equations), wrt=["W"]).tex(fragment=True)
    labels = re.findall(r"\\label\{eq:model:(.*?)\}", text)
    after = labels[labels.index("dW") + 1 :]
    assert [name for name in after if "t" not in name] == ["dB", "dA"] and text.index("where") > text.index("eq:model:dW}")


@pytest.mark.parametrize(("lang", "words"), [("en", ("Let", "The derivative of $f$ is")), ("zh", ("设", "$f$ 的导数为"))])
def test_an_expression_is_stated_before_its_derivative(lang: str, words: tuple[str, str]) -> None:
    result = sbp.derivative("norm(A @ x - b)**2", {"A": "m n", "x": "n", "b": "m"}, "x")
    text = result.tex(lang=lang, fragment=True)
    assert text.index(words[0]) < text.index("eq:expression:f}") < text.index(words[1]) < text.index("eq:expression:dx}")


def test_fragments_of_one_expression_have_labels_of_their_own() -> None:
    said = call("derive", "norm(A @ x - b)**2", "--shapes", "A: m n; x: n; b: m", "--wrt", "A,x,b", "--fragment").stdout
    labels = re.findall(r"\\label\{(.*?)\}", said)
    assert labels == ["eq:expression:f", "eq:expression:dA", "eq:expression:x:dx", "eq:expression:b:db"] and said.count("Let") == 1


def test_a_long_expression_is_told_like_a_model() -> None:
    text = " + ".join(f"sum(tanh(A @ x * {k}) ** 2 / (1 + exp(b - {k})))" for k in range(2, 9))
    made = sbp.derivative(text, {"A": "m n", "x": "n", "b": "m"}, "x").tex(fragment=True)
    labels = re.findall(r"\\label\{eq:expression:(.*?)\}", made)
    assert "The model is" in made and "f" in labels and "dx" in labels and len(set(labels)) == len(labels)


def test_a_derivative_by_entries_says_why_there_is_no_matrix_and_a_collection_has_no_fragment() -> None:
    text = sbp.derivative("sum(sin(x[1:] * x[:-1]))", {"x": "n"}, "x").tex(fragment=True)
    assert r"\frac{\partial f}{\partial x_{i}} & = " in text
    with pytest.raises(NotationError, match="has no fragment"):
        sbp.derive(LEAST, wrt=["x"]).hessian_blocks().tex(fragment=True)


@pytest.mark.slow
@pytest.mark.parametrize("lang", ENGINES)
def test_every_fragment_compiles_within_an_article(lang: str, tmp_path) -> None:
    texts = [derived.tex(lang=lang, fragment=True) for derived, _ in derivations().values()]
    joined = ARTICLE[lang] + BEGIN + "\n\\clearpage\n".join(unlike(k, text) for k, text in enumerate(texts)) + END
    log = compiled(ENGINES[lang], joined, tmp_path)
    assert len(texts) > 20 and "multiply defined" not in log and "Missing character" not in log
    assert re.findall(r"Overfull \\hbox.*", log) == []


def unlike(number: int, text: str) -> str:
    """A fragment with labels of its own, where a model is there twice."""
    return text.replace("eq:", f"eq:{number}:")


@pytest.mark.slow
def test_the_closed_formula_of_a_result_compiles_within_an_article(tmp_path) -> None:
    made = []
    for derived, _ in list(derivations().values())[:5]:
        for name in derived.wrt:
            try:
                made.append(derived.gradient(name).latex(expand=True))
            except NotationError:
                continue  # longer than anybody reads
    text = ARTICLE["en"] + BEGIN + "\n\n".join(f"${one}$" for one in made) + END
    compiled("pdflatex", text, tmp_path)
    assert len(made) > 8


@pytest.mark.slow
def test_control_a_fragment_with_a_macro_of_ours_is_seen(tmp_path) -> None:
    text = sbp.derive(LEAST, wrt=["x"]).tex(fragment=True).replace("A^", r"\headline{A}^")
    with pytest.raises(AssertionError, match="Undefined control sequence"):
        compiled("pdflatex", ARTICLE["en"] + BEGIN + text + END, tmp_path)
