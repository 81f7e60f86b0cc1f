"""What a document says with: words of its language with formulas put in, facts, shapes, equations in the form asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from sympy import Expr

from symbackprop.derive.reverse import Derived
from symbackprop.errors import NotationError
from symbackprop.notation import tree
from symbackprop.notation.blocks import Code, Line
from symbackprop.notation.index_form import Writer
from symbackprop.notation.matrix import Value
from symbackprop.notation.matrix_form import matrix_form
from symbackprop.notation.matrix_print import Texter, Typesetter
from symbackprop.notation.wording import words
from symbackprop.program import Equation, Fact, Program


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
        """The teller of a derivation; the Jacobians of single equations have names too."""
        links = {e.name: e.tensor for e in derived.links}
        program = replace(derived.program, tensors={**derived.program.tensors, **links})
        return cls(derived, program, Writer.of(program), form, dict(words(lang)), lang)

    # --- words ---------------------------------------------------------------------------------------------------------

    def line(self, key: str, **parts: object) -> Line:
        """The words of `key` with formulas put in."""
        found: list = []
        text = self.say[key]
        while "{" in text:
            before, _, rest = text.partition("{")
            name, _, text = rest.partition("}")
            value = parts[name]
            found += [before, *(value if isinstance(value, tuple) else (value,))]
        return tuple(p for p in (*found, text) if p != "")

    def listed(self, lines: Sequence[Line]) -> Line:
        """Lines with commas between them."""
        made: list = []
        for k, one in enumerate(lines):
            made += [self.say["comma"]] if k else []
            made += one
        return tuple(made)

    def fact(self, fact: Fact) -> Line:
        """A fact as words."""
        key = f"fact {fact.kind}" if f"fact {fact.kind}" in self.say else "fact other"
        axes = self.program.tensors[fact.tensor].axes
        axis = self.writer.expression(axes[fact.axis]) if fact.axis is not None and axes else ""
        return self.line(key, tensor=self.writer.names(fact.tensor), axis=axis)

    def shape(self, axes: Sequence[Expr]) -> Line:
        """n x d, or "scalar"."""
        if not axes:
            return (self.say["scalar"],)
        return (self.times(axes),)

    def times(self, axes: Sequence[Expr]) -> tree.Node:
        """n x d."""
        first, *rest = [self.writer.expression(a) for a in axes]
        return tree.relation(first, *[("times", a) for a in rest])

    # --- formulas ------------------------------------------------------------------------------------------------------

    def matrix(self, e: Equation, whole: bool = True) -> tree.Node | None:
        """The equation in matrix form, or None where it has none."""
        try:
            right = Typesetter(self.writer).node(self.value(e))
        except NotationError:
            return None
        return tree.relation(self.writer.names(e.name), ("=", right)) if whole else right

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
            return (Code(Texter().text(self.value(e))),)
        except NotationError:
            return ("–",)
