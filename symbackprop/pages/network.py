"""The network as a picture: boxes in columns by depth, leaves above the equation that first uses them."""

from collections.abc import Sequence
from dataclasses import replace

from symbackprop.calculus.index import shape_text
from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.typesetting.blocks import Box, Graph
from symbackprop.typesetting.index_form import Writer


def network(program: Program, writer: Writer, forward: Sequence[Equation]) -> Graph:
    """Boxes and arrows of the forward equations."""
    depth: dict[str, int] = {}
    for e in forward:
        depth[e.name] = 1 + max((depth[u] for u in e.uses() if u in depth), default=0)
    filled: dict[int, int] = {}
    boxes, placed = [], set()
    for e in forward:
        row = filled.get(depth[e.name], 0)
        filled[depth[e.name]] = row + 1
        boxes.append(_box(program, writer, e.name, depth[e.name], row))
    above: dict[int, int] = {}
    order = {name: k for k, name in enumerate(program.tensors)}
    leaves = {t.name for t in program.leaves}
    for e in forward:
        for name in sorted((e.uses() & leaves) - placed, key=order.__getitem__):
            placed.add(name)
            at_start = depth[e.name] == 1 and program.tensors[name].role == "input" and 0 not in filled
            column = 0 if at_start else depth[e.name]
            if at_start:
                filled[0] = 1
                boxes.append(_box(program, writer, name, 0, 0))
                continue
            above[column] = above.get(column, 0) + 1
            boxes.append(_box(program, writer, name, column, -above[column]))
    arrows = tuple((u, e.name) for e in forward for u in sorted(e.uses(), key=order.__getitem__))
    return Graph(tuple(boxes), arrows)


def _box(program: Program, writer: Writer, name: str, column: int, row: int) -> Box:
    tensor = program.tensors[name]
    kind = "objective" if name == program.objective else tensor.role
    return Box(name, writer.names(name), shape_text(tensor.axes).replace(" ", " × "), kind, column, row)


def nearest_parameter(program: Program, output: str) -> str | None:
    """The first parameter that `output` is computed from directly, or with the fewest equations between; None if there is none."""
    uses = {e.name: e.uses() for e in program.equations if not e.tensor.is_derived}
    parameters = [t.name for t in program.parameters]
    seen, waiting = {output}, {output}
    while waiting:
        used = {u for name in waiting for u in uses.get(name, ())}
        for name in parameters:
            if name in used:
                return name
        waiting = used - seen
        seen |= used
    return None


def depending(program: Program, name: str) -> Program:
    """Only the equations that depend on `name`, and the calls, from which facts follow: all that a derivative by it needs."""
    reach = {name}
    for e in program.equations:
        if e.uses() & reach:
            reach.add(e.name)
    return replace(program, equations=tuple(e for e in program.equations if e.name in reach or isinstance(e.rhs, Call)))


def path(program: Program, output: str, name: str) -> tuple[str, ...] | None:
    """The tensors from `output` down to `name` if exactly one path leads there, else None."""
    uses = {e.name: sorted(e.uses()) for e in program.equations if not e.tensor.is_derived}
    counted: dict[str, int] = {name: 1}

    def ways(at: str) -> int:
        if at not in counted:
            counted[at] = sum(ways(u) for u in uses.get(at, ()))
        return counted[at]

    for made in uses:
        ways(made)
    if ways(output) != 1:
        return None
    way = [output]
    while way[-1] != name:
        way.append(next(u for u in uses[way[-1]] if ways(u)))
    return tuple(way)
