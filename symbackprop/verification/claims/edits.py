"""Edits of one part of a claim's text: what people get wrong, one slip each.

Every edit is a guess; whoever makes them keeps those after which the claim is true.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sympy import Add, Expr, Function, Rational, S, exp, tanh

from symbackprop.calculus.program import Program
from symbackprop.calculus.term import Entry, NonNegative, Positive
from symbackprop.language.nodes import Call, Derivative, Literal, Name, NewAxis, Node, Number, Slice, Subscript, walk
from symbackprop.verification.claims.reading import rebuilt
from symbackprop.verification.oracle.textbook import GAPS

REDUCTIONS = frozenset({"sum", "mean", "max", "min", "var", "std", "prod", "softmax", "log_softmax", "logsumexp", "cumsum"})
"""Ops that go along an axis."""

SMALL = Rational(1, 100)
"""A number that is added and is not larger is there to keep a divisor or a root from 0."""

MOST_GIVEN = 5
"""Tensors that are tried as a factor of each part, where there are no more of them."""

PRODUCTS = ("matmul", "multiply", "divide", "dot")

TRANSPOSE, ORDER = "transpose", "order"
"""Kinds of edits that change which axes meet."""


@dataclass(frozen=True)
class Edit:
    """What kind of slip it mends, the part, the part edited, and the whole with it."""

    kind: str
    before: Node
    after: Node
    whole: Node


def edits(node: Node, model: Program, names: bool) -> Iterator[Edit]:
    """Each edit of one part of `node`: those of ops and options; with `names` those of tensors, and of what is missing beside a part."""
    for make in LATER if names else (_transposes, _ops, _axes):
        for part in walk(node):
            for kind, new in make(part, model):
                yield Edit(kind, part, new, replaced_once(node, part, new))


Made = Iterator[tuple[str, Node]]


def _transposes(part: Node, model: Program) -> Made:
    if isinstance(part, Name | Derivative) and _rank(part, model) > 1:
        yield TRANSPOSE, Call("transpose", (part,))
        if _rank(part, model) > 2:
            yield TRANSPOSE, Call("swapaxes", (part, Number(Rational(-2)), Number(Rational(-1))))
    if isinstance(part, Call) and part.op in ("transpose", "swapaxes"):
        yield TRANSPOSE, part.args[0]


def _ops(part: Node, model: Program) -> Made:
    if isinstance(part, Number) and part.value != 0:
        yield "sign", Number(-part.value)
    if not isinstance(part, Call):
        return
    swap = {"add": "subtract", "subtract": "add", "greater": "less", "less": "greater"}
    if part.op in swap:
        yield "sign", replace(part, op=swap[part.op])
    if part.op == "negative":
        yield "sign", part.args[0]
    if part.op in ("sum", "mean"):
        yield f"a {part.op} too many", part.args[0]
    if part.op == "mean":
        yield "sum and mean", replace(part, op="sum")
    if part.op == "sum":
        yield "mean and sum", replace(part, op="mean")
    if part.op in ("matmul", "dot", "subtract", "divide") and len(part.args) == 2:
        yield ORDER, replace(part, args=part.args[::-1])
    yield from _too_many(part)
    if part.op == "multiply" and len(part.args) == 2:
        yield "matrix product", replace(part, op="matmul")
    if part.op in ("matmul", "dot") and len(part.args) == 2:
        yield "product entry by entry", replace(part, op="multiply")


def _too_many(part: Call) -> Made:
    if len(part.args) != 2:
        return
    if part.op in PRODUCTS:
        yield "a factor too many", part.args[0]
    if part.op in ("multiply", "matmul"):
        yield "a factor too many", part.args[1]
    if part.op in ("add", "subtract"):
        yield "a term too many", part.args[0]
        yield "a term too many", part.args[1] if part.op == "add" else Call("negative", (part.args[1],))
    if part.op == "power":
        yield "a power too many", part.args[0]
        if isinstance(part.args[1], Number):
            for more in (1, -1):
                yield "another power", replace(part, args=(part.args[0], Number(part.args[1].value + more)))


def _axes(part: Node, model: Program) -> Made:
    """The same op along another axis, or along one at all; with and without keepdims."""
    if not isinstance(part, Call) or part.op not in REDUCTIONS:
        return
    options = dict(part.options)
    if len(part.args) > 1:
        options["axis"] = part.args[1]
    had = options.get("axis")
    kind = "missing axis=" if had is None else "another axis"
    keeps = Literal(True) if options.get("keepdims") != Literal(True) else Literal(False)
    for number in (0, 1, -1):
        axis = Number(Rational(number))
        if axis != had:
            yield kind, replace(part, args=part.args[:1], options=tuple({**options, "axis": axis}.items()))
        if part.op in ("sum", "mean", "max", "min", "var", "std", "prod", "logsumexp"):
            yield kind, replace(part, args=part.args[:1], options=tuple({**options, "axis": axis, "keepdims": keeps}.items()))


def _other_tensors(part: Node, model: Program) -> Made:
    if isinstance(part, Name) and part.id in model.tensors:
        for t in model.tensors.values():
            if t.name != part.id and t.axes == model.tensors[part.id].axes and t.axes:
                yield "another tensor", Name(t.name)
    if isinstance(part, Derivative) and len(part.wrt) == 1 and part.of == model.objective:
        for t in model.tensors.values():
            if t.name not in (*part.wrt, part.of) and t.role != "index" and t.axes == model.tensors[part.wrt[0]].axes:
                yield "the derivative by another tensor", Derivative(part.of, (t.name,))


def _brackets(part: Node, model: Program) -> Made:
    """The part times [T > 0], for each T in whose sign the model has a kink."""
    if isinstance(part, Name | Derivative) or (isinstance(part, Call) and part.op in PRODUCTS):
        for name in kinked(model):
            condition = Call("where", (Call("greater", (Name(name), Number(S.Zero))), Number(S.One), Number(S.Zero)))
            yield "missing bracket", Call("multiply", (part, condition))


def _slopes(part: Node, model: Program) -> Made:
    """The part times the slope of a tanh or a sigmoid, in its own value."""
    if isinstance(part, Name | Derivative) or (isinstance(part, Call) and part.op in (*PRODUCTS, "subtract")):
        for name, slope in slopes(model):
            if not (isinstance(part, Name) and part.id == name):
                yield "missing local slope", Call("multiply", (part, slope))


def _small_numbers(part: Node, model: Program) -> Made:
    """The part plus a small number, or a number that is given, that the model adds somewhere."""
    if isinstance(part, Name) or (isinstance(part, Call) and part.op in ("var", "sum", "mean", "norm", "sqrt")):
        for number in small_numbers(model):
            yield "missing eps", Call("add", (part, Number(number)))
        for name in added(model):
            if part != Name(name):
                yield f"missing {name}", Call("add", (part, Name(name)))


def _complements(part: Node, model: Program) -> Made:
    """1 less the part."""
    if isinstance(part, Name):
        yield "missing 1 -", Call("subtract", (Number(S.One), part))


def _factors(part: Node, model: Program) -> Made:
    """The part times a tensor that is given, such as a mask."""
    given = [t for t in model.leaves if t.axes and t.role in ("input", "constant", "label")]
    if isinstance(part, Call) and part.op in (*PRODUCTS, "subtract", "add") and len(given) <= MOST_GIVEN:
        for t in given:
            yield "missing factor", Call("multiply", (part, Name(t.name)))


def _new_axes(part: Node, model: Program) -> Made:
    """The part along the first axis of a matrix."""
    if isinstance(part, Derivative | Call) or (isinstance(part, Name) and _rank(part, model) == 1):
        yield "missing [:, None]", Subscript(part, (Slice(None, None, None), NewAxis()))


LATER = (_other_tensors, _brackets, _slopes, _small_numbers, _complements, _factors, _new_axes)


def _rank(part: Node, model: Program) -> int:
    names = (part.id,) if isinstance(part, Name) else (part.of, *part.wrt) if isinstance(part, Derivative) else ()
    return sum(len(model.tensors[n].axes) for n in names if n in model.tensors)


def kinked(program: Program) -> list[str]:
    """The tensors under a bracket, or under a function that has a kink, in the equations of a model."""
    found: dict[str, None] = {}
    for e in program.equations:
        for f in sorted(e.rhs.atoms(Function), key=str) if isinstance(e.rhs, Expr) else ():
            if isinstance(f, Positive | NonNegative) or type(f).__name__ in GAPS:
                found.update(dict.fromkeys(a.name for a in f.args if isinstance(a, Entry)))
    return list(found)


def slopes(program: Program) -> list[tuple[str, Node]]:
    """For each tensor that is the tanh or the sigmoid of something: its name, and its slope in itself."""
    found: list[tuple[str, Node]] = []
    for e in program.equations:
        shape = _squashing(e.rhs) if isinstance(e.rhs, Expr) else None
        t = Name(e.name)
        if shape == "tanh":
            found.append((e.name, Call("subtract", (Number(S.One), Call("power", (t, Number(Rational(2))))))))
        elif shape == "sigmoid":
            found.append((e.name, Call("multiply", (t, Call("subtract", (Number(S.One), t))))))
    return found


def _squashing(rhs: Expr) -> str | None:
    """Whether a right side is a tanh or a sigmoid, by its name or spelled out."""
    name = type(rhs).__name__
    if isinstance(rhs, tanh) or name == "sigmoid":
        return "tanh" if isinstance(rhs, tanh) else name
    spelled = rhs.is_Pow and rhs.exp == -1 and rhs.base.is_Add and len(rhs.base.args) == 2 and S.One in rhs.base.args
    return "sigmoid" if spelled and any(isinstance(a, exp) for a in rhs.base.args) else None


def small_numbers(program: Program) -> list[Rational]:
    """The small positive numbers that stand as a term in an equation."""
    found: dict[Rational, None] = {}
    for e in program.equations:
        for a in e.rhs.atoms(Rational) if isinstance(e.rhs, Expr) else ():
            if 0 < a <= SMALL:
                found[a] = None
    return list(found)


def added(program: Program) -> list[str]:
    """The scalars among the arguments that stand as a term in an equation."""
    given = {t.name for t in program.leaves if not t.axes and t.role in ("input", "constant")}
    terms = [a for e in program.equations if isinstance(e.rhs, Expr) for s in e.rhs.atoms(Add) for a in s.args]
    return [a.name for a in dict.fromkeys(terms) if isinstance(a, Entry) and a.name in given]


def replaced_once(node: Node, part: Node, new: Node) -> Node:
    """`node` with the very object `part` replaced by `new`."""
    change: Callable[[Node], Node] = lambda n: new if n is part else n  # noqa: E731
    return rebuilt(node, change)
