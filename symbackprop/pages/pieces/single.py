"""A page of single derivatives: what is derived, each derivative with what it speaks of, how it is read, its code and its steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from symbackprop.calculus.program import Equation, Fact
from symbackprop.derivation.kinks import Kink
from symbackprop.derivation.reverse import Derived, Step
from symbackprop.errors import NotationError
from symbackprop.pages import folding
from symbackprop.pages.closed import closed_matrix, put_in_place
from symbackprop.pages.document import FORMS, Composer
from symbackprop.pages.network import network
from symbackprop.pages.parts import Part, is_inverse, lettered
from symbackprop.pages.together import together
from symbackprop.pages.written import Written
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Block, Code, Document, Fold, Formulas, Grid, Heading, Line, Listing, Paragraph
from symbackprop.typesetting.lines import broken
from symbackprop.typesetting.widths import ems
from symbackprop.typesetting.wording import words

WIDEST = 60.0
"""An expression that is wider than this, in ems, is told by its parts."""
FEW = 2
"""A model of no more equations needs no picture."""


@dataclass(frozen=True)
class Single:
    """A derivative to be told: `name` is the tensor of `derived` that holds it, `known` what the reader has anyway.

    It rests on `facts`, is a convention at `kinks`, and `code` computes it; `steps` lead to it.
    """

    derived: Derived
    name: str
    known: frozenset[str]
    steps: tuple[Step, ...]
    facts: tuple[Fact, ...] = ()
    kinks: tuple[Kink, ...] = ()
    code: str = ""

    @property
    def of(self) -> tuple[str, ...]:
        """What is derived, and by what."""
        return self.derived.program.tensors[self.name].derivative


def teller_of(single: Single, form: str = "both", lang: str = "en") -> Composer:
    """What tells a derivative: all that nobody named has a letter."""
    program = single.derived.program
    sheet = together(program, [single.name], ("matrix",), single.known)["matrix"]
    rest = [e for e in program.equations if not e.tensor.is_derived and not sheet.program.tensors[e.name].latex]
    return Composer.of(replace(single.derived, program=lettered(sheet.program, rest, program)), form, lang)


def stated(teller: Composer) -> list[Formulas]:
    """What is derived, equation by equation."""
    return [Formulas(broken(teller.best(e))) for e in teller.forward if not is_inverse(e)]


def walked(teller: Composer, single: Single) -> list[Block]:
    """The derivation: each quantity folded over its lines; what is the derivative of a thing by itself is left out."""
    told = {s.quantity for s in single.steps}
    needed = single.derived.program.needed([single.name]).tensors
    own = [e for e in teller.derived.program.equations if e.tensor.is_derived and e.name in needed]
    own = [e for e in own if e.name in told or e.tensor.role == "part" or len(set(e.tensor.derivative)) > 1]
    return teller.walked(own, single.steps)


def compose_singles(singles: Sequence[Single], form: str = "both", lang: str = "en") -> Document:
    """The page of derivatives of one thing, in `form` ("index", "matrix", "both") and `lang`.

    Raises NotationError for another form or language, and where the matrix form alone is asked for and can't be had.
    """
    if form not in FORMS:
        raise NotationError(f"'{form}' is not a form", fix=f"one of {', '.join(FORMS)}")
    say = words(lang)
    pages = [Told(single, teller_of(single, form, lang)) for single in singles]
    first = pages[0]
    blocks = first.stated()
    for page in pages:
        blocks += page.section(alone=len(pages) == 1)
    variables = dict.fromkeys(say["comma"].join(page.single.of[1:]) for page in pages)
    title = say["single title"].format(output=first.single.of[0], names=say["comma"].join(variables))
    return Document(title, first.teller.subtitle(), lang, tuple(blocks), say["made by"], first.legend(alone=len(pages) == 1))


@dataclass(frozen=True)
class Told:
    """One derivative, told."""

    single: Single
    teller: Composer

    @cached_property
    def output(self) -> Equation | None:
        """The equation of what is derived, where it has one."""
        return self.teller.derived.program.equation(self.single.of[0])

    def stated(self) -> list[Block]:
        """What is derived: its text, its formula, the shapes of what it speaks of, and a picture where there is something to see."""
        teller, e = self.teller, self.output
        forward = [e for e in teller.forward if not is_inverse(e)]
        blocks: list[Block] = [Heading(teller.say["single stated"])]
        if e is not None and e.text and not self.single.known:
            said = {"output": teller.writer.names(e.name), "expression": Code(e.text)}
            blocks.append(Paragraph(teller.line("single value", **said)))
        whole = self.whole(e) if e is not None and not self.single.known else None
        nodes = [whole] if whole is not None else [teller.as_stated(e, teller.form == "index") for e in forward]
        blocks += folding.formulas(nodes, teller.say["all equations"])
        leaves = [t for t in teller.derived.program.tensors.values() if not t.is_derived and t.role not in ("intermediate", "helper")]
        header: tuple[Line, ...] = tuple((teller.say[k],) for k in ("tensor", "shape", "known"))
        rows: list[tuple[Line, ...]] = [
            ((teller.writer.names(t.name),), teller.shape(t.axes), teller.listed([teller.fact(f) for f in t.facts])) for t in leaves
        ]
        if not any(known for *_, known in rows):
            header, rows = header[:-1], [row[:-1] for row in rows]
        blocks.append(Grid(header, tuple(rows)))
        return [*blocks, network(teller.derived.program, teller.writer, teller.forward)] if len(forward) > FEW else blocks

    def legend(self, alone: bool) -> tuple[tuple[tree.Node, Line], ...]:
        """What is told of names; where several derivatives have letters of their own, of what all speak of."""
        whole = self.teller.legend()
        leaves = {self.teller.writer.names(t.name) for t in self.teller.derived.program.leaves}
        return whole if alone else tuple((node, line) for node, line in whole if node in leaves)

    def whole(self, e: Equation) -> tree.Node | None:
        """What is derived as one formula, if that can be read."""
        teller = self.teller
        if teller.form == "index":
            return None
        try:
            node = closed_matrix(teller.derived.program, e.name, (), teller.writer)
        except NotationError:
            return None
        return tree.relation(teller.writer.names(e.name), ("=", node)) if ems(node) <= WIDEST else None

    def section(self, alone: bool) -> list[Block]:
        """The derivative, and how it comes about."""
        teller, single = self.teller, self.single
        names = teller.say["comma"].join(single.of[1:])
        title = teller.say["result"].capitalize() if alone else teller.say["single by"].format(names=names)
        blocks: list[Block] = [Heading(title), *self.forms()]
        if single.facts:
            said = {"result": teller.writer.names(single.name), "facts": teller.listed([teller.fact(f) for f in single.facts])}
            blocks.append(Paragraph(teller.line("uses", **said)))
        blocks += teller.kinked(single.kinks)
        if single.code:
            blocks.append(Fold((teller.say["single code"],), (Listing(single.code),)))
        steps = walked(teller, single)
        if not steps:
            return blocks
        lead = [teller.line("single lead", output=teller.writer.names(single.of[0]))]
        lead += [teller.line("beyond steps lead")] if len(single.of) > 2 else []
        return [*blocks, Heading(teller.say["steps"], 2 if alone else 3), Paragraph(teller.sentences(lead)), *stated(teller), *steps]

    def forms(self) -> list[Block]:
        """The derivative in the forms asked for, each with its parts; without a matrix form that of entries, and why."""
        teller = self.teller
        form = teller.form
        matrix = self.matrix()
        blocks: list[Block] = []
        shown = form != "index" and matrix.whole.value is not None
        if shown:
            blocks += [*self.written(matrix), *self.read(matrix)]
        elif form == "matrix":
            raise NotationError(teller.say[f"no matrix {matrix.whole.why}"], place=self.single.name, fix="use the index form")
        if form != "matrix":
            index = self.index()
            blocks += [Paragraph((teller.say["single entries"],))] if shown else []
            blocks += [*self.written(index), *([] if shown or form == "index" else self.read(matrix))]
        return blocks

    def matrix(self) -> Written:
        """The derivative in matrix form with its parts; where it has none, with the reason."""
        program = self.teller.derived.program
        sheet = together(program, [self.single.name], ("matrix",), self.single.known)["matrix"]
        made = sheet.written(self.single.name)
        return Written(program, made.parts, made.whole, self.teller.writer)

    def index(self) -> Written:
        """The derivative entry by entry, its parts in place where it stays a formula."""
        program = self.teller.derived.program
        known = self.single.known
        *parts, whole = put_in_place(program.needed([self.single.name]), self.single.name, known)
        return Written(program, [Part(e, None) for e in parts], Part(whole, None), self.teller.writer)

    def written(self, written: Written) -> list[Block]:
        """The whole, and after "where" its parts in order."""
        blocks: list[Block] = [Formulas((written.equation(written.whole),))]
        nodes = [written.equation(p) for p in written.parts if not is_inverse(p.equation)]
        if nodes:
            blocks += [Paragraph((self.teller.say["single where"],)), *folding.formulas(nodes, self.teller.say["all equations"])]
        return blocks

    def read(self, written: Written) -> list[Block]:
        """How to read it."""
        lines = written.reading(self.teller.lang)
        return [Paragraph(self.teller.sentences(lines))] if lines else []
