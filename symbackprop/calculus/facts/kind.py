"""The record of a kind of fact: its law, how data is checked and drawn, what a generated module does, its words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sympy import Expr

Array = np.ndarray[Any, np.dtype[Any]]
Place = tuple[int, ...]

NOTHING, MEANS, SUMS, COMBINATIONS = range(4)
"""What of arrays with a fact has it too: nothing that is made of them, their means, also their sums and positive multiples, or all linear
combinations. Arrays of a kind below SUMS can't be scaled."""


@dataclass(frozen=True)
class Law:
    """One law, which `statement` says. None from `apply`: it does not apply.

    A law of a sum takes (the factors in which a bound index occurs, that index, the fact) and gives the value of their sum over it;
    a law of an entry takes (an entry, a power or a sign of one, the fact). `example` states it as an equation about a tensor T for the
    test that proves it: axes, where the fact's axis is, left and right side.
    """

    statement: str
    apply: Callable[..., Expr | None]
    example: tuple[str, int | None, Callable[..., tuple[Expr, Expr]]]


@dataclass(frozen=True)
class Test:
    """What a module tests of an array x, along `axis` where the fact speaks of one: `test` is true where x has the fact, after `before`.

    `ought` says in words what is so, `said` what is wrong where it is not.
    """

    __test__ = False  # pytest takes a class of this name for one of tests

    test: str
    ought: str
    said: str = ""
    before: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of fact. A part without a default must be there; one with a default, where left out, is not known, and nothing rests on it.

    `axis`: whether it speaks of an axis that must be named, of the last if none is, or of none; `square`: of square matrices alone.
    `closed`: what of arrays that have it has it too. `never_negative`: no entry is. `mirrored`: a matrix is its own transpose. `picks`: one
    entry along the axis is 1, the others are 0. `label`: what has it is a label unless something else is said.

    `breach` gives of (an array, the axis) how far from the fact each part is, and what is said of the one at a place; None: no numbers can
    break it. `drawn` changes (floats, the axis, a generator) so that they have it; `small` does so with few digits; `residues` changes
    (exact values, the reals beside them, the axis). `test`, `start` (how a parameter starts: "drawn", "ones"), `draw` (where random
    numbers come from) and `then` (statements after it) are for generated modules, with {x}, {size} and {axis} put in.

    `words` are of pages, by language, `said` of verdicts where that is not "is" and the name, `fix` of what to do about data without it.
    """

    name: str
    axis: Literal["named", "last"] | None
    square: bool = False
    closed: int
    never_negative: bool = False
    mirrored: bool = False
    picks: bool = False
    label: bool = False
    laws_of_sums: tuple[Law, ...] = ()
    laws_of_entries: tuple[Law, ...] = ()
    breach: Callable[[Array, int | None], tuple[Any, Callable[[Place], str]]] | None
    fix: str = "give an array that has it"
    drawn: Callable[[Array, int | None, np.random.Generator], Array]
    small: Callable[[Array, int | None, np.random.Generator], Array]
    residues: Callable[[Array, Array, int | None], Array]
    test: Test | None
    start: str = "drawn"
    draw: str = ""
    then: tuple[str, ...] = ()
    words: Mapping[str, str]
    said: str = ""
