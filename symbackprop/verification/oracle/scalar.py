"""The scalar view: a program expanded, entry by entry, at small sizes.

Two views share one walk over index expressions. In `PointView` an entry is a Value (a residue and a real number), so a whole
program is a table of numbers. In `SymbolView` it is a plain SymPy expression in the entries of the tensors held fast, for
SymPy's own `diff`. Brackets are decided at the point and are constants from there on. The oracle, never the method.
"""

from collections.abc import Callable, Mapping
from functools import partial, reduce
from itertools import permutations, product
from math import prod
from operator import add
from typing import Any

import numpy as np
import sympy
from sympy import Add, Expr, Function, Integer, KroneckerDelta, Mul, Number, NumberSymbol, Pow, Rational, Symbol, erf, exp, log, tanh

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total
from symbackprop.errors import VerifyError
from symbackprop.verification.oracle.field import OPAQUE, Field, Value, lifted
from symbackprop.verification.oracle.literal import size_of
from symbackprop.verification.oracle.sides import is_guard

Env = Mapping[Index, int]


def _elu(x: Expr, alpha: Expr = Integer(1)) -> Expr:
    return Positive(x) * x + (1 - Positive(x)) * alpha * (exp(x) - 1)


SCALAR_LAWS: Mapping[str, Callable[..., Expr]] = {
    "relu": lambda x: Positive(x) * x,
    "leaky_relu": lambda x, slope=Rational(1, 100): Positive(x) * x + (1 - Positive(x)) * slope * x,
    "elu": _elu,
    "gelu": lambda x: x * (1 + erf(x / sympy.sqrt(2))) / 2,
    "sigmoid": lambda x: 1 / (1 + exp(-x)),
    "silu": lambda x: x / (1 + exp(-x)),
    "softplus": lambda x: log(1 + exp(x)),
    "mish": lambda x: x * tanh(log(1 + exp(x))),
    "absolute": lambda x: x * Positive(x) - x * Positive(-x),
    "sign": lambda x: Positive(x) - Positive(-x),
    "maximum": lambda x, y: y + (x - y) * Positive(x - y),
    "minimum": lambda x, y: x + (y - x) * Positive(x - y),
    "log1p": lambda x: log(1 + x),
    "expm1": lambda x: exp(x) - 1,
    "square": lambda x: x**2,
}
"""Scalar functions by the name of their class, said a second time, so that a slip in the op table shows."""


class View:
    """A walk over index expressions; what an entry, a number and a function are is left to the two kinds of view."""

    def __init__(self, program: Program, sizes: Mapping[Expr, int]) -> None:
        self.program, self.sizes = program, sizes
        self.entries: dict[str, np.ndarray] = {}

    def number(self, e: Expr) -> Any:
        """A number as an element of the view."""
        raise NotImplementedError

    def is_zero(self, value: Any) -> bool:
        """Whether a guard is 0."""
        raise NotImplementedError

    def real(self, e: Expr, env: Env) -> float:
        """The real part of an index expression at the view's point."""
        raise NotImplementedError

    def reals(self, name: str) -> np.ndarray:
        """The real parts of a tensor's entries at the view's point."""
        raise NotImplementedError

    def function(self, name: str, value: Any) -> Any:
        """A function of one argument by its SymPy name."""
        raise NotImplementedError

    def power(self, base: Any, exponent: Any, e: Expr) -> Any:
        """A root, or a power whose exponent `e` is not a whole number."""
        raise NotImplementedError

    def shape(self, name: str) -> tuple[int, ...]:
        """The sizes of the axes of the tensor `name`."""
        return tuple(size_of(a, self.sizes) for a in self.program.tensors[name].axes)

    def define(self, equation: Equation) -> None:
        """Fill in the entries of the tensor that `equation` defines."""
        shape = self.shape(equation.name)
        if isinstance(equation.rhs, Call):
            self.entries[equation.name] = self._call(equation).reshape(shape)
            return
        made = np.empty(shape, dtype=object)
        for place in product(*map(range, shape)):
            made[place] = self.walk(equation.rhs, dict(zip(equation.indices, place, strict=True)))
        self.entries[equation.name] = made

    def walk(self, e: Expr, env: Env) -> Any:
        """The value of `e` with its free indices as in `env`."""
        if isinstance(e, Index):
            return self.number(Integer(env[e]))
        if isinstance(e, Entry):
            return self._entry(e, env)
        if isinstance(e, Total):
            ranges = [range(size_of(i.axis, self.sizes)) for i in e.indices]
            inner = (dict(zip(e.indices, place, strict=True)) for place in product(*ranges))
            return reduce(add, (self.walk(e.body, {**env, **more}) for more in inner), self.number(Integer(0)))
        if isinstance(e, Number | NumberSymbol):
            return self.number(e)
        if e in self.sizes:
            return self.number(Integer(self.sizes[e]))
        if isinstance(e, Add):
            return reduce(add, (self.walk(a, env) for a in e.args))
        if isinstance(e, Mul):
            return self._product(e, env)
        if isinstance(e, KroneckerDelta):
            return self.number(Integer(self.place(e.args[0], env) == self.place(e.args[1], env)))
        if isinstance(e, Positive | NonNegative):
            argument = self.real(e.args[0], env)
            return self.number(Integer(argument > 0 if isinstance(e, Positive) else argument >= 0))
        if isinstance(e, Pow):
            base = self.walk(e.base, env)
            return base ** int(e.exp) if e.exp.is_Integer else self.power(base, self.walk(e.exp, env), e.exp)
        return self._function(e, env)

    def place(self, e: Expr, env: Env) -> int:
        """The whole number that an index expression is."""
        if isinstance(e, Index):
            return env[e]
        if isinstance(e, Entry):
            return round(self.real(e, env))
        if isinstance(e, Add):
            return sum(self.place(a, env) for a in e.args)
        if isinstance(e, Mul):
            return prod(self.place(a, env) for a in e.args)
        return size_of(e, self.sizes) if not e.is_Integer else int(e)

    def _entry(self, e: Entry, env: Env) -> Any:
        array, place = self.entries[e.name], tuple(self.place(i, env) for i in e.indices)
        if any(not 0 <= p < s for p, s in zip(place, array.shape, strict=True)):
            raise VerifyError(f"{e} is out of range at {place}")
        return array[place]

    def _product(self, e: Mul, env: Env) -> Any:
        made = self.number(Integer(1))
        for a in sorted(e.args, key=lambda a: not is_guard(a)):
            value = self.walk(a, env)
            if is_guard(a) and self.is_zero(value):
                return value
            made = made * value
        return made

    def _function(self, e: Expr, env: Env) -> Any:
        name = type(e).__name__
        if isinstance(e, exp):
            return self._exponential(e.args[0], env)
        if name in SCALAR_LAWS:
            return self.walk(SCALAR_LAWS[name](*e.args), env)
        if isinstance(e, Function) and hasattr(type(e), "law"):
            return self.walk(type(e).law(*e.args), env)
        return self.function(name, self.walk(e.args[0], env))

    def _exponential(self, e: Expr, env: Env) -> Any:
        """exp of a sum as a product, so that an exponential stands for the same atom wherever it occurs."""
        made = self.number(Integer(1))
        for term in Add.make_args(e):
            factor, rest = term.as_coeff_Mul()
            if rest == 1:
                factor, rest = Integer(1), term
            if not factor.is_Rational:
                factor, rest = Integer(1), term
            value = self.walk(rest, env)
            made = made * self.function("exp", value if factor.q == 1 else value / self.number(Integer(factor.q))) ** int(factor.p)
        return made

    def _call(self, equation: Equation) -> np.ndarray:
        call = equation.rhs
        if call.op not in CALL_LAWS:
            raise VerifyError(f"no scalar law for the call '{call.op}'", place=f"equation {equation.name}")
        return np.asarray(CALL_LAWS[call.op](self, *call.arguments, **dict(call.options)), dtype=object)

    def each(self, name: str, values: np.ndarray) -> np.ndarray:
        """The function `name` of every entry."""
        made = np.empty(values.shape, dtype=object)
        for place in np.ndindex(values.shape):
            made[place] = self.function(name, values[place])
        return made


class PointView(View):
    """A program as a table of Values at one random point where its leaves have their declared facts."""

    def __init__(self, program: Program, sizes: Mapping[Expr, int], leaves: Mapping[str, np.ndarray], field: Field) -> None:
        super().__init__(program, sizes)
        self.field = field
        self.entries = {name: np.asarray(v, dtype=object) for name, v in leaves.items()}
        for equation in program.equations:
            self.define(equation)

    def number(self, e: Expr) -> Value:
        """A number, residue and real."""
        return self.field.number(e)

    def is_zero(self, value: Value) -> bool:
        """Whether a guard is 0."""
        return value.mod == 0

    def real(self, e: Expr, env: Env) -> float:
        """The real part, by which brackets are decided."""
        return self.walk(e, env).real

    def reals(self, name: str) -> np.ndarray:
        """The real parts of a tensor's entries."""
        return np.vectorize(lambda v: v.real, otypes=[float])(self.entries[name])

    def function(self, name: str, value: Value) -> Value:
        """A function of one argument by its SymPy name."""
        return self.field.function(name, value)

    def power(self, base: Value, exponent: Value, e: Expr) -> Value:
        """A root, or a power whose exponent is not a number."""
        return self.field.power(base, exponent, e)


class Symbols(View):
    """Entries as SymPy expressions in symbols that stand for entries of the point."""

    def __init__(self, point: PointView) -> None:
        super().__init__(point.program, point.sizes)
        self.point = point
        self.symbols: dict[Symbol, Value] = {}

    def named(self, name: str) -> np.ndarray:
        """A symbol for each entry of a tensor."""
        made = np.empty(self.shape(name), dtype=object)
        for place in np.ndindex(made.shape):
            made[place] = symbol = Symbol(f"{name}{list(place)}")
            self.symbols[symbol] = self.point.entries[name][place]  # type: ignore[assignment]
        return made

    def number(self, e: Expr) -> Expr:
        """The number itself."""
        return e

    def is_zero(self, value: Expr) -> bool:
        """Whether a guard is 0."""
        return value == 0

    def real(self, e: Expr, env: Env) -> float:
        """The real part at the point."""
        return self.point.real(e, env)

    def reals(self, name: str) -> np.ndarray:
        """The real parts of a tensor's entries at the point."""
        return self.point.reals(name)

    def function(self, name: str, value: Expr) -> Expr:
        """SymPy's function, but for exp, which must not merge, and tanh, which would ask a deep argument for its real part."""
        own = OPAQUE.get(name)
        return own(value) if own else getattr(sympy, name)(value)

    def power(self, base: Expr, exponent: Expr, e: Expr) -> Expr:
        """SymPy's power."""
        return base**exponent


class SymbolView(Symbols):
    """The entries of `wanted`, expanded; those of the tensors `held`, and all that does not depend on them, are symbols."""

    def __init__(self, point: PointView, held: tuple[str, ...], wanted: str) -> None:
        super().__init__(point)
        moving = set(held)
        needed = point.program.needed([wanted, *held])
        for equation in needed.equations:
            if equation.name not in held and equation.uses() & moving:
                moving.add(equation.name)
        for name in needed.tensors:
            if name in held or name not in moving:
                self.entries[name] = self.named(name)
        for equation in needed.equations:
            if equation.name not in self.entries:
                self.define(equation)


def _softmax(view: View, name: str, axis: int = -1) -> np.ndarray:
    e = view.each("exp", view.entries[name])
    return e / e.sum(axis=axis, keepdims=True)


def _logsumexp(view: View, name: str, axis: int | None = None, keepdims: bool = False) -> np.ndarray:
    total = np.asarray(view.each("exp", view.entries[name]).sum(axis=axis, keepdims=True), dtype=object)
    made = view.each("log", total)
    return made if keepdims else np.squeeze(made, axis=axis)


def _log_softmax(view: View, name: str, axis: int = -1) -> np.ndarray:
    made = view.entries[name] - _logsumexp(view, name, axis, keepdims=True)
    if isinstance(view, PointView):
        shares = _softmax(view, name, axis)
        for place in np.ndindex(made.shape):
            view.field.later[made[place].mod] = partial(shares.__getitem__, place)
    return made


def _first(view: View, name: str, axis: int | None, keepdims: bool, pick: Callable) -> np.ndarray:
    values = view.entries[name]
    if axis is None:
        made = np.empty((1,) * values.ndim, dtype=object)
        made.reshape(-1)[0] = values.reshape(-1)[pick(view.reals(name))]
    else:
        made = np.take_along_axis(values, pick(view.reals(name), axis=axis, keepdims=True), axis)
    return made if keepdims else np.squeeze(made, axis=axis)


def _selector(view: View, name: str, axis: int, pick: Callable) -> np.ndarray:
    places = pick(view.reals(name), axis=axis, keepdims=True)
    made = np.full(view.entries[name].shape, view.number(Integer(0)), dtype=object)
    np.put_along_axis(made, places, view.number(Integer(1)), axis)
    return made


def _mean(view: View, name: str, axis: int | None = None, keepdims: bool = False) -> np.ndarray:
    values = view.entries[name]
    count = view.number(Integer(values.size if axis is None else values.shape[axis]))
    return values.sum(axis=axis, keepdims=keepdims) / count


def _var(view: View, name: str, axis: int | None = None, keepdims: bool = False) -> np.ndarray:
    centred = view.entries[name] - _mean(view, name, axis, True)
    count = view.number(Integer(centred.size if axis is None else centred.shape[axis]))
    return (centred * centred).sum(axis=axis, keepdims=keepdims) / count


def determinant(a: np.ndarray) -> Any:
    """Leibniz: the sum over all permutations of sign times product."""
    places = range(len(a))
    odd = lambda p: sum(p[i] > p[j] for i in places for j in range(i + 1, len(a))) % 2  # noqa: E731
    return reduce(add, (prod((a[i, p[i]] for i in places), start=-1 if odd(p) else 1) for p in permutations(places)))


def inverse(a: np.ndarray) -> np.ndarray:
    """Cramer: cofactors over the determinant."""
    made, whole = np.empty_like(a), determinant(a)
    for i, j in np.ndindex(a.shape):
        minor = np.delete(np.delete(a, j, 0), i, 1)
        made[i, j] = (determinant(minor) if len(minor) else lifted(1) if isinstance(whole, Value) else Integer(1)) * (-1) ** (i + j) / whole
    return made


CALL_LAWS: Mapping[str, Callable[..., np.ndarray]] = {
    "softmax": _softmax,
    "logsumexp": _logsumexp,
    "log_softmax": _log_softmax,
    "max": lambda view, name, axis=None, keepdims=False: _first(view, name, axis, keepdims, np.argmax),
    "min": lambda view, name, axis=None, keepdims=False: _first(view, name, axis, keepdims, np.argmin),
    "max_selector": lambda view, name, axis: _selector(view, name, axis, np.argmax),
    "min_selector": lambda view, name, axis: _selector(view, name, axis, np.argmin),
    "mean": _mean,
    "var": _var,
    "det": lambda view, name: determinant(view.entries[name]),
    "inv": lambda view, name: inverse(view.entries[name]),
    "logdet": lambda view, name: view.function("log", determinant(view.entries[name])),
}
"""Whole-tensor calls by the name of their op, as a textbook prints them; options as the op takes them."""
