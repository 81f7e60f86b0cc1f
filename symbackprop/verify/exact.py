"""Derivatives as exact algebra, at small sizes.

The objective is expanded to a plain SymPy scalar and SymPy's own `diff` taken entry by entry; it is compared with the derived
formula modulo a large prime at random points that have the declared facts. A match at a few points is an identity but for
a probability of about degree / 2^61 for each.
"""

from collections.abc import Mapping, Sequence
from time import perf_counter

import numpy as np
from sympy import Expr

from symbackprop.errors import VerifyError
from symbackprop.program import Fact, Program, Tensor
from symbackprop.verify.field import Field, UndefinedError, Value, lifted
from symbackprop.verify.literal import prime_sizes, random_arrays, sizes_text
from symbackprop.verify.numeric import CLEAR, base_tensor, derivatives, label
from symbackprop.verify.scalar import PointView, SymbolView, inverse
from symbackprop.verify.verdict import Counterexample, Verdict, guarded

POINTS = 2
"""Random points at which a formula is compared: at the first every entry, at the others, where brackets fall otherwise, FEW."""

FEW = 6

TRIES = 64
"""Points drawn before giving up on one where every root and quotient exists."""

BUDGET = 5.0
"""Seconds for one derivative; beyond it the answer is unknown."""


def check_derivatives(
    program: Program,
    names: Sequence[str] | None = None,
    *,
    sizes: Mapping[Expr, int] | None = None,
    seed: int = 0,
    budget: float = BUDGET,
) -> list[Verdict]:
    """A verdict for each derivative in `program` (or those called `names`): exact, wrong (refuted by numbers) or unknown."""
    sizes = dict(sizes) if sizes is not None else prime_sizes(program)
    chosen = [t for t in derivatives(program) if names is None or t.name in names]
    try:
        points = [random_point(program, sizes, seed + k) for k in range(POINTS)]
    except Exception as error:
        return [guarded(label(t), lambda error=error: _raise(error)) for t in chosen]
    return [guarded(label(t), lambda t=t: check_derivative(program, t, points, budget)) for t in chosen]


def _raise(error: Exception) -> Verdict:
    raise error


def check_derivative(program: Program, tensor: Tensor, points: Sequence[PointView], budget: float = BUDGET) -> Verdict:
    """Whether `tensor` is, at `points`, what SymPy's `diff` of the expanded objective gives."""
    subject, sizes = label(tensor), points[0].sizes
    top, variables = expansion(program, tensor)
    end = perf_counter() + budget
    doubtful = None
    for number, point in enumerate(points):
        # Brackets are decided at a point, so the expansion is the point's own.
        view = SymbolView(point, variables, top.name)
        memo: dict[Expr, Value] = {}
        compared = 0
        for outer in np.ndindex(view.shape(top.name)):
            if number and compared > FEW:
                break
            for place, slope in _slopes(view.entries[top.name][outer], [view.entries[v] for v in variables]):
                compared += 1
                if number and compared > FEW:
                    break
                if perf_counter() > end:
                    raise VerifyError(f"the expansion takes more than {budget:g} s at {sizes_text(sizes)}")
                found = point.field.scalar(slope, view.symbols, memo)
                claimed = point.entries[tensor.name][(*outer, *place)]
                if claimed.mod == found.mod:
                    continue
                gap, scale = abs(claimed.real - found.real), abs(claimed.real) + abs(found.real)
                if gap > CLEAR * scale or (not point.field.atoms and gap > 1e-12 * scale):
                    return _refuted(subject, point, (*outer, *place), claimed, found)
                doubtful = doubtful or ((*outer, *place), number)
    if doubtful:
        reason = "equal as numbers, but not as algebra with exponentials and roots as atoms" if points[0].field.atoms else "rounding"
        return Verdict("unknown", subject, f"{reason}, at entry {list(doubtful[0])}")
    return Verdict("exact", subject, f"exact at {sizes_text(sizes)}")


def expansion(program: Program, tensor: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """What to expand, and by what to differentiate it: J by W1 and W2 for a second derivative, where neither depends on the other."""
    top, *variables = tensor.derivative
    below = {v: set(program.needed([v]).tensors) for v in variables}
    if all(a == b or (a not in below[b] and b not in below[a]) for a in variables for b in variables):
        return program.tensors[top], tuple(variables)
    return base_tensor(program, tensor), (variables[-1],)


def _slopes(e: Expr, variables: Sequence[np.ndarray]):
    """(place, derivative) of `e` for every entry of the first variable, then of the next, and so on."""
    first, *rest = variables
    for place in np.ndindex(first.shape):
        slope = e.diff(first[place]) if hasattr(e, "diff") else e * 0
        if rest:
            yield from (((*place, *more), s) for more, s in _slopes(slope, rest))
        else:
            yield place, slope


def _refuted(subject: str, point: PointView, place: tuple[int, ...], claimed: Value, found: Value) -> Verdict:
    leaves = [t.name for t in point.program.leaves]
    small = sum(point.entries[n].size for n in leaves) <= 12
    example = Counterexample(
        {str(a): s for a, s in point.sizes.items()},
        {n: point.reals(n) for n in leaves} if small else {},
        tuple(map(int, place)),
        f"{claimed.real:.9g}",
        f"{found.real:.9g}",
    )
    return Verdict("wrong", subject, "differs from SymPy's derivative of the expanded formula", counterexample=example)


def random_point(program: Program, sizes: Mapping[Expr, int], seed: int = 0) -> PointView:
    """Every tensor of `program` at a random point where all leaves have their facts and all roots and quotients exist."""
    for attempt in range(TRIES):
        field = Field(seed * TRIES + attempt)
        reals = random_arrays(program, sizes, seed * TRIES + attempt)
        try:
            leaves = {t.name: _leaf(reals[t.name], t, field) for t in program.leaves}
            return PointView(program, sizes, leaves, field)
        except UndefinedError as error:
            last = error
    raise last


def _leaf(reals: np.ndarray, tensor: Tensor, field: Field) -> np.ndarray:
    """Values whose real parts are `reals` and whose residues are random but true to the tensor's facts."""
    if tensor.role == "index":
        return _zipped(reals.astype(object), reals)
    mods = np.empty(reals.shape, dtype=object)
    for place in np.ndindex(reals.shape):
        mods[place] = lifted(field.residue())
    for fact in tensor.facts:
        mods = _impose(mods, reals, fact, field)
    return _zipped(np.vectorize(lambda v: v.mod, otypes=[object])(mods) if mods.size else mods, reals)


def _zipped(mods: np.ndarray, reals: np.ndarray) -> np.ndarray:
    made = np.empty(reals.shape, dtype=object)
    for place in np.ndindex(reals.shape):
        made[place] = Value(int(mods[place]), float(reals[place]))
    return made


def _impose(mods: np.ndarray, reals: np.ndarray, fact: Fact, field: Field) -> np.ndarray:
    if fact.kind == "one-hot":
        return _zipped(reals.astype(int).astype(object), reals)
    if fact.kind == "positive":
        return mods * mods
    if fact.kind == "symmetric":
        return _impose_symmetric(mods)
    if fact.kind in ("simplex", "unit"):
        moved = np.moveaxis(mods, fact.axis if fact.axis is not None else -1, 0).copy()
        rest = moved[1:]
        if fact.kind == "simplex":
            moved[0] = 1 - rest.sum(axis=0)
        else:
            square = (rest * rest).sum(axis=0)
            moved[1:] = 2 * rest / (1 + square)
            moved[0] = (1 - square) / (1 + square)
        return np.moveaxis(moved, 0, fact.axis if fact.axis is not None else -1)
    if fact.kind == "orthogonal" and mods.ndim == 2 and mods.shape[0] == mods.shape[1]:
        skew = mods - mods.T
        one = np.vectorize(lifted, otypes=[object])(np.eye(len(mods), dtype=int))
        return (one - skew) @ inverse(one + skew)
    raise VerifyError(f"no exact values with the fact '{fact.kind}'")


def _impose_symmetric(mods: np.ndarray) -> np.ndarray:
    made = mods.copy()
    for place in np.ndindex(mods.shape):
        made[place] = mods[(*place[:-2], *sorted(place[-2:]))]
    return made
