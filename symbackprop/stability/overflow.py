"""Programs whose exponentials do not overflow where the whole does not, although parts of it would.

With w exp(z) / (w exp(z) + v exp(u)) all four products overflow where the quotient does not. What grows is kept apart: a factor is
exp(growth) times a rest (see growth.py), growths are added, and what is left of them is said again as a softmax, a sigmoid, or exp of
something that does not overflow unless the whole does. A logarithm is the sum of growths. It is an equal program: derived equations are
rewritten as any others.
"""

from collections.abc import Container, Sequence
from dataclasses import replace

from sympy import Add, Expr, Function, Mul, Pow, cosh, exp, expand_mul, log

from symbackprop.calculus.brackets import is_mask
from symbackprop.calculus.contract import aligned
from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Equation, Program, needed
from symbackprop.calculus.signs import is_above_0
from symbackprop.calculus.term import Entry, Total, indices_of
from symbackprop.ops.entrywise.elementwise import log1p
from symbackprop.stability.exponentials import exponent
from symbackprop.stability.fractions import into_total, over_one
from symbackprop.stability.growth import Grown, Growths, said_again
from symbackprop.stability.stable import ELEMENTARY, exponential_laws, vanishes


def without_overflow(program: Program, outputs: Sequence[str]) -> Program:
    """What `outputs` need of `program`, with softmax, logsumexp, sigmoid and softplus for what exponentials in it come to.

    The program itself where there is nothing of the kind.
    """
    return rewritten(program, Reader(program), outputs)


def rewritten(program: Program, reader: "Reader", kept: Sequence[str]) -> Program:
    """What `kept` need of `program` as the reader says it; the program itself where it says the same, or where nothing grows."""
    if not any(isinstance(e.rhs, Expr) and (e.rhs.has(Function) or any(map(exponent, e.rhs.atoms(Pow)))) for e in program.equations):
        return program
    equations = needed(program.equations, kept)
    for e in equations:
        reader.read(e)
    if needed(reader.equations, kept) == equations:
        return program
    tensors = {**program.tensors, **{e.name: e.tensor for e in reader.equations}}
    return replace(program, tensors=tensors, equations=tuple(reader.equations)).needed(kept)


class Reader:
    """Reads equations in order; those that a better said part needs are written before the one that holds it."""

    def __init__(self, program: Program, opaque: Container[str] = (), plain: bool = False) -> None:
        """`opaque` and `plain` as of Growths."""
        self.growths = Growths(program, self.better, opaque, plain)
        self.equations = self.growths.equations
        self.beside: dict[Expr, list[Expr]] = {}
        """x of log(x): the factors beside the logarithm that are 0 where x is, so that the product is."""

    def read(self, e: Equation) -> None:
        """Add `e`, said better where it can be."""
        if isinstance(e.rhs, Expr):
            made = self.better(e.rhs, e.indices)
            call = self.growths.call_of(made.name) if isinstance(made, Entry) and made != e.rhs and made.indices == e.indices else None
            if call is not None and self.growths.tensor(made.name).axes != e.tensor.axes:
                call = None  # a part of a softmax is its entries, not the softmax of the part
            e = replace(e, rhs=call or made)
        self.equations.append(e)

    def better(self, e: Expr, free: Sequence[Index]) -> Expr:
        """`e` by the laws, from the outside in; `free` are the indices that it may depend on."""
        if not e.args or isinstance(e, ELEMENTARY):
            return e
        before = self.beside
        if isinstance(e, Mul) and (more := _vanishing(e)):
            self.beside = {**before, **more}
        try:
            return self._better(e, free)
        finally:
            self.beside = before

    def _better(self, e: Expr, free: Sequence[Index]) -> Expr:
        found = None
        if isinstance(e, Pow) and e.exp.could_extract_minus_sign() and isinstance(c := self.growths.laws.meaning(e.base), cosh):
            e = c**e.exp  # so that its derivative holds sinh / cosh
        if isinstance(e, Mul | Pow) and self.growths.grows(e):
            found = self.product(e, free)
        elif isinstance(e, Add) and self.growths.grows(e) and (over := self.over_one(e, free)) is not None:
            return self.better(over, free)
        elif isinstance(e, log):
            own = self.growths.renamed(e.args[0])  # of Q = P.T, the entry of P that one of Q is
            e = log(own) if self.growths.laws.call(own, "softmax") is not None else e
            found = self.logarithm(e.args[0], free)
        elif isinstance(e, log1p):
            found = self.logarithm(1 + e.args[0], free)
        if found is not None:
            return found
        inner = (*free, *e.indices) if isinstance(e, Total) else free
        args = [self.better(a, inner) for a in e.args]
        made = e.func(*args) if any(a is not b for a, b in zip(args, e.args, strict=True)) else e
        if isinstance(made, Add):
            found = self.sum(made)
        elif isinstance(made, exp):
            found = self.growths.softmax_of(made.args[0])
        return found if found is not None else exponential_laws(made, self.growths.laws)

    def sum(self, e: Add) -> Expr | None:
        """z - logsumexp(z) as a log-softmax, z - log(exp(z) + ...) with the largest z taken away first."""
        return self.growths.log_softmax(e) or (made if (made := self.growths.gaps(e)) != e else None)

    def product(self, e: Expr, free: Sequence[Index]) -> Expr | None:
        """A product that divides by a sum of exponentials, its growths taken together; None if there is no such sum."""
        factors = Mul.make_args(e)
        ratio = self.growths.hyperbolic(factors, free)
        if ratio is not None:
            return self.better(ratio, free)
        for f in factors:
            if isinstance(f, Add) and (over := self.over_one(f, free)) is not None:
                return self.better(Mul(*[g for g in factors if g is not f], over), free)
        if (opened := self.opened(factors, free)) is not None:
            return self.better(opened, free)
        grown = [self.growths.grown(f, free) for f in factors]
        if not any(g is not None and g.divides for g in grown):
            return None
        below = [g for g in grown if g is not None and g.divides]
        for top in [t for t in self.growths.sums if any(g.growth.has(t) for g in below)]:
            grown = [g if g in below else self.growths.beside(f, top, free) or g for f, g in zip(factors, grown, strict=True)]
        for base in [b for f in factors for b, power in [self.growths.power(f)] if power.could_extract_minus_sign()]:
            grown = [g if g in below else self.growths.over_two(f, base, free) or g for f, g in zip(factors, grown, strict=True)]
        like = set().union(*[g.growth.atoms(Entry) for g in below])
        grown = [g if g in below else self.growths.of_total(f, free, like=like) or g for f, g in zip(factors, grown, strict=True)]
        rests = [f if g is None else g.rest for f, g in zip(factors, grown, strict=True)]
        growth = self.growths.left_in(expand_mul(Add(*[g.growth for g in grown if g is not None])), rests)
        return Mul(*[self.better(f, free) for f in rests], said_again(growth, self.growths))

    def over_one(self, e: Add, free: Sequence[Index]) -> Expr | None:
        """Terms that divide by sums of exponentials over one denominator, where that makes one sign of two."""
        return over_one(e, self, free)

    def opened(self, factors: Sequence[Expr], free: Sequence[Index]) -> Expr | None:
        """exp(z) times an adjoint that divides by what grows or vanishes so too, the adjoint put in place; None if there is none."""
        if not any(self.growths.parts(f)[0] or self.is_total(f, free) for f in factors):
            return self.distributed(factors, free)
        if (total := into_total(factors, self, free)) is not None:
            return total
        for k, f in enumerate(factors):
            others = (*factors[:k], *factors[k + 1 :])
            if isinstance(f, Add) and any(self.divides(t, free) for t in f.args):
                return Add(*[_product([*others, *Mul.make_args(t)]) for t in f.args])
            if isinstance(f, Entry) and self.growths.is_derived(f) and self.divides(f, free):
                return _product([*others, self.growths.laws.meaning(f)])
            base, power = f.as_base_exp()
            if isinstance(base, Entry) and power.could_extract_minus_sign() and self.growths.vanishes(base):
                return _product([*others, self.growths.laws.meaning(base) ** power])
        return None

    def is_total(self, f: Expr, free: Sequence[Index]) -> bool:
        """Whether a factor has a name for a sum of exponentials over an index."""
        return isinstance(f, Entry) and isinstance(self.growths.laws.meaning(f), Total) and self.growths.of_total(f, free) is not None

    def distributed(self, factors: Sequence[Expr], free: Sequence[Index]) -> Expr | None:
        """A product that divides by what grows with a sum whose terms grow, and divide too, term by term; None if there is none."""
        for k, f in enumerate(factors):
            others = (*factors[:k], *factors[k + 1 :])
            grows = isinstance(f, Add) and any(self.growths.parts(t)[0] and self.divides(t, free) for t in f.args)
            if grows and any(made.divides for g in others if (made := self.growths.grown(g, free)) is not None):
                return Add(*[Mul(*others, t) for t in f.args])
        return None

    def divides(self, e: Expr, free: Sequence[Index]) -> bool:
        """Whether a term of `e`, or of the adjoint that it is, divides by a sum of exponentials or by what vanishes as they do."""
        if isinstance(e, Entry):
            made = self.growths.laws.meaning(e)
            return made != e and self.growths.is_derived(e) and any(self.divides(t, free) for t in Add.make_args(made))
        for f in Mul.make_args(e):
            base, power = f.as_base_exp()
            if isinstance(f, Total) and self.divides_inside(f, free):
                return True
            if power.could_extract_minus_sign() and base.has(Entry):
                if self.growths.vanishes(base) or self.growths.grown(base, free) is not None:
                    return True
            elif isinstance(f, Entry) and self.divides(f, free):
                return True
        return False

    def divides_inside(self, total: Total, free: Sequence[Index]) -> bool:
        """Whether a sum over an index divides so by what has all indices of its terms: an array over them is there anyway."""
        factors = [f for t in Add.make_args(total.body) for f in Mul.make_args(t) if indices_of(f) >= indices_of(total.body)]
        return any(self.divides(f, (*free, *total.indices)) for f in factors)

    def shrunk(self, f: Expr, alone: bool) -> Grown | None:
        """A factor under a logarithm that may round to 0, as the exponential of its own logarithm."""
        return self.growths.shrunk(f, alone)

    def logarithm(self, x: Expr, free: Sequence[Index]) -> Expr | None:
        """log x as the sum of the growths of its factors; None if nothing in it grows."""
        growths, factors = self.growths, Mul.make_args(self.growths.laws.meaning(x))
        alone = len(factors) == 1 and not (isinstance(x, Entry) and isinstance(factors[0], Add))  # q = 1 - p has a name: q is divided by
        grown = [
            growths.picked(f, free) or growths.difference(f, free) or growths.grown(f, free, weighed=False) or self.shrunk(f, alone)
            for f in factors
        ]
        if not any(grown):
            return None
        rests = [f if g is None else g.rest for f, g in zip(factors, grown, strict=True)]
        numbers = [f for f in rests if f.is_number and f.is_positive]
        rest = self.better(Mul(*[f for f in rests if f not in numbers]), free)
        if rest.is_negative:
            return None  # there is no such logarithm
        if not is_above_0(rest, growths.program.signs) and not all(vanishes(g, rest) for g in self.beside.get(x, ())):
            return None  # x log(x) is 0 where x is; of x = w exp(z), x z + x log(w) has no value for w = 0
        whole = expand_mul(Add(*[g.growth for g in grown if g is not None]))
        logs = growths.left_in(whole, rests)
        if logs != whole:
            rest = Mul(*[f for f in Mul.make_args(rest) if not is_mask(f)])  # where that is 0 the logarithm is -inf already
        logs = Add(logs, *[log(f) for f in numbers])
        found = growths.log_softmax(logs) if isinstance(logs, Add) else None
        return growths.gaps(logs if found is None else found) + log(rest)


def _vanishing(e: Mul) -> dict[Expr, list[Expr]]:
    """For each x of a logarithm in a factor of `e`, or in a term of one: the factors of `e` that are 0 where x is, if there are any."""
    logs = [g.as_base_exp()[0] for f in e.args for t in Add.make_args(f) for g in Mul.make_args(t)]
    found = {g.args[0]: [f for f in e.args if vanishes(f, g.args[0])] for g in logs if isinstance(g, log)}
    return {x: factors for x, factors in found.items() if factors}


def _product(factors: Sequence[Expr]) -> Expr:
    """The product, at the one place that a delta leaves, its exponentials as one: SymPy's exp(x + y) exp(-x - y) is not 1."""
    parts = aligned([g for f in factors for g in Mul.make_args(f)])
    powers = [f.args[0] for f in parts if isinstance(f, exp)]
    return Mul(exp(expand_mul(Add(*powers))), *[f for f in parts if not isinstance(f, exp)])
