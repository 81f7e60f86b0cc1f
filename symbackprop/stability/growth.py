"""How factors grow: exp(z), sums of exponentials and what else overflows or vanishes, as exp(growth) times a rest.

The growth of sum_r w exp(z) is logsumexp(z), its rest the weights' mean, sum_r w softmax(z); that of exp(a) + exp(b) is logaddexp(a, b).
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from sympy import Add, Expr, Mul, Pow, S, cosh, erf, exp, expand_mul, log, preorder_traversal, tanh

from symbackprop.calculus.canonical import relabelled
from symbackprop.calculus.contract import flat, without_deltas
from symbackprop.calculus.facts import kind_of
from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Program, Tensor
from symbackprop.calculus.signs import is_above_0
from symbackprop.calculus.term import Entry, Total, indices_of
from symbackprop.ops.entrywise.elementwise import expm1, maximum, sigmoid, softplus
from symbackprop.stability.exponentials import by_sigmoids, exponent, logaddexp
from symbackprop.stability.masked import conditions, masked
from symbackprop.stability.shares import Shares
from symbackprop.stability.stable import Erfc, TanhSlope, cancelled

Summed = tuple[Entry, str, tuple[Index, ...], list[int]]


@dataclass(frozen=True)
class Grown:
    """exp(growth) * rest; `divides`: by a sum of exponentials."""

    growth: Expr
    rest: Expr = S.One
    divides: bool = False


class Growths(Shares):
    """The growths of expressions over one program; equations that they need are added to `equations`.

    `better` says an exponent better, over the indices that are free in it.
    """

    def __init__(
        self, program: Program, better: Callable[[Expr, Sequence[Index]], Expr], opaque: Container[str] = (), plain: bool = False
    ) -> None:
        """`opaque`: tensors that are not looked through. `plain`: only sums of exponentials without weights, and 1 + exp(z)."""
        super().__init__(program, opaque)
        self.plain = plain
        self.better = better
        self.sums: dict[Expr, Mapping[Expr, Expr]] = {}  # of the largest z in a sum of c exp(z): {z: c}

    def exponent(self, e: Expr) -> Expr | None:
        """The z of exp(z), or of a power of it, also where an entry is that by its equation."""
        base, power = self.power(e)
        z = exponent(self.laws.meaning(base))
        return None if z is None else power * self.unshifted(z)

    def unshifted(self, e: Expr) -> Expr:
        """A sum with x - max(x) for an entry that is named so."""
        named = {t: w for a in Add.make_args(e) for t in (a, -a) if isinstance(t, Entry) and self.shifted(w := self.laws.meaning(t))}
        return e.xreplace(named)

    def shifted(self, e: Expr) -> bool:
        """Whether a largest entry is subtracted in a sum."""
        return any(self.laws.call(-t, "max") is not None for t in Add.make_args(e))

    def power(self, e: Expr) -> tuple[Expr, Expr]:
        """`e` as base and exponent, also where an entry is a power by its equation; sqrt(x^2) is x only where x is known to be positive."""
        base, power = e, S.One
        while isinstance(found := self.laws.meaning(base), Pow) and exponent(found) is None and found.exp.is_number:
            if not (power.is_integer or is_above_0(found.base, self.program.signs)):
                break
            base, power = found.base, power * found.exp
        return base, power

    def parts(self, e: Expr) -> tuple[list[Expr], list[Expr]]:
        """The factors of `e`, of which an entry may be a product by its equation: the z of the exponentials among them, and the others."""
        growths, others = [], []
        for f in Mul.make_args(e):
            inner = Mul.make_args(self.laws.meaning(f))
            exponents = [self.exponent(g) for g in inner]
            plain = [g for g, z in zip(inner, exponents, strict=True) if z is None]
            if len(plain) == len(inner) or any(self.power(g)[1].could_extract_minus_sign() for g in plain):
                others.append(f)
            else:
                growths += [z for z in exponents if z is not None]
                others += plain
        return growths, others

    def grown(self, f: Expr, free: Sequence[Index], weighed: bool = True) -> Grown | None:
        """A factor that is an exponential, a sum of exponentials, or a power of these; None if it is neither.

        `weighed`: also 1 + w exp(z), although the rest may come near to 0.
        """
        base, power = self.power(f)
        growths, others = self.parts(base)
        if growths:
            return Grown(Add(*[power * self.better(z, free) for z in growths]), Mul(*others) ** power)
        left_out = power.could_extract_minus_sign() or not weighed
        found = self.of_total(base, free, left_out) or self.of_terms(base, free, weighed)
        return found and Grown(power * found.growth, found.rest**power, divides=power.could_extract_minus_sign())

    def picked(self, f: Expr, free: Sequence[Index]) -> Grown | None:
        """sum_k y_k p_k as the exponential of its logarithm, sum_k y_k log(p_k) where y is one-hot, and log(p_j) where y_k is [k = j]."""
        scale, total = self.laws.meaning(f).as_independent(Total, as_Add=False)
        if not isinstance(total, Total) or len(total.indices) != 1:
            return None
        (k,) = total.indices
        chosen = without_deltas(flat(total))
        if chosen is not None and not chosen.bound:
            return Grown(self.better(log(Mul(*chosen.factors)), free), scale)
        growths, others = self.parts(total.body)
        for y in others:
            tensor = self.program.tensors.get(y.name) if isinstance(y, Entry) and y.indices.count(k) == 1 else None
            hot = [(f.axis, f.along(tensor.axes).size) for f in tensor.facts if kind_of(f).picks] if tensor is not None else []
            if tensor is not None and (y.indices.index(k), k.axis) in hot:
                rest = Mul(*[g for g in others if g is not y])
                inner = Add(*growths, self.better(log(rest), (*free, k)))
                return Grown(Total(y * self.better(inner, (*free, k)), k), scale)
        return None

    def shrunk(self, f: Expr, alone: bool = False) -> Grown | None:
        """A factor that may round to 0, as the exponential of its logarithm: a softmax, a sigmoid, 1 + tanh, 1 + erf.

        Not what is left alone with its logarithm: a softmax, a sigmoid or 1 less it, whose logarithms are laws of stable.py.
        """
        base, power = self.power(f)
        alone &= power == 1
        call = self.call_of(base.name) if isinstance(base, Entry) else None
        if call is not None and call.op == "softmax" and not alone:
            axes = self.tensor(call.arguments[0]).axes
            return Grown(power * self.statistic(Call("log_softmax", call.arguments, call.options), axes)[base.indices])
        scale, whole = self.laws.meaning(base).as_coeff_Mul()
        times, rest = ((cancelled(whole, self.laws) if isinstance(whole, Add) else None) or whole).as_coeff_Mul()
        scale *= times
        if scale.is_negative:
            return None
        if isinstance(rest, sigmoid) and not (alone and scale == 1):
            return Grown(power * (log(scale) - softplus(-rest.args[0])))
        if isinstance(rest, TanhSlope):
            return Grown(power * (log(scale) - 2 * log(cosh(rest.args[0]))))
        if isinstance(rest, Erfc):
            return Grown(power * (log(scale) + log(1 + erf(-rest.args[0]))))
        return None

    def vanishes(self, e: Expr) -> bool:
        """Whether `e` is by its equation 1 + erf(x), or a multiple of it, or a product with an exponential."""
        whole = self.laws.meaning(e).as_coeff_Mul()[1]
        if isinstance(whole, Mul) and any(self.parts(f)[0] for f in whole.args):
            return True
        inner = cancelled(whole, self.laws) if isinstance(whole, Add) else None
        return inner is not None and isinstance(inner.as_coeff_Mul()[1], Erfc)

    def is_derived(self, e: Entry) -> bool:
        """Whether an entry is of a derivative, or of a part of one."""
        return e.name in self.program.tensors and self.program.tensors[e.name].is_derived

    def terms(self, e: Expr, free: Sequence[Index]) -> dict[Expr, Expr] | None:
        """`e` as a sum of weights times exponentials (or sums of them), one of them no number: {z: weight}."""
        e = self.laws.meaning(e)
        if not isinstance(e, Add):
            return None
        found: dict[Expr, Expr] = {}
        for t in e.args:
            c, f = t.as_coeff_Mul()
            if isinstance(inner := self.laws.meaning(f), expm1):
                pairs = [(c, inner.args[0]), (-c, S.Zero)]
            elif (total := self.of_total(f, free)) is not None:
                pairs = [(c * total.rest, total.growth)]
            else:
                growths, others = self.parts(f)
                pairs = [(c * Mul(*others), self.better(Add(*growths), free))]
            for weight, z in pairs:
                found[z] = found.get(z, S.Zero) + weight
        return found if set(found) != {S.Zero} and not any(map(self.shifted, found)) else None

    def of_terms(self, e: Expr, free: Sequence[Index], weighed: bool) -> Grown | None:
        """The growth of a sum of weights times exponentials."""
        found = self.terms(e, free)
        if found is None or (self.plain and (len(found) != 2 or S.Zero not in found)):
            return None
        if all(c.is_number and c.is_real for c in found.values()) and not self.plain and len(found) > 2:
            return Grown(*self.shifted_sum(found))
        if all(c.is_number and c.is_positive for c in found.values()):
            return Grown(logaddexp([(c, z) for z, c in found.items()]))
        if (sides := self.sides(found)) is not None:
            return Grown(logaddexp([(S.One, z) for z in sides]), tanh(expand_mul(sides[0] - sides[1]) / 2))
        sums = any(self.laws.meaning(t).has(Total) for t in self.laws.meaning(e).args)
        if self.plain or any(c.is_number and not c.is_positive for c in found.values()) or not (weighed or sums):
            return None
        growth = self.together([(S.One, z) for z in found])
        return Grown(growth, Add(*[c * by_sigmoids(expand_mul(z - growth)) for z, c in found.items()]))

    def sides(self, terms: Mapping[Expr, Expr]) -> tuple[Expr, Expr] | None:
        """The logarithms of what is added and of what is taken away in the difference of two exponentials times numbers.

        None if it is none, or is c (exp(z) - 1), which has laws of its own.
        """
        if self.plain or len(terms) != 2 or S.Zero in terms or not all(c.is_number and c.is_real for c in terms.values()):
            return None
        more, less = ([z + log(abs(c)) for z, c in terms.items() if c.is_positive is positive] for positive in (True, False))
        return (*more, *less) if len(more) == len(less) == 1 else None

    def over_two(self, e: Expr, below: Expr, free: Sequence[Index]) -> Grown | None:
        """A difference of the two exponentials whose sum is divided by, (exp(a) - 2 exp(b)) / (exp(a) + exp(b)), by the shares of both."""
        terms, whole = self.terms(e, free), self.terms(below, free)
        if terms is None or whole is None or terms.keys() != whole.keys() or self.sides(terms) is None:
            return None
        if not all(c.is_number and c.is_positive for c in whole.values()):
            return None
        growth = logaddexp([(c, z) for z, c in whole.items()])
        return Grown(growth, Add(*[c / whole[z] * by_sigmoids(expand_mul(z + log(whole[z]) - growth)) for z, c in terms.items()]))

    def difference(self, e: Expr, free: Sequence[Index]) -> Grown | None:
        """What is under a logarithm and has terms of two signs: exp(a) - exp(b) = exp(b) (exp(a - b) - 1)."""
        terms = self.terms(e, free)
        sides = self.sides(terms) if terms is not None else None
        return None if sides is None else Grown(sides[1], expm1(expand_mul(sides[0] - sides[1])))

    def together(self, terms: Sequence[tuple[Expr, Expr]]) -> Expr:
        """log of the sum of c exp(z), for pairs (c, z), c > 0; of more than two it is an equation of its own, the largest z taken out."""
        if len(terms) < 3:
            return logaddexp(terms)
        largest, total = self.shifted_sum({z: c for c, z in terms})
        return Entry(self.argument(largest + log(total), largest.indices, "log_total"), *largest.indices)

    def shifted_sum(self, terms: Mapping[Expr, Expr]) -> tuple[Entry, Entry]:
        """The largest z of a sum of c exp(z), and the sum of c exp(z - largest), each an equation of its own."""
        exponents = sorted(terms, key=str)
        # In the order of the tensors' names, so that it is one equation whatever the indices are called.
        at = tuple(dict.fromkeys(i for z in exponents for i in preorder_traversal(z) if isinstance(i, Index)))
        largest = Entry(self.argument(reduce(maximum, exponents), at, "largest"), *at)
        self.sums[largest] = terms
        total = self.argument(Add(*[terms[z] * exp(z - largest) for z in exponents]), at, "total")
        self.laws.made.pop(total, None)  # it does not grow any more
        return largest, Entry(total, *at)

    def gaps(self, logs: Expr) -> Expr:
        """A sum of logarithms with an entry for z - m, where m is the largest z of a sum: what else is added to z would round it."""
        made = S.Zero
        for largest, terms in self.sums.items():
            for z in sorted(terms, key=str):
                if z != 0 and z != logs and holds(logs, z - largest):
                    logs -= z - largest
                    made += Entry(self.argument(z - largest, largest.indices, "gap"), *largest.indices)
        return logs + made

    def beside(self, e: Expr, largest: Expr, free: Sequence[Index]) -> Grown | None:
        """A sum of weights times exponentials that all stand in the sum below it, of which `largest` is the largest; None of any other."""
        terms = self.terms(e, free)
        if terms is None or not terms.keys() <= self.sums[largest].keys():
            return None
        return Grown(largest, Add(*[c * exp(z - largest) for z, c in terms.items()]))

    def of_total(self, e: Expr, free: Sequence[Index], left_out: bool = False, like: Container[Expr] | None = None) -> Grown | None:
        """The growth of sum_r w exp(z); `left_out`: of those only where w is not 0.

        `like`: with a mask of which there is a growth among these; None if there is none.
        """
        scale, total = self.laws.meaning(e).as_independent(Total, as_Add=False)
        if not isinstance(total, Total):
            return None
        growths, others = self.parts(self.better(total.body, (*free, *total.indices)))
        weight = Mul(*others)
        if self.plain and weight != 1:
            return None
        z, still = self.moving(self.better(Add(*growths), (*free, *total.indices)), total.indices) if growths else (S.Zero, S.Zero)
        if not z.has(*total.indices):
            return None
        masks = conditions(others, z, self) if left_out or like is not None else []
        for mask in masks if like is not None else masks[:1]:
            made = self.summed(masked(mask, z), total.indices, free, known=like is not None)
            if made is not None and (like is None or made[0] in like):
                weight = Mul(*[f for f in others if f not in Mul.make_args(mask)])
                break
        else:
            made = self.summed(z, total.indices, free) if like is None else None
        if made is None:
            return None
        growth, name, at, places = made
        rest = Mul(*[r.axis for r in total.indices if not total.body.has(r)])
        if weight != 1:
            held = tuple(i for i in dict.fromkeys((*free, *at)) if i in (indices_of(weight) | set(at)) - set(total.indices))
            rest *= self.mean(self.softmax_along(name, at, places), weight, total.indices, held)
        return Grown(growth + still, scale * rest)

    def summed(self, z: Expr, along: Sequence[Index], free: Sequence[Index], known: bool = False) -> Summed | None:
        """logsumexp of `z` over those `along` that are in it, the tensor, indices and places that it is of; None if it must be `known`."""
        at = self.order(z, free)
        places = sorted(at.index(r) for r in along if r in at)
        if known and self.named(z, at) is None:
            return None
        name = self.argument(z, at)
        return self.logsumexp_along(name, at, places), name, at, places

    def order(self, z: Expr, free: Sequence[Index]) -> tuple[Index, ...]:
        """The indices of `z`: as they stand in it, if it is one entry, else free ones first."""
        if isinstance(z, Entry) and all(isinstance(i, Index) for i in z.indices) and len(set(z.indices)) == len(z.indices):
            return z.indices  # type: ignore[return-value]
        return tuple(i for i in dict.fromkeys((*free, *sorted(indices_of(z), key=str))) if i in indices_of(z))

    def moving(self, z: Expr, bound: Sequence[Index]) -> tuple[Expr, Expr]:
        """`z` as a part that depends on `bound` and one that does not, x and -m of x - m, if both can be had without a new sum."""
        for whole in (z, self.laws.meaning(z)):
            parts = [t for t in Add.make_args(whole) if any(t.has(r) for r in bound)]
            if len(parts) < len(Add.make_args(whole)) and not whole.has(Total):
                return Add(*parts), Add(*[t for t in Add.make_args(whole) if t not in parts])
        return z, S.Zero

    def mean(self, share: Expr, weight: Expr, summed: Sequence[Index], held: Sequence[Index]) -> Expr:
        """sum_r w softmax(z), an equation of its own."""
        own = Tensor("", tuple(i.axis for i in held)).indices
        used = [r for r in summed if weight.has(r) or share.has(r)]
        total = relabelled(Total(weight * share, *used).xreplace(dict(zip(held, own, strict=True))))
        return Entry(self.argument(total, own, "weighed"), *held)

    def hyperbolic(self, factors: Sequence[Expr], free: Sequence[Index]) -> Expr | None:
        """(exp(a) - exp(b)) / (exp(a) + exp(b)) = tanh((a - b) / 2)."""
        for f in factors:
            base, power = self.power(f)
            below = self.terms(base, free) if power == -1 else None
            if below is None or len(below) != 2:
                continue
            for g in factors:
                above = self.terms(g, free)
                if above is None or set(above) != set(below):
                    continue
                (a, b), ratio = below, [above[z] / below[z] for z in below]
                if ratio[0] == -ratio[1]:
                    rest = Mul(*[h for h in factors if h is not f and h is not g])
                    return rest * ratio[0] * tanh(expand_mul(a - b + log(below[a] / below[b])) / 2)
        return None

    def log_softmax(self, e: Add) -> Expr | None:
        """z - logsumexp(z) is the log-softmax of z."""
        found = self.in_statistic(self.unshifted(e))
        if found is None or len(found[3]) != 1:
            return None
        rest, name, at, (place,) = found
        return rest + self.statistic(Call("log_softmax", (name,), (("axis", place),)), self.tensor(name).axes)[at]


def said_again(growth: Expr, growths: Growths) -> Expr:
    """exp(growth), as a softmax or by sigmoids, where nothing else is left."""
    growth = expand_mul(growth)
    if (share := growths.softmax_of(growth)) is not None:
        return share
    shares, growth = _shares(growth, growths.sums)
    return shares * (exp(growth) if growths.in_statistic(growth) is not None else by_sigmoids(growth))


def _shares(growth: Expr, sums: Mapping[Expr, Mapping[Expr, Expr]]) -> tuple[Expr, Expr]:
    """exp(growth) as factors exp(z - m), for the largest z of a sum that is divided by, and what is left: z + u - 2 m would be rounded."""
    made = S.One
    for largest, terms in sums.items():
        for z in sorted(terms, key=lambda z: (-len(Add.make_args(z)), str(z))):
            while z != 0 and holds(growth, z - largest):
                growth, made = expand_mul(growth - z + largest), made * exp(z - largest)
    return made, growth


def holds(e: Expr, part: Expr) -> bool:
    """Whether a sum has the terms of `part`, each as often or more."""
    whole, wanted = e.as_coefficients_dict(), part.as_coefficients_dict()
    return all(c.is_Rational and whole[t] / c >= 1 for t, c in wanted.items())
