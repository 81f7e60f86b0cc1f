"""The place in a list of tokens, and what may be skipped there."""

from typing import NoReturn

from symbackprop.errors import FormulaError
from symbackprop.language.latex import commands as known
from symbackprop.language.latex.commands import plain
from symbackprop.language.latex.nodes import Node, Repair
from symbackprop.language.latex.pairs import MOST_DEPTH
from symbackprop.language.latex.tokens import Span, Token

KEYWORDS = known.IF | known.AND | known.THEN
STARTS = {"name", "number", "function", "dots", "accent", "command", "big", "nabla", "partial", "{", "open", "begin"}
GLUE = {"relation", "sign", "term"}
NEVER_SPLIT = {"relation", "sign", "stop", "text", "comma", "period", "break", "follows"}
"""Before these a wide space is a space."""


class Cursor:
    """`frames`: what is open, outermost first: "top", "cell" (of a matrix), or something in which ends of lines mean nothing."""

    def __init__(self, tokens: list[Token], text: str, repairs: list[Repair]) -> None:
        self.tokens, self.text, self.repairs = tokens, text, repairs
        self.at, self.half = 0, -1
        self.frames = ["top"]
        self.bars = [""]
        self.depth = 0
        self.related, self.lines, self.colons = False, True, True
        self.scripting, self.doubled = False, False

    # What a subclass reads.

    def chain(self) -> Node:
        """Sums with relations between them."""
        raise NotImplementedError

    def product(self) -> Node:
        """Factors with or without signs between them."""
        raise NotImplementedError

    def factor(self) -> Node:
        """One thing with its scripts."""
        raise NotImplementedError

    # Where we are.

    @property
    def here(self) -> Token:
        """The next token, whatever it is."""
        return self.tokens[self.at]

    def ahead(self, count: int) -> Token:
        """The token so many places on, or the stop."""
        return self.tokens[min(self.at + count, len(self.tokens) - 1)]

    def take(self) -> Token:
        """The next token, which is then behind us."""
        token = self.tokens[self.at]
        self.at += token.kind != "stop"
        return token

    def span(self, start: int) -> Span:
        """From the token numbered `start` to the last one taken."""
        first, last = self.tokens[start], self.tokens[max(self.at - 1, start)]
        return first.start, max(last.stop, first.start)

    def fail(self, reason: str, token: Token | None = None, fix: str = "") -> NoReturn:
        """Stop with an error at a token, or here."""
        token = token or self.here
        raise FormulaError(reason, place="the formula", source=self.text, spans=[token.span], fix=fix)

    def expected(self, what: str) -> NoReturn:
        """Stop, since something else was expected here."""
        found = "the formula ends" if self.here.kind == "stop" else f"{self.text[self.here.start : self.here.stop][:40]!r} stands here"
        self.fail(f"{what} was expected, and {found}")

    def enter(self, frame: str) -> None:
        """Go one bracket deeper."""
        self.frames.append(frame)
        self.bars.append("")
        self.deeper()

    def leave(self) -> None:
        """Come back."""
        self.frames.pop()
        self.bars.pop()
        self.depth -= 1

    def deeper(self) -> None:
        """Count one level, within the limit."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            self.fail(f"this is nested more than {MOST_DEPTH} deep", fix="split it into several formulas")

    def state(self) -> tuple:
        """What reading changes beside the place, for when a reading is given up."""
        flags = self.scripting, self.half, self.colons, self.related, self.lines, self.depth
        return self.frames[:], self.bars[:], flags

    def restore(self, state: tuple) -> None:
        """Go back to an earlier state."""
        self.frames, self.bars, flags = state
        self.scripting, self.half, self.colons, self.related, self.lines, self.depth = flags

    # What comes next.

    def operator(self) -> Token:
        """The next token where a sign may stand; ends of lines that mean nothing are skipped, and a claim that ends here is a stop."""
        frame = self.frames[-1]
        token = self.here
        while token.kind in ("&", "break") or self.empty():
            if token.kind != "{" and (frame == "cell" or (frame == "top" and token.kind == "break" and not self.goes_on())):
                return token
            self.at += 1 if token.kind != "{" else 2
            token = self.here
        if frame == "top" and token.gap == 3 and token.more and self.related and token.kind not in NEVER_SPLIT:
            return self.tokens[-1]
        return token

    def goes_on(self) -> bool:
        """Whether the line after the end of line that stands here continues this one."""
        if not self.lines:
            return False
        at = self.at
        while self.tokens[at].kind in ("&", "break"):
            at += 1
        following = self.tokens[at]
        if following.kind == "term":
            return not any(t.more for t in self.tokens[self.at : at] if t.kind == "break")
        return following.kind in ("relation", "sign", "stop")

    def operand(self) -> Token:
        """The next token where something must stand; ends of lines are skipped."""
        while self.empty() or (self.here.kind in ("&", "break") and self.frames[-1] != "cell"):
            self.at += 2 if self.here.kind == "{" else 1
        return self.here

    def empty(self) -> bool:
        """Whether braces round nothing stand here, with no script behind them."""
        if self.here.kind != "{" or self.ahead(1).kind != "}":
            return False
        return self.ahead(2).kind not in ("^", "_", "'")

    def bar(self) -> str:
        """The bar that stands here; of two that touch, the second may be left."""
        return r"\lvert" if self.half == self.at else self.here.text

    def starts(self, token: Token) -> bool:
        """Whether something begins with this token, the next one."""
        if token.kind == "command":
            return token.text != r"\over"
        if token.kind == "bar":
            return self.bars[-1] != self.bar() and not (self.half != self.at and token.text == r"\lVert" and self.bars[-1] == r"\lvert")
        if token.kind == "text":
            following = self.ahead(1)
            return plain(token.text) not in KEYWORDS and (self.frames[-1] not in ("top", "cell") or following.kind in GLUE | {"^", "_"})
        return token.kind in STARTS

    def follows(self, token: Token) -> bool:
        """Whether a factor may follow directly with this token, the next one."""
        if token.kind == "bar":
            opens = self.half == self.at or token.more == 1
            return self.starts(token) and opens and self.ahead(1).kind != "_"
        return token.kind != "text" and self.starts(token)
