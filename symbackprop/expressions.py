"""One expression without a model: its derivative, and claims about it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from symbackprop.calculus.program import Program, Tensor
from symbackprop.derivation.reverse import jacobian
from symbackprop.derivation.second import second
from symbackprop.errors import DeriveError, SpecError, nearest
from symbackprop.language.declare import facts_of, shaped
from symbackprop.language.elaborate import elaborate_expression
from symbackprop.language.syntax import parse
from symbackprop.result import Result
from symbackprop.stability.recognise import recognised
from symbackprop.verification.claims.claims import check_claims
from symbackprop.verification.verdict import Report

Declared = Mapping[str, str | Sequence[str]]
"""What is declared of tensors: {"y": "simplex over c"}."""
VALUE = "f"
"""What the value of an expression is called."""
OTHERS = "ghuFG"
"""What else it is called where a tensor has that name: f_2 would be a power on paper."""
ORDERS = (1, 2, 3)
"""The orders of `derivative`."""


def derivative(
    text: str,
    shapes: Mapping[str, str],
    wrt: str | Sequence[str],
    order: int = 1,
    facts: Declared | None = None,
) -> Result:
    """The derivative of one expression in NumPy notation, for symbolic sizes.

    `shapes` gives each tensor's axes as a shape string; `facts` what is declared of a tensor ("simplex over c"). Order 1 by one
    name; order 2 by two: the Jacobian by the second name of the derivative by the first; order 3 by three. One name stands for all.
    Output axes first, then those of `wrt`.
    """
    if not isinstance(text, str):
        raise SpecError(f"an expression is a text, not {text!r}", place="derivative", fix='write it in quotes, as in "sum(x ** 2)"')
    tensors = facts_of(shaped(shapes), facts or {})
    names = names_in(wrt)
    if not isinstance(order, int) or isinstance(order, bool) or order not in ORDERS:
        known = ", ".join(map(str, ORDERS))
        raise DeriveError(f"order {order} is not one of {known}", fix="order=1 is the derivative, order=2 its Jacobian")
    if len(names) == 1:
        names = names * order
    if len(names) != order:
        raise DeriveError(f"{len(names)} names for order {order}", fix=f"give {order}")
    for name in names:
        if name not in shapes:
            raise DeriveError(f"'{name}' has no shape", notes=[f"shapes: {', '.join(shapes)}"], fix=did_you_mean(name, shapes))
    program, top = _program(text, tensors)
    derived = jacobian(program, top, names[0])
    for a, b in pairwise(names):
        derived = second(derived, a, [b])
    return Result(derived, derived.adjoints[names[-1]], known=())


def check_expression(
    text: str, shapes: Mapping[str, str], claims: str | Sequence[str], facts: Declared | None = None, seed: int = 0
) -> Report:
    """Check claims about one expression, whose value they call f. Raises SpecError for a text that is no claim, or a typo."""
    tensors = facts_of(shaped(shapes), facts or {})
    if VALUE in tensors:
        fix = f"call the tensor otherwise, or state a model, in which '{VALUE}' can be a tensor like any other"
        raise SpecError(f"'{VALUE}' is what claims call the value of the expression", place="check", source=text, fix=fix)
    program, _ = _program(text, tensors)
    report = check_claims(program, claims, seed)
    return replace(report, title=f"claims about {VALUE} = {text}")


def _program(text: str, tensors: Mapping[str, Tensor]) -> tuple[Program, str]:
    """The program of one expression, statistics in it recognised, and what its value is called there."""
    empty = Program("expression", tensors, (), "")
    name = next((c for c in (VALUE, *OTHERS) if c not in tensors), empty.fresh_name(VALUE))
    program, top = elaborate_expression(parse(text), empty, name, text=text)
    return recognised(replace(program, objective=top)), top


def names_in(wrt: str | Sequence[str]) -> tuple[str, ...]:
    """One name of a tensor, or several, as a tuple. Raises DeriveError for what is no name."""
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt) if isinstance(wrt, Sequence) else (wrt,)
    for name in names:
        if not isinstance(name, str):
            raise DeriveError(f"{name!r} is not the name of a tensor", place="wrt", fix='give names, as in wrt="x" or wrt=["x", "y"]')
    return names


def did_you_mean(name: str, known: Mapping) -> str:
    """What to write instead of a name that is not there."""
    close = nearest(name, list(known))
    return f"did you mean {', '.join(close)}?" if close else "give it a shape"
