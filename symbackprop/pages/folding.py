"""Long pages: what is more than MANY of a kind shows its two ends, and all of it under a fold."""

from collections.abc import Callable, Sequence

from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Block, Fold, Formulas, Grid, Line

MANY = 24
ENDS = 4
GROUP = 12


def formulas(nodes: Sequence[tree.Node], title: str) -> list[Block]:
    """Displayed equations; of many the first and the last, and all under the fold `title`."""
    if len(nodes) <= MANY:
        return [Formulas(tuple(nodes))]
    short = (*nodes[:ENDS], tree.Mark("vdots"), *nodes[-ENDS:])
    return [Formulas(short), Fold((title,), (Formulas(tuple(nodes)),))]


def grid(header: tuple[Line, ...], rows: Sequence[tuple[Line, ...]], title: str) -> list[Block]:
    """A table; of many rows the first and the last, and all under the fold `title`."""
    if len(rows) <= MANY:
        return [Grid(header, tuple(rows))]
    between: tuple[Line, ...] = ((tree.Mark("vdots"),), *((("",),) * (len(header) - 1)))
    return [Grid(header, (*rows[:ENDS], between, *rows[-ENDS:])), Fold((title,), (Grid(header, tuple(rows)),))]


def groups(blocks: Sequence[Block], title: Callable[[int, int], Line]) -> list[Block]:
    """The blocks as they are; many of them in folds of GROUP, each with the title of its first and last number."""
    if len(blocks) <= MANY:
        return list(blocks)
    made: list[Block] = []
    for start in range(0, len(blocks), GROUP):
        part = tuple(blocks[start : start + GROUP])
        made.append(Fold(title(start + 1, start + len(part)), part))
    return made
