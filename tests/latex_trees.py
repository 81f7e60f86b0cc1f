"""Trees of LaTeX formulas on one line, for tests: (a b) juxtaposed, [a * b] a product, <a = b> a chain, and the name of a node else."""

from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.nodes import Node
from symbackprop.language.latex.statements import parse


def tree(text, **options):
    """The statements of a formula, one a line in the result, with what was mended."""
    formula = parse(text, **options)
    lines = [" ".join([*([s.link] if s.link else []), shown(s.body), *map(shown, s.conditions)]) for s in formula.statements]
    return "\n".join([*lines, *(f"mended: {r.what}" for r in formula.repairs)])


def scripts(found):
    return "".join(s.mark + ("{" + ",".join(map(shown, s.items)) + "}" if s.items else "") for s in found)


def between(items, signs):
    return "".join(f" {sign} {shown(item)}" for item, sign in zip(items, signs, strict=True))


def shown(node):
    match node:
        case None:
            return ""
        case n.Nothing():
            return "?"
        case n.Name():
            style = f"{node.style}:" if node.style not in ("", "operatorname") else ""
            return "".join(f"{a}~" for a in node.accents) + style + node.id.lstrip("\\") + scripts(node.scripts)
        case n.Number():
            return node.text
        case n.Dots():
            return "..."
        case n.Text():
            return repr(node.text)
        case n.Scripted():
            return shown(node.of) + scripts(node.scripts)
        case n.Juxtaposition():
            return "(" + " ".join(map(shown, node.factors)) + ")"
        case n.Product():
            return "[" + shown(node.factors[0]) + between(node.factors[1:], node.signs) + "]"
        case n.Sum():
            return "{" + between(node.terms, node.signs).strip() + "}"
        case n.Chain():
            return "<" + shown(node.sides[0]) + between(node.sides[1:], node.signs) + ">"
        case n.Bracket():
            inside = "".join(shown(i) + s for i, s in zip(node.items, (*node.separators, ""), strict=False))
            return f"B{node.open}{inside}{node.shut}" + "".join(f" / {shown(s)}" for s in node.spaced)
        case n.Slice():
            return f"{shown(node.start)}:{shown(node.stop)}"
        case n.Call():
            return f"{shown(node.function)}@{shown(node.argument)}"
        case n.Leibniz():
            beside = "".join(f"{shown(b)} {sign} " for b, sign in node.beside)
            return f"{node.form}({node.sign}{scripts(node.scripts)} {shown(node.of)} | {beside}{', '.join(map(shown, node.by))})"
        case n.Condition():
            return " ".join(["when", *([node.word] if node.word else []), *map(shown, node.parts)])
        case n.Case():
            return " ".join(map(shown, (node.value, *node.conditions)))
        case n.Matrix():
            return f"{node.kind}({' | '.join(', '.join(map(shown, row)) for row in node.rows)})"
        case n.Cases():
            return f"cases({' | '.join(map(shown, node.rows))})"
        case n.Listing():
            return f"list({', '.join(map(shown, node.items))})"
        case n.Differential() | n.Operator() | n.Big():
            return f"{type(node).__name__}({node.sign}{scripts(node.scripts)} {shown(node.of)})"
    parts = [getattr(node, name) for name in node.__match_args__]
    return f"{type(node).__name__}({', '.join(shown(p) if isinstance(p, Node) else several(p) for p in parts)})"


def several(part):
    if not isinstance(part, tuple):
        return str(part)
    return scripts(part) if part and isinstance(part[0], n.Script) else ",".join(map(shown, part))
