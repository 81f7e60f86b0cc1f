"""The right formula nearest to a wrong one: edits of a link that make it true, in the author's own text."""

import heapq
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from symbackprop.formulas.bench import FAILURES, Bench
from symbackprop.formulas.edits.around import Around, Edit
from symbackprop.formulas.edits.every import USUAL, edits
from symbackprop.formulas.edits.products import closing
from symbackprop.formulas.edits.spelled import differing, respelled, tidied
from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.links import Link
from symbackprop.formulas.notation.readings import Reading
from symbackprop.formulas.notation.trees import flat, has_derivative, parts, plain, rebuilt
from symbackprop.formulas.trial import tried
from symbackprop.language.latex import nodes as n

SECONDS = 3.0
MOST = 900
"""How many edited links are tried: a count, so that what is found does not hang on the speed of a machine."""
LEFT = 0.45
"""How much further an edit of the left side lies than the same one of the right side."""
LATER = 1.56
"""How far an edit of a later member of a chain may lie."""
FIRST, PAIRED = 120, 90
"""How many edits are combined with how many further ones."""
ADDED = 1.5
"""From this cost on an edit puts a factor in, and a further constant is no news."""
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

    None where no edit near it makes it true before the deadline (of time.process_time).
    """
    with np.errstate(all="ignore"):
        return Search(claim, at, time.process_time() + SECONDS if deadline is None else deadline).found(readings)


class Search:
    """Looks for a correction of one link of a claim."""

    def __init__(self, claim: Claim, at: int, deadline: float) -> None:
        self.claim, self.at, self.deadline = claim, at, deadline
        self.link = claim.links[at]
        self.side = parted(self.link.right)
        self.tested = 0
        self.readings: Sequence[Reading] = ()
        self.given = {
            (flat(plain(a)), flat(plain(b)))
            for s in claim.context.statements
            if isinstance(s.body, n.Chain)
            for a, b in zip(s.body.sides, s.body.sides[1:], strict=False)
        }

    def found(self, readings: Sequence[Reading]) -> Correction | None:
        """The nearest correction under the readings: one edit under each, one with a constant, another member of the chain, two edits."""
        self.readings = readings
        benches = [(reading, bench) for reading in readings if (bench := self.bench(reading)) is not None]
        if any(bench.factor(self.link) == 1 for _, bench in benches):
            return None
        for reading, bench in benches:
            made = self.first(self.singles(bench), reading)
            if made is not None:
                return made
        made = self.member(readings)
        if made is not None:
            return made
        for reading, bench in benches:
            made = self.first(self.pairs(bench), reading)
            if made is not None:
                return made
        return None

    def first(self, found: Iterator[tuple[Link, str]], reading: Reading) -> Correction | None:
        """The first that is true at every point and can be written."""
        for link, kind in found:
            made = self.confirmed(link, kind, reading)
            if made is not None:
                return made
        return None

    def bench(self, reading: Reading) -> Bench | None:
        """Where edited links are tried, or None where not even one side has a value."""
        try:
            return Bench(self.link, self.claim.context, reading, self.claim.sides, self.deadline) if not self.is_late() else None
        except FAILURES:
            return None

    def is_late(self) -> bool:
        """Whether enough was tried, or time ran out."""
        return self.tested > MOST * max(1, len(self.readings)) or time.process_time() > self.deadline

    def singles(self, bench: Bench) -> Iterator[tuple[Link, str]]:
        """Links that one edit makes true at the points of the bench, then those that one edit and a constant factor do."""
        nearly: list[tuple[Link, Edit, float]] = []
        for link, edit in self.once(bench):
            if self.is_late():
                return
            factor = self.factor(link, bench)
            if factor == 1:
                yield link, edit.kind
            elif factor is not None and (edit.kind != "factor" or edit.cost < ADDED):
                nearly.append((link, edit, factor))
        for link, edit, factor in nearly:
            for right in closing(link.right, factor, bench.about):
                further = replace(link, right=right)
                if self.factor(further, bench) == 1:
                    yield further, joined(edit.kind, "sign" if factor == -1 else "factor")

    def factor(self, link: Link, bench: Bench) -> float | None:
        """What an edited link misses as a factor on the bench; None where it says nothing."""
        self.tested += 1
        return bench.factor(link) if self.is_serious(link) else None

    def once(self, bench: Bench) -> Iterator[tuple[Link, Edit]]:
        """All links that are one edit away, the nearest first."""
        link, about = self.link, bench.about
        rows: list[Iterator[tuple[Link, Edit]]] = [((replace(link, right=tree), e) for tree, e in edits(self.side, about))]
        if self.may_edit_left():
            rows.append((replace(link, left=tree), replace(e, cost=e.cost + LEFT)) for tree, e in left_edits(link.left, about))
        if link.sign in ("+=", "-="):
            rows.append(iter([(replace(link, sign="-=" if link.sign == "+=" else "+="), Edit(link.right, "sign", 0.9))]))
        return heapq.merge(*rows, key=lambda pair: pair[1].cost)

    def pairs(self, bench: Bench) -> Iterator[tuple[Link, str]]:
        """Links that two of the likeliest edits make true."""
        if self.link.kind == "shape" or any(isinstance(p, n.Dots) for p in parts(self.link.right)):
            return
        seen: set[n.Node] = set()
        for tree, first in itertools.islice(edits(self.side, bench.about, LATER), FIRST):
            for again, second in itertools.islice(edits(tree, bench.about, USUAL), PAIRED):
                if self.is_late():
                    return
                if again in seen or (first.kind in REMOVES and second.kind in REMOVES):
                    continue
                seen.add(again)
                link = replace(self.link, right=again)
                if self.factor(link, bench) == 1:
                    yield link, joined(first.kind, second.kind)

    def may_edit_left(self) -> bool:
        """Whether the left side begins its chain and is written in the claim."""
        left = self.link.left
        before = any(x.right is left for x in self.claim.links)
        return not before and any(p is left for s in self.claim.sides for p in parts(s))

    def is_serious(self, link: Link) -> bool:
        """Whether an edited link says something: no copy of its left side, no a - a, no da/da, not what the context says anyway."""
        if link.left == link.right or any(is_idle(p) for p in parts(link.right)) or (flat(link.left), flat(link.right)) in self.given:
            return False
        copied = link.right is not self.link.right and any(p == link.left for p in parts(link.right))
        return not copied or any(p == link.left for p in parts(self.link.right))

    # From a link that is true at some points to a claim.

    def confirmed(self, link: Link, kind: str, reading: Reading) -> Correction | None:
        """The correction with this link, if the whole claim with it is true at every point and can be written."""
        link = replace(link, left=tidied(link.left), right=tidied(link.right))
        changes = [(self.link.left, link.left), (self.link.right, link.right)]
        changes = [(a, b) for a, b in changes if a is not b]
        statements = self.changed(changes, link)
        if not self.is_true(link, reading, statements):
            return None
        statements = self.beside(link, changes, reading, self.continued(link, changes, reading, statements))
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

    def continued(
        self, link: Link, changes: list[tuple[n.Node, n.Node]], reading: Reading, statements: tuple[n.Statement, ...]
    ) -> tuple[n.Statement, ...]:
        """The statements with the links that follow mended too: by the same change or by one of their own, else cut off."""
        old, new = self.link.right, link.right
        pairs = [pair for a, b in changes for pair in differing(a, b) or []]
        for k in range(self.at + 1, len(self.claim.links)):
            following = self.claim.links[k]
            if following.left is not old:
                break
            now = replace(following, left=new)
            if not self.is_true(now, reading, statements):
                right = tidied(rebuilt(now.right, lambda p: next((b for a, b in pairs if a == p), None)))
                if right == now.right or not self.is_true(replace(now, right=right), reading, statements):
                    mended = self.mended(now, k, reading, statements)
                    if mended is None:
                        return self.cut(old, statements, new)
                    right = mended
                changes.append((now.right, right))
                statements = self.changed(changes, link)
                now = replace(now, right=right)
            old, new = following.right, now.right
        return statements

    def beside(
        self, link: Link, changes: list[tuple[n.Node, n.Node]], reading: Reading, statements: tuple[n.Statement, ...]
    ) -> tuple[n.Statement, ...]:
        """The statements with others that are wrong in all readings mended too, where one edit does it."""
        new = statements
        for k, other in enumerate(self.claim.links):
            if other is self.link:
                continue
            chained = any(x.right is other.left for x in self.claim.links)
            if chained or other.kind != "claim" or any(a is other.right for a, _ in changes) or self.is_late():
                continue
            if any(tried(other, self.claim.context, r, self.claim.sides).kind not in ("differs", "misfit", "shape") for r in self.readings):
                continue
            right = self.mended(other, k, reading, new)
            if right is not None:
                new = tuple(replace(s, body=in_place(s.body, other.right, right)) for s in new)
        return new

    def mended(self, link: Link, at: int, reading: Reading, statements: Sequence[n.Statement]) -> n.Node | None:
        """The right side of a later link after one edit that makes it true."""
        links = (*self.claim.links[:at], link, *self.claim.links[at + 1 :])
        inner = Search(replace(self.claim, links=links, statements=tuple(statements)), at, self.deadline)
        bench = inner.bench(reading)
        if bench is None:
            return None
        for tree, _ in edits(link.right, replace(bench.about, ratio=None), LATER):
            if self.is_late():
                return None
            found = replace(link, right=tidied(tree))
            if inner.factor(found, bench) == 1 and self.is_true(found, reading, statements):
                return found.right
        return None

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


def joined(first: str, second: str) -> str:
    """The kinds of two edits."""
    return first if first == second else f"{first}, {second}"


def parted(side: n.Node) -> n.Node:
    """A side with commas between the entries of rows that only spaces part: edits are of entries."""

    def row(p: n.Node) -> n.Node | None:
        if isinstance(p, n.Bracket) and len(p.items) == 1 and len(p.spaced) > 1:
            return replace(p, items=p.spaced, separators=(",",) * (len(p.spaced) - 1), spaced=())
        return None

    return rebuilt(side, row)


def in_place(tree: n.Node, old: n.Node, new: n.Node) -> n.Node:
    """A tree with one part replaced."""
    return rebuilt(tree, lambda p: new if p is old else None)


def is_idle(node: n.Node) -> bool:
    """Whether a term and its opposite stand in a sum, or a derivative of something by itself."""
    if isinstance(node, n.Leibniz):
        return len(node.by) == 1 and node.of == node.by[0]
    if not isinstance(node, n.Sum):
        return False
    signed = {("-" if s == "-" else "+", flat(t)) for s, t in zip(node.signs, node.terms, strict=True)}
    return any(("+", t) in signed for s, t in signed if s == "-")


def left_edits(left: n.Node, about: Around) -> Iterator[tuple[n.Node, Edit]]:
    """Edits of a left side: a nabla for a Delta, other indices or names in a derivative."""
    if isinstance(left, n.Juxtaposition) and isinstance(left.factors[0], n.Name) and left.factors[0].id == r"\Delta":
        rest = left.factors[1] if len(left.factors) == 2 else n.Juxtaposition(left.factors[1:], span=left.span)
        yield n.Operator(r"\nabla", (), rest), Edit(left, "operator", 0.8)
    for tree, edit in edits(left, about, LATER):
        if edit.kind in ("index", "layer", "name", "transpose"):
            yield tree, edit
