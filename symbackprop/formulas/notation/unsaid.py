r"""What writers leave unsaid: brackets behind a sum, Einstein's sums, that \delta or d before something is a differential, ..."""

from collections.abc import Sequence
from dataclasses import replace

from symbackprop.formulas.notation.context import Context, letters_of
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.trees import base_of, flat, parts, plain, rebuilt
from symbackprop.language.latex import nodes as n

NAMING = {":=", r"\equiv", r"\triangleq", r"\doteq"}


def said_in_full(context: Context, claims: Sequence[n.Statement]) -> tuple[Context, list[n.Statement]]:
    """The context and the claims with what their writers left unsaid."""
    letters, _ = letters_of([s.body for s in (*context.statements, *claims)], context.declared)
    known = {base_of(p) for s in context.statements for p in parts(s.body) if isinstance(p, n.Name)}
    known |= {base_of(d.name) for d in context.declared}
    varied = variations(context, claims)
    total = "d" not in known and any(isinstance(p, n.Differential) for s in claims for p in parts(s.body))

    def whole(s: n.Statement) -> n.Statement:
        body = rebuilt(s.body, restricted)
        body = rebuilt(body, lambda p: differential(p, varied, total)) if varied or total else body
        free = {x for side in left_sides(body) for x in below(side)}
        if context.conventions.einstein:
            body = contracted(body, letters, free)
        return replace(s, body=embraced(body, letters - free))

    return replace(context, statements=tuple(map(whole, context.statements))), [unnamed(whole(s), known) for s in claims]


def restricted(node: n.Node) -> n.Node | None:
    r"""A sum over \{i : z_i > 0\} as one over i with an indicator; \chi_{z > 0} as an indicator."""
    if isinstance(node, n.Name) and node.id == r"\chi" and len(node.scripts) == 1 and node.scripts[0].mark == "_":
        conditions = node.scripts[0].items
        if all(isinstance(c, n.Chain) for c in conditions):
            return n.Indicator(n.Name("1", span=node.span), "_", conditions, span=node.span)
    if not isinstance(node, n.Big) or len(node.scripts) != 1 or len(node.scripts[0].items) != 1:
        return None
    head, condition = parted(node.scripts[0].items[0])
    if head is None or condition is None:
        return None
    where = n.Indicator(n.Name("1", span=condition.span), "_", (condition,), span=condition.span)
    of = rebuilt(node.of, restricted)
    of = n.Bracket("(", (of,), (), ")", span=of.span) if isinstance(of, n.Sum) else of
    inside = n.Juxtaposition((where, *(of.factors if isinstance(of, n.Juxtaposition) else (of,))), span=of.span)
    return replace(node, scripts=(replace(node.scripts[0], items=(head,)),), of=inside)


def parted(item: n.Node) -> tuple[n.Node | None, n.Chain | None]:
    """The index and the condition of i : z_i > 0, in braces or not."""
    if isinstance(item, n.Bracket) and item.open == r"\{" and len(item.items) == 1:
        item = item.items[0]
    if isinstance(item, n.Slice) and isinstance(item.stop, n.Chain) and item.start is not None:
        return item.start, item.stop
    if isinstance(item, n.Chain) and item.signs[0] in (":", r"\mid") and len(item.sides) > 2:
        return item.sides[0], n.Chain(item.sides[1:], item.signs[1:], span=item.span)
    return None, None


def contracted(body: n.Node, letters: frozenset[str], free: set[str]) -> n.Node:
    """An equation with Einstein's sums written out: over each index that a term has twice and the left side lacks."""
    if not isinstance(body, n.Chain):
        return body

    def summed(term: n.Node) -> n.Node:
        if isinstance(term, n.Sum):
            return replace(term, terms=tuple(map(summed, term.terms)))
        bound = {x for p in parts(term) if isinstance(p, n.Big) for x in bound_letters(p)}
        twice = [x for x in uses(term) if x in letters and x not in free | bound]
        twice = [x for x in dict.fromkeys(twice) if twice.count(x) > 1]
        if not twice:
            return term
        return n.Big(r"\sum", (n.Script("_", tuple(n.Name(x) for x in twice)),), term, span=term.span)

    return replace(body, sides=tuple(summed(x) for x in body.sides))


def uses(node: n.Node) -> list[str]:
    """The letters in the scripts of a tree, each as often as it stands there."""
    marked = [p for p in parts(node) if isinstance(p, n.Name | n.Scripted)]
    return [x.id for p in marked for m in "_^" for a in atoms(p.scripts, m) for x in parts(a.tree) if isinstance(x, n.Name)]


def left_sides(body: n.Node) -> tuple[n.Node, ...]:
    """The left side of an equation."""
    return body.sides[:1] if isinstance(body, n.Chain) else ()


def below(node: n.Node) -> set[str]:
    """The letters in the scripts of a tree."""
    marked = [p for p in parts(node) if isinstance(p, n.Name | n.Scripted)]
    return {x.id for p in marked for m in "_^" for a in atoms(p.scripts, m) for x in parts(a.tree) if isinstance(x, n.Name)}


def embraced(node: n.Node, letters: frozenset[str] | set[str]) -> n.Node:
    r"""A tree in which \sum_i a_i + b_i is the sum of both, where nothing else could give the i of b_i its value."""

    def gathered(p: n.Node) -> n.Node | None:
        if not isinstance(p, n.Sum):
            return None
        terms: list[n.Node] = []
        signs: list[str] = []
        for term, sign in zip((embraced(t, letters) for t in p.terms), p.signs, strict=True):
            big = last_big(terms[-1]) if terms else None
            heads = bound_letters(big) & letters if big is not None else set()
            if big is not None and heads & (below(term) - {x for b in parts(term) if isinstance(b, n.Big) for x in bound_letters(b)}):
                inside = big.of.terms if isinstance(big.of, n.Sum) else (big.of,)
                before = big.of.signs if isinstance(big.of, n.Sum) else ("",)
                of = n.Sum((*inside, term), (*before, sign), span=(big.of.span[0], term.span[1]))
                terms[-1] = with_last(terms[-1], replace(big, of=of, span=(big.span[0], term.span[1])))
            else:
                terms.append(term)
                signs.append(sign)
        if len(terms) == len(p.terms):
            same = all(a is b for a, b in zip(terms, p.terms, strict=True))
            return p if same else replace(p, terms=tuple(terms))
        return terms[0] if len(terms) == 1 and not signs[0] else replace(p, terms=tuple(terms), signs=tuple(signs))

    return rebuilt(node, gathered)


def last_big(term: n.Node) -> n.Big | None:
    """The sum over a written index that a term ends in."""
    last = term.factors[-1] if isinstance(term, n.Juxtaposition | n.Product) else term
    return last if isinstance(last, n.Big) and last.sign == r"\sum" and bound_letters(last) else None


def with_last(term: n.Node, big: n.Big) -> n.Node:
    """A term with another sum at its end."""
    if isinstance(term, n.Juxtaposition | n.Product):
        return replace(term, factors=(*term.factors[:-1], big), span=(term.span[0], big.span[1]))
    return big


def bound_letters(big: n.Big) -> set[str]:
    """The letters that a sum says it runs over."""
    heads = [i.sides[0] if isinstance(i, n.Chain) else i for x in big.scripts if x.mark == "_" for i in x.items]
    return {p.id for h in heads for p in parts(h) if isinstance(p, n.Name)}


def variations(context: Context, claims: Sequence[n.Statement]) -> set[str]:
    r"""The names v of which \delta v is said to be the derivative of the loss by v: by the conventions, or by an equation."""
    declared = {base_of(d.name) for d in context.declared}
    lefts = {base_of(x) for s in context.statements for x in names_of(s)}
    if r"\delta" in declared | lefts:
        return set()
    pairs = [
        (a, b)
        for s in (*context.statements, *claims)
        for p in parts(s.body)
        if isinstance(p, n.Juxtaposition)
        for a, b in zip(p.factors, p.factors[1:], strict=False)
        if isinstance(a, n.Name) and a.id == r"\delta" and not a.scripts and isinstance(b, n.Name)
    ]
    return {base_of(b) for _, b in pairs if base_of(b) in declared | lefts}


def names_of(statement: n.Statement) -> list[n.Name]:
    """The name on the left of an equation."""
    return [x for side in left_sides(statement.body) if isinstance(x := plain(side), n.Name)]


def differential(node: n.Node, names: set[str], total: bool) -> n.Node | None:
    r"""\delta v as dv; d(AB) and d ln x as differentials, if `total`."""
    if not isinstance(node, n.Juxtaposition):
        return None
    made: list[n.Node] = []
    for f in node.factors:
        head = made[-1] if made else None
        if isinstance(head, n.Name) and not head.scripts and not head.accents and differentiates(head.id, f, names, total):
            made[-1] = n.Differential("d", (), f, span=(head.span[0], f.span[1]))
        else:
            made.append(rebuilt(f, lambda p: differential(p, names, total)))
    if len(made) == len(node.factors):
        return None
    return made[0] if len(made) == 1 else replace(node, factors=tuple(made))


def differentiates(sign: str, of: n.Node, names: set[str], total: bool) -> bool:
    r"""Whether \delta or d before something makes a differential of it."""
    if sign == r"\delta":
        return isinstance(of, n.Name) and base_of(of) in names
    return sign == "d" and total and isinstance(of, n.Bracket | n.Call)


def unnamed(statement: n.Statement, known: set[str]) -> n.Statement:
    """A chain without the new name that it gives to its last side, as in a = b := e."""
    body = statement.body
    if not isinstance(body, n.Chain) or len(body.sides) < 3 or body.signs[-1] not in NAMING:
        return statement
    last = plain(body.sides[-1])
    if not isinstance(last, n.Name) or base_of(last) in known or flat(last) == flat(plain(body.sides[0])):
        return statement
    return replace(statement, body=replace(body, sides=body.sides[:-1], signs=body.signs[:-1], span=body.span))
