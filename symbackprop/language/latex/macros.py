"""Macros of a document: definitions are read out of the text, calls are written out, both within a budget."""

from collections.abc import Mapping

from symbackprop.errors import FormulaError
from symbackprop.language.latex.tokens import Span, Token, scan

Macros = Mapping[str, tuple[int, str]]
"""A command with its backslash -> how many arguments it takes, and its body with #1, #2, ... in their places."""

GROWTH, ROOM = 20, 20_000
"""A text may grow to GROWTH times its tokens and ROOM more."""
DEFINES = {
    r"\newcommand",
    r"\renewcommand",
    r"\providecommand",
    r"\DeclareMathOperator",
    r"\def",
    r"\gdef",
    r"\let",
    r"\DeclareRobustCommand",
}


def expanded(text: str, macros: Macros) -> tuple[list[Token], dict[str, tuple[int, str]]]:
    """The tokens of `text` with every macro written out, and the macros with those that the text itself defines.

    What a macro makes stands where its call stands. Raises FormulaError where macros call themselves or grow without end.
    """
    reader = _Expansion(text, macros)
    return reader.tokens(), reader.macros


class _Expansion:
    """`left` holds the tokens still to come, last first."""

    def __init__(self, text: str, macros: Macros) -> None:
        self.text, self.macros = text, dict(macros)
        self.bodies: dict[str, list[Token]] = {}
        self.defaults: dict[str, list[Token]] = {}
        self.left = scan(text)[::-1]
        self.budget = GROWTH * len(self.left) + ROOM

    def error(self, reason: str, span: Span, fix: str = "") -> FormulaError:
        return FormulaError(reason, place="the formula", source=self.text, spans=[span], fix=fix)

    def tokens(self) -> list[Token]:
        made: list[Token] = []
        while self.left:
            token = self.left.pop()
            if token.kind != "command":
                made.append(token)
            elif token.text in DEFINES:
                self.define(token)
            elif token.text in self.macros:
                self.call(token)
            else:
                made.append(token)
        return made

    def call(self, token: Token) -> None:
        """Put the body of a macro in the place of its call."""
        count = self.macros[token.text][0]
        stop = token.stop
        arguments: list[list[Token]] = []
        if token.text in self.defaults:
            arguments.append(self.bracketed() or self.defaults[token.text])
        while len(arguments) < count:
            argument, last = self.argument(token)
            arguments.append(argument)
            stop = max(stop, last)
        body: list[Token] = []
        pieces = iter(self.body(token.text))
        for piece in pieces:
            number = next(pieces, None) if piece.text == "#" else None
            if number is None:
                body.append(Token(piece.kind, piece.text, token.start, stop))
            elif not number.text[0].isdigit() or not 0 < int(number.text[0]) <= count:
                raise self.error(f"the macro {token.text} has no argument #{number.text}", token.span)
            else:
                body += arguments[int(number.text[0]) - 1]
                if number.text[1:]:
                    body.append(Token("number", number.text[1:], token.start, stop))
        self.budget -= len(body) + 1
        if self.budget < 0:
            raise self.error(f"the macro {token.text} calls itself, or grows without end", token.span, "give it a body that ends")
        self.left += reversed(body)

    def body(self, name: str) -> list[Token]:
        if name not in self.bodies:
            self.bodies[name] = scan(self.macros[name][1])
        return self.bodies[name]

    def skip(self) -> None:
        while self.left and self.left[-1].kind == "space":
            self.left.pop()

    def argument(self, token: Token) -> tuple[list[Token], int]:
        """The next group without its braces, or one token; and where it stops."""
        self.skip()
        if not self.left:
            raise self.error(f"an argument of {token.text} is missing", token.span)
        first = self.left.pop()
        if first.text != "{":
            if first.kind == "number" and len(first.text) > 1:
                self.left.append(Token("number", first.text[1:].lstrip("."), first.start + 1, first.stop))
                first = Token("number", first.text[0], first.start, first.start + 1)
            return [first], first.stop
        found: list[Token] = []
        depth = 1
        while self.left:
            piece = self.left.pop()
            depth += {"{": 1, "}": -1}.get(piece.text, 0)
            if not depth:
                return found, piece.stop
            found.append(piece)
        raise self.error("this brace is not closed", first.span, "close it with }")

    def bracketed(self) -> list[Token]:
        """What stands in square brackets here, or nothing."""
        self.skip()
        if not self.left or self.left[-1].text != "[":
            return []
        first = self.left.pop()
        found: list[Token] = []
        while self.left and self.left[-1].text != "]":
            found.append(self.left.pop())
        if not self.left:
            raise self.error("this bracket is not closed", first.span, "close it with ]")
        self.left.pop()
        return found

    def define(self, token: Token) -> None:
        """Read one definition into the table."""
        if self.left and self.left[-1].text == "*":
            self.left.pop()
        named, _ = self.argument(token)
        names = [t.text for t in named if t.kind == "command"]
        if len(names) != 1:
            raise self.error(f"{token.text} names no command", token.span, r"write it as in \newcommand{\tr}{\operatorname{tr}}")
        name = names[0]
        count = 0
        if token.text in (r"\def", r"\gdef"):
            while self.left and self.left[-1].text != "{":
                piece = self.left.pop()
                count = max(count, int(piece.text[0])) if piece.kind == "number" else count
        elif token.text == r"\let":
            self.skip()
            if self.left and self.left[-1].text == "=":
                self.left.pop()
        else:
            given = "".join(t.text for t in self.bracketed())
            count = int(given) if given.isdecimal() and len(given) == 1 else 0
        self.defaults.pop(name, None)
        if count and self.left and self.left[-1].text == "[":
            self.defaults[name] = self.bracketed()
        body, _ = self.argument(token)
        if token.text == r"\DeclareMathOperator":
            frame = (token.start, token.stop)
            body = [Token("command", r"\operatorname", *frame), Token("mark", "{", *frame), *body, Token("mark", "}", *frame)]
        if token.text == r"\let" and [t.text for t in body] == [name]:
            return
        self.bodies[name] = body
        self.macros[name] = count, "".join(t.text + " " * (t.kind == "command") for t in body)
