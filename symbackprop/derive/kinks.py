"""Where a derivative is a convention: kinks of the functions that it goes through, and jumps of the first derivative for the second.

Everything is told once, by the records of the ops; a formula that holds almost everywhere is right everywhere else.
"""

from collections.abc import Iterable, Iterator

from sympy import Expr, Function, Pow, Symbol

from symbackprop.index import shape_text
from symbackprop.ops import OPS, op_of
from symbackprop.ops.elementwise import sign
from symbackprop.program import Equation, Program
from symbackprop.term import Entry, NonNegative, Positive, is_squares, sides_of, tensor_names


def kinks(program: Program, outputs: Iterable[str], wrt: Iterable[str]) -> tuple[str, ...]:
    """What conventions the derivatives of `outputs` by `wrt` rest on, as sentences; an output may be a derivative itself."""
    reach = set(wrt)
    found: dict[str, None] = {}
    for e in program.needed(outputs).equations:
        if e.uses() & reach:
            reach.add(e.name)
            found |= dict.fromkeys(_of_call(e, program, reach) if e.call else _of_equation(e, program, reach))
    return tuple(found)


def _of_call(e: Equation, program: Program, reach: Iterable[str]) -> Iterator[str]:
    for kink in OPS[e.call.op].kinks:
        names = ", ".join(_named(Entry(n, *program.tensors[n].indices), program) for n in e.call.arguments)
        yield f"{e.call.op}({names}): {kink}"


def _of_equation(e: Equation, program: Program, reach: Iterable[str]) -> Iterator[str]:
    for f in sorted(e.rhs.atoms(Function, Pow), key=str):
        if not tensor_names(f) & set(reach):
            continue
        if isinstance(f, Positive | NonNegative) or (e.tensor.is_derived and isinstance(f, sign)):
            sides = sorted(_named(side, program) for side in sides_of(f.args[0]))
            where = f"where {' = '.join(reversed(sides))}"
            if e.tensor.is_derived:
                yield f"{where} the first derivative jumps; the second is that of either side, almost everywhere"
            else:
                yield f"{where} a condition turns; the derivative is that of the side which holds"
        elif isinstance(f, Pow):
            if f.exp.is_Rational and 0 < f.exp < 1 and is_squares(f.base, program.squares):
                yield f"where {_named(f.base, program)} = 0 the derivative of the root of it is 0"
        elif (record := op_of(type(f))) is not None:
            for kink in record.kinks:
                yield f"{record.name}({', '.join(_named(a, program) for a in f.args)}): {kink}"


def _named(e: Expr, program: Program) -> str:
    """`e` as the language has it, with the axes of tensors for indices: abs(x[n]) - y[n]."""
    names = {f: Function(record.name)(*f.args) for f in e.atoms(Function) if (record := op_of(type(f))) is not None}
    return str(e.xreplace(names).xreplace({a: Symbol(_entry(a, program)) for a in e.atoms(Entry)}))


def _entry(a: Entry, program: Program) -> str:
    axes = shape_text(program.tensors[a.name].axes).replace(" ", ", ")
    return f"{a.name}[{axes}]" if axes else a.name
