"""Axes, indices and shape strings.

An axis is known by its size, a SymPy expression: a symbol for a named axis ("n"), an integer for a fixed one, or a
formula (n - 1 for a slice). Same letter, same size. Everything that makes a size or an index makes it here, so that
two that print alike are the same object to SymPy.
"""

import re
from collections.abc import Iterable
from itertools import count
from typing import Any

from sympy import Add, Expr, Integer, Mul, Symbol

from symbackprop.errors import AxisError
from symbackprop.memo import remembered

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
GREEK = "ΓΔΘΛΞΠΣΥΦΨΩαβγδεζηθικλμνξπρστυφχψω"
"""Greek letters that a name may hold: none that looks like a Latin one, or that Python takes for another."""
NAME = re.compile(rf"[A-Za-z_{GREEK}][A-Za-z0-9_{GREEK}]*\Z")
"""What can name a tensor."""
LETTER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FORMULA = re.compile(r"[A-Za-z0-9_]+([-+*][A-Za-z0-9_]+)+\Z")
NUMBERED = re.compile(r"r([0-9]+)\Z")
_serial = count()


def is_number(word: str) -> bool:
    """Whether `word` is a whole number in plain digits."""
    return word.isascii() and word.isdigit()


@remembered
def axis(name: str) -> Expr:
    """The size of the axis `name`: a positive integer symbol, or the integer itself for "3"."""
    if is_number(name):
        return Integer(int(name))
    return Symbol(name, integer=True, positive=True)


class Index(Symbol):
    """An index 0 <= i < axis. Two indices are the same when label and axis are."""

    __slots__ = ("axis",)
    axis: Expr

    def __new__(cls, label: str, axis: Expr) -> "Index":
        """The one index that is called `label` and runs over `axis`."""
        return _index(cls, label, axis)  # type: ignore[arg-type] # a class is hashable

    def __getnewargs_ex__(self):
        """What a copy or a pickle is made from."""
        return (self.name, self.axis), {}

    def _hashable_content(self):
        return (self.name, self.axis)


def _new(cls: Any, label: str, size: Expr) -> Index:
    made = Symbol.__xnew__(cls, label, integer=True, nonnegative=True)
    made.axis = size
    return made


_index = remembered(_new)


def fresh(size: Expr) -> Index:
    """A bound index that occurs nowhere else.

    SymPy orders factors by names: these are ordered as they are made, however many were made before.
    """
    return _new(Index, f"_{next(_serial):012}", size)


def bound_index(number: int, size: Expr) -> Index:
    """The bound index of a number: r0, r1, ..."""
    return Index(f"r{number}", size)


def bound_number(i: Index) -> int | None:
    """The number of a bound index that has one."""
    found = NUMBERED.match(i.name)
    return int(found[1]) if found else None


def free_indices(axes: Iterable[Expr], letter: str = "i") -> tuple[Index, ...]:
    """The indices i0, i1, ... that run over `axes`, in layout order."""
    return tuple(Index(f"{letter}{k}", size) for k, size in enumerate(axes))


def parse_shape(text: str, place: str = "", *, less: bool = False) -> tuple[Expr, ...]:
    """The axes of a shape string: "n d" has two, "" none (a scalar), "3 d" one that is fixed, "4*k" and "c*h*w+1" one each.

    `less`: a size may be subtracted too, as in "n-2"; it is seen elsewhere that this is positive.
    """
    axes = []
    for word in text.replace(",", " ").split():
        factors = re.split("[-+*]", word)
        if FORMULA.match(word) and all(is_number(f) or IDENTIFIER.match(f) for f in factors) and (less or "-" not in word):
            terms = word.replace("-", "+-1*").split("+")
            axes.append(Add(*[Mul(*[Integer(-1) if f == "-1" else axis(f) for f in term.split("*")]) for term in terms]))
            continue
        if not (is_number(word) or IDENTIFIER.match(word)):
            start = text.find(word)
            fix = 'write names or sizes apart by blanks, as in "n d" or "3 d"; products and sums of them without, as in "4*k"'
            if ":" in word:
                fix = 'set tensors apart by ";", as in "A: m n; x: n"'
            raise AxisError(
                f"'{word}' is not an axis",
                place=place,
                source=text,
                spans=[(start, start + len(word))],
                fix=fix,
            )
        axes.append(axis(word))
    return tuple(axes)


def letters(text: str) -> list[str]:
    """The names of axes that stand in a shape string, in order of appearance."""
    return list(dict.fromkeys(LETTER.findall(text)))


def shape_text(axes: Iterable[Expr]) -> str:
    """The shape string of `axes`, as the user would write it."""
    return " ".join(str(a).replace(" ", "") for a in axes)
