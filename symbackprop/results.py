"""Several derivatives that belong together, such as the blocks of a Hessian or products with it; and their pages."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from symbackprop.calculus.program import Fact
from symbackprop.derivation.reverse import Derived
from symbackprop.errors import DeriveError, NotationError, SpecError
from symbackprop.pages.beyond import Section, compose_beyond
from symbackprop.pages.pieces.cards import together_card
from symbackprop.pages.pieces.fragment import Fragment
from symbackprop.pages.together import Together, together
from symbackprop.result import FORMS, Paged, Result, Steps
from symbackprop.typesetting.blocks import Block, Document
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.wording import kink_in, refusal
from symbackprop.verification.oracles import Oracle
from symbackprop.verification.report import verify_results
from symbackprop.verification.second import check_result
from symbackprop.verification.verdict import Report, Verdict


class Beyond(Paged):
    """What is derived beyond the gradient; `first` is the derivation of that."""

    first: Derived

    @property
    @abstractmethod
    def sections(self) -> Sequence[Section]:
        """What a page tells of it."""

    @abstractmethod
    def verify(self, seed: int = 0) -> Report:
        """A verdict on each part of it."""

    def document(self, form: str = "both", lang: str = "") -> Document:
        """The model, what is derived, its formulas, and the steps that lead to them."""
        style = self.first.program.style
        return compose_beyond(self.first, self.sections, form, style.language(lang)).signed(style.title, style.author, style.date)

    def fragment(self, form: str = "both", lang: str = "") -> Fragment:
        """Raises NotationError: only first derivatives, and single ones, have a fragment."""
        fix = 'take one of them, as in results["W1"].tex(fragment=True), or the page: .tex()'
        raise NotationError(f"{self!r} has no fragment", fix=fix)


class Results(Beyond, Mapping[str, Result]):
    """Derivatives by name, of one derivation: `results["W1"]` is a Result. They share their named parts.

    `directions` says which leaf holds the part of the vector that a product is with: {"W1": "v_W1"}; for a vector-Jacobian product
    {"O": "u_O"}. `note` says what they rest on beside declared facts.
    """

    def __init__(self, section: Section, first: Derived, what: str, oracle: Oracle | None = None, note: str = "") -> None:
        """`section` says which tensor of its derivation holds the result of each name; `first` is the derivation of the gradient.

        `oracle` is what they should be.
        """
        self.section, self.first = section, first
        self.derived = section.derived
        self.oracle = oracle
        self.names = dict(section.names)
        self.directions = dict(section.directions)
        self.note = note
        self.what = what

    def __getitem__(self, name: str) -> Result:
        if name not in self.names:
            raise DeriveError(f"'{name}' is not among these {self.what}", fix=f"one of {', '.join(self.names)}")
        return Result(self.derived, self.names[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _needed(self) -> frozenset[str]:
        return frozenset(self.derived.program.needed(self.names.values()).tensors)

    @property
    def steps(self) -> Steps:
        """The lines of the derivation that lead to them, in order."""
        return Steps.of((s for s in self.derived.steps if s.quantity in self._needed), self.derived)

    def card(self) -> list[Block]:
        """Each of them, and what they speak of."""
        return together_card(self.what, self.note, self.written())

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that one of them rests on."""
        fired = [f for name in self.derived.program.tensors if name in self._needed for f in self.derived.facts.get(name, ())]
        return tuple(dict.fromkeys(fired))

    @property
    def kinks(self) -> tuple[str, ...]:
        """Where they are a convention, since a function on the way has a kink or a jump there."""
        return tuple(kink_in(kink, "en") for kink in self.section.kinks)

    def verify(self, seed: int = 0) -> Report:
        """Compare each with differences of the model, or one without such as `verify` does; and its code with the formulas."""
        if self.oracle is None:
            return verify_results(self.derived, {tensor: self[name].evaluate for name, tensor in self.names.items()}, self.what, seed)
        rows: list[Verdict] = []
        for name, tensor in self.names.items():
            rows += check_result(self.derived, name, tensor, self.oracle, self.what, self[name].evaluate, seed)
        return Report(tuple(rows), f"verification of {self.what}")

    def written(self, form: str = "best") -> Together:
        """All of them on paper over one set of named parts. Raises NotationError where one has no matrix form that is asked for."""
        if form not in FORMS:
            raise SpecError(f"'{form}' is not a form", fix=f"one of {', '.join(FORMS)}")
        made = self._sheets["index" if form == "index" else "matrix"]
        for part in made.wholes.values():
            if form == "matrix" and part.value is None:
                raise refusal(part.why, place=f"equation {part.name}", fix='use the index form, or "best"')
        return made

    @cached_property
    def _sheets(self) -> dict[str, Together]:
        known = self.derived.program.authored
        names = list(self.names.values())
        return together(self.derived.program, names, ("index", "matrix"), known, walk=not self.section.variables)

    def latex(self, form: str = "best") -> dict[str, str]:
        """The right side of each in LaTeX, in "index", "matrix" or the "best" form; named parts are defined by `latex_parts`."""
        made = self.written(form)
        return {name: latex(made.written(tensor).right_side(made.wholes[tensor])) for name, tensor in self.names.items()}

    def latex_parts(self, form: str = "best") -> list[str]:
        """An equation in LaTeX for each named part that one of them speaks of, in order, once."""
        made = self.written(form)
        one = made.written(next(iter(made.wholes)))
        return [latex(one.equation(part)) for part in made.parts]

    def evaluate(self, /, v: Any = None, **arrays: np.ndarray) -> dict[str, np.ndarray]:
        """The value of each at `arrays`, by its generated code. `v`: the vector of a product, by name or in the order of `directions`.

        Beside the vector of a product a tensor that is called v has the name v_, as in a generated module.
        """
        if not self.directions and v is not None:
            arrays, v = {**arrays, "v": v}, None
        if "v" in self.derived.program.tensors and "v_" in arrays:
            arrays = {"v" if n == "v_" else n: a for n, a in arrays.items()}
        if v is not None:
            given = dict(v) if isinstance(v, Mapping) else dict(zip(self.directions, v, strict=False))
            if set(given) != set(self.directions) or len(v) != len(self.directions):
                raise SpecError(f"v has {len(v)} arrays", place=f"evaluate of {self.what}", fix=f"give {', '.join(self.directions)}")
            arrays = {**arrays, **{self.directions[name]: array for name, array in given.items()}}
        return {name: self[name].evaluate(**arrays) for name in self}

    @property
    def sections(self) -> list[Section]:
        """What a page tells of them."""
        return [self.section]

    def __repr__(self) -> str:
        return f"<{self.what}: {', '.join(self.names)}>"
