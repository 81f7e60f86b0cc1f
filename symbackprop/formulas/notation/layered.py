r"""Layers that indices tell apart: in net_j = \sum_i w_{ji} o_i, o_j = f(net_j) the o of units i and that of units j are two."""

from collections.abc import Sequence
from dataclasses import replace

from symbackprop.formulas.notation.context import Context, letters_of
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.trees import base_of, parts, plain, rebuilt
from symbackprop.language.latex import nodes as n

LAYER = "layer of "


def unlabelled(node: n.Node) -> n.Node:
    """A tree without these labels, as it is written."""

    def bare(p: n.Node) -> n.Node | None:
        if not isinstance(p, n.Name) or not any(isinstance(i, n.Text) and i.text.startswith(LAYER) for s in p.scripts for i in s.items):
            return None
        kept = [replace(s, items=tuple(i for i in s.items if not (isinstance(i, n.Text) and i.text.startswith(LAYER)))) for s in p.scripts]
        return replace(p, scripts=tuple(kept))

    return rebuilt(node, bare)


def layered(context: Context, claims: Sequence[n.Statement]) -> tuple[Context, list[n.Statement]]:
    """The context and the claims with each index of such a name as a label too, where without it a name is defined by itself."""
    letters, _ = letters_of([s.body for s in (*context.statements, *claims)], context.declared)
    bases = circular(context, letters)
    bases -= {base_of(d.name) for d in context.declared if d.axes}
    if not bases:
        return context, list(claims)
    trees = [s.body for s in (*context.statements, *claims)]
    pairs = {(base_of(p), places(p, letters)) for t in trees for p in parts(t) if isinstance(p, n.Name)}
    units = {x for b, at in pairs if b in bases for x in at}
    declared = {base_of(d.name) for d in context.declared if d.axes}
    marked = {b for b, at in pairs if at and set(at) <= units and b not in declared}
    marked = {b for b in marked if len({at for c, at in pairs if c == b}) > 1}

    def label(p: n.Node) -> n.Node | None:
        if not isinstance(p, n.Name) or base_of(p) not in marked or not places(p, letters):
            return None
        first = p.scripts[0]
        mark = n.Text(LAYER + " ".join(sorted(places(p, letters))))
        return replace(p, scripts=(replace(first, items=(mark, *first.items)), *p.scripts[1:]))

    def whole(s: n.Statement) -> n.Statement:
        return replace(s, body=rebuilt(s.body, label))

    statements = [*context.statements, *copies(context.statements, pairs, letters)]
    kept = tuple(d for d in context.declared if base_of(d.name) not in marked)
    return replace(context, statements=tuple(map(whole, statements)), declared=kept), [whole(s) for s in claims]


def places(name: n.Name, letters: frozenset[str]) -> tuple[str, ...]:
    """The indices below a name that has nothing else, none of them counted on."""
    if len(name.scripts) != 1 or name.scripts[0].mark != "_":
        return ()
    found = [a.tree.id for a in atoms(name.scripts, "_") if isinstance(a.tree, n.Name) and not a.bracket]
    return tuple(found) if len(found) == len(atoms(name.scripts, "_")) and set(found) <= letters else ()


def circular(context: Context, letters: frozenset[str]) -> set[str]:
    """The names that their equations lead back to, all of them with one index and no step."""
    needs: dict[str, set[str]] = {}
    for s in context.statements:
        left = plain(s.body.sides[0]) if isinstance(s.body, n.Chain) else None
        if isinstance(left, n.Name) and len(places(left, letters)) == 1 and isinstance(s.body, n.Chain):
            inside = [p for x in s.body.sides[1:] for p in parts(x) if isinstance(p, n.Name) and len(places(p, letters)) == 1]
            if not any(isinstance(p, n.Leibniz | n.Operator) for x in s.body.sides[1:] for p in parts(x)):
                needs.setdefault(base_of(left), set()).update(map(base_of, inside))
    return {b for b in needs if b in reached(b, needs)}


def reached(base: str, needs: dict[str, set[str]]) -> set[str]:
    """The names that an equation leads to."""
    found: set[str] = set()
    pending = [base]
    while pending:
        for b in needs.get(pending.pop(), set()) - found:
            found.add(b)
            pending.append(b)
    return found


def copies(statements: Sequence[n.Statement], pairs: set[tuple[str, tuple[str, ...]]], letters: frozenset[str]) -> list[n.Statement]:
    """Definitions by derivatives, such as delta_j = dE/da_j, for the other layers that the names stand in."""
    heads = [plain(s.body.sides[0]) for s in statements if isinstance(s.body, n.Chain)]
    given = {(base_of(x), places(x, letters)) for x in heads if isinstance(x, n.Name)}
    made = []
    for s in statements:
        left = plain(s.body.sides[0]) if isinstance(s.body, n.Chain) else None
        own = places(left, letters) if isinstance(left, n.Name) else ()
        derivative = isinstance(s.body, n.Chain) and isinstance(plain(s.body.sides[-1]), n.Leibniz)
        if isinstance(left, n.Name) and len(own) == 1 and derivative:
            used = {p for p in parts(s.body) if isinstance(p, n.Name) and places(p, letters) == own and p != left}
            for base, at in sorted(pairs):
                wanted = base == base_of(left) and len(at) == 1 and (base, at) not in given
                if wanted and all((base_of(p), at) in given for p in used):
                    made.append(replace(s, body=lettered(s.body, own[0], at[0])))
    return made


def lettered(node: n.Node, old: str, new: str) -> n.Node:
    """A tree with one letter for another."""
    return rebuilt(node, lambda p: n.Name(new) if p == n.Name(old) else None)
