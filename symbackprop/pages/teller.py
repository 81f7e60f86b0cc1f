"""What a document says with: words of its language with formulas put in, facts, shapes, equations in the form asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from sympy import Expr

from symbackprop.calculus.facts import kind_of
from symbackprop.calculus.program import Equation, Fact, Program
from symbackprop.calculus.term import Entry
from symbackprop.derivation.kinks import Kink
from symbackprop.derivation.reverse import Derived
from symbackprop.errors import NotationError
from symbackprop.matrix.form import matrix_form, numpy_text
from symbackprop.matrix.nodes import Bracket, Elementwise, Hadamard, Ones, Value
from symbackprop.matrix.polish import polished
from symbackprop.matrix.tex import Typesetter
from symbackprop.pages.conventions import conventions
from symbackprop.pages.written import is_unfolded, left_side
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Block, Code, Line, Paragraph
from symbackprop.typesetting.index_form import Writer
from symbackprop.typesetting.wording import filled, kink_in, words

TOLD = (Ones, Hadamard, Elementwise, Bracket)
"""What the section on notation tells of matrix form."""


def with_held(link: Equation, program: Program) -> Equation:
    """The Jacobian of one equation, with what is held in it: what else the equation speaks of that depends on the variable."""
    output, variable = link.tensor.derivative
    made = program.equation(output)
    others = made.uses() - {variable} if made is not None else set()
    if not any(program.equation(n) for n in others):
        return link
    depends = program.dependent(variable)
    held = tuple(n for n in program.tensors if n in others & depends)
    return replace(link, tensor=replace(link.tensor, held=held))


@dataclass(frozen=True)
class Teller:
    """A derivation, and the words and formulas to tell it with."""

    derived: Derived
    program: Program
    writer: Writer
    form: str
    say: dict[str, str]
    lang: str
    values: dict[Equation, Value | NotationError] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, derived: Derived, form: str, lang: str) -> Self:
        """The teller of a derivation; the Jacobians of single equations have names too, and signs of their own where others are held."""
        derived = replace(derived, links=tuple(with_held(e, derived.program) for e in derived.links))
        program = replace(derived.program, tensors={**derived.program.tensors, **{e.name: e.tensor for e in derived.links}})
        return cls(derived, program, Writer.of(program), form, dict(words(lang)), lang)

    # --- words ---------------------------------------------------------------------------------------------------------

    def line(self, key: str, **parts: object) -> Line:
        """The words of `key` with formulas put in."""
        return filled(self.say[key], **parts)

    def listed(self, lines: Sequence[Line]) -> Line:
        """Lines with commas between them."""
        made: list = []
        for k, one in enumerate(lines):
            made += [self.say["comma"]] if k else []
            made += one
        return tuple(made)

    def fact(self, fact: Fact) -> Line:
        """A fact as words."""
        axes = self.program.tensors[fact.tensor].axes
        axis = self.writer.expression(axes[fact.axis]) if fact.axis is not None and axes else ""
        return filled(kind_of(fact).words[self.lang], tensor=self.writer.names(fact.tensor), axis=axis)

    def shape(self, axes: Sequence[Expr]) -> Line:
        """n x d, or "scalar"."""
        if not axes:
            return (self.say["scalar"],)
        return (self.times(axes),)

    def times(self, axes: Sequence[Expr]) -> tree.Node:
        """n x d."""
        first, *rest = [self.writer.expression(a) for a in axes]
        return tree.relation(first, *[("times", a) for a in rest])

    def unused(self, *letters: str) -> tree.Node:
        """The first of some letters that is not a tensor's or an axis's."""
        taken = {*self.writer.names.spelled.values(), *[self.writer.expression(a) for a in self.program.axes]}
        return next((x for x in map(tree.Letter, letters) if x not in taken), tree.Letter(letters[-1]))

    # --- formulas ------------------------------------------------------------------------------------------------------

    def matrix(self, e: Equation, whole: bool = True) -> tree.Node | None:
        """The equation in matrix form, or None where it has none."""
        try:
            right = Typesetter(self.writer).node(polished(self.value(e)))
        except NotationError:
            return None
        return tree.relation(left_side(e, self.writer), ("=", right)) if whole else right

    def value_or_none(self, e: Equation) -> Value | None:
        """The matrix expression of an equation, or None where there is none."""
        try:
            return self.value(e)
        except NotationError:
            return None

    def why(self, e: Equation) -> str:
        """The key of why an equation has no matrix form; empty where it has one."""
        try:
            self.value(e)
        except NotationError as error:
            return error.why
        return ""

    def refusals(self, named: Sequence[tuple[str, str]]) -> list[Line]:
        """Why results have no matrix form, by name and reason: those of one reason together."""
        together: dict[str, list[Line]] = {}
        for name, why in named:
            together.setdefault(why, []).append((self.writer.names(name),))
        several = [("beyond no matrix" if len(v) > 1 else "no matrix", why, v) for why, v in together.items()]
        return [self.line(key, result=v[0], results=self.listed(v), reason=self.say[f"no matrix {why}"]) for key, why, v in several]

    def value(self, e: Equation) -> Value:
        """The matrix expression of an equation, made once. Raises NotationError where there is none."""
        if e not in self.values:
            try:
                self.values[e] = matrix_form(e, self.program)
            except NotationError as error:
                self.values[e] = error
        found = self.values[e]
        if isinstance(found, NotationError):
            raise found
        return found

    def best(self, e: Equation) -> tree.Node:
        """The equation in matrix form if that is asked for and can be had, else in index form."""
        return (self.matrix(e) if self.form != "index" else None) or self.writer.equation(e)

    def numpy(self, e: Equation) -> Line:
        """The right side in NumPy notation: what the user wrote, or what the matrix form says."""
        try:
            return (Code(numpy_text(self.value(e), e)),)
        except NotationError:
            return ("–",)

    def told(self, equations: Sequence[Equation]) -> list[Block]:
        """How to read the matrix forms of equations, but for what the section on notation tells."""
        values = {e: v for e in equations if (v := self.value_or_none(e)) is not None}
        unfolded = any(map(is_unfolded, values))
        lines = conventions([polished(v) for v in values.values()], unfolded, self.writer, self.say, TOLD)
        return [Paragraph(self.sentences(lines))] if lines else []

    def kinked(self, kinks: Sequence[Kink]) -> list[Block]:
        """Where derivatives are a convention, a line each."""
        said = [Paragraph(("– " + kink_in(kink, self.lang),)) for kink in kinks]
        return [Paragraph((self.say["page kinks"],)), *said] if said else []

    def sentences(self, lines: Sequence[Line]) -> Line:
        """Sentences one after the other."""
        return tuple(part for k, one in enumerate(lines) for part in ((self.say["between sentences"],) if k else ()) + one if part)

    def in_place(self, name: str) -> Expr:
        """The value of an adjoint with all adjoints it uses put in place; one that is held constant has no equation, and stays."""
        program = self.derived.program
        value = program[name].formula
        while True:
            inner_of = {a: program.equation(a.name) for a in value.atoms(Entry) if program.tensors[a.name].is_derived}
            used = {a: inner for a, inner in inner_of.items() if inner is not None}
            if not used:
                return value
            new = {}
            for a, inner in used.items():
                new[a] = inner.at(a.indices)
            # The keys hold bound indices of `value` as they are, so nothing is renamed here but what comes in.
            value = value.xreplace(new)
