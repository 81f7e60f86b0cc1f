"""Meaning is told by keys: each language has words for every key that a derivation, a record or a page may speak by."""

import ast
import re
from typing import get_args

import pytest
from test_house import TREES

from symbackprop import derivative
from symbackprop.calculus.contract import Rule
from symbackprop.calculus.program import ROLES
from symbackprop.commands.options import Language
from symbackprop.derivation.kinks import Kink
from symbackprop.errors import NotationError
from symbackprop.ops import OPS
from symbackprop.typesetting.wording import kink_in
from symbackprop.typesetting.words import LANGUAGES

PLACES = re.compile(r"\{\w+\}")


def given_to(function: str) -> set[str]:
    """The first argument of each call of a function in the package, where it is a text."""
    calls = [n for tree in TREES.values() for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == function]
    return {n.args[0].value for n in calls if isinstance(n.args[0], ast.Constant)}


def lacking(keys: set[str]) -> list[str]:
    """What keys some language has no words for."""
    return [f"{lang}: {key}" for lang, words in LANGUAGES.items() for key in sorted(keys - words.keys())]


def test_languages_have_the_same_keys_and_put_in_the_same_formulas():
    assert not lacking(set().union(*LANGUAGES.values()))
    for key, text in LANGUAGES["en"].items():
        assert text or key == "between sentences", key
        assert all(set(PLACES.findall(words[key])) == set(PLACES.findall(text)) for words in LANGUAGES.values()), key


def test_a_key_without_words_in_a_language_is_told(monkeypatch):
    monkeypatch.delitem(LANGUAGES["zh"], "no matrix axes")
    assert lacking({"no matrix axes", "no matrix long"}) == ["zh: no matrix axes"]


def test_every_reason_against_a_matrix_form_has_words_and_is_given_somewhere():
    given = {f"no matrix {why}" for why in given_to("refusal")}
    assert not lacking(given) and given == {key for key in LANGUAGES["en"] if key.startswith("no matrix ")}


def test_a_refusal_tells_its_reason_by_a_key():
    with pytest.raises(NotationError) as caught:
        derivative("einsum('ijk,k->ij', T, x)", {"T": "a b c", "x": "c"}, wrt="T").latex("matrix")
    assert caught.value.why == "axes" and caught.value.reason == LANGUAGES["en"]["no matrix axes"]


def test_every_convention_of_a_kink_has_words_and_is_one_of_some_function():
    own = {f"convention {key}" for key in given_to("Kink")}
    keys = own | {f"convention {key}" for op in OPS.values() for key in op.kinks}
    assert own and not lacking(keys) and keys == {key for key in LANGUAGES["en"] if key.startswith("convention ")}


@pytest.mark.parametrize("name", [op.name for name, op in OPS.items() if op.kinks and op.name == name])
def test_a_chinese_page_tells_a_kink_in_chinese(name):
    for convention in OPS[name].kinks:
        told = kink_in(Kink(convention, f"{name}(x)"), "zh").removeprefix(f"{name}(x)：")
        assert re.search("[一-鿿]{2}", told) and not re.search("[A-Za-z]{3}", re.sub(r"nan|alpha|maximum\(0, x\)|relu\(x\)", "", told)), (
            told
        )


def test_every_rule_of_a_step_has_words():
    keys = {f"rule {rule}" for rule in (*get_args(Rule), "local derivative", "substitution")}
    assert not lacking(keys) and keys == {key for key in LANGUAGES["en"] if key.startswith("rule ")}


def test_every_role_has_words_and_every_language_can_be_asked_for():
    assert not lacking({f"role {role}" for role in (*ROLES, "intermediate", "adjoint", "helper")})
    assert {language.value for language in Language} == LANGUAGES.keys()
