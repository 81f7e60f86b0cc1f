"""The verdict on one claim: readings in order, the first that numbers confirm, and wrong only where all that fit are refuted."""

import time
from collections.abc import Mapping
from typing import Any

from symbackprop.errors import FormulaError
from symbackprop.formulas import words
from symbackprop.formulas.alternatives import kinked, readings
from symbackprop.formulas.notation.context import Context, read
from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.notation.labels import labelled
from symbackprop.formulas.notation.links import Link, links
from symbackprop.formulas.notation.readings import Reading
from symbackprop.formulas.notation.trees import has_derivative
from symbackprop.formulas.openings import defining, is_assumption, is_open, opened
from symbackprop.formulas.outcome import Outcome
from symbackprop.formulas.said import Said
from symbackprop.formulas.trial import is_zero, tried
from symbackprop.formulas.updates import is_loss
from symbackprop.formulas.verdict import ClaimVerdict
from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.statements import parse

SECONDS = 8.0


def check_claim(claim: str, context: Mapping[str, Any] | None = None) -> ClaimVerdict:
    """Judge one claim."""
    try:
        known = read(context)
        formula = parse(claim, known.macros, known.words)
    except FormulaError as error:
        span = error.spans[0] if error.spans else None
        return ClaimVerdict(claim, "unknown", words.say("not read", reason=error.reason), position=span)
    return judged(claim, formula, known)


def judged(claim: str, formula: n.Formula, context: Context) -> ClaimVerdict:
    """The verdict on a formula that is read."""
    context, statements = labelled(context, formula.statements)
    try:
        all_links = links(statements, context)
    except UnreadError as error:
        return ClaimVerdict(
            claim, "unknown", words.say("not understood", reason=error.reason), position=error.node.span if error.node else None
        )
    sides = [s.body for s in statements]
    start = time.monotonic()
    conditions: list[Said] = []
    kind = "claim"
    for at, link in enumerate(all_links):
        if at and link.kind == "claim" and is_open(link, context, sides) and all_links[0] is not link:
            context = opened(link, context)[1]
    for at, link in enumerate(all_links):
        if is_assumption(link):
            continue
        if is_zero(link.right) and link.kind == "claim" and any(has_derivative(x.left) or has_derivative(x.right) for x in all_links):
            found = judged_link(link, context, sides, start)
            if found[0] != "holds":
                conditions.append(words.say("stationary"))
                continue
        if link.kind == "claim" and is_open(link, context, sides):
            kind, context, instead = opened(link, context)
            if instead is None and at + 1 < len(all_links):
                continue
            if instead is None:
                return defining(claim, link, context, sides)
            link = instead
        found = judged_link(link, context, sides, start)
        if found[0] in ("wrong", "unknown"):
            return ClaimVerdict(claim, found[0], found[1], position=found[3])
        conditions += found[2]
        if kinked(link, context):
            conditions.append(words.say("kink"))
    conditions += [
        words.say("mended", what=r.what) for r in formula.repairs if "partial below" in r.what or r.what.startswith(r"a \partial")
    ]
    status = "holds-if" if conditions else "holds"
    return ClaimVerdict(claim, status, words.say("equal"), conditions=tuple(dict.fromkeys(conditions)), kind=kind)


def judged_link(link: Link, context: Context, sides: list[n.Node], start: float) -> tuple[str, Said, list[Said], tuple[int, int] | None]:
    """Status, reason, conditions and place for one link."""
    first: Outcome | None = None
    inert: set[Reading] = set()
    for reading, conditions in readings(context, link, inert):
        made = tried(link, context, reading, sides)
        if first is not None and first.kind == "differs" and (made.kind, made.left, made.right) == (first.kind, first.left, first.right):
            inert.add(reading)
        if made.kind == "equal" and (reading.identity or reading.special or reading.symmetric or reading.einstein) and not made.trivial:
            return "unknown", words.say("special", what=conditions[-1]), [], None
        if first is None:
            first = made
        if made.kind == "equal":
            if made.names is not None and made.names.reversed:
                conditions = [*conditions, words.say("reversed")]
            return "holds", words.say("equal"), conditions, None
        if made.kind == "factor" and context.conventions.reduction is None:
            return "holds", words.say("equal"), [*conditions, words.say("absorbed", factor=f"{-(made.ratio or 0):.4g}")], None
        if made.kind == "uphill" and made.names is not None and not is_loss(link, made.names):
            return "holds", words.say("equal"), [*conditions, words.say("ascent")], None
        if time.monotonic() - start > SECONDS:
            return "unknown", words.say("time"), [], None
    assert first is not None
    if first.kind == "unread":
        return "unknown", words.say("not understood", reason=first.text), [], first.node.span if first.node else None
    return (
        "wrong",
        words.say("refuted", text=f"{first.kind} {first.text} {first.where} {first.at} {first.left:.5g} {first.right:.5g}"),
        [],
        None,
    )
