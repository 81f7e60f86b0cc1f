"""Common factors of the terms of a sum of matrix expressions."""

from collections.abc import Callable, Iterator, Mapping

from sympy import S

from symbackprop.matrix.building import diag, hadamard, is_ones, kron, matmul, ones, parts_of, plus, scale, transpose
from symbackprop.matrix.nodes import ONE, Diag, Eye, Hadamard, Kron, MatMul, Plus, Scalar, Value
from symbackprop.matrix.text import tokens
from symbackprop.memo import remembered

TOLERATED = 1
"""So many tokens more a sum with a common factor taken out may have: what it says is clearer."""

PRODUCTS = TOLERATED + 3
"""What a bracket counts that holds products, beside terms without the common factor: A B C + A C B + C A B is clear as it is."""

IDENTITY = TOLERATED + 3
"""What an identity matrix counts that stands for a term which was the common factor itself: A - A B says more than A (I - B)."""


def factored(x: Plus) -> Value | None:
    """The shortest sum in which two terms or more share what they have in common; a number that all terms share goes first."""
    numbers = {parts_of(term)[0] for _, term in x.terms}
    if len(numbers) == 1 and numbers != {S.One}:
        (number,) = numbers
        return scale(number, [], plus([(sign, scale(1 / number, [], term)) for sign, term in x.terms]))
    best, least = None, tokens(x) + TOLERATED + 1
    left: list[dict[tuple[str, Value], Value]] = []
    for _, term in x.terms:
        left.append({})
        for kind, common, inner in _factors(term):
            left[-1].setdefault((kind, common), inner)
    for kind, common in dict.fromkeys(key for found in left for key in found):
        held = [(sign, found[kind, common]) for (sign, _), found in zip(x.terms, left, strict=True) if (kind, common) in found]
        if len(held) < 2:
            continue
        rest = [term for term, found in zip(x.terms, left, strict=True) if (kind, common) not in found]
        made = plus([(1, JOIN[kind](common, _added(held))), *rest])
        kinds = {type(parts_of(inner)[2]) for _, inner in held}
        penalty = (IDENTITY if Eye in kinds else 0) + (PRODUCTS if rest and kinds == {MatMul} else 0)
        if tokens(made) + penalty < least:
            best, least = made, tokens(made) + penalty
    return best


def _added(terms: list[tuple[int, Value]]) -> Value:
    """A sum; of diagonal matrices, the diagonal matrix of a sum."""
    leavings = [(sign, _on_diagonal(t)) for sign, t in terms]
    if None not in (left for _, left in leavings):
        return diag(plus([(sign, left) for sign, left in leavings if left is not None]))
    return plus(terms)


JOIN: Mapping[str, Callable[[Value, Value], Value]] = {
    "scalar": lambda f, x: scale(S.One, [f], x),
    "left": lambda f, x: matmul(f, x),
    "right": lambda f, x: matmul(x, f),
    "entrywise": lambda f, x: hadamard([f, x]),
    "kron left": lambda f, x: kron(f, x),
    "kron right": lambda f, x: kron(x, f),
    "diagonal": lambda f, x: diag(x),
}
"""How a common factor is put back."""


@remembered
def _factors(term: Value) -> tuple[tuple[str, Value, Value], ...]:
    """What may be taken out of a term: where it stands, the factor, and what it leaves. One term stands in many sums on their way."""
    return tuple(_found(term))


def _found(term: Value) -> Iterator[tuple[str, Value, Value]]:
    c, scalars, x = parts_of(term)
    if c != 1:
        yield "scalar", Scalar(c), scale(S.One, scalars, x)
    for k, s in enumerate(scalars):
        yield "scalar", s, scale(c, (*scalars[:k], *scalars[k + 1 :]), x)
    if x.is_scalar:
        if x != ONE:
            yield "scalar", x, scale(c, scalars, ONE)
        return
    rows, columns = x.shape
    if isinstance(x, MatMul):
        chain = _linked(x)
        for k in range(1, len(chain)):
            ahead, behind = matmul(*chain[:k]), matmul(*chain[k:])
            yield "right", behind, scale(c, scalars, ahead)
            yield "left", ahead, scale(c, scalars, behind)
    elif rows is not None and not is_ones(x):
        yield "right", x, scale(c, scalars, Eye((rows, rows)))
    if columns is not None and not isinstance(x, MatMul) and not is_ones(x):
        yield "left", x, scale(c, scalars, Eye((columns, columns)))
    if isinstance(x, Hadamard):
        for k, f in enumerate(x.factors):
            yield "entrywise", f, scale(c, scalars, hadamard([*x.factors[:k], *x.factors[k + 1 :]]))
    elif not is_ones(x):
        unit = ones(rows) if columns is None else None if rows is None else matmul(ones(rows), transpose(ones(columns)))
        if unit is not None:
            yield "entrywise", x, scale(c, scalars, unit)
    if isinstance(x, Kron):
        yield "kron left", x.left, scale(c, scalars, x.right)
        yield "kron right", x.right, scale(c, scalars, x.left)
    if (left := _on_diagonal(term)) is not None:
        yield "diagonal", ONE, left


def _on_diagonal(term: Value) -> Value | None:
    """The column on the diagonal of a diagonal matrix."""
    c, scalars, x = parts_of(term)
    return scale(c, scalars, x.v if isinstance(x, Diag) else ones(x.shape[0])) if isinstance(x, Diag | Eye) else None


def _linked(x: MatMul) -> tuple[Value, ...]:
    """The factors of a product; of an outer product whose column is u o A v, these are diag(u), A, v and the row, and so at its end."""
    if None in x.shape or all(f.shape[1] is not None for f in x.factors):
        return x.factors
    first, *middle, last = x.factors
    return (*_opened(first), *middle, *[transpose(f) for f in reversed(_opened(transpose(last)))])


def _opened(x: Value) -> tuple[Value, ...]:
    if not isinstance(x, Hadamard) or x.shape[1] is not None:
        return (x,)
    products = [f for f in x.factors if isinstance(f, MatMul)]
    if len(products) != 1:
        return (x,)
    return (diag(hadamard([f for f in x.factors if f is not products[0]])), *products[0].factors)
