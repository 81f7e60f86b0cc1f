"""Reads matrix form back, by value, on two-dimensional arrays."""

import math
import re

import numpy as np
from notation_functions import ALONG, FUNCTIONS, WHOLE
from notation_keys import STYLES, Reader
from notation_reader import STOPS


class Unit:
    """A column (or row) of an identity matrix whose size what stands beside it tells."""

    def __init__(self, place, across=False):
        self.place, self.across = place, across

    def turned(self):
        return Unit(self.place, not self.across)


class MatrixReader(Reader):
    """Matrix form on two-dimensional arrays: vectors are columns, scalars are 1 x 1."""

    def __init__(self, text, values, sizes, shape=()):
        super().__init__(text, {k: as_matrix(v) for k, v in values.items()})
        self.sizes, self.shape, self.scope, self.ranges, self.stacked = sizes, shape, {}, {}, False

    def expression(self):
        sign = -1.0 if self.here == "-" else 1.0
        if self.here == "-":
            self.take()
        total = sign * self.sized(self.elementwise())
        while self.here in ("+", "-"):
            sign = 1.0 if self.take() == "+" else -1.0
            other = self.sized(self.elementwise())
            assert total.shape == other.shape, (total.shape, other.shape)
            total = total + sign * other
        return total

    def sized(self, value):
        """A unit column that stands alone has as many rows as the whole, laid across as many columns."""
        if isinstance(value, Unit):
            return np.eye(self.shape[1])[[value.place]] if value.across else np.eye(self.shape[0])[:, [value.place]]
        return value

    def elementwise(self):
        value = self.product()
        while self.here in ("\\odot", "\\oslash", "\\otimes"):
            mark = self.take()
            value, other = self.sized(value), self.sized(self.product())
            if mark == "\\otimes":
                value = np.kron(value, other)
            else:
                assert value.shape == other.shape, (value.shape, other.shape)
                value = value * other if mark == "\\odot" else value / other
        return value

    def product(self):
        factors = [self.factor()]
        while self.here and self.here not in "+-)]},=>" and self.here not in STOPS:
            if self.here == "\\cdot":
                self.take()
            factors.append(self.factor())
        for k in range(len(factors) - 1, 0, -1):
            row, matrix = factors[k - 1 : k + 1]
            if isinstance(row, Unit) and row.across and not isinstance(matrix, Unit) and matrix.size > 1:
                factors[k - 1 : k + 1] = [matrix[[row.place], :]]
        value = factors[0]
        for other in factors[1:]:
            value = self.times(value, other)
        return value

    def times(self, value, other):
        if isinstance(other, Unit) and not isinstance(value, Unit) and value.size > 1 and not other.across:
            return value[:, [other.place]]
        if self.stacked and isinstance(other, Unit) and other.across and not isinstance(value, Unit):
            other = np.eye(self.shape[0] // value.shape[0])[[other.place]]  # vec lists as many entries as the whole has
        value, other = self.sized(value), self.sized(other)
        return value * other if 1 in (value.size, other.size) and value.shape[1] != other.shape[0] else value @ other

    def factor(self):
        base = self.primary()
        while self.here == "^":
            self.take()
            self.take("{")
            if self.here == "\\top":
                self.take()
                base = base.turned() if isinstance(base, Unit) else base.T
            elif self.ahead("-", "\\top"):
                self.at += 2
                base = np.linalg.inv(base).T
            elif self.here == "\\odot":
                self.take()
                base = base ** self.expression().item()
            elif self.ahead("-", "1", "}") and base.size > 1:
                self.at += 2
                base = np.linalg.inv(base)
            else:
                assert base.size == 1, "a power of a matrix"
                base = base ** self.expression().item()
            self.take("}")
        return base

    def primary(self):
        token = self.here
        if token[0].isdigit():
            return scalar(self.take())
        if (end := self.dotted()) is not None:
            self.take("(")
            made = self.fraction("dot")
            self.at = end + 4
            return made
        if token in "({":
            self.take()
            self.at += 2 if self.ahead("{", "}") else 0  # what keeps TeX from taking the braces away
            value = self.expression()
            self.take(")" if token == "(" else "}")
            return value
        if self.labelled():
            return self.named(self.name())
        if token == "\\lVert":
            return self.norm()
        if token in ("\\lvert", "\\lfloor"):
            self.take()
            value = (abs if token == "\\lvert" else np.floor)(self.expression())
            self.take("\\rvert", "\\rfloor")
            return value
        if token == "\\frac":
            return self.fraction()
        if token == "\\sum":
            return self.sum()
        if token == "\\sqrt":
            self.take()
            self.take("{")
            value = np.sqrt(self.expression())
            self.take("}")
            return value
        if self.ahead("\\mathbf", "{", "1", "}"):
            self.at += 4
            return self.ones() if self.here == "_" else self.condition()
        if self.ahead("\\mathbf", "{", "e", "}"):
            self.at += 4
            return self.unit()
        for letter, made in (("I", np.eye), ("L", lambda n: np.tril(np.ones((n, n)))), ("K", commutation)):
            if self.ahead(letter, "_") and letter not in self.values:
                self.at += 1
                return made(*self.size())
            if self.ahead("\\mathbf", "{", letter, "}"):
                assert letter in map(base_letter, self.spelled), f"{letter} is free"
                self.at += 4
                return made(*self.size())
        if token == "\\operatorname" or (token in (*FUNCTIONS, *WHOLE) and token not in self.values):
            return self.function()
        if token in self.sizes and not self.is_row():
            return scalar(self.sizes[self.take()])
        if token == "\\pi" and token not in self.values:
            self.take()
            return scalar(math.pi)
        return self.named(self.name())

    def name(self):
        """A name, which may be a capital one written small, with its label: h^{0} for H^{0}."""
        token = super().name()
        before = self.at
        if token not in self.spelled and self.ahead("^", "{"):
            self.take("^")
            label = "^{" + self.group() + "}"
            if capital(token) + label in self.spelled:
                return token + label
            self.at = before
        return token

    def is_row(self):
        """Whether what stands here, as the name of an axis may, is a row: h_{s} of H, or h^{0}_{s} of H^{0}."""
        before = self.at
        name = self.name()
        row = (self.here == "_" and capital(name) in self.spelled) or name[0].isupper()
        self.at = before
        return row

    def named(self, name):
        """A tensor; with a letter of a sum below one row of it as a column, also where that is written with a small letter."""
        if self.here != "_":
            return self.values[name]
        self.take()
        below = self.group()
        if below.startswith(":,"):
            return self.values[name][:, [self.scope[below[2:]]]]
        if below in self.scope:
            whole = self.values.get(name)
            if whole is None:
                whole = self.values[capital(name)]
            return whole[[self.scope[below]]].T
        place = [(int(token) if token.isdigit() else self.sizes[token]) - 1 for token in below]
        return scalar(self.values[name][tuple(place) if len(place) > 1 else (place[0], 0)])

    def norm(self):
        """Double bars, with an F below where they stand round a matrix, to a power."""
        self.take("\\lVert")
        value = self.expression()
        self.take("\\rVert")
        exponent = 1.0
        if self.here == "^":
            self.take()
            self.take("{")
            exponent = self.expression().item()
            self.take("}")
        if self.here == "_":
            self.take()
            assert self.group() == "F"
        else:
            assert 1 in value.shape, "a matrix has Frobenius's norm"
        return scalar(np.sqrt(np.sum(value * value)) ** exponent)

    def size(self):
        """The sizes below a letter."""
        self.take("_")
        self.take("{")
        found = [round(self.expression().item())]
        while self.here == ",":
            self.take()
            found.append(round(self.expression().item()))
        self.take("}")
        return found

    def ones(self):
        return np.ones((self.size()[0], 1))

    def unit(self):
        """A column of the identity matrix; over the letter of a sum its size is that of the sum."""
        if self.tokens[self.at + 2] in self.scope:
            self.take("_")
            letter = self.group()
            return np.eye(self.ranges[letter])[:, [self.scope[letter]]]
        return Unit(self.size()[0] - 1)

    def sum(self):
        """A sum over a letter that counts rows and columns."""
        self.take("\\sum")
        self.take("_")
        self.take("{")
        letter = self.take()
        assert letter not in self.scope and letter not in self.sizes, f"{letter} is taken"
        for token in "=1}^{":
            self.take(token)
        upper = round(self.expression().item())
        self.take("}")
        start, total = self.at, 0.0
        self.ranges = {**self.ranges, letter: upper}
        for k in range(upper):
            self.at = start
            self.scope[letter] = k
            total = total + self.product()
        del self.scope[letter]
        return total

    def condition(self):
        self.take("[")
        left = self.expression()
        mark = self.take(">", "\\ge")
        right = self.expression()
        self.take("]")
        return np.where(left > right if mark == ">" else left >= right, 1.0, 0.0)

    def fraction(self, kind="d"):
        self.take("\\frac")
        if self.tokens[self.at + 1] == "\\partial":
            key, row, column = [kind], None, None
            for _ in range(2):
                self.take("{")
                while self.here == "\\partial":
                    self.take()
                    if self.here == "^":
                        self.take()
                        self.group()
                    key.append(self.nested() if self.here == "\\frac" else self.name())
                    if self.here == "_":
                        assert row is None and column is None, "one letter cuts one row"
                        self.take()
                        below = self.group()
                        if below.startswith(":,"):
                            column = self.scope[below[2:]]
                        else:
                            row = self.scope[below]
                        key[-1] = key[-1] if key[-1] in self.spelled else capital(key[-1])
                self.take("}")
            whole = self.values[tuple(key)]
            return whole[[row]].T if row is not None else whole[:, [column]] if column is not None else whole
        parts = []
        for _ in range(2):
            self.take("{")
            parts.append(self.expression())
            self.take("}")
        return parts[0] / parts[1]

    def nested(self):
        """The key of a derivative that is derived, or derived by, itself."""
        self.take("\\frac")
        key = ["d"]
        for _ in range(2):
            self.take("{")
            while self.here == "\\partial":
                self.take()
                if self.here == "^":
                    self.take()
                    self.group()
                key.append(self.nested() if self.here == "\\frac" else self.name())
            self.take("}")
        return tuple(key)

    def function(self):
        name = self.function_name()
        arguments, before = [], self.stacked
        if self.here == "(":
            self.take()
            self.stacked = name == "\\operatorname{vec}"
            arguments.append(self.expression())
            self.stacked = before
            while self.here == ",":
                self.take()
                arguments.append(self.expression())
            self.take(")")
        else:
            arguments.append(self.named(self.name()))
        first = arguments[0]
        if name == "\\operatorname{diag}":
            return np.diag(first[:, 0]) if first.shape[1] == 1 else np.diag(first)[:, None]
        if name == "\\operatorname{tr}":
            return scalar(np.trace(first))
        if name == "\\operatorname{vec}":
            return first.reshape(-1, 1)
        if name in WHOLE:
            return as_matrix(WHOLE[name](*arguments))
        if name in ALONG and len(arguments) == 1:
            # Each row of a matrix, or all of a column.
            made = [ALONG[name](row) for row in (first.T if first.shape[1] == 1 else first)]
            return np.array(made).T if first.shape[1] == 1 and np.ndim(made[0]) else as_matrix(np.array(made))
        return FUNCTIONS[name](*arguments)


def base_letter(name):
    """The first letter of a name, without labels and accents."""
    return re.sub(r"[\^_].*|\\[a-z]+|[{}]", "", name)


def capital(name):
    """A name with its letter, under an accent or a label, as a capital one: \\hat{y} is \\hat{Y}."""
    at = next(k for k, c in enumerate(name) if c.islower() and not name[:k].rstrip("abcdefghijklmnopqrstuvwxyz").endswith("\\"))
    assert not name.startswith(STYLES), name
    return name[:at] + name[at].upper() + name[at + 1 :]


def commutation(m, n):
    """K with K vec(X) = vec(X^T) for every X of m rows and n columns, entries row by row."""
    made = np.zeros((m * n, m * n))
    for i in range(m):
        for j in range(n):
            made[j * m + i, i * n + j] = 1.0
    return made


def scalar(x):
    return np.full((1, 1), float(x))


def as_matrix(x):
    """A vector as a column, a scalar as a 1 x 1 matrix; axes of size one are none."""
    x = np.asarray(x, float)
    x = x.reshape([size for size in x.shape if size != 1]) if x.ndim > 1 else x
    return x.reshape(-1, 1) if x.ndim < 2 else x


def read_matrix(text, values, sizes, shape):
    """The array of a printed right side in matrix form."""
    held = {k: v for k, v in values.items() if sum(size != 1 for size in np.shape(v)) < 3}
    reader = MatrixReader(text, held, sizes, shape)
    value = reader.finish(reader.expression())
    nothing = value.size == 1 and value.item() == 0 and text == "0"
    return np.zeros(shape) if nothing else value.reshape(shape)
