"""Trying other right sides of a claim: fast at a few points, then as any claim is checked."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from time import process_time

import numpy as np
from sympy import Expr

from symbackprop.calculus.program import Tensor
from symbackprop.errors import SymbackpropError
from symbackprop.language.nodes import Derivative, Node, walk
from symbackprop.verification.claims.compare import agree_numerically
from symbackprop.verification.claims.edits import Edit, edits
from symbackprop.verification.claims.stated import Ground, both, ground, with_facts
from symbackprop.verification.oracle.literal import evaluate_equation
from symbackprop.verification.points.points import Point, Points

MOST_EDITS = 400
SECONDS = 2.0
"""How many edits are tried, and for how long."""

SAME = 1e-9
"""Relative difference below which two arrays are taken as the same; what is found so is checked as any claim is."""


@dataclass(frozen=True)
class Sample:
    """Both sides, and all tensors, at one point."""

    left: np.ndarray
    right: np.ndarray
    known: dict[str, np.ndarray]
    sizes: dict[Expr, int]

    @property
    def same(self) -> bool:
        """Whether both sides are the same."""
        return equal(self.left, self.right)


class Trials:
    """A claim's left side at a few points, and whatever right side is asked about.

    Where the right side names derivatives, those by all other tensors are at hand.
    """

    def __init__(self, base: Ground, left: Node, right: Node, seed: int = 0) -> None:
        model = base.model
        others = [Derivative(model.objective, (n,)) for n, t in model.tensors.items() if n != model.objective and t.role != "index"]
        named = any(isinstance(n, Derivative) and n.of == model.objective for n in walk(right))
        self.model, self.seed, self.node = model, seed, right
        wide = ground(model, (left, right, *(others if named else ())))
        at_hand = {Derivative(model.objective, t.derivative[1:]): t.name for t in wide.program.tensors.values() if len(t.derivative) == 2}
        of_objective = {d: n for d, n in at_hand.items() if wide.program.tensors[n].derivative[0] == model.objective}
        self.base, self.left = replace(wide, named={**of_objective, **wide.named}).with_expression(left)
        self.left_node, self.end = left, process_time() + SECONDS
        self.nearly = ""

    @cached_property
    def points(self) -> list[Point]:
        """Points with numbers of size 1, at several sizes."""
        program = with_facts(self.base.program, self.base.facts)
        return [p for p in Points(program, list(self.model.tensors), self.seed) if p.unit]

    @property
    def tensor(self) -> Tensor:
        """The left side as a tensor."""
        return self.base.program.tensors[self.left]

    def adjoint(self, name: str) -> str | None:
        """The tensor of the objective's derivative by `name`, if it is at hand."""
        return next((t.name for t in self.base.program.tensors.values() if t.derivative == (self.model.objective, name)), None)

    def samples(self, right: Node) -> list[Sample] | None:
        """Both sides at the points, with another right side; None where that makes no sense."""
        try:
            new, name = self.base.equations_of(right)
            made = []
            for p in self.points:
                known = dict(p.known)
                with np.errstate(all="ignore"):
                    for e in new:
                        known[e.name] = evaluate_equation(e, known, p.sizes)
                made.append(Sample(known[self.left], known[name], known, dict(p.sizes)))
        except SymbackpropError:
            return None
        return made

    def true(self, right: Node) -> bool:
        """Whether the claim with another right side holds, at all points and under the facts declared."""
        try:
            stated = both(self.base, self.left_node, right)
            program = stated.with_facts(stated.facts)
            return agree_numerically(program, stated.left, stated.right, self.model.tensors, self.seed).status == "holds"
        except SymbackpropError:
            return False

    @property
    def late(self) -> bool:
        """Whether the time for trying is up."""
        return process_time() > self.end

    def edits(self, names: bool) -> Iterator[tuple[Edit, list[Sample]]]:
        """Each edit of the right side that makes sense, with both sides at the points, until the time is up."""
        for count, edit in enumerate(edits(self.node, self.model, names)):
            if count >= MOST_EDITS or self.late:
                return
            found = self.samples(edit.whole)
            if found:
                yield edit, found


def equal(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays have the same shape and the same values."""
    if a.shape != b.shape or not np.all(np.isfinite(b)):
        return False
    return float(np.abs(a - b).max(initial=0)) <= SAME * max(float(np.abs(a).max(initial=0)), 1e-3)
