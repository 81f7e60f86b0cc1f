"""The record of a kind of derivative beyond the gradient: what derives it, what a page tells of it, what a module offers, its checks."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

from symbackprop.calculus.program import Program
from symbackprop.derivation.kinks import Kink, kinks
from symbackprop.derivation.reverse import Derived
from symbackprop.errors import DeriveError
from symbackprop.expressions import did_you_mean
from symbackprop.modules.module import Offer
from symbackprop.results import Beyond
from symbackprop.verification.verdict import Verdict


class First(Protocol):
    """A model's gradient, which every kind starts from: the model, the derivation, and the tensors that it is by."""

    program: Program
    derived: Derived

    @property
    def wrt(self) -> tuple[str, ...]:
        """The names of the tensors."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of derivative; `name` is the word that asks for it.

    `derive` gives its results, each with its section of a page: without it pages have no such section. `offer` is what a generated module
    can have of it, `verdicts` what is checked of that module, and of the derivation, beside the module's own self_check.
    """

    name: str
    derive: Callable[[First], Beyond] | None = None
    offer: Offer | None = None
    verdicts: Callable[[Derived, ModuleType, int], list[Verdict]] = lambda derived, module, seed: []


def kinks_of(first: First, second: bool = False, output: str | None = None) -> tuple[Kink, ...]:
    """Where the derivative of the objective, or of `output`, is a convention, and where that of the gradient is."""
    program = first.derived.program
    slopes = [first.derived.adjoints[a] for a in first.wrt]
    own = kinks(program, [output or program.objective], first.wrt, None if output else slopes)
    return tuple(dict.fromkeys([*own, *(kinks(program, slopes, first.wrt) if second else ())]))


def output_of(first: First, name: str | None) -> str:
    """The tensor `name`, by default the declared output. Raises DeriveError where it is not there."""
    program = first.program
    found = name or program.output
    if found is None:
        raise DeriveError(f"{program.name} has no declared output", fix='name a tensor: output="O"')
    if found not in program.tensors:
        raise DeriveError(f"'{found}' is not a tensor of {program.name}", fix=did_you_mean(found, program.tensors))
    return found
