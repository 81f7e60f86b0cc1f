"""A graph in two stages: what does not depend on some leaves, computed once, and what does, computed for each value of these.

Products with a matrix at one point (conjugate gradients) so share the forward pass, the masks and all else that the vector leaves alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from symbackprop.arrays.graph import DTYPE, VIEWS, Graph, Node
from symbackprop.arrays.lowering import Lowered


@dataclass(frozen=True)
class Stages:
    """`before` computes what the second stage needs, as outputs with made-up names; `kept` says which node of `lowered` each stands for."""

    before: Lowered
    lowered: Lowered
    kept: Mapping[str, int]

    def after(self, names: Mapping[str, str]) -> Lowered:
        """The second stage, where what is kept are arrays under the `names` that the first stage gave them."""
        graph = Graph(self.lowered.graph.samples)
        called = {node: names[name] for name, node in self.kept.items()}
        for k, node in enumerate(self.lowered.graph.nodes):
            graph.place(Node("leaf", (), (called[k],), node.axes, node.kind) if k in called else node)
        leaves = {**self.lowered.leaves, **{called[k]: k for k in called}}
        copies = {name: n for name, n in self.lowered.copies.items() if n not in called}
        made = tuple(m for m in self.lowered.made if m.node not in called)
        return Lowered(graph, made, self.lowered.outputs, leaves, copies)


def stages(lowered: Lowered, changing: Iterable[str]) -> Stages:
    """`lowered` parted into what depends on the leaves `changing` and what does not."""
    graph = lowered.graph
    moves = _moving(lowered, changing)
    needed = nodes_behind(graph, lowered.outputs.values())
    kept = [n for n in lowered.outputs.values() if not moves[n]]
    for n in sorted(needed):
        if moves[n]:
            kept += [a for a in graph[n].args if not moves[a]]
    bases = dict.fromkeys(b for b in map(graph.base, kept) if graph[b].op not in ("leaf", "size"))
    users = {n: [m for m in sorted(needed) if moves[m] and n in _through_views(graph, m)] for n in bases}
    made = {f"kept {n}": n for n in bases}
    before = {name: _as_factor(graph, n, users[n]) for name, n in made.items()}
    shown = tuple(m for m in lowered.made if not moves[m.node])
    return Stages(replace(lowered, made=shown, outputs=before), lowered, made)


def _moving(lowered: Lowered, changing: Iterable[str]) -> list[bool]:
    """For each node whether it depends on one of the leaves `changing`."""
    moves = [False] * len(lowered.graph.nodes)
    for name in changing:
        if name in lowered.leaves:
            moves[lowered.leaves[name]] = True
    for k, node in enumerate(lowered.graph.nodes):
        moves[k] = moves[k] or any(moves[a] for a in node.args)
    return moves


def nodes_behind(graph: Graph, outputs: Iterable[int]) -> set[int]:
    """The nodes that some outputs are computed from, these included."""
    found, stack = set(), list(outputs)
    while stack:
        n = stack.pop()
        if n not in found:
            found.add(n)
            stack += graph[n].args
    return found


def _through_views(graph: Graph, n: int) -> list[int]:
    """The operands of a node, views of an array as that array."""
    return [graph.base(a) for a in graph[n].args]


def _as_factor(graph: Graph, n: int, users: Sequence[int]) -> int:
    """A mask that only multiplies as numbers: NumPy multiplies these faster than truth values, and it is used for every vector."""
    multiplies = all(graph[m].op == "cast" or (graph[m].op == "apply" and graph[m].info == ("multiply",)) for m in users)
    if graph[n].kind != "bool" or not multiplies or any(graph[m].op in VIEWS for m in users):
        return n
    return graph.add("cast", (n,), (DTYPE,), graph[n].axes)
