"""Rows, columns and entries of matrix expressions, sums over them, and how an expression is made again from changed parts."""

from collections.abc import Callable, Mapping

from sympy import Add, Expr, Function, Mul, Pow, S

from symbackprop.calculus.index import Index, fresh
from symbackprop.calculus.term import Entry, NonNegative, Positive
from symbackprop.matrix.building import (
    bracket,
    diag,
    diagonal,
    elementwise,
    function_of,
    hadamard,
    inverse,
    kron,
    matmul,
    parts_of,
    plus,
    scale,
    squared_norm,
    trace,
    transpose,
    vec,
)
from symbackprop.matrix.nodes import (
    ONE,
    At,
    Bracket,
    Column,
    Diag,
    Diagonal,
    Elementwise,
    Eye,
    Hadamard,
    Inverse,
    Kron,
    Leaf,
    Map,
    MatMul,
    Ones,
    Plus,
    Row,
    Scalar,
    Scale,
    SquaredNorm,
    Sum,
    Trace,
    Transpose,
    Unit,
    Value,
    Vec,
)
from symbackprop.memo import remembered
from symbackprop.typesetting.wording import refusal


def total(index: Index, body: Value) -> Value:
    """The sum over an index, with what does not depend on it in front."""
    c, scalars, x = parts_of(body)
    held = [s for s in scalars if depends(s, index)]
    free = [s for s in scalars if not depends(s, index)]
    if not held and not depends(x, index):
        return scale(c * index.axis, free, x)
    return scale(c, free, Sum(index, scale(S.One, held, x)))


@remembered
def depends(x: Value, index: Index) -> bool:
    """Whether an index occurs in a value."""
    own = isinstance(x, Row | Column | At) and x.at == index
    return own or (isinstance(x, Unit) and x.place.has(index)) or any(depends(v, index) for v in x.children)


def has_unnamed_slices(x: Value) -> bool:
    """Whether a row, a column or an entry is taken of what has no name."""
    own = isinstance(x, Row | Column | At) and not isinstance(x.x, Leaf)
    return own or any(map(has_unnamed_slices, x.children))


@remembered
def names_in(x: Value) -> frozenset[str]:
    """The names of the tensors and sizes that a value speaks of."""
    own = {x.name} if isinstance(x, Leaf) else {str(s) for s in x.expr.free_symbols} if isinstance(x, Scalar) else set()
    return frozenset(own.union(*map(names_in, x.children)))


def slices_at(x: Value, index: Index) -> list[Value]:
    """The rows, columns and entries at an index that a value holds, each once."""
    if index not in x.places:
        return []
    own = (isinstance(x, Row | Column | At) and x.at == index) or (isinstance(x, Unit) and x.place == index)
    return list(dict.fromkeys([*([x] if own else []), *(s for v in x.children for s in slices_at(v, index))]))


def row(x: Value, at: Index) -> Value:
    """One row of a matrix as a column, or one entry of a column, pushed to the leaves."""
    if x.is_scalar:
        return x
    if x.shape[0] is None:
        return transpose(x)
    match x:
        case Ones():
            return ONE
        case Eye():
            return Unit((x.shape[0], None), at)
        case Scale():
            return scale(x.coefficient, x.scalars, row(x.x, at))
        case Plus():
            return plus([(sign, row(v, at)) for sign, v in x.terms])
        case MatMul():
            rest = transpose(matmul(*x.factors[1:]))
            first = row(x.factors[0], at)
            return scale(S.One, [first], rest) if first.is_scalar else matmul(rest, first)
        case Hadamard():
            return hadamard([row(f, at) for f in x.factors])
        case Elementwise():
            return elementwise(row(x.x, at), x.exponent)
        case Map():
            return function_of(x.function, [row(a, at) for a in x.arguments])
        case Bracket():
            return bracket(x.mark, row(x.left, at), row(x.right, at))
        case Diag():
            return scale(S.One, [row(x.v, at)], Unit((x.shape[0], None), at))
        case Transpose() if x.shape[1] is not None:
            return _column(x.x, at)
    return At(x, at) if x.shape[1] is None else Row(x, at)


def _column(x: Value, at: Index) -> Value:
    """One column, pushed to the leaves by way of rows where these are known."""
    if isinstance(x, Plus):
        return plus([(sign, _column(v, at)) for sign, v in x.terms])
    if isinstance(x, Hadamard):
        return hadamard([_column(f, at) for f in x.factors])
    if isinstance(x, Elementwise):
        return elementwise(_column(x.x, at), x.exponent)
    if isinstance(x, Map):
        return function_of(x.function, [a if a.is_scalar else _column(a, at) for a in x.arguments])
    if isinstance(x, Transpose | MatMul | Scale):
        return row(transpose(x), at)
    return Column(x, at)


def renamed(x: Value, old: Index, new: Index) -> Value:
    """`x` with one index called otherwise."""
    if isinstance(x, Row | Column | At) and x.at == old:
        return type(x)(renamed(x.x, old, new), new)
    if isinstance(x, Unit):
        return Unit(x.extent, x.place.xreplace({old: new}))
    return x.mapped(lambda v: renamed(v, old, new))


def apart(x: Value) -> Value:
    """`x` with the index of each sum called as nothing else is."""
    if isinstance(x, Sum):
        new = fresh(x.index.axis)
        return Sum(new, apart(renamed(x.body, x.index, new)))
    return x.mapped(apart)


REBUILD: Mapping[type[Value], Callable[..., Value]] = {
    Transpose: lambda x: transpose(x.x),
    Inverse: lambda x: inverse(x.x),
    MatMul: lambda x: matmul(*x.factors),
    Hadamard: lambda x: hadamard(x.factors),
    Plus: lambda x: plus(x.terms),
    Scale: lambda x: scale(x.coefficient, x.scalars, x.x),
    Diag: lambda x: diag(x.v),
    Diagonal: lambda x: diagonal(x.x),
    Trace: lambda x: trace(x.x),
    SquaredNorm: lambda x: squared_norm(x.x),
    Map: lambda x: function_of(x.function, x.arguments),
    Bracket: lambda x: bracket(x.mark, x.left, x.right),
    Elementwise: lambda x: elementwise(x.x, x.exponent),
    Kron: lambda x: kron(x.left, x.right),
    Vec: lambda x: vec(x.x),
    Row: lambda x: row(x.x, x.at),
    Column: lambda x: _column(x.x, x.at),
    At: lambda x: row(x.x, x.at),
    Sum: lambda x: total(x.index, x.body),
}
"""The builder of each node that has one."""


def rebuilt(x: Value, change: Callable[[Value], Value]) -> Value:
    """`x` with each of its children changed, in normal form."""
    made = x.mapped(change)
    build = REBUILD.get(type(made))
    return build(made) if build is not None and made is not x else made


# --- values in place of names --------------------------------------------------------------------------------------------


def placed(x: Value, known: Mapping[str, Value]) -> Value:
    """`x` with values in place of tensors."""
    if isinstance(x, Leaf):
        return known.get(x.name, x)
    if isinstance(x, Scalar):
        return number(x.expr, known)
    made = rebuilt(x, lambda v: placed(v, known))
    if isinstance(made, Scale) and _speaks(made.coefficient, known):
        return scale(S.One, [number(made.coefficient, known), *made.scalars], made.x)
    if isinstance(made, Elementwise) and _speaks(made.exponent, known):
        value = number(made.exponent, known)
        if not isinstance(value, Scalar):
            raise refusal("exponent", made.exponent)
        return elementwise(made.x, value.expr)
    return made


def _speaks(e: Expr, known: Mapping[str, Value]) -> bool:
    return any(a.name in known for a in e.atoms(Entry))


def number(e: Expr, known: Mapping[str, Value]) -> Value:
    """A scalar expression, with values in place of scalar tensors and of entries of others."""
    if not _speaks(e, known):
        return Scalar(e)
    if isinstance(e, Entry):
        if e.indices:
            raise refusal("slice", e)
        return known[e.name]
    if isinstance(e, Mul):
        plain = Mul(*[a for a in e.args if not _speaks(a, known)])
        return scale(plain, [number(a, known) for a in e.args if _speaks(a, known)], ONE)
    if isinstance(e, Add):
        return plus([(1, number(a, known)) for a in e.args])
    if isinstance(e, Pow) and not _speaks(e.exp, known):
        return elementwise(number(e.base, known), e.exp)
    if isinstance(e, Positive | NonNegative):
        return bracket(">" if isinstance(e, Positive) else ">=", number(e.args[0], known), Scalar(S.Zero))
    if isinstance(e, Function):
        return function_of(type(e).__name__, [number(a, known) for a in e.args])
    raise refusal("number", e)
