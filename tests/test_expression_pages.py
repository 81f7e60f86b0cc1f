"""Pages of one expression: parts in place, and what a user gives beside the expression."""

import pytest

from symbackprop.api import derivative
from symbackprop.errors import NotationError, ParseError, SpecError
from symbackprop.pages import expression_page, pairs, put_in_place, result_page

SHAPES = {"A": "m n", "x": "n", "b": "m"}


def page(text: str, form: str = "both", **facts: str) -> str:
    return expression_page(text, "A: m n; x: n; b: m", "; ".join(f"{k}: {v}" for k, v in facts.items()), ["x"], 1, form, "markdown")


def test_parts_stand_in_place() -> None:
    (only,) = put_in_place(derivative("norm(A @ x - b)**2", SHAPES, wrt="x"))
    assert only.uses() == {"A", "x", "b"}
    assert "t^{1}" not in page("norm(A @ x - b)**2")


def test_a_part_under_a_root_keeps_its_name_and_is_defined_first() -> None:
    *parts, last = put_in_place(derivative("norm(A @ x - b)", SHAPES, wrt="x"))
    assert parts and last.uses() - set(SHAPES) == {parts[-1].name}


def test_known_parts_are_neither_put_in_place_nor_defined() -> None:
    result = derivative("norm(A @ x - b)", SHAPES, wrt="x")
    known = {e.name for e in result.program.equations} - {result.name}
    (only,) = put_in_place(result, known)
    assert only == result.equation


def test_both_forms_one_form_and_a_form_that_cannot_be_had() -> None:
    assert "index form:" in page("sum(A @ x)") and "matrix form:" in page("sum(A @ x)")
    assert "matrix form:" not in page("sum(A @ x)", "index")
    result = derivative("outer(A @ x, x)", SHAPES, wrt="x")
    assert "matrix form:" not in result_page("t", result, "both")
    with pytest.raises(NotationError):
        result_page("t", result, "matrix")


def test_facts_that_were_used_are_said() -> None:
    given = ("x: c; y: c", "y: simplex over c")
    assert "Facts used: y: simplex over c" in expression_page("sum(y * log(softmax(x)))", *given, ["x"], 1, "index", "markdown")
    assert "Facts used" not in expression_page("sum(y * log(softmax(x)))", given[0], "", ["x"], 1, "index", "markdown")


def test_pairs_are_names_and_words() -> None:
    assert pairs(" A: m n; x :n;; s: ", "shapes") == {"A": "m n", "x": "n", "s": ""}
    with pytest.raises(ParseError, match="'A' stands there twice"):
        pairs("A: m; A: n", "shapes")


def test_a_page_of_another_format_is_an_error() -> None:
    with pytest.raises(SpecError, match="Markdown"):
        expression_page("sum(x)", "x: n", "", [], 1, "both", "html")
