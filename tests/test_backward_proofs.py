"""Gradients of a person's own pass that are proved, and what is not."""

# ruff: noqa: F722, F821

from pathlib import Path

import backward_slips as slips
import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.backward.deriving import proving
from symbackprop.backward.deriving.preparing import benches
from symbackprop.backward.running.passes import Passes
from symbackprop.backward.running.shapes import read_shapes
from symbackprop.backward.running.watched import Deadline


def affine(x: "n d", W: "d m", b: "m"):
    return x @ W + b, (x, W)


def affine_backward(dout, cache):
    x, W = cache
    return dout @ W.T, x.T @ dout, dout.sum(axis=0)


def test_what_can_be_traced_is_proved_for_all_sizes() -> None:
    report = sbp.check_backward(affine, affine_backward)
    assert [v.status for v in report.verdicts] == ["proved"] * 3 and "for all sizes" in report.verdicts[0].reason


@pytest.mark.parametrize("number", [0, 1, 2, 3, 8, 17, 22, 42])
def test_control_a_wrong_gradient_is_not_proved(number: int, tmp_path: Path) -> None:
    name, old, new, _ = slips.SLIPS[number]
    module, pair = slips.load(slips.planted(name, old, new)[0], tmp_path), slips.PAIRS[name]
    backward = getattr(module, pair.backward) if pair.backward else None
    bench = benches(Passes(getattr(module, pair.forward), backward, {}, [*pair.shapes], Deadline(20)), read_shapes(pair.shapes), {})
    wrong = {slot for slot, state in bench.states(bench.rans).items() if state == "wrong"}
    assert wrong and not wrong & {*proving.proofs(bench, bench.slots)}


def dropped(x: "n d", keep=0.7):
    mask = np.random.rand(*x.shape) < keep
    return x * mask / keep, mask


def dropped_backward(dout, mask, keep=0.7):
    return dout * mask / keep


def dropped_again(dout, mask, keep=0.7):
    return dout * (np.random.rand(*dout.shape) < keep) / keep


def test_a_mask_is_one_of_the_forward_pass() -> None:
    assert [v.status for v in sbp.check_backward(dropped, dropped_backward).verdicts] == ["proved"]
    assert [v.status for v in sbp.check_backward(dropped, dropped_again).verdicts] == ["wrong"]
