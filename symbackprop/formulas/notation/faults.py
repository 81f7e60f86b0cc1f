"""Why something has no value."""

from symbackprop.language.latex import nodes as n


class UnreadError(Exception):
    """Something has no meaning here that is understood; `node` is where."""

    def __init__(self, reason: str, node: n.Node | None = None) -> None:
        super().__init__(reason)
        self.reason, self.node = reason, node


class ResizedError(Exception):
    """Two names of sizes turn out to be one size."""

    def __init__(self, key: str, size: int) -> None:
        super().__init__(key)
        self.key, self.size = key, size


class OutOfRangeError(Exception):
    """An index beyond its axis; `letters` are those that put it there."""

    def __init__(self, what: str, letters: frozenset[str] = frozenset()) -> None:
        super().__init__(what)
        self.letters = letters
