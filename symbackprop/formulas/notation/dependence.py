"""What a claim takes for granted: where it has dK / dx of two names that nothing ties, K is a function of x."""

from collections.abc import Sequence
from dataclasses import replace

from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.losses import SURE_LOSSES
from symbackprop.formulas.notation.trees import base_of, parts, plain
from symbackprop.language.latex import nodes as n


def depended(context: Context, claims: Sequence[n.Statement]) -> Context | None:
    """The context with such functions, K = K(x), or None where there are none."""
    given = {base_of(x) for s in context.statements if isinstance(s.body, n.Chain) for x in parts(s.body.sides[0]) if isinstance(x, n.Name)}
    declared = {base_of(d.name): d.name for d in context.declared}
    found: dict[str, dict[str, n.Name]] = {}
    for statement in claims:
        for p in parts(statement.body):
            for of, by in tied(p):
                a, b = base_of(of), base_of(by)
                if a in declared and a not in given and b not in given and a != b and a not in SURE_LOSSES:
                    found.setdefault(a, {})[b] = declared.get(b, by)
    made = [function(declared[a], tuple(x.values())) for a, x in found.items() if not set(x) & set(found)]
    return replace(context, statements=(*context.statements, *made)) if made else None


def tied(node: n.Node) -> list[tuple[n.Name, n.Name]]:
    """The names above and below a derivative."""
    if isinstance(node, n.Leibniz):
        by = list(node.by)
    elif isinstance(node, n.Operator):
        by = [i for x in node.scripts if x.mark == "_" for i in x.items]
    else:
        return []
    of = plain(node.of) if node.of is not None else None
    below = [x for b in by if isinstance(x := plain(b), n.Name)]
    return [(of, x) for x in below] if isinstance(of, n.Name) else []


def function(name: n.Name, of: tuple[n.Name, ...]) -> n.Statement:
    """K = K(x, y)."""
    applied = n.Juxtaposition((name, n.Bracket("(", of, (",",) * (len(of) - 1), ")")))
    return n.Statement(n.Chain((name, applied), ("=",)))
