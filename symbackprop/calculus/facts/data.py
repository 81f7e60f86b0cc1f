"""Numbers against what is declared of a tensor: an array of real numbers, or of places, with the facts that the formulas rest on."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from symbackprop.calculus.facts.kind import Array, Place
from symbackprop.calculus.facts.kinds import TOLERANCE, kind_of
from symbackprop.calculus.program import Fact, Tensor
from symbackprop.errors import DataError, FactError


def real_array(t: Tensor, given: Any, place: str) -> Array:
    """A plain array of what is given for a tensor. Raises DataError for what is none of real numbers, or of places for an index."""
    try:
        values = np.asarray(given)
    except ValueError as e:
        raise DataError(f"what is given for '{t.name}' is no array: {e}", place=place, fix="give lists of equal lengths") from None
    if np.ma.is_masked(given):
        raise DataError(f"'{t.name}' has masked entries", place=place, fix="fill them, or leave these samples out")
    if t.role == "index":
        if values.dtype.kind not in "iu":
            raise DataError(f"'{t.name}' indexes, and holds {values.dtype}", place=place, fix="give whole numbers")
        if values.size and values.min() < 0:
            raise DataError(f"'{t.name}' holds {values.min()}", place=place, fix="places count from 0")
    elif values.dtype.kind not in "fiub":
        fix = "give its real and imaginary part as two tensors" if values.dtype.kind == "c" else "give an array of real numbers"
        raise DataError(f"'{t.name}' holds {values.dtype}, and formulas here are of real numbers", place=place, fix=fix)
    return values


def float_type(arrays: Iterable[Array]) -> np.dtype:
    """The dtype that a result has: of the arrays with axes that hold fractions, else of such numbers; at least single precision."""
    held = [a for a in arrays if a.dtype.kind == "f"]
    kinds = [a.dtype for a in held if a.ndim] or [a.dtype for a in held]
    return np.result_type(np.float32, *kinds) if kinds else np.dtype(float)


def check_facts(tensors: Iterable[Tensor], arrays: Mapping[str, Array], place: str) -> None:
    """Raise FactError at the first declared fact that the array of its tensor, by name, breaks."""
    for t in tensors:
        if t.name in arrays:
            for fact in t.facts:
                _check(fact, np.asarray(arrays[t.name]), place)


def _check(fact: Fact, values: Array, place: str) -> None:
    made = broken(fact, values)
    if made is None:
        return
    where, what = made
    spot = ", ".join(str(k) for k in where)
    kind, notes = kind_of(fact), []
    if kind.axis is not None:
        row = np.moveaxis(values, fact.axis, -1)[where] if fact.axis is not None else values
        notes = [
            f"{fact.tensor}{f'[{spot}]' if spot else ''} = {np.array2string(row, precision=6, threshold=8, edgeitems=3)}".split("\n")[0]
        ]
        subject = f"row {spot} of '{fact.tensor}'" if spot else f"'{fact.tensor}'"
    else:
        subject = f"{fact.tensor}[{spot}]" if spot else f"'{fact.tensor}'"
    fix = f"{kind.fix}, or take the fact away from the model (the general gradient is derived then)"
    raise FactError(f"{subject} {what}, but the model declares '{fact.kind}'", place=place, notes=notes, fix=fix)


def broken(fact: Fact, values: Array) -> tuple[Place, str] | None:
    """The first place where an array is further from a fact than rounding, and what is wrong there; None where it has it. NaN has none."""
    breach = kind_of(fact).breach
    if breach is None:
        return None
    gaps, said = breach(values, fact.axis)
    found = np.argwhere(~(np.asarray(gaps) <= TOLERANCE))
    if not len(found):
        return None
    where = tuple(int(k) for k in found[0])
    return where, said(where)
