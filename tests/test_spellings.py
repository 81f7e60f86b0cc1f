"""What grows, in the spellings that people use: code is right and finite at logits of 1e3, with its derivative.

Every spelling is put to 900 digits; a value is right to 1e-12 of 1 or better. A sum of exponentials over two axes, or of two sums, is
the sum of sums, so its logarithm is rounded twice: with logits of 1e6 that is 1e-10.
"""

import re

import numpy as np
import pytest
from test_stability import MATRIX, VECTOR, failures

import symbackprop as sbp
from symbackprop.verification.oracle.literal import evaluate

SIZES = (0.0, 1.0, 50.0, -50.0, 1e3, -1e3)
ROWS = [{"x": [[s, 0.0, -s], [s, s, s], [s, -s, 1.0]], "y": [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]} for s in SIZES]
LABELS = [{"x": [s], "y": [t]} for s in (*SIZES, 1e6, -1e6) for t in (0.0, 1.0, 0.3)]
ON_ROWS = {
    "shift by max all": {"F": "exp(x - max(x)) / sum(exp(x - max(x)))"},
    "shift, named m": {"m": "max(x, axis=1, keepdims=True)", "E": "exp(x - m)", "F": "E / E.sum(axis=1, keepdims=True)"},
    "shift, no keepdims": {"m": "x.max(axis=1)", "E": "exp(x - m[:, None])", "S": "E.sum(axis=1)", "F": "E / S[:, None]"},
    "amax": {"E": "exp(x - np.amax(x, axis=1, keepdims=True))", "F": "E / np.sum(E, axis=1, keepdims=True)"},
    "columns": {"E": "exp(x)", "F": "E / E.sum(axis=0)"},
    "columns shifted": {"E": "exp(x - x.max(axis=0))", "F": "E / E.sum(axis=0)"},
    "times inverse": {"E": "exp(x)", "S": "1 / E.sum(axis=1, keepdims=True)", "F": "E * S"},
    "power -1": {"E": "exp(x)", "F": "E * E.sum(axis=1, keepdims=True) ** -1"},
    "temperature const": {"F": "exp(x / 0.5) / sum(exp(x / 0.5), axis=1, keepdims=True)"},
    "mask added": {"Z": "x + y", "E": "exp(Z)", "F": "E / E.sum(axis=1, keepdims=True)"},
    "mask added in place": {"F": "exp(x + y) / sum(exp(x + y), axis=1, keepdims=True)"},
    "weights inside": {"E": "exp(x) * (1 + y)", "F": "E / E.sum(axis=1, keepdims=True)"},
    "two axes": {"E": "exp(x)", "F": "E / E.sum()"},
    "two axes shifted": {"E": "exp(x - x.max())", "F": "E / E.sum()"},
    "two axes tuple": {"E": "exp(x)", "F": "E / E.sum(axis=(0, 1), keepdims=True)"},
    "base 2": {"E": "2 ** x", "F": "E / E.sum(axis=1, keepdims=True)"},
    "base 2 exp": {"E": "exp(x * log(2))", "F": "E / E.sum(axis=1, keepdims=True)"},
    "log2 lse": {"F": "log2(sum(exp(x), axis=1))"},
    "log2 sum 2**": {"F": "log2(sum(2 ** x, axis=1))"},
    "log base 2 softmax": {"P": "softmax(x, axis=1)", "F": "log2(P)"},
    "log quotient": {"F": "log(sum(exp(x), axis=1)) / log(2)"},
    "x - lse": {"F": "x - log(sum(exp(x), axis=1, keepdims=True))"},
    "x - lse shifted": {"m": "max(x, axis=1, keepdims=True)", "F": "x - m - log(sum(exp(x - m), axis=1, keepdims=True))"},
    "lse shifted": {"m": "max(x, axis=1, keepdims=True)", "F": "m + log(sum(exp(x - m), axis=1, keepdims=True))"},
    "lse shifted no keep": {"m": "max(x, axis=1)", "F": "m + log(sum(exp(x - m[:, None]), axis=1))"},
    "exp of log softmax": {"F": "exp(log_softmax(x, axis=1))"},
    "exp(x - lse)": {"F": "exp(x - logsumexp(x, axis=1, keepdims=True))"},
    "exp(x - log sum exp)": {"F": "exp(x - log(sum(exp(x), axis=1, keepdims=True)))"},
    "exp(x - L) named": {"L": "log(sum(exp(x), axis=1, keepdims=True))", "F": "exp(x - L)"},
    "log of named P": {"E": "exp(x)", "P": "E / E.sum(axis=1, keepdims=True)", "F": "log(P)"},
    "entropy": {"P": "softmax(x, axis=1)", "F": "-sum(P * log(P), axis=1)"},
    "perplexity": {"P": "softmax(x, axis=1)", "F": "exp(-sum(y * log(P), axis=1))"},
    "softmin": {"F": "exp(-x) / sum(exp(-x), axis=1, keepdims=True)"},
    "affine": {"F": "exp(3 * x + 1) / sum(exp(3 * x + 1), axis=1, keepdims=True)"},
    "mean exp": {"F": "log(mean(exp(x), axis=1))"},
    "mean exp denominators": {"E": "exp(x)", "F": "E / E.mean(axis=1, keepdims=True)"},
    "negative log": {"F": "-log(exp(x) / sum(exp(x), axis=1, keepdims=True))"},
    "log diff": {"F": "log(exp(x)) - log(sum(exp(x), axis=1, keepdims=True))"},
    "weighted sum of softmax": {"E": "exp(x)", "F": "sum(E * y, axis=1) / sum(E, axis=1)"},
    "einsum": {"E": "exp(x)", "S": "einsum('ij->i', E)", "F": "einsum('ij,i->ij', E, 1 / S)"},
    "lse of two lse": {"F": "log(sum(sum(exp(x), axis=1)))"},
    "sigmoid softmax mix": {"F": "softmax(x, axis=1) * sigmoid(x)"},
    "sqrt softmax": {"F": "sqrt(softmax(x, axis=1))"},
    "softmax squared": {"P": "softmax(x, axis=1)", "F": "P ** 2 / sum(P ** 2, axis=1, keepdims=True)"},
    "kl": {"P": "softmax(x, axis=1)", "Q": "softmax(y, axis=1)", "F": "sum(P * log(P / Q), axis=1)"},
    "kl sum of exps": {
        "F": "sum(softmax(y, axis=1) * (log_softmax(y, axis=1) - log(exp(x) / sum(exp(x), axis=1, keepdims=True))), axis=1)"
    },
    "logits mult": {"F": "exp(x) * exp(y) / sum(exp(x) * exp(y), axis=1, keepdims=True)"},
    "eps": {"E": "exp(x - x.max(axis=1, keepdims=True))", "F": "E / (E.sum(axis=1, keepdims=True) + 1e-9)"},
    "masked where": {"F": "softmax(where(y > 0, x, -1e9), axis=1)"},
    "added mask": {"E": "exp(x + (1 - y) * -1e4)", "F": "E / E.sum(axis=1, keepdims=True)"},
    "scaled": {"S": "x / sqrt(c)", "A": "exp(S) / exp(S).sum(-1, keepdims=True)", "F": "A * y"},
    "shift by mean": {"E": "exp(x - x.mean(axis=1, keepdims=True))", "F": "E / E.sum(axis=1, keepdims=True)"},
    "shift twice": {"z": "x - x.max(1, keepdims=True)", "L": "z - log(exp(z).sum(1, keepdims=True))", "F": "-sum(y * L, axis=1)"},
    "reference class": {"E": "exp(x)", "F": "E / (1 + E.sum(axis=1, keepdims=True))"},
    "reference class log": {"E": "exp(x)", "F": "log(1 + E.sum(axis=1))"},
    "two sums": {"F": "exp(x) / (exp(x).sum(1, keepdims=True) + exp(y).sum(1, keepdims=True))"},
    "infonce": {"E": "exp(x / 0.1)", "F": "-log(E[:, 0] / E.sum(axis=1))"},
    "infonce slice": {"F": "-log(exp(x[:, 0]) / (exp(x[:, 0]) + exp(x[:, 1:]).sum(axis=1)))"},
    "supcon": {"E": "exp(x)", "F": "log(sum(E * y, axis=1) + sum(E, axis=1))"},
    "sum over column named": {"E": "exp(x)", "S": "sum(E, axis=0)", "Q": "E / S", "R": "Q / Q.sum(axis=1, keepdims=True)", "F": "R"},
    "sinkhorn": {"P": "softmax(x, axis=1)", "F": "P / P.sum(axis=0)"},
    "attention": {"A": "exp(x) / exp(x).sum(1, keepdims=True)", "F": "A.T @ y"},
    "linear attn": {"F": "(exp(x) * y).sum(1) / exp(x).sum(1)"},
    "plackett": {"F": "x[:, 0] - log(exp(x).sum(1)) + x[:, 1] - log(exp(x[:, 1:]).sum(1))"},
    "entmax-like": {"P": "softmax(x, axis=1)", "F": "P * log(P)"},
    "dirichlet": {"a": "exp(minimum(x, 5))", "F": "a / a.sum(1, keepdims=True)"},
    "sum exp sq": {"E": "exp(x)", "F": "(E ** 2).sum(1) / E.sum(1) ** 2"},
    "einsum joint": {"E": "exp(x)", "F": "np.einsum('nc,nc->n', E, y) / np.einsum('nc->n', E)"},
    "lse scaled": {"F": "0.1 * log(sum(exp(x / 0.1), axis=1))"},
    "smooth max": {"F": "sum(x * exp(x), axis=1) / sum(exp(x), axis=1)"},
    "power mean": {"F": "log(mean(exp(2 * x), axis=1)) / 2"},
    "transposed": {"E": "exp(x.T)", "F": "E / E.sum(0)"},
    "js": {"P": "softmax(x, axis=1)", "Q": "softmax(y, axis=1)", "M": "(P + Q) / 2", "F": "sum(P * log(P / M), axis=1)"},
    "mixture": {"F": "log(sum(y * exp(-x ** 2 / 2), axis=1) + 1e-30)"},
    "loglik mixture": {"N": "exp(-0.5 * x ** 2)", "F": "log(sum((y + 0.1) * N, axis=1))"},
}
"""Spellings on rows of logits x and labels y."""
ON_NUMBERS = {
    "logaddexp spelled": {"F": "log(exp(x) + exp(y))"},
    "logaddexp max": {"F": "maximum(x, y) + log(1 + exp(-abs(x - y)))"},
    "log1p(exp)": {"F": "log1p(exp(x))"},
    "log1p(exp(-x))": {"F": "x + log1p(exp(-x))"},
    "tanh exps": {"F": "(exp(x) - exp(-x)) / (exp(x) + exp(-x))"},
    "tanh exp2": {"F": "(exp(2 * x) - 1) / (exp(2 * x) + 1)"},
    "tanh 1-2/": {"F": "1 - 2 / (exp(2 * x) + 1)"},
    "tanh 2s-1": {"F": "2 * sigmoid(2 * x) - 1"},
    "tanh 2/(1+e-2x)-1": {"F": "2 / (1 + exp(-2 * x)) - 1"},
    "tanh (1-e)/(1+e)": {"F": "(1 - exp(-2 * x)) / (1 + exp(-2 * x))"},
    "sigmoid tanh": {"F": "0.5 * (1 + tanh(x / 2))"},
    "sigmoid tanh2": {"F": "(tanh(x / 2) + 1) / 2"},
    "sigmoid e/(e+1)": {"F": "exp(x) / (exp(x) + 1)"},
    "sigmoid exp/(exp+exp)": {"F": "exp(x) / (exp(x) + exp(y))"},
    "sigmoid named": {"E": "exp(-x)", "p": "1 / (1 + E)", "F": "p"},
    "sigmoid named 2": {"E": "exp(-x)", "D": "1 + E", "F": "1 / D"},
    "bce named": {"E": "exp(-x)", "p": "1 / (1 + E)", "F": "-(y * log(p) + (1 - y) * log(1 - p))"},
    "bce log1p": {"F": "y * log1p(exp(-x)) + (1 - y) * log1p(exp(x))"},
    "bce logaddexp": {"F": "logaddexp(0, x) - x * y"},
    "margin": {"F": "log(1 + exp(-y * x))"},
    "margin expm": {"F": "log1p(exp(-(y * x)))"},
    "swish e": {"F": "x * exp(x) / (1 + exp(x))"},
    "gelu tanh": {"F": "0.5 * x * (1 + tanh(0.7978845608 * (x + 0.044715 * x**3)))"},
    "softplus beta": {"F": "log(1 + exp(3 * x)) / 3"},
    "softplus shifted": {"F": "log(exp(x) + 1)"},
    "softplus const": {"F": "log(2 + exp(x))"},
    "log(e^x + e^-x)": {"F": "log(exp(x) + exp(-x))"},
    "sech": {"F": "2 / (exp(x) + exp(-x))"},
    "1/cosh": {"F": "1 / cosh(x)"},
    "sech2": {"F": "1 / cosh(x) ** 2"},
    "sinh/cosh": {"F": "sinh(x) / cosh(x)"},
    "e/(1+e)^2": {"F": "exp(x) / (1 + exp(x)) ** 2"},
    "e-/(1+e-)^2": {"F": "exp(-x) / (1 + exp(-x)) ** 2"},
    "s(1-s)": {"F": "sigmoid(x) * (1 - sigmoid(x))"},
    "1-1/(1+e)": {"F": "1 - 1 / (1 + exp(-x))"},
    "log(1-1/(1+e))": {"F": "log(1 - 1 / (1 + exp(-x)))"},
    "logit(sigmoid)": {"F": "log(sigmoid(x)) - log(1 - sigmoid(x))"},
    "logit ratio": {"F": "log(sigmoid(x) / (1 - sigmoid(x)))"},
    "cloglog": {"F": "1 - exp(-exp(minimum(x, 3)))"},
    "erf probit": {"F": "log(0.5 * (1 + erf(x / sqrt(2))))"},
    "log cosh spelled": {"F": "x + softplus(-2 * x) - log(2)"},
    "log cosh": {"F": "log((exp(x) + exp(-x)) / 2)"},
    "hypot": {"F": "sqrt(x ** 2 + y ** 2)"},
    "x/sqrt(1+x2)": {"F": "x / sqrt(1 + x ** 2)"},
    "mish": {"F": "x * tanh(log1p(exp(x)))"},
    "gaussian": {"F": "exp(-x ** 2)"},
    "lse3": {"F": "log(exp(x) + exp(y) + 1)"},
    "2**x/(1+2**x)": {"F": "2 ** x / (1 + 2 ** x)"},
    "log2(1+2**x)": {"F": "log2(1 + 2 ** x)"},
    "odds": {"p": "sigmoid(x)", "F": "p / (1 - p)"},
    "focal g": {"p": "1 / (1 + exp(-x))", "F": "-(1 - p) ** 2 * log(p)"},
    "abs stable bce": {"F": "maximum(x, 0) - x * y + log(1 + exp(-abs(x)))"},
    "relu stable": {"F": "relu(x) + log1p(exp(-abs(x)))"},
    "where sigmoid": {"F": "where(x >= 0, 1 / (1 + exp(-x)), exp(x) / (1 + exp(x)))"},
    "sqrt(1+x2)-1": {"F": "sqrt(1 + x**2) - 1"},
    "expm1": {"F": "exp(x) - 1"},
    "1-exp(-x)": {"F": "1 - exp(-relu(x))"},
    "1-tanh": {"F": "1 - tanh(x)"},
    "1+tanh": {"F": "1 + tanh(x)"},
    "log(1+tanh)": {"F": "log(1 + tanh(x))"},
    "1-tanh2 named": {"t": "tanh(x)", "F": "1 - t * t"},
    "1-p*p": {"p": "sigmoid(x)", "F": "1 - p ** 2"},
    "log p2": {"p": "sigmoid(x)", "F": "log(p ** 2)"},
    "log prod": {"p": "sigmoid(x)", "q": "sigmoid(y)", "F": "log(p * q)"},
    "log div": {"p": "sigmoid(x)", "F": "log(p / 2)"},
    "-log(1/p)": {"p": "sigmoid(x)", "F": "log(1 / p)"},
    "probit loss": {"p": "0.5 * (1 + erf(x / sqrt(2)))", "F": "-(y * log(p) + (1 - y) * log(1 - p))"},
    "probit in place": {"F": "-(y * log((1 + erf(x / sqrt(2))) / 2) + (1 - y) * log((1 - erf(x / sqrt(2))) / 2))"},
    "probit two names": {"z": "x / sqrt(2)", "p": "(1 + erf(z)) / 2", "q": "1 - p", "F": "-y * log(p) - (1 - y) * log(q)"},
    "mills": {"F": "exp(-(x**2) / 2) / (1 - erf(x / sqrt(2)))"},
    "tanh named": {"a": "exp(x)", "b": "exp(-x)", "F": "(a - b) / (a + b)"},
    "sigmoid of difference": {"a": "exp(x)", "b": "exp(y)", "F": "a / (a + b)"},
    "ratio named": {"a": "exp(x)", "F": "a / (1 + a)"},
    "log ratio named": {"a": "exp(x)", "p": "a / (1 + a)", "F": "log(p)"},
    "log 1 - ratio": {"a": "exp(x)", "p": "a / (1 + a)", "F": "log(1 - p)"},
    "bce ratio": {"a": "exp(x)", "p": "a / (1 + a)", "F": "-(y * log(p) + (1 - y) * log(1 - p))"},
    "bce q": {"p": "sigmoid(x)", "q": "1 - p", "F": "-(y * log(p) + (1 - y) * log(q))"},
    "nb": {"m": "exp(x)", "F": "y * log(m / (m + 2)) - 2 * log(1 + m / 2)"},
    "nb2": {"m": "exp(x)", "F": "(y + 2) * log(m + 2) - y * log(m)"},
    "poisson": {"m": "exp(minimum(x, 50))", "F": "m - y * log(m)"},
    "tanh half": {"F": "(1 - exp(-x)) / (1 + exp(-x))"},
    "bradley terry": {"F": "-log(exp(x) / (exp(x) + exp(y)))"},
    "bt diff": {"d": "x - y", "F": "-log(1 / (1 + exp(-d)))"},
    "logit": {"p": "sigmoid(x)", "F": "log(p / (1 - p))"},
    "2s-1 squared": {"F": "(2 * sigmoid(x) - 1) ** 2"},
    "1-p^2": {"p": "1 / (1 + exp(-x))", "F": "1 - p * p"},
    "softplus - x": {"F": "log(1 + exp(x)) - x"},
    "diff of softplus": {"F": "softplus(x) - softplus(-x)"},
    "bsigmoid": {"F": "(1 + exp(-3 * x + 1)) ** -1"},
    "exp decay": {"F": "exp(-abs(x))"},
    "sech named": {"c": "cosh(x)", "F": "1 / c"},
    "swish sech": {"F": "x / cosh(x) ** 2"},
    "log sech": {"F": "-log(cosh(x))"},
    "log 2cosh": {"F": "log(2 * cosh(x))"},
    "gaussian ratio": {"F": "exp(-x ** 2) / (exp(-x ** 2) + exp(-y ** 2))"},
    "one minus tanh sq spelled": {"t": "tanh(x)", "F": "(1 - t) * (1 + t)"},
    "log1mt": {"F": "log(1 - tanh(x) ** 2)"},
    "log p(1-p)": {"p": "sigmoid(x)", "F": "log(p * (1 - p))"},
    "atanh tanh": {"F": "0.5 * log((1 + tanh(x)) / (1 - tanh(x)))"},
    "log s'": {"F": "log(sigmoid(x) * (1 - sigmoid(x)))"},
}
"""Spellings on a number x and a label y."""


def some(titles):
    """Every second of the spellings belongs to the fast tests."""
    return [pytest.param(title, marks=[pytest.mark.slow] if k % 2 else []) for k, title in enumerate(titles)]


def used(equations, shapes, cases):
    """The shapes and cases of the arrays that `equations` mention."""
    names = [name for name in shapes if any(re.search(rf"\b{name}\b", text) for text in equations.values())]
    return {n: shapes[n] for n in names}, [{n: case[n] for n in names} for case in cases]


def wrong(equations, shapes, cases):
    """Where a spelling is wrong."""
    shapes, cases = used(equations, shapes, cases)
    return [f for case in cases for f in failures(equations, shapes, case, least=1.0)]


@pytest.mark.parametrize("title", some(ON_ROWS))
def test_a_spelling_on_rows(title):
    assert wrong(ON_ROWS[title], MATRIX, ROWS) == []


@pytest.mark.parametrize("title", some(ON_NUMBERS))
def test_a_spelling_on_numbers(title):
    assert wrong(ON_NUMBERS[title], VECTOR, LABELS) == []


@pytest.mark.parametrize("spelled", ["-log(sum(Y * P, axis=1))", "-log((P * Y).sum(1))", "-log(np.einsum('nc,nc->n', Y, P))"])
def test_the_logarithm_of_what_a_one_hot_label_picks(spelled):
    tensors = {"X": {"axes": "n c", "role": "parameter"}, "Y": {"axes": "n c", "role": "label", "fact": "one-hot over c"}}
    derivation = sbp.derive(sbp.model(tensors, {"P": "softmax(X, axis=1)", "F": spelled, "J": "sum(F)"}))
    x, y = np.array([[1e3, 0.0, -1e3], [1.0, 2.0, 3.0]]), np.eye(3)[[2, 1]]
    module = sbp.generate(derivation).load()
    exact = 2000 + np.log(np.exp(-1) + 1 + np.exp(1))
    assert np.allclose(module.loss(module.Parameters(x), y), exact)
    share = np.exp(x - x.max(axis=1, keepdims=True))
    assert np.allclose(derivation.gradient("X").evaluate(X=x, Y=y), share / share.sum(axis=1, keepdims=True) - y)


def test_control_labels_that_are_not_one_hot_are_summed_first():
    tensors = {"X": {"axes": "n c", "role": "parameter"}, "Y": {"axes": "n c", "role": "label", "fact": "simplex over c"}}
    derivation = sbp.derive(sbp.model(tensors, {"P": "softmax(X, axis=1)", "F": "-log(sum(Y * P, axis=1))", "J": "sum(F)"}))
    module = sbp.generate(derivation).load()
    loss = module.loss(module.Parameters(np.zeros((1, 4)) + np.log([[1.0, 2.0, 3.0, 4.0]])), np.full((1, 4), 0.25))
    assert np.allclose(loss, -np.log(0.25))


SECOND = [
    "log(sum(exp(x)))",
    "sum(exp(x) / (1 + exp(x)))",
    "sum((exp(x) / sum(exp(x)))**2)",
    "sum(log(0.5 * (1 + erf(x / 30))))",
    "sum(1 / cosh(x))",
]


@pytest.mark.parametrize("text", SECOND)
def test_second_derivatives_are_of_the_better_spelling_too(text):
    x = np.array([1e3, 0.0, -1e3, 999.0])
    result = sbp.derivative(text, {"x": "n"}, wrt="x", order=2)
    assert np.all(np.isfinite(result.evaluate(x=x)))
    near = np.array([0.3, -0.7, 1.1])
    assert np.allclose(result.evaluate(x=near), evaluate(result.program, {"x": near})[result.name])
