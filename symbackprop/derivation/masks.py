"""The conditions of a model in its adjoints: where a condition fails there is no term, whatever stands beside it.

With B = 1 / x and J = where(x > 0, B, 0) the adjoint of B is [x > 0]. Named dB, it has lost its mask, and dB / x^2 would be 0 / 0 at x = 0;
so where what it is multiplied by may have no value, the mask stands beside the name: [x > 0] dB / x^2.
"""

from collections.abc import Iterable, Mapping, Sequence

from sympy import Add, Expr, Mul, S, Symbol

from symbackprop.calculus.brackets import either, is_mask
from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Program
from symbackprop.calculus.signs import is_total
from symbackprop.calculus.term import Entry, NonNegative, Positive, indices_of


class Masks:
    """The masks of adjoints by name, so far as these are made of conditions that the author of a model stated."""

    def __init__(self, program: Program) -> None:
        self.program = program
        brackets = {
            b for e in program.equations if isinstance(e.rhs, Expr) and not e.tensor.is_derived for b in e.rhs.atoms(Positive, NonNegative)
        }
        self.stated = set(map(_pattern, brackets))
        self.known: dict[str, tuple[tuple[Index, ...], Expr]] = {}

    def learn(self, name: str, indices: Sequence[Index], value: Expr) -> None:
        """Remember the mask of an adjoint that is `value` at `indices`."""
        mask = self.of(value)
        if mask != 1 and indices_of(mask) <= set(indices):
            self.known[name] = tuple(indices), mask

    def of(self, e: Expr) -> Expr:
        """What is 0 only where `e` is whatever else is in it, and else 1, by its masks and those of the adjoints in it."""
        if isinstance(e, Add):
            masks = list(dict.fromkeys(self.of(a) for a in e.args))
            return S.One if S.One in masks else masks[0] if len(masks) == 1 else either(masks) or S.One
        found = []
        for f in Mul.make_args(e):
            if is_mask(f) and (brackets := f.atoms(Positive, NonNegative)) and self.stated.issuperset(map(_pattern, brackets)):
                found.append(f if f in brackets else either([f]) or S.One)
            elif isinstance(f, Entry) and f.name in self.known:
                indices, mask = self.known[f.name]
                found.append(mask.xreplace(dict(zip(indices, f.indices, strict=True))))
        return Mul(*dict.fromkeys(found))

    def beside(self, said: Expr, local: Iterable[Expr]) -> Expr:
        """An adjoint with its mask, where one of the local derivatives that it is multiplied by may have no value."""
        mask = self.of(said) if self.known else S.One
        if mask == 1 or all(is_total(e, self.program.partial, self.program.signs) for e in local):
            return said
        there = Mul.make_args(said)
        return Mul(said, *[f for f in Mul.make_args(mask) if f not in there])


def _pattern(bracket: Expr) -> Expr:
    """A bracket at whatever indices; of one on places alone, only that it is one."""
    at: Mapping[Expr, Expr] = {a: Symbol(a.name) for a in bracket.atoms(Entry)}
    return type(bracket)(bracket.args[0].xreplace(at)) if at else S.One
