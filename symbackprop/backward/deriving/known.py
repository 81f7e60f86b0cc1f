"""What is known at a point: the values of the forward pass, dJ/dT of each, the part of it that comes by one statement; sizes, scalars."""

import ast
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symbackprop.backward.deriving.differences import Moment, Slope, by_input, by_moment, history, slope
from symbackprop.backward.running.passes import Point
from symbackprop.backward.running.slots import Objective, is_numbers
from symbackprop.backward.running.watched import number_of

SECONDS = 0.8
"""Of one point and of this process, for what the margin says beyond the gradients that are judged: a busy machine changes nothing."""
MOST = 1500
"""Runs for one derivative beyond these."""
READ = -1
"""The number by which the hook knows a value that is read."""


@dataclass
class Known:
    """Values by name. A variable that is bound again bears the line of the earlier value: `h of line 12`.

    `parts`: by name and the line of the statement that uses it; `scalars`: sizes and numbers; `series`: the names of the values that a
    variable has in the rounds of a loop, by variable and site.
    """

    forward: dict[str, np.ndarray] = field(default_factory=dict)
    adjoint: dict[str, Slope] = field(default_factory=dict)
    parts: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    scalars: dict[str, float] = field(default_factory=dict)
    series: dict[tuple[str, int], list[str]] = field(default_factory=dict)


def known_at(objective: Objective, point: Point, gradients: Mapping[str, Slope]) -> Known:
    """What is known at a point; `gradients` by arguments have been found before."""
    made = Known(scalars={n: float(s) for n, s in point.at.items()})
    for name, value in point.values.items():
        if is_numbers(value):
            made.forward[name] = np.asarray(value, float)
        if np.ndim(value) == 0:
            made.scalars[name] = float(value)
    made.adjoint |= gradients
    end = time.process_time() + SECONDS
    bound = list(history(objective, point))
    names = _names([m for m, _ in bound], objective, set(point.values))
    last = {}
    for moment, value in bound:
        name = names[moment]
        made.forward[name] = np.asarray(value, float)
        if is_numbers(value):
            last[name] = moment
        made.series.setdefault((moment.name, moment.site), []).append(name)
    for name in reversed(made.forward):
        if name not in made.adjoint and time.process_time() < end and (name in last or name in point.values):
            value = made.forward[name]
            one = by_moment(objective, point, last[name], value, MOST) if name in last else by_input(objective, point, name)
            # What J does not depend on is no adjoint that anybody would compute.
            if one is not None and np.any(one.value):
                made.adjoint[name] = one
    if objective.passes.is_one:
        # The lines of the gradients stand in the same function: they are no part of the forward pass.
        made.forward = {n: v for n, v in made.forward.items() if n in made.adjoint or n in point.values}
    counts: dict[str, int] = {}
    for moment in last.values():
        counts[moment.name] = counts.get(moment.name, 0) + 1
    alone = [n for n in made.adjoint if n.isidentifier() and counts.get(n, 0) + (n in point.values) == 1]
    for name in alone:
        for line, part in _parts(objective, point, name, made.forward[name], made.adjoint[name], end):
            made.parts[name, f"line {line}"] = part
    return made


def _names(moments: list[Moment], objective: Objective, taken: set[str]) -> dict[Moment, str]:
    """A name for each moment; the last of a variable bears the plain one, where no argument is called so."""
    sites = objective.passes.forward.sites
    final = {m.name: m for m in moments}
    repeated = {m.site for m in moments if m.time}
    made = {}
    for m in moments:
        plain = final[m.name] == m and m.name not in taken
        made[m] = m.name if plain else f"{m.name} of line {sites[m.site].line}" + (f", round {m.time + 1}" if m.site in repeated else "")
    return made


def _parts(objective: Objective, point: Point, name: str, value: np.ndarray, whole: Slope, end: float) -> Iterator[tuple[int, np.ndarray]]:
    """The parts of dJ/d`name` that come by the statements that read it, where there are several."""
    forward = objective.passes.forward
    reads: dict[int, list[int]] = {}
    for node in ast.walk(forward.tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Return) and node.value is not None:
            for n in ast.walk(node.value):
                if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load):
                    reads.setdefault(node.lineno, []).append(number_of(n))
    if len(reads) < 2 or whole.value.size * 4 > MOST:
        return
    old = forward.plain
    for line, numbers in reads.items():
        if time.process_time() > end:
            return
        read = ast.Call(ast.Name("_sbp_hook", ast.Load()), [ast.UnaryOp(ast.USub(), ast.Constant(-READ)), ast.Name(name, ast.Load())], [])
        forward.plain = forward.changed(dict.fromkeys(numbers, read))
        try:
            made = _part(objective, point, value)
        finally:
            forward.plain = old
        if made is not None and np.any(made.value) and made.error < 1e-6 and not np.allclose(made.value, whole.value, rtol=1e-7, atol=0):
            yield line, made.value


def _part(objective: Objective, point: Point, value: np.ndarray) -> Slope | None:
    """The derivative by what is added to a value where it is read."""

    def run(change: np.ndarray) -> float:
        def hook(site: int, value: Any) -> Any:
            return value + change if site == READ and np.shape(value) == change.shape else value

        return objective(point, hook)

    return slope(run, np.zeros(value.shape), size=float(np.max(np.abs(value), initial=0)))
