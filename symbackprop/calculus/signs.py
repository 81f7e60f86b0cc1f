"""What is known of a sign by its form alone: sums of squares, what is positive, what has a value everywhere."""

from collections.abc import Container, Set
from dataclasses import dataclass

from sympy import Abs, Add, Expr, Function, KroneckerDelta, Mul, Pow, asinh, atan, cos, cosh, erf, exp, floor, log, sin, sinh, tanh

from symbackprop.calculus.term import Entry, NonNegative, Positive, Total


@dataclass(frozen=True)
class Signs:
    """Tensors whose entries have a sign by their equations: sums of `squares`, and `positive` ones."""

    squares: Set[str] = frozenset()
    positive: Set[str] = frozenset()


UNKNOWN = Signs()
EVERYWHERE = (exp, sin, cos, sinh, cosh, tanh, atan, asinh, erf, floor, Abs)
"""Functions of SymPy's that have a value at every number."""


def is_squares(e: Expr, signs: Signs = UNKNOWN) -> bool:
    """Whether `e` is a sum of squares by its form, times positive factors: never negative, and 0 only where all that is squared is.

    |x|, roots of sums of squares, powers of both and the larger of two are so too.
    """
    return _Forms(signs).is_squares(e)


def is_above_0(e: Expr, signs: Signs = UNKNOWN) -> bool:
    """Whether `e` is positive by its form: a positive number and sums of squares, products and powers of what is positive."""
    return _Forms(signs).is_above_0(e)


class _Forms:
    """What is known of the parts of one expression. Each part is asked once: whether a sum is positive asks two things of each term."""

    def __init__(self, signs: Signs) -> None:
        self.signs = signs
        self.squares: dict[Expr, bool] = {}
        self.above: dict[Expr, bool] = {}

    def is_squares(self, e: Expr) -> bool:
        if e not in self.squares:
            self.squares[e] = self._is_squares(e)
        return self.squares[e]

    def is_above_0(self, e: Expr) -> bool:
        if e not in self.above:
            self.above[e] = self._is_above_0(e)
        return self.above[e]

    def _is_squares(self, e: Expr) -> bool:
        if isinstance(e, Entry):
            return e.name in self.signs.squares
        if isinstance(e, Pow):
            return bool(e.exp.is_positive and (e.exp.is_even or self.is_squares(e.base)))
        if isinstance(e, Total):
            return self.is_squares(e.body)
        if isinstance(e, Function):
            of_squares = type(e).__name__ in ("maximum", "minimum") and all(map(self.is_squares, e.args))
            return of_squares or getattr(type(e), "even_powers", None) is not None
        parts = [a for a in e.args if not (isinstance(e, Mul) and self.is_above_0(a))]
        return isinstance(e, Add | Mul) and bool(parts) and all(map(self.is_squares, parts))

    def _is_free(self, e: Expr) -> bool:
        """Whether a term or a factor has an entry as a factor that may have either sign."""
        known = self.signs
        return any(isinstance(f, Entry) and f.name not in known.positive and f.name not in known.squares for f in Mul.make_args(e))

    def _is_above_0(self, e: Expr) -> bool:
        if isinstance(e, Entry):
            return e.name in self.signs.positive
        if isinstance(e, Total) or (isinstance(e, Add | Mul) and any(map(self._is_free, e.args))):
            return False  # what SymPy takes long to tell
        if e.is_positive:
            return True
        if isinstance(e, Add):
            return any(map(self.is_above_0, e.args)) and all(a.is_nonnegative or self.is_above_0(a) or self.is_squares(a) for a in e.args)
        if isinstance(e, Mul):
            return all(map(self.is_above_0, e.args))
        return isinstance(e, Pow) and self.is_above_0(e.base)


def gram_factor(e: Expr) -> Entry | None:
    """The A[r, i] of sum_r A[r, i] A[r, j]; the A[i, r] of A A^T."""
    first, *others = Mul.make_args(e.body) if isinstance(e, Total) and len(e.indices) == 1 else (e,)
    if not isinstance(first, Entry) or len(first.indices) != 2 or len(others) != 1:
        return None
    (second,), (r,) = others, e.indices
    place = first.indices.index(r) if r in first.indices else None
    alike = isinstance(second, Entry) and second.name == first.name and first != second
    return first if place is not None and alike and second.indices[place] == r else None


def is_total(e: Expr, partial: Container[str] = (), signs: Signs = UNKNOWN) -> bool:
    """Whether `e` has a value whatever the entries in it are; entries of the tensors `partial` may have none themselves."""
    if isinstance(e, Entry):
        return e.name not in partial
    if not e.has(Entry):
        return True
    if isinstance(e, Pow):
        base, exponent = e.args
        whole = exponent.is_integer and exponent.is_nonnegative
        if not (whole or is_above_0(base, signs) or (exponent.is_positive and (base.is_nonnegative or is_squares(base, signs)))):
            return False
    elif isinstance(e, log):
        if not is_above_0(e.args[0], signs):
            return False
    elif isinstance(e, Function) and not isinstance(e, (*EVERYWHERE, Positive, NonNegative, KroneckerDelta)):
        law = getattr(type(e), "law", None)
        if law is None or not is_total(law(*e.args), partial, signs):
            return False
    return all(is_total(a, partial, signs) for a in e.args)


def is_root(e: Expr, signs: Signs = UNKNOWN) -> bool:
    """Whether `e` is by its form a root of a sum of squares, as a norm is, and |x|: never negative."""
    if isinstance(e, Function):
        return getattr(type(e), "even_powers", None) is not None
    return isinstance(e, Pow) and e.exp.is_Rational and not e.exp.is_Integer and e.exp.is_positive and is_squares(e.base, signs)


def as_printed(e: Expr, signs: Signs = UNKNOWN, roots: Container[str] = ()) -> Expr:
    """`e` with 1 / n for [n > 0] / n where n is a norm: that its slope is 0 at 0 is a convention that is told once, beside the formula.

    n is one of the tensors `roots`, or a root of a sum of squares, of which those of one tensor of squares are some. Of anything else,
    which may be negative, the bracket says where the formula holds.
    """

    def is_told(base: Expr, power: Pow) -> bool:
        whole = power.exp.is_Integer
        return (isinstance(base, Entry) and base.name in roots) or is_root(base, signs) or (not whole and is_squares(base, signs))

    def under_root(e: Expr) -> Expr:
        return e.base if isinstance(e, Pow) and is_root(e, signs) else e

    def plain(product: Expr) -> Expr:
        below = {under_root(f.base) for f in product.args if isinstance(f, Pow) and f.exp.could_extract_minus_sign() and is_told(f.base, f)}
        return Mul(*[f for f in product.args if not (isinstance(f, Positive) and under_root(f.args[0]) in below)])

    return e.replace(lambda f: isinstance(f, Mul), plain) if e.has(Positive) else e
