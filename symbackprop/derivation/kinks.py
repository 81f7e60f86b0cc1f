"""Where a derivative is a convention: kinks of the functions that it goes through, and jumps of the first derivative for the second.

Everything is told once, by the records of the ops; a formula that holds almost everywhere is right everywhere else. Where the limits of
a derivative from all sides agree there is no kink (see smooth.py); where that can't be told, it is named.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sympy import Dummy, Expr, Function, Pow, Symbol, nan, oo, zoo

from symbackprop.calculus.index import shape_text
from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.calculus.signs import is_squares
from symbackprop.calculus.term import Entry, NonNegative, Positive, sides_of, tensor_names
from symbackprop.derivation.scalar import derivative
from symbackprop.derivation.smooth import Model, agrees, bodies, pattern
from symbackprop.derivation.turns import arguments, at_zero, jumps, meetings, turn_of, turns
from symbackprop.ops import OPS, op_of


@dataclass(frozen=True)
class Kink:
    """What a derivative is by convention, as a key that each language has words for, and where: relu(x[n]), or `is_place` x[n] = 0."""

    convention: str
    at: str
    is_place: bool = False


def kinks(program: Program, outputs: Iterable[str], wrt: Iterable[str], derivatives: Iterable[str] | None = None) -> tuple[Kink, ...]:
    """What conventions the derivatives of `outputs` by `wrt` rest on; an output may be a derivative itself.

    `derivatives`: the tensors of the program that hold them, if it has them: what does not turn there, though a function on the way does,
    is no kink.
    """
    return tuple(_Teller(program, tuple(outputs), set(wrt), derivatives).told())


class _Teller:
    """What is known of a program whose derivatives are told about."""

    def __init__(self, program: Program, outputs: tuple[str, ...], reach: set[str], derivatives: Iterable[str] | None) -> None:
        self.program, self.reach = program, reach
        self.needed = program.needed(outputs).equations
        self.model = Model(program.equations, program.signs)
        self.bent: dict[str, set[Expr]] = {}
        self.turning = None if derivatives is None else self.turns_of(derivatives)

    def turns_of(self, derivatives: Iterable[str]) -> set[Expr]:
        """The turns of derivatives, at whatever indices, and of what they are computed from, so far as that is not put in place."""
        found: set[Expr] = set()
        before = {e.name for e in self.needed}
        waiting, seen = [*derivatives], set(before)
        while waiting:
            e = self.program.equation(waiting.pop())
            if e is None or isinstance(e.rhs, Call) or e.name in seen:
                continue
            seen.add(e.name)
            for body in map(self.model.inline, bodies(e.rhs)):
                found |= set(map(pattern, self.uneven(body)))
                waiting += sorted(tensor_names(body))
        return found

    def told(self) -> dict[Kink, None]:
        """The conventions, in the order of the equations."""
        found: dict[Kink, None] = {}
        for e in self.needed:
            if e.uses() & self.reach:
                self.reach.add(e.name)
                found |= dict.fromkeys(self.of_call(e) if isinstance(e.rhs, Call) else self.of_equation(e))
        return found

    def of_call(self, e: Equation) -> Iterator[Kink]:
        """What the record of a call says."""
        for convention in OPS[e.rhs.op].kinks:
            names = ", ".join(_named(Entry(n, *self.program.tensors[n].indices), self.program) for n in e.rhs.arguments)
            yield Kink(convention, f"{e.rhs.op}({names})")

    def of_equation(self, e: Equation) -> Iterator[Kink]:
        """What is to be said of an equation's brackets, roots and functions."""
        for f in sorted(e.formula.atoms(Function, Pow), key=str):
            if not tensor_names(f) & self.reach:
                continue
            if isinstance(f, Positive | NonNegative) or (e.tensor.is_derived and self.jumps_at(e, *map(self.turn, arguments(f)))):
                yield from self.of_bracket(e, f)
            elif isinstance(f, Pow):
                if self.is_kinked_root(e, f) and self.stays([turn_of(f.base)[0]]):
                    yield Kink("root", f"{_named(f.base, self.program)} = 0", is_place=True)
            elif (record := op_of(type(f))) is not None and record.kinks and self.is_kinked(e, f):
                for convention in record.kinks:
                    yield Kink(convention, f"{record.name}({', '.join(_named(a, self.program) for a in f.args)})")

    def of_bracket(self, e: Equation, f: Expr) -> Iterator[Kink]:
        """Of a bracket, or of a function that jumps, in a derivative."""
        (argument, *_) = arguments(f)
        turn = self.turn(argument)
        place = " = ".join(reversed(sorted(_named(side, self.program) for side in sides_of(argument))))
        if self.jumps_at(e, turn) and e.tensor.is_derived:
            yield Kink("jump", place, is_place=True)
        elif self.jumps_at(e, turn) or (self.bends_at(e, turn) and self.stays([turn])):
            yield Kink("condition", place, is_place=True)

    def is_kinked(self, e: Equation, f: Expr) -> bool:
        """Whether a function with a kink leaves one; what turns at no bracket (floor) does."""
        found = [self.turn(x) for x in arguments(f)]
        if not found and getattr(f, "even_powers", None) is not None:
            return self.has_value_at(e, f) and self.stays([turn_of(f)[0]])
        if not found:
            return True
        return any(self.jumps_at(e, u) for u in found if jumps(f)) or (any(self.bends_at(e, u) for u in found) and self.stays(found))

    def is_kinked_root(self, e: Equation, f: Pow) -> bool:
        """Whether a power is a root of a sum of squares whose slope is without limit at 0, where the equation has a value."""
        if not (f.exp.is_Rational and 0 < f.exp < 1 and is_squares(f.base, self.program.signs)):
            return False
        return self.has_value_at(e, f.base)

    def has_value_at(self, e: Equation, u: Expr) -> bool:
        """Whether a right side has a value where `u`, which is never negative, is 0."""
        return not any(body.has(u) and at_zero(body, u).has(nan, zoo, oo) for body in bodies(e.rhs))

    def stays(self, found: Iterable[Expr]) -> bool:
        """Whether one of some turns is still one in the derivatives."""
        return self.turning is None or any(pattern(self.turn(u)) in self.turning for u in found)

    def turn(self, argument: Expr) -> Expr:
        """The turn of an argument, in entries that no equation without a sum defines."""
        return turn_of(self.model.inline(argument))[0]

    def jumps_at(self, e: Equation, *found: Expr) -> bool:
        """Whether the right side itself jumps at one of some turns, or may."""
        return any(pattern(u) in self.model.steps_of(e) for u in found)

    def bends_at(self, e: Equation, turn: Expr) -> bool:
        """Whether the slope of the right side jumps at a turn, or may."""
        if e.name not in self.bent:
            self.bent[e.name] = {pattern(u) for body in bodies(e.rhs) for u in self.bends(body)}
        return pattern(turn) in self.bent[e.name]

    def bends(self, body: Expr) -> Iterator[Expr]:
        """The turns at which a slope of `body` is uneven."""
        for a in sorted(body.atoms(Entry), key=str):
            if a.name in self.reach:
                x = Dummy("x", real=True)
                yield from self.uneven(self.model.inline(derivative(body.xreplace({a: x}), x).xreplace({x: a})))

    def uneven(self, e: Expr) -> Iterator[Expr]:
        """The turns at which the limits of `e` from all sides are not known to agree."""
        for turn in turns(e):
            found = meetings(e, turn, self.model.signs)
            if found is None or not all(agrees(m) for m in found):
                yield turn


def _named(e: Expr, program: Program) -> str:
    """`e` as the language has it, with the axes of tensors for indices: abs(x[n]) - y[n]."""
    names = {f: Function(record.name)(*f.args) for f in e.atoms(Function) if (record := op_of(type(f))) is not None}
    return str(e.xreplace(names).xreplace({a: Symbol(_entry(a, program)) for a in e.atoms(Entry)}))


def _entry(a: Entry, program: Program) -> str:
    axes = shape_text(program.tensors[a.name].axes).replace(" ", ", ")
    return f"{a.name}[{axes}]" if axes else a.name
