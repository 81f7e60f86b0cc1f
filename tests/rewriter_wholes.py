"""Rewriters of whole programs as a table: generated code, merged entries, blocks of a Hessian that are joined, sums that have names."""

from dataclasses import dataclass, field, replace

import numpy as np
from prepared_values import prepared_words
from rewriter_programs import equation, model
from rewriters import Row, decided, points, same, told
from sympy import Add, S, floor, log
from terms import Terms, m, n, p

from symbackprop.arrays.joined import groups, pieces
from symbackprop.calculus import contract
from symbackprop.calculus.index import Index
from symbackprop.calculus.laws import Facts
from symbackprop.calculus.program import Equation, Program, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Total, delta, substitute
from symbackprop.derivation.reverse import _read
from symbackprop.emit import function_source, load_source
from symbackprop.errors import TargetError
from symbackprop.verification.oracle import literal

CODE = {"log": 0, "square": 0, "over": 0}


@dataclass
class Generated:
    """A program, and a function that is generated for its last equation."""

    program: object
    seed: int
    points: list = field(default_factory=list)

    def check(self, made):
        function, text = made
        names = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
        for sizes, arrays in self.points:
            known = {**{str(a): s for a, s in sizes.items()}, **arrays}
            with np.errstate(all="ignore"):
                before = literal.evaluate(self.program, {t.name: arrays[t.name] for t in self.program.leaves}, sizes)["F"]
                after = np.asarray(function(**{k: known[k] for k in names}))
            what = f"seed {self.seed}: {self.program.equations[-1].rhs}\nbecame\n{text}\n{told((sizes, arrays))}"
            same(before, after, lambda before=before: [before], lambda what=what: what)

    def is_changed(self, made):
        return True


def codable(seed):
    """An index expression that is made to code."""
    writer = Terms(seed, **CODE)
    writer.lookups = False  # a part of an index array, read under a guard, is another matter
    free = writer.free(2)
    e = contract.contract(decided(writer.sum(free, writer.pick([1, 1, 2]))))
    while any(i.has(floor) for a in e.atoms(Entry) for i in a.indices):
        e = contract.contract(decided(writer.sum(free, 1)))  # no array of numbers holds places
    F = Tensor("F", tuple(i.axis for i in free))
    program = Program("p", {**writer.tensors, "F": F}, (Equation(F, F.indices, e),), "F")
    return Generated(program, seed, points(seed, writer, least=3, most=6))


def generated(s):
    try:
        text = function_source(s.program, "F")
    except TargetError:
        return None
    return load_source(text, "generated").F, text


def merged(seed):
    """Entries, at places of merged axes, of what was merged: Kronecker products, raveled matrices."""
    writer = Terms(seed, axes=[n, m], only={"entry": 4, "position": 1, "number": 1, "call": 1})
    a, c, d, e = (writer.pick([n, m, p]) for _ in range(4))
    A, B = writer.tensor([a, c]), writer.tensor([d, e])
    K = Tensor("K", (a * d, c * e))
    i, j = K.indices
    r = [Index(f"r{k}", size) for k, size in enumerate((a, d, c, e))]
    body = delta(i, r[0] * d + r[1]) * delta(j, r[2] * e + r[3]) * Entry(A.name, r[0], r[2]) * Entry(B.name, r[1], r[3])
    equations = [Equation(K, K.indices, Total(body, *r))]
    if writer.chance(0.4):
        K = Tensor("K", (a * c,))
        inside = Entry(A.name, r[0], r[1].func(r[1].name, c))
        equations = [
            Equation(K, K.indices, Total(delta(K.indices[0], r[0] * c + r[1].func(r[1].name, c)) * inside, r[0], r[1].func(r[1].name, c)))
        ]
    q = [Index(f"q{k}", size) for k, size in enumerate((a, d, c, e) if len(K.axes) == 2 else (a, c))]
    places = [q[0] * d + q[1], q[2] * e + q[3]] if len(K.axes) == 2 else [q[0] * c + q[1]]
    guard = 1
    if writer.chance(0.4):
        guard, places[0] = NonNegative(places[0] - 1), places[0] - 1
    if writer.chance(0.2):
        places[-1] = writer.pick([q[0] + q[-1], 0 * q[0]])
        guard *= NonNegative(K.axes[-1] - 1 - places[-1])
    term = guard * Entry("K", *places) * writer.pick([1, 2]) * writer.product(q, 0, 1)
    free, bound = q[: (k := writer.random.randint(0, 2))], q[k:]
    F = Tensor("F", tuple(x.axis for x in free))
    rhs = Total(term, *bound).xreplace(dict(zip(free, F.indices, strict=True)))
    equations.append(Equation(F, F.indices, rhs))
    return model(writer, equations, seed, ["F"], most=4)


def unmerged(s):
    last = s.program.equations[-1]
    return replace(s.program, equations=(*s.program.equations[:-1], replace(last, rhs=_read(last.rhs, s.program))))


def of_sums(seed):
    """Sums, some of which an equation names already."""
    writer = Terms(seed, axes=[n, n, m], only={"entry": 5, "total": 5, "number": 1, "size": 1, "sum": 2, "call": 1, "position": 1})
    equations = []
    for k in range(2):
        own = [Index(f"i{j}", writer.pick([n, m])) for j in range(writer.random.randint(0, 1))]
        r = Index("r", writer.pick([n, n, m, n - 1]))
        body = writer.product([*own, r], 0, 2)
        equations.append(equation(writer, f"S{k}", own, Total(body, r) * writer.pick([1, 2, 1 / n, n])))
        new = {i: Index(f"j{i.name}", i.axis) for i in (*own, r)}
        writer.sums = [*getattr(writer, "sums", []), (body.xreplace(new), new[r], [new[i] for i in own])]
    free = writer.free(2)
    terms = []
    for body, r, own in writer.sums:
        at = {i: writer.pick([j for j in free if j.axis == i.axis] or [i.axis - 1]) for i in own}
        spoilt = writer.pick([S.One, S.One, Entry(writer.tensor([r.axis]).name, r)])
        bound = r if writer.chance(0.8) else Index(r.name, r.axis - 1) if r.axis in (n, m) else r
        terms.append(Total(substitute(body, at).xreplace({r: bound}) * substitute(spoilt, {r: bound}), bound) * writer.product(free, 0, 1))
    F = Tensor("F", tuple(i.axis for i in free))
    equations.append(Equation(F, F.indices, Add(*terms)))
    for k in range(2):
        writer.tensors.pop(f"S{k}")
    return model(writer, equations, seed, ["F"], least=2)


def in_names(s):
    last = s.program.equations[-1]
    rhs = contract.contract(last.rhs, Facts((), s.program.equations[:-1]))
    return replace(s.program, equations=(*s.program.equations[:-1], replace(last, rhs=rhs)))


@dataclass
class Hessian:
    """The blocks of the matrix of a weight and its bias, and the axes that they have."""

    program: object
    blocks: dict
    seed: int
    points: list = field(default_factory=list)

    def matrix(self, parts, values, sizes):
        """The matrix of some parts: (the array, its rows, its columns, axes of its rows, pattern)."""
        size = {name: int(np.prod([sizes[a] for a in self.program.tensors[name].axes])) for name in "Wb"}
        start = {"W": 0, "b": size["W"]}
        whole = np.zeros((size["W"] + size["b"],) * 2)
        for name, rows, columns, order, axes, pattern in parts:
            array = np.asarray(values[name])
            if pattern:
                filled = np.zeros([literal.size_of(a, sizes) for a in axes])
                for at in np.ndindex(*array.shape):
                    filled[tuple(at[k] for k in pattern)] += array[at]
                array = filled
            high = int(np.prod([literal.size_of(a, sizes) for a in axes[:order]]))
            array = array.reshape(high, -1)
            whole[start[rows[0]] :, start[columns[0]] :][: array.shape[0], : array.shape[1]] += array
        whole[start["b"] :, : size["W"]] = 0  # below the diagonal nothing is asked for
        return whole

    def check(self, made):
        after, parts = made
        for sizes, arrays in self.points:
            leaves = {t.name: arrays[t.name] for t in self.program.leaves if t.name in arrays}
            with prepared_words(), np.errstate(all="ignore"):
                one, two = literal.evaluate(self.program, leaves, sizes), literal.evaluate(after, leaves, sizes)
            axes = {name: self.program.tensors[name].axes for name in "Wb"}
            own = [(name, (a,), (c,), len(axes[a]), axes[a] + axes[c], ()) for (a, c), name in self.blocks.items()]
            given = [(q.name, q.rows, q.columns, q.order, q.axes, q.pattern) for q in parts]
            before, now = self.matrix(own, one, sizes), self.matrix(given, two, sizes)
            what = (
                f"seed {self.seed}: {[str(e.rhs) for e in self.program.equations]}\nbecame {[str(e.rhs) for e in after.equations]}\n{parts}"
            )
            same(before, now, lambda before=before: [before], lambda what=what: what)

    def is_changed(self, made):
        return any(len(q.rows) + len(q.columns) > 2 for q in made[1])


def blocks(seed):
    """Blocks of a weight and its bias, of terms that differ by the inputs alone, and of some that do not."""
    writer = Terms(seed, axes=[n, m, p], only={"entry": 4, "number": 1, "call": 2, "data": 1})
    W, b, X = Tensor("W", (m, p), "parameter"), Tensor("b", (p,), "parameter"), writer.tensor([n, m])
    s, i, k = Index("s", n), Index("u", m), Index("v", m)
    j, q = Index("j", p), Index("q", p)
    x = writer.pick([lambda at: Entry(X.name, s, at), lambda at: Entry(X.name, s, at), lambda at: log(Entry(X.name, s, at) ** 2 + 1)])
    found = {("W", "W"): [], ("W", "b"): [], ("b", "b"): []}
    for _ in range(writer.random.randint(1, 3)):
        core = writer.product([s, j, q], 0, 2) * (writer.pick([1, 1, delta(j, q)]))
        terms = {("W", "W"): core * x(i) * x(k), ("W", "b"): core * x(i), ("b", "b"): core}
        for pair, term in terms.items():
            if writer.chance(0.9):
                found[pair].append(Total(term * (writer.pick([1, 1, 1, 1, 2])), s))
    if writer.chance(0.4):
        found["W", "W"].append(delta(i, k) * delta(j, q) * writer.pick([2, Entry(writer.tensor([m, p]).name, i, j)]))
    indices = {("W", "W"): (i, j, k, q), ("W", "b"): (i, j, q), ("b", "b"): (j, q)}
    equations = []
    for pair, terms in found.items():
        tensor = Tensor(f"H{''.join(pair)}", tuple(at.axis for at in indices[pair]), "adjoint")
        new = dict(zip(indices[pair], tensor.indices, strict=True))
        equations.append(Equation(tensor, tensor.indices, contract.contract(Add(*terms)).xreplace(new)))
    tensors = {"W": W, "b": b, **writer.tensors, **{e.name: e.tensor for e in equations}}
    program = Program("h", tensors, tuple(equations), equations[-1].name)
    writer.tensors = {**writer.tensors, "W": W, "b": b}
    return Hessian(program, {pair: f"H{''.join(pair)}" for pair in found}, seed, points(seed, writer, most=4))


WHOLES = {
    "generated code": Row(codable, generated),
    "merged entries": Row(merged, unmerged),
    "contract with names": Row(of_sums, in_names),
    "joined": Row(blocks, lambda s: pieces(s.program, s.blocks, groups(s.program, ["W", "b"]))),
}
