"""Derivatives beyond the gradient as a document: the model, the gradient in short, then matrices of blocks, products and the rest.

Each section is one derivation: what it is, what is given, its named parts once, its results, what they rest on, and its steps.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from symbackprop.calculus.program import Equation, Program
from symbackprop.calculus.term import tensor_names
from symbackprop.derivation.kinks import Kink
from symbackprop.derivation.reverse import Derived, Step
from symbackprop.errors import NotationError
from symbackprop.matrix.polish import polished
from symbackprop.pages import folding
from symbackprop.pages.block_matrix import block_matrix, shape_of
from symbackprop.pages.conventions import accents, conventions
from symbackprop.pages.document import FORMS, Composer
from symbackprop.pages.parts import names_of
from symbackprop.pages.teller import TOLD
from symbackprop.pages.together import Together, together
from symbackprop.pages.written import Written, is_unfolded
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Block, Document, Fold, Formulas, Heading, Line, Paragraph
from symbackprop.typesetting.lines import broken
from symbackprop.typesetting.wording import filled

Words = Mapping[str, str]
"""Words by language, with {objective}, {at} (what is derived, or split at) and {s} (the letter of samples) for formulas put in later."""


@dataclass(frozen=True)
class Telling:
    """What a page says of results of one kind: the title of their section, the sentence after it, and what they are, as formulas.

    `of_gradient`: they are derivatives of the gradient, all of which is shown before.
    """

    title: Words
    lead: Words
    definition: Callable[["Told"], Sequence[tree.Node]] = lambda told: ()
    of_gradient: bool = False


@dataclass(frozen=True)
class Section:
    """Results to be written together. `telling` is what is said of them; `names` says which tensor of `derived` holds each.

    `directions` says which leaf holds the part of a vector for a tensor; `variables` are those of the rows and columns where the results
    are blocks of a symmetric matrix, "a b" for a not after b; `at` is the output that is derived or split at. `notes` say what they rest
    on, `kinks` where they are a convention. `walk` is the derivation whose steps are told, where that is another one, and `objective`
    what they are derivatives of, where that is not what `derived` adds up.
    """

    telling: Telling
    derived: Derived
    names: Mapping[str, str]
    directions: Mapping[str, str] = field(default_factory=dict)
    variables: tuple[str, ...] = ()
    at: str = ""
    notes: tuple[Words, ...] = ()
    kinks: tuple[Kink, ...] = ()
    walk: Derived | None = None
    objective: str = ""


def compose_beyond(first: Derived, sections: Sequence[Section], form: str = "both", lang: str = "en") -> Document:
    """The document of `sections` of the model that `first` is the gradient of, in `form` ("index", "matrix", "both") and `lang`.

    Raises NotationError for another form or language.
    """
    if form not in FORMS:
        raise NotationError(f"'{form}' is not a form", fix=f"one of {', '.join(FORMS)}")
    page = Composer.of(first, form, lang)
    shown = gradient_shown(first, sections)
    told = [Told.of_section(page, section, {*authored_in(first.program), *(e.name for e in shown)}) for section in sections]
    blocks: list[Block] = [*page.model()]
    if shown:
        blocks += [Heading(page.say["gradient"]), Paragraph(page.line("beyond gradient"))]
        blocks += folding.formulas([page.best(e) for e in shown], page.say["all results"])
    for one in told:
        blocks += one.section_blocks()
    blocks += _steps(page, shown, told)
    title = page.say["title"].replace("{model}", first.program.name.replace("_", " "))
    return Document(title, page.subtitle(), lang, tuple(blocks), page.say["made by"], page.legend(derived=False))


def authored_in(program: Program) -> set[str]:
    """The tensors that equations of the model define."""
    return {e.name for e in program.equations if not e.tensor.is_derived}


def gradient_shown(first: Derived, sections: Sequence[Section]) -> list[Equation]:
    """The adjoints of the gradient, where a section speaks of one of them."""
    held = {e for s in sections for e in s.derived.program.needed(s.names.values()).equations}
    wanted = [first.adjoints[n] for n in first.wrt if n in first.adjoints]
    own = set(first.adjoints.values()) - {first.adjoints.get(first.output)}
    needed = [e for e in first.program.needed(wanted).equations if e.name in own]
    matrices = any(s.telling.of_gradient for s in sections)
    return [e for e in first.program.equations if e.name in own] if matrices or any(e in held for e in needed) else []


def _steps(page: Composer, shown: Sequence[Equation], told: Sequence["Told"]) -> list[Block]:
    """The steps of the gradient, where it is shown, then those of each section."""
    blocks: list[Block] = [Heading(page.say["steps"])]
    if shown:
        blocks += [Paragraph(page.line("steps lead")), *page.walked(shown, page.derived.steps)]
    for one in told:
        walked = one.steps_blocks()
        if walked:
            title = page.say["beyond steps"].replace("{title}", one.section.telling.title[page.lang])
            held = [] if any(e.tensor.held for e in page.derived.links) else one.stepper.held_told()
            lead = page.sentences([page.line("beyond steps lead"), *held])
            blocks += [Heading(title, 3), Paragraph(lead), *one.copies_blocks(), *walked]
    return blocks if len(blocks) > 1 else []


def fields_of(teller: Composer) -> dict[str, Any]:
    """What a composer is made from."""
    return {f.name: getattr(teller, f.name) for f in fields(teller)}


@dataclass(frozen=True)
class Told(Composer):
    """One section, told: the composer of its derivation, with the letters of its named parts."""

    section: Section = None  # type: ignore[assignment]  # always given by of_section
    sheets: Mapping[str, Together] = field(default_factory=dict)
    shown: frozenset[str] = frozenset()

    @classmethod
    def of_section(cls, page: Composer, section: Section, shown: set[str]) -> "Told":
        """`shown` are the tensors that the page defines before; those that the section has other equations for are not."""
        program = section.derived.program
        before = {e.name: e for e in page.derived.program.equations}
        same = frozenset(e.name for e in program.equations if e.name in shown and before.get(e.name) == e)
        forms = ("index",) if page.form == "index" else ("matrix",) if page.form == "matrix" else ("matrix", "index")
        known = program.authored
        sheets = together(program, list(section.names.values()), forms, known, same, walk=not section.variables)
        lettered = next(iter(sheets.values())).program
        own = replace(section.derived, program=lettered)
        teller = Composer.of(own if section.walk is None else replace(own, links=(), steps=()), page.form, page.lang)
        sheets = {form: replace(sheet, program=teller.program) for form, sheet in sheets.items()}
        return cls(**{**fields_of(teller), "section": section, "sheets": sheets, "shown": same})

    @property
    def objective(self) -> tree.Node:
        """The name of the objective."""
        return self.writer.names(self.section.objective or self.section.derived.program.objective)

    @property
    def at(self) -> tree.Node:
        """The name of the output that is derived or split at."""
        return self.writer.names(self.section.at)

    @property
    def theta(self) -> tree.Node:
        """What stands for all that is derived by at once."""
        return self.unused("theta", "phi", "psi")

    def section_blocks(self) -> list[Block]:
        """Heading, definition, what is given, parts, results, and what they rest on."""
        section = self.section
        title, lead = section.telling.title[self.lang], section.telling.lead[self.lang]
        said = {"objective": self.objective, "at": self.at if section.at else ""}
        letters = {"s": self.letter_of_samples()} if "{s}" in lead else {}
        blocks: list[Block] = [Heading(title), Paragraph(filled(lead, **said, **letters))]
        blocks += [Formulas((node,)) for node in section.telling.definition(self)]
        blocks += [Paragraph(filled(note[self.lang], **said)) for note in section.notes]
        if section.directions:
            given = self.shaped(section.directions.values())
            blocks.append(Paragraph(self.line("beyond given", given=given)))
        if section.variables:
            blocks += block_matrix(self, section.names, section.variables)
        blocks += [*self.parts_blocks(), *self.matrix_blocks()] if section.variables else self.walk_blocks()
        return [*blocks, *self.foot_blocks()]

    def letter_of_samples(self) -> tree.Node:
        """The index letter of samples."""
        return tree.Letter(self.writer.letters.choice(self.derived.program.samples)[0])

    def shaped(self, names: Iterable[str]) -> Line:
        """Tensors with their shapes, in a row."""
        tensors = [self.program.tensors[n] for n in dict.fromkeys(names)]
        return self.listed([self.line("beyond shaped", name=self.writer.names(t.name), shape=self.shape(t.axes)) for t in tensors])

    # --- formulas ------------------------------------------------------------------------------------------------------

    def parts_blocks(self) -> list[Block]:
        """The named parts, each once, in each form; one without a matrix form in index form alone."""
        blocks: list[Block] = []
        told = {p.name for p in self.sheets["index"].parts} if "index" in self.sheets else set()
        for form, sheet in self.sheets.items():
            shown = [p for p in sheet.parts if form == "index" or p.value is not None or p.name not in told]
            if shown:
                nodes = [Written(sheet.program, (), p, self.writer).equation(p) for p in shown]
                blocks += folding.formulas(nodes, self.say["all equations"])
        return [Paragraph(self.line("beyond parts")), *blocks] if blocks else []

    def equations(self, name: str) -> list[tree.Node]:
        """A result in the forms asked for; one without a matrix form in index form alone."""
        wholes = [(form, sheet, sheet.wholes[name]) for form, sheet in self.sheets.items()]
        if len(wholes) > 1:
            wholes = [(form, sheet, p) for form, sheet, p in wholes if form == "index" or p.value is not None]
        return [Written(sheet.program, (), p, self.writer).equation(p) for _, sheet, p in wholes]

    def walk_blocks(self) -> list[Block]:
        """All that is computed, in order, the results among it; entry by entry below, if that is asked for too."""
        blocks: list[Block] = [Paragraph(self.line("beyond walk"))]
        for form, sheet in self.sheets.items():
            nodes = [Written(sheet.program, (), p, self.writer).equation(p) for p in sheet.in_order()]
            shown = folding.formulas(nodes, self.say["all equations"])
            blocks += shown if form == self.form or form == "matrix" else [Fold((self.say["results index"],), tuple(shown))]
        return [*blocks, Paragraph(self.line("beyond results", results=self.shaped(self.section.names.values())))]

    def matrix_blocks(self) -> list[Block]:
        """Block by block: its place, its shape, its formulas."""
        blocks: list[Block] = []
        for pair, name in self.section.names.items():
            a, b = pair.split(" ")
            said = {"rows": self.writer.names(a), "columns": self.writer.names(b), "shape": shape_of(self, a, b)}
            if self.derived.program[name].rhs == 0:
                blocks.append(Paragraph(self.line("beyond zero block", **said)))
            else:
                blocks += [Paragraph(self.line("beyond block", **said)), *[Formulas(broken(node)) for node in self.equations(name)]]
        return blocks

    def foot_blocks(self) -> list[Block]:
        """How to read the formulas, why some have no matrix form, the facts and the kinks."""
        parts = [p for sheet in self.sheets.values() for p in (*sheet.parts, *sheet.wholes.values())]
        names = set().union(*[names_of(p) | {p.name} for p in parts])
        lines = accents(names, self.writer, self.say)
        matrices = [p for p in parts if p.value is not None]
        if matrices:
            unfolded = any(is_unfolded(p.equation) for p in matrices)
            lines += conventions([polished(p.value) for p in matrices], unfolded, self.writer, self.say, TOLD)
        lines += self.refusals([(p.name, p.why) for p in parts if p.why])
        blocks: list[Block] = [Paragraph(self.sentences(lines))] if lines else []
        facts = dict.fromkeys(f for n in self.section.names.values() for f in self.derived.facts_behind.get(n, ()))
        facts |= dict.fromkeys(f for sheet in self.sheets.values() for f in sheet.facts)
        declared = [f for f in facts if f in self.derived.program.facts]
        if declared:
            blocks.append(Paragraph(self.line("beyond uses", facts=self.listed([self.fact(f) for f in declared]))))
        return [*blocks, *self.kinked(self.section.kinks)]

    # --- steps ---------------------------------------------------------------------------------------------------------

    def steps_blocks(self) -> list[Block]:
        """The steps of what the page has not shown before, and the names of parts where they are made."""
        steps = self.stepper.derived
        own = [e for e in steps.program.equations if e.tensor.is_derived and e.name not in self.shown]
        return self.stepper.walked(own, steps.steps)

    @cached_property
    def stepper(self) -> "Told":
        """What tells the steps: this, or the teller of the derivation that the section names for them."""
        if self.section.walk is None:
            return self
        teller = Composer.of(self.section.walk, self.form, self.lang)
        return Told(**{**fields_of(teller), "section": replace(self.section, walk=None, names={})})

    def copies_blocks(self) -> list[Block]:
        """What the steps speak of beside the model: copies of the parameters for each sample, and what is made of them."""
        walk = self.stepper
        copies = {t.copy_of: t for t in walk.program.tensors.values() if t.copy_of}
        if walk is self or not copies:
            return []
        model = {e.name: e for e in self.section.derived.program.equations}
        made = [e for e in walk.derived.program.equations if not e.tensor.is_derived and e != model.get(e.name)]
        name, copy = next(iter(copies.items()))
        said = {"own": walk.writer.names(name), "copy": walk.writer.names(copy.name), "s": walk.letter_of_samples()}
        said |= {"total": walk.writer.names(walk.derived.output), "objective": self.objective}
        shown = folding.formulas([walk.writer.equation(e) for e in made], walk.say["all equations"])
        return [Paragraph(walk.line("beyond copies", **said)), *shown]

    def walked(self, equations: Sequence[Equation], steps: Sequence[Step]) -> list[Block]:
        """As a composer does, with the names of parts where they are made; what has no steps is left out unless steps speak of it."""
        told = {s.quantity for s in steps} & {e.name for e in equations}
        spoken = set().union(*[tensor_names(s.before) | tensor_names(s.after) for s in steps if s.quantity in told])
        needed = self.derived.program.needed([*self.section.names.values(), *told]).tensors
        own = [e for e in equations if e.name in told | spoken or (e.tensor.role == "part" and e.name in needed)]
        return super().walked(own, steps)

    def headline(self, e: Equation) -> tree.Node:
        """The equation in index form, as its steps are."""
        return self.writer.equation(e)
