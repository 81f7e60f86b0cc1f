"""Numbers that remember how they were computed, at several points at once, so that any of them can be differentiated by any other.

A Scalar's derivative is made of Scalars again, so derivatives of every order follow from one sweep backwards (reverse mode; Griewank and
Walther, 2008, chapter 3). An entry of a tensor is marked as its own, so that a derivative by an intermediate means what it says.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

SERIAL = itertools.count()


Partials = Callable[["Scalar"], Sequence["Scalar"]]


class Scalar:
    """A number at each point; `of` are the Scalars it was computed from, `partials` its derivatives by these.

    `entry` marks an entry of a tensor: derivatives may be taken by it. `moment` is the time or layer of that tensor.
    """

    __slots__ = ("entry", "moment", "of", "partials", "serial", "swept", "value")

    def __init__(self, value: np.ndarray, of: tuple["Scalar", ...] = (), partials: Partials | None = None, entry: bool = False) -> None:
        self.value, self.of, self.partials, self.entry = value, of, partials, entry
        self.serial = next(SERIAL)
        self.moment: int | None = None
        self.swept: dict[bool, dict[Scalar, Scalar]] = {}

    def __add__(self, other: "Scalar") -> "Scalar":
        if is_number(self, 0):
            return other
        if is_number(other, 0):
            return self
        return Scalar(self.value + other.value, (self, other), lambda _: (ONE, ONE))

    def __neg__(self) -> "Scalar":
        return self if is_number(self, 0) else Scalar(-self.value, (self,), lambda _: (MINUS,))

    def __sub__(self, other: "Scalar") -> "Scalar":
        return self + -other

    def __mul__(self, other: "Scalar") -> "Scalar":
        if is_number(self, 0) or is_number(other, 0):
            return ZERO
        if is_number(self, 1):
            return other
        if is_number(other, 1):
            return self
        if isinstance(self, Truth) or isinstance(other, Truth):
            return guarded(self, other)
        return Scalar(self.value * other.value, (self, other), lambda _: (other, self))

    def __truediv__(self, other: "Scalar") -> "Scalar":
        return self * power(other, MINUS)


def constant(value: float) -> Scalar:
    """The same number at every point."""
    return Scalar(np.float64(value))  # type: ignore[arg-type]


ZERO, ONE, MINUS = constant(0), constant(1), constant(-1)


def is_number(node: Scalar, value: float) -> bool:
    """Whether this is a constant of that value."""
    return not node.of and not node.entry and np.ndim(node.value) == 0 and float(node.value) == value


def number(node: Scalar) -> float | None:
    """The value of a constant, or None."""
    return float(node.value) if not node.of and not node.entry and np.ndim(node.value) == 0 else None


def total(terms: Iterable[Scalar]) -> Scalar:
    """The sum."""
    made = ZERO
    for term in terms:
        made = made + term
    return made


def dot(left: Sequence[Scalar], right: Sequence[Scalar]) -> Scalar:
    """The sum of products, as one number of all of them."""
    pairs = [(x, y) for x, y in zip(left, right, strict=True) if not is_number(x, 0) and not is_number(y, 0)]
    if len(pairs) < 2 or any(isinstance(x, Truth) for pair in pairs for x in pair):
        return total(x * y for x, y in pairs)
    first, second = zip(*pairs, strict=True)
    value = sum(x.value * y.value for x, y in pairs)
    return Scalar(value, (*first, *second), lambda _: (*second, *first))  # type: ignore[arg-type]


def entry(node: Scalar) -> Scalar:
    """The same number as an entry of a tensor."""
    return Scalar(node.value, (node,), lambda _: (ONE,), entry=True)


def unary(value: Callable[[np.ndarray], np.ndarray], slope: Callable[[Scalar, Scalar], Scalar]) -> Callable[[Scalar], Scalar]:
    """A function of one number by its values and its slope, which is a function of the argument and of the value."""

    def apply(x: Scalar) -> Scalar:
        with np.errstate(all="ignore"):
            return Scalar(value(x.value), (x,), lambda made: (slope(x, made),))

    return apply


def power(base: Scalar, exponent: Scalar) -> Scalar:
    """base^exponent; an exponent that is a whole number leaves the base its sign."""
    known = number(exponent)
    with np.errstate(all="ignore"):
        if known is not None:
            if known == 0:
                return ONE
            if known == 1:
                return base
            value = np.asarray(base.value, dtype=float) ** known
            return Scalar(value, (base,), lambda _: (constant(known) * power(base, constant(known - 1)),))
        value = np.power(np.asarray(base.value, dtype=float), exponent.value)
    parts = (base, exponent)
    return Scalar(value, parts, lambda made: (exponent * power(base, exponent - ONE), made * log(base)))


def chosen(condition: np.ndarray, yes: Scalar, no: Scalar) -> Scalar:
    """`yes` where the condition holds, else `no`."""
    mask, other = truth(condition), truth(~np.asarray(condition))
    return Scalar(np.where(condition, yes.value, no.value), (yes, no), lambda _: (mask, other))


class Truth(Scalar):
    """A number that is 1 or 0: what it multiplies need not be there where it is 0."""

    __slots__ = ()


def truth(condition: np.ndarray) -> Scalar:
    """1 where the condition holds, else 0; the same at every point, a plain constant."""
    value = np.where(condition, 1.0, 0.0)
    return Truth(value) if np.ndim(value) else constant(float(value))


def guarded(a: Scalar, b: Scalar) -> Scalar:
    """A product with a Truth: 0 where that is 0, whatever the other one is."""
    if isinstance(a, Truth) and isinstance(b, Truth):
        return truth((a.value > 0) & (b.value > 0))
    where, other = (a, b) if isinstance(a, Truth) else (b, a)
    return chosen(where.value > 0, other, ZERO)


ERF = np.vectorize(math.erf, otypes=[float])


def _expit(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


Function = Callable[[Scalar], Scalar]
exp: Function = unary(np.exp, lambda x, y: y)


log: Function = unary(np.log, lambda x, y: power(x, MINUS))


sin: Function = unary(np.sin, lambda x, y: cos(x))


cos: Function = unary(np.cos, lambda x, y: -sin(x))


tan: Function = unary(np.tan, lambda x, y: ONE + y * y)


sinh: Function = unary(np.sinh, lambda x, y: cosh(x))


cosh: Function = unary(np.cosh, lambda x, y: sinh(x))


tanh: Function = unary(np.tanh, lambda x, y: ONE - y * y)


arctan: Function = unary(np.arctan, lambda x, y: ONE / (ONE + x * x))


arcsin: Function = unary(np.arcsin, lambda x, y: power(ONE - x * x, constant(-0.5)))


arccos: Function = unary(np.arccos, lambda x, y: -power(ONE - x * x, constant(-0.5)))


sigmoid: Function = unary(_expit, lambda x, y: y * (ONE - y))


erf: Function = unary(ERF, lambda x, y: constant(2 / math.sqrt(math.pi)) * exp(-(x * x)))


sqrt: Function = unary(np.sqrt, lambda x, y: constant(0.5) / y)


sign: Function = unary(np.sign, lambda x, y: ZERO)


def absolute(x: Scalar) -> Scalar:
    """|x|, with slope 0 at 0."""
    return Scalar(np.abs(x.value), (x,), lambda _: (sign(x),))


def relu(x: Scalar) -> Scalar:
    """max(x, 0), with slope 0 at 0."""
    return chosen(np.asarray(x.value) > 0, x, ZERO)


def larger(a: Scalar, b: Scalar) -> Scalar:
    """The larger of the two, the second at a tie."""
    return chosen(np.asarray(a.value) > b.value, a, b)


def smaller(a: Scalar, b: Scalar) -> Scalar:
    """The smaller of the two, the second at a tie."""
    return chosen(np.asarray(a.value) < b.value, a, b)


def larger_first(a: Scalar, b: Scalar) -> Scalar:
    """The larger of the two, the first at a tie."""
    return chosen(np.asarray(a.value) >= b.value, a, b)


def smaller_first(a: Scalar, b: Scalar) -> Scalar:
    """The smaller of the two, the first at a tie."""
    return chosen(np.asarray(a.value) <= b.value, a, b)


def held(node: Scalar, top: Scalar) -> bool:
    """Whether an immediate derivative of `top` stops here: at a tensor of another time or layer, or where there are none, at any."""
    if not node.entry or node is top:
        return False
    return node.moment != top.moment if node.moment is not None and top.moment is not None else top.moment is None


def adjoints(top: Scalar, immediate: bool = False) -> dict[Scalar, Scalar]:
    """The derivative of `top` by everything it was computed from; `immediate`: entries of other times or layers are held."""
    known = top.swept.get(immediate)
    if known is not None:
        return known
    reached: set[Scalar] = set()
    pending = [top]
    while pending:
        node = pending.pop()
        if node in reached:
            continue
        reached.add(node)
        if not (immediate and held(node, top)):
            pending.extend(node.of)
    made: dict[Scalar, Scalar] = {top: ONE}
    for node in sorted(reached, key=lambda n: n.serial, reverse=True):
        slope = made.get(node)
        if slope is None or node.partials is None or (immediate and held(node, top)):
            continue
        for part, partial in zip(node.of, node.partials(node), strict=True):
            step = slope * partial
            if not is_number(step, 0):
                made[part] = made[part] + step if part in made else step
    top.swept[immediate] = made
    return made
