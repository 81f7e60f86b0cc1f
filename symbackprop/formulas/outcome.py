"""What comes of trying a link on numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

from symbackprop.formulas.meaning.meaning import Meaning
from symbackprop.language.latex import nodes as n


@dataclass(frozen=True)
class Outcome:
    """What came of a trial: "equal", "differs", "shape" (the sides have different shapes), "misfit" (a side has none), "unread"."""

    kind: str
    text: str = ""
    node: n.Node | None = None
    where: Mapping[str, int] | None = None
    names: Meaning | None = None
    at: tuple[int, ...] = ()
    left: float = 0.0
    right: float = 0.0
    point: int = 0
    ratio: float | None = None
    trivial: bool = False
