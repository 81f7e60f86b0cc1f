"""Terms of a sum that divide by sums of exponentials, over one denominator: 1 / D - exp(a) / D^2 is (exp(b) + exp(c)) / D^2.

For D = exp(a) + exp(b) + exp(c) that is what a derivative of exp(a) / D comes to. What would cancel in numbers cancels as it stands, and
what is left has one sign, so that it is one growth.
"""

from collections.abc import Sequence
from typing import Protocol

from sympy import Add, Expr, Mul, S, exp, expand_mul

from symbackprop.calculus.index import Index
from symbackprop.calculus.term import Total, indices_of, rename_bound
from symbackprop.stability.growth import Growths, holds

MOST = 48
"""Terms up to which numerators are multiplied out."""


class Reading(Protocol):
    """What reads equations: the growths of their parts, and whether a sum over an index divides by what grows in it."""

    growths: Growths

    def divides_inside(self, total: Total, free: Sequence[Index]) -> bool:
        """Whether a sum divides by what grows and has all indices of its terms."""


Sum = dict[Expr, Expr]
"""A sum of exponentials: {z: c} for the terms c exp(z), for numbers c."""
Part = tuple[Sum, dict[tuple, int]]
"""A numerator, and the powers of the denominators below it, each as the items of a Sum."""


def over_one(e: Add, reader: Reading, free: Sequence[Index]) -> Expr | None:
    """`e` with terms that divide by sums of exponentials taken together where they have two signs and come to one; None if none are."""
    if (totals := into_totals(e, reader, free)) is not None:
        return totals
    groups: dict[Expr, list[tuple[Expr, Part]]] = {}
    for t in Add.make_args(e):
        plain, part = _part(t, reader.growths, free)
        groups.setdefault(plain, []).append((t, part))
    done = [_together([part for _, part in group]) for group in groups.values()]
    if not any(made is not None for made in done):
        return None
    left = [
        [plain * made] if made is not None else [t for t, _ in group] for (plain, group), made in zip(groups.items(), done, strict=True)
    ]
    return Add(*[t for terms in left for t in terms])


def _part(t: Expr, growths: Growths, free: Sequence[Index]) -> tuple[Expr, Part]:
    """A term as what is neither an exponential nor a sum of some, and the rest of it."""
    number, rest = t.as_coeff_Mul()
    above: Sum = {S.Zero: number}
    below: dict[tuple, int] = {}
    exponents, others = growths.parts(rest)
    plain = []
    for f in others:
        base, power = growths.power(f)
        found = growths.terms(base, free) if power.is_Integer else None
        if found is None or not all(c.is_number and c.is_positive for c in found.values()):
            plain.append(f)
        elif power.is_negative:
            items = tuple(sorted(found.items(), key=str))
            below[items] = below.get(items, 0) - int(power)
        elif len(found) ** int(power) <= MOST:
            for _ in range(int(power)):
                above = _times(above, found)
        else:
            plain.append(f)
    return Mul(*plain), (_times(above, {Add(*[growths.better(z, free) for z in exponents]): S.One}), below)


def _times(x: Sum, y: Sum) -> Sum:
    made: Sum = {}
    for z, c in x.items():
        for u, d in y.items():
            w = expand_mul(z + u)
            made[w] = made.get(w, S.Zero) + c * d
    return {z: c for z, c in made.items() if c != 0}


def _together(parts: Sequence[Part]) -> Expr | None:
    """The sum of fractions of two signs as one whose numerator has one sign; None if it is none."""
    numbers = [c for above, _ in parts for c in above.values()]
    denominators = dict.fromkeys(d for _, below in parts for d in below)
    if not denominators or len({c.is_positive for c in numbers}) == 1:
        return None
    most = {d: max(below.get(d, 0) for _, below in parts) for d in denominators}
    whole: Sum = {}
    for above, below in parts:
        for d, k in most.items():
            for _ in range(k - below.get(d, 0)):
                above = _times(above, dict(d))
        if len(above) > MOST:
            return None
        for z, c in above.items():
            whole[z] = whole.get(z, S.Zero) + c
    whole = {z: c for z, c in whole.items() if c != 0}
    if len({c.is_positive for c in whole.values()}) > 1:
        return None
    below = Mul(*[Add(*[c * exp(z) for z, c in d]) ** -k for d, k in most.items()])
    shared, above = S.One, whole
    for key in sorted((z for d in most for z, _ in d if z != 0), key=lambda z: (-len(Add.make_args(z)), str(z))):
        while above and all(holds(z, key) for z in above):
            shared, above = shared * exp(key), {expand_mul(z - key): c for z, c in above.items()}
    return shared * Add(*[c * exp(z) for z, c in above.items()]) * below


def into_totals(e: Add, reader: Reading, free: Sequence[Index]) -> Expr | None:
    """`e` with exponentials inside the sums over an index that they multiply, and that divide by what grows; None if there are none.

    Sums over the same indices are one then.
    """
    made = [into_total(Mul.make_args(t), reader, free) for t in e.args]
    if not any(t is not None for t in made):
        return None
    bodies: dict[tuple[Index, ...], list[Expr]] = {t.indices: [] for t in made if t is not None}
    rest = []
    for t, total in zip(e.args, made, strict=True):
        found = total or (t if isinstance(t, Total) else None)
        if found is not None and found.indices in bodies:
            bodies[found.indices].append(found.body)
        else:
            rest.append(t)
    return Add(*rest, *[Total(Add(*terms), *indices) for indices, terms in bodies.items()])


def into_total(factors: Sequence[Expr], reader: Reading, free: Sequence[Index]) -> Total | None:
    """A product of a sum over an index that divides by what grows there with what grows before it, as one sum; None of any other."""
    grow = [f for f in factors if reader.growths.parts(f)[0]]
    for total in [f for f in factors if isinstance(f, Total)] if grow else []:
        if indices_of(Mul(*grow)) <= indices_of(total.body) and reader.divides_inside(total, free):
            others = rename_bound(Mul(*[f for f in factors if f is not total]))  # one of them may hold the same sum
            return Total(Mul(others, total.body), *total.indices)
    return None
