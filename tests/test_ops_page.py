"""The page of operations is what the op table makes of it, byte for byte; it says all that a record states, and its pictures are true."""

import difflib
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from fuzzing import balanced

from symbackprop.commands import ops_page
from symbackprop.ops import OPS
from symbackprop.typesetting.wording import words

FOLDER = Path(__file__).resolve().parent.parent / "docs"
BUILT = {name: op for name, op in OPS.items() if op.name == name}
SVG = "{http://www.w3.org/2000/svg}"
LEFT, TOP, RIGHT, BOTTOM = 34, 26, 312, 202


@pytest.fixture(scope="module")
def page():
    return ops_page.page()


@pytest.fixture(scope="module")
def pictures():
    return ops_page.pictures()


def difference(made, committed):
    return "".join(difflib.unified_diff(committed.splitlines(True), made.splitlines(True), "committed", "generated"))


def section(page, name):
    return re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)[1]


def test_the_committed_page_is_what_is_made(page):
    changes = difference(page, (FOLDER / "ops.md").read_text(encoding="utf-8"))
    assert not changes, f"run `make regen` and review the diff:\n{changes}"


def test_the_committed_pictures_are_what_is_made(pictures):
    assert {p.stem: p.read_text(encoding="utf-8") for p in (FOLDER / "ops").iterdir()} == pictures


def test_control_a_changed_sign_is_seen(page):
    assert r"-F \odot" in difference(page, page.replace(r"F \odot", r"-F \odot"))


@pytest.mark.parametrize("name", BUILT)
def test_every_op_says_what_its_record_states(page, name):
    op, text = BUILT[name], section(page, name)
    told = [
        op.summary,
        op.source,
        *[words("en")[f"convention {k}"] for k in op.kinks],
        op.accuracy,
        *[f"`{n}`" for n, other in OPS.items() if other is op and n != name],
    ]
    assert [t for t in told if t not in text] == []
    formulas = re.findall(r"^```math\n(.*?)\n```$", text, re.MULTILINE)
    assert formulas and all(balanced(f) and r"\operatorname" not in f for f in formulas)
    assert any(f.startswith(r"\frac{\partial") for f in formulas)
    assert ("Stable form" in text) == (op.stable is not None)


def test_the_index_leads_to_every_op(page):
    links = re.findall(r"\]\(#([\w-]+)\)", page)
    headings = {h.lower().replace(" ", "-") for h in re.findall(r"^##+ (.*)$", page, re.MULTILINE)}
    assert set(BUILT) <= set(links) <= headings


def curves(text):
    """The points of a picture in its own numbers, the function's pieces and the derivative's, and the numbers of the dots."""
    root = ET.fromstring(text)
    places = {"x": [], "y": []}
    for label in root.iter(f"{SVG}text"):
        if label.get("class") is None:
            along = "x" if label.get("text-anchor") == "middle" else "y"
            at = float(label.get("x")) if along == "x" else float(label.get("y")) - 4
            places[along].append((at, float(label.text)))
    line = {k: np.polyfit(*zip(*v, strict=True), 1) for k, v in places.items()}
    found = {"function": [], "slope": []}
    for piece in root.iter(f"{SVG}polyline"):
        points = np.array([[float(c) for c in p.split(",")] for p in piece.get("points").split()])
        found[piece.get("class").split()[1]].append((np.polyval(line["x"], points[:, 0]), np.polyval(line["y"], points[:, 1])))
    return found, float(np.polyval(line["y"], TOP)), float(np.polyval(line["y"], BOTTOM))


def steep(text):
    """The share of steps along the function where the drawn derivative is not the step's slope."""
    found, most, least = curves(text)
    slopes = [np.concatenate([piece[k] for piece in found["slope"]]) for k in (0, 1)]
    wrong = []
    for x, y in found["function"]:
        inside = (np.maximum(y[1:], y[:-1]) < most) & (np.minimum(y[1:], y[:-1]) > least)
        for k in np.flatnonzero(inside)[5:-5:7]:
            a, b = max(k - 5, 0), min(k + 6, len(x) - 1)
            step, drawn = (y[b] - y[a]) / (x[b] - x[a]), np.interp((x[a] + x[b]) / 2, *slopes)
            wrong.append(least < step < most and abs(step - drawn) > 0.1 + 0.05 * abs(step))
    return np.mean(wrong)


@pytest.mark.parametrize("name", [name for name, op in BUILT.items() if ops_page.of_one_number(op)])
def test_a_picture_shows_the_derivative_of_what_it_shows(pictures, name):
    assert steep(pictures[name]) < 0.12  # at a kink a step straddles two slopes


def test_control_another_derivative_is_noticed(pictures):
    for one, other in (("sigmoid", "tanh"), ("sin", "cos")):
        lines = [re.search(r'<polyline class="curve slope".*?/>', pictures[name], re.DOTALL)[0] for name in (one, other)]
        assert steep(pictures[one].replace(*lines)) > 0.3


def test_what_jumps_is_drawn_in_pieces_with_a_dot_at_the_convention(pictures):
    found, _, _ = curves(pictures["relu"])
    assert len(found["slope"]) == 2 and len(found["function"]) == 1
    dot = next(ET.fromstring(pictures["relu"]).iter(f"{SVG}circle"))
    axis = re.search(r'class="axis" d="M\d+ ([\d.]+)h', pictures["relu"])[1]
    assert dot.get("cy") == axis  # relu'(0) is 0
    assert len(curves(pictures["relu6"])[0]["slope"]) == 3 and len(curves(pictures["sign"])[0]["function"]) == 2
