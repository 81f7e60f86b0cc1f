"""Index form to matrix form: products of matrices, Hadamard products, outer products, diagonals, traces, sums with ones.

A sum is written term by term, a product as a graph (graph.py); a derivative of three or four axes is a matrix too, with output
entries down and input entries across (unfolded.py). What does not fit raises NotationError with the reason; nothing partial is
ever returned.
"""

from collections.abc import Sequence

from sympy import Add, Expr, Function, KroneckerDelta, Mul, Pow, S

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.calculus.signs import as_printed
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total, indices_of, rename_bound
from symbackprop.errors import NotationError
from symbackprop.matrix.building import bracket, diagonal, elementwise, function_of, inverse, matmul, parts_of, plus, scale, transpose
from symbackprop.matrix.graph import Graph, assembled, without_bound
from symbackprop.matrix.lengths import LONGEST
from symbackprop.matrix.nodes import Called, Eye, Leaf, Lower, Plus, Scalar, Sum, Unit, Value
from symbackprop.matrix.polish import polished, size
from symbackprop.matrix.sameness import Known
from symbackprop.matrix.shorter import shortened
from symbackprop.matrix.slices import has_unnamed_slices
from symbackprop.matrix.tex import Typesetter
from symbackprop.matrix.text import Texter
from symbackprop.matrix.unfolded import unfolded
from symbackprop.typesetting import tree
from symbackprop.typesetting.index_form import Writer, rank, signed
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.scalar_text import ATOM
from symbackprop.typesetting.wording import refusal

Indices = tuple[Index, ...]
Free = tuple[Indices, Indices]
"""The free indices that go down and those that go across."""


def matrix_form(equation: Equation, program: Program, known: Known | None = None) -> Value:
    """The right side of `equation` as a matrix expression. Raises NotationError if there is none."""
    try:
        free = sides(equation, program)
        if isinstance(equation.rhs, Call):
            if len(free[0]) + len(free[1]) > 2:
                raise refusal("axes", equation.name)
            return _called(equation, program)
        shown = rename_bound(as_printed(equation.rhs, program.signs, program.roots))
        if _is_long(shown, free, program):
            raise refusal("long")
        made = shortened(_Reader(program).value(shown, free), known or Known())
        if has_unnamed_slices(made):
            raise refusal("slice")
        return made
    except NotationError as error:
        error.place, error.fix = f"equation {equation.name}", "use the index form"
        raise


def sides(equation: Equation, program: Program) -> Free:
    """The indices that go down and those that go across: of a derivative those of the output and those of the input.

    An axis of size one is none. Raises NotationError where three axes or more belong to one tensor.
    """
    kept = [i for i in equation.indices if i.axis != 1]
    if len(kept) <= 2:
        return tuple(kept[:1]), tuple(kept[1:])
    groups: list[list[Index]] = []
    at = 0
    known = [len(program.tensors[n].axes) for n in equation.tensor.derivative if n in program.tensors]
    orders = known if sum(known) == len(equation.indices) else [len(equation.indices)]
    for order in equation.tensor.orders or orders:
        group = [i for i in equation.indices[at : at + order] if i.axis != 1]
        groups += [group] if group else []
        at += order
    if len(groups) != 2 or any(len(g) > 2 for g in groups):
        raise refusal("axes", equation.name)
    return tuple(groups[0]), tuple(groups[1])


def _called(equation: Equation, program: Program) -> Value:
    arguments = tuple(leaf(program.tensors[name]) for name in equation.rhs.arguments)
    axes = [a for a in equation.tensor.axes if a != 1]
    if equation.rhs.op == "inv":
        return inverse(arguments[0])
    if equation.rhs.op == "solve":
        return matmul(inverse(arguments[0]), arguments[1])
    if equation.rhs.option("order", 1) != 1:
        raise refusal("call", equation.rhs.op)
    return Called((*axes, None, None)[:2], equation.rhs.op, arguments, equation.rhs.options)


def leaf(tensor: Tensor) -> Value:
    """A tensor as it stands. Raises NotationError for more than two axes."""
    axes = [a for a in tensor.axes if a != 1]
    if len(axes) > 2:
        raise refusal("axes", tensor.name)
    return Leaf((*axes, None, None)[:2], tensor.name, tuple(k for k, a in enumerate(tensor.axes) if a == 1))


class _Reader:
    """Reads index expressions over one program."""

    def __init__(self, program: Program, outside: frozenset[Expr] = frozenset(), known: Known | None = None) -> None:
        """`outside`: axes whose sums stand outside of all else; `known`: what was shortened before."""
        self.program = program
        self.outside = outside
        self.known = known or Known()

    def value(self, e: Expr, free: Free) -> Value:
        """`e` with its free indices down and across; a missing one is broadcast by ones."""
        if not isinstance(e, Add):
            return self.term(e, free)
        if not indices_of(e) and not e.has(Total) and not any(free):
            return Scalar(e)
        terms = []
        for t in e.args:
            sign, size = signed(t)
            value = self.value(size, free)
            order = (sign < 0, not t.has(Entry), len(indices_of(t)) < 2, not t.has(Total), Texter().text(value))
            terms.append((order, sign, value))
        terms.sort(key=lambda t: t[0])
        made = plus([(sign, v) for _, sign, v in terms])
        return self.under_one_sum(e, free, made)

    def under_one_sum(self, e: Expr, free: Free, made: Value) -> Value:
        """`made`, or `e` with all its sums over an axis outside, where some of them are, that is shorter, and either could be read."""
        axes = {x.index.axis for _, t in made.terms if isinstance(x := parts_of(t)[2], Sum)} if isinstance(made, Plus) else set()
        if not axes or axes <= self.outside:
            return made
        least = size(shortened(made, self.known))
        if least > LONGEST:
            return made
        other = shortened(_Reader(self.program, self.outside | axes, self.known).value(e, free), self.known)
        return other if size(other) < least else made

    def term(self, e: Expr, free: Free) -> Value:
        """A signed product under sums."""
        sign, e = signed(e)
        if isinstance(e, Add):
            made = self.value(e, free)
        else:
            factors: list[Expr] = []
            bound: list[Index] = []
            _gather(e, factors, bound)
            made = self.product_or_sum(sorted(factors, key=rank), bound, free)
        return made if sign > 0 else scale(S.NegativeOne, [], made)

    def product_or_sum(self, factors: Sequence[Expr], bound: Sequence[Index], free: Free) -> Value:
        """The product; with a bracket multiplied out where it holds a delta (a diagonal matrix) or is no matrix as it stands."""
        sums = sorted((f for f in factors if isinstance(f, Add)), key=lambda f: not f.has(KroneckerDelta))
        if not sums or not sums[0].has(KroneckerDelta):
            try:
                return self.product(factors, bound, free)
            except NotationError:
                if not sums:
                    raise
        return self.multiplied_out(sums[0], Mul(*[f for f in factors if f is not sums[0]]), bound, free)

    def multiplied_out(self, brackets: Expr, others: Expr, bound: Sequence[Index], free: Free) -> Value:
        """A sum times other factors under sums, term by term."""
        return self.value(rename_bound(Add(*[Total(t * others, *bound) for t in brackets.args])), free)

    def product(self, factors: Sequence[Expr], bound: Sequence[Index], free: Free) -> Value:
        """A product under sums as a graph, its bound indices taken out, the rest assembled."""
        graph = Graph(*free, bound=list(bound), outside=self.outside)
        for f in factors:
            self.put(graph, f)
        without_bound(graph)
        return assembled(graph) if len(graph.free) <= 2 else unfolded(graph)

    def put(self, graph: Graph, f: Expr) -> None:
        """One factor at its place in the graph."""
        held = sorted((i for i in indices_of(f) if i.axis != 1), key=lambda i: i.name)
        if not held and not f.has(Total):
            graph.coefficient *= f
            return
        if len(held) > 2:
            raise refusal("factor", f)
        order = _orientation(f, held, graph.free)
        graph.put(order, self.factor(f, (tuple(order[:1]), tuple(order[1:]))))

    def factor(self, f: Expr, free: Free) -> Value:
        """A factor that is no product: an entry, a delta, a function, a bracket, a power, a sum."""
        if isinstance(f, Entry):
            return self.entry(f, free)
        if isinstance(f, KroneckerDelta):
            return _delta(f, free)
        if isinstance(f, Positive | NonNegative):
            return self.bracket(f, free)
        if isinstance(f, Pow) and not indices_of(f.exp):
            return elementwise(self.value(f.base, free), f.exp)
        if isinstance(f, Function):
            return function_of(type(f).__name__, [self.argument(a, free) for a in f.args])
        if isinstance(f, Add | Mul | Total):
            return self.value(f, free)
        raise refusal("number", f)

    def argument(self, e: Expr, free: Free) -> Value:
        """An argument of an elementwise function; a scalar one stays a scalar, NumPy broadcasts it."""
        return self.value(e, free) if indices_of(e) else Scalar(e)

    def entry(self, f: Entry, free: Free) -> Value:
        """A tensor with its indices in any order."""
        tensor = self.program.tensors[f.name]
        at = [(i, a) for i, a in zip(f.indices, tensor.axes, strict=True) if a != 1]
        fixed = [not i.atoms(Index, Entry) for i, _ in at]
        if any(not isinstance(i, Index) and not f for (i, _), f in zip(at, fixed, strict=True)):
            raise refusal("shifted", f)
        if any(isinstance(i, Index) and i.axis != a for i, a in at):
            raise refusal("part", f)
        value = leaf(tensor)
        if len(at) == 2 and any(fixed):
            k = fixed.index(True)
            return matmul(value if k else transpose(value), Unit((at[k][1], None), at[k][0]))
        indices = tuple(i for i, _ in at)
        if len(indices) < 2:
            return value
        if indices[0] == indices[1]:
            return diagonal(value)
        return value if indices == (*free[0], *free[1]) else transpose(value)

    def bracket(self, f: Expr, free: Free) -> Value:
        """A condition, as left side and right side."""
        if (made := _triangle(f, free)) is not None:
            return made
        if _counts(f):
            raise refusal("condition", f)
        terms = [signed(t) for t in Add.make_args(f.args[0])]
        left, right = (Add(*[t for s, t in terms if s == side]) for side in (1, -1))
        return bracket(">" if isinstance(f, Positive) else ">=", self.argument(left, free), self.argument(right, free))


class _TooLongError(Exception):
    """What is multiplied out has more terms than anybody reads: no reason to multiply something else out instead."""


class _Plain(_Reader):
    """Reads as a formula stands, and counts the terms of what is multiplied out: of a product of k sums these are 2^k and more."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.terms = 0

    def under_one_sum(self, e: Expr, free: Free, made: Value) -> Value:
        """`made`."""
        return made

    def multiplied_out(self, brackets: Expr, others: Expr, bound: Sequence[Index], free: Free) -> Value:
        """As a reader does. Raises _TooLongError past LONGEST terms."""
        self.terms += len(brackets.args)
        if self.terms > LONGEST:
            raise _TooLongError
        return super().multiplied_out(brackets, others, bound, free)


def _is_long(e: Expr, free: Free, program: Program) -> bool:
    """Whether `e` has more terms than anybody reads; looked at before laws are tried on them, which takes far longer than to read them."""
    try:
        _Plain(program).value(e, free)
    except NotationError:
        return False  # a reader says why
    except _TooLongError:
        return True
    return False


def _gather(e: Expr, factors: list[Expr], bound: list[Index]) -> None:
    """The factors of a product under sums, and the bound indices."""
    if isinstance(e, Mul):
        for a in e.args:
            _gather(a, factors, bound)
    elif isinstance(e, Total):
        bound += e.indices
        _gather(e.body, factors, bound)
    elif isinstance(e, Pow) and isinstance(e.base, Total):
        for _ in range(int(e.exp)):
            _gather(rename_bound(e.base), factors, bound)
    else:
        factors.append(e)


def _orientation(f: Expr, held: list[Index], free: Indices) -> list[Index]:
    """The factor's indices in the order in which its tensor has them, or that of the free indices."""
    if all(i in free for i in held):
        return sorted(held, key=free.index)
    for a in sorted(f.atoms(Entry), key=str):
        order = [i for i in a.indices if i in held]
        if len(set(order)) == len(held):
            return list(dict.fromkeys(order))
    return held


def _delta(f: Expr, free: Free) -> Value:
    rows, columns = free[0][0], (*free[1], None)[0]
    if columns is None and rows in f.args and not f.has(Entry):
        (place,) = (a for a in f.args if a != rows)
        if place.has(Index):
            raise refusal("shifted", f)
        return Unit((rows.axis, None), place)
    if set(f.args) != {rows, columns}:
        raise refusal("shifted", f)
    if columns is None or rows.axis != columns.axis:
        raise refusal("part", f)
    return Eye((rows.axis, columns.axis))


def _triangle(f: Expr, free: Free) -> Value | None:
    """[i >= j] or [i > j] as a matrix of ones and zeros."""
    held = (*free[0], *free[1])
    if len(held) != 2 or held[0].axis != held[1].axis:
        return None
    lower = Lower((held[0].axis, held[0].axis))
    for a, b, made in ((*held, lower), (*held[::-1], transpose(lower))):
        if f == NonNegative(a - b):
            return made
        if f in (Positive(a - b), NonNegative(a - b - 1)):
            return plus([(1, made), (-1, Eye(lower.extent))])
    return None


def _counts(e: Expr) -> bool:
    """Whether an index occurs as a number, outside of entries and deltas."""
    return isinstance(e, Index) or (not isinstance(e, Entry | KroneckerDelta) and any(_counts(a) for a in e.args))


def matrix_latex(equation: Equation, program: Program) -> str:
    """LaTeX of the right side of `equation` in matrix form. Raises NotationError if there is none."""
    return latex(Typesetter(Writer.of(program)).node(polished(matrix_form(equation, program))))


def matrix_equation_latex(equation: Equation, program: Program) -> str:
    """LaTeX of the whole equation in matrix form. Raises NotationError if there is none."""
    writer = Writer.of(program)
    right = Typesetter(writer).node(polished(matrix_form(equation, program)))
    return latex(tree.relation(writer.names(equation.name), ("=", right)))


def matrix_numpy(equation: Equation, program: Program) -> str:
    """The right side of `equation` in NumPy notation, as in "dO.T @ H". Raises NotationError if there is none."""
    return numpy_text(matrix_form(equation, program), equation)


def numpy_text(value: Value, equation: Equation) -> str:
    """A value in NumPy notation, with the axes of size one that the equation's tensor has, unless it has more than two others."""
    text, level = Texter().part(polished(value))
    axes = equation.tensor.axes
    if all(a != 1 for a in axes) or sum(a != 1 for a in axes) > 2:
        return text
    if value.is_scalar:
        return f"reshape({text}, ({', '.join('1' for _ in axes)},))"
    places = ", ".join("None" if a == 1 else ":" for a in axes)
    return f"{text if level == ATOM else f'({text})'}[{places}]"
