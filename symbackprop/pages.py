"""Pages of the command line that are no model's derivation: one expression's derivative, the blocks of a Hessian."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from symbackprop.api import derivative, derive
from symbackprop.contract import contract
from symbackprop.errors import NotationError, ParseError, SpecError
from symbackprop.normal import inlined
from symbackprop.notation.index_form import equation_latex
from symbackprop.notation.matrix_form import matrix_equation_latex
from symbackprop.program import Equation, Fact, Program

WRITERS = {"index": equation_latex, "matrix": matrix_equation_latex}
"""How a whole equation is written in each form."""

LONGEST_NAME = 1024
"""No file name is longer, and an expression may be."""


def is_file_name(text: str) -> bool:
    """Whether an argument of `derive` names a file; what ends in .toml does, so that a misspelt name is not taken for an expression."""
    return text.endswith(".toml") or (len(text) < LONGEST_NAME and "\0" not in text and Path(text).is_file())


def pairs(text: str, option: str) -> dict[str, str]:
    """ "A: m n; x: n" as {"A": "m n", "x": "n"}. Raises ParseError with a caret under what is not NAME: WORDS."""
    found: dict[str, str] = {}
    for start, part in parts(text):
        name, colon, words = (piece.strip() for piece in part.partition(":"))
        if not colon or not name.isidentifier() or name in found:
            why = f"'{name}' stands there twice" if name in found else f"'{part.strip()}' is not NAME: {option.upper()}"
            raise ParseError(
                why, place=f"--{option}", source=text, spans=[(start, start + len(part))], fix='write as in "A: m n; x: n; b: m"'
            )
        found[name] = words
    return found


def parts(text: str) -> Iterator[tuple[int, str]]:
    """The parts between semicolons that are not blank, each with its column."""
    start = 0
    for part in text.split(";"):
        if part.strip():
            yield start + len(part) - len(part.lstrip()), part.strip()
        start += len(part) + 1


def expression_page(text: str, shapes: str, facts: str, wrt: list[str], order: int, form: str, kind: str) -> str:
    """The derivative of one expression as Markdown: what is derived, the formula, NumPy, the facts used."""
    axes = pairs(shapes, "shapes")
    if not axes:
        raise SpecError(
            "an expression needs the shapes of its tensors (or the file does not exist)",
            place="derive",
            source=text,
            fix='add --shapes "A: m n; x: n", or name a TOML file',
        )
    if kind != "markdown":
        raise SpecError("one expression is written as Markdown", place="--format", fix="put it in a TOML file for a page")
    names = wrt or list(axes)
    given = pairs(facts, "facts")
    made = []
    groups = [names] if order > 1 and len(names) == order else [[name] for name in names]
    for group in groups:
        result = derivative(text, axes, wrt=group[0] if len(group) == 1 else tuple(group), order=order, facts=given)
        made.append(result_page(f"derivative of `{text}` with respect to {', '.join(group)}", result, form))
    return "\n".join(made)


def hessian_page(model: Any, names: list[str], form: str, kind: str) -> str:
    """The blocks of the Hessian with respect to `names`, each pair once, as Markdown."""
    if kind != "markdown":
        raise SpecError("second derivatives are written as Markdown", place="--format", fix="leave --format out")
    names = names or [t.name for t in model.program.parameters]
    derivation = derive(model, wrt=names)
    blocks = [(a, b) for k, a in enumerate(names) for b in names[k:]]
    made = [
        result_page(f"second derivative with respect to {a} and {b}", derivation.hessian(a, b), form, set(model.program.tensors))
        for a, b in blocks
    ]
    return "\n".join(made)


def result_page(title: str, result: Any, form: str, known: Collection[str] = ()) -> str:
    """A Result as Markdown: its formula in the forms asked for with the parts it speaks of, its NumPy, the facts it used.

    A part is put in place where the result stays a formula; one inside a root or a function keeps its name, and its equation.
    Parts that are `known` to the reader are neither put in place nor defined.
    A matrix form that can't be had is left out where both forms are asked for, and an error where it alone is.
    Raises: NotationError.
    """
    lines = [title[:1].upper() + title[1:], ""]
    for one in ("index", "matrix") if form == "both" else (form,):
        try:
            written = [WRITERS[one](e, result.derived.program) for e in put_in_place(result, known)]
        except NotationError:
            if (form, one) != ("both", "matrix"):
                raise
            continue
        lines += [f"{one} form:", ""]
        for text in written:
            lines += ["$$", text, "$$", ""]
    lines += ["NumPy:", "", "```python", str(result.numpy).rstrip(), "```", ""]
    if result.facts:
        lines += ["Facts used: " + "; ".join(fact_text(fact, result.derived.program) for fact in result.facts), ""]
    if result.kinks:
        lines += ["At kinks:", "", *[f"- {kink}" for kink in result.kinks], ""]
    return "\n".join(lines)


def put_in_place(result: Any, known: Collection[str] = ()) -> list[Equation]:
    """The equation of a Result with its parts put in place, after those of the parts that keep a name, in order."""
    parts = {e.name: e for e in result.program.equations if e.name not in known}
    made: list[Equation] = []
    wanted = {result.name}
    for e in reversed(result.program.equations):
        if e.name in wanted and e.name in parts:
            short = e if e.rhs is None else replace(e, rhs=contract(inlined(e.rhs, parts)))
            wanted |= short.uses()
            made.append(short)
    return made[::-1]


def fact_text(fact: Fact, program: Program) -> str:
    """A fact as a user declares it, with the tensor's name: "Y: simplex over c"."""
    over = "" if fact.axis is None else f" over {program.tensors[fact.tensor].axes[fact.axis]}"
    return f"{fact.tensor}: {fact.kind}{over}"
