"""Hand-written backward passes: right ones hold, planted slips are found where they are, and bad input is said."""

# ruff: noqa: F722, F821

import importlib
from pathlib import Path

import backward_slips as slips
import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.backward.check import BackwardReport
from symbackprop.backward.faults.counterexamples import _shows
from symbackprop.backward.running.passes import Passes
from symbackprop.backward.running.watched import Deadline
from symbackprop.errors import SpecError

FAST = ("affine", "tanh", "batchnorm", "layernorm", "softmax", "attention", "logistic", "class", "network")


UNTRACED = ("rnn", "conv", "network")
"""Passes with loops over a size, and an object that makes its own weights: numbers alone judge them."""


def checked(text: str, name: str, folder: Path) -> BackwardReport:
    """The report on a pair of passes of a source."""
    module, pair = slips.load(text, folder), slips.PAIRS[name]
    backward = getattr(module, pair.backward) if pair.backward else None
    return sbp.check_backward(getattr(module, pair.forward), backward, pair.shapes)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in FAST else pytest.mark.slow) for n in slips.PAIRS])
def test_a_right_pass_holds(name: str, tmp_path: Path) -> None:
    report = checked(slips.LAYERS.read_text(), name, tmp_path)
    assert {v.status for v in report.verdicts} <= ({"holds"} if name in UNTRACED else {"proved", "exact"})
    assert "wrong" not in {line.kind for line in report.lines}


QUICK = {0, 3, 9, 13, 16, 17, 21, 22, 38, 42, 47, 49}


@pytest.mark.parametrize("number", [pytest.param(k, marks=[] if k in QUICK else pytest.mark.slow) for k in range(len(slips.SLIPS))])
def test_a_planted_slip_is_found_where_it_is(number: int, tmp_path: Path) -> None:
    name, old, new, word = slips.SLIPS[number]
    text, line = slips.planted(name, old, new)
    wrong = [v for v in checked(text, name, tmp_path).verdicts if v.status == "wrong"]
    # Where a line is missing, the one before it is named.
    assert wrong and {v.line for v in wrong} <= ({line, line - 1} if "\n" in old else {line})
    assert any(word in v.cause for v in wrong)


@pytest.mark.parametrize("number", [0, 3, 9, 13, 22, 42, 47])
def test_the_corrected_statement_makes_the_pass_right(number: int, tmp_path: Path) -> None:
    name, old, new, _ = slips.SLIPS[number]
    text, line = slips.planted(name, old, new)
    fixed = next(v.corrected for v in checked(text, name, tmp_path).verdicts if v.status == "wrong")
    lines = text.splitlines()
    indent = len(lines[line - 1]) - len(lines[line - 1].lstrip())
    lines[line - 1] = " " * indent + fixed
    assert checked("\n".join(lines) + "\n", name, tmp_path).ok


def test_a_script_shows_the_difference(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = slips.planted("affine", "dW = x.T.dot(dout)", "dW = 2 * x.T.dot(dout)")
    wrong = next(v for v in checked(text, "affine", tmp_path).verdicts if v.status == "wrong")
    monkeypatch.syspath_prepend(str(tmp_path))
    exec(compile(wrong.script, "<script>", "exec"), {})
    printed, right = capsys.readouterr().out.split()
    assert float(printed) == pytest.approx(2 * float(right), rel=1e-5)
    assert wrong.counterexample is not None and "left" in str(wrong.counterexample)


DICTIONARY = """
import numpy as np

def forward(X, net):
    A = np.tanh(X @ net["W1"] + net["b1"])
    return A @ net["W2"], (X, A, net)

def backward(dZ, cache):
    X, A, net = cache
    dH = (dZ @ net["W2"].T) * (1 - A**2)
    return {"dW1": X.T @ dH, "db1": dH.sum(axis=0), "dW2": A.T @ dZ}
"""


@pytest.mark.parametrize("name", ["net", "held"])
def test_a_dictionary_of_parameters_is_checked_and_shown(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is called says what it is, or the shapes do; right gradients are proved, and the script of a wrong one runs."""
    monkeypatch.syspath_prepend(str(tmp_path))
    inner = {"W1": "d h", "b1": "h", "W2": "h c"}
    shapes = {"X": "n d", **({name: inner} if name == "held" else inner)}
    for k, (old, new, wrong) in enumerate([("", "", []), ("(1 - A**2)", "(1 - A)", ["result['dW1']", "result['db1']"])]):
        file = tmp_path / f"{name}_{k}.py"
        file.write_text(DICTIONARY.replace("net", name).replace(old, new))
        loaded = importlib.import_module(file.stem)
        verdicts = {v.subject: v for v in sbp.check_backward(loaded.forward, loaded.backward, shapes=shapes).verdicts}
        assert len(verdicts) == 3 and {s for s, v in verdicts.items() if v.status not in ("proved", "exact")} == {*wrong}
        for subject in wrong:
            exec(compile(verdicts[subject].script, "<script>", "exec"), {})
            printed, right = capsys.readouterr().out.split()
            assert abs(float(printed) - float(right)) > 1e-3


@pytest.mark.parametrize(
    ("text", "shown"), [("print(1.0, 2.0)", True), ("print(1.0, 1.0)", False), ("print(forward(1))", False), ("x", False)]
)
def test_a_script_that_shows_no_difference_is_dropped(text: str, shown: bool) -> None:
    def forward(x):
        return x + 1

    def backward(dout):
        return dout

    passes = Passes(forward, backward, {}, ["x"], Deadline(5))
    assert _shows(passes, ["import numpy as np", "from net import forward", text]) is shown


def test_a_name_with_two_shapes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="W1 has two shapes"):
        sbp.check_backward(lambda X, p: X, lambda dout: dout, shapes={"W1": "d h", "p": {"W1": "d h"}})


# What holds of labels alone.


def net(X: "n d", Y: "n c", W: "d c"):
    Z = X @ W
    P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
    return -np.sum(Y * np.log(P)) / len(X)


def net_back(X, Y, W):
    Z = X @ W
    P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
    dZ = (P - Y) / len(X)
    dW = X.T @ dZ
    return dW


def test_what_rests_on_labels_holds_under_that_condition() -> None:
    (verdict,) = sbp.check_backward(net, net_back).verdicts
    assert (verdict.status, verdict.conditions) == ("holds-if", ("the rows of Y are one-hot",))


# Carried factors are notes; an adjoint that is 0 is compared absolutely.


def scaled(x: "n d", w: "d"):
    z = x @ w
    s = 1 / (1 + np.exp(-z))
    return np.sum(s**2) / len(x)


def scaled_back(x, w):
    z = x @ w
    s = 1 / (1 + np.exp(-z))
    ds = 2 * s
    dz = ds * s * (1 - s)
    dw = x.T @ dz / len(x)
    return dw


def test_a_factor_that_is_divided_out_later_is_a_note() -> None:
    report = sbp.check_backward(scaled, scaled_back)
    assert report.ok
    assert {line.kind for line in report.lines if "ds =" in line.text or "dz =" in line.text} == {"note"}
    assert "ds: n * dJ/ds" in report.margin()


def shifted(x: "n d", b: "d"):
    y = x + b
    return np.sum((y - y.mean(axis=0)) ** 2)


def shifted_back(x, b):
    y = x + b
    dx = 2 * (y - y.mean(axis=0))
    db = dx.sum(axis=0)
    return dx, db


def test_a_gradient_that_is_zero_everywhere_holds() -> None:
    assert sbp.check_backward(shifted, shifted_back).ok


# A small slip that a usual check by differences passes.


def eps_lost(x: "n d"):
    y = x / np.sqrt(np.sum(x**2, axis=1, keepdims=True) + 1e-6)
    return np.sum(y**3)


def eps_lost_back(x):
    s = np.sum(x**2, axis=1, keepdims=True)
    r = np.sqrt(s + 1e-6)
    y = x / r
    dy = 3 * y**2
    dx = dy / r - x * np.sum(dy * x, axis=1, keepdims=True) / (s * r)
    return dx


def test_a_slip_of_a_millionth_is_seen() -> None:
    (verdict,) = sbp.check_backward(eps_lost, eps_lost_back).verdicts
    assert verdict.status == "wrong"


def test_assert_backward_fails_with_the_margin() -> None:
    sbp.testing.assert_backward(scaled, scaled_back)
    with pytest.raises(AssertionError, match=r"dx should be dJ/dx|wrong: dx"):
        sbp.testing.assert_backward(eps_lost, eps_lost_back)


def test_a_model_may_stand_for_the_forward_pass() -> None:
    model = sbp.model({"x": {"axes": "n d"}, "w": {"axes": "d", "role": "parameter"}}, {"z": "x @ w", "J": "sum(z**2) / n"})
    assert sbp.check_backward(model, lossless).ok


def lossless(x, w):
    z = x @ w
    dw = 2 * x.T @ z / len(x)
    return dw


# Bad input.


def silent(x: "n d"):
    return np.sum(x**2)


def nothing(x):
    x = 2 * x


def forever(x):
    while True:
        x = x + 0
    return x


def broken(x):
    dx = x @ x @ np.ones(11)
    return dx


def changing(x):
    print("here")
    x *= 2
    dx = x
    return dx


@pytest.mark.parametrize(
    ("backward", "said"),
    [(nothing, "returns nothing"), (forever, "longer than"), (broken, r"raised ValueError.*\n.*dx = x @ x")],
)
def test_what_can_not_be_checked_is_said(backward, said: str) -> None:
    with pytest.raises(sbp.SymbackpropError, match=said):
        sbp.check_backward(silent, backward, seconds=1)


def test_changes_in_place_and_prints_are_said(capsys: pytest.CaptureFixture) -> None:
    report = sbp.check_backward(silent, changing)
    assert report.ok and "changes x in place" in report.notes[0] and "print" in report.notes[1]
    assert capsys.readouterr().out == ""


def test_shapes_that_do_not_fit_are_said() -> None:
    with pytest.raises(sbp.SymbackpropError, match="dY is"):
        sbp.check_backward(doubled, doubled_back, {"x": "n d", "dY": "d n"})
    with pytest.raises(sbp.SymbackpropError, match="no shape"):
        sbp.check_backward(doubled, doubled_back, {"x": "n *"})


def doubled(x):
    return 2 * x


def doubled_back(dY):
    dx = 2 * dY
    return dx


def test_what_no_name_pairs_is_asked_for() -> None:
    with pytest.raises(sbp.SymbackpropError, match="which gradient"):
        sbp.check_backward(product, product_back)
    assert sbp.check_backward(product, product_back, pairs={"first": "a", "second": "b"}).ok


def product(a: "n", b: "n"):
    return a * b


def product_back(a, b, dout):
    first = dout * b
    second = dout * a
    return {"first": first, "second": second}
