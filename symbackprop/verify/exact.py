"""Derivatives as exact algebra, at small sizes.

The objective is expanded to a plain SymPy scalar and SymPy's own `diff` taken entry by entry; it is compared with the derived
formula modulo a large prime at random points that have the declared facts. A match at a few points is an identity but for
a probability of about degree / 2^61 for each. For tensors with many entries, and where the expansion would be too large
(three layers and more), the same is done link by link: with the adjoints of all tensors that use U held as constants, SymPy
differentiates the sum of adjoint times tensor; that each link is exact makes the whole exact, by induction.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import prod
from time import perf_counter

import numpy as np
from sympy import Add, Expr, S

from symbackprop.errors import VerifyError
from symbackprop.program import Fact, Program, Tensor
from symbackprop.term import Entry, NonNegative, Positive, Total
from symbackprop.verify.field import Field, UndefinedError, Value, lifted
from symbackprop.verify.literal import prime_sizes, random_arrays, size_of, sizes_text
from symbackprop.verify.numeric import CLEAR, base_tensor, derivatives, label
from symbackprop.verify.scalar import SCALAR_LAWS, PointView, SymbolView, inverse
from symbackprop.verify.verdict import Counterexample, Verdict, guarded

POINTS = 2
"""Random points at which a formula is compared: at the first every entry, at the others, where brackets fall otherwise, FEW."""

FEW = 3

MOST = 8
"""Entries of a tensor that are differentiated from the whole expansion, if all are checked link by link."""

TRIES = 64
"""Points drawn before giving up on one where every root and quotient exists."""

TREE_LIMIT = 9_000
"""Size of the expansion times entries to differentiate by, beyond which a derivative is checked link by link."""

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
    sizes = dict(sizes) if sizes is not None else prime_sizes(program)
    chosen = [t for t in derivatives(program) if names is None or t.name in names]
    try:
        points = [random_point(program, sizes, seed + k) for k in range(POINTS)]
    except Exception as error:
        return [guarded(label(t), partial(_raise, error)) for t in chosen]
    return [guarded(label(t), partial(check_derivative, program, t, points, budget)) for t in chosen]


def _raise(error: Exception) -> Verdict:
    raise error


def check_derivative(program: Program, tensor: Tensor, points: Sequence[PointView], budget: float = BUDGET) -> Verdict:
    """Whether `tensor` is, at `points`, what SymPy's `diff` of the expanded objective gives.

    Of a tensor with many entries MOST are taken from the whole expansion, and all of them link by link.
    """
    subject, sizes = label(tensor), points[0].sizes
    top, variables = expansion(program, tensor)
    entries = points[0].entries[tensor.name].size
    size, users, details = tree_size(program, top.name, variables, sizes), None, []
    if entries > MOST or size * entries > TREE_LIMIT:
        users = linked(program, top, variables[-1])
    end = perf_counter() + budget
    doubtful = None
    for way in (users, None) if users and size * MOST <= TREE_LIMIT else (users,):
        few = MOST if users and way is None else entries
        if users:
            given = ", ".join(label(a) for a in users.values())
            details.append(f"all entries given {given}" if way else f"{few} of {entries} entries from the whole expansion")
        for number, point in enumerate(points):
            # Brackets are decided at a point, so the expansion is the point's own.
            view = SymbolView(point, variables, tuple(way or (top.name,)), direct=way is not None)
            memo: dict[Expr, Value] = {}
            whole = _weighted(view, way) if way else view.entries[top.name]
            for count, (place, slope) in enumerate(_slopes(whole, [view.entries[v] for v in variables])):
                if count >= (FEW if number else few):
                    break
                if perf_counter() > end:
                    raise VerifyError(f"the expansion takes more than {budget:g} s at {sizes_text(sizes)}")
                found = point.field.scalar(slope, view.symbols, memo)
                claimed = point.entries[tensor.name][place]
                if claimed.mod == found.mod:
                    continue
                gap, scale = abs(claimed.real - found.real), abs(claimed.real) + abs(found.real)
                if gap > CLEAR * scale or (not point.field.atoms and gap > 1e-12 * scale):
                    return _refuted(subject, point, place, claimed, found)
                doubtful = doubtful or place
    if doubtful is not None:
        reason = "equal as numbers, but not as algebra with exponentials and roots as atoms" if points[0].field.atoms else "rounding"
        return Verdict("unknown", subject, f"{reason}, at entry {list(doubtful)}")
    return Verdict("exact", subject, f"exact at {sizes_text(sizes)}", details=tuple(details))


def tree_size(program: Program, top: str, variables: Sequence[str], sizes: Mapping[Expr, int]) -> int:
    """About how many entries the expansion of `top` writes down, with all that does not depend on `variables` left as it is."""
    count = {name: 0 for name in program.tensors} | {v: 1 for v in variables}
    for e in program.needed([top]).equations:
        if e.name in variables:
            continue
        if e.call is not None:
            count[e.name] = sum(count[a] * size_of(program.tensors[a].axes[-1], sizes) for a in e.call.arguments)
        else:
            ranges = {i: size_of(i.axis, sizes) for t in e.rhs.atoms(Total) for i in t.indices}
            count[e.name] = sum(count[a.name] * prod(r for i, r in ranges.items() if a.has(i)) for a in _written(e.rhs))
        # A body summed over an index that one of its entries has not is written out all the same.
        if e.rhs is not None and count[e.name]:
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


def linked(program: Program, top: Tensor, variable: str) -> dict[str, Tensor] | None:
    """For each tensor that uses `variable` and leads to the scalar `top`, its adjoint; None where one is not in the program."""
    if top.axes or variable == top.name:
        return None
    leading = program.needed([top.name])
    adjoints = {t.derivative[1]: t for t in derivatives(program) if len(t.derivative) == 2 and t.derivative[0] == top.name}
    found = {}
    for e in leading.equations:
        if variable in e.uses():
            if e.name == top.name:
                return None
            if e.name not in adjoints:
                return None
            found[e.name] = adjoints[e.name]
    return found or None


def _weighted(view: SymbolView, users: Mapping[str, Tensor]) -> np.ndarray:
    """The sum over all `users` of adjoint times tensor, as an array of no axes."""
    terms = []
    for name, adjoint in users.items():
        for place in np.ndindex(view.shape(name)):
            terms.append(view.held(adjoint.name, place) * view.entries[name][place])
    made = np.empty((), dtype=object)
    made[()] = Add(*terms)
    return made


def expansion(program: Program, tensor: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """What to expand, and by what to differentiate it: J by W1 and W2 for a second derivative, where neither depends on the other."""
    top, *variables = tensor.derivative
    below = {v: set(program.needed([v]).tensors) for v in variables}
    if all(a == b or (a not in below[b] and b not in below[a]) for a in variables for b in variables):
        return program.tensors[top], tuple(variables)
    return base_tensor(program, tensor), (variables[-1],)


def _slopes(values: np.ndarray, variables: Sequence[np.ndarray]) -> Iterator[tuple[tuple[int, ...], Expr]]:
    """(place, derivative): places in `values`, then in the first variable, then in the next, and so on."""
    if not variables:
        yield from (((), values[()]),) if not values.ndim else ((place, values[place]) for place in np.ndindex(values.shape))
        return
    first, *rest = variables
    for outer in np.ndindex(values.shape):
        for place in np.ndindex(first.shape):
            inner = np.empty((), dtype=object)
            inner[()] = S(values[outer]).diff(first[place])
            yield from (((*outer, *place, *more), slope) for more, slope in _slopes(inner, rest))


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
