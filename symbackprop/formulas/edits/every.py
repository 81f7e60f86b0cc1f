"""All single edits of a side, the nearest first."""

import itertools
from collections.abc import Iterator

from symbackprop.formulas.edits.around import Around, Edit
from symbackprop.formulas.edits.names import exponentials, functions, indices, others, powers
from symbackprop.formulas.edits.products import brackets, drops, factors, further, orders, transposes
from symbackprop.formulas.edits.signs import signs
from symbackprop.formulas.edits.sums import deltas, ranges
from symbackprop.language.latex import nodes as n

ALL = (signs, transposes, orders, indices, drops, deltas, functions, exponentials, powers, brackets, factors, ranges, others, further)
USUAL = 1.42
"""Edits up to this cost are the likeliest: those are combined in pairs."""


def edits(side: n.Node, about: Around, most: float = 9.0) -> list[Edit]:
    """Single edits, each tree once, sorted by how near they lie."""
    seen = {side}
    made: list[Edit] = []
    for edit in sorted(itertools.chain.from_iterable(_of(kind, side, about) for kind in ALL), key=lambda e: e.cost):
        if edit.cost <= most and edit.tree not in seen:
            seen.add(edit.tree)
            made.append(edit)
    return made


def _of(kind: object, side: n.Node, about: Around) -> Iterator[Edit]:
    yield from kind(side, about)  # type: ignore[operator]
