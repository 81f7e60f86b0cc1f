"""Statistics and functions that a model spells out, recognised under whatever names it gave their parts.

With E = exp(O), S = E.sum(axis=1) and P = E / S, the entries of E overflow although those of P do not, and so do the adjoints
of E and S. So code is generated from the same model said better, P = softmax(O), and its gradients are derived from that.

What grows is kept apart: a factor is exp(growth) times a rest (see growth.py), growths are added, and what is left of them is said again
as a softmax, a sigmoid, or exp of something that does not overflow unless the whole does. A logarithm is the sum of growths.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from sympy import Add, Expr, Mul, Pow, cosh, exp, log

from symbackprop.derive.reverse import Derived, gradient, jacobian
from symbackprop.derive.second import second
from symbackprop.index import Index
from symbackprop.lower.growth import Growths, said_again
from symbackprop.lower.stable import ELEMENTARY, exponential_laws
from symbackprop.ops.elementwise import log1p
from symbackprop.program import Equation, Program
from symbackprop.term import Entry, Total


def restated(derived: Derived) -> Derived:
    """The same derivatives of the same model, derived again if parts of it are recognised; not where they are by such parts."""
    program = derived.program
    output, *names = program.tensors[derived.output].derivative or (derived.output,)
    outputs = [program.objective, output, *([program.output] if program.output else [])]
    model = program.needed([*outputs, *names, *derived.wrt])
    better = recognised(model, outputs)
    if better is model or not {*names, *derived.wrt} <= set(better.tensors):
        return derived
    leaves = {t.name: t for t in program.leaves}  # in the order of declaration, used or not
    better = replace(better, tensors={**leaves, **better.tensors})
    if not names:
        return gradient(better, derived.wrt) if output == better.objective else jacobian(better, output, derived.wrt[0])
    made = jacobian(better, output, names[0])
    for a, b in pairwise(names):
        made = second(made, a, [b])
    return second(made, names[-1], derived.wrt)


def recognised(program: Program, outputs: Sequence[str]) -> Program:
    """What `outputs` need of `program`, with softmax, logsumexp, sigmoid and softplus where it spells them out.

    The program itself where it does not.
    """
    reader = _Reader(program)
    for e in program.equations:
        reader.read(e)
    tensors = {**program.tensors, **{e.name: e.tensor for e in reader.equations}}
    better = replace(program, tensors=tensors, equations=tuple(reader.equations)).needed(outputs)
    return program if better.equations == program.needed(outputs).equations else better


class _Reader:
    """Reads equations in order; those that a recognised part needs are written before the one that holds it."""

    def __init__(self, program: Program) -> None:
        self.growths = Growths(program, self.better)
        self.equations = self.growths.equations

    def read(self, e: Equation) -> None:
        """Add `e`, said better where it can be."""
        if e.rhs is not None:
            made = self.better(e.rhs, e.indices)
            call = self.growths.call_of(made.name) if isinstance(made, Entry) and made != e.rhs and made.indices == e.indices else None
            e = replace(e, rhs=None if call else made, call=call)
        self.equations.append(e)

    def better(self, e: Expr, free: Sequence[Index]) -> Expr:
        """`e` by the laws, from the outside in; `free` are the indices that it may depend on."""
        if not e.args or isinstance(e, ELEMENTARY):
            return e
        found = None
        if isinstance(e, Pow) and e.exp.could_extract_minus_sign() and isinstance(c := self.growths.laws.meaning(e.base), cosh):
            e = c**e.exp  # so that its derivative holds sinh / cosh
        if isinstance(e, Mul | Pow):
            found = self.product(e, free)
        elif isinstance(e, log):
            found = self.logarithm(e.args[0], free)
        elif isinstance(e, log1p):
            found = self.logarithm(1 + e.args[0], free)
        if found is not None:
            return found
        inner = (*free, *e.indices) if isinstance(e, Total) else free
        args = [self.better(a, inner) for a in e.args]
        made = e.func(*args) if any(a is not b for a, b in zip(args, e.args, strict=True)) else e
        if isinstance(made, Add):
            found = self.growths.log_softmax(made)
        elif isinstance(made, exp):
            found = self.growths.softmax_of(made.args[0])
        return found if found is not None else exponential_laws(made, self.growths.laws)

    def product(self, e: Expr, free: Sequence[Index]) -> Expr | None:
        """A product that divides by a sum of exponentials, its growths taken together; None if there is no such sum."""
        factors = Mul.make_args(e)
        ratio = self.growths.hyperbolic(factors, free)
        if ratio is not None:
            return self.better(ratio, free)
        grown = [self.growths.grown(f, free) for f in factors]
        if not any(g is not None and g.divides for g in grown):
            return None
        plain = [self.better(f if g is None else g.rest, free) for f, g in zip(factors, grown, strict=True)]
        return Mul(*plain, said_again(Add(*[g.growth for g in grown if g is not None]), self.growths))

    def logarithm(self, x: Expr, free: Sequence[Index]) -> Expr | None:
        """log x as the sum of the growths of its factors; None if nothing in it grows."""
        growths, factors = self.growths, Mul.make_args(self.growths.laws.meaning(x))
        alone = len(factors) == 1 and not (isinstance(x, Entry) and isinstance(factors[0], Add))  # q = 1 - p has a name: q is divided by
        grown = [growths.picked(f, free) or growths.grown(f, free, weighed=False) or growths.shrunk(f, alone) for f in factors]
        if not any(grown):
            return None
        rests = [f if g is None else g.rest for f, g in zip(factors, grown, strict=True)]
        numbers = [f for f in rests if f.is_number and f.is_positive]
        rest = self.better(Mul(*[f for f in rests if f not in numbers]), free)
        logs = Add(*[g.growth for g in grown if g is not None], *[log(f) for f in numbers])
        found = growths.log_softmax(logs) if isinstance(logs, Add) else None
        return (logs if found is None else found) + log(rest)
