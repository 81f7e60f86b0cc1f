"""The verdict on one claim: readings in order, the first that numbers confirm, and wrong only where all that fit are refuted."""

import itertools
import time
from dataclasses import replace
from collections.abc import Container, Iterator, Mapping
from typing import Any

from symbackprop.errors import FormulaError
from symbackprop.formulas import words
from symbackprop.formulas.context import Context, letters_of, read
from symbackprop.formulas.derivatives import Meaning
from symbackprop.formulas.functions import ENTRYWISE, SQUASHED
from symbackprop.formulas.labels import labelled
from symbackprop.formulas.links import OTHERWISE, Link, links
from symbackprop.formulas.names import Unread, assumed_symmetric
from symbackprop.formulas.readings import Reading, usual, varied
from symbackprop.formulas.references import atoms
from symbackprop.formulas.said import Said
from symbackprop.formulas.trees import TRANSPOSES, base_of, flat, has_derivative, operands, parts, plain
from symbackprop.formulas.trial import Outcome, is_zero, tried
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
    except Unread as error:
        return ClaimVerdict(claim, "unknown", words.say("not understood", reason=error.reason), position=error.node.span if error.node else None)
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
    conditions += [words.say("mended", what=r.what) for r in formula.repairs if "partial below" in r.what or r.what.startswith(r"a \partial")]
    status = "holds-if" if conditions else "holds"
    return ClaimVerdict(claim, status, words.say("equal"), conditions=tuple(dict.fromkeys(conditions)), kind=kind)


def is_assumption(link: Link) -> bool:
    """Whether this says that a matrix is symmetric."""
    return bool(assumed_symmetric(n.Chain((link.left, link.right), ("=",))))


def is_open(link: Link, context: Context, sides: list[n.Node]) -> bool:
    """Whether the left side is a name that nothing defines: then this says what it is."""
    names = Meaning(context, usual(context.conventions), sides)
    head, _, _ = names.left_side(link.left)
    if head is None or isinstance(plain(link.left), n.Differential) or names.is_size(head, {}):
        return False
    rows = names.known.get(base_of(head), [])
    env = dict.fromkeys(names.indices, 2)
    fits = names.candidates(base_of(head), names.positions(head.scripts, "_", env), names.positions(head.scripts, "^", env))
    known = [k for k, fit in fits if not any(p.number is None for p in (*fit.below, *fit.above))]
    if rows and not known and any(p.label for p in names.pattern_of(head).below):
        return flat(head) not in {flat(p) for s in context.statements for p in parts(s.body)}
    if any(k.right is not None for k in rows) or head.id in ("e", "1", "I", "0") or names.signatures.get(base_of(head)):
        return False
    if isinstance(link.left, n.Call) and link.left.function.style == "operatorname" and link.left.function.id.lower() in ENTRYWISE:
        return False
    if base_of(head) in SQUASHED and names.used_as_functions() & SQUASHED:
        return False
    used = {base_of(p) for s in context.statements if isinstance(s.body, n.Chain) for side in s.body.sides for p in operands(side) if isinstance(p, n.Name)}
    small = {u.lower() for u in used}
    return base_of(head) not in used - constrained(context) and (base_of(head).lower() not in small or base_of(head) in constrained(context))


def constrained(context: Context) -> set[str]:
    """Names of which the context gives a derivative and no equation."""
    made = set()
    for s in context.statements:
        if isinstance(s.body, n.Chain) and isinstance(plain(s.body.sides[0]), n.Leibniz):
            of = plain(s.body.sides[0]).of  # type: ignore[attr-defined]
            if isinstance(of, n.Name):
                made.add(base_of(of))
    return made


def opened(link: Link, context: Context) -> tuple[str, Context, Link | None]:
    """The context with this definition; where it says something of the name already, that is what is to be judged."""
    body = n.Chain((link.left, link.right), ("=",), span=link.span)
    further = replace(context, statements=(*context.statements, n.Statement(body, span=link.span)))
    for s in context.statements:
        if isinstance(s.body, n.Chain) and isinstance(plain(s.body.sides[0]), n.Leibniz):
            of = plain(s.body.sides[0]).of  # type: ignore[attr-defined]
            left = plain(link.left)
            if isinstance(of, n.Name) and isinstance(left, n.Name) and flat(of) == flat(left):
                return "claim", further, Link(s.body.sides[0], s.body.sides[1])
    return "definition", further, None


def defining(claim: str, link: Link, context: Context, sides: list[n.Node]) -> ClaimVerdict:
    """The verdict on a definition: it holds where the name is declared and everything fits its shape."""
    names = Meaning(context, usual(context.conventions), sides)
    head, _, scripts = names.left_side(link.left)
    head = replace(head, scripts=head.scripts + scripts) if head is not None else None
    declared = head is not None and any(k.axes is not None for k in names.known.get(base_of(head), []))
    plainly = replace(link, left=head if head is not None else link.left)
    made = tried(plainly, context, usual(context.conventions), sides)
    if made.kind == "equal" and declared:
        return ClaimVerdict(claim, "holds", words.say("definition"), kind="definition")
    if made.kind in ("shape", "misfit"):
        return ClaimVerdict(claim, "wrong", words.say("refuted", text=made.text), kind="definition")
    reason = words.say("undefined", name=flat(link.left)) if made.kind == "equal" else words.say("not understood", reason=made.text)
    return ClaimVerdict(claim, "unknown", reason, kind="definition")


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
    return "wrong", words.say("refuted", text=f"{first.kind} {first.text} {first.where} {first.at} {first.left:.5g} {first.right:.5g}"), [], None


def readings(context: Context, link: Link, inert: Container[Reading] = ()) -> Iterator[tuple[Reading, list[Said]]]:
    """The declared or usual reading, then others, each with what it takes for granted."""
    said = context.conventions
    first = usual(said)
    yield first, []
    if first.layout == "numerator":
        yield varied(first, turned=True), []
    if any(isinstance(p, n.Product) and isinstance(p.factors[0], n.Leibniz) and p.factors[0].form == "operator" for x in (link.left, link.right) for p in parts(x)):
        yield varied(first, scope=True), []
    changes = [c for c in alternatives(first, context, link)]
    for change, condition in changes:
        yield varied(first, **change), [condition]
    changes = [c for c in changes if varied(first, **c[0]) not in inert]
    for k, (change, condition) in enumerate(changes):
        for other, further in changes[k + 1 :]:
            if not set(change) & set(other):
                yield varied(first, **change, **other), [condition, further]
    yield from weak(first, context, link)


def alternatives(first: Reading, context: Context, link: Link) -> Iterator[tuple[dict[str, Any], Said]]:
    """Single choices that differ from a reading."""
    said = context.conventions
    signs = {s for side in (link.left, link.right) for p in parts(side) if isinstance(p, n.Product) for s in p.signs}
    if not first.simplex:
        yield {"simplex": True}, words.say("simplex")
    for layout in ("numerator", "denominator", "gradient"):
        if layout != first.layout:
            yield {"layout": layout}, words.say(f"layout {layout}")
    yield {"loose": True}, words.say("loose")
    yield {"diagonal": True}, words.say("diagonal")
    for kind in ("same", "parameters", "immediate"):
        yield {kind: True}, words.say("immediate")
    if said.reduction == "single":
        yield {"summed": True}, words.say("summed")
    if any(isinstance(p, n.Name) and p.id in (r"\epsilon", r"\varepsilon") for x in (link.right, *(s.body for s in context.statements)) for p in parts(x)):
        yield {"small": True}, words.say("small")
    yield {"last": True}, words.say("last")
    if "*" in signs:
        for star in ("hadamard", "matrix"):
            if star != first.star:
                yield {"star": star}, words.say(f"star {star}")
        yield {"applied": True}, words.say("applied")
    if r"\circ" in signs and first.circle == "hadamard":
        yield {"circle": "matrix"}, words.say("circle matrix")
    if signs:
        yield {"flat": True}, words.say("flat")
    yield {"inner": True}, words.say("inner")
    yield {"unbounded": True}, words.say("unbounded")
    yield {"entropy": True}, words.say("entropy")
    yield {"others": True}, words.say("others")
    if any(isinstance(p, n.Product) and r"\cdot" in p.signs for x in (link.left, link.right) for p in parts(x)):
        yield {"dot": True}, words.say("dot")
    yield {"final": True}, words.say("final")
    if "/" in signs:
        yield {"slash": True}, words.say("slash")
    if is_plain(link, context) and not component_letters(link, context):
        yield {"scalars": True}, words.say("scalars")
    yield {"samples": "columns" if first.samples == "rows" else "rows"}, words.say("samples")


def is_plain(link: Link, context: Context) -> bool:
    """Whether nothing in a claim and its context shows that it is about arrays: no transpose, no product entry by entry, no index."""
    for side in (link.left, link.right, *(s.body for s in context.statements)):
        for p in parts(side):
            if isinstance(p, n.Product) and set(p.signs) & {r"\odot", r"\circ", r"\otimes", "*"}:
                return False
            if isinstance(p, n.Big | n.Matrix | n.Indicator) or (isinstance(p, n.Call) and p.function.id.lower() in ("tr", "diag", "sum", "det")):
                return False
            if isinstance(p, n.Name | n.Scripted) and any(s.mark == "^" and flat(i).split(" ")[-1] in TRANSPOSES for s in p.scripts for i in s.items):
                return False
            if isinstance(p, n.Name) and p.style in ("mathbf", "boldsymbol"):
                return False
    return True


def kinked(link: Link, context: Context) -> bool:
    """Whether a claim says what a derivative is at a kink."""
    trees = [link.left, link.right, *(s.body for s in context.statements), *(p for c in link.conditions for p in c.parts)]
    words_of_kinks = {"max", "min", "relu", "abs", "maximum", "minimum", "hinge", "leakyrelu"}
    kink = any((isinstance(p, n.Call) and p.function.id.lower() in words_of_kinks) or (isinstance(p, n.Bracket) and p.open == r"\lvert") or isinstance(p, n.Cases) for t in trees[2:] for p in parts(t))
    derived = has_derivative(link.left) or has_derivative(link.right)
    asserts = any(c.word in OTHERWISE for c in link.conditions)
    for side in (link.left, link.right):
        for p in parts(side):
            if isinstance(p, n.Cases):
                asserts = asserts or any(c.word in OTHERWISE or any(isinstance(x, n.Chain) and set(x.signs) & {r"\le", r"\ge"} for x in c.parts) for row in p.rows for c in row.conditions)
            if isinstance(p, n.Indicator):
                asserts = asserts or any(isinstance(x, n.Chain) and set(x.signs) & {r"\le", r"\ge"} for x in p.conditions)
    return kink and derived and asserts


def weak(first: Reading, context: Context, link: Link) -> Iterator[tuple[Reading, list[Said]]]:
    """Readings under which a claim may be true by its special case alone: then nothing is said."""
    yield varied(first, identity=True), [words.say("identity")]
    yield varied(first, symmetric=True), [words.say("symmetric")]
    yield varied(first, einstein=True), [words.say("einstein")]
    yield varied(first, einstein=True, loose=True), [words.say("einstein")]
    numbers = [base_of(d.name) for d in context.declared if not d.axes and not d.name.scripts]
    data = [x for x in numbers if x in ("x", "y", "t")]
    if numbers and len(numbers) == len(context.declared):
        for values in itertools.product((None, 0, 1), repeat=len(data)):
            special = tuple((x, v) for x, v in zip(data, values, strict=True) if v is not None)
            if special:
                yield varied(first, special=special), [words.say("values", what=", ".join(f"{x} = {v}" for x, v in special))]


def component_letters(link: Link, context: Context) -> bool:
    """Whether a side has indices below."""
    indices, _ = letters_of([link.left, link.right, *(s.body for s in context.statements)], context.declared)
    return any(a.text in indices and a.text not in ("t", "l") for side in (link.left, link.right) for p in parts(side) if isinstance(p, n.Name) for a in atoms(p.scripts, "_"))
