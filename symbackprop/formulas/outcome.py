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
    plain: bool = False

    @property
    def is_certain(self) -> bool:
        """Whether a mismatch can hardly come from a misreading: a constant factor, a step uphill, numbers alone, a list for a number."""
        if self.kind in ("uphill", "factor") or self.ratio is not None or self.plain:
            return True
        declared = self.names.context.declared if self.names is not None else ()
        return self.kind == "differs" and bool(declared) and not any(d.axes for d in declared) and not self.where
