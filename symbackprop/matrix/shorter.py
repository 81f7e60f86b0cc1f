"""Laws that make a matrix expression shorter, as a table.

Each row states its law and an example in NumPy notation, left side and right side, which a test proves at random sizes. A law
that is no gain in itself (a common factor, the transpose of a sum) is used only where the formula becomes shorter, counted in
tokens of NumPy notation.
"""

from collections.abc import Sequence

from sympy import S

from symbackprop.matrix.building import (
    diag,
    diagonal,
    elementwise,
    function_of,
    hadamard,
    is_ones,
    kron,
    matmul,
    parts_of,
    plus,
    power_of,
    scale,
    squared_norm,
    trace,
    transpose,
    vec,
)
from symbackprop.matrix.factoring import factored
from symbackprop.matrix.law import Law
from symbackprop.matrix.nodes import (
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
    Sum,
    Trace,
    Transpose,
    Value,
    Vec,
)
from symbackprop.matrix.polish import size, transposes
from symbackprop.matrix.sameness import Known, is_symmetric, same
from symbackprop.matrix.slices import rebuilt, renamed


def shortened(x: Value, known: Known) -> Value:
    """`x` with all laws applied, from the inside out, until none applies."""
    made = known.shortened.get(x)
    if made is None:
        made = known.shortened[x] = _shortened(x, known)
    return made


def _shortened(x: Value, known: Known) -> Value:
    x = rebuilt(x, lambda v: shortened(v, known))
    while True:
        for law in LAWS:
            if isinstance(x, law.nodes):
                made = law.apply(x, known)
                if made is not None and made != x and not (law.if_shorter and size(made) >= size(x)):
                    break
        else:
            return x
        x = rebuilt(made, lambda v: shortened(v, known))


# --- laws that always apply ----------------------------------------------------------------------------------------------


def _symmetric(x: Transpose, known: Known) -> Value | None:
    return x.x if x.x.shape[0] == x.x.shape[1] and is_symmetric(x.x, known) else None


def _scaled_column(x: MatMul, known: Known) -> Value | None:
    for k, f in enumerate(x.factors):
        if isinstance(f, Diag):
            ahead, behind = x.factors[k + 1 :], x.factors[:k]
            if ahead and x.shape[1] is None and is_column(ahead):
                return matmul(*behind, hadamard([f.v, matmul(*ahead)]))
            turned = [transpose(b) for b in reversed(behind)]
            if behind and x.shape[0] is None and is_column(turned):
                return matmul(transpose(hadamard([f.v, matmul(*turned)])), *ahead)
            if ahead and isinstance(ahead[0], Diag):
                return matmul(*behind, diag(hadamard([f.v, ahead[0].v])), *ahead[1:])
    return None


def is_column(factors: Sequence[Value]) -> bool:
    """Whether a product is a column, and no outer product is in it."""
    return all(f.shape[1] is not None for f in factors[:-1]) and factors[-1].shape[1] is None


def _cancelled(x: MatMul, known: Known) -> Value | None:
    for k, (a, b) in enumerate(zip(x.factors, x.factors[1:], strict=False)):
        if _inverses(a, b) or _inverses(b, a):
            return matmul(*x.factors[:k], Eye((a.shape[0], a.shape[0])), *x.factors[k + 2 :])
    return None


def _inverses(a: Value, b: Value) -> bool:
    if isinstance(a, Transpose) and isinstance(b, Transpose):
        return _inverses(a.x, b.x)
    return isinstance(a, Inverse) and a.x == b


def _square(x: MatMul, known: Known) -> Value | None:
    half = len(x.factors) // 2
    if x.is_scalar and len(x.factors) % 2 == 0 and transpose(matmul(*x.factors[:half])) == matmul(*x.factors[half:]):
        return squared_norm(matmul(*x.factors[half:]))
    return None


def _summand(x: MatMul) -> Value | None:
    """What all entries of are summed, by ones on its left and right."""
    first, *rest = x.factors
    if x.is_scalar and is_ones(first) and len(rest) in (1, 2) and is_ones(rest[-1]) == (len(rest) == 2):
        return rest[0]
    return None


def _sum_of_squares(x: MatMul, known: Known) -> Value | None:
    summed = _summand(x)
    if isinstance(summed, Diagonal):
        return trace(summed.x)
    return squared_norm(summed.x) if isinstance(summed, Elementwise) and summed.exponent == 2 else None


def _trace_of_square(x: Trace, known: Known) -> Value | None:
    if isinstance(x.x, MatMul) and len(x.x.factors) % 2 == 0:
        half = len(x.x.factors) // 2
        left, right = matmul(*x.x.factors[:half]), matmul(*x.x.factors[half:])
        if transpose(left) == right:
            return squared_norm(right)
    return None


def _factors_summed(x: MatMul, wide: bool) -> tuple[Value, ...] | None:
    """The factors of a Hadamard product of columns, or of matrices, all entries of which are summed; None where one divides."""
    summed = _summand(x)
    if not isinstance(summed, Hadamard) or (summed.shape[1] is not None) != wide:
        return None
    return None if any(power_of(f)[1].could_extract_minus_sign() for f in summed.factors) else summed.factors


def _inner(x: MatMul, known: Known) -> Value | None:
    factors = _factors_summed(x, wide=False)
    return matmul(transpose(factors[0]), hadamard(factors[1:])) if factors else None


def _form(x: MatMul, known: Known) -> Value | None:
    summed = _summand(x)
    if not isinstance(summed, Hadamard) or summed.shape[1] is None:
        return None
    for f in summed.factors:
        if (sides := _outer(f)) is not None:
            return matmul(transpose(sides[0]), hadamard([g for g in summed.factors if g is not f]), transpose(sides[1]))
    return None


def _trace_of_product(x: MatMul, known: Known) -> Value | None:
    factors = _factors_summed(x, wide=True) or ()
    back = [f for f in factors if transposes(transpose(f)) < transposes(f)]
    ahead = [f for f in factors if f not in back]
    return trace(matmul(hadamard(ahead), transpose(hadamard(back)))) if back and ahead else None


def _outer(x: Value) -> tuple[Value, Value] | None:
    """A column and a row whose product is x."""
    if isinstance(x, MatMul) and None not in x.shape:
        cut = next((k + 1 for k, f in enumerate(x.factors) if f.shape[1] is None), None)
        if cut is not None and cut < len(x.factors):
            return matmul(*x.factors[:cut]), matmul(*x.factors[cut:])
    return None


def _broadcast(x: Hadamard, known: Known) -> Value | None:
    for f in x.factors:
        sides = _outer(f)
        if sides is not None and any(is_ones(s) for s in sides):
            return matmul(diag(sides[0]), hadamard([g for g in x.factors if g is not f]), diag(transpose(sides[1])))
    return None


def _on_diagonal(x: Hadamard, known: Known) -> Value | None:
    if not any(isinstance(f, Diag | Eye) for f in x.factors):
        return None
    return diag(hadamard([diagonal(f) for f in x.factors]))


def _stacked(x: Hadamard, known: Known) -> Value | None:
    bases = [power_of(f) for f in x.factors]
    if all(isinstance(b, Vec) for b, _ in bases):
        return vec(hadamard([elementwise(b.x, e) for b, e in bases if isinstance(b, Vec)]))
    return None


def _diagonal_of_product(x: Diagonal, known: Known) -> Value | None:
    sides = _outer(x.x)
    if sides is not None:
        return hadamard([sides[0], transpose(sides[1])])
    return plus([(s, Diagonal(v)) for s, v in x.x.terms]) if isinstance(x.x, Plus) and any(_outer(v) for _, v in x.x.terms) else None


def _one_sum(x: Plus, known: Known) -> Value | None:
    sums = [(s, v) for s, v in x.terms if isinstance(parts_of(v)[2], Sum)]
    for k, (s, v) in enumerate(sums):
        for t, w in sums[k + 1 :]:
            (c, scalars, one), (d, others, other) = parts_of(v), parts_of(w)
            if isinstance(one, Sum) and isinstance(other, Sum) and one.index.axis == other.index.axis:
                body = renamed(other.body, other.index, one.index)
                inner = plus([(s, scale(c, scalars, one.body)), (t, scale(d, others, body))])
                rest = [(u, r) for u, r in x.terms if r is not v and r is not w]
                return plus([*rest, (1, Sum(one.index, inner))])
    return None


def _like(x: Plus, known: Known) -> Value | None:
    """Terms that are equal, though they do not look it."""
    for k, (s, v) in enumerate(x.terms):
        for t, w in x.terms[k + 1 :]:
            a, b = parts_of(v), parts_of(w)
            if a[1] == b[1] and a[2] != b[2] and same(a[2], b[2], known):
                rest = [(u, r) for u, r in x.terms if r is not v and r is not w]
                return plus([(s, v), (t, scale(b[0], b[1], a[2])), *rest])
    return None


def _kron_through(x: MatMul, known: Known) -> Value | None:
    for k, (a, b) in enumerate(zip(x.factors, x.factors[1:], strict=False)):
        if isinstance(a, Commutation) and isinstance(b, Kron) and None not in (*b.left.shape, *b.right.shape):
            turned = matmul(kron(b.right, b.left), Commutation(b.left.shape[1], b.right.shape[1]))
            return matmul(*x.factors[:k], turned, *x.factors[k + 2 :])
    return None


def _vec_through(x: MatMul, known: Known) -> Value | None:
    for k, (a, b) in enumerate(zip(x.factors, x.factors[1:], strict=False)):
        if isinstance(a, Commutation) and isinstance(b, Vec):
            return matmul(*x.factors[:k], vec(transpose(b.x)), *x.factors[k + 2 :])
    return None


def _diag_of_ones(x: MatMul, known: Known) -> Value | None:
    for k, f in enumerate(x.factors):
        behind, ahead = x.factors[:k], x.factors[k + 1 :]
        if isinstance(f, Diag) and ahead and isinstance(ahead[0], Ones):
            return matmul(*behind, f.v, *ahead[1:])
        if isinstance(f, Diag) and behind and isinstance(behind[-1], Transpose) and isinstance(behind[-1].x, Ones):
            return matmul(*behind[:-1], transpose(f.v), *ahead)
    return None


QUOTIENTS = {("sinh", "cosh"): ("tanh", 1), ("cosh", "sinh"): ("tanh", -1), ("sin", "cos"): ("tan", 1), ("cos", "sin"): ("tan", -1)}
"""The first of two functions over the second: a function, and the power of it."""


def _quotient(x: Hadamard, known: Known) -> Value | None:
    for f in x.factors:
        (over, exponent) = power_of(f)
        for g in x.factors:
            (under, other) = power_of(g)
            if not (isinstance(over, Map) and isinstance(under, Map) and over.arguments == under.arguments):
                continue
            found = QUOTIENTS.get((over.function, under.function))
            if found and exponent.is_Integer and exponent > 0 and other == -exponent:
                made = elementwise(function_of(found[0], over.arguments), exponent * found[1])
                return hadamard([made if h is f else h for h in x.factors if h is not g])
    return None


def _zero_there_anyway(x: Hadamard, known: Known) -> Value | None:
    """A condition z > 0 beside a positive power of relu(z), which is 0 where it fails."""
    for g in x.factors:
        base, exponent = power_of(g)
        if isinstance(base, Map) and base.function == "relu" and exponent.is_positive:
            for f in x.factors:
                if isinstance(f, Bracket) and f.left == base.arguments[0] and f.right == Scalar(S.Zero):
                    return hadamard([h for h in x.factors if h is not f])
    return None


# --- laws for what becomes shorter by them ---------------------------------------------------------------------------------


def _reversed(x: MatMul, known: Known) -> Value | None:
    return MatMul(tuple(transpose(f) for f in reversed(x.factors))) if x.is_scalar else None


def _turned_trace(x: Trace, known: Known) -> Value | None:
    return Trace(transpose(x.x))


def _summed_apart(x: MatMul, known: Known) -> Value | None:
    first, *rest = x.factors
    if x.is_scalar and len(rest) == 1 and isinstance(rest[0], Plus) and is_ones(first):
        return plus([(sign, matmul(first, v)) for sign, v in rest[0].terms])
    return None


def _common(x: Plus, known: Known) -> Value | None:
    return factored(x)


SUM_OF_TWO = "sum(outer(a, b) for a, b in zip(A, B)) - sum(a.sum() * outer(a, b) for a, b in zip(A, B))"
ONE_SUM = "sum(outer(a, b) - a.sum() * outer(a, b) for a, b in zip(A, B))"

LAWS = (
    Law("S^T = S", ("A: n n", "inv(A + A.T).T", "inv(A + A.T)"), _symmetric, (Transpose,)),
    Law("X^{-1} X = I", ("A: n n; B: n m", "inv(A) @ A @ B", "B"), _cancelled, (MatMul,)),
    Law(
        "diag(u) v = u o v, diag(u) diag(v) = diag(u o v)",
        ("u: m; A: m n; x: n", "diag(u) @ A @ x", "u * (A @ x)"),
        _scaled_column,
        (MatMul,),
    ),
    Law("u^T u = |u|^2", ("A: m n; x: n", "x @ A.T @ A @ x", "norm(A @ x)**2"), _square, (MatMul,)),
    Law("1^T (A o A) 1 = |A|^2, 1^T diag(A) = tr(A)", ("A: m n", "(A**2).sum()", "norm(A)**2"), _sum_of_squares, (MatMul,)),
    Law("tr(A^T A) = |A|^2", ("A: m n; B: n p", "trace((A @ B).T @ (A @ B))", "norm(A @ B)**2"), _trace_of_square, (Trace,)),
    Law("1^T (u o v) = u^T v", ("u: n; v: n; w: n", "(u * v * w).sum()", "u @ (v * w)"), _inner, (MatMul,)),
    Law("1^T (M o u v^T) 1 = u^T M v", ("A: m n; u: m; v: n", "(A * outer(u, v)).sum()", "u @ A @ v"), _form, (MatMul,)),
    Law("1^T (A o B^T) 1 = tr(A B)", ("A: m n; B: n m", "(A * B.T).sum()", "trace(A @ B)"), _trace_of_product, (MatMul,)),
    Law("M o u 1^T = diag(u) M", ("A: m n; u: m", "A * outer(u, ones(n))", "u[:, None] * A"), _broadcast, (Hadamard,)),
    Law("M o diag(u) = diag(u o diag(M))", ("A: n n; u: n", "A * diag(u)", "diag(diagonal(A) * u)"), _on_diagonal, (Hadamard,)),
    Law("vec(A) o vec(B) = vec(A o B)", ("A: m n; B: m n", "vec(A) * vec(B)", "vec(A * B)"), _stacked, (Hadamard,)),
    Law("diag(u v^T) = u o v", ("u: n; v: n", "diagonal(outer(u, v))", "u * v"), _diagonal_of_product, (Diagonal,)),
    Law("sum_s f + sum_s g = sum_s (f + g)", ("A: n p; B: n q", SUM_OF_TWO, ONE_SUM), _one_sum, (Plus,)),
    Law("S + S^T = 2 S", ("A: m n; B: n p", "A.T @ A @ B + (B.T @ A.T @ A).T", "2 * A.T @ A @ B"), _like, (Plus,)),
    Law(
        "K (A kron B) = (B kron A) K",
        ("A: m n; B: p q", "commutation(m, p) @ kron(A, B)", "kron(B, A) @ commutation(n, q)"),
        _kron_through,
        (MatMul,),
    ),
    Law("K vec(X) = vec(X^T)", ("A: m n", "commutation(m, n) @ vec(A)", "vec(A.T)"), _vec_through, (MatMul,)),
    Law("diag(u) 1 = u", ("A: m n; u: n; v: p", "A @ diag(u) @ outer(ones(n), v)", "outer(A @ u, v)"), _diag_of_ones, (MatMul,)),
    Law("sinh(x) / cosh(x) = tanh(x), and the like", ("x: n", "sinh(x) * cosh(x)**-1", "tanh(x)"), _quotient, (Hadamard,)),
    Law("[x > 0] relu(x)^k = relu(x)^k, for k > 0", ("x: n", "(x > 0) * relu(x)**2", "relu(x)**2"), _zero_there_anyway, (Hadamard,)),
    Law("1^T (x - y) = 1^T x - 1^T y", ("x: n; y: n", "(x - y).sum()", "x.sum() - y.sum()"), _summed_apart, (MatMul,), if_shorter=True),
    Law("x^T A y = y^T A^T x", ("A: m n; x: n; y: m", "x @ A.T @ y", "y @ A @ x"), _reversed, (MatMul,), if_shorter=True),
    Law("tr(A^T B^T) = tr(B A)", ("A: m n; B: n m", "trace(A.T @ B.T)", "trace(B @ A)"), _turned_trace, (Trace,), if_shorter=True),
    Law("A X + B X = (A + B) X, and the like", ("A: m n; B: m n; x: n", "A @ x + B @ x", "(A + B) @ x"), _common, (Plus,)),
)
"""Those that always apply first, then those that must make the formula shorter."""
