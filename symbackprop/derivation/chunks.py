"""Partial sums: what an objective and its gradients need of samples, as sums that add up over chunks of samples.

The law: where the objective is made of sums over samples whose terms each speak of one sample alone, J = f(S_1, S_2, ..., n, parameters),
each S is the sum of what chunks give, and dJ/dW = sum_k df/dS_k dS_k/dW + df/dW. Terms without samples, such as a penalty, stay in f.
The precondition, and how the model is cut into the sums and f: uncoupled.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sympy import Add

from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.calculus.term import Entry
from symbackprop.derivation.reverse import gradient
from symbackprop.derivation.second import scalar
from symbackprop.derivation.uncoupled import Cut
from symbackprop.errors import DeriveError


@dataclass(frozen=True)
class Chunked:
    """`part` is the program of one chunk, `whole` that of what is made of the sums.

    `sums` maps each leaf of `whole` that is a sum over samples to the tensor of `part` that adds up to it; `count` is the leaf that is the
    number of samples, `gradients` gives for each parameter the tensor of `whole` that is its gradient.
    """

    part: Program
    whole: Program
    count: str
    sums: Mapping[str, str]
    gradients: Mapping[str, str]


def partial_sums(program: Program, names: Sequence[str]) -> Chunked:
    """The objective and its gradients by the parameters `names`, in sums over chunks of samples and what is made of these.

    Raises DeriveError where the objective is no scalar, the model has no axis of samples, or samples are coupled.
    """
    scalar(program)
    if program.samples is None:
        raise DeriveError(f"{program.name} has no axis of samples", fix='declare it: samples = "n"')
    if not any(program.samples in t.axes for t in program.needed([program.objective]).leaves):
        raise DeriveError(f"'{program.objective}' speaks of no samples: there is nothing to add up over {program.samples}")
    cut = Cut(program, set().union(*[program.dependent(name) for name in names]))
    part, slopes = _part(cut, names)
    return _whole(cut, part, slopes, names)


def _part(cut: Cut, names: Sequence[str]) -> tuple[Program, dict[tuple[str, str], str]]:
    """The program of a chunk: its sums, and the gradients of those that have one, by (sum, parameter)."""
    equations = (*cut.apart, *cut.sums.values())
    program = _of(cut.model, {t.name: t for t in cut.model.leaves}, equations)
    slopes: dict[tuple[str, str], str] = {}
    for top in cut.sums:
        held = program.needed([top]).tensors
        if by := [name for name in names if name in held]:
            derived = gradient(replace(program, objective=top), by)
            program = derived.program
            slopes |= {(top, name): derived.adjoints[name] for name in by}
    return program, slopes


def _of(model: Program, leaves: Mapping[str, Tensor], equations: Sequence[Equation], **changes: Any) -> Program:
    """A program of some of the equations of `model`, and new ones."""
    tensors = {**leaves, **{e.name: e.tensor for e in equations}}
    return replace(model, tensors=tensors, equations=tuple(equations), output=None, stated=None, through=frozenset(), **changes)


def _whole(cut: Cut, part: Program, slopes: Mapping[tuple[str, str], str], names: Sequence[str]) -> Chunked:
    """What is made of the sums: the objective, and the gradients by the chain rule over the sums."""
    model = cut.model
    count = Tensor(model.fresh_name("samples", part.tensors), (), role="input")
    given = {name: name for name in cut.sums}
    leaves = {t.name: t for t in model.leaves} | {n: replace(e.tensor, role="input") for n, e in cut.sums.items()} | {count.name: count}
    for (_, name), slope in slopes.items():
        leaf = Tensor(part.fresh_name(f"{slope}_sum", leaves), model.tensors[name].axes, role="input")
        leaves[leaf.name], given[leaf.name] = leaf, slope
    number = {model.samples: Entry(count.name)}
    joint = [e if isinstance(e.rhs, Call) else replace(e, rhs=e.rhs.xreplace(number)) for e in cut.joint]
    shared = [e for e in cut.apart if e.name not in cut.each]
    program = _of(model, leaves, [*shared, *joint], samples=None, needs=())
    held = [name for name in names if name in program.needed([program.objective]).tensors]
    tops = list(dict.fromkeys(top for top, _ in slopes))
    derived = gradient(program, [*tops, *held])
    apart = {derived.adjoints[name]: program.fresh_name(f"d{name}_apart") for name in held}
    program = derived.program.renamed(apart)
    leaf_of = {slope: leaf for leaf, slope in given.items()}
    gradients: list[Equation] = []
    for name in names:
        made = Tensor(program.fresh_name(f"d{name}"), model.tensors[name].axes, role="adjoint")
        terms = [Entry(derived.adjoints[top]) * Entry(leaf_of[slope], *made.indices) for (top, of), slope in slopes.items() if of == name]
        terms += [Entry(apart[derived.adjoints[name]], *made.indices)] if name in held else []
        gradients.append(Equation(made, made.indices, Add(*terms)))
    program = program.extended(gradients)
    return Chunked(part, program, count.name, given, dict(zip(names, [e.name for e in gradients], strict=True)))
