"""Pages as text: the templates printed by a strict environment of the tests' own."""

from dataclasses import fields
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from symbackprop.notation.document import derivation_html, derivation_markdown, derivation_tex

ROOT = Path(__file__).resolve().parent.parent / "templates"
PAGES = {
    "markdown": (derivation_markdown, "markdown/derivation.md.jinja"),
    "html": (derivation_html, "html/derivation.html.jinja"),
    "latex": (derivation_tex, "latex/derivation.tex.jinja"),
}
ENVIRONMENT = Environment(
    loader=FileSystemLoader(ROOT), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
)


def rendered(derived, kind, form="both", lang="en"):
    make, template = PAGES[kind]
    record = make(derived, form, lang)
    return ENVIRONMENT.get_template(template).render({f.name: getattr(record, f.name) for f in fields(record)})
