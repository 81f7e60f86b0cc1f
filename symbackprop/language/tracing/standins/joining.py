"""Functions of NumPy that put arrays beside each other, or what they hold: np.pad, np.append, np.insert, np.convolve."""

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sympy import Integer

from symbackprop.errors import ParseError
from symbackprop.language.nodes import Call, Number
from symbackprop.language.tracing.standins.conversion import array
from symbackprop.language.tracing.values.calls import traced
from symbackprop.language.tracing.values.recording import Recording
from symbackprop.language.tracing.values.value import Value, as_node, is_traced
from symbackprop.language.tracing.values.writing import fitted


def pad(recording: Recording, x: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Any:
    """np.pad with zeros, another number, or what stands at the ends."""
    if isinstance(pad_width, list | tuple):
        pad_width = tuple((*w, *w) if isinstance(w, list | tuple) and len(w) == 1 else w for w in pad_width)
    if mode == "constant":
        number = options.pop("constant_values", 0)
        if isinstance(number, list | tuple):
            raise recording.error("several constant_values", "give one number", ParseError)
        if isinstance(number, Value) or number != 0:
            return traced("pad", (x - number, pad_width), options, recording) + number
        return traced("pad", (x, pad_width), options, recording)
    if mode not in BEFORE or options:
        raise recording.error(f"np.pad has mode='{mode}'", f"take one of {', '.join(('constant', *BEFORE))}", ParseError)
    for along, (before, after) in enumerate(_widths(recording, pad_width, x.ndim)):
        ahead = (slice(None),) * along
        parts = [x[(*ahead, i)] for i in BEFORE[mode](before)] + [x] + [x[(*ahead, i)] for i in AFTER[mode](after)]
        x = recording.apply("concatenate", (parts,), {"axis": along}) if len(parts) > 1 else x
    return x


def _span(k: int) -> slice:
    """The one entry at a place, from the front or from the end, as a slice."""
    return slice(k, k + 1 if k != -1 else None)


BEFORE: Mapping[str, Callable[[int], list[slice]]] = {
    "edge": lambda w: [_span(0)] * w,
    "reflect": lambda w: [_span(k) for k in range(w, 0, -1)],
    "symmetric": lambda w: [_span(k) for k in range(w - 1, -1, -1)],
    "wrap": lambda w: [_span(k) for k in range(-w, 0)],
}


AFTER: Mapping[str, Callable[[int], list[slice]]] = {
    "edge": lambda w: [_span(-1)] * w,
    "reflect": lambda w: [_span(k) for k in range(-2, -w - 2, -1)],
    "symmetric": lambda w: [_span(k) for k in range(-1, -w - 1, -1)],
    "wrap": lambda w: [_span(k) for k in range(w)],
}
"""What np.pad puts before and after an axis, by mode: entries of the array, one by one."""


def _widths(recording: Recording, given: Any, rank: int) -> list[tuple[int, int]]:
    """(before, after) for each axis."""
    pairs = given if isinstance(given, list | tuple) else (given,)
    if all(isinstance(p, Integral) for p in pairs):
        pairs = [tuple(pairs) * (3 - len(pairs))] * rank
    elif len(pairs) == 1:
        pairs = list(pairs) * rank
    if not all(isinstance(w, Integral) for pair in pairs for w in pair):
        raise recording.error("the width of np.pad is symbolic", "give it as a number", ParseError)
    return [(int(before), int(after)) for before, after in pairs]


def append(recording: Recording, x: Any, values: Any, axis: int | None = None) -> Any:
    """np.append."""
    parts = [v if is_traced(v) else array(recording, v if isinstance(v, list | tuple | np.ndarray) else [v]) for v in (x, values)]
    if axis is None:
        parts = [p if p.ndim == 1 else recording.apply("ravel" if p.ndim else "reshape", (p,) if p.ndim else (p, (1,)), {}) for p in parts]
    return recording.apply("concatenate", (parts,), {"axis": axis or 0})


def insert(recording: Recording, x: Any, place: Any, values: Any, axis: int | None = None) -> Any:
    """np.insert of one row or column, as the ones of a bias."""
    if not isinstance(place, Integral) or x.ndim > 2 or (axis is None and x.ndim > 1):
        raise recording.error("np.insert at several places", "write np.concatenate of slices and what is put between", ParseError)
    along = (axis or 0) % x.ndim
    ahead = (slice(None),) * along
    node = as_node(values, recording)
    node = Call("expand_dims", (node, Number(Integer(along)))) if np.ndim(values) or is_traced(values) else node
    new = recording.value(fitted(node, recording.shape(x[(*ahead, slice(0, 1))].node), recording))
    ends = ([slice(None, place)] if place != 0 else []), [slice(place, None)]
    before, after = ([x[(*ahead, end)] for end in side] for side in ends)
    return recording.apply("concatenate", ([*before, new, *after],), {"axis": along})


def convolve(recording: Recording, x: Any, kernel: Any, mode: str = "full") -> Any:
    """np.convolve with a kernel of fixed length."""
    length = np.shape(kernel)[0]
    if not isinstance(length, int):
        raise recording.error("np.convolve with a kernel whose size is symbolic", "give the size of the kernel as a number", ParseError)
    made = sum(kernel[k] * recording.apply("pad", (x, (k, length - 1 - k)), {}) for k in range(length))
    if mode == "full" or length == 1:
        return made
    start = length - 1 if mode == "valid" else (length - 1) // 2
    return made[start : start - (length - 1) or None] if mode != "valid" else made[start:-start]
