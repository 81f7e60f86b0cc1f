"""Commands to tokens: fonts go to the letters that bear them, prose is told from words, layout falls away."""

import re
from collections.abc import Collection
from dataclasses import replace

from symbackprop.language.latex import commands as known
from symbackprop.language.latex.commands import cleaned, kind_of_prose
from symbackprop.language.latex.kinds import ENVIRONMENTS, LAYOUTS, SPACE, TABLES, Frame, Letters
from symbackprop.language.latex.nodes import Repair
from symbackprop.language.latex.tokens import Token

DROPPED = set(known.DROPPED.split())
IDENTIFIER = re.compile(r"[A-Za-z_](?:-?[A-Za-z0-9_])*\Z")
SIGNED = {"-", "+", "=", "*", "/", ":"}
"""Signs that prose may consist of, as in l\\text{-}1."""
FLAT = {"mathop", "mathbin", "mathrel", "mathord", "mathopen", "mathclose", "mathinner", "mathpunct"}
"""Commands whose braces go with them, so that what is inside keeps its part in the formula."""
MIRRORED = {"=": r"\ne", r"\in": r"\notin", r"\equiv": r"\ne", r"\exists": r"\nexists"}


def classify(raw: list[Token], text: str, words: Collection[str], repairs: list[Repair]) -> list[Token]:
    """The tokens of a formula, closed by one of kind stop. Repairs made on the way are added to `repairs`."""
    return _Cleaner(raw, text, words, repairs).tokens()


class _Cleaner(Letters):
    def command(self, token: Token) -> None:
        word = token.text[1:]
        if token.text in known.THIN | known.WIDE:
            self.space(token)
        elif word in known.STYLES:
            self.font(token, known.STYLES[word])
        elif word in known.SWITCHES:
            following = self.peek()
            if following is not None and following.text == "{":
                self.font(token, known.SWITCHES[word])
            else:
                self.frames[-1].style = known.SWITCHES[word]
        elif word in known.TEXTS:
            self.prose(token)
        elif word in ("left", "right") or (word.startswith(("big", "Big")) and word in DROPPED):
            self.size(token)
        elif word in DROPPED:
            self.flatten() if word in FLAT else None
        elif word in known.DROPPED_WITH:
            self.at += self.raw[self.at : self.at + 1] != [] and self.raw[self.at].text == "*"
            if word == "bbox":
                self.option()
            elif not known.DROPPED_WITH[word]:
                self.dimension()
            for _ in range(known.DROPPED_WITH[word]):
                self.option()
                self.group(token)
        elif word in ("begin", "end"):
            self.environment(token)
        elif word in ("overset", "stackrel", "underset", "xrightarrow", "xleftarrow", "xlongequal"):
            self.over(token)
        elif word == "not":
            self.negated(token)
        elif word in ("(", ")", "[", "]"):
            return
        elif token.text == "\\":
            raise self.error("a command without a name", token.span)
        else:
            self.plain(token)

    def plain(self, token: Token) -> None:
        """A command of the tables."""
        if token.text in known.BLACKBOARD and token.text not in TABLES:
            self.emit("name", known.BLACKBOARD[token.text], token, "mathbb")
        elif token.text not in TABLES:
            fix = rf"define it: \newcommand{{{token.text}}}{{...}}"
            raise self.error(f"the command {token.text} is not known", token.span, fix if token.text[1:].isalpha() else "")
        else:
            kind, text = TABLES[token.text]
            self.emit(kind, text, token)
            if kind == "break":
                self.option_of_break()
            if text == r"\delta":
                self.delta()

    def option_of_break(self) -> None:
        """Leave out the star and the space of a line's end, as in \\\\*[2pt]."""
        if self.at < len(self.raw) and self.raw[self.at].text == "*":
            self.at += 1
        inside = [t.text for t in self.raw[self.at : self.at + 8]]
        if (
            inside[:1] == ["["]
            and "]" in inside
            and inside[inside.index("]") - 2 : inside.index("]")] in (["p", "t"], ["e", "m"], ["e", "x"])
        ):
            self.at += inside.index("]") + 1

    def delta(self) -> None:
        """Two letters in braces right behind a delta are its indices."""
        following = self.raw[self.at : self.at + 4]
        if [t.text for t in following[:1]] == ["{"] and [t.kind for t in following[1:3]] == ["letter"] * 2 and following[-1].text == "}":
            self.repair("an underscore before the indices of a delta", (following[0].start, following[3].stop))
            self.made.append(replace(self.made[-1], kind="_", text="_", start=following[0].start, stop=following[0].start))

    def dimension(self) -> None:
        r"""Leave out a length without braces, as in \kern 3pt."""
        self.peek()
        self.at += self.raw[self.at : self.at + 1] != [] and self.raw[self.at].text == "-"
        if self.at < len(self.raw) and self.raw[self.at].kind == "number":
            self.at += 1
            self.peek()
            self.at += 2 * ([t.kind for t in self.raw[self.at : self.at + 2]] == ["letter", "letter"])

    def space(self, token: Token) -> None:
        wide = token.text in known.WIDE
        self.gap = max(self.gap, 3 if wide else 1 if token.text in known.CLOSE else 2)
        if token.text == r"\hskip":
            self.dimension()
        if token.text in (r"\hspace", r"\mspace"):
            self.at += 1 if self.at < len(self.raw) and self.raw[self.at].text == "*" else 0
            self.group(token)

    def font(self, token: Token, style: str) -> None:
        """A font for the next group, or for the next thing."""
        following = self.peek()
        if following is None:
            raise self.error(f"{token.text} has no letter", token.span)
        if following.text != "{":
            self.once = style
            return
        start = self.at
        inside = self.group(token)
        self.at = start
        depth = 0
        for piece in inside:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(piece.text, 0)
        word = "".join({r"\_": "_", "_": " "}.get(t.text, t.text) for t in inside if t.kind != SPACE)
        whole = replace(token, stop=inside[-1].stop + 1) if inside else token
        if style in known.UPRIGHT and len(word) > 1 and IDENTIFIER.match(word):
            self.group(token)
            self.word(word, whole, style)
        elif len(word) == 1 and word.isascii() and word.isalnum():
            self.group(token)
            self.emit("name" if word.isalpha() else "number", word, whole, style)
        else:
            self.flatten(style, flat=depth != 0)

    def flatten(self, style: str = "", flat: bool = True) -> None:
        """Open the group that stands here, with a font; a flat one without its braces."""
        following = self.peek()
        if following is None or following.text != "{":
            return
        self.at += 1
        if not flat:
            self.emit("{", "{", following)
        outer = self.frames[-1]
        script = outer.script or bool(not flat and self.made[-2:-1] and self.made[-2].kind in ("^", "_"))
        self.frames.append(Frame(style or outer.style, script, not flat, following.span))

    def prose(self, token: Token) -> None:
        r"""\text{...} and its like: one word, prose, or mathematics between dollar signs."""
        if self.at < len(self.raw) and self.raw[self.at].text == "*":
            self.at += 1
        function = token.text.startswith(r"\operatorname")
        inside = self.group(token)
        piece: list[Token] = []
        math: list[Token] | None = None
        for part in [*inside, Token("end", "", token.stop, token.stop)]:
            if part.text == "$" or part.kind == "end":
                if math is not None:
                    self.inner(math)
                self.piece(piece, function, token)
                piece, math = [], [] if math is None else None
            elif math is not None:
                math.append(part)
            else:
                piece.append(part)

    def inner(self, math: list[Token]) -> None:
        """Mathematics inside prose, where no line of the display ends."""
        outer, self.raw, at, self.at = self.raw, math, self.at, 0
        depth = len(self.frames)
        while self.at < len(self.raw):
            piece = self.raw[self.at]
            self.at += 1
            if piece.kind == SPACE:
                self.gap = max(self.gap, 1)
            else:
                {"command": self.command, "letter": self.letters}.get(piece.kind, self.inner_mark)(piece)
        if len(self.frames) != depth:
            raise self.error("this brace is not closed", self.frames[-1].start)
        self.raw, self.at = outer, at

    def inner_mark(self, piece: Token) -> None:
        """A mark or a number inside prose."""
        if piece.kind == "number":
            self.emit("number", piece.text, piece)
        else:
            self.mark(piece)

    def piece(self, piece: list[Token], function: bool, token: Token) -> None:
        """A piece of prose without mathematics in it."""
        one_place = bool(piece) and piece[0].span == piece[-1].span
        prose = cleaned("".join(t.text for t in piece) if one_place else self.text[piece[0].start : piece[-1].stop] if piece else "")
        if not prose:
            self.gap = max(self.gap, 1 if piece else 0)
            return
        place = replace(token, stop=max(token.stop, piece[-1].stop))
        if function and prose == "d":
            self.emit("name", "d", place, "mathrm")
            return
        if function:
            self.emit("function", "".join(prose.split()), place)
            return
        kind, text = kind_of_prose(prose, self.declared)
        if kind == "name" and len(text) == 1 and token.text == r"\textbf":
            self.emit("name", text, place, "mathbf")
            return
        if kind == "name" and len(text) > 1 and SPACE in (piece[0].kind, piece[-1].kind):
            kind = "text"
        if text in SIGNED:
            kind, text = TABLES[text]
        self.once = ""
        self.emit(kind, text, place, "mathrm" if kind == "name" else "")

    def size(self, token: Token) -> None:
        r"""\left, \right, \big: they go, but \left. and \left| say what stands behind them."""
        side = (
            "open"
            if token.text == r"\left" or token.text.endswith("l")
            else "close"
            if token.text == r"\right" or token.text[-1] == "r"
            else ""
        )
        following = self.peek()
        if following is None:
            raise self.error(f"a bracket is missing behind {token.text}", token.span)
        place = replace(following, start=token.start)
        if following.text in (r"\[", r"\]", r"\(", r"\)"):
            self.repair(f"{following.text[1]} for {following.text}", following.span)
            self.at += 1
            kind, plain = TABLES[following.text[1]]
            self.emit(kind, plain, place)
        elif token.text in (r"\left", r"\right") and following.text in known.BARS:
            self.at += 1
            self.emit(side, known.BARS[following.text], place)
        elif token.text in (r"\left", r"\right") and following.text == ".":
            self.at += 1
            self.emit(side, ".", place)
        elif side and following.text in ("<", ">"):
            self.at += 1
            self.emit(side, r"\langle", place)

    def environment(self, token: Token) -> None:
        name = "".join(t.text for t in self.group(token) if t.kind != SPACE).rstrip("*")
        if name in ("alignat", "alignedat") or (name == "array" and token.text == r"\begin"):
            self.option()
            self.group(token) if token.text == r"\begin" else None
        elif token.text == r"\begin":
            self.option() if name in ("aligned", "gathered", "split") else None
        if name not in ENVIRONMENTS | LAYOUTS:
            raise self.error(f"the environment {name} is not known", token.span)
        layout = name in LAYOUTS
        self.emit(token.text[1:], "aligned" if layout else "cases" if name in ("dcases", "rcases") else name, token)

    def over(self, token: Token) -> None:
        """Signs set over others: over a relation they are a remark, which falls away; over anything else the parser reads them."""
        word = token.text[1:]
        if word.startswith("x"):
            self.option()
            self.group(token)
            relation = {"xrightarrow": r"\to", "xleftarrow": r"\leftarrow", "xlongequal": "="}[word]
            self.emit("relation", relation, token)
            return
        start = self.at
        self.group(token)
        base = [t for t in self.group(token) if t.kind != SPACE]
        kind, plain = TABLES.get(base[0].text, ("", "")) if len(base) == 1 else ("", "")
        if kind in ("relation", "follows", "sign", "term"):
            self.emit(kind, plain, replace(base[0], start=token.start))
            return
        self.at = start
        self.emit("command", token.text, token)

    def negated(self, token: Token) -> None:
        following = self.peek()
        if following is None or following.text not in MIRRORED:
            raise self.error("what \\not strikes out is not known", token.span)
        self.at += 1
        self.emit("relation", MIRRORED[following.text], token)
