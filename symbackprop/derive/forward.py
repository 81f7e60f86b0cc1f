"""Forward mode over index equations: a walk from the first equation to the last.

The tangent of a tensor T is its directional derivative along tangents of some leaves: the sum, over the tensors U that T's
equation uses, of dT[t]/dU[u] * tangent of U[u]. It has the axes of T and costs about as much as T; the result is a program again.
Over a gradient program it gives Hessian-vector products. Source: Wengert 1964; Pearlmutter 1994, eq. 3, for the products.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sympy import Add, Expr, Mul

from symbackprop.contract import contract
from symbackprop.derive.local import call_tensor, local_partials
from symbackprop.errors import DeriveError
from symbackprop.laws import Facts
from symbackprop.program import Equation, Program, Tensor
from symbackprop.term import Entry, Total


@dataclass(frozen=True)
class Tangents:
    """A program with tangents. `directions`: leaf -> the new leaf that holds its direction; `tangents`: tensor -> its tangent.

    A tensor that depends on none of the leaves has no tangent: it is zero.
    """

    program: Program
    directions: Mapping[str, str]
    tangents: Mapping[str, str]


def forward(program: Program, wrt: Sequence[str], outputs: Sequence[str]) -> Tangents:
    """The tangents of `outputs` along directions of `wrt`, new leaves in the shapes of `wrt`.

    Raises DeriveError where a name of `wrt` is not a leaf, or an output is unknown.
    """
    leaves = {t.name for t in program.leaves}
    for name in wrt:
        if name not in leaves:
            raise DeriveError(f"'{name}' is not a leaf of {program.name}", fix=f"directions belong to {', '.join(sorted(leaves))}")
    for name in outputs:
        if name not in program.tensors:
            raise DeriveError(f"'{name}' is not a tensor of {program.name}")
    directions: dict[str, Tensor] = {}
    for name in wrt:
        label = program.fresh_name(f"v_{name}", [t.name for t in directions.values()])
        directions[name] = Tensor(label, program.tensors[name].axes, role="input")
    extended = program.with_leaves(directions.values())
    made: list[Equation] = []
    tangents: dict[str, Tensor] = dict(directions)
    facts = Facts((), program.equations)
    for equation in program.needed(outputs).equations:
        value = _tangent(extended, equation, tangents, made, facts)
        if value != 0:
            label = extended.fresh_name(f"r_{equation.name}", [e.name for e in made])
            tensor = Tensor(label, equation.tensor.axes, role="tangent")
            made.append(Equation(tensor, equation.indices, value))
            tangents[equation.name] = tensor
    names = {name: t.name for name, t in tangents.items()}
    return Tangents(extended.extended(made), {name: t.name for name, t in directions.items()}, names)


def _tangent(program: Program, equation: Equation, tangents: Mapping[str, Tensor], made: list[Equation], facts: Facts) -> Expr:
    """The tangent of one equation's tensor at its own indices, from those of the tensors it uses."""
    helper = partial(call_tensor, program, made)
    terms = []
    for name in sorted(equation.uses() & set(tangents)):
        for one in local_partials(program, equation, equation.indices, name, helper):
            along = Entry(tangents[name].name, *one.indices)
            terms.append(Total(Mul(one.coefficient, along), *one.bound))
    return contract(Add(*terms), facts)
