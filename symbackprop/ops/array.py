"""Arrays in the making, and the draft of a program that they are made in.

An Array says which entry stands at given indices; nothing is written down before it is asked. A Draft collects the
equations. It keeps the rule that a sum never stands inside a function, a power, a denominator or a bracket: there the
array is grounded, which gives it an equation of its own, named t1, t2, ..., once for equal right sides.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from sympy import Add, Expr, Integer, KroneckerDelta, Mul, expand_mul

from symbackprop.calculus.canonical import Alike
from symbackprop.calculus.contract import contract
from symbackprop.calculus.index import Index, bound_index, shape_text
from symbackprop.calculus.program import Call, Equation, Need, Tensor
from symbackprop.calculus.sizes import never_negative
from symbackprop.calculus.term import Entry, Total, indices_of, sides_of
from symbackprop.errors import AxisError, ParseError, SpecError, SymbackpropError
from symbackprop.ops.function import in_own_words, is_unreal

Indices = tuple[Expr, ...]


class Array:
    """A value of the language: its axes, and `at(indices)`, its entry. Once it has a name, that is an entry of the tensor.

    `sums`: a Total stands in it; `composite`: inside a sum of terms. `apart`: it wants an equation of its own when it is a
    part of something larger (a mean along an axis): `apart()` gives it. `root`: of a square root, the array under it.
    `call`: of a whole-tensor op, the call. `number`: of a number without entries of tensors, its value. `text`, `span`: what
    the user wrote, and where.
    """

    __slots__ = ("apart", "axes", "call", "composite", "entry", "leaf", "name", "number", "root", "shown", "span", "sums", "text")

    def __init__(
        self,
        axes: Sequence[Expr],
        entry: Callable[[Indices], Expr],
        *,
        sums: bool = False,
        composite: bool = False,
        apart: "Callable[[], Array] | None" = None,
        root: "Array | None" = None,
        call: Call | None = None,
        name: str | None = None,
    ) -> None:
        self.axes, self.entry = tuple(axes), entry
        self.sums, self.composite, self.apart, self.root, self.call, self.name = sums, composite, apart, root, call, name
        self.text, self.shown = "", self.axes
        self.span: tuple[int, int] | None = None
        self.leaf: str | None = None
        self.number: Expr | None = None

    def at(self, indices: Indices) -> Expr:
        """The entry at `indices`."""
        return self.entry(indices) if self.name is None else Entry(self.name, *indices)

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.axes)

    def said(self, by: "Array") -> "Array":
        """This array, with what the user wrote for `by`."""
        self.text, self.span, self.shown, self.leaf = by.text, by.span, by.shown, by.leaf
        return self


class Pieces(Array):
    """Several values, `parts`, to be picked by number: what split gives."""

    __slots__ = ("parts",)
    parts: Sequence[Array]


def constant(value: Expr) -> Array:
    """A number, or the size of an axis, as an array without axes."""
    made = Array((), lambda _: value)
    made.number = value
    return made


class Draft:
    """The program being written: tensors by name, equations so far, and what errors need to know of the place."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        equations: Sequence[Equation],
        sizes: Mapping[Expr, int],
        reserved: Sequence[str] = (),
        needs: Sequence[Need] = (),
    ) -> None:
        self.tensors = dict(tensors)
        self.equations = list(equations)
        self.needs = list(needs)
        self.sizes = dict(sizes)
        self.reserved = set(reserved)
        self.place = self.source = ""
        self.span: tuple[int, int] | None = None
        self.automatic: set[str] = set()
        self.wishes: dict[Any, tuple[str, str]] = {}
        self.infers: Container[str] = ()
        self.met: tuple[Expr, Expr] | None = None
        self._serial = 0
        self._labels = 0
        self._made: dict[Any, str] = {}
        for e in self.equations:
            self._made.setdefault(_key(e), e.name)

    def bound(self, size: Expr) -> Index:
        """A bound index that the equation in the making has not used."""
        self._labels += 1
        return bound_index(self._labels - 1, size)

    def tensor(self, name: str) -> Array:
        """The array that is the whole tensor `name`."""
        axes = self.tensors[name].axes
        return Array(axes, lambda at: Entry(name, *at), name=name)

    def equation(self, name: str, array: Array, **described: Any) -> Equation:
        """`array` as the equation that defines the tensor `name`; not added yet."""
        labels, self._labels = self._labels, 0
        tensor = Tensor(name, array.axes, **described)
        try:
            if array.call is not None:
                return Equation(tensor, tensor.indices, array.call)
            rhs = in_own_words(array.at(tensor.indices))
            if is_unreal(rhs):
                raise self.error("this is no real number", ParseError, fix="divide by nothing that is 0, take roots of nothing negative")
            if any(isinstance(side, Add) for d in rhs.atoms(KroneckerDelta) for side in d.args):
                rhs = contract(rhs)  # deltas of merged axes
            return Equation(tensor, tensor.indices, rhs)
        finally:
            self._labels = labels

    def add(self, equation: Equation) -> None:
        """Write an equation down."""
        self.equations.append(equation)
        self.tensors[equation.name] = equation.tensor
        self._made.setdefault(_key(equation), equation.name)

    def define(self, name: str, array: Array, text: str = "", **described: Any) -> Equation:
        """Write down the equation `name` = `array`, as the user has it."""
        equation = self.equation(name, array, **described)
        last = self.equations[-1] if self.equations else None
        whole = last is not None and equation.rhs == last.tensor[last.indices] and last.indices == equation.indices
        if last is not None and whole and last.name in self.automatic:
            # What was grounded in passing turned out to be all there is: sqrt(S) * sqrt(S).
            self.equations.pop()
            del self.tensors[last.name], self._made[_key(last)]
            equation = replace(equation, rhs=last.rhs)
        equation = replace(equation, text=text)
        self.add(equation)
        return equation

    def whole(self, made: Equation) -> bool:
        """Whether an equation says another tensor again, all of it: the first entries along an axis are not the tensor."""
        rhs = made.rhs
        return isinstance(rhs, Entry) and rhs.indices == made.indices and self.tensors[rhs.name].axes == made.tensor.axes

    def known(self, array: Array) -> str | None:
        """The name of a tensor that equals `array`, if the draft has one."""
        made = self.equation("_", array)
        if self.whole(made):
            return made.formula.name
        return self._made.get(_key(made))

    def named(self, array: Array) -> str:
        """The name of a tensor that equals `array`: an own equation is written for it if there is none."""
        if array.name is None:
            made = self.equation("_", array)
            if self.whole(made):
                array.name = made.formula.name
            elif _key(made) in self._made:
                array.name = self._made[_key(made)]
            else:
                inverse = array.call is not None and array.call.op == "inv"
                name, latex = self.wished(_key(made))
                array.name = self.fresh_name(f"{array.call.arguments[0]}_inv" if array.call and inverse else name)
                self.automatic.add(array.name)
                role = "helper" if inverse else made.tensor.role
                self.add(replace(made, tensor=replace(made.tensor, name=array.name, role=role, latex=latex)))
        return array.name

    def wish(self, array: Array, name: str, latex: str) -> None:
        """Say what `array` is called if it gets an equation: a name, and its LaTeX, in which {} stands for a number that it may have."""
        self.wishes.setdefault(_key(self.equation("_", array)), (name, latex))

    def wished(self, key: Any) -> tuple[str, str | None]:
        """What an equation is to be called, with a number where that is taken already; "" and None where nobody cares."""
        name, latex = self.wishes.get(key, ("", ""))
        if not name:
            return "", None
        number = next(k for k in count(1) if (name if k == 1 else f"{name}_{k}") not in self.reserved.union(self.tensors))
        return (name, latex.format("")) if number == 1 else (f"{name}_{number}", latex.format(f"_{{{number}}}"))

    def ground(self, array: Array) -> Array:
        """`array` as a tensor with an equation of its own, or as a transpose of one that there is."""
        return (self.transposed(array) or self.tensor(self.named(array))).said(array)

    def transposed(self, array: Array) -> Array | None:
        """`array` as entries of a tensor that it is a transpose of, if the draft has one: (A - B).T and A - B share an equation."""
        if array.name is not None or array.call is not None or array.rank < 2:
            return None
        made = self.equation("_", array)
        if self.whole(made) or _key(made) in self._made:
            return None
        known = Alike()
        for e in self.equations:
            if (
                isinstance(e.rhs, Expr)
                and e.rhs.func is made.formula.func
                and len(e.indices) == array.rank
                and indices_of(e.rhs) == set(e.indices)
            ):
                known.learn(e.tensor[e.indices], e.rhs)
        found = known.entry(made.rhs, made.indices)
        return None if found is None else Array(array.axes, lambda at: found.xreplace(dict(zip(made.indices, at, strict=True))))

    def plain(self, array: Array) -> Array:
        """`array` without a sum in it, fit to stand inside a function."""
        ready = self.term(array)
        return self.ground(ready) if ready.sums else ready

    def term(self, array: Array) -> Array:
        """`array`, fit to stand as a part of a larger sum or product."""
        if array.apart is not None:
            return array.apart().said(array)
        return self.ground(array) if array.call is not None else array

    def factor(self, array: Array) -> Array:
        """`array`, fit to stand in a product that is summed: a sum of terms that holds sums is grounded."""
        ready = self.term(array)
        return self.ground(ready) if ready.composite else ready

    def fresh_name(self, wanted: str = "") -> str:
        """`wanted`, if nothing bears it, else the next of t1, t2, ... that nothing bears."""
        if wanted and wanted not in self.tensors and wanted not in self.reserved:
            return wanted
        while True:
            self._serial += 1
            name = f"t{self._serial}"
            if name not in self.tensors and name not in self.reserved:
                return name

    def call(self, op: str, arguments: Sequence[Array], axes: Sequence[Expr], **options: Any) -> Array:
        """A whole-tensor op on tensors; what is no tensor yet gets an equation."""
        call = Call(op, tuple(self.named(a) for a in arguments), tuple(sorted(options.items())))
        made = Array(axes, lambda at: Entry(self.named(made), *at), call=call)
        return made

    def total(self, body: Expr, bound: Sequence[Index]) -> Expr:
        """The sum of `body` over `bound`: sums inside a product join it, and an index that does not occur counts its axis."""
        kind: list[Expr] = []
        while True:
            factors = Mul.make_args(body)
            inner = [f for f in factors if isinstance(f, Total)]
            if not inner:
                break
            kind += [i for f in inner for i in f.indices]
            body = Mul(*[f.body if isinstance(f, Total) else f for f in factors])
        used = body.free_symbols
        idle = Mul(*[i.axis for i in bound if i not in used])
        return idle * Total(body, *[i for i in bound if i in used], *kind)

    def example(self, size: Expr) -> int | None:
        """The example size of an axis, or None if there is none."""
        value = size.subs(self.sizes)
        return int(value) if value.is_Integer else None

    def need(self, gap: Expr, what: str, reason: str, array: Array) -> None:
        """Note that `what` needs a formula in sizes to be >= 0, unless it always is. Raises AxisError where that is known to be broken."""
        if never_negative(gap, [n.gap for n in self.needs]):
            return
        example = self.example(gap)
        if never_negative(-1 - gap) or (example is not None and example < 0):
            raise self.error(reason, AxisError, arrays=[array], notes=[self.described(array, *array.axes)])
        over, under = sides_of(expand_mul(gap))
        said = f"{what} needs {shape_text([over])} >= {shape_text([under])}"
        self.needs.append(Need(expand_mul(gap), said))

    def sized(self, *axes: Expr) -> str:
        """ "h = 5, d = 4": the example sizes of named axes."""
        known = [f"{shape_text([a])} = {self.example(a)}" for a in axes if not a.is_Integer and self.example(a) is not None]
        return ", ".join(dict.fromkeys(known))

    def described(self, array: Array, *axes: Expr) -> str:
        """ "H is n h (h = 5)": what errors say of an operand, with the sizes of the axes in question."""
        shape = shape_text(array.shown) or "a scalar"
        sizes = self.sized(*axes)
        return f"{array.text or 'it'} is {shape}" + (f" ({sizes})" if sizes else "")

    def error(
        self,
        reason: str,
        kind: type[SymbackpropError] = SpecError,
        *,
        arrays: Sequence[Array] = (),
        notes: Sequence[str] = (),
        fix: str = "",
    ) -> SymbackpropError:
        """An error about the expression in hand, with a caret under the first column of each of `arrays`, else under the op."""
        spans = [(a.span[0], a.span[0] + 1) for a in arrays if a.span]
        if not spans and self.span:
            spans = [self.span]
        made = kind(reason, place=self.place, source=self.source, spans=spans, notes=notes, fix=fix)
        if isinstance(made, AxisError):
            made.misfit = bool(arrays)
        return made

    def clash(self, a: Array, size: Expr, b: Array, other: Expr, hint: str = "") -> SymbackpropError:
        """The error for two sizes that meet on one axis."""
        self.met = (size, other)
        if size.is_Integer and other.is_Integer:
            reason = f"one axis has two sizes, {size} and {other}"
        else:
            named, second = (other, size) if size.is_Integer else (size, other)
            reason = f"axis '{shape_text([named])}' has two sizes, {shape_text([named])} and {shape_text([second])}"
        fix = hint
        for guilty, wrong, right in ((b, other, size), (a, size, other)):
            if not fix and guilty.leaf and guilty.shown.count(wrong) == 1 and (right.is_Symbol or right.is_Integer):
                wanted = shape_text([right if s == wrong else s for s in guilty.shown])
                value = f" with {self.sized(right)}" if self.sized(right) else ""
                fix = f'give {guilty.leaf} the shape "{wanted}"{value}'
        notes = ", ".join((self.described(a, size), self.described(b, other)))
        return self.error(reason, AxisError, arrays=(a, b), notes=[notes], fix=fix or "make both axes the same, or sum over one of them")

    def position(self, axis: Any, array: Array) -> int:
        """The place of the axis that the option `axis` speaks of, counted from 0."""
        if not isinstance(axis, int | Integer) or isinstance(axis, bool):
            raise self.error(f"axis={axis} is not a whole number", AxisError, fix="count axes from 0, or from the end with -1")
        if not -array.rank <= axis < array.rank:
            fix = (
                f"axes go from 0 to {array.rank - 1}, or from -{array.rank} to -1" if array.rank else "a scalar has no axes: leave axis out"
            )
            raise self.error(f"there is no axis {axis}", AxisError, notes=[self.described(array)], fix=fix)
        return int(axis) % array.rank

    def positions(self, axis: Any, array: Array) -> tuple[int, ...]:
        """The places of the axes that `axis=` speaks of: all for None."""
        if axis is None:
            return tuple(range(array.rank))
        chosen = tuple(self.position(a, array) for a in (axis if isinstance(axis, tuple) else (axis,)))
        if len(set(chosen)) != len(chosen):
            raise self.error(f"axis={axis} names an axis twice", AxisError, notes=[self.described(array)])
        return chosen


def _key(e: Equation) -> Any:
    return (e.tensor.axes, e.rhs)
