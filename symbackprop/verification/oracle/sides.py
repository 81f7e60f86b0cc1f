"""On which side of its conditions a point lies: what an evaluation meets, kept for two uses.

A condition is a bracket, a function with a kink (a root too, at 0), or a call that picks an entry; its gap is a number that changes sign
where the condition does (x for relu(x), x - y for maximum(x, y), the lead of the first over the second for max).
`Stencil` keeps the signs, so that two
evaluations can be told to have no kink between; `Reached` keeps which signs were ever met, so that what no point has seen can be named.
"""

from collections.abc import Container
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

import numpy as np
from sympy import Expr, KroneckerDelta, Mul

from symbackprop.calculus.program import Call
from symbackprop.calculus.term import Entry, NonNegative, Positive

Condition: TypeAlias = Expr | Call
"""A bracket, delta, function or product of brackets, as it stands in an equation; or a call."""


class Sides(Protocol):
    """What an evaluation tells the conditions it meets."""

    def met(self, place: str, condition: Condition, gap: np.ndarray, picked: np.ndarray | None = None) -> None:
        """In the equation `place`, `condition` has the values `gap` to decide by; `picked` says which entry a call takes, or which step."""


@lru_cache(2**14)
def on_data(e: Expr) -> bool:
    """Whether `e` depends on entries of tensors, not on indices and sizes alone."""
    return bool(e.has(Entry))


@lru_cache(2**14)
def is_guard(e: Expr) -> bool:
    """Whether `e` is made of brackets, deltas and numbers alone, so that 0 means: there is no such term."""
    if isinstance(e, KroneckerDelta | Positive | NonNegative):
        return True
    return bool(e.args) and (e.is_Add or e.is_Mul or e.is_Pow) and all(a.is_number or is_guard(a) for a in e.args)


@lru_cache(2**14)
def guarded(e: Mul) -> tuple[tuple[Expr, ...], tuple[Expr, ...], Expr | None]:
    """The guards among the factors of a product, its other factors, and the product of its brackets where there are two at least."""
    guards = tuple(a for a in e.args if is_guard(a))
    brackets = [a for a in guards if isinstance(a, Positive | NonNegative)]
    several = Mul(*brackets) if len(brackets) > 1 and any(map(on_data, brackets)) else None
    return guards, tuple(a for a in e.args if a not in guards), several


@dataclass
class Stencil:
    """The sides of one evaluation. `on_kink`: something that moves (has an imaginary part) lies on its kink exactly."""

    rows: list[np.ndarray] = field(default_factory=list)
    on_kink: bool = False

    def met(self, place: str, condition: Condition, gap: np.ndarray, picked: np.ndarray | None = None) -> None:
        """Keep the sign of each entry."""
        if isinstance(condition, Mul | KroneckerDelta):
            return
        here = np.real(gap)
        self.rows.append(np.sign(here) if picked is None else picked)
        if np.iscomplexobj(gap):
            self.on_kink = self.on_kink or bool(np.any((here == 0) & (np.imag(gap) != 0)))

    def same(self, other: "Stencil") -> bool:
        """Whether both met the same sides everywhere."""
        return len(self.rows) == len(other.rows) and all(np.array_equal(a, b) for a, b in zip(self.rows, other.rows, strict=True))


@dataclass
class Site:
    """Which signs of the gap of one condition were met, and how near to 0 it came from below and from above, relative to its largest."""

    below: bool = False
    at: bool = False
    above: bool = False
    near: tuple[float, float] = (np.inf, np.inf)
    picks: frozenset[int] = frozenset()

    def join(self, other: "Site") -> None:
        """Add what another record of the same condition has met."""
        self.below, self.at, self.above = self.below or other.below, self.at or other.at, self.above or other.above
        self.near = min(self.near[0], other.near[0]), min(self.near[1], other.near[1])
        self.picks |= other.picks


@dataclass
class Reached:
    """Which sides of each condition were met, by (equation, condition). Products of brackets count in the equations `own` alone."""

    own: Container[str] = ()
    sites: dict[tuple[str, Any], Site] = field(default_factory=dict)

    def met(self, place: str, condition: Condition, gap: np.ndarray, picked: np.ndarray | None = None) -> None:
        """Note the signs of each entry."""
        if isinstance(condition, Mul) and place not in self.own:
            return
        site = self.sites.setdefault((place, condition), Site())
        gap = np.real(gap)
        below, above = gap[gap < 0], gap[gap > 0]
        site.at = site.at or bool(np.any(gap == 0))
        largest = float(np.abs(gap[np.isfinite(gap)]).max(initial=0)) or 1.0
        low, high = site.near
        if below.size:
            site.below, low = True, min(low, float(-below.max()) / max(largest, 1.0))
        if above.size:
            site.above, high = True, min(high, float(above.min()) / max(largest, 1.0))
        site.near = low, high
        if picked is not None and isinstance(condition, Call):
            site.picks |= frozenset(int(k) for k in np.unique(picked))

    def join(self, other: "Reached") -> None:
        """Add what another record has met."""
        for key, site in other.sites.items():
            self.sites.setdefault(key, Site()).join(site)

    def ties(self) -> list[tuple[str, Condition]]:
        """The conditions that lie on their kink somewhere, products and deltas aside."""
        return [key for key, site in self.sites.items() if site.at and not isinstance(key[1], Mul | KroneckerDelta)]
