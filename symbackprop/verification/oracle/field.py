"""Exact numbers to test identities with: each value once modulo a large prime, once as a real number.

The residue decides equality (two different rational functions agree at a random point with probability at most
degree / prime). The real part decides on which side of a kink the point lies, and refutes. A transcendental function is an
atom: a random residue for each argument, with exp(-v) = 1/exp(v), exp(log v) = v and cos^2 + sin^2 = 1 kept, so that a match
is a proof but a mismatch is not. Source: Schwartz 1980, doi:10.1145/322217.322225.
"""

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

from sympy import Abs, Add, Dummy, E, Expr, Function, Mul, Pow, Symbol, exp, pi, sign, tanh

from symbackprop.errors import VerifyError

PRIME = 2**61 - 1
"""3 modulo 4, so that a square root is the power (PRIME + 1) / 4."""


class UndefinedError(VerifyError):
    """A division by a residue 0 or a root of a non-residue: draw another point."""


class Value:
    """A residue modulo PRIME and a real number, computed alike."""

    __slots__ = ("mod", "real")

    def __init__(self, mod: int, real: float) -> None:
        self.mod, self.real = mod % PRIME, real

    def __add__(self, other: "Value | int") -> "Value":
        other = lifted(other)
        return Value(self.mod + other.mod, self.real + other.real)

    __radd__ = __add__

    def __neg__(self) -> "Value":
        return Value(-self.mod, -self.real)

    def __sub__(self, other: "Value | int") -> "Value":
        return self + -lifted(other)

    def __rsub__(self, other: "Value | int") -> "Value":
        return lifted(other) - self

    def __mul__(self, other: "Value | int") -> "Value":
        other = lifted(other)
        return Value(self.mod * other.mod, self.real * other.real)

    __rmul__ = __mul__

    def __truediv__(self, other: "Value | int") -> "Value":
        other = lifted(other)
        if not other.mod:
            raise UndefinedError("a residue is 0 where the formula divides by it")
        return Value(self.mod * pow(other.mod, -1, PRIME), self.real / other.real if other.real else math.nan)

    def __rtruediv__(self, other: int) -> "Value":
        return lifted(other) / self

    def __pow__(self, exponent: int) -> "Value":
        if exponent < 0:
            return 1 / self**-exponent
        return Value(pow(self.mod, exponent, PRIME), self.real**exponent)

    def __repr__(self) -> str:
        return f"Value({self.mod}, {self.real})"


def lifted(value: "Value | int") -> Value:
    """A whole number as a Value."""
    return value if isinstance(value, Value) else Value(int(value), float(value))


class OpaqueExp(Function):
    """exp, but one that SymPy does not merge: exp(a) exp(b) must not become exp(a + b), which would be another atom."""

    nargs = 1
    is_real = True
    is_positive = True

    @classmethod
    def eval(cls, x):
        """Only exp(0) = 1 is evaluated."""
        return Mul() if x == 0 else None

    def fdiff(self, argindex: int = 1) -> Expr:
        """Its own derivative."""
        return self


class OpaqueTanh(Function):
    """tanh, but one that does not evaluate itself: SymPy's asks for the real part of what it is applied to, which expands it."""

    nargs = 1
    is_real = True

    @classmethod
    def eval(cls, x):
        """Only tanh(0) = 0 is evaluated."""
        return Add() if x == 0 else None

    def fdiff(self, argindex: int = 1) -> Expr:
        """SymPy's derivative of tanh, in this function."""
        u = Dummy()
        return tanh(u).diff(u).subs(tanh(u), self)


OPAQUE: Mapping[str, type[Function]] = {"exp": OpaqueExp, "tanh": OpaqueTanh}
"""Functions by the name that SymPy's own bears."""
PLAIN = {own.__name__: name for name, own in OPAQUE.items()}
"""And back."""

REAL: Mapping[str, Callable[[float], float]] = {
    **{name: getattr(math, name) for name in ("asin", "acos", "atan", "erf", "lgamma", "gamma", "asinh")},
    "loggamma": math.lgamma,
}
"""Functions that are atoms and nothing more."""


class Field:
    """Functions of Values at one random point. `atoms` counts the values that stand for something not rational.

    Half the residues have no square root. With `free_roots` an atom stands for such a root; its square is not the number again,
    so what is equal with atoms is equal, and what is not may be equal all the same.
    """

    def __init__(self, seed: int, free_roots: bool = False) -> None:
        self.free_roots = free_roots
        self.random = random.Random(seed)
        self.atoms = 0
        self.exponentials: dict[int, int] = {}
        self.logarithms: dict[int, int] = {}
        self.later: dict[int, Callable[[], Any]] = {}
        self.others: dict[tuple, int] = {}

    def residue(self) -> int:
        """A random residue that is not 0."""
        return self.random.randrange(1, PRIME)

    def number(self, e: Expr | int) -> Value:
        """A rational number, or one of SymPy's constants."""
        if isinstance(e, int):
            return lifted(e)
        if e.is_Rational:
            return Value(int(e.p), float(int(e.p))) / Value(int(e.q), float(int(e.q)))
        if e == pi:
            return Value(self._other(("pi",), lambda: pow(self.residue(), 2, PRIME)), math.pi)
        if e == E:
            return self.exp(lifted(1))
        return Value(self._other((str(e),), self.residue), float(e))

    def exp(self, v: Value) -> Value:
        """exp(v); exp(-v) is its inverse, and the exponential of a logarithm is what it was."""
        if v.mod == 0:
            return lifted(1)
        real = math.exp(min(v.real, 700.0))
        if v.mod in self.later:
            self.exponentials[v.mod] = self.later.pop(v.mod)().mod
        if v.mod not in self.exponentials and (-v).mod in self.later:
            self.exponentials[(-v).mod] = self.later.pop((-v).mod)().mod
        if v.mod not in self.exponentials:
            self.atoms += 1
            opposite = self.exponentials.get((-v).mod)
            made = pow(opposite, -1, PRIME) if opposite else self.residue()
            self.exponentials[v.mod] = made
            self.logarithms[made] = v.mod
        return Value(self.exponentials[v.mod], real)

    def log(self, v: Value) -> Value:
        """log(v); log(1/v) is its negative."""
        if v.real <= 0 or not v.mod:
            raise UndefinedError("a logarithm of a number that is not positive")
        if v.mod == 1:
            return lifted(0)
        if v.mod not in self.logarithms:
            self.atoms += 1
            opposite = self.logarithms.get(pow(v.mod, -1, PRIME))
            made = -opposite % PRIME if opposite else self.residue()
            self.logarithms[v.mod] = made
            self.exponentials[made] = v.mod
        return Value(self.logarithms[v.mod], math.log(v.real))

    def power(self, base: Value, exponent: Value, e: Expr) -> Value:
        """base ** exponent, `e` being the exponent as an expression: whole numbers, halves, or an atom."""
        if e.is_Integer:
            return base ** int(e)
        if e.is_Rational and e.q == 2:
            if base.mod == base.real:  # of whole numbers, SymPy has sqrt(3) / 3 for 1 / sqrt(3)
                return base ** (int(e.p) // 2) * self.sqrt(base)
            return self.sqrt(base) ** int(e.p)
        self.atoms += 1
        constant, _ = e.as_coeff_Add()
        whole = int(constant) if constant.is_Integer else 0
        left = exponent - whole
        if base.real <= 0:
            raise UndefinedError("a power of a number that is not positive")
        atom = self._other(("power", base.mod, left.mod), self.residue)
        return Value(atom, base.real**left.real) * base**whole

    def sqrt(self, v: Value) -> Value:
        """A square root; the one that is itself a square, so that roots multiply."""
        self.atoms += 1
        root = pow(v.mod, (PRIME + 1) // 4, PRIME)
        exists = pow(root, 2, PRIME) == v.mod
        if v.real < 0 or not (exists or self.free_roots):
            raise UndefinedError("a square root that the residues do not have")
        if not exists:
            root = self._other(("root", v.mod), self.residue)
        return Value(root, math.sqrt(v.real))

    def function(self, name: str, v: Value) -> Value:
        """A function of one argument by its SymPy name."""
        name = PLAIN.get(name, name)
        if name == "exp":
            return self.exp(v)
        if name == "log":
            return self.log(v)
        if name in ("sinh", "cosh", "tanh"):
            up, down = self.exp(v), self.exp(-v)
            top = {"sinh": up - down, "cosh": up + down}
            # e^x - e^-x loses the digits of a small x, so the real part is taken from the function itself.
            made = top["sinh"] / top["cosh"] if name == "tanh" else top[name] / 2
            return Value(made.mod, getattr(math, name)(v.real))
        if name in ("sin", "cos", "tan"):
            half = self._half_tangent(v)
            sine, cosine = 2 * half / (1 + half * half), (1 - half * half) / (1 + half * half)
            made = {"sin": sine, "cos": cosine, "tan": sine / cosine}[name]
            return Value(made.mod, getattr(math, name)(v.real))
        if name in REAL:
            self.atoms += 1
            odd = name in ("erf", "asin", "atan", "asinh") and v.mod > PRIME // 2
            atom = self._other((name, (-v).mod if odd else v.mod), self.residue)
            return Value(-atom if odd else atom, REAL[name](v.real))
        raise VerifyError(f"no exact value of the function {name}")

    def _half_tangent(self, v: Value) -> Value:
        self.atoms += 1
        odd = v.mod > PRIME // 2
        atom = self._other(("half tangent", (-v).mod if odd else v.mod), self.residue) if v.mod else 0
        return Value(-atom if odd else atom, math.tan(v.real / 2))

    def _other(self, key: tuple, make: Callable[[], int]) -> int:
        if key not in self.others:
            self.others[key] = make()
        return self.others[key]

    def scalar(self, e: Expr, symbols: Mapping[Symbol, Value], memo: dict[Expr, Value]) -> Value:
        """The value of a plain SymPy expression in `symbols`; `memo` keeps the values of its parts."""
        if e not in memo:
            memo[e] = self._scalar(e, symbols, memo)
        return memo[e]

    def _scalar(self, e: Expr, symbols: Mapping[Symbol, Value], memo: dict[Expr, Value]) -> Value:
        if e.is_Symbol:
            return symbols[e]
        if not e.args:
            return self.number(e)
        if isinstance(e, Add):
            return sum((self.scalar(a, symbols, memo) for a in e.args[1:]), self.scalar(e.args[0], symbols, memo))
        if isinstance(e, Mul):
            return math.prod((self.scalar(a, symbols, memo) for a in e.args[1:]), start=self.scalar(e.args[0], symbols, memo))
        if isinstance(e, Pow):
            return self.power(self.scalar(e.base, symbols, memo), self.scalar(e.exp, symbols, memo), e.exp)
        argument = self.scalar(e.args[0], symbols, memo)
        if isinstance(e, Abs):
            return argument if argument.real > 0 else -argument
        if isinstance(e, sign):
            return lifted(1 if argument.real > 0 else -1)
        if isinstance(e, Function | exp) and len(e.args) == 1:
            return self.function(type(e).__name__, argument)
        raise VerifyError(f"no exact value of {type(e).__name__}")
