"""Data larger than a machine: the partial sums of a generated module over the chunks of Dask arrays, wherever these are computed."""

import inspect
from collections.abc import Mapping, Sequence
from math import isnan
from types import ModuleType
from typing import Any

import numpy as np

from symbackprop.code.loading import load_source
from symbackprop.errors import DataError, SymbackpropError
from symbackprop.memo import remembered

PLACE = "sbp.dask"


def loss_and_gradients(module: ModuleType, params: Sequence[Any], *data: Any, **named: Any) -> tuple[Any, Any]:
    """(objective, gradients) of a module generated with "partial", for data that are Dask arrays cut along the axis of samples.

    Each chunk is summed where it is, with the client that is at work, or in this process where there is none; a chunk that is lost with
    its worker is computed again. Arrays without that axis may be NumPy's; those with it are cut as the others are. The result is that of
    `module.loss_and_gradients`, in rounding. Raises DataError for arrays that do not fit, and ValueError as the module does.
    """
    try:
        import dask
        import dask.array
    except ImportError as e:
        raise SymbackpropError("Dask is not installed", place=PLACE, fix='pip install "symbackprop[dask]"') from e
    if not hasattr(module, "partial_sums"):
        fix = 'sbp.generate(d, also=["partial"]).load()'
        raise DataError(f"{getattr(module, '__name__', module)} has no partial_sums", place=PLACE, fix=fix)
    arrays = _named(module, data, named)
    along = module.Sums.along
    places = {name: axes.index(along) for name in arrays if along in (axes := module.AXES[name])}
    cuts = _cuts({name: arrays[name] for name in places}, places, dask.array.Array)
    shared = {name: np.asarray(array) for name, array in arrays.items() if name not in places}
    loader: Any = module.__loader__
    source = loader.get_source(module.__name__)
    held = dask.delayed((source, module.__name__, tuple(params), shared), traverse=False)
    columns = {name: _blocks(dask, arrays[name], place, cuts) for name, place in places.items()}
    parts = [dask.delayed(_part, pure=False)(held, dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
    while len(parts) > 1:
        parts = [dask.delayed(_added, pure=False)(parts[k : k + 8]) for k in range(0, len(parts), 8)]
    (sums,) = dask.compute(parts[0])
    wanted = inspect.signature(module.finish).parameters
    return module.finish(params, module.Sums(*sums), **{name: array for name, array in shared.items() if name in wanted})


@remembered
def _loaded(source: str, name: str) -> ModuleType:
    return load_source(source, name)


def _part(held: tuple[str, str, tuple, Mapping[str, Any]], chunk: Mapping[str, Any]) -> tuple:
    """The sums of one chunk, as a plain tuple: the module's own is known to this process alone."""
    source, name, params, shared = held
    return tuple(_loaded(source, name).partial_sums(params, **chunk, **shared))


def _added(parts: Sequence[tuple]) -> tuple:
    return tuple(sum(column) for column in zip(*parts, strict=True))


def _named(module: ModuleType, data: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """The data by their names, in the order of the module's functions. Raises DataError where some lack or are none."""
    names = [name for name in module.AXES if name not in module.Parameters._fields]
    if len(data) > len(names):
        raise DataError(f"{len(data)} arrays of data are given, and the module takes {', '.join(names)}", place=PLACE)
    arrays = {**dict(zip(names, data, strict=False)), **named}
    lack, more = [n for n in names if n not in arrays], [n for n in arrays if n not in names]
    if lack or more or len(arrays) != len(data) + len(named):
        what = f"{', '.join(lack)} is not given" if lack else f"{more[0]} is no argument" if more else "an array is given twice"
        raise DataError(what, place=PLACE, fix=f"give {', '.join(names)}")
    return {name: arrays[name] for name in names}


def _cuts(arrays: Mapping[str, Any], places: Mapping[str, int], kind: Any) -> tuple[int, ...]:
    """How many samples each chunk has. Raises DataError where arrays are not cut alike, or along another axis."""
    lazy: dict[str, Any] = {name: array for name, array in arrays.items() if isinstance(array, kind)}
    if not lazy:
        raise DataError(f"none of {', '.join(arrays)} is a Dask array", place=PLACE, fix="dask.array.from_array(X, chunks=(10_000, -1))")
    found: dict[str, tuple[int, ...]] = {}
    for name, array in lazy.items():
        for k, sizes in enumerate(array.chunks):
            if any(isnan(size) for size in sizes):
                raise DataError(f"the sizes of the chunks of {name} are not known", place=PLACE, fix=f"{name}.compute_chunk_sizes()")
            if k != places[name] and len(sizes) > 1:
                raise DataError(f"{name} is cut along axis {k}", place=PLACE, fix=f"{name} = {name}.rechunk({{{k}: -1}})")
        found[name] = array.chunks[places[name]] if array.ndim > places[name] else ()
    first, *others = found
    for name in others:
        if found[name] != found[first]:
            at = f"{first}.chunks[{places[first]}]"
            fix = f"{name} = {name}.rechunk({{{places[name]}: {at}}})"
            raise DataError(f"{first} and {name} are cut into chunks of different sizes", place=PLACE, fix=fix)
    for name, array in arrays.items():
        if name not in lazy and np.shape(array)[places[name] : places[name] + 1] != (sum(found[first]),):
            raise DataError(f"{name} has shape {np.shape(array)}, and {first} {sum(found[first])} samples", place=PLACE)
    return found[first]


def _blocks(dask: Any, array: Any, place: int, cuts: Sequence[int]) -> list[Any]:
    """The chunks of an array, which are computed where they are needed."""
    if isinstance(array, dask.array.Array):
        return list(array.to_delayed().ravel())
    return np.split(np.asarray(array), np.cumsum(cuts)[:-1], axis=place)
