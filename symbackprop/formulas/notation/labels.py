"""Indices and labels told apart before anything has a value: the k of d_k where nothing runs over k, entries written as K(m, n)."""

from collections.abc import Callable, Sequence, Set
from dataclasses import replace

from symbackprop.formulas.notation.context import Context, letters_of
from symbackprop.formulas.notation.layered import layered
from symbackprop.formulas.notation.links import free_letters
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.steps import unstepped
from symbackprop.formulas.notation.trees import base_of, flat, parts, rebuilt
from symbackprop.formulas.notation.unsaid import said_in_full
from symbackprop.language.latex import nodes as n


def unscripted(context: Context, claims: Sequence[n.Statement]) -> tuple[Context, list[n.Statement]]:
    """x and x_i are one name where the conventions say so."""
    bases = {
        base_of(a)
        for a, b in context.aliases
        if isinstance(a, n.Name) and isinstance(b, n.Name) and base_of(a) == base_of(b) and bool(a.scripts) != bool(b.scripts)
    }
    if not bases:
        return context, list(claims)

    def bare(node: n.Node) -> n.Node | None:
        if isinstance(node, n.Name) and base_of(node) in bases and any(s.mark == "_" for s in node.scripts):
            return replace(node, scripts=tuple(s for s in node.scripts if s.mark != "_"))
        return None

    statements = tuple(replace(s, body=rebuilt(s.body, bare)) for s in context.statements)
    declared = tuple(replace(d, name=rebuilt(d.name, bare)) for d in context.declared)  # type: ignore[arg-type]
    aliases = tuple(x for x in context.aliases if not (isinstance(x[0], n.Name) and base_of(x[0]) in bases))
    return replace(context, statements=statements, declared=declared, aliases=aliases), [
        replace(s, body=rebuilt(s.body, bare)) for s in claims
    ]


def entered(context: Context, claims: Sequence[n.Statement]) -> tuple[Context, list[n.Statement]]:
    """K(m, n) as K_{m,n} where K is declared with as many axes as there are indices in the brackets."""
    axes = {base_of(d.name): len(d.axes) for d in context.declared if len(d.axes) > 1 and not d.name.scripts}
    named = {base_of(d.name) for d in context.declared if d.axes}

    def index(node: n.Node) -> bool:
        if isinstance(node, n.Sum):
            return all(index(t) for t in node.terms)
        single = isinstance(node, n.Name) and not node.scripts and len(node.id.lstrip("\\")) == 1
        return isinstance(node, n.Number) or (single and node.id not in named)  # type: ignore[attr-defined]

    def entry(head: n.Node, behind: n.Node) -> n.Name | None:
        if (
            not isinstance(head, n.Name)
            or not isinstance(behind, n.Bracket)
            or axes.get(base_of(head)) != len(behind.items)
            or head.scripts
        ):
            return None
        if not all(map(index, behind.items)) or not any(isinstance(p, n.Name) for i in behind.items for p in parts(i)):
            return None
        return replace(head, scripts=(n.Script("_", behind.items, span=behind.span),), span=(head.span[0], behind.span[1]))

    def whole(node: n.Node) -> n.Node | None:
        return joined(node, entry, whole) if isinstance(node, n.Juxtaposition) else None

    if not axes:
        return context, list(claims)
    return everywhere(context, claims, whole)


def paired(context: Context, claims: Sequence[n.Statement]) -> tuple[Context, list[n.Statement]]:
    """A sum over i != j runs over both where j is bound by nothing else; delta_{z_i} is an entry of delta_z where z has entries."""
    lefts = {base_of(x) for s in context.statements if isinstance(s.body, n.Chain) and isinstance(x := s.body.sides[0], n.Name)}

    def nested(p: n.Node) -> n.Node | None:
        if not isinstance(p, n.Name) or not any(s.mark == "_" for s in p.scripts):
            return None
        scripts = tuple(replace(s, items=tuple(y for i in s.items for y in opened(i))) if s.mark == "_" else s for s in p.scripts)
        return replace(p, scripts=scripts) if scripts != p.scripts else None

    def opened(item: n.Node) -> tuple[n.Node, ...]:
        if not isinstance(item, n.Name) or base_of(item) not in lefts or [s.mark for s in item.scripts] != ["_"]:
            return (item,)
        return n.Text(item.id, span=item.span), *item.scripts[0].items

    def both(node: n.Node, bound: frozenset[str]) -> n.Node:
        def big(p: n.Node) -> n.Node | None:
            if not isinstance(p, n.Big):
                return None
            scripts = []
            own: set[str] = set()
            for s in p.scripts:
                items: list[n.Node] = []
                for i in s.items if s.mark == "_" else ():
                    sides = i.sides if isinstance(i, n.Chain) else (i,)
                    own |= {x.id for x in sides[:1] if isinstance(x, n.Name)}
                    second = sides[1] if isinstance(i, n.Chain) and i.signs == (r"\ne",) else None
                    more = [second] if isinstance(second, n.Name) and not second.scripts and second.id not in bound | own else []
                    own |= {x.id for x in more}
                    items += [i, *more]
                scripts.append(replace(s, items=tuple(items)) if items else s)
            return replace(p, scripts=tuple(scripts), of=both(p.of, bound | own))

        return rebuilt(node, big)

    def whole(s: n.Statement, letters: frozenset[str]) -> n.Statement:
        body = rebuilt(s.body, nested)
        if isinstance(body, n.Chain) and any(isinstance(p, n.Big) for p in parts(body)):
            free = frozenset(free_letters(body.sides[:1], letters))
            body = replace(body, sides=tuple(both(x, free) for x in body.sides))
        return replace(s, body=body)

    indices, _ = letters_of([s.body for s in (*context.statements, *claims)], context.declared)
    statements = tuple(whole(s, indices) for s in context.statements)
    return replace(context, statements=statements), [whole(s, indices) for s in claims]


def named(context: Context, claims: Sequence[n.Statement]) -> tuple[Context, list[n.Statement]]:
    """Expressions that are declared by their shape as names: log sigma^2, and log sigma_k^2 as its entry."""
    known = {flat(tree): name for tree, name in context.expressions}

    def name(p: n.Node) -> n.Node | None:
        if isinstance(p, n.Juxtaposition):
            return joined(p, applied, name)
        if not isinstance(p, n.Call):
            return None
        below = tuple(s for x in parts(p) if isinstance(x, n.Name) for s in x.scripts if s.mark == "_")
        bare = rebuilt(p, without_places) if flat(p) not in known else p
        found = known.get(flat(bare))
        return replace(found, scripts=below if bare is not p else (), span=p.span) if found is not None else None

    def applied(head: n.Node, behind: n.Node) -> n.Node | None:
        if not isinstance(behind, n.Bracket):
            return None
        span = (head.span[0], behind.span[1])
        found = known.get(flat(n.Juxtaposition((head, behind), span=span)))
        return replace(found, span=span) if found is not None else None

    if not known:
        return context, list(claims)
    return everywhere(context, claims, name)


def joined(
    node: n.Juxtaposition, pair: Callable[[n.Node, n.Node], n.Node | None], function: Callable[[n.Node], n.Node | None]
) -> n.Node | None:
    """Factors with each two that `pair` makes one of as that one, and `function` inside the others; None where there are none such."""
    made: list[n.Node] = []
    for f in node.factors:
        found = pair(made[-1], f) if made else None
        made = [*made[:-1], found] if found is not None else [*made, rebuilt(f, function)]
    if len(made) == len(node.factors):
        return None
    return made[0] if len(made) == 1 else replace(node, factors=tuple(made))


def everywhere(
    context: Context, claims: Sequence[n.Statement], function: Callable[[n.Node], n.Node | None]
) -> tuple[Context, list[n.Statement]]:
    """The context and the claims with parts replaced, in conditions too."""

    def whole(s: n.Statement) -> n.Statement:
        conditions = tuple(replace(c, parts=tuple(rebuilt(p, function) for p in c.parts)) for c in s.conditions)
        return replace(s, body=rebuilt(s.body, function), conditions=conditions)

    return replace(context, statements=tuple(map(whole, context.statements))), list(map(whole, claims))


def without_places(p: n.Node) -> n.Node | None:
    """A name without what stands below it."""
    if isinstance(p, n.Name) and any(s.mark == "_" for s in p.scripts):
        return replace(p, scripts=tuple(s for s in p.scripts if s.mark != "_"))
    return None


def labelled(context: Context, claims: Sequence[n.Statement]) -> tuple[Context, list[n.Statement]]:
    """The context and the claims with such letters as texts, wherever no sum binds them."""
    context, claims = said_in_full(*layered(*unscripted(context, [unstepped(s, context) for s in claims])))
    context, claims = paired(*entered(*named(context, claims)))
    trees = [s.body for s in (*context.statements, *claims)]
    indices, _ = letters_of(trees, context.declared)
    fixed: set[tuple[str, str]] = set()
    for statement in context.statements:
        body = statement.body
        if not isinstance(body, n.Chain) or body.signs[0] not in ("=", ":=", r"\equiv", r"\triangleq"):
            continue
        given = set(free_letters(body.sides[:1], indices)) | {
            p.id for c in statement.conditions for part in c.parts for p in parts(part) if isinstance(p, n.Name)
        }
        loose = set(free_letters(body.sides[1:], indices)) - given
        for side in body.sides[1:]:
            if any(isinstance(p, n.Big) and not p.scripts for p in parts(side)):
                continue
            for p in parts(side):
                if isinstance(p, n.Name) and p.id not in ("1", "I", "0", "e", r"\delta"):
                    for a in (*atoms(p.scripts, "_"), *atoms(p.scripts, "^")):
                        if isinstance(a.tree, n.Name) and a.tree.id in loose:
                            fixed.add((base_of(p), a.tree.id))
    if not fixed:
        return context, list(claims)
    names = {base_of(p) for t in trees for p in parts(t) if isinstance(p, n.Name) and p.scripts}
    axes = {base_of(d.name): len(d.axes) for d in context.declared if not d.name.scripts}
    classes = frozenset(x for b, x in fixed if axes.get(b) == 1)
    fixed |= {(b, x) for x in {x for _, x in fixed} - moving(trees) for b in names}

    def label(node: n.Node) -> n.Node | None:
        if not isinstance(node, n.Name) or not node.scripts or not any(b == base_of(node) for b, _ in fixed):
            return None
        letters = {x for b, x in fixed if b == base_of(node)} - classes
        return replace(node, scripts=tuple(replace(s, items=tuple(as_text(i, letters) for i in s.items)) for s in node.scripts))

    def whole(statement: n.Statement) -> n.Statement:
        conditions = tuple(replace(c, parts=tuple(unbound(p, classes) for p in c.parts)) for c in statement.conditions)
        return replace(statement, body=unbound(rebuilt(statement.body, label), classes), conditions=conditions)

    declared = tuple(replace(d, name=rebuilt(d.name, label)) for d in context.declared)  # type: ignore[arg-type]
    return replace(context, statements=tuple(map(whole, context.statements)), declared=declared), [whole(s) for s in claims]


def moving(trees: Sequence[n.Node]) -> set[str]:
    """The letters that a sum runs over, that are counted up or down, or compared: no labels."""
    found: set[str] = set()
    for tree in trees:
        for p in parts(tree):
            if isinstance(p, n.Big | n.Indicator | n.Cases):
                found |= {x.id for x in parts(p) if isinstance(x, n.Name)}
            if isinstance(p, n.Name | n.Scripted):
                sums = [x for s in p.scripts for i in s.items for x in parts(i) if isinstance(x, n.Sum)]
                found |= {x.id for t in sums for x in parts(t) if isinstance(x, n.Name)}
    return found


def as_text(node: n.Node, letters: Set[str]) -> n.Node:
    """A tree with letters as texts."""
    return rebuilt(node, lambda p: n.Text(p.id, span=p.span) if isinstance(p, n.Name) and p.id in letters and not p.scripts else None)


def unbound(node: n.Node, letters: Set[str]) -> n.Node:
    """A tree with those letters as texts that stand in scripts or conditions and that no sum binds: the class of a sample."""
    if not letters:
        return node

    def text(p: n.Node) -> n.Node | None:
        if isinstance(p, n.Big):
            bound = letters & {x.id for s in p.scripts if s.mark == "_" for i in s.items for x in parts(i) if isinstance(x, n.Name)}
            return replace(p, of=unbound(p.of, letters - bound)) if bound else None
        if isinstance(p, n.Name) and p.scripts:
            return replace(p, scripts=tuple(replace(s, items=tuple(as_text(i, letters) for i in s.items)) for s in p.scripts))
        if isinstance(p, n.Chain) and set(p.signs) <= {"=", r"\ne"} and all(isinstance(x, n.Name) for x in p.sides):
            return replace(p, sides=tuple(as_text(x, letters) for x in p.sides))
        return None

    return rebuilt(node, text)
