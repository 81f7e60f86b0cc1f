"""The body of a generated function: statements with their formulas and shapes, and what they need defined before them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sympy import Expr

from symbackprop.arrays.graph import VIEWS
from symbackprop.arrays.lowering import Lowered, Store, lower
from symbackprop.arrays.stages import nodes_behind, stages
from symbackprop.calculus.program import Program
from symbackprop.code.formula import formula
from symbackprop.code.in_place import InPlaceWriter
from symbackprop.code.layout_text import WIDTH, wrapped
from symbackprop.code.names import RESERVED, Names
from symbackprop.code.schedule import schedule
from symbackprop.code.spelling import Spelling
from symbackprop.code.writing import Line, Writer


@dataclass(frozen=True)
class Body:
    """Statements, what they return, and what they lean on; `reads` are the arrays that they are given, by their names in the code."""

    lines: tuple[str, ...]
    results: Mapping[str, str]
    sizes: tuple[Expr, ...]
    dtype: bool
    reads: tuple[str, ...]
    helpers: frozenset[str] = field(default_factory=frozenset)
    assigned: frozenset[str] = field(default_factory=frozenset)


def body(
    program: Program,
    outputs: Iterable[str],
    spelling: Spelling,
    names: Names,
    reserved: Collection[str] = RESERVED,
    stores: Mapping[str, Store] = MappingProxyType({}),
) -> Body:
    """The statements that compute `outputs`; two outputs never share memory, nor do an output and an argument.

    `stores`: outputs that are written into a matrix instead of being returned.
    """
    lowered = _separate(lower(program, list(outputs), spelling.known), spelling, stores)
    return _written(program, lowered, spelling, names, reserved)


def staged(
    program: Program,
    outputs: Iterable[str],
    changing: Iterable[str],
    spelling: Spelling,
    names: Names,
    reserved: Collection[str] = RESERVED,
    early: Collection[str] = (),
) -> tuple[Body, Body]:
    """The statements that compute `outputs` in two stages: what does not depend on the leaves `changing`, and what does.

    The second stage reads arrays of the first by their names, overwrites none of them, and uses none of these names for something else.
    `early` are outputs of the first stage.
    """
    lowered = lower(program, [*early, *outputs], spelling.known)
    late = {name: n for name, n in lowered.outputs.items() if name not in early}
    parted = stages(replace(lowered, outputs=late), changing)
    before = _separate(replace(parted.before, outputs={name: lowered.outputs[name] for name in early}), spelling)
    first = _written(program, replace(before, outputs={**before.outputs, **parted.before.outputs}), spelling, names, reserved)
    after = _separate(parted.after(first.results), spelling)
    return first, _written(program, after, spelling, names, {*reserved, *first.assigned})


def _written(program: Program, lowered: Lowered, spelling: Spelling, names: Names, reserved: Collection[str]) -> Body:
    """A graph as statements, no line too long."""
    kept: set[int] = set()
    reserved = {*reserved, *[names.size(a) for a in program.axes]}
    while True:
        plan = schedule(lowered, names.tensors, spelling.overwriting, kept, reserved)
        writer = (InPlaceWriter if spelling.statements else Writer)(plan, spelling, names.sizes)
        lines = writer.lines()
        # Of a statement that is too long, the largest part gets a line of its own.
        parts = {n for line in lines if len(line.text) > WIDTH - 4 for n in _parts(plan, line)} - kept
        if not parts:
            break
        kept |= parts
    results = {name: writer.text(n).text for name, n in lowered.outputs.items()}
    behind = nodes_behind(lowered.graph, lowered.outputs.values())
    reads = [names.tensors.get(name, name) for name, n in lowered.leaves.items() if n in behind]
    return Body(
        tuple(_commented(program, lowered, lines, spelling)),
        results,
        tuple(writer.sizes),
        writer.dtype,
        tuple(dict.fromkeys(reads)),
        frozenset(writer.helpers),
        frozenset(plan.names.values()),
    )


def _separate(lowered: Lowered, spelling: Spelling, stores: Mapping[str, Store] = MappingProxyType({})) -> Lowered:
    """Outputs are stored, or else, where arrays can be written into, never an argument, a part of one, or another output's array."""
    graph = lowered.graph
    outputs: dict[str, int] = {}
    seen: set[int] = set()
    for name, n in lowered.outputs.items():
        if name in stores:
            place = stores[name]
            before = [outputs[k] for k in outputs if place.pattern and k in stores]  # what is added is added to what is there
            outputs[name] = graph.add("store", (n, *before[-1:]), (place,))
            continue
        base = graph.base(n)
        if spelling.statements and graph[n].axes and (base in seen or graph[base].op == "leaf"):
            n = graph.add("copy", (n,), (len(outputs),), graph[n].axes)
        seen.add(base)
        outputs[name] = n
    return Lowered(graph, lowered.made, outputs, lowered.leaves, lowered.copies)


def _parts(plan, line: Line) -> list[int]:
    """Operands of a statement that could stand on a line of their own."""
    found = []
    stack = list(plan.graph[line.step.node].args)
    while stack:
        n = stack.pop()
        if n not in plan.names:
            if plan.graph[n].op in ("leaf", "size", *VIEWS):
                stack += plan.graph[n].args
            else:
                found.append(n)
    return found


def _commented(program: Program, lowered: Lowered, lines: list[Line], spelling: Spelling) -> Iterable[str]:
    """The statements, each tensor's formula above its first, shapes beside those that make an array."""
    mark = spelling.comment
    shown = {line.step.made.node: line.step.made.equation for line in lines if line.step.made}
    equations = {m.equation.name: m.equation for m in lowered.made}
    inside = {}
    for m in lowered.made:
        e = m.equation
        if m.node not in shown and m.helper:
            inside[e.name] = e
        elif m.helper and (same := shown[m.node]).name != e.name:  # computed already, under another name
            inside[e.name] = replace(e, rhs=same.tensor[e.indices])
    axes = {n: t.axes for n, t in program.tensors.items()} | {n: e.tensor.axes for n, e in equations.items()}
    last = {line.step.node: line for line in lines}
    pending: list[Line] = []
    backward = False
    for line in lines:
        pending.append(line)
        made = line.step.made
        if made is None or line is not last[line.step.node]:
            continue
        if made.equation.tensor.role == "adjoint" and not backward:
            backward = True
            yield ""
        yield from wrapped(formula(made.equation, axes, inside), f"{mark} ", f"{mark}     ")
        yield from (_with_shape(p, mark) for p in pending)
        pending = []
    yield from (_with_shape(p, mark) for p in pending)


def _with_shape(line: Line, mark: str) -> str:
    """The statement with its shape, where it is not an update in place and there is room."""
    if not line.shape or not line.text.startswith(f"{line.step.name} = "):
        return line.text
    whole = f"{line.text}  {mark} {line.shape}"
    return whole if len(whole) <= WIDTH - 4 else line.text
