"""The slow, obvious oracle: every equation evaluated as it stands, over the full grid of its free and bound indices.

Nothing here knows how code is generated or how a derivative is had: an index is an `arange` along its own axis of the
grid, an entry is NumPy's indexing, a Total is a `sum`, a call is its textbook formula. NumPy and the core only.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import product

import numpy as np
from sympy import Add, Expr, Function, KroneckerDelta, Mul, Number, NumberSymbol, Pow, log

from symbackprop.errors import DataError, VerifyError
from symbackprop.index import Index
from symbackprop.program import Equation, Program
from symbackprop.sizes import enough
from symbackprop.term import Entry, NonNegative, Positive, Total
from symbackprop.verify.textbook import CALLS, FUNCTIONS, SIDES, SIDES_OF_CALLS

GRID_LIMIT = 50_000_000
"""Entries of the largest grid that is worth its memory; beyond it the check is refused, not the machine stopped."""

Arrays = Mapping[str, np.ndarray]


def evaluate(
    program: Program,
    arrays: Arrays,
    sizes: Mapping[Expr, int] | None = None,
    dtype: type = np.float64,
    kinks: list[np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Every tensor of `program`, by name.

    `arrays` holds the leaves; a tensor that an equation defines may be given too and then stands instead of its equation
    (so that an intermediate can be perturbed). `sizes` are inferred from the arrays where they are not given. `dtype` may be
    complex, for the complex step. An entry out of range is NaN unless a guard makes its term 0. Into `kinks` goes, for each
    bracket and each function with a kink, on which side its argument lies: two points with the same sides have no kink between.
    Raises DataError where an array is missing or has a size that does not fit.
    """
    known = {name: np.asarray(value).astype(dtype) for name, value in arrays.items() if name in program.tensors}
    missing = [t.name for t in program.leaves if t.name not in known]
    if missing:
        raise DataError(f"no array for {', '.join(missing)}", place=f"model {program.name}", fix="give one array for every leaf")
    sizes = infer_sizes(program, known, sizes)
    with np.errstate(all="ignore"):
        for equation in program.equations:
            if equation.name not in known:
                known[equation.name] = evaluate_equation(equation, known, sizes, dtype, kinks)
    return known


def evaluate_equation(
    equation: Equation,
    known: Arrays,
    sizes: Mapping[Expr, int],
    dtype: type = np.float64,
    kinks: list[np.ndarray] | None = None,
) -> np.ndarray:
    """The tensor that `equation` defines, from the tensors `known`."""
    shape = tuple(size_of(a, sizes) for a in equation.tensor.axes)
    if equation.call is not None:
        if equation.call.op not in CALLS:
            raise VerifyError(f"no literal formula for the call '{equation.call.op}'", place=f"equation {equation.name}")
        arguments = [known[n] for n in equation.call.arguments]
        value = CALLS[equation.call.op](*arguments, **dict(equation.call.options))
        if kinks is not None and equation.call.op in SIDES_OF_CALLS:
            kinks.append(SIDES_OF_CALLS[equation.call.op](*arguments, **dict(equation.call.options)))
        value = np.asarray(value, dtype=dtype)
        if value.size != int(np.prod(shape)):
            raise VerifyError(f"{equation.call.op} gives shape {value.shape}, not {shape}", place=f"equation {equation.name}")
        return value.reshape(shape)
    return evaluate_expression(equation.rhs, equation.indices, known, sizes, dtype, kinks)


def evaluate_expression(
    e: Expr,
    indices: Sequence[Index],
    known: Arrays,
    sizes: Mapping[Expr, int],
    dtype: type = np.float64,
    kinks: list[np.ndarray] | None = None,
) -> np.ndarray:
    """The array of the values of `e` for all values of its free `indices`, in their order."""
    grid = Grid(tuple(indices), known, sizes, dtype, kinks)
    return np.broadcast_to(grid.value(e), grid.shape).astype(dtype)


class Grid:
    """Values of expressions over a grid with one axis for each index; every value broadcasts to `shape`."""

    def __init__(
        self,
        indices: tuple[Index, ...],
        known: Arrays,
        sizes: Mapping[Expr, int],
        dtype: type,
        kinks: list[np.ndarray] | None = None,
    ) -> None:
        self.indices, self.known, self.sizes, self.dtype, self.kinks = indices, known, sizes, dtype, kinks
        self.shape = tuple(size_of(i.axis, sizes) for i in indices)
        if int(np.prod([float(s) for s in self.shape])) > GRID_LIMIT:
            raise VerifyError(f"a grid of shape {self.shape} is too large for the literal evaluation", fix="verify at smaller sizes")

    def value(self, e: Expr) -> np.ndarray:
        """The value of `e` at every point of the grid."""
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
            return reduce(np.add, map(self.value, e.args))
        if isinstance(e, Mul):
            return self.product(e)
        if isinstance(e, Pow):
            return self.power(e)
        if isinstance(e, KroneckerDelta):
            return (np.real(self.value(e.args[0])) == np.real(self.value(e.args[1]))).astype(self.dtype)
        if isinstance(e, Positive | NonNegative):
            argument = np.real(self.value(e.args[0]))
            if self.kinks is not None and e.has(Entry):
                self.kinks.append(np.sign(argument))
            return (argument > 0 if isinstance(e, Positive) else argument >= 0).astype(self.dtype)
        name = type(e).__name__
        if name in FUNCTIONS:
            arguments = [self.value(a) for a in e.args]
            if self.kinks is not None and name in SIDES:
                self.kinks.append(SIDES[name](*map(np.real, arguments)))
            return np.asarray(FUNCTIONS[name](*arguments), dtype=self.dtype)
        if isinstance(e, Function) and hasattr(type(e), "law"):
            return self.value(type(e).law(*e.args))
        raise VerifyError(f"the literal evaluation does not know {name} in {e}")

    def index(self, i: Index) -> np.ndarray:
        """Where index `i` stands."""
        if i not in self.indices:
            raise VerifyError(f"index {i} is neither free nor summed")
        place = self.indices.index(i)
        return np.arange(self.shape[place]).reshape([-1 if k == place else 1 for k in range(len(self.shape))]).astype(self.dtype)

    def entry(self, e: Entry) -> np.ndarray:
        """The entry at each point of the grid; NaN out of range."""
        array = self.known[e.name]
        if not e.indices:
            return array
        if (whole := self.whole(e.indices, array)) is not None:
            return whole
        found = [np.real(self.value(i)) for i in e.indices]
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
        if array.shape != tuple(self.shape[p] for p in places):
            return None
        turned = array.transpose(np.argsort(places))
        return turned.reshape([self.shape[k] if k in places else 1 for k in range(len(self.shape))])

    def total(self, e: Total) -> np.ndarray:
        """The sum over a larger grid, along its new axes."""
        inner = Grid((*self.indices, *e.indices), self.known, self.sizes, self.dtype, self.kinks)
        body = inner.value(e.body)
        first = len(self.indices)
        body = np.asarray(body).reshape((1,) * (len(inner.shape) - np.ndim(body)) + np.shape(body))
        body = np.broadcast_to(body, body.shape[:first] + inner.shape[first:])
        return body.sum(axis=tuple(range(first, len(inner.shape))))

    def number(self, e: Expr) -> np.ndarray:
        """A number in the dtype of the grid."""
        if e.is_Rational:
            return np.asarray(int(e.p), dtype=self.dtype) / np.asarray(int(e.q), dtype=self.dtype)
        return np.asarray(float(e), dtype=self.dtype)

    def product(self, e: Mul) -> np.ndarray:
        """A product; where a guard among the factors is 0 it is 0, whatever the others are (out of range, infinite).

        It is 0 too where x is, in x^m log(x / y) and x^m (log(x) - log(y)), as their limit there is; and where y is, in y x^(y - 1).
        """
        guards = [self.value(a) for a in e.args if is_guard(a)]
        others = {a: self.value(a) for a in e.args if not is_guard(a)}
        value = reduce(np.multiply, others.values(), np.asarray(1, dtype=self.dtype))
        for x in (*_before_logarithms(e), *_before_powers(e)):
            value = np.where(others[x] == 0, np.asarray(0, dtype=self.dtype), value)
        if not guards:
            return value
        guard = reduce(np.multiply, guards)
        return np.where(guard == 0, np.asarray(0, dtype=self.dtype), guard * value)

    def power(self, e: Pow) -> np.ndarray:
        """A power; whole powers by multiplication, roots by sqrt."""
        base, exponent = self.value(e.base), e.exp
        if exponent.is_Integer:
            power = base ** abs(int(exponent))
            return power if exponent > 0 else np.asarray(1, dtype=self.dtype) / power
        if exponent.is_Rational and exponent.q == 2:
            root = np.sqrt(base) ** abs(int(exponent.p))
            return root if exponent > 0 else np.asarray(1, dtype=self.dtype) / root
        return np.power(base, self.value(exponent))


def _before_logarithms(e: Mul) -> list[Expr]:
    """The powers among the factors of `e` whose base stands, as a factor, under a logarithm in another factor or in a term of it."""
    logs = [g.as_base_exp()[0] for f in e.args for t in Add.make_args(f) for g in Mul.make_args(t)]
    under = {b for f in logs if isinstance(f, log) for g in Mul.make_args(f.args[0]) for b, p in [g.as_base_exp()] if not p.is_negative}
    return [f for f in e.args if f.has(Entry) and f.as_base_exp()[0] in under and not f.as_base_exp()[1].could_extract_minus_sign()]


def _before_powers(e: Mul) -> list[Expr]:
    """The factors y + k of `e` beside a power x^(y + m), k and m whole numbers: of y x^(y - 1) the y."""
    exponents = [f.exp for f in e.args if isinstance(f, Pow) and f.exp.has(Entry)]
    return [f for f in e.args if f.has(Entry) and any((p - f).is_Integer for p in exponents)]


def is_guard(e: Expr) -> bool:
    """Whether `e` is made of brackets, deltas and numbers alone, so that 0 means: there is no such term."""
    if isinstance(e, KroneckerDelta | Positive | NonNegative):
        return True
    return isinstance(e, Add | Mul | Pow) and all(a.is_number or is_guard(a) for a in e.args)


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


def sizes_text(sizes: Mapping[Expr, int]) -> str:
    """Sizes as a person writes them: n = 2, d = 3; of scalars alone, one point."""
    return ", ".join(f"{a} = {s}" for a, s in sizes.items()) or "one point"


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


WIDE, BELOW_1, ABOVE_1 = (0.2, 1.2), (0.2, 0.9), (1.2, 2.2)
"""Sizes of random numbers: on both sides of 1 where that is no matter."""
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)


def prime_sizes(program: Program, start: int = 0) -> dict[Expr, int]:
    """A prime size for each axis symbol of `program`, no two alike, in order of appearance; larger where the program needs it."""
    axes = program.axes
    primes = PRIMES[start:] if len(axes) + start <= len(PRIMES) else tuple(range(2, 2 + len(axes)))
    return enough(dict(zip(axes, primes, strict=False)), [n.gap for n in program.needs])


def random_arrays(program: Program, sizes: Mapping[Expr, int] | None = None, seed: int = 0) -> dict[str, np.ndarray]:
    """An array for each leaf of `program`: of both signs, away from 0, and true to the facts declared of it.

    `sizes` are small primes, all different, unless given. A leaf of the role "index" gets integers below the size of the axis
    that it selects from, positive numbers stand where the objective needs them (a logarithm, a root), numbers between 0 and 1 too,
    or above 1, large ones on the diagonals of square matrices where one must be positive definite.
    """
    sizes = dict(sizes) if sizes is not None else prime_sizes(program)
    everything = tuple(t.name for t in program.leaves)
    usual = product(((), tuple(_under_roots(program)), everything), (0, 3), (WIDE,))
    for positive, diagonal, span in [*usual, (everything, 0, BELOW_1), (everything, 0, ABOVE_1)]:
        arrays = _draw(program, sizes, seed, positive, diagonal, span)
        known = evaluate(program, arrays, sizes)
        if all(np.all(np.isfinite(v)) for v in known.values()):
            return arrays
    return _draw(program, sizes, seed, ())


def _draw(
    program: Program, sizes: Mapping[Expr, int], seed: int, positive: Sequence[str], diagonal: int = 0, span: tuple[float, float] = WIDE
) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    arrays = {}
    for t in program.leaves:
        shape = tuple(size_of(a, sizes) for a in t.axes)
        values = rng.uniform(*span, shape) * np.where(rng.random(shape) < 0.5, -1, 1)
        values = np.abs(values) if t.name in positive else values
        if diagonal and len(shape) > 1 and shape[-1] == shape[-2]:
            values = values + diagonal * shape[-1] * np.eye(shape[-1])
        for fact in t.facts:
            values = impose(values, fact.kind, fact.axis, rng)
        arrays[t.name] = rng.integers(0, _selected(program, t.name, sizes), shape) if t.role == "index" else values
    return arrays


def impose(values: np.ndarray, kind: str, place: int | None, rng: np.random.Generator) -> np.ndarray:
    """`values` changed so that the fact `kind` is true of them (along the axis `place`, where it speaks of one)."""
    if kind == "simplex":
        return np.abs(values) / np.abs(values).sum(axis=place, keepdims=True)
    if kind == "one-hot":
        hot = rng.integers(0, values.shape[place], np.delete(values.shape, place))
        return np.moveaxis(np.eye(values.shape[place])[hot], -1, place)
    if kind == "symmetric":
        return (values + np.swapaxes(values, -1, -2)) / 2
    if kind == "positive":
        return np.abs(values)
    if kind == "orthogonal":
        return np.linalg.qr(values)[0]
    if kind == "unit":
        return values / np.sqrt((values * values).sum(axis=place, keepdims=True))
    return values


def _under_roots(program: Program) -> list[str]:
    """Leaves that stand under a logarithm or a root somewhere."""
    found = set()
    for e in program.equations:
        for part in e.rhs.atoms(Function, Pow) if e.rhs is not None else ():
            if type(part).__name__ in ("log", "loggamma") or (isinstance(part, Pow) and not part.exp.is_Integer):
                found |= {a.name for a in part.atoms(Entry)}
    return [t.name for t in program.leaves if t.name in found]


def _selected(program: Program, name: str, sizes: Mapping[Expr, int]) -> int:
    """The size of the smallest axis whose entries the integers in `name` select."""
    found = []
    for e in program.equations:
        for a in e.rhs.atoms(Entry) if e.rhs is not None else ():
            axes = program.tensors[a.name].axes
            found += [size_of(s, sizes) for i, s in zip(a.indices, axes, strict=True) if isinstance(i, Entry) and i.name == name]
        for d in e.rhs.atoms(KroneckerDelta) if e.rhs is not None else ():
            sides = d.args[:2]
            if any(isinstance(s, Entry) and s.name == name for s in sides):
                found += [size_of(s.axis, sizes) for s in sides if isinstance(s, Index)]
    return min(found, default=2)
