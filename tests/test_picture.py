"""The picture of a training run: where things stand, and that the same losses give the same bytes."""

import re
import xml.etree.ElementTree as ET

import pytest

from symbackprop.commands.picture import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, steps, training_chart
from symbackprop.emit import render
from symbackprop.errors import TrainError

FALLING, BUMPY = [1.25, 0.7, 0.3, 0.2, 0.15, 0.125], [1.25, 0.2, 0.4, 0.1, 0.2, 0.05]
SVG = "{http://www.w3.org/2000/svg}"


def picture(*curves: tuple[str, list[float]]) -> str:
    return render("svg", "training.svg.jinja", vars(training_chart("Loss", curves or [("full batch", FALLING), ("mini-batches", BUMPY)])))


def points(text: str) -> list[list[tuple[float, float]]]:
    lines = ET.fromstring(text).iter(f"{SVG}polyline")
    return [[(float(x), float(y)) for x, y in (p.split(",") for p in line.get("points").split())] for line in lines]


@pytest.mark.parametrize(
    "top, wanted",
    [
        (1.25, [0, 0.5, 1, 1.5]),
        (100, [0, 20, 40, 60, 80, 100]),
        (7, [0, 2, 4, 6, 8]),
        (0.03, [0, 0.01, 0.02, 0.03]),
        (1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ],
)
def test_ticks_are_round_and_reach_the_top(top: float, wanted: list[float]) -> None:
    assert steps(top) == pytest.approx(wanted)


def test_a_curve_goes_from_edge_to_edge_and_stays_inside() -> None:
    for curve in points(picture()):
        assert (curve[0][0], curve[-1][0], len(curve)) == (LEFT, RIGHT, 6)
        assert all(TOP <= y <= BOTTOM for _, y in curve)


def test_a_smaller_loss_stands_lower() -> None:
    falling, bumpy = points(picture())
    assert [y for _, y in falling] == sorted(y for _, y in falling)
    assert bumpy[2][1] < bumpy[1][1]


def test_the_same_losses_give_the_same_bytes_and_others_do_not() -> None:
    assert picture() == picture() != picture(("full batch", FALLING), ("mini-batches", FALLING))
    assert "\r" not in picture() and picture().endswith("</svg>\n")


def test_both_curves_axes_and_a_legend_are_there() -> None:
    said = [t.text for t in ET.fromstring(picture()).iter(f"{SVG}text")]
    assert {"Loss", "full batch", "mini-batches", "epoch", "loss", "0", "1.5", "5"} <= set(said)


def test_no_text_leaves_the_paper() -> None:
    for text in ET.fromstring(picture()).iter(f"{SVG}text"):
        if text.get("x"):
            assert 0 <= float(text.get("x")) <= WIDTH and 0 <= float(text.get("y")) <= HEIGHT


def test_every_colour_is_given_for_light_and_for_dark() -> None:
    light, dark = picture().split("@media (prefers-color-scheme: dark)")
    rules = [set(re.findall(r"^ +(\S+) \{ (?:fill|stroke): #", part, re.MULTILINE)) for part in (light, dark)]
    assert rules[1] and rules[1] >= rules[0] and "paper" in str(rules[0])


def test_names_are_escaped() -> None:
    assert "<b>" not in picture(("a <b> & c", FALLING)) and "&lt;b&gt; &amp; c" in picture(("a <b> & c", FALLING))


@pytest.mark.parametrize("curves", [[], [("a", [1.0])], [("a", FALLING)] * 3, [("a", [1.0, float("nan")])], [("a", [1.0, -1.0])]])
def test_what_cannot_be_drawn_is_an_error(curves: list) -> None:
    with pytest.raises(TrainError):
        training_chart("Loss", curves)
