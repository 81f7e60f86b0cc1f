"""What `symbackprop verify` does: models, expressions, notes and passes, each with its report in the form asked for."""

import contextlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from symbackprop import api
from symbackprop.commands import notes, pages
from symbackprop.commands.options import Report, are_notes, are_passes, check_ending
from symbackprop.commands.output import deliver
from symbackprop.commands.python import backward, sources
from symbackprop.commands.stages import Stages
from symbackprop.commands.tasks.junit import junit, of_report
from symbackprop.errors import NoGradientsError, SpecError
from symbackprop.verification import verdict

FORMS = {".json": Report.json, ".xml": Report.junit}
"""What the ending of a report on a model or an expression says; any other is text."""


@dataclass(frozen=True)
class Asked:
    """The options of `verify`."""

    what: tuple[str, ...]
    shapes: str | None = None
    facts: str | None = None
    claims: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    model: Path | None = None
    forward: str = ""
    pairs: str = ""
    given: str = ""
    limit: float = 20
    form: Report | None = None
    lang: str = ""
    quiet: bool = False
    output: Path | None = None


def run(asked: Asked, say: Callable[[str], None], complain: Callable[[str], None]) -> int:
    """Verify, say or write the report, and return the exit status."""
    if are_passes(asked.what) and not (asked.claims or asked.also):
        told = backward.Settings(asked.forward, asked.shapes, asked.pairs, asked.given, asked.form, asked.limit, asked.output)
        with contextlib.suppress(NoGradientsError):  # then it is a model
            return backward.verify(asked.what[0], told, say, complain)
    if are_notes(asked.what):
        if asked.claims or asked.also or asked.shapes or asked.facts:
            raise SpecError("these options are not for notes", place="verify", fix="give --model, or a context block in the note")
        return notes.verify(asked.what, notes.Settings(asked.model, asked.form, asked.lang, asked.quiet, asked.output), say, complain)
    if len(asked.what) > 1 or asked.model or asked.lang:
        raise SpecError("one model or expression is verified", place="verify", fix="several files, --model and --lang are for notes")
    form = asked.form or (FORMS.get(asked.output.suffix.lower()) if asked.output is not None else None) or Report.text
    if form not in (Report.text, *FORMS.values()):
        raise SpecError(f"a report on a model is not written as {form.value}", place="--format", fix="text, json or junit")
    check_ending(asked.output, "a report", ".txt", ".md", *FORMS)
    if asked.claims and asked.also:
        raise SpecError("claims are checked by themselves", place="--with", fix="give --claim or --with")
    with Stages(quiet=asked.quiet or not sys.stderr.isatty()).stage("verifying"):
        report = _report(asked)
    text = told_as(report, form, asked.quiet)
    if text:
        name = {Report.json: "verdicts.json", Report.junit: "verdicts.xml"}.get(form, "verdicts.txt")
        deliver(text, asked.output, name)
    return report.exit_status


def _report(asked: Asked) -> verdict.Report:
    what, claims = asked.what[0], list(asked.claims)
    if pages.is_expression(what, asked.shapes, asked.also):
        return pages.expression_report(what, asked.shapes or "", asked.facts or "", claims)
    whole = sources.derivation_of(what, asked.shapes)
    return api.check(whole.model, claims) if claims else api.verify(whole, also=asked.also)


def told_as(report: verdict.Report, form: Report, quiet: bool = False) -> str:
    """A report as text, JSON or JUnit XML; `quiet`: of text only what is wrong or unknown, "" where nothing is."""
    if form is Report.json:
        return json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n"
    if form is Report.junit:
        return junit([of_report(report.as_dict())])
    if quiet:
        report = replace(report, verdicts=tuple(v for v in report.verdicts if not v.is_green))
        return str(report) if report.verdicts else ""
    return str(report)
