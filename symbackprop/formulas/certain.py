"""Whether a claim that numbers refute can hardly have been misread: everything in it is declared, and written in plain notation."""

from collections.abc import Iterator

from symbackprop.formulas.meaning.meaning import Meaning
from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.links import Link, free_letters
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, has_derivative, operands, parts
from symbackprop.formulas.outcome import Outcome
from symbackprop.language.latex import nodes as n

LOOSE = n.Dots | n.Evaluated | n.Slice | n.Listing | n.Signature | n.Operator
"""What may stand for much: lists that go on, values at a point, slices; the operators that are no gradient of a known name."""
KINKED = {"max", "min", "relu", "maximum", "minimum", "hinge", "leakyrelu"}


def is_plain(link: Link, outcome: Outcome, context: Context) -> bool:
    """Whether both sides and the equations they rest on leave no choice of meaning, so that a mismatch is no misreading."""
    return not any(True for _ in doubts(link, outcome, context))


def doubts(link: Link, outcome: Outcome, context: Context) -> Iterator[str]:
    """What may have been misread of a claim and its context, or be said without a condition that everyone knows."""
    names = outcome.names
    if outcome.kind != "differs" or names is None or link.kind != "claim":
        yield "kind"
        return
    if context.unread or context.expressions:
        yield "unread"
    sides = (link.left, link.right)
    for statement in context.statements:
        body = statement.body
        chain = body.sides if isinstance(body, n.Chain) else ()
        labelled = bool(chain) and isinstance(chain[0], n.Scripted)  # (L_n)_{uv}: entries of what bears a label
        if labelled or (chain and names.left_side(chain[0])[0] is None):
            yield f"left {flat(body)}"
        if chain and set(free_letters(chain[1:], names.indices)) - set(free_letters(chain[:1], names.indices)) and not has_derivative(body):
            yield f"index {flat(body)}"
        yield from loose(body)
    if any(map(kinks, (s.body for s in context.statements))) and not any(map(kinks, sides)):
        yield "kink"
    for side in sides:
        yield from loose(side)
        bound = {x for p in parts(side) if isinstance(p, n.Big) for x in heads(p)}
        functions = {id(p.function) for p in parts(side) if isinstance(p, n.Call)}
        for p in operands(side):
            if isinstance(p, n.Name) and id(p) not in functions and p.id not in bound and not is_understood(p, names):
                yield f"name {flat(p)}"


def is_einstein(context: Context) -> bool:
    """Whether an equation has a letter below two factors of a product that no sum binds and its left side lacks: Einstein's convention."""
    for statement in context.statements:
        sides = statement.body.sides if isinstance(statement.body, n.Chain) else ()
        free = {x for p in (parts(sides[0]) if sides else ()) if isinstance(p, n.Name) for x in below(p)}
        bound = {x for side in sides for p in parts(side) if isinstance(p, n.Big) for x in set_letters(p)}
        for p in (p for side in sides[1:] for p in parts(side) if isinstance(p, n.Juxtaposition)):
            letters = [x for f in p.factors if isinstance(f, n.Name) for x in set(below(f))]
            if any(letters.count(x) > 1 for x in set(letters) - free - bound):
                return True
    return False


def below(name: n.Name) -> list[str]:
    """The single letters below a name that has two of them or more."""
    found = atoms(name.scripts, "_")
    return [a.text for a in found if isinstance(a.tree, n.Name) and len(a.text) == 1] if len(found) > 1 else []


def set_letters(big: n.Big) -> set[str]:
    """All letters below a sum."""
    return {p.id for x in big.scripts for i in x.items for p in parts(i) if isinstance(p, n.Name)}


def loose(tree: n.Node) -> Iterator[str]:
    """What of a side has several meanings."""
    for p in operands(tree):
        if isinstance(p, LOOSE | n.Text) and not (isinstance(p, n.Operator) and p.sign == r"\nabla" and p.scripts):
            yield type(p).__name__
        if isinstance(p, n.Big) and not is_ranged(p):
            yield f"sum {flat(p)}"
        if isinstance(p, n.Bracket) and any(isinstance(i, n.Chain) for i in p.items):
            yield f"bracket {flat(p)}"


def kinks(tree: n.Node) -> bool:
    """Whether a function with a kink stands here, or an indicator or cases that tell its sides apart."""
    return any(isinstance(p, n.Indicator | n.Cases) or (isinstance(p, n.Call) and p.function.id.lower() in KINKED) for p in parts(tree))


def heads(big: n.Big) -> list[str]:
    """The letters that a sum runs over; none where it runs over something else."""
    below = [i.sides[0] if isinstance(i, n.Chain) else i for x in big.scripts if x.mark == "_" for i in x.items]
    below = [f for i in below for f in (i.items if isinstance(i, n.Listing) else getattr(i, "factors", (i,)))]
    return [flat(i) for i in below] if all(isinstance(i, n.Name) for i in below) else []


def is_ranged(big: n.Big) -> bool:
    """Whether a sum runs over whole axes, up to what is written, or over all but one."""
    found = heads(big)
    conditions = [i for x in big.scripts if x.mark == "_" for i in x.items if isinstance(i, n.Chain)]
    return bool(found) and all(set(c.signs) <= {"=", r"\ne"} and (c.signs[0] == "=" or len(found) == 1) for c in conditions)


def is_understood(name: n.Name, names: Meaning) -> bool:
    """Whether a name is a number, a size, an index, or declared with as many scripts as it bears here."""
    base = base_of(name)
    if name.id in names.indices and base in names.known:
        return False
    if name.id in names.indices or name.id in ("e", r"\pi", "I", "1", r"\delta") or names.is_size(name, {}):
        return True
    rows = names.known.get(base, ())
    below = atoms(name.scripts, "_")
    above = [a for a in atoms(name.scripts, "^") if a.text not in (*TRANSPOSES, "-1", "-T", "2")]
    for k in rows:
        axes = 0 if k.axes is None else len(k.axes)
        letters = [s for s in k.pattern.above if s.number is None]
        if len(below) - len(k.pattern.below) in (0, axes) and len(above) == len(letters):
            return True
    return not rows and not name.scripts and base in names.used_as_functions()
