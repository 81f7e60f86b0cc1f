"""What a wrong claim probably got wrong: found by trying edits of it, and saying the first that makes it right.

First edits of the whole right side, by value (a constant factor, a lost delta, a transpose), then of each part of its text (sign, order,
transpose, axis, another tensor, a factor or term too many), then what is missing (a bracket, a term, a sum). Every edit is tried at
several sizes, so that 1/2 is told from 1/n, and offered only if the edited claim is true.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, permutations, product
from typing import Any

import numpy as np
from sympy import Expr, Mul, Rational, S

from symbackprop.errors import SymbackpropError
from symbackprop.language.nodes import Call, Claim, Derivative, Literal, Name, Node, Number, unparse, walk
from symbackprop.verification.claims.edits import ORDER, TRANSPOSE, replaced_once
from symbackprop.verification.claims.stated import Ground, Stated
from symbackprop.verification.claims.trials import SAME, Sample, Trials, equal

MOST_BELOW = 12
"""The largest whole number beside sizes in a factor."""


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
        or _edited(trials, names=False)
        or _in_part(trials, samples)
        or _edited(trials, names=True)
        or _bracket(trials, samples)
        or _term(trials, samples)
        or _softmax(trials, samples)
        or trials.nearly
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
    return _edited(trials, names=False) or _edited(trials, names=True) or trials.nearly or _fitting(trials)


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
    for edit, samples in trials.edits(names=False):
        if edit.kind in (TRANSPOSE, ORDER) and all(s.left.shape == s.right.shape for s in samples):
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


def telling(samples: Sequence[Sample]) -> list[Sample]:
    """Those where not both sides are 0 throughout, as of a softmax over one class."""
    return [s for s in samples if np.any(s.left) or np.any(s.right)]


def value_ratio(s: Sample) -> float | None:
    """left / right where that is the same number for every entry, else None."""
    if s.left.shape != s.right.shape or not s.right.size or not np.all(np.isfinite(s.right)):
        return None
    place = np.unravel_index(int(np.abs(s.right).argmax()), s.right.shape)
    if s.right[place] == 0:
        return None
    ratio = float(s.left[place] / s.right[place])
    return ratio if ratio and equal(s.left, ratio * s.right) else None


def constant_ratio(samples: Sequence[Sample]) -> tuple[int, Expr] | None:
    """(sign, factor) with left = sign * factor * right at every sample, the factor a number times sizes, or over sizes."""
    samples = telling(samples)
    ratios = [value_ratio(s) for s in samples]
    if None in ratios or not ratios:
        return None
    sizes = list(samples[0].sizes)
    for powers in _powers(len(sizes)):
        factor = Mul(*[a**p for a, p in zip(sizes, powers, strict=True)])
        whole = [float(np.prod([float(s.sizes[a]) ** float(p) for a, p in zip(sizes, powers, strict=True)])) for s in samples]
        left = np.array(ratios) / whole
        if np.ptp(left) <= SAME * abs(left[0]):
            # One number tells a factor of few digits alone: a fraction is close to any.
            most = 10**6 if factor == 1 and sum(s.left.size for s in samples) > 1 else MOST_BELOW
            number = Rational(f"{abs(left[0]):.13g}").limit_denominator(most)
            small = most > MOST_BELOW or max(number.p, number.q) <= MOST_BELOW
            if small and number != 0 and abs(float(number) - abs(left[0])) <= SAME * abs(left[0]):
                return (1 if left[0] > 0 else -1), number * factor
    return None


def _powers(count: int) -> Iterator[tuple[Any, ...]]:
    """Exponents of sizes: none, one size above or below, squared, its root; two sizes, three."""
    half = Rational(1, 2)
    for places, power in ((0, 0), *((1, p) for p in (1, -1, 2, -2, half, -half)), *((k, p) for k in (2, 3) for p in (1, -1))):
        for chosen in combinations(range(count), places):
            yield tuple(power if k in chosen else 0 for k in range(count))
    for above, below in permutations(range(count), 2):
        yield tuple((k == above) - (k == below) for k in range(count))


def _factor(trials: Trials, samples: list[Sample]) -> str:
    found = constant_ratio(samples)
    if found is None or not trials.true(tidy(found, trials.node)):
        return ""
    sign, factor = found
    parts = ["sign"] if sign < 0 else []
    if factor != 1:
        parts.append(said_of(factor, trials.node))
    said = f"{'-' if sign < 0 else ''}{'' if factor == 1 else f'({factor}) * '}(right side)"
    return f"{' and '.join(parts)}: the left side is {said}"


def said_of(factor: Expr, node: Node) -> str:
    """What a factor left / right means: one that is missing, or, where the text has it upside down, one too many."""
    divisors = {unparse(n.args[1]) for n in walk(node) if isinstance(n, Call) and n.op == "divide"}
    products = [a for n in walk(node) if isinstance(n, Call) and n.op == "multiply" for a in n.args]
    products += [n.args[0] for n in walk(node) if isinstance(n, Call) and n.op == "divide"]
    factors = {str(a.value) if isinstance(a, Number) else unparse(a) for a in products}
    above, below = (str(e) for e in factor.as_numer_denom())
    if above in divisors:
        return f"a factor 1/{above} too many" if below == "1" else f"divided by {above}, not by {below}"
    if below in factors and below != "1":
        return f"a factor {below} too many" if above == "1" else f"times {below}, not {above}"
    for a in products:
        if isinstance(a, Number) and factor.is_number and (a.value * factor).q < MOST_BELOW and a.value != 1:
            return f"times {a.value}, not {a.value * factor}"
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
        fits = tuple(axes[k] for k in order) == trials.tensor.axes and _all(samples, lambda s, o: s.right.transpose(o), order)
        if fits and trials.true(Call("transpose", (trials.node,), (("axes", Literal(order)),))):
            return "transpose: the right side's .T is the left side" if len(axes) == 2 else f"transpose: the axes in the order {order}"
    return ""


def _edited(trials: Trials, names: bool) -> str:
    """The first edit after which the claim is true. Where it is so but for a constant factor, that is kept for later."""
    for edit, samples in trials.edits(names):
        if trials.left_node in walk(edit.whole):
            continue  # that a side is itself tells nothing
        said = f"{edit.kind}: '{unparse(edit.after)}' for '{unparse(edit.before)}'"
        if all(s.same for s in samples):
            if trials.true(edit.whole):
                return f"{said} makes it hold"
        elif not trials.nearly and (found := constant_ratio(samples)) and trials.true(tidy(found, edit.whole)):
            sign, factor = found
            rest = [*(["sign"] if sign < 0 else []), *([said_of(factor, edit.whole)] if factor != 1 else [])]
            trials.nearly = f"{said}, and {' and '.join(rest)}"
    return ""


def _in_part(trials: Trials, samples: list[Sample]) -> str:
    """A number, a size or a scalar tensor that one part of the right side lacks as a factor, or has too many.

    Where the right side is r0 + t (r1 - r0) for t times the part, the t that is wanted can be read off.
    """
    for part in walk(trials.node):
        if trials.late or not isinstance(part, Name | Derivative | Call) or part is trials.node:
            continue
        ends = [trials.samples(replaced_once(trials.node, part, Call("multiply", (Number(Rational(t)), part)))) for t in (0, 2)]
        none, double = ends
        if not none or not double or not all(equal(2 * s.right, a.right + b.right) for s, a, b in zip(samples, none, double, strict=True)):
            continue
        rest = [Sample(s.left - a.right, s.right - a.right, s.known, s.sizes) for s, a in zip(samples, none, strict=True)]
        for said, made in _scaled(trials, rest, part):
            if trials.true(replaced_once(trials.node, part, made)):
                return f"{said}: '{unparse(made)}' for '{unparse(part)}' makes it hold"
    return ""


def _scaled(trials: Trials, rest: list[Sample], part: Node) -> Iterator[tuple[str, Node]]:
    """What left / right says is lacking, and the part with it: a factor, or a scalar tensor with a factor, above or below."""
    scalars = [t.name for t in trials.model.tensors.values() if not t.axes and t.role in ("parameter", "constant", "input")]
    ways: list[tuple[str | None, list[Sample]]] = [(None, rest)]
    ways += [(n, [Sample(s.left, s.right * s.known[n], s.known, s.sizes) for s in rest]) for n in scalars if n in rest[0].known]
    ways += [(n, [Sample(s.left * s.known[n], s.right, s.known, s.sizes) for s in rest]) for n in scalars if n in rest[0].known]
    for number, (name, samples) in enumerate(ways):
        found = constant_ratio(samples)
        if found is None:
            continue
        sign, factor = found
        below = number > len(scalars)
        made = part if factor == 1 and sign > 0 else tidy(found, part)
        if name is not None:
            made = Call("divide", (made, Name(name))) if below else Call("multiply", (Name(name), made))
        parts = ["sign"] if sign < 0 else []
        parts += [said_of(factor, part)] if factor != 1 else []
        parts += [f"missing {'1/' if below else ''}{name}"] if name else []
        yield " and ".join(parts), made


def tidy(ratio: tuple[int, Expr], node: Node) -> Node:
    """The node times a sign, a number and a power of a size, in few words: -2 * x / n."""
    sign, factor = ratio
    over, under = factor.as_numer_denom()
    made = node
    if over != 1:
        made = Call("multiply", (_size(over), made))
    if under != 1:
        made = Call("divide", (made, _size(under)))
    return Call("negative", (made,)) if sign < 0 else made


def _size(e: Expr) -> Node:
    """A number times powers of sizes as a node."""
    made: Node | None = None
    for base, power in e.as_powers_dict().items():
        part: Node = Number(base) if base.is_number else Name(str(base))
        part = part if power == 1 else Call("power", (part, Number(Rational(power))))
        made = part if made is None else Call("multiply", (made, part))
    return made or Number(S.One)


def _bracket(trials: Trials, samples: list[Sample]) -> str:
    for t in trials.model.tensors.values():
        if t.axes and t.axes == trials.tensor.axes and t.name in samples[0].known:
            name = Name(t.name)
            condition = Call("where", (Call("greater", (name, Number(S.Zero))), Number(S.One), Number(S.Zero)))
            if _all(samples, lambda s, n: s.right * (s.known[n] > 0), t.name) and trials.true(Call("multiply", (trials.node, condition))):
                return f"missing bracket: times ({t.name} > 0)"
            if _all(samples, lambda s, n: s.right * s.known[n], t.name) and trials.true(Call("multiply", (trials.node, name))):
                return f"missing factor {t.name}"
    return ""


def _term(trials: Trials, samples: list[Sample]) -> str:
    """A term that the right side lacks: a tensor in the left side's shape, or a derivative, times a number, a size, a scalar tensor."""
    if samples[0].left.shape != samples[0].right.shape:
        return ""
    for node, values in _terms(trials, samples):
        if trials.late:
            break
        rest = [Sample(s.left - s.right, v, s.known, s.sizes) for s, v in zip(samples, values, strict=True)]
        found = constant_ratio(rest)
        if found is not None and trials.true(Call("add", (trials.node, tidy(found, node)))):
            return f"missing term: {'-' if found[0] < 0 else '+'} {unparse(tidy((1, found[1]), node))} makes it hold"
    return ""


def _terms(trials: Trials, samples: list[Sample]) -> Iterator[tuple[Node, list[np.ndarray]]]:
    """Expressions in the left side's shape, with their values at the points."""
    tensors = [t for t in trials.model.tensors.values() if t.name in samples[0].known]
    single: list[tuple[Node, list[np.ndarray]]] = [
        (Name(t.name), [s.known[t.name] for s in samples]) for t in tensors if t.axes == trials.tensor.axes
    ]
    # The path through another tensor: the derivative by it, which may be stretched.
    paths: list[tuple[Node, list[np.ndarray]]] = []
    for t in tensors:
        name = trials.adjoint(t.name)
        node: Node = Derivative(trials.model.objective, (t.name,))
        if name not in samples[0].known or node == trials.left_node:
            continue
        values = [v for s in samples if (v := _stretched(s.known[name], s.left.shape)) is not None]
        if len(values) == len(samples):
            paths.append((node, values))
    yield from single
    yield from paths
    for t in tensors:
        if not t.axes and t.role != "intermediate":
            for node, values in single:
                yield Call("multiply", (Name(t.name), node)), [s.known[t.name] * v for s, v in zip(samples, values, strict=True)]
    for (one, a), (other, b) in (*product(single[:8], paths[:8]), *combinations(single[:12], 2)):
        yield Call("multiply", (one, other)), [v * w for v, w in zip(a, b, strict=True)]


def _stretched(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        return None


def _softmax(trials: Trials, samples: list[Sample]) -> str:
    """The diagonal of a softmax's Jacobian alone: P (1 - P) G for P (G - sum P G), P being what sums to 1 along an axis."""
    for t in trials.model.tensors.values():
        p, g = t.name, trials.adjoint(t.name)
        if g not in samples[0].known or not all(equal(s.right, s.known[p] * (1 - s.known[p]) * s.known[g]) for s in samples):
            continue
        above = f"d{trials.model.objective}/d{p}"
        for axis in range(len(t.axes)):
            right = [s.known[p] * (s.known[g] - (s.known[g] * s.known[p]).sum(axis=axis, keepdims=True)) for s in samples]
            if all(equal(s.left, r) for s, r in zip(samples, right, strict=True)):
                return f"missing sum: softmax gives {p} * ({above} - sum({above} * {p}, axis={axis}, keepdims=True))"
    return ""
