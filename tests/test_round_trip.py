"""Round trip: what the tool writes as LaTeX is put to its own reader of claims, which derives the left side itself and finds it true."""

from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from matrix_language import derived
from round_trip import SAID, lower_in, lower_is, tree_of

import symbackprop as sbp
from symbackprop.errors import NotationError
from symbackprop.pages.closed import closed_index, closed_matrix
from symbackprop.typesetting.index_form import Writer
from symbackprop.typesetting.latex import latex
from tests.identities import CASES

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
FORMS = ("index", "best")


def stated(result):
    """The function that was derived, as one formula of leaves, else as its equations; and what is declared for it."""
    program, top = result.derived.program, result.tensor.derivative[0]
    writer = Writer.of(program)
    for write, left in ((closed_matrix, writer.names(top)), (closed_index, writer.entry(top, program[top].indices))):
        with suppress(NotationError):
            return writer, [f"{latex(left)} = {latex(write(program, top, frozenset()))}"], [*program.leaves, program[top].tensor]
    own = [e for e in program.equations if not e.tensor.is_derived and e.tensor.role != "helper"]
    return writer, [latex(writer.equation(e)) for e in own], [*program.leaves, *(e.tensor for e in own)]


def claim_of(result, form):
    """The equation of a derivative, and what a page says beside it: the function, named parts, shapes, conventions."""
    written, (writer, forward, tensors) = result.written(form), stated(result)
    parts = [p for p in written.parts if not p.equation.tensor.derivative]
    named = [*((writer, t) for t in tensors), *((written.writer, p.equation.tensor) for p in parts)]
    shapes = {latex(w.names(t.name)): [latex(w.expression(a)) for a in t.axes] for w, t in named}
    forward += [latex(written.equation(p)) for p in written.parts]
    claim = latex(written.equation(written.whole))
    for text in (claim, *forward):
        for sign, size in lower_in(tree_of(text), list(shapes)).items():
            shapes[sign] = [size, size]
            forward.append(lower_is(sign))
    return claim, {"shapes": shapes, "forward": forward, "conventions": SAID}


def judged(name, form, damage=lambda text: text):
    claim, context = claim_of(derived(CASES[name]), form)
    left, sign, right = claim.partition(" = ")
    return sbp.check_claim(left + sign + damage(right), context)


SPOKEN = {
    "fc-123-quartic-trace": "takes longer than a claim may",
    "fw-embedding": "an array of indices",
}
"""What the context of a claim cannot say."""
FAST = [n for n in list(CASES)[::40] if n not in SPOKEN]


def is_true(verdict):
    """Whether a verdict is that a formula holds, but for kinks."""
    return verdict.status == "holds" or (verdict.status == "holds-if" and [c.key for c in verdict.conditions] == ["kink"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FAST)
def test_a_derivative_that_is_written_is_found_true(name, form):
    verdict = judged(name, form)
    assert is_true(verdict), (claim_of(derived(CASES[name]), form), str(verdict.because))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_no_derivative_that_is_written_is_found_wrong(form):
    """A few are too large for the time that a claim has, or stand at points where a matrix is singular."""
    found = {name: judged(name, form) for name in CASES}
    counts = Counter("true" if is_true(v) else v.status for v in found.values())
    assert not [name for name, v in found.items() if v.status == "wrong"] and counts["true"] > 0.9 * len(CASES), counts


DAMAGE = {
    "sign": lambda text: text.replace(" - ", " + ", 1),
    "transpose": lambda text: text.replace(r"^{\top}", "", 1),
    "factor": lambda text: text.removeprefix("2 "),
    "order of indices": lambda text: text.replace("_{ji}", "_{ij}", 1),
}


@pytest.mark.parametrize(("kind", "form"), [("sign", "best"), ("transpose", "best"), ("factor", "index"), ("order of indices", "index")])
def test_control_damage_to_what_is_written_is_found_wrong(kind, form):
    result = sbp.derivative("sum((A @ x - b)**2) + trace(B @ A)", {"A": "m n", "x": "n", "b": "m", "B": "n m"}, "A")
    claim, context = claim_of(result, form)
    left, sign, right = claim.partition(" = ")
    spoilt = DAMAGE[kind](right)
    assert spoilt != right and sbp.check_claim(claim, context).status == "holds"
    assert sbp.check_claim(left + sign + spoilt, context).status == "wrong", spoilt


SMALL = (
    {"X": {"axes": "n d", "role": "input"}, "y": {"axes": "n", "role": "label"}, "w": {"axes": "d", "role": "parameter"}},
    {"p": "sigmoid(X @ w)", "J": "sum((p - y)**2) / n"},
)


def report(model, lang, folder, damage=lambda text: text):
    """The report on the page of a model, read as a note."""
    page = folder / "page.md"
    page.write_text(damage(sbp.derive(model).markdown(lang=lang)), encoding="utf-8")
    return sbp.check_note(page, model)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_claim_of_a_page_is_found_true(lang, tmp_path):
    """But for theta, which stands for all parameters at once."""
    verdicts = [v for v in report(sbp.model(*SMALL), lang, tmp_path).verdicts if r"\theta" not in v.claim]
    assert {v.status for v in verdicts} == {"holds"} and len(verdicts) > 20


def test_control_a_slip_on_a_page_is_found(tmp_path):
    written, spoilt = r"\frac{2}{n} (p - y)", r"\frac{2}{n} (p + y)"
    found = report(sbp.model(*SMALL), "en", tmp_path, lambda text: text.replace(written, spoilt))
    wrong = [v for v in found.verdicts if v.status == "wrong"]
    assert wrong and all("(p + y)" in v.claim for v in wrong) and len(wrong) == found.note.text.count("= " + spoilt)


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", sorted(p.stem for p in EXAMPLES.glob("*.toml")))
def test_nothing_on_the_page_of_an_example_is_found_wrong(name, lang, tmp_path):
    statuses = Counter(v.status for v in report(sbp.load(EXAMPLES / f"{name}.toml"), lang, tmp_path).verdicts)
    assert not statuses["wrong"] and statuses["holds"] > 0.8 * statuses.total(), statuses
