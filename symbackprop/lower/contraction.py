"""Sums of products as array operations: elementwise where the indices agree, then matrix products, einsum as the last resort.

Every function takes labelled arrays and returns one. Sizes are never looked at: where an order must be chosen, all
axes count the same.
"""

from collections.abc import Iterable, Sequence
from functools import reduce

import opt_einsum
from sympy import Mul

from symbackprop.contract import LONG
from symbackprop.index import Index
from symbackprop.lower.graph import Graph, Labelled, ordered

NOMINAL = 100
"""The size every axis is taken to have when the order of products is chosen."""

LETTERS = "ijklmnopqrstuvwxyzabcdefgh"


def multiply(graph: Graph, factors: Sequence[Labelled], order: Sequence[Index] | None = None) -> Labelled:
    """The elementwise product; factors with the same indices first, few indices before many, so that work stays small."""
    groups: dict[frozenset, list[Labelled]] = {}
    for x in factors:
        groups.setdefault(frozenset(x.labels), []).append(x)
    parts = []
    for group in groups.values():
        parts.append(reduce(lambda x, y: _product(graph, x, y, order), group))
    parts.sort(key=lambda x: (len(x.labels), graph[x.node].kind == "bool"))
    while len(parts) > 1:
        x, y = parts[0], parts[1]
        parts = sorted([*parts[2:], _product(graph, y, x, order)], key=lambda x: len(x.labels))
    return parts[0]


def _product(graph: Graph, x: Labelled, y: Labelled, order: Sequence[Index] | None) -> Labelled:
    if x == y:
        return graph.apply("square", [x], order)
    if graph[x.node].kind == "bool" and graph[y.node].kind != "bool":
        x, y = y, x
    return graph.apply("multiply", [x, y], order)


def contract(graph: Graph, factors: Sequence[Labelled], bound: Sequence[Index], order: Sequence[Index] | None = None) -> Labelled:
    """The sum over `bound` of the product of `factors`, labelled in the order of `order`."""
    used = {i for x in factors for i in x.labels}
    missing = Mul(*[i.axis for i in bound if i not in used])
    bound = [i for i in bound if i in used]
    if missing != 1:
        rest = contract(graph, factors, bound, order) if factors else graph.size(1)
        return scaled(graph, rest, missing)
    if not bound:
        return multiply(graph, factors, order) if factors else graph.size(1)
    operands = _merged(graph, factors, bound)
    keep = {i for x in operands for i in x.labels if i not in bound}
    if len(operands) > 2:
        operands = _in_order(graph, operands, keep)
    if len(operands) == 1:
        return _sum(graph, operands[0], bound)
    return pair(graph, operands[0], operands[1], keep, order)


def scaled(graph: Graph, x: Labelled, by) -> Labelled:
    """`x` times a number made of sizes: a number is divided where that reads better, an array multiplied (cheaper)."""
    if by == 1:
        return x
    known = graph.value(x)
    if known is not None:
        return graph.size(known * by)
    if by == -1:
        return graph.apply("negative", [x if graph[x.node].kind == "int" else graph.as_float(x)])
    if graph[x.node].kind == "int" and by.is_integer:
        return graph.apply("multiply", [x, graph.size(by)])
    x = graph.as_float(x)
    if x.labels:
        node = graph[x.node]
        if node.op == "apply" and node.info == ("multiply",) and (number := graph.value(Labelled(node.args[1]))) is not None:
            return scaled(graph, Labelled(node.args[0], x.labels), number * by)
        return graph.apply("multiply", [x, graph.size(by)])
    over, under = by.as_numer_denom()
    if by.is_Rational and max(abs(over), under) > LONG:
        return graph.apply("multiply", [x, graph.size(by)])
    if over.could_extract_minus_sign():
        x, over = graph.apply("negative", [x]), -over
    if over != 1:
        x = graph.apply("multiply", [x, graph.size(over)])
    return graph.apply("divide", [x, graph.size(under)]) if under != 1 else x


def _merged(graph: Graph, factors: Sequence[Labelled], bound: Sequence[Index]) -> list[Labelled]:
    """Factors over the same indices multiplied together, unless two of them are all there is: that is one product."""
    if len(factors) == 2:
        return list(factors)
    groups: dict[frozenset, list[Labelled]] = {}
    for x in factors:
        groups.setdefault(frozenset(x.labels), []).append(x)
    if len(groups) == 1:
        only = next(iter(groups.values()))
        return [multiply(graph, only[:-1]), only[-1]] if len(only) > 1 else only
    operands = [multiply(graph, g) for g in groups.values()]
    masks = [x for x in operands if graph[x.node].kind == "bool"]
    for mask in masks:  # a mask goes into a factor that has all its indices, if there is one
        host = next((x for x in operands if x is not mask and set(mask.labels) <= set(x.labels)), None)
        if host is not None:
            operands = [x for x in operands if x is not mask and x is not host] + [multiply(graph, [host, mask])]
    scales = [x for x in operands if len(x.labels) == 1 and sum(set(x.labels) < set(y.labels) for y in operands) > 1]
    for scale in scales:  # a weight per row costs nothing next to a product; into the factor with fewest indices
        if len(operands) > 2:
            host = min((y for y in operands if set(scale.labels) < set(y.labels)), key=lambda y: len(y.labels), default=None)
            if host is not None:
                operands = [multiply(graph, [host, scale]) if x is host else x for x in operands if x is not scale]
    return operands


def _in_order(graph: Graph, operands: list[Labelled], keep: set[Index]) -> list[Labelled]:
    """All but the last product done, in the cheapest order for axes of one nominal size."""
    labels = list(dict.fromkeys(i for x in operands for i in x.labels))
    letter = {i: opt_einsum.get_symbol(k) for k, i in enumerate(labels)}
    text = ",".join("".join(letter[i] for i in x.labels) for x in operands)
    text += "->" + "".join(letter[i] for i in labels if i in keep)
    shapes = [(NOMINAL,) * len(x.labels) for x in operands]
    path, _ = opt_einsum.contract_path(text, *shapes, shapes=True, optimize="dp" if len(operands) > 6 else "optimal")
    for step in path[:-1]:
        chosen = [operands[k] for k in sorted(step)]
        operands = [x for k, x in enumerate(operands) if k not in step]
        later = keep.union(*[x.labels for x in operands])
        operands.append(pair(graph, chosen[0], chosen[1], later) if len(chosen) == 2 else multiply(graph, chosen))
    return operands


def _sum(graph: Graph, x: Labelled, over: Iterable[Index]) -> Labelled:
    return graph.reduce("sum", x, over)


def pair(graph: Graph, a: Labelled, b: Labelled, keep: set[Index], order: Sequence[Index] | None = None) -> Labelled:
    """The product of two arrays, summed over every index that is not in `keep`."""
    a = _sum(graph, a, set(a.labels) - set(b.labels) - keep)
    b = _sum(graph, b, set(b.labels) - set(a.labels) - keep)
    both = [i for i in a.labels if i in b.labels]
    summed = [i for i in both if i not in keep]
    batch = [i for i in both if i in keep]
    if not summed:
        return _outer(graph, a, b, order)
    a, b = graph.as_float(a), graph.as_float(b)
    rows = [i for i in a.labels if i not in both]
    columns = [i for i in b.labels if i not in both]
    if batch:
        return _batched(graph, a, b, batch, summed, rows, columns, order)
    if not rows and not columns:
        if len(summed) == 1:
            return Labelled(graph.add("dot", (a.node, b.node)))
        if a.node == b.node or _plain(graph, a, a.labels) <= _plain(graph, b, a.labels):
            return Labelled(graph.add("vdot", (a.node, graph.view(b, a.labels))))
        return Labelled(graph.add("vdot", (graph.view(a, b.labels), b.node)))
    if len(summed) == 1 and len(rows) <= 1 and len(columns) <= 1:
        return _dot(graph, a, b, summed[0], rows, columns, order)
    if ordered((*rows, *columns), order)[0] in columns:
        a, b, rows, columns = b, a, columns, rows
    pairs = (tuple(a.labels.index(i) for i in summed), tuple(b.labels.index(i) for i in summed))
    labels = (*rows, *columns)
    return Labelled(graph.add("tensordot", (a.node, b.node), pairs, [i.axis for i in labels]), labels)


def _plain(graph: Graph, x: Labelled, labels: Sequence[Index]) -> int:
    """How often the entries of `x` must be moved to lie in the order `labels`."""
    return int(tuple(x.labels) != tuple(labels)) + int(graph[x.node].op in ("view", "slice"))


def _dot(
    graph: Graph, a: Labelled, b: Labelled, k: Index, rows: list[Index], columns: list[Index], order: Sequence[Index] | None
) -> Labelled:
    """A matrix product, or one of a matrix and a vector, in the orientation that needs no transpose of the result."""
    labels = ordered((*rows, *columns), order)
    if (columns and labels[0] == columns[0]) or (not columns and a.labels[0] == k):
        a, b, rows, columns = b, a, columns, rows
    left, right = graph.view(a, (*rows, k)), graph.view(b, (k, *columns))
    return Labelled(graph.add("dot", (left, right), (), [i.axis for i in labels]), labels)


def _outer(graph: Graph, a: Labelled, b: Labelled, order: Sequence[Index] | None) -> Labelled:
    """A product without a sum. Where each side brings an index of its own and they share one, einsum writes it fastest."""
    if graph.value(a) is None and graph.value(b) is None:
        shared, mine, other = set(a.labels) & set(b.labels), set(a.labels) - set(b.labels), set(b.labels) - set(a.labels)
        if shared and mine and other:
            return _einsum(graph, a, b, ordered((*a.labels, *[i for i in b.labels if i in other]), order))
    return multiply(graph, [a, b], order)


def _batched(graph, a, b, batch, summed, rows, columns, order) -> Labelled:
    """One product for each value of the `batch` indices: matmul where there are matrices, else einsum."""
    if len(summed) == 1 and len(rows) == 1 and len(columns) == 1:
        lead = ordered(batch, order)
        if order is not None and order.index(columns[0]) < order.index(rows[0]):
            a, b, rows, columns = b, a, columns, rows
        labels = (*lead, *rows, *columns)
        left, right = graph.view(a, (*lead, *rows, *summed)), graph.view(b, (*lead, *summed, *columns))
        return Labelled(graph.add("matmul", (left, right), (), [i.axis for i in labels]), labels)
    return _einsum(graph, a, b, ordered((*batch, *rows, *columns), order))


def _einsum(graph: Graph, a: Labelled, b: Labelled, labels: Sequence[Index]) -> Labelled:
    a, b = graph.as_float(a), graph.as_float(b)
    letter = letters((*a.labels, *b.labels))
    text = f"{_word(a.labels, letter)},{_word(b.labels, letter)}->{_word(labels, letter)}"
    return Labelled(graph.add("einsum", (a.node, b.node), (text,), [i.axis for i in labels]), tuple(labels))


def _word(labels: Sequence[Index], letter: dict[Index, str]) -> str:
    return "".join(letter[i] for i in labels)


def letters(labels: Sequence[Index]) -> dict[Index, str]:
    """A letter for each index: that of its axis where it is free, so that "nd,nh->dh" can be read."""
    chosen: dict[Index, str] = {}
    for i in dict.fromkeys(labels):
        first = str(i.axis)[0].lower()
        taken = set(chosen.values())
        chosen[i] = first if first.isalpha() and first not in taken else next(c for c in LETTERS if c not in taken)
    return chosen
