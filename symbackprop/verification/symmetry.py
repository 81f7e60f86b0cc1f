"""Second derivatives do not depend on the order: d2J/dadb is d2J/dbda with its axes exchanged.

Proved in the normal form where it can be, with all adjoints put in place; by value at random points otherwise. Neither side knows
of the other: one is the Jacobian of the gradient by a, the other that of the gradient by b.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sympy import Expr

from symbackprop.calculus.laws import Facts
from symbackprop.calculus.normal import inlined, proved_equal
from symbackprop.calculus.program import Program
from symbackprop.calculus.term import substitute
from symbackprop.derivation.reverse import Derived, gradient, jacobian, known_facts
from symbackprop.errors import ContradictionError
from symbackprop.verification.generated import largest_gap
from symbackprop.verification.numeric import label
from symbackprop.verification.oracle.literal import evaluate, sizes_text
from symbackprop.verification.points.points import plain
from symbackprop.verification.verdict import Counterexample, Verdict, two_texts

TOLERANCE = 1e-11
"""Largest difference by value, relative to the largest entry."""


def exchanged(derived: Derived, name: str) -> tuple[Derived, str]:
    """The block of the second derivatives `name` derived in the other order: first by its second variable, then by its first."""
    top, a, b = derived.program.tensors[name].derivative
    first = gradient(forward(derived.program, top), [b])
    second = jacobian(first.program, first.adjoints[b], a)
    return second, second.adjoints[a]


def forward(program: Program, objective: str) -> Program:
    """The model's own equations."""
    own = tuple(e for e in program.equations if not e.tensor.is_derived)
    tensors = {n: t for n, t in program.tensors.items() if not t.is_derived}
    return replace(program, tensors=tensors, equations=own, objective=objective)


def check_symmetry(derived: Derived, name: str, other: Derived, other_name: str, seed: int = 0) -> Verdict:
    """Whether the block `name` is the block `other_name` of another derivation with its axes exchanged."""
    one, two = derived.program[name], other.program[other_name]
    subject = f"{label(one.tensor)} = {label(two.tensor)} transposed"
    order = len(derived.program.tensors[one.tensor.derivative[1]].axes)
    turned = (*one.indices[order:], *one.indices[:order])
    right = substitute(_in_place(other, two.rhs), dict(zip(two.indices, turned, strict=True)))
    proof = proved_equal(_in_place(derived, one.rhs), right, Facts(known_facts(derived.program)))
    back = (*range(len(turned) - order, len(turned)), *range(len(turned) - order))
    found = _by_value(derived.program.needed([name]), other.program.needed([other_name]), name, other_name, back, subject, seed)
    if not proof or found.status == "unknown":
        return found
    if found.status == "wrong":
        reason = "the normal form proves two orders equal which numbers tell apart: a fault of this program, please report it"
        raise ContradictionError(reason, source=subject, notes=found.lines())
    return Verdict("proved", subject, "for all sizes, in the normal form", details=(found.reason,))


def _by_value(one: Program, two: Program, name: str, other_name: str, back: Sequence[int], subject: str, seed: int) -> Verdict:
    worst, points = 0.0, plain(one, seed)
    for point in points:
        left = point.known[name]
        value = evaluate(two, {t.name: point.arrays[t.name] for t in two.leaves}, point.sizes)[other_name].transpose(back)
        place, gap, scale = largest_gap(left, value)
        if not gap <= TOLERANCE * scale:
            found = {str(a): s for a, s in point.sizes.items()}
            example = Counterexample(found, {}, place, *two_texts(float(left[place]), float(value[place])))
            return Verdict("wrong", subject, f"the two orders differ by {gap:.3g}", counterexample=example)
        worst = max(worst, float(np.float64(gap / scale)))
    where = "; ".join(dict.fromkeys(sizes_text(p.sizes) for p in points))
    if not points:
        return Verdict("unknown", subject, "no point was found where the model has a value")
    return Verdict("holds", subject, f"by value, relative difference {worst:.1g}, at {where}")


def _in_place(derived: Derived, e: Expr) -> Expr:
    return inlined(e, {q.name: q for q in derived.program.equations if q.tensor.is_derived})
