"""From the text of a formula to its statements: claims side by side, conditions at their end, lines that go on."""

from collections.abc import Iterable
from dataclasses import replace

from symbackprop.language.latex import commands as known
from symbackprop.language.latex.cleaning import classify
from symbackprop.language.latex.commands import plain
from symbackprop.language.latex.leaves import continued, relational
from symbackprop.language.latex.macros import Macros, expanded
from symbackprop.language.latex.nodes import (
    Bracket,
    Cases,
    Chain,
    Condition,
    Dots,
    Formula,
    Juxtaposition,
    Listing,
    Matrix,
    Name,
    Node,
    Nothing,
    Number,
    Product,
    Repair,
    Signature,
    Statement,
    Sum,
    Text,
)
from symbackprop.language.latex.pairs import paired
from symbackprop.language.latex.parser import Parser

BESIDE = "\\\\"
CONDITIONAL = {r"\ne", "<", ">", r"\le", r"\ge", r"\in", r"\notin", r"\ll", r"\gg", r"\subset", r"\subseteq"}


def parse(text: str, macros: Macros | None = None, words: Iterable[str] = ()) -> Formula:
    """The tree of a formula. `macros` are those of the document, `words` the names of several letters that it uses bare.

    Raises FormulaError, with the place, where the text can't be read.
    """
    raw, table = expanded(text, macros or {})
    repairs: list[Repair] = []
    tokens = paired(classify(raw, text, tuple(words), repairs), text, repairs)
    statements = _Statements(tokens, text, repairs).all()
    mended = {(r.what, r.span): r for r in repairs}
    return Formula(statements, text, tuple(sorted(mended.values(), key=lambda r: r.span)), table)


class _Statements(Parser):
    """Reads statement by statement."""

    def all(self) -> tuple[Statement, ...]:
        """All statements of the display."""
        found: list[Statement] = []
        link = ""
        while True:
            while self.here.kind in ("&", "break", "comma", "period"):
                self.take()
            token = self.here
            if token.kind == "stop":
                break
            if token.kind == "follows":
                link = self.take().text
            elif token.kind == "text" and plain(token.text) in known.AND | known.THEN:
                self.take()
            else:
                for statement in self.statement(link if found or link not in ("", BESIDE) else ""):
                    self.add(statement, found)
                link = BESIDE if found else link
        if not found:
            self.fail("there is nothing to read here")
        return tuple(found)

    def add(self, statement: Statement, found: list[Statement]) -> None:
        """Add a statement; prose alone is a remark on the one before."""
        if not isinstance(statement.body, Nothing) or statement.conditions:
            found.append(statement)
        elif found:
            found[-1] = replace(found[-1], remarks=found[-1].remarks + statement.remarks)

    def statement(self, link: str) -> list[Statement]:
        """One statement; a system of equations in a brace is several."""
        start = self.at
        conditions: list[Condition] = []
        remarks: list[Text] = []
        self.lines = True
        self.leading(conditions, remarks)
        if self.here.kind in ("stop", "break", "follows") or (self.here.kind == "text" and plain(self.here.text) == ";"):
            return [Statement(Nothing(span=self.here.span), tuple(conditions), link, tuple(remarks), span=self.span(start))]
        body = self.item()
        while True:
            before = self.at
            further = self.tail(body, conditions, remarks)
            if further is None:
                break
            if self.at == before:
                self.expected("a sign or the end of the formula")
            body = further
        rows = system(body)
        if rows:
            links = (link, *[BESIDE] * (len(rows) - 1))
            return [Statement(r, tuple(conditions), l, tuple(remarks), span=r.span) for r, l in zip(rows, links, strict=True)]
        return [Statement(body, tuple(conditions), link, tuple(remarks), span=self.span(start))]

    def leading(self, conditions: list[Condition], remarks: list[Text]) -> None:
        """Conditions and prose that stand before the claim."""
        while self.here.kind == "text" and not self.starts(self.here):
            token = self.here
            if plain(token.text) == ";":
                return
            if plain(token.text) not in known.IF:
                remarks.append(Text(self.take().text, span=token.span))
                continue
            outer, self.colons, self.lines = self.colons, False, False
            self.worded(conditions)
            self.further(conditions)
            self.colons, self.lines = outer, True
            while self.here.kind in ("comma", "&") or (self.here.kind == "relation" and self.here.text == ":"):
                self.take()

    def further(self, conditions: list[Condition]) -> None:
        """More things in the list at the end of a condition that leads: for i = 1, 2, 3."""
        while self.here.kind == "comma" and conditions[-1].parts:
            start = self.at
            self.take()
            more = self.chain() if self.starts(self.here) else None
            if more is None or isinstance(more, Chain | Signature) or self.here.kind == "stop":
                self.at = start
                return
            last = conditions.pop()
            conditions.append(Condition(last.word, (*last.parts[:-1], longer(last.parts[-1], [more])), span=last.span))

    def tail(self, body: Node, conditions: list[Condition], remarks: list[Text]) -> Node | None:
        """Take in what follows a claim; the claim as it is then, or None where it ends."""
        token = self.operator()
        if token.kind == "period" or token.kind == "&":
            self.take()
            return body
        if token.kind == "text":
            return self.word(body, conditions, remarks)
        if token.kind == "relation" and not conditions:
            return self.joined(body)
        if token.kind == "break":
            return self.joined(body) if not conditions and self.after_layout("relation") else None
        if token.kind == "comma":
            return self.candidate(body, conditions, 1)
        if self.here.kind not in ("stop", "follows") and token.kind == "stop":
            return self.candidate(body, conditions, 0)
        if token.kind not in ("stop", "follows"):
            if conditions or remarks:
                return None
            self.expected("a sign or the end of the formula")
        return None

    def after_layout(self, kind: str) -> bool:
        """Whether a token of this kind stands behind the ends of lines here, which are then skipped."""
        at = self.at
        while self.tokens[at].kind in ("&", "break"):
            at += 1
        if self.tokens[at].kind != kind:
            return False
        self.at = at
        return True

    def joined(self, body: Node) -> Node:
        """A chain that goes on behind prose or a comma."""
        return continued(body, self.chain())

    def word(self, body: Node, conditions: list[Condition], remarks: list[Text]) -> Node | None:
        """A word behind a claim: a condition begins, or another claim, or it is prose."""
        token = self.here
        said = plain(token.text)
        if said in known.THEN:
            self.take()
            return None
        if said in known.AND:
            return self.candidate(body, conditions, 1)
        if said not in known.IF:
            remarks.append(Text(self.take().text, span=token.span))
            ends = self.here.kind in ("relation", "text", "comma", "period", "stop", "break", "follows", "&")
            return body if ends else None
        self.lines = False
        related, self.related = self.related, False
        self.worded(conditions)
        self.lines, self.related = True, related
        return body

    def candidate(self, body: Node, conditions: list[Condition], skip: int) -> Node | None:
        """What stands behind a comma, "and" or a wide space: a condition, one thing more of a list, or the next claim."""
        joins = self.here.kind == "text" and bool(conditions)
        for _ in range(skip):
            self.take()
        while self.here.kind in ("comma", "period"):
            self.take()
        while self.empty():
            self.at += 2
        if self.here.kind in ("break", "follows", "stop"):
            return None
        if self.here.kind in ("text", "&"):
            return body
        if self.here.kind == "relation":
            return self.joined(body) if not conditions else None
        begin = self.at
        self.lines = False
        found = self.chain()
        self.lines = True
        if isinstance(found, Chain) and isinstance(found.sides[0], Nothing) and not conditions:
            return continued(body, found)
        shared = isinstance(found, Chain) and skip and not conditions and names(body) and names(found.sides[0])
        member = shared and isinstance(found, Chain) and found.signs[0] in (r"\in", r"\sim", r"\notin")
        if isinstance(found, Chain | Signature) and (member or not conditional(found, body)):
            if isinstance(found, Chain) and not isinstance(body, Chain | Signature) and not conditions and skip:
                left = Listing((*listed(body), found.sides[0]), span=(body.span[0], found.sides[0].span[1]))
                return Chain((left, *found.sides[1:]), found.signs, span=(body.span[0], found.span[1]))
            self.at = begin
            return None
        if isinstance(found, Chain):
            if joins:
                last = conditions.pop()
                conditions.append(Condition(last.word, (*last.parts, found), span=(last.span[0], found.span[1])))
            else:
                conditions.append(Condition("", (found,), span=found.span))
            return body
        if isinstance(found, Bracket) and relational((found,)):
            conditions.append(Condition("", (found,), span=found.span))
            return body
        return self.listing(body, conditions, found)

    def listing(self, body: Node, conditions: list[Condition], found: Node) -> Node:
        """More things behind commas: i = 1, 2, ..., n."""
        items = [found]
        while self.operator().kind == "comma":
            start = self.at
            self.take()
            more = self.chain() if self.starts(self.here) or self.here.kind == "term" else None
            if more is None or isinstance(more, Chain | Signature) or (isinstance(more, Bracket) and relational((more,))):
                self.at = start
                break
            items.append(more)
        if conditions and conditions[-1].parts:
            last = conditions.pop()
            part = longer(last.parts[-1], items)
            conditions.append(Condition(last.word, (*last.parts[:-1], part), span=(last.span[0], part.span[1])))
            return body
        return longer(body, items)


def system(body: Node) -> list[Node]:
    """The equations of a system in a brace or in a column; nothing if this is none."""
    if isinstance(body, Cases) and not any(c.conditions for c in body.rows):
        rows = [c.value for c in body.rows]
    elif isinstance(body, Matrix) and body.kind == "array" and all(len(r) == 1 for r in body.rows):
        rows = [r[0] for r in body.rows]
    else:
        return []
    return rows if all(isinstance(r, Chain) for r in rows) else []


def listed(node: Node) -> tuple[Node, ...]:
    """The items of a list, or the one thing."""
    return node.items if isinstance(node, Listing) else (node,)


def longer(node: Node, found: list[Node]) -> Node:
    """A node, or the last side of a chain, as a list with more things."""
    span = (node.span[0], found[-1].span[1])
    if isinstance(node, Chain):
        last = Listing((*listed(node.sides[-1]), *found), span=(node.sides[-1].span[0], span[1]))
        return Chain((*node.sides[:-1], last), node.signs, span=span)
    return Listing((*listed(node), *found), span=span)


def conditional(found: Node, body: Node) -> bool:
    """Whether a relation behind a claim says when the claim holds: it compares, or it sets an index."""
    if not isinstance(found, Chain):
        return False
    if isinstance(body, Chain) and set(body.signs) <= CONDITIONAL:
        return False
    last = found.sides[-1]
    if found.signs[-1] == r"\in" and isinstance(last, Name) and (last.style in ("mathbb", "mathcal") or last.scripts):
        return False
    if set(found.signs) <= CONDITIONAL:
        return True
    first = found.sides[0]
    letter = isinstance(first, Name) and not first.accents and not first.style and first.id.lstrip("\\")[0].islower()
    plain_claim = isinstance(body, Chain) and all(_index(s, False) for s in body.sides)
    return set(found.signs) <= CONDITIONAL | {"="} and letter and not plain_claim and all(_index(s) for s in found.sides)


def _index(node: Node, scripts: bool = True) -> bool:
    """Whether this may be the value of an index, a name with scripts if those may be."""
    if isinstance(node, Juxtaposition | Product):
        return all(_index(f, scripts) for f in node.factors)
    if isinstance(node, Sum):
        return all(_index(t, scripts) for t in node.terms)
    if isinstance(node, Listing):
        return _index(node.items[0], scripts)
    if isinstance(node, Name):
        return not node.accents and (scripts or not node.scripts)
    return isinstance(node, Number | Dots) or (isinstance(node, Bracket) and node.open == r"\{")


def names(node: Node) -> bool:
    """Whether this is a name or a list of names."""
    return all(isinstance(item, Name) for item in listed(node))
