"""Every equation that a page displays is true: each is read back from its LaTeX, the lines of the chain rule among them."""

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest
from page_reader import readers, undefined
from test_second import MODELS as SECOND

import symbackprop as sbp


def stated(tensors, equations, **options):
    """A model of a table of shapes and roles: small letters for roles."""
    roles = {"i": "input", "l": "label", "p": "parameter", "c": "constant"}
    return sbp.model({n: {"axes": a, "role": roles[r]} for n, (r, a) in tensors.items()}, equations, **options)


MODELS = {
    "a penalty": lambda: stated(
        {"X": ("i", "n d"), "Y": ("l", "n c"), "W": ("p", "c d"), "lam": ("c", "")},
        {"O": "X @ W.T", "J": "-sum(Y * log_softmax(O, axis=1)) / n + lam * sum(W**2) / 2"},
        output="O",
    ),
    "skip connections": lambda: stated(
        {"X": ("i", "n d"), "Y": ("l", "n d"), "W1": ("p", "d d"), "W2": ("p", "d d")},
        {"H": "tanh(X @ W1) + X", "O": "tanh(H @ W2) + H * W1[0]", "J": "sum((O - Y)**2) / n + sum(H**2)"},
        output="O",
    ),
    "batch norm": lambda: stated(
        {"X": ("i", "n d"), "Y": ("l", "n h"), "W": ("p", "h d"), "g": ("p", "h")},
        {
            "Z": "X @ W.T",
            "mu": "mean(Z, axis=0)",
            "V": "mean((Z - mu)**2, axis=0)",
            "O": "g * (Z - mu) / sqrt(V + 0.1)",
            "J": "sum((O - Y)**2) / n",
        },
        output="O",
    ),
    "one loss in two": lambda: stated(
        {"X": ("i", "n d"), "Y": ("l", "n d"), "W": ("p", "d d"), "g": ("p", "d")},
        {"O": "X @ W", "J": "sum((g * O - Y)**2) / n"},
        output="O",
    ),
    "norms": lambda: stated(
        {"X": ("i", "n d"), "w": ("p", "d"), "b": ("p", "")},
        {"z": "X @ w - b", "r": "norm(z)", "s": "norm(w)", "J": "r / s + where(b > 0, 1 / b, b) + s"},
        output="z",
    ),
    "scales of one sample": lambda: stated(
        {"x": ("i", "d"), "W": ("p", "m d"), "delta": ("p", "m"), "sigma": ("p", "")},
        {"z": "W @ x", "h": "sigmoid(z) * delta + z", "J": "sum(cumsum(h)**2) * sigma + sum(delta * z) / sigma"},
        output="z",
    ),
    "a kernel": lambda: stated(
        {"X": ("i", "n d"), "y": ("l", "n"), "s": ("p", ""), "A": ("p", "n n")},
        {"K": "X @ X.T * exp(s) + eye(n)", "J": "y @ inv(K) @ y + logdet(K) + trace(inv(A)) * s"},
        output="K",
    ),
    "statistics spelled out": lambda: stated(
        {"X": ("i", "n d"), "V": ("p", "d c"), "Y": ("l", "n c"), "w": ("p", "c")},
        {
            "S": "X @ V",
            "e": "exp(S - max(S, axis=1, keepdims=True))",
            "p": "e / sum(e, axis=1, keepdims=True)",
            "q": "1 / (1 + exp(-(S @ w)))",
            "J": "-sum(Y * log(p)) / n + sum(q**2)",
        },
        output="S",
    ),
    "two layers": lambda: sbp.load("examples/two_layer.toml"),
    "weights used twice": SECOND["weights used twice"],
}
KINDS = ("hvp", "ggn", "per-sample", "jacobian", "jvp", "vjp", "fisher", "hessian")
COUPLED = {"batch norm", "norms", "scales of one sample", "a kernel"}
FISHER = {"two layers", "weights used twice", "one loss in two"}
QUICK = [(m, "") for m in MODELS] + [("a penalty", k) for k in KINDS[:6]] + [("weights used twice", "hvp"), ("two layers", "per-sample")]
HESSIANS = ("a penalty", "one loss in two", "a kernel", "two layers")
ONLY = {"per-sample": set(MODELS) - COUPLED, "fisher": FISHER, "hessian": set(HESSIANS)}
SLOW = [(m, k) for m in MODELS for k in KINDS if m in ONLY.get(k, MODELS) and (m, k) not in QUICK]


@cache
def derivation(name):
    return sbp.derive(MODELS[name]())


def read(name, kind, form="both", **options):
    return readers(derivation(name), (kind,) if kind else (), form, **options)


def check(name, kind, form="both"):
    made = read(name, kind, form)
    assert sum(len(r.read) for r in made) > 5
    assert not [u for r in made for u in r.unknown if not re.match(r"(P|\\mathbf\{[PG]\}) =", u)]
    assert not undefined(made)


@pytest.mark.parametrize(("name", "kind"), QUICK)
def test_every_equation_of_a_page_is_true(name, kind):
    check(name, kind)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), SLOW)
def test_every_equation_of_a_page_beyond_the_gradient_is_true(name, kind):
    check(name, kind)


@cache
def example(name):
    spec = importlib.util.spec_from_file_location(name, Path("examples", "models", f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return sbp.derive(module.model)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["matrix_factorisation", "poisson_regression", "gaussian_process", "graph_convolution", "variational_autoencoder"]
)
@pytest.mark.parametrize("form", ["both", "index"])
def test_every_equation_of_the_page_of_an_example_is_true(name, form):
    made = readers(example(name), (), form)
    assert sum(len(r.read) for r in made) > 20 and not undefined(made)


@pytest.mark.parametrize(("name", "kind"), [("norms", ""), ("scales of one sample", ""), ("a penalty", "per-sample")])
def test_every_equation_of_a_page_in_index_form_is_true(name, kind):
    check(name, kind, "index")


HELD = r"\\left\( (\\frac\{\\partial[^()]*?) \\right\)_\{[^{}]*(?:\{[^{}]*\})*[^{}]*\}"


def dropped(left, text):
    """The chain rule without what comes directly."""
    return re.sub(rf" \+ {HELD}| \+ (\\sum_[^ ]* )*\\frac[^ ]* {HELD}", "", text, count=1)


def bare(left, text):
    """The sign of the derivative that counts every way, for that of the equation alone."""
    return re.sub(HELD, r"\1", text)


DAMAGED = [("a penalty", "", dropped), ("skip connections", "", dropped), ("a penalty", "", bare), ("a penalty", "hvp", bare)]


@pytest.mark.parametrize(("name", "kind", "damage"), DAMAGED)
def test_control_a_chain_rule_without_its_direct_part_is_caught(name, kind, damage):
    with pytest.raises(AssertionError, match="Not equal"):
        read(name, kind, damage=damage)


def test_the_links_of_one_entry_multiply_to_it():
    (made, *_) = read("two layers", "")
    assert made.entries == [pytest.approx(made.known["dW1"].item(0))]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_derivatives_of_one_equation_are_explained_where_they_stand(lang):
    sign = r"\left( \frac{\partial J}{\partial W} \right)_{t^{(1)}}"
    told = [line for line in derivation("a penalty").markdown(lang=lang).split("\n") if sign in line and "|" not in line]
    assert len(told) == 1 and told[0].count("$J$") == 2
    assert r"\right)_{" not in derivation("two layers").markdown(lang=lang)


def test_steps_of_products_explain_them_where_the_gradient_has_none():
    text = derivation("two layers").document(also=["hvp"])
    assert sum("with brackets" in str(b) or "such brackets" in str(b) for b in text.blocks) == 1


def test_an_inverse_is_not_defined_by_itself():
    text = derivation("a kernel").markdown()
    assert "K^{-1} & =" not in text and "| $K^{-1}$ | $n \\times n$ | computed |" in text


@pytest.mark.parametrize("form", ["matrix", "index"])
def test_a_statistic_that_was_recognised_stands_beside_its_authors_words(form):
    text = derivation("statistics spelled out").markdown(form)
    words = {"matrix": r"\mathrm{diag}(e \mathbf{1}_{c})^{-1} e = \mathrm{softmax}(S)", "index": r"= \mathrm{softmax}_{k}(S_{sk})"}
    assert words[form] in text and text.count(r"\mathrm{softmax}") < 8


def test_sizes_that_a_page_needs_are_said():
    model = stated({"x": ("p", "n"), "y": ("c", "d")}, {"J": "sum(x[:4]**2) * sum(y)"})
    text = sbp.derive(model).markdown()
    assert "holds for any $n$, $d$ with $n \\ge 4$." in text and "$n \\ge 4$" in sbp.derive(model).markdown(lang="zh")
