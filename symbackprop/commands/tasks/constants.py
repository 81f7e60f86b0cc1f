"""Constants of a model from the command line: --set lam=0.01, --set mask=mask.npy."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symbackprop.calculus.program import Program, Tensor
from symbackprop.commands.tasks.table import is_number
from symbackprop.errors import DataError, SpecError, UnknownNameError, nearest
from symbackprop.files import note

Array = np.ndarray[Any, np.dtype[Any]]
GIVEN = ("constant", "input", "index")
"""The roles of what --set can give."""


def settings(given: Sequence[str]) -> dict[str, str]:
    """The values of --set, by name. Raises SpecError for what is not NAME=VALUE, or said twice."""
    made: dict[str, str] = {}
    for text in given:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value):
            raise SpecError("a constant is set as NAME=VALUE", place="--set", source=text, fix='write --set lam=0.01, or --set "A=A.npy"')
        if name in made:
            raise SpecError(f"'{name}' is set twice", place="--set", fix="set it once")
        made[name] = value
    return made


def set_arrays(given: Mapping[str, str], program: Program, sizes: Mapping[str, int]) -> dict[str, Array]:
    """The arrays that settings mean: a number is that of every entry, a .npy file an array. `sizes` are those of axes by name.

    Raises UnknownNameError for what is no constant of the model, DataError for a value that is none of it.
    """
    known = {t.name: t for t in program.leaves if t.role in GIVEN}
    made: dict[str, Array] = {}
    for name, value in given.items():
        if name not in known:
            role = program.tensors[name].role if name in program.tensors else ""
            fix = f"did you mean {' or '.join(nearest(name, list(known)) or known) or 'a model with constants'}?"
            fix = f"it is of the role {role}: --set gives constants" if role else fix
            raise UnknownNameError(f"the model has no constant '{name}'", place="--set", fix=fix)
        made[name] = _array(known[name], value, sizes)
    return made


def check_given(program: Program, held: Mapping[str, Array], place: str) -> None:
    """Raise DataError where nothing gives a value to a constant."""
    for t in program.leaves:
        if t.name not in held and t.role != "parameter":
            shape = " ".join(map(str, t.axes))
            value = f"{t.name}.npy" if t.axes else "0.01"
            what = f'{t.role} {t.name}, "{shape}"' if t.axes else f"{t.role} {t.name}"
            raise DataError(f"nothing gives the {what}", place=place, fix=f"set it: --set {t.name}={value}")


def _array(tensor: Tensor, value: str, sizes: Mapping[str, int]) -> Array:
    place = f"--set {tensor.name}"
    if not is_number(value):
        return _loaded(tensor, value, place)
    if not np.isfinite(float(value)):
        raise DataError(f"{tensor.name} is {value}, not a finite number", place=place, fix="give a number")
    shape = []
    for a in tensor.axes:
        size = a.subs({s: sizes[str(s)] for s in a.free_symbols if str(s) in sizes})
        if not size.is_Integer:
            fix = f"set {a} under [axes] of the model, or give a .npy file"
            raise DataError(f"axis '{a}' of {tensor.name} has no size", place=place, fix=fix)
        shape.append(int(size))
    if tensor.role == "index":
        if not float(value).is_integer():
            raise DataError(f"{tensor.name} is a place, and {value} is no whole number", place=place, fix="give a whole number from 0")
        return np.full(shape, int(float(value)))
    return np.full(shape, float(value))


def _loaded(tensor: Tensor, value: str, place: str) -> Array:
    """The array of a .npy file."""
    fix = f"give a number, or a .npy file that numpy.save wrote: --set {tensor.name}=0.01"
    if not value.endswith(".npy"):
        raise DataError(f"'{value}' is no number", place=place, fix=fix)
    try:
        made = np.load(note(Path(value)), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{value} can't be read: {getattr(error, 'strerror', None) or 'it is no array'}", place=place, fix=fix) from error
    if not isinstance(made, np.ndarray) or made.dtype.kind not in "fiub":
        raise DataError(f"{value} holds no numbers", place=place, fix=fix)
    return made if tensor.role == "index" else made.astype(made.dtype if made.dtype.kind == "f" else float)
