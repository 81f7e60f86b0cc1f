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


def edits(side: n.Node, about: Around, most: float = 9.0) -> Iterator[tuple[n.Node, Edit]]:
    """Single edits with the trees they lead to, each tree once, the nearest first."""
    seen = {side}
    rows = itertools.chain.from_iterable(kind(side, about) for kind in ALL)
    for edit in sorted(rows, key=lambda e: e.cost):
        if edit.cost > most:
            return
        tree = edit.tree
        if tree not in seen:
            seen.add(tree)
            yield tree, edit
