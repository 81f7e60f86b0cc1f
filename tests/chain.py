"""One derivative as the product of the links on its path: dJ/dw = dJ/dyhat dyhat/do do/dh dh/dh0 dh0/dw.

Each link is the Jacobian of one equation (numerator layout: its axes first, then those of what it is derived by). The product, contracted,
is the closed form in tensors of the model alone.
"""

from dataclasses import dataclass

from sympy import Expr, Integer

from symbackprop.calculus.contract import contract
from symbackprop.calculus.index import Index
from symbackprop.calculus.laws import Facts
from symbackprop.calculus.normal import inlined
from symbackprop.calculus.program import Equation
from symbackprop.calculus.term import Entry, substitute
from symbackprop.derivation.reverse import Derived, known_facts
from symbackprop.errors import DeriveError


@dataclass(frozen=True)
class Chain:
    """d output / d name[entry] (all entries: entry is None): the links from the output inwards, and the closed form at `indices`."""

    name: str
    entry: tuple[int, ...] | None
    links: tuple[Equation, ...]
    indices: tuple[Index, ...]
    value: Expr


def chain(derived: Derived, name: str, entry: tuple[int, ...] | None = None) -> Chain:
    """The chain of links from the derived output to `name`, or to one entry of it.

    Raises DeriveError where more than one path leads there: then the derivative is a sum of such products.
    """
    if name not in derived.adjoints:
        raise DeriveError(f"'{name}' has no derivative here", fix=f"derive by one of {', '.join(derived.adjoints)}")
    by_input: dict[str, list[Equation]] = {}
    for link in derived.links:
        by_input.setdefault(link.tensor.derivative[1], []).append(link)
    links: list[Equation] = []
    here = name
    while here != derived.output:
        steps = by_input.get(here, [])
        if len(steps) != 1:
            users = ", ".join(s.tensor.derivative[0] for s in steps) or "nothing"
            raise DeriveError(f"'{here}' is used by {users}: no single chain leads from {derived.output} to {name}")
        links.append(steps[0])
        here = steps[0].tensor.derivative[0]
    links.reverse()
    adjoint = derived.program[derived.adjoints[name]]
    made = {e.name: e for e in derived.program.equations if e.tensor.is_derived}
    value = inlined(adjoint.tensor[adjoint.indices] if adjoint.indices else Entry(adjoint.name), made)
    indices = adjoint.indices
    if entry is not None:
        if len(entry) != len(indices):
            raise DeriveError(f"{len(entry)} indices for '{name}', which has {len(indices)} axes")
        at = dict(zip(indices, map(Integer, entry), strict=True))
        value = substitute(value, at)
        if links:
            links[-1] = _at_entry(links[-1], len(entry), entry)
        indices = ()
    return Chain(name, entry, tuple(links), indices, contract(value, Facts(known_facts(derived.program))))


def _at_entry(link: Equation, axes: int, entry: tuple[int, ...]) -> Equation:
    """The link with the indices of its input set to those of one entry: a column."""
    kept = link.indices[: len(link.indices) - axes]
    moved = dict(zip(link.indices[len(kept) :], map(Integer, entry), strict=True))
    tensor = link.tensor
    label = f"{tensor.name}[{','.join(map(str, entry))}]"
    column = type(tensor)(label, tensor.axes[: len(kept)], role=tensor.role, derivative=tensor.derivative)
    return Equation(column, kept, contract(substitute(link.rhs, moved)))
