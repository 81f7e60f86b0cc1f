"""Second order: the Hessian is the Jacobian of the gradient, derived row by row; products with it are tangents of the gradient.

Every function maps a derivation to a program that holds the second derivatives too, so that what rows and blocks have in common
is there once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from symbackprop.calculus.index import shape_text
from symbackprop.calculus.program import Program, Tensor
from symbackprop.calculus.term import Entry
from symbackprop.derivation.forward import Tangents, forward
from symbackprop.derivation.reverse import Derived, gradient, jacobian, pullback
from symbackprop.errors import DeriveError


@dataclass(frozen=True)
class Blocks:
    """The blocks of a matrix of second derivatives: (a, b) -> the tensor that holds it, for `names` a not after b.

    The others are these transposed: second derivatives do not depend on the order.
    """

    derived: Derived
    names: tuple[str, ...]
    blocks: Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Products:
    """Products with a matrix of derivatives: `directions` T -> the leaf that holds the part of the vector for T, `results` T -> product."""

    derived: Derived
    directions: Mapping[str, str]
    results: Mapping[str, str]


def second(first: Derived, a: str, wrt: Sequence[str]) -> Derived:
    """The Jacobian of the derivative by `a`, by each of `wrt`, with the steps of both. It rests on what the first derivative rests on."""
    adjoint = first.adjoints[a]
    made = jacobian(first.program, adjoint, wrt)
    behind = first.facts_behind.get(adjoint, ())
    fired = {name: tuple(dict.fromkeys((*behind, *made.facts.get(name, ())))) for name in made.adjoints.values()}
    return replace(made, steps=(*first.steps, *made.steps), facts={**first.facts, **made.facts, **fired})


def scalar(program: Program) -> None:
    """Raise DeriveError unless the objective is a scalar."""
    axes = program.tensors[program.objective].axes
    if axes:
        raise DeriveError(
            f"'{program.objective}' has the axes {shape_text(axes)}: only a scalar has a Hessian",
            fix=f"jacobian('{program.objective}', ...) gives its first derivatives",
        )


def hessian(first: Derived, names: Sequence[str] | None = None) -> Blocks:
    """Every block of the Hessian of a scalar by `names` (default: what it is derived by), one row of blocks after another.

    Raises DeriveError where the objective is not a scalar.
    """
    scalar(first.program)
    names = tuple(first.wrt if names is None else names)
    whole = _with_gradient(first, names)
    blocks: dict[tuple[str, str], str] = {}
    for k, a in enumerate(names):
        row = second(whole, a, names[k:])
        blocks |= {(a, b): row.adjoints[b] for b in names[k:]}
        whole = replace(whole, program=row.program, steps=row.steps, facts=row.facts, links=(*whole.links, *row.links))
    return Blocks(whole, names, blocks)


def hessian_vector_product(first: Derived, names: Sequence[str] | None = None) -> Products:
    """sum over b of d2J / da db * v_b for each a of `names`: the tangent of the gradient along v (Pearlmutter 1994).

    Raises DeriveError where the objective is not a scalar.
    """
    scalar(first.program)
    names = tuple(first.wrt if names is None else names)
    whole = _with_gradient(first, names)
    moved = forward(whole.program, names, [whole.adjoints[n] for n in names])
    return Products(joined(whole, moved), moved.directions, {n: moved.tangents[whole.adjoints[n]] for n in names})


def jvp(program: Program, output: str, names: Sequence[str]) -> Products:
    """sum over b of d output / db * v_b: the directional derivative of `output` along v."""
    moved = forward(program, names, [output])
    made = Derived(moved.program, output, tuple(names), {}, moved.steps, moved.facts, moved.links)
    return Products(made, moved.directions, {output: moved.tangents[output]})


def vjp(program: Program, output: str, names: Sequence[str]) -> Products:
    """sum over o of u[o] * d output[o] / da for each a of `names`: what a cotangent u of `output` pulls back to."""
    own = program.tensors[output]
    u = Tensor(program.fresh_name(f"u_{output}"), own.axes, role="direction", cotangent_of=(output,))
    made = pullback(program.with_leaves([u]), output, names, Entry(u.name, *own.indices), (), "g", ())
    return Products(made, {output: u.name}, {n: made.adjoints[n] for n in names})


def joined(first: Derived, moved: Tangents) -> Derived:
    """A derivation, and tangents over its program, as one; a tangent rests on what the tensor rests on that it is of."""
    fired = {}
    for name, tangent in moved.tangents.items():
        fired[tangent] = tuple(dict.fromkeys((*first.facts_behind.get(name, ()), *moved.facts.get(tangent, ()))))
    return replace(
        first,
        program=moved.program,
        steps=(*first.steps, *moved.steps),
        facts={**first.facts, **fired},
        links=(*first.links, *moved.links),
    )


def _with_gradient(first: Derived, names: Sequence[str]) -> Derived:
    """`first` with the gradient by each of `names`, derived anew if it lacks one."""
    return first if set(names) <= set(first.adjoints) else gradient(first.program.needed([first.program.objective]), names)
