"""Dots: x_1 + x_2 + ... + x_n written out."""

from collections.abc import Callable
from typing import Any

from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.notation.trees import flat, parts, rebuilt
from symbackprop.language.latex import nodes as n

MOST = 20


def expanded_sum(node: n.Sum, whole: Callable[[n.Node], int | None], names: Any) -> n.Sum:
    """The sum with its dots written out. Raises UnreadError where the terms beside them form no sequence."""
    at = next(k for k, t in enumerate(node.terms) if isinstance(t, n.Dots))
    if not 1 <= at < len(node.terms) - 1:
        raise UnreadError("dots at the end of a sum", node)
    before, last = node.terms[:at], node.terms[at + 1]
    model = before[-1]
    start, places = _differs(model, last)
    first = whole(start[0]) if start else None
    stop = whole(start[1]) if start else None
    if stop is None and start:
        stop = names.size(start[1], {})
    if first is None or stop is None or stop - first > MOST:
        raise UnreadError("dots between terms that form no sequence", node)
    terms = list(before)
    signs = list(node.signs[:at])
    for k in range(first + 1, stop + 1):
        terms.append(_with(model, places, k))
        signs.append(node.signs[at] or "+")
    if stop < first:
        terms, signs = terms[: len(terms) - (first - stop)], signs[: len(signs) - (first - stop)]
    return n.Sum((*terms, *node.terms[at + 2 :]), (*signs, *node.signs[at + 2 :]), span=node.span)


def _differs(a: n.Node, b: n.Node) -> tuple[tuple[n.Node, n.Node] | None, set[tuple[int, int]]]:
    """The first pair of parts in which two trees differ, and the places of all such parts in the first."""
    pairs: list[tuple[n.Node, n.Node]] = []
    _compare(a, b, pairs)
    if not pairs or len({(flat(x), flat(y)) for x, y in pairs}) != 1:
        return None, set()
    return pairs[0], {x.span for x, _ in pairs}


def _compare(a: Any, b: Any, pairs: list[tuple[n.Node, n.Node]]) -> None:
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        for x, y in zip(a, b, strict=True):
            _compare(x, y, pairs)
    elif isinstance(a, n.Node) and isinstance(b, n.Node):
        if type(a) is not type(b) or isinstance(a, n.Number):
            if flat(a) != flat(b):
                pairs.append((a, b))
            return
        if isinstance(a, n.Name) and isinstance(b, n.Name) and (a.id != b.id or a.accents != b.accents):
            pairs.append((a, b))
            return
        for field in a.__dataclass_fields__:
            if field not in ("span", "spaced"):
                _compare(getattr(a, field), getattr(b, field), pairs)


def _with(tree: n.Node, places: set[tuple[int, int]], value: int) -> n.Node:
    return rebuilt(tree, lambda p: n.Number(str(value), span=p.span) if p.span in places and isinstance(p, n.Number | n.Name) else None)


def has_dots(tree: n.Node) -> bool:
    """Whether dots stand in a product here."""
    return any(isinstance(d, n.Dots) for p in parts(tree) if isinstance(p, n.Juxtaposition | n.Product) for d in p.factors)
