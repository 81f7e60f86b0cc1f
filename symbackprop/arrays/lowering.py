"""From a program to the graph of array operations that computes some of its tensors."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from sympy import Expr, S, Symbol

from symbackprop.arrays.entries import Stored
from symbackprop.arrays.expression import Expressions
from symbackprop.arrays.graph import Graph, Labelled
from symbackprop.arrays.joined import WITH_ONES
from symbackprop.arrays.layout import summed_last, transposed
from symbackprop.calculus.index import Index, free_indices
from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.errors import TargetError
from symbackprop.rewriting.prepare import prepare
from symbackprop.rewriting.sign import nonnegative_tensors


@dataclass(frozen=True)
class Made:
    """A tensor that the graph computes: its equation, its node, whether that is stored transposed, and whether it only helps."""

    equation: Equation
    node: int
    transposed: bool = False
    helper: bool = False


@dataclass(frozen=True)
class Store:
    """Where an output goes: into a block of `matrix`, at the slices `rows` and `columns`. These are names in the code.

    The first `order` of the `axes` of the block are its rows. With a `pattern`, for each axis of the block an axis of the output, the
    output is added along a diagonal of the block.
    """

    matrix: str
    rows: str
    columns: str
    axes: tuple[Expr, ...]
    order: int
    pattern: tuple[int, ...] = ()


@dataclass(frozen=True)
class Lowered:
    """A graph, the tensors made on the way in order, the nodes of the outputs, and the leaves that are used."""

    graph: Graph
    made: tuple[Made, ...]
    outputs: Mapping[str, int]
    leaves: Mapping[str, int]
    copies: Mapping[str, int] = field(default_factory=dict)


def lower(program: Program, outputs: Iterable[str], functions: Container[str] | None = None) -> Lowered:
    """The array operations that compute the tensors `outputs` of `program`.

    `functions`: the elementwise functions that the target can spell; others are written out by their laws. Sizes are never looked at.
    Raises TargetError for what has no array operation.
    """
    outputs = list(outputs)
    equations = prepare(program, outputs, functions)
    flipped, uses = transposed(equations, program.tensors, program.samples)
    last = summed_last(equations)
    graph = Graph(program.samples)
    stored: dict[str, Stored] = {}
    leaves, copies, made = {}, {}, []
    for t in _leaves(program, equations, outputs):
        kind = "int" if t.role == "index" else "float"
        node = leaves[t.name] = graph.add("leaf", (), (t.name,), t.axes, kind)
        stored[t.name] = Stored(node, tuple(range(len(t.axes))), t.axes)
        if uses.get(t.name, 0) > 1:
            turned = graph.add("copy", (graph.permuted(node, (1, 0)),), (), t.axes[::-1])
            stored[t.name] = Stored(turned, (1, 0), t.axes)
            copies[t.name] = turned
    expressions = Expressions(graph, stored, nonnegative_tensors(equations), [n.gap for n in program.needs])
    for e in equations:
        kept = e.name in flipped
        order = e.indices[::-1] if kept else e.indices
        if e.tensor.role == "part" and e.name not in outputs:
            first = tuple(i for i in e.indices if i.axis == program.samples)
            order = _turned(e.indices, last[e.name]) if e.name in last else first
        x = _call(graph, e, stored, kept) if isinstance(e.rhs, Call) else expressions.lower(e.rhs, order)
        positions = tuple(e.indices.index(i) for i in x.labels)
        stored[e.name] = Stored(x.node, positions, e.tensor.axes)
        made.append(Made(e, x.node, positions == (1, 0), e.name not in program.tensors))
    results = {name: _whole(graph, stored[name]) for name in outputs}
    return Lowered(graph, tuple(made), results, leaves, copies)


def _turned(indices: tuple[Index, ...], place: int) -> tuple[Index, ...]:
    """The index at `place` last."""
    return (*indices[:place], *indices[place + 1 :], indices[place])


def _leaves(program: Program, equations: list[Equation], outputs: list[str]) -> list[Tensor]:
    used = set(outputs).union(*[e.uses() for e in equations])
    return [t for t in program.leaves if t.name in used]


def _whole(graph: Graph, x: Stored) -> int:
    """An output in its own layout, written out along every axis."""
    indices = free_indices(x.axes)
    return graph.full(graph_labelled(x, indices), indices).node


def graph_labelled(x: Stored, indices: tuple) -> Labelled:
    """A stored tensor with the labels of `indices`, one for each of its own axes."""
    return Labelled(x.node, tuple(indices[p] for p in x.positions))


def _call(graph: Graph, e: Equation, stored: Mapping[str, Stored], flip: bool) -> Labelled:
    """A primitive call: a largest entry, or a whole-tensor op."""
    call = e.rhs
    tensors = [stored[n] for n in call.arguments]
    if call.op == WITH_ONES:
        place = call.option("axis")
        source = tuple(free_indices(tensors[0].axes, "_r")[k] if k == place else i for k, i in enumerate(e.indices))
        return graph.pad(Labelled(_whole(graph, tensors[0]), source), source[place], e.indices[place], S.Zero, filled="ones")
    if call.op in ("max", "finite_max", "min", "sum", "prod"):
        x = tensors[0]
        axis = call.option("axis")
        over = range(len(x.axes)) if axis is None else [a % len(x.axes) for a in (axis if isinstance(axis, tuple) else (axis,))]
        kept = [k for k in range(len(x.axes)) if k not in over]
        keepdims = len(e.tensor.axes) == len(x.axes)
        own = [e.indices[k if keepdims else kept.index(k)] if k in kept else free_indices(x.axes, "_r")[k] for k in range(len(x.axes))]
        whole = graph.full(graph_labelled(x, tuple(own)), own) if len(x.positions) < len(x.axes) else graph_labelled(x, tuple(own))
        return graph.reduce(call.op, whole, [own[k] for k in over])
    arguments = [_whole(graph, x) for x in tensors]
    if any(isinstance(v, Expr | Symbol) for _, v in call.options):
        raise TargetError(f"no array operation for {call.op} with a symbolic option", place=f"equation {e.name}")
    node = graph.add("call", arguments, (call.op, call.options), e.tensor.axes)
    return Labelled(node, e.indices)
