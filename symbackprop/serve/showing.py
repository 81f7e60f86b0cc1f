"""One derivative as a record of strings for the page: its forms with their parts, how to read them, steps, code, and what is copied."""

from typing import Any

from symbackprop.emit import render
from symbackprop.pages.network import network
from symbackprop.pages.page import DIALECTS, Item, item
from symbackprop.pages.pieces.single import stated, teller_of, walked
from symbackprop.pages.together import together
from symbackprop.pages.written import Written
from symbackprop.result import Result
from symbackprop.typesetting.blocks import Block, Formulas
from symbackprop.typesetting.lines import broken
from symbackprop.typesetting.tree import Node
from symbackprop.typesetting.wording import kink_in

HTML, MARKDOWN, TEX = (DIALECTS[kind] for kind in ("html", "markdown", "latex"))
FORMS = ("matrix", "index")


def shown(result: Result) -> dict[str, Any]:
    """All that the page says of a derivative."""
    sheets = together(result.derived.program, [result.name], FORMS, result.known)
    written = {form: sheet.written(result.name) for form, sheet in sheets.items()}
    best = written["matrix"]
    forms = [form for form in FORMS if form == "index" or best.whole.value is not None]
    made = [_form(written[form]) for form in forms]
    reading = [HTML.line(line) for line in best.reading("en")]
    facts = [HTML.line(teller_of(result.single).fact(f)) for f in result.facts]
    kinks = [kink_in(k, "en") for k in result.conventions]
    record = {
        "title": HTML.math(best.writer.names(result.name)),
        "shape": " × ".join(map(str, result.axes)) or "a number",
        "best": made[0],
        "index": made[1] if len(made) > 1 else None,
        "reading": reading,
        "facts": facts,
        "kinks": kinks,
        "steps": [item(b, HTML) for b in steps(result)],
        "numpy": str(result.numpy).strip(),
    }
    words = {"reading": [MARKDOWN.line(line) for line in best.reading("en")], "numpy": record["numpy"], "kinks": kinks}
    pages = [_markdown(written[form]) for form in forms]
    return record | {"markdown": render("serve", "answer.md.jinja", {"forms": pages, **words})}


def _equations(written: Written) -> tuple[list[Node], Node]:
    """The equations of the parts, and that of the whole."""
    return [written.equation(p) for p in written.parts], written.equation(written.whole)


def _form(written: Written) -> dict[str, Any]:
    """One form: the whole, its parts, and both in LaTeX."""
    parts, whole = _equations(written)
    return {
        "whole": item(Formulas(broken(whole)), HTML).text,
        "parts": [item(Formulas(broken(p)), HTML).text for p in parts],
        "latex": f"\\[\n{TEX.display((whole, *parts))}\n\\]",
    }


def _markdown(written: Written) -> list[str]:
    parts, whole = _equations(written)
    return [MARKDOWN.display(broken(node)) for node in (*parts, whole)]


def steps(result: Result) -> list[Block]:
    """The equations, and the derivation: each quantity folded over its lines."""
    teller = teller_of(result.single)
    return [*stated(teller), *walked(teller, result.single)]


def graph_of(result: Result) -> Item:
    """The picture of the expression or the model."""
    teller = teller_of(result.single)
    return item(network(teller.derived.program, teller.writer, teller.forward), HTML)
