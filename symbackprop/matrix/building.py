"""How matrix expressions are made: one function for each node, which keeps what it makes in one normal form.

Numbers and scalars stand in front of a product, products and sums are flat, identities and columns of ones are left out where they
change nothing, and transposes stand outside of what is elementwise and inside of products. What makes a formula shorter, but
not always, is a law of shorter.py.
"""

from collections.abc import Iterable, Sequence

from sympy import Expr, Mul, S

from symbackprop.matrix.nodes import (
    ONE,
    Bracket,
    Commutation,
    Diag,
    Diagonal,
    Elementwise,
    Eye,
    Hadamard,
    Inverse,
    Kron,
    Map,
    MatMul,
    Ones,
    Plus,
    Scalar,
    Scale,
    Shape,
    SquaredNorm,
    Sum,
    Trace,
    Transpose,
    Value,
    Vec,
)
from symbackprop.typesetting.index_form import signed


def ones(axis: Expr) -> Value:
    """The column of ones over an axis."""
    return Ones((axis, None))


def negative(x: Value) -> Value:
    """-x."""
    return scale(S.NegativeOne, [], x)


def parts_of(x: Value) -> tuple[Expr, tuple[Value, ...], Value]:
    """A multiple as coefficient, scalars and the rest."""
    return (x.coefficient, x.scalars, x.x) if isinstance(x, Scale) else (S.One, (), x)


def scale(coefficient: Expr, scalars: Sequence[Value], x: Value) -> Value:
    """The multiple, flat, with no factor where it is one."""
    number, held = coefficient, []
    c, inner, x = parts_of(x)
    if not scalars and not inner and not x.is_scalar and number != 0 != c:
        number *= c
        return x if number == 1 else Scale(number, (), x)
    for s in (*scalars, *inner):
        k, more, rest = parts_of(s)
        number *= k
        held += [*more, rest]
    number *= c
    held = _merged([*held, x] if x.is_scalar else held)
    number *= Mul(*[s.expr for s in held if isinstance(s, Scalar)])
    held = [s for s in held if not isinstance(s, Scalar)]
    if x.is_scalar:
        x = held.pop() if held else ONE
        if x == ONE:
            return Scalar(number)
    if number == 0:
        return zero(x.shape)
    return x if number == 1 and not held else Scale(number, tuple(held), x)


def zero(shape: Shape) -> Value:
    """Nothing, of a shape."""
    rows, columns = shape
    if shape == (None, None):
        return Scalar(S.Zero)
    down = ones(rows) if rows is not None else ones(columns)
    whole = MatMul((down, Transpose(ones(columns)))) if rows is not None and columns is not None else down
    return Scale(S.Zero, (), Transpose(whole) if rows is None else whole)


def transpose(x: Value) -> Value:
    """x^T with the transpose pushed into products and out of what is elementwise."""
    if x.is_scalar or isinstance(x, Eye | Diag):
        return x
    match x:
        case Transpose():
            return x.x
        case Scale():
            return Scale(x.coefficient, x.scalars, transpose(x.x))
        case MatMul():
            return MatMul(tuple(transpose(f) for f in reversed(x.factors)))
        case Kron():
            return Kron(transpose(x.left), transpose(x.right))
        case Commutation():
            return Commutation(x.columns, x.rows)
        case Sum():
            return Sum(x.index, transpose(x.body))
    return Transpose(x)


def turned(values: Sequence[Value]) -> tuple[Value, ...] | None:
    """The transposes of values all of which are transposes already, scalars aside; else None."""
    wide = [v for v in values if not v.is_scalar]
    if not wide or not all(isinstance(v, Transpose) for v in wide):
        return None
    return tuple(transpose(v) for v in values)


def matmul(*factors: Value) -> Value:
    """The product, flat, without identities; what is a scalar in it stands in front."""
    number, scalars, flat = S.One, [], []
    for f in factors:
        c, held, f = parts_of(f)
        number *= c
        scalars += held
        if f.is_scalar:
            scalars.append(f)
        else:
            flat += f.factors if isinstance(f, MatMul) else (f,)
    shape = (flat[0].shape[0], flat[-1].shape[1]) if flat else (None, None)
    kept: list[Value] = []
    for f in flat:
        if isinstance(f, Eye) and len(flat) > 1:
            continue
        kept.append(f)
    kept = kept or flat[:1]
    # Between two pairs of neighbours that make an outer product stands a scalar.
    cuts = [k for k in range(1, len(kept)) if kept[k - 1].shape[1] is None and kept[k].shape[0] is None]
    pieces = [kept[a:b] for a, b in zip([0, *cuts], [*cuts, len(kept)], strict=True)]
    wide = [p for p in pieces if p and (p[0].shape[0], p[-1].shape[1]) != (None, None)]
    for p in pieces:
        if p and (p[0].shape[0], p[-1].shape[1]) == (None, None):
            if len(p) == 2 and all(map(is_ones, p)):
                number *= p[0].shape[1]
            else:
                scalars.append(_chain(p))
    if not wide:
        return scale(number, scalars, ONE)
    made = _chain([f for p in wide for f in p])
    assert made.shape == shape
    return scale(number, scalars, made)


def _chain(factors: list[Value]) -> Value:
    return factors[0] if len(factors) == 1 else MatMul(tuple(factors))


def power_of(x: Value) -> tuple[Value, Expr]:
    """A power as base and exponent."""
    return (x.x, x.exponent) if isinstance(x, Elementwise) else (x, S.One)


def _merged(factors: Iterable[Value]) -> list[Value]:
    """Equal bases once, with their exponents added, in the order of first appearance; x x^{-1} stays."""
    found: dict[Value, Expr] = {}
    apart: list[Value] = []
    for f in factors:
        base, exponent = power_of(f)
        total = found.get(base, S.Zero) + exponent
        if total == 0:
            apart.append(f)
        else:
            found[base] = total
    return [elementwise(base, e) if e != 1 else base for base, e in found.items()] + apart


def hadamard(factors: Sequence[Value]) -> Value:
    """The elementwise product, flat, without ones; a factor with a negative exponent divides."""
    if factors[0].is_scalar:
        return scale(S.One, factors[:-1], factors[-1])
    number, scalars, flat = S.One, [], []
    for f in factors:
        c, held, f = parts_of(f)
        number *= c
        scalars += held
        flat += f.factors if isinstance(f, Hadamard) else (f,)
    kept = _merged([f for f in flat if not is_ones(f)]) or flat[:1]
    if len(kept) == 1:
        return scale(number, scalars, kept[0])
    if (inside := turned(kept)) is not None:
        return scale(number, scalars, Transpose(hadamard(inside)))
    return scale(number, scalars, Hadamard(tuple(kept)))


def is_ones(x: Value) -> bool:
    """Whether every entry is one."""
    if isinstance(x, MatMul):
        return len(x.factors) == 2 and x.shape[0] is not None and x.shape[1] is not None and all(is_ones(f) for f in x.factors)
    return isinstance(x, Ones) or (isinstance(x, Transpose) and isinstance(x.x, Ones))


def plus(terms: Iterable[tuple[int, Value]]) -> Value:
    """The sum, flat, with like terms joined."""
    found: dict[tuple[tuple[Value, ...], Value], Expr] = {}
    shape: list[Value] = []
    for sign, term in terms:
        shape.append(term)
        for s, t in terms_of(term):
            c, scalars, x = parts_of(t)
            if isinstance(x, Scalar):
                c, x = x.expr, ONE
            key = (scalars, x)
            found[key] = found.get(key, S.Zero) + sign * s * c
    made = [(scalars, x, c) for (scalars, x), c in found.items() if c != 0]
    if not made:
        return zero(shape[0].shape)
    if len(made) == 1:
        scalars, x, c = made[0]
        return scale(c, scalars, x)
    result = []
    for scalars, x, c in made:
        sign, c = signed(c)
        result.append((sign, scale(c, scalars, x)))
    if all(sign < 0 for sign, _ in result):
        return negative(Plus(tuple((1, v) for _, v in result)))
    result.sort(key=lambda t: t[0] < 0)
    if result[0][1].shape[0] is None and result[0][1].shape[1] is not None:
        return Transpose(Plus(tuple((sign, transpose(v)) for sign, v in result)))
    return Plus(tuple(result))


def terms_of(x: Value) -> Sequence[tuple[int, Value]]:
    """The signed terms of a sum, of a transposed one transposed; of anything else itself."""
    if isinstance(x, Transpose) and isinstance(x.x, Plus):
        return [(sign, transpose(v)) for sign, v in x.x.terms]
    return x.terms if isinstance(x, Plus) else [(1, x)]


def elementwise(x: Value, exponent: Expr) -> Value:
    """x to an exponent, entry by entry."""
    if exponent == 1:
        return x
    if is_ones(x) or (isinstance(x, Eye) and exponent.is_positive):
        return x
    whole = exponent.is_Integer
    match x:
        case Scalar():
            return Scalar(x.expr**exponent)
        case Scale() if whole:
            return scale(x.coefficient**exponent, [elementwise(s, exponent) for s in x.scalars], elementwise(x.x, exponent))
        case Elementwise() if whole:
            return elementwise(x.x, x.exponent * exponent)
        case Hadamard() if whole:
            return hadamard([elementwise(f, exponent) for f in x.factors])
        case Transpose():
            return Transpose(elementwise(x.x, exponent))
        case SquaredNorm() | Elementwise(SquaredNorm()):
            base, held = power_of(x)  # not negative
            return base if held * exponent == 1 else Elementwise(base, held * exponent)
    return Elementwise(x, exponent)


def function_of(name: str, arguments: Sequence[Value]) -> Value:
    """An elementwise function."""
    if (inside := turned(arguments)) is not None:
        return Transpose(Map(name, inside))
    return Map(name, tuple(arguments))


def bracket(mark: str, left: Value, right: Value) -> Value:
    """1[left > right] or 1[left >= right]."""
    if (inside := turned((left, right))) is not None:
        return Transpose(Bracket(mark, *inside))
    return Bracket(mark, left, right)


def inverse(x: Value) -> Value:
    """x^{-1}."""
    match x:
        case Inverse():
            return x.x
        case Eye():
            return x
        case Transpose():
            return transpose(inverse(x.x))
        case Scale():
            return scale(1 / x.coefficient, [elementwise(s, S.NegativeOne) for s in x.scalars], inverse(x.x))
        case Diag():
            return diag(elementwise(x.v, S.NegativeOne))
    return Inverse(x)


def diag(v: Value) -> Value:
    """The diagonal matrix of a column."""
    c, scalars, v = parts_of(v)
    return scale(c, scalars, Eye((v.shape[0], v.shape[0])) if isinstance(v, Ones) else Diag(v))


def diagonal(x: Value) -> Value:
    """The diagonal, as a column."""
    c, scalars, x = parts_of(x)
    if isinstance(x, Diag):
        return scale(c, scalars, x.v)
    if isinstance(x, Eye):
        return scale(c, scalars, ones(x.shape[0]))
    return scale(c, scalars, Diagonal(x.x if isinstance(x, Transpose) else x))


def trace(x: Value) -> Value:
    """The trace; of an outer product the inner one."""
    c, scalars, x = parts_of(x)
    match x:
        case Transpose():
            return scale(c, scalars, trace(x.x))
        case Eye():
            return scale(c * x.shape[0], scalars, ONE)
        case Diag():
            return scale(c, scalars, matmul(transpose(ones(x.shape[0])), x.v))
        case MatMul():
            cut = next((k for k in range(1, len(x.factors)) if x.factors[k].shape[0] is None), None)
            if cut is not None:
                return scale(c, scalars, matmul(*x.factors[cut:], *x.factors[:cut]))
    return scale(c, scalars, Trace(x))


def squared_norm(x: Value) -> Value:
    """The sum of squares; the norm of x^T is that of x."""
    c, scalars, x = parts_of(x)
    held = [elementwise(s, S(2)) for s in scalars]
    return scale(c**2, held, SquaredNorm(x.x if isinstance(x, Transpose) else x))


def kron(left: Value, right: Value) -> Value:
    """The Kronecker product, with scalars in front."""
    a, b = parts_of(left), parts_of(right)
    if a[2].is_scalar or b[2].is_scalar:
        return scale(S.One, [left], right) if a[2].is_scalar else scale(S.One, [right], left)
    if isinstance(a[2], Eye) and isinstance(b[2], Eye):
        size = Mul(a[2].shape[0], b[2].shape[0])
        return scale(a[0] * b[0], (*a[1], *b[1]), Eye((size, size)))
    return scale(a[0] * b[0], (*a[1], *b[1]), Kron(a[2], b[2]))


def vec(x: Value) -> Value:
    """The entries as a column, row by row; of a column that column, and of a row too."""
    c, scalars, x = parts_of(x)
    if x.shape[1] is None:
        return scale(c, scalars, x)
    if x.shape[0] is None:
        return scale(c, scalars, transpose(x))
    return scale(c, scalars, ones(x.shape[0] * x.shape[1]) if is_ones(x) else Vec(x))
