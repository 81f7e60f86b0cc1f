"""What the page shows for a question: derivatives, a verdict on a claim, or what is wrong; plain records, filled into templates.

A question is a table: `text`, an expression or a model's TOML; `shapes`, those that a person gave ("n n; symmetric"); `wrt`, names; `order`
1 or 2; `kind`: "derive", "check" (the derivatives themselves) or "claim", with the `claim`; `matlab`: the spelling is MATLAB's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any

from symbackprop.api import Derivation, Model, check, derive, verify
from symbackprop.emit import render
from symbackprop.errors import SpecError, SymbackpropError, excerpt
from symbackprop.expressions import derivative
from symbackprop.language.guessing import guessed_shapes
from symbackprop.language.matlab import translated
from symbackprop.language.nodes import names_of
from symbackprop.language.syntax import parse
from symbackprop.language.toml import spec_of_text
from symbackprop.result import Result
from symbackprop.serve.showing import graph_of, shown
from symbackprop.verification.verdict import Report

TABLE = re.compile(r"(?m)^\s*\[\s*(axes|tensors|equations|latex)\s*\]")
"""What makes a text a model."""
VARIABLES = ("x", "w", "W", "theta", "beta", "X", "W1", "A")
"""By which tensor of an expression is derived if nobody says so: the first of these."""
MOST_BLOCKS = 3
"""So many second derivatives are shown at once."""
ROUNDS = 3
"""How often shapes and spelling are brought together."""
MARGIN = 24
"""Points left of the picture's first box."""
CLAIM = re.compile(r"==|<-")


@dataclass(frozen=True)
class Chip:
    """A tensor above the answer: its shape, whether a person gave it, whether it is derived by, whether its shape can be changed."""

    name: str
    shape: str
    given: bool = False
    chosen: bool = False
    fixed: bool = False
    role: str = ""


@dataclass(frozen=True)
class Stated:
    """An expression or a model, understood: its chips, and what the rest needs to answer."""

    text: str
    chips: tuple[Chip, ...]
    chosen: tuple[str, ...]
    shapes: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    model: Model | None = None

    def results(self, order: int) -> list[Result]:
        """The derivatives that were asked for."""
        pairs = list(combinations_with_replacement(self.chosen, 2))[:MOST_BLOCKS] if order == 2 else []
        if self.model is None:
            groups: Sequence[Sequence[str]] = pairs or [[name] for name in self.chosen]
            return [derivative(self.text, self.shapes, wrt=names, order=order, facts=self.facts) for names in groups]
        whole: Derivation = derive(self.model, self.chosen)
        made = [whole.hessian(a, b) for a, b in pairs] or [whole.gradient(name) for name in self.chosen]
        return [Result(r.derived, r.name) for r in made]  # a card tells all that its result is made of but the model's own names

    def checked(self, claim: str, matlab: bool) -> Report:
        """The verdict on a claim; one without a left side is about the derivative that is shown."""
        mark = CLAIM.search(claim)
        left, sign, right = (claim[: mark.start()], mark.group(), claim[mark.end() :]) if mark else ("", "==", claim)
        if matlab and self.model is None:
            right = translated(right, self.shapes)
        top = self.model.program.objective if self.model else "f"
        claim = f"{left.strip() or f'd{top}/d{self.chosen[0]}'} {sign} {right.strip()}"
        return check(self.model, claim) if self.model else check(self.text, self.shapes, claim, self.facts)


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """The record of an answer: `html`, the `chips`, and whether it is an error."""
    chips: Sequence[Chip] = ()
    try:
        stated = understood(question)
        chips = stated.chips
        html = ANSWERS[question["kind"]](stated, question)
    except SymbackpropError as error:
        return wrong(error, chips)
    return {"ok": True, "chips": [vars(c) for c in chips], "html": html}


def wrong(error: SymbackpropError, chips: Sequence[Chip] = ()) -> dict[str, Any]:
    """The record of an answer that is an error."""
    return {"ok": False, "chips": [vars(c) for c in chips], "html": render("serve", "error.html.jinja", {"error": told(error)})}


def told(error: SymbackpropError) -> dict[str, Any]:
    """An error as strings: its kind, where, why, the text with a caret, notes, the fix."""
    lines = excerpt(error.source, error.spans)
    return {
        "kind": type(error).__name__,
        "place": error.place,
        "reason": error.reason,
        "excerpt": "\n".join(lines),
        "notes": list(error.notes),
        "fix": error.fix,
    }


def understood(question: Mapping[str, Any]) -> Stated:
    """The expression or the model of a question. Raises SpecError."""
    text = question["text"].strip()
    if TABLE.search(text):
        return _model(text, question)
    given = {name: _parted(shape) for name, shape in question["shapes"].items()}
    shaped = {name: shape for name, (shape, _) in given.items()}
    text, shapes = _from_matlab(text, shaped) if question["matlab"] else (text, _guessed(text, shaped))
    if not shapes:
        raise SpecError("there is no tensor in it", source=text, fix="write an expression in names, such as norm(A @ x - b)**2")
    chosen = tuple(n for n in question["wrt"] if n in shapes) or (next((n for n in VARIABLES if n in shapes), next(iter(shapes))),)
    facts = {name: tuple(told) for name, (_, told) in given.items() if told and name in shapes}
    chips = [
        Chip(name, "; ".join((shape, *facts.get(name, ()))), given=name in given, chosen=name in chosen) for name, shape in shapes.items()
    ]
    return Stated(text, tuple(chips), chosen, shapes, facts)


def _guessed(text: str, given: Mapping[str, str]) -> dict[str, str]:
    """The shapes of an expression, those that were given among them where it speaks of them."""
    used = names_of(parse(text))
    return guessed_shapes(text, {name: shape for name, shape in given.items() if name in used})


def _from_matlab(text: str, given: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """An expression in MATLAB's spelling in ours, with its shapes: what a product is hangs on these, and they on what it is."""
    shapes = dict(given)
    for _ in range(ROUNDS):
        ours = translated(text, shapes)
        found = _guessed(ours, given)
        if translated(text, {**given, **found}) == ours:
            return ours, found
        shapes = {**given, **found}
    raise SpecError("the shapes can't be guessed in this spelling", source=text, fix="give the shapes")


def _parted(text: str) -> tuple[str, list[str]]:
    """ "n n; symmetric" as a shape and facts."""
    shape, *facts = (part.strip() for part in text.split(";"))
    return shape, [f for f in facts if f]


def _model(text: str, question: Mapping[str, Any]) -> Stated:
    """A model's TOML, with the parameters that were chosen, all of them if none was."""
    spec = spec_of_text(text)
    model = Model(spec)
    parameters = [name for name, t in spec.tensors.items() if t.role == "parameter"] or list(spec.tensors)
    chosen = tuple(n for n in question["wrt"] if n in spec.tensors) or tuple(parameters)
    chips = [
        Chip(name, "; ".join((t.axes, *t.facts)), given=True, chosen=name in chosen, fixed=True, role=t.role)
        for name, t in spec.tensors.items()
    ]
    return Stated(text, tuple(chips), chosen, model=model)


def derived(stated: Stated, question: Mapping[str, Any]) -> str:
    """The derivatives, each with its forms, its steps and its code."""
    results = stated.results(question["order"])
    picture = graph_of(results[0])
    left = min(s.x for s in picture.shapes) - MARGIN
    read = stated.text if question["matlab"] and stated.model is None else ""
    record = {"results": [shown(r) for r in results], "picture": picture, "left": left, "read": read}
    return render("serve", "answer.html.jinja", record)


def verified(stated: Stated, question: Mapping[str, Any]) -> str:
    """Verdicts on the derivatives that are shown."""
    verdicts = [v for r in stated.results(question["order"]) for v in verify(r).verdicts]
    return _verdicts(Report(tuple(verdicts)))


def claimed(stated: Stated, question: Mapping[str, Any]) -> str:
    """The verdict on a claim."""
    return _verdicts(stated.checked(question["claim"], question["matlab"]))


def _verdicts(report: Report) -> str:
    signs = {"proved": "✓", "exact": "✓", "holds": "✓", "holds-if": "✓", "wrong": "✗", "unknown": "?"}
    rows = [{"status": v.status, "sign": signs[v.status], "subject": v.subject, "lines": v.lines()} for v in report.verdicts]
    return render("serve", "verdicts.html.jinja", {"rows": rows})


ANSWERS = {"derive": derived, "check": verified, "claim": claimed}
"""What each kind of question is answered with."""
