"""Reads printed formulas back, by value: a tokenizer and two recursive descents that share nothing with the writer.

`IndexReader` evaluates index form over all values of its letters; `MatrixReader` (notation_matrix_reader) matrix form.
Names are looked up as LaTeX spells them, derivatives by their keys (notation_keys).
"""

import itertools
import math

import numpy as np
from notation_functions import ALONG, FUNCTIONS, WHOLE
from notation_keys import TOKEN, Reader

STOPS = ("\\odot", "\\oslash", "\\otimes", "\\ge", "\\le", "\\rVert", "\\rvert", "\\rfloor")


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
        factors = [self.factor()]
        while self.here and self.here not in "+-)]},=>" and self.here not in STOPS:
            if self.here == "\\cdot":
                self.take()
            factors.append(self.factor())
        # A bracket that is 0 stands guard over what is not there.
        return 0.0 if 0.0 in factors else math.prod(factors)

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
        for key in self.spelled:
            if token == "(" == key[0] and self.ahead(*TOKEN.findall(key)):
                self.at += len(TOKEN.findall(key))  # as in (X^{-1})^{-1}
                return self.entry(key)
        if (end := self.dotted()) is not None:
            self.take("(")
            made = self.derivative("dot")
            self.at = end + 4
            return made
        if self.bracketed("_", "{") is not None:
            return self.held()
        if self.ahead("(", "\\operatorname"):
            made = self.whole()
            if made is not None:
                return made
        if self.labelled():
            return self.entry(self.name())
        if token == "(":
            return self.between("(", ")")
        if token == "\\lvert":
            return abs(self.between("\\lvert", "\\rvert"))
        if token == "\\lfloor":
            return np.floor(self.between("\\lfloor", "\\rfloor"))
        if token == "\\sum":
            return self.sum()
        if token == "\\prod":
            return self.product_of_others()
        if token == "\\sqrt":
            self.take()
            return np.sqrt(self.between("{", "}"))
        if token == "\\frac":
            return self.derivative() if self.tokens[self.at + 2] == "\\partial" else self.fraction()
        if self.ahead("\\mathbf", "{", "1", "}", "["):
            self.at += 5
            return self.condition()
        if token == "\\operatorname" or (token in (*FUNCTIONS, *WHOLE) and token not in self.values):
            return self.function()
        if self.ahead("\\delta", "_") and token not in self.spelled:
            self.at += 1
            i, j = self.subscripts()
            return float(i == j)
        if token in self.scope:
            return float(self.scope[self.take()])
        if token in self.sizes:
            return float(self.sizes[self.take()])
        if token == "\\pi" and token not in self.values:
            self.take()
            return math.pi
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

    def derivative(self, kind="d"):
        """The entry of an adjoint ("d"), or of its tangent ("dot"), with the indices of its parts one after the other."""
        key, indices = self.parts_of_derivative()
        return at(self.values[kind, *key], indices)

    def parts_of_derivative(self):
        """The names of a derivative's parts, each a derivative itself or not, and all their indices."""
        self.take("\\frac")
        key, indices = [], []
        for _ in range(2):
            self.take("{")
            while self.here == "\\partial":
                self.take()
                if self.here == "^":
                    self.take()
                    self.group()
                if self.here == "\\frac":
                    inner, held = self.parts_of_derivative()
                    key.append(("d", *inner))
                    indices += held
                else:
                    key.append(self.name())
                    indices += self.subscripts() if self.here == "_" else []
            self.take("}")
        return tuple(key), indices

    def held(self):
        """The entry of the derivative of one equation, with what is held below its brackets."""
        self.take("(")
        key, indices = self.parts_of_derivative()
        self.take(")")
        self.take("_")
        self.take("{")
        others = []
        while self.here != "}":
            others.append(("d", *self.slashed()) if self.here == "\\partial" else self.name())
            if self.here == ",":
                self.take()
        self.take("}")
        return at(self.values["held", ("d", *key), *others], indices)

    def slashed(self):
        """The parts of a derivative on one line, as in \\partial J / \\partial O."""
        key = []
        while self.here in ("\\partial", "/"):
            self.take("/") if self.here == "/" else None
            self.take("\\partial")
            if self.here == "^":
                self.take()
                self.group()
            if self.here == "(":
                self.take()
                key.append(("d", *self.slashed()))
                self.take(")")
            else:
                key.append(self.name())
        return tuple(key)

    def entry(self, name):
        return self.entry_of(self.values[name])

    def entry_of(self, array):
        return at(array, self.subscripts(array.ndim) if self.here == "_" else [])

    def whole(self):
        """An entry of a function of whole matrices, as in (inv(A))_{ij}; None where another thing stands in brackets."""
        before = self.at
        self.take("(")
        name = self.function_name()
        if name not in WHOLE or self.here != "(":
            self.at = before
            return None
        made = self.of_wholes(name)
        self.take(")")
        return self.entry_of(made)

    def of_wholes(self, name):
        self.take("(")
        arguments = [self.values[self.name()]]
        while self.here == ",":
            self.take()
            arguments.append(self.values[self.name()])
        self.take(")")
        return WHOLE[name](*arguments)

    def subscripts(self, order=2):
        """Indices, from 1; those of a vector, which has one, may be 2 j."""
        self.take("_")
        self.take("{")
        found = [round(self.expression())] if order == 1 else []
        while self.here != "}":
            found.append(round(self.index()))
            if self.here == ",":
                self.take()
        self.take("}")
        return found

    def index(self):
        """One index: beside commas and where letters and digits alone don't make it, a whole expression, else one letter or digit."""
        depth, at, plain = 0, self.at, True
        while depth >= 0:
            depth += {"{": 1, "}": -1}.get(self.tokens[at], 0)
            plain = plain and (depth < 0 or self.tokens[at].isalnum() or self.tokens[at] in self.scope)
            if self.tokens[at] == "," and depth == 0:
                return self.expression()
            at += 1
        if not plain or self.tokens[self.at - 1] == ",":
            return self.expression()
        if self.here.isdigit() and len(self.here) > 1:
            self.tokens[self.at : self.at + 1] = self.here  # without commas each digit is an index
        token = self.take()
        return float(token) if token[:1].isdigit() else {**self.sizes, **self.scope}[token]

    def condition(self):
        left = self.expression()
        mark = self.take(">", "\\ge", "\\le", "=")
        right = self.expression()
        self.take("]")
        return float({"=": left == right, ">": left > right, "\\ge": left >= right, "\\le": left <= right}[mark])

    def function(self):
        name = self.function_name()
        if self.here == "_":
            return self.along(ALONG[name])
        if self.here != "(":
            return FUNCTIONS[name](self.entry(self.name()))
        if name in WHOLE:
            return self.of_wholes(name)
        self.take("(")
        arguments = [self.expression()]
        while self.here == ",":
            self.take()
            arguments.append(self.expression())
        self.take(")")
        return FUNCTIONS[name](*arguments)

    def along(self, function):
        """A function of all entries along the axis of the letter below; its own entry where that letter is bound already."""
        self.take("_")
        letter = self.group()
        own, start, entries = self.scope.get(letter), self.at, []
        while True:
            self.at = start
            self.scope[letter] = len(entries) + 1
            entry = self.between("(", ")")
            if math.isnan(entry):
                break  # past the end of the axis
            entries.append(float(entry))
        # Once more, to stand behind the argument.
        self.at = start
        self.scope[letter] = 1
        self.between("(", ")")
        made = function(np.array(entries))
        if own is None:
            del self.scope[letter]
            return float(made)
        self.scope[letter] = own
        return float(made[own - 1])

    def product_of_others(self):
        """The product of the factors behind it over all places of a letter's axis but those that stand below it."""
        for token in ("\\prod", "_", "{"):
            self.take(token)
        letter = self.take()
        self.take("\\ne")
        left_out = [self.scope[self.take()]]
        while self.here == ",":
            self.take()
            left_out.append(self.scope[self.take()])
        self.take("}")
        assert letter not in self.scope and letter not in self.sizes, f"{letter} is taken"
        start, made, k = self.at, 1.0, 1
        while True:
            self.at = start
            self.scope[letter] = k
            entry = self.factor()
            if math.isnan(entry):
                break  # past the end of the axis
            made *= 1.0 if k in left_out else entry
            k += 1
        del self.scope[letter]
        return made

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


def at(array, indices):
    """An entry, indices from 1; past the ends of an array is nothing."""
    inside = all(0 < i <= size for i, size in zip(indices, array.shape, strict=True))
    return array[tuple(i - 1 for i in indices)] if inside else math.nan


def read_index(text, values, sizes, letters, shape):
    """The array of a printed right side whose free letters run over `shape`."""
    result = np.empty(shape)
    for place in itertools.product(*map(range, shape)):
        reader = IndexReader(text, values, sizes, {a: k + 1 for a, k in zip(letters, place, strict=True)})
        result[place] = reader.finish(reader.expression())
    return result
