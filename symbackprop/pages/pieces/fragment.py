"""A fragment of a paper: LaTeX without a preamble and without macros of its own, numbered equations that bear labels.

It needs amsmath and nothing else. A derivative is closed, of what the reader has, where that fits on a few lines; what does not is told
by its parts, which follow in order after "where".
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from symbackprop.calculus.program import Fact, Program
from symbackprop.derivation.reverse import Derived
from symbackprop.errors import NotationError
from symbackprop.matrix.polish import polished
from symbackprop.pages.closed import closed_index, closed_matrix
from symbackprop.pages.conventions import accents, conventions
from symbackprop.pages.document import FORMS, Composer
from symbackprop.pages.page import DIALECTS
from symbackprop.pages.parts import Part, formula, is_inverse, lettered, names_of
from symbackprop.pages.together import Together, together
from symbackprop.pages.written import Written, is_unfolded, left_side
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Line
from symbackprop.typesetting.breaking import rows
from symbackprop.typesetting.widths import ems
from symbackprop.typesetting.wording import filled

ROOM = 28.5
"""How wide a line is, in ems: an article's column at ten points has 34 of them, and a number behind the line."""
LINES = 2
"""A derivative whose closed form takes more lines is told by its parts."""
DEEP = 10
"""A derivative that is computed from more equations than these is not tried in closed form; nor is one of tensors of many axes."""
MANY = 14
"""So many lines stand together: TeX begins no new page within them."""
TEX = DIALECTS["latex"]


@dataclass(frozen=True)
class Group:
    """Equations that stand together, behind a line of words: lines of LaTeX."""

    lead: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Fragment:
    """What the template prints: groups of equations, how to read them, and what labels begin with."""

    groups: tuple[Group, ...]
    reading: str
    prefix: str


def compose_fragment(
    derived: Derived,
    names: Sequence[str],
    known: Collection[str],
    form: str = "matrix",
    lang: str = "en",
    facts: Sequence[Fact] = (),
    after: str = "",
) -> Fragment:
    """The fragment of the derivatives `names`, tensors of `derived`; `known` is what the reader has anyway, all else is defined.

    `form` "both" is "matrix" here: what has a matrix form stands in it. `after`: the end of what labels begin with, for a fragment behind
    others of the same thing. Raises NotationError for another form or language.
    """
    if form not in FORMS:
        raise NotationError(f"'{form}' is not a form", fix=f"one of {', '.join(FORMS)}")
    made = partial(_Writer.of, derived, names, "index" if form == "index" else "matrix", lang, after)
    forward = frozenset(e.name for e in derived.program.equations if not e.tensor.is_derived)
    writer = made(forward if known else frozenset())
    if not known and writer.closed(writer.output) is None:
        writer = made(forward)  # what is derived is too long for one formula, and is told like a model
    return writer.fragment(facts)


@dataclass(frozen=True)
class _Writer:
    teller: Composer
    sheet: Together
    names: Sequence[str]
    known: frozenset[str]
    form: str
    after: str

    @classmethod
    def of(cls, derived: Derived, names: Sequence[str], form: str, lang: str, after: str, stated: frozenset[str]) -> "_Writer":
        program = derived.program
        sheet = together(program, names, (form,), stated, stated, walk=bool(stated))[form]
        rest = [e for e in program.equations if not e.tensor.is_derived and not sheet.program.tensors[e.name].latex]
        made = replace(derived, program=lettered(sheet.program, rest, program))
        return cls(Composer.of(made, form, lang), replace(sheet, program=made.program), names, stated, form, after)

    @property
    def program(self) -> Program:
        """The program that names all."""
        return self.teller.derived.program

    @property
    def output(self) -> str:
        """What is derived."""
        return self.program.tensors[self.names[0]].derivative[0]

    def fragment(self, facts: Sequence[Fact]) -> Fragment:
        """All of it."""
        teller = self.teller
        groups = []
        stated = [e for e in self.program.equations if e.name in self.known and not is_inverse(e)]
        prefix = ":".join(["eq", label(self.program.name), *([label(self.after)] if self.after else [])])
        if stated:
            nodes = [(e.name, teller.as_stated(e, self.form == "index")) for e in stated]
            groups += self.group(teller.say["fragment model"], nodes, prefix)
        elif not self.after and (whole := self.closed(top := self.output)) is not None:
            groups += self.group(teller.say["fragment given"], [(top, whole)], prefix)
        closed = self.all_closed()
        results = [(name, closed.get(name) or self.equation(self.sheet.wholes[name])) for name in self.names]
        key = "fragment results" if len(results) > 1 else "fragment result"
        groups += self.group(TEX.line(teller.line(key, objective=teller.writer.names(self.output))), results, prefix)
        parts = self.parts([n for n in self.names if n not in closed])
        if parts:
            groups += self.group(teller.say["single where"], [(p.name, self.equation(p)) for p in parts], prefix)
        shown = [*parts, *[self.sheet.wholes[n] for n in self.names]]
        lines = [*self.reading(shown), *([self.uses(facts)] if facts else [])]
        return Fragment(tuple(groups), TEX.line(teller.sentences(lines)) if lines else "", prefix)

    def all_closed(self) -> dict[str, tree.Node]:
        """The results that are told in closed form: where parts are told anyway, those that fit on one line."""
        closed = {name: node for name in self.names if (node := self.closed(name)) is not None}
        return closed if len(closed) == len(self.names) else {name: node for name, node in closed.items() if ems(node) <= ROOM}

    def equation(self, part: Part) -> tree.Node:
        """A part as a whole equation."""
        return Written(self.program, (), part, self.teller.writer).equation(part)

    def closed(self, name: str) -> tree.Node | None:
        """A result as one formula of what the reader has, where that fits on a few lines and its parts are not shown anyway."""
        if is_deep(self.program, name, self.known):
            return None
        write: Sequence[Callable] = (closed_index,) if self.form == "index" else (closed_matrix, closed_index)
        e = self.program[name]
        for one in write:
            try:
                right = one(self.program, name, self.known, self.teller.writer)
            except NotationError:
                continue
            if ems(right) > LINES * ROOM:
                return None
            left = self.teller.writer.entry(e.name, e.indices) if one is closed_index else left_side(e, self.teller.writer)
            return tree.relation(left, ("=", right))
        return None

    def parts(self, names: Sequence[str]) -> list[Part]:
        """The parts that some results speak of, each after what it is made of."""
        wanted = set().union(*[names_of(self.sheet.wholes[n]) for n in names])
        kept = []
        for part in reversed(self.sheet.in_order()):
            if part.name in wanted and part.name not in self.names and not is_inverse(part.equation):
                kept.append(part)
                wanted |= names_of(part)
        return kept[::-1]

    def reading(self, shown: Sequence[Part]) -> list[Line]:
        """How to read the formulas, those of the model among them."""
        teller, say = self.teller, self.teller.say
        own = [formula(self.program, n, self.known - {n}).whole for n in self.known] if self.form == "matrix" else []
        values = [polished(p.value) for p in (*own, *shown) if p.value is not None]
        names = set().union(*[names_of(p) | {p.name} for p in shown])
        unfolded = any(is_unfolded(p.equation) for p in shown if p.value is not None)
        return [*accents(names, teller.writer, say), *conventions(values, unfolded, teller.writer, say)]

    def uses(self, facts: Sequence[Fact]) -> Line:
        """What the formulas rest on."""
        return filled(self.teller.say["beyond uses"], facts=self.teller.listed([self.teller.fact(f) for f in facts]))

    def group(self, lead: str, nodes: Sequence[tuple[str, tree.Node]], prefix: str) -> list[Group]:
        """Equations with their labels, so many at once as a page holds."""
        groups: list[list[str]] = [[]]
        for name, node in nodes:
            lines = [TEX.row(one) for one in rows((node,), ROOM)]
            marked = [rf"{line} \notag" for line in lines[:-1]] + [rf"{lines[-1]} \label{{{prefix}:{label(name)}}}"]
            if groups[-1] and len(groups[-1]) + len(marked) > MANY:
                groups.append([])
            groups[-1] += marked
        return [Group(lead if k == 0 else "", tuple(lines)) for k, lines in enumerate(groups)]


def is_deep(program: Program, name: str, known: Collection[str]) -> bool:
    """Whether a tensor is computed from many equations, but for those of `known`, or from such of tensors of many axes."""
    own = [e for e in program.needed([name]).equations if e.name not in known]
    return len(own) > DEEP or any(sum(a != 1 for a in e.tensor.axes) > 2 for e in own)


def label(name: str) -> str:
    """A name as part of a label: what is no letter, digit or _ is written by its number."""
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"-{ord(found[0]):x}-", name)
