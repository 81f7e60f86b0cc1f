"""How a claim was understood, in words: the layout, and what its names are."""

from symbackprop.formulas import words
from symbackprop.formulas.meaning.meaning import Meaning
from symbackprop.formulas.notation.faults import OutOfRangeError, ResizedError, UnreadError
from symbackprop.formulas.notation.layered import unlabelled
from symbackprop.formulas.notation.links import Link
from symbackprop.formulas.notation.readings import Reading
from symbackprop.formulas.notation.trees import flat, operands
from symbackprop.formulas.numbers.quantities import MisfitError
from symbackprop.formulas.outcome import Outcome
from symbackprop.formulas.said import Said
from symbackprop.language.latex import nodes as n

MOST = 8


def understood(link: Link, outcome: Outcome, reading: Reading) -> Said | str:
    """The reading in words; nothing where not even names had a value."""
    names = outcome.names
    if names is None:
        return ""
    layout = words.say(f"layout {reading.layout}")
    vectors = words.say("rows" if reading.row_vectors else "columns")
    shapes = list(dict.fromkeys(x for side in (link.left, link.right) for x in described(side, names, dict(outcome.where or {}))))
    return words.say("reading", layout=layout, vectors=vectors, shapes="; ".join(shapes[:MOST]) or "-")


def described(side: n.Node, names: Meaning, where: dict[str, int]) -> list[str]:
    """The names of a side with their shapes at the sizes that were tried."""
    made = []
    env = {**dict.fromkeys(names.indices, 1), **dict.fromkeys(names.recursive, 2), **where}
    for p in operands(side):
        if not isinstance(p, n.Name) or flat(p) in env or names.is_size(p, env):
            continue
        try:
            made.append(f"{flat(unlabelled(p))}: {names.name(p, env).described}")
        except (UnreadError, MisfitError, OutOfRangeError, ResizedError, RecursionError):
            continue
    return made
