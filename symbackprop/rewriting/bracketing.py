"""Matrices that only products ask for, put in place there: (A^T A + lambda I) x is A^T (A x) + lambda x.

A sum of products, as diag(d) + U U^T, A - x y^T or A^T A, need not be made where each use of it is a product with something
smaller. It is put in place where that costs less, whichever of the axes is long: nobody's own bracketing is made worse.

Of the terms of a sum at most one may be exact: a difference of two tensors that are given is exact where they are close, and what the
products with each differ by is not. Where the other terms are products, these are rounded anyway.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import combinations, product

from sympy import Add, Expr, KroneckerDelta, Mul, expand_mul

from symbackprop.calculus.brackets import leaves_out_places
from symbackprop.calculus.canonical import relabelled
from symbackprop.calculus.contract import Product, flat, narrowed, over, without_deltas
from symbackprop.calculus.index import Index
from symbackprop.calculus.laws import NO_FACTS
from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.calculus.signs import is_total
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, indices_of, is_guard, tensor_names
from symbackprop.rewriting.work import size_choices, work

MOST_USES = 4
MOST_TERMS = 8
TOLERANCE = 1.6
"""How much more may be paid where one axis is very short or very long: there it is a matter of a few entries, or of one pass more."""


def bracketed(program: Program, equations: Sequence[Equation], outputs: Collection[str]) -> list[Equation]:
    """`equations`, with what products alone ask for put in place where that is cheaper for all sizes."""
    made = [e if isinstance(e.rhs, Call) else _multiplied_out(e, program) for e in equations]
    users: dict[str, set[str]] = {}
    for e in made:
        for name in e.uses():
            users.setdefault(name, set()).add(e.name)
    for e in reversed(made):
        if len(e.tensor.axes) > 1 and e.name not in outputs and isinstance(e.rhs, Expr) and _may_be_put(e.rhs):
            new = _put_in_place(program, made, e.name, users.get(e.name, set()))
            for changed in new or ():
                for name in changed.uses():
                    users.setdefault(name, set()).add(changed.name)
            by_name = {changed.name: changed for changed in new or ()}
            made = [by_name.get(f.name, f) for f in made if f.name != e.name] if new else made
    return made


def joined(program: Program, equations: Sequence[Equation]) -> list[Equation]:
    """`equations`, with X A + X B as X (A + B), one product instead of two, where that is cheaper."""
    return [e if isinstance(e.rhs, Call) else _joined(e, program) for e in equations]


def _joined(e: Equation, program: Program) -> Equation:
    terms = list(Add.make_args(e.formula)) if len(e.indices) > 1 else []
    for one, other in combinations(terms, 2):
        both = _product_with_sum(one, other)
        if both is not None and _is_cheaper([Add(one, other)], [both], program):
            rest = [t for t in terms if t not in (one, other)]
            return _joined(replace(e, rhs=relabelled(Add(both, *rest))), program)
    return e


def _product_with_sum(one: Expr, other: Expr) -> Expr | None:
    """Two sums over one index of products of two entries that share one of these, as one; None where they are not."""
    parts = []
    for term in (one, other):
        p = flat(term)
        entries = [f for f in p.factors if isinstance(f, Entry)]
        numbers = Mul(*[f for f in p.factors if not f.has(Entry)])
        if len(p.bound) != 1 or len(entries) != 2 or indices_of(numbers) or any(f.has(Entry) for f in p.factors if f not in entries):
            return None
        (r,) = p.bound
        common = Index("joined", r.axis)
        parts.append((common, numbers, [f.xreplace({r: common}) for f in entries]))
    (r, c, first), (s, d, second) = parts
    shared = next((f for f in first if f in second and f.has(r)), None)
    if r != s or shared is None or not (d / c).is_number:
        return None
    left, right = (next((f for f in some if f != shared), shared) for some in (first, second))
    return c * Total(shared * (left + d / c * right), r)


def _may_be_put(e: Expr) -> bool:
    """Whether `e` is a sum of products of entries, at most one of them exact, and is not just one entry."""
    terms = Add.make_args(e)
    factors = [[f for f in flat(t).factors if not f.is_number] for t in terms]
    if len(terms) > MOST_TERMS or not all(
        isinstance(f, Entry | KroneckerDelta) or is_guard(f) or not f.has(Entry) for held in factors for f in held
    ):
        return False
    exact = [t for t, held in zip(terms, factors, strict=True) if _is_exact(t, held)]
    if any(not _are_apart(t, u) for t, u in combinations(exact, 2)):
        return False
    return len(terms) > 1 or sum(isinstance(f, Entry) for f in factors[0]) > 1


def _is_exact(term: Expr, factors: Sequence[Expr]) -> bool:
    """Whether a term is one entry, or a multiple of the unit matrix."""
    held = [f for f in factors if isinstance(f, Entry)]
    return not term.has(Total) and (len(held) == 1 or (not held and term.has(KroneckerDelta)))


def _are_apart(one: Expr, other: Expr) -> bool:
    """Whether guards say that of two terms one is 0 everywhere."""
    guards = [[f.args[0] for f in Mul.make_args(t) if isinstance(f, NonNegative) and is_guard(f)] for t in (one, other)]
    return any(expand_mul(a + b).is_negative for a, b in product(*guards))


def _put_in_place(program: Program, equations: Sequence[Equation], name: str, among: Collection[str]) -> list[Equation] | None:
    """The users of the tensor `name`, which are `among` these, without it; None where some use is no product, or it would cost more."""
    if not among or len(among) > MOST_USES:
        return None
    held = {e.name: e for e in equations if e.name in among or e.name == name}
    own, users = held[name], [e for e in held.values() if e.name != name]
    if not users or any(isinstance(e.rhs, Call) for e in users):
        return None
    new: dict[str, Equation] = {}
    for e in users:
        rhs = _without(e.rhs, own)
        if rhs is None:
            return None
        new[e.name] = replace(e, rhs=relabelled(rhs))
    if not _is_cheaper([own.formula, *[e.formula for e in users]], [e.formula for e in new.values()], program):
        return None
    return list(new.values())


def _is_cheaper(old: Sequence[Expr], new: Sequence[Expr], program: Program) -> bool:
    """Whether expressions cost less than others where all axes are alike, and not much more whichever axis is short or long."""
    allowed = 1.0
    for sizes in size_choices(program.axes):
        before, after = (sum(work(e, sizes) for e in some) for some in (old, new))
        if after >= allowed * before:
            return False
        allowed = TOLERANCE
    return True


def _multiplied_out(e: Equation, program: Program) -> Equation:
    """An equation with products with sums under its own sums multiplied out, where that is cheaper."""
    made = _products_out(e.formula, program)
    return e if made == e.formula else replace(e, rhs=relabelled(made))


def _products_out(e: Expr, program: Program) -> Expr:
    if not e.has(Total):
        return e
    if isinstance(e, Add):
        return Add(*[_products_out(a, program) for a in e.args])
    if not isinstance(e, Mul | Total):
        return e
    p = flat(e)
    for k, f in enumerate(p.factors):
        if isinstance(f, Add) and indices_of(f) & p.bound and _may_be_put(f) and not _leaves_out(f, [*p.factors[:k], *p.factors[k + 1 :]]):
            parts = [made for q in over(p, k) if (made := without_deltas(q)) is not None]
            made = Add(*[_products_out(narrowed(q, NO_FACTS, set()), program) for q in parts])
            if _is_cheaper([e], [made], program):
                return made
    return e


def _leaves_out(f: Expr, others: Sequence[Expr]) -> bool:
    """Whether a sum leaves places out, or may be 0 where what it is multiplied with may have no value."""
    masks = f.has(KroneckerDelta, Positive, NonNegative)
    return leaves_out_places(f) or (masks and not all(is_total(g) for g in others))


def _without(e: Expr, own: Equation) -> Expr | None:
    """`e` with the equation of a tensor put in place where that is a factor under a sum over an index of it; None where it is not."""
    if own.name not in tensor_names(e):
        return e
    if isinstance(e, Add):
        parts = [_without(a, own) for a in e.args]
        return None if None in parts else Add(*[p for p in parts if p is not None])
    if not isinstance(e, Mul | Total):
        return None
    p = flat(e)
    held = [f for f in p.factors if own.name in tensor_names(f)]
    if len(held) > 2 or not all(isinstance(f, Entry) and indices_of(f) & p.bound for f in held):
        return None
    made = [Product([f for f in p.factors if f not in held], set(p.bound))]
    for f in held:
        made = [q for one in made for q in _times(one, own.at(f.indices))]
    return Add(*[narrowed(q, NO_FACTS, set()) for one in made if (q := without_deltas(one)) is not None])


def _times(p: Product, e: Expr) -> list[Product]:
    """A product with one more factor, multiplied out where that is a sum."""
    if isinstance(e, Add):
        return over(Product([*p.factors, e], p.bound), len(p.factors))
    inner = flat(e)
    return [Product([*p.factors, *inner.factors], p.bound | inner.bound)]
