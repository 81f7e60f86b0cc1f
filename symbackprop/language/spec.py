"""What a person wrote, read but not yet understood: the tables of a model with its equations as syntax trees.

Whatever is wrong with names, axes, roles or facts is found when the spec is elaborated; here only the form of the tables is
checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from symbackprop.calculus.program import Need, Style
from symbackprop.errors import SpecError, UnknownNameError, nearest
from symbackprop.language.nodes import Node
from symbackprop.language.syntax import parse


@dataclass(frozen=True)
class TensorSpec:
    """A declared tensor: its shape string, role, facts as texts, and how LaTeX writes it."""

    axes: str
    role: str = "input"
    facts: tuple[str, ...] = ()
    latex: str | None = None


@dataclass(frozen=True)
class EquationSpec:
    """name = node; `text` is what the user wrote."""

    name: str
    node: Node
    text: str


@dataclass(frozen=True)
class ModelSpec:
    """A model as its tables say it. `sizes` are example sizes of axes; `latex` how names are written, `style` how pages are.

    `inferred` are the tensors that index arrays if they are used so, whatever their role; `idle` those that no equation has to use.
    `variables`: names are those of a function's variables, which may be called like ops. `upstream` is the input that an array was
    multiplied with to make the objective, where a function returns no scalar. `needs` is what sizes have to be, beside what equations need.
    """

    name: str
    tensors: Mapping[str, TensorSpec]
    equations: tuple[EquationSpec, ...]
    objective: str | None = None
    output: str | None = None
    samples: str | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    latex: Mapping[str, str] = field(default_factory=dict)
    inferred: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()
    variables: bool = False
    upstream: str | None = None
    needs: tuple[Need, ...] = ()
    style: Style = field(default_factory=Style)


LAYERS = ("1", "(1)", "[1]", "_1")
LANGUAGES = ("en", "zh")
LONGEST_LINE = 200
TENSOR_KEYS = ("axes", "role", "fact", "facts", "latex")


def spec_from_tables(
    tensors: Mapping[str, Any],
    equations: Mapping[str, str],
    *,
    name: str = "model",
    objective: str | None = None,
    output: str | None = None,
    samples: str | None = None,
    axes: Mapping[str, int] | None = None,
    latex: Mapping[str, str] | None = None,
    style: Mapping[str, str] | None = None,
    page: Mapping[str, str] | None = None,
) -> ModelSpec:
    """The spec of a model given as the tables of a TOML file. A tensor's entry is a table, or its shape string alone (an input).

    Raises SpecError for a table of the wrong form, UnknownNameError for an unknown key, ParseError for a text.
    """
    return ModelSpec(
        _text(name, "name"),
        {key: _tensor(key, value) for key, value in _table(tensors, "tensors").items()},
        tuple(_equation(key, value) for key, value in _table(equations, "equations").items()),
        _optional(objective, "objective"),
        _optional(output, "output"),
        _optional(samples, "samples"),
        dict(_table(axes or {}, "axes")),
        {key: _text(value, f"latex of {key}") for key, value in _table(latex or {}, "latex").items()},
        style=style_of(_table(style or {}, "style"), _table(page or {}, "page")),
    )


def style_of(style: Mapping[str, Any], page: Mapping[str, Any]) -> Style:
    """How the pages of a model are written."""
    check_keys(style, ("layers",), "style")
    check_keys(page, ("title", "author", "date", "lang"), "page")
    layers, lang = style.get("layers", "1"), page.get("lang", "")
    if layers not in LAYERS:
        raise SpecError(f"layers are not numbered as {layers!r}", place="style", fix='write layers = "(1)", "[1]", "1" or "_1"')
    if lang not in ("", *LANGUAGES):
        raise SpecError(f"there are no pages in the language {lang!r}", place="page", fix='write lang = "en" or "zh"')
    told = {}
    for key in ("title", "author", "date"):
        # TOML has dates of its own: date = 2024-05-01.
        given = page.get(key, "")
        told[key] = str(given) if key == "date" and isinstance(given, date) else _text(given, f"{key} of page")
        if len(told[key]) > LONGEST_LINE or not told[key].isprintable():
            raise SpecError(f"the {key} is one line of at most {LONGEST_LINE} characters", place="page", fix="shorten it, on one line")
    return Style(layers, lang=lang, **told)


def _table(value: Any, place: str, fix: str = "") -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        what = "has a key that is no name" if isinstance(value, Mapping) else f"is {type(value).__name__}, not a table of names"
        raise SpecError(f"it {what}", place=place, fix=fix or f"write a table [{place}]")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise SpecError(f"a text belongs here, not {value!r}", place=place, fix='write it in quotes, as in "n d"')
    return value


def _optional(value: Any, place: str) -> str | None:
    return None if value is None else _text(value, place)


def _tensor(name: str, value: Any) -> TensorSpec:
    place = f"tensor {name}"
    if isinstance(value, str):
        return TensorSpec(value)
    table = _table(value, place, f'{name} = {{ axes = "n d" }}')
    check_keys(table, TENSOR_KEYS, place)
    if "axes" not in table:
        raise SpecError("a tensor needs its axes", place=place, fix='axes = "n d", or axes = "" for a scalar')
    facts: list[str] = []
    for key in ("fact", "facts"):
        given = table.get(key, [])
        facts += [_text(f, f"{key} of {name}") for f in (given if isinstance(given, list | tuple) else [given])]
    return TensorSpec(
        _text(table["axes"], f"axes of {name}"),
        _text(table.get("role", "input"), f"role of {name}"),
        tuple(facts),
        _optional(table.get("latex"), f"latex of {name}"),
    )


def _equation(name: str, value: Any) -> EquationSpec:
    text = _text(value, f"equation {name}")
    return EquationSpec(name, parse(text, f"equation {name}", f"{name} = "), text)


def check_keys(table: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    """Raise UnknownNameError, with the nearest known keys, for a key of `table` that is not one of `known`."""
    for key in table:
        if key not in known:
            close = nearest(key, known) or list(known)
            raise UnknownNameError(f"unknown key '{key}'", place=place, fix=f"did you mean {', '.join(close)}?")
