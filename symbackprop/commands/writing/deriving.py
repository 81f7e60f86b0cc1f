"""What `derive` was asked for, and what it writes: an answer in the terminal, a page in one format or all, a PDF, a fragment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from symbackprop.api import Derivation
from symbackprop.commands import pages
from symbackprop.commands.options import ENDINGS, KINDS, PAGES, Format, check_ending, is_folder
from symbackprop.commands.output import deliver
from symbackprop.commands.python import sources
from symbackprop.commands.writing.pdf import pdf
from symbackprop.emit import document_text, fragment_text
from symbackprop.errors import SpecError
from symbackprop.pages.pieces.single import compose_singles
from symbackprop.typesetting.blocks import Document


@dataclass(frozen=True)
class Asked:
    """The options of `derive`."""

    shapes: str | None
    facts: str | None
    wrt: Sequence[str]
    order: int
    also: Sequence[str]
    form: str
    lang: str
    format: Format | None
    output: Path | None
    fragment: bool = False
    short: bool = False
    steps_of: Sequence[str] = ()


def write(model: str, asked: Asked) -> None:
    """Derive what was asked for, and write it to stdout or where -o says."""
    if asked.fragment or asked.format is None:
        check_ending(asked.output, "a fragment" if asked.fragment else "a page", *((".tex",) if asked.fragment else PAGES))
    if asked.format is Format.pdf and (asked.output is None):
        raise SpecError("a PDF is written to a file", place="--format", fix="name it: -o page.pdf")
    for text, name in list(written(model, asked)):
        deliver(text, asked.output, name)


def written(model: str, asked: Asked) -> Iterator[tuple[str | bytes, str]]:
    """What is written, with the name of each file if -o names a folder."""
    alone = [word for word, given in (("--fragment", asked.fragment), ("--short", asked.short), ("--steps-of", asked.steps_of)) if given]
    if len(alone) > 1 or (alone and (asked.also or asked.order > 1)):
        raise SpecError("these are pages of their own", place=" ".join(alone), fix=f"give {alone[0]} alone")
    if pages.is_expression(model, asked.shapes, asked.also):
        if asked.short or asked.steps_of:
            raise SpecError(
                "an expression's page is short, and tells all steps", place=alone[0], fix="leave it out, and name a file with -o"
            )
        given = (model, asked.shapes or "", asked.facts or "", list(asked.wrt), asked.order)
        if asked.output is None and asked.format is None and not asked.fragment:
            yield pages.expression_page(*given, asked.form, asked.lang or "en"), ""
            return
        made = pages.results(*given)
        if asked.fragment:
            later = ["", *["-".join(r.tensor.derivative[1:]) for r in made[1:]]]
            texts = [fragment_text(r.fragment(asked.form, asked.lang, after)) for r, after in zip(made, later, strict=True)]
            yield "\n".join(texts), "derivation.tex"
        else:
            yield from pages_of(compose_singles([r.single for r in made], asked.form, asked.lang or "en"), asked)
        return
    if asked.order > 2:
        fix = "--order 2 gives the Hessian; an expression has order 3"
        raise SpecError("a model is derived to order 2", place="--order", fix=fix)
    derivation = sources.derivation_of(model, asked.shapes, asked.wrt)
    if asked.fragment:
        yield fragment_text(derivation.fragment(asked.form, asked.lang)), "derivation.tex"
    else:
        yield from pages_of(document(derivation, asked), asked)


def document(derivation: Derivation, asked: Asked) -> Document:
    """The page of a model."""
    if asked.steps_of:
        lang = derivation.program.style.language(asked.lang)
        return compose_singles([derivation.gradient(name).single for name in asked.steps_of], asked.form, lang)
    also = [*(["hessian"] if asked.order == 2 else []), *asked.also]
    return derivation.document(asked.form, asked.lang, also, asked.short)


def pages_of(page: Document, asked: Asked) -> Iterator[tuple[str | bytes, str]]:
    """A page in the format asked for; in all that are text, where -o names a folder and no format is."""
    output = asked.output
    named = PAGES.get(output.suffix.lower()) if output else None
    every = output is not None and is_folder(output) and asked.format is None
    for kind in (k for k in Format if k is not Format.pdf) if every else (asked.format or named or Format.markdown,):
        text = document_text(page, KINDS[kind])
        yield pdf(text) if kind is Format.pdf else text, f"derivation{ENDINGS[kind]}"
