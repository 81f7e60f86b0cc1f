"""Pages as text: documents of notation printed by the templates."""

from symbackprop.emit import document_text
from symbackprop.pages.document import compose


def rendered(derived, kind, form="both", lang="en"):
    return document_text(compose(derived, form, lang), kind)
