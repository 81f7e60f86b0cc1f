"""When two matrix expressions are the same, though they do not look it: terms in another order, symmetric matrices turned round."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from symbackprop.calculus.program import Fact
from symbackprop.matrix.building import transpose
from symbackprop.matrix.nodes import (
    ONE,
    Diag,
    Elementwise,
    Eye,
    Hadamard,
    Inverse,
    Kron,
    Leaf,
    Map,
    MatMul,
    Plus,
    Scale,
    Sum,
    Transpose,
    Value,
)


@dataclass
class Known:
    """The tensors that equal their transposes, each with the fact that says so, or None where it follows; and the facts used."""

    symmetric: Mapping[str, Fact | None] = field(default_factory=dict)
    used: set[Fact] = field(default_factory=set)
    shortened: dict[Value, Value] = field(default_factory=dict, compare=False)
    """What `shorter.shortened` has made so far, by what is known."""

    def learn(self, name: str) -> None:
        """Another tensor equals its transpose."""
        self.symmetric = {**self.symmetric, name: None}
        self.shortened.clear()


def is_symmetric(x: Value, known: Known) -> bool:
    """Whether x equals its transpose, by its form and what is known; the facts this rests on are noted."""
    match x:
        case Leaf():
            fact = known.symmetric.get(x.name)
            if fact is not None:
                known.used.add(fact)
            return x.name in known.symmetric
        case Eye() | Diag():
            return True
        case Transpose() | Inverse() | Scale() | Elementwise():
            return x.shape[0] == x.shape[1] and is_symmetric(x.x, known)
        case Kron():
            return is_symmetric(x.left, known) and is_symmetric(x.right, known)
        case Sum():
            return is_symmetric(x.body, known)
        case MatMul():
            return same(transpose(x), x, known)
        case Plus():
            turned = [(s, transpose(v)) for s, v in x.terms]
            return _matched(turned, list(x.terms), lambda p, q: p[0] == q[0] and same(p[1], q[1], known))
        case Hadamard():
            return _matched([transpose(f) for f in x.factors], list(x.factors), lambda p, q: same(p, q, known))
        case Map():
            return all(a.is_scalar or is_symmetric(a, known) for a in x.arguments)
    return False


def same(a: Value, b: Value, known: Known) -> bool:
    """Whether two values are equal as they stand, terms and entrywise factors in any order, symmetric tensors either way round."""
    if a == b:
        return True
    if (isinstance(a, Transpose) and a.x == b) or (isinstance(b, Transpose) and b.x == a):
        return is_symmetric(a.x if isinstance(a, Transpose) else a, known)
    if type(a) is not type(b) or a.shape != b.shape:
        return False
    if isinstance(a, Plus) and isinstance(b, Plus):
        return _matched(list(a.terms), list(b.terms), lambda p, q: p[0] == q[0] and same(p[1], q[1], known))
    if isinstance(a, Hadamard) and isinstance(b, Hadamard):
        return _matched(list(a.factors), list(b.factors), lambda p, q: same(p, q, known))
    left, right = a.children, b.children
    if len(left) != len(right) or a.mapped(lambda v: ONE) != b.mapped(lambda v: ONE):
        return False
    return all(same(p, q, known) for p, q in zip(left, right, strict=True))


def _matched(left: list, right: list, equal: Callable) -> bool:
    if len(left) != len(right):
        return False
    for p in left:
        found = next((q for q in right if equal(p, q)), None)
        if found is None:
            return False
        right.remove(found)
    return True
