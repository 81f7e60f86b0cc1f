"""Equations that a rewriter adds to a program: a tensor for what it has a use for, known or new."""

from collections.abc import Container, Sequence

from sympy import Expr

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.calculus.term import Entry, tensor_names
from symbackprop.calculus.workbench import Workbench, at_own
from symbackprop.stability.exponentials import has_exponential
from symbackprop.stability.stable import Stable


class Additions(Workbench):
    """The equations of a program as they are said again, and those that this needs, in order."""

    def __init__(self, program: Program, opaque: Container[str] = ()) -> None:
        """`opaque`: tensors that are not looked through."""
        super().__init__(program, role="intermediate")
        self.laws = Stable(program, [e for e in program.equations if e.name not in opaque])
        self.growing: set[str] = set()
        """Tensors whose equations hold exponentials, or use such tensors; a call is looked at by its name alone."""
        for e in program.equations:
            self._note(e)

    def grows(self, e: Expr) -> bool:
        """Whether `e` holds an exponential, or a tensor whose equation does."""
        return has_exponential(e) or not self.growing.isdisjoint(tensor_names(e))

    def _note(self, e: Equation) -> None:
        if isinstance(e.rhs, Expr) and self.grows(e.rhs):
            self.growing.add(e.name)

    def renamed(self, e: Expr) -> Expr:
        """An entry by the name of the tensor that it is an entry of, where an equation gives only another name."""
        while isinstance(e, Entry) and isinstance(meaning := self.laws.meaning(e), Entry) and meaning != e:
            e = meaning
        return e

    def call_of(self, name: str) -> Call | None:
        """The call that defines a tensor."""
        return next((e.rhs for e in (*self.equations, *self.program.equations) if e.name == name and isinstance(e.rhs, Call)), None)

    def statistic(self, call: Call, axes: Sequence[Expr]) -> Tensor:
        """The tensor of a call: one that is there, or a new one."""
        return self.made(f"{call.op}_{call.arguments[0]}", axes, call)

    def new(self, name: str, axes: Sequence[Expr], rhs: Expr | Call) -> Tensor:
        """A new equation, which is known by its name from now on; its tensor."""
        tensor = super().new(name, axes, rhs)
        self.laws.made[tensor.name] = self.equations[-1]
        self._note(self.equations[-1])
        return tensor

    def argument(self, z: Expr, indices: Sequence[Index], name: str = "z") -> str:
        """The name of the tensor whose entry at `indices` is `z`: its own, or that of a new one, which is called `name` if it can.

        Of x[:-1] it is a new one: the sum of exponentials over that is not the one over x.
        """
        if isinstance(z, Entry) and z.indices == tuple(indices) and self.tensor(z.name).axes == tuple(i.axis for i in indices):
            return z.name
        return self.made(name, [i.axis for i in indices], at_own(z, indices)).name

    def named(self, z: Expr, indices: Sequence[Index]) -> str | None:
        """The new tensor whose entry at `indices` is `z`, if there is one."""
        found = self.known(at_own(z, indices), [i.axis for i in indices])
        return None if found is None else found.name
