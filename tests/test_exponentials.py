"""Quotients of sums of exponentials, and logarithms of their differences, where the exponentials overflow and the whole does not.

A value is right to 1e-12 of 1 or better, in float32 to 1e-5; of a logarithm, to that of its argument's size.
"""

import numpy as np
import pytest
from test_stability import failures

from symbackprop.stability import overflow

GAPS = (0.0, 1.0, 50.0, 105.0, 711.0, 1000.0)
NAMES = "abcq"
POINTS = [
    {n: [s * g + d * k for s in (1, -1)] for k, (n, g) in enumerate(zip(NAMES, gaps, strict=True))}
    for gap in GAPS
    for d in (0.0, 0.25)
    for gaps in ((gap, 0.0, 0.0, 0.0), (0.0, gap, 0.0, -gap), (gap, gap, gap, gap), (1.0, 0.5, gap, gap))
]
"""Values of a, b, c and q, of both signs, with every gap between some of them and none between others."""
QUOTIENTS = {
    "one of three": {"F": "exp(a) / (exp(a) + exp(b) + exp(c))"},
    "one of four": {"F": "exp(c) / (exp(a) + exp(b) + exp(c) + exp(q))"},
    "two of four": {"F": "(exp(a) + exp(b)) / (exp(a) + exp(b) + exp(c) + exp(q))"},
    "two of three": {"F": "(exp(a) + 3 * exp(b)) / (exp(a) + 3 * exp(b) + 2 * exp(c))"},
    "a square": {"F": "(2 * exp(a) / (2 * exp(a) + 3 * exp(b)))**2"},
    "a cube": {"F": "(2 * exp(a) / (2 * exp(a) + 3 * exp(b)))**3"},
    "a square of one of three": {"F": "(exp(a) / (exp(a) + exp(b) + exp(c)))**2"},
    "its logarithm": {"F": "log(exp(a) / (exp(a) + exp(b) + exp(c)))"},
    "names": {"E": "exp(a)", "G": "exp(b)", "D": "E + G + exp(c)", "P": "E / D", "F": "P * q"},
    "names, and a logarithm": {"E": "exp(a)", "D": "E + exp(b) + exp(c)", "P": "E / D", "F": "-log(P)"},
    "beside 1": {"F": "exp(a) / (1 + exp(a) + exp(b))"},
    "1 above": {"F": "1 / (1 + exp(a) + exp(b))"},
    "less": {"F": "1 - exp(a) / (exp(a) + exp(b) + exp(c))"},
    "its odds": {"P": "exp(a) / (exp(a) + exp(b) + exp(c))", "F": "P * (1 - P)"},
    "less a label": {"F": "(q - exp(a) / (exp(a) + exp(b) + exp(c)))**2 / (1 + q**2)"},
    "a mean": {"F": "(q * exp(a) + 2 * exp(b)) / (exp(a) + exp(b) + exp(c))"},
    "weights of two signs": {"F": "(exp(a) - 2 * exp(b)) / (exp(a) + 3 * exp(b))"},
    "a difference above": {"F": "(exp(a) - exp(b)) / (exp(a) + exp(b) + exp(c))"},
    "entropy": {"P": "exp(a) / (exp(a) + exp(b) + exp(c))", "F": "-P * log(P)"},
    "products": {"F": "exp(a + b) / (exp(2 * a) + exp(2 * b) + exp(a + b))"},
    "shifted": {"m": "maximum(maximum(a, b), c)", "E": "exp(a - m)", "F": "E / (E + exp(b - m) + exp(c - m))"},
}
"""Quotients of sums of exponentials."""
OVER_AN_AXIS = {
    "over one": {"F": "sum(exp(a)[:, None] / (exp(a)[:, None] + exp(b) + exp(c)), axis=1)"},
    "over the other": {"F": "sum(exp(a)[:, None] / (exp(a)[:, None] + exp(b) + exp(c)), axis=0)"},
    "named": {"E": "exp(a)", "G": "exp(b)", "F": "sum(E[:, None] / (E[:, None] + G + 2 * exp(c)[:, None]), axis=1)"},
    "weighed": {"F": "sum(exp(a)[:, None] * q / (exp(a)[:, None] + exp(b) + 1), axis=1)"},
}
"""The same over an axis of pairs."""
DIFFERENCES = {
    "two": {"F": "log(exp(a) - exp(b))"},
    "weights": {"F": "log(2 * exp(a) - exp(b) / 3)"},
    "named": {"E": "exp(a)", "G": "exp(b)", "D": "E - G", "F": "log(D)"},
    "two and one": {"F": "log(exp(a) + exp(c) - exp(b))"},
    "half": {"F": "0.5 * log((exp(a) - exp(b)) * 2)"},
    "quotient": {"F": "log((exp(a) - exp(b)) / (exp(a) + exp(b)))"},
    "inverse": {"F": "exp(b) / (exp(a) - exp(b))"},
    "of sums": {"F": "log(sum(exp(a)) - sum(exp(b)))"},
}
"""Logarithms of a difference, and what divides by one, at a > b."""
APART = [
    {"a": [h + g, h + 2 * g], "b": [h, h - g], "c": [h - 1, h + g]} for h in (0.0, -3.0, 700.0, -700.0) for g in (0.01, 0.7, 50.0, 710.0)
]


def wrong(equations, points, wrt, **how):
    """Where a spelling or its derivative is wrong."""
    used = [n for n in NAMES if any(n in text.replace("exp", "").replace("sqrt", "") for text in equations.values())]
    return [f for p in points for f in failures(equations, dict.fromkeys(used, "n"), {n: p[n] for n in used}, wrt=wrt, least=1.0, **how)]


def of_each(titles):
    """Every title by a and by b; the one or the other belongs to the fast tests."""
    pairs = [(title, wrt) for title in titles for wrt in "ab"]
    return [pytest.param(*pair, marks=[pytest.mark.slow] if k % 4 in (1, 2) else []) for k, pair in enumerate(pairs)]


@pytest.mark.parametrize(("title", "wrt"), of_each(QUOTIENTS))
def test_a_quotient(title, wrt):
    if any(wrt in text.replace("exp", "") for text in QUOTIENTS[title].values()):
        assert wrong(QUOTIENTS[title], POINTS, wrt) == []
        assert wrong(QUOTIENTS[title], POINTS, wrt, dtype=np.float32, tolerance=1e-5) == []


@pytest.mark.parametrize(("title", "wrt"), of_each(OVER_AN_AXIS))
def test_a_quotient_over_an_axis(title, wrt):
    assert wrong(OVER_AN_AXIS[title], POINTS, wrt) == []
    assert wrong(OVER_AN_AXIS[title], POINTS, wrt, dtype=np.float32, tolerance=1e-5) == []


@pytest.mark.parametrize(("title", "wrt"), of_each(DIFFERENCES))
def test_a_difference(title, wrt):
    assert wrong(DIFFERENCES[title], APART, wrt) == []
    assert wrong(DIFFERENCES[title], APART, wrt, dtype=np.float32, tolerance=1e-5) == []


def test_control_an_overflow_is_seen(monkeypatch):
    monkeypatch.setattr(overflow.Reader, "product", lambda self, e, free: None)
    spelled = {"F": "(exp(b) + exp(a)) / (exp(a) + exp(b) + exp(c) + exp(q))"}  # no other test has generated it
    assert wrong(spelled, POINTS, "a")
