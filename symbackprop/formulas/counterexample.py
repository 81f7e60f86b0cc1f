"""Where two sides differ, at the smallest sizes and with small numbers, and a script that shows it."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from symbackprop.formulas.names.definitions import POINTS
from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.faults import OutOfRangeError, ResizedError, UnreadError
from symbackprop.formulas.notation.links import Link, free_letters
from symbackprop.formulas.notation.readings import Reading
from symbackprop.formulas.numbers.quantities import MisfitError, negative, plus
from symbackprop.formulas.numbers.tape import Scalar
from symbackprop.formulas.outcome import Outcome
from symbackprop.formulas.scripts.expressions import HELPERS
from symbackprop.formulas.scripts.printer import FAILURES, Printer
from symbackprop.formulas.scripts.small import Small, Tensor
from symbackprop.formulas.trial import beside, places, where
from symbackprop.formulas.updates import rates, slope
from symbackprop.formulas.verdict import Counterexample
from symbackprop.language.latex import nodes as n

POOLS = ((1,), (2,), (2, 1), (1, 2), (2, 3), (3, 2), (3, 2, 4, 5))
SEEDS = range(3)
CLEAR = 0.01
WIDEST, LONGEST = 140, 40


@dataclass(frozen=True)
class Found:
    """A place and a point where the sides differ."""

    names: Small
    env: dict[str, int]
    at: tuple[int, ...]
    point: int
    left: float
    right: float
    entries: tuple[Scalar, Scalar]


@np.errstate(all="ignore")
def shown(link: Link, outcome: Outcome, context: Context, reading: Reading, claims: Sequence[n.Node]) -> Counterexample:
    """A counterexample to a link that is wrong; where the sides have shapes that never fit, these.

    Of an update `left` is the step, `right` minus the learning rate times the gradient.
    """
    found = smallest(link, context, reading, claims) if link.kind != "shape" and not context.zeros else None
    if found is None:
        sizes = {} if outcome.names is None else {k: v for k, v in outcome.names.sizes.items() if "#" not in k}
        left, right = (
            (f"{outcome.left:.6g}", f"{outcome.right:.6g}")
            if outcome.kind == "differs" and link.kind == "claim"
            else ("", outcome.text or outcome.kind)
        )
        return Counterexample(sizes, {}, entry(outcome.at, dict(outcome.where or {})), left, right)
    printer = Printer(found.names, found.point)
    tensors = leaves(found)
    values = {t.written: rounded(printer.value_of(t.made)) for t in tensors}
    sizes = {key: size for key, size in found.names.sizes.items() if "#" not in key}
    values |= {base: "tanh" for base in sorted(found.names.plainly)}
    code = script(link, found, printer) if link.kind == "claim" else ""
    return Counterexample(sizes, values, entry(found.at, found.env), f"{found.left:.6g}", f"{found.right:.6g}", code)


def entry(at: tuple[int, ...], env: dict[str, int]) -> str:
    """Which entry, and at which values of the indices."""
    place = f"({', '.join(str(k + 1) for k in at)})" if at else ""
    return ", ".join(x for x in (place, *(f"{k} = {v}" for k, v in env.items())) if x)


def rounded(values: np.ndarray) -> object:
    """Numbers as lists."""
    return np.round(values, 6).tolist()


def smallest(link: Link, context: Context, reading: Reading, claims: Sequence[n.Node]) -> Found | None:
    """The first clear difference, sizes growing; one where a side is 0 only if there is no other."""
    best: Found | None = None
    for pool, seed in itertools.product(POOLS, SEEDS):
        sizes: dict[str, int] = {}
        for _ in range(12):
            try:
                names = Small(context, reading, claims, seed, sizes, pool)
                found = list(steps(link, names) if link.kind == "update" else differences(link, names))
            except ResizedError as error:
                sizes = {**names.sizes, error.key: error.size}
                continue
            except (MisfitError, UnreadError, OutOfRangeError, RecursionError):
                found = []
            if found:
                here = min(found, key=lambda x: (plainness(x), x.point))
                if not plainness(here):
                    return here
                if best is None or plainness(here) < plainness(best):
                    best = here
            break
    return best


def plainness(found: Found) -> int:
    """How far from plain a difference is: at best everything is a number, and both sides are neither 0 nor large."""
    sides = abs(found.left), abs(found.right)
    lost = 0
    for x in found.names.where:
        value = np.asarray(x.value, float)
        lost += not np.isfinite(value if value.ndim == 0 else value[found.point])
    return 10 * bool(lost) + sum(1 for x in sides if x < 1e-9) + sum(1 for x in sides if x > 50) + sum(1 for x in sides if 0 < x < 0.05)


def differences(link: Link, names: Small) -> Iterator[Found]:
    """Clear differences at the first places where the sides can be compared."""
    letters = free_letters((link.left, link.right), names.indices)
    for env, left, right in itertools.islice(places(letters, link, names), 8):
        a, b = beside(left, right, names.reading)
        if a is None or b is None:
            return
        mask = where(link, names, env)
        for at in np.ndindex(*a.shape):
            one, other = cast(Scalar, a[at]), cast(Scalar, b[at])
            x, y = at_points(one), at_points(other)
            with np.errstate(all="ignore"):
                clear = np.isfinite(x) & np.isfinite(y) & (np.abs(x - y) > CLEAR * np.maximum(np.abs(x), np.abs(y)) + 1e-6)
            if mask is not None:
                clear = clear & mask
            for point in np.flatnonzero(clear):
                yield Found(names, env, at, int(point), float(x[point]), float(y[point]), (one, other))


def at_points(x: Scalar) -> np.ndarray:
    """The values of a number at all points."""
    return np.broadcast_to(np.asarray(x.value, float), (POINTS,))


def steps(link: Link, names: Small) -> Iterator[Found]:
    """Where the step of an update is clearly another one than minus the learning rate times the gradient."""
    env = dict.fromkeys(free_letters((link.left, link.right), names.indices), 2)
    left, right = names.fitting(link.left, env), names.fitting(link.right, env)
    step = right if link.sign == "+=" else negative(right) if link.sign == "-=" else plus(right, negative(left), True)
    gradient, rate = slope(link, names, left, env), rates(link, names, env)
    if step.shape != gradient.shape:
        return
    for at in np.ndindex(*step.shape):
        one, other = cast(Scalar, step.data[at]), cast(Scalar, gradient.data[at])
        x, y = at_points(one), at_points(other)
        y = -rate * y
        for point in np.flatnonzero(np.isfinite(x) & np.isfinite(y) & (np.abs(x - y) > CLEAR * np.maximum(np.abs(x), np.abs(y)) + 1e-6)):
            yield Found(names, env, at, int(point), float(x[point]), float(y[point]), (one, other))


def leaves(found: Found) -> list[Tensor]:
    """The tensors that no equation gives and that either side depends on."""
    pending, seen = list(found.entries), set()
    made: dict[int, Tensor] = {}
    while pending:
        x = pending.pop()
        if x in seen:
            continue
        seen.add(x)
        pending += x.of
        place = found.names.where.get(x)
        if place is not None and not x.of:
            made[id(place[0])] = place[0]
    return [t for t in found.names.tensors if id(t) in made] or [t for t in found.names.tensors if not t.equations and not t.ends]


def script(link: Link, found: Found, printer: Printer) -> str:
    """A script that prints both sides, or nothing where there is no code for something."""
    try:
        sides = [side(printer, tree, found.env, found.at) for tree in (link.left, link.right)]
        lines = definitions(printer, sides)
    except FAILURES:
        return ""
    lines += [f'print("left side: ", {sides[0]})', f'print("right side:", {sides[1]})']
    text = "\n".join(lines) + "\n"
    rows = text.splitlines()
    return text if len(rows) <= LONGEST and max(map(len, rows)) <= WIDEST else ""


def side(printer: Printer, tree: n.Node, env: dict[str, int], at: tuple[int, ...]) -> str:
    """One entry of a side as code."""
    code = printer.code(tree, env)
    if code.value.ndim != len(at) and code.value.size != 1:
        at = tuple(int(k) for k in np.unravel_index(at[0], code.value.shape)) if len(at) == 1 else at
    if code.value.size == 1 and code.value.ndim != len(at):
        at = (0,) * code.value.ndim
    return f"{code.at(4)}[{', '.join(map(str, at))}]" if at and code.value.ndim == len(at) else code.text


def definitions(printer: Printer, sides: Sequence[str]) -> list[str]:
    """Imports, leaves, helpers, equations and functions, in the order in which they are needed."""
    rows: dict[str, str] = {}
    while True:
        missing = [t for t in printer.needed if t.name not in rows]
        if not missing:
            break
        for t in missing:
            rows[t.name] = printer.assignment(t) if t.equations or t.ends else f"{t.name} = {literal(printer.value_of(t.made))}"
    body = [line for lines in printer.functions.values() for line in lines]
    used = "\n".join([*sides, *body])
    kept: list[str] = []
    for t in reversed(printer.names.tensors):
        if t.name in rows and mentions(used, t.name):
            kept.insert(0, rows[t.name])
            used += "\n" + rows[t.name].split(" = ", 1)[1]
    helpers = [HELPERS[name] for name in sorted(printer.helpers)]
    return ["import numpy as np", "", *[x for h in helpers for x in (*h.splitlines(), "")], *body, *kept]


def mentions(text: str, name: str) -> bool:
    """Whether a name stands in code as a whole word."""
    found = "".join(c if c.isalnum() or c == "_" else " " for c in text)
    return name in found.split()


def literal(values: np.ndarray) -> str:
    """Numbers as NumPy code."""
    return f"np.array({np.round(values, 6).tolist()})" if values.ndim else repr(round(float(values), 6))
