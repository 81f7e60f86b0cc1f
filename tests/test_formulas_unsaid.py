r"""What writers leave unsaid, and what they say in other words: each reading with a slip beside it that must be refused."""

import pytest

import symbackprop as sbp

RIDGE = {
    "forward": [r"J(w) = \frac12\|Xw-y\|^2+\frac\lambda2\|w\|^2", r"\nabla_w J = 0"],
    "shapes": {"X": ["n", "d"], "w": ["d"], "y": ["n"], r"\lambda": []},
}
SQUARES = {"forward": [r"J(w) = \|Xw-y\|^2"], "shapes": {"X": ["n", "d"], "w": ["d"], "y": ["n"]}}
NORMAL = {
    "forward": [r"\ell = -\frac{1}{2\sigma^2}\sum_{i=1}^n(x_i-\mu)^2 - n\log\sigma"],
    "shapes": {"x_i": [], r"\mu": [], r"\sigma": []},
}
UNITS = {
    "forward": [
        r"a_j = \sum_i w_{ji} z_i",
        r"z_j = h(a_j)",
        r"a_k = \sum_j w_{kj} z_j",
        r"\delta_j \equiv \frac{\partial E}{\partial a_j}",
    ],
    "conventions": {"layout": "index"},
}
LOGISTIC = {
    "forward": [r"\ell = \sum_i y_i\log h_i + (1-y_i)\log(1-h_i)", r"h_i = \sigma(\theta^Tx_i)"],
    "shapes": {r"\theta": ["n"], "x_i": ["n"], "y_i": []},
}
EINSTEIN = {
    "forward": ["z_i = W_{ij}x_j + b_i", r"\delta_i = \frac{\partial L}{\partial z_i}"],
    "shapes": {"W": ["m", "n"], "x": ["n"], "z": ["m"], "b": ["m"]},
    "conventions": {"layout": "index", "summation": "Einstein"},
}
CELL = {
    "forward": [r"c_t=f_t\odot c_{t-1}+i_t\odot a_t", r"h_t = o_t \odot \tanh(c_t)"],
    "shapes": {key: ["n"] for key in ("i_t", "c_t", "a_t", "f_t", "o_t", "h_t")},
}
PROCESS = {
    "forward": [r"\mathcal L = -\frac12 y^\top K^{-1}y - \frac12\log|K| - \frac n2\log 2\pi"],
    "shapes": {"K": ["n", "n"], "y": ["n"], r"\theta_j": []},
    "conventions": {"notes": r"K is symmetric and depends on \theta"},
}
SLOPED = {"forward": [r"f(x)=\max(\alpha x,x)"], "shapes": {"x": [], r"\alpha": []}}
HINGE = {"forward": [r"L = \sum_i\max(0,1-y_iw^Tx_i)"], "shapes": {"w": ["d"], "x_i": ["d"], "y_i": []}}
MATRIX = {"shapes": {"X": ["n", "n"]}}
QUADRATIC = {
    "forward": [r"f = \operatorname{tr}(Y^TMY)", "Y = WX"],
    "shapes": {"X": ["n", "k"], "W": ["l", "n"], "Y": ["l", "k"], "M": ["l", "l"]},
    "conventions": {"layout": "differential", "notes": "M symmetric"},
}
DICE = {
    "forward": [r"D = \frac{2\sum_i p_ig_i}{\sum_i p_i^2+\sum_i g_i^2}", r"N = \sum_i p_i^2+\sum_i g_i^2"],
    "shapes": {"p": ["N"], "g": ["N"]},
}
DICE = {**DICE, "forward": DICE["forward"][:1]}
POLICY = {"shapes": {r"\theta": ["d"]}}

TRUE = [
    (RIDGE, r"w = (X^TX+\lambda I)^{-1}X^Ty"),
    (RIDGE, r"w^* = (X^TX+\lambda I)^{-1}X^Ty"),
    (SQUARES, r"\nabla_wJ(w) = 2X^T(Xw-y) = 0 \implies X^TXw = X^Ty \implies \hat w = (X^TX)^{-1}X^Ty"),
    (NORMAL, r"\frac{\partial \ell}{\partial \sigma} = 0 \Rightarrow \sigma^2 = \frac1n\sum_{i=1}^n (x_i-\mu)^2"),
    (UNITS, r"\delta_j = h'(a_j)\sum_k w_{kj}\delta_k"),
    (UNITS, r"\frac{\partial E}{\partial w_{ji}} = \delta_jz_i"),
    (LOGISTIC, r"\frac{\partial\ell}{\partial\theta_j} = \sum_i(y_i-h_i)x_{ij}"),
    (EINSTEIN, r"\frac{\partial L}{\partial x_j} = \delta_i W_{ij}"),
    (EINSTEIN, r"\frac{\partial z_i}{\partial x_k} = W_{ij}\delta_{jk} = W_{ik}"),
    (CELL, r"\delta i_t = \delta c_t\odot a_t"),
    (
        PROCESS,
        r"\frac{\partial\mathcal L}{\partial\theta_j} = \frac12 y^\top K^{-1}\frac{\partial K}{\partial\theta_j}K^{-1}y"
        r" - \frac12\operatorname{tr}\left(K^{-1}\frac{\partial K}{\partial\theta_j}\right)",
    ),
    (HINGE, r"\frac{\partial L}{\partial w} = -\sum_{i:\,y_iw^Tx_i<1} y_ix_i"),
    (MATRIX, r"d(X^{-1}) = -X^{-1}(dX)X^{-1}"),
    (MATRIX, r"d\ln|X| = \operatorname{tr}(X^{-1}dX)"),
    (QUADRATIC, r"df = \operatorname{tr}(2Y^TM\,dY)"),
    (DICE, r"\frac{\partial D}{\partial p_j} = 2\frac{g_j(\sum_i p_i^2+\sum_i g_i^2)-2p_j(\sum_i p_ig_i)}{(\sum_i p_i^2+\sum_i g_i^2)^2}"),
    (POLICY, r"\nabla_\theta\pi_\theta(a|s) = \pi_\theta(a|s)\nabla_\theta\log\pi_\theta(a|s)"),
    (POLICY, r"\nabla_\theta\mathbb E_{x\sim p_\theta}[f(x)] = \mathbb E_{x\sim p_\theta}[f(x)\nabla_\theta\log p_\theta(x)]"),
    ({"forward": ["L = (w-1)^2"], "shapes": {"w": []}}, r"\frac{\mathbf{d}L}{\mathbf{d}w} = 2(w-1)"),
    ({"forward": [r"u = \theta^Tx_i"], "shapes": {r"\theta": ["n"], "x_i": ["n"]}}, r"\frac{\partial u}{\partial\theta_j} = x_{ij}"),
    (SQUARES, r"\frac{\partial J}{\partial w} \propto X^T(Xw-y)"),
    ({"forward": ["L = xw"], "shapes": {"x": [], "w": []}}, r"\frac{\partial L}{\partial w} = x := e"),
]
SLIPS = [
    (RIDGE, r"w = (X^TX+2\lambda I)^{-1}X^Ty"),
    (SQUARES, r"\nabla_wJ(w) = 2X^T(Xw-y) = 0 \implies w = (X^TX)^{-1}Xy"),
    (NORMAL, r"\frac{\partial \ell}{\partial \sigma} = 0 \Rightarrow \sigma^2 = \frac1{n-1}\sum_{i=1}^n (x_i-\mu)^2"),
    (UNITS, r"\delta_j = h'(a_j)\sum_k w_{jk}\delta_k"),
    (UNITS, r"\delta_j = -h'(a_j)\sum_k w_{kj}\delta_k"),
    (LOGISTIC, r"\frac{\partial\ell}{\partial\theta_j} = \sum_i(h_i-y_i)x_{ij}"),
    (EINSTEIN, r"\frac{\partial L}{\partial x_j} = \delta_i W_{ji}"),
    (CELL, r"\delta i_t = \delta c_t\odot i_t"),
    (
        PROCESS,
        r"\frac{\partial\mathcal L}{\partial\theta_j} = -\frac12 y^\top K^{-1}\frac{\partial K}{\partial\theta_j}K^{-1}y"
        r" - \frac12\operatorname{tr}\left(K^{-1}\frac{\partial K}{\partial\theta_j}\right)",
    ),
    (HINGE, r"\frac{\partial L}{\partial w} = \sum_{i:\,y_iw^Tx_i<1} y_ix_i"),
    (MATRIX, r"d(X^{-1}) = X^{-1}(dX)X^{-1}"),
    (QUADRATIC, r"df = \operatorname{tr}(Y^TM\,dY)"),
    (DICE, r"\frac{\partial D}{\partial p_j} = 2\frac{g_j(\sum_i p_i^2+\sum_i g_i^2)+2p_j(\sum_i p_ig_i)}{(\sum_i p_i^2+\sum_i g_i^2)^2}"),
    ({"forward": ["L = (w-1)^2"], "shapes": {"w": []}}, r"\frac{\mathbf{d}L}{\mathbf{d}w} = 2(1-w)"),
]


SLOW = (id(PROCESS), id(SQUARES), id(RIDGE))


def rows(claims):
    """Claims as parameters; those that are solved, or have inverses of what depends on a parameter, take seconds."""
    return [pytest.param(c, claim, id=claim, marks=[pytest.mark.slow] if id(c) in SLOW else []) for c, claim in claims]


@pytest.mark.parametrize(("context", "claim"), rows(TRUE))
def test_true_claims(context, claim):
    assert sbp.check_claim(claim, context).status == "holds"


@pytest.mark.parametrize(("context", "claim"), rows(SLIPS))
def test_slips(context, claim):
    assert sbp.check_claim(claim, context).status == "wrong"


@pytest.mark.slow
def test_densities_and_means_refute_nothing():
    r"""That densities add up to 1 is not known here: what is wrong of a mean is undecided, and so is what only a density would tell."""
    wrong = r"\nabla_\theta\mathbb E_{x\sim p_\theta}[f(x)] = -\mathbb E_{x\sim p_\theta}[f(x)\nabla_\theta\log p_\theta(x)]"
    baseline = (
        r"\mathbb E_{x\sim p_\theta}[f(x)\nabla_\theta\log p_\theta(x)] = \mathbb E_{x\sim p_\theta}[(f(x)-b)\nabla_\theta\log p_\theta(x)]"
    )
    assert [sbp.check_claim(c, POLICY).status for c in (wrong, baseline)] == ["unknown", "unknown"]


def test_parameters_of_kinks_are_conditions():
    """The slope of a leaky ReLU lies between 0 and 1: without that its derivative is another one."""
    verdict = sbp.check_claim(r"f'(x) = \begin{cases}1 & \text{if } x>0\\ \alpha & \text{otherwise}\end{cases}", SLOPED)
    assert verdict.status == "holds-if"
    assert any(r"0 < \alpha < 1" in c for c in verdict.conditions)
