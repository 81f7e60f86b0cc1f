"""What is wrong between formulas: a loss with a factor that its derivatives lack, a shape that what is printed contradicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symbackprop.formulas.notation.context import Conventions
from symbackprop.formulas.notation.trees import base_of, flat, plain, rebuilt
from symbackprop.formulas.said import Said
from symbackprop.formulas.verdict import ClaimVerdict
from symbackprop.language.latex import nodes as n
from symbackprop.notes.agreed import broken
from symbackprop.notes.background import Background, objectives
from symbackprop.notes.pieces import Piece, head_of, left_of, words_of
from symbackprop.notes.words import say

TURNED = {"layout numerator", "layout denominator", "layout gradient", "loose"}
"""Conditions that say that a derivative is printed the other way round."""


@dataclass(frozen=True)
class Finding:
    """Something between formulas: a sentence, the numbers of the formulas, and a verdict on a piece that follows from it."""

    because: Said | str
    numbers: tuple[int, ...] = ()
    instead: tuple[Piece, ClaimVerdict] | None = None


def findings(pieces: Sequence[Piece], verdicts: Mapping[int, ClaimVerdict], background: Background, said: Conventions) -> list[Finding]:
    """Everything that was found; `verdicts` are by the identity of their pieces."""
    judged = [(p, verdicts[id(p)]) for p in pieces if id(p) in verdicts]
    made = [*factors(pieces, judged, background, said), *turned(judged), *uphill(judged, background, said), *laplacians(judged)]
    return made


def factors(
    pieces: Sequence[Piece], judged: Sequence[tuple[Piece, ClaimVerdict]], background: Background, said: Conventions
) -> Iterator[Finding]:
    """Losses that are means of their terms, where derivatives are those of the sum."""
    rows: dict[int, list[Piece]] = {}
    by_id = {id(p): p for p in pieces}
    for piece, verdict in judged:
        if any(key(c) == "summed" for c in verdict.conditions):
            tops = {base_of(name) for name in objectives(piece)}
            for d in background.chosen(piece):
                if head_of(d.body) in tops and mean_of(d.body) is not None and id(d) in by_id:
                    rows.setdefault(id(d), []).append(piece)
    for at, found in rows.items():
        definition = by_id[at]
        factor, whole = (words_of(definition, part) for part in mean_of(definition.body) or ())
        name = words_of(definition, left_of(definition.body))
        numbers = (definition.formula.number, *dict.fromkeys(p.formula.number for p in found))
        yield Finding(say("contradiction factor", name=f"${name}$", factor=f"${factor}$"), numbers)
        if said.reduction == "single":
            because = say("averaged", factor=f"${factor}$", numbers=", ".join(map(str, numbers[1:])))
            wrong = ClaimVerdict(definition.latex, "wrong", because, kind="definition", corrected=f"{name} = {whole}")
            yield Finding("", (), (definition, wrong))


def mean_of(body: n.Node) -> tuple[n.Node, n.Node] | None:
    """1/3 and a + b + c of an equation whose right side is 1/3 (a + b + c)."""
    right = body.sides[-1] if isinstance(body, n.Chain) else None
    factors_ = right.factors if isinstance(right, n.Juxtaposition) else ()
    if len(factors_) != 2 or not isinstance(factors_[0], n.Fraction) or not isinstance(factors_[0].bottom, n.Number):
        return None
    inside = plain(factors_[1])
    if isinstance(inside, n.Sum) and str(len(inside.terms)) == factors_[0].bottom.text:
        return factors_[0], inside
    return None


def turned(judged: Sequence[tuple[Piece, ClaimVerdict]]) -> Iterator[Finding]:
    """Derivatives that are printed as rows where their shape says columns, or the other way round."""
    shapes = [(p, v) for p, v in judged if p.kind == "shape" and v.status == "holds" and not v.conditions]
    for piece, verdict in judged:
        if piece.kind != "claim" or not any(key(c) in TURNED for c in verdict.conditions):
            continue
        left = left_of(piece.body)
        if left is None:
            continue
        same = [p for p, _ in shapes if in_order(left_of(p.body)) == in_order(left)]
        tops = {base_of(name) for name in objectives(piece)}
        near = [p for p, _ in shapes if tops & {base_of(name) for name in objectives(p)}]
        for other in (same or near)[:1]:
            names = {"left": f"${words_of(piece, left)}$", "shape": f"${words_of(other, other.body)}$"}
            yield Finding(say("contradiction shape", **names), (other.formula.number, piece.formula.number))


def in_order(node: n.Node | None) -> str:
    """A tree as a key in which it does not matter what of a name's scripts stands first."""

    def ordered(p: n.Node) -> n.Node | None:
        if isinstance(p, n.Name) and len(p.scripts) > 1 and p.scripts[0].mark == "^" and p.scripts[1].mark == "_":
            return replace(p, scripts=(p.scripts[1], p.scripts[0], *p.scripts[2:]))
        return None

    return "" if node is None else flat(rebuilt(node, ordered))


def uphill(judged: Sequence[tuple[Piece, ClaimVerdict]], background: Background, said: Conventions) -> Iterator[Finding]:
    """Updates that go up the gradient."""
    for piece, verdict in judged:
        if piece.kind != "update" or verdict.status != "wrong":
            continue
        made = broken(piece, background.context(piece, said))
        if made is not None and made.kind == "uphill":
            yield Finding(say("contradiction uphill", name=f"${words_of(piece, left_of(piece.body))}$"), (piece.formula.number,))


def laplacians(judged: Sequence[tuple[Piece, ClaimVerdict]]) -> Iterator[Finding]:
    r"""\Delta f = (\partial f / \partial x, ...): the sign of a Laplacian before a gradient; with \nabla it defines that sign."""
    for piece, _ in judged:
        body = piece.body
        sign = listed_by(body)
        if sign in (r"\nabla", r"\partial"):
            yield Finding("", (), (piece, ClaimVerdict(piece.latex, "holds", say("defines"), kind="definition")))
        if sign == r"\Delta":
            corrected = piece.latex.replace(r"\Delta", r"\nabla", 1)
            wrong = ClaimVerdict(piece.latex, "wrong", say("laplacian"), kind="claim", corrected=corrected)
            yield Finding(say("contradiction laplacian"), (piece.formula.number,), (piece, wrong))


def listed_by(body: n.Node) -> str:
    r"""The sign before f on the left side where the right side lists the derivatives of f, all of first order: \nabla, \Delta, \partial."""
    if not isinstance(body, n.Chain) or len(body.sides) != 2 or body.signs[0] not in ("=", ":=", r"\triangleq", r"\equiv"):
        return ""
    left, entries = plain(body.sides[0]), _entries(body.sides[1])
    sign, top, by = "", None, None
    if isinstance(left, n.Operator) and left.of is not None:
        sign, top = left.sign, left.of
        by = next((i for s in left.scripts if s.mark == "_" for i in s.items), None)
    elif isinstance(left, n.Leibniz) and left.of is not None and len(left.by) == 1:
        sign, top, by = r"\partial", left.of, left.by[0]
    elif isinstance(left, n.Juxtaposition) and isinstance(left.factors[0], n.Name) and left.factors[0].id == r"\Delta":
        sign, top = r"\Delta", left.factors[1]
    f = head(top) if top is not None else None
    if f is None or not entries or not all(_is_entry(p, f, by) for p in entries):
        return ""
    return sign if len(entries) > 1 or by is not None else ""


def _entries(node: n.Node) -> list[n.Node]:
    """What stands in brackets, dots left out: a row, a matrix, or one entry that stands for all."""
    inside = node.of if isinstance(node, n.Scripted) else node
    if isinstance(inside, n.Bracket) and inside.open in ("(", "["):
        return [p for p in inside.items if not isinstance(p, n.Dots)]
    return [x for row in inside.rows for x in row if not isinstance(x, n.Dots)] if isinstance(inside, n.Matrix) else []


def _is_entry(node: n.Node, f: n.Name, by: n.Node | None) -> bool:
    """Whether this is a derivative of f by one variable; if it is known by what one derives, by a component of that."""
    if not isinstance(node, n.Leibniz) or node.of is None or len(node.by) != 1 or node.scripts:
        return False
    top, variable = head(node.of), plain(node.by[0])
    if top is None or base_of(top) != base_of(f) or not isinstance(variable, n.Name):
        return False
    name = plain(by) if by is not None else None
    return by is None or (isinstance(name, n.Name) and base_of(name) == base_of(variable) and bool(variable.scripts))


def head(node: n.Node) -> n.Name | None:
    """f of f and of f(x)."""
    node = plain(node)
    node = plain(node.factors[0]) if isinstance(node, n.Juxtaposition) else node
    return node if isinstance(node, n.Name) else None


def key(condition: Said | str) -> str:
    """The key of a sentence in its table."""
    return getattr(condition, "key", "")
