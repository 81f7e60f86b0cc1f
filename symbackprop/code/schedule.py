"""The order of statements, which operations share a statement, and which may overwrite a dead array.

A tensor of the model has a statement of its own, under a comment with its formula. An operation that is used once and makes
nothing worth keeping stands inside the statement that uses it. An array that nothing needs any more is overwritten by the
next elementwise operation of its shape, never an argument of the function.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr

from symbackprop.arrays.graph import VIEWS, Graph
from symbackprop.arrays.lowering import Lowered, Made

FREE = ("leaf", "size", *VIEWS)
"""Operations without a statement of their own."""
ENOUGH = 4
"""So many products must still come for it to be worth a line that an array goes before the function ends."""


@dataclass(frozen=True)
class Step:
    """One statement: `node` gets the name `name`; with `base` it is computed into the array of that node.

    `dead`: names of a large array that nothing needs after this statement.
    """

    node: int
    name: str
    base: int | None = None
    made: Made | None = None
    dead: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The statements in order, and the names of leaves and nodes."""

    graph: Graph
    steps: tuple[Step, ...]
    names: Mapping[int, str]


def schedule(
    lowered: Lowered, names: Mapping[str, str], overwritable: Collection[str], kept: Iterable[int] = (), reserved: Collection[str] = ()
) -> Plan:
    """Statements for the outputs of `lowered`.

    `names`: what tensors are called in the code, where that is not their own name. `overwritable`: functions that can write
    into a given array; where none can, a statement holds all that is used once. `kept`: nodes that get a statement of their own
    whatever else (so that lines stay short). `reserved`: names that mean something else.
    """
    graph = lowered.graph
    outputs = list(lowered.outputs.values())
    uses = _uses(graph, outputs)
    first = {}
    for m in lowered.made:
        if m.node in uses and graph[m.node].op not in FREE:
            first.setdefault(m.node, m)
    own = _statements(graph, uses, first, outputs, set(kept), bool(overwritable))
    order = _order(graph, [m for m in lowered.made if m.node in first], outputs, own)
    bases = _overwrites(graph, order, outputs, own, overwritable) if overwritable else {}
    alone = {n for n in order if len(uses[n]) == 1}
    called = _names(lowered, order, {n: b for n, b in bases.items() if b in alone}, first, names, reserved)
    last = _last_reads(graph, order, outputs, own)
    dead = _dead(graph, order, bases, called, last) if overwritable else {}
    steps = tuple(Step(n, called[n], bases.get(n), first.get(n), dead.get(n, ())) for n in order)
    return Plan(graph, steps, called)


def _uses(graph: Graph, outputs: Sequence[int]) -> dict[int, list[int]]:
    """For every node that the outputs need, the nodes that use it."""
    uses: dict[int, list[int]] = {n: [] for n in outputs}
    for n in range(len(graph.nodes) - 1, -1, -1):
        if n in uses:
            for a in graph[n].args:
                uses.setdefault(a, []).append(n)
    return uses


def _statements(
    graph: Graph, uses: Mapping[int, list[int]], first: Mapping[int, Made], outputs: Sequence[int], kept: set[int], in_place: bool
) -> set[int]:
    """The nodes that get a statement of their own; with `in_place` also what is made in several, or can be overwritten."""
    own = set(kept)
    for n, users in uses.items():
        node = graph[n]
        if node.op in FREE:
            continue
        through = _real_users(graph, uses, n)
        named = n in first and not first[n].helper
        several = ("pad", "gather", "embed", "on_diagonal") if in_place else ()
        if named or n in outputs or len(users) > 1 or node.op in several:
            own.add(n)
        elif in_place and node.axes and node.kind == "float":
            # What the next operation can overwrite is worth a line, and so is a product.
            same = node.op != "full" and any(graph[u].op == "apply" and n in graph[u].args and graph[u].axes == node.axes for u in users)
            heavy = node.op in ("dot", "matmul", "tensordot", "einsum", "copy", "broadcast", "call")
            wide = node.op == "apply" and len(node.axes) > 1 and any(graph[u].op != "apply" for u in through)
            if same or heavy or wide:
                own.add(n)
    return own


def _real_users(graph: Graph, uses: Mapping[int, list[int]], n: int) -> list[int]:
    """The users of `n`, seen through views."""
    found = []
    for u in uses[n]:
        found += _real_users(graph, uses, u) if graph[u].op in VIEWS else [u]
    return found


def _order(graph: Graph, made: Sequence[Made], outputs: Sequence[int], own: set[int]) -> list[int]:
    """Equation by equation; an output as soon as all it needs is there, so that arrays die early."""
    order: list[int] = []
    done: set[int] = set()

    def visit(n: int) -> None:
        stack = [(n, False)]
        while stack:
            k, ready = stack.pop()
            if k in done:
                continue
            if ready:
                done.add(k)
                if k in own:
                    order.append(k)
            else:
                stack.append((k, True))
                stack += [(a, False) for a in reversed(graph[k].args)]

    def ready_outputs() -> Iterable[int]:
        return [n for n in outputs if n not in done and all(_bottom(graph, a) <= done for a in graph[n].args)]

    for m in made:
        visit(m.node)
        if outputs[0] in done:
            for n in ready_outputs():
                visit(n)
    for n in outputs:
        visit(n)
    return order


def _bottom(graph: Graph, n: int) -> set[int]:
    """The nodes that `n` looks through to: itself, or what a view is a view of; leaves and numbers are always there."""
    n = graph.base(n)
    if graph[n].op in ("leaf", "size") or (graph[n].op == "full" and len(graph[n].axes) < 2):
        return set()
    return {n}


def _reads(graph: Graph, n: int, own: set[int]) -> set[int]:
    """The nodes with names that the statement of `n` reads."""
    found, stack = set(), list(graph[n].args)
    while stack:
        k = stack.pop()
        if k in own or graph[k].op == "leaf":
            found.add(k)
        else:
            stack += graph[k].args
    return found


def _last_reads(graph: Graph, order: Sequence[int], outputs: Sequence[int], own: set[int]) -> dict[int, int]:
    """For each named node the place of the last statement that reads it; past the end for what is returned."""
    last: dict[int, int] = {}
    for place, n in enumerate(order):
        last |= dict.fromkeys(_reads(graph, n, own), place)
    for n in outputs:
        last |= dict.fromkeys({n} if n in own else _reads(graph, n, own), len(order))
    return last


def _dead(
    graph: Graph, order: Sequence[int], bases: Mapping[int, int], called: Mapping[int, str], last: Mapping[int, int]
) -> dict[int, tuple[str, ...]]:
    """After which statement an array of two axes or more may go, if many products are still to come.

    In a deep network the arrays of one layer then lie where those of the last one were: less memory to touch, and so less time.
    """
    products = [0]
    for n in order:
        products.append(products[-1] + (graph[n].op in ("dot", "matmul", "tensordot") and len(graph[n].axes) > 1))
    chains: dict[int, list[int]] = {}
    root: dict[int, int] = {}
    for n in order:
        root[n] = root[bases[n]] if n in bases else n
        chains.setdefault(root[n], []).append(n)
    dead: dict[int, tuple[str, ...]] = {}
    for chain in chains.values():
        place = max(last.get(n, len(order)) for n in chain)
        if len(graph[chain[0]].axes) > 1 and place < len(order) and products[-1] - products[place + 1] >= ENOUGH:
            names = tuple(dict.fromkeys(called[n] for n in chain))
            dead[order[place]] = (*dead.get(order[place], ()), *names)
    return dead


def _overwrites(graph: Graph, order: Sequence[int], outputs: Sequence[int], own: set[int], overwritable: Collection[str]) -> dict[int, int]:
    """For each statement that may be computed in place: the operand whose array it takes over."""
    last = _last_reads(graph, order, outputs, own)
    bases: dict[int, int] = {}
    for place, n in enumerate(order):
        node = graph[n]
        if node.op == "on_diagonal":
            (whole,) = _bottom(graph, node.args[0]) or {node.args[0]}
            if whole in own and last[whole] == place and graph[whole].op != "leaf":
                bases[n] = whole
            continue
        if node.op == "apply" and node.axes and node.kind == "float" and node.info[0] in overwritable:
            into = node.args
        else:
            continue
        for a in into:
            if a in own and graph[a].axes == node.axes and graph[a].kind == "float" and last[a] == place and graph[a].op != "leaf":
                bases[n] = a
                break
    return bases


def _names(
    lowered: Lowered,
    order: Sequence[int],
    bases: Mapping[int, int],
    first: Mapping[int, Made],
    names: Mapping[str, str],
    reserved: Collection[str],
) -> dict[int, str]:
    """A name for every leaf and statement: the tensor's, else that of the tensor its array becomes, else t1, t2, ..."""
    graph = lowered.graph
    called = {n: names.get(name, name) for name, n in lowered.leaves.items()}
    own = {names.get(m.equation.name, m.equation.name) for m in lowered.made if not m.helper}
    taken = {*called.values(), *reserved}

    def free(name: str) -> str:
        number, made = 1, name
        while made in taken:
            number += 1
            made = f"{name}_{number}"
        taken.add(made)
        return made

    becomes = {base: n for n, base in bases.items()}
    for name, n in lowered.copies.items():
        called[n] = free(f"{names.get(name, name)}_T")
    for n in order:
        if n in first:
            m = first[n]
            name = names.get(m.equation.name, m.equation.name)
            called[n] = free(f"{name}_T" if m.transposed else name)
    taken |= own
    for n in reversed(order):
        if n not in called and becomes.get(n) in called:
            called[n] = called[becomes[n]]
    count = 0
    for n in order:
        end = n
        while end in becomes and end not in called:
            end = becomes[end]
        if n not in called and end in called:
            called[n] = called[end]
        elif n not in called:
            node = graph[n]
            if node.op == "store":
                called[n] = ""
                continue
            if node.op == "full" and len(node.axes) == 1 and graph[node.args[0]].info[0] in (0, 1):
                called[n] = free(f"{'zeros' if graph[node.args[0]].info[0] == 0 else 'ones'}_{size_name(node.axes[0])}")
            else:
                count += 1
                called[n] = called[end] = free(f"t{count}")
    return called


def size_name(size: Expr) -> str:
    """A size as a part of a name: n, or n_less_1 for n - 1."""
    return re.sub(r"\W+", "_", str(size).replace("-", "less").replace("+", "plus").replace("*", "times").replace("/", "by")).strip("_")
