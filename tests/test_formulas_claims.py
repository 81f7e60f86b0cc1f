"""Claims on paper: what holds, under which reading, what is wrong, and what nobody can tell. Each verdict has a control."""

import pytest

import symbackprop as sbp

NETWORK = {
    "forward": ["z = W x + b", r"h = \tanh(z)", r"L = \frac{1}{2} \|h - t\|^2"],
    "shapes": {"x": ["d"], "W": ["k", "d"], "b": ["k"], "z": ["k"], "h": ["k"], "t": ["k"], "L": []},
    "conventions": {"vectors": "column", "layout": "gradient-shape"},
}
LAYERS = {
    "forward": [
        r"z^{l} = W^{l} a^{l-1} + b^{l}",
        r"a^{l} = \sigma(z^{l})",
        r"\delta^{l} = \frac{\partial E}{\partial z^{l}}",
        r"E = \ell(a^{L})",
    ],
    "shapes": {"W^l": ["n_l", "n_{l-1}"], "b^l": ["n_l"], "z^l": ["n_l"], "a^l": ["n_l"], r"\delta^l": ["n_l"]},
    "conventions": {"vectors": "column", "layout": "gradient-shape", "superscript": "layer"},
}
SOFTMAX = {
    "forward": [r"p_i = \frac{e^{s_i}}{\sum_k e^{s_k}}"],
    "shapes": {"s": ["K"], "p": ["K"]},
    "conventions": {"layout": "index"},
}
STATE = {
    "forward": [r"h_t = \tanh(U x_t + V h_{t-1})", r"o_t = C h_t", r"L = \sum_t \ell(o_t)"],
    "shapes": {"x_t": ["d"], "h_t": ["n"], "o_t": ["m"], "U": ["n", "d"], "V": ["n", "n"], "C": ["m", "n"], "L": []},
    "conventions": {"vectors": "column", "layout": "gradient-shape"},
}
NONE = {
    "shapes": {"A": ["m", "n"], "S": ["n", "n"], "x": ["n"], "y": ["m"]},
    "conventions": {"vectors": "column", "layout": "gradient-shape"},
}
CASES = [
    (NETWORK, r"\frac{\partial L}{\partial W} = ((h - t) \odot (1 - h \odot h)) x^T", "holds"),
    (NETWORK, r"\frac{\partial L}{\partial W} = ((h - t) \odot (1 + h \odot h)) x^T", "wrong"),
    (NETWORK, r"\frac{\partial L}{\partial x} = W^\top \frac{\partial L}{\partial z}", "holds"),
    (NETWORK, r"\frac{\partial L}{\partial x} = W \frac{\partial L}{\partial z}", "wrong"),
    (NETWORK, r"\frac{\partial L}{\partial z} = (h - t) \odot \tanh'(z) = \frac{\partial L}{\partial b}", "holds"),
    (NETWORK, r"\nabla_h L = h - t", "holds"),
    (NETWORK, r"\nabla_h L = t - h", "wrong"),
    (NETWORK, r"W \leftarrow W - \eta \frac{\partial L}{\partial W}", "holds"),
    (NETWORK, r"W \leftarrow W + \eta \frac{\partial L}{\partial W}", "wrong"),
    (NETWORK, r"\frac{\partial L}{\partial W} \in \mathbb{R}^{k \times d}", "holds"),
    (NETWORK, r"\frac{\partial L}{\partial W} \in \mathbb{R}^{d \times k}", "wrong"),
    (NETWORK, r"\frac{\partial L}{\partial W} \in \mathbb{R}^{k}", "wrong"),
    (LAYERS, r"\delta^{l} = ((W^{l+1})^T \delta^{l+1}) \odot \sigma'(z^{l})", "holds"),
    (LAYERS, r"\delta^{l} = ((W^{l+1})^T \delta^{l+1}) \odot \sigma'(a^{l})", "wrong"),
    (LAYERS, r"\frac{\partial E}{\partial W^{l}_{jk}} = a^{l-1}_k \delta^{l}_j", "holds"),
    (LAYERS, r"\frac{\partial E}{\partial W^{l}_{jk}} = a^{l-1}_j \delta^{l}_k", "wrong"),
    (SOFTMAX, r"\frac{\partial p_i}{\partial s_j} = p_i (\delta_{ij} - p_j)", "holds"),
    (SOFTMAX, r"\frac{\partial p_i}{\partial s_j} = p_i (1 - p_j)", "wrong"),
    (SOFTMAX, r"\frac{\partial p_i}{\partial s_j} = -p_i p_j, \quad i \neq j", "holds"),
    (STATE, r"\frac{\partial L}{\partial C} = \sum_t \frac{\partial L}{\partial o_t} h_t^T", "holds"),
    (STATE, r"\frac{\partial L}{\partial C} = \sum_t \frac{\partial L}{\partial o_t} h_{t-1}^T", "wrong"),
    (NONE, r"\nabla_x \|A x - y\|^2 = 2 A^T (A x - y)", "holds"),
    (NONE, r"\nabla_x \|A x - y\|^2 = A^T (A x - y)", "wrong"),
    (NONE, r"\nabla_S \operatorname{tr}(S) = I", "holds"),
    (NONE, r"\nabla_S \log\det S = S^{-T}", "holds"),
    (NONE, r"\nabla_x (x^T S x) = (S + S^T) x", "holds"),
]


@pytest.mark.parametrize(("context", "claim", "status"), CASES)
def test_a_claim_gets_its_verdict(context: dict, claim: str, status: str) -> None:
    assert sbp.check_claim(claim, context).status == status


def test_a_row_for_a_column_holds_only_under_that_reading() -> None:
    found = sbp.check_claim(r"\frac{\partial L}{\partial z} = (h - t)^T \odot (1 - h \odot h)^T", NETWORK)
    assert found.status == "holds-if" and "numerator" in str(found.conditions)


def test_labels_that_sum_to_one_are_a_condition_where_nothing_says_so() -> None:
    context = {**SOFTMAX, "forward": [*SOFTMAX["forward"], r"L = -\sum_k w_k \log p_k"], "shapes": {"s": ["K"], "p": ["K"], "w": ["K"]}}
    assert sbp.check_claim(r"\frac{\partial L}{\partial s_i} = p_i \sum_k w_k - w_i", context).status == "holds"
    assert sbp.check_claim(r"\frac{\partial L}{\partial s_i} = p_i - w_i", context).status != "holds"


def test_a_vector_beside_a_matrix_may_be_its_diagonal() -> None:
    context = {**NETWORK, "conventions": {"vectors": "column", "layout": "numerator"}}
    assert sbp.check_claim(r"\frac{\partial h}{\partial x} = \operatorname{diag}(1 - h \odot h) W", context).status == "holds"
    assert sbp.check_claim(r"\frac{\partial h}{\partial x} = (1 - h \odot h) W", context).status == "holds-if"


def test_what_is_true_in_a_special_case_alone_is_not_said_to_hold() -> None:
    context = {"forward": ["z = W x", r"a = \phi(z)", "L = f(a)"], "shapes": {"x": ["d"], "W": ["k", "d"], "z": ["k"], "a": ["k"]}}
    assert sbp.check_claim(r"\frac{\partial L}{\partial z} = \frac{\partial L}{\partial a}", context).status == "unknown"


def test_the_first_broken_link_is_named_though_the_ends_agree() -> None:
    claim = r"\frac{\partial L}{\partial h} = 2 (h - t) = h - t"
    found = sbp.check_claim(claim, NETWORK)
    assert found.status == "wrong" and found.broken == r"\frac{\partial L}{\partial h} = 2 (h - t)"


def test_a_wrong_claim_comes_with_a_right_one_and_numbers() -> None:
    found = sbp.check_claim(r"\frac{\partial L}{\partial x} = W \frac{\partial L}{\partial z}", NETWORK)
    assert found.corrected is not None and sbp.check_claim(found.corrected, NETWORK).status == "holds"
    found = sbp.check_claim(r"\nabla_x \|A x - y\|^2 = A^T (A x - y)", NONE)
    assert found.counterexample is not None and found.counterexample.left != found.counterexample.right
    assert "numpy" in found.counterexample.script and "symbackprop" not in found.counterexample.script


def test_names_that_nothing_explains_leave_it_open() -> None:
    found = sbp.check_claim(r"\frac{\partial L}{\partial h} = q - t", NETWORK)
    assert found.status == "unknown" and "q" in str(found.because)


def test_a_derivative_by_what_nothing_depends_on_is_no_zero() -> None:
    context = {**NETWORK, "shapes": {**NETWORK["shapes"], "u": ["k"]}}
    assert sbp.check_claim(r"\frac{\partial L}{\partial u} = h - h", context).status == "unknown"


def test_text_that_is_no_formula_has_a_place() -> None:
    found = sbp.check_claim(r"\frac{\partial L}{\partial h = h - t", NETWORK)
    assert found.status == "unknown" and found.position is not None


def test_the_reading_is_said() -> None:
    reading = str(sbp.check_claim(r"\nabla_h L = h - t", NETWORK).reading)
    assert "column" in reading and "h: " in reading


@pytest.mark.parametrize(
    "claim", ["", "{" * 50, r"\frac{\partial L}{\partial L}", "L", r"x = \sum_{i=1}^{10^9} i", "a" * 3000, r"\def\a{\a}\a"]
)
def test_anything_may_stand_there(claim: str) -> None:
    assert sbp.check_claim(claim, NETWORK).status in ("holds", "holds-if", "wrong", "unknown")
