"""What is said of a note: the author's bytes stay, a second run changes nothing, and every form says the same."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_notes_extract import TEXTS, note

from symbackprop import emit
from symbackprop.errors import TargetError
from symbackprop.formulas.said import sentence
from symbackprop.formulas.verdict import ClaimVerdict, Counterexample
from symbackprop.notes.judged import Judged, Unread, counts, exit_status
from symbackprop.notes.reading import extract
from symbackprop.notes.reading.marks import inserted, stripped
from symbackprop.notes.reporting import report
from symbackprop.notes.reporting.mathml import mathml
from symbackprop.notes.words import WORDS

SAYS = {"up": {"en": "the step goes uphill: $J$ grows, a_b | <c>", "zh": "这一步使 $J$ 增大"}}
UP = sentence(SAYS, "up")
EXAMPLE = Counterexample({"n": 2}, {"y|z": [1, 0]}, "dJ/do[1]", "0.5", "-0.5", "import numpy as np\n\nprint(np.ones(2))\n")
TEXT = (
    "---\nt: x\n---\n# H\n\nA $a = b$ and\n$$w = w + g$$\nrest.\n\n"
    "> q $$c = d$$ r\n> s\n\n- item $e = f$\n- $g = h$ %% bp:ok known %%\n\nlast $k$ $m$"
)


def wrong(latex: str) -> ClaimVerdict:
    return ClaimVerdict(latex, "wrong", UP, (), "update", "w is *one* parameter", "a = b", "w \\leftarrow w -\n g", EXAMPLE)


def judged(read_) -> Judged:
    """Each formula is judged another way, by its number."""
    verdicts = {}
    for f in read_.formulas:
        kinds = {1: "holds", 2: "wrong", 3: "holds-if", 4: "wrong", 5: "wrong", 0: "unknown"}
        status = kinds[f.number % 6]
        made = (
            wrong(f.latex)
            if status == "wrong"
            else ClaimVerdict(f.latex, status, "", ("in numerator layout",) if status == "holds-if" else ())
        )
        verdicts[f.number] = [made]
    unread = {7: Unread("what is \\Delta | ?", 3)}
    verdicts.pop(7, None)
    verdicts.pop(6, None)
    return Judged(verdicts, unread, ("numerator layout",), ((UP, (1, 2)),), "x: d\nh = W x")


def checked(text: str, lang: str = "") -> str:
    read_ = note(text)
    return report.checked(read_, judged(read_), lang)


def test_reports_stand_behind_their_blocks_and_inside_their_items():
    made = checked(TEXT)
    heads = [line for line in made.splitlines() if "[!" in line]
    assert [re.sub(r".*\[!(\w+)\]-.*", r"\1", h) for h in heads] == ["info", "failure", "example", "warning", "failure", "example", "info"]
    assert made.startswith(
        "---\nt: x\n---\n\n<!-- symbackprop -->\n> [!info]- symbackprop: 4 claims: 1 hold, 1 hold under a condition, 2 wrong;"
    )
    assert "$$w = w + g$$\n\n<!-- symbackprop -->\n> [!failure]- ✗ Formula 2: wrong\n" in made
    assert "> s\n\n<!-- symbackprop -->\n> [!warning]- ⚠ Formula 3: holds under a condition\n" in made
    assert "- item $e = f$\n\n  <!-- symbackprop -->\n  > [!failure]- ✗ Formula 4: wrong\n" in made
    assert made.rstrip().endswith("<!-- /symbackprop -->") and "what is \\\\Delta \\| ?" in made
    assert "Formula 5" not in made and "Formula 1:" not in made


def test_reports_stand_in_items_that_tabs_indent():
    made = checked("- a\n\t- $b$ $c$\n\t- d")
    assert "\t- $b$ $c$\n\n      <!-- symbackprop -->\n      > [!failure]- ✗ Formula 2: wrong\n" in made


def test_the_formula_that_would_be_right_and_the_script_are_there():
    made = checked("$$w = w$$\n\n$$w = w + g$$")
    assert "\n> $$w \\leftarrow w - g$$\n" in made and "\n> | `y\\|z` | `[1, 0]` |\n" in made
    assert "\n> > ```python\n> > import numpy as np\n> >\n> > print(np.ones(2))\n> > ```\n" in made
    assert "uphill: $J$ grows, a\\_b \\| \\<c\\>" in made and "w is \\*one\\* parameter" in made


def test_a_report_never_cuts_a_formula_a_comment_or_code():
    text = "a $x$\n$y$ and $$b\nc$$ d %% no\nreport here %%\ne\n```\ncode\n"
    own = re.sub(r"<!-- symbackprop.*?<!-- /symbackprop -->", "REPORT", checked(text), flags=re.DOTALL)
    assert own == "REPORT\n\n" + text.replace("e\n```", "e\n\nREPORT\n\n\nREPORT\n\n```")


@pytest.mark.parametrize(
    "text", [TEXT, TEXT.replace("\n", "\r\n"), TEXT + "\n", "", "\n", "$a$\n$b=c$", "$a$ $b$\r\n\r\n```\ncode", "\n\n$a$ $b$\n\n"]
)
def test_taken_out_again_the_authors_bytes_are_left(text):
    made = checked(text)
    assert stripped(made) == text
    assert checked(made) == made != text
    assert ("\r" in text) == ("\r" in made) and (
        not text.count("\r\n") or text.count("\n") != text.count("\r\n") or "\n" not in made.replace("\r\n", "")
    )


@given(TEXTS)
def test_taken_out_again_any_text_is_left(text):
    own = stripped(text)
    made = checked(own)
    assert stripped(own) == own and stripped(made) == own
    assert checked(made) == made


@given(TEXTS, st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["", "  "]), TEXTS), max_size=4))
def test_reports_of_any_text_in_any_place_are_taken_out(text, reports):
    own = stripped(text)
    ends = [k for k in range(len(own) + 1) if k == len(own) or (own.startswith(("\n", "\r\n"), k) and own[:k][-1:] != "\r")]
    placed = sorted((ends[k % len(ends)], indent, body) for k, indent, body in reports)
    assert stripped(inserted(own, placed)) == own


def test_a_checked_copy_never_replaces_the_note(tmp_path):
    path, other = tmp_path / "n.md", tmp_path / "link.md"
    path.write_bytes(b"\xef\xbb\xbf$a$ and $b = c$\r\n")
    other.symlink_to(path)
    read_ = extract.read(path)
    made = report.checked(read_, judged(read_))
    for target in (path, other, tmp_path / "x" / ".." / "n.md"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(TargetError, match="was read"):
            emit.write(target, made)
    copy = emit.write(tmp_path / "n.checked.md", made)
    assert copy.read_bytes().startswith(b"\xef\xbb\xbf<!-- symbackprop: summary -->\r\n")
    again = extract.read(copy)
    assert again.text == read_.text and report.checked(again, judged(again)) == made


def test_what_is_no_markdown_gets_a_report_of_its_own():
    read_ = note("\\section{A} $a$ and \\[ w = w + g \\]", "latex", "n.tex")
    made = report.checked(read_, judged(read_))
    assert (
        made.startswith("# Formulas of n.tex, checked\n") and "## Formula 2, line 1: wrong" in made and "```tex\n w = w + g \n```" in made
    )
    assert "Nothing to remark" in report.checked(read_, Judged())


def test_the_report_speaks_the_language_of_the_note():
    text = "使用链式法则 $a$ 求导得到的结果是\n$$w = w + g$$\n"
    assert "公式 2：有误" in checked(text) and "这一步使 $J$ 增大" in checked(text)
    assert "Formula 2: wrong" in checked(text, "en") and checked(text, "en") != checked(text)
    assert all(set(row) == {"en", "zh"} and all(row.values()) for row in WORDS.values())


def test_counts_and_the_exit_status():
    read_ = note(TEXT)
    found = counts(read_, judged(read_))
    assert (found["holds"], found["wrong"], found["holds-if"], found["muted"], found["unread"], found["no claim"]) == (1, 2, 1, 1, 1, 1)
    assert exit_status(read_, judged(read_)) == 1
    assert exit_status(read_, Judged({1: [ClaimVerdict("a", "unknown")]})) == 3
    assert exit_status(read_, Judged({1: [ClaimVerdict("a", "holds-if")]})) == 0


def test_lines_for_editors_and_for_github():
    read_ = note("x\n\n$$\na\n+ w = w + g\n$$ %% z %%\n$b$ and $c=d$", path="a,b.md")
    claim = ClaimVerdict("w = w + g", "wrong", "100% up", position=(4, 5))
    given_ = Judged({1: [claim], 2: [ClaimVerdict("b", "holds")], 3: [ClaimVerdict("c=d", "holds-if", "", ("if so",))]})
    text = ["a,b.md:5:7: wrong: 100% up: w = w + g", "a,b.md:7:9: holds under a condition: if so: c=d"]
    assert report.lines(read_, given_)[:2] == text and report.lines(read_, given_, quiet=True) == text[:1]
    assert report.lines(read_, given_)[2] == "a,b.md: 3 claims: 1 hold, 1 hold under a condition, 1 wrong"
    assert report.lines(read_, given_, style="github")[0] == "::error file=a%2Cb.md,line=5,col=7,title=wrong::w = w + g: 100%25 up"


def test_lines_of_a_notebook_name_the_cell():
    book = json.dumps(
        {"cells": [{"cell_type": "code"}, {"cell_type": "markdown", "source": "t"}, {"cell_type": "markdown", "source": "a\n\n$w=w+g$"}]}
    )
    read_ = note(book, "notebook", "n.ipynb")
    assert report.lines(read_, Judged({1: [wrong("w=w+g")]}))[0].startswith("n.ipynb:cell 3:3:1: wrong: the step")


def test_the_record_holds_everything_by_place():
    read_ = note(TEXT)
    made = json.loads(json.dumps(report.record(read_, judged(read_), "zh")))
    assert [f["number"] for f in made["formulas"]] == list(range(1, len(read_.formulas) + 1))
    second = made["formulas"][1]
    assert (second["line"], second["column"], second["kind"], second["latex"]) == (7, 1, "display", "w = w + g")
    assert second["verdicts"][0]["because"] == "这一步使 $J$ 增大" and second["verdicts"][0]["counterexample"]["left"] == "0.5"
    assert made["formulas"][6]["unread"] == {"because": "what is \\Delta | ?", "position": 3} and made["formulas"][4]["muted"] == "known"


def test_the_page_holds_the_text_the_formulas_and_no_script():
    text = "# T <b>\n\nx & `y` **z** $a$\n\n> q\n\n- i $$w = w + g$$\n\n```\n<code>\n```\n$\\nosuchcommand$ $c$ $e$"
    read_ = note(text)
    made = report.html(read_, judged(read_))
    assert "<h1>T &lt;b&gt;</h1>" in made and "x &amp; <code>y</code> <strong>z</strong>" in made and "&lt;code&gt;" in made
    assert '<div class="formula wrong"><math' in made and "✗ 2 wrong" in made and "<code>\\nosuchcommand</code>" in made
    assert "<script" not in made and "http" not in made.replace("http://www.w3.org/1998/Math/MathML", "") and "prefers-color-scheme" in made


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{\partial J}{\partial \hat{\mathbfit y}} = -\sum_{i=1}^n \frac{y_i}{\hat y_i}",
        r"h_j = \begin{cases} 1, & h_i > 0 \\ 0, & \text{otherwise} \end{cases}",
        r"W^{[1]T} \leftarrow W - \eta \nabla_W J, \quad \mathbf 1_{i=j} \in \mathbb R^{n \times d}",
        r"\begin{bmatrix} a & b \\ c & d \end{bmatrix} \left( \sqrt[3]{x} \right)' \approx \|x\|_2^2 < \mathcal L",
        r"\underbrace{a + b}_{c} \binom{n}{k} \frac{d}{dx} f(x) \Big|_{x=0} \Rightarrow \boldsymbol\theta \odot \lim_{t \to 0} g",
    ],
)
def test_formulas_are_typeset(latex):
    assert len(ET.fromstring(mathml(latex, {}, display=True))) >= 1


def test_what_cannot_be_typeset_is_nothing():
    assert mathml(r"\nosuch{x}", {}) == mathml(r"\frac{a", {}) == "" and "<mi>x</mi>" in mathml(r"\v", {r"\v": (0, "x")})
