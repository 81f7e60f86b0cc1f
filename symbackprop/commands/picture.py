"""The picture of a training run: loss against epochs, as the strings that the template of an SVG file wants.

Every number is written with a fixed count of digits, so that the same losses give the same bytes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from symbackprop.errors import TrainError

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 696, 44, 344
STYLES = ("first", "second")
"""The styles of curves that the template knows: apart by colour and by dash."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where it stands, where its text stands, what it says."""

    at: str
    text_at: str
    label: str


@dataclass(frozen=True)
class Curve:
    """A curve and its line of the legend."""

    name: str
    style: str
    points: str
    key_start: str
    key_end: str
    key_line: str
    text_start: str
    text_line: str


@dataclass(frozen=True)
class Chart:
    """All that the template prints; nothing is computed there."""

    title: str
    description: str
    x_name: str
    y_name: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    curves: tuple[Curve, ...]
    width: str = str(WIDTH)
    height: str = str(HEIGHT)
    left: str = str(LEFT)
    right: str = str(RIGHT)
    top: str = str(TOP)
    bottom: str = str(BOTTOM)
    tick_end: str = str(BOTTOM + 5)
    x_label_line: str = str(BOTTOM + 20)
    y_label_edge: str = str(LEFT - 8)
    x_name_at: str = str((LEFT + RIGHT) // 2)
    x_name_line: str = str(BOTTOM + 42)
    y_name_at: str = str((TOP + BOTTOM) // 2)
    y_name_line: str = "20"


def steps(top: float, about: int = 5) -> list[float]:
    """0 and the multiples of 1, 2 or 5 times a power of ten up to the first that is no less than `top`; about `about` of them."""
    power = 10.0 ** math.floor(math.log10(top / about))
    step = next(power * k for k in (1, 2, 5, 10) if power * k * about >= top * (1 - 1e-9))
    return [k * step for k in range(math.ceil(top / step - 1e-9) + 1)]


def training_chart(title: str, curves: Sequence[tuple[str, Sequence[float]]]) -> Chart:
    """The loss of each run (name, losses after 0, 1, 2, ... epochs) against epochs.

    Raises: TrainError for no curve, more curves than styles, a curve without an epoch, or a loss that is negative or not finite.
    """
    values = [x for _, losses in curves for x in losses]
    if not curves or len(curves) > len(STYLES) or min(len(losses) for _, losses in curves) < 2:
        raise TrainError(f"a picture shows one to {len(STYLES)} runs of at least one epoch", place="training curves")
    if not all(math.isfinite(x) and x >= 0 for x in values):
        raise TrainError("a loss is negative or not finite", place="training curves")
    epochs = max(len(losses) for _, losses in curves) - 1
    across, up = steps(float(epochs)), steps(max(values) or 1.0)

    def x(epoch: float) -> str:
        return f"{LEFT + (RIGHT - LEFT) * epoch / epochs:.2f}"

    def y(loss: float, shift: int = 0) -> str:
        return f"{BOTTOM - (BOTTOM - TOP) * loss / up[-1] + shift:.2f}"

    drawn = []
    for number, ((name, losses), style) in enumerate(zip(curves, STYLES, strict=False)):
        line = TOP + 14 + 22 * number
        points = " ".join(f"{x(k)},{y(loss)}" for k, loss in enumerate(losses))
        drawn.append(Curve(name, style, points, str(RIGHT - 370), str(RIGHT - 334), str(line), str(RIGHT - 324), str(line + 4)))
    ends = "; ".join(f"{name}: {losses[0]:.3f} to {losses[-1]:.3f}" for name, losses in curves)
    return Chart(
        title,
        f"Loss on the training samples over {epochs} epochs. {ends}.",
        "epoch",
        "loss",
        tuple(Tick(x(e), x(e), f"{e:g}") for e in across if e <= epochs),
        tuple(Tick(y(v), y(v, 4), f"{v:g}") for v in up),
        tuple(drawn),
    )
