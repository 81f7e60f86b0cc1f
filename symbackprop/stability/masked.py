"""Sums of exponentials of which a mask leaves some out: the growth of sum_r [m_r > 0] exp(z_r) is logsumexp over those that are left.

What is left out may be larger than all the rest, by any amount. So the exponent is -inf there, in the sum and in what is divided by it:
[m > 0] exp(z) / sum_r [m_r > 0] exp(z_r) is a softmax of where(m > 0, z, -inf). A weight that may be 0 is a mask too.
"""

from collections.abc import Sequence
from itertools import combinations

from sympy import Add, Expr, Function, Mul, S

from symbackprop.calculus.brackets import is_mask
from symbackprop.calculus.signs import is_above_0
from symbackprop.calculus.term import Entry, Positive, indices_of
from symbackprop.ops.entrywise.elementwise import absolute
from symbackprop.stability.additions import Additions

Where = Function("where")
"""where(mask, x, y): x where the mask is not 0, else y."""
MOST = 4
"""Weights of which each set may be a mask."""


def condition(f: Expr, z: Expr, known: Additions) -> Expr | None:
    """What is 0 where a weight `f` of exp(z) is, over no more indices than one of the two has; None if none is known.

    A weight that is computed is a mask only where its equation says so: others are never 0, or seldom.
    """
    if not (indices_of(f) <= indices_of(z) or indices_of(z) <= indices_of(f)):
        return None
    if is_mask(f):
        return f if f.is_nonnegative else None
    f = f.primitive()[1]  # 10 y + 1 for y + 0.1
    entry = f.as_coeff_Add()[1].as_coeff_Mul()[1]
    if not isinstance(entry, Entry) or not indices_of(f) <= indices_of(z) or is_above_0(f, known.program.signs):
        return None
    computed = known.program.equation(entry.name) is not None
    f = -f if f.could_extract_minus_sign() else f
    return Positive(absolute(f)) if not computed or is_mask(known.laws.meaning(entry)) else None


def conditions(weights: Sequence[Expr], z: Expr, known: Additions) -> list[Expr]:
    """The masks that weights of exp(z) can be, as products of masks: all of them first, then fewer."""
    found = [c for f in weights if (c := condition(f, z, known)) is not None][:MOST]
    return [Mul(*some) for count in range(len(found), 0, -1) for some in combinations(found, count)]


def masked(mask: Expr, z: Expr) -> Expr:
    """The exponent `z` where the mask is not 0; exp of it is 0 elsewhere."""
    return Where(mask, z, S.NegativeInfinity)


def left_in(e: Expr, z: Expr, at: Expr, factors: Sequence[Expr], known: Additions) -> Expr | None:
    """A growth `e` with an entry of a masked tensor for the exponent that this is, z = where(mask, u, -inf) for u in it.

    None where the product of `factors`, which is multiplied by exp(e), is not 0 wherever the mask is.
    """
    if not isinstance(z, Where):
        return None
    mask, u, _ = z.args
    present = set().union(*[Mul.make_args(c) for f in factors if (c := condition(f, u, known)) is not None])
    if not set(Mul.make_args(mask)) <= present or not set(Add.make_args(u)) <= set(Add.make_args(e)):
        return None
    return e - u + at
