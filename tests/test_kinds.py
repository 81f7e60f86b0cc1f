"""The table of kinds of derivatives: one that nobody has heard of takes one record and nothing else, and each record says all it must."""

import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import symbackprop as sbp
from symbackprop.commands import cli
from symbackprop.derivation.second import jvp
from symbackprop.errors import SpecError, TargetError
from symbackprop.kinds import curvature, second
from symbackprop.kinds import table as kinds
from symbackprop.kinds.kind import Kind, kinks_of
from symbackprop.modules.extras import arrays_function
from symbackprop.modules.module import Offer
from symbackprop.pages.beyond import Section, Telling
from symbackprop.results import Results
from symbackprop.typesetting import tree
from symbackprop.typesetting.names import marked
from symbackprop.typesetting.words import LANGUAGES
from symbackprop.verification.oracles import Along
from symbackprop.verification.verdict import Verdict

SPEC = "examples/two_layer.toml"


def slope(first):
    """The derivative of the objective along a vector."""
    top = first.program.objective
    made = jvp(first.program, top, first.wrt)
    section = Section(TELLING, made.derived, made.results, made.directions, kinks=kinks_of(first))
    return Results(section, first.derived, "slopes", Along(first.program, {top: top}, made.directions))


TELLING = Telling(
    title={"en": "The slope along a vector", "zh": "沿向量的斜率"},
    lead={"en": "How {objective} changes along a direction:", "zh": "{objective} 沿一个方向的变化："},
    definition=lambda told: [tree.relation(marked(told.objective, "dot"), ("=", tree.ONE))],
)


def functions(writer):
    made = jvp(writer.model_program, writer.program.objective, writer.parameter_names)
    results = list(made.results.values())
    return [arrays_function(writer, made.derived, "slope_along", ["Along v."], results, writer.data, "v", made.directions, alone=True)]


def checks(writer, words):
    return ["v = params", '_same("slope_along", slope_along(params, **data, v=v), np.dot(pack(gradients(params, **data)), pack(v)))']


def verdicts(derived, module, seed):
    return [Verdict("holds", f"the slope by {', '.join(derived.wrt)}", "as a test says")]


SLOPE = Kind(name="slope", derive=slope, offer=Offer(functions=functions, checks=checks, needs=("jvp",)), verdicts=verdicts)


@pytest.fixture
def made_up(monkeypatch):
    """The table with one record more."""
    monkeypatch.setitem(kinds.KINDS, "slope", SLOPE)


def net():
    shapes = {"X": ("n d", "input"), "Y": ("n c", "label"), "W": ("d c", "parameter")}
    tensors = {name: {"axes": axes, "role": role} for name, (axes, role) in shapes.items()}
    return sbp.model(tensors, {"O": "tanh(X @ W)", "J": "mean(sum((O - Y) ** 2, axis=1))"}, output="O", samples="n")


def call(*arguments):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments], prog_name="symbackprop")


@pytest.mark.parametrize("command", ["derive", "generate", "verify"])
def test_help_names_a_new_kind(made_up, command):
    assert re.search(r"with commas: hessian,.*\bslope\.", " ".join(call(command, "--help").stdout.split()))


def test_the_command_line_takes_a_new_kind(made_up):
    assert "## The slope along a vector" in call("derive", SPEC, "--with", "vjp,slope").stdout
    assert "def slope_along(" in call("generate", SPEC, "--with", "slope").stdout
    said = call("verify", SPEC, "--with", "slope")
    assert said.exit_code == 0 and "the slope by W1" in said.stdout and "self_check() of slope" in said.stdout


@pytest.mark.parametrize(("lang", "title"), [("en", "The slope along a vector"), ("zh", "沿向量的斜率")])
def test_a_page_has_the_section_of_a_new_kind(made_up, lang, title):
    text = sbp.derive(net()).document("both", lang, ["slope", "hvp"])
    titles = [b.text for b in text.blocks if type(b).__name__ == "Heading"]
    hvp = second.PRODUCTS.title[lang]
    assert [t for t in titles if t in (title, hvp)] == [hvp, title] and any(title in t and t != title for t in titles)


def test_results_of_a_new_kind_are_verified():
    made = slope(sbp.derive(net()))
    assert {v.status for v in sbp.verify(made).verdicts} == {"holds"} and r"\dot{J} = 1" in made.markdown()


def test_a_module_offers_a_new_kind_and_what_it_needs(made_up):
    module = sbp.generate(sbp.derive(net()), also=["slope"]).load()
    params = module.initialise(0, **{"d": 3, "c": 2})
    X, Y = np.arange(15.0).reshape(5, 3) / 7 - 1, np.ones((5, 2))
    v = module.Parameters(np.array([[1.0, -2], [0.5, 3], [-1, 1]]))
    expected = np.sum(module.gradients(params, X, Y).W * v.W)
    assert np.isclose(module.slope_along(params, X, Y, v), expected) and expected != 0
    assert hasattr(module, "jvp") and module.self_check() is None


def test_self_check_tests_a_new_kind(made_up):
    module = sbp.generate(sbp.derive(net()), also=["slope"]).load()
    right = module.slope_along
    module.slope_along = lambda *given, **named: 1.01 * right(*given, **named)
    with pytest.raises(AssertionError, match="slope_along"):
        module.self_check()


def test_a_word_that_no_kind_has_is_refused_with_those_there_are(made_up):
    derivation = sbp.derive(net())
    with pytest.raises(SpecError, match="'slop' is nothing that a page can have") as page:
        derivation.document(also=["slop"])
    with pytest.raises(TargetError, match="'xyz' is nothing that a module can have") as module:
        sbp.generate(derivation, also=["xyz"])
    assert "one of slope" in str(page.value) and f"one of {', '.join(kinds.in_modules())}" in str(module.value)
    assert "slope" in kinds.in_modules()


def test_what_a_record_leaves_out_is_not_offered(monkeypatch):
    monkeypatch.setitem(kinds.KINDS, "slope", replace(SLOPE, offer=None))
    with pytest.raises(TargetError, match="'slope' is nothing that a module can have"):
        sbp.generate(sbp.derive(net()), also=["slope"])
    monkeypatch.setitem(kinds.KINDS, "slope", replace(SLOPE, derive=None))
    with pytest.raises(SpecError, match="'slope' is nothing that a page can have"):
        sbp.derive(net()).document(also=["slope"])


def test_an_offer_without_checks_is_none():
    with pytest.raises(TypeError, match="checks"):
        Offer(functions=functions)


def test_a_tensor_that_is_called_as_a_function_of_a_new_kind_is_refused(made_up):
    named = sbp.model({"slope_along": {"axes": "n", "role": "parameter"}}, {"O": "exp(slope_along)", "J": "sum(O ** 2)"}, output="O")
    sbp.generate(sbp.derive(named), also=["jvp"]).load().self_check()
    with pytest.raises(TargetError, match="'slope_along' is what a function of the module is called"):
        sbp.generate(sbp.derive(named), also=["slope"])


# --- every record ----------------------------------------------------------------------------------------------------------


def lacking(words):
    """Whether some language has no words, or puts in other formulas than the others."""
    return words.keys() != LANGUAGES.keys() or len({frozenset(re.findall(r"\{\w+\}", text)) for text in words.values()}) > 1


@pytest.mark.parametrize("name", kinds.on_pages())
def test_a_kind_has_words_in_every_language(name):
    tellings = [section.telling for section in kinds.sections(sbp.derive(sbp.load(SPEC)), [name])]
    assert tellings and not any(lacking(words) for telling in tellings for words in (telling.title, telling.lead))


def test_notes_have_words_in_every_language():
    notes = (curvature.LIKELIHOOD, curvature.LABELS, curvature.SAME, curvature.DIRECT, curvature.CROSSED)
    assert not any(map(lacking, notes)) and lacking({"en": "{at}"}) and lacking({"en": "{at}", "zh": ""})


@pytest.mark.parametrize("name", kinds.KINDS)
def test_a_kind_is_known_by_its_name_and_offered_somewhere(name):
    kind = kinds.KINDS[name]
    assert kind.name == name and (kind.derive or kind.offer)
    assert kind.offer is None or set(kind.offer.needs) <= set(kinds.in_modules())
