"""What the classes of this room ask of each other: each is one part of evaluating a formula, the last one is all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symbackprop.formulas.notation.references import Pattern, Position
from symbackprop.formulas.numbers.quantities import Quantity
from symbackprop.formulas.numbers.tape import Scalar
from symbackprop.language.latex import nodes as n

Env = Mapping[str, int]
"""Values of indices."""
Found = tuple[Quantity, tuple[Position, ...]]
"""A tensor, and what is left above its name."""


@dataclass(frozen=True)
class Known:
    """A name that is declared or defined. `right` is its equation's right side, `axes` its declared sizes, `parameters` those of a
    function, `whole` the declaration whose components the equation gives."""

    pattern: Pattern
    right: n.Node | None = None
    axes: tuple[n.Node, ...] | None = None
    parameters: tuple[n.Node, ...] | None = None
    alias: bool = False
    component: tuple[str, ...] = ()
    name: n.Name | None = None


class Evaluator:
    """The parts by their signatures."""

    def value(self, node: n.Node, env: Env) -> Quantity:
        """What a tree stands for."""
        raise NotImplementedError

    def name(self, node: n.Name, env: Env) -> Quantity:
        """What a name stands for."""
        raise NotImplementedError

    def raised(self, found: Quantity, above: Sequence[Position], node: n.Node, env: Env) -> Quantity:
        """Powers and transposes that are left above something."""
        raise NotImplementedError

    def component(self, made: Quantity, below: Sequence[Position], node: n.Node, env: Env) -> Quantity:
        """An entry, a row or a column of a tensor."""
        raise NotImplementedError

    def pick(self, made: Quantity, places: Sequence[int], letters: frozenset[str], what: str) -> Scalar:
        """An entry by places counted from 1."""
        raise NotImplementedError

    def sample(self, made: Quantity, at: Position) -> Quantity:
        """One sample of a matrix of samples."""
        raise NotImplementedError

    def linked(self, node: n.Name, base: str, below: tuple[Position, ...], above: tuple[Position, ...], env: Env) -> Found | None:
        """Entries, rows and samples of a capital by its small letter."""
        raise NotImplementedError

    def ranged(self, base: str, below: tuple[Position, ...], above: tuple[Position, ...]) -> Found | None:
        """The whole, or a row, of what an equation gives by components."""
        raise NotImplementedError

    def unknown(self, node: n.Name, base: str, below: tuple[Position, ...], above: tuple[Position, ...], env: Env) -> Found:
        """A name that nothing defines."""
        raise NotImplementedError

    def made(self, k: Known, bindings: dict[str, int], base: str) -> Quantity:
        """A tensor made for the first time."""
        raise NotImplementedError

    def within(self, e: Known, env: Env, number: bool = False) -> Quantity:
        """The right side of an equation."""
        raise NotImplementedError

    def leaf(self, base: str, found: Pattern, bindings: Mapping[str, int], shape: tuple[int, ...]) -> Quantity:
        """A tensor of random numbers."""
        raise NotImplementedError

    def objective(self, name: n.Name, env: Env) -> Quantity:
        """A loss that nothing defines."""
        raise NotImplementedError

    def call(self, head: n.Name, bracket: n.Bracket, env: Env) -> Quantity | None:
        """A name before a bracket as a function, or None where it is a factor."""
        raise NotImplementedError

    def is_component_of_call(self, head: n.Name, bracket: n.Bracket, below: Sequence[n.Script], env: Env) -> bool:
        """Whether f(x)_i is what an equation defines."""
        raise NotImplementedError

    def primed(self, head: n.Name, bracket: n.Bracket | None, env: Env) -> Quantity:
        """A function with primes."""
        raise NotImplementedError

    def dependent(self, base: str, own: n.Bracket, shape: tuple[int, ...], env: Env) -> Quantity:
        """A name of which is said only what it depends on."""
        raise NotImplementedError

    def increment(self, of: n.Node, env: Env) -> Quantity:
        """Delta before something."""
        raise NotImplementedError

    def chained(self, a: Quantity, b: Quantity, strict: bool = True) -> Quantity | None:
        """A product of two whole derivatives by the chain rule, or None."""
        raise NotImplementedError

    def of_product_rule(self, given: Sequence[Quantity]) -> Quantity:
        """prod(a, b) by the chain rule."""
        raise NotImplementedError

    def indices_of(self, below: Sequence[n.Node]) -> tuple[list[str], list[n.Node | None], list[n.Node]]:
        """The letters that a sum runs over, where they start, and the conditions on them."""
        raise NotImplementedError

    def bound(self, node: n.Node, env: Env, otherwise: int) -> int:
        """Where a sum starts or stops."""
        raise NotImplementedError

    def is_beyond(self, body: n.Node, env: Env, letter: str) -> bool:
        """Whether an index is out of range in a body."""
        raise NotImplementedError
