"""Which line is to blame: the backward pass is run again with one variable set to a derived value after its line.

The earliest place that makes wrong gradients right, and no right one wrong, is the place of the fault.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symbackprop.backward.deriving.bench import RIGHT, WRONG, Bench, Moved, replacing
from symbackprop.backward.deriving.labels import ADJOINT, FACTOR, FORWARD, SHAPES, Label, close, squeezed
from symbackprop.backward.running.pairing import variable_of
from symbackprop.backward.running.slots import Slot
from symbackprop.backward.running.watched import Site

MOST = 4000
"""Runs of the backward pass that a search for the place may take."""


@dataclass(frozen=True)
class Blame:
    """A place of a fault: what is bound there should be `target` (a label), whose values stand in `wanted`, one for each point and time."""

    site: Site
    target: Label
    wanted: tuple[Mapping[int, np.ndarray], ...]
    was: tuple[np.ndarray, ...]
    repairs: tuple[Slot, ...]
    order: int
    is_known: bool


def blames(bench: Bench, states: Mapping[Slot, str], logs: Sequence[Sequence[Moved]], labels: Mapping[int, Label]) -> list[Blame]:
    """The fewest places that explain the wrong gradients. What no place explains is in none of their `repairs`."""
    wrong = [s for s in bench.slots if states.get(s) == WRONG]
    right = [s for s in bench.slots if states.get(s) == RIGHT]
    found: list[Blame] = []
    left = [MOST]
    for order, number in enumerate(dict.fromkeys(m.site for m in logs[0])):
        site = bench.passes.backward.sites[number]
        times = [[m for m in log if m.site == number] for log in logs]
        said = labels.get(number)
        own = said is not None and said.kind == FORWARD and (said.of == site.name or site.name not in bench.known[0].forward)
        if not all(times) or left[0] <= 0 or own:
            continue
        best: Blame | None = None
        for target, wanted in _targets(bench, site, times, labels):
            left[0] -= len(bench.points)
            seen = bench.tried(lambda k, n=number, w=wanted: replacing(n, w[k]), first=wrong)  # type: ignore[misc]
            if seen is None or any(seen[s] != RIGHT for s in right):
                continue
            repairs = tuple(s for s in wrong if seen[s] == RIGHT)
            known = said is not None and said.kind == ADJOINT and variable_of(site.name, [*bench.known[0].adjoint]) in ("", said.of)
            if repairs and (best is None or len(repairs) > len(best.repairs)):
                best = Blame(site, target, wanted, tuple(t[-1].value for t in times), repairs, order, known)
            if len(repairs) == len(wrong):
                break
        if best is not None:
            found.append(best)
            if len(best.repairs) == len(wrong) and not best.is_known:
                break
    return _fewest(found, wrong)


def _fewest(found: Sequence[Blame], wrong: Sequence[Slot]) -> list[Blame]:
    """Greedily the place that explains most of what is left, the earliest of equals; one that is right by its own name comes later."""
    left, made = set(wrong), []
    while left:
        best = min(found, key=lambda b: (-len(left & {*b.repairs}), b.is_known, b.order), default=None)
        if best is None or not left & {*best.repairs}:
            break
        made.append(best)
        left -= {*best.repairs}
    return made


def _targets(
    bench: Bench, site: Site, times: Sequence[Sequence[Moved]], labels: Mapping[int, Label]
) -> Iterator[tuple[Label, tuple[Mapping[int, np.ndarray], ...]]]:
    """What a site may have to bind, the likeliest first."""
    known = bench.known
    last = [t[-1] for t in times]
    names = [n for n in known[0].adjoint if all(n in k.adjoint for k in known)]
    by_name = variable_of(site.name, names)
    names.sort(key=lambda n: (n != by_name, not n.isidentifier()))

    def fits(values: Sequence[np.ndarray]) -> bool:
        alike = all(squeezed(v).shape == squeezed(m.value).shape for v, m in zip(values, last, strict=True))
        return alike and not all(close(squeezed(v), squeezed(m.value), 1e-9) for v, m in zip(values, last, strict=True))

    def at_last(values: Sequence[np.ndarray]) -> tuple[Mapping[int, np.ndarray], ...]:
        return tuple({m.time: v} for v, m in zip(values, last, strict=True))

    for name in names:
        values = [k.adjoint[name].value for k in known]
        if fits(values) or (name == by_name and _misshapen(values, last)):
            yield Label(ADJOINT, name), at_last(values)
    yield from _each_round(bench, site, times)
    factors = {la.way for la in labels.values() if la.kind == FACTOR and la.way.endswith("* ")}
    for factor in sorted(factors, key=len)[:3]:
        for name in names:
            numbers = [_number(factor, k.scalars) for k in known]
            values = [c * k.adjoint[name].value for c, k in zip(numbers, known, strict=True) if c is not None]
            if len(values) == len(known) and fits(values):
                yield Label(FACTOR, name, factor), at_last(values)
    for letter in bench.points[0].at if by_name else ():
        for factor in (f"{letter} * ", f"1/{letter} * "):
            numbers = [_number(factor, {a: float(s) for a, s in p.at.items()}) or 1 for p in bench.points]
            values = [c * k.adjoint[by_name].value for c, k in zip(numbers, known, strict=True)]
            if fits(values):
                yield Label(FACTOR, by_name, factor), at_last(values)
    for key in [p for p in known[0].parts if all(p in k.parts for k in known)]:
        values = [k.parts[key] for k in known]
        if fits(values):
            yield Label("part", *key), at_last(values)
    forward = [n for n in known[0].forward if all(n in k.forward for k in known)]
    for name in sorted(forward, key=lambda n: n != site.name):
        values = [k.forward[name] for k in known]
        if name == site.name and fits(values):
            yield Label(FORWARD, name), at_last(values)
    if by_name or len(times[0]) > 1:
        return
    for name in forward:
        for how, fun in SHAPES.items():
            with np.errstate(all="ignore"):
                values = [np.asarray(fun(k.forward[name]), float) for k in known]
            if how != "{0}" and all(np.all(np.isfinite(v)) for v in values) and fits(values):
                yield Label(FORWARD, how.format(name)), at_last(values)


def _misshapen(values: Sequence[np.ndarray], last: Sequence[Moved]) -> bool:
    """Whether what is bound has another shape than what is wanted, everywhere."""
    return all(squeezed(v).shape != squeezed(m.value).shape for v, m in zip(values, last, strict=True))


def _each_round(bench: Bench, site: Site, times: Sequence[Sequence[Moved]]) -> Iterator[tuple[Label, tuple[Mapping[int, np.ndarray], ...]]]:
    """The derived values of a variable that forward binds in each round of a loop, from the last to the first, and the other way round."""
    if len(times[0]) < 2:
        return
    for series in bench.known[0].series:
        for turned in (True, False):
            made = []
            for k, t in zip(bench.known, times, strict=True):
                rounds = k.series.get(series, [])[:: -1 if turned else 1]
                values = [k.adjoint[r].value if r in k.adjoint else None for r in rounds]
                if len(rounds) != len(t) or any(
                    v is None or squeezed(v).shape != squeezed(m.value).shape for v, m in zip(values, t, strict=True)
                ):
                    break
                made.append({m.time: v for m, v in zip(t, values, strict=True)})
            if len(made) == len(times):
                yield Label(ADJOINT, f"{series[0]} (each round)"), tuple(made)  # type: ignore[arg-type]


def _number(text: str, scalars: Mapping[str, float]) -> float | None:
    """The value of a factor as labels write it, at one point."""
    made = 1.0
    body = text.removesuffix(" * ")
    if body.startswith("-"):
        made, body = -1.0, body[1:]
    for part in body.split(" * "):
        top, _, below = part.partition("/")
        for words, power in ((top, 1), (below, -1)):
            root = words.startswith("np.sqrt(")
            for word in words.removeprefix("np.sqrt").strip("()").split("*") if words else ():
                value = scalars.get(word, None) if not word.isdigit() else float(word)
                if value is None:
                    return None
                made *= value ** (power / 2 if root else power)
    return made
