"""From a program to the equations that are worth computing: only what the outputs need, in a numerically stable spelling.

The laws of stable.py are applied, named statistics are replaced by the stable equations of their records, functions that the
target lacks by their laws, and what a bracket multiplies is made safe where the bracket is 0. A mask [x > 0] is read off
relu(x) where that is kept anyway.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from sympy import Expr, Pow, S

from symbackprop.calculus.program import Call, Equation, Program, needed
from symbackprop.calculus.term import Entry, Positive, Total
from symbackprop.ops.entrywise.elementwise import maximum
from symbackprop.ops.function import Elementwise
from symbackprop.ops.table import op_of
from symbackprop.rewriting.bracketing import bracketed, joined
from symbackprop.rewriting.cofactors import with_cofactors
from symbackprop.rewriting.diagonals import without_diagonal_calls
from symbackprop.rewriting.eigen import of_factors, with_differences
from symbackprop.rewriting.guard import guarded
from symbackprop.rewriting.quotient import undivided
from symbackprop.rewriting.running import with_running_products
from symbackprop.rewriting.solved import solved
from symbackprop.rewriting.solves import without_inverses
from symbackprop.rewriting.statistics import stable_equations
from symbackprop.stability.masked import Where
from symbackprop.stability.overflow import without_overflow
from symbackprop.stability.stable import Stable


def prepare(program: Program, outputs: Iterable[str], functions: Container[str] | None = None) -> list[Equation]:
    """The equations that `outputs` need, in order, stable, with calls of primitive ops and with known `functions` only."""
    outputs = list(outputs)
    program = replace(program, equations=tuple(without_diagonal_calls(program))).needed(outputs)
    program = replace(program, equations=tuple(solved(program.equations))).needed(outputs)
    program = replace(program, equations=tuple(bracketed(program, program.equations, outputs))).needed(outputs)
    program = without_overflow(undivided(program, outputs), outputs)
    equations = with_running_products(program, needed(program.equations, outputs), outputs)
    equations = with_cofactors(program, needed(equations, outputs), outputs)
    equations = needed(of_factors(program, with_differences(program, equations)), outputs)
    equations = joined(program, needed(without_inverses(program, equations, outputs), outputs))
    equations = list(_spelled(equations, functions))
    equations = Stable(program, equations, functions).rewritten()
    equations = _masks_of_outputs(equations)
    equations = needed(equations, outputs)
    taken = {*program.tensors, *[e.name for e in equations]}
    expanded: list[Equation] = []
    tensors = {**program.tensors, **{e.name: e.tensor for e in equations}}
    # What is summed is finite; what is given, or is made of that entry by entry, may be -inf.
    summed = {e.name for e in equations if isinstance(e.rhs, Call) or e.rhs.has(Total)}
    masked = {e.name for e in equations if isinstance(e.rhs, Where)}  # a mask may leave nothing in
    tops = {_along(e) for e in equations if _is_of_logsumexp(e) and not summed.intersection(e.rhs.arguments)}
    tops |= {_along(e) for e in equations if isinstance(e.rhs, Call) and masked.intersection(e.rhs.arguments)}
    for e in equations:
        made = stable_equations(e, tensors, taken) if isinstance(e.rhs, Call) else [e]
        taken |= {m.name for m in made}
        expanded += [_with_finite_top(m) for m in made] if len(made) > 1 and _along(e) in tops else made
    # A softmax is finite, though it is spelled as a quotient; its logarithm is -inf where a mask leaves an entry out.
    infinite = {e.name for e in equations if isinstance(e.rhs, Call) and e.rhs.op == "log_softmax" and masked.intersection(e.uses())}
    statistics = {e.name for e in equations if isinstance(e.rhs, Call)} - infinite
    return guarded(_spelled(needed(expanded, outputs), functions), statistics, [n.gap for n in program.needs], program.signs)


def _is_of_logsumexp(e: Equation) -> bool:
    """Whether an equation is a logsumexp, or the softmax that is its derivative."""
    return isinstance(e.rhs, Call) and (e.rhs.op == "logsumexp" or (e.rhs.op == "softmax" and e.tensor.role == "helper"))


def _along(e: Equation) -> tuple[tuple[str, ...], int | None]:
    """What a call is of, and along which axis."""
    return e.rhs.arguments, e.rhs.option("axis")


def _with_finite_top(e: Equation) -> Equation:
    """An equation of a logsumexp, or of what shares its parts, right where all entries are -inf.

    Their largest is taken for a number then, and all exponentials are 0, as is the softmax; else the sum of exponentials is 1 or more.
    """
    if isinstance(e.rhs, Call):
        return replace(e, rhs=replace(e.rhs, op="finite_max")) if e.rhs.op == "max" else e
    below = {f: maximum(f.base, S.One) ** f.exp for f in e.rhs.atoms(Pow) if f.exp == -1 and isinstance(f.base, Entry)}
    return replace(e, rhs=e.rhs.xreplace(below))


def _masks_of_outputs(equations: Sequence[Equation]) -> list[Equation]:
    """[x > 0] as [relu(x) > 0], so that x itself need not be kept."""
    kept: dict[str, str] = {}
    done = []
    for e in equations:
        if isinstance(e.rhs, Expr) and kept:
            new = {}
            for mask in e.rhs.atoms(Positive):
                x = mask.args[0]
                if isinstance(x, Entry) and x.name in kept:
                    new[mask] = Positive(Entry(kept[x.name], *x.indices))
            e = replace(e, rhs=e.rhs.xreplace(new)) if new else e
        if isinstance(e.rhs, Expr) and type(e.rhs).__name__ == "relu" and isinstance(x := e.rhs.args[0], Entry) and x.indices == e.indices:
            kept.setdefault(x.name, e.name)
        done.append(e)
    return done


def _spelled(equations: Sequence[Equation], functions: Container[str] | None) -> Sequence[Equation]:
    """The equations with known `functions` only."""
    if functions is None:
        return equations
    return [replace(e, rhs=spelled(e.rhs, functions)) if isinstance(e.rhs, Expr) else e for e in equations]


def spelled(e: Expr, functions: Container[str]) -> Expr:
    """`e` with every function of the op table that is not among `functions` written out: by its stable law, else by its law."""
    if not e.has(Elementwise):
        return e
    args = [spelled(a, functions) for a in e.args]
    if isinstance(e, Elementwise) and type(e).__name__ not in functions:
        record = op_of(type(e))
        law = record.stable if record is not None and record.stable is not None else type(e).law
        return spelled(law(*args), functions)
    return e.func(*args)
