"""Data for a program: reading csv and npz files, and the checks that every sample must pass.

Arrays are named after the tensors of the program and have the axes it declares. Nothing is guessed in silence: what
does not fit is an error that names the file, the line and the column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from sympy import Expr

from symbackprop.calculus.facts.data import check_facts
from symbackprop.calculus.program import Program, Tensor
from symbackprop.commands.tasks.constants import check_given, set_arrays
from symbackprop.commands.tasks.table import is_number, read_table
from symbackprop.errors import DataError, nearest
from symbackprop.files import note

Array = np.ndarray[Any, np.dtype[Any]]
MOST_NAMES = 6
"""More names of columns or classes than this are not all said."""


@dataclass(frozen=True)
class Scaling:
    """x -> (x - mean) / deviation for each column; `deviation` is 1 where a column is constant."""

    mean: Array
    deviation: Array

    def __call__(self, values: Array) -> Array:
        """The scaled columns."""
        return (values - self.mean) / self.deviation


@dataclass(frozen=True)
class Data:
    """Arrays by tensor name. `along` gives the position of the samples axis; arrays not in it are whole constants.

    `label` is the name of the label tensor, `classes` the names of its columns where labels are classes, `features`
    the names of the input's columns, `scaling` what was done to the inputs, `told` what was understood of a file.
    """

    arrays: Mapping[str, Array]
    along: Mapping[str, int]
    label: str | None = None
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    source: str = ""
    scaling: Mapping[str, Scaling] = field(default_factory=dict)
    told: str = ""

    @property
    def count(self) -> int:
        """The number of samples."""
        return next((self.arrays[name].shape[axis] for name, axis in self.along.items()), 0)

    def take(self, chosen: Array) -> "Data":
        """The samples at the positions `chosen`, in that order."""
        arrays = {n: np.take(a, chosen, self.along[n]) if n in self.along else a for n, a in self.arrays.items()}
        return replace(self, arrays=arrays)

    def kinds(self) -> Array:
        """The class of each sample as an integer; all 0 where the label is not a class."""
        if self.label is None or not self.classes:
            return np.zeros(self.count, dtype=np.int64)
        values = self.arrays[self.label]
        return np.argmax(values, axis=1 - self.along[self.label]) if values.ndim == 2 else values.astype(np.int64)


def load_data(
    path: str | Path,
    program: Program,
    *,
    label: str | None = None,
    header: bool | None = None,
    given: Mapping[str, str] = MappingProxyType({}),
) -> Data:
    """Read samples for `program` from a .csv or .npz file, and constants from `given`: {"lam": "0.01"}, a number or a .npy file.

    A csv has columns of numbers, under their names or not (`header`, None to look); the label is the column `label` (default: the last)
    and becomes one-hot where the label tensor has an axis of classes. An npz holds one array for each tensor that is no parameter.

    Raises: DataError (with the line and the column), FactError where labels break a declared fact.
    """
    path = note(path)
    try:
        if path.suffix == ".npz":
            data = _from_npz(path, program, given)
        elif path.suffix in (".csv", ".tsv"):
            data = _from_csv(path, program, label, header)
        else:
            raise DataError(f"'{path.name}' is neither .csv nor .npz", place="data", fix="name a .csv or .npz file")
    except OSError as error:
        raise DataError(f"the file can't be read: {error.strerror or error}", place=str(path), fix="name a file that is there") from error
    held = set_arrays(given, program, axis_sizes(data, program))
    along = {n: program.tensors[n].axes.index(program.samples) for n in held if program.samples in program.tensors[n].axes}
    data = replace(data, arrays={**data.arrays, **held}, along={**data.along, **along})
    check_given(program, data.arrays, str(path))
    check_data(data, program)
    return data


def check_data(data: Data, program: Program) -> None:
    """Raise DataError or FactError unless the arrays have the declared axes, some samples, finite numbers, and the facts hold."""
    place = data.source or "data"
    if data.count == 0:
        raise DataError("no samples", place=place, fix="give at least one sample")
    axis_sizes(data, program)
    for name, values in data.arrays.items():
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            where = ", ".join(str(int(k)) for k in bad[0])
            raise DataError(f"{name}[{where}] is {values[tuple(bad[0])]}", place=place, fix="remove or fill the sample")
    check_facts(program.leaves, data.arrays, place)


def axis_sizes(data: Data, program: Program) -> dict[str, int]:
    """The size of each axis by name: from the data, else the example size of the model. DataError where two disagree."""
    sizes: dict[str, int] = {}
    for name, values in data.arrays.items():
        tensor = program.tensors[name]
        shape = " ".join(str(a) for a in tensor.axes)
        if values.ndim != len(tensor.axes):
            raise DataError(f"'{name}' has {values.ndim} axes, the model wants \"{shape}\"", place=data.source or "data")
        for axis, size in zip(tensor.axes, values.shape, strict=True):
            if axis.is_Symbol and sizes.setdefault(str(axis), size) != size:
                raise DataError(
                    f"axis '{axis}' has two sizes, {sizes[str(axis)]} and {size}",
                    place=data.source or "data",
                    notes=[f"{n} is {' x '.join(map(str, a.shape))}" for n, a in data.arrays.items()],
                )
    for axis, size in program.sizes.items():
        sizes.setdefault(str(axis), size)
    return sizes


def _from_npz(path: Path, program: Program, given: Mapping[str, str]) -> Data:
    try:
        with np.load(path, allow_pickle=False) as archive:
            held = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, KeyError) as error:
        raise DataError("this is not an .npz file of plain arrays", place=str(path)) from error
    wanted = [t for t in program.leaves if t.role != "parameter" and t.name not in given]
    target = _label_tensor(program)
    arrays: dict[str, Array] = {}
    along: dict[str, int] = {}
    classes: tuple[str, ...] = ()
    for tensor in wanted:
        if tensor.name not in held:
            raise DataError(
                f"there is no array '{tensor.name}'",
                place=str(path),
                notes=[f"there are {', '.join(held) or 'no array'}"],
                fix=f"save it with numpy.savez(..., {tensor.name}=...)" + ("" if tensor.axes else f", or --set {tensor.name}=0.01"),
            )
        values = held[tensor.name]
        if values.dtype.kind not in "fiub":
            raise DataError(f"'{tensor.name}' holds {values.dtype}, not numbers", place=str(path))
        if tensor is target and values.ndim == 1 and len(tensor.axes) == 2:
            values, classes = _one_hot([str(v) for v in values.tolist()], tensor, program, str(path))
        arrays[tensor.name] = values if tensor.role == "index" else values.astype(values.dtype if values.dtype.kind == "f" else float)
        if program.samples in tensor.axes:
            along[tensor.name] = tensor.axes.index(program.samples)
    for name in held:
        if name not in arrays:
            near = nearest(name, list(arrays))
            raise DataError(
                f"there is an array '{name}' that the model does not know", place=str(path), notes=[f"nearest: {n}" for n in near]
            )
    return Data(arrays, along, target.name if target else None, classes, (), str(path))


def _from_csv(path: Path, program: Program, label: str | None, headed: bool | None) -> Data:
    """One input tensor with axes (samples, features), and at most one label tensor."""
    table = read_table(path, headed, label)
    header, lines = table.header, table.lines
    inputs = [t for t in program.leaves if t.role == "input" and program.samples in t.axes]
    target = _label_tensor(program)
    if program.samples is None or len(inputs) != 1 or len(inputs[0].axes) != 2 or inputs[0].axes[0] != program.samples:
        raise DataError(
            f"a csv needs a model with one input of axes (samples, features); {program.name} has "
            + (", ".join(f'{t.name} "{_shape(t)}"' for t in inputs) or "none"),
            place=str(path),
            fix="save the arrays in an .npz file under the tensors' names",
        )
    features = inputs[0]
    last = [] if target is None else _label_columns(header, features, target, program, label, path)
    first = [k for k in range(len(header)) if k not in last]
    stated = program.sizes.get(features.axes[1])
    if stated is not None and len(first) != stated:
        raise DataError(
            f"{len(first)} feature columns, the model has {features.axes[1]} = {stated}",
            place=str(path),
            notes=[f"features: {', '.join(header[k] for k in first)}", f"label: {', '.join(header[k] for k in last) or 'none'}"],
            fix=f"keep {stated} feature columns, or set {features.axes[1]} = {len(first)} under [axes] of the model",
        )
    arrays = {features.name: _numbers(path, header, lines, first)}
    classes: tuple[str, ...] = ()
    if target is not None:
        arrays[target.name], classes = _labels(path, header, lines, last, target, program)
    along = {name: 0 for name in arrays}
    told = f"{table.told}; {_listed([header[k] for k in first])} -> {features.name}"
    if target is not None:
        told += f"; {_listed([header[k] for k in last])} -> {target.name}" + (f" ({_listed(classes)})" if classes else "")
    return Data(arrays, along, target.name if target else None, classes, tuple(header[k] for k in first), str(path), told=told)


def _listed(names: Sequence[str]) -> str:
    """Some names, not too many."""
    return ", ".join(names if len(names) <= MOST_NAMES else (*names[: MOST_NAMES - 2], "...", names[-1]))


def _shape(tensor: Tensor) -> str:
    return " ".join(str(a) for a in tensor.axes)


def _label_tensor(program: Program) -> Tensor | None:
    labels = [t for t in program.leaves if t.role == "label"] or [t for t in program.leaves if t.role == "index"]
    return labels[0] if len(labels) == 1 else None


def _class_axis(target: Tensor, program: Program) -> Expr | None:
    return next((a for a in target.axes if a != program.samples), None)


def _numbers(path: Path, header: Sequence[str], lines: Sequence[tuple[int, list[str]]], columns: Sequence[int]) -> Array:
    """The cells of `columns` as float64. DataError names the line and the column of a cell that is no finite number."""
    values = np.empty((len(lines), len(columns)))
    for row, (number, cells) in enumerate(lines):
        for place, column in enumerate(columns):
            cell = cells[column]
            value = float(cell) if is_number(cell) else np.nan
            if not np.isfinite(value):
                start = sum(len(c) + 1 for c in cells[:column])
                raise DataError(
                    f"line {number}, column '{header[column]}' is {cell or 'empty'!s}, not a finite number",
                    place=str(path),
                    source=",".join(cells),
                    spans=[(start, start + len(cell))],
                    fix="remove or fill the sample",
                )
            values[row, place] = value
    return values


def _label_columns(header: Sequence[str], features: Tensor, target: Tensor, program: Program, label: str | None, path: Path) -> list[int]:
    """One column (the named one, else the last), or one for each class where the file has so many."""
    if label is not None:
        if label not in header:
            near = nearest(label, header) or list(header)
            raise DataError(f"no column '{label}'", place=str(path), fix=f"name one of the columns: {', '.join(near)}")
        return [header.index(label)]
    width, count = program.sizes.get(features.axes[1]), program.sizes.get(_class_axis(target, program))
    if width is not None and count is not None and len(header) == width + count:
        return list(range(width, len(header)))
    return [len(header) - 1]


def _labels(
    path: Path, header: Sequence[str], lines: Sequence[tuple[int, list[str]]], columns: Sequence[int], target: Tensor, program: Program
) -> tuple[Array, tuple[str, ...]]:
    if len(columns) > 1:
        return _numbers(path, header, lines, columns), tuple(header[k] for k in columns)
    cells = [cells[columns[0]] for _, cells in lines]
    for (number, _), cell in zip(lines, cells, strict=True):
        if cell.lower() in ("", "nan"):
            raise DataError(
                f"line {number} has no label in column '{header[columns[0]]}'", place=str(path), fix="remove or fill the sample"
            )
    if len(target.axes) == 2:
        return _one_hot(cells, target, program, str(path))
    if target.role == "index":
        hot, classes = _one_hot(cells, None, program, str(path))
        return np.argmax(hot, axis=1), classes
    if not all(is_number(c) for c in cells):
        names = sorted(set(cells))
        if len(names) != 2:
            raise DataError(f"label '{target.name}' is one number a sample, the file has {len(names)} names", place=str(path))
        return np.array([float(names.index(c)) for c in cells]), tuple(names)
    return _numbers(path, header, lines, columns)[:, 0], ()


def _one_hot(cells: Sequence[str], target: Tensor | None, program: Program, place: str) -> tuple[Array, tuple[str, ...]]:
    """Names or integers as one-hot rows of `target`, of any width without one.

    Integers within 0 .. count - 1 keep their number, other labels are sorted.
    """
    axis = _class_axis(target, program) if target else None
    count = program.sizes.get(axis)
    whole = all(is_number(c) and float(c).is_integer() for c in cells)
    names: Sequence[str] = sorted({str(int(float(c))) if whole else c for c in cells}, key=(lambda c: int(c)) if whole else None)
    if whole and count is not None and len(names) < count and all(0 <= int(c) < count for c in names):
        names = [str(k) for k in range(count)]
    if count is not None and len(names) != count:
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        fix = f"give labels of {count} classes"
        if len(names) > count:
            fix = f"set {axis} = {len(names)} under [axes] of the model, or {fix}"
        raise DataError(f"{len(names)} classes of labels ({shown}), the model has {count}", place=place, fix=fix)
    position = {c: k for k, c in enumerate(names)}
    hot = np.zeros((len(cells), len(names)))
    hot[np.arange(len(cells)), [position[str(int(float(c))) if whole else c] for c in cells]] = 1.0
    return hot, tuple(names)
