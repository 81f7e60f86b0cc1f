"""Products under sums as graphs, and the rules that turn them into matrix expressions, as a table.

The indices of a product are the vertices of a graph: a factor with one index is a vector at a vertex, a factor with two is an edge.
Bound vertices go one by one, each by the first rule of RULES that fits; what is left stands on the free indices, and is assembled
there (here for a matrix, in unfolded.py for more axes).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sympy import Expr, S

from symbackprop.calculus.index import Index, fresh
from symbackprop.matrix.building import diag, hadamard, matmul, ones, scale, transpose
from symbackprop.matrix.law import Law
from symbackprop.matrix.nodes import ONE, Eye, Transpose, Value
from symbackprop.matrix.slices import row, total

Corner = Index | None
"""A free index of a side, or its absence."""


@dataclass
class Graph:
    """A product under sums, on its way to a matrix expression with the free indices `rows` down and `columns` across.

    Over the axes that are `outside` the sum stays a sum.
    """

    rows: tuple[Index, ...]
    columns: tuple[Index, ...]
    bound: list[Index] = field(default_factory=list)
    coefficient: Expr = S.One
    scalars: list[Value] = field(default_factory=list)
    vectors: dict[Index, list[Value]] = field(default_factory=dict)
    edges: dict[tuple[Index, Index], list[Value]] = field(default_factory=dict)
    sums: list[Index] = field(default_factory=list)
    outside: frozenset[Expr] = frozenset()

    @property
    def free(self) -> tuple[Index, ...]:
        """The free indices in layout order."""
        return (*self.rows, *self.columns)

    def put(self, held: Sequence[Index], value: Value) -> None:
        """A factor at its place: `value` has the first of its indices down and the second across."""
        if not held:
            self.scalars.append(value)
        elif len(held) == 1:
            self.vectors.setdefault(held[0], []).append(value)
        else:
            self.place(held[0], held[1], value)

    def place(self, a: Index, b: Index, value: Value) -> None:
        """An edge between a and b; between free indices it goes forward."""
        backward = a in self.free and (b not in self.free or self.free.index(b) < self.free.index(a)) and a not in self.rows
        into = b in self.rows and a not in self.free
        both = a in self.free and b in self.free and self.free.index(b) < self.free.index(a)
        if (b, a) in self.edges or ((a, b) not in self.edges and (backward or into or both)):
            a, b, value = b, a, transpose(value)
        self.edges.setdefault((a, b), []).append(value)

    def neighbours(self, i: Index) -> list[Index]:
        """The vertices that share an edge with i."""
        return [b if a == i else a for a, b in self.edges if i in (a, b)]

    def take(self, a: Index, b: Index) -> Value:
        """Remove the edge between a and b, and give it with a down and b across."""
        if (a, b) in self.edges:
            return hadamard(self.edges.pop((a, b)))
        return transpose(hadamard(self.edges.pop((b, a))))

    def edge(self, a: Index, b: Index) -> Value | None:
        """The edge between a and b, removed, if there is one."""
        return self.take(a, b) if (a, b) in self.edges or (b, a) in self.edges else None

    def vector(self, i: Index | None) -> Value | None:
        """The vector at i, removed, if there is one."""
        held = self.vectors.pop(i, None) if i is not None else None
        return hadamard(held) if held else None

    def side(self, a: Corner, b: Corner) -> Value:
        """All that stands at two indices as a matrix, removed, by the first row of SIDES that fits; a missing index has extent one."""
        return next(made for law in SIDES if (made := law.apply(self, a, b)) is not None)

    def finished(self, value: Value) -> Value:
        """The value with what stands in front of it; nothing else is left."""
        assert not self.edges and not self.vectors and not self.bound
        made = scale(S.One, self.scalars, value)
        for i in reversed(self.sums):
            made = total(i, made)
        return scale(self.coefficient, [], made)


def _count(graph: Graph, i: Index) -> bool:
    if graph.neighbours(i) or i in graph.vectors:
        return False
    graph.coefficient *= i.axis
    return True


def _summed(graph: Graph, i: Index) -> bool:
    if graph.neighbours(i):
        return False
    held = graph.vector(i)
    assert held is not None  # else it is counted
    graph.scalars.append(matmul(transpose(ones(i.axis)), held))
    return True


def _leafward(graph: Graph, i: Index) -> bool:
    near = graph.neighbours(i)
    if len(near) != 1:
        return False
    matrix, v = graph.take(near[0], i), graph.vector(i)
    graph.put(near, matmul(matrix, v or ones(i.axis)))
    return True


def _between(graph: Graph, i: Index) -> bool:
    near = graph.neighbours(i)
    if len(near) != 2:
        return False
    x, y = near
    loose = x not in graph.free and y not in graph.free
    if y in graph.rows or x in graph.columns or (loose and (i, x) in graph.edges and (y, i) in graph.edges):
        x, y = y, x
    left, right, v = graph.take(x, i), graph.take(i, y), graph.vector(i)
    graph.put((x, y), matmul(left, *([diag(v)] if v else []), right))
    return True


def _outside(graph: Graph, i: Index) -> bool:
    s = fresh(i.axis)
    for x in graph.neighbours(i):
        graph.put((x,), row(graph.take(i, x), s))
    v = graph.vector(i)
    if v is not None:
        graph.scalars.append(row(v, s))
    graph.sums.append(s)
    return True


OUTSIDE = Law(
    "sum_s A_si B_sj C_sk = sum_s (a_s)_i (b_s)_j (c_s)_k, with rows as columns",
    ("A: n p; B: n q", "einsum('si,sj,sk,sl->ijkl', A, B, A, B)", "sum(kron(outer(a, a), outer(b, b)) for a, b in zip(A, B))"),
    _outside,
)
RULES = (
    Law("sum_i 1 = n", ("x: n; y: m", "einsum('i,j->j', x**0, y)", "n * y"), _count),
    Law("sum_i u_i = 1^T u", ("x: n", "einsum('i->', x)", "x.sum()"), _summed),
    Law("sum_i M_xi v_i = (M v)_x, with 1 for no v", ("A: m n; v: n", "einsum('xi,i->x', A, v)", "A @ v"), _leafward),
    Law("sum_i A_xi v_i B_iy = (A diag(v) B)_xy", ("A: m n; v: n; B: n p", "einsum('xi,i,iy->xy', A, v, B)", "(A * v) @ B"), _between),
    OUTSIDE,
)
"""How a bound index goes, by the first rule that fits: at first where it has the fewest neighbours."""


def _column(graph: Graph, a: Corner, b: Corner) -> Value | None:
    if a is not None and b is not None:
        return None
    i = b if a is None else a
    column = graph.vector(i) or (ONE if i is None else ones(i.axis))
    return transpose(column) if a is None else column


def _crossing(graph: Graph, a: Index, b: Index) -> Value | None:
    if (a, b) in graph.edges or (b, a) in graph.edges:
        return None
    return matmul(graph.vector(a) or ones(a.axis), transpose(graph.vector(b) or ones(b.axis)))


def _on_diagonal(graph: Graph, a: Index, b: Index) -> Value | None:
    if any(not isinstance(x, Eye) for x in graph.edges[a, b]):
        return None
    held = [v for v in (graph.vector(a), graph.vector(b)) if v is not None]
    delta = graph.take(a, b)
    return diag(hadamard(held)) if held else delta


def _scaled(graph: Graph, a: Index, b: Index) -> Value:
    u, v, m = graph.vector(a), graph.vector(b), graph.take(a, b)
    return matmul(*([diag(u)] if u else []), m, *([diag(v)] if v else []))


SIDES = (
    Law("u_i w_i = (u o w)_i, and 1 for none", ("u: n; w: n", "einsum('i,i->i', u, w)", "u * w"), _column),
    Law("u_i v_j = (u v^T)_ij, with 1 for a missing one", ("u: n; v: m", "einsum('i,j->ij', u, v)", "outer(u, v)"), _crossing),
    Law("u_i [i = j] v_j = diag(u o v)_ij", ("u: n; v: n", "einsum('i,ij,j->ij', u, eye(n), v)", "diag(u * v)"), _on_diagonal),
    Law(
        "u_i A_ij B_ij = (diag(u) (A o B))_ij", ("u: m; A: m n; B: m n", "einsum('i,ij,ij->ij', u, A, B)", "u[:, None] * (A * B)"), _scaled
    ),
)
"""What stands at one index down and one across, by the first row that fits."""


def without_bound(graph: Graph) -> None:
    """Take all bound indices out of the graph: those with few neighbours first.

    Of those with three or more the first is the one of which rows are taken, not columns, and then that with most neighbours.
    """
    while graph.bound:

        def columns(i: Index) -> int:
            turned = [isinstance(v, Transpose) == (a == i) for (a, b), held in graph.edges.items() if i in (a, b) for v in held]
            return sum(turned) if len(turned) > 2 else 0

        def order(i: Index) -> tuple:
            count = len(graph.neighbours(i))
            return (
                i.axis not in graph.outside,
                min(count, 3),
                columns(i),
                -count,
                any(a == i for a, _ in graph.edges),
                graph.bound.index(i),
            )

        i = min(graph.bound, key=order)
        for rule in (OUTSIDE,) if i.axis in graph.outside else RULES:
            if rule.apply(graph, i):
                break
        graph.bound.remove(i)


def assembled(graph: Graph) -> Value:
    """What stands on at most one index down and one across."""
    return graph.finished(graph.side((*graph.rows, None)[0], (*graph.columns, None)[0]))
