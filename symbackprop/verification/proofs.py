"""Proof that two tensors of one program are equal for all sizes: equal normal forms, under facts."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from sympy import Expr, preorder_traversal

from symbackprop.calculus.contract import contract
from symbackprop.calculus.laws import Facts
from symbackprop.calculus.normal import inlined, proved_equal
from symbackprop.calculus.program import Call, Fact, Program
from symbackprop.calculus.term import Entry
from symbackprop.derivation.reverse import softmax_facts
from symbackprop.stability.recognise import named

SHORT = 400
"""Parts of an expression that is multiplied out in passing."""


def proved(program: Program, left: str, right: str, facts: Sequence[Fact], model: Collection[str]) -> bool:
    """Whether the normal forms agree: of both sides as they are, or with names for the statistics that they spell out."""
    if _same_form(program, left, right, facts, model):
        return True
    better = named(program, (left, right))
    return better is not program and _same_form(better, left, right, facts, model)


def _same_form(program: Program, left: str, right: str, facts: Sequence[Fact], model: Collection[str]) -> bool:
    """Whether the normal forms agree with what is not of the `model` put in place, or with everything put in place."""
    law, sides = _law(program, facts), _sides(program, left, right, model)
    return any(proved_equal(one, other, law) or contract(one - other, law) == 0 for one, other in sides)


def quickly_proved(program: Program, left: str, right: str, facts: Sequence[Fact], model: Collection[str]) -> bool:
    """The same in passing: with what is not of the `model` put in place alone, and only where that is short."""
    one, other = next(_sides(program, left, right, model))
    short = sum(1 for _ in islice(preorder_traversal(one - other), SHORT)) < SHORT
    return short and proved_equal(one, other, _law(program, facts))


def _law(program: Program, facts: Sequence[Fact]) -> Facts:
    return Facts([*facts, *softmax_facts(merged_calls(program))])


def _sides(program: Program, left: str, right: str, model: Collection[str]) -> Iterator[tuple[Expr, Expr]]:
    """Both sides with ever more of what they are made of put in place."""
    program = merged_calls(program)
    indices = program.tensors[left].indices
    own = {e.name: e for e in program.equations if e.name not in model}
    for definitions in (own, {e.name: e for e in program.equations}):
        yield tuple(inlined(Entry(name, *indices), definitions) for name in (left, right))  # type: ignore[misc]  # a pair


def merged_calls(program: Program) -> Program:
    """`program` with every second equation that is the same call of the same tensors said as a copy of the first."""
    seen: dict = {}
    equations = []
    for e in program.equations:
        if isinstance(e.rhs, Call) and e.rhs in seen:
            e = replace(e, rhs=Entry(seen[e.rhs], *e.indices))
        elif isinstance(e.rhs, Call):
            seen[e.rhs] = e.name
        equations.append(e)
    return replace(program, equations=tuple(equations))
