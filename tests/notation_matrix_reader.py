"""Reads matrix form back, by value, on two-dimensional arrays."""

import numpy as np
from notation_reader import FUNCTIONS, STOPS, Reader


class MatrixReader(Reader):
    """Matrix form on two-dimensional arrays: vectors are columns, scalars are 1 x 1."""

    def __init__(self, text, values, sizes, rows=None):
        super().__init__(text, {k: as_matrix(v) for k, v in values.items()})
        self.sizes, self.rows = sizes, rows

    def expression(self):
        sign = -1.0 if self.here == "-" else 1.0
        if self.here == "-":
            self.take()
        total = sign * self.elementwise()
        while self.here in ("+", "-"):
            sign = 1.0 if self.take() == "+" else -1.0
            other = self.elementwise()
            assert total.shape == other.shape, (total.shape, other.shape)
            total = total + sign * other
        return total

    def elementwise(self):
        value = self.product()
        while self.here in ("\\odot", "\\oslash"):
            mark, other = self.take(), None
            other = self.product()
            assert value.shape == other.shape, (value.shape, other.shape)
            value = value * other if mark == "\\odot" else value / other
        return value

    def product(self):
        value = self.factor()
        while self.here and self.here not in "+-)]},=>" and self.here not in STOPS:
            if self.here == "\\cdot":
                self.take()
            other = self.factor()
            value = value * other if 1 in (value.size, other.size) and value.shape[1] != other.shape[0] else value @ other
        return value

    def factor(self):
        base = self.primary()
        while self.here == "^":
            self.take()
            self.take("{")
            if self.here == "\\top":
                self.take()
                base = base.T
            elif self.here == "\\odot":
                self.take()
                base = base ** self.expression().item()
            else:
                exponent = self.expression().item()
                assert base.size == 1, "a power of a matrix"
                base = base**exponent
            self.take("}")
        return base

    def primary(self):
        token = self.here
        if token[:1].isdigit():
            return np.full((1, 1), float(self.take()))
        if token in "({":
            self.take()
            value = self.expression()
            self.take(")" if token == "(" else "}")
            return value
        if token == "\\lVert":
            return self.squared_norm()
        if token == "\\frac":
            return self.fraction()
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
            return np.eye(self.rows)[:, [self.size() - 1]]
        if self.ahead("I", "_"):
            self.at += 1
            return np.eye(self.size())
        if token == "\\operatorname" or token in FUNCTIONS:
            return self.function()
        if token in self.sizes:
            return np.full((1, 1), float(self.sizes[self.take()]))
        found = self.values[self.name()]
        if self.here != "_":
            return found
        self.take()
        place = [int(digit) - 1 for digit in self.group()]
        return np.full((1, 1), found[tuple(place) if len(place) > 1 else (place[0], 0)])

    def squared_norm(self):
        """Double bars to the power of two, with an F below where they stand round a matrix."""
        self.take("\\lVert")
        value = self.expression()
        self.take("\\rVert")
        self.take("^")
        assert self.group() == "2"
        if self.here == "_":
            self.take()
            assert self.group() == "F"
        else:
            assert 1 in value.shape, "a matrix has Frobenius's norm"
        return np.array([[np.sum(value * value)]])

    def size(self):
        self.take("_")
        self.take("{")
        value = round(self.expression().item())
        self.take("}")
        return value

    def ones(self):
        return np.ones((self.size(), 1))

    def condition(self):
        self.take("[")
        left = self.expression()
        mark = self.take(">", "\\ge")
        right = self.expression()
        self.take("]")
        return np.where(left > right if mark == ">" else left >= right, 1.0, 0.0)

    def fraction(self):
        self.take("\\frac")
        if self.tokens[self.at + 1] == "\\partial":
            key = ["d"]
            for _ in range(2):
                self.take("{")
                while self.here == "\\partial":
                    self.take()
                    if self.here == "^":
                        self.take()
                        self.group()
                    key.append(self.name())
                self.take("}")
            return self.values[tuple(key)]
        parts = []
        for _ in range(2):
            self.take("{")
            parts.append(self.expression())
            self.take("}")
        return parts[0] / parts[1]

    def function(self):
        name = self.take()
        if name == "\\operatorname":
            name += "{" + self.group() + "}"
        if self.here == "(":
            self.take()
            argument = self.expression()
            self.take(")")
        else:
            argument = self.values[self.name()]
        if name == "\\operatorname{diag}":
            return np.diag(argument[:, 0]) if argument.shape[1] == 1 else np.diag(argument)[:, None]
        if name == "\\operatorname{tr}":
            return np.trace(argument).reshape(1, 1)
        return FUNCTIONS[name](argument)


def as_matrix(x):
    """A vector as a column, a scalar as a 1 x 1 matrix."""
    x = np.asarray(x, float)
    return x.reshape(-1, 1) if x.ndim < 2 else x


def read_matrix(text, values, sizes, shape):
    """The array of a printed right side in matrix form."""
    reader = MatrixReader(text, {k: v for k, v in values.items() if np.ndim(v) < 3}, sizes, shape[0] if shape else None)
    return reader.finish(reader.expression()).reshape(shape)
