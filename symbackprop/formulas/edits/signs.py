"""Signs that are flipped: of a term, of a difference, of a whole side."""

from collections.abc import Iterator
from dataclasses import replace

from symbackprop.formulas.edits.around import Around, Edit, grouped, replaced, walked
from symbackprop.language.latex import nodes as n

OTHER = {"-": "+", "+": "-", "": "-", r"\pm": "-", r"\mp": "+"}


def signs(side: n.Node, about: Around) -> Iterator[Edit]:
    """Every flip of one sign."""
    yield Edit(negated(side), "sign", 1.0)
    for p in walked(side):
        if isinstance(p, n.Sum) and len(p.terms) > 1:
            for k in range(len(p.signs)):
                yield Edit(replaced(side, p, flipped(p, k)), "sign", 1.05)
            if p is not side:
                yield Edit(replaced(side, p, negated(p)), "sign", 0.95)
        elif isinstance(p, n.Sum) and p is not side:
            yield Edit(replaced(side, p, negated(p)), "sign", 1.0)
        elif isinstance(p, n.Call) and isinstance(p.argument, n.Bracket) and len(p.argument.items) == 1:
            inside = p.argument.items[0]
            yield Edit(replaced(side, inside, negated(inside)), "argument", 1.7)


def flipped(node: n.Sum, at: int) -> n.Sum:
    """A sum with the sign of one term flipped."""
    sign = OTHER.get(node.signs[at], "-")
    sign = "" if sign == "+" and at == 0 else sign
    return replace(node, signs=(*node.signs[:at], sign, *node.signs[at + 1 :]))


def negated(node: n.Node) -> n.Node:
    """Minus a node, as an author would write it."""
    if isinstance(node, n.Sum):
        if len(node.terms) == 1 and node.signs[0] == "-":
            return node.terms[0]
        if len(node.terms) == 2 and node.signs[0] == "" and node.signs[1] == "-":
            return replace(node, terms=node.terms[::-1])
        made = node
        for k, term in enumerate(node.terms):
            inside = without_minus(term) if node.signs[k] in ("", "+") else None
            made = flipped(made, k) if inside is None else replace(made, terms=(*made.terms[:k], inside, *made.terms[k + 1 :]))
        return made
    inside = without_minus(node)
    if inside is not None:
        return inside
    if isinstance(node, n.Chain | n.Cases):
        return n.Sum((grouped(node),), ("-",))
    return n.Sum((node,), ("-",))


def without_minus(node: n.Node) -> n.Node | None:
    """-a/b as a/b; None where no minus stands at the head."""
    if isinstance(node, n.Fraction) and isinstance(node.top, n.Sum) and len(node.top.terms) == 1 and node.top.signs[0] == "-":
        return replace(node, top=node.top.terms[0])
    if isinstance(node, n.Juxtaposition):
        inside = without_minus(node.factors[0])
        return None if inside is None else replace(node, factors=(inside, *node.factors[1:]))
    return None
