"""Scalar index expressions: what the right side of an equation is made of.

A right side is a SymPy expression whose atoms are entries of tensors, sizes, indices and numbers, with `Total` (a sum
over bound indices), `KroneckerDelta` and the brackets `Positive` and `NonNegative` ([x > 0] and [x >= 0]: 1 or 0, with
derivative 0) as factors. Rule of the house: a Total stands only under sums, products and other Totals, never inside a
function or a power (a whole positive power of a Total is a product); exp(sum ...) is two equations.
"""

from collections.abc import Mapping

from sympy import (
    Add,
    Expr,
    Function,
    Heaviside,
    Indexed,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Mul,
    Piecewise,
    S,
    Sum,
    Symbol,
    default_sort_key,
    expand_mul,
    preorder_traversal,
)

from symbackprop.calculus.index import Index, fresh


class Entry(Expr):
    """One entry of a tensor, T[i, j]; of a scalar tensor, T[]. Real, and independent of every other tensor's."""

    is_real = True
    is_finite = True
    is_commutative = True

    def __new__(cls, name: str | Symbol, *indices: Expr) -> "Entry":
        """The entry at `indices` of the tensor `name`."""
        return Expr.__new__(cls, Symbol(str(name), real=True), *[Integer(i) if isinstance(i, int) else i for i in indices])

    @property
    def name(self) -> str:
        """The tensor's name."""
        return self.args[0].name

    @property
    def indices(self) -> tuple[Expr, ...]:
        """Which entry it is, an index expression for each axis."""
        return self.args[1:]

    def _eval_derivative(self, s):
        return S.Zero

    def _sympystr(self, printer):
        return f"{self.name}[{', '.join(map(printer._print, self.indices))}]"


class Total(Expr):
    """The sum of `body` over the indices that follow it; the bound indices belong to it alone."""

    is_real = True
    is_commutative = True

    def __new__(cls, body: Expr, *indices: Index) -> Expr:
        """The sum; without indices, or of 0, the body itself."""
        if not indices or body == 0:
            return body
        return Expr.__new__(cls, body, *sorted(indices, key=lambda i: (i.name, str(i.axis))))

    @property
    def body(self) -> Expr:
        """What is summed."""
        return self.args[0]

    @property
    def indices(self) -> tuple[Index, ...]:
        """The bound indices."""
        return self.args[1:]

    @property
    def free_symbols(self) -> set:
        """What the sum depends on: its bound indices are not among them, the sizes they run to are."""
        return (self.body.free_symbols - set(self.indices)).union(*(i.axis.free_symbols for i in self.indices))

    def _eval_derivative(self, s):
        return Total(self.body.diff(s), *self.indices)


class _Bracket(Function):
    """[a condition on one argument]: 1 where it holds, else 0. Its derivative is 0, since kinks are points."""

    nargs = 1
    is_real = True
    is_nonnegative = True
    is_finite = True

    @classmethod
    def eval(cls, x):
        """1 or 0 where the sign is known; a positive factor does not matter."""
        decided = cls.decide(x)
        if decided is None and x.is_number:
            # A number whose sign no assumption tells, as of a function of ours.
            value = x.evalf(20)
            decided = cls.decide(value) if value.is_Float and abs(value) > 1e-15 else None
        if decided is not None:
            return S.One if decided else S.Zero
        if (found := cls._of_indicator(x)) is not None:
            return found
        content, rest = x.as_coeff_Mul()
        if content.is_Rational and abs(content) != 1:
            return cls(rest * (1 if content > 0 else -1))
        return None

    @classmethod
    def _of_indicator(cls, x: Expr) -> Expr | None:
        """[a + b e > 0] for numbers a, b and an e that is 1 or 0: 1, 0, e or 1 - e."""
        start, rest = x.as_coeff_Add()
        times, e = rest.as_coeff_Mul()
        if not (is_indicator(e) and start.is_Rational and times.is_Rational):
            return None
        without, holds = cls.decide(start), cls.decide(start + times)
        if without is None or holds is None:
            return None
        return S(int(holds)) if holds == without else e if holds else opposite(e)

    def fdiff(self, argindex=1):
        """0: kinks are points."""
        return S.Zero

    def _eval_power(self, exponent):
        return self if exponent.is_positive else None


class Positive(_Bracket):
    """[x > 0]."""

    @staticmethod
    def decide(x: Expr) -> bool | None:
        """Whether x > 0 for certain; None: can't tell."""
        return True if x.is_positive else False if x.is_nonpositive else None


class NonNegative(_Bracket):
    """[x >= 0]."""

    @staticmethod
    def decide(x: Expr) -> bool | None:
        """Whether x >= 0 for certain; None: can't tell."""
        return True if x.is_nonnegative else False if x.is_negative else None


def _digits(gap: Expr) -> tuple[Expr, Expr] | None:
    """`gap` as low + base * high with |low| < base, so that it is 0 if and only if low and high are: (low, high), or None.

    So i n + j = k n + l, with j, l < n, splits into i = k and j = l: the deltas of merged axes.
    """
    weights: dict[Expr, list[tuple[int, Index]]] = {}
    for term in Add.make_args(gap):
        held = [f for f in Mul.make_args(term) if isinstance(f, Index)]
        if len(held) != 1 or term.atoms(Entry):
            return None
        weight = term / held[0]
        sign = -1 if weight.could_extract_minus_sign() else 1
        weights.setdefault(sign * weight, []).append((sign, held[0]))
    for base in weights:
        if base == 1:
            continue
        low = {w: v for w, v in weights.items() if not (w / base).is_integer}
        reach = [Add(*[w * (i.axis - 1) for w, v in low.items() for s, i in v if s == sign]) for sign in (1, -1)]
        if all(expand_mul(base - r).is_positive for r in reach):
            high = Add(*[w / base * s * i for w, v in weights.items() if w not in low for s, i in v])
            return Add(*[w * s * i for w, v in low.items() for s, i in v]), high
    return None


def sides_of(gap: Expr) -> tuple[Expr, Expr]:
    """Two expressions without minus signs whose difference is `gap`."""
    terms = Add.make_args(gap)
    minus = [t for t in terms if t.could_extract_minus_sign()]
    return Add(*[t for t in terms if t not in minus]), Add(*[-t for t in minus])


class Delta(KroneckerDelta):
    """Kronecker's delta of two index expressions: SymPy's, deciding only what indices need (its own asks for assumptions)."""

    @classmethod
    def eval(cls, i, j, delta_range=None):
        """1 for equal arguments, 0 where their difference is a number other than 0; arguments in a fixed order."""
        if i == j:
            return S.One
        gap = expand_mul(i - j)
        if gap.is_Number:
            return S.One if gap == 0 else S.Zero
        if not (isinstance(i, Index) and isinstance(j, Index)) and (digits := _digits(gap)) is not None:
            return Mul(*[cls(*sides_of(d)) for d in digits])
        return cls(j, i) if default_sort_key(j) < default_sort_key(i) else None

    def _eval_power(self, exponent):
        return self if exponent.is_positive else None


def delta(i: Expr, j: Expr) -> Expr:
    """Kronecker's delta of two index expressions."""
    return Delta(i, j)


def entries(e: Expr) -> set[Entry]:
    """Every entry of a tensor that occurs in `e`."""
    return e.atoms(Entry)


def tensor_names(e: Expr) -> set[str]:
    """The names of the tensors that occur in `e`."""
    return {a.name for a in e.atoms(Entry)}


def indices_of(e: Expr) -> set[Index]:
    """The free indices of `e`."""
    return {s for s in e.free_symbols if isinstance(s, Index)}


def slopes(e: Expr) -> dict[Index, Expr] | None:
    """The factor of each index in `e`, which is multiplied out; None where `e` is not affine in its indices, or speaks of entries.

    A factor is free of indices: i n + j has the slopes n and 1; abs(i - j), i j and [i = j] have none.
    """
    found: dict[Index, list[Expr]] = {}
    for term in Add.make_args(e):
        held = [f for f in Mul.make_args(term) if isinstance(f, Index)]
        if len(held) > 1 or (rest := Mul(*[f for f in Mul.make_args(term) if f not in held])).has(Index, Entry):
            return None
        if held:
            found.setdefault(held[0], []).append(rest)
    return {i: Add(*found[i]) for i in sorted(found, key=str)}


def is_guard(e: Expr) -> bool:
    """Whether `e` is a condition on indices alone."""
    return isinstance(e, Positive | NonNegative) and not e.has(Entry) and bool(indices_of(e))


def is_indicator(e: Expr) -> bool:
    """Whether `e` is 1 or 0 by its form: a bracket, a delta, a product of these."""
    return isinstance(e, Positive | NonNegative | KroneckerDelta) or (isinstance(e, Mul) and all(map(is_indicator, e.args)))


def opposite(e: Expr) -> Expr:
    """1 - e for an indicator: [x <= 0] for [x > 0], and the other way round."""
    if isinstance(e, Positive):
        return NonNegative(-e.args[0])
    return Positive(-e.args[0]) if isinstance(e, NonNegative) else 1 - e


def rename_bound(e: Expr) -> Expr:
    """The same expression with bound indices that occur nowhere else."""
    return _apart(e, {})


def with_bound_apart(e: Expr) -> Expr:
    """`e` with bound indices that occur nowhere else in it; itself where they don't."""
    bound = [i for t in preorder_traversal(e) if isinstance(t, Total) for i in t.indices]
    return e if len(set(bound)) == len(bound) and e.free_symbols.isdisjoint(bound) else rename_bound(e)


def _apart(e: Expr, new: dict[Expr, Expr]) -> Expr:
    """`e` with the indices of the sums that it stands in called as `new` says, and those of its own sums anew: in one walk over it."""
    if not e.has(Total):
        return e.xreplace(new) if new else e
    if isinstance(e, Total):
        own = {i: fresh(i.axis) for i in e.indices}
        return Total(_apart(e.body, {**new, **own}), *own.values())
    return e.func(*[_apart(a, new) for a in e.args])


def substitute(e: Expr, new: Mapping[Expr, Expr]) -> Expr:
    """`e` with free indices or entries replaced; bound indices are renamed apart first, so nothing is captured."""
    return rename_bound(e).xreplace(dict(new))


def as_sympy(e: Expr, names: Mapping[Index, Symbol] | None = None, nested: bool = False) -> Expr:
    """`e` in plain SymPy (Indexed, Sum, KroneckerDelta, Piecewise), for those who go on from there.

    A bracket inside `nested` sums is a Heaviside: SymPy's Sum takes a Piecewise out of a sum inside it, bound index and all.
    """
    names = names or {}
    if isinstance(e, Index):
        return names.get(e, Symbol(e.name, integer=True))
    if isinstance(e, Entry):
        base = IndexedBase(e.name, real=True)
        return Indexed(base, *[as_sympy(i, names, nested) for i in e.indices]) if e.indices else Symbol(e.name, real=True)
    if isinstance(e, Total):
        return Sum(as_sympy(e.body, names, nested or e.body.has(Total)), *[(as_sympy(i, names), 0, i.axis - 1) for i in e.indices])
    if isinstance(e, Positive | NonNegative):
        inner = as_sympy(e.args[0], names, nested)
        if nested:
            return Heaviside(inner, 0 if isinstance(e, Positive) else 1)
        return Piecewise((1, inner > 0 if isinstance(e, Positive) else inner >= 0), (0, True))
    if isinstance(e, KroneckerDelta):
        return KroneckerDelta(*[as_sympy(a, names, nested) for a in e.args])
    if not e.args:
        return e
    return e.func(*[as_sympy(a, names, nested) for a in e.args])
