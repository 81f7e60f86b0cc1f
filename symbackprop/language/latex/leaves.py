"""Names, numbers, accents and scripts."""

from dataclasses import replace

from symbackprop.language.latex.cursor import Cursor
from symbackprop.language.latex.nodes import (
    Accent,
    Bracket,
    Chain,
    Juxtaposition,
    Name,
    Node,
    Nothing,
    Number,
    Repair,
    Script,
    Scripted,
    Signature,
    Slice,
    Text,
)
from symbackprop.language.latex.tokens import Span, Token

PRIMES = {r"\prime": 1, "''": 2}


class Leaves(Cursor):
    """Reads the smallest parts and what hangs on them."""

    def name(self) -> Name:
        """A name without its scripts."""
        token = self.take()
        return Name(token.text, token.style, span=token.span)

    def atom(self) -> Node:
        """One thing without its scripts."""
        raise NotImplementedError

    def single(self, sign: bool = False) -> Node:
        """The argument of a command that has no braces: one token, or one command with its own; of a number its first digit.

        `sign`: a sign may stand there.
        """
        token = self.here
        if token.kind == "number" and len(token.text) > 1:
            self.tokens[self.at] = Token("number", token.text[1:].lstrip(".") or "0", token.start + 1, token.stop)
            return Number(token.text[0], span=(token.start, token.start + 1))
        if token.kind in ("sign", "term") and sign:
            self.take()
            return Name(token.text, span=token.span)
        if token.kind in ("name", "function"):
            named = self.name()
            return replace(named, style="operatorname") if token.kind == "function" else named
        if not self.starts(token):
            self.expected("an argument")
        return self.atom()

    def argument(self) -> Node:
        """What a command takes: a group, or one thing."""
        if self.here.kind != "{":
            self.deeper()
            made = self.single()
            self.depth -= 1
            return made
        found = self.group()
        if found is None:
            self.fail("nothing stands in these braces", self.tokens[self.at - 2], "write something between them")
        return found

    def group(self) -> Node | None:
        """What stands in braces, or None."""
        raise NotImplementedError

    def accent(self) -> Node:
        """An accent over a name, or over more."""
        start, mark = self.at, self.take().text
        of = self.argument()
        if isinstance(of, Name) and not of.scripts:
            return replace(of, accents=(mark, *of.accents), span=self.span(start))
        return Accent(mark, of, span=self.span(start))

    # Scripts.

    def scripts(self) -> tuple[Script, ...]:
        """All scripts that stand here."""
        found: list[Script] = []
        while self.here.kind in ("^", "_", "'", "!") or (self.here.text == r"\prime" and not self.scripting):
            start, mark = self.at, self.take().kind
            if mark == "name":
                self.repairs.append(Repair(r"^ before \prime", span=self.span(start)))
                found.append(Script("'", span=self.span(start)))
            elif mark == "'":
                while self.here.kind == "'":
                    self.take()
                found.append(Script("'" * (self.at - start), span=self.span(start)))
            elif mark == "!":
                found.append(Script("!", span=self.span(start)))
            else:
                found += self.script(mark, start)
        return tuple(found)

    def script(self, mark: str, start: int) -> list[Script]:
        """One script; primes at the end of what stands above are scripts of their own."""
        if self.here.kind == "'":
            return []
        outer, self.scripting = self.scripting, True
        items = self.script_items() if self.here.kind == "{" else (self.unbraced(),)
        self.scripting = outer
        primes = 0
        if mark == "^":
            items, primes = without_primes(items)
        span = self.span(start)
        made = [Script(mark, items, span=span)] if items or not primes else []
        return made + ([Script("'" * primes, span=span)] if primes else [])

    def unbraced(self) -> Node:
        """A script without braces."""
        self.deeper()
        made = self.single(sign=True)
        self.depth -= 1
        return made

    def script_items(self) -> tuple[Node, ...]:
        """What stands in the braces of a script, between its commas."""
        self.take()
        self.enter("script")
        items: list[Node] = []
        while self.operand().kind != "}":
            if self.here.kind == "'":
                start = self.at
                self.take()
                self.at += self.here.kind == "'"
                items.append(Name(r"\prime" if self.at - start == 1 else "''", span=self.span(start)))
                continue
            if self.here.kind == "text":
                items.append(Text(self.here.text, span=self.take().span))
                self.at += self.operand().kind == "comma"
                continue
            items.append(self.item())
            if self.operand().kind in ("comma", "period"):
                self.take()
            elif self.here.kind == "text":
                continue
            elif self.here.kind != "}":
                self.expected("a comma or the end of the script")
        self.take()
        self.leave()
        return tuple(items)

    def item(self) -> Node:
        """What stands between two commas: a chain, a slice, a sign alone, a relation without its left side."""
        start, token = self.at, self.operand()
        loose = self.scripting or self.frames[-1] in ("bracket", "cell", "script")
        if token.kind == "relation" and token.text == ":" and loose and self.frames[-1] != "cell":
            self.take()
            stop = self.chain() if self.starts(self.operand()) else None
            return Slice(None, stop, span=self.span(start))
        following = self.ahead(1) if token.kind != "stop" else token
        if token.kind in ("sign", "term") and (loose or (following.kind == "stop" and self.at == 0)):
            alone = following.kind in ("comma", "}", "close", "&", "break", "end", "stop") or (
                following.kind in ("sign", "term") and token.kind == "sign"
            )
            if alone or (token.kind == "sign" and self.scripting):
                self.take()
                mark = Name(token.text, span=token.span)
                return mark if alone else Juxtaposition((mark, self.item()), span=self.span(start))
        outer, self.colons = self.colons, not self.scripting
        made = self.chain()
        self.colons = outer
        if self.scripting and self.operator().kind == "relation" and self.here.text == ":":
            self.take()
            stop = self.chain() if self.starts(self.operand()) else None
            return Slice(made, stop, span=self.span(start))
        return made


def with_scripts(of: Node, scripts: tuple[Script, ...]) -> Node:
    """Hang scripts on a thing."""
    if not scripts:
        return of
    span = (of.span[0], scripts[-1].span[1])
    if isinstance(of, Name):
        return replace(of, scripts=of.scripts + scripts, span=span)
    if isinstance(of, Scripted):
        return Scripted(of.of, of.scripts + scripts, span=span)
    return Scripted(of, scripts, span=span)


def without_primes(items: tuple[Node, ...]) -> tuple[tuple[Node, ...], int]:
    """The items of a superscript without the primes before and behind them, and how many those are."""
    made: list[Node] = []
    count = 0
    for item in items:
        factors = list(item.factors) if isinstance(item, Juxtaposition) else [item]
        while factors and _primes(factors[-1]):
            count += _primes(factors.pop())
        last = factors[-1] if factors else None
        if isinstance(last, Scripted) and isinstance(last.of, Bracket) and set(last.scripts[-1].mark) == {"'"}:
            count += len(last.scripts[-1].mark)
            scripts = last.scripts[:-1]
            factors[-1] = Scripted(last.of, scripts, span=last.span) if scripts else last.of
        if factors:
            made.append(factors[0] if len(factors) == 1 else Juxtaposition(tuple(factors), span=item.span))
    return tuple(made), count


def _primes(node: Node) -> int:
    """How many primes a node is that stands above for itself."""
    lone = isinstance(node, Name) and node.id in PRIMES and not node.scripts and not node.accents
    return PRIMES[node.id] if lone and isinstance(node, Name) else 0


def relational(nodes: tuple[Node, ...]) -> bool:
    """Whether all of these are relations with both their sides, in brackets or not."""
    inside = [n.items if isinstance(n, Bracket) else (n,) for n in nodes]
    return bool(nodes) and all(i and all(isinstance(n, Chain) and not isinstance(n.sides[0], Nothing) for n in i) for i in inside)


def related(sides: tuple[Node, ...], signs: tuple[str, ...], span: Span) -> Chain | Signature:
    """Sides with relations between them, as a chain or as the signature of a function."""
    if len(signs) == 2 and signs[0] == ":" and signs[1] in (r"\to", r"\mapsto"):
        return Signature(sides[0], sides[1], sides[2], signs[1], span=span)
    return Chain(sides, signs, span=span)


def sides_of(node: Node) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """The sides of a chain with their signs; anything else is one side."""
    if isinstance(node, Signature):
        return (node.of, node.source, node.target), (":", node.sign)
    return (node.sides, node.signs) if isinstance(node, Chain) else ((node,), ())


def continued(node: Node, more: Node) -> Node:
    """A chain with the relations of another behind it, whose first side is Nothing."""
    (sides, signs), (others, further) = sides_of(node), sides_of(more)
    return related((*sides, *others[1:]), (*signs, *further), (node.span[0], more.span[1]))
