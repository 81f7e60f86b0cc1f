"""Sums over an index that a delta fixes, without the sum: what diag(x) @ A, eye(n) and one-hot rows are in a product.

Equations of a model come as they were written, with [i = j] x[j] A[j, k] summed over j. No matrix with a single entry in each row is made.
"""

from collections.abc import Sequence
from dataclasses import replace

from sympy import Add, Expr, KroneckerDelta, Mul

from symbackprop.calculus.brackets import leaves_out_places
from symbackprop.calculus.canonical import relabelled
from symbackprop.calculus.contract import Product, distributed, flat, narrowed, without_deltas
from symbackprop.calculus.index import Index
from symbackprop.calculus.laws import NO_FACTS
from symbackprop.calculus.program import Call, Equation
from symbackprop.calculus.term import Entry, Total, with_bound_apart


def solved(equations: Sequence[Equation]) -> list[Equation]:
    """The equations, with every delta solved that says which index, or which place in an index array, a summed one is."""
    return [
        e if isinstance(e.rhs, Call) or not _is_open(e.rhs) else replace(e, rhs=relabelled(_solved(with_bound_apart(e.rhs))))
        for e in equations
    ]


def _is_open(e: Expr) -> bool:
    """Whether `e` has a sum with such a delta in it."""
    return any(_fixes(d, set(t.indices)) for t in e.atoms(Total) for d in t.body.atoms(KroneckerDelta))


def _fixes(d: KroneckerDelta, bound: set[Index]) -> bool:
    a, b = d.args
    return any(
        i in bound and ((isinstance(x, Index) and x.axis == i.axis) or (isinstance(x, Entry) and not x.has(i))) for i, x in ((a, b), (b, a))
    )


def _solved(e: Expr) -> Expr:
    """`e` with the sums in it solved, inner ones first."""
    if not e.has(Total):
        return e
    e = e.func(*[_solved(a) for a in e.args]) if not isinstance(e, Total) else Total(_solved(e.body), *e.indices)
    if not isinstance(e, Total | Mul):
        return e
    p = flat(e)
    # A tensor may have no value at a place that is left out, so that only what is added is multiplied out.
    if any(map(leaves_out_places, p.factors)) or not any(_fixes(d, p.bound) for f in p.factors for d in f.atoms(KroneckerDelta)):
        return e
    parts = [made for q in distributed(p) if (made := without_deltas(q)) is not None]
    return Add(*[narrowed(Product(q.factors, q.bound), NO_FACTS, set()) for q in parts])
