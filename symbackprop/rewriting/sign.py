"""What is never negative: shares, squares, slopes of monotone functions. A weight that is not has a square root."""

from collections.abc import Container, Iterable

from sympy import Add, Expr, Function, Mul, Pow

from symbackprop.calculus.program import Call, Equation
from symbackprop.calculus.term import Entry, Total
from symbackprop.ops.table import OPS

NONNEGATIVE = {"sigmoid_slope", "tanh_slope", "erfc"}
"""Functions of the stable laws that SymPy knows nothing of."""
SHARES = {"softmax"}
"""Statistics whose entries are not negative."""


def nonnegative_tensors(equations: Iterable[Equation]) -> set[str]:
    """The names of the tensors without a negative entry, as far as their equations say so."""
    known: set[str] = set()
    for e in equations:
        if isinstance(e.rhs, Call):
            same = e.rhs.op in ("max", "min", "sum", "prod") and set(e.rhs.arguments) <= known
            if e.rhs.op in SHARES & set(OPS) or same:
                known.add(e.name)
        elif is_nonnegative(e.rhs, known):
            known.add(e.name)
    return known


def is_nonnegative(e: Expr, known: Container[str]) -> bool:
    """Whether `e` is never negative; False: can't tell. `known`: tensors without a negative entry."""
    if isinstance(e, Entry):
        return e.name in known
    if e.is_nonnegative:
        return True
    if isinstance(e, Total):
        return is_nonnegative(e.body, known)
    if isinstance(e, Add | Mul):
        return all(is_nonnegative(a, known) for a in e.args)
    if isinstance(e, Pow):
        return bool(e.exp.is_even) or is_nonnegative(e.base, known)
    if isinstance(e, Function):
        name = type(e).__name__
        return name in NONNEGATIVE or (name == "where" and all(is_nonnegative(a, known) for a in e.args[1:]))
    return False
