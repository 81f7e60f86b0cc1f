"""Long equations on several lines: the right side below the left, and its terms one below the other."""

from symbackprop.typesetting import tree
from symbackprop.typesetting.symbols import GREEK

WIDEST, WIDEST_TERM = 72, 56
"""So many signs are as wide as a printed page, and as the right side of an equation may be on a line of its own."""


def broken(node: tree.Node, widest: int = WIDEST) -> tuple[tree.Node, ...]:
    """An equation as lines that begin at one place; as it is where it is short."""
    if not isinstance(node, tree.Relation) or len(node.rest) != 1 or width(node) <= widest:
        return (node,)
    ((mark, right),) = node.rest
    (sign, first), *rest = terms(right) if width(right) > WIDEST_TERM else [(1, right)]
    none = tree.Sequence(())
    lines = [tree.Relation(none, ((mark, first if sign > 0 else tree.negative(first)),))]
    return (node.first, *lines, *[tree.Relation(none, (("+" if sign > 0 else "-", term),)) for sign, term in rest])


def terms(node: tree.Node) -> list[tuple[int, tree.Node]]:
    """The signed terms of a sum; what stands in front of a sum in brackets, a big sum sign too, goes in front of each of its terms."""
    if isinstance(node, tree.Fenced) and node.fence == "()" and isinstance(node.body, tree.Add):
        return terms(node.body)
    if isinstance(node, tree.Add):
        return list(node.terms)
    if isinstance(node, tree.Sum) and node.sign == "sum":
        return [(sign, tree.big_sum(node.index, node.lower, node.upper, term)) for sign, term in terms(node.body)]
    if isinstance(node, tree.Product):
        *front, last = node.factors
        return [(sign, tree.product(*front, term)) for sign, term in terms(last)]
    return [(1, node)]


def width(node: tree.Node) -> int:
    """About how many signs stand beside each other: what is above or below a fraction bar shares its room."""
    match node:
        case tree.Frac(top, bottom):
            return max(width(top), width(bottom))
        case tree.Derivative(top, bottoms):
            return max(2 + width(top), sum(1 + width(b) for b in bottoms))
        case tree.Held(whole, others):
            return 2 + width(whole) + (sum(map(width, others)) + 1) // 2
        case tree.Labelled(base, sub, sup):
            small = max(sum(map(width, sub)), width(sup) if sup is not None else 0)
            return width(base) + (small + 1) // 2
        case tree.Sum(_, _, _, body):
            return 2 + width(body)
        case tree.Power(base, exponent):
            return width(base) + (width(exponent) + 1) // 2
        case tree.Letter(text):
            return 1 if text in GREEK else len(text)
        case tree.Number(text):
            return len(text)
    own = {tree.Fenced: 2, tree.Apply: 2, tree.Hadamard: 2, tree.Add: 2, tree.Relation: 2, tree.Transposed: 1}.get(type(node), 0)
    inner = tree.children(node)
    joints = max(1, len(inner) - 1) if isinstance(node, tree.Hadamard | tree.Add | tree.Relation) else 1
    return own * joints + sum(map(width, inner))
