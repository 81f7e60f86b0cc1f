"""The right formula nearest to a wrong one: edits of a link that make it true, in the author's own text."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symbackprop.formulas import names as named
from symbackprop.formulas.bench import FAILURES, Bench
from symbackprop.formulas.context import Context
from symbackprop.formulas.edits.around import Around, Edit
from symbackprop.formulas.edits.every import USUAL, edits
from symbackprop.formulas.edits.spelled import differing, respelled, tidied
from symbackprop.formulas.links import Link
from symbackprop.formulas.readings import Reading
from symbackprop.formulas.trees import flat, has_derivative, parts, rebuilt
from symbackprop.formulas.trial import tried
from symbackprop.language.latex import nodes as n

SECONDS = 3.0
LEFT = 0.45
"""How much further an edit of the left side lies than the same one of the right side."""
FIRST, PAIRED = 120, 90
"""How many edits are combined with how many further ones."""
REMOVES = {"factor", "term"}


@dataclass(frozen=True)
class Correction:
    """A link that is true, what kind of edit led to it, and the whole claim with it; `places` are the columns that changed."""

    link: Link
    kind: str
    latex: str
    places: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Claim:
    """A claim as it was read: its text, its statements and links with labels found, what it rests on."""

    text: str
    statements: tuple[n.Statement, ...]
    links: tuple[Link, ...]
    context: Context

    @property
    def sides(self) -> list[n.Node]:
        """The bodies of its statements."""
        return [s.body for s in self.statements]


def corrected(claim: Claim, at: int, readings: Sequence[Reading], deadline: float | None = None) -> Correction | None:
    """A correction of the link `at`, which is wrong under all of `readings`; the first of these is tried first.

    None where no edit near it makes it true before the deadline (of time.monotonic).
    """
    return Search(claim, at, time.monotonic() + SECONDS if deadline is None else deadline).found(readings)


class Search:
    """Looks for a correction of one link of a claim."""

    def __init__(self, claim: Claim, at: int, deadline: float) -> None:
        self.claim, self.at, self.deadline = claim, at, deadline
        self.link = claim.links[at]
        self.tested = 0

    def found(self, readings: Sequence[Reading]) -> Correction | None:
        """The nearest correction under the readings: single edits under each, then pairs, then another member of the chain."""
        benches: list[tuple[Reading, Bench]] = []
        for reading in readings:
            bench = self.bench(reading)
            if bench is None:
                continue
            benches.append((reading, bench))
            for link, kind in self.singles(bench):
                made = self.confirmed(link, kind, reading)
                if made is not None:
                    return made
        member = self.member(readings)
        if member is not None:
            return member
        for reading, bench in benches:
            for link, kind in self.pairs(bench):
                made = self.confirmed(link, kind, reading)
                if made is not None:
                    return made
        return None

    def bench(self, reading: Reading) -> Bench | None:
        """Where edited links are tried, or None where not even one side has a value."""
        try:
            return Bench(self.link, self.claim.context, reading, self.claim.sides)
        except FAILURES:
            return None

    def is_late(self) -> bool:
        """Whether time ran out."""
        return time.monotonic() > self.deadline

    def singles(self, bench: Bench) -> Iterator[tuple[Link, str]]:
        """Links that one edit makes true at the points of the bench."""
        for link, edit in self.once(bench):
            if self.is_late():
                return
            self.tested += 1
            if self.is_serious(link) and bench.agrees(link):
                yield link, edit.kind

    def once(self, bench: Bench) -> list[tuple[Link, Edit]]:
        """All links that are one edit away, the nearest first."""
        link, about = self.link, bench.about
        made = [(replace(link, right=e.tree), e) for e in edits(link.right, about)]
        if self.may_edit_left():
            made += [(replace(link, left=e.tree), replace(e, cost=e.cost + LEFT)) for e in left_edits(link.left, about)]
        if link.sign in ("+=", "-="):
            made.append((replace(link, sign="-=" if link.sign == "+=" else "+="), Edit(link.right, "sign", 0.9)))
        return sorted(made, key=lambda pair: pair[1].cost)

    def pairs(self, bench: Bench) -> Iterator[tuple[Link, str]]:
        """Links that two of the likeliest edits make true."""
        if self.link.kind == "shape":
            return
        seen: set[n.Node] = set()
        firsts = [e for e in edits(self.link.right, bench.about, USUAL + 0.15)][:FIRST]
        for first in firsts:
            for second in edits(first.tree, bench.about, USUAL)[:PAIRED]:
                if self.is_late():
                    return
                if second.tree in seen or (first.kind in REMOVES and second.kind in REMOVES):
                    continue
                seen.add(second.tree)
                self.tested += 1
                link = replace(self.link, right=second.tree)
                if self.is_serious(link) and bench.agrees(link):
                    yield link, first.kind if first.kind == second.kind else f"{first.kind}, {second.kind}"

    def may_edit_left(self) -> bool:
        """Whether the left side begins its chain and is written in the claim."""
        left = self.link.left
        before = any(x.right is left for x in self.claim.links)
        return not before and any(p is left for s in self.claim.sides for p in parts(s))

    def is_serious(self, link: Link) -> bool:
        """Whether an edited link says something: its right side holds no copy of its left side that was not there before."""
        if link.right is not self.link.right:
            left = flat(link.left)
            return flat(link.right) != left and (not any(flat(p) == left for p in parts(link.right)) or any(flat(p) == left for p in parts(self.link.right)))
        return flat(link.left) != flat(link.right)

    # From a link that is true at some points to a claim.

    def confirmed(self, link: Link, kind: str, reading: Reading) -> Correction | None:
        """The correction with this link, if the whole claim with it is true at every point and can be written."""
        link = replace(link, left=tidied(link.left), right=tidied(link.right))
        changes = [(self.link.left, link.left), (self.link.right, link.right)]
        changes = [(a, b) for a, b in changes if a is not b]
        statements = self.changed(changes, link)
        if not self.is_true(link, reading, statements):
            return None
        statements = self.continued(link, changes, reading, statements)
        made = respelled(self.claim.text, self.claim.statements, statements, self.claim.context)
        return None if made is None else Correction(link, kind, *made)

    def changed(self, changes: Sequence[tuple[n.Node, n.Node]], link: Link) -> tuple[n.Statement, ...]:
        """The statements with sides replaced."""

        def new(p: n.Node) -> n.Node | None:
            made = next((b for a, b in changes if a is p), None)
            if made is None and link.sign != self.link.sign and isinstance(p, n.Chain) and any(s is self.link.right for s in p.sides):
                signs = tuple(link.sign if s is self.link.right else g for g, s in zip(p.signs, p.sides[1:], strict=True))
                return replace(p, signs=signs, sides=tuple(next((b for a, b in changes if a is s), s) for s in p.sides))
            return made

        return tuple(replace(s, body=rebuilt(s.body, new)) for s in self.claim.statements)

    def is_true(self, link: Link, reading: Reading, statements: Sequence[n.Statement]) -> bool:
        """Whether a link is true under a reading at every point."""
        return tried(link, self.claim.context, reading, [s.body for s in statements]).kind == "equal"

    def continued(self, link: Link, changes: list[tuple[n.Node, n.Node]], reading: Reading, statements: tuple[n.Statement, ...]) -> tuple[n.Statement, ...]:
        """The statements with the links that follow mended too: by the same change, else cut off."""
        old, new = self.link.right, link.right
        pairs = [pair for a, b in changes for pair in differing(a, b) or []]
        for k in range(self.at + 1, len(self.claim.links)):
            following = self.claim.links[k]
            if following.left is not old:
                break
            right = following.right
            if not self.is_true(replace(following, left=new), reading, statements):
                right = tidied(rebuilt(right, lambda p: next((b for a, b in pairs if a == p), None)))
                if right == following.right or not self.is_true(replace(following, left=new, right=right), reading, statements):
                    return self.cut(old, statements, new)
                changes.append((following.right, right))
                statements = self.changed(changes, link)
            old, new = following.right, right
        return statements

    def cut(self, side: n.Node, statements: tuple[n.Statement, ...], new: n.Node) -> tuple[n.Statement, ...]:
        """The statements without what follows a side in its chain."""
        made = []
        for before, after in zip(self.claim.statements, statements, strict=True):
            body = after.body
            if isinstance(body, n.Chain) and isinstance(before.body, n.Chain) and any(s is side for s in before.body.sides):
                at = next(k for k, s in enumerate(before.body.sides) if s is side)
                body = replace(body, sides=body.sides[: at + 1], signs=body.signs[:at])
            made.append(replace(after, body=body))
        return tuple(made)

    def member(self, readings: Sequence[Reading]) -> Correction | None:
        """A later member of the chain that equals a derivative on its left."""
        if not has_derivative(self.link.left) or self.link.kind != "claim":
            return None
        side = self.link.right
        for k in range(self.at + 1, len(self.claim.links)):
            following = self.claim.links[k]
            if following.left is not side or self.is_late():
                return None
            side = following.right
            link = replace(self.link, right=side)
            for reading in readings:
                if self.is_serious(link) and self.is_true(link, reading, self.claim.statements):
                    statements = tuple(replace(s, body=self.without(s.body, side)) for s in self.claim.statements)
                    made = respelled(self.claim.text, self.claim.statements, statements, self.claim.context)
                    if made is not None:
                        return Correction(link, "member", *made)
        return None

    def without(self, body: n.Node, kept: n.Node) -> n.Node:
        """A chain without the members between the left side of the link and the one that is kept."""
        if not isinstance(body, n.Chain) or not any(s is kept for s in body.sides) or not any(s is self.link.left for s in body.sides):
            return body
        first = next(k for k, s in enumerate(body.sides) if s is self.link.left)
        last = next(k for k, s in enumerate(body.sides) if s is kept)
        return replace(body, sides=body.sides[: first + 1] + body.sides[last:], signs=body.signs[:first] + body.signs[last - 1 :])


def left_edits(left: n.Node, about: Around) -> list[Edit]:
    """Edits of a left side: a nabla for a Delta, other indices or names in a derivative."""
    made = [e for e in edits(left, about, 1.6) if e.kind in ("index", "layer", "name", "transpose", "operator")]
    if isinstance(left, n.Juxtaposition) and isinstance(left.factors[0], n.Name) and left.factors[0].id == r"\Delta":
        rest = left.factors[1] if len(left.factors) == 2 else n.Juxtaposition(left.factors[1:], span=left.span)
        made.insert(0, Edit(n.Operator(r"\nabla", (), rest), "operator", 0.8))
    return made


__all__ = ["Claim", "Correction", "Mapping", "corrected", "named"]
