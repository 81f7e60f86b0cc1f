"""Random nests of ops that move entries: slices, joined and rolled and padded arrays, merged and divided axes, triangles, deltas.

Every op is asked for by its kind alone; sizes are whatever comes out, so that any op may stand inside any other.
"""

from dataclasses import dataclass

VECTORS = {"x": "n", "y": "k", "z": "n", "w": "5"}
MATRICES = {"A": "n k", "B": "k k", "C": "n n", "D": "3 n"}
SIZES = ({"n": 4, "k": 7}, {"n": 7, "k": 5}, {"n": 5, "k": 4}, {"n": 6, "k": 11})
"""Large enough for every slice that is written here three deep; small ones are another test's."""
SMALL = ({"n": 1, "k": 1}, {"n": 2, "k": 1}, {"n": 1, "k": 3}, {"n": 2, "k": 3}, {"n": 3, "k": 2})


@dataclass
class Nest:
    """Writes texts; `choose` has number(low, high), both ends included."""

    choose: object

    def pick(self, items):
        return items[self.choose.number(0, len(items) - 1)]

    def vector(self, depth):
        if depth <= 0:
            return self.pick(sorted(VECTORS))
        return self.pick(VECTOR_FORMS)(self, depth - 1)

    def matrix(self, depth):
        if depth <= 0:
            return self.pick(sorted(MATRICES))
        return self.pick(MATRIX_FORMS)(self, depth - 1)

    def shift(self):
        return self.pick([-3, -2, -1, 1, 2, 3])


VECTOR_PARTS = ["1:", ":-1", "::2", "::-1", "1::2", "-2::-1", "-3::-1", ":0:-1", "::-2", "1:3", "-2:", "::3", ":2"]
MATRIX_PARTS = ["1:", ":, 1:", "::-1", ":, ::-1", "-2::-1", ":, :0:-1", ":-1, 1:", "-2:", ":, ::2", "::2, ::-1", ":2"]
VECTOR_FORMS = (
    lambda s, d: f"{s.vector(d)}[{s.pick(VECTOR_PARTS)}]",
    lambda s, d: f"concatenate(({s.vector(d)}, {s.vector(d)}))",
    lambda s, d: f"concatenate(({s.vector(d)}, {s.vector(0)}, {s.vector(0)}))",
    lambda s, d: f"roll({s.vector(d)}, {s.shift()})",
    lambda s, d: f"pad({s.vector(d)}, ({s.pick([0, 1, 2])}, {s.pick([1, 2])}))",
    lambda s, d: f"kron({s.vector(d)}, {s.vector(d)})",
    lambda s, d: f"ravel({s.matrix(d)})",
    lambda s, d: f"repeat({s.vector(d)}, 2)",
    lambda s, d: f"tile({s.vector(d)}, 2)",
    lambda s, d: f"flip({s.vector(d)})",
    lambda s, d: f"cumsum({s.vector(d)})",
    lambda s, d: f"ravel(outer({s.vector(d)}, {s.vector(d)}))",
    lambda s, d: f"{s.matrix(d)}[{s.pick(['0', '-1', ':, 0', ':, -1'])}]",
    lambda s, d: f"({s.vector(d)} ** 2)",
)
MATRIX_FORMS = (
    lambda s, d: f"outer({s.vector(d)}, {s.vector(d)})",
    lambda s, d: f"kron({s.matrix(d)}, {s.matrix(0)})",
    lambda s, d: f"{s.matrix(d)}[{s.pick(MATRIX_PARTS)}]",
    lambda s, d: f"roll({s.matrix(d)}, {s.shift()}, axis={s.pick([0, 1])})",
    lambda s, d: f"pad({s.matrix(d)}, {s.pick(['1', '(0, 2)', '((1, 0), (0, 1))'])})",
    lambda s, d: f"tril({s.matrix(d)}, {s.pick([-2, -1, 0, 1])})",
    lambda s, d: f"triu({s.matrix(d)}, {s.pick([-1, 0, 1, 2])})",
    lambda s, d: f"{s.matrix(d)}.T",
    lambda s, d: f"diag({s.vector(d)})",
    lambda s, d: f"stack(({(v := s.vector(d))}, {v} ** 2), axis={s.pick([0, 1])})",
    lambda s, d: f"vstack(({(m := s.matrix(d))}, 2 * {m}))",
    lambda s, d: f"hstack(({(m := s.matrix(d))}, {m} ** 2))",
    lambda s, d: f"repeat({s.matrix(d)}, 2, axis={s.pick([0, 1])})",
    lambda s, d: f"tile({s.matrix(d)}, (2, 1))",
)


def nested(choose):
    """(text, shapes, the names it speaks of): a vector or a matrix of nested ops, or the sum of a power of it."""
    nest = Nest(choose)
    depth = nest.pick([2, 2, 3])
    body = nest.pick([nest.vector, nest.matrix])(depth)
    text = nest.pick([f"sum({body} ** 3)", f"sum({body} ** 2)", body])
    shapes = {**VECTORS, **MATRICES}
    return text, {name: shapes[name] for name in shapes if name in set(_words(text))}


def _words(text):
    word = ""
    for c in text + " ":
        if c.isalnum() or c == "_":
            word += c
        else:
            yield word
            word = ""
