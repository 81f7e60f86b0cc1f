"""Statistics and functions that a model spells out, recognised before anything is derived.

With e = exp(S - max(S)), p = e / sum(e), the entries of e say nothing that p = softmax(S) does not, and what is derived, printed, generated
and judged is derived from that. The author's lines stay: e is an equation still, but nothing that the objective needs. What is recognised
has a name of its own: softmax, log-softmax, logsumexp, sigmoid, softplus, tanh, and the cross entropy of what a one-hot label picks.

A derivative by a tensor that was looked through, as e, is that of the program as its author has it: `opened` gives it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sympy import Add, Expr, Mul, S, cosh, exp, log, tanh

from symbackprop.calculus.brackets import united
from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Equation, Program
from symbackprop.calculus.term import Entry, Total
from symbackprop.ops.entrywise.elementwise import absolute, maximum, minimum, relu, sigmoid, softplus
from symbackprop.stability.overflow import Reader, rewritten


def recognised(program: Program, opaque: Collection[str] = ()) -> Program:
    """`program` with statistics for what it spells out, its author's lines all kept; `stated` is what it was.

    Tensors that are `opaque` are not looked through.
    """
    kept = [program.objective, *([program.output] if program.output else []), *program.authored]
    better = named(program, kept, opaque)
    if better is program:
        return program
    # What is looked through in one place and needed in another would have a part of its derivative only.
    through = _looked_through(program, better) - set(opaque)
    halfway = through & set(better.needed(kept[:1]).tensors)
    if halfway:
        return recognised(program, {*opaque, *halfway})
    leaves = {t.name: t for t in program.leaves}  # in the order of declaration, used or not
    return replace(better, tensors={**leaves, **better.tensors}, stated=program, through=through)


def named(program: Program, kept: Sequence[str], opaque: Collection[str] = ()) -> Program:
    """`program` with statistics for what the tensors `kept` spell out; itself where they spell out none."""
    return rewritten(program, _Namer(program, opaque), kept)


def opened(program: Program, names: Iterable[str]) -> Program:
    """A program in which everything depends on the tensors `names` as its author has it."""
    through = program.through & set(names)
    return recognised(program.stated, through) if program.stated is not None and through else program


def _looked_through(program: Program, better: Program) -> frozenset[str]:
    """The tensors between what an equation was made of and what it is made of now, where that is another thing: at least those left out."""
    below: dict[str, set[str]] = {}
    for e in program.equations:
        below[e.name] = e.uses().union(*[below.get(n, ()) for n in e.uses()])
    found: set[str] = set()
    for e in better.equations:
        before = program.equation(e.name)
        if before is not None and before.rhs != e.rhs:
            now = _uses(e, program, better)
            new, gone = now - before.uses(), before.uses() - now
            found |= gone | {n for n in below[e.name] if below.get(n, set()) & new}
    return frozenset(found)


def _uses(e: Equation, program: Program, better: Program) -> set[str]:
    """The tensors of `program` that an equation of `better` uses, itself or by what is new there."""
    used = set(e.uses())
    for helper in reversed(better.equations):
        if helper.name in used and helper.name not in program.tensors:
            used |= helper.uses()
    return used & set(program.tensors)


class _Namer(Reader):
    """Says again only what has a name."""

    def __init__(self, program: Program, opaque: Collection[str]) -> None:
        super().__init__(program, opaque, plain=True)
        self.opaque = opaque

    def product(self, e: Expr, free: Sequence[Index]) -> Expr | None:
        """A product that divides by a sum of exponentials, where it comes to a softmax, a sigmoid or a tanh."""
        found = super().product(e, free)
        return self.share(Mul.make_args(e), free) if found is None or found.has(exp) else found

    def over_one(self, e: Add, free: Sequence[Index]) -> Expr | None:
        """Nothing: terms stay as they are put."""
        return None

    def share(self, factors: Sequence[Expr], free: Sequence[Index]) -> Expr | None:
        """c exp(a) / (c exp(a) + d exp(b)) = sigmoid(a - b + log(c / d)) for positive numbers c and d, and 1 / (exp(a) + exp(-a)) by cosh.

        None if there is nothing of the kind.
        """
        for f in factors:
            base, power = f.as_base_exp()
            below = None if power != -1 or self.growths.laws.meaning(base).has(Total) else self.growths.terms(base, free)
            if below is None or len(below) != 2 or not all(c.is_number and c.is_positive for c in below.values()):
                continue
            (a, c), (b, d) = below.items()
            for g, z in [*((g, self.growths.exponent(g)) for g in factors), (None, S.Zero)]:
                if z in below:
                    other = b if z == a else a
                    rest = Mul(*[h for h in factors if h is not f and h is not g])
                    return rest / below[z] * sigmoid(z - other + log(below[z] / below[other]))
            if c == d and a == -b:
                return Mul(*[h for h in factors if h is not f]) / (2 * c * cosh(a))
        return None

    def logarithm(self, x: Expr, free: Sequence[Index]) -> Expr | None:
        """A logarithm of a sum of exponentials, and that of q = 1 - p for a sigmoid p, whose slope cancels with that of p only."""
        laws = self.growths.laws
        number, p = laws.meaning(x).as_coeff_Add()
        if isinstance(x, Entry) and number == 1 and isinstance(-p, Entry) and laws.argument(-p, sigmoid) is not None:
            return log(1 + p)
        return super().logarithm(x, free)

    def read(self, e: Equation) -> None:
        """Add `e`; what is recognised is not looked through from there on: log(p) is the logarithm of the softmax p."""
        super().read(e)
        if e.name not in self.opaque:
            self.growths.laws.made[e.name] = self.equations[-1]

    def shrunk(self, f: Expr, alone: bool) -> None:
        """Nothing: a logarithm of a softmax is one."""
        return None

    def sum(self, e: Add) -> Expr | None:
        """What is the same on both sides of a condition, a log-softmax, a softplus that does not overflow, a sigmoid by tanh."""
        one = united(e)
        if one is not e:
            return (self.sum(one) or one) if isinstance(one, Add) else one
        return super().sum(e) or _softplus(e) or _sigmoid(e)


def _softplus(e: Add) -> Expr | None:
    """relu(x) + softplus(-|x|) = softplus(x), and max(x, y) + softplus(-|x - y|) = y + softplus(x - y)."""
    terms = dict(t.as_coeff_Mul()[::-1] for t in e.args)
    for f, times in terms.items():
        if not (isinstance(f, softplus) and isinstance(size := -f.args[0], absolute)):
            continue
        for g, other in terms.items():
            made = _larger(g, size.args[0]) if other == times else _larger(-g, size.args[0]) if other == -times else None
            if made is not None:
                return e - times * f - other * g + times * made
    return None


def _larger(g: Expr, gap: Expr) -> Expr | None:
    """What g + softplus(-|gap|) is, if g is the larger of two numbers `gap` apart; less the smaller one is the larger of the opposites."""
    sign, h = g.as_coeff_Mul()
    if isinstance(h, relu) and sign == 1 and h.args[0] in (gap, -gap):
        return softplus(h.args[0])
    if isinstance(h, maximum if sign == 1 else minimum):
        x, y = (sign * a for a in h.args)
        if x - y in (gap, -gap):
            return y + softplus(x - y)
    return None


def _sigmoid(e: Add) -> Expr | None:
    """c + c tanh(x) = 2 c sigmoid(2 x)."""
    number, rest = e.as_coeff_Add()
    times, f = rest.as_coeff_Mul()
    return 2 * number * sigmoid(2 * times / number * f.args[0]) if isinstance(f, tanh) and number and abs(times) == abs(number) else None
