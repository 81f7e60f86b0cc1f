"""Index form to matrix form: products of matrices, Hadamard products, outer products, diagonals, traces, sums with ones.

A term is a graph: its indices are the vertices, a factor with one index is a vector at a vertex, a factor with two is an edge.
Bound vertices are removed one by one, each by the rule for its number of edges (RULES below); what is left stands on the free
indices. What does not fit raises NotationError with the reason; nothing partial is ever returned.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sympy import Add, Expr, Function, KroneckerDelta, Mul, Pow, S

from symbackprop.errors import NotationError
from symbackprop.index import Index
from symbackprop.notation import tree
from symbackprop.notation.index_form import Writer, rank, signed
from symbackprop.notation.latex import latex
from symbackprop.notation.matrix import (
    Bracket,
    Called,
    Diag,
    Diagonal,
    Elementwise,
    Eye,
    Leaf,
    Map,
    Plus,
    Scalar,
    SquaredNorm,
    Trace,
    Transpose,
    Unit,
    Value,
    hadamard,
    matmul,
    ones,
    scale,
    transpose,
)
from symbackprop.notation.matrix_print import Texter, Typesetter
from symbackprop.program import Equation, Program
from symbackprop.term import Entry, NonNegative, Positive, Total, as_printed, indices_of, rename_bound

Operand = tuple[str, Value]


def matrix_form(equation: Equation, program: Program) -> Value:
    """The right side of `equation` as a matrix expression. Raises NotationError if there is none."""
    place = f"equation {equation.name}"
    order = len(equation.indices)
    if order > 2:
        raise NotationError(f"'{equation.name}' has {order} axes, a matrix has two", place=place, fix="use the index form")
    try:
        if equation.call is not None:
            return _called(equation, program)
        rows, columns = (*equation.indices, None, None)[:2]
        return _value(rename_bound(as_printed(equation.rhs)), rows, columns, program)
    except NotationError as e:
        raise NotationError(e.reason, place=place, source=e.source, notes=e.notes, fix=e.fix or "use the index form") from None


def _called(equation: Equation, program: Program) -> Value:
    arguments = []
    for name in equation.call.arguments:
        arguments.append(_leaf(name, program))
    return Called((*equation.tensor.axes, None, None)[:2], equation.call.op, tuple(arguments), equation.call.options)


def _leaf(name: str, program: Program) -> Leaf:
    axes = program.tensors[name].axes
    if len(axes) > 2:
        raise NotationError(f"'{name}' has {len(axes)} axes, a matrix has two")
    return Leaf((*axes, None, None)[:2], name)


def _value(e: Expr, rows: Index | None, columns: Index | None, program: Program) -> Value:
    """`e` with its free index `rows` down and `columns` across; a missing one is broadcast by ones."""
    if not isinstance(e, Add):
        return _term(e, rows, columns, program)
    if not indices_of(e) and not e.has(Total) and rows is None:
        return Scalar(e)
    terms = []
    for k, t in enumerate(e.args):
        sign, size = signed(t)
        terms.append(
            ((sign < 0, not t.has(Entry), len(indices_of(t)) < 2, not t.has(Total), k), sign, _value(size, rows, columns, program))
        )
    terms.sort(key=lambda t: t[0])
    return Plus(tuple((sign, v) for _, sign, v in terms))


@dataclass
class _Term:
    """A product under sums, on its way to a matrix expression."""

    program: Program
    rows: Index | None
    columns: Index | None
    coefficient: Expr = S.One
    scalars: list[Value] = field(default_factory=list)
    vectors: dict[Index, list[Operand]] = field(default_factory=dict)
    edges: dict[tuple[Index, Index], list[Operand]] = field(default_factory=dict)
    bound: list[Index] = field(default_factory=list)

    def place(self, a: Index, b: Index, operand: Operand) -> None:
        """Put an edge between a and b; `operand` has a down and b across."""
        if (b, a) in self.edges or (a == self.columns and (a, b) not in self.edges) or (b == self.rows and (a, b) not in self.edges):
            a, b, operand = b, a, (operand[0], transpose(operand[1]))
        self.edges.setdefault((a, b), []).append(operand)

    def neighbours(self, i: Index) -> list[Index]:
        """The vertices that share an edge with i."""
        return [b if a == i else a for a, b in self.edges if i in (a, b)]

    def take(self, a: Index, b: Index) -> Value:
        """Remove the edge between a and b, and give it with a down and b across."""
        if (a, b) in self.edges:
            return hadamard(self.edges.pop((a, b)))
        return transpose(hadamard(self.edges.pop((b, a))))


def _term(e: Expr, rows: Index | None, columns: Index | None, program: Program) -> Value:
    sign, e = signed(e)
    if isinstance(e, Add):
        value = _value(e, rows, columns, program)
    else:
        factors: list[Expr] = []
        bound: list[Index] = []
        _gather(e, factors, bound)
        factors.sort(key=rank)
        value = _product_or_sum(factors, bound, rows, columns, program)
    if sign > 0:
        return value
    return scale(S.NegativeOne, [], value) if isinstance(value, Scalar) else Plus(((-1, value),))


def _product_or_sum(factors: list[Expr], bound: list[Index], rows: Index | None, columns: Index | None, program: Program) -> Value:
    """The product; with a bracket multiplied out where it holds a delta (a diagonal matrix) or is no matrix as it stands."""
    sums = sorted((f for f in factors if isinstance(f, Add)), key=lambda f: not f.has(KroneckerDelta))
    if not sums or not sums[0].has(KroneckerDelta):
        try:
            return _product(factors, bound, rows, columns, program)
        except NotationError:
            if not sums:
                raise
    others = Mul(*[f for f in factors if f is not sums[0]])
    return _value(rename_bound(Add(*[Total(t * others, *bound) for t in sums[0].args])), rows, columns, program)


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


def _product(factors: Sequence[Expr], bound: Sequence[Index], rows: Index | None, columns: Index | None, program: Program) -> Value:
    term = _Term(program, rows, columns, bound=list(bound))
    for f in factors:
        _put(term, f)
    while term.bound:
        found = [i for i in term.bound if len(set(term.neighbours(i))) in RULES]
        if not found:
            names = ", ".join(str(i.axis) for i in term.bound)
            raise NotationError(f"three factors share one index (over {names})")
        i = min(found, key=lambda i: (len(term.neighbours(i)), any(a == i for a, _ in term.edges), term.bound.index(i)))
        RULES[len(term.neighbours(i))](term, i)
        term.bound.remove(i)
    return scale(term.coefficient, term.scalars, _assembled(term))


def _put(term: _Term, f: Expr) -> None:
    """One factor at its place in the graph."""
    held = sorted(indices_of(f), key=lambda i: i.name)
    if not held and not f.has(Total):
        term.coefficient *= f
        return
    if not held:
        term.scalars.append(_value(f, None, None, term.program))
        return
    if len(held) > 2:
        raise NotationError(f"a factor has {len(held)} indices, a matrix has two", source=str(f))
    mark = "odot"
    if isinstance(f, Pow) and f.exp.could_extract_minus_sign():
        mark, f = "oslash", Pow(f.base, -f.exp)
    first = _orientation(f, held, term)
    value = _factor(f, first[0], first[1] if len(first) > 1 else None, term.program)
    if len(first) == 1:
        term.vectors.setdefault(first[0], []).append((mark, value))
    else:
        term.place(first[0], first[1], (mark, value))


def _orientation(f: Expr, held: list[Index], term: _Term) -> list[Index]:
    """The factor's indices in the order in which its tensor has them, or that of the free indices."""
    free = [i for i in (term.rows, term.columns) if i in held]
    if len(free) == 2:
        return free
    for a in sorted(f.atoms(Entry), key=str):
        order = [i for i in a.indices if i in held]
        if len(set(order)) == len(held):
            return list(dict.fromkeys(order))
    return held


def _factor(f: Expr, rows: Index, columns: Index | None, program: Program) -> Value:
    """A factor that is no product: an entry, a delta, a function, a bracket, a power, a sum."""
    if isinstance(f, Entry):
        return _entry(f, rows, columns, program)
    if isinstance(f, KroneckerDelta):
        if columns is None and rows in f.args and not f.has(Entry):
            (place,) = (a for a in f.args if a != rows)
            return Unit((rows.axis, None), place)
        if set(f.args) != {rows, columns}:
            raise NotationError("a delta with a shift has no matrix form", source=str(f))
        if rows.axis != columns.axis:
            raise NotationError("the delta of an axis and a part of it has no matrix form", source=str(f))
        return Eye((rows.axis, columns.axis))
    if isinstance(f, Positive | NonNegative):
        return _bracket(f, rows, columns, program)
    if isinstance(f, Pow) and not indices_of(f.exp):
        return Elementwise(_value(f.base, rows, columns, program), f.exp)
    if isinstance(f, Function):
        return Map(type(f).__name__, tuple(_argument(a, rows, columns, program) for a in f.args))
    if isinstance(f, Add | Mul):
        return _value(f, rows, columns, program)
    raise NotationError("an index that stands as a number has no matrix form", source=str(f))


def _counts(e: Expr) -> bool:
    """Whether an index occurs as a number, outside of entries and deltas."""
    return isinstance(e, Index) or (not isinstance(e, Entry | KroneckerDelta) and any(_counts(a) for a in e.args))


def _argument(e: Expr, rows: Index, columns: Index | None, program: Program) -> Value:
    """An argument of an elementwise function; a scalar one stays a scalar, NumPy broadcasts it."""
    return _value(e, rows, columns, program) if indices_of(e) else Scalar(e)


def _entry(f: Entry, rows: Index, columns: Index | None, program: Program) -> Value:
    if any(not isinstance(i, Index) for i in f.indices):
        raise NotationError("a shifted or fixed index has no matrix form", source=str(f))
    leaf = _leaf(f.name, program)
    for i, a in zip(f.indices, program.tensors[f.name].axes, strict=True):
        if i.axis != a:
            raise NotationError("an index that runs over a part of an axis has no matrix form", source=str(f))
    if len(f.indices) == 1:
        return leaf
    if f.indices[0] == f.indices[1]:
        return Diagonal(leaf)
    return leaf if f.indices == (rows, columns) else Transpose(leaf)


def _bracket(f: Expr, rows: Index, columns: Index | None, program: Program) -> Value:
    mark = ">" if isinstance(f, Positive) else ">="
    terms = [signed(t) for t in Add.make_args(f.args[0])]
    left, right = (Add(*[t for s, t in terms if s == side]) for side in (1, -1))
    if _counts(f):
        raise NotationError("a condition on indices has no matrix form", source=str(f))
    return Bracket(mark, _argument(left, rows, columns, program), _argument(right, rows, columns, program))


# --- the rules: how a bound vertex goes, by the number of its neighbours -------------------------------------------------


def _lone(term: _Term, i: Index) -> None:
    """sum_i u_i w_i is u^T w, sum_i u_i^2 is |u|^2, sum_i u_i is 1^T u, and a sum over nothing is the size of the axis."""
    operands = term.vectors.pop(i, [])
    if not operands:
        term.coefficient *= i.axis
        return
    simple = [v for mark, v in operands if mark == "odot"]
    if (root := _squared(operands)) is not None:
        term.scalars.append(SquaredNorm(root))
        return
    if len(operands) == 1 or not simple:
        term.scalars.append(_summed(hadamard(operands), i))
        return
    operands.remove(("odot", simple[0]))
    if all(mark == "odot" for mark, _ in operands):
        term.scalars.append(matmul(transpose(simple[0]), hadamard(operands)))
    else:
        term.scalars.append(_summed(hadamard([("odot", simple[0]), *operands]), i))


def _squared(operands: Sequence[Operand]) -> Value | None:
    """x, where the operands are x squared, entry by entry, and nothing else."""
    ((mark, value),) = operands if len(operands) == 1 else (("", None),)
    return value.x if mark == "odot" and isinstance(value, Elementwise) and value.exponent == 2 else None


def _summed(column: Value, i: Index) -> Value:
    """1^T column; a transposed column of row sums is the sum of all."""
    return matmul(transpose(ones(i.axis)), column)


def _leafward(term: _Term, i: Index) -> None:
    """sum_i M_xi v_i is M v, a vector at x; sum_i M_xi is M 1."""
    (x,) = term.neighbours(i)
    pair = term.edges.get((x, i)) or term.edges.get((i, x))
    alone = x in term.bound and i not in term.vectors and x not in term.vectors and term.neighbours(x) == [i]
    if alone and (root := _squared(pair)) is not None:
        # sum_xi A_xi^2; the norm does not mind which way round A stands.
        term.take(x, i)
        term.scalars.append(SquaredNorm(root.x if isinstance(root, Transpose) else root))
        term.bound.remove(x)
        return
    if alone and len(pair) == 2:
        (m1, a), (m2, b) = pair
        if m1 == m2 == "odot" and isinstance(a, Transpose) != isinstance(b, Transpose):
            # sum_xi A_xi B_ix is a trace.
            term.take(x, i)
            first, second = (a, transpose(b)) if not isinstance(a, Transpose) else (b, transpose(a))
            term.scalars.append(Trace(matmul(first, second)))
            term.bound.remove(x)
            return
    matrix = term.take(x, i)
    held = term.vectors.pop(i, None)
    term.vectors.setdefault(x, []).append(("odot", matmul(matrix, hadamard(held) if held else ones(i.axis))))


def _between(term: _Term, i: Index) -> None:
    """sum_i A_xi v_i B_iy is A diag(v) B, an edge between x and y."""
    x, y = term.neighbours(i)
    if (
        y == term.rows
        or x == term.columns
        or (x not in (term.rows, term.columns) and y not in (term.rows, term.columns) and (i, x) in term.edges and (y, i) in term.edges)
    ):
        x, y = y, x
    left, right = term.take(x, i), term.take(i, y)
    held = term.vectors.pop(i, None)
    term.place(x, y, ("odot", matmul(left, *([Diag(hadamard(held))] if held else []), right)))


RULES: dict[int, Callable[[_Term, Index], None]] = {0: _lone, 1: _leafward, 2: _between}


def _assembled(term: _Term) -> Value:
    """What stands on the free indices: M, diag(u) M diag(v), u v^T, u, or nothing."""
    u, v = term.vectors.pop(term.rows, None), term.vectors.pop(term.columns, None)
    if term.rows is None:
        return Scalar(S.One)
    if term.columns is None:
        return hadamard(u) if u else ones(term.rows.axis)
    if not term.edges:
        left = hadamard(u) if u else ones(term.rows.axis)
        return matmul(left, transpose(hadamard(v) if v else ones(term.columns.axis)))
    ((a, b),) = term.edges
    operands = term.edges.pop((a, b))
    if (a, b) != (term.rows, term.columns):
        operands = [(m, transpose(x)) for m, x in operands]
    plain = [(m, x) for m, x in operands if not isinstance(x, Eye)]
    if len(plain) < len(operands):
        column = [*(u or []), *(v or []), *[(m, Diagonal(x)) for m, x in plain]]
        return Diag(hadamard(column)) if column else operands[0][1]
    value = hadamard(plain)
    return matmul(*([Diag(hadamard(u))] if u else []), value, *([Diag(hadamard(v))] if v else []))


def matrix_latex(equation: Equation, program: Program) -> str:
    """LaTeX of the right side of `equation` in matrix form. Raises NotationError if there is none."""
    return latex(Typesetter(Writer.of(program)).node(matrix_form(equation, program)))


def matrix_equation_latex(equation: Equation, program: Program) -> str:
    """LaTeX of the whole equation in matrix form. Raises NotationError if there is none."""
    writer = Writer.of(program)
    right = Typesetter(writer).node(matrix_form(equation, program))
    return latex(tree.relation(writer.names(equation.name), ("=", right)))


def matrix_numpy(equation: Equation, program: Program) -> str:
    """The right side of `equation` in NumPy notation, as in "dO.T @ H". Raises NotationError if there is none."""
    return Texter().text(matrix_form(equation, program))
