"""The literal evaluation of many displaced points at once: a row for each, and a first one where nothing is displaced.

Each tensor that moves has a leading axis of rows; the equations are evaluated as they stand, once for all rows.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from sympy import Expr, KroneckerDelta, Mul

from symbackprop.calculus.program import Equation, Program
from symbackprop.calculus.term import Total
from symbackprop.verification.oracle.literal import Arrays, Way, evaluate_equation, size_of
from symbackprop.verification.oracle.sides import Condition

MOST = 2**22
"""Entries of all tensors, and of the largest grid, that are worth their memory at once."""


class Turns:
    """What each row of an evaluation meets. `same`: the same sides as the first; `on_kink`: what moves there lies on its kink exactly."""

    def __init__(self, count: int) -> None:
        self.same, self.on_kink = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)

    def met(self, place: str, condition: Condition, gap: np.ndarray, picked: np.ndarray | None = None) -> None:
        """Compare the sides of each row with those of the first."""
        if isinstance(condition, Mul | KroneckerDelta):
            return
        here = np.real(gap)
        sides = np.sign(here) if picked is None else picked
        self.same &= np.all((sides == sides[:1]).reshape(len(self.same), -1), axis=1)
        if np.iscomplexobj(gap):
            self.on_kink |= np.any(((here == 0) & (np.imag(gap) != 0)).reshape(len(self.same), -1), axis=1)


class Kept:
    """By what a call decides in one row."""

    def __init__(self) -> None:
        self.gaps: list[tuple[np.ndarray, np.ndarray | None]] = []

    def met(self, place: str, condition: Condition, gap: np.ndarray, picked: np.ndarray | None = None) -> None:
        """Keep it."""
        self.gaps.append((gap, picked))


def displaced(
    program: Program, known: Arrays, name: str, moves: Sequence[Arrays], sizes: Mapping[Expr, int], dtype: type = np.float64
) -> tuple[np.ndarray, Turns]:
    """The tensor `name`, and the sides met, for each of `moves`: what stands, of some tensors, instead of what is `known`."""
    moving = downstream(program, {n for move in moves for n in move})
    with np.errstate(all="ignore"):
        step = max(1, MOST // _width(program, moving, sizes))
        parts = [_evaluated(program, known, name, moves[k : k + step], sizes, dtype, moving) for k in range(0, len(moves), step)]
    turns = Turns(len(moves))
    turns.same = np.concatenate([t.same[1:] for _, t in parts])
    turns.on_kink = np.concatenate([t.on_kink[1:] for _, t in parts])
    return np.concatenate([values[1:] for values, _ in parts]), turns


def downstream(program: Program, names: set[str]) -> set[str]:
    """The names of the tensors that depend on any of `names`, these included."""
    found = set(names)
    for e in program.equations:
        if not found.isdisjoint(e.uses()):
            found.add(e.name)
    return found


def _evaluated(
    program: Program, known: Arrays, name: str, moves: Sequence[Arrays], sizes: Mapping[Expr, int], dtype: type, moving: set[str]
) -> tuple[np.ndarray, Turns]:
    """The tensor `name` in each row, the first of them undisplaced."""
    count = len(moves) + 1
    turns = Turns(count)
    table = {n: np.asarray(known[n]).astype(dtype) for n in program.tensors if n not in moving}

    def start(n: str) -> np.ndarray:
        return np.broadcast_to(known[n], (count, *np.shape(known[n]))).astype(dtype)

    def settle(n: str, values: np.ndarray) -> None:
        for row, move in enumerate(moves, 1):
            if n in move:
                values[row] = move[n]
        table[n] = values

    for leaf in program.leaves:
        if leaf.name in moving:
            settle(leaf.name, start(leaf.name))
    for e in program.equations:
        if e.name in moving:
            is_moved = not moving.isdisjoint(e.uses())
            settle(e.name, _equation(e, table, sizes, moving, Way(dtype, turns, rows=count)) if is_moved else start(e.name))
    return (table[name] if name in moving else start(name)), turns


def _equation(e: Equation, table: Arrays, sizes: Mapping[Expr, int], moving: set[str], way: Way) -> np.ndarray:
    """The tensor that an equation defines, in all rows at once; of a call in one after the other."""
    if isinstance(e.rhs, Expr):
        return evaluate_equation(e, table, sizes, way)
    made, met = [], []
    for row in range(way.rows):
        kept = Kept()
        given = {n: table[n][row] if n in moving else table[n] for n in e.rhs.arguments}
        made.append(evaluate_equation(e, given, sizes, Way(way.dtype, kept)))
        met.append(kept.gaps)
    if way.sides is not None and all(met):
        gaps, picks = zip(*[row[0] for row in met], strict=True)
        way.sides.met(e.name, e.rhs, np.stack(gaps), None if picks[0] is None else np.stack(picks))
    return np.stack(made)


def _width(program: Program, moving: set[str], sizes: Mapping[Expr, int]) -> int:
    """The entries that one row has: of all tensors that move, or of the largest grid, whichever are more."""
    moved = [e for e in program.equations if e.name in moving]
    entries = {n: prod(size_of(a, sizes) for a in program.tensors[n].axes) for n in moving if n in program.tensors}
    grids = [_grid(e.rhs, sizes, entries[e.name]) for e in moved if isinstance(e.rhs, Expr)]
    return max(sum(entries.values()), *grids, 1)


def _grid(e: Any, sizes: Mapping[Expr, int], outer: int) -> int:
    """The entries of the largest grid that an expression is evaluated on, those of the grid around it given."""
    if isinstance(e, Total):
        return _grid(e.body, sizes, outer * prod(size_of(i.axis, sizes) for i in e.indices))
    return max([outer, *(_grid(a, sizes, outer) for a in e.args if a.args)])
