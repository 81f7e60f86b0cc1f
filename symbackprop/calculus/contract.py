"""The normal form of index expressions.

`contract` takes a sum of products of scalar factors, deltas, brackets and Totals and returns an equal one in which
Kronecker deltas with a bound index are gone, each sum is as narrow as its factors allow, bound indices have canonical
names, like terms are one, and common factors stand in front. A product is distributed over a sum only where a delta
needs it, or where a cancellation or a fact makes the result cheaper: general expansion would split exp(x - max) and turn
a layer norm into a cancelling difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sympy import Add, Expr, Function, KroneckerDelta, Mul, Pow, S, expand_mul

from symbackprop.calculus.brackets import diagonal_left_out
from symbackprop.calculus.canonical import labelled, relabelled
from symbackprop.calculus.cost import cost
from symbackprop.calculus.factors import cancelled, content, factored
from symbackprop.calculus.index import Index
from symbackprop.calculus.laws import NO_FACTS, Facts, decided, guard, law_of_sum, laws_of_entries
from symbackprop.calculus.signs import is_total
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, indices_of, rename_bound, with_bound_apart

DEPTH = 8
"""Distributions tried one inside another."""


@dataclass
class Product:
    """The Total of a product of factors over bound indices, flattened."""

    factors: list[Expr]
    bound: set[Index]

    @property
    def expr(self) -> Expr:
        """The product as one expression."""
        return Total(Mul(*self.factors), *self.bound)


Rule = Literal[
    "chain rule",
    "distribution",
    "delta contraction",
    "narrow sum",
    "cancellation",
    "factoring",
    "fact",
    "mirror",
    "limit",
    "merged entry",
    "mean of labels",
]
"""What a step is made by: keys, which each language has words for."""


@dataclass
class Trace:
    """What a contraction did: the expression after each rule that changed it, and the facts that fired. `silent`: nobody will look."""

    lines: list[tuple[Rule, Expr]] = field(default_factory=list)
    facts: set = field(default_factory=set)
    silent: bool = False

    def note(self, rule: Rule, e: Expr) -> None:
        """Record that `rule` made `e`, unless nothing changed."""
        if not self.silent and (not self.lines or self.lines[-1][1] != e):
            self.lines.append((rule, e))

    def note_shorter(self, e: Expr) -> None:
        """Record that `e` was made by what fits: terms have cancelled where it speaks of fewer entries, else it is put otherwise."""
        if self.lines:
            more = e.count(Entry) - self.lines[-1][1].count(Entry)
            self.note("cancellation" if more < 0 else "distribution" if more > 0 else "factoring", e)


def contract(e: Expr, facts: Facts = NO_FACTS, trace: Trace | None = None) -> Expr:
    """The normal form of `e`, equal to it for all sizes and all tensors that have `facts`."""
    trace = trace if trace is not None else Trace(silent=True)
    result = _contract(e, facts, trace)
    turned = mirrored(result)
    if turned is not result:
        # One function of x and of -x is one of x: sigmoid(-x) is 1 - sigmoid(x).
        again = Trace()
        other = _contract(turned, facts, again)
        if cost(other) < cost(result):
            trace.note("mirror", other)
            trace.facts |= again.facts
            result = other
    other, used = laws_of_entries(result, facts)
    if used:
        # A fact that only turns an entry round is used where that makes the result cheaper, else left alone.
        again = Trace()
        other = _contract(other, facts, again)
        if cost(other) < cost(result):
            trace.note("fact", other)
            trace.facts |= used | again.facts
            return other
    return result


def mirrored(e: Expr) -> Expr:
    """`e` with functions of -x said by their values at x: sigmoid(-x) as 1 - sigmoid(x); `e` itself if there are none."""
    calls = [f for f in e.atoms(Function) if getattr(f, "mirrored", None) is not None and f.args[0].could_extract_minus_sign()]
    return e.xreplace({f: f.mirrored(-f.args[0], f.func(-f.args[0])) for f in calls}) if calls else e


def _contract(e: Expr, facts: Facts, trace: Trace) -> Expr:
    parts = [c for p in products(e) if (c := without_deltas(p)) is not None]
    trace.note("chain rule", _sum(parts))
    parts = [d for p in parts for d in distributed(p)]
    trace.note("distribution", _sum(parts))
    parts = [c for p in parts if (c := without_deltas(p)) is not None]
    trace.note("delta contraction", _sum(parts))
    result = S.Zero
    fired: set = set()
    for p in parts:
        result += _best(p, facts, fired, DEPTH)
    result = cancelled(relabelled(result))
    if not trace.silent:
        trace.note("narrow sum", Add(*[narrowed(p, NO_FACTS, set()) for p in parts]))
    if fired:
        if not trace.silent:
            # What the sum was before the facts: the line a reader wants to see between.
            trace.note_shorter(Add(*[_best(p, NO_FACTS, set(), DEPTH) for p in parts]))
        trace.note("fact", result)
        trace.facts |= fired
    else:
        trace.note_shorter(result)
    result = factored(result)
    trace.note("factoring", result)
    return result


def products(e: Expr) -> list[Product]:
    """`e` as a sum of products: sums of terms split, nested Totals and products flattened, bound indices renamed apart."""
    ones = {i: S.Zero for i in e.atoms(Index) if i.axis == 1}
    return _products(with_bound_apart(_without_bound(e, ones) if ones else e))


def _without_bound(e: Expr, ones: Mapping[Expr, Expr]) -> Expr:
    """`e` with indices over axes of size 1 at 0, their only place."""
    if isinstance(e, Total):
        return Total(_without_bound(e.body, ones), *[i for i in e.indices if i not in ones])
    return e.func(*[_without_bound(a, ones) for a in e.args]) if e.has(Total) else e.xreplace(ones)


def _products(e: Expr) -> list[Product]:
    if isinstance(e, Add):
        return [p for a in e.args for p in _products(a)]
    return [flat(e)]


def flat(e: Expr) -> Product:
    """One product: a sum among its factors stays a factor. Factors that are sums over the same index are renamed apart."""
    if isinstance(e, Total):
        inner = flat(e.body)
        return Product(inner.factors, inner.bound | set(e.indices))
    if isinstance(e, Mul):
        factors: list[Expr] = []
        bound: set[Index] = set()
        for a in e.args:
            part = flat(a)
            if part.bound & bound:
                part = flat(rename_bound(a))
            factors += part.factors
            bound |= part.bound
        return Product(factors, bound)
    if isinstance(e, Pow) and e.exp.is_Integer and e.exp > 0 and e.base.has(Total):
        return flat(Mul(*[rename_bound(e.base) for _ in range(int(e.exp))], evaluate=False))
    return Product([] if e == 1 else [e], set())


def _sum(parts: Iterable[Product]) -> Expr:
    return Add(*[p.expr for p in parts])


def distributed(p: Product) -> list[Product]:
    """`p` multiplied out over those of its sums that hold a delta with a bound index."""
    for k, f in enumerate(p.factors):
        if isinstance(f, Add) and any(d.free_symbols & p.bound for d in _open_deltas(f)) and not _guards(p, k):
            return [q for part in over(p, k) for q in distributed(part)]
    return [p]


def _guards(p: Product, k: int) -> bool:
    """Whether the k-th factor is 1 - [i = j] beside what may have no value where i = j: multiplied out it would guard nothing."""
    delta = diagonal_left_out(p.factors[k])
    if delta is None:
        return False
    places = indices_of(delta)
    return any(places <= indices_of(f) and not is_total(f) for j, f in enumerate(p.factors) if j != k)


def _open_deltas(e: Expr) -> list[KroneckerDelta]:
    """The deltas of `e` that stand as factors of its terms, not inside a function."""
    if isinstance(e, KroneckerDelta):
        return [e]
    if isinstance(e, Add | Mul | Total):
        return [d for a in e.args for d in _open_deltas(a)]
    return []


def over(p: Product, k: int) -> list[Product]:
    """The products that `p` becomes when it is distributed over its k-th factor, a sum."""
    others = p.factors[:k] + p.factors[k + 1 :]
    made = []
    for term in p.factors[k].args:
        inner = flat(rename_bound(term))
        made.append(Product([*others, *inner.factors], p.bound | inner.bound))
    return made


def without_deltas(p: Product) -> Product | None:
    """`p` with every delta solved that has a bound index; None if it vanishes."""
    factors, bound = list(p.factors), set(p.bound)
    while True:
        chosen = _solvable(factors, bound)
        if chosen is None:
            break
        k, index, value = chosen
        del factors[k]
        if index is None:
            return None
        bound.discard(index)
        factors = [_replaced(f, index, value) for f in factors]
        if not (isinstance(value, Entry) or (isinstance(value, Index) and value.axis == index.axis)):  # an index array fits its axis
            factors += [guard(value), guard(index.axis - 1 - value)]
        made = flat(Mul(*factors, evaluate=False))
        factors, bound = made.factors, bound | made.bound
        if any(f == 0 for f in factors):
            return None
    return Product(aligned([f for f in factors if f != 1]), bound)


def _replaced(f: Expr, index: Index, value: Expr) -> Expr:
    """A factor with an index replaced; guards in it are looked at again."""
    made = f.xreplace({index: value})
    if made is f or not made.has(Positive, NonNegative):
        return made
    return made.xreplace({b: d for b in made.atoms(Positive, NonNegative) if (d := decided(b)) != b})


def _pair(d: KroneckerDelta) -> tuple[Expr, Index] | None:
    """Of a delta of two indices, or of an index and a place in an index array: (what other factors keep, the index they drop)."""
    a, b = d.args
    if isinstance(a, Index) and isinstance(b, Index):
        return tuple(sorted(d.args, key=lambda i: i.name)) if a.axis == b.axis else None  # type: ignore[return-value]
    for place, index in ((a, b), (b, a)):
        if isinstance(index, Index) and isinstance(place, Entry) and not place.has(index):
            return place, index
    return None


def aligned(factors: list[Expr]) -> list[Expr]:
    """Where a delta of two free indices stays, the other factors speak of the first of the two only; so too of an index and a place."""
    for k in range(len(factors)):
        f = factors[k]
        if isinstance(f, KroneckerDelta) and (pair := _pair(f)) is not None:
            keep, drop = pair
            factors = [g if j == k else g.xreplace({drop: keep}) for j, g in enumerate(factors)]
    return factors


def _solvable(factors: Sequence[Expr], bound: set[Index]) -> tuple[int, Index | None, Expr] | None:
    """The next delta to solve: (its place, the index it fixes, the value); (place, None, 0) where its sides can't be equal."""
    best = None
    for k, f in enumerate(factors):
        if not isinstance(f, KroneckerDelta):
            continue
        a, b = f.args
        for i, other in ((a, b), (b, a)):
            if i in bound and isinstance(other, Index) and other.axis == i.axis:
                return k, i, other
        gap = expand_mul(a - b)
        if gap.is_nonzero:
            return k, None, S.Zero
        if best is None:
            # An index whose range takes in all that it is set to needs no guard: of I = i n + j, with all three bound, it is I.
            found = [(i, -(gap - s * i) * s) for i in sorted(indices_of(gap) & bound, key=str) if (s := gap.coeff(i)) in (1, -1)]
            found = [(i, value) for i, value in found if not value.has(i)]
            fits = [(i, value) for i, value in found if guard(value) == 1 and guard(i.axis - 1 - value) == 1]
            open_ended = [(i, value) for i, value in found if not _is_digit(i, value)]
            if fits or open_ended:
                best = k, *(fits or open_ended)[0]
    return best


def _is_digit(i: Index, value: Expr) -> bool:
    """Whether i = `value` says that i is what is left of a merged index, I - j n: the delta says it better than guards would."""
    return any((c := value.coeff(j)) != 0 and (c / i.axis).is_integer for j in indices_of(value))


def _best(p: Product, facts: Facts, fired: set, depth: int) -> Expr:
    """The cheapest of `p` narrowed as it is and of `p` distributed over one of its sums where something may fire."""
    mine: set = set()
    p = _merged(p)
    best = narrowed(p, facts, mine)
    if depth:
        for k, f in enumerate(p.factors):
            if isinstance(f, Add) and _may_fire(p, k, facts) and not _guards(p, k):
                theirs: set = set()
                parts = [d for q in over(p, k) if (d := without_deltas(q)) is not None]
                other = factored(cancelled(Add(*[_best(q, facts, theirs, depth - 1) for q in parts])))
                if cost(other) < cost(best):
                    best, mine = other, theirs
    fired |= mine
    return best


def _merged(p: Product) -> Product:
    """`p` with equal bases multiplied together, so that y / p * p is y, and with each of its sums cancelled and factored."""
    made = flat(Mul(*[g for f in p.factors for g in _content_apart(factored(cancelled(f)))]))
    return Product(made.factors, p.bound | made.bound)


def _content_apart(f: Expr) -> list[Expr]:
    """The number that all terms of a sum share, and the rest: 2 and x - y of 2 x - 2 y. SymPy leaves them apart in longer products."""
    if not isinstance(f, Add):
        return [f]
    found = content([a.as_coeff_Mul()[0] for a in f.args])
    return [found, Add(*[a / found for a in f.args])] if found != 1 else [f]


def _may_fire(p: Product, k: int, facts: Facts) -> bool:
    """Whether distributing over the k-th factor can cancel a power, or free a sum that a fact or a size gives."""
    terms = p.factors[k].args
    others = p.factors[:k] + p.factors[k + 1 :]
    inverse = {f.base for f in others if isinstance(f, Pow) and f.exp.is_negative}
    whole = {f.base if isinstance(f, Pow) else f for f in others}
    for term in terms:
        for f in flat(term).factors:
            base, negative = (f.base, f.exp.is_negative) if isinstance(f, Pow) else (f, False)
            if base in inverse or (negative and base in whole):
                return True
    for i in p.bound:
        if any(i not in indices_of(t) for t in terms):
            holders = [f for f in others if f.has(i)]
            if not holders or (len(holders) == 1 and law_of_sum(holders, i, facts)):
                return True
    return False


def narrowed(p: Product, facts: Facts, fired: set) -> Expr:
    """The product with each sum over only the factors that need it, laws of sums applied, canonical names given."""
    outside: list[Expr] = []
    groups: list[tuple[set[Index], list[Expr]]] = []
    for f in p.factors:
        mine = indices_of(f) & p.bound
        if not mine:
            outside.append(f)
            continue
        joined, apart = [f], []
        for indices, members in groups:
            if indices & mine:
                mine, joined = mine | indices, members + joined
            else:
                apart.append((indices, members))
        groups = [*apart, (mine, joined)]
    for i in p.bound - set().union(*(g for g, _ in groups)) if groups else p.bound:
        outside.append(i.axis)
    for indices, members in groups:
        outside.append(_component(members, indices, facts, fired))
    return Mul(*outside)


def _component(factors: list[Expr], bound: set[Index], facts: Facts, fired: set) -> Expr:
    for i in sorted(bound, key=lambda i: (str(i.axis), i.name)):
        holders = [f for f in factors if f.has(i)]
        if (law := law_of_sum(holders, i, facts)) is not None:
            fired.add(law.fact)
            rest = [f for f in factors if not f.has(i)]
            return narrowed(Product([*rest, law.value], bound - {i}), facts, fired)
    return facts.definitions.named(labelled(factors, bound))
