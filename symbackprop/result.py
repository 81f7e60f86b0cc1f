"""A derivative in hand: its index form, matrix form, LaTeX and NumPy, what it evaluates to, and the facts it rests on."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from inspect import signature
from typing import Any, Self

import numpy as np
from sympy import Expr, Idx, Integer

from symbackprop.calculus.facts.data import check_facts, float_type, real_array
from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Equation, Fact, Program, Tensor
from symbackprop.calculus.term import as_sympy
from symbackprop.code.formula import formula as formula_text
from symbackprop.code.names import PYTHON, Names, code_names
from symbackprop.derivation.kinks import Kink, kinks
from symbackprop.derivation.reverse import Derived, Step
from symbackprop.emit import Carded, Shown, document_text, fragment_text, function_source, load_source
from symbackprop.errors import DataError, NotationError, SpecError
from symbackprop.matrix.form import matrix_equation_latex, numpy_text
from symbackprop.matrix.nodes import Value
from symbackprop.pages.closed import closed_index, closed_matrix
from symbackprop.pages.document import Composer
from symbackprop.pages.page import DIALECTS
from symbackprop.pages.parts import Formula, Part, formula, is_inverse, lettered, names_of
from symbackprop.pages.pieces.cards import result_card, steps_card
from symbackprop.pages.pieces.fragment import Fragment, compose_fragment
from symbackprop.pages.pieces.single import Single, compose_singles, teller_of
from symbackprop.pages.together import with_arguments
from symbackprop.pages.written import Written
from symbackprop.typesetting.blocks import Block, Document
from symbackprop.typesetting.index_form import equation_latex
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.names import Letters
from symbackprop.typesetting.tree import Node
from symbackprop.typesetting.wording import kink_in, refusal
from symbackprop.verification.oracle.literal import infer_sizes, size_of, sizes_text

FORMS = ("matrix", "index", "best")


class Paged(Carded):
    """What can be written as a page: `form` is "index", "matrix" or "both", `lang` "en" or "zh"; default: what the model says, else "en".

    Raises NotationError for another form or language.
    """

    @abstractmethod
    def document(self, form: str = "both", lang: str = "") -> Document:
        """The page before it is Markdown, HTML or LaTeX."""

    def markdown(self, form: str = "both", lang: str = "") -> str:
        """The page as Markdown for GitHub and Obsidian."""
        return document_text(self.document(form, lang), "markdown")

    def html(self, form: str = "both", lang: str = "") -> str:
        """The page as HTML: MathML, no script, no network."""
        return document_text(self.document(form, lang), "html")

    def tex(self, form: str = "both", lang: str = "", fragment: bool = False) -> str:
        """The page as a LaTeX document: for pdflatex, in Chinese for xelatex with ctex.

        `fragment`: without a preamble and macros of its own, for a paper that uses amsmath: the model and the results as numbered
        equations with labels; what is too long to be closed is told by parts that follow it, in order.
        """
        return fragment_text(self.fragment(form, lang)) if fragment else document_text(self.document(form, lang), "latex")

    @abstractmethod
    def fragment(self, form: str = "both", lang: str = "") -> Fragment:
        """What `tex(fragment=True)` prints."""

    def show(self, form: str = "both", lang: str = "") -> Shown:
        """The page within a notebook, with all that a card leaves out."""
        return Shown(self.document(form, lang))


class Steps(tuple[Step, ...], Carded):
    """The lines of a derivation, in order."""

    derived: Derived
    single: Single | None

    @classmethod
    def of(cls, steps: Iterable[Step], derived: Derived, single: Single | None = None) -> Self:
        """Lines of `derived`; those that lead to `single` alone are told in its letters."""
        made = cls(steps)
        made.derived, made.single = derived, single
        return made

    def card(self) -> list[Block]:
        """The lines, each with its rule, one quantity after the other."""
        teller = Composer.of(self.derived, "both", "en") if self.single is None else teller_of(self.single)
        return steps_card(self, teller)

    def __str__(self) -> str:
        axes = {name: t.axes for name, t in self.derived.program.tensors.items()}
        lines = [(s.rule, formula_text(Equation(self.derived.program.tensors[s.quantity], s.indices, s.after), axes)) for s in self]
        wide = max((len(rule) for rule, _ in lines), default=0)
        return "\n".join(f"{rule:<{wide}}  {text}" for rule, text in lines)

    __repr__ = __str__


class Result(Paged):
    """One derivative. The derivative of a scalar has the shape of the variable; else output axes first, then input axes.

    It may speak of named parts (dO, Yhat), which `parts` defines down to the leaves.
    """

    def __init__(self, derived: Derived, name: str, known: Collection[str] | None = None) -> None:
        """`name` is the tensor of `derived.program` that holds the derivative.

        `known` are the tensors that the reader has anyway (default: those that the model's author named).
        """
        self.derived = derived
        self.known = derived.program.authored if known is None else frozenset(known)
        self.program: Program = derived.program.needed([name])
        self.name = name

    @property
    def equation(self) -> Equation:
        """The equation of the derivative, in the program's own terms."""
        return self.program[self.name]

    @property
    def tensor(self) -> Tensor:
        """The tensor that holds the derivative."""
        return self.equation.tensor

    @property
    def axes(self) -> tuple[Expr, ...]:
        """The sizes of the axes, in layout order."""
        return self.tensor.axes

    @cached_property
    def _letters(self) -> Mapping[Index, Idx]:
        return _idx_letters(self.equation, self.program)

    @property
    def indices(self) -> tuple[Idx, ...]:
        """The free indices of `index`, in layout order."""
        return tuple(self._letters[i] for i in self.equation.indices)

    @property
    def index(self) -> Expr:
        """The entry of the derivative at `indices`, as a SymPy expression in Indexed, Sum and KroneckerDelta."""
        return as_sympy(self.equation.rhs, self._letters)

    @property
    def parts(self) -> dict[str, tuple[tuple[Idx, ...], Expr]]:
        """The definitions of the named parts, in order: name -> (free indices, expression). Calls (softmax) are left out."""
        made = {}
        for e in self.program.equations:
            if e.name != self.name and isinstance(e.rhs, Expr):
                letters = _idx_letters(e, self.program)
                made[e.name] = (tuple(letters[i] for i in e.indices), as_sympy(e.rhs, letters))
        return made

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that this derivative, or a part of it, rests on."""
        fired = [f for e in self.program.equations for f in self.derived.facts.get(e.name, ())]
        return tuple(dict.fromkeys((*fired, *self.formula.facts)))

    @property
    def kinks(self) -> tuple[str, ...]:
        """Where this derivative is a convention, since a function on its way has a kink or a jump there; elsewhere it is exact."""
        return tuple(kink_in(kink, "en") for kink in self.conventions)

    @cached_property
    def conventions(self) -> tuple[Kink, ...]:
        """The kinks, as keys that each language has words for."""
        program, (output, *wrt) = self.derived.program, self.tensor.derivative
        found: dict[Kink, None] = {}
        for k, name in enumerate(wrt):
            slope = next(t.name for t in program.tensors.values() if t.derivative == self.tensor.derivative[: k + 2])
            found |= dict.fromkeys(kinks(program, [output], [name], [slope]))
            output = slope
        return tuple(found)

    @property
    def steps(self) -> Steps:
        """The lines of the derivation that lead here, in order."""
        own = [s for s in self.derived.steps if s.quantity in self.program.tensors]
        return Steps.of(own, self.derived, Single(self.derived, self.name, frozenset(self.known), tuple(own)))

    @property
    def single(self) -> Single:
        """What a page tells of it."""
        return Single(self.derived, self.name, frozenset(self.known), self.steps, self.facts, self.conventions, self.numpy)

    def document(self, form: str = "both", lang: str = "") -> Document:
        """The page of this derivative: what is derived, the formulas, the code, the steps."""
        return compose_singles([self.single], form, self.derived.program.style.language(lang))

    def fragment(self, form: str = "both", lang: str = "", after: str = "") -> Fragment:
        """The derivative for a paper, behind the equations of what it is of; `after`: what its labels have besides, behind others."""
        lang = self.derived.program.style.language(lang)
        return compose_fragment(self.derived, [self.name], self.known, form, lang, self.facts, after)

    def latex(self, form: str = "best", expand: bool | str = False) -> str:
        """LaTeX of the right side, in matrix notation, in index notation, or in the better of the two.

        Raises NotationError where the matrix form can't be had; "best" then gives the index form. Named parts are
        defined by `latex_parts`, and what the notation means is told by `reading`. The matrix of a derivative of three or four axes
        has the entries of the output down and those of the variable across, both row by row.

        `expand=True` puts all parts in place: one formula of leaves and of what the model's author named; "leaves": of leaves alone.
        Raises NotationError where there is no such formula, or none that could be read.
        """
        if expand:
            return latex(self.closed(form, expand))
        written = self.written(form)
        return latex(written.right_side(written.whole))

    def closed(self, form: str, expand: bool | str = True) -> Node:
        """The right side as one formula, as a typeset tree: of leaves, and but for "leaves" of what the model's author named."""
        if form not in FORMS:
            raise SpecError(f"'{form}' is not a form", fix=f"one of {', '.join(FORMS)}")
        if expand not in (True, "leaves"):
            raise SpecError(f"{expand!r} is no way to expand a formula", fix='expand=True, or expand="leaves"')
        named = self.known & self.derived.program.authored if expand is True else frozenset()
        if form != "index":
            try:
                return closed_matrix(self.derived.program, self.name, named)
            except NotationError:
                if form == "matrix":
                    raise
        return closed_index(self.derived.program, self.name, named)

    def latex_parts(self, form: str = "best") -> list[str]:
        """An equation in LaTeX for each named part that the right side speaks of, in order, down to what the reader has anyway."""
        written = self.written(form)
        return [latex(written.equation(part)) for part in written.parts]

    def latex_equation(self, form: str = "best") -> str:
        """LaTeX of the derivative as a whole equation."""
        written = self.written(form)
        return latex(written.equation(written.whole))

    def reading(self, form: str = "best", lang: str = "en") -> list[str]:
        """Sentences, with LaTeX between dollar signs, that say how the notation of the formula and its parts is to be read.

        They name what is no standing notation, and tell why a formula that was asked for has no matrix form.
        """
        return [DIALECTS["markdown"].line(line) for line in self.written(form).reading(lang)]

    def written(self, form: str) -> Written:
        """The derivative on paper in a form, as typeset trees: parts, right side, sentences."""
        if form not in FORMS:
            raise SpecError(f"'{form}' is not a form", fix=f"one of {', '.join(FORMS)}")
        if form == "index":
            spoken = [e for e in self._spoken_of() if not is_inverse(e)]
            return Written(lettered(self.program, spoken, self.derived.program), [Part(e, None) for e in spoken], Part(self.equation, None))
        made = self.formula
        if made.whole.value is None and form == "matrix":
            raise refusal(made.whole.why, place=f"equation {self.name}", fix="use the index form")
        own = [p for p in made.parts if not is_inverse(p.equation)]
        return Written(made.program, [*self._model_parts, *own], made.whole)

    def _spoken_of(self) -> list[Equation]:
        """The equations behind the derivative: those that the reader has anyway only where it speaks of them itself."""
        own = [e for e in self.program.equations if e.name not in self.known and e.name != self.name]
        direct = set().union(*(e.uses() for e in (*own, self.equation))) & self.known
        names = {e.name for e in with_arguments(self.program, direct)} | {e.name for e in own}
        return [e for e in self.program.equations if e.name in names]

    @cached_property
    def _model_parts(self) -> list[Part]:
        """The definitions of the tensors, of those that the reader has anyway, that the formula and its parts speak of."""
        made = self.formula
        names = set().union(*(names_of(p) for p in (*made.parts, made.whole)))
        return [formula(made.program, e.name, self.known - {e.name}).whole for e in with_arguments(made.program, names & self.known)]

    @cached_property
    def formula(self) -> Formula:
        """The derivative in matrix form with its named parts; of these, the ones that are worth a name."""
        return formula(self.derived.program, self.name, self.known)

    @cached_property
    def numpy(self) -> str:
        """The source of a NumPy function of the leaves that returns this derivative."""
        return function_source(self.program, self.name)

    @cached_property
    def _names(self) -> Names:
        """What the leaves, and the function, are called in the code."""
        return code_names(self.program, PYTHON)

    @cached_property
    def _function(self):
        return getattr(load_source(self.numpy, self.name), self._names(self.program.tensors[self.name]))

    def evaluate(self, /, **arrays: np.ndarray) -> np.ndarray:
        """The value at `arrays`, one for each leaf by name, by the code that `numpy` shows.

        A size that stands in the derivative, but on no array that it needs, is read off the other leaves, or given by name (n=5).
        Single precision gives single precision. Raises SpecError for a name too few or too many, DataError for what is no array of
        real numbers (of whole ones from 0 on, for an index), or does not fit, FactError for one that lacks a declared fact.
        """
        place, whole = f"evaluate of {self.name}", self.derived.program
        needed = [t.name for t in self.program.leaves]
        missing = [n for n in needed if n not in arrays]
        if missing:
            raise SpecError(f"no array for {', '.join(missing)}", place=place, fix=f"give {', '.join(needed)}")
        known = [*[t.name for t in whole.leaves], *map(str, whole.axes)]
        if unknown := [n for n in arrays if n not in known]:
            raise SpecError(f"nothing is called {unknown[0]}", place=place, fix=f"give {', '.join(needed)}")
        leaves = [t for t in whole.leaves if t.name in arrays]
        values = {t.name: real_array(t, arrays[t.name], place) for t in leaves}
        dtype = float_type([values[t.name] for t in leaves if t.role != "index"])
        sizes = self._sizes({**arrays, **values})
        check_facts(leaves, values, place)
        names, wanted = self._names, signature(self._function).parameters
        given: dict[str, Any] = {names.size(a): size for a, size in sizes.items()}
        for t in self.program.leaves:
            given[names(t)] = values[t.name] if t.role == "index" else values[t.name].astype(dtype)
        lacking = ", ".join(sorted(set(wanted) - set(given)))
        if lacking:
            raise SpecError(f"no array tells the size {lacking}", place=place, fix=f"give it by name: {lacking}=...")
        return np.asarray(self._function(**{n: v for n, v in given.items() if n in wanted}), dtype)[()]

    def _sizes(self, arrays: Mapping[str, np.ndarray]) -> dict[Expr, int]:
        """The sizes of the axes, which the shapes of the arrays tell. Raises DataError where they do not fit each other or the model."""
        whole = self.derived.program
        given = {t.name: arrays[t.name] for t in whole.leaves if t.name in arrays}
        told = {a: arrays[str(a)] for a in whole.axes if str(a) in arrays and str(a) not in given}
        for a, size in told.items():
            if np.ndim(size) or not isinstance(np.asarray(size)[()], int | np.integer) or size < 0:
                raise DataError(f"the size {a} is {size!r}", place=f"evaluate of {self.name}", fix=f"give a whole number: {a}=5")
        sizes = infer_sizes(whole, given, {a: int(size) for a, size in told.items()})
        known = {a: Integer(size) for a, size in sizes.items()}
        for need in whole.needs:
            if need.gap.free_symbols <= set(known) and need.gap.xreplace(known) < 0:
                raise DataError(need.text, place=f"evaluate of {self.name}", notes=[sizes_text(sizes)], fix="give more entries")
        for a in (a for t in whole.tensors.values() for a in t.axes if a.free_symbols <= set(sizes)):
            size_of(a, sizes)
        for a in whole.divisors:
            if a.xreplace(known) == 0:
                why = f"{a} is 0, and the formulas divide by it, or take a largest entry along it"
                raise DataError(why, place=f"evaluate of {self.name}", notes=[sizes_text(sizes)], fix="give more entries")
        return sizes

    def __repr__(self) -> str:
        what = " ".join(str(a) for a in self.axes)
        return f"<Result {self.name} [{what}]>"

    def card(self) -> list[Block]:
        """The formula, what it speaks of, and the code."""
        return result_card(self.single)

    def __str__(self) -> str:
        written = self.written("best")
        whole, *parts = [plain(p.equation, p.value, written.program) for p in (written.whole, *written.parts)]
        return "\n".join([whole, *(["where", *[f"  {text}" for text in parts]] if parts else [])])


def plain(e: Equation, value: Value | None, program: Program) -> str:
    """An equation as plain text: in NumPy notation where it has a matrix form, else entry by entry."""
    if value is not None:
        with suppress(NotationError):
            return f"{e.name} = {numpy_text(value, e)}"
    return formula_text(e, {name: t.axes for name, t in program.tensors.items()})


def best_equation(e: Equation, program: Program) -> str:
    """LaTeX of a whole equation, in matrix form where it has one, else in index form."""
    try:
        return matrix_equation_latex(e, program)
    except NotationError:
        return equation_latex(e, program)


class Printed(Idx):
    r"""An index that SymPy prints in LaTeX as its letter: of one with a range it writes \nobreak, which MathJax has not."""

    def _latex(self, printer):
        return printer.doprint(self.label)

    def __eq__(self, other: object) -> bool:
        return self.args == other.args if isinstance(other, Idx) else super().__eq__(other)

    def __hash__(self) -> int:
        return hash((Idx.__name__, *self._hashable_content()))


def _idx_letters(e: Equation, program: Program) -> dict[Index, Idx]:
    """The letters that LaTeX would show too, as SymPy indices with their ranges."""
    bound = sorted((i for i in e.formula.atoms(Index) if i not in e.indices), key=lambda i: (i.name, str(i.axis)))
    letters = Letters(program).extended({}, (*e.indices, *bound))
    return {i: Printed(letter, i.axis) for i, letter in letters.items()}
