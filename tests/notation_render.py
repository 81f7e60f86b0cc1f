"""Pages as text: the records of notation printed by the templates."""

from symbackprop.emit import render
from symbackprop.notation.document import derivation_html, derivation_markdown, derivation_tex

PAGES = {
    "markdown": (derivation_markdown, "derivation.md.jinja"),
    "html": (derivation_html, "derivation.html.jinja"),
    "latex": (derivation_tex, "derivation.tex.jinja"),
}


def rendered(derived, kind, form="both", lang="en"):
    make, template = PAGES[kind]
    return render(kind, template, {"page": make(derived, form, lang)})
