"""Claims about updates, such as W1 <- W1 - eta * dJ/dW1: they must go downhill, and along the gradient."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from sympy import Expr

from symbackprop.calculus.index import shape_text
from symbackprop.calculus.program import Program
from symbackprop.errors import SpecError, SymbackpropError, UnknownNameError, nearest
from symbackprop.language.nodes import Call, Claim, Derivative, Name, Node, Number, Subscript, names_of, unparse
from symbackprop.verification.claims.causes import constant_ratio, telling, value_ratio
from symbackprop.verification.claims.counterexample import small_points
from symbackprop.verification.claims.stated import Ground, both, ground
from symbackprop.verification.claims.trials import Sample
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.oracle.sides import Reached
from symbackprop.verification.points.draws import UNIT
from symbackprop.verification.points.points import Points
from symbackprop.verification.verdict import Counterexample, Verdict, broken, guarded

MOST_DRAWN = 8
"""Further points at each choice of sizes, where the gradient is 0 at the first."""

STEPS = (2.0**-4, 2.0**-7, 2.0**-10)
"""Step sizes tried, from a readable one down to one small enough for the first order to decide."""


def check_update(program: Program, claim: Claim, seed: int = 0) -> Verdict:
    """Whether an update is a step of gradient descent on the objective.

    The change (right - left) must be a negative multiple of the gradient by the tensor (or the entry) on the left. Uphill is
    wrong, and the objective before and after is the counterexample. Raises SpecError where the claim states nothing.
    """
    axes = program.tensors[program.objective].axes
    if axes:
        reason = f'{program.objective} has the shape "{shape_text(axes)}": only a scalar goes down'
        raise SpecError(reason, place="the claim", source=claim.text, fix="sum it, or take its mean")
    name, place = target(claim, program)
    scalars = tuple(n for n in names_of(claim.right) if n not in program.tensors and n not in {str(a) for a in program.axes})
    slope: Node = Derivative(program.objective, (name,))
    if isinstance(claim.left, Subscript):
        slope = Subscript(slope, claim.left.items)
    change = Call("subtract", (claim.right, claim.left))
    try:
        base = ground(program, (change, slope), scalars)
    except SymbackpropError as error:
        return broken(claim.text, error)
    stated = both(base, change, slope, claim.text)
    full = stated.with_facts(stated.facts)
    change_axes, slope_axes = full.tensors[stated.left].axes, full.tensors[stated.right].axes
    if change_axes != slope_axes:
        return Verdict("wrong", claim.text, f"the change has {len(change_axes)} axes, {name} has {len(slope_axes)}", cause="shape")
    return guarded(claim.text, partial(_judged, base, full, stated.left, stated.right, claim, name, place, scalars, seed))


def _judged(
    base: Ground, full: Program, left: str, right: str, claim: Claim, name: str, place, scalars: Sequence[str], seed: int
) -> Verdict:
    program = base.model
    samples = _samples(full, left, right, list(program.tensors), seed)
    steps = [float(np.vdot(s.left, s.right)) for s in samples]
    if all(step == 0 for step in steps):
        return Verdict("unknown", claim.text, "nothing changes, or only across the slope")
    if any(step > 0 for step in steps):
        return _uphill(base, claim, name, place, scalars, sign=all((value_ratio(s) or 0) > 0 for s in samples))
    along = f"goes downhill along d{program.objective}/d{name}"
    # The step size divides out: what is left over is a number, a size, or nothing.
    ratio = constant_ratio([replace(s, right=_scaled(s, scalars)) for s in samples])
    if ratio is None:
        if all((value_ratio(s) or 0) < 0 for s in samples):
            condition = "what stands before it, which depends on the data, is meant as the step size"
            return Verdict("holds", claim.text, along).under([condition])
        return Verdict("unknown", claim.text, "goes downhill at the points tried, but not along the gradient")
    factor = ratio[1]
    if scalars and factor == 1:
        return Verdict("holds", claim.text, along, details=tuple(f"{s} > 0" for s in scalars))
    if factor.is_number and not scalars:
        return Verdict("holds", claim.text, f"{along} by a step of size {float(factor):g}")
    return Verdict("holds", claim.text, along).under([f"the factor {factor} is meant as a part of the step size"])


def target(claim: Claim, program: Program) -> tuple[str, tuple[int, ...] | None]:
    """The name of the tensor that an update changes, and the entry if it is only one. UnknownNameError if it is neither."""
    left = claim.left
    node = left.value if isinstance(left, Subscript) else left
    if not isinstance(node, Name) or node.id not in program.tensors:
        close = nearest(unparse(claim.left), list(program.tensors)) or list(program.tensors)
        reason = f"'{unparse(claim.left)}' is no tensor of the model, nor an entry of one"
        raise UnknownNameError(reason, place="the claim", source=claim.text, spans=[left.span], fix=f"did you mean {', '.join(close)}?")
    if not isinstance(left, Subscript):
        return node.id, None
    place = tuple(int(item.value) for item in left.items if isinstance(item, Number) and item.value.is_Integer)
    if len(place) != len(left.items) or len(place) != len(program.tensors[node.id].axes):
        raise UnknownNameError("an update changes a tensor or one entry of it", place="the claim", source=claim.text, spans=[left.span])
    return node.id, place


def _samples(program: Program, left: str, right: str, model: Sequence[str], seed: int) -> list[Sample]:
    """Both sides at points where they are not 0: several further ones are drawn where all are, as of an entry whose unit is at rest."""
    chooser = Points(program, list(model), seed)
    points = [p for p in chooser if p.unit]
    sizes = list(dict.fromkeys(tuple(p.sizes.items()) for p in points))
    found = telling([Sample(p.known[left], p.known[right], dict(p.known), dict(p.sizes)) for p in points])
    if not found:
        points = [p for row in sizes for p in chooser.at(dict(row), [(UNIT, k) for k in range(10, 10 + MOST_DRAWN)])]
        found = telling([Sample(p.known[left], p.known[right], dict(p.known), dict(p.sizes)) for p in points])
    return found


def _scaled(s: Sample, scalars: Sequence[str]) -> np.ndarray:
    return s.right * np.prod([s.known[name] for name in scalars])


def _uphill(base: Ground, claim: Claim, name: str, place, scalars: Sequence[str], sign: bool) -> Verdict:
    """Wrong, with the objective before and after; unknown if no small point shows it."""
    after = both(base, claim.right, claim.right)
    objective = base.model.objective
    full = after.with_facts(after.facts).needed([after.left, objective])
    for sizes, arrays in small_points(full):
        for step in STEPS:
            given = {**arrays, **{s: np.asarray(step) for s in scalars}}
            record = Reached()
            known = evaluate(full, given, sizes, sides=record)
            if record.ties():
                break
            try:
                moved = _moved(arrays[name], place, known[after.left])
            except IndexError:
                break
            forward = full.needed([objective])
            later = evaluate(forward, {t.name: moved if t.name == name else arrays[t.name] for t in forward.leaves}, sizes)[objective]
            if later > known[objective] + 1e-9:
                return _goes_uphill(claim, sizes, given, float(known[objective]), float(later), objective, sign)
    return Verdict("unknown", claim.text, "the change points uphill at random points, but no small counterexample was found")


def _moved(values: np.ndarray, place: tuple[int, ...] | None, new: np.ndarray) -> np.ndarray:
    if place is None:
        return new
    moved = np.array(values, dtype=float)
    moved[place] = new
    return moved


def _goes_uphill(
    claim: Claim, sizes: Mapping[Expr, int], given: Mapping[str, np.ndarray], before: float, after: float, objective: str, sign: bool
) -> Verdict:
    example = Counterexample(
        {str(a): s for a, s in sizes.items()}, given, (), f"{objective} = {before:.6g} before", f"{objective} = {after:.6g} after"
    )
    reason = f"goes uphill: {objective} rises from {before:.6g} to {after:.6g}"
    cause = "sign: a step of descent subtracts the gradient" if sign else ""
    return Verdict("wrong", claim.text, reason, cause=cause, counterexample=example)
