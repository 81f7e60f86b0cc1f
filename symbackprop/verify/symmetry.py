"""Second derivatives do not depend on the order: d2J/dadb is d2J/dbda with its axes exchanged.

Proved in the normal form where it can be, with all adjoints put in place; by value at random points otherwise. Neither side knows
of the other: one is the Jacobian of the gradient by a, the other that of the gradient by b.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sympy import Expr

from symbackprop.derive.reverse import Derived, gradient, jacobian, known_facts
from symbackprop.laws import Facts
from symbackprop.normal import inlined, proved_equal
from symbackprop.program import Program
from symbackprop.term import substitute
from symbackprop.verify.generated import largest_gap
from symbackprop.verify.literal import evaluate, prime_sizes, random_arrays, sizes_text
from symbackprop.verify.numeric import label
from symbackprop.verify.verdict import Counterexample, Verdict

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


def check_symmetry(derived: Derived, name: str, other: Derived, other_name: str, seeds: Sequence[int] = (0, 1)) -> Verdict:
    """Whether the block `name` is the block `other_name` of another derivation with its axes exchanged."""
    one, two = derived.program.equation(name), other.program.equation(other_name)
    subject = f"{label(one.tensor)} = {label(two.tensor)} transposed"
    order = len(derived.program.tensors[one.tensor.derivative[1]].axes)
    turned = (*one.indices[order:], *one.indices[:order])
    right = substitute(_in_place(other, two.rhs), dict(zip(two.indices, turned, strict=True)))
    if proved_equal(_in_place(derived, one.rhs), right, Facts(known_facts(derived.program))):
        return Verdict("proved", subject, "for all sizes, in the normal form")
    sizes = prime_sizes(derived.program)
    back = (*range(len(turned) - order, len(turned)), *range(len(turned) - order))
    worst = 0.0
    for seed in seeds:
        arrays = random_arrays(derived.program, sizes, seed)
        left = evaluate(derived.program.needed([name]), arrays, sizes)[name]
        value = evaluate(other.program.needed([other_name]), arrays, sizes)[other_name].transpose(back)
        place, gap, scale = largest_gap(left, value)
        if not gap <= TOLERANCE * scale:
            found = {str(a): s for a, s in sizes.items()}
            example = Counterexample(found, {}, place, f"{left[place]:.9g}", f"{value[place]:.9g}")
            return Verdict("wrong", subject, f"the two orders differ by {gap:.3g}", counterexample=example)
        worst = max(worst, float(np.float64(gap / scale)))
    return Verdict("holds", subject, f"by value, relative difference {worst:.1g}, at {sizes_text(sizes)}")


def _in_place(derived: Derived, e: Expr) -> Expr:
    return inlined(e, {q.name: q for q in derived.program.equations if q.tensor.is_derived})
