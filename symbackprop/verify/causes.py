"""What a wrong claim probably got wrong: found by trying edits of it, and saying the first that makes it right.

First edits of the whole right side, by value (a constant factor, a lost delta, a lost bracket, a transpose, a lost sum), then of
each part of its text (sign, order, transpose, another tensor, a factor or term too many). Every edit is tried at two sets of
sizes, so that 1/2 is told from 1/n.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import Any

import numpy as np
from sympy import Expr, Function, Integer, Rational, S

from symbackprop.language.nodes import Call, Group, Name, Node, Number, Slice, Subscript, unparse, walk
from symbackprop.program import Program
from symbackprop.term import Entry, NonNegative, Positive
from symbackprop.verify.literal import evaluate, prime_sizes, random_arrays
from symbackprop.verify.textbook import SIDES

NUMBERS = tuple(Rational(a, b) for a, b in ((1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (4, 1), (1, 4), (6, 1), (1, 6)))
MOST_EDITS = 150


@dataclass(frozen=True)
class Sample:
    """Both sides, and the tensors of the model, at one point."""

    left: np.ndarray
    right: np.ndarray
    known: dict[str, np.ndarray]
    sizes: dict[Expr, int]


def likely_cause(program: Program, left: str, right: str, node: Node, stated: Callable) -> str:
    """The first edit of the right side (the tensor `right`, the expression `node`) that makes it equal to `left`; "" if none does.

    `stated(edited node)` gives the claim with another right side, as `claims.state` does.
    """
    samples = _samples(program, left, right)
    return (
        _factor(samples, node)
        or _delta(samples, program.tensors[left].axes)
        or _transpose(samples, program, left, right)
        or _edited(node, stated, program)
        or _bracket(samples, program, left)
        or ""
    )


def likely_shape_cause(program: Program, left: str, right: str, node: Node, stated: Callable) -> str:
    """What makes the right side's shape the left side's and its values too (else only its shape): a transpose, a sum, a delta, an edit."""
    samples = _samples(program, left, right)
    mine, theirs = program.tensors[left].axes, program.tensors[right].axes
    if len(mine) == len(theirs):
        for order in permutations(range(len(theirs))):
            if tuple(theirs[k] for k in order) == tuple(mine):
                said = "transpose: the right side's .T" if len(order) == 2 else f"transpose: the right side's axes in the order {order}"
                return said + (
                    " is the left side" if _all(samples, lambda s, o: s.right.transpose(o), order) else " has the left side's shape"
                )
    for count in range(1, len(theirs) - len(mine) + 1):
        for gone in combinations(range(len(theirs)), count):
            if tuple(a for k, a in enumerate(theirs) if k not in gone) == tuple(mine):
                names = ", ".join(str(theirs[k]) for k in gone)
                if _all(samples, lambda s, g: s.right.sum(axis=g), gone):
                    return f"missing sum over {names}"
    if tuple(mine) == (*theirs, *theirs) and _all(samples, lambda s: diagonal(s.right)):
        return f"missing delta: it is diag of the right side ({_letters(len(theirs))})"
    return _edited(node, stated, program)


def diagonal(values: np.ndarray) -> np.ndarray:
    """values[i..] where the second half of the indices equals the first, else 0."""
    size = values.size
    return (np.eye(size) * values.reshape(-1)).reshape(values.shape + values.shape)


def _letters(count: int) -> str:
    return " ".join(f"delta_{a}{b}" for a, b in list(zip("ikmp", "jlnq", strict=True))[:count])


def _samples(program: Program, left: str, right: str) -> list[Sample]:
    program = program.needed([left, right, *(t.name for t in program.tensors.values())])
    made = []
    for shift in (0, 1):
        sizes = prime_sizes(program, shift)
        known = evaluate(program, random_arrays(program, sizes, 3 + shift), sizes)
        made.append(Sample(known[left], known[right], known, sizes))
    return made


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape or not np.all(np.isfinite(b)):
        return False
    return float(np.abs(a - b).max(initial=0)) <= 1e-9 * max(float(np.abs(a).max(initial=0)), 1e-3)


def _all(samples: list[Sample], right: Callable[..., np.ndarray], *more: Any) -> bool:
    return all(_equal(s.left, right(s, *more)) for s in samples)


def value_ratio(s: Sample) -> float | None:
    """left / right where that is the same number for every entry, else None."""
    if s.left.shape != s.right.shape or not s.right.size or not np.all(np.isfinite(s.right)):
        return None
    place = np.unravel_index(int(np.abs(s.right).argmax()), s.right.shape)
    if s.right[place] == 0:
        return None
    ratio = float(s.left[place] / s.right[place])
    return ratio if ratio and _equal(s.left, ratio * s.right) else None


def constant_ratio(samples: list[Sample]) -> tuple[int, Expr] | None:
    """(sign, factor) with left = sign * factor * right at every sample, the factor a small number times a power of one size."""
    ratios = [value_ratio(s) for s in samples]
    if None in ratios:
        return None
    sizes = [S.One, *(a**p for a in samples[0].sizes for p in (1, -1, 2, -2))]
    for size in sizes:
        for number in NUMBERS:
            for sign in (1, -1):
                factor = number * size
                values = [sign * float(factor.xreplace({a: Integer(v) for a, v in s.sizes.items()})) for s in samples]
                if np.allclose(values, ratios, rtol=1e-9, atol=0):
                    return sign, factor
    return None


def _factor(samples: list[Sample], node: Node) -> str:
    found = constant_ratio(samples)
    if found is None:
        return ""
    sign, factor = found
    parts = ["sign"] if sign < 0 else []
    if factor != 1:
        parts.append(said_of(factor, node))
    said = f"{'-' if sign < 0 else ''}{'' if factor == 1 else f'({factor}) * '}(right side)"
    return f"{' and '.join(parts)}: the left side is {said}"


def said_of(factor: Expr, node: Node) -> str:
    """What a factor left / right means: one that is missing, or, where the text divides by it, one over it too many."""
    divisors = {unparse(n.args[1]) for n in walk(node) if isinstance(n, Call) and n.op == "divide"}
    above, below = (str(e) for e in factor.as_numer_denom())
    if above in divisors:
        return f"a factor 1/{above} too many" if below == "1" else f"divided by {above}, not by {below}"
    return f"missing {factor}"


def _delta(samples: list[Sample], axes: tuple[Expr, ...]) -> str:
    for a, b in combinations(range(len(axes)), 2):
        if axes[a] == axes[b] and _all(samples, lambda s, p, q: s.right * _same(s.right.shape, p, q), a, b):
            return f"missing delta: the left side is 0 unless its indices {a + 1} and {b + 1} are equal"
    half = len(axes) // 2
    if half > 1 and axes[:half] == axes[half:]:
        both = lambda s: s.right * np.eye(int(np.prod(s.right.shape[:half]))).reshape(s.right.shape)  # noqa: E731
        if _all(samples, both):
            return f"missing deltas: {_letters(half)}"
    return ""


def _same(shape: tuple[int, ...], a: int, b: int) -> np.ndarray:
    grid = np.indices(shape)
    return grid[a] == grid[b]


def _transpose(samples: list[Sample], program: Program, left: str, right: str) -> str:
    axes = program.tensors[right].axes
    for order in list(permutations(range(len(axes))))[1:]:
        if tuple(axes[k] for k in order) == program.tensors[left].axes and _all(samples, lambda s, o: s.right.transpose(o), order):
            return "transpose: the right side's .T is the left side" if len(axes) == 2 else f"transpose: the axes in the order {order}"
    return ""


def _bracket(samples: list[Sample], program: Program, left: str) -> str:
    for t in program.tensors.values():
        if t.axes and t.axes == program.tensors[left].axes and t.name not in (left,):
            if _all(samples, lambda s, name: s.right * (s.known[name] > 0), t.name):
                return f"missing bracket: times ({t.name} > 0)"
            if _all(samples, lambda s, name: s.right * s.known[name], t.name):
                return f"missing factor {t.name}"
    return ""


def _edited(node: Node, stated: Callable, program: Program) -> str:
    """The first edit after which both sides are equal; else the first after which they are but for a constant factor."""
    nearly = ""
    for count, (kind, before, after, whole) in enumerate(edits(node, program)):
        if count >= MOST_EDITS:
            break
        try:
            trial = stated(whole)
            samples = _samples(trial.with_facts(trial.facts), trial.left, trial.right)
        except Exception:  # an edit that makes no sense is no cause
            continue
        said = f"{kind}: '{unparse(after)}' for '{unparse(before)}'"
        if all(_equal(s.left, s.right) for s in samples):
            return f"{said} makes it hold"
        if not nearly and (factor := constant_ratio(samples)):
            sign, size = factor
            rest = [*(["sign"] if sign < 0 else []), *([said_of(size, whole)] if size != 1 else [])]
            nearly = f"{said}, and {' and '.join(rest)}"
    return nearly


def edits(node: Node, program: Program) -> Iterator[tuple[str, Node, Node, Node]]:
    """(kind, the part, the part edited, the whole edited) for each edit of one part of `node`: first those of ops, then names."""
    for make in (_edits_of, _other_tensors, _brackets):
        for part in walk(node):
            for kind, new in make(part, program):
                yield kind, part, new, replaced_once(node, part, new)


def _other_tensors(part: Node, program: Program) -> Iterator[tuple[str, Node]]:
    if isinstance(part, Name) and part.id in program.tensors:
        for t in program.tensors.values():
            if t.name != part.id and t.axes == program.tensors[part.id].axes and t.axes and t.role != "adjoint":
                yield "another tensor", Name(t.name)


def _brackets(part: Node, program: Program) -> Iterator[tuple[str, Node]]:
    """The part times [T > 0], for each T in whose sign the model has a kink."""
    if isinstance(part, Name) or (isinstance(part, Call) and part.op in ("matmul", "multiply", "divide")):
        for name in kinked(program):
            condition = Call("where", (Call("greater", (Name(name), Number(S.Zero))), Number(S.One), Number(S.Zero)))
            yield "missing bracket", Call("multiply", (part, condition))


def kinked(program: Program) -> list[str]:
    """The tensors under a bracket, or under a function that has a kink, in the equations of a model."""
    found: dict[str, None] = {}
    for e in program.equations:
        if e.rhs is not None and e.tensor.role != "adjoint":
            for f in sorted(e.rhs.atoms(Function), key=str):
                if isinstance(f, Positive | NonNegative) or type(f).__name__ in SIDES:
                    found.update(dict.fromkeys(a.name for a in f.args if isinstance(a, Entry)))
    return list(found)


def _edits_of(part: Node, program: Program) -> Iterator[tuple[str, Node]]:
    if isinstance(part, Name):
        yield "transpose", Call("transpose", (part,))
    if isinstance(part, Number) and part.value != 0:
        yield "sign", Number(-part.value)
    if not isinstance(part, Call):
        return
    swap = {"add": "subtract", "subtract": "add", "greater": "less", "less": "greater"}
    if part.op in swap:
        yield "sign", replace(part, op=swap[part.op])
    if part.op == "negative":
        yield "sign", part.args[0]
    if part.op in ("sum", "mean"):
        yield f"a {part.op} too many", part.args[0]
    if part.op == "mean":
        yield "sum and mean", replace(part, op="sum")
    if part.op == "transpose":
        yield "transpose", part.args[0]
    if part.op in ("matmul", "subtract", "divide") and len(part.args) == 2:
        yield "order", replace(part, args=part.args[::-1])
    if part.op in ("multiply", "matmul", "divide") and len(part.args) == 2:
        yield "a factor too many", part.args[0]
    if part.op in ("add", "subtract") and len(part.args) == 2:
        yield "a term too many", part.args[0]
        yield "a term too many", part.args[1]
    if part.op == "multiply" and len(part.args) == 2:
        yield "a factor too many", part.args[1]
        yield "matrix product", replace(part, op="matmul")
    if part.op == "matmul":
        yield "product entry by entry", replace(part, op="multiply")


def rebuilt(node: Node, change: Callable[[Node], Node]) -> Node:
    """`node` with `change` applied to each part, from the top; a part that changes is not looked into."""
    new = change(node)
    if new is not node:
        return new
    if isinstance(node, Call):
        options = tuple((name, rebuilt(value, change)) for name, value in node.options)
        return replace(node, args=tuple(rebuilt(a, change) for a in node.args), options=options)
    if isinstance(node, Subscript):
        return replace(node, value=rebuilt(node.value, change), items=tuple(rebuilt(a, change) for a in node.items))
    if isinstance(node, Group):
        return replace(node, items=tuple(rebuilt(a, change) for a in node.items))
    if isinstance(node, Slice):
        return node
    return node


def replaced_once(node: Node, part: Node, new: Node) -> Node:
    """`node` with the very object `part` replaced by `new`."""
    return rebuilt(node, lambda n: new if n is part else n)
