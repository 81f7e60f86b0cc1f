"""Readings of claims beside the usual one, each with a claim that it must not let through, and when a mismatch is no misreading."""

import pytest

import symbackprop as sbp

CROSS_ENTROPY = [r"p_k = \frac{e^{a_k}}{\sum_j e^{a_j}}", r"H = -\sum_k y_k \log p_k"]
SOFT = {"a": ["C"], "p": ["C"], "y": ["C"], "H": []}
COSINE = [r"\cos(u, v) = \frac{\langle u, v \rangle}{\|u\| \|v\|}"]
BATCH = [r"\mu = \frac1m \sum_i x_i", r"v = \frac1m \sum_i (x_i - \mu)^2", r"h_i = \frac{x_i - \mu}{\sqrt{v + \epsilon}}"]
SCORES = {"Q": ["n", "d"], "K": ["m", "d"], "S": ["n", "m"], "P": ["n", "m"], "V": ["m", "c"], "O": ["n", "c"], "L": []}
ATTENTION = [r"S = \frac{Q K^T}{\sqrt{d}}", r"P = \text{softmax}(S)", "O = P V"]


def status(claim: str, forward: list[str], shapes: dict[str, list[str]], **conventions: str) -> str:
    return sbp.check_claim(claim, {"forward": forward, "shapes": shapes, "conventions": conventions}).status


def test_a_one_hot_label_has_one_class() -> None:
    right = r"\frac{\partial H}{\partial p_k} = \begin{cases} -1/p_c & k = c \\ 0 & \text{else} \end{cases}"
    assert status(right, [*CROSS_ENTROPY, r"H = -\log p_c"], SOFT, y="one-hot") == "holds"
    assert status(right.replace("-1", "1"), [*CROSS_ENTROPY, r"H = -\log p_c"], SOFT, y="one-hot") == "wrong"


def test_a_free_index_may_be_the_class_where_labels_are_one_hot() -> None:
    found = sbp.check_claim(
        r"\frac{\partial H}{\partial a_i} = p_i - 1", {"forward": CROSS_ENTROPY, "shapes": SOFT, "conventions": {"y": "one-hot"}}
    )
    assert found.status == "holds-if" and "class" in str(found.conditions[0])
    assert status(r"\frac{\partial H}{\partial a_i} = 1 - p_i", CROSS_ENTROPY, SOFT, y="one-hot") == "wrong"


def test_vectors_of_a_cosine_may_have_norm_one() -> None:
    shapes = {"u": ["d"], "v": ["d"]}
    found = sbp.check_claim(r"\frac{\partial \cos(u, v)}{\partial u} = v - \cos(u, v) u", {"forward": COSINE, "shapes": shapes})
    assert found.status == "holds-if" and "norm 1" in str(found.conditions[0])
    assert status(r"\frac{\partial \cos(u, v)}{\partial u} = v + \cos(u, v) u", COSINE, shapes) in ("wrong", "unknown")


def test_one_index_twice_in_a_derivative_may_mean_two() -> None:
    found = sbp.check_claim(
        r"\frac{\partial p_j}{\partial a_j} = p_i (\delta_{ij} - p_j)", {"forward": CROSS_ENTROPY[:1], "shapes": {"p": ["C"], "a": ["C"]}}
    )
    assert found.status == "holds-if" and "two are meant" in str(found.conditions[0])
    assert status(r"\frac{\partial p_j}{\partial a_j} = p_i (\delta_{ij} + p_j)", CROSS_ENTROPY[:1], SOFT) in ("wrong", "unknown")


def test_a_step_with_a_penalty_goes_down_the_loss_with_it() -> None:
    forward, shapes = [r"\tilde J(w) = \frac{\alpha}{2} w^\top w + J(w)"], {"w": ["n"], r"\alpha": [], r"\epsilon": [], "J": []}
    assert status(r"w \leftarrow w - \epsilon (\alpha w + \nabla_w J(w))", forward, shapes) == "holds"
    assert status(r"w \leftarrow w - \epsilon (\alpha w - \nabla_w J(w))", forward, shapes) in ("wrong", "unknown")


@pytest.mark.parametrize("dvar", ["dZ means m times dJ/dZ; dW means dJ/dW", "dZ means m*dJ/dZ, dW means dJ/dW"])
def test_a_differential_may_be_a_derivative_times_a_size(dvar: str) -> None:
    forward, shapes = ["Z = W X"], {"Z": ["k", "m"], "W": ["k", "d"], "X": ["d", "m"], "J": []}
    assert status(r"dW = \frac1m dZ X^T", forward, shapes, dvar=dvar) == "holds"
    assert status(r"dW = dZ X^T", forward, shapes, dvar=dvar) == "wrong"


def test_a_declared_loss_without_equation_depends_on_what_the_equations_end_in() -> None:
    assert status(r"dS_{ij} = P_{ij} (dP_{ij} - \sum_k P_{ik} dP_{ik})", ATTENTION, SCORES) == "holds"
    assert status(r"dQ = dS K", ATTENTION, SCORES) == "wrong"


def test_a_sum_over_vectors_runs_as_far_as_the_axis_of_its_index() -> None:
    forward = [r"f = \frac12 \sum_{mn} (r_{mn} - u_m^T v_n)^2"]
    shapes = {"r": ["M", "N"], "u_m": ["d"], "v_n": ["d"], "f": []}
    assert status(r"\frac{\partial f}{\partial u_m} = \sum_n v_n v_n^T u_m - \sum_n r_{mn} v_n", forward, shapes) == "holds"
    assert status(r"\frac{\partial f}{\partial u_m} = \sum_n v_n v_n^T u_m + \sum_n r_{mn} v_n", forward, shapes) == "wrong"


def test_words_on_left_sides_are_names() -> None:
    forward = [r"net_1 = w_1 x_1 + w_2 x_2", r"out_1 = \frac{1}{1 + e^{-net_1}}", r"E = \frac12 (t - out_1)^2"]
    shapes = {"w_1": [], "w_2": [], "x_1": [], "x_2": [], "t": []}
    assert status(r"\frac{\partial E}{\partial w_1} = -(t - out_1) out_1 (1 - out_1) x_1", forward, shapes) == "holds"
    assert status(r"\frac{\partial E}{\partial w_1} = (t - out_1) out_1 (1 - out_1) x_1", forward, shapes) == "wrong"


def test_what_a_chain_defines_in_its_middle_is_what_it_defines_on_its_left() -> None:
    forward, shapes = [r"E = \frac12 (t - \hat{y})^2", r"\hat{y} = o = \tanh(z)"], {"t": [], "z": []}
    assert status(r"\frac{\partial E}{\partial o} = o - t", forward, shapes) == "holds"
    assert status(r"\frac{\partial E}{\partial o} = t - o", forward, shapes) == "wrong"


def test_a_prime_alone_is_taken_where_the_one_equation_applies_the_function() -> None:
    forward, shapes = ["z = W x", "a = g(z)"], {"z": ["n"], "W": ["n", "m"], "x": ["m"], "a": ["n"], "L": []}
    for prime in ("g'", "(g)'"):
        right = rf"\frac{{\partial L}}{{\partial x}} = W^T ({prime} \odot \frac{{\partial L}}{{\partial a}})"
        assert status(right, forward, shapes) == "holds"
        assert status(right.replace("W^T", "2 W^T"), forward, shapes) == "wrong"


LOST = {
    "paths through mean and variance": (BATCH, {"x": ["m"], "h": ["m"], r"\mu": [], "v": [], r"\epsilon": [], "L": []}),
    "entries off the diagonal": (ATTENTION, SCORES),
}
LOST_CLAIMS = {
    "paths through mean and variance": r"\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial h_i} \frac{1}{\sqrt{v + \epsilon}}",
    "entries off the diagonal": r"dS_{ij} = P_{ij} (1 - P_{ij}) dP_{ij}",
}


@pytest.mark.parametrize("what", LOST)
def test_in_plain_notation_a_mismatch_is_wrong_though_nothing_near_is_right(what: str) -> None:
    assert status(LOST_CLAIMS[what], *LOST[what]) == "wrong"


@pytest.mark.parametrize(
    ("claim", "forward", "shapes"),
    [
        # true where the maximum is not 0, which the claim does not say
        (r"\frac{\partial L}{\partial a} = 2 (n - p)", [r"L = \max(0, \|a - p\|^2 - \|a - n\|^2 + m)"], {x: ["d"] for x in "apn"}),
        # repeated indices are summed
        (
            r"\frac{\partial \hat y_a}{\partial V_{ic}} = \hat y_a U_{ai} - \hat y_a \hat y_z U_{zi}",
            [r"\hat{y}_o = \frac{\exp(U_{oj} V_{jc})}{\exp(U_{wk} V_{kc})}"],
            {"U": ["W", "d"], "V": ["d", "C"], r"\hat y": ["W"]},
        ),
    ],
)
def test_what_may_be_true_on_a_condition_that_is_not_said_is_not_called_wrong(claim: str, forward: list[str], shapes: dict) -> None:
    assert status(claim, forward, shapes) == "unknown"


def test_d_of_an_activation_may_be_the_derivative_by_what_it_is_applied_to() -> None:
    forward, shapes = [r"a = \sigma(W x)", "h = a * c"], {"a": ["n"], "W": ["n", "m"], "x": ["m"], "h": ["n"], "c": ["n"], "J": []}
    dvar = "da means the gradient with respect to the pre-activation; dh is dJ/dh"
    assert status("da = dh * c * a * (1 - a)", forward, shapes, dvar=dvar) == "holds"
    assert status("da = dh * c * a * (1 + a)", forward, shapes, dvar=dvar) in ("wrong", "unknown")
