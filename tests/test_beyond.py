"""Derivatives beyond the gradient on paper: every formula reads back to what the generated code computes; pages say it once."""

import re
from functools import cache

import numpy as np
import pytest
from notation_forms import read_written
from test_second import MODELS

import symbackprop as sbp
from symbackprop.calculus.index import axis
from symbackprop.errors import NotationError, SpecError
from symbackprop.pages.beyond import Told, gradient_shown
from symbackprop.pages.dialects.markdown import for_github
from symbackprop.pages.document import Composer
from symbackprop.typesetting import tree
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.lines import broken, terms, width
from symbackprop.typesetting.names import Names
from symbackprop.typesetting.wording import kink_in, words
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays

SIZES = {"n": 2, "d": 3, "h": 2, "c": 4, "k": 3}
KINDS = {
    "hessian": lambda d: d.hessian_blocks(),
    "hvp": lambda d: d.hessian_vector_product(),
    "ggn": lambda d: d.gauss_newton().blocks(),
    "ggn product": lambda d: d.gauss_newton().vector_product(),
    "fisher": lambda d: d.fisher().blocks(),
    "fisher product": lambda d: d.fisher().vector_product(),
    "per-sample": lambda d: d.per_sample_gradients(),
    "jacobian": lambda d: d.jacobians(),
    "jvp": lambda d: d.jvp(),
    "vjp": lambda d: d.vjp(),
}
BLOCKS = ("hessian", "ggn", "fisher", "jacobian")
SPECS = {**{name: MODELS[name] for name in ("three layers", "squares with a penalty", "weights used twice")}}
SPECS["two layer"] = lambda: sbp.load("examples/two_layer.toml")
EVERY = [(name, kind) for name in SPECS for kind in KINDS if name != "three layers" or kind not in BLOCKS]


@cache
def derivation(name):
    return sbp.derive(SPECS[name]())


@cache
def results(name, kind):
    return KINDS[kind](derivation(name))


def arrays_of(made):
    """The leaves, directions among them, that keep the facts, and what the model's author named, which a reader has anyway."""
    whole = made.derived.program
    sizes = {a: SIZES[str(a)] for a in whole.axes}
    arrays = random_arrays(whole, sizes)
    named = [e.name for e in whole.equations if e.text]
    found = evaluate(whole.needed(named), {n: a for n, a in arrays.items() if n in whole.needed(named).tensors}, sizes)
    return {**arrays, **{n: found[n] for n in named}}, {str(a): s for a, s in sizes.items()}


def expected(made, arrays):
    leaves = {t.name for t in made.derived.program.leaves}
    return made.evaluate(**{n: a for n, a in arrays.items() if n in leaves})


@pytest.mark.parametrize(("name", "kind"), EVERY)
@pytest.mark.parametrize("form", ["index", "best"])
def test_every_formula_reads_back_to_its_value(name, kind, form):
    made = results(name, kind)
    arrays, dims = arrays_of(made)
    wanted = expected(made, arrays)
    written = made.written(form)
    for label, tensor in made.names.items():
        got = read_written(written.written(tensor), arrays, dims)
        np.testing.assert_allclose(got, wanted[label], rtol=1e-9, atol=1e-11, err_msg=f"{label} {made.latex(form)[label]}")


def dropped_dot(text):
    return text.replace(r"\dot{W}", "W", 1)


def other_sign(text):
    return f"-({text})"


DAMAGED = [("hvp", dropped_dot), ("ggn product", dropped_dot), ("jvp", dropped_dot), ("vjp", other_sign), ("hessian", other_sign)]


@pytest.mark.parametrize("form", ["index", "best"])
@pytest.mark.parametrize(("kind", "damage"), DAMAGED)
def test_control_damage_is_seen(kind, damage, form):
    made = results("two layer", kind)
    arrays, dims = arrays_of(made)
    label, tensor = next(iter(made.names.items()))
    got = read_written(made.written(form).written(tensor), arrays, dims, damage)
    assert not np.allclose(got, expected(made, arrays)[label], rtol=1e-6)


# --- pages -----------------------------------------------------------------------------------------------------------------


def shown(text):
    """The displayed formulas of Markdown, lines of aligned equations joined."""
    found = re.findall(r"\$\$\n(.*?)\n\$\$", text, re.DOTALL)
    rows = [row for f in found for row in re.sub(r"\\(begin|end)\{aligned\}\n?", "", f).split(" \\\\\n")]
    return [re.sub(r"\s+", " ", row.replace("&", " ")).strip() for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_the_formulas_of_a_page_read_back_too(kind):
    """A page defines the gradient first, so its formulas speak of that."""
    made = results("two layer", kind)
    first = made.first
    before = {*first.program.authored, *(e.name for e in gradient_shown(first, made.sections))}
    told = Told.of_section(Composer.of(first, "both", "en"), made.section, before)
    arrays, dims = arrays_of(made)
    wanted = expected(made, arrays)
    leaves = {t.name: arrays[t.name] for t in first.program.leaves}
    known = evaluate(first.program, leaves, {axis(n): size for n, size in dims.items()})
    rows = set(shown(made.markdown()))
    for sheet in told.sheets.values():
        for label, tensor in made.names.items():
            written = sheet.written(tensor)
            got = read_written(written, {**arrays, **{n: known[n] for n in told.shown}}, dims)
            np.testing.assert_allclose(got, wanted[label], rtol=1e-9, atol=1e-11, err_msg=label)
            node = written.equation(written.whole)
            for line in broken(node) if made.section.variables else (node,):
                assert re.sub(r"\s+", " ", for_github(latex(line))).strip() in rows


def test_the_hessian_page_says_what_is_shared_once_and_the_mirror():
    text = derivation("two layer").hessian_blocks().markdown()
    assert text.count(r"\hat{Y} & = \mathrm{softmax}(O)") == 1
    rows = shown(text.partition("## Step by step")[0])
    assert [sum(row.startswith(f"{part} =") for row in rows) for part in ("R_{skj}", "S_{sjq}")] == [1, 1]
    assert "P = h d + h + c h + c" in rows and r"$(h d) \times (c h)$" in text and text.count(r"\ast &") == 6
    assert text.count("rest on the fact that $Y$ sums to 1 over $c$") == 1 and "almost everywhere" in text
    english, chinese = (shown(derivation("two layer").hessian_blocks().markdown(lang=lang)) for lang in ("en", "zh"))
    assert english == chinese


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_in_latex_closes_what_it_opens_and_fits_the_page(lang):
    text = derivation("two layer").hessian_blocks().tex(lang=lang)
    opened = []
    for kind, environment in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if kind == "begin":
            opened.append(environment)
        else:
            assert opened.pop() == environment
    assert not opened and text.count("{") == text.count("}") and text.count(r"\[") == text.count(r"\]") + text.count(r"\\[")
    wide = [f for f in re.findall(r"\\\[\n(.*?)\n\\\]", text, re.DOTALL) if "bmatrix" in f]
    assert len(wide) == 1 and r"\fit" not in text


def test_kinks_are_told_in_the_language_of_the_page():
    made = derivation("two layer").hessian_blocks()
    told = {kink_in(kink, "zh") for kink in made.section.kinks}
    assert made.kinks and not told & set(made.kinks) and all(kink in made.markdown(lang="zh") for kink in told)


def test_a_block_that_is_zero_is_said_to_be():
    model = sbp.model({"a": {"axes": "n", "role": "parameter"}, "B": {"axes": "n m", "role": "parameter"}}, {"J": "sum(a**3) + sum(B**2)"})
    text = sbp.derive(model).hessian_blocks().markdown()
    assert r"Block $a$ by $B$, $n \times (n m)$, is 0." in text
    assert r"\frac{\partial^{2} J}{\partial a \partial a} & 0 \\ \ast &" in text


def test_many_variables_are_listed_and_the_matrix_has_dots():
    tensors = {f"w{k}": {"axes": "n", "role": "parameter"} for k in range(1, 8)}
    model = sbp.model(tensors, {"J": "sum(" + " * ".join(tensors) + ")"})
    text = sbp.derive(model).hessian_blocks().markdown()
    assert r"\ddots" in text and r"\vdots" in text and text.count("Block $w^") == 28 and "| block | shape |" in text


def test_steps_tell_the_names_of_parts_in_both_languages():
    for lang in ("en", "zh"):
        text = derivation("two layer").hessian_blocks().markdown(lang=lang)
        steps = text.split(words(lang)["steps"])[-2:]
        assert words(lang)["named part"] in "".join(steps) and "R_{skj}" in "".join(steps)


def test_dots_and_bars_are_explained_where_they_stand():
    read = {kind: results("two layer", kind).markdown() for kind in ("hvp", "vjp", "hessian")}
    assert "A dot marks" in read["hvp"] and "A bar marks" not in read["hvp"]
    assert "A bar marks" in read["vjp"] and "A dot marks" not in read["vjp"]
    assert "A dot marks" not in read["hessian"]
    assert any("A dot marks" in line for line in results("two layer", "hvp")["W1"].reading())


def test_no_two_tensors_print_alike_whatever_they_are_called():
    tensors = {"x": {"axes": "n", "role": "parameter"}, "xdot": {"axes": "n", "role": "input"}}
    made = sbp.derive(sbp.model(tensors, {"J": "sum(exp(x * xdot))"})).hessian_vector_product()
    program = made.derived.program
    spelled = [latex(node) for node in Names(program).spelled.values()]
    assert len(spelled) == len(set(spelled))
    assert latex(Names(program)("r_dx")) == r"\left( \frac{\partial J}{\partial x} \right)^{\cdot}"


def test_forms_that_are_not_there_are_refused():
    made = results("two layer", "per-sample")
    with pytest.raises(NotationError, match="crosswise"):
        made.latex("matrix")
    with pytest.raises(SpecError, match="'vector' is not a form"):
        made.latex("vector")
    with pytest.raises(NotationError, match="'vector' is not a form"):
        made.markdown("vector")
    with pytest.raises(SpecError, match="'hvq' is nothing that a page can have") as error:
        derivation("two layer").document(also=["hvq"])
    assert "hvp" in str(error.value)


# --- long equations ----------------------------------------------------------------------------------------------------------


def test_the_terms_of_a_long_equation_are_all_of_it():
    made = results("two layer", "hessian")
    arrays, dims = arrays_of(made)
    sheet, split = made.written("best"), 0
    for tensor in made.names.values():
        written = sheet.written(tensor)
        node = written.right_side(written.whole)
        parts = terms(node)
        if len(parts) > 1:

            def instead(*kept, node=node):
                return lambda text: latex(tree.add(*kept)) if text == latex(node) else text

            whole = read_written(written, arrays, dims)
            np.testing.assert_allclose(read_written(written, arrays, dims, instead(*parts)), whole, rtol=1e-12)
            split += not np.allclose(read_written(written, arrays, dims, instead(*parts[1:])), whole)
    assert split >= 2


def test_only_long_equations_are_broken():
    short = tree.relation(tree.Letter("y"), ("=", tree.Letter("x")))
    long = tree.relation(tree.Letter("y"), ("=", tree.add(*[(1, tree.Letter("word" * 10)) for _ in range(3)])))
    assert broken(short) == (short,) and len(broken(long)) == 4 and width(long) > 100
