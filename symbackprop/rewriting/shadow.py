"""Where a factor is 0 since all that it is made of is masked: a sum over a mask, a sum of masked terms, a tensor that has a name for one.

With J = sum_ij [m_ij > 0] log(x_i), the derivative by x_i is sum_j [m_ij > 0] / x_i: where a row of the mask is empty, x_i is not read.
What is read under no mask at all has a value, or nothing has.
"""

from collections.abc import Sequence

from sympy import Add, Expr, KroneckerDelta, Mul, Pow, S, log

from symbackprop.calculus.brackets import covers, is_mask
from symbackprop.calculus.canonical import turned
from symbackprop.calculus.program import Equation
from symbackprop.calculus.term import Entry, Total, indices_of, is_indicator, rename_bound
from symbackprop.rewriting.sign import is_nonnegative


class Shadows:
    """The tensors that are 0 where all that they are made of is masked, with what says where: looked at only so far as is asked for.

    Of a deep net the masks hold those of all layers above, and most programs ask for none.
    """

    def __init__(self, equations: Sequence[Equation]) -> None:
        self.waiting = list(reversed(equations))
        self.defined = {e.name for e in equations}
        self.known: dict[str, Equation] = {}

    def get(self, name: str) -> Equation | None:
        """The equation whose right side is the mask of the tensor `name`, or None."""
        while name in self.defined and self.waiting:
            e = self.waiting.pop()
            self.defined.remove(e.name)
            mask = _mask(e.rhs, self) if isinstance(e.rhs, Expr) else S.One
            if mask != 1 and (mask.has(Entry) or indices_of(mask)):
                self.known[e.name] = Equation(e.tensor, e.indices, mask)
        return self.known.get(name)


Danger = tuple[Expr, str]
"""What is asked of an expression: see `dangers`."""


def where_not_0(e: Expr, known: Shadows) -> Expr | None:
    """What is 0 only where `e` is, since every term in it has a mask that is; None if it is so nowhere, or of no entry and no place.

    Of a sum whose terms all have masks it is the sum of these, of a sum over an index the sum of the masks over it.
    """
    if isinstance(e, Entry) and (made := known.get(e.name)) is not None:
        return made.at(e.indices)
    if isinstance(e, Add):
        masks = [_mask(t, known) for t in e.args]
        return None if S.One in masks or covers(masks) else Add(*masks)
    if isinstance(e, Total):
        mask = _mask(e.body, known)
        along = [i for i in e.indices if mask.has(i)]
        return rename_bound(Total(mask, *along)) if mask.has(Entry) or indices_of(mask) - set(along) else None
    return None


def _mask(e: Expr, known: Shadows) -> Expr:
    """The masks among the factors of `e`, with those of the other factors, none of them negative."""
    masks = [f if is_mask(f) else where_not_0(f, known) for f in Mul.make_args(e) if not isinstance(f, KroneckerDelta)]
    return Mul(*[_counted(m) for m in masks if m is not None])


def _counted(mask: Expr) -> Expr:
    """A mask, or its square where it may be negative: a sum of such is 0 only where all of them are."""
    return mask if mask.has(Total) or all(is_nonnegative(f, ()) or is_indicator(1 - f) for f in Mul.make_args(mask)) else mask**2


def read_anyway(equations: Sequence[Equation], known: Shadows) -> set[Danger]:
    """The dangers that are met under no mask: in equations that are not used under one only."""
    wanted = {e.name for e in equations} - set().union(*[e.uses() for e in equations])
    found: set[Danger] = set()
    for e in reversed(equations):
        if e.name in wanted:
            wanted |= _read(e.rhs, known, found) if isinstance(e.rhs, Expr) else e.uses()
    return found


def _read(e: Expr, known: Shadows, found: set[Danger]) -> set[str]:
    """The tensors that `e` reads under no mask; its dangers are added to `found`."""
    if isinstance(e, Entry):
        return {e.name}
    if isinstance(e, Mul) and any((is_mask(f) and not isinstance(f, KroneckerDelta)) or where_not_0(f, known) is not None for f in e.args):
        return set()
    found.update(dangers(e))
    return set().union(*[_read(a, known, found) for a in e.args])


def dangers(e: Expr) -> set[Danger]:
    """What a power or a logarithm asks of its argument, whatever its indices are called: (x, "0"), not to be 0, (x, "-"), not negative.

    None of any other expression.
    """
    x, power = (e.args[0], S.NegativeOne / 2) if isinstance(e, log) else e.as_base_exp() if isinstance(e, Pow) else (e, S.One)
    signs = ("0" if power.is_negative else "") + ("" if power.is_integer else "-")
    form = turned(x, tuple(sorted(indices_of(x), key=str)))[0] if signs and power.is_number else x
    return {(form, sign) for sign in signs} if power.is_number else set()
