"""Rewriters of products as a table: deltas under sums, and matrices that only products ask for."""

from rewriter_programs import equation, model
from rewriters import Row
from sympy import Add
from terms import Terms, m, n

from symbackprop.calculus.index import Index
from symbackprop.calculus.term import Entry, Total, delta
from symbackprop.rewriting.bracketing import bracketed
from symbackprop.rewriting.solved import solved

KINDS = {"entry": 6, "position": 1, "delta": 3, "number": 1, "total": 1}


def of_products(seed):
    """Matrices that are sums of products and diagonals, and their products with smaller arrays."""
    writer = Terms(seed, axes=[n, n, m], only=KINDS)
    terms = []
    i, j, k = Index("i0", n), Index("i1", writer.pick([n, m])), Index("r", writer.pick([n, m]))
    for _ in range(writer.random.randint(1, 3)):
        if j.axis == n and writer.chance(0.4):
            terms.append(delta(i, j) * writer.product([i], 0, 1))
        else:
            left, right = (writer.tensor([a, k.axis]) for a in (n, j.axis))
            terms.append(Total(Entry(left.name, i, k) * Entry(right.name, j, k), k) * writer.pick([1, -2, 1 / n]))
    equations = [equation(writer, "T", [i, j], Add(*terms))]
    writer.tensors.pop("T")
    for number in range(writer.pick([1, 2])):
        at = writer.pick([0, 1])
        free, bound = Index("i0", (i, j)[at].axis), Index("r", (j, i)[at].axis)
        v = writer.tensor([bound.axis])
        body = Entry("T", *((free, bound), (bound, free))[at]) * Entry(v.name, bound) * writer.product([free, bound], 0, 1)
        equations.append(equation(writer, f"E{number}", [free], Total(body, bound) * writer.pick([1, 3])))
    return model(writer, equations, seed, [e.name for e in equations if e.name != "T"])


def with_deltas(seed):
    """Sums of products with deltas of their indices."""
    writer = Terms(seed, axes=[n, n, m], only=KINDS)
    free = writer.free(2)
    r, s = Index("r", n), Index("s", n)
    body = writer.product([*free, r, s], 1, 3) * writer.pick([delta(r, s), delta(r, s) - 1 / n, 1 + delta(r, s)])
    return model(writer, [equation(writer, "F", free, Total(body, r, s))], seed, ["F"])


PRODUCTS = {
    "bracketed": Row(of_products, lambda s: bracketed(s.program, s.program.equations, s.outputs), 0.2),
    "solved": Row(with_deltas, lambda s: solved(s.program.equations), 0.3),
}
