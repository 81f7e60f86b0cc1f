"""The scalar view: a program expanded, entry by entry, at small sizes.

The views share one walk over index expressions. In `PointView` an entry is a Value (a residue and a real number), so a whole
program is a table of numbers. In `SymbolView` it is a plain SymPy expression in the entries of the tensors held fast, for
SymPy's own `diff`. Brackets are decided at the point and are constants from there on. The oracle, never the method.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from functools import partial, reduce
from itertools import permutations
from math import prod
from operator import add
from typing import Any

import numpy as np
import sympy
from sympy import Add, Expr, Integer, Mul, S, Symbol

from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.errors import VerifyError
from symbackprop.verification.oracle.field import OPAQUE, Field, Value
from symbackprop.verification.oracle.literal import size_of
from symbackprop.verification.oracle.walk import ONCE, Places, Walk


class View(Walk):
    """A program walked over, equation by equation; what an entry, a number and a function are is left to the kinds of view."""

    def __init__(self, program: Program, sizes: Mapping[Expr, int]) -> None:
        super().__init__(sizes)
        self.program = program

    def reals(self, name: str) -> np.ndarray:
        """The real parts of a tensor's entries at the view's point."""
        raise NotImplementedError

    def shape(self, name: str) -> tuple[int, ...]:
        """The sizes of the axes of the tensor `name`."""
        return tuple(size_of(a, self.sizes) for a in self.program.tensors[name].axes)

    def define(self, equation: Equation) -> None:
        """Fill in the entries of the tensor that `equation` defines."""
        shape = self.shape(equation.name)
        rhs = equation.rhs
        made = self._call(equation) if isinstance(rhs, Call) else self.walk(rhs, ONCE.within(equation.indices, shape))
        self.entries[equation.name] = made.reshape(shape)

    def _call(self, equation: Equation) -> np.ndarray:
        call = equation.rhs
        if call.op not in CALL_LAWS:
            raise VerifyError(f"no scalar law for the call '{call.op}'", place=f"equation {equation.name}")
        return np.asarray(CALL_LAWS[call.op](self, *call.arguments, **dict(call.options)), dtype=object)


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

    def real(self, e: Expr, at: Places) -> np.ndarray:
        """The real parts, by which brackets are decided."""
        return np.array([v.real for v in self.walk(e, at)], dtype=float)

    def added(self, values: Sequence[Value]) -> Value:
        """The sum of both parts."""
        return Value(sum(v.mod for v in values), sum(v.real for v in values))

    def reals(self, name: str) -> np.ndarray:
        """The real parts of a tensor's entries."""
        return np.vectorize(lambda v: v.real, otypes=[float])(self.entries[name])

    def function(self, name: str, value: Value) -> Value:
        """A function of one argument by its SymPy name."""
        return self.field.function(name, value)

    def power(self, base: Value, exponent: Value, e: Expr) -> Value:
        """A root, or a power whose exponent is not a number."""
        return self.field.power(base, exponent, e)


class FractionView(View):
    """A program as a table of fractions, at a point where its leaves are fractions: rational arithmetic and nothing else."""

    def __init__(self, program: Program, sizes: Mapping[Expr, int], leaves: Mapping[str, np.ndarray]) -> None:
        super().__init__(program, sizes)
        self.entries = {name: np.asarray(v, dtype=object) for name, v in leaves.items()}
        for equation in program.equations:
            self.define(equation)

    def number(self, e: Expr) -> Fraction:
        """A rational number. Raises VerifyError for any other."""
        if not e.is_Rational:
            raise VerifyError(f"{e} is no fraction")
        return Fraction(int(e.p), int(e.q))

    def is_zero(self, value: Fraction) -> bool:
        """Whether a guard is 0."""
        return value == 0

    def real(self, e: Expr, at: Places) -> np.ndarray:
        """The values, by which brackets are decided."""
        return self.walk(e, at)

    def reals(self, name: str) -> np.ndarray:
        """The values of a tensor's entries."""
        return np.vectorize(float, otypes=[float])(self.entries[name])

    def function(self, name: str, value: Fraction) -> Fraction:
        """Raises VerifyError: no function is rational."""
        raise VerifyError(f"{name} of a fraction is no fraction")

    def power(self, base: Fraction, exponent: Fraction, e: Expr) -> Fraction:
        """Raises VerifyError: a root of a fraction is none."""
        raise VerifyError(f"a fraction to the power {e} is no fraction")


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

    def real(self, e: Expr, at: Places) -> np.ndarray:
        """The real parts at the point."""
        return self.point.real(e, at)

    def added(self, values: Sequence[Expr]) -> Expr:
        """SymPy's sum."""
        return Add(*values)

    def multiplied(self, values: Sequence[Expr]) -> Expr:
        """SymPy's product."""
        return Mul(*values)

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
        self.free: dict[Expr, frozenset[Symbol]] = {}
        needed = point.program.needed([wanted, *held])
        for name in kept(needed, held):
            self.entries[name] = self.named(name)
        for equation in needed.equations:
            if equation.name not in self.entries:
                self.define(equation)

    def slope(self, e: Expr, symbol: Symbol) -> Expr:
        """SymPy's derivative, of the terms in which the symbol occurs alone; a factor in which it does not stands before it."""
        if symbol not in self.symbols_of(e):
            return S.Zero
        if isinstance(e, Add):
            return Add(*[self.slope(a, symbol) for a in e.args if symbol in self.symbols_of(a)])
        if isinstance(e, Mul):
            moving = [a for a in e.args if symbol in self.symbols_of(a)]
            if len(moving) == 1:
                return Mul(*[a for a in e.args if a is not moving[0]], self.slope(moving[0], symbol))
        return e.diff(symbol)

    def symbols_of(self, e: Expr) -> frozenset[Symbol]:
        """The symbols in an expression."""
        if e.is_Symbol:
            return frozenset({e})
        if e not in self.free:
            self.free[e] = frozenset().union(*map(self.symbols_of, e.args))
        return self.free[e]


def kept(program: Program, held: Collection[str]) -> frozenset[str]:
    """The tensors of a program that `held` are, or that do not depend on them: what stays a symbol where the others are expanded."""
    moving = set(held)
    for equation in program.equations:
        if equation.name not in held and equation.uses() & moving:
            moving.add(equation.name)
    return frozenset(n for n in program.tensors if n in held or n not in moving)


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
        made[i, j] = (determinant(minor) if len(minor) else whole**0) * (-1) ** (i + j) / whole
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
