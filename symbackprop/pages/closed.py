"""A derivative as one formula of what the reader has: every part that it speaks of in its place.

In matrix form a part is put in place as a matrix expression. In index form one that is a sum is put into a function or a root on paper
alone, for equations hold no sum there; so is what a call gives, as a softmax.
"""

from collections.abc import Collection
from dataclasses import replace

from symbackprop.calculus.contract import contract
from symbackprop.calculus.facts import kind_of
from symbackprop.calculus.normal import inlined
from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.errors import NotationError
from symbackprop.matrix.lengths import LONGEST, total_length
from symbackprop.matrix.polish import polished, size
from symbackprop.matrix.sameness import Known
from symbackprop.matrix.tex import Typesetter
from symbackprop.pages.parts import formula, names_of, placed_in
from symbackprop.typesetting import tree
from symbackprop.typesetting.index_form import Writer
from symbackprop.typesetting.wording import refusal

SHRINKS = 20
"""So much shorter a formula may become where deltas and facts do away with parts of it; of a longer one it is not tried."""


def put_in_place(program: Program, name: str, known: Collection[str]) -> list[Equation]:
    """The equation of `name` with its parts put in place, after those of the parts that keep a name, in order.

    A part keeps its name where it is a sum inside a function or a root, or a call; one of `known` is neither put in place nor defined.
    """
    parts = {e.name: e for e in program.equations if e.name not in known or e.name == name}
    made: list[Equation] = []
    wanted = {name}
    for e in reversed(program.equations):
        if e.name in wanted and e.name in parts:
            short = e if isinstance(e.rhs, Call) else replace(e, rhs=contract(inlined(e.rhs, parts)))
            wanted |= short.uses()
            made.append(short)
    return made[::-1]


def closed_matrix(program: Program, name: str, known: Collection[str], writer: Writer | None = None) -> tree.Node:
    """`name` in matrix form in terms of leaves and of `known` alone. Raises NotationError where it has no such form.

    `writer` names tensors and indices (default: that of the program).
    """
    made = formula(program.needed([name]), name, known)
    whole = made.whole
    symmetric = Known({f.tensor: f for f in program.facts if kind_of(f).mirrored})
    for part in reversed(made.parts):
        if part.name in names_of(whole):
            lacking = next((p for p in (whole, part) if p.value is None), None)
            if lacking is not None:
                raise refusal(lacking.why, place=f"equation {name}", fix="use the index form")
            whole = placed_in(whole, part, symmetric)
            short_enough(size(whole.value), name)
    if whole.value is None:
        raise refusal(whole.why, place=f"equation {name}", fix="use the index form")
    return Typesetter(writer or Writer.of(program)).node(polished(whole.value))


def closed_index(program: Program, name: str, known: Collection[str], writer: Writer | None = None) -> tree.Node:
    """`name` in index form in terms of leaves and of `known` alone. Raises NotationError where a call is of what has no name.

    `writer` names tensors and indices (default: that of the program).
    """
    needed = program.needed([name])
    short_enough(total_length([e for e in needed.equations if e.name == name or e.name not in known]) / SHRINKS, name)
    *parts, whole = put_in_place(needed, name, known)
    short_enough(total_length([*parts, whole]), name)
    defined = {e.name: e for e in parts}
    writer = replace(writer or Writer.of(program), inside=defined, written={})
    if isinstance(whole.rhs, Call):
        return writer.called(whole.tensor[whole.indices], writer.free(whole.indices), whole)
    return writer.expression(whole.rhs, whole.indices)


def short_enough(tokens: float, name: str) -> None:
    """Raise NotationError for a formula that nobody could read."""
    if tokens > LONGEST:
        why = f"put into one formula, this derivative takes more than {LONGEST} names and numbers"
        raise NotationError(why, place=f"equation {name}", fix="leave expand out: latex_parts() defines the parts that latex() speaks of")
