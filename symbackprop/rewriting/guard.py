"""What a mask multiplies, made finite where the mask is 0.

[x > 0] log(x) is 0 for x <= 0, but in floating point 0 times nan is nan. So where the other factors may be infinite or undefined
under a mask that is 0, they are evaluated at a safe argument there: [x > 0] log(where([x > 0], x, 1)). A mask is made of brackets,
on entries or on places, however it is put together; one that says a range of an index is a slice, and needs none. The bracket of a relu
multiplies nothing of the kind and stays a plain mask; [n > 0] / n, the slope of a norm, needs none: it is 1 / where([n > 0], n, inf).
What has other indices than its mask is left alone inside a sum, where an array over all of them may be larger than everything else.
"""

from collections.abc import Container, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property

from sympy import Expr, Integer, KroneckerDelta, Mul, Pow, S, acos, acosh, asin, atanh, cosh, exp, log, sinh

from symbackprop.calculus.brackets import diagonal_left_out, is_mask
from symbackprop.calculus.canonical import relabelled
from symbackprop.calculus.index import Index
from symbackprop.calculus.places import are_ranges
from symbackprop.calculus.program import Call, Equation
from symbackprop.calculus.signs import UNKNOWN, Signs, is_total
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, indices_of, is_guard
from symbackprop.ops.entrywise.elementwise import expm1, log1p, minimum
from symbackprop.rewriting.shadow import Danger, Shadows, dangers, read_anyway, where_not_0
from symbackprop.stability.exponents import LogExpm1, ScaledPower
from symbackprop.stability.masked import Where
from symbackprop.stability.stable import XLogY

HARMLESS_AT_1 = (log, acosh, LogExpm1)
HARMLESS_AT_0 = (exp, expm1, sinh, cosh, log1p, asin, acos, atanh, XLogY)
SAFE: Mapping[type, Integer] = {**dict.fromkeys(HARMLESS_AT_1, S.One), **dict.fromkeys(HARMLESS_AT_0, S.Zero)}
"""Functions that overflow or are undefined somewhere, and an argument at which they are harmless."""


@dataclass(frozen=True)
class Around:
    """What is known of the equations before one: tensors that may hold what is not finite, and the masks of those that have some.

    `needs`: what is known not to be negative of sizes; `signs`: what is of tensors.
    """

    equations: Sequence[Equation]
    needs: Sequence[Expr]
    signs: Signs
    masks: Shadows
    risky: set[str] = field(default_factory=set)

    @cached_property
    def anyway(self) -> Set[Danger]:
        """What is asked of expressions under no mask."""
        bracketed = any(isinstance(e.rhs, Expr) and e.rhs.has(Positive, NonNegative) for e in self.equations)
        return read_anyway(self.equations, self.masks) if bracketed else set()

    def endangers(self, e: Expr) -> bool:
        """Whether something in `e` may have no value."""
        return any(a.name in self.risky for a in e.atoms(Entry)) or bool(_in_danger(e, self.signs))


def guarded(
    equations: Sequence[Equation], finite: Container[str] = (), needs: Sequence[Expr] = (), signs: Signs = UNKNOWN
) -> list[Equation]:
    """The equations, with every factor beside a bracket on entries finite where that is 0.

    `finite`: tensors whose entries are finite, however their equations may look. `needs` and `signs` as of Around.
    """
    done: list[Equation] = []
    around = Around(equations, needs, signs, Shadows(equations))
    for e in equations:
        if isinstance(e.rhs, Expr) and (e.rhs.has(Positive, NonNegative, KroneckerDelta) or around.endangers(e.rhs)):
            made = _safe(e.rhs, around, set(e.indices))
            # Sums over masks, which where_not_0 makes, have their indices named as those of any other.
            e = replace(e, rhs=relabelled(made) if made.atoms(Index) - e.rhs.atoms(Index) else made)
        done.append(e)
        if e.name not in finite and _risky(e, around.risky, signs):
            around.risky.add(e.name)
    return done


def _safe(e: Expr, around: Around, room: Set[Index]) -> Expr:
    """`e` with what its masks multiply made finite; `room` are the indices of the whole, an array over which is no larger than that."""
    if not e.args or isinstance(e, Entry | Positive | NonNegative):
        return e
    if not isinstance(e, Mul):
        args = [_safe(a, around, room) for a in e.args]
        return e if all(a is b for a, b in zip(args, e.args, strict=True)) else e.func(*args)
    risky = around.risky
    masks = [f for f in e.args if is_mask(f)]
    others = [f for f in e.args if f not in masks]
    factors = [_safe(f, around, room) for f in others]
    endangered = [f for f in others if around.endangers(f)]
    for k, f in enumerate(others):
        if any(g != f for g in endangered) and (where := where_not_0(f, around.masks)) is not None:
            factors = [g if j == k or _is_read(g, around) else _beside(g, where, risky, room) for j, g in enumerate(factors)]
    for mask in _leaving(masks, around.needs):
        divided = _divided(factors, mask, risky)
        factors = [_beside(f, mask, risky, room) for f in factors] if divided is None else divided
        if divided is not None or (
            isinstance(mask, Positive | NonNegative) and mask.has(Entry) and any(_is_0_beside(f, mask) for f in factors)
        ):
            masks.remove(mask)
        elif diagonal_left_out(mask) is not None and any(f.has(Where) for f in factors):
            masks.remove(mask)
            factors = [Where(mask, Mul(*factors), S.Zero)]  # less its diagonal it would be infinity less infinity
    return Mul(*masks, *factors)


def _is_read(e: Expr, around: Around) -> bool:
    """Whether all that may have no value in `e` is read under no mask too, so that nothing is won by a mask here."""
    if any(a.name in around.risky for a in e.atoms(Entry)):
        return False
    found = [dangers(f) for f in _in_danger(e, around.signs)]
    return not found or all(asked and asked <= around.anyway for asked in found)


def _leaving(masks: Sequence[Expr], needs: Sequence[Expr]) -> list[Expr]:
    """The masks where what they multiply is evaluated although they are 0: not a delta, nor guards that are a range of an index."""
    ranges = [m for m in masks if is_guard(m) and len(indices_of(m)) == 1]
    alike = {i: [m for m in ranges if indices_of(m) == {i}] for m in ranges for i in indices_of(m)}
    gone = [m for group in alike.values() if are_ranges(group, needs) for m in group]
    return [m for m in masks if not isinstance(m, KroneckerDelta) and m not in gone]


def _divided(factors: Sequence[Expr], bracket: Expr, risky: Container[str]) -> list[Expr] | None:
    """The factors with infinity for the n of a bracket [n > 0] where they divide by it, if one of them does and no other is in danger."""
    if not isinstance(bracket, Positive) or not bracket.has(Entry):
        return None
    (n,) = bracket.args

    def divides(p: Expr) -> bool:
        return isinstance(p, Pow) and p.base == n and p.exp.is_number and p.exp.is_negative

    harmless = [f.replace(divides, lambda p: S.One) for f in factors]
    if not any(map(divides, factors)) or any(_under(f, bracket, risky) != f for f in harmless):
        return None
    return [f.replace(divides, lambda p: Pow(Where(bracket, n, S.Infinity), p.exp)) for f in factors]


def _beside(f: Expr, mask: Expr, risky: Container[str], room: Set[Index]) -> Expr:
    """A factor at safe arguments where `mask` is 0; it is 0 there if what may have no value has not all indices of the mask."""
    made = _under(f, mask, risky)
    fits = indices_of(f) <= indices_of(mask) or indices_of(f) | indices_of(mask) <= room
    return Where(mask, made, S.Zero) if fits and _strays(made, mask, risky) else made


def _strays(e: Expr, mask: Expr, risky: Container[str]) -> bool:
    """Whether something in `e` may have no value where `mask` is 0, and is not evaluated at a safe argument since it has fewer indices."""
    if not e.args or isinstance(e, Positive | NonNegative):
        return False
    if isinstance(e, Where):
        return not set(Mul.make_args(mask)) <= set(Mul.make_args(e.args[0])) and _strays(e.args[1], mask, risky)
    if isinstance(e, Entry):
        return e.name in risky and not indices_of(mask) <= indices_of(e)
    if isinstance(e, (Pow, ScaledPower, *SAFE)) and not _is_finite(e) and not indices_of(mask) <= indices_of(e):
        return True
    return (isinstance(e, Total) and _under(e, S.One, risky) != e) or any(_strays(a, mask, risky) for a in e.args)


def _is_0_beside(f: Expr, mask: Expr) -> bool:
    return isinstance(f, Where) and mask in Mul.make_args(f.args[0]) and f.args[2] == 0


def _under(e: Expr, mask: Expr, risky: Container[str]) -> Expr:
    """`e` at safe arguments where `mask` is 0."""
    if not e.args or isinstance(e, Positive | NonNegative) or not indices_of(mask) <= indices_of(e):
        return e
    if isinstance(e, Where):
        return _where(mask, _under(e.args[1], mask, risky), e.args[2], also=e.args[0])
    if isinstance(e, Entry):
        return Where(mask, e, S.Zero) if e.name in risky else e
    args = [_under(a, mask, risky) for a in e.args]
    if isinstance(e, Pow):
        base, exponent = args
        return Pow(_where(mask, base, S.One), exponent) if not _is_finite(e) else Pow(base, exponent)
    if isinstance(e, ScaledPower):
        return e.func(args[0], _where(mask, args[1], S.One), args[2])
    if type(e) in SAFE and not _is_finite(e) and not _is_bounded(e, mask):
        return e.func(_where(mask, args[0], SAFE[type(e)]), *args[1:])
    return e if all(a is b for a, b in zip(args, e.args, strict=True)) else e.func(*args)


def _where(mask: Expr, x: Expr, safe: Expr, also: Expr = S.One) -> Expr:
    """`x` where the masks are not 0, `safe` elsewhere; below a bound of 0 the smaller of the two says it."""
    if isinstance(x, Where) and x.args[0] == mask:
        x = x.args[1]
    elif isinstance(x, Where) and x.args[2] == safe:
        mask, x = _both(x.args[0], mask), x.args[1]
    if also != 1:
        return Where(_both(also, mask), x, safe)
    if safe == 0 and isinstance(mask, Positive | NonNegative) and (x / mask.args[0]).is_negative:
        return minimum(x, S.Zero)
    return Where(mask, x, safe)


def _both(one: Expr, other: Expr) -> Expr:
    """A mask that is not 0 where neither of two is, each bracket in it once."""
    return Mul(*dict.fromkeys((*Mul.make_args(one), *Mul.make_args(other))))


def _is_finite(e: Expr) -> bool:
    """Whether a power or function is finite at every finite argument, or of sizes alone."""
    if not e.has(Entry) and not indices_of(e):
        return True
    if isinstance(e, Pow):
        base, exponent = e.args
        if exponent.is_Integer:
            return bool(exponent > 0 or base.is_nonzero)
        return bool(base.is_positive or (base.is_nonnegative and exponent.is_positive))
    x = e.args[0]
    if isinstance(e, log):
        return bool(x.is_positive)
    if isinstance(e, log1p):
        return bool(x.is_nonnegative)
    return isinstance(e, exp | expm1) and bool(x.is_nonpositive)


def _is_bounded(e: Expr, mask: Expr) -> bool:
    """Whether exp(z) can't overflow where the bracket on c is 0: z grows with c, and c is not positive there."""
    if not isinstance(e, exp | expm1) or not isinstance(mask, Positive | NonNegative):
        return False
    ratio = (e.args[0] - e.args[0].as_coeff_Add()[0]) / mask.args[0]
    return bool(ratio.is_number and ratio.is_nonnegative)


def _risky(e: Equation, risky: Container[str], signs: Signs) -> bool:
    """Whether a tensor of the model may hold what is not finite, by its own equation or by one that it is computed from entry by entry."""
    if isinstance(e.rhs, Call) or indices_of(e.rhs) - set(e.indices):
        return False
    return bool(_in_danger(e.rhs, signs)) or any(a.name in risky and set(a.indices) == set(e.indices) for a in e.rhs.atoms(Entry))


def _in_danger(e: Expr, signs: Signs) -> list[Expr]:
    """The powers and functions in `e` that may overflow or have no value."""
    found = [f for f in e.atoms(Pow, ScaledPower, *SAFE) if not _is_finite(f)]
    return [f for f in found if not (isinstance(f, Pow | log) and is_total(f, signs=signs))]
