"""Rewriters of sums and of scalar formulas as a table: common factors, masks, named parts, slopes, exponents, limits."""

from dataclasses import dataclass

import numpy as np
from rewriters import Row, Subject, points, same, written
from sympy import Add, Dummy, Integer, Mul, Rational, cos, cosh, exp, expand_mul, log, nan, sin, sqrt, tanh, zoo
from terms import Terms, m, n

from symbackprop.arrays.diagonal import by_diagonal
from symbackprop.arrays.symmetric import as_square
from symbackprop.calculus import brackets, contract, factors, signs
from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Equation, Program, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, delta, indices_of, slopes
from symbackprop.derivation.masks import Masks
from symbackprop.derivation.naming import with_parts_named
from symbackprop.derivation.smooth import smoothed
from symbackprop.ops.entrywise.elementwise import absolute, relu, sigmoid, softplus
from symbackprop.ops.function import new_function
from symbackprop.ops.slope import slope
from symbackprop.stability.exponentials import by_sigmoids, logaddexp
from symbackprop.verification.oracle.literal import evaluate_expression

PLAIN = {"entry": 5, "over": 4, "power": 3, "log": 2, "data": 2, "position": 1, "number": 1, "size": 1, "call": 1}


def subject(e, free, writer, seed, **how):
    return Subject(e, tuple(free), writer.tensors, seed, points(seed, writer, **how))


def plain(writer, scope):
    """An entry in range."""
    while (found := writer.entry(scope))[1]:
        pass
    return found[0]


def shared(seed):
    """A sum of products that have factors in common: roots, quotients and masks among them."""
    writer = Terms(seed, axes=[n, m], only=PLAIN)
    free = writer.free(2)
    while True:
        pool = [Mul(f, *guards) for f, guards in (writer.factor(free, 0) for _ in range(4))]
        if writer.chance(0.5):
            x = plain(writer, free)
            mask = writer.pick([Positive(x), Positive(-x), NonNegative(x), NonNegative(-x)])
            powers = [-2, -1, Rational(-1, 2), Rational(1, 2), Rational(-3, 2)]
            pool += [writer.pick([mask, mask, 1]) * x ** writer.pick(powers) for _ in "ab"]
            writer.random.shuffle(pool)
        a, b = pool[0], pool[1]
        some = [Mul(writer.pick([1, -1, 2, 6, Rational(1, 2)]), *writer.random.sample(pool, writer.random.randint(1, 3))) for _ in range(3)]
        e = Add(*some[: writer.random.randint(2, 3)])
        if writer.chance(0.3):
            whole = [a / (a + b) + b / (a + b), (1 - a) * b - (1 - b) * a, pool[2] * a / (a + b) ** 2 + pool[2] * b / (a + b) ** 2]
            e = writer.pick(whole) + e
        if not e.has(zoo, nan):
            return subject(e, free, writer, seed)


def of_roots(seed):
    """Brackets beside quotients by norms and by other things."""
    writer = Terms(seed, axes=[n, m], only=PLAIN)
    free = writer.free(2)
    x, y = plain(writer, free), plain(writer, free)
    root = writer.pick([sqrt(x**2 + y**2), sqrt(x**2), absolute(x), x, sqrt(x**2 + 1), x**2 + y**2, sqrt(absolute(x))])
    e = Positive(root) * writer.product(free, 0, 2) * root ** writer.pick([-1, -1, -3, Rational(-1, 2), 1]) + writer.product(free, 0, 1)
    return subject(e, free, writer, seed, zeros=False)


def of_masks(seed):
    """A sum of a few masks, as 1 where one of them is not 0."""
    writer = Terms(seed, axes=[n], only={"data": 3, "position": 1, "delta": 1})
    free = writer.free(2)
    pool = []
    while len(pool) < 3:
        f, guards = writer.factor(free, 0)
        pool += [] if guards else [f]
    pool += [brackets.opposite(f) for f in pool if isinstance(f, Positive | NonNegative)]
    count = writer.random.randint(1, 3)
    masks = [writer.pick([1, 1, 2, -1]) * Mul(*writer.random.sample(pool, writer.random.randint(1, 2))) for _ in range(count)]
    masks = [f for f in masks if brackets.is_mask(f)] or [Positive(Entry(writer.tensor([n]).name, Integer(0)))]
    made = subject(Positive(Add(*[f**2 for f in masks])), free, writer, seed)
    made.masks = masks
    return made


def masks_of(s):
    """A derivative and what Masks says is 0 only where that is."""
    tensor = Tensor("F", tuple(i.axis for i in s.free))
    new = dict(zip(s.free, tensor.indices, strict=True))
    program = Program("p", {**s.tensors, "F": tensor}, (Equation(tensor, tensor.indices, s.e.xreplace(new)),), "F")
    mask = Masks(program).of(s.e)
    return mask * s.e + mask * (1 - mask)


@dataclass
class Named:
    """An expression over parts that have names: (name, indices, what it is)."""

    e: object
    parts: tuple


@dataclass
class Parted(Subject):
    """A subject of which parts get names, which are worked out before."""

    def values(self, made, point, noise=None):
        sizes, arrays = point
        if not isinstance(made, Named):
            return super().values(made, point, noise)
        known = dict(arrays)
        for name, indices, e in made.parts:
            known[name] = evaluate_expression(e, indices, known, sizes)
        return super().values(made.e, (sizes, known), noise)

    def is_changed(self, made):
        return bool(made.parts)


def parted(seed):
    """Products with sums that have fewer indices than the whole."""
    writer = Terms(seed, axes=[n, n, m, n - 1], only={"entry": 4, "position": 3, "data": 1, "number": 1, "total": 2})
    free = [Index("i0", n), Index("i1", m)]
    terms = []
    for _ in range(writer.random.randint(1, 2)):
        sums = [writer._total(writer.pick([free[:1], free[1:], free]), 1)[0] for _ in range(writer.random.randint(1, 2))]
        terms.append(Mul(*sums, writer.product(free, 0, 3)))
    e = Add(*terms)
    return Parted(e, tuple(free), writer.tensors, seed, points(seed, writer))


def with_names(s):
    parts = []

    def name(e):
        indices = tuple(sorted(indices_of(e), key=lambda i: i.name))
        parts.append((f"Q{len(parts)}", indices, e))
        return Entry(parts[-1][0], *indices)

    made = with_parts_named(s.e, name)
    return Named(made, tuple(parts))


def affine(seed):
    """A formula of positions, multiplied out."""
    writer = Terms(seed)
    free = writer.free(2) or [Index("i0", n)]
    e = writer.gap(free) if writer.chance(0.3) else Add(*[writer.pick([1, -1, 2, m]) * writer.affine(free) for _ in range(2)])
    return subject(expand_mul(e), free, writer, seed)


def by_slopes(s):
    found = slopes(s.e)
    if found is None:
        return None
    return Add(s.e.xreplace(dict.fromkeys(s.free, Integer(0))), *[k * i for i, k in found.items()])


def diagonal(seed):
    writer = Terms(seed, axes=[n, n, m], only={"entry": 3, "number": 1, "sum": 1})
    free = [Index(f"i{k}", writer.pick([n, n, m])) for k in range(writer.random.randint(2, 3))]
    terms = []
    for _ in range(writer.random.randint(1, 4)):
        deltas = [delta(*writer.random.sample(free, 2)) for _ in range(writer.random.randint(0, 2))]
        terms.append(Mul(*[d for d in deltas if len({i.axis for i in d.args}) == 1], writer.product(free, 1, 2)))
    return subject(Add(*terms), free, writer, seed)


def along_diagonals(s):
    found, rest = by_diagonal(Add.make_args(s.e))
    return Add(*rest, *[Mul(*[delta(i, j) for j, i in equal.items()]) * inner for equal, inner in found])


def squares(seed):
    """Sums of products that are a thing times itself, or nearly, with a weight."""
    writer = Terms(seed, axes=[n, m], only={"entry": 4, "number": 1, "data": 1, "call": 1})
    i, j, r = Index("i0", n), Index("i1", n), Index("r", m)
    half = writer.product([i, r], 0, 2) * Entry(writer.tensor([n, m]).name, i, r)
    if i not in half.free_symbols:
        half *= Entry(writer.tensor([n, m]).name, i, r)
    other = half.xreplace({i: j}) if writer.chance(0.8) else writer.product([j, r], 0, 2)
    x = plain(writer, [r])
    weight = writer.pick([1, x**2, exp(x), sigmoid(x), x, Positive(x), x**2 + 1, absolute(x), Rational(1, 2), -1])
    e = Total(Mul(weight, half, other), r)
    return subject(e, [i, j], writer, seed)


def as_a_square(s):
    product = contract.flat(s.e)
    if not product.bound:
        return None
    number = [f for f in product.factors if f.is_number]
    found = as_square([f for f in product.factors if not f.is_number], sorted(product.bound, key=str), Mul(*number), set(), s.free)
    if found is None:
        return None
    right = found.half.xreplace(dict(zip(found.left, found.right, strict=True)))
    return found.coefficient * Total(Mul(found.half, right, evaluate=False), *product.bound)


def growths(seed):
    """exp of multiples of z and softplus(z)."""
    writer = Terms(seed, axes=[n], only={"entry": 1})
    free = writer.free(1)
    z, y = (writer.pick([1, -1, 2]) * plain(writer, free) + writer.pick([0, 0, y0]) for y0 in (1, -1))
    d = writer.pick([z, z - y, -z])
    k, half = writer.random.randint(-1, 3), writer.pick([0, 0, Rational(1, 2)])
    e = (k + half) * d - writer.random.randint(0, 4) * softplus(d) + writer.pick([0, 0, y, 1, -softplus(y), log(2)])
    made = subject(exp(expand_mul(e)), free, writer, seed)
    made.growth = expand_mul(e)
    return made


def sums_of_exponentials(seed):
    writer = Terms(seed, axes=[n], only={"entry": 1})
    free = writer.free(1)
    numbers = [Integer(1), Integer(2), Rational(1, 3)]
    count = writer.random.randint(1, 3)
    terms = [(writer.pick(numbers), writer.pick([-1, 1, 2, 0]) * plain(writer, free)) for _ in range(count)]
    made = subject(log(Add(*[c * exp(z) for c, z in terms])), free, writer, seed)
    made.terms = terms
    return made


# --- slopes and limits -----------------------------------------------------------------------------------------------

POINTS = np.array([-2.3, -1.0, -0.4, 0.3, 0.7, 1.0, 1.9])
KINKS = (0, 1, -1)
AT = Index("i0", Integer(len(POINTS)))


def law(choose, x, depth=2):
    """A random formula of one variable, with branches."""
    if depth == 0 or choose.chance(0.2):
        return choose.pick([x, x, x, 2 * x, -x, x + 1, x**2])
    inner = law(choose, x, depth - 1)
    one, other = law(choose, x, depth - 1), law(choose, x, depth - 1)
    bracket = choose.pick([Positive, NonNegative])(choose.pick([x, -x, x - 1, x + 1, x**2 - 1]))
    return choose.pick(
        [
            exp(inner),
            tanh(inner),
            sin(inner),
            1 / (1 + exp(-inner)),
            log(1 + exp(inner)),
            sqrt(1 + inner**2),
            1 / (1 + inner**2),
            one + other,
            one * other,
            one * other,
            bracket * one + (1 - bracket) * other,
            bracket * one + brackets.opposite(bracket) * other,
            bracket * one,
            exp(x) * one,
            exp(2 * x) / (exp(2 * x) + 1),
            (exp(inner) - exp(-inner)) / (exp(inner) + exp(-inner)),
        ]
    )


@dataclass
class Law:
    """A formula of x: the slope that is made of it, of value and x, against its own derivative."""

    law: object
    x: object
    value: object
    seed: int

    def values(self, e, known):
        at = {self.x: Entry("x", AT), self.value: Entry("v", AT)}
        return evaluate_expression(e.xreplace(at), (AT,), known, {})

    def check(self, made):
        with np.errstate(all="ignore"):
            known = {"x": POINTS, "v": POINTS}
            known["v"] = self.values(self.law, known)
            before, after = self.values(self.law.diff(self.x), known), self.values(made, known)
        same(before, after, lambda: [before], lambda: f"seed {self.seed}: {self.law}\nbecame {made}\nat {POINTS}")

    def is_changed(self, made):
        return made != self.law.diff(self.x)


def formulas(seed):
    choose, x = Terms(seed), Dummy("x", real=True)
    made = law(choose, x)
    while not made.has(x) or made.has(zoo, nan):
        made = law(choose, x)
    own = new_function(f"law{seed}", __name__, lambda at: made.xreplace({x: at}), 1)
    return Law(made, x, own(x), seed)


@dataclass
class Turning:
    """A derivative of a function of entries x and y that turns: its value anywhere else is as it was, and at turns what it comes to."""

    e: object
    seed: int

    def number(self, e, x, y):
        return float(evaluate_expression(e, (), {"x": np.asarray(x), "y": np.asarray(y)}, {}))

    def check(self, made):
        with np.errstate(all="ignore"):
            for x, y in ((a, b) for a in POINTS for b in (-1.37, 0.61)):
                before, after = self.number(self.e, x, y), self.number(made, x, y)
                assert not np.isfinite(before) or abs(after - before) <= 1e-9 * (1 + abs(before)), self.told(made, x, y, before, after)
            for x in KINKS if made != self.e else ():
                before, after = self.number(self.e, x, 0.61), self.number(made, x, 0.61)
                sides = [self.number(self.e, x + s, 0.61) for s in (1e-7, -1e-7)]
                comes = np.isfinite(sides).all() and abs(after - np.mean(sides)) <= 1e-5 * (1 + abs(after))
                assert after == before or np.isnan([before, after]).all() or comes, self.told(made, x, 0.61, sides, after)

    def told(self, made, x, y, before, after):
        return f"seed {self.seed}: {self.e}\nbecame {made}\nat x = {x}, y = {y}: {before} became {after}"

    def is_changed(self, made):
        return made != self.e


def turning(seed):
    """Derivatives by x of functions with |x|, relu(x), brackets, and quotients whose limit is needed."""
    choose, x, y = Terms(seed), Entry("x"), Entry("y")
    d = Dummy("d", real=True)
    parts = [absolute(d), relu(d), relu(-d), Positive(d) * d, NonNegative(d) * d**2, (2 * Positive(d) - 1) * d]
    parts += [absolute(d - 1), relu(1 - d) ** 2]
    smooth = [d, y, d**2, sin(d), exp(d), y * d]
    inner = [choose.pick(parts) for _ in range(2)] + [choose.pick(smooth)]
    a, b, c = inner
    f = choose.pick(
        [
            a * b,
            a**2 + c,
            cosh(a) * c,
            exp(-a) + b,
            log(1 + exp(-absolute(d))) + relu(d) + c,
            a - b + c,
            a * c,
            a * sin(b),
            tanh(a) + tanh(b),
            cos(a) * c,
            relu(d) - relu(-d) + c,
            a * b * c,
            NonNegative(d) * c + (1 - NonNegative(d)) * b,
        ]
    )
    return Turning(f.diff(d).xreplace({d: x}), seed)


def smooth_slope(s):
    return smoothed(s.e, lambda turn: False)


SCALARS = {
    "factored": Row(shared, lambda s: factors.factored(s.e)),
    "cancelled": Row(shared, lambda s: factors.cancelled(s.e)),
    "mirrored": Row(lambda seed: written(seed, call=20), lambda s: contract.mirrored(s.e)),
    "as printed": Row(of_roots, lambda s: signs.as_printed(s.e)),
    "either": Row(of_masks, lambda s: brackets.either(s.masks)),
    "masks": Row(lambda seed: written(seed, data=8, where=6), masks_of),
    "parts with names": Row(parted, with_names),
    "slopes": Row(affine, by_slopes),
    "by diagonal": Row(diagonal, along_diagonals),
    "as a square": Row(squares, as_a_square),
    "by sigmoids": Row(growths, lambda s: by_sigmoids(s.growth)),
    "logaddexp": Row(sums_of_exponentials, lambda s: logaddexp(s.terms)),
    "slope": Row(formulas, lambda s: slope(s.value, s.law, s.x)),
    "smoothed": Row(turning, smooth_slope),
}
