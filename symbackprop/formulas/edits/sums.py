"""Deltas and sums over indices put in or dropped, ranges shifted, terms in and out of a sum."""

from collections.abc import Iterator
from dataclasses import replace

from symbackprop.formulas.edits.around import Around, Edit, grouped, replaced, walked
from symbackprop.formulas.edits.products import flattened, run
from symbackprop.formulas.notation.trees import flat, parts, rebuilt
from symbackprop.language.latex import nodes as n


def deltas(side: n.Node, about: Around) -> Iterator[Edit]:
    """delta_{ij} put in before the side, a term or instead of 1."""
    letters = about.letters
    for a in range(len(letters)):
        for b in range(a + 1, len(letters)):
            made = delta(letters[a], letters[b], about)
            if not isinstance(side, n.Cases):
                yield Edit(run((made, *flattened(grouped(side)))), "delta", 1.3)
            for p in walked(side):
                if isinstance(p, n.Sum) and len(p.terms) > 1:
                    for q in p.terms:
                        if not isinstance(q, n.Number):
                            yield Edit(replaced(side, q, run((made, *flattened(grouped(q))))), "delta", 1.35)
                elif isinstance(p, n.Number) and p.text == "1":
                    yield Edit(replaced(side, p, made), "delta", 1.2)
                elif isinstance(p, n.Cases):
                    for row in p.rows:
                        if not isinstance(row.value, n.Number):
                            yield Edit(replaced(side, row.value, run((made, *flattened(grouped(row.value))))), "delta", 1.3)
    for p in walked(side):
        if is_delta(p):
            yield Edit(replaced(side, p, n.Number("1")), "delta", 1.4)


def delta(first: str, second: str, about: Around) -> n.Node:
    """Whether two indices are the same, as the author writes it."""
    pair = tuple(n.Name(x) for x in sorted((first, second)))
    if about.indicator is not None:
        condition = n.Chain(pair, ("=",))
        return replace(about.indicator, conditions=(condition,))
    return n.Name(r"\delta", scripts=(n.Script("_", (n.Juxtaposition(pair),)),))


def is_delta(node: n.Node) -> bool:
    """Whether this is a delta or an indicator."""
    return isinstance(node, n.Indicator) or (
        isinstance(node, n.Name) and node.id == r"\delta" and any(s.mark == "_" and len(list(parts(s))) > 3 for s in node.scripts)
    )


def ranges(side: n.Node, about: Around) -> Iterator[Edit]:
    """A sum dropped or put in, or from and to somewhere else; a term put into it or taken out; all sums dropped."""
    if sum(isinstance(p, n.Big) and p.sign == r"\sum" for p in walked(side)) > 1:
        yield Edit(unsummed(side), "sum", 1.4)
    for p in walked(side):
        if isinstance(p, n.Big):
            if p.sign == r"\sum":
                yield Edit(replaced(side, p, p.of), "sum", 1.5)
            for script in p.scripts:
                for item in script.items:
                    head = item.sides[-1] if isinstance(item, n.Chain) and item.signs[-1] == "=" else item if script.mark == "^" else None
                    if head is not None:
                        for other in shifted(head):
                            yield Edit(replaced(side, head, other), "range", 1.5)
        elif isinstance(p, n.Sum) and len(p.terms) > 1:
            yield from regrouped(side, p)
    bound = {
        x
        for p in parts(side)
        if isinstance(p, n.Big)
        for s in p.scripts
        for i in s.items
        for x in [flat(i.sides[0] if isinstance(i, n.Chain) else i)]
    }
    for letter in sorted(about.indices - bound):
        if not any(isinstance(p, n.Name) and p.id == letter and not p.scripts for p in parts(side)):
            continue
        script = n.Script("_", (n.Name(letter),))
        yield Edit(n.Big(r"\sum", (script,), grouped(side)), "sum", 1.5)
        for p in walked(side):
            if isinstance(p, n.Sum):
                for q in p.terms:
                    yield Edit(replaced(side, q, n.Big(r"\sum", (script,), q)), "sum", 1.6)


def unsummed(side: n.Node) -> n.Node:
    """A side without its sums."""
    return rebuilt(side, lambda p: unsummed(p.of) if isinstance(p, n.Big) and p.sign == r"\sum" else None)


def shifted(node: n.Node) -> Iterator[n.Node]:
    """A bound one further or one less."""
    if isinstance(node, n.Number) and node.text.isdigit():
        yield n.Number(str(int(node.text) + 1))
        if node.text != "0":
            yield n.Number(str(int(node.text) - 1))
    elif isinstance(node, n.Name):
        for sign in "+-":
            yield n.Sum((node, n.Number("1")), ("", sign))
    elif isinstance(node, n.Sum) and len(node.terms) == 2:
        yield node.terms[0]


def regrouped(side: n.Node, p: n.Sum) -> Iterator[Edit]:
    """A factor that binds the first term alone before the whole sum, and back."""
    first = p.terms[0]
    if isinstance(first, n.Juxtaposition) and p.signs[0] in ("", "-"):
        head, rest = first.factors[:-1], first.factors[-1]
        inside = n.Sum((rest, *p.terms[1:]), ("", *p.signs[1:]))
        made: n.Node = run((*head, n.Bracket("(", (inside,), (), ")")))
        yield Edit(replaced(side, p, n.Sum((made,), ("-",)) if p.signs[0] == "-" else made), "brackets", 1.5)
