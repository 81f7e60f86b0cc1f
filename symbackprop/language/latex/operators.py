"""Fractions, roots, functions with their arguments, sums over indices, differentials and nabla."""

import re
from dataclasses import replace

from symbackprop.errors import FormulaError
from symbackprop.language.latex.commands import cleaned, kind_of_prose
from symbackprop.language.latex.leaves import Leaves, with_scripts
from symbackprop.language.latex.nodes import (
    Big,
    Binomial,
    Call,
    Differential,
    Juxtaposition,
    Labelled,
    Leibniz,
    Listing,
    Name,
    Node,
    Number,
    Operator,
    Repair,
    Root,
    Script,
    Scripted,
    Sum,
    Text,
)
from symbackprop.language.latex.quotients import joined, over
from symbackprop.language.latex.tokens import Span, Token

PROSE = 4
"""So many letters in a row that are no word of the list make a label prose."""


class Operators(Leaves):
    """Reads what begins with a command and takes what follows."""

    def bracket(self) -> Node:
        """What stands in brackets."""
        raise NotImplementedError

    def repair(self, what: str, span: Span) -> None:
        """Note what was mended."""
        self.repairs.append(Repair(what, span=span))

    def command(self) -> Node:
        """A command with arguments."""
        start, token = self.at, self.take()
        if token.text == r"\frac":
            top, bottom = self.argument(), self.argument()
            return over(top, bottom, self.span(start), self.repair)
        if token.text == r"\binom":
            return Binomial(self.argument(), self.argument(), span=self.span(start))
        if token.text == r"\sqrt":
            return self.root(start)
        if token.text == r"\substack":
            return self.stack(start)
        return self.labelled(token, start)

    def root(self, start: int) -> Node:
        """A root, with a degree in square brackets or without."""
        degree = None
        if self.here.kind == "open" and self.here.text == "[":
            self.take()
            self.enter("bracket")
            degree = self.chain()
            self.leave()
            if self.operator().kind != "close":
                self.expected("a closing bracket")
            self.take()
        return Root(self.argument(), degree, span=self.span(start))

    def stack(self, start: int) -> Node:
        """Lines over each other below a sum."""
        if self.here.kind != "{":
            self.expected("an opening brace")
        self.take()
        self.enter("cell")
        items = []
        while self.here.kind != "}":
            items.append(self.item())
            if self.here.kind in ("break", "comma"):
                self.take()
            elif self.here.kind != "}":
                self.expected("the end of a line")
        self.take()
        self.leave()
        if not items:
            self.fail("nothing stands in these braces", self.tokens[self.at - 1])
        return items[0] if len(items) == 1 else Listing(tuple(items), span=self.span(start))

    # Labels.

    def labelled(self, token: Token, start: int) -> Node:
        r"""\underbrace, \overbrace, \overset and \underset; a sign set under a function is its script."""
        if token.text in (r"\overset", r"\stackrel", r"\underset"):
            outer, self.scripting = self.scripting, True
            label = self.argument()
            self.scripting = outer
            of = self.argument()
            if isinstance(of, Name) and of.style == "operatorname" and not of.accents:
                mark = "_" if token.text == r"\underset" else "^"
                return self.applied(with_scripts(of, (Script(mark, (label,), span=label.span),)), start)
            return Labelled(r"\underset" if token.text == r"\underset" else r"\overset", of, label, span=self.span(start))
        of = self.argument()
        mark = "_" if token.text == r"\underbrace" else "^"
        if self.here.kind != mark:
            return of
        self.take()
        return Labelled(token.text, of, self.label(), span=self.span(start))

    def label(self) -> Node:
        """A label is read as mathematics; where it is none it is prose."""
        start = self.at
        first = self.here
        kept = self.state()
        count = len(self.repairs)
        try:
            items = self.script_items() if first.kind == "{" else (self.unbraced(),)
            if items and not self.prose(start):
                return items[0] if len(items) == 1 else Listing(items, span=self.span(start))
        except FormulaError:
            if first.kind != "{":
                raise
            del self.repairs[count:]
            self.restore(kept)
            self.at, depth = start + 1, 1
            while depth:
                depth += (self.here.kind == "{") - (self.here.kind == "}")
                self.take()
        stop = self.tokens[self.at - 1].start
        return self.worded_label(self.text[first.stop : stop], (first.start, stop))

    def worded_label(self, text: str, span: Span) -> Node:
        """A label that is prose: a name where it is one word."""
        kind, word = kind_of_prose(cleaned(re.sub(r"\\[A-Za-z]+", " ", text)))
        return Name(word, "mathrm", span=span) if kind == "name" else Text(word, span=span)

    def prose(self, start: int) -> bool:
        """Whether a word of bare letters stands between the token numbered `start` and here."""
        count = 0
        for token in self.tokens[start : self.at]:
            bare = token.kind == "name" and token.style == "" and len(token.text) == 1
            count = (count + 1 if token.gap == 0 else 1) if bare else 0
            if count == PROSE:
                return True
        return False

    # Functions.

    def function(self) -> Node:
        """A function of the word list, with its argument where one follows."""
        start, token = self.at, self.take()
        named = Name(token.text, "operatorname", span=token.span)
        return self.applied(with_scripts(named, self.scripts()), start)

    def applied(self, function: Node, start: int) -> Node:
        """A function with its argument, or alone."""
        assert isinstance(function, Name)
        if self.here.kind in ("^", "_", "'"):
            function = with_scripts(function, self.scripts())
            assert isinstance(function, Name)
        token = self.operator()
        if token.kind == "open":
            self.deeper()
            argument: Node | None = self.bracket()
            self.depth -= 1
        elif token.kind == "{":
            argument = self.group()
        elif self.follows(token):
            self.deeper()
            argument = self.bare()
            self.depth -= 1
        else:
            argument = None
        return function if argument is None else Call(function, argument, span=self.span(start))

    def bare(self) -> Node:
        """An argument without brackets: one thing, or the run of names and numbers that begins here, a bracket behind a name included."""
        first = self.factor()
        factors = [first]
        while isinstance(factors[-1], Name | Number | Scripted):
            token = self.operator()
            named = token.kind in ("name", "number", "accent") and not self.differential_here()
            if not named and not (token.kind == "open" and isinstance(factors[-1], Name | Number)):
                break
            self.another(factors)
        return first if len(factors) == 1 else Juxtaposition(tuple(factors), span=(first.span[0], factors[-1].span[1]))

    # Sums over indices.

    def big(self) -> Node:
        """A sum, product, integral or limit; its body is the rest of the product."""
        start, token = self.at, self.take()
        return self.over_indices(token.text, self.scripts(), start)

    def over_indices(self, sign: str, scripts: tuple[Script, ...], start: int) -> Node:
        """The body of a sum."""
        self.deeper()
        following = self.operand()
        if following.kind == "term":
            self.take()
            before = self.at
            body: Node = self.product()
            body = Sum((body,), (following.text,), span=(following.start, self.span(before)[1]))
        elif self.starts(following):
            body = self.product()
        else:
            self.expected(f"what {sign} goes over")
        self.depth -= 1
        return Big(sign, scripts, body, span=self.span(start))

    # Differentials.

    def differential_here(self) -> bool:
        """Whether a differential begins with the next token."""
        token, following = self.here, self.ahead(1)
        if token.kind == "partial":
            return True
        if token.kind != "name" or token.text != "d" or self.scripting or following.text == r"\prime":
            return False
        if token.style == "mathrm":
            return True
        return token.style == "" and (following.kind in ("name", "accent") or (following.kind == "{" and self.ahead(2).kind != "}"))

    def differential(self) -> Node:
        r"""\partial x, dx; \partial_x f with what is below is an operator."""
        start, token = self.at, self.take()
        sign = token.text if token.kind == "partial" else "d"
        sign = r"\mathrm{d}" if token.style == "mathrm" else sign
        scripts = self.scripts()
        if token.kind == "partial" and any(s.mark == "_" for s in scripts):
            return Operator(sign, scripts, self.operand_run(), span=self.span(start))
        of = None
        if self.follows(self.operator()):
            self.deeper()
            of = self.factor()
            self.depth -= 1
        if of is None and (token.kind == "name" or sign == "d"):
            return Name("d", token.style, scripts=scripts, span=self.span(start))
        return Differential(sign, scripts, of, span=self.span(start))

    def nabla(self) -> Node:
        """A nabla with its scripts and what it is taken of."""
        start = self.at
        self.take()
        scripts = self.scripts()
        return Operator(r"\nabla", scripts, self.operand_run(), span=self.span(start))

    def operand_run(self) -> Node | None:
        """The run of factors that an operator is taken of, up to a differential."""
        self.deeper()
        factors: list[Node] = []
        while self.follows(self.operator()) and not (self.differential_here() and factors):
            self.another(factors)
            self.evaluations(factors)
        self.depth -= 1
        return joined(tuple(factors))

    def another(self, factors: list[Node]) -> None:
        """Read one factor more, or a condition that makes the last one an indicator."""
        raise NotImplementedError

    def evaluations(self, factors: list[Node]) -> None:
        """Bars with a place below them, behind the last factor."""
        raise NotImplementedError

    def with_operand(self, of: Node) -> Node:
        r"""\frac{\partial}{\partial x} takes the run of factors that follows."""
        if not isinstance(of, Leibniz) or of.of is not None:
            return of
        run = self.operand_run()
        return of if run is None else replace(of, of=run, form="operator", span=(of.span[0], run.span[1]))


def is_indicator_mark(node: Node) -> bool:
    """Whether a condition behind this makes an indicator: 1, or an I."""
    if isinstance(node, Name):
        return node.id == "1" or (node.id == "I" and node.style in ("", "mathbb", "mathbf"))
    return isinstance(node, Number) and node.text == "1"
