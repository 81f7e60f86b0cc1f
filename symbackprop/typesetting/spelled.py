r"""Names that people write in LaTeX: W^{(1)}, \mathcal L, \bm\theta, \vec x, W', x_{\mathrm{in}}.

What stands is read into a tree by tables of what a name may be made of, and the tree is printed: no text of a user's reaches a page as it
stands, and no command that does anything but write a sign is known.
"""

import re
from dataclasses import dataclass, fields, replace
from typing import Any

from symbackprop.errors import NotationError
from symbackprop.typesetting import tree
from symbackprop.typesetting.symbols import ALL_ACCENTS, GREEK, LETTERS, MARKS

LONGEST = 200
DEEPEST = 12
TOKEN = re.compile(r"\\([A-Za-z]+)\*?|\\(.)|([0-9]+)|(.)", re.DOTALL)
WORDS = re.compile(r"\{\s*((?:[A-Za-z0-9 .\-À-ž\u3040-\u30ff\u3400-\u9fff" + "".join(LETTERS) + r"]|\\_)+?)\s*\}")
STYLES = {
    **dict.fromkeys(("mathrm", "text", "textrm", "operatorname", "mathit", "textit", "textnormal", "mathop"), "roman"),
    **dict.fromkeys(("mathbf", "textbf", "bf"), "bold"),
    **dict.fromkeys(("bm", "boldsymbol", "pmb"), "bolditalic"),
    **dict.fromkeys(("mathcal", "mathscr", "cal"), "script"),
    **dict.fromkeys(("mathbb", "Bbb"), "double-struck"),
    "mathfrak": "fraktur",
    **dict.fromkeys(("mathsf", "textsf"), "sans-serif"),
    **dict.fromkeys(("mathtt", "texttt"), "monospace"),
}
"""The commands of styles."""
SIGNS = {
    **{made[0].removeprefix("\\"): name for name, made in MARKS.items() if re.fullmatch(r"\\[A-Za-z]+", made[0])},
    "leq": "<=", "geq": ">=", "neq": "ne", "rightarrow": "->", "gets": "<-", "vert": "|", "lbrack": "[", "rbrack": "]", "dotsc": "dots",
}  # fmt: skip
"""The commands of signs, by what the tree calls them."""
PLAIN = {c: c for c in "=+-,:;.!?/|()[]"} | {"*": "ast", "'": "prime", "′": "prime", ">": ">", "−": "-"}
"""Characters that are signs."""
JOINS = {
    *"=+->,:;/|.!?",
    ">=",
    "<=",
    "<-",
    "->",
    "in",
    "ne",
    "pm",
    "mp",
    "times",
    "cdot",
    "odot",
    "oslash",
    "otimes",
    "oplus",
    "ast",
    "sim",
}
JOINS |= {"mapsto", "setminus", "mid"}
"""Signs between two things: a name that holds one stands in brackets."""
SHUT = {"(": ")", "[": "]"}
SPACES = (",", ";", ":", "!", " ", "quad", "qquad", "thinspace", "displaystyle", "limits", "nolimits", "left", "right", "mathstrut")
"""What sets apart, which a name does without."""
FIX = r"write it as in W^{(1)}, \hat{y}, \mathcal{L}, \bm{\theta} or x_{\mathrm{in}}"


def parse_name(text: str) -> tree.Node:
    r"""The name that a user wrote in LaTeX, such as W^{(1)}, \hat{y} or \mathbf{x}_{\mathrm{in}}.

    Raises NotationError for braces that do not match, two superscripts of one letter, and every command that is no letter, sign, accent or
    style: a name defines nothing, reads nothing and is no program.
    """
    return _Name(text).whole()


@dataclass(frozen=True)
class _Token:
    """`kind`: "command", "digits" or "sign" (any other character); `at` is its place in the text."""

    kind: str
    text: str
    at: int


class _Name:
    """One text on its way to a tree."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        if len(text) > LONGEST:
            raise NotationError(f"a name of {len(text)} characters is no name", source=text, fix=f"at most {LONGEST}")
        self.tokens = [self.token(found) for found in TOKEN.finditer(text)]

    def token(self, found: re.Match[str]) -> _Token:
        """A token of the text."""
        command, escaped, digits, sign = found.groups()
        if command is not None or escaped is not None:
            return _Token("command", command or escaped, found.start())
        return _Token("digits", digits, found.start()) if digits else _Token("sign", sign, found.start())

    def error(self, reason: str, token: _Token | None = None, fix: str = FIX) -> NotationError:
        """An error at a token, or at the end."""
        start = token.at if token else len(self.text)
        stop = self.tokens[self.tokens.index(token) + 1].at if token and token is not self.tokens[-1] else len(self.text)
        return NotationError(reason, source=self.text, spans=[(start, max(stop, start + 1))] if self.text else [], fix=fix)

    def peek(self) -> _Token | None:
        """The next token that is no room."""
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if not (token.text in SPACES if token.kind == "command" else token.text.isspace() or token.text == "~"):
                return token
            self.at += 1
        return None

    def take(self) -> _Token:
        """The next token, behind which reading goes on."""
        token = self.peek()
        if token is None:
            raise self.error("this name breaks off")
        self.at += 1
        return token

    def whole(self) -> tree.Node:
        """The whole name."""
        made = self.parts("")
        if (rest := self.peek()) is not None:
            raise self.error("this name's braces do not match", rest)
        if not isinstance(made, tree.Sequence):
            return made
        return tree.Fenced(made) if any(isinstance(n, tree.Mark) and n.name in JOINS for n in made.items) else tree.Group(made)

    def parts(self, end: str) -> tree.Node:
        """Everything up to the token `end`, which is left."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"this name is nested more than {DEEPEST} deep", self.peek())
        made: list[tree.Node] = []
        while (token := self.peek()) is not None and token.text not in ("}", end):
            made.append(self.scripted())
        self.depth -= 1
        if not made:
            raise self.error("this name breaks off" if self.text.strip() else "this name is empty", self.peek())
        return _joined(made)

    def scripted(self) -> tree.Node:
        """One part with what stands above and below it."""
        base = self.atom()
        sub: tuple[tree.Node, ...] = ()
        primes: list[tree.Node] = []
        sup: tree.Node | None = None
        while (token := self.peek()) is not None and token.text in ("^", "_", "'", "′"):
            self.take()
            if token.text in "'′":
                primes.append(tree.Mark("prime"))
            elif token.text == "_":
                if sub:
                    raise self.error("this name has two subscripts", token, "write one, as in x_{a, b}")
                sub = (self.atom(),)
            elif sup is not None:
                raise self.error("this name has two superscripts", token, "write one, as in x^{a, b}")
            else:
                sup = self.atom()
        above = tree.Sequence((*primes, sup)) if primes and sup is not None else sup
        if primes and sup is None:
            above = primes[0] if len(primes) == 1 else tree.Sequence(tuple(primes))
        if not sub and above is None:
            return base
        # What has labels of its own, or is several signs, is one thing in braces: TeX knows no second superscript.
        return tree.Labelled(tree.Group(base) if isinstance(base, tree.Labelled | tree.Sequence | tree.Frac) else base, sub, above)

    def atom(self) -> tree.Node:
        """A letter, a number, a sign, a group, an accent or a style with what it is of."""
        token = self.take()
        if token.kind == "command":
            return self.command(token)
        if token.kind == "digits":
            return tree.Number(token.text)
        if token.text == "{":
            inner = self.parts("}")
            self.shut("}", "this name's braces do not match")
            return inner
        if token.text in SHUT and (inside := self.inside(SHUT[token.text])) is not None:
            return tree.Fenced(inside, token.text + SHUT[token.text])
        if token.text in PLAIN:
            return tree.Mark(PLAIN[token.text])
        if token.text.isascii() and token.text.isalpha():
            return tree.Letter(token.text)
        if token.text in LETTERS:
            return tree.Letter(LETTERS[token.text])
        if token.text in "^_'′}":
            raise self.error("this name breaks off", token)
        raise self.error(f"'{token.text}' is no part of a name", token)

    def shut(self, end: str, reason: str) -> None:
        """Take the token `end`."""
        token = self.peek()
        if token is None or token.text != end:
            raise self.error(reason, token)
        self.at += 1

    def inside(self, end: str) -> tree.Node | None:
        """What stands in brackets, behind which reading goes on; None where they are not closed, or hold nothing."""
        start, depth = self.at, self.depth
        try:
            made = self.parts(end)
            self.shut(end, "")
        except NotationError:
            self.at, self.depth = start, depth
            return None
        return made

    def command(self, token: _Token) -> tree.Node:
        """What a command writes."""
        name = token.text
        if name in GREEK:
            return tree.Letter(name)
        if name in ALL_ACCENTS:
            return tree.Accent(self.atom(), name)
        if name in STYLES:
            word = self.words()
            return tree.Letter(word, STYLES[name]) if word is not None else _styled(self.atom(), STYLES[name])
        if name in SIGNS:
            return tree.Mark(SIGNS[name])
        if name in ("{", "}", "_", "%", "&", "#", "$"):
            return tree.Text(name)
        if name == "|":
            return tree.Mark("parallel")
        if name == "frac":
            return tree.Frac(self.atom(), self.atom())
        if name == "sqrt":
            return tree.Root(self.atom())
        shown = f"\\{name}"
        raise self.error(f"'{shown}' is no part of a name", token, r"a name holds letters, signs, accents and styles: " + FIX)

    def words(self) -> str | None:
        r"""The letters in the braces of \mathrm or \text, where nothing but letters, digits, blanks and _ stands there."""
        self.peek()
        found = WORDS.match(self.text, self.tokens[self.at].at) if self.at < len(self.tokens) else None
        if found is None or not any(c.isalnum() for c in found[1]):
            return None
        stop = found.end()
        while self.at < len(self.tokens) and self.tokens[self.at].at < stop:
            self.at += 1
        word = found[1].replace("\\_", "_")
        return LETTERS.get(word, word)


def _joined(parts: list[tree.Node]) -> tree.Node:
    """Several parts as one: letters and digits side by side are a word."""
    if len(parts) > 1 and all(
        isinstance(p, tree.Number) or (isinstance(p, tree.Letter) and p.style == "italic" and p.text.isascii()) for p in parts
    ):
        texts = [p.text for p in parts if isinstance(p, tree.Letter | tree.Number)]
        if all(len(t) == 1 or t.isdigit() for t in texts) and not texts[0].isdigit():
            return tree.Letter("".join(texts))
    return parts[0] if len(parts) == 1 else tree.Sequence(tuple(parts))


def _styled(node: Any, style: str) -> Any:
    """`node` with its letters in a style."""
    if isinstance(node, tree.Letter | tree.Number):
        return tree.Letter(node.text, style)
    if isinstance(node, tuple):
        return tuple(_styled(n, style) for n in node)
    if not isinstance(node, tree.Node):
        return node
    return replace(node, **{f.name: _styled(getattr(node, f.name), style) for f in fields(node)})
