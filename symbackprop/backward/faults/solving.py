"""Right sides that give what a place should hold: edits of the author's, times a number or with a term that has a name."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symbackprop.backward.deriving.labels import close, numbers_near, ratio_of, squeezed
from symbackprop.backward.faults.edits import Edit, Editor
from symbackprop.backward.faults.place import Env, Place
from symbackprop.backward.faults.texts import factored

MOST, MOST_RUNS = 2500, 250
"""Edits that are tried on values; and in whole runs, where a statement is passed many times."""
Found = tuple[int, str, str]
"""What it costs, the right side, the slip in words."""
Case = tuple[int, Env, np.ndarray]


def limited(editor: Editor) -> list[Edit]:
    """As many edits as are tried."""
    return [e for _, e in zip(range(MOST), editor.edits(), strict=False)]


def solutions(place: Place) -> list[Found]:
    """Right sides for a place, the likeliest first."""
    assert place.node is not None
    rhs = place.source.source(place.node)
    editor = place.editor(place.node, place.envs[0][-1])
    return sorted(_by_values(place, editor, rhs) if place.is_told else _by_runs(place, editor, rhs), key=lambda f: (f[0], len(f[1])))


def _by_values(place: Place, editor: Editor, rhs: str) -> Iterator[Found]:
    cases = list(place.cases())
    numbers = [place.numbers(k) for k in range(len(place.envs))]
    seen: set[str] = set()
    for count, edit in enumerate([Edit(0, len(rhs), rhs, "", 0), *limited(editor)]):
        new = rhs[: edit.start] + edit.text + rhs[edit.stop :]
        if new in seen:
            continue
        seen.add(new)
        _, env, wanted = cases[0]
        value = place.result(new, env)
        if value is None or squeezed(value).shape != squeezed(wanted).shape:
            continue
        if place.fits(value, wanted):
            if all(place.fits(place.result(new, e), w) for _, e, w in cases[1:]):
                yield edit.cost, new, edit.words
        elif not count or edit.cost <= 2:
            yield from _by_factor(place, new, edit, cases, numbers)
            if not count:
                yield from _by_term(place, new, cases, numbers)


def _by_factor(place: Place, new: str, edit: Edit, cases: Sequence[Case], numbers: Sequence[Mapping[str, float]]) -> Iterator[Found]:
    """The edit, times a number that has a name, where that makes it right at every point."""
    if place.in_place:
        return
    ways: set[str] | None = None
    for k, env, wanted in cases:
        made = place.result(new, env)
        here = set() if made is None else factors(squeezed(wanted), squeezed(made), numbers[k], 1e-7)
        ways = here if ways is None else ways & here
        if not ways:
            return
    for way in ways or ():
        text, said = factored(new, way)
        yield edit.cost + 1 + way.count("*") + (way.count(".shape") > 0), text, " and ".join(w for w in (edit.words, said) if w)


def factors(wanted: np.ndarray, made: np.ndarray, numbers: Mapping[str, float], tolerance: float) -> set[str]:
    """The names of the number by which `made` is `wanted`."""
    if made.shape != wanted.shape or not np.any(made):
        return set()
    ratio = ratio_of(wanted, made)
    if not ratio or not close(wanted, ratio * made, tolerance):
        return set()
    return {*numbers_near(ratio, numbers, tolerance), *({""} if abs(ratio - 1) < tolerance else ())}


def _by_term(place: Place, new: str, cases: Sequence[Case], numbers: Sequence[Mapping[str, float]]) -> Iterator[Found]:
    """A term that is missing: an array in sight, or a product of two, times a number that has a name."""
    for term in _terms([*place.scope(place.envs[0][-1]).arrays])[:MOST]:
        ways: set[str] | None = None
        for k, env, wanted in cases:
            made, extra = place.result(new, env), _spread(place.value(term, env), wanted)
            if made is None or extra is None or squeezed(made).shape != squeezed(wanted).shape:
                ways = set()
                break
            rest = squeezed(wanted) - squeezed(made)
            if np.any(extra) or np.any(rest):
                here = factors(rest, squeezed(extra), numbers[k], 1e-6)
                ways = here if ways is None else ways & here
            if ways is not None and not ways:
                break
        for way in ways or ():
            sign = "-" if way.startswith("-") else "+"
            added = factored(term, way.lstrip("-"))[0]
            said = f"the term {sign if sign == '-' else ''}{added} is missing"
            yield 2 + way.count("*") + term.count("@") + term.count(" * "), f"{new} {sign} {added}", said


def _terms(names: Sequence[str]) -> list[str]:
    made = [*names, *(f"{a} * {b}" for i, a in enumerate(names) for b in names[i:])]
    made += [t for a in names for b in names for t in (f"{a} @ {b}", f"{a}.T @ {b}", f"{a} @ {b}.T")]
    return made + [f"np.sum({a}, axis={k})" for a in names for k in (0, 1)]


def _spread(value: Any, wanted: np.ndarray) -> np.ndarray | None:
    """A value with the shape of another, where it broadcasts to that."""
    try:
        return np.broadcast_to(value, np.shape(wanted)) if isinstance(value, np.ndarray) else None
    except ValueError:
        return None


def _by_runs(place: Place, editor: Editor, rhs: str) -> Iterator[Found]:
    """An edit that makes the gradients right in whole runs."""
    assert place.node is not None
    for edit in sorted(limited(editor), key=lambda e: e.cost)[:MOST_RUNS]:
        new = rhs[: edit.start] + edit.text + rhs[edit.stop :]
        if place.result(new, place.envs[0][-1]) is not None and place.repairs(new, place.node):
            yield edit.cost, new, edit.words
            return
