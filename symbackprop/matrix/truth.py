"""Which matrix expressions are truth values to NumPy, which adds and multiplies these, but subtracts none and takes none's opposite."""

from symbackprop.matrix.building import is_ones, matmul, power_of, scale
from symbackprop.matrix.nodes import At, Bracket, Column, Diag, Diagonal, Hadamard, Kron, MatMul, Row, Scalar, Scale, Transpose, Value, Vec
from symbackprop.typesetting.scalar_text import is_bracket

STRUCTURAL = Transpose | Diag | Diagonal | Hadamard | MatMul | Kron | Vec | Row | Column | At


def is_truth(x: Value) -> bool:
    """Whether the entries are truth values to NumPy."""
    if isinstance(x, Bracket):
        return True
    if isinstance(x, Scalar):
        return is_bracket(x.expr)
    if isinstance(x, Scale):
        return (x.coefficient == 1 or is_bracket(x.coefficient)) and all(map(is_truth, (*x.scalars, x.x)))
    return isinstance(x, STRUCTURAL) and not any(is_ones(v) for v in x.children) and all(map(is_truth, x.children))


def repeated(x: Value) -> Value:
    """Of a column times ones, or ones times a row, the column or the row: what broadcasting says it by."""
    if isinstance(x, Scale):
        return scale(x.coefficient, x.scalars, repeated(x.x))
    if isinstance(x, MatMul) and None not in x.shape and (is_ones(x.factors[0]) or is_ones(x.factors[-1])):
        return matmul(*(x.factors[1:] if is_ones(x.factors[0]) else x.factors[:-1]))
    return x


def begins_with_truth(x: Value) -> bool:
    """Whether the text of a product begins with truth values, which a minus sign would come before."""
    if isinstance(x, Transpose):
        return begins_with_truth(x.x)
    if not isinstance(x, Hadamard | MatMul):
        return is_truth(x)
    factors = x.factors if isinstance(x, Hadamard) else [f.v if isinstance(f, Diag) else f for f in x.factors]
    first = next((f for f in factors if not power_of(f)[1].could_extract_minus_sign()), None)  # what divides comes last
    return first is not None and begins_with_truth(first)
