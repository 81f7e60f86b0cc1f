"""The parser of one formula: relations bind loosest, then + and -, then signs of products, then factors side by side, then scripts."""

from symbackprop.language.latex.brackets import Brackets
from symbackprop.language.latex.cursor import STARTS
from symbackprop.language.latex.leaves import related, relational, with_scripts
from symbackprop.language.latex.nodes import (
    Bracket,
    Differential,
    Dots,
    Indicator,
    Juxtaposition,
    Name,
    Node,
    Nothing,
    Number,
    Product,
    Script,
    Sum,
    Text,
)
from symbackprop.language.latex.operators import is_indicator_mark
from symbackprop.language.latex.quotients import joined, slashed
from symbackprop.language.latex.tokens import Token


class Parser(Brackets):
    """Reads chains of relations, and all below them."""

    def chain(self) -> Node:
        """Sums with relations between them; one that begins with a relation has Nothing on its left."""
        start = self.at
        first = self.operand()
        top = self.frames[-1] == "top"
        outer, self.related = self.related, self.related if not top else False
        sides: list[Node] = [Nothing(span=(first.start, first.start)) if self.relates(first) else self.sum()]
        signs: list[str] = []
        while self.relates(self.operator()):
            signs.append(self.take().text)
            self.related = self.related or top
            if self.scripting and not self.starts(self.operand()) and self.here.kind != "term":
                sides.append(Nothing(span=(self.here.start, self.here.start)))
                break
            sides.append(self.sum())
        self.related = outer if not top else self.related
        if not signs:
            return sides[0]
        if self.scripting and signs == ["<", ">"] and isinstance(sides[2], Nothing):
            inner = Bracket(r"\langle", (sides[1],), (), r"\rangle", span=self.span(start))
            return inner if isinstance(sides[0], Nothing) else Juxtaposition((sides[0], inner), span=self.span(start))
        return related(tuple(sides), tuple(signs), self.span(start))

    def relates(self, token: Token) -> bool:
        """Whether this is a relation here: in an index, and behind a condition that leads, a colon is none."""
        return token.kind == "relation" and (token.text != ":" or self.colons)

    def sum(self) -> Node:
        """Terms with + and - between them."""
        start, first = self.at, self.operand()
        signs = [self.take().text if first.kind == "term" else ""]
        if signs[0] and self.scripting and self.operator().kind in ("}", "comma"):
            return Name(signs[0], span=first.span)
        terms = [self.product()]
        while self.operator().kind == "term":
            signs.append(self.take().text)
            terms.append(self.product())
        if len(terms) == 1 and not signs[0]:
            return terms[0]
        return Sum(tuple(terms), tuple(signs), span=(first.start, self.span(start)[1]))

    def product(self) -> Node:
        """Runs of factors with signs between them."""
        factors = [self.signed()]
        signs: list[str] = []
        while True:
            token = self.operator()
            if token.kind == "period" and self.full_stop():
                sign = "."
            elif token.kind == "sign":
                sign = token.text
            else:
                break
            self.take()
            if self.scripting and self.operator().kind in ("}", "comma"):
                factors.append(Nothing(span=(self.here.start, self.here.start)))
                signs.append(sign)
                break
            right = self.signed()
            made = slashed(factors[-1], right, self.repair) if sign == "/" else None
            if made is not None:
                factors[-1] = made
            else:
                factors.append(right)
                signs.append(sign)
        if not signs:
            return factors[0]
        return Product(tuple(factors), tuple(signs), span=(factors[0].span[0], factors[-1].span[1]))

    def full_stop(self) -> bool:
        """Whether the full stop here is a product: something follows on the same line."""
        following = self.ahead(1)
        return following.kind in STARTS - {"dots"} and following.gap < 2 and self.here.gap < 2

    def signed(self) -> Node:
        """A run of factors, or one with a sign before it, as in 2 * -x."""
        token = self.operand()
        if token.kind != "term":
            return self.run()
        start = self.at
        self.take()
        self.deeper()
        made = Sum((self.signed(),), (token.text,), span=(token.start, self.span(start)[1]))
        self.depth -= 1
        return made

    def run(self) -> Node:
        """Factors side by side."""
        if not self.starts(self.operand()):
            self.expected("a name, a number or an opening bracket")
        factors = [self.factor()]
        self.evaluations(factors)
        while self.follows(self.operator()):
            if self.here.kind == "{" and self.ahead(1).kind == "}":
                self.at += 2
                factors[-1] = with_scripts(factors[-1], self.scripts())
                continue
            self.another(factors)
            self.evaluations(factors)
        made = joined(tuple(factors))
        assert made is not None
        return made

    def another(self, factors: list[Node]) -> None:
        """Read one factor more; a condition in brackets behind a mark such as 1 is one with it."""
        mark = factors[-1] if factors else None
        if self.here.kind != "open" or self.here.text not in ("(", "[", r"\{") or mark is None or not is_indicator_mark(mark):
            factors.append(self.factor())
            return
        condition = self.bracket()
        scripts = self.scripts()
        if isinstance(condition, Bracket) and relational(condition.items) and set(condition.separators) <= {",", "and", "or"}:
            made: Node = Indicator(mark, condition.open, condition.items, span=(mark.span[0], condition.span[1]))
            factors[-1] = with_scripts(made, scripts)
        else:
            factors.append(with_scripts(condition, scripts))

    def factor(self) -> Node:
        """One thing with its scripts."""
        start = self.at
        made = self.atom()
        upright = isinstance(made, Name) and (made.id, made.style, made.scripts, made.accents) == ("d", "mathrm", (), ())
        if upright and not self.scripting and self.follows(self.operator()):
            self.deeper()
            of = self.factor()
            self.depth -= 1
            return Differential(r"\mathrm{d}", (), of, span=self.span(start))
        scripts = self.scripts()
        if isinstance(made, Name | Number) and is_indicator_mark(made):
            condition = next((s for s in reversed(scripts) if s.mark == "_" and relational(s.items)), None)
            if condition is not None:
                rest = tuple(s for s in scripts if s is not condition)
                return Indicator(with_scripts(made, rest), "_", condition.items, span=self.span(start))
        if isinstance(made, Name) and made.id == r"\Sigma" and self.is_sum(scripts):
            return self.over_indices(r"\sum", scripts, start)
        made = with_scripts(made, scripts)
        return made if self.tokens[start].kind == "{" else self.with_operand(made)

    def is_sum(self, scripts: tuple[Script, ...]) -> bool:
        """Whether a capital sigma with these scripts is a sum: its index has bounds below it."""
        below = any(s.mark == "_" and relational(s.items) for s in scripts)
        return below and self.follows(self.operator())

    def atom(self) -> Node:
        """One thing without its scripts."""
        token = self.operand()
        if self.differential_here():
            return self.differential()
        if token.kind == "number":
            self.take()
            return Number(token.text, span=token.span)
        if token.kind == "name":
            return self.name()
        if token.kind in ("dots", "text"):
            self.take()
            return Dots(token.text, span=token.span) if token.kind == "dots" else Text(token.text, span=token.span)
        if token.kind == "{":
            found = self.group()
            return Nothing(span=(token.start, token.start)) if found is None else found
        read = {
            "accent": self.accent,
            "command": self.command,
            "function": self.function,
            "big": self.big,
            "nabla": self.nabla,
            "open": self.bracket,
            "bar": self.barred,
            "begin": self.environment,
        }.get(token.kind)
        if read is None:
            self.expected("a name, a number or an opening bracket")
        return read()
