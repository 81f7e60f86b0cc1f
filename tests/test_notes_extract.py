"""The formulas of a note with their places: what is one, what is none, and what can stand in a file."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbackprop.errors import NoteError
from symbackprop.notes.note import Note
from symbackprop.notes.reading import extract
from symbackprop.notes.reading.extract import linked, parse, read
from symbackprop.notes.reading.folder import notes_in

PIECES = r"""$ $$
/n /n/n /r/n >_ -_ 1._ __ ____ ` ``` ```math/n ~~~ %% %%_bp:ok_x_%%
<!-- --> a b_=_c \ \$ \[ \] \( \) | ^ 5 _ 梯度
\begin{align} \end{align} #_T/n ---/n x:_y/n ]] [[n ](u.md) <code> </code>
<!--_symbackprop_--> <!--_symbackprop:_summary_--> <!--_|symbackprop_-->"""
PIECES = [p.replace("_", " ").replace("/n", "\n").replace("/r", "\r").replace("|sym", "/sym") for p in PIECES.split()]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def note(text: str, kind: str = "markdown", path: str = "note.md") -> Note:
    return parse(text, kind, extract.Path(path))


def found(text: str, kind: str = "markdown") -> list[str]:
    return [f.latex for f in note(text, kind).formulas]


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("a $x$ b $$y$$ c \\(u^2\\) \\[v=w\\]", ["x", "y", "u^2", "v=w"]),
        ("$$a$$$$b$$ $c$$d$", ["a", "b", "c", "d"]),
        ("text $`y_1`$ and\n```math\nz\n```\n", ["y_1", "z"]),
        ("$$\na\n= b\n$$\n", ["\na\n= b\n"]),
        ("$$\n- a\n> b\n# c\n$$", ["\n- a\n> b\n# c\n"]),
        ("$$\na\n\n= b\n$$", ["\na\n\n= b\n"]),
        ("> q $$a\n> = b$$ c\n> ```math\n> z\n> ```", ["a\n= b", "z"]),
        ("> > $$\n> > a\n> > $$", ["\na\n"]),
        ("- $$\n  a\n  $$\n- $b$", ["\n  a\n  ", "b"]),
        ("\\begin{align}a\\\\b\\end{align}", ["\\begin{align}a\\\\b\\end{align}"]),
        ("$a \\$ b$ and $\\text{5\\%}$", ["a \\$ b", "\\text{5\\%}"]),
        ("\\\\[\na = \\left[ b \\right]\n\\\\] and \\\\( u^2 \\\\)", ["\na = \\left[ b \\right]\n", " u^2 "]),
        ("# $h$\n| $t$ | $u$ |", ["h", "t", "u"]),
        ("定义为$$J$$其中$f$。", ["J", "f"]),
    ],
)
def test_formulas_of_markdown(text, formulas):
    assert found(text) == formulas
    assert found(text.replace("\n", "\r\n")) == [f.replace("\n", "\r\n") for f in formulas]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "price $5 and $6",
            "| $OUT | x$ |",
            "\\[words\\]",
            "\\\\[words\\\\]",
            "it is $5-$6",
            "from US$5 to A$6.",
            "$ a $",
            "\\$a\\$",
            "$$$a$$$",
            "$a\n\nb$",
            "$",
            "$$",
            "$$a",
            "\\[a",
            "\\(a",
        ),
        *("`$a$`", "`` ` $a$ ``", "```\n$a$\n```", "```python\n$$a$$\n", "~~~\n$a$\n~~~", "    $a$", "<!-- $a$ -->", "%% $a\n\nb$ %%"),
        *("---\nt: $a$\n---\n", "<code>$a$</code>", "<pre>\n\n$a$\n</pre>", "[l](u$a$)", "[[a$b$]]", "https://x.y/$a$", "\\[no\\](url)"),
        *("> ```\n> $a$\n", "$$ \n> $$", "$`a"),
    ],
)
def test_what_is_no_formula(text):
    assert found(text) == []


def test_an_open_display_takes_no_prose_with_it():
    assert found("$$ a\n\nsome words here\n\n$$\nb\n$$") == ["\nb\n"]


def test_places_are_those_of_the_file():
    text = "# H\r\n\r\n> one $a$ and $$b\r\n> c$$\r\n"
    first, second = note(text).formulas
    assert (first.line, first.column, first.quote, first.headings, first.kind) == (3, 7, "> ", ("H",), "inline")
    assert first.before == "one" and text[first.start : first.stop] == "$a$"
    assert (second.latex, second.kind, second.several_lines) == ("b\r\nc", "display", True)
    assert text[second.at(3)] == "c" and text[second.at(0)] == "b"


def test_headings_form_a_path():
    text = "A\n=\n$a$\n## B\n$b$\n### C\n$c$\n## D #\n$d$\n# E\n$e$"
    assert [f.headings for f in note(text).formulas] == [("A",), ("A", "B"), ("A", "B", "C"), ("A", "D"), ("E",)]
    assert [f.latex for f in note(text).under("a#b")] == ["b", "c"]


@pytest.mark.parametrize(
    ("text", "mute"),
    [
        ("$a$ %% bp:ok on purpose %%", "on purpose"),
        ("$$a$$\n<!-- bp:ok: it is\n so -->", "it is so"),
        ("> $$a$$\n> %% bp:ok q %%", "q"),
        ("$a$ %%bp:ok%%", ""),
        ("$a$\n\n%% bp:ok too far %%", None),
        ("$a$\nwords %% bp:ok not right behind %%", None),
        ("%% bp:ok before %% $a$", None),
        ("$a$ %% bp:okay %%", None),
    ],
)
def test_a_comment_right_behind_mutes(text, mute):
    assert note(text).formulas[0].mute == mute


def test_latex_documents():
    text = r"""\newcommand{\R}[1]{\mathbb{R}^{#1}} % $no$
\def\half{\frac{1}{2}}
\DeclareMathOperator{\tr}{tr}
\section{A $x$}
$ a \text{ if $b$ } c$ \(z\) \[ y = \\[2pt] 3 \] \verb|$n$| \$5 and \$6
\begin{align*} a &= b \\ c &= d \end{align*} % bp:ok known
\begin{verbatim} $no$ \end{verbatim}
\subsection{B}
\begin{equation}f\end{equation} $$e$$"""
    read_ = note(text, "latex")
    inner = [" a \\text{ if $b$ } c", "z", " y = \\\\[2pt] 3 ", "\\begin{align*} a &= b \\\\ c &= d \\end{align*}", "f", "e"]
    assert [f.latex for f in read_.formulas] == ["x", *inner]
    assert read_.formulas[4].mute == "known" and read_.formulas[-1].headings == ("A $x$", "B")
    assert {k: v[0] for k, v in read_.macros.items()} == {r"\R": 1, r"\half": 0, r"\tr": 0}


def test_restructured_text():
    text = "T\n==\n\nA :math:`a_b`, ``:math:`n` ``.\n\n.. math::\n   :label: x\n\n   a = b\n\n   c\n     d\n\nB\n--\n.. math:: q\n\n"
    text += ".. code::\n\n   :math:`no`\n"
    read_ = note(text, "rst")
    assert [f.latex for f in read_.formulas] == ["a_b", "a = b", "c\n     d", "q"]
    assert [f.line for f in read_.formulas] == [4, 6, 11, 16]


def test_notebooks(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["# H\n", "$a$"]},
        {"cell_type": "code", "source": "$x$ = !ls", "outputs": [{"text": "$y$"}]},
        {"cell_type": "markdown", "source": "text\n\n$$b$$ \\begin{align}c\\end{align}"},
    ]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    a, b, c = read(path).formulas
    assert (a.cell, a.line, a.latex) == (1, 2, "a") and (b.cell, b.line, b.column, b.headings) == (3, 3, 1, ("H",))
    assert b.as_dict()["start"] == 6 and c.number == 3


def test_macros_of_a_formula():
    read_ = note("$\\newcommand{\\R}{\\mathbb{R}}$ and $$\\def\\v#1{\\mathbf{#1}} \\v{x}$$ and $\\newcommand$")
    assert set(read_.macros) == {r"\R", r"\v"} and read_.macros[r"\v"][0] == 1


def test_macros_of_a_vault(tmp_path):
    (tmp_path / "preamble.sty").write_text("\\newcommand{\\R}{\\mathbb{R}}\n\\def\\v#1{\n  \\mathbf{#1}}\n")
    (tmp_path / "n.md").write_text("$x \\in \\R$")
    assert set(read(tmp_path / "n.md").macros) == {r"\R", r"\v"}


def test_context_blocks_are_kept_without_the_marks_of_a_quote():
    read_ = note("> ```backprop\n> x: d\n> h = W x\n> ```\n")
    assert [c.text for c in read_.contexts] == ["x: d\nh = W x"] and not read_.formulas


def test_the_language_is_that_of_the_prose():
    assert note("使用链式法则 $\\frac{a}{b}$ 求导").language == "zh"
    assert note("The gradient (梯度) of the loss with respect to the weights is $g$").language == "en"
    assert note("勾配を計算するために連鎖律を使う $g$").language == "en"


def test_links_stay_in_the_folder(tmp_path):
    vault = tmp_path / "vault"
    (vault / "sub").mkdir(parents=True)
    (tmp_path / "secret.md").write_text("$s$")
    (vault / "sub" / "Model.md").write_text("# Basic Model\n$m$", encoding="utf-8")
    (vault / "link.md").symlink_to(tmp_path / "secret.md")
    main = vault / "main.md"
    main.write_text("[[Model#basic model|x]] [t](sub/Model.md#h) [[../secret]] [s](../secret.md) [[link]] [[none]] [[#own]]")
    read_ = read(main)
    assert [bool(link.path) for link in read_.links] == [True, True, False, False, False, False, False]
    model = linked(read_, read_.links[0])
    assert model is not None and [f.latex for f in model.under(read_.links[0].heading)] == ["m"]


def test_a_folder_is_its_notes(tmp_path):
    for name in ("b.md", "a.ipynb", "c.txt", "d.py", ".hidden.md", "sub/e.rst"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "b.checked.md").write_text("<!-- symbackprop: summary -->")
    assert [p.name for p in notes_in([tmp_path, tmp_path / "c.txt"])] == ["a.ipynb", "b.md", "e.rst", "c.txt"]
    with pytest.raises(NoteError, match="no file or folder"):
        notes_in([tmp_path / "none.md"])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.md", "$a$".encode("utf-16"), "UTF-16"),
        ("a.md", "梯度下降法是一种优化方法".encode("gbk"), "not UTF-8.*perhaps GBK"),
        ("a.md", b"ab\n\xff\xfa", "line 2, byte 0xff"),
        ("a.md", b"a\0b", "binary"),
        ("a.ipynb", b"{]", "no notebook.*line 1"),
        ("a.ipynb", b"[1]", "has no cells"),
        ("a.ipynb", b"[" * 100_000, "no notebook"),
        ("a.docx", b"", "do not end in"),
    ],
)
def test_what_is_no_note_is_a_typed_error(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NoteError, match=reason) as caught:
        read(tmp_path / name)
    assert "\n" not in caught.value.reason


def test_a_folder_and_a_missing_file_are_no_notes(tmp_path):
    (tmp_path / "d.md").mkdir()
    for name, reason in (("d.md", "no plain file"), ("none.md", "no such file")):
        with pytest.raises(NoteError, match=reason):
            read(tmp_path / name)


def test_the_mark_of_utf_8_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbf$a$")
    assert read(tmp_path / "a.md").bom and read(tmp_path / "a.md").formulas[0].column == 1


LARGE = r"""$ $_
_$a $$_a_ $$_a/n \[_ \(_x \begin{align}_ `$_ $`a_ <!--_ %%_a >_ -_$x$/n /n ```/n $$/na/n/n [[a| ](a <pre>_/n/n #_$x$/n a_$x$_b/n
$$x$$____ \ 1._ >_```/n \text{$ \verb| \newcommand{\a}{b}/n <!--_symbackprop_--> :math:` ..math::/n/n__a/n \[_a/n/n \]"""
LARGE = [p.replace("_", " ").replace("/n", "\n").replace("..", ".. ") for p in LARGE.split()]


@pytest.mark.parametrize("head", ["> ", "- ", "`", "\\$", ","])
def test_what_a_line_begins_with_is_looked_at_once(head):
    begin = time.process_time()
    note(head * 50_000 + "$x$ " * 10_000)
    assert time.process_time() - begin < 8


@pytest.mark.parametrize("kind", ["markdown", "latex", "rst"])
@pytest.mark.parametrize("piece", LARGE)
def test_time_grows_with_the_text_and_no_faster(piece, kind):
    text = piece * (100_000 // len(piece))
    begin = time.process_time()
    note(text, kind)
    assert time.process_time() - begin < 8


@given(TEXTS, st.sampled_from(["markdown", "latex", "rst"]))
def test_any_text_gives_formulas_in_order_that_map_back(text, kind):
    read_ = note(text, kind)
    at = 0
    for formula in read_.formulas:
        assert at <= formula.start < formula.stop <= len(read_.text)
        assert all(read_.text[formula.at(k)] == c for k, c in enumerate(formula.latex))
        assert read_.place(formula.start) == (formula.line, formula.column)
        at = formula.stop


@given(st.binary(max_size=60) | TEXTS.map(str.encode), st.sampled_from([".md", ".ipynb", ".tex", ".rst", ".txt"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, ending):
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(content)
    try:
        assert read(path).format
    except NoteError as e:
        assert e.reason and "\n" not in e.reason
