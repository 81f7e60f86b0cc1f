"""Adjoints that divide by what they are multiplied by again: dP = -Y (1 - P)^2 / P, and then dO = P dP - ...

A probability P may round to 0. So where every use of dP is a product with P, the product P dP is computed instead, in which the
division has cancelled; so too where a root of P is divided by.
"""

from collections.abc import Container
from dataclasses import replace

from sympy import Expr, Pow, expand_mul

from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.calculus.term import Entry


def undivided(program: Program, outputs: Container[str]) -> Program:
    """The program, with P dP instead of dP wherever that saves a division by P."""
    for e in program.equations:
        for p in _divisors(program, e) if e.name in program.users and e.name not in outputs else ():
            made = _multiplied(program, e, p)
            if made is not None:
                program = made
                break
    return program


def _divisors(program: Program, e: Equation) -> list[Entry]:
    """The entries, at the equation's own indices, that its right side divides by, themselves or under a root that has a name."""
    if isinstance(e.rhs, Call) or e.tensor.role != "adjoint":
        return []
    e = replace(e, rhs=e.formula.xreplace(_roots(program, e)))
    powers = [f for f in e.formula.atoms(Pow) if f.exp.is_negative and isinstance(f.base, Entry)]
    return sorted({f.base for f in powers if f.base.indices == e.indices}, key=str)


def _roots(program: Program, e: Equation) -> dict[Expr, Expr]:
    """The entries at the equation's own indices that are roots of an entry by their own equation: {F: P^(1/2)}."""
    found = {}
    for a in e.formula.atoms(Entry):
        made = program.equation(a.name)
        if made is None or a.indices != e.indices or not isinstance(root := made.rhs, Pow):
            continue
        if isinstance(root.base, Entry) and root.exp.is_Rational and 0 < root.exp < 1:
            found[a] = made.at(a.indices)
    return found


def _multiplied(program: Program, e: Equation, p: Entry) -> Program | None:
    """The program with `p` times `e` instead of `e`; None where a division by `p` stays."""
    tensor = Tensor(program.fresh_name(f"{p.name}_{e.name}"), e.tensor.axes, role="adjoint")
    roots = _roots(program, e)
    product = expand_mul(p * e.formula.xreplace(roots)).xreplace({root: a for a, root in roots.items()})
    done = []
    for x in program.equations:
        if x.name == e.name:
            x = Equation(tensor, e.indices, product)
        elif e.name in x.uses():
            if isinstance(x.rhs, Call):
                return None
            parts = {a: tensor[a.indices] / Entry(p.name, *a.indices) for a in x.rhs.atoms(Entry) if a.name == e.name}
            x = replace(x, rhs=expand_mul(x.rhs.xreplace(parts)))
        else:
            done.append(x)
            continue
        if _divides(x.rhs, p.name):
            return None
        done.append(x)
    tensors = {name: t for name, t in program.tensors.items() if name != e.name}
    return replace(program, tensors={**tensors, tensor.name: tensor}, equations=tuple(done))


def _divides(e: Expr, name: str) -> bool:
    return any(f.exp.is_negative and any(a.name == name for a in f.base.atoms(Entry)) for f in e.atoms(Pow))
