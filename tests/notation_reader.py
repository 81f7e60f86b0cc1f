"""Reads printed formulas back, by value: a tokenizer and two recursive descents that share nothing with the writer.

`IndexReader` evaluates index form over all values of its letters; `MatrixReader` (notation_matrix_reader) matrix form.
Names are looked up as LaTeX spells them, derivatives as ("d", top, bottom, ...).
"""

import itertools
import re

import numpy as np

TOKEN = re.compile(r"\\left|\\right|\\[A-Za-z]+|[A-Za-z]'*|[0-9]+(?:\.[0-9]+)?|[{}()\[\]^_=+\-<>,|]|\S")
ACCENTS = ("\\hat", "\\bar", "\\tilde")
STOPS = ("\\odot", "\\oslash", "\\ge", "\\le", "\\rVert")
STYLES = ("\\mathrm", "\\mathbf", "\\boldsymbol")
FUNCTIONS = {
    "\\log": np.log,
    "\\exp": np.exp,
    "\\tanh": np.tanh,
    "\\sin": np.sin,
    "\\cos": np.cos,
    "\\operatorname{ReLU}": lambda x: np.maximum(x, 0.0),
}


class Reader:
    """A token stream, and the words both grammars share."""

    def __init__(self, text, values):
        self.tokens = [t for t in TOKEN.findall(text) if t not in ("\\left", "\\right")]
        self.at = 0
        self.values = values

    @property
    def here(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def ahead(self, *tokens):
        return tuple(self.tokens[self.at : self.at + len(tokens)]) == tokens

    def take(self, *expected):
        token = self.here
        assert token and (not expected or token in expected), f"expected {expected}, found {self.tokens[self.at :]}"
        self.at += 1
        return token

    def group(self):
        """The tokens between braces, joined, braces balanced."""
        self.take("{")
        depth, parts = 1, []
        while depth:
            token = self.take()
            depth += {"{": 1, "}": -1}.get(token, 0)
            parts.append(token)
        return "".join(parts[:-1])

    def name(self):
        """The spelling of a tensor's name with its label above, as in W^{1} or \\hat{Y}."""
        token = self.take()
        if token in (*ACCENTS, *STYLES):
            token += "{" + self.group() + "}"
        if self.ahead("^", "{") and f"{token}^{{{self.tokens[self.at + 2]}}}" in self.spelled:
            self.take("^")
            token += "^{" + self.group() + "}"
        return token

    @property
    def spelled(self):
        return {part for key in self.values for part in (key if isinstance(key, tuple) else (key,))}

    def finish(self, value):
        assert not self.here, f"left over: {self.tokens[self.at :]}"
        return value


class IndexReader(Reader):
    """One evaluation of a formula for given values of its letters, which count from 1."""

    def __init__(self, text, values, sizes, letters):
        super().__init__(text, values)
        self.sizes, self.scope = sizes, dict(letters)

    def expression(self):
        total = 0.0
        sign = -1.0 if self.here == "-" else 1.0
        if self.here in "+-":
            self.take()
        while True:
            total = total + sign * self.term()
            if self.here not in ("+", "-"):
                return total
            sign = 1.0 if self.take() == "+" else -1.0

    def term(self):
        value = self.factor()
        while self.here and self.here not in "+-)]},=>" and self.here not in ("\\ge", "\\le"):
            if self.here == "\\cdot":
                self.take()
            value = value * self.factor()
        return value

    def factor(self):
        base = self.primary()
        if self.here == "^":
            self.take()
            self.take("{")
            base = base ** self.expression()
            self.take("}")
        return base

    def primary(self):
        token = self.here
        if token[:1].isdigit():
            return float(self.take())
        if token == "(":
            return self.between("(", ")")
        if token == "\\sum":
            return self.sum()
        if token == "\\sqrt":
            self.take()
            return np.sqrt(self.between("{", "}"))
        if token == "\\frac":
            return self.derivative() if self.tokens[self.at + 2] == "\\partial" else self.fraction()
        if self.ahead("\\mathbf", "{", "1", "}", "["):
            self.at += 5
            return self.condition()
        if token == "\\operatorname" or token in FUNCTIONS:
            return self.function()
        if self.ahead("\\delta", "_"):
            self.at += 1
            i, j = self.subscripts()
            return float(i == j)
        if token in self.scope:
            return float(self.scope[self.take()])
        if token in self.sizes:
            return float(self.sizes[self.take()])
        return self.entry(self.name())

    def between(self, left, right):
        self.take(left)
        value = self.expression()
        self.take(right)
        return value

    def fraction(self):
        self.take("\\frac")
        top = self.between("{", "}")
        return top / self.between("{", "}")

    def derivative(self):
        """The entry of an adjoint, with the indices of its parts one after the other."""
        self.take("\\frac")
        key, indices = ["d"], []
        for _ in range(2):
            self.take("{")
            while self.here == "\\partial":
                self.take()
                if self.here == "^":
                    self.take()
                    self.group()
                key.append(self.name())
                indices += self.subscripts() if self.here == "_" else []
            self.take("}")
        return self.values[tuple(key)][tuple(i - 1 for i in indices)]

    def entry(self, name):
        indices = self.subscripts() if self.here == "_" else []
        assert all(0 < i <= size for i, size in zip(indices, self.values[name].shape, strict=True)), (name, indices)
        return self.values[name][tuple(i - 1 for i in indices)]

    def subscripts(self):
        self.take("_")
        self.take("{")
        found = []
        while self.here != "}":
            found.append(round(self.index()))
            if self.here == ",":
                self.take()
        self.take("}")
        return found

    def index(self):
        """One index: with commas a whole expression, without them one letter or digit."""
        depth, at = 0, self.at
        while depth >= 0:
            depth += {"{": 1, "}": -1}.get(self.tokens[at], 0)
            if self.tokens[at] == "," and depth == 0:
                return self.expression()
            at += 1
        single = self.tokens[self.at + 1] not in "+-^" and self.here != "-" and self.here != "\\frac"
        alone = self.tokens[self.at - 1] in ("{",) and not single
        if alone or self.tokens[self.at - 1] == ",":
            return self.expression()
        token = self.take()
        return float(token) if token[:1].isdigit() else self.scope[token]

    def condition(self):
        left = self.expression()
        mark = self.take(">", "\\ge")
        right = self.expression()
        self.take("]")
        return float(left > right if mark == ">" else left >= right)

    def function(self):
        name = self.take()
        if name == "\\operatorname":
            name += "{" + self.group() + "}"
        argument = self.between("(", ")") if self.here == "(" else self.entry(self.name())
        return FUNCTIONS[name](argument)

    def sum(self):
        self.take("\\sum")
        self.take("_")
        self.take("{")
        letter = self.take()
        assert letter not in self.scope, f"{letter} is bound twice"
        assert letter not in self.sizes, f"{letter} names an axis"
        self.take("=")
        self.take("1")
        self.take("}")
        self.take("^")
        upper = round(self.between("{", "}"))
        start, total = self.at, 0.0
        for k in range(1, upper + 1):
            self.at = start
            self.scope[letter] = k
            total += self.term()
        del self.scope[letter]
        return total


def read_index(text, values, sizes, letters, shape):
    """The array of a printed right side whose free letters run over `shape`."""
    result = np.empty(shape)
    for place in itertools.product(*map(range, shape)):
        reader = IndexReader(text, values, sizes, {a: k + 1 for a, k in zip(letters, place, strict=True)})
        result[place] = reader.finish(reader.expression())
    return result
