"""One expression on the command line: its derivatives, answered in the terminal, and verdicts on claims about it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from symbackprop.api import verify
from symbackprop.calculus.program import Fact, Program
from symbackprop.commands.options import are_passes
from symbackprop.errors import NotationError, ParseError, SpecError
from symbackprop.expressions import check_expression, derivative
from symbackprop.pages.closed import put_in_place
from symbackprop.pages.parts import lettered
from symbackprop.result import Result
from symbackprop.typesetting.index_form import equation_latex
from symbackprop.typesetting.wording import kink_in, words
from symbackprop.verification.verdict import Report

LONGEST_NAME = 1024
"""No file name is longer, and an expression may be."""


EXAMPLE = {"shapes": "A: m n; x: n; b: m", "facts": "A: symmetric; y: simplex over c"}
EXAMPLE |= {"pairs": "dx: x; dW: W", "given": "conf: {'pad': 1}"}
"""How the options of an expression, and of passes, are written."""


def is_file_name(text: str) -> bool:
    """Whether an argument of `derive` names a file; what ends in .toml or .onnx does: a misspelt name is not taken for an expression."""
    return text.endswith((".toml", ".onnx")) or (len(text) < LONGEST_NAME and "\0" not in text and Path(text).is_file())


def is_expression(model: str, shapes: str | None, also: Sequence[str] | None) -> bool:
    """Whether an argument is one expression, not a model's file. Raises SpecError where more is asked for than an expression has."""
    if (shapes is None and is_file_name(model)) or are_passes([model]):
        return False
    if also:
        raise SpecError("only a model has these", place="--with", fix="put the expression in a TOML file, as its last equation")
    return True


def pairs(text: str, option: str, dotted: bool = False) -> dict[str, str]:
    """ "A: m n; x: n" as {"A": "m n", "x": "n"}; `dotted`: a name may be that of a part, params.W.

    Raises ParseError with a caret under what is not NAME: WORDS.
    """
    found: dict[str, str] = {}
    for start, part in parts(text):
        name, colon, words = (piece.strip() for piece in part.partition(":"))
        good = all(part.isidentifier() for part in (name.split(".") if dotted else [name]))
        if not colon or not good or name in found:
            why = f"'{name}' stands there twice" if name in found else f"'{part.strip()}' is not NAME: {option.upper()}"
            raise ParseError(
                why, place=f"--{option}", source=text, spans=[(start, start + len(part))], fix=f'write as in "{EXAMPLE[option]}"'
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


def results(text: str, shapes: str, facts: str, wrt: list[str], order: int) -> list[Result]:
    """The derivatives of one expression that are asked for: by each of `wrt`, or of a higher order by all of them together."""
    axes = _axes(text, shapes)
    names = wrt or list(axes)
    given = pairs(facts, "facts")
    groups = [names] if order > 1 and len(names) == order else [[name] for name in names]
    return [derivative(text, axes, wrt=group[0] if len(group) == 1 else tuple(group), order=order, facts=given) for group in groups]


def expression_page(text: str, shapes: str, facts: str, wrt: list[str], order: int, form: str, lang: str = "en") -> str:
    """Derivatives of one expression for the terminal, as Markdown: what is derived, the formula, NumPy, the facts used."""
    say, shown = words(lang), []
    for result in results(text, shapes, facts, wrt, order):
        names = say["comma"].join(dict.fromkeys(result.tensor.derivative[1:]))
        shown.append(result_page(say["page derivative"].format(expression=f"`{text}`", names=names), result, form, lang))
    return "\n".join(shown)


def expression_report(text: str, shapes: str, facts: str, claims: list[str]) -> Report:
    """The verdicts on claims about one expression; without any, on its derivative by each of its tensors."""
    axes, given = _axes(text, shapes), pairs(facts, "facts")
    if claims:
        return check_expression(text, axes, claims, given)
    reports = [verify(derivative(text, axes, wrt=name, facts=given)) for name in axes]
    return Report(tuple(v for r in reports for v in r.verdicts), f"derivatives of {text}")


def _axes(text: str, shapes: str) -> dict[str, str]:
    """The axes of each tensor of an expression; SpecError where there are none."""
    axes = pairs(shapes, "shapes")
    if not axes:
        raise SpecError(
            "an expression needs the shapes of its tensors (or the file does not exist)",
            place="the expression",
            source=text,
            fix='add --shapes "A: m n; x: n", or name a TOML file',
        )
    return axes


def result_page(title: str, result: Any, form: str, lang: str = "en") -> str:
    """A Result as Markdown: its formula in the forms asked for with the parts it speaks of, how to read it, its NumPy, the facts it used.

    In index form a part is put in place where the result stays a formula; one inside a root or a function keeps its name, and its
    equation. What the reader has anyway (`result.known`) is neither put in place nor defined. A matrix form that can't be had is left
    out where both forms are asked for, with the reason, and an error where it alone is.
    Raises: NotationError.
    """
    say = words(lang)
    lines = [title, ""]
    for one in ("index", "matrix") if form == "both" else (form,):
        try:
            written = _index_form(result) if one == "index" else [*result.latex_parts("matrix"), result.latex_equation("matrix")]
        except NotationError:
            if (form, one) != ("both", "matrix"):
                raise
            lines += [*result.reading("best", lang), ""]
            continue
        lines += [f"{say[f'{one} form']}{say['colon'].rstrip()}", ""]
        for text in written:
            lines += ["$$", text, "$$", ""]
        if one == "matrix" and (told := result.reading("matrix", lang)):
            lines += [say["between sentences"].join(told), ""]
    lines += [f"{say['numpy']}{say['colon'].rstrip()}", "", "```python", str(result.numpy).rstrip(), "```", ""]
    if result.facts:
        told = "; ".join(fact_text(fact, result.derived.program) for fact in result.facts)
        lines += [say["page facts"].format(facts=told), ""]
    if result.conventions:
        lines += [say["page kinks"], "", *[f"- {kink_in(kink, lang)}" for kink in result.conventions], ""]
    return "\n".join(lines)


def _index_form(result: Any) -> list[str]:
    equations = put_in_place(result.program, result.name, result.known)
    program = lettered(result.program, equations, result.derived.program)
    return [equation_latex(e, program) for e in equations]


def fact_text(fact: Fact, program: Program) -> str:
    """A fact as a user declares it, with the tensor's name: "Y: simplex over c"."""
    over = "" if fact.axis is None else f" over {program.tensors[fact.tensor].axes[fact.axis]}"
    return f"{fact.tensor}: {fact.kind}{over}"
