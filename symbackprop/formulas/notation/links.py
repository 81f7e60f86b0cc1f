"""A formula as links: pairs of sides that are said to be equal, each with the conditions it stands under."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.notation.losses import SURE_LOSSES
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.trees import base_of, children, flat, parts, plain
from symbackprop.language.latex import nodes as n

EQUAL = {"=", r"\equiv", r"\triangleq", r"\doteq", r"\approx", ":="}


OTHERWISE = ("otherwise", "else", "elsewhere")


@dataclass(frozen=True)
class Link:
    """left sign right, under conditions. `kind`: equation, update, shape."""

    left: n.Node
    right: n.Node
    sign: str = "="
    conditions: tuple[n.Condition, ...] = ()
    kind: str = "claim"

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands."""
        return self.left.span[0], self.right.span[1]


def links(statements: Sequence[n.Statement], context: Context) -> list[Link]:
    """All links of a formula. Raises UnreadError where something claims nothing."""
    made: list[Link] = []
    head: n.Node | None = context.continues
    before: tuple[n.Condition, ...] = ()
    for statement in statements:
        if any(c.word in OTHERWISE and not c.parts for c in statement.conditions):
            parts_before = tuple(x for c in before for x in c.parts)
            statement = replace(
                statement,
                conditions=tuple(
                    n.Condition("otherwise", parts_before, span=c.span) if c.word in OTHERWISE else c for c in statement.conditions
                ),
            )
        before = statement.conditions
        body = statement.body
        if isinstance(body, n.Nothing):
            continue
        if isinstance(body, n.Signature):
            continue
        if not isinstance(body, n.Chain):
            if context.continues is None or made:
                if isinstance(body, n.Cases) and head is not None:
                    made.append(Link(head, body, "=", statement.conditions))
                    continue
                raise UnreadError("this claims nothing: no relation stands in it", body)
            made.append(Link(context.continues, body, "=", statement.conditions))
            continue
        for sides, signs in split(body):
            sides = list(sides)
            if isinstance(sides[0], n.Nothing):
                if head is None:
                    raise UnreadError("the left side of this is not written", body)
                sides[0] = head
            head = sides[0]
            sides[-1], beside = conditioned(sides[-1])
            made += chained(sides, signs, statement.conditions + beside)
    if not made:
        raise UnreadError("this claims nothing")
    return made


def conditioned(side: n.Node) -> tuple[n.Node, tuple[n.Condition, ...]]:
    """A side and the condition in brackets behind it, as in p_j (j != y); a remark in brackets is left out."""
    if isinstance(side, n.Juxtaposition) and isinstance(side.factors[-1], n.Bracket) and len(side.factors[-1].items) == 1:
        inside = side.factors[-1].items[0]
        rest = side.factors[:-1]
        kept = rest[0] if len(rest) == 1 else replace(side, factors=rest, span=(side.span[0], rest[-1].span[1]))
        if isinstance(inside, n.Chain) and set(inside.signs) <= {"=", r"\ne", "<", ">", r"\le", r"\ge"}:
            return kept, (n.Condition("", (inside,), span=inside.span),)
        if any(isinstance(p, n.Text) and (" " in p.text.strip() or not p.text.isascii()) for p in parts(inside)):
            return kept, ()
    return side, ()


def split(body: n.Chain) -> Iterator[tuple[Sequence[n.Node], Sequence[str]]]:
    r"""A chain in which \to stands between claims, as these claims."""
    if r"\to" in body.signs and len(body.signs) > 1:
        start = 0
        for at, sign in enumerate([*body.signs, r"\to"]):
            if sign == r"\to":
                if at > start:
                    yield body.sides[start : at + 1], body.signs[start:at]
                start = at + 1
        return
    yield body.sides, body.signs


def chained(sides: Sequence[n.Node], signs: Sequence[str], conditions: tuple[n.Condition, ...]) -> list[Link]:
    """The links of one chain."""
    made = []
    for at, sign in enumerate(signs):
        left, right = sides[at], sides[at + 1]
        increment = increased(left) if sign == "=" else None
        if increment is not None and not isinstance(plain(right), n.Bracket):
            made.append(Link(increment, right, "+=", conditions, "update"))
            if at + 1 < len(signs):
                continue
        elif sign in (r"\in",):
            made.append(Link(left, right, sign, conditions, "shape"))
        elif is_update(left, right, sign):
            made.append(Link(left, right, sign, conditions, "update"))
        elif sign in EQUAL:
            made.append(Link(left, right, "=" if sign != r"\approx" else sign, conditions))
        elif sign == r"\propto":
            made.append(Link(left, right, sign, conditions))
        else:
            raise UnreadError(f"the relation {sign}", right)
    return made


def increased(left: n.Node) -> n.Node | None:
    r"""The w of \Delta w, where that is no loss."""
    if isinstance(left, n.Juxtaposition) and len(left.factors) == 2:
        head, name = left.factors
        if (
            isinstance(head, n.Name)
            and head.id == r"\Delta"
            and not head.scripts
            and isinstance(name, n.Name)
            and base_of(name) not in SURE_LOSSES
        ):
            return name
    return None


def is_update(left: n.Node, right: n.Node, sign: str) -> bool:
    """Whether this says what a parameter becomes."""
    if sign in ("+=", "-=", r"\leftarrow", r"\to"):
        return True
    left = plain(left)
    if not isinstance(left, n.Name) or not isinstance(right, n.Sum) or len(right.terms) < 2:
        return False
    return flat(plain(right.terms[0])) == flat(left) and right.signs[0] == ""


def free_letters(nodes: Sequence[n.Node], indices: frozenset[str]) -> list[str]:
    """The indices in these sides that no sum binds, in the order in which they appear."""
    found: list[str] = []
    for node in nodes:
        _free(node, frozenset(), indices, found)
    return list(dict.fromkeys(found))


BINDING = frozenset({"max", "min", "sum", "mean", "prod", "logsumexp", "lse"})
"""Functions that bind the index below them, as in max_j x_ij."""


def _free(node: n.Node, bound: frozenset[str], indices: frozenset[str], found: list[str]) -> None:
    if isinstance(node, n.Call) and node.function.id.lower() in BINDING and any(s.mark == "_" for s in node.function.scripts):
        _free(node.argument, bound | {flat(i) for s in node.function.scripts for i in s.items}, indices, found)
        return
    if isinstance(node, n.Big):
        below = [i for x in node.scripts if x.mark == "_" for i in x.items]
        letters: set[str] = set()
        for item in below:
            sides = item.sides if isinstance(item, n.Chain) else (item,)
            for head in sides[: 1 if not isinstance(item, n.Chain) or item.signs[0] in ("=", r"\ne", r"\in") else 2]:
                several = head.items if isinstance(head, n.Listing | n.Bracket) else getattr(head, "factors", (head,))
                for letter in several:
                    if isinstance(letter, n.Name):
                        letters.add(letter.id)
        if not below:
            inside: list[str] = []
            _free(node.of, bound, indices, inside)
            letters = set(inside) - set(found)
        for x in node.scripts:
            for item in x.items:
                _free(item, bound | letters, indices, found)
        _free(node.of, bound | letters, indices, found)
        return
    if isinstance(node, n.Name):
        for mark in "_^":
            for a in atoms(node.scripts, mark):
                for p in parts(a.tree):
                    if (
                        isinstance(p, n.Name)
                        and p.id in indices
                        and p.id not in bound
                        and not (mark == "^" and node.id == "e" and node.scripts[0].mark != "_" and p.id not in indices)
                    ):
                        found.append(p.id)
        if node.id in indices and not node.scripts and node.id not in bound:
            pass
        return
    if (
        isinstance(node, n.Scripted)
        and isinstance(node.of, n.Bracket)
        and any(isinstance(i, n.Chain) for x in node.scripts if x.mark == "_" for i in x.items)
    ):
        own = {
            p.id
            for x in node.scripts
            if x.mark == "_"
            for i in x.items
            for p in parts(i.sides[0] if isinstance(i, n.Chain) else i)
            if isinstance(p, n.Name)
        }
        _free(node.of, bound | own, indices, found)
        return
    if isinstance(node, n.Scripted):
        for a in atoms(node.scripts, "_"):
            for p in parts(a.tree):
                if isinstance(p, n.Name) and p.id in indices and p.id not in bound:
                    found.append(p.id)
    if isinstance(node, n.Chain):
        for side in node.sides:
            side = plain(side)
            if isinstance(side, n.Name) and not side.scripts and side.id in indices and side.id not in bound:
                found.append(side.id)
    for child in children(node):
        _free(child, bound, indices, found)
