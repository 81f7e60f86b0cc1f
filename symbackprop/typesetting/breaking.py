"""Formulas that are wider than their column, on several lines: broken at relations, sums, products and, last, within brackets.

A line that goes on begins with the sign that it is broken at. Fractions, roots and names are never broken: one that is wider than a
line itself is written as a product with a power.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from symbackprop.typesetting import tree
from symbackprop.typesetting.widths import ems

NONE = tree.Sequence(())
INDENT = 1.0
"""How far a line that goes on stands in, and so much more for each bracket that is open there."""
SIGN = 1.4
LEAST = 12.0
"""Less room than this, behind what stands in front of a bracket, is none: the line is broken before the bracket too."""
SHARE = 0.4
"""A left side that takes more of a line than this has a line of its own."""


class Row(NamedTuple):
    """A line of an equation: what stands before the alignment, what stands behind it, and how far that stands in."""

    left: tree.Node
    right: tree.Node
    indent: float = 0.0


def rows(nodes: Sequence[tree.Node], room: float) -> list[Row]:
    """Equations below each other, aligned at their first relations, on lines that are no wider than `room` (in ems) where that can be."""
    sides = [side(n) for n in nodes]
    lefts = [ems(left) for left, _ in sides]
    shared = max((w for w in lefts if w <= SHARE * room), default=0.0)
    made: list[Row] = []
    for (left, right), wide in zip(sides, lefts, strict=True):
        if max(wide, shared) + ems(right) <= room and (wide <= shared or len(nodes) == 1):
            made.append(Row(left, right))
        elif wide > shared:
            made += [Row(NONE, line, k and INDENT) for k, line in enumerate(wrapped(left, room))] if left != NONE else []
            made += lined(right, room - INDENT, INDENT)
        else:
            first, *others = lined(right, room - shared)
            made += [first._replace(left=left), *others]
    return made


def side(node: tree.Node) -> tuple[tree.Node, tree.Node]:
    """What stands before the first relation, and it with all that follows; for what is no equation nothing, and the whole."""
    return (node.first, tree.Relation(NONE, node.rest)) if isinstance(node, tree.Relation) else (NONE, node)


def lined(right: tree.Node, room: float, start: float = 0.0) -> list[Row]:
    """The lines of a right side, each as far in as brackets are open there."""
    if ems(right) <= room:
        return [Row(NONE, right, start)]
    made, depth = [], 0
    for k, line in enumerate(wrapped(right, room - 3 * INDENT)):
        made.append(Row(NONE, line, start + (INDENT * (1 + min(depth, 2)) if k else 0)))
        depth += opened(line)
    return made


def opened(node: tree.Node) -> int:
    """How many more brackets a line opens than it closes."""
    own = (1 if node.opens else -1) if isinstance(node, tree.Half) else 0
    return own + sum(map(opened, tree.children(node)))


def wrapped(node: tree.Node, room: float, taken: float = 0.0) -> list[tree.Node]:
    """The lines of a formula, each as wide as `room` (in ems) where it can be; of the first line so much is `taken` already."""
    if ems(node) <= room - taken:
        return [node]
    match node:
        case tree.Relation(first, rest) | tree.Hadamard(first, rest):
            return filled([("", first), *rest] if first != NONE else rest, room, taken)
        case tree.Add(terms):
            return filled([("+" if sign > 0 else "-", term) for sign, term in terms], room, taken)
        case tree.Product(factors):
            return multiplied(factors, room, taken)
        case tree.Fenced(body, fence):
            return halves(body, fence, room, taken)
        case tree.Transposed(tree.Fenced() as base):
            return ending(wrapped(base, room - SIGN, taken), tree.Transposed)
        case tree.Power(tree.Fenced() as base, exponent):
            return ending(wrapped(base, room - ems(exponent), taken), lambda last: tree.Power(last, exponent))
        case tree.Apply(function, arguments, False):
            first, *others = arguments
            body = tree.Relation(first, tuple((",", a) for a in others)) if others else first
            return behind((function,), wrapped(tree.Fenced(body), room, taken + ems(function)))
        case tree.Sum(index, lower, upper, body, sign):
            head, *tail = wrapped(body, room, taken + ems(node) - ems(body))
            return [tree.Sum(index, lower, upper, head, sign), *tail]
        case tree.Sequence((*front, last)) if front:
            return behind(tuple(front), wrapped(last, room, taken + sum(map(ems, front))))
        case tree.Root(body):
            return wrapped(tree.Power(tree.Fenced(body), tree.Frac(tree.ONE, tree.Number("2"))), room, taken)
        case tree.Frac(top, bottom) if ems(bottom) > room / 2:
            return wrapped(tree.product(top, tree.Power(tree.Fenced(bottom), tree.negative(tree.ONE))), room, taken)
        case tree.Frac(top, bottom) if top != tree.ONE:
            return wrapped(tree.product(tree.Frac(tree.ONE, bottom), top), room, taken)
    return [node]


def filled(parts: Iterable[tuple[str, tree.Node]], room: float, taken: float) -> list[tree.Node]:
    """Lines of as many parts as fit, each part with its sign in front; one that is too wide alone is broken itself."""
    lines: list[list[tuple[str, tree.Node]]] = []
    used = taken
    for sign, part in parts:
        wide = ems(part) + SIGN
        if lines and used + wide <= room:
            lines[-1].append((sign, part))
            used += wide
            continue
        head, *tail = wrapped(part, room, SIGN + (0.0 if lines else taken))
        lines += [[(sign, head)], *[[("", t)] for t in tail]]
        used = ems(tail[-1]) if tail else wide + (taken if len(lines) == 1 else 0.0)
    return [signed(line, begins=k == 0) for k, line in enumerate(lines)]


def signed(parts: list[tuple[str, tree.Node]], begins: bool) -> tree.Node:
    """One line: its parts with their signs; a plus at the very beginning is not written."""
    (sign, first), *rest = parts
    if begins and sign in "+-":
        first, sign = (tree.Add(((-1, first),)) if sign == "-" else first), ""
    if not sign:
        return tree.Relation(first, tuple(rest)) if rest else first
    return tree.Relation(NONE, ((sign, first), *rest))


def multiplied(factors: Sequence[tree.Node], room: float, taken: float) -> list[tree.Node]:
    """Factors on lines; a bracket that is broken begins behind what stands in front of it, where there is room enough."""
    lines: list[tree.Node] = []
    now: list[tree.Node] = []
    for factor in factors:
        used = (ems(tree.Product(tuple(now))) if now else 0.0) + (SIGN if lines else taken)
        if used + ems(factor) <= room:
            now.append(factor)
            continue
        if now and (room - used < LEAST or ems(factor) <= room - SIGN):
            lines.append(joined(now, bool(lines)))
            now, used = [], SIGN
        head, *tail = wrapped(factor, room, used)
        now.append(head)
        if tail:
            lines += [joined(now, bool(lines)), *tail[:-1]]
            now = [tail[-1]]
    return [*lines, joined(now, bool(lines))]


def joined(factors: Sequence[tree.Node], goes_on: bool) -> tree.Node:
    """Factors on one line; a new factor, on a line that goes on, has a sign in front of it."""
    made = tree.Product(tuple(factors)) if len(factors) > 1 else factors[0]
    base = factors[0].base if isinstance(factors[0], tree.Transposed | tree.Power) else factors[0]
    within = isinstance(base, tree.Half) or (isinstance(base, tree.Relation) and base.first == NONE)
    return tree.Relation(NONE, (("cdot", made),)) if goes_on and not within else made


def halves(body: tree.Node, fence: str, room: float, taken: float) -> list[tree.Node]:
    """A bracket on several lines: it opens on the first and closes on the last."""
    corner = (ems(tree.Fenced(body, fence)) - ems(body)) / 2
    lines = wrapped(body, room - corner, taken + corner)
    if len(lines) == 1:
        return [tree.Fenced(body, fence)]
    tall = tree.is_tall(body)
    return [tree.Half(lines[0], fence, True, tall), *lines[1:-1], tree.Half(lines[-1], fence, False, tall)]


def ending(lines: Sequence[tree.Node], whole: Callable[[tree.Node], tree.Node]) -> list[tree.Node]:
    """Lines of which the last bears what the whole does: a transpose, a power."""
    return [*lines[:-1], whole(lines[-1])]


def behind(front: tuple[tree.Node, ...], lines: Sequence[tree.Node]) -> list[tree.Node]:
    """Lines of which the first stands behind something."""
    return [tree.Sequence((*front, lines[0])), *lines[1:]]
