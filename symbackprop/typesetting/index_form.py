r"""Index form: an index expression as a typeset tree, entry by entry.

Indices count from 1 on paper, as mathematics does (a sum over s runs from 1 to n), while arrays count from 0; the shift is
made once, at the door, so that slices, guards and fixed entries all agree. Everything is ordered: positive terms first,
numbers before names, factors in the order in which indices chain them, sums last.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Add, E, Expr, Function, Integer, KroneckerDelta, Mul, Pow, Rational, S, Symbol, pi

from symbackprop.calculus.index import Index, fresh
from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.calculus.signs import as_printed
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, indices_of, substitute
from symbackprop.errors import NotationError
from symbackprop.typesetting import tree
from symbackprop.typesetting.functions import applied, function
from symbackprop.typesetting.latex import latex as to_latex
from symbackprop.typesetting.names import Letters, Names, word
from symbackprop.typesetting.numbers import decimal, fraction, scientific, with_constants

CLOSED = "leave expand out: latex_parts() defines the parts that latex() speaks of"


def one_based(e: Expr, already: Collection[Index] = ()) -> Expr:
    """The same expression in indices that count from 1; those that do `already` stay."""
    return _shift(e, {i: i if i in already else i - 1 for i in e.atoms(Index)})


def _place(e: Expr, back: dict[Expr, Expr]) -> Expr:
    """A place that counts from 1; so do the values of an index array in it."""
    return e.xreplace(back | {a: _shift(a, back) - 1 for a in e.atoms(Entry)}) + 1


def _shift(e: Expr, back: dict[Expr, Expr]) -> Expr:
    if isinstance(e, Entry):
        return Entry(e.name, *[_place(i, back) for i in e.indices])
    if isinstance(e, KroneckerDelta):
        return KroneckerDelta(*[_place(i, back) for i in e.args], evaluate=False)
    if isinstance(e, Total):
        return Total(_shift(e.body, back), *e.indices)
    if isinstance(e, Index):
        return back[e]
    if not e.args:
        return e
    return e.func(*[_shift(a, back) for a in e.args])


@dataclass(frozen=True)
class Writer:
    """Writes index expressions over one program."""

    program: Program
    names: Names
    letters: Letters
    written: dict[tuple, tree.Node] = field(default_factory=dict, compare=False, repr=False)
    inside: Mapping[str, Equation] = field(default_factory=dict, compare=False, repr=False)
    """What is written in its place instead of its name."""

    @classmethod
    def of(cls, program: Program) -> "Writer":
        """The writer of a program, with its default names and letters."""
        return cls(program, Names(program), Letters(program))

    def free(self, indices: Sequence[Index]) -> dict[Index, str]:
        """Letters for free indices, in layout order."""
        return self.letters.extended({}, indices)

    def expression(self, e: Expr, indices: Sequence[Index] = ()) -> tree.Node:
        """The typeset form of `e`, whose free indices are `indices` in layout order."""
        key = (e, tuple(indices))
        if key not in self.written:
            stray = sorted(indices_of(e) - set(indices), key=str)
            shown = as_printed(with_constants(e), self.program.signs, self.program.roots)
            self.written[key] = self.write(one_based(shown), self.free((*indices, *stray)))
        return self.written[key]

    def equation(self, equation: Equation) -> tree.Node:
        """tensor[indices] = right side."""
        return tree.relation(self.entry(equation.name, equation.indices), ("=", self.right_side(equation)))

    def entry(self, name: str, indices: Sequence[Index]) -> tree.Node:
        """A tensor with free indices."""
        scope = self.free(indices)
        return self.names(name, tuple(letter(scope[i]) for i in indices))

    def right_side(self, equation: Equation) -> tree.Node:
        """What the equation says its tensor is."""
        if isinstance(equation.rhs, Expr):
            return self.expression(equation.rhs, equation.indices)
        return self.call(equation.rhs, equation.indices)

    def call(self, call: Call, indices: Sequence[Index]) -> tree.Node:
        """A whole-tensor op: softmax_k(O_sk) where it works along an axis, else op(A) with the indices outside."""
        scope = self.free(indices)
        letters = tuple(letter(scope[i]) for i in indices)
        if call.op == "prod_others":
            return self.others(call, indices, scope)
        axes = call.option("axis")
        orders = [len(self.program.tensors[n].axes) for n in call.arguments]
        if isinstance(axes, int) and all(order == len(indices) for order in orders):
            along = letters[axes]
            arguments = tuple(self.names(n, letters) for n in call.arguments)
            return tree.Apply(tree.Labelled(function(call.op, self.names.bases), (along,)), arguments)
        if isinstance(axes, int) and orders == [len(indices) + 1]:
            # A reduction: the letter below is bound by it.
            summed = fresh(self.program.tensors[call.arguments[0]].axes[axes])
            along = letter(self.letters.extended(scope, [summed])[summed])
            argument = self.names(call.arguments[0], (*letters[:axes], along, *letters[axes:]))
            return tree.Apply(tree.Labelled(function(call.op, self.names.bases), (along,)), (argument,))
        arguments = tuple(self.names(n) for n in call.arguments)
        made = tree.Apply(function(call.op, self.names.bases), arguments)
        return tree.Labelled(tree.Fenced(made), letters) if letters else made

    def others(self, call: Call, indices: Sequence[Index], scope: dict[Index, str]) -> tree.Node:
        """The product over all entries along an axis but some: prod_{j != i} x_j."""
        axis, order = call.option("axis"), call.option("order")
        left = tuple(letter(scope[i]) for i in indices[len(indices) - order :])
        front = [letter(scope[i]) for i in indices[: len(indices) - order]]
        along = fresh(self.program.tensors[call.arguments[0]].axes[axis])
        j = letter(self.letters.extended(scope, [along])[along])
        unlike = tree.Relation(j, (("ne", left[0]), *[(",", i) for i in left[1:]]))
        entry = self.names(call.arguments[0], (*front[:axis], j, *front[axis:]))
        return tree.Sum(unlike, None, None, entry, sign="prod")

    # --- expressions -------------------------------------------------------------------------------------------------

    def write(self, e: Expr, scope: dict[Index, str]) -> tree.Node:
        """One expression, its indices named by `scope`."""
        if isinstance(e, Add):
            return self.sum(e, scope)
        if isinstance(e, Mul | Rational) or (isinstance(e, Pow) and e.exp.could_extract_minus_sign()):
            return self.product(e, scope)
        return self.factor(e, scope)

    def sum(self, e: Add, scope: dict[Index, str]) -> tree.Node:
        """Positive terms first, the longer first, then in the order of declaration; a number last, or first where that saves a minus."""
        terms = []
        for t in e.args:
            sign, size = signed(t)
            node = self.write(size, scope)
            terms.append(((size.is_number, sign < 0, *self.weight(size), to_latex(node)), sign, node))
        terms.sort(key=lambda t: t[0])
        if terms[0][1] < 0 < terms[-1][1]:
            terms.insert(0, terms.pop())
        return tree.add(*[(sign, node) for _, sign, node in terms])

    def weight(self, e: Expr) -> tuple:
        """Sorts the terms of a sum: many entries before few, then by declaration."""
        order = self.names.place
        places = sorted(order.get(a.name, len(order)) for a in e.atoms(Entry))
        return (-len(places), places)

    def product(self, e: Expr, scope: dict[Index, str]) -> tree.Node:
        """Sign, fraction, names, deltas, brackets, sums."""
        sign, e = signed(e)
        over, under, sums = [], [], []
        number = S.One
        for f in Mul.make_args(e):
            if f.is_Rational:
                number *= f
            elif isinstance(f, Pow) and f.exp.could_extract_minus_sign():
                under.append(Pow(f.base, -f.exp))
            elif isinstance(f, Total) or (isinstance(f, Pow) and isinstance(f.base, Total)):
                sums.append(f)
            else:
                over.append(f)
        above = self.factors(over, scope)
        first, beneath = [[] if n == 1 else [number_node(n)] for n in fraction(number)]
        below = [*beneath, *self.factors(under, scope)]
        last = [self.factor(f, scope) for f in sorted(sums, key=self.sum_key)]
        top = tree.product(*first, *above)
        if not below:
            node = tree.product(*first, *above, *last)
        elif sums or len(above) > 2 or any(tree.is_tall(a) for a in above):
            # Over a name of a tensor stand the other tensors; over a mere size only what has no index either.
            kinds = (SCALAR, ENTRY) if any(f.has(Entry) for f in under) else (SCALAR,)
            held = [a for a, f in zip(above, self.ordered(over), strict=True) if rank(f) in kinds and not tree.is_tall(a)]
            rest = [a for a in above if a not in held]
            node = tree.product(tree.Frac(tree.product(*first, *held), tree.product(*below)), *rest, *last)
        else:
            node = tree.Frac(top, tree.product(*below))
        return tree.negative(node) if sign < 0 else node

    def sum_key(self, e: Expr) -> tuple:
        """Sorts the sums of a product; powers before plain sums, so that the last one may stand without brackets."""
        return (not isinstance(e, Pow), str(e))

    def factors(self, found: list[Expr], scope: dict[Index, str]) -> list[tree.Node]:
        """The factors in order, each as a node."""
        return [self.factor(f, scope) for f in self.ordered(found)]

    def ordered(self, found: Iterable[Expr]) -> list[Expr]:
        """Sizes and scalars, then entries as their indices chain, deltas, indicators, functions, sums in brackets."""
        ranked: dict[int, list[Expr]] = {}
        for f in found:
            ranked.setdefault(rank(f), []).append(f)
        result: list[Expr] = []
        for r in sorted(ranked):
            group = sorted(ranked[r], key=self.key)
            result += self.chained(group) if r == ENTRY else group
        return result

    def key(self, e: Expr) -> tuple:
        """Sorts factors of one kind: by the earliest free index they hold, then by declaration."""
        order = self.names.place
        first = min((i.name for i in indices_of(e)), default="")
        places = sorted(order.get(a.name, len(order)) for a in e.atoms(Entry))
        return (first, places, str(e))

    def chained(self, group: list[Expr]) -> list[Expr]:
        """Entries so that neighbours share an index, as the factors of a matrix product do; a chain of derivatives from its start."""
        parts = [self.program.tensors[f.name].derivative for f in group if isinstance(f, Entry) and f.name in self.program.tensors]
        if len(parts) == len(group) and all(parts):
            group = sorted(group, key=lambda f: self.program.tensors[f.name].derivative[0] != self.program.objective)
        left, result = list(group), []
        while left:
            held = indices_of(result[-1]) if result else set()
            following = next((f for f in left if held & indices_of(f)), left[0])
            left.remove(following)
            result.append(following)
        return result

    def factor(self, e: Expr, scope: dict[Index, str]) -> tree.Node:
        """An expression that is neither a sum nor a product."""
        if isinstance(e, Entry) and e.name in self.inside:
            return self.in_place(e, scope)
        if isinstance(e, Entry):
            return self.names(e.name, tuple(self.write(i, scope) for i in e.indices))
        if isinstance(e, Index):
            return letter(scope[e])
        if isinstance(e, Integer):
            return number_node(int(e))
        if isinstance(e, Symbol):
            return word(e.name)
        if isinstance(e, Total):
            return self.total(e, scope)
        if isinstance(e, KroneckerDelta):
            return self.delta(*sorted((self.write(i, scope) for i in e.args), key=lambda n: position(n, scope)))
        if isinstance(e, Positive | NonNegative):
            return tree.indicator(self.condition(e, scope))
        if isinstance(e, Pow):
            return self.power(e, scope)
        if isinstance(e, Add | Mul):
            return self.write(e, scope)
        if isinstance(e, Function):
            return applied(type(e).__name__, *[self.write(a, scope) for a in e.args], taken=self.names.bases)
        if e == pi:
            return tree.Letter("pi")
        if e == E:
            return tree.Letter("e", "upright")
        raise NotationError(f"no notation for {type(e).__name__}", source=str(e))

    def in_place(self, e: Entry, scope: dict[Index, str]) -> tree.Node:
        """What an entry, at places that count from 1, is."""
        equation = self.inside[e.name]
        if isinstance(equation.rhs, Call):
            return self.called(e, scope, equation)
        rhs = substitute(equation.rhs, {i: at - 1 for i, at in zip(equation.indices, e.indices, strict=True)})
        shown = as_printed(with_constants(rhs), self.program.signs, self.program.roots)
        return self.write(one_based(shown, indices_of(shown)), scope)

    def called(self, e: Entry, scope: dict[Index, str], equation: Equation) -> tree.Node:
        """A whole-tensor op with its arguments in place: along an axis at the letters of the entry, else of tensors that have names."""
        call, axis, sign = equation.rhs, equation.rhs.option("axis"), function(equation.rhs.op, self.names.bases)
        orders = [len(self.program.tensors[n].axes) for n in call.arguments]
        if isinstance(axis, int) and call.op != "prod_others" and set(orders) == {len(e.indices)} and isinstance(e.indices[axis], Index):
            along, places = self.write(e.indices[axis], scope), e.indices
        elif isinstance(axis, int) and call.op != "prod_others" and orders == [len(e.indices) + 1]:
            summed = fresh(self.program.tensors[call.arguments[0]].axes[axis])
            scope = self.letters.extended(scope, [summed])
            along, places = letter(scope[summed]), (*e.indices[:axis], summed, *e.indices[axis:])
        elif not set(call.arguments) & set(self.inside) and call.op != "prod_others":
            made = tree.Apply(sign, tuple(self.names(n) for n in call.arguments))
            return tree.Labelled(tree.Fenced(made), tuple(self.write(i, scope) for i in e.indices)) if e.indices else made
        else:
            raise NotationError(f"{call.op} of what has no name of its own has no place in a formula", source=e.name, fix=CLOSED)
        return tree.Apply(tree.Labelled(sign, (along,)), tuple(self.factor(Entry(n, *places), scope) for n in call.arguments))

    def delta(self, i: tree.Node, j: tree.Node) -> tree.Node:
        """Kronecker's delta; where a tensor is called so, an indicator."""
        sign = tree.Letter("delta")
        return tree.indicator(tree.relation(i, ("=", j))) if sign in self.names.bases else tree.Labelled(sign, (i, j))

    def power(self, e: Pow, scope: dict[Index, str]) -> tree.Node:
        """A root or a power; what is e to something is exp."""
        if e.exp == S.Half:
            return tree.Root(self.write(e.base, scope))
        return tree.power(self.write(e.base, scope), self.write(e.exp, scope))

    def total(self, e: Total, scope: dict[Index, str]) -> tree.Node:
        """A sum over each bound index in turn, from 1 to the size of its axis."""
        order = self.letters.place
        bound = sorted(e.indices, key=lambda i: (order.get(i.axis, len(order)), str(i.axis), len(i.name), i.name))
        inner = self.letters.extended(scope, bound)
        sign, body = signed(e.body)
        node = self.write(body, inner)
        for i in reversed(bound):
            node = tree.big_sum(letter(inner[i]), tree.ONE, self.write(i.axis, inner), node)
        return tree.negative(node) if sign < 0 else node

    def condition(self, e: Expr, scope: dict[Index, str]) -> tree.Node:
        """x > 0, or a > b where x is a - b."""
        mark = ">" if isinstance(e, Positive) else ">="
        inside = e.args[0]
        terms = [signed(t) for t in Add.make_args(inside)]
        left = Add(*[t for sign, t in terms if sign > 0])
        right = Add(*[t for sign, t in terms if sign < 0])
        if left == 0 and mark == ">":
            # -x > 0 would need a "less than", which Markdown takes for HTML; 0 > x does not.
            return tree.relation(number_node(0), (mark, self.write(right, scope)))
        if mark == ">=" and not left.has(Index, Entry) and right.has(Index):
            return tree.relation(self.write(right, scope), ("<=", self.write(left, scope)))
        return tree.relation(self.write(left, scope), (mark, self.write(right, scope)))


SCALAR, ENTRY, DELTA, INDICATOR, ROOT, CALLED, BRACKET = range(7)


def rank(e: Expr) -> int:
    """The kind of a factor, in the order in which a product shows them."""
    base = e.base if isinstance(e, Pow) else e
    if isinstance(base, Entry) and base.indices:
        return ENTRY
    if isinstance(base, KroneckerDelta):
        return DELTA
    if isinstance(base, Positive | NonNegative):
        return INDICATOR
    if isinstance(base, Add | Mul):
        return BRACKET
    if isinstance(base, Function):
        return CALLED
    return SCALAR


def signed(e: Expr) -> tuple[int, Expr]:
    """e as a sign and the rest. A sum is left as it is, but for one whose terms are all negative; so is a sum over an index."""
    if isinstance(e, Total):
        sign, body = signed(e.body)
        return sign, Total(body, *e.indices) if sign < 0 else e
    if isinstance(e, Add):
        return (-1, -e) if all(t.could_extract_minus_sign() for t in e.args) else (1, e)
    coefficient, rest = e.as_coeff_Mul()
    # SymPy would deduce all else that it knows of a number first.
    if coefficient.p < 0 if coefficient.is_Rational else coefficient.is_negative:
        return -1, -coefficient * rest
    return 1, e


def number_node(value: int | Rational) -> tree.Node:
    """A whole number or a decimal; a small or large one with a power of ten, as 10^-5."""
    if value < 0:
        return tree.negative(number_node(-value))
    if found := scientific(Rational(value)):
        digits, places = found
        return tree.product(number_node(digits), tree.power(tree.Number("10"), number_node(places)))
    return tree.Number(decimal(Rational(value)))


def letter(text: str) -> tree.Node:
    """An index letter."""
    return tree.Letter(text)


def position(node: tree.Node, scope: dict[Index, str]) -> tuple:
    """Sorts the two indices of a delta by the place of their letters."""
    text = to_latex(node)
    names = list(scope.values())
    return (names.index(text) if text in names else len(names), text)


def latex(e: Expr, program: Program, indices: Sequence[Index] = ()) -> str:
    """LaTeX of an index expression whose free indices are `indices`, in layout order."""
    return to_latex(Writer.of(program).expression(e, indices))


def equation_latex(equation: Equation, program: Program) -> str:
    """LaTeX of a whole equation in index form."""
    return to_latex(Writer.of(program).equation(equation))
