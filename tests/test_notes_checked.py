"""A whole note: what is a claim, what it rests on, one set of conventions, contradictions, the example as its author reads it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symbackprop as sbp
from symbackprop.errors import NoteError, SpecError
from symbackprop.notes.checked import NoteReport

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "backpropagation_note.md"
LINE = r"A line: $x \in \mathbb R^d$, $W \in \mathbb R^{k \times d}$, $z = W x$, $L = \frac{1}{2} \lVert z \rVert^2$."
SPOILERS = list("{}\\$^_=()[]&,;:01x'") + [rf"\{word}" for word in ("frac", "partial", "Rightarrow", "in", "Sigma", "mathbb R", "vec")]


@pytest.fixture(scope="module")
def example() -> NoteReport:
    return sbp.check_note(EXAMPLE)


def checked(folder: Path, text: str, **options) -> NoteReport:
    path = folder / "note.md"
    path.write_text(text, encoding="utf-8")
    return sbp.check_note(path, **options)


def found(report: NoteReport) -> list[tuple[str, str]]:
    return [(v.kind, v.status) for v in report.verdicts]


def last(report: NoteReport) -> str:
    return report.verdicts[-1].status


def keys(report: NoteReport) -> set[str]:
    return {text.key for text, _ in report.judged.contradictions}


def test_the_example_comes_out_formula_by_formula(example: NoteReport) -> None:
    """Wrong are the 1/3, the Laplacian, the uphill step, the sums over nothing and the lost delta; two formulas are printed turned."""
    worst = {f.number: example.judged.worst(f) for f in example.note.formulas if f.number in example.judged.verdicts}
    assert {n for n, status in worst.items() if status == "wrong"} == {4, 13, 17, 19, 27}
    assert {n for n, status in worst.items() if status == "holds-if"} == {21, 29}
    assert {n for n, status in worst.items() if status == "holds"} == {3, 10, 11, 15, 18, 20, 22, 23, 26, 28}


def test_the_example_contradicts_itself_where_its_author_must_look(example: NoteReport) -> None:
    assert [numbers for _, numbers in example.judged.contradictions] == [(4, 21), (18, 21), (28, 29), (17,), (13,)]
    assert keys(example) == {"contradiction factor", "contradiction shape", "contradiction uphill", "contradiction laplacian"}
    assert [c.key for c in example.judged.conventions] == ["layout numerator", "reduction single"]


def test_the_checked_copy_of_the_example_is_what_is_committed(example: NoteReport) -> None:
    committed = EXAMPLE.with_name("backpropagation_note.checked.md").read_bytes()
    assert example.markdown().encode("utf-8") == committed, "run `make regen` and review the diff"


def test_the_context_that_was_inferred_says_the_same_when_it_is_pasted(example: NoteReport, tmp_path: Path) -> None:
    block = f"\n```backprop\n{example.judged.context}\n```\n"
    pasted = checked(tmp_path, EXAMPLE.read_text(encoding="utf-8").replace("[[network_note#基本模型]]", "前文") + block)
    statuses = [v.status for v in example.verdicts if v.kind != "definition"]
    assert [v.status for v in pasted.verdicts if v.kind != "definition"] == statuses


def test_a_model_beside_the_note_gives_its_forward_equations(tmp_path: Path) -> None:
    text = r"$$\frac{\partial J}{\partial o}=\hat y-y$$ and $$J = -\frac{1}{3} y^\top\log\hat y$$"
    report = checked(tmp_path, text, model=ROOT / "examples" / "one_sample.toml")
    assert found(report) == [("claim", "holds"), ("claim", "wrong")]


def test_equations_come_from_the_heading_that_is_linked_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "net.md").write_text(f"# Old\n$z = 2 W x$\n# Model\n{LINE}\n", encoding="utf-8")
    claim = r"$$\frac{\partial L}{\partial W} = z x^\top$$"
    assert last(checked(tmp_path, f"[[net#Model]] {claim}")) == "holds"
    assert last(checked(tmp_path, f"No link. {claim}")) == "unknown"


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        (r"\frac{\partial L}{\partial W} = z x^\top", "holds"),
        (r"\frac{\partial L}{\partial W} = 2 z x^\top", "wrong"),
        (r"\frac{\partial L}{\partial W} \in \mathbb R^{k \times d}", "holds"),
        (r"\frac{\partial L}{\partial W} \in \mathbb R^{k}", "wrong"),
        (r"W \leftarrow W - \eta \frac{\partial L}{\partial W}", "holds"),
        (r"W \leftarrow W + \eta \frac{\partial L}{\partial W}", "wrong"),
    ],
)
def test_a_claim_rests_on_the_equations_and_shapes_of_the_note(tmp_path: Path, claim: str, status: str) -> None:
    assert last(checked(tmp_path, f"{LINE} $${claim}$$")) == status


NO_CLAIMS = ["x", r"a^2 + b^2 = c^2", r"\frac{\partial L}{\partial W}", r"x \in \mathbb R^3", r"n \ge 2", r"f: \mathbb R \to \mathbb R"]


@pytest.mark.parametrize("text", NO_CLAIMS)
def test_what_says_nothing_of_a_derivative_is_no_claim(tmp_path: Path, text: str) -> None:
    report = checked(tmp_path, f"Here ${text}$.")
    assert found(report) == [] and report.exit_status == 0


def test_a_name_that_is_said_to_be_a_derivative_is_defined_by_that(tmp_path: Path) -> None:
    delta = r"$$\delta = \frac{\partial L}{\partial z}$$"
    right, wrong = r"$$\frac{\partial L}{\partial W} = \delta x^\top$$", r"$$\delta = 2 z$$"
    assert found(checked(tmp_path, LINE + delta + right))[-2:] == [("definition", "holds"), ("claim", "holds")]
    assert last(checked(tmp_path, LINE + delta + wrong)) == "wrong"


def test_the_authors_claims_are_never_taken_for_definitions(tmp_path: Path) -> None:
    false = r"$$\frac{\partial L}{\partial z} = 3 z$$"
    assert last(checked(tmp_path, LINE + false + r"$$\frac{\partial L}{\partial W} = 3 z x^\top$$")) == "wrong"


def test_of_two_definitions_the_nearer_one_counts_and_the_note_is_told(tmp_path: Path) -> None:
    section = "# {0}\n$$L = {1} z^2$$ $$\\frac{{\\partial L}}{{\\partial z}} = {2} z$$\n"
    report = checked(tmp_path, section.format("A", 3, 6) + section.format("B", 5, 10))
    assert [v.status for v in report.verdicts] == ["holds"] * 4
    assert [c.key for c in report.judged.conventions] == ["twice"]


def test_what_a_quote_declares_is_its_own(tmp_path: Path) -> None:
    quote = "> Let $J \\in \\mathbb R^{n \\times m}$ with $$J_{ij} = \\frac{\\partial f_i}{\\partial x_j}$$\n\n"
    report = checked(tmp_path, f"$J = 3 w^2$\n\n{quote}$$\\frac{{\\partial J}}{{\\partial w}} = 6 w$$\n")
    assert found(report) == [("definition", "holds"), ("definition", "holds"), ("claim", "holds")]


def test_the_layout_is_the_one_that_most_claims_follow(tmp_path: Path) -> None:
    z = r"$$\frac{\partial z}{\partial x} = W^\top$$"
    both = checked(tmp_path, LINE + z + r"$$\frac{\partial z}{\partial x} \in \mathbb R^{d \times k}$$")
    assert [c.key for c in both.judged.conventions] == ["layout denominator"]
    assert [v.status for v in both.verdicts][-2:] == ["holds", "holds"]
    usual = checked(tmp_path, LINE + z + r"$$\frac{\partial z}{\partial x} \in \mathbb R^{k \times d}$$")
    assert [v.status for v in usual.verdicts][-2:] == ["holds-if", "holds"]


def test_a_declared_layout_is_kept_whatever_most_claims_follow(tmp_path: Path) -> None:
    report = checked(tmp_path, "In numerator layout. " + LINE + r"$$\frac{\partial z}{\partial x} = W^\top$$")
    assert last(report) == "holds-if"
    block = "\n```backprop\nlayout: denominator\n```\n"
    assert last(checked(tmp_path, LINE + r"$$\frac{\partial z}{\partial x} = W^\top$$" + block)) == "holds"


def test_shapes_that_nobody_declares_are_inferred(tmp_path: Path) -> None:
    model = r"$z = W x + b$, $L = \frac{1}{2} \lVert z \rVert^2$ "
    assert last(checked(tmp_path, model + r"$$\frac{\partial L}{\partial W} = z x^\top$$")) == "holds"
    assert last(checked(tmp_path, model + r"$$\frac{\partial L}{\partial W} = z^\top x$$")) != "holds"
    assert last(checked(tmp_path, model + r"$$\frac{\partial L}{\partial b} = 2 z$$")) == "wrong"


def test_nothing_is_wrong_because_of_shapes_that_nobody_declares(tmp_path: Path) -> None:
    report = checked(tmp_path, r"$z = W x$, $L = \frac{1}{2} \lVert z \rVert^2$ $$\frac{\partial L}{\partial W} = z^\top$$")
    assert last(report) == "unknown"


def test_a_muted_formula_is_not_judged_and_defines_what_it_defines(tmp_path: Path) -> None:
    muted = "$$\\frac{\\partial L}{\\partial z} = 3 z$$ %% bp:ok an example of a mistake %%\n\n"
    report = checked(tmp_path, f"{LINE}\n\n{muted}$$\\frac{{\\partial L}}{{\\partial z}} = z$$")
    assert report.ok and [v.status for v in report.verdicts if v.kind == "claim"] == ["holds"]


def test_a_claim_that_can_not_be_read_is_listed_and_an_unread_formula_is_none(tmp_path: Path) -> None:
    report = checked(tmp_path, r"$$\frac{\partial L}{\partial W = z$$ and $${a = b$$")
    assert list(report.judged.unread) == [1] and report.exit_status == 0


def test_a_system_in_one_display_is_judged_claim_by_claim(tmp_path: Path) -> None:
    rows = r"$$\begin{aligned} \frac{\partial L}{\partial W} &= z x^\top \\ \frac{\partial L}{\partial x} &= W z \end{aligned}$$"
    report = checked(tmp_path, f"{LINE}\n{rows}")
    assert [v.status for v in report.verdicts][-2:] == ["holds", "wrong"]
    assert r"W z" in report.verdicts[-1].claim and r"z x^\top" not in report.verdicts[-1].claim


def test_macros_of_the_note_are_known(tmp_path: Path) -> None:
    macro = r"$\newcommand{\dd}[2]{\frac{\partial #1}{\partial #2}}$"
    assert last(checked(tmp_path, f"{macro}\n\n{LINE} " + r"$$\dd{L}{W} = z x^\top$$")) == "holds"


def test_a_listed_gradient_defines_its_sign_and_a_laplacian_is_none(tmp_path: Path) -> None:
    listed = r"L = (\frac{\partial L}{\partial w_1}, \dots, \frac{\partial L}{\partial w_n})"
    assert found(checked(tmp_path, rf"$$\nabla {listed}$$")) == [("definition", "holds")]
    report = checked(tmp_path, rf"$$\Delta {listed}$$")
    assert last(report) == "wrong" and report.verdicts[0].corrected == rf"\nabla {listed}"


def test_a_loss_that_divides_by_the_number_of_its_terms_is_seen_by_its_derivatives(tmp_path: Path) -> None:
    text = r"$l_1 = a x^2$, $l_2 = b x$, $J = \frac{1}{2}(l_1 + l_2)$ $$\frac{\partial J}{\partial x} = 2 a x + b$$"
    single = checked(tmp_path, f"For a single sample: {text}")
    assert keys(single) == {"contradiction factor"}
    assert [v.corrected for v in single.verdicts if v.status == "wrong"] == ["J = l_1 + l_2"]
    silent = checked(tmp_path, text)
    assert keys(silent) == {"contradiction factor"} and last(silent) == "holds-if"
    assert keys(checked(tmp_path, text.replace("2 a x + b", r"a x + \frac{1}{2} b"))) == set()


def test_an_equation_that_follows_from_a_vanishing_derivative_is_none_of_the_model(tmp_path: Path) -> None:
    """Else every multiple of the gradient would hold, since it is 0 there."""
    solved = r"$L = (a w - b)^2$ $$\frac{\partial L}{\partial w} = 2 a (a w - b) = 0$$ $$w = \frac{b}{a}$$ "
    assert last(checked(tmp_path, solved + r"$$\frac{\partial L}{\partial w} = 7 a (a w - b)$$")) == "wrong"


def test_a_square_that_is_defined_as_a_square_keeps_the_sign_of_its_root(tmp_path: Path) -> None:
    assert last(checked(tmp_path, r"$e^2 = (a - b)^2$ $$\frac{\partial e^2}{\partial a} = 2 e$$".replace("e", r"\xi"))) == "holds"


def test_a_file_that_is_missing_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(NoteError, match="no such file"):
        sbp.check_note(tmp_path / "none.md")
    with pytest.raises(SpecError, match="model"):
        checked(tmp_path, "$x$", model=3)


@pytest.mark.parametrize(
    ("model", "claim"),
    [
        (r"$r = A x - b$, $f = \lVert r \rVert^2$", r"\nabla_x f = 2 A^\top r"),
        (r"$z^l = W^l a^{l-1} + b^l$, $a^l = \sigma(z^l)$", r"\frac{\partial z^l}{\partial a^{l-1}} = W^l"),
        (
            r"$\mathbf z = \mathbf W \mathbf x$, $L = \frac{1}{2} \lVert \mathbf z \rVert^2$",
            r"\frac{\partial L}{\partial \mathbf x} = \mathbf W^\top \mathbf z",
        ),
        (r"$\vec z = W \vec x$, $L = \frac{1}{2} \lVert \vec z \rVert^2$", r"\frac{\partial L}{\partial \vec x} = W^\top \vec z"),
    ],
)
def test_fonts_transposes_and_products_say_what_is_a_matrix(tmp_path: Path, model: str, claim: str) -> None:
    assert last(checked(tmp_path, f"{model} $${claim}$$")) == "holds"
    assert last(checked(tmp_path, f"{model} $${claim.replace('= ', '= 3 ', 1)}$$")) == "wrong"


def test_a_sum_from_zero_to_n_that_is_divided_by_n_has_n_terms(tmp_path: Path) -> None:
    text = r"$\mu = \frac{1}{N} \sum_{i = 0}^{N} X_i$ $$\frac{\partial \mu}{\partial X_j} = \frac{1}{N}$$"
    report = checked(tmp_path, text)
    assert last(report) == "holds" and "from zero" in {c.key for c in report.judged.conventions}


def test_a_component_that_lacks_its_index_in_its_definition_gets_it(tmp_path: Path) -> None:
    text = r"$u = \frac{x_i}{s}$, $y_i = g_i u$ $$\frac{\partial L}{\partial g_i} = \frac{\partial L}{\partial y_i} u_i$$"
    assert last(checked(tmp_path, text)) == "holds"


def test_a_weight_of_a_layer_is_a_matrix_though_it_is_small(tmp_path: Path) -> None:
    layers = r"$z^l = w^l a^{l-1} + b^l$, $a^l = \sigma(z^l)$, $\delta^l_j = \frac{\partial C}{\partial z^l_j}$ "
    assert last(checked(tmp_path, layers + r"$$\delta^l = ((w^{l+1})^T \delta^{l+1}) \odot \sigma'(z^l)$$")) == "holds"
    assert not last(checked(tmp_path, layers + r"$$\delta^l = (w^{l+1} \delta^{l+1}) \odot \sigma'(z^l)$$")).startswith("holds")


def test_what_holds_for_numbers_among_arrays_says_which(tmp_path: Path) -> None:
    report = checked(tmp_path, r"$x \in \mathbb R^d$, $f = \lVert h x \rVert^2$ $$\nabla_x f = 2 h^2 x$$")
    assert last(report) == "holds-if" and "$h$" in str(report.verdicts[-1].conditions[-1])


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_no_note_breaks_it_however_it_is_spoilt(random) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    at = random.randrange(len(text))
    text = text[at : at + 600]
    for _ in range(random.randrange(1, 8)):
        k = random.randrange(len(text) + 1)
        text = text[:k] + random.choice(SPOILERS) + text[k + random.randrange(4) :]
    with TemporaryDirectory() as folder:
        report = checked(Path(folder), text)
        assert report.exit_status in (0, 1, 3) and report.markdown() and report.html() and report.record() and report.lines()
