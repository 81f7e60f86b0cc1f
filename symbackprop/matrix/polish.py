"""How a matrix expression in normal form is best read: laws for the last step before it is printed, as a table.

The builders push transposes into products and keep numbers in front, so that equal things look equal; here (A B C)^T, b - a and the like
come back, where they are shorter.
"""

from symbackprop.matrix.building import hadamard, matmul, plus, scale, transpose
from symbackprop.matrix.law import Law
from symbackprop.matrix.nodes import Diag, Hadamard, Kron, MatMul, Plus, Scale, Transpose, Value
from symbackprop.matrix.text import tokens
from symbackprop.memo import remembered
from symbackprop.typesetting.index_form import signed


@remembered
def polished(x: Value) -> Value:
    """`x` as it is best read. For printing alone: the builders undo it."""
    x = x.mapped(polished)
    for law in POLISH:
        if isinstance(x, law.nodes):
            made = law.apply(x)
            if made is not None and not (law.if_shorter and tokens(made) >= tokens(x)):
                return made
    return x


@remembered
def size(x: Value) -> int:
    """How many tokens of NumPy notation a value takes, as it is best read."""
    return tokens(polished(x))


def _transposed(x: Value) -> Value | None:
    if None in x.shape:
        return None
    made = Transpose(_turned(x))
    return made if transposes(made) < transposes(x) - (0 if isinstance(x, Plus) else 1) else None


def transposes(x: Value) -> int:
    """How many transposes stand in a value."""
    return isinstance(x, Transpose) + sum(map(transposes, x.children))


def _turned(x: Value) -> Value:
    match x:
        case MatMul():
            return transpose(x)
        case Hadamard():
            return hadamard([transpose(f) for f in x.factors])
        case Plus():
            return plus([(s, _turned(v)) for s, v in x.terms])
        case Scale():
            return scale(x.coefficient, x.scalars, _turned(x.x))
    return transpose(x)


def _runs(x: MatMul) -> Value | None:
    """Three transposes or more in a row as the transpose of a product."""
    flags = [isinstance(f, Transpose) and None not in f.shape for f in x.factors]
    for k in range(len(flags)):
        end = next((e for e in range(k, len(flags)) if not flags[e]), len(flags))
        if end - k >= 3:
            inner = Transpose(MatMul(tuple(transpose(f) for f in reversed(x.factors[k:end]))))
            return MatMul((*x.factors[:k], inner, *x.factors[end:]))
    return None


def _scaled_outer(x: MatMul) -> Value | None:
    cut = next((k for k in range(1, len(x.factors)) if x.factors[k].shape[0] is None and x.factors[k - 1].shape[1] is None), None)
    if cut is not None and isinstance(x.factors[0], Diag):
        return MatMul((hadamard([x.factors[0].v, matmul(*x.factors[1:cut])]), *x.factors[cut:]))
    if cut is not None and isinstance(x.factors[-1], Diag):
        return MatMul((*x.factors[:cut], transpose(hadamard([x.factors[-1].v, transpose(matmul(*x.factors[cut:-1]))]))))
    return None


def _ones_outer(x: MatMul) -> Value | None:
    first, *middle, last = x.factors
    if isinstance(first, Diag) and isinstance(last, Diag) and middle and not any(isinstance(f, Kron) for f in middle):
        return hadamard([matmul(first.v, transpose(last.v)), matmul(*middle)])
    return None


def _negated(x: Scale) -> Value | None:
    if signed(x.coefficient)[0] > 0:
        return None
    for k, f in enumerate((*x.scalars, x.x)):
        if isinstance(f, Plus) and any(sign < 0 for sign, _ in f.terms):
            flipped = Plus(tuple(sorted(((-sign, v) for sign, v in f.terms), key=lambda t: t[0] < 0)))
            scalars = tuple(flipped if i == k else s for i, s in enumerate(x.scalars))
            rest = x.x if k < len(scalars) else flipped
            return rest if x.coefficient == -1 and not scalars else Scale(-x.coefficient, scalars, rest)
    return None


POLISH = (
    Law("(diag(u) a) b^T = (u o a) b^T", ("u: m; a: m; b: n", "u[:, None] * outer(a, b)", "outer(u * a, b)"), _scaled_outer, (MatMul,)),
    Law(
        "diag(u) M diag(v) = u v^T o M",
        ("A: m n; B: n n; u: m; v: n", "u[:, None] * (A @ B) * v", "outer(u, v) * (A @ B)"),
        _ones_outer,
        (MatMul,),
        True,
    ),
    Law(
        "A^T B^T + C^T = (B A + C)^T",
        ("A: n n; B: n n", "A.T @ B.T + B.T @ A.T", "(B @ A + A @ B).T"),
        _transposed,
        (MatMul, Plus, Hadamard),
        True,
    ),
    Law("A^T B^T C^T x = (C B A)^T x", ("A: n n; B: n n; x: n", "A.T @ B.T @ A.T @ x", "(A @ B @ A).T @ x"), _runs, (MatMul,)),
    Law("-(a - b) = b - a", ("A: m n; x: n; b: m", "-(A @ x - b)", "b - A @ x"), _negated, (Scale,)),
)
"""The first that fits is used."""
