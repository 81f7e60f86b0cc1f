"""All rules of matrix form, table by table: from indices to products, from free indices to matrices, from matrices to shorter ones."""

from collections.abc import Mapping

from symbackprop.notation.graph import RULES, SIDES
from symbackprop.notation.law import Law
from symbackprop.notation.polish import POLISH
from symbackprop.notation.shorter import LAWS
from symbackprop.notation.unfolded import MOVES, UNFOLDED

TABLES: Mapping[str, tuple[Law, ...]] = {
    "a bound index goes": RULES,
    "one index down and one across": SIDES,
    "deltas between output and input": MOVES,
    "two indices down and two across": UNFOLDED,
    "the same, shorter": LAWS,
    "the same, as it is read": POLISH,
}
"""The tables by what they are for, in the order in which they are used."""
