"""Rewriters spoilt on purpose, by their row: a name to patch, and what stands there instead. Each must be seen by the row's test."""

from dataclasses import replace
from types import SimpleNamespace

from sympy import Add, Expr, KroneckerDelta, Mul, S, expand_mul

from symbackprop.arrays.diagonal import apart
from symbackprop.arrays.graph import Graph
from symbackprop.calculus import contract, laws
from symbackprop.calculus.contract import narrowed
from symbackprop.calculus.definition import Definition
from symbackprop.calculus.facts import kind_of
from symbackprop.calculus.term import Entry, Positive, Total, indices_of
from symbackprop.matrix.factoring import JOIN
from symbackprop.matrix.law import Law as MatrixLaw
from symbackprop.matrix.nodes import Scale, Transpose
from symbackprop.ops.entrywise.elementwise import sigmoid, softplus
from symbackprop.stability.exponentials import logaddexp
from symbackprop.stability.growth import Growths

ARGUMENT, SIZE = Growths.argument, Graph.size


def of_parts(factors, index, facts):
    """A law of sums that takes any index for one of a whole axis."""
    known = [replace(f, size=index.axis) for found in facts.by_tensor.values() for f in found]
    return laws.law_of_sum(factors, index, laws.Facts(known))


def of_whole_tensors(self, z, indices, name="z"):
    """x[:-1] taken for x."""
    return z.name if isinstance(z, Entry) and z.indices == tuple(indices) else ARGUMENT(self, z, indices, name)


def first_of_two(factors, bound):
    """The first of two deltas only."""
    equal, others = apart(factors, bound)
    return dict(list(equal.items())[:1]), others


def any_square(x, known):
    return x.x if x.x.shape[0] == x.x.shape[1] else None


def larger(self, e):
    """The next larger size."""
    return SIZE(self, e + 1 if getattr(e, "free_symbols", ()) else e)


def unscaled(e):
    totals = [f for f in Mul.make_args(e.rhs) if isinstance(f, Total)] if isinstance(e.rhs, Expr) else []
    return Definition(e, S.One, totals[0]) if len(totals) == 1 else None


def any_positive(fact):
    """The record of a fact; of a positive tensor, any condition that speaks of it holds."""
    kind = kind_of(fact)
    laws = [replace(law, apply=lambda e, fact: S.One if e.has(Positive) else None) for law in kind.laws_of_entries]
    return replace(kind, laws_of_entries=tuple(laws) if kind.name == "positive" else ())


SPOILT = {
    "contract": ("symbackprop.calculus.contract.guard", lambda e: S.One),
    "contract with facts": ("symbackprop.calculus.contract.law_of_sum", of_parts),
    "laws of entries": ("symbackprop.calculus.laws.kind_of", any_positive),
    "expanded": ("symbackprop.calculus.contract.decided", lambda e: e if e.has(Entry) else S.One),
    "guard": ("symbackprop.calculus.laws.slopes", lambda e: {i: e.coeff(i) for i in indices_of(e)}),
    "relabelled": ("symbackprop.calculus.canonical._depth", lambda e: 0),
    "turned": ("symbackprop.calculus.canonical._depth", lambda e: 0),
    "factored": ("symbackprop.calculus.factors._may_part", lambda *args: True),
    "cancelled": ("symbackprop.calculus.factors._has_a_value", lambda terms: True),
    "mirrored": ("symbackprop.ops.entrywise.elementwise.sigmoid.mirrored", staticmethod(lambda x, value: value)),
    "as printed": ("symbackprop.calculus.signs.is_root", lambda e, known=None: True),
    "either": ("symbackprop.calculus.brackets._goes_with", lambda bracket, way: False),
    "masks": ("symbackprop.derivation.masks.either", lambda masks: masks[0]),
    "parts with names": ("symbackprop.derivation.naming.NonNegative", KroneckerDelta),
    "slopes": ("rewriter_scalars.slopes", lambda e: {i: e.coeff(i) for i in indices_of(e)}),
    "by diagonal": ("symbackprop.arrays.diagonal.apart", first_of_two),
    "as a square": ("symbackprop.arrays.symmetric.is_nonnegative", lambda e, known: True),
    "by sigmoids": ("symbackprop.stability.exponentials.sigmoid", lambda z: sigmoid(-z)),
    "logaddexp": ("symbackprop.stability.exponentials.softplus", lambda z: softplus(-z)),
    "slope": ("symbackprop.ops.slope._signed", lambda e: -e),
    "smoothed": ("symbackprop.derivation.smooth.agrees", lambda meeting: True),
    "without overflow": ("symbackprop.stability.growth.Growths.argument", of_whole_tensors),
    "recognised": ("symbackprop.stability.growth.logaddexp", lambda terms: 1 + logaddexp(terms)),
    "prepared": ("symbackprop.stability.growth.Growths.argument", of_whole_tensors),
    "stable": ("symbackprop.stability.stable._less_than_one", lambda f, at, times: f if isinstance(f, sigmoid) else None),
    "spelled": ("symbackprop.rewriting.prepare.op_of", lambda function: SimpleNamespace(stable=lambda *args: Add(*args))),
    "undivided": ("symbackprop.rewriting.quotient.expand_mul", lambda e: 2 * expand_mul(e)),
    "without inverses": ("symbackprop.rewriting.solves._Solver.matrix", lambda self, turned: self.inverse.rhs.arguments[0]),
    "running products": ("symbackprop.rewriting.running.narrowed", lambda *args: 2 * narrowed(*args)),
    "bracketed": ("symbackprop.rewriting.bracketing.narrowed", lambda *args: 2 * narrowed(*args)),
    "solved": ("symbackprop.rewriting.solved.narrowed", lambda *args: 2 * narrowed(*args)),
    "guarded": ("symbackprop.rewriting.guard._beside", lambda f, mask, risky, room: f),
    "shortened": ("symbackprop.matrix.shorter.LAWS", (MatrixLaw("A^T = A", (), any_square, (Transpose,)),)),
    "polished": ("symbackprop.matrix.polish.POLISH", (MatrixLaw("-x = x", (), lambda x: x.x, (Scale,)),)),
    "common factors": ("symbackprop.matrix.factoring.JOIN", {**JOIN, "left": lambda f, x: x, "entrywise": lambda f, x: x}),
    "matrix form": ("symbackprop.matrix.form.elementwise", lambda x, exponent: x),
    "generated code": ("symbackprop.arrays.graph.Graph.size", larger),
    "merged entries": ("symbackprop.derivation.reverse.contract", lambda e: -contract.contract(e)),
    "contract with names": ("symbackprop.calculus.definition._definition", unscaled),
    "joined": ("symbackprop.arrays.joined._same", lambda e, among: among[0] if among and e is not None else None),
}
