"""What can be declared of a tensor: one record per kind of fact, which every other room walks."""

from symbackprop.calculus.facts.kind import COMBINATIONS, MEANS, NOTHING, SUMS, Kind, Law, Test
from symbackprop.calculus.facts.kinds import KINDS, closed, kind_of

__all__ = ["COMBINATIONS", "KINDS", "MEANS", "NOTHING", "SUMS", "Kind", "Law", "Test", "closed", "kind_of"]
