"""Brackets are paired before a formula is read: what is surely missing is put in, bars are counted, claims side by side are marked."""

from dataclasses import replace

from symbackprop.errors import FormulaError
from symbackprop.language.latex.nodes import Repair
from symbackprop.language.latex.tokens import Token

MOST_DEPTH = 40
OPENING, CLOSING = {"{": "}", "open": "close", "begin": "end"}, {"}", "close", "end"}
ALIKE = ({"(", "["}, {r"\lvert", r"\lVert"})
ENDS = {"stop", "}", "end", "break", "&", "comma", "period", "follows", "text"}


def paired(tokens: list[Token], text: str, repairs: list[Repair]) -> list[Token]:
    """The tokens with every bracket paired. Raises FormulaError where what is missing can't be known."""
    return _marked(_Pairs(_joined(tokens), text, repairs).tokens(), repairs)


def _joined(tokens: list[Token]) -> list[Token]:
    r"""Without the pairs \right. ... \left. that carry a bracket over the end of a line, and without braces round one bracket."""
    made: list[Token] = []
    waiting = -1
    for k, token in enumerate(tokens):
        alone = tokens[k - 1].kind if token.kind == "}" and k > 1 and tokens[k - 2].kind == "{" else ""
        if alone in ("open", "close") and made and made[-1] is tokens[k - 1] and len(made) > 1:
            del made[-2]
            continue
        if token.kind == "open" and token.text == "." and waiting >= 0:
            del made[waiting]
            waiting = -1
            continue
        if token.kind == "close" and token.text == ".":
            waiting = len(made)
        elif token.kind not in ("&", "break"):
            waiting = -1
        made.append(token)
    return made


class _Pairs:
    """`stack` holds the open brackets: the token, and whether relations or commas stand right inside."""

    def __init__(self, tokens: list[Token], text: str, repairs: list[Repair]) -> None:
        self.given, self.text, self.repairs = tokens, text, repairs
        self.made: list[Token] = []
        self.stack: list[tuple[Token, list[Token], list[bool]]] = [(Token("start", "", 0, 0), [], [])]

    def error(self, reason: str, token: Token, fix: str = "") -> FormulaError:
        return FormulaError(reason, place="the formula", source=self.text, spans=[token.span], fix=fix)

    def tokens(self) -> list[Token]:
        for k, token in enumerate(self.given):
            if token.kind in OPENING:
                self.open(token)
            elif token.kind in CLOSING:
                self.close(token, self.given[k + 1])
            else:
                self.other(token, self.given[k + 1] if k + 1 < len(self.given) else token)
        return self.made

    def open(self, token: Token) -> None:
        if len(self.stack) > MOST_DEPTH:
            raise self.error(f"this is nested more than {MOST_DEPTH} deep", token, "split it into several formulas")
        if token.kind == "begin" and token.text == "aligned":
            system = bool(self.made) and self.made[-1].kind == "open" and self.made[-1].text == r"\{"
            token = replace(token, text="cases" if system else "layout")
        self.stack.append((token, [], []))
        if token.text != "layout":
            self.made.append(token)

    def other(self, token: Token, following: Token) -> None:
        top = self.stack[-1]
        if token.kind == "stop":
            self.complete(token)
            if len(self.stack) > 1:
                raise self.error(f"{self.spelled(self.stack[-1][0])} is not closed", self.stack[-1][0])
            self.counted()
        elif token.kind == "bar":
            token.more = following.kind == "_"
            top[1].append(token)
        elif token.kind in ("relation", "comma", "break", "follows", "text"):
            top[2].append(True)
        self.made.append(token)

    def close(self, token: Token, following: Token) -> None:
        if token.kind != "close":
            self.complete(token)
        first = self.stack[-1][0]
        if first.kind not in OPENING or OPENING[first.kind] != token.kind or not self.fits(first, token):
            if token.kind == "close" and following.kind in ENDS and token.text != ".":
                self.repairs.append(Repair(f"{self.spelled(token)} that closes nothing is left out", span=token.span))
                return
            fix = "" if first.kind == "start" else f"{self.spelled(first)} is open here"
            raise self.error(f"{self.spelled(token)} closes nothing", token, fix)
        self.counted()
        self.stack.pop()
        if first.text != "layout":
            self.made.append(token)

    def fits(self, first: Token, last: Token) -> bool:
        if first.kind == "begin":
            return first.text == last.text or (first.text in ("layout", "cases") and last.text in ("aligned", "cases"))
        same = first.text == last.text or "." in (first.text, last.text)
        return first.kind != "open" or same or any({first.text, last.text} <= pair for pair in ALIKE)

    def complete(self, token: Token) -> None:
        """Close the brackets that are open where a group ends, if nothing but one expression stands in them."""
        while self.stack[-1][0].kind == "open":
            first, _, split = self.stack[-1]
            if split or self.made[-1] is first:
                raise self.error(f"{self.spelled(first)} is not closed", first, "close it")
            self.repairs.append(Repair(f"{self.spelled(first)} is closed", span=(token.start, token.start)))
            self.counted()
            self.stack.pop()
            self.made.append(Token("close", first.text, token.start, token.start))

    def counted(self) -> None:
        """Tell each bar of the bracket on top whether it opens: then one of its kind closes it there. One with a place below does not."""
        open_ones: dict[str, Token] = {}
        for bar in self.stack[-1][1]:
            below, bar.more = bar.more, 0
            if bar.text in open_ones:
                open_ones.pop(bar.text).more = 1
            elif not below:
                open_ones[bar.text] = bar

    def spelled(self, token: Token) -> str:
        return self.text[token.start : token.stop] or token.text


def _marked(tokens: list[Token], repairs: list[Repair]) -> list[Token]:
    r"""Mark, outside all brackets, what stands behind a wide space or the end of a line and holds a relation; drop equation numbers.

    An arrow between two wide spaces leads from claim to claim.
    """
    depth, start, marks = 0, 0, [tokens[0]]
    made: list[Token] = []
    for k, token in enumerate(tokens):
        depth += (token.kind in OPENING) - (token.kind in CLOSING)
        last = depth - (token.kind in OPENING)
        if last == 0 and token.kind == "relation" and token.text == r"\to" and token.gap == 3 and tokens[k + 1].gap == 3:
            token.kind, token.text = "follows", r"\Rightarrow"
        if last == 0 and (token.gap == 3 or token.kind in ("break", "comma", "text", "follows", "stop")):
            _drop_number(made, start, token, repairs)
            start = len(made)
            marks = [token] if token.kind != "break" else [*marks[:0], token]
        if token.kind == "relation" and (depth == 0 or (depth == 1 and marks[0].kind == "open")):
            for mark in marks:
                mark.more = 1
            if token.gap == 3:
                token.more = 0
        made.append(token)
    return made


def _drop_number(made: list[Token], start: int, token: Token, repairs: list[Repair]) -> None:
    """Leave out (12) where nothing else stands between a wide space and the end of a line."""
    if token.kind not in ("break", "stop") or len(made) - start != 3 or not start or made[start].gap != 3:
        return
    first, number, last = made[start:]
    if first.text == "(" and number.kind == "number" and last.kind == "close":
        repairs.append(Repair("the number of the equation is left out", span=(first.start, last.stop)))
        del made[start:]
