"""Proof that two tensors of one program are equal for all sizes: equal normal forms, under facts."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from symbackprop.contract import contract
from symbackprop.laws import Facts
from symbackprop.normal import inlined, proved_equal
from symbackprop.program import Fact, Program
from symbackprop.term import Entry


def proved(program: Program, left: str, right: str, facts: Sequence[Fact], model: Collection[str]) -> bool:
    """Whether the normal forms agree, with what is not of the `model` put in place, then with everything put in place."""
    program = merged_calls(program)
    law = Facts([*facts, *softmax_facts(program)])
    indices = program.tensors[left].indices
    sides = [Entry(name, *indices) for name in (left, right)]
    own = {e.name: e for e in program.equations if e.name not in model}
    for definitions in (own, {e.name: e for e in program.equations}):
        one, other = (inlined(side, definitions) for side in sides)
        if proved_equal(one, other, law) or contract(one - other, law) == 0:
            return True
    return False


def merged_calls(program: Program) -> Program:
    """`program` with every second equation that is the same call of the same tensors said as a copy of the first."""
    seen: dict = {}
    equations = []
    for e in program.equations:
        if e.call is not None and e.call in seen:
            e = replace(e, call=None, rhs=Entry(seen[e.call], *e.indices))
        elif e.call is not None:
            seen[e.call] = e.name
        equations.append(e)
    return replace(program, equations=tuple(equations))


def softmax_facts(program: Program) -> list[Fact]:
    """That a softmax sums to 1 over its axis: it follows from its law and is no condition."""
    return [Fact("simplex", e.name, e.call.option("axis")) for e in program.equations if e.call and e.call.op == "softmax"]
