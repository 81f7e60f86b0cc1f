"""The picture of a Hessian: its entries in blocks, one for each pair of parameters, and its eigenvalues, as the strings of an SVG template.

Every number is written with a fixed count of digits, so that the same matrix gives the same bytes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symbackprop.commands.picture import Tick
from symbackprop.errors import TrainError

WIDTH, HEIGHT = 880, 452
SIDE, LEFT, TOP = 336, 58, 66
RIGHT, EDGE = 500, 860
DECADES = 3
"""So many powers of ten below the largest entry are told apart by shade; what is smaller is left blank."""
SHADES = 6
NARROW = 15
"""A block that is narrower than this has no room for its name."""


@dataclass(frozen=True)
class Spectrum:
    """The eigenvalues of a symmetric matrix, largest first; those within rounding of zero are 0."""

    values: np.ndarray

    @property
    def positive(self) -> int:
        """How many are above 0."""
        return int(np.sum(self.values > 0))

    @property
    def negative(self) -> int:
        """How many are below 0: directions in which the loss curves down."""
        return int(np.sum(self.values < 0))

    @property
    def zero(self) -> int:
        """How many are 0 to rounding: directions in which the loss is flat, as for what softmax does not see."""
        return len(self.values) - self.positive - self.negative

    @property
    def condition(self) -> float:
        """The largest absolute value over the smallest that is not 0; infinite where all are 0."""
        sizes = np.abs(self.values[self.values != 0])
        return float(sizes.max() / sizes.min()) if len(sizes) else math.inf


def spectrum(matrix: np.ndarray) -> Spectrum:
    """The eigenvalues of a symmetric matrix. Raises TrainError where an entry is not finite."""
    if not np.all(np.isfinite(matrix)):
        raise TrainError("an entry is not finite", place="eigenvalues of the Hessian")
    values = np.linalg.eigvalsh(matrix)[::-1]
    # LAPACK's error is of the order of eps times the norm; the count of rows leaves room (as NumPy's matrix_rank does).
    noise = len(values) * np.finfo(matrix.dtype).eps * max(np.abs(values).max(initial=0.0), 0.0)
    return Spectrum(np.where(np.abs(values) <= noise, 0.0, values))


@dataclass(frozen=True)
class Cells:
    """All cells of one shade, as one path."""

    style: str
    path: str


@dataclass(frozen=True)
class Label:
    """A parameter's name beside its rows and above its columns."""

    name: str
    at: str


@dataclass(frozen=True)
class Dot:
    """An eigenvalue."""

    x: str
    y: str
    style: str


@dataclass(frozen=True)
class HessianPicture:
    """All that the template prints; nothing is computed there."""

    title: str
    description: str
    cells: tuple[Cells, ...]
    lines: tuple[str, ...]
    labels: tuple[Label, ...]
    shades: tuple[tuple[str, str], ...]
    largest: str
    ticks: tuple[Tick, ...]
    dots: tuple[Dot, ...]
    words: tuple[str, ...]
    width: str = str(WIDTH)
    height: str = str(HEIGHT)
    side: str = str(SIDE)
    left: str = str(LEFT)
    top: str = str(TOP)
    end: str = str(TOP + SIDE)
    right: str = str(RIGHT)
    factor: str = f"{10 ** (DECADES / SHADES):.1f}"
    edge: str = str(EDGE)


def hessian_picture(title: str, matrix: np.ndarray, blocks: Sequence[tuple[str, int]]) -> HessianPicture:
    """The picture of a symmetric `matrix`; `blocks` are the parameters with their numbers of entries, in order.

    Raises: TrainError where the sizes differ or an entry is not finite.
    """
    count = sum(size for _, size in blocks)
    if matrix.shape != (count, count) or not count:
        raise TrainError(f"the Hessian is {matrix.shape}, its parameters have {count} entries", place="picture of the Hessian")
    found = spectrum(matrix)
    scale = SIDE / count
    starts = np.concatenate([[0], np.cumsum([size for _, size in blocks])])
    middles = (starts[:-1] + starts[1:]) / 2
    largest = float(np.abs(matrix).max())
    ticks, dots = _eigenvalues(found)
    return HessianPicture(
        title,
        f"{count} x {count} entries in blocks of {', '.join(name for name, _ in blocks)}; eigenvalues from {found.values[0]:.3g} "
        f"to {found.values[-1]:.3g}.",
        tuple(_cells(matrix, largest, scale)),
        tuple(f"{k * scale:.2f}" for k in starts[1:-1]),
        tuple(Label(name, f"{m * scale:.2f}") for (name, size), m in zip(blocks, middles, strict=True) if size * scale >= NARROW),
        tuple((f"{style}{k}", str(LEFT + 168 + step * (14 * k - 7))) for style, step in (("minus", -1), ("plus", 1)) for k in _shades()),
        f"{largest:.2g}",
        ticks,
        dots,
        (
            f"{found.positive} above 0, {found.negative} below, {found.zero} zero to rounding",
            f"condition number without the zeros: {found.condition:.2g}",
        ),
    )


def _shades() -> range:
    return range(1, SHADES + 1)


def _cells(matrix: np.ndarray, largest: float, scale: float) -> list[Cells]:
    """For each sign and shade one path of runs along rows: a run is a rectangle."""
    with np.errstate(divide="ignore"):
        depth = np.log10(np.abs(matrix) / largest) if largest else np.full(matrix.shape, -np.inf)
    level = np.where(depth > -DECADES, np.ceil((depth + DECADES) * SHADES / DECADES), 0).clip(0, SHADES).astype(int)
    signed = level * np.sign(matrix).astype(int)
    paths: dict[int, list[str]] = {}
    for row, values in enumerate(signed):
        cuts = np.flatnonzero(np.diff(values)) + 1
        for start, end in zip([0, *cuts], [*cuts, len(values)], strict=True):
            if values[start]:
                run = f"M{start * scale:.2f} {row * scale:.2f}h{(end - start) * scale:.2f}v{scale:.2f}h-{(end - start) * scale:.2f}z"
                paths.setdefault(int(values[start]), []).append(run)
    return [Cells(f"{'plus' if k > 0 else 'minus'}{abs(k)}", "".join(runs)) for k, runs in sorted(paths.items())]


def _eigenvalues(found: Spectrum) -> tuple[tuple[Tick, ...], tuple[Dot, ...]]:
    """The axis of powers of ten, and each eigenvalue's size on it, largest first; those that are 0 stand on the bottom line."""
    sizes = np.abs(found.values[found.values != 0])
    top = math.ceil(math.log10(sizes.max()) + 1e-9) if len(sizes) else 0
    low = min(math.floor(math.log10(sizes.min()) - 1e-9) if len(sizes) else -1, top - 1)
    high = SIDE - 24

    def y(power: float) -> float:
        return TOP + high * (top - power) / (top - low)

    step = max(1, math.ceil((top - low) / 8))
    ticks = tuple(Tick(f"{y(k):.2f}", f"{y(k) + 4:.2f}", f"1e{k}") for k in range(top, low - 1, -step))
    across = (EDGE - RIGHT) / len(found.values)
    dots = []
    for k, value in enumerate(found.values):
        style = "plus" if value > 0 else "minus" if value < 0 else "zero"
        dots.append(Dot(f"{RIGHT + across * (k + 0.5):.2f}", f"{y(math.log10(abs(value))) if value else TOP + SIDE:.2f}", style))
    return ticks, tuple(dots)
