"""The picture of a Hessian: cells where the entries are, eigenvalues where their sizes are, and the same matrix gives the same bytes."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from symbackprop.commands.hessian_picture import HEIGHT, SHADES, SIDE, TOP, WIDTH, hessian_picture, spectrum
from symbackprop.emit import render
from symbackprop.errors import TrainError

SVG = "{http://www.w3.org/2000/svg}"
BLOCKS = [("W", 3), ("b", 2)]
MATRIX = np.diag([4.0, -1.0, 0.0, 0.25, 1e-5])
MATRIX[0, 4] = MATRIX[4, 0] = 0.02


def drawn(matrix: np.ndarray = MATRIX) -> str:
    return render("svg", "hessian.svg.jinja", vars(hessian_picture("Hessian", matrix, BLOCKS)))


def cells(matrix: np.ndarray) -> np.ndarray:
    """The shade of each cell, with its sign, read off the paths."""
    found = np.zeros(matrix.shape, int)
    scale = SIDE / len(matrix)
    for group in hessian_picture("Hessian", matrix, BLOCKS).cells:
        sign, shade = re.fullmatch(r"(plus|minus)(\d)", group.style).groups()
        for x, y, width in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v", group.path):
            row, start, count = (round(float(v) / scale) for v in (y, x, width))
            assert not found[row, start : start + count].any()
            found[row, start : start + count] = int(shade) * (1 if sign == "plus" else -1)
    return found


def test_cells_show_sign_and_size() -> None:
    found = cells(MATRIX)
    assert np.array_equal(np.sign(found), np.where(np.abs(MATRIX) > 4e-3, np.sign(MATRIX), 0))
    assert found[0, 0] == SHADES and found[1, 1] < 0 and found[0, 0] > -found[1, 1] > found[3, 3] > found[0, 4] > 0
    assert np.array_equal(found, found.T)


def test_another_matrix_is_another_picture() -> None:
    assert drawn() == drawn() != drawn(-MATRIX)
    assert not np.array_equal(cells(MATRIX), cells(-MATRIX))


def test_the_spectrum_counts_signs_and_zeros() -> None:
    found = spectrum(MATRIX)
    assert (found.positive, found.negative, found.zero) == (2, 2, 1)
    assert np.allclose(found.values, np.sort(np.linalg.eigvalsh(MATRIX))[::-1])
    sizes = np.abs(found.values[found.values != 0])
    assert found.condition == pytest.approx(sizes.max() / sizes.min())
    assert spectrum(np.eye(3)).condition == 1
    assert spectrum(np.zeros((2, 2))).condition == np.inf


def test_rounding_is_taken_for_zero_and_what_is_small_is_not() -> None:
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((5, 3))
    assert spectrum(factor @ factor.T).zero == 2
    assert spectrum(np.diag([1.0, 1e-10])).zero == 0


def test_eigenvalues_stand_in_order_and_on_paper() -> None:
    dots = hessian_picture("Hessian", MATRIX, BLOCKS).dots
    assert [d.style for d in dots] == ["plus"] * 2 + ["zero"] + ["minus"] * 2
    heights = [float(d.y) for d in dots]
    assert heights[0] < heights[1] < heights[2] == TOP + SIDE
    assert all(0 <= float(d.x) <= WIDTH and TOP <= float(d.y) <= TOP + SIDE for d in dots)


@pytest.mark.parametrize("matrix", [np.zeros((5, 5)), np.eye(5), 1e-300 * np.eye(5), -1e300 * np.eye(5)])
def test_extreme_matrices_can_be_drawn(matrix: np.ndarray) -> None:
    for text in ET.fromstring(drawn(matrix)).iter(f"{SVG}text"):
        assert -10 <= float(text.get("x")) <= WIDTH and -10 <= float(text.get("y")) <= HEIGHT


@pytest.mark.parametrize("matrix", [np.eye(4), np.full((5, 5), np.nan)])
def test_what_cannot_be_drawn_is_an_error(matrix: np.ndarray) -> None:
    with pytest.raises(TrainError):
        hessian_picture("Hessian", matrix, BLOCKS)
