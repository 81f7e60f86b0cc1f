"""The arrays that an object, a dictionary or a list holds, by their places: W, params['W1'], layers[0].W."""

from collections.abc import Iterator, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

DEEPEST = 4
Path = tuple[tuple[str, Any], ...]
"""Steps to an array: ("attribute", name) or ("item", key)."""


def leaves(value: Any, path: Path = (), seen: set[int] | None = None, once: bool = True) -> Iterator[tuple[Path, Any]]:
    """Arrays of numbers and floats below `value`, with the way to each; `once`: one in several places, only at the first."""
    seen = set() if seen is None else seen
    if isinstance(value, np.ndarray | np.floating | float):
        if np.asarray(value).dtype.kind == "f" and (not isinstance(value, np.ndarray) or id(value) not in seen):
            if once:
                seen.add(id(value))
            yield path, value
        return
    if id(value) in seen or len(path) > DEEPEST or isinstance(value, str | bytes | type | ModuleType | FunctionType | MethodType):
        return
    seen.add(id(value))
    if isinstance(value, Mapping):
        for key, inner in list(value.items()):
            yield from leaves(inner, (*path, ("item", key)), seen, once)
    elif isinstance(value, list | tuple):
        for k, inner in enumerate(value):
            yield from leaves(inner, (*path, ("item", k)), seen, once)
    else:
        for name, inner in list(getattr(value, "__dict__", {}).items()):
            yield from leaves(inner, (*path, ("attribute", name)), seen, once)


def name_of(path: Path) -> str:
    """How the place is written: params['W1'], layers[0].W; "" for the value itself."""
    made = ""
    for kind, key in path:
        made += f"[{key!r}]" if kind == "item" else f".{key}" if made else str(key)
    return made


def found(value: Any, path: Path) -> Any:
    """What stands at a place. Raises KeyError, IndexError or AttributeError where there is nothing."""
    for kind, key in path:
        value = value[key] if kind == "item" else getattr(value, key)
    return value


def put(value: Any, path: Path, new: Any) -> None:
    """Set what stands at a place; an array of that shape is filled, so that all who hold it see it."""
    *way, (kind, key) = path
    holder = found(value, tuple(way))
    old = holder[key] if kind == "item" else getattr(holder, key, None)
    if isinstance(old, np.ndarray) and old.dtype.kind == "f" and old.shape == np.shape(new) and old.flags.writeable:
        old[...] = new
    elif kind == "item":
        holder[key] = new
    else:
        setattr(holder, key, new)
