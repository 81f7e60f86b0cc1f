"""Equations in the making: each tensor that they need is one that is there already, or a new one under a name that nothing has yet."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Expr

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Equation, Program, Tensor


@dataclass
class Workbench:
    """What is made of a program, in order; names of `others` are taken too."""

    program: Program
    equations: list[Equation] = field(default_factory=list)
    others: Sequence[Equation] = ()
    role: str = "helper"
    """Of new tensors."""

    def tensor(self, name: str) -> Tensor:
        """The tensor `name`, of the program or made here."""
        return self.program.tensors.get(name) or next(e.tensor for e in (*self.equations, *self.others) if e.name == name)

    def known(self, rhs: Expr | Call, axes: Sequence[Expr]) -> Tensor | None:
        """The tensor made here that has these axes and is `rhs` at its own indices."""
        return next((e.tensor for e in self.equations if e.rhs == rhs and e.tensor.axes == tuple(axes)), None)

    def new(self, name: str, axes: Sequence[Expr], rhs: Expr | Call) -> Tensor:
        """The tensor of a new equation; it is called `name` if nothing else is."""
        taken = [e.name for e in (*self.equations, *self.others)]
        tensor = Tensor(self.program.fresh_name(name, taken), tuple(axes), role=self.role)
        self.equations.append(Equation(tensor, tensor.indices, rhs))
        return tensor

    def made(self, name: str, axes: Sequence[Expr], rhs: Expr | Call) -> Tensor:
        """The tensor that is `rhs` at its own indices: a known one, or a new one."""
        return self.known(rhs, axes) or self.new(name, axes, rhs)

    def call(self, op: str, arguments: tuple[str, ...], axes: Sequence[Expr], **options: Any) -> Tensor:
        """The tensor that a call gives, of an equation of the program, or made here."""
        call = Call(op, arguments, tuple(sorted(options.items())))
        there = next((e.tensor for e in self.program.equations if e.rhs == call), None)
        return there or self.made(f"{arguments[0]}_{op}", axes, call)


def at_own(e: Expr, indices: Sequence[Index]) -> Expr:
    """What is `e` at `indices`, at the own indices of a tensor over their axes."""
    own = Tensor("", tuple(i.axis for i in indices)).indices
    return e.xreplace(dict(zip(indices, own, strict=True)))
