"""Backward passes as people keep them: classes, dictionaries, updates in place, Jacobians, masks, tiny constants."""

import backward_slips as slips
import pytest

import symbackprop as sbp

NETWORKS = slips.LAYERS.with_name("networks.py")
NET = slips.module_of(NETWORKS)

RIGHT = [
    (NET.loss_of, NET.gradients_of, {"W1": "d h", "b1": "h", "W2": "h", "X": "n d", "y": "n"}),
    (NET.banana, NET.banana_jac, {"x": "n+2"}),
    (NET.banana_jac, NET.banana_hess, {"x": "n+2"}),
    (NET.sigmoid, NET.sigmoid_slope, {"z": "n d"}),
    (NET.drop, NET.drop_backward, {"x": "n d"}),
    (NET.embed, NET.embed_backward, {"W": "v e", "places": "n t index"}),
    (NET.Rectifier, None, {"x": "n d"}),
]


@pytest.mark.parametrize(("forward", "backward", "shapes"), RIGHT, ids=lambda p: getattr(p, "__name__", ""))
def test_it_is_taken_as_it_stands(forward, backward, shapes: dict[str, str]) -> None:
    assert {v.status for v in sbp.check_backward(forward, backward, shapes).verdicts} <= {"proved", "exact", "holds"}


def test_a_network_of_layers_holds_for_labels_and_without_its_tiny_constant() -> None:
    report = sbp.check_backward(NET.Classifier, shapes={"x": "n input_size", "t": "n output_size"})
    assert {v.subject for v in report.verdicts} == {"grads['W1']", "grads['b1']", "grads['W2']", "grads['b2']"}
    assert {v.conditions for v in report.verdicts} == {("the rows of t are one-hot", "1e-07 in forward is taken as 0")}


def test_gradients_that_only_update_are_found_among_the_variables() -> None:
    report = sbp.check_backward(NET.Updating, shapes={"X": "n n_in", "y": "n 1"})
    states = {v.subject: (v.status, v.corrected) for v in report.verdicts}
    assert states == {"dW2": ("holds", ""), "dW1": ("wrong", "delta2 = delta3 @ self.W2.T * (1 - self.a**2)")}


def test_methods_may_be_named() -> None:
    report = sbp.check_backward(NET.Updating.cost, NET.Updating.backward, {"X": "n n_in", "y": "n 1"})
    assert [v.status for v in report.verdicts] == ["holds", "wrong"]


def test_repeated_places_count_each_time() -> None:
    (verdict,) = sbp.check_backward(NET.embed, NET.embed_once, {"W": "v e", "places": "n t index"}).verdicts
    assert verdict.status == "wrong" and verdict.corrected == "np.add.at(dW, places, dout)"


def test_a_mask_is_a_condition() -> None:
    shapes = {"U": "m f", "V": "u f", "Y": "m u", "R": "m u", "reg": ""}
    report = sbp.check_backward(NET.ratings, NET.ratings_backward, shapes)
    assert {v.status for v in report.verdicts} == {"holds-if"} and "mask" in report.verdicts[0].conditions[0]


def test_arguments_that_are_no_tensors_are_given() -> None:
    shapes = {"x": "n d", "gamma": "d"}
    assert sbp.check_backward(NET.normed, NET.normed_backward, shapes, given={"conf": {"mode": "train"}}).ok
    with pytest.raises(sbp.SymbackpropError, match="nothing says what conf"):
        sbp.check_backward(NET.normed, NET.normed_backward, shapes)


def test_nothing_of_the_objects_given_is_changed() -> None:
    layer = NET.Dense(*ones())
    before = layer.W.copy()
    assert sbp.check_backward(layer, shapes={"x": "n 3", "W": "3 2", "b": "2"}).ok
    assert (before == layer.W).all() and not hasattr(layer, "x")


def ones():
    return NET.np.ones((3, 2)), NET.np.ones(2)
