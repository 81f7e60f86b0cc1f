"""Sums of products as array operations: elementwise where the indices agree, then matrix products, einsum as the last resort.

Every function takes labelled arrays and returns one. Sizes are never looked at: where an order must be chosen, all
axes count the same.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import combinations

import opt_einsum
from sympy import Expr, Mul, S

from symbackprop.arrays.graph import Graph, Labelled, ordered
from symbackprop.calculus.factors import LONG
from symbackprop.calculus.index import Index, fresh

NOMINAL = 100
"""The size every axis is taken to have when the order of products is chosen."""

LETTERS = "ijklmnopqrstuvwxyzabcdefgh"


def multiply(graph: Graph, factors: Sequence[Labelled], order: Sequence[Index] | None = None) -> Labelled:
    """The elementwise product; factors with the same indices first, then the two whose product has fewest, so that work stays small."""
    groups: dict[frozenset, list[Labelled]] = {}
    for x in factors:
        groups.setdefault(frozenset(x.labels), []).append(x)
    parts = []
    for group in groups.values():
        parts.append(reduce(lambda x, y: _product(graph, x, y, order), group))
    parts.sort(key=lambda x: (len(x.labels), graph[x.node].kind == "bool"))
    while len(parts) > 1:
        pairs = combinations(range(len(parts)), 2)
        one, two = min(pairs, key=lambda p: len({*parts[p[0]].labels, *parts[p[1]].labels}))
        rest = [x for k, x in enumerate(parts) if k not in (one, two)]
        parts = sorted([*rest, _product(graph, parts[two], parts[one], order)], key=lambda x: len(x.labels))
    return parts[0]


def _product(graph: Graph, x: Labelled, y: Labelled, order: Sequence[Index] | None) -> Labelled:
    if x == y:
        return graph.apply("square", [x], order)
    if _is_outer(graph, x, y):
        return _outer(graph, x, y, order)
    if graph[x.node].kind == "bool" and graph[y.node].kind != "bool":
        x, y = y, x
    return graph.apply("multiply", [x, y], order)


def contract(
    graph: Graph, factors: Sequence[Labelled], bound: Sequence[Index], order: Sequence[Index] | None = None, coefficient: Expr = S.One
) -> Labelled:
    """The sum over `bound` of `coefficient` times the product of `factors`, labelled in the order of `order`."""
    used = {i for x in factors for i in x.labels}
    coefficient *= Mul(*[i.axis for i in bound if i not in used])
    bound = [i for i in bound if i in used]
    if not bound:
        return scaled(graph, multiply(graph, factors, order) if factors else graph.size(1), coefficient)
    keep = used - set(bound)
    factors, coefficient = scaled_least(graph, factors, coefficient, min(len(keep), 2))
    operands = _merged(graph, factors, bound)
    if len(operands) > 2:
        operands = _in_order(graph, operands, keep)
    operands, coefficient = scaled_least(graph, operands, coefficient, len(keep))
    made = _sum(graph, operands[0], bound) if len(operands) == 1 else pair(graph, operands[0], operands[1], keep, order)
    return scaled(graph, made, coefficient)


def scaled_least(graph: Graph, factors: Sequence[Labelled], coefficient: Expr, limit: int) -> tuple[list[Labelled], Expr]:
    """The factor with fewest labels multiplied by the coefficient, if it has less than `limit`: a small array costs less to scale."""
    least = min(range(len(factors)), key=lambda k: len(factors[k].labels))
    if coefficient in (1, -1) or not len(factors[least].labels) < limit:
        return list(factors), coefficient
    return [scaled(graph, x, coefficient) if k == least else x for k, x in enumerate(factors)], S.One


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
    if len(operands) == 3:
        return _of_three(graph, operands, keep)
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
        made = pair(graph, chosen[0], chosen[1], later) if len(chosen) == 2 else multiply(graph, chosen)
        alike = [x for x in operands if set(x.labels) == set(made.labels)]
        operands = [*[x for x in operands if x not in alike], multiply(graph, [made, *alike]) if alike else made]
        if alike:  # entry by entry is cheapest, which the path does not see
            return _in_order(graph, operands, keep) if len(operands) > 2 else operands
    return operands


def _of_three(graph: Graph, operands: Sequence[Labelled], keep: set[Index]) -> list[Labelled]:
    """The cheapest two of three operands multiplied; of equally cheap ones those whose product is there, then those of different axes."""
    ways = []
    for k, last in enumerate(operands):
        x, y = (operands[m] for m in range(3) if m != k)
        with graph.trial() as count:
            made = pair(graph, x, y, keep.union(last.labels))
        steps = NOMINAL ** len({*x.labels, *y.labels}) + NOMINAL ** len({*made.labels, *last.labels})
        repeated = len(made.labels) - len({i.axis for i in made.labels})
        ways.append((steps, made.node >= count, repeated, k))
    last = operands[min(ways)[-1]]
    x, y = (one for one in operands if one is not last)
    return [last, pair(graph, x, y, keep.union(last.labels))]


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
    left, right = _matrix(graph, a, rows, summed), _matrix(graph, b, columns, summed)
    if left is not None and right is not None:
        return _unfolded(graph, left, right, rows, columns)
    pairs = (tuple(a.labels.index(i) for i in summed), tuple(b.labels.index(i) for i in summed))
    labels = (*rows, *columns)
    return Labelled(graph.add("tensordot", (a.node, b.node), pairs, [i.axis for i in labels]), labels)


def _matrix(graph: Graph, x: Labelled, outside: Sequence[Index], summed: Sequence[Index]) -> int | None:
    """`x` as a matrix, its outside indices taken together by the summed ones taken together; None where entries would have to move."""
    for front, back in ((outside, summed), (summed, outside)):
        if x.labels == (*front, *back):
            sizes = [Mul(*[i.axis for i in part]) for part in (front, back)]
            plain = len(front) == len(back) == 1
            node = x.node if plain else graph.add("reshape", (x.node,), (), sizes, graph[x.node].kind)
            return node if front is outside else graph.permuted(node, (1, 0))
    return None


def _unfolded(graph: Graph, left: int, right: int, rows: Sequence[Index], columns: Sequence[Index]) -> Labelled:
    """The product of two matrices (rows by summed, columns by summed), its two axes taken apart again."""
    labels = (*rows, *columns)
    axes = [graph[left].axes[0], graph[right].axes[0]]
    node = graph.add("dot", (left, graph.permuted(right, (1, 0))), (), axes)
    if len(rows) != 1 or len(columns) != 1:
        node = graph.add("reshape", (node,), (), [i.axis for i in labels])
    return Labelled(node, labels)


def gram(graph: Graph, x: Labelled, free: Sequence[Index], other: Sequence[Index], coefficient: Expr) -> Labelled:
    """`coefficient` times the sum of `x` times itself over all but the indices `free`, which are `other` on the second side."""
    x = graph.as_float(x)
    summed = [i for i in x.labels if i not in free]
    matrix = _matrix(graph, x, free, summed)
    if matrix is None:
        x = Labelled(graph.view(x, (*summed, *free)), (*summed, *free))
        matrix = _matrix(graph, x, free, summed)
    assert matrix is not None  # a view in this order of axes is a matrix
    axes = [graph[matrix].axes[0]] * 2
    product = graph.add("dot", (matrix, graph.permuted(matrix, (1, 0))), (), axes)
    node = scaled(graph, Labelled(product, tuple(fresh(a) for a in axes)), coefficient).node
    if len(free) > 1:
        node = graph.add("reshape", (node,), (), [i.axis for i in (*free, *other)])
    return Labelled(node, (*free, *other))


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


def _is_outer(graph: Graph, a: Labelled, b: Labelled) -> bool:
    """Whether each of two arrays brings an index of its own and they share one: einsum writes such a product fastest."""
    mine, other = set(a.labels), set(b.labels)
    return bool(graph.value(a) is None and graph.value(b) is None and mine & other and mine - other and other - mine)


def _outer(graph: Graph, a: Labelled, b: Labelled, order: Sequence[Index] | None) -> Labelled:
    """A product without a sum, one that is there already if its order is free; the samples come first."""
    if not _is_outer(graph, a, b):
        return multiply(graph, [a, b], order)
    a, b = sorted((graph.as_float(a), graph.as_float(b)), key=lambda x: x.node)
    ways = [tuple(dict.fromkeys((*x.labels, *y.labels))) for x, y in ((a, b), (b, a))]
    if order is not None:
        return _einsum(graph, a, b, ordered(ways[0], order))
    ways = [tuple(sorted(labels, key=lambda i: i.axis != graph.samples)) for labels in ways]
    with graph.trial() as count:
        there = [labels for labels in ways if _einsum(graph, a, b, labels).node < count]
    return _einsum(graph, a, b, (there or ways)[0])


def _batched(graph, a, b, batch, summed, rows, columns, order) -> Labelled:
    """One product for each value of the `batch` indices: matmul where there are matrices, else einsum."""
    if len(summed) == 1 and len(rows) == 1 and len(columns) == 1:
        lead = ordered(batch, order)
        if ordered((*rows, *columns), order)[0] in columns:
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
