"""What a page says of batches is true: a mean or sum over samples only where no sample's loss depends on the others."""

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.index import axis
from symbackprop.errors import DeriveError
from symbackprop.pages.descent import over_samples
from symbackprop.pages.document import Composer
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays

LEAVES = {"X": {"axes": "n d", "role": "input"}, "Y": {"axes": "n d", "role": "label"}, "W": {"axes": "d d", "role": "parameter"}}
MODELS = {
    "mean": {"O": "X @ W", "J": "sum((O - Y)**2) / n"},
    "half a mean": {"O": "tanh(X @ W)", "J": "-sum(Y * log_softmax(O, axis=1)) / (2 * n)"},
    "sum": {"O": "X @ W", "J": "sum((O - Y)**2)"},
    "batch norm": {"Z": "X @ W", "O": "(Z - mean(Z, axis=0)) / sqrt(var(Z, axis=0) + 0.1)", "J": "sum((O - Y)**2) / n"},
    "batch norm of two layers": {"Z": "X @ W", "M": "mean(Z, axis=0)", "O": "tanh((Z - M) @ W)", "J": "sum((O - Y)**2) / n"},
    "info nce": {"Z": "X @ W", "S": "Z @ Y.T", "J": "-sum(diagonal(log_softmax(S, axis=1))) / n"},
    "softmax over samples": {"A": "softmax(X @ W, axis=0)", "J": "-sum(Y * log(A)) / n"},
    "centred": {"Z": "X @ W", "J": "sum((Z - mean(Z, axis=0) - Y)**2)"},
    "pairs": {"Z": "X @ W", "J": "sum(tanh(Z @ Y.T)) / n"},
}
APART = {"mean": "mean", "half a mean": "mean", "sum": "sum"}


def derivation(name):
    return sbp.derive(sbp.model(LEAVES, MODELS[name], samples="n"))


@pytest.mark.parametrize("name", MODELS)
def test_a_loss_is_made_of_single_samples_where_it_is(name):
    """The objective of all samples is that of each alone, added up, or divided by their number; else it is not said to be."""
    d = derivation(name)
    program, n = d.derived.program, axis("n")
    leaves = {t.name for t in program.leaves}
    whole = {k: v for k, v in random_arrays(program, {n: 3, axis("d"): 2}).items() if k in leaves}
    alone = [evaluate(program, {k: v[s : s + 1] if k in "XY" else v for k, v in whole.items()})["J"] for s in range(3)]
    added, kind = np.sum(alone), over_samples(Composer.of(d.derived, "both", "en"))
    made = {"mean": added / 3, "sum": added}.get(kind)
    assert kind == APART.get(name, "coupled")
    assert made is None or np.isclose(made, evaluate(program, whole)["J"])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_pages_speak_of_single_samples_where_there_are_gradients_of_them(name, lang):
    d = derivation(name)
    text = d.markdown(lang=lang)
    assert (r"\partial J_{s}" in text) == (name in APART) and (r"\partial J_{B}" in text) == (name not in APART)
    if name not in APART:
        with pytest.raises(DeriveError, match="coupled"):
            d.per_sample_gradients()


def test_a_batch_of_a_sum_counts_for_all():
    assert r"\theta - \eta \frac{n}{m} \sum_{s \in B}" in derivation("sum").markdown()
    assert r"\theta - \eta \frac{1}{m} \sum_{s \in B}" in derivation("mean").markdown()


def test_the_kinks_that_a_gradient_rests_on_are_told():
    two_layer = sbp.derive(sbp.load("examples/two_layer.toml"))
    assert "– relu(H0[n, h]): the derivative at 0 is 0" in two_layer.markdown()
    assert "– relu(H0[n, h])：在 0 处的导数取 0" in two_layer.markdown(lang="zh") and "At kinks" not in derivation("mean").markdown()
