"""Words of a language with formulas put in, and what is told by a key: why there is no matrix form, what a kink is."""

from collections.abc import Mapping

from symbackprop.derivation.kinks import Kink
from symbackprop.errors import NotationError
from symbackprop.typesetting.blocks import Line
from symbackprop.typesetting.words import LANGUAGES


def filled(text: str, **parts: object) -> Line:
    """The words with formulas put in for {name}."""
    found: list = []
    while "{" in text:
        before, _, rest = text.partition("{")
        name, _, text = rest.partition("}")
        value = parts[name]
        found += [before, *(value if isinstance(value, tuple) else (value,))]
    return tuple(p for p in (*found, text) if p != "")


def refusal(why: str, source: object = "", place: str = "", fix: str = "") -> NotationError:
    """That something has no matrix form, for a reason that documents say in their language: the key "no matrix <why>"."""
    error = NotationError(LANGUAGES["en"][f"no matrix {why}"], source=str(source), place=place, fix=fix)
    error.why = why
    return error


def kink_in(kink: Kink, lang: str) -> str:
    """A sentence on a kink in a language."""
    say = words(lang)
    return say["kink where" if kink.is_place else "kink of"].format(at=kink.at, told=say[f"convention {kink.convention}"])


def words(lang: str) -> Mapping[str, str]:
    """The wording of a language. Raises NotationError for one that is not there."""
    if lang not in LANGUAGES:
        raise NotationError(f"no wording in '{lang}'", fix=f"one of {', '.join(LANGUAGES)}")
    return LANGUAGES[lang]
