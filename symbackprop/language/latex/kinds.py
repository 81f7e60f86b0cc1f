"""Raw tokens to tokens that mean something to a formula: names with their fonts, words, signs, brackets. Layout falls away.

Kinds that leave this module: name, number, function, text, dots, accent, command, big, nabla, partial, { } ^ _ ' !, open, close, bar,
sign, term, relation, follows, comma, period, & , break, begin, end, stop. `gap` says what space stood before.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from symbackprop.errors import FormulaError
from symbackprop.language.latex import commands as known
from symbackprop.language.latex.commands import kind_of_prose, kind_of_word, split_run
from symbackprop.language.latex.nodes import Repair
from symbackprop.language.latex.tokens import Span, Token

SPACE = "space"
TABLES: dict[str, tuple[str, str]] = {}
for _kind, _table in (
    ("sign", known.SIGNS),
    ("term", known.TERMS),
    ("relation", known.RELATIONS),
    ("follows", known.FOLLOWS),
    ("big", known.BIG),
    ("open", known.OPENS),
    ("close", known.CLOSES),
    ("bar", known.BARS),
    ("dots", known.DOTS),
    ("function", known.COMMAND_FUNCTIONS),
    ("name", {name: known.SAME_NAME.get(name, name) for name in known.NAMES}),
    ("accent", {f"\\{word}": mark for word, mark in known.ACCENTS.items()}),
    ("text", {r"\forall": "for all", r"\land": "and", r"\lor": "or"}),
):
    TABLES |= {spelling: (_kind, text) for spelling, text in _table.items()}
for _text in known.FRACTIONS:
    TABLES[_text] = "command", r"\frac"
for _text in (r"\sqrt", r"\binom", r"\over", r"\underbrace", r"\overbrace", r"\overset", r"\underset", r"\substack"):
    TABLES[_text] = "command", _text
TABLES |= {r"\stackrel": ("command", r"\overset"), r"\dbinom": ("command", r"\binom"), r"\tbinom": ("command", r"\binom")}
TABLES |= {r"\nabla": ("nabla", r"\nabla"), r"\partial": ("partial", r"\partial"), r"\cr": ("break", r"\\"), r"\\": ("break", r"\\")}
TABLES |= {mark: (mark, mark) for mark in ("^", "_", "'", "!", "&")}
TABLES |= {",": ("comma", ","), ";": ("comma", ";"), ".": ("period", "."), r"\sp": ("^", "^"), r"\sb": ("_", "_")}
TABLES |= {r"\dd": ("partial", "d"), r"\diff": ("partial", "d"), r"\differentialD": ("partial", "d")}
ENVIRONMENTS = {"matrix", "bmatrix", "pmatrix", "vmatrix", "Vmatrix", "Bmatrix", "smallmatrix", "array", "cases", "rcases", "dcases"}
LAYOUTS = {"aligned", "align", "split", "gather", "gathered", "equation", "eqnarray", "multline", "alignat", "alignedat", "flalign"}
LAYOUTS |= {"displaymath", "math", "subequations", "empheq", "center", "small"}


@dataclass(slots=True)
class Frame:
    """A brace that is open: its font, whether it is a script, whether the brace itself is kept."""

    style: str = ""
    script: bool = False
    kept: bool = True
    start: Span = (0, 0)


class Letters:
    """Raw tokens on their way to tokens with a meaning: braces, marks and letters. What commands do, a subclass says."""

    def __init__(self, raw: list[Token], text: str, words: Collection[str], repairs: list[Repair]) -> None:
        self.raw, self.text, self.repairs, self.at = raw, text, repairs, 0
        self.words = known.words_of(words)
        self.declared = set(words)
        self.made: list[Token] = []
        self.frames = [Frame()]
        self.gap, self.once = 0, ""

    def error(self, reason: str, span: Span, fix: str = "") -> FormulaError:
        """An error at `span`."""
        return FormulaError(reason, place="the formula", source=self.text, spans=[span], fix=fix)

    def repair(self, reason: str, span: Span) -> None:
        """Note what was mended."""
        self.repairs.append(Repair(reason, span=span))

    def emit(self, kind: str, text: str, token: Token, style: str | None = None) -> None:
        """One token more; a font that was said for one thing is used up by what bears a font.

        A digit in a font of its own is a name; one in a script of a name in that font is a number.
        """
        font = self.frames[-1].style if style is None else style
        if kind in ("name", "number", "function"):
            inherited = style is None and not self.once and (self.frames[-1].script or bool(self.made and self.made[-1].kind in ("_", "^")))
            font, self.once = self.once or font, ""
            if kind == "number" and font and font not in known.UPRIGHT and not inherited:
                kind = "name"
        self.made.append(Token(kind, text, token.start, token.stop, font if kind == "name" else "", self.gap))
        self.gap = 0

    def command(self, token: Token) -> None:
        """Take in a command."""
        raise NotImplementedError

    def tokens(self) -> list[Token]:
        """All tokens, closed by one of kind stop."""
        while self.at < len(self.raw):
            token = self.raw[self.at]
            self.at += 1
            if token.kind == SPACE:
                self.gap = max(self.gap, 1)
            elif token.kind == "command":
                self.command(token)
            elif token.kind == "letter":
                self.letters(token)
            elif token.kind == "number":
                self.number(token)
            else:
                self.mark(token)
        if len(self.frames) > 1:
            raise self.error("this brace is not closed", self.frames[-1].start, "close it with }")
        end = len(self.text)
        self.made.append(Token("stop", "the end", end, end))
        return self.made

    # What stands next.

    def peek(self) -> Token | None:
        """The next token that is no space."""
        while self.at < len(self.raw) and self.raw[self.at].kind == SPACE:
            self.at += 1
        return self.raw[self.at] if self.at < len(self.raw) else None

    def group(self, token: Token) -> list[Token]:
        """The tokens of the next argument, without its braces."""
        first = self.peek()
        if first is None:
            raise self.error(f"an argument of {token.text} is missing", token.span)
        self.at += 1
        if first.text != "{":
            return [first]
        start, depth = self.at, 1
        while self.at < len(self.raw):
            depth += {"{": 1, "}": -1}.get(self.raw[self.at].text, 0)
            self.at += 1
            if not depth:
                return self.raw[start : self.at - 1]
        raise self.error("this brace is not closed", first.span, "close it with }")

    def option(self) -> None:
        """Leave out what stands in square brackets here."""
        following = self.peek()
        if following is not None and following.text == "[":
            while self.at < len(self.raw) and self.raw[self.at].text != "]":
                self.at += 1
            self.at += 1

    # Numbers and marks.

    def number(self, token: Token) -> None:
        """A number; thousands may be parted by commas in braces."""
        text, stop = token.text, token.stop
        while [t.text for t in self.raw[self.at : self.at + 3]] == ["{", ",", "}"] and self.raw[self.at + 3 : self.at + 4]:
            further = self.raw[self.at + 3]
            if further.kind != "number":
                break
            text, stop = text + further.text, further.stop
            self.at += 4
        self.emit("number", text, replace(token, stop=stop))

    def mark(self, token: Token) -> None:
        """Take in a mark."""
        text = token.text
        if text == "{":
            script = self.frames[-1].script or bool(self.made and self.made[-1].kind in ("^", "_") and self.once == "")
            self.frames.append(Frame(self.once or self.frames[-1].style, script, True, token.span))
            self.once = ""
            self.emit("{", "{", token)
        elif text == "}":
            if len(self.frames) == 1:
                raise self.error("this brace closes nothing", token.span, "take it away")
            if self.frames.pop().kept:
                self.emit("}", "}", token)
        elif text == "~":
            self.gap = max(self.gap, 2)
        elif text == "$":
            if self.made and any(t.kind != SPACE and t.text != "$" for t in self.raw[self.at :]):
                raise self.error("a formula ends here and more follows", token.span, "give one formula at a time")
        elif self.arrow(token):
            return
        elif text in TABLES:
            kind, plain = TABLES[text]
            doubled = kind == "&" and self.made and self.made[-1].kind == "&"
            self.gap = 3 if doubled else self.gap
            self.emit(kind, plain, token)
        else:
            raise self.error(f"the sign {text!r} means nothing in a formula", token.span)

    def arrow(self, token: Token) -> bool:
        """Whether < and - here make an arrow, as they do with space on both sides."""
        following = self.raw[self.at : self.at + 2]
        if token.text != "<" or [t.text for t in following[:1]] != ["-"] or not self.gap or [t.kind for t in following[1:]] != [SPACE]:
            return False
        self.at += 1
        self.emit("relation", r"\leftarrow", replace(token, stop=following[0].stop))
        return True

    # Letters.

    def letters(self, token: Token) -> None:
        """A run of letters: a word in upright fonts, words of the list elsewhere, single letters else."""
        start = self.at - 1
        foreign = not token.text.isascii()
        while self.at < len(self.raw) and self.raw[self.at].kind == "letter" and self.raw[self.at].text.isascii() != foreign:
            self.at += 1
        if self.once:
            self.at = start + 1
        run = self.raw[start : self.at]
        letters = "".join(t.text for t in run)
        if foreign:
            kind, _ = kind_of_prose(letters)
            self.emit(kind, letters, replace(token, stop=run[-1].stop), "mathrm" if kind == "name" and len(letters) > 1 else None)
            return
        if letters in known.MODULES and self.dotted(run):
            return
        style = self.once or self.frames[-1].style
        if style in known.UPRIGHT and len(letters) > 1:
            self.word(letters, replace(token, stop=run[-1].stop), style)
        else:
            self.runs(run, letters)
        self.subscript_without_underscore()

    def runs(self, run: list[Token], letters: str) -> None:
        """Bare letters: words of the list, the rest one by one."""
        number = self.raw[self.at].text if self.at < len(self.raw) else ""
        following = number
        if letters + number in known.FUNCTIONS_SET and number.isdigit():
            self.emit("function", letters + number, replace(run[0], stop=self.raw[self.at].stop))
            self.at += 1
            return
        whole = self.frames[-1].script or bool(self.made and self.made[-1].kind in ("^", "_"))
        for start, stop in split_run(letters, self.words, self.declared, following == "(" or following == r"\left", whole):
            place = replace(run[start], stop=run[stop - 1].stop)
            if stop - start == 1:
                self.emit("name", letters[start], place)
            else:
                self.word(letters[start:stop], place, "mathrm")

    def dotted(self, run: list[Token]) -> bool:
        """Whether a function of a module stands here, as in np.sum."""
        at = self.at
        found = ""
        while at + 1 < len(self.raw) and self.raw[at].text == "." and self.raw[at + 1].kind == "letter":
            at, found = at + 1, ""
            while at < len(self.raw) and self.raw[at].kind == "letter":
                found += self.raw[at].text
                at += 1
        if not found:
            return False
        self.emit("function", found, replace(run[0], stop=self.raw[at - 1].stop))
        self.at = at
        return True

    def word(self, letters: str, place: Token, style: str) -> None:
        """One word in an upright font."""
        if style == "mathrm" and len(letters) == 2 and letters[0] == "d" and letters[1].isalpha() and letters not in self.declared:
            self.emit("name", "d", replace(place, stop=place.start + 1), "mathrm")
            self.emit("name", letters[1], replace(place, start=place.stop - 1), "")
            return
        kind = kind_of_word(letters, self.declared)
        self.once = ""
        self.emit(kind, letters, place, style if kind == "name" else "")

    def subscript_without_underscore(self) -> None:
        """A digit that touches the letter before it is its index: W1 is W_1."""
        touching = self.at < len(self.raw) and self.raw[self.at].kind == "number" and self.raw[self.at - 1].kind == "letter"
        last = self.made[-1]
        if touching and not self.frames[-1].script and last.kind == "name" and not last.style and self.made[-2:-1] != ["^"]:
            number = self.raw[self.at]
            before = self.made[-2] if len(self.made) > 1 else None
            if before is not None and (before.kind in ("^", "_") or (before.kind, before.text) == ("command", r"\frac")):
                return  # x^n2 is x^n 2, and \frac n2 a half of n
            self.repair(f"an underscore before {number.text}", number.span)
            self.at += 1
            for kind, text in (("_", "_"), ("{", "{"), ("number", number.text), ("}", "}")):
                self.made.append(Token(kind, text, number.start, number.stop))
