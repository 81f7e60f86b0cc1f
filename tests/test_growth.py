"""What is done again and again grows no faster than it must: counted, not timed. And what is remembered has a bound."""

import functools
import importlib
import itertools
import pkgutil

import pytest

import symbackprop as sbp
from symbackprop.calculus import canonical, index, signs, term
from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.term import Entry, Total
from symbackprop.errors import NotationError, SymbackpropError
from symbackprop.matrix import form as matrix_form
from symbackprop.matrix import text as matrix_text
from symbackprop.matrix.nodes import Leaf, Plus, Row, Sum, Value
from symbackprop.memo import KEPT
from symbackprop.pages import parts
from symbackprop.rewriting import shadow

N = axis("n")
EXTRAS = {"sklearn", "scipy"}
"""What doors are made with that are imported where it is there alone."""
FINITE = {"_slope", "spellings", "language_names", "constants", "spelling", "_law", "_jumps", "_derivative"}
"""Functions of ops, languages and targets, of which there is a finite number."""


def counted(monkeypatch, owner, name: str) -> list:
    """The calls of a function from now on."""
    calls, whole = [], getattr(owner, name)

    @functools.wraps(whole)
    def counting(*arguments):
        calls.append(arguments)
        return whole(*arguments)

    monkeypatch.setattr(owner, name, counting)
    return calls


def fraction(k: int):
    """A continued fraction of k levels."""
    e = Entry("x0", Index("i", N))
    for level in range(1, k):
        e = Entry(f"x{level}", Index("i", N)) / (1 + e)
    return e


SQUARES = signs.Signs(squares={f"x{level}" for level in range(16)})


def chain(k: int):
    """x A A ... A, k sums one inside another."""
    e = Entry("x", Index("i0", N))
    for level in range(k):
        e = Total(Entry("A", Index(f"i{level + 1}", N), Index(f"i{level}", N)) * e, Index(f"i{level}", N))
    return e


def test_a_sign_is_asked_of_each_part_once(monkeypatch):
    calls = counted(monkeypatch, signs._Forms, "_is_above_0")
    asked = []
    for k in (8, 16):
        calls.clear()
        signs.is_above_0(1 + fraction(k), SQUARES)
        asked.append(len(calls))
    assert asked[1] <= 2.5 * asked[0]


def test_control_signs_that_nobody_remembers_are_asked_without_end(monkeypatch):
    monkeypatch.setattr(signs._Forms, "is_above_0", lambda self, e: self._is_above_0(e))
    monkeypatch.setattr(signs._Forms, "is_squares", lambda self, e: self._is_squares(e))
    calls = counted(monkeypatch, signs._Forms, "_is_above_0")
    asked = []
    for k in (4, 8):
        calls.clear()
        signs.is_above_0(1 + fraction(k), SQUARES)
        asked.append(len(calls))
    assert asked[1] > 8 * asked[0]


def test_sums_inside_sums_are_renamed_in_one_walk(monkeypatch):
    calls = counted(monkeypatch, term, "_apart")
    walked = []
    for k in (8, 16):
        calls.clear()
        term.rename_bound(chain(k))
        walked.append(len(calls))
    assert walked[1] <= 2.2 * walked[0]


def test_renaming_keeps_what_is_summed():
    e = chain(5)
    assert term.rename_bound(e) != e
    assert canonical.relabelled(term.rename_bound(e)) == canonical.relabelled(e)


def test_the_indices_of_a_chain_are_ordered_by_few_keys():
    asked = []
    for k in (8, 16):
        factors = [Entry("A", Index(f"a{i}", N), Index(f"a{i + 1}", N)) for i in range(k)]
        canonical._key.cache_clear()
        canonical.labelled(factors, [Index(f"a{i}", N) for i in range(1, k)])
        asked.append(canonical._key.cache_info().misses)
    assert asked[1] <= 4.5 * asked[0]


def rows_summed(k: int) -> Value:
    """sum_s (A1_s + (A2_s + ...)), each bracket of its own."""
    s = Index("s", N)
    value: Value = Row(Leaf((N, N), "A0"), s)
    for i in range(1, k):
        value = Plus(((1, Row(Leaf((N, N), f"A{i}"), s)), (-1, value)))
    return Sum(s, value)


def test_the_text_under_a_sum_is_written_once(monkeypatch):
    written = []
    for k in (8, 16):
        matrix_text._part.cache_clear()
        first = matrix_text.Texter().text(rows_summed(k))
        written.append(matrix_text._part.cache_info().misses)
        assert matrix_text.Texter().text(rows_summed(k)) == first
        assert matrix_text._part.cache_info().misses == written[-1]
    assert written[1] <= 2.2 * written[0]


def test_a_row_has_the_name_that_its_sum_gives_it():
    s, t = Index("s", N), Index("t", N)
    one, other = (Sum(i, Row(Leaf((N, N), name), i)) for i, name in ((s, "A"), (t, "B")))
    assert matrix_text.Texter().text(Plus(((1, one), (1, other)))) == "sum(a for a in A) + sum(b for b in B)"


def test_rows_of_one_tensor_at_two_indices_have_two_names():
    s, t = Index("s", N), Index("t", N)
    both = Plus(((1, Row(Leaf((N, N), "A"), s)), (1, Row(Leaf((N, N), "A"), t))))
    assert matrix_text.Texter().text(Sum(s, Sum(t, both))) == "sum(sum(a + A[s] for s in range(n)) for a in A)"


def test_a_node_of_which_nothing_changed_stays_itself():
    value = rows_summed(3)
    assert value.mapped(lambda v: v) is value


def test_what_nobody_could_read_is_not_put_together(monkeypatch):
    text, shapes = "sum((x[:, None, None] * A[:, :, None] * B[None, :, :])**2)", {"x": "n", "A": "n m", "B": "m p"}
    calls = counted(monkeypatch, parts, "inlined")
    short = sbp.derivative(text, shapes, "x").latex("best")
    assert short
    before = len(calls)
    monkeypatch.setattr(parts, "LONGEST", 0)
    sbp.derivative(text, shapes, "x").latex("best")
    assert len(calls) == before


def test_what_nobody_could_read_is_not_looked_at_twice(monkeypatch):
    monkeypatch.setattr(matrix_form, "LONGEST", 0)
    text, shapes = "sum(kron(outer(x, x), outer(y, y)) * kron(outer(y, x), outer(x, y)))", {"x": "n", "y": "n"}
    assert sbp.derivative(text, shapes, "x").latex("best")


def product_of_brackets(k: int) -> tuple[str, dict[str, str]]:
    """A sum over three axes of a product of k brackets, none of which is a matrix."""
    brackets = [f"(A[:, :, None] + a{i} * B[None, :, :])" for i in range(k)]
    return f"sum({' * '.join(brackets)} * C[:, None, :])", {"A": "n m", "B": "m p", "C": "n p", **{f"a{i}": "" for i in range(k)}}


def test_what_has_too_many_terms_when_multiplied_out_is_refused_before_laws_are_tried(monkeypatch):
    text, shapes = product_of_brackets(12)
    result = sbp.derivative(text, shapes, "C")
    calls = counted(monkeypatch, matrix_form, "shortened")
    with pytest.raises(NotationError, match="more terms than anybody reads"):
        result.latex("matrix")
    assert not any(isinstance(x, Plus) and len(x.terms) > 8 for x, _ in calls)
    assert result.latex("best") == result.latex("index")


def test_control_a_few_terms_are_multiplied_out():
    text, shapes = product_of_brackets(2)
    assert "A" in sbp.derivative(text, shapes, "C").latex("matrix")


def remembering() -> dict[str, functools._lru_cache_wrapper]:
    """All functions of the house that remember."""
    found = {}
    for module in pkgutil.walk_packages(sbp.__path__, "symbackprop."):
        if not module.name.endswith("__main__"):
            try:
                held = vars(importlib.import_module(module.name))
            except (ModuleNotFoundError, SymbackpropError) as e:
                lacking = e if isinstance(e, ModuleNotFoundError) else e.__cause__
                assert (lacking.name or "").split(".")[0] in EXTRAS, e
                continue
            found |= {f"{f.__module__}.{f.__name__}": f for f in held.values() if isinstance(f, functools._lru_cache_wrapper)}
    return found


def test_what_is_remembered_has_a_bound():
    unbounded = {name.rpartition(".")[2] for name, f in remembering().items() if f.cache_info().maxsize is None}
    assert unbounded <= FINITE
    own = [f for name, f in remembering().items() if ".verification." not in name and f.cache_info().maxsize is not None]
    assert len(own) > 10
    assert {f.cache_info().maxsize for f in own} == {KEPT}


def test_an_index_that_is_new_is_not_remembered():
    before = index._index.cache_info().currsize
    made = [index.fresh(N) for _ in range(7)]
    assert len(set(made)) == 7
    assert index._index.cache_info().currsize == before
    assert Index(made[0].name, N) == made[0]


@pytest.mark.parametrize("before", [9, 99, 999, 9999])
def test_what_was_derived_before_changes_nothing(monkeypatch, before):
    canonical.relabelled.cache_clear()
    text, shapes = "-y @ inv(K + v * eye(n)) @ y - logdet(K + v * eye(n))", {"y": "n", "K": "n n", "v": ""}
    found = set()
    for start in (0, before - 4, before):
        monkeypatch.setattr(index, "_serial", itertools.count(start))
        found.add(sbp.derivative(text, shapes, "v").latex("best"))
    assert len(found) == 1
    made = [index.fresh(N) for _ in range(3)]
    assert sorted(made, key=lambda i: i.name) == made


def masks_looked_at(monkeypatch, derive):
    """How many equations are read for the masks that the tensors of a module have."""
    looked = []
    of = shadow._mask
    monkeypatch.setattr(shadow, "_mask", lambda e, known: looked.append(e) or of(e, known))
    derive()
    return len(looked)


def test_masks_that_nothing_beside_them_needs_are_not_looked_at(monkeypatch):
    layers = [layer for k in range(6) for layer in (sbp.Linear(f"h{k}", f"h{k + 1}"), sbp.ReLU())]
    net = sbp.Sequential(*layers, sbp.Linear("h6", "c"), sbp.SoftmaxCrossEntropy())
    few = masks_looked_at(monkeypatch, lambda: sbp.generate(sbp.derive(net)))
    assert few < 3 * len(sbp.derive(net).program.equations)


def test_control_masks_beside_what_may_have_no_value_are_looked_at(monkeypatch):
    text = "sum(where(triu(ones((n, n)), 1) > 0, log(x)[:, None], 0))"
    assert masks_looked_at(monkeypatch, lambda: sbp.derivative(text, {"x": "n"}, "x").numpy) > 0
