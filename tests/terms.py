"""Random index expressions: entries at every kind of place, conditions of every kind on positions and on data, sums in sums, deltas."""

import random

from sympy import Add, Integer, Mul, Rational, exp, expand_mul, floor, log, nan, sin, tanh, zoo

from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.program import Fact, Tensor
from symbackprop.calculus.sizes import never_negative
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, delta, indices_of, opposite
from symbackprop.ops.entrywise.elementwise import absolute, maximum, relu, sigmoid, softplus

n, m, p = map(axis, "nmp")
AXES = [n, n, n, m, m, p, n - 1, m + 1, n * m, n + m, Integer(1), Integer(2), Integer(3)]
PLAIN = [n, n, m, p]
CALLS = [exp, tanh, sin, sigmoid, softplus, relu, absolute]
KINDS = {
    "entry": 8,
    "position": 3,
    "delta": 3,
    "data": 2,
    "total": 3,
    "sum": 3,
    "call": 2,
    "power": 2,
    "over": 1,
    "log": 1,
    "where": 1,
    "number": 2,
    "size": 1,
    "square": 1,
}
"""The kinds of factors, and how often each comes."""
FACTS = [("simplex", 1), ("one-hot", 1), ("unit", 1), ("symmetric", None), ("orthogonal", None), ("positive", None)]


GAPS = [
    lambda i, j, c: i - j + c,
    lambda i, j, c: i - j + c,
    lambda i, j, c: i + j - i.axis + c,
    lambda i, j, c: j.axis - 1 - i - c,
    lambda i, j, c: i - c,
    lambda i, j, c: i + c + 1,
    lambda i, j, c: i.axis - i - c,
    lambda i, j, c: i - i.axis - c,
    lambda i, j, c: 2 * i - j - 1,
    lambda i, j, c: c - (i - j) ** 2,
    lambda i, j, c: c - absolute(i - j),
    lambda i, j, c: absolute(i - j) - c,
    lambda i, j, c: i * j - c - 1,
    lambda i, j, c: floor(i / 2) - floor(j / 2),
    lambda i, j, c: delta(i, j) - Rational(c, 2),
    lambda i, j, c: NonNegative(i - j) - Rational(c, 2),
    lambda i, j, c: 1 - 2 * Positive(i - j),
    lambda i, j, c: i.axis - c - 2,
    lambda i, j, c: i.axis - j.axis,
    lambda i, j, c: i * j.axis + j - c,
]
"""Whole numbers of positions and sizes: affine or not."""
AFFINE = [
    lambda i, j, c: i + c,
    lambda i, j, c: i - j + c,
    lambda i, j, c: i + j + c,
    lambda i, j, c: 2 * i + c,
    lambda i, j, c: 2 * i + j,
    lambda i, j, c: i.axis - 1 - i,
    lambda i, j, c: i * j.axis + j,
    lambda i, j, c: i + j * n,
    lambda i, j, c: n + i,
    lambda i, j, c: i - n,
]
"""Formulas of positions that need be no places: shifted, merged, turned, doubled."""
COMPARED = [lambda x, y: x - y, lambda x, y: y - x, lambda x, y: x**2 - y, lambda x, y: x]
ARGUMENTS = [lambda x, y: x, lambda x, y: x, lambda x, y: -x, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: 2 * x]
BASES = [lambda x, y: x, lambda x, y: x, lambda x, y: x + y, lambda x, y: x**2 + 1, lambda x, y: exp(x) + exp(y)]


class Terms:
    """Writes expressions from a seed; the tensors that it makes up are in `tensors`, places in index arrays below the axis they are for."""

    def __init__(self, seed, axes=AXES, facts=False, **kinds):
        self.random = random.Random(seed)
        self.axes, self.facts = axes, facts
        self.kinds = kinds.get("only") or {**KINDS, **kinds}
        self.tensors, self.selected = {}, {}
        self.known, self.lookups = [], True
        self.count = 0
        self.ranks = [0, 1, 1, 2, 2, 2, 3]

    def pick(self, options):
        return self.random.choice(options)

    def chance(self, share):
        return self.random.random() < share

    def index(self, label="b"):
        self.count += 1
        return Index(f"{label}{self.count}", self.pick(self.axes))

    def free(self, most=2):
        return [Index(f"i{k}", self.pick(self.axes)) for k in range(self.random.randint(0, most))]

    # --- places ------------------------------------------------------------------------------------------------------

    def place(self, size, scope):
        """An index expression, and the guards under which it is a place on an axis of `size`."""
        own = [i for i in scope if i.axis == size]
        ways = [(i, []) for i in own] * 4 + [(size - 1 - i, []) for i in own[:1]]
        for i in scope:
            gap = expand_mul(size - i.axis)
            if gap != 0 and never_negative(gap):
                ways += [(i, []), (i + gap, [])]
        for i in scope:
            for j in scope:
                if i != j and i.axis != 1 and j.axis != 1 and expand_mul(i.axis * j.axis - size) == 0:
                    ways += [(i * j.axis + j, [])] * 3
        if scope and self.chance(0.25):
            at = self.pick(scope) + self.pick([-1, 0, 1, 2, -n, -m])
            if self.chance(0.2):
                at = self.pick(scope) - self.pick(scope) + self.random.randint(0, 1)
            ways = [(at, [NonNegative(at), NonNegative(expand_mul(size - 1 - at))])]
        if not ways and scope and self.lookups and self.chance(0.3):
            name = f"s{len(self.tensors)}"
            at = self.pick(scope)
            self.tensors[name] = Tensor(name, (at.axis,), "index")
            self.selected[name] = size
            ways = [(Entry(name, at), [])]
        there = [] if never_negative(size - 1) else [NonNegative(size - 1)]
        return self.pick(ways or [(Integer(0), there), (size - 1, there)])

    def entry(self, scope, rank=None):
        """An entry of a tensor, new or known, and its guards; often one that stands elsewhere too."""
        before = [pair for pair in self.known if indices_of(pair[0]) <= set(scope)]
        if before and rank is None and self.chance(0.4):
            return self.pick(before)
        known = [t for t in self.tensors.values() if t.role != "index"]
        if known and self.chance(0.5):
            tensor = self.pick(known)
        else:
            rank = self.pick(self.ranks) if rank is None else rank
            axes = [self.pick([i.axis for i in scope] * 2 + list(self.axes)) for _ in range(rank)]
            tensor = self.tensor(axes)
        places = [self.place(a, scope) for a in tensor.axes]
        self.known.append((Entry(tensor.name, *[at for at, _ in places]), [g for _, guards in places for g in guards]))
        return self.known[-1]

    def tensor(self, axes, role="parameter"):
        name = f"{'cxAT'[len(axes)]}{len(self.tensors)}"
        found = ()
        if self.facts and self.chance(0.6):
            kinds = [(k, at) for k, at in FACTS if k == "positive" or (len(axes) == 2 and (at is not None or axes[0] == axes[1]))]
            kinds += [(k, 0) for k, _ in FACTS[:3] if len(axes) == 1]
            kind, at = self.pick(kinds)
            found = (Fact(kind, name, at),)
        self.tensors[name] = Tensor(name, tuple(axes), role, found)
        return self.tensors[name]

    # --- conditions --------------------------------------------------------------------------------------------------

    def gap(self, scope):
        """A whole number of positions and sizes: affine or not."""
        i, j = self.pick(scope), self.pick(scope)
        c = self.random.randint(-1, 2)
        return self.pick(GAPS)(i, j, c)

    def position(self, scope):
        """A condition on positions."""
        if not scope:
            return Positive(self.pick(PLAIN) - 2)
        gap = self.gap(scope)
        return self.pick([NonNegative, Positive])(gap) if self.chance(0.8) else NonNegative(gap) * NonNegative(-gap)

    def delta(self, scope):
        """A Kronecker delta of two places."""
        if not scope:
            return Integer(1)
        i = self.pick(scope)
        if self.chance(0.1):
            j = self.pick(scope)
            return delta(floor(i / 2), self.pick([floor(j / 2), j]))
        others = [j for j in scope if j != i] or scope
        at, guards = self.place(i.axis, others)
        if self.chance(0.3):
            at, guards = self.affine(others), []
        left = i if self.chance(0.8) else self.affine([i, *others])
        return Mul(delta(left, at), *guards) if self.chance(0.5) else delta(left, at)

    def affine(self, scope):
        """A formula of positions that need be no place: shifted, merged, turned, doubled."""
        i, j, c = self.pick(scope), self.pick(scope), self.random.randint(-1, 1)
        return expand_mul(self.pick(AFFINE)(i, j, c))

    def data(self, scope):
        """A condition on data, and its guards."""
        (x, guards), kind = self.entry(scope), self.pick([Positive, NonNegative])
        y, more = self.pick([lambda: self.entry(scope), lambda: (Integer(self.random.randint(-1, 1)), [])])()
        return kind(self.pick(COMPARED)(x, y)), guards + more

    # --- expressions -------------------------------------------------------------------------------------------------

    def sum(self, scope, depth, most=3):
        while (e := Add(*[self.product(scope, depth) for _ in range(self.random.randint(1, most))])).has(zoo, nan):
            pass
        return e

    def product(self, scope, depth, most=3):
        """A product with the guards of all that stands in it."""
        factors, guards = [], []
        for _ in range(self.random.randint(1, most)):
            f, more = self.factor(scope, depth)
            factors.append(f)
            guards += more
        return Mul(self.pick([1, 1, -1, 2, Rational(1, 2)]), *dict.fromkeys(guards), *factors)

    def factor(self, scope, depth):
        """A factor, and its guards."""
        kinds = [k for k in self.kinds if depth > 0 or k not in ("total", "sum", "where", "square", "fact")]
        kind = self.random.choices(kinds, [self.kinds[k] for k in kinds])[0]
        return getattr(self, f"_{kind}")(scope, depth - 1)

    def _entry(self, scope, depth):
        return self.entry(scope)

    def _position(self, scope, depth):
        return self.position(scope), []

    def _delta(self, scope, depth):
        return self.delta(scope), []

    def _data(self, scope, depth):
        return self.data(scope)

    def _number(self, scope, depth):
        return self.pick([Integer(2), Integer(-1), Rational(1, 2), Integer(3)]), []

    def _size(self, scope, depth):
        return self.pick(PLAIN) ** self.pick([1, -1]), []

    def _total(self, scope, depth):
        bound = [self.index() for _ in range(self.pick([1, 1, 2]))]
        inner = [*scope, *bound]
        body = self.sum(inner, depth, 2) if self.chance(0.3) else self.product(inner, depth)
        if self.chance(0.5):
            body *= self.delta(inner)
        return Total(body, *bound), []

    def _square(self, scope, depth):
        x, guards = self.entry(scope)
        return (self._total(scope, depth)[0] + self.pick([0, x])) ** 2, guards

    def _fact(self, scope, depth):
        """A sum that a law of a fact may be about, or nearly: over a whole axis or a part of it, with other factors or none."""
        with_facts = [t for t in self.tensors.values() if t.facts] or [self.tensor([n] * self.pick([1, 2]))]
        t = self.pick(with_facts)
        if not t.facts:
            return self.entry(scope)
        kind, at = t.facts[0].kind, t.facts[0].axis
        if kind in ("symmetric", "positive"):
            places = [self.place(a, scope) for a in t.axes]
            x = Entry(t.name, *[i for i, _ in places])
            x = self.pick([x, Positive(x), NonNegative(-x), Positive(x - 1)]) if kind == "positive" else x
            return x, [g for _, guards in places for g in guards]
        at = self.pick([0, 1]) if at is None else at
        self.count += 1
        bound = Index(f"b{self.count}", t.axes[at] if self.chance(0.7) or not never_negative(t.axes[at] - 1) else t.axes[at] - 1)
        places = [(bound, []) if k == at else self.place(a, scope) for k, a in enumerate(t.axes)]
        if self.chance(0.1):
            places[at] = self.place(t.axes[at], [bound])
        x, guards = Entry(t.name, *[i for i, _ in places]), [g for _, more in places for g in more]
        if kind == "orthogonal":
            others = [(bound, []) if k == at else self.place(a, scope) for k, a in enumerate(t.axes)]
            x *= Entry(t.name, *[i for i, _ in others])
            guards += [g for _, more in others for g in more]
        x = x**2 if kind == "unit" or self.chance(0.2) else x
        inner, rest = [*scope, bound], self.product(scope, 0, 1)
        rest *= self.product(inner, 0, 1) if self.chance(0.2) else 1
        return Total(Mul(x, rest, *dict.fromkeys(guards)), bound), []

    def _sum(self, scope, depth):
        return Add(self.product(scope, depth, 2), self.product(scope, depth, 2)), []

    def _call(self, scope, depth):
        x, guards = self.plain(scope)
        return self.pick(CALLS)(x), guards

    def plain(self, scope):
        """An entry, a difference of two, a multiple: what functions are of."""
        x, guards = self.entry(scope)
        y, more = self.entry(scope)
        return self.pick(ARGUMENTS)(x, y), guards + more

    def _power(self, scope, depth):
        x, guards = self.entry(scope)
        return x ** self.pick([2, 2, 3]), guards

    def _over(self, scope, depth):
        x, guards = self.entry(scope)
        y, more = self.entry(scope)
        base = self.pick(BASES)(x, y)
        return base ** self.pick([-1, -1, -2, Rational(1, 2), Rational(-1, 2)]), guards + more

    def _log(self, scope, depth):
        x, guards = self.entry(scope)
        return self.pick([log(x), log(x**2 + 1), maximum(x, Integer(0))]), guards

    def _where(self, scope, depth):
        condition, guards = (self.position(scope), []) if self.chance(0.6) else self.data(scope)
        yes, no = self.product(scope, depth, 2), self.product(scope, depth, 2)
        return condition * yes + opposite(condition) * no, guards
