"""Derivatives of three and four axes as matrices: the entries of the output down, those of the input across, both read row by row.

So d vec(A X B) / d vec(X)^T is A kron B^T (Magnus & Neudecker, Matrix Differential Calculus, 3rd ed. 2019, ch. 2, for vec column by
column; Magnus 2010, On the concept of matrix derivative, for why a derivative is written like that). The rules are tables: each row says
how the edges between the free indices i, j (down) and k, l (across) are written.
"""

from symbackprop.calculus.index import fresh
from symbackprop.matrix.building import diag, hadamard, kron, matmul, transpose, vec
from symbackprop.matrix.graph import Corner, Graph
from symbackprop.matrix.law import Law
from symbackprop.matrix.nodes import Commutation, Eye, Unit, Value
from symbackprop.matrix.slices import row
from symbackprop.typesetting.wording import refusal


def unfolded(graph: Graph) -> Value:
    """What stands on two indices down and two across, or one and two, as a matrix. Raises NotationError where it is none."""
    for law in MOVES:
        law.apply(graph)
    i, j = (*graph.rows, None)[:2]
    k, m = (*graph.columns, None)[:2]
    for law in UNFOLDED:
        made = law.apply(graph, i, j, k, m)
        if made is not None:
            return graph.finished(made)
    raise refusal("crosswise", ", ".join(str(x.axis) for x in graph.free))


def _ties(graph: Graph, a: Corner, b: Corner) -> bool:
    return (a, b) in graph.edges or (b, a) in graph.edges


# --- what is moved first -------------------------------------------------------------------------------------------------


def _carry(graph: Graph) -> None:
    for a in graph.rows:
        for b in graph.columns:
            if not any(isinstance(x, Eye) for x in graph.edges.get((a, b), ())):
                continue
            for x in graph.free:
                near, far = (a, b) if x in graph.rows else (b, a)
                value = graph.edge(far, x) if x != near else None
                if value is not None:
                    graph.put((near, x), value)


def _split(graph: Graph) -> None:
    if len(graph.free) < 4:
        return
    pairs = list(zip(graph.rows, graph.columns, strict=True))
    deltas = [pair for pair in pairs if any(isinstance(x, Eye) for x in graph.edges.get(pair, []))]
    if len(deltas) != 1 or len(graph.edges[deltas[0]]) > 1:
        return
    (a, b) = deltas[0]
    others = [pair for pair in graph.edges if (a in pair) != (b in pair)]
    if not others:
        return
    s = fresh(a.axis)
    for pair in others:
        hub = a if a in pair else b
        x = pair[1] if hub == pair[0] else pair[0]
        graph.put((x,), row(graph.take(hub, x), s))
    for hub in (a, b):
        v = graph.vector(hub)
        graph.scalars += [] if v is None else [row(v, s)]
        graph.put((hub,), Unit((hub.axis, None), s))
    del graph.edges[a, b]
    graph.sums.append(s)


MOVES = (
    Law(
        "A_il [i = k] = A_kl [i = k]: what crosses stands on one side",
        ("A: m n", "einsum('il,ik,jl->ijkl', A, eye(m), eye(n))", "diag(vec(A))"),
        _carry,
    ),
    Law(
        "A_ij [i = k] B_kl = sum_s e_s e_s^T kron a_s b_s^T, rows as columns: blocks on the diagonal",
        (
            "A: m n; B: m p",
            "einsum('ij,ik,kl->ijkl', A, eye(m), B)",
            "sum(kron(outer(eye(m)[s], eye(m)[s]), outer(A[s], B[s])) for s in range(m))",
        ),
        _split,
    ),
)
"""What is done with deltas before the free indices are written."""


# --- how the free indices are written ------------------------------------------------------------------------------------


def _vectors(graph: Graph, i: Corner, j: Corner, k: Corner, m: Corner) -> Value | None:
    if any(_ties(graph, a, b) for a in (i, j) for b in (k, m)) or not (_ties(graph, i, j) or _ties(graph, k, m)):
        return None
    left, right = _stacked(graph, i, j), _stacked(graph, k, m)
    return matmul(left, transpose(right))


def _stacked(graph: Graph, a: Corner, b: Corner) -> Value:
    """All that stands at two indices of one side, as a column."""
    entries = graph.edge(a, b) if a is not None and b is not None else None
    around = graph.side(a, b)
    return vec(around if entries is None else hadamard([entries, around]))


def _around(graph: Graph, i: Corner, j: Corner, k: Corner, m: Corner, middle: Value) -> Value:
    """What ties the indices of one side to each other scales rows or columns."""
    before = graph.edge(i, j) if i is not None and j is not None else None
    after = graph.edge(k, m) if k is not None and m is not None else None
    return matmul(*([diag(vec(before))] if before else []), middle, *([diag(vec(after))] if after else []))


def _straight(graph: Graph, i: Corner, j: Corner, k: Corner, m: Corner) -> Value | None:
    if _ties(graph, i, m) or _ties(graph, j, k):
        return None
    return _around(graph, i, j, k, m, kron(graph.side(i, k), graph.side(j, m)))


def _crossed(graph: Graph, i: Corner, j: Corner, k: Corner, m: Corner) -> Value | None:
    if _ties(graph, i, k) or _ties(graph, j, m):
        return None
    if j is None:
        return _around(graph, i, j, k, m, kron(graph.side(j, k), graph.side(i, m)))
    middle = kron(graph.side(i, m), graph.side(j, k))
    return _around(graph, i, j, k, m, middle if k is None or m is None else matmul(middle, Commutation(k.axis, m.axis)))


UNFOLDED = (
    Law("A_ij B_kl = vec(A) vec(B)^T", ("A: m n; B: p q", "einsum('ij,kl->ijkl', A, B)", "outer(vec(A), vec(B))"), _vectors),
    Law(
        "C_ij A_ik B_jl D_kl = diag(vec C) (A kron B) diag(vec D), with 1 for what is missing",
        ("A: m p; B: n q; C: m n; D: p q", "einsum('ij,ik,jl,kl->ijkl', C, A, B, D)", "vec(C)[:, None] * (kron(A, B) * vec(D))"),
        _straight,
    ),
    Law("A_il B_jk = (A kron B) K", ("A: m q; B: n p", "einsum('il,jk->ijkl', A, B)", "kron(A, B) @ commutation(p, q)"), _crossed),
)
"""How the free indices are written, by the first row that fits."""
