"""Derivatives as exact algebra, at small sizes.

The program is written out as plain scalar equations, one for each entry, and differentiated entry by entry, with SymPy's `diff` for
every function in them. The result is compared with the derived formula modulo a large prime, at random points that have the
declared facts; a match at a few points is an identity but for a probability of about degree / 2^61 for each. So that the
bookkeeping over scalars is not trusted either, some entries are compared with SymPy's own `diff` of the whole objective,
expanded into one expression, wherever that is of a size to be written down.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import prod
from time import process_time
from typing import Any

import numpy as np
from sympy import Expr, S

from symbackprop.calculus.facts import kind_of
from symbackprop.calculus.program import Call, Program, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total
from symbackprop.errors import VerifyError
from symbackprop.verification.numeric import CLEAR, base_tensor, derivatives, label
from symbackprop.verification.oracle.field import Field, UndefinedError, Value, lifted
from symbackprop.verification.oracle.literal import size_of, sizes_text
from symbackprop.verification.oracle.scalar import PointView
from symbackprop.verification.oracle.slopes import Slopes
from symbackprop.verification.oracle.walk import SCALAR_LAWS
from symbackprop.verification.points.draws import random_arrays
from symbackprop.verification.points.points import sound_sizes
from symbackprop.verification.verdict import Counterexample, Verdict, broken, guarded

POINTS = 2
"""Random points at which a formula is compared: at the first every entry, at the others, where brackets fall otherwise, ROWS."""

ROWS = 3
"""Entries of a tensor that is differentiated, at the points after the first; each by all entries of the variable."""

WHOLE = 2
"""Entries of a derivative that are taken from the expansion as one expression; half of them of a second derivative."""

LEAST = 1e-8
"""An entry smaller than this beside the largest of its tensor may be what rounding leaves where larger numbers cancel."""

FLOOR = 1e-14
"""Below it numbers of which nothing larger is beside them are what rounding leaves, where all of a derivative is 0 at a point."""

TRIES = 64
"""Points drawn before giving up on one where every root and quotient exists."""

TREE_LIMIT = 2_000
"""Size of the expansion as one expression, beyond which it is not written down."""

BUDGET = 10.0
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
    chosen = [t for t in derivatives(program) if names is None or t.name in names]
    try:
        sizes = dict(sizes) if sizes is not None else sound_sizes(program, seed)
        views = [Slopes(random_point(program, sizes, seed + k)) for k in range(POINTS)]
    except Exception as error:
        return [broken(label(t), error) for t in chosen]
    return [guarded(label(t), partial(check_derivative, program, t, views, budget)) for t in chosen]


def check_derivative(program: Program, tensor: Tensor, views: Sequence[Slopes], budget: float = BUDGET) -> Verdict:
    """Whether `tensor` is, at the points of `views`, what differentiating the scalar equations gives."""
    subject, sizes = label(tensor), views[0].sizes
    end = process_time() + budget
    doubtful = None
    details = []
    for view, found in ((v, f) for k, v in enumerate(views) for f in _sides(program, tensor, v, k, end, details)):
        point = view.point
        for place, value in found:
            if process_time() > end:
                raise VerifyError(f"the expansion takes more than {budget:g} s at {sizes_text(sizes)}")
            claimed = point.entries[tensor.name][place]
            if claimed.mod == value.mod:
                continue
            gap, scale = abs(claimed.real - value.real), abs(claimed.real) + abs(value.real)
            scale = max(scale, LEAST * np.abs(point.reals(tensor.name)).max(initial=0))
            if scale > FLOOR and (gap > CLEAR * scale or (not point.field.atoms and gap > 1e-12 * scale)):
                return _refuted(subject, point, place, claimed, value)
            doubtful = doubtful or place
    if doubtful is not None:
        reason = "equal as numbers, but not as algebra with exponentials and roots as atoms" if views[0].point.field.atoms else "rounding"
        return Verdict("unknown", subject, f"{reason}, at entry {list(doubtful)}")
    return Verdict("exact", subject, f"exact at {sizes_text(sizes)}", details=tuple(details))


Found = Iterator[tuple[tuple[int, ...], Value]]


def _sides(program: Program, tensor: Tensor, view: Slopes, number: int, end: float, details: list[str]) -> Iterator[Found]:
    """What to compare a derivative with at one point: entry by entry, then a few entries of the expansion as one expression."""
    yield _by_scalars(program, tensor, view, number, end)
    top, variables = expansion(program, tensor)
    if not number and tree_size(program, top.name, variables, view.sizes) <= TREE_LIMIT:
        total = view.point.entries[tensor.name].size
        count = min(WHOLE // len(variables), total)
        details.append(f"{count} of {total} entries from the expansion as one expression")
        yield _by_expansion(tensor, view, top.name, variables, count)


def _by_scalars(program: Program, tensor: Tensor, view: Slopes, number: int, end: float) -> Found:
    """(place, derivative): each entry of what is differentiated by each entry of the variable."""
    base, variable = base_tensor(program, tensor).name, tensor.derivative[-1]
    view.deadline = end
    rows = list(np.ndindex(view.shape(base)))
    for row in rows if not number else rows[:: max(len(rows) // ROWS, 1)]:
        slopes = view.slope(base, row, variable)
        yield from (((*row, *place), slope) for place, slope in slopes.items())


def _by_expansion(tensor: Tensor, view: Slopes, top: str, variables: tuple[str, ...], count: int) -> Found:
    """(place, derivative) for `count` entries, by SymPy's `diff` of the expanded expression. Brackets are decided at the point."""
    point = view.point
    symbols, memo = view.expansion(top, variables), {}
    claimed: Any = point.entries[tensor.name]
    # Behind a closed bracket everything is 0, whatever the formula says.
    places = [p for p in np.ndindex(claimed.shape) if claimed[p].mod] or list(np.ndindex(claimed.shape))
    for place in [places[k * len(places) // count] for k in range(count)]:
        at = symbols.entries[top].ndim
        slope = S(symbols.entries[top][place[:at]])
        for v in variables:
            entries = symbols.entries[v]
            slope = symbols.slope(slope, entries[place[at : at + entries.ndim]])
            at += entries.ndim
        yield place, point.field.scalar(slope, symbols.symbols, memo)


def tree_size(program: Program, top: str, variables: Sequence[str], sizes: Mapping[Expr, int]) -> int:
    """About how many entries the expansion of `top` writes down, with all that does not depend on `variables` left as it is."""
    count = {name: 0 for name in program.tensors} | {v: 1 for v in variables}
    for e in program.needed([top]).equations:
        if e.name in variables:
            continue
        if isinstance(e.rhs, Call):
            count[e.name] = sum(count[a] * size_of(program.tensors[a].axes[-1], sizes) for a in e.rhs.arguments)
        else:
            ranges = {i: size_of(i.axis, sizes) for t in e.rhs.atoms(Total) for i in t.indices}
            count[e.name] = sum(count[a.name] * prod(r for i, r in ranges.items() if a.has(i)) for a in _written(e.rhs))
        # A body summed over an index that one of its entries has not is written out all the same.
        if isinstance(e.rhs, Expr) and count[e.name]:
            count[e.name] = max(count[e.name], 1)
    return count[top]


def _written(e: Expr) -> Iterator[Entry]:
    """The entries of tensors that `e` with its functions' laws writes down, each as often as it stands there; none of brackets."""
    if isinstance(e, Entry):
        yield e
    elif not isinstance(e, Positive | NonNegative):
        law = SCALAR_LAWS.get(type(e).__name__)
        for part in (law(*e.args),) if law else e.args:
            yield from _written(part)


def expansion(program: Program, tensor: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """What to expand, and by what to differentiate it: J by W1 and W2 for a second derivative, where neither depends on the other."""
    top, *variables = tensor.derivative
    below = {v: set(program.needed([v]).tensors) for v in variables}
    if all(a == b or (a not in below[b] and b not in below[a]) for a in variables for b in variables):
        return program.tensors[top], tuple(variables)
    return base_tensor(program, tensor), (variables[-1],)


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
    """Every tensor of `program` at a random point where all leaves have their facts and all roots and quotients exist.

    Where there are too many roots for that, the last try has atoms for those that the residues do not have.
    """
    for attempt in range(TRIES):
        field = Field(seed * TRIES + attempt, free_roots=attempt == TRIES - 1)
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
        mods = np.asarray(kind_of(fact).residues(mods, reals, fact.axis), dtype=object)  # of a scalar NumPy makes no array
    return _zipped(np.vectorize(lambda v: lifted(v).mod, otypes=[object])(mods) if mods.size else mods, reals)


def _zipped(mods: np.ndarray, reals: np.ndarray) -> np.ndarray:
    made = np.empty(reals.shape, dtype=object)
    for place in np.ndindex(reals.shape):
        made[place] = Value(int(mods[place]), float(reals[place]))
    return made
