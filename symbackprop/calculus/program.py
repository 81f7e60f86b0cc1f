"""Tensors, equations, programs: the one form that every room reads and writes, and what is legal in it.

A program is a list of equations in an order in which each uses only tensors that leaves or earlier equations define.
An equation is either an index equation, T[i, j] = an index expression (see term.py), or a call of a whole-tensor op or
named statistic (softmax, inverse), whose law the op table holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sympy import Expr, Pow, Symbol

from symbackprop.calculus.index import Index, free_indices
from symbackprop.calculus.signs import Signs, gram_factor, is_above_0, is_root, is_squares, is_total
from symbackprop.calculus.term import Entry, indices_of, substitute, tensor_names
from symbackprop.errors import SpecError

ROLES = ("input", "label", "parameter", "constant", "index")
"""Roles a user can give. Tensors that equations define have the role "intermediate"."""

DERIVED = ("adjoint", "part", "tangent", "direction")
"""Roles of what a derivation makes: derivatives, named parts of these, directional derivatives, and the directions given for them."""

OF_NONE = ("prod", "prod_others")
"""Calls along an axis that have a value where it has no entries."""


@dataclass(frozen=True)
class Fact:
    """Something declared true of a tensor; `kind` names its record in the room facts.

    `axis` is the position of the axis it speaks of (simplex over c: the entries along it sum to 1), or None; `size` is that axis's size, as
    a program says it of its own facts: a sum over a part of it is no such sum.
    """

    kind: str
    tensor: str
    axis: int | None = None
    size: Expr | None = field(default=None, compare=False)

    def along(self, axes: Sequence[Expr]) -> "Fact":
        """This fact of a tensor with these axes; one that names none speaks of all, of one size."""
        return replace(self, size=axes[self.axis or 0] if axes else None)


@dataclass(frozen=True)
class Tensor:
    """A named array: its axes (sizes), role, facts, and how LaTeX writes it (None: the default).

    `derivative` of an adjoint or a Jacobian says what it is: ("J", "W1") for dJ/dW1, ("J", "W1", "W2") for a Hessian block; `orders` how
    many axes each of these tensors has. `tangent_of` says it of the tensor that a tangent, or a direction, is along: ("H",), or
    ("J", "H") for dJ/dH. `cotangent_of` names the tensor that a cotangent is carried back to, and before it, of a block of a matrix, that
    of its rows. `held` of the derivative of one equation names what else that equation speaks of that depends on the variable, and is held.
    `copy_of` names the tensor that this one holds a copy of for each sample.
    """

    name: str
    axes: tuple[Expr, ...]
    role: str = "intermediate"
    facts: tuple[Fact, ...] = ()
    latex: str | None = None
    derivative: tuple[str, ...] = ()
    orders: tuple[int, ...] = ()
    tangent_of: tuple[str, ...] = ()
    cotangent_of: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    copy_of: str = ""

    def __getitem__(self, indices: Any) -> Entry:
        return Entry(self.name, *(indices if isinstance(indices, tuple) else (indices,)))

    @property
    def indices(self) -> tuple[Index, ...]:
        """The free indices i0, i1, ... of an equation that defines this tensor."""
        return free_indices(self.axes)

    @property
    def is_derived(self) -> bool:
        """Whether a derivation made it, not the model."""
        return self.role in DERIVED


@dataclass(frozen=True)
class Call:
    """A whole-tensor op on tensors: `op` is its name in the op table, `options` what else it needs, as (name, value) pairs."""

    op: str
    arguments: tuple[str, ...]
    options: tuple[tuple[str, Any], ...] = ()

    def option(self, name: str, default: Any = None) -> Any:
        """The value of the option `name`."""
        return dict(self.options).get(name, default)

    def renamed(self, new: Mapping[str, str]) -> "Call":
        """The same call of tensors by their new names."""
        return replace(self, arguments=tuple(new.get(n, n) for n in self.arguments))


@dataclass(frozen=True)
class Equation:
    """tensor[indices] = rhs, an index expression, or tensor = rhs, a call. `text` is what the user wrote, if it comes from a user."""

    tensor: Tensor
    indices: tuple[Index, ...]
    rhs: Expr | Call
    text: str = ""

    @property
    def name(self) -> str:
        """The name of the tensor that it defines."""
        return self.tensor.name

    @property
    def formula(self) -> Expr:
        """The right side of an index equation. A call has none: TypeError."""
        if isinstance(self.rhs, Call):
            raise TypeError(f"{self.name} is a call of {self.rhs.op}, which has no formula")
        return self.rhs

    def at(self, indices: Sequence[Expr]) -> Expr:
        """The formula at other indices than `self.indices`; indices that it sums over are renamed apart."""
        return substitute(self.formula, dict(zip(self.indices, indices, strict=True)))

    def uses(self) -> set[str]:
        """The names of the tensors on the right side."""
        return set(self.rhs.arguments) if isinstance(self.rhs, Call) else tensor_names(self.rhs)


@dataclass(frozen=True)
class Need:
    """What a model needs of its sizes: that the formula `gap` is not negative. `text` says what for, as in "x[4:] needs n >= 4"."""

    gap: Expr
    text: str


@dataclass(frozen=True)
class Style:
    """How the pages of a model are written: the numbers of layers, as "(1)", "[1]", "_1" or "1", and what stands above a page."""

    layers: str = "1"
    title: str = ""
    author: str = ""
    date: str = ""
    lang: str = ""

    def language(self, asked: str = "") -> str:
        """The language of a page: what was asked for, else what the model says, else English."""
        return asked or self.lang or "en"


@dataclass(frozen=True)
class Program:
    """Tensors by name, and equations in order. `objective` and `output` are names; `samples` is the axis of samples.

    `sizes` gives example sizes of axes for checks; no formula depends on them. Sizes that break one of `needs` are refused.
    Where statistics were recognised, `stated` is the program as its author has it, and `through` are the tensors that were looked through.
    `style` is how its pages are written.
    """

    name: str
    tensors: Mapping[str, Tensor]
    equations: tuple[Equation, ...]
    objective: str
    output: str | None = None
    samples: Expr | None = None
    sizes: Mapping[Expr, int] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    stated: "Program | None" = None
    through: frozenset[str] = frozenset()
    style: Style = Style()

    def __post_init__(self) -> None:
        check_legal(self)

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        """The tensors that no equation defines, in the order of declaration."""
        made = {e.name for e in self.equations}
        return tuple(t for t in self.tensors.values() if t.name not in made)

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """The leaves that training changes."""
        return tuple(t for t in self.leaves if t.role == "parameter")

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Everything declared true of a tensor."""
        return tuple(f.along(t.axes) for t in self.tensors.values() for f in t.facts)

    @cached_property
    def axes(self) -> tuple[Expr, ...]:
        """The symbols of all axes, in order of appearance, then sizes that only stand in an equation."""
        seen: dict[Expr, None] = {}
        for t in self.tensors.values():
            for a in t.axes:
                seen |= dict.fromkeys(sorted(a.free_symbols, key=str))
        for e in self.equations:
            if isinstance(e.rhs, Expr):
                sizes = [s for s in e.rhs.free_symbols if not isinstance(s, Index) and s.name not in self.tensors]
                seen |= dict.fromkeys(sorted(sizes, key=str))
        return tuple(seen)

    @cached_property
    def divisors(self) -> tuple[Expr, ...]:
        """The sizes that the equations of the model divide by, or take a largest entry along: none of them may be 0."""
        found: dict[Expr, None] = {}
        for e in self.equations:
            if isinstance(e.rhs, Expr) and e.tensor.role not in DERIVED:
                powers = (f for f in e.rhs.atoms(Pow) if f.exp.could_extract_minus_sign())
                found |= dict.fromkeys(f.base for f in powers if f.base.free_symbols and not f.base.has(Entry, Index))
            elif isinstance(e.rhs, Call) and "axis" in dict(e.rhs.options) and e.rhs.op not in OF_NONE:
                axes, axis = self.tensors[e.rhs.arguments[0]].axes, e.rhs.option("axis")
                found |= dict.fromkeys(a for k, a in enumerate(axes) if axis in (None, k) and a.free_symbols)
        return tuple(found)

    @cached_property
    def authored(self) -> frozenset[str]:
        """The tensors that the model's author named."""
        return frozenset(e.name for e in self.equations if e.text)

    @cached_property
    def users(self) -> Mapping[str, tuple[Equation, ...]]:
        """The equations that use a tensor, by its name, in order; a tensor that none uses is not there."""
        found: dict[str, list[Equation]] = {}
        for e in self.equations:
            for name in e.uses():
                found.setdefault(name, []).append(e)
        return {name: tuple(used) for name, used in found.items()}

    @cached_property
    def signs(self) -> Signs:
        """The tensors that are sums of squares by their equations, and those that are positive."""
        squares: set[str] = set()
        positive: set[str] = set()
        known = Signs(squares, positive)
        for e in self.equations:
            if isinstance(e.rhs, Expr) and is_above_0(e.rhs, known):
                positive.add(e.name)
            elif isinstance(e.rhs, Expr) and is_squares(e.rhs, known):
                squares.add(e.name)
            elif isinstance(e.rhs, Call) and e.rhs.op == "eigvalsh" and (made := self.equation(e.rhs.arguments[0])) is not None:
                squares |= {e.name} if isinstance(made.rhs, Expr) and gram_factor(made.rhs) is not None else set()
        return known

    @cached_property
    def partial(self) -> frozenset[str]:
        """The tensors whose entries may have no value: by their own equations, or entry by entry by those before."""
        found: set[str] = set()
        for e in self.equations:
            if isinstance(e.rhs, Expr) and not indices_of(e.rhs) - set(e.indices) and not is_total(e.rhs, found, self.signs):
                found.add(e.name)
        return frozenset(found)

    @cached_property
    def roots(self) -> frozenset[str]:
        """The tensors that are roots of sums of squares by their equations: norms."""
        return frozenset(e.name for e in self.equations if isinstance(e.rhs, Expr) and is_root(e.rhs, self.signs))

    def dependent(self, name: str) -> set[str]:
        """The tensors that depend on `name`, this included."""
        found = {name}
        for e in self.equations:
            if e.uses() & found:
                found.add(e.name)
        return found

    def __getitem__(self, name: str) -> Equation:
        """The equation that defines `name`; KeyError for a leaf."""
        return self._defined[name]

    def equation(self, name: str) -> Equation | None:
        """The equation that defines `name`, or None for a leaf."""
        return self._defined.get(name)

    @cached_property
    def _defined(self) -> Mapping[str, Equation]:
        return {e.name: e for e in self.equations}

    def fresh_name(self, name: str, also: Iterable[str] = ()) -> str:
        """`name`, or name_2, name_3, ... if this program or `also` has that one already."""
        taken = {*self.tensors, *also}
        number, made = 1, name
        while made in taken:
            number += 1
            made = f"{name}_{number}"
        return made

    def extended(self, equations: Sequence[Equation], **changes: Any) -> "Program":
        """This program with more equations at its end."""
        tensors = {**self.tensors, **{e.name: e.tensor for e in equations}}
        return replace(self, tensors=tensors, equations=(*self.equations, *equations), **changes)

    def with_leaves(self, leaves: Iterable[Tensor]) -> "Program":
        """This program with more tensors that no equation defines."""
        return replace(self, tensors={**self.tensors, **{t.name: t for t in leaves}})

    def renamed(self, new: Mapping[str, str]) -> "Program":
        """This program with some tensors that equations define called otherwise, wherever they stand."""
        symbols = {Symbol(old, real=True): Symbol(made, real=True) for old, made in new.items()}
        rows = []
        for e in self.equations:
            tensor = replace(e.tensor, name=new.get(e.name, e.name))
            rhs = e.rhs.renamed(new) if isinstance(e.rhs, Call) else e.rhs.xreplace(symbols)
            rows.append(replace(e, tensor=tensor, rhs=rhs))
        tensors = {n: t for n, t in self.tensors.items() if n not in new} | {e.name: e.tensor for e in rows}
        return replace(self, tensors=tensors, equations=tuple(rows))

    def needed(self, names: Iterable[str]) -> "Program":
        """Only the equations and tensors that the tensors `names` depend on, these included."""
        names = set(names)
        kept = needed(self.equations, names)
        wanted = names.union(*[{e.name, *e.uses()} for e in kept])
        tensors = {n: t for n, t in self.tensors.items() if n in wanted}
        return replace(self, tensors=tensors, equations=tuple(kept))


def needed(equations: Sequence[Equation], names: Iterable[str]) -> list[Equation]:
    """The equations that the tensors `names` depend on, in order."""
    wanted, kept = set(names), []
    for e in reversed(equations):
        if e.name in wanted:
            kept.append(e)
            wanted |= e.uses()
    return kept[::-1]


def name_of(rhs: Expr, indices: Sequence[Index], among: Iterable[Equation]) -> str | None:
    """The tensor that one of the equations defines as just this, if there is one."""
    return next((e.name for e in among if e.rhs == rhs and e.indices == tuple(indices)), None)


def check_legal(program: Program) -> None:
    """Raise SpecError unless each equation uses defined tensors with as many indices as axes, and free indices agree."""
    made = {e.name for e in program.equations}
    known = {n for n in program.tensors if n not in made}
    for e in program.equations:
        place = f"equation {e.name}"
        if e.name in known:
            raise SpecError(f"'{e.name}' is defined twice", place=place)
        for name in sorted(e.uses() - known):
            raise SpecError(f"'{name}' is used before it is defined", place=place, source=e.text)
        if len(e.indices) != len(e.tensor.axes):
            raise SpecError(f"{len(e.indices)} indices for {len(e.tensor.axes)} axes", place=place)
        if isinstance(e.rhs, Expr):
            for stray in sorted(indices_of(e.rhs) - set(e.indices), key=str):
                raise SpecError(f"index {stray} is neither free nor summed", place=place)
            for a in e.rhs.atoms(Entry):
                if len(a.indices) != len(program.tensors[a.name].axes):
                    axes = program.tensors[a.name].axes
                    raise SpecError(f"{a} has {len(a.indices)} indices, '{a.name}' has {len(axes)} axes", place=place)
        known.add(e.name)
