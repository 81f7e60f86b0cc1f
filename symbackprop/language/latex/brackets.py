"""Brackets, bars, matrices and case distinctions."""

from symbackprop.errors import FormulaError
from symbackprop.language.latex import commands as known
from symbackprop.language.latex.commands import plain
from symbackprop.language.latex.cursor import KEYWORDS
from symbackprop.language.latex.leaves import continued, relational
from symbackprop.language.latex.nodes import (
    Bracket,
    Case,
    Cases,
    Chain,
    Condition,
    Evaluated,
    Indicator,
    Juxtaposition,
    Listing,
    Matrix,
    Name,
    Node,
    Nothing,
    Text,
)
from symbackprop.language.latex.operators import Operators
from symbackprop.language.latex.quotients import joined, over
from symbackprop.language.latex.tokens import Token

Cell = tuple[Node | None, tuple[Condition, ...]]


class Brackets(Operators):
    """Reads what is closed on both sides."""

    def group(self) -> Node | None:
        """What stands in braces, which mean nothing themselves; None where it is nothing."""
        start, first = self.at, self.take()
        self.enter("group")
        made = self.listed()
        if self.operator().kind == "command" and self.here.text == r"\over" and made is not None:
            self.take()
            bottom = self.listed()
            if bottom is None:
                self.expected("a denominator")
            made = over(made, bottom, (first.start, self.here.stop), self.repair)
        if self.operator().kind != "}":
            self.expected("a sign or the closing brace")
        self.leave()
        self.take()
        if made is None and self.at - start > 2:
            self.fail("nothing stands in these braces", first, "write something between them, or take them away")
        return made

    def listed(self) -> Node | None:
        """Chains with commas between them."""
        start = self.at
        items: list[Node] = []
        while self.operand().kind not in ("}", "stop") and not (self.here.kind == "command" and self.here.text == r"\over"):
            if self.here.kind in ("comma", "period"):
                self.take()
                continue
            if self.here.kind == "text" and not self.starts(self.here):
                items.append(Text(self.here.text, span=self.take().span))
                self.at += self.operand().kind == "comma"
                continue
            items.append(self.item())
            if self.operator().kind not in ("comma", "text", "period"):
                break
        if len(items) < 2:
            return items[0] if items else None
        return Listing(tuple(items), span=self.span(start))

    def bracket(self) -> Node:
        """What stands between an opening and a closing bracket."""
        start, first = self.at, self.take()
        if first.text in (r"\{", ".") and self.here.kind == "begin" and self.rows_alone():
            return self.braced_rows(first, start)
        self.enter("group" if first.text == "." else "bracket")
        items, separators = self.items(first)
        spaced = self.spaced(start) if first.text == "[" and not separators and len(items) == 1 else ()
        self.leave()
        last = self.take()
        if first.text == ".":
            return self.invisible(items, separators, last, start)
        return Bracket(first.text, items, separators, known.SHUT.get(last.text, ""), spaced, span=self.span(start))

    def rows_alone(self) -> bool:
        """Whether the environment that begins here is all that stands in its bracket."""
        at, depth = self.at + 1, 1
        while depth:
            depth += (self.tokens[at].kind == "begin") - (self.tokens[at].kind == "end")
            at += 1
        return self.tokens[at].kind == "close"

    def items(self, first: Token) -> tuple[tuple[Node, ...], tuple[str, ...]]:
        """The items up to the closing bracket, and what stands between them."""
        items: list[Node] = []
        separators: list[str] = []
        outer = self.scripting, self.colons
        self.scripting, self.colons = self.scripting and first.text in (".", r"\langle"), True
        while self.operand().kind != "close":
            if self.separator():
                items.append(Nothing(span=(self.here.start, self.here.start)))
            else:
                items.append(self.item())
            if self.operator().kind == "period" and self.ahead(1).kind in ("close", "comma"):
                self.take()
            token = self.operator()
            if token.kind == "close":
                break
            separator = self.separator()
            if not separator:
                self.expected(f"a sign, a comma or {known.SHUT.get(first.text, 'the end')}")
            self.take()
            separators.append(separator)
            if self.operand().kind == "close":
                items.append(Nothing(span=(self.here.start, self.here.start)))
        self.scripting, self.colons = outer
        return tuple(items), tuple(separators)

    def separator(self) -> str:
        """What stands here between items, or nothing."""
        token = self.here
        if token.kind == "bar" and token.more == 0:
            return "|" if self.bar() == r"\lvert" else r"\|"
        if token.kind == "text" and not (self.starts(token) and self.tokens[self.at - 1].kind in ("open", "comma")):
            return plain(token.text) if plain(token.text) in KEYWORDS else token.text
        return token.text if token.kind in ("comma", "follows") else ""

    def spaced(self, start: int) -> tuple[Node, ...]:
        r"""The other reading of [a \; b]: what only spaces part, read again piece by piece; nothing where a piece is no whole."""
        stop = self.at
        cuts, depth = [], 0
        for k in range(start + 1, stop):
            token = self.tokens[k]
            deeper = token.kind in ("{", "open", "begin")
            if depth == 0 and k > start + 1 and token.gap > 1 and token.kind not in ("relation", "sign"):
                cuts.append(k)
            depth += deeper - (token.kind in ("}", "close", "end"))
        if self.doubled or not cuts or any(self.tokens[c - 1].kind in ("term", "sign", "relation") for c in cuts):
            return ()
        self.doubled = True
        count, kept = len(self.repairs), self.state()
        found = self.pieces([start + 1, *cuts], [*cuts, stop])
        del self.repairs[count:]
        self.restore(kept)
        self.at, self.doubled = stop, False
        return found

    def pieces(self, begins: list[int], ends: list[int]) -> tuple[Node, ...]:
        """The chains between these places, or nothing where one of them is no whole."""
        found = []
        for begin, end in zip(begins, ends, strict=True):
            last, self.tokens[end] = self.tokens[end], Token("close", "[", self.tokens[end].start, self.tokens[end].start)
            self.at = begin
            try:
                found.append(self.chain())
                whole = self.at == end
            except FormulaError:
                whole = False
            self.tokens[end] = last
            if not whole:
                return ()
        return tuple(found)

    def invisible(self, items: tuple[Node, ...], separators: tuple[str, ...], last: Token, start: int) -> Node:
        r"""\left. ... \right| is what stands inside, at the place below the bar."""
        if len(items) == 1 and last.text in (r"\lvert", ".", "["):
            if last.text != "." and self.here.kind in ("_", "^"):
                return Evaluated(items[0], self.scripts(), span=self.span(start))
            if last.text != "[":
                return items[0]
        return Bracket("", items, separators, known.SHUT.get(last.text, ""), span=self.span(start))

    def barred(self) -> Node:
        """What stands between two bars."""
        start = self.at
        kind = self.bar()
        if self.half == self.at:
            self.half = -1
        token = self.take()
        self.frames.append("bracket")
        self.bars.append(kind)
        self.deeper()
        items = [self.item()]
        separators = []
        while self.operator().kind == "comma":
            separators.append(self.take().text)
            items.append(self.item())
        closing = self.here
        self.leave()
        if closing.kind == "close" and closing.text == kind:
            self.take()
        elif closing.kind != "bar" or (self.bar() != kind and not (kind == r"\lvert" and closing.text == r"\lVert")):
            self.fail("this bar is not closed", token, "close it, or write \\mid for 'given'")
        elif self.bar() == kind:
            self.half = -1 if self.half == self.at else self.half
            self.take()
        else:
            self.half = self.at
        return Bracket(kind, tuple(items), tuple(separators), known.SHUT[kind], span=self.span(start))

    # Rows.

    def environment(self) -> Node:
        """A matrix or a case distinction."""
        start, first = self.at, self.take()
        rows = self.rows()
        self.take()
        if first.text == "cases" or (first.text == "Bmatrix" and all(len(row) > 1 or row[0][1] for row in rows)):
            return Cases(tuple(self.case(row) for row in rows), span=self.span(start))
        self.unconditional(rows, first)
        entries = tuple(tuple(value or Nothing() for value, _ in row) for row in rows)
        if not entries:
            self.fail("this matrix is empty", first)
        return Matrix(first.text, entries, span=self.span(start))

    def unconditional(self, rows: list[list[Cell]], first: Token) -> None:
        """Stop where a matrix holds conditions."""
        if any(conditions for row in rows for _, conditions in row):
            self.fail("a condition stands in a matrix", first, r"write \begin{cases}")

    def braced_rows(self, first: Token, start: int) -> Node:
        r"""\left\{\begin{matrix} ... \end{matrix}\right. is a case distinction; with a brace on the right it is a matrix in braces."""
        begin = self.take()
        rows = self.rows()
        self.take()
        last = self.take()
        if last.text == "." or first.text == ".":
            return Cases(tuple(self.case(row) for row in rows), span=self.span(start))
        if begin.text == "cases":
            inner: Node = Cases(tuple(self.case(row) for row in rows), span=begin.span)
        else:
            self.unconditional(rows, begin)
            entries = tuple(tuple(value or Nothing() for value, _ in row) for row in rows)
            inner = Matrix(begin.text, entries or ((Nothing(),),), span=begin.span)
        return Bracket(first.text, (inner,), (), known.SHUT[last.text], span=self.span(start))

    def rows(self) -> list[list[Cell]]:
        """The rows of an environment, up to its end; empty ones are left out."""
        self.enter("cell")
        rows: list[list[Cell]] = [[]]
        while True:
            rows[-1].append(self.cell())
            token = self.take()
            if token.kind == "break":
                rows.append([])
            elif token.kind != "&":
                self.at -= 1
                break
        if self.here.kind != "end":
            self.expected("a sign, & or the end of the rows")
        self.leave()
        return [row for row in rows if row != [(None, ())]]

    def case(self, row: list[Cell]) -> Case:
        """A row as a value and its conditions."""
        (value, conditions), *rest = row
        found = list(conditions)
        for of, more in rest:
            if isinstance(of, Chain) and isinstance(of.sides[0], Nothing) and value is not None and not found:
                value = continued(value, of)
            elif of is not None:
                found.append(Condition("", (of,), span=of.span))
            found += more
        if not found and value is not None:
            value, found = self.with_condition(value)
        value = value or Nothing()
        return Case(value, tuple(found), span=value.span)

    def with_condition(self, value: Node) -> tuple[Node, list[Condition]]:
        """A value that ends with its condition in round brackets, as in x (x > 0)."""
        if isinstance(value, Indicator) and value.within == "(":
            return value.mark, [Condition("", (c,), span=c.span) for c in value.conditions]
        last = value.factors[-1] if isinstance(value, Juxtaposition) else value
        if not isinstance(value, Juxtaposition) or not isinstance(last, Bracket) or last.open != "(" or not relational((last,)):
            return value, []
        rest = joined(value.factors[:-1])
        assert rest is not None
        return rest, [Condition("", (c,), span=c.span) for c in last.items]

    def cell(self) -> Cell:
        """One cell: a value, and the conditions in it."""
        values: list[Node] = []
        conditions: list[Condition] = []
        start = self.at
        while self.here.kind not in ("&", "break", "end", "stop"):
            token = self.here
            led = token.kind == "relation" and token.text == ":" and self.at == start
            if token.kind in ("comma", "period") or led:
                self.take()
            elif token.kind == "text" and not self.starts(token):
                self.worded(conditions)
            elif token.kind == "follows" or not (self.starts(token) or token.kind in ("term", "relation", "sign")):
                break
            else:
                if values and token.kind in ("sign", "term") and self.ahead(1).kind in ("&", "break", "end"):
                    self.take()
                    self.expected("what the sign goes with")
                found = self.item()
                if values and isinstance(found, Chain) and isinstance(found.sides[0], Nothing):
                    values[-1] = continued(values[-1], found)
                elif values and isinstance(found, Chain) and not isinstance(values[-1], Chain):
                    conditions.append(Condition("", (found,), span=found.span))
                else:
                    values.append(found)
        if len(values) < 2:
            return (values[0] if values else None), tuple(conditions)
        return Listing(tuple(values), span=self.span(start)), tuple(conditions)

    def worded(self, conditions: list[Condition]) -> None:
        """A condition that a word begins, or a further part of one."""
        start, token = self.at, self.take()
        word = plain(token.text)
        parts: list[Node] = []
        while self.here.kind in ("comma", "period") and word not in known.ALONE:
            self.take()
        if word not in known.ALONE and (self.starts(self.here) or self.here.kind == "term"):
            parts.append(self.chain())
        if word in known.AND and conditions:
            last = conditions.pop()
            conditions.append(Condition(last.word, (*last.parts, *parts), span=(last.span[0], self.span(start)[1])))
        else:
            conditions.append(Condition(word if word in KEYWORDS else token.text, tuple(parts), span=self.span(start)))

    # Places.

    def evaluations(self, factors: list[Node]) -> None:
        """Bars with a place below them: they go with the last factor, and with the name before a last one in brackets."""
        while self.operator().kind == "bar" and self.bars[-1] != self.bar() and self.ahead(1).kind == "_":
            self.take()
            of = factors.pop()
            if isinstance(of, Bracket) and of.open == "(" and factors and isinstance(factors[-1], Name):
                of = Juxtaposition((factors.pop(), of), span=(of.span[0], of.span[1]))
            scripts = self.scripts()
            factors.append(Evaluated(of, scripts, span=(of.span[0], scripts[-1].span[1])))
