"""What of a backward pass is taken for what: labels, rates, outputs that are kept, gradients beside those that are returned."""

# ruff: noqa: F722, F821

import numpy as np
import pytest

import symbackprop as sbp


def mse(y_true: "n d", y_pred: "n d"):
    return np.mean((y_true - y_pred) ** 2)


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_true.size


def test_a_loss_is_not_differentiated_by_its_labels() -> None:
    (verdict,) = sbp.check_backward(mse, mse_prime).verdicts
    assert verdict.status == "proved" and "dJ/dy_pred" in verdict.reason


class Keeping:
    def __init__(self, n_inputs, n_neurons):
        self.weights = 0.01 * np.random.randn(n_inputs, n_neurons)
        self.biases = np.zeros((1, n_neurons))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dweights = self.inputs.T @ dvalues
        self.dbiases = dvalues.sum(axis=0, keepdims=True)
        self.dinputs = dvalues @ self.weights


def test_a_layer_may_keep_its_output() -> None:
    report = sbp.check_backward(Keeping, shapes={"inputs": "n n_inputs"})
    assert "there are sizes at which it fails" in report.notes[0] and "ValueError" in report.notes[0]
    assert {v.subject: (v.status, v.cause.rpartition(": ")[2]) for v in report.verdicts if v.status == "wrong"} == {
        "self.dinputs": ("wrong", "the transpose of self.weights is missing")
    }


class Learning:
    def __init__(self, input_size, output_size):
        self.weights = np.random.randn(output_size, input_size)

    def forward(self, input):
        self.input = input
        return self.weights @ input

    def backward(self, output_gradient, learning_rate):
        weights_gradient = output_gradient @ self.input.T
        input_gradient = self.weights.T @ output_gradient
        self.weights -= learning_rate * weights_gradient
        return input_gradient


def test_a_gradient_that_only_updates_is_judged_beside_what_is_returned() -> None:
    report = sbp.check_backward(Learning, shapes={"input": "input_size 1"})
    assert {v.subject: v.status for v in report.verdicts} == {"input_gradient": "holds", "weights_gradient": "holds"}


def scores(X: "n d", W: "d c"):
    return X @ W


def scores_back(X, W, Y):
    dW = X.T @ (X @ W - Y)
    return {"dW": dW}


def test_labels_are_no_gradient_from_above() -> None:
    with pytest.raises(sbp.SymbackpropError, match="no gradient from above"):
        sbp.check_backward(scores, scores_back, {"X": "n d", "W": "d c", "Y": "n c"})


def scaled(q: "n k", s: "m k"):
    return q @ s.T / np.sqrt(q.shape[1])


def scaled_back(dout, q, s):
    dq = dout @ s
    ds = dout.T @ q / np.sqrt(q.shape[1])
    return dq, ds


def test_the_root_of_a_size_is_named() -> None:
    verdict = sbp.check_backward(scaled, scaled_back).verdicts[0]
    assert verdict.corrected == "dq = dout @ s / np.sqrt(s.shape[1])"


def test_random_numbers_that_differ_from_run_to_run_are_said() -> None:
    with pytest.raises(sbp.SymbackpropError, match="two runs give two values"):
        sbp.check_backward(noisy, noisy_back)


def noisy(x: "n"):
    return np.sum(x * np.random.default_rng().normal(size=x.shape))


def noisy_back(x):
    dx = np.ones_like(x)
    return dx


def picked(s: "n c", y: "n"):
    return -np.sum(s[np.arange(len(y)), y])


def picked_back(s, y):
    ds = np.zeros_like(s)
    ds[np.arange(len(y)), y] -= 1
    return ds


def test_what_entries_are_picked_by_is_an_index_without_the_word() -> None:
    assert sbp.check_backward(picked, picked_back).ok


def slow(x):
    while x is not None:
        x = x + 0


def helper_back(x):
    dx = slow(x)
    return dx


def squares(x: "n"):
    return np.sum(x**2)


def test_a_loop_without_end_in_a_helper_ends_with_the_limit() -> None:
    with pytest.raises(sbp.SymbackpropError, match="longer than"):
        sbp.check_backward(squares, helper_back, seconds=0.5)


def gated(x: "n d", W: "d q"):
    a = x @ W
    k = W.shape[1] // 2
    return a[:, :k] * a[:, k:]


def gated_back(dout, x, W):
    a = x @ W
    k = dout.shape[1]
    da = np.hstack([dout * a[:, k:], dout * a[:, :k]])
    return da @ W.T, x.T @ da


def flat(x: "n c h", W: "p m"):
    return x.reshape(len(x), -1) @ W


def flat_back(dout, x, W):
    dx = (dout @ W.T).reshape(x.shape)
    dW = x.reshape(len(x), -1).T @ dout
    return dx, dW


def test_a_size_that_others_make_is_found_and_said() -> None:
    report = sbp.check_backward(flat, flat_back)
    assert report.ok and "it runs where p = c*h" in report.notes[0]
    assert sbp.check_backward(gated, gated_back).ok


class Private:
    def __init__(self, W):
        self.__weights = W

    def forward(self, x):
        self.__x = x
        return x @ self.__weights

    def backward(self, dout):
        self.dW = self.__x.T @ dout
        dx = dout @ self.__weights.T
        return dx


def test_an_argument_of_the_constructor_is_known_under_another_name() -> None:
    report = sbp.check_backward(Private, shapes={"x": "n d", "W": "d m"})
    assert {v.subject: v.status for v in report.verdicts} == {"self.dW": "holds", "dx": "holds"}


def quadratic(x: "n d", w: "d"):
    return np.sum((x @ w) ** 2)


def in_few_digits(x, w):
    dw = 2 * x.T.astype(np.float32) @ (x @ w).astype(np.float32)
    return dw


def missing(x, w):
    dx, dw = 2 * np.outer(x @ w, w), None
    return dx, dw


def test_what_is_computed_in_few_digits_is_compared_in_few() -> None:
    assert sbp.check_backward(quadratic, in_few_digits).ok


def test_a_gradient_that_is_none_is_missing() -> None:
    verdicts = sbp.check_backward(quadratic, missing).verdicts
    assert {v.subject: (v.status, v.cause) for v in verdicts} == {"dx": ("proved", ""), "dw": ("wrong", "it is missing")}
