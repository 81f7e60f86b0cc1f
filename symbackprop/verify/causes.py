"""What a wrong claim probably got wrong: found by trying edits of it, and saying the first that makes it right.

First edits of the whole right side, by value (a constant factor, a lost delta, a transpose), then of each part of its text (sign, order,
transpose, axis, another tensor, a factor or term too many), then what is missing (a bracket, a term, a sum). Every edit is tried at
several sizes, so that 1/2 is told from 1/n, and offered only if the edited claim is true.
"""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations
from typing import Any

import numpy as np
from sympy import Expr, Integer, Rational, S

from symbackprop.errors import SymbackpropError
from symbackprop.language.nodes import Call, Claim, Derivative, Name, Node, Number, unparse, walk
from symbackprop.verify.stated import Ground, Stated
from symbackprop.verify.trials import Sample, Trials, equal

NUMBERS = tuple(Rational(a, b) for a, b in ((1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (4, 1), (1, 4), (6, 1), (1, 6)))


def likely_cause(base: Ground, stated: Stated, claim: Claim, seed: int = 0) -> str:
    """The first edit of the right side that makes it equal to the left; "" if none does."""
    trials = Trials(base, claim.left, claim.right, seed)
    samples = trials.samples(claim.right)
    if not samples or all(s.same for s in samples):
        return ""  # what is wrong shows at far points only, and tells of no slip
    return (
        _factor(trials, samples)
        or _delta(samples, trials.tensor.axes)
        or _transpose(trials, samples, stated)
        or _edited(trials)
        or _bracket(trials, samples)
        or _term(trials, samples)
        or _softmax(trials, samples)
    )


def likely_shape_cause(base: Ground, stated: Stated | None, claim: Claim, seed: int = 0) -> str:
    """What makes the right side's shape the left side's and its values too (else only its shape): a transpose, a sum, a delta, an edit.

    Without `stated` one side has no shape at all; then that side is edited.
    """
    left, right = claim.left, claim.right
    if stated is None and not _makes_sense(base, left):
        left, right = right, left
    try:
        trials = Trials(base, left, right, seed)
    except SymbackpropError:
        return ""
    samples = trials.samples(right)
    if samples and stated is not None:
        found = _of_shapes(samples, trials.tensor.axes, stated.program.tensors[stated.right].axes)
        if found:
            return found
    return _edited(trials) or _fitting(trials)


def _makes_sense(base: Ground, node: Node) -> bool:
    try:
        base.with_expression(node)
    except SymbackpropError:
        return False
    return True


def _of_shapes(samples: list[Sample], mine: tuple[Expr, ...], theirs: tuple[Expr, ...]) -> str:
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
    return ""


def _fitting(trials: Trials) -> str:
    """The first transpose in the text after which the shapes are the same at least."""
    for edit, samples in trials.edits():
        if edit.kind in ("transpose", "order") and all(s.left.shape == s.right.shape for s in samples):
            return f"{edit.kind}: '{unparse(edit.after)}' for '{unparse(edit.before)}' has the left side's shape"
    return ""


def diagonal(values: np.ndarray) -> np.ndarray:
    """values[i..] where the second half of the indices equals the first, else 0."""
    size = values.size
    return (np.eye(size) * values.reshape(-1)).reshape(values.shape + values.shape)


def _letters(count: int) -> str:
    return " ".join(f"delta_{a}{b}" for a, b in list(zip("ikmp", "jlnq", strict=True))[:count])


def _all(samples: list[Sample], right: Callable[..., np.ndarray], *more: Any) -> bool:
    return all(equal(s.left, right(s, *more)) for s in samples)


def value_ratio(s: Sample) -> float | None:
    """left / right where that is the same number for every entry, else None."""
    if s.left.shape != s.right.shape or not s.right.size or not np.all(np.isfinite(s.right)):
        return None
    place = np.unravel_index(int(np.abs(s.right).argmax()), s.right.shape)
    if s.right[place] == 0:
        return None
    ratio = float(s.left[place] / s.right[place])
    return ratio if ratio and equal(s.left, ratio * s.right) else None


def constant_ratio(samples: list[Sample]) -> tuple[int, Expr] | None:
    """(sign, factor) with left = sign * factor * right at every sample, the factor a number times a power of one size."""
    samples = [s for s in samples if np.any(s.left) or np.any(s.right)]
    ratios = [value_ratio(s) for s in samples]
    if None in ratios or not ratios:
        return None
    sizes = [S.One, *(a**p for a in samples[0].sizes for p in (1, -1, 2, -2))]
    for size in sizes:
        for number in NUMBERS:
            for sign in (1, -1):
                factor = number * size
                values = [sign * float(factor.xreplace({a: Integer(v) for a, v in s.sizes.items()})) for s in samples]
                if np.allclose(values, ratios, rtol=1e-9, atol=0):
                    return sign, factor
    if np.allclose(ratios, ratios[0], rtol=1e-9, atol=0):
        plain = Rational(f"{abs(ratios[0]):.12g}").limit_denominator(10**6)
        if abs(float(plain) - abs(ratios[0])) <= 1e-11 * abs(ratios[0]):
            return (1 if ratios[0] > 0 else -1), plain
    return None


def _factor(trials: Trials, samples: list[Sample]) -> str:
    found = constant_ratio(samples)
    if found is None or not trials.true(times(found, trials.node)):
        return ""
    sign, factor = found
    parts = ["sign"] if sign < 0 else []
    if factor != 1:
        parts.append(said_of(factor, trials.node))
    said = f"{'-' if sign < 0 else ''}{'' if factor == 1 else f'({factor}) * '}(right side)"
    return f"{' and '.join(parts)}: the left side is {said}"


def times(ratio: tuple[int, Expr], node: Node) -> Node:
    """The node times a sign, a number and a power of a size."""
    sign, factor = ratio
    over, under = factor.as_numer_denom()
    made = Call("multiply", (Number(Rational(sign)), node))
    for part, op in ((over, "multiply"), (under, "divide")):
        for base, power in part.as_powers_dict().items():
            for _ in range(int(power)):
                made = Call(op, (made, Number(base) if base.is_Number else Name(str(base))))
    return made


def said_of(factor: Expr, node: Node) -> str:
    """What a factor left / right means: one that is missing, or, where the text has it upside down, one too many."""
    divisors = {unparse(n.args[1]) for n in walk(node) if isinstance(n, Call) and n.op == "divide"}
    products = [a for n in walk(node) if isinstance(n, Call) and n.op == "multiply" for a in n.args]
    factors = {str(a.value) if isinstance(a, Number) else unparse(a) for a in products}
    above, below = (str(e) for e in factor.as_numer_denom())
    if above in divisors:
        return f"a factor 1/{above} too many" if below == "1" else f"divided by {above}, not by {below}"
    if below in factors and below != "1":
        return f"a factor {below} too many" if above == "1" else f"times {below}, not {above}"
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


def _transpose(trials: Trials, samples: list[Sample], stated: Stated) -> str:
    axes = stated.program.tensors[stated.right].axes
    for order in list(permutations(range(len(axes))))[1:]:
        if tuple(axes[k] for k in order) == trials.tensor.axes and _all(samples, lambda s, o: s.right.transpose(o), order):
            return "transpose: the right side's .T is the left side" if len(axes) == 2 else f"transpose: the axes in the order {order}"
    return ""


def _edited(trials: Trials) -> str:
    """The first edit after which the claim is true; else the first after which it is but for a constant factor."""
    nearly: list[tuple[str, Node]] = []
    for edit, samples in trials.edits():
        said = f"{edit.kind}: '{unparse(edit.after)}' for '{unparse(edit.before)}'"
        if all(s.same for s in samples):
            if trials.true(edit.whole):
                return f"{said} makes it hold"
        elif not nearly and (factor := constant_ratio(samples)):
            sign, size = factor
            rest = [*(["sign"] if sign < 0 else []), *([said_of(size, edit.whole)] if size != 1 else [])]
            if trials.true(times(factor, edit.whole)):
                nearly.append((f"{said}, and {' and '.join(rest)}", edit.whole))
    return nearly[0][0] if nearly else ""


def _bracket(trials: Trials, samples: list[Sample]) -> str:
    for t in trials.model.tensors.values():
        if t.axes and t.axes == trials.tensor.axes and t.name in samples[0].known:
            if _all(samples, lambda s, name: s.right * (s.known[name] > 0), t.name):
                return f"missing bracket: times ({t.name} > 0)"
            if _all(samples, lambda s, name: s.right * s.known[name], t.name):
                return f"missing factor {t.name}"
    return ""


def _term(trials: Trials, samples: list[Sample]) -> str:
    """A term that the right side lacks: a tensor in the left side's shape, or a derivative, times a number, a size, a scalar tensor."""
    if samples[0].left.shape != samples[0].right.shape:
        return ""
    for node, values in _terms(trials, samples):
        rest = [Sample(s.left - s.right, v, s.known, s.sizes) for s, v in zip(samples, values, strict=True)]
        found = constant_ratio(rest)
        if found is not None and trials.true(Call("add", (trials.node, times(found, node)))):
            sign, factor = found
            over, under = factor.as_numer_denom()
            text = unparse(node)
            text = f"{over} * {text}" if over != 1 else text
            text = f"{text} / {under}" if under != 1 else text
            return f"missing term: {'-' if sign < 0 else '+'} {text} makes it hold"
    return ""


def _terms(trials: Trials, samples: list[Sample]) -> Iterator[tuple[Node, list[np.ndarray]]]:
    """Expressions in the left side's shape, with their values at the points."""
    tensors = trials.model.tensors.values()
    single: list[tuple[Node, list[np.ndarray]]] = [
        (Name(t.name), [s.known[t.name] for s in samples]) for t in tensors if t.axes == trials.tensor.axes and t.name in samples[0].known
    ]
    for node in walk(trials.node):
        if isinstance(node, Derivative) and (found := trials.samples(node)) and found[0].right.shape == samples[0].left.shape:
            single.append((node, [s.right for s in found]))
    yield from single
    for t in tensors:
        if not t.axes and t.role != "intermediate":
            for node, values in single:
                yield Call("multiply", (Name(t.name), node)), [s.known[t.name] * v for s, v in zip(samples, values, strict=True)]
    for (one, a), (other, b) in combinations(single[:12], 2):
        yield Call("multiply", (one, other)), [v * w for v, w in zip(a, b, strict=True)]


def _softmax(trials: Trials, samples: list[Sample]) -> str:
    """The diagonal of a softmax's Jacobian alone: P (1 - P) G for P (G - sum P G)."""
    for e in trials.model.equations:
        adjoint = trials.adjoint(e.name)
        if e.call is None or e.call.op != "softmax" or adjoint is None or adjoint not in samples[0].known:
            continue
        if _all(
            [Sample(s.right, s.right, s.known, s.sizes) for s in samples],
            lambda s, p, g: s.known[p] * (1 - s.known[p]) * s.known[g],
            e.name,
            adjoint,
        ):
            above, axis = f"d{trials.model.objective}/d{e.name}", e.call.option("axis")
            return f"missing sum: softmax gives {e.name} * ({above} - sum({above} * {e.name}, axis={axis}, keepdims=True))"
    return ""
