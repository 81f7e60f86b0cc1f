"""Expressions in MATLAB's spelling, said in our notation: x' * A * x, X .* Y, A \\ b, norm2(x), tr(A).

There a vector is a column and x' a row, both are matrices, and * is the product of matrices; here a vector has one axis. So each part is
known as a number, a column, a row or a matrix: by the shapes that were given, else by its letter. What has no such kind, or has no one
meaning here, is refused with its place; nothing is passed on unread.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from symbackprop.calculus.index import parse_shape
from symbackprop.errors import ParseError
from symbackprop.language.guessing import COUNTS, likely_ranks
from symbackprop.language.syntax import MOST_CHARACTERS
from symbackprop.ops import OPS

NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
TOKEN = re.compile(rf"\s*(?:(?P<number>{NUMBER})|(?P<name>[A-Za-z_]\w*)|(?P<sign>\.[*/^']|[-+*/^\\(),'])|(?P<other>\S))")
TEXT = re.compile(r"'([a-z]+)'")
KINDS = {0: "number", 1: "column", 2: "matrix"}
SUM, PRODUCT, SIGN, POWER, ATOM = range(5)
"""How strongly a text binds in our notation."""
MOST_DEPTH = 60
HIGHEST = 4
"""The highest power of a matrix that is written out."""
NAMES = {"tr": "trace", "norm2": "norm", "asin": "arcsin", "acos": "arccos", "atan": "arctan"}
NUMBERS = ("trace", "det", "logdet", "norm", "norm1")
"""What gives a number, whatever it is given."""
OF_VECTORS = {"softmax": "same", "log_softmax": "same", "logsumexp": "number", "prod": "number", "max": "number", "min": "number"}
"""What gives a vector or a number of a vector; of a matrix each library takes another axis."""
BOTH = {("row", "column"): "number", ("matrix", "column"): "column", ("row", "matrix"): "row", ("matrix", "matrix"): "matrix"}
"""Kinds of products that are plain here too."""


class Token(NamedTuple):
    """A sign, a name, a number or a text, and where it stands."""

    kind: str
    text: str
    start: int
    stop: int


@dataclass(frozen=True)
class Part:
    """A part in our notation: its text, whether it is a number, a column, a row or a matrix, and how strongly it binds."""

    text: str
    kind: str
    binds: int = ATOM

    def within(self, strength: int) -> str:
        """The text, in brackets where it binds less."""
        return self.text if self.binds >= strength else f"({self.text})"


def translated(text: str, shapes: Mapping[str, str] | None = None) -> str:
    """The expression in our notation; `shapes` are those that are known. Raises ParseError with a caret for what has no one meaning."""
    return _Reader(text, dict(shapes or {})).whole().text


class _Reader:
    """One text on its way, token by token."""

    def __init__(self, text: str, shapes: Mapping[str, str]) -> None:
        self.text, self.shapes = text, shapes
        self.at = self.depth = 0
        if len(text) > MOST_CHARACTERS:
            raise ParseError(f"it has more than {MOST_CHARACTERS} characters", place="the expression", fix="split it into equations")
        self.tokens = self.read()

    def error(self, reason: str, token: Token | None = None, fix: str = "") -> ParseError:
        """An error at a token."""
        where = token or (self.tokens[self.at] if self.at < len(self.tokens) else Token("", "", len(self.text), len(self.text) + 1))
        return ParseError(reason, place="the expression in MATLAB's spelling", source=self.text, spans=[(where.start, where.stop)], fix=fix)

    def read(self) -> list[Token]:
        """The tokens. A quote behind a name, a bracket or a quote is a transpose, else it begins a text."""
        made: list[Token] = []
        at = 0
        while self.text[at:].strip():
            found = TOKEN.match(self.text, at)
            assert found is not None  # what is no blank is matched
            kind = found.lastgroup or "other"
            token = Token(kind, found[kind], found.start(kind), found.end(kind))
            behind = bool(made) and (made[-1].kind in ("name", "number") or made[-1].text in (")", "'", ".'"))
            if token.text == "'" and not behind:
                quoted = TEXT.match(self.text, token.start)
                token = Token("text", quoted[1], token.start, quoted.end()) if quoted else token._replace(kind="other")
            if token.kind == "other":
                raise self.error(f"{token.text} is not read here", token, "write an expression of + - * / ^ .* ./ .^ ' \\ and functions")
            made.append(token)
            at = token.stop
        return made

    def next_is(self, *texts: str) -> Token | None:
        """The next token, taken, if it is one of these signs."""
        if self.at < len(self.tokens) and self.tokens[self.at].kind == "sign" and self.tokens[self.at].text in texts:
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def whole(self) -> Part:
        """The whole text, with nothing after it."""
        made = self.sum()
        if self.at < len(self.tokens):
            raise self.error(
                f"'{self.tokens[self.at].text}' is not expected here", fix="a product has a sign, and brackets are closed once"
            )
        return made

    # --- from the weakest sign to the strongest -------------------------------------------------------------------------

    def sum(self) -> Part:
        """Terms."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise self.error(f"this is nested more than {MOST_DEPTH} deep", fix="split it into several equations")
        made = self.product()
        while token := self.next_is("+", "-"):
            other = self.product()
            left, right, kind = self.abreast(made, other, token)
            made = Part(f"{left.within(SUM)} {token.text} {right.within(PRODUCT)}", kind, SUM)
        self.depth -= 1
        return made

    def product(self) -> Part:
        """Factors."""
        made = self.signed()
        while token := self.next_is("*", "/", "\\", ".*", "./"):
            other = self.signed()
            made = PRODUCTS[token.text](self, made, other, token)
        return made

    def signed(self) -> Part:
        """A factor with its signs."""
        if token := self.next_is("-", "+"):
            inner = self.signed()
            return Part(f"{token.text}{inner.within(SIGN)}", inner.kind, SIGN) if token.text == "-" else inner
        return self.power()

    def power(self) -> Part:
        """A factor with its powers, from the left as MATLAB takes them."""
        made = self.transposed()
        while token := self.next_is("^", ".^"):
            minus = self.next_is("-")
            exponent = self.transposed()
            made = self.raised(made, f"-{exponent.within(POWER)}" if minus else exponent.within(ATOM), exponent, token)
        return made

    def raised(self, base: Part, written: str, exponent: Part, token: Token) -> Part:
        """A power: of numbers, entry by entry, or of a matrix by a small whole number."""
        if exponent.kind != "number":
            raise self.error("an exponent is a number", token, "write .^ with a number")
        if token.text == ".^" or base.kind == "number":
            return Part(f"{base.within(ATOM)}**{written}", base.kind, POWER)
        if base.kind != "matrix":
            raise self.error(f"^ of a {base.kind}: only a square matrix has powers", token, "write .^ for powers entry by entry")
        if written == "-1":
            return Part(f"inv({base.text})", "matrix")
        if not written.isdigit() or not 1 <= int(written) <= HIGHEST:
            raise self.error(f"powers of a matrix are read from -1 to {HIGHEST}", token, "write .^ for powers entry by entry")
        return Part(" @ ".join([base.within(ATOM)] * int(written)), "matrix", PRODUCT if int(written) > 1 else base.binds)

    def transposed(self) -> Part:
        """A factor with its quotes: a column is a row then, and only a matrix is another one here."""
        made = self.atom()
        while token := self.next_is("'", ".'"):
            if made.kind == "number" and made.text.isidentifier() and made.text not in self.shapes:
                raise self.error(f"{made.text} is taken for a number, which nobody transposes", token, "give it a shape")
            turned = {"column": "row", "row": "column"}
            same = Part(made.text, turned.get(made.kind, made.kind), made.binds)
            made = Part(f"{made.within(ATOM)}.T", "matrix") if made.kind == "matrix" else same
        return made

    def atom(self) -> Part:
        """A number, a name, a call, or what stands in brackets."""
        if self.next_is("("):
            inner = self.sum()
            self.closed()
            return Part(f"({inner.text})", inner.kind)
        if self.at >= len(self.tokens) or self.tokens[self.at].kind in ("sign", "text"):
            raise self.error("here something is missing", fix="write a name, a number or a bracket")
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "number":
            return Part(token.text, "number")
        if self.next_is("("):
            return self.call(token)
        if token.text == "pi":
            return Part("np.pi", "number")
        return Part(token.text, self.kind_of(token))

    def closed(self) -> None:
        """The bracket that closes."""
        if not self.next_is(")"):
            raise self.error("a bracket is not closed", fix="close each bracket that is opened")

    def kind_of(self, token: Token) -> str:
        """What a name is: by its shape, else by its letter."""
        shape = self.shapes.get(token.text)
        rank = len(parse_shape(shape)) if shape is not None else 0 if token.text in COUNTS else likely_ranks(token.text)[0]
        if rank not in KINDS:
            raise self.error(f"{token.text} has {rank} axes", token, "MATLAB's products are of matrices: write NumPy notation")
        return KINDS[rank]

    # --- functions ------------------------------------------------------------------------------------------------------

    def call(self, token: Token) -> Part:
        """A function of what stands in its brackets."""
        given: list[Part] = []
        texts: list[str] = []
        while not given or self.next_is(","):
            if self.at < len(self.tokens) and self.tokens[self.at].kind == "text":
                texts.append(self.tokens[self.at].text)
                self.at += 1
            else:
                given.append(self.sum())
        self.closed()
        name = NAMES.get(token.text, token.text)
        if texts and (name, texts, given[0].kind) != ("norm", ["fro"], "matrix"):
            raise self.error(f"{token.text} with '{texts[0]}' is not read here", token, "norm(A, 'fro') is")
        return self.called(name, given, bool(texts), token)

    def called(self, name: str, given: Sequence[Part], frobenius: bool, token: Token) -> Part:
        """A call in our notation."""
        first, inside = given[0], ", ".join(p.text for p in given)
        if name in ("sum", "mean"):
            return self.reduced(name, given, token)
        if name == "norm" and first.kind == "matrix" and not frobenius:
            why = "the 2-norm of a matrix is its largest singular value"
            raise self.error(why, token, "write norm(A, 'fro'), the root of the sum of squares")
        if len(given) == 1 and name in NUMBERS:
            return Part(f"norm({inside}, ord=1)" if name == "norm1" else f"{name}({inside})", "number")
        if name == "inv" and len(given) == 1 and first.kind == "matrix":
            return Part(f"inv({inside})", "matrix")
        if name == "diag" and len(given) == 1 and first.kind != "number":
            return Part(f"diag({inside})", "column" if first.kind == "matrix" else "matrix")
        if name == "eye" and len(given) == 1 and first.kind == "number":
            return Part(f"eye({inside})", "matrix")
        if name in OPS and OPS[name].kind == "elementwise" and len(given) == 1:
            return Part(f"{name}({inside})", first.kind)
        if name in OF_VECTORS and len(given) == 1 and first.kind in ("column", "row"):
            return Part(f"{name}({inside})", first.kind if OF_VECTORS[name] == "same" else "number")
        raise self.error(f"{token.text} is not read here", token, "turn MATLAB's spelling off, and write NumPy notation")

    def reduced(self, name: str, given: Sequence[Part], token: Token) -> Part:
        """A sum or a mean: of a vector all of it, of a matrix along the axis that is said, all of it where twice."""
        first = given[0]
        if len(given) == 2 and given[1].text in ("1", "2") and first.kind == "matrix":
            axis = int(given[1].text) - 1
            return Part(f"{name}({first.text}, axis={axis})", "column" if axis else "row")
        if len(given) > 1 or first.kind == "matrix":
            fix = f"write {name}(A, 1), {name}(A, 2), or {name}({name}(A, 1)) for all entries"
            raise self.error(f"{name} of a matrix is along its columns in MATLAB, and of all entries elsewhere", token, fix)
        return Part(f"{name}({first.text})", "number")

    # --- signs between two parts ----------------------------------------------------------------------------------------

    def abreast(self, a: Part, b: Part, token: Token) -> tuple[Part, Part, str]:
        """Two parts that meet entry by entry, as they are written here, and what they make: a column beside a matrix gets an axis."""
        kinds = {a.kind, b.kind}
        if len(kinds) == 1 or "number" in kinds or kinds == {"matrix", "row"}:
            kind = b.kind if a.kind == "number" else "matrix" if "matrix" in kinds else a.kind
            return a, b, kind
        columns = [Part(f"{p.within(ATOM)}[:, None]", p.kind) if p.kind == "column" else p for p in (a, b)]
        return columns[0], columns[1], "matrix"

    def entrywise(self, a: Part, b: Part, token: Token) -> Part:
        """.* and ./"""
        left, right, kind = self.abreast(a, b, token)
        return Part(f"{left.within(PRODUCT)} {token.text[1]} {right.within(SIGN)}", kind, PRODUCT)

    def times(self, a: Part, b: Part, token: Token) -> Part:
        """The product of matrices, or by a number."""
        if "number" in (a.kind, b.kind):
            return Part(f"{a.within(PRODUCT)} * {b.within(SIGN)}", b.kind if a.kind == "number" else a.kind, PRODUCT)
        if (a.kind, b.kind) == ("column", "row"):
            return Part(f"outer({a.text}, {b.text})", "matrix")
        kind = BOTH.get((a.kind, b.kind))
        if kind is None:
            fix = "write .* for the product entry by entry, x' * y for the inner one, or correct the shapes"
            raise self.error(f"a {a.kind} times a {b.kind} is no product of matrices", token, fix)
        return Part(f"{a.within(PRODUCT)} @ {b.within(SIGN)}", kind, PRODUCT)

    def over(self, a: Part, b: Part, token: Token) -> Part:
        """Division by a number."""
        if b.kind != "number":
            raise self.error(f"division by a {b.kind}", token, "write ./ for the quotient entry by entry, or A \\ b")
        return Part(f"{a.within(PRODUCT)} / {b.within(SIGN)}", a.kind, PRODUCT)

    def solved(self, a: Part, b: Part, token: Token) -> Part:
        """A \\ b."""
        if a.kind != "matrix" or b.kind not in ("column", "matrix"):
            raise self.error(f"a {a.kind} \\ a {b.kind} is not read here", token, "write A \\ b, of a matrix and a column or a matrix")
        return Part(f"solve({a.text}, {b.text})", b.kind)


PRODUCTS: Mapping[str, Callable[[_Reader, Part, Part, Token], Part]] = {
    "*": _Reader.times,
    "/": _Reader.over,
    "\\": _Reader.solved,
    ".*": _Reader.entrywise,
    "./": _Reader.entrywise,
}
