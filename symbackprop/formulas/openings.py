"""Left sides that nothing defines: definitions, and what they are held against."""

from dataclasses import replace

from symbackprop.formulas import words
from symbackprop.formulas.meaning.functions import SPELLED_OUT
from symbackprop.formulas.meaning.meaning import Meaning
from symbackprop.formulas.names.definitions import assumed_symmetric
from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.links import Link
from symbackprop.formulas.notation.readings import usual
from symbackprop.formulas.notation.trees import base_of, flat, has_derivative, operands, parts, plain
from symbackprop.formulas.numbers.functions import ENTRYWISE, SQUASHED
from symbackprop.formulas.numbers.wholes import WHOLE
from symbackprop.formulas.trial import is_zero, tried
from symbackprop.formulas.verdict import ClaimVerdict
from symbackprop.language.latex import nodes as n

KNOWN = {*ENTRYWISE, *WHOLE, *SPELLED_OUT, "det", "logdet", "exp", "log", "ln", "max", "min", "sum", "mean", "norm"}
"""Functions that no claim defines."""


def is_assumption(link: Link) -> bool:
    """Whether this says that a matrix is symmetric."""
    return bool(assumed_symmetric(n.Chain((link.left, link.right), ("=",))))


def is_open(link: Link, context: Context, sides: list[n.Node]) -> bool:
    """Whether the left side is a name that nothing defines: then this says what it is."""
    names = Meaning(context, usual(context.conventions), sides)
    head, _, _ = names.left_side(link.left)
    if head is None or isinstance(plain(link.left), n.Differential) or names.is_size(head, {}):
        return False
    if head.accents and head.accents[0] in names.differentiating:
        return False
    rows = names.known.get(base_of(head), [])
    env = dict.fromkeys(names.indices, 2)
    fits = names.candidates(base_of(head), names.positions(head.scripts, "_", env), names.positions(head.scripts, "^", env))
    known = [k for k, fit in fits if not any(p.number is None for p in (*fit.below, *fit.above))]
    if rows and not known and any(p.label for p in names.pattern_of(head).below):
        return flat(head) not in {flat(p) for s in context.statements for p in parts(s.body)}
    if any(k.right is not None for k in rows) or head.id in ("e", "1", "I", "0") or names.signatures.get(base_of(head)):
        return False
    if isinstance(link.left, n.Call) and link.left.function.style == "operatorname" and link.left.function.id.lower() in KNOWN:
        return False
    if base_of(head) in SQUASHED and names.used_as_functions() & SQUASHED:
        return False
    used = {
        base_of(p)
        for s in context.statements
        if isinstance(s.body, n.Chain)
        for side in s.body.sides
        for p in operands(side)
        if isinstance(p, n.Name)
    }
    small = {u.lower() for u in used}
    return base_of(head) not in used - constrained(context) and (
        base_of(head).lower() not in small or base_of(head) in constrained(context)
    )


def constrained(context: Context) -> set[str]:
    """Names of which the context gives a derivative and no equation."""
    made = set()
    for s in context.statements:
        if isinstance(s.body, n.Chain) and isinstance(plain(s.body.sides[0]), n.Leibniz):
            of = plain(s.body.sides[0]).of  # type: ignore[attr-defined]
            if isinstance(of, n.Name):
                made.add(base_of(of))
    return made


def opened(link: Link, context: Context) -> tuple[str, Context, Link | None]:
    """The context with this definition; where it says something of the name already, that is what is to be judged."""
    body = n.Chain((link.left, link.right), ("=",), span=link.span)
    further = replace(context, statements=(*context.statements, n.Statement(body, span=link.span)))
    for s in context.statements:
        if isinstance(s.body, n.Chain) and isinstance(plain(s.body.sides[0]), n.Leibniz):
            of = plain(s.body.sides[0]).of  # type: ignore[attr-defined]
            left = plain(link.left)
            if isinstance(of, n.Name) and isinstance(left, n.Name) and flat(of) == flat(left):
                return "claim", further, Link(s.body.sides[0], s.body.sides[1])
    return "definition", further, None


def defining(claim: str, link: Link, context: Context, sides: list[n.Node]) -> ClaimVerdict:
    """The verdict on a definition: it holds where the name is declared and everything fits its shape."""
    names = Meaning(context, usual(context.conventions), sides)
    head, _, scripts = names.left_side(link.left)
    head = replace(head, scripts=head.scripts + scripts) if head is not None else None
    declared = head is not None and any(k.axes is not None for k in names.known.get(base_of(head), []))
    plainly = replace(link, left=head if head is not None else link.left)
    made = tried(plainly, context, usual(context.conventions), sides)
    if made.kind == "equal" and declared:
        return ClaimVerdict(claim, "holds", words.say("definition"), kind="definition")
    reason = words.say("undefined", name=flat(link.left)) if made.kind == "equal" else words.say("not understood", reason=made.text)
    return ClaimVerdict(claim, "unknown", reason, kind="definition")


SOLUTIONS = {"*", r"\star", r"\ast", "opt", "ML", "MLE", "MAP", "OLS", "LS", "ridge", "min", "best"}
HATS = {"hat", "widehat"}


def given_zeros(context: Context) -> tuple[n.Chain, ...]:
    """What the context says is 0 though nothing makes it so: a gradient at the point that is looked for."""
    chains = [s.body for s in context.statements if isinstance(s.body, n.Chain) and set(s.body.signs) == {"="}]
    return tuple(c for c in chains if is_zero(c.sides[-1]) and has_derivative(c.sides[0]))


def solution(link: Link, context: Context) -> Link:
    """A link about a stationary point with that point's name, as in w^* or \\hat w, as the variable it is a value of."""
    left = plain(link.left)
    known = {flat(d.name) for d in context.declared}
    if not isinstance(left, n.Name) or flat(left) in known:
        return link
    scripts = tuple(s for s in left.scripts if not all(flat(i) in SOLUTIONS for i in s.items))
    bare = replace(left, scripts=scripts, accents=tuple(a for a in left.accents if a not in HATS))
    return replace(link, left=bare) if flat(bare) in known else link
