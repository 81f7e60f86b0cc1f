"""One index expression as array operations: scalar bodies elementwise, Totals as products and reductions.

The free indices of an expression become the labels of an array. `order` asks for an order of labels where that is free
to choose (a product can be had in both orientations); what comes back says the order in its labels.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from sympy import Add, Expr, Function, KroneckerDelta, Mul, Pow, Rational, S

from symbackprop.arrays.contraction import contract, gram, multiply, scaled, scaled_least
from symbackprop.arrays.diagonal import Band, Equal, apart, by_diagonal, find_band, is_diagonal, thin_sums
from symbackprop.arrays.entries import Entries, Stored
from symbackprop.arrays.graph import DTYPE, Graph, Labelled, ordered, union
from symbackprop.arrays.overlaps import Running, find_overlap, find_running, overlapped, running
from symbackprop.arrays.symmetric import as_square
from symbackprop.calculus.contract import Product, flat, over
from symbackprop.calculus.index import Index
from symbackprop.calculus.places import find_counts, find_merge, find_scatter, narrow, slice_of
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, indices_of, is_guard
from symbackprop.errors import TargetError

Order = Sequence[Index] | None


class Expressions(Entries):
    """Lowers expressions over tensors that are stored already."""

    def __init__(self, graph: Graph, stored: Mapping[str, Stored], nonnegative: Container[str] = (), needs: Sequence[Expr] = ()) -> None:
        """`nonnegative`: the tensors without a negative entry."""
        super().__init__(graph, stored, needs)
        self.nonnegative = nonnegative
        self.guarded: set[Index] = set()
        self.conditional = False

    @contextmanager
    def under(self, indices: Iterable[Index], sizes: Expr = S.One) -> Iterator[None]:
        """Conditions on `indices` and on `sizes` stand outside: entries are not trusted to be in range where these do not hold."""
        before = self.guarded, self.conditional
        self.guarded, self.conditional = self.guarded.union(indices), self.conditional or sizes.has(Positive, NonNegative)
        try:
            yield
        finally:
            self.guarded, self.conditional = before

    def under_equal(self, equal: Equal) -> AbstractContextManager[None]:
        """On a diagonal a condition on j is one on the i that stands for it."""
        return self.under(i for j, i in equal.items() if j in self.guarded)

    def lower(self, e: Expr, order: Order = None) -> Labelled:
        """The array of the values of `e`."""
        if not e.has(Entry, Index, Total):
            return self.graph.size(e)
        if isinstance(e, Entry):
            return self.entry(e, trusted=not self.conditional and not indices_of(e) & self.guarded)
        if isinstance(e, Index):
            return Labelled(self.graph.add("arange", (), (), (e.axis,), "int"), (e,))
        if isinstance(e, Add):
            return self.add(e, order)
        if isinstance(e, Mul):
            return self.total(e, (), order)
        if isinstance(e, Total):
            return self.total(e.body, e.indices, order)
        if isinstance(e, Pow):
            return self.power(e, order)
        if isinstance(e, Positive | NonNegative):
            return self.bracket(e, order)
        if isinstance(e, KroneckerDelta):
            return self.delta(e, order)
        if isinstance(e, Function):
            name = type(e).__name__
            operands = [self.lower(a, order) for a in e.args]
            operands = [x if name == "where" and k == 0 else self.graph.as_float(x) for k, x in enumerate(operands)]
            if name == "relu":
                operands.append(self.zero_like(operands[0], order))
            # A choice between numbers has NumPy's dtype for them.
            chosen = name == "where" and all(self.graph[x.node].kind == "size" for x in operands[1:])
            return self.graph.as_float(self.graph.apply(name, operands, order, "int" if chosen else "float"))
        raise TargetError(f"no array operation for {type(e).__name__}", notes=(str(e),))

    def bracket(self, e: Positive | NonNegative, order: Order) -> Labelled:
        """[x > 0], [x >= 0]; of a number that is known when the code is written, a number too."""
        x = self.lower(e.args[0], order)
        known = self.graph.value(x)
        if known is not None:
            return self.graph.size(type(e)(known))
        number = self.graph[x.node].kind == "size"
        name = "greater" if isinstance(e, Positive) else "greater_equal"
        return self.graph.apply(name, [x, self.graph.size(0)], order, "size" if number else "bool")

    def zero_like(self, x: Labelled, order: Order) -> Labelled:
        """A row of zeros that broadcasts against `x`: NumPy's maximum is three times as fast with it as with a number."""
        if not x.labels:
            return self.graph.size(0)
        last = ordered(x.labels, order)[-1]
        return Labelled(self.graph.add("full", (self.graph.size(0).node,), (DTYPE,), (last.axis,)), (last,))

    def add(self, e: Expr, order: Order) -> Labelled:
        """A sum of terms; what all terms have in common of sizes (1/n) is applied once, to the result."""
        diagonals, rest = by_diagonal(e.args)
        bands = {t: band for t in rest if t.has(KroneckerDelta) and (band := find_band(t, self.needs))}
        if diagonals or bands:
            return self.with_diagonals(Add(*[t for t in rest if t not in bands]), diagonals, list(bands.values()), order)
        parts = [_split(t) for t in Add.make_args(e)]
        common = parts[0][0] / abs(parts[0][0].as_coeff_Mul()[0])
        if any(not (c / common).is_Number for c, _ in parts) or not common.free_symbols:
            common = S.One
        if _scales_within(e):
            common = S.One
        elif parts[0][0] / common != 1 and all(abs(c / common) == abs(parts[0][0] / common) for c, _ in parts):
            common *= abs(parts[0][0] / common)
        if common != 1:
            inner = Add(*[c / common * t for c, t in parts])
            if isinstance(inner, Add):
                with self.under((), common):
                    return scaled(self.graph, self.add(inner, order), common)
        terms = []
        for c, t in parts:
            lead, sizes = c.as_coeff_Mul()
            negative = lead.is_negative and t != 1
            value = self.lower((abs(lead) if negative else lead) * sizes * t, order)
            terms.append((negative, value))
        groups: dict[frozenset, list[tuple[bool, Labelled]]] = {}
        for negative, value in terms:
            groups.setdefault(frozenset(value.labels), []).append((negative, value))
        # Python numbers come last within a group, so that an array stands first.
        sums = [self._signed(sorted(g, key=self._rank), order) for g in groups.values()]
        sums.sort(key=lambda x: (len(x[1].labels), x[0]), reverse=False)
        while len(sums) > 1:
            sums = sorted([self._plus(sums[1], sums[0], order), *sums[2:]], key=lambda x: len(x[1].labels))
        negative, value = sums[0]
        return self.graph.apply("negative", [value], order) if negative else value

    def with_diagonals(self, rest: Expr, diagonals: Sequence[tuple[Equal, Expr]], bands: Sequence[Band], order: Order) -> Labelled:
        """An array with entries added along diagonals of it."""
        value = self.lower(rest, order) if rest != 0 else None
        for equal, inner in diagonals:
            value = self._added(value, Band(equal, inner, next(iter(equal.values())), {}), order)
        for band in bands:
            value = self._added(value, band, order)
        return self.lower(rest, order) if value is None else value

    def _added(self, value: Labelled | None, band: Band, order: Order) -> Labelled:
        """An array, or zeros, with entries added along a diagonal of it, or of a part of it."""
        equal, inner = band.equal, band.inner
        named = {band.short: next((i for i in band.starts if i not in equal), band.short)}
        held = {named.get(i, i) for i in indices_of(inner)}
        wide = value is not None and {*equal, *equal.values(), *held} <= set(value.labels)
        negative = wide and inner.could_extract_minus_sign()
        with self.under_equal(equal):
            x = self.lower(-inner if negative else inner)
        x = Labelled(x.node, tuple(named.get(i, i) for i in x.labels))
        part = {i: slice_of(start, S.One, band.short.axis, i.axis) for i, start in band.starts.items()}
        if value is not None and wide:
            return self.graph.on_diagonal(value, x, equal, -1 if negative else 1, part)
        made = self.graph.embedded(x, equal, order, part) if part else self.diagonal(equal, x, order)
        return made if value is None else self.graph.apply("add", [value, made], order)

    def diagonal(self, equal: Equal, x: Labelled, order: Order) -> Labelled:
        """The entries of `x` on a diagonal, zeros elsewhere; a multiple of the unit matrix is that."""
        number = self.graph.value(x)
        if number is None or len(equal) > 1:
            return self.graph.embedded(x, equal, order)
        ((j, i),) = equal.items()
        labels = ordered((i, j), order)
        return scaled(self.graph, Labelled(self.graph.add("eye", (), (), (i.axis, j.axis)), labels), number)

    def _rank(self, term: tuple[bool, Labelled]) -> tuple:
        negative, value = term
        return (negative, self.graph.value(value) is not None)

    def _signed(self, group: list[tuple[bool, Labelled]], order: Order) -> tuple[bool, Labelled]:
        made = group[0]
        for term in group[1:]:
            made = self._plus(made, term, order)
        return made

    def _plus(self, a: tuple[bool, Labelled], b: tuple[bool, Labelled], order: Order) -> tuple[bool, Labelled]:
        """The sum of two signed arrays, with a sign of its own."""
        known = [-v if s else v for s, x in (a, b) if (v := self.graph.value(x)) is not None]
        if len(known) == 2:
            return False, self.graph.size(sum(known))
        if a[0] == b[0]:
            return a[0], self.graph.apply("add", [a[1], b[1]], order)
        positive, negative = (b, a) if a[0] else (a, b)
        return False, self.graph.apply("subtract", [positive[1], negative[1]], order)

    def power(self, e: Pow, order: Order) -> Labelled:
        """A power of an array; the common ones by functions of their own."""
        base, exponent = e.args
        if exponent.is_Number and exponent.is_negative:
            under = self.lower(Pow(base, -exponent), order)
            return self.graph.apply("divide", [self.graph.size(1), self.graph.as_float(under)], order)
        value = self.lower(base, order)
        if exponent == 2:
            return self.graph.apply("square", [value], order)
        if exponent == 3:
            return multiply(self.graph, [value, self.graph.apply("square", [value], order)], order)
        if exponent == Rational(1, 2):
            return self.graph.apply("sqrt", [self.graph.as_float(value)], order, "float")
        return self.graph.apply("power", [self.graph.as_float(value), self.lower(exponent, order)], order, "float")

    def delta(self, e: KroneckerDelta, order: Order) -> Labelled:
        """The unit matrix for two indices of one axis, else a comparison of places."""
        i, j = e.args
        if isinstance(i, Index) and isinstance(j, Index) and i.axis == j.axis:
            labels = ordered((i, j), order)
            return Labelled(self.graph.add("eye", (), (), (i.axis, j.axis)), labels)
        return self.graph.apply("equal", [self.lower(i, order), self.lower(j, order)], order, "bool")

    def total(self, body: Expr, bound: Sequence[Index], order: Order = None) -> Labelled:
        """The sum of `body` over `bound`; with no indices bound, a product of factors."""
        if isinstance(body, Total):
            return self.total(body.body, (*bound, *body.indices), order)
        if isinstance(body, Add) and self._splits(body, bound):
            return self.add(Add(*[_total(t, bound) for t in body.args]), order)
        if thin := thin_sums(Mul.make_args(body), bound):
            others = Mul(*[f for f in Mul.make_args(body) if f is not thin[0]])
            return self.add(Add(*[_total(t * others, bound) for t in thin[0].args]), order)
        equal, factors = apart(Mul.make_args(body), bound)
        if not bound and body.has(KroneckerDelta) and (band := find_band(body, self.needs)):
            return self._added(None, band, order)
        if equal:
            with self.under_equal(equal):
                return self.diagonal(equal, self.lower(_total(Mul(*factors), bound)), order)
        if isinstance(body, Mul) and bound and (parts := _multiplied_out(body, bound)):
            return self.add(Add(*[p.expr for p in parts]), order)
        coefficient, rest = _split(body)
        if isinstance(rest, Total):
            return self.total(coefficient * rest.body, (*bound, *rest.indices), order)
        if bound and (square := as_square(Mul.make_args(rest), bound, coefficient, self.nonnegative, order)):
            with self.under((), coefficient):
                half = self.lower(square.half, (*bound, *square.left))
            return gram(self.graph, half, square.left, square.right, square.coefficient)
        narrowed = narrow(Mul.make_args(rest), self.needs)
        new = {i: j for i, j, _ in narrowed.ranges}
        inner = [new.get(i, i) for i in bound]
        with self.under([j for i, j, _ in narrowed.ranges if i in self.guarded], coefficient):
            value = self._product(narrowed.factors, inner, order, coefficient)
        for i, j, start in narrowed.ranges:
            if i not in bound:
                if j not in value.labels:
                    value = self.graph.full(value, (*value.labels, j))
                value = self.graph.pad(value, j, i, start)
        return value

    def _product(self, factors: Sequence[Expr], bound: Sequence[Index], order: Order, coefficient: Expr = S.One) -> Labelled:
        if coefficient != 1 and any(isinstance(f, KroneckerDelta) for f in factors):
            return scaled(self.graph, self._product(factors, bound, order), coefficient)
        found = find_scatter(factors, bound, self.needs) if bound else None
        if found:
            scatter, others = found
            value = self._product(others, [i for i in bound if i != scatter.index], order)
            if scatter.index not in value.labels:
                value = self.graph.full(value, (*value.labels, scatter.index))
            return self.graph.pad(value, scatter.index, scatter.into, scatter.start, scatter.step)
        merge = find_merge(factors, bound) if bound else None
        if merge:
            merges, others = merge
            summed = [i for i in bound if not any(i in parts for parts in merges.values())]
            return self.graph.merged(self._product(others, summed, None), merges, order)
        counts = find_counts(factors, bound) if bound else None
        if counts:
            places, others = counts
            held = set().union(*[indices_of(f) for f in others if self._guards(f)])
            grids = {}
            for into, e in places.items():
                grids[into] = self.lower(e)
                if indices_of(e) & held:  # where the guard says no, 0 is added somewhere
                    grids[into] = self._clipped(grids[into], into.axis)
            along = union(list(grids.values()))
            value = self._product(others, [i for i in bound if i not in along], None)
            return self.graph.gathered(value, grids, along)
        if bound and (window := find_overlap(factors, bound, self._size)):
            overlap, others = window
            inner = [overlap.inside, *(order or ())]
            return overlapped(self.graph, self._product(others, [i for i in bound if i != overlap.index], inner, coefficient), overlap)
        if bound and (sums := find_running(factors, bound)):
            return self._running(*sums, bound, order, coefficient)
        guards = [f for f in factors if self._guards(f) or isinstance(f, KroneckerDelta)]
        with self.under(i for f in guards for i in indices_of(f)):
            return self._multiplied(factors, bound, order, coefficient)

    def _size(self, a: Entry, place: int) -> Expr:
        """How long an axis of an entry's tensor is."""
        return self.stored[a.name].axes[place]

    def _running(
        self, found: Running, inner: Sequence[Expr], rest: Sequence[Expr], bound: Sequence[Index], order: Order, coefficient: Expr
    ) -> Labelled:
        """A product of running sums, of the factors `inner`, and of the others."""
        later = set().union(*[indices_of(f) for f in rest])
        here = [i for i in bound if i != found.index and i not in later and i != found.into]
        value = running(self.graph, self._product(inner, here, None), found)
        left = [i for i in bound if i != found.index and i not in here]
        factors = [value, *[self.lower(f) for f in rest]]
        if left:
            return self._summed(factors, left, order, coefficient)
        return scaled(self.graph, multiply(self.graph, factors, order), coefficient)

    def _guards(self, e: Expr) -> bool:
        """Whether `e` is a condition on places alone, those of index arrays included."""
        if not isinstance(e, Positive | NonNegative):
            return False
        return is_guard(e) or all(self.graph[self.stored[a.name].node].kind == "int" for a in e.atoms(Entry))

    def _multiplied(self, factors: Sequence[Expr], bound: Sequence[Index], order: Order, coefficient: Expr) -> Labelled:
        """A product of factors; entries that a guard among them keeps in range are not trusted to be there without it."""
        above: list[Labelled] = []
        below: list[Labelled] = []
        for f in factors:
            if f == 1:
                continue
            base, exponent = f.as_base_exp()
            if isinstance(f, Pow) and exponent.is_Number and exponent.is_negative:
                under = self.graph.as_float(self.lower(Pow(base, -exponent), None if bound else order))
                (above if bound else below).append(self.graph.apply("divide", [self.graph.size(1), under]) if bound else under)
            elif isinstance(f, Pow) and exponent.is_Integer and exponent <= 3 and bound:
                above += [self.lower(base)] * int(exponent)
            else:
                above.append(self.lower(f, None if bound else order))
        return self._summed(above, bound, order, coefficient) if bound else self._fraction(above, below, order, coefficient)

    def _fraction(self, above: list[Labelled], below: list[Labelled], order: Order, coefficient: Expr) -> Labelled:
        if above:
            above, coefficient = scaled_least(self.graph, above, coefficient, len(union([*above, *below])))
        top = multiply(self.graph, above, order) if above else self.graph.size(1)
        made = self.graph.apply("divide", [top, multiply(self.graph, below, order)], order) if below else top
        return scaled(self.graph, made, coefficient)

    def _summed(self, factors: list[Labelled], bound: Sequence[Index], order: Order, coefficient: Expr) -> Labelled:
        """Factors without a bound index stay outside of the sum."""
        outside = [x for x in factors if not set(x.labels) & set(bound)]
        inside_sum = [x for x in factors if set(x.labels) & set(bound)]
        if outside:
            outside, coefficient = scaled_least(self.graph, outside, coefficient, len(union(factors)))
        value = contract(self.graph, inside_sum, bound, order, coefficient)
        return multiply(self.graph, [value, *outside], order) if outside else value

    def _splits(self, body: Add, bound: Sequence[Index]) -> bool:
        """Whether a sum of terms is better summed term by term: when the array of its values would be larger than any factor."""
        whole = len(indices_of(body) | set(bound))
        widest = 0
        for term in body.args:
            if term.has(Total) or any(is_guard(f) or isinstance(f, KroneckerDelta) for f in Mul.make_args(term)):
                return True
            widest = max(widest, *[len(indices_of(f)) for f in Mul.make_args(term)])
        return widest < whole


def _scales_within(e: Add) -> bool:
    """Whether each term of a sum has a factor with fewer indices than the sum, which costs less to scale than the result."""
    most = len(indices_of(e))
    held = [[len(indices_of(f)) for f in _factors(t) if f.has(Entry)] for t in e.args]
    return most > 1 and all(any(count < most for count in counts) for counts in held)


def _factors(e: Expr) -> list[Expr]:
    """The factors of a product, those under its sums included."""
    return [g for f in Mul.make_args(e) for g in (_factors(f.body) if isinstance(f, Total) else [f])]


def _multiplied_out(body: Mul, bound: Sequence[Index]) -> list[Product]:
    """The sum over `bound` of a product with a sum of products in it, multiplied out where that sum has more indices than all else has."""
    result = len(indices_of(body) - set(bound))
    if not any(isinstance(f, Add) and len(indices_of(f)) > result for f in body.args):
        return []
    product = flat(Total(body, *bound))
    for k, f in enumerate(product.factors):
        if isinstance(f, Add):
            parts = [g for t in f.args for g in flat(t).factors]
            if len(indices_of(f)) > max([result, *[len(indices_of(g)) for g in parts if not isinstance(g, Add)]]):
                return over(product, k)
    return []


def _total(term: Expr, bound: Sequence[Index]) -> Expr:
    """The sum of one term; an index that the term lacks counts its size. Bound indices keep their names: each sum is lowered apart."""
    used = [i for i in bound if i in term.free_symbols]
    missing = Mul(*[i.axis for i in bound if i not in used])
    if not used:
        return Mul(missing, term)
    outside = [f for f in Mul.make_args(term) if is_diagonal(f, bound)]
    return Mul(missing, *outside, Total(Mul(*[f for f in Mul.make_args(term) if f not in outside]), *used))


def _split(term: Expr) -> tuple[Expr, Expr]:
    """A term as (number made of sizes and constants, the rest)."""
    numbers, rest = [], []
    for f in Mul.make_args(term):
        (rest if f.has(Entry, Index, Total) else numbers).append(f)
    return Mul(*numbers), Mul(*rest)
