"""A graph in two stages: what does not depend on some leaves, computed once, and what does, computed for each value of these.

Products with a matrix at one point (conjugate gradients) so share the forward pass, the masks and all else that the vector leaves alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from symbackprop.lower.graph import VIEWS, Graph, Node
from symbackprop.lower.lowering import Lowered


@dataclass(frozen=True)
class Stages:
    """`before` computes the nodes `kept` (its outputs, by made-up names); `after` is what is left to do once they are there."""

    before: Lowered
    lowered: Lowered
    kept: Mapping[str, int]

    def after(self, names: Mapping[str, str]) -> Lowered:
        """The second stage, where the kept nodes are arrays under the `names` that the first stage gave them."""
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
    moves = [False] * len(graph.nodes)
    for name in changing:
        if name in lowered.leaves:
            moves[lowered.leaves[name]] = True
    for k, node in enumerate(graph.nodes):
        moves[k] = moves[k] or any(moves[a] for a in node.args)
    needed, stack = set(), list(lowered.outputs.values())
    while stack:
        n = stack.pop()
        if n not in needed:
            needed.add(n)
            stack += graph[n].args
    kept: dict[str, int] = {}

    def keep(n: int) -> None:
        while graph[n].op in VIEWS:
            n = graph[n].args[0]
        if graph[n].op not in ("leaf", "size") and n not in kept.values():
            kept[f"kept {n}"] = n

    for n in sorted(needed):
        if moves[n]:
            for a in graph[n].args:
                if not moves[a]:
                    keep(a)
    for n in lowered.outputs.values():
        if not moves[n]:
            keep(n)
    made = tuple(m for m in lowered.made if not moves[m.node])
    return Stages(replace(lowered, made=made, outputs=kept), lowered, kept)
