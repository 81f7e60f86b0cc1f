"""The slow, obvious oracle: every equation evaluated as it stands, over the full grid of its free and bound indices.

Nothing here knows how code is generated or how a derivative is had: an index is an `arange` along its own axis of the
grid, an entry is NumPy's indexing, a Total is a `sum`, a call is its textbook formula. NumPy and the core only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import islice

import numpy as np
from sympy import Add, Expr, Function, KroneckerDelta, Mul, Number, NumberSymbol, Pow, S, floor, log

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Equation, Program
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total
from symbackprop.errors import DataError, VerifyError
from symbackprop.verification.oracle.sides import Condition, Sides, guarded, on_data
from symbackprop.verification.oracle.textbook import CALL_GAPS, CALLS, FUNCTIONS, GAPS, PICKS, STEPS

GRID_LIMIT = 50_000_000
"""Entries of the largest grid that is worth its memory; beyond it the check is refused, not the machine stopped."""

ROUNDING = 2.0**-50
"""By how much, relative to itself, each value moves in an evaluation with noise: more than rounding does, so that it is not lost in it."""

Arrays = Mapping[str, np.ndarray]


@dataclass
class Noise:
    """Moves each value by about a rounding, and remembers the largest."""

    rng: np.random.Generator
    largest: float = 1.0

    def moved(self, value: np.ndarray) -> np.ndarray:
        """`value`, each entry by another amount."""
        if np.size(value):
            self.largest = max(self.largest, float(np.max(np.abs(value), initial=0, where=np.isfinite(value))))
        return value * (1 + ROUNDING * self.rng.uniform(-1, 1, np.shape(value)))


@dataclass(frozen=True)
class Way:
    """How to evaluate: the dtype (complex for the complex step), who is told of the sides of conditions, and noise, if any.

    With `rows`, arrays may have so many rows along a leading axis that no index stands for, and every value is had for each of them.
    """

    dtype: type = np.float64
    sides: Sides | None = None
    noise: Noise | None = None
    rows: int = 0

    @property
    def lead(self) -> tuple[int, ...]:
        """The shape of what stands before the axes of a grid."""
        return (self.rows,) if self.rows else ()

    def nudged(self, value: np.ndarray) -> np.ndarray:
        """`value`, moved by as much as rounding might where there is noise."""
        return value if self.noise is None else self.noise.moved(value)


def evaluate(
    program: Program,
    arrays: Arrays,
    sizes: Mapping[Expr, int] | None = None,
    dtype: type = np.float64,
    sides: Sides | None = None,
    noise: Noise | None = None,
) -> dict[str, np.ndarray]:
    """Every tensor of `program`, by name.

    `arrays` holds the leaves; a tensor that an equation defines may be given too and then stands instead of its equation
    (so that an intermediate can be perturbed). `sizes` are inferred from the arrays where they are not given. `dtype` may be
    complex, for the complex step. An entry out of range is NaN unless a guard makes its term 0; so is an inverse that is none. `sides` is
    told, for each condition on data, on which side of it the point lies. With `noise` every value moves by about a rounding.
    Raises DataError where an array is missing or has a size that does not fit.
    """
    known = {name: np.asarray(value).astype(dtype) for name, value in arrays.items() if name in program.tensors}
    missing = [t.name for t in program.leaves if t.name not in known]
    if missing:
        raise DataError(f"no array for {', '.join(missing)}", place=f"model {program.name}", fix="give one array for every leaf")
    sizes = infer_sizes(program, known, sizes)
    way = Way(dtype, sides, noise)
    with np.errstate(all="ignore"):
        for equation in program.equations:
            if equation.name not in known:
                known[equation.name] = evaluate_equation(equation, known, sizes, way)
    return known


def evaluate_equation(equation: Equation, known: Arrays, sizes: Mapping[Expr, int], way: Way = Way()) -> np.ndarray:
    """The tensor that `equation` defines, from the tensors `known`."""
    shape = tuple(size_of(a, sizes) for a in equation.tensor.axes)
    if isinstance(equation.rhs, Expr):
        grid = Grid(equation.indices, known, sizes, way, equation.name)
        return np.broadcast_to(grid.value(equation.rhs), way.lead + grid.shape).astype(way.dtype)
    call, options = equation.rhs, dict(equation.rhs.options)
    if call.op not in CALLS:
        raise VerifyError(f"no literal formula for the call '{call.op}'", place=f"equation {equation.name}")
    arguments = [way.nudged(known[n]) for n in call.arguments]
    try:
        value = np.asarray(CALLS[call.op](*arguments, **options), dtype=way.dtype)
        if way.sides is not None and call.op in CALL_GAPS:
            picked = PICKS[call.op](*arguments, **options) if call.op in PICKS else None
            way.sides.met(equation.name, call, CALL_GAPS[call.op](*arguments, **options), picked)
    except np.linalg.LinAlgError:
        return np.full(shape, np.nan, dtype=way.dtype)
    if value.size != int(np.prod(shape)):
        raise VerifyError(f"{call.op} gives shape {value.shape}, not {shape}", place=f"equation {equation.name}")
    return way.nudged(value).reshape(shape)


def evaluate_expression(
    e: Expr, indices: Sequence[Index], known: Arrays, sizes: Mapping[Expr, int], dtype: type = np.float64
) -> np.ndarray:
    """The array of the values of `e` for all values of its free `indices`, in their order."""
    grid = Grid(tuple(indices), known, sizes, Way(dtype))
    return np.broadcast_to(grid.value(e), grid.shape).astype(dtype)


class Grid:
    """Values of expressions over a grid with one axis for each index; every value broadcasts to `shape`.

    `place` is the equation they stand in.
    """

    def __init__(self, indices: Sequence[Index], known: Arrays, sizes: Mapping[Expr, int], way: Way = Way(), place: str = "") -> None:
        self.indices, self.known, self.sizes, self.way, self.place = tuple(indices), known, sizes, way, place
        self.dtype = way.dtype
        self.shape = tuple(size_of(i.axis, sizes) for i in indices)
        if int(np.prod([float(s) for s in self.shape])) > GRID_LIMIT:
            raise VerifyError(f"a grid of shape {self.shape} is too large for the literal evaluation", fix="verify at smaller sizes")

    def value(self, e: Expr) -> np.ndarray:
        """The value of `e` at every point of the grid."""
        if self.way.noise is None or not on_data(e):
            return self.plain(e)
        return self.way.nudged(self.plain(e))

    def plain(self, e: Expr) -> np.ndarray:
        """The value of `e` without noise of its own."""
        if isinstance(e, Index):
            return self.index(e)
        if isinstance(e, Entry):
            return self.entry(e)
        if isinstance(e, Total):
            return self.total(e)
        if isinstance(e, Number | NumberSymbol):
            return self.number(e)
        if e in self.sizes:
            return np.asarray(self.sizes[e], dtype=self.dtype)
        if isinstance(e, Add):
            terms = map(self.value, e.args)
            # What rounding does to a partial sum shows in each of its terms, the numbers too.
            return reduce(np.add, terms if self.way.noise is None or not on_data(e) else map(self.way.nudged, terms))
        if isinstance(e, Mul):
            return self.product(e)
        if isinstance(e, Pow):
            return self.power(e)
        if isinstance(e, KroneckerDelta):
            return self.equal(e)
        if isinstance(e, Positive | NonNegative):
            return self.bracket(e)
        if isinstance(e, floor) and not e.has(Entry):
            # Of places and sizes, which are whole numbers: as floats 7/3 + 2/3 may be less than 3.
            above, below = (np.real(self.value(part)) for part in e.args[0].as_numer_denom())
            return np.floor_divide(above, below).astype(self.dtype)
        name = type(e).__name__
        if name in FUNCTIONS:
            arguments = [self.value(a) for a in e.args]
            if name in GAPS:
                self.met(e, GAPS[name](*arguments), STEPS[name](*map(np.real, arguments)) if name in STEPS else None)
            return np.asarray(FUNCTIONS[name](*arguments), dtype=self.dtype)
        if isinstance(e, Function) and hasattr(type(e), "law"):
            return self.value(type(e).law(*e.args))
        raise VerifyError(f"the literal evaluation does not know {name} in {e}")

    def met(self, condition: Condition, gap: np.ndarray, picked: np.ndarray | None = None) -> None:
        """Tell who wants to know on which side of a condition on data the grid lies."""
        if self.way.sides is not None and on_data(condition):
            self.way.sides.met(self.place, condition, self.in_rows(gap), None if picked is None else self.in_rows(picked))

    def in_rows(self, value: np.ndarray) -> np.ndarray:
        """The value in each row, where there are rows."""
        return (
            np.broadcast_to(value, np.broadcast_shapes(np.shape(value), self.way.lead + (1,) * len(self.shape))) if self.way.rows else value
        )

    def steady(self, e: Expr) -> np.ndarray:
        """The value of what decides a condition: without noise, which would carry it across."""
        if self.way.noise is None:
            return self.value(e)
        return Grid(self.indices, self.known, self.sizes, Way(self.dtype, self.way.sides), self.place).value(e)

    def bracket(self, e: Expr) -> np.ndarray:
        """1 where a condition holds, else 0."""
        argument = self.steady(e.args[0])
        self.met(e, argument)
        holds = np.real(argument) > 0 if isinstance(e, Positive) else np.real(argument) >= 0
        return holds.astype(self.dtype)

    def equal(self, e: KroneckerDelta) -> np.ndarray:
        """1 where two index expressions are equal, else 0."""
        gap = np.real(self.steady(e.args[0])) - np.real(self.steady(e.args[1]))
        self.met(e, gap)
        return (gap == 0).astype(self.dtype)

    def index(self, i: Index) -> np.ndarray:
        """Where index `i` stands."""
        if i not in self.indices:
            raise VerifyError(f"index {i} is neither free nor summed")
        place = self.indices.index(i)
        return np.arange(self.shape[place]).reshape([-1 if k == place else 1 for k in range(len(self.shape))]).astype(self.dtype)

    def entry(self, e: Entry) -> np.ndarray:
        """The entry at each point of the grid; NaN out of range."""
        array = self.known[e.name]
        rows = array.shape[: array.ndim - len(e.indices)]
        if not e.indices:
            return array.reshape(rows + (1,) * len(self.shape)) if rows else array
        if (whole := self.whole(e.indices, array)) is not None:
            return whole
        # The rows first, each at its own place.
        found = [np.arange(r).reshape(-1, *[1] * len(self.shape)) for r in rows] + [np.real(self.steady(i)) for i in e.indices]
        if all(p.size and p.min() >= 0 and p.max() < s for p, s in zip(found, array.shape, strict=True)):
            return array[tuple(p.astype(np.int64) for p in found)]
        places = np.broadcast_arrays(*found)
        inside = reduce(np.logical_and, [(p >= 0) & (p < s) for p, s in zip(places, array.shape, strict=True)])
        if 0 in array.shape:
            return np.full(inside.shape, np.nan, dtype=self.dtype)
        safe = tuple(np.where(inside, p, 0).astype(np.int64) for p in places)
        return np.where(inside, array[safe], np.asarray(np.nan, dtype=self.dtype))

    def whole(self, indices: Sequence[Expr], array: np.ndarray) -> np.ndarray | None:
        """All of an array whose indices are indices of the grid, each once and over a whole axis: its axes put in their places."""
        if len(set(indices)) < len(indices) or any(i not in self.indices for i in indices):
            return None
        places = [self.indices.index(i) for i in indices]
        rows = array.shape[: array.ndim - len(indices)]
        if array.shape[len(rows) :] != tuple(self.shape[p] for p in places):
            return None
        order = sorted(range(len(places)), key=places.__getitem__)
        turned = array.transpose(*range(len(rows)), *(len(rows) + k for k in order))
        return turned.reshape(*rows, *[self.shape[k] if k in places else 1 for k in range(len(self.shape))])

    def total(self, e: Total) -> np.ndarray:
        """The sum over a larger grid, along its new axes."""
        inner = Grid((*self.indices, *e.indices), self.known, self.sizes, self.way, self.place)
        body = np.asarray(inner.value(e.body))
        summed = len(e.indices)
        body = body.reshape((1,) * (len(inner.shape) - body.ndim) + body.shape)
        body = np.broadcast_to(body, body.shape[:-summed] + inner.shape[-summed:])
        return body.sum(axis=tuple(range(-summed, 0)))

    def number(self, e: Expr) -> np.ndarray:
        """A number in the dtype of the grid."""
        if e.is_Rational:
            return np.asarray(int(e.p), dtype=self.dtype) / np.asarray(int(e.q), dtype=self.dtype)
        return np.asarray(float(e), dtype=self.dtype)

    def product(self, e: Mul) -> np.ndarray:
        """A product; where a guard among the factors is 0 it is 0, whatever the others are (out of range, infinite).

        It is 0 too where x is, in x^m log(x / y) and x^m (log(x) - log(y)), as their limit there is; and where y is, in y x^(y - 1). Beside
        what else is infinite there it has no value.
        """
        guards, rest, several = guarded(e)
        others = {a: self.value(a) for a in rest}
        value = reduce(np.multiply, others.values(), np.asarray(1, dtype=self.dtype))
        for x, left in _vanishing(e):
            value = np.where((others[x] == 0) & np.isfinite(self.value(left)), np.asarray(0, dtype=self.dtype), value)
        if not guards:
            return value
        guard = reduce(np.multiply, [self.steady(a) for a in guards])
        if several is not None:
            self.met(several, np.where(guard == 0, -1.0, 1.0))
        return np.where(guard == 0, np.asarray(0, dtype=self.dtype), guard * value)

    def power(self, e: Pow) -> np.ndarray:
        """A power; whole powers by multiplication, roots by sqrt."""
        base, exponent = self.value(e.base), e.exp
        if exponent.is_number and 0 < exponent < 1:
            self.met(e, base)
        if exponent.is_Integer:
            power = base ** abs(int(exponent))
            return power if exponent > 0 else np.asarray(1, dtype=self.dtype) / power
        if exponent.is_Rational and exponent.q == 2:
            root = np.sqrt(base) ** abs(int(exponent.p))
            return root if exponent > 0 else np.asarray(1, dtype=self.dtype) / root
        return np.power(base, self.value(exponent))


@lru_cache(2**12)
def _vanishing(e: Mul) -> list[tuple[Expr, Expr]]:
    """The factors of `e` that make it 0 although another is infinite where they are 0; each with what is left of the others.

    Such is a power of x beside log(x), in another factor or in a term of it, and y + k beside x^(y + m), k and m whole numbers.
    """
    factors = guarded(e)[1]
    logs = [g.as_base_exp()[0] for f in factors for t in Add.make_args(f) for g in Mul.make_args(t)]
    logs = [g for g in logs if isinstance(g, log)]
    found = []
    for f in factors:
        if not f.has(Entry):
            continue
        base, power = f.as_base_exp()
        others = [g for g in factors if g is not f]
        beside = [] if power.could_extract_minus_sign() else [g for g in logs if base in _not_below(g.args[0])]
        if beside:
            found.append((f, Mul(*others).xreplace(dict.fromkeys(beside, S.One))))
        plain = [g for g in others if not (isinstance(g, Pow) and g.exp.has(Entry) and (g.exp - f).is_Integer)]
        if len(plain) < len(others):
            found.append((f, Mul(*plain).xreplace(dict.fromkeys(logs, S.One))))
    return found


def _not_below(e: Expr) -> list[Expr]:
    """The bases of the powers that `e` is a product of, but for those that it divides by."""
    return [base for base, power in (f.as_base_exp() for f in Mul.make_args(e)) if not power.is_negative]


def size_of(size: Expr, sizes: Mapping[Expr, int]) -> int:
    """The number of entries along an axis of size `size`."""
    if size in sizes:
        return sizes[size]
    value = size.xreplace({s: _integer(sizes[s]) for s in size.free_symbols if s in sizes})
    if not value.is_Integer or value < 0:
        raise DataError(f"axis '{size}' has no size: {value}", notes=[sizes_text(sizes)], fix="give the size of each axis")
    return int(value)


def _integer(value: int) -> Expr:
    return Number(int(value))


MOST_AXES = 8
"""Axes whose sizes are printed one by one."""


def sizes_text(sizes: Mapping[Expr, int]) -> str:
    """Sizes as a person writes them: n = 2, d = 3; of many the first few; of scalars alone, one point."""
    if len(sizes) > MOST_AXES and len(set(sizes.values())) == 1:
        return f"all {len(sizes)} sizes = {next(iter(sizes.values()))}"
    first = ", ".join(f"{a} = {s}" for a, s in islice(sizes.items(), MOST_AXES))
    return f"{first}, and {len(sizes) - MOST_AXES} more" if len(sizes) > MOST_AXES else first or "one point"


def infer_sizes(program: Program, arrays: Arrays, sizes: Mapping[Expr, int] | None = None) -> dict[Expr, int]:
    """The sizes of all axes that the shapes of `arrays` tell, with those given. DataError where two do not agree."""
    found: dict[Expr, int] = {a: int(s) for a, s in (sizes or {}).items()}
    for name, value in arrays.items():
        tensor = program.tensors[name]
        if np.ndim(value) != len(tensor.axes):
            raise DataError(f"'{name}' has {np.ndim(value)} axes, not {len(tensor.axes)}", place=f"model {program.name}")
        for a, s in zip(tensor.axes, np.shape(value), strict=True):
            if a.is_Symbol:
                found.setdefault(a, int(s))
    for name, value in arrays.items():
        for a, s in zip(program.tensors[name].axes, np.shape(value), strict=True):
            if found.get(a) == s:
                continue
            solve_size(a, int(s), found)
            if a.free_symbols <= set(found) and size_of(a, found) != s:
                raise DataError(
                    f"'{name}' has {s} entries along axis '{a}', which has {size_of(a, found)}",
                    place=f"model {program.name}",
                    notes=[sizes_text(found)] if found else [],
                    fix=f"the shape of '{name}' is \"{' '.join(map(str, program.tensors[name].axes))}\"",
                )
    return found


def solve_size(size: Expr, value: int, found: dict[Expr, int]) -> None:
    """Add to `found` the only unknown symbol of `size`, where `size` = value is linear in it (n - 1 = 4 gives n = 5)."""
    if size in found:
        return
    known = size.xreplace({a: _integer(s) for a, s in found.items()})
    if len(known.free_symbols) == 1:
        (unknown,) = known.free_symbols
        slope = known.diff(unknown)
        if slope.is_number and slope != 0:
            answer = (value - known.xreplace({unknown: _integer(0)})) / slope
            if answer.is_Integer and answer > 0:
                found[unknown] = int(answer)
