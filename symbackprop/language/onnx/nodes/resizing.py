"""The record of Resize: along each axis a linear map, whose matrix is what onnx's own evaluation makes of the unit vectors."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symbackprop.errors import AxisError
from symbackprop.language.graphs.ops import places
from symbackprop.language.onnx.known import sizes_of
from symbackprop.language.onnx.nodes.picking import at_places
from symbackprop.language.onnx.nodes.records import Nodes, node

LETTERS = "abcdefgh"
MOST = 1024
"""The longest axis that is resized."""
PROBED = 5
"""The size of an axis whose resizing says what it is for any size."""


@node("Resize", known=("roi", "scales", "sizes"))
def resize(
    ops: Nodes,
    X: Any,
    roi: Any = None,
    scales: Any = None,
    sizes: Any = None,
    antialias: int = 0,
    axes: Sequence[int] | None = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Any:
    """An array of another number of places: entries taken again, or weighted means of their neighbours."""
    if coordinate_transformation_mode == "tf_crop_and_resize" or keep_aspect_ratio_policy != "stretch":
        raise ops.error("a part that is resized (tf_crop_and_resize), or sizes that keep their ratio", "slice first, and give scales")
    options = {
        "antialias": antialias,
        "coordinate_transformation_mode": coordinate_transformation_mode,
        "cubic_coeff_a": cubic_coeff_a,
        "exclude_outside": exclude_outside,
        "mode": mode,
        "nearest_mode": nearest_mode,
    }
    at = places(axes, X.ndim) if axes is not None else tuple(range(X.ndim))
    by_size = sizes is not None and sizes.size > 0
    wanted = sizes_of(sizes) if by_size else [float(s) for s in scales.reshape(-1)]
    for axis, value in zip(at, wanted, strict=True):
        X = _along(ops, X, axis, value, by_size, options)
    return X


def _along(ops: Nodes, x: Any, axis: int, value: Any, by_size: bool, options: dict[str, Any]) -> Any:
    """An array resized along one axis."""
    size = x.shape[axis]
    if (not by_size and value == 1) or (by_size and isinstance(size, int) and value == size):
        return x
    if not by_size and options["mode"] == "nearest" and float(value).is_integer() and _repeats(ops, int(value), options):
        return ops.repeat(x, int(value), axis=axis)
    if not isinstance(size, int) or not isinstance(value, int | float) or size > MOST or (value if by_size else value * size) > MOST:
        raise ops.error(f"an axis of size {size} resized", f"give it a number up to {MOST}", AxisError)
    matrix = _matrix(ops, size, value, by_size, options)
    if options["mode"] == "nearest":
        return at_places(ops, x, matrix.argmax(axis=0), axis)
    letters = LETTERS[: x.ndim]
    return ops.einsum(f"{letters},{letters[axis]}z->{letters.replace(letters[axis], 'z')}", x, ops.table(matrix, "weights"))


def _repeats(ops: Nodes, times: int, options: dict[str, Any]) -> bool:
    """Whether each entry is taken so many times."""
    return bool(np.array_equal(_matrix(ops, PROBED, float(times), False, options), np.repeat(np.eye(PROBED), times, axis=1)))


def _matrix(ops: Nodes, size: int, value: Any, by_size: bool, options: dict[str, Any]) -> np.ndarray:
    """What becomes of the unit vectors, one below the other."""
    unit = np.eye(size)
    if by_size:
        return ops.reference("Resize", options, [unit, None, None, np.array([size, value])])[0]
    return ops.reference("Resize", options, [unit, None, np.array([1.0, value], dtype=np.float32)])[0]
