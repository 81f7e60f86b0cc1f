"""External data: bytes of initializers in files beside the model. Nothing outside the model's folder is read, and no link is followed."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from symbackprop.errors import SpecError
from symbackprop.files import note
from symbackprop.language.onnx.shown import shown

EXTERNAL = 1
MOST = 2**34
"""Bytes that are read beside a model."""
FIX = "save it with onnx.save(model, path, save_as_external_data=True), and keep the files together"


def filled(onnx: Any, model: Any, path: Path, place: str) -> None:
    """Put the data that tensors have in other files into them.

    Raises SpecError for a path that leaves the folder of the model or goes through a link, and for a file that is shorter than is told.
    """
    total = 0
    for tensor in _tensors(model):
        if tensor.data_location != EXTERNAL:
            continue
        told = {e.key: e.value for e in tensor.external_data}
        what = f"initializer '{shown(tensor.name)}'"
        try:
            offset, length = int(told.get("offset", 0)), int(told.get("length", -1))
            wanted = _bytes(onnx, tensor)
        except (ValueError, TypeError, KeyError):
            raise SpecError(f"{what} says wrongly where its data stands", place=place, fix=FIX) from None
        if offset < 0 or length not in (-1, wanted):
            raise SpecError(f"{what} has {wanted} bytes, and {length} are told from {offset}", place=place, fix=FIX)
        total += wanted
        if total > MOST:
            raise SpecError(f"its data has more than {MOST // 2**30} GiB", place=place, fix="take a smaller model of the same kind")
        tensor.raw_data = _part(path.parent, told.get("location", ""), offset, wanted, what, place)
        tensor.data_location = 0
        del tensor.external_data[:]


def _tensors(model: Any) -> Iterator[Any]:
    yield from model.graph.initializer
    for nodes in (model.graph.node, *[f.node for f in model.functions]):
        for node in nodes:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors


def _bytes(onnx: Any, tensor: Any) -> int:
    """How many bytes a tensor has."""
    count = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    for d in tensor.dims:
        if d < 0:
            raise ValueError("a size below 0")
        count *= d
    return int(count)


def _part(folder: Path, location: str, offset: int, length: int, what: str, place: str) -> bytes:
    """Some bytes of a file in the folder."""
    parts = PurePosixPath(location).parts
    outside = not parts or "\0" in location or "\\" in location or ".." in parts or PurePosixPath(location).is_absolute()
    if outside or PureWindowsPath(location).drive or PureWindowsPath(location).is_absolute():
        raise SpecError(f"{what} has its data outside of the model's folder: '{shown(location)}'", place=place, fix=FIX)
    file = folder
    for part in parts:
        file = file / part
        if file.is_symlink():
            raise SpecError(f"{what} has its data behind a link: '{shown(location)}'", place=place, fix="put the file itself there")
    try:
        if os.path.commonpath([folder.resolve(), file.resolve()]) != str(folder.resolve()):
            raise SpecError(f"{what} has its data outside of the model's folder: '{shown(location)}'", place=place, fix=FIX)
        with open(os.open(note(file), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as opened:  # noqa: PTH123 - of a descriptor
            about = os.fstat(opened.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_size < offset + length:
                reason = f"'{shown(location)}' is too short for {what}: {about.st_size} bytes of {offset + length}"
                raise SpecError(reason, place=place, fix=FIX)
            opened.seek(offset)
            return opened.read(length)
    except (OSError, ValueError) as e:
        reason = f"can't read the data of {what}, '{shown(location)}': {getattr(e, 'strerror', None) or e}"
        raise SpecError(reason, place=place, fix=FIX) from None
