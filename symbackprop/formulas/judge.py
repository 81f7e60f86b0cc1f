"""The verdict on one claim: readings in order, the first that numbers confirm, and wrong only where all that fit are refuted."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symbackprop.errors import FormulaError
from symbackprop.formulas import words
from symbackprop.formulas.alternatives import is_weak, kinked, readings
from symbackprop.formulas.certain import is_einstein, is_plain
from symbackprop.formulas.corrections import Claim, corrected
from symbackprop.formulas.counterexample import shown
from symbackprop.formulas.notation.context import Context, read
from symbackprop.formulas.notation.dependence import depended
from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.notation.formula import read_formula
from symbackprop.formulas.notation.labels import labelled
from symbackprop.formulas.notation.links import Link, links
from symbackprop.formulas.notation.readings import Reading, usual
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.trees import has_derivative, parts, plain
from symbackprop.formulas.openings import defining, given_zeros, is_assumption, is_open, opened, solution
from symbackprop.formulas.outcome import Outcome
from symbackprop.formulas.said import Said
from symbackprop.formulas.trial import SILENT, is_zero, tried
from symbackprop.formulas.understood import understood
from symbackprop.formulas.updates import is_loss
from symbackprop.formulas.verdict import ClaimVerdict
from symbackprop.language.latex import nodes as n

SECONDS = 6.0
"""How long readings are tried; a correction and a counterexample may take as much again and no more."""
SEARCH = 8.0
NUMBERED = re.compile(r"(?:\\quad|\\qquad|~|\\hspace\{[^{}]*\}|\\[,;: ])[\s~]*\((?:\d+[a-z]?)(?:\.\d+)*\)(?=\s*(?:\\\\|\\end|$))")


@dataclass(frozen=True)
class Judged:
    """What came of one link: "holds" under conditions, "wrong" or "unknown", with the reading and what numbers said.

    `numbers`: it would be true if everything were a number.
    """

    status: str
    because: Said
    reading: Reading
    outcome: Outcome
    conditions: tuple[Said, ...] = ()
    numbers: bool = False

    @property
    def place(self) -> tuple[int, int] | None:
        """Where something was not understood."""
        return self.outcome.node.span if self.status == "unknown" and self.outcome.node is not None else None


def check_claim(claim: str, context: Mapping[str, Any] | None = None) -> ClaimVerdict:
    r"""Judge one claim in LaTeX, such as \frac{\partial J}{\partial o} = \hat y - y: a derivative, a shape, an update, or a chain of them.

    `context` says what it rests on, all of it optional but what the claim needs: "forward", equations in LaTeX, in order; "shapes", sizes
    by name: {"W": ["k", "d"]}; "lhs", the left side of a claim that begins with =; "conventions", a dictionary of short texts: "layout"
    (numerator, denominator, gradient), "vectors" (columns, rows), "reduction" (single, sum, mean), "superscript" (layer), "y" (one-hot),
    "ops" ({"*": "hadamard"}), "name_aliases" ({"h_0": "h^0"}), "macros" ({"\\dd": "\\partial #1"}), "vec" (rows, else columns); as on the
    tool's own pages "names" (arrays: none is a function, fonts tell them apart), "functions" (rows: softmax and its like work on each row
    of a matrix), "bars" (entries: |X| is no determinant). Derivatives are derived from the forward equations and compared with what is
    claimed, on numbers, under each reading that fits. A claim that can't be read or decided is
    "unknown", with the reason. Raises SpecError for a context that is no dictionary.
    """
    return judge(claim, read(context))


def judge(claim: str, context: Context) -> ClaimVerdict:
    """Judge one claim in a context that is read."""
    try:
        formula = read_formula(without_number(claim), context.macros, context.words)
    except FormulaError as error:
        return ClaimVerdict(claim, "unknown", words.say("not read", reason=error.reason), position=error.spans[0] if error.spans else None)
    try:
        with np.errstate(all="ignore"):
            made = judged(claim, formula, context)
            further = depended(context, formula.statements) if silent(made) else None
            return made if further is None else judged(claim, formula, further)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        return ClaimVerdict(claim, "unknown", words.say("fault", what=f"{type(error).__name__}: {error}"))


def silent(made: ClaimVerdict) -> bool:
    """Whether a claim was not understood because it has the derivative of what depends on nothing."""
    return made.status == "unknown" and getattr(made.because, "values", {}).get("reason") == SILENT


def without_number(claim: str) -> str:
    """The text without the numbers of its equations, (3) behind a wide space; columns stay what they were."""
    return NUMBERED.sub(lambda m: " " * len(m.group()), claim)


@np.errstate(all="ignore")
def judged(claim: str, formula: n.Formula, context: Context) -> ClaimVerdict:
    """The verdict on a formula that is read."""
    context, statements = labelled(context, formula.statements)
    try:
        every = links(statements, context)
    except UnreadError as error:
        place = error.node.span if error.node else None
        return ClaimVerdict(claim, "unknown", words.say("not understood", reason=error.reason), position=place)
    sides = [s.body for s in statements]
    start = time.process_time()
    conditions: list[Said] = []
    kind = every[0].kind if every[0].kind in ("update", "shape") else "claim"
    last: Judged | None = None
    solved = bool(given_zeros(context)) or any(is_zero(link.right) for link in every)
    for link in every[1:]:
        if link.kind == "claim" and not (solved and solution(link, context) is not link) and is_open(link, context, sides):
            context = opened(link, context)[1]
    passed, because = 0, words.say("equal")
    zeros, followed = given_zeros(context), False
    conditional = not zeros
    for at, link in enumerate(every):
        if is_assumption(link) or at < passed:
            continue
        link = solution(link, context) if zeros and link.kind == "claim" else link
        if link.kind == "claim" and is_open(link, context, sides):
            kind, context, instead = opened(link, context)
            if instead is None and at + 1 < len(every):
                continue
            if instead is None:
                return defining(claim, link, context, sides)
            link = instead
        found = judged_link(link, context, sides, start)
        stationary = link.kind == "claim" and is_zero(link.right) and any(has_derivative(x.left) or has_derivative(x.right) for x in every)
        if stationary and found.status != "holds":
            zeros = (*zeros, n.Chain((link.left, link.right), ("=",), span=link.span))
            continue
        if zeros and link.kind == "claim" and found.status != "holds" and not has_derivative(link.left):
            context = replace(context, zeros=zeros) if context.zeros != zeros else context
            followed, found = True, judged_link(link, context, sides, start)
        if found.status != "holds" and (bridge := bridged(every, at, found, context, sides, start)) is not None:
            passed, last = bridge
            because = words.say("passed")
            conditions += last.conditions
            continue
        if found.status == "unknown":
            return ClaimVerdict(
                claim, "unknown", found.because, kind=kind, position=found.place, reading=understood(link, found.outcome, found.reading)
            )
        if found.status == "wrong":
            return refuted(Claim(without_number(claim), tuple(statements), tuple(every), context), at, found, kind)
        last = found
        conditions += found.conditions
        if kinked(link, context):
            conditions.append(words.say("kink"))
    if zeros and conditional and not followed:
        conditions.append(words.say("stationary"))
    conditions += [words.say("mended", what=r.what) for r in formula.repairs if r.what.startswith(r"a \partial")]
    status = "holds-if" if conditions else "holds"
    reading = understood(every[0], last.outcome, last.reading) if last else ""
    return ClaimVerdict(claim, status, because, tuple(dict.fromkeys(conditions)), kind, reading)


def bridged(every: list[Link], at: int, found: Judged, context: Context, sides: list[n.Node], start: float) -> tuple[int, Judged] | None:
    """A later link up to which a chain holds, where what stands between is derivatives of arrays by arrays that no product here fits."""
    if found.outcome.kind not in ("shape", "misfit", "unread"):
        return None
    for k in range(at + 1, len(every)):
        between = every[k].left
        if between is not every[k - 1].right or sum(isinstance(p, n.Leibniz | n.Operator) for p in parts(between)) < 2:
            return None
        made = judged_link(replace(every[k], left=every[at].left), context, sides, start)
        if made.status == "holds":
            return k + 1, made
    return None


def refuted(claim: Claim, at: int, found: Judged, kind: str) -> ClaimVerdict:
    """The verdict on a claim whose link `at` numbers refute: the broken link, a right formula near it, a counterexample.

    Where nothing near is true and the mismatch is not certain, it may be the reading that is wrong: then nothing is said.
    """
    link, context = claim.links[at], claim.context
    tries = [found.reading, *([replace(found.reading, hot=True)] if context.conventions.hot else [])]
    correction = corrected(claim, at, tries, time.process_time() + SEARCH)
    how = understood(link, found.outcome, found.reading)
    if correction is not None and correction.kind == "term" and found.outcome.kind in ("misfit", "shape"):
        correction = None
    if found.numbers and (correction is None or correction.kind not in ("transpose", "order")):
        special = words.say("special", what=words.say("scalars"))
        return ClaimVerdict(claim.text, "unknown", special, kind=kind, reading=how)
    far = correction is None and not found.outcome.is_certain and not is_plain(link, found.outcome, context)
    if far or (is_einstein(context) and not found.outcome.plain):
        return ClaimVerdict(claim.text, "unknown", words.say("far off"), kind=kind, reading=how)
    if correction is not None and correction.kind == "index" and correction.link.right == link.right and repeats(link.left):
        meant = words.say("meant", what=claim.text[link.left.span[0] : link.left.span[1]])
        return ClaimVerdict(claim.text, "holds-if", words.say("equal"), (meant,), kind, how, corrected=correction.latex)
    shows = shown(link, found.outcome, context, found.reading, claim.sides)
    return ClaimVerdict(
        claim.text,
        "wrong",
        words.caused(found.because, correction.kind if correction else ""),
        kind=kind,
        reading=how,
        broken=claim.text[link.left.span[0] : link.right.span[1]] if len(claim.links) > 1 and link.left.span < link.right.span else None,
        corrected=correction.latex if correction else None,
        counterexample=shows,
    )


def repeats(side: n.Node) -> bool:
    """Whether a derivative has one index both above and below, as in dp_j / da_j where dp_i / da_j may be meant."""
    quotient = plain(side)
    if not isinstance(quotient, n.Leibniz) or quotient.of is None or len(quotient.by) != 1:
        return False
    above, beneath = ([a.text for a in atoms(getattr(plain(x), "scripts", ()), "_")] for x in (quotient.of, quotient.by[0]))
    return len(above) == 1 and above == beneath


def judged_link(link: Link, context: Context, sides: list[n.Node], start: float) -> Judged:
    """What comes of one link under all readings."""
    first: Judged | None = None
    inert: set[Reading] = set()
    for reading, conditions in readings(context, link, inert):
        made = tried(link, context, reading, sides)
        known = first.outcome if first else made
        if first and known.kind == "differs" and (made.kind, made.left, made.right) == (known.kind, known.left, known.right):
            inert.add(reading)
        settled = agreed(link, context, reading, made, conditions)
        if settled:
            return settled
        first = first or Judged("wrong", reason(link, made), reading, made)
        if reading.scalars and made.kind == "equal":
            first = replace(first, numbers=True)
        if time.process_time() - start > SECONDS:
            return Judged("unknown", words.say("time"), reading, made)
    if first is None or first.outcome.kind == "unread":
        made = first.outcome if first else Outcome("unread")
        return Judged(
            "unknown", words.say("not understood", reason=made.text), first.reading if first else usual(context.conventions), made
        )
    return first


def agreed(link: Link, context: Context, reading: Reading, made: Outcome, conditions: list[Said]) -> Judged | None:
    """The verdict where numbers confirm a link under a reading, else None."""
    if made.kind == "equal" and reading.scalars:
        return None
    if made.kind == "equal" and is_weak(reading):
        return None if made.trivial else Judged("unknown", words.say("special", what=conditions[-1]), reading, made)
    if made.kind == "equal":
        further = [words.say("reversed")] if made.names is not None and made.names.reversed else []
        return Judged("holds", words.say("equal"), reading, made, (*conditions, *further))
    if link.sign == r"\propto" and made.kind == "differs" and (made.ratio or 0) > 0:
        return Judged("holds", words.say("proportional", ratio=f"{made.ratio:.4g}"), reading, made, tuple(conditions))
    if made.kind == "uphill" and context.conventions.ascent:
        return Judged("holds", words.say("equal"), reading, made, tuple(conditions))
    if made.kind == "factor" and context.conventions.reduction is None:
        absorbed = words.say("absorbed", factor=f"{-(made.ratio or 0):.4g}")
        return Judged("holds", words.say("equal"), reading, made, (*conditions, absorbed))
    if made.kind == "uphill" and made.names is not None and not is_loss(link, made.names):
        return Judged("holds", words.say("equal"), reading, made, (*conditions, words.say("ascent")))
    return None


def reason(link: Link, made: Outcome) -> Said:
    """Why a link is refuted."""
    if made.kind == "uphill":
        return words.say("uphill")
    if made.kind == "factor":
        return words.say("step factor", factor=f"{-(made.ratio or 0):.4g}")
    if made.kind in ("shape", "misfit"):
        return words.say("shapes", text=made.text)
    if link.kind == "update":
        return words.say("no gradient")
    where = ", ".join(f"{letter} = {at}" for letter, at in (made.where or {}).items())
    key = "differs at" if where else "differs"
    if made.ratio is not None:
        key = "differs by"
    return words.say(key, where=where, left=f"{made.left:.4g}", right=f"{made.right:.4g}", ratio=f"{made.ratio or 0:.4g}")
