"""Rewriters of programs as a table: what the outputs are worth is the same before and after."""

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from prepared_values import Clipped, Plain, grid_of, prepared_words
from rewriters import Row, points, same, told
from sympy import Add, Integer, Mul, Rational, cosh, exp, log, nan, sqrt, tanh, zoo
from terms import Terms, m, n

from symbackprop.calculus.brackets import is_mask
from symbackprop.calculus.index import Index, free_indices
from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.calculus.signs import is_total
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, indices_of
from symbackprop.ops.entrywise.elementwise import expm1, log1p, sigmoid, softplus
from symbackprop.rewriting.guard import guarded
from symbackprop.rewriting.prepare import prepare, spelled
from symbackprop.rewriting.quotient import undivided
from symbackprop.rewriting.running import with_running_products
from symbackprop.rewriting.solves import without_inverses
from symbackprop.stability.overflow import without_overflow
from symbackprop.stability.recognise import named
from symbackprop.stability.stable import Stable
from symbackprop.verification.oracle import literal, textbook
from symbackprop.verification.oracle.literal import Noise


@dataclass
class Model:
    """A program, what of it is wanted, and arrays for its leaves."""

    program: Program
    outputs: tuple
    seed: int
    points: list = field(default_factory=list)
    grid: type = Clipped

    def values(self, program, point, noise=None):
        sizes, arrays = point
        return literal.evaluate(program, {t.name: arrays[t.name] for t in program.leaves}, sizes, noise=noise)

    def moved(self, point, rng):
        """The values, moved by about as much as rounding does."""
        return self.values(self.program, point, Noise(rng))

    def program_of(self, made):
        if isinstance(made, Program):
            return made
        leaves = {t.name: t for t in self.program.leaves}
        return Program("made", {**leaves, **{e.name: e.tensor for e in made}}, tuple(made), self.program.objective)

    def check(self, made):
        after = self.program_of(made)
        with prepared_words():
            for point in self.points:
                one = self.values(self.program, point)
                with grid_of(self.grid):
                    two = self.values(after, point)
                for name in self.outputs:
                    same(
                        one[name],
                        two[name],
                        lambda point=point, name=name: [self.moved(point, np.random.default_rng(k))[name] for k in range(3)],
                        lambda point=point, name=name: (
                            f"seed {self.seed}, {name} of\n{listed(self.program)}\nbecame\n{listed(after)}\n{told(point)}"
                        ),
                    )

    def is_changed(self, made):
        return self.program_of(made).needed(self.outputs).equations != self.program.needed(self.outputs).equations


class Spelled(Model):
    """A model whose sigmoids are spelled 1/2 + tanh(x / 2) / 2, which rounds to 0 where they are below 1e-16: laws come before it."""

    def moved(self, point, rng):
        sigmoid = textbook.FUNCTIONS["sigmoid"]
        textbook.FUNCTIONS["sigmoid"] = lambda x: sigmoid(x) + 2.0**-53 * rng.uniform(-1, 1, np.shape(x))
        try:
            return super().moved(point, rng)
        finally:
            textbook.FUNCTIONS["sigmoid"] = sigmoid


def listed(program):
    return "\n".join(f"  {e.name}[{', '.join(map(str, e.indices))}] = {e.rhs}" for e in program.equations)


def model(writer, equations, seed, outputs=None, most=5, **how):
    made = {e.name for e in equations}
    leaves = {t.name: t for t in writer.tensors.values() if t.name not in made}
    program = Program("random", {**leaves, **{e.name: e.tensor for e in equations}}, tuple(equations), equations[-1].name)
    writer.tensors = leaves
    return Model(program, tuple(outputs or made), seed, points(seed, writer, most=most, **how))


def equation(writer, name, free, rhs, role="intermediate"):
    """An equation, whose tensor later ones may use."""
    tensor = Tensor(name, tuple(i.axis for i in free), role)
    writer.tensors[name] = tensor
    return Equation(tensor, tensor.indices, rhs)


BELOW = [
    lambda z, u, x: 1 + exp(z),
    lambda z, u, x: 1 + exp(z),
    lambda z, u, x: exp(z) + exp(u),
    *[lambda z, u, x: x] * 4,
    lambda z, u, x: cosh(z),
    lambda z, u, x: expm1(z),
    lambda z, u, x: 1 - sigmoid(z),
    lambda z, u, x: 3 * exp(z) + exp(u),
]
LOGARITHMS = [
    lambda z, u, x: log(1 + exp(z)),
    lambda z, u, x: log(exp(z) + exp(u)),
    *[lambda z, u, x: log(x)] * 6,
    lambda z, u, x: log(sigmoid(z)),
    lambda z, u, x: log(1 - sigmoid(z)),
    lambda z, u, x: log(cosh(z)),
    lambda z, u, x: log(exp(z) - 1),
    lambda z, u, x: log(1 + z**2),
    lambda z, u, x: log(2 * exp(z) + exp(u) + 1),
    lambda z, u, x: log1p(exp(z)),
    lambda z, u, x: softplus(z),
]


class Exponentials(Terms):
    """Exponentials, their sums, quotients and logarithms, under names and in place, with conditions and parts of tensors among them."""

    def exponent(self, scope):
        x, guards = self.entry(scope)
        y, more = self.entry(scope)
        c = self.pick([1, 1, 1, -1, 2, Rational(1, 2)])
        return self.pick([lambda: c * x, lambda: c * x, lambda: x - y, lambda: c * x + 1])(), guards + more

    def _exponential(self, scope, depth):
        z, guards = self.exponent(scope)
        return self.pick([exp, exp, exp, exp, expm1, sigmoid, tanh, cosh])(z), guards

    def whole(self, scope):
        """An entry of a sum of exponentials that has a name, if there is one."""
        t = self.tensors.get(f"E{len(self.totals) - 1}") if self.totals and self.totals[-1] and self.chance(0.8) else None
        if t is None:
            return self.entry(scope)
        places = [self.place(a, scope) for a in t.axes]
        return Entry(t.name, *[i for i, _ in places]), [g for _, guards in places for g in guards]

    def _quotient(self, scope, depth):
        (z, guards), (u, more) = self.exponent(scope), self.exponent(scope)
        x, others = self.whole(scope)
        below = self.pick(BELOW)(z, u, x)
        return below ** self.pick([-1, -1, -2]), guards + more + others

    def _logarithm(self, scope, depth):
        (z, guards), (u, more) = self.exponent(scope), self.exponent(scope)
        x, others = self.whole(scope)
        return self.pick(LOGARITHMS)(z, u, x), guards + more + others

    def _total(self, scope, depth):
        known = [t for t in self.tensors.values() if t.role != "index" and t.name[0] != "E" and t.axes]
        t = self.pick(known) if known else self.tensor([n, m])
        at = self.random.randrange(len(t.axes))
        self.count += 1
        bound = Index(f"b{self.count}", t.axes[at] - 1 if t.axes[at] == n and self.chance(0.5) else t.axes[at])
        places = [(bound, []) if k == at else self.place(a, scope) for k, a in enumerate(t.axes)]
        guards = [g for _, more in places for g in more]
        weight = self.product([*scope, bound], 0, 2) if self.chance(0.4) else 1
        return Total(Mul(weight, *guards, exp(self.pick([1, 1, 1, -1]) * Entry(t.name, *[i for i, _ in places]))), bound), []


GROWING = {
    "only": {"exponential": 5, "quotient": 4, "logarithm": 4, "total": 3, "entry": 3, "position": 1, "data": 1, "sum": 2, "number": 1}
}
WHOLE = ("max", "softmax", "softmax", "log_softmax", "logsumexp")


@lru_cache(2**11)
def exponentials(seed):
    """A few equations of exponentials, each free to use those before it, and calls of statistics."""
    writer = Exponentials(seed, axes=[n, n, n, m, n - 1], **GROWING)
    equations, writer.totals = [], []
    writer.tensor([n, m])
    for k in range(writer.random.randint(2, 4)):
        known = [t for t in writer.tensors.values() if t.axes and t.role != "index" and n - 1 not in t.axes]
        if writer.chance(0.25):
            t, op = writer.pick(known), writer.pick(WHOLE)
            at = writer.random.randrange(len(t.axes))
            axes = t.axes if "softmax" in op else (*t.axes[:at], *t.axes[at + 1 :])
            equations.append(equation(writer, f"E{k}", free_indices(axes), Call(op, (t.name,), (("axis", at),))))
        else:
            free = writer.free(2)
            is_total = writer.chance(0.4)
            e = zoo
            while e.has(zoo, nan):
                e = writer._total(free, 1)[0] if is_total else writer.sum(free, 1, 2)
            writer.totals.append(is_total)
            equations.append(equation(writer, f"E{k}", free, e))
            continue
        writer.totals.append(False)
    outputs = [e.name for e in equations] if writer.chance(0.4) else [equations[-1].name]
    return model(writer, equations, seed, outputs, most=4, least=2)


def divided(seed):
    """Adjoints that divide by what they are multiplied by again."""
    writer = Terms(seed, axes=[n, m])
    free = [Index(f"i{k}", a) for k, a in enumerate(writer.pick([(n,), (n, m), (m, n)]))]
    P = writer.tensor([i.axis for i in free])
    p = Entry(P.name, *free)
    equations, root = [], p
    if writer.chance(0.4):
        equations.append(equation(writer, "F", free, writer.pick([sqrt(p), sqrt(p), p ** Rational(3, 2), p**2])))
        root = Entry("F", *free)
    below = writer.pick([p, p, root, root * p, p**2])
    terms = [writer.product(free, 0, 2) / writer.pick([below, below, below, Integer(1)]) for _ in range(writer.random.randint(1, 2))]
    equations.append(equation(writer, "dP", free, Add(*terms), role="adjoint"))
    dP = Entry("dP", *free)
    for k in range(writer.random.randint(1, 2)):
        inner = writer.product(free, 0, 2)
        body = writer.pick([p, p, root, p**2, Integer(1)]) * dP * inner
        bound = free[writer.random.randint(0, 1) :]
        left = [i for i in free if i not in bound]
        new = {i: Index(f"b{i.name}", i.axis) for i in bound}
        rhs = Total(body.xreplace(new), *new.values()) if writer.chance(0.6) else None
        own = left if rhs is not None else free
        own, e = own, rhs if rhs is not None else body
        if writer.chance(0.3):
            e = e + writer.product(own, 0, 2)
        turned = dict(zip(own, free_indices([i.axis for i in own]), strict=True))
        equations.append(equation(writer, f"dO{k}", tuple(turned.values()), e.xreplace(turned), role="adjoint"))
    writer.tensors.pop("dP")
    # A condition on what has no value is no condition: [0 / 0 > 0] is 0 by chance.
    decides = decided_by(equations, {e.name for e in equations})
    return model(writer, equations, seed, [e.name for e in equations if e.name[:2] == "dO"], zeros=not decides)


def decided_by(equations, names):
    """Whether a condition in an equation is on one of the tensors."""
    return any(a.name in names for e in equations for c in e.rhs.atoms(Positive, NonNegative) for a in c.atoms(Entry))


def two_systems(writer):
    """V[i, j] T[j, c] V[k, l] U[k, c], as where an upstream gradient meets a solution, summed over some of the indices."""
    i, j, k, l, c = indices = [*(Index(f"r{at}", n) for at in range(4)), Index("r4", writer.pick([n, m]))]
    free = writer.random.sample(indices, writer.pick([0, 0, 1, 1, 2]))
    T, U = (writer.tensor([n, c.axis]).name for _ in range(2))
    body = Mul(Entry("V", *writer.pick([(i, j), (j, i)])), Entry(T, j, c), Entry("V", *writer.pick([(k, l), (l, k)])), Entry(U, k, c))
    new = {a: Index(f"i{at}", a.axis) for at, a in enumerate(free)}
    return equation(writer, "E", list(new.values()), Total(body, *(a for a in indices if a not in free)).xreplace(new))


def solvable(seed):
    """Products with inverses, over parts of axes too."""
    writer = Terms(seed, axes=[n, n, n, m, n - 1], only={"entry": 6, "position": 1, "delta": 1, "number": 1, "total": 2, "data": 1})
    A = writer.tensors["A"] = Tensor("A", (n, n), "parameter")
    equations = [equation(writer, "V", A.indices, Call("inv", ("A",)))]
    writer.tensors.pop("V")
    for k in range(writer.pick([1, 1, 2])):
        free = [Index(f"i{j}", writer.pick([n, n, m, n - 1])) for j in range(writer.random.randint(0, 2))]
        bound = [Index(f"r{j}", writer.pick([n, n, n, n, n - 1, m])) for j in range(writer.random.randint(1, 3))]
        scope = [*free, *bound]
        places = [(bound[0], []), (writer.pick([i for i in scope if i is not bound[0]] or [n - 1]), [])]
        if writer.chance(0.15):
            places[writer.pick([0, 1])] = writer.place(n, scope)
        if writer.chance(0.5):
            places.reverse()
        (i, inside), (j, also) = places
        guards = [NonNegative(n - 1 - at) for at in (i, j) if isinstance(at, Index) and at.axis == m]
        t = writer.tensor(writer.pick([[n], [n, m]]))
        right = Entry(t.name, bound[0], *[writer.pick([0, a - 1]) for a in t.axes[1:]])
        body = Mul(Entry("V", i, j), *inside, *also, *guards, right if bound[0].axis != m else 1, writer.product(scope, 0, 2))
        equations.append(equation(writer, f"E{k}", free, Total(body, *bound) + (writer.product(free, 0, 1) if writer.chance(0.3) else 0)))
    equations += [two_systems(writer)] if writer.chance(0.3) else []
    made = model(writer, equations, seed, [e.name for e in equations if e.name != "V"], zeros=False)
    for sizes, arrays in made.points:
        arrays["A"] = arrays["A"] + 4 * sizes[n] * np.eye(sizes[n])
    return made


def running(seed):
    """Tables of running products, their products, and sums of the products but one."""
    writer = Terms(seed, axes=[n, m], only={"entry": 6, "position": 2, "data": 1, "number": 1, "total": 1, "call": 1})
    front = [Index("i0", m)] if writer.chance(0.4) else []
    i, j = Index(f"i{len(front)}", n), Index(f"i{len(front) + 1}", n)
    x = Entry(writer.tensor([*[f.axis for f in front], n]).name, *front, j)
    factor = writer.pick([x, x, x, 1 + x**2, exp(x), x * Entry(writer.tensor([n]).name, j)])
    table = equation(writer, "T", [*front, i, j], factor * NonNegative(i - j) + Positive(j - i))
    axis = len(front) + 1
    P = equation(writer, "P", [*front, i], Call("prod", ("T",), (("axis", axis),)))
    others = equation(writer, "O", [*front, i, j], Call("prod_others", ("T",), (("axis", axis), ("order", 1))))
    equations, free = [table, P, others], [*front, i]
    o = Entry("O", *front, i, j)
    for name in ("T", "P", "O"):
        writer.tensors.pop(name)
    g = writer.product(free if writer.chance(0.7) else [*free, j], 0, 2)
    if writer.chance(0.5):
        equations.append(Equation(Tensor("dT", others.tensor.axes), others.indices, g * o))
        o, g = Entry("dT", *front, i, j), Integer(1)
    r = Index("r", n)
    body = (g * o * (NonNegative(i - j) if writer.chance(0.8) else writer.position([i, j]))).xreplace({i: r, j: i})
    extra = writer.product(free, 0, 1)
    bound = [r, *(front if writer.chance(0.3) else [])]
    own = [k for k in free if k not in bound]
    e = Total(body * (extra if set(own) == set(free) else 1), *bound)
    turned = dict(zip(own, free_indices([k.axis for k in own]), strict=True))
    tensor = Tensor("dx", tuple(k.axis for k in own))
    equations += [Equation(tensor, tensor.indices, e.xreplace(turned))]
    equations += [Equation(Tensor("Q", P.tensor.axes), P.indices, Entry("P", *P.indices) * writer.product(free, 0, 1))]
    return model(writer, equations, seed, ["dx", "Q", *(["P"] if writer.chance(0.3) else [])])


RISKY = {"only": {"data": 4, "position": 4, "entry": 3, "over": 3, "log": 3, "call": 1, "sum": 2, "total": 2, "where": 3, "number": 1}}


def masked(seed):
    """Quotients, logarithms and roots beside conditions."""
    writer = Terms(seed, axes=[n, n, m], **RISKY)
    equations = []
    for k in range(writer.random.randint(1, 3)):
        free = writer.free(2)
        made = {e.name for e in equations}
        # No data keeps what is computed away from 0.
        while crossing(e := writer.sum(free, 2, 2), made, lambda g, made=made: any(a.name in made for a in g.atoms(Entry))):
            pass
        equations.append(equation(writer, f"E{k}", free, e))
    positive = any(crossing(e.rhs, {e.name for e in equations}) for e in equations)
    return replace(model(writer, equations, seed, positive=positive), grid=Plain)


def crossing(e, partial, which=lambda g: True):
    """What may have no value and stands in a sum beside a condition with other indices: guarded.py says that this is left alone there."""
    return [
        h
        for t in e.atoms(Total)
        for product in t.body.atoms(Mul)
        for f in product.args
        if is_mask(f)
        for g in product.args
        for h in without_value(g, partial)
        if not (indices_of(f) <= indices_of(h) or indices_of(g) <= indices_of(f)) and which(h)
    ]


def without_value(e, partial):
    """The functions, powers and entries in `e` that may have no value."""
    if is_total(e, partial) or isinstance(e, Positive | NonNegative):
        return []
    inner = [h for a in e.args for h in without_value(a, partial)] if not isinstance(e, Entry) else []
    return inner if isinstance(e, Add | Mul | Total) else [*inner, e]


def not_overflowing(s):
    """Without overflow; y + softplus(x - y) is said as what it stands for there, logaddexp(x, y), which has a value for y = -inf too."""
    made = without_overflow(s.program, s.outputs)
    return made if made is s.program else Stable(made, made.equations).rewritten()


PROGRAMS = {
    "without overflow": Row(exponentials, not_overflowing),
    "recognised": Row(exponentials, lambda s: named(s.program, s.outputs)),
    "stable": Row(exponentials, lambda s: Stable(s.program, s.program.equations).rewritten()),
    "spelled": Row(
        lambda seed: Spelled(**vars(exponentials(seed))),
        lambda s: [e if isinstance(e.rhs, Call) else replace(e, rhs=spelled(e.rhs, ())) for e in s.program.equations],
    ),
    "undivided": Row(divided, lambda s: undivided(s.program, s.outputs)),
    "without inverses": Row(solvable, lambda s: without_inverses(s.program, list(s.program.equations), s.outputs)),
    "running products": Row(running, lambda s: with_running_products(s.program, list(s.program.equations), s.outputs)),
    "guarded": Row(masked, lambda s: guarded(Stable(s.program, s.program.equations).rewritten())),
    "prepared": Row(exponentials, lambda s: prepare(s.program, s.outputs)),
}
