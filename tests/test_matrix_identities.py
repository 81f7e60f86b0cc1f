"""Published identities in both forms: read back from the LaTeX alone, and as short as the closed forms."""

import statistics
import time

import numpy as np
import pytest
from matrix_language import derived, run, token_count
from notation_forms import read_back

from symbackprop.matrix.polish import polished
from symbackprop.matrix.text import Texter
from symbackprop.typesetting.latex import latex
from tests.identities import CASES, arrays_of, evaluated

NO_MATRIX_FORM = {
    "mc143-trace-toeplitz": "factor",
    "wiki-kron-det": "factor",
    "total-variation-smoothed": "condition",
    "cp-decomposition": "factor",
    "batched-matmul-left": "axes",
    "tensor-transpose": "axes",
    "nearest-neighbour-chain": "shifted",
    "general-cubic-form": "factor",
    "symmetric-tensor-hessian": "factor",
    "conv1d-input-slices": "shifted",
    "conv1d-multichannel-input": "factor",
    "bilinear-layer-weight": "axes",
    "multihead-attention-bias": "factor",
}
"""Tensors of three axes, slices, a determinant over a merged axis: these are written entry by entry, with the reason."""


def close(got, wanted):
    return np.shape(got) == wanted.shape and np.allclose(got, wanted, rtol=1e-6, atol=1e-8 * max(1e-3, np.max(np.abs(wanted), initial=0)))


GIVEN = list(CASES)[:268]
# All of the given ones, and each sixth of the further ones, are read each time; the rest in the slow tier.
NAMES = [n if k < len(GIVEN) or k % 6 == 0 else pytest.param(n, marks=pytest.mark.slow) for k, n in enumerate(CASES)]


@pytest.mark.parametrize("name", NAMES)
def test_a_published_derivative_reads_back_from_its_latex(name):
    case = CASES[name]
    result, arrays = derived(case), arrays_of(case, 0)
    wanted = evaluated(case["expected"], case, arrays)
    for form in ("index", "best"):
        assert close(read_back(result, form, arrays, case["dims"]), wanted), (form, result.latex_parts(form), result.latex(form))


def texts(result):
    """NumPy notation of the parts and the whole of a matrix form, or None for what has none."""
    parts = (*result.formula.parts, result.formula.whole)
    return {p.name: Texter().text(polished(p.value)) if p.value is not None else None for p in parts}


def size(made, name):
    """The tokens of a formula, the definitions of its parts counted in."""
    return sum(token_count(text if part == name else f"{part} = {text}") for part, text in made.items() if text)


def test_matrix_form_is_about_as_long_as_what_is_published_and_quickly_written():
    """All cases in one test, each with the facts that its kinds of input state, as the published form assumes them."""
    ratios, seconds = {}, []
    for name in GIVEN:
        case = CASES[name]
        start = time.process_time()
        result = derived(case, facts=True)
        assert result.latex() == result.latex("best")
        seconds.append(time.process_time() - start)
        made = texts(result)
        if made[result.name] is None:
            assert result.formula.whole.why == NO_MATRIX_FORM[name]
            assert any("no matrix form" in line for line in result.reading())
            assert any("没有矩阵形式" in line for line in result.reading(lang="zh"))
        else:
            ratios[name] = size(made, result.name) / token_count(case["expected"])
            numpy_notation_agrees(case, result, made)
    median, longest = statistics.median(ratios.values()), max(ratios, key=ratios.get)
    print(f"{len(ratios)} of {len(seconds)} in matrix form; tokens against the published form: median {median:.2f}")
    print(f"longest {ratios[longest]:.2f} ({longest}); over 1.5: {sum(r > 1.5 for r in ratios.values())}")
    print(f"derived and written in {statistics.median(seconds):.3f} s in the median, {max(seconds):.2f} s at most")
    assert set(ratios) == set(GIVEN) - set(NO_MATRIX_FORM)
    assert median <= 1.05 and ratios[longest] <= 2
    assert statistics.median(seconds) < 0.2


def numpy_notation_agrees(case, result, made):
    if any(text is None for text in made.values()):
        return  # a part is written entry by entry
    arrays = arrays_of(case, 2)
    wanted = evaluated(case["expected"], case, arrays)
    known = {**case["dims"], **arrays}
    for part, text in made.items():
        known[part] = run(text, known)
    got = known[result.name]
    assert close(np.broadcast_to(got.reshape(wanted.shape) if got.size == wanted.size else got, wanted.shape), wanted), (case["id"], made)


DAMAGE = {
    "a sign": (" - ", " + "),
    "a transpose": (r"^{\top}", ""),
    "a factor": (r"\frac{1}{n}", ""),
    "a number": ("2 ", "3 "),
    "an order": ("K_{m,n}", "K_{n,m}"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_to_a_formula_is_seen(kind, monkeypatch):
    old, new = DAMAGE[kind]
    seen = tried = 0
    for name in [*GIVEN[::6], "mc79-jac-XtBX"]:
        case = CASES[name]
        result = derived(case)
        right = result.latex()
        if old not in right or result.formula.whole.value is None:
            continue
        tried += 1
        arrays = arrays_of(case, 0)
        wrong = {right: right.replace(old, new, 1)}
        monkeypatch.setattr("notation_forms.latex", lambda node, wrong=wrong: wrong.get(latex(node), latex(node)))
        try:
            seen += not close(read_back(result, "best", arrays, case["dims"]), evaluated(case["expected"], case, arrays))
        except (AssertionError, ValueError):
            seen += 1
        monkeypatch.undo()
    assert tried and seen >= 0.85 * tried, (seen, tried)
