"""The picture of a function of one number and its derivative, as the strings that the template of an SVG file wants.

Every number is written with a fixed count of digits, so that the same function gives the same bytes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from symbackprop.calculus.program import Program
from symbackprop.commands.picture import Tick
from symbackprop.emit import function_source, load_source
from symbackprop.expressions import derivative
from symbackprop.language.declare import shaped
from symbackprop.language.elaborate import elaborate_expression
from symbackprop.language.syntax import parse
from symbackprop.ops import Op
from symbackprop.ops.examples import example

WIDTH, HEIGHT = 320, 220
LEFT, RIGHT, TOP, BOTTOM = 34, 312, 26, 202
WIDE, HIGH = 4.0, 4.0
"""How far from 0 a picture reaches, to either side and up and down."""
POINTS = 240
"""Along a curve; an even number, so that none falls on a jump in the middle."""
JUMP = 1e-3
"""Values that differ by more than this, however near each other, are on two sides of a jump."""

BESIDE = 1e-9
"""Away from a jump."""

Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Picture:
    """All that the template prints; nothing is computed there. A curve is a list of connected points, one for each piece."""

    title: str
    description: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    function: tuple[str, ...]
    slope: tuple[str, ...]
    dots: tuple[tuple[str, str], ...]
    zero_x: str
    zero_y: str
    width: str = str(WIDTH)
    height: str = str(HEIGHT)
    left: str = str(LEFT)
    right: str = str(RIGHT)
    top: str = str(TOP)
    bottom: str = str(BOTTOM)
    across: str = str(RIGHT - LEFT)
    down: str = str(BOTTOM - TOP)


@dataclass(frozen=True)
class Frame:
    """From numbers to places in the picture."""

    low: float
    high: float
    least: float
    most: float

    def x(self, value: float) -> str:
        """A place across."""
        return f"{LEFT + (RIGHT - LEFT) * (value - self.low) / (self.high - self.low):.1f}"

    def y(self, value: float) -> str:
        """A place up and down; far outside of the frame all places are one."""
        held = min(max(value, self.least - 2 * HIGH), self.most + 2 * HIGH)
        return f"{BOTTOM - (BOTTOM - TOP) * (held - self.least) / (self.most - self.least):.1f}"


def picture(op: Op) -> Picture:
    """The picture of a function and its derivative, where both are defined."""
    both = curves(op)
    low, high = _range(op, both[1])
    with np.errstate(all="ignore"):
        pieces = [list(_pieces(curve, np.linspace(low, high, POINTS + 2)[1:-1])) for curve in both]
        dots = [(x, float(curve(np.array([x]))[0])) for curve, found in zip(both, pieces, strict=True) for x in _jumps(found)]
    values = np.concatenate([ys for found in pieces for _, ys in found])
    frame = Frame(low, high, max(-HIGH, min(-0.5, float(values.min()) - 0.25)), min(HIGH, max(1.25, float(values.max()) + 0.25)))
    drawn = [tuple(" ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in zip(*piece, strict=True)) for piece in found) for found in pieces]
    return Picture(
        op.name,
        f"{op.name}(x) and its derivative for x from {low:g} to {high:g}.",
        tuple(Tick(frame.x(k), frame.x(k), f"{k:g}") for k in _whole(low, high)),
        tuple(Tick(frame.y(k), f"{float(frame.y(k)) + 4:.1f}", f"{k:g}") for k in _whole(frame.least, frame.most)),
        drawn[0],
        drawn[1],
        tuple((frame.x(x), frame.y(y)) for x, y in dots),
        frame.x(min(max(0.0, low), high)),
        frame.y(0),
    )


def curves(op: Op) -> tuple[Curve, Curve]:
    """An op of one number and its derivative, on arrays: the code that is generated for both."""
    text = example(op).text
    program, name = elaborate_expression(parse(text), Program("picture", shaped({"x": "n"}), (), ""), "f", text=text)
    function = getattr(load_source(function_source(program, name), op.name), name)
    result = derivative(f"sum({text})", {"x": "n"}, "x")
    return (lambda x: np.broadcast_to(function(x=x), x.shape)), (lambda x: np.broadcast_to(result.evaluate(x=x), x.shape))


def _range(op: Op, slope: Curve) -> tuple[float, float]:
    """What to show: the domain up to WIDE, and somewhat beyond the kinks that are near."""
    low, high = op.domain[0]
    if (low, high) != (None, None):
        return -WIDE if low is None else low, WIDE if high is None else high
    with np.errstate(all="ignore"):
        kinks = _jumps(list(_pieces(slope, np.linspace(-3 * WIDE, 3 * WIDE, 4 * POINTS))))
    return min(-WIDE, *[k - 2 for k in kinks], 0), max(WIDE, *[k + 2 for k in kinks], 0)


def _pieces(curve: Curve, xs: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The curve at `xs`, cut in two wherever it jumps, with the last point before the jump and the first after it."""
    left, right = xs[:-1].copy(), xs[1:].copy()
    for _ in range(60):
        middle = (left + right) / 2
        at, before, after = curve(middle), curve(left), curve(right)
        nearer = np.abs(at - before) > np.abs(after - at)
        left, right = np.where(nearer, left, middle), np.where(nearer, middle, right)
    cuts = np.flatnonzero(np.abs(curve(right) - curve(left)) > JUMP)
    for k, piece in enumerate(np.split(xs, cuts + 1)):
        # The value at the jump itself may be between the two sides.
        first = right[cuts[k - 1 : k]] + BESIDE if k else []
        whole = np.concatenate([first, piece, left[cuts[k : k + 1]] - BESIDE])
        yield whole, curve(whole)


def _jumps(pieces: list[tuple[np.ndarray, np.ndarray]]) -> list[float]:
    """Where one piece ends and the next begins."""
    return [round(float(xs[-1]), 6) + 0.0 for xs, _ in pieces[:-1]]


def _whole(low: float, high: float) -> list[float]:
    """Whole numbers to write beside an axis, at most nine."""
    step = 1 if high - low <= 9 else 2
    return [float(k) for k in range(int(np.ceil(low)), int(np.floor(high)) + 1) if k % step == 0]
