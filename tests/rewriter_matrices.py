"""Rewriters of matrix expressions as a table: what NumPy makes of the text is the same before and after."""

from dataclasses import dataclass, field

import matrix_language
import numpy as np
from rewriters import Row, points, same, told
from sympy import Integer, Pow, Rational, S
from terms import Terms, m, n, p

from symbackprop.calculus.index import fresh
from symbackprop.calculus.program import Equation, Program, Tensor
from symbackprop.calculus.signs import is_total
from symbackprop.calculus.term import Entry, delta
from symbackprop.errors import NotationError
from symbackprop.matrix import building as b
from symbackprop.matrix.factoring import factored
from symbackprop.matrix.form import matrix_numpy
from symbackprop.matrix.nodes import Commutation, Eye, Leaf, Lower, Plus, Scalar, Unit
from symbackprop.matrix.polish import polished
from symbackprop.matrix.sameness import Known
from symbackprop.matrix.shorter import shortened
from symbackprop.matrix.slices import has_unnamed_slices, row, total
from symbackprop.matrix.text import Texter
from symbackprop.verification.oracle.literal import Grid

AXES = [n, n, m, p]


class Matrices(Terms):
    """Writes matrix expressions with the builders alone."""

    def leaf(self, a, c=None):
        key = (a,) if c is None else (a, c)
        known = [t for t in self.tensors.values() if t.axes == key]
        t = self.pick(known) if known and self.chance(0.6) else self.tensor(key)
        return Leaf((a, c), t.name)

    def scalar(self, depth):
        a, c = self.pick(AXES), self.pick(AXES)
        if depth <= 0:
            return self.pick([Scalar(n), Scalar(Rational(1, 2)), Scalar(Entry(self.tensor(()).name))])
        x = self.column(a, depth - 1)
        return self.pick(
            [
                lambda: b.matmul(b.transpose(x), self.column(a, depth - 1)),
                lambda: b.matmul(b.transpose(x), x),
                lambda: b.matmul(b.transpose(x), self.matrix(a, c, depth - 1), self.column(c, depth - 1)),
                lambda: b.trace(self.matrix(a, a, depth - 1)),
                lambda: b.squared_norm(self.pick([self.matrix(a, c, depth - 1), x])),
                lambda: b.matmul(b.transpose(b.ones(a)), self.matrix(a, c, depth - 1), b.ones(c)),
                lambda: b.matmul(b.transpose(b.ones(a)), b.hadamard([x, self.column(a, depth - 1)])),
                lambda: self.total(self.scalar, depth),
            ]
        )()

    def total(self, made, depth, *axes):
        """A sum over an index of products with rows of matrices."""
        a = self.pick(AXES)
        at, c = fresh(a), self.pick(AXES)
        one, other = row(self.leaf(a, axes[0] if axes else c), at), row(self.leaf(a, axes[-1] if axes else c), at)
        if len(axes) == 2:
            return total(at, b.matmul(one, b.transpose(other)))
        inner = b.scale(S.One, [row(self.leaf(a), at)], one)
        return total(at, inner if axes else b.matmul(b.transpose(inner), other))

    def quotient(self, x):
        """Hyperbolic functions of what is never large, one over the other."""
        over, under = self.pick([("sinh", "cosh"), ("sin", "cos")])
        return b.hadamard([b.function_of(over, [x]), b.elementwise(b.function_of(under, [x]), Integer(-1))])

    def column(self, a, depth):
        if depth <= 0:
            return self.leaf(a) if self.chance(0.9) else b.ones(a)
        c = self.pick(AXES)
        x = self.column(a, depth - 1)
        return self.pick(
            [
                lambda: b.matmul(self.matrix(a, c, depth - 1), self.column(c, depth - 1)),
                lambda: b.matmul(b.transpose(self.matrix(c, a, depth - 1)), self.column(c, depth - 1)),
                lambda: b.matmul(self.matrix(a, c, depth - 1), b.ones(c)),
                lambda: b.hadamard([x, self.column(a, depth - 1)]),
                lambda: self.sum(lambda: self.column(a, depth - 1)),
                lambda: b.scale(self.number(), [self.scalar(depth - 1)], x),
                lambda: b.scale(self.number(), [], x),
                lambda: b.diagonal(self.matrix(a, a, depth - 1)),
                lambda: b.function_of("tanh", [x]),
                lambda: b.elementwise(x, Integer(2)),
                lambda: self.quotient(b.function_of("tanh", [x])),
                lambda: b.hadamard([b.bracket(self.pick([">", ">="]), x, Scalar(S.Zero)), b.function_of("relu", [x])]),
                lambda: b.matmul(b.diag(x), b.ones(a)),
                lambda: b.bracket(self.pick([">", ">="]), x, Scalar(S.Zero)),
                lambda: Unit((a, None), Integer(0)),
                lambda: self.total(self.column, depth, a),
            ]
        )()

    def matrix(self, a, c, depth):
        if depth <= 0:
            kinds = [self.leaf, self.leaf, lambda a, c: b.transpose(self.leaf(c, a)), self.square]
            return self.pick(kinds)(a, c)
        k = self.pick(AXES)
        x = self.matrix(a, c, depth - 1)
        return self.pick(
            [
                lambda: b.matmul(self.matrix(a, k, depth - 1), self.matrix(k, c, depth - 1)),
                lambda: b.matmul(self.column(a, depth - 1), b.transpose(self.column(c, depth - 1))),
                lambda: b.matmul(b.diag(self.column(a, depth - 1)), x),
                lambda: b.matmul(x, b.diag(self.column(c, depth - 1))),
                lambda: b.matmul(b.transpose(self.matrix(k, a, depth - 1)), b.transpose(self.matrix(c, k, depth - 1))),
                lambda: b.hadamard([x, self.matrix(a, c, depth - 1)]),
                lambda: b.hadamard([x, b.matmul(self.column(a, 0), b.transpose(self.column(c, 0)))]),
                lambda: self.sum(lambda: self.matrix(a, c, depth - 1)),
                lambda: b.scale(self.number(), [self.scalar(depth - 1)], x),
                lambda: b.function_of("tanh", [x]),
                lambda: b.elementwise(x, Integer(2)),
                lambda: b.bracket(">", x, Scalar(S.Zero)),
                lambda: self.square(a, c),
                lambda: self.total(self.matrix, depth, a, c),
            ]
        )()

    def square(self, a, c):
        """What only a square matrix may be."""
        if a != c:
            return self.leaf(a, c)
        k = self.pick(AXES)
        x = self.leaf(k, a)
        gram = b.plus([(1, b.matmul(b.transpose(x), x)), (1, Eye((a, a)))])
        return self.pick([Eye((a, a)), b.diag(self.leaf(a)), Lower((a, a)), b.transpose(Lower((a, a))), b.inverse(gram), gram])

    def number(self):
        return self.pick([Integer(2), Integer(-1), Rational(1, 2), Integer(-3), n, 1 / n])

    def sum(self, made):
        """A sum, of which some terms share a factor by chance."""
        terms = [made() for _ in range(self.pick([2, 2, 3]))]
        return b.plus([(self.pick([1, 1, -1]), b.scale(self.pick([S.One, S.One, Integer(2)]), [], t)) for t in terms])

    def stacked(self):
        """Kronecker products, stacked columns and commutations."""
        a, c, d, e = (self.pick(AXES[1:]) for _ in range(4))
        x = b.vec(self.matrix(c, e, 1))
        return self.pick(
            [
                lambda: b.matmul(b.kron(self.matrix(a, c, 1), self.matrix(d, e, 1)), x),
                lambda: b.matmul(Commutation(c, e), x),
                lambda: b.matmul(Commutation(a, d), b.kron(self.matrix(a, c, 0), self.matrix(d, e, 0))),
                lambda: b.hadamard([x, b.vec(self.matrix(c, e, 1))]),
                lambda: b.plus([(1, b.kron(self.leaf(a, c), self.matrix(d, e, 1))), (-1, b.kron(self.leaf(a, c), self.matrix(d, e, 0)))]),
            ]
        )()


@dataclass
class Formula:
    """A matrix expression over arrays."""

    x: object
    seed: int
    points: list = field(default_factory=list)

    def value(self, x, point):
        sizes, arrays = point
        return matrix_language.run(Texter().text(x), {**{str(a): s for a, s in sizes.items()}, **arrays})

    def check(self, made):
        for point in self.points:
            with np.errstate(all="ignore"):
                before, after = self.value(self.x, point), self.value(made, point)
            largest = np.max(np.abs(before), initial=1)
            what = f"seed {self.seed}: {Texter().text(self.x)}\nbecame {Texter().text(made)}\n{told(point)}"
            same(before / largest, after / largest, lambda before=before: [before], lambda what=what: what)

    def is_changed(self, made):
        return made != self.x


def formula(seed, depth=3):
    writer = Matrices(seed)
    a, c = writer.pick(AXES), writer.pick(AXES)
    kinds = [lambda: writer.scalar(depth), lambda: writer.column(a, depth), lambda: writer.matrix(a, c, depth), writer.stacked]
    while True:
        try:
            x = writer.random.choices(kinds, [2, 3, 4, 1])[0]()
        except NotationError:
            continue
        if not has_unnamed_slices(x):
            return Formula(x, seed, points(seed, writer))


def unread(seed):
    """What reads better otherwise: transposes in a row, scaled rows and columns, differences with a minus before them."""
    writer = Matrices(seed)
    a, c, k = (writer.pick(AXES) for _ in "ack")

    def turned(one, other):
        return b.transpose(writer.leaf(other, one))

    x, u, v = writer.matrix(a, c, 1), writer.column(a, 1), writer.column(c, 1)
    kinds = [
        lambda: b.matmul(turned(a, k), turned(k, c), turned(c, a), u),
        lambda: b.plus([(1, b.matmul(turned(a, k), turned(k, c))), (writer.pick([1, -1]), writer.pick([turned(a, c), x]))]),
        lambda: b.scale(-writer.pick([S.One, Integer(2), n]), [], b.plus([(1, x), (-1, writer.matrix(a, c, 1))])),
        lambda: b.scale(S.NegativeOne, [writer.scalar(1)], b.plus([(-1, u), (writer.pick([1, -1]), writer.column(a, 0))])),
        lambda: b.matmul(b.diag(u), writer.leaf(a, k), writer.leaf(k, c), b.diag(v)),
        lambda: b.matmul(b.diag(u), writer.column(a, 0), b.transpose(v)),
        lambda: b.matmul(u, b.transpose(writer.column(c, 0)), b.diag(v)),
        lambda: b.hadamard([turned(a, c), b.transpose(writer.matrix(c, a, 1))]),
    ]
    while True:
        made = writer.pick(kinds)()
        if not has_unnamed_slices(made):
            return Formula(made, seed, points(seed, writer))


def summed(seed):
    """A sum of matrices or columns with factors in common."""
    writer = Matrices(seed)
    a, c = writer.pick(AXES), writer.pick([*AXES, None])
    made = (lambda: writer.column(a, 1)) if c is None else (lambda: writer.matrix(a, c, 1))
    while True:
        shared = writer.matrix(a, a, 0)
        terms = [(writer.pick([1, -1]), b.matmul(shared, made()) if writer.chance(0.5) else made()) for _ in range(writer.pick([2, 3]))]
        x = b.plus(terms)
        if isinstance(x, Plus) and not has_unnamed_slices(x):
            return Formula(x, seed, points(seed, writer))


READ = {"entry": 8, "delta": 2, "data": 2, "position": 1, "total": 4, "sum": 3, "call": 2, "power": 2, "number": 2, "size": 1, "over": 1}


@dataclass
class Read:
    """An equation; its matrix form is a text."""

    equation: object
    program: object
    seed: int
    points: list = field(default_factory=list)

    def check(self, made):
        for sizes, arrays in self.points:
            with np.errstate(all="ignore"):
                before = Grid(self.equation.indices, arrays, sizes)
                before = np.broadcast_to(before.value(self.equation.rhs), before.shape)
                after = matrix_language.run(made, {**{str(a): s for a, s in sizes.items()}, **arrays})
            after = np.broadcast_to(after, before.shape) if after.ndim == 0 else after
            what = f"seed {self.seed}: {self.equation.rhs}\nbecame {made}\n{told((sizes, arrays))}"
            same(before, after, lambda before=before: [before], lambda what=what: what)

    def is_changed(self, made):
        return True


def two_places(writer, scope):
    """The delta of two places on one axis."""
    i = writer.pick(scope) if scope else None
    return Integer(1) if i is None else delta(i, writer.pick([*[j for j in scope if j.axis == i.axis], 0, i.axis - 1]))


def readable(seed):
    """An index expression of vectors and matrices, read at plain indices mostly."""
    writer = Terms(seed, axes=[n, n, m, p], only=READ)
    writer.place = lambda size, scope: (writer.pick([i for i in scope if i.axis == size] or [Integer(0)]), [])
    writer.ranks = [0, 1, 1, 2, 2]
    writer.delta = lambda scope: two_places(writer, scope)
    free = writer.free(2)
    e = writer.sum(free, writer.pick([1, 1, 2]), 2)
    tensor = Tensor("F", tuple(i.axis for i in free))
    equation = Equation(tensor, tensor.indices, e)
    program = Program("p", {**writer.tensors, "F": tensor}, (equation,), "F")
    positive = any(not is_total(f) for f in e.atoms(Pow))
    return Read(equation, program, seed, points(seed, writer, zeros=False, positive=positive))


def in_matrices(s):
    try:
        return matrix_numpy(s.equation, s.program)
    except NotationError:
        return None


MATRICES = {
    "shortened": Row(formula, lambda s: shortened(s.x, Known())),
    "polished": Row(unread, lambda s: polished.__wrapped__(s.x)),
    "common factors": Row(summed, lambda s: factored(s.x)),
    "matrix form": Row(readable, in_matrices, 0.4),
}
