"""Steps of a descent whose parameter says which step it belongs to: W_{t+1} = W_t - ..., w_new = w - ..., w' = w - ..."""

from dataclasses import replace

from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.references import Atom, atoms
from symbackprop.formulas.notation.trees import base_of, flat, plain, rebuilt
from symbackprop.language.latex import nodes as n

AFTER = {"new", "next", "neu", "updated", "+", "*", "t+1", "k+1", "i+1", "n+1", r"\tau+1"}
ASSIGNS = {"=", ":=", r"\equiv", r"\leftarrow", r"\gets", r"\to"}
BEFORE = {"old", "prev", "current", "alt", ""}


def unstepped(statement: n.Statement, context: Context) -> n.Statement:
    """A claim without the marks of steps, if it is such an update: then it reads W = W - ..."""
    body = statement.body
    if not isinstance(body, n.Chain):
        return statement
    for left, right, sign in zip(body.sides, body.sides[1:], body.signs, strict=False):
        name = plain(left)
        gone = step_marks(name, right, context) if isinstance(name, n.Name) and sign in ASSIGNS else set()
        if gone and isinstance(name, n.Name):
            base = base_of(name)

            def bare(p: n.Node, base: str = base, gone: set[tuple[str, str]] = gone) -> n.Node | None:
                return without(p, gone) if isinstance(p, n.Name) and base_of(p) == base and gone & set(marks(p)) else None

            return replace(statement, body=rebuilt(body, bare))
    return statement


def step_marks(left: n.Name, right: n.Node, context: Context) -> set[tuple[str, str]]:
    """The marks that tell the parameter before a step from that after it; none where this is no such update."""
    if not isinstance(right, n.Sum) or len(right.terms) < 2 or right.signs[0]:
        return set()
    first = plain(right.terms[0])
    if not isinstance(first, n.Name) or base_of(first) != base_of(left) or first.style != left.style:
        return set()
    ours, theirs = marks(left), marks(first)
    mine, old = [m for m in ours if m not in theirs], [m for m in theirs if m not in ours]
    if len(mine) != 1 or len(old) > 1 or not follows(mine[0][1], old[0][1] if old else ""):
        return set()
    if any(base_of(d.name) == base_of(left) and {k for k, _ in marks(d.name)} >= {k for k, _ in ours} for d in context.declared):
        return set()
    return {*mine, *old}


def marks(name: n.Name) -> list[tuple[str, str]]:
    """What stands above and below a name, primes among it."""
    return [m for s in name.scripts for m in marks_in(s)]


def marks_in(script: n.Script) -> list[tuple[str, str]]:
    """What a script says; new, old and the like are one word."""
    if script.mark.startswith("'"):
        return [(script.mark, "'")]
    word = "".join(map(flat, script.items)).replace(" ", "")
    if word.lower() in AFTER | BEFORE:
        return [(script.mark, word)]
    return [(script.mark, spelled(a)) for a in atoms([script], script.mark)]


def spelled(atom: Atom) -> str:
    """What an atom says, with a bracket before it where it stood in one."""
    return ("(" if atom.bracket else "") + atom.text.replace(" ", "")


def follows(after: str, before: str) -> bool:
    """Whether one mark is that of the next step: t + 1 after t, t after t - 1, new after old or nothing."""
    after, before = after.lstrip("("), before.lstrip("(")
    if after in ("'", "''") or after.lower() in AFTER:
        return before.lower() in BEFORE or after == f"{before}+1"
    return bool(before) and (after == f"{before}+1" or before == f"{after}-1" or (after.isdigit() and before == str(int(after) - 1)))


def without(name: n.Name, gone: set[tuple[str, str]]) -> n.Name:
    """A name without these marks."""
    scripts: list[n.Script] = []
    for s in name.scripts:
        if not gone & set(marks_in(s)):
            scripts.append(s)
        elif len(marks_in(s)) > 1:
            kept = [a for a in atoms([s], s.mark) if (s.mark, spelled(a)) not in gone]
            items = tuple(n.Bracket(a.bracket, (a.tree,), (), ")", span=a.tree.span) if a.bracket else a.tree for a in kept)
            scripts.append(replace(s, items=items))
    return replace(name, scripts=tuple(scripts))
