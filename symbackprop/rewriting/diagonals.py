"""Inverses, determinants and solutions of diagonal matrices: inv(diag(x)) is diag(1/x), its entries put where they are asked for."""

from collections.abc import Mapping
from dataclasses import replace

from sympy import Add, Expr, Function, KroneckerDelta, Mul, Pow, log

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.calculus.term import Entry, Total, delta, substitute
from symbackprop.ops.entrywise.elementwise import absolute


def without_diagonal_calls(program: Program) -> list[Equation]:
    """The equations of `program`, with no inverse, log determinant or solution of a matrix that is diagonal by its equation."""
    made: dict[str, Equation] = {}
    inverses: dict[str, Equation] = {}
    for e in program.equations:
        if isinstance(e.rhs, Call) and (rhs := _said(e, made)) is not None:
            e = replace(e, rhs=rhs)
            if rhs.has(KroneckerDelta):
                inverses[e.name] = e
        elif isinstance(e.rhs, Expr) and inverses:
            e = replace(e, rhs=_put_in_place(e.rhs, inverses))
        made[e.name] = e
    return list(made.values())


def _said(e: Equation, known: Mapping[str, Equation]) -> Expr | None:
    """What a call of a diagonal matrix comes to; None for another call, or another matrix."""
    name, *others = e.rhs.arguments
    matrix = known.get(name)
    if e.rhs.op not in ("inv", "logdet", "solve") or matrix is None or isinstance(matrix.rhs, Call) or len(matrix.indices) != 2:
        return None
    i, j = matrix.indices
    entry = _along(matrix.rhs, i, j)
    if entry is None:
        return None
    if e.rhs.op == "logdet":
        r = Index("r0", i.axis)
        return Total(log(absolute(substitute(entry, {i: r}))), r) if not entry.has(Total) else None
    entry = substitute(entry, {i: e.indices[0]})
    if entry.has(Total):
        return None
    return delta(*e.indices) / entry if e.rhs.op == "inv" else Entry(others[0], *e.indices) / entry


def _along(e: Expr, i: Index, j: Index) -> Expr | None:
    """The entries along the diagonal of a matrix that is 0 elsewhere by its form; None for another one."""
    found = []
    for term in Add.make_args(e):
        deltas = [f for f in Mul.make_args(term) if isinstance(f, KroneckerDelta) and set(f.args) == {i, j}]
        if not deltas:
            return None
        found.append((term / deltas[0]).xreplace({j: i}))
    return Add(*found)


def _put_in_place(e: Expr, inverses: Mapping[str, Equation]) -> Expr:
    """`e` with entries of diagonal inverses as what they are; inside a function or a power they stay, but for those on the diagonal."""
    if isinstance(e, Entry):
        made = inverses.get(e.name)
        return e if made is None else made.at(e.indices)
    if isinstance(e, Function | Pow):
        on = {a: inverses[a.name].at(a.indices) for a in e.atoms(Entry) if a.name in inverses and a.indices[0] == a.indices[1]}
        return e.xreplace(on)
    if isinstance(e, Total):
        return Total(_put_in_place(e.body, inverses), *e.indices)
    return e.func(*[_put_in_place(a, inverses) for a in e.args]) if e.args else e
