"""Notation that people use, each read in a claim that holds and in one beside it that does not."""

import pytest

import symbackprop as sbp

NETWORK = {"L": [], "W": ["p"]}
PICKED = [r"p_j = \frac{e^{z_j}}{\sum_k e^{z_k}}", r"L = -\log p_c"]
CLASSES = {"z": ["C"], "p": ["C"], "L": []}
CASES = {
    "ones beside a bracket": (
        [r"f = \mathbf{1}_n^{\top} (M s)"],
        {"s": ["n"], "M": ["n", "n"], "f": []},
        r"\frac{\partial f}{\partial s_i} = \sum_{j=1}^n M_{ji}",
        r"\frac{\partial f}{\partial s_i} = \sum_{j=1}^n M_{ij}",
    ),
    "a matrix with a label is another one than that without": (
        [r"(\mathbf{L}_n)_{uv} = \mathbf{1}[u \ge v]", r"f = \sum_{ij} L_{ij}^2"],
        {"L": ["n", "n"], "f": []},
        r"\frac{\partial f}{\partial L_{ij}} = 2 L_{ij}",
        r"\frac{\partial f}{\partial L_{ij}} = 2 L_{ij}^2",
    ),
    "f = f(x) says what f depends on": (
        ["z = z(y)", "y = y(x)"],
        {"z": ["k"], "y": ["m"], "x": ["n"]},
        r"\frac{\partial z}{\partial x} = \frac{\partial z}{\partial y} \frac{\partial y}{\partial x}",
        r"\frac{\partial z}{\partial x} = 2 \frac{\partial z}{\partial y} \frac{\partial y}{\partial x}",
    ),
    "a step by its number": (
        ["L = L(W)"],
        NETWORK,
        r"W_{t+1} = W_t - \eta \frac{\partial L}{\partial W_t}",
        r"W_{t+1} = W_t + \eta \frac{\partial L}{\partial W_t}",
    ),
    "a step by a word": (
        ["L = L(W)"],
        NETWORK,
        r"W_{new} = W_{old} - \alpha \nabla_W L",
        r"W_{new} = W_{old} + \alpha \nabla_W L",
    ),
    "a step by a prime": (["L = L(W)"], NETWORK, r"W' = W - \alpha \nabla_W L", r"W' = W + \alpha \nabla_W L"),
    "a sum up to a size that no shape has": (
        [r"J = -\sum_{k=1}^K y_k \log a_k"],
        {"a": ["s"], "y": ["s"], "J": []},
        r"\frac{\partial J}{\partial a_k} = -\frac{y_k}{a_k}",
        r"\frac{\partial J}{\partial a_k} = \frac{y_k}{a_k}",
    ),
    "the class of a sample in cases": (
        PICKED,
        CLASSES,
        r"\frac{\partial L}{\partial z_j} = \begin{cases} p_j - 1 & j = c \\ p_j & \text{else} \end{cases}",
        r"\frac{\partial L}{\partial z_j} = \begin{cases} 1 - p_j & j = c \\ -p_j & \text{else} \end{cases}",
    ),
    "the class of a sample in a delta": (
        PICKED,
        CLASSES,
        r"\frac{\partial L}{\partial z_j} = p_j - \delta_{jc}",
        r"\frac{\partial L}{\partial z_j} = p_j + \delta_{jc}",
    ),
    "a condition in brackets": (
        PICKED,
        CLASSES,
        r"\frac{\partial L}{\partial z_j} = p_j \; (j \neq c)",
        r"\frac{\partial L}{\partial z_j} = -p_j \; (j \neq c)",
    ),
    "a primed index": (
        [r"y_j = \frac{\exp(u_j)}{\sum_{j'=1}^{V} \exp(u_{j'})}", r"E = -\sum_j t_j u_j + \log\sum_{j'=1}^{V} \exp(u_{j'})"],
        {"u": ["V"], "y": ["V"], "E": []},
        r"\frac{\partial E}{\partial u_j} = y_j - t_j",
        r"\frac{\partial E}{\partial u_j} = y_j + t_j",
    ),
    "losses that nothing defines, added up": (
        [r"z_t = U x_t + V h_{t-1}", r"h_t = \tanh(z_t)", r"J = \sum_{t=1}^{T} \ell_t"],
        {"x_t": ["d"], "h_t": ["n"], "z_t": ["n"], "U": ["n", "d"], "V": ["n", "n"], r"\ell_t": [], "J": []},
        r"\frac{\partial J}{\partial h_t} = \frac{\partial \ell_t}{\partial h_t}"
        r" + \left(\frac{\partial h_{t+1}}{\partial h_t}\right)^T \frac{\partial J}{\partial h_{t+1}}",
        r"\frac{\partial J}{\partial h_t} = \frac{\partial \ell_t}{\partial h_t}"
        r" - \left(\frac{\partial h_{t+1}}{\partial h_t}\right)^T \frac{\partial J}{\partial h_{t+1}}",
    ),
    "vectors joined in brackets": (
        [r"f = \tanh(W [h, x] + b)"],
        {"h": ["n"], "x": ["d"], "W": ["n", "n+d"], "b": ["n"], "f": ["n"], "L": []},
        r"\frac{\partial L}{\partial W} = \left(\frac{\partial L}{\partial f} \odot (1 - f \odot f)\right) [h, x]^T",
        r"\frac{\partial L}{\partial W} = -\left(\frac{\partial L}{\partial f} \odot (1 - f \odot f)\right) [h, x]^T",
    ),
    "a matrix by its columns": (
        [r"z_i = \text{softmax}(W^T x_i)", r"J = -\sum_{i=1}^N \sum_{j=1}^C y_{ji} \log z_{ji}"],
        {"W": ["d", "C"], "w_j": ["d"], "x_i": ["d"], "X": ["d", "N"], "Y": ["C", "N"], "Z": ["C", "N"], "J": []},
        r"\frac{\partial J}{\partial W} = X (Z - Y)^T",
        r"\frac{\partial J}{\partial W} = X (Y - Z)^T",
    ),
    "entries as arguments, counted from 0": (
        [r"O(i,j) = \sum_m \sum_n I(i+m, j+n) K(m,n)"],
        {"I": ["H", "W"], "K": ["a", "b"], "O": ["H-a+1", "W-b+1"], "L": []},
        r"\frac{\partial L}{\partial K_{m,n}} = \sum_{i,j} \frac{\partial L}{\partial O_{i,j}} I(i+m, j+n)",
        r"\frac{\partial L}{\partial K_{m,n}} = -\sum_{i,j} \frac{\partial L}{\partial O_{i,j}} I(i+m, j+n)",
    ),
    "an expression with a shape of its own": (
        [r"KL = -\frac{1}{2} \sum_k (1 + \log\sigma_k^2 - \mu_k^2 - \exp(\log\sigma_k^2))"],
        {r"\mu": ["k"], r"\log\sigma^2": ["k"], "KL": []},
        r"\frac{\partial KL}{\partial \log\sigma^2} = \frac{1}{2} (\exp(\log\sigma^2) - 1)",
        r"\frac{\partial KL}{\partial \log\sigma^2} = \frac{1}{2} (1 - \exp(\log\sigma^2))",
    ),
    "dots along a direction": (
        ["C = A B"],
        {"A": ["m", "n"], "B": ["n", "k"], "C": ["m", "k"]},
        r"\dot{C} = \dot{A} B + A \dot{B}",
        r"\dot{C} = \dot{A} B - A \dot{B}",
    ),
    "bars for adjoints": (
        ["C = A B"],
        {"A": ["m", "n"], "B": ["n", "k"], "C": ["m", "k"]},
        r"\bar{A} = \bar{C} B^T",
        r"\bar{A} = -\bar{C} B^T",
    ),
    "primes that are part of names": (
        [r"a = \sigma(z)", "z' = w a + b'", "z'' = v a + b''"],
        {"z": [], "a": [], "z'": [], "z''": [], "w": [], "v": [], "l": []},
        r"\frac{\partial l}{\partial z} = \sigma'(z) (w \frac{\partial l}{\partial z'} + v \frac{\partial l}{\partial z''})",
        r"\frac{\partial l}{\partial z} = \sigma'(z) (w \frac{\partial l}{\partial z'} - v \frac{\partial l}{\partial z''})",
    ),
    "a product of derivatives of arrays on the way": (
        [r"a = W h", r"h = \tanh(z)", r"L = \|a - t\|^2"],
        {"a": ["m"], "W": ["m", "n"], "h": ["n"], "z": ["n"], "t": ["m"], "L": []},
        r"\nabla_W L = \sum_i \frac{\partial L}{\partial a_i} \nabla_{W} a_i = 2 (a - t) h^T",
        r"\nabla_W L = \sum_i \frac{\partial L}{\partial a_i} \nabla_{W} a_i = (a - t) h^T",
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_notation_is_read(what: str) -> None:
    forward, shapes, right, wrong = CASES[what]
    context = {"forward": forward, "shapes": shapes, "conventions": {"y": "one-hot", "samples": "samples are columns"}}
    assert sbp.check_claim(right, context).status == "holds"
    assert sbp.check_claim(wrong, context).status in ("wrong", "unknown")


def test_most_of_the_controls_are_called_wrong() -> None:
    found = [sbp.check_claim(wrong, {"forward": f, "shapes": s}).status for f, s, _, wrong in CASES.values()]
    assert found.count("wrong") >= 0.85 * len(found)


def test_a_vector_for_a_jacobian_is_its_diagonal_only_on_a_condition() -> None:
    context = {"forward": [r"h = \tanh(z)"], "shapes": {"h": ["n"], "z": ["n"]}, "conventions": {"vectors": "column"}}
    found = sbp.check_claim(r"\frac{\partial h}{\partial z} = 1 - h^2", context)
    assert found.status == "holds-if" and "diagonal" in str(found.conditions[0])


def test_the_matrix_of_a_quadratic_form_may_be_symmetric_unless_its_transpose_is_told_from_it() -> None:
    shapes = {"shapes": {"x": ["n"], "A": ["n", "n"]}}
    found = sbp.check_claim(r"\nabla_x (x^T A x) = 2 A x", shapes)
    assert found.status == "holds-if" and str(found.conditions[0]) == "symmetric: A"
    assert sbp.check_claim(r"\nabla_x (x^T A x) = 2 A^T x", shapes).status not in ("holds", "holds-if")
